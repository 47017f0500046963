//! Bad feeds, and readers that notice: what the histories check can fail.

use loaphuong::publish::Format;

use super::{
    READERS,
    client::{Client, Notice, Visit},
    freshrss::hub,
    ward::{Ward, rhythm, served},
};
use crate::{http::Answer, world::World};

const NOW: i64 = 1_795_399_200;
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 3600;

fn client(name: &str, format: Format) -> Client {
    Client::new(READERS.iter().find(|rules| rules.name == name).unwrap(), format)
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Answer { status, headers, body: body.as_bytes().to_vec() }
}

/// An RSS feed of (guid, number of the story, seconds of its date).
fn rss(items: &[(&str, u32, i64)]) -> String {
    let items: String = items
        .iter()
        .map(|(guid, number, date)| {
            let guid = if guid.is_empty() { String::new() } else { format!("<guid>{guid}</guid>") };
            let date = jiff::Timestamp::from_second(*date).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let date = jiff::fmt::rfc2822::to_string(&date).unwrap();
            format!(
                "<item><title>Tin {number}</title><link>https://tin.example/{number}</link>{guid}\
                 <pubDate>{date}</pubDate></item>"
            )
        })
        .collect();
    format!("<rss version=\"2.0\"><channel><title>T</title>{items}</channel></rss>")
}

/// How often each notice comes of these bodies, a day apart: (new, unread again, changed, lost, gone).
fn life(name: &str, format: Format, bodies: &[String]) -> [usize; 5] {
    let mut client = client(name, format);
    for (day, body) in (0..).zip(bodies) {
        client.receive(&answer(200, &[("etag", &format!("\"{day}\""))], body), NOW + day * DAY);
    }
    counts(&client)
}

fn counts(client: &Client) -> [usize; 5] {
    let count = |pick: fn(&Notice) -> bool| client.notices.iter().filter(|notice| pick(notice)).count();
    [
        count(|notice| matches!(notice, Notice::New(_))),
        count(|notice| matches!(notice, Notice::Again(_))),
        count(|notice| matches!(notice, Notice::Changed(_))),
        count(|notice| matches!(notice, Notice::Lost(_))),
        count(|notice| matches!(notice, Notice::Gone(_))),
    ]
}

#[test]
fn bad_identity_makes_duplicates_as_each_reader_makes_them() {
    let at = NOW - DAY;
    let good = rss(&[("a", 1, at), ("b", 2, at)]);
    let cases = [
        ("nothing changes", vec![good.clone(), good.clone()], [("all", 2)].as_slice()),
        ("the guid changes", vec![good.clone(), rss(&[("x", 1, at), ("y", 2, at)])], &[("all", 4)]),
        ("the guid changes its case", vec![good.clone(), rss(&[("A", 1, at), ("b", 2, at)])], &[("all", 3)]),
        (
            "no guid, dates are rebuilt",
            vec![rss(&[("", 1, at)]), rss(&[("", 1, NOW)])],
            // FreshRSS does not even see it: dates are no content, and the rest is as it was.
            &[("miniflux", 1), ("feedparser", 1), ("netnewswire", 2), ("freshrss", 1)],
        ),
        (
            "no guid, dates are rebuilt, one more item",
            vec![rss(&[("", 1, at)]), rss(&[("", 2, NOW), ("", 1, NOW)])],
            &[("miniflux", 2), ("feedparser", 2), ("netnewswire", 3), ("freshrss", 3)],
        ),
        (
            "two items under one guid: one is lost, and FreshRSS trusts no guid any more",
            vec![good, rss(&[("a", 1, at), ("a", 2, at), ("b", 3, at)])],
            &[("miniflux", 2), ("feedparser", 2), ("netnewswire", 2), ("freshrss", 5)],
        ),
    ];
    for (what, bodies, expected) in cases {
        for rules in &READERS {
            let one = expected.iter().find(|(name, _)| *name == rules.name || *name == "all").unwrap().1;
            assert_eq!(life(rules.name, Format::Rss, &bodies)[0], one, "{what}: {}", rules.name);
        }
    }
}

#[test]
fn rebuilt_dates_show_old_items_again_or_move_them() {
    let [first, second] = [NOW - DAY, NOW].map(|at| rss(&[("a", 1, at)]));
    let bodies = [first, second];
    for (name, expected) in [
        ("miniflux", [1, 0, 0, 0, 0]),
        ("freshrss", [1, 0, 0, 0, 0]),
        ("netnewswire", [1, 0, 1, 0, 0]),
        ("feedparser", [1, 1, 0, 0, 0]),
    ] {
        assert_eq!(life(name, Format::Rss, &bodies), expected, "{name}");
    }
    let mut moved = client("netnewswire", Format::Rss);
    bodies.iter().for_each(|body| moved.receive(&answer(200, &[], body), NOW));
    assert_eq!(moved.shelf["a"].date, NOW);
}

#[test]
fn an_item_without_a_date_is_dated_when_it_comes() {
    let body = rss(&[("a", 1, NOW)]).replace("<pubDate>", "<pubDate>around ");
    for rules in &READERS {
        let mut client = client(rules.name, Format::Rss);
        client.receive(&answer(200, &[], &body), NOW + 7);
        assert_eq!(client.shelf["a"].date, NOW + 7, "{}", rules.name);
    }
}

#[test]
fn dates_of_the_future_are_shown_as_they_are_and_the_epoch_is_none_for_freshrss() {
    for rules in &READERS {
        let mut client = client(rules.name, Format::Rss);
        client.receive(&answer(200, &[], &rss(&[("soon", 1, NOW + 900 * DAY), ("epoch", 2, 0)])), NOW);
        assert_eq!(client.shelf["soon"].date, NOW + 900 * DAY, "{}", rules.name);
        let epoch = if rules.name == "freshrss" { NOW } else { 0 };
        assert_eq!(client.shelf["epoch"].date, epoch, "{}", rules.name);
    }
}

#[test]
fn json_items_without_an_id_are_discarded_where_the_specification_is_read() {
    let body = r#"{"items": [{"url": "https://tin.example/1", "title": "Tin 1", "content_text": "x"}]}"#;
    for (name, expected) in
        [("netnewswire", [0, 0, 0, 1, 0]), ("miniflux", [1, 0, 0, 0, 0]), ("freshrss", [1, 0, 0, 0, 0])]
    {
        assert_eq!(life(name, Format::Json, &[body.to_owned()]), expected, "{name}");
    }
    let no_address = r#"{"items": [{"id": "a", "title": "Tin 1", "content_text": "x"}]}"#;
    assert_eq!(life("freshrss", Format::Json, &[no_address.to_owned()])[3], 1);
}

#[test]
fn edits_are_seen_as_each_reader_sees_them() {
    let first = rss(&[("a", 1, NOW)]);
    let title = first.replace("Tin 1", "Tin một");
    let link = first.replace("tin.example/1", "tin.example/moved");
    for (name, by_title, by_link) in [
        ("miniflux", [1, 0, 1, 0, 0], [1, 0, 1, 0, 0]),
        ("freshrss", [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]),
        ("netnewswire", [1, 0, 1, 0, 0], [1, 0, 1, 0, 0]),
        ("feedparser", [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]),
    ] {
        assert_eq!(life(name, Format::Rss, &[first.clone(), title.clone()]), by_title, "{name}");
        assert_eq!(life(name, Format::Rss, &[first.clone(), link.clone()]), by_link, "{name}");
    }
    let updated =
        |at: &str| first.replace("<pubDate>", &format!("<atom:updated>{at}</atom:updated><pubDate>"));
    let bodies = [updated("2026-11-23T09:00:00+07:00"), updated("2026-11-23T10:00:00+07:00")];
    assert_eq!(life("feedparser", Format::Rss, &bodies)[1], 1);
    assert_eq!(life("freshrss", Format::Rss, &bodies)[1], 0, "dates are no content");
}

#[test]
fn expires_0_costs_miniflux_its_validators_and_nobody_else() {
    let headers = [("etag", "\"x\""), ("last-modified", "Mon, 23 Nov 2026 02:00:00 GMT"), ("expires", "0")];
    for rules in &READERS {
        let mut client = client(rules.name, Format::Rss);
        client.receive(&answer(200, &headers, &rss(&[("a", 1, NOW)])), NOW);
        let expected = if rules.name == "miniflux" { None } else { Some("\"x\"") };
        assert_eq!(client.memory.etag.as_deref(), expected, "{}", rules.name);
    }
}

#[test]
fn miniflux_compares_tags_before_dates_and_both_as_strings() {
    let body = rss(&[("a", 1, NOW)]);
    let seen = |first: &[(&str, &str)], second: &[(&str, &str)]| {
        let mut client = client("miniflux", Format::Rss);
        client.receive(&answer(200, first, &body), NOW);
        client.receive(&answer(200, second, &rss(&[("b", 2, NOW)])), NOW + DAY);
        counts(&client)[0]
    };
    let date = ("last-modified", "Mon, 23 Nov 2026 02:00:00 GMT");
    assert_eq!(
        seen(&[("etag", "\"1\""), date], &[("etag", "\"1\"")]),
        1,
        "the tag says that nothing changed"
    );
    assert_eq!(seen(&[("etag", "\"1\""), date], &[("etag", "\"2\""), date]), 2, "the tag decides");
    assert_eq!(seen(&[date], &[date]), 1, "a date that does not move hides what is new");
    assert_eq!(seen(&[date], &[("last-modified", "Mon, 23 Nov 2026 02:00:01 GMT")]), 2);
}

#[test]
fn readers_come_back_when_they_are_told_to() {
    let hour = 60 * MINUTE;
    for (name, headers, expected) in [
        ("miniflux", [("cache-control", "public, max-age=300")].as_slice(), hour),
        ("miniflux", &[("cache-control", "max-age=7200")], 2 * hour),
        ("miniflux", &[("cache-control", "max-age=9999999")], DAY),
        ("freshrss", &[("cache-control", "public, max-age=300")], 20 * MINUTE),
        ("freshrss", &[("cache-control", "public, max-age=3600")], hour),
        ("freshrss", &[], 20 * MINUTE),
        ("netnewswire", &[("cache-control", "public, max-age=300")], 5 * MINUTE),
        ("netnewswire", &[("cache-control", "max-age=9999999")], 5 * hour),
        ("netnewswire", &[], 9 * MINUTE),
        ("feedparser", &[("cache-control", "max-age=9999999")], hour),
    ] {
        let mut client = client(name, Format::Rss);
        client.receive(&answer(200, headers, &rss(&[("a", 1, NOW)])), NOW);
        assert_eq!(client.memory.next - NOW, expected, "{name} {headers:?}");
    }
    let mut client = client("miniflux", Format::Rss);
    let ttl = rss(&[("a", 1, NOW)]).replace("<title>T</title>", "<title>T</title><ttl>180</ttl>");
    client.receive(&answer(200, &[], &ttl), NOW);
    assert_eq!(client.memory.next - NOW, 3 * hour, "`ttl`");
}

#[test]
fn freshrss_leaves_a_host_alone_that_says_503_and_lets_a_304_only_shorten_its_wait() {
    let mut client = client("freshrss", Format::Rss);
    let body = rss(&[("a", 1, NOW)]);
    client.receive(&answer(200, &[("cache-control", "max-age=3600")], &body), NOW);
    client.receive(&answer(304, &[("cache-control", "max-age=86400")], ""), NOW);
    assert_eq!(client.memory.next - NOW, 60 * MINUTE);
    client.receive(&answer(503, &[("retry-after", "3000")], ""), NOW);
    assert_eq!(client.memory.next - NOW, 50 * MINUTE);
    assert_eq!(client.shelf.len(), 1);
}

#[test]
fn a_304_without_a_tag_costs_some_readers_theirs() {
    for (name, expected) in
        [("miniflux", true), ("feedparser", true), ("freshrss", false), ("netnewswire", false)]
    {
        let mut client = client(name, Format::Rss);
        client.receive(&answer(200, &[("etag", "\"x\"")], &rss(&[("a", 1, NOW)])), NOW);
        client.receive(&answer(304, &[], ""), NOW + DAY);
        assert_eq!(client.memory.etag.is_some(), expected, "{name}");
    }
}

#[test]
fn netnewswire_throws_away_validators_after_a_week_and_items_after_a_month() {
    let mut client = client("netnewswire", Format::Rss);
    let tagged = |tag: &str, body: &str| answer(200, &[("etag", tag)], body);
    client.receive(&tagged("\"1\"", &rss(&[("a", 1, NOW), ("old", 2, NOW - 200 * DAY)])), NOW);
    assert!(client.notices.contains(&Notice::Old("Tin 2".to_owned())), "half a year old: read as it comes");
    let validates = |client: &Client, at| (client.rules.validates)(&client.memory, Format::Rss, at);
    assert!(validates(&client, NOW + 8 * DAY) && !validates(&client, NOW + 8 * DAY + 1));
    client.receive(&tagged("\"2\"", &rss(&[])), NOW + 40 * DAY);
    assert_eq!(client.shelf.len(), 2, "an empty feed takes nothing away");
    client.receive(&tagged("\"3\"", &rss(&[("b", 3, NOW)])), NOW + 20 * DAY);
    assert_eq!(client.shelf.len(), 3, "not older than thirty days");
    client.receive(&tagged("\"4\"", &rss(&[("c", 4, NOW)])), NOW + 31 * DAY);
    assert_eq!(client.shelf.keys().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(counts(&client)[4], 2);
}

#[test]
fn simplepie_finds_a_hub_only_where_rel_is_alone() {
    for (header, found) in [
        ("<https://h.example/>; rel=\"hub\", <https://a.example/f>; rel=\"self\"", true),
        ("<https://a.example/f>; rel=\"self\", <https://h.example/>; rel=\"hub\"", true),
        ("<https://h.example/>; rel=hub", false),
        ("<https://h.example/>; rel=\"hub\"; title=\"x\"", false),
        ("<https://h.example/>; title=\"x\"; rel=\"hub\"", false),
        ("<https://h.example/>;rel=\"hub\"", false),
        ("<https://a.example/f>; rel=\"self\"", false),
    ] {
        assert_eq!(hub(header), found.then_some("https://h.example/"), "{header}");
    }
}

#[test]
fn what_is_no_feed_is_noticed() {
    for body in ["", "<html><body>Đăng nhập</body></html>", "<rss><channel>", "{\"items\": 1}"] {
        for format in Format::ALL {
            let mut client = client("miniflux", format);
            client.receive(&answer(200, &[], body), NOW);
            assert_eq!(client.notices, [Notice::Broken], "{format:?} {body}");
        }
    }
}

// === The judge, before a daemon that does something else than the history says ===

const STEP: std::time::Duration = std::time::Duration::from_secs(600);

async fn ward() -> Ward {
    Ward::open("a lie", World::new().await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "freshrss on atom: story 645")]
async fn an_edit_that_the_history_does_not_speak_of_is_found() {
    let ward = ward().await;
    ward.world.portal.edit(645, |story| story.paragraphs.push("Thêm một đoạn.".to_owned()));
    ward.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "netnewswire on json: story 999 {\"Tin số 999\"} never came")]
async fn a_story_that_never_comes_is_found() {
    let mut ward = ward().await;
    ward.expect(999, "Tin số 999", NOW);
    ward.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(
    expected = "feedparser on rss: story 645 {\"Hướng dẫn nộp hồ sơ trực tuyến mức độ 4\"} is dated"
)]
async fn a_wrong_date_is_found() {
    let mut ward = ward().await;
    ward.expect(645, "Hướng dẫn nộp hồ sơ trực tuyến mức độ 4", NOW);
    ward.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "miniflux on rss: nothing changed, but the answer was 200")]
async fn a_change_while_nothing_may_change_is_found() {
    let mut ward = ward().await;
    ward.publish(901);
    ward.pass_still(12 * STEP, STEP).await;
    ward.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[should_panic(expected = "was shown as new 2 times")]
async fn a_duplicate_is_found() {
    let mut ward = ward().await;
    // Another portal with the same headline under another number: one story, as far as this history knows.
    let twin = ward.world.portal.stories().into_iter().find(|story| story.item == 645).unwrap();
    ward.expect(645, &twin.title, twin.published.as_second());
    ward.world.portal.publish(loaphuong::demo::portal::Story { item: 777, ..twin });
    ward.close().await;
}

#[test]
fn answers_that_mislead_caches_are_found() {
    let body = rss(&[("a", 1, NOW)]).replace(
        "<title>T</title>",
        "<title>T</title><ttl>5</ttl><atom:link rel=\"self\" href=\"https://tin.example/feeds/quan1.rss\"/>",
    );
    let good = [
        ("etag", "\"x\""),
        ("last-modified", "Mon, 23 Nov 2026 02:00:00 GMT"),
        ("cache-control", "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"),
        ("link", "<https://tin.example/feeds/quan1.rss>; rel=\"self\""),
    ];
    let found = |name: &str, value: &'static str| {
        let mut headers: Vec<_> = good.into_iter().filter(|(known, _)| *known != name).collect();
        headers.push((name, value));
        let mut client = client("miniflux", Format::Rss);
        let visit = Visit { conditional: false, answer: answer(200, &headers, &body) };
        client.receive(&visit.answer, NOW);
        let mut wrong = served(&client, &visit, b"", body.as_bytes());
        wrong.extend(rhythm(&client, &visit, NOW));
        wrong
    };
    assert_eq!(found("x-other", ""), [""; 0]);
    for (name, value) in [
        ("etag", "W/\"x\""),
        ("etag", ""),
        ("last-modified", "yesterday"),
        ("cache-control", "no-store"),
        ("cache-control", "public, max-age=86400, stale-while-revalidate=60, stale-if-error=86400"),
        ("cache-control", "public, max-age=0, stale-while-revalidate=60, stale-if-error=86400"),
        ("expires", "0"),
        ("pragma", "no-cache"),
        ("link", "<https://tin.example/feeds/quan1.rss?x>; rel=\"self\""),
    ] {
        assert!(!found(name, value).is_empty(), "{name}: {value}");
    }
    let titled =
        "<https://h.example/>; rel=\"hub\"; title=\"x\", <https://tin.example/feeds/quan1.rss>; rel=\"self\"";
    assert_eq!(found("link", titled).len(), 1, "SimplePie does not find this hub");
}

#[test]
fn a_304_that_hides_a_change_and_a_200_that_brings_none_are_found() {
    let client = client("miniflux", Format::Rss);
    let found = |status, body: &str, before: &[u8], current: &[u8]| {
        let visit = Visit { conditional: true, answer: answer(status, &[], body) };
        served(&client, &visit, before, current).remove(0)
    };
    assert_eq!(found(304, "", b"old", b"new"), "a 304 hides a change");
    assert_eq!(found(304, "x", b"old", b"old"), "a 304 has a body");
    assert!(found(200, "old", b"old", b"old").contains("instead of a 304"));
    assert_eq!(found(503, "", b"old", b"old"), "the answer was 503");
}
