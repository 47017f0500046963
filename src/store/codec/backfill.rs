//! The stored form of a walk through an archive.

use serde::{Deserialize, Serialize};

use crate::model::{Backfill, End, SourceId};

use super::text::Instant;

/// How far a walk has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackfillV1 {
    source: String,
    started: Instant,
    updated: Instant,
    since: Option<Instant>,
    way: String,
    pattern: String,
    place: String,
    pages: u64,
    of: u64,
    items: u64,
    new: u64,
    known: u64,
    left: u64,
    failed: u64,
    empty: u64,
    oldest: Option<Instant>,
    first: Vec<u64>,
    last: Vec<u64>,
    /// By its word.
    end: Option<String>,
    resume: bool,
}

impl From<Backfill> for BackfillV1 {
    fn from(walk: Backfill) -> Self {
        Self {
            source: walk.source.to_string(),
            started: Instant(walk.started),
            updated: Instant(walk.updated),
            since: walk.since.map(Instant),
            way: walk.way,
            pattern: walk.pattern,
            place: walk.place,
            pages: walk.pages,
            of: walk.of,
            items: walk.items,
            new: walk.new,
            known: walk.known,
            left: walk.left,
            failed: walk.failed,
            empty: walk.empty,
            oldest: walk.oldest.map(Instant),
            first: walk.first,
            last: walk.last,
            end: walk.end.map(|end| end.as_str().to_owned()),
            resume: walk.resume,
        }
    }
}

impl TryFrom<BackfillV1> for Backfill {
    type Error = String;

    fn try_from(stored: BackfillV1) -> Result<Self, String> {
        let end = |word: String| End::parse(&word).ok_or_else(|| format!("the end `{word}` is unknown"));
        Ok(Self {
            source: stored.id()?,
            started: stored.started.0,
            updated: stored.updated.0,
            since: stored.since.map(|at| at.0),
            way: stored.way,
            pattern: stored.pattern,
            place: stored.place,
            pages: stored.pages,
            of: stored.of,
            items: stored.items,
            new: stored.new,
            known: stored.known,
            left: stored.left,
            failed: stored.failed,
            empty: stored.empty,
            oldest: stored.oldest.map(|at| at.0),
            first: stored.first,
            last: stored.last,
            end: stored.end.map(end).transpose()?,
            resume: stored.resume,
        })
    }
}

impl BackfillV1 {
    pub(crate) fn id(&self) -> Result<SourceId, String> {
        self.source.parse().map_err(super::cause)
    }
}
