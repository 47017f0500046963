//! The hub of our own feeds (WebSub): who subscribes to a feed's address is asked back (`intent`), and from then on
//! gets the feed, byte for byte, whenever it has changed, until the lease ends (`distribute`).
//!
//! A subscriber is a subscription like a webhook: its deliveries wait in the same queue and go through the same lanes.
//! What it is told is not the event but the feed as it is by then, so that one delivery makes up for all that wait.

mod ask;
mod distribute;
mod intent;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};

use super::{Error, Feed, Push, deliver::UnderWay};
use crate::{
    model::{Channel, FeedId, Seq, Subscription},
    net::guard,
};

pub use ask::{Ask, Mode, Refusal};

/// Subscribers that may wait to be asked back.
const ASKED: usize = 1_000;
/// Those of them that may stand at one host.
const ASKED_OF_HOST: usize = 100;

/// No lease is longer, whatever the settings (`hub.lease` ends there, too).
const LONGEST_LEASE: Duration = Duration::from_secs(10 * 24 * 3600);

/// How the hub works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Does it take subscriptions?
    pub open: bool,
    /// The longest lease, and that of whoever does not say one.
    pub lease: Duration,
    /// The most subscribers of one feed's address.
    pub max_per_topic: usize,
    /// The most subscriptions at one host.
    pub max_per_host: usize,
}

/// A feed as it is sent: exactly what its address serves.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Its media type.
    pub content_type: &'static str,
    /// Its `Link` header: the hub and itself.
    pub link: String,
    /// Its bytes.
    pub body: Bytes,
}

/// Where editions come from: of a feed, in the format that its n-th topic has, once the event is visible in it. `None`
/// when there is none now.
pub type Editions = Arc<dyn Fn(FeedId, usize, Seq) -> BoxFuture<'static, Option<Edition>> + Send + Sync>;

/// The feeds by their addresses: which feed, and the how manieth of its addresses that is.
pub(super) type Topics = HashMap<String, (FeedId, usize)>;

/// What the hub knows beside the subscriptions.
pub(super) struct Hub {
    topics: ArcSwap<Topics>,
    editions: OnceLock<Editions>,
    asked: mpsc::Sender<Asked>,
    /// Taken by whoever asks back.
    to_ask: tokio::sync::Mutex<mpsc::Receiver<Asked>>,
    /// How many wait at each host.
    hosts: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Questions under way at once: subscribers that take their time must not take the places of deliveries.
    questions: Semaphore,
}

/// A subscriber that waits to be asked back.
struct Asked {
    ask: Ask,
    /// One that waits is work: nobody is idle until it was asked.
    under_way: UnderWay,
    _place: Place,
}

/// One of the places that a host has.
struct Place {
    hosts: Arc<Mutex<BTreeMap<String, usize>>>,
    host: String,
}

// === impl Hub ===

impl Hub {
    pub(super) fn new(concurrency: usize) -> Self {
        let (asked, to_ask) = mpsc::channel(ASKED);
        Self {
            topics: ArcSwap::default(),
            editions: OnceLock::new(),
            asked,
            to_ask: tokio::sync::Mutex::new(to_ask),
            hosts: Arc::default(),
            questions: Semaphore::new((concurrency / 4).max(1)),
        }
    }

    /// Says which feeds there are.
    pub(super) fn set_feeds(&self, feeds: &[Feed]) {
        let topics = feeds.iter().flat_map(|feed| {
            feed.topics.iter().enumerate().map(|(n, topic)| (topic.clone(), (feed.id.clone(), n)))
        });
        self.topics.store(Arc::new(topics.collect()));
    }

    pub(super) fn topics(&self) -> Arc<Topics> {
        self.topics.load_full()
    }

    /// A place among those that wait at this host.
    fn place(&self, host: &str) -> Option<Place> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = hosts.entry(host.to_owned()).or_default();
        if *waiting >= ASKED_OF_HOST {
            return None;
        }
        *waiting += 1;
        Some(Place { hosts: Arc::clone(&self.hosts), host: host.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = hosts.get_mut(&self.host) {
            *waiting -= 1;
            if *waiting == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

// === impl Push ===

impl Push {
    /// Says where the editions of feeds come from. Once, before anything is delivered.
    pub fn set_editions(&self, editions: Editions) {
        self.hub.editions.set(editions).ok();
    }

    /// Takes a request to the hub, if there is nothing wrong with it. The subscriber is asked back later, whatever the
    /// answer to the request was (section 5.1.2).
    pub async fn ask_hub(&self, ask: Ask) -> Result<(), Error> {
        let settings = self.settings.load_full();
        if !settings.hub.open {
            return Err(Refusal::Closed.into());
        }
        if !self.hub.topics().contains_key(&ask.topic) {
            return Err(ask::wrong(
                "hub.topic",
                "it is not the address of a feed of ours, as the feed itself says it",
            )
            .into());
        }
        guard::check(&ask.callback, settings.allow_private)
            .map_err(|refusal| ask::wrong("hub.callback", &refusal.to_string()))?;
        if ask.mode == Mode::Subscribe {
            let _routing = self.routing.lock().await;
            self.has_room(&ask).await?;
        }
        let host = ask.callback.host_str().unwrap_or_default().to_owned();
        let place = self.hub.place(&host).ok_or(Refusal::Busy)?;
        let asked = Asked { ask, under_way: UnderWay::begin(&self.under_way), _place: place };
        self.hub.asked.try_send(asked).map_err(|_| Refusal::Busy)?;
        metrics::counter!("loa_hub_requests_total").increment(1);
        Ok(())
    }

    /// Is there room for one subscription more? Whoever asks holds `routing`.
    async fn has_room(&self, ask: &Ask) -> Result<(), Error> {
        let settings = self.settings.load_full();
        let (book, topics) = (self.book().await?, self.hub.topics());
        if book.get(&ask.id()).is_some() {
            return Ok(());
        }
        let index = book.index(&topics);
        let host = ask.callback.host_str().unwrap_or_default();
        let full = |what: &str, most: usize| {
            Error::from(Refusal::Full(format!(
                "{what} has {most} subscriptions already, as many as there may be"
            )))
        };
        if index.n_of_topic(&ask.topic) >= settings.hub.max_per_topic {
            return Err(full("this feed", settings.hub.max_per_topic));
        }
        if index.n_at_host(host) >= settings.hub.max_per_host {
            return Err(full("this host", settings.hub.max_per_host));
        }
        Ok(())
    }
}

/// The topic and the end of the lease, of a subscriber of the hub.
pub(super) fn lease(subscription: &Subscription) -> Option<(&str, crate::model::Timestamp)> {
    match &subscription.channel {
        Channel::WebSub { topic, until } => Some((topic, *until)),
        Channel::Webhook(_) | Channel::Mail(_) => None,
    }
}

fn counted(result: &'static str) {
    metrics::counter!("loa_hub_verifications_total", "result" => result).increment(1);
}
