//! Names of things: each its own type, printed and parsed one way.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

/// A name that cannot be used as an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be an id: use 1 to 64 of a-z, A-Z, 0-9, `-` and `_`")]
pub struct InvalidId(pub String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let fits = (1..=64).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                if fits { Ok(Self(text.into())) } else { Err(InvalidId(text.to_owned())) }
            }
        }
    };
}

name! {
    /// A source's key in the configuration. Article ids are minted from it: renaming one re-mints them.
    SourceId
}
name! {
    /// A feed's key in the configuration and in its address.
    FeedId
}
name! {
    /// The name of a token of the API.
    TokenId
}
name! {
    /// A subscription's key: chosen in the configuration, minted for the API.
    SubscriptionId
}

/// The public identity of an article, minted once: `urn:uuid:…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArticleId(Uuid);

/// One line of the journal: 1, 2, 3 … without gaps; 0 stands before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// One immutable state of an article: 1, 2, 3 …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u32);

/// What a source's item is recognized by, unique within its source. The order is the strength: strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKey {
    /// The platform's own item number, with the scope in which it counts: `/tintuc#651`.
    Item(String),
    /// A feed's guid.
    Guid(String),
    /// The canonical URL; without the host where it is the source's own, so that it survives a move.
    Url(String),
    /// Folded title and date, only for items that have nothing else.
    TitleDate(String),
}

// === impl ArticleId ===

impl ArticleId {
    /// Mints the id of an article first seen in `source` under `key`: a UUIDv5 (RFC 9562, section 5.5),
    /// so that a lost store mints the same one again.
    pub fn mint(source: &SourceId, key: &IdentityKey) -> Self {
        /// The namespace of our ids: a UUIDv5 of `loaphuong` in the URL namespace.
        const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6170_6875_5f6e_8761_7274_6963_6c65);
        Self(Uuid::new_v5(&NAMESPACE, format!("{source}\n{key}").as_bytes()))
    }

    /// No article: what lines of the journal name that speak of a source.
    pub const NONE: Self = Self(Uuid::nil());

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The id without `urn:uuid:`, as paths show it.
    pub fn bare(&self) -> String {
        self.0.hyphenated().to_string()
    }
}

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urn:uuid:{}", self.0.hyphenated())
    }
}

/// Reads the id with or without `urn:uuid:`.
impl FromStr for ArticleId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.strip_prefix("urn:uuid:").unwrap_or(text).parse().map(Self)
    }
}

// === impl Seq, Revision ===

impl Seq {
    /// The number after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Revision {
    /// The first state of an article.
    pub const FIRST: Self = Self(1);

    /// The revision after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

// === impl IdentityKey ===

impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(text) => write!(f, "item:{text}"),
            Self::Guid(text) => write!(f, "guid:{text}"),
            Self::Url(text) => write!(f, "url:{text}"),
            Self::TitleDate(text) => write!(f, "title:{text}"),
        }
    }
}

/// Reads what `Display` prints.
impl FromStr for IdentityKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once(':') {
            Some(("item", rest)) => Ok(Self::Item(rest.to_owned())),
            Some(("guid", rest)) => Ok(Self::Guid(rest.to_owned())),
            Some(("url", rest)) => Ok(Self::Url(rest.to_owned())),
            Some(("title", rest)) => Ok(Self::TitleDate(rest.to_owned())),
            _ => Err(InvalidId(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mints_the_same_id_from_the_same_source_and_key() {
        let source: SourceId = "quan1".parse().unwrap();
        let key = IdentityKey::Item("/tintuc#651".into());
        let id = ArticleId::mint(&source, &key);
        assert_eq!(id, ArticleId::mint(&source, &key));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.bare().parse(), Ok(id));
        assert_ne!(id, ArticleId::mint(&"quan3".parse().unwrap(), &key));
    }

    #[test]
    fn keys_survive_print_and_parse_and_sort_by_strength() {
        let keys = [
            IdentityKey::Item("a:b".into()),
            IdentityKey::Guid("tag:x,2020:y".into()),
            IdentityKey::Url("//host/path?x=1".into()),
            IdentityKey::TitleDate("thong bao|2020-07-30".into()),
        ];
        for key in &keys {
            assert_eq!(key.to_string().parse::<IdentityKey>().as_ref(), Ok(key));
        }
        assert!(keys.is_sorted());
    }

    #[test]
    fn refuses_names_that_paths_could_not_carry() {
        for bad in ["", "a b", "../x", "quận", &"x".repeat(65)] {
            assert!(bad.parse::<FeedId>().is_err(), "{bad}");
        }
    }
}
