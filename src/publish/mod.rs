//! Feeds: what is new, in the formats that machines read.
//!
//! A feed is a [view](view): the newest articles of its sources that match its filter, kept in memory, rebuilt
//! from the store at every start and never stored. The [follower](follow) keeps the views right as the
//! journal grows and renders what changed, once per version and not per request; readers are handed finished
//! bytes out of one table that is swapped whole. A broken rendering never replaces a good one.

mod atom;
mod cache;
mod document;
mod follow;
mod json;
mod opml;
mod render;
mod rss;
mod select;
mod strict;
#[cfg(test)]
mod tests;
mod view;

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};

use crate::{
    clock::SharedClock,
    journal::Journal,
    model::{Article, FeedId, Filter, Seq, SourceId, Timestamp},
    store::Store,
};

/// Who writes the feeds. Without a version: an upgrade alone changes no byte.
const GENERATOR: &str = "loaphuong";

/// What is published, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the public reaches us, without a trailing slash: `https://tin.example.vn`.
    pub base_url: String,
    /// Every feed.
    pub feeds: Vec<Feed>,
    /// Each source's name and home page, for feeds and pages.
    pub sources: Vec<SourceInfo>,
    /// How long caches may keep a feed.
    pub max_age: Duration,
}

/// One feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Its key and address.
    pub id: FeedId,
    /// What people read.
    pub title: String,
    /// A sentence about it.
    pub description: String,
    /// BCP 47 tag.
    pub language: String,
    /// Which sources.
    pub sources: Vec<SourceId>,
    /// Which of their articles.
    pub filter: Option<Filter>,
    /// How many, newest first.
    pub items: usize,
    /// The page that it mirrors.
    pub home: Option<String>,
}

/// What publishing knows of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its key.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Its address for people.
    pub home: String,
}

/// The publish room: feed views in memory and their rendered representations.
pub struct Publisher {
    store: Arc<dyn Store>,
    journal: Arc<Journal>,
    clock: SharedClock,
    shown: ArcSwap<Shown>,
    state: Mutex<follow::State>,
    seen: watch::Sender<Seq>,
}

/// The formats of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// RSS 2.0
    Rss,
    /// Atom 1.0
    Atom,
    /// JSON Feed 1.1
    Json,
}

/// One rendered document, ready to be sent.
#[derive(Clone, Debug)]
pub struct Document {
    /// Media type with charset.
    pub content_type: &'static str,
    /// Identity bytes.
    pub body: bytes::Bytes,
    /// The same, gzipped.
    pub gzip: bytes::Bytes,
    /// Strong entity tag of the identity bytes, quotes included.
    pub etag: String,
    /// Strong entity tag of the gzipped bytes, quotes included.
    pub etag_gzip: String,
    /// When the visible content last changed. Moves exactly when the tags move.
    pub last_modified: Timestamp,
    /// The `Link` header: self (and hub, once there is one).
    pub link: String,
}

/// Everything that is visible now. Swapped whole: who loads it sees one moment.
struct Shown {
    settings: Arc<Settings>,
    feeds: HashMap<FeedId, Arc<Rendered>>,
    opml: Arc<Document>,
    ready: bool,
}

/// One feed as it is visible.
#[derive(Clone, Default)]
struct Rendered {
    articles: Vec<Arc<Article>>,
    /// By format; `None` only where no rendering ever passed the strict reading.
    documents: [Option<Arc<Document>>; 3],
    /// When one of its items last changed.
    updated: Option<document::Moment>,
}

/// A document that nobody keeps: `articles`, newest first, as `feed` would show them in `format`. Pure; the
/// error is what strict reading found wrong, and a bug of ours.
pub fn render(
    settings: &Settings,
    feed: &Feed,
    articles: &[Arc<Article>],
    format: Format,
) -> Result<Vec<u8>, String> {
    render::checked(format, &document::compose(settings, feed, articles))
}

// === impl Publisher ===

impl Publisher {
    /// A publisher that shows the catalogue and no feed yet: [`Publisher::rebuild`] reads them.
    pub fn new(
        store: Arc<dyn Store>,
        journal: Arc<Journal>,
        clock: SharedClock,
        settings: Settings,
    ) -> Arc<Self> {
        let settings = Arc::new(settings);
        let feeds = HashMap::new();
        let opml = render::catalogue(&settings, &feeds, None, clock.now());
        Arc::new(Self {
            store,
            journal,
            clock,
            shown: ArcSwap::from_pointee(Shown { settings, feeds, opml, ready: false }),
            state: Mutex::default(),
            seen: watch::Sender::new(Seq(0)),
        })
    }

    /// A feed's document in a format. `None` for a feed that does not exist, or is not read yet.
    pub fn document(&self, feed: &FeedId, format: Format) -> Option<Arc<Document>> {
        let shown = self.shown.load();
        let [rss, atom, json] = &shown.feeds.get(feed)?.documents;
        match format {
            Format::Rss => rss.clone(),
            Format::Atom => atom.clone(),
            Format::Json => json.clone(),
        }
    }

    /// The catalogue of all feeds.
    pub fn opml(&self) -> Arc<Document> {
        Arc::clone(&self.shown.load().opml)
    }

    /// What is published now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shown.load().settings)
    }

    /// The articles that a feed shows now, newest first.
    pub fn articles(&self, feed: &FeedId) -> Option<Vec<Arc<Article>>> {
        Some(self.shown.load().feeds.get(feed)?.articles.clone())
    }

    /// True once every view stands.
    pub fn ready(&self) -> bool {
        self.shown.load().ready
    }

    /// Up to which line of the journal everything is visible.
    pub fn seen(&self) -> Seq {
        *self.seen.borrow()
    }

    /// Wakes up whenever [`Publisher::seen`] moves.
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.seen.subscribe()
    }
}

// === impl Format ===

impl Format {
    /// All of them, in the order of their names above.
    pub const ALL: [Self; 3] = [Self::Rss, Self::Atom, Self::Json];

    /// How an address ends: `rss`, `atom`, `json`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Rss => "rss",
            Self::Atom => "atom",
            Self::Json => "json",
        }
    }

    /// The media type, for links.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Rss => "application/rss+xml",
            Self::Atom => "application/atom+xml",
            Self::Json => "application/feed+json",
        }
    }

    /// The media type as it is sent, with the charset once.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Rss => "application/rss+xml; charset=utf-8",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Json => "application/feed+json; charset=utf-8",
        }
    }
}
