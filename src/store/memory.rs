//! The table in memory.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use super::table::{Batch, Row};

/// Rows in memory; nothing outlives the process.
#[derive(Default)]
pub(super) struct Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Memory {
    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows().get(key).cloned()
    }

    pub(super) fn range(&self, from: Bound<&[u8]>, to: &[u8], limit: usize) -> Vec<Row> {
        let rows = self.rows();
        let found = rows.range::<[u8], _>((from, Bound::Excluded(to)));
        found.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    pub(super) fn last(&self, from: &[u8], to: &[u8]) -> Option<Row> {
        let rows = self.rows();
        let mut found = rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        found.next_back().map(|(key, value)| (key.clone(), value.clone()))
    }

    pub(super) fn apply(&self, batch: Batch) {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in batch {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
    }

    fn rows(&self) -> RwLockReadGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
