//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

/// A table with a header, as wide as the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// Text from outside for one cell: one line, nothing that drives a terminal, at most `longest` characters.
pub(super) fn cell(text: &str, longest: usize) -> String {
    let clean = |c: char| {
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            ' '
        } else {
            c
        }
    };
    let text: String = text.chars().map(clean).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= longest {
        return text;
    }
    let mut short: String = text.chars().take(longest.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A table as text, without spaces at line ends.
pub(super) fn print(table: &Table) -> String {
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_one_harmless_line() {
        assert_eq!(cell("a\n\tb \u{1b}[31mc\u{202e}", 80), "a b [31mc");
        assert_eq!(cell("Quận 1 – Tin tức", 6), "Quận …");
        assert_eq!(cell("", 5), "");
    }
}
