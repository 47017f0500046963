//! Signatures of Standard Webhooks 1.0: `v1,BASE64(HMAC-SHA256(secret, "id.timestamp.body"))`.

use std::time::Duration;

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::model::{Secret, Timestamp};

/// How far a receiver's clock may be from ours.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// With or without the trailing `=`: people lose them when they copy.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret that cannot be used. Says nothing of what was given: it may be nearly right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin as secrets do.
    #[error("a secret begins with `whsec_`\nhint: leave it out to get a new one")]
    Prefix,
    /// What follows is not base64.
    #[error("a secret is `whsec_` and base64, but what follows `whsec_` is not base64")]
    Base64,
    /// Too easy to guess, or too long for what it is.
    #[error("a secret has 24 to 64 bytes, this one has {0}\nhint: leave it out to get a new one")]
    Length(usize),
}

/// A message that is not what its signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Sent too long ago, or a repetition.
    #[error("`webhook-timestamp` is more than five minutes off")]
    Time,
    /// None of the signatures is by this secret over these bytes.
    #[error("no signature in `webhook-signature` matches")]
    Signature,
}

/// Reads a secret as people copy it: `whsec_` and base64.
pub fn parse_secret(text: &str) -> Result<Secret, SecretError> {
    let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
    let bytes = FORGIVING.decode(encoded).map_err(|_| SecretError::Base64)?;
    if LENGTHS.contains(&bytes.len()) { Ok(Secret(bytes)) } else { Err(SecretError::Length(bytes.len())) }
}

/// A new secret: 32 random bytes.
pub fn generate_secret() -> Result<Secret, getrandom::Error> {
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Secret(bytes))
}

/// The secret as it is shown to its owner, once.
pub fn print_secret(secret: &Secret) -> String {
    format!("{PREFIX}{}", STANDARD.encode(&secret.0))
}

/// The value of `webhook-signature`: one signature per secret, separated by spaces.
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let one = |secret| format!("v1,{}", STANDARD.encode(digest(secret, id, timestamp, body)));
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// What a receiver does: checks the age and the signatures of a message. `timestamp` is the header's number.
pub fn verify(
    secret: &Secret,
    (id, timestamp, signatures): (&str, i64, &str),
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    if now.as_second().abs_diff(timestamp) > TOLERANCE.as_secs() {
        return Err(VerifyError::Time);
    }
    let expected = digest(secret, id, timestamp, body);
    let matches = signatures
        .split_whitespace()
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .any(|given| bool::from(given.as_slice().ct_eq(&expected)));
    if matches { Ok(()) } else { Err(VerifyError::Signature) }
}

fn digest(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn signs_as_the_reference_library_does() {
        let secret = parse_secret(SECRET).unwrap();
        assert_eq!(sign(std::slice::from_ref(&secret), ID, AT, BODY), SIGNATURE);
        assert_eq!(print_secret(&secret), SECRET);
    }

    #[test]
    fn a_rotation_signs_with_both_secrets() {
        let (old, new) = (parse_secret(SECRET).unwrap(), generate_secret().unwrap());
        let both = sign(&[new.clone(), old.clone()], ID, AT, BODY);
        assert!(both.ends_with(&format!(" {SIGNATURE}")));
        for secret in [&old, &new] {
            assert_eq!(verify(secret, (ID, AT, &both), BODY, Timestamp::from_second(AT)), Ok(()));
        }
    }

    #[test]
    fn verifies_only_what_was_signed_and_is_fresh() {
        fn check(id: &str, signed_at: i64, body: &[u8], now: i64, expected: Result<(), VerifyError>) {
            let secret = parse_secret(SECRET).unwrap();
            let now = Timestamp::from_second(now);
            assert_eq!(verify(&secret, (id, signed_at, SIGNATURE), body, now), expected);
        }
        check(ID, AT, BODY, AT + 300, Ok(()));
        check(ID, AT, BODY, AT - 300, Ok(()));
        check(ID, AT, BODY, AT + 301, Err(VerifyError::Time));
        check(ID, AT, BODY, AT - 301, Err(VerifyError::Time));
        check("msg_other", AT, BODY, AT, Err(VerifyError::Signature));
        check(ID, AT + 1, BODY, AT, Err(VerifyError::Signature));
        check(ID, AT, b"{}", AT, Err(VerifyError::Signature));
        let secret = parse_secret(SECRET).unwrap();
        for bad in ["", "v1,", "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,%%%", "v1,AAAA"] {
            let now = Timestamp::from_second(AT);
            assert_eq!(verify(&secret, (ID, AT, bad), BODY, now), Err(VerifyError::Signature), "{bad}");
        }
    }

    #[test]
    fn reads_secrets_as_people_copy_them() {
        fn check(text: &str, expected: &Result<usize, SecretError>) {
            assert_eq!(&parse_secret(text).map(|secret| secret.0.len()), expected, "{text}");
        }
        check(SECRET, &Ok(24));
        check(&format!(" {SECRET}\n"), &Ok(24));
        check("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &Ok(32));
        check("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &Ok(32));
        check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &Err(SecretError::Prefix));
        check("whsec_", &Err(SecretError::Length(0)));
        check("whsec_AAAA", &Err(SecretError::Length(3)));
        check(&format!("whsec_{}", "AAAA".repeat(22)), &Err(SecretError::Length(66)));
        check("whsec_not base64!", &Err(SecretError::Base64));
    }

    #[test]
    fn new_secrets_differ_and_are_never_printed_by_accident() {
        let (one, two) = (generate_secret().unwrap(), generate_secret().unwrap());
        assert_ne!(one, two);
        assert!(!format!("{one:?}").contains(&STANDARD.encode(&one.0)));
        assert_eq!(parse_secret(&print_secret(&one)), Ok(one));
    }
}
