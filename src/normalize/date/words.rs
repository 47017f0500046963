//! The words of dates, folded: months, weekdays, zones, units.

use jiff::civil::Weekday;

/// An English month, or a Vietnamese one behind `tháng`.
pub(super) fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if word.len() < 3 || (word.len() > 3 && !MONTHS.contains(&word) && word != "sept") {
        return None;
    }
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|month| month.starts_with(start))?;
    i8::try_from(at + 1).ok()
}

/// A Vietnamese number of a month: `giêng`, `bảy`, `mười` (followed by `một`, `hai`), `chạp`.
pub(super) fn vietnamese_month(word: &str, next: Option<&str>) -> Option<(i8, usize)> {
    Some(match (word, next) {
        ("muoi", Some("mot")) => (11, 2),
        ("muoi", Some("hai")) => (12, 2),
        ("mot" | "gieng", _) => (1, 1),
        ("hai", _) => (2, 1),
        ("ba", _) => (3, 1),
        ("tu" | "bon", _) => (4, 1),
        ("nam", _) => (5, 1),
        ("sau", _) => (6, 1),
        ("bay", _) => (7, 1),
        ("tam", _) => (8, 1),
        ("chin", _) => (9, 1),
        ("muoi", _) => (10, 1),
        ("chap", _) => (12, 1),
        _ => return None,
    })
}

/// An English weekday.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tues" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thur" | "thurs" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" | "cn" => Weekday::Sunday,
        _ => return None,
    })
}

/// A Vietnamese weekday's word behind `thứ`.
pub(super) fn vietnamese_weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "hai" => Weekday::Monday,
        "ba" => Weekday::Tuesday,
        "tu" => Weekday::Wednesday,
        "nam" => Weekday::Thursday,
        "sau" => Weekday::Friday,
        "bay" => Weekday::Saturday,
        _ => return None,
    })
}

/// A Vietnamese weekday's number behind `thứ` or `T`: 2 is Monday.
pub(super) fn numbered_weekday(number: i64) -> Option<Weekday> {
    i8::try_from(number)
        .ok()
        .filter(|n| (2..=7).contains(n))
        .and_then(|n| Weekday::from_monday_one_offset(n - 1).ok())
}

/// A zone's name in seconds east: RFC 822, section 5.1, and the names that feeds use.
pub(super) fn zone(word: &str) -> Option<i32> {
    let minutes = match word {
        // Military letters other than `Z` say nothing sure (RFC 5322, section 4.3).
        "z" | "ut" | "utc" | "gmt" | "wet" => 0,
        "est" | "cdt" => -300,
        "edt" => -240,
        "cst" | "mdt" => -360,
        "mst" | "pdt" => -420,
        "pst" | "akdt" => -480,
        "akst" => -540,
        "hst" => -600,
        "bst" | "cet" | "met" => 60,
        "cest" | "mest" | "eet" => 120,
        "eest" | "msk" => 180,
        "ist" => 330,
        "ict" | "wib" => 420,
        "sgt" | "hkt" | "awst" => 480,
        "jst" | "kst" => 540,
        "aest" => 600,
        "aedt" => 660,
        "nzst" => 720,
        "nzdt" => 780,
        _ => return None,
    };
    Some(minutes * 60)
}

/// Which half of the day a word means: false is before noon.
pub(super) fn half(word: &str) -> Option<bool> {
    match word {
        "am" | "sa" | "sang" => Some(false),
        "pm" | "ch" | "chieu" | "toi" => Some(true),
        _ => None,
    }
}

/// What a relative date counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A unit's word.
pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "giay" | "second" | "seconds" | "sec" | "secs" => Unit::Second,
        "phut" | "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "gio" | "tieng" | "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "ngay" | "day" | "days" => Unit::Day,
        "tuan" | "week" | "weeks" => Unit::Week,
        "thang" | "month" | "months" => Unit::Month,
        "nam" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}
