//! The unlucky operator: ports and stores that are taken, full or broken disks, wrong files on reload, and stops in
//! the middle of everything. One clear sentence and an exit code, every time.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use loaphuong::demo::portal::Portal;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    daemon::{Daemon, serve, until},
    http,
};

const FEED: &str = r#"<rss version="2.0"><channel><title>Tin</title><link>https://a.example/</link><description>Tin</description>
<item><title>Khai mạc hội nghị</title><link>https://a.example/tin/1</link><guid isPermaLink="false">tin-1</guid>
<pubDate>Thu, 30 Jul 2020 17:12:00 +0700</pubDate></item></channel></rss>"#;

/// A folder with a configuration that watches `feed`.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(feed: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write(&place.text(feed, "quan1"));
        place
    }

    fn text(&self, feed: &str, source: &str) -> String {
        format!(
            "[web]\nlisten = \"127.0.0.1:0\"\ntoken = \"0123456789abcdef0123\"\n[store]\npath = {:?}\n\
             [[source]]\nid = \"{source}\"\nplatform = \"feed\"\nurl = \"{feed}\"\nevery = \"1s\"\njitter = \"0s\"\n\
             spacing = \"0s\"\nallow_private = true\n[[feed]]\nid = \"{source}\"\ntitle = \"Tin\"\n",
            self.store()
        )
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("loa.toml")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    /// A command on this configuration, to its end.
    fn loa(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
        command.args(arguments).arg("--config").arg(self.config()).env("NO_COLOR", "1").output().unwrap()
    }

    /// Checks that the daemon does not start: exit code 1 and `sentence`.
    fn refuses(&self, more: &[&str], sentence: &str) {
        let output = serve(&self.config()).args(more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let first = said.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: ") && first.contains(sentence), "{sentence}: {said}");
        assert!(said.lines().count() <= 2, "a sentence and a hint: {said}");
    }
}

/// A server that answers every request with `bytes`.
async fn server(bytes: Vec<u8>) -> (String, JoinHandle<()>) {
    let listener = listener().await;
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            if stream.read(&mut head).await.unwrap_or(0) == 0 {
                continue;
            }
            stream.write_all(&bytes).await.ok();
        }
    });
    (url, serving)
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

async fn feed_server() -> (String, JoinHandle<()>) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nConnection: close\r\n";
    server(format!("{head}Content-Length: {}\r\n\r\n{FEED}", FEED.len()).into_bytes()).await
}

async fn status(daemon: &Daemon, path: &str) -> u16 {
    http::send(daemon.address, "GET", path, &[], b"").await.map_or(0, |answer| answer.status)
}

async fn has_article(daemon: &Daemon, feed: &str) -> bool {
    let answer = http::send(daemon.address, "GET", &format!("/feeds/{feed}.json"), &[], b"").await;
    answer.is_ok_and(|answer| answer.status == 200 && answer.text().contains("Khai mạc hội nghị"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_or_not_there_is_said_in_a_sentence() {
    let (feed, _serving) = feed_server().await;
    let place = Place::new(&feed);
    let daemon = Daemon::start(&place.config());
    let taken = daemon.address.to_string();
    place.refuses(&["--listen", &taken], "another process has this port");
    place.refuses(&[], "is in use by another process");
    // No address of this machine.
    place.refuses(&["--listen", "192.0.2.1:80"], "cannot listen on `192.0.2.1:80`");
    let file = place.folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for (path, sentence) in [
        (file.clone(), "not a directory"),
        (file.join("store"), "Not a directory"),
        (Path::new("/proc/loa").to_owned(), "cannot open the store `/proc/loa`"),
    ] {
        place.refuses(&["--set", &format!("store.path={}", path.display())], sentence);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_says_what_to_do() {
    let (feed, _serving) = feed_server().await;
    let place = Place::new(&feed);
    let mut daemon = Daemon::start(&place.config());
    until("an article", async || has_article(&daemon, "quan1").await).await;
    daemon.kill();
    std::fs::write(place.store().join("db"), b"this is not a store").unwrap();
    place.refuses(&[], "the store is damaged");
    let said = String::from_utf8(serve(&place.config()).output().unwrap().stderr).unwrap();
    assert!(said.contains("loa import"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_the_daemon_and_a_new_start_goes_on() {
    let (feed, _serving) = feed_server().await;
    let place = Place::new(&feed);
    // The limit stands in for a full disk: opening fits, an article does not. The signal that comes with it is ignored.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} serve --config {}",
        env!("CARGO_BIN_EXE_loa"),
        place.config().display()
    );
    let mut command = serve(&place.config());
    let mut limited = Command::new("sh");
    limited.args(["-c", &script]).env("NO_COLOR", "1").stderr(std::process::Stdio::piped());
    let mut child = limited.spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    let sentence = said.lines().last().unwrap();
    assert!(sentence.starts_with("error: ") && sentence.contains("the store `"), "{said}");
    assert!(sentence.contains("File too large"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    // Room was made.
    command.env("LOA_LOG__FILTER", "info");
    let daemon = Daemon::run(command);
    until("an article", async || has_article(&daemon, "quan1").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_everything_is_clean() {
    let stop = CancellationToken::new();
    let (portal, serving) = Portal::serve(listener().await, stop.clone()).unwrap();
    let serving = TaskTracker::new().spawn(serving);
    portal.put("/rss", "application/rss+xml", FEED);
    let place = Place::new(&format!("http://{}/rss", portal.address()));
    // A portal that promises a page and sends a byte of it; a receiver that takes deliveries and never answers.
    let (drip, receiver) = (listener().await, listener().await);
    let source = format!(
        "[[source]]\nid = \"drip\"\nplatform = \"feed\"\nurl = \"http://{}/\"\nevery = \"1s\"\nallow_private = true\n\
         [[webhook]]\nid = \"hook\"\nurl = \"http://{}/\"\nallow_private = true\n\
         secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\"\n",
        drip.local_addr().unwrap(),
        receiver.local_addr().unwrap()
    );
    place.write(&(place.text(&format!("http://{}/rss", portal.address()), "quan1") + &source));
    let daemon = Daemon::start(&place.config());
    let (mut dripping, _) = drip.accept().await.unwrap();
    dripping.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<").await.unwrap();
    until("an article", async || has_article(&daemon, "quan1").await).await;
    until("the end of the backfill", async || {
        let sources = http::send(daemon.address, "GET", "/api/v1/sources", &[], b"").await;
        sources.is_ok_and(|sources| sources.text().contains("\"backfilled\":true"))
    })
    .await;
    portal.put("/rss", "application/rss+xml", FEED.replace("tin-1", "tin-2").replace("tin/1", "tin/2"));
    let _delivery = receiver.accept().await.unwrap();
    // A client that never ends its request.
    let mut client = tokio::net::TcpStream::connect(daemon.address).await.unwrap();
    client.write_all(b"GET /healthz HTT").await.unwrap();
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopping") && !log.contains("panicked"), "{log}");
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_swaps_everything_and_a_wrong_file_changes_nothing() {
    let (feed, _serving) = feed_server().await;
    let place = Place::new(&feed);
    let daemon = Daemon::start(&place.config());
    until("an article", async || has_article(&daemon, "quan1").await).await;

    place.write("[[source]]\nid = \"quan1\"\nurl = 'x'\nschedul = '* * * * *'\n[[feed]]\n");
    daemon.signal(Signal::HUP);
    until("a refusal", async || daemon.log().contains("the configuration was not reloaded")).await;
    until("its problems", async || daemon.log().contains("problems in the configuration")).await;
    let log = daemon.log();
    assert!(log.contains("did you mean `schedule`?") && log.contains("loa.toml:4:1"), "{log}");
    assert!(has_article(&daemon, "quan1").await, "the old one goes on");

    let webhook = "[[webhook]]\nid = \"newsroom\"\nurl = \"https://newsroom.example/\"\n\
                   secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\"\n";
    place.write(&(place.text(&feed, "moi") + webhook));
    daemon.signal(Signal::HUP);
    until("the new feed", async || has_article(&daemon, "moi").await).await;
    assert_eq!(status(&daemon, "/feeds/quan1.json").await, 404);
    let token = [("Authorization", "Bearer 0123456789abcdef0123")];
    let answer = http::send(daemon.address, "GET", "/api/v1/subscriptions", &token, b"").await.unwrap();
    assert_eq!(answer.json()["subscriptions"][0]["id"], "newsroom", "{}", answer.text());
    assert!(!answer.text().contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo"));
    daemon.signal(Signal::TERM);
    let (code, log) = daemon.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo"), "secrets are not logged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_beside_a_daemon_go_through_it() {
    let (feed, _serving) = feed_server().await;
    let place = Place::new(&feed);
    let daemon = Daemon::start(&place.config());
    let listen = format!("web.listen={}", daemon.address);
    let check = |arguments: &[&str], code: i32, part: &str| {
        let output = place.loa(&[arguments, &["--set", &listen]].concat());
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && said.contains(part), "{arguments:?}: {said}");
    };
    until("an article", async || has_article(&daemon, "quan1").await).await;
    check(&["sources"], 0, "quan1");
    check(&["subscriptions", "list"], 0, "nobody is told anything");
    check(&["subscriptions", "log", "nobody"], 1, "there is no subscription `nobody`");
    check(&["subscriptions", "page", "nobody"], 1, "there is no subscription `nobody`");
    check(&["subscriptions", "add", "http://127.0.0.1:9/"], 1, "`http:` address is not accepted");
    check(&["accept", "quan1"], 1, "no run of `quan1` is held");
    check(&["accept", "quan1", "--show"], 1, "no run of `quan1` is held");
    check(&["accept", "quan2"], 2, "did you mean `quan1`?");
    check(&["export"], 0, "loa_export_end");
    let wrong = ["--set", "web.token=wrongwrongwrongwrong"];
    check(&[&["run", "quan1"][..], &wrong].concat(), 1, "this token is none of this server's");
    check(&[&["export"][..], &wrong].concat(), 1, "this token is none of this server's");
    let nobody = place.loa(&["sources", "--set", "web.listen=127.0.0.1:9"]);
    let said = String::from_utf8(nobody.stderr).unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said.contains("no daemon answers at `http://127.0.0.1:9/`"), "{said}");
    assert!(said.contains("hint: give this command the daemon's `--config`"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_at_once_lose_nothing() {
    let (feed, _serving) = feed_server().await;
    let place = Place::new(&feed);
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
            command.args(["run", "quan1", "--config"]).arg(place.config());
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut done = 0;
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => done += 1,
            // Another one had the store, and is no daemon that could be asked.
            Some(1) => assert!(said.contains("the store is in use"), "{said}"),
            code => panic!("{code:?}: {said}"),
        }
    }
    assert!(done > 0, "one of them has the store");
    let output = place.loa(&["export"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("Khai mạc hội nghị").count(), 1, "{text}");
}
