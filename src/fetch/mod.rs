//! One source, one request: what became of it is a value, not an error.
//!
//! Knows what statuses mean to a reader; `net` knows how to send. It never looks into the body.

pub mod browser;
mod error;
mod links;
mod measure;
pub mod postback;
mod validators;
pub mod websub;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};
use url::Url;

use crate::{
    model::{Link, Timestamp, Validators},
    net::{self, Answer, Client, Request, Restraint, Want, backoff},
};

pub use error::Error;
pub use measure::{Measured, measure};
pub use validators::{LIE, distrusted, usable};

/// What HTML lists and article pages are asked for with: where a server could answer with a feed instead, the
/// recipe's selectors would find nothing in it.
pub const ACCEPT_PAGE: &str = "text/html, application/xhtml+xml, application/xml;q=0.7, */*;q=0.1";

/// What feeds are asked for with: feeds where there is a choice, pages otherwise.
pub const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, \
    text/html;q=0.8, application/xhtml+xml;q=0.8, application/xml;q=0.7, */*;q=0.1";

/// One question.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Where.
    pub url: Url,
    /// What we have already; empty ones ask for everything.
    pub validators: Validators,
    /// May it stand at a private address?
    pub allow_private: bool,
    /// The least time since the last request to the host; `None` for `net.spacing`.
    pub spacing: Option<Duration>,
    /// Is what the site's `robots.txt` says kept to?
    pub robots: bool,
    /// Can it wait until tomorrow, and leaves some of the day's budget to what cannot?
    pub in_background: bool,
    /// The certificates that it may rely on beyond those that all requests do.
    pub trust: Option<Arc<net::Trust>>,
    /// The `Accept` header; [`ACCEPT`] where nothing else is wanted.
    pub accept: &'static str,
    /// Is the beginning of use where the whole is larger than `net.max_body`? It is of a feed: what is new stands
    /// at its top.
    pub partial: bool,
}

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// Something to read, perhaps empty.
    Fresh {
        /// The body is the beginning of a larger one.
        cut: bool,
        /// The body, decompressed.
        body: Bytes,
        /// `Content-Type` as received.
        content_type: Option<String>,
        /// Where it came from, after redirects: what its links are relative to.
        url: Url,
        /// What to ask with next time.
        validators: Validators,
        /// Where it lives now, by its own permanent word.
        moved: Option<Url>,
        /// The hubs and topics that its `Link` headers name (RFC 8288).
        links: Vec<Link>,
    },
    /// Nothing new.
    Unchanged {
        /// Where it lives now, by its own permanent word.
        moved: Option<Url>,
    },
    /// It is no longer there.
    Gone {
        /// 404 or 410.
        status: u16,
    },
    /// The server asks for patience.
    Later {
        /// How long, where it says so; at most seven days.
        after: Option<Duration>,
        /// What it said, in a sentence.
        reason: String,
    },
    /// Nobody was asked: the site does not want it, or it is not the time. That is no failure.
    Held(Restraint),
    /// No usable answer.
    Failed(Error),
}

/// Asks once. Redirects are followed within the limits of `net`.
pub async fn fetch(client: &Client, ask: &Ask) -> Outcome {
    answer(client, ask, None).await.0
}

/// The same with a cookie along, and with the headers of the answer.
async fn answer(client: &Client, ask: &Ask, cookie: Option<String>) -> (Outcome, HeaderMap) {
    let mut request = conditional(client, ask);
    request.headers.extend(cookie.map(|cookie| ("cookie", cookie)));
    let outcome = match client.send(request).await {
        Ok(answer) => {
            let headers = answer.headers.clone();
            return (outcome(ask, answer, client.now()), headers);
        }
        Err(error) => unanswered(error),
    };
    (outcome, HeaderMap::new())
}

/// Why there is no answer.
fn unanswered(error: net::Error) -> Outcome {
    match error {
        net::Error::Restrained(
            held @ (Restraint::Disallowed { .. } | Restraint::Paused { .. } | Restraint::Budget { .. }),
        ) => Outcome::Held(held),
        error => Outcome::Failed(Error::Net(error)),
    }
}

/// A conditional `GET` (RFC 9110, section 13.1). Both validators are sent exactly as they were received.
fn conditional(client: &Client, ask: &Ask) -> Request {
    let conditions = [
        ("if-none-match", ask.validators.etag.clone()),
        ("if-modified-since", ask.validators.last_modified.clone()),
    ];
    let conditions = conditions.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Request {
        headers: std::iter::once(("accept", ask.accept.to_owned())).chain(conditions).collect(),
        want: if ask.partial { Want::AllThatFits } else { Want::All },
        ..request(client, ask)
    }
}

/// A request with the manners of its source. Every one begins here.
fn request(client: &Client, ask: &Ask) -> Request {
    Request {
        allow_private: ask.allow_private,
        spacing: Some(ask.spacing.unwrap_or(client.settings().spacing)),
        robots: ask.robots,
        in_background: ask.in_background,
        trust: ask.trust.clone(),
        ..Request::get(ask.url.clone())
    }
}

fn outcome(ask: &Ask, answer: Answer, now: Timestamp) -> Outcome {
    let Answer { status, url, moved, headers, body, cut } = answer;
    match status {
        200..=299 => Outcome::Fresh {
            cut,
            body,
            content_type: text(&headers, CONTENT_TYPE),
            url,
            validators: received(&headers),
            moved,
            links: links::links(&headers),
        },
        304 if ask.validators == Validators::default() => Outcome::Failed(Error::Unasked { url: url.into() }),
        304 => Outcome::Unchanged { moved },
        404 | 410 => Outcome::Gone { status },
        429 | 503 => {
            let after = backoff::retry_after(&headers, now);
            Outcome::Later { after, reason: format!("`{url}` answered {status}: {}", error::meaning(status)) }
        }
        _ => Outcome::Failed(Error::Status { url: url.into(), status }),
    }
}

fn received(headers: &HeaderMap) -> Validators {
    Validators { etag: text(headers, ETAG), last_modified: text(headers, LAST_MODIFIED) }
}

/// A header as text. What is not text cannot be kept and sent back as it was; what is longer than any server
/// has reason to write is not kept either.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    const LONGEST: usize = 1024;
    let value = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?.trim();
    (!value.is_empty() && value.len() <= LONGEST).then(|| value.to_owned())
}
