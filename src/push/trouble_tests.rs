//! Clocks that jump, certificates that nobody believes, names that are not found: delayed, visible, never lost.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    NewSubscription, Settings,
    testing::{NOW, Receiver, Reply, World, settings},
};
use crate::{
    clock::Clock,
    model::{State, SubscriptionId},
    net,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_clock_that_jumps_a_year_ahead_disables_nobody_who_failed_once() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(500), Reply::Status(500)]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    world.pass(365 * 24 * 3600).await;
    let known = world.push.get(&id).await.unwrap();
    assert_eq!((known.state.clone(), receiver.received().len()), (State::Active, 2));
    world.pass(300).await;
    assert_eq!(receiver.sequences(), [1, 1, 1]);
    assert!(world.push.get(&id).await.unwrap().failing_since.is_none(), "and it is told");
    world.stop().await;
}

#[tokio::test]
async fn days_of_true_failures_still_disable() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(500); 100]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    for n in 1..=6 {
        world.publish(n, false).await;
        world.settle().await;
        world.pass(24 * 3600).await;
    }
    let known = world.push.get(&id).await.unwrap();
    assert!(matches!(&known.state, State::Disabled { reason } if reason.contains("500")), "{known:?}");
    world.stop().await;
}

#[tokio::test]
async fn what_was_put_off_by_a_wrong_clock_is_told_when_the_clock_is_right_again() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::RetryAfter(503, "60")]).await;
    world.subscribe(&receiver.url, "").await;
    world.deliver();
    world.clock.advance(365 * DAY);
    world.publish(1, false).await;
    world.settle().await;
    assert_eq!(receiver.sequences(), [1], "it has to come again, in a minute of that year");
    world.clock.set(world.clock.now().minus(365 * DAY));
    world.settle().await;
    assert_eq!(receiver.sequences(), [1, 1]);
    world.publish(2, false).await;
    world.settle().await;
    assert_eq!(receiver.sequences(), [1, 1, 2]);
    world.stop().await;
}

#[tokio::test]
async fn an_hour_back_delays_by_an_hour_at_most() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(500)]).await;
    world.subscribe(&receiver.url, "").await;
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    world.clock.set(world.clock.now().minus(Duration::from_secs(3600)));
    world.settle().await;
    assert_eq!(receiver.sequences(), [1]);
    world.pass(3605).await;
    assert_eq!(receiver.sequences(), [1, 1]);
    world.stop().await;
}

/// A receiver behind TLS whose certificate can be changed; it confirms everything.
struct Secure {
    at: SocketAddr,
    certificate: Arc<Mutex<&'static [u8]>>,
    _server: JoinSet<()>,
}

const EXPIRED: &[u8] = include_bytes!("testdata/expired.pem");
const OTHER: &[u8] = include_bytes!("testdata/other.pem");
const GOOD: &[u8] = include_bytes!("testdata/good.pem");

impl Secure {
    async fn serve(first: &'static [u8]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let certificate = Arc::new(Mutex::new(first));
        let current = Arc::clone(&certificate);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor(*current.lock().unwrap());
                // A client that does not believe the certificate hangs up.
                connections.spawn(async move {
                    let mut stream = acceptor.accept(stream).await.ok()?;
                    let mut buffer = vec![0; 64 << 10];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        stream
                            .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                            .await
                            .ok()?;
                    }
                    Some(())
                });
            }
        });
        Self { at, certificate, _server: server }
    }

    fn change(&self, certificate: &'static [u8]) {
        *self.certificate.lock().unwrap() = certificate;
    }
}

fn acceptor(certificate: &[u8]) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/leaf.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A world that believes our root, and knows `localhost` at first only where it is said to be.
async fn believing(hosts: &[(&str, SocketAddr)]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, include_bytes!("testdata/root.pem")).unwrap();
    let store = World::new().await.store;
    let clock = crate::clock::Manual::at(NOW);
    World::with_client(store, clock.clone(), settings(), |net| {
        let net = net::Settings { ca_file: Some(root.clone()), ..net };
        let table: Vec<_> = hosts.iter().map(|(name, at)| (*name, at.ip(), *at)).collect();
        net::Client::with_hosts(&net, Arc::new(clock.clone()), &table).unwrap()
    })
    .await
}

async fn error_of(world: &World, id: &SubscriptionId) -> String {
    world.push.get(id).await.unwrap().last_error.clone().unwrap_or_default()
}

#[tokio::test]
async fn a_certificate_that_nobody_believes_delays_and_says_what_is_wrong_with_it() {
    let receiver = Secure::serve(EXPIRED).await;
    let mut world = believing(&[("localhost", receiver.at)]).await;
    let url = format!("https://localhost:{}/hook", receiver.at.port());
    let id = world.subscribe(&url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    let error = error_of(&world, &id).await;
    assert!(error.contains("its certificate has expired"), "{error}");
    receiver.change(OTHER);
    world.pass(5).await;
    let error = error_of(&world, &id).await;
    assert!(error.contains("its certificate is for another name"), "{error}");
    let lines = world.push.log(&id, None, 10).await.unwrap();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.error.is_some() && line.status.is_none()));
    receiver.change(GOOD);
    world.pass(300).await;
    assert_eq!(world.push.get(&id).await.unwrap().delivered.map(|seq| seq.0), Some(1));
    assert_eq!(error_of(&world, &id).await, "");
    world.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_found_delays_and_says_so() {
    let receiver = Receiver::new(&[]).await;
    let store = World::new().await.store;
    let mut world = World::on(store, crate::clock::Manual::at(NOW), settings()).await;
    // RFC 6761: no resolver knows such a name.
    let new = NewSubscription { url: "http://receiver.invalid/hook".into(), ..NewSubscription::default() };
    let id = world.push.add(new).await.unwrap().subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    let error = error_of(&world, &id).await;
    assert!(error.contains("its name was not found"), "{error}");
    let (store, clock) = world.stop().await;
    // The name is there again, at the address of another server.
    let known = store.subscriptions().await.unwrap().remove(0);
    let address: SocketAddr = receiver.url.split('/').nth(2).unwrap().parse().unwrap();
    let hosts = [("receiver.invalid", address.ip(), address)];
    let mut world = World::with_client(store, clock.clone(), Settings { ..settings() }, |net| {
        net::Client::with_hosts(&net, Arc::new(clock.clone()), &hosts).unwrap()
    })
    .await;
    assert_eq!(world.push.get(&id).await.unwrap().url, known.url);
    world.deliver();
    world.pass(5).await;
    assert_eq!(receiver.sequences(), [1]);
    world.stop().await;
}
