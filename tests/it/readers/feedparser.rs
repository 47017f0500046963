//! feedparser 6, in the hands of a program that does what its manual says: the ETag and the date of the last answer
//! go into the next request, items are known by `id` (else by `link`), and an item is news again when
//! `updated_parsed` moves. feedparser knows nothing of `Cache-Control`; the program asks every hour.

use loaphuong::publish::Format;

use super::{
    client::{Learning, Rules},
    document::{Item, date},
};

pub(crate) const FEEDPARSER: Rules = Rules {
    name: "feedparser",
    // JSON Feed is in no release of it.
    formats: &[Format::Rss, Format::Atom],
    accepts: Some("gzip, deflate"),
    heeds_max_age: false,
    wait: |_, _| 3600,
    validates: |_, _, _| true,
    is_news: |_, _, _| true,
    learns: |_, answer| if answer.status == 200 { Learning::Take } else { Learning::Keep },
    keys: |_, _, items| items.iter().map(key).collect(),
    date: |item| date(&item.published).or_else(|| date(&item.updated)),
    print: |item| {
        let updated = date(&item.updated).or_else(|| date(&item.published));
        updated.map(|at| at.to_string()).unwrap_or_default()
    },
    again: true,
    redates: true,
    forgets: |_, _| false,
    born_read: |_, _| false,
};

fn key(item: &Item) -> Option<String> {
    [&item.id, &item.link].into_iter().find(|part| !part.is_empty()).cloned()
}
