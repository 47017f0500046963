//! How long to wait before asking again: after failures, and when a server says how long.

use std::time::Duration;

use jiff::fmt::strtime;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::model::Timestamp;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(60);

/// No wait is longer, so that a portal that comes back is noticed within a working day.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// No `Retry-After` is taken to mean more. A week outlasts every announced maintenance, while a date
/// that somebody mistyped (2206 for 2026) would silence a source for ever.
const LONGEST_ASKED: Duration = Duration::from_secs(7 * 24 * 3600);

/// The wait after `failures` failures in a row: one minute, doubled each time, at most six hours, less up to
/// a quarter that `seed` decides, so that sources that failed together do not come back together.
pub fn delay(failures: u32, seed: u64) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let doubled = 2_u32.checked_pow(failures - 1).and_then(|factor| FIRST.checked_mul(factor));
    let full = doubled.unwrap_or(LONGEST).min(LONGEST);
    let share = u32::try_from(mix(seed ^ u64::from(failures)) % 1001).expect("a remainder below 1001 fits");
    full - full * share / 4000
}

/// What `Retry-After` asks for (RFC 9110, section 10.2.3): seconds, or a date in any of the three forms of
/// section 5.6.7. A date that has passed asks for nothing to wait. At most seven days.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that are no number are too many of them.
        value.parse().map_or(LONGEST_ASKED, Duration::from_secs)
    } else {
        http_date(value)?.since(now)
    };
    Some(asked.min(LONGEST_ASKED))
}

/// `IMF-fixdate`, RFC 850 and `asctime` dates. A wrong weekday is not held against it.
fn http_date(text: &str) -> Option<Timestamp> {
    let date = text.split_once(',').map_or(text, |(_, date)| date).trim();
    let formats = ["%d %b %Y %H:%M:%S GMT", "%d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let civil = formats.iter().find_map(|format| strtime::parse(format, date).ok()?.to_datetime().ok())?;
    Some(jiff::tz::Offset::UTC.to_timestamp(civil).ok()?.into())
}

/// `SplitMix64`: spreads neighboring seeds over the whole range.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, expected: Option<u64>) {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn reads_seconds_and_all_three_dates() {
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
        check("Sun Nov  6 08:50:37 1994", Some(60));
        check("Mon, 06 Nov 1994 08:50:37 GMT", Some(60));
    }

    #[test]
    fn a_past_date_asks_for_no_wait_and_a_far_one_for_a_week() {
        const WEEK: u64 = 7 * 24 * 3600;
        check("Sun, 06 Nov 1994 08:49:36 GMT", Some(0));
        check("Sun, 06 Nov 2194 08:49:36 GMT", Some(WEEK));
        check("99999999", Some(WEEK));
        check("99999999999999999999999999", Some(WEEK));
    }

    #[test]
    fn what_is_neither_asks_for_nothing() {
        for value in ["", "soon", "-1", "1.5", "Sun, 32 Nov 1994 08:49:37 GMT", "1994-11-06", "12:00"] {
            check(value, None);
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::default()), None);
    }

    #[test]
    fn doubles_from_a_minute_to_six_hours() {
        let longest = |failures| (0..2000).map(|seed| delay(failures, seed)).max().unwrap();
        assert_eq!(delay(0, 7), Duration::ZERO);
        let minutes: Vec<u64> = (1..=10).map(|n| longest(n).as_secs().div_ceil(60)).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
    }

    proptest! {
        #[test]
        fn stays_within_a_quarter_below_the_full_wait(failures in 1_u32.., seed: u64) {
            let full = FIRST.saturating_mul(2_u32.saturating_pow(failures - 1)).min(LONGEST);
            let wait = delay(failures, seed);
            prop_assert!(wait <= full && wait >= full * 3 / 4, "{wait:?} of {full:?}");
        }
    }

    #[test]
    fn seeds_spread_the_waits() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|seed| delay(5, seed)).collect();
        assert!(waits.len() > 80, "{}", waits.len());
    }
}
