use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

use super::{whole::MAX_HEAD, *};

const PATIENT: Limits = Limits {
    connections: 100,
    head: Duration::from_secs(600),
    write: Duration::from_secs(600),
    idle: Duration::from_secs(600),
    grace: Duration::from_secs(600),
    kept: 100,
};

/// A server whose answers are tests' business.
struct Served {
    at: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
    /// Releases one request to `/wait`.
    release: Arc<Notify>,
    /// Requests that arrived.
    seen: Arc<AtomicUsize>,
}

#[expect(clippy::disallowed_methods, reason = "a test starts what `app` starts")]
async fn served(limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (release, seen) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let answer = {
        let (release, seen) = (release.clone(), seen.clone());
        move |request: Request<Body>| answered(request, release.clone(), seen.clone())
    };
    let answers = Answers { ready, answer };
    let running = tokio::spawn(run(Door { listener, tls: None }, answers, limits, stop.clone()));
    Served { at, stop, running, release, seen }
}

/// What is at hand: a short answer, and one that no socket takes at once.
fn ready(plain: &Plain<'_>) -> Option<Ready> {
    let size = match plain.path {
        "/feeds/short" => 2,
        "/feeds/large" => 64 << 20,
        _ => return None,
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n").into();
    let body = if plain.method == "HEAD" { vec![] } else { b"ok".repeat(size / 2) };
    Some(Ready { head, body: body.into() })
}

async fn answered(request: Request<Body>, release: Arc<Notify>, seen: Arc<AtomicUsize>) -> Response<Body> {
    seen.fetch_add(1, Ordering::SeqCst);
    match request.uri().path() {
        "/panic" => panic!("a test asked for it"),
        "/wait" => release.notified().await,
        "/large" => return Response::new(Body::from(vec![b'x'; 64 << 20])),
        _ => {}
    }
    Response::new(Body::from("ok"))
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Until so many requests have arrived.
    async fn arrived(&self, count: usize) {
        while self.seen.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// What a working server has done long before; one that never does it fails the test instead of stopping it.
async fn soon<F: Future>(done: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("the server keeps its limits")
}

/// Everything until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too.
    drop(soon(stream.read_to_end(&mut text)).await);
    String::from_utf8_lossy(&text).into_owned()
}

/// One answer whose body is `ok`.
async fn one(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nok") {
        text.push(soon(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let server = served(Limits { head: Duration::from_millis(50), ..PATIENT }).await;
    for half in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = server.connect().await;
        send(&mut stream, half).await;
        assert!(!rest(&mut stream).await.contains("200 OK"), "{half}");
    }
    let mut stream = server.connect().await;
    send(&mut stream, GET).await;
    assert!(one(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(rest(&mut stream).await, "", "an idle connection is closed as well");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    send(
        &mut stream,
        &format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(MAX_HEAD as usize)),
    )
    .await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431"));
    assert_eq!(server.seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn connections_are_kept_for_more_requests() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        send(&mut stream, GET).await;
        assert!(one(&mut stream).await.contains("content-length: 2"));
    }
}

#[tokio::test]
async fn where_many_stay_the_next_are_closed_after_their_answer() {
    let server = served(Limits { kept: 1, ..PATIENT }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for _ in 0..2 {
        send(&mut first, GET).await;
        one(&mut first).await;
    }
    send(&mut second, GET).await;
    assert!(rest(&mut second).await.contains("connection: close"));
    send(&mut first, GET).await;
    one(&mut first).await;
}

#[tokio::test]
async fn a_head_has_no_body() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    send(&mut stream, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let text = rest(&mut stream).await;
    assert!(text.contains("content-length: 2") && text.ends_with("\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_served() {
    let server = served(Limits { connections: 1, ..PATIENT }).await;
    let mut first = server.connect().await;
    send(&mut first, GET).await;
    one(&mut first).await;
    let mut second = server.connect().await;
    send(&mut second, GET).await;
    // Time enough for the second to be looked at, if anybody did.
    for _ in 0..20 {
        send(&mut first, GET).await;
        one(&mut first).await;
    }
    assert_eq!(server.seen.load(Ordering::SeqCst), 21);
    drop(first);
    one(&mut second).await;
    assert_eq!(server.seen.load(Ordering::SeqCst), 22);
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_lives() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    send(&mut stream, "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await;
    send(&mut stream, GET).await;
    let text = one(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 500"), "{text}");
    assert!(text.contains("application/problem+json") && text.contains("HTTP/1.1 200"), "{text}");
}

#[tokio::test]
async fn a_reader_that_never_reads_is_dropped() {
    let server = served(Limits { write: Duration::from_millis(50), ..PATIENT }).await;
    let mut stream = server.connect().await;
    send(&mut stream, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.arrived(1).await;
    server.stop.cancel();
    // Nothing was read: with a write that may wait for ever, neither this connection nor the server would end.
    soon(server.running).await.unwrap();
    assert!(rest(&mut stream).await.len() < 64 << 20);
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_idle_connections() {
    let server = served(PATIENT).await;
    let mut idle = server.connect().await;
    send(&mut idle, GET).await;
    one(&mut idle).await;
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.arrived(2).await;
    server.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    server.release.notify_one();
    assert!(rest(&mut busy).await.starts_with("HTTP/1.1 200 OK"));
    soon(server.running).await.unwrap();
    assert!(TcpStream::connect(server.at).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn requests_that_do_not_finish_end_with_the_grace_time() {
    let server = served(Limits { grace: Duration::from_millis(50), ..PATIENT }).await;
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.arrived(1).await;
    server.stop.cancel();
    soon(server.running).await.unwrap();
    assert_eq!(rest(&mut busy).await, "");
}

#[test]
fn only_trouble_of_the_machine_makes_accepting_rest() {
    assert!(is_the_clients(&io::ErrorKind::ConnectionAborted.into()));
    assert!(!is_the_clients(&io::Error::from_raw_os_error(24)), "EMFILE");
}

const FEED: &str = "GET /feeds/short HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn what_is_at_hand_is_answered_before_hyper_sees_it() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        send(&mut stream, FEED).await;
        assert_eq!(one(&mut stream).await, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }
    send(&mut stream, &FEED.replace("GET", "HEAD")).await;
    send(&mut stream, GET).await;
    let both = one(&mut stream).await;
    assert_eq!(both.matches("200 OK").count(), 2, "a head without a body, then hyper's: {both}");
    assert_eq!(server.seen.load(Ordering::SeqCst), 1);
    send(&mut stream, FEED).await;
    one(&mut stream).await;
    assert_eq!(server.seen.load(Ordering::SeqCst), 2, "a connection that went to hyper stays there");
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_their_order() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    send(&mut stream, &FEED.repeat(500)).await;
    for _ in 0..500 {
        one(&mut stream).await;
    }
    let post = "POST /feeds/short HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nGET ";
    let close = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    send(&mut stream, &[FEED, FEED, post, FEED, close].concat()).await;
    let text = rest(&mut stream).await;
    assert_eq!(text.matches("200 OK").count(), 5, "{text}");
    // The first of them are hot only where they came in one piece with the end of what was before.
    assert!(server.seen.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn a_request_in_many_pieces_is_one_request() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    for byte in FEED.bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(one(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn an_answer_that_is_not_taken_at_once_is_whole_and_in_order() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let large = FEED.replace("short", "large");
    send(&mut stream, &[&large, FEED, &large, GET].concat()).await;
    let mut length = 0;
    for size in [64 << 20, 2, 64 << 20] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n");
        let mut answer = vec![0; head.len() + size];
        soon(stream.read_exact(&mut answer)).await.unwrap();
        assert!(answer.starts_with(head.as_bytes()) && answer.ends_with(b"ok"));
        length += size;
    }
    assert_eq!(length, (128 << 20) + 2);
    one(&mut stream).await;
}

#[tokio::test]
async fn idle_and_silent_connections_of_the_hot_path_end() {
    let short = Duration::from_millis(50);
    let server = served(Limits { head: short, ..PATIENT }).await;
    assert_eq!(rest(&mut server.connect().await).await, "", "nothing was ever said");
    let server = served(Limits { idle: short, ..PATIENT }).await;
    let mut stream = server.connect().await;
    send(&mut stream, FEED).await;
    one(&mut stream).await;
    assert_eq!(rest(&mut stream).await, "");
    let server = served(Limits { write: short, ..PATIENT }).await;
    let mut stream = server.connect().await;
    send(&mut stream, &FEED.replace("short", "large")).await;
    // It does not read until the server has given it up, which closes its end.
    server.stop.cancel();
    soon(server.running).await.unwrap();
    assert!(rest(&mut stream).await.len() < 64 << 20);
}

#[tokio::test]
async fn a_stop_closes_idle_hot_connections_and_lets_answers_finish() {
    let server = served(PATIENT).await;
    let mut idle = server.connect().await;
    send(&mut idle, FEED).await;
    one(&mut idle).await;
    let mut busy = server.connect().await;
    send(&mut busy, &FEED.replace("short", "large")).await;
    busy.read_u8().await.unwrap();
    server.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(rest(&mut busy).await.len() > 64 << 20);
    soon(server.running).await.unwrap();
}

#[tokio::test]
async fn the_grace_time_ends_answers_of_the_hot_path() {
    let server = served(Limits { grace: Duration::from_millis(50), ..PATIENT }).await;
    let mut busy = server.connect().await;
    send(&mut busy, &FEED.replace("short", "large")).await;
    busy.read_u8().await.unwrap();
    server.stop.cancel();
    soon(server.running).await.unwrap();
    assert!(rest(&mut busy).await.len() < 64 << 20);
}

// === HTTP/2 ===

/// A frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a GET of `/` and the like: static entries of HPACK, and a literal `:authority`.
fn fields(path: &str) -> Vec<u8> {
    let literal =
        |index: u8, text: &str| [&[index, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [&[0x82, 0x86][..], &literal(4, path), &literal(1, "x")].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// The kinds of frames that the server sends until it closes or `until` has come, counted.
async fn frames(stream: &mut TcpStream, until: u8) -> HashMap<u8, usize> {
    let mut kinds = HashMap::new();
    let mut head = [0; 9];
    while soon(stream.read_exact(&mut head)).await.is_ok() {
        *kinds.entry(head[3]).or_default() += 1;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if soon(stream.read_exact(&mut payload)).await.is_err() || head[3] == until {
            break;
        }
    }
    kinds
}

#[tokio::test]
async fn http2_is_spoken_with_who_knows_it_beforehand() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let request = [PREFACE, &frame(HEADERS, 5, 1, &fields("/"))].concat();
    stream.write_all(&request).await.unwrap();
    let kinds = frames(&mut stream, 0).await;
    assert_eq!((kinds.get(&HEADERS), kinds.get(&0)), (Some(&1), Some(&1)), "{kinds:?}");
    server.stop.cancel();
    assert!(frames(&mut stream, GOAWAY).await.contains_key(&GOAWAY));
    drop(stream);
    soon(server.running).await.unwrap();
}

/// CVE-2023-44487: streams that are taken back as soon as they are opened.
#[tokio::test]
async fn http2_streams_that_are_taken_back_at_once_end_the_connection() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let mut flood = PREFACE.to_vec();
    for number in 0..10_000 {
        let id = 2 * number + 1;
        flood.extend(frame(HEADERS, 5, id, &fields("/wait")));
        flood.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    // It closes before it has taken everything.
    stream.write_all(&flood).await.ok();
    frames(&mut stream, GOAWAY).await;
    drop(stream);
    assert!(server.seen.load(Ordering::SeqCst) < 1_000, "{:?}", server.seen);
    server.stop.cancel();
    soon(server.running).await.unwrap();
}

/// Fields without end: each frame is small, and none of them the last.
#[tokio::test]
async fn http2_fields_without_end_end_the_connection() {
    let server = served(PATIENT).await;
    let mut stream = server.connect().await;
    let field = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat();
    let mut flood = [PREFACE, &frame(HEADERS, 1, 1, &fields("/"))].concat();
    for _ in 0..20_000 {
        flood.extend(frame(CONTINUATION, 0, 1, &field));
    }
    stream.write_all(&flood).await.ok();
    frames(&mut stream, GOAWAY).await;
    drop(stream);
    assert_eq!(server.seen.load(Ordering::SeqCst), 0);
    server.stop.cancel();
    soon(server.running).await.unwrap();
}

#[tokio::test]
async fn http2_connections_on_which_nothing_moves_end() {
    let server = served(Limits { idle: Duration::from_millis(50), ..PATIENT }).await;
    let mut stream = server.connect().await;
    stream.write_all(&[PREFACE, &frame(HEADERS, 5, 1, &fields("/"))].concat()).await.unwrap();
    let kinds = frames(&mut stream, GOAWAY).await;
    assert!(kinds.contains_key(&GOAWAY) && kinds.contains_key(&HEADERS), "{kinds:?}");
    let mut stream = server.connect().await;
    // The window stays as it is: 64 KiB of this are sent, and no more.
    stream.write_all(&[PREFACE, &frame(HEADERS, 5, 1, &fields("/large"))].concat()).await.unwrap();
    frames(&mut stream, GOAWAY).await;
    server.stop.cancel();
    soon(server.running).await.unwrap();
}
