//! Feeds: what is new, in the formats that machines read.
//!
//! A feed is a view: the newest articles of its sources that match its filter, kept in memory, rebuilt
//! from the store at every start and never stored. The follower keeps the views right as the journal grows:
//! a change is visible as soon as the view has it. Documents are written from a view when somebody asks for
//! them, once per version whoever asks, and again in advance for whatever was asked for before; readers are
//! handed finished bytes. A broken rendering never replaces a good one.

mod announce;
mod atom;
mod cache;
pub mod canary;
mod document;
mod follow;
mod history;
mod json;
mod live;
mod opml;
mod render;
mod rss;
mod select;
mod selections;
mod settings;
mod similar;
mod strict;
#[cfg(test)]
mod tests;
mod view;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as SyncMutex, PoisonError, atomic::AtomicU64},
};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};

use crate::{
    clock::SharedClock,
    journal::Journal,
    model::{Article, FeedId, Seq, SourceId, Timestamp},
    store::Store,
};

pub use cache::{Coding, Document, Freshness, Representation};
pub use history::{Delta, Since, Start, Unavailable};
pub use live::Variant;
use live::{Live, Slot};
pub use selections::{Error, Part};
pub use settings::{Access, Extent, Feed, Hub, Life, Other, Settings, SourceInfo, Watch};

/// Who writes the feeds. Without a version: an upgrade alone changes no byte.
const GENERATOR: &str = "loaphuong";

/// The publish room: feed views in memory and their documents.
pub struct Publisher {
    store: Arc<dyn Store>,
    journal: Arc<Journal>,
    clock: SharedClock,
    shown: ArcSwap<Shown>,
    state: Mutex<follow::State>,
    seen: watch::Sender<Seq>,
    /// Parts of feeds that somebody asked for.
    selections: selections::Selections,
    /// What was, as far as somebody asked for it.
    history: history::History,
    /// The last version of a view.
    versions: AtomicU64,
    /// When each source is looked at next, as far as somebody said so.
    dues: SyncMutex<Arc<HashMap<SourceId, Timestamp>>>,
    /// The other hub that is not to be named.
    distrusted: SyncMutex<Option<String>>,
    /// Why the other hub could not be told of what is new, where it could not.
    untold: SyncMutex<Option<String>>,
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

/// Everything that is visible now. Swapped whole: who loads it sees one moment.
struct Shown {
    settings: Arc<Settings>,
    feeds: HashMap<FeedId, Arc<Live>>,
    opml: Arc<Slot>,
    ready: bool,
}

/// A document that nobody keeps: `articles`, newest first, as `feed` would show them in `format`. Pure; the
/// error is what strict reading found wrong, and a bug of ours.
pub fn render(
    settings: &Settings,
    feed: &Feed,
    articles: &[Arc<Article>],
    format: Format,
) -> Result<Vec<u8>, String> {
    render::checked(format, &document::compose(settings, &document::Selection::of(settings, feed, articles)))
}

// === impl Publisher ===

impl Publisher {
    /// A publisher that shows no feed yet: [`Publisher::rebuild`] reads them.
    pub fn new(
        store: Arc<dyn Store>,
        journal: Arc<Journal>,
        clock: SharedClock,
        settings: Settings,
    ) -> Arc<Self> {
        let settings = Arc::new(settings);
        let feeds = HashMap::new();
        Arc::new(Self {
            store,
            journal,
            clock,
            shown: ArcSwap::from_pointee(Shown { settings, feeds, opml: Arc::default(), ready: false }),
            state: Mutex::default(),
            seen: watch::Sender::new(Seq(0)),
            selections: selections::Selections::new(),
            history: history::History::new(),
            versions: AtomicU64::new(0),
            dues: SyncMutex::default(),
            distrusted: SyncMutex::default(),
            untold: SyncMutex::default(),
        })
    }

    /// A feed's document, written now if nobody did since its last change. `None` for a feed that does not
    /// exist, or is not read yet.
    pub async fn document(&self, feed: &FeedId, format: Format, variant: &Variant) -> Option<Arc<Document>> {
        let live = Arc::clone(self.shown.load().feeds.get(feed)?);
        live.document(format, variant).await
    }

    /// Packs a document in a coding, unless it is.
    pub async fn pack(&self, document: &Arc<Document>, coding: Coding) {
        live::pack(document, coding).await;
    }

    /// A public feed's document if it is written and packed already: what costs nothing.
    pub fn at_hand(&self, feed: &str, format: Format, coding: Coding) -> Option<Arc<Document>> {
        let shown = self.shown.load();
        let document = shown.feeds.get(feed)?.at_hand(format)?;
        document.representation(coding)?;
        (!document.private).then_some(document)
    }

    /// A feed's document in which every event up to `seq` is visible: waits until it is. `None` when there is no such
    /// feed.
    pub async fn document_at(&self, feed: &FeedId, format: Format, seq: Seq) -> Option<Arc<Document>> {
        self.seen.subscribe().wait_for(|seen| *seen >= seq).await.ok()?;
        self.document(feed, format, &Variant::default()).await
    }

    /// The catalogue of all feeds.
    pub async fn opml(&self) -> Option<Arc<Document>> {
        live::catalogue(&self.shown.load_full(), self.clock.now()).await
    }

    /// What is published now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shown.load().settings)
    }

    /// The articles that a feed shows now, newest first.
    pub fn articles(&self, feed: &FeedId) -> Option<Vec<Arc<Article>>> {
        Some(self.shown.load().feeds.get(feed)?.articles())
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

    /// Takes note of when each source is looked at next: caches are told not to ask before.
    pub fn expect(&self, dues: Arc<HashMap<SourceId, Timestamp>>) {
        for live in self.shown.load().feeds.values() {
            live.expect(&dues);
        }
        *self.dues.lock().unwrap_or_else(PoisonError::into_inner) = dues;
    }
}

/// The addresses of a feed's documents, in the order of [`Format::ALL`], as they say them themselves: what a hub calls
/// topics. None for a feed that is gone, or not for everybody.
pub fn topics(settings: &Settings, feed: &Feed) -> Vec<String> {
    if feed.is_private() || matches!(feed.life, Life::Ended | Life::Moved(_)) {
        return Vec::new();
    }
    let address = document::Address::of(settings, &feed.id);
    Format::ALL.map(|format| address.of_format(format)).to_vec()
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
