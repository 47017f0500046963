//! Feeds: rendered once per version by `publish`, compared and sent here.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State as With, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use bytes::Bytes;

use super::{
    State,
    conditional::{coding, unchanged},
    cors,
    error::Problem,
    nearest::nearest,
    pages,
};
use crate::{
    model::{FeedId, Timestamp},
    publish::{Document, Format, Representation, Variant},
};

/// `/feeds/{feed}.{format}`, the page `/feeds/{feed}`, and the catalogue.
pub(super) fn routes() -> axum::Router<State> {
    let read = |get: MethodRouter<State>| get.options(preflight).fallback(wrong_method);
    axum::Router::new().route("/feeds/{name}", read(get(named))).route("/opml.xml", read(get(opml)))
}

/// Answers a GET or HEAD of a feed that is written already, without any routing: what readers ask for all day.
/// Everything else is `None`.
pub(super) fn answer<B>(state: &State, request: &Request<B>) -> Option<Response> {
    if (request.method() != Method::GET && request.method() != Method::HEAD)
        || request.uri().query().is_some()
    {
        return None;
    }
    let (feed, format) = parse(request.uri().path().strip_prefix("/feeds/")?)?;
    let document = state.publisher.at_hand(feed, format, coding(request.headers()))?;
    respond(&document, state.clock.now(), request.method(), request.headers())
}

/// What stands behind `/feeds/`: a document, or a page for people.
async fn named(
    With(state): With<State>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // What is not even text names no feed either.
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    let (parts, _) = request.into_parts();
    match parse(&name) {
        Some((feed, format)) => document(&state, feed, format, &parts.method, &parts.headers).await,
        None => pages::feed(&state, &name, &parts.uri, &parts.headers),
    }
}

async fn opml(With(state): With<State>, method: Method, headers: HeaderMap) -> Response {
    match state.publisher.opml().await {
        Some(catalogue) => send(&state, &catalogue, &method, &headers).await,
        None => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the catalogue is being prepared").into_response()
        }
    }
}

/// `quan1.atom` as `quan1` and Atom.
pub(super) fn parse(name: &str) -> Option<(&str, Format)> {
    let (feed, extension) = name.rsplit_once('.')?;
    let format = match extension {
        "rss" => Format::Rss,
        "atom" => Format::Atom,
        "json" => Format::Json,
        _ => return None,
    };
    Some((feed, format))
}

/// A feed's document, written now if nobody did yet, or why there is none.
async fn document(
    state: &State,
    feed: &str,
    format: Format,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let found = match feed.parse::<FeedId>() {
        Ok(id) => state.publisher.document(&id, format, &Variant::default()).await,
        Err(_) => None,
    };
    match found {
        Some(document) => send(state, &document, method, headers).await,
        None => {
            let mut response = missing(state, feed).into_response();
            cors::allow(response.headers_mut());
            response
        }
    }
}

/// Sends a document in the coding that the client likes best, packed now if nobody did yet.
async fn send(state: &State, document: &Arc<Document>, method: &Method, headers: &HeaderMap) -> Response {
    let now = state.clock.now();
    if let Some(response) = respond(document, now, method, headers) {
        return response;
    }
    state.publisher.pack(document, coding(headers)).await;
    // Packing can only fail by a panic; the bytes as they are can always be sent.
    respond(document, now, method, headers)
        .unwrap_or_else(|| response(document, document.identity(), now, method))
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

/// The answer to a GET or HEAD: 200, or 304 (RFC 9110, section 15.4.5) where the client has this version. `None`
/// where it has to be packed first.
pub(super) fn respond(
    document: &Document,
    now: Timestamp,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Response> {
    let representation = document.representation(coding(headers))?;
    if !unchanged(headers, &representation.etag, Some(document.last_modified)) {
        return Some(response(document, representation, now, method));
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    describe(response.headers_mut(), document, representation, now);
    Some(response)
}

/// The 200.
fn response(
    document: &Document,
    representation: &Representation,
    now: Timestamp,
    method: &Method,
) -> Response {
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), document, representation, now);
    put(response.headers_mut(), &representation.description);
    if *method != Method::HEAD {
        *response.body_mut() = Body::from(Bytes::clone(&representation.body));
    }
    response
}

/// What 200 and 304 say alike.
fn describe(headers: &mut HeaderMap, document: &Document, representation: &Representation, now: Timestamp) {
    headers.reserve(16);
    put(headers, &representation.validators);
    if let Ok(value) = HeaderValue::from_str(&document.cache_control(now)) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// Sets the fields of a head that we made ourselves.
fn put(headers: &mut HeaderMap, lines: &str) {
    for (name, value) in Representation::fields(lines) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
#[path = "feeds_tests.rs"]
mod tests;
