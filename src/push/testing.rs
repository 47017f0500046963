//! A push room with a store in memory, a clock that stands still, and receivers on this machine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State as With,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Added, NewSubscription, Push, Settings, form::Forms, hub};
use crate::{
    clock::Manual,
    journal::Journal,
    model::{
        Article, ArticleId, Category, Change, Channel, Content, Date, Digest, Event, Filter, Form,
        IdentityKey, Offset, Person, Precision, Revision, Secret, Seq, State, Status, Subscription,
        Timestamp,
    },
    net,
    store::{self, Commit, Store},
};

pub(crate) const NOW: Timestamp = Timestamp::from_second(1_772_676_909);

pub(crate) fn article() -> Article {
    numbered(1)
}

/// The article with the item number `n`.
pub(crate) fn numbered(n: u32) -> Article {
    let source = "quan1".parse().unwrap();
    let published: Timestamp = "2026-03-05T02:15:00Z".parse().unwrap();
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item(n.to_string())),
        revision: Revision::FIRST,
        source,
        first_seen: NOW,
        published: Date {
            at: published,
            offset: Offset(7 * 3600),
            precision: Precision::Minute,
            raw: None,
            inferred: false,
        },
        updated: published,
        labels: Default::default(),
        digest: Digest::default(),
        status: Status::Live,
        content: Content {
            url: Some(format!("https://a.example/{n}")),
            title: format!("Thông báo số {n}"),
            summary: "Về việc <b> & \"x\"".into(),
            language: Some("vi".into()),
            authors: vec![Person { name: Some("Ủy ban".into()), ..Person::default() }],
            categories: vec![Category { term: "Tin tức".into(), ..Category::default() }],
            ..Content::default()
        },
    }
}

pub(crate) fn event(seq: u64) -> Event {
    let article = article();
    Event {
        seq: Seq(seq),
        at: NOW,
        change: Change::Published,
        article: article.id,
        revision: article.revision,
        source: article.source,
        quiet: false,
    }
}

pub(crate) fn subscription(id: &str) -> Subscription {
    Subscription {
        id: id.parse().unwrap(),
        url: "https://receiver.example/hook".into(),
        filter: None,
        events: Vec::new(),
        secrets: vec![Secret::Shared(vec![7; 32])],
        state: State::Active,
        configured: false,
        allow_private: false,
        created: NOW,
        after: Seq(0),
        hold_until: None,
        failing_since: None,
        last_error: None,
        rotated: None,
        verified: None,
        owner: None,
        page: None,
        made_by: None,
        channel: Channel::Webhook(Form::Native),
        delivered: None,
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        timeout: Duration::from_secs(20),
        schedule: [0, 5, 300, 1800].map(Duration::from_secs).to_vec(),
        jitter: 0.0,
        disable_after: Duration::from_secs(5 * 24 * 3600),
        concurrency: 4,
        host_concurrency: 1_000,
        host_rate: 1_000_000,
        allow_http: true,
        allow_private: true,
        max_subscriptions: 10,
        max_per_host: 10,
        verify: false,
        overlap: Duration::from_secs(24 * 3600),
        keep: Duration::from_secs(30 * 24 * 3600),
        keep_bytes: 1 << 20,
        webhooks: Vec::new(),
        forms: Forms::default(),
        base_url: "https://tin.example".into(),
        hub: hub::Settings {
            open: true,
            lease: Duration::from_secs(10 * 24 * 3600),
            max_per_topic: 5,
            max_per_host: 8,
        },
        mail: None,
    }
}

/// The room and what it stands on.
pub(crate) struct World {
    pub clock: Manual,
    pub store: Arc<dyn Store>,
    pub push: Arc<Push>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl World {
    pub(crate) async fn new() -> Self {
        let store = store::open(&store::Settings { path: None, cache: 1 << 20 }).await.unwrap();
        Self::on(store, Manual::at(NOW), settings()).await
    }

    pub(crate) async fn on(store: Arc<dyn Store>, clock: Manual, settings: Settings) -> Self {
        let time = clock.clone();
        let client = |net: net::Settings| net::Client::new(&net, Arc::new(time)).unwrap();
        Self::with_client(store, clock, settings, client).await
    }

    pub(crate) async fn with_client(
        store: Arc<dyn Store>,
        clock: Manual,
        settings: Settings,
        client: impl FnOnce(net::Settings) -> net::Client,
    ) -> Self {
        let journal = Arc::new(Journal::open(store.clone()).await.unwrap());
        let client = client(net_settings());
        let push = Push::new(store.clone(), journal, client, Arc::new(clock.clone()), settings.clone());
        push.reload(settings).await.unwrap();
        Self { clock, store, push, tasks: JoinSet::new(), stop: CancellationToken::new() }
    }

    /// Records article `n` as the next line of the journal.
    pub(crate) async fn publish(&self, n: u32, quiet: bool) {
        self.record(numbered(n), Change::Published, quiet).await;
    }

    pub(crate) async fn record(&self, article: Article, change: Change, quiet: bool) {
        let expected = self.store.head().await.unwrap();
        let event = Event {
            change,
            article: article.id,
            revision: article.revision,
            quiet,
            ..event(expected.next().0)
        };
        let commit = Commit { expected, articles: vec![article], events: vec![event], ..Commit::default() };
        self.store.commit(commit).await.unwrap();
    }

    pub(crate) async fn subscribe(&self, url: &str, filter: &str) -> Added {
        let filter = (!filter.is_empty()).then(|| Filter::parse(filter).unwrap());
        let new = NewSubscription { url: url.to_owned(), filter, ..NewSubscription::default() };
        self.push.add(new).await.unwrap()
    }

    /// Starts the deliverer.
    pub(crate) fn deliver(&mut self) {
        let (push, stop) = (self.push.clone(), self.stop.clone());
        self.tasks.spawn(async move { push.deliver(stop).await.unwrap() });
    }

    /// Stops it and waits until it is through.
    pub(crate) async fn stop(mut self) -> (Arc<dyn Store>, Manual) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        (self.store, self.clock)
    }

    /// Routes what is recorded.
    pub(crate) async fn route(&self) {
        while self.push.route_batch().await.unwrap() {}
    }

    /// Routes what is recorded and waits until nothing is due any more.
    pub(crate) async fn settle(&self) {
        self.route().await;
        until(async || self.push.is_idle().await.unwrap()).await;
    }

    /// Moves the clock and waits until nothing is due any more.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.settle().await;
    }
}

/// Waits for something that other tasks bring about.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it never came to that");
}

fn net_settings() -> net::Settings {
    net::Settings {
        user_agent: "loaphuong/test".into(),
        contact: None,
        connect_timeout: Duration::from_secs(20),
        read_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        max_body: 1 << 20,
        max_redirects: 5,
        concurrency: 64,
        spacing: Duration::ZERO,
        max_crawl_delay: Duration::ZERO,
        daily_budget: 0,
        caps: net::trap::Caps { length: 2048, depth: 20, repeats: 2 },
        idle_per_host: 2,
        ca_file: None,
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn sequence(&self) -> u64 {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        body["sequence"].as_u64().unwrap()
    }
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Status(u16),
    RetryAfter(u16, &'static str),
    /// A redirect to itself: whoever follows it is seen.
    Redirect,
    /// 200 with a body that is too large to be read.
    Long,
    Never,
}

/// A webhook receiver: answers what it was told to, then 204.
pub(crate) struct Receiver {
    pub url: String,
    inner: Arc<Inner>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    replies: Mutex<VecDeque<Reply>>,
}

impl Receiver {
    pub(crate) async fn new(replies: &[Reply]) -> Self {
        let inner =
            Arc::new(Inner { replies: Mutex::new(replies.iter().copied().collect()), ..Inner::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new().route("/hook", post(receive)).with_state(inner.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, inner, _server: server }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    pub(crate) fn sequences(&self) -> Vec<u64> {
        self.received().iter().map(Received::sequence).collect()
    }
}

async fn receive(With(inner): With<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    inner.received.lock().unwrap().push(Received { headers, body });
    let reply = inner.replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(204));
    let status = |code| StatusCode::from_u16(code).unwrap();
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::RetryAfter(code, after) => (status(code), [("retry-after", after)]).into_response(),
        Reply::Redirect => (status(307), [("location", "/hook")]).into_response(),
        Reply::Long => vec![b'x'; 4 << 20].into_response(),
        Reply::Never => std::future::pending().await,
    }
}
