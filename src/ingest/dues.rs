//! When each source is due, and the loop that looks at those that are.
//!
//! Every source's due time is kept in order, so that a turn of the loop costs what has changed and not what there is: with ten
//! thousand sources one of them is due every few milliseconds. A state is read again when its pass is over, when a hub
//! has told something, and all of them with a reload or when the clock was set back.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Error, Ingest, Report, Source,
    schedule::{
        Known,
        adaptive::{self, Habit},
        pushed::Pushed,
    },
};
use crate::{
    model::{SourceId, SourceState, Timestamp},
    store::{self, Store},
};

/// A pass that takes longer gives its place to another: most of its time it waits, for a host that is slow or dead, or
/// that wants to be asked slowly.
const SLOW: Duration = Duration::from_secs(5);
/// So many times more passes may be under way than have places.
const MOST_SLOW: usize = 8;
/// A habit is learned again when what is known of it is older than this.
const HABIT: Duration = Duration::from_secs(6 * 3600);

/// When each source is due.
#[derive(Debug, Default)]
pub(super) struct Dues {
    table: Mutex<Table>,
    /// Whose turn it is to work out due times: nobody overwrites what others worked out from what is newer.
    working: tokio::sync::Mutex<()>,
    /// Changes whenever a due time does.
    moved: watch::Sender<()>,
    habits: Mutex<HashMap<SourceId, Arc<Learned>>>,
    /// Passes under way that gave away their places.
    n_slow: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    sources: HashMap<SourceId, Arc<Source>>,
    /// When each is due and was asked last; of one that is never due, the end of time.
    known: HashMap<SourceId, (Timestamp, Option<Timestamp>)>,
    /// What is due later, by when it is.
    waiting: BTreeSet<(Timestamp, SourceId)>,
    /// What is due, by when it was asked last.
    ready: BTreeSet<(Option<Timestamp>, SourceId)>,
    /// Whose due times have to be worked out again.
    stale: HashSet<SourceId>,
    /// All of them have to be.
    is_stale: bool,
    /// The present when the loop looked last.
    seen: Timestamp,
}

/// A habit, and when it was learned from how many articles.
#[derive(Debug)]
struct Learned {
    at: Timestamp,
    n_articles: usize,
    habit: Habit,
}

// === impl Ingest: the loop ===

impl Ingest {
    /// Watches every source until `stop`, or until the store is broken for good.
    pub async fn run(&self, stop: CancellationToken) -> store::Result<()> {
        let mut passes = FuturesUnordered::new();
        self.dues.table().is_stale = true;
        loop {
            self.work_out_due_times().await?;
            let mut has_place = self.has_place(passes.len());
            while has_place
                && let Some(id) = self.dues.table().take(self.clock.now(), |id| self.is_running(id))
            {
                passes.push(async move { self.scheduled_pass(id).await }.boxed());
                has_place = self.has_place(passes.len());
            }
            let waiting = self.dues.table().first();
            let alarm = match waiting {
                Some(due) if has_place => self.clock.sleep_until(due),
                _ => std::future::pending().boxed(),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(passed) = passes.next(), if !passes.is_empty() => self.dues.mark(passed?),
                () = self.changed.notified() => {}
                () = alarm => {}
            }
        }
    }

    fn has_place(&self, n_passes: usize) -> bool {
        let concurrency = self.settings.load().concurrency;
        let n_slow = self.dues.n_slow.load(Ordering::Relaxed);
        n_passes.saturating_sub(n_slow) < concurrency && n_passes < concurrency.saturating_mul(MOST_SLOW)
    }

    /// Works out when those sources are due of which something has changed.
    pub(super) async fn work_out_due_times(&self) -> store::Result<()> {
        let _turn = self.dues.working.lock().await;
        let (all, mut some) = self.dues.table().stale(self.clock.now());
        some.extend(self.hubs.moved());
        if all {
            return self.work_out_all().await;
        }
        for id in some {
            let Some(source) = self.dues.table().sources.get(&id).cloned() else { continue };
            let state = self.store().source(&id).await?;
            let pushed = self.hubs.get(self.store(), &id).await?.as_ref().map(Pushed::from);
            self.work_out(&source, state.as_ref(), &pushed.unwrap_or_default()).await?;
        }
        Ok(())
    }

    async fn work_out_all(&self) -> store::Result<()> {
        let states = self.store().sources().await?;
        let states: HashMap<_, _> = states.into_iter().map(|state| (state.id.clone(), state)).collect();
        let pushed = self.hubs.pushed(self.store()).await?;
        let sources = self.sources();
        self.dues.table().replace(&sources);
        for source in &sources {
            let pushed = pushed.get(&source.id).copied().unwrap_or_default();
            self.work_out(source, states.get(&source.id), &pushed).await?;
        }
        Ok(())
    }

    async fn work_out(
        &self,
        source: &Source,
        state: Option<&SourceState>,
        pushed: &Pushed,
    ) -> store::Result<()> {
        let now = self.clock.now();
        let habit = self.habit(source, now).await?;
        let habit = habit.as_ref().map(|learned| &learned.habit);
        let due = due(source, state, pushed, habit, now).unwrap_or(Timestamp::MAX);
        let last = state.and_then(|state| state.last_attempt);
        if self.dues.table().place(&source.id, due, last) {
            self.dues.moved.send_replace(());
        }
        Ok(())
    }

    /// The habit of a source whose schedule follows it.
    async fn habit(&self, source: &Source, now: Timestamp) -> store::Result<Option<Arc<Learned>>> {
        if source.schedule.follows().is_none() {
            return Ok(None);
        }
        let known = self.dues.habits().get(&source.id).cloned();
        let is_fresh =
            |known: &Arc<Learned>| known.n_articles > 0 && known.at <= now && now.since(known.at) < HABIT;
        if let Some(known) = known.filter(is_fresh) {
            return Ok(Some(known));
        }
        let Some((habit, n_articles)) = learn(self.store(), source, now).await? else { return Ok(None) };
        let learned = Arc::new(Learned { at: now, n_articles, habit });
        self.dues.habits().insert(source.id.clone(), Arc::clone(&learned));
        Ok(Some(learned))
    }

    /// A pass that gives its place away when it is slow.
    async fn pass_with_place(&self, id: &SourceId) -> Result<Report, Error> {
        let mut pass = Box::pin(self.pass(id));
        tokio::select! {
            done = &mut pass => return done,
            () = self.clock.sleep_until(self.clock.now().plus(SLOW)) => {}
        }
        let _place = Slow::begin(self);
        pass.await
    }

    /// A pass that is due. Fails only when the store cannot keep anything any more.
    async fn scheduled_pass(&self, id: SourceId) -> store::Result<SourceId> {
        match self.pass_with_place(&id).await {
            Ok(report) => metrics::counter!("loa_passes_total", "result" => report.result()).increment(1),
            // The source went away with a reload, or somebody else asked for the same pass.
            Err(
                Error::Unknown(_)
                | Error::Busy(_)
                | Error::Walking(_)
                | Error::NotHeld(_)
                | Error::NotLookedAt(_)
                | Error::NoArchive(_)
                | Error::Refused(_)
                | Error::Undecided { .. },
            ) => {}
            Err(Error::Store { cause, .. }) if cause.is_lasting() => return Err(cause),
            Err(error @ Error::Store { .. }) => {
                metrics::counter!("loa_passes_total", "result" => "store-failed").increment(1);
                tracing::error!(source = %id, error = &error as &dyn std::error::Error, "{error}");
                // The store is everybody's: without a pause the same pass would start at once and fail again.
                self.clock.sleep_until(self.clock.now().plus(Duration::from_secs(10))).await;
            }
        }
        Ok(id)
    }
}

/// A pass that gave away its place.
struct Slow<'a>(&'a Ingest);

impl<'a> Slow<'a> {
    fn begin(ingest: &'a Ingest) -> Self {
        ingest.dues.n_slow.fetch_add(1, Ordering::Relaxed);
        ingest.changed.notify_one();
        Self(ingest)
    }
}

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        self.0.dues.n_slow.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The habit of a source whose schedule follows it, from what the store has of its articles; and how many those are.
async fn learn(store: &dyn Store, source: &Source, now: Timestamp) -> store::Result<Option<(Habit, usize)>> {
    let Some((bounds, zone)) = source.schedule.follows() else { return Ok(None) };
    let articles = store.newest(&source.id, None, adaptive::ARTICLES).await?;
    let times: Vec<_> = articles.iter().filter_map(adaptive::appeared).collect();
    Ok(Some((Habit::learn(&times, now, zone, bounds), articles.len())))
}

/// When a source is due next, for who asks without a daemon: jitter left out.
pub async fn due_without_jitter(
    store: &dyn Store,
    source: &Source,
    state: Option<&SourceState>,
    pushed: &Pushed,
    now: Timestamp,
) -> store::Result<Option<Timestamp>> {
    let habit = learn(store, source, now).await?.map(|(habit, _)| habit);
    let plain = Source { jitter: Duration::ZERO, ..source.clone() };
    Ok(due(&plain, state, pushed, habit.as_ref(), now))
}

/// When a source is due: at once if it was never asked or has missed a run, never before it may be asked again. Also at
/// once if it was asked by a clock that was ahead: every time that is known of it is one of that clock.
fn due(
    source: &Source,
    state: Option<&SourceState>,
    pushed: &Pushed,
    habit: Option<&Habit>,
    now: Timestamp,
) -> Option<Timestamp> {
    if source.schedule.is_never() {
        return None;
    }
    let Some((state, last)) = state.and_then(|state| Some((state, state.last_attempt?))) else {
        return Some(now);
    };
    if last > now {
        return Some(now);
    }
    let known = Known { habit, news: state.last_change };
    let scheduled = source.schedule.next_with(last, jitter(source, last), pushed, known)?;
    Some(state.not_before.map_or(scheduled, |not_before| scheduled.max(not_before)))
}

/// A part of the source's jitter, drawn from its name and its last run: spread, and the same after a restart.
fn jitter(source: &Source, last: Timestamp) -> Duration {
    let hash = blake3::hash(format!("{} {last}", source.id).as_bytes());
    source.jitter.mul_f64(f64::from(hash.as_bytes()[0]) / 256.0)
}

// === impl Dues, Table ===

impl Dues {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn habits(&self) -> MutexGuard<'_, HashMap<SourceId, Arc<Learned>>> {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed that a source's due time depends on.
    pub(super) fn mark(&self, id: SourceId) {
        self.table().stale.insert(id);
    }

    /// Other sources, or others of their settings.
    pub(super) fn mark_all(&self) {
        self.habits().clear();
        self.table().is_stale = true;
    }

    /// When a source is due, as last worked out; `None` for never.
    pub(super) fn of(&self, id: &SourceId) -> Option<Timestamp> {
        self.table().known.get(id).map(|(due, _)| *due).filter(|due| *due < Timestamp::MAX)
    }

    /// When each is that ever will be.
    pub(super) fn all(&self) -> HashMap<SourceId, Timestamp> {
        let table = self.table();
        let due = table.known.iter().filter(|(_, (due, _))| *due < Timestamp::MAX);
        due.map(|(id, (due, _))| (id.clone(), *due)).collect()
    }

    pub(super) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// True while one is due now, or has to be worked out.
    pub(super) fn is_busy(&self, n_sources: usize, now: Timestamp) -> bool {
        let table = self.table();
        // A source without a due time is one that the loop has not looked at yet.
        let is_new = table.is_stale || !table.stale.is_empty() || table.known.len() < n_sources;
        is_new || table.known.values().any(|(due, _)| *due <= now)
    }
}

impl Table {
    /// What has to be worked out again. When the clock was set back that is everything.
    fn stale(&mut self, now: Timestamp) -> (bool, HashSet<SourceId>) {
        let is_back = now < self.seen;
        self.seen = now;
        (std::mem::take(&mut self.is_stale) || is_back, std::mem::take(&mut self.stale))
    }

    /// Other sources than before: none of them is due yet.
    fn replace(&mut self, sources: &[Arc<Source>]) {
        self.sources = sources.iter().map(|source| (source.id.clone(), Arc::clone(source))).collect();
        self.known.retain(|id, _| self.sources.contains_key(id));
        self.waiting.retain(|(_, id)| self.sources.contains_key(id));
        self.ready.retain(|(_, id)| self.sources.contains_key(id));
    }

    /// A source is due at this time. True when it was another one before.
    fn place(&mut self, id: &SourceId, due: Timestamp, last: Option<Timestamp>) -> bool {
        let before = self.known.insert(id.clone(), (due, last));
        if let Some((due, last)) = before {
            self.waiting.remove(&(due, id.clone()));
            self.ready.remove(&(last, id.clone()));
        }
        if due < Timestamp::MAX {
            self.waiting.insert((due, id.clone()));
        }
        before.is_none_or(|(before, _)| before != due)
    }

    /// A source that is due, and that nobody is reading: the one that waited longest. One that takes longer than its own
    /// interval must not take every place again before the others had one. Who reads it marks it when that is over.
    fn take(&mut self, now: Timestamp, is_running: impl Fn(&SourceId) -> bool) -> Option<SourceId> {
        while self.waiting.first().is_some_and(|(due, _)| *due <= now) {
            let (_, id) = self.waiting.pop_first()?;
            let last = self.known.get(&id).and_then(|(_, last)| *last);
            self.ready.insert((last, id));
        }
        loop {
            let (_, id) = self.ready.pop_first()?;
            if !is_running(&id) {
                return Some(id);
            }
        }
    }

    /// When the next source is due that waits.
    fn first(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn id(text: &str) -> SourceId {
        text.parse().unwrap()
    }

    fn names(table: &mut Table, now: i64, running: &[&str]) -> Vec<String> {
        let take = || table.take(at(now), |id| running.contains(&id.as_str()));
        std::iter::from_fn(take).map(|id| id.to_string()).collect()
    }

    #[test]
    fn who_waited_longest_comes_first() {
        let mut table = Table::default();
        // `a` takes longer than its interval: it was due first, again, but was asked last.
        table.place(&id("a"), at(10), Some(at(9)));
        table.place(&id("b"), at(30), Some(at(2)));
        table.place(&id("c"), at(40), Some(at(5)));
        table.place(&id("new"), at(40), None);
        table.place(&id("never"), Timestamp::MAX, Some(at(1)));
        assert_eq!(table.first(), Some(at(10)));
        assert_eq!(names(&mut table, 35, &[]), ["b", "a"]);
        assert_eq!(names(&mut table, 39, &[]), [""; 0]);
        assert_eq!(names(&mut table, 40, &["c"]), ["new"], "somebody is reading the other one");
        assert_eq!((table.first(), table.known.len()), (None, 5));
    }

    #[test]
    fn a_due_time_that_moves_leaves_its_old_place() {
        let mut table = Table::default();
        assert!(table.place(&id("a"), at(10), None));
        assert!(!table.place(&id("a"), at(10), Some(at(1))), "nobody has to be told");
        assert!(table.place(&id("a"), at(20), Some(at(1))));
        assert_eq!((names(&mut table, 15, &[]), table.first()), (vec![], Some(at(20))));
        // It was ready, and has to wait after all.
        table.place(&id("b"), at(10), None);
        table.place(&id("c"), at(10), None);
        assert_eq!(table.take(at(15), |_| false), Some(id("b")));
        table.place(&id("c"), at(30), None);
        assert_eq!(names(&mut table, 25, &[]), ["a"]);
        table.replace(&[]);
        assert_eq!((names(&mut table, 99, &[]), table.known.len()), (vec![], 0));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_everything_stale() {
        let mut table = Table { is_stale: true, ..Table::default() };
        table.stale.insert(id("a"));
        assert_eq!(table.stale(at(10)), (true, HashSet::from([id("a")])));
        assert_eq!(table.stale(at(10)), (false, HashSet::new()));
        assert!(table.stale(at(9)).0);
    }
}
