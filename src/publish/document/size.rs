//! How large documents may grow, decided once for all formats, so that they say the same.

use super::{Entry, LIMIT, TARGET};

/// What stands around the items: a title and a description of our own operator.
const AROUND: usize = 50_000;

/// Cuts `entries` to what a document may hold. The first `promised` stay as long as [`LIMIT`] allows, those with full
/// texts first; the others only while all of it fits [`TARGET`], whole: an item does not lose its text because of
/// newer ones, which readers would take for an edit.
pub(super) fn fit(mut entries: Vec<Entry>, promised: usize) -> Vec<Entry> {
    let mut whole = 0;
    let n_fitting = entries.iter().take_while(|entry| {
        whole += frame(entry) + weight(&entry.html);
        whole <= TARGET
    });
    let n_fitting = n_fitting.count();
    entries.truncate(n_fitting.max(promised));
    within(entries, LIMIT)
}

/// Gives full texts to the newest items first, as far as `limit` allows.
fn within(mut entries: Vec<Entry>, limit: usize) -> Vec<Entry> {
    let mut left = limit.saturating_sub(AROUND);
    let mut kept = 0;
    for entry in &entries {
        let Some(rest) = left.checked_sub(frame(entry)) else { break };
        left = rest;
        kept += 1;
    }
    entries.truncate(kept);
    for entry in &mut entries {
        match left.checked_sub(weight(&entry.html)) {
            Some(rest) => left = rest,
            None => entry.html = String::new(),
        }
    }
    entries
}

/// The most that an entry without its full text takes in any format.
fn frame(entry: &Entry) -> usize {
    const TAGS: usize = 1_000;
    let authors: usize = entry
        .authors
        .iter()
        .map(|author| {
            TAGS / 10
                + [Some(&author.name), author.email.as_ref(), author.url.as_ref()]
                    .into_iter()
                    .flatten()
                    .map(|s| weight(s))
                    .sum::<usize>()
        })
        .sum();
    let categories: usize = entry
        .categories
        .iter()
        .map(|category| {
            TAGS / 10
                + weight(&category.term)
                + weight(category.scheme.as_deref().unwrap_or_default())
                + weight(category.label.as_deref().unwrap_or_default())
        })
        .sum();
    let enclosures: usize = entry
        .enclosures
        .iter()
        .map(|enclosure| {
            TAGS / 5 + weight(&enclosure.url) + weight(enclosure.title.as_deref().unwrap_or_default())
        })
        .sum();
    // The title or the summary may stand once more, as the content of an item that has none.
    TAGS + authors
        + categories
        + enclosures
        + 2 * weight(&entry.title)
        + 2 * weight(&entry.summary)
        + 2 * weight(entry.image.as_deref().unwrap_or_default())
        + weight(entry.url.as_deref().unwrap_or_default())
        + weight(entry.date_raw.as_deref().unwrap_or_default())
}

/// The most that a string takes in any format: escaped as XML or as JSON, or as CDATA where `]]>` is split.
fn weight(text: &str) -> usize {
    let escaped: usize = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\'' => 6,
            b'&' => 5,
            b'<' | b'>' => 4,
            b'\\' | b'\n' | b'\t' => 2,
            _ => 1,
        })
        .sum();
    escaped + 12 * text.matches("]]>").count()
}
