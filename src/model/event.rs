//! Lines of the journal.

use std::fmt;

use super::{ArticleId, Revision, Seq, SourceId, Timestamp};

/// One visible change of an article, or of the health of a source: a reference, never a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the journal.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
    /// To which article.
    pub article: ArticleId,
    /// Giving which revision.
    pub revision: Revision,
    /// In which source.
    pub source: SourceId,
    /// True for what a source's first run or a backfill brought: feeds show it, nobody is told.
    pub quiet: bool,
}

/// What happened to an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new.
    Published,
    /// It says something else now.
    Updated,
    /// Its source took it back.
    Withdrawn,
    /// Not to an article: what its source shows is not believed, and held back.
    Stale,
    /// Not to an article: what its source shows is believable again.
    Recovered,
}

/// Who follows the journal with a cursor of its own: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Follower {
    /// Feed views in memory.
    Views,
    /// The search index.
    Search,
    /// The push router.
    Router,
}

impl Change {
    /// Does it speak of an article? Lines that do not are for operators: their article is [`ArticleId::NONE`], and their
    /// revision the number of a [`Notice`](super::Notice) of the source.
    pub fn is_of_article(self) -> bool {
        match self {
            Self::Published | Self::Updated | Self::Withdrawn => true,
            Self::Stale | Self::Recovered => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published => "published",
            Self::Updated => "updated",
            Self::Withdrawn => "withdrawn",
            Self::Stale => "stale",
            Self::Recovered => "recovered",
        })
    }
}

impl fmt::Display for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Views => "views",
            Self::Search => "search",
            Self::Router => "router",
        })
    }
}
