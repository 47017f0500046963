//! TLS for the listener: a certificate and its key, read again when they change.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// Where a certificate and its key are: `web.certificate` and `web.key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// A PEM file: our certificate first, then those of its authority.
    pub certificate: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate's file is not what it should be.
    #[error("cannot use the certificate `{}`: {cause}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong, with a hint.
        cause: String,
    },
    /// The key's file is not what it should be.
    #[error("cannot use the key `{}`: {cause}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong, with a hint.
        cause: String,
    },
}

/// What new connections are greeted with.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    config: ArcSwap<ServerConfig>,
    stamp: Mutex<Option<Stamp>>,
}

/// When both files were written, and how long they are.
type Stamp = [(SystemTime, u64); 2];

impl Files {
    /// Reads both files: TLS 1.2 and 1.3 by ring, for HTTP/2 and HTTP/1.1 (ALPN, RFC 7301).
    pub fn read(&self) -> Result<ServerConfig, Error> {
        let wrong_key = |cause: String| Error::Key { path: self.key.clone(), cause };
        let chain = certificates(&self.certificate)
            .map_err(|cause| Error::Certificate { path: self.certificate.clone(), cause })?;
        let key = key(&self.key).map_err(wrong_key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|cause| match cause {
                rustls::Error::InconsistentKeys(_) => wrong_key(
                    "it is not the key of the certificate\nhint: both files have to come from the same issuance"
                        .to_owned(),
                ),
                cause => Error::Certificate { path: self.certificate.clone(), cause: cause.to_string() },
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// `None` while one of them is not there.
    fn stamp(&self) -> Option<Stamp> {
        let stamp = |path: &Path| {
            let known = std::fs::metadata(path).ok()?;
            Some((known.modified().ok()?, known.len()))
        };
        Some([stamp(&self.certificate)?, stamp(&self.key)?])
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|cause| cause.to_string())?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err("it holds no `BEGIN CERTIFICATE`\nhint: it must be a PEM file".to_owned()),
        Err(cause) => Err(cause.to_string()),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let pem = std::fs::read(path).map_err(|cause| cause.to_string())?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|cause| match cause {
        rustls::pki_types::pem::Error::NoItemsFound => {
            "it holds no `BEGIN PRIVATE KEY`\nhint: it must be a PEM file, without a password".to_owned()
        }
        cause => cause.to_string(),
    })
}

impl Tls {
    /// Reads the files for the first time.
    pub fn load(files: Files) -> Result<Self, Error> {
        let stamp = files.stamp();
        let config = ArcSwap::from_pointee(files.read()?);
        Ok(Self { files, config, stamp: Mutex::new(stamp) })
    }

    /// Reads the files again. Where they cannot be used, the old ones stay.
    pub fn reload(&self) -> Result<(), Error> {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = self.files.stamp();
        self.config.store(Arc::new(self.files.read()?));
        Ok(())
    }

    /// Reads the files again whenever they have changed, until `stop`.
    pub async fn watch(&self, clock: SharedClock, stop: CancellationToken) {
        loop {
            let next = clock.now().plus(LOOK);
            if stop.run_until_cancelled(clock.sleep_until(next)).await.is_none() {
                return;
            }
            self.look();
        }
    }

    /// Reads the files again if they have changed, and says in the log what came of it.
    fn look(&self) {
        if *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) == self.files.stamp() {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(cause) => tracing::error!("the certificate was not read again, the old one goes on: {cause}"),
        }
    }

    /// Greets one connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
