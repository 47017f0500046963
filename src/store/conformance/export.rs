//! Promises about exports.

use super::{
    Kept,
    samples::{
        article, attempt, backfill, canary, commit, delivery, event, following, gate, mended, source, state,
        subscription, token,
    },
};
use crate::{
    model::{Article, Content, Follower, Html, IdentityKey, Outcome, Seq},
    store::{Record, Settled, Step, Store},
};

async fn everything(store: &dyn Store, page: usize) -> Vec<Record> {
    let mut all: Vec<Record> = Vec::new();
    loop {
        let records = store.dump(all.last().map(|record| record.key.clone()), page).await.unwrap();
        assert!(records.len() <= page);
        if records.is_empty() {
            return all;
        }
        all.extend(records);
    }
}

/// One of everything, a record over several values among it.
async fn fill(store: &dyn Store) -> Article {
    let noise = (0..900_u32).map(|n| blake3::hash(&n.to_be_bytes()).to_hex().to_string()).collect();
    let content =
        Content { html: Html::sanitized(noise), title: "Thông báo ]]>".to_owned(), ..Content::default() };
    let large = Article { content, ..article("a", 1, "A", -10) };
    let mut first = commit(Seq(0), &[("a", large.clone()), ("b", article("b", 1, "B", 20))]);
    first.source = Some(state("quan1"));
    first.aliases.push((source(), IdentityKey::Url("/x".repeat(900)), large.id));
    store.commit(first).await.unwrap();
    store.put_following(following("quan1")).await.unwrap();
    store.put_canary(Some(canary("quan1"))).await.unwrap();
    store.put_gate(gate("quan1")).await.unwrap();
    store.put_mended(mended("portal.example")).await.unwrap();
    store.put_token(&token("newsroom")).await.unwrap();
    store.put_backfill(backfill("quan1")).await.unwrap();
    for id in ["fast", "slow"] {
        store.put_subscription(subscription(id)).await.unwrap();
    }
    let deliveries = vec![delivery("fast", 5, 1), delivery("slow", 6, 2)];
    store.advance(Step { follower: Follower::Router, cursor: Seq(2), deliveries }).await.unwrap();
    let parked = Settled::new(delivery("slow", 6, 2), Outcome::Parked);
    let attempt = Some(attempt("slow", 2, 7, Outcome::Parked));
    store.settle(vec![Settled { attempt, ..parked }]).await.unwrap();
    large
}

pub(super) async fn a_restored_export_is_the_same_store(kept: Kept) {
    let large = fill(&*kept.store).await;
    let exported = everything(&*kept.store, 3).await;
    let kinds: std::collections::BTreeSet<_> =
        exported.iter().map(|record| record.value["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.len(), 17, "{kinds:?}");
    for order in [1, -1] {
        let copy = kept.another().await;
        // Through text, and in pieces, and in any order: as an import does it.
        let mut records: Vec<Record> = exported
            .iter()
            .map(|record| Record {
                key: Vec::new(),
                value: serde_json::from_str(&record.value.to_string()).unwrap(),
            })
            .collect();
        if order < 0 {
            records.reverse();
        }
        for some in records.chunks(4) {
            copy.store.restore(some.to_vec()).await.unwrap();
        }
        assert_eq!(everything(&*copy.store, 100).await, exported);
        let store = &copy.store;
        let newest = kept.store.newest(&source(), None, 10).await.unwrap();
        assert_eq!(store.newest(&source(), None, 10).await.unwrap(), newest);
        assert_eq!(store.article(large.id, None).await.unwrap(), Some(large.clone()));
        assert_eq!(store.heads(None, 10).await.unwrap(), kept.store.heads(None, 10).await.unwrap());
        assert_eq!(store.followings().await.unwrap(), [following("quan1")]);
        assert_eq!(store.canary().await.unwrap(), Some(canary("quan1")));
        assert_eq!(store.mended().await.unwrap(), [mended("portal.example")]);
        assert_eq!(store.gates().await.unwrap(), [gate("quan1")]);
        assert_eq!(store.tokens().await.unwrap(), [token("newsroom")]);
        assert_eq!(store.backfills().await.unwrap(), [backfill("quan1")]);
        // The journal goes on where it ended.
        let next = article("c", 1, "C", 30);
        assert_eq!(store.commit(commit(Seq(2), &[("c", next.clone())])).await.unwrap(), Seq(3));
        assert_eq!(store.events(Seq(2), 10).await.unwrap(), [event(&next, 3)]);
    }
}

pub(super) async fn an_export_of_a_newer_schema_is_refused(Kept { store, folder: _folder }: Kept) {
    let newer = serde_json::json!({"kind": "meta", "v": 1, "schema": 2, "head": 9});
    let refused = store.restore(vec![Record { key: Vec::new(), value: newer }]).await.unwrap_err();
    assert!(refused.to_string().contains("schema 2"), "{refused}");
    assert_eq!(store.head().await.unwrap(), Seq(0));
}
