//! Sources whose pages only scripts make. What a real browser does is skipped where none is installed.

use std::{
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use loaphuong::{clock::Clock, demo::stories};
use serde_json::{Value, json};

use crate::{
    backfill::walk,
    daemon::{self, Daemon, until},
    world::World,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The browser of this machine, as words of a command.
pub(crate) fn chromium() -> Option<Vec<String>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found =
        names.iter().find(|name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    if found.is_none() {
        println!("skipped: there is no Chromium on this machine");
    }
    let sandbox = rustix::process::getuid().is_root().then_some("--no-sandbox");
    found.map(|name| [Some(*name), sandbox].into_iter().flatten().map(str::to_owned).collect())
}

/// A second source beside the usual one, whose list scripts make.
fn with_scripts(text: &str, command: &[String]) -> String {
    let url = text.lines().find(|line| line.starts_with("url = \"http://127.0.0.1")).unwrap();
    let site: String = url.split('"').nth(1).unwrap().splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let source = format!(
        r#"
[browser]
command = {command:?}

[[source]]
id = "js"
url = "{site}/js"
every = "1h"
spacing = "0s"
jitter = "0s"
allow_private = true
browser = "list"
browser_wait = "li.news"

[[source.list]]
item = "li.news"
title = "a"
link = "a"

[[feed]]
id = "js"
title = "JS"
sources = ["js"]
"#
    );
    format!("{text}{source}")
}

/// The same, complete when it is quiet: the last page of an archive shows nothing that could be waited for.
fn with_quiet_scripts(text: &str, command: &[String]) -> String {
    with_scripts(text, command).replace("browser_wait = \"li.news\"\n", "")
}

async fn source(world: &World) -> Value {
    let all = world.get("/api/v1/sources").await.json();
    all["sources"].as_array().unwrap().iter().find(|source| source["id"] == "js").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_scripts_make_is_published() {
    let Some(command) = chromium() else { return };
    let world = World::with(|text| with_scripts(&text, &command)).await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = r#"<!DOCTYPE html><ul></ul><script>
        fetch('http://TRAP/').catch(() => 0); new WebSocket('ws://TRAP/'); new Image().src = 'http://TRAP/';
        fetch('/list.json').then(answer => answer.json()).then(list => {
            for (const [n, title] of list.entries())
                document.querySelector('ul').innerHTML += `<li class=news><a href="/tin/${n}">${title}</a></li>`;
        });
        </script>"#;
    let page = page.replace("TRAP", &trap.local_addr().unwrap().to_string());
    world.portal.put("/js", "text/html; charset=utf-8", page);
    world.portal.put("/list.json", "application/json", r#"["Thông báo tuyển dụng","Lịch tiếp công dân"]"#);
    world.tick(DAY).await;
    let told = source(&world).await;
    assert_eq!(told["failures"], 0, "{told}");
    let feed = world.get("/feeds/js.json").await.json();
    let titles: Vec<_> =
        feed["items"].as_array().unwrap().iter().map(|item| item["title"].as_str()).collect();
    assert_eq!(titles, [Some("Thông báo tuyển dụng"), Some("Lịch tiếp công dân")], "{feed}");
    assert!(feed["items"][0]["url"].as_str().unwrap().ends_with("/tin/0"), "{feed}");
    trap.set_nonblocking(true).unwrap();
    assert_eq!(trap.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the own network is not reached");
    // The document is the same, and what its scripts load is not.
    world.portal.put(
        "/list.json",
        "application/json",
        r#"["Tin mới","Thông báo tuyển dụng","Lịch tiếp công dân"]"#,
    );
    world.tick(DAY).await;
    let feed = world.get("/feeds/js.json").await.text();
    assert!(feed.contains("Tin mới"), "{feed}");
    let metrics = world.get("/metrics").await.text();
    assert!(metrics.contains("loa_browser_pages_total"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_browser_everything_else_goes_on() {
    let world = World::with(|text| with_scripts(&text, &["no-such-chromium".to_owned()])).await;
    let n_visits = world.portal.n_visits();
    world.tick(DAY).await;
    assert!(world.portal.n_visits() > n_visits);
    assert_eq!(world.titles().await.len(), 6);
    assert_eq!(world.source().await["failures"], 0);
    let told = source(&world).await;
    assert!(told["failures"].as_u64().unwrap() > 0, "{told}");
    let issue = &told["issues"][0];
    assert_eq!(issue["code"], "browser-failed", "{told}");
    assert!(issue["message"].as_str().unwrap().contains("there is no `no-such-chromium`"), "{told}");
    assert!(
        world.portal.visits().iter().all(|visit| !visit.uri.starts_with("/js")),
        "nobody is asked in vain"
    );
}

/// A list whose items and pager scripts make, of the page that the address says.
const PAGED: &str = r#"<!DOCTYPE html><ul></ul><div class=pager></div><script>
    const number = +(new URLSearchParams(location.search).get('trang') ?? 1);
    fetch(`/list-${number}.json`).then(answer => answer.json()).then(list => {
        for (const n of list)
            document.querySelector('ul').innerHTML += `<li class=news><a href="/tin/${n}">Tin số ${n}</a></li>`;
        document.querySelector('.pager').innerHTML = '<a href="?trang=2">2</a> <a href="?trang=3">3</a>';
    });
    </script>"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_are_walked_through_the_browser() {
    let Some(command) = chromium() else { return };
    let world = World::with(|text| with_quiet_scripts(&text, &command)).await;
    world.portal.put("/js", "text/html; charset=utf-8", PAGED);
    for (page, list) in [(1, "[6, 5]"), (2, "[4, 3]"), (3, "[2, 1]"), (4, "[]")] {
        world.portal.put(&format!("/list-{page}.json"), "application/json", list);
    }
    let report = walk(&world, "js", json!({})).await;
    let said = ["way", "end", "pages", "new", "issues"].map(|key| &report[key]);
    assert_eq!(said, [&json!("numbered"), &json!("bottom"), &json!(3), &json!(6), &json!([])], "{report}");
    let asked = |path: &str| world.portal.visits().iter().filter(|visit| visit.uri == path).count();
    assert_eq!([asked("/js?trang=2"), asked("/list-2.json"), asked("/js?trang=4")], [1; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_only_the_browser_shows_is_named_as_what_it_is() {
    let Some(command) = chromium() else { return };
    let world = World::with(|text| with_quiet_scripts(&text, &command)).await;
    let page = r#"<!DOCTYPE html><form method=post action="/js"></form><script>
        document.forms[0].innerHTML = `<input type=hidden name=__VIEWSTATE value=x><ul><li class=news>
            <a href="/tin/1">Tin số 1</a></li></ul><a href="javascript:__doPostBack('pager','2')">2</a>`;
        </script>"#;
    world.portal.put("/js", "text/html; charset=utf-8", page);
    let report = walk(&world, "js", json!({})).await;
    let reason = report["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("there is no sitemap to read at"), "{report}");
    assert!(
        reason.contains("goes on by a form only, which the browser cannot send back\nhint: "),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_sent_as_the_document_has_it_where_somebody_says_so() {
    let Some(command) = chromium() else { return };
    let change = |text: String| {
        let keys =
            "allow_private = true\nbrowser = \"list\"\n[source.archive]\nkind = \"postback\"\n\n[[feed]]";
        text.replace("allow_private = true\n\n[[feed]]", keys)
            + &format!("\n[browser]\ncommand = {command:?}\n")
    };
    let world = World::with(change).await;
    world.portal.bury(stories::old(world.clock.now()));
    let report = walk(&world, "quan1", json!({})).await;
    let said = ["way", "end", "new", "issues"].map(|key| &report[key]);
    assert_eq!(said, [&json!("postback"), &json!("bottom"), &json!(45), &json!([])], "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_browser_no_archive_is_walked() {
    let world = World::with(|text| with_scripts(&text, &["no-such-chromium".to_owned()])).await;
    // The pass at the start has tried it; it may be tried again.
    world.tick(Duration::from_secs(10)).await;
    let report = walk(&world, "js", json!({})).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("halted"), &json!(true)), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("there is no `no-such-chromium`"), "{report}");
    assert!(world.portal.visits().iter().all(|visit| !visit.uri.starts_with("/js")));
}

/// What pretends to be a browser: it has a child, says where it listens, and goes on for ever.
const ENDLESS: &str = r#"for word; do case $word in --user-data-dir=*) folder=${word#*=};; esac; done
    tail -f "$folder/said.log" &
    printf '1\n/devtools/browser/x\n' > "$folder/DevToolsActivePort"
    exec tail -f "$folder/said.log""#;

/// The folder of the only browser that writes below `temporary`.
fn folder_of_browser(temporary: &Path) -> Option<PathBuf> {
    let mut folders = std::fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path());
    folders.find(|path| path.to_string_lossy().contains("loaphuong-browser-"))
}

/// How many processes have `folder` in their command line. One that is dead and not buried has none any more.
fn n_processes(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(folder)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_leaves_no_browser_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (temporary, config) = (folder.path().join("tmp"), folder.path().join("loa.toml"));
    std::fs::create_dir(&temporary).unwrap();
    let text = format!(
        r#"[web]
listen = "127.0.0.1:0"
base_url = "https://tin.example.vn"
[store]
path = {store:?}
[browser]
command = ["sh", "-c", {ENDLESS:?}, "sh"]
[[source]]
id = "js"
url = "http://127.0.0.1:1/js"
every = "1h"
jitter = "0s"
allow_private = true
browser = "list"
[[source.list]]
item = "li"
"#,
        store = folder.path().join("store"),
    );
    std::fs::write(&config, text).unwrap();
    let mut command = daemon::serve(&config);
    command.env("TMPDIR", &temporary);
    let mut daemon = Daemon::run(command);
    let mut profile = PathBuf::new();
    until("the browser, its child and the two that watch", async || {
        profile = folder_of_browser(&temporary).unwrap_or_default();
        profile.is_dir() && n_processes(&profile) == 4
    })
    .await;
    daemon.kill();
    until("nothing is left", async || n_processes(&profile) == 0 && !profile.exists()).await;
}
