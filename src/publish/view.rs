//! One feed's window: the newest articles that match, kept right while articles come, change and go.
//!
//! Beside the newest by their own date stand the latest arrivals that came late: an announcement that is found
//! today under a date of last month is news to every reader, and lies behind any window by date.
//!
//! Pure: what it cannot know from what it holds (what stands behind the window) it asks for with
//! [`View::hungry`], and the follower reads it from the store.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use super::{Feed, live::Live};
use crate::{
    model::{Article, ArticleId, SourceId, Status, Timestamp},
    store::Place,
};

/// The most articles that a window by time holds; documents end before that by their size.
const MOST: usize = 500;
/// How many late arrivals are shown.
const ARRIVALS: usize = 50;
/// An article that was found so long after its own date came late.
const LATE: Duration = Duration::from_secs(3600);

/// The newest `feed.items` articles that match and those of the last `feed.window`, in the store's own order.
#[derive(Clone)]
pub(super) struct View {
    /// Which feed.
    pub(super) feed: Arc<Feed>,
    /// True when it shows something else than what was rendered last.
    pub(super) dirty: bool,
    /// True when something left a full window: what comes after the last article is known to the store only.
    pub(super) hungry: bool,
    /// Where it is shown; `None` before it is for the first time.
    pub(super) live: Option<Arc<Live>>,
    /// By date, newest first.
    articles: Vec<Arc<Article>>,
    /// Those that came late, the last arrival first. Some stand in the window as well.
    late: Vec<Arc<Article>>,
    /// Withdrawn articles whose place lies in the window, with when that happened.
    gone: Vec<(Place, Timestamp)>,
}

impl View {
    /// An empty window on `feed`.
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        let (articles, late, gone) = (Vec::new(), Vec::new(), Vec::new());
        Self { feed, dirty: true, hungry: false, live: None, articles, late, gone }
    }

    /// An empty window in the place of this one.
    pub(super) fn anew(&self) -> Self {
        Self { live: self.live.clone(), ..Self::new(Arc::clone(&self.feed)) }
    }

    /// What it shows, newest first.
    pub(super) fn articles(&self) -> Vec<Arc<Article>> {
        let mut all = self.articles.clone();
        all.extend(self.late.iter().filter(|late| !holds(&self.articles, late.id)).cloned());
        all.sort_by_key(|article| Reverse(Place::from(&**article)));
        all
    }

    /// An article that it holds.
    pub(super) fn held(&self, id: ArticleId) -> Option<&Arc<Article>> {
        self.articles.iter().chain(&self.late).find(|article| article.id == id)
    }

    /// Puts other labels on what it holds: `other` gives the same revision, where it is to be exchanged.
    pub(super) fn exchange(&mut self, mut other: impl FnMut(&Arc<Article>) -> Option<Arc<Article>>) {
        for article in self.articles.iter_mut().chain(&mut self.late) {
            if let Some(other) = other(article).filter(|other| other != article) {
                *article = other;
                self.dirty = true;
            }
        }
    }

    /// Does the feed read this source?
    pub(super) fn reads(&self, source: &SourceId) -> bool {
        self.feed.sources.contains(source)
    }

    /// When what it shows last changed, as far as articles tell: derived from them alone, so that a restart
    /// finds the same instant. `None` for a window that never showed anything.
    pub(super) fn changed(&self) -> Option<Timestamp> {
        let shown = self.articles.iter().chain(&self.late);
        let shown = shown.map(|article| article.updated.max(article.first_seen));
        let gone = self.gone.iter().filter(|(place, _)| self.reaches(place)).map(|(_, at)| *at);
        shown.chain(gone).max()
    }

    /// What was taken back of what it would show, and when.
    pub(super) fn gone(&self) -> Vec<(ArticleId, Timestamp)> {
        let gone = self.gone.iter().filter(|(place, _)| self.reaches(place));
        gone.map(|(place, at)| (place.id, *at)).collect()
    }

    /// Could an article that stands after `place` still be shown?
    pub(super) fn takes_after(&self, place: &Place) -> bool {
        self.articles.last().is_none_or(|last| Place::from(&**last) < *place) || self.reaches(place)
    }

    /// Takes note of an article's state. `wanted` says whether it is one of this feed's sources and passes
    /// its filter. Safe to repeat, and older revisions than the one shown change nothing.
    pub(super) fn apply(&mut self, article: &Arc<Article>, wanted: bool) {
        let is_older = |old: &Arc<Article>| old.id == article.id && old.revision > article.revision;
        if self.articles.iter().chain(&self.late).any(is_older) {
            return;
        }
        let live = article.status == Status::Live;
        if wanted && !live {
            self.remember_gone(article);
        }
        self.renew_late(article, wanted && live);
        let shown = self.articles.iter().position(|other| other.id == article.id);
        match (shown, wanted && live) {
            (Some(at), true) => self.replace(at, article),
            (Some(at), false) => self.take_out(at),
            (None, true) => self.insert(article),
            (None, false) => {}
        }
    }

    /// Takes note of an article of this feed that is news, and not part of what a first run found.
    pub(super) fn arrive(&mut self, article: &Arc<Article>) {
        let came_late = article.first_seen > article.published.at.plus(LATE);
        if !came_late || article.status != Status::Live || holds(&self.late, article.id) {
            return;
        }
        self.dirty |= !holds(&self.articles, article.id);
        self.late.push(Arc::clone(article));
        self.late.sort_by_key(|late| Reverse((late.first_seen, late.id)));
        self.forget_arrivals();
    }

    /// Takes out an article that the store does not have any more.
    pub(super) fn forget(&mut self, id: ArticleId) {
        if holds(&self.late, id) {
            self.late.retain(|late| late.id != id);
            self.dirty = true;
        }
        if let Some(at) = self.articles.iter().position(|article| article.id == id) {
            self.take_out(at);
        }
    }

    /// Late arrivals are shown for the time of the window, counted from the last arrival.
    fn forget_arrivals(&mut self) {
        let Some(last) = self.late.first().map(|late| late.first_seen) else { return };
        let since = last.minus(self.feed.window);
        let n_arrivals = self.late.len();
        self.late.retain(|late| late.first_seen >= since);
        self.late.truncate(ARRIVALS);
        self.dirty |= self.late.len() < n_arrivals;
    }

    fn renew_late(&mut self, article: &Arc<Article>, wanted: bool) {
        let Some(at) = self.late.iter().position(|late| late.id == article.id) else { return };
        let old = self.late.get(at);
        if wanted && old != Some(article) {
            self.late.splice(at..=at, [Arc::clone(article)]);
            self.dirty = true;
        } else if !wanted {
            self.late.remove(at);
            self.dirty = true;
        }
    }

    fn insert(&mut self, article: &Arc<Article>) {
        let place = Place::from(&**article);
        self.gone.retain(|(other, _)| other.id != article.id);
        if !self.reaches(&place) {
            return;
        }
        let at = self.articles.partition_point(|other| Place::from(&**other) > place);
        self.articles.insert(at, Arc::clone(article));
        while self.articles.last().is_some_and(|last| self.is_beyond(&Place::from(&**last))) {
            self.articles.pop();
        }
        self.dirty = true;
    }

    fn replace(&mut self, at: usize, article: &Arc<Article>) {
        let Some(old) = self.articles.get_mut(at) else { return };
        if old == article {
            return;
        }
        if Place::from(&**old) == Place::from(&**article) {
            *old = Arc::clone(article);
            self.dirty = true;
        } else {
            // `published` never changes; should it, what stands behind the window may now be newer.
            self.take_out(at);
            self.insert(article);
        }
    }

    fn take_out(&mut self, at: usize) {
        self.hungry |= self.articles.len() >= self.promised();
        self.articles.remove(at);
        self.dirty = true;
    }

    fn remember_gone(&mut self, article: &Arc<Article>) {
        let entry = (Place::from(&**article), article.updated.max(article.first_seen));
        self.gone.retain(|(place, _)| place.id != article.id);
        if self.reaches(&entry.0) {
            self.gone.push(entry);
            self.gone.sort_by_key(|(place, _)| Reverse(*place));
            self.gone.truncate(self.promised().max(MOST));
        }
    }

    /// Does `place` lie in the window? There is one more place for what is not in it yet.
    fn reaches(&self, place: &Place) -> bool {
        let n_before = self.articles.partition_point(|other| Place::from(&**other) > *place);
        n_before < self.promised() || (n_before < MOST && self.is_recent(place))
    }

    /// Does the last article, at `place`, stand beyond the window?
    fn is_beyond(&self, place: &Place) -> bool {
        let n_articles = self.articles.len();
        n_articles > self.promised() && (n_articles > MOST || !self.is_recent(place))
    }

    /// Counted from the newest article and not from now: the same articles are shown whatever time it is.
    fn is_recent(&self, place: &Place) -> bool {
        let newest = self.articles.first().map(|newest| newest.published.at);
        newest.is_none_or(|newest| place.published >= newest.minus(self.feed.window))
    }

    fn promised(&self) -> usize {
        self.feed.items.max(1)
    }
}

fn holds(articles: &[Arc<Article>], id: ArticleId) -> bool {
    articles.iter().any(|article| article.id == id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::Revision,
        publish::tests::{article, feed},
    };

    fn view(items: usize) -> View {
        View::new(Arc::new(feed(items)))
    }

    fn shown(view: &View) -> Vec<String> {
        view.articles().iter().map(|article| article.content.title.clone()).collect()
    }

    #[test]
    fn keeps_the_newest_first_and_no_more_than_its_window() {
        let mut view = view(2);
        for n in [1, 3, 2] {
            view.apply(&Arc::new(article(n)), true);
        }
        assert_eq!(shown(&view), ["article 3", "article 2"]);
        assert!(!view.hungry);
    }

    #[test]
    fn shows_of_one_date_the_last_seen_first() {
        let mut view = view(3);
        let mut all: Vec<_> = (1..=3).map(article).collect();
        for article in &mut all {
            article.published.at = Timestamp::from_second(5);
            view.apply(&Arc::new(article.clone()), true);
        }
        all.sort_by_key(|article| Reverse(article.first_seen));
        assert_eq!(shown(&view), all.into_iter().map(|article| article.content.title).collect::<Vec<_>>());
    }

    #[test]
    fn an_edit_that_does_not_match_any_more_leaves_a_full_window_hungry() {
        let mut view = view(2);
        for n in 1..=3 {
            view.apply(&Arc::new(article(n)), true);
        }
        view.dirty = false;
        let mut edited = article(3);
        edited.revision = Revision(2);
        view.apply(&Arc::new(edited), false);
        assert_eq!(shown(&view), ["article 2"]);
        assert!(view.dirty && view.hungry);
    }

    #[test]
    fn a_window_that_is_not_full_holds_everything_and_is_never_hungry() {
        let mut view = view(5);
        view.apply(&Arc::new(article(1)), true);
        view.apply(&Arc::new(article(2)), true);
        view.forget(article(1).id);
        assert_eq!(shown(&view), ["article 2"]);
        assert!(!view.hungry);
    }

    #[test]
    fn repeats_and_older_revisions_change_nothing() {
        let mut view = view(2);
        let mut second = article(1);
        second.revision = Revision(2);
        second.content.title = "second".to_owned();
        view.apply(&Arc::new(second.clone()), true);
        view.dirty = false;
        view.apply(&Arc::new(article(1)), true);
        view.apply(&Arc::new(second), true);
        view.apply(&Arc::new(article(1)), false);
        assert_eq!(shown(&view), ["second"]);
        assert!(!view.dirty);
    }

    #[test]
    fn articles_behind_the_window_change_nothing() {
        let mut view = view(1);
        view.apply(&Arc::new(article(9)), true);
        view.dirty = false;
        view.apply(&Arc::new(article(1)), true);
        view.forget(article(1).id);
        assert!(!view.dirty && !view.hungry);
    }

    #[test]
    fn a_withdrawal_moves_the_time_of_the_last_change_and_a_return_shows_the_article_again() {
        let mut view = view(3);
        view.apply(&Arc::new(article(1)), true);
        view.apply(&Arc::new(article(2)), true);
        let before = view.changed().unwrap();
        let mut gone = article(1);
        gone.revision = Revision(2);
        gone.status = Status::Withdrawn;
        gone.updated = before.plus(Duration::from_secs(60));
        view.apply(&Arc::new(gone.clone()), true);
        assert_eq!(shown(&view), ["article 2"]);
        assert_eq!(view.changed(), Some(gone.updated));
        gone.revision = Revision(3);
        gone.status = Status::Live;
        view.apply(&Arc::new(gone), true);
        assert_eq!(shown(&view), ["article 2", "article 1"]);
    }

    #[test]
    fn shows_more_than_it_promises_while_that_is_recent() {
        // An hour lies between two articles.
        let feed = Feed { window: Duration::from_secs(4 * 3600), ..feed(2) };
        let mut view = View::new(Arc::new(feed));
        for n in [9, 3, 4, 5, 6] {
            view.apply(&Arc::new(article(n)), true);
        }
        assert_eq!(shown(&view), ["article 9", "article 6", "article 5"]);
        view.apply(&Arc::new(article(20)), true);
        assert_eq!(shown(&view), ["article 20", "article 9"], "the window moves with the newest article");
        assert!(!view.hungry);
        view.apply(&Arc::new(withdrawn(20)), true);
        assert!(view.hungry, "what stands behind the window now is known to the store");
    }

    fn withdrawn(n: i64) -> Article {
        Article { revision: Revision(2), status: Status::Withdrawn, ..article(n) }
    }

    /// The `n`th article, found a day late.
    fn late(n: i64) -> Arc<Article> {
        let article = article(n);
        Arc::new(Article { first_seen: article.first_seen.plus(Duration::from_secs(86_400)), ..article })
    }

    #[test]
    fn late_arrivals_are_shown_however_old_they_are() {
        let feed = Feed { window: Duration::from_secs(10 * 3600), ..feed(2) };
        let mut view = View::new(Arc::new(feed));
        for n in [100, 99] {
            view.apply(&Arc::new(article(n)), true);
            view.arrive(&Arc::new(article(n)));
        }
        for n in [1, 2, 1] {
            view.apply(&late(n), true);
            view.arrive(&late(n));
        }
        assert_eq!(shown(&view), ["article 100", "article 99", "article 2", "article 1"]);
        let edited = Article { revision: Revision(2), content: article(7).content, ..(*late(1)).clone() };
        view.apply(&Arc::new(edited), true);
        assert_eq!(shown(&view), ["article 100", "article 99", "article 2", "article 7"]);
        view.apply(&Arc::new(withdrawn(2)), true);
        assert_eq!(shown(&view), ["article 100", "article 99", "article 7"]);
        view.apply(&late(30), true);
        view.arrive(&late(30));
        assert_eq!(shown(&view), ["article 100", "article 99", "article 30"], "for the time of the window");
        view.forget(article(30).id);
        assert_eq!(shown(&view), ["article 100", "article 99"]);
    }

    proptest! {
        #[test]
        fn shows_the_same_whatever_the_order_of_arrival(
            order in Just((0..12).collect::<Vec<i64>>()).prop_shuffle(), items in 1usize..15, hours in 0u64..15
        ) {
            let window = Duration::from_secs(3600 * hours);
            let mut arrived = View::new(Arc::new(Feed { window, ..feed(items) }));
            for n in &order {
                arrived.apply(&Arc::new(article(*n)), true);
            }
            let n_shown = items.max(usize::try_from(hours).unwrap() + 1);
            let expected: Vec<_> = (0..12).rev().take(n_shown).map(|n| format!("article {n}")).collect();
            prop_assert_eq!(shown(&arrived), expected);
        }
    }
}
