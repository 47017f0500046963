use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::{
    clock::Manual,
    journal::Journal,
    publish::{Format, Publisher, Variant},
    store,
    web::pages::sample,
};

const NOW: Timestamp = Timestamp::from_second(1_772_676_909);

async fn sample() -> Arc<Document> {
    let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.unwrap());
    let publisher = Publisher::new(store, journal, Arc::new(Manual::at(NOW)), sample::settings());
    publisher.rebuild().await.unwrap();
    publisher.document(&"quan1".parse().unwrap(), Format::Atom, &Variant::default()).await.unwrap()
}

fn plain<'a>(method: &'static str, pairs: &'a [(&'a str, &'a str)]) -> Plain<'a> {
    let value = |wanted| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes());
    let path = "/feeds/quan1.atom";
    let (encodings, tags) = (value("accept-encoding"), value("if-none-match"));
    Plain { method, path, encodings, tags, since: value("if-modified-since") }
}

/// Status, sorted lines and body of the hot answer, without what hyper adds to every answer.
fn hot(document: &Arc<Document>, method: &'static str, pairs: &[(&str, &str)]) -> (u16, Vec<String>, Bytes) {
    let plain = plain(method, pairs);
    let coding = choice(plain.encodings.into_iter());
    let (_, ready) = respond(document, coding, NOW, &plain).unwrap();
    let head = std::str::from_utf8(&ready.head).unwrap();
    let mut lines: Vec<_> = head.strip_suffix("\r\n\r\n").unwrap().split("\r\n").map(str::to_owned).collect();
    let status = lines.remove(0).split(' ').nth(1).unwrap().parse().unwrap();
    let date = format!("date: {}", NOW.http_date());
    assert_eq!(lines.iter().filter(|line| **line == date).count(), 1);
    lines.retain(|line| *line != date);
    lines.sort();
    (status, lines, ready.body)
}

/// The same by the way of everything that is not at hand.
async fn slow(document: &Document, method: &str, pairs: &[(&str, &str)]) -> (u16, Vec<String>, Bytes) {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = pairs.iter().map(pair).collect();
    let response = feeds::respond(document, NOW, &method.parse::<Method>().unwrap(), &headers).unwrap();
    let (parts, body) = response.into_parts();
    let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<_> = parts.headers.iter().map(line).collect();
    lines.sort();
    (parts.status.as_u16(), lines, axum::body::to_bytes(body, 100_000).await.unwrap())
}

#[tokio::test]
async fn both_ways_give_the_same_answer() {
    let document = sample().await;
    Coding::ALL.into_iter().for_each(|coding| drop(document.pack(coding).body.clone()));
    let gzip = document.etag(Coding::Gzip);
    let weak = format!("\"other\", W/{gzip}");
    let modified = document.last_modified.http_date();
    let mut statuses = Vec::new();
    for encodings in ["", "gzip", "br;q=0.5, gzip", "zstd", "identity;q=0, *", "gzip;q=x"] {
        for (name, value) in [
            ("x-none", "x"),
            ("if-none-match", &*gzip),
            ("if-none-match", &weak),
            ("if-none-match", "*"),
            ("if-none-match", "broken"),
            ("if-none-match", ""),
            ("if-modified-since", &modified),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("if-modified-since", "yesterday"),
        ] {
            for method in ["GET", "HEAD"] {
                let mut pairs = vec![("accept-encoding", encodings), (name, value)];
                pairs.retain(|(name, value)| *name != "accept-encoding" || !value.is_empty());
                let hot = hot(&document, method, &pairs);
                assert_eq!(hot, slow(&document, method, &pairs).await, "{method} {pairs:?}");
                statuses.push(hot.0);
            }
        }
    }
    assert!(statuses.contains(&200) && statuses.contains(&304));
}

#[tokio::test]
async fn heads_are_made_once_a_second_for_each_document() {
    let (document, other) = (sample().await, sample().await);
    let mut heads = Heads::default();
    let mut head = |document: &Arc<Document>, at| {
        heads.head(document, Coding::Identity, StatusCode::OK, Timestamp::from_second(at)).unwrap()
    };
    let first = head(&document, 1_000);
    assert_eq!(first.as_ptr(), head(&document, 1_000).as_ptr());
    assert_ne!(first.as_ptr(), head(&other, 1_000).as_ptr(), "another document");
    assert_ne!(first, head(&document, 1_001), "another second");
    assert_eq!(heads.known.len(), 1, "what a second ago was true is forgotten");
}

#[tokio::test]
async fn a_kept_head_keeps_no_document() {
    let document = sample().await;
    let watched = Arc::downgrade(&document);
    let mut heads = Heads::default();
    heads.head(&document, Coding::Identity, StatusCode::OK, NOW).unwrap();
    drop(document);
    assert!(watched.upgrade().is_none());
}
