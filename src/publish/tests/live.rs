//! The publisher against a store in memory.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::{article, feed, settings};
use crate::{
    clock::Manual,
    journal::{Entry, Journal, Pass},
    model::{
        Article, Change, Draft, Event, FeedId, Filter, IdentityKey, Revision, Seq, SourceId, Status,
        Timestamp,
    },
    publish::{Coding, Document, Feed, Format, Publisher, Settings, Variant, follow::REACH},
    store::{self, Commit, Store},
};

pub(in crate::publish) struct World {
    pub(in crate::publish) store: Arc<dyn Store>,
    pub(in crate::publish) publisher: Arc<Publisher>,
}

impl World {
    pub(in crate::publish) async fn new(settings: Settings) -> Self {
        let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
        let publisher = publisher(&store, settings).await;
        Self { store, publisher }
    }

    /// One commit of these states of articles.
    pub(in crate::publish) async fn commit(&self, articles: &[Article]) {
        let expected = self.store.head().await.unwrap();
        let events = articles.iter().zip(expected.0 + 1..).map(|(article, seq)| Event {
            seq: Seq(seq),
            at: article.updated,
            change: match (article.status, article.revision) {
                (Status::Withdrawn, _) => Change::Withdrawn,
                (Status::Live, Revision::FIRST) => Change::Published,
                (Status::Live, _) => Change::Updated,
            },
            article: article.id,
            revision: article.revision,
            source: article.source.clone(),
            quiet: false,
        });
        let commit =
            Commit { expected, articles: articles.to_vec(), events: events.collect(), ..Commit::default() };
        self.store.commit(commit).await.unwrap();
    }

    pub(in crate::publish) async fn commit_and_follow(&self, articles: &[Article]) {
        self.commit(articles).await;
        while self.publisher.catch_up().await.unwrap() {}
        assert_eq!(self.publisher.seen(), self.store.head().await.unwrap());
    }

    fn shown(&self, feed: &str) -> Vec<String> {
        let articles = self.publisher.articles(&id(feed)).unwrap();
        articles.iter().map(|article| article.content.title.clone()).collect()
    }

    pub(in crate::publish) async fn document(&self, feed: &str, format: Format) -> Arc<Document> {
        self.publisher.document(&id(feed), format, &Variant::default()).await.unwrap()
    }

    async fn documents(&self, feed: &str) -> [Arc<Document>; 3] {
        let [rss, atom, json] = Format::ALL;
        [self.document(feed, rss).await, self.document(feed, atom).await, self.document(feed, json).await]
    }
}

pub(in crate::publish) async fn publisher(store: &Arc<dyn Store>, settings: Settings) -> Arc<Publisher> {
    let journal = Arc::new(Journal::open(Arc::clone(store)).await.unwrap());
    let clock = Arc::new(Manual::at("2026-03-05T00:00:00Z".parse().unwrap()));
    Publisher::new(Arc::clone(store), journal, clock, settings)
}

pub(in crate::publish) fn id(feed: &str) -> FeedId {
    feed.parse().unwrap()
}

pub(in crate::publish) fn named(name: &str, items: usize, filter: Option<&str>) -> Feed {
    Feed { id: id(name), filter: filter.map(|text| Filter::parse(text).unwrap()), ..feed(items) }
}

pub(in crate::publish) fn edited(n: i64, revision: u32, title: &str) -> Article {
    let mut article = article(n);
    article.revision = Revision(revision);
    article.updated = article.updated.plus(Duration::from_secs(60 * u64::from(revision)));
    article.content.title = title.to_owned();
    article
}

#[tokio::test]
async fn reads_the_newest_of_its_sources_at_the_start() {
    let mut both = named("both", 3, None);
    both.sources.push("quan3".parse().unwrap());
    let world = World::new(settings(vec![named("one", 2, None), both])).await;
    let mut other = article(6);
    other.source = "quan3".parse::<SourceId>().unwrap();
    world.commit(&[article(1), article(9), article(5), other]).await;
    assert!(!world.publisher.ready());
    assert!(world.publisher.document(&id("one"), Format::Rss, &Variant::default()).await.is_none());
    world.publisher.rebuild().await.unwrap();
    assert!(world.publisher.ready());
    assert_eq!(world.publisher.seen(), Seq(4));
    assert_eq!(world.shown("one"), ["article 9", "article 5"]);
    assert_eq!(world.shown("both"), ["article 9", "article 6", "article 5"]);
    assert!(world.publisher.articles(&id("none")).is_none());
    for format in Format::ALL {
        let document = world.document("one", format).await;
        assert_eq!(document.content_type, format.content_type());
        assert_eq!(
            document.link,
            format!("<https://tin.example.vn/feeds/one.{}>; rel=\"self\"", format.extension())
        );
    }
}

#[tokio::test]
async fn follows_what_is_published_edited_and_withdrawn() {
    let world = World::new(settings(vec![named("all", 2, None)])).await;
    world.commit(&[article(1), article(2)]).await;
    world.publisher.rebuild().await.unwrap();
    world.commit_and_follow(&[article(3)]).await;
    assert_eq!(world.shown("all"), ["article 3", "article 2"]);
    world.commit_and_follow(&[edited(2, 2, "sửa")]).await;
    assert_eq!(world.shown("all"), ["article 3", "sửa"]);
    let mut gone = edited(3, 2, "gone");
    gone.status = Status::Withdrawn;
    world.commit_and_follow(&[gone]).await;
    assert_eq!(world.shown("all"), ["sửa", "article 1"], "the window is filled from the store");
    let body = world.document("all", Format::Json).await.identity().body.clone();
    assert!(!String::from_utf8(body.to_vec()).unwrap().contains("gone"));
}

#[tokio::test]
async fn a_filter_decides_again_after_every_edit() {
    let world = World::new(settings(vec![named("notices", 2, Some("title:\"thông báo\""))])).await;
    let titles = |n| edited(n, 1, if n % 2 == 0 { "THÔNG BÁO" } else { "tin" });
    world.commit(&(1..=6).map(titles).collect::<Vec<_>>()).await;
    world.publisher.rebuild().await.unwrap();
    let shown = |world: &World| {
        let articles = world.publisher.articles(&id("notices")).unwrap();
        articles.iter().map(|article| (article.id, article.revision.0)).collect::<Vec<_>>()
    };
    let key = |n, revision| (article(n).id, revision);
    assert_eq!(shown(&world), [key(6, 1), key(4, 1)]);
    world.commit_and_follow(&[edited(6, 2, "tin thường")]).await;
    assert_eq!(shown(&world), [key(4, 1), key(2, 1)]);
    world.commit_and_follow(&[edited(5, 2, "Thông báo số 5")]).await;
    assert_eq!(shown(&world), [key(5, 2), key(4, 1)]);
}

#[tokio::test]
async fn a_filter_looks_back_so_far_and_no_further() {
    let feeds =
        [named("last", 5, Some("title:\"article 1\"")), named("behind", 5, Some("title:\"article 0\""))];
    let world = World::new(settings(feeds.to_vec())).await;
    let all: Vec<_> = (0..=i64::try_from(REACH).unwrap()).map(article).collect();
    world.commit(&all).await;
    world.publisher.rebuild().await.unwrap();
    assert_eq!(world.shown("last"), ["article 1"]);
    assert_eq!(world.shown("behind"), [""; 0]);
}

#[tokio::test]
async fn a_burst_makes_one_version_and_touches_no_other_feed() {
    let mut other = named("other", 5, None);
    other.sources = vec!["quan3".parse().unwrap()];
    let world = World::new(settings(vec![named("all", 50, None), other])).await;
    world.commit(&[article(40)]).await;
    world.publisher.rebuild().await.unwrap();
    let version = |world: &World| world.publisher.shown.load().feeds[&id("other")].snapshot().version;
    let (before, untouched) = (world.document("all", Format::Atom).await, version(&world));
    for n in 1..20 {
        world.commit(&[article(n)]).await;
    }
    world.commit_and_follow(&[article(20)]).await;
    let after = world.document("all", Format::Atom).await;
    assert_eq!(world.shown("all").len(), 21);
    assert_ne!(after.identity().etag, before.identity().etag);
    // Older articles do not move the date, so each version would have added its own second.
    assert_eq!(after.last_modified, before.last_modified.plus(Duration::from_secs(1)));
    assert_eq!(version(&world), untouched);
}

#[tokio::test]
async fn events_that_show_nothing_new_change_no_byte_and_no_date() {
    let world = World::new(settings(vec![named("all", 1, None)])).await;
    world.commit(&[article(9)]).await;
    world.publisher.rebuild().await.unwrap();
    let before = world.documents("all").await;
    world.commit_and_follow(&[article(1)]).await;
    for (format, before) in Format::ALL.into_iter().zip(before) {
        assert!(Arc::ptr_eq(&before, &world.document("all", format).await), "{format:?}");
    }
}

#[tokio::test]
async fn a_restart_finds_the_same_bytes_tags_and_dates() {
    let all = settings(vec![named("all", 3, None), named("some", 2, Some("article"))]);
    let world = World::new(all.clone()).await;
    world.publisher.rebuild().await.unwrap();
    let mut gone = edited(4, 2, "gone");
    gone.status = Status::Withdrawn;
    for articles in
        [vec![article(3), article(1)], vec![article(4), article(2)], vec![edited(2, 2, "article x")]]
    {
        world.commit_and_follow(&articles).await;
    }
    world.commit_and_follow(&[gone]).await;
    let restarted = publisher(&world.store, all).await;
    restarted.rebuild().await.unwrap();
    for feed in ["all", "some"] {
        for format in Format::ALL {
            let two = restarted.document(&id(feed), format, &Variant::default()).await.unwrap();
            let one = world.document(feed, format).await;
            for coding in Coding::ALL {
                let (one, two) = (one.pack(coding), two.pack(coding));
                assert_eq!((&one.body, &one.etag), (&two.body, &two.etag), "{feed} {format:?} {coding:?}");
            }
        }
    }
    let (one, two) = (world.publisher.opml().await.unwrap(), restarted.opml().await.unwrap());
    assert_eq!(one.identity().etag, two.identity().etag);
    assert_eq!(
        restarted.document(&id("all"), Format::Rss, &Variant::default()).await.unwrap().last_modified,
        edited(4, 2, "").updated.max(article(4).first_seen),
        "a withdrawal dates the document, after a restart too"
    );
}

#[tokio::test]
async fn however_many_ask_a_version_is_written_once() {
    let world = World::new(settings(vec![named("all", 3, None)])).await;
    world.commit(&[article(1)]).await;
    world.publisher.rebuild().await.unwrap();
    let asked = futures_util::future::join_all((0..20).map(|_| world.document("all", Format::Rss)));
    let documents = asked.await;
    assert!(documents.iter().all(|document| Arc::ptr_eq(document, &documents[0])));
}

#[tokio::test]
async fn what_was_asked_for_is_written_again_in_advance_and_nothing_else() {
    let world = World::new(settings(vec![named("all", 3, None), named("never", 3, None)])).await;
    world.commit(&[article(1)]).await;
    world.publisher.rebuild().await.unwrap();
    let asked = world.document("all", Format::Atom).await;
    asked.pack(Coding::Brotli);
    world.commit_and_follow(&[article(2)]).await;
    assert!(
        world.publisher.at_hand("all", Format::Atom, Coding::Identity).is_none(),
        "the old one is gone at once"
    );
    for live in world.publisher.shown.load_full().feeds.values() {
        live.refresh().await;
    }
    let at_hand = |feed, format, coding| world.publisher.at_hand(feed, format, coding).is_some();
    assert!(at_hand("all", Format::Atom, Coding::Brotli) && at_hand("all", Format::Atom, Coding::Identity));
    assert!(!at_hand("all", Format::Atom, Coding::Zstd) && !at_hand("all", Format::Rss, Coding::Identity));
    assert!(!at_hand("never", Format::Atom, Coding::Identity));
    // A version that is asked for in another coding, before it was packed in advance, does not end this.
    world.commit_and_follow(&[article(3)]).await;
    world.document("all", Format::Atom).await;
    world.commit_and_follow(&[article(4)]).await;
    world.publisher.shown.load_full().feeds[&id("all")].refresh().await;
    assert!(world.publisher.at_hand("all", Format::Atom, Coding::Brotli).is_some());
}

#[tokio::test]
async fn what_is_found_late_is_shown_and_found_again_after_a_restart() {
    let day = Duration::from_secs(86_400);
    let all = settings(vec![Feed { window: day, ..named("all", 2, None) }]);
    let world = World::new(all.clone()).await;
    world.publisher.rebuild().await.unwrap();
    let late = Article { first_seen: article(500).first_seen, ..article(3) };
    world.commit_and_follow(&[article(480), article(481), article(482)]).await;
    world.commit_and_follow(&[late]).await;
    assert_eq!(world.shown("all"), ["article 482", "article 481", "article 480", "article 3"]);
    let restarted = publisher(&world.store, all).await;
    restarted.rebuild().await.unwrap();
    let two = restarted.document(&id("all"), Format::Rss, &Variant::default()).await.unwrap();
    assert_eq!(world.document("all", Format::Rss).await.identity().body, two.identity().body);
}

#[tokio::test]
async fn caches_may_keep_a_feed_until_the_first_of_its_sources_is_looked_at() {
    let mut both = named("both", 3, None);
    both.sources.push("quan3".parse().unwrap());
    let world = World::new(settings(vec![both])).await;
    world.publisher.rebuild().await.unwrap();
    let now: Timestamp = "2026-03-05T00:00:00Z".parse().unwrap();
    let document = world.document("both", Format::Rss).await;
    assert!(
        document.cache_control(now).starts_with("public, max-age=300, "),
        "no more is known than the schedule"
    );
    let due = |seconds| now.plus(Duration::from_secs(seconds));
    let dues = [("quan1".parse().unwrap(), due(400)), ("quan3".parse().unwrap(), due(200))];
    world.publisher.expect(Arc::new(dues.into()));
    assert!(document.cache_control(now).starts_with("public, max-age=200, "));
    world.commit_and_follow(&[article(1)]).await;
    assert!(
        world.document("both", Format::Rss).await.cache_control(now).starts_with("public, max-age=200, ")
    );
}

#[tokio::test]
async fn nothing_is_dated_in_the_future() {
    let world = World::new(settings(vec![named("all", 3, None)])).await;
    let mut article = article(1);
    article.updated = "2031-01-01T00:00:00Z".parse().unwrap();
    world.commit(&[article]).await;
    world.publisher.rebuild().await.unwrap();
    let now: Timestamp = "2026-03-05T00:00:00Z".parse().unwrap();
    assert_eq!(world.document("all", Format::Atom).await.last_modified, now);
}

#[tokio::test]
async fn a_reload_swaps_everything_and_dates_what_it_changed() {
    let world = World::new(settings(vec![named("all", 3, None), named("old", 3, None)])).await;
    world.commit(&[article(1)]).await;
    world.publisher.rebuild().await.unwrap();
    let before = world.document("all", Format::Atom).await;
    let catalogue = world.publisher.opml().await.unwrap();
    let mut renamed = named("all", 3, None);
    renamed.title = "Tên mới".to_owned();
    let next = settings(vec![renamed, named("new", 1, Some("article"))]);
    world.publisher.reload(next.clone()).await.unwrap();
    assert_eq!(*world.publisher.settings(), next);
    assert!(world.publisher.document(&id("old"), Format::Rss, &Variant::default()).await.is_none());
    assert_eq!(world.shown("new"), ["article 1"]);
    let after = world.document("all", Format::Atom).await;
    assert!(String::from_utf8(after.identity().body.to_vec()).unwrap().contains("Tên mới"));
    assert!(after.last_modified > before.last_modified);
    assert_ne!(world.publisher.opml().await.unwrap().identity().etag, catalogue.identity().etag);
    world.commit_and_follow(&[article(2)]).await;
    assert_eq!(world.shown("new"), ["article 2"]);
}

#[tokio::test]
async fn follows_until_it_is_stopped() {
    let world = World::new(settings(vec![named("all", 3, None)])).await;
    world.commit(&[article(1)]).await;
    let stop = CancellationToken::new();
    let mut seen = world.publisher.watch();
    let (followed, _) = tokio::join!(world.publisher.follow(stop.clone()), async {
        seen.wait_for(|seen| *seen == Seq(1)).await.unwrap();
        stop.cancel();
    });
    followed.unwrap();
    assert_eq!(world.shown("all"), ["article 1"]);
}

#[tokio::test]
async fn the_journal_wakes_it_and_what_is_new_is_visible() {
    let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await.unwrap());
    let clock = Arc::new(Manual::at("2026-03-05T00:00:00Z".parse().unwrap()));
    let publisher = Publisher::new(store, Arc::clone(&journal), clock, settings(vec![named("all", 3, None)]));
    let stop = CancellationToken::new();
    let mut seen = publisher.watch();
    let (followed, ()) = tokio::join!(publisher.follow(stop.clone()), async {
        for n in 1..=3 {
            journal.record(pass(n)).await.unwrap();
            seen.wait_for(|seen| i64::try_from(seen.0) == Ok(n)).await.unwrap();
            assert_eq!(publisher.articles(&id("all")).unwrap()[0].content.title, format!("article {n}"));
        }
        stop.cancel();
    });
    followed.unwrap();
}

/// What a fetch brings that finds the `n`th article.
fn pass(n: i64) -> Pass {
    let article = article(n);
    let draft = Draft { published: Some(article.published), content: article.content, ..Draft::default() };
    let entry = Entry { draft, keys: vec![IdentityKey::Item(n.to_string())], first_seen: article.first_seen };
    let (source, at) = (article.source, article.first_seen);
    Pass { source, zone: TimeZone::UTC, at, quiet: false, entries: vec![entry], state: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_arrival_changes_no_byte(order in Just((1..9).collect::<Vec<i64>>()).prop_shuffle()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bodies = |order: &[i64]| {
            runtime.block_on(async {
                let world = World::new(settings(vec![named("all", 5, None)])).await;
                world.publisher.rebuild().await.unwrap();
                for n in order {
                    world.commit_and_follow(&[article(*n)]).await;
                }
                world.documents("all").await.map(|document| document.identity().body.clone())
            })
        };
        prop_assert_eq!(bodies(&order), bodies(&[1, 2, 3, 4, 5, 6, 7, 8]));
    }
}
