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
