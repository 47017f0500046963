//! What changed in a text, word by word, as markup. Pure, and the same on every machine: nothing here looks at a
//! clock, what is too much to compare is compared more coarsely.

use std::{fmt::Write as _, hash::Hash};

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// The most pairs of words that are compared: about 2,000 words with as many.
const WORD_PAIRS: usize = 4_000_000;
/// The most pairs of lines: about 4,000 with as many.
const LINE_PAIRS: usize = 16_000_000;
/// How many unchanged words stand around a change.
const CONTEXT: usize = 12;
/// How much of a word is shown, in characters.
const WORD: usize = 200;
/// The end of a line, as a word.
const BREAK: &str = "\n";

/// A run of words with one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run<'a> {
    /// In both texts.
    Same(&'a [&'a str]),
    /// Only in the old one.
    Gone(&'a [&'a str]),
    /// Only in the new one.
    New(&'a [&'a str]),
}

/// The words of a text; the end of a line is one of them.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.trim().lines() {
        if !words.is_empty() {
            words.push(BREAK);
        }
        words.extend(line.split_whitespace());
    }
    words
}

/// How many pairs of words have to be compared, behind what both texts begin with and before what both end with: how
/// dear `runs` may get.
pub fn cost(old: &[&str], new: &[&str]) -> usize {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    (old.len() - tail).saturating_mul(new.len() - tail)
}

/// What became of the words of `old`, in the order of the texts.
pub fn runs<'a>(old: &'a [&'a str], new: &'a [&'a str]) -> Vec<Run<'a>> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (same, old) = old.split_at(head);
    let (_, new) = new.split_at(head);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, end) = old.split_at(old.len() - tail);
    let (new, _) = new.split_at(new.len() - tail);
    let mut all = vec![Run::Same(same)];
    if pairs(old, new) <= WORD_PAIRS {
        by_word(old, new, &mut all);
    } else {
        by_line(old, new, &mut all);
    }
    all.push(Run::Same(end));
    all.retain(|run| !run.words().is_empty());
    all
}

fn pairs<T>(old: &[T], new: &[T]) -> usize {
    old.len().saturating_mul(new.len())
}

fn by_word<'a>(old: &'a [&'a str], new: &'a [&'a str], all: &mut Vec<Run<'a>>) {
    for (tag, was, is) in compared(old, new) {
        match tag {
            Fate::Same => all.push(Run::Same(was)),
            Fate::Other => all.extend([Run::Gone(was), Run::New(is)]),
        }
    }
}

/// Whole lines first, and words only within what was replaced.
fn by_line<'a>(old: &'a [&'a str], new: &'a [&'a str], all: &mut Vec<Run<'a>>) {
    let (lines, new_lines) = (lines(old), lines(new));
    if pairs(&lines, &new_lines) > LINE_PAIRS {
        all.extend([Run::Gone(old), Run::New(new)]);
        return;
    }
    let (mut at, mut new_at) = (0, 0);
    for (fate, was, is) in compared(&lines, &new_lines) {
        let n_words = |lines: &[&[&str]]| lines.iter().map(|line| line.len()).sum::<usize>();
        let (to, new_to) = (at + n_words(was), new_at + n_words(is));
        let was = old.get(at..to).unwrap_or_default();
        let is = new.get(new_at..new_to).unwrap_or_default();
        match fate {
            Fate::Same => all.push(Run::Same(was)),
            Fate::Other if pairs(was, is) <= WORD_PAIRS => by_word(was, is, all),
            Fate::Other => all.extend([Run::Gone(was), Run::New(is)]),
        }
        (at, new_at) = (to, new_to);
    }
}

/// Lines with the words that end them.
fn lines<'a>(words: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    words.split_inclusive(|word| *word == BREAK).collect()
}

enum Fate {
    Same,
    Other,
}

/// The parts of two sequences, side by side.
fn compared<'a, T: Hash + Ord>(old: &'a [T], new: &'a [T]) -> Vec<(Fate, &'a [T], &'a [T])> {
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    let part = |op: DiffOp| {
        let fate = if matches!(op, DiffOp::Equal { .. }) { Fate::Same } else { Fate::Other };
        let was = old.get(op.old_range()).unwrap_or_default();
        (fate, was, new.get(op.new_range()).unwrap_or_default())
    };
    ops.into_iter().map(part).collect()
}

/// The runs as markup, at most `limit` words of them: what went as `del`, what came as `ins`, and of what stayed the
/// words around.
pub fn markup(runs: &[Run<'_>], limit: usize) -> String {
    let mut out = String::new();
    let mut left = limit;
    for (at, run) in runs.iter().enumerate() {
        if left == 0 {
            push(&mut out, "…");
            break;
        }
        let words = run.words();
        let shown = words.get(..words.len().min(left)).unwrap_or_default();
        match run {
            Run::Same(words) => same(&mut out, words, at == 0, at + 1 == runs.len()),
            Run::Gone(_) => push(&mut out, &format!("<del>{}</del>", joined(shown))),
            Run::New(_) => push(&mut out, &format!("<ins>{}</ins>", joined(shown))),
        }
        let is_same = matches!(run, Run::Same(_));
        if shown.len() < words.len() && !is_same && at + 1 == runs.len() {
            push(&mut out, "…");
        }
        left -= shown.len().min(if is_same { 2 * CONTEXT } else { usize::MAX });
    }
    out
}

/// The first and the last words of what stayed, as far as they stand beside a change.
fn same(out: &mut String, words: &[&str], is_first: bool, is_last: bool) {
    let (before, after) = (if is_first { 0 } else { CONTEXT }, if is_last { 0 } else { CONTEXT });
    if words.len() <= before + after {
        push(out, &joined(words));
        return;
    }
    push(out, &joined(words.get(..before).unwrap_or_default()));
    push(out, "…");
    push(out, &joined(words.get(words.len() - after..).unwrap_or_default()));
}

fn push(out: &mut String, part: &str) {
    if !out.is_empty() && !part.is_empty() {
        out.push(' ');
    }
    out.push_str(part);
}

fn joined(words: &[&str]) -> String {
    let mut out = String::new();
    for word in words {
        if *word == BREAK {
            out.push_str("<br>");
        } else {
            push(&mut out, &shown(word));
        }
    }
    out
}

/// A word as markup.
fn shown(word: &str) -> String {
    match word.char_indices().nth(WORD) {
        Some((at, _)) => escaped(word.get(..at).unwrap_or_default()) + "…",
        None => escaped(word),
    }
}

/// Plain text as markup that shows it.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => write!(out, "{c}").expect("a string takes everything"),
        }
    }
    out
}

impl<'a> Run<'a> {
    fn words(&self) -> &'a [&'a str] {
        match self {
            Self::Same(words) | Self::Gone(words) | Self::New(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn diff(old: &str, new: &str) -> String {
        let (old, new) = (words(old), words(new));
        markup(&runs(&old, &new), 1_000)
    }

    #[test]
    fn words_that_went_and_came_are_marked() {
        let table = [
            ("Thông báo số 12", "Thông báo số 13", "Thông báo số <del>12</del> <ins>13</ins>"),
            ("", "một hai", "<ins>một hai</ins>"),
            ("một hai", "", "<del>một hai</del>"),
            ("a b c", "a c", "a <del>b</del> c"),
            ("một\nhai", "một\nba", "một<br>hai"),
            ("<b> & \"x\"", "<i> & 'x'", ""),
        ];
        for (old, new, expected) in table {
            let found = diff(old, new);
            match expected {
                "" => assert_eq!(
                    found,
                    "<del>&lt;b&gt;</del> <ins>&lt;i&gt;</ins> &amp; <del>&quot;x&quot;</del> <ins>&#39;x&#39;</ins>"
                ),
                "một<br>hai" => assert_eq!(found, "một<br> <del>hai</del> <ins>ba</ins>"),
                expected => assert_eq!(found, expected),
            }
        }
    }

    #[test]
    fn the_cost_counts_what_both_do_not_share() {
        for (old, new, expected) in
            [("", "", 0), ("a b c", "a b c", 0), ("a b c d", "a x y d", 4), ("a a", "a a a", 0)]
        {
            assert_eq!(cost(&words(old), &words(new)), expected, "{old}, {new}");
        }
    }

    #[test]
    fn of_a_long_text_only_what_changed_is_shown_with_what_stands_around() {
        let long: Vec<String> = (0..5_000).map(|n| format!("từ{n}")).collect();
        let mut other = long.clone();
        other[2_500] = "khác".to_owned();
        let found = diff(&long.join(" "), &other.join(" "));
        assert!(found.starts_with("… từ2488 "), "{found}");
        assert!(found.contains("từ2499 <del>từ2500</del> <ins>khác</ins> từ2501"), "{found}");
        assert!(found.ends_with("từ2512 …"), "{found}");
    }

    #[test]
    fn what_is_too_much_is_compared_by_lines_and_cut() {
        let text =
            |from: usize| (from..from + 3_000).map(|n| format!("dòng {n} của bài\n")).collect::<String>();
        let (old, new) = (text(0), text(0).replace("dòng 7 ", "hàng 7 ").replace("dòng 2990 ", "hàng 2990 "));
        let found = diff(&old, &new);
        assert_eq!(found.matches("<del>dòng</del> <ins>hàng</ins>").count(), 2, "{found}");
        let (old, new) = (words(&old), text(100_000));
        let new = words(&new);
        let found = markup(&runs(&old, &new), 100);
        assert!(found.ends_with('…') && found.len() < 2_000, "{found}");
        let word = "x".repeat(100_000);
        assert!(diff("", &word).len() < 1_000);
    }

    proptest! {
        #[test]
        fn the_runs_make_both_texts(
            old in proptest::collection::vec("[a-c]|\n|<|&", 0..60),
            new in proptest::collection::vec("[a-c]|\n|<|&", 0..60),
        ) {
            let (old, new) = (old.join(" "), new.join(" "));
            let (old, new) = (words(&old), words(&new));
            let runs = runs(&old, &new);
            let made = |is_old: bool| -> Vec<&str> {
                let kept = runs.iter().filter(|run| !matches!((run, is_old), (Run::Gone(_), false) | (Run::New(_), true)));
                kept.flat_map(|run| run.words().iter().copied()).collect()
            };
            prop_assert_eq!(&made(true), &old);
            prop_assert_eq!(&made(false), &new);
            let mut lines = Vec::new();
            by_line(&old, &new, &mut lines);
            let new_words: Vec<&str> = lines.iter().filter(|run| !matches!(run, Run::Gone(_))).flat_map(|run| run.words().iter().copied()).collect();
            prop_assert_eq!(&new_words, &new);
        }

        #[test]
        fn nothing_but_our_own_markup_comes_out(old in "\\PC{0,80}", new in "\\PC{0,80}") {
            let found = diff(&old, &new);
            let plain = ["<del>", "</del>", "<ins>", "</ins>", "<br>"].iter().fold(found, |text, tag| text.replace(tag, ""));
            prop_assert!(!plain.contains(['<', '>', '"', '\'']));
        }
    }
}
