//! RSS 2.0, by the `rss` crate: <https://www.rssboard.org/rss-specification> and the profile beside it.

use std::collections::BTreeMap;

use rss::{
    Category, Channel as Rss, Enclosure, Guid, Item,
    extension::{Extension, ExtensionMap, atom::AtomExtension, dublincore::DublinCoreExtension},
};

use super::{
    Format,
    document::{Channel, Entry},
};
use crate::model;

const ATOM: &str = "http://www.w3.org/2005/Atom";
const MEDIA: &str = "http://search.yahoo.com/mrss/";
const DOCS: &str = "https://www.rssboard.org/rss-specification";
/// What RFC 2046, section 4.5.1 calls bytes of unknown kind; RSS wants a type.
const UNKNOWN: &str = "application/octet-stream";

/// Writes `channel` as RSS.
pub(super) fn render(channel: &Channel) -> Result<Vec<u8>, String> {
    let own = rss::extension::atom::Link {
        href: channel.own.of_format(Format::Rss),
        rel: "self".to_owned(),
        mime_type: Some(Format::Rss.media_type().to_owned()),
        ..Default::default()
    };
    let feed = Rss {
        title: channel.title.clone(),
        link: channel.home.clone(),
        description: channel.description.clone(),
        language: channel.language.clone(),
        last_build_date: channel.updated.map(|moment| moment.rfc2822()),
        generator: Some(super::GENERATOR.to_owned()),
        docs: Some(DOCS.to_owned()),
        ttl: Some(channel.ttl.to_string()),
        atom_ext: Some(AtomExtension { links: vec![own] }),
        // The crate declares what it writes itself; what is written as extensions is declared here.
        namespaces: [("atom", ATOM), ("media", MEDIA)].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        items: channel.entries.iter().map(item).collect(),
        ..Default::default()
    };
    feed.write_to(Vec::new()).map_err(|error| error.to_string())
}

fn item(entry: &Entry) -> Item {
    let (enclosure, others) = attachments(entry);
    Item {
        title: Some(entry.title.clone()),
        link: entry.url.clone(),
        // The description is markup: plain text has to be escaped once before XML (or CDATA) comes.
        description: (!entry.summary.is_empty()).then(|| escape(&entry.summary)),
        content: (!entry.html.is_empty()).then(|| entry.html.clone()),
        categories: entry.categories.iter().map(category).collect(),
        enclosure,
        guid: Some(Guid { value: entry.id.clone(), permalink: false }),
        pub_date: Some(entry.published.rfc2822()),
        dublin_core_ext: creators(entry),
        extensions: extensions(entry, &others),
        ..Default::default()
    }
}

/// RSS has room for one enclosure (readers take the first or none of several): the first with a real length,
/// else the first, with the 0 that stands for an unknown one. The others go into `media:content`.
fn attachments(entry: &Entry) -> (Option<Enclosure>, Vec<&model::Enclosure>) {
    let all = &entry.enclosures;
    let chosen = all.iter().position(|one| one.length.is_some()).unwrap_or(0);
    let enclosure = all.get(chosen).map(|one| Enclosure {
        url: one.url.clone(),
        length: one.length.unwrap_or(0).to_string(),
        mime_type: one.media_type.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
    });
    let others = all.iter().enumerate().filter(|(at, _)| *at != chosen).map(|(_, one)| one).collect();
    (enclosure, others)
}

fn category(category: &model::Category) -> Category {
    Category {
        name: category.label.clone().unwrap_or_else(|| category.term.clone()),
        domain: category.scheme.clone(),
    }
}

fn creators(entry: &Entry) -> Option<DublinCoreExtension> {
    let creators: Vec<_> = entry.authors.iter().map(|author| author.name.clone()).collect();
    (!creators.is_empty()).then(|| DublinCoreExtension { creators, ..Default::default() })
}

fn extensions(entry: &Entry, others: &[&model::Enclosure]) -> ExtensionMap {
    let mut media: BTreeMap<String, Vec<Extension>> = BTreeMap::new();
    if let Some(url) = &entry.image {
        let attributes = [("url", url.clone()), ("medium", "image".to_owned())];
        media.entry("content".to_owned()).or_default().push(element("media:content", attributes));
        media.insert("thumbnail".to_owned(), vec![element("media:thumbnail", [("url", url.clone())])]);
    }
    for other in others {
        media.entry("content".to_owned()).or_default().push(attached(other));
    }
    let mut all = ExtensionMap::new();
    if !media.is_empty() {
        all.insert("media".to_owned(), media);
    }
    if entry.updated.at > entry.published.at {
        let updated = Extension { value: Some(entry.updated.rfc3339()), ..element("atom:updated", []) };
        all.insert("atom".to_owned(), [("updated".to_owned(), vec![updated])].into());
    }
    all
}

/// One more attached file (Media RSS, `media:content`).
fn attached(enclosure: &model::Enclosure) -> Extension {
    let mut content = element("media:content", [("url", enclosure.url.clone())]);
    if let Some(length) = enclosure.length {
        content.attrs.insert("fileSize".to_owned(), length.to_string());
    }
    if let Some(media_type) = &enclosure.media_type {
        content.attrs.insert("type".to_owned(), media_type.clone());
    }
    if let Some(title) = &enclosure.title {
        let title = Extension { value: Some(title.clone()), ..element("media:title", []) };
        content.children.insert("title".to_owned(), vec![title]);
    }
    content
}

fn element<const N: usize>(name: &str, attributes: [(&str, String); N]) -> Extension {
    Extension {
        name: name.to_owned(),
        attrs: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Default::default()
    }
}

/// Plain text as markup that shows it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
