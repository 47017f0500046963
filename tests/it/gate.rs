//! The quality gate: what does not look as a source does is held, told once, and let through by a person.

use std::time::Duration;

use loaphuong::demo::portal::Fault;
use serde_json::{Value, json};

use crate::world::World;

const TICK: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);

const TITLES: [&str; 12] = [
    "Khánh thành cầu đi bộ qua kênh Bình An",
    "Thông báo lịch tiếp công dân tháng mười hai",
    "Hội nghị tổng kết năm học tại trường Hoa Mai",
    "Ra quân dọn vệ sinh đô thị trên bốn tuyến đường",
    "Phường khai mạc giải bóng đá thiếu niên mở rộng",
    "Lấy ý kiến người dân về quy hoạch công viên bờ sông",
    "Trao học bổng cho học sinh vượt khó học giỏi",
    "Tập huấn phòng cháy chữa cháy cho tổ dân phố",
    "Ngày hội hiến máu thu hút hơn ba trăm người",
    "Đưa vào sử dụng đường hẻm vừa được mở rộng",
    "Mở lớp dạy bơi miễn phí cho trẻ em trong hè",
    "Kiểm tra an toàn thực phẩm tại chợ đầu mối",
];

/// An item of the synthetic portal: number, title, day of November 2026.
#[derive(Clone)]
struct Item(u32, String, u32);

fn items(numbers: std::ops::RangeInclusive<u32>) -> Vec<Item> {
    let item = |n: u32| {
        let title = TITLES[(n as usize - 1) % TITLES.len()];
        let part = if n as usize > TITLES.len() { format!(" – kỳ {n}") } else { String::new() };
        Item(n, format!("{title}{part}"), (10 + n).min(23))
    };
    numbers.rev().map(item).collect()
}

fn page(items: &[Item], item: impl Fn(&Item) -> String) -> String {
    let items: String = items.iter().map(item).collect();
    format!(
        "<html lang=\"vi\"><body><h1>Cổng thông tin</h1><ul class=\"ds\">{items}</ul><p>Liên hệ</p></body></html>"
    )
}

fn list(items: &[Item]) -> String {
    page(items, |Item(n, title, day)| {
        format!(
            "<li class=\"tin\"><h3><a href=\"/bai/{n}.html\">{title}</a></h3><span class=\"ngay\">{day}/11/2026</span></li>"
        )
    })
}

const RULES: &str =
    "[[source.list]]\nitem = \"li.tin\"\ntitle = \"h3 a\"\nlink = \"h3 a\"\ndate = \".ngay\"\n\n";

/// The source as the gate's tests have it: its own list, which says everything.
fn watching(config: &str) -> String {
    let lines = config.lines().filter(|line| !line.starts_with("platform = "));
    let line = |line: &str| match line.split_once("url = \"http://127.0.0.1:") {
        Some(("", rest)) if rest.contains("tintuc") => {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            format!("url = \"http://127.0.0.1:{port}/tin\"\n")
        }
        _ => format!("{line}\n"),
    };
    let text: String = lines.map(line).collect();
    text.replacen("[[feed]]", &format!("{RULES}[[feed]]"), 1)
}

/// A daemon that has read the portal's first ten items, and then one more.
async fn gated() -> World {
    let world = World::with(|config| watching(&config)).await;
    show(&world, &list(&items(1..=10)), HOUR).await;
    assert_eq!(world.titles().await.len(), 10, "{}", world.source().await);
    show(&world, &list(&items(2..=11)), TICK).await;
    assert_eq!(told(&world), ["article.published"]);
    world
}

async fn show(world: &World, html: &str, after: Duration) {
    world.portal.put("/tin", "text/html; charset=utf-8", html.to_owned());
    world.tick(after).await;
}

fn told(world: &World) -> Vec<String> {
    world.receiver.received().iter().map(|one| one.body["type"].as_str().unwrap().to_owned()).collect()
}

/// Everything that can happen to a page: its name, the reason that is found, and the page.
fn mutations() -> Vec<(&'static str, &'static str, String)> {
    let now = items(3..=12);
    let english = |Item(n, _, day): &Item| {
        format!(
            "<li class=\"tin\"><h3><a href=\"/bai/{n}.html\">The people's committee opens meeting number {n}</a></h3>\
             <span class=\"ngay\">{day}/11/2026</span></li>"
        )
    };
    vec![
        ("a renamed class", "no-items", list(&now).replace("class=\"tin\"", "class=\"news-item\"")),
        ("no dates", "dates-vanished", list(&now).replace("class=\"ngay\"", "class=\"meta\"")),
        (
            "a login page",
            "login-page",
            "<html><body><form action=\"/login\"><input name=\"u\"><input type=\"password\" name=\"p\"></form></body></html>"
                .to_owned(),
        ),
        ("an empty list", "no-items", list(&[])),
        ("another page of the list", "nothing-known", {
            let old = |Item(n, title, _): Item| Item(n + 500, format!("{title} năm trước"), 1);
            list(&items(1..=10).into_iter().map(old).collect::<Vec<_>>()).replace("/11/2026", "/03/2026")
        }),
        ("another language", "another-language", page(&now, english)),
        ("other numbers", "nothing-known", list(&now).replace("/bai/", "/news/detail-99")),
        ("one title", "one-title", page(&now, |Item(n, _, day)| {
            format!(
                "<li class=\"tin\"><h3><a href=\"/bai/{n}.html\">Xem chi tiết</a></h3><span class=\"ngay\">{day}/11/2026</span></li>"
            )
        })),
        ("a flood", "flood", list(&items(3..=60))),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mutated_page_shows_is_not_published_and_told_once() {
    for (name, code, html) in mutations() {
        let world = gated().await;
        let before = world.titles().await;
        for _ in 0..3 {
            show(&world, &html, HOUR).await;
        }
        assert_eq!(world.titles().await, before, "{name}: the last good version is served");
        assert_eq!(told(&world), ["article.published", "source.stale"], "{name}");
        let source = world.source().await;
        assert_eq!(source["state"], "held", "{name}: {source}");
        let codes: Vec<_> =
            source["held"]["reasons"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
        assert!(codes.iter().any(|found| **found == code), "{name}: {codes:?}");
        assert!(source["held"]["runs"].as_u64().unwrap() >= 2, "{name}: {source}");
        let alert = world.receiver.received().pop().unwrap().body;
        assert_eq!(alert["data"]["source"], "quan1");
        assert!(alert["data"]["reasons"][0]["before"].is_string(), "{name}: {alert}");
        let events = world.get("/api/v1/events?after=0").await.json();
        assert!(
            !events.to_string().contains("source.stale"),
            "operators' business is not the public's: {events}"
        );

        // As it was before, with one item more.
        for _ in 0..2 {
            show(&world, &list(&items(3..=12)), 8 * HOUR).await;
        }
        assert_eq!(world.source().await["state"], "ok", "{name}");
        let mut heard = told(&world).split_off(2);
        heard.sort();
        assert_eq!(heard, ["article.published", "source.recovered"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redesign_is_read_again_by_the_selectors_that_are_proposed() {
    let mut world = gated().await;
    let redesign = |items: &[Item]| {
        let cards: String = items
            .iter()
            .map(|Item(n, title, day)| {
                format!(
                    "<div class=\"col card-{n}\"><article class=\"card\"><a class=\"thumb\" href=\"/bai/{n}.html\">\
                     <img src=\"/a.png\"></a><h4 class=\"card-title\"><a href=\"/bai/{n}.html\">{title}</a></h4>\
                     <div class=\"info\"><i></i><span class=\"date\">{day}/11/2026</span></div></article></div>"
                )
            })
            .collect();
        format!("<html><body><main><div class=\"grid\">{cards}</div></main></body></html>")
    };
    show(&world, &redesign(&items(2..=11)), HOUR).await;
    let source = world.source().await;
    let proposal = source["held"]["proposal"].as_str().unwrap_or_else(|| panic!("{source}")).to_owned();
    world.reload(|config| config.replace(RULES, &format!("{proposal}\n"))).await;
    show(&world, &redesign(&items(3..=12)), HOUR).await;
    world.tick(HOUR).await;
    assert_eq!(world.source().await["state"], "ok", "{proposal}\n{}", world.source().await);
    let mut heard = told(&world).split_off(1);
    heard.sort();
    assert_eq!(heard, ["article.published", "source.recovered", "source.stale"], "{proposal}");
    let items = world.items().await;
    assert_eq!(items.len(), 12, "every article is there once");
    assert!(items.iter().all(|item| item["_loa"]["date_inferred"] != true), "{items:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_asked_about_and_accepted() {
    for announce in [true, false] {
        let world = gated().await;
        show(&world, &list(&items(2..=60)), TICK).await;
        assert_eq!(world.titles().await.len(), 11);
        let path = "/api/v1/sources/quan1/accept";
        assert_eq!(world.send("POST", path, &[], b"").await.status, 401);
        let undecided = world.api("POST", path, "").await;
        assert_eq!((undecided.status, undecided.json()["field"].as_str()), (409, Some("announce")));
        assert_eq!(world.source().await["state"], "held", "a question changes nothing");
        let answer = world.api("POST", path, &format!("{{\"announce\": {announce}}}")).await;
        assert_eq!((answer.status, answer.json()["new"].as_u64()), (200, Some(49)), "{}", answer.text());
        world.settle().await;
        assert_eq!(world.items().await.len(), 60);
        assert_eq!(world.source().await["state"], "ok");
        let heard = told(&world);
        assert_eq!(heard.iter().filter(|kind| *kind == "source.recovered").count(), 1);
        let published = heard.iter().filter(|kind| *kind == "article.published").count();
        assert_eq!(published, if announce { 50 } else { 1 }, "{heard:?}");
        let nothing = world.api("POST", path, "{\"announce\": true}").await;
        assert_eq!(nothing.status, 409, "{}", nothing.text());

        // News is news again.
        show(&world, &list(&items(2..=61)), TICK).await;
        assert_eq!(world.items().await.len(), 61);
        assert_eq!(told(&world).len(), heard.len() + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_that_were_renamed_stay_the_same_ones_when_they_are_accepted() {
    let world = gated().await;
    let ids = async || -> Vec<String> {
        world.items().await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = ids().await;
    show(&world, &list(&items(2..=11)).replace("/bai/", "/tin-tuc/chi-tiet-"), TICK).await;
    assert_eq!(world.source().await["held"]["reasons"][0]["code"], "nothing-known");
    let answer = world.api("POST", "/api/v1/sources/quan1/accept", "{\"announce\": false}").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.settle().await;
    assert_eq!(ids().await, before);
    assert_eq!(told(&world), ["article.published", "source.stale", "source.recovered"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_run_is_never_held_and_a_day_by_day_list_never_either() {
    let world = World::with(|config| watching(&config)).await;
    show(&world, &list(&items(1..=80)), HOUR).await;
    assert_eq!(world.source().await["state"], "ok");
    assert_eq!(world.source().await["items"], 80);
    assert_eq!(told(&world), [""; 0]);
    // The list shows one day: three items on Monday after many on Friday.
    let day = |numbers, day| {
        items(numbers).into_iter().map(|Item(n, title, _)| Item(n, title, day)).collect::<Vec<_>>()
    };
    for (numbers, date) in [(81..=83, 24), (84..=99, 25), (100..=101, 26)] {
        show(&world, &list(&day(numbers, date)), 24 * HOUR).await;
        assert_eq!(world.source().await["state"], "ok", "{}", world.source().await);
    }
    assert_eq!(told(&world).len(), 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_only_warns_lets_everything_through() {
    let warns = |config: String| {
        watching(&config).replacen(RULES, &format!("[source.gate]\nmode = \"warn\"\n{RULES}"), 1)
    };
    let world = World::with(warns).await;
    show(&world, &list(&items(1..=10)), HOUR).await;
    show(&world, &list(&items(2..=60)), TICK).await;
    assert_eq!(world.items().await.len(), 60);
    let source = world.source().await;
    assert_eq!(source["state"], "ok");
    assert!(source["issues"].to_string().contains("\"flood\""), "{source}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_is_withdrawn_after_a_day_of_404_and_comes_back_as_an_update() {
    let world = World::with(|config| config.replace("recheck = \"5m\"", "recheck = \"6h\"")).await;
    world.portal.publish(world.story(801, "Thông báo sẽ bị gỡ"));
    world.tick(TICK).await;
    let story = world.portal.stories().into_iter().find(|story| story.item == 801).unwrap();
    let id = world.items().await[0]["id"].as_str().unwrap().to_owned();
    world.portal.retract(801);
    for _ in 0..5 {
        world.tick(4 * HOUR).await;
        assert_eq!(
            told(&world),
            ["article.published"],
            "not yet: it fell off the list, and a page may be missing for a while"
        );
    }
    for _ in 0..4 {
        world.tick(4 * HOUR).await;
    }
    assert_eq!(told(&world), ["article.published", "article.withdrawn"]);
    assert!(!world.titles().await.contains(&story.title));
    let feed = world.get("/feeds/quan1.atom").await.text();
    assert!(feed.contains("deleted-entry") && feed.contains(&id), "a tombstone (RFC 6721): {feed}");
    let changes = world.get("/feeds/quan1/changes.atom").await.text();
    assert!(changes.contains("term=\"withdrawn\""), "{changes}");

    world.portal.publish(story.clone());
    world.tick(4 * HOUR).await;
    world.tick(4 * HOUR).await;
    assert_eq!(told(&world), ["article.published", "article.withdrawn", "article.updated"]);
    let back = world.items().await.into_iter().find(|item| item["title"] == story.title.as_str()).unwrap();
    assert_eq!(back["id"], id.as_str(), "the same one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fell_off_the_list_is_neither_withdrawn_nor_forgotten() {
    let world = gated().await;
    // No pages are read here: a list that says everything only shows less.
    show(&world, &list(&items(8..=12)), 24 * HOUR).await;
    world.tick(48 * HOUR).await;
    assert_eq!(world.items().await.len(), 12);
    assert_eq!(told(&world), ["article.published", "article.published"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_have_a_feed_of_their_own() {
    let world = gated().await;
    show(&world, &list(&[]), HOUR).await;
    assert_eq!(world.get("/feeds/_health.atom").await.status, 401);
    let feed = world.api("GET", "/feeds/_health.atom", "").await;
    assert_eq!(feed.status, 200, "{}", feed.text());
    let text = feed.text();
    assert!(text.contains("<feed xmlns=\"http://www.w3.org/2005/Atom\"") && text.contains("quan1"), "{text}");
    assert!(text.contains("no item was found"), "{text}");
    let news = world.get("/feeds/quan1.atom").await.text();
    assert!(!news.contains("no item was found"));
    // Feed readers know HTTP Basic, or nothing but addresses.
    let made = world.api("POST", "/api/v1/tokens", r#"{"name": "wall", "scopes": ["read"]}"#).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let basic = format!("Basic {}", base64(&format!("anybody:{token}")));
    assert_eq!(world.send("GET", "/feeds/_health.atom", &[("Authorization", &basic)], b"").await.status, 200);
    assert_eq!(world.get(&format!("/p/{token}/feeds/_health.atom")).await.status, 200);
    assert_eq!(world.get("/p/loa_wrong/feeds/_health.atom").await.status, 401);
    let basic = format!("Basic {}", base64("anybody:wrong"));
    let refused = world.send("GET", "/feeds/_health.atom", &[("Authorization", &basic)], b"").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().contains("Basic"), "{}", refused.text());
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Nobody misses what does not come: operators hear once that a source is silent, and once that it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_cannot_be_read_for_long_is_told_once() {
    let world = World::new().await;
    let (before, shown) = (told(&world).len(), world.titles().await);
    world.portal.fail(Some(Fault::Status(503, None)));
    for _ in 0..20 {
        world.tick(HOUR).await;
    }
    assert_eq!(told(&world)[before..], ["source.stale"]);
    let source = world.source().await;
    assert_eq!(
        (&source["state"], &source["held"]["reasons"][0]["code"]),
        (&json!("failing"), &json!("silent")),
        "{source}"
    );
    assert!(
        world.receiver.received().last().unwrap().body["data"]["title"]
            .as_str()
            .unwrap()
            .contains("cannot be read any more")
    );
    assert_eq!(world.titles().await, shown, "what was good is shown");
    world.portal.fail(None);
    for _ in 0..7 {
        world.tick(HOUR).await;
    }
    assert_eq!(told(&world)[before..], ["source.stale", "source.recovered"]);
    assert_eq!((&world.source().await["state"], &world.source().await["held"]), (&json!("ok"), &Value::Null));
}

/// What stands on top with an old date is pinned there: said, and no news.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_article_is_called_so() {
    let world = gated().await;
    let before = told(&world).len();
    let mut pinned = items(2..=11);
    let old = pinned.pop().unwrap();
    pinned.insert(0, old.clone());
    show(&world, &list(&pinned), TICK).await;
    let source = world.source().await;
    let issue =
        source["issues"].as_array().unwrap().iter().find(|issue| issue["code"] == "pinned").unwrap().clone();
    assert_eq!((&issue["at"], &issue["severity"]), (&json!(old.1), &json!("info")), "{source}");
    assert_eq!(told(&world).len(), before);
}
