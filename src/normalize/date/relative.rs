//! Dates that count from now.

use jiff::{Span, civil::DateTime};

use super::{
    Precision,
    civil::{Read, time},
    lex::{Kind, Token},
    words::{self, Unit},
};

/// `Vừa xong`, `5 phút trước`, `2 giờ trước`, `Hôm qua, 15:30`; `now` is local.
pub(super) fn relative(tokens: &[Token], now: DateTime) -> Option<Read> {
    let words: Vec<&str> = tokens.iter().filter_map(Token::word).collect();
    let has = |first: &str, second: &str| words.windows(2).any(|pair| pair == [first, second]);
    let read = |at: DateTime, precision: Precision| Read {
        day: at.date(),
        precision,
        time: (precision == Precision::Minute).then(|| at.time()),
        offset: None,
        weekday: None,
    };
    if has("vua", "xong") || has("just", "now") || has("moi", "day") || words == ["now"] {
        return Some(read(now, Precision::Minute));
    }
    let days = if has("hom", "nay") || words.contains(&"today") {
        Some(0)
    } else if has("hom", "qua") || words.contains(&"yesterday") {
        Some(1)
    } else {
        has("hom", "kia").then_some(2)
    };
    if let Some(days) = days {
        let mut found = read(now.checked_sub(Span::new().days(days)).ok()?, Precision::Day);
        let clock = time(&mut tokens.to_vec());
        (found.time, found.offset) = (clock.time, clock.offset);
        return Some(found);
    }
    let (count, unit) = ago(tokens)?;
    let span = Span::new();
    let (span, precision) = match unit {
        Unit::Second => (span.try_seconds(count), Precision::Minute),
        Unit::Minute => (span.try_minutes(count), Precision::Minute),
        Unit::Hour => (span.try_hours(count), Precision::Minute),
        Unit::Day => (span.try_days(count), Precision::Day),
        Unit::Week => (span.try_weeks(count), Precision::Day),
        Unit::Month => (span.try_months(count), Precision::Month),
        Unit::Year => (span.try_years(count), Precision::Year),
    };
    let at = now.checked_sub(span.ok()?).ok()?;
    let mut found = read(at, precision);
    match precision {
        Precision::Month => found.day = found.day.first_of_month(),
        Precision::Year => found.day = found.day.first_of_year(),
        Precision::Minute | Precision::Day => {}
    }
    Some(found)
}

/// `5 phút trước`, `an hour ago`.
fn ago(tokens: &[Token]) -> Option<(i64, Unit)> {
    let end = tokens.iter().position(|token| matches!(token.word(), Some("truoc" | "ago")))?;
    let unit = words::unit(tokens.get(end.checked_sub(1)?)?.word()?)?;
    let count = match &tokens.get(end.checked_sub(2)?)?.kind {
        Kind::Number(count, 1..=4) => *count,
        Kind::Word(word) if matches!(word.as_str(), "mot" | "a" | "an") => 1,
        _ => return None,
    };
    Some((count, unit))
}
