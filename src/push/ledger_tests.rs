use std::time::Duration;

use super::{
    Added, Error, NewSubscription, PING, Replay, Settings, Standing, Start,
    sign::{self, Scheme},
    testing::{NOW, Received, Receiver, Reply, World, numbered, settings, subscription},
};
use crate::{
    clock::Manual,
    model::{
        Attempt, Change, Channel, Filter, Outcome, Revision, Seq, State, Subscription, SubscriptionId,
        Timestamp,
    },
    store,
};

async fn log(world: &World, id: &SubscriptionId) -> Vec<Attempt> {
    world.push.log(id, None, 100).await.unwrap()
}

#[tokio::test]
async fn every_attempt_is_written_down_with_what_came_of_it() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(500), Reply::Long, Reply::Redirect]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    world.pass(5).await;
    world.publish(2, false).await;
    world.settle().await;
    let attempts = log(&world, &id).await;
    let told: Vec<_> = attempts.iter().map(|one| (one.seq.0, one.number, one.status)).collect();
    assert_eq!(told, [(2, 1, Some(307)), (1, 2, Some(200)), (1, 1, Some(500))]);
    assert_eq!(attempts[2].outcome, Outcome::Retry { due: NOW.plus(Duration::from_secs(5)) });
    assert_eq!(attempts[2].error.as_deref(), Some("it answered 500"));
    assert_eq!((attempts[1].outcome.clone(), attempts[1].error.clone()), (Outcome::Delivered, None));
    assert_eq!(attempts[1].answer, "x".repeat(256), "the beginning of what it said, however much that is");
    assert!(attempts[0].error.as_ref().unwrap().contains("redirects are not followed"));
    let standing = Standing { waiting: 1, parked: 0, behind: 1 };
    assert_eq!(world.push.standing(&id).await.unwrap(), standing);
    let older = world.push.log(&id, Some((attempts[0].at, attempts[0].seq)), 1).await.unwrap();
    assert_eq!(older, attempts[1..2]);
    let nobody = "nobody".parse().unwrap();
    assert!(matches!(world.push.log(&nobody, None, 1).await, Err(Error::Missing(_))));
}

#[tokio::test]
async fn the_ledger_forgets_what_is_old_and_what_is_too_much() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    world.pass(29 * 86_400).await;
    world.publish(2, false).await;
    world.settle().await;
    world.push.sweep_once().await.unwrap();
    assert_eq!(log(&world, &id).await.len(), 2);
    world.pass(2 * 86_400).await;
    world.push.sweep_once().await.unwrap();
    assert_eq!(log(&world, &id).await.iter().map(|one| one.seq).collect::<Vec<_>>(), [Seq(2)]);
    world.push.reload(Settings { keep_bytes: 1, ..settings() }).await.unwrap();
    world.push.sweep_once().await.unwrap();
    assert_eq!(log(&world, &id).await, []);
}

/// The numbers and ids of what arrived.
fn heard(receiver: &Receiver) -> Vec<(u64, String)> {
    receiver.received().iter().map(|got| (got.sequence(), got.header("webhook-id").to_owned())).collect()
}

#[tokio::test]
async fn what_was_told_is_told_again_under_the_same_ids_and_nothing_else() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let id = world.subscribe(&receiver.url, "\"số 2\" OR \"số 3\" OR \"số 5\"").await.subscription.id.clone();
    world.deliver();
    for n in 1..=3 {
        world.publish(n, false).await;
        world.clock.advance(Duration::from_secs(60));
    }
    world.publish(4, false).await;
    world.publish(5, true).await;
    world.settle().await;
    let first = heard(&receiver);
    assert_eq!(first.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 3]);
    let again = async |what: Replay, seqs: &[u64]| {
        let before = receiver.received().len();
        assert_eq!(world.push.replay(&id, what).await.unwrap(), seqs.len() as u64, "{what:?}");
        world.settle().await;
        let heard = heard(&receiver).split_off(before);
        let expected: Vec<_> = first.iter().filter(|(seq, _)| seqs.contains(seq)).cloned().collect();
        assert_eq!(heard, expected, "{what:?}");
    };
    again(Replay::Events { after: Seq(0), upto: Seq(u64::MAX) }, &[2, 3]).await;
    again(Replay::Events { after: Seq(2), upto: Seq(3) }, &[3]).await;
    again(Replay::Events { after: Seq(3), upto: Seq(2) }, &[]).await;
    again(Replay::Parked, &[]).await;
    // Events of the tests carry one instant; all of them are after the epoch and before the end of time.
    again(Replay::Since(Timestamp::from_second(0)), &[2, 3]).await;
    again(Replay::Since(Timestamp::MAX), &[]).await;
}

#[tokio::test]
async fn what_was_parked_is_told_again_from_its_first_attempt_on() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(400); 4]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    for wait in [5, 300, 1800] {
        world.pass(wait).await;
    }
    assert_eq!(world.push.standing(&id).await.unwrap(), Standing { waiting: 0, parked: 1, behind: 0 });
    assert_eq!(log(&world, &id).await[0].outcome, Outcome::Parked);
    assert_eq!(world.push.replay(&id, Replay::Parked).await.unwrap(), 1);
    world.pass(5).await;
    assert_eq!(receiver.received().len(), 5);
    assert_eq!(world.push.standing(&id).await.unwrap(), Standing { waiting: 0, parked: 0, behind: 0 });
    assert_eq!(log(&world, &id).await[0].number, 1);
}

#[tokio::test]
async fn a_new_subscriber_begins_where_it_wants_to() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    world.deliver();
    for n in 1..=3 {
        world.publish(n, false).await;
    }
    world.route().await;
    // Recorded, and not routed yet when the subscriber comes.
    world.publish(4, false).await;
    let begin = async |start: Start| {
        let url = receiver.url.clone();
        world.push.add(NewSubscription { url, start, ..NewSubscription::default() }).await
    };
    begin(Start::After(Seq(1))).await.unwrap();
    world.settle().await;
    world.publish(5, false).await;
    world.settle().await;
    assert_eq!(receiver.sequences(), [2, 3, 4, 5], "each of them once");
    begin(Start::Since(Timestamp::from_second(0))).await.unwrap();
    world.settle().await;
    assert_eq!(receiver.sequences()[4..], [1, 2, 3, 4, 5]);
    let refused = begin(Start::After(Seq(6))).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "start", .. }), "{refused}");
    assert_eq!(world.push.list().await.unwrap().len(), 2, "nothing is half made");
}

async fn strict() -> World {
    let store = store::open(&store::Settings { path: None, cache: 1 << 20 }).await.unwrap();
    World::on(store, Manual::at(NOW), Settings { verify: true, ..settings() }).await
}

#[tokio::test]
async fn a_subscription_that_does_not_confirm_a_ping_is_not_made() {
    let world = strict().await;
    for reply in [Reply::Status(404), Reply::Redirect, Reply::Status(500)] {
        let receiver = Receiver::new(&[reply]).await;
        let new = NewSubscription { url: receiver.url.clone(), ..NewSubscription::default() };
        let refused = world.push.add(new).await.unwrap_err();
        assert!(matches!(refused, Error::Unverified(_)), "{refused}");
    }
    assert_eq!(world.push.list().await.unwrap(), []);

    let receiver = Receiver::new(&[]).await;
    world.publish(1, false).await;
    let added = world.subscribe(&receiver.url, "").await;
    assert_eq!(added.subscription.verified, Some(NOW));
    let [ping] = &receiver.received()[..] else { panic!("exactly one request") };
    let body: serde_json::Value = serde_json::from_slice(&ping.body).unwrap();
    assert_eq!((&body["type"], &body["sequence"]), (&"ping".into(), &1.into()));
    assert!(is_signed(ping, added.secret.as_ref().unwrap()));
}

fn is_signed(got: &Received, secret: &str) -> bool {
    let secret = sign::parse_secret(secret).unwrap();
    let at: i64 = got.header("webhook-timestamp").parse().unwrap();
    let signed = (got.header("webhook-id"), at, got.header("webhook-signature"));
    sign::verify(&secret, signed, &got.body, Timestamp::from_second(at)).is_ok()
}

#[tokio::test]
async fn an_owner_may_test_an_endpoint_in_any_state() {
    let world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(503)]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.push.pause(&id).await.unwrap();
    let failed = world.push.test(&id).await.unwrap();
    assert_eq!((failed.seq, failed.status, failed.outcome.clone()), (PING, Some(503), Outcome::Dropped));
    assert_eq!(world.push.get(&id).await.unwrap().verified, None);
    world.clock.advance(Duration::from_secs(1));
    let fine = world.push.test(&id).await.unwrap();
    assert_eq!((fine.error.clone(), fine.outcome.clone()), (None, Outcome::Delivered));
    let subscription = world.push.get(&id).await.unwrap();
    assert_eq!((subscription.verified, subscription.state.clone()), (Some(fine.at), State::Paused));
    assert_eq!(log(&world, &id).await, [fine, failed]);
}

#[tokio::test]
async fn a_secret_that_was_replaced_signs_for_a_day_beside_the_new_one() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let added = world.subscribe(&receiver.url, "").await;
    let id = added.subscription.id.clone();
    world.deliver();
    let rotated = world.push.rotate(&id, None, None).await.unwrap();
    assert_ne!(rotated.secret, added.secret);
    world.publish(1, false).await;
    world.settle().await;
    world.pass(86_400).await;
    world.publish(2, false).await;
    world.settle().await;
    let got = receiver.received();
    for (n, secret, fits) in [(0, &added, true), (0, &rotated, true), (1, &added, false), (1, &rotated, true)]
    {
        assert_eq!(is_signed(&got[n], secret.secret.as_ref().unwrap()), fits, "{n}");
    }
    world.push.sweep_once().await.unwrap();
    assert_eq!(world.push.get(&id).await.unwrap().secrets.len(), 1);
    let own = sign::generate_secret().unwrap();
    let again = world.push.rotate(&id, Some(own.clone()), None).await.unwrap();
    assert_eq!(again.secret, Some(sign::print_secret(&own)));
    assert_eq!(again.subscription.secrets.len(), 2);
}

#[tokio::test]
async fn a_rotation_keeps_the_kind_of_signature_unless_another_is_asked_for() {
    let world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let new = NewSubscription {
        url: receiver.url.clone(),
        scheme: Some(Scheme::V1a),
        ..NewSubscription::default()
    };
    let added = world.push.add(new).await.unwrap();
    let id = added.subscription.id.clone();
    let newest = |added: &Added| added.subscription.secrets[0].clone();
    assert_eq!((added.secret.as_ref(), sign::scheme(&newest(&added))), (None, Scheme::V1a));
    let first = sign::public_key(&newest(&added)).unwrap();

    let rotated = world.push.rotate(&id, None, None).await.unwrap();
    let second = sign::public_key(&newest(&rotated)).unwrap();
    assert_eq!(rotated.secret, None);
    assert_ne!(first, second);
    world.push.test(&id).await.unwrap();
    let got = receiver.received().pop().unwrap();
    let at = got.header("webhook-timestamp").parse().unwrap();
    let signed = (got.header("webhook-id"), at, got.header("webhook-signature"));
    assert_eq!(signed.2.split(' ').filter(|one| one.starts_with("v1a,")).count(), 2, "{}", signed.2);
    for key in [first, second] {
        assert_eq!(sign::verify_public(&key, signed, &got.body, Timestamp::from_second(at)), Ok(()));
    }

    let shared = world.push.rotate(&id, None, Some(Scheme::V1)).await.unwrap();
    assert!(shared.secret.is_some_and(|secret| secret.starts_with("whsec_")));
    let own = sign::generate(Scheme::V1a).unwrap();
    let refused = world.push.rotate(&id, Some(own.clone()), Some(Scheme::V1)).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("begins with `whsk_` signs as `v1a`"), "{said}");
    let brought = world.push.rotate(&id, Some(own.clone()), None).await.unwrap();
    assert_eq!((brought.secret.as_ref(), newest(&brought)), (None, own));
}

#[tokio::test]
async fn a_subscriber_of_the_hub_brings_its_secret_itself_and_is_sent_no_ping() {
    let world = World::new().await;
    let until = Timestamp::from_second(NOW.as_second() + 86_400);
    let channel = Channel::WebSub { topic: "https://a.example/feeds/a.atom".to_owned(), until };
    let subscriber = Subscription { channel, ..subscription("reader") };
    world.store.put_subscription(subscriber.clone()).await.unwrap();
    world.push.book().await.unwrap().insert(subscriber.clone());
    let id = &subscriber.id;
    for (own, scheme) in
        [(None, Some(Scheme::V1a)), (Some(sign::generate(Scheme::V1).unwrap()), None), (None, None)]
    {
        let refused = world.push.rotate(id, own, scheme).await.unwrap_err();
        assert!(matches!(refused, Error::OfHub(_)), "{refused:?}");
    }
    assert!(matches!(world.push.test(id).await, Err(Error::OfHub(_))));
    assert_eq!(world.push.get(id).await.unwrap().secrets, subscriber.secrets);
}

#[tokio::test]
async fn an_update_that_the_filter_does_not_want_is_not_told_again_either() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let filter = Some(Filter::parse("title:số").unwrap());
    let new = NewSubscription { url: receiver.url.clone(), filter, ..NewSubscription::default() };
    let id = world.push.add(new).await.unwrap().subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    let mut renamed = numbered(1);
    renamed.revision = Revision(2);
    renamed.content.title = "Khác".to_owned();
    world.record(renamed, Change::Updated, false).await;
    world.settle().await;
    assert_eq!(receiver.sequences(), [1]);
    assert_eq!(world.push.replay(&id, Replay::Events { after: Seq(0), upto: Seq(9) }).await.unwrap(), 1);
}

#[tokio::test]
async fn one_host_has_room_for_so_many_that_the_api_makes() {
    let world = World::new().await;
    let few = Settings { max_per_host: 2, ..settings() };
    world.push.reload(few).await.unwrap();
    let add = async |url: &str| {
        world.push.add(NewSubscription { url: url.to_owned(), ..NewSubscription::default() }).await
    };
    for url in ["https://a.example/1", "https://a.example:8443/2", "https://b.example/"] {
        add(url).await.unwrap();
    }
    let refused = add("https://A.example/3").await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("2 subscriptions at `a.example`"), "{refused}");
    assert!(refused.contains("push.max_per_host"), "{refused}");
    let first = world.push.list().await.unwrap()[0].id.clone();
    world.push.remove(&first).await.unwrap();
    assert_eq!(world.push.list().await.unwrap().len(), 2);
}
