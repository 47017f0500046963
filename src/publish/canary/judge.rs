//! What a hub delivers, and what that makes of it. Pure.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use url::Url;

use crate::{
    extract,
    model::{ArticleId, Canary, FeedId, Promptness, Timestamp},
};

/// A change that comes later than this is late: whoever polls every few minutes has seen it by then.
const PROMPT: Duration = Duration::from_secs(5 * 60);
/// A change that has not come after this is missing: readers that trust a hub poll about once an hour, or less.
const PATIENCE: Duration = Duration::from_secs(3600);
/// So many missing changes in a row, and the hub is not trusted any more; so many in time, and it is again.
pub(super) const IN_A_ROW: u64 = 3;
/// A hub that has not agreed to our subscription for this long is not trusted. What was decided holds this long, too:
/// each change of the hub that feeds name changes the bytes of all of them.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The watched feed is left for one that changed last when it has been quiet for so much longer than that one.
const QUIET: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most changes that are waited for: a hub that delivers nothing needs no longer list.
const MOST_WAITING: usize = 100;

/// What is expected of the hub. In memory only: what it pushed while we were not there is not its fault.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// What the topic shows; `None` before the first look.
    shown: Option<HashSet<ArticleId>>,
    /// Changes that the hub has not delivered yet, oldest first.
    pub(super) changes: Vec<Change>,
}

/// A change of the topic.
#[derive(Debug)]
pub(super) struct Change {
    /// When it became visible.
    pub(super) at: Timestamp,
    /// The articles that were not there before, as far as no push has shown them.
    new: BTreeSet<ArticleId>,
}

/// How a hub is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not agreed to our subscription yet.
    Asked,
    /// It has not agreed for a day.
    Unverified,
    /// It has agreed; nothing has changed since.
    Subscribed,
    /// The last change came in time.
    Delivering,
    /// The last change came late.
    Late,
    /// The last change did not come.
    Missing,
    /// The last three changes, or more, did not come.
    Silent,
}

impl State {
    /// What programs call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Unverified => "unverified",
            Self::Subscribed => "subscribed",
            Self::Delivering => "delivering",
            Self::Late => "late",
            Self::Missing => "missing",
            Self::Silent => "silent",
        }
    }
}

/// Which feed is watched: `current`, as long as everybody may read it and it is not quiet while others are not; else
/// the one that changed last. `feeds` are the public ones, and when each last changed.
pub(super) fn choose(
    current: Option<&FeedId>,
    feeds: impl Iterator<Item = (FeedId, Timestamp)>,
) -> Option<FeedId> {
    let (mut changed, mut newest) = (None, None::<(FeedId, Timestamp)>);
    for (id, at) in feeds {
        if current == Some(&id) {
            changed = Some(at);
        }
        // Of two that changed together the first by name: the same after every start.
        let before = |(known, last): &(FeedId, Timestamp)| (*last, &id) < (at, known);
        if newest.as_ref().is_none_or(before) {
            newest = Some((id, at));
        }
    }
    let (newest, last) = newest?;
    match (current, changed) {
        (Some(current), Some(changed)) if last.since(changed) <= QUIET => Some(current.clone()),
        _ => Some(newest),
    }
}

/// The articles that a pushed document shows, by the ids of its entries.
pub(super) fn shown_by(body: &[u8], content_type: Option<&str>, topic: &Url) -> HashSet<ArticleId> {
    let document = extract::Document { bytes: body, content_type, url: topic };
    let found = extract::extract(&document, extract::Kind::Feed, &extract::Rules::default());
    found.items.iter().filter_map(|item| item.id.as_deref()?.trim().parse().ok()).collect()
}

// === impl Expected ===

impl Expected {
    /// The topic shows `articles` since `at`. A change is that some are new: corrections and withdrawals are announced
    /// too, but hubs may send new entries only. `counts`: is the hub to deliver it?
    pub(super) fn show(&mut self, articles: HashSet<ArticleId>, at: Timestamp, counts: bool) {
        if let Some(before) = self.shown.as_ref().filter(|_| counts) {
            let new: BTreeSet<_> = articles.difference(before).copied().collect();
            if !new.is_empty() && self.changes.len() < MOST_WAITING {
                self.changes.push(Change { at, new });
            }
        }
        // What the topic does not show any more, nobody can deliver.
        for change in &mut self.changes {
            change.new.retain(|id| articles.contains(id));
        }
        self.changes.retain(|change| !change.new.is_empty());
        self.shown = Some(articles);
    }

    /// A push has shown `articles`: how each change that is complete with that came. Hubs may deliver several changes at
    /// once, and one in parts.
    pub(super) fn delivered(
        &mut self,
        articles: &HashSet<ArticleId>,
        now: Timestamp,
    ) -> Vec<(Promptness, Duration)> {
        let mut came = Vec::new();
        self.changes.retain_mut(|change| {
            change.new.retain(|id| !articles.contains(id));
            if change.new.is_empty() {
                let after = now.since(change.at);
                came.push((if after > PROMPT { Promptness::Late } else { Promptness::OnTime }, after));
            }
            !change.new.is_empty()
        });
        came
    }

    /// Gives up what has not come for too long: how many changes.
    pub(super) fn give_up(&mut self, now: Timestamp) -> usize {
        let before = self.changes.len();
        self.changes.retain(|change| change.at.plus(PATIENCE) > now);
        before - self.changes.len()
    }

    /// When the next change is given up.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.changes.first().map(|change| change.at.plus(PATIENCE))
    }
}

/// Writes down what became of a change.
pub(super) fn count(canary: &mut Canary, became: Promptness) {
    *match became {
        Promptness::OnTime => &mut canary.on_time,
        Promptness::Late => &mut canary.late,
        Promptness::Missing => &mut canary.missing,
    } += 1;
    canary.in_row = if canary.last == Some(became) { canary.in_row + 1 } else { 1 };
    canary.last = Some(became);
}

/// How the hub is.
pub(super) fn state(canary: &Canary, now: Timestamp) -> State {
    match (canary.unagreed, canary.last) {
        (Some(since), _) if since.plus(DAY) <= now => State::Unverified,
        (Some(_), _) => State::Asked,
        (None, None) => State::Subscribed,
        (None, Some(Promptness::OnTime)) => State::Delivering,
        (None, Some(Promptness::Late)) => State::Late,
        (None, Some(Promptness::Missing)) if canary.in_row < IN_A_ROW => State::Missing,
        (None, Some(Promptness::Missing)) => State::Silent,
    }
}

/// Takes in what is agreed now, and decides whether the hub is trusted.
pub(super) fn decide(canary: &mut Canary, now: Timestamp) {
    let is_agreed = canary.lease.as_ref().is_some_and(|lease| lease.until.is_some());
    canary.unagreed = if is_agreed { None } else { canary.unagreed.or(Some(now)) };
    let state = state(canary, now);
    match canary.distrusted {
        None if matches!(state, State::Unverified | State::Silent) => canary.distrusted = Some(now),
        Some(since) if state == State::Delivering && canary.in_row >= IN_A_ROW && since.plus(DAY) <= now => {
            canary.distrusted = None;
        }
        _ => {}
    }
}

/// When time alone may change the decision.
pub(super) fn next(canary: &Canary, now: Timestamp) -> Option<Timestamp> {
    let both = [canary.unagreed, canary.distrusted];
    both.into_iter().flatten().map(|since| since.plus(DAY)).filter(|at| *at > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::IdentityKey, store::conformance::samples};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn ids(numbers: &[u32]) -> HashSet<ArticleId> {
        let id = |n: &u32| ArticleId::mint(&samples::source(), &IdentityKey::Item(n.to_string()));
        numbers.iter().map(id).collect()
    }

    /// A topic that shows 1 and 2, of a hub that has agreed.
    fn expected() -> Expected {
        let mut expected = Expected::default();
        expected.show(ids(&[1, 2]), at(0), true);
        assert!(expected.changes.is_empty(), "what was there is no change");
        expected
    }

    #[test]
    fn a_change_is_delivered_when_all_of_its_articles_were_shown() {
        let mut expected = expected();
        expected.show(ids(&[2, 3, 4]), at(10), true);
        assert_eq!(expected.delivered(&ids(&[1, 2]), at(11)), [], "an old version");
        assert_eq!(expected.delivered(&ids(&[]), at(11)), [], "nothing that is a feed");
        assert_eq!(expected.delivered(&ids(&[3]), at(12)), [], "a part");
        expected.show(ids(&[2, 3, 4, 5]), at(200), true);
        let first = (Promptness::Late, Duration::from_secs(301));
        let second = (Promptness::OnTime, Duration::from_secs(111));
        assert_eq!(expected.delivered(&ids(&[4, 5]), at(311)), [first, second], "both at once");
        assert_eq!(expected.delivered(&ids(&[4, 5]), at(312)), [], "once");
    }

    #[test]
    fn only_new_articles_are_waited_for_and_only_while_the_topic_shows_them() {
        let mut expected = expected();
        expected.show(ids(&[2]), at(10), true);
        expected.show(ids(&[2]), at(11), true);
        assert!(expected.changes.is_empty(), "a withdrawal, a correction");
        expected.show(ids(&[2, 3]), at(12), false);
        assert!(expected.changes.is_empty(), "the hub had not agreed");
        expected.show(ids(&[2, 3, 4, 5]), at(13), true);
        expected.show(ids(&[2, 3, 5]), at(14), true);
        assert_eq!(expected.delivered(&ids(&[5]), at(15)).len(), 1, "4 is gone");
        expected.show(ids(&[6]), at(16), true);
        expected.show(ids(&[5]), at(17), true);
        assert!(expected.changes.len() == 1 && expected.give_up(at(99_999)) == 1, "5 came back, 6 is gone");
    }

    #[test]
    fn what_has_not_come_after_an_hour_is_given_up() {
        let mut expected = expected();
        expected.show(ids(&[3]), at(10), true);
        expected.show(ids(&[3, 4]), at(20), true);
        assert_eq!((expected.give_up(at(3609)), expected.next()), (0, Some(at(3610))));
        assert_eq!((expected.give_up(at(3610)), expected.next()), (1, Some(at(3620))));
        assert_eq!(expected.delivered(&ids(&[3, 4]), at(3611)).len(), 1);
        assert_eq!(expected.next(), None);
    }

    #[test]
    fn the_feed_that_changes_is_watched_and_not_left_for_little() {
        let check = |current: Option<&str>, feeds: &[(&str, i64)], expected: Option<&str>| {
            let current = current.map(|id| id.parse().unwrap());
            let feeds = feeds.iter().map(|(id, days)| (id.parse().unwrap(), at(days * 86_400)));
            let chosen = choose(current.as_ref(), feeds);
            assert_eq!(chosen.as_ref().map(FeedId::as_str), expected);
        };
        check(None, &[], None);
        check(None, &[("a", 5), ("b", 9), ("c", 7)], Some("b"));
        check(None, &[("b", 9), ("a", 9)], Some("a"));
        check(Some("a"), &[("a", 5), ("b", 12)], Some("a"));
        check(Some("a"), &[("a", 5), ("b", 13)], Some("b"));
        check(Some("gone"), &[("a", 5), ("b", 6)], Some("b"));
    }

    fn canary() -> Canary {
        let agreed = samples::canary("quan1");
        Canary { lease: agreed.lease, ..Canary::new(agreed.hub, agreed.feed, at(0)) }
    }

    #[test]
    fn three_missing_changes_in_a_row_cost_trust_and_three_in_time_win_it_back_after_a_day() {
        use Promptness::{Late, Missing, OnTime};
        let mut canary = canary();
        let mut step = |became: &[Promptness], second: i64, is_trusted: bool, expected: State| {
            became.iter().for_each(|became| count(&mut canary, *became));
            decide(&mut canary, at(second));
            assert_eq!((canary.distrusted.is_none(), state(&canary, at(second))), (is_trusted, expected));
        };
        step(&[], 0, true, State::Subscribed);
        step(&[OnTime, Missing, Missing, Late], 1, true, State::Late);
        step(&[Missing, Missing], 2, true, State::Missing);
        step(&[Missing], 3, false, State::Silent);
        step(&[OnTime, OnTime, OnTime], 4, false, State::Delivering);
        step(&[Late], 86_402, false, State::Late);
        step(&[OnTime, OnTime], 86_403, false, State::Delivering);
        step(&[OnTime], 86_403, true, State::Delivering);
        assert_eq!((canary.on_time, canary.late, canary.missing), (7, 2, 5));
    }

    #[test]
    fn a_hub_that_does_not_agree_for_a_day_is_not_trusted() {
        let mut canary = Canary { lease: None, ..canary() };
        decide(&mut canary, at(86_399));
        assert_eq!((canary.distrusted, next(&canary, at(86_399))), (None, Some(at(86_400))));
        assert_eq!(state(&canary, at(0)), State::Asked);
        decide(&mut canary, at(86_400));
        assert_eq!((canary.distrusted, state(&canary, at(86_400))), (Some(at(86_400)), State::Unverified));
        canary.lease = self::canary().lease;
        decide(&mut canary, at(86_500));
        assert_eq!((canary.unagreed, canary.distrusted), (None, Some(at(86_400))), "it has to deliver first");
        canary.lease = None;
        decide(&mut canary, at(86_600));
        assert_eq!((canary.unagreed, state(&canary, at(86_600))), (Some(at(86_600)), State::Asked));
    }

    #[test]
    fn ids_are_read_from_any_format_and_nothing_from_garbage() {
        let id = ids(&[1]).into_iter().next().unwrap();
        let topic: Url = "https://tin.example.vn/feeds/quan1.atom".parse().unwrap();
        let check = |body: &str, n: usize| {
            assert_eq!(shown_by(body.as_bytes(), None, &topic).len(), n, "{body}");
        };
        check(&format!("<feed xmlns='http://www.w3.org/2005/Atom'><entry><id> {id} </id></entry></feed>"), 1);
        check(&format!("<rss version='2.0'><channel><item><guid>{id}</guid></item></channel></rss>"), 1);
        check(&format!(r#"{{"version":"https://jsonfeed.org/version/1.1","items":[{{"id":"{id}"}}]}}"#), 1);
        check("<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>urn:x</id></entry></feed>", 0);
        check(&format!("<html><body>{id}</body></html>"), 0);
        check(&format!("{id}"), 0);
        check("", 0);
    }
}
