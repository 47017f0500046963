//! The API of a running daemon: how commands reach a store that it has.

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{
    clock,
    config::Config,
    net::{self, Answer, Request},
    store,
    web::{error::Problem, ledger::Ask},
};

/// A running daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    client: net::Client,
    base: Url,
    token: Option<String>,
}

/// An export is as large as the store.
const MAX_ANSWER: u64 = 1 << 36;
/// A pass over a slow source takes its time.
const PATIENCE: Duration = Duration::from_secs(3600);

// === impl Daemon ===

impl Daemon {
    /// The daemon of `config`, which may or may not run.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        // A pass says nothing until it is over: the time between two bytes is no measure of the daemon's health.
        let settings = net::Settings { read_timeout: PATIENCE, ..config.net.clone() };
        let client =
            net::Client::new(&settings, Arc::new(clock::System)).context("cannot make an HTTP client")?;
        let mut address = config.web.listen;
        // A daemon that listens everywhere also listens here.
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        let base = Url::parse(&format!("http://{address}/")).context("cannot address the daemon")?;
        Ok(Self { client, base, token: token(config) })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(reqwest::Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(reqwest::Method::POST, path, None).await
    }

    pub(super) async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Bytes>,
    ) -> anyhow::Result<Answer> {
        self.exchange(method, path, body).await?.map_err(|cause| {
            anyhow!("the store is in use, but no daemon answers at `{}`: {cause}\nhint: give this command the daemon's `--config`", self.base)
        })
    }

    /// Tells a daemon that does not answer from one that refuses, for those who know that there was one.
    pub(super) async fn exchange(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Bytes>,
    ) -> anyhow::Result<Result<Answer, net::Error>> {
        let url = self.base.join(path).with_context(|| format!("cannot ask for `{path}`"))?;
        let authorization = self.token.iter().map(|token| ("authorization", format!("Bearer {token}")));
        let request = Request {
            method,
            url: url.clone(),
            headers: authorization.collect(),
            body,
            max_redirects: 0,
            allow_private: true,
            trust: None,
            spacing: None,
            robots: false,
            in_background: false,
            timeout: Some(PATIENCE),
            want: net::Want::Within(MAX_ANSWER),
        };
        let answer = self.client.send(request).await;
        if let Ok(answer) = &answer
            && answer.status >= 400
        {
            bail!("the daemon refused `{path}`: {}", refusal(answer));
        }
        Ok(answer)
    }
}

/// The answer of the daemon that has the store; where none has it, what is said `here`.
pub(super) async fn answer(
    config: &Config,
    collection: &str,
    ask: &Ask,
    here: impl Future<Output = anyhow::Result<Value>>,
) -> anyhow::Result<Value> {
    match here.await {
        Err(error) if is_locked(&error) => {
            let path = format!("{}{}", collection.trim_start_matches('/'), ask.path);
            let body = (!ask.body.is_empty()).then(|| Value::Object(ask.body.clone()).to_string().into());
            let answer = Daemon::of(config)?.send(ask.method.clone(), &path, body).await?;
            if answer.body.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(&answer.body).context("cannot read the daemon's answer")
        }
        answer => answer,
    }
}

/// What a refusal says, with its hint.
pub(super) fn refused(problem: Problem) -> anyhow::Error {
    let hint = problem.hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    anyhow!("{}{hint}", problem.detail)
}

/// An id as a part of an address, whatever was typed.
pub(super) fn path_part(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

/// True when the error is that another process has the store.
pub(super) fn is_locked(error: &anyhow::Error) -> bool {
    let locked = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref::<store::Error>(), Some(store::Error::Locked { .. }))
    };
    error.chain().any(locked)
}

/// The configured token, or the one that the daemon made at its first start.
fn token(config: &Config) -> Option<String> {
    let made = || {
        let path = config.store.path.as_ref()?.join("api-token");
        Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
    };
    config.web.token.clone().or_else(made)
}

/// What a refusal says (RFC 9457), or its status.
fn refusal(answer: &Answer) -> String {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let member = |name: &str| problem.get(name).and_then(|value| value.as_str());
    match (member("detail"), member("hint")) {
        (Some(detail), Some(hint)) => format!("{detail}\nhint: {hint}"),
        (Some(detail), None) => detail.to_owned(),
        _ => format!("status {}", answer.status),
    }
}
