//! Which article is this draft, and does it say something new?

mod digest;
mod identity;
pub mod similar;

pub use digest::{Wording, changed_fields, digest, is_same_file, listed};
pub use identity::keys;

use crate::model::{Digest, Known};
use regex::Regex;

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

/// Decides what a draft is, from what is known under its keys (strongest first, as `keys` gave them).
///
/// A better source of the same text (the article page after the list's teaser) has another digest and is
/// `Revised`; whether that is worth telling anybody is for ingest to say, which knows both `extracted_by`.
pub fn decide(digest: Digest, known: &[Option<Known>]) -> Decision {
    match known.iter().flatten().next() {
        None => Decision::New,
        Some(known) if known.digest == digest => Decision::Unchanged(known.clone()),
        Some(known) => Decision::Revised(known.clone()),
    }
}

#[cfg(test)]
mod tests;
