//! One exchange, from the guard to the last byte.

mod hop;
mod repaired;
mod ways;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue},
};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::{
    Answer, Error, Misled, Request, Settings, Want,
    chain::{Chains, Completion},
    error::shown,
    guard::{self, Refusal},
    manners::Manners,
    polite::Queue,
    redirect::{self, Hop},
    resolve::{Lookup, Resolver},
    robots::book::Book,
    tape::Wire,
    trust::Trust,
};
use crate::{clock::SharedClock, model::Timestamp};
use hop::Incoming;
use ways::{Way, Ways};

/// Sends requests. Cheap to clone; all clones share connections, turns and limits.
#[derive(Clone, Debug)]
pub struct Client(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) settings: Settings,
    ways: Ways,
    pub(super) queue: Queue,
    pub(super) robots: Book,
    permits: Semaphore,
    /// What `dial` finds names by.
    pub(super) lookup: Lookup,
    /// Where answers come from.
    wire: Wire,
}

/// A request that takes longer gives its place to another one: all that it still does is to wait.
const SLOW: Duration = Duration::from_secs(2);

/// The limits of one request, each with the name that its error says.
struct Limits {
    time: (&'static str, Duration),
    body: (&'static str, u64),
    /// Is a body of no use that did not come to its end?
    is_whole: bool,
    /// Is the beginning of a larger one of use, though?
    is_fitted: bool,
    redirects: usize,
    manners: Option<Manners>,
}

impl Client {
    /// Builds it. Reads `net.ca_file`.
    pub fn new(settings: &Settings, clock: SharedClock) -> Result<Self, Error> {
        Self::over(settings, clock, Wire::Live)
    }

    /// The same, which keeps what it hears, or answers from what was kept. `clock` is that of the recording then.
    pub fn over(settings: &Settings, clock: SharedClock, wire: Wire) -> Result<Self, Error> {
        let chains = Arc::new(Chains::new(clock.clone(), Vec::new()));
        Self::with_chains(settings, clock, chains, wire)
    }

    /// The same, with what is known of hosts that leave certificates out; clients may share it.
    pub fn with_chains(
        settings: &Settings,
        clock: SharedClock,
        chains: Arc<Chains>,
        wire: Wire,
    ) -> Result<Self, Error> {
        Self::with_lookup(settings, clock, chains, &Lookup::System, wire)
    }

    /// A client that finds `hosts` in a table: each name with the address that the guard is shown and the
    /// address where the test's server stands. Other names do not exist.
    #[cfg(test)]
    pub(crate) fn with_hosts(
        settings: &Settings,
        clock: SharedClock,
        hosts: &[(&str, std::net::IpAddr, std::net::SocketAddr)],
    ) -> Result<Self, Error> {
        let chains = Arc::new(Chains::new(clock.clone(), Vec::new()));
        Self::with_hosts_and_chains(settings, clock, hosts, chains)
    }

    /// The same, knowing something of hosts that leave certificates out.
    #[cfg(test)]
    pub(crate) fn with_hosts_and_chains(
        settings: &Settings,
        clock: SharedClock,
        hosts: &[(&str, std::net::IpAddr, std::net::SocketAddr)],
        chains: Arc<Chains>,
    ) -> Result<Self, Error> {
        let mut table = std::collections::HashMap::<_, Vec<_>>::new();
        for (name, seen, at) in hosts {
            table.entry((*name).to_owned()).or_default().push((*seen, *at));
        }
        Self::with_lookup(settings, clock, chains, &Lookup::Table(Arc::new(table)), Wire::Live)
    }

    /// This client, and nobody else has it, over another wire.
    #[cfg(test)]
    pub(crate) fn rewired(self, wire: Wire) -> Self {
        let inner = Arc::into_inner(self.0).expect("it has no clones");
        Self(Arc::new(Inner { wire, ..inner }))
    }

    fn with_lookup(
        settings: &Settings,
        clock: SharedClock,
        chains: Arc<Chains>,
        lookup: &Lookup,
        wire: Wire,
    ) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            ways: Ways::new(settings, lookup, chains)?,
            queue: Queue::new(clock),
            robots: Book::default(),
            lookup: lookup.clone(),
            permits: Semaphore::new(settings.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            wire,
        })))
    }

    /// The limits it was built with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// How many sets of certificates have connections of their own.
    #[cfg(test)]
    pub(super) fn n_ways(&self) -> usize {
        self.0.ways.n_others()
    }

    /// What had to be completed of the certificates of the host of this address, when it was asked last with this trust.
    pub fn completion(&self, url: &Url, trust: Option<&Arc<Trust>>) -> Option<Completion> {
        let host = url.host_str().filter(|_| url.scheme() == "https")?;
        self.0.ways.chains.completion(host.trim_matches(['[', ']']), Trust::key(trust))
    }

    /// The present, by the clock that it was built with.
    pub fn now(&self) -> Timestamp {
        self.0.queue.clock.now()
    }

    /// One request, its redirects, and the answer, whatever its status. The wait for a turn and for a free
    /// place does not count against the time for the exchange.
    pub async fn send(&self, request: Request) -> Result<Answer, Error> {
        guarded(&request.url, None, request.allow_private)?;
        let _turn = match Manners::of(&request) {
            Some(manners) => Some(self.turn(&request.url, &manners).await?),
            None => None,
        };
        let permit = self.permit().await;
        let mut exchange = Box::pin(self.exchange(request));
        let slow = tokio::time::timeout(SLOW, &mut exchange).await;
        match slow {
            Ok(done) => done,
            Err(_) => {
                // What waits for a dead host keeps nobody else from theirs.
                drop(permit);
                exchange.await
            }
        }
    }

    /// A place among the requests that are under way.
    pub(super) async fn permit(&self) -> SemaphorePermit<'_> {
        self.0.permits.acquire().await.expect("the semaphore is never closed")
    }

    /// The same for who has a turn and a place already: it waits for neither.
    pub(super) async fn exchange(&self, request: Request) -> Result<Answer, Error> {
        let allow_private = request.allow_private;
        let way = self.0.ways.of(request.trust.as_ref())?;
        let limits = self.limits(&request);
        let hop = first(way.http(allow_private), request)?;
        let url = hop.url.clone();
        let exchange = Box::pin(self.follow(&way, hop, &limits, allow_private));
        let (limit, after) = limits.time;
        match tokio::time::timeout(after, exchange).await {
            // What hung when it was recorded is not waited for again.
            Ok(Err(error)) if hop::is_hung(&error) => Err(Error::Timeout { url: shown(&url), limit, after }),
            Ok(result) => result,
            Err(_) => Err(Error::Timeout { url: shown(&url), limit, after }),
        }
    }

    fn limits(&self, request: &Request) -> Limits {
        let settings = self.settings();
        Limits {
            time: request.timeout.map_or(("net.timeout", settings.timeout), |time| ("timeout", time)),
            body: match request.want {
                Want::All | Want::AllThatFits => ("net.max_body", settings.max_body),
                Want::Within(max) | Want::Start(max) => ("max_body", max),
            },
            is_whole: !matches!(request.want, Want::Start(_)),
            is_fitted: request.want == Want::AllThatFits,
            redirects: request.max_redirects.min(settings.max_redirects),
            manners: Manners::of(request),
        }
    }

    async fn follow(
        &self,
        way: &Way,
        mut hop: Hop,
        limits: &Limits,
        allow_private: bool,
    ) -> Result<Answer, Error> {
        let asked = hop.url.clone();
        let misled = |problem| Error::Redirects { url: shown(&asked), problem };
        let mut chain: Vec<(Method, Url)> = Vec::new();
        let mut permanent = true;
        loop {
            if limits.manners.is_some() {
                self.0.queue.count(&hop.url);
            }
            let via = chain.last().map(|(_, url)| url);
            let response = self.hear(way, &hop, via, allow_private).await?;
            let status = response.status;
            if limits.manners.is_some() {
                self.0.queue.heard(&hop.url, status.as_u16(), &response.headers);
            }
            let Some(location) =
                redirect::location(status, &response.headers).filter(|_| limits.redirects > 0)
            else {
                let moved = (permanent && !chain.is_empty()).then(|| hop.url.clone());
                return self.read(response, hop, moved, limits).await;
            };
            let next = redirect::next(&hop, status, location).map_err(misled)?;
            permanent &= redirect::is_permanent(status);
            chain.push((hop.method, hop.url));
            if chain.len() > limits.redirects {
                return Err(misled(Misled::TooMany(limits.redirects)));
            }
            redirect::is_known(&chain, &next).map_err(misled)?;
            guarded(&next.url, chain.last().map(|(_, url)| url), allow_private)?;
            if let Some(manners) = &limits.manners {
                self.may_follow(&next.url, manners).await?;
            }
            hop = next;
        }
    }

    async fn read(
        &self,
        response: Incoming,
        hop: Hop,
        moved: Option<Url>,
        limits: &Limits,
    ) -> Result<Answer, Error> {
        let (status, headers) = (response.status, response.headers.clone());
        let (limit, max) = limits.body;
        let has_body = max > 0
            && hop.method != Method::HEAD
            && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let (body, cut) = if has_body {
            decoded(&hop.url, status, &headers)?;
            let is_whole = limits.is_whole && status.is_success();
            // The length that is declared tells soon enough, where a part would be of no use.
            let refused = is_whole && !limits.is_fitted;
            if refused && response.length.is_some_and(|length| length > max) {
                return Err(Error::TooLarge { url: shown(&hop.url), limit, max });
            }
            match self.body(response, &hop.url, max, is_whole).await? {
                (_, Rest::Cut) if refused => {
                    return Err(Error::TooLarge { url: shown(&hop.url), limit, max });
                }
                (body, rest) => (body, is_whole && matches!(rest, Rest::Cut)),
            }
        } else {
            (Bytes::new(), false)
        };
        Ok(Answer { status: status.as_u16(), url: hop.url, moved, headers, body, cut })
    }

    /// Reads at most `max` bytes. They are counted as they are decompressed: the length that a server declares
    /// says nothing about a bomb.
    async fn body(
        &self,
        mut response: Incoming,
        url: &Url,
        max: u64,
        is_whole: bool,
    ) -> Result<(Bytes, Rest), Error> {
        let mut body = Vec::new();
        loop {
            let received = body.len() as u64;
            let chunk = match response.chunk(url, received, self.settings()).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok((body.into(), Rest::Nothing)),
                Err(error) if is_whole => return Err(error),
                // The status was heard; what came of its explanation has to do.
                Err(_) => return Ok((body.into(), Rest::Cut)),
            };
            let left = usize::try_from(max - received).unwrap_or(usize::MAX);
            body.extend_from_slice(&chunk[..chunk.len().min(left)]);
            if chunk.len() > left {
                return Ok((body.into(), Rest::Cut));
            }
        }
    }
}

/// What was left of a body.
enum Rest {
    Nothing,
    Cut,
}

fn build(
    settings: &Settings,
    resolver: Resolver,
    tls: rustls::ClientConfig,
) -> Result<reqwest::Client, Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds it")]
    let builder = reqwest::Client::builder();
    builder
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(settings.user_agent.as_str())
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .pool_max_idle_per_host(settings.idle_per_host)
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
        .map_err(|cause| {
            Error::settings("cannot build the HTTP client: is `net.user_agent` plain text?", cause)
        })
}

fn guarded(url: &Url, via: Option<&Url>, allow_private: bool) -> Result<(), Error> {
    guard::check(url, allow_private).map_err(|refusal| Error::Refused {
        url: shown(url),
        via: via.map(shown),
        refusal,
    })
}

/// The first request of a chain. A name and password in the URL become the header that they stand for, so that
/// no message and no redirect carries them on.
fn first(http: &reqwest::Client, request: Request) -> Result<Hop, Error> {
    let mut url = request.url;
    url.set_fragment(None);
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        let (name, value) = header(name, &value).map_err(|refusal| Error::Refused {
            url: shown(&url),
            via: None,
            refusal,
        })?;
        headers.append(name, value);
    }
    let built = http.request(request.method.clone(), url.clone()).headers(headers).build();
    let built = built.map_err(|cause| Error::Refused {
        url: shown(&url),
        via: None,
        refusal: Refusal::Malformed(format!("HTTP cannot say this URL: {}", cause.without_url())),
    })?;
    Ok(Hop {
        method: request.method,
        url: built.url().clone(),
        headers: built.headers().clone(),
        body: request.body,
    })
}

/// Bytes beyond ASCII are let through: an entity tag is sent back as it was received.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Refusal> {
    let malformed = || Refusal::Malformed(format!("the header `{name}` holds what no header can"));
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
    Ok((header, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| malformed())?))
}

/// A body that is still compressed in a way that nobody asked for is not a page. Words that are no coding at
/// all (`utf-8`, `none`) stand in this header by mistake and are passed over, as browsers do.
fn decoded(url: &Url, status: StatusCode, headers: &HeaderMap) -> Result<(), Error> {
    const CODINGS: [&str; 7] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"];
    let codings = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let known = codings.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase());
    let left: Vec<String> = known.filter(|word| CODINGS.contains(&word.as_str())).collect();
    if left.is_empty() || !status.is_success() {
        return Ok(());
    }
    let problem = format!("its body is compressed as `{}`, which we cannot undo", left.join(", "));
    Err(Error::Protocol { url: shown(url), problem, source: None })
}
