//! room
use crate::model::{EventType, Filter, Secret, SubscriptionId};
use std::time::Duration;

/// How deliveries are made.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time for one attempt.
    pub timeout: Duration,
    /// Delays before each attempt, the first included.
    pub schedule: Vec<Duration>,
    /// How far a delay may stray: 0.2 is ±20 %.
    pub jitter: f64,
    /// An endpoint that failed for this long is disabled.
    pub disable_after: Duration,
    /// Attempts under way at once, over all endpoints.
    pub concurrency: usize,
    /// May subscriptions made by the API stand at `http:` addresses?
    pub allow_http: bool,
    /// May subscriptions made by the API stand at private addresses?
    pub allow_private: bool,
    /// The most subscriptions.
    pub max_subscriptions: usize,
    /// Webhooks of the configuration.
    pub webhooks: Vec<Webhook>,
}

/// A webhook of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its key.
    pub id: SubscriptionId,
    /// Where to POST.
    pub url: String,
    /// Which articles.
    pub filter: Option<Filter>,
    /// Which events; empty for all.
    pub events: Vec<EventType>,
    /// The secret.
    pub secret: Secret,
    /// May it stand at a private address?
    pub allow_private: bool,
}

/// The push room: subscriptions, routing and delivery.
pub struct Push;
