//! room
use crate::{
    dedup, extract,
    model::{Digest, SourceId},
    normalize,
};
use std::{sync::Arc, time::Duration};
use url::Url;

pub mod schedule;

/// One news section to watch.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its key.
    pub id: SourceId,
    /// What people call it.
    pub name: String,
    /// The list, or the feed.
    pub url: Url,
    /// The page for people, where it is another one.
    pub home: Url,
    /// When to look.
    pub schedule: schedule::Schedule,
    /// How far a due time may be put off at random, so that many sources do not start in the same second.
    pub jitter: Duration,
    /// May it stand at a private address?
    pub allow_private: bool,
    /// The least time between two requests to its host; `None` for `net.spacing`.
    pub spacing: Option<Duration>,
    /// How many article pages one pass may read.
    pub max_pages: usize,
    /// How often a known article is looked at again for edits, while the list shows it.
    pub recheck: Duration,
    /// How it is read.
    pub extract: Arc<extract::Rules>,
    /// How it is normalized.
    pub normalize: Arc<normalize::Rules>,
    /// How its items are recognized.
    pub dedup: Arc<dedup::Rules>,
    /// Hash of all of these rules: other rules void validators.
    pub rules: Digest,
}

/// What ingest does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Every source.
    pub sources: Vec<Arc<Source>>,
    /// Passes under way at once.
    pub concurrency: usize,
}

/// The ingest room: passes over sources, when they are due or when asked.
pub struct Ingest;

/// What one pass did.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which source.
    pub source: SourceId,
    /// When it began.
    pub at: crate::model::Timestamp,
    /// Items in the list.
    pub items: usize,
    /// New articles.
    pub new: usize,
    /// New revisions.
    pub revised: usize,
    /// Articles that say what they said.
    pub unchanged: usize,
    /// What was wrong.
    pub issues: Vec<crate::model::Issue>,
    /// Why the pass failed, where it did.
    pub failed: Option<String>,
}

/// Why a pass could not be asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No such source.
    #[error("there is no source `{0}`")]
    Unknown(SourceId),
    /// One is under way.
    #[error("a pass over `{0}` is under way")]
    Busy(SourceId),
}

impl Ingest {
    /// The sources as configured now.
    pub fn sources(&self) -> Vec<Arc<Source>> {
        unimplemented!("spine")
    }
    /// One pass now.
    pub async fn pass(&self, _source: &SourceId) -> Result<Report, Error> {
        unimplemented!("spine")
    }
    /// When a source is due next.
    pub fn due(&self, _source: &SourceId) -> Option<crate::model::Timestamp> {
        unimplemented!("spine")
    }
}
