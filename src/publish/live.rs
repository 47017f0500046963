//! One feed as it is visible: what its view shows, and the documents that were written from that.
//!
//! A view that changed is visible at once: whoever asks next gets a document of the new version, and waits for
//! it to be written if nobody did yet. However many ask at the same time, it is written once. What was asked for
//! before is written in advance, so that hardly anybody waits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{
    Coding, Document, Extent, Feed, Format, Freshness, Settings, Shown,
    document::{Address, Links, Moment},
    history::Past,
    render,
};
use crate::model::{Article, ArticleId, SourceId, Timestamp};

/// Documents beside the three that every feed has: how many are kept of one feed. Each costs as much as a feed.
const VARIANTS: usize = 32;

/// What a document shows other than its feed as it is. The default is the feed as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Variant {
    /// The newest so many only.
    pub limit: Option<usize>,
    /// Of articles that say the same the first-seen one only.
    pub collapse: bool,
    /// How much of each article.
    pub extent: Option<Extent>,
    /// What stands between our address and `/feeds`, for readers of private feeds.
    pub prefix: Option<Arc<str>>,
}

/// A feed as it is visible.
pub(super) struct Live {
    snapshot: ArcSwap<Snapshot>,
    /// By format.
    slots: [Slot; 3],
    others: Mutex<HashMap<(Format, Variant), Arc<Slot>>>,
    /// Its last versions, for who has one of them.
    pub(super) past: Past,
}

/// What a feed shows at one moment.
#[derive(Clone)]
pub(super) struct Snapshot {
    /// Never the same for two snapshots.
    pub(super) version: u64,
    /// When it became visible.
    pub(super) since: Timestamp,
    pub(super) settings: Arc<Settings>,
    pub(super) feed: Arc<Feed>,
    /// Newest first.
    pub(super) articles: Vec<Arc<Article>>,
    pub(super) gone: Vec<(ArticleId, Timestamp)>,
    pub(super) links: Links,
    /// When it last changed, by the articles; never in the future.
    pub(super) changed: Timestamp,
    pub(super) freshness: Arc<Freshness>,
}

/// Where a document of a feed is kept.
#[derive(Default)]
pub(super) struct Slot {
    written: ArcSwapOption<Written>,
    /// Held by whoever writes it.
    turn: tokio::sync::Mutex<()>,
}

/// A document, and the version of which it is. The document is an older one where that version could not be written.
struct Written {
    version: u64,
    document: Option<Arc<Document>>,
}

// === impl Live ===

impl Live {
    /// A feed that shows `snapshot`.
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            slots: Default::default(),
            others: Mutex::default(),
            past: Past::default(),
        }
    }

    /// Shows `snapshot` from now on.
    pub(super) fn update(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(super) fn articles(&self) -> Vec<Arc<Article>> {
        self.snapshot.load().articles.clone()
    }

    /// Caches may keep its documents until the first of its sources is looked at again.
    pub(super) fn expect(&self, dues: &HashMap<SourceId, Timestamp>) {
        let snapshot = self.snapshot.load();
        snapshot.freshness.expect(snapshot.feed.sources.iter().filter_map(|id| dues.get(id)).min().copied());
    }

    /// A document of the version that is visible now, if it is written.
    pub(super) fn at_hand(&self, format: Format) -> Option<Arc<Document>> {
        self.slots[format as usize].current(self.snapshot.load().version)
    }

    /// A document of the version that is visible now, written if it has to be. `None` only where no rendering ever
    /// passed the strict reading.
    pub(super) async fn document(&self, format: Format, variant: &Variant) -> Option<Arc<Document>> {
        let other;
        let slot = if *variant == Variant::default() {
            &self.slots[format as usize]
        } else {
            other = self.other(format, variant);
            &*other
        };
        let snapshot = self.snapshot();
        let version = snapshot.version;
        let written = {
            let variant = variant.clone();
            slot.written(version, move |previous| render::write(&snapshot, format, &variant, previous)).await
        };
        let is_whole = variant.limit.is_none() && variant.extent.is_none() && !variant.collapse;
        if let (Some(document), true) = (&written, is_whole) {
            self.past.remember(format, document);
        }
        written
    }

    /// Writes again what was written of an older version, in the codings in which it was asked for.
    pub(super) async fn refresh(&self) {
        for format in Format::ALL {
            let Some(old) = self.slots[format as usize].any() else { continue };
            let Some(new) = self.document(format, &Variant::default()).await else { continue };
            for coding in old.wanted() {
                pack(&new, coding).await;
            }
        }
    }

    fn other(&self, format: Format, variant: &Variant) -> Arc<Slot> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if others.len() >= VARIANTS && !others.contains_key(&(format, variant.clone())) {
            // Whoever still wants one of them makes it again; all it costs is the rendering.
            others.clear();
        }
        Arc::clone(others.entry((format, variant.clone())).or_default())
    }
}

/// Packs a document in a coding, on a thread that may take its time.
pub(super) async fn pack(document: &Arc<Document>, coding: Coding) {
    if document.representation(coding).is_some() {
        return;
    }
    let document = Arc::clone(document);
    let packed = tokio::task::spawn_blocking(move || {
        document.pack(coding);
    });
    if let Err(error) = packed.await {
        tracing::error!(%error, "packing a document failed: {error}");
    }
}

/// The catalogue of everything that is shown.
pub(super) async fn catalogue(shown: &Arc<Shown>, now: Timestamp) -> Option<Arc<Document>> {
    let version = shown.feeds.values().map(|live| live.snapshot.load().version).max().unwrap_or(0);
    let job = Arc::clone(shown);
    shown.opml.written(version, move |previous| render::catalogue(&job, previous, now)).await
}

// === impl Snapshot ===

impl Snapshot {
    /// Where a variant of it stands.
    pub(super) fn own(&self, variant: &Variant) -> Address {
        address(&self.settings, &self.feed, variant)
    }

    /// Where the story of a variant goes on. What is cut to some number, or leaves repetitions out, is not what archives
    /// go on from.
    pub(super) fn links_of(&self, variant: &Variant) -> Links {
        if variant.limit.is_some() || variant.collapse {
            return Links::default();
        }
        let behind = |address: &Address| address.clone().behind(variant.prefix.as_deref());
        Links { prev_archive: self.links.prev_archive.as_ref().map(behind), ..self.links.clone() }
    }

    /// When one of its articles last changed, in the zone of that article.
    pub(super) fn updated(&self) -> Option<Moment> {
        let newest = self.articles.iter().max_by_key(|article| article.updated.max(article.published.at))?;
        Some(Moment::of(newest.updated.max(newest.published.at), newest.published.offset))
    }
}

/// Where a variant of a feed stands.
pub(super) fn address(settings: &Settings, feed: &Feed, variant: &Variant) -> Address {
    let own = Address::of(settings, &feed.id).behind(variant.prefix.as_deref());
    let mut query = feed.selection.clone();
    let mut add = |name: &str, value: String| {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&format!("{name}={value}"));
    };
    if let Some(extent) = variant.extent {
        add("content", extent.name().to_owned());
    }
    if let Some(limit) = variant.limit {
        add("limit", limit.to_string());
    }
    if variant.collapse {
        add("collapse", "1".to_owned());
    }
    Address { query, ..own }
}

// === impl Slot ===

impl Slot {
    /// The document of `version`.
    fn current(&self, version: u64) -> Option<Arc<Document>> {
        let written = self.written.load();
        written.as_ref().filter(|written| written.version == version)?.document.clone()
    }

    /// The document of whatever version.
    fn any(&self) -> Option<Arc<Document>> {
        self.written.load().as_ref()?.document.clone()
    }

    /// The document of `version`, written by `write` on a blocking thread if nobody did or does. A renderer that
    /// panics keeps what was visible, like one that writes nonsense.
    async fn written<W>(&self, version: u64, write: W) -> Option<Arc<Document>>
    where
        W: FnOnce(Option<&Arc<Document>>) -> Option<Arc<Document>> + Send + 'static,
    {
        let is_current = || self.written.load().as_ref().is_some_and(|written| written.version == version);
        if is_current() {
            return self.any();
        }
        let _turn = self.turn.lock().await;
        if is_current() {
            return self.any();
        }
        let previous = self.any();
        let kept = previous.clone();
        let written = tokio::task::spawn_blocking(move || write(previous.as_ref())).await;
        let document = written.unwrap_or_else(|error| {
            metrics::counter!("loa_render_failures_total", "format" => "all").increment(1);
            tracing::error!(%error, "rendering failed: {error}");
            kept
        });
        self.written.store(Some(Arc::new(Written { version, document: document.clone() })));
        document
    }
}
