//! What is wrong with a configuration, all of it at once: file, line, caret and hint.

use std::{cell::RefCell, fmt, sync::Arc};

use anstyle::{AnsiColor, Style};
use regex::{Captures, Regex};
use unicode_width::UnicodeWidthChar;

use super::tree::{FileId, Place};

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug)]
pub struct Report {
    files: Arc<[Text]>,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) place: Option<Place>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// A problem as machines read it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Located {
    /// The file, where there is one.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// One text that was read: a file, the environment, the flags.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) name: String,
    pub(super) text: String,
}

/// The texts that were read, and what was found wrong with them so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    texts: RefCell<Vec<Text>>,
    problems: RefCell<Vec<Problem>>,
    /// Every key that was asked for, as `section.key`: how a test proves that the reference is complete.
    asked: RefCell<std::collections::BTreeSet<String>>,
}

/// How wide a shown line may get before it is cut around its caret.
const LINE_WIDTH: usize = 110;

// === impl Findings ===

impl Findings {
    /// Adds a text that problems can point into.
    pub(super) fn add_text(&self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let mut texts = self.texts.borrow_mut();
        texts.push(Text { name: name.into(), text: text.into() });
        texts.len() - 1
    }

    /// The number of the text added last.
    pub(super) fn last_text(&self) -> FileId {
        self.texts.borrow().len().saturating_sub(1)
    }

    pub(super) fn add(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        // A recipe that two sources use is wrong once.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    pub(super) fn wrong(&self, place: &Place, message: impl Into<String>, hint: Option<String>) {
        self.add(Problem { place: Some(place.clone()), message: message.into(), hint });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    pub(super) fn note_asked(&self, key: String) {
        self.asked.borrow_mut().insert(key);
    }

    pub(super) fn asked(&self) -> std::collections::BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// The written form of what stands at `place`, quotes included.
    pub(super) fn written(&self, place: &Place) -> Option<String> {
        let texts = self.texts.borrow();
        texts.get(place.file)?.text.get(place.start..place.end).map(str::to_owned)
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, place: &Place) -> usize {
        let texts = self.texts.borrow();
        texts.get(place.file).map_or(1, |text| line_of(&text.text, place.start).0)
    }

    pub(super) fn into_report(self) -> Report {
        let mut problems = self.problems.into_inner();
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        Report { files: self.texts.into_inner().into(), problems }
    }
}

// === impl Report ===

impl Report {
    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// True when nothing is wrong (such a report is never made).
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems with their places, in the order of the report.
    pub fn located(&self) -> Vec<Located> {
        let located = |problem: &Problem| {
            let found = problem.place.as_ref().and_then(|place| {
                let text = self.files.get(place.file)?;
                let (line, column, _) = line_of(&text.text, place.start);
                Some((text.name.clone(), line, column))
            });
            Located {
                file: found.as_ref().map(|(name, _, _)| name.clone()),
                line: found.as_ref().map(|(_, line, _)| *line),
                column: found.as_ref().map(|(_, _, column)| *column),
                message: problem.message.clone(),
                hint: problem.hint.clone(),
            }
        };
        self.problems.iter().map(located).collect()
    }

    /// The report as text, colored for terminals.
    pub fn render(&self, color: bool) -> String {
        let paint = Paint { color };
        let mut out = String::new();
        for problem in &self.problems {
            out.push_str(&self.render_problem(problem, &paint));
            out.push('\n');
        }
        let noun = if self.problems.len() == 1 { "problem" } else { "problems" };
        out.push_str(&format!("{} {noun} in the configuration\n", self.problems.len()));
        out
    }

    fn render_problem(&self, problem: &Problem, paint: &Paint) -> String {
        let mut out = format!("{}: {}\n", paint.red("error"), printable(&problem.message));
        if let Some((place, text)) = problem.place.as_ref().and_then(|p| Some((p, self.files.get(p.file)?))) {
            out.push_str(&excerpt(text, place, paint));
        }
        if let Some(hint) = &problem.hint {
            out.push_str(&format!("{}: {}\n", paint.cyan("hint"), printable(hint)));
        }
        out
    }
}

/// The report without colors.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Report {}

// === the picture of a place ===

fn excerpt(text: &Text, place: &Place, paint: &Paint) -> String {
    let (number, column, line) = line_of(&text.text, place.start);
    let length = text
        .text
        .get(place.start..place.end)
        .map_or(1, |s| s.chars().take_while(|c| *c != '\n').count().max(1));
    let (shown, before, under) = picture(&masked(line), column - 1, length);
    let margin = " ".repeat(number.to_string().len());
    let bar = paint.blue("|");
    let at = format!("{}:{number}:{column}", printable(&text.name));
    format!(
        "{margin}{arrow} {at}\n{margin} {bar}\n{n} {bar} {shown}\n{margin} {bar} {pad}{carets}\n",
        arrow = paint.blue("-->"),
        n = paint.blue(&number.to_string()),
        pad = " ".repeat(before),
        carets = paint.red(&"^".repeat(under.max(1))),
    )
}

/// The line as shown, the width before the caret, and the width of the caret. Long lines are cut around it.
fn picture(line: &str, column: usize, length: usize) -> (String, usize, usize) {
    let cells: Vec<(String, usize)> = line.chars().map(cell).collect();
    let column = column.min(cells.len());
    let end = (column + length).min(cells.len());
    let total: usize = cells.iter().map(|(_, width)| width).sum();
    let (from, to) = if total <= LINE_WIDTH { (0, cells.len()) } else { window(&cells, column) };
    let mut shown: String = cells[from..to].iter().map(|(text, _)| text.as_str()).collect();
    let width = |range: &[(String, usize)]| range.iter().map(|(_, width)| width).sum::<usize>();
    let mut before = width(&cells[from..column]);
    if from > 0 {
        shown.insert(0, '…');
        before += 1;
    }
    if to < cells.len() {
        shown.push('…');
    }
    (shown, before, width(&cells[column..end.min(to).max(column)]))
}

/// Which cells of a long line to show: a third of the width before the caret, the rest after it.
fn window(cells: &[(String, usize)], column: usize) -> (usize, usize) {
    let mut from = column;
    let mut room = LINE_WIDTH / 3;
    while from > 0 && room >= cells[from - 1].1 {
        from -= 1;
        room -= cells[from].1;
    }
    let mut to = column;
    let mut room = LINE_WIDTH - LINE_WIDTH / 3 + room;
    while to < cells.len() && room >= cells[to].1 {
        room -= cells[to].1;
        to += 1;
    }
    (from, to)
}

/// A character as shown, and how many columns it takes.
fn cell(c: char) -> (String, usize) {
    if c == '\t' {
        return ("    ".to_owned(), 4);
    }
    if is_unprintable(c) {
        let escaped = c.escape_unicode().to_string();
        let width = escaped.len();
        return (escaped, width);
    }
    (c.to_string(), c.width().unwrap_or(0))
}

/// Control characters, and those that turn or break the direction of a line.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Text that cannot drive a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_unprintable(c) && c != '\n' { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

/// The line without the value of a secret: reports end up in logs and tickets.
fn masked(line: &str) -> String {
    let line = &without_password(line);
    let lower = line.to_ascii_lowercase();
    let after =
        ["secret", "password", "tokens", "token"].iter().filter_map(|word| value_start(&lower, word)).min();
    let Some(after) = after else { return line.to_owned() };
    line.char_indices().map(|(at, c)| if at >= after && !c.is_whitespace() { '*' } else { c }).collect()
}

/// The line with the password of an address (`https://user:password@host`) masked.
fn without_password(line: &str) -> String {
    let pattern = Regex::new(r"(://[^/\s@:]*:)([^/\s@]*)@").expect("it is constant");
    let mask = |found: &Captures<'_>| format!("{}{}@", &found[1], "*".repeat(found[2].chars().count()));
    pattern.replace_all(line, mask).into_owned()
}

/// Where the value of `word = value` begins, where the line has that.
fn value_start(line: &str, word: &str) -> Option<usize> {
    line.match_indices(word).find_map(|(at, _)| {
        let end = at + word.len();
        let rest = line.get(end..)?;
        let rest = rest.trim_start_matches(['"', '\'', ' ', '\t']);
        rest.strip_prefix('=').map(|value| line.len() - value.len())
    })
}

/// The line number and column (from 1) of a byte, and the line's text.
fn line_of(text: &str, at: usize) -> (usize, usize, &str) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = at + after.find('\n').unwrap_or(after.len());
    let line = text.get(start..end).unwrap_or_default().trim_end_matches('\r');
    let column = text.get(start..at).unwrap_or_default().chars().count();
    (before.matches('\n').count() + 1, column + 1, line)
}

// === colors ===

struct Paint {
    color: bool,
}

impl Paint {
    fn red(&self, text: &str) -> String {
        self.with(AnsiColor::Red, text)
    }

    fn cyan(&self, text: &str) -> String {
        self.with(AnsiColor::Cyan, text)
    }

    fn blue(&self, text: &str) -> String {
        self.with(AnsiColor::Blue, text)
    }

    fn with(&self, color: AnsiColor, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style = Style::new().bold().fg_color(Some(color.into()));
        format!("{style}{text}{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, span: std::ops::Range<usize>, message: &str) -> String {
        let findings = Findings::default();
        let file = findings.add_text("loa.toml", text);
        findings.wrong(&Place::new(file, span), message, None);
        findings.into_report().to_string()
    }

    #[test]
    fn the_caret_stands_under_vietnamese_wide_and_tabbed_text() {
        let text = "a = 1\n\tname = \"Quận 一\" # x\n";
        let at = text.find('一').unwrap();
        insta::assert_snapshot!(rendered(text, at..at + 3, "this character"), @r#"
        error: this character
         --> loa.toml:2:15
          |
        2 |     name = "Quận 一" # x
          |                  ^^

        1 problem in the configuration
        "#);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let out = rendered("a = \"\u{1b}[31m\u{202e}\"\u{7}\n", 4..6, "bad \u{1b}]0;x");
        assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
        assert!(out.contains("\\u{1b}[31m\\u{202e}"), "{out}");
    }

    #[test]
    fn secrets_are_never_shown() {
        for line in [
            "secret = \"hunter2\"",
            "tokens = [\"hunter2\", 'hunter2']",
            "x = { token='hunter2' }",
            "LOA_WEB__TOKEN=hunter2",
            "password = \"hunter2\"",
            "LOA_MAIL__PASSWORD=hunter2",
            "\"secret\" = \"hunter2",
        ] {
            let out = rendered(line, 0..1, "wrong");
            assert!(!out.contains("hunter2"), "{out}");
        }
        assert!(
            rendered("url = 'https://me:hunter2@a.example/'", 0..1, "wrong")
                .contains("https://me:*******@a.example/")
        );
        assert!(rendered("secret_file = \"secrets/x\"", 0..1, "wrong").contains("secrets/x"));
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text = format!("url = \"{}HERE{}\"", "a".repeat(300), "b".repeat(300));
        let at = text.find("HERE").unwrap();
        let out = rendered(&text, at..at + 4, "wrong");
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[3].chars().count() < 130, "{out}");
        let here = lines[3].split("HERE").next().unwrap().chars().count();
        let caret = lines[4].split("^^^^").next().unwrap().chars().count();
        assert_eq!(here, caret, "{out}");
    }

    #[test]
    fn any_place_can_be_pictured() {
        let text = "ă\r\nb";
        for start in 0..10 {
            for end in 0..10 {
                assert!(rendered(text, start..end, "x").contains("loa.toml:"));
            }
        }
    }

    #[test]
    fn colors_only_when_asked() {
        let findings = Findings::default();
        let file = findings.add_text("loa.toml", "a = 1");
        findings.wrong(&Place::new(file, 0..1), "wrong", Some("do it".to_owned()));
        let report = findings.into_report();
        assert!(!report.render(false).contains('\u{1b}'));
        assert!(report.render(true).contains("\u{1b}[1m\u{1b}[31merror"));
    }
}
