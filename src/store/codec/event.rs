//! Stored forms of the journal's lines, of cursors and deliveries, and of the store itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Attempt, Change, Delivery, Event, Follower, Outcome, Revision, Seq};

use super::text::{Id, Instant};

/// What the store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetaV1 {
    /// The layout of the keys. A program refuses one that it does not know.
    pub(crate) schema: u32,
    /// The newest journal line.
    pub(crate) head: u64,
}

/// How far a follower has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CursorV1 {
    pub(crate) follower: FollowerV1,
    pub(crate) seq: u64,
}

/// A journal line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventV1 {
    seq: u64,
    at: Instant,
    change: ChangeV1,
    article: Id,
    revision: u32,
    source: String,
    quiet: bool,
}

/// A delivery, queued or parked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveryV1 {
    subscription: String,
    due: Instant,
    seq: u64,
    attempt: u32,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptV1 {
    subscription: String,
    seq: u64,
    at: Instant,
    number: u32,
    milliseconds: u32,
    status: Option<u16>,
    answer: String,
    error: Option<String>,
    outcome: OutcomeV1,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeV1 {
    Delivered,
    Retry { due: Instant },
    Parked,
    Dropped,
}

super::mirror! { pub(crate) enum FollowerV1 = Follower { Views, Search, Router } }
super::mirror! { enum ChangeV1 = Change { Published, Updated, Withdrawn, Stale, Recovered } }

impl From<&Event> for EventV1 {
    fn from(event: &Event) -> Self {
        Self {
            seq: event.seq.0,
            at: Instant(event.at),
            change: event.change.into(),
            article: Id(event.article),
            revision: event.revision.0,
            source: event.source.to_string(),
            quiet: event.quiet,
        }
    }
}

impl TryFrom<EventV1> for Event {
    type Error = String;

    fn try_from(stored: EventV1) -> Result<Self, String> {
        Ok(Self {
            seq: Seq(stored.seq),
            at: stored.at.0,
            change: stored.change.into(),
            article: stored.article.0,
            revision: Revision(stored.revision),
            source: stored.source.parse().map_err(super::cause)?,
            quiet: stored.quiet,
        })
    }
}

impl EventV1 {
    pub(crate) fn seq(&self) -> Seq {
        Seq(self.seq)
    }
}

impl From<&Delivery> for DeliveryV1 {
    fn from(delivery: &Delivery) -> Self {
        Self {
            subscription: delivery.subscription.to_string(),
            due: Instant(delivery.due),
            seq: delivery.seq.0,
            attempt: delivery.attempt,
        }
    }
}

impl TryFrom<DeliveryV1> for Delivery {
    type Error = String;

    fn try_from(stored: DeliveryV1) -> Result<Self, String> {
        Ok(Self {
            subscription: stored.subscription.parse().map_err(super::cause)?,
            due: stored.due.0,
            seq: Seq(stored.seq),
            attempt: stored.attempt,
        })
    }
}

impl From<&Attempt> for AttemptV1 {
    fn from(attempt: &Attempt) -> Self {
        Self {
            subscription: attempt.subscription.to_string(),
            seq: attempt.seq.0,
            at: Instant(attempt.at),
            number: attempt.number,
            milliseconds: u32::try_from(attempt.took.as_millis()).unwrap_or(u32::MAX),
            status: attempt.status,
            answer: attempt.answer.clone(),
            error: attempt.error.clone(),
            outcome: match attempt.outcome {
                Outcome::Delivered => OutcomeV1::Delivered,
                Outcome::Retry { due } => OutcomeV1::Retry { due: Instant(due) },
                Outcome::Parked => OutcomeV1::Parked,
                Outcome::Dropped => OutcomeV1::Dropped,
            },
        }
    }
}

impl TryFrom<AttemptV1> for Attempt {
    type Error = String;

    fn try_from(stored: AttemptV1) -> Result<Self, String> {
        Ok(Self {
            subscription: stored.subscription.parse().map_err(super::cause)?,
            seq: Seq(stored.seq),
            at: stored.at.0,
            number: stored.number,
            took: Duration::from_millis(stored.milliseconds.into()),
            status: stored.status,
            answer: stored.answer,
            error: stored.error,
            outcome: match stored.outcome {
                OutcomeV1::Delivered => Outcome::Delivered,
                OutcomeV1::Retry { due } => Outcome::Retry { due: due.0 },
                OutcomeV1::Parked => Outcome::Parked,
                OutcomeV1::Dropped => Outcome::Dropped,
            },
        })
    }
}
