//! What one source is believed beyond the public roots: roots of its own, and certificates that complete its chains.

use std::fmt;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::chain::der;
use crate::model::{Digest, Timestamp};

/// Certificates that some requests may rely on and no others.
#[derive(Clone, PartialEq, Eq)]
pub struct Trust {
    /// Believed like the public roots.
    pub(super) roots: Vec<CertificateDer<'static>>,
    /// Believed by nobody: they stand in for what a server leaves out, and lead to a root or to nothing.
    pub(super) intermediates: Vec<CertificateDer<'static>>,
    key: Digest,
}

/// Why a file of certificates cannot be used, in words, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The certificates of a PEM file (RFC 7468), if it holds nothing else of interest and all of them are good at `now`.
pub fn certificates(pem: &[u8], now: Timestamp) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    let unfit = |message: String, hint: &str| Err(Unfit { message, hint: hint.to_owned() });
    if pem.windows(PRIVATE.len()).any(|bytes| bytes == PRIVATE) {
        let hint =
            "name a file with certificates only: nobody but the server itself needs the key, keep it there";
        return unfit("it holds a private key".to_owned(), hint);
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = match read {
        Ok(found) => found,
        Err(cause) => return unfit(format!("it is no PEM: {cause}"), PEM_HINT),
    };
    if found.is_empty() {
        return unfit("it holds no `BEGIN CERTIFICATE`".to_owned(), PEM_HINT);
    }
    for (n, certificate) in (1..).zip(&found) {
        let what = || match der::common_name(certificate) {
            Some(name) => format!("its certificate {n}, `{name}`,"),
            None => format!("its certificate {n}"),
        };
        if let Err(cause) = RootCertStore::empty().add(certificate.clone()) {
            return unfit(format!("{} cannot be read: {cause}", what()), PEM_HINT);
        }
        if let Some(end) = der::not_after(certificate).filter(|end| *end < now) {
            let hint = "take it out, and put in the one that replaced it";
            return unfit(format!("{} has expired at {end}", what()), hint);
        }
    }
    Ok(found)
}

const PRIVATE: &[u8] = b"PRIVATE KEY-----";
const PEM_HINT: &str = "it must be a PEM file; `openssl x509 -inform DER -in FILE -out FILE.pem` makes one of a binary certificate";

// === impl Trust ===

impl Trust {
    /// Of these certificates; `None` of none.
    pub fn new(
        roots: Vec<CertificateDer<'static>>,
        intermediates: Vec<CertificateDer<'static>>,
    ) -> Option<Self> {
        if roots.is_empty() && intermediates.is_empty() {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        for list in [&roots, &intermediates] {
            hasher.update(&(list.len() as u64).to_be_bytes());
            for certificate in list {
                hasher.update(&(certificate.len() as u64).to_be_bytes());
                hasher.update(certificate);
            }
        }
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        Some(Self { roots, intermediates, key: Digest(key) })
    }

    /// Tells sets of certificates apart. No set has the default one, which stands for the public roots alone.
    pub(super) fn key(trust: Option<&std::sync::Arc<Self>>) -> Digest {
        trust.map_or_else(Digest::default, |trust| trust.key)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (roots, intermediates) = (self.roots.len(), self.intermediates.len());
        write!(f, "Trust {{ roots: {roots}, intermediates: {intermediates} }}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: &[u8] = include_bytes!("testdata/aia/middle.pem");

    fn now() -> Timestamp {
        Timestamp::from_second(1_780_000_000)
    }

    #[test]
    fn a_file_that_is_not_what_it_should_be_says_what_it_is() {
        let check = |file: &[u8], expected: &str| {
            let unfit = certificates(file, now()).unwrap_err();
            assert!(unfit.message.contains(expected) && !unfit.hint.is_empty(), "{unfit:?}");
        };
        check(b"", "holds no `BEGIN CERTIFICATE`");
        check(b"<html>", "holds no `BEGIN CERTIFICATE`");
        check(include_bytes!("testdata/portal.key"), "a private key");
        check(&[MIDDLE, include_bytes!("testdata/portal.key").as_slice()].concat(), "a private key");
        check(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 cannot be read",
        );
        check(b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", "is no PEM");
        let late = certificates(MIDDLE, Timestamp::from_second(5_000_000_000)).unwrap_err();
        assert!(late.message.contains("`Test intermediate`, has expired at 2099-01-01"), "{late:?}");
    }

    #[test]
    fn sets_are_told_apart_by_what_is_in_them_and_where() {
        let some = || certificates(MIDDLE, now()).unwrap();
        let key = |roots, intermediates| Trust::new(roots, intermediates).unwrap().key;
        assert_eq!(Trust::new(Vec::new(), Vec::new()), None);
        assert_eq!(key(some(), Vec::new()), key(some(), Vec::new()));
        assert_ne!(key(some(), Vec::new()), key(Vec::new(), some()));
        assert_ne!(key(some(), Vec::new()), Digest::default());
    }
}
