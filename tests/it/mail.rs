//! Mails as subscribers get them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    http::Answer,
    smtp::{Smtp, Step},
    world::World,
};

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
const BASE: &str = "https://tin.example.vn";

async fn world(smtp: &Smtp, more: &str) -> World {
    let server = smtp.address;
    World::with(|config| {
        format!(
            "{config}\n[mail]\nserver = \"smtp://loa@{server}\"\npassword = \"secret\"\nsecurity = \"none\"\n\
             from = \"Loa phường <loa@tin.example.vn>\"\n{more}\n"
        )
    })
    .await
}

async fn add(world: &World, body: Value) -> Answer {
    world.api("POST", "/api/v1/subscriptions", &body.to_string()).await
}

/// A subscription that is confirmed, by its name.
async fn subscriber(world: &World, smtp: &Smtp, body: Value) -> String {
    let made = add(world, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let link = smtp.received().last().unwrap().link(&format!("{BASE}/m/"));
    assert_eq!(post(world, &link).await.status, 200);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn path(link: &str) -> &str {
    link.strip_prefix(BASE).expect("links lead to us")
}

async fn open(world: &World, link: &str) -> Answer {
    world.send("GET", path(link), &[("Accept-Language", "en")], b"").await
}

async fn post(world: &World, link: &str) -> Answer {
    world.send("POST", path(link), &[("Accept-Language", "en")], b"").await
}

async fn show(world: &World, id: &str) -> Value {
    world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_wish_for_mails_to_the_wish_for_none() {
    let smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let made = add(&world, json!({ "url": "mailto:An@Example.vn", "language": "en", "filter": "tin" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let (id, shown) = (made.json()["id"].as_str().unwrap().to_owned(), made.json());
    assert_eq!((&shown["channel"], &shown["state"]), (&"mail".into(), &"unconfirmed".into()));
    assert_eq!((&shown["url"], &shown["secret"]), (&"mailto:An@example.vn".into(), &Value::Null));

    // It is asked, in both languages, and told nothing.
    let asked = smtp.received();
    assert_eq!(
        (asked.len(), asked[0].to.as_str(), asked[0].from.as_str()),
        (1, "An@example.vn", "loa@tin.example.vn")
    );
    let text = asked[0].part("text/plain");
    assert!(text.contains("If that was you") && text.contains("Nếu đó là bạn"), "{text}");
    world.portal.publish(world.story(900, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(smtp.received().len(), 1, "nobody there has said yet that mails are wanted");
    for what in ["test", "replay"] {
        let refused =
            world.api("POST", &format!("/api/v1/subscriptions/{id}/{what}"), r#"{"after": 0}"#).await;
        assert_eq!(refused.status, 409, "{what}: {}", refused.text());
    }

    // Programs open links: that changes nothing. The button does.
    let confirm = asked[0].link(&format!("{BASE}/m/"));
    let page = open(&world, &confirm).await;
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
    assert!(page.text().contains("<button>Confirm</button>"), "{}", page.text());
    assert_eq!(show(&world, &id).await["state"], "unconfirmed");
    let done = post(&world, &confirm).await;
    assert!(done.status == 200 && done.text().contains("is confirmed"), "{}", done.text());
    assert!(open(&world, &confirm).await.text().contains("is confirmed"), "the link goes on to say so");
    assert_eq!(show(&world, &id).await["state"], "active");
    world.settle().await;
    assert_eq!(smtp.received().len(), 1, "what was before is not told");

    world.portal.publish(world.story(901, "Tin hai"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(smtp.received().len(), 2);
    let end = smtp.received()[1].link(&format!("{BASE}/u/"));

    // A mail program's own button (RFC 8058).
    assert_eq!(open(&world, &end).await.status, 200);
    assert_eq!(show(&world, &id).await["state"], "active", "to open a link ends nothing");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    for _ in 0..2 {
        let ended = world.send("POST", path(&end), &form, b"List-Unsubscribe=One-Click").await;
        assert_eq!(ended.status, 200, "also when it is pressed twice");
    }
    assert_eq!(world.api("GET", &format!("/api/v1/subscriptions/{id}"), "").await.status, 404);
    world.portal.publish(world.story(902, "Tin ba"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(smtp.received().len(), 2, "no more mail");
    for forged in ["/u/newsroom.00112233445566778899aabbccddeeff", "/m/x", "/u/sub_1"] {
        assert_eq!(world.send("POST", forged, &[], b"").await.status, 404, "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_says_what_it_is_and_how_it_is_ended() {
    let smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let id = subscriber(&world, &smtp, json!({ "url": "mailto:an@example.vn" })).await;
    world.portal.publish(world.story(906, "Tin hai"));
    world.tick(FIVE_MINUTES).await;
    let mails = smtp.received();
    let mail = mails.last().unwrap();
    let header = |name: &str| mail.header(name).unwrap_or_else(|| panic!("no {name}: {}", mail.text));
    assert_eq!(header("subject"), "Tin hai");
    assert_eq!(header("list-id"), "<news.tin.example.vn>");
    assert_eq!(header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    assert_eq!(header("auto-submitted"), "auto-generated");
    assert_eq!(header("from"), "Loa phường <loa@tin.example.vn>");
    let end = header("list-unsubscribe").trim_matches(['<', '>']).to_owned();
    assert_eq!(mail.link(&format!("{BASE}/u/")), end);
    let log = world.api("GET", &format!("/api/v1/subscriptions/{id}/attempts"), "").await.json();
    let line = &log["attempts"][0];
    assert_eq!((&line["status"], &line["outcome"]), (&250.into(), &"delivered".into()));
    assert_eq!(line["answer"], "2.0.0 taken as 4711");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_bombed_and_what_is_not_confirmed_lapses() {
    let mut smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let wish = || json!({ "url": "mailto:an@example.vn" });
    let made = add(&world, wish()).await.json();
    let again = add(&world, wish()).await;
    assert_eq!(again.status, 429, "{}", again.text());
    let id = made["id"].as_str().unwrap();
    assert_eq!(world.api("DELETE", &format!("/api/v1/subscriptions/{id}"), "").await.status, 204);
    assert_eq!(add(&world, wish()).await.status, 429, "to take it away does not make it forgotten");
    world.tick(HOUR).await;
    assert_eq!(add(&world, wish()).await.status, 201);
    assert_eq!(smtp.received().len(), 2);
    let link = smtp.received()[1].link(&format!("{BASE}/m/"));
    world.tick(3 * 24 * HOUR).await;
    assert_eq!(post(&world, &link).await.status, 404, "it has lapsed");
    let all = world.api("GET", "/api/v1/subscriptions", "").await.json();
    assert_eq!(all["subscriptions"].as_array().unwrap().len(), 1, "the webhook is left: {all}");

    // Where the mail cannot be sent, nothing is half made.
    smtp.script([(Step::Rcpt, "550 5.1.1 no such user")]);
    let refused = add(&world, wish()).await;
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(refused.json()["detail"].as_str().unwrap().contains("550"), "{}", refused.text());
    smtp.down().await;
    let refused = add(&world, wish()).await;
    assert_eq!(refused.status, 502, "nobody was asked, so it may be tried again: {}", refused.text());
    let all = world.api("GET", "/api/v1/subscriptions", "").await.json();
    assert_eq!(all["subscriptions"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_that_cannot_be_met_is_refused_by_name() {
    let smtp = Smtp::start().await;
    let with_mail = world(&smtp, "").await;
    let without = World::new().await;
    let none = add(&without, json!({ "url": "mailto:an@example.vn" })).await;
    assert_eq!((none.status, &none.json()["field"]), (400, &"url".into()));
    assert!(none.json()["hint"].as_str().unwrap().contains("mail.server"), "{}", none.text());
    for (member, value) in [
        ("url", "mailto:an"),
        ("url", "mailto:an@example.vn,binh@example.vn"),
        ("digest", "25:00"),
        ("language", "fr"),
        ("form", "slack"),
        ("signature", "v1"),
        ("start", "2026-01-01"),
        ("timezone", "Asia/Ho_Chi_Minh"),
    ] {
        let mut body = json!({ "url": "mailto:an@example.vn" });
        body[member] = value.into();
        let refused = add(&with_mail, body).await;
        assert_eq!((refused.status, &refused.json()["field"]), (400, &member.into()), "{}", refused.text());
    }
    let hook = json!({ "url": "https://hooks.example.org/x", "digest": "18:00" });
    assert_eq!(add(&with_mail, hook).await.json()["field"], "digest");
    assert_eq!(smtp.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_with_the_server_is_nobodys_fault_and_all_wait() {
    let mut smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let id = subscriber(&world, &smtp, json!({ "url": "mailto:an@example.vn" })).await;
    smtp.down().await;
    world.portal.publish(world.story(903, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    for _ in 0..40 {
        world.tick(6 * HOUR).await;
    }
    let shown = show(&world, &id).await;
    assert_eq!(
        (&shown["state"], &shown["waiting"], &shown["failing_since"]),
        (&"active".into(), &1.into(), &Value::Null)
    );
    let metrics = world.get("/metrics").await.text();
    assert!(metrics.contains("loa_mail_server_up 0"), "{metrics}");
    smtp.resume().await;
    smtp.script([(Step::Greeting, "421 4.3.2 too busy"), (Step::Mail, "451 4.3.0 later")]);
    for _ in 0..4 {
        world.tick(HOUR).await;
    }
    let mails = smtp.received();
    assert_eq!(mails.last().unwrap().header("subject").unwrap(), "Tin một", "it comes later");
    assert_eq!(mails.len(), 2, "once");
    let log = world.api("GET", &format!("/api/v1/subscriptions/{id}/attempts"), "").await.json();
    assert_eq!(log["attempts"].as_array().unwrap().len(), 1, "nobody's attempts were counted: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_tried_again_and_a_mailbox_that_is_not_there_is_left_alone() {
    let smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let id = subscriber(&world, &smtp, json!({ "url": "mailto:an@example.vn" })).await;
    smtp.script([(Step::Rcpt, "450 4.7.1 greylisted"), (Step::Message, "451 4.3.0 disk full")]);
    world.portal.publish(world.story(904, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(smtp.received().len(), 1);
    let shown = show(&world, &id).await;
    assert_eq!(shown["last_error"], "the mail server answered 450: 4.7.1 greylisted");
    for _ in 0..3 {
        world.tick(10 * 60 * Duration::from_secs(1)).await;
    }
    let mails = smtp.received();
    assert_eq!((mails.len(), mails[1].header("subject").unwrap().as_str()), (2, "Tin một"));
    assert_eq!(show(&world, &id).await["last_error"], Value::Null);

    smtp.script([(Step::Rcpt, "550 5.1.1 no such user"); 3]);
    world.portal.publish(world.story(905, "Tin hai"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(show(&world, &id).await["state"], "active", "once may be a mistake");
    for _ in 0..3 {
        world.tick(HOUR).await;
    }
    let shown = show(&world, &id).await;
    assert_eq!(shown["state"], "disabled", "{shown}");
    assert!(shown["reason"].as_str().unwrap().contains("no such mailbox"), "{shown}");
    world.tick(24 * HOUR).await;
    assert_eq!(smtp.received().len(), 2);
    world.api("POST", &format!("/api/v1/subscriptions/{id}/resume"), "").await;
    world.settle().await;
    assert_eq!(smtp.received().len(), 3, "what waited comes once it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_comes_once_a_day_with_everything_and_never_empty() {
    let smtp = Smtp::start().await;
    let mut world = world(&smtp, "max_items = 2").await;
    let wish = json!({ "url": "mailto:an@example.vn", "digest": "18:00", "timezone": "Asia/Ho_Chi_Minh" });
    let id = subscriber(&world, &smtp, wish).await;
    let shown = show(&world, &id).await;
    assert_eq!((&shown["digest"], &shown["timezone"]), (&"18:00".into(), &"Asia/Ho_Chi_Minh".into()));
    for n in 0..3 {
        world.portal.publish(world.story(910 + n, &format!("Tin & {n} \"x\"")));
    }
    world.tick(FIVE_MINUTES).await;
    assert_eq!(smtp.received().len(), 1, "not before its time");
    // The first is refused for the time being: all of its rows come again together.
    smtp.script([(Step::Message, "451 4.3.0 later")]);
    for _ in 0..25 {
        world.tick(HOUR).await;
    }
    let mails = smtp.received();
    assert_eq!(mails.len(), 2);
    let subject = mails[1].header("subject").unwrap();
    assert!(subject.starts_with("3 tin · "), "{subject}");
    let (text, html) = (mails[1].part("text/plain"), mails[1].part("text/html"));
    assert!(text.contains("== Quận 1") && text.contains("và 1 tin nữa."), "{text}");
    assert!(html.contains("Tin &amp; 2 &quot;x&quot;"), "{html}");
    assert_eq!(show(&world, &id).await["waiting"], 0);
    for _ in 0..48 {
        world.tick(HOUR).await;
    }
    assert_eq!(smtp.received().len(), 2, "days without news have no mail");

    // A daemon that is down at that time sends as soon as it is back.
    world.portal.publish(world.story(920, "Tin sau"));
    world.tick(FIVE_MINUTES).await;
    world.stop().await;
    world.clock.advance(26 * HOUR);
    assert_eq!(smtp.received().len(), 2);
    world.start().await;
    assert!(smtp.received()[2].header("subject").unwrap().starts_with("1 tin · "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_stands_under_the_publication_and_a_replay_is_the_same_mail() {
    let smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let id = subscriber(&world, &smtp, json!({ "url": "mailto:an@example.vn" })).await;
    world.portal.publish(world.story(930, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    world.portal.edit(930, |story| story.title = "Tin <hai>".to_owned());
    for _ in 0..10 {
        world.tick(HOUR).await;
    }
    let mails = smtp.received();
    assert_eq!(mails.len(), 3);
    let (first, update) = (&mails[1], &mails[2]);
    assert_eq!(update.header("subject").unwrap(), "Cập nhật: Tin <hai>");
    let root = first.header("message-id").unwrap();
    assert_eq!(first.header("references"), None);
    assert_eq!(update.header("references").as_ref(), Some(&root));
    assert_eq!(update.header("in-reply-to").as_ref(), Some(&root));
    assert_ne!(update.header("message-id").unwrap(), root);
    assert!(update.part("text/plain").contains("[-một-] {+<hai>+}"), "{}", update.part("text/plain"));
    assert!(update.part("text/html").contains("<del>một</del> <ins>&lt;hai&gt;</ins>"));
    let replay = format!("/api/v1/subscriptions/{id}/replay");
    assert_eq!(world.api("POST", &replay, r#"{"after": 0}"#).await.status, 202);
    world.settle().await;
    let again = smtp.received();
    for old in &mails[1..] {
        let same = again.iter().filter(|mail| mail.header("message-id") == old.header("message-id"));
        assert_eq!(same.count(), 2, "{}", old.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_mails_than_the_rate_allows_over_one_connection() {
    let smtp = Smtp::start().await;
    let world = world(&smtp, "rate = 3").await;
    subscriber(&world, &smtp, json!({ "url": "mailto:an@example.vn" })).await;
    world.tick(FIVE_MINUTES).await;
    let before = smtp.connections();
    for n in 0..5 {
        world.portal.publish(world.story(940 + n, &format!("Tin {n}")));
    }
    world.tick(FIVE_MINUTES).await;
    assert_eq!((smtp.received().len(), smtp.connections() - before), (1 + 3, 1));
    world.tick(Duration::from_secs(60)).await;
    assert_eq!(smtp.received().len(), 1 + 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owners_page_and_a_test_mail() {
    let smtp = Smtp::start().await;
    let world = world(&smtp, "").await;
    let id = subscriber(&world, &smtp, json!({ "url": "mailto:an@example.vn", "digest": "6:30" })).await;
    let tested = world.api("POST", &format!("/api/v1/subscriptions/{id}/test"), "").await.json();
    assert_eq!((&tested["type"], &tested["status"]), (&"ping".into(), &250.into()), "{tested}");
    assert_eq!(smtp.received().last().unwrap().header("subject").unwrap(), "Thư thử");
    let refused = world.api("POST", &format!("/api/v1/subscriptions/{id}/rotate"), "").await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let made = world.api("POST", &format!("/api/v1/subscriptions/{id}/page"), "").await.json();
    let page = open(&world, made["page"].as_str().unwrap()).await;
    for (part, there) in [
        ("Subscription by mail", true),
        ("06:30 (Asia/Ho_Chi_Minh)", true),
        ("New secret", false),
        ("Pause", true),
    ] {
        assert_eq!(page.text().contains(part), there, "{part}: {}", page.text());
    }
    for what in ["pause", "resume"] {
        let answer = world.api("POST", &format!("/api/v1/subscriptions/{id}/{what}"), "").await;
        assert_eq!(answer.status, 200);
    }
}

/// The webhook with an owner.
fn owned(config: &str, owner: &str) -> String {
    config.replacen("[[webhook]]", &format!("[[webhook]]\nowner = \"{owner}\""), 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_hears_by_mail_that_a_webhook_was_disabled_and_once() {
    let mut smtp = Smtp::start().await;
    let mut world = world(&smtp, "").await;
    world.reload(|config| owned(&config, "mailto:desk@example.vn")).await;
    smtp.down().await;
    world.receiver.script([loaphuong::demo::receiver::Answer::Status(410)]);
    world.portal.publish(world.story(950, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(show(&world, "newsroom").await["state"], "disabled");
    // The notice is not lost with the process that saw the trouble.
    world.stop().await;
    smtp.resume().await;
    world.start().await;
    for _ in 0..3 {
        world.tick(HOUR).await;
    }
    let mails = smtp.received();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "desk@example.vn"));
    let text = mails[0].part("text/plain");
    for part in ["newsroom", "410", "loa subscriptions resume newsroom", "https://tin.example.vn/s/"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("/hook"), "a webhook's address may be a secret: {text}");
    assert_eq!(mails[0].header("list-unsubscribe"), None);
    let log = world.api("GET", "/api/v1/subscriptions/newsroom/attempts?limit=1", "").await.json();
    assert_eq!(log["attempts"][0]["type"], "notice", "{log}");
    world.stop().await;
    world.start().await;
    world.tick(48 * HOUR).await;
    assert_eq!(smtp.received().len(), 1);
    world.api("POST", "/api/v1/subscriptions/newsroom/resume", "").await;
    world.receiver.script([loaphuong::demo::receiver::Answer::Status(410)]);
    world.tick(HOUR).await;
    assert_eq!(smtp.received().len(), 2, "disabled again is another trouble");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_of_the_web_gets_a_signed_notice_and_hears_of_parked_events_once_a_day() {
    let smtp = Smtp::start().await;
    let mut world = world(&smtp, "").await;
    let url = world.receiver.url();
    let schedule = "[push]\nschedule = [\"0s\"]\n\n[mail]";
    world.reload(|config| owned(&config, &url).replacen("[mail]", schedule, 1)).await;
    use loaphuong::demo::receiver::Answer::Status;
    world.receiver.script([Status(500), Status(204), Status(500), Status(500)]);
    world.portal.publish(world.story(951, "Tin một"));
    world.tick(FIVE_MINUTES).await;
    let received = world.receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!((&received[1].body["type"], received[1].verified), (&"subscription.parked".into(), true));
    assert_eq!(received[1].body["data"]["subscription"], "newsroom");
    assert_eq!(received[1].body["data"]["parked"], 1);
    world.portal.publish(world.story(952, "Tin hai"));
    world.tick(FIVE_MINUTES).await;
    assert_eq!(world.receiver.received().len(), 3, "not twice a day");
    world.tick(25 * HOUR).await;
    let received = world.receiver.received();
    assert_eq!((received.len(), &received[3].body["type"]), (4, &"subscription.parked".into()));
    world.tick(48 * HOUR).await;
    assert_eq!(world.receiver.received().len(), 4, "it was the last attempt at the notice");
}
