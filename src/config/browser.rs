//! `[browser]`, and what sources say of it.

use std::{net::IpAddr, time::Duration};

use url::Url;

use super::read::{Section, Word, Wrong};
use crate::{
    fetch::browser::{Settings, Which},
    ingest::Scripts,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// `[browser]`: `Some(None)` where none is named.
pub(super) fn section(section: Section<'_>) -> Option<Option<Settings>> {
    let command = section.words("command").unwrap_or_default();
    let url = section.parsed("url", address);
    let concurrency = section.integer("concurrency", 1..=100);
    let timeout = section.duration("timeout", SECOND..=HOUR);
    let max_requests = section.integer("max_requests", 1..=100_000);
    let max_traffic = section.bytes("max_traffic", 1 << 16..=1 << 34);
    let max_pages = section.integer("max_pages", 1..=1_000_000);
    let idle = section.duration("idle", SECOND..=24 * HOUR);
    let proxy_listen = section.parsed("proxy_listen", ip);
    let proxy_host = section.parsed("proxy_host", host);
    if proxy_listen.is_some_and(|address: IpAddr| address.is_unspecified()) && proxy_host.is_none() {
        let hint = "say with `proxy_host` how the browser calls this machine".to_owned();
        section.wrong("proxy_listen", "a browser cannot connect to every interface", Some(hint));
    }
    let which = match (command.is_empty(), url) {
        (false, Some(_)) => {
            section.wrong("url", "`command` and `url` are both there", Some("keep one of them".to_owned()));
            None
        }
        (false, None) if command.first().is_some_and(|word| word.text.trim().is_empty()) => {
            let hint = "write `command = [\"chromium\"]`".to_owned();
            section.wrong("command", "`command` names no program", Some(hint));
            None
        }
        (false, None) => Some(Some(Which::Command(command.into_iter().map(|word| word.text).collect()))),
        (true, Some(url)) => Some(Some(Which::At(url))),
        // An address that is wrong was reported.
        (true, None) => Some(None),
    };
    section.finish();
    let Some(which) = which? else { return Some(None) };
    Some(Some(Settings {
        which,
        concurrency: concurrency?,
        timeout: timeout?,
        max_requests: max_requests?,
        max_traffic: max_traffic?,
        max_pages: max_pages?,
        idle: idle?,
        proxy_listen: proxy_listen?,
        proxy_host,
    }))
}

/// `browser` and what is waited for, of a source.
pub(super) fn scripts(section: &Section<'_>, has_browser: bool, is_feed: bool) -> Option<Scripts> {
    let word = section.filled("browser");
    let wait_list = section.parsed("browser_wait", selector);
    let wait_page = section.parsed("browser_wait_page", selector);
    let scope = word.as_ref().map_or("none", |word| word.text.as_str());
    let (list, pages) = match scope {
        "none" => (false, false),
        "list" => (true, false),
        "pages" => (false, true),
        "all" => (true, true),
        other => {
            let wrong = Wrong::new(format!("`browser` cannot be `{other}`"));
            blame(section, word.as_ref(), wrong.hint("there are `none`, `list`, `pages`, `all`"));
            return None;
        }
    };
    if (list || pages) && !has_browser {
        let wrong = Wrong::new("this source asks for a browser, and the configuration names none");
        let hint = "write `command = [\"chromium\"]` in `[browser]` (docs/javascript.md)";
        blame(section, word.as_ref(), wrong.hint(hint));
        return None;
    }
    if list && is_feed {
        let wrong = Wrong::new("a feed is not made by scripts");
        blame(section, word.as_ref(), wrong.hint("`browser = \"pages\"` reads the pages of its articles"));
        return None;
    }
    for (key, is_waited, is_read, needed) in [
        ("browser_wait", wait_list.is_some(), list, "list"),
        ("browser_wait_page", wait_page.is_some(), pages, "pages"),
    ] {
        if is_waited && !is_read {
            let hint = format!("write `browser = \"{needed}\"`, or `\"all\"`");
            section.wrong(key, format!("`{key}` and `browser = \"{scope}\"` are both there"), Some(hint));
            return None;
        }
    }
    Some(Scripts { list, pages, wait_list, wait_page })
}

fn blame(section: &Section<'_>, word: Option<&Word>, wrong: Wrong) {
    if let Some(word) = word {
        section.blame(word, wrong);
    }
}

/// A selector that a browser may know better than we do: only what can be no selector at all is refused.
fn selector(text: &str) -> Result<String, Wrong> {
    let wrong =
        |_| Wrong::new(format!("`{text}` is no CSS selector")).hint("write for example `ul.news > li a`");
    scraper::Selector::parse(text).map(|_| text.to_owned()).map_err(wrong)
}

fn address(text: &str) -> Result<Url, Wrong> {
    const HINT: &str = "write `http://127.0.0.1:9222`, or the `ws:` address of its endpoint";
    let url =
        Url::parse(text).map_err(|cause| Wrong::new(format!("this is no address: {cause}")).hint(HINT))?;
    match url.scheme() {
        "http" | "ws" if url.has_host() => Ok(url),
        "https" | "wss" => {
            let wrong = Wrong::new("a browser is not spoken to over TLS");
            Err(wrong.hint("let it listen at the loopback, or behind a tunnel of your own"))
        }
        _ => Err(Wrong::new("this is no address of a browser").hint(HINT)),
    }
}

fn ip(text: &str) -> Result<IpAddr, Wrong> {
    text.parse().map_err(|_| Wrong::new("this is no IP address").hint("write `127.0.0.1`"))
}

/// A name or an address, as it stands in a URL.
fn host(text: &str) -> Result<String, Wrong> {
    match url::Host::parse(text) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(Wrong::new("this is no name of a host").hint("write `loa`, or `172.17.0.1`")),
    }
}
