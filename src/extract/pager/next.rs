//! The link that says "next".

use url::Url;

use super::Anchor;

/// What such links say, folded, without their arrows.
const WORDS: [&str; 27] = [
    "trang sau",
    "trang tiep",
    "trang tiep theo",
    "trang ke",
    "trang ke tiep",
    "tiep theo",
    "ke tiep",
    "tiep",
    "sau",
    "next",
    "next page",
    "older",
    "older posts",
    "older entries",
    "older articles",
    "cu hon",
    "bai cu hon",
    "tin cu hon",
    "bai viet cu hon",
    "tin cu",
    "xem tiep",
    "suivant",
    "weiter",
    "siguiente",
    "load more",
    "xem them",
    "tai them",
];

/// Words of one syllable and arrows stand on much that is no pager.
const VAGUE: [&str; 6] = ["tiep", "sau", "older", "xem tiep", "xem them", "tin cu"];

/// One page on, then those that may also mean the last page.
const ARROWS: [&[&str]; 2] = [&["›", ">", "→", "▶", "⟩", "❯"], &["»", ">>", "››"]];

/// The next page, by what its link says of itself: `rel`, a word, an arrow.
pub(super) fn find(anchors: &[Anchor], page: &Url) -> Option<Url> {
    let onward =
        || anchors.iter().filter(|anchor| anchor.url.as_ref().is_some_and(|url| !is_same(url, page)));
    let akin =
        |anchor: &&Anchor| anchor.in_pager || anchor.url.as_ref().is_some_and(|url| is_akin(url, page));
    let by_rel = onward().find(|anchor| anchor.rel_next);
    let by_word = || {
        onward().find(|anchor| {
            let word = bare(&anchor.label);
            WORDS.contains(&word.as_str()) && (!VAGUE.contains(&word.as_str()) || akin(anchor))
        })
    };
    let by_arrow = || {
        ARROWS
            .iter()
            .find_map(|arrows| onward().filter(akin).find(|anchor| arrows.contains(&anchor.label.trim())))
    };
    by_rel.or_else(by_word).or_else(by_arrow).and_then(|anchor| anchor.url.clone())
}

/// True when a label says "next".
pub(super) fn is_next(label: &str) -> bool {
    WORDS.contains(&bare(label).as_str()) || ARROWS.iter().any(|arrows| arrows.contains(&label.trim()))
}

fn bare(label: &str) -> String {
    let kept = label.trim_matches(|c: char| !c.is_alphanumeric());
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_same(url: &Url, page: &Url) -> bool {
    (url.path(), url.query()) == (page.path(), page.query())
}

/// Another page of the same list differs in its query, or in a number.
fn is_akin(url: &Url, page: &Url) -> bool {
    let stem = |url: &Url| {
        let path = url.path().to_ascii_lowercase();
        let path: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
        path.trim_end_matches(['/', '-']).to_owned()
    };
    let (one, other) = (stem(url), stem(page));
    one == other || (!other.is_empty() && one.starts_with(&other) && one.len() <= other.len() + 8)
}
