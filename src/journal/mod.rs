//! The only writer of articles and events: what a pass brought becomes one commit, and everybody is woken.
//!
//! `record` decides and writes, `clusters` labels what is written, `follow` reads on. Numbers are given by the store inside of the commit; whoever was
//! overtaken decides again, on what is known then.

mod clusters;
mod follow;
mod health;
mod learn;
mod record;

use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::sync::watch;

pub use clusters::Clusters;

use crate::{
    model::{ArticleId, Draft, IdentityKey, Revision, Seq, SourceId, SourceState, Timestamp},
    store::{self, Store},
};

/// The only writer of articles and events.
pub struct Journal {
    store: Arc<dyn Store>,
    head: watch::Sender<Seq>,
    clusters: Arc<Clusters>,
}

/// What one fetch of one source brought.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Which source.
    pub source: SourceId,
    /// The zone of dates that have to be inferred.
    pub zone: TimeZone,
    /// When.
    pub at: Timestamp,
    /// True while nobody is to be told (first run, backfill).
    pub quiet: bool,
    /// What was found, in the order in which it shall be recorded (oldest first).
    pub entries: Vec<Entry>,
    /// The source's state afterwards, written in the same commit.
    pub state: Option<SourceState>,
}

/// One draft with the names under which it may be known.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it says.
    pub draft: Draft,
    /// Its identity keys, strongest first, never empty.
    pub keys: Vec<IdentityKey>,
    /// What stands in for a date that the source does not say: undated items of one run are spaced a second apart.
    pub first_seen: Timestamp,
}

/// What became of a pass.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The head afterwards.
    pub head: Seq,
    /// One per entry, in order.
    pub entries: Vec<(ArticleId, Revision, Became)>,
    /// Articles that say something else entirely now, with the titles that they had: their numbers were probably given
    /// away again.
    pub replaced: Vec<(ArticleId, String)>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// A new article.
    New,
    /// A new revision.
    Revised,
    /// Nothing: it says what it said, or a later entry of the same pass speaks for the same article.
    Unchanged,
}

impl Became {
    /// The word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Revised => "revised",
            Self::Unchanged => "unchanged",
        }
    }
}

impl Journal {
    /// Opens the journal of `store`.
    pub async fn open(store: Arc<dyn Store>) -> store::Result<Self> {
        let head = watch::Sender::new(store.head().await?);
        Ok(Self { store, head, clusters: Arc::default() })
    }

    /// The store below.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Wakes up whenever the head moves. A hint: look at the store, then wait.
    pub fn head(&self) -> watch::Receiver<Seq> {
        self.head.subscribe()
    }
}

#[cfg(test)]
mod tests;
