//! Who may want an article: subscriptions by what their filters need of it. Routing an article costs what those cost
//! that may want it, not what all cost.
//!
//! Filters look for whole words, so a table of words finds the candidates in one step for each word of the article.

use std::{collections::HashMap, sync::Arc};

use super::book::Entry;
use crate::model::{Subscription, filter::Facts};

/// Subscriptions by a word that an article has to have for them.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Arc<Entry>>,
    by_key: HashMap<Box<str>, Vec<usize>>,
    /// Those that no word decides about.
    always: Vec<usize>,
}

impl Index {
    /// The index of these.
    pub(super) fn of(entries: Vec<Arc<Entry>>) -> Self {
        let (mut by_key, mut always): (HashMap<Box<str>, Vec<usize>>, _) = (HashMap::new(), Vec::new());
        for (number, entry) in entries.iter().enumerate() {
            let Some(subscription) = entry.current.load_full() else { continue };
            match subscription.filter.as_ref().and_then(|filter| filter.keys()) {
                None => always.push(number),
                Some(keys) => {
                    for key in keys {
                        by_key.entry(key.into()).or_default().push(number);
                    }
                }
            }
        }
        Self { entries, by_key, always }
    }

    /// Is nobody in it?
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those that may want an article, each once, as they are now and in the order of their ids.
    pub(super) fn candidates(&self, facts: &Facts) -> Vec<Arc<Subscription>> {
        let mut numbers = self.always.clone();
        if !self.by_key.is_empty() {
            let found = facts.keys().into_iter().filter_map(|key| self.by_key.get(key));
            numbers.extend(found.flatten());
        }
        numbers.sort_unstable();
        numbers.dedup();
        let entries = numbers.into_iter().filter_map(|number| self.entries.get(number));
        entries.filter_map(|entry| entry.current.load_full()).collect()
    }
}
