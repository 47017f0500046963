//! room
use crate::model::{Digest, Draft, IdentityKey, Known};
use regex::Regex;
use url::Url;

/// How a source's items are recognized.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Patterns that find the platform's item number in a canonical URL, tried in order.
    pub item: Vec<ItemPattern>,
}

/// Finds an item number in a canonical URL.
#[derive(Clone, Debug)]
pub struct ItemPattern {
    /// Matched against the canonical URL without its host: `/path?query`.
    pub url: Regex,
    /// The key, with the pattern's captures: `${site}#${id}`.
    pub key: String,
}

/// What an arriving draft is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing known has any of its keys.
    New,
    /// A known article that says something else now.
    Revised(Known),
    /// A known article that says the same.
    Unchanged(Known),
}

/// The identity keys of a draft, strongest first, never empty. `site` is the source's own address:
/// keys on its host leave the host out, so that they survive a move.
pub fn keys(_draft: &Draft, _rules: &Rules, _site: &Url) -> Vec<IdentityKey> {
    unimplemented!("spine")
}

/// The digest of what matters in a draft.
pub fn digest(_draft: &Draft) -> Digest {
    unimplemented!("spine")
}

/// Decides what a draft is, from what is known under its keys (strongest first, as `keys` gave them).
pub fn decide(_digest: Digest, _known: &[Option<Known>]) -> Decision {
    unimplemented!("spine")
}
