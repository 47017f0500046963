//! The stored form of what completes the certificates of a host.

use serde::{Deserialize, Serialize};

use crate::model::{Digest, Mended};

use super::text::{Bytes, Hash, Instant};

/// What completes the certificates of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MendedV1 {
    host: String,
    trust: Hash,
    certificates: Vec<Bytes>,
    at: Instant,
}

impl From<Mended> for MendedV1 {
    fn from(mended: Mended) -> Self {
        Self {
            host: mended.host,
            trust: Hash(mended.trust),
            certificates: mended.certificates.into_iter().map(Bytes).collect(),
            at: Instant(mended.at),
        }
    }
}

impl From<MendedV1> for Mended {
    fn from(stored: MendedV1) -> Self {
        Self {
            host: stored.host,
            trust: stored.trust.0,
            certificates: stored.certificates.into_iter().map(|bytes| bytes.0).collect(),
            at: stored.at.0,
        }
    }
}

impl MendedV1 {
    pub(crate) fn place(&self) -> (&str, Digest) {
        (&self.host, self.trust.0)
    }
}
