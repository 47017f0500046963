//! What a client already has (RFC 9110, section 13) and which coding it takes (section 12.5.3).

use axum::http::{HeaderMap, header};

use crate::{model::Timestamp, publish::Coding};

/// True when a GET or HEAD may be answered with 304.
///
/// `If-None-Match` alone decides where there is one, also a broken one (section 13.1.3: "MUST ignore
/// If-Modified-Since if the request contains an If-None-Match").
pub(super) fn unchanged(headers: &HeaderMap, etag: &str, modified: Option<Timestamp>) -> bool {
    let (tags, dates) = (values(headers, header::IF_NONE_MATCH), values(headers, header::IF_MODIFIED_SINCE));
    is_unchanged(tags, dates, etag, modified)
}

/// The same, of the values of `If-None-Match` and `If-Modified-Since` wherever they were read.
pub(super) fn is_unchanged<'a>(
    tags: impl Iterator<Item = &'a [u8]>,
    mut dates: impl Iterator<Item = &'a [u8]>,
    etag: &str,
    modified: Option<Timestamp>,
) -> bool {
    let mut tags = tags.peekable();
    if tags.peek().is_some() {
        return tags.any(|value| names(value, etag));
    }
    match (dates.next().and_then(text), dates.next(), modified) {
        (Some(since), None, Some(modified)) => {
            http_date(since).is_some_and(|since| modified.as_second() <= since.as_second())
        }
        _ => false,
    }
}

fn values(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).iter().map(header::HeaderValue::as_bytes)
}

/// A value of visible ASCII, spaces and tabs: what fields whose grammar we know consist of.
fn text(value: &[u8]) -> Option<&str> {
    let visible = |byte: &u8| (0x20..0x7f).contains(byte) || *byte == b'\t';
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(visible))
}

/// Does an `If-None-Match` value name `etag`, by weak comparison (section 8.8.3.2)? Broken members are passed over.
fn names(value: &[u8], etag: &str) -> bool {
    let etag = etag.strip_prefix("W/").unwrap_or(etag).as_bytes();
    let mut rest = value.trim_ascii();
    if rest == b"*" {
        return true;
    }
    while !rest.is_empty() {
        let (tag, after) = member(rest);
        if tag == Some(etag) {
            return true;
        }
        rest = after;
    }
    false
}

/// The entity tags that a client has, quotes included; broken members and bytes that no tag of ours has are passed
/// over.
pub(super) fn tags(headers: &HeaderMap) -> Vec<String> {
    let mut tags = Vec::new();
    for value in headers.get_all(header::IF_NONE_MATCH) {
        let mut rest = value.as_bytes().trim_ascii();
        while !rest.is_empty() {
            let (tag, after) = member(rest);
            tags.extend(tag.and_then(|tag| std::str::from_utf8(tag).ok()).map(str::to_owned));
            rest = after;
        }
    }
    tags
}

/// The opaque tag of the first member of a list, quotes included, and what follows its comma.
fn member(list: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let list = list.trim_ascii_start();
    let tag = list.strip_prefix(b"W/").unwrap_or(list);
    // A tag may contain commas, so the closing quote is looked for first.
    let quoted = tag
        .strip_prefix(b"\"")
        .and_then(|inner| inner.iter().position(|byte| *byte == b'"'))
        .map(|end| tag.split_at(end + 2))
        .map(|(tag, after)| (tag, after.trim_ascii_start()));
    match quoted {
        Some((tag, after)) if after.is_empty() || after.starts_with(b",") => (Some(tag), after_comma(after)),
        _ => (None, after_comma(list)),
    }
}

fn after_comma(list: &[u8]) -> &[u8] {
    list.iter().position(|byte| *byte == b',').map_or(&[], |comma| list.split_at(comma + 1).1)
}

/// Reads an HTTP-date in its three forms (section 5.6.7): `IMF-fixdate`, RFC 850 and `asctime`.
/// Two-digit years from 69 on are of the last century.
fn http_date(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let text = text.trim();
    let date = FORMS.iter().find_map(|form| jiff::civil::DateTime::strptime(form, text).ok())?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

/// The coding to answer with (section 12.5.3): of those that the client likes best the smallest, which is `br` before
/// `zstd` before `gzip`. Without the header: identity, which every client can read.
pub(super) fn coding(headers: &HeaderMap) -> Coding {
    choice(values(headers, header::ACCEPT_ENCODING))
}

/// The same, of the values of `Accept-Encoding` wherever they were read.
pub(super) fn choice<'a>(values: impl Iterator<Item = &'a [u8]>) -> Coding {
    const SMALLEST_FIRST: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];
    let values = values.filter_map(text);
    let members: Vec<_> = values.flat_map(|value| value.split(',')).filter_map(weighted).collect();
    let weight = |coding: Coding| {
        let named = members.iter().filter(|(name, _)| is_called(coding, name)).map(|(_, weight)| *weight);
        let any = || members.iter().find(|(name, _)| *name == "*").map(|(_, weight)| *weight);
        named.max().or_else(any).unwrap_or(0)
    };
    let identity = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("identity"));
    // Identity that is not named is acceptable but not asked for; when nothing is acceptable, it is what is sent.
    let identity = identity.map_or(0, |(_, weight)| *weight);
    let mut best = (Coding::Identity, identity.max(1));
    for coding in SMALLEST_FIRST {
        let weight = weight(coding);
        if weight > best.1 || (best.0 == Coding::Identity && weight >= best.1) {
            best = (coding, weight);
        }
    }
    best.0
}

/// `x-gzip` is an old name of `gzip` (section 8.4.1.3).
fn is_called(coding: Coding, name: &str) -> bool {
    coding.name().is_some_and(|own| own.eq_ignore_ascii_case(name))
        || (coding == Coding::Gzip && name.eq_ignore_ascii_case("x-gzip"))
}

/// `gzip;q=0.5` as its name and its weight in thousandths; `None` for a weight that is none (section 12.4.2).
pub(super) fn weighted(member: &str) -> Option<(&str, u16)> {
    let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
    let weight = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(Some(1000), |(_, value)| thousandths(value.trim()));
    Some((name.trim(), weight?)).filter(|(name, _)| !name.is_empty())
}

/// Digits beyond the third are more than the grammar has; clients that divide by three send them.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let fraction =
        digits.parse::<u16>().ok().filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
#[path = "conditional_tests.rs"]
mod tests;
