//! What strangers send: requests that are no requests, subscriptions to our own network, feeds and articles made to
//! break readers. Nothing of it stops, slows or confuses the house.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use crate::{shared, world::World};

const TICK: Duration = Duration::from_secs(3600);

/// Sends bytes as they are and reads until the daemon closes.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    // It may close before it has taken everything.
    stream.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_with_two_meanings_get_one_answer_and_a_closed_connection() {
    let world = World::with(|config| config.replacen("[web]", "[web]\nheader_timeout = \"1s\"", 1)).await;
    let smuggled = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let post = "POST /api/v1/subscriptions HTTP/1.1\r\nHost: x\r\n";
    let get = "GET /healthz HTTP/1.1\r\n";
    for (request, expected) in [
        (
            format!(
                "{post}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}",
                smuggled.len()
            ),
            "401",
        ),
        (format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{smuggled}"), "401"),
        (format!("{post}Content-Length: 2\r\nContent-Length: 5\r\n\r\n{{}}GET"), "400"),
        (format!("{post}Content-Length: 2, 5\r\n\r\n{{}}GET"), "400"),
        (format!("{post}Content-Length: +2\r\n\r\n{{}}"), "400"),
        (format!("{post}Content-Length: -1\r\n\r\n"), "400"),
        (format!("{post}Transfer-Encoding: xchunked\r\n\r\n{smuggled}"), "400"),
        (format!("{post}Transfer-Encoding : chunked\r\n\r\n{smuggled}"), "400"),
        (format!("{post}Content-Length: 99999999\r\n\r\n"), "413"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400"),
        (format!("{get}Host: x\r\nX: a\r\n b\r\n\r\n"), "400"),
        (format!("{get}Host: x\r\nX: a\0b\r\n\r\n"), "400"),
        (format!("{get}Connection: close\r\n\r\n"), "400"),
        (format!("{get}Host: a\r\nHost: b\r\nConnection: close\r\n\r\n"), "400"),
        (format!("{get}Host: x\r\n{}\r\n", "X: y\r\n".repeat(5000)), "431"),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "q".repeat(100_000)), "431"),
        (
            "GET http://other.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            "200",
        ),
        ("\u{16}\u{3}\u{1}\0\0\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = raw(&world, request.as_bytes()).await;
        let shown: String = request.chars().take(160).collect();
        assert_eq!(statuses(&answer), [expected], "{shown:?}: {answer}");
    }
    assert!(raw(&world, b"GET /healthz HTTP/1.0\r\n\r\n").await.contains(" 200 "), "HTTP/1.0 has no host");
    // A head that never ends: the daemon closes.
    raw(&world, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-").await;
}

/// The same at the door of the hot path: a feed that is written, on connections that began with one good request.
/// Four connections are all there are: one that was lost to an attack would be missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hot_path_takes_nothing_with_two_meanings() {
    let few = "[web]\nheader_timeout = \"1s\"\nmax_connections = 4";
    let world = World::with(|config| config.replacen("[web]", few, 1)).await;
    let good = "GET /feeds/quan1.rss HTTP/1.1\r\nHost: x\r\n";
    let close = "Connection: close\r\n\r\n";
    let smuggled = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(world.get("/feeds/quan1.rss").await.status, 200, "now it is written");
    for (request, expected) in [
        (format!("{good}{close}"), "200"),
        (format!("{good}{close}{smuggled}"), "200"),
        (format!("{good}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n{close}{smuggled}"), "200"),
        (format!("{good}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{smuggled}"), "400"),
        (format!("{good}Transfer-Encoding: chunKed\r\n{close}{smuggled}"), "200"),
        (format!("{good}Transfer-Encoding: chunked, identity\r\n\r\n{smuggled}"), "400"),
        (format!("{good}Transfer-Encoding : chunked\r\n\r\n{smuggled}"), "400"),
        (format!("{good}Transfer-Encoding\r\n\r\n{smuggled}"), "400"),
        (format!("{good}X: a\r\n Transfer-Encoding: chunked\r\n\r\n{smuggled}"), "400"),
        (format!("{good}X: a\rTransfer-Encoding: chunked\r\n\r\n{smuggled}"), "400"),
        (format!("{good}X: a\0b\r\n\r\n"), "400"),
        (format!("{good}Host: y\r\n{close}"), "400"),
        (format!("GET /feeds/quan1.rss HTTP/1.1\r\n{close}"), "400"),
        (format!("GET /feeds/quan1.rss HTTP/1.1\nHost: x\n{close}"), "200"),
        (format!("GET http://other.example/feeds/quan1.rss HTTP/1.1\r\nHost: x\r\n{close}"), "200"),
        (format!("GET /feeds/quan1.rss HTTP/9.1\r\nHost: x\r\n{close}"), "400"),
        (format!("{good}{}{close}", "X: y\r\n".repeat(5000)), "431"),
        (format!("{good}X: {}\r\n{close}", "y".repeat(100_000)), "431"),
        (format!("GET /feeds/{}.rss HTTP/1.1\r\nHost: x\r\n{close}", "q".repeat(100_000)), "431"),
        (format!("{good}If-None-Match: {}\r\n{close}", "\"a\", ".repeat(3000)), "200"),
        (format!("{good}Accept-Encoding: {}\r\n{close}", "x;q=0.1,".repeat(3000)), "200"),
        (format!("{good}If-Modified-Since: {}\r\n{close}", "Sun, ".repeat(3000)), "200"),
    ] {
        let answer = raw(&world, format!("{good}\r\n{request}").as_bytes()).await;
        let shown: String = request.chars().take(160).collect();
        assert_eq!(statuses(&answer), ["200", expected], "{shown:?}: {}", answer.len());
    }
    for garbage in
        [&b"\r\n\r\n\r\n"[..], b"GET", b"GET /feeds/", b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nx", b"\0\0"]
    {
        raw(&world, garbage).await;
    }
    for _ in 0..8 {
        assert_eq!(world.get("/feeds/quan1.rss").await.status, 200);
    }
    let text = world.get("/metrics").await.text();
    let counted = "loa_http_requests_total{method=\"GET\",route=\"/feeds/{name}\",status=\"200\"}";
    assert!(text.contains(counted), "what is answered at once is counted, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_takes_head_and_refuses_what_it_does_not_take() {
    let world = World::new().await;
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/opml.xml",
        "/feeds/quan1",
        "/feeds/quan1.rss",
        "/api/v1/events",
        "/api/v1/sources",
    ] {
        let (head, get) = (world.send("HEAD", path, &[], b"").await, world.get(path).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "FOO"] {
            let answer = world.send(method, path, &[], b"").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{method} {path}");
        }
    }
    for path in [
        "/%00",
        "/%ff%fe",
        "/%",
        "/articles/%2e%2e%2f",
        "/articles/urn:uuid:x",
        "/feeds/%00.rss",
        "/feeds/..%2f..%2fetc%2fpasswd",
        "//feeds/quan1.rss",
        "/api/v1/%00",
        "/assets/../Cargo.toml",
    ] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    for id in ["%00", "a%0d%0aX:y", "..%2f", &"a".repeat(5000)] {
        let answer = world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/problem+json")),
            "{id}"
        );
    }
    for header in [
        ("If-None-Match", "\""),
        ("If-Modified-Since", "Thu, 99 Foo 99999"),
        ("Accept-Encoding", ";;q=x,"),
        ("Accept-Encoding", "*;q=0"),
        ("Range", "bytes=9-1"),
        ("Accept", "/;/"),
    ] {
        assert_eq!(world.send("GET", "/feeds/quan1.atom", &[header], b"").await.status, 200, "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_subscription_is_a_problem_that_names_the_field() {
    let world = World::new().await;
    let long = format!(r#"{{"url": "https://a.example/{}"}}"#, "a".repeat(50_000));
    for (body, field) in [
        (" ", None),
        ("\0\0", None),
        ("[]", None),
        (r#"{"url": "\ud800"}"#, None),
        (&"[".repeat(60_000), None),
        (r#"{"url": 5}"#, Some("url")),
        (&long, Some("url")),
        (r#"{"ur": "x"}"#, Some("ur")),
        (r#"{"url": "https://a.example/", "filter": "(("}"#, Some("filter")),
        (r#"{"url": "https://a.example/", "secret": "x"}"#, Some("secret")),
        (r#"{"url": "https://a.example/", "events": ["x"]}"#, Some("events")),
    ] {
        let answer = world.api("POST", "/api/v1/subscriptions", body).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(answer.status, 400, "{shown}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{shown}");
        assert_eq!(answer.json()["field"].as_str(), field, "{shown}");
    }
    assert_eq!(world.api("POST", "/api/v1/subscriptions", &" ".repeat(70_000)).await.status, 413);
    assert_eq!(world.send("POST", "/api/v1/subscriptions", &[], b"{}").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_subscribes_our_own_network() {
    let world = World::with(|config| format!("{config}\n[push]\nallow_http = true\n")).await;
    for url in [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://①②⑦.0.0.1/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "http://user:pw@a.example/",
    ] {
        let body = serde_json::json!({ "url": url }).to_string();
        let answer = world.api("POST", "/api/v1/subscriptions", &body).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some("url")), "{url}");
    }
    // A name is looked up when it is told something: `localhost` is a private address then.
    let body = r#"{"url": "http://localhost:9/"}"#;
    let made = world.api("POST", "/api/v1/subscriptions", body).await;
    if made.status == 201 {
        let id = made.json()["id"].as_str().unwrap().to_owned();
        world.portal.publish(world.story(900, "Tin cho người lạ"));
        world.tick(Duration::from_secs(300)).await;
        let shown = world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await.json();
        assert!(shown["last_error"].as_str().unwrap().contains("private"), "{shown}");
    } else {
        assert_eq!(made.status, 400, "{}", made.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_a_public_list_of_tricks_are_refused() {
    let Some(path) = shared::shared("data/security/ssrf.json") else { return };
    let list: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let world = World::with(|config| format!("{config}\n[push]\nallow_http = true\n")).await;
    let mut let_in = Vec::new();
    for case in list["cases"].as_array().unwrap().iter().filter(|case| case["must_block"] == true) {
        let body = serde_json::json!({ "url": case["url"] }).to_string();
        let answer = world.api("POST", "/api/v1/subscriptions", &body).await;
        match answer.status {
            400 => assert_eq!(answer.json()["field"], "url", "{case}"),
            201 => let_in.push((case["url"].clone(), answer.json()["id"].as_str().unwrap().to_owned())),
            status => panic!("{status}: {case}"),
        }
    }
    // The others are names: they are refused when they are looked up.
    world.portal.publish(world.story(901, "Tin cho người lạ"));
    world.tick(Duration::from_secs(300)).await;
    for (url, id) in let_in {
        let shown = world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await.json();
        assert!(shown["delivered"].is_null() && shown["last_error"].is_string(), "{url}: {shown}");
    }
}

/// A world that watches a feed, beside its portal's list.
async fn feed_world(body: &str) -> World {
    let body = body.to_owned();
    let mut world = World::new().await;
    world.portal.put("/rss", "application/rss+xml", body);
    let url = format!("http://{}/rss", world.portal.address());
    world
        .reload(|config| {
            format!(
                "{config}\n[[source]]\nid = \"tin\"\nplatform = \"feed\"\nurl = \"{url}\"\nevery = \"1h\"\njitter = \"0s\"\n\
                 spacing = \"0s\"\nallow_private = true\n[[feed]]\nid = \"tin\"\ntitle = \"Tin\"\nsources = [\"tin\"]\n"
            )
        })
        .await;
    world
}

async fn feed_titles(world: &World) -> Vec<String> {
    let feed = world.get("/feeds/tin.json").await.json();
    feed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["title"].as_str().unwrap_or("").to_owned())
        .collect()
}

async fn feed_source(world: &World) -> Value {
    let sources = world.get("/api/v1/sources").await.json();
    sources["sources"].as_array().unwrap().iter().find(|source| source["id"] == "tin").unwrap().clone()
}

fn rss(items: &str) -> String {
    format!(
        "<rss version=\"2.0\"><channel><title>T</title><link>https://a.example/</link><description>d</description>{items}</channel></rss>"
    )
}

fn item(number: u32) -> String {
    format!(
        "<item><title>Tin {number}</title><link>https://a.example/{number}</link><guid>g{number}</guid></item>"
    )
}

/// Feeds of which something can be read: it is, and nothing else happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dirty_feeds_give_what_they_have() {
    let json = |items: &str| {
        format!(r#"{{"version":"https://jsonfeed.org/version/1.1","title":"T","items":[{items}]}}"#)
    };
    let world = feed_world(&rss(&item(1))).await;
    for (body, part) in [
        (rss("<item><title>A & B < C \u{1}</title><link>https://a.example/2</link></item>"), "A & B"),
        (rss("<item><description>Không có tiêu đề</description><link>https://a.example/3</link></item>"), ""),
        (rss(&("<item><title>Không có liên kết</title></item>".to_owned() + &item(7))), "Không có liên kết"),
        (
            rss(
                "<item><title>Ngày lạ</title><link>https://a.example/4</link><pubDate>hôm qua 99/99</pubDate></item>",
            ),
            "Ngày lạ",
        ),
        (
            "<rss version=\"2.0\"><channel><item><title>Cụt</title><link>https://a.example/5</link></item><item><title>Mất".to_owned(),
            "Cụt",
        ),
        // What stands for a lost character is shown as a question mark: validators warn of U+FFFD.
        (json(r#"{"id":"j1","title":"Nửa \ud800 cặp","content_text":"x"}"#), "Nửa ? cặp"),
        (
            rss("<item><title>Sâu</title><link>https://a.example/6</link><description>&lt;div&gt;")
                .replace("</channel></rss>", "")
                + &"&lt;div&gt;".repeat(100_000)
                + "chữ</description></item></channel></rss>",
            "Sâu",
        ),
    ] {
        let shown: String = body.chars().take(200).collect();
        world.portal.put("/rss", "application/rss+xml", body);
        world.tick(TICK).await;
        let titles = feed_titles(&world).await;
        assert!(titles.iter().any(|title| title.contains(part)), "{shown}: {titles:?}");
        assert!(titles.contains(&"Tin 1".to_owned()), "{shown}: nothing is lost");
        assert_eq!(feed_source(&world).await["failures"], 0, "{shown}");
    }
    assert!(!world.get("/metrics").await.text().contains("loa_task_restarts_total{"), "no task has failed");
}

/// Feeds of which nothing can be read: an issue, the last good feed, and the next good one is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_feeds_are_an_issue_and_nothing_is_lost() {
    let world = feed_world(&rss(&item(1))).await;
    let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;\">]><r>&c;</r>";
    let mut number = 10;
    for body in [
        String::new(),
        "không phải XML".to_owned(),
        "<html><body><form action=/login><input type=password></form></body></html>".to_owned(),
        bomb.to_owned(),
        "<a>".repeat(200),
        "[".repeat(100_000),
        "\0".repeat(1000),
        "x".repeat(20_000_000),
    ] {
        let shown: String = body.chars().take(60).collect();
        let good = world.get("/feeds/tin.atom").await.body;
        world.portal.put("/rss", "application/rss+xml", body);
        world.tick(TICK).await;
        let source = feed_source(&world).await;
        assert!(source["issues"][0]["code"].is_string(), "{shown}: {source}");
        assert!(source["failures"].as_u64() > Some(0), "{shown}: {source}");
        assert_eq!(world.get("/feeds/tin.atom").await.body, good, "{shown}");
        assert_eq!(world.source().await["failures"], 0, "{shown}: another source is not affected");

        number += 1;
        world.portal.put("/rss", "application/rss+xml", rss(&(item(number) + &item(1))));
        world.tick(4 * TICK).await;
        assert!(feed_titles(&world).await.contains(&format!("Tin {number}")), "{shown}: it recovers");
        assert_eq!(feed_source(&world).await["failures"], 0, "{shown}");
    }
    // An empty feed is no failure, but it is said, and takes nothing away.
    let good = world.get("/feeds/tin.atom").await.body;
    world.portal.put("/rss", "application/rss+xml", rss(""));
    world.tick(TICK).await;
    assert_eq!(feed_source(&world).await["issues"][0]["code"], "no-items");
    assert_eq!(world.get("/feeds/tin.atom").await.body, good);
    assert!(!world.get("/metrics").await.text().contains("loa_task_restarts_total{"), "no task has failed");
}

/// A receiver that treats every connection in its own way, and counts them.
async fn receiver(behave: &'static str) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let serving = TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 16_384];
            if stream.read(&mut head).await.unwrap_or(0) == 0 {
                continue;
            }
            match behave {
                "reset" => stream.set_zero_linger().unwrap(),
                "huge" => {
                    stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 104857600\r\n\r\n").await.ok();
                    while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
                }
                answer => drop(stream.write_all(answer.as_bytes()).await),
            }
        }
    });
    (url, serving)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_misbehave_are_tried_again_and_hurt_nobody() {
    let mut world = World::new().await;
    let (trap, _trap) = receiver("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    let redirect: &'static str = Box::leak(
        format!("HTTP/1.1 307 There\r\nLocation: {trap}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .into(),
    );
    let (mut receivers, mut more) = (Vec::new(), String::new());
    for (number, behave) in
        ["reset", "huge", "\0\u{1}garbage\r\n\r\n", redirect, "HTTP/1.1 200"].into_iter().enumerate()
    {
        let (url, serving) = receiver(behave).await;
        more += &format!(
            "[[webhook]]\nid = \"bad{number}\"\nurl = \"{url}\"\nallow_private = true\n\
             secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\"\n"
        );
        receivers.push(serving);
    }
    world.reload(|config| format!("{config}\n{more}")).await;
    world.portal.publish(world.story(910, "Tin mới"));
    world.tick(Duration::from_secs(300)).await;
    assert_eq!(world.receiver.received().len(), 1, "the healthy one has it");
    let list = world.api("GET", "/api/v1/subscriptions", "").await;
    assert!(!list.text().contains("whsec_") && !list.text().contains("MfKQ9r8G"), "secrets are not shown");
    let list = list.json();
    let bad = list["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["id"].as_str().unwrap().starts_with("bad"));
    let mut n_bad = 0;
    for one in bad {
        n_bad += 1;
        assert!(one["last_error"].is_string() && one["delivered"].is_null(), "{one}");
        assert_eq!(one["state"], "active", "{one}");
    }
    assert_eq!(n_bad, 5);
}

/// Article pages that cannot be read: the list's own words stand in, everybody else's page is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_page_that_breaks_parsers_is_an_issue_and_its_article_is_told_from_the_list() {
    for page in ["<div>".repeat(100_000), "&".repeat(300_000), String::new(), "\0".repeat(300_000)] {
        let world = World::new().await;
        let shown: String = page.chars().take(10).collect();
        // Where the portal has its articles is read off one that works.
        world.portal.publish(world.story(821, "Trang mẫu"));
        world.tick(Duration::from_secs(300)).await;
        let visits = world.portal.visits();
        let uri = visits.iter().find(|visit| visit.uri.contains("821")).unwrap().uri.replace("821", "822");
        world.portal.put(&uri, "text/html", page.clone());
        world.portal.publish(world.story(822, "Trang hỏng"));
        world.portal.publish(world.story(823, "Trang lành"));
        world.tick(Duration::from_secs(300)).await;
        assert!(world.titles().await.contains(&"Trang lành".to_owned()), "{shown}");
        for _ in 0..6 {
            world.tick(TICK).await;
        }
        assert!(
            world.titles().await.contains(&"Trang hỏng".to_owned()),
            "{shown}: {:?}",
            world.titles().await
        );
        assert!(
            world.portal.visits().iter().any(|visit| visit.uri == uri),
            "{shown}: the page was asked for"
        );
        assert_eq!(world.source().await["failures"], 0, "{shown}: the list is good");
        assert!(
            !world.get("/metrics").await.text().contains("loa_task_restarts_total{"),
            "no task has failed"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_may_not_be_private_is_refused_before_it_is_asked() {
    let world =
        World::with(|config| config.replacen("allow_private = true", "allow_private = false", 1)).await;
    let source = world.source().await;
    assert_eq!(source["issues"][0]["code"], "fetch-failed", "{source}");
    assert!(source["issues"][0]["message"].as_str().unwrap().contains("allow_private"), "{source}");
    assert_eq!(world.portal.n_visits(), 0, "nobody was asked");
}
