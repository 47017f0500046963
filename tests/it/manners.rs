//! The good citizen: what a site says to robots, how much it is asked, and what a person sees of it.

use std::time::Duration;

use loaphuong::demo::portal::Fault;

use crate::world::World;

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The codes of the source's issues.
async fn codes(world: &World) -> Vec<String> {
    let source = world.source().await;
    let issues = source["issues"].as_array().unwrap().iter();
    issues.map(|issue| issue["code"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_asked_once_a_day_what_it_wants() {
    let world = World::new().await;
    assert_eq!(world.portal.n_robots(), 1);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.portal.n_robots(), 1);
    assert!(world.source().await["host"]["requests_today"].as_u64().unwrap() > 8);
    world.tick(DAY).await;
    assert_eq!(world.portal.n_robots(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_does_not_want_us_is_left_alone_and_says_so_once() {
    let mut world = World::new().await;
    world.portal.put(
        "/robots.txt",
        "text/plain",
        "User-agent: loaphuong\nDisallow: /\nSitemap: https://a/s.xml",
    );
    world.tick(DAY).await;
    let n_visits = world.portal.n_visits();
    assert_eq!(codes(&world).await, ["robots-disallowed"]);
    for _ in 0..3 {
        world.tick(FIVE_MINUTES).await;
    }
    let source = world.source().await;
    assert_eq!(world.portal.n_visits(), n_visits, "nothing is asked any more");
    assert_eq!((&source["failures"], &source["disallowed"]), (&0.into(), &true.into()), "{source}");
    assert_eq!(source["host"]["sitemaps"][0], "https://a/s.xml");
    assert!(source["issues"][0]["message"].as_str().unwrap().contains("Disallow: /"), "{source}");
    assert_eq!(world.titles().await.len(), 6, "its feed goes on showing what is known");
    assert!(world.get("/?lang=en").await.text().contains("Not allowed by the site"));

    // The site is the operator's own, it turns out.
    world.reload(|text| text.replace("recheck = \"5m\"", "recheck = \"5m\"\nrobots = false")).await;
    world.tick(FIVE_MINUTES).await;
    let source = world.source().await;
    assert!(world.portal.n_visits() > n_visits, "{source}");
    assert_eq!(source["disallowed"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_are_closed_leave_what_the_list_says() {
    let mut world = World::new().await;
    world.stop().await;
    world.lose_store();
    world.portal.put("/robots.txt", "text/plain", "User-agent: *\nDisallow: /*ID=");
    let n_visits = world.portal.n_visits();
    world.start().await;
    assert_eq!(world.titles().await.len(), 6, "at once, and not after three tries");
    assert_eq!(world.portal.n_visits(), n_visits + 1, "the list alone was asked for");
    let source = world.source().await;
    let issues = source["issues"].as_array().unwrap();
    let closed: Vec<_> = issues.iter().filter(|issue| issue["code"] == "robots-disallowed").collect();
    assert_eq!((closed.len(), &closed[0]["severity"]), (1, &"info".into()), "{source}");
    assert_eq!((&source["failures"], &source["disallowed"]), (&0.into(), &false.into()), "{source}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_asks_for_patience_ends_the_pass_and_loses_nothing() {
    let world = World::new().await;
    world.portal.publish(world.story(801, "Khánh thành cầu đi bộ"));
    world.portal.publish(world.story(802, "Khai mạc hội sách"));
    world.portal.fail_pages(Some(Fault::Status(429, Some(1000))));
    world.tick(FIVE_MINUTES).await;
    let refused = world.portal.visits().iter().filter(|visit| visit.status == 429).count();
    assert_eq!(refused, 1, "no second page of the host is asked for");
    assert!(world.source().await["host"]["paused_until"].is_string());
    world.portal.fail_pages(None);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.titles().await.len(), 6, "it is not the time yet");
    world.tick(Duration::from_secs(700)).await;
    assert_eq!(world.titles().await.len(), 8);
    assert_eq!(world.source().await["failures"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn todays_budget_is_a_limit_with_a_name() {
    let world = World::with(|text| format!("[net]\ndaily_budget = 40\n{text}")).await;
    for _ in 0..20 {
        world.portal.put("/elsewhere", "text/plain", "x");
        world.tick(FIVE_MINUTES).await;
    }
    let source = world.source().await;
    assert_eq!(source["host"]["requests_today"], 40);
    assert_eq!(codes(&world).await, ["daily-budget", "pinned"], "the portal has a pinned notice");
    assert!(source["issues"][0]["message"].as_str().unwrap().contains("net.daily_budget"), "{source}");
    assert_eq!(source["next_due"], "2026-11-24T07:00:00+07:00", "the next day, UTC");
    world.tick(DAY).await;
    assert_eq!(codes(&world).await, ["pinned"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_of_sites_find_out_who_comes() {
    let world = World::with(|text| format!("[net]\ncontact = \"mailto:admin@tin.example.vn\"\n{text}")).await;
    let page = world.get("/bot?lang=en").await;
    assert_eq!(page.status, 200);
    for part in
        ["User-agent: loaphuong", "https://tin.example.vn/bot", "mailto:admin@tin.example.vn", "127.0.0.1"]
    {
        assert!(page.text().contains(part), "{part} is not in {}", page.text());
    }
    assert!(world.get("/").await.text().contains("./bot"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_looked_at_when_it_publishes() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let world = World::with(|text| {
        text.replace("schedule = \"*/5 * * * *\"", "adaptive = { min = \"5m\", max = \"4h\" }")
    })
    .await;
    // Three weeks of news at nine in the morning, from Monday to Friday; the clock starts on a Monday at nine.
    for day in 0..21 {
        if day % 7 < 5 {
            for item in 0..3 {
                world.portal.publish(world.story(1000 + day * 10 + item, &format!("Tin {day}/{item}")));
            }
        }
        for _ in 0..6 {
            world.tick(minutes(240)).await;
        }
    }
    let looks = async |n_minutes: u64| {
        let mut n_looks = 0;
        let mut last = world.source().await["last_attempt"].clone();
        for _ in 0..n_minutes / 5 {
            world.tick(minutes(5)).await;
            let now = world.source().await["last_attempt"].clone();
            n_looks += u32::from(now != last);
            last = now;
        }
        n_looks
    };
    let morning = looks(60).await;
    world.tick(minutes(7 * 60)).await;
    let evening = looks(240).await;
    assert!(morning >= 4 && evening <= 3, "{morning} looks in an hour, {evening} in four");
    assert!(world.source().await["next_due"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_never_answers_keeps_nobody_waiting() {
    let mut world = World::with(|text| format!("[ingest]\nconcurrency = 1\n{text}")).await;
    let other = world.another_portal().await;
    other.publish(world.story(900, "Phường bên cạnh"));
    let url = other.list_url();
    world
        .reload(|text| {
            let (head, source) = text.split_once("[[source]]").unwrap();
            let (source, rest) = source.split_once("[[feed]]").unwrap();
            let second = source
                .replace("id = \"quan1\"", "id = \"quan2\"")
                .lines()
                .map(|line| {
                    if line.starts_with("url = ") {
                        format!("url = \"{url}\"\n")
                    } else {
                        format!("{line}\n")
                    }
                })
                .collect::<String>();
            format!("{head}[[source]]{source}[[source]]{second}[[feed]]{rest}")
        })
        .await;
    // The first in line is the silent one.
    world.portal.fail(Some(Fault::Silent));
    let n_visits = other.n_visits();
    world.clock.advance(FIVE_MINUTES);
    let seen = async {
        while other.n_visits() == n_visits {
            world.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), seen).await.expect("the one place is taken");
}

/// A source that is a feed at `/feed.xml` of the same portal.
fn feed_of_the_portal(config: &str) -> String {
    let url = config.lines().find(|line| line.starts_with("url = ") && line.contains("tintuc")).unwrap();
    let site = &url[..url.find("/tintuc").unwrap()];
    config
        .replace(url, &format!("{site}/feed.xml\""))
        .replace("platform = \"sharepoint-posts\"", "platform = \"feed\"")
}

fn put_feed(world: &World, n_items: usize) {
    let item = |n: usize| {
        format!(
            "<item><guid>tin-{n}</guid><title>Tin số {n}</title><link>https://a.example/{n}</link><pubDate>Mon, 23 Nov 2026 0{n}:00:00 +0700</pubDate></item>"
        )
    };
    let items: String = (1..=n_items).rev().map(item).collect();
    let feed = format!("<rss version=\"2.0\"><channel><title>Tin</title>{items}</channel></rss>");
    world.portal.put("/feed.xml", "application/rss+xml", feed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_calls_what_has_changed_the_same_is_found_out() {
    let world = World::with(|config| feed_of_the_portal(&config)).await;
    world.portal.lie(true);
    put_feed(&world, 2);
    world.tick(Duration::from_secs(3600)).await;
    assert_eq!(world.titles().await.len(), 2, "{}", world.source().await);
    put_feed(&world, 3);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.titles().await.len(), 2, "304");
    for _ in 0..24 {
        world.tick(Duration::from_secs(3600)).await;
    }
    assert_eq!(world.titles().await.len(), 3, "within a day it is read whole");
    assert_eq!(codes(&world).await, ["validators-lie"]);
    put_feed(&world, 4);
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.titles().await.len(), 4, "from now on at each look");
    assert_eq!(codes(&world).await, ["validators-lie"]);
    // It is mended. After a week it is asked again, and believed.
    world.portal.lie(false);
    for _ in 0..8 {
        world.tick(DAY).await;
    }
    world.tick(FIVE_MINUTES).await;
    assert_eq!(codes(&world).await, [""; 0]);
    let visits = world.portal.visits();
    assert_eq!(visits.last().map(|visit| visit.status), Some(304), "{visits:?}");
}
