//! Bytes under any declaration: decoded text is text, and what is UTF-8 and says so comes through as it is.
#![no_main]

use invariants::{read, rules};
use libfuzzer_sys::fuzz_target;
use loaphuong::extract::Kind;

const LABELS: [&str; 16] = [
    "",
    "utf-8",
    "utf-16",
    "utf-16be",
    "utf-32",
    "windows-1252",
    "windows-1258",
    "viscii",
    "x-viet-tcvn",
    "vni",
    "x-user-defined",
    "shift_jis",
    "iso-2022-jp",
    "gb18030",
    "big5",
    "nonsense",
];

fuzz_target!(|data: &[u8]| {
    let Some((selector, bytes)) = data.split_first() else { return };
    let label = LABELS[usize::from(*selector) % LABELS.len()];
    let kind = if selector & 0x40 == 0 { Kind::Feed } else { Kind::List };
    let content_type = format!("text/html; charset={label}");
    read(bytes, Some(content_type.as_str()).filter(|_| !label.is_empty()), kind, rules(u8::MAX));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A mark wins over every declaration, and plain words are not touched by anything.
    let words: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let marked = format!("\u{feff}<rss version='2.0'><channel><title>{words}</title></channel></rss>");
    let found = read(marked.as_bytes(), Some(&content_type), Kind::Feed, rules(u8::MAX));
    assert_eq!(found.encoding, "utf-8");
    assert_eq!(found.head.title.unwrap_or_default(), words);
});
