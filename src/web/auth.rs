//! Who may change things: the holder of the bearer token (RFC 6750).

use axum::http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq;

use super::{State, error::Problem};

/// Refuses a request that does not carry the token.
pub fn require(state: &State, headers: &HeaderMap) -> Result<(), Problem> {
    check(&state.token, headers)
}

fn check(token: &str, headers: &HeaderMap) -> Result<(), Problem> {
    match bearer(headers) {
        Some(given) if bool::from(given.as_bytes().ct_eq(token.as_bytes())) => Ok(()),
        Some(_) => Err(Problem::new(StatusCode::UNAUTHORIZED, "this token is not the one of this server")),
        None => {
            Err(Problem::new(StatusCode::UNAUTHORIZED, "this needs the header `Authorization: Bearer TOKEN`")
                .hint("the token is in `api-token` in the store's folder, unless `web.token` says another"))
        }
    }
}

/// The token given; an empty one is none, whatever the server's is.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(token: &str, given: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, given.parse().unwrap())]);
        check(token, &headers).is_ok()
    }

    #[test]
    fn only_the_token_opens() {
        for given in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "] {
            assert!(passes("s3cret", given), "{given}");
        }
        for given in ["", "Bearer", "Bearer ", "s3cret", "Basic s3cret", "Bearer s3cre", "Bearer s3cret2"] {
            assert!(!passes("s3cret", given), "{given}");
        }
        assert!(check("s3cret", &HeaderMap::new()).is_err());
    }

    #[test]
    fn an_empty_token_opens_to_nobody() {
        for given in ["Bearer ", "Bearer  ", "Bearer"] {
            assert!(!passes("", given), "{given}");
        }
    }
}
