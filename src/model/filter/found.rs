//! Where in an article a filter's terms stand, as its readers see it: for whoever asks why they were told.

use std::ops::Range;

use super::{
    Filter, Node, Place,
    facts::{Phrase, Words, is_joint, is_of_word, without_zeros},
};
use crate::model::{Article, text};

/// The most that is found.
const MOST: usize = 10;
/// The longest snippet, in characters.
const SNIPPET: usize = 120;

/// A term of a filter, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// `title`, `summary`, `content`, `categories`, `authors` or `source`.
    pub field: &'static str,
    /// The term as it was typed.
    pub term: String,
    /// The words around it, as the article has them.
    pub snippet: String,
}

/// An article prepared for looking where things stand.
#[derive(Clone, Debug)]
pub struct Places {
    /// Title, summary and full text.
    texts: [(&'static str, Spots); 3],
    categories: Vec<Spots>,
    authors: Vec<Spots>,
    source: String,
}

/// A text, and where its words stand in it.
#[derive(Clone, Debug)]
struct Spots {
    text: String,
    words: Words,
    spans: Vec<Range<usize>>,
}

// === impl Filter ===

impl Filter {
    /// Which terms stand where, ten at most: every term once before any of them twice. Terms behind `NOT`, and days,
    /// stand nowhere.
    pub fn found(&self, places: &Places) -> Vec<Match> {
        let mut found = Vec::new();
        collect(&self.0, places, &mut found);
        found.sort_by_key(|(rank, _)| *rank);
        let mut matches: Vec<Match> = Vec::new();
        for (_, found) in found {
            if matches.len() < MOST && !matches.contains(&found) {
                matches.push(found);
            }
        }
        matches
    }
}

fn collect(node: &Node, places: &Places, found: &mut Vec<(usize, Match)>) {
    let mut all = |typed: &str, spots: Vec<(&'static str, String)>| {
        let ranked = spots.into_iter().enumerate();
        found.extend(
            ranked.map(|(rank, (field, snippet))| (rank, Match { field, term: clipped(typed), snippet })),
        );
    };
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| collect(node, places, found)),
        Node::Text(text) => all(&text.typed, places.say(text.place, &text.phrase)),
        Node::Number(number) => all(&number.typed, places.number(&number.parts)),
        Node::Source(id) if places.source.eq_ignore_ascii_case(id) => {
            all(id, vec![("source", places.source.clone())]);
        }
        Node::Source(_) | Node::Not(_) | Node::After(_) | Node::Before(_) => {}
    }
}

fn clipped(text: &str) -> String {
    if text.chars().count() <= SNIPPET {
        return text.to_owned();
    }
    text.chars().take(SNIPPET - 1).chain(['…']).collect()
}

// === impl Places ===

impl Places {
    /// Prepares an article; `text` is its full text without markup.
    pub fn new(article: &Article, text: &str) -> Self {
        let content = &article.content;
        let categories = content.categories.iter().flat_map(|category| {
            [Some(&category.term), category.label.as_ref()].into_iter().flatten().map(|name| Spots::of(name))
        });
        let authors = content.authors.iter().flat_map(|person| {
            [&person.name, &person.email].into_iter().flatten().map(|name| Spots::of(name))
        });
        Self {
            texts: [
                ("title", Spots::of(&content.title)),
                ("summary", Spots::of(&content.summary)),
                ("content", Spots::of(text)),
            ],
            categories: categories.collect(),
            authors: authors.collect(),
            source: article.source.as_str().to_owned(),
        }
    }

    fn say(&self, place: Place, phrase: &Phrase) -> Vec<(&'static str, String)> {
        let first = |field: &'static str, spots: &[Spots]| {
            spots
                .iter()
                .find_map(|spots| Some((field, spots.around(spots.phrase(phrase)?))))
                .into_iter()
                .collect()
        };
        let texts = |n: usize| {
            let within = self.texts.iter().take(n);
            within.filter_map(|(field, spots)| Some((*field, spots.around(spots.phrase(phrase)?)))).collect()
        };
        match place {
            Place::Anywhere => texts(self.texts.len()),
            Place::Title => texts(1),
            Place::Category => first("categories", &self.categories),
            Place::Author => first("authors", &self.authors),
        }
    }

    fn number(&self, parts: &str) -> Vec<(&'static str, String)> {
        let parts: Vec<&str> = parts.split_whitespace().collect();
        let found = self.texts.iter();
        found.filter_map(|(field, spots)| Some((*field, spots.around(spots.number(&parts)?)))).collect()
    }
}

// === impl Spots ===

impl Spots {
    fn of(text: &str) -> Self {
        let (keyed, spans) = (text::key(text), spans(text));
        // Whole texts are folded much faster than single words.
        let (words, spans) = match Words::beside(&keyed, &spans) {
            Some(both) => both,
            None => {
                let mut both = (Words::default(), Vec::new());
                for span in spans {
                    let word = text::key(text.get(span.clone()).unwrap_or_default());
                    if both.0.push(&word, &text::fold(&word)) {
                        both.1.push(span);
                    }
                }
                both
            }
        };
        Self { text: text.to_owned(), words, spans }
    }

    /// The words of a phrase.
    fn phrase(&self, phrase: &Phrase) -> Option<Range<usize>> {
        let first = self.words.position(phrase)?;
        Some(first..first + phrase.length())
    }

    /// The words of a document number that has these parts, next to one another.
    fn number(&self, parts: &[&str]) -> Option<Range<usize>> {
        let folded: Vec<&str> = self.words.folded().collect();
        let at = (0..folded.len()).find(|at| {
            let end = at + parts.len();
            let same =
                |window: &[&str]| window.iter().zip(parts).all(|(word, part)| without_zeros(word) == *part);
            folded.get(*at..end).is_some_and(same)
                && (at + 1..end).all(|word| self.is_joined(word))
                // A number alone is no document's: it is a part of one.
                && (parts.len() > 1 || self.is_joined(*at) || self.is_joined(end))
        })?;
        Some(at..at + parts.len())
    }

    /// Is there nothing but `/`, `-`, `.` and spaces between a word and the one before, and more than spaces?
    fn is_joined(&self, word: usize) -> bool {
        let (Some(before), Some(span)) = (self.spans.get(word.wrapping_sub(1)), self.spans.get(word)) else {
            return false;
        };
        let between = self.text.get(before.end..span.start).unwrap_or_default();
        between.contains(is_joint) && between.chars().all(|c| is_joint(c) || c.is_whitespace())
    }

    /// These words and as many around them as fit, with `…` where something was left out.
    fn around(&self, words: Range<usize>) -> String {
        let (mut first, mut last) = (words.start, words.end.saturating_sub(1));
        // Two characters are for the `…` at both ends.
        let fits = |first: usize, last: usize| self.slice(first, last).chars().count() + 2 <= SNIPPET;
        loop {
            let before = first > 0 && fits(first - 1, last);
            first -= usize::from(before);
            let after = last + 1 < self.spans.len() && fits(first, last + 1);
            last += usize::from(after);
            if !before && !after {
                break;
            }
        }
        let shown = self.slice(first, last).split_whitespace().collect::<Vec<_>>().join(" ");
        let head = if first > 0 { "…" } else { "" };
        let tail = if last + 1 < self.spans.len() { "…" } else { "" };
        clipped(&format!("{head}{shown}{tail}"))
    }

    fn slice(&self, first: usize, last: usize) -> &str {
        let span = |word: usize| self.spans.get(word).cloned().unwrap_or_default();
        self.text.get(span(first).start..span(last).end).unwrap_or_default()
    }
}

/// Where the words of a text stand; what shows nothing is part of the word around it.
fn spans(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut open: Option<Range<usize>> = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if is_of_word(c) {
            open = Some(open.map_or(at, |word| word.start)..end);
        } else if !text::is_invisible(c) {
            spans.extend(open.take());
        }
    }
    spans.extend(open);
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::filter::{
        Facts,
        tests::{TEXT, article},
    };

    fn found(filter: &str) -> Vec<(&'static str, String, String)> {
        let places = Places::new(&article(), TEXT);
        let found = Filter::parse(filter).unwrap().found(&places);
        found.into_iter().map(|Match { field, term, snippet }| (field, term, snippet)).collect()
    }

    #[test]
    fn says_which_term_stands_where_in_the_articles_own_words() {
        let title = "UBND Quận 1 THÔNG BÁO về việc hòa giải";
        let table = [
            ("\"thong bao\"", vec![("title", "thong bao", title)]),
            ("title:hoà", vec![("title", "hoà", title)]),
            ("category:\"su kien\"", vec![("categories", "su kien", "Tin tức - Sự kiện")]),
            ("author:an", vec![("authors", "an", "Nguyễn Văn Ân")]),
            ("source:QUAN1", vec![("source", "QUAN1", "quan1")]),
            ("khoá OR nothing", vec![("summary", "khoá", "Khoá bồi dưỡng đầu tiên")]),
            ("NOT nothing after:2001-01-01", vec![]),
            ("quận NOT title:nothing", vec![("title", "quận", title)]),
        ];
        for (filter, expected) in table {
            let found = found(filter);
            let found: Vec<_> =
                found.iter().map(|(field, term, snippet)| (*field, &**term, &**snippet)).collect();
            assert_eq!(found, expected, "{filter}");
        }
    }

    #[test]
    fn numbers_are_found_as_they_are_written() {
        for (filter, words) in [
            ("number:123/QĐ-UBND", "số 123/QĐ-UBND ngày"),
            ("number:QD-UBND", "số 123/QĐ-UBND ngày"),
            ("number:7/UBND", "số: 07 / UBND–VX"),
            ("number:45", "045/2020/NĐ-CP"),
        ] {
            let found = found(filter);
            assert!(
                matches!(&*found, [("content", _, snippet)] if snippet.contains(words)),
                "{filter}: {found:?}"
            );
        }
    }

    #[test]
    fn snippets_are_cut_at_words_and_every_term_comes_once_before_any_comes_twice() {
        let mut article = article();
        article.content.summary = "tháng ".repeat(3) + "năm";
        let text = format!("{} tháng tám, {}", "từ ".repeat(500), "lại\n\n".repeat(500));
        let places = Places::new(&article, &text);
        let all = Filter::parse("tháng OR năm OR tám").unwrap().found(&places);
        let fields: Vec<_> = all.iter().map(|found| (found.field, &*found.term)).collect();
        assert_eq!(
            fields,
            [("summary", "tháng"), ("summary", "năm"), ("content", "tám"), ("content", "tháng")]
        );
        let snippet = &all[2].snippet;
        assert!(snippet.starts_with("…từ ") && snippet.ends_with(" lại…"), "{snippet}");
        assert!(snippet.contains("từ tháng tám, lại"));
        assert!((100..=SNIPPET).contains(&snippet.chars().count()));
        let many = (0..50).map(|n| format!("w{n}")).collect::<Vec<_>>();
        article.content.title = many.join(" ");
        let places = Places::new(&article, &"x".repeat(1_000));
        assert_eq!(Filter::parse(&many.join(" OR ")).unwrap().found(&places).len(), MOST);
        let long = Filter::parse(&"x".repeat(1_000)).unwrap().found(&places);
        assert_eq!(long[0].snippet.chars().count(), SNIPPET);
        assert_eq!(long[0].term.chars().count(), SNIPPET);
    }

    proptest! {
        #[test]
        fn what_matches_is_found(
            text in "([a-z]{1,3}|Quận|THÔNG|b\u{e1}o|ba\u{301}o|hòa|\u{200b}|\u{301}|İ|đ|[ ,.\n]){0,40}",
            term in "[a-c]|quan|quận|thong|bao|báo|hoà|đ|d",
        ) {
            let filter = Filter::parse(&term).unwrap();
            let mut article = article();
            (article.content.title, article.content.summary) = (String::new(), String::new());
            let found = filter.found(&Places::new(&article, &text));
            prop_assert_eq!(filter.matches(&Facts::new(&article, &text)), !found.is_empty());
            for found in found {
                prop_assert!(found.snippet.chars().count() <= SNIPPET);
                prop_assert!(filter.matches(&Facts::new(&article, &found.snippet)), "{}", found.snippet);
            }
        }
    }
}
