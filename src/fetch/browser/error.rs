//! Why a browser showed nothing.

use std::time::Duration;

use crate::model::Timestamp;

/// Why a browser showed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A source asks for a browser that this process was started without.
    #[error(
        "cannot read `{url}` by a browser: there was none when this process started\nhint: `[browser]` of the configuration is read at a start: start again"
    )]
    Absent {
        /// What was to be read.
        url: String,
    },
    /// It cannot be started.
    #[error("cannot start the browser (`browser.command`): {problem}")]
    Start {
        /// Why not, with a hint where there is one.
        problem: String,
    },
    /// It could not be started, and it is not the time to try again.
    #[error("the browser is not started again before {until}: {problem}")]
    Waiting {
        /// When it is tried again.
        until: Timestamp,
        /// Why it did not start.
        problem: String,
    },
    /// Nobody there.
    #[error(
        "the browser at `{at}` does not answer: {problem}\nhint: is Chromium running there, with `--remote-debugging-port`?"
    )]
    Unreachable {
        /// Its address.
        at: String,
        /// Why not.
        problem: String,
    },
    /// It went away in the middle.
    #[error("the browser broke off while it read `{url}`: {problem}")]
    Lost {
        /// What it read.
        url: String,
        /// What was last heard of it.
        problem: String,
    },
    /// The tab is gone: most often it wanted more memory than there is.
    #[error("the tab that read `{url}` has crashed")]
    Crashed {
        /// What it read.
        url: String,
    },
    /// It does not do what it was told.
    #[error(
        "the browser does not take `{method}`: {problem}\nhint: it has to be a Chromium of the last years"
    )]
    Refused {
        /// A method of the protocol.
        method: &'static str,
        /// Its answer.
        problem: String,
    },
    /// No page came of it.
    #[error("`{url}` did not become a page within {after:?}, which is the limit (`{limit}`)")]
    Timeout {
        /// What was to be read.
        url: String,
        /// The name of the limit.
        limit: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The page cannot be read: its scripts never let anybody.
    #[error("the page of `{url}` cannot be read: {problem}")]
    Unreadable {
        /// What was to be read.
        url: String,
        /// Why not.
        problem: String,
    },
    /// Scripts have made too much of it.
    #[error("what scripts made of `{url}` has {size} characters and the limit (`net.max_body`) is {max}")]
    TooLarge {
        /// What was read.
        url: String,
        /// Its length.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// Scripts have led it away from the web.
    #[error("the scripts of `{url}` lead to `{to}`, which is no address of the web")]
    Astray {
        /// What was read.
        url: String,
        /// Where it ended.
        to: String,
    },
}

// === impl Error ===

impl Error {
    /// When it may be tried again, where that is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Is it the operator's, who can change it? Everything else is the page's.
    pub fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::Absent { .. }
                | Self::Start { .. }
                | Self::Waiting { .. }
                | Self::Unreachable { .. }
                | Self::Refused { .. }
        )
    }
}
