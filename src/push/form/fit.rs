//! Text of an article as a receiver shows it: nothing in it is markup, nobody is pinged, and it is cut where the
//! receiver would refuse it. A cut stands between two characters (never within an escape) and shows as `…`.

/// What an article's text is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text that nobody interprets.
    Plain,
    /// Slack's `mrkdwn`: `&`, `<` and `>` as references, so that `<!channel>` and `<@U1>` are text.
    /// (docs.slack.dev, "Formatting message text": "Escaping text")
    Slack,
    /// Discord's Markdown, with a backslash before everything that means something.
    Discord,
    /// Mattermost's Markdown: as Discord's, and a zero-width space behind `@` and `<`, so that neither `@all` nor
    /// Slack's `<!channel>`, which it reads too, is a mention.
    Mattermost,
    /// Telegram's HTML: `&`, `<`, `>` and `"` as references (core.telegram.org/bots/api, "HTML style"), and a
    /// zero-width space behind `@`.
    Html,
    /// An address within Slack's `<…|…>` or within an attribute.
    Address,
}

/// How the length of a text is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// UTF-16 units: at least as many as there are characters, by whatever a receiver counts them.
    Utf16,
    /// Bytes in JSON, escapes included.
    Bytes,
}

const CUT: &str = "…";

/// The text for `kind`, at most `most` units long.
pub(super) fn fit(text: &str, kind: Kind, unit: Unit, most: usize) -> String {
    let mut out = String::new();
    let (mut used, mut kept) = (0, 0);
    let cut = unit.of(CUT);
    for c in text.trim().chars().filter_map(clean) {
        let before = out.len();
        kind.push(c, &mut out);
        used += unit.of(out.get(before..).unwrap_or_default());
        if used > most {
            out.truncate(kept);
            out.truncate(out.trim_end().len());
            if cut <= most {
                out.push_str(CUT);
            }
            return out;
        }
        if used + cut <= most {
            kept = out.len();
        }
    }
    out
}

/// The text on one line.
pub(super) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what no receiver shows: control characters but for the end of a line.
fn clean(c: char) -> Option<char> {
    match c {
        '\n' => Some('\n'),
        '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => None,
        c => Some(c),
    }
}

impl Kind {
    fn push(self, c: char, out: &mut String) {
        match (self, c) {
            (Self::Slack | Self::Html | Self::Address, '&') => out.push_str("&amp;"),
            (Self::Slack | Self::Html, '<') => out.push_str("&lt;"),
            (Self::Slack | Self::Html, '>') => out.push_str("&gt;"),
            (Self::Address, '"' | '<' | '>' | '|' | '\'' | ' ' | '\n') => {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            }
            (Self::Html, '"') => out.push_str("&quot;"),
            (Self::Html | Self::Mattermost, '@') => out.push_str("@\u{200b}"),
            (Self::Mattermost, '<') => out.push_str("\\<\u{200b}"),
            (
                Self::Discord | Self::Mattermost,
                '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '>' | '#',
            ) => out.extend(['\\', c]),
            (_, c) => out.push(c),
        }
    }
}

impl Unit {
    fn of(self, text: &str) -> usize {
        match self {
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.chars().map(json_bytes).sum(),
        }
    }
}

fn json_bytes(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 6] =
        [Kind::Plain, Kind::Slack, Kind::Discord, Kind::Mattermost, Kind::Html, Kind::Address];

    #[test]
    fn nothing_is_markup_and_nobody_is_pinged() {
        let text = "A & <!channel> <@U1> @everyone *b* [x](y) \"q\" #1\u{0}\u{1b}";
        let table = [
            (Kind::Plain, "A & <!channel> <@U1> @everyone *b* [x](y) \"q\" #1"),
            (Kind::Slack, "A &amp; &lt;!channel&gt; &lt;@U1&gt; @everyone *b* [x](y) \"q\" #1"),
            (Kind::Discord, "A & \\<!channel\\> \\<@U1\\> @everyone \\*b\\* \\[x\\](y) \"q\" \\#1"),
            (
                Kind::Mattermost,
                "A & \\<\u{200b}!channel\\> \\<\u{200b}@\u{200b}U1\\> @\u{200b}everyone \\*b\\* \\[x\\](y) \"q\" \\#1",
            ),
            (
                Kind::Html,
                "A &amp; &lt;!channel&gt; &lt;@\u{200b}U1&gt; @\u{200b}everyone *b* [x](y) &quot;q&quot; #1",
            ),
        ];
        for (kind, expected) in table {
            assert_eq!(fit(text, kind, Unit::Utf16, 1_000), expected);
        }
    }

    #[test]
    fn cuts_between_characters_and_never_in_an_escape() {
        let table = [
            ("Quận một", 8, "Quận một"),
            ("Quận một", 7, "Quận m…"),
            ("Quận một", 6, "Quận…"),
            ("Quận một", 1, "…"),
            ("Quận một", 0, ""),
            ("😀😀", 4, "😀😀"),
            ("😀😀", 3, "😀…"),
            ("😀😀", 2, "…"),
        ];
        for (text, most, expected) in table {
            assert_eq!(fit(text, Kind::Plain, Unit::Utf16, most), expected, "{text} {most}");
        }
        assert_eq!(fit("a&b", Kind::Slack, Unit::Utf16, 6), "a…");
        assert_eq!(fit("a&b", Kind::Slack, Unit::Utf16, 7), "a&amp;b");
        assert_eq!(fit("\"\"\"", Kind::Plain, Unit::Bytes, 5), "\"…");
        assert_eq!(line(" a\n\tb  c "), "a b c");
    }

    proptest! {
        #[test]
        fn is_never_longer(text in "\\PC{0,40}|[&<>\"@\n\u{0}\u{7f}😀ế]{0,40}", most in 0usize..60) {
            for kind in KINDS {
                for unit in [Unit::Utf16, Unit::Bytes] {
                    let made = fit(&text, kind, unit, most);
                    prop_assert!(unit.of(&made) <= most);
                    prop_assert!(!made.chars().any(|c| c.is_control() && c != '\n'));
                }
                let json = serde_json::to_string(&fit(&text, kind, Unit::Bytes, most)).unwrap();
                prop_assert!(json.len() <= most + 2, "{json}");
            }
        }
    }
}
