//! The little of a certificate that is needed to find its issuer: names and addresses, read from DER (X.690).
//!
//! Nothing is believed because of what is read here: the whole chain is verified by rustls-webpki afterwards.

use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::model::Timestamp;

/// What a certificate says of itself and of its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) struct Facts {
    /// The name of its owner, encoded.
    pub(super) subject: Vec<u8>,
    /// The name of its issuer, encoded.
    pub(super) issuer: Vec<u8>,
    /// Where the issuer's certificate is kept: `caIssuers` of Authority Information Access
    /// (RFC 5280, section 4.2.2.1).
    pub(super) issuer_urls: Vec<String>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// A year of two digits, which stand for 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3, `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
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

/// When it ends (RFC 5280, section 4.1.2.5), where that can be read.
pub(in crate::net) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let mut outer = Reader(certificate);
    let mut signed = Reader(Reader(outer.take(SEQUENCE)?).take(SEQUENCE)?);
    signed.skip_if(CONTEXT_0);
    (0..3).try_for_each(|_| signed.next().map(drop))?; // serial number, algorithm, issuer
    let mut validity = Reader(signed.take(SEQUENCE)?);
    validity.next()?;
    let end = validity.next()?;
    let text = std::str::from_utf8(end.content).ok()?.strip_suffix('Z')?;
    let text = match end.tag {
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let civil = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_second(at.timestamp().as_second()))
}

/// What its owner is called, where it says so in a way that can be shown: the common name, cut where it is long.
pub(in crate::net) fn common_name(certificate: &[u8]) -> Option<String> {
    const LONGEST: usize = 80;
    let subject = facts(certificate)?.subject;
    let mut names = Reader(&subject);
    while let Some(set) = names.take(SET) {
        let mut pair = Reader(Reader(set).take(SEQUENCE)?);
        if pair.take(OID)? == COMMON_NAME {
            let text = String::from_utf8_lossy(pair.next()?.content).into_owned();
            return Some(text.chars().filter(|c| !c.is_control() && *c != '`').take(LONGEST).collect());
        }
    }
    None
}

/// Those of `pool` through which a chain from `leaf` and what was sent with it may lead: issuers, and issuers of issuers.
pub(super) fn links(
    leaf: &[u8],
    sent: &[CertificateDer<'_>],
    pool: &[CertificateDer<'static>],
) -> Vec<CertificateDer<'static>> {
    let mut wanted: Vec<Vec<u8>> = facts(leaf).into_iter().map(|facts| facts.issuer).collect();
    let all: Vec<(Facts, Option<&CertificateDer<'static>>)> = sent
        .iter()
        .filter_map(|one| Some((facts(one)?, None)))
        .chain(pool.iter().filter_map(|one| Some((facts(one)?, Some(one)))))
        .collect();
    let (mut at, mut found) = (0, Vec::new());
    while let Some(name) = wanted.get(at).cloned() {
        for (facts, ours) in all.iter().filter(|(facts, _)| facts.subject == name) {
            found.extend(ours.iter().map(|ours| (*ours).clone()));
            if !wanted.contains(&facts.issuer) {
                wanted.push(facts.issuer.clone());
            }
        }
        at += 1;
    }
    found
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

    #[test]
    fn names_and_ends_are_read_in_both_forms_of_a_time() {
        assert_eq!(common_name(MIDDLE).as_deref(), Some("Test intermediate"));
        assert_eq!(not_after(MIDDLE).unwrap().to_string(), "2099-01-01T00:00:00Z");
        let old = include_bytes!("../testdata/aia/old.der");
        assert_eq!(not_after(old).unwrap().to_string(), "2021-01-01T00:00:00Z");
        assert_eq!((not_after(b"x"), common_name(b"x")), (None, None));
    }

    #[test]
    fn only_what_a_chain_may_lead_through_is_a_link() {
        let der = |bytes: &[u8]| CertificateDer::from(bytes.to_vec());
        let (middle, lower) = (der(MIDDLE), der(include_bytes!("../testdata/aia/lower.der")));
        let other = der(include_bytes!("../testdata/aia/stranger.der"));
        let pool = [other, middle.clone(), lower.clone()];
        assert_eq!(links(PORTAL, &[], &pool), std::slice::from_ref(&middle));
        let deep = include_bytes!("../testdata/aia/deep.der");
        assert_eq!(links(deep, &[], &pool), [lower.clone(), middle.clone()]);
        assert_eq!(links(deep, &[lower], &pool[..2]), [middle], "one was sent");
        let ring = [
            der(include_bytes!("../testdata/aia/ring-a.der")),
            der(include_bytes!("../testdata/aia/ring-b.der")),
        ];
        assert_eq!(
            links(include_bytes!("../testdata/aia/round.der"), &[], &ring).len(),
            2,
            "it comes to an end"
        );
    }

    proptest! {
        #[test]
        fn a_damaged_certificate_is_read_without_harm(at in 0..MIDDLE.len(), byte: u8, end in 0..MIDDLE.len()) {
            let mut damaged = PORTAL.to_vec();
            damaged[at] = byte;
            certificates(&damaged);
            not_after(&damaged);
            common_name(&damaged);
            certificates(damaged.get(..end).unwrap());
        }
    }
}
