//! What the page says of its articles to search engines and readers: JSON-LD, microdata, microformats. It says so of
//! other lists, too, and often of none: a hint beside what the structure shows.

use std::{collections::HashSet, sync::LazyLock};

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{group::Item, key, ratio};
use crate::model;

/// Elements that are marked as one article each.
static MARKED: LazyLock<Selector> = LazyLock::new(|| {
    let marks =
        "[itemtype$=Article], [itemtype$=Posting], [typeof$=Article], [typeof$=Posting], .hentry, .h-entry";
    Selector::parse(marks).expect("a constant selector")
});

/// What is said of a page's articles.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// The addresses of lists.
    addresses: HashSet<Url>,
    /// The elements that are marked as articles.
    marked: HashSet<NodeId>,
}

impl Declared {
    pub(super) fn of(described: &[Vec<model::Item>], html: &Html, url: &Url) -> Self {
        let items = described.iter().flatten();
        let addresses = items.filter_map(|item| key(url, item.url.as_deref()?)).collect();
        Self { addresses, marked: html.select(&MARKED).map(|element| element.id()).collect() }
    }

    /// How many of the items are said to be articles, from 0 to 1: by their addresses, or each by a mark of its own.
    pub(super) fn share(&self, items: &[Item<'_>]) -> f64 {
        let listed = items.iter().filter(|item| self.addresses.contains(&item.anchor.url)).count();
        let marks: HashSet<NodeId> = items.iter().filter_map(|item| self.mark(item.anchor.element)).collect();
        // The page's own article has one mark for all that stands in it.
        let marked = if marks.len() > 1 { marks.len() } else { 0 };
        ratio(listed.max(marked), items.len())
    }

    fn mark(&self, link: ElementRef<'_>) -> Option<NodeId> {
        link.ancestors().map(|around| around.id()).find(|around| self.marked.contains(around))
    }
}
