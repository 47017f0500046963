//! A hub that is told when feeds change.

use std::{collections::BTreeSet, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::world::{World, loopback};

/// A hub that sends on what it is told, and fails as long as it is told to.
struct Hub {
    address: String,
    told: mpsc::UnboundedReceiver<String>,
    fails: tokio::sync::watch::Sender<bool>,
}

impl Hub {
    async fn new() -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let (fails, failing) = tokio::sync::watch::channel(false);
        let answer = async |State((sender, failing)): State<(
            mpsc::UnboundedSender<String>,
            tokio::sync::watch::Receiver<bool>,
        )>,
                            body: String| {
            sender.send(body).unwrap();
            if *failing.borrow() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
        };
        let listener = loopback().await;
        let address = format!("http://{}/hub", listener.local_addr().unwrap());
        let router = Router::new().route("/hub", post(answer)).with_state((sender, failing));
        let tasks = TaskTracker::new();
        tasks.spawn(async move { axum::serve(listener, router).await });
        Self { address, told, fails }
    }

    async fn hears(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(30), self.told.recv())
            .await
            .expect("the hub was not told")
            .unwrap()
    }

    /// Waits until it was told about each of `topics`.
    async fn hears_of(&mut self, topics: &BTreeSet<String>) {
        let mut heard = BTreeSet::new();
        while heard != *topics {
            let body = self.hears().await;
            let pairs: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            assert_eq!(pairs[0], ("hub.mode".to_owned(), "publish".to_owned()));
            assert_eq!(pairs[1].0, "hub.url");
            assert!(topics.contains(&pairs[1].1), "{body}");
            heard.insert(pairs[1].1.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_is_named_and_told_about_every_change_also_after_an_outage() {
    let mut hub = Hub::new().await;
    let world = World::with(|config| format!("{config}\n[publish]\nhub = \"{}\"\n", hub.address)).await;
    let topics: BTreeSet<_> =
        ["atom", "json", "rss"].map(|format| format!("https://tin.example.vn/feeds/quan1.{format}")).into();
    hub.hears_of(&topics).await;
    let feed = world.get("/feeds/quan1.rss").await;
    let link =
        format!("<{}>; rel=\"hub\", <https://tin.example.vn/feeds/quan1.rss>; rel=\"self\"", hub.address);
    assert_eq!(feed.header("link"), Some(link.as_str()));
    let part = world.get("/feeds/quan1.rss?q=tin").await;
    assert!(!part.header("link").unwrap().contains("hub"), "nobody is told about parts");

    hub.fails.send_replace(true);
    world.portal.publish(world.story(840, "Tin mới"));
    world.tick(Duration::from_secs(300)).await;
    hub.hears().await;
    hub.fails.send_replace(false);
    world.tick(Duration::from_secs(120)).await;
    hub.hears_of(&topics).await;
}
