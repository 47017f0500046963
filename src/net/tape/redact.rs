//! What a recording does not keep: credentials. Pure.
//!
//! Header fields keep their names, parameters theirs; only the value goes. What a page itself says is kept as it is.

use std::sync::LazyLock;

use regex::Regex;
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

/// Parameters of addresses that are credentials wherever they stand, with their values.
static PARAMETERS: LazyLock<Regex> = LazyLock::new(|| {
    let names = "access_token|api[_-]?key|auth_token|client_secret|passw(?:or)?d|pwd|secret|token";
    Regex::new(&format!(r#"(?i)([?&;](?:{names})=)[^&\#\s`"<>]+"#)).expect("a constant pattern")
});

/// Names and passwords before the host of an address.
static NAMES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)([a-z]://)[^/?\#\s@`"<>]*@"#).expect("a constant pattern"));

/// An address without name and password, and without the values of parameters that are credentials.
pub(super) fn address(url: &Url) -> Url {
    // Both are taken away or made letters: what was an address is one.
    Url::parse(&redacted(url.as_str())).unwrap_or_else(|_| url.clone())
}

/// A text with the addresses in it treated likewise.
pub fn redacted(text: &str) -> String {
    let text = NAMES.replace_all(text, "${1}");
    PARAMETERS.replace_all(&text, format!("${{1}}{GONE}")).into_owned()
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
    if let Some(Ok(value)) = location.map(|text| HeaderValue::from_bytes(redacted(text).as_bytes())) {
        kept.insert(LOCATION, value);
    }
    kept
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
        check("https://a.vn/?secret=a;b')c&d", "https://a.vn/?secret=redacted&d");
        check("https://a.vn/rss?api_key=k", "https://a.vn/rss?api_key=redacted");
        check("https://a.vn/x?token=&key=7&a=token", "https://a.vn/x?token=&key=7&a=token");
        check("div.token > a", "div.token > a");
        check("/x?password=1#t", "/x?password=redacted#t");
        check("cannot fetch `http://me@a.vn/?pwd=1`: no", "cannot fetch `http://a.vn/?pwd=redacted`: no");
        check("to an@a.vn, or http://a.vn/an@b", "to an@a.vn, or http://a.vn/an@b");
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
