//! Keeping the views right: read at the start, follow the journal, render what changed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use tokio_util::sync::CancellationToken;

use super::{
    Freshness, Hub, Publisher, Settings, Shown, Watch,
    live::{Live, Snapshot},
    select::select,
    similar,
    view::View,
};
use crate::{
    model::{Article, ArticleId, Change, Event, Seq, SourceId},
    store::{self, Place, Store},
};

/// How many journal lines are read at once.
pub(super) const LINES: usize = 500;
/// How many lines may pass before what is known is shown: a stream without end must not hide what it brings.
const BURST: usize = 10_000;
/// The most articles that are read at once.
const PAGE: usize = 500;
/// How many of a source's newest articles a feed with a filter looks at when it is read from the store. Every
/// text has to be folded for it, and a filter that matches nothing must not read a hundred thousand at each start.
pub(super) const REACH: usize = 10_000;

/// How many lines of the journal are looked through for late arrivals when views are read from the store.
const ARRIVALS: usize = 5_000;

/// What the follower works on. Readers never wait for it: they read `Shown`.
#[derive(Default)]
pub(super) struct State {
    pub(super) settings: Option<Arc<Settings>>,
    /// Of feeds, and of parts of feeds that somebody asked for.
    pub(super) views: Vec<View>,
    pub(super) seen: Seq,
    /// How many changes of clusters are shown.
    pub(super) n_changes: u64,
}

impl Publisher {
    /// Reads every view from the store. Feeds without a filter need a few pages of it and are served at once;
    /// filters may have to look far back, so [`Publisher::ready`] comes after them.
    pub async fn rebuild(&self) -> store::Result<()> {
        // What was decided of another hub holds from the first document on.
        let kept = self.store.canary().await?;
        let distrusted = kept.filter(|canary| canary.distrusted.is_some()).map(|canary| canary.hub);
        *self.distrusted.lock().unwrap_or_else(PoisonError::into_inner) = distrusted;
        let settings = self.naming((*self.settings()).clone());
        let mut state = self.state.lock().await;
        self.restart(&mut state, Arc::new(settings)).await
    }

    /// Publishes by other settings from now on. What was served is served until the new views stand; after an
    /// error nothing has changed.
    pub async fn reload(&self, settings: Settings) -> store::Result<()> {
        let mut state = self.state.lock().await;
        self.restart(&mut state, Arc::new(self.naming(settings))).await
    }

    /// Distrusts this hub, or none: feeds that name it name our own instead, where that is open.
    pub(super) async fn distrust(&self, hub: Option<String>) -> store::Result<()> {
        let mut state = self.state.lock().await;
        *self.distrusted.lock().unwrap_or_else(PoisonError::into_inner) = hub;
        let old = self.settings();
        let new = self.naming((*old).clone());
        if new == *old { Ok(()) } else { self.restart(&mut state, Arc::new(new)).await }
    }

    /// The same settings, with the hub that feeds are to name now.
    fn naming(&self, mut settings: Settings) -> Settings {
        if let Some(Hub::Other(other)) = &mut settings.hub {
            let distrusted = self.distrusted.lock().unwrap_or_else(PoisonError::into_inner);
            let is_watched = matches!(other.watch, Watch::At(_));
            other.is_replaced = is_watched
                && other.stand_in.is_some()
                && distrusted.as_ref().is_some_and(|hub| *hub == other.address);
        }
        settings
    }

    /// Follows the journal until `stop`. Mark, look, wait: a wake-up is a hint, the store knows.
    pub async fn follow(&self, stop: CancellationToken) -> store::Result<()> {
        let (mut head, mut clusters) = (self.journal.head(), self.journal.clusters().watch());
        loop {
            head.mark_unchanged();
            clusters.mark_unchanged();
            while !stop.is_cancelled() && self.catch_up().await? {}
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                moved = head.changed() => if moved.is_err() { return Ok(()) },
                // The journal is ours, so what it knows lives as long as we do.
                moved = clusters.changed() => if moved.is_err() { return Ok(()) },
            }
        }
    }

    /// Makes what the journal holds now visible, a burst at most: all of it is rendered once. True when there
    /// may be more.
    pub(super) async fn catch_up(&self) -> store::Result<bool> {
        let mut state = self.state.lock().await;
        let Some(settings) = state.settings.clone() else {
            let settings = self.settings();
            return self.restart(&mut state, settings).await.map(|()| true);
        };
        let more = match self.drain(&mut state).await {
            Err(store::Error::Pruned { .. }) => {
                return self.restart(&mut state, settings).await.map(|()| true);
            }
            drained => drained?,
        };
        self.refill(&mut state.views).await?;
        self.follow_clusters(&mut state);
        self.show(&settings, &mut state.views);
        self.seen.send_replace(state.seen);
        Ok(more)
    }

    /// Applies the lines that are there, a burst at most. True when there may be more.
    ///
    /// Views change before `seen` does and keep what was not rendered yet marked as dirty: after an error the
    /// next look goes on where this one stopped.
    async fn drain(&self, state: &mut State) -> store::Result<bool> {
        let mut n_lines = 0;
        while n_lines < BURST {
            let events = self.store.events(state.seen, LINES).await?;
            let Some(last) = events.last() else { return Ok(false) };
            self.apply(&mut state.views, &events).await?;
            if self.history.take(&events) {
                self.archived(&mut state.views);
            }
            n_lines += events.len();
            state.seen = last.seq;
        }
        Ok(true)
    }

    /// Feeds name their newest archive: those that have another one now show something new.
    fn archived(&self, views: &mut [View]) {
        for view in views.iter_mut() {
            let Some(live) = &view.live else { continue };
            let shown = live.snapshot();
            view.dirty |= shown.links != self.links(&shown.settings, &view.feed);
        }
    }

    /// Applies lines of the journal to `views`.
    pub(super) async fn apply(&self, views: &mut [View], events: &[Event]) -> store::Result<()> {
        let changed: BTreeSet<_> = events.iter().map(|event| event.article).collect();
        let news: BTreeSet<_> = events.iter().filter(|event| is_news(event)).map(|it| it.article).collect();
        let mut articles = Vec::with_capacity(changed.len());
        for id in changed {
            match self.store.article(id, None).await? {
                Some(article) => articles.push(Arc::new(article)),
                None => views.iter_mut().for_each(|view| view.forget(id)),
            }
        }
        offer(views, &self.labeled(articles), &news).await;
        Ok(())
    }

    /// Reads the views again that lost an article out of a full window.
    async fn refill(&self, views: &mut [View]) -> store::Result<()> {
        let hungry: Vec<_> =
            (0..views.len()).filter(|at| views.get(*at).is_some_and(|view| view.hungry)).collect();
        if hungry.is_empty() {
            return Ok(());
        }
        let mut fresh: Vec<_> = hungry.iter().filter_map(|at| Some(views.get(*at)?.anew())).collect();
        read(self.store.as_ref(), &mut fresh, REACH).await?;
        self.label_views(&mut fresh);
        for (at, fresh) in hungry.into_iter().zip(fresh) {
            if let Some(view) = views.get_mut(at) {
                *view = fresh;
            }
        }
        Ok(())
    }

    /// Builds everything anew by `settings`.
    async fn restart(&self, state: &mut State, settings: Arc<Settings>) -> store::Result<()> {
        // The head first: what is committed while the views are read is applied again, which changes nothing.
        let seen = self.store.head().await?;
        self.journal.know_newest().await?;
        let (_, n_changes) = self.journal.clusters().changes(0);
        self.count(&settings, seen).await?;
        let old = self.shown.load_full();
        let alive = settings.feeds.iter().filter(|feed| feed.is_alive());
        let views = alive.map(|feed| {
            let mut view = View::new(Arc::new(feed.clone()));
            view.live = old.feeds.get(&feed.id).cloned();
            view
        });
        let (mut plain, mut filtered): (Vec<_>, Vec<_>) = views.partition(|view| view.feed.filter.is_none());
        read(self.store.as_ref(), &mut plain, REACH).await?;
        self.label_views(&mut plain);
        self.show(&settings, &mut plain);
        if !old.ready && !filtered.is_empty() {
            self.swap(&settings, &plain, &old, false);
        }
        read(self.store.as_ref(), &mut filtered, REACH).await?;
        self.label_views(&mut filtered);
        self.show(&settings, &mut filtered);
        plain.append(&mut filtered);
        self.selections.clear();
        self.swap(&settings, &plain, &old, true);
        self.history.clear();
        *state = State { settings: Some(settings), views: plain, seen, n_changes };
        self.seen.send_replace(seen);
        Ok(())
    }

    /// Makes visible what changed in `views`.
    pub(super) fn show(&self, settings: &Arc<Settings>, views: &mut [View]) {
        for view in views.iter_mut().filter(|view| view.dirty) {
            view.dirty = false;
            let old = view.live.as_ref().map(|live| live.snapshot());
            let snapshot = self.snapshot(settings, view, old);
            match &view.live {
                Some(live) => live.update(snapshot),
                None => view.live = Some(Arc::new(Live::new(snapshot))),
            }
        }
    }

    /// What `view` shows. Nothing is dated later than now by an article from the future.
    fn snapshot(&self, settings: &Arc<Settings>, view: &View, old: Option<Arc<Snapshot>>) -> Snapshot {
        let freshness = match old {
            Some(old) if Arc::ptr_eq(&old.settings, settings) && old.feed == view.feed => {
                Arc::clone(&old.freshness)
            }
            old => self.freshness(settings, view, old),
        };
        let articles = view.articles();
        // What joins an article changes what is said of it.
        let joined = articles.iter().filter_map(|article| similar::joined(article)).max();
        Snapshot {
            version: self.versions.fetch_add(1, Ordering::Relaxed) + 1,
            since: self.clock.now(),
            settings: Arc::clone(settings),
            feed: Arc::clone(&view.feed),
            articles,
            gone: view.gone(),
            links: self.links(settings, &view.feed),
            changed: view.changed().max(joined).unwrap_or_default().min(self.clock.now()),
            freshness,
        }
    }

    /// How long what `view` shows stays fresh; the same as before where the bounds are.
    fn freshness(&self, settings: &Settings, view: &View, old: Option<Arc<Snapshot>>) -> Arc<Freshness> {
        let freshness = Freshness::new(settings, &view.feed.sources);
        let freshness = match old {
            Some(old) if old.freshness.is_like(&freshness) => Arc::clone(&old.freshness),
            _ => Arc::new(freshness),
        };
        let dues = Arc::clone(&self.dues.lock().unwrap_or_else(PoisonError::into_inner));
        freshness.expect(view.feed.sources.iter().filter_map(|id| dues.get(id)).min().copied());
        freshness
    }

    /// Makes what `views` show everything that there is.
    fn swap(&self, settings: &Arc<Settings>, views: &[View], old: &Shown, ready: bool) {
        let feeds = views.iter().filter_map(|view| Some((view.feed.id.clone(), view.live.clone()?)));
        let mut feeds: HashMap<_, _> = feeds.collect();
        // What was visible and is still wanted stays until its view is read.
        for feed in settings.feeds.iter().filter(|feed| feed.is_alive()) {
            if let (false, Some(live)) = (feeds.contains_key(&feed.id), old.feeds.get(&feed.id)) {
                feeds.insert(feed.id.clone(), Arc::clone(live));
            }
        }
        let (settings, opml) = (Arc::clone(settings), Arc::clone(&old.opml));
        self.shown.store(Arc::new(Shown { settings, feeds, opml, ready }));
    }

    /// Writes in advance what was asked for before, whenever something changed, until `stop`.
    pub async fn refresh(&self, stop: CancellationToken) -> store::Result<()> {
        let mut seen = self.seen.subscribe();
        loop {
            seen.mark_unchanged();
            let shown = self.shown.load_full();
            for live in shown.feeds.values() {
                if stop.is_cancelled() {
                    return Ok(());
                }
                live.refresh().await;
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                moved = seen.changed() => if moved.is_err() { return Ok(()) },
            }
        }
    }
}

/// Reads `views` from the store: the newest, and what arrived late.
pub(super) async fn read(store: &dyn Store, views: &mut [View], most: usize) -> store::Result<()> {
    let head = store.head().await?;
    fill(store, views, most).await?;
    recall(store, views, head).await
}

/// Fills `views` with the newest: each source once for all of them, newest first, as long as one of them can
/// still take something older. So a feed of fifty items costs about fifty articles a source, however many
/// there are, and only a filter that finds too little reads on, as far as `most`.
async fn fill(store: &dyn Store, views: &mut [View], most: usize) -> store::Result<()> {
    let sources: BTreeSet<SourceId> =
        views.iter().flat_map(|view| view.feed.sources.iter().cloned()).collect();
    for source in sources {
        let reads = |view: &&View| view.reads(&source);
        let mut limit =
            views.iter().filter(reads).map(|view| view.feed.items).max().unwrap_or(1).clamp(1, PAGE);
        let reach = views.iter().filter(reads).map(|view| view.feed.items).max().unwrap_or(1).max(most);
        let (mut after, mut n_read) = (None, 0);
        while n_read < reach {
            let page = store.newest(&source, after, limit).await?;
            let Some(last) = page.last().map(Place::from) else { break };
            let articles: Vec<_> = page.into_iter().map(Arc::new).collect();
            offer(views, &articles, &BTreeSet::new()).await;
            if !views.iter().filter(reads).any(|view| view.takes_after(&last)) {
                break;
            }
            after = Some(last);
            n_read += articles.len();
            limit = (2 * limit).min(PAGE).min(reach.saturating_sub(n_read).max(1));
        }
    }
    Ok(())
}

/// Finds what arrived late again: of the last lines of the journal those that were news. What is shown anyway is
/// not read again.
async fn recall(store: &dyn Store, views: &mut [View], head: Seq) -> store::Result<()> {
    let mut after = Seq(head.0.saturating_sub(ARRIVALS as u64));
    loop {
        let events = match store.events(after, LINES).await {
            Err(store::Error::Pruned { floor }) => {
                after = floor;
                continue;
            }
            events => events?,
        };
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(()) };
        let news: BTreeSet<_> = events.iter().filter(|event| is_news(event)).map(|it| it.article).collect();
        let mut articles = Vec::with_capacity(news.len());
        for id in &news {
            match views.iter().find_map(|view| view.held(*id)) {
                Some(held) => articles.push(Arc::clone(held)),
                None => articles.extend(store.article(*id, None).await?.map(Arc::new)),
            }
        }
        offer(views, &articles, &news).await;
        after = last;
    }
}

/// Is it a new article, and not part of what a first run found?
fn is_news(event: &Event) -> bool {
    event.change == Change::Published && !event.quiet
}

/// Shows `articles` to all `views`, some of them as `news`.
async fn offer(views: &mut [View], articles: &[Arc<Article>], news: &BTreeSet<ArticleId>) {
    let feeds: Vec<_> = views.iter().map(|view| Arc::clone(&view.feed)).collect();
    let selected = select(articles, &feeds).await;
    for (article, wanted) in articles.iter().zip(selected) {
        for (view, wanted) in views.iter_mut().zip(wanted) {
            view.apply(article, wanted);
            if wanted && news.contains(&article.id) {
                view.arrive(article);
            }
        }
    }
}
