//! From what a pass brought to commits.
//!
//! 1. Read the head: everything that follows is decided against it.
//! 2. Ask what is known under the keys of the entries.
//! 3. Decide each entry, the last one first: of several entries that are one article the last one speaks for it, the
//!    others only lend it their names. (Two wordings of one article on one page would else replace each other for
//!    ever.)
//! 4. Label what is written: which other articles say the same, as far as is known now.
//! 5. Commit. Whoever was overtaken begins again.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use url::Url;

use super::{Became, Entry, Journal, Pass, Recorded};
use crate::{
    dedup::{self, Decision, Wording},
    model::{
        Article, ArticleId, Change, Content, Date, Digest, Enclosure, Event, ExtractedBy, IdentityKey, Known,
        Labels, Precision, Revision, Seq, SourceId, SourceState, Status, Timestamp,
    },
    store::{self, Commit, Error},
};

/// The most entries that are written in one commit.
const LARGEST: usize = 50;

/// Into how many entries a larger pass is cut: sled keeps everybody waiting while it writes a batch.
const PIECE: usize = 25;

/// What a pass says of all its entries.
struct Frame {
    source: SourceId,
    zone: TimeZone,
    at: Timestamp,
    quiet: bool,
}

/// An entry whose turn it is.
struct Arrival<'a> {
    /// Its place in the pass.
    index: usize,
    entry: &'a Entry,
    digest: Digest,
}

/// A commit in the making.
struct Plan<'a> {
    frame: &'a Frame,
    /// What this pass has already decided, by article and by key.
    decided: BTreeMap<ArticleId, Known>,
    named: BTreeMap<IdentityKey, ArticleId>,
    /// By the entry that spoke for it.
    written: BTreeMap<usize, (Article, Change, bool)>,
    aliases: Vec<(SourceId, IdentityKey, ArticleId)>,
    /// What the written ones say.
    wordings: BTreeMap<ArticleId, Wording>,
    /// What has nothing of its last revision, with the title of that.
    replaced: Vec<(ArticleId, String)>,
}

impl Journal {
    /// Decides and records a pass, again if somebody else committed in between.
    pub async fn record(&self, pass: Pass) -> store::Result<Recorded> {
        let Pass { source, zone, at, quiet, entries, state } = pass;
        let frame = Frame { source, zone, at, quiet };
        let size = if entries.len() > LARGEST { PIECE } else { LARGEST };
        let mut pieces = entries.chunks(size).peekable();
        let mut state = state;
        let (mut became, mut replaced) = (Vec::with_capacity(entries.len()), Vec::new());
        // The state speaks of the whole pass: it goes with the last piece, and alone where there are no entries.
        loop {
            let piece = pieces.next().unwrap_or_default();
            let last = pieces.peek().is_none();
            let state = if last { state.take() } else { None };
            let recorded = self.record_piece(&frame, piece, state.as_ref()).await?;
            became.extend(recorded.entries);
            replaced.extend(recorded.replaced);
            if last {
                return Ok(Recorded { head: recorded.head, entries: became, replaced });
            }
        }
    }

    /// What `record` would make of a pass, at this moment. Writes nothing.
    pub async fn rehearse(&self, pass: Pass) -> store::Result<Vec<(ArticleId, Revision, Became)>> {
        let Pass { source, zone, at, quiet, entries, state: _ } = pass;
        let frame = Frame { source, zone, at, quiet };
        self.decide(&mut Plan::new(&frame), &entries).await
    }

    async fn record_piece(
        &self,
        frame: &Frame,
        entries: &[Entry],
        state: Option<&SourceState>,
    ) -> store::Result<Recorded> {
        loop {
            let head = self.store.head().await?;
            let mut plan = Plan::new(frame);
            let became = self.decide(&mut plan, entries).await?;
            let replaced = std::mem::take(&mut plan.replaced);
            if plan.is_empty() && state.is_none() {
                return Ok(Recorded { head, entries: became, replaced });
            }
            let wordings = std::mem::take(&mut plan.wordings);
            let mut commit = plan.into_commit(head, state.cloned());
            self.label(&mut commit.articles, &wordings).await?;
            match self.store.commit(commit).await {
                Ok(head) => {
                    self.announce(head);
                    return Ok(Recorded { head, entries: became, replaced });
                }
                Err(Error::Conflict { .. }) => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Wakes the followers. Two commits may arrive here in the wrong order: the head never goes back.
    pub(super) fn announce(&self, head: Seq) {
        self.head.send_if_modified(|known| {
            let moved = head > *known;
            *known = head.max(*known);
            moved
        });
    }

    async fn decide(
        &self,
        plan: &mut Plan<'_>,
        entries: &[Entry],
    ) -> store::Result<Vec<(ArticleId, Revision, Became)>> {
        let mut became = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate().rev() {
            let stored = self.store.known(&plan.frame.source, &entry.keys).await?;
            let known = plan.overlay(&entry.keys, stored);
            let wording = Wording::of(&entry.draft.content);
            let arrival = Arrival { index, entry, digest: dedup::digest(&entry.draft.content, &wording) };
            let (article, what) = match dedup::decide(arrival.digest, &known) {
                Decision::New => (plan.publish(&arrival), Became::New),
                Decision::Revised(known) | Decision::Unchanged(known) if plan.has(known.id) => {
                    (known, Became::Unchanged)
                }
                Decision::Unchanged(known) if known.status == Status::Withdrawn => {
                    // It is there again: an update of what it was, never a new article.
                    let before = self.store.article(known.id, None).await?;
                    plan.revise(&arrival, known, before)
                }
                Decision::Unchanged(known) => {
                    let before = self.store.article(known.id, None).await?;
                    plan.relocate(&arrival, known, before)
                }
                Decision::Revised(known) => {
                    let before = self.store.article(known.id, None).await?;
                    if let Some(before) = before.as_ref().filter(|before| is_replaced(before, entry)) {
                        plan.replaced.push((before.id, before.content.title.clone()));
                    }
                    plan.revise(&arrival, known, before)
                }
            };
            plan.remember(&entry.keys, &known, &article);
            if what != Became::Unchanged {
                plan.wordings.insert(article.id, wording);
            }
            became.push((article.id, article.revision, what));
        }
        became.reverse();
        Ok(became)
    }
}

// === impl Plan ===

impl<'a> Plan<'a> {
    fn new(frame: &'a Frame) -> Self {
        Self {
            frame,
            decided: BTreeMap::new(),
            named: BTreeMap::new(),
            written: BTreeMap::new(),
            wordings: BTreeMap::new(),
            aliases: Vec::new(),
            replaced: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.written.is_empty() && self.aliases.is_empty()
    }

    /// Has a later entry spoken for this article?
    fn has(&self, id: ArticleId) -> bool {
        self.decided.contains_key(&id)
    }

    /// What is known under `keys` once this plan is carried out.
    fn overlay(&self, keys: &[IdentityKey], stored: Vec<Option<Known>>) -> Vec<Option<Known>> {
        let overlaid = keys.iter().zip(stored).map(|(key, stored)| {
            let id = stored.as_ref().map(|known| known.id).or_else(|| self.named.get(key).copied())?;
            self.decided.get(&id).cloned().or(stored)
        });
        overlaid.collect()
    }

    fn publish(&mut self, arrival: &Arrival<'_>) -> Known {
        let Arrival { index, entry, digest } = *arrival;
        // An entry without keys breaks a promise of its maker; it still gets an identity of its own.
        let fallback = || IdentityKey::TitleDate(entry.draft.content.title.clone());
        let key = entry.keys.first().cloned().unwrap_or_else(fallback);
        let published = self.published(entry);
        let article = Article {
            id: ArticleId::mint(&self.frame.source, &key),
            revision: Revision::FIRST,
            source: self.frame.source.clone(),
            first_seen: entry.first_seen,
            updated: published.at,
            published,
            digest,
            status: Status::Live,
            content: entry.draft.content.clone(),
            labels: Labels::default(),
        };
        self.write(index, article, Change::Published, self.frame.quiet)
    }

    fn revise(&mut self, arrival: &Arrival<'_>, known: Known, before: Option<Article>) -> (Known, Became) {
        let Arrival { index, entry, digest } = *arrival;
        let after = &entry.draft.content;
        let step = before.as_ref().map_or(Step::Edit, |before| step(&before.content, after));
        let has_lost = step == Step::LostText || (step == Step::Guessed && !self.frame.quiet);
        if has_lost && known.status == Status::Live {
            return (known, Became::Unchanged);
        }
        let article = Article {
            id: known.id,
            revision: known.revision.next(),
            source: self.frame.source.clone(),
            first_seen: known.first_seen,
            updated: self.updated(entry, before.as_ref(), known.published),
            published: before.map_or_else(|| self.remembered(known.published), |before| before.published),
            digest,
            status: Status::Live,
            content: after.clone(),
            labels: Labels::default(),
        };
        let quiet = self.frame.quiet || (step == Step::FoundText && known.status == Status::Live);
        (self.write(index, article, Change::Updated, quiet), Became::Revised)
    }

    /// The article as it was, at the address where it stands now if its site moved: that is not news, but the old
    /// links are dead.
    fn relocate(&mut self, arrival: &Arrival<'_>, known: Known, before: Option<Article>) -> (Known, Became) {
        let after = &arrival.entry.draft.content;
        let moved =
            before.filter(|before| before.status == Status::Live && has_moved(&before.content, after));
        let Some(before) = moved else { return (known, Became::Unchanged) };
        let mut content = after.clone();
        keep_measures(&mut content.enclosures, &before.content.enclosures);
        let article = Article { revision: known.revision.next(), content, ..before };
        (self.write(arrival.index, article, Change::Updated, true), Became::Revised)
    }

    fn write(&mut self, index: usize, article: Article, change: Change, quiet: bool) -> Known {
        let known = Known::from(&article);
        self.written.insert(index, (article, change, quiet));
        known
    }

    /// Every key that leads nowhere yet leads to this article from now on.
    fn remember(&mut self, keys: &[IdentityKey], known: &[Option<Known>], article: &Known) {
        for (key, known) in keys.iter().zip(known) {
            if known.is_none() && self.named.insert(key.clone(), article.id).is_none() {
                self.aliases.push((self.frame.source.clone(), key.clone(), article.id));
            }
        }
        self.decided.insert(article.id, article.clone());
    }

    /// The source's date, or the first sighting where it says none: fixed here for ever.
    fn published(&self, entry: &Entry) -> Date {
        match &entry.draft.published {
            Some(date) if !date.inferred => date.clone(),
            none => Date {
                at: entry.first_seen,
                offset: entry.first_seen.offset_in(&self.frame.zone),
                precision: Precision::Minute,
                raw: none.as_ref().and_then(|date| date.raw.clone()),
                inferred: true,
            },
        }
    }

    /// The published date of an article whose revisions were pruned.
    fn remembered(&self, at: Timestamp) -> Date {
        let offset = at.offset_in(&self.frame.zone);
        Date { at, offset, precision: Precision::Minute, raw: None, inferred: false }
    }

    /// When a revision was made: as its source says, where that lies after the last change and is not in the future;
    /// else now. Never before the published date.
    fn updated(&self, entry: &Entry, before: Option<&Article>, published: Timestamp) -> Timestamp {
        let last = before.map_or(published, |before| before.updated);
        let said = entry.draft.updated.as_ref().filter(|date| !date.inferred).map(|date| date.at);
        said.filter(|said| *said > last && *said <= self.frame.at).unwrap_or(self.frame.at).max(published)
    }

    fn into_commit(self, expected: Seq, source: Option<SourceState>) -> Commit {
        let mut commit = Commit { expected, aliases: self.aliases, source, ..Commit::default() };
        let mut seq = expected;
        for (article, change, quiet) in self.written.into_values() {
            seq = seq.next();
            commit.events.push(Event {
                seq,
                at: self.frame.at,
                change,
                article: article.id,
                revision: article.revision,
                source: article.source.clone(),
                quiet,
            });
            commit.articles.push(article);
        }
        commit
    }
}

/// What lies between two wordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Somebody changed something.
    Edit,
    /// The full text was found where only the list's teaser was known: we changed, the article did not.
    FoundText,
    /// Only the teaser was found where the full text is known: its page could not be read this time.
    LostText,
    /// What stands where the recipe found the text before is only a guess at a text: a maintenance notice, a page of
    /// errors. Where the rules have changed as well, it is what the new ones make of it.
    Guessed,
}

fn step(before: &Content, after: &Content) -> Step {
    let teaser = |content: &Content| content.extracted_by == ExtractedBy::Summary;
    match (teaser(before), teaser(after)) {
        _ if before.title != after.title => Step::Edit,
        (true, false) => Step::FoundText,
        (false, true) => Step::LostText,
        _ if before.extracted_by == ExtractedBy::Recipe && after.extracted_by == ExtractedBy::MainText => {
            Step::Guessed
        }
        _ => Step::Edit,
    }
}

/// Is it another text under another date? It stays one article: what its number says is what its source says.
fn is_replaced(before: &Article, entry: &Entry) -> bool {
    let said = entry.draft.published.as_ref().filter(|date| !date.inferred);
    said.is_some_and(|date| {
        let (old, new) = (before.published.at.min(date.at), before.published.at.max(date.at));
        dedup::similar::is_another_text(&before.content, &entry.draft.content, new.since(old))
    })
}

/// What was found out of the same files on their old host. Of an article that says what it said, nobody asks again.
fn keep_measures(after: &mut [Enclosure], before: &[Enclosure]) {
    for file in after {
        let Some(known) = before.iter().find(|known| dedup::is_same_file(known, file)) else { continue };
        file.length = file.length.or(known.length);
        file.media_type = known.media_type.clone().or(file.media_type.take());
    }
}

/// Does the same text stand on another host, or behind another scheme? Other paths on one host are aliases: lists show
/// now one, now another.
fn has_moved(before: &Content, after: &Content) -> bool {
    let origin = |content: &Content| Url::parse(content.url.as_deref()?).ok().map(|url| url.origin());
    matches!((origin(before), origin(after)), (Some(before), Some(after)) if before != after)
}
