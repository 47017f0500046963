//! What the quality gate remembers of a source: how its runs usually look, and what is held now.

use super::{PageState, SourceId, Timestamp};

/// Everything the gate remembers of one source. Small: every list in it is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Which source.
    pub source: SourceId,
    /// Believable runs, oldest first: those that brought something, and the last one.
    pub runs: Vec<Run>,
    /// Hashes of the keys that the last believable run showed.
    pub listed: Vec<u64>,
    /// What is held now, if anything is.
    pub held: Option<Held>,
    /// What an operator has let through, until it is.
    pub accepted: Option<Acceptance>,
    /// What operators were told, oldest first.
    pub notices: Vec<Notice>,
    /// Article pages that the list does not show any more, and that are still looked at.
    pub fallen: Vec<Fallen>,
    /// Articles whose pages are missing, until that is believed.
    pub missing: Vec<Missing>,
}

/// What one run looked like, in counts of items.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Run {
    /// When.
    pub at: Timestamp,
    /// Items.
    pub items: u32,
    /// Of these: with a title, a link, a date.
    pub titled: u32,
    /// With a link.
    pub linked: u32,
    /// With a date that the list says.
    pub dated: u32,
    /// Known before.
    pub known: u32,
    /// How many say the one title that most of them say.
    pub repeated: u32,
    /// Whose strongest key is a number, a guid, an address, a title.
    pub kinds: [u32; 4],
    /// Letters of the titles beyond ASCII, in thousandths.
    pub marks: u32,
    /// The language of most items.
    pub language: Option<String>,
    /// The newest date, and the one in the middle.
    pub newest: Option<Timestamp>,
    /// The date in the middle.
    pub middle: Option<Timestamp>,
}

/// Runs that are held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many.
    pub runs: u32,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Selectors that find the known articles in the page as it is now: lines of a configuration.
    pub proposal: Option<String>,
}

/// Why a run is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A stable word for machines: `nothing-known`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// How it usually is.
    pub before: String,
    /// How it was this time.
    pub after: String,
}

/// What an operator has let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// When.
    pub at: Timestamp,
    /// Is what is new in it told to subscribers?
    pub announce: bool,
}

/// What operators are told of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number, from 1.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
    /// Why; of a recovery, why it had been held.
    pub reasons: Vec<Reason>,
}

/// What happened to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// Its runs are held.
    Held,
    /// They are believable again.
    Recovered,
    /// An operator let a held run through.
    Accepted,
}

/// A page that fell off the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// The page.
    pub page: PageState,
    /// When the list did not show it any more.
    pub since: Timestamp,
}

/// An article whose page answers 404 or 410, or leads to the front page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its strongest key, printed, as its page is remembered under.
    pub key: String,
    /// The first time that its page was missing.
    pub first: Timestamp,
    /// How often in a row.
    pub checks: u32,
}

impl Gate {
    /// Of a source that was never judged.
    pub fn new(source: SourceId) -> Self {
        Self {
            source,
            runs: Vec::new(),
            listed: Vec::new(),
            held: None,
            accepted: None,
            notices: Vec::new(),
            fallen: Vec::new(),
            missing: Vec::new(),
        }
    }
}

impl What {
    /// The word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Recovered => "recovered",
            Self::Accepted => "accepted",
        }
    }
}
