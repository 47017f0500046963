//! The walk itself: page after page, each written down when its articles are.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Halt, Order, Walked, Watch,
    course::{Course, Got, PATIENCE, Page, Step, TRIES},
};
use crate::{
    ingest::{
        Ingest, Source,
        listed::Listed,
        merge::merge,
        pages,
        pass::{Sink, Walk},
    },
    model::{Backfill, Draft, End, Issue, Severity, SourceState, Timestamp, Validators},
    store,
};

/// Article pages that may fail in a row; then it is the host, and not the pages.
const FAILURES: u32 = 5;
/// An article page that failed is asked for again after so long, and after twice that. Old portals have many that always fail.
const AGAIN: Duration = Duration::from_secs(5);
/// Issues kept of a walk.
const MAX_ISSUES: usize = 20;

/// What is to be done.
pub(super) struct Task<'a> {
    pub(super) ingest: &'a Ingest,
    pub(super) source: &'a Arc<Source>,
    pub(super) order: Order,
    pub(super) stop: &'a CancellationToken,
    /// Does the daemon go on with it by itself?
    pub(super) resume: bool,
}

/// A walk under way.
struct Walker<'a> {
    task: &'a Task<'a>,
    walk: Walk<'a>,
    progress: Backfill,
    /// What the live list shows: its news belong to the live passes.
    live: HashSet<u64>,
    /// What is younger belongs to them, too; `None` before the first run, which tells nobody anyway.
    told_from: Option<Timestamp>,
    failures: u32,
    /// Why nothing may be asked of the host for long.
    held: Option<String>,
    /// Pages that earlier walks have read.
    before: u64,
    issues: Vec<Issue>,
}

/// What became of the articles of a page.
enum Taken {
    /// All were looked at. Are all that say their date older than wanted?
    All { n_items: u64, old: bool },
    /// The walk has to stand still before the end of the page.
    Halted(Halt),
}

/// Walks until there is a reason not to.
pub(super) async fn walk(task: Task<'_>, watch: Watch<'_>) -> store::Result<Walked> {
    let mut quiet = |_| ();
    let mut walker = Walker::begin(&task, &mut quiet).await?;
    let halt = match walker.set_out(watch).await? {
        Ok(course) => walker.go(course, watch).await?,
        Err(halt) => Some(halt),
    };
    walker.progress.resume &= halt == Some(Halt::Asked);
    walker.write(watch).await?;
    let Walker { progress, mut issues, .. } = walker;
    issues.truncate(MAX_ISSUES);
    Ok(Walked { progress, halt, issues })
}

impl<'a> Walker<'a> {
    async fn begin(
        task: &'a Task<'a>,
        quiet: &'a mut (dyn FnMut(crate::ingest::Step) + Send),
    ) -> store::Result<Self> {
        let Task { ingest, source, order, .. } = task;
        let known = ingest.store().backfills().await?;
        let known = known.into_iter().find(|walk| walk.source == source.id);
        // Whoever asks for more than a walk was to bring begins again: what is known costs no request.
        let goes_on = |walk: &Backfill| {
            walk.end.is_none() && !order.restart && (order.since.is_none() || order.since == walk.since)
        };
        let now = ingest.clock.now();
        let fresh = || Backfill::new(source.id.clone(), order.since, now);
        let mut progress = known.filter(goes_on).unwrap_or_else(fresh);
        progress.resume = task.resume;
        let mut walk = Walk::begin(ingest, source, Sink::Record, quiet).await?;
        walk.in_background = true;
        let told_from = told_from(&walk.state, now);
        let (live, issues) = (HashSet::new(), Vec::new());
        let before = progress.pages;
        Ok(Self { task, walk, progress, live, told_from, failures: 0, held: None, before, issues })
    }

    /// Reads the first page, which says how the archive is walked, and takes it where the walk begins there.
    async fn set_out(&mut self, watch: Watch<'_>) -> store::Result<Result<Course, Halt>> {
        let set_out = Course::set_out(&mut self.walk, &mut self.progress);
        let (course, first) = match self.task.stop.run_until_cancelled(set_out).await {
            Some(Ok(course)) => course,
            Some(Err(message)) => return Ok(Err(Halt::Failed(message))),
            None => return Ok(Err(Halt::Asked)),
        };
        self.write(watch).await?;
        if let Some(first) = &first {
            self.live = first.fingerprints();
        }
        if let Some(first) = first.filter(|_| self.progress.pages == 0) {
            self.progress.first = first.fingerprints().into_iter().collect();
            if let Some(halt) = self.page(first, watch).await? {
                return Ok(Err(halt));
            }
        }
        Ok(Ok(course))
    }

    async fn go(&mut self, mut course: Course, watch: Watch<'_>) -> store::Result<Option<Halt>> {
        let most = self.task.order.pages.unwrap_or(u64::MAX);
        loop {
            if self.progress.end.is_some() {
                return Ok(None);
            }
            if self.task.stop.is_cancelled() {
                return Ok(Some(Halt::Asked));
            }
            if self.progress.pages - self.before >= most {
                return Ok(Some(Halt::Pages));
            }
            if self.progress.pages >= self.task.source.archive.max_pages {
                self.progress.end = Some(End::MaxPages);
                continue;
            }
            let asked = course.next(&mut self.walk, &mut self.progress);
            let Some(step) = self.task.stop.run_until_cancelled(asked).await else { continue };
            match step {
                Step::End(end) => self.progress.end = Some(end),
                Step::Failed(message) => return Ok(Some(Halt::Failed(message))),
                Step::Empty => self.empty(watch).await?,
                Step::Got(Got { page, then }) => {
                    let place = std::mem::replace(&mut self.progress.place, then);
                    if let Some(halt) = self.page(page, watch).await? {
                        self.progress.place = place;
                        return Ok(Some(halt));
                    }
                }
            }
        }
    }

    /// A day without items, or with those of every day.
    async fn empty(&mut self, watch: Watch<'_>) -> store::Result<()> {
        self.progress.pages += 1;
        self.progress.empty += 1;
        if self.progress.empty >= self.task.source.archive.empty_days {
            self.progress.end = Some(End::Empty);
        }
        self.write(watch).await
    }

    /// Takes a page and writes down that it was taken. Why the walk stands still, if it does.
    async fn page(&mut self, page: Page, watch: Watch<'_>) -> store::Result<Option<Halt>> {
        let shown = page.fingerprints();
        let is_known = |print| self.progress.first.contains(print) || self.progress.last.contains(print);
        if self.progress.pages > 0 && page.repeats_matter && shown.iter().all(is_known) {
            if !page.is_day {
                self.progress.end = Some(End::Repeats);
                return self.write(watch).await.map(|()| None);
            }
            return self.empty(watch).await.map(|()| None);
        }
        let before = self.progress.clone();
        let (n_items, old) = match self.take(page).await? {
            Taken::All { n_items, old } => (n_items, old),
            Taken::Halted(halt) => {
                // It is read again, and what it has brought is known then.
                self.progress = Backfill { new: self.progress.new, ..before };
                return Ok(Some(halt));
            }
        };
        self.progress.pages += 1;
        self.progress.items += n_items;
        self.progress.empty = 0;
        self.progress.last = shown.into_iter().collect();
        if old {
            self.progress.end = Some(End::Since);
        }
        self.write(watch).await?;
        Ok(None)
    }

    async fn take(&mut self, page: Page) -> store::Result<Taken> {
        self.walk.at = self.task.ingest.clock.now();
        let mut items = self.walk.identify(page.drafts).await?;
        // Undated ones stand in the order of the archive, whenever they are read.
        let started = self.progress.started;
        for (index, item) in (self.progress.items..).zip(&mut items) {
            item.first_seen = started.minus(Duration::from_secs(index));
        }
        self.walk.learn_aliases(&items).await?;
        let n_items = items.len() as u64;
        let (mut n_dated, mut n_old) = (0_usize, 0_usize);
        items.reverse();
        for item in items {
            if self.task.stop.is_cancelled() {
                return Ok(Taken::Halted(Halt::Asked));
            }
            let date = match &item.known {
                Some(known) => {
                    self.progress.known += 1;
                    Some(known.published)
                }
                None => self.article(item, page.reads_all).await?,
            };
            if let Some(message) = self.held.take() {
                return Ok(Taken::Halted(Halt::Failed(message)));
            }
            if self.failures >= FAILURES {
                let message =
                    "one article after the other could not be read: the host has enough, or is down";
                return Ok(Taken::Halted(Halt::Failed(message.to_owned())));
            }
            n_dated += usize::from(date.is_some());
            n_old += usize::from(self.is_old(date));
            self.progress.oldest = [self.progress.oldest, date].into_iter().flatten().min();
        }
        Ok(Taken::All { n_items, old: n_dated > 0 && n_old == n_dated && page.is_ordered })
    }

    /// There is nothing to read behind it but what the list says: a file, a page without a text, one that is not for us.
    async fn take_list_alone(
        &mut self,
        item: Listed,
        issue: Issue,
        date: Option<Timestamp>,
    ) -> store::Result<Option<Timestamp>> {
        self.failures = 0;
        self.wrong(issue);
        self.record(item).await?;
        Ok(date)
    }

    /// Reads and records an article that is not known. Its date, if it says one.
    async fn article(&mut self, item: Listed, always: bool) -> store::Result<Option<Timestamp>> {
        let date = said(&item.draft);
        if self.is_old(date) || self.is_told(&item, date) {
            self.progress.left += 1;
            return Ok(date);
        }
        if self.walk.source.extract.page.is_none() && !always {
            self.record(item).await?;
            return Ok(date);
        }
        let url = item.draft.content.url.as_deref().and_then(|url| url.parse().ok());
        let answer = match &url {
            Some(url) => self.read_page(url).await,
            None => pages::Page::Failed(Issue::warning("no-link", "this item has no link")),
        };
        match answer {
            pages::Page::Read(page, _) => {
                self.failures = 0;
                let mut draft = merge(item.draft.clone(), *page);
                let date = said(&draft);
                // A sitemap lists much that is no article; what is one says when it appeared.
                if self.is_old(date) || self.is_told(&item, date) || (always && date.is_none()) {
                    self.progress.left += 1;
                    return Ok(date);
                }
                self.walk.measure(&mut draft, None).await;
                self.record(Listed { draft, ..item }).await?;
                Ok(date)
            }
            pages::Page::Closed(issue) if !always => self.take_list_alone(item, issue, date).await,
            pages::Page::Failed(issue) if is_page(&issue) && !always => {
                self.take_list_alone(item, issue, date).await
            }
            // Nor would the others be read: the page of the list is taken again, when the walk goes on.
            pages::Page::Wait(issue, _) => {
                self.held = Some(issue.message);
                Ok(date)
            }
            pages::Page::Failed(issue) | pages::Page::Gone(issue) | pages::Page::Closed(issue) => {
                self.failures = if is_lasting(&issue) { 0 } else { self.failures + 1 };
                self.progress.failed += 1;
                self.wrong(issue.at(item.draft.content.title));
                Ok(date)
            }
            pages::Page::Same => Ok(date),
        }
    }

    /// The page of an article, asked for again after a pause where the host wants one, or where it may be better then.
    async fn read_page(&mut self, url: &Url) -> pages::Page {
        let mut tries = 0;
        loop {
            tries += 1;
            let page = self.walk.read_page(url, Validators::default()).await;
            let clock = &self.task.ingest.clock;
            let until = match &page {
                pages::Page::Wait(_, until) => *until,
                pages::Page::Failed(issue) if !is_lasting(issue) => clock.now().plus(AGAIN * tries),
                _ => return page,
            };
            if tries >= TRIES || until.since(clock.now()) > PATIENCE {
                return page;
            }
            if self.task.stop.run_until_cancelled(clock.sleep_until(until)).await.is_none() {
                return page;
            }
        }
    }

    async fn record(&mut self, item: Listed) -> store::Result<()> {
        let before = self.walk.report.new;
        self.walk.record(vec![item.into_entry()], true).await?;
        let new = (self.walk.report.new - before) as u64;
        self.progress.new += new;
        self.progress.known += 1 - new.min(1);
        Ok(())
    }

    fn is_old(&self, date: Option<Timestamp>) -> bool {
        date.zip(self.progress.since).is_some_and(|(date, since)| date < since)
    }

    /// Will the next live pass bring this with a word?
    fn is_told(&self, item: &Listed, date: Option<Timestamp>) -> bool {
        let Some(from) = self.told_from else { return false };
        date.is_some_and(|date| date > from) || self.live.contains(&fingerprint(&item.keys))
    }

    fn wrong(&mut self, issue: Issue) {
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
        }
    }

    async fn write(&mut self, watch: Watch<'_>) -> store::Result<()> {
        // What the browser says of a page it says of most: once is enough.
        for issue in std::mem::take(&mut self.walk.report.issues) {
            let is_news = self.issues.iter().all(|known| known.code != issue.code);
            if issue.severity > Severity::Info && is_news {
                self.wrong(issue);
            }
        }
        self.progress.updated = self.task.ingest.clock.now();
        watch(&self.progress);
        self.task.ingest.store().put_backfill(self.progress.clone()).await
    }
}

/// From when on articles are the live passes' to tell.
fn told_from(state: &SourceState, now: Timestamp) -> Option<Timestamp> {
    state.backfilled.then(|| state.last_success.map_or(now, |last| last.min(now)))
}

fn said(draft: &Draft) -> Option<Timestamp> {
    draft.published.as_ref().filter(|date| !date.inferred).map(|date| date.at)
}

/// What tells an item from the others of a page, by its strongest key.
pub(super) fn fingerprint(keys: &[crate::model::IdentityKey]) -> u64 {
    let key = keys.first().map(ToString::to_string).unwrap_or_default();
    blake3::hash(key.as_bytes())
        .as_bytes()
        .iter()
        .take(8)
        .fold(0, |print, byte| print << 8 | u64::from(*byte))
}

/// The page was there, and nothing on it could be read as an article.
fn is_page(issue: &Issue) -> bool {
    !matches!(issue.code.as_str(), "gone" | "later" | "fetch-failed" | "login-page")
}

/// Asking again later would bring nothing else.
fn is_lasting(issue: &Issue) -> bool {
    issue.code == "gone" || is_page(issue)
}
