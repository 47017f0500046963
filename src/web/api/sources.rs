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
    ingest::{
        self, Report, Source,
        brought::{Origin, Refusal},
    },
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
        value["host"] = state.ingest.host(&source).map(|known| host(&source, &known)).into();
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
    done.map(|done| Json(report(&done))).map_err(|error| problem(state, id, &error))
}

/// What a request about a source hears where it cannot be done.
pub(super) fn problem(state: &State, id: &str, error: &ingest::Error) -> Problem {
    let status = match error {
        ingest::Error::Unknown(_) => return missing(state, id),
        ingest::Error::Store { .. } => return Problem::internal(error),
        ingest::Error::Refused(refusal) => return refused(refusal),
        ingest::Error::NotHeld(_)
        | ingest::Error::Undecided { .. }
        | ingest::Error::NotLookedAt(_)
        | ingest::Error::NoArchive(_)
        | ingest::Error::Busy(_)
        | ingest::Error::Walking(_) => StatusCode::CONFLICT,
    };
    let problem = Problem::new(status, error.to_string());
    match error {
        ingest::Error::NotHeld(_) => problem.hint("`/api/v1/sources` says how each source is"),
        ingest::Error::Undecided { .. } => Problem { field: Some("announce".to_owned()), ..problem }
            .hint("say `\"announce\": true` or `false` (`loa accept --announce`, or `--quiet`)"),
        ingest::Error::NotLookedAt(_) => problem
            .hint(format!("`POST /api/v1/sources/{id}/articles` brings articles (`loa push {id} FILE`)")),
        ingest::Error::Walking(_) => problem.hint(format!(
            "`GET /api/v1/sources/{id}/backfill` says how it stands; `DELETE` lets it stand still"
        )),
        _ => problem,
    }
}

/// What whoever brings articles hears where they are not taken.
fn refused(refusal: &Refusal) -> Problem {
    let problem = |status| Problem::new(status, refusal.to_string());
    match refusal {
        Refusal::Watched(_) => problem(StatusCode::CONFLICT)
            .hint("a source takes articles when its configuration says `pushed = true` (docs/pushed.md)"),
        Refusal::Stranger(_) => problem(StatusCode::FORBIDDEN)
            .hint("`pushed_by` of the source names the tokens that may")
            .challenge("Bearer error=\"insufficient_scope\", scope=\"publish\""),
        Refusal::Unread(issue) => Problem {
            field: Some(issue.at.clone()).filter(|at| !at.is_empty()),
            ..problem(StatusCode::UNPROCESSABLE_ENTITY)
        }
        .hint("send a JSON Feed item, several of them in an array, or a whole feed (docs/pushed.md)"),
        Refusal::Flood { .. } => {
            Problem { field: Some("announce".to_owned()), ..problem(StatusCode::CONFLICT) }.hint(
                "say `announce=true` to tell subscribers of all of them, `announce=false` to tell nobody",
            )
        }
        Refusal::Missing { .. } => {
            problem(StatusCode::NOT_FOUND).hint("pushing the same article again says its id")
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
        "origin": origin(&source.origin),
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

fn origin(origin: &Origin) -> &'static str {
    match origin {
        Origin::Web => "web",
        Origin::Folder(_) => "folder",
        Origin::Pushed(_) => "pushed",
    }
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
    let held = gate.and_then(|gate| gate.held.as_ref());
    let is_held = held.is_some_and(|held| held.reasons.iter().any(|reason| reason.code != "silent"));
    match (is_held, state.failures, state.last_attempt) {
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
