use super::*;
use crate::{
    clock::Manual,
    journal::Journal,
    publish::{Coding, Publisher},
    store,
    web::pages::sample,
};

const NOW: Timestamp = Timestamp::from_second(1_772_676_909);

/// A document of a feed in which nothing ever happened, packed in every coding.
async fn sample() -> Arc<Document> {
    let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.unwrap());
    let publisher = Publisher::new(store, journal, Arc::new(Manual::at(NOW)), sample::settings());
    publisher.rebuild().await.unwrap();
    let feed = "quan1".parse().unwrap();
    let document = publisher.document(&feed, Format::Atom, &Variant::default()).await.unwrap();
    for coding in Coding::ALL {
        document.pack(coding);
    }
    document
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

async fn asked(method: Method, pairs: &[(HeaderName, &str)]) -> (StatusCode, Vec<String>, Bytes) {
    let response = respond(&*sample().await, NOW, &method, &headers(pairs)).unwrap();
    let (parts, body) = response.into_parts();
    let mut lines: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .filter(|line| !line.starts_with("access-control"))
        .collect();
    lines.sort();
    (parts.status, lines, axum::body::to_bytes(body, 100_000).await.unwrap())
}

const ALIKE: [&str; 4] = [
    "cache-control: public, max-age=300, stale-while-revalidate=60, stale-if-error=86400",
    "last-modified: Thu, 01 Jan 1970 00:00:00 GMT",
    "link: <https://tin.example/feeds/quan1.atom>; rel=\"self\"",
    "vary: Accept-Encoding",
];

#[tokio::test]
async fn the_identity_bytes_come_with_everything_that_caches_need() {
    let (status, lines, body) = asked(Method::GET, &[]).await;
    assert_eq!(status, StatusCode::OK);
    let document = sample().await;
    assert_eq!(body, document.identity().body);
    let mut expected = vec![
        format!("content-length: {}", body.len()),
        "content-type: application/atom+xml; charset=utf-8".to_owned(),
        format!("etag: {}", document.etag(Coding::Identity)),
        "x-content-type-options: nosniff".to_owned(),
    ];
    expected.extend(ALIKE.map(str::to_owned));
    expected.sort();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn packed_bytes_have_a_tag_of_their_own() {
    let document = sample().await;
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        let name = coding.name().unwrap();
        let (_, lines, body) = asked(Method::GET, &[(header::ACCEPT_ENCODING, name)]).await;
        assert_eq!(body, document.pack(coding).body);
        for line in [format!("content-encoding: {name}"), format!("etag: {}", document.etag(coding))] {
            assert!(lines.contains(&line), "{line} is not in {lines:?}");
        }
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
    let document = sample().await;
    let (plain, packed) = (document.etag(Coding::Identity), format!("W/{}", document.etag(Coding::Gzip)));
    let table: [&[(HeaderName, &str)]; 3] = [
        &[(header::IF_NONE_MATCH, &plain)],
        &[(header::IF_NONE_MATCH, &packed), (header::ACCEPT_ENCODING, "gzip")],
        &[(header::IF_MODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:00 GMT")],
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
    let packed = sample().await.etag(Coding::Gzip);
    let (status, ..) = asked(Method::GET, &[(header::IF_NONE_MATCH, &packed)]).await;
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
