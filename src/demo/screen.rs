//! The demo's terminal: lines that fit it, with colors where somebody sees them.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    /// The news portal.
    Portal,
    /// Our daemon.
    Daemon,
    /// The receiver of webhooks.
    Newsroom,
}

/// Where the demo says what happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// Columns; `None` where nobody wraps lines, as in a file.
    width: Option<usize>,
    colored: bool,
}

// === impl Screen ===

impl Screen {
    /// Standard output as it is now.
    pub(super) fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = terminal.then(|| comfy_table::Table::new().width().map_or(80, usize::from));
        Self { width, colored: terminal && !refused }
    }

    /// A numbered step of the beginning.
    pub(super) fn step(self, number: u32, text: &str) {
        self.line(None, &format!("[{number}/5] "), text);
    }

    /// What belongs to the step above.
    pub(super) fn detail(self, text: &str) {
        self.line(None, "      ", text);
    }

    /// The same, never shortened: what is copied and pasted.
    pub(super) fn whole(self, text: &str) {
        Self { width: None, ..self }.detail(text);
    }

    /// Somebody does something.
    pub(super) fn act(self, actor: Actor, text: &str) {
        self.line(Some(actor), &format!("{:9} ", actor.name()), text);
    }

    /// A line of its own.
    pub(super) fn say(self, text: &str) {
        self.line(None, "", text);
    }

    fn line(self, actor: Option<Actor>, head: &str, text: &str) {
        let text = match self.width {
            Some(width) => fitted(text, width.saturating_sub(head.width())),
            None => text.to_owned(),
        };
        let style = actor.filter(|_| self.colored).map(Actor::style).unwrap_or_default();
        let mut out = io::stdout().lock();
        // One who does not read any more does not stop the demo.
        writeln!(out, "{style}{head}{style:#}{text}").and_then(|()| out.flush()).ok();
    }
}

// === impl Actor ===

impl Actor {
    fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Daemon => "daemon",
            Self::Newsroom => "newsroom",
        }
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Portal => AnsiColor::Cyan,
            Self::Daemon => AnsiColor::Yellow,
            Self::Newsroom => AnsiColor::Green,
        };
        Style::new().bold().fg_color(Some(color.into()))
    }
}

/// What stands between an address and a remark about it.
pub(super) const REMARK: &str = "   ";

/// `text` in at most `columns` columns, shortened with `…` where it is wider. An address stays whole, for half of
/// one opens nothing; its remark goes.
fn fitted(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    if text.contains("://") {
        return text.split(REMARK).next().unwrap_or_default().to_owned();
    }
    let (mut short, mut used) = (String::new(), 1);
    for char in text.chars() {
        used += char.width().unwrap_or(0);
        if used > columns {
            break;
        }
        short.push(char);
    }
    format!("{}…", short.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_addresses_stay_whole() {
        let check = |text: &str, columns: usize, expected: &str| assert_eq!(fitted(text, columns), expected);
        check("Quận 1", 6, "Quận 1");
        check("Quận 1 xanh", 7, "Quận 1…");
        check("Quận 1 xanh", 6, "Quận…");
        // Decomposed marks take no columns.
        check("Qua\u{323}\u{302}n 1", 6, "Qua\u{323}\u{302}n 1");
        check("http://127.0.0.1:8080/feeds/quan1.rss", 10, "http://127.0.0.1:8080/feeds/quan1.rss");
        check("http://127.0.0.1:8080/   the page", 24, "http://127.0.0.1:8080/");
    }
}
