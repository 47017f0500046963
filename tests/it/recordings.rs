//! Recorded exchanges of reported sites (`docs/recording.md`): each is read as `expected.json` beside it says. And the
//! recorder itself, as its users start it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use loaphuong::{
    app::{Asked, Replay},
    config,
    ingest::Ingest,
    journal::Journal,
    model::{Article, SourceId},
    net::{self, tape::Wire},
    store,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::signal;

// --- the corpus

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/recordings")
}

#[tokio::test]
async fn every_recording_is_read_as_expected() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(folders.len() >= 3, "the corpus is not there: {folders:?}");
    let mut wrong = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let read = pass(&folder).await;
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap_or_default();
        if serde_json::from_str::<Value>(&expected).ok().as_ref() == Some(&read) {
            continue;
        }
        let text = format!("{}\n", serde_json::to_string_pretty(&read).unwrap());
        fs::write(folder.join("expected.json.new"), &text).unwrap();
        wrong.push(format!("{name}: `expected.json.new` has what was read:\n{text}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A whole pass over a recorded source, on an empty store: what it reports and what is kept then.
async fn pass(folder: &Path) -> Value {
    let Replay { meta, playback, config } = Replay::open(folder).unwrap();
    let Asked::Source(id) = &meta.asked else {
        panic!("{}: record a source, not an address", folder.display())
    };
    let id: SourceId = id.parse().unwrap();
    let config = config::load_alone(&config).unwrap_or_else(|report| panic!("{report}"));
    let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
    let journal = Arc::new(Journal::open(store.clone()).await.unwrap());
    let clock = playback.clock();
    let client = net::Client::over(&config.net, clock.clone(), Wire::Replaying(playback.clone())).unwrap();
    let ingest = Ingest::new(journal, client, None, clock, config.ingest);
    let report = ingest.pass(&id).await.unwrap();
    let articles = store.newest(&id, None, 1000).await.unwrap();
    let missed: Vec<String> = playback.missed().into_iter().map(|missed| missed.url).collect();
    json!({
        "items": report.items,
        "failed": report.failed,
        "issues": report.issues.iter().map(|issue| json!([issue.code, issue.message, issue.at])).collect::<Vec<_>>(),
        "not_recorded": missed,
        "articles": articles.iter().map(told).collect::<Vec<_>>(),
    })
}

/// What an article says, short enough to be read by whoever adds a recording.
fn told(article: &Article) -> Value {
    let content = &article.content;
    let date = article.published.rfc3339();
    json!({
        "title": content.title,
        "url": content.url,
        "published": if article.published.inferred { Value::Null } else { date.into() },
        "summary": content.summary,
        "html": content.html.as_str(),
        "authors": content.authors.iter().map(|person| person.name.as_deref()).collect::<Vec<_>>(),
        "image": content.image,
        "enclosures": content.enclosures.iter().map(|file| file.url.as_str()).collect::<Vec<_>>(),
    })
}

// --- the program

/// A site on port 0 for as long as the tests run; with `None` for an answer it says nothing, ever.
fn site(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut first = String::new();
            if reader.read_line(&mut first).is_err() {
                continue;
            }
            for line in reader.by_ref().lines() {
                if line.is_ok_and(|line| line.is_empty()) {
                    break;
                }
            }
            match answer(first.split(' ').nth(1).unwrap_or("/")) {
                Some(bytes) => (&stream).write_all(&bytes).unwrap_or_default(),
                None => silent.push(stream),
            }
        }
    });
    base
}

fn http(status: &str, headers: &str, body: &[u8]) -> Option<Vec<u8>> {
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Some([head.as_bytes(), body].concat())
}

const FEED: &str = "<rss version='2.0'><channel><title>Tin</title><link>/</link><description>x</description>\
    <item><title>Khai mạc hội xuân</title><link>/tin/1</link><guid isPermaLink='false'>1</guid></item>\
    <item><title>Lịch cắt nước</title><link>/tin/2</link><guid isPermaLink='false'>2</guid></item></channel></rss>";

/// A feed behind a redirect, with a cookie.
fn feed() -> String {
    site(|path| match path.split('?').next().unwrap_or_default() {
        "/rss" => http("301 Moved", "Location: /rss.xml\r\nSet-Cookie: id=secret-7\r\n", b""),
        "/rss.xml" => http("200 OK", "Content-Type: application/rss+xml\r\n", FEED.as_bytes()),
        _ => http("404 Not Found", "", b""),
    })
}

fn loa(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
    command.current_dir(folder.path()).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOA_")) {
        command.env_remove(name);
    }
    command
}

/// Runs it, checks its exit code and that each of `parts` is on one of the outputs.
fn check(folder: &TempDir, arguments: &[&str], code: i32, parts: &[&str]) -> Output {
    let output = loa(folder, arguments).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
    for part in parts {
        assert!(said.contains(part), "{arguments:?}: no `{part}` in\n{said}");
    }
    output
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn configuration(folder: &TempDir, url: &str, more: &str) {
    let text = format!(
        "[net]\nspacing = '0s'\n[[source]]\nid = 'ward'\nurl = '{url}'\nevery = '1h'\nallow_private = true\n{more}"
    );
    fs::write(folder.path().join("loa.toml"), text).unwrap();
}

#[test]
fn a_source_is_recorded_and_replayed_with_nobody_there() {
    let folder = tempfile::tempdir().unwrap();
    configuration(&folder, &format!("{}/rss?token=secret-8", feed()), "platform = 'feed'\n");
    let made = ["try", "ward", "--config", "loa.toml", "--record", "kept"];
    let first = check(&folder, &made, 0, &["2 new", "recorded 3 exchanges in kept", "loa try --replay kept"]);

    let again = check(&folder, &["try", "--replay", "kept"], 0, &["it reads as it did when it was recorded"]);
    assert_eq!(
        String::from_utf8_lossy(&again.stdout).replace("token=redacted", "token=secret-8"),
        String::from_utf8_lossy(&first.stdout)
    );
    let lines = check(&folder, &["try", "--replay", "kept", "--json"], 0, &["\"same\":true"]);
    let last: Value =
        serde_json::from_slice(lines.stdout.split(|b| *b == b'\n').rev().nth(1).unwrap()).unwrap();
    assert_eq!(last["not_recorded"], json!([]));
    check(&folder, &made, 1, &["already", "--force"]);
    check(&folder, &[&made[..], &["--force"]].concat(), 0, &["recorded 3 exchanges"]);
    let mut all = Vec::new();
    for file in ["meta.json", "source.toml"] {
        all.extend(fs::read(folder.path().join("kept").join(file)).unwrap());
    }
    let warc = fs::File::open(folder.path().join("kept/exchange.warc.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(warc).read_to_end(&mut all).unwrap();
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains("set-cookie: redacted") && !all.contains("secret-"), "{all}");
}

#[test]
fn another_selector_is_tried_on_a_recording_and_what_it_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let html = "<ul class=a><li><a href=/tin/1>Khai mạc hội xuân</a></li></ul><ul class=b><li><a href=/tin/2>Lịch cắt nước</a></li></ul>";
    let base = site(move |path| match path {
        "/tin-tuc" => http("200 OK", "Content-Type: text/html; charset=utf-8\r\n", html.as_bytes()),
        "/robots.txt" => http("404 Not Found", "", b""),
        _ => http("200 OK", "Content-Type: text/html\r\n", b"<h1>x</h1><article><p>y</p></article>"),
    });
    let list = |class: &str| {
        format!(
            "[source.page]\nbody = 'article'\n[[source.list]]\nitem = 'ul.{class} li'\ntitle = 'a'\nlink = {{ select = 'a', take = '@href' }}\n"
        )
    };
    configuration(&folder, &format!("{base}/tin-tuc"), &list("a"));
    check(&folder, &["try", "ward", "--config", "loa.toml", "--record", "kept"], 0, &["Khai mạc", "1 new"]);
    configuration(&folder, &format!("{base}/tin-tuc"), &list("b"));
    let near = format!("{base}/tin/2 (the nearest in it is {base}/tin/1)");
    let parts = ["Lịch cắt nước", "reads otherwise", "- new", "+ warning", near.as_str(), "hint:"];
    check(&folder, &["try", "ward", "--replay", "kept", "--config", "loa.toml"], 1, &parts);
    // Without a source, the configuration of the recording counts.
    check(&folder, &["try", "--replay", "kept", "--config", "loa.toml"], 0, &["Khai mạc", "as it did"]);
}

#[test]
fn what_fails_fails_alike() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cut = site(|path| match path {
        "/robots.txt" => http("404 Not Found", "", b""),
        _ => Some(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n<rss".to_vec()),
    });
    let status = site(|_| http("500 No", "", b"no"));
    for (n, url) in
        [format!("http://{nobody}/"), format!("{cut}/rss"), format!("{status}/rss")].iter().enumerate()
    {
        configuration(&folder, url, "platform = 'feed'\n");
        let kept = format!("kept-{n}");
        let first =
            check(&folder, &["try", "ward", "--config", "loa.toml", "--record", &kept], 1, &["recorded "]);
        let again = check(&folder, &["try", "--replay", &kept], 1, &["as it did"]);
        assert_eq!(first.stdout, again.stdout, "{}", said(&again));
    }
    // What no platform knows is recorded all the same.
    let page = site(|path| match path {
        "/robots.txt" => http("404 Not Found", "", b""),
        _ => http("200 OK", "Content-Type: text/html\r\n", b"<p>nothing</p>"),
    });
    let address = format!("{page}/tin");
    let tried = ["try", &address, "--allow-private", "--record", "unknown"];
    check(&folder, &tried, 1, &["no list of a platform", "recorded 2 exchanges"]);
    check(&folder, &["try", "--replay", "unknown"], 1, &["as it did", "no list of a platform"]);
}

#[test]
fn what_is_interrupted_can_be_replayed_as_far_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let base = site(|path| match path {
        "/robots.txt" => http("404 Not Found", "", b""),
        _ => None,
    });
    configuration(&folder, &format!("{base}/rss"), "platform = 'feed'\n");
    let mut command = loa(&folder, &["try", "ward", "--config", "loa.toml", "--record", "kept"]);
    let mut running = command.stderr(Stdio::piped()).spawn().unwrap();
    let warc = folder.path().join("kept/exchange.warc.gz");
    let length = || fs::metadata(&warc).map_or(0, |file| file.len());
    while length() < 900 {
        assert!(running.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    signal(&running, Signal::INT);
    let output = running.wait_with_output().unwrap();
    assert!(said(&output).contains("recorded 1 exchange in kept"), "{}", said(&output));
    assert_eq!(output.status.code(), Some(1));
    let parts = ["the recording was interrupted, after 1 exchange", "has no answer to it"];
    check(&folder, &["try", "--replay", "kept"], 1, &parts);
}

#[test]
fn what_is_no_recording_is_said_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    check(&folder, &["try", "--replay", "nowhere"], 1, &["meta.json", "hint:"]);
    fs::write(folder.path().join("loa.toml"), "").unwrap();
    let here = ["try", "http://127.0.0.1:9/", "--platform", "feed", "--record", "."];
    check(&folder, &here, 1, &["other files", "hint:"]);
    check(&folder, &["try"], 2, &["SOURCE_OR_URL"]);
    check(&folder, &["try", "a", "--force"], 2, &["--record"]);
    check(&folder, &["try", "a", "--record", "x", "--replay", "y"], 2, &["cannot be used with"]);
}

#[test]
fn where_nothing_can_be_recorded_no_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let pushed = "[[source]]\nid = 'ward'\nhome = 'http://a.example/'\npushed = true\n";
    let shown = "[browser]\ncommand = ['chromium']\n[[source]]\nid = 'ward'\nurl = 'http://a.example/'\nevery = '1h'\n\
        platform = 'html'\nbrowser = 'all'\n";
    for (config, part) in [(pushed, "nothing to record"), (shown, "is not recorded")] {
        fs::write(folder.path().join("loa.toml"), config).unwrap();
        check(&folder, &["try", "ward", "--config", "loa.toml", "--record", "kept"], 1, &[part, "hint:"]);
        assert!(!folder.path().join("kept").exists());
    }
}
