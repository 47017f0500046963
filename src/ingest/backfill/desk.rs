//! Where a running daemon takes orders for walks, and says how they stand.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Halt, Order, walk};
use crate::{
    ingest::{Error, Ingest, has_archive},
    model::{Backfill, Issue, SourceId, Timestamp},
    store,
};

/// Walks under way at once: each has a host of its own, and live passes come first.
const AT_ONCE: usize = 4;

/// The orders of a daemon.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Desk {
    book: Mutex<Book>,
    asked: Notify,
}

#[derive(Debug, Default)]
struct Book {
    waiting: VecDeque<(SourceId, Order)>,
    /// Those that go on when their hosts may be asked again.
    later: Vec<(Timestamp, SourceId, Order)>,
    under_way: HashMap<SourceId, CancellationToken>,
    /// Why the last walk of each source stands still, and what was wrong.
    halted: HashMap<SourceId, (Option<Halt>, Vec<Issue>)>,
}

/// How a walk stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// How far it has come; `None` before its first page.
    pub progress: Option<Backfill>,
    /// Is it under way?
    pub state: State,
    /// Why it stands still, where that is known.
    pub halt: Option<Halt>,
    /// What was wrong on the way.
    pub issues: Vec<Issue>,
}

/// Is a walk under way?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has asked for one.
    None,
    /// It begins when another one is over, or goes on when its host may be asked again.
    Waiting,
    /// It is under way.
    Running,
    /// It can be gone on with.
    Halted,
    /// It has come to the end of the archive, or of what was wanted.
    Ended,
}

impl State {
    /// The word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Halted => "halted",
            Self::Ended => "ended",
        }
    }
}

// === impl Desk ===

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::ingest) fn is_busy(&self) -> bool {
        let book = self.book();
        !book.waiting.is_empty() || !book.under_way.is_empty()
    }
}

impl Book {
    fn has(&self, id: &SourceId) -> bool {
        self.under_way.contains_key(id)
            || self.waiting.iter().any(|(waiting, _)| waiting == id)
            || self.later.iter().any(|(_, waiting, _)| waiting == id)
    }
}

impl Ingest {
    /// Orders a walk. It begins as soon as a place is free.
    pub fn order_backfill(&self, id: &SourceId, order: Order) -> Result<(), Error> {
        has_archive(&*self.find(id)?)?;
        let mut book = self.desk.book();
        if book.has(id) {
            return Err(Error::Walking(id.clone()));
        }
        book.halted.remove(id);
        book.waiting.push_back((id.clone(), order));
        drop(book);
        self.desk.asked.notify_one();
        Ok(())
    }

    /// Lets a walk stand still; it can be gone on with. False when there is none.
    pub fn halt_backfill(&self, id: &SourceId) -> bool {
        let mut book = self.desk.book();
        let n_waiting = book.waiting.len() + book.later.len();
        book.waiting.retain(|(waiting, _)| waiting != id);
        book.later.retain(|(_, waiting, _)| waiting != id);
        let waited = book.waiting.len() + book.later.len() < n_waiting;
        if let Some(stop) = book.under_way.get(id) {
            stop.cancel();
            return true;
        }
        waited
    }

    /// How the walk of a source stands.
    pub async fn backfill_standing(&self, id: &SourceId) -> Result<Standing, Error> {
        self.find(id)?;
        let stored = |cause| Error::Store { source_id: id.clone(), cause };
        let (running, waiting, halted) = {
            let book = self.desk.book();
            (book.under_way.contains_key(id), book.has(id), book.halted.get(id).cloned())
        };
        let walks = self.store().backfills().await.map_err(stored)?;
        let progress = walks.into_iter().find(|walk| walk.source == *id);
        let state = match &progress {
            _ if running => State::Running,
            _ if waiting => State::Waiting,
            None if halted.is_none() => State::None,
            Some(walk) if walk.end.is_some() => State::Ended,
            _ => State::Halted,
        };
        let (halt, issues) = halted.unwrap_or_default();
        Ok(Standing { progress, state, halt, issues })
    }

    /// Makes the walks that are ordered, and goes on with those that the last daemon could not finish, until `stop`.
    pub async fn walk_archives(&self, stop: CancellationToken) -> store::Result<()> {
        for walk in self.store().backfills().await? {
            let unfinished = walk.resume && walk.end.is_none() && self.find(&walk.source).is_ok();
            if unfinished && !self.desk.book().has(&walk.source) {
                let order = Order { since: walk.since, ..Order::default() };
                self.desk.book().waiting.push_back((walk.source, order));
            }
        }
        let mut walks = FuturesUnordered::new();
        loop {
            let alarm = match self.wake_walks() {
                Some(until) => self.clock.sleep_until(until),
                None => Box::pin(std::future::pending()),
            };
            while walks.len() < AT_ONCE
                && let Some((id, order, halt)) = self.begin_walk(&stop)
            {
                walks.push(self.ordered_walk(id, order, halt, &stop).boxed());
            }
            tokio::select! {
                () = stop.cancelled(), if walks.is_empty() => return Ok(()),
                Some(done) = walks.next(), if !walks.is_empty() => done?,
                () = self.desk.asked.notified() => {}
                () = alarm => {}
            }
        }
    }

    /// Lets those go on whose time has come; when the next one does.
    fn wake_walks(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut book = self.desk.book();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut book.later).into_iter().partition(|(until, ..)| *until <= now);
        book.later = later;
        book.waiting.extend(due.into_iter().map(|(_, id, order)| (id, order)));
        book.later.iter().map(|(until, ..)| *until).min()
    }

    fn begin_walk(&self, stop: &CancellationToken) -> Option<(SourceId, Order, CancellationToken)> {
        let mut book = self.desk.book();
        let (id, order) = book.waiting.pop_front().filter(|_| !stop.is_cancelled())?;
        let halt = stop.child_token();
        book.under_way.insert(id.clone(), halt.clone());
        Some((id, order, halt))
    }

    async fn ordered_walk(
        &self,
        id: SourceId,
        order: Order,
        halt: CancellationToken,
        stop: &CancellationToken,
    ) -> store::Result<()> {
        let Ok(source) = self.find(&id) else {
            // It went away with a reload.
            self.desk.book().under_way.remove(&id);
            return Ok(());
        };
        let task = walk::Task { ingest: self, source: &source, order, stop: &halt, resume: true };
        let done = walk::walk(task, &mut |_| ()).await;
        let failed = matches!(&done, Ok(walked) if matches!(walked.halt, Some(Halt::Failed(_))));
        // Whoever asks for some pages only looks after it himself.
        let rests = failed.then(|| self.client.rests_until(&source.url)).flatten();
        let rests = rests.filter(|_| order.pages.is_none() && !halt.is_cancelled());
        if let Ok(walked) = &done
            && walked.progress.resume != rests.is_some()
            && !stop.is_cancelled()
        {
            // It waits, or was told to stand still; it was not interrupted by the end of the daemon.
            let progress = Backfill { resume: rests.is_some(), ..walked.progress.clone() };
            self.store().put_backfill(progress).await?;
        }
        let mut book = self.desk.book();
        book.under_way.remove(&id);
        if let Some(until) = rests {
            book.later.push((until, id.clone(), Order { restart: false, ..order }));
        }
        match done {
            Ok(walked) => {
                if let Some(Halt::Failed(message)) = &walked.halt {
                    tracing::warn!(source = %id, "the walk through the archive of `{id}` stands still: {message}");
                }
                book.halted.insert(id, (walked.halt, walked.issues));
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }
}
