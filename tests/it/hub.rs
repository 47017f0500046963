//! Hubs: another one, that is told when feeds change, and our own.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
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
            assert_eq!((pairs[1].0.as_str(), pairs[2].0.as_str()), ("hub.url", "hub.topic"));
            assert_eq!(pairs[1].1, pairs[2].1);
            assert!(topics.contains(&pairs[1].1), "{body}");
            heard.insert(pairs[1].1.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_is_named_and_told_about_every_change_also_after_an_outage() {
    let mut hub = Hub::new().await;
    // A canary would subscribe there, too, at its own time.
    let publish = format!("\n[publish]\nhub = \"{}\"\ncanary = false\n", hub.address);
    let world = World::with(|config| config + &publish).await;
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

/// A subscriber of our hub: repeats challenges, writes down what it is sent.
struct Subscriber {
    address: String,
    sent: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
    fails: tokio::sync::watch::Sender<bool>,
}

impl Subscriber {
    async fn new() -> Self {
        let (sender, sent) = mpsc::unbounded_channel();
        let (fails, failing) = tokio::sync::watch::channel(false);
        let told = async move |headers: HeaderMap, body: Bytes| {
            sender.send((headers, body)).unwrap();
            if *failing.borrow() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
        };
        let asked = async |Query(query): Query<HashMap<String, String>>| query["hub.challenge"].clone();
        let router = Router::new().route("/push", get(asked).post(told));
        let listener = loopback().await;
        let address = format!("http://{}/push", listener.local_addr().unwrap());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Self { address, sent, fails }
    }

    async fn receives(&mut self) -> (HeaderMap, Bytes) {
        let sent = tokio::time::timeout(Duration::from_secs(30), self.sent.recv());
        sent.await.expect("nothing was sent").unwrap()
    }

    fn form(&self, topic: &str, more: &[(&str, &str)]) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("hub.callback", &self.address).append_pair("hub.topic", topic);
        form.extend_pairs(more).finish()
    }
}

const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
const OPEN: &str = "\n[push]\nallow_private = true\n";

/// The addresses in a `Link` header by their relations.
fn links(header: &str) -> HashMap<&str, &str> {
    let parts = header.split(", ").filter_map(|link| link.split_once("; rel="));
    parts.map(|(url, rel)| (rel.trim_matches('"'), url.trim_matches(['<', '>']))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_hub_sends_what_the_address_serves_also_after_a_restart() {
    let mut reader = Subscriber::new().await;
    let mut world = World::with(|config| format!("{config}{OPEN}")).await;
    let feed = world.get("/feeds/quan1.rss").await;
    let links = links(feed.header("link").unwrap());
    assert_eq!(
        (links["hub"], links["self"]),
        ("https://tin.example.vn/hub", "https://tin.example.vn/feeds/quan1.rss")
    );
    let json = world.get("/feeds/quan1.json").await.json();
    assert_eq!(json["hubs"][0]["url"], links["hub"]);
    let topic = links["self"].to_owned();

    let subscribe =
        reader.form(&topic, &[("hub.mode", "subscribe"), ("hub.secret", "s3cret"), ("hub.verify", "sync")]);
    let answer = world.send("POST", "/hub", FORM, subscribe.as_bytes()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let (headers, body) = reader.receives().await;
    assert_eq!(body, feed.body, "the version that is there, once");
    for name in ["link", "content-type"] {
        assert_eq!(headers[name].to_str().unwrap(), feed.header(name).unwrap());
    }
    world.settle().await;

    world.portal.publish(world.story(840, "Tin mới"));
    world.tick(Duration::from_secs(300)).await;
    let (headers, body) = reader.receives().await;
    assert_eq!(body, world.get("/feeds/quan1.rss").await.body);
    assert!(String::from_utf8_lossy(&body).contains("Tin mới"));
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(b"s3cret").unwrap();
    mac.update(&body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(headers["x-hub-signature"], format!("sha256={hex}"));

    reader.fails.send_replace(true);
    world.portal.publish(world.story(841, "Tin nữa"));
    world.tick(Duration::from_secs(300)).await;
    reader.receives().await;
    world.stop().await;
    reader.fails.send_replace(false);
    world.start().await;
    world.tick(Duration::from_secs(600)).await;
    let (_, body) = reader.receives().await;
    assert_eq!(body, world.get("/feeds/quan1.rss").await.body, "what failed is told after a restart");
    let listed = world.api("GET", "/api/v1/subscriptions", "").await.json();
    let ours =
        listed["subscriptions"].as_array().unwrap().iter().find(|one| one["channel"] == "websub").unwrap();
    assert_eq!((&ours["topic"], &ours["state"]), (&topic.as_str().into(), &"active".into()));

    let leave = reader.form(&topic, &[("hub.mode", "unsubscribe")]);
    assert_eq!(world.send("POST", "/hub", FORM, leave.as_bytes()).await.status, 202);
    world.settle().await;
    let listed = world.api("GET", "/api/v1/subscriptions", "").await.json();
    assert!(!listed.to_string().contains("websub"), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_hub_refuses_in_plain_text_what_it_cannot_use() {
    let reader = Subscriber::new().await;
    let world = World::new().await;
    let topic = "https://tin.example.vn/feeds/quan1.atom";
    let subscribe = [("hub.mode", "subscribe")];
    for (form, words) in [
        (String::new(), "hub.mode"),
        (reader.form("https://tin.example.vn/feeds/other.atom", &subscribe), "hub.topic"),
        (reader.form("https://tin.example.vn/feeds/quan1.atom?q=x", &subscribe), "hub.topic"),
        (reader.form(topic, &subscribe), "hub.callback"),
        (reader.form(topic, &[("hub.mode", "subscribe"), ("hub.lease_seconds", "0")]), "hub.lease_seconds"),
    ] {
        let answer = world.send("POST", "/hub", FORM, form.as_bytes()).await;
        assert_eq!(answer.status, 400, "{form}");
        assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
        assert!(answer.text().contains(words), "{form}: {}", answer.text());
    }
    let json = world.send("POST", "/hub", &[("content-type", "application/json")], b"{}").await;
    assert_eq!(json.status, 415);
    let browser = world.get("/hub").await;
    assert_eq!((browser.status, browser.header("allow")), (405, Some("POST")));
    assert!(browser.text().contains("WebSub"));
}
