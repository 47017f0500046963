//! A healthy webhook among many that do not answer: `cargo bench --bench outage -- [SILENT] [ROUNDS]` (1,000 and 200 when
//! left out). Printed is the time from an article's commit until the healthy one has the request's head: among webhooks
//! that are known to fail, and among those of an outage that has just begun. The queue lies on the disk.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use loaphuong::{
    clock::{self, Clock},
    config::Config,
    journal::Journal,
    model::{Subscription, Timestamp},
    net,
    push::{Push, Settings},
    store,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[path = "made/hooks.rs"]
mod hooks;
mod made;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (silent, rounds) = (arguments.next().unwrap_or(1_000), arguments.next().unwrap_or(200));
    println!("{silent} webhooks that time out, one that answers: from the commit to its request's head");
    let now = clock::System.now();
    let mut known = measured(silent, rounds, Some(now)).await;
    known.sort();
    println!(
        "known to fail, {rounds} articles: median {:.2?}, 99 % {:.2?}, at most {:.2?}",
        known[known.len() / 2],
        known[known.len() * 99 / 100],
        known[known.len() - 1]
    );
    let fresh = measured(silent, 3, None).await;
    println!("an outage that has just begun, 3 articles: {fresh:.2?}");
}

/// The time of each article.
async fn measured(silent: u64, rounds: u64, failing_since: Option<Timestamp>) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let disk = store::Settings { path: Some(folder.path().join("store")), cache: 16 << 20 };
    let store = store::open(&disk).await.expect("the store opens");
    let servers = TaskTracker::new();
    let mute = mute(&servers).await;
    for n in 0..silent {
        // Hosts of their own: what one host may take at once is not what is measured.
        let url = format!("http://127.0.{}.{}:{mute}/{n}", n / 250 + 1, n % 250 + 1);
        let webhook = Subscription { failing_since, ..hooks::webhook(n, url) };
        store.put_subscription(webhook).await.expect("the store takes it");
    }
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let port = listening(&servers, heard).await;
    // Its id is the last of all.
    let healthy = hooks::webhook(u64::MAX, format!("http://127.0.0.1:{port}/"));
    let healthy = Subscription { id: "z".parse().expect("a fine id"), ..healthy };
    store.put_subscription(healthy).await.expect("the store takes it");
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.expect("the journal opens"));
    let config = loaphuong::config::load(None, &[]).expect("the built-in configuration is right");
    let settings = Settings { verify: false, ..config.push.clone() };
    let client = client(&config, &settings);
    let push = Push::new(store, Arc::clone(&journal), client, Arc::new(clock::System), settings);
    let (stop, mut tasks) = (CancellationToken::new(), tokio::task::JoinSet::new());
    let (router, deliverer, stopped, stopping) = (Arc::clone(&push), push, stop.clone(), stop.clone());
    tasks.spawn(async move { router.route(stopped).await });
    tasks.spawn(async move { deliverer.deliver(stopping).await });
    let mut times = Vec::new();
    for round in 0..rounds {
        journal.record(hooks::pass(round, 600)).await.expect("it is recorded");
        let committed = Instant::now();
        let at: Instant = hearing.recv().await.expect("it is told");
        times.push(at.saturating_duration_since(committed));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    tasks.abort_all();
    times
}

fn client(config: &Config, settings: &Settings) -> net::Client {
    let settings = net::Settings { concurrency: settings.requests(), ..config.net.clone() };
    net::Client::new(&settings, Arc::new(clock::System)).expect("a client")
}

/// Takes every connection and never answers.
async fn mute(tasks: &TaskTracker) -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tasks.spawn(async move {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            kept.push(socket);
        }
    });
    port
}

/// Says when a request begins, and confirms it.
async fn listening(tasks: &TaskTracker, heard: mpsc::UnboundedSender<Instant>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let talks = tasks.clone();
    tasks.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let heard = heard.clone();
            talks.spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    heard.send(Instant::now()).expect("somebody listens");
                    // The rest of it is already there, or comes at once.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    while socket.try_read(&mut buffer).is_ok() {}
                    if socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}
