//! What mails look like, and when they go out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Pace, Settings, Trouble, address, digest,
    render::{self, Letter, Notice, Sender},
    server::Server,
};
use crate::{
    model::{
        Change, Channel, Daily, Filter, Language, Mailing, Precision, Revision, Seq, Subscription, Timestamp,
    },
    push::{
        message::Message,
        testing::{NOW, World, article, event, subscription},
    },
};

const BASE: &str = "https://tin.example";

pub(super) fn settings() -> Settings {
    Settings {
        server: Server::parse("smtp://127.0.0.1").unwrap().0,
        from: address::mailbox("Loa phường <loa@tin.example>").unwrap(),
        reply_to: None,
        timeout: Duration::from_secs(20),
        rate: 60,
        language: Language::Vietnamese,
        zone: "Asia/Ho_Chi_Minh".into(),
        max_items: 3,
        confirm_within: Duration::from_secs(3 * 24 * 3600),
        confirm_every: Duration::from_secs(3600),
        ca_file: None,
        names: BTreeMap::from([("quan1".parse().unwrap(), "Quận 1".to_owned())]),
    }
}

fn subscriber(mailing: &Mailing) -> Subscription {
    Subscription {
        url: "mailto:an@example.vn".into(),
        channel: Channel::Mail(mailing.clone()),
        filter: Some(Filter::parse("\"thông báo\" OR title:<b>").unwrap()),
        verified: Some(NOW),
        ..subscription("sub_1")
    }
}

fn at_once(language: Language) -> Mailing {
    Mailing { language, digest: None }
}

/// Records articles as events, and reads what there is to say of them.
async fn messages(changes: &[(Change, &str, u32, u32)]) -> Vec<Arc<Message>> {
    let world = World::new().await;
    let mut messages = Vec::new();
    for (n, (change, title, id, revision)) in changes.iter().enumerate() {
        let mut article = crate::push::testing::numbered(*id);
        article.revision = Revision(*revision);
        article.content.title = (*title).to_owned();
        article.content.url = Some(format!("https://a.example/{id}"));
        article.published.precision = Precision::Day;
        world.record(article, *change, false).await;
        messages.push(world.push.message(Seq(n as u64 + 1)).await.unwrap().unwrap());
    }
    messages
}

fn shown(letter: &Letter) -> String {
    let end = format!("{BASE}/u/sub_1.0123");
    let [text, html] = letter.texts("an@example.vn", Some(&end), Some("tin <b>")).unwrap();
    format!("{text}\n=====\n{html}")
}

fn mail(letter: Letter, to: &Subscription, settings: &Settings) -> String {
    let sender = Sender { settings, base: BASE };
    String::from_utf8(letter.into_mail(to, &sender, NOW).unwrap().bytes).unwrap()
}

/// The head, unfolded.
fn head(mail: &str) -> String {
    mail.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ")
}

/// The head without what is different each time.
fn lasting(mail: &str) -> String {
    let head = head(mail);
    let lines = head.lines().map(|line| line.split("; boundary=").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_article_its_update_and_its_withdrawal() {
    let settings = settings();
    let sender = Sender { settings: &settings, base: BASE };
    let told = messages(&[
        (Change::Published, "Thông báo số 1", 1, 1),
        (Change::Updated, "Thông báo số 2 <b>", 1, 2),
        (Change::Withdrawn, "Thông báo số 2 <b>", 1, 3),
    ])
    .await;
    for (language, name) in [(Language::Vietnamese, "vi"), (Language::English, "en")] {
        let mailing = at_once(language);
        let to = subscriber(&mailing);
        let letters: Vec<_> = told.iter().map(|told| Letter::event(&mailing, &to, told, &sender)).collect();
        let all: Vec<String> = letters.iter().map(shown).collect();
        insta::assert_snapshot!(format!("event_{name}"), all.join("\n#####\n"));
        let heads: Vec<String> =
            letters.into_iter().map(|letter| lasting(&mail(letter, &to, &settings))).collect();
        insta::assert_snapshot!(format!("event_head_{name}"), heads.join("\n#####\n"));
    }
}

#[tokio::test]
async fn a_digest_says_of_each_article_once_what_it_is_now() {
    let settings = settings();
    let sender = Sender { settings: &settings, base: BASE };
    let told = messages(&[
        (Change::Published, "Một", 1, 1),
        (Change::Published, "Hai", 2, 1),
        (Change::Updated, "Hai (sửa)", 2, 2),
        (Change::Updated, "Ba & <b>", 3, 2),
        (Change::Withdrawn, "Bốn", 4, 2),
    ])
    .await;
    for (language, name) in [(Language::Vietnamese, "vi"), (Language::English, "en")] {
        let daily = Daily { minute: 18 * 60, zone: "Asia/Ho_Chi_Minh".into() };
        let mailing = Mailing { language, digest: Some(daily) };
        let to = subscriber(&mailing);
        let make = |told: &[Arc<Message>]| digest::letter(&to, &mailing, told.to_vec(), &sender, NOW);
        insta::assert_snapshot!(format!("digest_{name}"), shown(&make(&told)));
        let id = |letter| {
            head(&mail(letter, &to, &settings))
                .lines()
                .find(|line| line.starts_with("Message-ID"))
                .unwrap()
                .to_owned()
        };
        let turned: Vec<_> = told.iter().rev().cloned().collect();
        assert_eq!(id(make(&told)), id(make(&turned)), "the same events are the same mail");
        assert_ne!(id(make(&told)), id(make(&told[1..])));
    }
}

#[test]
fn what_asks_tests_and_warns() {
    let settings = settings();
    let sender = Sender { settings: &settings, base: BASE };
    let mailing = at_once(Language::English);
    let to = subscriber(&mailing);
    insta::assert_snapshot!("confirm", shown(&Letter::confirmation(&mailing, &to, &sender)));
    insta::assert_snapshot!("test", shown(&Letter::test(Language::Vietnamese, "msg_ping_1")));
    let about = Subscription {
        failing_since: Some(NOW),
        last_error: Some("it answered 500 <b>".into()),
        ..subscription("newsroom")
    };
    let notice = Notice {
        what: "disabled",
        reason: Some("every attempt failed".into()),
        waiting: 3,
        parked: 1,
        commands: vec!["loa subscriptions resume newsroom".into()],
        due: NOW,
    };
    insta::assert_snapshot!("notice", shown(&Letter::notice(&notice, &about, Language::English)));
}

#[tokio::test]
async fn nothing_that_a_page_says_becomes_a_header_or_markup() {
    let settings = settings();
    let sender = Sender { settings: &settings, base: BASE };
    let (mailing, hostile) = (
        at_once(Language::Vietnamese),
        [
            "Tin\r\nBcc: x@y.example\r\n\r\n<script>alert(1)</script>",
            "Tin\nBcc: x@y.example\u{202e}\u{0}\u{7}",
            "\u{85}\u{2028}Bcc: x@y.example",
            "=?utf-8?q?=0D=0ABcc:_x@y.example?=",
            "\"><img src=x onerror=alert(1)>",
            &"ế".repeat(5_000),
        ],
    );
    let to = subscriber(&mailing);
    for title in hostile {
        let told = messages(&[(Change::Published, title, 1, 1), (Change::Updated, title, 1, 2)]).await;
        for told in &told {
            let [text, html] = Letter::event(&mailing, &to, told, &sender).texts("x", None, None).unwrap();
            assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
            assert!(!text.contains(['\u{202e}', '\u{0}', '\u{7}']), "{text}");
            let mail = mail(Letter::event(&mailing, &to, told, &sender), &to, &settings);
            assert!(mail.is_ascii(), "every server takes it");
            assert!(
                mail.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])),
                "{mail}"
            );
            let head = head(&mail);
            let names: Vec<&str> = head.split("\r\n").filter_map(|line| line.split(':').next()).collect();
            assert!(!names.iter().any(|name| name.eq_ignore_ascii_case("bcc")), "{head}");
            let count = names.len();
            let subject = head.split("\r\n").find(|line| line.starts_with("Subject")).unwrap();
            assert!(!subject.contains("=?utf-8?q?"), "only we write encoded words: {subject}");
            let unique: std::collections::BTreeSet<_> = names.into_iter().collect();
            assert_eq!(unique.len(), count, "{head}");
        }
    }
}

#[test]
fn links_are_those_of_the_web_and_dates_as_exact_as_their_source() {
    let mut article = article();
    for (url, expected) in [
        (Some("https://a.example/1"), Some("https://a.example/1")),
        (Some("javascript:alert(1)"), None),
        (Some("data:text/html,x"), None),
        (Some("not an address"), None),
        (None, None),
    ] {
        article.content.url = url.map(str::to_owned);
        assert_eq!(render::link_of(&article).as_deref(), expected);
    }
    let mut date = article.published;
    for (precision, vi, en) in [
        (Precision::Minute, "05/03/2026 09:15", "5 March 2026, 09:15"),
        (Precision::Day, "05/03/2026", "5 March 2026"),
        (Precision::Month, "03/2026", "March 2026"),
        (Precision::Year, "2026", "2026"),
    ] {
        date.precision = precision;
        assert_eq!(render::date(&date, Language::Vietnamese), vi);
        assert_eq!(render::date(&date, Language::English), en);
    }
    assert_eq!(render::source(&event(1), &settings()), "Quận 1");
}

#[test]
fn both_languages_say_the_same_things() {
    let keys = |tag: &str| -> Vec<String> {
        render::WORDS[tag]
            .as_table()
            .unwrap()
            .iter()
            .map(|(key, value)| {
                assert!(value.as_str().is_some_and(|word| !word.is_empty()), "{tag} {key}");
                key.clone()
            })
            .collect()
    };
    assert_eq!(keys("vi"), keys("en"));
}

#[test]
fn no_more_than_the_rate_in_any_minute() {
    let at = |second: i64| Timestamp::from_second(1_000 + second);
    let mut pace = Pace::default();
    assert_eq!(pace.not_before(2, at(0)), at(0));
    pace.sent.extend([at(0), at(10)]);
    assert_eq!(pace.not_before(2, at(11)), at(60), "the first has to be a minute old");
    assert_eq!(pace.not_before(3, at(11)), at(11));
    pace.sent.push_back(at(20));
    assert_eq!(pace.not_before(2, at(21)), at(70), "one that did not wait for its turn counts, too");
    assert_eq!(pace.not_before(2, at(70)), at(70));
    assert_eq!(pace.not_before(0, at(71)), at(80), "a rate of none is one of one");
    pace.trouble = Some(Trouble { since: at(0), failures: 1, until: at(500) });
    assert_eq!(pace.not_before(2, at(200)), at(500));
    assert_eq!(pace.not_before(2, at(501)), at(501));
}

#[test]
fn a_server_in_trouble_is_asked_less_and_less_often() {
    let (mut trouble, mut pauses) = (None, Vec::new());
    for _ in 0..8 {
        let next = Trouble::after(trouble, NOW);
        pauses.push(next.until.since(NOW).as_secs());
        assert_eq!(next.since, NOW);
        trouble = Some(next);
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
    let long = Trouble { since: NOW, failures: u32::MAX, until: NOW };
    assert_eq!(Trouble::after(Some(long), NOW).until.since(NOW).as_secs(), 900);
}
