//! JSON Feed 1.1: <https://www.jsonfeed.org/version/1.1/>.

use serde::Serialize;
use serde_json::Value;

use super::{
    Format,
    document::{Author, Channel, Entry, Tombstone},
};
use crate::model::{Category, Enclosure, Official};

#[derive(Serialize)]
struct Feed<'a> {
    version: &'static str,
    title: &'a str,
    home_page_url: &'a str,
    feed_url: String,
    /// Where it goes on: the next page, or what was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    authors: [Person<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    /// Nothing new will come.
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<bool>,
    _loa: About<'a>,
    items: Vec<Item<'a>>,
}

/// Who tells about changes.
#[derive(Serialize)]
struct Hub<'a> {
    r#type: &'static str,
    url: &'a str,
}

/// An article that was taken back.
#[derive(Serialize)]
struct Withdrawn<'a> {
    id: &'a str,
    date: String,
}

/// Where the `_loa` objects are explained.
#[derive(Serialize)]
struct About<'a> {
    about: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<Withdrawn<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    date_published: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_modified: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Person<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    _loa: Extension<'a>,
}

#[derive(Serialize)]
struct Person<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: &'a str,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

/// What JSON Feed has no word for.
#[derive(Serialize)]
struct Extension<'a> {
    about: &'a str,
    source: &'a str,
    revision: u32,
    date_precision: String,
    date_inferred: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_raw: Option<&'a str>,
    extracted_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
}

/// Writes `channel` as JSON Feed.
pub(super) fn render(channel: &Channel) -> Result<Vec<u8>, String> {
    let feed = Feed {
        version: "https://jsonfeed.org/version/1.1",
        title: &channel.title,
        home_page_url: &channel.home,
        feed_url: channel.own.of_format(Format::Json),
        next_url: next(channel),
        description: &channel.description,
        language: channel.language.as_deref(),
        authors: [person(&channel.author)],
        icon: channel.image.as_deref(),
        hubs: channel.hub.iter().map(|url| Hub { r#type: "WebSub", url }).collect(),
        expired: channel.ending.then_some(true),
        _loa: About { about: &channel.base_url, withdrawn: channel.gone.iter().map(withdrawn).collect() },
        items: channel.entries.iter().map(|entry| item(entry, &channel.base_url)).collect(),
    };
    serde_json::to_vec(&feed).map_err(|error| error.to_string())
}

fn withdrawn(gone: &Tombstone) -> Withdrawn<'_> {
    Withdrawn { id: &gone.id, date: gone.at.rfc3339() }
}

/// The next page of a paged answer; of a feed and its archives the archive before.
fn next(channel: &Channel) -> Option<String> {
    let links = &channel.links;
    Some(links.next.as_ref().or(links.prev_archive.as_ref())?.of_format(Format::Json))
}

fn item<'a>(entry: &'a Entry, about: &'a str) -> Item<'a> {
    // One of the two has to be there: an item without a full text says its summary, or its title, as text.
    let html = (!entry.html.is_empty()).then_some(entry.html.as_str());
    let plain = if entry.summary.is_empty() { &entry.title } else { &entry.summary };
    Item {
        id: &entry.id,
        url: entry.url.as_deref(),
        title: &entry.title,
        content_html: html,
        content_text: html.is_none().then_some(plain),
        summary: &entry.summary,
        image: entry.image.as_deref(),
        date_published: entry.published.rfc3339(),
        date_modified: (entry.updated.at > entry.published.at).then(|| entry.updated.rfc3339()),
        authors: entry.authors.iter().map(person).collect(),
        tags: entry.categories.iter().map(tag).collect(),
        language: entry.language.as_deref(),
        attachments: entry.enclosures.iter().map(attachment).collect(),
        _loa: Extension {
            about,
            source: &entry.source,
            revision: entry.revision.0,
            date_precision: entry.precision.to_string(),
            date_inferred: entry.date_inferred,
            date_raw: entry.date_raw.as_deref(),
            extracted_by: entry.extracted_by.to_string(),
            cluster: entry.cluster.as_ref().map(|cluster| cluster.told(entry.published.offset)),
            document: entry.document.as_ref().map(Official::told),
        },
    }
}

fn person(author: &Author) -> Person<'_> {
    Person { name: &author.name, url: author.url.as_deref() }
}

fn tag(category: &Category) -> &str {
    category.label.as_deref().unwrap_or(&category.term)
}

fn attachment(enclosure: &Enclosure) -> Attachment<'_> {
    Attachment {
        url: &enclosure.url,
        mime_type: enclosure.media_type.as_deref().unwrap_or("application/octet-stream"),
        title: enclosure.title.as_deref(),
        size_in_bytes: enclosure.length,
    }
}
