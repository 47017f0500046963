//! The hub between a feed that changes and subscribers of every kind.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State as With},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use tokio::task::JoinSet;
use url::form_urlencoded;

use super::*;
use crate::{
    model::{Change, Filter, Revision, Secret, State},
    push::testing::{NOW, World, numbered, settings, until},
};

const TOPIC: &str = "https://tin.example/feeds/quan1.atom";

/// A subscriber, and what it does when it is asked back or told.
#[derive(Default)]
struct Subscriber {
    url: String,
    /// 2xx repeats the challenge; 299 says something else.
    intent: Mutex<Vec<u16>>,
    told: Mutex<Vec<u16>>,
    questions: Mutex<Vec<HashMap<String, String>>>,
    editions: Mutex<Vec<(HeaderMap, Bytes)>>,
}

impl Subscriber {
    fn bodies(&self) -> Vec<String> {
        let editions = self.editions.lock().unwrap();
        editions.iter().map(|(_, body)| String::from_utf8(body.to_vec()).unwrap()).collect()
    }

    fn modes(&self) -> Vec<String> {
        self.questions.lock().unwrap().iter().map(|question| question["hub.mode"].clone()).collect()
    }

    fn says(&self, intent: &[u16], told: &[u16]) {
        *self.intent.lock().unwrap() = intent.to_vec();
        *self.told.lock().unwrap() = told.to_vec();
    }

    fn ask(&self, mode: &str, more: &str) -> Ask {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("hub.mode", mode);
        form.append_pair("hub.topic", TOPIC);
        form.append_pair("hub.callback", &self.url);
        Ask::parse(format!("{}{more}", form.finish()).as_bytes()).unwrap()
    }
}

/// What it was told to say, one after the other; then the usual.
fn next(answers: &Mutex<Vec<u16>>, usual: u16) -> u16 {
    let mut answers = answers.lock().unwrap();
    if answers.is_empty() { usual } else { answers.remove(0) }
}

async fn question(With(it): With<Arc<Subscriber>>, Query(query): Query<HashMap<String, String>>) -> Response {
    let challenge = query.get("hub.challenge").cloned().unwrap_or_default();
    it.questions.lock().unwrap().push(query);
    let status = next(&it.intent, 200);
    let body = if status == 299 { format!("{challenge}\n") } else { challenge };
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

async fn edition(With(it): With<Arc<Subscriber>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    it.editions.lock().unwrap().push((headers, body));
    StatusCode::from_u16(next(&it.told, 204)).unwrap()
}

/// A world with one feed, whose edition says the numbers of all events up to the newest.
struct Scene {
    world: World,
    servers: JoinSet<()>,
}

impl Scene {
    async fn new() -> Self {
        let mut world = World::new().await;
        world.push.set_feeds(vec![feed(None)]);
        let (store, push) = (world.store.clone(), world.push.clone());
        world.push.set_editions(Arc::new(move |feed, topic, seq| {
            let store = store.clone();
            async move {
                let head = store.head().await.ok()?;
                assert!(head >= seq, "it is asked for what is there");
                Some(Edition {
                    content_type: "application/atom+xml; charset=utf-8",
                    link: format!("<https://tin.example/hub>; rel=\"hub\", <{TOPIC}>; rel=\"self\""),
                    body: format!("{feed} {topic} up to {head}").into(),
                })
            }
            .boxed()
        }));
        let mut servers = JoinSet::new();
        servers
            .spawn(async move { push.ask_back(tokio_util::sync::CancellationToken::new()).await.unwrap() });
        world.deliver();
        Self { world, servers }
    }

    async fn subscriber(&mut self) -> Arc<Subscriber> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push?key=1", listener.local_addr().unwrap());
        let subscriber = Arc::new(Subscriber { url, ..Subscriber::default() });
        let app = Router::new().route("/push", get(question).post(edition)).with_state(subscriber.clone());
        self.servers.spawn(async move { axum::serve(listener, app).await.unwrap() });
        subscriber
    }

    /// Sends a request to the hub and waits until everything has come of it.
    async fn ask(&self, ask: Ask) {
        self.world.push.ask_hub(ask).await.unwrap();
        self.settle().await;
    }

    /// Turns at hosts take their time, so the clock goes on until nothing is left.
    async fn settle(&self) {
        self.world.route().await;
        until(async || {
            self.world.clock.advance(Duration::from_millis(20));
            self.world.push.is_idle().await.unwrap()
        })
        .await;
    }

    async fn publish(&self, n: u32) {
        self.world.publish(n, false).await;
        self.settle().await;
    }

    async fn n_subscriptions(&self) -> usize {
        self.world.push.list().await.unwrap().len()
    }
}

fn feed(filter: Option<&str>) -> Feed {
    Feed {
        id: "quan1".parse().unwrap(),
        sources: vec!["quan1".parse().unwrap()],
        filter: filter.map(|filter| Filter::parse(filter).unwrap()),
        topics: vec![TOPIC.replace("atom", "rss"), TOPIC.to_owned()],
    }
}

#[tokio::test]
async fn a_subscriber_is_asked_told_once_and_told_again_when_the_feed_changes() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.publish(1).await;
    scene.ask(reader.ask("subscribe", "&hub.secret=s3cret&hub.lease_seconds=86400")).await;
    let question = reader.questions.lock().unwrap()[0].clone();
    assert_eq!(question["key"], "1", "its own query stays");
    assert_eq!((question["hub.topic"].as_str(), question["hub.lease_seconds"].as_str()), (TOPIC, "86400"));
    assert!(question["hub.challenge"].len() >= 32);
    assert_eq!(reader.bodies(), ["quan1 1 up to 1"], "the current version, once");
    scene.publish(2).await;
    assert_eq!(reader.bodies(), ["quan1 1 up to 1", "quan1 1 up to 2"]);
    let (headers, body) = reader.editions.lock().unwrap()[1].clone();
    assert_eq!(headers["content-type"], "application/atom+xml; charset=utf-8");
    assert_eq!(headers["link"], format!("<https://tin.example/hub>; rel=\"hub\", <{TOPIC}>; rel=\"self\""));
    // HMAC-SHA256 of "quan1 1 up to 2" under "s3cret", by Python's hmac module.
    assert_eq!(
        headers["x-hub-signature"],
        "sha256=c768c153066f0f0bfa6f320388c5e8b4015b1422758fd5170cab6a416e69aaad"
    );
    assert_eq!(body, "quan1 1 up to 2");
    assert!(headers.get("webhook-id").is_none());
    let one = scene.world.push.list().await.unwrap().remove(0);
    assert_eq!(one.delivered, Some(Seq(2)));
    assert_eq!(lease(&one).unwrap().0, TOPIC);
    let log = scene.world.push.log(&one.id, None, 10).await.unwrap();
    assert_eq!((log.len(), log[0].seq, log[0].status), (2, Seq(2), Some(204)));
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature_and_quiet_events_are_told_too() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.ask(reader.ask("subscribe", "&hub.verify=sync")).await;
    assert!(reader.bodies().is_empty(), "there is nothing yet");
    scene.world.publish(1, true).await;
    scene.settle().await;
    assert_eq!(reader.bodies(), ["quan1 1 up to 1"], "the feed shows it, so they hear of it");
    assert!(reader.editions.lock().unwrap()[0].0.get("x-hub-signature").is_none());
    let one = scene.world.push.list().await.unwrap().remove(0);
    let until = lease(&one).unwrap().1;
    assert_eq!(until.since(NOW).as_secs() / 60, 10 * 24 * 60, "the usual lease");
}

#[tokio::test]
async fn who_does_not_confirm_changes_nothing() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.publish(1).await;
    for intent in [404, 299, 302, 403, 410] {
        reader.says(&[intent], &[]);
        scene.ask(reader.ask("subscribe", "")).await;
        assert_eq!(scene.n_subscriptions().await, 0, "{intent}");
    }
    assert_eq!(reader.modes().len(), 5, "a refusal is not asked again");
    reader.says(&[200, 404], &[]);
    scene.ask(reader.ask("subscribe", "&hub.secret=old")).await;
    let before = scene.world.push.list().await.unwrap();
    for mode in ["subscribe", "unsubscribe"] {
        reader.says(&[404], &[]);
        scene.ask(reader.ask(mode, "&hub.secret=new")).await;
        let after = scene.world.push.list().await.unwrap();
        assert_eq!(after[0].secrets, before[0].secrets, "{mode}: somebody else asked for it");
    }
    assert_eq!(reader.bodies().len(), 1);
}

#[tokio::test]
async fn who_is_away_for_a_moment_is_asked_again() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    reader.says(&[503, 500], &[]);
    scene.world.push.ask_hub(reader.ask("subscribe", "")).await.unwrap();
    until(async || {
        scene.world.clock.advance(Duration::from_millis(500));
        scene.n_subscriptions().await == 1
    })
    .await;
    assert_eq!(reader.modes().len(), 3);
}

#[tokio::test]
async fn renewing_takes_over_the_new_secret_and_leaving_ends_it() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.publish(1).await;
    scene.ask(reader.ask("subscribe", "&hub.secret=old&hub.lease_seconds=3600")).await;
    let first = scene.world.push.list().await.unwrap().remove(0);
    scene.world.clock.advance(Duration::from_secs(3_000));
    scene.ask(reader.ask("subscribe", "&hub.secret=new&hub.lease_seconds=3600")).await;
    let second = scene.world.push.list().await.unwrap().remove(0);
    assert_eq!(second.id, first.id);
    assert_eq!((&second.secrets, second.created), (&vec![Secret::Shared(b"new".to_vec())], first.created));
    assert!(lease(&second).unwrap().1 > lease(&first).unwrap().1);
    assert_eq!(reader.bodies().len(), 2, "readers trust a hub again after they were told");
    scene.ask(reader.ask("unsubscribe", "")).await;
    assert_eq!((scene.n_subscriptions().await, reader.modes().last().unwrap().as_str()), (0, "unsubscribe"));
    scene.publish(2).await;
    assert_eq!(reader.bodies().len(), 2);
}

#[tokio::test]
async fn a_lease_that_is_over_ends_the_subscription() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.publish(1).await;
    scene.ask(reader.ask("subscribe", "&hub.lease_seconds=3600")).await;
    scene.world.clock.advance(Duration::from_secs(3_601));
    scene.publish(2).await;
    assert_eq!((reader.bodies().len(), scene.n_subscriptions().await), (1, 0));

    scene.ask(reader.ask("subscribe", "&hub.lease_seconds=3600")).await;
    scene.world.clock.advance(Duration::from_secs(3_601));
    scene.world.push.sweep_once().await.unwrap();
    assert_eq!(scene.n_subscriptions().await, 0, "also when nothing happens");
}

#[tokio::test]
async fn a_lease_of_a_clock_that_was_ahead_is_cut() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.world.clock.advance(Duration::from_secs(365 * 86_400));
    scene.ask(reader.ask("subscribe", "&hub.lease_seconds=3600")).await;
    scene.world.clock.set(NOW);
    scene.world.push.sweep_once().await.unwrap();
    let one = scene.world.push.list().await.unwrap().remove(0);
    assert_eq!(lease(&one).unwrap().1, NOW.plus(Duration::from_secs(10 * 86_400)));
    scene.publish(1).await;
    assert_eq!(reader.bodies().len(), 1, "it is still told");
}

#[tokio::test]
async fn who_fails_is_told_the_newest_version_once_it_is_back() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.publish(1).await;
    scene.ask(reader.ask("subscribe", "")).await;
    reader.says(&[], &[500, 500, 302, 500]);
    for n in 2..=4 {
        scene.world.publish(n, false).await;
    }
    scene.settle().await;
    until(async || {
        scene.world.clock.advance(Duration::from_secs(1));
        reader.bodies().len() == 6
    })
    .await;
    scene.settle().await;
    assert_eq!(reader.bodies().last().unwrap(), "quan1 1 up to 4");
    let one = scene.world.push.list().await.unwrap().remove(0);
    assert_eq!((one.delivered, one.failing_since, &one.state), (Some(Seq(4)), None, &State::Active));
    let standing = scene.world.push.standing(&one.id).await.unwrap();
    assert_eq!((standing.waiting, standing.parked), (0, 0), "one delivery made up for all");
}

#[tokio::test]
async fn a_dead_subscriber_is_tried_until_its_lease_ends_and_never_parked() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    scene.publish(1).await;
    scene.ask(reader.ask("subscribe", "")).await;
    reader.says(&[], &[500; 1_000]);
    scene.publish(2).await;
    let id = scene.world.push.list().await.unwrap()[0].id.clone();
    for _ in 0..9 * 24 {
        scene.world.clock.advance(Duration::from_secs(3_600));
        scene.settle().await;
        let one = scene.world.push.get(&id).await.unwrap();
        assert_eq!(one.state, State::Active);
        let standing = scene.world.push.standing(&id).await.unwrap();
        assert_eq!((standing.waiting, standing.parked), (1, 0));
    }
    let tries = reader.bodies().len();
    assert!((20..=9 * 24 + 20).contains(&tries), "{tries}");
    scene.world.clock.advance(Duration::from_secs(2 * 24 * 3_600));
    scene.settle().await;
    assert_eq!(scene.n_subscriptions().await, 0);
}

#[tokio::test]
async fn gone_is_gone() {
    let mut scene = Scene::new().await;
    let (reader, other) = (scene.subscriber().await, scene.subscriber().await);
    scene.publish(1).await;
    scene.ask(reader.ask("subscribe", "")).await;
    scene.ask(other.ask("subscribe", "")).await;
    reader.says(&[], &[410]);
    scene.publish(2).await;
    assert_eq!((scene.n_subscriptions().await, other.bodies().len()), (1, 2), "410 ends it");

    scene.world.push.set_feeds(Vec::new());
    scene.world.push.sweep_once().now_or_never();
    until(async || {
        scene.world.clock.advance(Duration::from_millis(200));
        scene.world.push.sweep_once().await.unwrap();
        scene.n_subscriptions().await == 0
    })
    .await;
    assert_eq!(other.modes().last().unwrap(), "denied", "it hears that the feed is gone");
    assert!(other.questions.lock().unwrap().last().unwrap()["hub.reason"].contains("not published"));
}

#[tokio::test]
async fn an_article_that_leaves_a_feed_changes_it() {
    let mut scene = Scene::new().await;
    scene.world.push.set_feeds(vec![feed(Some("số"))]);
    let reader = scene.subscriber().await;
    scene.ask(reader.ask("subscribe", "")).await;
    scene.publish(1).await;
    let mut second = numbered(1);
    second.revision = Revision(2);
    second.content.title = "Khác".to_owned();
    scene.world.record(second.clone(), Change::Updated, false).await;
    scene.settle().await;
    assert_eq!(reader.bodies().len(), 2, "it is gone from the feed");
    second.revision = Revision(3);
    second.content.title = "Khác nữa".to_owned();
    scene.world.record(second, Change::Updated, false).await;
    scene.settle().await;
    assert_eq!(reader.bodies().len(), 2, "that the feed never showed");
}

#[tokio::test]
async fn what_is_not_ours_or_too_much_is_refused() {
    let mut scene = Scene::new().await;
    let reader = scene.subscriber().await;
    let refused = async |ask: Ask| match scene.world.push.ask_hub(ask).await {
        Err(Error::Hub(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    for topic in [
        "https://tin.example/feeds/quan1.atom/",
        "https://tin.example/feeds/quan1",
        "x",
        "HTTPS://tin.example/feeds/quan1.atom",
    ] {
        let ask = Ask { topic: topic.to_owned(), ..reader.ask("subscribe", "") };
        assert!(matches!(refused(ask).await, Refusal::Parameter("hub.topic", _)), "{topic}");
    }
    for n in 0..5 {
        let mut ask = reader.ask("subscribe", "");
        ask.callback.set_query(Some(&format!("n={n}")));
        scene.ask(ask).await;
    }
    assert!(matches!(
        refused(Ask { callback: "http://127.0.0.1/x".parse().unwrap(), ..reader.ask("subscribe", "") }).await,
        Refusal::Full(_)
    ));
    let mut again = reader.ask("subscribe", "");
    again.callback.set_query(Some("n=3"));
    scene.ask(again).await;
    let closed = Settings { open: false, ..settings().hub };
    scene.world.push.reload(crate::push::Settings { hub: closed, ..settings() }).await.unwrap();
    assert_eq!(refused(reader.ask("subscribe", "")).await, Refusal::Closed);
    scene.world.push.reload(crate::push::Settings { allow_private: false, ..settings() }).await.unwrap();
    for private in
        ["http://127.0.0.1/x", "http://[::1]/", "http://localhost/", "http://10.0.0.1:80/", "http://0x7f.1/"]
    {
        let ask = Ask { callback: private.parse().unwrap(), ..reader.ask("unsubscribe", "") };
        assert!(matches!(refused(ask).await, Refusal::Parameter("hub.callback", _)), "{private}");
    }
}

#[tokio::test]
async fn many_who_wait_at_one_host_leave_room_for_others() {
    let scene = Scene::new().await;
    let mut full = 0;
    for n in 0..150 {
        let ask = Ask {
            mode: Mode::Unsubscribe,
            callback: format!("http://127.0.0.1:9/{n}").parse().unwrap(),
            topic: TOPIC.to_owned(),
            lease: None,
            secret: None,
        };
        match scene.world.push.ask_hub(ask.clone()).await {
            Ok(()) => {}
            Err(Error::Hub(Refusal::Busy)) => full += 1,
            Err(other) => panic!("{other}"),
        }
        if full > 0 {
            let other = Ask { callback: "http://127.0.0.2:9/".parse().unwrap(), ..ask };
            scene.world.push.ask_hub(other).await.unwrap();
            break;
        }
    }
    assert_eq!(full, 1);
}
