//! Miniflux 2: `internal/reader/{fetcher,rss,atom,json}`, `internal/model/feed.go`, `internal/storage/entry.go`.

use loaphuong::publish::Format;

use super::{
    client::{Learning, Memory, Rules, Told},
    document::{Item, date},
};
use crate::http::Answer;

const HOUR: i64 = 3600;

pub(crate) const MINIFLUX: Rules = Rules {
    name: "miniflux",
    formats: &Format::ALL,
    accepts: Some("gzip"),
    heeds_max_age: true,
    wait,
    validates: |_, _, _| true,
    is_news,
    // "Some websites don't return the same headers when replying with a 304", and who says `Expires: 0` wants no
    // cache at all.
    learns: |news, answer| match (news, uncached(answer)) {
        (true, true) => Learning::Drop,
        (true, false) => Learning::Take,
        (false, _) => Learning::Keep,
    },
    keys,
    date: |item| date(&item.published).or_else(|| date(&item.updated)),
    print: |item| {
        [&item.title, &item.link, text(item), &item.authors.join(", "), &item.tags.join(", ")]
            .map(String::as_str)
            .join("\n")
    },
    again: false,
    redates: false,
    forgets: |_, _| false,
    born_read: |_, _| false,
};

/// The round robin: an hour, or longer where `ttl`, `max-age`, `Expires` or `Retry-After` say so; a day at most.
fn wait(memory: &Memory, told: &Told) -> i64 {
    let ttl = memory.ttl.unwrap_or(0) * 60;
    let asked = [told.max_age, told.expires, told.retry_after].into_iter().flatten().max().unwrap_or(0);
    HOUR.max(ttl).max(asked).min(24 * HOUR)
}

/// The tag decides where there is one, then the date, both as strings.
fn is_news(memory: &Memory, answer: &Answer, _: &[u8]) -> bool {
    match (answer.header("etag"), answer.header("last-modified")) {
        _ if uncached(answer) => true,
        (Some(etag), _) => memory.etag.as_deref() != Some(etag),
        (None, Some(modified)) => memory.modified.as_deref() != Some(modified),
        (None, None) => true,
    }
}

fn uncached(answer: &Answer) -> bool {
    answer.header("expires") == Some("0")
}

/// A hash of the first that is there: id, address, title and text.
fn keys(_: &mut Memory, _: Format, items: &[Item]) -> Vec<Option<String>> {
    let key = |item: &Item| {
        let address = if item.link.is_empty() && item.id_is_link { &item.id } else { &item.link };
        let whole = format!("{}{}", item.title, text(item));
        [&item.id, address, &whole].into_iter().find(|part| !part.is_empty()).cloned()
    };
    items.iter().map(key).collect()
}

fn text(item: &Item) -> &String {
    if item.content.is_empty() { &item.summary } else { &item.content }
}
