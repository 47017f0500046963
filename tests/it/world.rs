//! One daemon, one portal, one newsroom, one clock: `World`.
//!
//! The test moves the clock and waits until nothing is left to do at that instant. A world that is dropped with
//! unsettled deliveries or with deliveries of wrong signature fails its test.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use loaphuong::{
    app::App,
    clock::{Clock, Manual},
    config,
    demo::{
        portal::{Portal, Story},
        receiver::Receiver,
        stories,
    },
    model::Timestamp,
    push::sign,
    store,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::http::{self, Answer, Stream};

/// Monday, 2026-11-23, 09:00 in Ho Chi Minh City.
pub(crate) const START: i64 = 1_795_399_200;

pub(crate) struct World {
    pub(crate) portal: Portal,
    pub(crate) receiver: Receiver,
    pub(crate) clock: Manual,
    pub(crate) app: Option<App>,
    pub(crate) address: SocketAddr,
    config: String,
    folder: tempfile::TempDir,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl World {
    /// A daemon that watches a portal with six stories and tells one newsroom. Nothing has happened yet.
    pub(crate) async fn new() -> Self {
        Self::with(|text| text).await
    }

    /// The same, with its configuration changed.
    pub(crate) async fn with(change: impl FnOnce(String) -> String) -> Self {
        let clock = Manual::at(Timestamp::from_second(START));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (portal, serving) = Portal::serve(loopback().await, stop.clone()).unwrap();
        tasks.spawn(serving);
        stories::archive(clock.now()).into_iter().for_each(|story| portal.publish(story));
        let secret = sign::generate_secret().unwrap();
        let shared = Arc::new(clock.clone());
        let (receiver, serving) =
            Receiver::serve(loopback().await, secret.clone(), shared, None, stop.clone()).unwrap();
        tasks.spawn(serving);
        let folder = tempfile::tempdir().unwrap();
        let secret = sign::print_secret(&secret);
        let config = change(configuration(&portal, &receiver, &secret, folder.path()));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut world = Self { portal, receiver, clock, app: None, address, config, folder, stop, tasks };
        world.start().await;
        world
    }

    /// Starts the daemon (again) and waits until it has done what is due.
    pub(crate) async fn start(&mut self) {
        let listener = loopback().await;
        self.address = listener.local_addr().unwrap();
        let app = App::start(self.load(), listener, Arc::new(self.clock.clone())).await.unwrap();
        self.app = Some(app);
        self.settle().await;
    }

    /// Stops the daemon as SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        self.app.take().expect("the daemon runs").stop().await;
    }

    /// Rewrites the configuration and reloads it as SIGHUP does.
    pub(crate) async fn reload(&mut self, change: impl FnOnce(String) -> String) {
        self.config = change(std::mem::take(&mut self.config));
        let config = self.load();
        self.app.as_ref().expect("the daemon runs").reload(config).await.unwrap();
        self.settle().await;
    }

    /// A second portal, empty, that ends with this world.
    pub(crate) async fn another_portal(&self) -> Portal {
        let (portal, serving) = Portal::serve(loopback().await, self.stop.clone()).unwrap();
        self.tasks.spawn(serving);
        portal
    }

    /// Throws away everything that the daemon kept. It must not run.
    pub(crate) fn lose_store(&self) {
        assert!(self.app.is_none(), "the daemon runs");
        std::fs::remove_dir_all(self.folder.path().join("store")).unwrap();
    }

    /// Throws away the journal up to `floor`, as keeping less of it does. The daemon must not run.
    pub(crate) async fn prune(&self, floor: u64) {
        assert!(self.app.is_none(), "the daemon runs");
        let path = self.folder.path().join("store");
        let open = async || store::open(&store::Settings { path: Some(path.clone()), cache: 1 << 20 }).await;
        let old = open().await.unwrap();
        let mut records = old.dump(None, 100_000).await.unwrap();
        drop(old);
        std::fs::remove_dir_all(&path).unwrap();
        records
            .retain(|record| record.value["kind"] != "event" || record.value["seq"].as_u64() > Some(floor));
        open().await.unwrap().restore(records).await.unwrap();
    }

    /// Where the configuration is written, for the program itself.
    pub(crate) fn config_path(&self) -> std::path::PathBuf {
        self.folder.path().join("loa.toml")
    }

    fn load(&self) -> config::Config {
        let path = self.folder.path().join("loa.toml");
        std::fs::write(&path, &self.config).unwrap();
        config::load(Some(&path), &[]).unwrap_or_else(|report| panic!("{report}"))
    }

    /// Moves the clock and waits until nothing is left to do at that instant.
    pub(crate) async fn tick(&self, by: Duration) {
        self.clock.advance(by);
        self.settle().await;
    }

    /// Waits until nothing is left to do now.
    pub(crate) async fn settle(&self) {
        let app = self.app.as_ref().expect("the daemon runs");
        let idle = async {
            // Twice in a row: between two rooms there is an instant at which neither knows of the other's work.
            let mut quiet = 0;
            while quiet < 2 {
                tokio::time::sleep(Duration::from_millis(2)).await;
                quiet = if app.is_idle().await.unwrap() { quiet + 1 } else { 0 };
            }
        };
        tokio::time::timeout(Duration::from_secs(60), idle).await.expect("the daemon never came to rest");
    }

    /// A story with this number and title, published now.
    pub(crate) fn story(&self, item: u32, title: &str) -> Story {
        Story { item, title: title.to_owned(), ..stories::news(item, self.clock.now()) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        http::send(self.address, method, path, headers, body).await.unwrap()
    }

    /// A GET, while the test goes on.
    pub(crate) fn get_later(&self, path: String) -> JoinHandle<Answer> {
        let address = self.address;
        self.tasks.spawn(async move { http::send(address, "GET", &path, &[], b"").await.unwrap() })
    }

    /// An answer that goes on.
    pub(crate) async fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        Stream::open(self.address, path, headers).await.unwrap()
    }

    /// A request with the API token.
    pub(crate) async fn api(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Bearer {}", self.app.as_ref().expect("the daemon runs").token);
        self.send(method, path, &[("Authorization", &token)], body.as_bytes()).await
    }

    /// The JSON feed's items.
    pub(crate) async fn items(&self) -> Vec<serde_json::Value> {
        let feed = self.get("/feeds/quan1.json").await;
        assert_eq!(feed.status, 200, "{}", feed.text());
        feed.json()["items"].as_array().unwrap().clone()
    }

    /// The titles of the JSON feed's items, newest first.
    pub(crate) async fn titles(&self) -> Vec<String> {
        self.items().await.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    }

    /// What `/api/v1/sources` says of the source.
    pub(crate) async fn source(&self) -> serde_json::Value {
        self.get("/api/v1/sources").await.json()["sources"][0].clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
        if std::thread::panicking() {
            return;
        }
        let forged = self.receiver.received().into_iter().filter(|received| !received.verified).count();
        assert_eq!(forged, 0, "deliveries arrived whose signature does not fit");
    }
}

pub(crate) async fn loopback() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

/// One source, one feed, one webhook. Tests change what they are about.
pub(crate) fn configuration(
    portal: &Portal,
    receiver: &Receiver,
    secret: &str,
    folder: &std::path::Path,
) -> String {
    format!(
        r#"[web]
base_url = "https://tin.example.vn"

[store]
path = {store:?}

[[source]]
id = "quan1"
name = "Quận 1"
platform = "sharepoint-posts"
url = "{url}"
schedule = "*/5 * * * *"
timezone = "Asia/Ho_Chi_Minh"
recheck = "5m"
spacing = "0s"
jitter = "0s"
allow_private = true

[[feed]]
id = "quan1"
title = "Tin tức Quận 1"
sources = ["quan1"]

[[webhook]]
id = "newsroom"
url = "{hook}"
secret = "{secret}"
allow_private = true
"#,
        store = folder.join("store"),
        url = portal.list_url(),
        hook = receiver.url(),
    )
}
