//! A newsroom on loopback: takes webhooks, verifies their signature, remembers them, and misbehaves on request.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::{clock::SharedClock, model::Secret, push::sign};

/// How the receiver answers one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status.
    Status(u16),
    /// This status with `Retry-After` in seconds.
    Later(u16, u32),
    /// Reads the delivery and never answers.
    Silent,
}

/// One delivery as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signatures: String,
    /// Did the signature fit?
    pub verified: bool,
    /// The body.
    pub body: serde_json::Value,
    /// The body as it came: what was signed.
    pub bytes: Bytes,
    /// What it was answered; 0 for nothing.
    pub status: u16,
}

/// The receiver.
#[derive(Clone, Debug)]
pub struct Receiver {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    secret: Secret,
    clock: SharedClock,
    watch: Option<mpsc::UnboundedSender<Received>>,
}

#[derive(Debug, Default)]
struct Inner {
    received: VecDeque<Received>,
    pings: VecDeque<Received>,
    answers: VecDeque<Answer>,
    always: Option<Answer>,
}

/// Deliveries remembered; the demo runs for hours.
const MAX_RECEIVED: usize = 100_000;

// === impl Receiver ===

impl Receiver {
    /// Serves on `listener` until `stop`; every delivery is also sent to `watch`. The caller runs the future.
    pub fn serve(
        listener: TcpListener,
        secret: Secret,
        clock: SharedClock,
        watch: Option<mpsc::UnboundedSender<Received>>,
        stop: CancellationToken,
    ) -> std::io::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        let receiver = Self { address: listener.local_addr()?, inner: Arc::default(), secret, clock, watch };
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
        let task = async move {
            if let Err(error) = serving.await {
                tracing::error!("the demo receiver stopped: {error}");
            }
        };
        Ok((receiver, task))
    }

    /// Where to send deliveries.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers the next events like this, one each.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.inner().answers.extend(answers);
    }

    /// Answers every delivery like this once the script is through; `None` confirms them.
    pub fn always(&self, answer: Option<Answer>) {
        self.inner().always = answer;
    }

    /// The events that arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        self.inner().received.iter().cloned().collect()
    }

    /// The pings that arrived, in order.
    pub fn pings(&self) -> Vec<Received> {
        self.inner().pings.iter().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let id = header("webhook-id");
    let timestamp = header("webhook-timestamp").parse().unwrap_or_default();
    let signatures = header("webhook-signature");
    let sealed = (id, timestamp, signatures);
    let verified = sign::verify(&receiver.secret, sealed, &body, receiver.clock.now()).is_ok();
    let bytes = body;
    let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let answer = {
        let mut inner = receiver.inner();
        // Pings come when they like: the script is for events.
        let scripted = if is_ping(&body) { None } else { inner.answers.pop_front() };
        scripted.or(inner.always).unwrap_or(Answer::Status(if verified { 204 } else { 401 }))
    };
    let status = match answer {
        Answer::Status(status) | Answer::Later(status, _) => status,
        Answer::Silent => 0,
    };
    receiver.remember(Received {
        id: id.to_owned(),
        timestamp,
        signatures: signatures.to_owned(),
        verified,
        body,
        bytes,
        status,
    });
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match answer {
        Answer::Status(_) => code.into_response(),
        Answer::Later(_, seconds) => (code, [(header::RETRY_AFTER, seconds.to_string())]).into_response(),
        Answer::Silent => std::future::pending().await,
    }
}

impl Receiver {
    fn remember(&self, received: Received) {
        if let Some(watch) = &self.watch {
            // Nobody watches any more: the demo is stopping.
            watch.send(received.clone()).ok();
        }
        let mut inner = self.inner();
        let arrived = if is_ping(&received.body) { &mut inner.pings } else { &mut inner.received };
        if arrived.len() == MAX_RECEIVED {
            arrived.pop_front();
        }
        arrived.push_back(received);
    }
}

fn is_ping(body: &serde_json::Value) -> bool {
    body["type"] == "ping"
}
