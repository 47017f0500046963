//! `FreshRSS` with its `SimplePie`: `app/Models/{Feed,Entry,EntryDAO}.php`, `lib/simplepie` (cache, `HTTP/Utils.php`),
//! `app/Utils/dotNotationUtil.php`. Its user chose "mark updated articles as unread", which hurts most.

use std::{collections::BTreeSet, sync::LazyLock};

use loaphuong::publish::Format;
use regex::bytes::Regex;

use super::{
    client::{Learning, Memory, Rules, Told},
    document::{Item, date},
};
use crate::http::Answer;

/// The smallest interval that its settings offer for all feeds.
const LEAST: i64 = 20 * 60;
/// `limits.cache_duration`: no answer is younger than this when it asks again.
const CACHE: i64 = 800;
const DAY: i64 = 24 * 3600;

pub(crate) const FRESHRSS: Rules = Rules {
    name: "freshrss",
    formats: &Format::ALL,
    accepts: Some("gzip, deflate"),
    heeds_max_age: true,
    wait,
    // JSON feeds are fetched outside of SimplePie, without validators.
    validates: |_, format, _| format != Format::Json,
    is_news: |memory, _: &Answer, body| cleaned(&memory.body) != cleaned(body),
    learns: |_, answer| if matches!(answer.status, 200 | 304) { Learning::Take } else { Learning::Keep },
    keys,
    // `Entry::_date`: what is not after the first second of 1970 is no date. The future is one.
    date: |item| date(&item.published).or_else(|| date(&item.updated)).filter(|at| *at > 1),
    // `Entry::hash`: "do not include the date, because it may be automatically generated".
    print: |item| {
        let text = if item.content.is_empty() { &item.summary } else { &item.content };
        [&link(item), &item.title, &item.authors.join("; "), text, &item.tags.join(" ")]
            .map(String::as_str)
            .join("\n")
    },
    again: true,
    redates: true,
    // It keeps what was in the last feed, and all unread items.
    forgets: |_, _| false,
    born_read: |_, _| false,
};

/// `max-age` between its own bounds; a 304 may shorten it, but not lengthen. 429 and 503 stop the whole host.
fn wait(memory: &Memory, told: &Told) -> i64 {
    if matches!(told.status, 429 | 503) {
        return LEAST.max(told.retry_after.unwrap_or(600).min(3600));
    }
    let max_age = match (told.status, told.max_age, memory.max_age) {
        (304, None, old) => old,
        (304, Some(new), Some(old)) => Some(new.min(old)),
        (_, new, _) => new,
    };
    LEAST.max(max_age.or(told.expires).unwrap_or(0).clamp(CACHE, DAY))
}

/// `clean_hash`: dates and comments are no content.
fn cleaned(body: &[u8]) -> Vec<u8> {
    static NOISE: LazyLock<Regex> = LazyLock::new(|| {
        let dates = "lastBuildDate|pubDate|updated|feedDate|dc:date|slash:comments";
        Regex::new(&format!("(?s)<(?:{dates})>[^<]+</(?:{dates})>|<!--.+?-->")).unwrap()
    });
    NOISE.replace_all(body, b"".as_slice()).into_owned()
}

/// Ids, as long as at most one in twenty is missing or another one's; then, for ever, what each of its policies
/// makes of address, date and title.
fn keys(memory: &mut Memory, format: Format, items: &[Item]) -> Vec<Option<String>> {
    loop {
        let keys: Vec<_> = items.iter().map(|item| key(memory.distrust, format, item)).collect();
        let mut seen = BTreeSet::new();
        let bad = keys.iter().flatten().filter(|key| key.is_empty() || !seen.insert(key.as_str())).count();
        if memory.distrust == 2 || bad <= (items.len() + 10) / 20 {
            return keys.into_iter().zip(items).map(|(key, item)| Some(or_address(key?, item))).collect();
        }
        memory.distrust += 1;
    }
}

/// `None`: its reader of JSON passes over items without an address.
fn key(distrust: usize, format: Format, item: &Item) -> Option<String> {
    if format == Format::Json && item.link.is_empty() {
        return None;
    }
    let at = date(&item.published).map(|at| at.to_string()).unwrap_or_default();
    Some(match distrust {
        0 => item.id.clone(),
        1 => format!("{} {at}", link(item)),
        _ => format!("{} {at} {}", link(item), item.title),
    })
}

fn or_address(key: String, item: &Item) -> String {
    if key.is_empty() { format!("{} {}", link(item), item.published) } else { key }
}

fn link(item: &Item) -> String {
    if item.link.is_empty() && item.id_is_link { item.id.clone() } else { item.link.clone() }
}

/// The hub that it finds in a `Link` header: `rel` has to be the first and only parameter, in quotes, and a comma or
/// the end has to follow.
pub(crate) fn hub(header: &str) -> Option<&str> {
    static HUB: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r#"<(?P<uri>[^>]+)>; rel="hub"\s*(?:,|$)"#).unwrap());
    HUB.captures(header).and_then(|found| found.name("uri")).map(|uri| uri.as_str())
}
