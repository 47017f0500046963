//! What single values may look like. Each check names the rule that is broken.

use std::sync::LazyLock;

use jiff::{civil::Date, fmt::rfc2822, tz::TimeZone};
use regex::Regex;

use super::html;

macro_rules! pattern {
    ($name:ident = $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).unwrap());
    };
}

pattern!(
    RFC2822 = r"^((Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d\d? (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d(:\d\d)? ([+-]?\d\d[03]0|UT|GMT|EST|EDT|CST|CDT|MST|MDT|PST|PDT|Z)$"
);
pattern!(RFC3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$");
pattern!(MIME = r#"^[^\s()<>,;:\\"/\[\]?=]+/[^\s()<>,;:\\"/\[\]?=]+$"#);
pattern!(URI_CHARACTERS = r"^[0-9a-zA-Z;/?:@&=+$.\-_!~*'()%,#]*$");
pattern!(URI_FULL = r"^[a-zA-Z][0-9a-zA-Z+\-.]*:(//)?[0-9a-zA-Z;/?:@&=+$.\-_!~*'()%,#]+$");
pattern!(IPV6 = r"^https?://\[[0-9a-fA-F:]+\]");
pattern!(URN = r"^(?i:urn):[a-zA-Z0-9][a-zA-Z0-9-]{1,31}:([a-zA-Z0-9()+,.:=@;$_!*'\-]|%[0-9A-Fa-f]{2})+$");
pattern!(
    UUID = r"^(?i:urn:uuid):[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}$"
);
pattern!(
    EMAIL =
        r"^(?i)[A-Z0-9_\-+.']+@([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.|([A-Z0-9\-]+\.)+)[A-Z0-9][-A-Z0-9]*$"
);
pattern!(
    WEB = r"^(?i)https?://([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.|([A-Z0-9\-]+\.)+)[A-Z0-9][-A-Z0-9]*(:\d+)?(/|$)"
);
pattern!(LANGUAGE = r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*$");
pattern!(END_TAG = r"</(\w+)>");
pattern!(ENTITY = r"&(#?\w+)");
pattern!(LIKE_MARKUP = r"&#[x0-9]|<[/a-zA-Z]");
pattern!(ENCLOSED_EMAIL = r"(?i)<[A-Z0-9_\-+.']+@([A-Z0-9\-]+\.)+[A-Z0-9][-A-Z0-9]*>");

/// A little more than is tolerated of clocks that differ.
const AHEAD: i64 = 600;

pub(super) fn rfc2822(text: &str, now: i64) -> Option<&'static str> {
    if !RFC2822.is_match(text) {
        return Some("InvalidRFC2822Date");
    }
    match rfc2822::DateTimeParser::new().parse_timestamp(text) {
        Ok(at) => (text.get(..3) != Some(&weekday(text)))
            .then_some("IncorrectDOW")
            .or_else(|| implausible(at.as_second(), now)),
        // The parser knows the days of the week, too.
        Err(_) => Some("IncorrectDOW"),
    }
}

/// The day of the week of the date that stands behind it.
fn weekday(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(words[2]).map_or(0, |at| at / 3 + 1);
    let date = Date::new(words[3].parse().unwrap(), month as i8, words[1].parse().unwrap());
    date.map(|date| date.strftime("%a").to_string()).unwrap_or_default()
}

pub(super) fn rfc3339(text: &str, now: i64) -> Option<&'static str> {
    if !RFC3339.is_match(text) {
        return Some("InvalidRFC3339Date");
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => implausible(at.as_second(), now),
        Err(_) => Some("InvalidRFC3339Date"),
    }
}

/// Before 1990, or later than now.
fn implausible(at: i64, now: i64) -> Option<&'static str> {
    let year = jiff::Timestamp::from_second(at).unwrap().to_zoned(TimeZone::UTC).year();
    (year < 1990 || at > now + AHEAD).then_some("ImplausibleDate")
}

/// An absolute URI.
pub(super) fn uri(text: &str) -> Option<&'static str> {
    let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if scheme == "urn" {
        let is_uuid = text.to_ascii_lowercase().starts_with("urn:uuid:");
        return if is_uuid && !UUID.is_match(text) {
            Some("InvalidUUID")
        } else {
            (!URN.is_match(text)).then_some("InvalidURN")
        };
    }
    // The validator takes no address with IPv6, which is none of its rules.
    let text = IPV6.replace(text, "http://a.example");
    if !URI_CHARACTERS.is_match(&text) {
        return Some("InvalidUriChar");
    }
    if !URI_FULL.is_match(&text) || text.split(':').nth(1).is_none_or(|rest| rest.len() <= 2) {
        return Some("InvalidFullLink");
    }
    (!["http", "https", "mailto", "tag", "ftp", "data"].contains(&&*scheme))
        .then_some("SchemeNotIANARegistered")
}

/// An address in its one spelling, as ids shall be written.
pub(super) fn canonical(text: &str) -> Option<&'static str> {
    if text.starts_with("urn:") {
        return uri(text).or_else(|| (text.trim() != text).then_some("NonCanonicalURI"));
    }
    let same = url::Url::parse(text).is_ok_and(|url| url.as_str() == text);
    uri(text).or_else(|| (!same).then_some("NonCanonicalURI"))
}

/// The address of a file on the web.
pub(super) fn web(text: &str) -> Option<&'static str> {
    (!WEB.is_match(text) || uri(text).is_some()).then_some("InvalidURLAttribute")
}

pub(super) fn mime(text: &str) -> Option<&'static str> {
    (!MIME.is_match(text)).then_some("InvalidMIMEAttribute")
}

pub(super) fn language(text: &str) -> Option<&'static str> {
    (!LANGUAGE.is_match(text)).then_some("InvalidLanguage")
}

pub(super) fn email(text: &str) -> Option<&'static str> {
    (!EMAIL.is_match(text)).then_some("InvalidAddrSpec")
}

pub(super) fn no_email(text: &str) -> Option<&'static str> {
    ENCLOSED_EMAIL.is_match(text).then_some("ContainsEmail")
}

pub(super) fn positive(text: &str) -> Option<&'static str> {
    (!text.parse::<u64>().is_ok_and(|n| n > 0)).then_some("InvalidPositiveInteger")
}

pub(super) fn non_negative(text: &str) -> Option<&'static str> {
    text.parse::<u64>().is_err().then_some("InvalidNonNegativeInteger")
}

/// Text in which nothing looks like markup. `numeric`: it was written with numeric references.
pub(super) fn plain(text: &str, numeric: bool) -> Option<&'static str> {
    if END_TAG.captures_iter(text).any(|found| html::ELEMENTS.contains(&&*found[1].to_ascii_lowercase())) {
        return Some("ContainsHTML");
    }
    if numeric {
        return None;
    }
    let entity = |name: &str| {
        let names = ["amp", "lt", "gt", "quot", "apos", "nbsp", "copy", "reg", "eacute", "agrave", "hellip"];
        names.contains(&name) || !name.chars().all(char::is_alphabetic)
    };
    if ENTITY.captures_iter(text).any(|found| entity(&found[1])) {
        return Some("ContainsHTML");
    }
    LIKE_MARKUP.is_match(text).then_some("CharacterData")
}
