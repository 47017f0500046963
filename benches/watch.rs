//! Ten thousand sources on one daemon, a hundred of which never answer:
//! `cargo bench --bench watch -- [SOURCES] [DEAD] [SECONDS_BETWEEN_LOOKS] [SECONDS_MEASURED]` (10,000, 100,
//! 600 and 1,200 when left out).
//!
//! The sites are another process, reached under as many addresses of the loopback as there are hosts, five sources at
//! each; the daemon is the whole one, with a store on the disk, behind the real clock. A feed has two items, and another
//! one every half hour. After the first round, which reads everything at once, it prints how late any source that answers
//! was looked at, and what that took.

#![expect(clippy::print_stdout, reason = "figures are printed")]

use std::{
    fmt::Write,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use loaphuong::{
    app::{self, App},
    clock::{self, Clock},
    config,
    model::{SourceId, Timestamp},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

/// Sources of one host.
const SECTIONS: usize = 5;
const SITES: &str = "sites";

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [what, port] = words.as_slice()
        && what == SITES
    {
        sites(port.parse().expect("a port")).await;
        return;
    }
    let mut numbers = words.iter().filter_map(|word| word.parse().ok());
    let mut number = |usual: usize| numbers.next().unwrap_or(usual);
    let (n_sources, n_dead, every, seconds) = (number(10_000), number(100), number(600), number(1200));
    let port = free_port().await;
    let _sites = Sites::start(port);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loa.toml");
    std::fs::write(&path, configuration(n_sources, n_dead, every, port, folder.path())).expect("a file");
    let config = config::load(Some(&path), &[]).unwrap_or_else(|report| panic!("{report}"));
    let listener =
        app::listen("127.0.0.1:0".parse::<SocketAddr>().expect("an address")).await.expect("a port");
    let app = App::start(config, listener, Arc::new(clock::System)).await.expect("a daemon");
    let living: Vec<SourceId> =
        (n_dead..n_sources).map(|n| format!("s{n}").parse().expect("an id")).collect();
    first_round(&app, &living).await;
    later_rounds(&app, &living, Duration::from_secs(seconds as u64)).await;
    app.stop().await;
}

/// Waits until every source that answers was read once.
async fn first_round(app: &App, living: &[SourceId]) {
    let (begin, cpu) = (Instant::now(), cpu());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = clock::System.now();
        if living.iter().all(|id| app.ingest.due(id).is_some_and(|due| due > now)) {
            break;
        }
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "first round: {} sources in {took:.0} s, {:.2} cores, {:.0} MiB resident",
        living.len(),
        (self::cpu() - cpu) / took,
        resident()
    );
}

/// Looks every second how late any of them is.
async fn later_rounds(app: &App, living: &[SourceId], length: Duration) {
    let (begin, cpu) = (Instant::now(), cpu());
    let (mut latest, mut most, mut n_late) = (Duration::ZERO, 0.0_f64, 0);
    // A window in which nothing was due would look perfect.
    let (mut known, mut n_looks) = (app.ingest.dues(), 0);
    while begin.elapsed() < length {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now: Timestamp = clock::System.now();
        let late = living.iter().filter_map(|id| app.ingest.due(id)).map(|due| now.since(due));
        let late: Vec<Duration> = late.filter(|late| *late > Duration::from_secs(1)).collect();
        n_late = n_late.max(late.len());
        latest = latest.max(late.into_iter().max().unwrap_or_default());
        most = most.max(resident());
        let dues = app.ingest.dues();
        n_looks += living.iter().filter(|id| known.get(*id) != dues.get(*id)).count();
        known = dues;
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "then {took:.0} s, {n_looks} looks: the latest {:.1} s late, at most {n_late} late at once; {:.3} cores; at most {most:.0} MiB resident",
        latest.as_secs_f64(),
        (self::cpu() - cpu) / took,
    );
}

fn configuration(
    n_sources: usize,
    n_dead: usize,
    every: usize,
    port: u16,
    folder: &std::path::Path,
) -> String {
    let mut text = format!(
        "[store]\npath = {:?}\n[publish]\nautomatic = [\"all\"]\n[net]\ndaily_budget = 0\n",
        folder.join("store")
    );
    for n in 0..n_sources {
        // Each of the dead stands alone: a host that never answers.
        let (host, what) = if n < n_dead { (60_000 + n, "dead") } else { (n / SECTIONS, "feed") };
        let (high, low) = (1 + host / 250, 1 + host % 250);
        writeln!(
            text,
            "[[source]]\nid = \"s{n}\"\nplatform = \"feed\"\nurl = \"http://127.9.{high}.{low}:{port}/{what}/{n}\"\n\
             every = \"{every}s\"\nallow_private = true\nwebsub = false\n{}",
            // What never answers is asked for the list itself.
            if n < n_dead { "robots = false\n" } else { "" }
        )
        .expect("text takes text");
    }
    text
}

// === the sites ===

/// The other process; it ends with this one.
struct Sites(Child);

impl Sites {
    fn start(port: u16) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args([SITES, &port.to_string()]).stdin(Stdio::null());
        Self(command.spawn().expect("another process"))
    }
}

impl Drop for Sites {
    fn drop(&mut self) {
        self.0.kill().expect("it can be ended");
        self.0.wait().expect("it ends");
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").port()
}

async fn sites(port: u16) {
    let listener = TcpListener::bind(("0.0.0.0", port)).await.expect("the port is free");
    let tasks = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        tasks.spawn(async move { talk(stream).await.ok() });
    }
}

async fn talk(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                n => head.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let path = text.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/dead") {
            std::future::pending::<()>().await;
        }
        stream.write_all(answer(path, &text).as_bytes()).await?;
    }
}

fn answer(path: &str, head: &str) -> String {
    let Some(n) = path.strip_prefix("/feed/").and_then(|n| n.parse::<i64>().ok()) else {
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    };
    // Each feed changes at its own second of the half hour.
    let version = (clock::System.now().as_second() + n * 7) / 1800;
    let tag = format!("\"{version}\"");
    if head.to_ascii_lowercase().contains(&format!("if-none-match: {tag}")) {
        return format!("HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\nContent-Length: 0\r\n\r\n");
    }
    let item = |version: i64| {
        format!(
            "<item><title>Thông báo số {version} của phường {n}</title><link>http://{n}.example/{version}</link>\
             <guid isPermaLink=\"false\">{n}-{version}</guid><description>{}</description></item>",
            "Ủy ban nhân dân thông báo lịch tiếp công dân định kỳ hằng tháng. ".repeat(8)
        )
    };
    let items: String = (version - 1..=version).rev().map(item).collect();
    let body = format!("<rss version=\"2.0\"><channel><title>Phường {n}</title>{items}</channel></rss>");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

// === what it takes ===

/// Seconds of processor time of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // Fields 14 and 15 of proc(5), in ticks of a hundredth of a second.
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// MiB of memory of this process.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
