//! Parts of feeds, several feeds as one, and feeds that were renamed, have moved or ended.

use std::time::Duration;

use crate::world::World;

/// A second source, which nobody ever asks, and feeds over both.
fn two_sources(config: String) -> String {
    let group = |text: String| text.replacen("schedule =", "group = \"Quận\"\nschedule =", 1);
    group(config)
        + r#"
[[source]]
id = "quan3"
name = "Quận 3"
url = "http://127.0.0.1:9/rss"
platform = "feed"
schedule = "0 0 30 2 *"
group = "Quận"

[publish]
automatic = ["groups", "sources", "all"]
"#
}

async fn titles(world: &World, path: &str) -> Vec<String> {
    let feed = world.get(path).await;
    assert_eq!(feed.status, 200, "{path}: {}", feed.text());
    feed.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["title"].as_str().unwrap().into())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_on_any_address_is_a_feed_of_its_own_that_is_followed() {
    let world = World::new().await;
    let path = "/feeds/quan1.json?q=title:%22lo%E1%BA%A1t+tin%22";
    assert!(titles(&world, path).await.is_empty());
    world.portal.publish(world.story(840, "Loạt tin mới"));
    world.portal.publish(world.story(841, "Tin khác"));
    world.tick(Duration::from_secs(300)).await;
    assert_eq!(titles(&world, path).await, ["Loạt tin mới"]);
    let whole = world.get("/feeds/quan1.json").await.json();
    let part = world.get(path).await;
    let json = part.json();
    assert_eq!(
        json["items"][0],
        whole["items"].as_array().unwrap().iter().find(|it| it["title"] == "Loạt tin mới").unwrap().clone()
    );
    assert_eq!(json["feed_url"], "https://tin.example.vn/feeds/quan1.json?q=title%3A%22lo%E1%BA%A1t+tin%22");
    assert_eq!(
        part.header("link").unwrap(),
        "<https://tin.example.vn/feeds/quan1.json?q=title%3A%22lo%E1%BA%A1t+tin%22>; rel=\"self\""
    );
    assert!(json["title"].as_str().unwrap().contains("loạt tin"));
    let atom = |text: String| text.split_once("<id>").unwrap().1.split_once("</id>").unwrap().0.to_owned();
    let one = atom(world.get("/feeds/quan1.atom").await.text());
    let other = atom(world.get(&path.replace(".json", ".atom")).await.text());
    assert_ne!(one, other, "two feeds, two ids");
    let etag = part.header("etag").unwrap();
    assert_eq!(world.send("GET", path, &[("If-None-Match", etag)], b"").await.status, 304);
    let same = "/feeds/quan1.json?x=1&q=(title:%22lo%E1%BA%A1t%20tin%22)";
    assert_eq!(world.get(same).await.body, part.body, "another spelling of the same filter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_may_be_short_or_brief_or_of_a_category() {
    let world = World::new().await;
    let all = titles(&world, "/feeds/quan1.json").await;
    assert_eq!(titles(&world, "/feeds/quan1.json?limit=2").await, all[..2]);
    assert_eq!(titles(&world, "/feeds/quan1.json?limit=500").await, all);
    let brief = world.get("/feeds/quan1.json?content=summary").await.json();
    assert!(brief["items"].as_array().unwrap().iter().all(|item| item.get("content_html").is_none()));
    assert!(titles(&world, "/feeds/quan1.json?category=Kh%C3%B4ng+c%C3%B3").await.is_empty());
    let items = world.items().await;
    if let Some(tag) = items.iter().find_map(|item| item["tags"][0].as_str()) {
        let path = format!("/feeds/quan1.json?category={}", tag.replace(' ', "+"));
        assert!(!titles(&world, &path).await.is_empty(), "{path}");
    }
    assert_eq!(
        world.get("/feeds/quan1.json?cachebuster=7").await.body,
        world.get("/feeds/quan1.json").await.body
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_cannot_be_read_is_refused_with_its_place() {
    let world = World::new().await;
    let table = [
        ("q=tin+AND", "q", "at character"),
        ("q=%22chua+dong", "q", "at character 1"),
        ("q=date:2026", "q", "at character 1"),
        ("limit=0", "limit", "from 1 to 500"),
        ("limit=18446744073709551616", "limit", "from 1 to 500"),
        ("content=everything", "content", "`full`"),
        ("q=a&q=b", "q", "more than once"),
    ];
    for (query, field, detail) in table {
        let refused = world.get(&format!("/feeds/quan1.rss?{query}")).await;
        assert_eq!(
            (refused.status, refused.header("content-type")),
            (400, Some("application/problem+json")),
            "{query}"
        );
        assert_eq!(refused.json()["field"], field);
        assert!(refused.json()["detail"].as_str().unwrap().contains(detail), "{}", refused.text());
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    }
    let long = format!("/feeds/quan1.rss?q={}", "a+".repeat(5_000));
    assert_eq!(world.get(&long).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_filters_than_are_kept_are_all_answered() {
    let world = World::new().await;
    for n in 0..70 {
        assert!(titles(&world, &format!("/feeds/quan1.json?q=khong{n}")).await.is_empty());
    }
    world.portal.publish(world.story(840, "khong3 và khong69"));
    world.tick(Duration::from_secs(300)).await;
    for n in [3, 69] {
        assert_eq!(titles(&world, &format!("/feeds/quan1.json?q=khong{n}")).await, ["khong3 và khong69"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_and_groups_have_feeds_and_the_catalogue_shows_them() {
    let world = World::with(two_sources).await;
    let all = titles(&world, "/feeds/quan1.json").await;
    assert_eq!(titles(&world, "/feeds/quan.json").await, all);
    assert_eq!(titles(&world, "/feeds/all.json").await, all);
    assert!(titles(&world, "/feeds/quan3.json").await.is_empty());
    let opml = world.get("/opml.xml").await.text();
    for feed in ["quan1", "quan3", "quan", "all"] {
        assert!(opml.contains(&format!("https://tin.example.vn/feeds/{feed}.")), "{feed}: {opml}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caches_are_told_to_wait_for_the_next_look() {
    let world = World::new().await;
    let seconds = async |world: &World| {
        let feed = world.get("/feeds/quan1.rss").await;
        let control = feed.header("cache-control").unwrap().to_owned();
        control.strip_prefix("public, max-age=").unwrap().split_once(',').unwrap().0.parse::<u64>().unwrap()
    };
    // 09:00, and the schedule says every five minutes.
    assert_eq!(seconds(&world).await, 300);
    world.tick(Duration::from_secs(100)).await;
    assert_eq!(seconds(&world).await, 200);
    world.tick(Duration::from_secs(190)).await;
    assert_eq!(seconds(&world).await, 60, "not less than `min_age`");
    let full = world.get("/feeds/quan1.rss").await;
    assert!(full.text().contains("<ttl>5</ttl>"), "what cannot know the time says what is usual");
    assert!(
        full.header("cache-control").unwrap().ends_with("stale-while-revalidate=60, stale-if-error=86400")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renamed_moved_and_ended_feeds_say_so() {
    let mut world = World::with(|config| {
        config.replace("id = \"quan1\"\ntitle", "id = \"quan1\"\naliases = [\"district-1\"]\ntitle")
            + r#"
[[feed]]
id = "old"
title = "Cũ"
moved_to = "https://news.example/feeds/new/"
[[feed]]
id = "gone"
title = "Hết"
ended = "yes"
[[feed]]
id = "soon"
title = "Sắp hết"
ended = "soon"
"#
    })
    .await;
    for ending in [".rss", ".atom", ".json", "", ".rss?q=x&limit=3"] {
        for (name, stem) in
            [("district-1", "https://tin.example.vn/feeds/quan1"), ("old", "https://news.example/feeds/new")]
        {
            let moved = world.get(&format!("/feeds/{name}{ending}")).await;
            assert_eq!(moved.status, 301, "{name}{ending}");
            assert_eq!(moved.header("location").unwrap(), format!("{stem}{ending}"));
        }
        let gone = world.get(&format!("/feeds/gone{ending}")).await;
        assert_eq!(gone.status, 410, "{ending}");
    }
    assert_eq!(world.get("/feeds/soon.json").await.status, 200);
    let opml = world.get("/opml.xml").await.text();
    assert!(!opml.contains("/feeds/gone.") && !opml.contains("/feeds/old.") && opml.contains("/feeds/soon."));
    world.reload(|config| config.replace("ended = \"soon\"", "ended = \"yes\"")).await;
    assert_eq!(world.get("/feeds/soon.json").await.status, 410);
}
