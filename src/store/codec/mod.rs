//! Stored forms: one struct per record and version, never the `model` types themselves, so that those can change
//! without a look at what lies on disks.
//!
//! A stored value is `version, packing, parts, payload`: one byte, one byte, two bytes (big-endian), and the struct
//! of that version in postcard, compressed where that makes it smaller. `parts` counts the further values over which
//! a large record is spread, so that no single value is large enough for sled to move it to a file of its own.
//!
//! To change a record: leave its `V1` alone, add a `V2`, write `V2`, and read both. The tests hold the bytes of each
//! version still.

/// A stored twin of a plain `model` type, with the way there and back. Its fields and their order never change.
macro_rules! mirror {
    ($vis:vis enum $stored:ident = $model:ident { $($variant:ident),+ }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        $vis enum $stored { $($variant),+ }

        impl From<$model> for $stored {
            fn from(value: $model) -> Self {
                match value { $($model::$variant => Self::$variant),+ }
            }
        }

        impl From<$stored> for $model {
            fn from(stored: $stored) -> Self {
                match stored { $($stored::$variant => Self::$variant),+ }
            }
        }
    };
    (struct $stored:ident = $model:ident { $($field:ident: $type:ty),+ }) => {
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        struct $stored { $($field: $type),+ }

        impl From<$model> for $stored {
            fn from(value: $model) -> Self {
                Self { $($field: value.$field),+ }
            }
        }

        impl From<$stored> for $model {
            fn from(stored: $stored) -> Self {
                Self { $($field: stored.$field),+ }
            }
        }
    };
}
use mirror;

mod article;
mod backfill;
mod canary;
mod event;
mod following;
mod gate;
mod mended;
mod source;
mod subscription;
mod text;
mod token;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Error, Result,
    keys::{self, Kind},
};

pub(super) use article::{AliasV1, ArticleV1, ArticleV2, KnownV1};
pub(super) use backfill::BackfillV1;
pub(super) use canary::CanaryV1;
pub(super) use event::{AttemptV1, CursorV1, DeliveryV1, EventV1, MetaV1};
pub(super) use following::FollowingV1;
pub(super) use gate::GateV1;
pub(super) use mended::MendedV1;
pub(super) use source::SourceV1;
pub(super) use subscription::{SubscriptionV1, SubscriptionV2, SubscriptionV3, SubscriptionV4};
pub(super) use token::TokenV1;

/// The version in which records are written, and those in which articles and subscriptions are.
const VERSION: u8 = 1;
const ARTICLE: u8 = 2;
const SUBSCRIPTION: u8 = 4;

/// What a value of the table may hold of a record. Sled's leaves hold 16 values and stay far below the 128 KiB from
/// which it would move a leaf to a file of its own.
pub(super) const PART: usize = 4096;

/// The largest record, decompressed: what claims to be larger is not read.
pub(super) const LARGEST: usize = 64 << 20;

/// Below this nothing is won by compression.
const WORTH_PACKING: usize = 256;

/// A compression level that is fast enough to not be noticed beside the fetch.
const LEVEL: i32 = 3;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const HEADER: usize = 4;

/// Any record, in the version in which it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored {
    /// See [`MetaV1`].
    Meta(MetaV1),
    /// See [`CursorV1`].
    Cursor(CursorV1),
    /// A delivery that waits.
    Queued(DeliveryV1),
    /// A delivery that was given up for now.
    Parked(DeliveryV1),
    /// See [`SubscriptionV4`].
    Subscription(Box<SubscriptionV4>),
    /// See [`SourceV1`].
    Source(Box<SourceV1>),
    /// See [`EventV1`].
    Event(EventV1),
    /// See [`AliasV1`].
    Alias(AliasV1),
    /// See [`KnownV1`].
    Known(KnownV1),
    /// See [`ArticleV2`].
    Article(Box<ArticleV2>),
    /// See [`AttemptV1`].
    Attempt(AttemptV1),
    /// See [`FollowingV1`].
    Following(Box<FollowingV1>),
    /// See [`CanaryV1`].
    Canary(Box<CanaryV1>),
    /// See [`TokenV1`].
    Token(TokenV1),
    /// See [`BackfillV1`].
    Backfill(Box<BackfillV1>),
    /// See [`GateV1`].
    Gate(Box<GateV1>),
    /// See [`MendedV1`].
    Mended(MendedV1),
}

/// A record that is larger than what would be read again, and its size.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge(pub(super) usize);

/// A record as the values of its key and of its further parts.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<Vec<u8>>, TooLarge> {
    encode_as(VERSION, record)
}

/// The same of a subscription.
pub(super) fn encode_subscription(record: &SubscriptionV4) -> Result<Vec<Vec<u8>>, TooLarge> {
    encode_as(SUBSCRIPTION, record)
}

/// The same of a revision of an article.
pub(super) fn encode_article(record: &ArticleV2) -> Result<Vec<Vec<u8>>, TooLarge> {
    encode_as(ARTICLE, record)
}

fn encode_as<T: Serialize>(version: u8, record: &T) -> Result<Vec<Vec<u8>>, TooLarge> {
    let plain = postcard::to_allocvec(record).expect("plain structs in memory always serialize");
    if plain.len() > LARGEST {
        return Err(TooLarge(plain.len()));
    }
    let (packing, payload) = pack(plain);
    let (first, rest) = payload.split_at(payload.len().min(PART));
    let parts: Vec<Vec<u8>> = rest.chunks(PART).map(<[u8]>::to_vec).collect();
    let count = u16::try_from(parts.len())
        .expect("a record stays below LARGEST, which is far less than 65,535 parts");
    let mut head = Vec::with_capacity(HEADER + first.len());
    head.extend([version, packing]);
    head.extend(count.to_be_bytes());
    head.extend(first);
    Ok(std::iter::once(head).chain(parts).collect())
}

/// How many further parts a value announces.
pub(super) fn parts(key: &[u8], value: &[u8]) -> Result<u16> {
    let (version, rest) = version(key, value, SUBSCRIPTION)?;
    Ok(split(key, version, rest)?.1)
}

/// Reads a record from its value, followed by its parts.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T> {
    let (version, rest) = version(key, value, VERSION)?;
    decode_rest(key, version, rest)
}

/// The same of a revision of an article, whichever version wrote it.
pub(super) fn decode_article(key: &[u8], value: &[u8]) -> Result<ArticleV2> {
    match version(key, value, ARTICLE)? {
        (1, rest) => decode_rest::<ArticleV1>(key, 1, rest).map(ArticleV2::from),
        (version, rest) => decode_rest(key, version, rest),
    }
}

/// The same of a subscription, whichever version wrote it.
pub(super) fn decode_subscription(key: &[u8], value: &[u8]) -> Result<SubscriptionV4> {
    match version(key, value, SUBSCRIPTION)? {
        (1, rest) => decode_rest::<SubscriptionV1>(key, 1, rest).map(SubscriptionV4::from),
        (2, rest) => decode_rest::<SubscriptionV2>(key, 2, rest).map(SubscriptionV4::from),
        (3, rest) => decode_rest::<SubscriptionV3>(key, 3, rest).map(SubscriptionV4::from),
        (version, rest) => decode_rest(key, version, rest),
    }
}

fn decode_rest<T: DeserializeOwned>(key: &[u8], version: u8, rest: &[u8]) -> Result<T> {
    let (packing, _, payload) = split(key, version, rest)?;
    let plain = match packing {
        PLAIN => None,
        ZSTD => Some(unpack(payload).map_err(|cause| damaged(key, &cause))?),
        other => return Err(damaged(key, &format!("packing {other} is unknown"))),
    };
    let bytes = plain.as_deref().unwrap_or(payload);
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Ok(record),
        Ok((_, rest)) => Err(damaged(key, &format!("{} bytes too many", rest.len()))),
        Err(cause) => Err(damaged(key, &cause.to_string())),
    }
}

/// Any record from its value, followed by its parts.
pub(super) fn decode_any(key: &[u8], value: &[u8]) -> Result<Stored> {
    Ok(match Kind::of(key) {
        Some(Kind::Meta) => Stored::Meta(decode(key, value)?),
        Some(Kind::Cursor) => Stored::Cursor(decode(key, value)?),
        Some(Kind::Queued) => Stored::Queued(decode(key, value)?),
        Some(Kind::Parked) => Stored::Parked(decode(key, value)?),
        Some(Kind::Subscription) => Stored::Subscription(Box::new(decode_subscription(key, value)?)),
        Some(Kind::Source) => Stored::Source(decode(key, value)?),
        Some(Kind::Event) => Stored::Event(decode(key, value)?),
        Some(Kind::Alias) => Stored::Alias(decode(key, value)?),
        Some(Kind::Known) => Stored::Known(decode(key, value)?),
        Some(Kind::Article) => Stored::Article(Box::new(decode_article(key, value)?)),
        Some(Kind::Attempt) => Stored::Attempt(decode(key, value)?),
        Some(Kind::Following) => Stored::Following(decode(key, value)?),
        Some(Kind::Canary) => Stored::Canary(decode(key, value)?),
        Some(Kind::Token) => Stored::Token(decode(key, value)?),
        Some(Kind::Backfill) => Stored::Backfill(decode(key, value)?),
        Some(Kind::Mended) => Stored::Mended(decode(key, value)?),
        Some(Kind::Gate) => Stored::Gate(decode(key, value)?),
        Some(Kind::ByDate | Kind::Part) | None => return Err(damaged(key, &"no record stands here")),
    })
}

/// An error that names the key.
pub(super) fn damaged(key: &[u8], cause: &dyn std::fmt::Display) -> Error {
    Error::Damaged { what: format!("{}: {cause}", keys::describe(key)) }
}

fn cause(cause: impl std::fmt::Display) -> String {
    cause.to_string()
}

/// The version of a value, at most `newest`, and what follows it.
fn version<'a>(key: &[u8], value: &'a [u8], newest: u8) -> Result<(u8, &'a [u8])> {
    match value {
        [version, rest @ ..] if (1..=newest).contains(version) => Ok((*version, rest)),
        [version, ..] if *version > newest => Err(damaged(
            key,
            &format!(
                "it has version {version}, this program knows {newest}: a newer `loa` wrote it, use that one"
            ),
        )),
        _ => Err(damaged(key, &"it has no version")),
    }
}

fn split<'a>(key: &[u8], version: u8, rest: &'a [u8]) -> Result<(u8, u16, &'a [u8])> {
    match rest {
        [packing, high, low, payload @ ..] => Ok((*packing, u16::from_be_bytes([*high, *low]), payload)),
        _ => Err(damaged(key, &format!("nothing follows its version, {version}"))),
    }
}

fn pack(plain: Vec<u8>) -> (u8, Vec<u8>) {
    if plain.len() < WORTH_PACKING {
        return (PLAIN, plain);
    }
    let size = u32::try_from(plain.len()).expect("a record stays below LARGEST, which fits");
    match zstd::bulk::compress(&plain, LEVEL) {
        Ok(packed) if packed.len() + 4 < plain.len() => (ZSTD, [&size.to_be_bytes()[..], &packed].concat()),
        _ => (PLAIN, plain),
    }
}

fn unpack(payload: &[u8]) -> Result<Vec<u8>, String> {
    let (size, packed) = payload.split_first_chunk::<4>().ok_or("it is cut off")?;
    let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    if size > LARGEST {
        return Err(format!("it claims {size} bytes, more than {LARGEST}"));
    }
    zstd::bulk::decompress(packed, size).map_err(|cause| cause.to_string())
}

// === impl Stored: the JSON of an export ===

impl Stored {
    fn version(&self) -> u8 {
        match self {
            Self::Subscription(_) => SUBSCRIPTION,
            Self::Article(_) => ARTICLE,
            _ => VERSION,
        }
    }

    /// `{"kind": …, "v": 1, …}`
    pub(super) fn to_json(&self) -> Value {
        let (kind, record) = match self {
            Self::Meta(record) => ("meta", serde_json::to_value(record)),
            Self::Cursor(record) => ("cursor", serde_json::to_value(record)),
            Self::Queued(record) => ("queued", serde_json::to_value(record)),
            Self::Parked(record) => ("parked", serde_json::to_value(record)),
            Self::Subscription(record) => ("subscription", serde_json::to_value(record)),
            Self::Source(record) => ("source", serde_json::to_value(record)),
            Self::Event(record) => ("event", serde_json::to_value(record)),
            Self::Alias(record) => ("alias", serde_json::to_value(record)),
            Self::Known(record) => ("known", serde_json::to_value(record)),
            Self::Article(record) => ("article", serde_json::to_value(record)),
            Self::Attempt(record) => ("attempt", serde_json::to_value(record)),
            Self::Following(record) => ("following", serde_json::to_value(record)),
            Self::Canary(record) => ("canary", serde_json::to_value(record)),
            Self::Token(record) => ("token", serde_json::to_value(record)),
            Self::Backfill(record) => ("backfill", serde_json::to_value(record)),
            Self::Gate(record) => ("gate", serde_json::to_value(record)),
            Self::Mended(record) => ("mended", serde_json::to_value(record)),
        };
        let mut object = Map::new();
        object.insert("kind".to_owned(), kind.into());
        object.insert("v".to_owned(), self.version().into());
        match record.expect("plain structs in memory always serialize") {
            Value::Object(fields) => object.extend(fields),
            _ => unreachable!("every record is a struct with named fields"),
        }
        Value::Object(object)
    }

    /// Reads what `to_json` wrote.
    pub(super) fn from_json(value: Value) -> Result<Self> {
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = value.get("v").and_then(Value::as_u64);
        let newest = match kind.as_str() {
            "subscription" => SUBSCRIPTION,
            "article" => ARTICLE,
            _ => VERSION,
        };
        if !version.is_some_and(|version| (1..=newest.into()).contains(&version)) {
            let version =
                version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
            return Err(unreadable(&kind, &format!("it has {version}, this program knows {newest}")));
        }
        let place = kind.clone();
        match kind.as_str() {
            "meta" => from_value(value).map(Self::Meta),
            "cursor" => from_value(value).map(Self::Cursor),
            "queued" => from_value(value).map(Self::Queued),
            "parked" => from_value(value).map(Self::Parked),
            "subscription" => match version {
                Some(1) => from_value::<SubscriptionV1>(value).map(SubscriptionV4::from),
                Some(2) => from_value::<SubscriptionV2>(value).map(SubscriptionV4::from),
                Some(3) => from_value::<SubscriptionV3>(value).map(SubscriptionV4::from),
                _ => from_value(value),
            }
            .map(|stored| Self::Subscription(Box::new(stored))),
            "source" => from_value(value).map(Self::Source),
            "event" => from_value(value).map(Self::Event),
            "alias" => from_value(value).map(Self::Alias),
            "known" => from_value(value).map(Self::Known),
            "article" if version == Some(1) => {
                from_value::<ArticleV1>(value).map(|first| Self::Article(Box::new(first.into())))
            }
            "article" => from_value(value).map(Self::Article),
            "attempt" => from_value(value).map(Self::Attempt),
            "following" => from_value(value).map(Self::Following),
            "canary" => from_value(value).map(Self::Canary),
            "token" => from_value(value).map(Self::Token),
            "backfill" => from_value(value).map(Self::Backfill),
            "gate" => from_value(value).map(Self::Gate),
            "mended" => from_value(value).map(Self::Mended),
            _ => Err("the kind is unknown".to_owned()),
        }
        .map_err(|cause| unreadable(&place, &cause))
    }

    /// The record's values.
    pub(super) fn encode(&self) -> Result<Vec<Vec<u8>>, TooLarge> {
        match self {
            Self::Meta(record) => encode(record),
            Self::Cursor(record) => encode(record),
            Self::Queued(record) | Self::Parked(record) => encode(record),
            Self::Subscription(record) => encode_subscription(record),
            Self::Source(record) => encode(record),
            Self::Event(record) => encode(record),
            Self::Alias(record) => encode(record),
            Self::Known(record) => encode(record),
            Self::Article(record) => encode_article(record),
            Self::Attempt(record) => encode(record),
            Self::Following(record) => encode(record),
            Self::Canary(record) => encode(record),
            Self::Token(record) => encode(record),
            Self::Backfill(record) => encode(record),
            Self::Gate(record) => encode(record),
            Self::Mended(record) => encode(record),
        }
    }
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|cause| cause.to_string())
}

fn unreadable(kind: &str, cause: &str) -> Error {
    Error::Damaged { what: format!("a record of kind `{kind}` in the export: {cause}") }
}

#[cfg(test)]
mod tests;
