//! Telling subscribers: who wants what (`subscription`), what is due (`router`), and saying it until it is
//! heard (`deliver`). Webhooks follow Standard Webhooks 1.0.
//!
//! ```text
//! journal ──▶ router ──▶ queue (store) ─┬─▶ deliver ──▶ endpoints
//!             filters     due times      │   one lane each, signed
//!                                        └─▶ mail ──▶ the mail server
//! ```
//!
//! An event that is in the journal reaches every interested endpoint at least once, in order while the
//! endpoint is healthy, with the same `webhook-id` every time. Deliveries of paused and disabled endpoints
//! wait in the queue until they are resumed or removed.

mod address;
mod book;
mod deliver;
pub mod form;
pub mod hub;
mod index;
mod lanes;
mod ledger;
#[cfg(test)]
mod ledger_tests;
pub mod mail;
mod message;
mod notice;
mod operator;
mod page;
pub mod payload;
mod ping;
mod policy;
mod router;
pub mod sign;
#[cfg(test)]
mod sign_tests;
mod subscription;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble_tests;
mod webhook;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, OnceCell};

use crate::{
    clock::SharedClock,
    journal::Journal,
    model::{
        Article, Delivery, Event, EventType, FeedId, Filter, Follower, Form, Secret, SourceId, State,
        Subscription, SubscriptionId, filter::Facts, markup, text,
    },
    net,
    store::{self, Store},
};

use book::Book;
use hub::Hub;
use mail::Mails;
use message::Messages;

pub use ledger::{Replay, Standing};
pub use notice::is_notice;
pub use ping::PING;
pub use subscription::{Added, Error, NewSubscription, Start};

/// Queues that are looked for at once.
const HEADS: usize = 1_000;

/// How deliveries are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time for one attempt.
    pub timeout: Duration,
    /// Delays before each attempt, the first included.
    pub schedule: Vec<Duration>,
    /// How far a delay may stray: 0.2 is ±20 %.
    pub jitter: f64,
    /// An endpoint that failed for this long is disabled.
    pub disable_after: Duration,
    /// Attempts under way at once, over all endpoints; those that take long are not counted.
    pub concurrency: usize,
    /// Attempts under way at once at one host.
    pub host_concurrency: usize,
    /// Attempts that may begin in a second at one host.
    pub host_rate: u32,
    /// May subscriptions made by the API stand at `http:` addresses?
    pub allow_http: bool,
    /// May subscriptions made by the API stand at private addresses?
    pub allow_private: bool,
    /// The most subscriptions.
    pub max_subscriptions: usize,
    /// The most subscriptions made by the API that stand at one host.
    pub max_per_host: usize,
    /// Does a webhook have to confirm a ping first?
    pub verify: bool,
    /// How long a secret still signs beside the one that replaced it.
    pub overlap: Duration,
    /// How long the ledger keeps an attempt.
    pub keep: Duration,
    /// How much it keeps of one subscription, in bytes.
    pub keep_bytes: u64,
    /// Webhooks of the configuration.
    pub webhooks: Vec<Webhook>,
    /// The forms that there are.
    pub forms: form::Forms,
    /// Where the public reaches us.
    pub base_url: String,
    /// The hub.
    pub hub: hub::Settings,
    /// How mails are sent; `None` where none are.
    pub mail: Option<mail::Settings>,
}

/// A webhook of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its key.
    pub id: SubscriptionId,
    /// Where to POST.
    pub url: String,
    /// Which articles.
    pub filter: Option<Filter>,
    /// Which events; empty for all.
    pub events: Vec<EventType>,
    /// The secret.
    pub secret: Secret,
    /// May it stand at a private address?
    pub allow_private: bool,
    /// What its bodies look like.
    pub form: Form,
    /// Where its owner hears of trouble: a `mailto:` address, or one of the web.
    pub owner: Option<String>,
}

/// What payloads and the hub have to know of a feed: which articles it shows, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Its key.
    pub id: FeedId,
    /// Whose articles.
    pub sources: Vec<SourceId>,
    /// Which of them.
    pub filter: Option<Filter>,
    /// Its addresses, as its documents say them.
    pub topics: Vec<String>,
}

/// The push room: subscriptions, routing and delivery.
pub struct Push {
    store: Arc<dyn Store>,
    journal: Arc<Journal>,
    client: net::Client,
    clock: SharedClock,
    settings: ArcSwap<Settings>,
    feeds: ArcSwap<Vec<Feed>>,
    /// Sources that are not for everybody.
    private: ArcSwap<BTreeSet<SourceId>>,
    /// Read from the store at first use.
    book: OnceCell<Book>,
    /// Held over a router's batch, and while a subscription is made: it starts exactly at the present.
    routing: tokio::sync::Mutex<()>,
    /// Wakes the deliverer; `touched` says for whom. The truth is in the store.
    work: Notify,
    touched: Mutex<BTreeSet<SubscriptionId>>,
    under_way: Arc<AtomicUsize>,
    /// What the newest events say, for all who are told of them.
    messages: Messages,
    hub: Hub,
    mails: Mails,
    /// Wakes whoever tells owners of trouble.
    trouble: Notify,
}

impl Settings {
    /// Requests that may be under way at once.
    pub fn requests(&self) -> usize {
        self.concurrency.saturating_add(lanes::MAX_SLOW)
    }
}

impl Push {
    /// The room, before it knows its subscriptions: call `reload` (and `set_feeds`) before `route` and `deliver`.
    pub fn new(
        store: Arc<dyn Store>,
        journal: Arc<Journal>,
        client: net::Client,
        clock: SharedClock,
        settings: Settings,
    ) -> Arc<Self> {
        let hub = Hub::new(settings.concurrency);
        Arc::new(Self {
            store,
            journal,
            client,
            clock,
            settings: ArcSwap::from_pointee(settings),
            feeds: ArcSwap::default(),
            private: ArcSwap::default(),
            book: OnceCell::new(),
            routing: tokio::sync::Mutex::default(),
            work: Notify::new(),
            touched: Mutex::default(),
            under_way: Arc::default(),
            messages: Messages::default(),
            hub,
            mails: Mails::default(),
            trouble: Notify::new(),
        })
    }

    /// Says which feeds there are: payloads name those that show an article.
    pub fn set_feeds(&self, feeds: Vec<Feed>) {
        self.hub.set_feeds(&feeds);
        self.feeds.store(Arc::new(feeds));
        self.messages.clear();
        if let Some(book) = self.book.get() {
            book.changed();
        }
    }

    /// Says which sources are not for everybody: who subscribed with a token that was handed out does not hear of them.
    pub fn set_private(&self, sources: BTreeSet<SourceId>) {
        self.private.store(Arc::new(sources));
    }

    fn may_hear(&self, subscription: &Subscription, event: &Event) -> bool {
        subscription.made_by.is_none() || !self.private.load().contains(&event.source)
    }

    /// True when everything that is recorded was routed, and nothing is under way or due now.
    pub async fn is_idle(&self) -> store::Result<bool> {
        if self.store.cursor(Follower::Router).await? != self.store.head().await?
            || self.under_way.load(Ordering::SeqCst) > 0
        {
            return Ok(false);
        }
        let (book, now) = (self.book().await?, self.clock.now());
        let mails_wait = self.mail_not_before(now) > now;
        let policy = self.policy();
        let is_due = |row: &Delivery| {
            book.get(&row.subscription).is_some_and(|one| {
                one.state == State::Active
                    && policy.ready(row, one.hold_until, now) <= now
                    && !(mails_wait && mail::mailing(&one).is_some())
            })
        };
        let mut after = None;
        loop {
            let heads = self.store.heads(after.as_ref(), HEADS).await?;
            if heads.iter().any(is_due) {
                return Ok(false);
            }
            match heads.into_iter().next_back() {
                Some(last) => after = Some(last.subscription),
                None => break,
            }
        }
        let is_asked = self.unproven().await?.iter().any(|id| is_due(&ping::row(id, now)));
        Ok(!is_asked && !self.has_notices(now, mails_wait).await?)
    }

    fn feeds_with(&self, event: &Event, article: &Article) -> Vec<FeedId> {
        let mut facts = None;
        let feeds = self.feeds.load();
        let showing = feeds.iter().filter(|feed| {
            feed.sources.contains(&event.source)
                && feed
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.matches(facts.get_or_insert_with(|| facts_of(article))))
        });
        showing.map(|feed| feed.id.clone()).collect()
    }

    async fn book(&self) -> store::Result<&Book> {
        self.book.get_or_try_init(|| Book::load(&*self.store)).await
    }

    /// Tells the deliverer to look at these endpoints.
    fn touch(&self, ids: impl IntoIterator<Item = SubscriptionId>) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        self.work.notify_one();
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").finish_non_exhaustive()
    }
}

/// What all filters ask of an article.
fn facts_of(article: &Article) -> Facts {
    Facts::new(article, &markup::to_text(article.content.html.as_str()))
}

/// So many random bytes in hexadecimal.
fn random_hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(text::hex(&bytes))
}
