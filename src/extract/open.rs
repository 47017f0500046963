//! From bytes to a parsed page, behind the guards that every HTML parse stands behind.

use scraper::Html;

use super::charset::{self, Carrier};
use super::{Document, Found, Head, Kind, tld};
use crate::model::{Issue, markup};

/// A page that may be read.
pub(super) struct Page {
    /// The tree.
    pub(super) html: Html,
    /// The decoded text it was parsed from.
    pub(super) text: String,
}

/// Decodes and parses; what `Found` says already when there is nothing to read.
pub(super) fn open(document: &Document<'_>, kind: Kind) -> (Option<Page>, Found) {
    let decoded = charset::decode(document.bytes, document.content_type, tld(document.url), Carrier::Html);
    let mut found = Found {
        kind,
        format: "html".to_owned(),
        encoding: decoded.encoding,
        head: Head::default(),
        items: Vec::new(),
        issues: decoded.issues,
    };
    // A parser keeps a node for every NUL and then drops it: ten megabytes of them are a gigabyte of nodes.
    let text = if decoded.text.contains('\0') { decoded.text.replace('\0', "") } else { decoded.text };
    if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
        found.issues.push(Issue::error("empty-page", "the page is empty"));
        return (None, found);
    }
    if is_cut(&text) {
        found.issues.push(Issue::warning("truncated", "the page ends inside of a tag"));
    }
    let Some(html) = parse(&text) else {
        let most = markup::MAX_DEPTH;
        let message = format!(
            "the page nests elements deeper than {most}, or costs a parser as much; it was not parsed"
        );
        found.issues.push(Issue::error("html-too-deep", message));
        return (None, found);
    };
    (Some(Page { html, text }), found)
}

/// Parses, unless that could take more than linear time. Many an editor writes every letter with a mark as a reference.
pub(super) fn parse(text: &str) -> Option<Html> {
    let text = markup::decode_letters(text);
    (markup::max_open_depth_of_page(&text) <= markup::MAX_DEPTH).then(|| Html::parse_document(&text))
}

/// The transfer broke off: the last tag never ended and the page never said that it did.
fn is_cut(text: &str) -> bool {
    let open = text.rfind('<');
    let tail = text.trim_end();
    open.is_some_and(|open| {
        let last = text.get(open..).unwrap_or_default();
        let is_tag = last.chars().nth(1).is_none_or(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        is_tag && !last.contains('>')
    }) && !tail.to_ascii_lowercase().contains("</html")
}
