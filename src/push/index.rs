//! Who may want an article: webhooks by what their filters need of it, subscribers of the hub by their feed. Routing an
//! article costs what those cost that may want it, not what all cost.
//!
//! Filters look for whole words, so a table of words finds the candidates in one step for each word of the article.

use std::{collections::HashMap, sync::Arc};

use url::Url;

use super::{book::Entry, hub::Topics};
use crate::model::{Channel, FeedId, Subscription, filter::Facts};

/// Subscriptions by what decides about them first.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Arc<Entry>>,
    /// Webhooks by a word that an article has to have for them.
    by_key: HashMap<Box<str>, Vec<usize>>,
    /// Webhooks that no word decides about.
    always: Vec<usize>,
    /// Subscribers of the hub by the feed that they are told.
    by_feed: HashMap<FeedId, Vec<usize>>,
    /// How many subscribers each topic has.
    topics: HashMap<String, usize>,
    /// How many subscribers of the hub stand at each host.
    hosts: HashMap<String, usize>,
}

impl Index {
    /// The index of these.
    pub(super) fn of(entries: Vec<Arc<Entry>>, topics: &Topics) -> Self {
        let mut index = Self::default();
        for (number, entry) in entries.iter().enumerate() {
            if let Some(subscription) = entry.current.load_full() {
                index.add(number, &subscription, topics);
            }
        }
        Self { entries, ..index }
    }

    fn add(&mut self, number: usize, subscription: &Subscription, topics: &Topics) {
        if let Channel::WebSub { topic, .. } = &subscription.channel {
            if let Some((feed, _)) = topics.get(topic) {
                self.by_feed.entry(feed.clone()).or_default().push(number);
            }
            *self.topics.entry(topic.clone()).or_default() += 1;
            let url = Url::parse(&subscription.url).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
            *self.hosts.entry(host.to_owned()).or_default() += 1;
            return;
        }
        match subscription.filter.as_ref().and_then(|filter| filter.keys()) {
            None => self.always.push(number),
            Some(keys) => {
                for key in keys {
                    self.by_key.entry(key.into()).or_default().push(number);
                }
            }
        }
    }

    /// Is there any webhook?
    pub(super) fn has_webhooks(&self) -> bool {
        !self.always.is_empty() || !self.by_key.is_empty()
    }

    /// Every webhook, as it is now and in the order of their ids.
    pub(super) fn webhooks(&self) -> Vec<Arc<Subscription>> {
        let mut numbers: Vec<_> = self.always.iter().chain(self.by_key.values().flatten()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.at(numbers)
    }

    /// Is there any subscriber of the hub?
    pub(super) fn has_subscribers(&self) -> bool {
        !self.by_feed.is_empty()
    }

    /// The webhooks that may want an article, each once, as they are now and in the order of their ids.
    pub(super) fn candidates(&self, facts: &Facts) -> Vec<Arc<Subscription>> {
        let mut numbers = self.always.clone();
        if !self.by_key.is_empty() {
            let found = facts.keys().into_iter().filter_map(|key| self.by_key.get(key));
            numbers.extend(found.flatten());
        }
        numbers.sort_unstable();
        numbers.dedup();
        self.at(numbers)
    }

    /// The subscribers of these feeds, as they are now.
    pub(super) fn subscribers(&self, feeds: &[FeedId]) -> Vec<Arc<Subscription>> {
        self.at(feeds.iter().filter_map(|feed| self.by_feed.get(feed)).flatten().copied())
    }

    /// How many subscribers a topic has.
    pub(super) fn n_of_topic(&self, topic: &str) -> usize {
        self.topics.get(topic).copied().unwrap_or_default()
    }

    /// How many subscribers of the hub stand at a host.
    pub(super) fn n_at_host(&self, host: &str) -> usize {
        self.hosts.get(host).copied().unwrap_or_default()
    }

    fn at(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Arc<Subscription>> {
        let entries = numbers.into_iter().filter_map(|number| self.entries.get(number));
        entries.filter_map(|entry| entry.current.load_full()).collect()
    }
}
