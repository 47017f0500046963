//! The articles behind a list: which pages are read, and what becomes of them.

use std::collections::HashSet;

use url::Url;

use super::{
    Step,
    listed::Listed,
    merge::merge,
    pass::{Sink, Walk, refusal},
};
use crate::{
    dedup,
    extract::Kind,
    fetch::{self, Outcome},
    model::{
        Article, Digest, Draft, IdentityKey, Issue, Known, PageState, Severity, Status, Timestamp, Validators,
    },
    net::Retry,
    store,
};

/// Failures of an article page after which the article appears with what the list says of it.
const PAGE_TRIES: u32 = 3;
/// Attachments of one article whose length is asked for.
const MEASURED: usize = 8;
/// What stands for a list entry whose page was not read yet, or not by these rules.
const UNREAD: Digest = Digest([0; 16]);

/// What became of an article page.
pub(super) enum Page {
    Read(Box<Draft>, Validators),
    Same,
    /// It is not there, or the front page is there in its place.
    Gone(Issue),
    Failed(Issue),
    /// It is not for us: trying again is no use.
    Closed(Issue),
    /// Nothing is asked of its host before this.
    Wait(Issue, Timestamp),
}

impl Walk<'_> {
    /// Reads the pages that have to be read. True when none was left over.
    pub(super) async fn take_pages(&mut self, mut items: Vec<Listed>) -> store::Result<bool> {
        items.reverse();
        let listed: HashSet<String> = items.iter().map(Listed::key).collect();
        self.let_fall(&listed);
        self.learn_aliases(&items).await?;
        let (chosen, mut complete) = self.choose(&items);
        let left = self.source.max_pages.saturating_sub(chosen.len());
        for index in chosen {
            complete &= self.take_page(items[index].clone()).await?;
            if self.wait.is_some() {
                // What was not asked for is left for the next pass.
                complete = false;
                break;
            }
        }
        let fallen = self.gate.fallen.iter().map(|fallen| fallen.page.clone()).collect();
        self.look_again(fallen, left).await?;
        // What other rules have to read again needs the list as they read it.
        let unread = |page: &PageState| page.listed == UNREAD && page.failures < PAGE_TRIES;
        Ok(complete && !self.state.pages.iter().any(unread))
    }

    /// Every key of a known article leads to it from now on.
    pub(super) async fn learn_aliases(&mut self, items: &[Listed]) -> store::Result<()> {
        if self.sink == Sink::Rehearse {
            return Ok(());
        }
        let aliases = items.iter().filter_map(|item| Some((item.known.as_ref()?.id, item)));
        let aliases =
            aliases.flat_map(|(id, item)| item.keys.iter().map(move |key| (key.clone(), id))).collect();
        self.ingest.journal.learn(&self.source.id, aliases).await
    }

    /// Which pages this pass reads: new articles first, oldest first, those that failed behind the others; then those
    /// whose list entry changed; then those that were not looked at for longest. False when new ones are left over.
    fn choose(&self, items: &[Listed]) -> (Vec<usize>, bool) {
        let mut chosen: Vec<(u8, u32, Timestamp, usize)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let page = self.page_state(item);
            let rank = match &item.known {
                // A page of a sitemap that is no article, until it changes.
                None if self.source.extract.sitemap
                    && page.listed == item.digest
                    && page.checked.is_some()
                    && page.failures == 0 =>
                {
                    continue;
                }
                None => 0,
                Some(_) if page.listed != UNREAD && page.listed != item.digest => 1,
                Some(known) if self.is_due(known, &page) => 2,
                Some(_) => continue,
            };
            let failures = if rank == 0 { page.failures } else { 0 };
            chosen.push((rank, failures, page.checked.unwrap_or_default(), index));
        }
        chosen.sort();
        let n_new = chosen.iter().filter(|(rank, ..)| *rank == 0).count();
        chosen.truncate(self.source.max_pages);
        (chosen.into_iter().map(|(.., index)| index).collect(), n_new <= self.source.max_pages)
    }

    /// Reads one article's page and records the article. False when it has to be tried again.
    async fn take_page(&mut self, item: Listed) -> store::Result<bool> {
        let mut page = self.page_state(&item);
        let listed = page.listed;
        // It was read by other rules: what these make of it is not news.
        let is_remembered = self.watched().any(|known| *known == page);
        let quiet = item.known.is_some() && listed == UNREAD && is_remembered;
        if listed != item.digest {
            // The page itself may not have changed, but its article has.
            page = PageState { listed: item.digest, validators: Validators::default(), ..page };
        }
        let url = item.draft.content.url.as_deref().and_then(|url| Url::parse(url).ok());
        let answer = match &url {
            Some(url) => self.read_page(url, self.validators(&page)).await,
            None => no_link(),
        };
        let answer = match (answer, &item.known) {
            (Page::Gone(issue), Some(known)) => {
                self.is_missing(item.key(), known).await?;
                // It may come back as it was.
                page.validators = Validators::default();
                Page::Failed(issue)
            }
            (Page::Gone(issue), None) => Page::Failed(issue),
            (answer, _) => answer,
        };
        if matches!(answer, Page::Read(..) | Page::Same) {
            self.is_there(&item);
        }
        let mut settled = true;
        match answer {
            Page::Read(draft, validators) => {
                page = PageState { validators, checked: Some(self.at), failures: 0, ..page };
                let mut draft = merge(item.draft.clone(), *draft);
                if !self.is_no_article(&item, &draft) {
                    self.measure(&mut draft, item.known.as_ref()).await;
                    self.record(vec![Listed { draft, ..item }.into_entry()], quiet).await?;
                }
            }
            Page::Same => page = PageState { checked: Some(self.at), failures: 0, ..page },
            Page::Wait(issue, until) => {
                self.wrong(issue.at(item.draft.content.title.clone()));
                self.wait = Some(until);
                return Ok(false);
            }
            failed @ (Page::Failed(_) | Page::Gone(_) | Page::Closed(_)) => {
                page.failures = self.note_page(failed, &item.draft.content.title, page.failures);
                page.checked = item.known.is_some().then_some(self.at);
                let (has_page, is_news) = (url.is_some(), item.known.is_none() || listed != item.digest);
                let given_up = !has_page || page.failures >= PAGE_TRIES;
                settled = given_up || !is_news;
                let is_withdrawn = item.known.as_ref().is_some_and(|known| known.status == Status::Withdrawn);
                if given_up && is_news && !is_withdrawn {
                    self.take_listed(item, quiet).await?;
                }
                if (is_remembered && !given_up) || (quiet && has_page) {
                    // What the list says anew, or what other rules make of the page, is still unread.
                    page.listed = listed;
                }
            }
        }
        self.put_page(page);
        Ok(settled)
    }

    /// A sitemap lists much that is no article; what is one says when it appeared.
    fn is_no_article(&self, item: &Listed, read: &Draft) -> bool {
        let is_dated = read.published.as_ref().is_some_and(|date| !date.inferred);
        self.source.extract.sitemap && item.known.is_none() && !is_dated
    }

    /// Notes what was wrong with a page; gives how often it failed by now.
    fn note_page(&mut self, page: Page, title: &str, failures: u32) -> u32 {
        match page {
            Page::Failed(issue) | Page::Gone(issue) => {
                // One page is not the source: its other articles are fine.
                let issue = Issue { severity: issue.severity.min(Severity::Warning), ..issue };
                self.wrong(issue.at(title));
                failures.saturating_add(1)
            }
            Page::Closed(issue) => {
                // Of thirty pages that are closed one is enough to say so.
                if !self.report.issues.iter().any(|known| known.code == issue.code) {
                    self.wrong(issue.at(title));
                }
                PAGE_TRIES
            }
            Page::Read(..) | Page::Same | Page::Wait(..) => failures,
        }
    }

    /// Records what the list says of an article whose page cannot be read, over what its page said last.
    async fn take_listed(&mut self, item: Listed, quiet: bool) -> store::Result<()> {
        let before = match &item.known {
            Some(known) => self.ingest.journal.store().article(known.id, None).await?,
            None => None,
        };
        let draft = match before {
            Some(before) => merge(item.draft.clone(), Draft { content: before.content, ..Draft::default() }),
            None => item.draft.clone(),
        };
        self.record(vec![Listed { draft, ..item }.into_entry()], quiet).await.map(drop)
    }

    /// Asks how long the attachments of a new or changed article are, and what they are.
    pub(super) async fn measure(&mut self, draft: &mut Draft, known: Option<&Known>) {
        let digest = || dedup::digest(&draft.content, &dedup::Wording::of(&draft.content));
        if known.is_some_and(|known| known.digest == digest()) {
            return;
        }
        let unmeasured = draft.content.enclosures.iter_mut().filter(|enclosure| enclosure.length.is_none());
        for enclosure in unmeasured.take(MEASURED) {
            let Ok(url) = Url::parse(&enclosure.url) else { continue };
            match fetch::measure(&self.ingest.client, &self.ask(&url, Validators::default())).await {
                Some(measured) => {
                    enclosure.length = measured.length;
                    enclosure.media_type = measured.media_type.or(enclosure.media_type.take());
                }
                None => {
                    let issue = Issue::new(
                        Severity::Info,
                        "attachment-missing",
                        "no server says how long this attachment is",
                    );
                    self.wrong(issue.at(url.as_str()));
                }
            }
        }
    }

    /// The list has not changed: look at the pages whose time has come, those first that were not looked at for
    /// longest.
    pub(super) async fn recheck(&mut self) -> store::Result<()> {
        let pages = self.watched().cloned().collect();
        self.look_again(pages, self.source.max_pages).await?;
        self.succeed();
        Ok(())
    }

    /// Looks at those of these pages whose time has come.
    async fn look_again(&mut self, pages: Vec<PageState>, most: usize) -> store::Result<()> {
        let mut due = Vec::new();
        for page in pages {
            let Ok(key) = page.key.parse::<IdentityKey>() else { continue };
            let store = self.ingest.journal.store();
            let known = store.known(&self.source.id, std::slice::from_ref(&key)).await?;
            if let Some(known) = known.into_iter().flatten().next().filter(|known| self.is_due(known, &page))
            {
                due.push((page, key, known));
            }
        }
        due.sort_by_key(|(page, ..)| page.checked);
        for (page, key, known) in due.into_iter().take(most) {
            let Some(article) = self.ingest.journal.store().article(known.id, None).await? else { continue };
            let first_seen = article.first_seen;
            let draft = as_listed(article, self.source.extract.feed);
            let digest = if page.listed == UNREAD { dedup::listed(&draft) } else { page.listed };
            self.take_page(Listed { draft, keys: vec![key], first_seen, digest, known: Some(known) }).await?;
            if self.wait.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Is it time to look at a known article again? Young ones are corrected most: what is an hour old is looked at
    /// every half hour, what is older than that at the source's own pace.
    fn is_due(&self, known: &Known, page: &PageState) -> bool {
        let pace = self.source.recheck.min(self.at.since(known.published) / 2);
        // Later than now: the clock was set back.
        page.checked.is_none_or(|checked| checked > self.at || checked.plus(pace) <= self.at)
    }

    pub(super) async fn read_page(&mut self, url: &Url, validators: Validators) -> Page {
        match self.fetch(url, validators, Kind::Article).await {
            Outcome::Fresh { url: at, .. } if went_home(url, &at, &self.source.url) => Page::Gone(
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
            other => self.unread(&other, url),
        }
    }

    /// What a page is that there was no answer for.
    fn unread(&self, outcome: &Outcome, url: &Url) -> Page {
        let issue = refusal(outcome, url);
        match outcome {
            Outcome::Gone { .. } => Page::Gone(issue),
            Outcome::Held(restraint) => match restraint.until() {
                Some(until) => Page::Wait(Issue { severity: Severity::Warning, ..issue }, until),
                None => Page::Closed(Issue { severity: Severity::Info, ..issue }),
            },
            // What it said of patience is meant for its whole host.
            Outcome::Later { .. } => {
                match self.ingest.client.host(url, self.source.trust.as_ref()).paused_until {
                    Some(until) => Page::Wait(Issue { severity: Severity::Warning, ..issue }, until),
                    None => Page::Failed(issue),
                }
            }
            Outcome::Failed(error) if error.retry() == Retry::Never && error.code() == "crawler-trap" => {
                Page::Closed(Issue { severity: Severity::Warning, ..issue })
            }
            _ => Page::Failed(issue),
        }
    }

    /// What a page may be asked by.
    fn validators(&self, page: &PageState) -> Validators {
        if self.distrusted { Validators::default() } else { page.validators.clone() }
    }

    pub(super) fn page_state(&self, item: &Listed) -> PageState {
        let key = item.key();
        let page = self.watched().find(|page| page.key == key).cloned();
        page.unwrap_or_else(|| PageState { key, ..PageState::default() })
    }
}

fn no_link() -> Page {
    Page::Failed(Issue::warning("no-link", "this item has no link, so there is no page to read"))
}

/// True when asking for an article led to the site's front page or to the list itself.
fn went_home(asked: &Url, got: &Url, list: &Url) -> bool {
    asked != got && (got == list || (got.path() == "/" && got.query().is_none()))
}

/// A stored article as its list showed it, so that its page can be merged onto it again.
fn as_listed(article: Article, is_feed: bool) -> Draft {
    let mut content = article.content;
    if !is_feed {
        // The page names them again; one that it does not name any more is gone. Feeds have some of their own.
        content.enclosures.clear();
    }
    Draft { content, published: Some(article.published), ..Draft::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Enclosure, store::conformance::samples};

    /// Else an attachment that only the feed names would come and go with every 304, each time as an edit.
    #[test]
    fn a_feeds_own_attachments_stay_while_it_answers_304() {
        let mut article = samples::article("a", 1, "A", 5);
        article.content.enclosures = vec![Enclosure::default()];
        assert_eq!(as_listed(article.clone(), true).content.enclosures.len(), 1);
        assert_eq!(as_listed(article, false).content.enclosures.len(), 0, "the page names them again");
    }
}
