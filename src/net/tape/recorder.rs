//! Writes exchanges as they end.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use reqwest::{
    Response,
    header::{HOST, HeaderMap, HeaderValue, USER_AGENT},
};

use super::{
    Error, MOST,
    exchange::{End, Exchange, Failure, Head, date},
    redact,
    warc::{self, Record},
};
use crate::{
    clock::SharedClock,
    net::{self, redirect::Hop},
};

/// Keeps exchanges. Clones keep into the same file.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    clock: SharedClock,
    tape: Mutex<Tape>,
}

struct Tape {
    out: Box<dyn Write + Send>,
    /// Before compression.
    n_bytes: u64,
    n_exchanges: usize,
    /// It was ended, and what is still under way is not kept.
    is_closed: bool,
    failed: Option<Error>,
}

/// An exchange that is under way, and kept when it ends: also when it is dropped.
#[derive(Debug)]
pub(in crate::net) struct Take {
    recorder: Recorder,
    /// Until it is kept.
    exchange: Option<Exchange>,
    body: Vec<u8>,
    /// The other side has the word.
    pub(in crate::net) waits: bool,
}

// === impl Recorder ===

impl Recorder {
    /// Begins a file with what is said of all of it.
    pub fn new(out: impl Write + Send + 'static, clock: SharedClock) -> Result<Self, Error> {
        let info = format!(
            "software: {SOFTWARE}{}\r\nformat: WARC File Format 1.1\r\nconformsTo: \
             https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n\
             description: bodies are kept decoded, so Content-Encoding and Transfer-Encoding are taken away; \
             credentials are redacted\r\n",
            env!("CARGO_PKG_VERSION")
        );
        let record = Record::new("warcinfo", info.into_bytes())
            .with("WARC-Record-ID", warc::new_id())
            .with("WARC-Date", date(clock.now()))
            .with("Content-Type", "application/warc-fields");
        let mut tape =
            Tape { out: Box::new(out), n_bytes: 0, n_exchanges: 0, is_closed: false, failed: None };
        tape.write(&[record]).map_err(Error::Write)?;
        Ok(Self(Arc::new(Inner { clock, tape: Mutex::new(tape) })))
    }

    /// Keeps nothing more.
    pub fn stop(&self) {
        self.tape().is_closed = true;
    }

    /// Ends it: says how many exchanges were kept, or why not all of them. What is still under way is not kept.
    pub fn close(&self) -> Result<usize, Error> {
        self.stop();
        let mut tape = self.tape();
        tape.failed.take().map_or(Ok(tape.n_exchanges), Err)
    }

    /// An exchange that begins now.
    pub(in crate::net) fn begin(&self, hop: &Hop, settings: &net::Settings) -> Take {
        let mut asked = HeaderMap::new();
        let host = &hop.url[url::Position::BeforeHost..url::Position::AfterPort];
        for (name, value) in [(HOST, host), (USER_AGENT, settings.user_agent.as_str())] {
            asked.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        }
        asked.extend(redact::request(&hop.headers));
        let exchange = Exchange {
            at: self.0.clock.now(),
            method: hop.method.clone(),
            url: redact::address(&hop.url),
            asked,
            head: None,
            body: Bytes::new(),
            end: End::Whole,
        };
        Take { recorder: self.clone(), exchange: Some(exchange), body: Vec::new(), waits: false }
    }

    fn keep(&self, exchange: &Exchange) {
        let mut tape = self.tape();
        if tape.is_closed || tape.failed.is_some() {
            return;
        }
        // What was not written whole is not followed by more: a reader would take it for damage in the middle.
        let records = exchange.records();
        tape.n_bytes += records.iter().map(|record| record.block.len() as u64 + 4096).sum::<u64>();
        if tape.n_bytes > MOST {
            tape.failed = Some(Error::TooLarge);
            return;
        }
        match tape.write(&records) {
            Ok(()) => tape.n_exchanges += 1,
            Err(cause) => tape.failed = Some(Error::Write(cause)),
        }
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `warcinfo` begins with, before the version.
pub(super) const SOFTWARE: &str = "loaphuong/";

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("n_exchanges", &self.tape().n_exchanges).finish_non_exhaustive()
    }
}

// === impl Tape ===

impl Tape {
    /// All of them with one call, so that an interruption falls between exchanges, if anyhow possible.
    fn write(&mut self, records: &[Record]) -> io::Result<()> {
        let members: Vec<Vec<u8>> = records.iter().map(Record::member).collect::<io::Result<_>>()?;
        self.out.write_all(&members.concat())?;
        self.out.flush()
    }
}

// === impl Take ===

impl Take {
    /// The head came.
    pub(in crate::net) fn head(&mut self, response: &Response) {
        if let Some(exchange) = &mut self.exchange {
            exchange.head = Some(Head {
                status: response.status(),
                version: response.version(),
                headers: redact::answer(response.headers()),
                ip: response.remote_addr().map(|at| at.ip()),
            });
        }
    }

    /// Some of the body came.
    pub(in crate::net) fn chunk(&mut self, chunk: &[u8]) {
        self.body.extend_from_slice(chunk);
    }

    /// The body came to its end.
    pub(in crate::net) fn whole(mut self) {
        self.end(End::Whole);
    }

    /// It failed.
    pub(in crate::net) fn failed(mut self, error: &net::Error) {
        let message = redact::redacted(&error.to_string());
        self.end(End::Failed(Failure { message, fault: error.fault(), retry: error.retry() }));
    }

    fn end(&mut self, end: End) {
        if let Some(exchange) = self.exchange.take() {
            let body = std::mem::take(&mut self.body).into();
            self.recorder.keep(&Exchange { end, body, ..exchange });
        }
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        self.end(if self.waits { End::Hung } else { End::Left });
    }
}
