//! What a feed said before, against a store in memory.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    Unavailable, archive,
    cuts::{CELL, Stream},
    since,
};
use crate::{
    model::{Article, Change, Enclosure, Event, Filter, Html, Seq, Status},
    publish::{
        Coding, Document, Extent, Format, Part, Since, Start, Variant,
        tests::{
            article,
            live::{World, edited, id, named, publisher},
            settings,
        },
    },
    store::{self, Commit, Store},
};

const ALL: &str = "all";

async fn world(items: usize, filter: Option<&str>) -> World {
    let world = World::new(settings(vec![named(ALL, items, filter)])).await;
    world.publisher.rebuild().await.unwrap();
    world
}

fn text(document: &Document) -> String {
    String::from_utf8(document.identity().body.to_vec()).unwrap()
}

/// Id and revision of each item.
fn items(document: &Document) -> Vec<(String, u64)> {
    let feed: Value = serde_json::from_str(&text(document)).unwrap();
    let item =
        |item: &Value| (item["id"].as_str().unwrap().to_owned(), item["_loa"]["revision"].as_u64().unwrap());
    feed["items"].as_array().unwrap().iter().map(item).collect()
}

fn withdrawn(n: i64, revision: u32) -> Article {
    Article { status: Status::Withdrawn, ..edited(n, revision, "gone") }
}

async fn archived(world: &World, end: u64, format: Format) -> Result<Arc<Document>, Unavailable> {
    world.publisher.archive(&id(ALL), Seq(end), format, None).await
}

async fn changed(world: &World, start: Start) -> Result<Arc<Document>, Unavailable> {
    let since = Since { start, part: None, variant: Variant::default() };
    world.publisher.since(&id(ALL), &since, Format::Json).await
}

/// The names of all archives, as each names the one before, the newest first.
async fn archives(world: &World) -> Vec<u64> {
    let snapshot = world.publisher.live(&id(ALL)).unwrap().snapshot();
    let stream = Stream::of(&snapshot.feed);
    let mut next = world.publisher.history.cuts().newest(&stream);
    let address = next.map(|end| archive::address(&snapshot.settings, &id(ALL), end));
    assert_eq!(snapshot.links.prev_archive, address);
    let mut all = Vec::new();
    while let Some(name) = next {
        all.push(name.0);
        let document = archived(world, name.0, Format::Atom).await.unwrap();
        assert!(document.link.contains(&format!("/feeds/all/archive/{name}.atom>; rel=\"self\"")));
        next = world.publisher.history.cuts().block(&stream, name).unwrap().before;
    }
    all
}

#[tokio::test]
async fn the_archives_and_the_feed_hold_every_article() {
    let world = world(50, None).await;
    for from in (1..=230).step_by(7) {
        world.commit_and_follow(&(from..(from + 7).min(231)).map(article).collect::<Vec<_>>()).await;
    }
    assert_eq!(archives(&world).await, [200, 150, 100, 50]);
    let feed = world.document(ALL, Format::Json).await;
    let mut found = items(&feed);
    for name in archives(&world).await {
        let page = items(&archived(&world, name, Format::Json).await.unwrap());
        assert_eq!(page.len(), 50);
        found.extend(page);
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 230);
}

#[tokio::test]
async fn an_archive_never_changes_and_a_later_one_has_the_edit() {
    let world = world(50, None).await;
    world.commit_and_follow(&(1..=48).map(article).collect::<Vec<_>>()).await;
    let names = archived(&world, 50, Format::Atom).await.unwrap_err();
    assert!(matches!(names, Unavailable::NoArchive { newest: None }), "{names:?}");
    world.commit_and_follow(&[edited(7, 2, "sửa trong khối"), withdrawn(8, 2)]).await;
    let mut before = HashMap::new();
    for format in Format::ALL {
        before.insert(format, archived(&world, 50, format).await.unwrap());
    }
    let first = text(&before[&Format::Atom]);
    assert!(
        first.contains("sửa trong khối") && !first.contains("article 7<") && !first.contains("article 8<")
    );
    let gone = article(8).id.to_string();
    assert!(first.contains(&format!("<at:deleted-entry ref=\"{gone}\"")) && first.contains("<fh:archive"));
    assert!(
        !text(&before[&Format::Rss]).contains(&gone) && text(&before[&Format::Rss]).contains("<fh:archive")
    );
    assert!(items(&before[&Format::Json]).iter().all(|(id, _)| *id != gone));
    assert_eq!(items(&before[&Format::Json]).len(), 47);
    assert_eq!(
        before[&Format::Rss].cache_control("2026-03-05T00:00:00Z".parse().unwrap()),
        "public, max-age=604800, immutable"
    );
    world.commit_and_follow(&[edited(7, 3, "sửa về sau"), edited(8, 3, "trở lại")]).await;
    world.commit_and_follow(&(49..=100).map(article).collect::<Vec<_>>()).await;
    let newest = text(&archived(&world, 100, Format::Atom).await.unwrap());
    assert!(newest.contains("sửa về sau") && newest.contains("trở lại"));
    let all = settings(vec![named(ALL, 50, None)]);
    let restarted = publisher(&world.store, all).await;
    restarted.rebuild().await.unwrap();
    world.publisher.history.clear();
    for format in Format::ALL {
        let same = archived(&world, 50, format).await.unwrap();
        let other = restarted.archive(&id(ALL), Seq(50), format, None).await.unwrap();
        for document in [same, other] {
            assert_eq!(document.identity().body, before[&format].identity().body, "{format:?}");
            assert_eq!(document.last_modified, before[&format].last_modified);
        }
        let subscription = restarted.document(&id(ALL), format, &Variant::default()).await.unwrap();
        assert_eq!(subscription.identity().body, world.document(ALL, format).await.identity().body);
    }
    let missing = archived(&world, 99, Format::Rss).await.unwrap_err();
    assert!(matches!(missing, Unavailable::NoArchive { newest: Some(Seq(100)) }), "{missing:?}");
}

#[tokio::test]
async fn an_archive_loses_no_article_however_large() {
    let world = world(50, None).await;
    let huge = |n: i64| {
        let mut huge = article(n);
        huge.content.html = Html::sanitized(format!("<p>{}</p>", "từ ngữ ".repeat(20_000)));
        huge.content.summary = "tóm tắt ".repeat(600);
        huge.content.title = format!("{n} {}", "dài ".repeat(120));
        let file = |m| Enclosure {
            url: format!("https://quan1.example/{m}/{}", "x".repeat(400)),
            ..Enclosure::default()
        };
        huge.content.enclosures = (0..100).map(file).collect();
        huge
    };
    world.commit_and_follow(&(1..=50).map(huge).collect::<Vec<_>>()).await;
    for format in Format::ALL {
        let document = archived(&world, 50, format).await.unwrap();
        let text = text(&document);
        assert!((1..=50).all(|n| text.contains(&article(n).id.to_string())), "{format:?}");
        assert!(text.len() > 1_000_000 && text.len() < 12_000_000, "{format:?}: {}", text.len());
    }
}

#[tokio::test]
async fn an_archive_of_a_filter_shows_what_it_wanted_then() {
    let world = world(50, Some("title:\"thông báo\"")).await;
    let titled = |n: i64| edited(n, 1, if n % 5 == 0 { "Thông báo" } else { "tin" });
    world.commit_and_follow(&(1..=499).map(titled).collect::<Vec<_>>()).await;
    world.commit_and_follow(&[edited(5, 2, "không còn nữa")]).await;
    let found = items(&archived(&world, 500, Format::Json).await.unwrap());
    assert_eq!(found.len(), 98);
    assert!(!found.iter().any(|(id, _)| *id == article(5).id.to_string()));
}

#[tokio::test]
async fn following_the_pages_brings_everything_once_at_its_newest() {
    let world = world(10, None).await;
    world.commit_and_follow(&(1..=250).map(article).collect::<Vec<_>>()).await;
    world.commit_and_follow(&(1..=30).map(|n| edited(n, 2, "sửa")).collect::<Vec<_>>()).await;
    world.commit_and_follow(&[withdrawn(40, 2)]).await;
    let (mut start, mut found, mut n_pages) = (Seq(0), Vec::new(), 0);
    loop {
        let page = changed(&world, Start::After(start)).await.unwrap();
        found.extend(items(&page));
        n_pages += 1;
        let feed = Arc::clone(&world.publisher.live(&id(ALL)).unwrap().snapshot().feed);
        let lines = (start, Seq(281));
        let page = since::page(world.store.as_ref(), &feed, lines, None, since::ITEMS).await.unwrap();
        let Some(next) = page.next else { break };
        assert!(next > start);
        start = next;
    }
    assert_eq!(n_pages, 3);
    let all: HashMap<_, _> = found.iter().cloned().collect();
    assert_eq!((found.len(), all.len()), (249, 249));
    assert!((1..=30).all(|n| all[&article(n).id.to_string()] == 2));
    let tail = items(&changed(&world, Start::After(Seq(278))).await.unwrap());
    assert_eq!(
        tail.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
        [article(30).id.to_string(), article(29).id.to_string()]
    );
    let ahead = changed(&world, Start::After(Seq(282))).await.unwrap_err();
    assert!(matches!(ahead, Unavailable::Ahead { head: Seq(281) }), "{ahead:?}");
}

#[tokio::test]
async fn days_and_instants_find_their_lines() {
    let world = world(10, None).await;
    // An hour apart, from 2020-07-30T18:00:00+07:00 on.
    world.commit_and_follow(&(1..=60).map(article).collect::<Vec<_>>()).await;
    let count = async |start: Start| items(&changed(&world, start).await.unwrap()).len();
    assert_eq!(count(Start::Day("2020-07-30".parse().unwrap())).await, 60);
    assert_eq!(
        count(Start::Day("2020-07-31".parse().unwrap())).await,
        54,
        "days begin where people read them"
    );
    assert_eq!(count(Start::Day("2020-08-02".parse().unwrap())).await, 6);
    assert_eq!(count(Start::At(article(60).updated)).await, 1);
    assert_eq!(count(Start::At(article(1).updated)).await, 60);
    for day in ["-009999-01-01", "0001-01-01"] {
        assert_eq!(count(Start::Day(day.parse().unwrap())).await, 60);
    }
    assert_eq!(count(Start::Day("9999-12-31".parse().unwrap())).await, 0);
}

#[tokio::test]
async fn a_part_of_a_feed_has_a_history_too() {
    let world = world(10, None).await;
    let titled = |n: i64| edited(n, 1, if n % 2 == 0 { "Thông báo" } else { "tin" });
    world.commit_and_follow(&(1..=40).map(titled).collect::<Vec<_>>()).await;
    let part = Part { filter: Filter::parse("thông").unwrap(), query: "?q=th%C3%B4ng".to_owned() };
    let variant = Variant { limit: Some(3), extent: Some(Extent::Summary), ..Variant::default() };
    let since = Since { start: Start::After(Seq(10)), part: Some(part), variant };
    let page = world.publisher.since(&id(ALL), &since, Format::Json).await.unwrap();
    let feed: Value = serde_json::from_str(&text(&page)).unwrap();
    assert_eq!(
        feed["feed_url"],
        "https://tin.example.vn/feeds/all.json?q=th%C3%B4ng&since=10&content=summary&limit=3"
    );
    assert_eq!(
        items(&page).iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
        [16, 14, 12].map(|n| article(n).id.to_string())
    );
}

#[tokio::test]
async fn edits_and_withdrawals_are_told_with_their_words() {
    let world = world(10, None).await;
    world.commit_and_follow(&[article(1), article(2), article(3)]).await;
    let empty = world.publisher.changes(&id(ALL), None).await.unwrap();
    assert!(!text(&empty).contains("<entry>"));
    let mut second = edited(1, 2, "article một <b>");
    second.content.summary = "thêm tóm tắt\u{0}".to_owned();
    second.content.html = Html::sanitized("<p>Chỉ còn <b>chữ</b> &lt;script&gt;</p>".to_owned());
    let file = Enclosure { url: "https://quan1.example/a.pdf".to_owned(), ..Enclosure::default() };
    second.content.enclosures = vec![file];
    world.commit_and_follow(&[second, withdrawn(2, 2)]).await;
    let changes = world.publisher.changes(&id(ALL), None).await.unwrap();
    let told = feed_rs::parser::parse(text(&changes).as_bytes()).unwrap();
    let titles: Vec<_> =
        told.entries.iter().map(|entry| entry.title.as_ref().unwrap().content.clone()).collect();
    assert_eq!(titles, ["Gỡ: gone", "Sửa: article một &lt;b&gt;"]);
    let body = |at: usize| told.entries[at].content.as_ref().unwrap().body.clone().unwrap();
    assert!(!body(0).contains("del>"));
    for part in [
        "<h4>Tiêu đề</h4><p>article <del>1</del> <ins>một &lt;b&gt;</ins></p>",
        "<h4>Tóm tắt</h4><p><ins>thêm tóm tắt</ins></p>",
        "<h4>Nội dung</h4><p><ins>Chỉ còn chữ &lt;script&gt;</ins></p>",
        "<h4>Tệp đính kèm</h4><ul><li><ins>https://quan1.example/a.pdf</ins></li></ul>",
    ] {
        assert!(body(1).contains(part), "{}", body(1));
    }
    let same = world.publisher.changes(&id(ALL), None).await.unwrap();
    assert!(Arc::ptr_eq(&same, &changes));
    world.commit_and_follow(&[article(9)]).await;
    let same = world.publisher.changes(&id(ALL), None).await.unwrap();
    assert!(Arc::ptr_eq(&same, &changes), "a new article is no change");
    world.publisher.history.clear();
    let again = world.publisher.changes(&id(ALL), None).await.unwrap();
    assert_eq!(again.identity().etag, changes.identity().etag, "what is found anew is the same");
    world.commit_and_follow(&[withdrawn(1, 3)]).await;
    let after = text(&world.publisher.changes(&id(ALL), None).await.unwrap());
    assert!(!after.contains("del>") && after.contains("về sau đã bị gỡ"), "{after}");
}

#[tokio::test]
async fn a_filter_tells_what_came_and_went() {
    let world = world(10, Some("title:\"thông báo\"")).await;
    world.commit_and_follow(&[edited(1, 1, "tin"), edited(2, 1, "Thông báo"), edited(3, 1, "tin")]).await;
    world
        .commit_and_follow(&[edited(1, 2, "Thông báo"), edited(2, 2, "tin"), edited(3, 2, "tin khác")])
        .await;
    let told = text(&world.publisher.changes(&id(ALL), None).await.unwrap());
    assert_eq!(told.matches("<entry>").count(), 2, "{told}");
}

#[tokio::test]
async fn who_has_a_version_gets_what_is_new_since() {
    let world = world(10, None).await;
    world.commit_and_follow(&(1..=8).map(article).collect::<Vec<_>>()).await;
    let delta = async |tag: &str| {
        world.publisher.delta(&id(ALL), Format::Json, None, &[tag.to_owned()]).await.unwrap()
    };
    let first = world.document(ALL, Format::Json).await;
    assert!(delta(&first.identity().etag).await.is_none(), "it has the current one");
    world.commit_and_follow(&[article(9), edited(3, 2, "sửa"), withdrawn(4, 2)]).await;
    let news = delta(&first.identity().etag).await.unwrap();
    assert_eq!(items(&news.news), [(article(9).id.to_string(), 1), (article(3).id.to_string(), 2)]);
    assert_eq!(news.current.identity().etag, world.document(ALL, Format::Json).await.identity().etag);
    let again = delta(&first.etag(Coding::Brotli)).await.unwrap();
    assert!(Arc::ptr_eq(&again.news, &news.news));
    assert!(delta("\"unknown\"").await.is_none());
    for n in 10..40 {
        world.commit_and_follow(&[article(n)]).await;
        world.document(ALL, Format::Json).await;
    }
    assert!(delta(&first.identity().etag).await.is_none(), "sixteen versions are remembered");
}

/// The same store without the lines before `floor`.
async fn pruned(store: &Arc<dyn Store>, floor: u64) -> Arc<dyn Store> {
    let kept = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
    let mut after = None;
    loop {
        let mut records = store.dump(after, 5_000).await.unwrap();
        let Some(last) = records.last() else { return kept };
        after = Some(last.key.clone());
        records
            .retain(|record| record.value["kind"] != "event" || record.value["seq"].as_u64() > Some(floor));
        kept.restore(records).await.unwrap();
    }
}

#[tokio::test]
async fn a_pruned_journal_has_the_same_archives() {
    let world = world(50, None).await;
    let n_lines = i64::try_from(CELL).unwrap() + 120;
    world.commit_and_follow(&(1..n_lines).map(article).collect::<Vec<_>>()).await;
    world.commit_and_follow(&[edited(1, 2, "sửa")]).await;
    let all = settings(vec![named(ALL, 50, None)]);
    let restarted = publisher(&pruned(&world.store, 4_321).await, all).await;
    restarted.rebuild().await.unwrap();
    let archived = async |end: u64| restarted.archive(&id(ALL), Seq(end), Format::Atom, None).await;
    let (one, two) =
        (archived(10_100).await.unwrap(), self::archived(&world, 10_100, Format::Atom).await.unwrap());
    assert_eq!(one.identity().body, two.identity().body);
    assert!(archived(10_050).await.is_ok());
    let gone = archived(9_950).await.unwrap_err();
    assert!(matches!(gone, Unavailable::NoArchive { newest: Some(Seq(10_100)) }), "{gone:?}");
    for start in [Start::After(Seq(4_320)), Start::Day("2020-01-01".parse().unwrap())] {
        let since = Since { start, part: None, variant: Variant::default() };
        let gone = restarted.since(&id(ALL), &since, Format::Json).await.unwrap_err();
        assert!(matches!(gone, Unavailable::Pruned { floor: Seq(4_321) }), "{gone:?}");
    }
    for (start, n_articles) in [(Start::After(Seq(10_020)), 100), (Start::At(article(10_022).updated), 98)] {
        let since = Since { start, part: None, variant: Variant::default() };
        let page = restarted.since(&id(ALL), &since, Format::Json).await.unwrap();
        assert_eq!(items(&page).len(), n_articles, "{start}");
    }
    let changes = restarted.changes(&id(ALL), None).await.unwrap();
    assert_eq!(text(&changes).matches("<entry>").count(), 1);
}

#[tokio::test]
async fn a_page_that_looked_at_enough_ends_with_nothing_and_goes_on() {
    let world = world(10, Some("title:\"article 1300\"")).await;
    world.commit_and_follow(&(1..=1_300).map(article).collect::<Vec<_>>()).await;
    let mut start = 0;
    for (n_items, next) in [(0, Some(1_000)), (1, None)] {
        let page = changed(&world, Start::After(Seq(start))).await.unwrap();
        assert_eq!(items(&page).len(), n_items);
        let feed: Value = serde_json::from_str(&text(&page)).unwrap();
        let address = next.map(|next| format!("https://tin.example.vn/feeds/all.json?since={next}"));
        assert_eq!(feed["next_url"].as_str(), address.as_deref());
        start = next.unwrap_or_default();
    }
}

#[tokio::test]
async fn what_was_taken_back_without_a_word_is_not_told_either() {
    let world = world(10, None).await;
    world.commit_and_follow(&[article(1)]).await;
    world.commit_and_follow(&[edited(1, 2, "bí mật")]).await;
    assert!(text(&world.publisher.changes(&id(ALL), None).await.unwrap()).contains("bí mật"));
    let gone = Article { status: Status::Withdrawn, ..edited(1, 3, "") };
    let event = Event {
        seq: Seq(3),
        at: gone.updated,
        change: Change::Withdrawn,
        article: gone.id,
        revision: gone.revision,
        source: gone.source.clone(),
        quiet: true,
    };
    let commit = Commit { expected: Seq(2), articles: vec![gone], events: vec![event], ..Commit::default() };
    world.store.commit(commit).await.unwrap();
    while world.publisher.catch_up().await.unwrap() {}
    let after = text(&world.publisher.changes(&id(ALL), None).await.unwrap());
    assert!(after.contains("<entry>") && !after.contains("<ins>") && !after.contains("&lt;ins"), "{after}");
}
