//! The lists of articles that a page describes: schema.org `ItemList`, `Blog`, `CollectionPage`, or several articles
//! beside each other.

use scraper::Html;
use serde_json::Value;

use super::{Article, SCRIPTS, address, is_a, is_article, parsed};
use crate::{
    extract::section,
    model::{ExtractedBy, Item, Link},
};

/// No list of articles on one page is longer.
const MOST: usize = 200;

/// The keys under which lists have what they list.
const LISTING: [&str; 4] = ["itemListElement", "blogPost", "blogPosts", "hasPart"];

/// The keys under which pages have their lists.
const HOLDING: [&str; 5] = ["@graph", "mainEntity", "mainEntityOfPage", "hasPart", "isPartOf"];

/// Lists in lists are looked for so deep.
const DEEPEST: usize = 6;

/// The lists of articles that a page describes, in its order, each with two items at least. Titles and dates are there
/// where they are said.
pub(in crate::extract) fn lists(html: &Html) -> Vec<Vec<Item>> {
    let scripts = html.select(&SCRIPTS).filter_map(|script| parsed(&script.text().collect::<String>()));
    let mut found = Vec::new();
    for script in scripts {
        collect(&script, 0, &mut found);
    }
    found
}

/// Are most of them dated, or called as articles are? Sites describe their sections as lists, too.
pub(in crate::extract) fn is_of_news(list: &[Item]) -> bool {
    let is_news =
        |item: &&Item| item.published.is_some() || item.title.as_deref().is_some_and(section::is_title);
    list.iter().filter(is_news).count() * 2 > list.len()
}

/// The addresses of the first of them, as links to items (RFC 6573).
pub(in crate::extract) fn links(lists: &[Vec<Item>]) -> Vec<Link> {
    let hrefs = lists.iter().take(1).flatten().filter_map(|item| item.url.clone());
    hrefs.map(|href| Link { href, rel: Some("item".to_owned()), media_type: None }).collect()
}

fn collect(value: &Value, depth: usize, found: &mut Vec<Vec<Item>>) {
    if depth > DEEPEST {
        return;
    }
    let elements = match value {
        Value::Array(all) => Some(all),
        Value::Object(_) if !is_menu(value) => {
            LISTING.iter().find_map(|key| value.get(*key)?.as_array()).filter(|_| !is_article(value))
        }
        _ => None,
    };
    // What stands beside articles in a graph is the page itself, its author, its site.
    let is_loose = value.is_array();
    let items = elements.into_iter().flatten().filter_map(|element| item(element, is_loose)).take(MOST);
    let items: Vec<Item> = items.collect();
    if items.len() >= 2 {
        found.push(items);
        return;
    }
    match value {
        Value::Array(all) => all.iter().for_each(|inner| collect(inner, depth + 1, found)),
        Value::Object(_) => HOLDING
            .iter()
            .filter_map(|key| value.get(*key))
            .for_each(|inner| collect(inner, depth + 1, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lists of the way to a page and of the parts of a site.
fn is_menu(value: &Value) -> bool {
    is_a(value, |name| matches!(name, "BreadcrumbList" | "SiteNavigationElement" | "OfferCatalog" | "HowTo"))
}

/// An article, or a `ListItem` with one in `item` or with its `url`; `None` for products, persons, parts of a menu.
fn item(element: &Value, is_loose: bool) -> Option<Item> {
    let inner = element.get("item").unwrap_or(element);
    let is_untyped = inner.get("@type").is_none() || is_a(inner, |name| name == "ListItem");
    let is_page = is_a(inner, |name| matches!(name, "WebPage" | "CreativeWork"));
    if !(is_article(inner) || (!is_loose && (is_untyped || is_page))) {
        return None;
    }
    let said =
        [element.get("url"), Some(inner), inner.get("url"), inner.get("mainEntityOfPage"), inner.get("@id")];
    let url = said.into_iter().flatten().find_map(place)?;
    let Article { title, summary, published, image, .. } = Article::of(inner);
    let title = title.or_else(|| Article::of(element).title);
    Some(Item {
        links: vec![Link { href: url.clone(), rel: Some("alternate".to_owned()), media_type: None }],
        url: Some(url),
        title,
        summary,
        published,
        image,
        extracted_by: ExtractedBy::Summary,
        ..Item::default()
    })
}

/// The address that a value says: a text, or an object with `@id`.
fn place(value: &Value) -> Option<String> {
    let text = value.as_str().map(str::to_owned);
    let text = text.or_else(|| value.get("@id").and_then(Value::as_str).map(str::to_owned));
    text.or_else(|| address(value)).filter(|href| !href.trim().is_empty() && !href.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_of_articles_are_read() {
        let news = |n: u8| {
            format!(
                r#"{{"@type":"NewsArticle","headline":"Tin {n}","url":"/{n}","datePublished":"2026-11-0{n}"}}"#
            )
        };
        let [one, two] = [news(1), news(2)];
        for (script, expected) in [
            (format!(r#"{{"@type":"ItemList","itemListElement":[{one},{two}]}}"#), "/1 Tin 1, /2 Tin 2"),
            (
                format!(
                    r#"{{"@type":"ItemList","itemListElement":[{{"@type":"ListItem","item":{one}}},
                        {{"@type":"ListItem","position":2,"url":"/9","item":{two}}}]}}"#
                ),
                "/1 Tin 1, /9 Tin 2",
            ),
            (
                r#"{"@type":"ItemList","itemListElement":[{"@type":"ListItem","url":"/1","name":"Tin 1"},
                    {"@type":"ListItem","item":"/2"},{"@type":"ListItem"},4]}"#
                    .to_owned(),
                "/1 Tin 1, /2 ",
            ),
            (format!("[{one},{two}]"), "/1 Tin 1, /2 Tin 2"),
            (format!(r#"{{"@graph":[{{"@type":"WebSite","url":"/"}},{one},{two}]}}"#), "/1 Tin 1, /2 Tin 2"),
            (format!(r#"{{"@type":"Blog","blogPost":[{one},{two}]}}"#), "/1 Tin 1, /2 Tin 2"),
            (
                format!(r#"{{"@type":"CollectionPage","mainEntity":{{"@type":"ItemList","itemListElement":[{one},{two}]}}}}"#),
                "/1 Tin 1, /2 Tin 2",
            ),
            // An article in a graph is not a list, and neither are ways, menus, shops.
            (format!(r#"{{"@graph":[{{"@type":"WebPage","url":"/"}},{one}]}}"#), ""),
            (
                r#"{"@type":"BreadcrumbList","itemListElement":[{"@type":"ListItem","item":"/"},{"@type":"ListItem","item":"/tin"}]}"#
                    .to_owned(),
                "",
            ),
            (
                r#"{"@type":"ItemList","itemListElement":[{"@type":"SiteNavigationElement","url":"/a"},
                    {"@type":"SiteNavigationElement","url":"/b"}]}"#
                    .to_owned(),
                "",
            ),
            (
                r#"{"@type":"ItemList","itemListElement":[{"@type":"ListItem","item":{"@type":"Product","url":"/a"}},
                    {"@type":"ListItem","item":{"@type":"Product","url":"/b"}}]}"#
                    .to_owned(),
                "",
            ),
            ("{\"@type\":\"ItemList\",\"itemListElement\":[".to_owned(), ""),
        ] {
            let html = format!("<script type='application/ld+json'>{script}</script>");
            let told = |item: &Item| {
                format!("{} {}", item.url.as_deref().unwrap_or_default(), item.title.as_deref().unwrap_or_default())
            };
            let found = lists(&Html::parse_document(&html));
            let told: Vec<String> = found.iter().flatten().map(told).collect();
            assert_eq!(told.join(", "), expected, "{script}");
        }
    }
}
