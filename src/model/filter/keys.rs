//! What an article has to have for a filter to be worth asking: so that of a hundred thousand filters only those are
//! asked that may want it.

use std::collections::HashSet;

use super::{Filter, Node};

impl Filter {
    /// Words of which one has to be among [`super::Facts::keys`] of every article that this filter wants. `None` where there
    /// are no such words: then it has to be asked of every article.
    pub fn keys(&self) -> Option<HashSet<String>> {
        self.0.keys()
    }
}

impl Node {
    fn keys(&self) -> Option<HashSet<String>> {
        match self {
            // One member is enough, so the one that fewest articles have: long words are rarer than short ones.
            Self::And(nodes) => nodes.iter().filter_map(Self::keys).max_by_key(rarity),
            // Any member may be the one.
            Self::Or(nodes) => nodes.iter().map(Self::keys).try_fold(HashSet::new(), |mut all, keys| {
                all.extend(keys?);
                Some(all)
            }),
            Self::Text(text) => longest(text.phrase.words()),
            Self::Number(number) => longest(number.parts.split_whitespace()),
            Self::Source(id) => Some(HashSet::from([source(id)])),
            Self::Not(_) | Self::After(_) | Self::Before(_) => None,
        }
    }
}

/// How few articles may have one of these, roughly: the length of the shortest, and few before many.
fn rarity(keys: &HashSet<String>) -> (usize, std::cmp::Reverse<usize>) {
    let shortest = keys.iter().map(|key| key.chars().count()).min().unwrap_or_default();
    (shortest, std::cmp::Reverse(keys.len()))
}

fn longest<'a>(words: impl Iterator<Item = &'a str>) -> Option<HashSet<String>> {
    words.max_by_key(|word| word.chars().count()).map(|word| HashSet::from([word.to_owned()]))
}

/// No word begins like this.
pub(super) fn source(id: &str) -> String {
    format!(":{}", id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{Article, Category, Content, filter::Facts},
        store::conformance::samples,
    };

    fn keys(filter: &str) -> Option<Vec<String>> {
        let mut keys: Vec<_> = Filter::parse(filter).unwrap().keys()?.into_iter().collect();
        keys.sort();
        Some(keys)
    }

    #[test]
    fn one_word_of_every_way_to_match() {
        for (filter, expected) in [
            ("\"thông báo\"", Some(vec!["thong"])),
            ("lịch title:\"cắt nước\"", Some(vec!["nuoc"])),
            ("a OR nghỉ", Some(vec!["a", "nghi"])),
            ("(a OR b) nghỉ", Some(vec!["nghi"])),
            ("a OR after:2026-01-01", None),
            ("NOT a", None),
            ("nghỉ NOT a", Some(vec!["nghi"])),
            ("source:Quan1", Some(vec![":quan1"])),
            ("number:07/QĐ-UBND", Some(vec!["ubnd"])),
            ("after:2026-01-01 before:2026-02-01", None),
        ] {
            let expected = expected.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(keys(filter), expected, "{filter}");
        }
    }

    fn facts(title: &str, text: &str) -> Facts {
        let content = Content {
            title: title.to_owned(),
            categories: vec![Category { term: "Tin tức".to_owned(), ..Category::default() }],
            ..Content::default()
        };
        Facts::new(&Article { content, ..samples::article("a", 1, "A", 5) }, text)
    }

    /// Words that meet often, with marks and without.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("thông"),
            Just("thong"),
            Just("báo"),
            Just("nước"),
            Just("Nuoc"),
            Just("07/QĐ-UBND"),
            Just("7/qd"),
            Just("tin"),
            Just("tức"),
            Just("Á\u{301}"),
            Just("x"),
        ]
        .prop_map(str::to_owned)
    }

    fn filter() -> impl Strategy<Value = String> {
        let place = prop_oneof![
            Just(""),
            Just("title:"),
            Just("category:"),
            Just("number:"),
            Just("NOT "),
            Just("source:quan1 ")
        ];
        let leaf = (place, word()).prop_map(|(place, word)| format!("{place}{word}"));
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("({a} AND {b})")),
            ]
        })
    }

    proptest! {
        /// Else somebody would miss an announcement.
        #[test]
        fn no_article_that_a_filter_wants_lacks_all_of_its_keys(
            filter in filter(),
            title in proptest::collection::vec(word(), 0..4),
            text in proptest::collection::vec(word(), 0..4),
        ) {
            let Ok(filter) = Filter::parse(&filter) else { return Ok(()) };
            let facts = facts(&title.join(" "), &text.join(" "));
            let has = |keys: HashSet<String>| keys.iter().any(|key| facts.keys().contains(key.as_str()));
            if filter.matches(&facts) {
                prop_assert!(filter.keys().is_none_or(has), "{filter} wants {title:?} {text:?}");
            }
        }
    }
}
