//! Query parameters: those we know are checked, the others are nobody's business.

use std::{ops::RangeInclusive, str::FromStr};

use axum::http::Uri;
use url::form_urlencoded;

use crate::web::error::Problem;

/// The parameters of one request.
pub(in crate::web) struct Params(Vec<(String, String)>);

impl Params {
    /// Those of `uri`; empty ones count as absent.
    pub(in crate::web) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
        Self(pairs.into_owned().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// What `name` says; a parameter given twice is refused rather than guessed.
    pub(in crate::web) fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Problem::field(name, format!("`{name}` is given more than once"))),
            (value, None) => Ok(value),
        }
    }

    /// What `name` says as a `T`; `expected` says what that is.
    pub(in crate::web) fn parsed<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let wrong = || Problem::field(name, format!("`{value}` is not {expected}"));
        value.parse().map(Some).map_err(|_| wrong())
    }

    /// A number within `range`, or `default`.
    pub(in crate::web) fn number(
        &self,
        name: &str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, Problem> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        match self.parsed(name, &expected)? {
            None => Ok(default),
            Some(number) if range.contains(&number) => Ok(number),
            Some(number) => Err(Problem::field(name, format!("`{number}` is not {expected}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(query: &str) -> Result<usize, Option<String>> {
        let uri = format!("/?{query}").parse().unwrap();
        Params::of(&uri).number("limit", 1..=200, 50).map_err(|problem| problem.field)
    }

    #[test]
    fn numbers_are_checked_and_the_parameter_named() {
        assert_eq!(limit(""), Ok(50));
        assert_eq!(limit("limit="), Ok(50));
        assert_eq!(limit("limit=200&other=%FF"), Ok(200));
        for wrong in ["0", "201", "-1", "ten", "1e2", "99999999999999999999999"] {
            assert_eq!(limit(&format!("limit={wrong}")), Err(Some("limit".to_owned())), "{wrong}");
        }
        assert_eq!(limit("limit=1&limit=2"), Err(Some("limit".to_owned())));
    }
}
