//! Who is asked next: one lane per endpoint, one attempt in each, places shared fairly. Pure.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::Hash,
    time::Duration,
};

use crate::model::{SubscriptionId, Timestamp};

/// An attempt that takes longer gives its place away: many that hang shall not keep the others waiting.
const SLOW: Duration = Duration::from_millis(500);
/// Attempts that may go on without a place.
pub(super) const MAX_SLOW: usize = 1_000;
/// Fewer hosts are not worth being looked through for those that can be forgotten.
const KNOWN_HOSTS: usize = 1_000;
/// A clock that goes back by less is only being trimmed.
const STEP: Duration = Duration::from_secs(1);
/// How much of its rate a host may take at once after a rest.
const BURST: Duration = Duration::from_secs(1);
/// Between two attempts at one host, at the lowest rate.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// How many attempts there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Over all endpoints, those that are slow not counted.
    pub(super) all: usize,
    /// At one host, the slow ones too.
    pub(super) per_host: usize,
    /// How many may begin at one host in a second.
    pub(super) per_second: u32,
}

/// The lanes of all endpoints that have something waiting.
#[derive(Debug)]
pub(super) struct Lanes {
    /// Ready to be looked at, in the order in which they came; the failing ones apart.
    healthy: VecDeque<Lane>,
    failing: VecDeque<Lane>,
    /// The members of both, and of those who wait for their host, so that nobody stands in line twice.
    ready: HashSet<SubscriptionId>,
    running: HashMap<SubscriptionId, Running>,
    /// Of those running: who keeps a place, and since when; and how many of them fail.
    places: Timed<SubscriptionId>,
    n_failing: usize,
    n_slow: usize,
    sleeping: Timed<SubscriptionId>,
    /// The time when it was last asked who is awake.
    latest: Timestamp,
    hosts: HashMap<Box<str>, Host>,
    /// So many are looked through for those that can be forgotten.
    many_hosts: usize,
    /// Hosts that have had their share of the second.
    resting: Timed<Box<str>>,
}

/// One endpoint in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    /// Whose.
    pub(super) id: SubscriptionId,
    /// Where it stands; empty for nowhere that has limits.
    pub(super) host: Box<str>,
    /// Did its last attempt fail?
    pub(super) failing: bool,
    /// Has it waited for its host?
    has_waited: bool,
}

#[derive(Debug)]
struct Running {
    host: Box<str>,
    failing: bool,
    /// What it keeps from others.
    keeps: Keeps,
    /// Something came for it meanwhile: look again.
    again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// A place.
    Place,
    /// One of its host only: it has taken too long.
    Host,
    /// Nothing: it was heard, and what it said is being written down.
    Nothing,
}

#[derive(Debug, Default)]
struct Host {
    running: usize,
    waiting: VecDeque<Lane>,
    /// From when on the next attempt may begin; after a rest that lies in the past, at most by a burst.
    free: Option<Timestamp>,
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

impl Lane {
    pub(super) fn new(id: SubscriptionId, host: &str, failing: bool) -> Self {
        Self { id, host: host.into(), failing, has_waited: false }
    }
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            healthy: VecDeque::new(),
            failing: VecDeque::new(),
            ready: HashSet::new(),
            running: HashMap::new(),
            places: Timed::default(),
            n_failing: 0,
            n_slow: 0,
            sleeping: Timed::default(),
            latest: Timestamp::from_second(0),
            hosts: HashMap::new(),
            many_hosts: 0,
            resting: Timed::default(),
        }
    }
}

// === impl Lanes ===

impl Lanes {
    /// Puts an endpoint in line.
    pub(super) fn touch(&mut self, lane: Lane) {
        if let Some(running) = self.running.get_mut(&lane.id) {
            running.again = true;
            return;
        }
        self.sleeping.remove(&lane.id);
        if self.ready.insert(lane.id.clone()) {
            self.line_up(lane);
        }
    }

    fn line_up(&mut self, lane: Lane) {
        let line = if lane.failing { &mut self.failing } else { &mut self.healthy };
        line.push_back(lane);
    }

    /// The endpoints whose time has come; the caller puts them in line. Attempts that have become slow give their
    /// places away, and hosts that have rested may be asked again.
    pub(super) fn awake(&mut self, now: Timestamp) -> Vec<SubscriptionId> {
        // Whoever sleeps until a time of the clock that was wrong is looked at: it may be due.
        let was_set_back = now.plus(STEP) < self.latest;
        self.latest = now;
        if was_set_back {
            let mut all = self.sleeping.due(Timestamp::MAX);
            all.extend(self.awake(now));
            return all;
        }
        for host in self.resting.due(now) {
            self.let_in(&host);
        }
        if self.hosts.len() > self.many_hosts.max(KNOWN_HOSTS) {
            self.forget_hosts(now);
        }
        for id in self.places.due(now) {
            if let Some(running) = self.running.get_mut(&id) {
                running.keeps = Keeps::Host;
                self.n_slow += 1;
                self.n_failing -= usize::from(running.failing);
            }
        }
        self.sleeping.due(now)
    }

    /// When there is something for [`Lanes::awake`] next.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        [self.sleeping.earliest(), self.places.earliest(), self.resting.earliest()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next endpoint to be looked at, when there is a place for it. Failing endpoints get at most half of the
    /// places, so that the others always find one; and one place before the others, so that a long backlog does not
    /// keep them from recovering.
    pub(super) fn next(&mut self, places: Places, now: Timestamp) -> Option<SubscriptionId> {
        let all = places.all.max(1);
        loop {
            if self.places.len() + self.n_slow.saturating_sub(MAX_SLOW) >= all {
                return None;
            }
            let failing = match (self.healthy.is_empty(), self.failing.is_empty()) {
                (_, true) => false,
                (true, false) => self.n_failing < (all / 2).max(1),
                (false, false) => self.n_failing == 0 && all > 1,
            };
            let line = if failing { &mut self.failing } else { &mut self.healthy };
            let lane = line.pop_front()?;
            if let Some(lane) = self.begin(lane, places, now) {
                return Some(lane);
            }
        }
    }

    /// Gives an endpoint its place, unless its host is busy: then it waits for that.
    fn begin(&mut self, lane: Lane, places: Places, now: Timestamp) -> Option<SubscriptionId> {
        let name = lane.host.clone();
        if !name.is_empty() {
            let host = self.hosts.entry(name.clone()).or_default();
            let free = host.free(now);
            if host.running >= places.per_host.max(1) || free > now {
                // Whoever has waited before keeps its turn.
                if lane.has_waited {
                    host.waiting.push_front(lane);
                } else {
                    host.waiting.push_back(Lane { has_waited: true, ..lane });
                }
                // Where others are under way, their ends let somebody in.
                if free > now {
                    self.resting.insert(name, free);
                }
                return None;
            }
            host.running += 1;
            host.free = Some(free.max(now.minus(BURST)).plus(gap(places.per_second)));
        }
        let Lane { id, host, failing, .. } = lane;
        self.ready.remove(&id);
        self.places.insert(id.clone(), now.plus(SLOW));
        self.n_failing += usize::from(failing);
        self.running.insert(id.clone(), Running { host, failing, keeps: Keeps::Place, again: false });
        self.let_in(&name);
        Some(id)
    }

    /// An attempt is over; what came of it is still to be written down.
    pub(super) fn heard(&mut self, id: &SubscriptionId) {
        let Some(running) = self.running.get_mut(id) else { return };
        match std::mem::replace(&mut running.keeps, Keeps::Nothing) {
            Keeps::Place => {
                self.places.remove(id);
                self.n_failing -= usize::from(running.failing);
            }
            Keeps::Host => self.n_slow -= 1,
            Keeps::Nothing => return,
        }
        let host = running.host.clone();
        if let Some(known) = self.hosts.get_mut(&host) {
            known.running -= 1;
        }
        self.let_in(&host);
    }

    /// Lets the first that waits for a host stand in line again; those behind it follow when it has begun.
    fn let_in(&mut self, host: &str) {
        if let Some(lane) = self.hosts.get_mut(host).and_then(|host| host.waiting.pop_front()) {
            self.line_up(lane);
        }
    }

    /// Forgets hosts that nobody waits for and that are as rested as new ones.
    fn forget_hosts(&mut self, now: Timestamp) {
        self.hosts.retain(|_, host| {
            host.running > 0 || !host.waiting.is_empty() || host.free(now) > now.minus(BURST)
        });
        self.many_hosts = 2 * self.hosts.len();
    }

    /// A look is over.
    pub(super) fn finished(&mut self, visit: Visit, lane: Lane) {
        self.heard(&lane.id);
        let again = self.running.remove(&lane.id).is_some_and(|running| running.again);
        match visit {
            _ if again => self.touch(lane),
            Visit::Tried => self.touch(lane),
            Visit::Until(until) => self.sleeping.insert(lane.id, until),
            Visit::Nothing => {}
        }
    }
}

impl Host {
    /// From when on the next attempt may begin.
    fn free(&self, now: Timestamp) -> Timestamp {
        // Later than any attempt puts it: the clock was set back.
        self.free.filter(|free| *free <= now.plus(LONGEST_GAP)).unwrap_or(now.minus(BURST))
    }
}

/// The time between two attempts that come evenly.
fn gap(per_second: u32) -> Duration {
    LONGEST_GAP / per_second.max(1)
}

/// Keys by a time of their own.
#[derive(Debug)]
struct Timed<K> {
    times: HashMap<K, Timestamp>,
    order: BTreeSet<(Timestamp, K)>,
}

impl<K: Clone + Ord + Hash> Timed<K> {
    fn insert(&mut self, key: K, at: Timestamp) {
        self.remove(&key);
        self.times.insert(key.clone(), at);
        self.order.insert((at, key));
    }

    fn remove(&mut self, key: &K) {
        if let Some((key, at)) = self.times.remove_entry(key) {
            self.order.remove(&(at, key));
        }
    }

    /// Takes out those whose time has come.
    fn due(&mut self, now: Timestamp) -> Vec<K> {
        let mut due = Vec::new();
        while self.earliest().is_some_and(|at| at <= now) {
            if let Some((_, key)) = self.order.pop_first() {
                self.times.remove(&key);
                due.push(key);
            }
        }
        due
    }

    fn earliest(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    fn len(&self) -> usize {
        self.times.len()
    }
}

impl<K> Default for Timed<K> {
    fn default() -> Self {
        Self { times: HashMap::new(), order: BTreeSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_000;

    /// Lanes, the time, and how they are asked.
    struct World {
        lanes: Lanes,
        now: Timestamp,
        places: Places,
    }

    impl World {
        fn new(all: usize, per_host: usize, per_second: u32) -> Self {
            let places = Places { all, per_host, per_second };
            Self { lanes: Lanes::default(), now: Timestamp::from_second(START), places }
        }

        fn touch(&mut self, name: &str) {
            self.lanes.touch(lane(name));
        }

        fn touch_all(&mut self, names: &[&str]) {
            names.iter().for_each(|name| self.touch(name));
        }

        fn next(&mut self) -> Option<String> {
            self.lanes.next(self.places, self.now).map(|id| id.to_string())
        }

        fn all(&mut self) -> Vec<String> {
            std::iter::from_fn(|| self.next()).collect()
        }

        fn finish(&mut self, name: &str, visit: Visit) {
            self.lanes.finished(visit, lane(name));
        }

        /// Moves the clock; who wakes up is put in line.
        fn pass(&mut self, millis: u64) {
            self.now = self.now.plus(Duration::from_millis(millis));
            for id in self.lanes.awake(self.now) {
                self.touch(id.as_str());
            }
        }
    }

    /// `bad…` fails; what stands before an underscore is the host.
    fn lane(name: &str) -> Lane {
        let host = name.split_once('_').map_or("", |(host, _)| host);
        Lane::new(name.parse().unwrap(), host, name.contains("bad"))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    #[test]
    fn everybody_gets_a_turn_and_nobody_two_at_once() {
        let mut world = World::new(9, 9, 1_000);
        for name in ["a", "b", "a"] {
            world.touch(name);
        }
        assert_eq!(world.next().unwrap(), "a");
        world.touch("a");
        assert_eq!(world.all(), ["b"]);
        world.finish("a", Visit::Nothing);
        assert_eq!(world.all(), ["a"], "it was touched while it ran");
        world.finish("a", Visit::Tried);
        world.finish("b", Visit::Nothing);
        assert_eq!(world.all(), ["a"], "an attempt means there may be more");
    }

    #[test]
    fn failing_endpoints_leave_half_of_the_places_to_the_others() {
        let mut world = World::new(4, 9, 1_000);
        (0..5).for_each(|n| world.touch(&format!("bad{n}")));
        assert_eq!(world.all(), ["bad0", "bad1"]);
        world.touch("good");
        assert_eq!(world.next().unwrap(), "good");
        world.finish("bad0", Visit::Nothing);
        assert_eq!(world.all(), ["bad2"]);

        let mut busy = World::new(3, 9, 1_000);
        busy.touch_all(&["good1", "good2", "bad1", "bad2"]);
        assert_eq!(busy.all(), ["bad1", "good1", "good2"], "a failing one gets a place in a crowd too");

        let mut single = World::new(1, 9, 1_000);
        single.touch("bad");
        assert_eq!(single.next().unwrap(), "bad", "a single place serves the failing too");
        assert_eq!(World::new(0, 9, 1_000).next(), None);
    }

    #[test]
    fn sleepers_wait_for_their_time_or_for_news() {
        let mut world = World::new(9, 9, 1_000);
        for (name, until) in [("a", START + 30), ("b", START + 20)] {
            world.touch(name);
            assert_eq!(world.all(), [name]);
            world.finish(name, Visit::Until(at(until)));
        }
        assert_eq!(world.lanes.earliest(), Some(at(START + 20)));
        world.pass(19_999);
        assert_eq!(world.next(), None);
        world.pass(1);
        assert_eq!(world.all(), ["b"]);
        world.touch("a");
        assert_eq!(world.all(), ["a"]);
        world.finish("a", Visit::Nothing);
        world.finish("b", Visit::Nothing);
        assert_eq!(world.lanes.earliest(), None);
    }

    #[test]
    fn an_attempt_that_takes_long_gives_its_place_away_once() {
        let mut world = World::new(2, 9, 1_000);
        world.touch_all(&["a", "b", "c", "d"]);
        assert_eq!(world.all(), ["a", "b"]);
        world.pass(499);
        assert_eq!(world.next(), None);
        world.pass(1);
        assert_eq!(world.all(), ["c", "d"]);
        world.finish("a", Visit::Nothing);
        world.touch("e");
        assert_eq!(world.next(), None, "its place was given away already");
        world.finish("c", Visit::Nothing);
        assert_eq!(world.all(), ["e"]);
    }

    #[test]
    fn only_so_many_attempts_go_on_without_a_place() {
        let mut world = World::new(10, 9, 1_000);
        (0..2_000).for_each(|n| world.touch(&format!("n{n}")));
        let mut begun = 0;
        while world.lanes.n_slow < MAX_SLOW {
            begun += world.all().len();
            world.pass(1_000);
        }
        begun += world.all().len();
        world.pass(1_000);
        assert_eq!((begun, world.all().len()), (MAX_SLOW + 10, 0));
        world.finish("n0", Visit::Nothing);
        assert_eq!(world.all().len(), 1);
    }

    #[test]
    fn what_is_written_down_keeps_no_place_but_its_lane() {
        let mut world = World::new(1, 9, 1_000);
        world.touch_all(&["a", "b"]);
        assert_eq!(world.all(), ["a"]);
        world.lanes.heard(&"a".parse().unwrap());
        world.lanes.heard(&"a".parse().unwrap());
        world.touch("a");
        assert_eq!(world.all(), ["b"], "one attempt in each lane");
        world.finish("b", Visit::Nothing);
        world.finish("a", Visit::Nothing);
        assert_eq!(world.all(), ["a"]);
    }

    #[test]
    fn a_host_is_asked_by_so_many_at_once_and_the_others_do_not_wait_for_it() {
        let mut world = World::new(5, 2, 1_000);
        world.touch_all(&["x_1", "x_2", "x_3", "x_4", "y_1"]);
        assert_eq!(world.all(), ["x_1", "x_2", "y_1"]);
        world.pass(5_000);
        assert_eq!(world.next(), None, "slow ones count for their host");
        world.finish("x_2", Visit::Nothing);
        assert_eq!(world.all(), ["x_3"]);
        world.touch("x_2");
        assert_eq!(world.next(), None);
        world.lanes.heard(&"x_1".parse().unwrap());
        assert_eq!(world.all(), ["x_4"]);
        for name in ["x_1", "x_3"] {
            world.finish(name, Visit::Nothing);
        }
        assert_eq!(world.all(), ["x_2"]);
    }

    #[test]
    fn attempts_at_a_host_begin_at_its_rate_in_the_order_in_which_they_came() {
        let mut world = World::new(99, 99, 2);
        let names: Vec<_> = (1..=6).map(|n| format!("x_{n}")).collect();
        names.iter().for_each(|name| world.touch(name));
        assert_eq!(world.all(), names[..3], "a burst after a rest");
        for name in &names[3..] {
            assert_eq!(world.next(), None);
            assert_eq!(world.lanes.earliest(), Some(world.now.plus(Duration::from_millis(500))));
            world.pass(500);
            assert_eq!(world.all(), [name.as_str()]);
        }
        for name in &names {
            world.finish(name, Visit::Nothing);
        }
        names.iter().for_each(|name| world.touch(name));
        assert_eq!(world.next(), None, "what has ended counts");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_a_host() {
        let mut world = World::new(9, 9, 1);
        world.touch_all(&["x_1", "x_2", "x_3"]);
        assert_eq!(world.all(), ["x_1", "x_2"]);
        world.now = at(10);
        world.finish("x_1", Visit::Nothing);
        world.touch("x_4");
        assert!(!world.all().is_empty());
    }

    #[test]
    fn a_clock_that_was_set_back_wakes_all_sleepers() {
        let mut world = World::new(9, 9, 1_000);
        for (name, until) in [("a", START + 30_000_000), ("b", START + 20)] {
            world.touch(name);
            assert_eq!(world.all(), [name]);
            world.finish(name, Visit::Until(at(until)));
        }
        world.pass(0);
        world.now = world.now.minus(Duration::from_millis(900));
        world.pass(0);
        assert_eq!(world.all(), [""; 0], "a second is nothing");
        world.now = world.now.minus(Duration::from_secs(3_600));
        world.pass(0);
        assert_eq!(world.all(), ["b", "a"]);
    }

    #[test]
    fn hosts_that_are_at_rest_are_forgotten() {
        let mut world = World::new(9_999, 9, 1_000);
        for n in 0..=KNOWN_HOSTS {
            let name = format!("h{n}_1");
            world.touch(&name);
            assert_eq!(world.all(), [name.as_str()]);
            if n > 0 {
                world.finish(&name, Visit::Nothing);
            }
        }
        world.pass(2_000);
        assert_eq!(world.lanes.hosts.keys().collect::<Vec<_>>(), [&Box::from("h0")]);
    }

    proptest::proptest! {
        /// Whatever happens, everybody is asked in the end, and no limit is passed.
        #[test]
        fn everybody_is_asked_in_the_end(
            names in proptest::collection::vec((0..4_u8, 0..5_u8, proptest::bool::ANY), 1..40),
            ends in proptest::collection::vec((0..40_usize, 0..3_u8, 0..1_500_u64), 1..60),
        ) {
            let mut world = World::new(4, 2, 3);
            let (mut running, mut asked) = (Vec::new(), BTreeSet::new());
            let names: Vec<String> = names
                .into_iter()
                .map(|(host, n, bad)| format!("h{host}_{}{n}", if bad { "bad" } else { "" }))
                .collect();
            names.iter().for_each(|name| world.touch(name));
            let mut ends = ends.into_iter();
            for step in 0.. {
                running.extend(world.all());
                let at = |host: &str| running.iter().filter(|name: &&String| name.starts_with(host)).count();
                assert!(["h0_", "h1_", "h2_", "h3_"].into_iter().all(|host| at(host) <= 2));
                let (which, how, millis) = ends.next().unwrap_or((0, 0, 500));
                world.pass(millis);
                if running.is_empty() && step > 1_000 {
                    break;
                }
                if !running.is_empty() {
                    let name = running.swap_remove(which % running.len());
                    let visit = match how {
                        0 => Visit::Nothing,
                        1 => Visit::Tried,
                        _ => Visit::Until(world.now.plus(Duration::from_secs(1))),
                    };
                    world.finish(&name, visit);
                    asked.insert(name);
                }
            }
            assert_eq!(asked, names.into_iter().collect());
        }
    }
}
