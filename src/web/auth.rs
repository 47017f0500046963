//! Who may change things: the holder of the bearer token (RFC 6750).

use axum::http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq;

use super::{State, error::Problem};

/// Refuses a request that does not carry the token.
pub fn require(state: &State, headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match given {
        Some(token) if bool::from(token.as_bytes().ct_eq(state.token.as_bytes())) => Ok(()),
        Some(_) => Err(Problem::new(StatusCode::UNAUTHORIZED, "this token is not the one of this server")),
        None => {
            Err(Problem::new(StatusCode::UNAUTHORIZED, "this needs the header `Authorization: Bearer TOKEN`")
                .hint("the token is in `api-token` in the store's folder, unless `web.token` says another"))
        }
    }
}
