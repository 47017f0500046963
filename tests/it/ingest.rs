//! From the portal to the feed: what appears, once, under which name, with which date.

use std::time::Duration;

use crate::{http, world::World};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_run_fills_the_feed_and_tells_nobody() {
    let world = World::new().await;
    assert_eq!(world.titles().await.len(), 6);
    assert_eq!(world.receiver.received(), []);
    let events = world.get("/api/v1/events?after=0").await.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 0, "a backfill is no news: {events}");
    assert_eq!(events["head"], 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_appears_whole_with_an_honest_date_and_is_told_once() {
    let world = World::new().await;
    world.portal.publish(world.story(801, "Khánh thành cầu đi bộ"));
    world.tick(FIVE_MINUTES).await;
    let item = world.items().await.remove(0);
    assert_eq!(item["title"], "Khánh thành cầu đi bộ");
    assert_eq!(item["date_published"], "2026-11-23T09:00:00+07:00");
    let html = item["content_html"].as_str().unwrap();
    assert!(html.contains("<p>"), "{html}");
    for noise in ["RadDatePicker", "calendar popup", "Lượt truy cập", "MsoNormal", "đã đưa"] {
        assert!(!html.contains(noise), "`{noise}` is in the text: {html}");
    }
    let received = world.receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body["type"], "article.published");
    assert_eq!(received[0].body["data"]["id"], item["id"]);
    assert_eq!(received[0].body["data"]["title"], item["title"]);
    assert_eq!(received[0].body["data"]["url"], item["url"]);

    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1, "nothing new happened");
    assert_eq!(world.titles().await.len(), 7, "every article is there once, under whatever address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_a_revision_of_the_same_article() {
    let world = World::new().await;
    let before = world.items().await.remove(0);
    world.portal.edit(645, |story| story.paragraphs.push("Bổ sung: nộp tại phường.".to_owned()));
    world.tick(FIVE_MINUTES).await;
    let after = world.items().await.remove(0);
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["date_published"], before["date_published"], "published never changes");
    assert!(after["content_html"].as_str().unwrap().contains("Bổ sung: nộp tại phường."));
    let received = world.receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body["type"], "article.updated");
    assert_eq!(received[0].body["data"]["revision"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_and_clocks_on_the_page_are_no_edits() {
    let world = World::new().await;
    for _ in 0..3 {
        // A change elsewhere voids the portal's entity tags, so that every page is read again with new noise.
        world.portal.put("/elsewhere", "text/plain", "x");
        world.tick(FIVE_MINUTES).await;
    }
    assert!(
        world.portal.visits().iter().filter(|visit| visit.status == 200).count() > 12,
        "pages were read again"
    );
    assert_eq!(world.receiver.received(), []);
    assert!(world.items().await.iter().all(|item| item["_loa"]["revision"] == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_survive_a_restart_another_host_name_and_a_lost_store() {
    let ids = async |world: &World| -> Vec<String> {
        world.items().await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut world = World::new().await;
    let first = ids(&world).await;
    world.stop().await;
    world.start().await;
    assert_eq!(ids(&world).await, first, "a restart");

    let port = world.portal.address().port();
    world.reload(|config| config.replace(&format!("127.0.0.1:{port}"), &format!("localhost:{port}"))).await;
    world.tick(FIVE_MINUTES).await;
    assert_eq!(ids(&world).await, first, "another name of the same portal");

    let other = World::new().await;
    let mut fresh = ids(&other).await;
    fresh.sort();
    let mut sorted = first.clone();
    sorted.sort();
    assert_eq!(fresh, sorted, "another store, another port");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_portal_is_asked_with_validators_and_answers_304() {
    let world = World::new().await;
    let before = world.portal.n_visits();
    world.tick(FIVE_MINUTES).await;
    let visits = world.portal.visits();
    let new = &visits[usize::try_from(before).unwrap()..];
    assert!(!new.is_empty());
    assert!(new.iter().all(|visit| visit.status == 304), "{new:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_rules_void_validators_and_tell_nobody() {
    let mut world = World::new().await;
    let before = world.portal.n_visits();
    let rules = "[source.text]\ntitle_noise = ['^Khánh thành ']\n\n[[feed]]";
    world.reload(|config| config.replacen("[[feed]]", rules, 1)).await;
    world.tick(FIVE_MINUTES).await;
    let visits = world.portal.visits();
    let new = &visits[usize::try_from(before).unwrap()..];
    assert!(new.iter().all(|visit| visit.status == 200), "a 304 would hide the changed rule: {new:?}");
    let titles = world.titles().await;
    assert!(titles.iter().any(|title| title.starts_with("công viên bờ sông")), "{titles:?}");
    assert_eq!(world.receiver.received(), [], "the rules changed, not the news");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_old_notice_does_not_hide_what_is_below_it() {
    let world = World::new().await;
    let oldest_first: Vec<_> = world.portal.stories().into_iter().map(|story| story.title).rev().collect();
    assert_eq!(world.titles().await, oldest_first, "by date, whatever the list pins");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_on_demand_answers_what_it_did() {
    let world = World::new().await;
    world.portal.publish(world.story(802, "Tin gấp"));
    let report = world.api("POST", "/api/v1/sources/quan1/run", "").await;
    assert_eq!(report.status, 200, "{}", report.text());
    assert_eq!(report.json()["new"], 1);
    world.settle().await;
    assert_eq!(world.titles().await[0], "Tin gấp");
    assert_eq!(world.api("POST", "/api/v1/sources/nope/run", "").await.status, 404);
    assert_eq!(world.send("POST", "/api/v1/sources/quan1/run", &[], b"").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_have_the_length_and_type_that_their_server_says() {
    let world = World::new().await;
    let items = world.items().await;
    let attachments: Vec<_> =
        items.iter().filter_map(|item| item["attachments"].as_array()).flatten().collect();
    assert_eq!(attachments.len(), 2, "{items:?}");
    for attachment in attachments {
        let path = attachment["url"].as_str().unwrap().splitn(4, '/').last().unwrap().to_owned();
        let file = http::send(world.portal.address(), "GET", &format!("/{path}"), &[], b"").await.unwrap();
        assert_eq!(attachment["size_in_bytes"], file.body.len());
        assert_eq!(attachment["mime_type"], "application/pdf");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_of_one_minute_stand_in_the_portals_order() {
    let world = World::new().await;
    for n in 0..5 {
        world.portal.publish(world.story(810 + n, &format!("Tin cùng phút số {n}")));
    }
    world.tick(FIVE_MINUTES).await;
    let titles = world.titles().await;
    let expected: Vec<_> = (0..5).rev().map(|n| format!("Tin cùng phút số {n}")).collect();
    assert_eq!(titles[..5], expected, "the list shows the highest number first");
    let page = world.get("/").await.text();
    let places: Vec<_> = expected.iter().map(|title| page.find(title.as_str()).unwrap()).collect();
    assert!(places.is_sorted(), "the page shows them in the same order");
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/api/v1/articles?limit=2{after}")).await.json();
        paged.extend(
            page["articles"].as_array().unwrap().iter().map(|a| a["title"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, titles, "paging loses nothing between articles of one date");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_pass_leaves_over_the_next_ones_read() {
    let mut world =
        World::with(|config| config.replace("recheck = \"5m\"", "recheck = \"5m\"\nmax_pages = 4")).await;
    assert_eq!(world.titles().await.len(), 4);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.titles().await.len(), 6);
    assert_eq!(world.receiver.received(), [], "the backfill goes on");
    world.stop().await;
    world.portal.publish(world.story(803, "Sau đó"));
    world.start().await;
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1);
}

/// A page that asks for a password: no article.
const LOGIN: &str = "<html><title>Đăng nhập</title><body><form><input type=password></form></body></html>";

/// A feed that the portal serves as it is.
fn rss(items: &[(&str, &str, &str)]) -> String {
    let items = items.iter().map(|(guid, path, title)| {
        format!(
            "<item><guid isPermaLink=\"false\">{guid}</guid><link>https://tin.example.vn{path}</link><title>{title}</title>\
             <description>{title}: nội dung</description><pubDate>Mon, 23 Nov 2026 01:00:00 GMT</pubDate></item>"
        )
    });
    format!("<rss version=\"2.0\"><channel><title>Tin</title>{}</channel></rss>", items.collect::<String>())
}

/// A world whose source is a feed at `/rss.xml` (empty at first: nothing can be read of it).
async fn feed_world() -> World {
    World::with(|config| {
        let (head, rest) = config.split_once("\nurl = \"").unwrap();
        let (url, rest) = rest.split_once('"').unwrap();
        let host = url.split("/tintuc").next().unwrap();
        format!("{head}\nurl = \"{host}/rss.xml\"{rest}").replace("sharepoint-posts", "feed")
    })
    .await
}

fn put_rss(world: &World, body: &str) {
    world.portal.put("/rss.xml", "application/rss+xml", body.to_owned());
}

/// Path and query of an article's page.
fn path_of(item: &serde_json::Value) -> String {
    format!("/{}", item["url"].as_str().unwrap().splitn(4, '/').last().unwrap())
}

async fn page_of(world: &World, path: &str) -> Vec<u8> {
    http::send(world.portal.address(), "GET", path, &[], b"").await.unwrap().body.to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_change_while_the_list_is_broken_tell_nobody_either() {
    let mut world = feed_world().await;
    put_rss(&world, &rss(&[("1", "/1", "Khánh thành cầu"), ("2", "/2", "Khánh thành chợ")]));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.titles().await.len(), 2);
    put_rss(&world, "");
    world
        .reload(|config| {
            config.replacen("[[feed]]", "[source.text]\ntitle_noise = ['^Khánh thành ']\n\n[[feed]]", 1)
        })
        .await;
    world.tick(FIVE_MINUTES).await;
    put_rss(&world, &rss(&[("1", "/1", "Khánh thành cầu"), ("2", "/2", "Khánh thành chợ")]));
    world.tick(Duration::from_secs(3600)).await;
    let mut titles = world.titles().await;
    titles.sort();
    assert_eq!(titles, ["chợ", "cầu"]);
    let told: Vec<_> = world.receiver.received().into_iter().map(|one| one.body["type"].clone()).collect();
    assert_eq!(told, ["source.stale", "source.recovered"], "operators only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_fails_when_the_rules_change_is_read_quietly_when_it_is_back() {
    let mut world = World::new().await;
    let path = path_of(&world.items().await[0]);
    let page = page_of(&world, &path).await;
    world.portal.put(&path, "text/html", LOGIN);
    let rules = "[source.text]\nbody_noise = ['^Kết quả được trả.*$']\n\n[[feed]]";
    world.reload(|config| config.replacen("[[feed]]", rules, 1)).await;
    for _ in 0..4 {
        world.tick(FIVE_MINUTES).await;
    }
    world.portal.put(&path, "text/html; charset=utf-8", page);
    world.tick(FIVE_MINUTES).await;
    let html = world.items().await[0]["content_html"].as_str().unwrap().to_owned();
    assert!(!html.contains("Kết quả"), "read by the new rules: {html}");
    assert_eq!(world.receiver.received(), []);
    world.portal.put(&path, "text/html", "");
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.items().await[0]["content_html"], html, "a page that fails takes nothing away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_headline_is_not_lost_where_its_page_cannot_be_read() {
    let world = World::new().await;
    let before = world.items().await.remove(0);
    let path = path_of(&before);
    world.portal.put(&path, "text/html", LOGIN);
    world.portal.edit(645, |story| story.title = "Tiêu đề đã sửa".to_owned());
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.items().await[0]["title"], before["title"], "its page may be back in a moment");
    let n_visits = usize::try_from(world.portal.n_visits()).unwrap();
    world.tick(FIVE_MINUTES).await;
    assert!(
        world.portal.visits()[n_visits..]
            .iter()
            .any(|visit| visit.uri.contains("Mode=2") && visit.status == 200),
        "the list is read again for the headline that it holds"
    );
    world.tick(FIVE_MINUTES).await;
    let after = world.items().await.remove(0);
    assert_eq!(after["title"], "Tiêu đề đã sửa");
    assert_eq!(after["content_html"], before["content_html"], "the text is the last one that was read");
    world.tick(FIVE_MINUTES).await;
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1);
    let last = world.portal.visits().into_iter().rfind(|visit| visit.uri.contains("Mode=2")).unwrap();
    assert_eq!(last.status, 304, "a page that fails for ever does not cost the list its validators");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_of_maintenance_is_no_edit() {
    let world = World::new().await;
    let before = world.items().await.remove(0);
    let text = "Hệ thống đang được bảo trì, mời quý vị quay lại sau ít phút nữa. ".repeat(20);
    let page = format!(
        "<html><head><title>Thông báo</title></head><body><div><p>{text}</p><p>{text}</p></div></body></html>"
    );
    world.portal.put(&path_of(&before), "text/html; charset=utf-8", page);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.items().await[0]["content_html"], before["content_html"]);
    assert_eq!(world.receiver.received(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_on_demand_that_is_dropped_leaves_the_schedule_alone() {
    let world = World::new().await;
    world.portal.fail(Some(loaphuong::demo::portal::Fault::Silent));
    let ingest = std::sync::Arc::clone(&world.app.as_ref().unwrap().ingest);
    {
        let source = "quan1".parse().unwrap();
        let pass = ingest.pass(&source);
        tokio::pin!(pass);
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut pass).await.is_err());
        // The scheduled pass comes while this one is under way, and has to wait for it.
        world.clock.advance(FIVE_MINUTES);
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut pass).await.is_err());
        world.portal.fail(None);
    }
    world.settle().await;
    assert!(ingest.due(&"quan1".parse().unwrap()).unwrap() > loaphuong::clock::Clock::now(&world.clock));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_that_share_an_address_but_have_guids_of_their_own_are_articles_of_their_own() {
    let world = feed_world().await;
    put_rss(
        &world,
        &rss(&[("1", "/thong-bao", "Cúp điện"), ("2", "/thong-bao", "Cúp nước"), ("3", "/x", "Chợ")]),
    );
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.titles().await.len(), 3);
    let more = [("4", "/thong-bao", "Sửa đường"), ("2", "/thong-bao", "Cúp nước"), ("5", "/x", "Chợ")];
    put_rss(&world, &rss(&more));
    world.tick(FIVE_MINUTES).await;
    let mut titles = world.titles().await;
    titles.sort();
    assert_eq!(
        titles,
        ["Chợ", "Cúp nước", "Cúp điện", "Sửa đường"],
        "another guid alone is the same article"
    );
    assert_eq!(world.receiver.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waited_longest_is_read_first() {
    let world = World::with(|config| {
        let source = config.split("[[source]]").nth(1).unwrap().split("[[feed]]").next().unwrap().to_owned();
        let second = source.replace("\"quan1\"", "\"second\"").replace("Mode=2", "Mode=2&second=1");
        let config = config.replacen("[[feed]]", &format!("[[source]]{second}[[feed]]"), 1);
        format!("[ingest]\nconcurrency = 1\n{config}")
    })
    .await;
    world.tick(Duration::from_secs(60)).await;
    let run = world.api("POST", "/api/v1/sources/quan1/run", "").await;
    assert_eq!(run.status, 200, "{}", run.text());
    let n_visits = usize::try_from(world.portal.n_visits()).unwrap();
    world.tick(FIVE_MINUTES).await;
    let first = world.portal.visits().remove(n_visits);
    assert!(first.uri.contains("second=1"), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_issues_do_not_hide_why_nothing_was_read() {
    let world = feed_world().await;
    let hollow = "<item><title>Không có gì</title></item>".repeat(60);
    put_rss(&world, &format!("<rss version=\"2.0\"><channel><title>Tin</title>{hollow}</channel></rss>"));
    world.tick(FIVE_MINUTES).await;
    let issues = world.source().await["issues"].clone();
    assert_eq!(issues[0]["code"], "hollow-items", "{issues}");
}
