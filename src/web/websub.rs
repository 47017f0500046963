//! `/websub/{source}/{token}`: the callbacks at which hubs reach us (WebSub, sections 5.3, 7 and 8).
//!
//! The token is the only key to an address, so no log shows it. A push's body is only measured and checked against
//! its signature as it comes in, and never held: what is new is fetched from the source itself.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State as With},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use url::form_urlencoded;

use super::{State, error::Problem, hub::said};
use crate::{
    fetch::websub::{Callback, Check, Question},
    model::SourceId,
    store,
};

/// What the addresses of callbacks begin with.
pub(super) const PREFIX: &str = "/websub/";

/// How long a push may take to come in.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<State> {
    Router::new().route("/websub/{source}/{token}", get(asked).post(told))
}

/// Verification of intent, and denials: the challenge comes back only where it is about what we asked for.
async fn asked(
    With(state): With<State>,
    Path((source, token)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Ok(source) = source.parse::<SourceId>() else { return unknown() };
    let question = question(query.as_deref().unwrap_or_default());
    match state.ingest.hub_asks(&source, &token, question).await {
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
    let signature = headers.get("x-hub-signature").and_then(|value| value.to_str().ok());
    // Nothing is read for strangers. What was left is read: a hub that is cut off does not hear the answer.
    let (check, is_left) = match state.ingest.callback(&source, &token, signature).await {
        Ok(Callback::Known(check)) => (check, false),
        Ok(Callback::Left) => (None, true),
        Ok(Callback::Unknown) => return unknown(),
        Err(cause) => return failed(&cause),
    };
    let check = match tokio::time::timeout(TIMEOUT, read(body, check, state.ingest.largest_push())).await {
        Ok(Ok(check)) => check,
        Ok(Err(status)) => return said(status, "the push did not come in whole\n".to_owned()),
        Err(_) => return said(StatusCode::REQUEST_TIMEOUT, "the push took too long\n".to_owned()),
    };
    if is_left {
        return said(StatusCode::GONE, "this is not followed any more\n".to_owned());
    }
    match state.ingest.pushed(&source, check).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(cause) => failed(&cause),
    }
}

/// Reads a body of at most `max` bytes to its end.
async fn read(
    body: Body,
    mut check: Option<Box<Check>>,
    max: usize,
) -> Result<Option<Box<Check>>, StatusCode> {
    let mut body = Limited::new(body, max);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| {
            let is_long = cause.is::<LengthLimitError>();
            if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
        })?;
        if let (Some(part), Some(check)) = (frame.data_ref(), &mut check) {
            check.update(part);
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
        let status = async |max: usize| read(Body::from("12345"), None, max).await.map(|_| ()).err();
        assert_eq!(status(5).await, None);
        assert_eq!(status(4).await, Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
