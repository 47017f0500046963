//! Feeds: rendered once per version by `publish`, compared and sent here.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Path, Request, State as With},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use bytes::Bytes;

use super::{
    State,
    conditional::{Coding, coding, unchanged},
    cors,
    error::Problem,
    nearest::nearest,
    pages,
};
use crate::{
    model::FeedId,
    publish::{Document, Format},
};

/// `/feeds/{feed}.{format}`, the page `/feeds/{feed}`, and the catalogue.
pub(super) fn routes() -> axum::Router<State> {
    let read = |get: MethodRouter<State>| get.options(preflight).fallback(wrong_method);
    axum::Router::new().route("/feeds/{name}", read(get(named))).route("/opml.xml", read(get(opml)))
}

/// Answers a GET or HEAD of a feed that stands, without any routing: what readers ask for all day.
/// Everything else is `None`.
pub(super) fn answer<B>(state: &State, request: &Request<B>) -> Option<Response> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return None;
    }
    let (feed, format) = parse(request.uri().path().strip_prefix("/feeds/")?)?;
    let document = state.publisher.document(&feed.parse().ok()?, format)?;
    Some(respond(&document, state.publisher.settings().max_age, request.method(), request.headers()))
}

/// What stands behind `/feeds/`: a document, or a page for people.
async fn named(With(state): With<State>, Path(name): Path<String>, request: Request) -> Response {
    match parse(&name) {
        Some((feed, format)) => document(&state, feed, format, &request),
        None => pages::feed(&state, &name, &request),
    }
}

async fn opml(With(state): With<State>, request: Request) -> Response {
    let max_age = state.publisher.settings().max_age;
    respond(&state.publisher.opml(), max_age, request.method(), request.headers())
}

/// `quan1.atom` as `quan1` and Atom.
fn parse(name: &str) -> Option<(&str, Format)> {
    let (feed, extension) = name.rsplit_once('.')?;
    let format = match extension {
        "rss" => Format::Rss,
        "atom" => Format::Atom,
        "json" => Format::Json,
        _ => return None,
    };
    Some((feed, format))
}

/// A document whose address may have been written with percent signs, or why there is none.
fn document(state: &State, feed: &str, format: Format, request: &Request) -> Response {
    let found = feed.parse::<FeedId>().ok().and_then(|feed| state.publisher.document(&feed, format));
    match found {
        Some(document) => {
            let max_age = state.publisher.settings().max_age;
            respond(&document, max_age, request.method(), request.headers())
        }
        None => {
            let mut response = missing(state, feed).into_response();
            cors::allow(response.headers_mut());
            response
        }
    }
}

/// Why a feed cannot be shown: it is not there yet, or there is none of this name.
pub(super) fn missing(state: &State, feed: &str) -> Problem {
    let settings = state.publisher.settings();
    let known: Vec<_> = settings.feeds.iter().map(|feed| feed.id.as_str()).collect();
    if known.contains(&feed) {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the feed `{feed}` is being prepared"))
            .hint("try again in a few seconds");
    }
    unknown(feed, &known)
}

/// 404 with the name that was probably meant, and those that exist.
fn unknown(feed: &str, known: &[&str]) -> Problem {
    /// Names beyond this many are on `/opml.xml`.
    const NAMED: usize = 20;
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("there is no feed `{feed}`"));
    let list = known.iter().take(NAMED).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    match nearest(feed, known) {
        Some(near) => problem.hint(format!("did you mean `{near}`? There is: {list}")),
        None if known.is_empty() => problem.hint("no feed is configured"),
        None => problem.hint(format!("there is: {list}")),
    }
}

async fn preflight() -> Response {
    cors::preflight()
}

async fn wrong_method() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "a feed can only be read");
    let mut response = problem.into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(cors::METHODS));
    cors::allow(response.headers_mut());
    response
}

/// The answer to a GET or HEAD: 200, or 304 (RFC 9110, section 15.4.5) where the client has this version.
fn respond(document: &Document, max_age: Duration, method: &Method, headers: &HeaderMap) -> Response {
    let (body, tag, coding) = match coding(headers) {
        Coding::Gzip => (&document.gzip, &document.etag_gzip, Some("gzip")),
        Coding::Identity => (&document.body, &document.etag, None),
    };
    let mut response = Response::new(Body::empty());
    if unchanged(headers, tag, Some(document.last_modified)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        describe(response.headers_mut(), document, tag, max_age);
        return response;
    }
    describe(response.headers_mut(), document, tag, max_age);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(document.content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if *method != Method::HEAD {
        *response.body_mut() = Body::from(Bytes::clone(body));
    }
    response
}

/// What 200 and 304 say alike.
fn describe(headers: &mut HeaderMap, document: &Document, tag: &str, max_age: Duration) {
    headers.reserve(16);
    let seconds = max_age.as_secs();
    put(headers, header::ETAG, tag);
    put(headers, header::LAST_MODIFIED, &document.last_modified.http_date());
    put(
        headers,
        header::CACHE_CONTROL,
        &format!("public, max-age={seconds}, stale-while-revalidate=60, stale-if-error=86400"),
    );
    put(headers, header::LINK, &document.link);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    cors::allow(headers);
}

/// Sets a header whose value we made ourselves; one that is not a header's value, or empty, is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
#[path = "feeds_tests.rs"]
mod tests;
