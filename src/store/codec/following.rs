//! The stored form of how a source is followed. It holds the secrets of our subscriptions at hubs: whoever reads the
//! store, or an export of it, can push in a hub's name.

use serde::{Deserialize, Serialize};

use crate::model::{Advert, Following, Hidden, Intent, Lease, SourceId};

use super::text::{Bytes, Instant};

/// How a source is followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FollowingV1 {
    source: String,
    advert: Option<AdvertV1>,
    lease: Option<LeaseV1>,
    left: Vec<LeaseV1>,
    pushes: u64,
    answered: u64,
    pushed: Option<Instant>,
    trust: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeaseV1 {
    advert: AdvertV1,
    base: String,
    allow_private: bool,
    token: Bytes,
    secret: Bytes,
    asked: Option<(IntentV1, Instant)>,
    until: Option<Instant>,
    next: Option<Instant>,
    failures: u32,
    error: Option<String>,
}

super::mirror! { enum IntentV1 = Intent { Subscribe, Unsubscribe } }
super::mirror! { struct AdvertV1 = Advert { hub: String, topic: String } }

impl From<Following> for FollowingV1 {
    fn from(following: Following) -> Self {
        Self {
            source: following.source.to_string(),
            advert: following.advert.map(AdvertV1::from),
            lease: following.lease.map(LeaseV1::from),
            left: following.left.into_iter().map(LeaseV1::from).collect(),
            pushes: following.pushes,
            answered: following.answered,
            pushed: following.pushed.map(Instant),
            trust: following.trust,
        }
    }
}

impl TryFrom<FollowingV1> for Following {
    type Error = String;

    fn try_from(stored: FollowingV1) -> Result<Self, String> {
        Ok(Self {
            source: stored.id()?,
            advert: stored.advert.map(Advert::from),
            lease: stored.lease.map(Lease::from),
            left: stored.left.into_iter().map(Lease::from).collect(),
            pushes: stored.pushes,
            answered: stored.answered,
            pushed: stored.pushed.map(|at| at.0),
            trust: stored.trust,
        })
    }
}

impl FollowingV1 {
    pub(crate) fn id(&self) -> Result<SourceId, String> {
        self.source.parse().map_err(super::cause)
    }
}

impl From<Lease> for LeaseV1 {
    fn from(lease: Lease) -> Self {
        Self {
            advert: lease.advert.into(),
            base: lease.base,
            allow_private: lease.allow_private,
            token: Bytes(lease.token.0),
            secret: Bytes(lease.secret.0),
            asked: lease.asked.map(|(intent, at)| (intent.into(), Instant(at))),
            until: lease.until.map(Instant),
            next: lease.next.map(Instant),
            failures: lease.failures,
            error: lease.error,
        }
    }
}

impl From<LeaseV1> for Lease {
    fn from(stored: LeaseV1) -> Self {
        Self {
            advert: stored.advert.into(),
            base: stored.base,
            allow_private: stored.allow_private,
            token: Hidden(stored.token.0),
            secret: Hidden(stored.secret.0),
            asked: stored.asked.map(|(intent, at)| (intent.into(), at.0)),
            until: stored.until.map(|at| at.0),
            next: stored.next.map(|at| at.0),
            failures: stored.failures,
            error: stored.error,
        }
    }
}
