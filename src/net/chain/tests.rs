//! Servers that leave certificates out, and authorities that keep them, or something else.
//! `src/net/testdata/aia/make.sh` makes the certificates.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{
    memory::{KEPT, PAUSE},
    *,
};
use crate::{
    clock::{Clock, Manual},
    model::Mended,
    net::{
        Answer, Client, Error, Request, Settings, Stage, Trust,
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

/// A server that sends its own certificate only, and from when it is mended, the intermediate one, too. It never resumes
/// a session: each connection is verified anew.
fn portal(pair: Pair, is_mended: Arc<AtomicBool>) -> SocketAddr {
    let (broken, mended) = (sends(pair, &[]), sends(pair, &[file!("middle.der")]));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let config = if is_mended.load(Ordering::SeqCst) { &mended } else { &broken };
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

/// What serves with these certificates.
fn sends((certificate, key): Pair, more: &[&'static [u8]]) -> Arc<rustls::ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
    let chain = [&[certificate], more].concat().into_iter().map(CertificateDer::from).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Arc::new(config)
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

/// A portal, an authority, and a client that believes the root of the tests, or does not.
struct Scene {
    client: Client,
    chains: Arc<Chains>,
    authority: Server,
    clock: Arc<Manual>,
    at: SocketAddr,
    is_mended: Arc<AtomicBool>,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(pair: Pair, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let (is_mended, authority, clock) = (Arc::default(), Server::new(reply).await, clock());
        let at = portal(pair, Arc::clone(&is_mended));
        let folder = tempfile::tempdir().unwrap();
        let chains = Arc::new(Chains::new(clock.clone(), Vec::new()));
        let client = Client::new(&settings(), clock.clone()).unwrap();
        Self { client, chains, authority, clock, at, is_mended, folder }.started(Vec::new(), true)
    }

    /// The same in a process that begins now, and knows this.
    fn started(mut self, before: Vec<Mended>, is_believed: bool) -> Self {
        let root = self.folder.path().join("root.pem");
        std::fs::write(&root, file!("root.pem")).unwrap();
        let settings = Settings { ca_file: is_believed.then_some(root), ..settings() };
        let hosts = [
            ("portal.example", PUBLIC, self.at),
            ("other.example", PUBLIC, self.at),
            ("aia.example", PUBLIC, self.authority.at),
        ];
        self.chains = Arc::new(Chains::new(self.clock.clone(), before));
        let chains = Arc::clone(&self.chains);
        self.client = Client::with_hosts_and_chains(&settings, self.clock.clone(), &hosts, chains).unwrap();
        self
    }

    fn url(&self, name: &str) -> Url {
        format!("https://{name}:{}/", self.at.port()).parse().unwrap()
    }

    async fn ask(&self, name: &str) -> Result<Answer, Error> {
        self.client.send(Request::get(self.url(name))).await
    }

    /// The same, relying on these certificates, and with manners: `robots.txt` is asked for first.
    async fn ask_with(&self, trust: Option<&Arc<Trust>>) -> Result<Answer, Error> {
        let request = Request {
            trust: trust.cloned(),
            spacing: Some(std::time::Duration::ZERO),
            robots: true,
            ..Request::get(self.url("portal.example"))
        };
        self.client.send(request).await
    }

    fn completion(&self, trust: Option<&Arc<Trust>>) -> Option<Completion> {
        self.client.completion(&self.url("portal.example"), trust)
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

fn trust(roots: &[&[u8]], intermediates: &[&[u8]]) -> Arc<Trust> {
    let der = |pem: &&[u8]| {
        if pem.starts_with(b"-") {
            der::certificates(pem).remove(0)
        } else {
            CertificateDer::from(pem.to_vec())
        }
    };
    let [roots, intermediates] = [roots, intermediates].map(|files| files.iter().map(der).collect());
    Arc::new(Trust::new(roots, intermediates).unwrap())
}

#[tokio::test]
async fn the_certificates_of_a_source_serve_its_own_requests_and_no_others() {
    let stage = Scene::new(SILENT, kept).await.started(Vec::new(), false);
    let whole = trust(&[file!("root.pem")], &[file!("middle.pem")]);
    // Whoever relies on nothing of the kind gets nowhere, before and after, and its `robots.txt` stays its own trouble.
    for _ in 0..2 {
        let refused = stage.ask_with(None).await.unwrap_err();
        assert!(refused.to_string().contains("signed by nobody whom we know"), "{refused}");
        assert_eq!(stage.ask_with(Some(&whole)).await.unwrap().body, "hello");
    }
    // The same certificates, read again: nothing is built for them.
    assert_eq!(
        stage.ask_with(Some(&trust(&[file!("root.pem")], &[file!("middle.pem")]))).await.unwrap().status,
        200
    );
    assert_eq!(stage.client.n_ways(), 1);
    let completed = stage.completion(Some(&whole)).unwrap();
    assert!(completed.pinned && completed.names == ["Test intermediate"], "{completed:?}");
    assert_eq!(stage.completion(None), None);
    assert_eq!(stage.authority.heads().len(), 0);
    // One that nobody holds any more goes when another one comes.
    drop(whole);
    let roots = trust(&[file!("root.pem"), file!("stranger.der")], &[file!("middle.pem")]);
    assert_eq!(stage.ask_with(Some(&roots)).await.unwrap().status, 200);
    assert_eq!(stage.client.n_ways(), 1);
}

#[tokio::test]
async fn an_intermediate_of_a_source_is_believed_by_nobody() {
    let stage = Scene::new(SILENT, kept).await.started(Vec::new(), false);
    for own in [
        trust(&[], &[file!("middle.pem")]),
        // Not even a root that stands in the wrong file.
        trust(&[], &[file!("middle.pem"), file!("root.pem")]),
        trust(&[file!("stranger.der")], &[file!("middle.pem")]),
        trust(&[file!("root.pem")], &[file!("lower.der")]),
    ] {
        let refused = stage.ask_with(Some(&own)).await.unwrap_err();
        assert!(refused.to_string().contains("signed by nobody whom we know"), "{refused}");
    }
    // What leads to a root that everybody believes is completed.
    let stage = stage.started(Vec::new(), true);
    let own = trust(&[], &[file!("stranger.der"), file!("middle.pem")]);
    assert_eq!(stage.ask_with(Some(&own)).await.unwrap().body, "hello");
    assert_eq!(stage.completion(Some(&own)).unwrap().names, ["Test intermediate"]);
}

#[tokio::test]
async fn what_a_source_names_and_what_is_fetched_go_together() {
    let stage = Scene::new(DEEP, kept).await.started(Vec::new(), false);
    let own = trust(&[file!("root.pem")], &[file!("lower.der")]);
    assert_eq!(stage.ask_with(Some(&own)).await.unwrap().body, "hello");
    assert_eq!(stage.authority.heads().len(), 1, "only the other one was fetched");
    assert!(!stage.completion(Some(&own)).unwrap().pinned);
    let refused = stage.ask_with(None).await.unwrap_err();
    assert!(
        refused.to_string().contains("not be"),
        "what was found for some is of no use to others: {refused}"
    );
}

#[tokio::test]
async fn what_was_fetched_serves_after_a_restart_and_is_verified_as_ever() {
    let stage = Scene::new(PORTAL, kept).await;
    stage.ask("portal.example").await.unwrap();
    let known = stage.chains.take_new();
    assert_eq!((known.len(), known[0].host.as_str(), known[0].certificates.len()), (1, "portal.example", 1));
    let stage = stage.started(known.clone(), true);
    assert_eq!(stage.ask("portal.example").await.unwrap().body, "hello");
    assert_eq!(stage.authority.heads().len(), 1, "it is not fetched again");
    assert!(stage.completion(None).is_some_and(|completed| !completed.pinned));
    assert_eq!(stage.chains.take_new(), [], "nothing new");
    // A store may say what it likes: it makes no root, and what does not fit is fetched anew.
    let root = der::certificates(file!("root.pem")).remove(0).to_vec();
    let middle = file!("middle.der").to_vec();
    let forged = Mended { certificates: vec![middle, root], ..known[0].clone() };
    let stage = stage.started(vec![forged], false);
    let refused = stage.ask("portal.example").await.unwrap_err();
    assert!(refused.to_string().contains("signed by nobody"), "{refused}");
    let other = Mended { certificates: vec![file!("stranger.der").to_vec()], ..known[0].clone() };
    let stage = stage.started(vec![other], true);
    assert_eq!(stage.ask("portal.example").await.unwrap().body, "hello");
    assert_eq!(stage.chains.take_new().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_mended_is_not_spoken_of_any_more() {
    let stage = Scene::new(PORTAL, kept).await;
    stage.ask("portal.example").await.unwrap();
    assert_eq!(stage.completion(None).unwrap().names, ["Test intermediate"]);
    stage.is_mended.store(true, Ordering::SeqCst);
    stage.ask("portal.example").await.unwrap();
    assert_eq!(stage.completion(None), None);
    stage.is_mended.store(false, Ordering::SeqCst);
    stage.ask("portal.example").await.unwrap();
    assert!(stage.completion(None).is_some());
    assert_eq!(stage.authority.heads().len(), 1);
}
