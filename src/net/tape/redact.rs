//! What a recording does not keep: credentials. Pure.
//!
//! Header fields keep their names, parameters theirs; only the value goes. What a page itself says is kept as it is.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use url::Url;

/// What stands where a secret stood.
const GONE: &str = "redacted";

/// Requests: a list of what is harmless is complete, a list of secrets never is.
const HARMLESS: [&str; 11] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-language",
    "content-length",
    "content-type",
    "host",
    "if-modified-since",
    "if-none-match",
    "range",
    "user-agent",
];

/// Parameters of addresses that are credentials wherever they stand.
const PARAMETERS: [&str; 11] = [
    "access_token",
    "api_key",
    "api-key",
    "apikey",
    "auth_token",
    "client_secret",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
];

/// An address without name and password, and without the values of parameters that are credentials.
pub(super) fn address(url: &Url) -> Url {
    let mut url = url.clone();
    // An address that cannot have them has none.
    url.set_username("").ok();
    url.set_password(None).ok();
    if let Some(query) = url.query().map(parameters) {
        url.set_query(Some(&query));
    }
    url
}

/// A text with an address in it, likewise; every other text as it is.
pub fn redacted(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if address(&url) != url => address(&url).into(),
        _ => text.to_owned(),
    }
}

/// A query, piece by piece, so that what is no secret stays byte by byte.
fn parameters(query: &str) -> String {
    let piece = |piece: &str| match piece.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret(name) => format!("{name}={GONE}"),
        _ => piece.to_owned(),
    };
    query.split('&').map(piece).collect::<Vec<_>>().join("&")
}

fn is_secret(name: &str) -> bool {
    PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// The header of a request.
pub(super) fn request(headers: &HeaderMap) -> HeaderMap {
    kept(headers, |name| HARMLESS.contains(&name.as_str()))
}

/// The header of an answer: without cookies and whatever calls itself a secret. Where it redirects to is an address.
pub(super) fn answer(headers: &HeaderMap) -> HeaderMap {
    const SECRET: [&str; 5] = ["cookie", "token", "secret", "api-key", "authentication-info"];
    let mut kept = kept(headers, |name| !SECRET.iter().any(|secret| name.as_str().contains(secret)));
    let location = kept.get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    if let Some(Ok(value)) = location.map(|text| HeaderValue::from_bytes(link(text).as_bytes())) {
        kept.insert(LOCATION, value);
    }
    kept
}

/// A link, whole or relative.
fn link(text: &str) -> String {
    let text = redacted(text);
    match text.split_once('?') {
        Some((path, query)) => {
            let (query, rest) = query.split_at(query.find('#').unwrap_or(query.len()));
            format!("{path}?{}{rest}", parameters(query))
        }
        None => text,
    }
}

fn kept(headers: &HeaderMap, is_harmless: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let gone = HeaderValue::from_static(GONE);
    let value = |name: &HeaderName, value: &HeaderValue| {
        if is_harmless(name) { value.clone() } else { gone.clone() }
    };
    headers.iter().map(|(name, was)| (name.clone(), value(name, was))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_credentials_and_nothing_else() {
        let check = |text: &str, expected: &str| {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(expected), expected, "once more");
        };
        check("https://me:pw@a.vn/x?a=1&Token=abc&b=%20#t", "https://a.vn/x?a=1&Token=redacted&b=%20#t");
        check("https://a.vn/rss?api_key=k", "https://a.vn/rss?api_key=redacted");
        check("https://a.vn/x?token=&key=7&a=token", "https://a.vn/x?token=&key=7&a=token");
        check("div.token > a", "div.token > a");
        assert_eq!(link("/x?password=1#t"), "/x?password=redacted#t");
        assert_eq!(link("//me@a.vn/x"), "//me@a.vn/x", "the client drops names of redirects itself");
    }

    #[test]
    fn headers_keep_their_names() {
        let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &str)| {
                (HeaderName::from_static(name), value.parse().unwrap())
            };
            pairs.iter().map(pair).collect()
        };
        let asked = [("accept", "*/*"), ("authorization", "Basic x"), ("cookie", "a=b"), ("x-key", "1")];
        let expected = [("accept", "*/*"), ("authorization", GONE), ("cookie", GONE), ("x-key", GONE)];
        assert_eq!(request(&headers(&asked)), headers(&expected));
        let said =
            [("set-cookie", "s=1"), ("etag", "\"1\""), ("x-auth-token", "t"), ("location", "/?token=1")];
        let expected = [
            ("set-cookie", GONE),
            ("etag", "\"1\""),
            ("x-auth-token", GONE),
            ("location", "/?token=redacted"),
        ];
        assert_eq!(answer(&headers(&said)), headers(&expected));
    }
}
