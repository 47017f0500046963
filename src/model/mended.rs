//! What completes the certificates of a host that leaves some out.

use super::{Digest, Timestamp};

/// The certificates that were fetched because a host does not send them. Nobody is believed because of them: they only
/// stand between what the host sends and a root that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The host's name.
    pub host: String,
    /// Which roots they lead to: the digest of what a source names as its own; the default one for those of everybody.
    pub trust: Digest,
    /// In DER.
    pub certificates: Vec<Vec<u8>>,
    /// When they were found.
    pub at: Timestamp,
}
