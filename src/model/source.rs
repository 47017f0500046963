//! What we remember of a source between two passes.

use super::{Digest, Issue, SourceId, Timestamp};

/// Everything ingest remembers of one source. Small: bounded by what its list shows now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Which source.
    pub id: SourceId,
    /// Hash of the rules that read it last. Other rules void `validators` and `pages`.
    pub rules: Digest,
    /// The list's validators, for conditional GET.
    pub validators: Validators,
    /// False until the first pass is through: until then nobody is told.
    pub backfilled: bool,
    /// When it was last asked.
    pub last_attempt: Option<Timestamp>,
    /// When it last answered something usable (a 304 counts).
    pub last_success: Option<Timestamp>,
    /// When an article last changed.
    pub last_change: Option<Timestamp>,
    /// When it may be asked again; later than the schedule says after failures or a `Retry-After`.
    pub not_before: Option<Timestamp>,
    /// Failures since the last success.
    pub failures: u32,
    /// How many items its list showed last.
    pub items: u32,
    /// What was wrong last time, at most 20.
    pub issues: Vec<Issue>,
    /// Where a permanent redirect says it moved to.
    pub moved_to: Option<String>,
    /// The article pages of the items that the list shows now.
    pub pages: Vec<PageState>,
}

/// Validators of a representation (RFC 9110, section 8.8).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Validators {
    /// The entity tag as received, quotes included.
    pub etag: Option<String>,
    /// The modification date as received.
    pub last_modified: Option<String>,
}

/// One article page behind a list.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PageState {
    /// The item's strongest identity key, printed.
    pub key: String,
    /// Digest of what the list said of it: a change asks for the page again.
    pub listed: Digest,
    /// The page's validators.
    pub validators: Validators,
    /// When it was last read.
    pub checked: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
}

impl SourceState {
    /// A source that was never asked.
    pub fn new(id: SourceId) -> Self {
        Self {
            id,
            rules: Digest::default(),
            validators: Validators::default(),
            backfilled: false,
            last_attempt: None,
            last_success: None,
            last_change: None,
            not_before: None,
            failures: 0,
            items: 0,
            issues: Vec::new(),
            moved_to: None,
            pages: Vec::new(),
        }
    }
}
