//! What a request may carry, and how refusals look.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, StatusCode, Version, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{api, error::Problem, websub};

/// How long a request's body may take. All of ours are small.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The most of a refusal in plain text that is carried over into a problem.
const MAX_DETAIL: usize = 4096;

/// The same routes for requests whose bodies have at most `max` bytes. Bodies are whole before a handler runs; but for
/// pushes, of hubs and of articles, which are as large as feeds: their handlers read them, and only for whom they know.
pub(super) fn limited(router: Router, max: usize) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| async move {
        if is_push(request.uri().path()) {
            return next.run(request).await;
        }
        match whole(request, max).await {
            Ok(request) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    }))
}

fn is_push(path: &str) -> bool {
    path.starts_with(websub::PREFIX) || api::pushed::is_push(path)
}

/// What is wrong with how a request is addressed: HTTP/1.1 names its host once (RFC 9112, section 3.2). Two names
/// are two opinions, of us and of whatever stands in front of us, about whose request this is.
pub(super) fn misaddressed(request: &Request) -> Option<Problem> {
    if request.version() != Version::HTTP_11 || request.headers().get_all(header::HOST).iter().count() == 1 {
        return None;
    }
    Some(Problem::new(StatusCode::BAD_REQUEST, "a request names its host once, in the header `Host`"))
}

/// The request with its body read.
async fn whole(request: Request, max: usize) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let body = read(body, max, BODY_TIMEOUT).await?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// A body of at most `max` bytes that is here within `patience`.
pub(super) async fn read(body: Body, max: usize, patience: Duration) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a request may carry at most {max} bytes"));
    if body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(patience, Limited::new(body, max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "the request's body broke off")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the request's body took too long")),
    }
}

/// Makes problems of refusals that the framework wrote in plain text (unreadable JSON, wrong method).
pub(super) async fn problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || is_problem(&response) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, MAX_DETAIL).await.unwrap_or_default();
    let detail = match String::from_utf8_lossy(&text).trim() {
        "" if status == StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method".to_owned(),
        "" => status.canonical_reason().unwrap_or("Error").to_lowercase(),
        text => text.to_owned(),
    };
    let mut problem = Problem::new(status, detail).into_response();
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name.clone(), value.clone());
        }
    }
    *problem.extensions_mut() = parts.extensions;
    problem
}

fn is_problem(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE)
        == Some(&HeaderValue::from_static("application/problem+json"))
}

#[cfg(test)]
mod tests {
    use axum::{http::Method, routing::post};
    use tower::ServiceExt;

    use super::*;

    async fn echo(body: Bytes) -> Bytes {
        body
    }

    async fn sent(method: Method, body: Body) -> (StatusCode, String, Option<HeaderValue>) {
        let router = Router::new().route("/", post(echo)).layer(from_fn(problems));
        let request = Request::builder().method(method).uri("/").body(body).unwrap();
        let response = limited(router, 8).oneshot(request).await.unwrap();
        let (status, allow) = (response.status(), response.headers().get(header::ALLOW).cloned());
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap(), allow)
    }

    /// A body that does not say its length.
    fn chunked(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, std::io::Error>(*chunk)).collect();
        Body::from_stream(futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn bodies_within_the_limit_arrive_whole() {
        assert_eq!(sent(Method::POST, "12345678".into()).await.1, "12345678");
        assert_eq!(sent(Method::POST, chunked(&["1234", "5678"])).await.1, "12345678");
        assert_eq!(sent(Method::POST, Body::empty()).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn larger_ones_are_a_problem() {
        for body in [Body::from("123456789"), chunked(&["12345", "6789"])] {
            let (status, text, _) = sent(Method::POST, body).await;
            assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
            let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(problem["detail"], "a request may carry at most 8 bytes");
        }
    }

    #[tokio::test]
    async fn a_wrong_method_is_a_problem_that_keeps_its_allow_header() {
        let (status, text, allow) = sent(Method::PUT, Body::empty()).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(allow.unwrap(), "POST");
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], 405);
    }
}
