//! The stored form of a subscription. It holds the signing secrets: whoever reads the store, or an export of it,
//! can sign in our name.

use serde::{Deserialize, Serialize};

use crate::model::{
    Channel, Daily, EventType, Filter, Form, Language, Mailing, Secret, Seq, State, Subscription,
    SubscriptionId,
};

use super::text::{Bytes, Instant};

/// Who is told. The versions since the second differ in what a secret is, and in whether they know who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionOf<S, M> {
    id: String,
    url: String,
    channel: ChannelV2,
    /// As the filter language prints it.
    filter: Option<String>,
    /// Dotted names.
    events: Vec<String>,
    secrets: Vec<S>,
    rotated: Option<Instant>,
    state: StateV1,
    configured: bool,
    allow_private: bool,
    created: Instant,
    after: u64,
    hold_until: Option<Instant>,
    failing_since: Option<Instant>,
    last_error: Option<String>,
    delivered: Option<u64>,
    verified: Option<Instant>,
    owner: Option<String>,
    page: Option<Bytes>,
    /// Nothing in versions that do not know it: no byte, and no member.
    #[serde(default)]
    made_by: M,
}

/// As the second version wrote it: every secret was shared with its receiver.
pub(crate) type SubscriptionV2 = SubscriptionOf<Bytes, ()>;

/// As the third version wrote it: every one was made by the operator.
pub(crate) type SubscriptionV3 = SubscriptionOf<SecretV3, ()>;

/// As it is written.
pub(crate) type SubscriptionV4 = SubscriptionOf<SecretV3, Option<String>>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretV3 {
    Shared(Bytes),
    /// The seed of the key pair.
    Ed25519(Bytes),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChannelV2 {
    Webhook(FormV2),
    WebSub {
        topic: String,
        until: Instant,
    },
    /// Added behind the others, whose numbers stay.
    Mail {
        language: LanguageV1,
        digest: Option<DailyV1>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LanguageV1 {
    Vietnamese,
    English,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DailyV1 {
    /// Minutes after midnight.
    minute: u16,
    zone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormV2 {
    Native,
    CloudEvents,
    Template(String),
}

/// Who is told, as the first version wrote it.
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

impl From<&Subscription> for SubscriptionV4 {
    fn from(subscription: &Subscription) -> Self {
        Self {
            id: subscription.id.to_string(),
            url: subscription.url.clone(),
            channel: (&subscription.channel).into(),
            filter: subscription.filter.as_ref().map(ToString::to_string),
            events: subscription.events.iter().map(|event| event.as_str().to_owned()).collect(),
            secrets: subscription.secrets.iter().map(SecretV3::from).collect(),
            rotated: subscription.rotated.map(Instant),
            state: subscription.state.clone().into(),
            configured: subscription.configured,
            allow_private: subscription.allow_private,
            created: Instant(subscription.created),
            after: subscription.after.0,
            hold_until: subscription.hold_until.map(Instant),
            failing_since: subscription.failing_since.map(Instant),
            last_error: subscription.last_error.clone(),
            delivered: subscription.delivered.map(|seq| seq.0),
            verified: subscription.verified.map(Instant),
            owner: subscription.owner.clone(),
            page: subscription.page.map(|hash| Bytes(hash.to_vec())),
            made_by: subscription.made_by.as_ref().map(ToString::to_string),
        }
    }
}

/// A subscription that was made before there were other channels: it was told without being asked first.
impl From<SubscriptionV1> for SubscriptionV2 {
    fn from(stored: SubscriptionV1) -> Self {
        Self {
            id: stored.id,
            url: stored.url,
            channel: ChannelV2::Webhook(FormV2::Native),
            filter: stored.filter,
            events: stored.events,
            secrets: stored.secrets,
            rotated: None,
            state: stored.state,
            configured: stored.configured,
            allow_private: stored.allow_private,
            created: stored.created,
            after: stored.after,
            hold_until: stored.hold_until,
            failing_since: stored.failing_since,
            last_error: stored.last_error,
            delivered: stored.delivered,
            verified: None,
            owner: None,
            page: None,
            made_by: (),
        }
    }
}

impl<S, M> SubscriptionOf<S, M> {
    /// The same in a later version.
    fn later<T, N>(self, secret: impl Fn(S) -> T, made_by: N) -> SubscriptionOf<T, N> {
        SubscriptionOf {
            id: self.id,
            url: self.url,
            channel: self.channel,
            filter: self.filter,
            events: self.events,
            secrets: self.secrets.into_iter().map(secret).collect(),
            rotated: self.rotated,
            state: self.state,
            configured: self.configured,
            allow_private: self.allow_private,
            created: self.created,
            after: self.after,
            hold_until: self.hold_until,
            failing_since: self.failing_since,
            last_error: self.last_error,
            delivered: self.delivered,
            verified: self.verified,
            owner: self.owner,
            page: self.page,
            made_by,
        }
    }

    pub(crate) fn id(&self) -> Result<SubscriptionId, String> {
        self.id.parse().map_err(super::cause)
    }
}

/// A subscription that was made before there were tokens.
impl From<SubscriptionV3> for SubscriptionV4 {
    fn from(stored: SubscriptionV3) -> Self {
        stored.later(|secret| secret, None)
    }
}

/// A subscription that was made before there were key pairs.
impl From<SubscriptionV2> for SubscriptionV4 {
    fn from(stored: SubscriptionV2) -> Self {
        stored.later(SecretV3::Shared, None)
    }
}

impl From<SubscriptionV1> for SubscriptionV4 {
    fn from(stored: SubscriptionV1) -> Self {
        SubscriptionV2::from(stored).into()
    }
}

impl TryFrom<SubscriptionV4> for Subscription {
    type Error = String;

    fn try_from(stored: SubscriptionV4) -> Result<Self, String> {
        let filter = stored.filter.map(|text| text.parse::<Filter>().map_err(super::cause)).transpose()?;
        let events = stored
            .events
            .iter()
            .map(|name| EventType::parse(name).ok_or_else(|| format!("the event type `{name}` is unknown")));
        let page = stored.page.map(|hash| hash.0.try_into().map_err(|_| "a token's hash has 32 bytes"));
        Ok(Self {
            id: stored.id.parse().map_err(super::cause)?,
            url: stored.url,
            channel: stored.channel.into(),
            filter,
            events: events.collect::<Result<_, _>>()?,
            secrets: stored.secrets.into_iter().map(Secret::try_from).collect::<Result<_, _>>()?,
            rotated: stored.rotated.map(|at| at.0),
            state: stored.state.into(),
            configured: stored.configured,
            allow_private: stored.allow_private,
            created: stored.created.0,
            after: Seq(stored.after),
            hold_until: stored.hold_until.map(|at| at.0),
            failing_since: stored.failing_since.map(|at| at.0),
            last_error: stored.last_error,
            delivered: stored.delivered.map(Seq),
            verified: stored.verified.map(|at| at.0),
            owner: stored.owner,
            page: page.transpose()?,
            made_by: stored.made_by.map(|id| id.parse().map_err(super::cause)).transpose()?,
        })
    }
}

impl From<&Secret> for SecretV3 {
    fn from(secret: &Secret) -> Self {
        match secret {
            Secret::Shared(bytes) => Self::Shared(Bytes(bytes.clone())),
            Secret::Ed25519(seed) => Self::Ed25519(Bytes(seed.to_vec())),
        }
    }
}

impl TryFrom<SecretV3> for Secret {
    type Error = String;

    fn try_from(stored: SecretV3) -> Result<Self, String> {
        match stored {
            SecretV3::Shared(bytes) => Ok(Self::Shared(bytes.0)),
            SecretV3::Ed25519(seed) => {
                let seed = seed.0.try_into().map_err(|_| "the seed of a key pair has 32 bytes")?;
                Ok(Self::Ed25519(seed))
            }
        }
    }
}

impl From<&Channel> for ChannelV2 {
    fn from(channel: &Channel) -> Self {
        match channel {
            Channel::Webhook(Form::Native) => Self::Webhook(FormV2::Native),
            Channel::Webhook(Form::CloudEvents) => Self::Webhook(FormV2::CloudEvents),
            Channel::Webhook(Form::Template(name)) => Self::Webhook(FormV2::Template(name.clone())),
            Channel::WebSub { topic, until } => Self::WebSub { topic: topic.clone(), until: Instant(*until) },
            Channel::Mail(Mailing { language, digest }) => Self::Mail {
                language: match language {
                    Language::Vietnamese => LanguageV1::Vietnamese,
                    Language::English => LanguageV1::English,
                },
                digest: digest
                    .as_ref()
                    .map(|Daily { minute, zone }| DailyV1 { minute: *minute, zone: zone.clone() }),
            },
        }
    }
}

impl From<ChannelV2> for Channel {
    fn from(stored: ChannelV2) -> Self {
        match stored {
            ChannelV2::Webhook(FormV2::Native) => Self::Webhook(Form::Native),
            ChannelV2::Webhook(FormV2::CloudEvents) => Self::Webhook(Form::CloudEvents),
            ChannelV2::Webhook(FormV2::Template(name)) => Self::Webhook(Form::Template(name)),
            ChannelV2::WebSub { topic, until } => Self::WebSub { topic, until: until.0 },
            ChannelV2::Mail { language, digest } => Self::Mail(Mailing {
                language: match language {
                    LanguageV1::Vietnamese => Language::Vietnamese,
                    LanguageV1::English => Language::English,
                },
                digest: digest.map(|DailyV1 { minute, zone }| Daily { minute, zone }),
            }),
        }
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
