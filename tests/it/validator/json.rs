//! JSON Feed 1.1: <https://www.jsonfeed.org/version/1.1/>. The W3C validator does not know it; the names are ours.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Findings, html, values};

type Object = Map<String, Value>;

const FEED: &[&str] = &[
    "version",
    "title",
    "home_page_url",
    "feed_url",
    "description",
    "user_comment",
    "next_url",
    "icon",
    "favicon",
    "authors",
    "language",
    "expired",
    "hubs",
    "items",
];
const ITEM: &[&str] = &[
    "id",
    "url",
    "external_url",
    "title",
    "content_html",
    "content_text",
    "summary",
    "image",
    "banner_image",
    "date_published",
    "date_modified",
    "authors",
    "tags",
    "language",
    "attachments",
];

pub(super) fn judge(text: &str, found: &mut Findings<'_>) {
    let feed = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(feed)) => feed,
        Ok(_) => return found.add("NotAnObject", text),
        Err(cause) => return found.add("NotJson", &cause.to_string()),
    };
    known(&feed, FEED, found);
    if feed.get("version") != Some(&"https://jsonfeed.org/version/1.1".into()) {
        found.add("InvalidVersion", text);
    }
    required(&feed, "title", found);
    urls(&feed, &["home_page_url", "feed_url", "next_url", "icon", "favicon"], found);
    texts(&feed, &["title", "description", "language"], found);
    common(&feed, found);
    if feed.get("feed_url").and_then(Value::as_str) != Some(found.frame.own) {
        found.add("SelfDoesntMatchLocation", &format!("{:?} at {}", feed.get("feed_url"), found.frame.own));
    }
    if feed.get("next_url").is_some() && feed.get("next_url") == feed.get("feed_url") {
        found.add("NextIsSelf", text);
    }
    if feed.get("expired").is_some_and(|expired| !expired.is_boolean()) {
        found.add("InvalidType", "expired");
    }
    for hub in objects(&feed, "hubs", found) {
        required(&hub, "type", found);
        required(&hub, "url", found);
    }
    if !feed.get("items").is_some_and(Value::is_array) {
        found.add("MissingItems", text);
    }
    let mut ids = HashSet::new();
    for item in objects(&feed, "items", found) {
        judge_item(&item, found);
        if !ids.insert(item.get("id").cloned()) {
            found.add("DuplicateIds", &format!("{:?}", item.get("id")));
        }
    }
}

fn judge_item(item: &Object, found: &mut Findings<'_>) {
    known(item, ITEM, found);
    required(item, "id", found);
    texts(item, &["title", "content_html", "content_text", "summary", "language"], found);
    urls(item, &["url", "external_url", "image", "banner_image"], found);
    common(item, found);
    if item.get("content_html").is_none() && item.get("content_text").is_none() {
        found.add("MissingContent", &format!("{:?}", item.get("id")));
    }
    if let Some(markup) = item.get("content_html").and_then(Value::as_str) {
        html::judge("content_html", markup, found);
    }
    let now = found.frame.now;
    for name in ["date_published", "date_modified"] {
        match item.get(name) {
            Some(Value::String(date)) => found.check(name, date, values::rfc3339(date, now)),
            Some(_) => found.add("InvalidType", name),
            None => {}
        }
    }
    if let Some(tags) = item.get("tags")
        && !tags
            .as_array()
            .is_some_and(|tags| tags.iter().all(|tag| tag.as_str().is_some_and(|tag| !tag.is_empty())))
    {
        found.add("InvalidType", "tags");
    }
    for attachment in objects(item, "attachments", found) {
        known(&attachment, &["url", "mime_type", "title", "size_in_bytes", "duration_in_seconds"], found);
        required(&attachment, "url", found);
        required(&attachment, "mime_type", found);
        urls(&attachment, &["url"], found);
        let mime = attachment.get("mime_type").and_then(Value::as_str).unwrap_or_default();
        found.check("mime_type", mime, values::mime(mime));
        if attachment.get("size_in_bytes").is_some_and(|size| !size.is_u64()) {
            found.add("InvalidType", "size_in_bytes");
        }
    }
}

/// What feeds and items share.
fn common(object: &Object, found: &mut Findings<'_>) {
    if let Some(language) = object.get("language").and_then(Value::as_str) {
        found.check("language", language, values::language(language));
    }
    for author in objects(object, "authors", found) {
        known(&author, &["name", "url", "avatar"], found);
        texts(&author, &["name"], found);
        if author.is_empty() {
            found.add("MissingElement", "an author without anything");
        }
        if let Some(url) = author.get("url").and_then(Value::as_str) {
            found.check("author", url, values::uri(url));
        }
    }
}

fn objects(object: &Object, name: &str, found: &mut Findings<'_>) -> Vec<Object> {
    let Some(list) = object.get(name) else { return Vec::new() };
    let all: Option<Vec<Object>> =
        list.as_array().map(|list| list.iter().filter_map(Value::as_object).cloned().collect());
    let whole = all.as_ref().map(Vec::len) == list.as_array().map(Vec::len);
    if !whole {
        found.add("InvalidType", name);
    }
    all.unwrap_or_default()
}

/// Members of one's own begin with `_`.
fn known(object: &Object, names: &[&str], found: &mut Findings<'_>) {
    for name in object.keys().filter(|name| !name.starts_with('_') && !names.contains(&name.as_str())) {
        found.add("UndefinedElement", name);
    }
}

fn required(object: &Object, name: &str, found: &mut Findings<'_>) {
    if object.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
        found.add("MissingElement", name);
    }
}

fn texts(object: &Object, names: &[&str], found: &mut Findings<'_>) {
    for name in names {
        if object.get(*name).is_some_and(|value| !value.is_string()) {
            found.add("InvalidType", name);
        }
    }
}

fn urls(object: &Object, names: &[&str], found: &mut Findings<'_>) {
    for name in names {
        match object.get(*name) {
            None => {}
            Some(Value::String(url)) => found.check(name, url, values::uri(url)),
            Some(_) => found.add("InvalidType", name),
        }
    }
}
