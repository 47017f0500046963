//! What is remembered of a hub that is not ours, and of whether it delivers.

use super::{FeedId, Lease, Timestamp};

/// Our own subscription at another hub that our feeds name, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Which hub.
    pub hub: String,
    /// The feed whose Atom address is subscribed to.
    pub feed: FeedId,
    /// What is agreed with the hub now, or asked of it.
    pub lease: Option<Lease>,
    /// What is not wanted any more, of this hub or of one before it: unsubscribed, and remembered until no hub can have
    /// it any longer.
    pub left: Vec<Lease>,
    /// Since when nothing is agreed; `None` while something is.
    pub unagreed: Option<Timestamp>,
    /// Changes that came in time.
    pub on_time: u64,
    /// Changes that came late.
    pub late: u64,
    /// Changes that did not come.
    pub missing: u64,
    /// What became of the last change.
    pub last: Option<Promptness>,
    /// How many changes in a row, up to the last one, became that.
    pub in_row: u64,
    /// When the last genuine push came.
    pub pushed: Option<Timestamp>,
    /// Since when it does not count as delivering, so that feeds name our own hub instead where that is open.
    pub distrusted: Option<Timestamp>,
}

/// What became of a change that a hub was to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promptness {
    /// It came in time.
    OnTime,
    /// It came, but late.
    Late,
    /// It did not come.
    Missing,
}

impl Canary {
    /// A hub of which nothing is known since `now`.
    pub fn new(hub: String, feed: FeedId, now: Timestamp) -> Self {
        Self {
            hub,
            feed,
            lease: None,
            left: Vec::new(),
            unagreed: Some(now),
            on_time: 0,
            late: 0,
            missing: 0,
            last: None,
            in_row: 0,
            pushed: None,
            distrusted: None,
        }
    }
}
