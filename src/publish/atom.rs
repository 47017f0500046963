//! Atom 1.0 (RFC 4287), by the `atom_syndication` crate.

use atom_syndication::{
    Category, Content, Entry as AtomEntry, Feed, FixedDateTime, Generator, Link, Person, Text,
};
use chrono::{DateTime, FixedOffset};

use super::{
    Format,
    document::{Author, Channel, Entry, Moment},
};
use crate::model;

/// Writes `channel` as Atom.
pub(super) fn render(channel: &Channel) -> Result<Vec<u8>, String> {
    let feed = Feed {
        title: Text::plain(channel.title.clone()),
        subtitle: Some(Text::plain(channel.description.clone())),
        id: channel.id.clone(),
        updated: channel.updated.map_or_else(never, date),
        // RFC 4287, section 4.1.1: entries without an author need one here.
        authors: vec![person(&channel.author)],
        generator: Some(Generator { value: super::GENERATOR.to_owned(), ..Default::default() }),
        links: vec![
            link("self", &channel.own.of_format(Format::Atom), Some(Format::Atom.media_type())),
            link("alternate", &channel.home, Some("text/html")),
        ],
        lang: channel.language.clone(),
        entries: channel.entries.iter().map(entry).collect(),
        ..Default::default()
    };
    feed.write_to(Vec::new()).map_err(|error| error.to_string())
}

fn entry(entry: &Entry) -> AtomEntry {
    AtomEntry {
        title: text(entry, &entry.title),
        id: entry.id.clone(),
        updated: date(entry.updated),
        published: Some(date(entry.published)),
        authors: entry.authors.iter().map(person).collect(),
        categories: entry.categories.iter().map(category).collect(),
        links: entry
            .url
            .iter()
            .map(|url| link("alternate", url, None))
            .chain(entry.enclosures.iter().map(enclosure))
            .collect(),
        summary: (!entry.summary.is_empty()).then(|| text(entry, &entry.summary)),
        content: content(entry),
        ..Default::default()
    }
}

/// The full text; for an entry with neither text nor link what there is, because RFC 4287, section 4.1.2
/// wants content or an alternate link.
fn content(entry: &Entry) -> Option<Content> {
    let (kind, value) = match (entry.html.is_empty(), entry.url.is_none(), entry.summary.is_empty()) {
        (false, _, _) => ("html", &entry.html),
        (true, true, false) => ("text", &entry.summary),
        (true, true, true) => ("text", &entry.title),
        (true, false, _) => return None,
    };
    Some(Content {
        content_type: Some(kind.to_owned()),
        value: Some(value.clone()),
        lang: entry.language.clone(),
        ..Default::default()
    })
}

/// Plain text: `type="text"`, the default that the crate leaves out.
fn text(entry: &Entry, value: &str) -> Text {
    Text { lang: entry.language.clone(), ..Text::plain(value.to_owned()) }
}

fn person(author: &Author) -> Person {
    Person {
        name: author.name.clone(),
        email: author.email.clone(),
        uri: author.url.clone(),
        ..Default::default()
    }
}

fn category(category: &model::Category) -> Category {
    Category { term: category.term.clone(), scheme: category.scheme.clone(), label: category.label.clone() }
}

fn enclosure(enclosure: &model::Enclosure) -> Link {
    Link {
        title: enclosure.title.clone(),
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

/// The `updated` that RFC 4287 wants of a feed in which nothing ever happened: the epoch, which is the same
/// at every start and is no claim about now.
fn never() -> FixedDateTime {
    DateTime::UNIX_EPOCH.with_timezone(&utc())
}

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).expect("no offset is within a day")
}
