//! The subscriptions in memory: read without waiting, written through to the store one change at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use arc_swap::ArcSwapOption;

use super::{hub::Topics, index::Index};
use crate::{
    model::{Subscription, SubscriptionId},
    store::{self, Store},
};

/// Every subscription.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: RwLock<BTreeMap<SubscriptionId, Arc<Entry>>>,
    /// By what their filters need; made again when somebody asks after one came, went or got another filter.
    index: ArcSwapOption<Index>,
}

/// One subscription's place.
#[derive(Debug)]
pub(super) struct Entry {
    /// `None` once it was removed.
    pub current: ArcSwapOption<Subscription>,
    /// Held from reading to writing, so that a settled attempt and a pause never overwrite one another.
    pub changing: tokio::sync::Mutex<()>,
}

impl Book {
    pub(super) async fn load(store: &dyn Store) -> store::Result<Self> {
        let book = Self::default();
        for subscription in store.subscriptions().await? {
            book.insert(subscription);
        }
        Ok(book)
    }

    /// Every subscription, by id.
    pub(super) fn all(&self) -> Vec<Arc<Subscription>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.values().filter_map(|entry| entry.current.load_full()).collect()
    }

    pub(super) fn get(&self, id: &SubscriptionId) -> Option<Arc<Subscription>> {
        self.entry(id)?.current.load_full()
    }

    pub(super) fn entry(&self, id: &SubscriptionId) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn insert(&self, subscription: Subscription) {
        let id = subscription.id.clone();
        let entry = Entry {
            current: ArcSwapOption::from_pointee(subscription),
            changing: tokio::sync::Mutex::default(),
        };
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(entry));
        self.index.store(None);
    }

    pub(super) fn forget(&self, id: &SubscriptionId) {
        if let Some(entry) = self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(id) {
            entry.current.store(None);
        }
        self.index.store(None);
    }

    /// What the index is made of is not what it was.
    pub(super) fn changed(&self) {
        self.index.store(None);
    }

    /// The index, made again where it is old. Whoever changes the book holds `routing`, as the one who asks does.
    pub(super) fn index(&self, topics: &Topics) -> Arc<Index> {
        if let Some(index) = self.index.load_full() {
            return index;
        }
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let index = Arc::new(Index::of(entries.values().cloned().collect(), topics));
        self.index.store(Some(Arc::clone(&index)));
        index
    }
}
