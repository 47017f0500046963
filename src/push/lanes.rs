//! Who is asked next: one lane per endpoint, one attempt in each, places shared fairly. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::{SubscriptionId, Timestamp};

/// The lanes of all endpoints that have something waiting.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Ready to be looked at, in the order in which they came; the failing ones apart.
    healthy: VecDeque<SubscriptionId>,
    failing: VecDeque<SubscriptionId>,
    /// The members of both, so that nobody stands in line twice.
    ready: BTreeSet<SubscriptionId>,
    running: BTreeMap<SubscriptionId, Running>,
    sleeping: BTreeMap<SubscriptionId, Timestamp>,
}

#[derive(Debug)]
struct Running {
    failing: bool,
    /// Something came for it meanwhile: look again.
    again: bool,
}

/// What a look at a lane found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// An attempt was made: there may be more.
    Tried,
    /// Nothing before this instant.
    Until(Timestamp),
    /// Nothing at all, until somebody says so.
    Nothing,
}

impl Lanes {
    /// Puts an endpoint in line.
    pub(super) fn touch(&mut self, id: &SubscriptionId, failing: bool) {
        if let Some(running) = self.running.get_mut(id) {
            running.again = true;
            return;
        }
        self.sleeping.remove(id);
        if self.ready.insert(id.clone()) {
            let line = if failing { &mut self.failing } else { &mut self.healthy };
            line.push_back(id.clone());
        }
    }

    /// The endpoints whose time has come; the caller puts them in line.
    pub(super) fn awake(&self, now: Timestamp) -> Vec<SubscriptionId> {
        self.sleeping.iter().filter(|(_, until)| **until <= now).map(|(id, _)| id.clone()).collect()
    }

    /// When the next one wakes up.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.sleeping.values().min().copied()
    }

    /// The next endpoint to be looked at, when there is a place for it. Failing endpoints, which keep theirs
    /// until the timeout, get at most half of the places, so that the others always find one; and one place
    /// before the others, so that a long backlog does not keep them from recovering.
    pub(super) fn next(&mut self, places: usize) -> Option<SubscriptionId> {
        let places = places.max(1);
        if self.running.len() >= places {
            return None;
        }
        let stuck = self.running.values().filter(|running| running.failing).count();
        let failing = match (self.healthy.is_empty(), self.failing.is_empty()) {
            (_, true) => false,
            (true, false) => stuck < (places / 2).max(1),
            (false, false) => stuck == 0 && places > 1,
        };
        let line = if failing { &mut self.failing } else { &mut self.healthy };
        let id = line.pop_front()?;
        self.ready.remove(&id);
        self.running.insert(id.clone(), Running { failing, again: false });
        Some(id)
    }

    /// A look is over.
    pub(super) fn finished(&mut self, id: &SubscriptionId, visit: Visit, failing: bool) {
        let again = self.running.remove(id).is_some_and(|running| running.again);
        match visit {
            _ if again => self.touch(id, failing),
            Visit::Tried => self.touch(id, failing),
            Visit::Until(until) => {
                self.sleeping.insert(id.clone(), until);
            }
            Visit::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> SubscriptionId {
        name.parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    #[test]
    fn everybody_gets_a_turn_and_nobody_two_at_once() {
        let mut lanes = Lanes::default();
        for name in ["a", "b", "a"] {
            lanes.touch(&id(name), false);
        }
        assert_eq!(lanes.next(9), Some(id("a")));
        lanes.touch(&id("a"), false);
        assert_eq!(lanes.next(9), Some(id("b")));
        assert_eq!(lanes.next(9), None);
        lanes.finished(&id("a"), Visit::Nothing, false);
        assert_eq!(lanes.next(9), Some(id("a")), "it was touched while it ran");
        lanes.finished(&id("a"), Visit::Tried, false);
        lanes.finished(&id("b"), Visit::Nothing, false);
        assert_eq!(lanes.next(9), Some(id("a")), "an attempt means there may be more");
        assert_eq!(lanes.next(9), None);
    }

    #[test]
    fn failing_endpoints_leave_half_of_the_places_to_the_others() {
        let mut lanes = Lanes::default();
        for n in 0..5 {
            lanes.touch(&id(&format!("bad{n}")), true);
        }
        assert_eq!((lanes.next(4), lanes.next(4)), (Some(id("bad0")), Some(id("bad1"))));
        assert_eq!(lanes.next(4), None);
        lanes.touch(&id("good"), false);
        assert_eq!(lanes.next(4), Some(id("good")));
        lanes.finished(&id("bad0"), Visit::Nothing, true);
        assert_eq!(lanes.next(4), Some(id("bad2")));

        let mut busy = Lanes::default();
        for (name, failing) in [("good1", false), ("good2", false), ("bad1", true), ("bad2", true)] {
            busy.touch(&id(name), failing);
        }
        let order: Vec<_> = std::iter::from_fn(|| busy.next(3)).collect();
        assert_eq!(
            order,
            [id("bad1"), id("good1"), id("good2")],
            "a failing one gets a place in a crowd too"
        );

        let mut single = Lanes::default();
        single.touch(&id("bad"), true);
        assert_eq!(single.next(1), Some(id("bad")), "a single place serves the failing too");
        assert_eq!(Lanes::default().next(0), None);
    }

    #[test]
    fn sleepers_wait_for_their_time_or_for_news() {
        let mut lanes = Lanes::default();
        for (name, until) in [("a", 30), ("b", 20)] {
            lanes.touch(&id(name), false);
            let next = lanes.next(9).unwrap();
            lanes.finished(&next, Visit::Until(at(until)), false);
        }
        assert_eq!(lanes.earliest(), Some(at(20)));
        assert_eq!(lanes.awake(at(19)), []);
        assert_eq!(lanes.awake(at(20)), [id("b")]);
        lanes.touch(&id("a"), false);
        assert_eq!(lanes.next(9), Some(id("a")));
        assert_eq!(lanes.earliest(), Some(at(20)));
    }
}
