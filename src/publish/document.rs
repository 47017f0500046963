//! What a feed says, before any format: which strings appear, cleaned, cut to size, dated.
//!
//! Everything comes from the settings and the articles alone; nothing here knows what time it is. The same
//! articles make the same bytes on every machine, in every zone, after every restart.
//!
//! Limits. A title has at most 500 characters, a summary 5,000, an address 4,096; an item lists at most 50
//! authors, 50 categories and 100 attachments. A document aims at [`TARGET`] and stays under [`LIMIT`]: beyond the
//! number of items that a feed promises, older ones are shown while they fit the aim. Full texts are given to the
//! newest items first, and an item whose text does not fit under the limit any more has its summary only. Where
//! even summaries are too much, the oldest items are left out.

pub(super) mod clean;
mod links;
mod size;

use std::collections::HashSet;

use uuid::Uuid;

use clean::{address, canonical, clean, is_email, language, line, media_type, or, text, web};
pub(super) use clean::{escape, unlike_markup};
pub(super) use links::{Address, Links, link_header};
use size::{fit, lightened};

use super::{Extent, Feed, Hub, Life, Settings};
use crate::model::{
    Article, ArticleId, Category, Cluster, Enclosure, ExtractedBy, Official, Offset, Person, Precision,
    Revision, SourceId, Timestamp, markup::to_text,
};

/// No document is larger, in bytes: consumers of the FeedBurner class stop reading at 1 MB.
pub(super) const LIMIT: usize = 1_000_000;

/// How large archives and pages of history may grow by their texts, in bytes. No reader polls them.
const ARCHIVE: usize = 4_000_000;

/// What a document aims at: larger ones cost readers (JSON Feed 1.1 asks for reasonable sizes).
const TARGET: usize = 250_000;

const TITLE: usize = 500;
/// As much of a text as stands in for a title.
const TEASER: usize = 100;
const SUMMARY: usize = 5_000;
const AUTHORS: usize = 50;
const CATEGORIES: usize = 50;
const ENCLOSURES: usize = 100;

/// What is to be said: a feed, or a part of it that has an address of its own.
#[derive(Clone, Debug)]
pub(super) struct Selection<'a, A> {
    pub(super) feed: &'a Feed,
    /// Newest first.
    pub(super) articles: &'a [A],
    /// Articles that were taken back, and when.
    pub(super) gone: &'a [(ArticleId, Timestamp)],
    /// Where it stands.
    pub(super) own: Address,
    /// Where its story goes on.
    pub(super) links: Links,
    /// How much of each article.
    pub(super) extent: Extent,
}

/// A feed as every format says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channel {
    /// `urn:uuid:…`, minted from the feed's key: the same on every host.
    pub(super) id: String,
    /// Never empty.
    pub(super) title: String,
    /// Never empty: the title where there is none.
    pub(super) description: String,
    /// BCP 47.
    pub(super) language: Option<String>,
    /// The page for people.
    pub(super) home: String,
    /// The public address of the whole site, without a trailing slash.
    pub(super) base_url: String,
    /// Where it stands.
    pub(super) own: Address,
    /// Other documents of the same feed.
    pub(super) links: Links,
    /// The WebSub hub.
    pub(super) hub: Option<String>,
    /// A picture that stands for it.
    pub(super) image: Option<String>,
    /// Under which heading catalogues list it.
    pub(super) group: Option<String>,
    /// Nothing new will come.
    pub(super) ending: bool,
    /// Who stands behind items without an author.
    pub(super) author: Author,
    /// How long it may be kept, in minutes, rounded up.
    pub(super) ttl: u64,
    /// When an item last changed; `None` without items.
    pub(super) updated: Option<Moment>,
    /// Newest first.
    pub(super) entries: Vec<Entry>,
    /// What was taken back.
    pub(super) gone: Vec<Tombstone>,
}

/// An article that was taken back (RFC 6721).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tombstone {
    pub(super) id: String,
    pub(super) at: Moment,
}

/// An article as every format says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The article's id, the same string everywhere.
    pub(super) id: String,
    /// Absolute, http or https.
    pub(super) url: Option<String>,
    /// Plain text, never empty.
    pub(super) title: String,
    /// Plain text, possibly empty.
    pub(super) summary: String,
    /// Sanitized markup, possibly empty.
    pub(super) html: String,
    /// Where it is another one than the feed's.
    pub(super) language: Option<String>,
    pub(super) authors: Vec<Author>,
    pub(super) categories: Vec<Category>,
    pub(super) image: Option<String>,
    pub(super) enclosures: Vec<Enclosure>,
    pub(super) published: Moment,
    pub(super) updated: Moment,
    pub(super) precision: Precision,
    /// The date as its source wrote it.
    pub(super) date_raw: Option<String>,
    pub(super) date_inferred: bool,
    pub(super) revision: Revision,
    pub(super) source: String,
    /// Where it is republished from, if its source is a feed itself.
    pub(super) origin: Option<Origin>,
    pub(super) extracted_by: ExtractedBy,
    /// The articles that say the same, as far as readers of this feed may see them.
    pub(super) cluster: Option<Cluster>,
    /// The official document that it announces.
    pub(super) document: Option<Official>,
}

/// Somebody with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Author {
    /// Never empty.
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) url: Option<String>,
}

/// The feed that an article was republished from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Never empty.
    pub(super) name: String,
    /// Its address in its one spelling.
    pub(super) id: String,
    /// The feed itself.
    pub(super) url: String,
    /// The page for people.
    pub(super) home: Option<String>,
}

/// An instant in the offset in which people read it, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) offset: Offset,
}

// === impl Selection ===

impl<'a, A> Selection<'a, A> {
    /// What `feed` says now, at its own address.
    pub(super) fn of(settings: &Settings, feed: &'a Feed, articles: &'a [A]) -> Self {
        let own = Address::of(settings, &feed.id);
        Self { feed, articles, gone: &[], own, links: Links::default(), extent: feed.extent }
    }

    /// The address of the feed for people: archives have no page of their own.
    fn page(&self) -> &Address {
        self.links.current.as_ref().unwrap_or(&self.own)
    }

    /// Is the hub told when it changes? Only of whole feeds that everybody may read.
    fn is_topic(&self) -> bool {
        self.own.query.is_empty() && !self.links.archive && !self.feed.is_private()
    }
}

/// Gathers what a selection says, as much of it as a feed may hold.
pub(super) fn compose<A: AsRef<Article>>(settings: &Settings, selection: &Selection<'_, A>) -> Channel {
    let channel = gather(settings, selection);
    Channel { entries: fit(channel.entries, selection.feed.items), ..channel }
}

/// Gathers what a selection says, every article of it: history must not lose any. Only texts are left out, of the
/// oldest articles, where all of them are more than [`ARCHIVE`].
pub(super) fn compose_whole<A: AsRef<Article>>(settings: &Settings, selection: &Selection<'_, A>) -> Channel {
    let channel = gather(settings, selection);
    Channel { entries: lightened(channel.entries, ARCHIVE), ..channel }
}

/// The channel with other entries, as many as a feed may hold.
pub(super) fn saying(channel: Channel, entries: Vec<Entry>) -> Channel {
    let promised = entries.len();
    Channel { entries: fit(entries, promised), ..channel }
}

fn gather<A: AsRef<Article>>(settings: &Settings, selection: &Selection<'_, A>) -> Channel {
    let feed = selection.feed;
    let title = or(line(&feed.title, TITLE), || feed.id.to_string());
    let language = language(&feed.language);
    let home = feed.home.as_deref().and_then(web).unwrap_or_else(|| selection.page().stem.clone());
    let articles = selection.articles.iter().map(AsRef::as_ref);
    let entries: Vec<_> = articles
        .map(|article| entry(article, settings, feed, language.as_deref(), selection.extent))
        .collect();
    let offset = entries.first().map_or(Offset(0), |entry| entry.published.offset);
    Channel {
        id: feed_id(feed),
        description: or(text(&feed.description, SUMMARY), || title.clone()),
        author: publisher(settings, feed, &title),
        ttl: settings.interval(&feed.sources).as_secs().div_ceil(60).max(1),
        updated: entries.iter().map(|entry| entry.updated).max_by_key(|moment| moment.at),
        entries,
        gone: selection
            .gone
            .iter()
            .map(|(id, at)| Tombstone { id: id.to_string(), at: moment(*at, offset) })
            .collect(),
        ending: feed.life == Life::Ending,
        group: feed.group.as_deref().map(|group| line(group, TITLE)).filter(|group| !group.is_empty()),
        hub: settings.hub.as_ref().map(Hub::named).and_then(web).filter(|_| selection.is_topic()),
        image: feed.image.as_deref().and_then(web),
        base_url: settings.base_url.trim_end_matches('/').to_owned(),
        own: selection.own.clone(),
        links: selection.links.clone(),
        title,
        language,
        home,
    }
}

/// A feed's opaque id: a UUIDv5 (RFC 9562, section 5.5) of its key. No host in it, so that it survives a move.
pub(super) fn feed_id(feed: &Feed) -> String {
    /// The namespace of feed ids. Any would do; it only must never change.
    const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6170_6875_5f6e_8766_6565_6473_2f31);
    let name = format!("{}{}", feed.id, feed.selection);
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).urn().to_string()
}

/// Who speaks where an item names nobody: the one source, or the feed itself.
fn publisher(settings: &Settings, feed: &Feed, title: &str) -> Author {
    let only = match feed.sources.as_slice() {
        [only] => settings.source(only),
        _ => None,
    };
    Author {
        name: or(only.map(|source| line(&source.name, TITLE)).unwrap_or_default(), || title.to_owned()),
        email: None,
        url: only.and_then(|source| web(&source.home)),
    }
}

fn entry(
    article: &Article,
    settings: &Settings,
    feed: &Feed,
    feed_language: Option<&str>,
    extent: Extent,
) -> Entry {
    let content = &article.content;
    let published = moment(article.published.at, article.published.offset);
    let url = content.url.as_deref().and_then(web);
    let summary = text(&content.summary, SUMMARY);
    Entry {
        id: article.id.to_string(),
        title: title(&content.title, &summary, url.as_deref(), article),
        url,
        summary,
        html: match extent {
            Extent::Full => clean(content.html.as_str()).into_owned(),
            Extent::Summary => String::new(),
        },
        language: content
            .language
            .as_deref()
            .and_then(language)
            .filter(|tag| !feed_language.is_some_and(|feed| feed.eq_ignore_ascii_case(tag))),
        authors: content.authors.iter().filter_map(author).take(AUTHORS).collect(),
        categories: categories(&content.categories),
        image: content.image.as_deref().and_then(web),
        enclosures: enclosures(&content.enclosures),
        published,
        // Truncating both to seconds keeps `updated` from standing before `published`.
        updated: moment(article.updated.max(article.published.at), article.published.offset),
        precision: article.published.precision,
        date_raw: article.published.raw.as_deref().map(|raw| line(raw, TITLE)).filter(|raw| !raw.is_empty()),
        date_inferred: article.published.inferred,
        revision: article.revision,
        source: article.source.to_string(),
        origin: origin(settings, article),
        extracted_by: article.content.extracted_by,
        cluster: cluster(article, settings, feed),
        document: article.labels.document.clone(),
    }
}

/// What else says the same, of what readers of `feed` may see: what it reads itself, and what everybody may.
fn cluster(article: &Article, settings: &Settings, feed: &Feed) -> Option<Cluster> {
    let sees = |source: &SourceId| feed.sources.contains(source) || settings.is_public(source);
    article.labels.cluster.as_ref()?.among(sees)
}

/// The feed that an article's source is, where it is one.
fn origin(settings: &Settings, article: &Article) -> Option<Origin> {
    let source = settings.source(&article.source)?;
    let url = web(source.feed.as_deref()?)?;
    Some(Origin {
        name: or(line(&source.name, TITLE), || source.id.to_string()),
        id: canonical(&url)?,
        url,
        home: web(&source.home),
    })
}

/// Articles have a title; after cleaning there may be none left, and every format wants one to show.
fn title(own: &str, summary: &str, url: Option<&str>, article: &Article) -> String {
    let text = || line(&to_text(article.content.html.as_str()), TEASER);
    let title = or(or(line(own, TITLE), || line(summary, TEASER)), text);
    or(title, || url.map_or_else(|| article.id.to_string(), str::to_owned))
}

fn author(person: &Person) -> Option<Author> {
    let [name, email] = [&person.name, &person.email]
        .map(|field| field.as_deref().map(|field| line(field, TITLE)).filter(|field| !field.is_empty()));
    let url = person.url.as_deref().and_then(web);
    let name = name.or_else(|| email.clone()).or_else(|| url.clone())?;
    Some(Author { name, email: email.filter(|email| is_email(email)), url })
}

fn categories(all: &[Category]) -> Vec<Category> {
    let mut seen = HashSet::new();
    all.iter()
        .map(|category| Category {
            term: line(&category.term, TITLE),
            scheme: category.scheme.as_deref().and_then(address),
            label: category
                .label
                .as_deref()
                .map(|label| line(label, TITLE))
                .filter(|label| !label.is_empty()),
        })
        .filter(|category| !category.term.is_empty())
        .filter(|category| seen.insert((category.term.clone(), category.scheme.clone())))
        .take(CATEGORIES)
        .collect()
}

fn enclosures(all: &[Enclosure]) -> Vec<Enclosure> {
    let mut seen = HashSet::new();
    all.iter()
        .filter_map(|enclosure| {
            let title = enclosure.title.as_deref().map(|title| line(title, TITLE));
            Some(Enclosure {
                url: web(&enclosure.url)?,
                media_type: enclosure.media_type.as_deref().and_then(media_type),
                // RSS writes 0 for an unknown length, and feeds that say 0 mean that.
                length: enclosure.length.filter(|length| *length > 0),
                title: title.filter(|title| !title.is_empty()),
            })
        })
        .filter(|enclosure| seen.insert(enclosure.url.clone()))
        .take(ENCLOSURES)
        .collect()
}

// === Dates ===

/// Whole seconds in a whole-minute offset: no format of ours prints more, and RFC 3339 knows no seconds in
/// offsets (Saigon was at +07:06:30 until 1911).
fn moment(at: Timestamp, offset: Offset) -> Moment {
    const DAY: i32 = 86_400;
    let seconds = if (-DAY + 1..DAY).contains(&offset.0) { offset.0 - offset.0 % 60 } else { 0 };
    Moment { at: Timestamp::from_second(at.as_second()), offset: Offset(seconds) }
}

impl Moment {
    /// An instant as documents say it.
    pub(super) fn of(at: Timestamp, offset: Offset) -> Self {
        moment(at, offset)
    }

    /// RFC 822 with a four-digit year, as RSS wants it; the same instant in an offset of whole half hours, because
    /// validators take others for mistakes.
    pub(super) fn rfc2822(self) -> String {
        const HALF_HOUR: i32 = 1_800;
        self.at.rfc2822(Offset(self.offset.0 - self.offset.0 % HALF_HOUR))
    }

    /// RFC 3339, as Atom and JSON Feed want it.
    pub(super) fn rfc3339(self) -> String {
        self.at.rfc3339(self.offset)
    }
}
