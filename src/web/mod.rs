//! What we answer over HTTP: feeds, pages for people, the API, and what operators ask.
//!
//! `server` accepts connections; `routes` lists every address; each other file is one group of them.

use std::{net::SocketAddr, time::Duration};

use crate::model::nearest;

mod access;
mod address;
pub(crate) mod api;
mod ask;
mod assets;
mod at_hand;
pub mod auth;
mod bounds;
mod conditional;
mod cors;
pub mod error;
mod events;
mod feeds;
mod health;
mod history;
pub mod hub;
pub(crate) mod ledger;
mod operators;
mod pages;
mod patience;
mod routes;
pub mod server;
mod similar;
mod sse;
pub(crate) mod subscriptions;
pub(crate) mod tokens;
pub mod told;
mod wanted;
mod websub;

/// How we are reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate and key with which `listen` speaks TLS, and only TLS.
    pub tls: Option<server::tls::Files>,
    /// The operator's token; `None` uses the one in the data folder, made at the first start.
    pub token: Option<String>,
    /// Connections open at once.
    pub max_connections: usize,
    /// Clients that may wait for events at once: open streams, and polls that wait.
    pub max_streams: usize,
    /// Time for a request's head.
    pub header_timeout: Duration,
    /// Bytes of a request's body.
    pub max_request: usize,
}

/// What every handler may see.
#[derive(Clone)]
pub struct State {
    /// What is kept.
    pub store: std::sync::Arc<dyn crate::store::Store>,
    /// The journal's wake-ups.
    pub journal: std::sync::Arc<crate::journal::Journal>,
    /// The time.
    pub clock: crate::clock::SharedClock,
    /// Feeds.
    pub publisher: std::sync::Arc<crate::publish::Publisher>,
    /// Whether another hub delivers.
    pub canary: std::sync::Arc<crate::publish::canary::Canary>,
    /// Subscriptions.
    pub push: std::sync::Arc<crate::push::Push>,
    /// Events for the public.
    pub teller: std::sync::Arc<told::Teller>,
    /// Sources.
    pub ingest: std::sync::Arc<crate::ingest::Ingest>,
    /// The tokens that open the API.
    pub tokens: std::sync::Arc<auth::Tokens>,
    /// Renders `/metrics`.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}
