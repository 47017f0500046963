//! Who may do what with the API.

use serde_json::{Value, json};

use crate::{http::Answer, world::World};

const OPEN: &str = "\n[push]\nallow_http = true\nallow_private = true\nverify = false\n";

async fn ask(world: &World, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    world.send(method, &format!("/api/v1{path}"), &headers, body.as_bytes()).await
}

async fn token(world: &World, name: &str, scopes: &[&str]) -> String {
    let body = json!({ "name": name, "scopes": scopes }).to_string();
    let made = world.api("POST", "/api/v1/tokens", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["token"].as_str().unwrap().to_owned()
}

async fn subscribed(world: &World, token: &str, path: &str) -> String {
    let body = json!({ "url": format!("http://127.0.0.1:9{path}") }).to_string();
    let made = ask(world, token, "POST", "/subscriptions", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    let all = answer.json();
    let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<_> = all["subscriptions"].as_array().unwrap().iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_guarded_address_permits_what_the_scopes_say_and_nothing_else() {
    let world = World::with(|config| format!("{config}{OPEN}")).await;
    let mine = token(&world, "mine", &["subscribe"]).await;
    let other = token(&world, "other", &["subscribe"]).await;
    let reader = token(&world, "reader", &["read"]).await;
    let admin = token(&world, "admin", &["admin"]).await;
    let one = subscribed(&world, &mine, "/secret").await;
    let of = |what: &str| format!("/subscriptions/{one}{what}");
    let parked = r#"{"parked": true}"#;
    // Of one's own, of another's, with `read`, with `admin`.
    let table = [
        ("GET", of(""), "", [200, 404, 200, 200]),
        ("GET", of("/attempts"), "", [200, 404, 200, 200]),
        ("POST", of("/pause"), "", [200, 404, 403, 200]),
        ("POST", of("/resume"), "", [200, 404, 403, 200]),
        ("POST", of("/test"), "", [200, 404, 403, 200]),
        ("POST", of("/replay"), parked, [202, 404, 403, 202]),
        ("POST", of("/rotate"), "", [200, 404, 403, 200]),
        ("POST", of("/page"), "", [200, 404, 403, 200]),
        ("GET", "/subscriptions".to_owned(), "", [200, 200, 200, 200]),
        ("POST", "/subscriptions".to_owned(), "{}", [400, 400, 403, 400]),
        ("GET", "/tokens".to_owned(), "", [403, 403, 403, 200]),
        ("POST", "/tokens".to_owned(), "{}", [403, 403, 403, 400]),
        ("DELETE", "/tokens/nobody".to_owned(), "", [403, 403, 403, 404]),
        ("POST", "/sources/nobody/run".to_owned(), "", [403, 403, 403, 404]),
        ("GET", "/export".to_owned(), "", [403, 403, 403, 200]),
    ];
    for (method, path, body, expected) in &table {
        for (holder, status) in [&mine, &other, &reader, &admin].into_iter().zip(expected) {
            let answer = ask(&world, holder, method, path, body).await;
            assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text());
            if *status == 403 {
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", scope="), "{challenge}");
            }
        }
        let nobody = world.send(method, &format!("/api/v1{path}"), &[], body.as_bytes()).await;
        assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")), "{path}");
        let wrong = ask(&world, "loa_0123456789abcdef", method, path, body).await;
        assert_eq!(wrong.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{path}");
    }
    assert_eq!(ask(&world, &other, "DELETE", &of(""), "").await.status, 404);
    assert_eq!(ask(&world, &reader, "DELETE", &of(""), "").await.status, 403);
    assert_eq!(ask(&world, &mine, "DELETE", &of(""), "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_newsrooms_do_not_see_one_another_and_a_token_that_is_taken_back_opens_nothing() {
    let mut world = World::with(|config| format!("{config}{OPEN}")).await;
    let first = token(&world, "first", &["subscribe"]).await;
    let second = token(&world, "second", &["subscribe"]).await;
    let reader = token(&world, "reader", &["read"]).await;
    let (one, two) = (subscribed(&world, &first, "/s3cret").await, subscribed(&world, &second, "/").await);
    let list = async |token: &str| ask(&world, token, "GET", "/subscriptions", "").await;
    assert_eq!(ids(&list(&first).await), [one.as_str()]);
    assert_eq!(ids(&list(&second).await), [two.as_str()]);
    let seen = list(&reader).await;
    assert_eq!(ids(&seen).len(), 3, "and the one of the file");
    assert!(
        !seen.text().contains("s3cret") && seen.text().contains("http://127.0.0.1:9/…"),
        "{}",
        seen.text()
    );
    assert!(list(&first).await.text().contains("s3cret"), "one's own address is no secret");
    let again = r#"{"name": "first", "scopes": ["read"]}"#;
    let again = world.api("POST", "/api/v1/tokens", again).await;
    assert_eq!((again.status, again.json()["field"].as_str()), (409, Some("name")));

    world.stop().await;
    world.start().await;
    let list = async |token: &str| ask(&world, token, "GET", "/subscriptions", "").await;
    assert_eq!(ids(&list(&first).await), [one.as_str()], "a restart changes nothing");
    assert_eq!(world.api("DELETE", "/api/v1/tokens/first", "").await.status, 204);
    assert_eq!(list(&first).await.status, 401);
    let left = world.api("GET", &format!("/api/v1/subscriptions/{one}"), "").await.json();
    assert_eq!(
        (&left["state"], &left["made_by"]),
        (&"active".into(), &"first".into()),
        "what it made goes on"
    );
    let export = world.api("GET", "/api/v1/export", "").await.text();
    assert!(export.contains("\"kind\":\"token\"") && !export.contains(second.trim_start_matches("loa_")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_private_feeds_show_is_told_to_nobody_who_came_with_a_token() {
    let private = "sources = [\"quan1\"]\nprivate = true\ntokens = [\"5f3c8a1b9d7e4f60a2c1\"]";
    let world =
        World::with(|config| format!("{}{OPEN}", config.replacen("sources = [\"quan1\"]", private, 1))).await;
    let holder = token(&world, "outside", &["subscribe"]).await;
    let body = json!({ "url": world.receiver.url() }).to_string();
    let made = ask(&world, &holder, "POST", "/subscriptions", &body).await.json();
    let id = made["id"].as_str().unwrap();
    world.portal.publish(world.story(901, "Tin mật"));
    world.tick(std::time::Duration::from_secs(300)).await;
    assert_eq!(world.receiver.received().len(), 1, "the operator's own hears of it, and nobody else");
    let replay =
        ask(&world, &holder, "POST", &format!("/subscriptions/{id}/replay"), r#"{"after": 0}"#).await;
    assert_eq!(replay.json()["replayed"], 0, "{}", replay.text());
}
