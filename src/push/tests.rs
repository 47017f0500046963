use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Error, Feed, NewSubscription, Settings, Webhook,
    form::{Forms, Template},
    sign,
    testing::{
        NOW, Received, Receiver, Reply, World, article, event, numbered, settings, subscription, until,
    },
    webhook::message_id,
};
use crate::{
    clock::{Clock, Manual},
    journal::{Entry, Pass},
    model::{
        Change, Content, Draft, Filter, Follower, IdentityKey, Revision, Secret, Seq, State, SubscriptionId,
        Timestamp,
    },
    store::{self, Store},
};

async fn waiting(store: &dyn Store) -> u64 {
    store.stats().await.unwrap().queued
}

#[tokio::test]
async fn a_receiver_can_verify_what_it_gets() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let added = world.subscribe(&receiver.url, "").await;
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;

    let [got] = &receiver.received()[..] else { panic!("exactly one request") };
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("user-agent"), "loaphuong/test");
    let (id, timestamp) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    assert_eq!(timestamp, "1772676909");
    assert!(id.starts_with("msg_") && !id.contains('.'));
    let secret = sign::parse_secret(added.secret.as_ref().unwrap()).unwrap();
    let signed = (id, timestamp.parse().unwrap(), got.header("webhook-signature"));
    assert_eq!(sign::verify(&secret, signed, &got.body, NOW), Ok(()));
    let event = world.store.events(Seq(0), 1).await.unwrap().remove(0);
    assert_eq!(got.body, world.push.payload(&event).await.unwrap().unwrap());
    assert_eq!(world.push.get(&added.subscription.id).await.unwrap().delivered, Some(Seq(1)));
    assert_eq!(waiting(&*world.store).await, 0);
}

#[tokio::test]
async fn retries_by_the_schedule_under_one_id_and_parks_at_last() {
    let mut world = World::new().await;
    let receiver =
        Receiver::new(&[Reply::Status(500), Reply::Status(404), Reply::Redirect, Reply::Status(400)]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    for (wait, attempts) in [(4, 1), (1, 2), (299, 2), (1, 3), (1799, 3), (1, 4), (1_000_000, 4)] {
        world.pass(wait).await;
        assert_eq!(receiver.received().len(), attempts, "after {wait} s more");
    }
    let ids: Vec<_> = receiver.received().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let times: Vec<_> = receiver
        .received()
        .iter()
        .map(|got| got.header("webhook-timestamp").parse::<i64>().unwrap())
        .collect();
    assert_eq!(times, [0, 5, 305, 2105].map(|after| NOW.as_second() + after), "the time is the attempt's");
    let parked = world.store.parked(&id, 10).await.unwrap();
    assert_eq!(parked.iter().map(|one| one.seq).collect::<Vec<_>>(), [Seq(1)]);
    let state = world.push.get(&id).await.unwrap();
    assert_eq!((state.failing_since, state.state.clone()), (Some(NOW), State::Active));
}

#[tokio::test]
async fn retry_after_holds_the_whole_endpoint() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::RetryAfter(429, "60")]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.publish(2, false).await;
    world.settle().await;
    assert_eq!(receiver.sequences(), [1]);
    assert_eq!(world.push.get(&id).await.unwrap().hold_until, Some(NOW.plus(Duration::from_secs(60))));
    world.pass(59).await;
    assert_eq!(receiver.sequences(), [1]);
    world.pass(1).await;
    let mut all = receiver.sequences();
    all.sort_unstable();
    assert_eq!(all, [1, 1, 2]);
    assert_eq!(world.push.get(&id).await.unwrap().hold_until, None);
}

#[tokio::test]
async fn gone_disables_and_resuming_tells_what_has_waited() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Status(410)]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    for n in 1..=3 {
        world.publish(n, false).await;
    }
    world.settle().await;
    world.pass(100_000).await;
    assert_eq!(receiver.sequences(), [1]);
    let state = world.push.get(&id).await.unwrap();
    assert!(matches!(&state.state, State::Disabled { reason } if reason.contains("410")));
    assert_eq!(waiting(&*world.store).await, 3);
    world.push.resume(&id).await.unwrap();
    world.settle().await;
    assert_eq!(waiting(&*world.store).await, 0);
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn endpoints_that_never_answer_do_not_delay_another() {
    let mut world = World::new().await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        let receiver = Receiver::new(&[Reply::Status(500), Reply::Never, Reply::Never]).await;
        world.subscribe(&receiver.url, "").await;
        silent.push(receiver);
    }
    let good = Receiver::new(&[]).await;
    world.subscribe(&good.url, "").await;
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    // From here on five endpoints, known to fail, hang; there are four places.
    for n in 2..=9 {
        world.publish(n, false).await;
    }
    world.route().await;
    until(async || good.received().len() == 9).await;
    assert_eq!(good.sequences(), (1..=9).collect::<Vec<_>>(), "in order");
    assert!(!world.push.is_idle().await.unwrap());
}

#[tokio::test]
async fn an_answer_of_any_length_confirms() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Long]).await;
    world.subscribe(&receiver.url, "").await;
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    assert_eq!((receiver.received().len(), waiting(&*world.store).await), (1, 0));
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let kept = store::Settings { path: Some(folder.path().join("data")), cache: 1 << 20 };
    let mut world = World::on(store::open(&kept).await.unwrap(), Manual::at(NOW), settings()).await;
    let receiver = Receiver::new(&[Reply::Status(503)]).await;
    let added = world.subscribe(&receiver.url, "title:thông").await;
    world.deliver();
    for n in 1..=3 {
        world.publish(n, false).await;
    }
    world.settle().await;
    world.publish(4, false).await;
    let clock = world.clock.clone();
    drop(world.stop().await);
    let first = receiver.received();
    assert_eq!(first.iter().map(Received::sequence).collect::<Vec<_>>(), [1]);

    clock.advance(Duration::from_secs(5));
    let mut world = World::on(store::open(&kept).await.unwrap(), clock, settings()).await;
    world.deliver();
    world.settle().await;
    let mut all = receiver.sequences();
    all.sort_unstable();
    assert_eq!(all, [1, 1, 2, 3, 4]);
    let repeated = receiver.received().into_iter().rfind(|got| got.sequence() == 1).unwrap();
    assert_eq!(repeated.header("webhook-id"), first[0].header("webhook-id"));
    let secret = sign::parse_secret(added.secret.as_ref().unwrap()).unwrap();
    let signed = (
        repeated.header("webhook-id"),
        repeated.header("webhook-timestamp").parse().unwrap(),
        repeated.header("webhook-signature"),
    );
    assert_eq!(sign::verify(&secret, signed, &repeated.body, world.clock.now()), Ok(()));
}

/// Killed between an attempt and its settling: told again, under the same id.
#[tokio::test]
async fn a_crash_repeats_what_was_not_settled_under_the_same_id() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Never]).await;
    world.subscribe(&receiver.url, "").await;
    world.deliver();
    world.publish(1, false).await;
    world.route().await;
    until(async || receiver.received().len() == 1).await;
    let (store, clock) = (world.store.clone(), world.clock.clone());
    drop(world);
    let mut world = World::on(store, clock, settings()).await;
    world.deliver();
    world.settle().await;
    let ids: Vec<_> = receiver.received().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn stopping_finishes_the_attempt_under_way() {
    let mut world = World::new().await;
    world.push.reload(Settings { timeout: Duration::from_millis(300), ..settings() }).await.unwrap();
    let receiver = Receiver::new(&[Reply::Never]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.route().await;
    until(async || receiver.received().len() == 1).await;
    let (store, _) = world.stop().await;
    let [row] = &store.due(&id, Timestamp::MAX, 9).await.unwrap()[..] else { panic!("one row") };
    assert_eq!(row.attempt, 1, "the attempt was counted");
}

#[tokio::test]
async fn the_router_follows_until_it_is_stopped() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    world.subscribe(&receiver.url, "").await;
    for n in 1..=120 {
        world.publish(n, false).await;
    }
    world.deliver();
    let stop = CancellationToken::new();
    let routed = async {
        until(async || world.push.is_idle().await.unwrap()).await;
        // It waits now: only the journal wakes it.
        world.push.journal.record(pass("Tin mới")).await.unwrap();
        until(async || world.push.is_idle().await.unwrap()).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(world.push.route(stop.clone()), routed);
    ended.unwrap();
    assert_eq!(receiver.sequences(), (1..=121).collect::<Vec<_>>());
    assert_eq!(world.store.cursor(Follower::Router).await.unwrap(), Seq(121));
}

fn pass(title: &str) -> Pass {
    let content = Content { title: title.to_owned(), ..Content::default() };
    let entry = Entry {
        draft: Draft { content, ..Draft::default() },
        keys: vec![IdentityKey::Item("new".into())],
        first_seen: NOW,
    };
    Pass {
        source: "quan1".parse().unwrap(),
        zone: jiff::tz::TimeZone::UTC,
        at: NOW,
        quiet: false,
        entries: vec![entry],
        state: None,
    }
}

#[tokio::test]
async fn routes_by_type_filter_place_and_loudness() {
    let world = World::new().await;
    world.publish(1, false).await;
    let hook = "https://receiver.example/";
    let all = world.subscribe(hook, "").await.subscription.id.clone();
    let two = world.subscribe(hook, "title:\"so 2\" OR title:tám").await.subscription.id.clone();
    let new = NewSubscription {
        url: hook.into(),
        events: vec![crate::model::EventType::ArticleUpdated],
        ..NewSubscription::default()
    };
    let updates = world.push.add(new).await.unwrap().subscription.id.clone();
    let paused = world.subscribe(hook, "").await.subscription.id.clone();
    world.push.pause(&paused).await.unwrap();
    world.publish(2, false).await;
    world.publish(3, true).await;
    let mut changed = numbered(2);
    changed.revision = Revision(2);
    changed.content.title = "Thông báo số bốn".into();
    world.record(changed, Change::Updated, false).await;
    world.route().await;

    let queued = async |id: &SubscriptionId| -> Vec<u64> {
        world.store.due(id, NOW, 10).await.unwrap().iter().map(|one| one.seq.0).collect()
    };
    assert_eq!(queued(&all).await, [2, 4], "not what was before it, nor what was quiet");
    assert_eq!(queued(&two).await, [2], "by the words of that revision");
    assert_eq!(queued(&updates).await, [4]);
    assert_eq!(queued(&paused).await, [2, 4], "what comes during a pause waits");
    assert!(!world.push.is_idle().await.unwrap());
}

#[tokio::test]
async fn what_is_removed_is_not_told() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[]).await;
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.publish(1, false).await;
    world.route().await;
    world.push.remove(&id).await.unwrap();
    world.deliver();
    world.settle().await;
    assert_eq!((receiver.received().len(), waiting(&*world.store).await), (0, 0));
    assert!(matches!(world.push.remove(&id).await, Err(Error::Missing(_))));
}

#[tokio::test]
async fn a_pause_during_an_attempt_stands() {
    let mut world = World::new().await;
    let receiver = Receiver::new(&[Reply::Never]).await;
    let settings = Settings { timeout: Duration::from_millis(300), ..settings() };
    world.push.reload(settings).await.unwrap();
    let id = world.subscribe(&receiver.url, "").await.subscription.id.clone();
    world.deliver();
    world.publish(1, false).await;
    world.route().await;
    until(async || receiver.received().len() == 1).await;
    world.push.pause(&id).await.unwrap();
    world.settle().await;
    let state = world.push.get(&id).await.unwrap();
    assert_eq!((state.state.clone(), state.failing_since), (State::Paused, Some(NOW)));
    assert_eq!(world.store.subscriptions().await.unwrap(), [(*state).clone()]);
    let error = state.last_error.clone().unwrap();
    assert!(error.contains("its address") && !error.contains(&receiver.url), "{error}");
}

fn webhook(id: &str, url: &str) -> Webhook {
    Webhook {
        owner: None,
        id: id.parse().unwrap(),
        url: url.into(),
        filter: Some(Filter::parse("thông báo").unwrap()),
        events: Vec::new(),
        secret: Secret::Shared(vec![1; 32]),
        allow_private: true,
        form: crate::model::Form::Native,
    }
}

#[tokio::test]
async fn webhooks_of_the_file_come_and_go_with_it_and_keep_their_state() {
    let world = World::new().await;
    world.publish(1, false).await;
    let with = |webhooks| Settings { webhooks, ..settings() };
    let id: SubscriptionId = "newsroom".parse().unwrap();
    world.push.reload(with(vec![webhook("newsroom", "https://a.example/")])).await.unwrap();
    let state = world.push.get(&id).await.unwrap();
    assert_eq!((state.after, state.configured), (Seq(1), true));
    assert!(matches!(world.push.remove(&id).await, Err(Error::Configured(_))));

    world.publish(2, false).await;
    world.push.pause(&id).await.unwrap();
    let (store, clock) = world.stop().await;
    let world = World::on(store, clock, with(vec![webhook("newsroom", "https://b.example/")])).await;
    let state = world.push.get(&id).await.unwrap();
    assert_eq!((state.after, &state.state, &*state.url), (Seq(1), &State::Paused, "https://b.example/"));

    world.push.reload(with(Vec::new())).await.unwrap();
    assert!(matches!(world.push.get(&id).await, Err(Error::Missing(_))));
    assert!(world.store.subscriptions().await.unwrap().is_empty());
}

#[tokio::test]
async fn refuses_addresses_by_the_settings() {
    async fn check(settings: Settings, url: &str, words: &str) {
        let store = World::new().await.store;
        let world = World::on(store, Manual::at(NOW), settings).await;
        let added = world.push.add(NewSubscription { url: url.into(), ..NewSubscription::default() }).await;
        match added {
            Ok(_) => assert_eq!(words, "", "{url}"),
            Err(Error::Invalid { field, message, hint }) => {
                let said = format!("{message} {}", hint.unwrap_or_default());
                assert!(field == "url" && !words.is_empty() && said.contains(words), "{url}: {said}");
            }
            Err(other) => assert!(!words.is_empty() && other.to_string().contains(words), "{url}: {other}"),
        }
    }
    let strict = || Settings { allow_http: false, allow_private: false, ..settings() };
    check(strict(), "https://receiver.example/x#y", "").await;
    check(strict(), "http://receiver.example/", "push.allow_http").await;
    check(strict(), "https://127.0.0.1/", "push.allow_private").await;
    check(strict(), "https://localhost/", "push.allow_private").await;
    check(strict(), "https://[::1]/", "push.allow_private").await;
    check(strict(), "https://0x7f.1/", "push.allow_private").await;
    check(strict(), "https://me:pw@receiver.example/", "password").await;
    check(strict(), "receiver.example", "https://").await;
    check(strict(), "file:///etc/passwd", "scheme").await;
    check(settings(), "http://127.0.0.1:1/", "").await;
    check(Settings { max_subscriptions: 0, ..settings() }, "https://receiver.example/", "max_subscriptions")
        .await;
}

#[tokio::test]
async fn payloads_name_the_feeds_that_show_the_article() {
    let world = World::new().await;
    let feed = |id: &str, source: &str, filter: Option<&str>| Feed {
        id: id.parse().unwrap(),
        sources: vec![source.parse().unwrap()],
        filter: filter.map(|filter| Filter::parse(filter).unwrap()),
        topics: Vec::new(),
    };
    world.push.set_feeds(vec![
        feed("other", "quan3", None),
        feed("none", "quan1", Some("xyz")),
        feed("some", "quan1", Some("thông báo")),
        feed("all", "quan1", None),
    ]);
    world.publish(1, false).await;
    let event = world.store.events(Seq(0), 1).await.unwrap().remove(0);
    let said: serde_json::Value =
        serde_json::from_str(&world.push.payload(&event).await.unwrap().unwrap()).unwrap();
    assert_eq!(said["data"]["feed"], "some");
    assert_eq!(said["data"]["feeds"], serde_json::json!(["some", "all"]));
}

#[test]
fn another_event_has_another_id() {
    let (hook, first) = (subscription("hook"), event(1));
    let id = message_id(&hook, &first);
    assert_eq!(id, message_id(&hook, &event(1)));
    let mut others = vec![first.clone(); 4];
    others[0].seq = Seq(2);
    others[1].at = first.at.plus(Duration::from_millis(1));
    others[2].revision = Revision(2);
    others[3].article = numbered(2).id;
    assert!(others.iter().all(|other| message_id(&hook, other) != id));
    assert_ne!(message_id(&subscription("other"), &first), id);
    assert_eq!(article().id, first.article);
}

#[tokio::test]
async fn secrets_stay_out_of_debug_output() {
    let world = World::new().await;
    let added = world.subscribe("https://receiver.example/", "").await;
    let keys = world.push.rotate(&added.subscription.id, None, Some(sign::Scheme::V1a)).await.unwrap();
    for (secret, added) in [(&added.subscription.secrets[0], &added), (&keys.subscription.secrets[0], &keys)]
    {
        let printed = sign::print_secret(secret);
        let encoded = printed.split_once('_').unwrap().1;
        let bytes = match secret {
            Secret::Shared(bytes) => format!("{bytes:?}"),
            Secret::Ed25519(seed) => format!("{seed:?}"),
        };
        for shown in [format!("{added:?}"), format!("{:?}", world.push), format!("{:?}", added.subscription)]
        {
            assert!(!shown.contains(encoded) && !shown.contains(&bytes), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_form_that_went_away_delays_what_is_told_in_it_and_says_so() {
    let with = |names: &[&str]| {
        let mut forms = Forms::default();
        for name in names {
            let source = "{\"sequence\": {{ sequence }}, \"said\": {{ data.title }}}".to_owned();
            forms.add(Template { name: (*name).to_owned(), source }).unwrap();
        }
        Settings { forms, ..settings() }
    };
    let mut world = World::new().await;
    world.push.reload(with(&["chat"])).await.unwrap();
    let receiver = Receiver::new(&[]).await;
    let new = NewSubscription {
        url: receiver.url.clone(),
        form: Some("chat".to_owned()),
        ..NewSubscription::default()
    };
    let added = world.push.add(new).await.unwrap();
    world.push.reload(with(&["chats"])).await.unwrap();
    world.deliver();
    world.publish(1, false).await;
    world.settle().await;
    assert!(receiver.received().is_empty());
    let error = world.push.get(&added.subscription.id).await.unwrap().last_error.clone().unwrap();
    assert!(error.contains("there is no form `chat`"), "{error}");
    world.push.reload(with(&["chat"])).await.unwrap();
    world.pass(5).await;
    let [got] = &receiver.received()[..] else { panic!("exactly one request") };
    assert_eq!(got.body, "{\"sequence\":1,\"said\":\"Thông báo số 1\"}");
    let at = got.header("webhook-timestamp").parse().unwrap();
    let signed = (got.header("webhook-id"), at, got.header("webhook-signature"));
    let secret = sign::parse_secret(added.secret.as_ref().unwrap()).unwrap();
    assert_eq!(sign::verify(&secret, signed, &got.body, world.clock.now()), Ok(()));
}
