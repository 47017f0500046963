//! How far a walk through a source's archive has come.

use super::{SourceId, Timestamp};

/// The progress of a walk, written after each page: whoever is killed goes on from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Whose archive.
    pub source: SourceId,
    /// When it began.
    pub started: Timestamp,
    /// When it was last written down.
    pub updated: Timestamp,
    /// What is older is not wanted.
    pub since: Option<Timestamp>,
    /// How pages are found: `numbered`, `next`, `days`, `postback`, `sitemap`; empty before that is known.
    pub way: String,
    /// What the addresses of pages look like, where they are made from a pattern; or the control of a form.
    pub pattern: String,
    /// What is read next: a number, an address, a day. Empty: the first page.
    pub place: String,
    /// Pages read.
    pub pages: u64,
    /// How many there seem to be; 0 where nothing says so.
    pub of: u64,
    /// Items on them.
    pub items: u64,
    /// Articles that were not known.
    pub new: u64,
    /// Items that were known, and not read again.
    pub known: u64,
    /// Items that are older than wanted, or that the next pass will bring with a word.
    pub left: u64,
    /// Articles whose page could not be read.
    pub failed: u64,
    /// Pages without items in a row, up to here.
    pub empty: u64,
    /// The oldest date met.
    pub oldest: Option<Timestamp>,
    /// Fingerprints of the items of the first page.
    pub first: Vec<u64>,
    /// Fingerprints of the items of the last page that was read.
    pub last: Vec<u64>,
    /// Why there is nothing more to walk, once there is not.
    pub end: Option<End>,
    /// Does the daemon go on with it by itself after a restart?
    pub resume: bool,
}

/// Why a walk is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The archive has no further page.
    Bottom,
    /// A whole page is older than wanted.
    Since,
    /// The pager shows again what it has shown.
    Repeats,
    /// Nothing stood on so many days in a row.
    Empty,
    /// The configuration allows no more pages.
    MaxPages,
}

// === impl Backfill ===

impl Backfill {
    /// A walk that begins.
    pub fn new(source: SourceId, since: Option<Timestamp>, at: Timestamp) -> Self {
        Self {
            source,
            started: at,
            updated: at,
            since,
            way: String::new(),
            pattern: String::new(),
            place: String::new(),
            pages: 0,
            of: 0,
            items: 0,
            new: 0,
            known: 0,
            left: 0,
            failed: 0,
            empty: 0,
            oldest: None,
            first: Vec::new(),
            last: Vec::new(),
            end: None,
            resume: false,
        }
    }
}

// === impl End ===

impl End {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bottom, Self::Since, Self::Repeats, Self::Empty, Self::MaxPages];

    /// The word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bottom => "bottom",
            Self::Since => "since",
            Self::Repeats => "repeats",
            Self::Empty => "empty",
            Self::MaxPages => "max-pages",
        }
    }

    /// The reason for a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }

    /// The sentence for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Bottom => "the archive ends here",
            Self::Since => "everything further is older than wanted",
            Self::Repeats => "the pager shows again what it has shown",
            Self::Empty => "many days, or pages, in a row brought nothing",
            Self::MaxPages => "`archive.max_pages` of the source allows no more pages",
        }
    }
}
