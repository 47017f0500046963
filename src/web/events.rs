//! `GET /api/v1/events`: the journal for clients that hold their own cursor; the same payloads as webhooks.

use axum::{
    Router,
    extract::State as With,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{State, error::Problem};
use crate::{
    model::{Event, Seq, SourceId},
    push::Push,
    store::{self, Store},
};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// Bytes of payloads after which an answer ends: `next` says where to go on.
const MAX_BYTES: usize = 4 << 20;

/// Public: events speak of public articles.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/api/v1/events", get(events))
}

async fn events(With(state): With<State>, uri: Uri) -> Result<Response, Problem> {
    let (after, limit) = parse(uri.query().unwrap_or_default())?;
    let settings = state.publisher.settings();
    let page = page(&state.push, &*state.store, (after, limit), |source| settings.is_public(source)).await?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, page).into_response())
}

/// `after` and `limit` of a query; other parameters are ignored.
fn parse(query: &str) -> Result<(Seq, usize), Problem> {
    let (mut after, mut limit) = (Seq(0), DEFAULT_LIMIT);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "after" => {
                let number = value.parse().map_err(|_| {
                    Problem::field("after", "`after` is the number of the last event seen: 0, 1, 2 …")
                        .hint("start with `after=0`, go on with the `next` of the answer before")
                })?;
                after = Seq(number);
            }
            "limit" => {
                let wrong = || Problem::field("limit", format!("`limit` is a number from 1 to {MAX_LIMIT}"));
                limit = value.parse().map_err(|_| wrong())?;
                if !(1..=MAX_LIMIT).contains(&limit) {
                    return Err(wrong());
                }
            }
            _ => {}
        }
    }
    Ok((after, limit))
}

/// Up to `limit` journal lines as one JSON object. `next` moves also over lines that are not told (backfills,
/// sources of private feeds, articles that are not kept any more): a client has everything when `next` is `head`.
async fn page(
    push: &Push,
    store: &dyn Store,
    (after, limit): (Seq, usize),
    is_public: impl Fn(&SourceId) -> bool,
) -> Result<String, Problem> {
    let head = store.head().await?;
    if after > head {
        let detail = format!("`after` is {after}, but the newest event is {head}");
        return Err(
            Problem::field("after", detail).hint("this store is not the one you read before: start with 0")
        );
    }
    let lines = match store.events(after, limit).await {
        Err(store::Error::Pruned { floor }) => return Err(pruned(floor)),
        other => other?,
    };
    let (mut next, mut payloads) = (after, String::new());
    for event in lines.iter().filter(|event| event.seq <= head) {
        next = event.seq;
        if !is_public(&event.source) {
            continue;
        }
        if let Some(payload) = told(push, event).await? {
            if !payloads.is_empty() {
                payloads.push(',');
            }
            payloads.push_str(&payload);
        }
        if payloads.len() >= MAX_BYTES {
            break;
        }
    }
    Ok(format!(r#"{{"events":[{payloads}],"next":{next},"head":{head}}}"#))
}

async fn told(push: &Push, event: &Event) -> store::Result<Option<String>> {
    if event.quiet { Ok(None) } else { push.payload(event).await }
}

fn pruned(floor: Seq) -> Problem {
    Problem::new(
        StatusCode::GONE,
        format!("the events before {floor} are not kept any more; the floor is {floor}"),
    )
    .hint(format!("go on with `after={floor}`, and read the articles of the time before from the feeds"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::push::testing::World;

    #[test]
    fn a_query_is_read_or_refused_by_name() {
        assert_eq!(parse(""), Ok((Seq(0), 100)));
        assert_eq!(parse("after=7&limit=1000&utm=x"), Ok((Seq(7), 1000)));
        for (query, field) in [
            ("after=x", "after"),
            ("after=-1", "after"),
            ("after=", "after"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=1e3", "limit"),
        ] {
            assert_eq!(parse(query).unwrap_err().field.as_deref(), Some(field), "{query}");
        }
    }

    #[tokio::test]
    async fn pages_through_the_journal_and_over_quiet_lines() {
        let world = World::new().await;
        world.publish(1, false).await;
        world.publish(2, true).await;
        world.publish(3, false).await;
        let read = async |after, limit| -> Value {
            let page = page(&world.push, &*world.store, (Seq(after), limit), |_| true).await.unwrap();
            serde_json::from_str(&page).unwrap()
        };
        let first = read(0, 2).await;
        assert_eq!(first["events"].as_array().unwrap().len(), 1);
        assert_eq!(first["events"][0]["sequence"], 1);
        assert_eq!((first["next"].as_u64(), first["head"].as_u64()), (Some(2), Some(3)));
        let second = read(2, 2).await;
        assert_eq!(second["events"][0]["sequence"], 3);
        assert_eq!(second["next"], 3);
        let private = page(&world.push, &*world.store, (Seq(0), 9), |_| false).await.unwrap();
        assert_eq!(private, r#"{"events":[],"next":3,"head":3}"#);
        let end = read(3, 2).await;
        assert_eq!((end["events"].as_array().unwrap().len(), end["next"].as_u64()), (0, Some(3)));
        let beyond = page(&world.push, &*world.store, (Seq(4), 2), |_| true).await.unwrap_err();
        assert_eq!(beyond.field.as_deref(), Some("after"));
    }

    #[test]
    fn what_was_pruned_is_gone_and_says_where_to_go_on() {
        let problem = pruned(Seq(40));
        assert_eq!(problem.status, StatusCode::GONE);
        assert!(problem.detail.contains("40") && problem.hint.is_some_and(|hint| hint.contains("after=40")));
    }
}
