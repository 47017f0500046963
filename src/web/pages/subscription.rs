//! `/s/{token}`: the page of one subscription, for its owner. The token in the address is the whole permission; it never
//! gets into a log, and no other page hears of it.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State as With},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use minijinja::{Value, context};

use super::render::Frame;
use crate::{
    model::{self, Attempt, Subscription},
    push::{Error, Push, Replay, mail, sign},
    web::{State, error::Problem, ledger, subscriptions::instant},
};

/// How many attempts the page shows.
const ATTEMPTS: usize = 50;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/s/{token}", get(show)).route("/s/{token}/{what}", post(act))
}

/// What the page says beside the state of things.
#[derive(Default)]
struct Said {
    notice: Option<String>,
    secret: Option<String>,
    /// The key pair is new: its public half is on the page anyway.
    new_key: bool,
}

async fn show(With(state): With<State>, Path(token): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let frame = frame(&state, &uri, &headers);
    match state.push.by_page(&token).await {
        Ok(Some(subscription)) => page(&state, &frame, &token, &subscription, Said::default()).await,
        Ok(None) => frame.message(StatusCode::NOT_FOUND, "not_found", None),
        Err(cause) => Problem::from(cause).into_response(),
    }
}

async fn act(
    With(state): With<State>,
    Path((token, what)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let frame = frame(&state, &uri, &headers);
    let subscription = match state.push.by_page(&token).await {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return frame.message(StatusCode::NOT_FOUND, "not_found", None),
        Err(cause) => return Problem::from(cause).into_response(),
    };
    let said = match done(&state.push, &subscription, &what, &body).await {
        Some(Ok(said)) => said,
        // What is wrong with the request stands on the page, in a sentence.
        Some(Err(refused)) => Said { notice: Some(refused.to_string()), ..Said::default() },
        None => return frame.message(StatusCode::NOT_FOUND, "not_found", None),
    };
    match state.push.get(&subscription.id).await {
        Ok(subscription) => page(&state, &frame, &token, &subscription, said).await,
        Err(cause) => Problem::from(cause).into_response(),
    }
}

fn frame(state: &State, uri: &Uri, headers: &HeaderMap) -> Frame {
    Frame::of(uri, headers, &state.publisher.settings().base_url).secret()
}

/// Does what a button asks for; `None` where there is no such button.
async fn done(
    push: &Push,
    subscription: &Arc<Subscription>,
    what: &str,
    body: &[u8],
) -> Option<Result<Said, Error>> {
    let id = &subscription.id;
    let notice = |notice: String| Said { notice: Some(notice), ..Said::default() };
    Some(match what {
        "test" => push.test(id).await.map(|attempt| notice(told(&attempt))),
        "pause" => push.pause(id).await.map(|_| Said::default()),
        "resume" => push.resume(id).await.map(|_| Said::default()),
        "replay" => match replay(body) {
            Some(what) => push.replay(id, what).await.map(|n| notice(format!("↻ {n}"))),
            None => Ok(notice("?".to_owned())),
        },
        "rotate" => push.rotate(id, None, None).await.map(|added| Said {
            new_key: added.secret.is_none(),
            secret: added.secret,
            ..Said::default()
        }),
        _ => return None,
    })
}

/// What a form asks to be told again.
fn replay(body: &[u8]) -> Option<Replay> {
    let (name, value) = url::form_urlencoded::parse(body).next()?;
    match &*name {
        "parked" => Some(Replay::Parked),
        "since" => instant(&value).map(Replay::Since),
        _ => None,
    }
}

fn told(attempt: &Attempt) -> String {
    let status = attempt.status.map_or_else(|| "—".to_owned(), |status| status.to_string());
    let said = attempt.error.as_deref().unwrap_or(&attempt.answer);
    format!("ping: {status} · {} ms {said}", attempt.took.as_millis())
}

async fn page(
    state: &State,
    frame: &Frame,
    token: &str,
    subscription: &Subscription,
    said: Said,
) -> Response {
    let standing = state.push.standing(&subscription.id).await;
    let attempts = state.push.log(&subscription.id, None, ATTEMPTS).await;
    let (standing, attempts) = match (standing, attempts) {
        (Ok(standing), Ok(attempts)) => (standing, attempts),
        (Err(cause), _) | (_, Err(cause)) => return Problem::from(cause).into_response(),
    };
    let (told, reason) = match &subscription.state {
        model::State::Active if mail::is_unconfirmed(subscription) => ("unconfirmed", None),
        model::State::Active => ("active", None),
        model::State::Paused => ("paused", None),
        model::State::Disabled { reason } => ("disabled", Some(reason)),
    };
    let attempts: Vec<Value> = attempts.iter().map(line).collect();
    let mailing = mail::mailing(subscription);
    let daily = mailing.and_then(|mailing| mailing.digest.as_ref());
    let page = context! {
        id => subscription.id.as_str(),
        address => subscription.url,
        state => told,
        reason,
        filter => subscription.filter.as_ref().map(ToString::to_string),
        is_mail => mailing.is_some(),
        daily => daily.map(|daily| format!("{daily} ({})", daily.zone)),
        configured => subscription.configured,
        waiting => standing.waiting,
        parked => standing.parked,
        behind => standing.behind,
        error => subscription.last_error,
        notice => said.notice,
        secret => said.secret,
        public_key => subscription.secrets.first().and_then(sign::public_key).map(|key| key.to_string()),
        new_key => said.new_key,
        here => frame.to(&format!("s/{token}")),
        attempts,
    };
    frame.page(StatusCode::OK, "subscription.html", page)
}

fn line(attempt: &Attempt) -> Value {
    let shown = ledger::line(attempt);
    context! {
        at => attempt.at.to_string(),
        // To the second: what is more does not fit on a telephone.
        shown => attempt.at.to_string().chars().take(19).collect::<String>().replace('T', " "),
        event => shown["type"].as_str().map_or_else(|| format!("#{}", attempt.seq), str::to_owned),
        status => attempt.status.map_or_else(|| "—".to_owned(), |status| status.to_string()),
        milliseconds => attempt.took.as_millis() as u64,
        outcome => shown["outcome"].as_str(),
        said => attempt.error.as_ref().unwrap_or(&attempt.answer),
    }
}
