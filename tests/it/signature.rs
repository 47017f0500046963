//! Messages that are signed with ed25519 (`v1a`), as a receiver sees them who has the public key alone.

use std::{sync::Arc, time::Duration};

use loaphuong::{
    clock::Clock,
    demo::receiver::{Answer, Received, Receiver},
    model::Secret,
    push::sign::{self, PublicKey, VerifyError},
};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::world::{World, loopback};

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const KEY: &str = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=";

/// A receiver that confirms everything and has `secret`: tests verify what it got by themselves.
async fn receiver(world: &World, secret: Secret) -> Receiver {
    let (clock, stop) = (Arc::new(world.clock.clone()), CancellationToken::new());
    let (receiver, serving) = Receiver::serve(loopback().await, secret, clock, None, stop).unwrap();
    TaskTracker::new().spawn(serving);
    receiver.always(Some(Answer::Status(204)));
    receiver
}

async fn world() -> World {
    World::with(|config| format!("{config}\n[push]\nallow_http = true\nallow_private = true\n")).await
}

fn key(answer: &Value) -> PublicKey {
    answer["public_key"].as_str().unwrap().parse().unwrap()
}

fn fits(world: &World, key: &PublicKey, got: &Received) -> Result<(), VerifyError> {
    sign::verify_public(key, (&got.id, got.timestamp, &got.signatures), &got.bytes, world.clock.now())
}

fn schemes(got: &Received) -> Vec<&str> {
    got.signatures.split(' ').map(|one| one.split_once(',').unwrap().0).collect()
}

/// Publishes an article, and what the receiver hears of it.
async fn told(world: &World, receiver: &Receiver, n: u32) -> Received {
    let title = format!("Tin {n}");
    world.portal.publish(world.story(n, &title));
    world.tick(FIVE_MINUTES).await;
    let got = receiver.received().pop().unwrap();
    assert_eq!(got.body["data"]["title"], title.as_str());
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_with_a_public_key_verifies_what_it_cannot_sign() {
    let world = world().await;
    let receiver = receiver(&world, sign::generate_secret().unwrap()).await;
    let body = format!(r#"{{"url":"{}","signature":"v1a"}}"#, receiver.url());
    let made = world.api("POST", "/api/v1/subscriptions", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.json().get("secret").is_none() && !made.text().contains("whsk_"), "{}", made.text());
    let first = key(&made.json());
    let ping = receiver.pings().pop().unwrap();
    assert_eq!((&ping.body["type"], fits(&world, &first, &ping)), (&"ping".into(), Ok(())));
    let path = format!("/api/v1/subscriptions/{}", made.json()["id"].as_str().unwrap());
    let shown = world.api("GET", &path, "").await.json();
    assert_eq!((&shown["signature"], key(&shown)), (&"v1a".into(), first));

    let got = told(&world, &receiver, 893).await;
    assert_eq!((schemes(&got), fits(&world, &first, &got)), (vec!["v1a"], Ok(())));
    let mut bytes = got.bytes.to_vec();
    bytes[20] ^= 1;
    let other = Received { bytes: bytes.into(), ..got };
    assert_eq!(fits(&world, &first, &other), Err(VerifyError::Signature));

    let rotated = world.api("POST", &format!("{path}/rotate"), "").await;
    assert!(
        rotated.json().get("secret").is_none() && !rotated.text().contains("whsk_"),
        "{}",
        rotated.text()
    );
    let second = key(&rotated.json());
    assert_ne!(first, second);
    let got = told(&world, &receiver, 894).await;
    assert_eq!(schemes(&got), ["v1a", "v1a"]);
    assert_eq!((fits(&world, &first, &got), fits(&world, &second, &got)), (Ok(()), Ok(())));
    world.tick(Duration::from_secs(25 * 3600)).await;
    let got = told(&world, &receiver, 895).await;
    assert_eq!(fits(&world, &first, &got), Err(VerifyError::Signature), "the overlap is over");
    assert_eq!((schemes(&got), fits(&world, &second, &got)), (vec!["v1a"], Ok(())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_goes_from_a_secret_to_a_public_key_without_a_pause() {
    let mut world = world().await;
    let secret = sign::generate_secret().unwrap();
    let receiver = receiver(&world, secret.clone()).await;
    let body = format!(r#"{{"url":"{}","secret":"{}"}}"#, receiver.url(), sign::print_secret(&secret));
    let made = world.api("POST", "/api/v1/subscriptions", &body).await.json();
    let path = format!("/api/v1/subscriptions/{}", made["id"].as_str().unwrap());
    let rotate = format!("{path}/rotate");
    let rotated = world.api("POST", &rotate, r#"{"signature":"v1a"}"#).await.json();
    assert_eq!((&rotated["signature"], rotated.get("secret")), (&"v1a".into(), None));
    world.stop().await;
    world.start().await;
    let got = told(&world, &receiver, 896).await;
    assert_eq!((schemes(&got), got.verified), (vec!["v1a", "v1"], true), "both sign, also after a restart");
    assert_eq!(fits(&world, &key(&rotated), &got), Ok(()));

    let link = world.api("POST", &format!("{path}/page"), "").await.json();
    let page = link["page"].as_str().unwrap().strip_prefix("https://tin.example.vn").unwrap().to_owned();
    let english = [("Accept-Language", "en")];
    let text = async |method: &str, path: &str| {
        world.send(method, path, &english, b"").await.text().replace("&#x2f;", "/")
    };
    let seen = text("GET", &page).await;
    assert!(seen.contains("New key pair") && seen.contains(&key(&rotated).to_string()), "{seen}");
    let renewed = text("POST", &format!("{page}/rotate")).await;
    let newest = key(&world.api("GET", &path, "").await.json());
    assert_ne!(newest, key(&rotated));
    assert!(renewed.contains("The new public key.") && renewed.contains(&newest.to_string()), "{renewed}");
    assert!(!renewed.contains("whsk_") && !renewed.contains("shown this once"), "{renewed}");
    let back = world.api("POST", &rotate, r#"{"signature":"v1"}"#).await.json();
    assert!(back["secret"].as_str().unwrap().starts_with("whsec_") && back["public_key"].is_null(), "{back}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_ones_own_signs_and_only_its_public_half_is_shown() {
    let mut world = World::new().await;
    let secret = sign::parse_secret(KEY).unwrap();
    let receiver = receiver(&world, secret.clone()).await;
    let (hook, theirs) = (receiver.url(), world.receiver.url());
    world
        .reload(|config| {
            let moved = config.replace(&theirs, &hook);
            let ours = moved.lines().map(|line| if line.starts_with("secret = ") { "" } else { line });
            format!("{}\nsecret = \"{KEY}\"\n", ours.collect::<Vec<_>>().join("\n"))
        })
        .await;
    let got = told(&world, &receiver, 897).await;
    assert!(got.verified, "the receiver of the demo verifies these, too");
    let shown = world.api("GET", "/api/v1/subscriptions/newsroom", "").await;
    assert!(!shown.text().contains("whsk_"));
    assert_eq!(Some(key(&shown.json())), sign::public_key(&secret));
    assert_eq!(fits(&world, &key(&shown.json()), &got), Ok(()));

    let both = format!(r#"{{"url":"https://x.example/","secret":"{KEY}","signature":"v1"}}"#);
    for (body, field) in [
        (r#"{"url":"https://x.example/","signature":"v1b"}"#, "signature"),
        (r#"{"url":"https://x.example/","secret":"whsk_c2hvcnQ="}"#, "secret"),
        (&both, "secret"),
    ] {
        let answer = world.api("POST", "/api/v1/subscriptions", body).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some(field)), "{}", answer.text());
        assert!(!answer.text().contains("VEVTVF") && answer.json()["hint"].is_string(), "{}", answer.text());
    }
}
