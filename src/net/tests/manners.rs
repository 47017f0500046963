//! What polite requests keep to: `robots.txt`, patience, budgets, and the shape of addresses.

use std::{sync::Arc, time::Duration};

use super::open;
use crate::{
    clock::{Clock, Manual},
    net::{
        Client, Error, Request, Restraint, Settings,
        testing::{Reply, Server, clock, settings},
    },
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A server whose `robots.txt` is `robots` (a status and a body), and which answers other paths as `page` says.
async fn site(robots: (u16, &'static str), page: fn(&str) -> String) -> Server {
    Server::new(move |head| {
        let path = head.split(' ').nth(1).unwrap();
        let (status, body) = robots;
        Reply::Bytes(match path {
            "/robots.txt" => format!("HTTP/1.1 {status} X\r\n\r\n{body}").into_bytes(),
            _ => page(path).into_bytes(),
        })
    })
    .await
}

fn fine(_: &str) -> String {
    "HTTP/1.1 200 OK\r\n\r\nfine".to_owned()
}

fn polite(server: &Server, path: &str) -> Request {
    Request { spacing: Some(Duration::ZERO), robots: true, ..open(server.url(path)) }
}

fn paths(server: &Server) -> Vec<String> {
    server.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn client(settings: &Settings) -> (Arc<Manual>, Client) {
    let clock = clock();
    (Arc::clone(&clock), Client::new(settings, clock).unwrap())
}

/// Why it was not asked.
async fn restraint(client: &Client, request: Request) -> Restraint {
    match client.send(request).await {
        Err(Error::Restrained(restraint)) => restraint,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_site_is_asked_what_it_wants_once_a_day() {
    let server = site((200, "User-agent: *\nDisallow: /private"), fine).await;
    let (clock, client) = client(&settings());
    for path in ["/a", "/b"] {
        assert_eq!(client.send(polite(&server, path)).await.unwrap().status, 200);
    }
    let refused = restraint(&client, polite(&server, "/private/x")).await;
    let url = server.url("/private/x").to_string();
    assert_eq!(refused, Restraint::Disallowed { url, rule: "Disallow: /private".to_owned() });
    assert_eq!(paths(&server), ["/robots.txt", "/a", "/b"]);
    // Whoever does not ask for it is not kept from it: webhooks, hubs, sites of our own.
    for request in
        [open(server.url("/private/y")), Request { robots: false, ..polite(&server, "/private/z") }]
    {
        client.send(request).await.unwrap();
    }
    clock.advance(DAY);
    client.send(polite(&server, "/c")).await.unwrap();
    assert_eq!(paths(&server)[3..], ["/private/y", "/private/z", "/robots.txt", "/c"]);
}

#[tokio::test]
async fn two_that_come_first_ask_once() {
    let server = site((404, ""), fine).await;
    let (_, client) = client(&settings());
    let (one, two) = tokio::join!(client.send(polite(&server, "/1")), client.send(polite(&server, "/2")));
    assert_eq!((one.unwrap().status, two.unwrap().status), (200, 200));
    assert_eq!(paths(&server).iter().filter(|path| *path == "/robots.txt").count(), 1);
}

#[tokio::test]
async fn while_the_file_cannot_be_read_nothing_is_asked() {
    let server = site((500, "broken"), fine).await;
    let (clock, client) = client(&settings());
    let refused = restraint(&client, polite(&server, "/a")).await;
    let Restraint::Unreadable { problem, until, .. } = &refused else { panic!("{refused:?}") };
    assert!(problem.contains("answered 500"), "{problem}");
    let again = restraint(&client, polite(&server, "/b")).await;
    assert_eq!(again.until(), Some(*until));
    assert_eq!(paths(&server), ["/robots.txt"], "it is not asked again at once");
    clock.set(*until);
    restraint(&client, polite(&server, "/c")).await;
    assert_eq!(paths(&server), ["/robots.txt"; 2]);
    clock.advance(30 * DAY);
    assert_eq!(client.send(polite(&server, "/d")).await.unwrap().status, 200, "after thirty days");
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_is_forbidden() {
    let closed = site((200, "User-agent: loaphuong\nDisallow: /"), fine).await;
    let there = closed.url("/x").to_string();
    let server = Server::new(move |head| {
        let location = match head.split(' ').nth(1).unwrap() {
            "/robots.txt" => {
                return Reply::Bytes(b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nDisallow: /no".to_vec());
            }
            "/1" => "/no",
            "/2" => "/vi/vi/en/vi/",
            _ => &there,
        };
        Reply::Bytes(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n").into_bytes())
    })
    .await;
    let (_, client) = client(&settings());
    for (path, code) in [("/1", "robots-disallowed"), ("/2", "crawler-trap"), ("/3", "robots-disallowed")] {
        assert_eq!(restraint(&client, polite(&server, path)).await.code(), code, "{path}");
    }
    assert_eq!(paths(&closed), ["/robots.txt"]);
    assert_eq!(restraint(&client, polite(&server, "/en/en/en")).await.code(), "crawler-trap");
}

#[tokio::test]
async fn a_page_that_asks_for_patience_pauses_its_whole_host() {
    let page = |path: &str| match path {
        "/busy" => "HTTP/1.1 429 X\r\nRetry-After: 90\r\n\r\n".to_owned(),
        _ => fine(path),
    };
    let (server, other) = (site((404, ""), page).await, site((404, ""), fine).await);
    let (clock, client) = client(&settings());
    assert_eq!(client.send(polite(&server, "/busy")).await.unwrap().status, 429);
    let until = clock.now().plus(Duration::from_secs(90));
    assert_eq!(restraint(&client, polite(&server, "/a")).await.until(), Some(until));
    assert_eq!(client.host(&server.url("/"), None).paused_until, Some(until));
    assert_eq!(client.send(polite(&other, "/a")).await.unwrap().status, 200);
    clock.set(until);
    assert_eq!(client.send(polite(&server, "/a")).await.unwrap().status, 200);
    assert_eq!(paths(&server), ["/robots.txt", "/busy", "/a"]);
}

#[tokio::test]
async fn what_can_wait_leaves_a_fifth_of_the_budget_to_what_cannot() {
    let server = site((404, ""), fine).await;
    let (_, client) = client(&Settings { daily_budget: 10, ..settings() });
    let background = |path: &str| Request { in_background: true, ..polite(&server, path) };
    for n in 0..7 {
        client.send(background(&format!("/{n}"))).await.unwrap();
    }
    let refused = restraint(&client, background("/7")).await.to_string();
    assert!(
        refused.contains("today's 8 requests") && refused.contains("2 more are kept for news"),
        "{refused}"
    );
    for path in ["/8", "/9"] {
        client.send(polite(&server, path)).await.unwrap();
    }
    assert_eq!(restraint(&client, polite(&server, "/10")).await.code(), "daily-budget");
}

#[tokio::test]
async fn a_days_requests_to_one_host_are_limited() {
    let server = site((404, ""), fine).await;
    let (clock, client) = client(&Settings { daily_budget: 3, ..settings() });
    for path in ["/a", "/b"] {
        client.send(polite(&server, path)).await.unwrap();
    }
    assert_eq!(client.host(&server.url("/"), None).requests_today, 3, "its robots.txt was one of them");
    let refused = restraint(&client, polite(&server, "/c")).await;
    assert!(refused.to_string().contains("net.daily_budget"), "{refused}");
    clock.set(refused.until().unwrap());
    client.send(polite(&server, "/c")).await.unwrap();
    assert_eq!(client.host(&server.url("/"), None).requests_today, 1);
}

#[tokio::test]
async fn a_site_may_ask_for_more_time() {
    let server = site((200, "User-agent: *\nCrawl-delay: 1.5"), fine).await;
    let (clock, client) = client(&settings());
    let step = Duration::from_millis(100);
    for path in ["/a", "/b"] {
        let (mut sent, mut waited) = (Box::pin(client.send(polite(&server, path))), Duration::ZERO);
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut sent => break answer,
                () = tokio::task::yield_now() => {
                    clock.advance(step);
                    waited += step;
                }
            }
        };
        assert_eq!(answer.unwrap().status, 200);
        assert!(waited >= Duration::from_millis(1500), "{path} waited for {waited:?}");
    }
}
