//! Problem details (RFC 9457): how every error of ours looks on the wire.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// A refusal or failure, told to the client. What only operators may know goes to the log instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status code.
    pub status: StatusCode,
    /// What is wrong, in a sentence that says what to do.
    pub detail: String,
    /// The member of the request body, or the query parameter, that is wrong.
    pub field: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of the whole request.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, hint: None }
    }

    /// 400 for one member or parameter.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, detail) }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// 500 for a failure of ours: logged here, not told.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(%cause, "a request failed: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server could not do this; its log says why")
    }
}

impl From<crate::store::Error> for Problem {
    fn from(cause: crate::store::Error) -> Self {
        Self::internal(&cause)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        for (name, value) in [("field", self.field), ("hint", self.hint)] {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        (self.status, headers, body.to_string()).into_response()
    }
}
