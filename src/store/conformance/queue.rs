//! Promises about cursors, deliveries, subscriptions and sources.

use super::{
    Kept,
    samples::{
        article, at, attempt, backfill, canary, commit, delivery, following, gate, mended, state,
        subscription, token,
    },
};
use crate::{
    model::{
        Backfill, Delivery, Digest, Follower, Following, Gate, Mended, Outcome, Seq, State, Subscription,
        Token,
    },
    store::{Commit, Settled, Step, Store},
};

fn step(cursor: u64, deliveries: &[Delivery]) -> Step {
    Step { follower: Follower::Router, cursor: Seq(cursor), deliveries: deliveries.to_vec() }
}

/// Everything queued for one subscription, whenever it is due.
async fn queued(store: &dyn Store, id: &str) -> Vec<Delivery> {
    store.due(&id.parse().unwrap(), at(1_000_000_000), 10_000).await.unwrap()
}

async fn parked(store: &dyn Store, id: &str) -> Vec<Delivery> {
    store.parked(&id.parse().unwrap(), 10_000).await.unwrap()
}

/// A store with the subscriptions `slow` and `fast`.
async fn with_subscriptions(store: &dyn Store) {
    for id in ["slow", "fast"] {
        store.put_subscription(subscription(id)).await.unwrap();
    }
}

pub(super) async fn a_step_is_taken_once(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let first = [delivery("slow", 10, 1), delivery("fast", 10, 1), delivery("fast", 10, 2)];
    store.advance(step(2, &first)).await.unwrap();
    assert_eq!(store.cursor(Follower::Router).await.unwrap(), Seq(2));
    assert_eq!(store.cursor(Follower::Search).await.unwrap(), Seq(0));
    // Repeated later, when it makes other due times, and together with something new.
    let again =
        [delivery("slow", 70, 1), delivery("fast", 70, 2), delivery("fast", 70, 3), delivery("gone", 70, 3)];
    store.advance(step(3, &again)).await.unwrap();
    store.advance(step(1, &again)).await.unwrap();
    assert_eq!(store.cursor(Follower::Router).await.unwrap(), Seq(3));
    assert_eq!(queued(&*store, "slow").await, [delivery("slow", 10, 1)]);
    assert_eq!(queued(&*store, "fast").await, [first[1].clone(), first[2].clone(), again[2].clone()]);
    assert_eq!(queued(&*store, "gone").await, []);
    // A follower that delivers nothing only moves.
    store.advance(Step { follower: Follower::Search, ..step(3, &[]) }).await.unwrap();
    assert_eq!(store.cursor(Follower::Search).await.unwrap(), Seq(3));
}

pub(super) async fn due_is_asked_per_subscription(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let backlog: Vec<_> = (1..=300).map(|seq| delivery("slow", 10, seq)).collect();
    store.advance(step(300, &backlog)).await.unwrap();
    let mixed = [delivery("fast", 30, 301), delivery("fast", 20, 302), delivery("fast", 40, 303)];
    store.advance(step(303, &mixed)).await.unwrap();
    let fast = "fast".parse().unwrap();
    let due = store.due(&fast, at(30), 10).await.unwrap();
    assert_eq!(due, [mixed[1].clone(), mixed[0].clone()], "by due time, the present included");
    assert_eq!(store.due(&fast, at(30), 1).await.unwrap(), [mixed[1].clone()]);
    assert_eq!(store.due(&fast, at(19), 10).await.unwrap(), []);
    let queues = vec!["nobody".parse().unwrap(), fast.clone(), "slow".parse().unwrap()];
    let first = store.first_due(queues, 1).await.unwrap();
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1], "each its own, in the order asked");
    assert_eq!(first[1], [mixed[1].clone()]);
    let slow = store.due(&"slow".parse().unwrap(), at(10), 3).await.unwrap();
    assert_eq!(slow, backlog[..3]);
    let heads = [mixed[1].clone(), backlog[0].clone()];
    assert_eq!(store.heads(None, 10).await.unwrap(), heads);
    assert_eq!(store.heads(None, 1).await.unwrap(), heads[..1]);
    assert_eq!(store.heads(Some(&fast), 10).await.unwrap(), heads[1..]);
    assert_eq!(store.heads(Some(&"fas".parse().unwrap()), 10).await.unwrap(), heads);
    assert_eq!(store.heads(Some(&"slow".parse().unwrap()), 10).await.unwrap(), []);
}

pub(super) async fn settling_moves_rows(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let rows: Vec<_> = (1..=4).map(|seq| delivery("slow", 10, seq)).collect();
    store.advance(step(4, &rows)).await.unwrap();
    let outcomes = [Outcome::Delivered, Outcome::Retry { due: at(99) }, Outcome::Parked, Outcome::Dropped];
    let mut settled: Vec<_> =
        rows.iter().cloned().zip(outcomes).map(|(row, outcome)| Settled::new(row, outcome)).collect();
    let paused = Subscription { state: State::Paused, ..subscription("slow") };
    settled[3].subscription = Some(paused.clone().into());
    store.settle(settled).await.unwrap();
    let retried = Delivery { due: at(99), attempt: 1, ..rows[1].clone() };
    assert_eq!(queued(&*store, "slow").await, std::slice::from_ref(&retried));
    assert_eq!(parked(&*store, "slow").await, [Delivery { attempt: 1, ..rows[2].clone() }]);
    assert_eq!(store.subscriptions().await.unwrap(), [subscription("fast"), paused]);
    // Again at the same instant: the row stays where it is and counts on.
    store.settle(one(retried.clone(), Outcome::Retry { due: at(99) })).await.unwrap();
    assert_eq!(queued(&*store, "slow").await, [Delivery { attempt: 2, ..retried }]);
}

pub(super) async fn settling_what_is_gone_changes_nothing(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let row = delivery("slow", 10, 1);
    store.advance(step(1, std::slice::from_ref(&row))).await.unwrap();
    assert!(store.remove_subscription(&row.subscription).await.unwrap());
    for outcome in [Outcome::Delivered, Outcome::Retry { due: at(99) }, Outcome::Parked, Outcome::Dropped] {
        let attempt = Some(attempt("slow", 1, 5, outcome.clone()));
        let subscription = Some(subscription("slow").into());
        let settled = Settled { subscription, attempt, ..Settled::new(row.clone(), outcome) };
        store.settle(vec![settled]).await.unwrap();
    }
    assert_eq!(queued(&*store, "slow").await, []);
    assert_eq!(parked(&*store, "slow").await, []);
    assert_eq!(store.subscriptions().await.unwrap(), [subscription("fast")]);
    assert_eq!(store.attempts(&row.subscription, None, 9).await.unwrap(), []);
}

pub(super) async fn a_parked_delivery_can_be_tried_again(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let rows: Vec<_> = (1..=3).map(|seq| delivery("slow", 10, seq)).collect();
    store.advance(step(3, &rows)).await.unwrap();
    store.settle(rows.iter().cloned().map(|row| Settled::new(row, Outcome::Parked)).collect()).await.unwrap();
    let given_up = parked(&*store, "slow").await;
    assert_eq!(given_up.iter().map(|row| row.seq).collect::<Vec<_>>(), [Seq(1), Seq(2), Seq(3)]);
    assert_eq!(store.parked(&"slow".parse().unwrap(), 2).await.unwrap(), given_up[..2]);
    let retry = Settled::new(given_up[0].clone(), Outcome::Retry { due: at(50) });
    store.settle(vec![retry, Settled::new(given_up[1].clone(), Outcome::Dropped)]).await.unwrap();
    assert_eq!(queued(&*store, "slow").await, [delivery("slow", 50, 1)]);
    assert_eq!(parked(&*store, "slow").await, given_up[2..]);
}

pub(super) async fn removing_a_subscription_leaves_nothing(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let rows: Vec<_> = (1..=250_u64).map(|seq| delivery("slow", seq.cast_signed() * 7 % 40, seq)).collect();
    store.advance(step(250, &rows)).await.unwrap();
    store.advance(step(251, &[delivery("fast", 5, 251)])).await.unwrap();
    store.settle(one(rows[0].clone(), Outcome::Parked)).await.unwrap();
    let slow = "slow".parse().unwrap();
    assert!(store.remove_subscription(&slow).await.unwrap());
    assert!(!store.remove_subscription(&slow).await.unwrap());
    let left = store.dump(None, 10_000).await.unwrap();
    assert!(!left.iter().any(|record| record.value.to_string().contains("slow")));
    assert_eq!(queued(&*store, "fast").await, [delivery("fast", 5, 251)]);
}

pub(super) async fn counts_follow_every_write(kept: Kept) {
    let store = &*kept.store;
    with_subscriptions(store).await;
    // Asked first, so that they have to be kept up to date from here on.
    assert_eq!(store.stats().await.unwrap().queued, 0);
    assert_eq!(store.heads(None, 10).await.unwrap(), []);
    let rows: Vec<_> = (1..=5).map(|seq| delivery("slow", 10, seq)).collect();
    store.advance(step(5, &rows)).await.unwrap();
    store.advance(step(6, &[delivery("fast", 5, 6)])).await.unwrap();
    store.settle(one(rows[0].clone(), Outcome::Retry { due: at(9) })).await.unwrap();
    let delivered = Settled::new(rows[1].clone(), Outcome::Delivered);
    store.settle(vec![delivered, Settled::new(rows[2].clone(), Outcome::Parked)]).await.unwrap();
    store.commit(commit(Seq(0), &[("a", article("a", 1, "A", 1))])).await.unwrap();
    store
        .commit(commit(Seq(1), &[("a", article("a", 2, "A", 1)), ("b", article("b", 1, "B", 1))]))
        .await
        .unwrap();
    let told = |stats: crate::store::Stats| (stats.articles, stats.head, stats.queued);
    assert_eq!(told(store.stats().await.unwrap()), (2, Seq(3), 4));
    store.remove_subscription(&"fast".parse().unwrap()).await.unwrap();
    assert_eq!(told(store.stats().await.unwrap()), (2, Seq(3), 3));
    let heads = [Delivery { attempt: 1, ..delivery("slow", 9, 1) }];
    assert_eq!(store.heads(None, 10).await.unwrap(), heads);
    let kept = kept.reopened().await;
    assert_eq!(told(kept.store.stats().await.unwrap()), (2, Seq(3), 3), "as counted anew");
    assert_eq!(kept.store.heads(None, 10).await.unwrap(), heads);
}

pub(super) async fn sources_are_remembered(Kept { store, folder: _folder }: Kept) {
    for id in ["quan3", "quan1"] {
        store.put_source(state(id)).await.unwrap();
    }
    assert_eq!(store.sources().await.unwrap(), [state("quan1"), state("quan3")]);
    assert_eq!(store.source(&"quan3".parse().unwrap()).await.unwrap(), Some(state("quan3")));
    assert_eq!(store.source(&"quan".parse().unwrap()).await.unwrap(), None);
}

fn one(delivery: Delivery, outcome: Outcome) -> Vec<Settled> {
    vec![Settled::new(delivery, outcome)]
}

/// Attempts are kept for one subscription each, newest first, as long and as many as they may be.
pub(super) async fn the_ledger_is_read_from_its_end_and_cut_at_its_beginning(
    Kept { store, folder: _folder }: Kept,
) {
    with_subscriptions(&*store).await;
    let slow = "slow".parse().unwrap();
    let rows: Vec<_> = (1..=5).map(|seq| delivery("slow", 10, seq)).collect();
    store.advance(step(5, &rows)).await.unwrap();
    store.advance(step(6, &[delivery("fast", 10, 6)])).await.unwrap();
    let outcomes = [
        Outcome::Delivered,
        Outcome::Retry { due: at(99) },
        Outcome::Parked,
        Outcome::Dropped,
        Outcome::Delivered,
    ];
    let all: Vec<_> = (1_i64..)
        .zip(outcomes)
        .map(|(n, outcome)| attempt("slow", n.cast_unsigned(), 10 * n, outcome))
        .collect();
    for (row, attempt) in rows.iter().zip(&all) {
        let settled = Settled::new(row.clone(), attempt.outcome.clone());
        store.settle(vec![Settled { attempt: Some(attempt.clone()), ..settled }]).await.unwrap();
    }
    let newest: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(store.attempts(&slow, None, 100).await.unwrap(), newest);
    assert_eq!(store.attempts(&slow, None, 2).await.unwrap(), newest[..2]);
    let place = (newest[1].at, newest[1].seq);
    assert_eq!(store.attempts(&slow, Some(place), 2).await.unwrap(), newest[2..4]);
    assert_eq!(store.attempts(&"fast".parse().unwrap(), None, 100).await.unwrap(), []);

    assert_eq!(store.forget_attempts(&slow, at(10), u64::MAX).await.unwrap(), 0);
    assert_eq!(store.forget_attempts(&slow, at(25), u64::MAX).await.unwrap(), 2);
    assert_eq!(store.attempts(&slow, None, 100).await.unwrap(), newest[..3]);
    assert_eq!(store.forget_attempts(&slow, at(0), 100).await.unwrap(), 2);
    assert_eq!(store.attempts(&slow, None, 100).await.unwrap(), newest[..1]);
    store.remove_subscription(&slow).await.unwrap();
    assert_eq!(store.attempts(&slow, None, 100).await.unwrap(), []);
}

pub(super) async fn a_replay_makes_due_again(Kept { store, folder: _folder }: Kept) {
    with_subscriptions(&*store).await;
    let rows: Vec<_> = (1..=2).map(|seq| delivery("slow", 10, seq)).collect();
    store.advance(step(2, &rows)).await.unwrap();
    store.settle(one(rows[0].clone(), Outcome::Parked)).await.unwrap();
    store.settle(one(rows[1].clone(), Outcome::Delivered)).await.unwrap();
    let again = [delivery("slow", 50, 1), delivery("slow", 50, 2), delivery("nobody", 50, 2)];
    store.enqueue(again.to_vec()).await.unwrap();
    assert_eq!(queued(&*store, "slow").await, again[..2]);
    assert_eq!(parked(&*store, "slow").await, []);
    assert_eq!(queued(&*store, "nobody").await, []);
}

pub(super) async fn followings_are_remembered_until_they_are_forgotten(kept: Kept) {
    assert_eq!(kept.store.followings().await.unwrap(), []);
    for id in ["quan3", "quan1"] {
        kept.store.put_following(following(id)).await.unwrap();
    }
    let newer = Following { pushes: 8, lease: None, ..following("quan3") };
    kept.store.put_following(newer.clone()).await.unwrap();
    let kept = kept.reopened().await;
    assert_eq!(kept.store.followings().await.unwrap(), [following("quan1"), newer]);
    for id in ["quan1", "nobody"] {
        kept.store.remove_following(&id.parse().unwrap()).await.unwrap();
    }
    assert_eq!(kept.store.followings().await.unwrap().len(), 1);
}

pub(super) async fn the_canary_is_remembered_until_it_is_forgotten(kept: Kept) {
    assert_eq!(kept.store.canary().await.unwrap(), None);
    for feed in ["quan1", "quan3"] {
        kept.store.put_canary(Some(canary(feed))).await.unwrap();
    }
    let kept = kept.reopened().await;
    assert_eq!(kept.store.canary().await.unwrap(), Some(canary("quan3")), "there is one");
    for _ in 0..2 {
        kept.store.put_canary(None).await.unwrap();
        assert_eq!(kept.store.canary().await.unwrap(), None);
    }
}

pub(super) async fn tokens_are_remembered_until_they_are_removed(kept: Kept) {
    assert_eq!(kept.store.tokens().await.unwrap(), []);
    for id in ["b", "a"] {
        kept.store.put_token(&token(id)).await.unwrap();
    }
    let used = Token { used: Some(at(5)), ..token("b") };
    kept.store.put_token(&used).await.unwrap();
    let kept = kept.reopened().await;
    assert_eq!(kept.store.tokens().await.unwrap(), [token("a"), used]);
    for _ in 0..2 {
        kept.store.remove_token(&"b".parse().unwrap()).await.unwrap();
        assert_eq!(kept.store.tokens().await.unwrap(), [token("a")]);
    }
}

pub(super) async fn a_walk_is_remembered_as_it_was_last_written(kept: Kept) {
    assert_eq!(kept.store.backfills().await.unwrap(), []);
    for id in ["b", "a"] {
        kept.store.put_backfill(backfill(id)).await.unwrap();
    }
    let further = Backfill { place: "4".to_owned(), end: None, ..backfill("b") };
    kept.store.put_backfill(further.clone()).await.unwrap();
    let kept = kept.reopened().await;
    assert_eq!(kept.store.backfills().await.unwrap(), [backfill("a"), further]);
}

pub(super) async fn what_completes_certificates_is_remembered_until_it_is_forgotten(kept: Kept) {
    assert_eq!(kept.store.mended().await.unwrap(), []);
    // The same host by other roots is another one; a name that begins like it is, too.
    let other = Mended { trust: Digest([9; 16]), ..mended("a.vn") };
    for one in [mended("a.vn.example"), other.clone(), mended("a.vn")] {
        kept.store.put_mended(one).await.unwrap();
    }
    let newer = Mended { at: at(9), certificates: vec![vec![1]], ..mended("a.vn") };
    kept.store.put_mended(newer.clone()).await.unwrap();
    let kept = kept.reopened().await;
    assert_eq!(kept.store.mended().await.unwrap(), [newer, other.clone(), mended("a.vn.example")]);
    for _ in 0..2 {
        kept.store.remove_mended("a.vn", mended("a.vn").trust).await.unwrap();
        assert_eq!(kept.store.mended().await.unwrap(), [other.clone(), mended("a.vn.example")]);
    }
}

pub(super) async fn gates_are_remembered(kept: Kept) {
    assert_eq!(kept.store.gates().await.unwrap(), []);
    for id in ["quan3", "quan1"] {
        kept.store.put_gate(gate(id)).await.unwrap();
    }
    let committed = Gate { held: None, ..gate("quan3") };
    let commit = Commit { gate: Some(committed.clone()), ..Commit::default() };
    kept.store.commit(commit).await.unwrap();
    let kept = kept.reopened().await;
    assert_eq!(kept.store.gates().await.unwrap(), [gate("quan1"), committed.clone()]);
    assert_eq!(kept.store.gate(&committed.source).await.unwrap(), Some(committed));
    assert_eq!(kept.store.gate(&"nobody".parse().unwrap()).await.unwrap(), None);
}
