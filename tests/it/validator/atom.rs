//! Atom 1.0 (RFC 4287), its history (RFC 5005) and its tombstones (RFC 6721).

use std::collections::HashSet;

use super::{
    Findings, html, rss,
    tree::{ATOM, Element},
    values,
};

const HISTORY: &str = "http://purl.org/syndication/history/1.0";
const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";

const FEED: &[(&str, bool)] = &[
    ("title", false),
    ("subtitle", false),
    ("id", false),
    ("updated", false),
    ("generator", false),
    ("icon", false),
    ("logo", false),
    ("rights", false),
    ("author", true),
    ("contributor", true),
    ("category", true),
    ("link", true),
];

const ENTRY: &[(&str, bool)] = &[
    ("title", false),
    ("summary", false),
    ("content", false),
    ("id", false),
    ("updated", false),
    ("published", false),
    ("source", false),
    ("rights", false),
    ("author", true),
    ("contributor", true),
    ("category", true),
    ("link", true),
];

pub(super) fn judge(feed: &Element, found: &mut Findings<'_>) {
    if feed.namespace != ATOM {
        found.add("InvalidNamespace", &feed.namespace);
    }
    judge_feed(feed, found);
    let (mut ids, mut moments) = (HashSet::new(), HashSet::new());
    for entry in feed.all(ATOM, "entry") {
        judge_entry(entry, feed, found);
        let text = |name: &str| entry.one(ATOM, name).map(Element::text).unwrap_or_default();
        if !ids.insert(text("id")) {
            found.add("DuplicateIds", &text("id"));
        }
        if !moments.insert(text("updated")) {
            found.add("DuplicateUpdated", &text("updated"));
        }
    }
}

fn judge_feed(feed: &Element, found: &mut Findings<'_>) {
    known(feed, FEED, found);
    common(feed, found);
    for name in ["icon", "logo"] {
        if let Some(element) = feed.one(ATOM, name) {
            found.check(name, &element.text(), values::uri(&element.text()));
        }
    }
    if let Some(generator) = feed.one(ATOM, "generator") {
        blank(generator, found);
    }
    let own_author = feed.one(ATOM, "author").is_some();
    if !own_author && feed.all(ATOM, "entry").any(|entry| entry.one(ATOM, "author").is_none()) {
        found.add("MissingElement", "author");
    }
    let mut behind = feed.elements().skip_while(|child| child.name != "entry");
    if behind.any(|child| child.namespace == ATOM && child.name != "entry") {
        found.add("MisplacedMetadata", "something of the feed stands behind an entry");
    }
    rss::judge_links(feed, "application/atom+xml", found);
    for gone in feed.all(TOMBSTONES, "deleted-entry") {
        let (id, when) = (gone.attribute("ref"), gone.attribute("when"));
        found.check(
            "at:deleted-entry ref",
            id.unwrap_or("none"),
            id.map_or(Some("MissingAttribute"), values::uri),
        );
        let now = found.frame.now;
        let broken = when.map_or(Some("MissingAttribute"), |when| values::rfc3339(when, now));
        found.check("at:deleted-entry when", when.unwrap_or("none"), broken);
    }
}

/// Known elements only, in the numbers that are allowed.
fn known(parent: &Element, names: &[(&str, bool)], found: &mut Findings<'_>) {
    let mut seen = HashSet::new();
    for child in parent.elements() {
        match child.namespace.as_str() {
            ATOM if parent.name == "feed" && child.name == "entry" => {}
            ATOM => match names.iter().find(|(name, _)| *name == child.name) {
                None => found.add("UndefinedElement", &child.name),
                Some((name, false)) if !seen.insert(*name) => found.add("DuplicateElement", name),
                Some(_) => {}
            },
            HISTORY if parent.name == "feed" && child.name == "archive" => {}
            TOMBSTONES if parent.name == "feed" && child.name == "deleted-entry" => {}
            other => found.add("UnknownNamespace", &format!("{other} {}", child.name)),
        }
    }
    if !parent.text().is_empty() {
        found.add("UnexpectedText", &parent.text());
    }
}

fn blank(element: &Element, found: &mut Findings<'_>) {
    if element.text().is_empty() {
        found.add("NotBlank", &element.name);
    }
}

/// What feeds, entries and sources share.
fn common(element: &Element, found: &mut Findings<'_>) {
    let now = found.frame.now;
    for name in ["id", "title", "updated"] {
        if element.one(ATOM, name).is_none() {
            found.add("MissingElement", &format!("{} {name}", element.name));
        }
    }
    for child in element.elements().filter(|child| child.namespace == ATOM) {
        let text = child.text();
        match child.name.as_str() {
            "id" => found.check("id", &text, values::canonical(&text)),
            "updated" | "published" => found.check(&child.name, &text, values::rfc3339(&text, now)),
            "title" | "subtitle" | "summary" | "rights" => construct(child, found),
            "author" | "contributor" => person(child, found),
            "category" => category(child, found),
            _ => {}
        }
    }
}

/// A text that says what it is.
fn construct(element: &Element, found: &mut Findings<'_>) {
    blank(element, found);
    match element.attribute("type").unwrap_or("text") {
        "text" => {
            let broken = values::plain(&element.text(), element.numeric);
            // Only RSS has the rule about single characters.
            let broken = broken.filter(|rule| *rule != "CharacterData");
            found.check(&element.name, &element.text(), broken.map(|_| "ContainsUndeclaredHTML"));
        }
        "html" => html::judge(&element.name, &element.text(), found),
        other => found.add("InvalidTextType", other),
    }
    if element.elements().next().is_some() {
        found.add("UndefinedElement", &element.name);
    }
}

fn person(person: &Element, found: &mut Findings<'_>) {
    match person.one(ATOM, "name") {
        None => found.add("MissingElement", "name"),
        Some(name) => {
            blank(name, found);
            let text = name.text();
            let broken = values::plain(&text, name.numeric).filter(|rule| *rule != "CharacterData");
            found.check("name", &text, broken.or_else(|| values::no_email(&text)));
        }
    }
    if let Some(email) = person.one(ATOM, "email") {
        found.check("email", &email.text(), values::email(&email.text()));
    }
    if let Some(uri) = person.one(ATOM, "uri") {
        found.check("uri", &uri.text(), values::uri(&uri.text()));
    }
}

fn category(category: &Element, found: &mut Findings<'_>) {
    match category.attribute("term") {
        None => found.add("MissingAttribute", "term"),
        Some("") => found.add("AttrNotBlank", "term"),
        Some(_) => {}
    }
    if let Some(scheme) = category.attribute("scheme") {
        found.check("scheme", scheme, values::uri(scheme));
    }
    if let Some(label) = category.attribute("label") {
        found.check("label", label, values::plain(label, false).filter(|rule| *rule != "CharacterData"));
    }
}

fn judge_entry(entry: &Element, feed: &Element, found: &mut Findings<'_>) {
    known(entry, ENTRY, found);
    common(entry, found);
    rss::judge_links(entry, "", found);
    if entry.one(ATOM, "author").is_none() && feed.one(ATOM, "author").is_none() {
        found.add("MissingElement", "author");
    }
    let has_alternate =
        entry.all(ATOM, "link").any(|link| matches!(link.attribute("rel"), None | Some("alternate")));
    match entry.one(ATOM, "content") {
        None => {
            if entry.one(ATOM, "summary").is_none() {
                found.add("MissingTextualContent", "entry");
            }
            if !has_alternate {
                found.add("MissingContentOrAlternate", "entry");
            }
        }
        Some(content) => construct(content, found),
    }
    if let Some(source) = entry.one(ATOM, "source") {
        common(source, found);
        for link in source.all(ATOM, "link") {
            let href = link.attribute("href").unwrap_or_default();
            found.check("source link", href, values::uri(href));
        }
    }
}
