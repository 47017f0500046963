//! A daemon that starts with a long backlog: `cargo bench --bench backlog -- [WEBHOOKS] [EVENTS]` (100,000 and 10 when left
//! out, which makes a million deliveries). The webhooks have filters and stand at a thousand hosts of loopback. Printed
//! are how long the daemon takes from its start to the first delivery, how many it makes in a second from then on, and
//! how much memory it has in the end and had at most.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::StatusCode, routing::any};
use loaphuong::{
    journal::Journal,
    model::{Delivery, Filter, Follower, Seq, Subscription, Timestamp},
    store::{self, Step, Store},
};

#[path = "made/hooks.rs"]
mod hooks;
mod made;

/// Rows that are written at once.
const ROWS: usize = 10_000;
/// How long deliveries are counted.
const WATCHED: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (n_hooks, events) = (arguments.next().unwrap_or(100_000), arguments.next().unwrap_or(10));
    let heard = Arc::new(AtomicU64::new(0));
    let address = serve(Arc::clone(&heard));
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("store");
    fill(&path, n_hooks, events, address.port()).await;
    let started = Instant::now();
    let mut daemon = start(&path);
    while heard.load(Ordering::SeqCst) == 0 {
        assert!(daemon.try_wait().expect("it can be asked").is_none(), "the daemon has ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let first = started.elapsed();
    tokio::time::sleep(WATCHED).await;
    let told = heard.load(Ordering::SeqCst);
    println!(
        "{n_hooks} webhooks, {} deliveries queued: the first after {first:.2?}, then {:.0}/s; {} resident after {WATCHED:?}, {} at most",
        n_hooks * events,
        told as f64 / WATCHED.as_secs_f64(),
        status(&daemon, "VmRSS:"),
        status(&daemon, "VmHWM:"),
    );
    daemon.kill().expect("it is ours");
    daemon.wait().expect("it is ours");
}

/// A store with that many webhooks, and every event queued for each of them.
async fn fill(path: &Path, n_hooks: u64, events: u64, port: u16) {
    let memory = store::open(&store::Settings { path: None, cache: 0 }).await.expect("memory is a store");
    for n in 0..n_hooks {
        let url = format!("http://127.0.{}.{}:{port}/{n}", n % 1_000 / 250, n % 250 + 1);
        let filter = format!("\"thông báo\" OR category:\"lĩnh vực {n}\"");
        let filter = Some(Filter::parse(&filter).expect("a fine filter"));
        let webhook = Subscription { filter, ..hooks::webhook(n, url) };
        memory.put_subscription(webhook).await.expect("memory takes everything");
    }
    let disk = store::Settings { path: Some(path.to_owned()), cache: 16 << 20 };
    let disk = store::open(&disk).await.expect("the store opens");
    let mut after = None;
    loop {
        let records = memory.dump(after, ROWS).await.expect("memory is read");
        let Some(last) = records.last() else { break };
        after = Some(last.key.clone());
        disk.restore(records).await.expect("the store takes it");
    }
    let journal = Journal::open(Arc::clone(&disk)).await.expect("the journal opens");
    for n in 0..events {
        journal.record(hooks::pass(n, 3_000)).await.expect("it is recorded");
        queue(&*disk, n_hooks, Seq(n + 1)).await;
    }
}

/// Routes one event to everybody. Only the last step moves the cursor: what lies behind it is not taken again.
async fn queue(disk: &dyn Store, n_hooks: u64, seq: Seq) {
    let numbers: Vec<u64> = (0..n_hooks).collect();
    for (n, some) in numbers.chunks(ROWS).enumerate() {
        let rows = some.iter().map(|n| Delivery {
            subscription: format!("sub_{n}").parse().expect("a fine id"),
            due: Timestamp::from_second(1_700_000_000),
            seq,
            attempt: 0,
        });
        let is_last = (n + 1) * ROWS >= numbers.len();
        let cursor = if is_last { seq } else { Seq(seq.0 - 1) };
        let step = Step { follower: Follower::Router, cursor, deliveries: rows.collect() };
        disk.advance(step).await.expect("the store takes it");
    }
}

/// The daemon as people run it, but for addresses that are not public and a pace that is not polite.
fn start(path: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_loa"))
        .args(["serve", "--config", concat!(env!("CARGO_MANIFEST_DIR"), "/benches/daemon.toml")])
        .env("LOA_STORE__PATH", path)
        .env("LOA_WEB__LISTEN", "127.0.0.1:0")
        .env("LOA_PUSH__VERIFY", "false")
        .env("LOA_PUSH__HOST_RATE", "1000000")
        .spawn()
        .expect("the daemon starts")
}

/// A line of `/proc/PID/status`, in MiB.
fn status(daemon: &Child, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kib.map_or("unknown".to_owned(), |kib| format!("{:.0} MiB", kib / 1024.0))
}

/// The sink, on a runtime of one thread of its own.
fn serve(heard: Arc<AtomicU64>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let count = async |State(heard): State<Arc<AtomicU64>>| {
        heard.fetch_add(1, Ordering::SeqCst);
        StatusCode::NO_CONTENT
    };
    let app = Router::new().fallback(any(count)).with_state(heard);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, app).await.expect("it serves");
        });
    });
    address
}
