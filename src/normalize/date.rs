//! Honest dates: what the source said, how exactly, and nothing made up.
//!
//! [`parse`] reads a text, [`date`] applies the rules: an exact time is taken as it is; a day is 12:00 local, or
//! the moment it was fetched when that is the same day; what lies in the future, cannot be true or cannot be
//! read becomes the moment it was fetched, marked as inferred, with the text kept.

mod civil;
mod lex;
mod relative;
mod words;

use std::time::Duration;

use jiff::{
    civil::{Date as Day, DateTime, Time},
    tz::{Offset as FixedOffset, TimeZone},
};

use super::{Context, Order, text};
use crate::model::{Date, Issue, Precision, Timestamp};

/// How far a source's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(10 * 60);

/// The most characters looked at, and the most kept as raw text.
const LONGEST: usize = 300;

/// What a date text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedDate {
    /// The instant; 12:00 local where the text names no time, on the first day where it names none.
    pub at: Timestamp,
    /// How exact the text is.
    pub precision: Precision,
    /// True when it names a weekday that the date does not fall on.
    pub wrong_weekday: bool,
}

/// Reads a date text. `zone` is where its local times are, `fetched` what relative ones count from.
pub fn parse(raw: &str, zone: &TimeZone, order: Order, fetched: Timestamp) -> Option<ParsedDate> {
    let tokens = lex::tokens(&raw.chars().take(LONGEST).collect::<String>());
    if let Some(at) = civil::epoch(&tokens) {
        return Some(ParsedDate { at, precision: Precision::Minute, wrong_weekday: false });
    }
    let now = fetched.to_jiff().to_zoned(zone.clone()).datetime();
    let read = civil::read(&tokens, order)
        .or_else(|| relative::relative(&tokens, now))
        .or_else(|| civil::of_id(&tokens))?;
    let precision = if read.time.is_some() { Precision::Minute } else { read.precision };
    let noon = Time::constant(12, 0, 0, 0);
    let local = DateTime::from_parts(read.day, read.time.unwrap_or(noon));
    let at = match read.offset.filter(|_| read.time.is_some()) {
        Some(offset) => FixedOffset::from_seconds(offset).ok()?.to_timestamp(local).ok()?,
        None => zone.to_timestamp(local).ok()?,
    };
    let wrong_weekday = read.weekday.is_some_and(|weekday| weekday != read.day.weekday());
    Some(ParsedDate { at: at.into(), precision, wrong_weekday })
}

/// The date that `raw` stands for, by the rules above; `None` when there is no text.
pub fn date(raw: Option<&str>, context: &Context<'_>) -> (Option<Date>, Vec<Issue>) {
    let Some(raw) = raw.map(str::trim).filter(|raw| !raw.is_empty()) else { return (None, Vec::new()) };
    let shown = text::line(&raw.chars().take(LONGEST).collect::<String>());
    if shown.is_empty() {
        return (None, Vec::new());
    }
    let (fetched, zone) = (context.fetched, &context.rules.zone);
    let inferred = |code: &str, why: &str| {
        let date = make(fetched, Precision::Minute, zone, &shown, true);
        (Some(date), vec![Issue::warning(code, format!("the date `{shown}` {why}"))])
    };
    let Some(parsed) = parse(raw, zone, context.rules.order, fetched) else {
        return inferred("date-unreadable", "cannot be read");
    };
    let at = settle(&parsed, zone, fetched);
    if at > fetched.plus(AHEAD) {
        return inferred("date-in-future", "is in the future");
    }
    let mut issues = Vec::new();
    if parsed.wrong_weekday {
        issues.push(Issue::warning("date-weekday", format!("`{shown}` is no such weekday: the date counts")));
    }
    match year(at, zone) {
        ..=1970 => return inferred("date-implausible", "cannot be true"),
        1971..1990 => {
            issues.push(Issue::warning("date-implausible", format!("`{shown}` is older than the web")));
        }
        _ => {}
    }
    (Some(make(at, parsed.precision, zone, &shown, false)), issues)
}

fn make(at: Timestamp, precision: Precision, zone: &TimeZone, raw: &str, inferred: bool) -> Date {
    Date { at, offset: at.offset_in(zone), precision, raw: Some(raw.to_owned()), inferred }
}

fn local(at: Timestamp, zone: &TimeZone) -> Day {
    at.to_jiff().to_zoned(zone.clone()).date()
}

fn year(at: Timestamp, zone: &TimeZone) -> i16 {
    local(at, zone).year()
}

/// A day (month, year) that is going on is now.
fn settle(parsed: &ParsedDate, zone: &TimeZone, fetched: Timestamp) -> Timestamp {
    let (said, now) = (local(parsed.at, zone), local(fetched, zone));
    match parsed.precision {
        Precision::Day if said == now => fetched,
        Precision::Month if said == now.first_of_month() => parsed.at.min(fetched),
        Precision::Year if said == now.first_of_year() => parsed.at.min(fetched),
        _ => parsed.at,
    }
}

#[cfg(test)]
mod forms;
#[cfg(test)]
mod tests;
