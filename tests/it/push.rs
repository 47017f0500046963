//! Webhooks as a newsroom gets them.

use std::time::Duration;

use loaphuong::demo::receiver::Answer;

use crate::world::World;

const FIVE_MINUTES: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_delivery_is_tried_again_under_the_same_id() {
    let world = World::new().await;
    world.receiver.script([Answer::Status(500), Answer::Status(302)]);
    world.portal.publish(world.story(850, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1);
    world.tick(Duration::from_secs(7)).await;
    assert_eq!(world.receiver.received().len(), 2, "after 5 s, and a redirect is no success");
    world.tick(Duration::from_secs(370)).await;
    let received = world.receiver.received();
    assert_eq!(received.len(), 3, "after 5 min");
    assert_eq!(received[2].status, 204);
    assert!(
        received.iter().all(|delivery| delivery.id == received[0].id && delivery.body == received[0].body)
    );
    world.tick(Duration::from_secs(24 * 3600)).await;
    assert_eq!(world.receiver.received().len(), 3, "it was confirmed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_holds_the_endpoint() {
    let world = World::new().await;
    world.receiver.script([Answer::Later(429, 1800)]);
    world.portal.publish(world.story(851, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    world.portal.publish(world.story(852, "Tin hai"));
    world.tick(Duration::from_secs(1500)).await;
    assert_eq!(world.receiver.received().len(), 1, "it asked for half an hour");
    world.tick(Duration::from_secs(600)).await;
    let mut titles: Vec<_> =
        world.receiver.received().iter().map(|r| r.body["data"]["title"].to_string()).collect();
    titles.sort();
    assert_eq!(titles, ["\"Tin hai\"", "\"Tin một\"", "\"Tin một\""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_disables_the_endpoint_and_keeps_what_it_missed() {
    let mut world = World::new().await;
    world.receiver.script([Answer::Status(410)]);
    world.portal.publish(world.story(853, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    world.portal.publish(world.story(854, "Tin hai"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1, "nobody is told after 410");
    world.stop().await;
    world.start().await;
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 1, "nor after a restart");
    let resumed = world.api("POST", "/api/v1/subscriptions/newsroom/resume", "").await;
    assert_eq!(resumed.status, 200, "{}", resumed.text());
    world.tick(Duration::from_secs(24 * 3600)).await;
    let mut titles: Vec<_> =
        world.receiver.received()[1..].iter().map(|r| r.body["data"]["title"].to_string()).collect();
    titles.sort();
    assert_eq!(titles, ["\"Tin hai\"", "\"Tin một\""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_silent_endpoint_blocks_nobody() {
    let world = World::new().await;
    let secret = format!("whsec_{}", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0");
    // A port that takes connections and never answers.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    world.receiver.always(None);
    let refused = world
        .api("POST", "/api/v1/subscriptions", &format!(r#"{{"url":"{url}","secret":"{secret}"}}"#))
        .await;
    assert_eq!(refused.status, 400, "private addresses need the operator's word: {}", refused.text());

    let mut world = world;
    let hook = format!(
        "[[webhook]]\nid = \"silent\"\nurl = \"{url}\"\nsecret = \"{secret}\"\nallow_private = true\n\n[[webhook]]"
    );
    world
        .reload(|config| format!("[push]\ntimeout = \"1s\"\n{}", config.replacen("[[webhook]]", &hook, 1)))
        .await;
    for n in 0..3 {
        world.portal.publish(world.story(860 + n, &format!("Tin {n}")));
    }
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 3);
    let list = world.api("GET", "/api/v1/subscriptions", "").await.json();
    let silent =
        list["subscriptions"].as_array().unwrap().iter().find(|s| s["id"] == "silent").unwrap().clone();
    assert!(silent["last_error"].as_str().is_some_and(|error| !error.is_empty()), "{silent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_decide_who_is_told() {
    let mut world = World::new().await;
    let filter = "filter = 'title:\"thông báo\" AND NOT title:nước'\nallow_private";
    world
        .reload(|config| {
            let (head, webhook) = config.split_once("[[webhook]]").unwrap();
            format!("{head}[[webhook]]{}", webhook.replacen("allow_private", filter, 1))
        })
        .await;
    for (n, title) in
        ["THÔNG BÁO lịch cúp điện", "Thông báo tạm ngưng cấp nước", "Khai mạc hội sách"].iter().enumerate()
    {
        world.portal.publish(world.story(870 + u32::try_from(n).unwrap(), title));
    }
    world.tick(FIVE_MINUTES).await;
    let titles: Vec<_> = world.receiver.received().iter().map(|r| r.body["data"]["title"].clone()).collect();
    assert_eq!(titles, ["THÔNG BÁO lịch cúp điện"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_subscriptions_are_refused_by_name() {
    // The one that is accepted stands where nobody answers a ping.
    let world = World::with(|config| format!("{config}\n[push]\nverify = false\n")).await;
    for (body, field) in [
        ("{", None),
        ("[]", None),
        ("{}", Some("url")),
        (r#"{"url":5}"#, Some("url")),
        (r#"{"url":"ftp://x.example/"}"#, Some("url")),
        (r#"{"url":"https://x.example/","filter":"a AND ("}"#, Some("filter")),
        (r#"{"url":"https://x.example/","events":["article.deleted"]}"#, Some("events")),
        (r#"{"url":"https://x.example/","secret":"short"}"#, Some("secret")),
        (r#"{"url":"https://x.example/","form":"slak"}"#, Some("form")),
        (r#"{"url":"https://api.telegram.example/bot1/sendMessage","form":"telegram"}"#, Some("form")),
        (r#"{"url":"https://x.example/","colour":"red"}"#, Some("colour")),
        (r#"{"url":"https://x.example/\ud800"}"#, None),
    ] {
        let answer = world.api("POST", "/api/v1/subscriptions", body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{body}");
        assert_eq!(answer.json()["field"].as_str(), field, "{body}: {}", answer.text());
    }
    assert_eq!(world.send("POST", "/api/v1/subscriptions", &[], b"{}").await.status, 401);
    let made = world
        .api("POST", "/api/v1/subscriptions", r#"{"url":"https://hooks.example.org/x","filter":"quan 1"}"#)
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.json()["secret"].as_str().unwrap().starts_with("whsec_"));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let shown = world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await;
    assert_eq!(shown.status, 200);
    assert!(!shown.text().contains("whsec_"), "a secret is shown once");
    assert_eq!(world.api("DELETE", &format!("/api/v1/subscriptions/{id}"), "").await.status, 204);
    assert_eq!(world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_api_pages_through_the_same_payloads() {
    let world = World::new().await;
    for n in 0..5 {
        world.portal.publish(world.story(880 + n, &format!("Tin {n}")));
    }
    world.tick(FIVE_MINUTES).await;
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = world.get(&format!("/api/v1/events?after={after}&limit=4")).await.json();
        seen.extend(page["events"].as_array().unwrap().clone());
        let next = page["next"].as_u64().unwrap();
        if next == after {
            break;
        }
        after = next;
    }
    let pushed: Vec<_> = world.receiver.received().into_iter().map(|received| received.body).collect();
    assert_eq!(seen, pushed);
    for bad in ["after=x", "after=-1", "limit=0", "limit=zehn"] {
        let answer = world.get(&format!("/api/v1/events?{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert_eq!(answer.json()["field"].as_str(), bad.split('=').next(), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_sees_every_attempt_and_has_it_told_again() {
    let mut world = World::new().await;
    world.receiver.script([Answer::Status(500)]);
    world.portal.publish(world.story(890, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    world.tick(Duration::from_secs(10)).await;
    let log = world.api("GET", "/api/v1/subscriptions/newsroom/attempts?limit=1", "").await.json();
    assert_eq!((&log["attempts"][0]["status"], &log["attempts"][0]["attempt"]), (&204.into(), &2.into()));
    let next = log["next"].as_str().unwrap();
    let path = format!("/api/v1/subscriptions/newsroom/attempts?before={next}");
    world.stop().await;
    world.start().await;
    let log = world.api("GET", &path, "").await.json();
    let first = &log["attempts"][0];
    assert_eq!((&first["status"], &first["outcome"]), (&500.into(), &"retry".into()), "after a restart, too");
    assert_eq!((&first["error"], &log["next"]), (&"it answered 500".into(), &serde_json::Value::Null));
    assert_eq!(world.get(&path).await.status, 401);

    let replay = async |body: &str| world.api("POST", "/api/v1/subscriptions/newsroom/replay", body).await;
    let again = replay(r#"{"after": 0}"#).await;
    assert_eq!((again.status, again.json()["replayed"].as_u64()), (202, Some(1)));
    world.settle().await;
    let received = world.receiver.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.id == received[0].id), "one id for one event");
    assert_eq!(replay(r#"{"all": 1}"#).await.json()["field"], "all");
    assert_eq!(replay("[").await.status, 400);

    let ping = world.api("POST", "/api/v1/subscriptions/newsroom/test", "").await.json();
    assert_eq!((&ping["type"], &ping["status"]), (&"ping".into(), &204.into()));
    assert_eq!(world.receiver.pings().last().unwrap().body["type"], "ping");
    let shown = world.api("GET", "/api/v1/subscriptions/newsroom", "").await.json();
    assert_eq!((&shown["waiting"], &shown["behind"]), (&0.into(), &0.into()));
    assert!(shown["verified"].is_string());
    let rotate = world.api("POST", "/api/v1/subscriptions/newsroom/rotate", "").await;
    assert_eq!(rotate.status, 409, "its secret stands in the file: {}", rotate.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_is_made_where_a_ping_is_confirmed_and_nowhere_else() {
    let world =
        World::with(|config| format!("{config}\n[push]\nallow_http = true\nallow_private = true\n")).await;
    world.portal.publish(world.story(891, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    // The daemon itself takes no webhooks.
    let add = async |start: &str| {
        let body = format!(r#"{{"url":"http://{}/","start":{start}}}"#, world.address);
        world.api("POST", "/api/v1/subscriptions", &body).await
    };
    let refused = add("0").await;
    assert_eq!((refused.status, refused.json()["field"].as_str()), (400, Some("url")));
    assert!(refused.json()["detail"].as_str().unwrap().contains("405"), "{}", refused.text());
    let all = world.api("GET", "/api/v1/subscriptions", "").await.json();
    assert_eq!(all["subscriptions"].as_array().unwrap().len(), 1, "nothing half-made");
    let wrong = add("\"soon\"").await;
    assert_eq!((wrong.status, wrong.json()["field"].as_str()), (400, Some("start")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_the_page_of_one_subscription_and_what_its_owner_may_do() {
    let world = World::new().await;
    world.portal.publish(world.story(892, "Tin <một>"));
    world.tick(FIVE_MINUTES).await;
    let link = async || {
        let made = world.api("POST", "/api/v1/subscriptions/newsroom/page", "").await.json();
        made["page"].as_str().unwrap().strip_prefix("https://tin.example.vn").unwrap().to_owned()
    };
    let first = link().await;
    let page = world.send("GET", &first, &[("Accept-Language", "en")], b"").await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")), "{}", page.text());
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"));
    for part in ["newsroom", "active", "204", "New secret", "Send a test"] {
        assert_eq!(page.text().contains(part), part != "New secret", "{part}: {}", page.text());
    }
    let act = async |what: &str, body: &str| {
        let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept-Language", "en")];
        world.send("POST", &format!("{first}/{what}"), &form, body.as_bytes()).await
    };
    assert!(act("test", "").await.text().contains("ping: 204"));
    assert!(act("pause", "").await.text().contains("paused"));
    assert!(act("resume", "").await.text().contains("active"));
    assert!(act("replay", "since=2026-11-01").await.text().contains("↻ 1"));
    assert!(act("rotate", "").await.text().contains("stands in the configuration file"));
    assert_eq!(act("remove", "").await.status, 404);
    world.settle().await;

    let second = link().await;
    assert_eq!(world.get(&first).await.status, 404, "a new link ends the one before");
    assert_eq!(world.get(&second).await.status, 200);
    assert_eq!(world.get("/s/").await.status, 404);
    assert_eq!(world.send("POST", "/api/v1/subscriptions/newsroom/page", &[], b"").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_is_told_in_its_own_form_and_signed_all_the_same() {
    let mut world = World::new().await;
    world
        .reload(|config| {
            let form = "form = \"slack\"\nfilter = 'thong bao'\nallow_private";
            let (head, webhook) = config.split_once("[[webhook]]").unwrap();
            format!("{head}[[webhook]]{}", webhook.replacen("allow_private", form, 1))
        })
        .await;
    world.portal.publish(world.story(880, "Thông báo <!channel> & \"lịch\""));
    world.tick(FIVE_MINUTES).await;
    let received = world.receiver.received();
    assert_eq!(received.len(), 1);
    let body = &received[0].body;
    assert_eq!(body["text"], "Mới: Thông báo &lt;!channel&gt; &amp; \"lịch\"");
    assert_eq!(body["blocks"][0]["type"], "section");
    let link = body["blocks"][0]["text"]["text"].as_str().unwrap();
    assert!(
        link.starts_with("*Mới* <http://") && link.ends_with("|Thông báo &lt;!channel&gt; &amp; \"lịch\">"),
        "{link}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_filter_hears_what_it_found() {
    let mut world = World::new().await;
    world
        .reload(|config| {
            let (head, webhook) = config.split_once("[[webhook]]").unwrap();
            let filter = "filter = 'title:\"thong bao\" OR number:1'\nallow_private";
            format!("{head}[[webhook]]{}", webhook.replacen("allow_private", filter, 1))
        })
        .await;
    world.portal.publish(world.story(881, "THÔNG BÁO cúp điện"));
    world.tick(FIVE_MINUTES).await;
    let received = world.receiver.received();
    let found = &received[0].body["data"]["matched"][0];
    assert_eq!((&found["field"], &found["term"]), (&"title".into(), &"thong bao".into()));
    assert_eq!(found["snippet"], "THÔNG BÁO cúp điện");
}
