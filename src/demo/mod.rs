//! `loa demo`: the whole job without the internet.
//!
//! A portal on one loopback port, the daemon on another, a newsroom on a third. Nothing is simulated between them:
//! the daemon scrapes over HTTP, stores in sled, and pushes over HTTP.

mod archive;
mod pages;
pub mod portal;
pub mod receiver;
mod scratch;
mod screen;
mod stage;
pub mod stories;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{self, App},
    clock::{self, Clock},
    config,
    push::sign,
    telemetry,
};
use portal::Portal;
use receiver::Receiver;
use scratch::Scratch;
use screen::{REMARK, Screen};
use stage::Stage;

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the daemon listens; 8080, or another port where that is taken, otherwise.
    pub listen: Option<SocketAddr>,
    /// Where it keeps its store; a temporary folder, removed at the end, otherwise.
    pub data: Option<PathBuf>,
    /// Keys of the demo's configuration to set, and their values.
    pub settings: Vec<(String, String)>,
}

/// Runs until Ctrl-C.
pub async fn run(options: Options) -> anyhow::Result<()> {
    // What goes wrong is said; the rest of the log would stand between the lines of the demo.
    telemetry::start(&telemetry::Settings { filter: "error".to_owned(), json: false })?;
    let screen = Screen::of_stdout();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(interrupted(stop.clone()));
    let scratch = Scratch::new(options.data)?;
    let ground = Ground { folder: scratch.path(), screen, stop: &stop, tasks: &tasks };
    let result = scene(options.listen, options.settings, ground).await;
    stop.cancel();
    tasks.close();
    // The receiver may be in the middle of an answer; a demo does not wait for it longer than this.
    tokio::time::timeout(Duration::from_secs(3), tasks.wait()).await.ok();
    let leaves = scratch.leaves();
    drop(scratch);
    if result.is_ok() {
        screen.say(&format!("stopped; {leaves}."));
    }
    result
}

/// Ctrl-C, SIGTERM and a closed terminal end the demo from its first moment on, so that it always cleans up.
async fn interrupted(stop: CancellationToken) {
    let hangup = async {
        match signal(SignalKind::hangup()) {
            Ok(mut hangup) => hangup.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = app::stop_signal() => {}
        _ = hangup => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
}

/// What the scene stands on.
struct Ground<'a> {
    folder: &'a Path,
    screen: Screen,
    stop: &'a CancellationToken,
    tasks: &'a TaskTracker,
}

async fn scene(
    listen: Option<SocketAddr>,
    settings: Vec<(String, String)>,
    ground: Ground<'_>,
) -> anyhow::Result<()> {
    let Ground { folder, screen, stop, tasks } = ground;
    let clock = Arc::new(clock::System);
    let (listener, instead) = daemon_listener(listen).await?;
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        // Whoever listens everywhere can be reached here, and nobody can open `0.0.0.0`.
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let (portal, serving) = Portal::serve(loopback().await?, stop.clone())?;
    tasks.spawn(serving);
    for story in stories::archive(clock.now()) {
        portal.publish(story);
    }
    portal.bury(stories::old(clock.now()));
    screen.step(1, &format!("portal    {}{REMARK}a news section like that of Quận 1", portal.front_url()));

    let secret = sign::generate_secret()
        .map_err(|cause| anyhow::anyhow!("the system gives no random numbers: {cause}"))?;
    let (sender, received) = mpsc::unbounded_channel();
    let (receiver, serving) =
        Receiver::serve(loopback().await?, secret.clone(), clock.clone(), Some(sender), stop.clone())?;
    tasks.spawn(serving);
    screen.step(
        2,
        &format!("newsroom  {}{REMARK}verifies each webhook: HMAC of id, time, body", receiver.url()),
    );

    let path = folder.join("loa.toml");
    let text = configuration(&portal, &receiver, &sign::print_secret(&secret), folder, address);
    std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    let config = config::load(Some(&path), &settings).map_err(|report| anyhow::anyhow!("{report}"))?;
    let app = App::start(config, listener, clock.clone()).await?;
    screen.step(3, &format!("daemon    http://{address}/{instead}"));
    screen.whole(&format!("to look at it from outside: loa sources --config {}", path.display()));

    screen.whole(&format!("to read the portal's archive: loa backfill quan1 --config {}", path.display()));

    let before = app.store.head().await?;
    let stage = Stage { app: &app, portal: &portal, address, screen };
    let ended = tokio::select! {
        ended = stop.run_until_cancelled(stage.play(received, before)) => ended.unwrap_or(Ok(())),
        cause = app.broken() => Err(anyhow::Error::new(cause)),
    };
    screen.say("");
    screen.say("stopping …");
    app.stop().await;
    ended
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

# The portal is this program's own.
[net]
daily_budget = 0

# Whoever tries it does so on this machine.
[push]
allow_http = true
allow_private = true

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

/// The chosen address, or 8080 where it is free, or any port; and what to say of the choice.
async fn daemon_listener(listen: Option<SocketAddr>) -> anyhow::Result<(TcpListener, &'static str)> {
    if let Some(address) = listen {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on `{address}`\nhint: choose another `--listen`, or none")
        })?;
        return Ok((listener, ""));
    }
    match TcpListener::bind(("127.0.0.1", 8080)).await {
        Ok(listener) => Ok((listener, "")),
        Err(_) => Ok((loopback().await?, "   (8080 is taken)")),
    }
}
