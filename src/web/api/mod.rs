//! The JSON API: reading is open, changing takes the token.

mod articles;
pub(crate) mod backfill;
mod cursor;
mod export;
mod hub;
pub(super) mod params;
pub(crate) mod pushed;
pub(crate) mod sources;

use axum::{
    Json, Router,
    extract::State as With,
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
    routing::{delete, get, post},
};
use serde_json::{Value, json};

use super::{State, pages::addresses, similar};
use crate::publish::Settings;

/// What everybody may read.
pub(super) fn public() -> Router<State> {
    Router::new()
        .route("/api/v1/articles", get(articles::list))
        .route("/api/v1/articles/{id}", get(articles::one))
        .route("/api/v1/clusters", get(similar::list))
        .route("/api/v1/sources", get(sources::list))
        .route("/api/v1/feeds", get(feeds))
        .route("/api/v1/hub", get(hub::show))
        .layer(map_response(fresh))
}

/// What we know now: caches ask again each time.
async fn fresh(mut response: Response) -> Response {
    let no_cache = HeaderValue::from_static("no-cache");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_cache);
    response
}

/// What takes the token.
pub(super) fn guarded() -> Router<State> {
    Router::new()
        .route("/api/v1/sources/{id}/run", post(sources::run))
        .route(
            "/api/v1/sources/{id}/backfill",
            get(backfill::show).post(backfill::start).delete(backfill::halt),
        )
        .route("/api/v1/sources/{id}/accept", post(sources::accept))
        .route("/api/v1/sources/{id}/articles", post(pushed::push))
        .route("/api/v1/sources/{id}/articles/{article}", delete(pushed::take_back))
        .route("/api/v1/export", get(export::all))
}

async fn feeds(With(state): With<State>) -> Json<Value> {
    Json(catalogue(&state.publisher.settings()))
}

/// Every feed with its addresses.
fn catalogue(settings: &Settings) -> Value {
    let base = &settings.base_url;
    let feeds = settings.feeds.iter().filter(|feed| feed.is_listed()).map(|feed| {
        let addresses =
            addresses(base, &feed.id).into_iter().map(|it| (it.extension.to_owned(), it.url.into()));
        json!({
            "id": feed.id.as_str(),
            "title": feed.title,
            "description": feed.description,
            "language": feed.language,
            "sources": feed.sources.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "items": feed.items,
            "home_page_url": feed.home,
            "page": format!("{base}/feeds/{}", feed.id),
            "addresses": Value::Object(addresses.collect()),
        })
    });
    json!({ "feeds": feeds.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::sample;

    #[test]
    fn the_catalogue_names_every_address() {
        let catalogue = catalogue(&sample::settings());
        assert_eq!(catalogue["feeds"][0]["id"], "quan1");
        assert_eq!(
            catalogue["feeds"][0]["addresses"],
            json!({
                "atom": "https://tin.example/feeds/quan1.atom",
                "rss": "https://tin.example/feeds/quan1.rss",
                "json": "https://tin.example/feeds/quan1.json",
            })
        );
    }
}
