//! What stands in a feed's bytes, before any reader makes something of it.

use std::io::Read;

use loaphuong::publish::Format;
use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    reader::Reader as Xml,
};
use serde_json::Value;

use crate::http::Answer;

/// An item's fields, each as it is written; empty where it is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Item {
    /// RSS `guid`, Atom `id`, JSON `id`.
    pub(crate) id: String,
    /// RSS `guid`: is it an address as well?
    pub(crate) id_is_link: bool,
    pub(crate) link: String,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) content: String,
    pub(crate) authors: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// RSS `pubDate`, Atom `published`, JSON `date_published`.
    pub(crate) published: String,
    /// `atom:updated` (also inside RSS), JSON `date_modified`.
    pub(crate) updated: String,
}

/// A feed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// RSS `ttl`, in minutes.
    pub(crate) ttl: Option<i64>,
    /// Its address in its own words.
    pub(crate) own: String,
    pub(crate) items: Vec<Item>,
}

/// The body as it was before it was packed.
pub(crate) fn unpack(answer: &Answer) -> Vec<u8> {
    match answer.header("content-encoding") {
        Some("gzip") => {
            let mut body = Vec::new();
            flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut body).unwrap();
            body
        }
        Some(other) => panic!("`{other}` was not asked for"),
        None => answer.body.clone(),
    }
}

/// Reads a feed; `None` for what is none.
pub(crate) fn read(format: Format, body: &[u8]) -> Option<Document> {
    match format {
        Format::Json => json(&serde_json::from_slice(body).ok()?),
        Format::Rss => Some(rss(tree(body)?.child("channel")?)),
        Format::Atom => Some(atom(&tree(body).filter(|root| root.name == "feed")?)),
    }
}

/// An instant as RSS (RFC 822) and the others (RFC 3339) write it, in seconds.
pub(crate) fn date(text: &str) -> Option<i64> {
    let rfc822 = || jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp());
    text.parse::<jiff::Timestamp>().ok().or_else(rfc822).map(jiff::Timestamp::as_second)
}

fn rss(channel: &Element) -> Document {
    let own = channel.all("atom:link").find(|link| link.get("rel") == "self");
    Document {
        ttl: channel.text("ttl").parse().ok(),
        own: own.map_or_else(String::new, |link| link.get("href").to_owned()),
        items: channel.all("item").map(rss_item).collect(),
    }
}

fn rss_item(item: &Element) -> Item {
    let guid = item.child("guid");
    Item {
        id: item.text("guid"),
        id_is_link: guid.is_some_and(|guid| guid.get("isPermaLink") != "false"),
        link: item.text("link"),
        title: item.text("title"),
        summary: item.text("description"),
        content: item.text("content:encoded"),
        authors: item.all("dc:creator").map(|creator| creator.text.clone()).collect(),
        tags: item.all("category").map(|category| category.text.clone()).collect(),
        published: item.text("pubDate"),
        updated: item.text("atom:updated"),
    }
}

fn atom(feed: &Element) -> Document {
    Document { ttl: None, own: linked(feed, "self"), items: feed.all("entry").map(entry).collect() }
}

fn entry(entry: &Element) -> Item {
    let tag = |category: &Element| {
        let label = category.get("label");
        if label.is_empty() { category.get("term") } else { label }.to_owned()
    };
    Item {
        id: entry.text("id"),
        id_is_link: false,
        link: linked(entry, "alternate"),
        title: entry.text("title"),
        summary: entry.text("summary"),
        content: entry.text("content"),
        authors: entry.all("author").map(|author| author.text("name")).collect(),
        tags: entry.all("category").map(tag).collect(),
        published: entry.text("published"),
        updated: entry.text("updated"),
    }
}

fn linked(element: &Element, rel: &str) -> String {
    let link = element.all("link").find(|link| match link.get("rel") {
        "" => rel == "alternate",
        own => own == rel,
    });
    link.map_or_else(String::new, |link| link.get("href").to_owned())
}

fn json(feed: &Value) -> Option<Document> {
    let items = feed["items"].as_array()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value, inner: fn(&Value) -> &Value| {
        value.as_array().into_iter().flatten().map(|one| text(inner(one))).collect()
    };
    let items = items.iter().map(|item| Item {
        id: text(&item["id"]),
        id_is_link: false,
        link: text(&item["url"]),
        title: text(&item["title"]),
        summary: text(&item["summary"]),
        content: item["content_html"].as_str().map_or_else(|| text(&item["content_text"]), str::to_owned),
        authors: texts(&item["authors"], |author| &author["name"]),
        tags: texts(&item["tags"], |tag| tag),
        published: text(&item["date_published"]),
        updated: text(&item["date_modified"]),
    });
    Some(Document { ttl: None, own: text(&feed["feed_url"]), items: items.collect() })
}

// === XML ===

/// An element with its prefixed name: our feeds and those of the tests declare the usual prefixes.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Self>,
}

impl Element {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    fn text(&self, name: &str) -> String {
        self.child(name).map_or_else(String::new, |child| child.text.trim().to_owned())
    }

    fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn of(start: &BytesStart<'_>) -> Option<Self> {
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut element = Self { name: name(start.name().as_ref()), ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned();
            element.attributes.push((name(attribute.key.as_ref()), value));
        }
        Some(element)
    }
}

/// The root element; `None` for anything that is not well-formed.
fn tree(body: &[u8]) -> Option<Element> {
    let mut xml = Xml::from_reader(body);
    let mut open = vec![Element::default()];
    loop {
        match xml.read_event().ok()? {
            Event::Start(start) => open.push(Element::of(&start)?),
            Event::Empty(start) => open.last_mut()?.children.push(Element::of(&start)?),
            Event::End(_) => {
                let done = open.pop()?;
                open.last_mut()?.children.push(done);
            }
            Event::Text(text) => open.last_mut()?.text += &text.decode().ok()?,
            Event::CData(text) => open.last_mut()?.text += &text.decode().ok()?,
            Event::GeneralRef(name) => {
                let name = name.decode().ok()?;
                open.last_mut()?.text += &quick_xml::escape::unescape(&format!("&{name};")).ok()?;
            }
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
    (open.len() == 1).then(|| open.pop()?.children.pop()).flatten()
}
