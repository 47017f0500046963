//! One article to many webhooks, beside a bare loop that posts the same signed bytes: `cargo bench --bench fanout --
//! [WEBHOOKS] [ROUNDS] [CONCURRENCY]` (10,000, 3 and 256 when left out). The sink answers on a thread of its own and
//! verifies every signature; the queue lies on the disk. Both take turns; what is printed are medians.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use futures_util::{StreamExt, stream};
use loaphuong::{
    clock,
    config::Config,
    journal::Journal,
    model::{Secret, Seq, Timestamp},
    net,
    push::{Push, Settings, sign},
    store,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[path = "made/hooks.rs"]
mod hooks;
mod made;

/// What the sink counts, and whom it wakes.
struct Sink {
    secret: Secret,
    heard: AtomicU64,
    wanted: AtomicU64,
    all: Notify,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    // The bare client has no other way to it; ours brings its own.
    rustls::crypto::ring::default_provider().install_default().expect("nobody was here before");
    let n_hooks = arguments.next().unwrap_or(10_000);
    let rounds = arguments.next().unwrap_or(3);
    let concurrency = arguments.next().and_then(|n| usize::try_from(n).ok()).unwrap_or(256);
    let secret = Secret::Shared(hooks::SECRET.to_vec());
    let sink = Arc::new(Sink {
        secret: secret.clone(),
        heard: AtomicU64::new(0),
        wanted: AtomicU64::new(0),
        all: Notify::new(),
    });
    let address = serve(Arc::clone(&sink));
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = store::open(&store::Settings { path: Some(folder.path().join("store")), cache: 64 << 20 })
        .await
        .expect("the store opens");
    for n in 0..n_hooks {
        store
            .put_subscription(hooks::webhook(n, format!("http://{address}/{n}")))
            .await
            .expect("the store takes it");
    }
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.expect("the journal opens"));
    let config = loaphuong::config::load(None, &[]).expect("the built-in configuration is right");
    let settings = settings(&config, concurrency);
    let client =
        net::Client::new(&net_settings(&config, concurrency), Arc::new(clock::System)).expect("a client");
    let push = Push::new(
        Arc::clone(&store),
        Arc::clone(&journal),
        client,
        Arc::new(clock::System),
        settings.clone(),
    );
    // Not `reload`: these stand in no file.
    let stop = CancellationToken::new();
    let (router, deliverer) = (Arc::clone(&push), Arc::clone(&push));
    let (stop_router, stop_deliverer) = (stop.clone(), stop.clone());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { router.route(stop_router).await });
    tasks.spawn(async move { deliverer.deliver(stop_deliverer).await });
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        ours.push(told(&sink, n_hooks, journal.record(hooks::pass(round, 600))).await);
        let event = store.events(Seq(round), 1).await.expect("the journal is read").remove(0);
        let body = push.payload(&event).await.expect("it is read").expect("it is kept");
        theirs.push(told(&sink, n_hooks, bare(address, n_hooks, &secret, body.into(), concurrency)).await);
    }
    stop.cancel();
    tasks.join_all().await;
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{n_hooks} webhooks, {concurrency} at once: queue {:.0}/s ({:.2?}), bare reqwest {:.0}/s ({:.2?}), ratio {:.2}",
        n_hooks as f64 / ours.as_secs_f64(),
        ours,
        n_hooks as f64 / theirs.as_secs_f64(),
        theirs,
        theirs.as_secs_f64() / ours.as_secs_f64(),
    );
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// How long it takes until the sink has heard `wanted` more.
async fn told<T>(sink: &Sink, wanted: u64, how: impl Future<Output = T>) -> Duration {
    sink.wanted.store(sink.heard.load(Ordering::SeqCst) + wanted, Ordering::SeqCst);
    let begin = Instant::now();
    drop(how.await);
    while sink.heard.load(Ordering::SeqCst) < sink.wanted.load(Ordering::SeqCst) {
        tokio::time::timeout(Duration::from_millis(50), sink.all.notified()).await.ok();
    }
    begin.elapsed()
}

/// The loop without a queue.
async fn bare(address: SocketAddr, n_hooks: u64, secret: &Secret, body: Bytes, concurrency: usize) {
    #[expect(clippy::disallowed_methods, reason = "this is the other one")]
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let posts = stream::iter(0..n_hooks).map(|n| {
        let (client, body) = (client.clone(), body.clone());
        async move {
            let (id, at) = (format!("msg_{n}"), Timestamp::from_second(now()).as_second());
            let signature = sign::sign(std::slice::from_ref(secret), &id, at, &body);
            let request = client
                .post(format!("http://{address}/{n}"))
                .header("content-type", "application/json")
                .header("webhook-id", id)
                .header("webhook-timestamp", at)
                .header("webhook-signature", signature)
                .body(body);
            request.send().await.expect("the sink answers")
        }
    });
    posts.buffer_unordered(concurrency).for_each(async |_| {}).await;
}

fn now() -> i64 {
    clock::Clock::now(&clock::System).as_second()
}

/// The sink, on a runtime of one thread of its own.
fn serve(sink: Arc<Sink>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().route("/{n}", post(hear)).with_state(sink);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, app).await.expect("it serves");
        });
    });
    address
}

async fn hear(State(sink): State<Arc<Sink>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let at = text("webhook-timestamp").parse().unwrap_or_default();
    let signed = (text("webhook-id"), at, text("webhook-signature"));
    if sign::verify(&sink.secret, signed, &body, Timestamp::from_second(now())).is_err() {
        return StatusCode::FORBIDDEN;
    }
    if sink.heard.fetch_add(1, Ordering::SeqCst) + 1 >= sink.wanted.load(Ordering::SeqCst) {
        sink.all.notify_one();
    }
    StatusCode::NO_CONTENT
}

fn settings(config: &Config, concurrency: usize) -> Settings {
    let schedule = vec![Duration::ZERO, Duration::from_secs(5)];
    // The bare loop keeps no pace either, and asks for no ping.
    let host_rate = u32::MAX;
    Settings {
        schedule,
        concurrency,
        host_concurrency: concurrency,
        host_rate,
        verify: false,
        ..config.push.clone()
    }
}

fn net_settings(config: &Config, concurrency: usize) -> net::Settings {
    net::Settings { concurrency, idle_per_host: concurrency, ..config.net.clone() }
}
