//! What is counted of one host: its requests of today, and its wish for patience. Pure.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::{HostView, Restraint, backoff};
use crate::model::Timestamp;

const DAY: i64 = 24 * 3600;
/// No pause is longer than the longest that `Retry-After` is taken to mean.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is counted of one host.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The day (UTC, since the epoch), and its requests.
    today: (i64, u32),
    pause: Option<Pause>,
    /// How often in a row it asked for patience without saying how long.
    n_refusals: u32,
}

/// A wish for patience.
#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Timestamp,
    until: Timestamp,
    status: u16,
}

impl Tally {
    /// Why the host may not be asked now; of the day's budget so many requests are kept for others.
    pub(super) fn restraint(
        &mut self,
        host: &str,
        (budget, kept): (u32, u32),
        now: Timestamp,
    ) -> Option<Restraint> {
        if let Some(Pause { until, status, .. }) = self.pause(now) {
            return Some(Restraint::Paused { host: host.to_owned(), status, until });
        }
        let until = Timestamp::from_second((day(now) + 1) * DAY);
        let limit = budget.saturating_sub(kept);
        let host = || host.to_owned();
        (budget > 0 && self.requests(now) >= limit).then(|| Restraint::Budget {
            host: host(),
            limit,
            kept,
            until,
        })
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        self.today = (day(now), self.requests(now).saturating_add(1));
    }

    /// 429 asks for patience, always; 503 does where it says how long: without that it may be the one page.
    pub(super) fn heard(&mut self, status: u16, headers: &HeaderMap, now: Timestamp) {
        let says_when = headers.contains_key(RETRY_AFTER);
        if status != 429 && !(status == 503 && says_when) {
            if status < 400 {
                self.n_refusals = 0;
            }
            return;
        }
        self.n_refusals = self.n_refusals.saturating_add(1);
        let wait = backoff::retry_after(headers, now).unwrap_or_else(|| backoff::delay(self.n_refusals, 0));
        self.pause = Some(Pause { since: now, until: now.plus(wait.min(LONGEST)), status });
    }

    /// What is known of the host from here.
    pub(super) fn view(&mut self, now: Timestamp) -> HostView {
        HostView {
            requests_today: self.requests(now),
            paused_until: self.pause(now).map(|pause| pause.until),
            ..HostView::default()
        }
    }

    fn requests(&self, now: Timestamp) -> u32 {
        if self.today.0 == day(now) { self.today.1 } else { 0 }
    }

    /// The pause that is not over. One that began later than now is of a clock that was set back.
    fn pause(&mut self, now: Timestamp) -> Option<Pause> {
        self.pause = self.pause.filter(|pause| pause.since <= now && now < pause.until);
        self.pause
    }
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(20_000 * DAY + second)
    }

    fn after(seconds: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, seconds.parse().unwrap())])
    }

    /// Until when the host is left alone, in seconds.
    fn until(tally: &mut Tally, budget: u32, now: i64) -> Option<i64> {
        let restraint = tally.restraint("a.vn:80", (budget, 0), at(now))?;
        Some(restraint.until().unwrap().as_second() - at(0).as_second())
    }

    #[test]
    fn the_budget_of_a_day_begins_anew_with_the_next() {
        let mut tally = Tally::default();
        for n in 0..3 {
            assert_eq!(until(&mut tally, 3, n), None);
            tally.count(at(n));
        }
        assert_eq!(until(&mut tally, 3, 3), Some(DAY));
        assert_eq!(until(&mut tally, 4, 3), None);
        assert!(
            tally
                .restraint("a.vn:80", (4, 1), at(3))
                .unwrap()
                .to_string()
                .contains("1 more are kept for news")
        );
        assert_eq!(until(&mut tally, 0, 3), None, "0 is no limit");
        assert_eq!(tally.view(at(3)).requests_today, 3);
        assert_eq!(until(&mut tally, 3, DAY), None);
        assert_eq!(tally.view(at(DAY)).requests_today, 0);
        tally.count(at(DAY));
        assert_eq!(tally.view(at(DAY)).requests_today, 1);
    }

    #[test]
    fn some_answers_ask_for_patience() {
        let check = |status: u16, headers: HeaderMap, expected: Option<i64>| {
            let mut tally = Tally::default();
            tally.heard(status, &headers, at(0));
            assert_eq!(until(&mut tally, 0, 0), expected, "{status}");
        };
        check(200, HeaderMap::new(), None);
        check(200, after("60"), None);
        check(503, HeaderMap::new(), None);
        check(503, after("60"), Some(60));
        check(429, after("120"), Some(120));
        check(429, after("0"), None);
        check(429, after("99999999"), Some(7 * DAY));
    }

    #[test]
    fn patience_grows_ends_and_forgets() {
        let mut tally = Tally::default();
        tally.heard(429, &HeaderMap::new(), at(0));
        let first = until(&mut tally, 0, 0).unwrap();
        assert!((45..=60).contains(&first), "{first}");
        let first = first + 1;
        assert_eq!(until(&mut tally, 0, first), None);
        tally.heard(429, &HeaderMap::new(), at(first));
        let second = until(&mut tally, 0, first).unwrap() - first;
        assert!((90..=120).contains(&second), "{second}");
        // The clock was set back.
        assert_eq!(until(&mut tally, 0, first - 1), None);
        tally.heard(200, &HeaderMap::new(), at(400));
        tally.heard(429, &HeaderMap::new(), at(500));
        assert!(until(&mut tally, 0, 500).unwrap() <= 560, "after a good answer it begins anew");
    }
}
