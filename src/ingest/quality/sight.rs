//! What a run shows, in counts. Pure.

use std::collections::{HashMap, HashSet};

use crate::{
    extract::Found,
    ingest::listed::{Listed, kind},
    model::{Article, Gate, Known, Run, Timestamp, text},
};

/// What a run shows, as it is judged.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct Sight {
    /// The counts that are remembered.
    pub(in crate::ingest) run: Run,
    /// Hashes of the strongest keys, in the order of the list.
    pub(in crate::ingest) listed: Vec<u64>,
    /// Items that the last believable run showed, too.
    pub(in crate::ingest) overlap: u32,
    /// Items that are unknown although an article of their title is known.
    pub(super) namesakes: u32,
    /// Items that are unknown and dated before what the last believable run showed as its newest.
    pub(super) old: u32,
    /// Items that are unknown.
    pub(super) new: u32,
    /// Letters in the titles.
    pub(super) letters: u32,
}

/// Counts a run. `latest` are the newest known articles of the source, where that may matter.
pub(in crate::ingest) fn sight(
    found: &Found,
    items: &[Listed],
    gate: &Gate,
    latest: &[Article],
    at: Timestamp,
) -> Sight {
    let count = |is: &dyn Fn(&Listed) -> bool| number(items.iter().filter(|item| is(item)).count());
    let is_unknown = |item: &&Listed| item.known.is_none();
    let shown: HashSet<u64> = gate.listed.iter().copied().collect();
    let before = gate.runs.last().and_then(|run| run.newest);
    let titles: Vec<&str> = items.iter().map(|item| item.draft.content.title.as_str()).collect();
    let (marks, letters) = language_marks(&titles);
    let mut dates: Vec<Timestamp> = items.iter().filter_map(date).collect();
    dates.sort_unstable();
    let mut kinds = [0; 4];
    for item in items {
        kinds[usize::from(item.keys.first().map_or(3, kind))] += 1;
    }
    let n_items = number(items.len());
    let untitled = number(found.items.iter().filter(|item| item.title.is_none()).count());
    let unknown: Vec<&Listed> = items.iter().filter(is_unknown).collect();
    Sight {
        run: Run {
            at,
            items: n_items,
            titled: n_items.saturating_sub(untitled),
            linked: count(&|item| item.draft.content.url.is_some()),
            dated: number(dates.len()),
            known: n_items.saturating_sub(number(unknown.len())),
            repeated: most(titles.iter().map(|title| text::fold(title))).map_or(0, |(_, n)| n),
            kinds,
            marks,
            language: most(items.iter().filter_map(|item| item.draft.content.language.clone()))
                .map(|(tag, _)| tag),
            newest: dates.last().copied(),
            middle: dates.get(dates.len() / 2).copied(),
        },
        listed: items.iter().filter_map(|item| item.keys.first()).map(|key| hash(&key.to_string())).collect(),
        overlap: count(&|item| item.keys.iter().any(|key| shown.contains(&hash(&key.to_string())))),
        namesakes: number(namesakes(items, latest).len()),
        old: number(unknown.iter().filter(|item| is_older(item, before)).count()),
        new: number(unknown.len()),
        letters,
    }
}

/// The unknown items that say the title, and the day where both have one, of exactly one known article; and that one.
/// Titles that several items or several articles have name nobody ("Thông báo mời thầu").
pub(in crate::ingest) fn namesakes(items: &[Listed], latest: &[Article]) -> Vec<(usize, Known)> {
    let mut by_title: HashMap<String, Vec<&Article>> = HashMap::new();
    for article in latest {
        by_title.entry(text::fold(&article.content.title)).or_default().push(article);
    }
    let mut seen: HashMap<String, u32> = HashMap::new();
    for item in items {
        *seen.entry(text::fold(&item.draft.content.title)).or_default() += 1;
    }
    let is_taken = |article: &Article| {
        items.iter().any(|item| item.known.as_ref().is_some_and(|known| known.id == article.id))
    };
    let one = |(index, item): (usize, &Listed)| {
        let title = text::fold(&item.draft.content.title);
        let [article] = by_title.get(&title)?.as_slice() else { return None };
        let is_one = item.known.is_none() && seen.get(&title) == Some(&1) && !is_taken(article);
        (is_one && is_of_the_day(item, article)).then(|| (index, Known::from(*article)))
    };
    items.iter().enumerate().filter_map(one).collect()
}

fn is_of_the_day(item: &Listed, article: &Article) -> bool {
    let day = |date: &crate::model::Date| date.rfc3339().split('T').next().map(str::to_owned);
    match &item.draft.published {
        Some(date) if !date.inferred && !article.published.inferred => day(date) == day(&article.published),
        _ => true,
    }
}

/// Letters beyond ASCII in thousandths of all, and how many letters there are: what is left of a language when only its
/// alphabet is looked at.
fn language_marks(titles: &[&str]) -> (u32, u32) {
    let letters = titles.iter().flat_map(|title| title.chars()).filter(|c| c.is_alphabetic());
    let (beyond, all) = letters.fold((0_u64, 0_u64), |(n, all), c| (n + u64::from(!c.is_ascii()), all + 1));
    let share = (beyond * 1000).checked_div(all).unwrap_or_default();
    (u32::try_from(share).unwrap_or(1000), u32::try_from(all).unwrap_or(u32::MAX))
}

fn date(item: &Listed) -> Option<Timestamp> {
    item.draft.published.as_ref().filter(|date| !date.inferred).map(|date| date.at)
}

/// Dates of a day stand at its noon: what is a day older may be of the same one.
fn is_older(item: &Listed, newest: Option<Timestamp>) -> bool {
    date(item).zip(newest).is_some_and(|(at, newest)| at < newest.minus(super::judge::DAY))
}

/// The most frequent one, and how often.
fn most(texts: impl Iterator<Item = String>) -> Option<(String, u32)> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    counts.into_iter().max_by(|(a, n), (b, m)| n.cmp(m).then(b.cmp(a)))
}

fn hash(key: &str) -> u64 {
    let hash = blake3::hash(key.as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
