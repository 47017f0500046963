//! Who wants to be told, and what still has to be said to them.

use std::{fmt, time::Duration};

use super::{Change, Daily, Filter, Seq, SubscriptionId, Timestamp, TokenId};

/// One endpoint that is told about changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Its key.
    pub id: SubscriptionId,
    /// Where to POST.
    pub url: String,
    /// How it is told.
    pub channel: Channel,
    /// Which articles; `None` for all.
    pub filter: Option<Filter>,
    /// Which events; empty for all.
    pub events: Vec<EventType>,
    /// Signing secrets, newest first; more than one only while a rotation overlaps.
    pub secrets: Vec<Secret>,
    /// When the newest secret took over.
    pub rotated: Option<Timestamp>,
    /// Is it being told?
    pub state: State,
    /// True when the configuration file names it: it comes and goes with the file.
    pub configured: bool,
    /// May it stand at a private address?
    pub allow_private: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Events up to this one are not for it: a new subscriber starts at the present.
    pub after: Seq,
    /// Not to be asked before this instant (`Retry-After`, throttling).
    pub hold_until: Option<Timestamp>,
    /// Since when every attempt has failed; `None` while healthy.
    pub failing_since: Option<Timestamp>,
    /// What the last failed attempt said; `None` while healthy.
    pub last_error: Option<String>,
    /// The newest event that it confirmed.
    pub delivered: Option<Seq>,
    /// When it first proved that it is there and wants this.
    pub verified: Option<Timestamp>,
    /// Where its owner hears of trouble: an address of the web or of mail.
    pub owner: Option<String>,
    /// The hash of the token that opens its page.
    pub page: Option<[u8; 32]>,
    /// The token of the API with which it was made; `None` for the operator's own.
    pub made_by: Option<TokenId>,
}

/// How a subscription is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A webhook by Standard Webhooks 1.0, in one of several forms.
    Webhook(Form),
    /// A subscriber of our hub (WebSub).
    WebSub {
        /// The address of the feed.
        topic: String,
        /// When the lease ends.
        until: Timestamp,
    },
    /// Mails to the address in `url` (`mailto:`, RFC 6068). Its one secret is what the links in its mails are made of.
    Mail(Mailing),
}

/// What mails to a subscriber look like, and when they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailing {
    /// What they speak.
    pub language: Language,
    /// All of a day in one, at this time; `None` for one mail per event, at once.
    pub digest: Option<Daily>,
}

/// What mails speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Tiếng Việt
    #[default]
    Vietnamese,
    /// English
    English,
}

/// What a webhook's body looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As `docs/webhooks.md` says.
    #[default]
    Native,
    /// CloudEvents 1.0, structured.
    CloudEvents,
    /// What a template of this name makes of it.
    Template(String),
}

/// Is a subscription being told?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Active,
    /// Its owner paused it: deliveries wait.
    Paused,
    /// We stopped: it answered 410, or failed for days. Deliveries wait.
    Disabled {
        /// Why, in a sentence.
        reason: String,
    },
}

/// The types of events that people subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// `article.published`
    ArticlePublished,
    /// `article.updated`
    ArticleUpdated,
    /// `article.withdrawn`
    ArticleWithdrawn,
    /// `source.stale`
    SourceStale,
    /// `source.recovered`
    SourceRecovered,
    /// `ping`
    Ping,
}

/// What messages are signed with. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The receiver has it too: HMAC-SHA256 (`v1` of Standard Webhooks, and subscribers of our hub).
    Shared(Vec<u8>),
    /// The seed of an ed25519 key pair (RFC 8032, section 5.1.5), which stays here; receivers have the public key (`v1a`).
    Ed25519([u8; 32]),
}

/// One event that one subscription still has to be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// To whom.
    pub subscription: SubscriptionId,
    /// When to try.
    pub due: Timestamp,
    /// Which event.
    pub seq: Seq,
    /// How many attempts were made before.
    pub attempt: u32,
}

/// What became of a delivery's attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Confirmed: the row goes away.
    Delivered,
    /// To be tried again: the row moves to `due` and counts one attempt more.
    Retry {
        /// When.
        due: Timestamp,
    },
    /// Given up for now: the row is parked, out of the queue but kept for a replay.
    Parked,
    /// Dropped without an attempt: the event or the subscription is gone.
    Dropped,
}

/// One attempt to tell a subscription of an event, and what came of it: a line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whom.
    pub subscription: SubscriptionId,
    /// Of which event.
    pub seq: Seq,
    /// When it began.
    pub at: Timestamp,
    /// Which attempt of this delivery it was, from 1.
    pub number: u32,
    /// How long it took, to the millisecond.
    pub took: Duration,
    /// The status code that came back; `None` where nothing did.
    pub status: Option<u16>,
    /// The first bytes of the answer, as text.
    pub answer: String,
    /// What was wrong, in a sentence; `None` where it was confirmed.
    pub error: Option<String>,
    /// What became of the delivery.
    pub outcome: Outcome,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ArticlePublished,
        Self::ArticleUpdated,
        Self::ArticleWithdrawn,
        Self::SourceStale,
        Self::SourceRecovered,
        Self::Ping,
    ];

    /// The dotted name of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ArticlePublished => "article.published",
            Self::ArticleUpdated => "article.updated",
            Self::ArticleWithdrawn => "article.withdrawn",
            Self::SourceStale => "source.stale",
            Self::SourceRecovered => "source.recovered",
            Self::Ping => "ping",
        }
    }

    /// From the dotted name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    /// The tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    /// From the tag.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.tag().eq_ignore_ascii_case(tag))
    }
}

impl From<Change> for EventType {
    fn from(change: Change) -> Self {
        match change {
            Change::Published => Self::ArticlePublished,
            Change::Updated => Self::ArticleUpdated,
            Change::Withdrawn => Self::ArticleWithdrawn,
            Change::Stale => Self::SourceStale,
            Change::Recovered => Self::SourceRecovered,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared(_) => "Shared(…)",
            Self::Ed25519(_) => "Ed25519(…)",
        })
    }
}
