//! One pass over one source: list → pages → journal.
//!
//! 1. fetch the list (conditionally) and read it;
//! 2. judge whether it is believable;
//! 3. choose which article pages to read: new ones, changed ones, and a few known ones for edits;
//! 4. read them one by one, oldest first, each recorded as it arrives;
//! 5. remember what the next pass needs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

use super::{
    Error, Ingest, Report, Source, Step,
    listed::{Listed, without_shared},
    quality,
    websub::{self, Sight},
};
use crate::{
    dedup,
    extract::{self, Document, Found, Kind},
    fetch::{self, Ask, Outcome},
    journal::{Became, Entry, Pass},
    model::{Draft, IdentityKey, Issue, PageState, SourceState, Timestamp, Validators},
    net::backoff,
    normalize, store,
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
    /// What it saw that has to do with hubs.
    sight: Sight,
}

/// What became of the list.
enum List {
    Fresh { items: Vec<Listed>, validators: Validators },
    Unchanged,
    Failed { issue: Issue, after: Option<Duration> },
}

/// What the parsers made of one document.
type Parsed = (Found, Vec<(Draft, Vec<IdentityKey>)>);

/// Makes one pass.
pub(super) async fn pass(
    ingest: &Ingest,
    source: &Arc<Source>,
    sink: Sink,
    show: Show<'_>,
) -> Result<Report, Error> {
    let stored = |cause| Error::Store { source_id: source.id.clone(), cause };
    let mut walk = Walk::begin(ingest, source, sink, show).await.map_err(stored)?;
    let done = match walk.read_list().await.map_err(stored)? {
        List::Fresh { items, validators } => walk.take(items, validators).await,
        List::Unchanged => walk.recheck().await,
        List::Failed { issue, after } => {
            walk.fail(issue, after);
            Ok(())
        }
    };
    done.map_err(stored)?;
    walk.end().await.map_err(stored)
}

// === impl Walk ===

impl<'a> Walk<'a> {
    async fn begin(
        ingest: &'a Ingest,
        source: &'a Arc<Source>,
        sink: Sink,
        show: Show<'a>,
    ) -> store::Result<Self> {
        let at = ingest.clock.now();
        let state = ingest.journal.store().source(&source.id).await?;
        let mut state = state.unwrap_or_else(|| SourceState::new(source.id.clone()));
        let reread = state.backfilled && state.rules != source.rules;
        state.validators = fetch::usable(&state, source.rules);
        if state.rules != source.rules {
            // Read again, one by one, without telling anybody: the rules have changed, not the news.
            for page in &mut state.pages {
                *page = PageState { key: std::mem::take(&mut page.key), ..PageState::default() };
            }
        }
        state.last_attempt = Some(at);
        let report = Report::new(&source.id, at);
        let sight = ingest.sight(&source.id).await?;
        Ok(Self { ingest, source, sink, show, at, state, report, reread, sight })
    }

    // --- step 1 and 2: the list ---

    async fn read_list(&mut self) -> store::Result<List> {
        let kind = if self.source.extract.feed { Kind::Feed } else { Kind::List };
        match self.fetch(&self.source.url, self.state.validators.clone()).await {
            Outcome::Fresh { cut, body, content_type, url, validators, moved, links } => {
                self.note_move(moved);
                if cut {
                    let read = body.len();
                    self.wrong(Issue::warning(
                        "too-large",
                        format!("`{url}` is larger than `net.max_body`; its first {read} bytes were read"),
                    ));
                }
                let (found, drafts) = self.parse(body, content_type, url.clone(), kind).await;
                let refused = quality::refuse(&found, drafts.iter().map(|(draft, _)| draft));
                self.report.items = drafts.len();
                if refused.is_none() {
                    self.sight.advert =
                        Some(websub::advertised(self.source, &links, &found.head.links, &url));
                }
                self.report.issues.extend(found.issues);
                if drafts.is_empty() && refused.is_none() {
                    // A feed may be empty; a person should still know.
                    self.wrong(Issue::warning("no-items", format!("`{}` has no items now", self.source.url)));
                }
                match refused {
                    Some(issue) => Ok(List::Failed { issue, after: None }),
                    None => Ok(List::Fresh { items: self.identify(drafts).await?, validators }),
                }
            }
            Outcome::Unchanged { moved } => {
                self.note_move(moved);
                (self.show)(Step::NotModified { url: self.source.url.clone() });
                Ok(List::Unchanged)
            }
            other => {
                let after = match &other {
                    Outcome::Later { after, .. } => *after,
                    _ => None,
                };
                Ok(List::Failed { issue: refusal(&other, &self.source.url), after })
            }
        }
    }

    /// Finds out what is known of each item; items that are one article by any key become one.
    async fn identify(&mut self, drafts: Vec<(Draft, Vec<IdentityKey>)>) -> store::Result<Vec<Listed>> {
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
        self.succeed();
        Ok(())
    }

    /// The list says everything: record it at once, oldest first.
    async fn take_whole(&mut self, mut items: Vec<Listed>) -> store::Result<()> {
        items.reverse();
        for known in [false, true] {
            let part: Vec<_> = items.iter().filter(|item| item.known.is_some() == known).cloned().collect();
            for some in part.chunks(ENTRIES) {
                let entries = some.iter().cloned().map(Listed::into_entry).collect();
                self.record(entries, known && self.reread).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn record(&mut self, entries: Vec<Entry>, quiet: bool) -> store::Result<()> {
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
            Sink::Record => journal.record(pass).await?.entries,
            Sink::Rehearse => journal.rehearse(pass).await?,
        };
        for ((title, date), (_, _, became)) in shown.into_iter().zip(became) {
            self.count(title, date, became);
        }
        Ok(())
    }

    fn count(&mut self, title: String, date: Option<String>, became: Became) {
        if became != Became::Unchanged {
            self.state.last_change = Some(self.at);
        }
        self.report.count(became);
        (self.show)(Step::Decided { title, date, became });
    }

    // --- step 5: what the next pass needs ---

    pub(super) fn succeed(&mut self) {
        self.state.last_success = Some(self.at);
        self.state.failures = 0;
        self.state.not_before = None;
    }

    fn fail(&mut self, issue: Issue, after: Option<Duration>) {
        self.state.failures += 1;
        let wait = after.unwrap_or_else(|| backoff::delay(self.state.failures, self.seed()));
        self.state.not_before = Some(self.at.plus(wait));
        self.report.failed = Some(issue.message.clone());
        tracing::warn!(
            source = %self.source.id, code = %issue.code, failures = self.state.failures,
            "cannot read source `{}`: {}", self.source.id, issue.message
        );
        if !self.report.issues.contains(&issue) {
            self.wrong(issue);
        }
    }

    /// What this source's back-off is jittered with: other sources on the same failing host come at other times.
    fn seed(&self) -> u64 {
        let hash = blake3::hash(self.source.id.as_str().as_bytes());
        hash.as_bytes().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    }

    async fn end(mut self) -> store::Result<Report> {
        if self.report.items > 0 {
            self.state.items = u32::try_from(self.report.items).unwrap_or(u32::MAX);
        }
        // The worst first: two hundred bad dates must not hide why nothing was read.
        self.report.issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        self.report.issues.truncate(MAX_ISSUES);
        self.state.issues.clone_from(&self.report.issues);
        if self.sink == Sink::Record {
            let sight = self.seen();
            self.ingest.journal.store().put_source(self.state).await?;
            self.ingest.seen(&self.source.id, sight).await?;
            let Report { source, items, new, revised, .. } = &self.report;
            // Most passes find what is known: nobody wants to read that every ten minutes.
            if new + revised > 0 {
                tracing::info!(%source, items, new, revised, "source `{source}`: {new} new, {revised} revised of {items}");
            }
        }
        Ok(self.report)
    }

    fn seen(&mut self) -> Sight {
        // Pages are read again for edits of which a hub, which knows the feed only, cannot tell.
        let n_edits = if self.source.extract.page.is_some() { 0 } else { self.report.revised };
        let (succeeded, news) = (self.report.failed.is_none(), self.report.new + n_edits > 0);
        Sight { succeeded, news, ..std::mem::take(&mut self.sight) }
    }

    pub(super) fn wrong(&mut self, issue: Issue) {
        (self.show)(Step::Wrong(issue.clone()));
        self.report.issues.push(issue);
    }

    // --- the rooms below ---

    pub(super) fn ask(&self, url: &Url, validators: Validators) -> Ask {
        Ask {
            url: url.clone(),
            validators,
            allow_private: self.source.allow_private,
            spacing: self.source.spacing,
            accept: if self.source.extract.feed { fetch::ACCEPT } else { fetch::ACCEPT_PAGE },
            partial: self.source.extract.feed && *url == self.source.url,
        }
    }

    pub(super) async fn fetch(&mut self, url: &Url, validators: Validators) -> Outcome {
        let ask = self.ask(url, validators);
        let outcome = fetch::fetch(&self.ingest.client, &ask).await;
        if let Outcome::Fresh { body, content_type, url, .. } = &outcome {
            let (url, bytes, content_type) = (url.clone(), body.len(), content_type.clone());
            (self.show)(Step::Fetched { url, bytes, content_type });
        }
        outcome
    }

    /// Extracts and normalizes a document off the runtime's workers.
    pub(super) async fn parse(
        &mut self,
        body: Bytes,
        content_type: Option<String>,
        url: Url,
        kind: Kind,
    ) -> Parsed {
        let _permit = self.ingest.parsers.acquire().await;
        let (source, at) = (Arc::clone(self.source), self.at);
        let parsed = tokio::task::spawn_blocking(move || {
            let document = Document { bytes: &body, content_type: content_type.as_deref(), url: &url };
            read(&document, kind, &source, at)
        });
        let parsed = parsed.await.unwrap_or_else(|panic| {
            tracing::error!(source = %self.source.id, "a document of `{}` broke a parser: {panic}", self.source.id);
            (broken(kind), Vec::new())
        });
        let Found { format, encoding, items, issues, .. } = &parsed.0;
        (self.show)(Step::Extracted {
            format: format.clone(),
            encoding: encoding.clone(),
            items: items.len(),
        });
        for issue in issues {
            (self.show)(Step::Wrong(issue.clone()));
        }
        parsed
    }
}

/// Bytes to drafts: extract, normalize, name.
fn read(document: &Document<'_>, kind: Kind, source: &Source, at: Timestamp) -> Parsed {
    let mut found = extract::extract(document, kind, &source.extract);
    let context = normalize::Context { rules: &source.normalize, base: document.url, fetched: at };
    let mut drafts = Vec::with_capacity(found.items.len());
    for (index, item) in found.items.iter().enumerate() {
        let (draft, issues) = normalize::normalize(item.clone(), &context);
        let place = format!("item {}", index + 1);
        found.issues.extend(issues.into_iter().map(|issue| issue.at(place.clone())));
        let keys = dedup::keys(&draft, &source.dedup, &source.url);
        drafts.push((draft, keys));
    }
    (found, drafts)
}

/// What stands in for a document whose parser panicked.
fn broken(kind: Kind) -> Found {
    let issue =
        Issue::error("parser-failed", "this document broke the parser; please report it with the page");
    let (format, encoding) = (String::new(), String::new());
    Found { kind, format, encoding, head: extract::Head::default(), items: Vec::new(), issues: vec![issue] }
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
        Outcome::Failed(error) => Issue::error("fetch-failed", error.to_string()),
        Outcome::Fresh { .. } | Outcome::Unchanged { .. } => {
            Issue::error("unexpected", format!("`{url}` was not read"))
        }
    }
}

fn shown(entry: &Entry) -> (String, Option<String>) {
    (entry.draft.content.title.clone(), entry.draft.published.as_ref().map(crate::model::Date::rfc3339))
}
