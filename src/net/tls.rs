//! Whom we believe: the public roots, and those of the operator.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{Error, Settings};

/// TLS 1.2 and 1.3 by ring, with the Mozilla roots that are compiled in (a slim image has no others) and
/// those of `net.ca_file`.
pub(super) fn config(settings: &Settings) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).map_err(|cause| Error::ca_file(path, cause))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = certificates.map_err(|cause| Error::ca_file(path, cause))?;
        if certificates.is_empty() {
            return Err(Error::ca_file(path, "it holds no `BEGIN CERTIFICATE`\nhint: it must be a PEM file"));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|cause| Error::ca_file(path, cause))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
