//! A portal whose server leaves out its intermediate certificate, watched by a whole daemon.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::world::{World, loopback};

/// The server's own certificate, for 127.0.0.1, and what stands between it and the root.
const LEAF: &[u8] = include_bytes!("../../src/net/testdata/aia/loopback.der");
const KEY: &[u8] = include_bytes!("../../src/net/testdata/aia/loopback.key.der");
const MIDDLE: &[u8] = include_bytes!("../../src/net/testdata/aia/middle.der");
const MIDDLE_PEM: &str = include_str!("../../src/net/testdata/aia/middle.pem");
const ROOT: &str = include_str!("../../src/net/testdata/aia/root.pem");

/// Speaks TLS in front of the portal, with these certificates, until the set is dropped.
async fn front(portal: SocketAddr, sent: &[&'static [u8]], tasks: &mut JoinSet<()>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = sent.iter().map(|der| CertificateDer::from(*der)).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(KEY));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), loopback().await);
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut streams = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            streams.spawn(async move {
                // A client that does not believe the certificate goes.
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(portal).await.unwrap();
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok();
            });
        }
    });
    address
}

/// The configuration with the source behind `front`, which believes our root.
fn behind(config: &str, portal: SocketAddr, front: SocketAddr, folder: &Path) -> String {
    let keys = format!("ca_file = {:?}\n", folder.join("root.pem"));
    let (plain, secure) = (format!("http://{portal}"), format!("https://{front}"));
    config.replace(&plain, &secure).replacen(
        "allow_private = true\n",
        &format!("allow_private = true\n{keys}"),
        1,
    )
}

async fn issues(world: &World) -> Vec<(String, String)> {
    let sources = world.api("GET", "/api/v1/sources", "").await.json();
    let all = sources["sources"][0]["issues"].as_array().unwrap().clone();
    let text = |issue: &serde_json::Value, name: &str| issue[name].as_str().unwrap().to_owned();
    all.iter().map(|issue| (text(issue, "code"), text(issue, "message"))).collect()
}

#[tokio::test]
async fn a_chain_that_lacks_a_certificate_is_completed_and_that_is_said_until_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("root.pem"), ROOT).unwrap();
    fs::write(folder.path().join("middle.pem"), MIDDLE_PEM).unwrap();
    let mut tasks = JoinSet::new();
    let mut world = World::new().await;
    let portal = world.portal.address();
    let lacking = front(portal, &[LEAF], &mut tasks).await;

    // Nobody knows the missing certificate: nothing is read, and what is wrong is said.
    world.reload(|config| behind(&config, portal, lacking, folder.path())).await;
    world.portal.publish(world.story(900, "Một tin sau khi đổi chứng chỉ"));
    world.tick(std::time::Duration::from_secs(600)).await;
    let said = issues(&world).await;
    assert!(said.iter().any(|(_, message)| message.contains("certificate")), "{said:?}");
    assert!(!world.titles().await.contains(&"Một tin sau khi đổi chứng chỉ".to_owned()));

    // The operator names it: the article is there, and the people of the portal can be told what they forgot.
    world
        .reload(|config| {
            let middle = folder.path().join("middle.pem");
            config.replacen("ca_file", &format!("intermediates_file = {middle:?}\nca_file"), 1)
        })
        .await;
    world.tick(std::time::Duration::from_secs(3_600)).await;
    assert!(
        world.titles().await.contains(&"Một tin sau khi đổi chứng chỉ".to_owned()),
        "{:?}",
        issues(&world).await
    );
    let said = issues(&world).await;
    let repaired =
        said.iter().find(|(code, _)| code == "tls-chain-repaired").map(|(_, message)| message.as_str());
    assert_eq!(
        repaired,
        Some(
            "`127.0.0.1` does not send its intermediate certificate `Test intermediate`: it is taken from \
             `intermediates_file`"
        ),
        "{said:?}"
    );

    // They put it right.
    let whole = front(portal, &[LEAF, MIDDLE], &mut tasks).await;
    world.reload(|config| config.replace(&format!("https://{lacking}"), &format!("https://{whole}"))).await;
    world.tick(std::time::Duration::from_secs(600)).await;
    world.tick(std::time::Duration::from_secs(600)).await;
    let said = issues(&world).await;
    assert!(said.iter().all(|(code, _)| code != "tls-chain-repaired"), "{said:?}");
}
