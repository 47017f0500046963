//! RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0: one reader, because real feeds mix their vocabularies.

use url::Url;

use super::charset::{self, Carrier};
use super::feed_item::{self, link, person, text};
use super::xml::{self, Element, Ns, Tree, Wanted};
use super::{Document, Found, Head, Kind, Rules, item_issues, json_feed, max_items, tld, too_many};
use crate::model::{Category, Issue, Item, Severity};

/// Reads a feed of any format.
pub(super) fn read(document: &Document<'_>, rules: &Rules) -> Found {
    let decoded = charset::decode(document.bytes, document.content_type, tld(document.url), Carrier::Xml);
    let mut found = Found {
        kind: Kind::Feed,
        format: String::new(),
        encoding: decoded.encoding,
        head: Head::default(),
        items: Vec::new(),
        issues: decoded.issues,
    };
    let text = decoded.text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    if text.is_empty() {
        found.issues.push(Issue::error("empty-page", "the document is empty"));
    } else if text.starts_with('{') {
        json_feed::read(text, max_items(rules), &mut found);
    } else {
        read_xml(text, document, rules, &mut found);
    }
    found.issues.extend(item_issues(&found.items));
    found
}

/// Lower-case names of the elements that feeds begin with.
pub(super) const ROOTS: [&str; 5] = ["rss", "rdf", "feed", "channel", "entry"];

fn read_xml(text: &str, document: &Document<'_>, rules: &Rules, found: &mut Found) {
    let max_items = max_items(rules);
    let wanted = Wanted { roots: &ROOTS, items: &["item", "entry"], max_items, url: document.url };
    let tree = xml::read(text, &wanted);
    found.issues.extend(tree_issues(&tree, max_items));
    let Some(root) = tree.root else {
        found.format = if is_html(text) { "html".to_owned() } else { String::new() };
        let what = if is_html(text) { "an HTML page" } else { "neither RSS, Atom nor JSON Feed" };
        found.issues.push(Issue::error("not-a-feed", format!("the document is {what}")));
        return;
    };
    found.format = format(&root);
    if root.name.eq_ignore_ascii_case("rss") && root.attr("version").is_none() {
        found.issues.push(Issue::new(
            Severity::Info,
            "no-version",
            "`<rss>` does not say its version; read as 2.0",
        ));
    }
    if root.name.eq_ignore_ascii_case("entry") {
        found.items.push(feed_item::read(&root));
        complete_ids(found, document.url);
        return;
    }
    let channel = named(&root, "channel").unwrap_or(&root);
    found.head = head(channel, &root);
    found.items = items(&root, channel);
    complete_ids(found, document.url);
    inherit_authors(found);
}

/// Ids that are written like paths count from the document, where no `xml:base` says more.
fn complete_ids(found: &mut Found, url: &Url) {
    if !found.format.starts_with("atom") {
        return;
    }
    let ids = found.items.iter_mut().map(|item| &mut item.id).chain([&mut found.head.id]);
    for id in ids.flatten().filter(|id| feed_item::is_path(id)) {
        *id = url.join(id).map_or_else(|_| std::mem::take(id), String::from);
    }
}

fn tree_issues(tree: &Tree, max_items: usize) -> Vec<Issue> {
    let mut issues = Vec::new();
    if tree.root.is_some() && tree.dirt {
        issues
            .push(Issue::warning("dirt-before-feed", "something else stands before the feed's root element"));
    }
    if tree.truncated && tree.root.is_some() {
        issues.push(truncated(tree.cut_item));
    }
    if tree.too_deep {
        issues.push(Issue::warning("xml-too-deep", "elements below 256 levels were left out"));
    }
    if tree.capped {
        issues.push(too_many(max_items));
    }
    issues
}

/// The document ends before its end; `cut` is the number of the item that it ends in.
pub(super) fn truncated(cut: Option<usize>) -> Issue {
    match cut {
        Some(number) => {
            Issue::warning("truncated", "the document ends early; the item that was cut is left out")
                .at(format!("item {number}"))
        }
        None => Issue::warning("truncated", "the document ends early"),
    }
}

/// Does this begin like an HTML page?
pub(super) fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(2000).flat_map(char::to_lowercase).collect();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|mark| head.contains(mark))
}

fn format(root: &Element) -> String {
    let says = |part: &str| {
        let is_namespace = |name: &str| name == "xmlns" || name.starts_with("xmlns:");
        root.attributes.iter().any(|(name, value)| is_namespace(name) && value.contains(part))
    };
    match root.name.to_ascii_lowercase().as_str() {
        "rdf" if says("my.netscape.com/rdf/simple/0.9") || says("channel.netscape.com") => {
            "rss-0.90".to_owned()
        }
        "rdf" => "rss-1.0".to_owned(),
        "feed" if root.attr("version") == Some("0.3") || says("purl.org/atom/ns#") => "atom-0.3".to_owned(),
        "feed" | "entry" => "atom-1.0".to_owned(),
        "channel" if root.name == "CHANNEL" => "cdf-1.0".to_owned(),
        _ => match root.attr("version") {
            Some(version @ ("0.90" | "0.91" | "0.92" | "0.93" | "0.94" | "1.0")) => format!("rss-{version}"),
            _ => "rss-2.0".to_owned(),
        },
    }
}

fn named<'e>(parent: &'e Element, name: &str) -> Option<&'e Element> {
    parent.elements().find(|child| child.name.eq_ignore_ascii_case(name))
}

/// RSS 1.0 puts its items beside the channel, everybody else inside.
fn items(root: &Element, channel: &Element) -> Vec<Item> {
    let is_item = |child: &&Element| one_of_items(child);
    let inside = channel.elements().filter(is_item);
    let beside = root.elements().filter(is_item).filter(|_| !std::ptr::eq(root, channel));
    inside.chain(beside).map(feed_item::read).collect()
}

fn one_of_items(element: &Element) -> bool {
    element.name.eq_ignore_ascii_case("item") || element.name.eq_ignore_ascii_case("entry")
}

fn head(channel: &Element, root: &Element) -> Head {
    let mut head = Head::default();
    for child in channel.elements().filter(|child| !one_of_items(child)) {
        head_field(&mut head, child);
    }
    head.language = head.language.or_else(|| channel.lang.clone()).or_else(|| root.lang.clone());
    head.language = head.language.map(|language| language.replace('_', "-"));
    // CDF writes the address and the time of a channel into its tag.
    head.links.extend(channel.attr("href").map(|href| feed_item::page(feed_item::resolved(href, channel))));
    head.updated = head.updated.or_else(|| channel.attr("lastmod").map(str::to_owned));
    head.link = feed_item::alternate(&head.links);
    head
}

/// The text, empty where somebody said something without words: an image.
fn said(element: &Element) -> Option<String> {
    text(element).or_else(|| (!element.children.is_empty()).then(String::new))
}

fn head_field(head: &mut Head, child: &Element) {
    let name = child.name.to_ascii_lowercase();
    match (child.ns, name.as_str()) {
        (Ns::Core, "title") => head.title = said(child),
        (Ns::Dc, "title") => head.title = head.title.take().or_else(|| text(child)),
        (Ns::Core, "link") => head.links.extend(link(child)),
        (Ns::Core, "description" | "subtitle" | "tagline" | "abstract") => {
            head.description = text(child).or(head.description.take()).or_else(|| said(child));
        }
        (Ns::Dc, "description") | (Ns::Itunes, "summary" | "subtitle") => {
            head.description = head.description.take().or_else(|| text(child));
        }
        (Ns::Core | Ns::Dc, "language") => head.language = text(child).or(head.language.take()),
        (Ns::Core, "id") => head.id = text(child).map(|id| feed_item::named(id, child)),
        (Ns::Core, "pubdate" | "published") => head.published = text(child).or(head.published.take()),
        (Ns::Core | Ns::Dc, "issued" | "created") => {
            head.published = head.published.take().or_else(|| text(child));
        }
        (Ns::Core, "lastbuilddate" | "updated" | "modified") => {
            head.updated = text(child).or(head.updated.take());
        }
        (Ns::Dc, "date" | "modified") => head.updated = head.updated.take().or_else(|| text(child)),
        (Ns::Core, "author" | "managingeditor") | (Ns::Dc, "creator" | "author") => {
            head.authors.extend(person(child));
        }
        (Ns::Itunes, "author") if head.authors.is_empty() => head.authors.extend(person(child)),
        (Ns::Core | Ns::Itunes | Ns::Dc, "category" | "subject") => {
            feed_item::categories(child, &mut head.categories);
        }
        _ => {}
    }
}

/// An Atom entry without an author has its feed's (RFC 4287, section 4.2.1). RSS has no such rule.
fn inherit_authors(found: &mut Found) {
    if !found.format.starts_with("atom") {
        return;
    }
    for item in found.items.iter_mut().filter(|item| item.authors.is_empty()) {
        item.authors.clone_from(&found.head.authors);
    }
}

/// A plain category.
pub(super) fn term(term: impl Into<String>) -> Category {
    Category { term: term.into(), scheme: None, label: None }
}
