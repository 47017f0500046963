//! room
use crate::model::{FeedId, Filter, SourceId};
use std::{sync::Arc, time::Duration};

/// What is published, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the public reaches us, without a trailing slash: `https://tin.example.vn`.
    pub base_url: String,
    /// Every feed.
    pub feeds: Vec<Feed>,
    /// Each source's name and home page, for feeds and pages.
    pub sources: Vec<SourceInfo>,
    /// How long caches may keep a feed.
    pub max_age: Duration,
}

/// One feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Its key and address.
    pub id: FeedId,
    /// What people read.
    pub title: String,
    /// A sentence about it.
    pub description: String,
    /// BCP 47 tag.
    pub language: String,
    /// Which sources.
    pub sources: Vec<SourceId>,
    /// Which of their articles.
    pub filter: Option<Filter>,
    /// How many, newest first.
    pub items: usize,
    /// The page that it mirrors.
    pub home: Option<String>,
}

/// What publishing knows of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its key.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Its address for people.
    pub home: String,
}

/// The publish room: feed views in memory and their rendered representations.
pub struct Publisher;

/// The formats of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// RSS 2.0
    Rss,
    /// Atom 1.0
    Atom,
    /// JSON Feed 1.1
    Json,
}

/// One rendered document, ready to be sent.
#[derive(Clone, Debug)]
pub struct Document {
    /// Media type with charset.
    pub content_type: &'static str,
    /// Identity bytes.
    pub body: bytes::Bytes,
    /// The same, gzipped.
    pub gzip: bytes::Bytes,
    /// Strong entity tag of the identity bytes, quotes included.
    pub etag: String,
    /// Strong entity tag of the gzipped bytes, quotes included.
    pub etag_gzip: String,
    /// When the visible content last changed. Moves exactly when the tags move.
    pub last_modified: crate::model::Timestamp,
    /// The `Link` header: self (and hub, once there is one).
    pub link: String,
}

impl Publisher {
    /// A feed's document in a format.
    pub fn document(&self, _feed: &FeedId, _format: Format) -> Option<Arc<Document>> {
        unimplemented!("spine")
    }
    /// The catalogue of all feeds.
    pub fn opml(&self) -> Arc<Document> {
        unimplemented!("spine")
    }
    /// What is published now.
    pub fn settings(&self) -> Arc<Settings> {
        unimplemented!("spine")
    }
    /// The articles that a feed shows now, newest first.
    pub fn articles(&self, _feed: &FeedId) -> Option<Vec<Arc<crate::model::Article>>> {
        unimplemented!("spine")
    }
    /// True once the views stand.
    pub fn ready(&self) -> bool {
        unimplemented!("spine")
    }
}
