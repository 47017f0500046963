//! Identity keys.

use url::Url;

use super::{
    Rules,
    digest::{Wording, digest, hex},
};
use crate::model::{Draft, IdentityKey, text};

/// The identity keys of a draft, strongest first, never empty. `site` is the source's own address:
/// keys on its host leave the host out, so that they survive a move.
pub fn keys(draft: &Draft, rules: &Rules, site: &Url) -> Vec<IdentityKey> {
    let own = own_host(site);
    let canonical = draft.canonical.as_deref().map(|url| without_host(url, &own));
    let item = canonical.and_then(|url| item(url, rules));
    let guid = draft.guid.as_deref().filter(|guid| !guid.is_empty());
    let guid = guid.map(|guid| without_host(&evened(guid), &own).to_owned());
    let url = canonical.filter(|url| names_item(url, site)).map(str::to_owned);
    let mut found: Vec<IdentityKey> = Vec::new();
    found.extend(item.map(IdentityKey::Item));
    found.extend(guid.map(IdentityKey::Guid));
    found.extend(url.map(IdentityKey::Url));
    if found.is_empty() {
        found.push(IdentityKey::TitleDate(title_and_date(draft)));
    }
    found
}

/// `//host` as canonical URLs write it.
fn own_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let bare = host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(&host);
    match url.port() {
        Some(port) => format!("//{bare}:{port}"),
        None => format!("//{bare}"),
    }
}

/// A guid; where it is a web address, without scheme and `www.`. Its path, query and fragment stay as they are:
/// some ids differ in nothing else.
fn evened(guid: &str) -> String {
    let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match guid.parse::<Url>().ok().filter(web) {
        Some(url) => {
            let behind_host = url.as_str().splitn(4, '/').nth(3).unwrap_or_default();
            format!("{}/{behind_host}", own_host(&url))
        }
        None => guid.to_owned(),
    }
}

/// The address without the source's own host; with any other.
fn without_host<'a>(url: &'a str, own: &str) -> &'a str {
    url.strip_prefix(own).filter(|rest| rest.starts_with('/')).unwrap_or(url)
}

/// The item's number by the first pattern that matches. On another host that host belongs to it.
fn item(url: &str, rules: &Rules) -> Option<String> {
    let (host, path) = match url.strip_prefix("//").and_then(|rest| rest.find('/')) {
        Some(end) => url.split_at(end + 2),
        None => ("", url),
    };
    rules.item.iter().find_map(|pattern| {
        let captures = pattern.url.captures(path)?;
        let mut key = host.to_owned();
        captures.expand(&pattern.key, &mut key);
        (key.len() > host.len()).then_some(key)
    })
}

/// False for a link that all items of a source may share: its home page, the list itself.
fn names_item(url: &str, site: &Url) -> bool {
    let list = match site.query() {
        Some(query) => format!("{}?{query}", site.path()),
        None => site.path().to_owned(),
    };
    let path_only =
        url.strip_prefix("//").and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(url);
    path_only != "/" && url != list && url != list.trim_end_matches('/')
}

/// Folded title and local day. A title alone names nothing ("Thông báo mời thầu"): without a day the text counts.
fn title_and_date(draft: &Draft) -> String {
    let title = text::fold(&draft.content.title);
    match draft.published.as_ref().filter(|date| !date.inferred) {
        Some(date) => {
            let printed = date.rfc3339();
            format!("{title}|{}", printed.split('T').next().unwrap_or_default())
        }
        None => format!("{title}|{}", hex(digest(&draft.content, &Wording::of(&draft.content)))),
    }
}
