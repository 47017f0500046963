//! Every form of date that Vietnamese sites and feeds print, over random instants, in the zones of sources. (That a machine's own zone changes
//! nothing is a test of the program: `tests/it/cli.rs`.)

use jiff::{Zoned, civil::Weekday, tz::TimeZone};
use proptest::{prelude::*, sample::select};

use super::{Order, Precision, Timestamp, parse};

/// How much of a local time a form says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Second,
    Minute,
    Day,
}

/// Where a form is seen, what it prints of a local time, and how much that says.
type Form = (&'static str, fn(&Zoned) -> String, Says);

/// The zones of sources: without summer time, with it on either side of the world, and with half an hour.
const ZONES: [&str; 4] = ["Asia/Ho_Chi_Minh", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"];

fn print(at: &Zoned, format: &str) -> String {
    at.strftime(format).to_string()
}

fn weekday(at: &Zoned) -> &'static str {
    match at.weekday() {
        Weekday::Monday => "Thứ hai",
        Weekday::Tuesday => "Thứ ba",
        Weekday::Wednesday => "Thứ Tư",
        Weekday::Thursday => "Thứ Năm",
        Weekday::Friday => "THỨ SÁU",
        Weekday::Saturday => "Thứ Bảy",
        Weekday::Sunday => "Chủ nhật",
    }
}

fn short_weekday(at: &Zoned) -> String {
    match at.weekday().to_monday_one_offset() {
        7 => "CN".to_owned(),
        n => format!("T{}", n + 1),
    }
}

/// `SA` before noon, `CH` behind it.
fn halves(at: &Zoned) -> String {
    let (hour, half) = (at.hour() % 12, if at.hour() < 12 { "SA" } else { "CH" });
    let hour = if hour == 0 { 12 } else { hour };
    format!("{} {hour}:{:02}:{:02} {half}", print(at, "%d/%m/%Y"), at.minute(), at.second())
}

const FORMS: [Form; 26] = [
    ("the seed's earlier articles", |at| print(at, "(%H:%M - %d/%m/%Y)"), Says::Minute),
    (
        "the same engine's lists",
        |at| format!("{}, {}", weekday(at), print(at, "%d/%m/%Y, %H:%M")),
        Says::Minute,
    ),
    ("a newspaper, padded", |at| print(at, "%d/%m/%Y, %H:%M (GMT%:z)"), Says::Minute),
    ("a newspaper", |at| format!("{}, {}", weekday(at), print(at, "%-d/%-m/%Y, %-H:%M")), Says::Minute),
    ("the city portal", |at| print(at, "%H:%M | %d/%m/%Y"), Says::Minute),
    ("a Liferay 6 portal", |at| print(at, "Ngày đăng %d/%m/%Y | %I:%M:%S %p  | View count: 8"), Says::Second),
    ("ASP.NET", halves, Says::Second),
    ("a JSON endpoint", |at| print(at, "%a %b %d %H:%M:%S %z %Y"), Says::Second),
    ("news sites, the hour first", |at| print(at, "%H:%M, %d/%m/%Y"), Says::Minute),
    ("news sites, the day first", |at| print(at, "%d/%m/%Y - %H:%M"), Says::Minute),
    ("hours in words", |at| print(at, "%-H giờ %-M phút, ngày %-d tháng %-m năm %Y"), Says::Minute),
    ("hours with h", |at| print(at, "%-Hh%M ngày %d/%m/%Y"), Says::Minute),
    ("dots", |at| print(at, "%d.%m.%Y lúc %H:%M"), Says::Minute),
    ("hyphens", |at| print(at, "Cập nhật: %d-%m-%Y %H:%M:%S"), Says::Second),
    ("short weekdays", |at| format!("{}, {}", short_weekday(at), print(at, "%d/%m/%Y %H:%M")), Says::Minute),
    ("RFC 3339", |at| print(at, "%Y-%m-%dT%H:%M:%S%:z"), Says::Second),
    ("ISO 8601, compact", |at| print(at, "%Y%m%dT%H%M%S%z"), Says::Second),
    ("a database's own", |at| print(at, "%Y-%m-%d %H:%M:%S"), Says::Second),
    ("RFC 2822", |at| print(at, "%a, %d %b %Y %H:%M:%S %z"), Says::Second),
    ("RFC 850", |at| print(at, "%A, %d-%b-%y %H:%M:%S %z"), Says::Second),
    ("English", |at| print(at, "%B %-d, %Y at %-I:%M:%S %p"), Says::Second),
    ("ids", |at| format!("115{}419", print(at, "%y%m%d%H%M%S")), Says::Second),
    ("seconds", |at| at.timestamp().as_second().to_string(), Says::Second),
    ("running text", |at| print(at, "ngày %-d tháng %-m năm %Y"), Says::Day),
    ("a day", |at| print(at, "%d/%m/%Y"), Says::Day),
    ("a day at midnight", |at| print(at, "Ngày đăng %d/%m/%Y | 12:00 AM | View count: 8"), Says::Day),
];

/// What a form says of a local time.
fn said(at: &Zoned, says: Says) -> Timestamp {
    let said = match says {
        Says::Second => at.timestamp(),
        Says::Minute => at.with().second(0).build().unwrap().timestamp(),
        Says::Day => at.date().at(12, 0, 0, 0).to_zoned(at.time_zone().clone()).unwrap().timestamp(),
    };
    said.into()
}

proptest! {
    #[test]
    fn every_form_is_read_as_the_instant_that_it_means(
        days in 0..14_600_i64, second in 0..86_400_i64, zone in select(&ZONES[..]),
    ) {
        // From 2001 to 2040. Midnight with `AM` is how some sites print a day.
        prop_assume!(second >= 60);
        let local = jiff::civil::date(2001, 1, 1).at(0, 0, 0, 0) + jiff::Span::new().days(days).seconds(second);
        let zone = TimeZone::get(zone).unwrap();
        let at = local.to_zoned(zone.clone()).unwrap();
        for (name, form, says) in FORMS {
            let text = form(&at);
            let read = parse(&text, &zone, Order::DayFirst, at.timestamp().into());
            let read = read.map(|read| (read.at, read.precision, read.wrong_weekday));
            let precision = if says == Says::Day { Precision::Day } else { Precision::Minute };
            prop_assert_eq!(read, Some((said(&at, says), precision, false)), "{}: {}", name, text);
        }
    }
}

proptest! {
    #[test]
    fn what_counts_back_counts_from_the_fetch(
        fetched in 1_000_000_000_i64..2_200_000_000, n in 1..60_i64, zone in select(&ZONES[..]),
    ) {
        let (fetched, zone) = (Timestamp::from_second(fetched), TimeZone::get(zone).unwrap());
        let read = |text: &str| parse(text, &zone, Order::DayFirst, fetched);
        let ago = |seconds: i64| Some(Timestamp::from_second(fetched.as_second() - seconds));
        let at = |text: String| read(&text).map(|read| read.at);
        // By the clock on the wall: what the hours of a changed clock are, the page does not say.
        let is_changed = fetched.offset_in(&zone) != Timestamp::from_second(fetched.as_second() - 60 * 3600).offset_in(&zone);
        prop_assume!(!is_changed);
        prop_assert_eq!(at("Vừa xong".to_owned()), ago(0));
        prop_assert_eq!(at(format!("{n} phút trước")), ago(n * 60));
        prop_assert_eq!(at(format!("{n} giờ trước")), ago(n * 3600));
        let yesterday = fetched.to_jiff().to_zoned(zone.clone()).date().yesterday().unwrap();
        let noon = yesterday.at(12, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp();
        prop_assert_eq!(at("Hôm qua".to_owned()), Some(noon.into()));
    }
}
