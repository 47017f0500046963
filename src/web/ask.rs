//! What a feed's address asks of it: `?q=`, `?category=`, `?limit=`, `?content=`, `?collapse=`. Other parameters are nobody's
//! business: readers add some to pass by caches.

use axum::http::Uri;
use url::form_urlencoded::byte_serialize;

use super::{api::params::Params, error::Problem};
use crate::{
    model::{Filter, filter},
    publish::{Extent, Part, Variant},
};

/// The most articles that can be asked for; a feed never shows more.
const MOST: usize = 500;

/// What is asked of a feed. The default is the feed as it is.
#[derive(Debug, Default)]
pub(super) struct Ask {
    /// Only what a filter wants.
    pub(super) part: Option<Part>,
    /// How much of it.
    pub(super) variant: Variant,
}

/// Reads a query, or says what is wrong with it.
pub(super) fn ask(uri: &Uri) -> Result<Ask, Problem> {
    if uri.query().is_none() {
        return Ok(Ask::default());
    }
    let params = Params::of(uri);
    let limit = match params.get("limit")? {
        Some(_) => Some(params.number("limit", 1..=MOST, MOST)?),
        None => None,
    };
    let collapse = collapse(&params)?;
    let variant = Variant { limit, extent: extent(&params)?, collapse, ..Variant::default() };
    Ok(Ask { part: part(&params)?, variant })
}

fn extent(params: &Params) -> Result<Option<Extent>, Problem> {
    match params.get("content")? {
        None => Ok(None),
        Some("full") => Ok(Some(Extent::Full)),
        Some("summary") => Ok(Some(Extent::Summary)),
        Some(other) => Err(Problem::field("content", format!("`{other}` is neither `full` nor `summary`"))),
    }
}

fn collapse(params: &Params) -> Result<bool, Problem> {
    match params.get("collapse")? {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(Problem::field("collapse", format!("`{other}` is neither `1` nor `0`"))),
    }
}

/// The part of a feed, under one address whatever the order and the spelling of what was asked.
fn part(params: &Params) -> Result<Option<Part>, Problem> {
    let category = params.get("category")?.map(|name| (name.trim(), Filter::category(name)));
    let mut filters = Vec::new();
    let mut query = String::new();
    if let Some((name, filter)) = category {
        filters.push(filter.map_err(|error| wrong("category", name, error))?);
        query.push_str(&format!("?category={}", encoded(name)));
    }
    if let Some(filter) = filter(params)? {
        let separator = if query.is_empty() { '?' } else { '&' };
        query.push_str(&format!("{separator}q={}", encoded(&filter.to_string())));
        filters.push(filter);
    }
    let filter = filters.into_iter().reduce(Filter::and);
    Ok(filter.map(|filter| Part { filter, query }))
}

/// `?q=`: a filter.
pub(super) fn filter(params: &Params) -> Result<Option<Filter>, Problem> {
    let Some(text) = params.get("q")? else { return Ok(None) };
    Filter::parse(text).map(Some).map_err(|error| wrong("q", text, error))
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// The problem with a filter, with the place where it is wrong: characters are counted, from 1.
fn wrong(field: &str, text: &str, error: filter::Error) -> Problem {
    let before = text.get(..error.span.start.min(text.len())).unwrap_or(text);
    let place = before.chars().count() + 1;
    let problem = Problem::field(field, format!("{}, at character {place}", error.message));
    match error.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Ask, Problem> {
        ask(&format!("/feeds/quan1.rss?{query}").parse().unwrap())
    }

    #[test]
    fn what_nobody_knows_asks_nothing() {
        for query in ["", "utm_source=x", "cachebuster=1&_=2", "q=", "limit="] {
            let ask = asked(query).unwrap();
            assert!(ask.part.is_none() && ask.variant == Variant::default(), "{query}");
        }
    }

    #[test]
    fn one_part_has_one_address() {
        let queries = [
            "q=b%C3%A1o+c%C3%A1o&category=Tin+t%E1%BB%A9c",
            "category=Tin%20t%E1%BB%A9c&x=1&q=(b%C3%A1o)%20AND%20c%C3%A1o",
        ];
        for query in queries {
            let part = asked(query).unwrap().part.unwrap();
            assert_eq!(part.query, "?category=Tin+t%E1%BB%A9c&q=b%C3%A1o+AND+c%C3%A1o", "{query}");
            assert_eq!(part.filter.to_string(), "category:\"Tin tức\" AND báo AND cáo");
        }
        let variant = asked("limit=7&content=summary").unwrap().variant;
        assert_eq!((variant.limit, variant.extent), (Some(7), Some(Extent::Summary)));
        assert!(!variant.collapse && asked("collapse=1&q=").unwrap().variant.collapse);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let table = [
            ("q=th%C3%B4ng+b%C3%A1o+)", "q", "at character 11"),
            ("q=%22abc", "q", "at character 1"),
            ("category=%20", "category", ""),
            ("limit=0", "limit", "from 1 to 500"),
            ("limit=501", "limit", "from 1 to 500"),
            ("limit=99999999999999999999", "limit", ""),
            ("limit=1&limit=2", "limit", "more than once"),
            ("content=all", "content", "neither"),
            ("collapse=yes", "collapse", "neither"),
        ];
        for (query, field, detail) in table {
            let problem = asked(query).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{query}");
            assert!(problem.detail.contains(detail), "{query}: {}", problem.detail);
        }
    }
}
