//! Events as browsers and scripts hear them: streams, and polls that wait.

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{
    daemon::until,
    http::{Answer, Stream},
    world::World,
};

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a client makes of a block.
#[derive(Debug, Default, PartialEq)]
struct Event {
    id: Option<u64>,
    kind: Option<String>,
    data: Option<Value>,
}

/// Reads a block as WHATWG HTML, section 9.2.6 says.
fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => event.id = Some(id.parse().unwrap()),
            Some(("event", kind)) => event.kind = Some(kind.to_owned()),
            Some(("data", data)) => event.data = Some(serde_json::from_str(data).unwrap()),
            _ => panic!("no such line: {line}"),
        }
    }
    event
}

const STILL_HERE: &str = ": still here";

/// The next block that says something: a clock that jumps minutes makes heartbeats, too.
async fn said(stream: &mut Stream) -> String {
    loop {
        match stream.block().await.expect("the stream ended") {
            block if block == STILL_HERE => {}
            block => return block,
        }
    }
}

/// The title of the next event, with its number.
async fn next(stream: &mut Stream) -> (u64, String) {
    let block = said(stream).await;
    let event = parse(&block);
    let data = event.data.unwrap_or_else(|| panic!("no data: {block}"));
    assert_eq!(data["sequence"].as_u64(), event.id);
    assert_eq!(data["type"].as_str(), event.kind.as_deref());
    (event.id.unwrap(), data["data"]["title"].as_str().unwrap().to_owned())
}

/// The same, only the title.
async fn title(stream: &mut Stream) -> String {
    next(stream).await.1
}

async fn head(world: &World) -> u64 {
    world.get("/api/v1/events").await.json()["head"].as_u64().unwrap()
}

fn publish(world: &World, first: u32, titles: &[&str]) {
    for (item, title) in (first..).zip(titles) {
        world.portal.publish(world.story(item, title));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_starts_at_the_present_and_tells_what_webhooks_tell() {
    let world = World::new().await;
    publish(&world, 840, &["Tin cũ"]);
    world.tick(FIVE_MINUTES).await;
    let mut stream = world.stream("/events", &[]).await;
    assert_eq!(stream.head.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(stream.head.header(name), Some(value));
    }
    let start = stream.block().await.unwrap();
    assert_eq!(start, format!("retry: 3000\nid: {}", head(&world).await));
    publish(&world, 841, &["Tin một", "Tin hai"]);
    world.tick(FIVE_MINUTES).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let event = parse(&said(&mut stream).await);
        assert_eq!(event.kind.as_deref(), Some("article.published"));
        told.push(event.data.unwrap());
    }
    let pushed: Vec<_> = world.receiver.received().into_iter().skip(1).map(|one| one.body).collect();
    assert_eq!(told, pushed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_again_misses_nothing() {
    let mut world = World::new().await;
    let mut stream = world.stream("/events", &[]).await;
    let start = stream.block().await.unwrap();
    // The connection is lost before anything happened.
    drop(stream);
    let id = start.rsplit_once("id: ").unwrap().1.to_owned();
    publish(&world, 840, &["Tin một", "Tin hai", "Tin ba"]);
    world.tick(FIVE_MINUTES).await;
    let mut again = world.stream("/events", &[("Last-Event-ID", &id)]).await;
    assert_eq!(again.block().await.unwrap(), "retry: 3000");
    let (first, said) = next(&mut again).await;
    assert_eq!(said, "Tin một");
    drop(again);
    world.stop().await;
    world.start().await;
    // What a client says when it comes again counts more than the address that it still has.
    for (path, headers) in [
        ("/events?after=0".to_owned(), vec![("Last-Event-ID", first.to_string())]),
        (format!("/events?last-event-id={first}"), vec![]),
        (format!("/events?after={first}"), vec![]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut again = world.stream(&path, &headers).await;
        assert_eq!(again.block().await.unwrap(), "retry: 3000");
        assert_eq!([title(&mut again).await, title(&mut again).await], ["Tin hai", "Tin ba"], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_feeds_and_types_decide_what_is_told() {
    let feed = "\n[[feed]]\nid = \"nuoc\"\ntitle = \"Nước\"\nsources = [\"quan1\"]\nfilter = \"title:nước\"\naliases = [\"nuoc-cu\"]\n";
    let world = World::with(|config| config + feed).await;
    publish(&world, 840, &["Thông báo cúp điện", "Thông báo cúp nước", "Khai mạc hội sách"]);
    world.tick(FIVE_MINUTES).await;
    world.portal.publish(world.story(842, "Khai mạc hội sách, có sửa"));
    world.tick(FIVE_MINUTES).await;
    let notices = "q=title:%22th%C3%B4ng+b%C3%A1o%22";
    for (query, expected) in [
        (notices.to_owned(), &["Thông báo cúp điện", "Thông báo cúp nước"][..]),
        ("feed=nuoc".to_owned(), &["Thông báo cúp nước"]),
        ("feed=nuoc-cu".to_owned(), &["Thông báo cúp nước"]),
        (format!("feed=nuoc&{notices}&type=article.published"), &["Thông báo cúp nước"]),
        ("type=article.updated,article.withdrawn".to_owned(), &["Khai mạc hội sách, có sửa"]),
    ] {
        let mut stream = world.stream(&format!("/events?after=0&{query}"), &[]).await;
        assert_eq!(stream.block().await.unwrap(), "retry: 3000", "{query}");
        for title in expected {
            assert_eq!(next(&mut stream).await.1, *title, "{query}");
        }
        let page = world.get(&format!("/api/v1/events?{query}")).await.json();
        let titles: Vec<_> =
            page["events"].as_array().unwrap().iter().map(|it| it["data"]["title"].clone()).collect();
        assert_eq!(titles, expected, "{query}");
        assert_eq!(page["next"], page["head"], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_refused_by_name() {
    let world = World::new().await;
    for (query, status, field, says) in [
        ("q=tin+AND", 400, "q", "at character"),
        ("q=date:2026", 400, "q", "at character 1"),
        ("type=article.publish", 400, "type", "did you mean `article.published`?"),
        ("after=1&after=2", 400, "after", ""),
        ("feed=quan2", 404, "", "did you mean `quan1`?"),
    ] {
        for path in ["/events", "/api/v1/events"] {
            if path != "/events" && query.starts_with("after") {
                continue;
            }
            let refused = world.get(&format!("{path}?{query}")).await;
            assert_eq!(refused.status, status, "{path} {query}: {}", refused.text());
            assert_eq!(refused.header("content-type"), Some("application/problem+json"), "{path} {query}");
            assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "{path} {query}");
            assert_eq!(refused.json()["field"].as_str().unwrap_or(""), field, "{path} {query}");
            assert!(refused.text().contains(says), "{path} {query}: {}", refused.text());
        }
    }
    for value in ["x", "-1", "1.5"] {
        let refused = world.send("GET", "/events", &[("Last-Event-ID", value)], b"").await;
        assert_eq!(
            (refused.status, refused.json()["field"].as_str()),
            (400, Some("Last-Event-ID")),
            "{value}"
        );
    }
    let waits = world.get("/api/v1/events?wait=61").await;
    assert_eq!((waits.status, waits.json()["field"].as_str()), (400, Some("wait")));
    assert!(waits.text().contains("from 0 to 60"));
    assert_eq!(world.send("POST", "/events", &[], b"").await.status, 405);
    let preflight = world.send("OPTIONS", "/events", &[], b"").await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("Last-Event-ID"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_nothing_hears_that_we_are_there() {
    let world = World::new().await;
    let mut all = world.stream("/events", &[]).await;
    let mut none = world.stream("/events?q=khongco", &[]).await;
    all.block().await.unwrap();
    none.block().await.unwrap();
    for _ in 0..2 {
        world.tick(HEARTBEAT).await;
        assert_eq!(all.block().await.unwrap(), STILL_HERE);
        assert_eq!(none.block().await.unwrap(), STILL_HERE);
    }
    publish(&world, 840, &["Tin một"]);
    world.tick(FIVE_MINUTES).await;
    let (seen, _) = next(&mut all).await;
    // Whom nothing of it concerned goes on after it.
    let mut beats = 0;
    loop {
        match none.block().await.unwrap().as_str() {
            STILL_HERE if beats < 2 => {
                beats += 1;
                world.tick(HEARTBEAT).await;
            }
            block => break assert_eq!(block, format!("id: {seen}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_store_is_set_to_the_present() {
    let world = World::new().await;
    let head = head(&world).await;
    let mut stream = world.stream("/events", &[("Last-Event-ID", "4711")]).await;
    assert_eq!(stream.block().await.unwrap(), "retry: 3000\n".to_owned() + &reset(head, 0, head));
    publish(&world, 840, &["Tin một"]);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(title(&mut stream).await, "Tin một");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_after_its_events_were_pruned_is_told_so_and_gets_the_rest() {
    let mut world = World::new().await;
    publish(&world, 840, &["Tin một", "Tin hai"]);
    world.tick(FIVE_MINUTES).await;
    let newest = head(&world).await;
    world.stop().await;
    world.prune(newest - 1).await;
    world.start().await;
    let mut stream = world.stream("/events", &[("Last-Event-ID", "1")]).await;
    assert_eq!(stream.block().await.unwrap(), "retry: 3000");
    assert_eq!(stream.block().await.unwrap(), reset(newest - 1, newest - 1, newest));
    assert_eq!(title(&mut stream).await, "Tin hai");
    let gone = world.get("/api/v1/events?after=1&wait=60").await;
    assert_eq!(gone.status, 410);
    assert!(gone.text().contains(&format!("after={}", newest - 1)), "{}", gone.text());
}

fn reset(id: u64, floor: u64, head: u64) -> String {
    format!("id: {id}\nevent: reset\ndata: {{\"floor\":{floor},\"head\":{head}}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_feeds_are_not_there() {
    let private = "id = \"quan1\"\nprivate = true\ntokens = [\"0123456789abcdefghij\"]\ntitle";
    let mut world = World::with(|config| config.replace("id = \"quan1\"\ntitle", private)).await;
    assert_eq!(world.get("/events?feed=quan1").await.status, 404);
    assert_eq!(world.get("/api/v1/events?feed=quan1").await.status, 404);
    let mut stream = world.stream("/events", &[]).await;
    stream.block().await.unwrap();
    publish(&world, 840, &["Tin riêng"]);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1, "the webhook of the configuration is told");
    let newest = head(&world).await;
    loop {
        match stream.block().await.unwrap().as_str() {
            STILL_HERE => world.tick(HEARTBEAT).await,
            block => break assert_eq!(block, format!("id: {newest}"), "only where the journal stands"),
        }
    }
    // It becomes public, and private again: who follows it by name loses it then.
    world.reload(|config| config.replace(private, "id = \"quan1\"\ntitle")).await;
    let mut stream = world.stream("/events?feed=quan1&after=0", &[]).await;
    assert_eq!(stream.block().await.unwrap(), "retry: 3000");
    assert_eq!(title(&mut stream).await, "Tin riêng");
    world.reload(|config| config.replace("id = \"quan1\"\ntitle", private)).await;
    world.tick(HEARTBEAT).await;
    while let Some(block) = stream.block().await {
        assert_eq!(block, STILL_HERE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_clients_wait_than_may() {
    let world = World::with(|config| config.replacen("[web]", "[web]\nmax_streams = 2", 1)).await;
    let streams = [world.stream("/events", &[]).await, world.stream("/events", &[]).await];
    assert!(world.get("/metrics").await.text().contains("loa_event_clients 2"));
    let newest = head(&world).await;
    for path in ["/events".to_owned(), format!("/api/v1/events?after={newest}&wait=5")] {
        let refused = world.get(&path).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{path}");
        assert_eq!(refused.header("content-type"), Some("application/problem+json"), "{path}");
    }
    assert_eq!(world.get(&format!("/api/v1/events?after={newest}")).await.status, 200, "who does not wait");
    drop(streams);
    until("places are free again", async || world.send("HEAD", "/events", &[], b"").await.status == 200)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_streams_and_polls_at_once() {
    let mut world = World::with(|config| config.replacen("[web]", "[web]\nmax_streams = 2", 1)).await;
    let mut stream = world.stream("/events", &[]).await;
    stream.block().await.unwrap();
    let path = format!("/api/v1/events?after={}&wait=60", head(&world).await);
    let poll = world.get_later(path);
    until("the poll waits", async || world.send("HEAD", "/events", &[], b"").await.status == 503).await;
    world.stop().await;
    assert_eq!(stream.block().await, None);
    let answer = poll.await.unwrap();
    assert_eq!((answer.status, &answer.json()["events"]), (200, &Value::Array(Vec::new())));
}

/// A poll that waits, in a world with one place for those who do. Who asks whether the place is taken takes it for a
/// moment, and the poll may come just then.
async fn waiting(world: &World, path: &str) -> JoinHandle<Answer> {
    let (mut poll, mut refusals) = (world.get_later(path.to_owned()), 0);
    until("it waits", async || {
        if poll.is_finished() {
            (poll, refusals) = (world.get_later(path.to_owned()), 0);
        }
        let is_taken = world.send("HEAD", "/events", &[], b"").await.status == 503;
        refusals = if is_taken { refusals + 1 } else { 0 };
        refusals == 3
    })
    .await;
    poll
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_waits_for_what_it_wants() {
    let world = World::with(|config| config.replacen("[web]", "[web]\nmax_streams = 1", 1)).await;
    world.tick(Duration::from_secs(280)).await;
    let newest = head(&world).await;
    let path = format!("/api/v1/events?after={newest}&wait=60&q=title:n%C6%B0%E1%BB%9Bc");
    let poll = waiting(&world, &path).await;
    publish(&world, 840, &["Cúp điện", "Cúp nước", "Tin khác"]);
    world.tick(Duration::from_secs(20)).await;
    let answer = poll.await.unwrap().json();
    assert_eq!(answer["events"].as_array().unwrap().len(), 1);
    assert_eq!(answer["events"][0]["data"]["title"], "Cúp nước");
    // And who asks for what is there already does not wait.
    let path = format!("/api/v1/events?after={newest}&wait=60");
    assert!(!world.get(&path).await.json()["events"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_ends_by_the_clock_and_says_where_to_go_on() {
    let world = World::with(|config| config.replacen("[web]", "[web]\nmax_streams = 1", 1)).await;
    world.tick(Duration::from_secs(280)).await;
    let newest = head(&world).await;
    let path = format!("/api/v1/events?after={newest}&wait=30&q=khongco");
    let poll = waiting(&world, &path).await;
    publish(&world, 840, &["Tin một"]);
    world.tick(Duration::from_secs(29)).await;
    assert!(!poll.is_finished(), "29 s are no 30 s");
    world.tick(Duration::from_secs(1)).await;
    let answer = poll.await.unwrap().json();
    let now = head(&world).await;
    assert!(now > newest, "something happened that was not wanted");
    assert_eq!(answer, serde_json::json!({ "events": [], "next": now, "head": now }));
}
