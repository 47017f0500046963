//! Logs and metrics: where they go and how they look.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How we log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A `tracing` filter: `info,loaphuong::push=debug`.
    pub filter: String,
    /// JSON lines instead of text.
    pub json: bool,
}

/// Why there are no logs or metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter says nothing usable.
    #[error(
        "cannot read the log filter `{filter}`: {cause}\nhint: write `info` or `info,loaphuong::push=debug`"
    )]
    Filter {
        /// What was written.
        filter: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Somebody else in this process logs already.
    #[error("cannot start the log: {0}")]
    Log(Box<dyn std::error::Error + Send + Sync>),
    /// Somebody else in this process counts already.
    #[error("cannot start the metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// Reads a filter, so that a wrong one is a problem of the configuration and not a silent log.
pub fn filter(text: &str) -> Result<EnvFilter, Error> {
    let builder = EnvFilter::builder();
    builder.parse(text).map_err(|cause| Error::Filter { filter: text.to_owned(), cause: cause.to_string() })
}

/// Starts the log of this process, on standard error: text, with colors only where a person reads it
/// (<https://no-color.org>), or JSON lines.
pub fn start(settings: &Settings) -> Result<(), Error> {
    let mut filter = filter(&settings.filter)?;
    // What sled says of a failure is its debug text; the store says the same as a sentence.
    if !settings.filter.contains("sled") {
        filter = filter.add_directive("sled=off".parse().expect("this directive is right"));
    }
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.json {
        log.json().flatten_event(true).try_init().map_err(Error::Log)
    } else {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        log.with_ansi(!plain && std::io::stderr().is_terminal()).try_init().map_err(Error::Log)
    }
}

/// Starts counting, once per process; later calls give the same handle.
pub fn metrics() -> Result<PrometheusHandle, Error> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static FIRST: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _first = FIRST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Suffix("_seconds".to_owned()),
            &[0.000_1, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0],
        )?
        // Hubs may take minutes.
        .set_buckets_for_metric(
            Matcher::Full("loa_hub_canary_seconds".to_owned()),
            &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0],
        )?
        .install_recorder()?;
    describe();
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// Folds what was counted until `stop`: without it histograms grow until somebody asks.
pub async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    const EVERY: Duration = Duration::from_secs(5);
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        handle.run_upkeep();
    }
}

/// What the numbers mean, as `/metrics` explains them.
fn describe() {
    metrics::describe_counter!("loa_http_requests_total", "requests answered");
    metrics::describe_histogram!("loa_http_request_seconds", "time to answer a request");
    metrics::describe_gauge!("loa_journal_head", "number of the newest journal line");
    metrics::describe_gauge!("loa_articles", "articles kept");
    metrics::describe_gauge!("loa_queue_waiting", "deliveries waiting");
    metrics::describe_gauge!(
        "loa_event_clients",
        "clients that wait for events: streams, and polls that wait"
    );
    metrics::describe_gauge!("loa_store_bytes", "size of the store on disk");
    metrics::describe_counter!(
        "loa_source_pushes_total",
        "pushes of hubs: `ok` looked after, `ignored` with no or a wrong signature, `unknown` at addresses of nobody"
    );
    metrics::describe_histogram!(
        "loa_hub_canary_seconds",
        "time from a change of a feed until the other hub that feeds name (`publish.hub`) delivered it"
    );
    metrics::describe_counter!(
        "loa_hub_canary_changes_total",
        "changes that the other hub was to deliver: `delivered` in time, `late`, `missing`"
    );
    metrics::describe_counter!(
        "loa_hub_canary_pushes_total",
        "pushes of the other hub: `ok`, `ignored` with no or a wrong signature, `unknown` at addresses of nobody"
    );
    metrics::describe_gauge!(
        "loa_hub_canary_trusted",
        "0 while the other hub does not deliver and our own stands in, where it is open; else 1"
    );
    metrics::describe_counter!(
        "loa_browser_pages_total",
        "pages for the browser: `ok`, `odd` with an issue, `failed`, `not-shown` because there was no page"
    );
    metrics::describe_counter!("loa_browser_starts_total", "starts of the browser: `ok`, `failed`");
    metrics::describe_counter!(
        "loa_browser_refused_total",
        "connections to addresses that are not public, as scripts of pages wanted them"
    );
    metrics::describe_gauge!("loa_source_failures", "failures of a source since its last success");
    metrics::describe_gauge!("loa_source_last_success_seconds", "when a source last answered, unix time");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_filters_are_named() {
        assert!(filter("info,loaphuong::push=debug").is_ok());
        let cause = filter("info,loaphuong=loudly").unwrap_err().to_string();
        assert!(cause.starts_with("cannot read the log filter `info,loaphuong=loudly`: "), "{cause}");
    }

    #[test]
    fn every_caller_counts_in_the_same_place() {
        let (one, other) = (metrics().unwrap(), metrics().unwrap());
        metrics::counter!("loa_test_total").increment(2);
        for handle in [one, other] {
            assert!(handle.render().contains("loa_test_total 2"));
        }
    }

    #[tokio::test]
    async fn upkeep_ends_at_the_stop() {
        let stop = CancellationToken::new();
        stop.cancel();
        upkeep(metrics().unwrap(), stop).await;
    }
}
