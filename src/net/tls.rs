//! Whom we believe: the public roots, those of the operator, and for the requests of a source those that it names.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{
    Error, Settings,
    chain::{Chains, Verifier},
    trust::Trust,
};

/// The Mozilla roots that are compiled in (a slim image has no others) and those of `net.ca_file`.
pub(super) fn roots(settings: &Settings) -> Result<RootCertStore, Error> {
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
    Ok(roots)
}

/// Believes those, and those of `trust`.
pub(super) fn webpki(
    roots: &RootCertStore,
    trust: Option<&Arc<Trust>>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut roots = roots.clone();
    for root in trust.iter().flat_map(|trust| &trust.roots) {
        roots
            .add(root.clone())
            .map_err(|cause| Error::settings("cannot use the roots of a `ca_file`", cause))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|cause| Error::settings("cannot set up the roots of TLS", cause))
}

/// TLS 1.2 and 1.3 by ring.
pub(super) fn config(
    webpki: &Arc<WebPkiServerVerifier>,
    chains: &Arc<Chains>,
    trust: Option<&Arc<Trust>>,
) -> ClientConfig {
    let pinned = trust.map(|trust| trust.intermediates.clone()).unwrap_or_default();
    let verifier = Verifier::new(webpki.clone(), chains.clone(), pinned, Trust::key(trust));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3")
        // Nothing dangerous: it is rustls' own verifier that decides, with more certificates to choose from.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
