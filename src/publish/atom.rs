//! Atom 1.0 (RFC 4287), by the `atom_syndication` crate.

use std::collections::BTreeMap;

use atom_syndication::{
    Category, Content, Entry as AtomEntry, Feed, FixedDateTime, Generator, Link, Person, Source, Text,
    TextType,
    extension::{Extension, ExtensionMap},
};
use chrono::{DateTime, FixedOffset};

use super::{
    Format,
    document::{Author, Channel, Entry, Moment, Origin, escape, unlike_markup},
};
use crate::model;

/// RFC 5005, section 2.
const HISTORY: &str = "http://purl.org/syndication/history/1.0";
/// RFC 6721, section 2.
const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";

/// Writes `channel` as Atom.
pub(super) fn render(channel: &Channel) -> Result<Vec<u8>, String> {
    let relation =
        |(rel, href): (&str, String)| link(rel, &href, (rel != "hub").then(|| Format::Atom.media_type()));
    let mut links: Vec<_> = channel.relations(Format::Atom).into_iter().map(relation).collect();
    links.push(link("alternate", &channel.home, Some("text/html")));
    let (extensions, namespaces) = extensions(channel);
    let feed = Feed {
        title: text(&channel.title),
        subtitle: Some(text(&channel.description)),
        id: channel.id.clone(),
        updated: channel.updated.map_or_else(never, date),
        // RFC 4287, section 4.1.1: entries without an author need one here.
        authors: vec![person(&channel.author)],
        generator: Some(Generator { value: super::GENERATOR.to_owned(), ..Default::default() }),
        logo: channel.image.clone(),
        links,
        lang: channel.language.clone(),
        entries: channel.entries.iter().map(entry).collect(),
        extensions,
        namespaces,
        ..Default::default()
    };
    feed.write_to(Vec::new()).map_err(|error| error.to_string())
}

/// What other specifications add: that it is an archive, and what was taken back.
fn extensions(channel: &Channel) -> (ExtensionMap, BTreeMap<String, String>) {
    let mut all = ExtensionMap::new();
    let mut namespaces = BTreeMap::new();
    let mut add = |prefix: &str, namespace: &str, name: &str, elements: Vec<Extension>| {
        if !elements.is_empty() {
            namespaces.insert(prefix.to_owned(), namespace.to_owned());
            all.insert(prefix.to_owned(), [(name.to_owned(), elements)].into());
        }
    };
    let archive = channel.links.archive.then(|| element("fh:archive", []));
    add("fh", HISTORY, "archive", archive.into_iter().collect());
    let gone = channel
        .gone
        .iter()
        .map(|gone| element("at:deleted-entry", [("ref", gone.id.clone()), ("when", gone.at.rfc3339())]));
    add("at", TOMBSTONES, "deleted-entry", gone.collect());
    (all, namespaces)
}

fn element<const N: usize>(name: &str, attributes: [(&str, String); N]) -> Extension {
    Extension {
        name: name.to_owned(),
        attrs: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Default::default()
    }
}

fn entry(entry: &Entry) -> AtomEntry {
    AtomEntry {
        title: text_of(entry, &entry.title),
        id: entry.id.clone(),
        updated: updated(entry),
        published: Some(date(entry.published)),
        authors: entry.authors.iter().map(person).collect(),
        categories: entry.categories.iter().map(category).collect(),
        links: entry
            .url
            .iter()
            .map(|url| link("alternate", url, None))
            .chain(entry.enclosures.iter().map(enclosure))
            .collect(),
        source: entry.origin.as_ref().map(|origin| source(origin, entry)),
        summary: (!entry.summary.is_empty()).then(|| text_of(entry, &entry.summary)),
        content: content(entry),
        ..Default::default()
    }
}

/// When it last changed. Many portals date by the day or the minute, so that articles share their dates, and readers
/// that sort by them, or tell revisions by them, want them distinct (validators warn). What no source says, the
/// fraction of the second, is drawn from the article's id: it is the same whatever else the feed shows.
fn updated(entry: &Entry) -> FixedDateTime {
    let hash = blake3::hash(entry.id.as_bytes());
    let number = u32::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"));
    let fraction = chrono::TimeDelta::microseconds(i64::from(number % 1_000_000));
    date(entry.updated).checked_add_signed(fraction).unwrap_or_else(|| date(entry.updated))
}

/// The feed that it was republished from (RFC 4287, section 4.2.11).
fn source(origin: &Origin, entry: &Entry) -> Source {
    let home = origin.home.iter().map(|home| link("alternate", home, Some("text/html")));
    Source {
        id: origin.id.clone(),
        title: text(&origin.name),
        updated: date(entry.updated),
        links: home.chain([link("self", &origin.url, None)]).collect(),
        ..Default::default()
    }
}

/// The full text. For an entry without one the title, where it has no summary: RFC 4287, section 4.1.2 wants some text;
/// and its summary, where it has no link: there it wants content.
fn content(entry: &Entry) -> Option<Content> {
    let said = match (entry.html.is_empty(), entry.url.is_none(), entry.summary.is_empty()) {
        (false, _, _) => Text::html(entry.html.clone()),
        (true, true, false) => text(&entry.summary),
        (true, _, true) => text(&entry.title),
        (true, false, false) => return None,
    };
    Some(Content {
        content_type: Some(if said.r#type == TextType::Html { "html" } else { "text" }.to_owned()),
        value: Some(said.value),
        lang: entry.language.clone(),
        ..Default::default()
    })
}

/// Text in the entry's language.
fn text_of(entry: &Entry, value: &str) -> Text {
    Text { lang: entry.language.clone(), ..text(value) }
}

/// Plain text, which is the default that the crate leaves out. What looks like markup says that it is none by being
/// markup: readers guess.
fn text(value: &str) -> Text {
    match unlike_markup(value) == value {
        true => Text::plain(value.to_owned()),
        false => Text::html(escape(value)),
    }
}

fn person(author: &Author) -> Person {
    Person {
        name: unlike_markup(&author.name).into_owned(),
        email: author.email.clone(),
        uri: author.url.clone(),
        ..Default::default()
    }
}

fn category(category: &model::Category) -> Category {
    let label = category.label.as_deref().map(|label| unlike_markup(label).into_owned());
    Category { term: category.term.clone(), scheme: category.scheme.clone(), label }
}

fn enclosure(enclosure: &model::Enclosure) -> Link {
    Link {
        title: enclosure.title.as_deref().map(|title| unlike_markup(title).into_owned()),
        length: enclosure.length.map(|length| length.to_string()),
        ..link("enclosure", &enclosure.url, enclosure.media_type.as_deref())
    }
}

fn link(rel: &str, href: &str, media_type: Option<&str>) -> Link {
    Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        mime_type: media_type.map(str::to_owned),
        ..Default::default()
    }
}

fn date(moment: Moment) -> FixedDateTime {
    let offset = FixedOffset::east_opt(moment.offset.0).unwrap_or_else(utc);
    DateTime::from_timestamp(moment.at.as_second(), 0).unwrap_or_default().with_timezone(&offset)
}

/// The `updated` that RFC 4287 wants of a feed in which nothing ever happened: the same at every start, and no claim
/// about now. The start of 1990, because validators believe nothing older.
fn never() -> FixedDateTime {
    DateTime::from_timestamp(631_152_000, 0).unwrap_or_default().with_timezone(&utc())
}

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).expect("no offset is within a day")
}
