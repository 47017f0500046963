//! Drafts (normalized, nameless) and articles (identified, immutable revisions).

use super::{
    ArticleId, Category, Date, Enclosure, ExtractedBy, Html, Labels, Link, Person, Revision, SourceId,
    Timestamp,
};

/// What an article says, normalized: NFC text, sanitized HTML, absolute addresses, no characters that XML forbids.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Content {
    /// Where people read it; cleaned of tracking, still working.
    pub url: Option<String>,
    /// Plain text, never empty in an `Article`.
    pub title: String,
    /// Plain text teaser, possibly empty.
    pub summary: String,
    /// The full text, possibly empty.
    pub html: Html,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Who wrote it.
    pub authors: Vec<Person>,
    /// Sections, tags.
    pub categories: Vec<Category>,
    /// The lead image.
    pub image: Option<String>,
    /// Attached files.
    pub enclosures: Vec<Enclosure>,
    /// Where the full text came from.
    pub extracted_by: ExtractedBy,
}

/// An item after normalization, before anybody decided which article it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Draft {
    /// The source's own id: a feed's guid.
    pub guid: Option<String>,
    /// The canonical form of the URL, for identity only (it may not work in a browser).
    pub canonical: Option<String>,
    /// What it says.
    pub content: Content,
    /// Every link the source names, absolute.
    pub links: Vec<Link>,
    /// When the source says it was published; `None` when it says nothing usable.
    pub published: Option<Date>,
    /// When the source says it was last changed.
    pub updated: Option<Date>,
}

/// One immutable revision of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Article {
    /// Minted once, never reused.
    pub id: ArticleId,
    /// Which state this is.
    pub revision: Revision,
    /// Where it was first seen.
    pub source: SourceId,
    /// When we first saw it.
    pub first_seen: Timestamp,
    /// When it was published. Never changes after the first revision.
    pub published: Date,
    /// When it last changed in a way that matters; `published.at` for the first revision, never before it.
    pub updated: Timestamp,
    /// Digest of what matters in `content`.
    pub digest: Digest,
    /// Is it still there?
    pub status: Status,
    /// What it says.
    pub content: Content,
    /// What was found out about this revision when it was recorded.
    pub labels: Labels,
}

/// What identity remembers of an article, also after its revisions were pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The article.
    pub id: ArticleId,
    /// Its latest revision.
    pub revision: Revision,
    /// The digest of that revision.
    pub digest: Digest,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// The published date, fixed by the first revision.
    pub published: Timestamp,
    /// Is it still there?
    pub status: Status,
}

/// A hash that ignores noise (see `dedup::digest`). The default stands for "nothing yet".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Digest(pub [u8; 16]);

/// Is the article still at its source?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// As far as we know.
    #[default]
    Live,
    /// The source took it back.
    Withdrawn,
}

/// What is known of an article while this is its latest revision.
impl From<&Article> for Known {
    fn from(article: &Article) -> Self {
        Self {
            id: article.id,
            revision: article.revision,
            digest: article.digest,
            first_seen: article.first_seen,
            published: article.published.at,
            status: article.status,
        }
    }
}
