//! One hop, over the network or from a recording, and what comes of it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_LENGTH, HeaderMap},
};
use url::Url;

use super::{Client, Way};
use crate::net::{
    Error, Settings,
    error::shown,
    redirect::Hop,
    tape::{End, Exchange, Take, Wire},
};

/// An answer whose head has come.
pub(super) struct Incoming {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The length of the body, where it is known.
    pub(super) length: Option<u64>,
    body: Body,
}

enum Body {
    Live(Response, Option<Box<Take>>),
    Recorded { rest: Bytes, end: End },
}

impl Client {
    /// One hop, with the certificates that its server leaves out: everything up to the end of the head.
    pub(super) async fn hear(
        &self,
        way: &Way,
        hop: &Hop,
        via: Option<&Url>,
        allow_private: bool,
    ) -> Result<Incoming, Error> {
        if let Wire::Replaying(playback) = &self.0.wire {
            let exchange = playback.answer(hop);
            let exchange =
                exchange.map_err(|missed| Error::NotRecorded { url: missed.url, nearest: missed.nearest })?;
            return Incoming::recorded(&exchange, &hop.url);
        }
        Incoming::live(self.take(hop), self.ask_repaired(way, hop, via, allow_private)).await
    }

    /// What keeps this hop, if it is to be kept.
    pub(super) fn take(&self, hop: &Hop) -> Option<Box<Take>> {
        match &self.0.wire {
            Wire::Recording(recorder) => Some(Box::new(recorder.begin(hop, self.settings()))),
            Wire::Live | Wire::Replaying(_) => None,
        }
    }

    /// One hop as the server leaves it.
    pub(super) async fn ask(
        &self,
        http: &reqwest::Client,
        hop: &Hop,
        via: Option<&Url>,
    ) -> Result<Response, Error> {
        let mut request = reqwest::Request::new(hop.method.clone(), hop.url.clone());
        *request.headers_mut() = hop.headers.clone();
        *request.body_mut() = hop.body.clone().map(reqwest::Body::from);
        http.execute(request).await.map_err(|cause| match Error::sort(&hop.url, 0, self.settings(), cause) {
            Error::Refused { url, refusal, .. } => Error::Refused { url, via: via.map(shown), refusal },
            error => error,
        })
    }
}

// === impl Incoming ===

impl Incoming {
    pub(super) async fn live(
        mut take: Option<Box<Take>>,
        asked: impl Future<Output = Result<Response, Error>>,
    ) -> Result<Self, Error> {
        waits(&mut take, true);
        let answered = asked.await;
        waits(&mut take, false);
        match answered {
            Ok(response) => {
                if let Some(take) = &mut take {
                    take.head(&response);
                }
                let (status, headers) = (response.status(), response.headers().clone());
                let length = response.content_length();
                Ok(Self { status, headers, length, body: Body::Live(response, take) })
            }
            Err(error) => {
                if let Some(take) = take {
                    take.failed(&error);
                }
                Err(error)
            }
        }
    }

    fn recorded(exchange: &Exchange, url: &Url) -> Result<Self, Error> {
        let Some(head) = &exchange.head else { return Err(ended(&exchange.end, url)) };
        let (status, headers) = (head.status, head.headers.clone());
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let body = Body::Recorded { rest: exchange.body.clone(), end: exchange.end.clone() };
        Ok(Self { status, headers, length, body })
    }

    /// The next bytes of the body; `None` at its end. `received` counts those before.
    pub(super) async fn chunk(
        &mut self,
        url: &Url,
        received: u64,
        settings: &Settings,
    ) -> Result<Option<Bytes>, Error> {
        let (response, take) = match &mut self.body {
            Body::Live(response, take) => (response, take),
            Body::Recorded { rest, .. } if !rest.is_empty() => return Ok(Some(std::mem::take(rest))),
            Body::Recorded { end: End::Whole, .. } => return Ok(None),
            Body::Recorded { end, .. } => return Err(ended(end, url)),
        };
        waits(take, true);
        let chunk = response.chunk().await;
        waits(take, false);
        match chunk {
            Ok(Some(chunk)) => {
                if let Some(take) = take {
                    take.chunk(&chunk);
                }
                Ok(Some(chunk))
            }
            Ok(None) => {
                if let Some(take) = take.take() {
                    take.whole();
                }
                Ok(None)
            }
            Err(cause) => {
                let error = Error::sort(url, received, settings, cause);
                if let Some(take) = take.take() {
                    take.failed(&error);
                }
                Err(error)
            }
        }
    }
}

/// Has the other side the word? What is dropped meanwhile was given up.
fn waits(take: &mut Option<Box<Take>>, waits: bool) {
    if let Some(take) = take {
        take.waits = waits;
    }
}

/// How an exchange ended that did not end well.
fn ended(end: &End, url: &Url) -> Error {
    let url = shown(url);
    match end {
        End::Failed(failure) => {
            Error::Recorded { message: failure.message.clone(), fault: failure.fault, retry: failure.retry }
        }
        End::Hung => Error::Timeout { url, limit: HUNG, after: Duration::ZERO },
        End::Left | End::Whole => {
            let problem = "the recording has no more of it: it was not read further then".to_owned();
            Error::Protocol { url, problem, source: None }
        }
    }
}

/// Stands for the limit of an exchange that hung, until it is known which one that is.
const HUNG: &str = "";

pub(super) fn is_hung(error: &Error) -> bool {
    matches!(error, Error::Timeout { limit: HUNG, .. })
}
