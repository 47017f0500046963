//! Does another hub, which the operator lets feeds name, deliver? (`publish.hub`)
//!
//! Readers that trust a hub hardly poll: one that takes announcements and delivers nothing is noticed by nobody. So we
//! subscribe there as any reader does (`fetch::websub`), to the Atom address of one feed, and wait for each change of it
//! that brings something new. `judge` decides what became of it, and whether feeds go on naming that hub.
//!
//! One feed is enough: what is asked is whether the hub delivers, and the feed that changes most often answers soonest.

mod book;
mod judge;
mod tell;

use std::{
    collections::HashSet,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use judge::State;

use super::{Format, Other, Publisher, Variant, document::LIMIT, live::Live};
use crate::{
    fetch::websub::{self, Agenda, Callback, Check, Question, lease},
    model::{self, Hidden, Intent, Lease, Timestamp},
    net, store,
};
use book::{Book, distrusted, leases};

/// The largest push that is read, in bytes: hubs may add to a document, but not this much.
pub const LARGEST_PUSH: usize = 2 * LIMIT;

/// Our own subscriber at another hub.
pub struct Canary {
    publisher: Arc<Publisher>,
    client: net::Client,
    book: Mutex<Book>,
    /// What of it there is to tell: whoever asks waits for nobody.
    known: ArcSwapOption<Known>,
    /// Something changed: look again.
    changed: Notify,
    /// The hub is being asked.
    is_asking: AtomicBool,
}

/// How another hub is, for operators and readers.
#[derive(Clone, Debug)]
pub struct Status {
    /// Which hub, and whether it is named and watched.
    pub hub: Other,
    /// Why it could not be told of the last changes, where it could not.
    pub untold: Option<String>,
    /// What is known of it; `None` while it is not watched.
    pub watched: Option<Watched>,
}

/// What is known of a hub that is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// How it is.
    pub state: State,
    /// Numbers, and what is agreed. Holds secrets.
    pub known: model::Canary,
    /// When the changes became visible that it has not delivered yet.
    pub waiting: Vec<Timestamp>,
}

/// The same, whatever time it is.
struct Known {
    kept: model::Canary,
    waiting: Vec<Timestamp>,
}

/// The end of a request to the hub, however it ends.
struct Asking<'a>(&'a AtomicBool);

// === impl Canary ===

impl Canary {
    /// Watches the hub that the feeds of `publisher` name.
    pub fn new(publisher: Arc<Publisher>, client: net::Client) -> Arc<Self> {
        Arc::new(Self {
            publisher,
            client,
            book: Mutex::default(),
            known: ArcSwapOption::empty(),
            changed: Notify::new(),
            is_asking: AtomicBool::new(false),
        })
    }

    /// Keeps our subscription at the hub, and looks at what it delivers, until `stop`.
    pub async fn watch(&self, stop: CancellationToken) -> store::Result<()> {
        let mut seen = self.publisher.watch();
        loop {
            seen.mark_unchanged();
            let Agenda { due, next } = self.look().await?;
            for (lease, intent) in due {
                if stop.run_until_cancelled(self.ask(lease, intent)).await.transpose()?.is_none() {
                    return Ok(());
                }
            }
            let alarm = match next {
                Some(next) => self.publisher.clock.sleep_until(next),
                None => Box::pin(std::future::pending()),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                moved = seen.changed() => if moved.is_err() { return Ok(()) },
                () = self.changed.notified() => {}
                () = alarm => {}
            }
        }
    }

    /// True while something has to be looked at or asked.
    pub fn is_busy(&self) -> bool {
        let Ok(book) = self.book.try_lock() else { return true };
        let now = self.publisher.clock.now();
        let shown = self.publisher.shown.load_full();
        let is_new = book.looked.as_ref().is_none_or(|looked| !looked.is(&book.sight(&shown)));
        let is_due = book.leases().any(|(lease, _)| lease.next.is_some_and(|next| next <= now));
        is_new
            || is_due
            || book.next.is_some_and(|next| next <= now)
            || self.is_asking.load(Ordering::Acquire)
    }

    /// How the other hub is; `None` where feeds name no other one.
    pub fn status(&self) -> Option<Status> {
        let hub = self.publisher.settings().other_hub()?.clone();
        let untold = self.publisher.untold.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = self.known.load_full().filter(|known| known.kept.hub == hub.address);
        let watched = known.map(|known| Watched {
            state: judge::state(&known.kept, self.publisher.clock.now()),
            known: known.kept.clone(),
            waiting: known.waiting.clone(),
        });
        Some(Status { hub, untold, watched })
    }

    /// The hub asks at the callback with `token`. The text to repeat where that confirms what we asked for; `None`
    /// where we did not.
    pub async fn hub_asks(&self, token: &str, question: Question) -> store::Result<Option<String>> {
        let now = self.publisher.clock.now();
        let mut book = self.open().await?;
        let Some(kept) = &mut book.kept else { return Ok(None) };
        let (hub, mode) = (kept.hub.clone(), question.mode.clone());
        let answer = leases(kept).hear(token, question, now);
        self.keep(&mut book).await?;
        drop(book);
        if answer.is_some() {
            tracing::info!(hub, mode, "the hub `{hub}`: {mode}");
            self.look().await?;
            self.changed.notify_one();
        }
        Ok(answer)
    }

    /// Whose the callback with `token` is; `signature` is the header of a push to it.
    pub async fn callback(&self, token: &str, signature: Option<&str>) -> store::Result<Callback> {
        let mut book = self.open().await?;
        let of = |kept: &mut model::Canary| Callback::of(leases(kept), token, signature);
        let callback = book.kept.as_mut().map_or(Callback::Unknown, of);
        if matches!(callback, Callback::Unknown | Callback::Left) {
            tell::pushed("unknown");
        }
        Ok(callback)
    }

    /// A push has come in whole. What one that is genuine shows is compared with what is waited for.
    pub async fn pushed(
        &self,
        check: Option<Box<Check>>,
        content_type: Option<String>,
        body: Bytes,
    ) -> store::Result<()> {
        if !check.is_some_and(|check| check.is_genuine()) {
            tell::pushed("ignored");
            // Nobody else knows the address: the hub signs wrongly, and its subscribers throw away what it sends.
            tracing::warn!("a push of the hub that feeds name has no signature, or a wrong one: ignored");
            return Ok(());
        }
        tell::pushed("ok");
        // A hub may be quicker than we are: what became visible before this push came is waited for.
        self.look().await?;
        let Some(topic) = self.topic().await? else { return Ok(()) };
        let read = move || judge::shown_by(&body, content_type.as_deref(), &topic);
        let shown = tokio::task::spawn_blocking(read).await;
        let shown = shown.unwrap_or_else(|error| {
            tracing::error!(%error, "reading a push failed: {error}");
            HashSet::new()
        });
        let now = self.publisher.clock.now();
        let mut book = self.open().await?;
        let came = book.expected.delivered(&shown, now);
        if let Some(kept) = &mut book.kept {
            kept.pushed = Some(now);
            for (became, after) in came {
                metrics::histogram!("loa_hub_canary_seconds").record(after.as_secs_f64());
                tell::count(kept, became);
            }
        }
        drop(book);
        self.look().await?;
        self.changed.notify_one();
        Ok(())
    }

    /// Looks at the topic, at what is agreed, and at what should have come. What has to be asked, and when to look
    /// again.
    async fn look(&self) -> store::Result<Agenda> {
        let mut book = self.open().await?;
        let shown = self.publisher.shown.load_full();
        if !shown.ready {
            return Ok(Agenda::default());
        }
        let now = self.publisher.clock.now();
        book.aim(&shown, now);
        let looked = book.sight(&shown);
        if let Some(live) = book.watched(&shown)
            && !book.looked.as_ref().is_some_and(|before| before.is(&looked))
        {
            self.compare(&mut book, &live).await;
        }
        if !book.looked.as_ref().is_some_and(|before| Arc::ptr_eq(&before.0, &shown.settings)) {
            shown.settings.other_hub().into_iter().for_each(tell::watch);
        }
        book.looked = Some(looked);
        let agenda = book.judge(now);
        self.keep(&mut book).await?;
        // Feeds name another hub when, and not before, the decision is on the disk: a restart changes nothing.
        let distrusted = distrusted(book.kept.as_ref());
        if distrusted != book.distrusted {
            self.publisher.distrust(distrusted.clone()).await?;
            book.distrusted = distrusted;
        }
        book.tell(shown.settings.other_hub(), now);
        Ok(agenda)
    }

    /// Compares what the topic shows with what it showed.
    async fn compare(&self, book: &mut Book, live: &Live) {
        let since = live.snapshot().since;
        let Some(document) = live.document(Format::Atom, &Variant::default()).await else { return };
        let is_agreed = book.kept.as_ref().is_some_and(|kept| kept.unagreed.is_none());
        book.expected.show(document.shows.iter().map(|(id, _)| *id).collect(), since, is_agreed);
    }

    /// Asks the hub once, and writes down what it said.
    async fn ask(&self, lease: Lease, intent: Intent) -> store::Result<()> {
        self.is_asking.store(true, Ordering::Release);
        let _asking = Asking(&self.is_asking);
        let clock = &*self.publisher.clock;
        let now = clock.now();
        // Before the request: the hub may ask back before it answers. What was due may have been left since.
        let begin = |lease: &mut Lease, asks: Intent| {
            let is_due = asks == intent && lease.next.is_some_and(|next| next <= now);
            if is_due {
                lease::begin(lease, intent, now);
            }
            is_due
        };
        if self.edit(&lease.token, begin).await? != Some(true) {
            return Ok(());
        }
        let said = websub::ask(&self.client, &lease, intent, &lease.callback(None), None).await;
        let (mode, hub) = (intent.as_str(), &lease.advert.hub);
        match &said {
            websub::Said::Accepted => tracing::debug!(hub, "the hub `{hub}` takes our own `{mode}`"),
            websub::Said::Refused(why) | websub::Said::Later(_, why) => {
                let why = lease::readable(why, &lease);
                tracing::warn!(hub, "the hub `{hub}` does not take our own `{mode}`: {why}");
            }
        }
        let heard = |lease: &mut Lease, _| lease::answered(lease, said, clock.now(), lease::seed(lease));
        self.edit(&lease.token, heard).await?;
        self.changed.notify_one();
        Ok(())
    }

    /// What we are subscribed to.
    async fn topic(&self) -> store::Result<Option<Url>> {
        let book = self.open().await?;
        let lease = book.kept.as_ref().and_then(|kept| kept.lease.as_ref());
        Ok(lease.and_then(|lease| Url::parse(&lease.advert.topic).ok()))
    }

    /// Changes one subscription, which is told what its hub is asked for now. `None` where it is gone.
    async fn edit<T>(
        &self,
        token: &Hidden,
        edit: impl FnOnce(&mut Lease, Intent) -> T,
    ) -> store::Result<Option<T>> {
        let mut book = self.open().await?;
        let found = book.kept.as_mut().and_then(|kept| leases(kept).find(&token.0));
        let done = found.map(|(lease, asks)| edit(lease, asks));
        self.keep(&mut book).await?;
        Ok(done)
    }

    /// Opens the book; the first time it is read from the store.
    async fn open(&self) -> store::Result<MutexGuard<'_, Book>> {
        let mut book = self.book.lock().await;
        if !book.is_open {
            let mut kept = self.publisher.store.canary().await?;
            book.written = kept.clone();
            // The publisher has read it, too.
            book.distrusted = distrusted(kept.as_ref());
            if let Some(kept) = kept.as_mut().filter(|kept| kept.distrusted.is_none()) {
                // While we were away nobody could have agreed with us.
                kept.unagreed = kept.unagreed.map(|_| self.publisher.clock.now());
            }
            (book.kept, book.is_open) = (kept, true);
        }
        Ok(book)
    }

    /// Writes what changed, and lets it be seen.
    async fn keep(&self, book: &mut Book) -> store::Result<()> {
        self.known.store(book.known());
        if book.kept != book.written {
            self.publisher.store.put_canary(book.kept.clone()).await?;
            book.written = book.kept.clone();
        }
        Ok(())
    }
}

// === impl Asking ===

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
