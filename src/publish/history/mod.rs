//! What a feed said before, and what changed: archives that never change (RFC 5005, section 4), everything since a
//! date or a line of the journal (section 3), edits and withdrawals, and what is new since a version that a client
//! has (RFC 3229).
//!
//! All of it is read from the journal when somebody asks. Only where archives end is known in advance: the follower
//! counts lines as they come.

mod archive;
mod changes;
mod cuts;
mod delta;
mod kept;
mod since;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::{
    Document, Extent, Format, Freshness, Publisher, Settings, cache,
    document::{self, Address, Channel, Links},
    live::{Live, Snapshot},
    render,
};
use crate::{
    model::{Article, ArticleId, Event, FeedId, Seq, Timestamp},
    store::{self, Store},
};
use cuts::{Cuts, Stream};
pub use delta::Delta;
pub(super) use delta::Past;
use kept::Kept;
pub use since::{Since, Start};

/// How many journal lines are read at once.
const LINES: usize = 1_000;
/// How many are read from the store and written at once.
const WORKING: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a piece of history cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is no feed of this name, or it is not read yet.
    #[error("the feed is not there")]
    NoFeed,
    /// There is no archive of this name.
    #[error("there is no archive of this number")]
    NoArchive {
        /// The last one.
        newest: Option<Seq>,
    },
    /// The journal does not reach that far yet.
    #[error("the newest line of the journal is {head}")]
    Ahead {
        /// How far it reaches.
        head: Seq,
    },
    /// The journal does not reach back that far.
    #[error("the journal before {floor} is not kept any more")]
    Pruned {
        /// Where it begins now.
        floor: Seq,
    },
    /// Too much is asked for at once.
    #[error("too much history is asked for at once")]
    Busy,
    /// What was written could not be read again: our bug, and in the log.
    #[error("it cannot be written")]
    Broken,
    /// The store failed.
    #[error(transparent)]
    Store(store::Error),
}

/// A result of history.
pub(super) type Result<T, E = Unavailable> = std::result::Result<T, E>;

/// What is known and kept of history.
pub(super) struct History {
    cuts: Mutex<Cuts>,
    documents: Kept<Key, OnceCell<Arc<Document>>>,
    changes: Kept<Reader, tokio::sync::Mutex<Option<changes::Told>>>,
    working: Semaphore,
}

/// A feed, and what stands between our address and `/feeds` for its readers.
type Reader = (FeedId, Option<Arc<str>>);

/// Which document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    feed: FeedId,
    format: Format,
    prefix: Option<Arc<str>>,
    what: What,
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    /// The block that ends here.
    Archive(Seq),
    /// The page at this query, when the journal ended here.
    Since(String, Seq),
    /// What is new in one version since another.
    Delta(String, String),
}

/// A document that is to be written.
struct Job {
    snapshot: Arc<Snapshot>,
    format: Format,
    channel: Channel,
    changed: Timestamp,
    freshness: Arc<Freshness>,
}

impl From<store::Error> for Unavailable {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Pruned { floor } => Self::Pruned { floor },
            other => Self::Store(other),
        }
    }
}

// === impl Publisher ===

impl Publisher {
    /// Counts the lines of the journal up to `seen` for the archives of all feeds, unless they are counted. What was
    /// known stays known meanwhile.
    pub(super) async fn count(&self, settings: &Settings, seen: Seq) -> store::Result<()> {
        let streams: Vec<_> = settings.feeds.iter().map(Stream::of).collect();
        let known = self.history.cuts().clone();
        let is_known = streams.iter().all(|stream| known.knows(stream));
        let mut cuts = if is_known { known } else { Cuts::new(streams) };
        count(self.store.as_ref(), &mut cuts, seen).await?;
        *self.history.cuts() = cuts;
        Ok(())
    }

    /// Where a feed goes on: its newest archive.
    pub(super) fn links(&self, settings: &Settings, feed: &super::Feed) -> Links {
        let newest = feed.selection.is_empty().then(|| self.history.cuts().newest(&Stream::of(feed)));
        let prev_archive = newest.flatten().map(|end| archive::address(settings, &feed.id, end));
        Links { prev_archive, ..Links::default() }
    }

    fn live(&self, feed: &FeedId) -> Result<Arc<Live>> {
        self.shown.load().feeds.get(feed).cloned().ok_or(Unavailable::NoFeed)
    }
}

async fn count(store: &dyn Store, cuts: &mut Cuts, seen: Seq) -> store::Result<()> {
    while cuts.seen() < seen {
        match store.events(cuts.seen(), LINES).await {
            Ok(events) if events.is_empty() => break,
            Ok(events) => drop(cuts.take(&events)),
            Err(store::Error::Pruned { floor }) => cuts.skip(floor),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The revision of which a line speaks.
async fn revision(store: &dyn Store, event: &Event) -> store::Result<Option<Arc<Article>>> {
    Ok(store.article(event.article, Some(event.revision)).await?.map(Arc::new))
}

/// When an article was taken back, as the feed itself says it.
fn withdrawal(article: &Article) -> (ArticleId, Timestamp) {
    (article.id, article.updated.max(article.first_seen))
}

// === impl History ===

impl History {
    pub(super) fn new() -> Self {
        Self {
            cuts: Mutex::default(),
            documents: Kept::default(),
            changes: Kept::default(),
            working: Semaphore::new(WORKING),
        }
    }

    /// Takes note of the next lines of the journal. True when an archive is complete that was not before.
    pub(super) fn take(&self, events: &[Event]) -> bool {
        self.cuts().take(events)
    }

    /// Forgets every document: the settings have changed.
    pub(super) fn clear(&self) {
        self.documents.clear();
        self.changes.clear();
    }

    fn cuts(&self) -> MutexGuard<'_, Cuts> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        let turn = tokio::time::timeout(PATIENCE, self.working.acquire()).await;
        turn.ok().and_then(std::result::Result::ok).ok_or(Unavailable::Busy)
    }
}

// === impl Job ===

impl Job {
    /// A document of `articles`, newest first, all of them, at an address of its own.
    fn whole(
        snapshot: &Arc<Snapshot>,
        format: Format,
        (own, links): (Address, Links),
        (articles, gone): (&[Arc<Article>], &[(ArticleId, Timestamp)]),
        extent: Extent,
    ) -> Self {
        let feed = &snapshot.feed;
        let selection = document::Selection { feed, articles, gone, own, links, extent };
        let channel = document::compose_whole(&snapshot.settings, &selection);
        let dates =
            channel.entries.iter().map(|entry| entry.updated).chain(channel.gone.iter().map(|it| it.at));
        let changed = dates.max_by_key(|moment| moment.at);
        let changed_at = changed.map(|moment| moment.at).unwrap_or_default();
        let channel = Channel { updated: changed, ..channel };
        let freshness = Arc::clone(&snapshot.freshness);
        Self { snapshot: Arc::clone(snapshot), format, channel, changed: changed_at, freshness }
    }

    /// Writes it on a thread that may take its time.
    async fn write(self) -> Result<Arc<Document>> {
        let written = tokio::task::spawn_blocking(move || self.written()).await;
        written
            .unwrap_or_else(|error| {
                tracing::error!(%error, "writing history failed: {error}");
                None
            })
            .ok_or(Unavailable::Broken)
    }

    fn written(&self) -> Option<Arc<Document>> {
        let Self { snapshot, format, channel, changed, freshness } = self;
        let version = render::checked(*format, channel).map(|body| cache::Version {
            content_type: format.content_type(),
            link: document::link_header(channel, *format),
            body,
            changed: *changed,
            private: snapshot.feed.is_private(),
            freshness: Arc::clone(freshness),
            shows: Arc::default(),
        });
        render::accept(snapshot.feed.id.as_str(), format.extension(), version, None)
    }
}
