//! One hop as a value, and as records of a WARC file: `request`, `response` where a head came, and `metadata` where it
//! did not end as it should.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Version,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Error,
    warc::{self, Record, broken},
};
use crate::{
    model::Timestamp,
    net::{Fault, Retry},
};

/// One hop, as the client heard it.
#[derive(Clone, Debug)]
pub(in crate::net) struct Exchange {
    /// When it was asked.
    pub(super) at: Timestamp,
    pub(super) method: Method,
    /// Without credentials.
    pub(super) url: Url,
    pub(super) asked: HeaderMap,
    pub(in crate::net) head: Option<Head>,
    /// Decoded.
    pub(in crate::net) body: Bytes,
    pub(in crate::net) end: End,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(in crate::net) struct Head {
    pub(in crate::net) status: StatusCode,
    pub(super) version: Version,
    pub(in crate::net) headers: HeaderMap,
    /// Who said it.
    pub(super) ip: Option<IpAddr>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) enum End {
    /// With the last byte.
    Whole,
    /// We did not read on.
    Left,
    /// Our patience was at an end.
    Hung,
    /// Without an answer, or within it.
    Failed(Failure),
}

/// Why there was no answer, as the client said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::net) struct Failure {
    pub(in crate::net) message: String,
    pub(in crate::net) fault: Fault,
    pub(in crate::net) retry: Retry,
}

/// The block of a `metadata` record.
#[derive(Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "kebab-case")]
enum Ended {
    Hung,
    Failed(Failure),
}

/// Framing is undone with the coding: a header that speaks of it would be wrong in the archive.
const FRAMING: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "trailer"];

// === impl Exchange ===

impl Exchange {
    /// As records, in the order in which they are written.
    pub(super) fn records(&self) -> Vec<Record> {
        let (asked, said) = (warc::new_id(), warc::new_id());
        let date = date(self.at);
        let about = |record: Record| {
            record.with("WARC-Date", date.clone()).with("WARC-Target-URI", self.url.as_str())
        };
        let request = about(Record::new("request", self.request())).with("WARC-Record-ID", asked.clone());
        let mut records = vec![request.with("Content-Type", "application/http; msgtype=request")];
        if let Some(head) = &self.head {
            let record = about(Record::new("response", head.block(&self.body)))
                .with("WARC-Record-ID", said)
                .with("WARC-Concurrent-To", asked.clone())
                .with("WARC-Payload-Digest", warc::digest(&self.body))
                .with("Content-Type", "application/http; msgtype=response");
            let record =
                head.ip.iter().fold(record, |record, ip| record.with("WARC-IP-Address", ip.to_string()));
            let cut = match self.end {
                End::Whole => None,
                End::Left => Some("length"),
                End::Hung => Some("time"),
                End::Failed(_) => Some("disconnect"),
            };
            records.push(cut.into_iter().fold(record, |record, why| record.with("WARC-Truncated", why)));
        }
        let ended = match &self.end {
            End::Whole | End::Left => None,
            End::Hung => Some(Ended::Hung),
            End::Failed(failure) => Some(Ended::Failed(failure.clone())),
        };
        records.extend(ended.map(|ended| {
            let block = serde_json::to_vec(&ended).expect("words and texts are JSON");
            about(Record::new("metadata", block))
                .with("WARC-Record-ID", warc::new_id())
                .with("WARC-Concurrent-To", asked.clone())
                .with("Content-Type", "application/json")
        }));
        records
    }

    fn request(&self) -> Vec<u8> {
        let target = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut block = format!("{} {target} HTTP/1.1\r\n", self.method).into_bytes();
        print(&self.asked, &mut block);
        block
    }
}

// === impl Head ===

impl Head {
    /// As HTTP/1.1, in whatever version it was said.
    fn block(&self, body: &[u8]) -> Vec<u8> {
        let version = if self.version == Version::HTTP_10 { "1.0" } else { "1.1" };
        let reason = self.status.canonical_reason().unwrap_or_default();
        let mut block = format!("HTTP/{version} {} {reason}\r\n", self.status.as_u16()).into_bytes();
        let mut headers = self.headers.clone();
        FRAMING.iter().for_each(|name| drop(headers.remove(*name)));
        print(&headers, &mut block);
        block.extend_from_slice(body);
        block
    }

    fn parse(block: &[u8]) -> Result<(Self, usize), String> {
        let mut fields = vec![httparse::EMPTY_HEADER; 512];
        let mut parsed = httparse::Response::new(&mut fields);
        let length = match parsed.parse(block) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Err("has a head of HTTP without an end".to_owned()),
            Err(cause) => return Err(format!("has no head of HTTP ({cause})")),
        };
        let status = StatusCode::from_u16(parsed.code.unwrap_or_default());
        let mut headers = HeaderMap::new();
        for field in parsed.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes());
            let value = HeaderValue::from_bytes(field.value);
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(format!("has a header `{}` that HTTP cannot say", field.name));
            };
            headers.append(name, value);
        }
        let status = status.map_err(|_| "has a status that HTTP does not know".to_owned())?;
        let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        Ok((Self { status, version, headers, ip: None }, length))
    }
}

fn print(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// A date as WARC 1.1 writes it.
pub(super) fn date(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The exchanges of a file's records, in their order. Those whose answer is not there are left out: they were under way
/// when the recording ended.
pub(super) fn exchanges(records: Vec<Record>) -> Result<Vec<Arc<Exchange>>, Error> {
    let mut found: Vec<(bool, Exchange)> = Vec::new();
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for (number, record) in records.into_iter().enumerate().map(|(at, record)| (at + 1, record)) {
        let wrong = |problem: &str| broken(number, problem);
        let kind = record.get("WARC-Type").unwrap_or_default().to_owned();
        if kind == "request" {
            let id = record.get("WARC-Record-ID").ok_or_else(|| wrong("has no `WARC-Record-ID`"))?;
            by_id.insert(id.to_owned(), found.len());
            found.push((false, asked(&record).map_err(wrong)?));
        }
        if !matches!(kind.as_str(), "response" | "metadata") {
            continue;
        }
        let to = record.get("WARC-Concurrent-To").and_then(|id| by_id.get(id));
        let (is_answered, exchange) = match to {
            Some(at) => &mut found[*at],
            None => return Err(wrong("belongs to no request before it (`WARC-Concurrent-To`)")),
        };
        *is_answered = true;
        if kind == "metadata" {
            let ended =
                serde_json::from_slice(&record.block).map_err(|_| wrong("does not say how it ended"))?;
            exchange.end = match ended {
                Ended::Hung => End::Hung,
                Ended::Failed(failure) => End::Failed(failure),
            };
            continue;
        }
        let (head, length) = Head::parse(&record.block).map_err(|problem| broken(number, problem))?;
        if record.get("WARC-Truncated") == Some("length") {
            exchange.end = End::Left;
        }
        exchange.head = Some(head);
        exchange.body = Bytes::from(record.block).slice(length..);
    }
    Ok(found.into_iter().filter(|(is_answered, _)| *is_answered).map(|(_, found)| Arc::new(found)).collect())
}

/// The request that a record says.
fn asked(record: &Record) -> Result<Exchange, &'static str> {
    let word = record.block.split(|byte| *byte == b' ').next().unwrap_or_default();
    let url = record.get("WARC-Target-URI").and_then(|url| Url::parse(url).ok());
    let at = record.get("WARC-Date").and_then(|at| at.parse().ok());
    Ok(Exchange {
        at: at.ok_or("has no date (`WARC-Date`)")?,
        method: Method::from_bytes(word).map_err(|_| "is no request of HTTP")?,
        url: url.ok_or("has no address (`WARC-Target-URI`)")?,
        asked: HeaderMap::new(),
        head: None,
        body: Bytes::new(),
        end: End::Whole,
    })
}
