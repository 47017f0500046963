//! Problem details (RFC 9457): how every error of ours looks on the wire.

use axum::{
    http::{HeaderValue, StatusCode, header},
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
    /// Which proof is wanted (`WWW-Authenticate`, RFC 9110, section 11.6.1).
    pub challenge: Option<String>,
}

impl Problem {
    /// A problem of the whole request.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, hint: None, challenge: None }
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

    /// The same problem with the proof that is wanted.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
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
        let mut response = (self.status, headers, body.to_string()).into_response();
        // What RFC 9110 asks of these two: which proof is wanted (section 15.5.2), and when to come again (10.2.3).
        let more = match self.status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "5")),
            _ => None,
        };
        let more = more.map(|(name, value)| (name, HeaderValue::from_static(value)));
        response.headers_mut().extend(more);
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_names_the_field_and_gives_advice() {
        let response = Problem::field("url", "`ftp:` is not possible").hint("use `https:`").into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let expected = serde_json::json!({
            "type": "about:blank", "title": "Bad Request", "status": 400,
            "detail": "`ftp:` is not possible", "field": "url", "hint": "use `https:`",
        });
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
    }

    #[test]
    fn refusals_say_what_would_help() {
        let header = |status, name| Problem::new(status, "x").into_response().headers().get(name).cloned();
        assert_eq!(header(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE).unwrap(), "Bearer");
        assert_eq!(header(StatusCode::SERVICE_UNAVAILABLE, header::RETRY_AFTER).unwrap(), "5");
        assert_eq!(header(StatusCode::NOT_FOUND, header::RETRY_AFTER), None);
    }

    #[test]
    fn what_only_operators_may_know_is_not_told() {
        let problem = Problem::internal(&std::io::Error::other("/secret/path"));
        assert_eq!(problem.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!format!("{problem:?}").contains("secret"));
    }
}
