//! `/api/v1/subscriptions/{id}/…`: what was said to a subscription, saying it again, a ping, a new secret. All of it
//! needs the token.

use axum::{
    body::Bytes,
    extract::{State as With, rejection::BytesRejection},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{
    State,
    auth::{Caller, Sight},
    error::Problem,
    subscriptions::{
        PATH, all, answer, instant, kind, make, named, parse_scheme, parse_secret, text, view, whole,
        with_secret,
    },
};
use crate::{
    model::{Attempt, Outcome, Scope, Seq, SubscriptionId, Timestamp},
    push::{Error, PING, Push, Replay, is_notice},
};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1_000;

/// Answers everything that is asked of subscriptions but to make one.
pub(super) async fn serve(
    caller: Caller,
    With(state): With<State>,
    method: Method,
    uri: Uri,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let path = uri.path_and_query().map_or("", |it| it.as_str());
    let path = path.strip_prefix(PATH).unwrap_or_default().to_owned();
    let body = if method == Method::POST { members(body)? } else { Map::new() };
    let ask = Ask { method, path, body };
    let said = answer_to(&state.push, &caller, &ask).await?;
    let status = match ask.method {
        Method::DELETE => return Ok(StatusCode::NO_CONTENT.into_response()),
        Method::POST if ask.path.ends_with("/replay") => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    Ok(answer(status, &said))
}

// === what is answered ===

/// A question to this API, as commands ask it: what follows `/api/v1/subscriptions`.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// `GET`, `POST` or `DELETE`.
    pub(crate) method: Method,
    /// Empty, or `/{id}`, or `/{id}/{what}?…`.
    pub(crate) path: String,
    /// The members of the body.
    pub(crate) body: Map<String, Value>,
}

/// The answer to one who may ask.
pub(crate) async fn answer_to(push: &Push, caller: &Caller, ask: &Ask) -> Result<Value, Problem> {
    let (path, query) = ask.path.split_once('?').unwrap_or((&ask.path, ""));
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (name, what) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if name.is_empty() {
        return match ask.method {
            Method::POST => make(push, caller, Value::Object(ask.body.clone()).to_string().as_bytes()).await,
            _ => all(push, caller).await,
        };
    }
    let id = named(name)?;
    let sight = caller.sight(&*push.get(&id).await?);
    let is_change = ask.method != Method::GET;
    match sight {
        Sight::All => {}
        Sight::Part if is_change => caller.needs(Scope::Admin)?,
        Sight::Part => {}
        // To this caller it is as if there were none.
        Sight::Nothing => return Err(Error::Missing(id).into()),
    }
    match (what, ask.method == Method::DELETE) {
        ("", true) => Ok(push.remove(&id).await.map(|()| Value::Null)?),
        ("", false) => whole(push, &id, sight).await,
        ("pause", _) => Ok(view(&*push.pause(&id).await?).into()),
        ("resume", _) => Ok(view(&*push.resume(&id).await?).into()),
        ("attempts", _) => log(push, &id, query).await,
        ("replay", _) => again(push, &id, &ask.body).await,
        ("page", _) => link(push, &id).await,
        ("test", _) => Ok(line(&push.test(&id).await?)),
        ("rotate", _) => renewed(push, &id, &ask.body).await,
        _ => Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no `{what}` of a subscription"))),
    }
}

async fn link(push: &Push, id: &SubscriptionId) -> Result<Value, Problem> {
    Ok(json!({ "page": push.open_page(id).await? }))
}

async fn log(push: &Push, id: &SubscriptionId, query: &str) -> Result<Value, Problem> {
    let (before, limit) = parse_query(query)?;
    let attempts = push.log(id, before, limit).await?;
    let next = attempts.last().filter(|_| attempts.len() == limit).map(place);
    let shown: Vec<Value> = attempts.iter().map(line).collect();
    Ok(json!({ "attempts": shown, "next": next }))
}

async fn again(push: &Push, id: &SubscriptionId, members: &Map<String, Value>) -> Result<Value, Problem> {
    Ok(json!({ "replayed": push.replay(id, parse_replay(members)?).await? }))
}

async fn renewed(push: &Push, id: &SubscriptionId, members: &Map<String, Value>) -> Result<Value, Problem> {
    only(members, &["secret", "signature"])?;
    let secret = text(members, "secret")?.map(parse_secret).transpose()?;
    let scheme = text(members, "signature")?.map(parse_scheme).transpose()?;
    Ok(with_secret(&push.rotate(id, secret, scheme).await?))
}

// === what comes in ===

/// The members of a body; an empty one has none.
pub(super) fn members(body: Result<Bytes, BytesRejection>) -> Result<Map<String, Value>, Problem> {
    let body = body.map_err(|cause| Problem::new(cause.status(), cause.body_text()))?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => {
            let detail = format!("the body is an object, not {}", kind(&other));
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
        Err(cause) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {cause}"))),
    }
}

pub(super) fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let shown: String = name.chars().take(64).collect();
            let hint = format!("members are {}", known.join(", "));
            Err(Problem::field(&shown, format!("there is no member `{shown}` here")).hint(hint))
        }
    }
}

/// One of: `sequence`; `after`, with or without `upto`; `since`; `parked`.
fn parse_replay(members: &Map<String, Value>) -> Result<Replay, Problem> {
    const HINT: &str = "send {\"sequence\": 120}, {\"after\": 100, \"upto\": 120}, {\"since\": \"2026-11-20\"} or {\"parked\": true}";
    only(members, &["sequence", "after", "upto", "since", "parked"])?;
    let names: Vec<&str> = members.keys().map(String::as_str).filter(|name| *name != "upto").collect();
    let [name] = names.as_slice() else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "say what is told again, in one way").hint(HINT));
    };
    let wrong = |name: &str, what: &str| Problem::field(name, format!("`{name}` is {what}")).hint(HINT);
    let number = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_u64().map(|n| Some(Seq(n))).ok_or_else(|| wrong(name, "the number of an event"))
        }
    };
    let upto = number("upto")?;
    if upto.is_some() && *name != "after" {
        return Err(wrong("upto", "the end of what begins with `after`"));
    }
    match *name {
        "sequence" => match number("sequence")? {
            Some(Seq(n @ 1..)) => Ok(Replay::Events { after: Seq(n - 1), upto: Seq(n) }),
            _ => Err(wrong("sequence", "the number of an event")),
        },
        "after" => {
            let after = number("after")?.unwrap_or_default();
            Ok(Replay::Events { after, upto: upto.unwrap_or(Seq(u64::MAX)) })
        }
        "since" => {
            let at = members.get("since").and_then(Value::as_str).and_then(instant);
            at.map(Replay::Since).ok_or_else(|| wrong("since", "a date"))
        }
        _ if members.get("parked") == Some(&Value::Bool(true)) => Ok(Replay::Parked),
        _ => Err(wrong("parked", "true")),
    }
}

/// `before` and `limit` of a query; other parameters are ignored.
fn parse_query(query: &str) -> Result<(Option<(Timestamp, Seq)>, usize), Problem> {
    let (mut before, mut limit) = (None, DEFAULT_LIMIT);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "before" => {
                let wrong = || Problem::field("before", "`before` is the `next` of the answer before");
                before = Some(parse_place(&value).ok_or_else(wrong)?);
            }
            "limit" => {
                let wrong = || Problem::field("limit", format!("`limit` is a number from 1 to {MAX_LIMIT}"));
                limit = value.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n)).ok_or_else(wrong)?;
            }
            _ => {}
        }
    }
    Ok((before, limit))
}

/// Where a list goes on: milliseconds and number of its last line.
fn place(attempt: &Attempt) -> String {
    format!("{}-{}", attempt.at.as_millis(), attempt.seq)
}

fn parse_place(text: &str) -> Option<(Timestamp, Seq)> {
    let (at, seq) = text.split_once('-')?;
    Some((Timestamp::from_millis(at.parse().ok()?), Seq(seq.parse().ok()?)))
}

/// An attempt as the API says it.
pub(crate) fn line(attempt: &Attempt) -> Value {
    let (outcome, due) = match attempt.outcome {
        Outcome::Delivered => ("delivered", None),
        Outcome::Retry { due } => ("retry", Some(due.to_string())),
        Outcome::Parked => ("parked", None),
        Outcome::Dropped => ("failed", None),
    };
    let kind = match attempt.seq {
        PING => Some("ping"),
        seq if is_notice(seq) => Some("notice"),
        _ => None,
    };
    json!({
        "at": attempt.at.to_string(),
        "type": kind,
        "sequence": if kind.is_some() { None } else { Some(attempt.seq.0) },
        "attempt": attempt.number,
        "milliseconds": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
        "status": attempt.status,
        "answer": attempt.answer,
        "error": attempt.error,
        "outcome": outcome,
        "next_attempt": due,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_told_again_is_said_in_one_way() {
        let at = "2026-11-20T00:00:00Z".parse().unwrap();
        for (body, replay) in [
            (r#"{"sequence": 7}"#, Replay::Events { after: Seq(6), upto: Seq(7) }),
            (r#"{"after": 7}"#, Replay::Events { after: Seq(7), upto: Seq(u64::MAX) }),
            (r#"{"after": 7, "upto": 9}"#, Replay::Events { after: Seq(7), upto: Seq(9) }),
            (r#"{"since": "2026-11-20"}"#, Replay::Since(at)),
            (r#"{"since": "2026-11-20T07:00:00+07:00"}"#, Replay::Since(at)),
            (r#"{"parked": true}"#, Replay::Parked),
        ] {
            assert_eq!(parse_replay(&object(body)).unwrap(), replay, "{body}");
        }
        for (body, field) in [
            ("{}", None),
            (r#"{"after": 1, "since": "2026-11-20"}"#, None),
            (r#"{"sequence": 0}"#, Some("sequence")),
            (r#"{"sequence": "7"}"#, Some("sequence")),
            (r#"{"sequence": 7, "upto": 9}"#, Some("upto")),
            (r#"{"after": -1}"#, Some("after")),
            (r#"{"after": 1, "upto": 1.5}"#, Some("upto")),
            (r#"{"since": "yesterday"}"#, Some("since")),
            (r#"{"parked": false}"#, Some("parked")),
            (r#"{"all": true}"#, Some("all")),
        ] {
            let problem = parse_replay(&object(body)).unwrap_err();
            assert_eq!(problem.field.as_deref(), field, "{body}");
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn a_list_goes_on_where_it_ended() {
        let place = (Timestamp::from_millis(1_772_676_909_123), Seq(7));
        assert_eq!(parse_query("limit=5&x=1&before=1772676909123-7").unwrap(), (Some(place), 5));
        assert_eq!(parse_query("").unwrap(), (None, DEFAULT_LIMIT));
        for (query, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("before=7", "before")] {
            assert_eq!(parse_query(query).unwrap_err().field.as_deref(), Some(field), "{query}");
        }
    }
}
