//! Promises about articles and the journal.

use std::sync::Arc;

use super::{
    Kept,
    samples::{article, at, commit, event, key, source, state},
};
use crate::{
    model::{Article, Content, Digest, Follower, Known, Revision, Seq, Status},
    store::{Commit, Error, Place, Stats, Store},
};

pub(super) async fn an_empty_store_has_nothing(Kept { store, folder: _folder }: Kept) {
    let a = article("a", 1, "A", 10);
    assert_eq!(store.head().await.unwrap(), Seq(0));
    assert_eq!(store.events(Seq(0), 10).await.unwrap(), []);
    assert_eq!(store.known(&source(), &[key("a")]).await.unwrap(), [None]);
    assert_eq!(store.article(a.id, None).await.unwrap(), None);
    assert_eq!(store.newest(&source(), None, 10).await.unwrap(), []);
    assert_eq!(store.cursor(Follower::Router).await.unwrap(), Seq(0));
    assert_eq!(store.dump(None, 10).await.unwrap(), []);
    assert_eq!(Stats { bytes: 0, ..store.stats().await.unwrap() }, Stats::default());
}

pub(super) async fn a_commit_is_whole(Kept { store, folder: _folder }: Kept) {
    let (a, b) = (article("a", 1, "A", 10), article("b", 1, "B", 20));
    let mut both = commit(Seq(0), &[("a", a.clone()), ("b", b.clone())]);
    both.source = Some(state("quan1"));
    assert_eq!(store.commit(both).await.unwrap(), Seq(2));
    assert_eq!(store.head().await.unwrap(), Seq(2));
    assert_eq!(store.events(Seq(0), 10).await.unwrap(), [event(&a, 1), event(&b, 2)]);
    assert_eq!(store.events(Seq(1), 10).await.unwrap(), [event(&b, 2)]);
    assert_eq!(store.events(Seq(0), 1).await.unwrap(), [event(&a, 1)]);
    assert_eq!(store.events(Seq(2), 10).await.unwrap(), []);
    assert_eq!(store.events(Seq(9), 10).await.unwrap(), []);
    let keys = [key("b"), key("none"), key("a")];
    assert_eq!(
        store.known(&source(), &keys).await.unwrap(),
        [Some(Known::from(&b)), None, Some(Known::from(&a))]
    );
    assert_eq!(store.known(&"other".parse().unwrap(), &keys).await.unwrap(), [None, None, None]);
    assert_eq!(store.article(a.id, None).await.unwrap(), Some(a.clone()));
    assert_eq!(store.article(a.id, Some(Revision(2))).await.unwrap(), None);
    assert_eq!(store.source(&source()).await.unwrap(), Some(state("quan1")));
    assert_eq!(store.newest(&source(), None, 10).await.unwrap(), [b, a]);
}

pub(super) async fn a_commit_on_an_old_head_changes_nothing(Kept { store, folder: _folder }: Kept) {
    let (a, b) = (article("a", 1, "A", 10), article("b", 1, "B", 20));
    store.commit(commit(Seq(0), &[("a", a.clone())])).await.unwrap();
    let mut late = commit(Seq(0), &[("b", b.clone())]);
    late.source = Some(state("quan1"));
    let refused = store.commit(late).await;
    assert!(matches!(refused, Err(Error::Conflict { head: Seq(1) })), "{refused:?}");
    assert_eq!(store.events(Seq(0), 10).await.unwrap(), [event(&a, 1)]);
    assert_eq!(store.article(b.id, None).await.unwrap(), None);
    assert_eq!(store.source(&source()).await.unwrap(), None);
    assert_eq!(store.known(&source(), &[key("b")]).await.unwrap(), [None]);
    let early = store.commit(commit(Seq(7), &[("b", b)])).await;
    assert!(matches!(early, Err(Error::Conflict { head: Seq(1) })), "{early:?}");
}

pub(super) async fn numbers_are_given_without_gaps(Kept { store, folder: _folder }: Kept) {
    let (a, b) = (article("a", 1, "A", 10), article("b", 1, "B", 20));
    let mut odd = commit(Seq(0), &[("a", a), ("b", b)]);
    odd.events[0].seq = Seq(40);
    odd.events[1].seq = Seq(7);
    assert_eq!(store.commit(odd).await.unwrap(), Seq(2));
    let numbers: Vec<_> = store.events(Seq(0), 10).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [Seq(1), Seq(2)]);
    // Nothing to tell: the number stays.
    let quiet = Commit { expected: Seq(2), source: Some(state("quan1")), ..Commit::default() };
    assert_eq!(store.commit(quiet).await.unwrap(), Seq(2));
    assert_eq!(store.head().await.unwrap(), Seq(2));
}

pub(super) async fn an_alias_keeps_leading_where_it_led(Kept { store, folder: _folder }: Kept) {
    let (a, b) = (article("a", 1, "A", 10), article("b", 1, "B", 20));
    store.commit(commit(Seq(0), &[("a", a.clone())])).await.unwrap();
    let mut second = commit(Seq(1), &[("b", b.clone())]);
    second.aliases.push((source(), key("a"), b.id));
    second.aliases.push((source(), key("shared"), b.id));
    second.aliases.push((source(), key("shared"), a.id));
    store.commit(second).await.unwrap();
    let found = store.known(&source(), &[key("a"), key("b"), key("shared")]).await.unwrap();
    let ids: Vec<_> = found.into_iter().map(|known| known.unwrap().id).collect();
    assert_eq!(ids, [a.id, b.id, b.id]);
}

pub(super) async fn revisions_stay_and_the_first_dates_hold(Kept { store, folder: _folder }: Kept) {
    let first = article("a", 1, "A", 10);
    let second = Article {
        updated: at(99),
        digest: Digest([9; 16]),
        status: Status::Withdrawn,
        ..article("a", 2, "A, corrected", 10)
    };
    let strange = Article { first_seen: at(5), ..article("a", 3, "from the past", 3_000) };
    store.commit(commit(Seq(0), &[("a", first.clone()), ("a", second.clone())])).await.unwrap();
    assert_eq!(store.article(first.id, Some(Revision(1))).await.unwrap(), Some(first.clone()));
    assert_eq!(store.article(first.id, None).await.unwrap(), Some(second.clone()));
    assert_eq!(store.known(&source(), &[key("a")]).await.unwrap(), [Some(Known::from(&second))]);
    assert_eq!(store.newest(&source(), None, 10).await.unwrap(), [second]);
    store.commit(commit(Seq(2), &[("a", strange)])).await.unwrap();
    let now = store.known(&source(), &[key("a")]).await.unwrap().remove(0).unwrap();
    assert_eq!((now.revision, now.published, now.first_seen), (Revision(3), at(10), first.first_seen));
    let newest = store.newest(&source(), None, 10).await.unwrap();
    assert_eq!(newest.iter().map(|article| article.revision).collect::<Vec<_>>(), [Revision(3)]);
    assert_eq!(store.stats().await.unwrap().articles, 1);
}

pub(super) async fn newest_pages_through_ties(Kept { store, folder: _folder }: Kept) {
    let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let dates = [-40, 100, 100, 100, 7];
    let articles: Vec<_> = names
        .iter()
        .zip(dates.into_iter().cycle())
        .map(|(n, date)| (n.as_str(), article(n, 1, n, date)))
        .collect();
    store.commit(commit(Seq(0), &articles)).await.unwrap();
    let mut expected: Vec<Article> = articles.into_iter().map(|(_, article)| article).collect();
    expected.sort_by_key(|article| std::cmp::Reverse(Place::from(article)));
    for size in [1, 3, 7, 20, 50] {
        let mut found: Vec<Article> = Vec::new();
        loop {
            let after = found.last().map(Place::from);
            let page = store.newest(&source(), after, size).await.unwrap();
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {size}");
    }
    assert_eq!(store.newest(&"quan".parse().unwrap(), None, 50).await.unwrap(), []);
}

pub(super) async fn a_reader_below_the_floor_is_told(kept: Kept) {
    let articles: Vec<_> = ["a", "b", "c"].map(|name| (name, article(name, 1, name, 10))).into();
    kept.store.commit(commit(Seq(0), &articles)).await.unwrap();
    let records = kept.store.dump(None, 100).await.unwrap();
    let old = |record: &crate::store::Record| record.value["kind"] == "event" && record.value["seq"] != 3;
    let Kept { store, folder: _folder } = kept.another().await;
    store.restore(records.into_iter().filter(|record| !old(record)).collect()).await.unwrap();
    let pruned = store.events(Seq(1), 10).await;
    assert!(matches!(pruned, Err(Error::Pruned { floor: Seq(2) })), "{pruned:?}");
    assert_eq!(store.events(Seq(2), 10).await.unwrap().len(), 1);
    assert_eq!(store.events(Seq(3), 10).await.unwrap(), []);
}

pub(super) async fn large_articles_come_back_and_go(Kept { store, folder: _folder }: Kept) {
    let noise =
        |n: u32| -> String { (0..n).map(|n| blake3::hash(&n.to_be_bytes()).to_hex().to_string()).collect() };
    let large = |revision, size| Article {
        content: Content { summary: noise(size), ..Content::default() },
        ..article("a", revision, "A", 10)
    };
    for (revision, size) in [(1, 20_000), (2, 300)] {
        let head = store.head().await.unwrap();
        store.commit(commit(head, &[("a", large(revision, size))])).await.unwrap();
    }
    assert_eq!(store.article(large(1, 1).id, Some(Revision(1))).await.unwrap(), Some(large(1, 20_000)));
    assert_eq!(store.newest(&source(), None, 5).await.unwrap(), [large(2, 300)]);
    // A shorter one in the same place leaves nothing of the longer one behind.
    let mut remembered = state("quan1");
    for size in [5_000, 400, 1] {
        remembered.moved_to = Some(noise(size));
        store.put_source(remembered.clone()).await.unwrap();
        assert_eq!(store.source(&source()).await.unwrap(), Some(remembered.clone()));
        assert_eq!(store.sources().await.unwrap(), [remembered.clone()]);
    }
}

/// Eight writers, each deciding again whenever another was first, and one reader that follows.
pub(super) async fn a_follower_sees_every_number_once_and_in_order(kept: Kept) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 25;
    let write = |writer: u64| {
        let store = Arc::clone(&kept.store);
        async move {
            for n in 0..EACH {
                let name = format!("w{writer}-{n}");
                let fresh = article(&name, 1, &name, 10);
                while !try_once(&*store, &name, &fresh).await {}
            }
        }
    };
    let store = Arc::clone(&kept.store);
    let follow = async move {
        let mut seen = Vec::new();
        while seen.len() < usize::try_from(WRITERS * EACH).unwrap() {
            let after = seen.last().copied().unwrap_or_default();
            seen.extend(store.events(after, 7).await.unwrap().into_iter().map(|event| event.seq));
            tokio::task::yield_now().await;
        }
        seen
    };
    let mut tasks = tokio::task::JoinSet::new();
    (0..WRITERS).for_each(|writer| drop(tasks.spawn(write(writer))));
    let seen = follow.await;
    tasks.join_all().await;
    assert_eq!(seen, (1..=WRITERS * EACH).map(Seq).collect::<Vec<_>>());
    assert_eq!(kept.store.stats().await.unwrap().articles, WRITERS * EACH);
}

async fn try_once(store: &dyn Store, name: &str, fresh: &Article) -> bool {
    let head = store.head().await.unwrap();
    match store.commit(commit(head, &[(name, fresh.clone())])).await {
        Ok(_) => true,
        Err(Error::Conflict { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

pub(super) async fn everything_is_there_after_a_restart(kept: Kept) {
    let a = article("a", 1, "A", 10);
    kept.store.commit(commit(Seq(0), &[("a", a.clone())])).await.unwrap();
    kept.store.put_subscription(super::samples::subscription("hook")).await.unwrap();
    let step = crate::store::Step {
        follower: Follower::Router,
        cursor: Seq(1),
        deliveries: vec![super::samples::delivery("hook", 5, 1)],
    };
    kept.store.advance(step).await.unwrap();
    let before = kept.store.dump(None, 100).await.unwrap();
    let Kept { store, folder: _folder } = kept.reopened().await;
    assert_eq!(store.dump(None, 100).await.unwrap(), before);
    assert_eq!(store.head().await.unwrap(), Seq(1));
    assert_eq!(store.events(Seq(0), 10).await.unwrap(), [event(&a, 1)]);
    assert_eq!(store.newest(&source(), None, 10).await.unwrap(), [a]);
    assert_eq!(store.cursor(Follower::Router).await.unwrap(), Seq(1));
    assert_eq!(store.heads(None, 10).await.unwrap().len(), 1);
}
