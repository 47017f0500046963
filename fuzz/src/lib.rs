//! What holds whatever the bytes are. Every target reads its bytes as the daemon would and asks these.

use std::sync::LazyLock;

use loaphuong::{
    config,
    extract::{self, Document, Found, Kind},
    model::{Content, Draft, Html, Issue, Timestamp},
    normalize::{self, Context, html, url as addresses},
};
use unicode_normalization::is_nfc;
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
    jiff::Timestamp::from_second(1_795_392_000).expect("it is constant").into()
}

/// The rules that `selector` chooses.
pub fn rules(selector: u8) -> &'static config::Rules {
    &RULES[usize::from(selector) % RULES.len()]
}

/// What normalizing needs beside the item.
pub fn context(rules: &'static normalize::Rules) -> Context<'static> {
    Context { rules, base: &BASE, fetched: fetched() }
}

/// Reads a document, holds what was found against the promises, and normalizes its items.
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
    for item in found.items.iter().cloned() {
        let (draft, issues) = normalize::normalize(item, &context);
        said(&issues);
        drafted(&draft, rules);
    }
    found
}

fn said(issues: &[Issue]) {
    for issue in issues {
        assert!(!issue.code.is_empty() && !issue.message.is_empty(), "{issue:?}");
    }
}

/// What holds of every draft.
pub fn drafted(draft: &Draft, rules: &config::Rules) {
    let Content { url, title, summary, html, categories, image, enclosures, .. } = &draft.content;
    assert!(!title.is_empty(), "everything has a title");
    for text in [title, summary].into_iter().chain(draft.guid.as_ref()) {
        line(text);
    }
    categories.iter().for_each(|category| line(&category.term));
    for address in url.iter().chain(image).chain(enclosures.iter().map(|file| &file.url)) {
        public(address);
    }
    for date in draft.published.iter().chain(&draft.updated) {
        assert!(date.rfc3339().len() >= 20 && date.rfc2822().len() >= 20);
    }
    if let (Some(url), Some(canonical)) = (url, &draft.canonical) {
        let url = Url::parse(url).expect("public addresses are absolute");
        assert_eq!(
            &addresses::canonical(&url, &rules.1.url),
            canonical,
            "the public address of {url} names another page"
        );
    }
    sanitized(html);
}

/// One line of published text.
fn line(text: &str) {
    assert!(is_nfc(text), "not composed: {text:?}");
    assert!(!text.chars().any(char::is_control), "control characters: {text:?}");
    assert_eq!(text.trim(), text, "blanks at an end");
}

/// An address that readers get.
pub fn public(address: &str) {
    let url = Url::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    assert!(matches!(url.scheme(), "http" | "https"), "{address}");
    assert!(url.username().is_empty() && url.password().is_none(), "{address}");
    assert!(address.is_ascii() && !address.contains(' '), "{address}");
    assert_eq!(addresses::public(&url), address, "public addresses are stable");
}

/// Safe markup, which the sanitizer leaves as it is.
pub fn sanitized(html: &Html) {
    let markup = html.as_str();
    let lower = markup.to_ascii_lowercase();
    // Texts and values have no `<` and no quote of their own there, so what follows one up to `>` is a tag.
    for tag in lower.split('<').skip(1).filter_map(|piece| piece.split('>').next()) {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_active = ["script", "iframe", "style", "object", "svg", "form"].contains(&name);
        let leads = ["href=\"javascript:", "src=\"data:"].iter().any(|mark| tag.contains(mark));
        assert!(!is_active && !leads, "<{tag}> in {markup}");
    }
    assert!(markup.chars().all(loaphuong::model::text::is_xml), "XML forbids a character of {markup:?}");
    let again = html::clean(markup, None, &BASE, &[]);
    assert_eq!(again.html.as_str(), markup, "sanitized markup is stable");
}
