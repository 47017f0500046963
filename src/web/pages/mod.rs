//! Pages for people, in Vietnamese and English: the index, a feed, an article, and what we do on the sites that we watch.

mod bot;
mod language;
mod mail;
mod render;
#[cfg(test)]
pub(in crate::web) mod sample;
mod subscription;
mod view;
mod when;

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::{Path, State as With, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::Response,
    routing::get,
};
use minijinja::context;

use self::{
    render::Frame,
    view::{ArticleView, FeedView, Headline, Health, HubView, SameView},
};
use super::{State, access::Reader, nearest::nearest, similar};
use crate::{
    model::{Article, ArticleId, Status},
    publish::{Feed, Settings},
    store::{self, Place},
};

pub(super) use self::view::addresses;

/// How many headlines the index shows.
const HEADLINES: usize = 20;

/// `/` and `/articles/{id}`; a feed's page stands beside its documents.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/", get(index))
        .route("/articles/{id}", get(article))
        .merge(bot::routes())
        .merge(subscription::routes())
        .merge(mail::routes())
}

async fn index(With(state): With<State>, uri: Uri, headers: HeaderMap) -> Response {
    let settings = state.publisher.settings();
    let frame = Frame::of(&uri, &headers, &settings.base_url);
    let sources = match health(&state, &frame).await {
        Ok(sources) => sources,
        Err(cause) => return broken(&frame, &cause),
    };
    let listed = || settings.feeds.iter().filter(|feed| feed.is_listed());
    let news = latest(listed().filter_map(|feed| state.publisher.articles(&feed.id)));
    let page = context! {
        feeds => listed().map(|feed| FeedView::of(feed, &settings.base_url)).collect::<Vec<_>>(),
        news => headlines(&news, &settings, &frame),
        sources,
        hub => state.canary.status().as_ref().and_then(HubView::of),
        ready => state.publisher.ready(),
    };
    frame.page(StatusCode::OK, "index.html", page)
}

/// What is shown where there is no feed of this name.
pub(super) fn no_feed(state: &State, name: &str, uri: &Uri, headers: &HeaderMap) -> Response {
    let settings = state.publisher.settings();
    let listed = settings.feeds.iter().filter(|feed| feed.is_listed());
    let known: Vec<_> = listed.map(|feed| feed.id.as_str()).collect();
    let frame = Frame::of(uri, headers, &settings.base_url);
    frame.message(StatusCode::NOT_FOUND, "not_found", nearest(name, &known))
}

/// A feed's page: its addresses and what it shows now.
pub(super) fn feed(state: &State, feed: &Feed, reader: &Reader, parts: &Parts) -> Response {
    let settings = state.publisher.settings();
    let mut frame = Frame::of(&parts.uri, &parts.headers, &settings.base_url);
    if feed.is_private() {
        frame = frame.private(reader.prefix.as_deref());
    }
    let articles = state.publisher.articles(&feed.id);
    let ready = articles.is_some();
    let articles = articles.unwrap_or_default();
    let page = context! {
        feed => FeedView::of(feed, &frame.base),
        news => headlines(&articles, &settings, &frame),
        ready,
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = frame.page(status, "feed.html", page);
    if !ready {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

async fn article(
    With(state): With<State>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let settings = state.publisher.settings();
    let frame = Frame::of(&uri, &headers, &settings.base_url);
    // What is not even text is no id either.
    let found = match id.ok().and_then(|Path(id)| id.parse::<ArticleId>().ok()) {
        Some(id) => state.store.article(id, None).await,
        None => Ok(None),
    };
    match found {
        Err(cause) => broken(&frame, &cause),
        Ok(None) => frame.message(StatusCode::NOT_FOUND, "not_found", None),
        Ok(Some(article)) if !settings.is_public(&article.source) => {
            frame.message(StatusCode::NOT_FOUND, "not_found", None)
        }
        Ok(Some(article)) => match similar::shown(&state, &article).await {
            Ok(same) => shown(&article, &same, &settings, &frame),
            Err(cause) => broken(&frame, &cause),
        },
    }
}

/// The page of an article; of a withdrawn one, only that it was withdrawn.
fn shown(article: &Article, same: &[similar::Shown], settings: &Settings, frame: &Frame) -> Response {
    if article.status == Status::Withdrawn {
        return frame.message(StatusCode::GONE, "withdrawn", None);
    }
    let feeds =
        settings.feeds.iter().filter(|feed| feed.is_listed() && feed.sources.contains(&article.source));
    let page = context! {
        article => ArticleView::of(article, settings, frame.language),
        same => same.iter().map(SameView::of).collect::<Vec<_>>(),
        feeds => feeds.map(|feed| FeedView::of(feed, &settings.base_url)).collect::<Vec<_>>(),
    };
    frame.page(StatusCode::OK, "article.html", page)
}

/// Every address that is nobody's.
pub(super) async fn not_found(With(state): With<State>, uri: Uri, headers: HeaderMap) -> Response {
    Frame::of(&uri, &headers, &state.publisher.settings().base_url).message(
        StatusCode::NOT_FOUND,
        "not_found",
        None,
    )
}

fn broken(frame: &Frame, cause: &store::Error) -> Response {
    tracing::error!(%cause, "a page failed: {cause}");
    frame.message(StatusCode::INTERNAL_SERVER_ERROR, "broken", None)
}

async fn health(state: &State, frame: &Frame) -> store::Result<Vec<Health>> {
    let states = state.store.sources().await?;
    let settings = state.publisher.settings();
    let sources = state.ingest.sources().into_iter().filter(|source| settings.is_public(&source.id));
    let sources = sources.map(|source| {
        let remembered = states.iter().find(|state| state.id == source.id);
        Health::of(&source, remembered, state.ingest.due(&source.id), frame.language)
    });
    Ok(sources.collect())
}

/// The newest articles of all feeds, each once.
fn latest(feeds: impl Iterator<Item = Vec<Arc<Article>>>) -> Vec<Arc<Article>> {
    let articles: BTreeMap<_, _> =
        feeds.flatten().map(|article| (Reverse(Place::from(&*article)), article)).collect();
    articles.into_values().take(HEADLINES).collect()
}

fn headlines<'a>(articles: &'a [Arc<Article>], settings: &'a Settings, frame: &Frame) -> Vec<Headline<'a>> {
    articles.iter().map(|article| Headline::of(article, settings, frame.language)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Article, IdentityKey, Timestamp};

    fn frame(uri: &str) -> Frame {
        Frame::of(&uri.parse().unwrap(), &HeaderMap::new(), "https://tin.example")
    }

    #[test]
    fn an_article_has_a_page_until_it_is_withdrawn() {
        let (settings, live) = (sample::settings(), sample::article());
        assert_eq!(shown(&live, &[], &settings, &frame("/articles/x")).status(), StatusCode::OK);
        let withdrawn = Article { status: Status::Withdrawn, ..live };
        assert_eq!(shown(&withdrawn, &[], &settings, &frame("/articles/x")).status(), StatusCode::GONE);
    }

    #[test]
    fn the_newest_of_all_feeds_are_shown_once() {
        let at = |second: i64| {
            let mut article = sample::article();
            article.id = ArticleId::mint(&article.source, &IdentityKey::Item(second.to_string()));
            article.published.at = Timestamp::from_second(second);
            Arc::new(article)
        };
        let feeds = [(0..30).map(at).rev().collect(), vec![at(29), at(40), at(3)]];
        let shown: Vec<_> = latest(feeds.into_iter()).iter().map(|it| it.published.at.as_second()).collect();
        let expected: Vec<_> = [40].into_iter().chain((11..30).rev()).collect();
        assert_eq!(shown, expected);
    }
}
