//! Numbered pages: what the addresses behind `1 2 3` have in common.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;
use url::Url;

use super::Anchor;

/// Longer runs of digits are ids, not pages.
const DIGITS: usize = 6;
/// So many numbers in a row from 1 on are the days of a month.
const MONTH: u32 = 28;

/// What stands before the number of a page, where one link alone has to say it.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(page|paged|trang|cur|pageno|pageindex|pagenum|pg|[?&]p|/p|-p|start|offset)[-_=/]?$")
        .expect("it is a constant")
});
/// A number between parts of a date is a day.
static BEFORE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(19|20)\d\d[-/.]\d{1,2}[-/.]$").expect("it is a constant"));
static AFTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[-/.]\d{1,2}[-/.](19|20)\d\d").expect("it is a constant"));

/// Numbered links that share a pattern.
#[derive(Default)]
struct Family {
    /// The number in the address, by the number that the link says.
    values: BTreeMap<u32, u32>,
    contradicts: bool,
    in_pager: bool,
    named: bool,
}

/// The pattern of the pager's addresses, with `{START+STEP}` for the number.
pub(super) fn find(anchors: &[Anchor]) -> Option<String> {
    let mut families: BTreeMap<(String, String), Family> = BTreeMap::new();
    for anchor in anchors {
        let (Some(number), Some(url)) = (number(&anchor.label), &anchor.url) else { continue };
        for (before, value, after) in runs(url) {
            if BEFORE.is_match(&before) || AFTER.is_match(&after) {
                continue;
            }
            let named = NAMED.is_match(&before);
            let family = families.entry((before, after)).or_default();
            family.contradicts |= family.values.insert(number, value).is_some_and(|other| other != value);
            family.in_pager |= anchor.in_pager;
            family.named |= named;
        }
    }
    let fitting = families.into_iter().filter_map(|((before, after), family)| {
        let (start, step) = family.line()?;
        let worth = (family.in_pager, family.named, family.values.len());
        Some((worth, format!("{before}{{{start}+{step}}}{after}")))
    });
    fitting.max_by_key(|(worth, _)| *worth).map(|(_, pattern)| pattern)
}

/// The highest page that a link of the pattern says.
pub(super) fn last(anchors: &[Anchor], pattern: Option<&str>) -> Option<u32> {
    let pattern = pattern?;
    let numbers = anchors.iter().filter_map(|anchor| Some((number(&anchor.label)?, anchor.url.as_ref()?)));
    let fitting = numbers.filter(|(number, url)| fill(pattern, u64::from(*number)).as_ref() == Some(url));
    fitting.map(|(number, _)| number).max()
}

/// The address of page `number` (1 is the first one) by a pattern that `find` gave.
pub fn fill(pattern: &str, number: u64) -> Option<Url> {
    let (before, rest) = pattern.split_once('{')?;
    let (line, after) = rest.split_once('}')?;
    let (start, step) = line.split_once('+')?;
    let (start, step) = (start.parse::<u64>().ok()?, step.parse::<u64>().ok()?);
    let value = step.checked_mul(number.checked_sub(1)?)?.checked_add(start)?;
    Url::parse(&format!("{before}{value}{after}")).ok()
}

// === impl Family ===

impl Family {
    /// Where its numbers start, and by how much they grow from page to page.
    fn line(&self) -> Option<(u32, u32)> {
        if self.contradicts || (1..=MONTH).all(|day| self.values.contains_key(&day)) {
            return None;
        }
        let mut values = self.values.iter().map(|(number, value)| (*number, *value));
        let first = values.next()?;
        let Some(second) = values.next() else {
            // Two pages: one link, to the second.
            let says_so = first.0 == 2 && matches!(first.1, 1 | 2) && (self.in_pager || self.named);
            return says_so.then_some((first.1 - 1, 1));
        };
        let (up, over) = (second.1.checked_sub(first.1)?, second.0 - first.0);
        let step = Some(up / over).filter(|step| *step > 0 && step * over == up)?;
        let start = first.1.checked_sub(step.checked_mul(first.0 - 1)?)?;
        let fits = |(number, value): (&u32, &u32)| {
            step.checked_mul(number - 1).and_then(|up| up.checked_add(start)) == Some(*value)
        };
        // A step of many is an offset; one that is the id of something grows by chance.
        let is_plain = step <= 200 && (start <= 1 || start == step);
        (is_plain && self.values.iter().all(fits)).then_some((start, step))
    }
}

/// The number that a link says: `2`, `[2]`, `trang 2`.
pub(super) fn number(label: &str) -> Option<u32> {
    let bare = label.strip_prefix("trang").or_else(|| label.strip_prefix("page")).unwrap_or(label);
    let bare = bare.trim_matches(|c: char| c.is_whitespace() || "[](){}.,|".contains(c));
    bare.parse().ok().filter(|number| (1..=100_000).contains(number))
}

/// Every number in an address behind its host: what stands before it, itself, what follows.
fn runs(url: &Url) -> Vec<(String, u32, String)> {
    let text = url.as_str();
    let from = text.find("://").and_then(|at| Some(at + 3 + text.get(at + 3..)?.find('/')?)).unwrap_or(0);
    let mut runs = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, c.is_ascii_digit() && at >= from) {
            (None, true) => start = Some(at),
            (Some(first), false) => {
                start = None;
                // `%2F` is a slash, not a two.
                let (before, run) =
                    (text.get(..first).unwrap_or_default(), text.get(first..at).unwrap_or_default());
                let is_escape = before.ends_with('%')
                    || before.trim_end_matches(|c: char| c.is_ascii_hexdigit()).ends_with('%')
                        && run.len() == 1;
                let after = text.get(at..).unwrap_or_default();
                if let (false, Ok(value)) =
                    (is_escape || run.len() > DIGITS || before.contains('{'), run.parse())
                {
                    runs.push((before.to_owned(), value, after.to_owned()));
                }
            }
            _ => {}
        }
    }
    runs
}
