//! room
use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

/// The limits of every outbound request. Each has its own key in `[net]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `User-Agent`, with an address for complaints.
    pub user_agent: String,
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
    /// Requests under way at once.
    pub concurrency: usize,
    /// The least time between two requests to one host that ask for politeness.
    pub spacing: Duration,
    /// A file of additional trusted root certificates, PEM.
    pub ca_file: Option<std::path::PathBuf>,
}

/// The only way out.
#[derive(Clone, Debug)]
pub struct Client(Arc<()>);

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
    /// Redirects followed; 0 gives the redirect itself as the answer.
    pub max_redirects: usize,
    /// May it stand at a private address?
    pub allow_private: bool,
    /// Wait for our turn at the host: at least this long after the last polite request to it.
    pub spacing: Option<Duration>,
    /// Time for the whole exchange, where it is not the default.
    pub timeout: Option<Duration>,
    /// Bytes of the answer's body, where it is not the default.
    pub max_body: Option<u64>,
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
    /// The body, decompressed.
    pub body: Bytes,
}
