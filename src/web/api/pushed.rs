//! `/api/v1/sources/{id}/articles`: articles that their editors push, and take back.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Query, Request, State as With},
    http::{StatusCode, header},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sources::{missing, problem, report};
use crate::{
    ingest::brought::{Push, Receipt},
    model::{ArticleId, Scope, SourceId},
    web::{State, auth::Caller, bounds, error::Problem},
};

/// How long a push may take to come in.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a push may say beside its body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    announce: Option<bool>,
    #[serde(default)]
    dry_run: bool,
}

/// Is this the address that articles are pushed to?
pub(in crate::web) fn is_push(path: &str) -> bool {
    let id = path.strip_prefix("/api/v1/sources/").and_then(|rest| rest.strip_suffix("/articles"));
    id.is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// Takes articles in. Who may not push hears it before the body is read.
pub(super) async fn push(
    caller: Caller,
    With(state): With<State>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let source = allowed(&caller, &state, &id)?;
    let (parts, body) = request.into_parts();
    let Query(options) = Query::<Options>::try_from_uri(&parts.uri).map_err(|cause| {
        Problem::new(StatusCode::BAD_REQUEST, cause.body_text())
            .hint("there are `announce` and `dry_run`, `true` or `false`")
    })?;
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let detail = "a push is not to be compressed: send it without `Content-Encoding`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = bounds::read(body, state.ingest.largest_push(), PATIENCE).await?;
    let push = Push {
        body,
        content_type: content_type.map(str::to_owned),
        announce: options.announce,
        rehearse: options.dry_run,
    };
    let receipt = state.ingest.push(&source, push).await;
    receipt.map(|receipt| Json(view(&receipt))).map_err(|error| problem(&state, &id, &error))
}

/// Takes an article back: subscribers hear that it was withdrawn, and feeds do not show it any more.
pub(super) async fn take_back(
    caller: Caller,
    With(state): With<State>,
    Path((id, article)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let source = allowed(&caller, &state, &id)?;
    let Ok(article) = article.parse::<ArticleId>() else {
        let shown: String = article.chars().take(64).collect();
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("`{shown}` is no id of an article"))
            .hint("pushing the same article again says its id"));
    };
    let withdrawn = state.ingest.take_back(&source, article).await;
    let withdrawn = withdrawn.map_err(|error| problem(&state, &id, &error))?;
    Ok(Json(json!({ "id": article.to_string(), "withdrawn": withdrawn })))
}

fn allowed(caller: &Caller, state: &State, id: &str) -> Result<SourceId, Problem> {
    caller.needs(Scope::Publish)?;
    let source = id.parse::<SourceId>().map_err(|_| missing(state, id))?;
    let token = caller.token().filter(|_| caller.needs(Scope::Admin).is_err());
    state.ingest.may_push(&source, token).map_err(|error| problem(state, id, &error))?;
    Ok(source)
}

/// What became of a push, as the API and `loa push --json` say it.
pub(crate) fn view(receipt: &Receipt) -> Value {
    let mut value = report(&receipt.report);
    let articles = receipt.articles.iter().map(|(id, revision, became)| {
        json!({ "id": id.to_string(), "revision": revision.0, "became": became.as_str() })
    });
    value["articles"] = articles.collect();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_pushes_takes_large_bodies() {
        assert!(is_push("/api/v1/sources/quan1/articles"));
        for path in [
            "/api/v1/sources//articles",
            "/api/v1/sources/quan1/articles/x",
            "/api/v1/sources/a/b/articles",
            "/api/v1/sources/quan1/run",
            "/api/v1/articles",
        ] {
            assert!(!is_push(path), "{path}");
        }
    }
}
