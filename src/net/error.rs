//! What can go wrong on the way out, told by what the caller can do about it.

use std::{error::Error as StdError, fmt, io, path::Path, time::Duration};

use super::{Restraint, chain::Unlinked, guard::Refusal};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// We do not send this.
    #[error("will not ask `{url}`{}: {refusal}{}", .via.as_ref().map(|via| format!(", where `{via}` redirects to")).unwrap_or_default(), hint_of(.refusal))]
    Refused {
        /// Where it would have gone.
        url: String,
        /// What redirected there, if it was a redirect.
        via: Option<String>,
        /// Why not.
        refusal: Refusal,
    },
    /// We leave it alone, for now or for good.
    #[error(transparent)]
    Restrained(#[from] Restraint),
    /// Too slow.
    #[error("cannot fetch `{url}`: it took longer than {after:?}, which is the limit (`{limit}`)")]
    Timeout {
        /// What was asked.
        url: String,
        /// The name of the limit.
        limit: &'static str,
        /// The limit.
        after: Duration,
    },
    /// Too much.
    #[error("cannot fetch `{url}`: the server sent more than {} after decompression and the limit (`{limit}`) is {}", Size(*.max), Size(*.max))]
    TooLarge {
        /// What was asked.
        url: String,
        /// The name of the limit.
        limit: &'static str,
        /// The limit in bytes.
        max: u64,
    },
    /// Sent around for nothing.
    #[error("cannot fetch `{url}`: {problem}")]
    Redirects {
        /// What was asked.
        url: String,
        /// What is wrong with the redirects.
        problem: Misled,
    },
    /// Nobody there, or nobody whom we may believe.
    #[error("cannot connect to `{url}`: {stage}: {}", why(*.stage, .source, .chain.as_deref()))]
    Connect {
        /// What was asked.
        url: String,
        /// What failed.
        stage: Stage,
        /// Why the certificates that the server leaves out could not be found.
        chain: Option<String>,
        /// The cause.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// The connection ended before the answer did.
    #[error("cannot fetch `{url}`: the answer broke off after {}: {}", Size(*.received), root(.source))]
    Truncated {
        /// What was asked.
        url: String,
        /// Bytes of the body that came, after decompression.
        received: u64,
        /// The cause.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// Not HTTP as we know it, or not compressed as it says.
    #[error("cannot fetch `{url}`: {problem}")]
    Protocol {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        problem: String,
        /// The cause, where a library found it.
        #[source]
        source: Option<Box<reqwest::Error>>,
    },
    /// So it ended when it was recorded.
    #[error("{message}")]
    Recorded {
        /// What was said of it then.
        message: String,
        /// Whose fault it was.
        fault: Fault,
        /// Whether trying again can help.
        retry: Retry,
    },
    /// A recording that is replayed has no answer to this.
    #[error("cannot fetch `{url}`: the recording has no answer to it{}", .nearest.as_ref().map(|near| format!("; the nearest address that it has is `{near}`")).unwrap_or_default())]
    NotRecorded {
        /// What was asked.
        url: String,
        /// What comes nearest to it in the recording.
        nearest: Option<String>,
    },
    /// The client cannot be built as configured.
    #[error("{problem}")]
    Settings {
        /// What is wrong, with its key.
        problem: String,
        /// The cause.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

/// What is wrong with a chain of redirects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misled {
    /// It came back to where it had been.
    #[error("its redirects lead back to `{0}`")]
    Loop(String),
    /// It did not end.
    #[error("it redirects more than {0} times, which is the limit (`net.max_redirects`)")]
    TooMany(usize),
    /// It leads nowhere.
    #[error("it redirects to `{0}`, which is no URL")]
    Nowhere(String),
}

/// How far a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The name was not found.
    Dns,
    /// The address did not answer.
    Tcp,
    /// The certificate or the handshake was not good.
    Tls,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Ours.
    Ours,
    /// The other side's.
    Theirs,
    /// The operator's, who can change it.
    Config,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// At once, one time.
    Now,
    /// After the usual wait.
    Later,
    /// Not before something is changed.
    Never,
}

const CHAIN_HINT: &str = "\nhint: if the server does not send its intermediate certificate, put that one into a PEM file and name it in `intermediates_file` of the source, or the root in its `ca_file`, or for every host in `net.ca_file`";

// === impl Error ===

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused { refusal: Refusal::Malformed(_), via: None, .. } => Fault::Ours,
            Self::Refused { via: None, .. } | Self::Settings { .. } | Self::NotRecorded { .. } => {
                Fault::Config
            }
            Self::Restrained(restraint) => restraint.fault(),
            Self::Recorded { fault, .. } => *fault,
            Self::Refused { .. }
            | Self::Timeout { .. }
            | Self::TooLarge { .. }
            | Self::Redirects { .. }
            | Self::Connect { .. }
            | Self::Truncated { .. }
            | Self::Protocol { .. } => Fault::Theirs,
        }
    }

    /// Whether trying again can help. Names and redirects change, so those are worth another try.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused { via: None, refusal, .. } if !matches!(refusal, Refusal::Resolved { .. }) => {
                Retry::Never
            }
            Self::Settings { .. } | Self::NotRecorded { .. } => Retry::Never,
            Self::Restrained(restraint) => restraint.retry(),
            Self::Recorded { retry, .. } => *retry,
            Self::Truncated { .. } => Retry::Now,
            Self::Refused { .. }
            | Self::Timeout { .. }
            | Self::TooLarge { .. }
            | Self::Redirects { .. }
            | Self::Connect { .. }
            | Self::Protocol { .. } => Retry::Later,
        }
    }

    pub(super) fn settings(
        problem: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Settings { problem: problem.into(), source: Some(source.into()) }
    }

    pub(super) fn ca_file(path: &Path, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        Self::settings(
            format!("cannot read the certificates of `net.ca_file` (`{}`): {source}", path.display()),
            source,
        )
    }

    /// Sorts what the library reports into what the caller can do. `received` counts the body so far.
    pub(super) fn sort(
        url: &url::Url,
        received: u64,
        limits: &super::Settings,
        cause: reqwest::Error,
    ) -> Self {
        let url = shown(url);
        if let Some(refusal) = find::<Refusal>(&cause) {
            return Self::Refused { url, via: None, refusal: refusal.clone() };
        }
        let source = Box::new(cause.without_url());
        if source.is_timeout() {
            let (limit, after) = if source.is_connect() {
                ("net.connect_timeout", limits.connect_timeout)
            } else {
                ("net.read_timeout", limits.read_timeout)
            };
            return Self::Timeout { url, limit, after };
        }
        if source.is_connect() {
            return Self::Connect { url, stage: stage(&source), chain: None, source };
        }
        if is_cut(&source) {
            return Self::Truncated { url, received, source };
        }
        Self::Protocol { url, problem: root(&source), source: Some(source) }
    }
}

/// A URL for a message: short, and without what a reader does not need.
pub(super) fn shown(url: &url::Url) -> String {
    const LONGEST: usize = 300;
    let mut text: String = url.as_str().chars().take(LONGEST).collect();
    if text.len() < url.as_str().len() {
        text.push('…');
    }
    text
}

fn hint_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Address { .. } | Refusal::Name(_) | Refusal::Resolved { .. } => {
            "\nhint: set `allow_private = true` where it is meant to stand in the own network"
        }
        Refusal::Scheme(_) | Refusal::TooLong(_) | Refusal::Malformed(_) => "",
    }
}

fn stage(error: &reqwest::Error) -> Stage {
    if error.is_dns() || find::<super::resolve::NotFound>(error).is_some() {
        Stage::Dns
    } else if find::<rustls::Error>(error).is_some() {
        Stage::Tls
    } else {
        Stage::Tcp
    }
}

/// Did the other side hang up in the middle?
fn is_cut(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    causes(error).any(|cause| {
        let hyper = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let io = cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        });
        hyper || io
    })
}

/// The chain that led to no root, if that is what is wrong.
pub(super) fn unlinked<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Unlinked> {
    match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The error, what caused it, and so on. An `io::Error` hides the error that it wraps from `source`.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn StdError + 'static)| {
        let error = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

/// What is in the way of a connection, for a person who has to mend it.
fn why(stage: Stage, source: &reqwest::Error, chain: Option<&str>) -> String {
    use rustls::CertificateError as Bad;
    let day = |at: rustls::pki_types::UnixTime| {
        let second = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        crate::model::Timestamp::from_second(second).to_string()
    };
    let certificate = find::<rustls::Error>(source).and_then(|error| match error {
        rustls::Error::InvalidCertificate(bad) => Some(bad),
        _ => None,
    });
    match certificate {
        Some(Bad::ExpiredContext { not_after, .. }) => {
            format!(
                "its certificate has expired, at {}: who runs the server has to renew it",
                day(*not_after)
            )
        }
        Some(Bad::NotValidYetContext { not_before, .. }) => {
            format!(
                "its certificate is valid from {} on: is the clock of this machine right?",
                day(*not_before)
            )
        }
        Some(Bad::NotValidForNameContext { presented, .. }) => {
            let names = presented.join(", ");
            format!("its certificate is for another name ({names}): is the address right?")
        }
        Some(Bad::UnknownIssuer | Bad::Other(_)) => {
            let chain = chain.map(|problem| format!(": {problem}")).unwrap_or_default();
            format!("its certificate is signed by nobody whom we know{chain}{CHAIN_HINT}")
        }
        _ if stage == Stage::Tls => format!("{}{CHAIN_HINT}", root(source)),
        _ => root(source),
    }
}

/// The last cause: the one that says what happened.
fn root(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

// === impl Stage ===

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "its name was not found",
            Self::Tcp => "it does not answer",
            Self::Tls => "the TLS handshake failed",
        })
    }
}

/// A number of bytes as people write limits: `4 MB`, `512 KiB`, `1200 bytes`.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(1 << 20, "MiB"), (1_000_000, "MB"), (1 << 10, "KiB"), (1000, "kB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_they_are_written_in_settings() {
        let sizes = [
            (0, "0 bytes"),
            (1200, "1200 bytes"),
            (4_000_000, "4 MB"),
            (4 << 20, "4 MiB"),
            (512 << 10, "512 KiB"),
            (2000, "2 kB"),
        ];
        for (bytes, expected) in sizes {
            assert_eq!(Size(bytes).to_string(), expected);
        }
    }

    #[test]
    fn messages_name_the_limit_and_what_to_do() {
        let large = Error::TooLarge { url: "http://a.vn/".to_owned(), limit: "net.max_body", max: 4_000_000 };
        assert_eq!(
            large.to_string(),
            "cannot fetch `http://a.vn/`: the server sent more than 4 MB after decompression and the limit (`net.max_body`) is 4 MB"
        );
        let refusal = super::super::guard::allowed([127, 0, 0, 1].into()).unwrap_err();
        let refused = Error::Refused {
            url: "http://127.0.0.1/".to_owned(),
            via: Some("http://a.vn/".to_owned()),
            refusal,
        };
        assert_eq!(
            refused.to_string(),
            "will not ask `http://127.0.0.1/`, where `http://a.vn/` redirects to: `127.0.0.1` is a loopback address, not a public address\nhint: set `allow_private = true` where it is meant to stand in the own network"
        );
        assert_eq!((refused.fault(), refused.retry()), (Fault::Theirs, Retry::Later));
    }

    #[test]
    fn the_cause_inside_an_io_error_is_found() {
        let refusal = Refusal::Name("localhost".to_owned());
        let wrapped = io::Error::other(io::Error::other(refusal.clone()));
        assert_eq!(find::<Refusal>(&wrapped), Some(&refusal));
    }
}
