//! `GET /events`: the journal as Server-Sent Events (WHATWG HTML, section 9.2).
//!
//! Every client is a cursor over the journal that is woken when its head moves. It is asked for a block only when
//! there is room for one, so that a slow client keeps nothing waiting here but its cursor.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::State as With,
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{
    State,
    api::params::Params,
    bounds, cors,
    error::Problem,
    feeds,
    server::Endless,
    told::{Look, Reach, Teller},
    wanted::{Wanted, wanted},
};
use crate::{
    clock::SharedClock,
    model::{Seq, Timestamp},
    store,
};

/// How long a client hears nothing at most: proxies close what is silent for a minute, some for thirty seconds.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a client is told when there is nothing to tell.
const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");

/// How long clients wait before they connect again (milliseconds).
const RETRY: &str = "retry: 3000\n";

/// Journal lines looked at before others have their turn.
const LINES: usize = 256;

/// Bytes of payloads after which a look ends.
const BYTES: usize = 32 * 1024;

/// Lines passed over in silence after which a client is told where it stands, while more are to be looked at.
const STALE: u64 = 1024;

/// `/events`.
pub(super) fn routes() -> axum::Router<State> {
    axum::Router::new()
        .route("/events", feeds::read(get(events)))
        .layer(from_fn(cors::open))
        .layer(from_fn(bounds::problems))
}

async fn events(With(state): With<State>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri);
    let wanted = wanted(&state, &params)?;
    let start = start(&headers, &params)?;
    let place = state.teller.place().ok_or_else(full)?;
    let client = Client::new(&state, wanted, place).started(start).await?;
    let blocks = stream::unfold(client, |mut client| async {
        client.next().await.map(|block| (Ok::<_, Infallible>(block), client))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx passes on at once what has this.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((Extension(Endless), headers, Body::from_stream(blocks)).into_response())
}

/// Nobody more can wait for events.
pub(super) fn full() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "as many clients as can be told are waiting for events")
        .hint("ask again later, or read `/api/v1/events` without `wait` now and then")
}

/// After which event a client wants to go on; `None` for the present. What a client says when it connects again
/// (the header) counts more than its address, which stays as it was.
fn start(headers: &HeaderMap, params: &Params) -> Result<Option<Seq>, Problem> {
    if let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) {
        return number("Last-Event-ID", &value.to_str().map_or_else(|_| "…".into(), str::to_owned)).map(Some);
    }
    for name in ["last-event-id", "after"] {
        if let Some(value) = params.get(name)? {
            return number(name, value).map(Some);
        }
    }
    Ok(None)
}

fn number(name: &str, value: &str) -> Result<Seq, Problem> {
    let wrong = || {
        Problem::field(name, format!("`{name}` is the number of the last event seen: 0, 1, 2 …"))
            .hint("leave it out to start at the present")
    };
    value.trim().parse().map(Seq).map_err(|_| wrong())
}

/// A block of an event stream: what happened, and after which event to go on then. Without an event it is not told
/// to anybody, but moves the place where the client goes on (section 9.2.6).
pub(super) fn block(id: Seq, event: Option<(&str, &str)>) -> Bytes {
    let mut text = format!("id: {id}\n");
    if let Some((kind, data)) = event {
        text.reserve(data.len() + 64);
        text.push_str(&format!("event: {kind}\n"));
        // All three of these end a line in a stream, so each line of the data has a field of its own.
        for line in data.replace("\r\n", "\n").split(['\n', '\r']) {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push('\n');
    text.into()
}

/// What a client is told that asks for what is not there: before the floor, or after the head of another store.
fn reset(floor: Seq, head: Seq, id: Seq) -> Bytes {
    block(id, Some(("reset", &format!(r#"{{"floor":{floor},"head":{head}}}"#))))
}

/// One open stream.
struct Client {
    teller: Arc<Teller>,
    clock: SharedClock,
    wanted: Wanted,
    head: watch::Receiver<Seq>,
    /// Up to which line it has been served.
    cursor: Seq,
    /// Up to which line it knows that.
    known: Seq,
    /// When it has to hear something.
    beat: Timestamp,
    /// What it is told next: a look's worth at most.
    ready: VecDeque<Bytes>,
    _place: OwnedSemaphorePermit,
}

// === impl Client ===

impl Client {
    fn new(state: &State, wanted: Wanted, place: OwnedSemaphorePermit) -> Self {
        let (teller, clock) = (Arc::clone(&state.teller), Arc::clone(&state.clock));
        let head = teller.head();
        let beat = clock.now().plus(HEARTBEAT);
        let (cursor, ready) = (Seq(0), VecDeque::new());
        Self { teller, clock, wanted, head, cursor, known: cursor, beat, ready, _place: place }
    }

    /// Puts it where it wants to go on. Who starts at the present is told where that is, so that it goes on there
    /// if it loses the connection before anything happened.
    async fn started(mut self, start: Option<Seq>) -> store::Result<Self> {
        let head = *self.head.borrow();
        self.ready.push_back(RETRY.into());
        match start {
            None => self.ready.push_back(block(head, None)),
            Some(after) if after > head => {
                let floor = self.teller.floor().await?;
                self.ready.push_back(reset(floor, head, head));
            }
            Some(_) => self.ready.push_back("\n".into()),
        }
        self.cursor = start.unwrap_or(head).min(head);
        self.known = self.cursor;
        Ok(self)
    }

    /// What it is told next; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.teller.is_stopped() || !self.wanted.holds(&self.teller.settings()) {
                return None;
            }
            if let Some(block) = self.ready.pop_front() {
                self.beat = self.clock.now().plus(HEARTBEAT);
                return Some(block);
            }
            let head = *self.head.borrow_and_update();
            if self.cursor < head {
                // Boxed, and gone afterwards: a client that waits is small.
                Box::pin(self.look(head)).await?;
            } else {
                self.wait().await;
            }
        }
    }

    /// Looks a little further. `None` when the store fails: the client comes again.
    async fn look(&mut self, head: Seq) -> Option<()> {
        let reach = Reach { head, lines: LINES, bytes: BYTES };
        match self.teller.look(&self.wanted, self.cursor, reach).await {
            Ok(look) => self.take(look),
            Err(store::Error::Pruned { floor }) => {
                self.ready.push_back(reset(floor, head, floor));
                (self.cursor, self.known) = (floor, floor);
            }
            Err(cause) => {
                tracing::error!(%cause, "a stream of events broke off: {cause}");
                return None;
            }
        }
        Some(())
    }

    fn take(&mut self, look: Look) {
        self.cursor = look.next;
        for told in look.told {
            self.known = told.seq;
            self.ready.push_back(told.block);
        }
        if self.cursor.0 - self.known.0 >= STALE {
            self.tell_place();
        }
    }

    /// Waits until there may be something to tell.
    async fn wait(&mut self) {
        tokio::select! {
            () = self.teller.stopped() => {}
            moved = self.head.changed() => if moved.is_err() {
                // The journal is gone, and with it everything else.
                self.teller.stopped().await;
            },
            () = self.clock.sleep_until(self.beat) => {
                if self.known < self.cursor { self.tell_place() } else { self.ready.push_back(STILL_HERE) }
            }
        }
    }

    fn tell_place(&mut self) {
        self.ready.push_back(block(self.cursor, None));
        self.known = self.cursor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(block: &Bytes) -> &str {
        std::str::from_utf8(block).unwrap()
    }

    #[test]
    fn a_block_says_its_number_its_type_and_every_line_of_its_data() {
        let one = block(Seq(7), Some(("article.published", r#"{"a":1}"#)));
        assert_eq!(text(&one), "id: 7\nevent: article.published\ndata: {\"a\":1}\n\n");
        let many = block(Seq(8), Some(("x", "a\nb\r\n\rc\n")));
        assert_eq!(text(&many), "id: 8\nevent: x\ndata: a\ndata: b\ndata: \ndata: c\ndata: \n\n");
        assert_eq!(text(&block(Seq(9), None)), "id: 9\n\n");
        assert_eq!(
            text(&reset(Seq(3), Seq(40), Seq(3))),
            "id: 3\nevent: reset\ndata: {\"floor\":3,\"head\":40}\n\n"
        );
    }

    #[test]
    fn a_client_goes_on_where_it_says() {
        let asked = |header: Option<&str>, query: &str| {
            let headers: HeaderMap = header
                .map(|id| ("last-event-id".parse().unwrap(), id.parse().unwrap()))
                .into_iter()
                .collect();
            start(&headers, &Params::of(&format!("/events?{query}").parse().unwrap()))
                .map_err(|problem| problem.field.unwrap())
        };
        assert_eq!(asked(None, ""), Ok(None));
        assert_eq!(asked(Some(""), "utm=x"), Ok(None));
        assert_eq!(asked(None, "after=7"), Ok(Some(Seq(7))));
        assert_eq!(asked(None, "after=7&last-event-id=8"), Ok(Some(Seq(8))));
        assert_eq!(asked(Some("9"), "after=7&last-event-id=8"), Ok(Some(Seq(9))));
        for (header, query, field) in [
            (Some("x"), "after=7", "Last-Event-ID"),
            (Some("-1"), "", "Last-Event-ID"),
            (None, "after=1e3", "after"),
            (None, "last-event-id=99999999999999999999", "last-event-id"),
        ] {
            assert_eq!(asked(header, query), Err(field.to_owned()), "{header:?} {query}");
        }
    }
}
