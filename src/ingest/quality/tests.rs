use super::{memory, *};
use crate::model::{Gate, Run, Timestamp, What};

const LIMITS: Limits = Limits { mode: Mode::Hold, max_new: 20, surge: 5 };
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second)
}

/// Twenty dated items with numbers, all known, the newest an hour old, ten a day.
fn usual(second: i64) -> Sight {
    Sight {
        run: Run {
            at: at(second),
            items: 20,
            titled: 20,
            linked: 20,
            dated: 20,
            known: 20,
            repeated: 1,
            kinds: [20, 0, 0, 0],
            marks: 250,
            language: Some("vi".to_owned()),
            newest: Some(at(second - HOUR)),
            middle: Some(at(second - DAY)),
        },
        listed: (0..20).collect(),
        overlap: 20,
        letters: 600,
        ..Sight::default()
    }
}

fn after(runs: &[Sight]) -> Gate {
    let mut gate = Gate::new("quan1".parse().unwrap());
    runs.iter().for_each(|run| memory::remember(&mut gate, run.clone()));
    gate
}

/// A source that has brought two new items an hour.
fn steady() -> Gate {
    let runs: Vec<_> = (0..10).map(|n| news(usual(n * HOUR), 2)).collect();
    after(&runs)
}

/// The same with `n` new items among them.
fn news(mut sight: Sight, n: u32) -> Sight {
    (sight.new, sight.run.known, sight.overlap) = (n, sight.run.items - n, sight.run.items - n);
    sight
}

fn renumbered(second: i64) -> Sight {
    news(usual(second), 20)
}

fn codes(sight: &Sight, gate: &Gate) -> Vec<String> {
    judge(sight, gate, &LIMITS, false).into_iter().map(|reason| reason.code).collect()
}

fn change(sight: Sight, change: impl FnOnce(&mut Sight)) -> Sight {
    let mut sight = sight;
    change(&mut sight);
    sight
}

#[test]
fn a_first_run_is_believed_whatever_it_shows() {
    let none = after(&[]);
    for sight in
        [usual(0), renumbered(0), Sight::default(), news(change(usual(0), |it| it.run.items = 500), 500)]
    {
        assert_eq!(codes(&sight, &none), [""; 0]);
    }
}

#[test]
fn what_is_not_as_usual_is_held() {
    let (gate, now) = (steady(), 10 * HOUR);
    for (code, sight) in [
        ("no-items", Sight { run: Run { at: at(now), ..Run::default() }, ..Sight::default() }),
        // The same articles under other numbers: as old as they were.
        ("nothing-known", change(renumbered(now), |it| it.old = 10)),
        // Without dates, too.
        ("nothing-known", change(renumbered(now), |it| it.run.dated = 0)),
        // Addresses in place of numbers.
        ("nothing-known", change(renumbered(now), |it| it.run.kinds = [0, 0, 20, 0])),
        // Known titles, whatever their dates say.
        ("nothing-known", change(renumbered(now), |it| it.namesakes = 15)),
        ("older-page", change(usual(now), |it| (it.overlap, it.run.newest) = (0, Some(at(now - 9 * DAY))))),
        (
            "few-items",
            change(usual(now), |it| {
                (it.run.items, it.run.known, it.overlap, it.run.dated) = (2, 2, 2, 2);
            }),
        ),
        ("dates-vanished", change(usual(now), |it| it.run.dated = 0)),
        ("titles-vanished", change(usual(now), |it| it.run.titled = 1)),
        ("links-vanished", change(usual(now), |it| it.run.linked = 0)),
        ("one-title", change(usual(now), |it| it.run.repeated = 18)),
        ("another-language", change(usual(now), |it| it.run.marks = 3)),
        ("flood", news(change(usual(now), |it| it.run.items = 60), 45)),
    ] {
        let found = codes(&sight, &gate);
        assert!(found.iter().any(|found| found == code), "{code}: {found:?}");
    }
}

#[test]
fn another_language_that_is_declared_counts_where_the_items_are_unknown() {
    let plain =
        |second| change(usual(second), |it| (it.run.marks, it.run.language) = (5, Some("en".to_owned())));
    let gate = after(&[plain(0), news(plain(HOUR), 1)]);
    let french = |it: &mut Sight| (it.run.marks, it.run.language) = (30, Some("fr".to_owned()));
    assert_eq!(codes(&change(plain(2 * HOUR), french), &gate), [""; 0], "only a wrong tag");
    let found = codes(&change(news(plain(2 * HOUR), 15), french), &gate);
    assert_eq!(found, ["another-language"]);
}

#[test]
fn a_busy_list_after_a_pause_goes_on() {
    let gate = steady();
    // Two days later: twenty new items, none older than what was known.
    let busy = renumbered(9 * HOUR + 2 * DAY);
    assert_eq!(codes(&busy, &gate), [""; 0]);
    let long = news(
        change(usual(9 * HOUR + 7 * DAY), |it| {
            (it.run.items, it.run.dated, it.run.kinds) = (80, 80, [80, 0, 0, 0]);
        }),
        80,
    );
    assert_eq!(codes(&long, &gate), [""; 0], "ten a day for a week");
    let sudden = news(change(usual(10 * HOUR), |it| it.run.items = 80), 80);
    assert!(codes(&sudden, &gate).contains(&"flood".to_owned()), "not within an hour");
}

#[test]
fn a_list_of_one_day_turns_over_whole() {
    // Friday's twenty, and on Monday three others.
    let monday = change(renumbered(9 * HOUR + 3 * DAY), |it| {
        let run = &mut it.run;
        (run.items, run.titled, run.linked, run.dated, run.kinds, it.new) = (3, 3, 3, 3, [3, 0, 0, 0], 3);
        it.overlap = 0;
    });
    assert_eq!(codes(&monday, &steady()), [""; 0]);
    // The same where the list says no dates: a weekend lies between.
    let undated = |it: &mut Sight| (it.run.dated, it.run.newest, it.run.middle) = (0, None, None);
    let runs: Vec<_> = (0..5).map(|n| news(change(usual(n * HOUR), undated), 2)).collect();
    assert_eq!(codes(&change(monday, undated), &after(&runs)), [""; 0]);
    // And at every midnight, once it did so twice.
    let mut runs = runs;
    runs.extend((1..3).map(|n| change(renumbered(n * DAY), undated)));
    let midnight = change(renumbered(3 * DAY - 20 * HOUR), undated);
    assert_eq!(codes(&midnight, &after(&runs)), [""; 0]);
}

#[test]
fn small_and_quiet_sources_are_left_alone() {
    let small = |second, items: u32, known: u32| {
        change(usual(second), |it| {
            it.run = Run {
                items,
                titled: items,
                linked: items,
                dated: items,
                known,
                kinds: [items, 0, 0, 0],
                ..it.run.clone()
            };
            (it.new, it.overlap, it.letters) = (items - known, known, items * 30);
        })
    };
    // A feed of one item, another one each time.
    let one = after(&[small(0, 1, 1), small(HOUR, 1, 0), small(2 * HOUR, 1, 1)]);
    assert_eq!(codes(&small(3 * HOUR, 1, 0), &one), [""; 0]);
    assert_eq!(codes(&small(3 * HOUR, 0, 0), &one), [""; 0], "for once it has none");
    // Two items, both replaced.
    let two = after(&[small(0, 2, 2), small(HOUR, 2, 1)]);
    assert_eq!(codes(&small(2 * HOUR, 2, 0), &two), [""; 0]);
    // A quiet one that says six things on one day: no flood, though it never said more than one.
    let quiet = after(&[small(0, 15, 15), small(DAY, 15, 14), small(30 * DAY, 15, 14)]);
    assert_eq!(codes(&small(31 * DAY, 15, 9), &quiet), [""; 0]);
    // A list that grows and shrinks.
    let list = after(&[small(0, 30, 30), small(DAY, 12, 11), small(2 * DAY, 25, 20)]);
    assert_eq!(codes(&small(3 * DAY, 9, 8), &list), [""; 0]);
    // A feed that was empty before.
    let empty = after(&[small(0, 9, 9), small(DAY, 0, 0), small(2 * DAY, 9, 0), small(3 * DAY, 9, 8)]);
    assert_eq!(codes(&small(4 * DAY, 0, 0), &empty), [""; 0]);
}

#[test]
fn pins_undated_sections_and_repeated_titles_that_are_usual_are_no_reason() {
    let now = 10 * HOUR;
    // A pinned notice from years ago on top, known: the newest date counts, not the first.
    assert_eq!(
        codes(&change(usual(now), |it| it.run.middle = Some(at(now - 900 * DAY))), &steady()),
        [""; 0]
    );
    let notices = |second| change(usual(second), |it| it.run.repeated = 15);
    let gate = after(&[notices(0), news(notices(HOUR), 1)]);
    assert_eq!(codes(&notices(2 * HOUR), &gate), [""; 0], "invitations to tender are called so");
    let undated = |second| change(usual(second), |it| it.run.dated = 0);
    let gate = after(&[undated(0), news(undated(HOUR), 1)]);
    assert_eq!(codes(&undated(2 * HOUR), &gate), [""; 0]);
}

#[test]
fn other_rules_may_look_otherwise_but_not_know_nothing() {
    let (gate, now) = (steady(), 10 * HOUR);
    let undated = change(usual(now), |it| it.run.dated = 0);
    assert_eq!(judge(&undated, &gate, &LIMITS, true), []);
    let renamed = change(renumbered(now), |it| it.namesakes = 20);
    assert_eq!(judge(&renamed, &gate, &LIMITS, true)[0].code, "nothing-known");
}

#[test]
fn runs_that_bring_nothing_do_not_push_out_those_that_do() {
    let mut gate = steady();
    let (n_runs, median) = (gate.runs.len(), judge(&news(usual(0), 1), &gate, &LIMITS, false).len());
    (0..100).for_each(|n| memory::remember(&mut gate, usual(10 * HOUR + n * 300)));
    assert_eq!((gate.runs.len(), median), (n_runs + 1, 0));
    assert_eq!(gate.runs.last().unwrap().at, at(10 * HOUR + 99 * 300));
    (0..100).for_each(|n| memory::remember(&mut gate, news(usual(20 * HOUR + n * 300), 1)));
    assert_eq!(gate.runs.len(), 20);
}

#[test]
fn operators_hear_once_of_a_hold_and_once_of_its_end() {
    let mut gate = steady();
    let reasons = judge(&change(usual(10 * HOUR), |it| it.run.dated = 0), &gate, &LIMITS, false);
    assert_eq!(memory::release(&mut gate, false), None, "nothing is held");
    let told = memory::hold(&mut gate, reasons.clone(), None, at(1)).unwrap();
    assert_eq!(told, (What::Held, reasons.clone()));
    for second in 2..9 {
        assert_eq!(memory::hold(&mut gate, reasons.clone(), None, at(second)), None);
    }
    let held = gate.held.clone().unwrap();
    assert_eq!((held.runs, held.since, held.last), (8, at(1), at(8)));
    assert_eq!(memory::release(&mut gate, false), Some((What::Recovered, reasons)));
    assert_eq!(memory::release(&mut gate, false), None);
}
