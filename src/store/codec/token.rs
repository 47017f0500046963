//! The stored form of a token of the API. It has a hash of it only.

use serde::{Deserialize, Serialize};

use crate::model::{Scope, Token, TokenId};

use super::text::{Bytes, Instant};

/// What somebody may do with the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenV1 {
    id: String,
    hash: Bytes,
    /// By name.
    scopes: Vec<String>,
    created: Instant,
    expires: Option<Instant>,
    used: Option<Instant>,
}

impl From<&Token> for TokenV1 {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id.to_string(),
            hash: Bytes(token.hash.to_vec()),
            scopes: token.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created: Instant(token.created),
            expires: token.expires.map(Instant),
            used: token.used.map(Instant),
        }
    }
}

impl TryFrom<TokenV1> for Token {
    type Error = String;

    fn try_from(stored: TokenV1) -> Result<Self, String> {
        let scope =
            |name: &String| Scope::parse(name).ok_or_else(|| format!("the scope `{name}` is unknown"));
        Ok(Self {
            id: stored.id()?,
            hash: stored.hash.0.try_into().map_err(|_| "a token's hash has 32 bytes")?,
            scopes: stored.scopes.iter().map(scope).collect::<Result<_, _>>()?,
            created: stored.created.0,
            expires: stored.expires.map(|at| at.0),
            used: stored.used.map(|at| at.0),
        })
    }
}

impl TokenV1 {
    pub(crate) fn id(&self) -> Result<TokenId, String> {
        self.id.parse().map_err(super::cause)
    }
}
