//! Feeds' answers that are there already, head and all: what the hot path sends.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, Weak},
    time::Instant,
};

use axum::http::StatusCode;
use bytes::Bytes;

use super::{
    State,
    conditional::{choice, is_unchanged},
    feeds,
    health::Meter,
    server::Plain,
};
use crate::{
    model::Timestamp,
    publish::{Coding, Document, Representation},
};

/// Heads kept at once, for each thread. A head has about 600 bytes.
const MAX_HEADS: usize = 4096;

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    pub(super) head: Bytes,
    pub(super) body: Bytes,
}

/// The heads of this second: two of their fields tell the time.
#[derive(Default)]
struct Heads {
    second: i64,
    date: String,
    known: HashMap<(usize, Coding, StatusCode), Known>,
}

/// A head, and whose it is. While somebody holds even a weak reference, no other document has the same address.
struct Known {
    head: Bytes,
    _whose: Weak<Document>,
}

thread_local! {
    static HEADS: RefCell<Heads> = RefCell::default();
}

/// The answer to a plain request if it is there: the document of the visible version, written and packed, and
/// public. Says the same as [`feeds::answer`], by the same rules.
pub(super) fn answer(state: &State, meter: &Meter, plain: &Plain<'_>) -> Option<Ready> {
    let began = Instant::now();
    let (feed, format) = feeds::parse(plain.path.strip_prefix("/feeds/")?)?;
    let coding = choice(plain.encodings.into_iter());
    let document = state.publisher.at_hand(feed, format, coding).filter(|document| !document.private)?;
    let (status, ready) = respond(&document, coding, state.clock.now(), plain)?;
    meter.at_hand(plain.method, plain.path, status, began);
    Some(ready)
}

fn respond(
    document: &Arc<Document>,
    coding: Coding,
    now: Timestamp,
    plain: &Plain<'_>,
) -> Option<(StatusCode, Ready)> {
    let representation = document.representation(coding)?;
    let (tags, since) = (plain.tags.into_iter(), plain.since.into_iter());
    let unchanged = is_unchanged(tags, since, &representation.etag, Some(document.last_modified));
    let status = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let head = HEADS.with_borrow_mut(|heads| heads.head(document, coding, status, now))?;
    let with_body = !unchanged && plain.method != "HEAD";
    let body = if with_body { Bytes::clone(&representation.body) } else { Bytes::new() };
    Some((status, Ready { head, body }))
}

impl Heads {
    fn head(
        &mut self,
        document: &Arc<Document>,
        coding: Coding,
        status: StatusCode,
        now: Timestamp,
    ) -> Option<Bytes> {
        if self.second != now.as_second() || self.known.len() >= MAX_HEADS || self.date.is_empty() {
            *self = Self { second: now.as_second(), date: now.http_date(), known: HashMap::new() };
        }
        let key = (Arc::as_ptr(document) as usize, coding, status);
        if let Some(known) = self.known.get(&key) {
            return Some(Bytes::clone(&known.head));
        }
        let head = Bytes::from(write(document, document.representation(coding)?, status, &self.date, now));
        self.known.insert(key, Known { head: Bytes::clone(&head), _whose: Arc::downgrade(document) });
        Some(head)
    }
}

/// A head of HTTP/1.1 (RFC 9112, sections 4 and 5).
fn write(
    document: &Document,
    representation: &Representation,
    status: StatusCode,
    date: &str,
    now: Timestamp,
) -> String {
    let description = if status == StatusCode::OK { &*representation.description } else { "" };
    format!(
        "HTTP/1.1 {} {}\r\ndate: {date}\r\ncache-control: {}\r\n{}{description}\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        document.cache_control(now),
        representation.validators,
    )
}

#[cfg(test)]
#[path = "at_hand_tests.rs"]
mod tests;
