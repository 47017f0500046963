//! Walks through archives: what lies behind a list comes in, once, and nobody is told.

use std::{
    collections::BTreeSet,
    process::{Child, Command, Stdio},
    time::Duration,
};

use loaphuong::{
    clock::Clock,
    config,
    demo::{portal::Fault, stories},
    model::{Article, SourceId},
    store,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, until},
    world::{START, World},
};

const DAY: i64 = 24 * 3600;
const HTML: &str = "text/html; charset=utf-8";

/// A second source beside the world's own, on plain pages of the same portal.
fn source(archive: &str) -> impl FnOnce(String) -> String {
    move |config| {
        let host = config.split("url = \"http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        config
            + &format!(
                r#"
[[source]]
id = "cu"
url = "http://{host}/tin"
every = "100d"
spacing = "0s"
jitter = "0s"
allow_private = true
[[source.list]]
item = "li.tin"
title = "a"
link = "a[href]"
date = "span"
[source.page]
title = "h1"
date = ".ngay"
body = ".noidung"
[source.archive]
{}
"#,
                archive.replace("HOST", &host)
            )
    }
}

/// The day on which article `number` appeared: number 1 yesterday, each further one a day earlier.
fn day(number: u32) -> String {
    let at = jiff::Timestamp::from_second(START - DAY * i64::from(number)).unwrap();
    at.to_zoned(jiff::tz::TimeZone::get("Asia/Ho_Chi_Minh").unwrap()).strftime("%d/%m/%Y").to_string()
}

fn list(numbers: impl Iterator<Item = u32>, pager: &str) -> String {
    let item =
        |n: u32| format!("<li class=tin><a href='/tin/{n}.html'>Tin số {n}</a> <span>{}</span></li>", day(n));
    format!("<html><body><ul>{}</ul>{pager}</body></html>", numbers.map(item).collect::<String>())
}

/// Article pages `1..=last`.
fn articles(world: &World, last: u32) {
    for n in 1..=last {
        let page = format!(
            "<html><body><h1>Tin số {n}</h1><p class=ngay>{}</p><div class=noidung><p>Nội dung của tin số {n}, đủ dài để \
             không ai coi là một trang trống, và khác với mọi tin còn lại.</p></div></body></html>",
            day(n)
        );
        world.portal.put(&format!("/tin/{n}.html"), HTML, page);
    }
}

fn store(world: &World) -> &dyn store::Store {
    &*world.app.as_ref().unwrap().store
}

async fn known(world: &World, source: &str) -> Vec<Article> {
    let source: SourceId = source.parse().unwrap();
    store(world).newest(&source, None, 10_000).await.unwrap()
}

/// The numbers of the articles that are known, each once.
async fn numbers(world: &World) -> BTreeSet<u32> {
    let articles = known(world, "cu").await;
    let numbers: BTreeSet<u32> = articles
        .iter()
        .map(|article| article.content.title.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers.len(), articles.len(), "no article twice");
    assert!(articles.iter().all(|article| article.content.html.as_str().contains("Nội dung")), "full text");
    numbers
}

/// Orders a walk and waits for its end; what is said of it then.
pub(crate) async fn walk(world: &World, source: &str, order: Value) -> Value {
    let path = format!("/api/v1/sources/{source}/backfill");
    let answer = world.api("POST", &path, &order.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    world.settle().await;
    world.api("GET", &path, "").await.json()
}

/// Nobody was told: no webhook, and every line of the journal says so.
async fn nobody_was_told(world: &World) {
    assert_eq!(world.receiver.received(), []);
    let events = store(world).events(loaphuong::model::Seq(0), 10_000).await.unwrap();
    assert!(!events.is_empty() && events.iter().all(|event| event.quiet), "{events:?}");
}

fn visits(world: &World, part: &str) -> usize {
    world.portal.visits().iter().filter(|visit| visit.uri.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbered_pages_are_walked_once_and_nobody_is_told() {
    let mut world = World::new().await;
    let pager = "<div class=pager><a href='/tin'>1</a><a href='?trang=2'>2</a><a href='?trang=3'>3</a></div>";
    articles(&world, 40);
    // Number 40 is pinned on every page.
    let page = |n: u32| list([40].into_iter().chain(10 * (n - 1) + 1..=10 * n), pager);
    world.portal.put("/tin?trang=2", HTML, page(2));
    world.portal.put("/tin?trang=3", HTML, page(3));
    world.portal.put("/tin?trang=4", HTML, list(std::iter::empty(), pager));
    world.portal.put("/tin", HTML, page(1));
    world.reload(source("")).await;
    assert_eq!(numbers(&world).await.len(), 11, "a live pass sees the list");
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["state"], &report["end"]), (&json!("ended"), &json!("bottom")), "{report}");
    assert_eq!(
        (&report["way"], &report["pages"], &report["new"]),
        (&json!("numbered"), &json!(3), &json!(20))
    );
    let mut expected: BTreeSet<u32> = (1..=30).collect();
    expected.insert(40);
    assert_eq!(numbers(&world).await, expected);
    nobody_was_told(&world).await;
    // Again: what is known is not read again.
    let before = visits(&world, "/tin/");
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["new"], &report["end"]), (&json!(0), &json!("bottom")));
    assert_eq!(visits(&world, "/tin/"), before);
    // A live pass afterwards finds nothing new either.
    let run = world.api("POST", "/api/v1/sources/cu/run", "").await.json();
    assert_eq!((&run["new"], &run["revised"]), (&json!(0), &json!(0)));
    nobody_was_told(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_site_keeps_from_robots_is_kept_from_walks() {
    let mut world = World::new().await;
    let pager = "<div class=pager><a href='?trang=2'>2</a><a href='?trang=3'>3</a></div>";
    articles(&world, 30);
    world.stop().await;
    world.portal.put("/robots.txt", "text/plain", "User-agent: *\nDisallow: /tin?trang=3\n");
    world.start().await;
    for n in 2..=3 {
        world.portal.put(&format!("/tin?trang={n}"), HTML, list(10 * (n - 1) + 1..=10 * n, pager));
    }
    world.portal.put("/tin", HTML, list(1..=10, pager));
    world.reload(source("")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["state"], &report["pages"]), (&json!("halted"), &json!(2)), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("robots.txt"), "{report}");
    assert_eq!(visits(&world, "trang=3"), 0, "it was not asked for");
    // Who owns the site may say so.
    world.reload(|text| text.replace("spacing = \"0s\"", "spacing = \"0s\"\nrobots = false")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["state"], &report["pages"]), (&json!("ended"), &json!(3)), "{report}");
    assert_eq!(numbers(&world).await.len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_without_articles_in_the_middle_is_not_the_end() {
    let mut world = World::new().await;
    articles(&world, 30);
    let pager = "<div class=pager><a href='?trang=2'>2</a><a href='?trang=4'>4</a></div>";
    world.portal.put("/tin?trang=2", HTML, list(std::iter::empty(), pager));
    world.portal.put("/tin?trang=3", HTML, list(11..=20, pager));
    world.portal.put("/tin?trang=4", HTML, list(21..=30, pager));
    world.portal.put("/tin?trang=5", HTML, list(std::iter::empty(), pager));
    world.portal.put("/tin", HTML, list(1..=10, pager));
    world.reload(source("")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["end"], &report["new"]), (&json!("bottom"), &json!(20)), "{report}");
    let issue = &report["issues"][0];
    assert_eq!(
        (&issue["code"], issue["message"].as_str()),
        (&json!("page-empty"), Some("page 2 of 4 shows no articles, or is not there"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_next_link_that_leads_nowhere_is_said() {
    let mut world = World::new().await;
    articles(&world, 20);
    let next = |to: &str| format!("<a rel=next href='{to}'>Trang sau</a>");
    world.portal.put("/tin/b", HTML, list(std::iter::empty(), &next("/tin/c")));
    world.portal.put("/tin/c", HTML, list(11..=20, &next("/tin/d")));
    world.portal.put("/tin", HTML, list(1..=10, &next("/tin/b")));
    world.reload(source("")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["way"], &report["new"]), (&json!("next"), &json!(10)), "{report}");
    assert_eq!(
        (&report["end"], &report["issues"][0]["code"]),
        (&json!("bottom"), &json!("page-missing")),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_pager_ends_where_it_repeats_itself() {
    let mut world = World::new().await;
    articles(&world, 20);
    let pager = "<div class=pager><a href='?trang=2'>2</a></div>";
    world.portal.put("/tin?trang=2", HTML, list(11..=20, pager));
    // Every further page is the first one again.
    world.portal.put("/tin", HTML, list(1..=10, pager));
    world.reload(source("kind = \"numbered\"")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["end"], &report["pages"]), (&json!("repeats"), &json!(2)), "{report}");
    assert_eq!(numbers(&world).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn next_links_are_followed_until_what_is_too_old() {
    let mut world = World::new().await;
    articles(&world, 50);
    for n in 1..=5_u32 {
        let next = format!("<a href='/tin/trang-{}'>Trang sau »</a>", n + 1);
        let path = if n == 1 { "/tin".to_owned() } else { format!("/tin/trang-{n}") };
        world.portal.put(&path, HTML, list(10 * (n - 1) + 1..=10 * n, &next));
    }
    world.reload(source("")).await;
    let since = jiff::Timestamp::from_second(START - 25 * DAY - DAY / 2).unwrap().to_string();
    let report = walk(&world, "cu", json!({ "since": since })).await;
    assert_eq!((&report["way"], &report["end"]), (&json!("next"), &json!("since")), "{report}");
    assert_eq!(numbers(&world).await, (1..=25).collect());
    assert_eq!(
        visits(&world, "/tin/trang-5"),
        0,
        "the page behind the first one that is too old is not read"
    );
    assert_eq!(visits(&world, "/tin/26.html"), 0, "what is too old is not read");
    nobody_was_told(&world).await;
    // Whoever wants more later gets it.
    let report = walk(&world, "cu", json!({ "since": "2000-01-01T00:00:00Z" })).await;
    assert_eq!((&report["end"], &report["new"]), (&json!("bottom"), &json!(25)), "{report}");
    assert_eq!(numbers(&world).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_walked_backwards_past_empty_ones() {
    let mut world = World::new().await;
    articles(&world, 20);
    let calendar = format!("<a href='/xem-theo-ngay-{}.htm'>hôm qua</a>", day(1).replace('/', "-"));
    for n in (1..=20).filter(|n| n % 3 == 0) {
        let path = format!("/xem-theo-ngay-{}.htm", day(n).replace('/', "-"));
        world.portal.put(&path, HTML, list(n..=n, &calendar));
    }
    world.portal.put("/tin", HTML, list(1..=1, &calendar));
    world.reload(source("empty_days = 4")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["way"], &report["end"]), (&json!("days"), &json!("empty")), "{report}");
    assert_eq!(numbers(&world).await, [1, 3, 6, 9, 12, 15, 18].into());
    nobody_was_told(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sitemaps_lead_to_what_no_list_shows() {
    use std::io::Write;
    let mut world = World::new().await;
    let host = format!("http://{}", world.portal.address());
    articles(&world, 30);
    world.portal.put("/tin", HTML, list(1..=3, ""));
    world.portal.put("/robots.txt", "text/plain", format!("User-agent: *\nSitemap: {host}/maps/index.xml\n"));
    let index = format!("<sitemapindex><sitemap><loc>{host}/maps/1.xml.gz</loc></sitemap></sitemapindex>");
    world.portal.put("/maps/index.xml", "application/xml", index);
    let modified = |n: u32| jiff::Timestamp::from_second(START - DAY * i64::from(n)).unwrap().to_string();
    let url = |n: u32| format!("<url><loc>{host}/tin/{n}.html</loc><lastmod>{}</lastmod></url>", modified(n));
    let others =
        format!("<url><loc>{host}/gioi-thieu.html</loc></url><url><loc>{host}/tin/khong-co.html</loc></url>");
    let map = format!("<urlset>{others}{}</urlset>", (1..=30).map(url).collect::<String>());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(map.as_bytes()).unwrap();
    world.portal.put("/maps/1.xml.gz", "application/gzip", packed.finish().unwrap());
    world.reload(source("")).await;
    let since = jiff::Timestamp::from_second(START - 25 * DAY - DAY / 2).unwrap().to_string();
    let report = walk(&world, "cu", json!({ "since": since })).await;
    assert_eq!((&report["way"], &report["end"]), (&json!("sitemap"), &json!("bottom")), "{report}");
    assert_eq!(numbers(&world).await, (1..=25).collect(), "{report}");
    assert_eq!((visits(&world, "/gioi-thieu"), visits(&world, "/tin/26.html")), (0, 0));
    assert_eq!(report["failed_pages"], 1, "what is listed and not there is said");
    nobody_was_told(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sitemap_that_cannot_be_read_is_said() {
    let mut world = World::new().await;
    let host = format!("http://{}", world.portal.address());
    articles(&world, 5);
    world.stop().await;
    world.portal.put("/tin", HTML, list(1..=3, ""));
    let robots = format!("User-agent: *\nDisallow: /maps/2.xml\nSitemap: {host}/maps/index.xml\n");
    world.portal.put("/robots.txt", "text/plain", robots);
    let parts: String =
        (1..=3).map(|n| format!("<sitemap><loc>{host}/maps/{n}.xml</loc></sitemap>")).collect();
    world.portal.put("/maps/index.xml", "application/xml", format!("<sitemapindex>{parts}</sitemapindex>"));
    let urls: String = (1..=5).map(|n| format!("<url><loc>{host}/tin/{n}.html</loc></url>")).collect();
    world.portal.put("/maps/1.xml", "application/xml", format!("<urlset>{urls}</urlset>"));
    world.start().await;
    world.reload(source("")).await;
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["end"], &report["new"]), (&json!("bottom"), &json!(2)), "{report}");
    let issue = &report["issues"][0];
    assert_eq!(issue["code"], "sitemap-unread", "{report}");
    let message = issue["message"].as_str().unwrap();
    assert!(message.contains("2 of 4 sitemaps") && message.contains("/maps/2.xml"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_are_posted_back_and_the_next_walk_goes_on() {
    let world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    let n_list = known(&world, "quan1").await.len();
    // Six pages; the pager shows five numbers, then dots.
    let report = walk(&world, "quan1", json!({ "pages": 3 })).await;
    assert_eq!((&report["way"], &report["state"]), (&json!("postback"), &json!("halted")), "{report}");
    assert_eq!(known(&world, "quan1").await.len(), n_list + 20);
    let report = walk(&world, "quan1", json!({})).await;
    assert_eq!((&report["end"], &report["pages"]), (&json!("bottom"), &json!(6)), "{report}");
    assert_eq!(known(&world, "quan1").await.len(), n_list + 45);
    nobody_was_told(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_expires_under_way_is_replaced() {
    let world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    world.portal.expire_forms_after(Some(3));
    let report = walk(&world, "quan1", json!({})).await;
    assert_eq!((&report["end"], &report["new"]), (&json!("bottom"), &json!(45)), "{report}");
    assert_eq!(known(&world, "quan1").await.len(), 51);
    assert!(world.portal.visits().iter().any(|visit| visit.status == 500), "some did expire");
    nobody_was_told(&world).await;
    // One that expires before it can be used does not keep the walk busy for ever.
    world.portal.expire_forms_after(Some(0));
    let report = walk(&world, "quan1", json!({})).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("halted"), &json!(true)), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("after a fresh start"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_wants_a_pause_gets_it() {
    let world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    world.portal.fail_forms(Some(Fault::Status(429, Some(100))));
    let report = ended_after_a_refusal(&world, || world.portal.fail_forms(None)).await;
    assert_eq!((&report["end"], &report["new"]), (&json!("bottom"), &json!(45)), "{report}");
}

/// Walks until the portal wants a pause, mends it, and lets time go by until the walk has ended. It asks once in vain.
async fn ended_after_a_refusal(world: &World, mend: impl FnOnce()) -> Value {
    let path = "/api/v1/sources/quan1/backfill";
    assert_eq!(world.api("POST", path, "{}").await.status, 202);
    let n_refused = || world.portal.visits().iter().filter(|visit| visit.status >= 400).count();
    until("something is refused", async || n_refused() == 1).await;
    mend();
    let standing = async || world.api("GET", path, "").await.json();
    until("the walk has ended", async || {
        world.clock.advance(Duration::from_secs(10));
        standing().await["state"] != "running"
    })
    .await;
    assert_eq!(n_refused(), 1, "it waited");
    standing().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_article_is_lost_at_the_end_of_a_days_budget() {
    // Enough for the first two pages of the list, and for eight of the ten articles of the second; seven are kept.
    let mut world = World::with(|text| format!("[net]\ndaily_budget = 38\n{text}")).await;
    let pager = "<div class=pager><a href='?trang=2'>2</a><a href='?trang=3'>3</a></div>";
    articles(&world, 30);
    for n in 2..=3 {
        world.portal.put(&format!("/tin?trang={n}"), HTML, list(10 * (n - 1) + 1..=10 * n, pager));
    }
    world.portal.put("/tin?trang=4", HTML, list(std::iter::empty(), pager));
    world.portal.put("/tin", HTML, list(1..=10, pager));
    world.reload(source("")).await;
    assert_eq!(world.source().await["host"]["requests_today"], 21);
    let report = walk(&world, "cu", json!({})).await;
    assert_eq!((&report["state"], &report["pages"]), (&json!("waiting"), &json!(1)), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("net.daily_budget"), "{report}");
    assert_eq!(report["failed"], false);
    assert_eq!(numbers(&world).await.len(), 18);
    let run = world.api("POST", "/api/v1/sources/cu/run", "").await.json();
    assert_eq!(run["failed"], Value::Null, "news come all the same: {run}");
    // It goes on by itself, also after a restart.
    world.stop().await;
    world.start().await;
    for _ in 0..4 {
        world.tick(Duration::from_secs(24 * 3600)).await;
    }
    let report = world.api("GET", "/api/v1/sources/cu/backfill", "").await.json();
    assert_eq!((&report["end"], &report["failed_pages"]), (&json!("bottom"), &json!(0)), "{report}");
    assert_eq!(numbers(&world).await.len(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_that_wants_a_pause_gets_it() {
    let world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    world.portal.fail_pages(Some(Fault::Status(429, Some(100))));
    let report = ended_after_a_refusal(&world, || world.portal.fail_pages(None)).await;
    assert_eq!((&report["failed_pages"], &report["new"]), (&json!(0), &json!(45)), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_that_fails_once_is_read_after_all() {
    let world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    world.portal.fail_pages(Some(Fault::Status(502, None)));
    let report = ended_after_a_refusal(&world, || world.portal.fail_pages(None)).await;
    assert_eq!((&report["failed_pages"], &report["new"]), (&json!(0), &json!(45)), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_date_picker_of_a_form_is_a_way_too() {
    let mut world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    world
        .reload(|config| config.replace("\n[[feed]]", "[source.archive]\nkind = \"days\"\n\n[[feed]]"))
        .await;
    let since = jiff::Timestamp::from_second(START - 21 * DAY).unwrap().to_string();
    let report = walk(&world, "quan1", json!({ "since": since })).await;
    assert_eq!((&report["way"], &report["end"]), (&json!("days"), &json!("since")), "{report}");
    // Days 10, 12 … 20 before today.
    assert_eq!(report["new"], 6, "{report}");
    nobody_was_told(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_that_a_walk_meets_is_left_to_the_live_pass_and_told() {
    let world = World::new().await;
    world.portal.bury(stories::old(world.clock.now()));
    world.portal.publish(world.story(900, "Tin nóng"));
    let report = walk(&world, "quan1", json!({})).await;
    assert_eq!((&report["left_out"], &report["new"]), (&json!(1), &json!(45)), "{report}");
    assert_eq!(world.receiver.received(), []);
    world.tick(Duration::from_secs(300)).await;
    let received = world.receiver.received();
    assert_eq!(received.len(), 1, "{received:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_checked_and_there_is_one_walk_at_a_time() {
    let world = World::new().await;
    let path = "/api/v1/sources/quan1/backfill";
    assert_eq!(world.send("POST", path, &[], b"{}").await.status, 401);
    assert_eq!(world.api("GET", path, "").await.json()["state"], "none");
    for (body, part) in
        [("{\"pages\":0}", "at least 1"), ("{\"since\":\"x\"}", "instant"), ("{\"a\":1}", "a")]
    {
        let answer = world.api("POST", path, body).await;
        assert!(answer.status == 400 && answer.text().contains(part), "{}", answer.text());
    }
    assert_eq!(world.api("POST", "/api/v1/sources/qan1/backfill", "{}").await.status, 404);
    // A portal that takes no form at all: it says what does not work, and can be gone on with.
    let report = walk(&world, "quan1", json!({})).await;
    assert_eq!((&report["state"], &report["failed"]), (&json!("halted"), &json!(true)), "{report}");
    assert!(report["reason"].as_str().unwrap().contains("after a fresh start"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_a_walk_is_told_that_its_daemon_has_gone() {
    let mut world = World::new().await;
    world.portal.bury(stories::old(loaphuong::clock::System.now()));
    let token = format!("Bearer {}", world.app.as_ref().unwrap().token);
    world.stop().await;
    let written = std::fs::read_to_string(world.config_path()).unwrap();
    let written = written.replace("spacing = \"0s\"", "spacing = \"100ms\"");
    let listening = |at: &str| written.replace("[web]", &format!("[web]\nlisten = \"{at}\""));
    std::fs::write(world.config_path(), listening("127.0.0.1:0")).unwrap();
    let daemon = Daemon::start(&world.config_path());
    let config = world.config_path().with_file_name("watcher.toml");
    std::fs::write(&config, listening(&daemon.address.to_string())).unwrap();
    let watcher = loa(&config);
    world.address = daemon.address;
    let path = "/api/v1/sources/quan1/backfill";
    let standing = async || world.send("GET", path, &[("Authorization", &token)], b"").await.json();
    until("the walk is under way", async || standing().await["pages"].as_u64() >= Some(1)).await;
    daemon.signal(Signal::KILL);
    let output = tokio::task::spawn_blocking(|| watcher.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the daemon has gone away") && said.contains("goes on where it was"), "{said}");
    assert!(!said.contains("store is in use"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

fn loa(config: &std::path::Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loa"));
    command.args(["backfill", "quan1", "--json", "--config"]).arg(config);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_that_is_killed_goes_on_where_it_was() {
    let mut world = World::new().await;
    // The program has the clock of this machine.
    world.portal.bury(stories::old(loaphuong::clock::System.now()));
    world.stop().await;
    let path = world.config_path();
    let mut killed = loa(&path);
    let n_before = world.portal.n_visits();
    while world.portal.n_visits() < n_before + 30 {
        assert!(killed.try_wait().unwrap().is_none(), "it was to be killed under way");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let folder = config::load(Some(&path), &[]).unwrap().store;
    let before = store::open(&folder).await.unwrap();
    let progress = before.backfills().await.unwrap().remove(0);
    assert!(progress.pages >= 1 && progress.end.is_none(), "{progress:?}");
    drop(before);

    let output = tokio::task::spawn_blocking(move || loa(&path).wait_with_output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["state"], &report["end"]), (&json!("ended"), &json!("bottom")), "{report}");
    assert_eq!(report["started"], progress.started.to_string(), "the same walk");
    world.start().await;
    assert_eq!(known(&world, "quan1").await.len(), 51);
    nobody_was_told(&world).await;
}
