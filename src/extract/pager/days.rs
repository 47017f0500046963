//! Archives by day: links that differ in nothing but a date.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use jiff::civil::Date;
use regex::Regex;
use url::Url;

use super::Anchor;

/// Dates in addresses, and in which order their parts stand.
static DATES: LazyLock<[(Regex, [char; 3]); 4]> = LazyLock::new(|| {
    let regex = |text: &str| Regex::new(text).expect("it is a constant");
    [
        (regex(r"(\d{1,2})([-/._]|%2[Ff])(\d{1,2})([-/._]|%2[Ff])((?:19|20)\d\d)"), ['d', 'm', 'Y']),
        (regex(r"((?:19|20)\d\d)([-/._]|%2[Ff])(\d{1,2})([-/._]|%2[Ff])(\d{1,2})"), ['Y', 'm', 'd']),
        (regex(r"((?:19|20)\d\d)()([01]\d)()([0-3]\d)"), ['Y', 'm', 'd']),
        (regex(r"([0-3]\d)()([01]\d)()((?:19|20)\d\d)"), ['d', 'm', 'Y']),
    ]
});

/// What stands before the date of an archive, where one link alone has to say it.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(ngay|date|day|archives?|luu-?tru|lich|calendar)[-_=/]$").expect("it is a constant")
});

/// The pattern of the addresses of days, with `{FORMAT}` for the date.
pub(super) fn find(anchors: &[Anchor]) -> Option<String> {
    let mut families: BTreeMap<String, BTreeSet<Date>> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for url in anchors.iter().filter_map(|anchor| anchor.url.as_ref()) {
        let Some((before, format, date, after)) = dated(url) else { continue };
        let pattern = format!("{before}{{{format}}}{after}");
        if NAMED.is_match(&before) {
            named.insert(pattern.clone());
        }
        families.entry(pattern).or_default().insert(date);
    }
    let archives = families.into_iter().filter(|(pattern, dates)| dates.len() > 1 || named.contains(pattern));
    archives.max_by_key(|(_, dates)| dates.len()).map(|(pattern, _)| pattern)
}

/// The address of a day by a pattern that `find` gave.
pub fn fill(pattern: &str, day: Date) -> Option<Url> {
    let (before, rest) = pattern.split_once('{')?;
    let (format, after) = rest.split_once('}')?;
    let date = jiff::fmt::strtime::format(format, day).ok()?;
    Url::parse(&format!("{before}{date}{after}")).ok()
}

/// What stands before the only date of an address, its format, itself, what follows.
fn dated(url: &Url) -> Option<(String, String, Date, String)> {
    let text = url.as_str();
    let from = text.len() - text.split_once("://")?.1.split_once('/')?.1.len() - 1;
    for (regex, order) in DATES.iter() {
        for found in regex.captures_iter(text) {
            let whole = found.get(0)?;
            let (before, after) = (text.get(..whole.start())?, text.get(whole.end()..)?);
            let touches = before.ends_with(|c: char| c.is_ascii_digit())
                || after.starts_with(|c: char| c.is_ascii_digit());
            if whole.start() < from || touches || before.contains('{') {
                continue;
            }
            let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
            let parts = [part(1), part(3), part(5)];
            let Some(date) = date(parts, *order) else { continue };
            let short = parts.iter().any(|part| part.len() == 1);
            let [a, b, c] = order.map(|letter| field(letter, short));
            let separator = |text: &str| text.replace('%', "%%");
            let format = format!("{a}{}{b}{}{c}", separator(part(2)), separator(part(4)));
            return Some((before.to_owned(), format, date, after.to_owned()));
        }
    }
    None
}

fn field(letter: char, short: bool) -> String {
    if short && letter != 'Y' { format!("%-{letter}") } else { format!("%{letter}") }
}

fn date(parts: [&str; 3], order: [char; 3]) -> Option<Date> {
    let of = |letter: char| {
        let index = order.iter().position(|other| *other == letter)?;
        parts.get(index)?.parse::<i16>().ok()
    };
    Date::new(of('Y')?, i8::try_from(of('m')?).ok()?, i8::try_from(of('d')?).ok()?).ok()
}
