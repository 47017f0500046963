//! Parts of feeds that somebody asked for by a filter: views like those of feeds, read from the store when they are
//! asked for the first time, and followed for as long as they are asked for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OnceCell, Semaphore};

use super::{
    Document, Format, Publisher, Variant,
    follow::{LINES, read},
    live::Live,
    view::View,
};
use crate::{
    model::{FeedId, Filter},
    store,
};

/// How many are kept: whatever was not asked for longest makes room. Each holds its articles.
const KEPT: usize = 64;
/// How many of a source's newest articles one looks at when it is read from the store.
const REACH: usize = 2_000;
/// How many are read from the store at once: each keeps a core busy for a while.
const READING: usize = 1;
/// How long a request waits for its turn to have one read.
const PATIENCE: Duration = Duration::from_secs(10);

/// A part of a feed.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it wants.
    pub filter: Filter,
    /// The same as a query, from `?` on: two parts with the same are one.
    pub query: String,
}

/// Why a part of a feed cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many new ones are asked for.
    #[error("too many new filters are asked for at once")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Which part of which feed.
type Key = (FeedId, String);

/// The parts that are kept.
pub(super) struct Selections {
    known: Mutex<Known>,
    reading: Semaphore,
}

#[derive(Default)]
struct Known {
    parts: HashMap<Key, Kept>,
    /// Counts requests, so that the oldest can be told.
    n_asked: u64,
}

struct Kept {
    live: Arc<OnceCell<Arc<Live>>>,
    asked: u64,
}

impl Publisher {
    /// A document of the part of a feed. `None` for a feed that does not exist, or is not read yet.
    pub async fn part(
        &self,
        feed: &FeedId,
        part: &Part,
        format: Format,
        variant: &Variant,
    ) -> Result<Option<Arc<Document>>, Error> {
        if !self.shown.load().feeds.contains_key(feed) {
            return Ok(None);
        }
        let kept = self.selections.kept((feed.clone(), part.query.clone()));
        let live = kept.get_or_try_init(|| self.select(feed, part)).await?;
        Ok(live.document(format, variant).await)
    }

    /// Reads a part from the store and follows it from now on.
    async fn select(&self, feed: &FeedId, part: &Part) -> Result<Arc<Live>, Error> {
        let turn = tokio::time::timeout(PATIENCE, self.selections.reading.acquire()).await;
        let _turn = turn.map_err(|_| Error::Busy)?;
        let base = self.shown.load().feeds.get(feed).map(|live| live.snapshot()).ok_or(Error::Busy)?;
        // The number first: what is committed while the view is read is applied again, which changes nothing.
        let mut after = self.seen();
        let mut views = vec![View::new(Arc::new(base.feed.part(&part.filter, &part.query)))];
        read(self.store.as_ref(), &mut views, REACH).await?;
        self.label_views(&mut views);
        let mut state = self.state.lock().await;
        if !state.settings.as_ref().is_some_and(|settings| Arc::ptr_eq(settings, &base.settings)) {
            // The configuration was reloaded meanwhile: whoever asks again gets it by the new one.
            return Err(Error::Busy);
        }
        while after < state.seen {
            let events = self.store.events(after, LINES).await?;
            self.apply(&mut views, &events).await?;
            after = events.last().map_or(state.seen, |last| last.seq);
        }
        self.show(&base.settings, &mut views);
        let live = views.first().and_then(|view| view.live.clone()).expect("it was just shown");
        state.views.extend(views);
        let known = self.selections.lock();
        state.views.retain(|view| {
            let key = (view.feed.id.clone(), view.feed.selection.clone());
            view.feed.selection.is_empty() || known.parts.contains_key(&key)
        });
        Ok(live)
    }
}

// === impl Selections ===

impl Selections {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), reading: Semaphore::new(READING) }
    }

    /// Forgets all of them: the settings have changed.
    pub(super) fn clear(&self) {
        self.lock().parts.clear();
    }

    /// The place of a part, made where there is none.
    fn kept(&self, key: Key) -> Arc<OnceCell<Arc<Live>>> {
        let mut known = self.lock();
        known.n_asked += 1;
        let asked = known.n_asked;
        if let Some(kept) = known.parts.get_mut(&key) {
            kept.asked = asked;
            return Arc::clone(&kept.live);
        }
        if known.parts.len() >= KEPT
            && let Some(oldest) =
                known.parts.iter().min_by_key(|(_, kept)| kept.asked).map(|(key, _)| key.clone())
        {
            known.parts.remove(&oldest);
        }
        let live = Arc::default();
        known.parts.insert(key, Kept { live: Arc::clone(&live), asked });
        live
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
