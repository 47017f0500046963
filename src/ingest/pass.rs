//! One pass over one source: list → pages → journal.
//!
//! 1. fetch the list (conditionally) and read it;
//! 2. judge whether it is believable;
//! 3. choose which article pages to read: new ones, changed ones, and a few known ones for edits;
//! 4. read them one by one, oldest first, each recorded as it arrives;
//! 5. remember what the next pass needs.

mod end;
mod rooms;
mod sitemaps;

use std::{sync::Arc, time::Duration};

use url::Url;

use super::{
    Error, Ingest, Origin, Report, Source, Step,
    held::Raw,
    listed::{Listed, pinned, without_shared},
    quality,
    websub::{self, Sight},
};
use crate::{
    dedup,
    extract::{Found, Kind, sitemap::INDEX},
    fetch::{self, Outcome},
    journal::{Became, Entry, Pass},
    model::{
        ArticleId, Draft, Gate, IdentityKey, Issue, PageState, Reason, Revision, Severity, SourceState,
        Timestamp, Validators, What,
    },
    net::Restraint,
    store,
};

/// Issues kept of a pass; more would only hide the first ones.
const MAX_ISSUES: usize = 20;
/// Entries of one commit when a whole feed arrives at once.
const ENTRIES: usize = 50;

/// Is this for real?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    /// Record what is found.
    Record,
    /// Only show it.
    Rehearse,
}

/// What became of an entry.
pub(super) type Recorded = (ArticleId, Revision, Became);

/// Who watches the steps of a pass.
pub type Show<'a> = &'a mut (dyn FnMut(Step) + Send);

/// One pass under way.
pub(super) struct Walk<'a> {
    pub(super) ingest: &'a Ingest,
    pub(super) source: &'a Arc<Source>,
    pub(super) sink: Sink,
    pub(super) show: Show<'a>,
    pub(super) at: Timestamp,
    pub(super) state: SourceState,
    pub(super) report: Report,
    /// The rules have changed since the last pass: what is known is read again, and nobody is told.
    pub(super) reread: bool,
    /// The host asked for patience, or today's budget is used up: nothing more is asked before this.
    pub(super) wait: Option<Timestamp>,
    /// What the quality gate remembers, and what it did before this pass.
    pub(super) gate: Gate,
    pub(super) gate_before: Gate,
    /// An archive is walked: news come first.
    pub(in crate::ingest) in_background: bool,
    /// What the list was known by, where it is read whole all the same.
    pub(super) doubted: Option<Validators>,
    /// The server calls what has changed the same.
    pub(super) distrusted: bool,
    /// What the list shows, until it is remembered.
    pub(super) shown: Option<quality::Sight>,
    /// Does the list show what it showed last time?
    pub(super) overlaps: bool,
    /// What operators are told.
    pub(super) told: Option<(What, Vec<Reason>)>,
    /// An address at each of the first hosts that it asked by TLS.
    pub(super) hosts: Vec<Url>,
    /// What it saw that has to do with hubs.
    sight: Sight,
}

/// What became of the list.
enum List {
    Fresh {
        items: Vec<Listed>,
        validators: Validators,
    },
    Unchanged,
    /// The quality gate does not believe it.
    Held(Vec<Reason>),
    Failed {
        issue: Issue,
        after: Option<Duration>,
    },
    /// Nobody was asked, for a reason that is nobody's failure.
    Restrained(Restraint),
}

/// Makes one pass.
pub(super) async fn pass(
    ingest: &Ingest,
    source: &Arc<Source>,
    sink: Sink,
    show: Show<'_>,
) -> Result<Report, Error> {
    let stored = |cause| Error::Store { source_id: source.id.clone(), cause };
    let mut walk = Walk::begin(ingest, source, sink, show).await.map_err(stored)?;
    if let Origin::Folder(folder) = &source.origin {
        walk.look_into(folder).await.map_err(stored)?;
        return walk.end().await.map_err(stored);
    }
    let done = match walk.read_list().await.map_err(stored)? {
        List::Fresh { items, validators } => walk.take(items, validators).await,
        List::Unchanged => {
            walk.unchanged();
            walk.recheck().await
        }
        List::Held(reasons) => {
            walk.held(&reasons);
            Ok(())
        }
        List::Failed { issue, after } => {
            walk.fail(issue, after);
            Ok(())
        }
        List::Restrained(restraint) => {
            walk.leave_alone(&restraint);
            Ok(())
        }
    };
    done.map_err(stored)?;
    walk.end().await.map_err(stored)
}

// === impl Walk ===

impl<'a> Walk<'a> {
    pub(super) async fn begin(
        ingest: &'a Ingest,
        source: &'a Arc<Source>,
        sink: Sink,
        show: Show<'a>,
    ) -> store::Result<Self> {
        let at = ingest.clock.now();
        let state = ingest.journal.store().source(&source.id).await?;
        let mut state = state.unwrap_or_else(|| SourceState::new(source.id.clone()));
        let gate = ingest.journal.store().gate(&source.id).await?;
        let mut gate = gate.unwrap_or_else(|| Gate::new(source.id.clone()));
        let gate_before = gate.clone();
        let reread = state.backfilled && state.rules != source.rules;
        let known = state.validators.clone();
        let distrusted = fetch::distrusted(&state, at);
        state.validators = fetch::usable(&state, source.rules, at);
        let is_doubted = state.validators != known && state.rules == source.rules;
        if state.rules != source.rules {
            // Read again, one by one, without telling anybody: the rules have changed, not the news.
            let fallen = gate.fallen.iter_mut().map(|fallen| &mut fallen.page);
            for page in state.pages.iter_mut().chain(fallen) {
                *page = PageState { key: std::mem::take(&mut page.key), ..PageState::default() };
            }
        }
        state.last_attempt = Some(at);
        if gate.accepted.is_some() {
            // What is let through has to be read.
            state.validators = Validators::default();
        }
        let report = Report::new(&source.id, at);
        let sight = ingest.sight(&source.id).await?;
        let (shown, told, overlaps) = (None, None, false);
        Ok(Self {
            ingest,
            source,
            sink,
            show,
            at,
            state,
            report,
            reread,
            wait: None,
            gate,
            gate_before,
            in_background: false,
            doubted: is_doubted.then_some(known),
            distrusted,
            shown,
            told,
            overlaps,
            hosts: Vec::new(),
            sight,
        })
    }

    // --- step 1 and 2: the list ---

    async fn read_list(&mut self) -> store::Result<List> {
        let kind = if self.source.extract.feed { Kind::Feed } else { Kind::List };
        match self.fetch(&self.source.url, self.state.validators.clone(), kind).await {
            Outcome::Fresh { cut, body, content_type, url, validators, moved, links } => {
                self.note_move(moved);
                if cut {
                    let read = body.len();
                    self.wrong(Issue::warning(
                        "too-large",
                        format!("`{url}` is larger than `net.max_body`; its first {read} bytes were read"),
                    ));
                }
                let raw = Raw { body: body.clone(), content_type: content_type.clone(), url: url.clone() };
                let (mut found, mut drafts) = self.parse(body, content_type, url.clone(), kind).await;
                if self.source.extract.sitemap {
                    self.follow_sitemaps(&mut found, &mut drafts).await;
                }
                let refused = quality::refuse(&found, drafts.iter().map(|(draft, _)| draft));
                let refused = refused.filter(|issue| !self.lets_through(issue));
                self.report.items = drafts.len();
                if refused.is_none() {
                    self.sight.advert =
                        Some(websub::advertised(self.source, &links, &found.head.links, &url));
                }
                self.report.issues.append(&mut found.issues);
                if drafts.is_empty() && refused.is_none() {
                    // A feed may be empty; a person should still know.
                    self.wrong(Issue::warning("no-items", format!("`{}` has no items now", self.source.url)));
                }
                if let Some(issue) = refused {
                    self.hold_unread(&issue, &raw).await?;
                    return Ok(List::Failed { issue, after: None });
                }
                let mut items = self.identify(drafts).await?;
                self.note_lie(&items, &validators);
                self.note_pins(&items);
                match self.weigh(&found, &mut items).await? {
                    Some(reasons) => {
                        self.hold(reasons.clone(), Some(&raw)).await?;
                        Ok(List::Held(reasons))
                    }
                    None => Ok(List::Fresh { items, validators: lasting(&found, validators) }),
                }
            }
            Outcome::Unchanged { moved } => {
                self.note_move(moved);
                (self.show)(Step::NotModified { url: self.source.url.clone() });
                Ok(List::Unchanged)
            }
            Outcome::Held(restraint) => Ok(List::Restrained(restraint)),
            other => {
                let after = match &other {
                    Outcome::Later { after, .. } => *after,
                    Outcome::Failed(error) => error.until().map(|until| until.since(self.at)),
                    _ => None,
                };
                Ok(List::Failed { issue: refusal(&other, &self.source.url), after })
            }
        }
    }

    /// Finds out what is known of each item; items that are one article by any key become one.
    pub(super) async fn identify(
        &mut self,
        drafts: Vec<(Draft, Vec<IdentityKey>)>,
    ) -> store::Result<Vec<Listed>> {
        let mut items: Vec<Listed> = Vec::with_capacity(drafts.len());
        for (index, (draft, keys)) in without_shared(drafts).into_iter().enumerate() {
            let known = self.ingest.journal.store().known(&self.source.id, &keys).await?;
            let known = known.into_iter().flatten().next();
            if let Some(twin) = items.iter_mut().find(|item| item.is(&keys, known.as_ref())) {
                twin.take_in(draft, keys, known);
                continue;
            }
            let first_seen = self.at.minus(Duration::from_secs(index as u64));
            let digest = dedup::listed(&draft);
            items.push(Listed { draft, keys, first_seen, digest, known });
        }
        Ok(items)
    }

    /// Under the validators that were known there is something new: "not modified" would have been a lie.
    fn note_lie(&mut self, items: &[Listed], validators: &Validators) {
        let is_new = |item: &Listed| item.known.is_none() && self.page_state(item).checked.is_none();
        let is_lie = self.doubted.as_ref() == Some(validators) && items.iter().any(is_new);
        if is_lie || self.distrusted {
            let message = format!(
                "`{}` has something new, and its server calls it unchanged (ETag, Last-Modified): for a week it is read whole each time",
                self.source.url
            );
            self.wrong(Issue::warning(fetch::LIE, message));
        }
    }

    fn note_pins(&mut self, items: &[Listed]) {
        for item in items.iter().take(pinned(items)) {
            let message = "it stands on top of the list with an old date: it is pinned there, and no news";
            let issue = Issue::new(Severity::Info, "pinned", message);
            self.wrong(issue.at(item.draft.content.title.clone()));
        }
    }

    fn note_move(&mut self, moved: Option<Url>) {
        if let Some(to) = &moved {
            let message =
                format!("`{}` has moved to `{to}` for good: change the source's `url`", self.source.url);
            self.wrong(Issue::warning("moved", message));
        }
        self.state.moved_to = moved.map(String::from);
    }

    // --- step 3 and 4: the articles ---

    async fn take(&mut self, items: Vec<Listed>, validators: Validators) -> store::Result<()> {
        if self.gate.accepted.is_some_and(|accepted| !accepted.announce) {
            // As a first run: what it brings is stored and shown, and nobody is told.
            self.state.backfilled = false;
        }
        let complete = if self.source.extract.page.is_some() {
            self.take_pages(items).await?
        } else {
            self.state.pages.clear();
            self.take_whole(items).await?;
            true
        };
        // Not before the list was read by them: a list that fails first would leave what they find as news.
        self.state.rules = self.source.rules;
        self.state.backfilled |= complete;
        // Without validators the next pass reads the list again and finds what this one left over.
        self.state.validators = if complete { validators } else { Validators::default() };
        self.taken(complete);
        self.succeed();
        Ok(())
    }

    /// The list says everything: record it at once, oldest first.
    /// Gives what became of each, in the order in which they stood there.
    pub(super) async fn take_whole(&mut self, items: Vec<Listed>) -> store::Result<Vec<Recorded>> {
        let mut became = vec![None; items.len()];
        let (new, known): (Vec<_>, Vec<_>) =
            items.into_iter().enumerate().rev().partition(|(_, item)| item.known.is_none());
        for (part, quiet) in [(new, false), (known, self.reread)] {
            let (places, items): (Vec<usize>, Vec<Listed>) = part.into_iter().unzip();
            for (places, some) in places.chunks(ENTRIES).zip(items.chunks(ENTRIES)) {
                let entries = some.iter().cloned().map(Listed::into_entry).collect();
                let recorded = self.record(entries, quiet).await?;
                places.iter().zip(recorded).for_each(|(place, one)| became[*place] = Some(one));
            }
        }
        Ok(became.into_iter().flatten().collect())
    }

    pub(super) async fn record(&mut self, entries: Vec<Entry>, quiet: bool) -> store::Result<Vec<Recorded>> {
        let shown: Vec<_> = entries.iter().map(shown).collect();
        let pass = Pass {
            source: self.source.id.clone(),
            zone: self.source.normalize.zone.clone(),
            at: self.at,
            quiet: quiet || !self.state.backfilled,
            entries,
            state: None,
        };
        let journal = &self.ingest.journal;
        let became = match self.sink {
            Sink::Record => {
                let recorded = journal.record(pass).await?;
                recorded.replaced.iter().for_each(|(id, title)| self.wrong(replaced(*id, title)));
                recorded.entries
            }
            Sink::Rehearse => journal.rehearse(pass).await?,
        };
        for ((title, date), (_, _, became)) in shown.into_iter().zip(&became) {
            self.count(title, date, *became);
        }
        Ok(became)
    }

    fn count(&mut self, title: String, date: Option<String>, became: Became) {
        if became != Became::Unchanged {
            self.state.last_change = Some(self.at);
        }
        self.report.count(became);
        (self.show)(Step::Decided { title, date, became });
    }

    pub(super) fn wrong(&mut self, issue: Issue) {
        (self.show)(Step::Wrong(issue.clone()));
        self.report.issues.push(issue);
    }
}

/// What a list may be asked by. An index stays as it is while one of its sitemaps changes: it has to be read whole.
fn lasting(found: &Found, validators: Validators) -> Validators {
    if found.format == INDEX { Validators::default() } else { validators }
}

/// Why there is no document, as an issue.
pub(super) fn refusal(outcome: &Outcome, url: &Url) -> Issue {
    match outcome {
        Outcome::Gone { status } => {
            Issue::error("gone", format!("`{url}` answered {status}: it is not there any more"))
        }
        Outcome::Later { reason, .. } => {
            Issue::error("later", format!("`{url}` asks to come back later: {reason}"))
        }
        Outcome::Failed(error) => Issue::error(error.code(), error.to_string()),
        Outcome::Held(restraint) => Issue::error(restraint.code(), restraint.to_string()),
        Outcome::Fresh { .. } | Outcome::Unchanged { .. } => {
            Issue::error("unexpected", format!("`{url}` was not read"))
        }
    }
}

/// A number that was given away again, as an issue.
fn replaced(id: ArticleId, title: &str) -> Issue {
    let message = format!(
        "the article `{title}` says something else entirely now, under another date: its source has probably given its number away again; it is kept as the next revision"
    );
    Issue::warning("number-reused", message).at(id.to_string())
}

fn shown(entry: &Entry) -> (String, Option<String>) {
    (entry.draft.content.title.clone(), entry.draft.published.as_ref().map(crate::model::Date::rfc3339))
}
