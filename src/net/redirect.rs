//! Where a redirect leads and what is taken along: a pure function of one request and one answer.

use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{
        ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, USER_AGENT,
    },
};
use url::Url;

use super::error::{Misled, shown};

/// One request of a chain.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Does this answer lead elsewhere? Without a `Location` it is an answer like any other
/// (RFC 9110, section 15.4), and 300 and 304 do not redirect by themselves.
pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Option<&[u8]> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    headers.get(LOCATION).filter(|_| redirects).map(|value| value.as_bytes())
}

/// Did the server say that the new address is for good?
pub(super) fn is_permanent(status: StatusCode) -> bool {
    matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
}

/// The request that follows a redirect. 303 asks for a `GET`, 301 and 302 turn a `POST` into one as every
/// browser does, 307 and 308 keep method and body (RFC 9110, section 15.4).
///
/// From https to http is followed, because many portals still do that; but like every change of scheme, host
/// or port it takes no credentials along.
pub(super) fn next(hop: &Hop, status: StatusCode, location: &[u8]) -> Result<Hop, Misled> {
    let url = target(&hop.url, location)?;
    let mut headers = hop.headers.clone();
    if url.origin() != hop.url.origin() {
        keep_harmless(&mut headers);
    }
    let reads = matches!(hop.method, Method::GET | Method::HEAD);
    let becomes_get = match status {
        StatusCode::SEE_OTHER => !reads,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => hop.method == Method::POST,
        _ => false,
    };
    if !becomes_get {
        return Ok(Hop { method: hop.method.clone(), url, headers, body: hop.body.clone() });
    }
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE] {
        headers.remove(name);
    }
    Ok(Hop { method: Method::GET, url, headers, body: None })
}

/// Raw UTF-8 in `Location` is common on Vietnamese portals; what is not UTF-8 is read as Latin-1.
/// Names and passwords in it are the server's invention and fall away.
fn target(base: &Url, location: &[u8]) -> Result<Url, Misled> {
    let text = match std::str::from_utf8(location) {
        Ok(text) => text.to_owned(),
        Err(_) => location.iter().copied().map(char::from).collect(),
    };
    let nowhere = || Misled::Nowhere(text.chars().take(300).collect());
    let mut url = base.join(text.trim()).map_err(|_| nowhere())?;
    url.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| nowhere())?;
    }
    Ok(url)
}

/// Another host gets what it needs to answer, and nothing that could be a secret: a list of what is harmless
/// is complete, a list of what is not (`Authorization`, `Cookie`, `X-Api-Key` …) never is.
fn keep_harmless(headers: &mut HeaderMap) {
    const HARMLESS: [reqwest::header::HeaderName; 6] =
        [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH, USER_AGENT];
    *headers = headers
        .iter()
        .filter(|(name, _)| HARMLESS.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
}

/// Has the chain been here?
pub(super) fn is_known(chain: &[(Method, Url)], hop: &Hop) -> Result<(), Misled> {
    let known = chain.iter().any(|(method, url)| *method == hop.method && *url == hop.url);
    if known { Err(Misled::Loop(shown(&hop.url))) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let mut headers = HeaderMap::new();
        for name in ["accept", "authorization", "cookie", "x-api-key", "if-none-match", "content-type"] {
            headers.insert(name, "1".parse().unwrap());
        }
        Hop { method, url: url.parse().unwrap(), headers, body: Some(Bytes::from_static(b"x")) }
    }

    #[test]
    fn methods_follow_the_rules_of_the_status() {
        let check = |method: Method, status: u16, expected: Method| {
            let status = StatusCode::from_u16(status).unwrap();
            let next = next(&hop(method, "http://a.vn/"), status, b"/b").unwrap();
            assert_eq!(next.method, expected, "{status}");
            assert_eq!(next.body.is_some(), next.headers.contains_key("content-type"), "{status}");
        };
        for status in [301, 302, 303] {
            check(Method::POST, status, Method::GET);
        }
        for status in [307, 308] {
            check(Method::POST, status, Method::POST);
        }
        check(Method::PUT, 303, Method::GET);
        check(Method::PUT, 301, Method::PUT);
        check(Method::HEAD, 303, Method::HEAD);
        check(Method::GET, 302, Method::GET);
    }

    #[test]
    fn credentials_stay_with_their_host_port_and_scheme() {
        let check = |location: &str, kept: &[&str]| {
            let next =
                next(&hop(Method::GET, "https://a.vn/x"), StatusCode::FOUND, location.as_bytes()).unwrap();
            let mut names: Vec<_> = next.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            assert_eq!(names, kept, "{location}");
        };
        let all = ["accept", "authorization", "content-type", "cookie", "if-none-match", "x-api-key"];
        let harmless = ["accept", "content-type", "if-none-match"];
        check("/y", &all);
        check("https://a.vn:443/y", &all);
        for elsewhere in ["https://b.vn/", "http://a.vn/", "https://a.vn:444/", "//a.vn.evil.com/"] {
            check(elsewhere, &harmless);
        }
    }

    #[test]
    fn targets_are_resolved_like_links() {
        let check = |location: &[u8], expected: &str| {
            let base = "http://a.vn/tin/1?x=1#top".parse().unwrap();
            assert_eq!(target(&base, location).map(|url| url.to_string()), Ok(expected.to_owned()));
        };
        check(b"2", "http://a.vn/tin/2");
        check(b"?x=2", "http://a.vn/tin/1?x=2");
        check(b" /3#x ", "http://a.vn/3");
        check("/tin-tức".as_bytes(), "http://a.vn/tin-t%E1%BB%A9c");
        check(b"/caf\xe9", "http://a.vn/caf%C3%A9");
        check(b"http://user:secret@b.vn/", "http://b.vn/");
        check(b"", "http://a.vn/tin/1?x=1");
        let base = "http://a.vn/".parse().unwrap();
        assert_eq!(target(&base, b"http://"), Err(Misled::Nowhere("http://".to_owned())));
    }

    #[test]
    fn only_a_redirect_with_a_location_leads_elsewhere() {
        let mut headers = HeaderMap::new();
        assert_eq!(location(StatusCode::FOUND, &headers), None);
        headers.insert(LOCATION, "/x".parse().unwrap());
        assert_eq!(location(StatusCode::FOUND, &headers), Some(b"/x".as_slice()));
        for status in [200, 201, 300, 304, 305, 404] {
            assert_eq!(location(StatusCode::from_u16(status).unwrap(), &headers), None, "{status}");
        }
    }
}
