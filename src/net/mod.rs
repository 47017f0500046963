//! The only way out of the process: every request to a source, a redirect, an image or a webhook goes through
//! [`Client::send`], which knows where a request may go (`guard`), how large, how long and how often it may be
//! (`Settings`), and whose turn it is (`polite`).
//!
//! What it believes of a server's certificates is `tls`, what one source believes beyond that `trust`, and what servers leave
//! out `chain`.
//!
//! It never reads a body without a limit, never uses a proxy of the environment, and keeps no cookies.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

pub mod backoff;
mod chain;
mod client;
mod dial;
mod error;
pub mod guard;
mod manners;
mod polite;
mod redirect;
mod resolve;
mod restraint;
pub mod robots;
mod tally;
pub mod tape;
mod tls;
pub mod trap;
pub mod trust;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use chain::{Chains, Completion};
pub use client::Client;
pub use dial::Undialed;
pub use error::{Error, Fault, Misled, Retry, Stage};
pub use restraint::Restraint;
pub use trust::Trust;

/// The limits of every outbound request. Each has its own key in `[net]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `User-Agent`, with an address for complaints.
    pub user_agent: String,
    /// Who answers for us: a `mailto:` address, or one of the web.
    pub contact: Option<String>,
    /// Time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Time between two reads.
    pub read_timeout: Duration,
    /// Time for the whole exchange.
    pub timeout: Duration,
    /// Bytes of a body, after decompression.
    pub max_body: u64,
    /// Redirects followed.
    pub max_redirects: usize,
    /// Requests under way at once; one that takes longer than two seconds is not counted any more.
    pub concurrency: usize,
    /// The least time between two requests to one host that ask for politeness.
    pub spacing: Duration,
    /// The most that a site's `Crawl-delay` may raise that.
    pub max_crawl_delay: Duration,
    /// Polite requests to one host in a day (UTC); 0 for any number.
    pub daily_budget: u32,
    /// What the addresses of polite requests may look like.
    pub caps: trap::Caps,
    /// Connections to one host that are kept open for its next requests.
    pub idle_per_host: usize,
    /// A file of additional trusted root certificates, PEM.
    pub ca_file: Option<std::path::PathBuf>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: reqwest::Method,
    /// Where to.
    pub url: Url,
    /// Headers beside `User-Agent`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<Bytes>,
    /// Redirects followed, at most `net.max_redirects`; 0 gives the redirect itself as the answer.
    pub max_redirects: usize,
    /// May it stand at a private address?
    pub allow_private: bool,
    /// Wait for our turn at the host: at least this long after the last polite request to it. Such a request also
    /// keeps to `net.daily_budget`, to what the host said of patience, and off addresses that no site means.
    pub spacing: Option<Duration>,
    /// Ask only for what the site's `robots.txt` lets us, and no faster than it says.
    pub robots: bool,
    /// It can wait until tomorrow: of `net.daily_budget` a fifth is kept for what cannot.
    pub in_background: bool,
    /// The certificates that it may rely on beyond those that all requests do.
    pub trust: Option<Arc<Trust>>,
    /// Time for the whole exchange, where it is not the default.
    pub timeout: Option<Duration>,
    /// How much of the answer's body is wanted.
    pub want: Want,
}

/// How much of an answer's body is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// All of it, and no more than `net.max_body`: a larger one is an error.
    #[default]
    All,
    /// All of it; of one that is larger than `net.max_body` its beginning, and the answer says so.
    AllThatFits,
    /// All of it, and no more than this many bytes.
    Within(u64),
    /// This many bytes of its beginning; 0 leaves it unread. What comes after them, or does not come, is of no interest.
    Start(u64),
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Where the answer came from, after redirects.
    pub url: Url,
    /// Where a chain of only permanent redirects (301, 308) led.
    pub moved: Option<Url>,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, decompressed. Whole where the status is 2xx; the body of any other status only explains it,
    /// and is cut where the limit is reached or the connection broke.
    pub body: Bytes,
    /// The body was larger than the limit, and is its beginning (see [`Want::AllThatFits`]).
    pub cut: bool,
}

/// What is known of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostView {
    /// Polite requests of today (UTC).
    pub requests_today: u32,
    /// Until when it asked for patience.
    pub paused_until: Option<crate::model::Timestamp>,
    /// The time that its `robots.txt` wants between two requests, however much that is.
    pub crawl_delay: Option<Duration>,
    /// The sitemaps that its `robots.txt` names.
    pub sitemaps: Vec<String>,
}

// === impl Request ===

impl Request {
    /// A plain `GET` to a public address: follows redirects as far as the settings let it, waits for no turn.
    pub fn get(url: Url) -> Self {
        Self {
            method: reqwest::Method::GET,
            url,
            headers: Vec::new(),
            body: None,
            max_redirects: usize::MAX,
            allow_private: false,
            spacing: None,
            robots: false,
            in_background: false,
            trust: None,
            timeout: None,
            want: Want::All,
        }
    }
}
