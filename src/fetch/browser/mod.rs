//! Pages that only scripts make: a Chromium that the operator names, driven over its DevTools protocol.
//!
//! 1. The main document is asked for by `net`, as of every source: `robots.txt`, turns, budgets, redirects and statuses are
//!    what they are without a browser, and what is no page is not shown to one.
//! 2. The browser is handed that document under its address, in a context of its own, and runs its scripts. What these
//!    ask for goes through a proxy of this visit (`proxy`), which connects to public addresses only.
//! 3. Once the page is quiet, or shows what is waited for, its elements are read as they are then.
//!
//! Whatever a page does, a visit ends: time, requests, bytes, navigations and the length of the result have limits, and
//! everything of the visit is thrown away.

mod cdp;
mod error;
mod keeper;
mod process;
mod proxy;
mod visit;

#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use error::Error;

use self::{cdp::Endpoint, process::Process};
use super::{Ask, Outcome};
use crate::{
    clock::SharedClock,
    model::{Issue, Timestamp},
    net::{self, Client, Request, Want},
};

/// The wait after the browser could not be started, or ended by itself; doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// No such wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// `[browser]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which browser.
    pub which: Which,
    /// Pages open at once.
    pub concurrency: usize,
    /// Time for a page to become quiet, or to show what is waited for.
    pub timeout: Duration,
    /// Requests of one page.
    pub max_requests: usize,
    /// Bytes that one page may load.
    pub max_traffic: u64,
    /// A browser of ours is started anew after so many pages: what leaks memory is gone then.
    pub max_pages: usize,
    /// A browser of ours that nobody needed for so long is ended.
    pub idle: Duration,
    /// The address at which the proxies of visits listen.
    pub proxy_listen: IpAddr,
    /// The name or address at which the browser reaches them; `None` for `proxy_listen`.
    pub proxy_host: Option<String>,
}

/// Which browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one is started when it is needed: a program and its arguments.
    Command(Vec<String>),
    /// One that runs already: `http:` for its port, `ws:` for its endpoint.
    At(Url),
}

/// What became of a page.
#[derive(Debug)]
pub struct Shown {
    /// As without a browser.
    pub outcome: Outcome,
    /// What was odd.
    pub issues: Vec<Issue>,
}

/// The browser. Cheap to clone; all clones share it.
#[derive(Clone, Debug)]
pub struct Browser(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    clock: SharedClock,
    places: Semaphore,
    /// Held by who starts it.
    starting: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Somebody began or ended to use it.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    process: Option<Arc<Process>>,
    /// Pages that this process was given.
    pages: usize,
    /// Visits under way.
    visits: usize,
    last_used: Timestamp,
    /// Starts that failed, or processes that ended by themselves, in a row.
    failures: u32,
    /// Not before this it is tried again, because of that.
    wait: Option<(Timestamp, String)>,
    is_closed: bool,
}

/// A browser in use by one visit.
#[derive(Debug)]
struct Lease {
    inner: Arc<Inner>,
    endpoint: Endpoint,
    /// Ours; it lives as long as somebody uses it.
    _process: Option<Arc<Process>>,
}

/// Reads a page by the browser, if there is one.
pub async fn show(browser: Option<&Browser>, client: &Client, ask: &Ask, wait: Option<&str>) -> Shown {
    match browser {
        Some(browser) => Box::pin(browser.fetch(client, ask, wait)).await,
        None => failed(Error::Absent { url: ask.url.to_string() }),
    }
}

// === impl Browser ===

impl Browser {
    /// Starts nothing yet.
    pub fn new(settings: Settings, clock: SharedClock) -> Self {
        let state = State {
            process: None,
            pages: 0,
            visits: 0,
            last_used: clock.now(),
            failures: 0,
            wait: None,
            is_closed: false,
        };
        Self(Arc::new(Inner {
            places: Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            settings,
            clock,
            starting: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
            changed: Notify::new(),
        }))
    }

    /// Reads a page as it is once its scripts have run: until it is quiet, or until it shows an element that `wait`
    /// selects. What is no HTML comes as it is. Validators are not sent: the document may be the same while what its
    /// scripts load is not.
    pub async fn fetch(&self, client: &Client, ask: &Ask, wait: Option<&str>) -> Shown {
        let _place = self.0.places.acquire().await.expect("the semaphore is never closed");
        let lease = match self.lease(client).await {
            Ok(lease) => lease,
            Err(error) => return counted(failed(error)),
        };
        let shown = Box::pin(visit::visit(&self.0.settings, &lease.endpoint, client, ask, wait)).await;
        if !matches!(&shown.outcome, Outcome::Failed(super::Error::Browser(_))) {
            self.state().failures = 0;
        }
        counted(shown)
    }

    /// Ends a browser of ours that nobody needs, until `stop`, and then any.
    pub async fn watch(&self, stop: CancellationToken) {
        loop {
            let alarm = async {
                match self.end_of_idling() {
                    Some(at) => self.0.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = alarm => self.end_if_idle(),
                () = self.0.changed.notified() => {}
            }
        }
        let process = {
            let mut state = self.state();
            state.is_closed = true;
            state.process.take()
        };
        drop(process);
    }

    /// Is a browser of ours running?
    pub fn is_running(&self) -> bool {
        self.state().process.as_ref().is_some_and(|process| !process.has_ended())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of_idling(&self) -> Option<Timestamp> {
        let state = self.state();
        (state.process.is_some() && state.visits == 0).then(|| state.last_used.plus(self.0.settings.idle))
    }

    fn end_if_idle(&self) {
        let mut state = self.state();
        let is_over = state.last_used.plus(self.0.settings.idle) <= self.0.clock.now();
        let process = if state.visits == 0 && is_over { state.process.take() } else { None };
        drop(state);
        if process.is_some() {
            tracing::debug!("the browser has nothing to do and is ended");
        }
    }

    async fn lease(&self, client: &Client) -> Result<Lease, Error> {
        match &self.0.settings.which {
            Which::At(url) => {
                let endpoint = found(client, url).await;
                let endpoint =
                    endpoint.map_err(|problem| Error::Unreachable { at: url.to_string(), problem })?;
                Ok(self.leased(endpoint, None))
            }
            Which::Command(command) => {
                let _turn = self.0.starting.lock().await;
                let process = match self.running()? {
                    Some(process) => process,
                    None => self.start(command, &client.settings().user_agent).await?,
                };
                Ok(self.leased(process.endpoint.clone(), Some(process)))
            }
        }
    }

    fn leased(&self, endpoint: Endpoint, process: Option<Arc<Process>>) -> Lease {
        let mut state = self.state();
        state.visits += 1;
        state.pages += 1;
        Lease { inner: Arc::clone(&self.0), endpoint, _process: process }
    }

    /// The one that is running, unless it has done enough; an error while it must not be started.
    fn running(&self) -> Result<Option<Arc<Process>>, Error> {
        let now = self.0.clock.now();
        let mut state = self.state();
        if state.is_closed {
            return Err(Error::Start { problem: "the daemon is stopping".to_owned() });
        }
        if state.process.as_ref().is_some_and(|process| process.has_ended()) {
            state.process = None;
            state.fail(now, "it has ended by itself");
        }
        if state.pages >= self.0.settings.max_pages {
            // Visits under way keep theirs until they are done.
            state.process = None;
        }
        match (&state.process, &state.wait) {
            (Some(process), _) => Ok(Some(Arc::clone(process))),
            (None, Some((until, problem))) if *until > now => {
                Err(Error::Waiting { until: *until, problem: problem.clone() })
            }
            (None, _) => Ok(None),
        }
    }

    async fn start(&self, command: &[String], user_agent: &str) -> Result<Arc<Process>, Error> {
        let started = Process::start(command, user_agent).await;
        metrics::counter!("loa_browser_starts_total", "result" => if started.is_ok() { "ok" } else { "failed" })
            .increment(1);
        let mut state = self.state();
        match started {
            Ok(process) => {
                tracing::info!(at = %process.endpoint.at, "the browser has started");
                let process = Arc::new(process);
                (state.process, state.pages, state.wait) = (Some(Arc::clone(&process)), 0, None);
                Ok(process)
            }
            Err(problem) => {
                state.fail(self.0.clock.now(), &problem);
                Err(Error::Start { problem })
            }
        }
    }
}

impl State {
    fn fail(&mut self, now: Timestamp, problem: &str) {
        self.failures = self.failures.saturating_add(1);
        let doubled = 2_u32.saturating_pow(self.failures - 1);
        let wait = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
        self.wait = Some((now.plus(wait), problem.to_owned()));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.visits -= 1;
        state.last_used = self.inner.clock.now();
        drop(state);
        self.inner.changed.notify_one();
    }
}

fn failed(error: Error) -> Shown {
    Shown { outcome: Outcome::Failed(super::Error::Browser(error)), issues: Vec::new() }
}

fn counted(shown: Shown) -> Shown {
    let result = match &shown.outcome {
        Outcome::Fresh { .. } if shown.issues.is_empty() => "ok",
        Outcome::Fresh { .. } => "odd",
        Outcome::Failed(super::Error::Browser(_)) => "failed",
        _ => "not-shown",
    };
    metrics::counter!("loa_browser_pages_total", "result" => result).increment(1);
    shown
}

/// The endpoint of a browser that runs already.
///
/// It is asked by its address and not by its name: Chromium answers nobody who calls it anything but `localhost`, so that
/// no page can (DNS rebinding).
async fn found(client: &Client, url: &Url) -> Result<Endpoint, String> {
    const ANSWER: u64 = 64 * 1024;
    let at = address(url).await?;
    if url.scheme() == "ws" {
        return Ok(Endpoint { at, path: path(url) });
    }
    let version =
        format!("http://{at}/json/version").parse().map_err(|_| "its address is none".to_owned())?;
    let request = Request {
        allow_private: true,
        max_redirects: 0,
        timeout: Some(Duration::from_secs(10)),
        want: Want::Within(ANSWER),
        ..Request::get(version)
    };
    let answer = client.send(request).await.map_err(|cause| match cause {
        net::Error::Connect { source, .. } => root(&*source),
        other => other.to_string(),
    })?;
    let said: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|_| "what answers there is no browser".to_owned())?;
    let endpoint = said["webSocketDebuggerUrl"].as_str().and_then(|url| Url::parse(url).ok());
    let endpoint = endpoint.ok_or("what answers there names no `webSocketDebuggerUrl`")?;
    Ok(Endpoint { at, path: path(&endpoint) })
}

async fn address(url: &Url) -> Result<SocketAddr, String> {
    let host = url.host_str().ok_or("its address has no host")?.trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(9222);
    let mut found = tokio::net::lookup_host((host, port)).await.map_err(|cause| cause.to_string())?;
    // A browser in a container most often listens at IPv4 only.
    let first = found.next().ok_or("its name has no address")?;
    Ok(if first.is_ipv4() { first } else { found.find(SocketAddr::is_ipv4).unwrap_or(first) })
}

fn path(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// The last cause.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}
