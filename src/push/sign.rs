//! Signatures of Standard Webhooks 1.0 over `id.timestamp.body`: `v1,BASE64(HMAC-SHA256)` with a secret that both sides
//! have, `v1a,BASE64(ed25519)` with a key pair of which receivers have the public half.

use std::{fmt, str::FromStr, time::Duration};

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::model::{Secret, Timestamp};

/// How far a receiver's clock may be from ours.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

const SHARED: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";
/// Bytes of a shared secret.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// With or without the trailing `=`: people lose them when they copy.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How messages are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// HMAC-SHA256 with a shared secret.
    #[default]
    V1,
    /// ed25519 with a key pair.
    V1a,
}

/// The half of an ed25519 key pair that receivers have. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// A secret or key that cannot be used. Says nothing of what was given: it may be nearly right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin as secrets do.
    #[error(
        "a secret begins with `whsec_`, or with `whsk_` where it is an ed25519 key\nhint: leave it out to get a new one"
    )]
    Prefix,
    /// What follows is not base64.
    #[error("a secret is `{0}` and base64, but what follows `{0}` is not base64")]
    Base64(&'static str),
    /// Too easy to guess, or too long for what it is.
    #[error("a secret has 24 to 64 bytes, this one has {0}\nhint: leave it out to get a new one")]
    Length(usize),
    /// The receiver's half, where ours is needed.
    #[error(
        "this is a public key (`whpk_`), but only a private one (`whsk_`) can sign\nhint: leave it out, with `signature` as `v1a`, to get a new pair"
    )]
    Public,
    /// No seed, and no seed with its public key.
    #[error(
        "behind `whsk_` stand the 32 bytes of an ed25519 seed, or 64 with the public key behind it, but here are {0}\nhint: leave it out, with `signature` as `v1a`, to get a new pair"
    )]
    KeyLength(usize),
    /// 64 bytes whose halves do not belong together.
    #[error(
        "the second half of 64 bytes behind `whsk_` is the public key of the first, but here it is another\nhint: write the seed alone, 32 bytes"
    )]
    Halves,
}

/// A public key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is `whpk_` and 32 bytes in base64")]
pub struct PublicKeyError;

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

// === secrets and keys ===

/// Reads a secret as people copy it: `whsec_` or `whsk_`, and base64. A private key is its seed (as the Go library of
/// Standard Webhooks has it), or the seed and the public key (as Svix prints it).
pub fn parse_secret(text: &str) -> Result<Secret, SecretError> {
    let text = text.trim();
    if let Some(encoded) = text.strip_prefix(SHARED) {
        let bytes = FORGIVING.decode(encoded).map_err(|_| SecretError::Base64(SHARED))?;
        let fits = LENGTHS.contains(&bytes.len());
        return if fits { Ok(Secret::Shared(bytes)) } else { Err(SecretError::Length(bytes.len())) };
    }
    if let Some(encoded) = text.strip_prefix(PRIVATE) {
        return parse_private(&FORGIVING.decode(encoded).map_err(|_| SecretError::Base64(PRIVATE))?);
    }
    Err(if text.starts_with(PUBLIC) { SecretError::Public } else { SecretError::Prefix })
}

fn parse_private(bytes: &[u8]) -> Result<Secret, SecretError> {
    let wrong = SecretError::KeyLength(bytes.len());
    let Some((seed, public)) = bytes.split_first_chunk::<32>() else { return Err(wrong) };
    match public.len() {
        0 => Ok(Secret::Ed25519(*seed)),
        32 if public_key_of(seed).0.as_slice() == public => Ok(Secret::Ed25519(*seed)),
        32 => Err(SecretError::Halves),
        _ => Err(wrong),
    }
}

/// A new secret of the kind that a scheme signs with: 32 random bytes, shared or the seed of a key pair.
pub fn generate(scheme: Scheme) -> Result<Secret, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(match scheme {
        Scheme::V1 => Secret::Shared(bytes.to_vec()),
        Scheme::V1a => Secret::Ed25519(bytes),
    })
}

/// A new shared secret.
pub fn generate_secret() -> Result<Secret, getrandom::Error> {
    generate(Scheme::V1)
}

/// The secret as its owner writes it. A private key is nobody's business but the signer's.
pub fn print_secret(secret: &Secret) -> String {
    match secret {
        Secret::Shared(bytes) => format!("{SHARED}{}", STANDARD.encode(bytes)),
        Secret::Ed25519(seed) => format!("{PRIVATE}{}", STANDARD.encode(seed)),
    }
}

/// How this secret signs.
pub fn scheme(secret: &Secret) -> Scheme {
    match secret {
        Secret::Shared(_) => Scheme::V1,
        Secret::Ed25519(_) => Scheme::V1a,
    }
}

/// What receivers verify with, where that is not the secret itself.
pub fn public_key(secret: &Secret) -> Option<PublicKey> {
    match secret {
        Secret::Shared(_) => None,
        Secret::Ed25519(seed) => Some(public_key_of(seed)),
    }
}

fn public_key_of(seed: &[u8; 32]) -> PublicKey {
    let bytes = key_pair(seed).public_key().as_ref().try_into();
    PublicKey(bytes.expect("a public key of ed25519 has 32 bytes"))
}

fn key_pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    // "Unchecked": the public key is computed here, so that there is none to check.
    Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed of ed25519 is any 32 bytes")
}

// === signing and verifying ===

/// The value of `webhook-signature`: one signature per secret, separated by spaces.
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let one = |secret: &Secret| match secret {
        Secret::Shared(key) => format!("v1,{}", STANDARD.encode(digest(key, id, timestamp, body))),
        Secret::Ed25519(seed) => {
            format!("v1a,{}", STANDARD.encode(ed25519(seed, &signed(id, timestamp, body))))
        }
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// What a receiver does: checks the age and the signatures of a message. `timestamp` is the header's number, in seconds.
pub fn verify(
    secret: &Secret,
    (id, timestamp, signatures): (&str, i64, &str),
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    match secret {
        Secret::Shared(key) => {
            fresh(timestamp, now)?;
            let expected = digest(key, id, timestamp, body);
            any(signatures, Scheme::V1, |given| given.ct_eq(&expected).into())
        }
        Secret::Ed25519(seed) => verify_public(&public_key_of(seed), (id, timestamp, signatures), body, now),
    }
}

/// The same with a public key.
pub fn verify_public(
    key: &PublicKey,
    (id, timestamp, signatures): (&str, i64, &str),
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    fresh(timestamp, now)?;
    let (key, message) = (UnparsedPublicKey::new(&ED25519, key.0), signed(id, timestamp, body));
    any(signatures, Scheme::V1a, |given| key.verify(&message, given).is_ok())
}

fn fresh(timestamp: i64, now: Timestamp) -> Result<(), VerifyError> {
    let is_fresh = now.as_second().abs_diff(timestamp) <= TOLERANCE.as_secs();
    if is_fresh { Ok(()) } else { Err(VerifyError::Time) }
}

/// Does one of the signatures of this scheme fit?
fn any(signatures: &str, scheme: Scheme, fits: impl Fn(&[u8]) -> bool) -> Result<(), VerifyError> {
    let matches = signatures
        .split_whitespace()
        .filter_map(|one| one.split_once(',').filter(|(name, _)| *name == scheme.as_str()))
        .filter_map(|(_, encoded)| STANDARD.decode(encoded).ok())
        .any(|given| fits(&given));
    if matches { Ok(()) } else { Err(VerifyError::Signature) }
}

/// The signature of RFC 8032, section 5.1.6: 64 bytes, the same for the same message.
pub(super) fn ed25519(seed: &[u8; 32], message: &[u8]) -> Vec<u8> {
    key_pair(seed).sign(message).as_ref().to_vec()
}

/// What is signed.
fn signed(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

fn digest(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().into()
}

// === names and texts ===

impl Scheme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V1, Self::V1a];

    /// The identifier before a signature.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
        }
    }

    /// From the identifier.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What a secret of it begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::V1 => SHARED,
            Self::V1a => PRIVATE,
        }
    }
}

impl SecretError {
    /// The scheme for which the secret was meant, as far as can be told.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Base64(PRIVATE) | Self::Public | Self::KeyLength(_) | Self::Halves => Scheme::V1a,
            Self::Prefix | Self::Base64(_) | Self::Length(_) => Scheme::V1,
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", STANDARD.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let encoded = text.trim().strip_prefix(PUBLIC).ok_or(PublicKeyError)?;
        let bytes = FORGIVING.decode(encoded).map_err(|_| PublicKeyError)?;
        bytes.try_into().map(Self).map_err(|_| PublicKeyError)
    }
}
