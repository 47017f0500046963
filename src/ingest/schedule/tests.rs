//! Schedules against times that were worked out by hand, and against a matcher that looks at every minute.

use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::Schedule;
use crate::model::Timestamp;

fn cron(expression: &str, zone: &str) -> Schedule {
    Schedule::cron(expression, TimeZone::get(zone).unwrap()).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The runs after `after` are exactly these, one after another.
fn check(expression: &str, zone: &str, after: &str, expected: &[&str]) {
    let schedule = cron(expression, zone);
    let mut at = instant(after);
    for expected in expected {
        let next = schedule.next(at).map(|next| next.to_string());
        assert_eq!(next, Some(instant(expected).to_string()), "{schedule} after {at}");
        at = instant(expected);
    }
}

const SAIGON: &str = "Asia/Ho_Chi_Minh";
const NEW_YORK: &str = "America/New_York";
const LORD_HOWE: &str = "Australia/Lord_Howe";

#[test]
fn weekdays_count_from_sunday() {
    // 2026-03-01 was a Sunday.
    check("0 9 * * 1", "UTC", "2026-03-01T00:00:00Z", &["2026-03-02T09:00:00Z", "2026-03-09T09:00:00Z"]);
    for sunday in ["0", "7", "sun", "SUN", "7-7", "0,7", "*/7"] {
        let expression = format!("0 9 * * {sunday}");
        check(&expression, "UTC", "2026-02-28T10:00:00Z", &["2026-03-01T09:00:00Z", "2026-03-08T09:00:00Z"]);
    }
    let end =
        ["2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z", "2026-03-08T00:00:00Z", "2026-03-13T00:00:00Z"];
    check("0 0 * * 5-7", "UTC", "2026-03-02T00:00:00Z", &end);
    check("0 0 * * Fri-Sat,sun", "UTC", "2026-03-02T00:00:00Z", &end);
    check(
        "0 0 * * 0-2",
        "UTC",
        "2026-03-01T00:00:00Z",
        &["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-08T00:00:00Z"],
    );
    check("0 0 * * 0-7", "UTC", "2026-03-01T00:00:00Z", &["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]);
}

#[test]
fn two_restricted_kinds_of_days_mean_either() {
    // Fridays, and every 13th: a Tuesday in January, a Friday in February and March.
    check("0 0 13 * 5", "UTC", "2026-01-09T00:00:00Z", &["2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z"]);
    check("0 0 13 * 5", "UTC", "2026-02-12T00:00:00Z", &["2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"]);
    // A star makes a field unrestricted even with a step: both must hold. Odd days that are Mondays.
    check("0 0 */2 * 1", "UTC", "2026-03-01T12:00:00Z", &["2026-03-09T00:00:00Z", "2026-03-23T00:00:00Z"]);
    check("0 0 1-31/2 * 1", "UTC", "2026-03-01T12:00:00Z", &["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]);
}

#[test]
fn office_hours_of_the_ward() {
    check(
        "*/10 6-19 * * *",
        SAIGON,
        "2026-03-05T19:45:00+07:00",
        &["2026-03-05T19:50:00+07:00", "2026-03-06T06:00:00+07:00", "2026-03-06T06:10:00+07:00"],
    );
    check("0 7 * * mon-fri", SAIGON, "2026-03-06T07:00:00+07:00", &["2026-03-09T07:00:00+07:00"]);
    check("0 0 1 jan *", SAIGON, "2026-03-06T07:00:00+07:00", &["2027-01-01T00:00:00+07:00"]);
}

#[test]
fn lists_ranges_and_steps() {
    let runs = ["00:05", "00:10", "00:12", "00:40", "00:55"].map(|time| format!("2026-01-01T{time}:00Z"));
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    check("5,10-13/2,40-59/15 * * * *", "UTC", "2026-01-01T00:00:00Z", &runs);
    check(
        "0\t0   1,15 * *",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2026-01-15T00:00:00Z", "2026-02-01T00:00:00Z"],
    );
    // Common ways to say "once": the step starts again with each hour and each day.
    check(
        "*/60 */24 * * *",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"],
    );
}

#[test]
fn nicknames_mean_what_crontab_says() {
    let after = "2026-03-04T12:34:56Z";
    check("@hourly", "UTC", after, &["2026-03-04T13:00:00Z", "2026-03-04T14:00:00Z"]);
    check("@daily", "UTC", after, &["2026-03-05T00:00:00Z"]);
    check("@Midnight", "UTC", after, &["2026-03-05T00:00:00Z"]);
    check("@weekly", "UTC", after, &["2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z"]);
    check("@monthly", "UTC", after, &["2026-04-01T00:00:00Z"]);
    check("@yearly", "UTC", after, &["2027-01-01T00:00:00Z"]);
    check("@annually", "UTC", after, &["2027-01-01T00:00:00Z"]);
}

#[test]
fn days_that_are_rare_or_never_come() {
    check("0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    check("0 0 29 2 *", NEW_YORK, "2026-03-01T00:00:00Z", &["2028-02-29T05:00:00Z"]);
    check("0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", &["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]);
    for zone in ["UTC", NEW_YORK, SAIGON] {
        assert_eq!(cron("0 0 30 2 *", zone).next(instant("2026-01-01T00:00:00Z")), None);
        assert_eq!(cron("0 0 31 4,6,9,11 *", zone).next(Timestamp::default()), None);
    }
    for edge in [i64::MIN, i64::MAX] {
        let schedule = cron("0 9 * * 1", NEW_YORK);
        let edge = Timestamp::from_millis(edge);
        assert!(schedule.next(edge).is_none_or(|next| next > edge));
    }
}

#[test]
fn a_fixed_time_that_the_clock_jumps_over_runs_right_after_the_jump() {
    // New York, 2026-03-08: 02:00 EST is 03:00 EDT.
    check(
        "30 2 * * *",
        NEW_YORK,
        "2026-03-07T12:00:00-05:00",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
    );
    check(
        "0,30 2 * * *",
        NEW_YORK,
        "2026-03-07T12:00:00-05:00",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T02:00:00-04:00"],
    );
    check(
        "0 3 * * *",
        NEW_YORK,
        "2026-03-07T12:00:00-05:00",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T03:00:00-04:00"],
    );
    check(
        "30 1,2,3 * * *",
        NEW_YORK,
        "2026-03-08T00:00:00-05:00",
        &["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"],
    );
    // Half an hour at 02:00, 2026-10-04.
    check(
        "15 2 * * *",
        LORD_HOWE,
        "2026-10-03T12:00:00+10:30",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    );
}

#[test]
fn a_run_that_follows_the_clock_jumps_with_it() {
    check(
        "*/30 * * * *",
        NEW_YORK,
        "2026-03-08T01:00:00-05:00",
        &["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"],
    );
    check(
        "30 * * * *",
        NEW_YORK,
        "2026-03-08T01:00:00-05:00",
        &["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00"],
    );
}

#[test]
fn a_time_that_comes_twice() {
    // New York, 2026-11-01: 02:00 EDT is 01:00 EST.
    check(
        "30 1 * * *",
        NEW_YORK,
        "2026-10-31T12:00:00-04:00",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
    // Asked in the repeated hour, after a restart.
    check("30 1 * * *", NEW_YORK, "2026-11-01T01:10:00-05:00", &["2026-11-02T01:30:00-05:00"]);
    check("0 2 * * *", NEW_YORK, "2026-11-01T01:10:00-04:00", &["2026-11-01T02:00:00-05:00"]);
    let both = [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:00:00-05:00",
        "2026-11-01T01:30:00-05:00",
        "2026-11-01T02:00:00-05:00",
    ];
    check("*/30 * * * *", NEW_YORK, "2026-11-01T01:00:00-04:00", &both);
    check(
        "15 * * * *",
        NEW_YORK,
        "2026-11-01T00:15:00-04:00",
        &["2026-11-01T01:15:00-04:00", "2026-11-01T01:15:00-05:00", "2026-11-01T02:15:00-05:00"],
    );
    // Half an hour at 02:00, 2026-04-05: 01:30 to 02:00 comes twice.
    check(
        "45 1 * * *",
        LORD_HOWE,
        "2026-04-04T12:00:00+11:00",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    );
    check(
        "*/15 * * * *",
        LORD_HOWE,
        "2026-04-05T01:30:00+11:00",
        &[
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T01:45:00+10:30",
            "2026-04-05T02:00:00+10:30",
        ],
    );
}

#[test]
fn a_day_that_a_zone_skipped_is_made_up_for() {
    // Samoa went from 29 to 31 December 2011.
    check(
        "0 9 * * *",
        "Pacific/Apia",
        "2011-12-29T09:00:00-10:00",
        &["2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"],
    );
}

#[test]
fn wrong_expressions_say_where_and_what_instead() {
    let check = |expression: &str, part: &str, hint: &str| {
        let error = Schedule::cron(expression, TimeZone::UTC).unwrap_err();
        assert_eq!(expression.get(error.span.clone()), Some(part), "{expression}: {error}");
        assert!(error.hint.clone().unwrap_or_default().contains(hint), "{expression}: {:?}", error.hint);
        assert!(!error.message.contains('\n') && !error.message.is_empty());
    };
    check("60 * * * *", "60", "");
    check("0 24 * * *", "24", "");
    check("0 0 0 * *", "0", "");
    check("0 0 32 * *", "32", "");
    check("0 0 * 13 *", "13", "`jan` to `dec`");
    check("0 0 * * 8", "8", "`sun` to `sat`");
    check("0 0 * * 1,2,9", "9", "`sun`");
    check("99999999999999999999 * * * *", "99999999999999999999", "");
    check("0 0 * * monday", "monday", "`mon`");
    check("0 0 * * fri-mon", "fri-mon", "write `5-6,0,1`");
    check("0 0 * * sat-sun", "sat-sun", "write `6-7`");
    check("0 22-2 * * *", "22-2", "write `22-23,0-2`");
    check("0 0 * nov-jan *", "nov-jan", "write `nov-12,jan`");
    check("0 0 0 * * *", "0 0 0 * * *", "five fields; seconds and years are not supported");
    check(" 0 0 * * \t", "0 0 * *", "day of the week");
    check("", "", "minute, hour");
    check("0 0 ? * *", "?", "`*`");
    check("0 0 L * *", "L", "crontab");
    check("5/10 * * * *", "5", "`5-59/10`");
    check("*/0 * * * *", "0", "`every`");
    check("*/61 * * * *", "61", "`every`");
    check("*/ * * * *", "", "`every`");
    check("1,,2 * * * *", "", "");
    check("1- * * * *", "", "");
    check("-5 * * * *", "", "");
    check("+5 * * * *", "+5", "");
    check("*-5 * * * *", "*", "");
    check("1-5-9 * * * *", "5-9", "");
    check("٣ * * * *", "٣", "");
    check("@reboot", "@reboot", "when the daemon starts");
    check("@every 5m", "@every 5m", "every = ");
    check("@fortnightly", "@fortnightly", "`@weekly`");
    check("@daily 5", "@daily 5", "nothing may follow");
}

#[test]
fn every_counts_from_what_it_is_given() {
    let schedule = Schedule::every(Duration::from_secs(600));
    let at = instant("2026-03-01T00:00:01Z");
    assert_eq!(schedule.next(at), Some(instant("2026-03-01T00:10:01Z")));
    assert_eq!(schedule.interval(at), Duration::from_secs(600));
    assert_eq!(Schedule::every(Duration::ZERO).interval(at), Duration::from_secs(1));
    assert_eq!(schedule.next(Timestamp::MAX), None);
}

#[test]
fn tells_its_interval_and_prints_what_was_written() {
    let at = instant("2026-03-05T12:45:00Z");
    assert_eq!(cron("*/10 6-19 * * *", SAIGON).interval(at), Duration::from_secs(600 * 61));
    assert_eq!(cron("@daily", SAIGON).interval(at), Duration::from_secs(24 * 3600));
    assert_eq!(cron("0 0 30 2 *", SAIGON).interval(at), Duration::from_secs(24 * 3600));
    assert_eq!(cron(" */10 6-19 * * * ", SAIGON).to_string(), "*/10 6-19 * * * (Asia/Ho_Chi_Minh)");
    assert_eq!(Schedule::every(Duration::from_secs(600)).to_string(), "every 10m");
}

// --- properties

/// One field that a person might write, with its values, and whether it begins with a star.
fn field(low: u32, high: u32) -> impl Strategy<Value = (String, Vec<u32>)> {
    let all = move || (low..=high).collect::<Vec<_>>();
    prop_oneof![
        3 => Just(("*".to_owned(), all())),
        2 => (low..=high).prop_map(|n| (n.to_string(), vec![n])),
        1 => (low..=high, low..=high).prop_map(|(a, b)| (format!("{a},{b}"), vec![a, b])),
        1 => (low..=high, low..=high).prop_map(|(a, b)| {
            let (a, b) = (a.min(b), a.max(b));
            (format!("{a}-{b}"), (a..=b).collect())
        }),
        1 => (1..=high - low + 1).prop_map(move |n| {
            (format!("*/{n}"), all().into_iter().filter(|value| (value - low).is_multiple_of(n)).collect())
        }),
    ]
}

fn fields() -> impl Strategy<Value = [(String, Vec<u32>); 5]> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).prop_map(<[_; 5]>::from)
}

/// Does crontab run at this minute of UTC?
fn matches(fields: &[(String, Vec<u32>); 5], at: i64) -> bool {
    let civil = TimeZone::UTC.to_datetime(Timestamp::from_second(at).to_jiff());
    let [minute, hour, day, month, weekday] = fields;
    let has = |field: &(String, Vec<u32>), value: i8| field.1.contains(&u32::try_from(value).unwrap());
    let sunday_based = civil.weekday().to_sunday_zero_offset();
    let is_day = has(day, civil.day());
    let is_weekday = has(weekday, sunday_based) || (sunday_based == 0 && has(weekday, 7));
    let days = if day.0.starts_with('*') || weekday.0.starts_with('*') {
        is_day && is_weekday
    } else {
        is_day || is_weekday
    };
    has(minute, civil.minute()) && has(hour, civil.hour()) && has(month, civil.month()) && days
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_matcher_that_looks_at_every_minute(fields in fields(), start in 1_700_000_000_i64..1_900_000_000) {
        const DAYS: i64 = 5 * 24 * 60;
        let expression = fields.each_ref().map(|(text, _)| text.as_str()).join(" ");
        let schedule = cron(&expression, "UTC");
        let first = start.div_euclid(60) + 1;
        let expected: Vec<i64> = (first..first + DAYS).map(|minute| minute * 60).filter(|at| matches(&fields, *at)).collect();
        let end = (first + DAYS) * 60;
        let runs = std::iter::successors(schedule.next(Timestamp::from_second(start)), |at| schedule.next(*at));
        let found: Vec<i64> = runs.map(Timestamp::as_second).take_while(|at| *at < end).collect();
        prop_assert_eq!(found, expected, "{}", expression);
    }
}

proptest! {
    #[test]
    fn time_only_moves_forward(
        fields in fields(),
        zone in prop::sample::select(vec!["UTC", SAIGON, NEW_YORK, LORD_HOWE, "Europe/Dublin", "Pacific/Apia", "Africa/Casablanca"]),
        millis in 0_i64..4_000_000_000_000,
        step in 0_i64..200_000_000,
    ) {
        let expression = fields.each_ref().map(|(text, _)| text.as_str()).join(" ");
        let schedule = cron(&expression, zone);
        let (at, later) = (Timestamp::from_millis(millis), Timestamp::from_millis(millis + step));
        let (next, later_next) = (schedule.next(at), schedule.next(later));
        prop_assert!(next.is_none_or(|next| next > at));
        // The same run, or one after it; and nothing between was left out.
        match next {
            Some(next) if next > later => prop_assert_eq!(later_next, Some(next)),
            _ => prop_assert!(later_next.is_none() || later_next >= next),
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,20}|[-0-9*/, a-z@]{0,30}") {
        if let Err(error) = Schedule::cron(&text, TimeZone::UTC) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} of {:?}", error.span, text);
        }
    }
}
