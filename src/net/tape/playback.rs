//! Gives again what was kept, and says what was not.

use std::{
    collections::{HashMap, VecDeque},
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::Method;
use url::Url;

use super::{
    Error,
    exchange::{self, Exchange},
    recorder::SOFTWARE,
    redact, warc,
};
use crate::{
    clock::{Leaping, SharedClock},
    model::Timestamp,
    net::redirect::Hop,
};

/// A recording to answer from. Clones share it.
#[derive(Clone, Debug)]
pub struct Playback(Arc<Inner>);

type Answers = HashMap<(Method, Url), VecDeque<Arc<Exchange>>>;

#[derive(Debug)]
struct Inner {
    clock: Leaping,
    /// The answers to each question, in the order in which they came; the last one stays.
    answers: Mutex<Answers>,
    missed: Mutex<Vec<Missed>>,
    n_exchanges: usize,
    damage: Option<Error>,
}

/// A request that the recording has no answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What was asked.
    pub url: String,
    /// What comes nearest to it among what was recorded.
    pub nearest: Option<String>,
}

impl Playback {
    /// Reads a file that [`super::Recorder`] wrote. The clock stands at `at` in the beginning. A file that ends too early is
    /// read as far as it goes; [`Self::damage`] says so.
    pub fn read(file: impl Read, at: Timestamp) -> Result<Self, Error> {
        let (records, problem) = warc::read(file);
        let info = records.first().filter(|record| record.get("WARC-Type") == Some("warcinfo"));
        match (info, problem) {
            (None, Some(problem)) => Err(problem),
            (_, Some(problem)) if !matches!(problem, Error::Truncated { .. }) => Err(problem),
            (info, problem) => {
                let info = info.map(|record| String::from_utf8_lossy(&record.block).into_owned());
                let software = info
                    .as_deref()
                    .unwrap_or_default()
                    .lines()
                    .find_map(|line| line.strip_prefix("software:"));
                match software.map(str::trim) {
                    Some(software) if software.starts_with(SOFTWARE) => {}
                    software => {
                        return Err(Error::Foreign(
                            software.unwrap_or("another program").chars().take(100).collect(),
                        ));
                    }
                }
                let exchanges = exchange::exchanges(records)?;
                Ok(Self::of(exchanges, problem, at))
            }
        }
    }

    fn of(exchanges: Vec<Arc<Exchange>>, damage: Option<Error>, at: Timestamp) -> Self {
        let n_exchanges = exchanges.len();
        let mut answers = Answers::new();
        for exchange in exchanges {
            answers.entry((exchange.method.clone(), exchange.url.clone())).or_default().push_back(exchange);
        }
        let (clock, missed) = (Leaping::at(at), Mutex::default());
        Self(Arc::new(Inner { clock, answers: Mutex::new(answers), missed, n_exchanges, damage }))
    }

    /// The clock of the recording: waiting takes no time, and each answer comes when it came.
    pub fn clock(&self) -> SharedClock {
        Arc::new(self.0.clock.clone())
    }

    /// How many exchanges it has.
    pub fn n_exchanges(&self) -> usize {
        self.0.n_exchanges
    }

    /// Why it is not whole, if it is not.
    pub fn damage(&self) -> Option<&Error> {
        self.0.damage.as_ref()
    }

    /// What was asked of it that it does not have.
    pub fn missed(&self) -> Vec<Missed> {
        self.0.missed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was answered.
    pub(in crate::net) fn answer(&self, hop: &Hop) -> Result<Arc<Exchange>, Missed> {
        let key = (hop.method.clone(), redact::address(&hop.url));
        let mut answers = self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = answers.get_mut(&key) {
            let next = if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() };
            let next = next.expect("a queue has at least one");
            self.0.clock.reach(next.at);
            return Ok(next);
        }
        let nearest = nearest(&key.1, answers.keys().map(|(_, url)| url));
        let missed = Missed { url: crate::net::error::shown(&key.1), nearest };
        self.0.missed.lock().unwrap_or_else(PoisonError::into_inner).push(missed.clone());
        Err(missed)
    }
}

/// The address that has most in common with `url`, counted from both ends; none of another host.
fn nearest<'u>(url: &Url, known: impl Iterator<Item = &'u Url>) -> Option<String> {
    let common = |a: &mut dyn Iterator<Item = u8>, b: &mut dyn Iterator<Item = u8>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let score = |other: &Url| {
        let (a, b) = (url.as_str(), other.as_str());
        common(&mut a.bytes(), &mut b.bytes()) + common(&mut a.bytes().rev(), &mut b.bytes().rev())
    };
    let same_host = known.filter(|other| other.host() == url.host());
    // Of equals the first in the order of the alphabet: a hash map has none.
    let best = same_host.map(|other| (score(other), std::cmp::Reverse(other.as_str()))).max();
    best.map(|(_, std::cmp::Reverse(text))| text.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_address_is_of_the_same_host() {
        let url = |text: &str| Url::parse(text).unwrap();
        let known = [
            "http://a.vn/robots.txt",
            "http://a.vn/tin/1.html",
            "http://b.vn/tin/3.html",
            "http://a.vn/tin/22.html",
        ];
        let known: Vec<Url> = known.iter().map(|text| url(text)).collect();
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(nearest(&url(text), known.iter()).as_deref(), expected, "{text}");
        };
        check("http://a.vn/tin/2.html", Some("http://a.vn/tin/22.html"));
        check("https://a.vn/tin/1.html", Some("http://a.vn/tin/1.html"));
        check("http://c.vn/tin/1.html", None);
    }
}
