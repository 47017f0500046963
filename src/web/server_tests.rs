use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

use super::*;

const PATIENT: Limits = Limits {
    connections: 100,
    head: Duration::from_secs(600),
    write: Duration::from_secs(600),
    grace: Duration::from_secs(600),
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
    let running = tokio::spawn(run(listener, answer, limits, stop.clone()));
    Served { at, stop, running, release, seen }
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

/// Everything until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too.
    drop(stream.read_to_end(&mut text).await);
    String::from_utf8_lossy(&text).into_owned()
}

/// One answer whose body is `ok`.
async fn one(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nok") {
        text.push(stream.read_u8().await.unwrap());
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
    send(&mut stream, &format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(MAX_HEAD)))
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
    server.running.await.unwrap();
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
    server.running.await.unwrap();
    assert!(TcpStream::connect(server.at).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn requests_that_do_not_finish_end_with_the_grace_time() {
    let server = served(Limits { grace: Duration::from_millis(50), ..PATIENT }).await;
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.arrived(1).await;
    server.stop.cancel();
    server.running.await.unwrap();
    assert_eq!(rest(&mut busy).await, "");
}

#[test]
fn only_trouble_of_the_machine_makes_accepting_rest() {
    assert!(is_the_clients(&io::ErrorKind::ConnectionAborted.into()));
    assert!(!is_the_clients(&io::Error::from_raw_os_error(24)), "EMFILE");
}
