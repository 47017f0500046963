//! Walking through a source's archive, page by page, without a word to anybody.
//!
//! 1. `walk` reads a page of the list, reads the articles that are not known, and writes down how far it has come;
//! 2. `course` says which page is the next: by the configuration, else by what the first page shows;
//! 3. `form` (postbacks) and `map` (sitemaps) are the two courses that need more than an address.
//!
//! A walk never touches what live passes remember of the source, and leaves to them what they will announce.

mod course;
mod desk;
mod form;
mod map;
mod walk;

use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Error, Ingest};
use crate::extract::Query;
use crate::model::{Backfill, Issue, SourceId, Timestamp};

pub(super) use desk::Desk;
pub use desk::{Standing, State};

/// How the archive of a source is walked, as configured.
#[derive(Clone, Debug)]
pub struct Archive {
    /// How its pages are found; `None`: by what the first one shows.
    pub kind: Option<Kind>,
    /// What the addresses of its pages look like: see [`crate::extract::pager::Pager`].
    pub pattern: Option<String>,
    /// The link to the next page.
    pub next: Option<Query>,
    /// Its sitemaps; empty: those that `robots.txt` names, else `/sitemap.xml`.
    pub sitemaps: Vec<Url>,
    /// What the paths of its articles begin with, in sitemaps.
    pub path: Option<String>,
    /// How many pages one walk may read.
    pub max_pages: u64,
    /// After how many days in a row without items a walk is over.
    pub empty_days: u64,
}

/// How the pages of an archive are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They have numbers in their addresses.
    Numbered,
    /// Each links to the next one.
    Next,
    /// There is one for each day.
    Days,
    /// A form is posted back.
    Postback,
    /// Sitemaps list the articles.
    Sitemap,
}

/// What is asked of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// What is older is not wanted.
    pub since: Option<Timestamp>,
    /// How many pages to read now; the next walk goes on behind them.
    pub pages: Option<u64>,
    /// Begin again at the first page, whatever an earlier walk has left.
    pub restart: bool,
}

/// What became of a walk.
#[derive(Clone, Debug)]
pub struct Walked {
    /// How far it has come.
    pub progress: Backfill,
    /// Why it stands still, where it has not come to its end.
    pub halt: Option<Halt>,
    /// What was wrong on the way, the first of it.
    pub issues: Vec<Issue>,
}

/// Why a walk stands still. All of them can be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Somebody asked for it.
    Asked,
    /// As many pages were read as were asked for.
    Pages,
    /// It cannot go on now.
    Failed(String),
}

/// Who watches a walk: how far it has come.
pub type Watch<'a> = &'a mut (dyn FnMut(&Backfill) + Send);

// === impl Kind ===

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Numbered, Self::Next, Self::Days, Self::Postback, Self::Sitemap];

    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Numbered => "numbered",
            Self::Next => "next",
            Self::Days => "days",
            Self::Postback => "postback",
            Self::Sitemap => "sitemap",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Ingest {
    /// Walks through the archive of `id` from where it stands, until its end or `stop`.
    pub async fn backfill(
        &self,
        id: &SourceId,
        order: Order,
        stop: &CancellationToken,
        watch: Watch<'_>,
    ) -> Result<Walked, Error> {
        let source = self.find(id)?;
        super::has_archive(&source)?;
        let task = walk::Task { ingest: self, source: &source, order, stop, resume: false };
        let stored = |cause| Error::Store { source_id: id.clone(), cause };
        walk::walk(task, watch).await.map_err(stored)
    }
}
