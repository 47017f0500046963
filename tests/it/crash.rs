//! The daemon as a process that is killed: SIGKILL in the middle of passes and deliveries, again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use loaphuong::{
    clock::{self, Clock},
    demo::{
        portal::{Portal, Story},
        receiver::{Answer, Receiver},
        stories,
    },
    push::sign,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    daemon::{Daemon, until},
    http, world,
};

const ROUNDS: u32 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_every_article_is_there_once_and_told_at_least_once() {
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let clock = Arc::new(clock::System);
    let (portal, serving) = Portal::serve(world::loopback().await, stop.clone()).unwrap();
    tasks.spawn(serving);
    stories::archive(clock.now()).into_iter().for_each(|story| portal.publish(story));
    let secret = sign::generate_secret().unwrap();
    let (receiver, serving) =
        Receiver::serve(world::loopback().await, secret.clone(), clock.clone(), None, stop.clone()).unwrap();
    tasks.spawn(serving);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("loa.toml");
    let config = world::configuration(&portal, &receiver, &sign::print_secret(&secret), folder.path());
    std::fs::write(&path, hurried(&config)).unwrap();

    // The first run is a backfill: nobody is told of the archive.
    let mut daemon = Daemon::start(&path);
    until("the backfill", async || n_items(daemon.address).await == 6).await;
    until("the end of the first pass", async || is_backfilled(daemon.address).await).await;
    daemon.kill();

    for round in 0..ROUNDS {
        // One a round: the portal's list shows thirty, and what fell off it unseen is nobody's to find.
        portal.publish(story(1000 + round, &*clock));
        // A flaky newsroom: some deliveries fail and come again.
        receiver.script([Answer::Status(204), Answer::Status(500), Answer::Status(204)]);
        let mut daemon = Daemon::start(&path);
        // A different point in every round: after 0 to 7 more requests at the portal, or 0 to 1 at the newsroom.
        let (visits, deliveries) = (portal.n_visits(), receiver.received().len());
        let at_newsroom = round % 2 == 1;
        until("some work", async || {
            if at_newsroom {
                receiver.received().len() >= deliveries + (round as usize / 2) % 2
            } else {
                portal.n_visits() >= visits + u64::from(round / 2) % 8
            }
        })
        .await;
        daemon.kill();
    }

    let daemon = Daemon::start(&path);
    let wanted: BTreeSet<String> = portal.stories().into_iter().map(|story| story.title).collect();
    until("every article", async || n_items(daemon.address).await >= wanted.len()).await;
    let titles: Vec<String> =
        items(daemon.address).await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
    let unique: BTreeSet<String> = titles.iter().cloned().collect();
    assert_eq!(unique.len(), titles.len(), "every article is there once");
    assert_eq!(unique, wanted);

    let news: BTreeSet<String> = wanted.into_iter().filter(|title| title.contains("(tin số")).collect();
    until("every delivery", async || confirmed(&receiver).len() >= news.len()).await;
    assert_eq!(confirmed(&receiver), news, "every article was told at least once, the archive never");
    let mut ids: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for received in receiver.received() {
        assert!(received.verified);
        let field = |pointer: &str| received.body.pointer(pointer).unwrap().to_string();
        ids.entry((field("/data/id"), field("/data/revision"))).or_default().insert(received.id);
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "one event has one webhook-id, however often it is sent");
    stop.cancel();
}

fn story(item: u32, clock: &dyn Clock) -> Story {
    Story { item, ..stories::news(item, clock.now()) }
}

fn confirmed(receiver: &Receiver) -> BTreeSet<String> {
    let confirmed = receiver.received().into_iter().filter(|received| received.status == 204);
    confirmed.map(|received| received.body["data"]["title"].as_str().unwrap().to_owned()).collect()
}

async fn items(address: SocketAddr) -> Vec<serde_json::Value> {
    match http::send(address, "GET", "/feeds/quan1.json", &[], b"").await {
        Ok(answer) if answer.status == 200 => answer.json()["items"].as_array().unwrap().clone(),
        _ => Vec::new(),
    }
}

async fn n_items(address: SocketAddr) -> usize {
    items(address).await.len()
}

async fn is_backfilled(address: SocketAddr) -> bool {
    let answer = http::send(address, "GET", "/api/v1/sources", &[], b"").await;
    answer.is_ok_and(|answer| answer.text().contains("\"backfilled\":true"))
}

/// A real clock runs here: everything comes soon.
fn hurried(config: &str) -> String {
    let soon = r#"["0s", "100ms", "100ms", "100ms", "200ms", "200ms", "500ms", "500ms", "1s", "1s"]"#;
    let config = config
        .replacen("[web]", "[web]\nlisten = \"127.0.0.1:0\"", 1)
        .replacen("schedule = \"*/5 * * * *\"", "every = \"1s\"", 1)
        .replacen("title = \"Tin tức Quận 1\"", "title = \"Tin tức Quận 1\"\nitems = 200", 1);
    format!("[push]\nschedule = {soon}\n\n{config}")
}
