//! `[source.archive]`: how the archive of a source is walked.

use super::{
    pick,
    read::{Section, Word, Wrong},
    sections,
    suggest::nearest,
};
use crate::ingest::backfill::{Archive, Kind};

/// What stands for the number and for the date in an address.
const PAGE: &str = "{page}";
const DATE: &str = "{date}";

pub(super) fn archive(source: &Section<'_>) -> Option<Archive> {
    // The defaults of the reference are always there.
    let section = source.table("archive")?;
    let kind = section.filled("kind");
    let kind = kind.and_then(|word| kind_of(&word).map_err(|wrong| section.blame(&word, wrong)).ok());
    let first = section.integer("first", 0..=1_000_000_u32);
    let step = section.integer("step", 1..=10_000_u32);
    let format = section.parsed("date_format", date_format);
    let pattern = section.parsed("pages", |text| pattern(text, first.zip(step), format.as_deref()));
    let next = section.parsed("next", pick::selector);
    let sitemaps = section.words("sitemaps").unwrap_or_default();
    let sitemaps = sitemaps
        .into_iter()
        .filter_map(|word| sections::http_url(&word.text).map_err(|wrong| section.blame(&word, wrong)).ok());
    let sitemaps: Vec<_> = sitemaps.collect();
    let path = section.filled("path").map(|word| word.text);
    let kind = kind.or_else(|| implied(pattern.as_deref(), next.is_some(), &sitemaps));
    let fits = |kind: &Kind| pattern.as_deref().is_none_or(|pattern| kind_of_pattern(pattern) == *kind);
    if let Some(kind) = kind.filter(|kind| matches!(kind, Kind::Numbered | Kind::Days) && !fits(kind)) {
        let place = if kind == Kind::Days { DATE } else { PAGE };
        section.wrong(
            "pages",
            format!("an archive of this kind has `{place}` in the addresses of its pages"),
            None,
        );
    }
    let max_pages = section.integer("max_pages", 1..=1_000_000_u64);
    let empty_days = section.integer("empty_days", 1..=36_600_u64);
    section.finish();
    Some(Archive { kind, pattern, next, sitemaps, path, max_pages: max_pages?, empty_days: empty_days? })
}

/// What says where pages are says of which kind they are.
fn implied(pattern: Option<&str>, has_next: bool, sitemaps: &[url::Url]) -> Option<Kind> {
    let next = || has_next.then_some(Kind::Next);
    let sitemap = || (!sitemaps.is_empty()).then_some(Kind::Sitemap);
    pattern.map(kind_of_pattern).or_else(next).or_else(sitemap)
}

fn kind_of_pattern(pattern: &str) -> Kind {
    let inside = pattern.split_once('{').map_or("", |(_, rest)| rest);
    if inside.starts_with(|c: char| c.is_ascii_digit()) { Kind::Numbered } else { Kind::Days }
}

fn kind_of(word: &Word) -> Result<Kind, Wrong> {
    let names = Kind::ALL.map(Kind::as_str);
    Kind::parse(&word.text).ok_or_else(|| {
        let wrong = Wrong::new(format!("there is no kind of archive `{}`", word.text));
        match nearest(&word.text, names) {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None => wrong.hint(format!("there are {}", names.map(|name| format!("`{name}`")).join(", "))),
        }
    })
}

/// An address with a place for a number or a date, as the walk fills it.
fn pattern(text: &str, line: Option<(u32, u32)>, format: Option<&str>) -> Result<String, Wrong> {
    let (place, inside) = if text.contains(PAGE) {
        let (first, step) = line.unwrap_or((1, 1));
        (PAGE, format!("{{{first}+{step}}}"))
    } else if text.contains(DATE) {
        (DATE, format!("{{{}}}", format.unwrap_or("%d-%m-%Y")))
    } else {
        let wrong = Wrong::new("this address has no place for a number or a date");
        return Err(wrong.hint(format!("write `{PAGE}` or `{DATE}` where it stands")));
    };
    let (before, after) = text.split_once(place).unwrap_or((text, ""));
    if before.contains('{') || after.contains('{') {
        return Err(Wrong::new("there is more than one place in this address"));
    }
    // What it is without the place: the address itself is judged like any other.
    sections::http_url(&format!("{before}1{after}"))?;
    Ok(format!("{before}{inside}{after}"))
}

fn date_format(text: &str) -> Result<String, Wrong> {
    let day = jiff::civil::date(2026, 6, 22);
    match jiff::fmt::strtime::format(text, day) {
        Ok(_) if !text.contains(['{', '}']) => Ok(text.to_owned()),
        Ok(_) => Err(Wrong::new("a brace has no place in a format of dates")),
        Err(cause) => Err(Wrong::new(format!("this is no format of dates: {cause}"))
            .hint("write it as strftime does: `%d-%m-%Y`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_place() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let got = pattern(text, Some((0, 10)), Some("%Y-%m-%d")).map_err(|wrong| wrong.message);
            match expected {
                Ok(pattern) => assert_eq!(got.as_deref(), Ok(pattern)),
                Err(part) => assert!(got.as_ref().is_err_and(|message| message.contains(part)), "{got:?}"),
            }
        };
        check("https://a.vn/?start={page}", Ok("https://a.vn/?start={0+10}"));
        check("https://a.vn/{date}.htm", Ok("https://a.vn/{%Y-%m-%d}.htm"));
        check("https://a.vn/", Err("no place"));
        check("https://a.vn/{page}/{page}", Err("more than one"));
        check("a.vn/{page}", Err(""));
    }
}
