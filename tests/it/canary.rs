//! Another hub than our own: is it seen whether it delivers, and what feeds do when it does not.

use std::{collections::HashMap, time::Duration};

use axum::{Router, http::StatusCode, routing::post};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::{
    http::Answer,
    world::{World, loopback},
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const PASS: Duration = Duration::from_secs(300);
const TOPIC: &str = "https://tin.example.vn/feeds/quan1.atom";
const OWN: &str = "https://tin.example.vn/hub";

type Form = HashMap<String, String>;

/// A hub that takes everything with the status that the test wants. The test does the rest of its work: verifies,
/// fetches, distributes, or does not.
struct Hub {
    address: String,
    asked: mpsc::UnboundedReceiver<Form>,
    told: mpsc::UnboundedReceiver<Form>,
    status: watch::Sender<u16>,
}

/// What the hub was asked for.
struct Asked(Form);

impl Hub {
    async fn new() -> Self {
        let ((asks, asked), (tells, told)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let (status, answer) = watch::channel(202);
        let handler = async move |body: String| {
            let form: Form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let to = if form["hub.mode"] == "publish" { &tells } else { &asks };
            to.send(form).unwrap();
            (StatusCode::from_u16(*answer.borrow()).unwrap(), "no reason")
        };
        let listener = loopback().await;
        let address = format!("http://{}/hub", listener.local_addr().unwrap());
        let router = Router::new().route("/hub", post(handler));
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Self { address, asked, told, status }
    }

    /// A daemon whose feeds name it.
    async fn named(&self) -> World {
        World::with(|config| format!("{config}\n[publish]\nhub = \"{}\"\n", self.address)).await
    }

    /// What it was asked at this instant: the daemon is at rest.
    fn hears(&mut self) -> Asked {
        Asked(self.asked.try_recv().expect("the hub was not asked"))
    }

    fn hears_nothing(&mut self) {
        assert!(self.asked.try_recv().is_err(), "the hub was asked");
    }

    /// Waits until it is told of the topic.
    async fn is_told(&mut self) {
        loop {
            let told = tokio::time::timeout(Duration::from_secs(30), self.told.recv());
            if told.await.expect("the hub was not told").unwrap()["hub.url"] == TOPIC {
                return;
            }
        }
    }
}

impl Asked {
    fn path(&self) -> &str {
        self.0["hub.callback"].strip_prefix("https://tin.example.vn").unwrap()
    }

    async fn question(&self, world: &World, mode: &str, topic: &str, more: &str) -> Answer {
        let path = format!("{}?hub.mode={mode}&hub.topic={topic}&hub.challenge=ch%26l+1{more}", self.path());
        let answer = world.get(&path).await;
        world.settle().await;
        answer
    }

    /// Verifies the subscription and grants a lease.
    async fn grant(&self, world: &World, lease: u64) {
        let answer = self.question(world, "subscribe", TOPIC, &format!("&hub.lease_seconds={lease}")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ch&l 1"));
    }

    fn signature(&self, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0["hub.secret"].as_bytes()).unwrap();
        mac.update(body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }

    async fn push_as(&self, world: &World, signature: &str, body: &[u8]) -> u16 {
        let headers = [("x-hub-signature", signature), ("content-type", "application/atom+xml")];
        let answer = world.send("POST", self.path(), &headers, body).await;
        world.settle().await;
        answer.status
    }

    async fn push(&self, world: &World, body: &[u8]) -> u16 {
        self.push_as(world, &self.signature(body), body).await
    }

    /// Fetches the topic and distributes it, as a good hub does.
    async fn distribute(&self, world: &World) {
        let topic = world.get("/feeds/quan1.atom").await;
        assert_eq!(self.push(world, &topic.body).await, 202);
    }
}

/// What `/api/v1/hub` says of the hub.
async fn status(world: &World) -> serde_json::Value {
    world.get("/api/v1/hub").await.json()["other"].clone()
}

async fn state(world: &World) -> String {
    status(world).await["state"].as_str().unwrap().to_owned()
}

/// The hub that the feeds name, and the feed's tag.
async fn named(world: &World) -> (String, String) {
    let feed = world.get("/feeds/quan1.atom").await;
    let link = feed.header("link").unwrap().to_owned();
    let (hub, rest) = link.strip_prefix('<').unwrap().split_once(">; rel=\"hub\", ").unwrap();
    assert_eq!(rest, format!("<{TOPIC}>; rel=\"self\""), "one hub, first");
    assert!(feed.text().contains(&format!("<link href=\"{hub}\" rel=\"hub\"/>")), "{hub}");
    let json = world.get("/feeds/quan1.json").await.json();
    assert_eq!(json["hubs"], serde_json::json!([{ "type": "WebSub", "url": hub }]));
    (hub.to_owned(), feed.header("etag").unwrap().to_owned())
}

/// Something new becomes visible.
async fn news(world: &World, item: u32) {
    world.portal.publish(world.story(item, "Tin mới"));
    world.tick(PASS).await;
}

/// So many changes that the hub does not deliver.
async fn missed(world: &World, items: std::ops::Range<u32>) {
    for item in items {
        news(world, item).await;
    }
    world.tick(HOUR).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_delivers_is_seen_to_deliver() {
    let mut hub = Hub::new().await;
    let world = hub.named().await;
    let asked = hub.hears();
    assert_eq!((asked.0["hub.mode"].as_str(), asked.0["hub.topic"].as_str()), ("subscribe", TOPIC));
    assert_eq!((asked.0["hub.secret"].len(), asked.path().len()), (64, "/websub/".len() + 64));
    assert_eq!(state(&world).await, "asked");
    for (mode, topic) in [("subscribe", OWN), ("unsubscribe", TOPIC), ("publish", TOPIC)] {
        assert_eq!(asked.question(&world, mode, topic, "").await.status, 404, "{mode} {topic}");
    }
    for path in ["/websub/0123", "/websub/", "/websub/%00"] {
        assert_eq!(world.get(&format!("{path}?hub.mode=subscribe&hub.topic={TOPIC}")).await.status, 404);
        assert_eq!(world.send("POST", path, &[], b"x").await.status, 404, "{path}");
    }
    asked.grant(&world, 1000).await;
    assert_eq!(state(&world).await, "subscribed");
    hub.is_told().await;
    asked.distribute(&world).await;
    assert_eq!(status(&world).await["delivered"], 0, "what was there before is no change");

    news(&world, 840).await;
    hub.is_told().await;
    let waiting = status(&world).await;
    assert_eq!((&waiting["waiting"], &waiting["waiting_since"]), (&1.into(), &"2026-11-23T02:05:00Z".into()));
    world.tick(Duration::from_secs(20)).await;
    asked.distribute(&world).await;
    let delivered = status(&world).await;
    assert_eq!((&delivered["state"], &delivered["delivered"]), (&"delivering".into(), &1.into()));
    assert_eq!((&delivered["waiting"], &delivered["last_push"]), (&0.into(), &"2026-11-23T02:05:20Z".into()));

    // t = 320 s. Two changes in one push, the first of them after more than five minutes.
    world.tick(Duration::from_secs(280)).await;
    news(&world, 841).await;
    let renewal = hub.hears();
    assert_eq!(renewal.0, asked.0, "the same callback and secret");
    renewal.grant(&world, 864_000).await;
    news(&world, 842).await;
    world.tick(Duration::from_secs(30)).await;
    asked.distribute(&world).await;
    let late = status(&world).await;
    assert_eq!(
        (&late["late"], &late["delivered"], &late["state"]),
        (&1.into(), &2.into(), &"delivering".into())
    );
    assert_eq!(named(&world).await.0, hub.address);
    let metrics = world.get("/metrics").await.text();
    for name in ["loa_hub_canary_seconds_bucket{le=\"300\"}", "loa_hub_canary_changes_total{result=\"late\"}"]
    {
        assert!(metrics.contains(name), "{name}");
    }
    let page = world.get("/?lang=en").await.text();
    assert!(page.contains("Delivers in time") && !page.contains("instead"), "{page}");
    let secret = &asked.0["hub.secret"];
    assert!(!late.to_string().contains(secret) && !late.to_string().contains(asked.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_hub_stands_in_for_one_that_delivers_nothing_until_that_does() {
    let mut hub = Hub::new().await;
    let mut world = hub.named().await;
    let asked = hub.hears();
    asked.grant(&world, 864_000).await;
    missed(&world, 840..842).await;
    let two = status(&world).await;
    assert_eq!(
        (&two["state"], &two["missing"], &two["trusted"]),
        (&"missing".into(), &2.into(), &true.into())
    );
    assert_eq!(named(&world).await.0, hub.address);

    missed(&world, 842..843).await;
    let three = status(&world).await;
    assert_eq!((&three["state"], &three["in_a_row"]), (&"silent".into(), &3.into()));
    assert_eq!((&three["trusted"], &three["replaced"]), (&false.into(), &true.into()));
    let (own, tag) = named(&world).await;
    assert_eq!(own, OWN);
    assert_eq!(world.get("/api/v1/hub").await.json()["named"], OWN);
    let page = world.get("/?lang=vi").await.text();
    assert!(page.contains("Không đẩy những tin gần đây") && page.contains("để thay thế"), "{page}");
    let form = format!("hub.mode=subscribe&hub.topic={TOPIC}&hub.callback=https://reader.example.vn/push");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(world.send("POST", "/hub", &headers, form.as_bytes()).await.status, 202, "it is open");

    world.stop().await;
    world.start().await;
    assert_eq!(named(&world).await, (own, tag), "a restart changes no byte");
    hub.hears_nothing();
    world.reload(|config| config.replace("title = \"Tin tức Quận 1\"", "title = \"Tin Quận 1\"")).await;
    assert_eq!(named(&world).await.0, OWN, "nor does another configuration name it again");

    for item in 843..846 {
        news(&world, item).await;
        asked.distribute(&world).await;
    }
    assert_eq!((state(&world).await.as_str(), named(&world).await.0.as_str()), ("delivering", OWN));
    world.tick(DAY - 4 * HOUR).await;
    assert_eq!(named(&world).await.0, OWN, "not before a day is over");
    world.tick(4 * HOUR).await;
    assert_eq!(named(&world).await.0, hub.address);
    assert_eq!(status(&world).await["trusted"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_our_own_hub_is_closed_the_other_one_stays_named() {
    let mut hub = Hub::new().await;
    let mut world = hub.named().await;
    world.reload(|config| config + "\n[hub]\nopen = false\n").await;
    hub.hears().grant(&world, 864_000).await;
    missed(&world, 840..843).await;
    let status = status(&world).await;
    assert_eq!((&status["state"], &status["replaced"]), (&"silent".into(), &false.into()));
    assert_eq!(named(&world).await.0, hub.address);
    world.reload(|config| config.replace("open = false", "open = true")).await;
    assert_eq!(named(&world).await.0, OWN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_genuine_and_new_counts() {
    let mut hub = Hub::new().await;
    let world = hub.named().await;
    let asked = hub.hears();
    asked.grant(&world, 864_000).await;
    let old = world.get("/feeds/quan1.atom").await.body;
    news(&world, 840).await;
    let new = world.get("/feeds/quan1.atom").await;
    for signature in [asked.signature(b"something else").as_str(), "", "sha256=", "md5=00"] {
        assert_eq!(asked.push_as(&world, signature, &new.body).await, 202, "whoever guesses learns nothing");
    }
    assert_eq!(status(&world).await["last_push"], serde_json::Value::Null);
    let text = new.text();
    let shortened = text.split_once("<entry>").unwrap().0.to_owned() + "</feed>";
    for body in [&old[..], b"", b"\xff\x00 no feed", shortened.as_bytes(), b"<html><body>Tin</body></html>"] {
        assert_eq!(asked.push(&world, body).await, 202);
    }
    let waiting = status(&world).await;
    assert_eq!((&waiting["waiting"], &waiting["state"]), (&1.into(), &"subscribed".into()));
    assert_eq!(asked.push(&world, &vec![b'x'; 2_100_000]).await, 413);

    // A hub may send what is new only.
    let (head, entries) = text.split_once("<entry>").unwrap();
    let (entry, _) = entries.split_once("</entry>").unwrap();
    assert!(entry.contains("Tin mới"));
    asked.push(&world, format!("{head}<entry>{entry}</entry></feed>").as_bytes()).await;
    assert_eq!(state(&world).await, "delivering");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_never_verifies_is_replaced_after_a_day() {
    let mut hub = Hub::new().await;
    let world = hub.named().await;
    hub.hears();
    world.tick(HOUR).await;
    let again = hub.hears();
    world.tick(DAY - 2 * HOUR).await;
    assert_eq!(
        (state(&world).await.as_str(), named(&world).await.0.as_str()),
        ("asked", hub.address.as_str())
    );
    world.tick(HOUR).await;
    assert_eq!((state(&world).await.as_str(), named(&world).await.0.as_str()), ("unverified", OWN));
    let page = world.get("/?lang=en").await.text();
    assert!(page.contains("Does not confirm"), "{page}");
    // The last question may be a while ago.
    world.tick(DAY).await;
    assert_eq!(hub.hears().0, again.0, "it is asked on");
    again.grant(&world, 864_000).await;
    assert_eq!((state(&world).await.as_str(), named(&world).await.0.as_str()), ("subscribed", OWN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_down_refuses_or_denies_is_said_to() {
    let mut hub = Hub::new().await;
    hub.status.send_replace(503);
    let world = hub.named().await;
    hub.hears();
    assert_eq!(status(&world).await["error"], "it answered 503: no reason");
    let untold = async {
        while status(&world).await["announce_error"] != "it answered 503" {
            world.settle().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), untold).await.expect("it could not be told, either");
    hub.status.send_replace(403);
    world.tick(PASS).await;
    hub.hears();
    assert_eq!(status(&world).await["error"], "it answered 403: no reason");
    hub.status.send_replace(202);
    world.tick(DAY).await;
    let asked = hub.hears();
    assert_eq!(state(&world).await, "unverified");
    asked.grant(&world, 864_000).await;
    let denied = asked.question(&world, "denied", TOPIC, "&hub.reason=ch%E1%BA%ADt+ch%E1%BB%97").await;
    assert_eq!(denied.status, 200);
    let status = status(&world).await;
    assert_eq!((&status["state"], &status["error"]), (&"asked".into(), &"denied: chật chỗ".into()));
    assert!(status["lease_until"].is_null());
    news(&world, 840).await;
    assert_eq!(self::status(&world).await["waiting"], 0, "nothing is expected of who promised nothing");
    hub.hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_the_subscription_and_another_hub_ends_it() {
    let (mut hub, mut other) = (Hub::new().await, Hub::new().await);
    let mut world = hub.named().await;
    let asked = hub.hears();
    asked.grant(&world, 864_000).await;
    news(&world, 840).await;
    world.stop().await;
    world.start().await;
    hub.hears_nothing();
    assert_eq!(status(&world).await["waiting"], 0, "it may have been pushed while we were away");
    news(&world, 841).await;
    asked.distribute(&world).await;
    assert_eq!(status(&world).await["delivered"], 1, "at the old callback");

    world.reload(|config| config.replace(&hub.address, &other.address)).await;
    let farewell = hub.hears();
    assert_eq!((farewell.0["hub.mode"].as_str(), farewell.path()), ("unsubscribe", asked.path()));
    assert_eq!(farewell.question(&world, "unsubscribe", TOPIC, "").await.text(), "ch&l 1");
    assert_eq!(asked.push(&world, b"x").await, 410);
    let second = other.hears();
    assert_ne!(second.path(), asked.path());
    second.grant(&world, 864_000).await;
    assert_eq!(status(&world).await["delivered"], 0, "another hub, other figures");

    world.reload(|config| config.replace("[publish]\n", "[publish]\ncanary = false\n")).await;
    let farewell = other.hears();
    assert_eq!(farewell.question(&world, "unsubscribe", TOPIC, "").await.status, 200);
    assert_eq!((state(&world).await.as_str(), named(&world).await.0), ("off", other.address.clone()));
    world.tick(12 * DAY).await;
    assert_eq!(second.push_as(&world, "", b"x").await, 404, "forgotten when the lease would have ended");
    hub.hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_cannot_reach_us_is_not_asked() {
    let mut hub = Hub::new().await;
    let mut world = World::with(|config| {
        let config = config.replace("https://tin.example.vn", "http://127.0.0.1:8080");
        format!("{config}\n[publish]\nhub = \"{}\"\n", hub.address)
    })
    .await;
    hub.hears_nothing();
    assert_eq!(state(&world).await, "unreachable");
    assert_eq!(world.get("/api/v1/hub").await.json()["open"], false, "ours has nobody to stand in for");
    world.reload(|config| config + "\n[ingest]\nallow_private_callbacks = true\n").await;
    assert!(hub.hears().0["hub.callback"].starts_with("http://127.0.0.1:8080/websub/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_feed_is_not_watched() {
    let mut hub = Hub::new().await;
    let mut world = hub.named().await;
    hub.hears().grant(&world, 864_000).await;
    let feed = "sources = [\"quan1\"]\n";
    let private = format!("{feed}private = true\ntokens = [\"5f3c8a1b9d7e4f60a2c1\"]\n");
    world.reload(|config| config.replace(feed, &private)).await;
    assert_eq!(hub.hears().0["hub.mode"], "unsubscribe");
    assert_eq!(state(&world).await, "starting", "there is nothing to watch");
    world.reload(|config| config.replace(&private, feed)).await;
    assert_eq!(hub.hears().0["hub.mode"], "subscribe");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_that_changes_is_watched() {
    let mut hub = Hub::new().await;
    let world = World::with(|config| {
        let feeds = "sources = [\"quan1\"]\nfilter = \"alpha\"\n[[feed]]\nid = \"beta\"\ntitle = \"B\"\n\
                     sources = [\"quan1\"]\nfilter = \"beta\"\n";
        let config = config.replace("sources = [\"quan1\"]\n", feeds);
        format!("{config}\n[publish]\nhub = \"{}\"\n", hub.address)
    })
    .await;
    // Neither feed shows anything: the first by its name.
    let beta = "https://tin.example.vn/feeds/beta.atom";
    let asked = hub.hears();
    assert_eq!(asked.0["hub.topic"], beta);
    world.portal.publish(world.story(840, "Tin alpha"));
    world.tick(PASS).await;
    let second = hub.hears();
    assert_eq!((second.0["hub.mode"].as_str(), second.0["hub.topic"].as_str()), ("subscribe", TOPIC));
    let farewell = hub.hears();
    assert_eq!((farewell.0["hub.mode"].as_str(), farewell.0["hub.topic"].as_str()), ("unsubscribe", beta));
    assert_eq!(farewell.question(&world, "unsubscribe", beta, "").await.status, 200);
    second.grant(&world, 864_000).await;
    world.portal.publish(world.story(841, "Tin beta"));
    world.tick(PASS).await;
    hub.hears_nothing();
    assert_eq!(status(&world).await["waiting"], 0, "another feed's news");
    world.portal.publish(world.story(842, "Tin alpha nữa"));
    world.tick(PASS).await;
    second.distribute(&world).await;
    assert_eq!(
        (&status(&world).await["feed"], &status(&world).await["delivered"]),
        (&"quan1".into(), &1.into())
    );
}
