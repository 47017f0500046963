//! One feed's window: the newest articles that match, kept right while articles come, change and go.
//!
//! Pure: what it cannot know from what it holds (what stands behind the window) it asks for with
//! [`View::hungry`], and the follower reads it from the store.

use std::{cmp::Reverse, sync::Arc};

use super::Feed;
use crate::{
    model::{Article, ArticleId, SourceId, Status, Timestamp},
    store::Place,
};

/// The newest `feed.items` articles that match, in
/// the store's own order.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Which feed.
    pub(super) feed: Arc<Feed>,
    /// True when it shows something else than what was rendered last.
    pub(super) dirty: bool,
    /// True when something left a full window: what comes after the last article is known to the store only.
    pub(super) hungry: bool,
    articles: Vec<Arc<Article>>,
    /// Withdrawn articles whose place lies in the window, with when that happened.
    gone: Vec<(Place, Timestamp)>,
}

impl View {
    /// An empty window on `feed`.
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        Self { feed, dirty: true, hungry: false, articles: Vec::new(), gone: Vec::new() }
    }

    /// What it shows, newest first.
    pub(super) fn articles(&self) -> &[Arc<Article>] {
        &self.articles
    }

    /// Does the feed read this source?
    pub(super) fn reads(&self, source: &SourceId) -> bool {
        self.feed.sources.contains(source)
    }

    /// When what it shows last changed, as far as articles tell: derived from them alone, so that a restart
    /// finds the same instant. `None` for a window that never showed anything.
    pub(super) fn changed(&self) -> Option<Timestamp> {
        let shown = self.articles.iter().map(|article| article.updated.max(article.first_seen));
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
        !self.is_full() || self.articles.last().is_some_and(|last| Place::from(&**last) < *place)
    }

    /// Takes note of an article's state. `wanted` says whether it is one of this feed's sources and passes
    /// its filter. Safe to repeat, and older revisions than the one shown change nothing.
    pub(super) fn apply(&mut self, article: &Arc<Article>, wanted: bool) {
        let shown = self.articles.iter().position(|other| other.id == article.id);
        if shown.is_some_and(|at| self.articles.get(at).is_some_and(|old| old.revision > article.revision)) {
            return;
        }
        let live = article.status == Status::Live;
        if wanted && !live {
            self.remember_gone(article);
        }
        match (shown, wanted && live) {
            (Some(at), true) => self.replace(at, article),
            (Some(at), false) => self.take_out(at),
            (None, true) => self.insert(article),
            (None, false) => {}
        }
    }

    /// Takes out an article that the store does not have any more.
    pub(super) fn forget(&mut self, id: ArticleId) {
        if let Some(at) = self.articles.iter().position(|article| article.id == id) {
            self.take_out(at);
        }
    }

    fn insert(&mut self, article: &Arc<Article>) {
        let place = Place::from(&**article);
        self.gone.retain(|(other, _)| other.id != article.id);
        let at = self.articles.partition_point(|other| Place::from(&**other) > place);
        if at >= self.limit() {
            return;
        }
        self.articles.insert(at, Arc::clone(article));
        self.articles.truncate(self.limit());
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
        self.hungry |= self.is_full();
        self.articles.remove(at);
        self.dirty = true;
    }

    fn remember_gone(&mut self, article: &Arc<Article>) {
        let entry = (Place::from(&**article), article.updated.max(article.first_seen));
        self.gone.retain(|(place, _)| place.id != article.id);
        if self.reaches(&entry.0) {
            self.gone.push(entry);
            self.gone.sort_by_key(|(place, _)| Reverse(*place));
            self.gone.truncate(self.limit());
        }
    }

    /// Does `place` lie in the window?
    fn reaches(&self, place: &Place) -> bool {
        !self.is_full() || self.articles.last().is_some_and(|last| *place >= Place::from(&**last))
    }

    fn is_full(&self) -> bool {
        self.articles.len() >= self.limit()
    }

    fn limit(&self) -> usize {
        self.feed.items.max(1)
    }
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
        gone.updated = before.plus(std::time::Duration::from_secs(60));
        view.apply(&Arc::new(gone.clone()), true);
        assert_eq!(shown(&view), ["article 2"]);
        assert_eq!(view.changed(), Some(gone.updated));
        gone.revision = Revision(3);
        gone.status = Status::Live;
        view.apply(&Arc::new(gone), true);
        assert_eq!(shown(&view), ["article 2", "article 1"]);
    }

    proptest! {
        #[test]
        fn shows_the_same_whatever_the_order_of_arrival(
            order in Just((0..12).collect::<Vec<i64>>()).prop_shuffle(), items in 1usize..15
        ) {
            let mut arrived = view(items);
            for n in &order {
                arrived.apply(&Arc::new(article(*n)), true);
            }
            let expected: Vec<_> = (0..12).rev().take(items).map(|n| format!("article {n}")).collect();
            prop_assert_eq!(shown(&arrived), expected);
        }
    }
}
