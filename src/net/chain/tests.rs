//! Servers that leave certificates out, and authorities that keep them, or something else.
//! `src/net/testdata/aia/make.sh` makes the certificates.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::{
    clock::{Clock, Manual},
    net::{
        Answer, Client, Error, Request, Settings, Stage,
        tape::{Playback, Recorder, Wire},
        testing::{PUBLIC, Reply, Server, clock, settings},
    },
};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../testdata/aia/", $name)).as_slice()
    };
}

/// A certificate and its key.
type Pair = (&'static [u8], &'static [u8]);

const PORTAL: Pair = (file!("portal.der"), file!("portal.key.der"));
const DEEP: Pair = (file!("deep.der"), file!("deep.key.der"));
const LATE: Pair = (file!("late.der"), file!("late.key.der"));
const ROUND: Pair = (file!("round.der"), file!("round.key.der"));
const INSIDE: Pair = (file!("inside.der"), file!("inside.key.der"));
const SILENT: Pair = (file!("silent.der"), file!("silent.key.der"));
const OWN: Pair = (file!("own.der"), file!("own.key.der"));

/// A server that sends its own certificate only. It never resumes a session: each connection is verified anew.
fn portal((certificate, key): Pair) -> SocketAddr {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], key)
        .unwrap();
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that does not believe the certificate hangs up here.
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let said = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            stream.write_all(said).ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        }
    });
    at
}

fn answer(body: &[u8]) -> Reply {
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    Reply::Bytes(bytes)
}

/// What an authority in good order keeps.
fn kept(head: &str) -> Reply {
    let path = head.split(' ').nth(1).unwrap_or_default();
    match path {
        "/middle.der" => answer(file!("middle.der")),
        "/lower.der" => answer(file!("lower.der")),
        "/old.der" => answer(file!("old.der")),
        "/ring-a.der" => answer(file!("ring-a.der")),
        "/ring-b.der" => answer(file!("ring-b.der")),
        _ => Reply::Bytes(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()),
    }
}

/// A portal, an authority, and a client that believes the root of the tests.
struct Scene {
    client: Client,
    authority: Server,
    clock: Arc<Manual>,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new(pair: Pair, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let (at, authority, clock) = (portal(pair), Server::new(reply).await, clock());
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root.pem");
        std::fs::write(&root, file!("root.pem")).unwrap();
        let settings = Settings { ca_file: Some(root), ..settings() };
        let hosts = [
            ("portal.example", PUBLIC, at),
            ("other.example", PUBLIC, at),
            ("aia.example", PUBLIC, authority.at),
        ];
        let client = Client::with_hosts(&settings, clock.clone(), &hosts).unwrap();
        Self { client, authority, clock, port: at.port(), _folder: folder }
    }

    async fn ask(&self, name: &str) -> Result<Answer, Error> {
        let url = format!("https://{name}:{}/", self.port).parse().unwrap();
        self.client.send(Request::get(url)).await
    }

    /// Asks in vain, and says what stood in the way and how often the authority was asked.
    async fn fails(&self, name: &str) -> (String, usize) {
        let error = self.ask(name).await.unwrap_err();
        assert!(matches!(error, Error::Connect { stage: Stage::Tls, .. }), "{error:?}");
        (error.to_string(), self.authority.heads().len())
    }
}

#[tokio::test]
async fn what_the_server_leaves_out_is_fetched_once_until_it_expires() {
    let stage = Scene::new(PORTAL, kept).await;
    for _ in 0..3 {
        assert_eq!(stage.ask("portal.example").await.unwrap().body, "hello");
        assert_eq!(stage.authority.heads().len(), 1);
    }
    stage.clock.advance(KEPT);
    assert_eq!(stage.ask("portal.example").await.unwrap().body, "hello");
    assert_eq!(stage.authority.heads().len(), 2);
}

#[tokio::test]
async fn what_was_fetched_is_recorded_and_a_replay_needs_no_certificate() {
    /// A file in memory.
    #[derive(Clone, Default)]
    struct File(Arc<Mutex<Vec<u8>>>);
    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // With its certificate, and with a stranger's: that fails alike.
    for (file, n_expected) in [(file!("middle.der"), 2), (file!("stranger.der"), 2)] {
        let tape = File::default();
        let recorder = Recorder::new(tape.clone(), clock()).unwrap();
        let mut stage = Scene::new(PORTAL, move |_| answer(file)).await;
        stage.client = stage.client.rewired(Wire::Recording(recorder.clone()));
        let told = |answer: Result<Answer, Error>| match answer {
            Ok(answer) => format!("{:?}", answer.body),
            Err(error) => error.to_string(),
        };
        let live = told(stage.ask("portal.example").await);
        assert_eq!(recorder.close().unwrap(), n_expected, "the certificate, and the page");
        let playback = Playback::read(tape.0.lock().unwrap().as_slice(), clock().now()).unwrap();
        let client = Client::over(&settings(), playback.clock(), Wire::Replaying(playback.clone())).unwrap();
        stage.client = client;
        assert_eq!(told(stage.ask("portal.example").await), live);
        assert_eq!(playback.missed(), []);
    }
}

#[tokio::test]
async fn every_form_of_a_certificate_and_two_missing_links_are_mended() {
    for form in [file!("middle.pem"), file!("middle.p7c")] {
        let stage = Scene::new(PORTAL, move |_| answer(form)).await;
        assert_eq!(stage.ask("portal.example").await.unwrap().body, "hello");
    }
    let stage = Scene::new(DEEP, kept).await;
    assert_eq!(stage.ask("portal.example").await.unwrap().body, "hello");
    assert_eq!(stage.authority.heads().len(), 2);
}

#[tokio::test]
async fn what_is_not_the_missing_certificate_is_not_believed() {
    let endless = |_: &str| Reply::Repeat(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 16 << 10], 1000);
    let check = async |stage: Scene, expected: &str| {
        let (said, asked) = stage.fails("portal.example").await;
        assert!(said.contains("which could not be fetched from `http://aia.example/middle.der`"), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("\nhint: "), "{said}");
        // It is not tried again at once.
        assert_eq!(stage.fails("portal.example").await, (said, asked));
        stage.clock.advance(PAUSE);
        assert_eq!(stage.fails("portal.example").await.1, asked + 1);
    };
    let stranger = Scene::new(PORTAL, |_| answer(file!("stranger.der"))).await;
    check(stranger, "is the certificate of somebody else").await;
    check(Scene::new(PORTAL, |_| answer(b"<html>")).await, "is no certificate").await;
    check(Scene::new(PORTAL, |_| kept("GET /none")).await, "status 404").await;
    check(Scene::new(PORTAL, endless).await, "larger than 64 KiB").await;
}

#[tokio::test]
async fn a_whole_chain_that_is_not_good_stays_refused() {
    let (said, asked) = Scene::new(LATE, kept).await.fails("portal.example").await;
    assert!(said.contains("the chain that was completed is not good") && said.contains("expired"), "{said}");
    assert_eq!(asked, 1);
    let (said, asked) = Scene::new(PORTAL, kept).await.fails("other.example").await;
    assert!(said.contains("the chain that was completed is not good"), "{said}");
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn authorities_that_sign_each_other_come_to_an_end() {
    let (said, asked) = Scene::new(ROUND, kept).await.fails("portal.example").await;
    assert!(asked <= MAX_FETCHES, "{asked}: {said}");
}

#[tokio::test]
async fn nothing_is_fetched_where_nothing_can_be_mended_or_nobody_may_ask() {
    for (pair, expected) in [
        (OWN, "signed by itself"),
        (SILENT, "does not say where that one is kept"),
        (INSIDE, "is a loopback address"),
    ] {
        let (said, asked) = Scene::new(pair, kept).await.fails("portal.example").await;
        assert!(said.contains(expected), "{said}");
        assert_eq!(asked, 0, "{said}");
    }
}

#[test]
fn a_bounded_number_of_hosts_is_remembered() {
    let clock = clock();
    let chains = Chains::new(clock.clone());
    for n in 0..MAX_HOSTS + 10 {
        clock.advance(Duration::from_secs(1));
        let name = ServerName::try_from(format!("h{n}.example")).unwrap();
        chains.remember(&name, Err("no".to_owned()));
    }
    assert_eq!(chains.hosts.lock().unwrap().len(), MAX_HOSTS);
    assert!(chains.known("h0.example").is_none());
}
