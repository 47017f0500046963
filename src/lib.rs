//! `loa`, the ward loudspeaker: watches news sections and says them again, as feeds and as signed webhooks.
//!
//! The rooms, in the order in which an article walks through them:
//! [`fetch`] → [`extract`] → [`normalize`] → [`dedup`] → [`journal`] over [`store`] → [`publish`], [`push`] → [`web`].
//! [`ingest`] leads it through the first half; [`app`] builds everything and starts every task.
//! `ARCHITECTURE.md` says which room may use which, and what always holds.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dedup;
pub mod demo;
pub mod extract;
pub mod fetch;
pub mod ingest;
pub mod journal;
pub mod model;
pub mod net;
pub mod normalize;
pub mod publish;
pub mod push;
pub mod store;
pub mod telemetry;
pub mod web;
