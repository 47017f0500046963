//! One document, from bytes to drafts with names. Pure.

use super::Source;
use crate::{
    dedup,
    extract::{self, Document, Found, Kind},
    model::{Draft, IdentityKey, Issue, Timestamp},
    normalize,
};

/// What the parsers made of one document.
pub(super) type Parsed = (Found, Vec<(Draft, Vec<IdentityKey>)>);

/// Bytes to drafts: extract, normalize, name.
pub(super) fn read(document: &Document<'_>, kind: Kind, source: &Source, at: Timestamp) -> Parsed {
    let mut found = extract::extract(document, kind, &source.extract);
    let context = normalize::Context { rules: &source.normalize, base: document.url, fetched: at };
    let mut drafts = Vec::with_capacity(found.items.len());
    for (index, item) in found.items.iter().enumerate() {
        let (draft, issues) = normalize::normalize(item.clone(), &context);
        let place = format!("item {}", index + 1);
        found.issues.extend(issues.into_iter().map(|issue| issue.at(place.clone())));
        let keys = dedup::keys(&draft, &source.dedup, &source.url);
        drafts.push((draft, keys));
    }
    (found, drafts)
}

/// What stands in for a document whose parser panicked.
pub(super) fn broken(kind: Kind) -> Found {
    let issue =
        Issue::error("parser-failed", "this document broke the parser; please report it with the page");
    let (format, encoding) = (String::new(), String::new());
    Found { kind, format, encoding, head: extract::Head::default(), items: Vec::new(), issues: vec![issue] }
}
