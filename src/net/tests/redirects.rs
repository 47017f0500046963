//! Where requests end up, and where they must not.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{ask, open};
use crate::net::{
    Client, Error, Misled, Request, Settings,
    guard::{self, Refusal},
    testing::{PUBLIC, Reply, Server, client, clock, settings},
};

/// Where path `/N` leads.
type Location = fn(u32) -> String;

/// A server whose path `/N` redirects to where `location` says.
pub(super) async fn redirecting(location: impl Fn(u32) -> String + Send + Sync + 'static) -> Server {
    Server::new(move |head| {
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let n = path.strip_prefix('/').unwrap().parse().unwrap_or(0);
        Reply::Bytes(format!("HTTP/1.1 302 Found\r\nLocation: {}\r\n\r\n", location(n)).into_bytes())
    })
    .await
}

#[tokio::test]
async fn redirect_loops_and_endless_redirects_end() {
    let cases: [(Location, Misled); 3] = [
        (|_| "/0".to_owned(), Misled::Loop("/0".to_owned())),
        (|n| format!("/{}", (n + 1) % 3), Misled::Loop("/0".to_owned())),
        (|n| format!("/{}", n + 1), Misled::TooMany(5)),
    ];
    for (location, expected) in cases {
        let server = redirecting(location).await;
        let error = client(&settings()).send(open(server.url("/0"))).await.unwrap_err();
        let Error::Redirects { problem, .. } = &error else { panic!("{error:?}") };
        match (problem, &expected) {
            (Misled::Loop(url), Misled::Loop(path)) => assert!(url.ends_with(path), "{url}"),
            _ => assert_eq!(*problem, expected),
        }
    }
}

#[tokio::test]
async fn as_many_redirects_as_allowed_are_followed() {
    let server = Server::new(|head| {
        let n: u32 = head.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        let text = if n < 5 {
            format!("HTTP/1.1 302 Found\r\nLocation: /{}\r\n\r\n", n + 1)
        } else {
            "HTTP/1.1 200 OK\r\n\r\nend".to_owned()
        };
        Reply::Bytes(text.into_bytes())
    })
    .await;
    let answer = client(&settings()).send(open(server.url("/0"))).await.unwrap();
    assert_eq!((&answer.body[..], answer.url.path(), answer.moved), (&b"end"[..], "/5", None));

    let stay = Request { max_redirects: 0, ..open(server.url("/0")) };
    let answer = client(&settings()).send(stay).await.unwrap();
    assert_eq!((answer.status, answer.url.path()), (302, "/0"));
}

#[tokio::test]
async fn moved_is_where_only_permanent_redirects_led() {
    for (chain, moved) in [(["301", "308"], true), (["301", "302"], false), (["307", "301"], false)] {
        let server = Server::new(move |head| {
            let n = ["/0 ", "/1 "].iter().position(|path| head.contains(path));
            let text = match n {
                Some(n) => format!("HTTP/1.1 {} Moved\r\nLocation: /{}\r\n\r\n", chain[n], n + 1),
                None => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
            };
            Reply::Bytes(text.into_bytes())
        })
        .await;
        let answer = client(&settings()).send(open(server.url("/0"))).await.unwrap();
        assert_eq!(answer.moved.is_some(), moved, "{chain:?}");
        assert_eq!(answer.url.path(), "/2");
    }
    let plain = ask(&Server::says("HTTP/1.1 200 OK\r\n\r\n").await).await.unwrap();
    assert_eq!(plain.moved, None);
}

#[tokio::test]
async fn a_redirect_is_guarded_like_a_request() {
    let inside = Server::says("HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let targets = [
        format!("http://{}/", inside.at),
        format!("http://localhost:{}/", inside.at.port()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:127.0.0.1]/".to_owned(),
        "http://2130706433/".to_owned(),
        format!("http://inside.example:{}/", inside.at.port()),
        "file:///etc/passwd".to_owned(),
        "ftp://example.com/".to_owned(),
        format!("http://example.com/{}", "x".repeat(9000)),
    ];
    for target in targets {
        let there = target.clone();
        let portal = redirecting(move |_| there.clone()).await;
        let hosts = [("portal.example", PUBLIC, portal.at), ("inside.example", inside.at.ip(), inside.at)];
        let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
        let url = format!("http://portal.example:{}/", portal.at.port());
        let error = client.send(Request::get(url.parse().unwrap())).await.unwrap_err();
        assert!(
            matches!(&error, Error::Refused { via: Some(via), .. } if *via == url),
            "{target}: {error:?}"
        );
        assert_eq!(portal.heads().len(), 1);
    }
    assert!(inside.heads().is_empty(), "{:?}", inside.heads());
}

#[tokio::test]
async fn credentials_in_the_url_reach_its_host_alone() {
    let elsewhere = Server::says("HTTP/1.1 200 OK\r\n\r\n").await;
    let there = format!("http://elsewhere.example:{}/", elsewhere.at.port());
    let portal = redirecting(move |n| if n == 0 { "/1".to_owned() } else { there.clone() }).await;
    let hosts = [("portal.example", PUBLIC, portal.at), ("elsewhere.example", PUBLIC, elsewhere.at)];
    let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
    let url = format!("http://ward:secret@portal.example:{}/0", portal.at.port());
    let headers = vec![("X-Api-Key", "key".to_owned()), ("If-None-Match", "\"1\"".to_owned())];
    let answer = client.send(Request { headers, ..Request::get(url.parse().unwrap()) }).await.unwrap();

    for head in portal.heads() {
        assert!(head.contains("authorization: Basic d2FyZDpzZWNyZXQ=\r\n"), "{head}");
        assert!(head.contains("x-api-key: key\r\n"), "{head}");
    }
    assert_eq!(portal.heads().len(), 2);
    let head = elsewhere.heads().remove(0);
    assert!(!head.contains("authorization") && !head.contains("x-api-key"), "{head}");
    assert!(head.contains("if-none-match: \"1\"\r\n"), "{head}");
    assert!(!answer.url.as_str().contains("secret"));
}

// --- the guard

#[tokio::test]
async fn a_name_is_reached_at_its_public_addresses_only() {
    let server = Server::says("HTTP/1.1 200 OK\r\n\r\nhello").await;
    let private: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let hosts = [("mixed.example", private.ip(), private), ("mixed.example", PUBLIC, server.at)];
    let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
    let url = format!("http://mixed.example:{}/", server.at.port());
    assert_eq!(client.send(Request::get(url.parse().unwrap())).await.unwrap().body, "hello");

    let hosts = [("inside.example", server.at.ip(), server.at)];
    let client = Client::with_hosts(&settings(), clock(), &hosts).unwrap();
    let url: url::Url = format!("http://inside.example:{}/", server.at.port()).parse().unwrap();
    let error = client.send(Request::get(url.clone())).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { refusal: Refusal::Resolved { name, .. }, .. } if name == "inside.example"),
        "{error:?}"
    );
    // An open connection of a request that may go there must not carry one that may not.
    assert_eq!(client.send(open(url.clone())).await.unwrap().body, "hello");
    assert!(client.send(Request::get(url)).await.is_err());
}

/// Every case of the collection, with the names of its attackers leading inside, as they do in the wild.
#[tokio::test]
async fn refuses_the_collected_attacks() {
    let Some(text) = std::env::current_dir()
        .unwrap()
        .ancestors()
        .find_map(|folder| std::fs::read_to_string(folder.join("shared/data/security/ssrf.json")).ok())
    else {
        println!("skipped: shared/data/security/ssrf.json is not here");
        return;
    };
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let inside: IpAddr = [169, 254, 169, 254].into();
    let names = ["127.0.0.1.nip.io", "www.127.0.0.1.sslip.io", "metadata", "rancher-metadata"];
    let hosts = names.map(|name| (name, inside, nowhere));
    let limits = Settings { timeout: Duration::from_secs(5), ..settings() };
    let client = Client::with_hosts(&limits, clock(), &hosts).unwrap();
    let mut n_refused = 0;
    for case in cases["cases"].as_array().unwrap() {
        let (text, refuse) = (case["url"].as_str().unwrap(), case["must_block"].as_bool());
        let Ok(url) = text.parse() else {
            assert_ne!(refuse, Some(false), "{text} is no URL");
            continue;
        };
        if refuse == Some(false) {
            assert_eq!(guard::check(&url, false), Ok(()), "{text}");
        } else if refuse == Some(true) && url.host_str() != Some("example.com") {
            // (A backslash ends the host: `example.com\@127.0.0.1` is a path of example.com, for the one parser
            // that both the guard and the connection read.)
            let result = client.send(Request::get(url)).await;
            assert!(matches!(result, Err(Error::Refused { .. })), "{text}: {result:?}");
            n_refused += 1;
        }
    }
    assert!(n_refused > 50, "{n_refused}");
}
