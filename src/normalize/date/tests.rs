use ::url::Url;

use super::*;
use crate::normalize::{Rules, UrlRules};

fn zone() -> TimeZone {
    TimeZone::get("Asia/Ho_Chi_Minh").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 15:00 on a Friday in Vietnam.
const FETCHED: &str = "2026-07-10T15:00:00+07:00";

fn read(raw: &str) -> Option<(Timestamp, Precision)> {
    parse(raw, &zone(), Order::DayFirst, at(FETCHED)).map(|parsed| (parsed.at, parsed.precision))
}

fn check(raw: &str, expected: &str) {
    assert_eq!(read(raw), Some((at(expected), Precision::Minute)), "{raw}");
}

fn check_as(raw: &str, precision: Precision, expected: &str) {
    assert_eq!(read(raw), Some((at(expected), precision)), "{raw}");
}

#[test]
fn reads_the_forms_of_vietnamese_sites() {
    for (raw, expected) in [
        ("(17:12 - 30/07/2020)", "2020-07-30T17:12:00+07:00"),
        ("17:12 -30/07/2020", "2020-07-30T17:12:00+07:00"),
        ("17:12-30/07/2020", "2020-07-30T17:12:00+07:00"),
        ("Thứ Năm, 28/06/2018, 08:00", "2018-06-28T08:00:00+07:00"),
        ("Thứ tư, 22/10/2025, 19:25 (GMT+7)", "2025-10-22T19:25:00+07:00"),
        ("Thứ năm, 2/11/2023, 9:05 (GMT+7)", "2023-11-02T09:05:00+07:00"),
        ("15:55 | 10/07/2026", "2026-07-10T15:55:00+07:00"),
        ("Ngày đăng 24/08/2022 | 04:30 PM  | View count: 8", "2022-08-24T16:30:00+07:00"),
        ("24/08/2022 9:07 AM", "2022-08-24T09:07:00+07:00"),
        ("24/08/2022 4:30:15 CH", "2022-08-24T16:30:15+07:00"),
        ("24/08/2022 04:30 SA", "2022-08-24T04:30:00+07:00"),
        ("12:05 CH 24/08/2022", "2022-08-24T12:05:00+07:00"),
        ("17:12, 30/07/2020", "2020-07-30T17:12:00+07:00"),
        ("30/07/2020 - 17:12", "2020-07-30T17:12:00+07:00"),
        ("30-07-2020 17:12", "2020-07-30T17:12:00+07:00"),
        ("30.07.2020 lúc 17h12", "2020-07-30T17:12:00+07:00"),
        ("17 giờ 12 phút, ngày 30 tháng 7 năm 2020", "2020-07-30T17:12:00+07:00"),
        ("8 giờ 30/7/2020", "2020-07-30T08:00:00+07:00"),
        ("T5, 30/07/2020 17:12", "2020-07-30T17:12:00+07:00"),
        ("Thứ 5, ngày 30/07/2020 17:12", "2020-07-30T17:12:00+07:00"),
        ("CN 26/07/2020 07:00", "2020-07-26T07:00:00+07:00"),
        ("Chủ nhật, 26/07/2020 | 07:00 GMT+7", "2020-07-26T07:00:00+07:00"),
        ("Cập nhật lúc: 17:12\u{a0}\u{a0}30/07/2020", "2020-07-30T17:12:00+07:00"),
        ("30/7/20 17:12", "2020-07-30T17:12:00+07:00"),
        ("30 Thg 7, 2020 17:12", "2020-07-30T17:12:00+07:00"),
        ("17:12 ngày 30/07/2020, cập nhật 18:00 31/07/2020", "2020-07-30T17:12:00+07:00"),
    ] {
        check(raw, expected);
    }
}

#[test]
fn reads_the_dates_of_feeds() {
    for (raw, expected) in [
        ("Thu, 30 Jul 2020 17:12:00 +0700", "2020-07-30T10:12:00Z"),
        ("Thu, 30 Jul 2020 10:12:00 GMT", "2020-07-30T10:12:00Z"),
        ("30 Jul 20 10:12 UT", "2020-07-30T10:12:00Z"),
        ("Thu,30 Jul 2020 7:00 EST", "2020-07-30T12:00:00Z"),
        ("Thu, 30 Jul 2020 17:12:00 ICT", "2020-07-30T10:12:00Z"),
        ("Thu, 30 Jul 2020 17:12:00 GMT+7", "2020-07-30T10:12:00Z"),
        ("Thu, 30 Jul 2020 17:12:00 UTC+07:00", "2020-07-30T10:12:00Z"),
        ("Thu, 30 Jul 2020 10:12:00 -0000", "2020-07-30T10:12:00Z"),
        ("Thu, 2 Jul 2020 10:12:00 Z", "2020-07-02T10:12:00Z"),
        ("Thu 2 Jul 2020 10:12:00 GMT", "2020-07-02T10:12:00Z"),
        ("Thu, 30 Jul 99 10:12:00 GMT", "1999-07-30T10:12:00Z"),
        ("Thu, 30 July 2020 10:12:00 PDT", "2020-07-30T17:12:00Z"),
        ("Fri Jul 10 15:55:00 +0700 2026", "2026-07-10T08:55:00Z"),
        ("Fri Jul 10 15:55:00 ICT 2026", "2026-07-10T08:55:00Z"),
        ("Fri Jul 10 15:55:00 2026", "2026-07-10T15:55:00+07:00"),
        ("2020-07-30T17:12:00+07:00", "2020-07-30T10:12:00Z"),
        ("2020-07-30T10:12:00.123456Z", "2020-07-30T10:12:00Z"),
        ("2020-07-30T10:12Z", "2020-07-30T10:12:00Z"),
        ("2020-07-30 17:12:00 +0700", "2020-07-30T10:12:00Z"),
        ("2020-07-30T17:12:00-05", "2020-07-30T22:12:00Z"),
        ("2020-07-30T17:12:00+07:00[Asia/Ho_Chi_Minh]", "2020-07-30T10:12:00Z"),
        ("2020-07-30T17:12:00", "2020-07-30T17:12:00+07:00"),
        ("20200730T101200Z", "2020-07-30T10:12:00Z"),
        ("20200730171200", "2020-07-30T17:12:00+07:00"),
        ("2020-07-30T24:00:00Z", "2020-07-31T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("1596103920", "2020-07-30T10:12:00Z"),
        ("1596103920000", "2020-07-30T10:12:00Z"),
        ("/Date(1596103920000)/", "2020-07-30T10:12:00Z"),
        ("/Date(1596103920000+0700)/", "2020-07-30T10:12:00Z"),
        ("July 30th, 2020 at 5:12 p.m.", "2020-07-30T17:12:00+07:00"),
        ("30-Jul-2020 17:12:00", "2020-07-30T17:12:00+07:00"),
        ("30-Jul-20 17:12:00", "2020-07-30T17:12:00+07:00"),
    ] {
        check(raw, expected);
    }
}

#[test]
fn says_how_exact_a_date_is() {
    use Precision::{Day, Month, Year};
    for (raw, precision, expected) in [
        ("30/07/2020", Day, "2020-07-30T12:00:00+07:00"),
        ("2/11/2023", Day, "2023-11-02T12:00:00+07:00"),
        ("2020-07-30", Day, "2020-07-30T12:00:00+07:00"),
        ("20200730", Day, "2020-07-30T12:00:00+07:00"),
        ("2020-212", Day, "2020-07-30T12:00:00+07:00"),
        ("2020-W31-4", Day, "2020-07-30T12:00:00+07:00"),
        ("2020年7月30日", Day, "2020-07-30T12:00:00+07:00"),
        ("ngày 31 tháng 7 năm 2020", Day, "2020-07-31T12:00:00+07:00"),
        ("31 Tháng Bảy, 2020", Day, "2020-07-31T12:00:00+07:00"),
        ("Tháng Bảy 31, 2020", Day, "2020-07-31T12:00:00+07:00"),
        ("1 tháng mười hai năm 2020", Day, "2020-12-01T12:00:00+07:00"),
        ("5 tháng năm năm 2020", Day, "2020-05-05T12:00:00+07:00"),
        ("Th7 31, 2020", Day, "2020-07-31T12:00:00+07:00"),
        ("Jul 30, 2020", Day, "2020-07-30T12:00:00+07:00"),
        ("Ngày đăng 24/08/2022 | 12:00 AM | View count: 8", Day, "2022-08-24T12:00:00+07:00"),
        ("24/08/2022 00:00 SA", Day, "2022-08-24T12:00:00+07:00"),
        ("24/08/2022 12:00:00 SA", Day, "2022-08-24T12:00:00+07:00"),
        ("2020-07", Month, "2020-07-01T12:00:00+07:00"),
        ("07/2020", Month, "2020-07-01T12:00:00+07:00"),
        ("Tháng 7 năm 2020", Month, "2020-07-01T12:00:00+07:00"),
        ("July 2020", Month, "2020-07-01T12:00:00+07:00"),
        ("2020", Year, "2020-01-01T12:00:00+07:00"),
    ] {
        check_as(raw, precision, expected);
    }
}

#[test]
fn counts_back_from_the_fetch() {
    use Precision::{Day, Minute, Month};
    for (raw, precision, expected) in [
        ("Vừa xong", Minute, FETCHED),
        ("5 phút trước", Minute, "2026-07-10T14:55:00+07:00"),
        ("khoảng 2 giờ trước", Minute, "2026-07-10T13:00:00+07:00"),
        ("Một giờ trước", Minute, "2026-07-10T14:00:00+07:00"),
        ("3 minutes ago", Minute, "2026-07-10T14:57:00+07:00"),
        ("Hôm qua", Day, "2026-07-09T12:00:00+07:00"),
        ("Hôm qua, 15:30", Minute, "2026-07-09T15:30:00+07:00"),
        ("Hôm nay", Day, "2026-07-10T12:00:00+07:00"),
        ("3 ngày trước", Day, "2026-07-07T12:00:00+07:00"),
        ("2 tuần trước", Day, "2026-06-26T12:00:00+07:00"),
        ("2 tháng trước", Month, "2026-05-01T12:00:00+07:00"),
    ] {
        check_as(raw, precision, expected);
    }
}

#[test]
fn does_not_make_dates_up() {
    for raw in [
        "Ngày 22 - 23 - 24/7/2020",
        "22-24/7/2020",
        "22, 23 và 24/7/2020",
        "Từ 20/7 đến 24/7/2020",
        "20/7/2020 - 24/7/2020",
        "ngày 22 và 23 tháng 7 năm 2020",
        "Tin tức - Sự kiện",
        "31/02/2020",
        "99/99/9999",
        "View count: 8",
        "1/2",
        "12345",
        "999999999999999999999999",
        "0 phut",
        "trước",
        "-",
    ] {
        assert_eq!(read(raw), None, "{raw}");
    }
}

#[test]
fn follows_the_order_of_the_source() {
    let read = |raw, order| parse(raw, &zone(), order, at(FETCHED)).map(|parsed| parsed.at);
    assert_eq!(read("03/04/2020", Order::DayFirst), Some(at("2020-04-03T12:00:00+07:00")));
    assert_eq!(read("03/04/2020", Order::MonthFirst), Some(at("2020-03-04T12:00:00+07:00")));
    assert_eq!(read("30/04/2020", Order::MonthFirst), Some(at("2020-04-30T12:00:00+07:00")));
}

fn rules() -> Rules {
    Rules {
        zone: zone(),
        order: Order::DayFirst,
        language: None,
        url: UrlRules::default(),
        title_noise: Vec::new(),
        body_noise: Vec::new(),
    }
}

fn settled(raw: &str) -> (Option<Date>, Vec<String>) {
    let base: Url = "http://a.vn/".parse().unwrap();
    let rules = rules();
    let context = Context { rules: &rules, base: &base, fetched: at(FETCHED) };
    let (date, issues) = date(Some(raw), &context);
    (date, issues.into_iter().map(|issue| issue.code).collect())
}

#[test]
fn settles_days_and_doubts() {
    for (raw, expected, inferred, issue) in [
        ("10/07/2026", FETCHED, false, None),
        ("09/07/2026", "2026-07-09T12:00:00+07:00", false, None),
        ("15:05 10/07/2026", "2026-07-10T15:05:00+07:00", false, None),
        ("15:55 10/07/2026", FETCHED, true, Some("date-in-future")),
        ("11/07/2026", FETCHED, true, Some("date-in-future")),
        ("2026", "2026-01-01T12:00:00+07:00", false, None),
        ("sắp diễn ra", FETCHED, true, Some("date-unreadable")),
        ("01/01/0001 12:00:00 SA", FETCHED, true, Some("date-implausible")),
        ("1970-01-01T00:00:00Z", FETCHED, true, Some("date-implausible")),
        ("30/07/1980", "1980-07-30T12:00:00+07:00", false, Some("date-implausible")),
        ("Thứ Hai, 30/07/2020 08:00", "2020-07-30T08:00:00+07:00", false, Some("date-weekday")),
    ] {
        let (date, issues) = settled(raw);
        let date = date.unwrap();
        assert_eq!((date.at, date.inferred), (at(expected), inferred), "{raw}");
        assert_eq!(issues.first().map(String::as_str), issue, "{raw}");
        assert_eq!(date.raw.as_deref(), Some(raw));
        assert_eq!(date.offset.0, 7 * 3600);
    }
    assert_eq!(settled(" \u{a0} "), (None, Vec::new()));
}

#[test]
fn does_not_hang_on_floods() {
    for part in ["1", "1/", "12:", "thu ", "thang 1 ", "22 - ", "a"] {
        read(&part.repeat(1_000_000 / part.len()));
    }
}

proptest::proptest! {
    #[test]
    fn takes_any_text(raw in "([0-9]{1,4}|[/:. -]|thang|Jul|PM|Z|[+]|T|\\PC){0,30}") {
        let (date, _) = settled(&raw);
        if let Some(date) = date {
            proptest::prop_assert!(date.at <= at(FETCHED).plus(AHEAD));
        }
    }

    #[test]
    fn reads_back_what_feeds_print(second in 700_000_000_i64..1_700_000_000) {
        let instant = Timestamp::from_second(second);
        let offset = crate::model::Offset(-5 * 3600);
        for text in [instant.rfc2822(offset), instant.rfc3339(offset), instant.http_date()] {
            proptest::prop_assert_eq!(read(&text), Some((instant, Precision::Minute)), "{}", text);
        }
    }
}
