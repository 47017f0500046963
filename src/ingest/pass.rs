//! One pass over one source: list → pages → journal.
//!
//! 1. fetch the list (conditionally) and read it;
//! 2. judge whether it is believable;
//! 3. choose which article pages to read: new ones, changed ones, and a few known ones for edits;
//! 4. read them one by one, oldest first, each recorded as it arrives;
//! 5. remember what the next pass needs.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use url::Url;

use super::{Error, Ingest, Report, Source, Step, merge::merge, quality};
use crate::{
    dedup,
    extract::{self, Document, Found, Kind},
    fetch::{self, Ask, Outcome},
    journal::{Became, Entry, Pass},
    model::{
        Article, Digest, Draft, IdentityKey, Issue, Known, PageState, SourceState, Timestamp, Validators,
    },
    net::backoff,
    normalize, store,
};

/// Issues kept of a pass; more would only hide the first ones.
const MAX_ISSUES: usize = 20;
/// Failures of an article page after which the article appears with what the list says of it.
const PAGE_TRIES: u32 = 3;
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
struct Walk<'a> {
    ingest: &'a Ingest,
    source: &'a Arc<Source>,
    sink: Sink,
    show: Show<'a>,
    at: Timestamp,
    state: SourceState,
    report: Report,
    /// The rules have changed since the last pass: what is known is read again, and nobody is told.
    reread: bool,
}

/// An item of the list, with what the list alone says of it.
#[derive(Clone)]
struct Listed {
    draft: Draft,
    keys: Vec<IdentityKey>,
    first_seen: Timestamp,
    digest: Digest,
    known: Option<Known>,
}

/// What became of the list.
enum List {
    Fresh { items: Vec<Listed>, validators: Validators },
    Unchanged,
    Failed { issue: Issue, after: Option<Duration> },
}

/// What became of an article page.
enum Page {
    Read(Box<Draft>, Validators),
    Same,
    Failed(Issue),
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
                *page = PageState {
                    key: std::mem::take(&mut page.key),
                    listed: page.listed,
                    ..PageState::default()
                };
            }
            state.rules = source.rules;
        }
        state.last_attempt = Some(at);
        let report = Report::new(&source.id, at);
        Ok(Self { ingest, source, sink, show, at, state, report, reread })
    }

    // --- step 1 and 2: the list ---

    async fn read_list(&mut self) -> store::Result<List> {
        let kind = if self.source.extract.feed { Kind::Feed } else { Kind::List };
        match self.fetch(&self.source.url, self.state.validators.clone()).await {
            Outcome::Fresh { body, content_type, url, validators, moved } => {
                self.note_move(moved);
                let (found, drafts) = self.parse(body, content_type, url, kind).await;
                let refused = quality::refuse(&found, drafts.iter().map(|(draft, _)| draft));
                self.report.items = drafts.len();
                self.report.issues.extend(found.issues);
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
        for (index, (draft, keys)) in drafts.into_iter().enumerate() {
            if let Some(twin) = items.iter_mut().find(|item| item.keys[0] == keys[0]) {
                twin.keys.extend(keys.into_iter().filter(|key| !twin.keys.contains(key)).collect::<Vec<_>>());
                continue;
            }
            let known = self.ingest.journal.store().known(&self.source.id, &keys).await?;
            let first_seen = self.at.minus(Duration::from_secs(index as u64));
            let (digest, known) = (dedup::listed(&draft), known.into_iter().flatten().next());
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
            self.take_whole(items).await?;
            true
        };
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

    /// Reads the pages that have to be read. True when none was left over.
    async fn take_pages(&mut self, mut items: Vec<Listed>) -> store::Result<bool> {
        items.reverse();
        let listed: HashSet<String> = items.iter().map(Listed::key).collect();
        self.state.pages.retain(|page| listed.contains(&page.key));
        self.learn_aliases(&items).await?;
        let (chosen, mut complete) = self.choose(&items);
        for index in chosen {
            complete &= self.take_page(items[index].clone()).await?;
        }
        Ok(complete)
    }

    /// Every key of a known article leads to it from now on.
    async fn learn_aliases(&mut self, items: &[Listed]) -> store::Result<()> {
        if self.sink == Sink::Rehearse {
            return Ok(());
        }
        let aliases = items.iter().filter_map(|item| Some((item.known.as_ref()?.id, item)));
        let aliases =
            aliases.flat_map(|(id, item)| item.keys.iter().map(move |key| (key.clone(), id))).collect();
        self.ingest.journal.learn(&self.source.id, aliases).await
    }

    /// Which pages this pass reads: new articles first, oldest first; then those whose list entry changed; then
    /// those that were not looked at for longest. False when new ones are left over.
    fn choose(&self, items: &[Listed]) -> (Vec<usize>, bool) {
        let mut chosen: Vec<(u8, Timestamp, usize)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let page = self.state.pages.iter().find(|page| page.key == item.key());
            let checked = page.and_then(|page| page.checked);
            let rank = match (&item.known, page) {
                (None, _) => 0,
                (Some(_), Some(page)) if page.listed != item.digest => 1,
                (Some(_), _) if checked.is_none_or(|at| at.plus(self.source.recheck) <= self.at) => 2,
                (Some(_), _) => continue,
            };
            let since = if rank == 2 { checked.unwrap_or_default() } else { Timestamp::default() };
            chosen.push((rank, since, index));
        }
        chosen.sort();
        let n_new = chosen.iter().filter(|(rank, ..)| *rank == 0).count();
        chosen.truncate(self.source.max_pages);
        (chosen.into_iter().map(|(_, _, index)| index).collect(), n_new <= self.source.max_pages)
    }

    /// Reads one article's page and records the article. False when it has to be tried again.
    async fn take_page(&mut self, item: Listed) -> store::Result<bool> {
        let (is_known, mut page) = (item.known.is_some(), self.page_state(&item));
        let quiet = is_known && page.checked.is_none() && self.state.pages.contains(&page);
        if page.listed != item.digest {
            // The page itself may not have changed, but its article has.
            page = PageState { listed: item.digest, validators: Validators::default(), ..page };
        }
        let url = item.draft.content.url.as_deref().and_then(|url| Url::parse(url).ok());
        let answer = match &url {
            Some(url) => self.read_page(url, page.validators.clone()).await,
            None => {
                Page::Failed(Issue::warning("no-link", "this item has no link, so there is no page to read"))
            }
        };
        let mut settled = true;
        match answer {
            Page::Read(draft, validators) => {
                page = PageState { validators, checked: Some(self.at), failures: 0, ..page };
                let draft = merge(item.draft.clone(), *draft);
                self.record(vec![Listed { draft, ..item }.into_entry()], quiet).await?;
            }
            Page::Same => page.checked = Some(self.at),
            Page::Failed(issue) => {
                self.wrong(issue.at(url.as_ref().map_or_else(|| item.key(), Url::to_string)));
                page.failures += 1;
                page.checked = is_known.then_some(self.at);
                settled = is_known || url.is_none() || page.failures >= PAGE_TRIES;
                if settled && !is_known {
                    self.record(vec![item.into_entry()], false).await?;
                }
            }
        }
        self.put_page(page);
        Ok(settled)
    }

    /// The list has not changed: look at the pages whose time has come.
    async fn recheck(&mut self) -> store::Result<()> {
        let mut due: Vec<_> = self.state.pages.clone();
        due.retain(|page| page.checked.is_none_or(|at| at.plus(self.source.recheck) <= self.at));
        due.sort_by_key(|page| page.checked);
        due.truncate(self.source.max_pages);
        for page in due {
            let Ok(key) = page.key.parse::<IdentityKey>() else { continue };
            if let Some(item) = self.known_item(key, page.listed).await? {
                self.take_page(item).await?;
            }
        }
        self.succeed();
        Ok(())
    }

    /// A known article as its list showed it.
    async fn known_item(&mut self, key: IdentityKey, digest: Digest) -> store::Result<Option<Listed>> {
        let store = self.ingest.journal.store();
        let known =
            store.known(&self.source.id, std::slice::from_ref(&key)).await?.into_iter().flatten().next();
        let Some(known) = known else { return Ok(None) };
        let Some(article) = store.article(known.id, None).await? else { return Ok(None) };
        let first_seen = article.first_seen;
        Ok(Some(Listed {
            draft: as_listed(article),
            keys: vec![key],
            first_seen,
            digest,
            known: Some(known),
        }))
    }

    async fn read_page(&mut self, url: &Url, validators: Validators) -> Page {
        match self.fetch(url, validators).await {
            Outcome::Fresh { url: at, .. } if went_home(url, &at, &self.source.url) => Page::Failed(
                Issue::warning("page-went-home", format!("`{url}` leads to `{at}` now, which is no article")),
            ),
            Outcome::Fresh { body, content_type, url, validators, .. } => {
                let (found, drafts) = self.parse(body, content_type, url, Kind::Article).await;
                match drafts.into_iter().next() {
                    Some((draft, _)) => Page::Read(Box::new(draft), validators),
                    None => Page::Failed(found.issues.into_iter().next().unwrap_or_else(|| {
                        Issue::warning("no-article", "nothing on this page could be read as an article")
                    })),
                }
            }
            Outcome::Unchanged { .. } => {
                (self.show)(Step::NotModified { url: url.clone() });
                Page::Same
            }
            other => Page::Failed(refusal(&other, url)),
        }
    }

    async fn record(&mut self, entries: Vec<Entry>, quiet: bool) -> store::Result<()> {
        if self.sink == Sink::Rehearse {
            return self.rehearse(&entries).await;
        }
        let shown: Vec<_> = entries.iter().map(shown).collect();
        let pass = Pass {
            source: self.source.id.clone(),
            zone: self.source.normalize.zone.clone(),
            at: self.at,
            quiet: quiet || !self.state.backfilled,
            entries,
            state: None,
        };
        let recorded = self.ingest.journal.record(pass).await?;
        for ((title, date), (_, _, became)) in shown.into_iter().zip(recorded.entries) {
            self.count(title, date, became);
        }
        Ok(())
    }

    async fn rehearse(&mut self, entries: &[Entry]) -> store::Result<()> {
        for entry in entries {
            let known = self.ingest.journal.store().known(&self.source.id, &entry.keys).await?;
            let became = match dedup::decide(dedup::digest(&entry.draft), &known) {
                dedup::Decision::New => Became::New,
                dedup::Decision::Revised(_) => Became::Revised,
                dedup::Decision::Unchanged(_) => Became::Unchanged,
            };
            let (title, date) = shown(entry);
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

    fn succeed(&mut self) {
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
        self.report.issues.truncate(MAX_ISSUES);
        self.state.issues.clone_from(&self.report.issues);
        if self.sink == Sink::Record {
            self.ingest.journal.store().put_source(self.state).await?;
            let Report { source, items, new, revised, .. } = &self.report;
            tracing::info!(%source, items, new, revised, "source `{source}`: {new} new, {revised} revised of {items}");
        }
        Ok(self.report)
    }

    fn wrong(&mut self, issue: Issue) {
        (self.show)(Step::Wrong(issue.clone()));
        self.report.issues.push(issue);
    }

    fn page_state(&self, item: &Listed) -> PageState {
        let key = item.key();
        let page = self.state.pages.iter().find(|page| page.key == key).cloned();
        page.unwrap_or_else(|| PageState { key, ..PageState::default() })
    }

    fn put_page(&mut self, page: PageState) {
        match self.state.pages.iter_mut().find(|known| known.key == page.key) {
            Some(known) => *known = page,
            None => self.state.pages.push(page),
        }
    }

    // --- the rooms below ---

    async fn fetch(&mut self, url: &Url, validators: Validators) -> Outcome {
        let ask = Ask {
            url: url.clone(),
            validators,
            allow_private: self.source.allow_private,
            spacing: self.source.spacing,
            accept: if self.source.extract.feed { fetch::ACCEPT } else { fetch::ACCEPT_PAGE },
        };
        let outcome = fetch::fetch(&self.ingest.client, &ask).await;
        if let Outcome::Fresh { body, content_type, url, .. } = &outcome {
            let (url, bytes, content_type) = (url.clone(), body.len(), content_type.clone());
            (self.show)(Step::Fetched { url, bytes, content_type });
        }
        outcome
    }

    /// Extracts and normalizes a document off the runtime's workers.
    async fn parse(&mut self, body: Bytes, content_type: Option<String>, url: Url, kind: Kind) -> Parsed {
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

// === impl Listed ===

impl Listed {
    /// Its strongest key, printed: what its page is remembered under.
    fn key(&self) -> String {
        self.keys[0].to_string()
    }

    fn into_entry(self) -> Entry {
        Entry { draft: self.draft, keys: self.keys, first_seen: self.first_seen }
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
fn refusal(outcome: &Outcome, url: &Url) -> Issue {
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

/// True when asking for an article led to the site's front page or to the list itself.
fn went_home(asked: &Url, got: &Url, list: &Url) -> bool {
    asked != got && (got == list || (got.path() == "/" && got.query().is_none()))
}

/// A stored article as its list showed it, so that its page can be merged onto it again.
fn as_listed(article: Article) -> Draft {
    let mut content = article.content;
    // The page names them again; one that it does not name any more is gone.
    content.enclosures.clear();
    Draft { content, published: Some(article.published), ..Draft::default() }
}

fn shown(entry: &Entry) -> (String, Option<String>) {
    (entry.draft.content.title.clone(), entry.draft.published.as_ref().map(crate::model::Date::rfc3339))
}
