//! `GET /api/v1/events`: the journal for clients that hold their own cursor; the same payloads as webhooks. With
//! `wait` a client that has everything is answered when there is more.

use std::time::Duration;

use axum::{
    Router,
    extract::State as With,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    State,
    api::params::Params,
    error::Problem,
    sse::full,
    told::{Look, Reach, Teller},
    wanted::{Wanted, wanted},
};
use crate::{
    clock::Clock,
    model::{Seq, Timestamp},
    store,
};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// Bytes of payloads after which an answer ends: `next` says where to go on.
const MAX_BYTES: usize = 4 << 20;
/// Seconds that a client may wait: many proxies give up after a minute.
const MAX_WAIT: usize = 60;

/// Public: events speak of public articles.
pub(super) fn routes() -> Router<State> {
    Router::new().route("/api/v1/events", get(events))
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    after: Seq,
    limit: usize,
    wait: Duration,
}

/// What it gets.
#[derive(Debug)]
struct Page {
    look: Look,
    head: Seq,
}

async fn events(With(state): With<State>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri);
    let asked = parse(uri.query().unwrap_or_default(), &params)?;
    let wanted = wanted(&state, &params)?;
    let until = state.clock.now().plus(asked.wait);
    let mut page = page(&state.teller, &wanted, asked).await?;
    if page.look.told.is_empty() && !asked.wait.is_zero() {
        let _place = state.teller.place().ok_or_else(full)?;
        page = Box::pin(more(&state.teller, &*state.clock, &wanted, (asked, until))).await?;
    }
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, page.json()).into_response())
}

/// `after`, `limit` and `wait` of a query.
fn parse(query: &str, params: &Params) -> Result<Asked, Problem> {
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
    let seconds = params.number("wait", 0..=MAX_WAIT, 0)?;
    Ok(Asked { after, limit, wait: Duration::from_secs(seconds as u64) })
}

/// What is told of up to `limit` journal lines. `next` moves also over lines that are not told (backfills, sources of
/// private feeds, articles that are not kept any more): a client has everything when `next` is `head`.
async fn page(teller: &Teller, wanted: &Wanted, asked: Asked) -> Result<Page, Problem> {
    let (after, head) = (asked.after, teller.recorded().await?);
    if after > head {
        let detail = format!("`after` is {after}, but the newest event is {head}");
        return Err(
            Problem::field("after", detail).hint("this store is not the one you read before: start with 0")
        );
    }
    match teller.look(wanted, after, Reach { head, lines: asked.limit, bytes: MAX_BYTES }).await {
        Err(store::Error::Pruned { floor }) => Err(pruned(floor)),
        other => Ok(Page { look: other?, head }),
    }
}

/// The first page on which something is told; the one that is there at `until`, or when this daemon stops, or when
/// what was asked for is published no more.
async fn more(
    teller: &Teller,
    clock: &dyn Clock,
    wanted: &Wanted,
    (mut asked, until): (Asked, Timestamp),
) -> Result<Page, Problem> {
    let mut head = teller.head();
    loop {
        head.borrow_and_update();
        let page = page(teller, wanted, asked).await?;
        let has_ended = teller.is_stopped() || clock.now() >= until || !wanted.holds(&teller.settings());
        if !page.look.told.is_empty() || has_ended {
            return Ok(page);
        }
        asked.after = page.look.next;
        if asked.after < page.head {
            continue;
        }
        tokio::select! {
            moved = head.changed() => if moved.is_err() { return Ok(page) },
            () = clock.sleep_until(until) => {}
            () = teller.stopped() => {}
        }
    }
}

impl Page {
    fn json(&self) -> String {
        let mut payloads = String::new();
        for told in &self.look.told {
            if !payloads.is_empty() {
                payloads.push(',');
            }
            payloads.push_str(&told.payload);
        }
        format!(r#"{{"events":[{payloads}],"next":{},"head":{}}}"#, self.look.next, self.head)
    }
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
    use std::sync::Arc;

    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        journal::Journal,
        model::FeedId,
        publish::{Access, Feed, Publisher, Settings},
        push::testing::World,
        web::told::Sources,
    };

    fn asked(query: &str) -> Result<Asked, Problem> {
        parse(query, &Params::of(&format!("/?{query}").parse().unwrap()))
    }

    #[test]
    fn a_query_is_read_or_refused_by_name() {
        let plain = Asked { after: Seq(0), limit: 100, wait: Duration::ZERO };
        assert_eq!(asked(""), Ok(plain));
        let all = Asked { after: Seq(7), limit: 1000, wait: Duration::from_secs(60) };
        assert_eq!(asked("after=7&limit=1000&utm=x&wait=60"), Ok(all));
        for (query, field) in [
            ("after=x", "after"),
            ("after=-1", "after"),
            ("after=", "after"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=1e3", "limit"),
            ("wait=61", "wait"),
            ("wait=-1", "wait"),
            ("wait=1&wait=2", "wait"),
        ] {
            assert_eq!(asked(query).unwrap_err().field.as_deref(), Some(field), "{query}");
        }
        assert!(asked("wait=61").unwrap_err().detail.contains("from 0 to 60"));
    }

    /// A teller of `world`; the feeds that it publishes show the only source there.
    async fn teller(world: &World, access: Access) -> Arc<Teller> {
        let id: FeedId = "quan1".parse().unwrap();
        let feed = Feed { access, ..Feed::new(id, "Quận 1", vec!["quan1".parse().unwrap()]) };
        let settings = Settings::new("https://tin.example.vn", vec![feed]);
        let (store, clock) = (Arc::clone(&world.store), Arc::new(world.clock.clone()));
        let journal = Arc::new(Journal::open(Arc::clone(&store)).await.unwrap());
        let publisher = Publisher::new(Arc::clone(&store), Arc::clone(&journal), clock, settings);
        let from = Sources { store, push: Arc::clone(&world.push), publisher };
        Teller::new(from, &journal, 1, CancellationToken::new())
    }

    async fn read(teller: &Teller, after: u64, limit: usize) -> Result<String, Problem> {
        let asked = Asked { after: Seq(after), limit, wait: Duration::ZERO };
        page(teller, &Wanted::default(), asked).await.map(|page| page.json())
    }

    #[tokio::test]
    async fn pages_through_the_journal_and_over_quiet_lines() {
        let world = World::new().await;
        let teller = teller(&world, Access::Public).await;
        world.publish(1, false).await;
        world.publish(2, true).await;
        world.publish(3, false).await;
        let read = async |after, limit| -> Value {
            serde_json::from_str(&read(&teller, after, limit).await.unwrap()).unwrap()
        };
        let first = read(0, 2).await;
        assert_eq!(first["events"].as_array().unwrap().len(), 1);
        assert_eq!(first["events"][0]["sequence"], 1);
        assert_eq!((first["next"].as_u64(), first["head"].as_u64()), (Some(2), Some(3)));
        let second = read(2, 2).await;
        assert_eq!(second["events"][0]["sequence"], 3);
        assert_eq!(second["next"], 3);
        let end = read(3, 2).await;
        assert_eq!((end["events"].as_array().unwrap().len(), end["next"].as_u64()), (0, Some(3)));
    }

    #[tokio::test]
    async fn what_only_private_feeds_show_is_not_told() {
        let world = World::new().await;
        let teller = teller(&world, Access::Private(Vec::new())).await;
        for n in 1..=3 {
            world.publish(n, false).await;
        }
        assert_eq!(read(&teller, 0, 9).await.unwrap(), r#"{"events":[],"next":3,"head":3}"#);
        assert_eq!(read(&teller, 4, 2).await.unwrap_err().field.as_deref(), Some("after"));
    }

    /// The window moves on, and what it does not hold any more is read from the store: the same is told.
    #[tokio::test]
    async fn the_window_and_the_store_tell_the_same() {
        let world = World::new().await;
        let told = teller(&world, Access::Public).await;
        let mut seen = Vec::new();
        for n in 1..=600 {
            world.publish(n, n % 3 == 0).await;
            // Sometimes nobody looks for a while, also longer than the window is.
            if n < 100 || n % 50 == 0 && n > 400 {
                let after = seen.last().copied().unwrap_or(0);
                let page: Value = serde_json::from_str(&read(&told, after, 1000).await.unwrap()).unwrap();
                let numbers = page["events"].as_array().unwrap().iter();
                seen.extend(numbers.map(|event| event["sequence"].as_u64().unwrap()));
            }
        }
        let expected: Vec<_> = (1..=599).filter(|n| n % 3 != 0).collect();
        assert_eq!(seen, expected);
        let fresh = teller(&world, Access::Public).await;
        for after in [0, 1, 300, 343, 344, 345, 598, 599, 600] {
            assert_eq!(read(&told, after, 9).await, read(&fresh, after, 9).await, "{after}");
        }
    }

    #[test]
    fn what_was_pruned_is_gone_and_says_where_to_go_on() {
        let problem = pruned(Seq(40));
        assert_eq!(problem.status, StatusCode::GONE);
        assert!(problem.detail.contains("40") && problem.hint.is_some_and(|hint| hint.contains("after=40")));
    }
}
