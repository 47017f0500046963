//! Who signs a text in its last line.

use std::sync::LazyLock;

use regex::Regex;

use super::outline::Block;

/// `Theo X`, `By X`: what stands before a name.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    let said = "theo|nguồn|nguồn tin|tác giả|bài|bài viết|bài, ảnh|bài và ảnh|tin, ảnh|tin và ảnh|by|source|author|text";
    Regex::new(&format!(r"(?i)^(?:{said})(?:\s*:\s*|\s+)")).expect("a constant pattern")
});

/// `T.X`, `N.V.A`.
static INITIALS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\p{Lu}\p{Ll}?\.\s?){1,3}\p{Lu}\p{Ll}{0,8}\.?$").expect("a constant pattern")
});

/// The name in the last of these blocks with a text, where that is unmistakably one: short, set apart by its place or
/// its letters, and shaped like a name.
pub(super) fn of(blocks: &[Block<'_>], dropped: &[bool]) -> Option<String> {
    let mut shown =
        blocks.iter().enumerate().zip(dropped).filter(|((_, block), dropped)| !**dropped && block.chars > 0);
    let ((place, block), _) = shown.next_back()?;
    let inside = blocks.get(place + 1..)?;
    (is_right(block) || is_emphasized(block, inside)).then(|| name(&block.own)).flatten()
}

fn is_right(block: &Block<'_>) -> bool {
    let element = block.element;
    let style: String =
        element.attr("style").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
    element.attr("align").is_some_and(|align| align.eq_ignore_ascii_case("right"))
        || style.to_ascii_lowercase().contains("text-align:right")
}

/// All of its text is bold or italic.
fn is_emphasized(block: &Block<'_>, inside: &[Block<'_>]) -> bool {
    let marks = inside.iter().filter(|inner| matches!(inner.name(), "b" | "strong" | "i" | "em"));
    marks.take(4).any(|inner| crate::extract::dom::text(inner.element) == block.own)
}

fn name(line: &str) -> Option<String> {
    /// Characters of the longest signature that is nothing but a name.
    const LONGEST: usize = 40;
    const MOST_WORDS: usize = 5;
    if line.chars().count() > LONGEST {
        return None;
    }
    let line = line.trim_matches(|c: char| c.is_whitespace() || "()[]./-–—*".contains(c) && c != '.');
    let rest = BEFORE.replace(line, "");
    let (name, is_said) = (rest.trim(), rest.len() < line.len());
    let words: Vec<&str> = name.split_whitespace().collect();
    let is_word = |word: &&str| {
        word.starts_with(char::is_uppercase) && word.chars().all(|c| c.is_alphabetic() || "-'’.".contains(c))
    };
    // A signature of an office, a heading, `HẾT`: all capitals.
    let is_loud = name.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase);
    let is_name = words.len() <= MOST_WORDS
        && words.iter().all(is_word)
        && (words.len() >= 2 && !is_loud || words.len() == 1 && is_said && !name.is_empty());
    (INITIALS.is_match(name) || is_name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_last_lines() {
        let check =
            |line: &str, expected: Option<&str>| assert_eq!(name(line).as_deref(), expected, "{line}");
        check("T.X", Some("T.X"));
        check("Theo VnExpress", Some("VnExpress"));
        check("Bài, ảnh: Lê Phương", Some("Lê Phương"));
        check("Nguyễn Thị Minh Khai", Some("Nguyễn Thị Minh Khai"));
        check("(Jane O’Neill)", Some("Jane O’Neill"));
        check("Hết", None);
        check("ỦY BAN NHÂN DÂN", None);
        check("admin admin", None);
        check("Cuộc thi kết thúc.", None);
        check("Xem thêm", None);
        check("Một câu dài hơn bốn mươi ký tự thì không phải là tên của ai", None);
    }
}
