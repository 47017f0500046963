//! Whom the client believes.

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::open;
use crate::net::{
    Client, Error, Request, Settings, Stage,
    testing::{PUBLIC, Reply, Server, client, clock, settings},
};

/// A server with a certificate for `portal.example` by a root of our own, which answers one request.
fn secure_server() -> SocketAddr {
    let chain = CertificateDer::from_pem_slice(include_bytes!("../testdata/portal.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../testdata/portal.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        // A client that does not believe the certificate hangs up here.
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").ok();
        stream.conn.send_close_notify();
        stream.flush().ok();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    at
}

async fn ask_securely(name: &str, trusted: bool) -> Result<crate::net::Answer, Error> {
    let at = secure_server();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, include_bytes!("../testdata/root.pem")).unwrap();
    let settings = Settings { ca_file: trusted.then_some(root), ..settings() };
    let client = Client::with_hosts(&settings, clock(), &[(name, PUBLIC, at)]).unwrap();
    client.send(Request::get(format!("https://{name}:{}/", at.port()).parse().unwrap())).await
}

#[tokio::test]
async fn believes_the_roots_of_the_ca_file_for_their_names_only() {
    assert_eq!(ask_securely("portal.example", true).await.unwrap().body, "hello");
    for (name, trusted) in [("portal.example", false), ("other.example", true)] {
        let error = ask_securely(name, trusted).await.unwrap_err();
        assert!(matches!(error, Error::Connect { stage: Stage::Tls, .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends_ends_at_the_connect_time() {
    const SHORT: Duration = Duration::from_millis(200);
    let server = Server::new(|_| Reply::Stall(Vec::new())).await;
    let url = format!("https://{}/", server.at).parse().unwrap();
    let limits = Settings { connect_timeout: SHORT, ..settings() };
    let error = client(&limits).send(open(url)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { limit: "net.connect_timeout", .. }), "{error:?}");
}

#[tokio::test]
async fn plain_http_behind_an_https_url_is_a_tls_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let answer = async {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let client = client(&settings());
    let error = tokio::select! {
        result = client.send(open(format!("https://{at}/").parse().unwrap())) => result.unwrap_err(),
        () = answer => unreachable!(),
    };
    assert!(matches!(error, Error::Connect { stage: Stage::Tls, .. }), "{error:?}");
    assert!(error.to_string().contains("`net.ca_file`"), "{error}");
}

#[test]
fn a_bad_ca_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for path in [folder.path().join("absent.pem"), empty, broken] {
        let limits = Settings { ca_file: Some(path.clone()), ..settings() };
        let error = Client::new(&limits, Arc::new(crate::clock::System)).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(error.to_string().contains("net.ca_file"), "{error}");
    }
}
