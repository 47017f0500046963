use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

use futures_util::{Stream, stream};

use super::{whole::MAX_HEAD, *};

pub(super) const PATIENT: Limits = Limits {
    connections: 100,
    head: Duration::from_secs(600),
    write: Duration::from_secs(600),
    idle: Duration::from_secs(600),
    grace: Duration::from_secs(600),
    kept: 100,
};

/// A server whose answers are tests' business.
pub(super) struct Served {
    at: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) running: JoinHandle<()>,
    /// Releases one request to `/wait`.
    release: Arc<Notify>,
    /// Requests that arrived.
    pub(super) seen: Arc<AtomicUsize>,
}

#[expect(clippy::disallowed_methods, reason = "a test starts what `app` starts")]
pub(super) async fn served(limits: Limits) -> Served {
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
        "/drip" => {
            let mut endless = Response::new(Body::from_stream(drip()));
            endless.extensions_mut().insert(Endless);
            return endless;
        }
        _ => {}
    }
    Response::new(Body::from("ok"))
}

/// Two seconds of pieces.
fn drip() -> impl Stream<Item = Result<&'static str, std::convert::Infallible>> {
    stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_millis(25)).await;
        (n < 80).then_some((Ok("drop"), n + 1))
    })
}

impl Served {
    pub(super) async fn connect(&self) -> TcpStream {
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
pub(super) async fn soon<F: Future>(done: F) -> F::Output {
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
async fn an_answer_without_end_takes_no_place_and_is_the_last() {
    let server = served(Limits { kept: 1, ..PATIENT }).await;
    let mut endless = server.connect().await;
    send(&mut endless, "GET /drip HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut begin = [0; 15];
    endless.read_exact(&mut begin).await.unwrap();
    let mut other = server.connect().await;
    for _ in 0..2 {
        send(&mut other, GET).await;
        assert!(!one(&mut other).await.contains("connection: close"));
    }
    let rest = rest(&mut endless).await;
    assert!(rest.contains("connection: close") && rest.ends_with("drop\r\n0\r\n\r\n"), "{rest}");
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
