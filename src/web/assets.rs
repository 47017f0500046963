//! Style sheet, script and icon, built into the binary.

use std::sync::LazyLock;

use axum::{
    extract::{Path, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{State, conditional::unchanged};

/// One file.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "style.css",
        content_type: "text/css; charset=utf-8",
        body: include_str!("../../assets/style.css"),
    },
    Asset {
        name: "copy.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../../assets/copy.js"),
    },
    Asset { name: "icon.svg", content_type: "image/svg+xml", body: include_str!("../../assets/icon.svg") },
];

/// Changes with any of the files: pages ask for `style.css?v=…`, so that caches may keep them for a day.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    for asset in &ASSETS {
        hasher.update(asset.body.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(12).collect()
});

/// `/assets/{name}` and the icon that browsers ask for on their own.
pub(super) fn routes() -> axum::Router<State> {
    axum::Router::new().route("/assets/{name}", get(named)).route("/favicon.ico", get(icon))
}

async fn named(Path(name): Path<String>, request: Request) -> Response {
    send(&name, &request)
}

async fn icon(request: Request) -> Response {
    send("icon.svg", &request)
}

fn send(name: &str, request: &Request) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", *VERSION);
    let mut response = if unchanged(request.headers(), &tag, None) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.content_type)], asset.body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn sends_what_is_there_once() {
        let plain = Request::new(Body::empty());
        let first = send("style.css", &plain);
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].clone();
        let again = Request::builder().header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
        assert_eq!(send("style.css", &again).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(send("../Cargo.toml", &plain).status(), StatusCode::NOT_FOUND);
    }
}
