//! What is known of every source's hub: in the store, and in memory in front of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, OnceCell};

use super::advert_due;
use crate::{
    ingest::schedule::pushed::Pushed,
    model::{Following, SourceId, Timestamp},
    store::{self, Store},
};

/// Every source that has or had a hub.
///
/// Nothing is awaited while `known` is locked: loops that read it wait for passes and requests of their own, which must
/// be able to go on. What changed in memory is written by [`Book::keep`], one after the other, and always as it is last.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Book {
    /// Empty until it was read from the store.
    known: OnceCell<Mutex<Known>>,
    /// Whose turn it is to write.
    writing: tokio::sync::Mutex<()>,
    /// Tokens of the subscriptions about which a hub is being asked.
    asking: Mutex<HashSet<Vec<u8>>>,
    /// Something changed: look again whom to ask.
    pub(super) changed: Notify,
    /// Nobody has looked since it did.
    is_stale: AtomicBool,
    /// Sources of which something changed that may move their due times.
    moved: Mutex<HashSet<SourceId>>,
}

/// What is known of each source.
pub(super) type Known = BTreeMap<SourceId, Following>;

/// Removes the mark of a request under way, however it ends.
pub(super) struct Asking<'a>(&'a Book, Vec<u8>);

impl Book {
    /// Opens it; the first time it is read from the store.
    async fn open(&self, store: &dyn Store) -> store::Result<MutexGuard<'_, Known>> {
        let known = self.known.get_or_try_init(async || {
            let all = store.followings().await?.into_iter();
            Ok(Mutex::new(all.map(|following| (following.source.clone(), following)).collect()))
        });
        Ok(known.await?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something changed that may ask for a request to a hub.
    pub(in crate::ingest) fn reconsider(&self) {
        self.is_stale.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Looks whom to ask: what changes from now on asks for another look.
    pub(super) async fn consider<T>(
        &self,
        store: &dyn Store,
        look: impl FnOnce(&mut Known) -> T,
    ) -> store::Result<T> {
        let mut known = self.open(store).await?;
        self.is_stale.store(false, Ordering::Release);
        Ok(look(&mut known))
    }

    /// Changes what is known of one source; on the disk, too, when this returns.
    pub(super) async fn change<T>(
        &self,
        store: &dyn Store,
        source: &SourceId,
        edit: impl FnOnce(&mut Following) -> T,
    ) -> store::Result<T> {
        let (done, is_new) = {
            let mut known = self.open(store).await?;
            let before = known.get(source).cloned().unwrap_or_else(|| Following::new(source.clone()));
            let mut after = before.clone();
            let done = edit(&mut after);
            let is_new = after != before;
            if is_new {
                known.insert(source.clone(), after);
            }
            (done, is_new)
        };
        if is_new {
            self.keep(store, source).await?;
        }
        Ok(done)
    }

    /// Takes in a genuine push. One that others wait before needs no write: a hub that repeats itself costs us nothing.
    pub(super) async fn push(
        &self,
        store: &dyn Store,
        source: &SourceId,
        now: Timestamp,
    ) -> store::Result<()> {
        let is_first = {
            let mut known = self.open(store).await?;
            let Some(following) = known.get_mut(source) else { return Ok(()) };
            let is_first = following.waiting().is_none();
            following.pushes += 1;
            following.pushed = Some(now);
            is_first
        };
        if is_first { self.keep(store, source).await } else { Ok(()) }
    }

    /// Writes what is known of one source, or that nothing is.
    pub(super) async fn keep(&self, store: &dyn Store, source: &SourceId) -> store::Result<()> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone());
        let _turn = self.writing.lock().await;
        match self.get(store, source).await? {
            Some(following) => store.put_following(following).await,
            None => store.remove_following(source).await,
        }
    }

    /// What is known of one source.
    pub(in crate::ingest) async fn get(
        &self,
        store: &dyn Store,
        source: &SourceId,
    ) -> store::Result<Option<Following>> {
        Ok(self.open(store).await?.get(source).cloned())
    }

    /// The sources of which something changed since this was asked last.
    pub(in crate::ingest) fn moved(&self) -> HashSet<SourceId> {
        std::mem::take(&mut *self.moved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What hubs have to say about when each source is looked at.
    pub(in crate::ingest) async fn pushed(
        &self,
        store: &dyn Store,
    ) -> store::Result<HashMap<SourceId, Pushed>> {
        let known = self.open(store).await?;
        Ok(known.values().map(|following| (following.source.clone(), Pushed::from(following))).collect())
    }

    /// Marks a subscription as being asked about; `None` where it is already.
    pub(super) fn ask(&self, token: &[u8]) -> Option<Asking<'_>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.insert(token.to_vec()).then(|| Asking(self, token.to_vec()))
    }

    /// How many hubs are being asked.
    pub(super) fn n_asking(&self) -> usize {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// True while a hub is being asked, or has to be.
    pub(super) fn is_busy(&self, now: Timestamp) -> bool {
        let asks = self.n_asking() > 0 || self.is_stale.load(Ordering::Acquire);
        let is_due = |following: &Following| advert_due(following).is_some_and(|due| due <= now);
        let Some(known) = self.known.get() else { return true };
        asks || known.lock().unwrap_or_else(PoisonError::into_inner).values().any(is_due)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
        self.0.reconsider();
    }
}

impl From<&Following> for Pushed {
    fn from(following: &Following) -> Self {
        Self { waiting: following.waiting(), until: following.until(), trust: following.trust }
    }
}
