//! RSS 2.0, by the `rss` crate: <https://www.rssboard.org/rss-specification> and the profile beside it.

use std::collections::BTreeMap;

use rss::{
    Category, Channel as Rss, Enclosure, Guid, Image, Item, Source,
    extension::{Extension, ExtensionMap, atom::AtomExtension, dublincore::DublinCoreExtension},
};

use super::{
    Format,
    document::{Channel, Entry, escape, unlike_markup},
};
use crate::model;

const ATOM: &str = "http://www.w3.org/2005/Atom";
/// RFC 5005, section 2.
const HISTORY: &str = "http://purl.org/syndication/history/1.0";
const MEDIA: &str = "http://search.yahoo.com/mrss/";
const DOCS: &str = "https://www.rssboard.org/rss-specification";
/// What RFC 2046, section 4.5.1 calls bytes of unknown kind; RSS wants a type.
const UNKNOWN: &str = "application/octet-stream";

/// Writes `channel` as RSS.
pub(super) fn render(channel: &Channel) -> Result<Vec<u8>, String> {
    let title = unlike_markup(&channel.title).into_owned();
    let feed = Rss {
        title: title.clone(),
        link: channel.home.clone(),
        description: unlike_markup(&channel.description).into_owned(),
        language: channel.language.clone(),
        last_build_date: channel.updated.map(|moment| moment.rfc2822()),
        generator: Some(super::GENERATOR.to_owned()),
        docs: Some(DOCS.to_owned()),
        ttl: Some(channel.ttl.to_string()),
        // The profile wants the same title and link as the channel's; sizes are not known, so none are said.
        image: channel.image.as_ref().map(|url| Image {
            url: url.clone(),
            title: title.clone(),
            link: channel.home.clone(),
            ..Default::default()
        }),
        atom_ext: Some(AtomExtension { links: links(channel) }),
        extensions: archive(channel),
        namespaces: namespaces(channel),
        items: channel.entries.iter().map(item).collect(),
        ..Default::default()
    };
    feed.write_to(Vec::new()).map_err(|error| error.to_string())
}

/// Where it stands, who tells about its changes, and where its story goes on.
fn links(channel: &Channel) -> Vec<rss::extension::atom::Link> {
    let link = |(rel, href): (&str, String)| rss::extension::atom::Link {
        href,
        rel: rel.to_owned(),
        mime_type: (rel != "hub").then(|| Format::Rss.media_type().to_owned()),
        ..Default::default()
    };
    channel.relations(Format::Rss).into_iter().map(link).collect()
}

/// The crate declares what it writes itself; what is written as extensions is declared here.
fn namespaces(channel: &Channel) -> BTreeMap<String, String> {
    let history = channel.links.archive.then_some(("fh", HISTORY));
    let all = [("atom", ATOM), ("media", MEDIA)].into_iter().chain(history);
    all.map(|(prefix, name)| (prefix.to_owned(), name.to_owned())).collect()
}

/// An archive says that it is one (RFC 5005, section 4).
fn archive(channel: &Channel) -> ExtensionMap {
    let mark = || ("archive".to_owned(), vec![element("fh:archive", [])]);
    channel.links.archive.then(|| ("fh".to_owned(), [mark()].into())).into_iter().collect()
}

fn item(entry: &Entry) -> Item {
    let (enclosure, others) = attachments(entry);
    let (description, content) = texts(entry);
    Item {
        title: Some(unlike_markup(&entry.title).into_owned()),
        link: entry.url.clone(),
        description,
        content,
        categories: entry.categories.iter().map(category).collect(),
        enclosure,
        guid: Some(Guid { value: entry.id.clone(), permalink: false }),
        pub_date: Some(entry.published.rfc2822()),
        source: entry.origin.as_ref().map(|origin| Source {
            url: origin.url.clone(),
            title: Some(unlike_markup(&origin.name).into_owned()),
        }),
        dublin_core_ext: creators(entry),
        extensions: extensions(entry, &others),
        ..Default::default()
    }
}

/// The description and the full text. The profile wants no full text without a description before it: where there is no
/// summary, the full text is the description. That is markup: plain text is escaped once before XML (or CDATA) comes.
fn texts(entry: &Entry) -> (Option<String>, Option<String>) {
    let html = (!entry.html.is_empty()).then(|| entry.html.clone());
    if entry.summary.is_empty() { (html, None) } else { (Some(escape(&entry.summary)), html) }
}

/// RSS has room for one enclosure (readers take the first or none of several): the first with a real length,
/// else the first, with the 0 that stands for an unknown one. The others go into `media:content`, and with them those
/// whose host is no domain name: validators, and readers that fetch files, want one of an enclosure.
fn attachments(entry: &Entry) -> (Option<Enclosure>, Vec<&model::Enclosure>) {
    let all = &entry.enclosures;
    let fits = |one: &&model::Enclosure| has_domain(&one.url);
    let best = all.iter().filter(fits).find(|one| one.length.is_some()).or_else(|| all.iter().find(fits));
    let enclosure = best.map(|one| Enclosure {
        url: one.url.clone(),
        length: one.length.unwrap_or(0).to_string(),
        mime_type: one.media_type.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
    });
    let others = all.iter().filter(|one| !best.is_some_and(|best| std::ptr::eq(best, *one))).collect();
    (enclosure, others)
}

/// Does the address name its host by a domain (RFC 1034, section 3.5), or by numbers?
fn has_domain(address: &str) -> bool {
    let url = url::Url::parse(address);
    let host = url.as_ref().ok().and_then(url::Url::host_str).unwrap_or_default();
    host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

fn category(category: &model::Category) -> Category {
    Category {
        name: unlike_markup(category.label.as_ref().unwrap_or(&category.term)).into_owned(),
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
        let title =
            Extension { value: Some(unlike_markup(title).into_owned()), ..element("media:title", []) };
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
