//! The stored form of a subscription. It holds the signing secrets: whoever reads the store, or an export of it,
//! can sign in our name.

use serde::{Deserialize, Serialize};

use crate::model::{EventType, Filter, Secret, Seq, State, Subscription, SubscriptionId};

use super::text::{Bytes, Instant};

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionV1 {
    id: String,
    url: String,
    /// As the filter language prints it.
    filter: Option<String>,
    /// Dotted names.
    events: Vec<String>,
    secrets: Vec<Bytes>,
    state: StateV1,
    configured: bool,
    allow_private: bool,
    created: Instant,
    after: u64,
    hold_until: Option<Instant>,
    failing_since: Option<Instant>,
    last_error: Option<String>,
    delivered: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateV1 {
    Active,
    Paused,
    Disabled { reason: String },
}

impl From<Subscription> for SubscriptionV1 {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.id.to_string(),
            url: subscription.url,
            filter: subscription.filter.map(|filter| filter.to_string()),
            events: subscription.events.iter().map(|event| event.as_str().to_owned()).collect(),
            secrets: subscription.secrets.into_iter().map(|secret| Bytes(secret.0)).collect(),
            state: subscription.state.into(),
            configured: subscription.configured,
            allow_private: subscription.allow_private,
            created: Instant(subscription.created),
            after: subscription.after.0,
            hold_until: subscription.hold_until.map(Instant),
            failing_since: subscription.failing_since.map(Instant),
            last_error: subscription.last_error,
            delivered: subscription.delivered.map(|seq| seq.0),
        }
    }
}

impl TryFrom<SubscriptionV1> for Subscription {
    type Error = String;

    fn try_from(stored: SubscriptionV1) -> Result<Self, String> {
        let filter = stored.filter.map(|text| text.parse::<Filter>().map_err(super::cause)).transpose()?;
        let events = stored
            .events
            .iter()
            .map(|name| EventType::parse(name).ok_or_else(|| format!("the event type `{name}` is unknown")));
        Ok(Self {
            id: stored.id.parse().map_err(super::cause)?,
            url: stored.url,
            filter,
            events: events.collect::<Result<_, _>>()?,
            secrets: stored.secrets.into_iter().map(|bytes| Secret(bytes.0)).collect(),
            state: stored.state.into(),
            configured: stored.configured,
            allow_private: stored.allow_private,
            created: stored.created.0,
            after: Seq(stored.after),
            hold_until: stored.hold_until.map(|at| at.0),
            failing_since: stored.failing_since.map(|at| at.0),
            last_error: stored.last_error,
            delivered: stored.delivered.map(Seq),
        })
    }
}

impl SubscriptionV1 {
    pub(crate) fn id(&self) -> Result<SubscriptionId, String> {
        self.id.parse().map_err(super::cause)
    }
}

impl From<State> for StateV1 {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Paused => Self::Paused,
            State::Disabled { reason } => Self::Disabled { reason },
        }
    }
}

impl From<StateV1> for State {
    fn from(stored: StateV1) -> Self {
        match stored {
            StateV1::Active => Self::Active,
            StateV1::Paused => Self::Paused,
            StateV1::Disabled { reason } => Self::Disabled { reason },
        }
    }
}
