//! The last sieve for strings: legal in XML, bounded, and what they claim to be.

use std::borrow::Cow;

use url::Url;

use crate::model::text::{is_invisible, xml_safe};

const ADDRESS: usize = 4_096;

/// Only characters that XML 1.0 allows (section 2.2), and one way to end a line, so that XML readers, which
/// turn carriage returns into line feeds, and JSON readers see the same text.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let legal = xml_safe(text);
    if legal.contains('\r') { Cow::Owned(legal.replace("\r\n", "\n").replace('\r', "\n")) } else { legal }
}

/// One line of at most `limit` characters; empty where nothing could be seen.
pub(in crate::publish) fn line(text: &str, limit: usize) -> String {
    let clean = clean(text);
    if clean.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return String::new();
    }
    let mut line = String::with_capacity(clean.len().min(4 * limit));
    for word in clean.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * limit {
            break;
        }
    }
    cut(line, limit)
}

/// Text of at most `limit` characters, its lines kept.
pub(super) fn text(text: &str, limit: usize) -> String {
    cut(clean(text).trim().to_owned(), limit)
}

fn cut(mut text: String, limit: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(limit) {
        text.truncate(at);
        text.push('…');
    }
    text
}

pub(super) fn or(text: String, other: impl FnOnce() -> String) -> String {
    if text.is_empty() { other() } else { text }
}

/// An address that a reader may open: absolute, http or https, printable ASCII.
pub(super) fn web(address: &str) -> Option<String> {
    let address = address.trim();
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
    let printed = if plain { address.to_owned() } else { String::from(url) };
    (printed.len() <= ADDRESS).then_some(printed)
}

/// Any absolute address: the scheme of a category names a vocabulary and need not be a page.
pub(super) fn address(address: &str) -> Option<String> {
    let url = String::from(Url::parse(address.trim()).ok()?);
    (url.len() <= ADDRESS && url.bytes().all(|byte| byte.is_ascii_graphic())).then_some(url)
}

/// `type/subtype`, without parameters (RFC 9110, section 8.3.1).
pub(super) fn media_type(text: &str) -> Option<String> {
    let essence = text.split(';').next()?.trim().to_ascii_lowercase();
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (kind, subtype) = essence.split_once('/')?;
    (essence.len() <= 127 && token(kind) && token(subtype)).then_some(essence)
}

/// What can be a BCP 47 tag.
pub(super) fn language(tag: &str) -> Option<String> {
    let tag = tag.trim();
    let fits = (2..=35).contains(&tag.len())
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    fits.then(|| tag.to_owned())
}

/// RFC 4287, section 3.2.3 asks no more of an e-mail address than `.+@.+`.
pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.contains(' ')
}
