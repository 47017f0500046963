//! How a source is followed by push: what it advertises, and what is agreed with its hub (WebSub).

use std::fmt;

use super::{SourceId, Timestamp};

/// What is remembered of one source and its hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// Which source.
    pub source: SourceId,
    /// What its feed advertises, whether or not we may follow it.
    pub advert: Option<Advert>,
    /// What is agreed with the hub now, or asked of it.
    pub lease: Option<Lease>,
    /// What is not wanted any more: each is unsubscribed, and remembered until no hub can have it any longer.
    pub left: Vec<Lease>,
    /// Genuine pushes so far.
    pub pushes: u64,
    /// How many of them had come when the last pass that read the source began: more have to be looked after.
    pub answered: u64,
    /// When the last one came.
    pub pushed: Option<Timestamp>,
    /// How far the pushes have proved to be complete: polling may be 2 to the power of this slower.
    pub trust: u32,
}

/// What a feed says about who tells of its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Where to subscribe: an http(s) address.
    pub hub: String,
    /// What to subscribe to, exactly as the feed names itself.
    pub topic: String,
}

/// One subscription at a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The hub and the topic.
    pub advert: Advert,
    /// What our callback's address begins with: `web.base_url` when it was made.
    pub base: String,
    /// May the hub stand at a private address?
    pub allow_private: bool,
    /// What makes the callback's address unguessable.
    pub token: Hidden,
    /// What the hub signs pushes with; text.
    pub secret: Hidden,
    /// What the hub was asked last.
    pub asked: Option<(Intent, Timestamp)>,
    /// When the agreed time ends; `None` while there is none.
    pub until: Option<Timestamp>,
    /// When the hub is asked next, if at all.
    pub next: Option<Timestamp>,
    /// Requests since the hub last confirmed one.
    pub failures: u32,
    /// What the hub said against it last.
    pub error: Option<String>,
}

/// Bytes that are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub Vec<u8>);

/// What a hub is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// `subscribe`: for the first time, or to renew a lease.
    Subscribe,
    /// `unsubscribe`
    Unsubscribe,
}

// === impl Following, Lease ===

impl Following {
    /// A source of which nothing is known.
    pub fn new(source: SourceId) -> Self {
        Self {
            source,
            advert: None,
            lease: None,
            left: Vec::new(),
            pushes: 0,
            answered: 0,
            pushed: None,
            trust: 0,
        }
    }

    /// Until when the hub has promised to tell us.
    pub fn until(&self) -> Option<Timestamp> {
        self.lease.as_ref()?.until
    }

    /// When the push came that no pass has looked after yet.
    pub fn waiting(&self) -> Option<Timestamp> {
        self.pushed.filter(|_| self.pushes > self.answered)
    }
}

impl Lease {
    /// The callback's address: that of a source, or of the canary.
    pub fn callback(&self, source: Option<&SourceId>) -> String {
        let (base, token) = (&self.base, String::from_utf8_lossy(&self.token.0));
        source.map_or_else(
            || format!("{base}/websub/{token}"),
            |source| format!("{base}/websub/{source}/{token}"),
        )
    }
}

impl Intent {
    /// As `hub.mode` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}
