//! What filters ask of an article, prepared once for all of them.

use std::collections::HashSet;

use std::ops::Range;

use jiff::{civil, tz::TimeZone};
use unicode_normalization::char::is_combining_mark;

use super::{Place, keys};
use crate::model::{Article, Date, Timestamp, text};

/// An article prepared for filters: folded and split into words.
#[derive(Clone, Debug)]
pub struct Facts {
    title: Words,
    /// Summary and full text apart, so that no phrase is found across them.
    texts: [Words; 2],
    categories: Vec<Words>,
    authors: Vec<Words>,
    source: String,
    /// The same as a key.
    source_key: String,
    /// Each document number as its folded parts between spaces: ` 123 qd ubnd `.
    numbers: Vec<String>,
    published: civil::Date,
}

/// Words in a row, to be found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Phrase {
    /// The folded words between spaces: ` thong bao `.
    folded: String,
    /// Those typed with marks: where in the phrase, and how they have to look.
    marked: Vec<(usize, String)>,
}

/// A text as words, in two forms that have the same words at the same places.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// Without marks, a space before and behind each.
    folded: String,
    /// With marks.
    keyed: Vec<Box<str>>,
}

// === impl Facts ===

impl Facts {
    /// Prepares an article; `text` is its full text without markup.
    pub fn new(article: &Article, text: &str) -> Self {
        let content = &article.content;
        let categories = content.categories.iter().flat_map(|category| {
            [Some(&category.term), category.label.as_ref()].into_iter().flatten().map(|name| Words::of(name))
        });
        let authors = content.authors.iter().flat_map(|person| {
            [&person.name, &person.email].into_iter().flatten().map(|name| Words::of(name))
        });
        let keys = [&content.title, &content.summary, text].map(text::key);
        let mut numbers = Vec::new();
        for keyed in &keys {
            find_numbers(keyed, &mut numbers);
        }
        let [title, texts @ ..] = keys.map(|keyed| Words::of_key(&keyed));
        Self {
            title,
            texts,
            categories: categories.collect(),
            authors: authors.collect(),
            source: article.source.as_str().to_owned(),
            source_key: keys::source(article.source.as_str()),
            numbers,
            published: day(&article.published),
        }
    }

    /// Everything of which filters may need one: its words without marks, the parts of its numbers, its source.
    pub fn keys(&self) -> HashSet<&str> {
        let words = [&self.title].into_iter().chain(&self.texts).chain(&self.categories).chain(&self.authors);
        let texts = words.map(|words| &words.folded).chain(&self.numbers);
        texts.flat_map(|text| text.split_whitespace()).chain([self.source_key.as_str()]).collect()
    }

    pub(super) fn say(&self, place: Place, phrase: &Phrase) -> bool {
        match place {
            Place::Anywhere => self.title.have(phrase) || self.texts.iter().any(|words| words.have(phrase)),
            Place::Title => self.title.have(phrase),
            Place::Category => self.categories.iter().any(|words| words.have(phrase)),
            Place::Author => self.authors.iter().any(|words| words.have(phrase)),
        }
    }

    pub(super) fn is_from(&self, source: &str) -> bool {
        self.source.eq_ignore_ascii_case(source)
    }

    pub(super) fn number(&self, parts: &str) -> bool {
        self.numbers.iter().any(|number| number.contains(parts))
    }

    pub(super) fn published(&self) -> civil::Date {
        self.published
    }
}

/// The day on the calendar of the place where the date was written.
fn day(date: &Date) -> civil::Date {
    let local = Timestamp::from_second(date.at.as_second() + i64::from(date.offset.0));
    local.to_jiff().to_zoned(TimeZone::UTC).date()
}

// === impl Phrase ===

impl Phrase {
    /// The words of `typed`; `None` when there are none.
    pub(super) fn of(typed: &str) -> Option<Self> {
        let words = Words::of(typed);
        if words.keyed.is_empty() {
            return None;
        }
        let folded = words.folded.split_whitespace();
        let marked = words.keyed.iter().zip(folded).enumerate().filter(|(_, (key, fold))| ***key != **fold);
        let marked = marked.map(|(at, (key, _))| (at, key.to_string())).collect();
        Some(Self { folded: words.folded, marked })
    }

    /// How many words it has.
    pub(super) fn length(&self) -> usize {
        self.words().count()
    }

    /// Its words without marks.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.folded.split_whitespace()
    }
}

// === impl Words ===

impl Words {
    fn of(text: &str) -> Self {
        Self::of_key(&text::key(text))
    }

    /// Folds the whole text at once, which is much cheaper than word by word.
    fn of_key(text: &str) -> Self {
        let folded = text::fold(text);
        let aligned = split(text).count() == split(&folded).count();
        let mut words = Self::default();
        if aligned {
            for (keyed, folded) in split(text).zip(split(&folded)) {
                words.push(keyed, folded);
            }
        } else {
            // Somewhere a word is nothing but marks.
            for keyed in split(text) {
                words.push(keyed, &text::fold(keyed));
            }
        }
        words
    }

    /// The words of a key beside the places of a text's words; `None` where they are not the same words.
    pub(super) fn beside(keyed: &str, spans: &[Range<usize>]) -> Option<(Self, Vec<Range<usize>>)> {
        let folded = text::fold(keyed);
        if split(keyed).count() != spans.len() || split(&folded).count() != spans.len() {
            return None;
        }
        let (mut words, mut kept) = (Self::default(), Vec::new());
        for ((keyed, folded), span) in split(keyed).zip(split(&folded)).zip(spans) {
            if words.push(keyed, folded) {
                kept.push(span.clone());
            }
        }
        Some((words, kept))
    }

    /// Adds a word; false when nothing is left of it without marks.
    pub(super) fn push(&mut self, keyed: &str, folded: &str) -> bool {
        let before = self.folded.len();
        self.folded.extend(folded.chars().filter(|c| c.is_alphanumeric()));
        let said = self.folded.len() > before;
        if said {
            self.folded.push(' ');
            self.keyed.push(keyed.into());
        }
        said
    }

    /// The words without marks.
    pub(super) fn folded(&self) -> impl Iterator<Item = &str> {
        self.folded.split_whitespace()
    }

    fn have(&self, phrase: &Phrase) -> bool {
        if phrase.marked.is_empty() {
            return self.folded.contains(&phrase.folded);
        }
        self.position(phrase).is_some()
    }

    /// The number of the word with which the phrase begins. Linear: the folded form finds candidates, the marks decide.
    pub(super) fn position(&self, phrase: &Phrase) -> Option<usize> {
        let (mut from, mut word) = (0, 0);
        while let Some(rest) = self.folded.get(from..)
            && let Some(skipped) = rest.find(&phrase.folded)
        {
            word += rest.bytes().take(skipped).filter(|byte| *byte == b' ').count();
            if phrase.marked.iter().all(|(at, key)| self.keyed.get(word + at).is_some_and(|k| **k == **key)) {
                return Some(word);
            }
            // Both begin with a space, so the next candidate begins at the next word at the earliest.
            from += skipped + 1;
            word += 1;
        }
        None
    }
}

impl Default for Words {
    fn default() -> Self {
        Self { folded: String::from(" "), keyed: Vec::new() }
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_of_word(c)).filter(|word| !word.is_empty())
}

/// Letters, digits, and marks that stand on them.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

// === numbers ===

/// The parts of a document number as a filter asks for them; `None` when there are none.
pub(super) fn number_parts(typed: &str) -> Option<String> {
    let parts = join_parts(&text::key(typed));
    (parts != " ").then_some(parts)
}

/// Document numbers such as `123/QĐ-UBND`, `45/2020/NĐ-CP`, `Số: 07 /TB-UBND`: they begin with a digit,
/// have a slash and a letter behind it. Dates have no letters.
fn find_numbers(keyed: &str, found: &mut Vec<String>) {
    /// Nothing has this many: a page of only numbers must not fill the memory.
    const MOST: usize = 1_000;
    let mut tight = String::with_capacity(keyed.len());
    let mut words = keyed.split_whitespace().peekable();
    while let Some(word) = words.next() {
        tight.push_str(word);
        let apart = !word.ends_with('/') && !words.peek().is_some_and(|next| next.starts_with('/'));
        if apart {
            tight.push(' ');
        }
    }
    for run in tight.split(|c: char| !(is_of_word(c) || is_joint(c))) {
        let run = run.trim_matches(is_joint);
        let Some((first, rest)) = run.split_once('/') else { continue };
        let numbered = first.chars().next().is_some_and(|c| c.is_ascii_digit());
        if numbered && rest.chars().any(char::is_alphabetic) && found.len() < MOST {
            found.push(join_parts(run));
        }
    }
}

fn join_parts(number: &str) -> String {
    let mut parts = String::from(" ");
    for part in split(number) {
        let folded: String = text::fold(part).chars().filter(|c| c.is_alphanumeric()).collect();
        if !folded.is_empty() {
            parts.push_str(without_zeros(&folded));
            parts.push(' ');
        }
    }
    parts
}

/// `07/TB` and `7/TB` are one number.
pub(super) fn without_zeros(part: &str) -> &str {
    let short = part.trim_start_matches('0');
    if short.starts_with(|c: char| c.is_ascii_digit()) { short } else { part }
}

pub(super) fn is_joint(c: char) -> bool {
    matches!(c, '/' | '-' | '\u{2010}'..='\u{2015}' | '.')
}
