//! A browser that only pretends.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::net::testing::Server;

/// What it does when it gets a command.
#[derive(Clone, Debug)]
enum Act {
    /// Answers with this.
    Reply(Value),
    /// Says that it cannot.
    Refuse(&'static str),
    /// Says this and nothing else.
    Say(String),
    /// Hangs up.
    Close,
    /// Says nothing.
    Hang,
}

/// What a decent browser does.
fn usual(method: &str, url: &str) -> Vec<Act> {
    let event =
        |method: &str, params: Value| Act::Say(json!({ "method": method, "params": params }).to_string());
    let life =
        |name: &str| event("Page.lifecycleEvent", json!({ "frameId": "t", "loaderId": "l", "name": name }));
    match method {
        "Target.createBrowserContext" => vec![Act::Reply(json!({ "browserContextId": "c" }))],
        "Target.createTarget" => vec![Act::Reply(json!({ "targetId": "t" }))],
        "Target.attachToTarget" => vec![Act::Reply(json!({ "sessionId": "s" }))],
        "Page.navigate" => vec![
            event(
                "Fetch.requestPaused",
                json!({ "requestId": "r", "frameId": "t", "resourceType": "Document", "request": { "url": url } }),
            ),
            Act::Reply(json!({ "frameId": "t", "loaderId": "l" })),
        ],
        "Fetch.fulfillRequest" => vec![
            Act::Reply(json!({})),
            event("Page.frameNavigated", json!({ "frame": { "id": "t", "loaderId": "l" } })),
            life("load"),
            life("networkIdle"),
        ],
        "Page.createIsolatedWorld" => vec![Act::Reply(json!({ "executionContextId": 1 }))],
        "Runtime.evaluate" => vec![read(url, "<html>made</html>")],
        _ => vec![Act::Reply(json!({}))],
    }
}

fn read(url: &str, html: &str) -> Act {
    let value = json!({ "url": url, "size": html.len(), "html": html });
    Act::Reply(json!({ "result": { "value": value } }))
}

/// Serves as a browser; at `method` it does `acts` instead.
async fn serve(listener: TcpListener, url: String, instead: Option<(&'static str, Vec<Act>)>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let mut start = [0; 17];
        stream.peek(&mut start).await.unwrap();
        if &start == b"GET /json/version" {
            say_version(stream).await;
        } else {
            // It may be hung up on.
            talk(stream, &url, instead.as_ref()).await.ok();
        }
    }
}

async fn say_version(mut stream: TcpStream) {
    let mut head = [0; 4096];
    let n = stream.read(&mut head).await.unwrap();
    assert!(String::from_utf8_lossy(&head[..n]).contains("host: 127.0.0.1:"), "by its address");
    let said = r#"{"Browser":"Fake/1","webSocketDebuggerUrl":"ws://elsewhere.example:1/devtools/browser/x"}"#;
    stream.write_all(&answer("200 OK", "application/json", said)).await.unwrap();
    stream.shutdown().await.unwrap();
}

async fn talk(
    stream: TcpStream,
    url: &str,
    instead: Option<&(&'static str, Vec<Act>)>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let command: Value = serde_json::from_str(text.as_str()).unwrap();
        let method = command["method"].as_str().unwrap();
        let acts = match instead {
            Some((at, acts)) if *at == method => acts.clone(),
            _ => usual(method, url),
        };
        for act in acts {
            let said = match act {
                Act::Reply(result) => json!({ "id": command["id"], "result": result }).to_string(),
                Act::Refuse(why) => json!({ "id": command["id"], "error": { "message": why } }).to_string(),
                Act::Say(text) => text,
                Act::Close => return Ok(()),
                Act::Hang => continue,
            };
            socket.send(Message::text(said)).await?;
        }
    }
    Ok(())
}

/// What comes of a page while the browser does `acts` at `method`.
async fn shown(instead: Option<(&'static str, Vec<Act>)>, timeout: Duration) -> Shown {
    let site = Server::says(page("<html>bare</html>")).await;
    let hosts = [("tin.example", testing::PUBLIC, site.at)];
    let limits = net::Settings { max_body: 1000, ..testing::settings() };
    let client = Client::with_hosts(&limits, testing::clock(), &hosts).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let which = Which::At(format!("http://{at}").parse().unwrap());
    let browser = Browser::new(Settings { timeout, ..settings(which) }, testing::clock());
    let url = "http://tin.example/a";
    let ask = ask(url);
    tokio::select! {
        shown = browser.fetch(&client, &ask, None) => shown,
        () = serve(listener, url.to_owned(), instead) => unreachable!("it serves for ever"),
    }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_scripts_made_is_read() {
    let shown = shown(None, LONG).await;
    assert_eq!(html(&shown), "<html>made</html>");
    assert_eq!(codes(&shown), [""; 0]);
    let Outcome::Fresh { url, content_type, validators, .. } = shown.outcome else { panic!() };
    assert_eq!(url.as_str(), "http://tin.example/a");
    assert_eq!(content_type.as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(validators, crate::model::Validators::default());
}

#[tokio::test]
async fn a_browser_that_fails_is_told_in_a_sentence() {
    let crash = json!({ "method": "Inspector.targetCrashed", "params": {} }).to_string();
    let refused = json!({ "errorText": "net::ERR_INVALID_RESPONSE" });
    let table = [
        (
            "Target.createBrowserContext",
            Act::Refuse("not here"),
            "does not take `Target.createBrowserContext`: not here",
        ),
        ("Fetch.enable", Act::Close, "broke off while it read `http://tin.example/a`"),
        ("Page.navigate", Act::Close, "broke off"),
        ("Page.navigate", Act::Say("<html>".to_owned()), "no message of its protocol: `<html>`"),
        ("Page.navigate", Act::Say("x".repeat(5 << 20)), "Message too long"),
        ("Page.navigate", Act::Say(crash), "the tab that read `http://tin.example/a` has crashed"),
        ("Page.navigate", Act::Reply(refused), "net::ERR_INVALID_RESPONSE"),
        ("Runtime.evaluate", Act::Refuse("no world"), "cannot be read: no world"),
        ("Runtime.evaluate", read("http://other.example/", "x"), "lead to `http://other.example/`"),
        ("Runtime.evaluate", read("about:blank", "x"), "lead to `about:blank`"),
        (
            "Runtime.evaluate",
            read("http://tin.example/a", &"x".repeat(1001)),
            "has 1001 characters and the limit (`net.max_body`) is 1000",
        ),
        ("Runtime.evaluate", Act::Close, "broke off"),
    ];
    for (method, act, expected) in table {
        let said = problem(&shown(Some((method, vec![act.clone()])), LONG).await);
        assert!(said.contains(expected), "{method} {act:?}: {said}");
    }
}

#[tokio::test]
async fn what_does_not_end_is_ended() {
    let short = Duration::from_millis(300);
    let said = problem(&shown(Some(("Page.navigate", vec![Act::Hang])), short).await);
    assert!(
        said.contains("did not become a page within 300ms, which is the limit (`browser.timeout`)"),
        "{said}"
    );
    // The document has arrived: what is there is read.
    let never_idle = vec![
        Act::Reply(json!({})),
        Act::Say(
            json!({ "method": "Page.frameNavigated", "params": { "frame": { "id": "t", "loaderId": "l" } } })
                .to_string(),
        ),
    ];
    let shown = shown(Some(("Fetch.fulfillRequest", never_idle)), short).await;
    assert_eq!((html(&shown), codes(&shown)), ("<html>made</html>", vec!["browser-unsettled"]));
}

#[tokio::test]
async fn without_a_browser_nobody_is_asked() {
    let site = Server::says(page("")).await;
    let client = Client::with_hosts(
        &testing::settings(),
        testing::clock(),
        &[("tin.example", testing::PUBLIC, site.at)],
    );
    let client = client.unwrap();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for url in [format!("http://{closed}"), format!("ws://{closed}/devtools/browser/x")] {
        let browser = Browser::new(settings(Which::At(url.parse().unwrap())), testing::clock());
        let said = problem(&browser.fetch(&client, &ask("http://tin.example/"), None).await);
        assert!(said.contains("does not answer"), "{said}");
        assert!(
            said.contains("\nhint: is Chromium running there, with `--remote-debugging-port`?"),
            "{said}"
        );
    }
    let no_browser = Which::At(format!("http://{}", site.at).parse().unwrap());
    let browser = Browser::new(settings(no_browser), testing::clock());
    let said = problem(&browser.fetch(&client, &ask("http://tin.example/"), None).await);
    assert!(said.contains("what answers there is no browser"), "{said}");
    assert!(site.heads().iter().all(|head| head.starts_with("GET /json/version")), "{:?}", site.heads());
}

#[tokio::test]
async fn a_command_that_fails_is_not_tried_at_once_again() {
    let clock = testing::clock();
    let client = Client::new(&testing::settings(), clock.clone()).unwrap();
    let start = |command: &[&str]| {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        Browser::new(settings(Which::Command(command)), clock.clone())
    };
    let said =
        async |browser: &Browser| problem(&browser.fetch(&client, &ask("http://tin.example/"), None).await);
    let absent = start(&["no-such-chromium"]);
    let first = said(&absent).await;
    assert!(first.contains("there is no `no-such-chromium`\nhint: install it"), "{first}");
    let second = said(&absent).await;
    assert!(second.contains("is not started again before"), "{second}");
    clock.advance(FIRST_WAIT);
    assert_eq!(said(&absent).await, first, "it is tried again");
    clock.advance(FIRST_WAIT);
    assert!(said(&absent).await.contains("is not started again before"), "the wait is longer now");
    let root = start(&["sh", "-c", "echo Running as root without --no-sandbox is not supported >&2; exit 1"]);
    let said = said(&root).await;
    assert!(said.contains("it has ended at once: Running as root"), "{said}");
    assert!(said.contains("hint: as root it needs `--no-sandbox`"), "{said}");
}
