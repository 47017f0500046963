//! The accept loop.
//!
//! `axum::serve` has no time limit for a request's head, so a few half-sent heads would hold every connection.
//! This one limits the time of a head, the time of an answer, and the number of connections. Connections begin on the
//! hot path (`hot`, in `lanes`), and go to hyper (`whole`) with the first request that is not for a feed at hand;
//! those with TLS begin there.

mod hot;
mod lanes;
mod plain;
mod rewound;
mod socket;
pub mod tls;
mod whole;

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, Response},
    response::IntoResponse,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use self::{hot::End, lanes::Lanes, rewound::Rewound, tls::Tls, whole::Stops};
pub(super) use self::{plain::Plain, whole::Endless};
use super::{
    Settings, State, access,
    at_hand::{self, Ready},
    bounds, feeds,
    health::Meter,
    patience::Patient,
    routes,
};

/// How long requests under way may take to finish after the stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a client may make us wait for it to take an answer, beyond what a slow line needs.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may do nothing between two requests. Pages' connections, which own more, get the time of a
/// head.
const IDLE: Duration = Duration::from_secs(75);

/// Connections that may stay with hyper between two requests. Each owns about 20 KiB, ten times of what the hot path
/// keeps of one; beyond this many they are closed after an answer, and begin anew.
const MAX_KEPT: usize = 4096;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long accepting rests after an error of the machine (no more file descriptors).
const REST: Duration = Duration::from_millis(200);

/// Every page and API of ours, ready to be served.
pub fn router(state: State) -> axum::Router {
    routes::all().with_state(state)
}

/// Answers requests on `listener` until `stop`, then lets those under way finish. With `tls` it speaks nothing else.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    state: State,
    settings: Settings,
    stop: CancellationToken,
) {
    let limits = Limits::of(&settings);
    let router = bounds::limited(router(state.clone()), settings.max_request);
    let site = Arc::new(Site { state, router, meter: Meter::new() });
    let hot = Arc::clone(&site);
    let answers = Answers {
        ready: move |plain: &Plain<'_>| at_hand::answer(&hot.state, &hot.meter, plain),
        answer: move |request| Arc::clone(&site).answer(request),
    };
    run(Door { listener, tls }, answers, limits, stop).await;
}

/// Where connections come from.
struct Door {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// What requests are answered with.
#[derive(Clone)]
struct Answers<H, A> {
    /// What is there already.
    ready: H,
    /// Everything.
    answer: A,
}

/// What answers, shared by every connection: one count for all of it, so that a request costs one.
struct Site {
    state: State,
    router: axum::Router,
    meter: Meter,
}

impl Site {
    async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let answer = async |request| match bounds::misaddressed(&request) {
            Some(problem) => problem.into_response(),
            None => self.route(request).await,
        };
        self.meter.observed(request, answer).await
    }

    async fn route(&self, request: Request<Body>) -> Response<Body> {
        let request = access::without_token(request);
        match feeds::answer(&self.state, &request) {
            Some(response) => response,
            // Boxed: a feed's answer need not carry a place for everything that the router may wait for.
            None => Box::pin(self.router.clone().oneshot(request)).await.into_response(),
        }
    }
}

/// What connections may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connections: usize,
    head: Duration,
    write: Duration,
    idle: Duration,
    grace: Duration,
    /// Connections that hyper keeps between two requests.
    kept: usize,
}

impl Limits {
    fn of(settings: &Settings) -> Self {
        Self {
            connections: settings.max_connections.clamp(1, Semaphore::MAX_PERMITS),
            head: settings.header_timeout,
            write: WRITE_TIMEOUT,
            idle: IDLE,
            grace: GRACE,
            kept: MAX_KEPT,
        }
    }
}

/// The loop itself, for any way to answer.
///
/// Connections are the one kind of task that does not start in `app`: they come and go by the thousand.
/// The tracker made here counts them and the threads of their lanes, and nothing of them is left when this returns.
async fn run<H, A, F>(door: Door, answers: Answers<H, A>, limits: Limits, stop: CancellationToken)
where
    H: Fn(&Plain<'_>) -> Option<Ready> + Clone + Send + Sync + 'static,
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let running = TaskTracker::new();
    let mut lanes = Lanes::start(&running);
    let permits = Arc::new(Semaphore::new(limits.connections));
    let kill = CancellationToken::new();
    let kept = Arc::new(Semaphore::new(limits.kept));
    while let Some((stream, permit)) = next(&door.listener, &permits, &stop).await {
        // Tokens of its own: a token is locked whenever somebody who waits for it wakes up, and that is every request.
        let (stop, kill) = (stop.child_token(), kill.child_token());
        let stops = Stops { stop, kill, running: running.clone(), kept: Arc::clone(&kept) };
        socket::prepare(&stream, limits.write);
        match &door.tls {
            Some(tls) => begin_tls(stream, tls, answers.answer.clone(), (limits, stops, permit)),
            None => begin(stream, answers.clone(), (limits, stops, permit), &mut lanes),
        }
    }
    drop((door, lanes));
    running.close();
    if tokio::time::timeout(limits.grace, running.wait()).await.is_err() {
        tracing::warn!(open = running.len(), "closing connections that did not finish in time");
        kill.cancel();
        running.wait().await;
    }
}

/// What a connection lives by: its limits, its ends, and its place among all.
type Terms = (Limits, Stops, OwnedSemaphorePermit);

/// Starts a connection in a lane. It comes back to this runtime when it asks for something that is not at hand.
fn begin<H, A, F>(stream: TcpStream, answers: Answers<H, A>, terms: Terms, lanes: &mut Lanes)
where
    H: Fn(&Plain<'_>) -> Option<Ready> + Clone + Send + Sync + 'static,
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let home = Handle::current();
    let running = terms.1.running.clone();
    let stream = match stream.into_std() {
        Ok(stream) => stream,
        Err(cause) => return ended(Err(cause.into())),
    };
    let job = Box::pin(async move {
        let served = async {
            let mut stream = TcpStream::from_std(stream)?;
            let end = hot::serve(&mut stream, &answers.ready, &terms.0, &terms.1.stop).await?;
            io::Result::Ok(match end {
                End::Closed => None,
                End::Other(first) => Some((stream.into_std()?, first)),
            })
        };
        match served.await {
            Ok(None) => {}
            Ok(Some((stream, first))) => {
                let running = terms.1.running.clone();
                drop(running.spawn_on(go_on(stream, first, answers.answer, terms), &home));
            }
            Err(cause) => ended(Err(cause.into())),
        }
    });
    // Without a lane it runs here.
    if let Some(job) = lanes.send(job) {
        drop(running.spawn(job));
    }
}

/// Goes on by hyper with a connection of which `first` was read.
async fn go_on<A, F>(stream: std::net::TcpStream, first: Vec<u8>, answer: A, terms: Terms)
where
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (limits, stops, _permit) = terms;
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => Rewound::new(first, Patient::new(stream, limits.write, socket::give_up)),
        Err(cause) => return ended(Err(cause.into())),
    };
    let kill = stops.kill.clone();
    let served = whole::serve(stream, answer, limits, stops);
    ended(kill.run_until_cancelled(served).await.unwrap_or(Ok(())));
}

/// Starts a connection with TLS.
fn begin_tls<A, F>(stream: TcpStream, tls: &Tls, answer: A, terms: Terms)
where
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (limits, stops, permit) = terms;
    let greeting = tls.acceptor().accept(Patient::new(stream, limits.write, socket::give_up));
    let (kill, running) = (stops.kill.clone(), stops.running.clone());
    let connection = async move {
        let greeting = tokio::time::timeout(HANDSHAKE.min(limits.head), greeting);
        let Some(greeted) = stops.stop.run_until_cancelled(greeting).await else { return Ok(()) };
        whole::serve(Rewound::new(Vec::new(), greeted??), answer, limits, stops).await
    };
    drop(running.spawn(async move {
        ended(kill.run_until_cancelled(connection).await.unwrap_or(Ok(())));
        drop(permit);
    }));
}

fn ended(how: Result<(), whole::Failure>) {
    if let Err(cause) = how {
        tracing::debug!(%cause, "a connection ended early");
    }
}

/// The next connection once there is room for one; `None` after the stop.
async fn next(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        // Room first: what cannot be served yet waits in the kernel's backlog.
        let permit = permits.clone().acquire_owned().await.expect("nobody closes this semaphore");
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(cause) if is_the_clients(&cause) => {}
                Err(cause) => {
                    tracing::error!(%cause, "cannot accept connections: {cause}");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        accepted = accepted => Some(accepted),
    }
}

/// A client that went away before it was accepted says nothing about this machine.
fn is_the_clients(cause: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(cause.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "server/http2_tests.rs"]
mod http2_tests;
