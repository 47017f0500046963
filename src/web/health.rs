//! What operators ask: alive, ready, how much.

use std::time::{Duration, Instant};

use axum::{
    Json,
    body::Body,
    extract::{Request, State as With},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics::{Counter, Histogram};
use serde_json::json;

use super::{State, access, error::Problem, routes::Route};

/// How long the store may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// `/healthz`, `/readyz`, `/metrics`.
pub(super) fn routes() -> axum::Router<State> {
    axum::Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// The process runs and answers: that is all it says.
async fn alive() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

/// May traffic come? Only when feeds stand and the store answers.
async fn ready(With(state): With<State>) -> Response {
    let store = match tokio::time::timeout(PATIENCE, state.store.head()).await {
        Ok(Ok(_)) => None,
        Ok(Err(cause)) => {
            tracing::error!(%cause, "the store does not answer: {cause}");
            Some("the store fails; the log says why")
        }
        Err(_) => Some("the store does not answer"),
    };
    let views = (!state.publisher.ready()).then_some("the feeds are being prepared");
    let reasons: Vec<_> = views.into_iter().chain(store).collect();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Json(json!({ "ready": reasons.is_empty(), "reasons": reasons }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// Everything counted, in Prometheus' text format. What the store knows is looked up now.
async fn metrics(With(state): With<State>) -> Result<impl IntoResponse, Problem> {
    let stats = state.store.stats().await?;
    gauge("loa_journal_head", stats.head.0);
    gauge("loa_articles", stats.articles);
    gauge("loa_queue_waiting", stats.queued);
    gauge("loa_store_bytes", stats.bytes);
    gauge("loa_event_clients", state.teller.waiting() as u64);
    for source in state.store.sources().await? {
        let failures = metrics::gauge!("loa_source_failures", "source" => source.id.to_string());
        failures.set(f64::from(source.failures));
        if let Some(at) = source.last_success {
            let at = at.as_second() as f64;
            metrics::gauge!("loa_source_last_success_seconds", "source" => source.id.to_string()).set(at);
        }
    }
    for gate in state.store.gates().await? {
        let held = metrics::gauge!("loa_source_held", "source" => gate.source.to_string());
        held.set(if gate.held.is_some() { 1.0 } else { 0.0 });
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, state.metrics.render()))
}

fn gauge(name: &'static str, value: u64) {
    metrics::gauge!(name).set(value as f64);
}

/// Counts requests.
pub(super) struct Meter {
    /// How long feeds take.
    feed_seconds: Histogram,
    /// What feeds answer all day, by method and status: found once, because to find a counter by its name and
    /// labels takes a tenth of the time that a whole request takes.
    feeds: Vec<(&'static str, StatusCode, Counter)>,
}

/// The route of feeds, as it is counted.
const FEEDS: &str = "/feeds/{name}";

impl Meter {
    /// Counts where this process counts now.
    pub(super) fn new() -> Self {
        let mut feeds = Vec::new();
        for method in ["GET", "HEAD"] {
            for status in [StatusCode::OK, StatusCode::NOT_MODIFIED] {
                feeds.push((method, status, counter(method, FEEDS.to_owned(), status)));
            }
        }
        Self { feed_seconds: metrics::histogram!("loa_http_request_seconds", "route" => FEEDS), feeds }
    }

    /// Answers a request, counts it and says so in the log at `debug`.
    pub(super) async fn observed(
        &self,
        request: Request,
        answer: impl AsyncFnOnce(Request) -> Response<Body>,
    ) -> Response<Body> {
        let began = Instant::now();
        let method = method_label(request.method());
        let feed = request.uri().path().starts_with("/feeds/");
        // The query stays out of the log: it may carry what people search for.
        let path =
            tracing::enabled!(tracing::Level::DEBUG).then(|| access::told(request.uri().path()).to_owned());
        let response = answer(request).await;
        let elapsed = began.elapsed();
        self.count(method, feed, elapsed, &response);
        if let Some(path) = path {
            tracing::debug!(method, path, status = response.status().as_u16(), ?elapsed, "answered");
        }
        response
    }

    /// Counts a feed's answer that was there already, and says so in the log at `debug`.
    pub(super) fn at_hand(&self, method: &'static str, path: &str, status: StatusCode, began: Instant) {
        let elapsed = began.elapsed();
        self.feed_seconds.record(elapsed.as_secs_f64());
        if let Some((.., counter)) = self.feeds.iter().find(|known| (known.0, known.1) == (method, status)) {
            counter.increment(1);
        }
        tracing::debug!(method, path = access::told(path), status = status.as_u16(), ?elapsed, "answered");
    }

    /// Labels are bounded: known methods, our own patterns, status codes.
    fn count(&self, method: &'static str, feed: bool, elapsed: Duration, response: &Response<Body>) {
        let (status, seconds) = (response.status(), elapsed.as_secs_f64());
        let route = match response.extensions().get::<Route>() {
            Some(Route(matched)) => matched.as_str(),
            None if feed => FEEDS,
            None => "other",
        };
        let known = self.feeds.iter().find(|known| (known.0, known.1) == (method, status));
        match known.filter(|_| route == FEEDS) {
            Some((.., counter)) => {
                self.feed_seconds.record(seconds);
                counter.increment(1);
            }
            None => {
                metrics::histogram!("loa_http_request_seconds", "route" => route.to_owned()).record(seconds);
                counter(method, route.to_owned(), status).increment(1);
            }
        }
    }
}

fn counter(method: &'static str, route: String, status: StatusCode) -> Counter {
    let status = status.as_u16().to_string();
    metrics::counter!("loa_http_requests_total", "method" => method, "route" => route, "status" => status)
}

/// Clients may invent methods; a metric's label may not be invented.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::OPTIONS,
        Method::DELETE,
        Method::PATCH,
        Method::PUT,
    ];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "PATCH", "PUT"];
    KNOWN.iter().position(|known| known == method).map_or("other", |place| NAMES[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_are_counted_like_everything_else() {
        let handle = crate::telemetry::metrics().unwrap();
        let meter = Meter::new();
        for (method, feed, status) in [
            ("HEAD", true, StatusCode::NOT_MODIFIED),
            ("HEAD", true, StatusCode::NOT_MODIFIED),
            ("PATCH", true, StatusCode::METHOD_NOT_ALLOWED),
            ("PATCH", false, StatusCode::NOT_MODIFIED),
        ] {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            meter.count(method, feed, Duration::from_millis(1), &response);
        }
        let text = handle.render();
        for line in [
            "loa_http_requests_total{method=\"HEAD\",route=\"/feeds/{name}\",status=\"304\"} 2",
            "loa_http_requests_total{method=\"PATCH\",route=\"/feeds/{name}\",status=\"405\"} 1",
            "loa_http_requests_total{method=\"PATCH\",route=\"other\",status=\"304\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn invented_methods_share_one_label() {
        assert_eq!(method_label(&Method::PATCH), "PATCH");
        assert_eq!(method_label(&Method::from_bytes(b"BREW").unwrap()), "other");
    }
}
