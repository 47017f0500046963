//! What holds of published texts and addresses.

use loaphuong::{model::text, normalize::url as addresses};
use unicode_normalization::is_nfc;
use url::Url;

use super::BASE;

/// Longer addresses are not read; encoding makes three bytes of one at most, and names of hosts grow as well.
const LONGEST_ADDRESS: usize = 4 * 8_192;

/// One line of published text: composed, legal in XML, nothing invisible, no blank at an end and none doubled.
pub fn line(text: &str) {
    shown(text);
    assert!(!text.chars().any(char::is_control), "control characters: {text:?}");
    assert_eq!(text.trim(), text, "blanks at an end");
    let blanks = |pair: &[char]| pair.iter().all(|c| c.is_whitespace());
    assert!(!text.chars().collect::<Vec<_>>().windows(2).any(blanks), "two blanks: {text:?}");
}

/// Published text of any shape.
pub fn shown(text: &str) {
    assert!(is_nfc(text), "not composed: {text:?}");
    assert!(text.chars().all(text::is_xml), "XML forbids a character of {text:?}");
    // Joiners stay where scripts and emoji need them.
    let hidden = |c: char| text::is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}');
    assert!(!text.chars().any(hidden), "invisible characters: {text:?}");
}

/// An address that readers get.
pub fn public(address: &str) {
    let url = Url::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    assert!(matches!(url.scheme(), "http" | "https"), "{address}");
    assert!(url.has_host() && url.username().is_empty() && url.password().is_none(), "{address}");
    assert!(address.bytes().all(|byte| byte.is_ascii_graphic()), "{address}");
    assert!(address.len() <= LONGEST_ADDRESS, "{} bytes", address.len());
    assert_eq!(addresses::public(&url), address, "public addresses are stable");
    // What is shown may be written into a page and read from there again.
    let read = addresses::absolute(&BASE, address);
    assert!(address.len() > 8_192 || read.as_ref() == Some(&url), "{address} is read as {read:?}");
}
