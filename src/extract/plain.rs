//! Plain text out of markup without a parser: for titles and names, which are short and often half escaped.

use crate::model::markup;

/// Elements that people write into titles.
const INLINE: [&str; 26] = [
    "a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "del", "div", "em", "font", "i", "img",
    "ins", "mark", "p", "q", "s", "small", "span", "strong", "sub", "sup", "u",
];

/// Those of them that may stand inside a word.
const JOINED: [&str; 8] = ["a", "b", "i", "em", "span", "strong", "font", "u"];

/// The text of something that is declared as HTML, on one line.
pub(super) fn text(html: &str) -> String {
    collapse(&markup::to_text(html))
}

/// The text of a title whose type nobody declared: inline tags go, references are decoded once more, `1 < 2` stays.
pub(super) fn title(said: &str) -> String {
    collapse(&markup::decode(&without_inline_tags(said)))
}

/// White space runs become one blank, none at the ends. Non-breaking spaces count.
pub(super) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

fn without_inline_tags(html: &str) -> String {
    let is_inline = |name: &str| INLINE.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let inside = after.strip_prefix('/').unwrap_or(after);
        let end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
        let name = inside.get(..end).unwrap_or_default();
        let closed = if is_inline(name) { behind_tag(after) } else { None };
        match closed {
            Some(behind) => {
                if !JOINED.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    out.push(' ');
                }
                rest = behind;
            }
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What follows the tag; `None` when another one begins before it ends. Never looks further than that.
fn behind_tag(inside: &str) -> Option<&str> {
    let end = inside.find(['<', '>'])?;
    inside.get(end..)?.strip_prefix('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_titles_as_people_meant_them() {
        let check = |said: &str, expected: &str| assert_eq!(title(said), expected, "{said}");
        check("1 < 2 và 3 > 2", "1 < 2 và 3 > 2");
        check("Quận&nbsp;1:\n <b>Thông</b> báo", "Quận 1: Thông báo");
        check("Vec<T> &amp; Box<str>", "Vec<T> & Box<str>");
        check("a<br/>b <script>x", "a b <script>x");
        check("<<<< a < b", "<<<< a < b");
        assert_eq!(text("<p>a</p><script>x</script>&lt;b&gt;"), "a <b>");
    }
}
