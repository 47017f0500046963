//! Feeds: rendered once per version by `publish`, compared and sent here.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State as With, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use bytes::Bytes;

use super::{
    State,
    access::{self, Reader, Token},
    ask::ask,
    conditional::{coding, unchanged},
    cors,
    error::Problem,
    history,
    nearest::nearest,
    pages,
};
use crate::{
    model::Timestamp,
    publish::{self, Document, Feed, Format, Life, Representation, Settings, Variant},
};

/// `/feeds/{feed}.{format}`, the page `/feeds/{feed}`, and the catalogue.
pub(super) fn routes() -> axum::Router<State> {
    axum::Router::new().route("/feeds/{name}", read(get(named))).route("/opml.xml", read(get(opml)))
}

/// What can only be read, from pages of other origins too.
pub(super) fn read(get: MethodRouter<State>) -> MethodRouter<State> {
    get.options(preflight).fallback(wrong_method)
}

/// Answers a GET or HEAD of a feed that is written already, without any routing: what readers ask for all day.
/// Everything else is `None`.
pub(super) fn answer<B>(state: &State, request: &Request<B>) -> Option<Response> {
    if (request.method() != Method::GET && request.method() != Method::HEAD)
        || request.uri().query().is_some()
        || history::wants_delta(request.headers())
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
        Some((feed, format)) => match document(&state, feed, format, &parts).await {
            Ok(response) => response,
            Err(refusal) => open(*refusal),
        },
        None => match readable(&state, &name, "", &parts) {
            Ok((feed, reader)) => pages::feed(&state, &feed, &reader, &parts),
            Err(refusal) if refusal.status() == StatusCode::NOT_FOUND => {
                pages::no_feed(&state, &name, &parts.uri, &parts.headers)
            }
            Err(refusal) => *refusal,
        },
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

/// A feed's document, or that of a part of it, written now if nobody did yet; or why there is none.
async fn document(
    state: &State,
    name: &str,
    format: Format,
    parts: &Parts,
) -> Result<Response, Box<Response>> {
    let ending = format!(".{}", format.extension());
    let (feed, reader) = readable(state, name, &ending, parts)?;
    if let Some(answer) = history::answer(state, &feed, &reader, format, parts).await? {
        return Ok(answer);
    }
    let ask = ask(&parts.uri).map_err(refused)?;
    let variant = Variant { prefix: reader.prefix, ..ask.variant };
    let found = match &ask.part {
        None => state.publisher.document(&feed.id, format, &variant).await,
        Some(part) => state.publisher.part(&feed.id, part, format, &variant).await.map_err(busy)?,
    };
    match found {
        Some(document) => Ok(send(state, &document, &parts.method, &parts.headers).await),
        None => Err(refused(missing(state, name))),
    }
}

/// The feed of this name that whoever asks may read, and how it is addressed. Otherwise the answer: it was renamed,
/// it has moved or ended, it is not for everybody, there is none. `ending` is what follows the name in the address.
pub(super) fn readable(
    state: &State,
    name: &str,
    ending: &str,
    parts: &Parts,
) -> Result<(Feed, Reader), Box<Response>> {
    let settings = state.publisher.settings();
    let token = parts.extensions.get::<Token>();
    let Some(feed) = settings.feeds.iter().find(|feed| feed.id.as_str() == name) else {
        let is_alias = |feed: &&Feed| feed.aliases.iter().any(|alias| alias.as_str() == name);
        let renamed = settings.feeds.iter().find(is_alias).ok_or_else(|| refused(missing(state, name)))?;
        // Who may not read it need not know what it is called now.
        let reader = access::check(renamed, token, &parts.headers)?;
        let prefix = reader.prefix.as_deref().unwrap_or_default();
        let stem = format!("{}{prefix}/feeds/{}", settings.base_url.trim_end_matches('/'), renamed.id);
        return Err(Box::new(moved(&stem, ending, &parts.uri)));
    };
    let reader = access::check(feed, token, &parts.headers)?;
    match &feed.life {
        Life::Current | Life::Ending => Ok((feed.clone(), reader)),
        Life::Moved(stem) => Err(Box::new(moved(stem, ending, &parts.uri))),
        Life::Ended => Err(refused(
            Problem::new(StatusCode::GONE, format!("the feed `{name}` has ended")).hint("stop asking for it"),
        )),
    }
}

/// For good, so that readers remember the new address. 301 is what all of them understand.
fn moved(stem: &str, ending: &str, uri: &Uri) -> Response {
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let headers = [
        (header::LOCATION, format!("{stem}{ending}{query}")),
        (header::CACHE_CONTROL, "max-age=86400".to_owned()),
    ];
    (StatusCode::MOVED_PERMANENTLY, headers).into_response()
}

pub(super) fn refused(problem: Problem) -> Box<Response> {
    Box::new(problem.into_response())
}

fn busy(error: publish::Error) -> Box<Response> {
    refused(match error {
        publish::Error::Busy => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .hint("ask again in a few seconds, or use the filters that others use"),
        publish::Error::Store(cause) => Problem::from(cause),
    })
}

/// Lets pages of other origins read why they get nothing.
pub(super) fn open(mut response: Response) -> Response {
    cors::allow(response.headers_mut());
    response
}

/// Sends a document in the coding that the client likes best, packed now if nobody did yet.
pub(super) async fn send(
    state: &State,
    document: &Arc<Document>,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
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
    if settings.feeds.iter().any(|known| known.id.as_str() == feed) {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the feed `{feed}` is being prepared"))
            .hint("try again in a few seconds");
    }
    no_feed(&settings, feed)
}

/// 404: no public feed has this name.
pub(super) fn no_feed(settings: &Settings, name: &str) -> Problem {
    let listed = settings.feeds.iter().filter(|feed| feed.is_listed());
    unknown(name, &listed.map(|feed| feed.id.as_str()).collect::<Vec<_>>())
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
