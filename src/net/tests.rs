//! The client against servers that behave badly.

use std::{io::Write, time::Duration};

mod manners;
mod redirects;
mod secure;

use super::{
    Answer, Client, Error, Request, Retry, Settings, Stage,
    guard::Refusal,
    testing::{Reply, Server, client, clock, settings},
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
    let empty = Server::says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(ask(&empty).await.unwrap().body, "");
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

    for head in ["Content-Length: 100", "Content-Encoding: gzip", "Transfer-Encoding: chunked"] {
        let server = Server::says(format!("HTTP/1.1 503 Busy\r\n{head}\r\n\r\nsorry")).await;
        assert_eq!(ask(&server).await.unwrap().status, 503, "{head}");
    }

    let server = Server::new(|_| Reply::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let request = Request { want: super::Want::Start(0), ..open(server.url("/")) };
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
    let server = redirects::redirecting(move |_| there.clone()).await;
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
