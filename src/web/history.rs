//! What a feed said before, over HTTP: archives, everything since a moment, edits, and what is new since a version.

use axum::{
    extract::{Path, Request, State as With, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
    routing::get,
};
use jiff::civil;

use super::{
    State,
    access::Reader,
    api::params::Params,
    ask::ask,
    conditional::{coding, tags, weighted},
    error::Problem,
    feeds::{self, open, readable, refused, send},
};
use crate::{
    model::{Seq, Timestamp},
    publish::{Delta, Feed, Format, Since, Start, Unavailable, Variant},
};

/// The request's instance manipulations, and the answer's (RFC 3229, section 10.5).
const A_IM: &str = "a-im";
const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, A-IM, If-None-Match");

/// `/feeds/{feed}/archive/{n}.{format}` and `/feeds/{feed}/changes.atom`.
pub(super) fn routes() -> axum::Router<State> {
    axum::Router::new()
        .route("/feeds/{feed}/archive/{name}", feeds::read(get(archive)))
        .route("/feeds/{feed}/changes.atom", feeds::read(get(changes)))
}

/// Does the request ask for a difference? Then it is not answered with what lies ready.
pub(super) fn wants_delta(headers: &HeaderMap) -> bool {
    headers.contains_key(A_IM)
}

/// The answer to a request of a feed's document that asks for a part of its history; `None` where it asks for the
/// feed as it is.
pub(super) async fn answer(
    state: &State,
    feed: &Feed,
    reader: &Reader,
    format: Format,
    parts: &Parts,
) -> Result<Option<Response>, Box<Response>> {
    if parts.uri.query().is_some() {
        return since(state, feed, reader, format, parts).await;
    }
    let tags = if takes_feeds(&parts.headers) { tags(&parts.headers) } else { Vec::new() };
    if tags.is_empty() {
        return Ok(None);
    }
    match state.publisher.delta(&feed.id, format, reader.prefix.clone(), &tags).await {
        Ok(Some(delta)) => Ok(Some(differing(state, &delta, parts).await)),
        // The whole feed is never wrong.
        Ok(None) | Err(_) => Ok(None),
    }
}

async fn archive(
    With(state): With<State>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    // What is not even text names no feed either.
    let (feed, name) = path.map_or_else(|_| Default::default(), |Path(path)| path);
    archived(&state, &feed, &name, &parts).await.unwrap_or_else(|refusal| open(*refusal))
}

async fn archived(state: &State, feed: &str, name: &str, parts: &Parts) -> Result<Response, Box<Response>> {
    let found = feeds::parse(name).and_then(|(n, format)| Some((number(n)?, format)));
    // What was decoded out of an address does not go into another one as it is.
    let ending =
        found.map_or_else(String::new, |(end, format)| format!("/archive/{end}.{}", format.extension()));
    let (feed, reader) = readable(state, feed, &ending, parts)?;
    let Some((end, format)) = found else {
        let problem = Problem::new(StatusCode::NOT_FOUND, "this is no archive");
        let hint =
            "an archive is called by a number and `.atom`, `.rss` or `.json`: the feed names its newest one";
        return Err(refused(problem.hint(hint)));
    };
    let found = state.publisher.archive(&feed.id, end, format, reader.prefix).await;
    let document = found.map_err(|error| unavailable(state, &feed, error))?;
    Ok(send(state, &document, &parts.method, &parts.headers).await)
}

/// A number as we print it, from 1 on.
fn number(text: &str) -> Option<Seq> {
    let number: u64 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(Seq(number))
}

async fn changes(
    With(state): With<State>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let feed = path.map_or_else(|_| String::new(), |Path(feed)| feed);
    changed(&state, &feed, &parts).await.unwrap_or_else(|refusal| open(*refusal))
}

async fn changed(state: &State, feed: &str, parts: &Parts) -> Result<Response, Box<Response>> {
    let (feed, reader) = readable(state, feed, "/changes.atom", parts)?;
    let found = state.publisher.changes(&feed.id, reader.prefix).await;
    let document = found.map_err(|error| unavailable(state, &feed, error))?;
    Ok(send(state, &document, &parts.method, &parts.headers).await)
}

async fn since(
    state: &State,
    feed: &Feed,
    reader: &Reader,
    format: Format,
    parts: &Parts,
) -> Result<Option<Response>, Box<Response>> {
    let given = Params::of(&parts.uri);
    let Some(text) = given.get("since").map_err(refused)? else { return Ok(None) };
    let start = start(text).map_err(refused)?;
    let ask = ask(&parts.uri).map_err(refused)?;
    let variant = Variant { prefix: reader.prefix.clone(), ..ask.variant };
    let found = state.publisher.since(&feed.id, &Since { start, part: ask.part, variant }, format).await;
    let document = found.map_err(|error| unavailable(state, feed, error))?;
    Ok(Some(send(state, &document, &parts.method, &parts.headers).await))
}

/// What `?since=` says.
fn start(text: &str) -> Result<Start, Problem> {
    let text = text.trim();
    // In a query, `+` is a space: dates with an offset are often written without care.
    let date = text.replace(' ', "+");
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        if let Ok(number) = text.parse() {
            return Ok(Start::After(Seq(number)));
        }
    } else if let Ok(at) = date.parse::<Timestamp>() {
        return Ok(Start::At(at));
    } else if let Some(day) = day(text) {
        return Ok(Start::Day(day));
    }
    Err(Problem::field("since", format!("`{}` is no moment", text.chars().take(100).collect::<String>()))
        .hint("write a day (`2026-11-20`), an instant (`2026-11-20T08:00:00Z`) or the number of an event"))
}

/// `2026-11-20`, and nothing looser.
fn day(text: &str) -> Option<civil::Date> {
    let day: civil::Date = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}

fn unavailable(state: &State, feed: &Feed, error: Unavailable) -> Box<Response> {
    refused(match error {
        Unavailable::NoFeed => feeds::missing(state, feed.id.as_str()),
        Unavailable::NoArchive { newest } => {
            let problem = Problem::new(StatusCode::NOT_FOUND, "there is no archive of this number");
            match newest {
                Some(newest) => {
                    problem.hint(format!("the newest one is {newest}, and each names the one before"))
                }
                None => problem.hint("there is none yet: all there is stands in the feed itself"),
            }
        }
        Unavailable::Ahead { head } => {
            Problem::field("since", format!("nothing that new has happened: the newest event is {head}"))
                .hint("write days with dashes: `2026-11-20`")
        }
        Unavailable::Pruned { floor } => Problem::new(
            StatusCode::GONE,
            format!("what happened before the event {floor} is not kept any more"),
        )
        .hint(format!("what is kept begins at `?since={floor}`")),
        Unavailable::Busy => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too much history is asked for at once")
                .hint("ask again in a few seconds")
        }
        Unavailable::Broken => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server could not do this; its log says why")
        }
        Unavailable::Store(cause) => Problem::from(cause),
    })
}

/// Does the client take differences of feeds (RFC 3229, section 10.5.3)?
fn takes_feeds(headers: &HeaderMap) -> bool {
    let values = headers.get_all(A_IM).iter().filter_map(|value| value.to_str().ok());
    let mut members = values.flat_map(|value| value.split(',')).filter_map(weighted);
    members.any(|(name, weight)| name.eq_ignore_ascii_case("feed") && weight > 0)
}

/// 226 (RFC 3229, section 10.4.1). Only for who asked: caches know little of differences.
async fn differing(state: &State, delta: &Delta, parts: &Parts) -> Response {
    let plain = HeaderMap::from_iter(
        parts
            .headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .map(|value| (header::ACCEPT_ENCODING, value.clone())),
    );
    let mut response = send(state, &delta.news, &parts.method, &plain).await;
    *response.status_mut() = StatusCode::from_u16(226).expect("226 is a status code");
    let age = delta.current.freshness.seconds(state.clock.now());
    let headers = response.headers_mut();
    let mut put = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(header::ETAG, &delta.current.etag(coding(&parts.headers)));
    put(header::HeaderName::from_static("delta-base"), &delta.base);
    put(header::CACHE_CONTROL, &format!("private, max-age={age}"));
    put(header::HeaderName::from_static("im"), "feed");
    headers.insert(header::VARY, VARY);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_an_instant_or_a_number() {
        let table = [
            ("0", Start::After(Seq(0))),
            (" 1234 ", Start::After(Seq(1234))),
            ("2026-11-20", Start::Day("2026-11-20".parse().unwrap())),
            ("2026-11-20T08:00:00Z", Start::At("2026-11-20T08:00:00Z".parse().unwrap())),
            ("2026-11-20T08:00:00 07:00", Start::At("2026-11-20T01:00:00Z".parse().unwrap())),
        ];
        for (text, expected) in table {
            assert_eq!(start(text).unwrap(), expected, "{text}");
        }
        for wrong in [
            "yesterday",
            "-1",
            "1.5",
            "2026-13-01",
            "2026-11",
            "20/11/2026",
            "99999999999999999999",
            "2026-11-20T08:00",
            "٣",
            "2026-W47-5",
        ] {
            let problem = start(wrong).unwrap_err();
            assert_eq!(
                (problem.status, problem.field.as_deref()),
                (StatusCode::BAD_REQUEST, Some("since")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn archives_are_called_by_plain_numbers() {
        assert_eq!(number("50"), Some(Seq(50)));
        for wrong in ["0", "", "050", "+5", "-1", "5x", "99999999999999999999999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn differences_are_for_who_asks_for_them() {
        let table = [
            (vec!["feed"], true),
            (vec!["diffe, Feed"], true),
            (vec!["diffe", "gzip;q=0.3, feed;q=0.1"], true),
            (vec!["feed;q=0"], false),
            (vec!["feed;q=0.000"], false),
            (vec!["feedx, vcdiff"], false),
            (vec![""], false),
        ];
        for (values, expected) in table {
            let headers = values.iter().map(|value| (A_IM.parse().unwrap(), value.parse().unwrap()));
            assert_eq!(takes_feeds(&HeaderMap::from_iter(headers)), expected, "{values:?}");
        }
    }
}
