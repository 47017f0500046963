//! Sources that name a hub: subscribed there, told by push, polled as well.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::{
    http::Answer,
    world::{World, loopback},
};

const TOPIC: &str = "https://bao.example.vn/feed?a=1";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A hub that writes down what it is asked, and answers with the status that the test wants.
struct Hub {
    address: String,
    asked: mpsc::UnboundedReceiver<HashMap<String, String>>,
    status: watch::Sender<u16>,
}

/// A site with one feed, whose links the test chooses.
#[derive(Clone)]
struct Site {
    address: String,
    feed: Arc<Mutex<Feed>>,
}

#[derive(Clone, Default)]
struct Feed {
    titles: Vec<&'static str>,
    /// Elements of the channel.
    links: String,
    /// The `Link` header.
    header: Option<String>,
}

/// What a hub was asked for.
struct Asked(HashMap<String, String>);

impl Hub {
    async fn new() -> Self {
        let (sender, asked) = mpsc::unbounded_channel();
        let (status, answer) = watch::channel(202);
        let listener = loopback().await;
        let address = format!("http://{}/hub", listener.local_addr().unwrap());
        let handler = async move |body: String| {
            let form: HashMap<_, _> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            // With what a careless hub repeats: our secrets.
            let text = format!(
                "no: {} {}",
                form["hub.callback"],
                form.get("hub.secret").cloned().unwrap_or_default()
            );
            sender.send(form).unwrap();
            (StatusCode::from_u16(*answer.borrow()).unwrap(), text)
        };
        let router = Router::new().route("/hub", post(handler));
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Self { address, asked, status }
    }

    /// What it was asked at this instant: the daemon is at rest.
    fn hears(&mut self) -> Asked {
        Asked(self.asked.try_recv().expect("the hub was not asked"))
    }

    fn hears_nothing(&mut self) {
        assert!(self.asked.try_recv().is_err(), "the hub was asked");
    }
}

impl Site {
    async fn new() -> Self {
        let listener = loopback().await;
        let address = format!("http://{}/feed", listener.local_addr().unwrap());
        let site = Self { address, feed: Arc::default() };
        let router = Router::new().route("/feed", get(serve)).with_state(site.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        site.publish("Tin cũ");
        site
    }

    fn publish(&self, title: &'static str) {
        self.feed.lock().unwrap().titles.push(title);
    }

    /// Names `hub` in its `Link` header.
    fn link(&self, hub: &Hub) {
        self.feed.lock().unwrap().header =
            Some(format!("</next>; rel=next, <{}>; rel=\"hub\", <{TOPIC}>; rel=\"self\"", hub.address));
    }

    /// Names `hub` in its document.
    fn name(&self, hub: &Hub) {
        self.feed.lock().unwrap().links = format!(
            "<atom:link rel=\"hub\" href=\"{}\"/><atom:link rel=\"self\" href=\"{}\"/>",
            hub.address, TOPIC
        );
    }

    fn name_nothing(&self) {
        let mut feed = self.feed.lock().unwrap();
        (feed.links, feed.header) = (String::new(), None);
    }

    /// A daemon that watches it every five minutes.
    async fn watched(&self, change: impl FnOnce(String) -> String) -> World {
        World::with(|config| {
            let (head, rest) = config.split_once("\nurl = \"").unwrap();
            let (_, rest) = rest.split_once('"').unwrap();
            let config = format!("{head}\nurl = \"{}\"{rest}", self.address);
            change(config.replace("sharepoint-posts", "feed"))
        })
        .await
    }
}

async fn serve(State(site): State<Site>) -> impl IntoResponse {
    let Feed { titles, links, header } = site.feed.lock().unwrap().clone();
    let item = |(n, title): (usize, &&str)| {
        format!(
            "<item><guid isPermaLink=\"false\">{n}</guid><title>{title}</title><description>{title}</description></item>"
        )
    };
    let items: String = titles.iter().enumerate().map(item).rev().collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/rss+xml"));
    if let Some(header) = header {
        headers.insert(header::LINK, header.parse().unwrap());
    }
    let atom = "xmlns:atom=\"http://www.w3.org/2005/Atom\"";
    (
        headers,
        format!("<rss version=\"2.0\" {atom}><channel><title>Báo</title>{links}{items}</channel></rss>"),
    )
}

impl Asked {
    fn get(&self, name: &str) -> &str {
        &self.0[name]
    }

    /// The callback's path at the daemon.
    fn path(&self) -> &str {
        self.get("hub.callback").strip_prefix("https://tin.example.vn").unwrap()
    }

    /// What the hub asks back.
    async fn question(&self, world: &World, mode: &str, topic: &str, more: &str) -> Answer {
        let topic: String = url::form_urlencoded::byte_serialize(topic.as_bytes()).collect();
        let path = format!("{}?hub.mode={mode}&hub.topic={topic}&hub.challenge=ch%26l+1{more}", self.path());
        let answer = world.get(&path).await;
        world.settle().await;
        answer
    }

    /// Verifies a subscription and grants a lease.
    async fn grant(&self, world: &World, lease: u64) {
        let lease = format!("&hub.lease_seconds={lease}");
        let answer = self.question(world, "subscribe", TOPIC, &lease).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ch&l 1"));
        assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    }

    fn signature(&self, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.get("hub.secret").as_bytes()).unwrap();
        mac.update(body);
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }

    /// Pushes with this signature.
    async fn push_as(&self, world: &World, signature: &str, body: &[u8]) -> u16 {
        let answer = world.send("POST", self.path(), &[("x-hub-signature", signature)], body).await;
        world.settle().await;
        answer.status
    }

    async fn push(&self, world: &World) -> u16 {
        // Larger than any other request may be: pushes are as large as feeds.
        let body = vec![b'x'; 300_000];
        self.push_as(world, &self.signature(&body), &body).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_shows_news_at_once_and_a_lease_is_renewed_before_it_ends() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.link(&hub);
    let world = site.watched(|config| config).await;
    let asked = hub.hears();
    assert_eq!((asked.get("hub.mode"), asked.get("hub.topic")), ("subscribe", TOPIC));
    assert_eq!((asked.get("hub.secret").len(), asked.get("hub.lease_seconds")), (64, "864000"));
    assert_eq!(asked.path().strip_prefix("/websub/quan1/").unwrap().len(), 64);
    assert_eq!(world.source().await["websub"]["state"], "asked");

    for (mode, topic) in
        [("subscribe", "https://bao.example.vn/feed"), ("unsubscribe", TOPIC), ("publish", TOPIC)]
    {
        assert_eq!(asked.question(&world, mode, topic, "").await.status, 404, "{mode} {topic}");
    }
    for path in ["/websub/quan1/0123", "/websub/nobody/0123", "/websub/quan1/", "/websub/%00/x"] {
        let query = format!("{path}?hub.mode=subscribe&hub.topic={TOPIC}&hub.challenge=x");
        assert_eq!(world.get(&query).await.status, 404, "{path}");
        assert_eq!(world.send("POST", path, &[], b"x").await.status, 404, "{path}");
    }
    asked.grant(&world, 1000).await;
    let source = world.source().await;
    assert_eq!(source["websub"]["state"], "subscribed");
    assert_eq!(source["websub"]["hub"], hub.address.as_str());
    assert_eq!(source["websub"]["lease_until"], "2026-11-23T09:16:40+07:00");
    assert!(!source.to_string().contains(asked.get("hub.secret")));

    world.tick(seconds(90)).await;
    site.publish("Tin nóng");
    assert_eq!(asked.push(&world).await, 202);
    assert_eq!(world.titles().await, ["Tin nóng", "Tin cũ"], "long before the next poll");
    assert_eq!(world.source().await["websub"]["pushes"], 1);

    // t = 90 s. The hub has proved itself: the poll at 300 s is left out, the one at 600 s is not.
    site.publish("Tin lạ");
    world.tick(seconds(60)).await;
    let forged = asked.signature(b"something else");
    for signature in [forged.as_str(), "", "sha256=", "md5=00"] {
        assert_eq!(asked.push_as(&world, signature, b"x").await, 202, "whoever guesses learns nothing");
    }
    world.tick(seconds(150)).await;
    assert_eq!(world.titles().await.len(), 2, "forged pushes are ignored");
    world.tick(seconds(300)).await;
    assert_eq!(world.titles().await.len(), 3, "polling is the safety net");
    assert_eq!(world.source().await["websub"]["poll_factor"], 1, "and found what nobody pushed");
    assert!(world.get("/metrics").await.text().contains("loa_source_pushes_total{result=\"ignored\"}"));

    world.tick(seconds(199)).await;
    hub.hears_nothing();
    world.tick(seconds(1)).await;
    let renewal = hub.hears();
    assert_eq!(renewal.0, asked.0, "the same callback and secret");
    renewal.grant(&world, 1000).await;
    assert_eq!(world.source().await["websub"]["lease_until"], "2026-11-23T09:30:00+07:00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_cannot_make_us_hammer_a_site() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.link(&hub);
    let world = site.watched(|config| config).await;
    let asked = hub.hears();
    asked.grant(&world, 864_000).await;
    for title in ["Một", "Hai", "Ba"] {
        site.publish(title);
        assert_eq!(asked.push(&world).await, 202);
    }
    assert_eq!(world.titles().await.len(), 1, "the site was read at this very instant");
    world.tick(seconds(60)).await;
    assert_eq!(world.titles().await.len(), 4, "once for all three pushes");
    assert_eq!(world.source().await["websub"]["pushes"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_the_subscription_and_a_push_that_waits() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.name(&hub);
    let mut world = site.watched(|config| config).await;
    let asked = hub.hears();
    asked.grant(&world, 864_000).await;
    site.publish("Tin nóng");
    asked.push(&world).await;
    world.stop().await;
    world.start().await;
    hub.hears_nothing();
    assert_eq!(world.source().await["websub"]["lease_until"], "2026-12-03T09:00:00+07:00");
    world.tick(seconds(60)).await;
    assert_eq!(world.titles().await.len(), 2, "the push from before");
    world.tick(seconds(60)).await;
    site.publish("Tin nữa");
    assert_eq!(asked.push(&world).await, 202);
    assert_eq!(world.titles().await.len(), 3, "a push to the old callback");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_goes_on_while_a_hub_is_down_or_refuses() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.link(&hub);
    hub.status.send_replace(503);
    let world = site.watched(|config| config).await;
    hub.hears();
    site.publish("Tin thường");
    world.tick(seconds(300)).await;
    assert_eq!(world.titles().await.len(), 2);
    hub.status.send_replace(403);
    world.tick(seconds(300)).await;
    let asked = hub.hears();
    while hub.asked.try_recv().is_ok() {}
    let source = world.source().await;
    let error = source["websub"]["error"].as_str().unwrap();
    assert!(error.starts_with("it answered 403: no: https://tin.example.vn/websub/quan1/… …"), "{error}");
    for _ in 0..11 {
        world.tick(seconds(2 * 3600)).await;
    }
    hub.hears_nothing();
    hub.status.send_replace(202);
    world.tick(seconds(2 * 3600)).await;
    assert_eq!(hub.hears().0, asked.0, "after a day");

    asked.grant(&world, 864_000).await;
    let denied = asked.question(&world, "denied", TOPIC, "&hub.reason=ch%E1%BA%ADt+ch%E1%BB%97").await;
    assert_eq!(denied.status, 200);
    let source = world.source().await;
    assert_eq!(source["websub"]["error"], "denied: chật chỗ");
    assert!(source["websub"]["lease_until"].is_null());
    hub.hears_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_followed_any_more_is_unsubscribed() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.name(&hub);
    let mut world = site.watched(|config| config).await;
    let first = hub.hears();
    first.grant(&world, 864_000).await;

    site.name_nothing();
    world.tick(seconds(300)).await;
    let farewell = hub.hears();
    assert_eq!((farewell.get("hub.mode"), farewell.path()), ("unsubscribe", first.path()));
    assert!(!farewell.0.contains_key("hub.secret"));
    assert_eq!(farewell.question(&world, "subscribe", TOPIC, "").await.status, 404);
    assert_eq!(farewell.question(&world, "unsubscribe", TOPIC, "").await.text(), "ch&l 1");
    assert_eq!(first.push(&world).await, 410);

    site.name(&hub);
    world.tick(seconds(300)).await;
    let second = hub.hears();
    assert_ne!(second.path(), first.path());
    second.grant(&world, 864_000).await;
    world.reload(|config| config.replace("jitter =", "websub = false\njitter =")).await;
    assert_eq!(hub.hears().get("hub.mode"), "unsubscribe");
    world.reload(|config| config.replace("websub = false", "websub = true")).await;
    let third = hub.hears();
    third.grant(&world, 864_000).await;

    // The source is replaced by another one.
    world
        .reload(|config| {
            config
                .replace("id = \"quan1\"\nname", "id = \"quan3\"\nname")
                .replace("sources = [\"quan1\"]", "sources = [\"quan3\"]")
        })
        .await;
    let mut both = [hub.hears(), hub.hears()];
    both.sort_by_key(|asked| asked.get("hub.mode").to_owned());
    assert_eq!((both[0].get("hub.mode"), both[1].get("hub.mode")), ("subscribe", "unsubscribe"));
    assert!(both[0].path().starts_with("/websub/quan3/"));
    assert_eq!(both[1].path(), third.path());
    assert_eq!(both[1].question(&world, "unsubscribe", TOPIC, "").await.status, 200);
    assert_eq!(third.push(&world).await, 410);
    world.tick(12 * DAY).await;
    assert_eq!(third.push_as(&world, "", b"x").await, 404, "forgotten when the lease would have ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_where_hubs_cannot_reach_us() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.link(&hub);
    let mut world =
        site.watched(|config| config.replace("https://tin.example.vn", "http://127.0.0.1:8080")).await;
    hub.hears_nothing();
    assert_eq!(world.source().await["websub"]["state"], "not-followed");
    world.reload(|config| config + "\n[ingest]\nallow_private_callbacks = true\n").await;
    let asked = hub.hears();
    assert!(asked.get("hub.callback").starts_with("http://127.0.0.1:8080/websub/quan1/"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_at_a_private_address_is_not_asked_for_a_public_source() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.link(&hub);
    let mut world = site.watched(|config| config).await;
    assert_eq!(hub.hears().get("hub.mode"), "subscribe");
    world.reload(|config| config.replacen("allow_private = true", "allow_private = false", 1)).await;
    assert_eq!(hub.hears().get("hub.mode"), "unsubscribe");
    hub.hears_nothing();
    let source = world.source().await;
    let error = source["websub"]["error"].as_str().unwrap();
    assert!(error.contains("a loopback address, not a public address"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sources_of_one_hub_are_all_subscribed() {
    let (mut hub, site) = (Hub::new().await, Site::new().await);
    site.link(&hub);
    let more: String = (0..9)
        .map(|n| {
            format!(
                "[[source]]\nid = \"more{n}\"\nplatform = \"feed\"\nurl = \"{}\"\nevery = \"10m\"\n\
                 spacing = \"0s\"\njitter = \"0s\"\nallow_private = true\n",
                site.address
            )
        })
        .collect();
    let mut world = site.watched(|config| format!("{config}\n{more}")).await;
    let mut asked: Vec<_> = (0..10).map(|_| hub.hears()).collect();
    hub.hears_nothing();
    asked.sort_by_key(|asked| asked.path().to_owned());
    asked.dedup_by_key(|asked| asked.get("hub.secret").to_owned());
    assert_eq!(asked.len(), 10, "each has its own secret");
    for one in &asked {
        one.grant(&world, 864_000).await;
    }
    // All of them are left at once.
    world
        .reload(|config| {
            config.replace(
                "allow_private = true\n[[source]]",
                "allow_private = true\nwebsub = false\n[[source]]",
            )
        })
        .await;
    assert!((0..8).all(|_| hub.hears().get("hub.mode") == "unsubscribe"));
}
