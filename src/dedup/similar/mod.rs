//! Near duplicates: what is kept of a text to tell whether another one says the same, and when it does.
//!
//! A text becomes its shingles of three words, those a sketch of 128 bits by one-permutation MinHash (Li, Owen, Zhang
//! 2012; densified after Shrivastava 2017; one bit per value, Li and König 2010), in which two texts agree in
//! `(1 + J) / 2` of the bits, `J` being the share of shingles that they have in common. Short keys find the
//! candidates: three are the smallest shingles by two other permutations each, so that texts with `J` in common share
//! one of them with the probability `1 - (1 - J²)³`; the last one is the document, or all numbers and names together.
//!
//! Likeness of words is not enough: two notices of one office about two lots differ in five words of three hundred. So
//! what they name has to agree too: where each has numbers that the other has not, or names, they are two announcements.

mod index;
mod sketch;
#[cfg(test)]
mod tests;

pub use index::Index;
pub(crate) use sketch::hash;

use sketch::Sketch;

use super::{Wording, digest};
use crate::model::{Content, Digest, Likeness, Official, Timestamp, text};

/// Below this many words a text is the same only where it is the very same.
const SHORT: usize = 40;
/// A title and a text of fewer words together say nothing of their own: "see the attached file".
const SILENT: usize = 12;
/// How many of the 128 bits of two edited wordings agree at least: half of the shingles are the same.
const EDITED: u32 = 96;
/// The same for wordings that stand on one site, and for texts with more numbers than are told apart: nine in ten.
const CLOSE: u32 = 121;
/// How many of the bits of two titles agree at least, of [`TITLE`]: about half of the words are the same.
const TITLE_ALIKE: u32 = 23;
/// The bits of a title's sketch; the two others hold the [`Length`].
const TITLE: u32 = 30;
/// Above so many bits of 64 the numbers of a text cannot be told from those of others; of names, of 32.
const MANY_NUMBERS: u32 = 40;
const MANY_NAMES: u32 = 20;
/// Days that may lie between two wordings with other titles, and between an announcement and its repetition.
const SOON: u16 = 7;
const LATER: u16 = 60;

/// What is kept of a text: 48 bytes, no word of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mark {
    /// Of the text's shingles; of a short text its digest.
    sketch: [u32; 4],
    /// What numbers stand in it, and what names: a bit for each.
    numbers: [u32; 2],
    names: u32,
    /// A hash of the whole text.
    body: u32,
    /// Of the title's words, and the text's [`Length`].
    title: u32,
    /// A hash of the document that it announces; 0 for none.
    document: u32,
    /// Where candidates are found: by the smallest shingles, and the last one by what tells an article apart.
    keys: [u16; BANDS],
}

/// How many keys find a text.
const BANDS: usize = 4;

/// A text to be compared, and the day of its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    mark: Mark,
    /// Days since 1970; outside of the years 1970 to 2149 the nearest one.
    day: u16,
}

/// How much there is to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// Nothing of its own.
    Silent,
    /// So little that only the very same text is the same.
    Short,
    /// Enough for shingles.
    Long,
}

/// What is kept of an article: of its words, and of the document that it announces.
pub fn signature(
    content: &Content,
    wording: &Wording,
    published: Timestamp,
    document: Option<&Official>,
) -> Signature {
    let Wording { plain, words: keyed } = wording;
    let title = text::key(&content.title);
    let words: Vec<u64> = text::words(keyed).map(|word| hash(word.as_bytes())).collect();
    let n_words = words.len();
    let length = match n_words {
        SHORT.. => Length::Long,
        _ if n_words + text::words(&title).count() >= SILENT => Length::Short,
        _ => Length::Silent,
    };
    let sketch =
        if length == Length::Long { Sketch::of(&words) } else { Sketch::from(digest(content, wording)) };
    let mut mark = Mark {
        sketch: sketch.bits,
        numbers: sketch::numbers(keyed),
        names: sketch::names(plain),
        body: sketch::low(hash(keyed.as_bytes())),
        title: sketch::title(&title) & !3 | length as u32,
        document: document.map_or(0, document_key),
        keys: sketch.keys,
    };
    if let Some(key) = told_apart(&mark) {
        mark.keys[BANDS - 1] = key;
    }
    let day = published.as_second().div_euclid(86_400);
    Signature { mark, day: u16::try_from(day.max(0)).unwrap_or(u16::MAX) }
}

/// What an article is found by that a template alone does not give it: its document, or what it names where that is
/// enough. A thousand notices made from one template stand under the same other keys.
fn told_apart(mark: &Mark) -> Option<u16> {
    /// Fewer numbers and names than this stand in many texts.
    const ENOUGH: u32 = 4;
    if mark.document != 0 {
        return Some(sketch::key(mark.document.into()));
    }
    let [first, second] = mark.numbers;
    let facts = [first, second, mark.names];
    let n_facts: u32 = facts.iter().map(|bits| bits.count_ones()).sum();
    (n_facts >= ENOUGH).then(|| sketch::key(facts.iter().fold(0, |key, bits| hash_of(key, *bits))))
}

fn hash_of(before: u64, bits: u32) -> u64 {
    hash(&[before.to_be_bytes(), u64::from(bits).to_be_bytes()].concat())
}

/// The document without its spelling, never 0. A number without a year begins anew every year, and every office has
/// its own: whoever compares looks at titles and dates as well.
fn document_key(document: &Official) -> u32 {
    let spelled = text::fold(&document.number);
    sketch::low(hash(spelled.trim_start_matches('0').as_bytes())).max(1)
}

/// Do two texts say the same? Symmetric. `on_one_site` says that one source has both: there a wording that is nearly
/// the same is the next notice of a series more often than a second look at the first.
fn likeness(one: &Signature, other: &Signature, on_one_site: bool) -> Option<Likeness> {
    let (a, b) = (&one.mark, &other.mark);
    let days = one.day.abs_diff(other.day);
    let alike_titles = TITLE.saturating_sub((a.title >> 2 ^ b.title >> 2).count_ones()) >= TITLE_ALIKE;
    let agreeing = 128 - a.sketch.iter().zip(b.sketch).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
    match (a.length(), b.length()) {
        (Length::Long, Length::Long) => {
            let is_same = agreeing == 128 && a.body == b.body;
            if is_same && (alike_titles || days <= SOON && !on_one_site) {
                return Some(Likeness::Identical);
            }
            let needed = if on_one_site { CLOSE } else { EDITED };
            let is_near = alike_titles && days <= LATER || days <= SOON && !on_one_site;
            if agreeing >= needed && is_near && agree_in_names(a, b, agreeing) {
                return Some(Likeness::Edited);
            }
        }
        (Length::Short, Length::Short) if agreeing == 128 && days <= SOON => {
            return Some(Likeness::Identical);
        }
        _ => {}
    }
    let one_document = a.document != 0 && a.document == b.document;
    (one_document && alike_titles && days <= SOON && !on_one_site).then_some(Likeness::Document)
}

/// Does nothing that one names contradict the other? What was cut or added does not; what was replaced does.
fn agree_in_names(a: &Mark, b: &Mark, agreeing: u32) -> bool {
    let pair = |halves: [u32; 2]| u64::from(halves[0]) << 32 | u64::from(halves[1]);
    let (numbers, others) = (pair(a.numbers), pair(b.numbers));
    let replaced = (numbers & !others).count_ones().min((others & !numbers).count_ones());
    let too_many = numbers.count_ones().min(others.count_ones()) > MANY_NUMBERS;
    let numbers_agree = if too_many { agreeing >= CLOSE } else { replaced == 0 };
    let renamed = (a.names & !b.names).count_ones().min((b.names & !a.names).count_ones());
    let many_names = a.names.count_ones().min(b.names.count_ones()) > MANY_NAMES;
    numbers_agree && (renamed == 0 || many_names)
}

/// Has an article become quite another one under its old name? Where a portal gives a number away again, the new
/// text has nothing of the old one: neither title nor words, and another date.
pub fn is_another_text(before: &Content, after: &Content, apart: std::time::Duration) -> bool {
    /// A correction of the date is not another article.
    const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
    let share = |one: &str, other: &str, least: usize| {
        let words = |text: &str| -> std::collections::BTreeSet<String> {
            text::words(&text::key(text)).map(str::to_owned).collect()
        };
        let (one, other) = (words(one), words(other));
        let fewer = one.len().min(other.len());
        // The words that every text has are no more than a third of it.
        (fewer >= least).then(|| 3 * one.intersection(&other).count() > fewer)
    };
    let (old, new) = (Wording::of(before).plain, Wording::of(after).plain);
    let pair = |text: &str| -> std::collections::BTreeSet<u64> {
        let keyed = text::key(text);
        let words: Vec<&str> = text::words(&keyed).collect();
        words.windows(2).map(|two| hash(two.join(" ").as_bytes())).collect()
    };
    let (old, new) = (pair(&old), pair(&new));
    let fewer = old.len().min(new.len());
    let texts_apart = fewer >= SILENT && 10 * old.intersection(&new).count() < fewer;
    apart > DAY && texts_apart && share(&before.title, &after.title, 2) == Some(false)
}

// === impl Mark ===

impl Mark {
    fn length(&self) -> Length {
        match self.title & 3 {
            0 => Length::Silent,
            1 => Length::Short,
            _ => Length::Long,
        }
    }

    /// The keys under which it is found.
    fn bands(&self) -> impl Iterator<Item = (usize, u16)> {
        let (length, has_document) = (self.length(), self.document != 0);
        self.keys.into_iter().enumerate().filter(move |(band, _)| match length {
            _ if *band == BANDS - 1 && has_document => true,
            Length::Silent => false,
            Length::Short => *band == 0,
            Length::Long => true,
        })
    }
}

impl From<Digest> for Sketch {
    fn from(Digest(bytes): Digest) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let mut bits = [0; 4];
        for (bit, word) in bits.iter_mut().zip(words) {
            *bit = u32::from_be_bytes(*word);
        }
        Self { bits, keys: [sketch::key(bits[0].into()); BANDS] }
    }
}
