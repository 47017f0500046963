//! Feeds that not everybody may read.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::world::World;

const TOKEN: &str = "5f3c8a1b9d7e4f60a2c1";

/// The one feed is private.
fn private(config: &str) -> String {
    let keys = format!("id = \"quan1\"\nprivate = true\ntokens = [\"{TOKEN}\"]\naliases = [\"old\"]\ntitle");
    config.replace("id = \"quan1\"\ntitle", &keys)
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_a_private_feed_and_nothing_else_does() {
    let mut world = World::with(|config| private(&config)).await;
    for path in [
        "/feeds/quan1.rss",
        "/feeds/quan1.atom",
        "/feeds/quan1.json",
        "/feeds/quan1",
        "/feeds/quan1.rss?limit=1",
        "/feeds/old.rss",
    ] {
        let refused = world.get(path).await;
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic realm="));
        let wrong =
            world.send("GET", path, &[("Authorization", &basic("reader:wrong-token-of-twenty"))], b"").await;
        assert_eq!(wrong.status, 401, "{path}");
        let bad = world.get(&format!("/p/aaaaaaaaaaaaaaaaaaaa{path}")).await;
        assert_eq!(bad.status, 404, "{path}");
        assert!(!bad.text().contains("quan1"), "{}", bad.text());
    }
    let by_password = world
        .send("GET", "/feeds/quan1.json", &[("Authorization", &basic(&format!("me:{TOKEN}")))], b"")
        .await;
    assert_eq!(by_password.status, 200);
    assert_eq!(by_password.json()["feed_url"], "https://tin.example.vn/feeds/quan1.json");
    let by_address = world.get(&format!("/p/{TOKEN}/feeds/quan1.json")).await;
    assert_eq!(by_address.json()["feed_url"], format!("https://tin.example.vn/p/{TOKEN}/feeds/quan1.json"));
    assert_eq!(by_address.json()["items"], by_password.json()["items"]);
    for answer in [&by_password, &by_address] {
        assert!(answer.header("cache-control").unwrap().starts_with("private, max-age="));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let etag = by_address.header("etag").unwrap();
    let path = format!("/p/{TOKEN}/feeds/quan1.json");
    assert_eq!(world.send("GET", &path, &[("If-None-Match", etag)], b"").await.status, 304);
    assert_eq!(world.send("GET", "/feeds/quan1.json", &[("If-None-Match", etag)], b"").await.status, 401);
    let page = world.get(&format!("/p/{TOKEN}/feeds/quan1")).await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("private, max-age=60")));
    let text = page.text();
    assert!(text.contains(&format!("https://tin.example.vn/p/{TOKEN}/feeds/quan1.atom")), "{text}");
    assert!(text.contains("href=\"../../../assets/style.css"), "{text}");
    assert!(!text.contains("/articles/"), "there are no pages of its articles: {text}");
    let moved = world.get(&format!("/p/{TOKEN}/feeds/old.rss")).await;
    assert_eq!(
        moved.header("location").unwrap(),
        format!("https://tin.example.vn/p/{TOKEN}/feeds/quan1.rss")
    );
    world.reload(|config| config.replace(TOKEN, "another-token-of-twenty")).await;
    assert_eq!(world.get(&path).await.status, 404, "a token can be taken back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_private_feeds_show_stands_nowhere_else() {
    let world = World::with(|config| private(&config)).await;
    let path = format!("/p/{TOKEN}/feeds/quan1.json");
    let item = world.get(&path).await.json()["items"][0].clone();
    let (title, id) = (item["title"].as_str().unwrap().to_owned(), item["id"].as_str().unwrap().to_owned());
    for path in ["/", "/opml.xml", "/api/v1/feeds", "/api/v1/articles", "/api/v1/events?after=0"] {
        let public = world.get(path).await;
        assert_eq!(public.status, 200, "{path}");
        assert!(!public.text().contains(&title), "{path} shows an article");
        assert!(!public.text().contains("/feeds/quan1"), "{path} names the feed");
    }
    assert_eq!(world.get(&format!("/api/v1/articles/{id}")).await.status, 404);
    assert_eq!(world.get(&format!("/articles/{}", id.trim_start_matches("urn:uuid:"))).await.status, 404);
    let near = world.get("/feeds/quan2.rss").await;
    assert!(near.status == 404 && !near.text().contains("quan1"), "{}", near.text());
}
