//! What is kept, and the promises with which it is kept.
//!
//! Two backends, `memory` and `sled`, are ordered tables of bytes; `keyed` makes a store of either, `keys` says where
//! each record stands and `codec` what it looks like. One suite of promises, `conformance`, holds for both. Only
//! `journal` calls [`Store::commit`]; a tidy test watches that.

mod codec;
#[cfg(test)]
pub(crate) mod conformance;
mod keyed;
mod keys;
pub(crate) mod lines;
mod memory;
mod sled;
mod table;

use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{
    Article, ArticleId, Attempt, Backfill, Canary, Delivery, Digest, Event, Follower, Following, Gate,
    IdentityKey, Known, Mended, Outcome, Revision, Seq, SourceId, SourceState, Subscription, SubscriptionId,
    Timestamp, Token, TokenId,
};

/// Everything that outlives the process.
///
/// Every write is durable when it returns: on the disk, not in a cache of the operating system.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The newest journal line's number; 0 in an empty store.
    async fn head(&self) -> Result<Seq>;

    /// What is known under each of `keys` of `source`, in their order.
    async fn known(&self, source: &SourceId, keys: &[IdentityKey]) -> Result<Vec<Option<Known>>>;

    /// Applies a commit whole or not at all and returns the new head.
    /// [`Error::Conflict`] when `commit.expected` is not the head any more.
    /// An alias that already leads to another article keeps leading there.
    async fn commit(&self, commit: Commit) -> Result<Seq>;

    /// Up to `limit` journal lines after `after`, in order. [`Error::Pruned`] when `after` lies before the floor.
    async fn events(&self, after: Seq, limit: usize) -> Result<Vec<Event>>;

    /// One revision of an article; the latest for `None`.
    async fn article(&self, id: ArticleId, revision: Option<Revision>) -> Result<Option<Article>>;

    /// The latest revisions of `source`'s articles, newest first (see [`Place`]),
    /// starting after `after`. Withdrawn ones are included.
    async fn newest(&self, source: &SourceId, after: Option<Place>, limit: usize) -> Result<Vec<Article>>;

    /// What is remembered of a source.
    async fn source(&self, id: &SourceId) -> Result<Option<SourceState>>;

    /// Every remembered source, by id.
    async fn sources(&self) -> Result<Vec<SourceState>>;

    /// Remembers a source outside of a commit (a pass that changed no article).
    async fn put_source(&self, state: SourceState) -> Result<()>;

    /// What the quality gate remembers of a source.
    async fn gate(&self, source: &SourceId) -> Result<Option<Gate>>;

    /// The same of every source, by id.
    async fn gates(&self) -> Result<Vec<Gate>>;

    /// Remembers it, outside of a commit.
    async fn put_gate(&self, gate: Gate) -> Result<()>;

    /// What completes the certificates of hosts that leave some out, by host.
    async fn mended(&self) -> Result<Vec<Mended>>;

    /// Adds or replaces what completes those of one host.
    async fn put_mended(&self, mended: Mended) -> Result<()>;

    /// Forgets it.
    async fn remove_mended(&self, host: &str, trust: Digest) -> Result<()>;

    /// How every source that has or had a hub is followed by push, by id. Holds secrets.
    async fn followings(&self) -> Result<Vec<Following>>;

    /// Adds or replaces how a source is followed.
    async fn put_following(&self, following: Following) -> Result<()>;

    /// Forgets how a source was followed.
    async fn remove_following(&self, source: &SourceId) -> Result<()>;

    /// What is remembered of a hub that is not ours. Holds secrets.
    async fn canary(&self) -> Result<Option<Canary>>;

    /// Replaces what is remembered of a hub that is not ours; `None` forgets it.
    async fn put_canary(&self, canary: Option<Canary>) -> Result<()>;

    /// Every token of the API, by name. Their hashes, that is.
    async fn tokens(&self) -> Result<Vec<Token>>;

    /// Adds or replaces a token.
    async fn put_token(&self, token: &Token) -> Result<()>;

    /// Removes a token.
    async fn remove_token(&self, id: &TokenId) -> Result<()>;

    /// How far every walk through an archive has come, by source.
    async fn backfills(&self) -> Result<Vec<Backfill>>;

    /// Remembers how far a walk has come.
    async fn put_backfill(&self, backfill: Backfill) -> Result<()>;

    /// How far a follower has read; 0 for one that never did.
    async fn cursor(&self, follower: Follower) -> Result<Seq>;

    /// A follower's progress together with the deliveries it produced: one write.
    ///
    /// What lies at or before the follower's cursor was taken by an earlier step and is not taken again, so a step
    /// may be repeated. Deliveries to subscriptions that do not exist (any more) are left out.
    async fn advance(&self, step: Step) -> Result<()>;

    /// Up to `limit` deliveries of one subscription that are due at `now`, by due time and sequence.
    /// Per subscription, so that one endpoint's backlog never stands before another's.
    async fn due(&self, subscription: &SubscriptionId, now: Timestamp, limit: usize)
    -> Result<Vec<Delivery>>;

    /// The first `limit` rows of each of these subscriptions' queues, due or not, in one look.
    async fn first_due(&self, subscriptions: Vec<SubscriptionId>, limit: usize)
    -> Result<Vec<Vec<Delivery>>>;

    /// The first row, due or not, of each of up to `limit` queues that have one: those of the subscriptions after
    /// `after`, by id.
    async fn heads(&self, after: Option<&SubscriptionId>, limit: usize) -> Result<Vec<Delivery>>;

    /// Up to `limit` parked deliveries of one subscription, by sequence.
    async fn parked(&self, subscription: &SubscriptionId, limit: usize) -> Result<Vec<Delivery>>;

    /// Writes down what became of deliveries, each with its subscription's own new state and its line of the ledger
    /// where there are such: one write.
    ///
    /// A delivery that is neither queued nor parked any more is passed over, and a removed subscription stays removed
    /// and gets no line. A parked delivery may be settled too: [`Outcome::Retry`] puts it back into the queue with no
    /// attempt counted.
    async fn settle(&self, settled: Vec<Settled>) -> Result<()>;

    /// Makes deliveries due (again): a replay. One that is parked leaves its place there; those of subscriptions that do
    /// not exist are left out.
    async fn enqueue(&self, deliveries: Vec<Delivery>) -> Result<()>;

    /// Up to `limit` lines of one subscription's ledger, newest first, older than `before`.
    async fn attempts(
        &self,
        subscription: &SubscriptionId,
        before: Option<(Timestamp, Seq)>,
        limit: usize,
    ) -> Result<Vec<Attempt>>;

    /// Takes the lines of one subscription's ledger away that are older than `before`, and, oldest first, as many as
    /// are beyond `bytes`. How many.
    async fn forget_attempts(
        &self,
        subscription: &SubscriptionId,
        before: Timestamp,
        bytes: u64,
    ) -> Result<u64>;

    /// Every subscription, by id.
    async fn subscriptions(&self) -> Result<Vec<Subscription>>;

    /// Adds or replaces a subscription.
    async fn put_subscription(&self, subscription: Subscription) -> Result<()>;

    /// Removes a subscription with everything queued or parked for it, and its ledger. False when there was none.
    async fn remove_subscription(&self, id: &SubscriptionId) -> Result<bool>;

    /// How much there is.
    async fn stats(&self) -> Result<Stats>;

    /// Up to `limit` records after the opaque place `after`, for an export; an empty answer is the end.
    /// An export holds the secrets of subscriptions, of others at ours and of ours at hubs.
    async fn dump(&self, after: Option<Vec<u8>>, limit: usize) -> Result<Vec<Record>>;

    /// Writes records of an export into this store as they are: their HTML is trusted. In any order.
    async fn restore(&self, records: Vec<Record>) -> Result<()>;
}

/// One atomic change of articles: the revisions, what finds them again, and the lines that speak of them.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The head that this commit was computed against.
    pub expected: Seq,
    /// New revisions.
    pub articles: Vec<Article>,
    /// Keys to remember: every key ever seen of an article leads to it.
    pub aliases: Vec<(SourceId, IdentityKey, ArticleId)>,
    /// Journal lines, numbered from `expected` on without a gap.
    pub events: Vec<Event>,
    /// The source's state after this.
    pub source: Option<SourceState>,
    /// What the quality gate remembers after this.
    pub gate: Option<Gate>,
}

/// A follower's step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Who.
    pub follower: Follower,
    /// It has now read up to here.
    pub cursor: Seq,
    /// What that made due.
    pub deliveries: Vec<Delivery>,
}

/// What became of one delivery.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Which.
    pub delivery: Delivery,
    /// What became of it.
    pub outcome: Outcome,
    /// The state of its subscription afterwards, where that changed.
    pub subscription: Option<Arc<Subscription>>,
    /// The attempt, if there was one.
    pub attempt: Option<Attempt>,
}

impl Settled {
    /// An outcome without an attempt.
    pub fn new(delivery: Delivery, outcome: Outcome) -> Self {
        Self { delivery, outcome, subscription: None, attempt: None }
    }
}

/// A place in a source's articles by date. Its order is the order of the list turned over: newest published first;
/// of one date (many portals write the day only) the one that was seen last first, which is the portal's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The published date of the article.
    pub published: Timestamp,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Its id.
    pub id: ArticleId,
}

impl From<&Article> for Place {
    fn from(article: &Article) -> Self {
        Self { published: article.published.at, first_seen: article.first_seen, id: article.id }
    }
}

impl From<&Known> for Place {
    fn from(known: &Known) -> Self {
        Self { published: known.published, first_seen: known.first_seen, id: known.id }
    }
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Articles, pruned ones not counted.
    pub articles: u64,
    /// The newest journal line.
    pub head: Seq,
    /// Deliveries waiting.
    pub queued: u64,
    /// Bytes on disk; 0 in memory.
    pub bytes: u64,
}

/// One stored record, as `loa export` writes it: its place, and itself as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it stands: opaque, ordered, the next `dump` continues after it.
    pub key: Vec<u8>,
    /// The record in its versioned form.
    pub value: serde_json::Value,
}

/// Where and how the store is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder. `None` keeps everything in memory (tests).
    pub path: Option<std::path::PathBuf>,
    /// How much of it is cached in memory, in bytes.
    pub cache: u64,
}

/// What a store's caller can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else committed first: decide again.
    #[error("the journal has moved on to {head}")]
    Conflict {
        /// The head now.
        head: Seq,
    },
    /// The journal does not reach back that far.
    #[error("the journal before {floor} was pruned")]
    Pruned {
        /// The oldest number that still can be asked for.
        floor: Seq,
    },
    /// Another process has the store open.
    #[error(
        "the store `{path}` is in use by another process\nhint: stop the other `loa`, or give this one its own `store.path`"
    )]
    Locked {
        /// The folder.
        path: String,
    },
    /// The disk does not take any more, or refuses.
    #[error("cannot {doing} the store `{path}`: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The folder.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// What is stored cannot be read.
    #[error(
        "the store is damaged: {what}\nhint: move the folder aside and restore the last `loa export` with `loa import`"
    )]
    Damaged {
        /// What, and where.
        what: String,
    },
}

impl Error {
    /// Does it stay like this until the next start? A store that could not write refuses every later write, and
    /// damage does not heal.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::Pruned { .. } => false,
            Self::Locked { .. } | Self::Io { .. } | Self::Damaged { .. } => true,
        }
    }
}

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Opens the store that `settings` describe, and makes it where there is none.
pub async fn open(settings: &Settings) -> Result<Arc<dyn Store>> {
    let settings = settings.clone();
    blocking(move || {
        let table = match &settings.path {
            Some(path) => table::Table::Disk(sled::Disk::open(path, settings.cache)?),
            None => table::Table::Memory(memory::Memory::default()),
        };
        Ok(Arc::new(keyed::Keyed::open(table)?) as Arc<dyn Store>)
    })
    .await
}

/// Runs what may block where it may. sled panics on some damaged files: that is an error like others.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => {
            let what = failed
                .try_into_panic()
                .map_or_else(|end| end.to_string(), |panic| panic_text(panic.as_ref()));
            Err(Error::Damaged { what })
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("reading it failed without a reason").to_owned()
}
