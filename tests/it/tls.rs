//! The listener with a certificate: both protocols, certificates that change, and clients that speak no TLS.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::world::World;

const ROOT: &str = include_str!("../../src/net/testdata/root.pem");
const CERTIFICATE: &str = include_str!("../../src/net/testdata/portal.pem");
const KEY: &str = include_str!("../../src/net/testdata/portal.key");
const RENEWED: &str = include_str!("../../src/web/testdata/renewed.pem");
const RENEWED_KEY: &str = include_str!("../../src/web/testdata/renewed.key");

/// A daemon whose certificate is in `folder`.
async fn world(folder: &Path) -> World {
    write(folder, CERTIFICATE, KEY);
    let keys = format!(
        "[web]\nheader_timeout = \"1s\"\ncertificate = {:?}\nkey = {:?}",
        folder.join("c.pem"),
        folder.join("k.pem")
    );
    World::with(|config| config.replacen("[web]", &keys, 1)).await
}

fn write(folder: &Path, certificate: &str, key: &str) {
    fs::write(folder.join("c.pem"), certificate).unwrap();
    fs::write(folder.join("k.pem"), key).unwrap();
}

/// What a client that trusts `root` hears first from the server, by the protocol that was agreed on.
async fn hears(world: &World, root: &str, protocol: &str) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(world.address).await?;
    let name = ServerName::try_from("portal.example").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    let hello: &[u8] = match protocol {
        "h2" => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        _ => b"GET /feeds/quan1.rss HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    stream.write_all(hello).await?;
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Is `root` what vouches for the server?
async fn vouches(world: &World, root: &str) -> bool {
    match hears(world, root, "http/1.1").await {
        Ok(answer) => answer == "HTTP/1.1 200 OK",
        Err(cause) => !cause.to_string().contains("certificate"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_are_served_over_tls_by_both_protocols() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    assert_eq!(hears(&world, ROOT, "http/1.1").await.unwrap(), "HTTP/1.1 200 OK");
    let answer = hears(&world, ROOT, "h2").await.unwrap();
    assert_eq!(answer.as_bytes()[3], 4, "SETTINGS come first: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_swapped_while_the_daemon_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(folder.path()).await;
    assert!(vouches(&world, ROOT).await && !vouches(&world, RENEWED).await);
    write(folder.path(), RENEWED, KEY);
    world.tick(Duration::from_secs(61)).await;
    assert!(vouches(&world, ROOT).await, "half of a renewal changes nothing");
    write(folder.path(), RENEWED, RENEWED_KEY);
    world.tick(Duration::from_secs(61)).await;
    while !vouches(&world, RENEWED).await {
        tokio::task::yield_now().await;
    }
    assert!(!vouches(&world, ROOT).await);
    write(folder.path(), CERTIFICATE, KEY);
    world.reload(|config| config).await;
    assert!(vouches(&world, ROOT).await, "a reload reads it, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_handshake_is_closed_and_disturbs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let long = vec![0x16; 100_000];
    for garbage in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"", b"\x16\x03\x01\x00\xff", &long, b"SSH-2.0-x\r\n"]
    {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        // It may close before it has taken everything.
        stream.write_all(garbage).await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        assert!(answer.len() < 100, "at most an alert: {answer:?}");
    }
    assert_eq!(hears(&world, ROOT, "http/1.1").await.unwrap(), "HTTP/1.1 200 OK");
}
