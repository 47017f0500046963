//! Permissions for the API that an operator hands out.

use super::{Timestamp, TokenId};

/// What somebody may do with the API. The token itself is kept nowhere, only its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The name that the operator gave it.
    pub id: TokenId,
    /// BLAKE3 of the token.
    pub hash: [u8; 32],
    /// What it permits.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it permits nothing; `None` for never.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the hour.
    pub used: Option<Timestamp>,
}

/// What a token permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To read what is not public, but no secret: every subscription, and what was said to it.
    Read,
    /// To make subscriptions, and to see and do everything with those that were made with the same token.
    Subscribe,
    /// To push articles into the sources that take them.
    Publish,
    /// Everything, secrets and tokens included.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Subscribe, Self::Publish, Self::Admin];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Admin => "admin",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}
