//! Where a date stands in a text. What it means is for `normalize` to say.

use std::sync::LazyLock;

use regex::Regex;
use scraper::ElementRef;

/// A clock time, and what joins it to a date.
const TIME: &str = r"[0-9]{1,2}(?::|h|giờ)[0-9]{2}(?::[0-9]{2})?(?:\s*(?:AM|PM|SA|CH|am|pm))?";

/// Dates in figures, with the time that stands before or behind them.
static FIGURES: LazyLock<String> = LazyLock::new(|| {
    format!(
        r"(?:{TIME}[\s,|–-]{{1,4}}(?:ngày\s+)?)?(?:(?-u:\b)[0-9]{{1,2}}[/.-][0-9]{{1,2}}[/.-](?:19|20)[0-9]{{2}}(?-u:\b)|(?-u:\b)(?:19|20)[0-9]{{2}}[/.-][0-9]{{1,2}}[/.-][0-9]{{1,2}}(?-u:\b))(?:[T\s,|–-]{{1,4}}{TIME})?"
    )
});

/// Names of months as sites write them, in the languages that news is read in here and around.
const MONTHS: &str = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|janv|févr|mars|avr|mai|juin|juil|août|déc|ene|abr|ago|dic|märz|okt|dez|gen|mag|giu|lug|set|ott|tháng|thg|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек)\p{L}*\.?";

/// Dates with a month in words, and those of East Asia.
static NAMED: LazyLock<String> = LazyLock::new(|| {
    format!(
        r"(?i:(?-u:\b)[0-9]{{1,2}}(?:st|nd|rd|th|er|\.)?\s+(?:de\s+)?{MONTHS}(?:\s+[0-9]{{1,2}})?,?\s+(?:de\s+|năm\s+)?(?:19|20)[0-9]{{2}}(?-u:\b)|(?-u:\b){MONTHS}\s+[0-9]{{1,2}}(?:st|nd|rd|th)?,?\s+(?:19|20)[0-9]{{2}}(?-u:\b)|(?:19|20)[0-9]{{2}}\s*[年년]\s*[0-9]{{1,2}}\s*[月월]\s*[0-9]{{1,2}}\s*[日일])"
    )
});

/// Dates that are told from now.
const RELATIVE: &str = r"(?i:(?-u:\b)[0-9]+\s+(?:phút|giờ|ngày|tuần|tháng)\s+trước(?-u:\b)|(?-u:\b)[0-9]+\s+(?:minute|hour|day|week|month)s?\s+ago(?-u:\b))";

static DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("{}|{}|{RELATIVE}", *FIGURES, *NAMED)).expect("a constant pattern"));

/// A pattern for one kind of date, for a recipe.
pub(super) fn pattern_of(found: &str) -> String {
    let kinds = [FIGURES.as_str(), NAMED.as_str(), RELATIVE];
    let fits = |kind: &&str| Regex::new(kind).is_ok_and(|pattern| pattern.is_match(found));
    kinds.into_iter().find(fits).unwrap_or(RELATIVE).to_owned()
}

/// The first date in an element's text. Parts of it are apart, whatever style sheets make of them.
pub(super) fn within(element: ElementRef<'_>) -> Option<String> {
    const LONGEST: usize = 3000;
    let mut text = String::new();
    for part in element.text() {
        text.push_str(part.trim());
        text.push(' ');
        if text.len() > LONGEST {
            break;
        }
    }
    find(&text).map(str::to_owned)
}

/// The first date in a text.
pub(super) fn find(text: &str) -> Option<&str> {
    // Dates stand at the beginning or the end of short texts; nobody looks for one in a whole article.
    const LONGEST: usize = 1500;
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    DATE.find(text.get(..end)?).map(|found| found.as_str())
}

/// The pattern of a title with a date in figures behind it: "Khai mạc … (17:12 - 30/07/2020)". Keeps the title.
pub(super) fn without_tail() -> String {
    format!(r"^(.{{3,}}?)[\s\p{{Ps}}|–—-]+{}[\s\p{{Pe}}]*$", *FIGURES)
}

/// The title in front of a date.
pub(super) fn tail(title: &str) -> Option<&str> {
    static TAIL: LazyLock<Regex> = LazyLock::new(|| Regex::new(&without_tail()).expect("a constant pattern"));
    TAIL.captures(title)?.get(1).map(|found| found.as_str())
}
