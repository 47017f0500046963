//! What every kind of answer becomes.

use std::time::Duration;

use super::{ACCEPT, Ask, Error, Outcome, fetch};
use crate::{
    clock::Clock,
    model::Validators,
    net::{
        Fault, Retry, Settings,
        testing::{Reply, Server, client, clock, settings},
    },
};

fn question(server: &Server) -> Ask {
    Ask {
        url: server.url("/tin"),
        validators: Validators::default(),
        allow_private: true,
        spacing: None,
        robots: false,
        in_background: false,
        trust: None,
        accept: ACCEPT,
        partial: false,
    }
}

async fn ask(answer: &str) -> Outcome {
    let server = Server::says(answer).await;
    fetch(&client(&settings()), &question(&server)).await
}

/// The same, but with validators.
async fn ask_again(answer: &str) -> Outcome {
    let server = Server::says(answer).await;
    let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
    fetch(&client(&settings()), &Ask { validators, ..question(&server) }).await
}

#[tokio::test]
async fn content_is_fresh_with_its_type_and_validators() {
    let head = "Content-Type: text/html; charset=utf-8\r\nETag: W/\"a b-gzip\"\r\nLast-Modified: Thu, 05 Mar 2026 02:15:09 GMT\r\n";
    let outcome = ask(&format!("HTTP/1.1 200 OK\r\n{head}\r\n<p>Tin mới")).await;
    let Outcome::Fresh { cut: false, body, content_type, url, validators, moved, links: _ } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(body, "<p>Tin mới".as_bytes());
    assert_eq!(content_type.as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!((url.path(), moved), ("/tin", None));
    assert_eq!(validators.etag.as_deref(), Some("W/\"a b-gzip\""));
    assert_eq!(validators.last_modified.as_deref(), Some("Thu, 05 Mar 2026 02:15:09 GMT"));
}

#[tokio::test]
async fn an_empty_answer_is_fresh_too() {
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"] {
        let outcome = ask(answer).await;
        assert!(
            matches!(&outcome, Outcome::Fresh { body, content_type: None, .. } if body.is_empty()),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn of_a_feed_that_is_too_large_the_beginning_is_fresh() {
    let limits = Settings { max_body: 10, ..settings() };
    for (length, partial) in [(10, true), (11, true), (5_000_000, true), (11, false)] {
        let body = "x".repeat(length);
        let chunked = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
        for answer in [chunked, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")] {
            let server = Server::says(answer).await;
            let outcome = fetch(&client(&limits), &Ask { partial, ..question(&server) }).await;
            match &outcome {
                Outcome::Fresh { cut, body, .. } => {
                    assert_eq!((partial, *cut, &body[..]), (true, length > 10, &b"xxxxxxxxxx"[..]));
                }
                other => assert!(!partial && matches!(other, Outcome::Failed(_)), "{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn validators_go_back_as_they_came() {
    let validators = Validators {
        etag: Some("W/\"tức-1\"".to_owned()),
        last_modified: Some("yesterday, more or less".to_owned()),
    };
    let server = Server::says("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    let question = Ask { validators, ..question(&server) };
    let outcome = fetch(&client(&settings()), &question).await;
    assert!(matches!(outcome, Outcome::Unchanged { moved: None }), "{outcome:?}");
    let head = server.heads().remove(0);
    assert!(head.contains("if-none-match: W/\"tức-1\"\r\n"), "{head}");
    assert!(head.contains("if-modified-since: yesterday, more or less\r\n"), "{head}");
    assert!(head.contains("accept: application/atom+xml, application/rss+xml"), "{head}");
}

#[tokio::test]
async fn validators_that_cannot_be_sent_back_are_not_kept() {
    let long = "x".repeat(2000);
    for head in ["ETag: \r\n".to_owned(), format!("ETag: \"{long}\"\r\n"), "X: y\r\n".to_owned()] {
        let outcome = ask(&format!("HTTP/1.1 200 OK\r\n{head}\r\n")).await;
        let Outcome::Fresh { validators, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(validators, Validators::default(), "{head}");
    }
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_a_failure() {
    let outcome = ask("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(error, Error::Unasked { .. }));
    assert!(error.to_string().contains("304 (not modified) to a request without conditions"), "{error}");
    assert_eq!((error.fault(), error.retry()), (Fault::Theirs, Retry::Later));
}

#[tokio::test]
async fn what_moved_says_so_with_304_too() {
    let server = Server::new(|head| {
        let text = if head.contains("/tin ") {
            "HTTP/1.1 301 Moved\r\nLocation: /tin-moi\r\n\r\n"
        } else if head.contains("if-none-match") {
            "HTTP/1.1 304 Not Modified\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\n\r\n"
        };
        Reply::Bytes(text.into())
    })
    .await;
    let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
    let (plain, conditional) = (question(&server), Ask { validators, ..question(&server) });
    let client = client(&settings());
    let (fresh, unchanged) = (fetch(&client, &plain).await, fetch(&client, &conditional).await);
    let there = server.url("/tin-moi");
    assert!(
        matches!(&fresh, Outcome::Fresh { moved: Some(moved), url, .. } if *moved == there && *url == there),
        "{fresh:?}"
    );
    assert!(
        matches!(&unchanged, Outcome::Unchanged { moved: Some(moved) } if *moved == there),
        "{unchanged:?}"
    );
}

#[tokio::test]
async fn gone_and_later() {
    for status in [404, 410] {
        let outcome = ask_again(&format!("HTTP/1.1 {status} X\r\n\r\n")).await;
        assert!(matches!(outcome, Outcome::Gone { status: found } if found == status), "{outcome:?}");
    }
    let waits = [
        ("429 X\r\nRetry-After: 120", Some(120)),
        ("503 X\r\nRetry-After: DATE", Some(60)),
        ("503 X\r\nRetry-After: soon", None),
        ("503 X", None),
    ];
    for (head, expected) in waits {
        let in_a_minute = clock().now().plus(Duration::from_secs(60)).http_date();
        let head = head.replace("DATE", &in_a_minute);
        let outcome = ask_again(&format!("HTTP/1.1 {head}\r\n\r\n")).await;
        let Outcome::Later { after, reason } = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, expected.map(Duration::from_secs), "{head}");
        assert!(
            reason.contains("/tin") && head.split(' ').next().is_some_and(|status| reason.contains(status))
        );
    }
}

#[tokio::test]
async fn other_statuses_fail_and_say_whether_to_come_back() {
    let cases = [
        (400, Retry::Never),
        (401, Retry::Never),
        (403, Retry::Never),
        (408, Retry::Later),
        (500, Retry::Later),
        (502, Retry::Later),
        (301, Retry::Never),
        (999, Retry::Later),
    ];
    for (status, retry) in cases {
        let outcome = ask_again(&format!("HTTP/1.1 {status} X\r\n\r\n<p>")).await;
        let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert_eq!(error.retry(), retry, "{status}");
    }
}

#[tokio::test]
async fn what_net_refuses_is_a_failure_with_its_words() {
    let server = Server::says("HTTP/1.1 200 OK\r\n\r\n").await;
    let question = Ask { allow_private: false, ..question(&server) };
    let outcome = fetch(&client(&settings()), &question).await;
    let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("`127.0.0.1` is a loopback address"), "{error}");
    assert_eq!((error.fault(), error.retry()), (Fault::Config, Retry::Never));
    assert!(server.heads().is_empty());
}
