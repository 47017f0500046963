//! Pages in a browser: one that only pretends, for what no real one does, and a real one where one is installed.

mod fake;
mod left;
mod real;

use super::*;
use crate::net::testing;

/// Generous limits: a test that is about one of them sets it.
fn settings(which: Which) -> Settings {
    Settings {
        which,
        concurrency: 2,
        timeout: Duration::from_secs(30),
        max_requests: 50,
        max_traffic: 10 << 20,
        max_pages: 100,
        idle: Duration::from_secs(300),
        proxy_listen: [127, 0, 0, 1].into(),
        proxy_host: None,
    }
}

fn ask(url: &str) -> Ask {
    Ask {
        url: url.parse().unwrap(),
        validators: crate::model::Validators::default(),
        allow_private: false,
        spacing: None,
        trust: None,
        robots: false,
        in_background: false,
        accept: crate::fetch::ACCEPT_PAGE,
        partial: false,
    }
}

/// A page as a server sends it.
fn page(html: &str) -> Vec<u8> {
    answer("200 OK", "text/html; charset=utf-8", html)
}

fn answer(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// What was read, as text.
fn html(shown: &Shown) -> &str {
    match &shown.outcome {
        Outcome::Fresh { body, .. } => std::str::from_utf8(body).unwrap(),
        other => panic!("nothing was read: {other:?}"),
    }
}

/// Why nothing was read.
fn problem(shown: &Shown) -> String {
    match &shown.outcome {
        Outcome::Failed(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn codes(shown: &Shown) -> Vec<&str> {
    shown.issues.iter().map(|issue| issue.code.as_str()).collect()
}
