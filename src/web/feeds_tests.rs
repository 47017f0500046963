use super::*;

fn sample() -> Document {
    Document {
        content_type: "application/atom+xml; charset=utf-8",
        body: Bytes::from_static(b"<feed>Qu\xe1\xba\xadn 1</feed>"),
        gzip: Bytes::from_static(b"\x1f\x8b..."),
        etag: "\"9f2c\"".into(),
        etag_gzip: "\"9f2c-gz\"".into(),
        last_modified: "2026-03-05T02:15:09Z".parse().unwrap(),
        link: "<https://tin.example/feeds/quan1.atom>; rel=\"self\"".into(),
    }
}

async fn asked(method: Method, pairs: &[(HeaderName, &'static str)]) -> (StatusCode, Vec<String>, Bytes) {
    let headers: HeaderMap =
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    let response = respond(&sample(), Duration::from_secs(300), &method, &headers);
    let (parts, body) = response.into_parts();
    let mut lines: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .filter(|line| !line.starts_with("access-control"))
        .collect();
    lines.sort();
    (parts.status, lines, axum::body::to_bytes(body, 1000).await.unwrap())
}

const ALIKE: [&str; 3] = [
    "cache-control: public, max-age=300, stale-while-revalidate=60, stale-if-error=86400",
    "last-modified: Thu, 05 Mar 2026 02:15:09 GMT",
    "vary: Accept-Encoding",
];

#[tokio::test]
async fn the_identity_bytes_come_with_everything_that_caches_need() {
    let (status, lines, body) = asked(Method::GET, &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, sample().body);
    assert_eq!(
        lines,
        [
            ALIKE[0],
            "content-length: 21",
            "content-type: application/atom+xml; charset=utf-8",
            "etag: \"9f2c\"",
            ALIKE[1],
            "link: <https://tin.example/feeds/quan1.atom>; rel=\"self\"",
            ALIKE[2],
            "x-content-type-options: nosniff",
        ]
    );
}

#[tokio::test]
async fn the_gzipped_bytes_have_a_tag_of_their_own() {
    let (_, lines, body) = asked(Method::GET, &[(header::ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(body, sample().gzip);
    for line in ["content-encoding: gzip", "content-length: 5", "etag: \"9f2c-gz\""] {
        assert!(lines.iter().any(|it| it == line), "{line} is not in {lines:?}");
    }
}

#[tokio::test]
async fn a_head_is_the_get_without_its_body() {
    for pairs in [&[][..], &[(header::ACCEPT_ENCODING, "gzip")]] {
        let (status, lines, body) = asked(Method::HEAD, pairs).await;
        let (expected_status, expected, _) = asked(Method::GET, pairs).await;
        assert_eq!((status, lines, body), (expected_status, expected, Bytes::new()));
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let table: [&[(HeaderName, &'static str)]; 3] = [
        &[(header::IF_NONE_MATCH, "\"9f2c\"")],
        &[(header::IF_NONE_MATCH, "W/\"9f2c-gz\""), (header::ACCEPT_ENCODING, "gzip")],
        &[(header::IF_MODIFIED_SINCE, "Thu, 05 Mar 2026 02:15:09 GMT")],
    ];
    for pairs in table {
        for method in [Method::GET, Method::HEAD] {
            let (status, lines, body) = asked(method, pairs).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{pairs:?}");
            assert!(ALIKE.iter().all(|line| lines.iter().any(|it| it == line)), "{lines:?}");
            assert!(lines.iter().any(|line| line.starts_with("etag: ")));
            assert!(!lines.iter().any(|line| line.starts_with("content-")), "{lines:?}");
        }
    }
}

#[tokio::test]
async fn the_other_codings_tag_is_another_representation() {
    let (status, ..) = asked(Method::GET, &[(header::IF_NONE_MATCH, "\"9f2c-gz\"")]).await;
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn reads_addresses() {
    assert_eq!(parse("quan1.rss"), Some(("quan1", Format::Rss)));
    assert_eq!(parse("quan1.atom"), Some(("quan1", Format::Atom)));
    assert_eq!(parse("quan1.json"), Some(("quan1", Format::Json)));
    for other in ["quan1", "quan1.", "quan1.xml", "quan1.ATOM", ""] {
        assert_eq!(parse(other), None, "{other}");
    }
}

#[test]
fn a_wrong_name_leads_to_the_right_one() {
    let near = unknown("quan-1", &["thong-bao", "quan1"]);
    assert_eq!(near.status, StatusCode::NOT_FOUND);
    assert_eq!(near.hint.unwrap(), "did you mean `quan1`? There is: `thong-bao`, `quan1`");
    assert_eq!(unknown("zzzzzzzz", &["quan1"]).hint.unwrap(), "there is: `quan1`");
    assert_eq!(unknown("x", &[]).hint.unwrap(), "no feed is configured");
}

#[test]
fn a_link_that_is_no_header_value_is_left_out() {
    let document = Document { link: "<x>\r\nSet-Cookie: y".into(), ..sample() };
    let response = respond(&document, Duration::ZERO, &Method::GET, &HeaderMap::new());
    assert_eq!(response.headers().get(header::LINK), None);
}
