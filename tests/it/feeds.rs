//! The feeds as readers fetch them.

use std::time::Duration;

use crate::world::World;

const TYPES: [(&str, &str); 3] = [
    ("rss", "application/rss+xml; charset=utf-8"),
    ("atom", "application/atom+xml; charset=utf-8"),
    ("json", "application/feed+json; charset=utf-8"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_formats_say_the_same_under_the_same_ids() {
    let world = World::new().await;
    let ids: Vec<String> =
        world.items().await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    for (format, content_type) in TYPES {
        let feed = world.get(&format!("/feeds/quan1.{format}")).await;
        assert_eq!(feed.header("content-type"), Some(content_type));
        let text = feed.text();
        assert!(ids.iter().all(|id| text.contains(id.as_str())), "{format}");
        assert!(
            text.contains("Hướng dẫn nộp hồ sơ trực tuyến mức độ 4"),
            "{format}: Vietnamese text is intact"
        );
        assert!(text.contains("+0700") || text.contains("+07:00"), "{format}: honest local dates");
        assert_eq!(feed_rs::parser::parse(text.as_bytes()).unwrap().entries.len(), 6, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_request_with_the_etag_or_date_is_a_304() {
    let world = World::new().await;
    for (format, _) in TYPES {
        let path = format!("/feeds/quan1.{format}");
        let first = world.get(&path).await;
        let (etag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
        for headers in [
            [("If-None-Match", etag)].as_slice(),
            &[("If-None-Match", "\"other\", W/\"x\", "), ("If-None-Match", etag)],
            &[("If-None-Match", "*")],
            &[("If-Modified-Since", date)],
            &[("If-None-Match", etag), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
        ] {
            let again = world.send("GET", &path, headers, b"").await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{format} {headers:?}");
            assert_eq!(again.header("etag"), Some(etag));
            assert!(again.header("cache-control").unwrap().starts_with("public, max-age="));
            assert_eq!(again.header("vary"), Some("Accept-Encoding"));
        }
        let stale =
            world.send("GET", &path, &[("If-None-Match", "\"x\""), ("If-Modified-Since", date)], b"").await;
        assert_eq!(stale.status, 200, "the tag decides, not the date");
        let head = world.send("HEAD", &path, &[], b"").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), first.header("content-length"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gzip_is_another_representation_with_a_tag_of_its_own() {
    use std::io::Read;
    let world = World::new().await;
    let plain = world.get("/feeds/quan1.rss").await;
    let packed = world.send("GET", "/feeds/quan1.rss", &[("Accept-Encoding", "br;q=0.5, gzip")], b"").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_ne!(packed.header("etag"), plain.header("etag"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    let refused = world.send("GET", "/feeds/quan1.rss", &[("Accept-Encoding", "gzip;q=0")], b"").await;
    assert_eq!(refused.header("content-encoding"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tag_and_date_move_together_and_only_with_the_content() {
    let mut world = World::new().await;
    let stamp = async |world: &World| {
        let feed = world.get("/feeds/quan1.atom").await;
        (feed.header("etag").unwrap().to_owned(), feed.header("last-modified").unwrap().to_owned(), feed.body)
    };
    let first = stamp(&world).await;
    world.tick(Duration::from_secs(3600)).await;
    assert_eq!(stamp(&world).await, first, "time alone changes nothing");
    world.stop().await;
    world.start().await;
    assert_eq!(stamp(&world).await, first, "a restart changes nothing");
    world.portal.publish(world.story(840, "Tin mới"));
    world.tick(Duration::from_secs(300)).await;
    let second = stamp(&world).await;
    assert_ne!(second.0, first.0);
    assert_ne!(second.1, first.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_feeds_and_methods_get_a_clear_answer() {
    let world = World::new().await;
    let unknown = world.get("/feeds/quan2.rss").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.header("content-type"), Some("application/problem+json"));
    assert!(unknown.text().contains("quan1"), "{}", unknown.text());
    assert_eq!(world.get("/feeds/quan1.xml").await.status, 404);
    let post = world.send("POST", "/feeds/quan1.rss", &[], b"x").await;
    assert_eq!(post.status, 405);
    assert!(post.header("allow").unwrap().contains("GET"));
    assert_eq!(world.send("OPTIONS", "/feeds/quan1.rss", &[], b"").await.status, 204);
    let busted = world.get("/feeds/quan1.rss?cachebuster=123").await;
    assert_eq!(busted.body, world.get("/feeds/quan1.rss").await.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_name_the_feeds_and_show_the_articles() {
    let world = World::new().await;
    for language in ["vi", "en"] {
        let index = world.get(&format!("/?lang={language}")).await;
        assert_eq!(index.status, 200);
        let text = index.text();
        for (format, content_type) in TYPES {
            let kind = content_type.split(';').next().unwrap();
            let address = format!("https://tin.example.vn/feeds/quan1.{format}");
            let link =
                text.lines().find(|line| line.contains("rel=\"alternate\"") && line.contains(&address));
            assert!(link.is_some_and(|line| line.contains(kind)), "{language} {format}: {text}");
        }
        assert!(text.contains(&format!("lang=\"{language}\"")), "{text}");
    }
    let id = world.items().await[0]["id"].as_str().unwrap().to_owned();
    let article = world.get(&format!("/articles/{}", id.trim_start_matches("urn:uuid:"))).await;
    assert_eq!(article.status, 200);
    assert!(article.text().contains("Hướng dẫn nộp hồ sơ trực tuyến mức độ 4"));
    assert_eq!(world.get("/articles/00000000-0000-0000-0000-000000000000").await.status, 404);
    assert_eq!(world.get("/healthz").await.status, 200);
    assert_eq!(world.get("/readyz").await.status, 200);
    assert!(world.get("/metrics").await.text().contains("loa_"));
    let opml = world.get("/opml.xml").await.text();
    assert!(opml.contains("xmlUrl=\"https://tin.example.vn/feeds/quan1."), "{opml}");
}
