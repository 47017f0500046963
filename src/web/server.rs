//! The accept loop.
//!
//! `axum::serve` has no time limit for a request's head, so a few half-sent heads would hold every connection.
//! This one limits the time of a head, the time without a byte taken, and the number of connections.

use std::{convert::Infallible, io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
    response::IntoResponse,
};
use futures_util::FutureExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{
    Settings, State, access, bounds, error::Problem, feeds, health::Meter, patience::Patient, routes,
};

/// How long requests under way may take to finish after the stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long accepting rests after an error of the machine (no more file descriptors).
const REST: Duration = Duration::from_millis(200);

/// The most bytes of a request's head.
const MAX_HEAD: usize = 32 * 1024;

/// Every page and API of ours, ready to be served.
pub fn router(state: State) -> axum::Router {
    routes::all().with_state(state)
}

/// Answers requests on `listener` until `stop`, then lets those under way finish.
pub async fn serve(listener: TcpListener, state: State, settings: Settings, stop: CancellationToken) {
    let limits = Limits::of(&settings);
    let router = bounds::limited(router(state.clone()), settings.max_request);
    let site = Arc::new(Site { state, router, meter: Meter::new() });
    run(listener, move |request| Arc::clone(&site).answer(request), limits, stop).await;
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
    grace: Duration,
}

impl Limits {
    fn of(settings: &Settings) -> Self {
        Self {
            connections: settings.max_connections.clamp(1, Semaphore::MAX_PERMITS),
            head: settings.header_timeout,
            write: WRITE_TIMEOUT,
            grace: GRACE,
        }
    }
}

/// The loop itself, for any way to answer.
///
/// Connections are the one kind of task that does not start in `app`: they come and go by the thousand.
/// The tracker made here counts them, and nothing of them is left when this returns.
async fn run<A, F>(listener: TcpListener, answer: A, limits: Limits, stop: CancellationToken)
where
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let kill = CancellationToken::new();
    while let Some((stream, permit)) = next(&listener, &permits, &stop).await {
        // Tokens of its own: a token is locked whenever somebody who waits for it wakes up, and that is every request.
        let (answer, stop, kill) = (answer.clone(), stop.child_token(), kill.child_token());
        connections.spawn(async move {
            let ended = tokio::select! {
                ended = connection(stream, answer, limits, stop) => ended,
                () = kill.cancelled() => Ok(()),
            };
            if let Err(cause) = ended {
                tracing::debug!(%cause, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.grace, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "closing connections that did not finish in time");
        kill.cancel();
        connections.wait().await;
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

/// Serves one connection to its end; after the stop, to the end of the request under way.
async fn connection<A, F>(
    stream: TcpStream,
    answer: A,
    limits: Limits,
    stop: CancellationToken,
) -> hyper::Result<()>
where
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let answered = AssertUnwindSafe(answer(request.map(Body::new))).catch_unwind();
        async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|_| panicked())) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.write)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// The panic itself was printed by the panic hook; the client only learns that it was not its fault.
fn panicked() -> Response<Body> {
    tracing::error!("a request's handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server could not do this; its log says why")
        .into_response()
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
