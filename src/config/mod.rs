//! room
use crate::{ingest, net, publish, push, store, telemetry, web};

/// What a configuration means: every reference checked, every selector compiled.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[log]`
    pub telemetry: telemetry::Settings,
    /// `[net]`
    pub net: net::Settings,
    /// `[store]`
    pub store: store::Settings,
    /// `[ingest]` and `[[source]]`
    pub ingest: ingest::Settings,
    /// `[[feed]]`
    pub publish: publish::Settings,
    /// `[push]` and `[[webhook]]`
    pub push: push::Settings,
    /// `[web]`
    pub web: web::Settings,
}
