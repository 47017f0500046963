//! The client against servers that behave badly.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use super::{
    Answer, Client, Error, Misled, Request, Retry, Settings, Stage,
    guard::Refusal,
    testing::{PUBLIC, Reply, Server, client, clock, settings},
};

const SHORT: Duration = Duration::from_millis(200);

fn open(url: url::Url) -> Request {
    Request { allow_private: true, ..Request::get(url) }
}

async fn ask(server: &Server) -> Result<Answer, Error> {
    ask_with(server, &settings()).await
}

async fn ask_with(server: &Server, settings: &Settings) -> Result<Answer, Error> {
    client(settings).send(open(server.url("/"))).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A server whose path `/N` redirects to where `location` says.
async fn redirecting(location: impl Fn(u32) -> String + Send + Sync + 'static) -> Server {
    Server::new(move |head| {
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let n = path.strip_prefix('/').unwrap().parse().unwrap_or(0);
        Reply::Bytes(format!("HTTP/1.1 302 Found\r\nLocation: {}\r\n\r\n", location(n)).into_bytes())
    })
    .await
}

// --- what is read

#[tokio::test]
async fn reads_every_coding_that_it_asks_for() {
    let text = "Thông báo ".repeat(1000);
    let coded = [
        ("gzip", gzip(text.as_bytes())),
        ("zstd", zstd::encode_all(text.as_bytes(), 3).unwrap()),
        ("identity", text.clone().into_bytes()),
        ("utf-8", text.clone().into_bytes()),
    ];
    for (coding, body) in coded {
        let server = Server::says(answer(&format!("Content-Encoding: {coding}\r\n"), &body)).await;
        let answer = ask(&server).await.unwrap();
        assert_eq!(answer.body, text.as_bytes(), "{coding}");
        let head = server.heads().remove(0);
        assert!(head.contains("user-agent: loaphuong/test (+https://example.com)\r\n"), "{head}");
        for offered in ["gzip", "br", "zstd", "deflate"] {
            assert!(head.split("accept-encoding:").nth(1).unwrap().contains(offered), "{head}");
        }
    }
}

#[tokio::test]
async fn a_body_that_stays_compressed_is_no_page() {
    let server = Server::says(answer("Content-Encoding: gzip, br\r\n", b"\x1f\x8b")).await;
    let error = ask(&server).await.unwrap_err();
    assert!(matches!(&error, Error::Protocol { problem, .. } if problem.contains("`gzip, br`")), "{error}");
}

#[tokio::test]
async fn a_head_request_and_an_empty_status_have_no_body_whatever_their_headers_say() {
    let headers = "Content-Encoding: gzip\r\nContent-Length: 1234\r\n\r\n";
    let server = Server::says(format!("HTTP/1.1 200 OK\r\n{headers}")).await;
    let request = Request { method: reqwest::Method::HEAD, ..open(server.url("/")) };
    assert_eq!(client(&settings()).send(request).await.unwrap().body, "");
    for status in ["204 No Content", "304 Not Modified"] {
        let server = Server::says(format!("HTTP/1.1 {status}\r\nContent-Encoding: gzip\r\n\r\n")).await;
        assert_eq!(ask(&server).await.unwrap().body, "", "{status}");
    }
}

#[tokio::test]
async fn keeps_no_cookies() {
    let server = Server::says(answer("Set-Cookie: id=1; Path=/\r\nContent-Length: 0\r\n", b"")).await;
    let client = client(&settings());
    for _ in 0..2 {
        client.send(open(server.url("/"))).await.unwrap();
    }
    assert_eq!(server.heads().len(), 2);
    assert!(server.heads().iter().all(|head| !head.to_lowercase().contains("cookie")));
}

// --- limits

fn is_too_large(result: &Result<Answer, Error>) -> bool {
    matches!(result, Err(Error::TooLarge { limit: "net.max_body", max: 4_000_000, .. }))
}

#[tokio::test]
async fn bombs_stop_at_the_limit() {
    // 10 GB of zeros, a megabyte at a time: blocks of one gzip member, frames of zstd.
    let zeros = vec![0; 1_000_000];
    let mut block = Vec::with_capacity(10_000);
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    deflate.compress_vec(&zeros, &mut block, flate2::FlushCompress::Full).unwrap();
    assert!(block.len() < 2000, "{}", block.len());
    let gzip_head = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    let frame = zstd::encode_all(&zeros[..], 3).unwrap();
    for (coding, first, again) in [("gzip", gzip_head, block), ("zstd", Vec::new(), frame)] {
        let head = answer(&format!("Content-Encoding: {coding}\r\n"), &first);
        let server = Server::new(move |_| Reply::Repeat(head.clone(), again.clone(), 10_000)).await;
        let result = ask(&server).await;
        assert!(is_too_large(&result), "{coding}: {result:?}");
    }
    let server = Server::new(move |_| Reply::Repeat(answer("", b""), vec![b'x'; 100_000], 100_000)).await;
    let result = ask(&server).await;
    assert!(is_too_large(&result), "plain: {result:?}");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let limits = Settings { max_body: 1000, ..settings() };
    for (length, passes) in [(1000, true), (1001, false)] {
        let (body, declared) = (vec![b'x'; length], format!("Content-Length: {length}\r\n"));
        let coded = answer("Content-Encoding: gzip\r\n", &gzip(&body));
        for bytes in [answer("", &body), answer(&declared, &body), coded] {
            let result = ask_with(&Server::says(bytes).await, &limits).await;
            assert_eq!(result.is_ok(), passes, "{length}: {result:?}");
        }
    }
}

#[tokio::test]
async fn the_body_of_an_error_is_cut_not_refused_and_a_limit_of_0_leaves_it_unread() {
    let limits = Settings { max_body: 3, ..settings() };
    let server = Server::says("HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nsorry").await;
    let answer = ask_with(&server, &limits).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (503, &b"sor"[..]));

    let server = Server::new(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let request = Request { max_body: Some(0), ..open(server.url("/")) };
    assert_eq!(client(&settings()).send(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_server_that_drips_ends_at_the_total_time() {
    let limits = Settings { timeout: SHORT, ..settings() };
    let server = Server::new(|_| Reply::Drip(answer("Content-Length: 1000000\r\n", b""))).await;
    let error = ask_with(&server, &limits).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { limit: "net.timeout", after: SHORT, .. }), "{error}");
    assert_eq!(error.retry(), Retry::Later);

    let own = Request { timeout: Some(SHORT), ..open(server.url("/")) };
    let error = client(&settings()).send(own).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { limit: "timeout", .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_falls_silent_ends_at_the_read_time() {
    let limits = Settings { read_timeout: SHORT, ..settings() };
    let silent = Server::new(|_| Reply::Stall(Vec::new())).await;
    let half = Server::new(|_| Reply::Stall(answer("Content-Length: 9\r\n", b"12"))).await;
    for server in [silent, half] {
        let error = ask_with(&server, &limits).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { limit: "net.read_timeout", .. }), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_buy_more_time() {
    let limits = Settings { timeout: SHORT, ..settings() };
    let stalled = Server::new(|_| Reply::Stall(Vec::new())).await;
    let there = stalled.url("/").to_string();
    let server = redirecting(move |_| there.clone()).await;
    let error = ask_with(&server, &limits).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { limit: "net.timeout", .. }), "{error}");
}

// --- broken answers

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_an_answer() {
    let cut = gzip(&"tin ".repeat(5000).into_bytes());
    let cut = &cut[..cut.len() / 2];
    let cases = [
        answer("Content-Length: 100\r\n", b"only this"),
        answer("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"),
        answer("Transfer-Encoding: chunked\r\n", b"ff\r\nhello"),
        answer("Content-Encoding: gzip\r\n", cut),
        answer(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", cut.len() + 9), cut),
        b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(),
        Vec::new(),
    ];
    for bytes in cases {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let error = ask(&Server::says(bytes).await).await.unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{shown}: {error:?}");
        assert_eq!(error.retry(), Retry::Now);
    }
}

#[tokio::test]
async fn nonsense_is_a_protocol_error() {
    let cases = [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello".to_vec(),
        answer("Transfer-Encoding: chunked\r\n", b"zz\r\nhello\r\n0\r\n\r\n"),
        answer("Content-Encoding: gzip\r\n", b"this was never compressed, whatever the header says"),
        answer(&format!("X: {}\r\n", "x".repeat(1 << 20)), b"huge header"),
        answer(&"X: x\r\n".repeat(10_000), b"many headers"),
    ];
    for bytes in cases {
        let shown: String = String::from_utf8_lossy(&bytes).chars().take(60).collect();
        let error = ask(&Server::says(bytes).await).await;
        assert!(matches!(error, Err(Error::Protocol { .. })), "{shown}: {error:?}");
    }
}

#[tokio::test]
async fn a_closed_port_is_a_connection_error_and_an_unknown_name_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let error = client(&settings()).send(open(format!("http://{at}/").parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::Connect { stage: Stage::Tcp, .. }), "{error:?}");

    let client = Client::with_hosts(&settings(), clock(), &[]).unwrap();
    let error = client.send(Request::get("http://quan1.example/".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::Connect { stage: Stage::Dns, .. }), "{error:?}");
    assert!(error.to_string().contains("`quan1.example` has no address"), "{error}");
}

#[tokio::test]
async fn plain_http_behind_an_https_url_is_a_tls_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let answer = async {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let client = client(&settings());
    let error = tokio::select! {
        result = client.send(open(format!("https://{at}/").parse().unwrap())) => result.unwrap_err(),
        () = answer => unreachable!(),
    };
    assert!(matches!(error, Error::Connect { stage: Stage::Tls, .. }), "{error:?}");
    assert!(error.to_string().contains("`net.ca_file`"), "{error}");
}

// --- redirects

#[tokio::test]
async fn redirect_loops_and_endless_redirects_end() {
    let cases: [(fn(u32) -> String, Misled); 3] = [
        (|_| "/0".to_owned(), Misled::Loop("/0".to_owned())),
        (|n| format!("/{}", (n + 1) % 3), Misled::Loop("/0".to_owned())),
        (|n| format!("/{}", n + 1), Misled::TooMany(5)),
    ];
    for (location, expected) in cases {
        let server = redirecting(location).await;
        let error = client(&settings()).send(open(server.url("/0"))).await.unwrap_err();
        let Error::Redirects { problem, .. } = &error else { panic!("{error:?}") };
        match (problem, &expected) {
            (Misled::Loop(url), Misled::Loop(path)) => assert!(url.ends_with(path), "{url}"),
            _ => assert_eq!(*problem, expected),
        }
    }
}

#[tokio::test]
async fn as_many_redirects_as_allowed_are_followed() {
    let server = Server::new(|head| {
        let n: u32 = head.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        let text = if n < 5 {
            format!("HTTP/1.1 302 Found\r\nLocation: /{}\r\n\r\n", n + 1)
        } else {
            "HTTP/1.1 200 OK\r\n\r\nend".to_owned()
        };
        Reply::Bytes(text.into_bytes())
    })
    .await;
    let answer = client(&settings()).send(open(server.url("/0"))).await.unwrap();
    assert_eq!((&answer.body[..], answer.url.path(), answer.moved), (&b"end"[..], "/5", None));

    let stay = Request { max_redirects: 0, ..open(server.url("/0")) };
    let answer = client(&settings()).send(stay).await.unwrap();
    assert_eq!((answer.status, answer.url.path()), (302, "/0"));
}

#[tokio::test]
async fn moved_is_where_only_permanent_redirects_led() {
    for (chain, moved) in [(["301", "308"], true), (["301", "302"], false), (["307", "301"], false)] {
        let server = Server::new(move |head| {
            let n = ["/0 ", "/1 "].iter().position(|path| head.contains(path));
            let text = match n {
                Some(n) => format!("HTTP/1.1 {} Moved\r\nLocation: /{}\r\n\r\n", chain[n], n + 1),
                None => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
            };
            Reply::Bytes(text.into_bytes())
        })
        .await;
        let answer = client(&settings()).send(open(server.url("/0"))).await.unwrap();
        assert_eq!(answer.moved.is_some(), moved, "{chain:?}");
        assert_eq!(answer.url.path(), "/2");
    }
    let plain = ask(&Server::says("HTTP/1.1 200 OK\r\n\r\n").await).await.unwrap();
    assert_eq!(plain.moved, None);
}

#[tokio::test]
async fn a_redirect_is_guarded_like_a_request() {
    let inside = Server::says("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let targets = [
        format!("http://{}/", inside.at),
        format!("http://localhost:{}/", inside.at.port()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:127.0.0.1]/".to_owned(),
        "http://2130706433/".to_owned(),
        format!("http://inside.example:{}/", inside.at.port()),
        "file:///etc/passwd".to_owned(),
        "ftp://example.com/".to_owned(),
        format!("http://example.com/{}", "x".repeat(9000)),
    ];
    for target in targets {
        let there = target.clone();
        let portal = redirecting(move |_| there.clone()).await;
        let hosts = [("portal.example", PUBLIC, portal.at), ("inside.example", inside.at.ip(), inside.at)];
        let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
        let url = format!("http://portal.example:{}/", portal.at.port());
        let error = client.send(Request::get(url.parse().unwrap())).await.unwrap_err();
        assert!(
            matches!(&error, Error::Refused { via: Some(via), .. } if *via == url),
            "{target}: {error:?}"
        );
        assert_eq!(portal.heads().len(), 1);
    }
    assert!(inside.heads().is_empty(), "{:?}", inside.heads());
}

#[tokio::test]
async fn credentials_in_the_url_reach_its_host_alone() {
    let elsewhere = Server::says("HTTP/1.1 200 OK\r\n\r\n").await;
    let there = format!("http://elsewhere.example:{}/", elsewhere.at.port());
    let portal = redirecting(move |n| if n == 0 { "/1".to_owned() } else { there.clone() }).await;
    let hosts = [("portal.example", PUBLIC, portal.at), ("elsewhere.example", PUBLIC, elsewhere.at)];
    let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
    let url = format!("http://ward:secret@portal.example:{}/0", portal.at.port());
    let headers = vec![("X-Api-Key", "key".to_owned()), ("If-None-Match", "\"1\"".to_owned())];
    let answer = client.send(Request { headers, ..Request::get(url.parse().unwrap()) }).await.unwrap();

    for head in portal.heads() {
        assert!(head.contains("authorization: Basic d2FyZDpzZWNyZXQ=\r\n"), "{head}");
        assert!(head.contains("x-api-key: key\r\n"), "{head}");
    }
    assert_eq!(portal.heads().len(), 2);
    let head = elsewhere.heads().remove(0);
    assert!(!head.contains("authorization") && !head.contains("x-api-key"), "{head}");
    assert!(head.contains("if-none-match: \"1\"\r\n"), "{head}");
    assert!(!answer.url.as_str().contains("secret"));
}

// --- the guard

#[tokio::test]
async fn a_name_is_reached_at_its_public_addresses_only() {
    let server = Server::says("HTTP/1.1 200 OK\r\n\r\nhello").await;
    let private: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let hosts = [("mixed.example", private.ip(), private), ("mixed.example", PUBLIC, server.at)];
    let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
    let url = format!("http://mixed.example:{}/", server.at.port());
    assert_eq!(client.send(Request::get(url.parse().unwrap())).await.unwrap().body, "hello");

    let hosts = [("inside.example", server.at.ip(), server.at)];
    let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
    let url: url::Url = format!("http://inside.example:{}/", server.at.port()).parse().unwrap();
    let error = client.send(Request::get(url.clone())).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { refusal: Refusal::Resolved { name, .. }, .. } if name == "inside.example"),
        "{error:?}"
    );
    // An open connection of a request that may go there must not carry one that may not.
    assert_eq!(client.send(open(url.clone())).await.unwrap().body, "hello");
    assert!(client.send(Request::get(url)).await.is_err());
}

/// Every case of the collection, with the names of its attackers leading inside, as they do in the wild.
#[tokio::test]
async fn refuses_the_collected_attacks() {
    let Some(text) = std::env::current_dir()
        .unwrap()
        .ancestors()
        .find_map(|folder| std::fs::read_to_string(folder.join("shared/data/security/ssrf.json")).ok())
    else {
        println!("skipped: shared/data/security/ssrf.json is not here");
        return;
    };
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let inside: IpAddr = [169, 254, 169, 254].into();
    let names = ["127.0.0.1.nip.io", "www.127.0.0.1.sslip.io", "metadata", "rancher-metadata"];
    let hosts = names.map(|name| (name, inside, nowhere));
    let limits = Settings { timeout: Duration::from_secs(5), ..settings() };
    let client = Client::with_hosts(&limits, clock(), &hosts).unwrap();
    let mut n_refused = 0;
    for case in cases["cases"].as_array().unwrap() {
        let (text, refuse) = (case["url"].as_str().unwrap(), case["must_block"].as_bool());
        let Ok(url) = text.parse() else {
            assert_ne!(refuse, Some(false), "{text} is no URL");
            continue;
        };
        if refuse == Some(false) {
            assert_eq!(super::guard::check(&url, false), Ok(()), "{text}");
        } else if refuse == Some(true) && url.host_str() != Some("example.com") {
            // (A backslash ends the host: `example.com\@127.0.0.1` is a path of example.com, for the one parser
            // that both the guard and the connection read.)
            let result = client.send(Request::get(url)).await;
            assert!(matches!(result, Err(Error::Refused { .. })), "{text}: {result:?}");
            n_refused += 1;
        }
    }
    assert!(n_refused > 50, "{n_refused}");
}

// --- turns and settings

#[tokio::test]
async fn polite_requests_come_one_after_another() {
    let server = Server::says("HTTP/1.1 200 OK\r\n\r\n").await;
    let clock = clock();
    let client = Client::new(&settings(), clock.clone()).unwrap();
    let polite = Request { spacing: Some(Duration::from_secs(2)), ..open(server.url("/")) };
    client.send(polite.clone()).await.unwrap();
    let mut second = Box::pin(client.send(polite));
    assert!(futures_util::poll!(&mut second).is_pending());
    // A request that did not ask for politeness overtakes.
    client.send(open(server.url("/"))).await.unwrap();
    assert!(futures_util::poll!(&mut second).is_pending());
    assert_eq!(server.heads().len(), 2);
    clock.advance(Duration::from_secs(2));
    second.await.unwrap();
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let server = Server::new(|head| {
        if head.contains("/stall") {
            Reply::Stall(Vec::new())
        } else {
            Reply::Bytes(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())
        }
    })
    .await;
    let client = client(&Settings { concurrency: 1, ..settings() });
    let mut stalled = Box::pin(client.send(open(server.url("/stall"))));
    assert!(futures_util::poll!(&mut stalled).is_pending());
    let mut second = Box::pin(client.send(open(server.url("/"))));
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(stalled);
    second.await.unwrap();
    assert!(!server.heads().last().unwrap().contains("/stall"));
}

#[tokio::test]
async fn a_header_cannot_carry_a_second_one() {
    let headers = vec![("If-None-Match", "\"1\"\r\nX-Evil: 1".to_owned())];
    let request = Request { headers, ..open("http://127.0.0.1:1/".parse().unwrap()) };
    let error = client(&settings()).send(request).await.unwrap_err();
    assert!(matches!(error, Error::Refused { refusal: Refusal::Malformed(_), .. }), "{error:?}");
}

#[test]
fn a_bad_ca_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for path in [folder.path().join("absent.pem"), empty, broken] {
        let limits = Settings { ca_file: Some(path.clone()), ..settings() };
        let error = Client::new(&limits, Arc::new(crate::clock::System)).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(error.to_string().contains("net.ca_file"), "{error}");
    }
}
