//! Who may read our answers from a page of theirs: everybody, what is public (never anything behind the token).

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// What a browser may do with what is public.
pub(super) const METHODS: &str = "GET, HEAD, OPTIONS";

/// Opens every answer of these routes to pages of other origins, and answers their preflights.
pub(super) async fn open(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let mut response = next.run(request).await;
    allow(response.headers_mut());
    response
}

/// Lets pages of other origins read an answer.
pub(super) fn allow(headers: &mut HeaderMap) {
    let exposed = HeaderValue::from_static("ETag, Link, Last-Modified");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

/// The answer to `OPTIONS`.
pub(super) fn preflight() -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "A-IM, If-None-Match, Last-Event-ID"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (header::ALLOW, METHODS),
    ];
    (StatusCode::NO_CONTENT, HEADERS).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tower::ServiceExt;

    use super::*;

    async fn asked(method: Method) -> Response {
        let router = Router::new().route("/", get(async || "x")).layer(from_fn(open));
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn everybody_may_read_and_may_ask_whether() {
        let read = asked(Method::GET).await;
        assert_eq!(read.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(read.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS], "ETag, Link, Last-Modified");
        let preflight = asked(Method::OPTIONS).await;
        assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
        assert_eq!(preflight.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], "GET, HEAD, OPTIONS");
        assert_eq!(preflight.headers().get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
    }
}
