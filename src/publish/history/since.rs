//! Everything that changed since a date, an instant or a line of the journal, page by page (RFC 5005, section 3):
//! the oldest change first from page to page, the newest article first on each.
//!
//! An article stands at its newest revision where the line of that revision is. So whoever follows the pages gets
//! every article once, and once more only if it changed on the way.

use std::{cmp::Reverse, fmt, sync::Arc, time::Duration};

use jiff::civil;

use super::{Job, Key, Result, Unavailable, What, cuts::Stream, withdrawal};
use crate::{
    model::{Article, FeedId, Offset, Seq, Status, Timestamp},
    publish::{
        Document, Feed, Format, Part, Publisher, Variant,
        document::{Links, feed_id},
        live::{Snapshot, address},
        select::select,
    },
    store::{self, Place, Store},
};

/// The most articles on a page.
pub(super) const ITEMS: usize = 100;
/// How many lines are looked at for one page.
const REACH: u64 = 10_000;
/// How many articles are read for one page: a filter may want few of them.
const READ: usize = 1_000;
/// How much text makes a page full, in bytes.
const ENOUGH: usize = 1_000_000;
/// How many lines are read at once.
const BATCH: usize = 200;
/// How far lines may stand from the order of their dates: a line is dated by when its pass began, and passes of
/// several sources run side by side.
const DISORDER: Duration = Duration::from_secs(3600);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Since {
    /// From where on.
    pub start: Start,
    /// Of which part of the feed.
    pub part: Option<Part>,
    /// How much of each article, how many on a page, and what stands before `/feeds`.
    pub variant: Variant,
}

/// From where on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// What comes after a line of the journal.
    After(Seq),
    /// What was recorded at this instant or later.
    At(Timestamp),
    /// What was recorded on this day or later, in the offset of the feed's newest article.
    Day(civil::Date),
}

/// What a page says.
pub(super) struct Page {
    articles: Vec<Arc<Article>>,
    /// The line before the first that it did not look at; `None` at the end of the journal.
    pub(super) next: Option<Seq>,
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(seq) => write!(f, "{seq}"),
            Self::At(at) => write!(f, "{at}"),
            Self::Day(day) => write!(f, "{day}"),
        }
    }
}

impl Publisher {
    /// The first page of what is asked for.
    pub async fn since(&self, feed: &FeedId, since: &Since, format: Format) -> Result<Arc<Document>> {
        let head = self.store.head().await?;
        if let Start::After(seq) = since.start
            && seq > head
        {
            return Err(Unavailable::Ahead { head });
        }
        let own = from(part(&self.live(feed)?.snapshot().feed, since), since.start);
        let asked = format!("{} {:?} {:?}", own.selection, since.variant.limit, since.variant.extent);
        let what = What::Since(asked, head);
        let key = Key { feed: feed.clone(), format, prefix: since.variant.prefix.clone(), what };
        let place = self.history.documents.place(&key);
        let written = place.get_or_try_init(|| async {
            let snapshot = self.live(feed)?.snapshot();
            let _turn = self.history.turn().await?;
            write(self.store.as_ref(), &snapshot, since, format, head).await
        });
        written.await.cloned()
    }
}

/// The part of the feed that is asked for.
fn part(feed: &Feed, since: &Since) -> Feed {
    match &since.part {
        Some(part) => feed.part(&part.filter, &part.query),
        None => feed.clone(),
    }
}

/// What of it changed since `start`, at its own address.
fn from(mut part: Feed, start: Start) -> Feed {
    part.selection.push(if part.selection.is_empty() { '?' } else { '&' });
    part.selection.push_str(&format!("since={start}"));
    part
}

async fn write(
    store: &dyn Store,
    snapshot: &Arc<Snapshot>,
    since: &Since,
    format: Format,
    head: Seq,
) -> Result<Arc<Document>> {
    let part = part(&snapshot.feed, since);
    let feed = Arc::new(from(part.clone(), since.start));
    let (after, not_before) = start(store, since.start, offset(snapshot), head).await?;
    let limit = since.variant.limit.unwrap_or(ITEMS).min(ITEMS);
    let mut page = page(store, &feed, (after, head), not_before, limit).await?;
    page.articles.sort_by_key(|article| Reverse(Place::from(&**article)));
    let (live, gone): (Vec<_>, Vec<_>) =
        page.articles.into_iter().partition(|article| article.status == Status::Live);
    let gone: Vec<_> = gone.iter().map(|article| withdrawal(article)).collect();
    let at = |feed: &Feed| address(&snapshot.settings, feed, &since.variant);
    let next = page.next.map(|next| at(&from(part.clone(), Start::After(next))));
    let (own, links) = (at(&feed), Links { next, ..Links::default() });
    let extent = since.variant.extent.unwrap_or(feed.extent);
    let snapshot = Arc::new(Snapshot { feed, ..snapshot.as_ref().clone() });
    let mut job = Job::whole(&snapshot, format, (own, links), (&live, &gone), extent);
    job.changed = job.changed.max(snapshot.changed);
    // Pages are parts of one thing.
    job.channel.id = feed_id(&part);
    job.write().await
}

/// In which offset the feed's days begin.
fn offset(snapshot: &Snapshot) -> Offset {
    snapshot.articles.first().map(|article| article.published.offset).unwrap_or_default()
}

/// After which line to begin, and the instant before which lines do not count.
async fn start(
    store: &dyn Store,
    start: Start,
    offset: Offset,
    head: Seq,
) -> Result<(Seq, Option<Timestamp>)> {
    let at = match start {
        Start::After(seq) => return Ok((seq, None)),
        Start::At(at) => at,
        Start::Day(day) => midnight(day, offset),
    };
    Ok((before(store, at.minus(DISORDER), head).await?, Some(at)))
}

/// When a day begins.
fn midnight(day: civil::Date, offset: Offset) -> Timestamp {
    let zone = jiff::tz::Offset::from_seconds(offset.0).unwrap_or(jiff::tz::Offset::UTC);
    match zone.to_timestamp(day.to_datetime(civil::Time::midnight())) {
        Ok(at) => at.into(),
        // Days at the very ends of the calendar.
        Err(_) if day.year() > 0 => Timestamp::MAX,
        Err(_) => Timestamp::from_millis(i64::MIN),
    }
}

/// The last line before all those that are dated `at` or later.
async fn before(store: &dyn Store, at: Timestamp, head: Seq) -> Result<Seq> {
    let (mut from, mut to, mut pruned) = (0, head.0, None);
    while from < to {
        let middle = from + (to - from) / 2;
        match store.events(Seq(middle), 1).await {
            Err(store::Error::Pruned { floor }) => {
                pruned = Some(floor);
                from = floor.0.max(middle + 1).min(to);
            }
            Err(error) => return Err(error.into()),
            Ok(lines) if lines.first().is_some_and(|line| line.at < at) => from = middle + 1,
            Ok(_) => to = middle,
        }
    }
    match pruned {
        // What was pruned may be dated later as well.
        Some(floor) if from <= floor.0 => Err(Unavailable::Pruned { floor }),
        _ => Ok(Seq(from)),
    }
}

/// Reads lines until the page is full, enough was looked at, or the journal ends.
pub(super) async fn page(
    store: &dyn Store,
    feed: &Arc<Feed>,
    (after, head): (Seq, Seq),
    not_before: Option<Timestamp>,
    limit: usize,
) -> Result<Page> {
    let stream = Stream::of(feed);
    let (mut at, mut n_read, mut articles) = (after, 0, Vec::new());
    while at < head && at.0 - after.0 < REACH && n_read < READ {
        let events = store.events(at, BATCH).await?;
        let Some(last) = events.last().map(|event| event.seq) else { break };
        let (mut found, mut lines) = (Vec::new(), Vec::new());
        let is_new = |at: Timestamp| not_before.is_none_or(|not_before| at >= not_before);
        for event in events.iter().filter(|event| stream.has(event) && is_new(event.at)) {
            let newest = store.article(event.article, None).await?;
            n_read += 1;
            // Whatever is not its newest revision comes later.
            if let Some(article) = newest.filter(|article| article.revision == event.revision) {
                found.push(Arc::new(article));
                lines.push(event.seq);
            }
        }
        let wanted = select(&found, std::slice::from_ref(feed)).await;
        let wanted = found.into_iter().zip(lines).zip(wanted).filter(|(_, wanted)| wanted.contains(&true));
        for ((article, line), _) in wanted {
            articles.push(article);
            if is_full(&articles, limit) {
                return Ok(Page { articles, next: (line < head).then_some(line) });
            }
        }
        at = last;
    }
    Ok(Page { articles, next: (at < head).then_some(at) })
}

fn is_full(articles: &[Arc<Article>], limit: usize) -> bool {
    let text = |article: &Arc<Article>| article.content.html.as_str().len() + article.content.summary.len();
    articles.len() >= limit || articles.iter().map(text).sum::<usize>() >= ENOUGH
}
