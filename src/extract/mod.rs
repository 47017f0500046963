//! Bytes in, items and issues out: lists, article pages and feeds, by rules that are data.
//!
//! Pure: no I/O, no clock, no failure. What cannot be read is said in `Found::issues`.

mod brought;
mod charset;
mod detect;
mod dom;
mod feed;
mod feed_item;
pub mod json;
mod json_feed;
mod json_ld;
mod legacy;
mod list;
mod main_text;
mod metadata;
mod open;
mod page;
pub mod pager;
mod plain;
mod query;
pub mod repair;
pub mod section;
pub mod sitemap;
mod xml;

#[cfg(test)]
mod tests;

pub use detect::{detect, kind_of};
pub use query::Query;

use crate::model::{Category, Issue, Item, Link, Person, Severity};
use regex::Regex;

/// How a document of a source is read.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The platform's name: `sharepoint-posts`.
    pub platform: String,
    /// True when the source's main document is a feed, false when it is an HTML list.
    pub feed: bool,
    /// True when the main document is a sitemap.
    pub sitemap: bool,
    /// Where the values of a JSON endpoint stand, when the main document is one.
    pub json: Option<json::JsonRules>,
    /// The lists on a page; all that match are read, in this order. Without one the page's list is found by itself.
    pub lists: Vec<ListRules>,
    /// The article page; `None` when the list says everything.
    pub page: Option<PageRules>,
    /// Any of these in a page's markup says that it is this platform.
    pub fingerprint: Vec<Regex>,
    /// The most items read from one document.
    pub max_items: usize,
}

/// One list of items on a page.
#[derive(Clone, Debug)]
pub struct ListRules {
    /// Each match is one item.
    pub item: Query,
    /// Where the item's fields are looked for.
    pub scope: Scope,
    /// The title. Where every way to it has a pattern, the pattern says what an item is: a match of `item` whose
    /// title fits none is skipped without a word.
    pub title: Pick,
    /// The link.
    pub link: Pick,
    /// The item's own id, where the page prints one.
    pub id: Pick,
    /// The date text.
    pub date: Pick,
    /// The teaser.
    pub summary: Pick,
    /// The image.
    pub image: Pick,
    /// Sections.
    pub category: Pick,
    /// Authors.
    pub author: Pick,
}

/// Where an item's fields are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// Inside the item's element.
    #[default]
    Inside,
    /// Inside it, and between it and the next item in document order (table layouts).
    UntilNext,
}

/// The article page.
#[derive(Clone, Debug)]
pub struct PageRules {
    /// The article's own id, where the page prints one.
    pub id: Pick,
    /// The title.
    pub title: Pick,
    /// The date text.
    pub date: Pick,
    /// The teaser.
    pub summary: Pick,
    /// The full text; every match of the first alternative that matches is taken, in order.
    pub body: Pick,
    /// The lead image.
    pub image: Pick,
    /// Sections.
    pub category: Pick,
    /// Authors.
    pub author: Pick,
    /// Links to attachments outside of the body.
    pub attachments: Pick,
    /// Elements dropped from the body.
    pub drop: Vec<Query>,
}

/// Where a value stands: alternatives, tried in order until one gives text. Empty: nowhere.
#[derive(Clone, Debug, Default)]
pub struct Pick(pub Vec<Alternative>);

/// One way to find a value.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// The elements; `None` is the item's own element.
    pub select: Option<Query>,
    /// What to take of them.
    pub take: Take,
    /// Keeps the first capture (or the whole match) and drops values that do not match.
    pub pattern: Option<Regex>,
}

/// What to take of an element.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Take {
    /// Its text, white space collapsed.
    #[default]
    Text,
    /// Its own text nodes only, without its children's.
    OwnText,
    /// Its inner HTML.
    Html,
    /// One attribute.
    Attr(String),
}

/// What a document is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RSS, Atom, JSON Feed.
    Feed,
    /// A page that lists items.
    List,
    /// A page of one article.
    Article,
    /// What somebody brought: a feed, JSON items, or the page of an article.
    Brought,
}

/// A document's bytes and what its carrier said of them.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The bytes, decompressed.
    pub bytes: &'a [u8],
    /// The `Content-Type` header, where there was one.
    pub content_type: Option<&'a str>,
    /// Where it stands.
    pub url: &'a url::Url,
}

/// What a document said.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it was read as.
    pub kind: Kind,
    /// Its format: `rss-2.0`, `atom-1.0`, `json-1.1`, `html` …
    pub format: String,
    /// The encoding it was decoded with, as the WHATWG names it, lower case.
    pub encoding: String,
    /// What it says of itself.
    pub head: Head,
    /// Its items; an article page has one.
    pub items: Vec<Item>,
    /// What was wrong.
    pub issues: Vec<Issue>,
}

/// What a document says of itself; everything as found.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Title.
    pub title: Option<String>,
    /// The page it belongs to.
    pub link: Option<String>,
    /// A feed's id.
    pub id: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Language.
    pub language: Option<String>,
    /// Published, as found.
    pub published: Option<String>,
    /// Updated, as found.
    pub updated: Option<String>,
    /// Authors.
    pub authors: Vec<Person>,
    /// Categories.
    pub categories: Vec<Category>,
    /// Links.
    pub links: Vec<Link>,
}

/// How many items are read where the rules do not say.
const DEFAULT_MAX_ITEMS: usize = 1000;

/// Reads a document as `kind` by `rules`.
pub fn extract(document: &Document<'_>, kind: Kind, rules: &Rules) -> Found {
    match kind {
        Kind::Feed => feed::read(document, rules),
        Kind::List => match &rules.json {
            Some(json) => json::read(document, json, rules),
            None if rules.sitemap => sitemap::read(document, rules),
            None => list::read(document, rules),
        },
        Kind::Article => page::read(document, rules),
        Kind::Brought => brought::read(document, rules),
    }
}

/// A page parsed, behind the guards that every parse stands behind; `None` where it cannot be.
pub fn page(document: &Document<'_>) -> Option<scraper::Html> {
    open::open(document, Kind::List).0.map(|page| page.html)
}

/// A page as text: what was declared, what it really is, and the encodings that no browser knows.
pub fn text(document: &Document<'_>) -> String {
    charset::decode(document.bytes, document.content_type, tld(document.url), charset::Carrier::Html).text
}

fn max_items(rules: &Rules) -> usize {
    if rules.max_items == 0 { DEFAULT_MAX_ITEMS } else { rules.max_items }
}

fn too_many(max_items: usize) -> Issue {
    Issue::warning(
        "too-many-items",
        format!("there are more than {max_items} items; the others were not read"),
    )
}

/// The last label of the host: a hint for undeclared encodings.
fn tld(url: &url::Url) -> Option<&str> {
    url.domain()?.rsplit('.').next()
}

/// The code of the issue of a page that describes its list to search engines, and does not show it.
pub const DESCRIBED: &str = "described-list";

/// What single items lack.
fn item_issues(items: &[Item]) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (number, item) in (1usize..).zip(items) {
        let lacks = [
            (item.title.is_none(), Severity::Warning, "no-title", "no title was found"),
            (item.url.is_none(), Severity::Warning, "no-link", "no link was found"),
            (
                item.published.is_none() && item.updated.is_none(),
                Severity::Info,
                "no-date",
                "no date was found",
            ),
        ];
        let said = lacks.into_iter().filter(|(lacking, ..)| *lacking);
        issues.extend(
            said.map(|(_, severity, code, text)| {
                Issue::new(severity, code, text).at(format!("item {number}"))
            }),
        );
    }
    issues
}
