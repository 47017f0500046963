//! What is published, and how: plain values, made by the configuration.

use std::{collections::HashSet, time::Duration};

use subtle::ConstantTimeEq;

use crate::model::{FeedId, Filter, SourceId};

/// What is published, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the public reaches us, without a trailing slash: `https://tin.example.vn`.
    pub base_url: String,
    /// Every feed.
    pub feeds: Vec<Feed>,
    /// Each source's name and home page, for feeds and pages.
    pub sources: Vec<SourceInfo>,
    /// How long caches may keep a feed at least.
    pub min_age: Duration,
    /// And at most: between the two it is the time until one of its sources is looked at again.
    pub max_age: Duration,
    /// The hub that feeds name.
    pub hub: Option<Hub>,
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
    /// How many, newest first, at least.
    pub items: usize,
    /// And as many more as are not older than this, counted from the newest.
    pub window: Duration,
    /// How much of each article.
    pub extent: Extent,
    /// The page that it mirrors.
    pub home: Option<String>,
    /// A picture that stands for it.
    pub image: Option<String>,
    /// Which part of a feed this is, as the query of its address, from `?` on; empty for a whole one.
    pub selection: String,
    /// Where it stands in the catalogue.
    pub group: Option<String>,
    /// Names that it had before.
    pub aliases: Vec<FeedId>,
    /// Is it still going on?
    pub life: Life,
    /// Who may read it.
    pub access: Access,
}

/// How much of an article a feed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Extent {
    /// All of it.
    #[default]
    Full,
    /// Its summary.
    Summary,
}

impl Extent {
    /// What addresses and configurations call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Summary => "summary",
        }
    }
}

/// A WebSub hub, by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hub {
    /// Our own, which sees by itself when feeds change.
    Own(String),
    /// Another one, which is told.
    Other(Other),
}

/// Another hub than our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Where it stands.
    pub address: String,
    /// Whether it is looked at that it delivers.
    pub watch: Watch,
    /// Our own hub, which feeds name while the other one does not deliver; `None` where it is closed.
    pub stand_in: Option<String>,
    /// Do they name it now? Not a matter of the configuration: the publisher decides it.
    pub is_replaced: bool,
}

/// Whether another hub is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    /// The operator does not want it.
    Off,
    /// The hub could not reach us.
    Unreachable,
    /// It is, at an address of ours that begins with this.
    At(String),
}

/// Where a feed stands in its life.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Life {
    /// It goes on.
    #[default]
    Current,
    /// It says that nothing new will come (JSON Feed 1.1, `expired`).
    Ending,
    /// It is gone: 410.
    Ended,
    /// It lives at another address, without `.rss`, `.atom`, `.json`.
    Moved(String),
}

/// Who may read a feed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Access {
    /// Everybody.
    #[default]
    Public,
    /// Who has one of the tokens of which these are the BLAKE3 hashes.
    Private(Vec<[u8; 32]>),
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
    /// The address of its own feed, where it has one: its articles are republished.
    pub feed: Option<String>,
    /// The time between two looks at it.
    pub interval: Duration,
}

impl Settings {
    /// These feeds, without sources and a hub; caches are told what the configuration tells them by default.
    pub fn new(base_url: &str, feeds: Vec<Feed>) -> Self {
        Self {
            base_url: base_url.to_owned(),
            feeds,
            sources: Vec::new(),
            min_age: Duration::from_secs(60),
            max_age: Duration::from_secs(15 * 60),
            hub: None,
        }
    }

    /// The hub that is not ours, where feeds are to name one.
    pub fn other_hub(&self) -> Option<&Other> {
        match &self.hub {
            Some(Hub::Other(other)) => Some(other),
            _ => None,
        }
    }

    /// What is known of a source.
    pub(super) fn source(&self, id: &SourceId) -> Option<&SourceInfo> {
        self.sources.iter().find(|source| source.id == *id)
    }

    /// May everybody read what a source brings? Not where only private feeds read it.
    pub fn is_public(&self, source: &SourceId) -> bool {
        let mut readers = self.feeds.iter().filter(|feed| feed.sources.contains(source)).peekable();
        readers.peek().is_none() || readers.any(|feed| !feed.is_private())
    }

    /// The time between two looks at one of `sources`, within the bounds of what caches are told.
    pub(super) fn interval(&self, sources: &[SourceId]) -> Duration {
        // It is asked at every change of a feed, which may have ten thousand sources.
        let wanted: HashSet<&SourceId> = sources.iter().collect();
        let intervals =
            self.sources.iter().filter(|info| wanted.contains(&info.id)).map(|info| info.interval);
        intervals.min().unwrap_or(self.max_age).min(self.max_age).max(self.min_age)
    }
}

impl Feed {
    /// A feed of everything that `sources` bring, with the usual window.
    pub fn new(id: FeedId, title: &str, sources: Vec<SourceId>) -> Self {
        Self {
            id,
            title: title.to_owned(),
            description: title.to_owned(),
            language: "vi".to_owned(),
            sources,
            filter: None,
            items: 50,
            window: Duration::from_secs(14 * 24 * 3600),
            extent: Extent::Full,
            home: None,
            image: None,
            selection: String::new(),
            group: None,
            aliases: Vec::new(),
            life: Life::Current,
            access: Access::Public,
        }
    }

    /// Is there anything to read at its address?
    pub fn is_alive(&self) -> bool {
        matches!(self.life, Life::Current | Life::Ending)
    }

    /// Does it stand in catalogues?
    pub fn is_listed(&self) -> bool {
        !self.is_private() && self.is_alive()
    }

    /// May whoever has this token read it? All hashes are compared, each in constant time.
    pub fn lets_in(&self, token: Option<&str>) -> bool {
        let Access::Private(hashes) = &self.access else { return true };
        let Some(given) = token.map(|token| blake3::hash(token.as_bytes())) else { return false };
        let fits = |known: &[u8; 32]| known.as_slice().ct_eq(given.as_bytes());
        hashes.iter().fold(subtle::Choice::from(0), |any, known| any | fits(known)).into()
    }

    /// The part of it that `filter` wants, at `query`.
    pub(super) fn part(&self, filter: &Filter, query: &str) -> Self {
        let own = self.filter.clone();
        Self {
            title: format!("{} – {filter}", self.title),
            filter: Some(own.map_or_else(|| filter.clone(), |own| own.and(filter.clone()))),
            selection: query.to_owned(),
            ..self.clone()
        }
    }

    /// May only some read it?
    pub fn is_private(&self) -> bool {
        matches!(self.access, Access::Private(_))
    }
}

// === impl Hub ===

impl Hub {
    /// The address that feeds name.
    pub fn named(&self) -> &str {
        match self {
            Self::Own(address) => address,
            Self::Other(other) => match &other.stand_in {
                Some(own) if other.is_replaced => own,
                _ => &other.address,
            },
        }
    }
}
