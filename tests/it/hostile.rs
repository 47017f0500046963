//! Portals on a bad day: an issue is recorded, the last good feed is served, nothing is lost.

use std::time::Duration;

use loaphuong::demo::portal::Fault;

use crate::world::World;

/// Long enough for every back-off of a few failures.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Breaks the list, looks at the source and the feed, mends it, and sees the news that appeared meanwhile.
async fn check(fault: Fault, expected_code: &str) {
    let world =
        World::with(|config| format!("[net]\ntimeout = \"1s\"\nread_timeout = \"1s\"\n{config}")).await;
    let good = world.get("/feeds/quan1.atom").await;
    world.portal.publish(world.story(820, "Tin trong lúc hỏng"));
    world.portal.fail(Some(fault.clone()));
    world.tick(Duration::from_secs(300)).await;
    let source = world.source().await;
    assert_eq!(source["issues"][0]["code"], expected_code, "{fault:?}: {source}");
    assert!(source["failures"].as_u64().unwrap() >= 1, "{fault:?}: {source}");
    let same = world.get("/feeds/quan1.atom").await;
    assert_eq!((same.status, same.body), (200, good.body), "{fault:?}: the last good feed is served");
    assert_eq!(news(&world), 0, "{fault:?}: errors are no news");

    world.portal.fail(None);
    world.tick(AN_HOUR).await;
    assert_eq!(world.titles().await[0], "Tin trong lúc hỏng", "{fault:?}: nothing is lost");
    assert_eq!(news(&world), 1, "{fault:?}");
    assert_eq!(world.source().await["failures"], 0, "{fault:?}");
}

/// What was told of articles. Operators hear of a source that shows nothing any more (see `gate`).
fn news(world: &World) -> usize {
    let received = world.receiver.received();
    received.iter().filter(|one| one.body["type"].as_str().unwrap().starts_with("article.")).count()
}

macro_rules! faults {
    ($($name:ident: $fault:expr => $code:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check($fault, $code).await;
        })*
    };
}

faults! {
    a_server_error: Fault::Status(500, None) => "fetch-failed";
    a_forbidden_page: Fault::Status(403, None) => "fetch-failed";
    a_busy_server: Fault::Status(503, Some(120)) => "later";
    a_vanished_list: Fault::Status(404, None) => "gone";
    an_empty_page: Fault::Empty => "empty-page";
    a_login_page: Fault::Login => "login-page";
    a_page_without_items: Fault::NoItems => "no-items";
    a_truncated_body: Fault::Truncated => "fetch-failed";
    a_redirect_loop: Fault::RedirectLoop => "fetch-failed";
    a_gzip_bomb: Fault::Bomb(64) => "fetch-failed";
    a_host_that_never_answers: Fault::Silent => "fetch-failed";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_honored() {
    let world = World::new().await;
    world.portal.fail(Some(Fault::Status(503, Some(3000))));
    world.tick(Duration::from_secs(300)).await;
    let before = world.portal.n_visits();
    world.portal.fail(None);
    world.tick(Duration::from_secs(2900)).await;
    assert_eq!(world.portal.n_visits(), before, "the portal asked for 50 minutes of peace");
    world.tick(Duration::from_secs(600)).await;
    assert!(world.portal.n_visits() > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_charset_header_does_not_garble_vietnamese() {
    let world = World::new().await;
    world.portal.fail(Some(Fault::WrongCharset));
    world.portal.publish(world.story(821, "Đại hội đại biểu Đảng bộ Quận 1"));
    world.tick(Duration::from_secs(300)).await;
    assert_eq!(world.titles().await[0], "Đại hội đại biểu Đảng bộ Quận 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_source_never_hurts_another() {
    let world = World::with(|config| {
        let source = config.split("[[source]]").nth(1).unwrap().split("[[feed]]").next().unwrap();
        let broken = source.replace("id = \"quan1\"", "id = \"hong\"").replace("tintuc", "khong-co");
        config.replacen("[[source]]", &format!("[[source]]{broken}\n[[source]]"), 1)
    })
    .await;
    assert_eq!(world.titles().await.len(), 6);
    let sources = world.get("/api/v1/sources").await.json();
    let failures: Vec<_> = sources["sources"]
        .as_array()
        .or(sources.as_array())
        .unwrap()
        .iter()
        .map(|s| s["failures"].clone())
        .collect();
    assert_eq!(failures, [1, 0], "{sources}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_titles_and_bodies_become_valid_documents() {
    let world = World::new().await;
    let mut story = world
        .story(830, "Kẻ xấu \u{1}\u{b} ]]> <script>alert(1)</script> & \u{1F600} Ho\u{0302}i nghi\u{0323}");
    story.paragraphs = vec!["]]> <img src=x onerror=alert(1)> \u{FFFE} & <b>đậm</b>".to_owned()];
    story.teaser = "\u{0} ]]> &amp;amp; <a href=\"javascript:alert(1)\">x</a>".to_owned();
    world.portal.publish(story);
    world.tick(Duration::from_secs(300)).await;
    for format in ["rss", "atom"] {
        let feed = world.get(&format!("/feeds/quan1.{format}")).await;
        let text = feed.text();
        assert!(text.contains("Hôi nghị"), "NFC: {text}");
        assert!(text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)), "{format}");
        let mut reader = quick_xml::NsReader::from_str(&text);
        while reader.read_event().unwrap_or_else(|error| panic!("{format}: {error}"))
            != quick_xml::events::Event::Eof
        {}
    }
    let item = world.items().await.remove(0);
    let html = item["content_html"].as_str().unwrap();
    assert!(
        !html.contains("<script") && !html.contains("onerror=\"") && !html.contains("<img src=\"x"),
        "{html}"
    );
}
