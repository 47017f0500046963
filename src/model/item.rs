//! What extraction finds: raw strings, everything optional, and what was wrong.

use std::fmt;

/// One entry of a list, page or feed as found. Nothing is resolved, decoded twice, sanitized or dated yet.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Item {
    /// The source's own id: a feed's guid, an article number printed on the page.
    pub id: Option<String>,
    /// The link, possibly relative.
    pub url: Option<String>,
    /// The title as plain text.
    pub title: Option<String>,
    /// The teaser, as HTML.
    pub summary: Option<String>,
    /// The full text, as HTML (or plain text, see `content_type`).
    pub content: Option<String>,
    /// Media type of `content`, where the source says one: `text/html`, `text/plain`, `application/xhtml+xml`.
    pub content_type: Option<String>,
    /// The base for relative links inside `content` where it is not the page's own (`xml:base`).
    pub base: Option<String>,
    /// BCP 47 tag, as declared.
    pub language: Option<String>,
    /// Who wrote it.
    pub authors: Vec<Person>,
    /// Sections, tags.
    pub categories: Vec<Category>,
    /// Every link the source names, the alternate one included.
    pub links: Vec<Link>,
    /// The date text as found.
    pub published: Option<String>,
    /// The date text of the last change as found.
    pub updated: Option<String>,
    /// The lead image, possibly relative.
    pub image: Option<String>,
    /// Attachments.
    pub enclosures: Vec<Enclosure>,
    /// Where the full text came from.
    pub extracted_by: ExtractedBy,
}

/// A person or body that wrote something.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// A page about them.
    pub url: Option<String>,
}

/// A section or tag.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Category {
    /// The term.
    pub term: String,
    /// The vocabulary it is from (RFC 4287, section 4.2.2.2).
    pub scheme: Option<String>,
    /// How people read it.
    pub label: Option<String>,
}

/// A link with its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Link {
    /// The address, possibly relative.
    pub href: String,
    /// The relation: `alternate`, `self`, `enclosure` …
    pub rel: Option<String>,
    /// The media type.
    pub media_type: Option<String>,
}

impl Link {
    /// A page's `<link rel=alternate type=…>` to a feed.
    pub fn leads_to_feed(&self) -> bool {
        let kind = self.media_type.as_deref().unwrap_or_default();
        self.rel.as_deref() == Some("alternate")
            && ["rss+xml", "atom+xml", "feed+json"].iter().any(|feed| kind.contains(feed))
    }
}

/// An attached file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Enclosure {
    /// The address.
    pub url: String,
    /// The media type.
    pub media_type: Option<String>,
    /// Bytes, where somebody said so.
    pub length: Option<u64>,
    /// How people call it.
    pub title: Option<String>,
}

/// Which step produced the full text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ExtractedBy {
    /// The recipe's selector, or the feed's own content.
    Recipe,
    /// JSON-LD metadata.
    JsonLd,
    /// Main-text detection.
    MainText,
    /// Nothing better than the list's teaser.
    #[default]
    Summary,
}

/// Something that was wrong and did not stop us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// How bad.
    pub severity: Severity,
    /// A stable word for machines: `date-in-future`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Where: `item 3`, a URL; empty for the whole document.
    pub at: String,
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something was lost or guessed.
    Warning,
    /// The document could not be used.
    Error,
}

impl Issue {
    /// An issue of the whole document.
    pub fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self { severity, code: code.to_owned(), message: message.into(), at: String::new() }
    }

    /// A warning about the whole document.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// An error of the whole document.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// The same issue, at a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.at = place.into();
        self
    }
}

impl fmt::Display for ExtractedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recipe => "recipe",
            Self::JsonLd => "json-ld",
            Self::MainText => "main-text",
            Self::Summary => "summary",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
