//! `/api/v1/sources`: how the watched sections are, and a pass over one now.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as With},
    http::StatusCode,
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    ingest::{self, Report, Source},
    model::{Following, Gate, Issue, Reason, Severity, SourceId, SourceState, Timestamp},
    net,
    web::{State, address::without_credentials, auth::Admin, error::Problem, nearest::nearest},
};

/// What the store has of a source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Remembered<'a> {
    /// Its state.
    pub(crate) state: Option<&'a SourceState>,
    /// How it is followed by push.
    pub(crate) following: Option<&'a Following>,
    /// What the quality gate remembers.
    pub(crate) gate: Option<&'a Gate>,
}

/// Every configured source and its health.
pub(super) async fn list(With(state): With<State>) -> Result<Json<Value>, Problem> {
    let (states, followings) = (state.store.sources().await?, state.store.followings().await?);
    let gates = state.store.gates().await?;
    let sources = state.ingest.sources().into_iter().map(|source| {
        let remembered = Remembered {
            state: states.iter().find(|state| state.id == source.id),
            following: followings.iter().find(|following| following.source == source.id),
            gate: gates.iter().find(|gate| gate.source == source.id),
        };
        let mut value = health(&source, remembered, state.ingest.due(&source.id));
        value["host"] = host(&source, &state.ingest.host(&source));
        value
    });
    Ok(Json(json!({ "sources": sources.collect::<Vec<_>>() })))
}

/// One pass over a source now.
pub(super) async fn run(
    _: Admin,
    With(state): With<State>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let source = id.parse::<SourceId>().map_err(|_| missing(&state, &id))?;
    answer(state.ingest.pass(&source).await, &state, &id)
}

/// `POST /api/v1/sources/{id}/accept`: lets what is held through. `{"announce": true}` tells subscribers of what is new
/// in it, `false` does not.
pub(super) async fn accept(
    _: Admin,
    With(state): With<State>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let source = id.parse::<SourceId>().map_err(|_| missing(&state, &id))?;
    answer(state.ingest.accept(&source, announce(&body)?).await, &state, &id)
}

fn announce(body: &[u8]) -> Result<Option<bool>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    let wrong = |why: String| {
        Problem::new(StatusCode::BAD_REQUEST, why).hint("write `{\"announce\": true}` or `false`")
    };
    let body: Value =
        serde_json::from_slice(body).map_err(|cause| wrong(format!("the body is no JSON: {cause}")))?;
    match body.get("announce") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(announce)) => Ok(Some(*announce)),
        Some(_) => Err(wrong("`announce` is a boolean".to_owned())),
    }
}

fn answer(done: Result<Report, ingest::Error>, state: &State, id: &str) -> Result<Json<Value>, Problem> {
    match done {
        Ok(done) => Ok(Json(report(&done))),
        Err(ingest::Error::Unknown(_)) => Err(missing(state, id)),
        Err(refused @ ingest::Error::NotHeld(_)) => {
            Err(Problem::new(StatusCode::CONFLICT, refused.to_string())
                .hint("`/api/v1/sources` says how each source is"))
        }
        Err(refused @ ingest::Error::Undecided { .. }) => Err(Problem {
            field: Some("announce".to_owned()),
            ..Problem::new(StatusCode::CONFLICT, refused.to_string())
        }
        .hint("say `\"announce\": true` or `false` (`loa accept --announce`, or `--quiet`)")),
        Err(failed @ ingest::Error::Store { .. }) => Err(Problem::internal(&failed)),
        Err(busy @ (ingest::Error::Busy(_) | ingest::Error::Walking(_))) => {
            Err(Problem::new(StatusCode::CONFLICT, busy.to_string()))
        }
    }
}

pub(super) fn missing(state: &State, id: &str) -> Problem {
    let sources = state.ingest.sources();
    let names: Vec<_> = sources.iter().map(|source| source.id.as_str()).collect();
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("there is no source `{id}`"));
    match nearest(id, &names) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`/api/v1/sources` lists them"),
    }
}

/// A source and its health. Times are in the source's own zone, as its editors read them.
pub(crate) fn health(source: &Source, remembered: Remembered<'_>, due: Option<Timestamp>) -> Value {
    let zone = &source.normalize.zone;
    let time = |at: Option<Timestamp>| at.map(|at| at.rfc3339(at.offset_in(zone)));
    let never = SourceState::new(source.id.clone());
    let state = remembered.state.unwrap_or(&never);
    json!({
        "id": source.id.as_str(),
        "name": source.name,
        "url": without_credentials(&source.url),
        "home_page_url": without_credentials(&source.home),
        "backfilled": state.backfilled,
        "last_attempt": time(state.last_attempt),
        "last_success": time(state.last_success),
        "last_change": time(state.last_change),
        "not_before": time(state.not_before),
        "next_due": time(due),
        "state": condition(state, remembered.gate),
        "held": remembered.gate.and_then(|gate| held(gate, time)),
        "failures": state.failures,
        "disallowed": is_disallowed(state),
        "items": state.items,
        "moved_to": state.moved_to,
        "websub": remembered.following.and_then(|following| websub(following, time)),
        "issues": state.issues.iter().map(issue).collect::<Vec<_>>(),
    })
}

/// Does the site's `robots.txt` keep us from its list?
pub(crate) fn is_disallowed(state: &SourceState) -> bool {
    let is_error = |issue: &Issue| issue.code == "robots-disallowed" && issue.severity == Severity::Error;
    state.issues.iter().any(is_error)
}

/// What is known of the host of a source since the start.
fn host(source: &Source, known: &net::HostView) -> Value {
    let zone = &source.normalize.zone;
    json!({
        "requests_today": known.requests_today,
        "paused_until": known.paused_until.map(|at| at.rfc3339(at.offset_in(zone))),
        "crawl_delay": known.crawl_delay.map(|delay| delay.as_secs_f64()),
        "sitemaps": known.sitemaps,
    })
}

/// One word for how a source is.
fn condition(state: &SourceState, gate: Option<&Gate>) -> &'static str {
    match (gate.is_some_and(|gate| gate.held.is_some()), state.failures, state.last_attempt) {
        (true, ..) => "held",
        (_, 1.., _) => "failing",
        (_, _, None) => "new",
        _ => "ok",
    }
}

/// What is held of a source, and why.
fn held(gate: &Gate, time: impl Fn(Option<Timestamp>) -> Option<String>) -> Option<Value> {
    let held = gate.held.as_ref()?;
    Some(json!({
        "since": time(Some(held.since)),
        "last": time(Some(held.last)),
        "runs": held.runs,
        "reasons": held.reasons.iter().map(reason).collect::<Vec<_>>(),
        "proposal": held.proposal,
    }))
}

fn reason(reason: &Reason) -> Value {
    json!({
        "code": reason.code,
        "message": reason.message,
        "before": reason.before,
        "after": reason.after,
    })
}

/// The hub of a source, and what comes from it; `None` where its feed names none. No token or secret stands here.
fn websub(following: &Following, time: impl Fn(Option<Timestamp>) -> Option<String>) -> Option<Value> {
    let (advert, lease) = (following.advert.as_ref()?, following.lease.as_ref());
    let state = match lease {
        None => "not-followed",
        Some(lease) if lease.until.is_some() => "subscribed",
        Some(lease) if lease.error.is_some() => "failing",
        Some(_) => "asked",
    };
    Some(json!({
        "hub": Url::parse(&advert.hub).map_or_else(|_| advert.hub.clone(), |hub| without_credentials(&hub)),
        "state": state,
        "lease_until": time(following.until()),
        "next_request": time(lease.and_then(|lease| lease.next)),
        "error": lease.and_then(|lease| lease.error.clone()),
        "pushes": following.pushes,
        "last_push": time(following.pushed),
        "poll_factor": 1_u32 << following.trust.min(2),
    }))
}

/// What a pass did.
pub(crate) fn report(done: &Report) -> Value {
    json!({
        "source": done.source.as_str(),
        "at": done.at.to_string(),
        "items": done.items,
        "new": done.new,
        "revised": done.revised,
        "unchanged": done.unchanged,
        "failed": done.failed,
        "issues": done.issues.iter().map(issue).collect::<Vec<_>>(),
    })
}

pub(super) fn issue(issue: &Issue) -> Value {
    json!({
        "severity": issue.severity.to_string(),
        "code": issue.code,
        "message": issue.message,
        "at": issue.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_whole() {
        let done = Report {
            source: "quan1".parse().unwrap(),
            at: "2026-03-05T02:15:09Z".parse().unwrap(),
            items: 20,
            new: 2,
            revised: 1,
            unchanged: 17,
            issues: vec![Issue::warning("date-in-future", "tomorrow").at("item 3")],
            failed: None,
        };
        let expected = json!({
            "source": "quan1", "at": "2026-03-05T02:15:09Z", "items": 20, "new": 2, "revised": 1,
            "unchanged": 17, "failed": null,
            "issues": [{ "severity": "warning", "code": "date-in-future", "message": "tomorrow", "at": "item 3" }],
        });
        assert_eq!(report(&done), expected);
    }
}
