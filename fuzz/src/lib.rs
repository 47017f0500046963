//! What holds whatever the bytes are. Every target reads its bytes as the daemon would and asks these.
//!
//! The targets of the fuzzer only call [`targets`]; so does the test that runs the kept corpora (`tests/it/fuzz.rs`),
//! which has this file as a module.

pub mod drafts;
pub mod markup;
pub mod pages;
pub mod targets;
pub mod texts;

use std::sync::LazyLock;

use loaphuong::{
    config,
    extract::{self, Document, Found, Kind},
    model::{Issue, Timestamp},
    normalize::{self, Context},
};
use url::Url;

/// The most items that the rules of targets allow: few, so that inputs reach it.
pub const MAX_ITEMS: usize = 16;

/// Every built-in recipe, and the rules that know no platform.
static RULES: LazyLock<Vec<config::Rules>> = LazyLock::new(|| {
    let built_in = config::platforms(None).expect("built-in recipes compile");
    let mut rules: Vec<_> = built_in.into_iter().map(|(_, rules)| rules).collect();
    rules.push(config::generic());
    rules.iter_mut().for_each(|(extract, ..)| extract.max_items = MAX_ITEMS);
    rules
});

/// Where all documents stand.
pub static BASE: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://portal.example.gov.vn/tin-tuc/").expect("it is constant"));

/// When everything was fetched: 2026-11-23T00:00:00Z.
pub fn fetched() -> Timestamp {
    Timestamp::from_second(1_795_392_000)
}

/// The rules that `selector` chooses.
pub fn rules(selector: u8) -> &'static config::Rules {
    &RULES[usize::from(selector) % RULES.len()]
}

/// What normalizing needs beside the item.
pub fn context(rules: &'static normalize::Rules) -> Context<'static> {
    Context { rules, base: &BASE, fetched: fetched() }
}

/// Reads a document, holds what was found against the promises, normalizes its items and publishes them.
pub fn read(bytes: &[u8], content_type: Option<&str>, kind: Kind, rules: &'static config::Rules) -> Found {
    let document = Document { bytes, content_type, url: &BASE };
    let found = extract::extract(&document, kind, &rules.0);
    assert_eq!(found.kind, kind);
    assert!(
        !found.encoding.is_empty() && !found.encoding.chars().any(char::is_uppercase),
        "{}",
        found.encoding
    );
    assert!(found.items.len() <= MAX_ITEMS, "{} items", found.items.len());
    assert!(kind != Kind::Article || found.items.len() <= 1, "an article is one");
    said(&found.issues);
    let context = context(&rules.1);
    let drafts: Vec<_> = found
        .items
        .iter()
        .map(|item| {
            let (draft, issues) = normalize::normalize(item.clone(), &context);
            said(&issues);
            drafts::drafted(&draft, rules);
            draft
        })
        .collect();
    drafts::published(drafts, rules);
    found
}

/// Issues are sentences for people: one line, with a code.
fn said(issues: &[Issue]) {
    for issue in issues {
        assert!(!issue.code.is_empty() && !issue.message.is_empty(), "{issue:?}");
    }
}
