//! The daemon as a process that is killed: SIGKILL in the middle of passes and deliveries, two hundred times, while some of
//! its receivers have a bad day.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use loaphuong::{
    clock::{self, Clock},
    demo::{
        portal::{Portal, Story},
        stories,
    },
    push::sign,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    daemon::{Daemon, until},
    flaky::{Flaky, Mood, random},
    http, world,
};

/// How often it is killed; `LOA_CRASH_ROUNDS` says another number.
const ROUNDS: u64 = 200;
/// What is random, the same every time; `LOA_CRASH_SEED` says another.
const SEED: u64 = 2026;
/// The portal's list shows thirty: what fell off it unseen is nobody's to find. So often everything has to be there.
const SEEN_EVERY: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_two_hundred_times_every_article_is_there_once_and_told_to_everybody_who_wants_it() {
    let (rounds, seed) = (setting("LOA_CRASH_ROUNDS", ROUNDS), setting("LOA_CRASH_SEED", SEED));
    let stage = Stage::set(seed).await;
    let (portal, receivers, path) = (&stage.portal, &stage.receivers, &stage.path);

    for round in 0..rounds {
        let about = format!("round {round} (seed {seed})");
        if round % 2 == 0 {
            portal.publish(story(1000 + u32::try_from(round).unwrap()));
        }
        let mut daemon = Daemon::start(path);
        // A different point in every round: after some more requests at the portal or at the receivers, or none.
        let (visits, requests) = (portal.n_visits(), receivers.n_requests());
        let dice = random(seed.wrapping_add(1), round);
        let (at_portal, n) = (dice.is_multiple_of(2), dice / 2 % 6);
        if round % SEEN_EVERY == SEEN_EVERY - 1 {
            let all = portal.stories().len();
            until(&format!("everything is seen in {about}"), async || n_items(daemon.address).await >= all)
                .await;
        } else {
            until(&format!("some work in {about}"), async || match at_portal {
                true => portal.n_visits() >= visits + n,
                // Nothing may be due at all: the next look at the portal is soon enough, too.
                false => receivers.n_requests() >= requests + n || portal.n_visits() > visits + n,
            })
            .await;
        }
        daemon.kill();
    }

    receivers.calm_down();
    let daemon = Daemon::start(path);
    let wanted: BTreeSet<String> = portal.stories().into_iter().map(|story| story.title).collect();
    until("every article", async || n_items(daemon.address).await >= wanted.len()).await;
    let titles = titles(daemon.address).await;
    let unique: BTreeSet<String> = titles.iter().cloned().collect();
    assert_eq!(unique.len(), titles.len(), "every article is there once (seed {seed})");
    assert_eq!(unique, wanted, "seed {seed}");
    let news = wanted.into_iter().filter(|title| title.contains("(số")).collect();
    all_told(receivers, &news, seed).await;
}

/// A limit of the size of files stands in for a disk without room. The signal that comes with it is ignored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_again_and_again_delays_deliveries_and_loses_none() {
    let stage = Stage::set(SEED).await;
    let (portal, receivers, path) = (&stage.portal, &stage.receivers, &stage.path);
    let mut news = BTreeSet::new();
    let mut n_full = 0;
    for round in 0..12 {
        let story = story(2000 + 2 * round);
        news.insert(story.title.clone());
        portal.publish(story);
        // In the middle of a pass, of a delivery, or of writing down what came of it: a little later every time.
        let size = std::fs::metadata(path.with_file_name("store").join("db")).unwrap().len();
        let blocks = size / 512 + u64::from(round % 4) * 24;
        let log = path.with_file_name("log");
        let mut child = limited(path, blocks, &log);
        let mut ended = None;
        until("the disk is full, or everybody knows", async || {
            ended = child.try_wait().unwrap();
            ended.is_some() || receivers.confirmed(Mood::Healthy).len() == news.len()
        })
        .await;
        match ended {
            Some(status) => {
                assert_full(status, &std::fs::read_to_string(&log).unwrap());
                n_full += 1;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
    assert!(n_full > 2, "it was full {n_full} times");

    // Room was made.
    receivers.calm_down();
    let _daemon = Daemon::start(path);
    all_told(receivers, &news, SEED).await;
}

/// The portal, the receivers, and a daemon that was started once: a backfill, of which nobody is told.
struct Stage {
    portal: Portal,
    receivers: Flaky,
    path: PathBuf,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set(seed: u64) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (portal, serving) = Portal::serve(world::loopback().await, stop.clone()).unwrap();
        tasks.spawn(serving);
        stories::archive(clock::System.now()).into_iter().for_each(|story| portal.publish(story));
        let secret = sign::generate_secret().unwrap();
        let receivers = Flaky::serve(world::loopback().await, secret.clone(), seed, stop.clone(), &tasks);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("loa.toml");
        let config = configuration(&portal, &receivers, &sign::print_secret(&secret), folder.path());
        std::fs::write(&path, config).unwrap();
        let mut daemon = Daemon::start(&path);
        until("the backfill", async || n_items(daemon.address).await == 6).await;
        until("the end of the first pass", async || is_backfilled(daemon.address).await).await;
        daemon.kill();
        Self { portal, receivers, path, stop, _folder: folder }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A daemon whose files may have so many blocks of 512 bytes.
fn limited(config: &Path, blocks: u64, log: &Path) -> Child {
    let program = env!("CARGO_BIN_EXE_loa");
    let script =
        format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} serve --config {}", config.display());
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log).unwrap())
        .spawn()
        .unwrap()
}

fn assert_full(status: ExitStatus, said: &str) {
    assert_eq!(status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.contains("the store `"), "{said}");
    assert!(last.contains("File too large") && !said.contains("panicked"), "{said}");
}

/// Waits until everybody has confirmed what they want of the news, and looks at what they got.
async fn all_told(receivers: &Flaky, news: &BTreeSet<String>, seed: u64) {
    for mood in Mood::ALL {
        let wanted: BTreeSet<String> = news.iter().filter(|title| wants(mood, title)).cloned().collect();
        until(&format!("every delivery to `{}` (seed {seed})", mood.name()), async || {
            receivers.confirmed(mood).len() >= wanted.len()
        })
        .await;
        check(receivers, mood, &wanted, seed);
    }
}

/// Everything that one wants was confirmed, nothing else, under one id each, with a signature that fits.
fn check(receivers: &Flaky, mood: Mood, wanted: &BTreeSet<String>, seed: u64) {
    let about = format!("`{}`, seed {seed}", mood.name());
    assert_eq!(receivers.confirmed(mood), *wanted, "{about}: the archive never, all else at least once");
    let (mut ids, mut firsts) = (BTreeMap::<u64, BTreeSet<String>>::new(), Vec::new());
    for arrived in receivers.arrived(mood) {
        assert!(arrived.verified, "{about}: {arrived:?}");
        assert!(wanted.contains(&arrived.title), "{about}: nobody asked for {arrived:?}");
        let known = ids.entry(arrived.sequence).or_default();
        if known.is_empty() {
            firsts.push(arrived.sequence);
        }
        known.insert(arrived.id);
    }
    assert!(
        ids.values().all(|ids| ids.len() == 1),
        "{about}: one event has one webhook-id, however often it is sent"
    );
    assert_eq!(ids.len(), wanted.len(), "{about}: one number each");
    if matches!(mood, Mood::Healthy | Mood::Slow) {
        assert!(firsts.is_sorted(), "{about}: one that never fails is told in order: {firsts:?}");
    }
}

/// Half of them want only some of the news.
fn wants(mood: Mood, title: &str) -> bool {
    match mood {
        Mood::Errors | Mood::Silent => title.contains("chẵn"),
        Mood::Slow => title.contains("lẻ"),
        Mood::Healthy | Mood::Busy | Mood::Resets => true,
    }
}

fn filter(mood: Mood) -> &'static str {
    match mood {
        Mood::Errors | Mood::Silent => "title:chẵn",
        Mood::Slow => "\"tin lẻ\"",
        Mood::Healthy | Mood::Busy | Mood::Resets => "tin",
    }
}

fn story(item: u32) -> Story {
    let parity = if (item / 2).is_multiple_of(2) { "chẵn" } else { "lẻ" };
    Story { item, title: format!("Tin {parity} (số {item})"), ..stories::news(item, clock::System.now()) }
}

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

async fn titles(address: SocketAddr) -> Vec<String> {
    match http::send(address, "GET", "/feeds/quan1.json", &[], b"").await {
        Ok(answer) if answer.status == 200 => {
            let title = |item: &serde_json::Value| item["title"].as_str().unwrap().to_owned();
            answer.json()["items"].as_array().unwrap().iter().map(title).collect()
        }
        _ => Vec::new(),
    }
}

async fn n_items(address: SocketAddr) -> usize {
    titles(address).await.len()
}

async fn is_backfilled(address: SocketAddr) -> bool {
    let answer = http::send(address, "GET", "/api/v1/sources", &[], b"").await;
    answer.is_ok_and(|answer| answer.text().contains("\"backfilled\":true"))
}

/// A real clock runs here: everything comes soon, and nothing is given up.
fn configuration(portal: &Portal, receivers: &Flaky, secret: &str, folder: &Path) -> String {
    let schedule = std::iter::once("\"0s\"").chain(std::iter::repeat_n("\"100ms\"", 99)).collect::<Vec<_>>();
    let webhooks = Mood::ALL.map(|mood| {
        let (id, url, filter) = (mood.name(), receivers.url(mood), filter(mood));
        format!(
            "[[webhook]]\nid = {id:?}\nurl = {url:?}\nfilter = '{filter}'\nsecret = {secret:?}\nallow_private = true\n"
        )
    });
    format!(
        r#"[web]
listen = "127.0.0.1:0"
base_url = "https://tin.example.vn"

[store]
path = {store:?}

[push]
timeout = "1s"
schedule = [{schedule}]

[[source]]
id = "quan1"
platform = "sharepoint-posts"
url = "{url}"
every = "1s"
timezone = "Asia/Ho_Chi_Minh"
recheck = "5m"
spacing = "0s"
jitter = "0s"
allow_private = true

[[feed]]
id = "quan1"
title = "Tin tức Quận 1"
sources = ["quan1"]
items = 500

{webhooks}"#,
        store = folder.join("store"),
        schedule = schedule.join(", "),
        url = portal.list_url(),
        webhooks = webhooks.concat(),
    )
}
