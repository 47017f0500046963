//! Places by key, so that what many ask for is made once; as many as were asked for last.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many are kept: whatever was not asked for longest makes room.
const KEPT: usize = 24;

/// The places. What stands in one is its own business.
pub(super) struct Kept<K, V>(Mutex<Places<K, V>>);

struct Places<K, V> {
    places: HashMap<K, Place<V>>,
    /// Counts requests, so that the oldest can be told.
    n_asked: u64,
}

struct Place<V> {
    value: Arc<V>,
    asked: u64,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Places { places: HashMap::new(), n_asked: 0 }))
    }
}

impl<K: Clone + Eq + Hash, V: Default> Kept<K, V> {
    /// The place of a key, made where there is none.
    pub(super) fn place(&self, key: &K) -> Arc<V> {
        let mut guard = self.lock();
        let Places { places, n_asked } = &mut *guard;
        *n_asked += 1;
        if places.len() >= KEPT && !places.contains_key(key) {
            let oldest = places.iter().min_by_key(|(_, place)| place.asked).map(|(key, _)| key.clone());
            oldest.and_then(|key| places.remove(&key));
        }
        let new = || Place { value: Arc::default(), asked: 0 };
        let place = places.entry(key.clone()).or_insert_with(new);
        place.asked = *n_asked;
        Arc::clone(&place.value)
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.lock().places.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Places<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_asked_for_stay() {
        let kept: Kept<usize, u8> = Kept::default();
        let first = kept.place(&0);
        for key in 1..KEPT {
            kept.place(&key);
        }
        assert!(Arc::ptr_eq(&first, &kept.place(&0)));
        let second = kept.place(&1);
        for key in KEPT..2 * KEPT - 2 {
            kept.place(&key);
        }
        assert!(Arc::ptr_eq(&first, &kept.place(&0)) && Arc::ptr_eq(&second, &kept.place(&1)));
        for key in 100..100 + KEPT {
            kept.place(&key);
        }
        assert!(!Arc::ptr_eq(&first, &kept.place(&0)));
        kept.clear();
        assert!(!Arc::ptr_eq(&second, &kept.place(&1)));
    }
}
