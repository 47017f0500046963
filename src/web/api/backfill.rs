//! `/api/v1/sources/{id}/backfill`: a walk through the archive of a source, by the daemon itself.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as With, rejection::BytesRejection},
    http::StatusCode,
};
use serde_json::{Map, Value, json};

use super::sources::{issue, missing, problem};
use crate::{
    ingest::backfill::{Halt, Order, Standing, State as Way, Walked},
    model::{Backfill, Issue, SourceId, Timestamp},
    web::{
        State,
        auth::Admin,
        error::Problem,
        ledger::{members, only},
    },
};

/// How the walk through the archive stands.
pub(super) async fn show(
    _: Admin,
    With(state): With<State>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    standing(&state, &id).await.map(Json)
}

/// Begins a walk, or goes on with the one that stands still.
pub(super) async fn start(
    _: Admin,
    With(state): With<State>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let order = order(&members(body)?)?;
    let source = id.parse::<SourceId>().map_err(|_| missing(&state, &id))?;
    state.ingest.order_backfill(&source, order).map_err(|error| problem(&state, &id, &error))?;
    Ok((StatusCode::ACCEPTED, Json(standing(&state, &id).await?)))
}

/// Lets a walk stand still.
pub(super) async fn halt(
    _: Admin,
    With(state): With<State>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let source = id.parse::<SourceId>().map_err(|_| missing(&state, &id))?;
    state.ingest.halt_backfill(&source);
    standing(&state, &id).await.map(Json)
}

async fn standing(state: &State, id: &str) -> Result<Value, Problem> {
    let source = id.parse::<SourceId>().map_err(|_| missing(state, id))?;
    let standing = state.ingest.backfill_standing(&source).await;
    let standing = standing.map_err(|error| problem(state, id, &error))?;
    Ok(view(&source, &standing))
}

/// What a request asks for.
fn order(members: &Map<String, Value>) -> Result<Order, Problem> {
    only(members, &["since", "pages", "restart"])?;
    let since = match members.get("since") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let since = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
            let wrong = || Problem::field("since", "`since` is an instant: `2020-01-01T00:00:00+07:00`");
            Some(since.ok_or_else(wrong)?)
        }
    };
    let pages = match members.get("pages") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let pages = value.as_u64().filter(|pages| *pages > 0);
            Some(pages.ok_or_else(|| Problem::field("pages", "`pages` is a number, at least 1"))?)
        }
    };
    let restart = match members.get("restart") {
        None | Some(Value::Null) => false,
        Some(value) => {
            value.as_bool().ok_or_else(|| Problem::field("restart", "`restart` is true or false"))?
        }
    };
    Ok(Order { since, pages, restart })
}

/// A walk as the API and `--json` show it.
pub(crate) fn view(source: &SourceId, standing: &Standing) -> Value {
    let Standing { progress, state, halt, issues } = standing;
    let mut shown = match progress {
        Some(progress) => counts(progress),
        None => Map::new(),
    };
    shown.insert("source".to_owned(), source.as_str().into());
    shown.insert("state".to_owned(), state.as_str().into());
    shown.insert("reason".to_owned(), reason(progress.as_ref(), halt.as_ref()).into());
    let failed = matches!(halt, Some(Halt::Failed(_))) && *state != Way::Waiting;
    shown.insert("failed".to_owned(), failed.into());
    shown.insert("issues".to_owned(), issues.iter().map(issue as fn(&Issue) -> Value).collect());
    shown.into()
}

/// The same, of a walk that was made without a daemon.
pub(crate) fn report(walked: Walked) -> Value {
    let state = if walked.halt.is_some() { Way::Halted } else { Way::Ended };
    let source = walked.progress.source.clone();
    let Walked { progress, halt, issues } = walked;
    view(&source, &Standing { progress: Some(progress), state, halt, issues })
}

fn reason(progress: Option<&Backfill>, halt: Option<&Halt>) -> Option<String> {
    match halt {
        Some(Halt::Failed(message)) => Some(message.clone()),
        Some(Halt::Asked) => Some("it was stopped".to_owned()),
        Some(Halt::Pages) => Some("as many pages were read as were asked for".to_owned()),
        None => progress.and_then(|progress| progress.end).map(|end| end.describe().to_owned()),
    }
}

/// How far it has come.
pub(crate) fn counts(progress: &Backfill) -> Map<String, Value> {
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let counts = json!({
        "started": progress.started.to_string(),
        "updated": progress.updated.to_string(),
        "since": at(progress.since),
        "way": progress.way,
        "next": progress.place,
        "pages": progress.pages,
        "pages_expected": (progress.of > 0).then_some(progress.of),
        "items": progress.items,
        "new": progress.new,
        "known": progress.known,
        "left_out": progress.left,
        "failed_pages": progress.failed,
        "oldest": at(progress.oldest),
        "end": progress.end.map(|end| end.as_str()),
    });
    match counts {
        Value::Object(counts) => counts,
        _ => Map::new(),
    }
}
