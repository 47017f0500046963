//! RSS 2.0 and the profile of the RSS Advisory Board.

use std::collections::HashSet;

use super::{
    Findings, html,
    tree::{ATOM, Element},
    values,
};

const CONTENT: &str = "http://purl.org/rss/1.0/modules/content/";
const CREATOR: &str = "http://purl.org/dc/elements/1.1/";
const MEDIA: &str = "http://search.yahoo.com/mrss/";
const HISTORY: &str = "http://purl.org/syndication/history/1.0";

/// Elements of a channel that are no items, and whether there may be several.
const CHANNEL: &[(&str, &str, bool)] = &[
    ("", "title", false),
    ("", "link", false),
    ("", "description", false),
    ("", "language", false),
    ("", "lastBuildDate", false),
    ("", "pubDate", false),
    ("", "generator", false),
    ("", "docs", false),
    ("", "ttl", false),
    ("", "image", false),
    ("", "category", true),
    ("", "copyright", false),
    ("", "managingEditor", false),
    ("", "webMaster", false),
    ("", "item", true),
    (ATOM, "link", true),
    (HISTORY, "archive", false),
];

/// Elements of an item, and whether there may be several.
const ITEM: &[(&str, &str, bool)] = &[
    ("", "title", false),
    ("", "link", false),
    ("", "description", false),
    ("", "author", false),
    ("", "category", true),
    ("", "comments", false),
    ("", "enclosure", false),
    ("", "guid", false),
    ("", "pubDate", false),
    ("", "source", false),
    (CONTENT, "encoded", false),
    (CREATOR, "creator", true),
    (MEDIA, "content", true),
    (MEDIA, "thumbnail", true),
    (MEDIA, "group", true),
    (ATOM, "updated", false),
    (ATOM, "link", true),
];

pub(super) fn judge(rss: &Element, found: &mut Findings<'_>) {
    if rss.attribute("version") != Some("2.0") {
        found.add("InvalidRSSVersion", rss.attribute("version").unwrap_or("none"));
    }
    let channels: Vec<_> = rss.all("", "channel").collect();
    if channels.len() != 1 || rss.elements().count() != 1 {
        found.add("MissingElement", "channel");
    }
    for channel in channels {
        judge_channel(channel, found);
        let mut guids = HashSet::new();
        for item in channel.all("", "item") {
            judge_item(item, found);
            let guid = item.one("", "guid").map(Element::text);
            if guid.is_some_and(|guid| !guids.insert(guid)) {
                found.add("DuplicateValue", "guid");
            }
        }
    }
}

/// Known elements only, in the numbers that are allowed.
fn known(parent: &Element, names: &[(&str, &str, bool)], found: &mut Findings<'_>) {
    let mut seen = HashSet::new();
    for child in parent.elements() {
        let name = (child.namespace.as_str(), child.name.as_str());
        match names.iter().find(|(space, name_, _)| (*space, *name_) == name) {
            None => found.add("UndefinedElement", &format!("{} {}", name.0, name.1)),
            Some((_, _, true)) => {}
            Some((_, "enclosure", false)) if !seen.insert(name) => found.add("DuplicateEnclosure", name.1),
            Some((_, _, false)) if name.1 == "enclosure" => {}
            Some((_, _, false)) => {
                if !seen.insert(name) {
                    found.add("DuplicateElement", name.1);
                }
            }
        }
    }
    if !parent.text().is_empty() {
        found.add("UnexpectedText", &parent.text());
    }
}

fn plain(element: &Element, found: &mut Findings<'_>) {
    found.check(&element.name, &element.text(), values::plain(&element.text(), element.numeric));
}

fn blank(element: &Element, found: &mut Findings<'_>) {
    if element.text().is_empty() {
        found.add("NotBlank", &element.name);
    }
}

fn judge_channel(channel: &Element, found: &mut Findings<'_>) {
    known(channel, CHANNEL, found);
    for (name, rule) in
        [("title", "MissingTitle"), ("link", "MissingLink"), ("description", "MissingDescription")]
    {
        match channel.one("", name) {
            None => found.add(rule, "channel"),
            Some(element) if name == "link" => {
                found.check("link", &element.text(), values::uri(&element.text()));
            }
            Some(element) => plain(element, found),
        }
    }
    let now = found.frame.now;
    for element in channel.elements().filter(|element| element.namespace.is_empty()) {
        let text = element.text();
        match element.name.as_str() {
            "title" => blank(element, found),
            "language" => found.check("language", &text, values::language(&text)),
            "lastBuildDate" | "pubDate" => found.check(&element.name, &text, values::rfc2822(&text, now)),
            "docs" => found.check("docs", &text, values::uri(&text)),
            "ttl" => found.check("ttl", &text, values::positive(&text)),
            "image" => judge_image(element, channel, found),
            "category" | "copyright" => plain(element, found),
            _ => {}
        }
    }
    if channel.one("", "language").is_none() {
        found.add("MissingDCLanguage", "channel");
    }
    let mut children = channel.elements().skip_while(|element| element.name != "item");
    if children.any(|element| element.name != "item") {
        found.add("MisplacedItem", "something of the channel stands behind an item");
    }
    judge_links(channel, "application/rss+xml", found);
}

const RELATIONS: &[&str] = &[
    "alternate",
    "current",
    "describedby",
    "enclosure",
    "first",
    "hub",
    "last",
    "license",
    "next",
    "next-archive",
    "prev-archive",
    "previous",
    "related",
    "replies",
    "search",
    "self",
    "up",
    "via",
];
/// Those that only feeds have (RFC 5005).
const HISTORY_RELATIONS: &[&str] =
    &["current", "first", "last", "next", "next-archive", "prev-archive", "previous"];

fn relation(link: &Element) -> &str {
    link.attribute("rel").unwrap_or("alternate")
}

/// `atom:link`, in RSS and in Atom.
pub(super) fn judge_links(feed: &Element, own_type: &str, found: &mut Findings<'_>) {
    let mut alternates = HashSet::new();
    for link in feed.all(ATOM, "link") {
        let rel = relation(link);
        judge_link(link, found);
        if feed.name == "entry" && HISTORY_RELATIONS.contains(&rel) {
            found.add("FeedHistoryRelInEntry", rel);
        }
        if let Some(kind) = link.attribute("type").filter(|kind| rel == "self" && *kind != own_type) {
            found.add("SelfNotAtom", kind);
        }
        let own = (link.attribute("type"), link.attribute("hreflang"));
        if rel == "alternate" && !alternates.insert(own) {
            found.add("DuplicateAtomLink", link.attribute("href").unwrap_or_default());
        }
    }
    if feed.name != "entry" {
        judge_place(feed, found);
    }
}

/// What a link says of itself.
fn judge_link(link: &Element, found: &mut Findings<'_>) {
    let rel = relation(link);
    if !RELATIONS.contains(&rel) && values::uri(rel).is_some() {
        found.add("UnregisteredAtomLinkRel", rel);
    }
    if link.attribute("href").is_none() {
        found.add("MissingHref", rel);
    }
    if !link.children.is_empty() {
        found.add("AtomLinkNotEmpty", rel);
    }
    for (space, name, value) in &link.attributes {
        let broken = match name.as_str() {
            _ if !space.is_empty() => Some("UnexpectedAttribute"),
            "rel" => None,
            "href" => values::uri(value),
            "type" => values::mime(value),
            "title" if value.is_empty() => Some("AttrNotBlank"),
            "title" => values::plain(value, false),
            "length" => values::non_negative(value),
            "hreflang" => values::language(value),
            _ => Some("UnexpectedAttribute"),
        };
        found.check(&format!("link {name}"), value, broken);
    }
}

/// Where a feed says that it stands, and where its story goes on.
fn judge_place(feed: &Element, found: &mut Findings<'_>) {
    match feed.all(ATOM, "link").find(|link| relation(link) == "self") {
        None => found.add("MissingSelf", &feed.name),
        Some(own) if own.attribute("href") == Some(found.frame.own) => {}
        Some(own) => {
            let href = own.attribute("href").unwrap_or_default();
            found.add("SelfDoesntMatchLocation", &format!("{href} at {}", found.frame.own));
        }
    }
    let has_current = feed.all(ATOM, "link").any(|link| relation(link) == "current");
    if feed.one(HISTORY, "archive").is_some() && !has_current {
        found.add("MissingCurrentInArchive", "no link to what is current");
    }
}

fn judge_image(image: &Element, channel: &Element, found: &mut Findings<'_>) {
    let text = |element: &Element, name: &str| element.one("", name).map(Element::text);
    for name in ["title", "link", "url"] {
        match text(image, name) {
            None => found.add("MissingElement", &format!("image {name}")),
            Some(value) if name != "title" => found.check("image", &value, values::uri(&value)),
            Some(_) => {}
        }
    }
    if text(image, "link") != text(channel, "link") {
        found.add("ImageLinkDoesntMatch", &text(image, "link").unwrap_or_default());
    }
    if text(image, "title") != text(channel, "title") {
        found.add("ImageTitleDoesntMatch", &text(image, "title").unwrap_or_default());
    }
}

fn judge_item(item: &Element, found: &mut Findings<'_>) {
    known(item, ITEM, found);
    if item.one("", "title").is_none() && item.one("", "description").is_none() {
        found.add("ItemMustContainTitleOrDescription", "item");
    }
    if item.one("", "guid").is_none() {
        found.add("MissingGuid", "item");
    }
    if item.one("", "author").is_some() && item.one(CREATOR, "creator").is_some() {
        found.add("DuplicateItemSemantics", "author and dc:creator");
    }
    let mut described = false;
    for element in item.elements() {
        described |= element.name == "description";
        if element.name == "encoded" && !described {
            found.add("NeedDescriptionBeforeContent", "item");
        }
        judge_part(element, found);
    }
    for link in item.all(ATOM, "link") {
        found.check("link", "", link.attribute("href").and_then(values::uri));
    }
}

fn judge_part(element: &Element, found: &mut Findings<'_>) {
    let (text, now) = (element.text(), found.frame.now);
    match (element.namespace.as_str(), element.name.as_str()) {
        ("", "title" | "category") => {
            blank(element, found);
            plain(element, found);
        }
        ("", "link" | "comments") => found.check(&element.name, &text, values::uri(&text)),
        ("", "description") | (CONTENT, "encoded") => html::judge(&element.name, &text, found),
        ("", "pubDate") => found.check("pubDate", &text, values::rfc2822(&text, now)),
        (ATOM, "updated") => found.check("atom:updated", &text, values::rfc3339(&text, now)),
        ("", "author") => found.check("author", &text, values::email(&text)),
        ("", "guid") => judge_guid(element, found),
        ("", "source") => {
            plain(element, found);
            let url = element.attribute("url").unwrap_or_default();
            found.check("source", url, values::uri(url));
        }
        ("", "enclosure") => {
            let attribute = |name: &str| element.attribute(name).unwrap_or_default();
            found.check("enclosure", attribute("url"), values::web(attribute("url")));
            found.check("enclosure length", attribute("length"), values::non_negative(attribute("length")));
            found.check("enclosure type", attribute("type"), values::mime(attribute("type")));
        }
        (MEDIA, "content") => judge_media(element, found),
        (MEDIA, "thumbnail") => {
            let url = element.attribute("url").unwrap_or_default();
            found.check("media:thumbnail", url, values::uri(url));
        }
        _ => {}
    }
}

fn judge_guid(guid: &Element, found: &mut Findings<'_>) {
    let (text, permanent) = (guid.text(), guid.attribute("isPermaLink").unwrap_or("true"));
    blank(guid, found);
    match permanent {
        "true" if !text.starts_with("http") => found.add("InvalidPermalink", &text),
        "true" => found.check("guid", &text, values::uri(&text)),
        "false" if text.len() < 9 && text.chars().all(|c| c.is_ascii_digit()) => {
            found.add("NotSufficientlyUnique", &text);
        }
        "false" => {}
        other => found.add("InvalidBooleanAttribute", other),
    }
}

fn judge_media(content: &Element, found: &mut Findings<'_>) {
    for (space, name, value) in &content.attributes {
        let broken = match name.as_str() {
            _ if !space.is_empty() => Some("UnexpectedAttribute"),
            "url" => values::uri(value),
            "fileSize" | "width" | "height" => values::positive(value),
            "type" => values::mime(value),
            "medium" => (!["image", "audio", "video", "document", "executable"].contains(&&**value))
                .then_some("InvalidMediaMedium"),
            "isDefault" | "expression" | "bitrate" | "framerate" | "samplingrate" | "channels"
            | "duration" | "lang" => None,
            _ => Some("UnexpectedAttribute"),
        };
        found.check("media:content", value, broken);
    }
    for child in content.elements() {
        match child.name.as_str() {
            "title" | "description" => plain(child, found),
            "thumbnail" | "credit" | "text" => {}
            other => found.add("UndefinedElement", other),
        }
    }
}
