//! What the journal tells the public: one reader for the events API and for streams of events.
//!
//! Every client is a cursor over the journal. What was recorded last is rendered once for all of them and kept in a
//! window of `KEPT` lines; who is further behind reads the store, a few at a time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::{sse, wanted::Wanted};
use crate::{
    journal::Journal,
    model::{Event, EventType, Seq, filter::Facts, markup},
    publish::{Publisher, Settings},
    push::Push,
    store::{self, Store},
};

/// Journal lines that are kept rendered.
const KEPT: usize = 256;

/// Clients that may read the store at once.
const READING: usize = 4;

/// What telling stands on.
#[derive(Clone)]
pub struct Sources {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// What renders payloads.
    pub push: Arc<Push>,
    /// What knows which sources are public.
    pub publisher: Arc<Publisher>,
}

/// Tells the public what is in the journal.
pub struct Teller {
    from: Sources,
    head: watch::Receiver<Seq>,
    window: ArcSwap<Window>,
    /// Held by the one that moves the window on.
    filling: tokio::sync::Mutex<()>,
    reading: Semaphore,
    places: Arc<Semaphore>,
    n_places: usize,
    stop: CancellationToken,
}

/// What was recorded last.
#[derive(Default)]
struct Window {
    /// What was published when its lines were judged and rendered: payloads name feeds.
    settings: Option<Arc<Settings>>,
    /// The line before its first.
    floor: Seq,
    lines: Vec<Arc<Line>>,
}

/// A journal line, and what clients asked of it, found once.
struct Line {
    event: Event,
    /// May the public hear of it?
    is_public: bool,
    told: OnceCell<Option<Told>>,
    facts: OnceCell<Option<Facts>>,
}

/// What is said of an event. The bytes are shared by all clients.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) seq: Seq,
    /// The payload, as webhooks have it.
    pub(super) payload: Arc<str>,
    /// The payload as a block of an event stream.
    pub(super) block: Bytes,
}

/// How far one look goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Up to this line.
    pub(super) head: Seq,
    /// So many lines at most.
    pub(super) lines: usize,
    /// Until the payloads have so many bytes.
    pub(super) bytes: usize,
}

/// What one look found.
#[derive(Debug)]
pub(super) struct Look {
    /// What is told, in order.
    pub(super) told: Vec<Told>,
    /// Up to which line was looked: also over lines that are not told.
    pub(super) next: Seq,
}

// === impl Teller ===

impl Teller {
    /// Tells at most `places` clients that wait, until `stop`.
    pub fn new(from: Sources, journal: &Journal, places: usize, stop: CancellationToken) -> Arc<Self> {
        let n_places = places.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            from,
            head: journal.head(),
            window: ArcSwap::default(),
            filling: tokio::sync::Mutex::default(),
            reading: Semaphore::new(READING),
            places: Arc::new(Semaphore::new(n_places)),
            n_places,
            stop,
        })
    }

    /// Wakes up whenever the head of the journal moves.
    pub(super) fn head(&self) -> watch::Receiver<Seq> {
        self.head.clone()
    }

    /// The newest line that is recorded.
    pub(super) async fn recorded(&self) -> store::Result<Seq> {
        self.from.store.head().await
    }

    /// Completes when nobody is told any more.
    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Has it stopped?
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// A place for a client that waits, if there is one.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// How many clients wait now.
    pub(super) fn waiting(&self) -> usize {
        self.n_places - self.places.available_permits()
    }

    /// What is published now.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.from.publisher.settings()
    }

    /// The oldest number after which everything is kept.
    pub(super) async fn floor(&self) -> store::Result<Seq> {
        match self.from.store.events(Seq(0), 1).await {
            Err(store::Error::Pruned { floor }) => Ok(floor),
            other => other.map(|_| Seq(0)),
        }
    }

    /// What is told after `after` to who wants `wanted`. [`store::Error::Pruned`] when `after` lies before the floor.
    pub(super) async fn look(&self, wanted: &Wanted, after: Seq, reach: Reach) -> store::Result<Look> {
        let mut look = Look { told: Vec::new(), next: after };
        if after >= reach.head {
            return Ok(look);
        }
        let (lines, _turn) = self.lines(after, reach).await?;
        let mut bytes = 0;
        for line in lines.iter().take_while(|line| line.event.seq <= reach.head) {
            look.next = line.event.seq;
            if let Some(told) = self.told(line, wanted).await? {
                bytes += told.payload.len();
                look.told.push(told);
            }
            if bytes >= reach.bytes {
                break;
            }
        }
        Ok(look)
    }

    /// The lines after `after`: those of the window, or those of the store, with the turn of who reads there.
    async fn lines(
        &self,
        after: Seq,
        reach: Reach,
    ) -> store::Result<(Vec<Arc<Line>>, Option<SemaphorePermit<'_>>)> {
        if let Some(lines) = self.window(reach.head).await?.after(after, reach.lines) {
            return Ok((lines.to_vec(), None));
        }
        let turn = self.reading.acquire().await.expect("nobody closes this semaphore");
        let settings = self.settings();
        let events = self.from.store.events(after, reach.lines).await?;
        Ok((events.into_iter().map(|event| Line::new(event, &settings)).collect(), Some(turn)))
    }

    /// The window, moved on to `head` if nobody did yet.
    async fn window(&self, head: Seq) -> store::Result<Arc<Window>> {
        let fits = |window: &Window| window.is_of(&self.settings()) && window.head() >= head;
        let window = self.window.load_full();
        if fits(&window) {
            return Ok(window);
        }
        let _filling = self.filling.lock().await;
        let window = self.window.load_full();
        if fits(&window) {
            return Ok(window);
        }
        let settings = self.settings();
        let oldest = Seq(head.0.saturating_sub(KEPT as u64));
        let goes_on = window.is_of(&settings) && window.head() >= oldest;
        let from = if goes_on { window.head() } else { oldest };
        let (floor, events) = match self.from.store.events(from, KEPT).await {
            Err(store::Error::Pruned { floor }) => (floor, self.from.store.events(floor, KEPT).await?),
            other => (from, other?),
        };
        let fresh = events.into_iter().map(|event| Line::new(event, &settings));
        let moved = if goes_on && floor == from {
            window.with(fresh)
        } else {
            Window { floor, lines: fresh.collect(), settings: Some(settings) }
        };
        let moved = Arc::new(moved);
        self.window.store(Arc::clone(&moved));
        Ok(moved)
    }

    /// What is told of a line to who wants `wanted`, if anything is.
    async fn told(&self, line: &Line, wanted: &Wanted) -> store::Result<Option<Told>> {
        if line.event.quiet || !line.is_public || !wanted.may_want(&line.event) {
            return Ok(None);
        }
        if wanted.reads() {
            let facts = line.facts.get_or_try_init(|| self.facts(&line.event)).await?;
            if !facts.as_ref().is_some_and(|facts| wanted.wants(facts)) {
                return Ok(None);
            }
        }
        line.told.get_or_try_init(|| self.render(&line.event)).await.cloned()
    }

    async fn render(&self, event: &Event) -> store::Result<Option<Told>> {
        let Some(payload) = self.from.push.payload(event).await? else { return Ok(None) };
        let block = sse::block(event.seq, Some((EventType::from(event.change).as_str(), &payload)));
        Ok(Some(Told { seq: event.seq, payload: payload.into(), block }))
    }

    async fn facts(&self, event: &Event) -> store::Result<Option<Facts>> {
        let article = self.from.store.article(event.article, Some(event.revision)).await?;
        Ok(article.map(|article| Facts::new(&article, &markup::to_text(article.content.html.as_str()))))
    }
}

// === impl Window ===

impl Window {
    fn is_of(&self, settings: &Arc<Settings>) -> bool {
        self.settings.as_ref().is_some_and(|known| Arc::ptr_eq(known, settings))
    }

    fn head(&self) -> Seq {
        self.lines.last().map_or(self.floor, |line| line.event.seq)
    }

    /// Up to `limit` lines after `after`; `None` where it does not reach back that far.
    fn after(&self, after: Seq, limit: usize) -> Option<&[Arc<Line>]> {
        let skipped = usize::try_from(after.0.checked_sub(self.floor.0)?).ok()?;
        let rest = self.lines.get(skipped..)?;
        Some(&rest[..rest.len().min(limit)])
    }

    /// The window with lines that follow its own, and without as many of its oldest as are too many then.
    fn with(&self, fresh: impl Iterator<Item = Arc<Line>>) -> Self {
        let mut lines: Vec<_> = self.lines.iter().cloned().chain(fresh).collect();
        let too_many = lines.len().saturating_sub(KEPT);
        let floor = lines.drain(..too_many).next_back().map_or(self.floor, |line| line.event.seq);
        Self { settings: self.settings.clone(), floor, lines }
    }
}

// === impl Line ===

impl Line {
    fn new(event: Event, settings: &Settings) -> Arc<Self> {
        // What concerns operators is told by webhooks and in the API.
        let is_public = event.change.is_of_article() && settings.is_public(&event.source);
        Arc::new(Self { event, is_public, told: OnceCell::new(), facts: OnceCell::new() })
    }
}
