//! crontab(5), read as Vixie's cron reads it, and said again in the words of the `cron` crate.

use std::ops::{Range, RangeInclusive};

use super::Error;

/// The five fields, each as the set of its values, bit by bit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields([Field; 5]);

/// The values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// It begins with `*`. crontab calls such a field unrestricted, even `*/2`.
    star: bool,
}

/// What one field may hold.
struct Kind {
    name: &'static str,
    range: RangeInclusive<u32>,
    /// Names of values, from the first on.
    names: &'static [&'static str],
}

/// A part of the expression and where it stands.
#[derive(Clone, Copy)]
struct Part<'t> {
    text: &'t str,
    at: usize,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const KINDS: [Kind; 5] = [
    Kind { name: "minute", range: 0..=59, names: &[] },
    Kind { name: "hour", range: 0..=23, names: &[] },
    Kind { name: "day of the month", range: 1..=31, names: &[] },
    Kind { name: "month", range: 1..=12, names: &MONTHS },
    Kind { name: "day of the week", range: 0..=7, names: &DAYS },
];

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads five fields or a nickname.
pub(super) fn read(expression: &str) -> Result<Fields, Error> {
    let parts = words(expression);
    let whole = trimmed(expression);
    if let [word] = parts.as_slice()
        && word.text.starts_with('@')
    {
        return nickname(*word);
    }
    let [minute, hour, day, month, weekday] = parts.as_slice() else { return Err(count(parts.len(), whole)) };
    let [a, b, c, d, e] = &KINDS;
    Ok(Fields([
        a.field(*minute)?,
        b.field(*hour)?,
        c.field(*day)?,
        d.field(*month)?,
        e.field(*weekday)?.with_one_sunday(),
    ]))
}

// === impl Fields ===

impl Fields {
    /// Has `*` in its minutes or hours: such a job is not one "that runs at a particular time" (cron(8)).
    pub(super) fn follows_clock(&self) -> bool {
        let [minute, hour, ..] = &self.0;
        minute.star || hour.star
    }

    /// Six fields each, with seconds in front and weekdays from 1 for Sunday. Where both kinds of days are
    /// restricted, crontab means days that are one or the other: two schedules.
    pub(super) fn quartz(&self) -> Vec<String> {
        let [minute, hour, day, month, weekday] = &self.0;
        let (minute, hour, month) = (minute.list(0), hour.list(0), month.list(0));
        // All seven are written as `*`, because the crate looks at no calendar then.
        let weekdays = if weekday.bits == 0x7f { "*".to_owned() } else { weekday.list(1) };
        let days = day.list(0);
        if day.star || weekday.star {
            return vec![format!("0 {minute} {hour} {days} {month} {weekdays}")];
        }
        vec![format!("0 {minute} {hour} {days} {month} *"), format!("0 {minute} {hour} * {month} {weekdays}")]
    }
}

// === impl Field ===

impl Field {
    fn list(self, plus: u32) -> String {
        let values = (0..64).filter(|value| self.bits >> value & 1 == 1);
        values.map(|value| (value + plus).to_string()).collect::<Vec<_>>().join(",")
    }

    /// 7 is Sunday, and so is 0.
    fn with_one_sunday(self) -> Self {
        Self { bits: (self.bits | self.bits >> 7) & 0x7f, ..self }
    }
}

// === impl Kind ===

impl Kind {
    fn field(&self, part: Part<'_>) -> Result<Field, Error> {
        let mut field = Field { bits: 0, star: part.text.starts_with('*') };
        for element in part.split(',') {
            field.bits |= self.element(element)?;
        }
        Ok(field)
    }

    /// `*`, `a`, `a-b`, `*/n` or `a-b/n`.
    fn element(&self, part: Part<'_>) -> Result<u64, Error> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (first, last) = self.bounds(range, step)?;
        let step = step.map_or(Ok(1), |step| self.step(step))?;
        Ok((first..=last).step_by(step).fold(0, |bits, value| bits | 1 << value))
    }

    fn bounds(&self, range: Part<'_>, step: Option<Part<'_>>) -> Result<(u32, u32), Error> {
        if range.text == "*" {
            return Ok((*self.range.start(), *self.range.end()));
        }
        let Some((first, last)) = range.split_once('-') else {
            let value = self.value(range)?;
            return match step {
                None => Ok((value, value)),
                Some(step) => Err(range.wrong(
                    format!("`{}` is a single value, and a step needs a range", range.text),
                    Some(format!("write `{}-{}/{}`", range.text, self.range.end(), step.text)),
                )),
            };
        };
        let (from, to) = (self.value(first)?, self.value(last)?);
        if from <= to {
            return Ok((from, to));
        }
        let hint = self.unwrapped(first, last, from, to);
        Err(range.wrong(format!("the range `{}` runs backwards", range.text), Some(hint)))
    }

    /// How to write a range that goes around the end.
    fn unwrapped(&self, first: Part<'_>, last: Part<'_>, from: u32, to: u32) -> String {
        let (start, end) = (*self.range.start(), *self.range.end());
        // Sunday can stand at the end of the week too.
        if end == 7 {
            let upper = if from == 6 { "6".to_owned() } else { format!("{from}-6") };
            return match to {
                0 => format!("write `{from}-7`"),
                1 => format!("write `{upper},0,1`"),
                _ => format!("write `{upper},0-{to}`"),
            };
        }
        let upper = if from == end { first.text.to_owned() } else { format!("{}-{end}", first.text) };
        let lower = if to == start { last.text.to_owned() } else { format!("{start}-{}", last.text) };
        format!("write `{upper},{lower}`")
    }

    fn step(&self, part: Part<'_>) -> Result<usize, Error> {
        let n_values = self.range.end() - self.range.start() + 1;
        let step = part.number().filter(|step| (1..=n_values).contains(step));
        step.and_then(|step| usize::try_from(step).ok()).ok_or_else(|| {
            let message =
                format!("the step `{}` of the {} is not a number from 1 to {n_values}", part.text, self.name);
            let hint =
                "a step starts again with every hour, day, month or week; for other intervals use `every`";
            part.wrong(message, Some(hint.to_owned()))
        })
    }

    fn value(&self, part: Part<'_>) -> Result<u32, Error> {
        let (start, end) = (*self.range.start(), *self.range.end());
        let named = self.names.iter().position(|name| part.text.eq_ignore_ascii_case(name));
        if let Some(value) = named.and_then(|index| u32::try_from(index).ok()) {
            // Months are counted from 1, days of the week from 0: as their ranges are.
            return Ok(value + start);
        }
        if let Some(value) = part.number().filter(|value| self.range.contains(value)) {
            return Ok(value);
        }
        let what = if part.text.is_empty() { "nothing".to_owned() } else { format!("`{}`", part.text) };
        let message =
            format!("{what} stands where the {} should be, a number from {start} to {end}", self.name);
        Err(part.wrong(message, self.hint(part.text)))
    }

    fn hint(&self, text: &str) -> Option<String> {
        let short = text.to_ascii_lowercase().chars().take(3).collect::<String>();
        if self.names.contains(&short.as_str()) {
            return Some(format!("write `{short}`"));
        }
        if text == "?" {
            return Some("write `*`".to_owned());
        }
        if text.contains(['L', 'W', '#', '~']) {
            return Some("cron here is crontab's: it has no `L`, `W`, `#` and `~`".to_owned());
        }
        let (first, last) = (self.names.first()?, self.names.last()?);
        Some(format!("or a name from `{first}` to `{last}`"))
    }
}

// === impl Part ===

impl<'t> Part<'t> {
    fn split(self, separator: char) -> impl Iterator<Item = Part<'t>> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let part = Part { text, at };
            at += text.len() + separator.len_utf8();
            part
        })
    }

    fn split_once(self, separator: char) -> Option<(Part<'t>, Part<'t>)> {
        let (first, second) = self.text.split_once(separator)?;
        let at = self.at + first.len() + separator.len_utf8();
        Some((Part { text: first, at: self.at }, Part { text: second, at }))
    }

    fn number(self) -> Option<u32> {
        // `parse` would take a `+`.
        let digits = !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { self.text.parse().ok() } else { None }
    }

    fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    fn wrong(self, message: String, hint: Option<String>) -> Error {
        Error { message, span: self.span(), hint }
    }
}

fn words(expression: &str) -> Vec<Part<'_>> {
    let mut words: Vec<Part<'_>> = Vec::new();
    let mut at = 0;
    for text in expression.split(|c: char| c.is_ascii_whitespace()) {
        if !text.is_empty() {
            words.push(Part { text, at });
        }
        // The separators are single bytes.
        at += text.len() + 1;
    }
    words
}

fn trimmed(expression: &str) -> Part<'_> {
    let at = expression.len() - expression.trim_start().len();
    Part { text: expression.trim(), at }
}

fn nickname(word: Part<'_>) -> Result<Fields, Error> {
    let known = NICKNAMES.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    if let Some((_, fields)) = known {
        return read(fields);
    }
    let hint = match word.text.to_ascii_lowercase().as_str() {
        "@reboot" => "every source that is due is looked at when the daemon starts".to_owned(),
        "@every" => "write `every = \"10m\"` instead of `schedule`".to_owned(),
        _ => format!("known are {}", NICKNAMES.map(|(name, _)| format!("`{name}`")).join(", ")),
    };
    Err(word.wrong(format!("`{}` is no schedule that we know", word.text), Some(hint)))
}

/// Not five words.
fn count(n_fields: usize, whole: Part<'_>) -> Error {
    let hint = match n_fields {
        6 | 7 => "cron here has five fields; seconds and years are not supported".to_owned(),
        _ if whole.text.starts_with('@') => return nickname_with_words(whole),
        _ => "write minute, hour, day of the month, month, day of the week: `*/10 6-19 * * *`".to_owned(),
    };
    let fields = if n_fields == 1 { "field" } else { "fields" };
    whole.wrong(format!("a schedule has 5 fields, this one has {n_fields} {fields}"), Some(hint))
}

fn nickname_with_words(whole: Part<'_>) -> Error {
    let hint = if whole.text.to_ascii_lowercase().starts_with("@every") {
        "write `every = \"10m\"` instead of `schedule`"
    } else {
        "nothing may follow a word with `@`"
    };
    whole.wrong(format!("`{}` is no schedule that we know", whole.text), Some(hint.to_owned()))
}
