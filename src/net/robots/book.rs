//! What is known of the `robots.txt` of each origin, and until when. What was read by virtue of certificates that only
//! some requests rely on is known to those only.
//!
//! A copy is good for a day. While a file cannot be read, the copy before it is used; where there is none, everything
//! is forbidden, for thirty days at most (RFC 9309, section 2.3.1.4).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;
use url::Url;

use super::Rules;
use crate::{
    model::{Digest, Timestamp},
    net::{Answer, Error, backoff},
};

/// How long a copy is good (section 2.4).
const FRESH: Duration = Duration::from_secs(24 * 3600);
/// How long a file that cannot be read, and never was, forbids everything.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Origins remembered. Beyond it, some that nobody is reading are forgotten.
const MAX_ORIGINS: usize = 16_384;

/// Every origin's copy.
#[derive(Debug, Default)]
pub(in crate::net) struct Book(Mutex<HashMap<(String, Digest), Arc<Origin>>>);

/// The copy, which is read at any time, behind the lock of whoever fetches another.
#[derive(Debug, Default)]
struct Origin {
    copy: Arc<Mutex<Copy>>,
    fetching: Arc<tokio::sync::Mutex<()>>,
}

/// The right to fetch a file and to write down what came.
#[derive(Debug)]
pub(in crate::net) struct Page {
    copy: Arc<Mutex<Copy>>,
    _fetching: OwnedMutexGuard<()>,
}

/// What is known of one file.
#[derive(Clone, Debug, Default)]
struct Copy {
    /// What it said when it could be read last.
    rules: Option<Arc<Rules>>,
    /// When it was asked for last, and until when that does.
    asked: Option<(Timestamp, Timestamp)>,
    /// Since when it cannot be read, how often that was tried, and why.
    trouble: Option<(Timestamp, u32, String)>,
}

/// What can be said without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) enum View {
    /// This is what it says.
    Says(Arc<Rules>),
    /// It cannot be read: nothing may be asked until it is tried again.
    Unreadable {
        /// Why not.
        problem: String,
        /// When it is tried again.
        until: Timestamp,
    },
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::net) enum Heard {
    /// The rules; none where there is no such file.
    Rules(Rules),
    /// It could not be read, and is not to be asked for again before this has passed.
    Trouble { problem: String, after: Option<Duration> },
}

impl Book {
    /// What is known and still good.
    pub(in crate::net) fn view(&self, url: &Url, trust: Digest, now: Timestamp) -> Option<View> {
        let copy = self.origin(url, trust).copy.clone();
        let copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
        copy.view(now)
    }

    /// What the file said last, however long ago.
    pub(in crate::net) fn last(&self, url: &Url, trust: Digest) -> Option<Arc<Rules>> {
        let copy = self.origin(url, trust).copy.clone();
        let copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
        copy.rules.clone()
    }

    /// Waits until nobody else fetches the file of this origin.
    pub(in crate::net) async fn page(&self, url: &Url, trust: Digest) -> Page {
        let origin = self.origin(url, trust);
        let _fetching = Arc::clone(&origin.fetching).lock_owned().await;
        Page { copy: Arc::clone(&origin.copy), _fetching }
    }

    fn origin(&self, url: &Url, trust: Digest) -> Arc<Origin> {
        // Without TLS nobody relies on any.
        let trust = if url.scheme() == "https" { trust } else { Digest::default() };
        let key = (url.origin().ascii_serialization(), trust);
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !origins.contains_key(&key) && origins.len() >= MAX_ORIGINS {
            // A tenth at once: looking for the single oldest would cost as much with every new one.
            let mut n_left = MAX_ORIGINS / 10;
            origins.retain(|_, origin| {
                let goes =
                    n_left > 0 && Arc::strong_count(origin) == 1 && Arc::strong_count(&origin.copy) == 1;
                n_left -= usize::from(goes);
                !goes
            });
        }
        Arc::clone(origins.entry(key).or_default())
    }
}

impl Page {
    /// What is known by now: whoever fetched it before us may have found out.
    pub(in crate::net) fn view(&self, now: Timestamp) -> Option<View> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner).view(now)
    }

    /// Writes down what came, and says what that means.
    pub(in crate::net) fn note(&self, heard: Heard, now: Timestamp) -> View {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        copy.note(heard, now);
        copy.view(now).unwrap_or_else(|| View::Says(copy.rules.clone().unwrap_or_default()))
    }
}

impl Copy {
    fn view(&self, now: Timestamp) -> Option<View> {
        let (asked, until) = self.asked?;
        // Asked later than now: the clock was set back.
        if now < asked || now >= until {
            return None;
        }
        Some(match (&self.rules, &self.trouble) {
            (Some(rules), _) => View::Says(Arc::clone(rules)),
            (None, Some((since, _, problem))) if since.plus(PATIENCE) > now => {
                View::Unreadable { problem: problem.clone(), until }
            }
            (None, _) => View::Says(Arc::default()),
        })
    }

    fn note(&mut self, heard: Heard, now: Timestamp) {
        let wait = match heard {
            Heard::Rules(rules) => {
                self.rules = Some(Arc::new(rules));
                self.trouble = None;
                FRESH
            }
            Heard::Trouble { problem, after } => {
                let (since, n_tries) = self.trouble.as_ref().map_or((now, 0), |(since, n, _)| (*since, *n));
                self.trouble = Some((since.min(now), n_tries.saturating_add(1), problem));
                after.unwrap_or_else(|| backoff::delay(n_tries.saturating_add(1), 0)).clamp(SECOND, FRESH)
            }
        };
        self.asked = Some((now, now.plus(wait)));
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// What came of asking (section 2.3.1). A file that is not there, or that redirects lead away from, forbids nothing.
/// 429 is no word about the file: it asks for patience, like 503. Fails where it was never asked for: our guard
/// says the same of every page there.
pub(in crate::net) fn heard(answer: Result<Answer, Error>, now: Timestamp) -> Result<Heard, Error> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error @ (Error::Refused { via: None, .. } | Error::Settings { .. } | Error::Restrained(_))) => {
            return Err(error);
        }
        Err(Error::Redirects { .. } | Error::Refused { .. }) => return Ok(Heard::Rules(Rules::default())),
        Err(error) => return Ok(Heard::Trouble { problem: error.to_string(), after: None }),
    };
    Ok(match answer.status {
        200..=299 => Heard::Rules(Rules::parse(whole_lines(&answer.body))),
        429 | 500.. => Heard::Trouble {
            problem: format!("`{}` answered {}", answer.url, answer.status),
            after: backoff::retry_after(&answer.headers, now),
        },
        _ => Heard::Rules(Rules::default()),
    })
}

/// A file that was cut does not say what its last line begins to say.
fn whole_lines(body: &[u8]) -> &[u8] {
    if (body.len() as u64) < super::LONGEST {
        return body;
    }
    let end = body.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(0);
    body.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn answer(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Result<Answer, Error> {
        let url: Url = "http://a.vn/robots.txt".parse().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value.parse().unwrap()));
        let body = body.as_bytes().to_vec().into();
        Ok(Answer { cut: false, status, url, moved: None, headers: headers.collect(), body })
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_second(1_780_000_000).plus(Duration::from_secs(seconds))
    }

    /// The view after an answer at each of these times.
    fn forbids(view: Option<View>) -> Option<bool> {
        let page = "http://a.vn/x".parse().unwrap();
        Some(match view? {
            View::Says(rules) => rules.verdict(&page).is_err(),
            View::Unreadable { .. } => true,
        })
    }

    const CLOSED: &str = "User-agent: *\nDisallow: /";

    #[test]
    fn what_each_answer_means() {
        let check = |answer, expected: Option<bool>| {
            let mut copy = Copy::default();
            copy.note(heard(answer, at(0)).unwrap(), at(0));
            assert_eq!(forbids(copy.view(at(0))), expected);
        };
        check(answer(200, CLOSED, &[]), Some(true));
        check(answer(200, "", &[]), Some(false));
        for status in [301, 304, 400, 401, 403, 404, 410, 451, 499] {
            check(answer(status, CLOSED, &[]), Some(false));
        }
        for status in [429, 500, 502, 503, 599] {
            check(answer(status, "", &[]), Some(true));
        }
        let misled = crate::net::Misled::TooMany(5);
        check(Err(Error::Redirects { url: String::new(), problem: misled }), Some(false));
        let timeout = Error::Timeout { url: String::new(), limit: "net.timeout", after: Duration::ZERO };
        check(Err(timeout), Some(true));
    }

    #[test]
    fn a_copy_is_good_for_a_day_and_longer_while_there_is_no_other() {
        let mut copy = Copy::default();
        assert_eq!(forbids(copy.view(at(0))), None);
        copy.note(heard(answer(200, CLOSED, &[]), at(0)).unwrap(), at(0));
        assert_eq!(forbids(copy.view(at(24 * HOUR - 1))), Some(true));
        assert_eq!(forbids(copy.view(at(24 * HOUR))), None, "time to ask again");
        copy.note(heard(answer(404, "", &[]), at(24 * HOUR)).unwrap(), at(24 * HOUR));
        assert_eq!(forbids(copy.view(at(24 * HOUR))), Some(false));
        // It fails: the open copy is used, and it is tried again soon.
        copy.note(heard(answer(500, "", &[]), at(48 * HOUR)).unwrap(), at(48 * HOUR));
        assert_eq!(forbids(copy.view(at(48 * HOUR + 30))), Some(false));
        assert_eq!(forbids(copy.view(at(48 * HOUR + 60))), None);
        assert_eq!(forbids(copy.view(at(47 * HOUR))), None, "the clock was set back");
    }

    #[test]
    fn what_was_never_read_forbids_everything_for_thirty_days() {
        let mut copy = Copy::default();
        let fail = |copy: &mut Copy, now: Timestamp| {
            copy.note(heard(answer(503, "", &[("retry-after", "7200")]), now).unwrap(), now);
            forbids(copy.view(now))
        };
        assert_eq!(fail(&mut copy, at(0)), Some(true));
        assert_eq!(forbids(copy.view(at(2 * HOUR - 1))), Some(true), "it said when to come back");
        assert_eq!(forbids(copy.view(at(2 * HOUR))), None);
        assert_eq!(fail(&mut copy, at(30 * 24 * HOUR - 1)), Some(true));
        assert_eq!(fail(&mut copy, at(30 * 24 * HOUR)), Some(false));
        copy.note(heard(answer(200, CLOSED, &[]), at(31 * 24 * HOUR)).unwrap(), at(31 * 24 * HOUR));
        assert_eq!(forbids(copy.view(at(31 * 24 * HOUR))), Some(true));
    }

    #[test]
    fn a_cut_file_loses_its_last_line() {
        let long = format!("User-agent: *\n{}\nAllow: /", "#".repeat(super::super::LONGEST as usize));
        assert!(whole_lines(long.as_bytes()).ends_with(b"#"));
        assert_eq!(whole_lines(b"Allow: /"), b"Allow: /");
        assert_eq!(whole_lines(&vec![b'a'; super::super::LONGEST as usize]), b"");
    }

    #[tokio::test]
    async fn a_bounded_number_of_origins_is_remembered() {
        let book = Book::default();
        let held = book.page(&"http://held.vn/".parse().unwrap(), Digest::default()).await;
        held.note(Heard::Rules(Rules::parse(CLOSED.as_bytes())), at(0));
        for n in 0..MAX_ORIGINS + 10 {
            book.view(&format!("http://h{n}.vn/").parse().unwrap(), Digest::default(), at(0));
        }
        assert!(book.0.lock().unwrap().len() <= MAX_ORIGINS);
        assert_eq!(
            forbids(book.view(&"http://held.vn/x".parse().unwrap(), Digest::default(), at(0))),
            Some(true)
        );
    }
}
