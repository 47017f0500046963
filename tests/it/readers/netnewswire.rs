//! `NetNewsWire`, an account on one machine: `LocalAccountRefresher`, `ArticlesTable`, `RSSParser`, `CacheControl`.

use loaphuong::publish::Format;

use super::{
    client::{Learning, Memory, Rules},
    document::{Item, date},
};

const DAY: i64 = 24 * 3600;

pub(crate) const NETNEWSWIRE: Rules = Rules {
    name: "netnewswire",
    formats: &Format::ALL,
    accepts: Some("gzip, deflate"),
    heeds_max_age: true,
    // Its user refreshes all the time: asked is as soon as `max-age` (five hours at most) allows, or after nine
    // minutes where there is none.
    wait: |_, told| told.max_age.filter(|age| *age > 0).map_or(9 * 60, |age| age.min(5 * 3600)),
    // Some servers say 304 to whatever validators there are, so these are dropped every eight days.
    validates: |memory, _, now| memory.since >= now - 8 * DAY,
    is_news: |memory, _, body| memory.body != body,
    learns: |_, answer| if matches!(answer.status, 200 | 304) { Learning::Take } else { Learning::Keep },
    keys,
    date: |item| date(&item.published),
    print: |item| format!("{item:?}"),
    again: false,
    redates: true,
    forgets: |kept, now| kept.arrived < now - 30 * DAY,
    born_read: |published, now| published < now - 182 * DAY,
};

/// The id; else address and date, title and date, and so on. JSON Feed: "items without an id must be discarded".
fn keys(_: &mut Memory, format: Format, items: &[Item]) -> Vec<Option<String>> {
    let key = |item: &Item| {
        if !item.id.is_empty() || format == Format::Json {
            return Some(item.id.clone()).filter(|id| !id.is_empty());
        }
        let at = date(&item.published).map(|at| at.to_string()).unwrap_or_default();
        let first = [&item.link, &item.title].into_iter().find(|part| !part.is_empty() && !at.is_empty());
        let dated = first.map(|part| format!("{part}{at}")).filter(|_| !at.is_empty());
        dated.or_else(|| {
            [&at, &item.link, &item.title, &item.content].into_iter().find(|part| !part.is_empty()).cloned()
        })
    };
    items.iter().map(key).collect()
}
