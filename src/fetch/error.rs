//! Why there was no usable answer.

use super::browser;
use crate::{
    model::Timestamp,
    net::{self, Fault, Retry},
};

/// Why there was no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer at all.
    #[error(transparent)]
    Net(net::Error),
    /// No page came of it in the browser.
    #[error(transparent)]
    Browser(#[from] browser::Error),
    /// An answer that is neither content nor "come back later".
    #[error("cannot fetch `{url}`: the server answered {status}: {}", meaning(*.status))]
    Status {
        /// What was asked.
        url: String,
        /// The status code.
        status: u16,
    },
    /// "Nothing new", though we said nothing of what we have.
    #[error("cannot fetch `{url}`: the server answered 304 (not modified) to a request without conditions")]
    Unasked {
        /// What was asked.
        url: String,
    },
}

// === impl Error ===

impl Error {
    /// One word for issues.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net(net::Error::Restrained(restraint)) => restraint.code(),
            Self::Browser(_) => "browser-failed",
            Self::Net(_) | Self::Status { .. } | Self::Unasked { .. } => "fetch-failed",
        }
    }

    /// When it may be tried again, where that is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Net(net::Error::Restrained(restraint)) => restraint.until(),
            Self::Browser(error) => error.until(),
            Self::Net(_) | Self::Status { .. } | Self::Unasked { .. } => None,
        }
    }

    /// Whose fault it is. A client error (4xx) usually stands in the configuration: a wrong address, or a
    /// page that is not for everybody.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Net(error) => error.fault(),
            Self::Browser(error) if error.is_ours() => Fault::Config,
            Self::Browser(_) => Fault::Theirs,
            Self::Status { status: 400..=499, .. } => Fault::Config,
            Self::Status { .. } | Self::Unasked { .. } => Fault::Theirs,
        }
    }

    /// Whether trying again can help: with 5xx, 408 (timeout), 421 (misdirected) and 425 (too early) it can.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Net(error) => error.retry(),
            Self::Browser(_) => Retry::Later,
            Self::Status { status: 408 | 421 | 425 | 500.., .. } | Self::Unasked { .. } => Retry::Later,
            Self::Status { .. } => Retry::Never,
        }
    }
}

/// What a status says to an operator.
pub(super) fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => "a redirect that leads nowhere",
        401 | 407 => "it asks for a login",
        403 => "it lets nobody in, or not us",
        408 => "it waited too long for the request",
        429 => "too many requests",
        400..=499 => "it does not take the request",
        503 => "it is overloaded or under maintenance",
        502 | 504 => "what stands behind it does not answer",
        500..=599 => "it failed",
        _ => "no status that HTTP knows",
    }
}
