//! Every address that we answer.

use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::any,
};

use super::{
    State, api, assets, bounds, cors, error::Problem, events, feeds, health, history, hub, operators, pages,
    sse, subscriptions, tokens, websub,
};

/// The pattern that a request matched, told to whoever counts: patterns are few, paths are not.
#[derive(Clone)]
pub(super) struct Route(pub(super) MatchedPath);

/// All of them.
pub(super) fn all() -> Router<State> {
    Router::new()
        .merge(feeds::routes())
        .merge(operators::routes())
        .merge(history::routes())
        .merge(pages::routes())
        .merge(assets::routes())
        .merge(health::routes())
        .merge(sse::routes())
        .merge(hub::routes())
        .merge(websub::routes())
        .merge(apis())
        .fallback(pages::not_found)
        .layer(from_fn(remember))
}

/// The API: every refusal is a problem (RFC 9457).
fn apis() -> Router<State> {
    let public = api::public().merge(events::routes()).layer(from_fn(cors::open));
    let guarded = api::guarded().merge(subscriptions::routes()).merge(tokens::routes());
    let unknown = any(async || {
        Problem::new(axum::http::StatusCode::NOT_FOUND, "the API has no such address").into_response()
    });
    Router::new()
        .merge(public)
        .merge(guarded)
        .route("/api", unknown.clone())
        .route("/api/{*rest}", unknown)
        .layer(from_fn(bounds::problems))
}

async fn remember(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_addresses_are_the_same() {
        // The router panics where one pattern hides another.
        assert!(all().has_routes());
    }
}
