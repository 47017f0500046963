//! Certificates that a server should send along and does not.
//!
//! Many public portals send their own certificate and leave out the one that signed it. Browsers fetch that one
//! from where the certificate says that it is kept, and so do we. What is fetched is believed no more than
//! what the server sends: the whole chain, up to a root that we know, is verified for the name and the time.
//! Here is what verifies, and `memory` is what is remembered; the client does the fetching.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use url::Url;

use crate::model::Digest;

pub(super) mod der;
mod memory;
#[cfg(test)]
mod tests;

pub use memory::{Chains, Completion};

/// Certificates fetched for one chain, good or not.
pub(super) const MAX_FETCHES: usize = 4;
/// Links that may be missing between a server's certificate and a root.
pub(super) const MAX_DEPTH: usize = 3;
/// Bytes of an answer that should be a certificate.
pub(super) const MAX_BYTES: u64 = 64 << 10;
/// Verifies as rustls does, and where the server's own certificates do not suffice, with those that the operator has
/// named and those that were fetched for the host.
#[derive(Debug)]
pub(super) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    chains: Arc<Chains>,
    pinned: Vec<CertificateDer<'static>>,
    trust: Digest,
}

/// A chain that leads to no root that we know: what the server sent, for whom it was asked, and when.
#[derive(Clone, Debug)]
pub(super) struct Unlinked {
    pub(super) name: ServerName<'static>,
    leaf: CertificateDer<'static>,
    sent: Vec<CertificateDer<'static>>,
    at: UnixTime,
}

/// The work on one chain: what was added to it so far.
#[derive(Debug)]
pub(super) struct Repair {
    unlinked: Unlinked,
    added: Vec<CertificateDer<'static>>,
}

// === impl Verifier ===

impl Verifier {
    /// `trust` is what the findings of these requests are kept under: what completes a chain to a root that only some
    /// requests believe is of no use to others.
    pub(super) fn new(
        webpki: Arc<WebPkiServerVerifier>,
        chains: Arc<Chains>,
        pinned: Vec<CertificateDer<'static>>,
        trust: Digest,
    ) -> Self {
        Self { webpki, chains, pinned, trust }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let result = self.webpki.verify_server_cert(leaf, sent, name, ocsp, now);
        let host = name.to_str();
        if !matches!(result, Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))) {
            if result.is_ok() {
                self.chains.note(&host, self.trust, false);
            }
            return result;
        }
        let with = |added: &[CertificateDer<'static>]| {
            let all: Vec<_> = sent.iter().chain(added).cloned().collect();
            self.webpki.verify_server_cert(leaf, &all, name, ocsp, now)
        };
        if !self.pinned.is_empty()
            && let Ok(verified) = with(&self.pinned)
        {
            self.chains.note_pinned(&host, self.trust, der::links(leaf, sent, &self.pinned));
            return Ok(verified);
        }
        let fetched = self.chains.fetched(&host, self.trust);
        if !fetched.is_empty()
            && let Ok(verified) = with(&[&self.pinned[..], &fetched].concat())
        {
            self.chains.note(&host, self.trust, true);
            return Ok(verified);
        }
        // What the operator has named is at hand as if it were sent.
        let sent =
            sent.iter().map(|sent| sent.clone().into_owned()).chain(self.pinned.iter().cloned()).collect();
        let leaf = leaf.clone().into_owned();
        let unlinked = Unlinked { name: name.to_owned(), leaf, sent, at: now };
        Err(CertificateError::Other(OtherError(Arc::new(unlinked))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

// === impl Repair ===

impl Repair {
    pub(super) fn new(unlinked: Unlinked) -> Self {
        Self { unlinked, added: Vec::new() }
    }

    /// Where the certificate is kept that the chain lacks, or why nobody can say.
    pub(super) fn missing(&self) -> Result<Vec<Url>, String> {
        let last = self.last()?;
        if last.issuer == last.subject {
            return Err("its last certificate is signed by itself and is no root that we know".to_owned());
        }
        // An address of TLS could need a repair of its own; authorities keep theirs on plain HTTP for that reason.
        let urls = last.issuer_urls.iter().filter_map(|url| Url::parse(url).ok());
        let urls: Vec<Url> = urls.filter(|url| url.scheme() == "http").collect();
        if urls.is_empty() {
            return Err(
                "the server does not send its intermediate certificate, and its certificate does not \
                 say where that one is kept"
                    .to_owned(),
            );
        }
        Ok(urls)
    }

    /// Takes what was fetched, as far as it belongs here.
    pub(super) fn add(&mut self, file: &[u8]) -> Result<(), String> {
        let found = der::certificates(file);
        if found.is_empty() {
            return Err("what stands there is no certificate".to_owned());
        }
        let wanted = self.last()?.issuer;
        let is_issuer = |certificate: &CertificateDer<'_>| {
            der::facts(certificate).is_some_and(|facts| facts.subject == wanted)
        };
        if !found.iter().any(is_issuer) {
            return Err("what stands there is the certificate of somebody else".to_owned());
        }
        self.added.extend(found);
        Ok(())
    }

    /// Is the chain whole now? `None` while a link is missing.
    pub(super) fn verify(
        &self,
        verifier: &WebPkiServerVerifier,
    ) -> Option<Result<Vec<CertificateDer<'static>>, String>> {
        let Unlinked { name, leaf, sent, at } = &self.unlinked;
        let all: Vec<_> = sent.iter().chain(&self.added).cloned().collect();
        match verifier.verify_server_cert(leaf, &all, name, &[], *at) {
            Ok(_) => Some(Ok(der::links(leaf, sent, &self.added))),
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => None,
            Err(error) => Some(Err(format!("the chain that was completed is not good: {error}"))),
        }
    }

    /// The end of the chain: the certificate whose issuer is not at hand.
    fn last(&self) -> Result<der::Facts, String> {
        let unreadable = || "its certificate cannot be read".to_owned();
        let mut others: Vec<der::Facts> =
            self.unlinked.sent.iter().chain(&self.added).filter_map(|other| der::facts(other)).collect();
        let mut last = der::facts(&self.unlinked.leaf).ok_or_else(unreadable)?;
        // Each is used once, so that certificates that sign each other come to an end.
        while let Some(at) =
            others.iter().position(|other| last.issuer != last.subject && other.subject == last.issuer)
        {
            last = others.swap_remove(at);
        }
        Ok(last)
    }
}

// === impl Unlinked ===

impl fmt::Display for Unlinked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its certificate is signed by nobody whom we know")
    }
}

impl std::error::Error for Unlinked {}
