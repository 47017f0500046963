//! When a source is looked at that a hub tells of. Pure.
//!
//! A push makes it due at once; polling stays, as the safety net. While pushes prove to be complete, polling may be
//! up to four times slower; the first article that polling finds before a push brings the usual pace back.

use std::time::Duration;

use super::{Known, Schedule};
use crate::model::Timestamp;

/// The least time between two looks at a source because of pushes: a hub cannot make us hammer a site.
pub const SPACING: Duration = Duration::from_secs(60);
/// How far trust grows: 2 to the power of this is how much slower polling may be.
const MOST_TRUST: u32 = 2;
/// However much a hub is trusted, a source is polled once in this time, if its schedule says so.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What hubs have to say about when a source is looked at. By default there is no hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// When the push came that nobody has looked after yet.
    pub waiting: Option<Timestamp>,
    /// Until when the hub has promised to tell.
    pub until: Option<Timestamp>,
    /// How far its pushes have proved to be complete.
    pub trust: u32,
}

/// Why a pass was made, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A push was waiting, and there was something.
    ToldOfNews,
    /// Nothing was pushed, and there was something.
    FoundNews,
    /// There was nothing.
    Nothing,
}

impl Schedule {
    /// When a source is due after a look at `last`, if ever: when its (slower) poll comes, put off by `jitter`, or,
    /// if that is earlier, because of a push.
    pub fn next_with(
        &self,
        last: Timestamp,
        jitter: Duration,
        pushed: &Pushed,
        known: Known<'_>,
    ) -> Option<Timestamp> {
        let polled = self.polled(last, pushed, known).map(|due| due.plus(jitter));
        let told = pushed.waiting.map(|at| at.max(last.plus(SPACING)));
        polled.into_iter().chain(told).min()
    }

    fn polled(&self, last: Timestamp, pushed: &Pushed, known: Known<'_>) -> Option<Timestamp> {
        let usual = self.next_knowing(last, known)?;
        let Some(until) = pushed.until else { return Some(usual) };
        let left_out = (1_u32 << pushed.trust.min(MOST_TRUST)) - 1;
        let slower = (0..left_out).try_fold(usual, |due, _| self.next_knowing(due, known)).unwrap_or(usual);
        // What nobody promises any more is looked after at the usual pace.
        Some(slower.min(usual.max(until)).min(usual.max(last.plus(LONGEST))))
    }
}

/// How far pushes are trusted after a pass.
pub fn trust(before: u32, look: Look) -> u32 {
    match look {
        Look::ToldOfNews => (before + 1).min(MOST_TRUST),
        Look::FoundNews => 0,
        Look::Nothing => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn every(minutes: u64) -> Schedule {
        Schedule::every(Duration::from_secs(minutes * 60))
    }

    #[test]
    fn a_push_is_looked_after_at_once_and_polling_slows_down_with_trust() {
        // Last look at 0, polled every ten minutes, ten seconds of jitter.
        let check = |waiting: Option<i64>, until: Option<i64>, trust: u32, expected: i64| {
            let pushed = Pushed { waiting: waiting.map(at), until: until.map(at), trust };
            let due = every(10).next_with(at(0), Duration::from_secs(10), &pushed, Known::default());
            assert_eq!(due, Some(at(expected)), "{pushed:?}");
        };
        let poll = |minutes: i64| minutes * MINUTE + 10;
        check(None, None, 0, poll(10));
        check(None, None, 2, poll(10));
        check(None, Some(240 * HOUR), 0, poll(10));
        check(None, Some(240 * HOUR), 1, poll(20));
        check(None, Some(240 * HOUR), 2, poll(40));
        check(None, Some(240 * HOUR), 99, poll(40));
        // The lease ends between two slow polls, or has ended.
        check(None, Some(15 * MINUTE), 2, poll(15));
        check(None, Some(MINUTE), 2, poll(10));
        check(None, Some(-HOUR), 2, poll(10));
        // A push: at once, but not before a minute has passed since the last look; never later than the poll.
        check(Some(3 * MINUTE), Some(240 * HOUR), 2, 3 * MINUTE);
        check(Some(5), None, 0, MINUTE);
        check(Some(-5), None, 0, MINUTE);
        check(Some(50 * MINUTE), Some(240 * HOUR), 2, poll(40));
    }

    #[test]
    fn a_slow_schedule_is_not_slowed_down_beyond_a_day() {
        let trusted = Pushed { waiting: None, until: Some(at(9_000 * HOUR)), trust: 2 };
        let due = |schedule: &Schedule| schedule.next_with(at(0), Duration::ZERO, &trusted, Known::default());
        assert_eq!(due(&every(12 * 60)), Some(at(24 * HOUR)));
        assert_eq!(due(&every(48 * 60)), Some(at(48 * HOUR)));
        let never = Schedule::cron("0 0 30 2 *", jiff::tz::TimeZone::UTC).unwrap();
        assert_eq!(due(&never), None);
        let pushed = Pushed { waiting: Some(at(HOUR)), ..trusted };
        assert_eq!(
            never.next_with(at(0), Duration::ZERO, &pushed, Known::default()),
            Some(at(HOUR)),
            "pushes alone"
        );
    }

    #[test]
    fn four_runs_of_a_crontab_are_left_out_also_over_night() {
        let office = Schedule::cron("*/10 6-19 * * *", jiff::tz::TimeZone::UTC).unwrap();
        let trusted = Pushed { waiting: None, until: Some(at(9_000 * HOUR)), trust: 2 };
        let due = |last: i64| office.next_with(at(last), Duration::ZERO, &trusted, Known::default());
        assert_eq!(due(9 * HOUR), Some(at(9 * HOUR + 40 * MINUTE)));
        assert_eq!(due(19 * HOUR + 50 * MINUTE), Some(at(30 * HOUR + 30 * MINUTE)));
    }

    #[test]
    fn trust_grows_with_pushes_that_bring_news_and_ends_with_news_that_nobody_pushed() {
        let after = |looks: &[Look]| looks.iter().fold(0, |before, look| trust(before, *look));
        use Look::{FoundNews, Nothing, ToldOfNews};
        assert_eq!(after(&[Nothing, Nothing]), 0);
        assert_eq!(after(&[ToldOfNews, Nothing]), 1);
        assert_eq!(after(&[ToldOfNews; 5]), 2);
        assert_eq!(after(&[ToldOfNews, ToldOfNews, FoundNews]), 0);
        assert_eq!(after(&[ToldOfNews, ToldOfNews, FoundNews, ToldOfNews]), 1);
    }
}
