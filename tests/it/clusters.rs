//! One story on two sites.

use std::time::Duration;

use loaphuong::demo::portal::{Portal, Story};
use serde_json::Value;

use crate::world::World;

const MINUTES: Duration = Duration::from_secs(300);

/// A second site, and a feed over both.
fn with_another(config: &str, other: &Portal) -> String {
    let source = format!(
        r#"
[[source]]
id = "quan3"
name = "Quận 3"
platform = "sharepoint-posts"
url = "{}"
schedule = "*/5 * * * *"
timezone = "Asia/Ho_Chi_Minh"
recheck = "5m"
spacing = "0s"
jitter = "0s"
allow_private = true

[[feed]]
id = "both"
title = "Hai quận"
sources = ["quan1", "quan3"]
"#,
        other.list_url()
    );
    format!("{config}{source}")
}

/// A story that is long enough to be known again.
fn long(world: &World, item: u32, title: &str) -> Story {
    let paragraph = "Ủy ban nhân dân quận tổ chức hội nghị tổng kết công tác năm, có đại diện các phường, các đoàn thể và \
        đông đảo người dân tham dự; hội nghị đã nghe báo cáo về thu ngân sách, cải cách hành chính, xây dựng đường hẻm và \
        chăm lo cho hộ nghèo, rồi thảo luận nhiệm vụ của năm tới.";
    let second = "Theo báo cáo, 45 tuyến hẻm đã được nâng cấp, 1.200 hộ được vay vốn, và bộ phận một cửa giải quyết đúng hạn \
        99,2% hồ sơ của người dân trong năm qua.";
    let paragraphs = vec![paragraph.to_owned(), second.to_owned()];
    Story { paragraphs, photo: None, attachment: None, ..world.story(item, title) }
}

async fn items(world: &World, path: &str) -> Vec<Value> {
    let feed = world.get(path).await;
    assert_eq!(feed.status, 200, "{path}: {}", feed.text());
    feed.json()["items"].as_array().unwrap().clone()
}

fn named<'a>(items: &'a [Value], source: &str, title: &str) -> &'a Value {
    let is_it = |item: &&Value| item["_loa"]["source"] == source && item["title"] == title;
    items.iter().find(is_it).unwrap_or_else(|| panic!("no `{title}` of {source} in {items:?}"))
}

/// A world with a second site, after the first looks at both.
async fn two_sites() -> (World, Portal) {
    let mut world = World::new().await;
    let other = world.another_portal().await;
    other.publish(world.story(900, "Tin đầu tiên của Quận 3"));
    world.reload(|config| with_another(&config, &other)).await;
    world.tick(MINUTES).await;
    (world, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_on_two_sites_is_a_cluster_and_never_merged() {
    let title = "Hội nghị tổng kết công tác năm";
    let (mut world, other) = two_sites().await;
    world.portal.publish(long(&world, 840, title));
    world.tick(MINUTES).await;
    let alone = world.get("/feeds/both.json").await;
    assert!(named(&items(&world, "/feeds/both.json").await, "quan1", title)["_loa"].get("cluster").is_none());
    other.publish(long(&world, 7, title));
    world.tick(MINUTES).await;

    // Feeds show both, with one label, and the first one only for who wants that.
    let etag = alone.header("etag").unwrap();
    assert_eq!(world.send("GET", "/feeds/both.json", &[("If-None-Match", etag)], b"").await.status, 200);
    let all = items(&world, "/feeds/both.json").await;
    let (first, second) = (named(&all, "quan1", title), named(&all, "quan3", title));
    let cluster = &first["_loa"]["cluster"];
    assert_eq!(cluster, &second["_loa"]["cluster"]);
    assert_eq!(cluster["id"], first["id"]);
    assert_eq!(cluster["members"][1]["id"], second["id"]);
    assert_eq!(cluster["members"][1]["likeness"], "identical");
    let collapsed = items(&world, "/feeds/both.json?collapse=1").await;
    assert_eq!(collapsed.len(), all.len() - 1);
    named(&collapsed, "quan1", title);
    let own = items(&world, "/feeds/quan1.json?collapse=1&limit=1").await;
    assert_eq!(own.len(), 1);
    for format in ["rss", "atom"] {
        let text = world.get(&format!("/feeds/both.{format}?collapse=1")).await.text();
        assert_eq!(text.matches(&format!(">{title}</title>")).count(), 1, "{text}");
        assert!(text.contains("collapse=1"), "it has an address of its own");
    }

    // Whoever is told is told what was known then.
    let told: Vec<_> = world.receiver.received().into_iter().map(|it| it.body["data"].clone()).collect();
    let of =
        |source: &str| told.iter().find(|data| data["source"] == source && data["title"] == title).unwrap();
    assert_eq!(of("quan1").get("cluster"), None);
    assert_eq!(of("quan3")["cluster"]["id"], first["id"]);

    // The API and the page say it in words.
    let path = format!("/api/v1/articles/{}", second["id"].as_str().unwrap());
    let said = world.get(&path).await.json();
    let text = said["cluster"]["text"].as_str().unwrap();
    // Of one list items are a second apart, and one notice is pinned above these.
    assert_eq!(text, "first seen on Quận 1 09:09, then Quận 3 09:15 (identical)");
    let clusters = world.get("/api/v1/clusters").await.json();
    assert_eq!(clusters["clusters"][0]["id"], first["id"]);
    let bare = second["id"].as_str().unwrap().replace("urn:uuid:", "");
    let page = world.get(&format!("/articles/{bare}?lang=en")).await.text();
    assert!(page.contains("The same story") && page.contains("Quận 1, 09:09"), "{page}");

    // A restart changes nothing of it.
    let before = world.get("/feeds/both.json").await.body;
    world.stop().await;
    world.start().await;
    assert_eq!(world.get("/feeds/both.json").await.body, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_can_leave_a_cluster_and_a_private_source_is_not_named() {
    let title = "Hội nghị tổng kết công tác năm";
    let (mut world, other) = two_sites().await;
    world.portal.publish(long(&world, 840, title));
    world.tick(MINUTES).await;
    other.publish(long(&world, 7, title));
    world.tick(MINUTES).await;
    let cluster = |items: &[Value]| named(items, "quan3", title)["_loa"].get("cluster").is_some();
    assert!(cluster(&items(&world, "/feeds/both.json").await));
    world.portal.edit(840, |story| {
        story.paragraphs =
            vec!["Hội nghị bị hoãn; thời gian mới sẽ được thông báo sau trên trang này.".to_owned()];
    });
    world.tick(MINUTES).await;
    assert!(!cluster(&items(&world, "/feeds/both.json").await));
    let back = long(&world, 840, title).paragraphs;
    world.portal.edit(840, |story| story.paragraphs = back);
    world.tick(MINUTES).await;
    assert!(cluster(&items(&world, "/feeds/both.json").await));

    // Only private feeds read Quận 1 now: nobody else learns that it had the story.
    world
        .reload(|config| {
            let private = "id = \"quan1\"\nprivate = true\ntokens = [\"5f3c8a1b9d7e4f60a2c1\"]\ntitle";
            let config = config.replacen("id = \"quan1\"\ntitle", private, 1);
            config.replace("sources = [\"quan1\", \"quan3\"]", "sources = [\"quan3\"]")
        })
        .await;
    assert!(!cluster(&items(&world, "/feeds/both.json").await));
    let both = world.get("/api/v1/clusters").await.json();
    assert_eq!(both["clusters"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_given_away_again_is_an_issue_of_its_source() {
    let world = World::new().await;
    world.portal.publish(long(&world, 840, "Hội nghị tổng kết công tác năm"));
    world.tick(MINUTES).await;
    let later = world.story(840, "x").published.plus(Duration::from_secs(3 * 86_400));
    world.tick(Duration::from_secs(3 * 86_400)).await;
    world.portal.edit(840, |story| {
        story.title = "Giải bơi lội học sinh trung học".to_owned();
        story.published = later;
        story.paragraphs = vec![
            "Vận động viên các trường tranh tài ở bốn kiểu bơi trong hai ngày cuối tuần, khán giả vào cửa miễn phí, \
             ban tổ chức trao huy chương cho từng nội dung ngay sau mỗi lượt chung kết."
                .to_owned(),
        ];
    });
    world.tick(MINUTES).await;
    let issues = world.source().await["issues"].clone();
    let reused = issues.as_array().unwrap().iter().find(|issue| issue["code"] == "number-reused");
    let message = reused.unwrap_or_else(|| panic!("{issues}"))["message"].as_str().unwrap();
    assert!(message.contains("Hội nghị tổng kết công tác năm"), "{message}");
}
