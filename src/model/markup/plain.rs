//! Markup as plain text.

use std::borrow::Cow;

use super::{
    entities::decode,
    scan::{Event, Reading, Scanner},
    tags,
};
use crate::model::text;

/// The text of markup: one line per block, `br` or row, white space collapsed (kept in `pre`), scripts and
/// styles left out, character references decoded. Linear, and safe for any depth.
pub fn to_text(markup: &str) -> String {
    let mut lines = Lines::default();
    let mut scanner = Scanner::new(markup.as_bytes(), false);
    let mut pre = 0_usize;
    while let Some(event) = scanner.next(Reading::Html) {
        match event {
            Event::Text { from, to } => {
                let text = decode(markup.get(from..to).unwrap_or_default());
                if pre > 0 { lines.push_kept(&text) } else { lines.push(&text) }
            }
            Event::Start { name, .. } => {
                pre += usize::from(name == tags::PRE);
                lines.tag(name);
            }
            Event::End { name } => {
                pre = pre.saturating_sub(usize::from(name == tags::PRE));
                lines.tag(name);
            }
        }
    }
    lines.finish()
}

#[derive(Default)]
struct Lines {
    out: String,
    /// A space is due before the next word.
    space: bool,
    /// The current line has no words yet.
    fresh: bool,
}

// === impl Lines ===

impl Lines {
    fn push(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = true;
                continue;
            }
            self.gap();
            self.out.push(c);
        }
    }

    fn push_kept(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' => self.end_line(),
                _ if c.is_whitespace() && self.fresh => {}
                _ => {
                    self.gap();
                    self.out.push(c);
                }
            }
        }
    }

    /// What stands between the last word and the next.
    fn gap(&mut self) {
        let space = std::mem::take(&mut self.space);
        if std::mem::take(&mut self.fresh) {
            if !self.out.is_empty() {
                self.out.push('\n');
            }
        } else if space && !self.out.is_empty() {
            self.out.push(' ');
        }
    }

    fn tag(&mut self, name: u64) {
        if matches!(name, tags::TD | tags::TH) {
            self.space = true;
        } else if tags::breaks_line(name) {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        self.fresh = true;
        self.space = false;
    }

    /// Composed: a letter and its mark may have stood in two elements.
    fn finish(self) -> String {
        match text::composed(&self.out) {
            Cow::Borrowed(_) => self.out,
            Cow::Owned(composed) => composed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_page() {
        for (markup, expected) in [
            ("<b>a</b>\u{301}", "á"),
            ("<p>Một&nbsp; hai</p>\n<p>ba<br>bốn</p>", "Một hai\nba\nbốn"),
            ("a <b>b</b>c<!-- x --> d<script>var x = '<p>';</script>", "a bc d"),
            ("<table><tr><td>1<td>2<tr><td>3</table>x", "1 2\n3\nx"),
            ("<ul><li>a<li>b</ul>", "a\nb"),
            ("<pre>a  b\n c</pre>", "a  b\nc"),
            ("1 < 2 &amp;&lt; 3", "1 < 2 &< 3"),
            ("<p></p><div> </div>", ""),
        ] {
            assert_eq!(to_text(markup), expected, "{markup}");
        }
    }
}
