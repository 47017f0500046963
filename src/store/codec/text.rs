//! Values that are bytes in the store and text in an export.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::model::{ArticleId, Digest, Timestamp};

/// An instant; RFC 3339 in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(pub(super) Timestamp);

/// An article's id; `urn:uuid:…` in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(pub(super) ArticleId);

/// A digest; hexadecimal in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(pub(super) Digest);

/// Secret bytes; base64 in an export, never in a message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(super) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bytes(…)")
    }
}

/// Serializes as text for people, and as the given plain value otherwise.
macro_rules! text_for_people {
    ($name:ident as $plain:ty, |$value:ident| $print:expr, |$text:ident| $read:expr, |$out:ident| $to:expr, |$in:ident| $from:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    let $value = &self.0;
                    serializer.serialize_str(&$print)
                } else {
                    let $out = &self.0;
                    $to.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let $text = String::deserialize(deserializer)?;
                    $read.map(Self).map_err(D::Error::custom)
                } else {
                    let $in = <$plain>::deserialize(deserializer)?;
                    Ok(Self($from))
                }
            }
        }
    };
}

text_for_people!(
    Instant as i64,
    |value| value.to_string(),
    |text| text.parse::<Timestamp>(),
    |out| out.as_millis(),
    |millis| Timestamp::from_millis(millis)
);

text_for_people!(
    Id as [u8; 16],
    |value| value.to_string(),
    |text| text.parse::<ArticleId>(),
    |out| out.as_bytes(),
    |bytes| ArticleId::from_bytes(bytes)
);

text_for_people!(
    Hash as [u8; 16],
    |value| format!("{:032x}", u128::from_be_bytes(value.0)),
    |text| u128::from_str_radix(&text, 16).map(|number| Digest(number.to_be_bytes())),
    |out| out.0,
    |bytes| Digest(bytes)
);

text_for_people!(
    Bytes as Vec<u8>,
    |value| BASE64.encode(value),
    |text| BASE64.decode(text),
    |out| out,
    |bytes| bytes
);
