//! When a source is looked at that publishes by habit: often at the hours at which it does, seldom at night. Pure.
//!
//! What it published lately says how many articles to expect in each hour of the week. The time between two looks follows
//! from that: (0.067 h · √mean ÷ expected)^¾. With as many looks as evenly spaced ones, these find an article of a portal with
//! office hours in less than half of the time (`benches/adaptive.rs`). The mean stands in it so that a source that publishes
//! once a week is not looked at as often as one that does ten times a day, but not ten times less often either.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::model::{Article, Precision, Timestamp};

/// What counts as lately.
const SPAN: Duration = Duration::from_secs(8 * 7 * 24 * 3600);
/// How many articles are learned from at most.
pub const ARTICLES: usize = 300;
/// After an article another one may follow at once, if that is the source's way: for so long.
const BURST: Duration = Duration::from_secs(1800);
/// Hours times the square root of articles in an hour: how much the looks cost, beside what they find.
const COST: f64 = 0.067;
/// How strongly the looks follow the expectations. ½ makes the mean delay of articles shortest, 1 lets nights wait for long.
const STRENGTH: f64 = 0.75;
/// How much what is usual counts, in hours of observation, beside what was seen on weekdays, or weekends, at an hour.
const DOUBT: f64 = 1.0;
/// How much that counts, in hours, beside what was seen on one day of the week.
const KINSHIP: f64 = 4.0;
const WEEK: f64 = 7.0 * 24.0 * 3600.0;

/// The least and the longest time between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Never sooner.
    pub min: Duration,
    /// Never later.
    pub max: Duration,
}

/// When a source publishes, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Habit {
    /// Articles expected in an hour, by weekday (Monday first) and hour of the local clock, divided by the square root of
    /// their mean.
    weights: Box<[[f32; 24]; 7]>,
    /// What is expected beside that while a burst may go on.
    burst: f32,
}

/// When an article appeared, as exactly as it is known: `None` where only its day is, and that was long before we saw it.
pub fn appeared(article: &Article) -> Option<Timestamp> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let (date, seen) = (&article.published, article.first_seen);
    if date.precision == Precision::Minute && !date.inferred {
        return Some(date.at);
    }
    (seen.since(date.at) < DAY && date.at.since(seen) < DAY).then_some(seen)
}

impl Habit {
    /// Learns from when articles appeared, in any order. Where there are none, each hour is like the others, and a source
    /// is looked at in the (geometric) middle between both bounds.
    pub fn learn(times: &[Timestamp], now: Timestamp, zone: &TimeZone, bounds: Bounds) -> Self {
        let mut times: Vec<_> = times.iter().copied().filter(|at| *at <= now).collect();
        times.sort_unstable();
        let begin = now.minus(SPAN);
        let weeks = times.first().map_or(0.0, |oldest| now.since(begin.max(*oldest)).as_secs_f64() / WEEK);
        times.retain(|at| *at >= begin);
        let mut counts = [[0.0; 24]; 7];
        for at in &times {
            let (day, hour, _) = local(*at, zone);
            counts[day][hour] += 1.0;
        }
        let mut rates = rates(&counts, weeks, bounds.usual());
        let mean = rates.iter().flatten().sum::<f64>() / 168.0;
        let followed = times.windows(2).filter(|pair| pair[1].since(pair[0]) < BURST).count();
        // Five articles that nothing follows stand beside those that were seen: two are no habit.
        let share = followed as f64 / (times.len() as f64 + 5.0);
        rates.iter_mut().flatten().for_each(|rate| *rate /= mean.sqrt());
        Self {
            weights: Box::new(rates.map(|day| day.map(|rate| rate as f32))),
            burst: (share / (BURST.as_secs_f64() / 3600.0) / mean.sqrt()) as f32,
        }
    }

    /// When to look next, after a look at `last`; `news` is when something was found last.
    pub fn next(
        &self,
        last: Timestamp,
        news: Option<Timestamp>,
        zone: &TimeZone,
        bounds: Bounds,
    ) -> Timestamp {
        let latest = last.plus(bounds.max);
        let burst_end = news.map(|news| news.plus(BURST)).filter(|_| news <= Some(last));
        let (mut at, mut left) = (last, 1.0);
        while at < latest {
            let (day, hour, rest) = local(at, zone);
            let mut end = at.plus(rest);
            let mut weight = f64::from(self.weights[day][hour]);
            if let Some(burst_end) = burst_end.filter(|burst_end| at < *burst_end) {
                weight += f64::from(self.burst);
                end = end.min(burst_end);
            }
            let gap = bounds.gap(weight);
            let part = end.since(at).as_secs_f64() / gap;
            if part >= left {
                at = at.plus(Duration::from_secs_f64(left * gap));
                break;
            }
            left -= part;
            at = end;
        }
        at.clamp(last.plus(bounds.min).min(latest), latest)
    }
}

impl Bounds {
    /// Seconds between two looks while this is expected.
    fn gap(self, weight: f64) -> f64 {
        let gap = 3600.0 * (COST / weight).powf(STRENGTH);
        gap.max(self.min.as_secs_f64()).min(self.max.as_secs_f64())
    }

    /// What a source publishes in an hour that is looked at in the middle between both bounds.
    fn usual(self) -> f64 {
        let middle = (self.min.as_secs_f64() * self.max.as_secs_f64()).sqrt() / 3600.0;
        (COST / middle.powf(1.0 / STRENGTH)).powi(2)
    }
}

/// Articles in an hour, for each hour of the week: what was seen then, on that day of the week; beside it, the less the
/// longer it was watched, what was seen at that hour on such days (weekdays, weekends), and what is usual. More articles in
/// an hour never make it less.
fn rates(counts: &[[f64; 24]; 7], weeks: f64, usual: f64) -> [[f64; 24]; 7] {
    let mut rates = [[0.0; 24]; 7];
    for days in [0..5, 5..7] {
        let n_days = days.len() as f64;
        let mut kin = [0.0; 24];
        for day in days.clone() {
            let counts = smooth(&counts[day]);
            kin.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let kin = kin.map(|count| (count + DOUBT * usual) / (weeks * n_days + DOUBT));
        for day in days {
            let counts = smooth(&counts[day]);
            for (hour, rate) in rates[day].iter_mut().enumerate() {
                *rate = (counts[hour] + KINSHIP * kin[hour]) / (weeks + KINSHIP);
            }
        }
    }
    rates
}

/// Half of each hour's count, and a quarter of those beside it: nobody publishes by the clock.
fn smooth(day: &[f64; 24]) -> [f64; 24] {
    std::array::from_fn(|hour| (day[(hour + 23) % 24] + 2.0 * day[hour] + day[(hour + 1) % 24]) / 4.0)
}

/// The weekday (Monday is 0) and hour of the local clock, and how long that hour still is.
fn local(at: Timestamp, zone: &TimeZone) -> (usize, usize, Duration) {
    let at = zone.to_datetime(at.to_jiff());
    let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default();
    let gone = i64::from(at.minute()) * 60_000 + i64::from(at.second()) * 1000 + i64::from(at.millisecond());
    let rest = u64::try_from(3_600_000 - gone).unwrap_or_default().max(1);
    (day, usize::try_from(at.hour()).unwrap_or_default(), Duration::from_millis(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::conformance::samples;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: i64 = 3600;
    const BOUNDS: Bounds = Bounds { min: Duration::from_secs(300), max: Duration::from_secs(7200) };
    /// Monday, 2026-01-05, 00:00 UTC.
    const MONDAY: i64 = 1_767_571_200;

    fn at(hour: f64) -> Timestamp {
        Timestamp::from_second(MONDAY + (hour * 3600.0) as i64)
    }

    /// The looks of a week after eight weeks of this habit, by hour of the week.
    fn looks(times: &[Timestamp], zone: &TimeZone) -> [usize; 168] {
        let begin = at(8.0 * 168.0);
        let habit = Habit::learn(times, begin, zone, BOUNDS);
        let mut looks = [0; 168];
        let mut look = begin;
        loop {
            look = habit.next(look, None, zone, BOUNDS);
            let (day, hour, _) = local(look, zone);
            if look >= at(9.0 * 168.0) {
                return looks;
            }
            looks[day * 24 + hour] += 1;
        }
    }

    /// Articles at these hours of each of eight weeks.
    fn weekly(hours: &[f64]) -> Vec<Timestamp> {
        (0..8).flat_map(|week| hours.iter().map(move |hour| at(f64::from(week) * 168.0 + hour))).collect()
    }

    fn office() -> Vec<Timestamp> {
        let hours = [8.3, 9.1, 9.7, 10.4, 14.2, 15.5, 15.9];
        let days = (0..5).flat_map(|day| hours.map(|hour| f64::from(day) * 24.0 + hour));
        weekly(&days.collect::<Vec<_>>())
    }

    #[test]
    fn without_a_history_every_hour_is_the_same() {
        let habit = Habit::learn(&[], at(0.0), &TimeZone::UTC, BOUNDS);
        let middle = (300.0_f64 * 7200.0).sqrt();
        for hour in [0.0, 9.5, 100.0] {
            let gap = habit.next(at(hour), None, &TimeZone::UTC, BOUNDS).since(at(hour)).as_secs_f64();
            assert!((gap - middle).abs() < 2.0, "{gap}");
        }
    }

    #[test]
    fn office_hours_are_looked_at_often_and_nights_seldom() {
        let looks = looks(&office(), &TimeZone::UTC);
        let per_hour = |hours: std::ops::Range<usize>| {
            let n_hours = hours.len() as f64;
            looks[hours].iter().sum::<usize>() as f64 / n_hours
        };
        let (tuesday, night, sunday) = (per_hour(24 + 9..24 + 11), per_hour(48..48 + 5), per_hour(150..160));
        assert!(tuesday >= 8.0 && night <= 1.0 && sunday <= 1.0, "{tuesday} {night} {sunday}");
    }

    #[test]
    fn the_local_clock_counts() {
        let saigon = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        let (utc, local) = (looks(&office(), &TimeZone::UTC), looks(&office(), &saigon));
        assert_eq!(utc[24 + 9], local[24 + 16], "nine in UTC is sixteen in Ho Chi Minh City");
    }

    #[test]
    fn who_publishes_more_is_looked_at_more() {
        let total = |times: &[Timestamp]| looks(times, &TimeZone::UTC).iter().sum::<usize>();
        let seldom = weekly(&[33.0]);
        let (seldom, often) = (total(&seldom), total(&office()));
        assert!(seldom * 3 < often * 2, "{seldom} {often}");
    }

    #[test]
    fn news_are_followed_by_a_closer_look_where_they_use_to_come_together() {
        let days = (0..5).map(|day| f64::from(day) * 24.0);
        let hours: Vec<f64> = days.flat_map(|day| [20.0, 20.1, 20.2, 20.3].map(|hour| day + hour)).collect();
        let habit = Habit::learn(&weekly(&hours), at(8.0 * 168.0), &TimeZone::UTC, BOUNDS);
        // At three in the morning nobody expects anything.
        let last = at(8.0 * 168.0 + 3.0);
        let gap = |news: Option<Timestamp>| habit.next(last, news, &TimeZone::UTC, BOUNDS).since(last);
        assert_eq!(gap(None), BOUNDS.max);
        assert!(gap(Some(last)) < 15 * MINUTE, "{:?}", gap(Some(last)));
        assert_eq!(gap(Some(at(8.0 * 168.0))), BOUNDS.max, "that burst is over");
        assert_eq!(gap(Some(at(9.0 * 168.0))), BOUNDS.max, "by a clock that was ahead");
    }

    #[test]
    fn a_quiet_hour_before_a_busy_one_is_not_slept_through() {
        let habit = Habit::learn(&office(), at(8.0 * 168.0), &TimeZone::UTC, BOUNDS);
        let last = at(8.0 * 168.0 + 6.9);
        let next = habit.next(last, None, &TimeZone::UTC, BOUNDS);
        assert!(next.since(last) < 90 * MINUTE, "{next}");
    }

    #[test]
    fn only_what_is_known_to_the_hour_is_learned() {
        let mut article = samples::article("a", 1, "A", 5);
        article.first_seen = at(10.0);
        article.published.at = at(8.0);
        article.published.precision = Precision::Minute;
        article.published.inferred = false;
        assert_eq!(appeared(&article), Some(at(8.0)));
        article.published.precision = Precision::Day;
        assert_eq!(appeared(&article), Some(at(10.0)));
        article.published.at = at(-100.0);
        assert_eq!(appeared(&article), None);
    }

    #[test]
    fn the_end_of_time_is_reached() {
        let habit = Habit::learn(&office(), Timestamp::MAX, &TimeZone::UTC, BOUNDS);
        assert_eq!(habit.next(Timestamp::MAX, None, &TimeZone::UTC, BOUNDS), Timestamp::MAX);
    }

    proptest! {
        #[test]
        fn bounds_hold(
            hours in proptest::collection::vec(-300.0..1500.0_f64, 0..60),
            last in 0.0..1500.0_f64,
            news in proptest::option::of(0.0..1500.0_f64),
            (min, max) in (1_u64..100_000, 1_u64..1_000_000),
        ) {
            let bounds = Bounds { min: Duration::from_secs(min.min(max)), max: Duration::from_secs(max) };
            let times: Vec<_> = hours.into_iter().map(at).collect();
            let habit = Habit::learn(&times, at(1344.0), &TimeZone::UTC, bounds);
            let next = habit.next(at(last), news.map(at), &TimeZone::UTC, bounds);
            prop_assert!(next >= at(last).plus(bounds.min) && next <= at(last).plus(bounds.max));
        }

        /// Expected looks, not counted ones: those depend on where the first one falls.
        #[test]
        fn more_articles_in_an_hour_never_make_its_looks_fewer(
            hours in proptest::collection::vec(0.0..1344.0_f64, 1..60),
            hour in 0..168_usize,
        ) {
            let mut times: Vec<_> = hours.into_iter().chain([0.0]).map(at).collect();
            let gap = |times: &[Timestamp]| {
                let habit = Habit::learn(times, at(1344.0), &TimeZone::UTC, BOUNDS);
                BOUNDS.gap(f64::from(habit.weights[hour / 24][hour % 24]))
            };
            let before = gap(&times);
            times.extend([at(168.0 + hour as f64 + 0.2), at(672.0 + hour as f64 + 0.8)]);
            prop_assert!(gap(&times) <= before * 1.000_001, "{} {}", gap(&times), before);
        }

        #[test]
        fn a_later_look_has_no_earlier_next(last in 0.0..168.0_f64, more in 0.0..3.0_f64) {
            let habit = Habit::learn(&office(), at(1344.0), &TimeZone::UTC, BOUNDS);
            let next = |hour: f64| habit.next(at(1344.0 + hour), None, &TimeZone::UTC, BOUNDS);
            prop_assert!(next(last + more).plus(Duration::from_secs(2)) >= next(last));
        }
    }

    #[test]
    fn the_hours_are_those_of_the_clock() {
        let half = local(Timestamp::from_second(MONDAY + 9 * HOUR + 1800), &TimeZone::UTC);
        assert_eq!(half, (0, 9, 30 * MINUTE));
    }
}
