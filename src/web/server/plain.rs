//! Which requests the hot path may look at: a GET or HEAD under `/feeds/` with nothing in it that changes what a
//! request means or where it ends. Whoever asks anything else is hyper's.

use std::mem::MaybeUninit;

/// The most header fields of a plain request. Readers send about ten.
const MAX_FIELDS: usize = 32;

/// A request that says no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) struct Plain<'a> {
    /// `GET` or `HEAD`.
    pub(in crate::web) method: &'static str,
    /// Begins with `/feeds/` and has no query.
    pub(in crate::web) path: &'a str,
    /// `Accept-Encoding`
    pub(in crate::web) encodings: Option<&'a [u8]>,
    /// `If-None-Match`
    pub(in crate::web) tags: Option<&'a [u8]>,
    /// `If-Modified-Since`
    pub(in crate::web) since: Option<&'a [u8]>,
}

/// The plain request at the start of `input`, and where it ends. `None`: it is not plain, or not whole yet.
///
/// Refused here, and so left to hyper: bodies and everything that frames them (RFC 9112, section 6), a host that is
/// missing or named twice (section 3.2), `Connection` with anything but `keep-alive`, and fields that ask for more than
/// a document (`Upgrade`, `Expect`, `TE`, `Authorization`, and `A-IM` of RFC 3229).
pub(super) fn parse(input: &[u8]) -> Option<(Plain<'_>, usize)> {
    let method = match input {
        [b'G', b'E', b'T', b' ', ..] => "GET",
        [b'H', b'E', b'A', b'D', b' ', ..] => "HEAD",
        _ => return None,
    };
    if !input.get(method.len() + 1..)?.starts_with(b"/feeds/") {
        return None;
    }
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(input, &mut fields).ok()?;
    let httparse::Status::Complete(length) = parsed else { return None };
    let path = request.path.filter(|path| request.version == Some(1) && !path.contains(['?', '#', '%']))?;
    let mut plain = Plain { method, path, encodings: None, tags: None, since: None };
    let mut host = None;
    for field in &*request.headers {
        let place = match kind(field.name) {
            Kind::Harmless => continue,
            Kind::Connection if field.value.eq_ignore_ascii_case(b"keep-alive") => continue,
            Kind::Connection | Kind::Meaningful => return None,
            Kind::Host => &mut host,
            Kind::Encodings => &mut plain.encodings,
            Kind::Tags => &mut plain.tags,
            Kind::Since => &mut plain.since,
        };
        // Fields on several lines are rare: hyper puts them together.
        if place.replace(field.value).is_some() {
            return None;
        }
    }
    host.map(|_| (plain, length))
}

enum Kind {
    Host,
    Connection,
    Encodings,
    Tags,
    Since,
    /// It may change what the request means.
    Meaningful,
    Harmless,
}

fn kind(name: &str) -> Kind {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    // By length first: most fields of a request are none of these.
    match name.len() {
        4 if is("host") => Kind::Host,
        10 if is("connection") => Kind::Connection,
        15 if is("accept-encoding") => Kind::Encodings,
        13 if is("if-none-match") => Kind::Tags,
        17 if is("if-modified-since") => Kind::Since,
        2 if is("te") => Kind::Meaningful,
        4 if is("a-im") => Kind::Meaningful,
        6 if is("expect") => Kind::Meaningful,
        7 if is("upgrade") || is("trailer") => Kind::Meaningful,
        13 if is("authorization") => Kind::Meaningful,
        14 if is("content-length") || is("http2-settings") => Kind::Meaningful,
        16 if is("proxy-connection") => Kind::Meaningful,
        17 if is("transfer-encoding") => Kind::Meaningful,
        _ => Kind::Harmless,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_plain(text: &str) -> bool {
        parse(text.as_bytes()).is_some()
    }

    #[test]
    fn what_readers_send_is_plain() {
        let text = "GET /feeds/quan1.rss HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\naccept-encoding: gzip, br\r\n\
                    If-None-Match: \"a\"\r\nConnection: Keep-Alive\r\nIf-Modified-Since: then\r\n\r\nGET /";
        let (plain, length) = parse(text.as_bytes()).unwrap();
        assert_eq!(text.as_bytes().split_at(length).1, b"GET /");
        let expected = Plain {
            method: "GET",
            path: "/feeds/quan1.rss",
            encodings: Some(b"gzip, br"),
            tags: Some(b"\"a\""),
            since: Some(b"then"),
        };
        assert_eq!(plain, expected);
        assert_eq!(parse(b"HEAD /feeds/x.rss HTTP/1.1\r\nHost: x\r\n\r\n").unwrap().0.method, "HEAD");
    }

    #[test]
    fn everything_else_is_for_hyper() {
        let get = "GET /feeds/x.rss HTTP/1.1\r\nHost: x\r\n";
        assert!(is_plain(&format!("{get}\r\n")));
        for field in [
            "Host: y",
            "Content-Length: 0",
            "content-length: 5",
            "Transfer-Encoding: chunked",
            "TRANSFER-ENCODING: xchunked",
            "Transfer-Encoding : chunked",
            "Connection: close",
            "Connection: keep-alive, upgrade",
            "Upgrade: h2c",
            "HTTP2-Settings: x",
            "Expect: 100-continue",
            "TE: trailers",
            "Trailer: x",
            "A-IM: feed",
            "Authorization: Bearer x",
            "X: a\r\n b",
            "X: a\0b",
            "X: a\rb",
            "X y: z",
            ": z",
            "Accept-Encoding: gzip\r\nAccept-Encoding: br",
        ] {
            assert!(!is_plain(&format!("{get}{field}\r\n\r\n")), "{field}");
        }
        for request in [
            "GET /feeds/x.rss HTTP/1.1\r\n\r\n",
            "GET /feeds/x.rss HTTP/1.0\r\nHost: x\r\n\r\n",
            "GET /feeds/x.rss HTTP/2.0\r\nHost: x\r\n\r\n",
            "GET /feeds/x.rss\r\nHost: x\r\n\r\n",
            "GET /feeds/x.rss?since=1 HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /feeds/%78.rss HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET http://x/feeds/x.rss HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET  /feeds/x.rss HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /feeds/x.rss HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /p/secret/feeds/x.rss HTTP/1.1\r\nHost: x\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            assert!(!is_plain(request), "{request}");
        }
        assert!(!is_plain(&format!("{get}{}\r\n", "X: y\r\n".repeat(MAX_FIELDS))));
        assert!((0..get.len() + 2).all(|end| parse(&format!("{get}\r\n").as_bytes()[..end]).is_none()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            for start in [&b"GET /feeds/"[..], b"HEAD /feeds/x.rss HTTP/1.1\r\nHost: x\r\n", b""] {
                let input = [start, &rest].concat();
                if let Some((_, length)) = parse(&input) {
                    prop_assert!(length <= input.len());
                }
            }
        }
    }
}
