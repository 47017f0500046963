//! `/hub`: the WebSub hub of our feeds. Answers in plain text, as subscribers expect (WebSub, section 5.1).

use axum::{
    Router,
    body::Bytes,
    extract::{State as With, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};

use super::State;
use crate::push::{
    Error,
    hub::{Ask, Refusal},
};

/// Where the hub stands below our own address.
pub const PATH: &str = "/hub";

const WHAT: &str = "This is the WebSub hub of the feeds here. Subscribe with a POST of a form: hub.mode=subscribe, \
    hub.topic (the address that a feed gives for itself), hub.callback (yours). \
    See https://www.w3.org/TR/websub/#subscriber-sends-subscription-request\n";

pub(super) fn routes() -> Router<State> {
    Router::new().route(PATH, post(asked).fallback(what))
}

async fn asked(
    With(state): With<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(cause) => return line(cause.status(), &cause.body_text()),
    };
    if !is_form(&headers) {
        let wanted = "the request is a form: `Content-Type: application/x-www-form-urlencoded`";
        return line(StatusCode::UNSUPPORTED_MEDIA_TYPE, wanted);
    }
    let done = match Ask::parse(&body) {
        Ok(ask) => state.push.ask_hub(ask).await,
        Err(refusal) => Err(refusal.into()),
    };
    match done {
        Ok(()) => line(StatusCode::ACCEPTED, "You will be asked at hub.callback whether you meant this."),
        Err(Error::Hub(refusal)) => {
            let mut response = line(status(&refusal), &refusal.to_string());
            if refusal == Refusal::Busy {
                response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
            }
            response
        }
        Err(cause) => {
            tracing::error!(%cause, "a request to the hub failed: {cause}");
            line(StatusCode::INTERNAL_SERVER_ERROR, "the hub could not do this; its log says why")
        }
    }
}

/// Whoever looks at the address with a browser.
async fn what() -> Response {
    let mut response = line(StatusCode::METHOD_NOT_ALLOWED, WHAT.trim_end());
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    response
}

fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Parameter(..) => StatusCode::BAD_REQUEST,
        Refusal::Full(_) | Refusal::Closed => StatusCode::FORBIDDEN,
        Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A form says so; who says nothing is believed.
fn is_form(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What WebSub answers, to subscribers and to hubs: plain text that no browser takes for anything else, for a challenge
/// is somebody else's text.
pub(super) fn said(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, text).into_response()
}

fn line(status: StatusCode, text: &str) -> Response {
    said(status, format!("{text}\n"))
}
