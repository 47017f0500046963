//! Published text: as the author wrote it, in one form.

use std::borrow::Cow;

use crate::model::{markup, text};

/// One line of text: references decoded where they are left, NFC, white space and nbsp runs as one space,
/// nothing invisible and nothing that XML forbids. Tone placement and quotes stay.
pub fn line(raw: &str) -> String {
    let decoded = decode_left(raw);
    let mut out = String::with_capacity(decoded.len());
    for word in visible(&decoded).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Text of a node of markup: NFC, nbsp runs as one space, nothing invisible; `None` when it is so already.
pub(super) fn node(raw: &str, keep_spaces: bool) -> Option<String> {
    if raw.chars().all(text::is_plain) {
        return None;
    }
    let visible = visible(raw);
    if keep_spaces {
        return (visible != raw).then(|| visible.into_owned());
    }
    let mut out = String::with_capacity(visible.len());
    // Words with the single blanks between them, and what stands between those: white space of another kind.
    let mut pending = false;
    for run in visible.split(|c: char| c != ' ' && c.is_whitespace()) {
        let run = if pending { run.trim_start_matches(' ') } else { run };
        if pending && !out.ends_with(' ') && !run.is_empty() {
            out.push(' ');
        }
        out.push_str(run);
        pending = true;
    }
    let ends = visible.trim_end_matches(' ').ends_with(char::is_whitespace);
    if ends && !out.ends_with(' ') {
        out.push(' ');
    }
    (out != raw).then_some(out)
}

/// Cuts at a word within `longest` characters, with an ellipsis; `None` when it is short enough.
pub fn cut(line: &str, longest: usize) -> Option<String> {
    line.char_indices().nth(longest)?;
    let head: String = line.chars().take(longest.saturating_sub(1)).collect();
    let head = match head.rsplit_once(' ') {
        Some((words, _)) if words.len() * 2 > head.len() => words,
        _ => head.as_str(),
    };
    Some(format!("{}…", head.trim_end_matches([' ', ',', ';', ':', '-', '–', '('])))
}

/// Composed, without what nobody sees. Joiners stay where scripts and emoji need them.
fn visible(raw: &str) -> Cow<'_, str> {
    let is_shown = |c| text::is_composed(c) && !text::is_invisible(c) && text::is_xml(c);
    if raw.chars().all(|c| text::is_plain(c) || is_shown(c)) {
        return Cow::Borrowed(raw);
    }
    // Composed first: what a joiner stands behind is what stands there in the end.
    let whole = text::composed(raw);
    let mut before = ' ';
    let kept = whole.chars().filter(|&c| {
        let joins = matches!(c, '\u{200c}' | '\u{200d}')
            && before >= '\u{600}'
            && !('\u{1e00}'..='\u{206f}').contains(&before);
        let keep = joins || (!text::is_invisible(c) && text::is_xml(c));
        if keep {
            before = c;
        }
        keep
    });
    let kept: String = kept.collect();
    match text::composed(&kept) {
        Cow::Borrowed(_) => Cow::Owned(kept),
        Cow::Owned(composed) => Cow::Owned(composed),
    }
}

/// Decodes references that a sloppy source left in its text, also twice (`ng&amp;agrave;y`), but never makes
/// a tag of `&lt;b&gt;`: somebody wrote about one.
fn decode_left(raw: &str) -> Cow<'_, str> {
    let tag = |c: char, tail: &str| {
        c == '<'
            && tail.starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'))
    };
    match markup::decode_if(raw, |c, tail| !tag(c, tail)) {
        Cow::Borrowed(same) => Cow::Borrowed(same),
        Cow::Owned(once) => Cow::Owned(markup::decode_if(&once, |c, tail| !tag(c, tail)).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_what_was_written() {
        for (raw, expected) in [
            ("  Khai mạc\u{a0}\u{a0} Đại hội\n", "Khai mạc Đại hội"),
            ("ng&amp;agrave;y h&#7897;i", "ngày hội"),
            ("Qua\u{302}\u{323}n 1 – “hoà” hòa…", "Quận 1 – “hoà” hòa…"),
            ("a\u{200b}b\u{202e}c\u{0}\u{b}d\u{fffe}", "abcd"),
            ("👨\u{200d}👩\u{200d}👧 vui\u{200d}", "👨\u{200d}👩\u{200d}👧 vui"),
            ("Thẻ &lt;b&gt; và 1 &lt; 2 &amp; 3", "Thẻ &lt;b> và 1 < 2 & 3"),
            ("½ ² ﬁ", "½ ² ﬁ"),
            ("]]> <![CDATA[", "]]> <![CDATA["),
        ] {
            assert_eq!(line(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn cuts_at_words() {
        assert_eq!(cut("một hai ba", 10), None);
        assert_eq!(cut("một hai ba bốn", 10).as_deref(), Some("một hai…"));
        assert_eq!(cut(&"ắ".repeat(20), 5).as_deref(), Some("ắắắắ…"));
    }

    /// What stands before a joiner is what stands there in the end: composed, and nothing that goes.
    #[test]
    fn joiners_are_told_by_what_stays() {
        for (raw, expected) in [
            ("a\u{feff}\u{200d}b", "ab"),
            ("\u{2126}\u{200d}b", "Ωb"),
            ("👩\u{feff}\u{200d}👧", "👩\u{200d}👧"),
            ("\u{928}\u{ad}\u{93c}", "\u{929}"),
        ] {
            assert_eq!(line(raw), expected, "{raw:?}");
            assert_eq!(line(expected), expected, "{raw:?} again");
        }
    }

    #[test]
    fn folds_spaces_of_nodes() {
        assert_eq!(node("a\u{a0}\u{a0} b\u{a0}", false).as_deref(), Some("a b "));
        assert_eq!(node("thường", false), None);
        assert_eq!(node("a\u{a0}\n b", true), None);
        assert_eq!(node("plain  text", false), None);
    }

    /// What `node` makes of white space, one character after the other.
    fn spaced(raw: &str) -> String {
        let mut out = String::new();
        let mut pending = false;
        for c in raw.chars() {
            if c.is_whitespace() && (pending || c != ' ') {
                pending = true;
                continue;
            }
            if std::mem::take(&mut pending) && !out.ends_with(' ') {
                out.push(' ');
            }
            out.push(c);
        }
        if pending && !out.ends_with(' ') {
            out.push(' ');
        }
        out
    }

    proptest::proptest! {
        #[test]
        fn nodes_are_spaced_as_they_are_read(raw in "[a \u{a0}\n\u{2003}]{0,12}") {
            proptest::prop_assert_eq!(node(&raw, false).unwrap_or_else(|| raw.clone()), spaced(&raw));
        }

        #[test]
        fn lines_are_stable(raw in "(\\PC|&amp;|&lt;|\u{a0}|\u{200d}|\u{301}){0,20}") {
            let once = line(&line(&line(&raw)));
            proptest::prop_assert_eq!(line(&once), once);
        }
    }
}
