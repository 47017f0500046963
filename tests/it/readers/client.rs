//! A feed reader as data: what it remembers of a feed, what it shows, and the rules of one program.
//!
//! The rules are facts carried over from the programs' own sources, never their code. A reader that is not listed
//! yet is one more [`Rules`] in [`READERS`](super::READERS).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use loaphuong::publish::Format;

use super::document::{Document, Item, date, read, unpack};
use crate::http::{self, Answer};

/// What makes one program differ from the others.
pub(crate) struct Rules {
    pub(crate) name: &'static str,
    /// What it reads.
    pub(crate) formats: &'static [Format],
    /// Its `Accept-Encoding`, without the codings that this test cannot unpack.
    pub(crate) accepts: Option<&'static str>,
    /// Does it wait as long as `Cache-Control` says?
    pub(crate) heeds_max_age: bool,
    /// How many seconds it lets pass before it asks again.
    pub(crate) wait: fn(&Memory, &Told) -> i64,
    /// May it send the validators that it has?
    pub(crate) validates: fn(&Memory, Format, i64) -> bool,
    /// Does a 200 bring anything that it did not have?
    pub(crate) is_news: fn(&Memory, &Answer, &[u8]) -> bool,
    /// What it does with the validators of an answer that it thought new, or not.
    pub(crate) learns: fn(bool, &Answer) -> Learning,
    /// The key of each item; `None` for one that it throws away.
    pub(crate) keys: fn(&mut Memory, Format, &[Item]) -> Vec<Option<String>>,
    /// What it shows as an item's date; where there is none, when it came.
    pub(crate) date: fn(&Item) -> Option<i64>,
    /// What it compares to see that an item changed.
    pub(crate) print: fn(&Item) -> String,
    /// Is an item that changed unread again?
    pub(crate) again: bool,
    /// Does the date of an item that changed follow the feed?
    pub(crate) redates: bool,
    /// Does it throw away this item, which is not in the feed any more?
    pub(crate) forgets: fn(&Kept, i64) -> bool,
    /// Is an item of this date read as it comes, at this time?
    pub(crate) born_read: fn(i64, i64) -> bool,
}

/// What becomes of the validators that a reader has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learning {
    /// It keeps those it has.
    Keep,
    /// It takes those of this answer, and none where there are none.
    Take,
    /// It has none any more.
    Drop,
}

/// What an answer says about when to come again.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) max_age: Option<i64>,
    /// `Expires`, as seconds from now.
    pub(crate) expires: Option<i64>,
    pub(crate) retry_after: Option<i64>,
}

/// What a reader remembers of a feed.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) etag: Option<String>,
    pub(crate) modified: Option<String>,
    /// When it last got other validators than it had.
    pub(crate) since: i64,
    /// When it asks again.
    pub(crate) next: i64,
    /// The body that it read last.
    pub(crate) body: Vec<u8>,
    pub(crate) ttl: Option<i64>,
    pub(crate) max_age: Option<i64>,
    /// How far it stopped trusting ids (`FreshRSS`).
    pub(crate) distrust: usize,
}

/// An item that it keeps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) title: String,
    pub(crate) date: i64,
    pub(crate) arrived: i64,
    pub(crate) print: String,
}

/// What its user would notice, with the title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// An item, shown as new.
    New(String),
    /// An item that came as read: it is too old.
    Old(String),
    /// An item, unread again.
    Again(String),
    /// An item changed under the reader's eyes.
    Changed(String),
    /// An item was thrown away, because the feed has it no more.
    Gone(String),
    /// An item was thrown away: it has no id, or another one's.
    Lost(String),
    /// The feed cannot be read.
    Broken,
}

/// One request and its answer.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) conditional: bool,
    pub(crate) answer: Answer,
}

/// A reader that follows one feed in one format.
pub(crate) struct Client {
    pub(crate) rules: &'static Rules,
    pub(crate) format: Format,
    pub(crate) path: String,
    pub(crate) memory: Memory,
    pub(crate) shelf: BTreeMap<String, Kept>,
    pub(crate) notices: Vec<Notice>,
    /// Every key that it ever had: what was thrown away and comes back is not new.
    met: BTreeSet<String>,
}

impl Client {
    pub(crate) fn new(rules: &'static Rules, format: Format) -> Self {
        Self {
            rules,
            format,
            path: format!("/feeds/quan1.{}", format.extension()),
            memory: Memory::default(),
            shelf: BTreeMap::new(),
            notices: Vec::new(),
            met: BTreeSet::new(),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{} on {}", self.rules.name, self.format.extension())
    }

    /// Asks, following redirects; permanent ones change the address that it keeps.
    pub(crate) async fn poll(&mut self, server: SocketAddr, now: i64) -> Visit {
        let headers = self.headers(now);
        let conditional = headers.iter().any(|(name, _)| name.starts_with("If-"));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut path = self.path.clone();
        let mut answer = http::send(server, "GET", &path, &headers, b"").await.unwrap();
        for _ in 0..5 {
            let Some(place) = answer.header("location").filter(|_| answer.status / 100 == 3) else { break };
            path = place
                .split_once("://")
                .map_or(place, |(_, rest)| &rest[rest.find('/').unwrap()..])
                .to_owned();
            if matches!(answer.status, 301 | 308) {
                self.path.clone_from(&path);
            }
            answer = http::send(server, "GET", &path, &headers, b"").await.unwrap();
        }
        self.receive(&answer, now);
        Visit { conditional, answer }
    }

    fn headers(&self, now: i64) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        headers.extend(self.rules.accepts.map(|codings| ("Accept-Encoding", codings.to_owned())));
        if (self.rules.validates)(&self.memory, self.format, now) {
            headers.extend(self.memory.etag.clone().map(|etag| ("If-None-Match", etag)));
            headers.extend(self.memory.modified.clone().map(|date| ("If-Modified-Since", date)));
        }
        headers
    }

    /// Makes of an answer what the program makes of it.
    pub(crate) fn receive(&mut self, answer: &Answer, now: i64) {
        let told = told(answer, now);
        let mut news = false;
        if answer.status == 200 {
            let body = unpack(answer);
            news = (self.rules.is_news)(&self.memory, answer, &body);
            if news {
                match read(self.format, &body) {
                    Some(document) => self.take(&document, now),
                    None => self.notices.push(Notice::Broken),
                }
            }
            self.memory.body = body;
        }
        let owned = |name| answer.header(name).map(str::to_owned);
        match (self.rules.learns)(news, answer) {
            Learning::Keep => {}
            Learning::Take => self.memory.learn(owned("etag"), owned("last-modified"), now),
            Learning::Drop => self.memory.learn(None, None, now),
        }
        self.memory.next = now + (self.rules.wait)(&self.memory, &told);
        self.memory.max_age = told.max_age.or(self.memory.max_age);
    }

    fn take(&mut self, document: &Document, now: i64) {
        self.memory.ttl = document.ttl;
        let keys = (self.rules.keys)(&mut self.memory, self.format, &document.items);
        let mut here = BTreeSet::new();
        for (item, key) in document.items.iter().zip(keys) {
            match key.filter(|key| here.insert(key.clone())) {
                Some(key) => self.shelve(key, item, now),
                None => self.notices.push(Notice::Lost(item.title.clone())),
            }
        }
        if here.is_empty() {
            return;
        }
        let forgets = self.rules.forgets;
        let gone = self.shelf.extract_if(.., |key, kept| !here.contains(key) && forgets(kept, now));
        self.notices.extend(gone.map(|(_, kept)| Notice::Gone(kept.title)));
    }

    fn shelve(&mut self, key: String, item: &Item, now: i64) {
        let (print, title) = ((self.rules.print)(item), item.title.clone());
        let dated = (self.rules.date)(item).unwrap_or(now);
        let Some(kept) = self.shelf.get_mut(&key) else {
            if self.met.insert(key.clone()) {
                let old = (self.rules.born_read)(dated, now);
                self.notices.push(if old { Notice::Old(title.clone()) } else { Notice::New(title.clone()) });
            }
            self.shelf.insert(key, Kept { title, date: dated, arrived: now, print });
            return;
        };
        if kept.print != print {
            let date = if self.rules.redates { dated } else { kept.date };
            *kept = Kept { title: title.clone(), date, arrived: kept.arrived, print };
            self.notices.push(if self.rules.again { Notice::Again(title) } else { Notice::Changed(title) });
        }
    }
}

impl Memory {
    /// Other validators than before, from now on; none, where it lost them.
    pub(crate) fn learn(&mut self, etag: Option<String>, modified: Option<String>, now: i64) {
        if (&etag, &modified) != (&self.etag, &self.modified) {
            self.since = now;
        }
        (self.etag, self.modified) = (etag, modified);
    }
}

fn told(answer: &Answer, now: i64) -> Told {
    let max_age = answer.header("cache-control").and_then(|value| {
        value.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok())
    });
    let number = |name| answer.header(name).and_then(|value| value.parse().ok());
    Told {
        status: answer.status,
        max_age,
        expires: answer.header("expires").and_then(date).map(|at| at - now),
        retry_after: number("retry-after"),
    }
}
