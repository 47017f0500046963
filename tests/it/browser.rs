//! Sources whose pages only scripts make. What a real browser does is skipped where none is installed.

use std::{io::ErrorKind, net::TcpListener, time::Duration};

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The browser of this machine.
fn chromium() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found =
        names.iter().find(|name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    if found.is_none() {
        println!("skipped: there is no Chromium on this machine");
    }
    let sandbox = if rustix::process::getuid().is_root() { ", \"--no-sandbox\"" } else { "" };
    found.map(|name| format!("[{name:?}{sandbox}]"))
}

/// A second source beside the usual one, whose list scripts make.
fn with_scripts(text: &str, command: &str) -> String {
    let url = text.lines().find(|line| line.starts_with("url = \"http://127.0.0.1")).unwrap();
    let site: String = url.split('"').nth(1).unwrap().splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let source = format!(
        r#"
[browser]
command = {command}

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

async fn source(world: &World) -> serde_json::Value {
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
    let world = World::with(|text| with_scripts(&text, "[\"no-such-chromium\"]")).await;
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
