//! `/websub/{source}/{token}`: the callbacks at which the hubs of sources reach us (WebSub, sections 5.3, 7 and 8).
//!
//! `/websub/{token}` is the canary's: there a hub that our own feeds name tells us of them.
//!
//! The token is the only key to an address, so no log shows it. The body of a push about a source is only measured and
//! checked against its signature as it comes in, and never held: what is new is fetched from the source itself.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State as With},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::BytesMut;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use url::form_urlencoded;

use super::{State, error::Problem, hub::said};
use crate::{
    fetch::websub::{Callback, Check, Question},
    model::SourceId,
    publish::canary::LARGEST_PUSH,
    store,
};

/// What the addresses of callbacks begin with.
pub(super) const PREFIX: &str = "/websub/";

/// How long a push may take to come in.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/websub/{source}/{token}", get(asked).post(told))
        .route("/websub/{token}", get(canary_asked).post(canary_told))
}

/// Verification of intent, and denials: the challenge comes back only where it is about what we asked for.
async fn asked(
    With(state): With<State>,
    Path((source, token)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Ok(source) = source.parse::<SourceId>() else { return unknown() };
    let question = question(query.as_deref().unwrap_or_default());
    confirmed(state.ingest.hub_asks(&source, &token, question).await)
}

/// The same of the canary.
async fn canary_asked(
    With(state): With<State>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let question = question(query.as_deref().unwrap_or_default());
    confirmed(state.canary.hub_asks(&token, question).await)
}

fn confirmed(answer: store::Result<Option<String>>) -> Response {
    match answer {
        Ok(Some(challenge)) => said(StatusCode::OK, challenge),
        Ok(None) => unknown(),
        Err(cause) => failed(&cause),
    }
}

/// A push. Genuine or not, the answer is the same: whoever guesses learns nothing (section 8).
async fn told(
    With(state): With<State>,
    Path((source, token)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(source) = source.parse::<SourceId>() else { return unknown() };
    let callback = state.ingest.callback(&source, &token, signature(&headers)).await;
    let check = match taken(callback, body, state.ingest.largest_push(), None).await {
        Ok(check) => check,
        Err(refused) => return *refused,
    };
    accepted(state.ingest.pushed(&source, check).await)
}

/// The same of the canary, which reads what is pushed.
async fn canary_told(
    With(state): With<State>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let callback = state.canary.callback(&token, signature(&headers)).await;
    let mut whole = BytesMut::new();
    let check = match taken(callback, body, LARGEST_PUSH, Some(&mut whole)).await {
        Ok(check) => check,
        Err(refused) => return *refused,
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    accepted(state.canary.pushed(check, content_type.map(str::to_owned), whole.freeze()).await)
}

fn signature(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-hub-signature").and_then(|value| value.to_str().ok())
}

fn accepted(pushed: store::Result<()>) -> Response {
    match pushed {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(cause) => failed(&cause),
    }
}

/// Takes in a push of at most `max` bytes to `callback`; one whose signature can be checked is kept in `whole`. Nothing is
/// read for strangers. What was left is read: a hub that is cut off does not hear the answer.
async fn taken(
    callback: store::Result<Callback>,
    body: Body,
    max: usize,
    whole: Option<&mut BytesMut>,
) -> Result<Option<Box<Check>>, Box<Response>> {
    let (check, is_left) = match callback {
        Ok(Callback::Known(check)) => (check, false),
        Ok(Callback::Left) => (None, true),
        Ok(Callback::Unknown) => return Err(Box::new(unknown())),
        Err(cause) => return Err(Box::new(failed(&cause))),
    };
    let refused = |status, text: &str| Err(Box::new(said(status, text.to_owned())));
    match tokio::time::timeout(TIMEOUT, read(body, check, max, whole)).await {
        Ok(Ok(_)) if is_left => refused(StatusCode::GONE, "this is not followed any more\n"),
        Ok(Ok(check)) => Ok(check),
        Ok(Err(status)) => refused(status, "the push did not come in whole\n"),
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT, "the push took too long\n"),
    }
}

/// Reads a body of at most `max` bytes to its end.
async fn read(
    body: Body,
    mut check: Option<Box<Check>>,
    max: usize,
    mut whole: Option<&mut BytesMut>,
) -> Result<Option<Box<Check>>, StatusCode> {
    let mut body = Limited::new(body, max);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| {
            let is_long = cause.is::<LengthLimitError>();
            if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
        })?;
        let (Some(part), Some(check)) = (frame.data_ref(), &mut check) else { continue };
        check.update(part);
        if let Some(whole) = &mut whole {
            whole.extend_from_slice(part);
        }
    }
    Ok(check)
}

/// The parameters of a question; those that nobody knows are passed over.
fn question(query: &str) -> Question {
    let find = |name: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    Question {
        mode: find("hub.mode").unwrap_or_default(),
        topic: find("hub.topic").unwrap_or_default(),
        challenge: find("hub.challenge").unwrap_or_default(),
        lease: find("hub.lease_seconds").and_then(|seconds| seconds.parse().ok()),
        reason: find("hub.reason").unwrap_or_default(),
    }
}

fn unknown() -> Response {
    said(StatusCode::NOT_FOUND, "nothing was asked for at this address\n".to_owned())
}

fn failed(cause: &store::Error) -> Response {
    Problem::internal(cause).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_whatever_else_stands_in_them() {
        let query = "a=b&hub.mode=subscribe&hub.topic=https%3A%2F%2Fa.vn%2F%3Fx%3D1&hub.challenge=x+y%26z\
                     &hub.lease_seconds=60&hub.verify_token=&hub.mode=denied";
        let expected = Question {
            mode: "subscribe".to_owned(),
            topic: "https://a.vn/?x=1".to_owned(),
            challenge: "x y&z".to_owned(),
            lease: Some(60),
            reason: String::new(),
        };
        assert_eq!(question(query), expected);
        assert_eq!(question("hub.lease_seconds=-1&%FF&&="), Question::default());
    }

    #[tokio::test]
    async fn a_body_is_read_within_its_limit() {
        let status = async |max: usize| read(Body::from("12345"), None, max, None).await.map(|_| ()).err();
        assert_eq!(status(5).await, None);
        assert_eq!(status(4).await, Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
