//! Who may read a private feed: the holder of one of its tokens, which stands in the address (`/p/TOKEN/feeds/…`:
//! most readers know nothing else) or is the password, or the name, of HTTP Basic (RFC 7617).
//!
//! A token never gets into a log: paths are told without it ([`told`]).

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::error::Problem;
use crate::{publish::Feed, push::mail::link::Purpose};

/// Where addresses with a token begin.
const PREFIX: &str = "/p/";

/// The token that stood in an address.
#[derive(Clone, Debug)]
pub(super) struct Token(Arc<str>);

impl Token {
    /// What its holder has.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Who asks: what stood before `/feeds/` in the address, where something did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reader {
    /// `/p/TOKEN`, for the addresses in what is sent.
    pub(super) prefix: Option<Arc<str>>,
}

/// The request with its token taken out of the address. Only feeds have such addresses.
pub(super) fn without_token(mut request: Request) -> Request {
    let Some((token, rest)) = request.uri().path().strip_prefix(PREFIX).and_then(|path| path.split_once('/'))
    else {
        return request;
    };
    if token.is_empty() || !rest.starts_with("feeds/") {
        return request;
    }
    let token = Token(token.into());
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    if let Ok(path) = format!("/{rest}{query}").parse::<PathAndQuery>() {
        *request.uri_mut() = Uri::from(path);
        request.extensions_mut().insert(token);
    }
    request
}

/// A path as logs may show it.
pub(super) fn told(path: &str) -> &str {
    match path {
        _ if path.starts_with(PREFIX) => "/p/…",
        _ if path.starts_with("/s/") => "/s/…",
        _ if path.starts_with(Purpose::Confirm.path()) => "/m/…",
        _ if path.starts_with(Purpose::Unsubscribe.path()) => "/u/…",
        _ if path.starts_with(super::websub::PREFIX) => "/websub/…",
        path => path,
    }
}

/// Lets a request through to `feed`, or says why not.
pub(super) fn check(
    feed: &Feed,
    token: Option<&Token>,
    headers: &HeaderMap,
) -> Result<Reader, Box<Response>> {
    if !feed.is_private() {
        // An address with a token that nobody asked for still leads to the feed, under its own address.
        return Ok(Reader { prefix: None });
    }
    if let Some(Token(token)) = token {
        if feed.lets_in(Some(token)) {
            return Ok(Reader { prefix: Some(format!("{PREFIX}{token}").into()) });
        }
        let gone = Problem::new(StatusCode::NOT_FOUND, "there is no feed at this address")
            .hint("its token may have been taken back: ask who gave it to you");
        return Err(Box::new(gone.into_response()));
    }
    let given = basic(headers);
    let lets_in = |part: Option<&String>| part.is_some_and(|token| feed.lets_in(Some(token)));
    let (name, password) = given.unzip();
    if lets_in(password.as_ref()) || lets_in(name.as_ref()) {
        return Ok(Reader { prefix: None });
    }
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "this feed is private: it needs a token");
    let mut response = problem.hint("give it as the password of HTTP Basic").into_response();
    let basic = HeaderValue::from_static("Basic realm=\"feeds\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    Err(Box::new(response))
}

/// Name and password of HTTP Basic (RFC 7617, section 2).
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::publish::Access;

    const TOKEN: &str = "0123456789abcdefghij";

    fn feed() -> Feed {
        let hash = |token: &str| *blake3::hash(token.as_bytes()).as_bytes();
        let access = Access::Private(vec![hash("another-token-of-twenty"), hash(TOKEN)]);
        Feed { access, ..Feed::new("quan1".parse().unwrap(), "Quận 1", Vec::new()) }
    }

    fn request(path: &str) -> Request {
        without_token(Request::builder().uri(path).body(Body::empty()).unwrap())
    }

    fn with_basic(text: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(text));
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_taken_out_of_the_address_of_feeds_only() {
        let taken = request("/p/abc/feeds/quan1.rss?q=x");
        assert_eq!(taken.uri(), "/feeds/quan1.rss?q=x");
        assert_eq!(&*taken.extensions().get::<Token>().unwrap().0, "abc");
        for path in [
            "/p/abc/metrics",
            "/p//feeds/quan1.rss",
            "/p/abc",
            "/feeds/p/abc/feeds/x",
            "/p/abc/api/v1/feeds/",
        ] {
            let left = request(path);
            assert_eq!(left.uri(), path);
            assert!(left.extensions().get::<Token>().is_none());
        }
    }

    #[test]
    fn a_token_opens_its_feed_and_a_wrong_one_does_not() {
        let none = HeaderMap::new();
        let token = |text: &str| Token(text.into());
        let reader = check(&feed(), Some(&token(TOKEN)), &none).unwrap();
        assert_eq!(reader.prefix.as_deref(), Some("/p/0123456789abcdefghij"));
        for wrong in ["", "0123456789abcdefghi", "0123456789abcdefghijk", "0123456789ABCDEFGHIJ"] {
            assert_eq!(
                check(&feed(), Some(&token(wrong)), &none).unwrap_err().status(),
                StatusCode::NOT_FOUND
            );
        }
        for right in [format!("reader:{TOKEN}"), format!(":{TOKEN}"), format!("{TOKEN}:")] {
            assert_eq!(check(&feed(), None, &with_basic(&right)).unwrap(), Reader { prefix: None });
        }
        for wrong in ["", ":", "reader:", "reader:wrong", TOKEN] {
            let refused = check(&feed(), None, &with_basic(wrong)).unwrap_err();
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{wrong}");
            assert!(refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
        }
        assert!(check(&Feed { access: Access::Public, ..feed() }, None, &none).is_ok());
        assert!(
            check(&Feed { access: Access::Private(Vec::new()), ..feed() }, Some(&token(TOKEN)), &none)
                .is_err()
        );
    }

    #[test]
    fn logs_do_not_tell_tokens() {
        assert_eq!(told("/p/secret/feeds/quan1.rss"), "/p/…");
        assert_eq!(told("/websub/quan1/0123"), "/websub/…");
        assert_eq!(told("/m/sub_1.0123"), "/m/…");
        assert_eq!(told("/u/sub_1.0123?lang=en"), "/u/…");
        assert_eq!(told("/feeds/quan1.rss"), "/feeds/quan1.rss");
    }
}
