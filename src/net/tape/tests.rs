//! Servers that behave well and badly, recorded and replayed: what the client says is the same.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;
use crate::{
    clock::{Clock, Manual},
    model::Timestamp,
    net::{
        self, Client, Request, Settings, Want,
        testing::{Reply, Server, clock, settings},
    },
};

/// A file that the test looks into.
#[derive(Clone, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl File {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    /// What its records say, unpacked.
    fn text(&self) -> String {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(self.bytes().as_slice()), &mut text)
            .unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn playback(&self) -> Playback {
        Playback::read(self.bytes().as_slice(), clock().now()).unwrap()
    }
}

fn recording(settings: &Settings) -> (File, Recorder, Client) {
    let file = File::default();
    let recorder = Recorder::new(file.clone(), clock()).unwrap();
    let client = Client::over(settings, clock(), Wire::Recording(recorder.clone())).unwrap();
    (file, recorder, client)
}

fn replaying(settings: &Settings, playback: &Playback) -> Client {
    Client::over(settings, playback.clock(), Wire::Replaying(playback.clone())).unwrap()
}

fn open(url: url::Url) -> Request {
    Request { allow_private: true, ..Request::get(url) }
}

/// All that a caller learns.
fn said(answer: Result<net::Answer, net::Error>) -> String {
    match answer {
        Ok(answer) => {
            let mut headers = answer.headers.clone();
            // Framing is gone with the coding.
            headers.remove("transfer-encoding");
            let (status, url, moved, cut) = (answer.status, answer.url, answer.moved, answer.cut);
            format!("{status} {url} {moved:?} {headers:?} {cut} {:?}", answer.body)
        }
        Err(error) => format!("{error}; {:?}; {:?}", error.fault(), error.retry()),
    }
}

/// Records one request and replays it.
async fn twice(settings: &Settings, request: Request) -> (String, File) {
    let (file, recorder, client) = recording(settings);
    let first = said(client.send(request.clone()).await);
    drop(client);
    recorder.close().unwrap();
    let playback = file.playback();
    let again = said(replaying(settings, &playback).send(request).await);
    assert_eq!(again, first);
    assert_eq!(playback.missed(), []);
    (first, file)
}

fn http(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_kind_of_answer_is_the_same_once_more() {
    let page = "<p>Thông báo</p>".repeat(300);
    let answers = [
        ("length", http("Content-Length: 3\r\nContent-Type: text/html\r\n", b"abc"), "b\"abc\""),
        ("until closed", http("ETag: W/\"xé\"\r\n", b"abc"), "b\"abc\""),
        ("chunked", http("Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"), "b\"abc\""),
        ("gzip", http("Content-Encoding: gzip\r\n", &gzip(page.as_bytes())), "<p>"),
        ("no coding", http("Content-Encoding: utf-8\r\n", b"abc"), "b\"abc\""),
        ("unknown coding", http("Content-Encoding: compress\r\n", b"abc"), "cannot undo"),
        ("status", b"HTTP/1.0 503 No\r\nRetry-After: 9\r\n\r\nlater".to_vec(), "503"),
        ("twice", http("X-A: 1\r\nX-A: 2\r\n", b""), "\"2\""),
        ("cut", http("Content-Length: 9\r\n", b"abc"), "broke off after 3 bytes"),
        ("no http", b"SSH-2.0-x\r\n".to_vec(), "cannot fetch"),
        ("nothing", Vec::new(), "Theirs"),
        ("declared too large", http("Content-Length: 5000000\r\n", b"abc"), "more than 4 MB"),
        ("redirect to nowhere", b"HTTP/1.1 302 Found\r\nLocation: http://\r\n\r\nx".to_vec(), "no URL"),
        ("redirect in a circle", b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n".to_vec(), "lead back"),
        (
            "redirect to what is not asked",
            b"HTTP/1.1 302 Found\r\nLocation: ftp://a.vn/\r\n\r\n".to_vec(),
            "will not",
        ),
    ];
    for (name, answer, part) in answers {
        let server = Server::says(answer).await;
        let (said, _) = twice(&settings(), open(server.url("/"))).await;
        assert!(said.contains(part), "{name}: no `{part}` in {said}");
    }
}

#[tokio::test]
async fn limits_work_as_they_did() {
    let small = Settings { max_body: 1024, ..settings() };
    let server = Server::new(|_| Reply::Repeat(http("", b""), vec![b'x'; 1000], 10)).await;
    let ask = |want| Request { want, ..open(server.url("/")) };
    let (said, file) = twice(&small, ask(Want::All)).await;
    assert!(said.contains("net.max_body"), "{said}");
    assert!(file.text().contains("WARC-Truncated: length\r\n"));
    for want in [Want::AllThatFits, Want::Start(10), Want::Start(0), Want::Within(9_000)] {
        twice(&small, ask(want)).await;
    }
    // What was not read cannot be read later.
    let (file, _, client) = recording(&small);
    client.send(ask(Want::Start(10))).await.unwrap();
    let more = said_of(&file, &settings(), ask(Want::All)).await;
    assert!(more.contains("has no more of it"), "{more}");
}

async fn said_of(file: &File, settings: &Settings, request: Request) -> String {
    said(replaying(settings, &file.playback()).send(request).await)
}

#[tokio::test]
async fn what_hung_is_not_waited_for_again() {
    let impatient = Settings { timeout: Duration::from_millis(300), ..settings() };
    for first in [Vec::new(), http("Content-Length: 9\r\n", b"abc")] {
        let server = Server::new(move |_| Reply::Stall(first.clone())).await;
        let (file, recorder, client) = recording(&impatient);
        let live = said(client.send(open(server.url("/"))).await);
        assert!(live.contains("net.timeout"), "{live}");
        recorder.close().unwrap();
        // With a limit that no test would wait for.
        let patient = Settings { timeout: Duration::from_secs(86_400), ..settings() };
        let again = said_of(&file, &patient, open(server.url("/"))).await;
        assert_eq!(again, live.replace("300ms", "86400s"));
    }
    let server = Server::new(|_| Reply::Stall(Vec::new())).await;
    let read = Settings { read_timeout: Duration::from_millis(100), ..settings() };
    let (said, _) = twice(&read, open(server.url("/"))).await;
    assert!(said.contains("net.read_timeout"), "{said}");
}

#[tokio::test]
async fn redirects_are_kept_hop_by_hop_and_who_is_not_there_is_not_there_again() {
    let server = Server::new(|head| match head.split(' ').nth(1) {
        Some("/a") => {
            Reply::Bytes(b"HTTP/1.1 301 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
        _ => Reply::Bytes(http("Content-Length: 1\r\n", b"b")),
    })
    .await;
    let (said, file) = twice(&settings(), open(server.url("/a"))).await;
    assert!(said.contains("/b Some("), "{said}");
    let text = file.text();
    assert_eq!(text.matches("WARC-Type: request").count(), 2, "{text}");
    assert!(
        text.contains("WARC-IP-Address: 127.0.0.1\r\n") && text.contains("GET /a HTTP/1.1\r\n"),
        "{text}"
    );
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (said, _) = twice(&settings(), open(format!("http://{nobody}/").parse().unwrap())).await;
    assert!(said.contains("it does not answer"), "{said}");
    let (said, _) = twice(&settings(), open("http://nobody.invalid/".parse().unwrap())).await;
    assert!(said.contains("name was not found"), "{said}");
}

#[tokio::test]
async fn robots_and_turns_are_kept_to_without_a_wait() {
    let server = Server::new(|head| match head.split(' ').nth(1) {
        Some("/robots.txt") => Reply::Bytes(http("", b"User-agent: *\nDisallow: /no\nCrawl-delay: 50\n")),
        _ => Reply::Bytes(http("Content-Length: 1\r\n", b"b")),
    })
    .await;
    let polite =
        |path: &str| Request { spacing: Some(Duration::ZERO), robots: true, ..open(server.url(path)) };
    // So that nobody waits while it is recorded, either.
    let calm = Settings { max_crawl_delay: Duration::ZERO, ..settings() };
    let (file, recorder, client) = recording(&calm);
    let mut live = Vec::new();
    for path in ["/yes", "/no", "/yes"] {
        live.push(said(client.send(polite(path)).await));
    }
    assert_eq!(recorder.close().unwrap(), 3, "the file of rules, and two pages");
    let playback = file.playback();
    let again = replaying(&settings(), &playback);
    for (path, live) in ["/yes", "/no", "/yes"].iter().zip(live) {
        assert_eq!(said(again.send(polite(path)).await), live);
    }
    let waited = playback.clock().now().since(clock().now());
    assert_eq!(waited.as_secs(), 100, "the pauses passed on the clock of the recording alone");
}

#[tokio::test]
async fn nothing_secret_is_kept() {
    let server = Server::says(http("Set-Cookie: s=cookie-1\r\nContent-Length: 1\r\n", b"x")).await;
    let url: url::Url = server
        .url("/x?token=token-1&a=1")
        .as_str()
        .replace("http://", "http://me:password-1@")
        .parse()
        .unwrap();
    let request = Request { headers: vec![("x-key", "key-1".to_owned())], ..open(url) };
    let (file, _recorder, client) = recording(&settings());
    client.send(request.clone()).await.unwrap();
    let text = file.text();
    for secret in ["cookie-1", "token-1", "password-1", "key-1", "bWU6cGFzc3dvcmQtMQ"] {
        assert!(!text.contains(secret), "`{secret}` is in\n{text}");
    }
    for kept in ["authorization: redacted", "x-key: redacted", "set-cookie: redacted", "token=redacted&a=1"] {
        assert!(text.contains(kept), "no `{kept}` in\n{text}");
    }
    // The same address is found again, with its token and without.
    assert!(said_of(&file, &settings(), request).await.starts_with("200 "));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (file, _recorder, client) = recording(&settings());
    let failing = format!("http://{nobody}/?token=token-1").parse().unwrap();
    assert!(client.send(open(failing)).await.is_err());
    assert!(!file.text().contains("token-1"), "{}", file.text());
}

#[tokio::test]
async fn what_was_not_recorded_is_named_with_what_comes_nearest() {
    let server = Server::says(http("Content-Length: 1\r\n", b"x")).await;
    let (file, _recorder, client) = recording(&settings());
    client.send(open(server.url("/tin/1.html"))).await.unwrap();
    let playback = file.playback();
    let n_asked = server.heads().len();
    let missed = said(replaying(&settings(), &playback).send(open(server.url("/tin/2.html"))).await);
    assert!(missed.contains("/tin/2.html`: the recording has no answer"), "{missed}");
    assert!(missed.contains("/tin/1.html`; Config; Never"), "{missed}");
    assert_eq!(playback.missed().len(), 1);
    assert_eq!(server.heads().len(), n_asked, "nobody is asked");
}

#[tokio::test]
async fn answers_come_in_their_order_and_at_their_time() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::new(move |_| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reply::Bytes(http("Content-Length: 1\r\n", n.to_string().as_bytes()))
    })
    .await;
    let (file, time) = (File::default(), Manual::at(Timestamp::from_second(1_000_000)));
    let recorder = Recorder::new(file.clone(), Arc::new(time.clone())).unwrap();
    let client = Client::over(&settings(), clock(), Wire::Recording(recorder)).unwrap();
    for _ in 0..2 {
        time.advance(Duration::from_millis(1500));
        client.send(open(server.url("/"))).await.unwrap();
    }
    let playback = Playback::read(file.bytes().as_slice(), Timestamp::from_second(1_000_000)).unwrap();
    let again = replaying(&settings(), &playback);
    for (body, second) in [("0", 1.5), ("1", 3.0), ("1", 3.0)] {
        assert_eq!(again.send(open(server.url("/"))).await.unwrap().body, body);
        let passed = playback.clock().now().since(Timestamp::from_second(1_000_000));
        assert!((passed.as_secs_f64() - second).abs() < 1e-9, "{passed:?}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_harms_no_request() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.0);
            self.0 -= n;
            if n == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(n) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(matches!(Recorder::new(Full(10), clock()), Err(Error::Write(_))));
    let server = Server::says(http("Content-Length: 1\r\n", b"x")).await;
    let recorder = Recorder::new(Full(700), clock()).unwrap();
    let client = Client::over(&settings(), clock(), Wire::Recording(recorder.clone())).unwrap();
    for _ in 0..3 {
        assert!(client.send(open(server.url("/"))).await.is_ok());
    }
    assert!(recorder.close().unwrap_err().to_string().contains("cannot be written"));
}

#[tokio::test]
async fn after_a_stop_nothing_more_is_kept() {
    let server = Server::says(http("Content-Length: 1\r\n", b"x")).await;
    let (file, recorder, client) = recording(&settings());
    recorder.stop();
    client.send(open(server.url("/"))).await.unwrap();
    assert_eq!((recorder.close().unwrap(), file.playback().n_exchanges()), (0, 0));
}

#[test]
fn what_another_program_wrote_is_not_replayed() {
    let member = warc::Record::new("warcinfo", b"software: wget/1\r\n".to_vec()).member().unwrap();
    let refused = Playback::read(member.as_slice(), clock().now()).unwrap_err().to_string();
    assert!(refused.contains("wget/1") && refused.contains("hint:"), "{refused}");
}
