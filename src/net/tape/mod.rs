//! Exchanges that are kept and given again: what `loa try --record` writes, and `--replay` reads.
//!
//! The seam is one hop: what stands above it (guard, redirects, limits, `robots.txt`, turns) is the client's own in a replay,
//! too. A hop is kept as the client heard it: with its body decoded and with how it ended, so that what broke off, hung or
//! was never answered does so again. `redact` says what is not kept.

mod exchange;
mod playback;
mod recorder;
mod redact;
#[cfg(test)]
mod tests;
mod warc;

pub(super) use exchange::{End, Exchange};
pub use playback::{Missed, Playback};
pub use recorder::Recorder;
pub(super) use recorder::Take;
pub use redact::redacted;

/// Where a client's answers come from.
#[derive(Clone, Debug, Default)]
pub enum Wire {
    /// The network.
    #[default]
    Live,
    /// The network, and each exchange is kept.
    Recording(Recorder),
    /// What was kept; nothing is sent.
    Replaying(Playback),
}

/// The most bytes of a recording after decompression. A pass that reads forty pages of usual size has some megabytes.
pub const MOST: u64 = 256 << 20;

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read at all.
    #[error("it cannot be read: {0}")]
    Read(std::io::Error),
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Write(std::io::Error),
    /// It is more than anybody wants to hold.
    #[error("it has more than {} MiB after decompression, which is the limit", MOST >> 20)]
    TooLarge,
    /// It is no WARC, or a damaged one.
    #[error("record {record} {problem}")]
    Broken {
        /// Counted from 1.
        record: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It ends within a record.
    #[error("it ends within record {record}: the file is not whole")]
    Truncated {
        /// Counted from 1.
        record: usize,
    },
    /// Another program wrote it, which keeps bodies in another way.
    #[error(
        "it was written by {0} and not by `loa try --record`\nhint: `loa extract` reads a page that was saved by another program"
    )]
    Foreign(String),
}
