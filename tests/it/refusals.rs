//! What cannot be used is refused by name, and nothing is half-made: after every refusal the subscriptions are those
//! that they were.

use std::time::Duration;

use axum::{Router, extract::Query, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::{
    http::Answer,
    shared,
    world::{World, loopback},
};

const TOPIC: &str = "https://tin.example.vn/feeds/quan1.atom";
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];

/// Private addresses in the spellings that a parser may take for something else.
const PRIVATE: [&str; 27] = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0x7f.1/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http:\\\\127.0.0.1/",
    "HtTp:127.0.0.1/",
    "http://0/",
    "http://10.1.2.3:8080/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://LOCALHOST./",
];

/// The subscriptions as the API lists them.
async fn list(world: &World) -> String {
    world.api("GET", "/api/v1/subscriptions", "").await.text()
}

/// What a message shows of a long text.
fn beginning(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The API refuses a subscription and says which member is wrong.
async fn refuses(world: &World, body: &str, field: &str) {
    let before = list(world).await;
    let answer = world.api("POST", "/api/v1/subscriptions", body).await;
    let body = beginning(body);
    let said = answer.text();
    assert_eq!(answer.status, 400, "{body}: {said}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{body}");
    assert_eq!(answer.json()["field"].as_str().unwrap_or_default(), field, "{body}: {said}");
    assert!(answer.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}: {said}");
    assert_eq!(list(world).await, before, "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_with_a_wrong_member_is_not_made() {
    // Nobody is asked for a ping: what is refused is refused for itself.
    let world = World::with(|config| format!("{config}\n[push]\nverify = false\nallow_http = true\n")).await;
    let url = "https://hooks.example/x";
    for (name, wrong) in [
        ("url", vec![json!(""), json!("hooks.example/x"), json!("//hooks.example/x"), json!("https://")]),
        (
            "url",
            vec![json!("ftp://hooks.example/"), json!("javascript:alert(1)"), json!("file:///etc/passwd")],
        ),
        ("url", vec![json!("https://me:secret@hooks.example/"), json!("https://me@hooks.example/")]),
        ("url", vec![json!("http://example.com@127.0.0.1/"), json!("https://:x@hooks.example/")]),
        ("url", vec![json!(format!("https://hooks.example/{}", "x".repeat(20_000)))]),
        ("url", vec![json!(null), json!(5), json!(["https://hooks.example/"]), json!({}), json!(true)]),
        ("filter", vec![json!("colour:red"), json!("titel:nước"), json!("a AND"), json!("(a"), json!("\"a")]),
        ("filter", vec![json!("after:yesterday"), json!(5), json!(["a"]), json!("a ".repeat(10_000))]),
        ("events", vec![json!("article.published"), json!(["article.deleted"]), json!([5]), json!({})]),
        ("secret", vec![json!("short"), json!("whsec_"), json!("whsec_!!!"), json!(5), json!(["whsec_"])]),
        // 201 bytes, as base64.
        ("secret", vec![json!(format!("whsec_{}", "QUFB".repeat(67))), json!("x".repeat(201))]),
        ("signature", vec![json!("v2"), json!(""), json!(1), json!("ed25519")]),
        ("form", vec![json!("slak"), json!(""), json!(5), json!("../forms/slack")]),
        ("start", vec![json!("yesterday"), json!(-1), json!(1.5), json!({}), json!(10_u64.pow(15))]),
        ("colour", vec![json!("red")]),
        ("allow_private", vec![json!(true)]),
        ("configured", vec![json!(true)]),
    ] {
        for value in wrong {
            let mut body = json!({ "url": url });
            body[name] = value;
            refuses(&world, &body.to_string(), name).await;
        }
    }
    for url in PRIVATE {
        refuses(&world, &json!({ "url": url }).to_string(), "url").await;
    }
    for body in
        ["", "{", "[]", "5", "null", "\"https://hooks.example/\"", "{\"url\":\"https://x.example/\\ud800\"}"]
    {
        refuses(&world, body, "").await;
    }
    refuses(&world, "{}", "url").await;
    let before = list(&world).await;
    let large = json!({ "url": url, "filter": "a ".repeat(50_000) }).to_string();
    assert_eq!(world.api("POST", "/api/v1/subscriptions", &large).await.status, 413);
    assert_eq!(list(&world).await, before);
    let whole = json!({ "url": url, "filter": "title:nước", "events": ["article.updated"], "start": "now" });
    let made = world.api("POST", "/api/v1/subscriptions", &whole.to_string()).await;
    assert_eq!(made.status, 201, "what is right is taken: {}", made.text());
}

/// A subscriber that answers the hub's question with `status` and the text.
async fn subscriber(status: u16, says: impl Fn(&str) -> String + Clone + Send + Sync + 'static) -> String {
    let answer = async move |Query(query): Query<Value>| {
        let challenge = query["hub.challenge"].as_str().unwrap_or_default();
        (StatusCode::from_u16(status).unwrap(), says(challenge))
    };
    let listener = loopback().await;
    let address = format!("http://{}/push", listener.local_addr().unwrap());
    TaskTracker::new()
        .spawn(async move { axum::serve(listener, Router::new().route("/push", get(answer))).await });
    address
}

/// Asks the hub; parameters that stand twice count the first time.
async fn ask(world: &World, parameters: &[(&str, &str)]) -> Answer {
    let usual =
        [("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", "https://reader.example/push")];
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    form.extend_pairs(usual.iter().filter(|(name, _)| parameters.iter().all(|(wrong, _)| wrong != name)));
    world.send("POST", "/hub", FORM, form.finish().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_hub_cannot_use_is_refused_by_its_parameter() {
    let world = World::new().await;
    let before = list(&world).await;
    let (long, longer) = ("s".repeat(200), "s".repeat(20_000));
    let far = format!("https://reader.example/{}", "x".repeat(3_000));
    let table: [(&str, &[&str]); 5] = [
        ("hub.mode", &["", "Subscribe", "publish", "denied", "subscribe,unsubscribe"]),
        (
            "hub.topic",
            &[
                "",
                "x",
                "https://tin.example.vn/feeds/other.atom",
                "https://tin.example.vn/feeds/quan1.atom?q=x",
                "https://tin.example.vn/feeds/quan1.atom/",
                "https://other.example/feeds/quan1.atom",
                "/feeds/quan1.atom",
            ],
        ),
        (
            "hub.callback",
            &[
                "",
                "reader.example/push",
                "ftp://reader.example/",
                "javascript:alert(1)",
                "https://me:secret@reader.example/",
                "https://me@reader.example/",
                "https://",
                &far,
            ],
        ),
        ("hub.secret", &[&long, &longer]),
        ("hub.lease_seconds", &["0", "1000000000", "-1", "1.5", "1e3", "ten", "99999999999999999999999"]),
    ];
    for mode in ["subscribe", "unsubscribe"] {
        let private = ("hub.callback", &PRIVATE[..]);
        for (name, wrong) in table.into_iter().chain([private]) {
            for value in wrong {
                let answer = ask(&world, &[(name, *value), ("hub.mode", mode)]).await;
                let (shown, said) = (beginning(value), answer.text());
                assert_eq!(answer.status, 400, "{name}={shown}: {said}");
                assert!(answer.header("content-type").unwrap().starts_with("text/plain"), "{name}={shown}");
                assert!(said.starts_with(&format!("{name}: ")), "{name}={shown}: {said}");
                assert_eq!(list(&world).await, before, "{name}={shown}");
            }
        }
    }
    assert_eq!(ask(&world, &[("hub.secret", &"s".repeat(100_000))]).await.status, 413);
    world.tick(Duration::from_secs(120)).await;
    assert_eq!(list(&world).await, before, "nor has anybody been asked back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_of_a_public_list_of_tricks_change_nothing() {
    let Some(path) = shared::shared("data/security/ssrf.json") else { return };
    let tricks: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let world = World::new().await;
    let before = list(&world).await;
    for case in tricks["cases"].as_array().unwrap().iter().filter(|case| case["must_block"] == true) {
        let answer = ask(&world, &[("hub.callback", case["url"].as_str().unwrap())]).await;
        // Names are looked up when they are asked back. (Behind a backslash begins the path, so these are names, too.)
        let url = url::Url::parse(case["url"].as_str().unwrap());
        let is_name = url.is_ok_and(|url| matches!(url.host(), Some(url::Host::Domain(_))));
        assert!(answer.status == 400 || (is_name && answer.status == 202), "{case}: {}", answer.status);
    }
    for _ in 0..3 {
        world.tick(Duration::from_secs(60)).await;
    }
    assert_eq!(list(&world).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_repeat_the_challenge_does_not_subscribe() {
    let world = World::with(|config| format!("{config}\n[push]\nallow_private = true\n")).await;
    let before = list(&world).await;
    for callback in [
        subscriber(200, |_| "yes".to_owned()).await,
        subscriber(200, |_| String::new()).await,
        subscriber(200, |challenge| format!("{challenge}\n")).await,
        subscriber(200, |challenge| format!("\"{challenge}\"")).await,
        subscriber(200, str::to_uppercase).await,
        subscriber(200, |challenge| challenge.repeat(100_000)).await,
        subscriber(404, str::to_owned).await,
        subscriber(302, str::to_owned).await,
        subscriber(503, str::to_owned).await,
    ] {
        let answer = ask(&world, &[("hub.callback", &callback)]).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        for _ in 0..3 {
            world.tick(Duration::from_secs(60)).await;
        }
        assert_eq!(list(&world).await, before);
    }
    let good = subscriber(200, str::to_owned).await;
    assert_eq!(ask(&world, &[("hub.callback", &good)]).await.status, 202);
    world.settle().await;
    assert!(list(&world).await.contains("\"websub\""), "who repeats it does");
}
