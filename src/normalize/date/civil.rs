//! Finds day, time, offset and weekday among the tokens of a date text.

use jiff::civil::{Date as Day, ISOWeekDate, Time, Weekday};

use super::{
    Order, Precision, Timestamp,
    lex::{Kind, Token},
    words,
};

/// What a text says in its own zone.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) day: Day,
    /// How exact `day` is.
    pub(super) precision: Precision,
    pub(super) time: Option<Time>,
    /// Seconds east, where the text says so.
    pub(super) offset: Option<i32>,
    pub(super) weekday: Option<Weekday>,
}

/// A time of day with what was found behind it.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    pub(super) time: Option<Time>,
    /// It is the end of the day: `24:00`.
    next_day: bool,
    pub(super) offset: Option<i32>,
}

/// Seconds or milliseconds since the epoch, also as `/Date(1596103920000+0700)/`.
pub(super) fn epoch(tokens: &[Token]) -> Option<Timestamp> {
    let (first, rest) = tokens.split_first()?;
    let (value, digits) = if first.is('/') && rest.first()?.word() == Some("date") {
        let (value, digits) = rest.get(2)?.number()?;
        (value, digits.max(13))
    } else if rest.is_empty() || (rest.len() == 2 && rest.first()?.is('.')) {
        first.number()?
    } else {
        return None;
    };
    match digits {
        9..=10 => Some(Timestamp::from_second(value)),
        // Twelve digits are `202007301712`.
        11 | 13 => Some(Timestamp::from_millis(value)),
        _ => None,
    }
}

/// The time at which an id was given away that some systems print: three digits, `yyMMddHHmmss`, three digits.
pub(super) fn of_id(tokens: &[Token]) -> Option<Read> {
    let [token] = tokens else { return None };
    let (value, 18) = token.number()? else { return None };
    let part = |power: u32| i8::try_from(value / 10_i64.pow(power) % 100).ok();
    let day = Day::new(2000 + i16::from(part(13)?), part(11)?, part(9)?).ok()?;
    let time = Time::new(part(7)?, part(5)?, part(3)?, 0).ok()?;
    Some(Read { day, precision: Precision::Day, time: Some(time), offset: None, weekday: None })
}

/// Reads an absolute date; `None` also for spans of days, which are no date.
pub(super) fn read(tokens: &[Token], order: Order) -> Option<Read> {
    let mut tokens = tokens.to_vec();
    let weekday = weekday(&mut tokens);
    let (compact, mut clock) = compact(&mut tokens);
    if clock.time.is_none() && !clock.next_day {
        clock = time(&mut tokens);
    }
    let (mut day, precision) = compact
        .or_else(|| numeric(&mut tokens, order))
        .or_else(|| worded(&mut tokens))
        .or_else(|| partial(&tokens))?;
    if clock.next_day {
        day = day.tomorrow().ok()?;
    }
    let time = clock.time.filter(|_| precision == Precision::Day);
    Some(Read { day, precision, time, offset: clock.offset, weekday })
}

// === Weekdays ===

fn weekday(tokens: &mut [Token]) -> Option<Weekday> {
    for at in 0..tokens.len() {
        let Some(word) = tokens[at].word() else { continue };
        let next = tokens.get(at + 1);
        let next_word = next.and_then(Token::word);
        let (found, length) = match word {
            "thu" if next_word.and_then(words::vietnamese_weekday).is_some() => {
                (next_word.and_then(words::vietnamese_weekday), 2)
            }
            "chu" if next_word == Some("nhat") => (Some(Weekday::Sunday), 2),
            "thu" | "t" if numbered(tokens, at) => {
                (next.and_then(Token::number).and_then(|(n, _)| words::numbered_weekday(n)), 2)
            }
            _ => (words::weekday(word), 1),
        };
        if found.is_some() {
            tokens[at..at + length].iter_mut().for_each(|token| token.used = true);
            return found;
        }
    }
    None
}

/// `Thứ 5` and `T5`, but not `Thu 5 Jul` nor the `T` of `2020-07-30T5`.
fn numbered(tokens: &[Token], at: usize) -> bool {
    let glued = at > 0 && !tokens[at].spaced && tokens[at - 1].number().is_some();
    let one_digit =
        tokens.get(at + 1).and_then(Token::number).is_some_and(|(n, digits)| digits == 1 && n > 1);
    let then = tokens.get(at + 2);
    let counts = then.is_some_and(|t| t.is(':') || t.is('/') || t.word().and_then(words::month).is_some());
    one_digit && !glued && !counts
}

// === Times ===

/// The first time of day.
pub(super) fn time(tokens: &mut [Token]) -> Clock {
    for at in 0..tokens.len() {
        let Some((hour, digits)) = tokens[at].number().filter(|_| !tokens[at].used) else { continue };
        let Some(sign) = tokens.get(at + 1) else { continue };
        let worded = matches!(sign.word(), Some("h" | "g" | "gio"));
        if digits > 2 || !(sign.is(':') || worded) {
            continue;
        }
        let minute = tokens.get(at + 2).and_then(Token::number).filter(|(_, digits)| *digits <= 2);
        let (minute, mut end) = match minute {
            // A number behind `8 giờ` counts as minutes only where nothing makes it a day.
            Some((minute, _)) if !worded || !starts_date(tokens, at + 2) => (minute, at + 3),
            _ if worded => (0, at + 2),
            _ => continue,
        };
        let mut second = 0;
        if let (Some(colon), Some((value, 1..=2))) =
            (tokens.get(end), tokens.get(end + 1).and_then(Token::number))
            && colon.is(':')
        {
            (second, end) = (value, end + 2);
            let fraction = tokens.get(end).is_some_and(|t| t.is('.') || t.is(','))
                && tokens.get(end + 1).is_some_and(|t| t.number().is_some() && !t.spaced);
            end += if fraction { 2 } else { 0 };
        }
        if tokens.get(end).and_then(Token::word) == Some("phut") {
            end += 1;
        }
        let clock = clock(tokens, hour, minute, second, &mut end);
        tokens.iter_mut().take(end).skip(at).for_each(|token| token.used = true);
        return clock;
    }
    Clock::default()
}

fn starts_date(tokens: &[Token], at: usize) -> bool {
    tokens.get(at + 1).is_some_and(|t| t.is('/') || t.is('-') || t.is('.') || t.word() == Some("thang"))
}

fn clock(tokens: &[Token], hour: i64, minute: i64, second: i64, end: &mut usize) -> Clock {
    let half = half(tokens, end);
    let offset = offset(tokens, end);
    let hour = match half {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    if (hour, minute, second) == (24, 0, 0) {
        return Clock { time: Some(Time::midnight()), next_day: true, offset };
    }
    // Midnight with a marker is how sites print a day without a time.
    let day_only = half.is_some() && (hour, minute, second) == (0, 0, 0);
    // A leap second is the one before it.
    let small = |value: i64| i8::try_from(value).unwrap_or(i8::MAX);
    let time =
        Time::new(small(hour), small(minute), small(second.min(if second == 60 { 59 } else { second })), 0);
    Clock { time: time.ok().filter(|_| !day_only), next_day: false, offset }
}

/// `AM`, `p.m.`, `SA`, `CH`.
fn half(tokens: &[Token], end: &mut usize) -> Option<bool> {
    let word = tokens.get(*end)?.word()?;
    if let Some(half) = words::half(word) {
        *end += 1;
        return Some(half);
    }
    let dotted = matches!(word, "a" | "p")
        && tokens.get(*end + 1).is_some_and(|t| t.is('.'))
        && tokens.get(*end + 2).and_then(Token::word) == Some("m");
    if !dotted {
        return None;
    }
    let after_noon = word == "p";
    *end += 3 + usize::from(tokens.get(*end + 3).is_some_and(|t| t.is('.')));
    Some(after_noon)
}

/// The offset behind a time: `Z`, `ICT`, `GMT+7`, `(UTC+07:00)`, `+0700`.
fn offset(tokens: &[Token], end: &mut usize) -> Option<i32> {
    let mut at = *end;
    if tokens.get(at).is_some_and(|t| t.is('(') || t.is('[')) {
        at += 1;
    }
    let named = tokens.get(at).and_then(Token::word).and_then(words::zone);
    let counts =
        tokens.get(at).and_then(Token::word).is_some_and(|word| matches!(word, "gmt" | "utc" | "ut"));
    if named.is_some() {
        at += 1;
        *end = at;
    }
    if (named.is_none() || counts)
        && let Some((seconds, length)) = numeric_offset(tokens.get(at..).unwrap_or_default(), counts)
    {
        *end = at + length;
        return Some(seconds);
    }
    named
}

fn numeric_offset(tokens: &[Token], after_name: bool) -> Option<(i32, usize)> {
    let sign = match tokens.first()? {
        token if token.is('+') => 1,
        token if token.is('-') => -1,
        _ => return None,
    };
    let (value, digits) = tokens.get(1).filter(|token| !token.spaced)?.number()?;
    let colon = tokens.get(2).is_some_and(|t| t.is(':') && !t.spaced);
    let minutes = tokens.get(3).and_then(Token::number).filter(|(_, digits)| colon && *digits == 2);
    let (hours, minutes, length) = match (digits, minutes) {
        (1..=2, Some((minutes, _))) => (value, minutes, 4),
        (3..=4, _) => (value / 100, value % 100, 2),
        (2, None) if !continues(tokens.get(2)) => (value, 0, 2),
        (1, None) if after_name => (value, 0, 2),
        _ => return None,
    };
    let fits = (0..=14).contains(&hours) && (0..60).contains(&minutes);
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok().filter(|_| fits)?;
    Some((sign * seconds, length))
}

/// True when a number goes on as a date: `17:12 -30/07/2020`.
fn continues(next: Option<&Token>) -> bool {
    next.is_some_and(|t| t.is('/') || t.is('-') || t.is('.'))
}

// === Days ===

/// `20200730`, `20200730T171200`, `20200730171200`.
fn compact(tokens: &mut [Token]) -> (Option<(Day, Precision)>, Clock) {
    let none = (None, Clock::default());
    let Some((value, digits)) = tokens.first().and_then(Token::number) else { return none };
    let (date, clock) = match digits {
        8 => (value, None),
        12 => (value / 10_000, Some((value % 10_000) * 100)),
        14 => (value / 1_000_000, Some(value % 1_000_000)),
        _ => return none,
    };
    let Some(day) = day(date / 10_000, date / 100 % 100, date % 100) else { return none };
    if !(1900..=2200).contains(&(date / 10_000)) {
        return none;
    }
    tokens[0].used = true;
    let mut end = 1;
    let clock = clock.or_else(|| {
        tokens.get(1).filter(|token| token.word() == Some("t"))?;
        end = 3;
        match tokens.get(2)?.number()? {
            (value, 6) => Some(value),
            (value, 4) => Some(value * 100),
            _ => None,
        }
    });
    let clock =
        clock.map(|value| self::clock(tokens, value / 10_000, value / 100 % 100, value % 100, &mut end));
    (Some((day, Precision::Day)), clock.unwrap_or_default())
}

/// `30/07/2020`, `2020-07-30`, `30.7.20`, `2020-211`, `2020-W31-4`.
fn numeric(tokens: &mut [Token], order: Order) -> Option<(Day, Precision)> {
    for at in 0..tokens.len() {
        let Some((first, digits)) = tokens[at].number().filter(|_| !tokens[at].used) else { continue };
        let Some(found) = numeric_at(tokens.get(at..)?, order, first, digits) else { continue };
        return (!is_span(tokens, at)).then_some((found, Precision::Day));
    }
    None
}

fn numeric_at(tokens: &[Token], order: Order, first: i64, digits: usize) -> Option<Day> {
    let Kind::Sign(sign @ ('/' | '-' | '.')) = tokens.get(1)?.kind else { return None };
    if digits == 4
        && let Some(day) = iso(tokens, first)
    {
        return Some(day);
    }
    let free = |at: usize| tokens.get(at).filter(|token| !token.used);
    let (second, _) = free(2)?.number()?;
    let third = free(3).filter(|token| token.is(sign)).and_then(|_| free(4))?;
    // Only slashes may stand apart: `22 - 23 - 24` is a span of days.
    let apart = tokens.get(1..5)?.iter().any(|token| token.spaced);
    let (third, third_digits) = third.number().filter(|_| sign == '/' || !apart)?;
    if digits == 4 {
        return day(first, second, third);
    }
    let year = full_year(third, third_digits)?;
    let (one, other) = match order {
        Order::DayFirst => ((second, first), (first, second)),
        Order::MonthFirst => ((first, second), (second, first)),
    };
    day(year, one.0, one.1).or_else(|| day(year, other.0, other.1))
}

/// The ordinal and week dates of ISO 8601.
fn iso(tokens: &[Token], year: i64) -> Option<Day> {
    let year = i16::try_from(year).ok()?;
    if tokens.get(2)?.word() == Some("w") {
        let (week, _) = tokens.get(3)?.number()?;
        let weekday = tokens.get(5).and_then(Token::number).map_or(1, |(weekday, _)| weekday);
        let weekday = Weekday::from_monday_one_offset(i8::try_from(weekday).ok()?).ok()?;
        return Some(ISOWeekDate::new(year, i8::try_from(week).ok()?, weekday).ok()?.date());
    }
    let (ordinal, digits) = tokens.get(2)?.number()?;
    if digits != 3 {
        return None;
    }
    Day::new(year, 1, 1).ok()?.with().day_of_year(i16::try_from(ordinal).ok()?).build().ok()
}

/// `Jul 30, 2020`, `30th July 2020`, `30-Jul-20`, `Fri Jul 10 … 2026`, `ngày 31 tháng 7 năm 2020`, `tháng 7, 2020`.
fn worded(tokens: &mut [Token]) -> Option<(Day, Precision)> {
    for at in 0..tokens.len() {
        let Some(word) = tokens[at].word().filter(|_| !tokens[at].used) else { continue };
        let next = |step: usize| tokens.get(at + step);
        let (month, length) = match word {
            "thang" | "thg" | "th" => match next(1).map(|token| &token.kind) {
                Some(Kind::Number(month, 1..=2)) => (i8::try_from(*month).ok(), 2),
                Some(Kind::Word(word)) => {
                    let found = words::vietnamese_month(word, next(2).and_then(Token::word));
                    (found.map(|(month, _)| month), 1 + found.map_or(0, |(_, length)| length))
                }
                _ => continue,
            },
            _ => (words::month(word), 1),
        };
        let Some(month) = month else { continue };
        tokens[at..at + length].iter_mut().for_each(|token| token.used = true);
        if let Some(found) = around(tokens, at, at + length, i64::from(month)) {
            return Some(found);
        }
    }
    None
}

/// The day and the year around a month.
fn around(tokens: &mut [Token], from: usize, to: usize, month: i64) -> Option<(Day, Precision)> {
    let short = |token: &Token| {
        token.number().filter(|(n, digits)| !token.used && *digits <= 2 && (1..=31).contains(n))
    };
    // `31 tháng 7`, `31-Jul`, `31st of July`: the day may stand a sign or a word before.
    let before = (from.saturating_sub(2)..from).rev().find(|&at| short(&tokens[at]).is_some());
    let after = before.is_none().then_some(to).filter(|&at| tokens.get(at).and_then(short).is_some());
    if let Some(at) = before
        && is_span(tokens, at)
    {
        return None;
    }
    let day_number = before.or(after).and_then(|at| tokens[at].number());
    if let Some(at) = before.or(after) {
        tokens[at].used = true;
    }
    let year = year(tokens, to)?;
    match day_number {
        Some((number, _)) => Some((day(year, month, number)?, Precision::Day)),
        None => Some((day(year, month, 1)?, Precision::Month)),
    }
}

/// The year behind a month: four digits anywhere, or two right behind it.
fn year(tokens: &[Token], from: usize) -> Option<i64> {
    let four = tokens.iter().filter(|token| !token.used).find_map(|token| {
        token
            .number()
            .filter(|(year, digits)| *digits == 4 && (1000..=9999).contains(year))
            .map(|(year, _)| year)
    });
    four.or_else(|| {
        let near =
            tokens.get(from..)?.iter().take(4).find(|token| !token.used && token.number().is_some())?;
        near.number().and_then(|(year, digits)| full_year(year, digits))
    })
}

/// `2020-07`, `07/2020`, and `2020` alone.
fn partial(tokens: &[Token]) -> Option<(Day, Precision)> {
    if let [only] = tokens {
        let (year, 4) = only.number()? else { return None };
        return Some((day(year, 1, 1).filter(|_| (1900..=2200).contains(&year))?, Precision::Year));
    }
    tokens.windows(3).enumerate().find_map(|(at, window)| {
        let [first, sign, second] = window else { return None };
        if !(sign.is('/') || sign.is('-')) || first.used || second.used || sign.spaced || second.spaced {
            return None;
        }
        let (((year, 4), (month, 1..=2)) | ((month, 1..=2), (year, 4))) = (first.number()?, second.number()?)
        else {
            return None;
        };
        let goes_on = tokens.get(at + 3).is_some_and(|t| t.is('/') || t.is('-'));
        let follows = at > 0 && (tokens[at - 1].is('/') || tokens[at - 1].is('-')) && !first.spaced;
        let day = day(year, month, 1).filter(|_| !goes_on && !follows && (1900..=2200).contains(&year))?;
        Some((day, Precision::Month))
    })
}

fn day(year: i64, month: i64, day: i64) -> Option<Day> {
    let year = i16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    Day::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Two-digit years as RFC 5322, section 4.3, reads them.
fn full_year(year: i64, digits: usize) -> Option<i64> {
    match (digits, year) {
        (4, _) => Some(year),
        (2, 0..=49) => Some(2000 + year),
        (2 | 3, _) => Some(1900 + year),
        _ => None,
    }
}

/// True when the day at `at` ends a span: `22 - 23 - 24/7`, `22-24/7`, `22, 23 và 24/7`, `từ 1/7/2020 đến 3/7/2020`.
fn is_span(tokens: &[Token], at: usize) -> bool {
    let joins = |token: &Token| {
        token.is('-')
            || token.is(',')
            || token.is('&')
            || matches!(token.word(), Some("va" | "den" | "toi" | "to" | "and"))
    };
    let earlier =
        |token: &Token| token.number().is_some_and(|(n, digits)| digits <= 2 && n <= 31 && !token.used);
    let before = at >= 2 && joins(&tokens[at - 1]) && earlier(&tokens[at - 2]);
    let year_ends = tokens.iter().skip(at).position(|t| t.number().is_some_and(|(_, digits)| digits == 4));
    let after = year_ends.filter(|end| *end > 0).is_some_and(|end| {
        let rest = tokens.get(at + end + 1..).unwrap_or_default();
        matches!(rest, [join, day, sign, ..] if joins(join) && !join.is(',') && earlier(day) && (sign.is('/') || sign.is('-')))
    });
    before || after
}
