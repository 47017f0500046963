//! Connections by hyper: HTTP/1.1 in full, and HTTP/2.

use std::{
    convert::Infallible,
    io,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, StatusCode, header},
    response::IntoResponse,
};
use futures_util::FutureExt;
use hyper::{
    body::{Frame, SizeHint},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Limits, rewound::Rewound};
use crate::web::error::Problem;

/// The most bytes of a request's head.
pub(super) const MAX_HEAD: u32 = 32 * 1024;

/// Requests of one HTTP/2 connection under way at once.
const MAX_STREAMS: u32 = 100;

/// Bytes of one answer that wait for the other side's window.
const MAX_QUEUED: usize = 64 * 1024;

/// How often an HTTP/2 client is asked whether it is there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// Marks an answer without end: whoever makes it counts how many there are.
#[derive(Clone, Copy, Debug)]
pub(in crate::web) struct Endless;

/// The error of a connection.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How connections are stopped and counted.
#[derive(Clone)]
pub(super) struct Stops {
    /// Requests under way may finish.
    pub(super) stop: CancellationToken,
    /// They may not.
    pub(super) kill: CancellationToken,
    /// Counts everything that runs.
    pub(super) running: TaskTracker,
    /// Places for those that stay between two requests.
    pub(super) kept: Arc<Semaphore>,
}

/// Serves a connection to its end; after the stop, to the end of the requests under way.
pub(super) async fn serve<S, A, F>(
    mut stream: Rewound<S>,
    answer: A,
    limits: Limits,
    stops: Stops,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let told = tokio::time::timeout(limits.head, stream.is_http2());
    let Some(told) = stops.stop.run_until_cancelled(told).await else { return Ok(()) };
    // Boxed: whoever runs this carries its place twice, and HTTP/2 takes twice as much of it as HTTP/1.1.
    if told?? {
        Box::pin(two(stream, answer, limits, stops)).await
    } else {
        Box::pin(one(stream, answer, limits, stops)).await
    }
}

async fn one<S, A, F>(stream: S, answer: A, limits: Limits, stops: Stops) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let place = stops.kept.try_acquire_owned().ok();
    let is_kept = place.is_some();
    let place = Arc::new(Mutex::new(place));
    let service = service_fn(move |request| {
        // Boxed: the connection keeps the place of this future as long as it lives, but not what is in the box.
        let (answered, place) = (Box::pin(answered(&answer, request)), Arc::clone(&place));
        async move { Ok::<_, Infallible>(alone(answered.await?, &place)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(is_kept)
        .header_read_timeout(limits.head)
        .max_header_size(MAX_HEAD as usize)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = stops.stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

/// An answer; one without end gives the connection's place to others, and is the last there.
fn alone(mut answer: Response<Body>, place: &Mutex<Option<OwnedSemaphorePermit>>) -> Response<Body> {
    if answer.extensions().get::<Endless>().is_some() {
        place.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

async fn two<S, A, F>(stream: S, answer: A, limits: Limits, stops: Stops) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let events = Arc::new(Events::default());
    let seen = Arc::clone(&events);
    let service = service_fn(move |request| {
        let under_way = UnderWay::begin(&seen);
        let answered = answered(&answer, request);
        async move { Ok::<_, Infallible>(answered.await?.map(|body| Counted { body, under_way })) }
    });
    let connection = http2::Builder::new(Streams(stops.clone()))
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .max_send_buf_size(MAX_QUEUED)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        under_way = events.stand_still(limits.idle) => if under_way {
            return Err(Box::new(io::Error::from(io::ErrorKind::TimedOut)));
        },
        () = stops.stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    // Also a client that does not answer to the goodbye is gone then.
    tokio::time::timeout(limits.idle, connection).await??;
    Ok(())
}

/// An answer, also where its handler panics.
fn answered<A, F>(
    answer: &A,
    request: Request<hyper::body::Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<A, F>
where
    A: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let answered = AssertUnwindSafe(answer(request.map(Body::new))).catch_unwind();
    async move { Ok(answered.await.unwrap_or_else(|_| panicked())) }
}

/// The panic itself was printed by the panic hook; the client only learns that it was not its fault.
fn panicked() -> Response<Body> {
    tracing::error!("a request's handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server could not do this; its log says why")
        .into_response()
}

/// Where the streams of HTTP/2 connections run: counted and stopped like connections.
#[derive(Clone)]
struct Streams(Stops);

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let kill = self.0.kill.child_token();
        drop(self.0.running.spawn(async move {
            kill.run_until_cancelled(stream).await;
        }));
    }
}

/// Requests of an HTTP/2 connection that began, those whose answer was taken or given up, and the pieces of answers
/// that were taken. Hyper has no time limit for these: its pings only say that the client is there, not that it does
/// anything.
#[derive(Debug, Default)]
struct Events {
    begun: AtomicU64,
    ended: AtomicU64,
    /// A stream of events is an answer without end: it goes on as long as its client takes what it is told.
    pieces: AtomicU64,
}

impl Events {
    /// Completes when nothing began, nothing went on and nothing ended for `limit`, and within twice that. True if something is still
    /// under way: it does not come on.
    async fn stand_still(&self, limit: Duration) -> bool {
        let now = || (self.begun.load(Relaxed), self.ended.load(Relaxed), self.pieces.load(Relaxed));
        let mut before = now();
        loop {
            tokio::time::sleep(limit).await;
            let (begun, ended, pieces) = now();
            if (begun, ended, pieces) == before {
                return begun != ended;
            }
            before = (begun, ended, pieces);
        }
    }
}

/// A request from its beginning to the end of its answer.
struct UnderWay(Arc<Events>);

impl UnderWay {
    fn begin(events: &Arc<Events>) -> Self {
        events.begun.fetch_add(1, Relaxed);
        Self(Arc::clone(events))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

/// A body that knows when it, or a piece of it, was taken.
struct Counted {
    body: Body,
    under_way: UnderWay,
}

impl HttpBody for Counted {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            self.under_way.0.pieces.fetch_add(1, Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
