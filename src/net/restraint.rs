//! What we leave alone although we could ask for it, and why: the word of the site, or our own limits.

use super::{Fault, Retry};
use crate::model::Timestamp;

/// Why we do not ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Restraint {
    /// The site does not want it.
    #[error(
        "will not ask `{url}`: the site's `robots.txt` does not let us (`{rule}`)\nhint: if the site is yours, or its owner agrees, set `robots = false` in the source"
    )]
    Disallowed {
        /// What would have been asked.
        url: String,
        /// The line that forbids it.
        rule: String,
    },
    /// It cannot be known what the site wants.
    #[error(
        "will not ask `{url}`: the site's `robots.txt` cannot be read, and while it cannot, nothing there may be asked for (RFC 9309): {problem}"
    )]
    Unreadable {
        /// What would have been asked.
        url: String,
        /// Why it cannot be read.
        problem: String,
        /// When that is tried again.
        until: Timestamp,
    },
    /// The host asked for patience.
    #[error("will not ask `{host}` before {until}: it answered {status} and asks for patience")]
    Paused {
        /// Name and port.
        host: String,
        /// What it answered.
        status: u16,
        /// Until when.
        until: Timestamp,
    },
    /// We have asked enough for today.
    #[error(
        "will not ask `{host}` before {until}: today's {limit} requests, which is the limit (`net.daily_budget`{}), are used up\nhint: look at its sources less often, or raise the limit",
        kept_for_news(*kept)
    )]
    Budget {
        /// Name and port.
        host: String,
        /// The limit.
        limit: u32,
        /// How many more are kept for what cannot wait.
        kept: u32,
        /// When the next day begins (UTC).
        until: Timestamp,
    },
    /// It looks like an address that links compose without end.
    #[error("will not ask `{url}`: {rule}")]
    Trap {
        /// What would have been asked.
        url: String,
        /// The rule that it breaks.
        rule: String,
    },
}

fn kept_for_news(kept: u32) -> String {
    if kept == 0 { String::new() } else { format!(", of which {kept} more are kept for news") }
}

impl Restraint {
    /// One word for issues and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Disallowed { .. } => "robots-disallowed",
            Self::Unreadable { .. } => "robots-unreadable",
            Self::Paused { .. } => "host-paused",
            Self::Budget { .. } => "daily-budget",
            Self::Trap { .. } => "crawler-trap",
        }
    }

    /// When it may be another word; `None` where that cannot be said.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Unreadable { until, .. } | Self::Paused { until, .. } | Self::Budget { until, .. } => {
                Some(*until)
            }
            Self::Disallowed { .. } | Self::Trap { .. } => None,
        }
    }

    /// Whose fault it is.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Unreadable { .. } | Self::Paused { .. } => Fault::Theirs,
            Self::Disallowed { .. } | Self::Budget { .. } | Self::Trap { .. } => Fault::Config,
        }
    }

    /// Whether trying again can help.
    pub(super) fn retry(&self) -> Retry {
        match self {
            Self::Trap { .. } => Retry::Never,
            Self::Disallowed { .. } | Self::Unreadable { .. } | Self::Paused { .. } | Self::Budget { .. } => {
                Retry::Later
            }
        }
    }
}
