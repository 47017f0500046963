//! What a feed said before, as clients see it.

use std::{collections::BTreeSet, time::Duration};

use loaphuong::{clock::Clock, demo::stories};

use crate::{http::Answer, world::World};

/// The numbers of stories of a day long ago, a minute apart: `from`, and as many more.
async fn publish(world: &World, from: u32, n_stories: u32) {
    for item in from..from + n_stories {
        world.portal.publish(world.story(item, &format!("Tin số {item}")));
    }
    world.tick(Duration::from_secs(300)).await;
}

fn ids(page: &Answer) -> Vec<String> {
    let items = page.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn path(address: &str) -> String {
    address.strip_prefix("https://tin.example.vn").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_and_a_withdrawal_are_in_the_changes_with_their_words() {
    let world = World::new().await;
    let before = world.get("/feeds/quan1/changes.atom").await;
    assert_eq!((before.status, before.text().matches("<entry>").count()), (200, 0));
    let story = stories::archive(world.clock.now())[0].item;
    world.portal.edit(story, |story| story.title = format!("{} (sửa đổi)", story.title));
    world.tick(Duration::from_secs(300)).await;
    let changes = world.get("/feeds/quan1/changes.atom").await;
    assert_eq!(changes.header("content-type"), Some("application/atom+xml; charset=utf-8"));
    let feed = feed_rs::parser::parse(changes.text().as_bytes()).unwrap();
    let entry = &feed.entries[0];
    assert!(entry.title.as_ref().unwrap().content.starts_with("Sửa: "), "{entry:?}");
    assert!(changes.text().contains("&lt;ins&gt;(sửa đổi)&lt;/ins&gt;"), "{}", changes.text());
    assert!(feed.links.iter().any(|link| link.href == "https://tin.example.vn/feeds/quan1/changes.atom"));
    let etag = changes.header("etag").unwrap();
    let again = world.send("GET", "/feeds/quan1/changes.atom", &[("If-None-Match", etag)], b"").await;
    assert_eq!(again.status, 304);
    assert!(world.get("/feeds/quan1").await.text().contains("/feeds/quan1/changes.atom"));
    let missing = world.get("/feeds/quan2/changes.atom").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, Some("application/problem+json")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_stay_as_they_are_through_edits_and_restarts() {
    let mut world = World::new().await;
    let none = world.get("/feeds/quan1/archive/50.atom").await;
    assert_eq!(none.status, 404);
    assert!(none.text().contains("there is none yet"), "{}", none.text());
    publish(&world, 900, 20).await;
    publish(&world, 930, 20).await;
    publish(&world, 960, 20).await;
    let mut first = Vec::new();
    for format in ["rss", "atom", "json"] {
        let archive = world.get(&format!("/feeds/quan1/archive/50.{format}")).await;
        assert_eq!(archive.status, 200);
        assert_eq!(archive.header("cache-control"), Some("public, max-age=604800, immutable"));
        assert_eq!(feed_rs::parser::parse(archive.body.as_slice()).unwrap().entries.len(), 50);
        first.push(archive);
    }
    world.portal.edit(905, |story| story.title = "Sửa về sau".to_owned());
    world.tick(Duration::from_secs(300)).await;
    world.stop().await;
    world.start().await;
    for (format, first) in ["rss", "atom", "json"].into_iter().zip(&first) {
        let path = format!("/feeds/quan1/archive/50.{format}");
        let same = world.get(&path).await;
        assert_eq!((same.header("etag"), &same.body), (first.header("etag"), &first.body));
        let tag = first.header("etag").unwrap();
        assert_eq!(world.send("GET", &path, &[("If-None-Match", tag)], b"").await.status, 304);
    }
    let feed = world.get("/feeds/quan1.json").await.json();
    assert_eq!(feed["next_url"], "https://tin.example.vn/feeds/quan1/archive/50.json");
    let packed = world.send("GET", "/feeds/quan1/archive/50.rss", &[("Accept-Encoding", "br")], b"").await;
    assert_eq!(packed.header("content-encoding"), Some("br"));
    for wrong in [
        "49.atom",
        "0.atom",
        "050.atom",
        "x.atom",
        "50.xml",
        "50",
        "-1.atom",
        "..",
        "99999999999999999999.rss",
    ] {
        let answer = world.get(&format!("/feeds/quan1/archive/{wrong}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/problem+json")),
            "{wrong}"
        );
    }
    assert!(world.get("/feeds/quan1/archive/49.atom").await.text().contains("newest one is 50"));
    assert_eq!(world.send("POST", "/feeds/quan1/archive/50.rss", &[], b"x").await.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_since_a_moment_bring_everything_once() {
    let world = World::new().await;
    publish(&world, 900, 20).await;
    publish(&world, 930, 20).await;
    let mut next = Some("/feeds/quan1.json?since=0&limit=20".to_owned());
    let mut found = Vec::new();
    while let Some(path_) = next {
        let page = world.get(&path_).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.header("cache-control").unwrap().starts_with("public, max-age="));
        found.extend(ids(&page));
        next = page.json()["next_url"].as_str().map(path);
    }
    assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>().len()), (46, 46));
    world.tick(Duration::from_secs(60)).await;
    let moment = world.clock.now();
    publish(&world, 960, 2).await;
    for since in [moment.to_string(), "46".to_owned()] {
        assert_eq!(ids(&world.get(&format!("/feeds/quan1.json?since={since}")).await).len(), 2, "{since}");
    }
    assert_eq!(ids(&world.get("/feeds/quan1.json?since=2026-11-23").await).len(), 48);
    assert_eq!(ids(&world.get("/feeds/quan1.json?since=2026-11-24").await).len(), 0);
    for wrong in ["yesterday", "20261123", "-1"] {
        let answer = world.get(&format!("/feeds/quan1.rss?since={wrong}")).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some("since")), "{wrong}");
        assert!(answer.json()["hint"].as_str().unwrap().contains("2026-11-20"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_differences_gets_what_is_new() {
    let world = World::new().await;
    for format in ["rss", "atom", "json"] {
        let path = format!("/feeds/quan1.{format}");
        let first = world.get(&path).await;
        let tag = first.header("etag").unwrap();
        let ask = [("A-IM", "feed"), ("If-None-Match", tag)];
        assert_eq!(world.send("GET", &path, &ask, b"").await.status, 304);
        publish(&world, 900 + u32::from(path.len() as u8) + u32::from(format.as_bytes()[0]), 1).await;
        let news = world.send("GET", &path, &ask, b"").await;
        assert_eq!(news.status, 226, "{format}");
        assert_eq!(feed_rs::parser::parse(news.body.as_slice()).unwrap().entries.len(), 1);
        let whole = world.get(&path).await;
        assert_eq!(news.header("etag"), whole.header("etag"));
        assert_eq!((news.header("im"), news.header("delta-base")), (Some("feed"), Some(tag)));
        assert_eq!(news.header("vary"), Some("Accept-Encoding, A-IM, If-None-Match"));
        assert!(news.header("cache-control").unwrap().starts_with("private, max-age="));
        let current = [("A-IM", "diffe, feed"), ("If-None-Match", whole.header("etag").unwrap())];
        assert_eq!(world.send("GET", &path, &current, b"").await.status, 304);
        let packed = [("A-IM", "feed"), ("If-None-Match", tag), ("Accept-Encoding", "gzip")];
        let packed = world.send("GET", &path, &packed, b"").await;
        assert_eq!((packed.status, packed.header("content-encoding")), (226, Some("gzip")));
        assert!(packed.header("etag").unwrap().ends_with("-gzip\""));
        for others in
            [[("A-IM", "feed;q=0"), ("If-None-Match", tag)], [("A-IM", "feed"), ("If-None-Match", "\"x\"")]]
        {
            let answer = world.send("GET", &path, &others, b"").await;
            assert_eq!((answer.status, answer.header("im")), (200, None));
            assert_eq!(answer.body, whole.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_a_private_feed_is_private() {
    const TOKEN: &str = "5f3c8a1b9d7e4f60a2c1";
    let keys = format!("id = \"quan1\"\nprivate = true\ntokens = [\"{TOKEN}\"]\naliases = [\"old\"]\ntitle");
    let world = World::with(|config| config.replace("id = \"quan1\"\ntitle", &keys)).await;
    publish(&world, 900, 20).await;
    publish(&world, 930, 20).await;
    publish(&world, 960, 20).await;
    for path in ["/feeds/quan1/archive/50.json", "/feeds/quan1/changes.atom", "/feeds/quan1.json?since=0"] {
        assert_eq!(world.get(path).await.status, 401, "{path}");
        let wrong = world.get(&format!("/p/aaaaaaaaaaaaaaaaaaaa{path}")).await;
        assert_eq!(wrong.status, 404);
        assert!(!wrong.text().contains("quan1"), "{}", wrong.text());
        let own = world.get(&format!("/p/{TOKEN}{path}")).await;
        assert_eq!(own.status, 200, "{path}");
        assert!(own.header("cache-control").unwrap().starts_with("private, "));
        assert_eq!(own.header("referrer-policy"), Some("no-referrer"));
        assert!(own.header("link").unwrap().contains(&format!("/p/{TOKEN}{path}>")), "{path}");
        assert!(!own.text().contains("vn/feeds/"), "every address of ours has the token: {}", own.text());
    }
    let feed = world.get(&format!("/p/{TOKEN}/feeds/quan1.json")).await;
    let archive = format!("https://tin.example.vn/p/{TOKEN}/feeds/quan1/archive/50.json");
    assert_eq!(feed.json()["next_url"].as_str(), Some(archive.as_str()));
    for (path, target) in [
        ("old/archive/50.json", "quan1/archive/50.json"),
        ("old/changes.atom", "quan1/changes.atom"),
        ("old.json?since=0", "quan1.json?since=0"),
    ] {
        let moved = world.get(&format!("/p/{TOKEN}/feeds/{path}")).await;
        assert_eq!(moved.status, 301);
        let target = format!("https://tin.example.vn/p/{TOKEN}/feeds/{target}");
        assert_eq!(moved.header("location"), Some(target.as_str()));
    }
}
