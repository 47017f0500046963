//! The articles behind a list: which pages are read, and what becomes of them.

use std::collections::HashSet;

use url::Url;

use super::{
    Step,
    merge::merge,
    pass::{Listed, Sink, Walk, refusal},
};
use crate::{
    dedup,
    extract::Kind,
    fetch::{self, Outcome},
    model::{Article, Draft, IdentityKey, Issue, Known, PageState, Severity, Timestamp, Validators},
    store,
};

/// Failures of an article page after which the article appears with what the list says of it.
const PAGE_TRIES: u32 = 3;
/// Attachments of one article whose length is asked for.
const MEASURED: usize = 8;
/// What became of an article page.
enum Page {
    Read(Box<Draft>, Validators),
    Same,
    Failed(Issue),
}

impl Walk<'_> {
    /// Reads the pages that have to be read. True when none was left over.
    pub(super) async fn take_pages(&mut self, mut items: Vec<Listed>) -> store::Result<bool> {
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
            let page = self.page_state(item);
            let rank = match &item.known {
                None => 0,
                Some(_) if page.checked.is_some() && page.listed != item.digest => 1,
                Some(known) if self.is_due(known, &page) => 2,
                Some(_) => continue,
            };
            let since = if rank == 2 { page.checked.unwrap_or_default() } else { Timestamp::default() };
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
        let listed = self.page_state(&item).listed;
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
                let mut draft = merge(item.draft.clone(), *draft);
                self.measure(&mut draft, item.known.as_ref()).await;
                self.record(vec![Listed { draft, ..item }.into_entry()], quiet).await?;
            }
            Page::Same => page.checked = Some(self.at),
            Page::Failed(issue) => {
                // One page is not the source: its other articles are fine.
                let issue = Issue { severity: issue.severity.min(Severity::Warning), ..issue };
                self.wrong(issue.at(item.draft.content.title.clone()));
                // What the list says anew is still unread.
                page = PageState {
                    listed,
                    failures: page.failures + 1,
                    checked: is_known.then_some(self.at),
                    ..page
                };
                settled = is_known || url.is_none() || page.failures >= PAGE_TRIES;
                if settled && !is_known {
                    self.record(vec![item.into_entry()], false).await?;
                }
            }
        }
        self.put_page(page);
        Ok(settled)
    }

    /// Asks how long the attachments of a new or changed article are, and what they are.
    async fn measure(&mut self, draft: &mut Draft, known: Option<&Known>) {
        if known.is_some_and(|known| known.digest == dedup::digest(draft)) {
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
        let mut due = Vec::new();
        for page in self.state.pages.clone() {
            let Ok(key) = page.key.parse::<IdentityKey>() else { continue };
            let store = self.ingest.journal.store();
            let known = store.known(&self.source.id, std::slice::from_ref(&key)).await?;
            if let Some(known) = known.into_iter().flatten().next().filter(|known| self.is_due(known, &page))
            {
                due.push((page, key, known));
            }
        }
        due.sort_by_key(|(page, ..)| page.checked);
        for (page, key, known) in due.into_iter().take(self.source.max_pages) {
            let Some(article) = self.ingest.journal.store().article(known.id, None).await? else { continue };
            let first_seen = article.first_seen;
            let (draft, digest) = (as_listed(article), page.listed);
            self.take_page(Listed { draft, keys: vec![key], first_seen, digest, known: Some(known) }).await?;
        }
        self.succeed();
        Ok(())
    }

    /// Is it time to look at a known article again? Young ones are corrected most: what is an hour old is looked at
    /// every half hour, what is older than that at the source's own pace.
    fn is_due(&self, known: &Known, page: &PageState) -> bool {
        let pace = self.source.recheck.min(self.at.since(known.published) / 2);
        page.checked.is_none_or(|checked| checked.plus(pace) <= self.at)
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
