//! Watching sources: one pass over one source at a time, when it is due or when somebody asks.
//!
//! A pass never breaks another: every failure ends as that source's own state (`failures`, `not_before`,
//! `issues`), and its feeds go on showing what was good.

mod accept;
pub mod backfill;
pub mod brought;
mod document;
mod dues;
mod gone;
mod held;
mod listed;
mod manners;
mod merge;
mod pages;
mod pass;
pub mod quality;
pub mod schedule;
pub mod websub;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, Semaphore, watch};
use url::Url;

use crate::{
    clock::SharedClock,
    dedup, extract,
    fetch::browser::Browser,
    journal::{Became, Journal},
    model::{Digest, Issue, SourceId, Timestamp},
    net, normalize, store,
};

pub use brought::Origin;
pub use dues::due_without_jitter;
pub use pass::Show;

/// One news section to watch.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its key.
    pub id: SourceId,
    /// What people call it.
    pub name: String,
    /// With which others it belongs together, by name.
    pub group: Option<String>,
    /// Where what it says comes from.
    pub origin: Origin,
    /// The list, or the feed; `home` where nothing is looked at. Its addresses count from here.
    pub url: Url,
    /// The page for people, where it is another one.
    pub home: Url,
    /// When to look.
    pub schedule: schedule::Schedule,
    /// How far a due time may be put off at random, so that many sources do not start in the same second.
    pub jitter: Duration,
    /// May it stand at a private address? Its hub may then, too.
    pub allow_private: bool,
    /// Is it followed by push, where its feed names a hub?
    pub websub: bool,
    /// The certificates that its requests may rely on beyond those that all requests do.
    pub trust: Option<Arc<net::Trust>>,
    /// Is what the `robots.txt` of its site says kept to?
    pub robots: bool,
    /// The least time between two requests to its host; `None` for `net.spacing`.
    pub spacing: Option<Duration>,
    /// How many article pages one pass may read.
    pub max_pages: usize,
    /// How often a known article is looked at again for edits, while the list shows it; young ones more often.
    pub recheck: Duration,
    /// How its archive is walked.
    pub archive: backfill::Archive,
    /// What its runs have to keep to.
    pub gate: quality::Limits,
    /// What of it is read by the browser, as its scripts make it.
    pub browser: Scripts,
    /// How it is read.
    pub extract: Arc<extract::Rules>,
    /// How it is normalized.
    pub normalize: Arc<normalize::Rules>,
    /// How its items are recognized.
    pub dedup: Arc<dedup::Rules>,
    /// Hash of all of these rules: other rules void validators.
    pub rules: Digest,
}

/// What of a source only scripts make, so that the browser reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// Its list?
    pub list: bool,
    /// The pages of its articles?
    pub pages: bool,
    /// What a list shows when it is complete, as a CSS selector; without it that is when it is quiet.
    pub wait_list: Option<String>,
    /// The same of an article's page.
    pub wait_page: Option<String>,
}

/// What ingest does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Every source.
    pub sources: Vec<Arc<Source>>,
    /// Passes under way at once; one that takes longer than five seconds is not counted any more.
    pub concurrency: usize,
    /// What the addresses begin with at which hubs reach us; `None` where they cannot, and nothing is followed by push.
    pub callbacks: Option<String>,
}

/// The ingest room.
pub struct Ingest {
    journal: Arc<Journal>,
    client: net::Client,
    /// For the sources that ask for one.
    browser: Option<Browser>,
    clock: SharedClock,
    settings: ArcSwap<Settings>,
    /// Sources with a pass under way: one at a time each.
    running: Mutex<HashSet<SourceId>>,
    dues: dues::Dues,
    /// The settings or a source's state changed: work out the due times again.
    changed: Notify,
    /// Parsing under way at once: it is all CPU, and a hostile page may take a while.
    parsers: Semaphore,
    /// What is agreed with the hubs of sources.
    hubs: websub::Book,
    /// What is asked of walks through archives.
    desk: backfill::Desk,
}

/// What one pass did.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which source.
    pub source: SourceId,
    /// When it began.
    pub at: Timestamp,
    /// Items in the list.
    pub items: usize,
    /// New articles.
    pub new: usize,
    /// New revisions.
    pub revised: usize,
    /// Articles that say what they said.
    pub unchanged: usize,
    /// What was wrong.
    pub issues: Vec<Issue>,
    /// Why the pass failed, where it did.
    pub failed: Option<String>,
}

/// A step of a pass, for people who watch one (`loa try`).
#[derive(Clone, Debug)]
pub enum Step {
    /// A document arrived.
    Fetched {
        /// Where from.
        url: Url,
        /// Bytes, decompressed.
        bytes: usize,
        /// Its media type.
        content_type: Option<String>,
    },
    /// A document has not changed since the last pass.
    NotModified {
        /// Where.
        url: Url,
    },
    /// A document was read.
    Extracted {
        /// Its format.
        format: String,
        /// Its encoding.
        encoding: String,
        /// Items found.
        items: usize,
    },
    /// An article was compared with what is known.
    Decided {
        /// Its title.
        title: String,
        /// Its date, printed.
        date: Option<String>,
        /// What it is, or would be.
        became: Became,
    },
    /// Something was wrong.
    Wrong(Issue),
}

/// Why a pass could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such source.
    #[error("there is no source `{0}`")]
    Unknown(SourceId),
    /// Nothing of it is held.
    #[error("no run of `{0}` is held")]
    NotHeld(SourceId),
    /// What is held has new items: somebody has to say whether they are told.
    #[error("what is held of `{source_id}` has {new} new items: say whether subscribers are told of them")]
    Undecided {
        /// Which source.
        source_id: SourceId,
        /// As the reason says it.
        new: String,
    },
    /// One is under way.
    #[error("a pass over `{0}` is under way")]
    Busy(SourceId),
    /// A walk through its archive is under way.
    #[error("a walk through the archive of `{0}` is under way")]
    Walking(SourceId),
    /// What is new is brought to it.
    #[error("`{0}` is not looked at: what is new is pushed into it")]
    NotLookedAt(SourceId),
    /// It has no pages to walk through.
    #[error("`{0}` has no archive: it is no page that can be asked")]
    NoArchive(SourceId),
    /// What was brought is not taken.
    #[error(transparent)]
    Refused(#[from] brought::Refusal),
    /// What it found could not be kept.
    #[error("cannot keep what `{source_id}` brought")]
    Store {
        /// Which source.
        source_id: SourceId,
        /// Why not.
        #[source]
        cause: store::Error,
    },
}

/// Removes the mark of a running pass, however the pass ends.
struct Running<'a> {
    ingest: &'a Ingest,
    id: SourceId,
}

// === impl Ingest ===

impl Ingest {
    /// Over a journal, with a client and perhaps a browser, by a clock.
    pub fn new(
        journal: Arc<Journal>,
        client: net::Client,
        browser: Option<Browser>,
        clock: SharedClock,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            journal,
            client,
            browser,
            clock,
            settings: ArcSwap::from_pointee(settings),
            running: Mutex::default(),
            dues: dues::Dues::default(),
            changed: Notify::new(),
            parsers: Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)),
            hubs: websub::Book::default(),
            desk: backfill::Desk::default(),
        })
    }

    /// Swaps the sources whole. Passes under way end with the rules they began with.
    pub fn reload(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.dues.mark_all();
        self.changed.notify_one();
        self.hubs.reconsider();
    }

    /// The sources as configured now.
    pub fn sources(&self) -> Vec<Arc<Source>> {
        self.settings.load().sources.clone()
    }

    /// The limits of every request.
    pub fn limits(&self) -> &net::Settings {
        self.client.settings()
    }

    /// What is known of the host of a source; `None` where none is asked.
    pub fn host(&self, source: &Source) -> Option<net::HostView> {
        source.asked().map(|url| self.client.host(url, source.trust.as_ref()))
    }

    /// When a source is due next, if it ever is.
    pub fn due(&self, source: &SourceId) -> Option<Timestamp> {
        self.dues.of(source)
    }

    /// When every source is due next.
    pub fn dues(&self) -> HashMap<SourceId, Timestamp> {
        self.dues.all()
    }

    /// Changes whenever one of those does.
    pub fn dues_moved(&self) -> watch::Receiver<()> {
        self.dues.moved()
    }

    /// True while a pass is under way, or one is due now.
    pub fn is_busy(&self) -> bool {
        let running = !self.running.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let n_sources = self.settings.load().sources.len();
        running
            || self.is_asking_hubs()
            || self.desk.is_busy()
            || self.dues.is_busy(n_sources, self.clock.now())
    }

    /// One pass now.
    pub async fn pass(&self, id: &SourceId) -> Result<Report, Error> {
        let source = self.find(id)?;
        is_looked_at(&source)?;
        let _running = Running::start(self, id)?;
        pass::pass(self, &source, pass::Sink::Record, &mut |_| ()).await
    }

    /// One pass over `source`, configured or not, that writes nothing and shows its steps.
    pub async fn rehearse(&self, source: &Arc<Source>, show: Show<'_>) -> Result<Report, Error> {
        is_looked_at(source)?;
        pass::pass(self, source, pass::Sink::Rehearse, show).await
    }

    fn find(&self, id: &SourceId) -> Result<Arc<Source>, Error> {
        let sources = self.sources();
        sources.into_iter().find(|source| source.id == *id).ok_or_else(|| Error::Unknown(id.clone()))
    }

    fn is_running(&self, id: &SourceId) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

fn is_looked_at(source: &Source) -> Result<(), Error> {
    match source.origin {
        Origin::Pushed(_) => Err(Error::NotLookedAt(source.id.clone())),
        Origin::Web | Origin::Folder(_) => Ok(()),
    }
}

/// A walk needs pages to ask for.
fn has_archive(source: &Source) -> Result<(), Error> {
    if source.origin == Origin::Web { Ok(()) } else { Err(Error::NoArchive(source.id.clone())) }
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("settings", &self.settings.load()).finish_non_exhaustive()
    }
}

// === impl Scripts ===

impl Scripts {
    /// Does the browser read documents of this kind, and what does it wait for then?
    fn of(&self, kind: extract::Kind) -> Option<Option<&str>> {
        let (is_read, wait) = match kind {
            extract::Kind::Article => (self.pages, &self.wait_page),
            extract::Kind::List | extract::Kind::Feed => (self.list, &self.wait_list),
            // Nobody is asked for it.
            extract::Kind::Brought => return None,
        };
        is_read.then_some(wait.as_deref())
    }
}

// === impl Report, Running ===

impl Report {
    fn new(source: &SourceId, at: Timestamp) -> Self {
        let source = source.clone();
        Self { source, at, items: 0, new: 0, revised: 0, unchanged: 0, issues: Vec::new(), failed: None }
    }

    /// One word for metrics.
    fn result(&self) -> &'static str {
        if self.failed.is_some() { "failed" } else { "done" }
    }

    fn count(&mut self, became: Became) {
        match became {
            Became::New => self.new += 1,
            Became::Revised => self.revised += 1,
            Became::Unchanged => self.unchanged += 1,
        }
    }
}

impl<'a> Running<'a> {
    fn start(ingest: &'a Ingest, id: &SourceId) -> Result<Self, Error> {
        let mut running = ingest.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(id.clone()) {
            Ok(Self { ingest, id: id.clone() })
        } else {
            Err(Error::Busy(id.clone()))
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Marked before it is free: whoever sees that nobody reads it sees that its due time is an old one, too.
        self.ingest.dues.mark(self.id.clone());
        self.ingest.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        // The loop does not wait for a source that somebody is reading: it has to look again, also where whoever
        // asked for the pass went away in the middle of it.
        self.ingest.changed.notify_one();
    }
}
