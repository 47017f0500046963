//! The last sieve for strings: legal in XML, bounded, and what they claim to be.

use std::borrow::Cow;

use url::Url;

use crate::model::{
    markup,
    text::{is_invisible, is_media_type, xml_safe},
};

const ADDRESS: usize = 4_096;

/// Only characters that XML 1.0 allows (section 2.2), and one way to end a line, so that XML readers, which
/// turn carriage returns into line feeds, and JSON readers see the same text. C1 controls are windows-1252 that
/// somebody took for Latin-1, and are what they stand for.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let mut legal = xml_safe(text);
    if legal.contains('\r') {
        legal = Cow::Owned(legal.replace("\r\n", "\n").replace('\r', "\n"));
    }
    if legal.contains(is_mojibake) {
        legal = Cow::Owned(legal.chars().map(mended).collect());
    }
    legal
}

fn is_mojibake(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | char::REPLACEMENT_CHARACTER)
}

fn mended(c: char) -> char {
    match c {
        char::REPLACEMENT_CHARACTER => '?',
        '\u{80}'..='\u{9f}' => {
            let meant = markup::decode(&format!("&#{};", u32::from(c))).chars().next();
            meant.filter(|meant| !is_mojibake(*meant)).unwrap_or(' ')
        }
        other => other,
    }
}

/// Text in which nothing looks like markup, for places where some readers look for it: `<b>` as `‹b›`, `&lt;` as
/// `＆lt;`. RSS does not say whether its titles are text or markup, so it has no other way to show such a text.
pub(in crate::publish) fn unlike_markup(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&']) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    let (mut rest, mut in_tag) = (text, false);
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        let begins =
            |set: &[char]| rest.starts_with(|next: char| next.is_alphabetic() || set.contains(&next));
        written.push(match c {
            '<' if begins(&['/', '!', '?']) => {
                in_tag = true;
                '‹'
            }
            '>' if in_tag => {
                in_tag = false;
                '›'
            }
            '&' if is_reference(rest) => '＆',
            other => other,
        });
    }
    Cow::Owned(written)
}

/// Would `&` before this be read as a reference to a character?
fn is_reference(rest: &str) -> bool {
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let reference = format!("&{name};");
    rest.starts_with('#')
        || !name.chars().all(char::is_alphabetic)
        || (!name.is_empty() && markup::decode(&reference) != reference)
}

/// Plain text as markup that shows it.
pub(in crate::publish) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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

/// An address that a reader may open: absolute, http or https, in the characters of RFC 3986.
pub(super) fn web(address: &str) -> Option<String> {
    let address = address.trim();
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    // As it was written, where that is an address: two spellings of one page are two pages for many readers.
    let has_path = address.splitn(4, '/').count() == 4;
    let printed = if has_path && is_uri(address) { address.to_owned() } else { uri(&url) };
    (printed.len() <= ADDRESS).then_some(printed)
}

/// Any absolute address: the scheme of a category names a vocabulary and need not be a page.
pub(super) fn address(address: &str) -> Option<String> {
    let names = |url: &Url| matches!(url.scheme(), "http" | "https" | "urn" | "tag" | "info");
    let url = uri(&Url::parse(address.trim()).ok().filter(names)?);
    (url.len() <= ADDRESS && is_uri(&url)).then_some(url)
}

/// The one spelling of an address: what ids are made of.
pub(super) fn canonical(address: &str) -> Option<String> {
    Url::parse(address).ok().map(|url| uri(&url))
}

/// The address, with the characters escaped that browsers let stand and RFC 3986 (appendix A) does not. The brackets
/// of IPv6 stand only in the host.
fn uri(url: &Url) -> String {
    let text = url.as_str();
    let (before, after) = text.split_at(text.len() - behind_host(url).len());
    let mut printed = before.to_owned();
    for c in after.chars() {
        if is_uri_character(c) { printed.push(c) } else { printed.extend(utf8_percent_encode(c)) }
    }
    printed
}

fn behind_host(url: &Url) -> &str {
    url.as_str().get(url[..url::Position::BeforePath].len()..).unwrap_or_default()
}

fn utf8_percent_encode(c: char) -> impl Iterator<Item = char> {
    let bytes = c.encode_utf8(&mut [0; 4]).to_owned().into_bytes();
    bytes.into_iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from)
}

/// Is every character one of RFC 3986, and no bracket outside of an IPv6 host?
fn is_uri(text: &str) -> bool {
    let host = |text: &str| text.split('/').nth(2).is_some_and(|host| host.starts_with('['));
    let rest = if host(text) { text.replacen(['[', ']'], "", 2) } else { text.to_owned() };
    rest.chars().all(is_uri_character)
}

fn is_uri_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%".contains(c)
}

/// `type/subtype`, without parameters (RFC 9110, section 8.3.1).
pub(super) fn media_type(text: &str) -> Option<String> {
    let essence = text.split(';').next()?.trim().to_ascii_lowercase();
    (essence.len() <= 127 && is_media_type(&essence)).then_some(essence)
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

/// An e-mail address as validators and mail servers take it: RFC 4287, section 3.2.3 asks no more than `.+@.+`.
pub(super) fn is_email(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || "_-+.'".contains(c);
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && name.chars().all(local) && host.contains('.') && host.split('.').all(label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_markup_looks_like_itself_and_nothing_else_changes() {
        for (text, shown) in [
            ("a < b > c & d", "a < b > c & d"),
            ("AT&T, R&D, Q&A", "AT&T, R&D, Q&A"),
            ("<b>x</b> > y", "‹b›x‹/b› > y"),
            ("<!-- c -->", "‹!-- c --›"),
            ("&lt;b&gt; &copy &#38; &2", "＆lt;b＆gt; ＆copy ＆#38; ＆2"),
            ("<", "<"),
            ("&", "&"),
            ("<đ> &đồng", "‹đ› &đồng"),
        ] {
            assert_eq!(unlike_markup(text), shown, "{text}");
        }
    }

    #[test]
    fn addresses_keep_their_spelling_where_it_is_one() {
        for (address, printed) in [
            ("http://a.vn/x%20y?a=1#b", Some("http://a.vn/x%20y?a=1#b")),
            ("HTTP://A.VN/x", Some("HTTP://A.VN/x")),
            (" https://a.vn ", Some("https://a.vn/")),
            ("https://a.vn?x", Some("https://a.vn/?x")),
            ("https://a.vn/?a[]=1|2#x[y]", Some("https://a.vn/?a%5B%5D=1%7C2#x%5By%5D")),
            ("https://báo.vn/tiếng", Some("https://xn--bo-mia.vn/ti%E1%BA%BFng")),
            ("http://[::1]:8/x", Some("http://[::1]:8/x")),
            ("http://[::1]:8/x[1]", Some("http://[::1]:8/x%5B1%5D")),
            ("javascript:alert(1)", None),
            ("x", None),
        ] {
            assert_eq!(web(address).as_deref(), printed, "{address}");
        }
        assert_eq!(canonical("HTTP://A.VN:80").as_deref(), Some("http://a.vn/"));
        assert_eq!(address("javascript:alert(1)"), None);
        assert_eq!(address("tag:a.vn,2026:x").as_deref(), Some("tag:a.vn,2026:x"));
    }

    #[test]
    fn e_mail_addresses_are_those_that_can_be_written_to() {
        for good in ["a@b.vn", "bbt.q1+tin@quan1.gov.vn", "o'hara@x-y.com"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a@b", "@b.vn", "a b@c.vn", "a@b..vn", "a@b.vn.", "a", "\"a\"@b.vn", "a@báo.vn"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn controls_are_what_their_authors_meant() {
        assert_eq!(clean("\u{93}x\u{94} \u{96} y\u{85}\u{81}z\u{fffd}\r\n\u{0}"), "“x” – y… z?\n");
    }
}
