//! `X-Hub-Signature`: is a push by the hub that knows our secret (WebSub, section 8)? Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use crate::model::Hidden;

/// A check under way: the body is fed as it comes in and never held.
pub struct Check {
    digest: Digest,
    expected: Vec<u8>,
}

/// The methods that the Recommendation names.
enum Digest {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Check {
    /// Begins with the header, `method=hex`. `None` where it is missing or names no method that we know.
    pub fn new(header: Option<&str>, secret: &Hidden) -> Option<Self> {
        let (method, signature) = header?.trim().split_once('=')?;
        let digest = match method.to_ascii_lowercase().as_str() {
            "sha1" => Digest::Sha1(keyed(secret)),
            "sha256" => Digest::Sha256(keyed(secret)),
            "sha384" => Digest::Sha384(keyed(secret)),
            "sha512" => Digest::Sha512(keyed(secret)),
            _ => return None,
        };
        Some(Self { digest, expected: bytes(signature)? })
    }

    /// Takes the next part of the body.
    pub fn update(&mut self, part: &[u8]) {
        match &mut self.digest {
            Digest::Sha1(mac) => mac.update(part),
            Digest::Sha256(mac) => mac.update(part),
            Digest::Sha384(mac) => mac.update(part),
            Digest::Sha512(mac) => mac.update(part),
        }
    }

    /// Does the signature fit the whole body? Compared in constant time, and in its whole length.
    pub fn is_genuine(self) -> bool {
        match self.digest {
            Digest::Sha1(mac) => mac.verify_slice(&self.expected).is_ok(),
            Digest::Sha256(mac) => mac.verify_slice(&self.expected).is_ok(),
            Digest::Sha384(mac) => mac.verify_slice(&self.expected).is_ok(),
            Digest::Sha512(mac) => mac.verify_slice(&self.expected).is_ok(),
        }
    }
}

fn keyed<M: KeyInit>(secret: &Hidden) -> M {
    M::new_from_slice(&secret.0).expect("HMAC takes keys of any length")
}

/// Hexadecimal digits, in pairs, of either case.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte << 4 | digit)).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"<rss/>";
    /// `printf '<rss/>' | openssl dgst -sha… -hmac s3cret`
    const SHA1: &str = "3fb0dcfb4b77e2225bbf3cb2350a7c5b71af342a";
    const SHA256: &str = "829b68224e667e7fee1935ffe98ba840e8bf3c3a0860a8abc4ebc79b74749f3d";
    const SHA384: &str =
        "9a4a0ff909dc209e7d36cb7244f636dddcba7e2b76b2f16e727ff098dd63eea1bca25167357e375ebbcdf35501e2208a";
    const SHA512: &str = "06db0c5b9bc224347caf405407e2d65a8f3348ffe0c4201452d4077bffeb296d5dd8550310998b00e5eef36ec46a2e2866796e4b0ba95696ade016e6871b6d41";

    fn check(header: &str, body: &[u8], expected: bool) {
        let secret = Hidden(b"s3cret".to_vec());
        let genuine = Check::new(Some(header), &secret).is_some_and(|mut check| {
            // In parts, as it comes in.
            body.chunks(4).for_each(|part| check.update(part));
            check.is_genuine()
        });
        assert_eq!(genuine, expected, "{header}");
    }

    #[test]
    fn every_method_of_the_recommendation_is_known() {
        for (method, hex) in [("sha1", SHA1), ("sha256", SHA256), ("sha384", SHA384), ("sha512", SHA512)] {
            check(&format!("{method}={hex}"), BODY, true);
            check(&format!(" {}={} ", method.to_uppercase(), hex.to_uppercase()), BODY, true);
            check(&format!("{method}={hex}"), b"<rss />", false);
            check(&format!("{method}={hex}"), b"", false);
            check(&format!("{method}={hex}00"), BODY, false);
            let cut: String = hex.chars().skip(2).collect();
            check(&format!("{method}={cut}"), BODY, false);
        }
    }

    #[test]
    fn what_is_no_signature_fits_nothing() {
        for header in [
            String::new(),
            "sha256".to_owned(),
            "sha256=".to_owned(),
            "sha256=zz".to_owned(),
            "sha256=a".to_owned(),
            "sha256=ｆｆ".to_owned(),
            SHA256.to_owned(),
            format!("md5={SHA256}"),
            format!("sha1={SHA256}"),
            format!("sha512={SHA256}"),
            format!("sha256={SHA1}"),
            format!("sha256=,{SHA256}"),
        ] {
            check(&header, BODY, false);
        }
        assert!(Check::new(None, &Hidden(Vec::new())).is_none());
    }
}
