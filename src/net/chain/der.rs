//! The little of a certificate that is needed to find its issuer: names and addresses, read from DER (X.690).
//!
//! Nothing is believed because of what is read here: the whole chain is verified by rustls-webpki afterwards.

use rustls::pki_types::{CertificateDer, pem::PemObject};

/// What a certificate says of itself and of its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The name of its owner, encoded.
    pub(super) subject: Vec<u8>,
    /// The name of its issuer, encoded.
    pub(super) issuer: Vec<u8>,
    /// Where the issuer's certificate is kept: `caIssuers` of Authority Information Access
    /// (RFC 5280, section 4.2.2.1).
    pub(super) issuer_urls: Vec<String>,
}

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
/// `[0]`, constructed: the version of a certificate, the content and the certificates of a PKCS#7.
const CONTEXT_0: u8 = 0xa0;
/// `[3]`, constructed: the extensions.
const CONTEXT_3: u8 = 0xa3;
/// `[6]` of `GeneralName`: a URI.
const URI: u8 = 0x86;
/// 1.3.6.1.5.5.7.1.1, `id-pe-authorityInfoAccess`.
const AUTHORITY_INFO: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
/// 1.3.6.1.5.5.7.48.2, `id-ad-caIssuers`.
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];
/// 1.2.840.113549.1.7.2, `id-signedData`.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// Certificates read from one file.
const MAX_CERTIFICATES: usize = 16;

/// Reads a certificate, or says nothing of what is none.
pub(super) fn facts(certificate: &[u8]) -> Option<Facts> {
    let mut outer = Reader(certificate);
    let mut signed = Reader(Reader(outer.take(SEQUENCE)?).take(SEQUENCE)?);
    signed.skip_if(CONTEXT_0);
    signed.next()?; // serial number
    signed.next()?; // algorithm of the signature
    let issuer = signed.take(SEQUENCE)?.to_vec();
    signed.next()?; // validity
    let subject = signed.take(SEQUENCE)?.to_vec();
    let mut issuer_urls = Vec::new();
    while let Some(part) = signed.next() {
        if part.tag == CONTEXT_3 {
            issuer_urls = Reader(part.content).take(SEQUENCE).map(issuers).unwrap_or_default();
        }
    }
    Some(Facts { subject, issuer, issuer_urls })
}

/// The certificates of what an authority serves: one in DER, a PKCS#7 that holds only certificates
/// (RFC 5280, section 4.2.2.1), or, against the rule but common, PEM.
pub(super) fn certificates(file: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut found = if facts(file).is_some() {
        vec![CertificateDer::from(file.to_vec())]
    } else if let Some(found) = signed_data(file) {
        found
    } else {
        CertificateDer::pem_slice_iter(file).filter_map(Result::ok).take(MAX_CERTIFICATES).collect()
    };
    found.retain(|certificate| facts(certificate).is_some());
    found
}

/// `ContentInfo` with `SignedData` (RFC 5652, section 5.1); the signatures, if any, are of no interest.
fn signed_data(file: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let mut info = Reader(Reader(file).take(SEQUENCE)?);
    if info.take(OID)? != SIGNED_DATA {
        return None;
    }
    let mut data = Reader(Reader(info.take(CONTEXT_0)?).take(SEQUENCE)?);
    data.next()?; // version
    data.next()?; // algorithms of digests
    data.next()?; // what is signed: nothing
    let mut kept = Reader(data.take(CONTEXT_0)?);
    let certificates = std::iter::from_fn(|| kept.next()).filter(|part| part.tag == SEQUENCE);
    Some(certificates.take(MAX_CERTIFICATES).map(|part| CertificateDer::from(part.whole.to_vec())).collect())
}

/// The addresses of issuers among extensions.
fn issuers(extensions: &[u8]) -> Vec<String> {
    let mut extensions = Reader(extensions);
    let all = std::iter::from_fn(|| extensions.take(SEQUENCE));
    let access = all.filter_map(|extension| {
        let mut extension = Reader(extension);
        if extension.take(OID)? != AUTHORITY_INFO {
            return None;
        }
        extension.skip_if(BOOLEAN);
        Reader(extension.take(OCTETS)?).take(SEQUENCE)
    });
    access.flat_map(addresses).collect()
}

fn addresses(access: &[u8]) -> Vec<String> {
    let mut access = Reader(access);
    let all = std::iter::from_fn(|| access.take(SEQUENCE));
    let urls = all.filter_map(|description| {
        let mut description = Reader(description);
        let is_issuer = description.take(OID)? == CA_ISSUERS;
        let url = description.take(URI).filter(|_| is_issuer)?;
        std::str::from_utf8(url).ok().map(str::to_owned)
    });
    urls.collect()
}

/// Reads values one behind the other; ends at the first that is cut or has no definite length.
struct Reader<'a>(&'a [u8]);

struct Part<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Part<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (bytes, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
            // No certificate has a length of more than four bytes; none at all is BER's indefinite form.
            if bytes.is_empty() || bytes.len() > 4 {
                return None;
            }
            length = bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
            rest = behind;
        }
        let (content, behind) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - behind.len())?;
        self.0 = behind;
        Some(Part { tag, content, whole })
    }

    /// The content of the next value, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|part| part.tag == tag).map(|part| part.content)
    }

    fn skip_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PORTAL: &[u8] = include_bytes!("../testdata/aia/portal.der");
    const MIDDLE: &[u8] = include_bytes!("../testdata/aia/middle.der");

    #[test]
    fn names_and_addresses_of_a_certificate_are_read() {
        let (portal, middle) = (facts(PORTAL).unwrap(), facts(MIDDLE).unwrap());
        assert_eq!(portal.issuer_urls, ["http://aia.example/middle.der"]);
        assert_eq!(portal.issuer, middle.subject);
        assert_ne!(middle.issuer, middle.subject);
        assert!(middle.issuer_urls.is_empty());
    }

    #[test]
    fn every_form_that_authorities_serve_holds_the_same_certificate() {
        let pem = include_bytes!("../testdata/aia/middle.pem").as_slice();
        let pkcs7 = include_bytes!("../testdata/aia/middle.p7c").as_slice();
        for form in [MIDDLE, pem, pkcs7] {
            assert_eq!(certificates(form), [CertificateDer::from(MIDDLE.to_vec())]);
        }
        for other in [b"".as_slice(), b"<html>", &[0x30, 0x80, 0, 0], &[0x30, 0x84, 255, 255, 255, 255]] {
            assert!(certificates(other).is_empty());
        }
    }

    proptest! {
        #[test]
        fn a_damaged_certificate_is_read_without_harm(at in 0..MIDDLE.len(), byte: u8, end in 0..MIDDLE.len()) {
            let mut damaged = PORTAL.to_vec();
            damaged[at] = byte;
            certificates(&damaged);
            certificates(damaged.get(..end).unwrap());
        }
    }
}
