//! `loa demo`: the whole job without the internet.
//!
//! A portal on one loopback port, the daemon on another, a newsroom on a third. Nothing is simulated between them:
//! the daemon scrapes over HTTP, stores in sled, and pushes over HTTP.

mod pages;
pub mod portal;
pub mod receiver;
pub mod stories;

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{self, App},
    clock::{self, Clock},
    config,
    push::sign,
};
use portal::Portal;
use receiver::{Received, Receiver};

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the daemon listens; a free port near 8080 otherwise.
    pub listen: Option<SocketAddr>,
    /// Where it keeps its store; a temporary folder, removed at the end, otherwise.
    pub data: Option<PathBuf>,
}

/// Time between two things that happen at the portal.
const BEAT: Duration = Duration::from_secs(4);

/// Runs until Ctrl-C.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let scratch = Scratch::new(options.data)?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let result = scene(options.listen, scratch.path(), &stop, &tasks).await;
    stop.cancel();
    tasks.close();
    // The receiver may be in the middle of an answer; a demo does not wait for it longer than this.
    tokio::time::timeout(Duration::from_secs(3), tasks.wait()).await.ok();
    result
}

async fn scene(
    listen: Option<SocketAddr>,
    folder: &Path,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    let clock = Arc::new(clock::System);
    let (portal, serving) = Portal::serve(loopback().await?, stop.clone())?;
    tasks.spawn(serving);
    for story in stories::archive(clock.now()) {
        portal.publish(story);
    }
    say("1/5", &format!("the portal of Quận 1 stands at   {}", portal.list_url()));

    let secret = sign::generate_secret()
        .map_err(|cause| anyhow::anyhow!("the system gives no random numbers: {cause}"))?;
    let (sender, received) = mpsc::unbounded_channel();
    let (receiver, serving) =
        Receiver::serve(loopback().await?, secret.clone(), clock.clone(), Some(sender), stop.clone())?;
    tasks.spawn(serving);
    say("2/5", &format!("a newsroom waits for webhooks at  {}", receiver.url()));

    let listener = daemon_listener(listen).await?;
    let address = listener.local_addr()?;
    let path = folder.join("loa.toml");
    let text = configuration(&portal, &receiver, &sign::print_secret(&secret), folder, address);
    std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    let config = config::load(Some(&path), &[]).map_err(|report| anyhow::anyhow!("{report}"))?;
    let app = App::start(config, listener, clock.clone()).await?;
    say(
        "3/5",
        &format!("the daemon listens at             http://{address}/   (store: {})", folder.display()),
    );

    let ended = tokio::select! {
        ended = show(&app, &portal, address, received) => ended,
        () = app::stop_signal() => Ok(()),
        cause = app.broken() => Err(anyhow::Error::new(cause)),
    };
    line("");
    line("stopping …");
    app.stop().await;
    line("stopped; nothing is left behind.");
    ended
}

/// The part that one watches.
async fn show(
    app: &App,
    portal: &Portal,
    address: SocketAddr,
    mut received: mpsc::UnboundedReceiver<Received>,
) -> anyhow::Result<()> {
    let n_stories = portal.stories().len();
    loop {
        let feed = app.publisher.articles(&"quan1".parse()?).unwrap_or_default();
        if feed.len() >= n_stories {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say(
        "4/5",
        &format!("first pass: {n_stories} articles read and stored, nobody told (a first run is a backfill)"),
    );
    say("5/5", "open or curl:");
    for (what, path) in [
        ("page", "/"),
        ("RSS", "/feeds/quan1.rss"),
        ("Atom", "/feeds/quan1.atom"),
        ("JSON", "/feeds/quan1.json"),
        ("OPML", "/opml.xml"),
        ("events", "/api/v1/events?after=0"),
    ] {
        line(&format!("        {what:7} http://{address}{path}"));
    }
    line("      now something happens at the portal every few seconds; Ctrl-C ends it.");
    line("");
    let mut beats = tokio::time::interval(BEAT);
    let mut n_beats = 0;
    loop {
        tokio::select! {
            _ = beats.tick() => {
                happen(portal, n_beats);
                n_beats += 1;
            }
            Some(delivery) = received.recv() => line(&told(&delivery)),
        }
    }
}

/// What happens at the portal at a beat: mostly news, sometimes an edit.
fn happen(portal: &Portal, beat: u32) {
    let now = clock::System.now();
    if beat % 4 == 3 {
        let Some(story) = portal.stories().pop() else { return };
        portal.edit(story.item, |story| {
            story.paragraphs.push(format!("Cập nhật lần {}: thời gian được lùi lại 30 phút.", beat / 4 + 1));
        });
        line(&format!("portal   ✎ edits      “{}”", story.title));
    } else {
        let story = stories::news(beat - beat / 4, now);
        line(&format!("portal   ✚ publishes  “{}”", story.title));
        portal.publish(story);
    }
}

/// One line for a delivery.
fn told(delivery: &Received) -> String {
    let text = |pointer: &str| {
        delivery.body.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned()
    };
    let sequence = delivery.body["sequence"].as_u64().unwrap_or(0);
    let seal = if delivery.verified { "signature verified" } else { "SIGNATURE WRONG" };
    format!(
        "newsroom ← {} #{sequence} “{}” ({seal}, revision {})",
        text("/type"),
        text("/data/title"),
        delivery.body["data"]["revision"]
    )
}

/// The configuration of the demo: an ordinary one, read like any other.
fn configuration(
    portal: &Portal,
    receiver: &Receiver,
    secret: &str,
    folder: &Path,
    address: SocketAddr,
) -> String {
    format!(
        r#"# Written by `loa demo`.
[web]
listen = "{address}"
base_url = "http://{address}"

[store]
path = {store:?}

[[source]]
id = "quan1"
name = "Quận 1 – Tin tức - Sự kiện"
platform = "sharepoint-posts"
url = "{url}"
every = "2s"
recheck = "2s"
spacing = "20ms"
jitter = "0s"
allow_private = true

[[feed]]
id = "quan1"
title = "Tin tức Quận 1"
description = "Tin tức - Sự kiện của Quận 1, Thành phố Hồ Chí Minh"
language = "vi"
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

async fn loopback() -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen on a loopback port")
}

/// The chosen address, or 8080 where it is free, or any port.
async fn daemon_listener(listen: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    if let Some(address) = listen {
        return app::listen(address).await;
    }
    match TcpListener::bind(("127.0.0.1", 8080)).await {
        Ok(listener) => Ok(listener),
        Err(_) => loopback().await,
    }
}

/// A numbered step.
fn say(step: &str, text: &str) {
    line(&format!("[{step}] {text}"));
}

/// A line for the person at the terminal; one who does not read any more does not stop the demo.
fn line(text: &str) {
    let mut out = io::stdout().lock();
    let colored = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (on, off) = match (colored, text.split_once(' ').map_or(text, |(word, _)| word)) {
        (true, "newsroom") => ("\x1b[32m", "\x1b[0m"),
        (true, "portal") => ("\x1b[36m", "\x1b[0m"),
        _ => ("", ""),
    };
    writeln!(out, "{on}{text}{off}").and_then(|()| out.flush()).ok();
}

/// The folder of the demo's store; a temporary one goes away with it.
struct Scratch {
    path: PathBuf,
    temporary: bool,
}

impl Scratch {
    fn new(chosen: Option<PathBuf>) -> anyhow::Result<Self> {
        let temporary = chosen.is_none();
        let path =
            chosen.unwrap_or_else(|| std::env::temp_dir().join(format!("loa-demo-{}", std::process::id())));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder `{}`", path.display()))?;
        Ok(Self { path, temporary })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary {
            // A leftover in the temporary folder is not worth a word at the end of a demo.
            std::fs::remove_dir_all(&self.path).ok();
        }
    }
}
