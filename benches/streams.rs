//! Many clients that listen: what they weigh, and how soon the last one hears.
//!
//! `cargo bench --bench streams -- [CLIENTS] [NEWS] [QUERY]` (20 and none when left out): starts the daemon that was
//! built with it (or that `LOA` names) before a portal on loopback, opens so many streams of `/events?QUERY`, and publishes one story
//! after the other. For each it asks the daemon to look at the source, and takes the time from then until the first and
//! the last client have the event. The clients run in this process and share the machine with the daemon.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use loaphuong::{
    clock::{Clock, System},
    demo::{
        portal::{Portal, Story},
        stories,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The daemon, which ends with this process.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |n: usize| arguments.get(n).and_then(|text| text.parse().ok());
    // `cargo bench` without arguments runs every bench: so many files may be open only where somebody saw to it.
    let Some(clients) = number(0) else { return };
    let news = number(1).unwrap_or(20);
    let query = arguments.get(2).cloned().unwrap_or_default();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (portal, serving) =
        Portal::serve(loopback().await, CancellationToken::new()).expect("the portal is listened to");
    let tasks = TaskTracker::new();
    tasks.spawn(serving);
    stories::archive(System.now()).into_iter().for_each(|story| portal.publish(story));
    let port = loopback().await.local_addr().expect("it is bound").port();
    let daemon = start(folder.path(), &portal, (port, clients));
    settle(port).await;
    let before = resident(&daemon);
    let (heard, mut hears) = mpsc::unbounded_channel();
    for _ in 0..clients {
        let stream = open(port, &query).await;
        tasks.spawn(listen(stream, heard.clone()));
    }
    let with = resident(&daemon);
    println!("{clients} streams: resident {before:.1} MiB before, {with:.1} MiB with them");
    let mut times = Vec::new();
    for n in 0..news {
        let item = 900 + u32::try_from(n).expect("news are few");
        let title = format!("Tin số {n}");
        portal.publish(Story { item, title, ..stories::news(item, System.now()) });
        times.push(tell(port, clients, &mut hears).await);
    }
    report(&times, resident(&daemon));
}

/// Tells of what is new. The time until the first client knew it, and the last.
async fn tell(
    port: u16,
    clients: usize,
    hears: &mut mpsc::UnboundedReceiver<Instant>,
) -> (Duration, Duration) {
    let began = Instant::now();
    ask(port, "POST", "/api/v1/sources/quan1/run").await;
    let mut times = Vec::with_capacity(clients);
    while times.len() < clients {
        times.push(hears.recv().await.expect("a client ended").duration_since(began));
    }
    times.sort_unstable();
    (times[0], times[clients - 1])
}

fn report(times: &[(Duration, Duration)], resident: f64) {
    let middle = |mut times: Vec<Duration>| {
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() - 1])
    };
    for (what, times) in [
        ("the first client", times.iter().map(|(first, _)| *first).collect::<Vec<_>>()),
        ("the last client", times.iter().map(|(_, last)| *last).collect()),
        ("from the first to the last", times.iter().map(|(first, last)| *last - *first).collect()),
    ] {
        let (median, most) = middle(times);
        println!("{what}: median {median:.1?}, most {most:.1?}");
    }
    println!("resident afterwards {resident:.1} MiB");
}

fn start(folder: &Path, portal: &Portal, (port, clients): (u16, usize)) -> Daemon {
    let config = format!(
        r#"[log]
filter = "warn"
[web]
listen = "127.0.0.1:{port}"
token = "{TOKEN}"
max_streams = {clients}
max_connections = {}
[store]
path = {:?}
[[source]]
id = "quan1"
platform = "sharepoint-posts"
url = "{}"
schedule = "0 0 1 1 *"
spacing = "0s"
jitter = "0s"
allow_private = true
[[feed]]
id = "quan1"
title = "Tin tức Quận 1"
"#,
        clients + 100,
        folder.join("store"),
        portal.list_url()
    );
    let path = folder.join("loa.toml");
    std::fs::write(&path, config).expect("the folder is ours");
    let built = std::env::var_os("LOA").unwrap_or_else(|| env!("CARGO_BIN_EXE_loa").into());
    let mut command = Command::new(built);
    command.args(["serve", "--config"]).arg(path).stdin(Stdio::null()).stdout(Stdio::null());
    Daemon(command.spawn().expect("the daemon was built with this"))
}

/// Waits until the first look at the source, of which nobody is told, is over.
async fn settle(port: u16) {
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ask(port, "POST", "/api/v1/sources/quan1/run").await;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if ask(port, "GET", "/feeds/quan1.json").await.contains("date_published") {
            return;
        }
    }
}

/// Sends a request on a connection of its own; the answer as it came.
async fn ask(port: u16, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the daemon listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("the daemon reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the daemon answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Opens a stream and reads what it begins with.
async fn open(port: u16, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the daemon listens");
    let head = format!("GET /events?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("the daemon reads");
    let mut begin = Vec::new();
    while !begin.windows(5).any(|window| window == b"\nid: ") {
        assert!(stream.read_buf(&mut begin).await.expect("the daemon answers") > 0, "a stream was refused");
    }
    stream
}

/// Says when an event has come, until the stream ends.
async fn listen(mut stream: TcpStream, heard: mpsc::UnboundedSender<Instant>) {
    let mut text = Vec::new();
    while stream.read_buf(&mut text).await.is_ok_and(|length| length > 0) {
        while let Some(end) = text.windows(2).position(|window| window == b"\n\n") {
            let block: Vec<u8> = text.drain(..end + 2).collect();
            if block.windows(6).any(|window| window == b"data: ") {
                heard.send(Instant::now()).ok();
            }
        }
    }
}

async fn loopback() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.expect("this machine has a loopback")
}

fn resident(daemon: &Daemon) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}
