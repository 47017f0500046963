//! The rules of the gate: one small function each, over the same two things: what the run shows, and what the runs
//! before it showed. Pure.

use std::time::Duration;

use super::{Limits, Sight};
use crate::model::{Gate, Issue, Reason, Run, Timestamp};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Fewer items than these prove nothing: what is said of shares is not asked of so few.
const FEW: u32 = 3;
/// A list of fewer items than these may be short for any reason.
const LONG: u32 = 8;
/// Letters of the titles that are enough to tell an alphabet by.
const LETTERS: u32 = 100;

/// What the runs before show.
struct Usual<'a> {
    runs: &'a [Run],
    last: &'a Run,
}

/// The reasons not to believe a run; none where it looks as the source's runs do, and none of a source that was never
/// read. `reread`: other rules read it than before, so that only what it means counts, not how it looks.
pub(in crate::ingest) fn judge(sight: &Sight, gate: &Gate, limits: &Limits, reread: bool) -> Vec<Reason> {
    let Some(last) = gate.runs.last() else { return Vec::new() };
    let usual = Usual { runs: &gate.runs, last };
    let meaning = [
        empty(sight, &usual),
        nothing_known(sight, &usual),
        older_page(sight, &usual),
        flood(sight, &usual, limits),
    ];
    let looks = [
        collapsed(sight, &usual),
        vanished(sight, &usual, "dates-vanished", "date", |run| run.dated),
        vanished(sight, &usual, "titles-vanished", "title", |run| run.titled),
        vanished(sight, &usual, "links-vanished", "link", |run| run.linked),
        one_title(sight, &usual),
        language(sight, &usual),
    ];
    let looks = looks.into_iter().filter(|_| !reread);
    meaning.into_iter().chain(looks).flatten().collect()
}

/// Why a document that could not be read at all is news to operators: where it could be read before.
pub(in crate::ingest) fn nothing_read(issue: &Issue, gate: &Gate) -> Option<Reason> {
    let last = gate.runs.last()?;
    Some(reason(&issue.code, issue.message.clone(), format!("{} items", last.items), "none".to_owned()))
}

/// No items where there always were some. A feed that was empty before may be so again, and one of an item or two may
/// have none for a while.
fn empty(sight: &Sight, usual: &Usual<'_>) -> Option<Reason> {
    let typical = usual.median(|run| run.items);
    let is_odd = sight.run.items == 0 && typical >= FEW && usual.runs.iter().all(|run| run.items > 0);
    is_odd.then(|| reason("no-items", "there are no items", format!("{typical} items"), "none".to_owned()))
}

/// Nothing is known any more. A working list nearly always overlaps the last one; where it does not, the source was not
/// looked at for long, or shows one day at a time: then its items are newer than what was known, recognized by the same
/// kind of key, and none says a title that is known.
fn nothing_known(sight: &Sight, usual: &Usual<'_>) -> Option<Reason> {
    let Run { items, known, dated, .. } = sight.run;
    if items < FEW || known > 0 || sight.overlap > 0 || usual.last.items < FEW || usual.turns_over() {
        return None;
    }
    let is_renamed = sight.namesakes >= FEW.min(items) && sight.namesakes * 2 >= items;
    let goes_on = dated * 5 >= items * 4 && sight.old * 5 <= items && usual.has_kinds_of(&sight.run);
    if goes_on && !is_renamed {
        return None;
    }
    // Without dates only time tells: a list that was not looked at for a day may have turned over.
    let is_undated = usual.last.dated * 2 < usual.last.items && dated * 2 < items;
    let was_long = sight.run.at.since(usual.last.at) >= DAY / 2;
    if is_undated && was_long && usual.has_kinds_of(&sight.run) && !is_renamed {
        return None;
    }
    let message = match is_renamed {
        true => format!(
            "no item is known, and {} say titles that are: the source has renamed its articles",
            sight.namesakes
        ),
        false => "no item is known: the page or its addresses have changed".to_owned(),
    };
    let before = format!("{} of {} items known", usual.last.known, usual.last.items);
    Some(reason("nothing-known", message, before, format!("0 of {items}")))
}

/// An older page of the list stands where the newest one stood: everything is known, nothing was on the last one, and
/// what was the newest is gone.
fn older_page(sight: &Sight, usual: &Usual<'_>) -> Option<Reason> {
    let Run { items, known, newest, .. } = sight.run;
    let is_back = newest.zip(usual.last.newest).is_some_and(|(now, before)| now.plus(DAY) < before);
    let is_odd = items >= FEW && known == items && sight.overlap == 0 && usual.last.items >= FEW && is_back;
    is_odd.then(|| {
        reason(
            "older-page",
            "every item is an old one, and the newest ones are gone",
            format!("items up to {}", print(usual.last.newest)),
            format!("up to {}", print(newest)),
        )
    })
}

/// Far more new items than a run brings. After a pause as many are allowed as the source brings in that time.
fn flood(sight: &Sight, usual: &Usual<'_>, limits: &Limits) -> Option<Reason> {
    let typical = usual.median_new();
    let most = limits.max_new.max(typical.saturating_mul(limits.surge)).max(usual.due_by(sight.run.at));
    (sight.new > most).then(|| {
        reason(
            "flood",
            "there are far more new items than this source brings",
            format!("{typical} a run, at most {most} are believed"),
            sight.new.to_string(),
        )
    })
}

/// Of a long list a few items are left. A list that turned to another day has none of the old ones; one that was cut
/// short has some.
fn collapsed(sight: &Sight, usual: &Usual<'_>) -> Option<Reason> {
    let (typical, least) =
        (usual.median(|run| run.items), usual.runs.iter().map(|run| run.items).min().unwrap_or_default());
    let items = sight.run.items;
    let is_short = typical >= LONG && usual.last.items >= LONG && items * 4 < typical && items * 2 < least;
    let is_cut = items > 0 && sight.overlap > 0 && sight.overlap * 2 >= items;
    (is_short && is_cut).then(|| {
        let message = "most of the list is gone";
        reason("few-items", message, format!("{typical} items"), items.to_string())
    })
}

/// What nearly all items had, nearly none has.
fn vanished(
    sight: &Sight,
    usual: &Usual<'_>,
    code: &str,
    what: &str,
    count: fn(&Run) -> u32,
) -> Option<Reason> {
    let had = |run: &Run| run.items > 0 && count(run) * 5 >= run.items * 4;
    let with: usize = usual.runs.iter().filter(|run| had(run)).count();
    let (items, now) = (sight.run.items, count(&sight.run));
    let is_odd = items >= FEW && had(usual.last) && with * 2 > usual.runs.len() && now * 10 <= items;
    is_odd.then(|| {
        let before = format!("{} of {}", count(usual.last), usual.last.items);
        reason(code, format!("the items have no {what} any more"), before, format!("{now} of {items}"))
    })
}

/// The same title on most items: a button, a heading, a notice.
fn one_title(sight: &Sight, usual: &Usual<'_>) -> Option<Reason> {
    let Run { items, repeated, .. } = sight.run;
    let is_usual = usual.runs.iter().any(|run| run.repeated * 2 > run.items && run.items >= FEW);
    let is_odd = items >= 5 && repeated * 5 > items * 3 && !is_usual;
    is_odd.then(|| {
        let before = format!("{} of {}", usual.last.repeated, usual.last.items);
        reason("one-title", "most items say the same title", before, format!("{repeated} of {items}"))
    })
}

/// The titles are written in another alphabet; or another language is declared, and most items are unknown.
fn language(sight: &Sight, usual: &Usual<'_>) -> Option<Reason> {
    let run = &sight.run;
    if run.items < FEW || sight.letters < LETTERS {
        return None;
    }
    let marks = usual.median(|run| run.marks);
    let is_plain =
        marks >= 100 && run.marks * 5 < marks && usual.runs.iter().all(|known| known.marks > run.marks * 2);
    let is_marked = marks <= 20 && run.marks >= 300 && usual.runs.iter().all(|known| known.marks < 150);
    let primary =
        |tag: &Option<String>| tag.as_deref().and_then(|tag| tag.split('-').next()).map(str::to_owned);
    let declared = primary(&run.language);
    let is_declared = declared.is_some()
        && run.known * 2 < run.items
        && usual.runs.iter().all(|known| known.language.is_some() && primary(&known.language) != declared);
    (is_plain || is_marked || is_declared).then(|| {
        let say = |tag: &Option<String>, marks: u32| {
            let percent = marks / 10;
            format!("{}, {percent} % of the letters beyond a-z", tag.as_deref().unwrap_or("undeclared"))
        };
        let (before, after) = (say(&usual.last.language, marks), say(&run.language, run.marks));
        reason("another-language", "the titles are in another language", before, after)
    })
}

// === impl Usual ===

impl Usual<'_> {
    fn median(&self, count: fn(&Run) -> u32) -> u32 {
        middle(self.runs.iter().map(count).collect())
    }

    /// New items of a run that brought any, but the first one.
    fn median_new(&self) -> u32 {
        let new = self.runs.iter().skip(1).map(|run| run.items.saturating_sub(run.known));
        middle(new.filter(|new| *new > 0).collect())
    }

    /// Does it often show nothing that was known?
    fn turns_over(&self) -> bool {
        let later: Vec<_> = self.runs.iter().skip(1).filter(|run| run.items >= FEW).collect();
        let turned = later.iter().filter(|run| run.known == 0).count();
        turned >= 2 && turned * 4 >= later.len()
    }

    /// Are the items recognized by the kind of key by which they were?
    fn has_kinds_of(&self, run: &Run) -> bool {
        let share = |run: &Run, kind: usize| {
            let n_items = run.kinds.iter().sum::<u32>().max(1);
            run.kinds.get(kind).copied().unwrap_or_default() * 100 / n_items
        };
        (0..4).all(|kind| share(self.last, kind) < 60 || share(run, kind) >= 40)
    }

    /// Twice as many as the newer half of the last list would be in the time since then.
    fn due_by(&self, at: Timestamp) -> u32 {
        let Some((middle, newest)) = self.last.middle.zip(self.last.newest) else { return 0 };
        let span = newest.since(middle).max(DAY / 24).as_secs_f64();
        let pause = at.since(self.last.at).as_secs_f64();
        let expected = f64::from(self.last.dated) / 2.0 * pause / span * 2.0;
        expected.min(f64::from(u32::MAX)) as u32
    }
}

fn middle(mut numbers: Vec<u32>) -> u32 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

fn print(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "an unknown date".to_owned(), |at| at.to_string())
}

fn reason(code: &str, message: impl Into<String>, before: String, after: String) -> Reason {
    Reason { code: code.to_owned(), message: message.into(), before, after }
}
