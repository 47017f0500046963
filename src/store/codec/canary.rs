//! The stored form of what is remembered of a hub that is not ours. It holds the secrets of our subscription there.

use serde::{Deserialize, Serialize};

use crate::model::{Canary, Lease, Promptness};

use super::{following::LeaseV1, text::Instant};

/// What is remembered of a hub that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CanaryV1 {
    hub: String,
    feed: String,
    lease: Option<LeaseV1>,
    left: Vec<LeaseV1>,
    unagreed: Option<Instant>,
    on_time: u64,
    late: u64,
    missing: u64,
    last: Option<PromptnessV1>,
    in_row: u64,
    pushed: Option<Instant>,
    distrusted: Option<Instant>,
}

super::mirror! { enum PromptnessV1 = Promptness { OnTime, Late, Missing } }

impl From<Canary> for CanaryV1 {
    fn from(canary: Canary) -> Self {
        Self {
            hub: canary.hub,
            feed: canary.feed.to_string(),
            lease: canary.lease.map(LeaseV1::from),
            left: canary.left.into_iter().map(LeaseV1::from).collect(),
            unagreed: canary.unagreed.map(Instant),
            on_time: canary.on_time,
            late: canary.late,
            missing: canary.missing,
            last: canary.last.map(PromptnessV1::from),
            in_row: canary.in_row,
            pushed: canary.pushed.map(Instant),
            distrusted: canary.distrusted.map(Instant),
        }
    }
}

impl TryFrom<CanaryV1> for Canary {
    type Error = String;

    fn try_from(stored: CanaryV1) -> Result<Self, String> {
        Ok(Self {
            hub: stored.hub,
            feed: stored.feed.parse().map_err(super::cause)?,
            lease: stored.lease.map(Lease::from),
            left: stored.left.into_iter().map(Lease::from).collect(),
            unagreed: stored.unagreed.map(|at| at.0),
            on_time: stored.on_time,
            late: stored.late,
            missing: stored.missing,
            last: stored.last.map(Promptness::from),
            in_row: stored.in_row,
            pushed: stored.pushed.map(|at| at.0),
            distrusted: stored.distrusted.map(|at| at.0),
        })
    }
}
