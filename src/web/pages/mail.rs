//! Where the links in mails lead: `/m/{token}` to confirm a subscription, `/u/{token}` to end one. Whoever has a link may,
//! without an account. To open one changes nothing, as programs that look through mails open all of them: a button does.
//! Mail programs with a button of their own press it without the page (RFC 8058).

use axum::{
    Router,
    extract::{Path, State as With},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use minijinja::context;

use super::render::Frame;
use crate::{
    model::Subscription,
    push::{
        Error,
        mail::{
            address, is_unconfirmed,
            link::{self, Purpose},
            mailing,
        },
    },
    web::{State, error::Problem},
};

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/m/{token}", get(ask_confirm).post(confirm))
        .route("/u/{token}", get(ask_unsubscribe).post(unsubscribe))
}

async fn ask_confirm(state: With<State>, token: Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    ask(&state, Purpose::Confirm, &token, &frame(&state, &uri, &headers)).await
}

async fn ask_unsubscribe(state: With<State>, token: Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    ask(&state, Purpose::Unsubscribe, &token, &frame(&state, &uri, &headers)).await
}

async fn confirm(
    With(state): With<State>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let frame = frame(&state, &uri, &headers);
    let subscription = match state.push.by_link(Purpose::Confirm, &token).await {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return frame.message(StatusCode::NOT_FOUND, "link_over", None),
        Err(cause) => return Problem::from(cause).into_response(),
    };
    match state.push.confirm(&subscription.id).await {
        Ok(()) => page(&frame, &subscription, "mail_confirmed", None),
        Err(cause) => Problem::from(cause).into_response(),
    }
}

async fn unsubscribe(
    With(state): With<State>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let frame = frame(&state, &uri, &headers);
    match state.push.by_link(Purpose::Unsubscribe, &token).await {
        Ok(Some(subscription)) => match state.push.unsubscribe(&subscription.id).await {
            // Somebody else was faster: it has ended all the same.
            Ok(()) | Err(Error::Missing(_)) => page(&frame, &subscription, "mail_ended", None),
            Err(cause) => Problem::from(cause).into_response(),
        },
        Ok(None) => over(&state, &token, &frame).await,
        Err(cause) => Problem::from(cause).into_response(),
    }
}

/// A link that ends nothing: of a subscription that is gone it has done its work already, as when a program presses the
/// button twice.
async fn over(state: &State, token: &str, frame: &Frame) -> Response {
    let Some(id) = link::named(token) else { return frame.message(StatusCode::NOT_FOUND, "link_over", None) };
    match state.push.get(&id).await {
        Err(Error::Missing(_)) => frame.message(StatusCode::OK, "mail_ended", None),
        _ => frame.message(StatusCode::NOT_FOUND, "link_over", None),
    }
}

/// The page with the button.
async fn ask(state: &State, purpose: Purpose, token: &str, frame: &Frame) -> Response {
    let subscription = match state.push.by_link(purpose, token).await {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return frame.message(StatusCode::NOT_FOUND, "link_over", None),
        Err(cause) => return Problem::from(cause).into_response(),
    };
    let said = match purpose {
        Purpose::Confirm if !is_unconfirmed(&subscription) => "mail_confirmed",
        Purpose::Confirm => "mail_confirm",
        Purpose::Unsubscribe => "mail_end",
    };
    let is_done = said == "mail_confirmed";
    let here = (!is_done).then(|| frame.to(&format!("{}{token}", purpose.path().trim_start_matches('/'))));
    page(frame, &subscription, said, here.as_deref())
}

fn page(frame: &Frame, subscription: &Subscription, said: &str, here: Option<&str>) -> Response {
    let daily = mailing(subscription).and_then(|mailing| mailing.digest.as_ref());
    let page = context! {
        said,
        here,
        address => subscription.url.trim_start_matches(address::SCHEME),
        filter => subscription.filter.as_ref().map(ToString::to_string),
        daily => daily.map(|daily| format!("{daily} ({})", daily.zone)),
    };
    frame.page(StatusCode::OK, "mail.html", page)
}

fn frame(state: &State, uri: &Uri, headers: &HeaderMap) -> Frame {
    Frame::of(uri, headers, &state.publisher.settings().base_url).secret()
}
