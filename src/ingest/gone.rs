//! Pages that the list does not show any more, and pages that are missing: what fell off a list is looked at for a while,
//! and what is missing for a day was taken back.

use std::{collections::HashSet, time::Duration};

use super::{
    listed::Listed,
    pass::{Sink, Walk},
};
use crate::{
    model::{Fallen, Known, Missing, PageState},
    store,
};

/// How long a page is looked at after the list does not show it any more, and how many of them.
const WATCHED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const MOST_FALLEN: usize = 50;
/// So often, and for so long, a page has to be missing until its article was taken back.
const CHECKS: u32 = 3;
const MISSING: Duration = Duration::from_secs(24 * 60 * 60);
/// Missing pages that are counted.
const MOST_MISSING: usize = 200;

impl Walk<'_> {
    /// Pages go where their items are: with the list, or with those that fell off it.
    pub(super) fn let_fall(&mut self, listed: &HashSet<String>) {
        let at = self.at;
        let (stay, fell): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.state.pages).into_iter().partition(|page| listed.contains(&page.key));
        self.state.pages = stay;
        let (back, fallen): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.gate.fallen).into_iter().partition(|it| listed.contains(&it.page.key));
        self.state.pages.extend(back.into_iter().map(|fallen| fallen.page));
        // The newest first. What is from later than now fell by a clock that was ahead.
        let fell = fell.into_iter().map(|page| Fallen { page, since: at });
        let mut fallen: Vec<_> = fell.chain(fallen).filter(|it| at.since(it.since) < WATCHED).collect();
        fallen.truncate(MOST_FALLEN);
        self.gate.fallen = fallen;
        let watched: HashSet<&str> = self.watched().map(|page| page.key.as_str()).collect();
        let missing: Vec<_> =
            self.gate.missing.iter().filter(|it| watched.contains(it.key.as_str())).cloned().collect();
        self.gate.missing = missing;
    }

    /// Every page that is looked at: of the list, and of what fell off it.
    pub(super) fn watched(&self) -> impl Iterator<Item = &PageState> {
        self.state.pages.iter().chain(self.gate.fallen.iter().map(|fallen| &fallen.page))
    }

    pub(super) fn put_page(&mut self, page: PageState) {
        let fallen = self.gate.fallen.iter_mut().map(|fallen| &mut fallen.page);
        match self.state.pages.iter_mut().chain(fallen).find(|known| known.key == page.key) {
            Some(known) => *known = page,
            None => self.state.pages.push(page),
        }
    }

    /// The page of an article is there.
    pub(super) fn is_there(&mut self, item: &Listed) {
        let key = item.key();
        self.gate.missing.retain(|missing| missing.key != key);
    }

    /// The page of an article is missing. The article is taken back when it was so for long enough, while the list goes on
    /// as the source's list does: a site that is down or moves answers 404 for everything.
    pub(super) async fn is_missing(&mut self, key: String, known: &Known) -> store::Result<()> {
        if self.sink == Sink::Rehearse || !self.overlaps {
            return Ok(());
        }
        let at = self.at;
        let index = self.gate.missing.iter().position(|missing| missing.key == key);
        let mut missing = match index {
            Some(index) => self.gate.missing.remove(index),
            None => Missing { key, first: at, checks: 0 },
        };
        missing.first = missing.first.min(at);
        missing.checks = missing.checks.saturating_add(1);
        if missing.checks >= CHECKS && at.since(missing.first) >= MISSING {
            if self.ingest.journal.withdraw(&self.source.id, known.id, at).await? {
                self.state.last_change = Some(at);
                tracing::info!(source = %self.source.id, article = %known.id, "an article was withdrawn: its page is gone");
            }
            return Ok(());
        }
        self.gate.missing.push(missing);
        let too_many = self.gate.missing.len().saturating_sub(MOST_MISSING);
        self.gate.missing.drain(..too_many);
        Ok(())
    }
}
