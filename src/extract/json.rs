//! JSON endpoints: a document of any shape, read by paths.

use regex::Regex;
use serde_json::Value;
use url::Url;

use super::charset::{self, Carrier};
use super::{Document, Found, Head, Kind, Rules, dom, item_issues, max_items, plain, tld, too_many};
use crate::model::{Category, ExtractedBy, Issue, Item, Link, Person};

/// Where an endpoint's values stand.
#[derive(Clone, Debug, Default)]
pub struct JsonRules {
    /// The list of items; empty: the document itself is one.
    pub items: Path,
    /// The item's own id.
    pub id: Vec<JsonWay>,
    /// The title: text, or markup that is made text.
    pub title: Vec<JsonWay>,
    /// The link.
    pub link: Vec<JsonWay>,
    /// The date.
    pub date: Vec<JsonWay>,
    /// The date of the last change.
    pub updated: Vec<JsonWay>,
    /// The teaser.
    pub summary: Vec<JsonWay>,
    /// The full text.
    pub content: Vec<JsonWay>,
    /// The image.
    pub image: Vec<JsonWay>,
    /// Sections.
    pub category: Vec<JsonWay>,
    /// Authors.
    pub author: Vec<JsonWay>,
}

/// Member names and positions, outermost first; `*` stands for every element of a list.
pub type Path = Vec<String>;

/// One way to a value.
#[derive(Clone, Debug)]
pub struct JsonWay {
    /// Where it stands in the item.
    pub path: Path,
    /// Keeps the first group (or the whole match), and drops what does not match.
    pub pattern: Option<Regex>,
    /// What is made of it: `{}` stands for the value.
    pub template: Option<String>,
}

/// The deepest path; nobody nests deeper.
const DEEPEST: usize = 16;

/// The most values of one member, for lists of sections and authors.
const MOST_VALUES: usize = 50;

/// Splits `a.b.0` into its parts.
pub fn path(text: &str) -> Path {
    text.split('.').filter(|part| !part.is_empty()).take(DEEPEST).map(str::to_owned).collect()
}

/// Reads a JSON document by `rules`.
pub(super) fn read(document: &Document<'_>, json: &JsonRules, rules: &Rules) -> Found {
    let decoded = charset::decode(document.bytes, document.content_type, tld(document.url), Carrier::Xml);
    let mut found = Found {
        kind: Kind::List,
        format: "json".to_owned(),
        encoding: decoded.encoding,
        head: Head::default(),
        items: Vec::new(),
        issues: decoded.issues,
    };
    let text = decoded.text.trim_start_matches('\u{feff}');
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(cause) => {
            let what = if text.trim_start().starts_with('<') { "it is a page" } else { "it is no JSON" };
            let message = format!("the answer cannot be read: {what}: {cause}");
            found.issues.push(Issue::error("not-json", message));
            return found;
        }
    };
    let listed = at(&value, &json.items).into_iter().find_map(Value::as_array);
    let Some(listed) = listed else {
        let shown = if json.items.is_empty() {
            "the document".to_owned()
        } else {
            format!("`{}`", json.items.join("."))
        };
        found.issues.push(Issue::error("no-items", format!("{shown} is no list")));
        return found;
    };
    let most = max_items(rules);
    found.items = listed.iter().take(most).map(|value| item(value, json)).collect();
    let empty = |item: &Item| item.title.is_none() && item.url.is_none() && item.content.is_none();
    let n_all = found.items.len();
    found.items.retain(|item| !empty(item));
    if found.items.len() < n_all {
        let message = format!(
            "items left out because none of the paths leads to anything: {}",
            n_all - found.items.len()
        );
        found.issues.push(Issue::warning("empty-item", message));
    }
    if listed.len() > most {
        found.issues.push(too_many(most));
    }
    if found.items.is_empty() {
        found.issues.push(Issue::error("no-items", "no item was found"));
    }
    found.issues.extend(item_issues(&found.items));
    found
}

fn item(value: &Value, json: &JsonRules) -> Item {
    let first = |ways: &[JsonWay]| all(value, ways).into_iter().next();
    let url = first(&json.link);
    let content = first(&json.content);
    Item {
        id: first(&json.id),
        links: url
            .iter()
            .map(|href| Link { href: href.clone(), rel: Some("alternate".to_owned()), media_type: None })
            .collect(),
        url,
        title: first(&json.title)
            .map(|title| plain::title(&plain::text(&title)))
            .filter(|title| !title.is_empty()),
        published: first(&json.date),
        updated: first(&json.updated),
        summary: first(&json.summary),
        content_type: content.as_ref().map(|_| "text/html".to_owned()),
        extracted_by: if content.is_some() { ExtractedBy::Recipe } else { ExtractedBy::Summary },
        content,
        image: first(&json.image),
        categories: all(value, &json.category)
            .into_iter()
            .map(|term| Category { term, ..Category::default() })
            .collect(),
        authors: all(value, &json.author)
            .into_iter()
            .map(|name| Person { name: Some(name), ..Person::default() })
            .collect(),
        ..Item::default()
    }
}

/// The values of the first way that leads to any.
fn all(value: &Value, ways: &[JsonWay]) -> Vec<String> {
    let values = |way: &JsonWay| {
        let said = at(value, &way.path).into_iter().filter_map(said);
        said.filter_map(|text| made(way, text)).take(MOST_VALUES).collect::<Vec<_>>()
    };
    ways.iter().map(values).find(|values| !values.is_empty()).unwrap_or_default()
}

/// What stands at a path.
fn at<'v>(value: &'v Value, path: &[String]) -> Vec<&'v Value> {
    let mut here = vec![value];
    for part in path {
        let mut next: Vec<&Value> = Vec::new();
        for value in here {
            match value {
                Value::Array(all) if part == "*" => next.extend(all.iter().take(MOST_VALUES)),
                Value::Array(all) => next.extend(part.parse::<usize>().ok().and_then(|index| all.get(index))),
                Value::Object(members) => next.extend(members.get(part)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        here = next;
    }
    here
}

/// A value as text.
fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn made(way: &JsonWay, text: String) -> Option<String> {
    let kept = match &way.pattern {
        Some(pattern) => dom::captured(pattern, &text)?,
        None => text,
    };
    Some(match &way.template {
        Some(template) => template.replace("{}", &kept),
        None => kept,
    })
}

/// The address of a WordPress site's posts below its API's own (`<link rel="https://api.w.org/">`).
pub fn wordpress_posts(api: &Url) -> Option<Url> {
    let mut url = api.clone();
    // Without pretty addresses the route is a parameter.
    let route = url.query_pairs().find(|(name, _)| name == "rest_route").map(|(_, route)| route.into_owned());
    match route {
        Some(route) => {
            url.query_pairs_mut()
                .clear()
                .append_pair("rest_route", &format!("{}/wp/v2/posts", route.trim_end_matches('/')));
        }
        None => url = url.join("wp/v2/posts").ok()?,
    }
    url.query_pairs_mut()
        .append_pair("per_page", "20")
        .append_pair("_embed", "author,wp:featuredmedia,wp:term");
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(text: &str) -> Vec<JsonWay> {
        vec![JsonWay { path: path(text), pattern: None, template: None }]
    }

    fn check(text: &str, json: &JsonRules) -> Found {
        let url = Url::parse("https://a.example/api").unwrap();
        let document = Document { bytes: text.as_bytes(), content_type: Some("application/json"), url: &url };
        read(&document, json, &Rules { max_items: 3, ..Rules::default() })
    }

    #[test]
    fn values_stand_at_paths() {
        let json = JsonRules {
            items: path("data.list"),
            id: way("id"),
            title: way("title.rendered"),
            link: vec![JsonWay { template: Some("/tin/{}.html".to_owned()), ..way("slug").remove(0) }],
            date: way("at"),
            category: way("terms.*.name"),
            ..JsonRules::default()
        };
        let found = check(
            r#"{"data":{"list":[{"id":7,"title":{"rendered":"Khai m\u1ea1c &amp; b\u1ebf m\u1ea1c <b>l\u1edbn</b>"},"slug":"khai-mac-7",
            "at":"Fri Jul 10 15:55:00 +0700 2026","terms":[{"name":"Tin"},{"name":"S\u1ef1 ki\u1ec7n"},{}]},{"x":1}]}}"#,
            &json,
        );
        let item = &found.items[0];
        assert_eq!(item.title.as_deref(), Some("Khai mạc & bế mạc lớn"));
        assert_eq!(item.url.as_deref(), Some("/tin/khai-mac-7.html"));
        assert_eq!((item.id.as_deref(), item.categories.len()), (Some("7"), 2));
        assert_eq!((found.items.len(), found.issues[0].code.as_str()), (1, "empty-item"));
    }

    #[test]
    fn what_is_no_list_is_said() {
        let json = JsonRules { title: way("t"), ..JsonRules::default() };
        let code = |text: &str| {
            check(text, &json).issues.first().map(|issue| issue.code.clone()).unwrap_or_default()
        };
        assert_eq!(code("<html>"), "not-json");
        assert_eq!(code("{\"a\":1}"), "no-items");
        assert_eq!(code("[]"), "no-items");
        assert_eq!(code("[{\"t\":\"a\"},{\"t\":\"b\"},{\"t\":\"c\"},{\"t\":\"d\"}]"), "too-many-items");
        assert_eq!(code(&"[".repeat(100_000)), "not-json");
    }

    #[test]
    fn the_posts_of_a_wordpress_stand_below_its_api() {
        let posts = |api: &str| wordpress_posts(&Url::parse(api).unwrap()).unwrap().to_string();
        assert!(
            posts("https://a.example/wp-json/")
                .starts_with("https://a.example/wp-json/wp/v2/posts?per_page=20")
        );
        assert!(
            posts("https://a.example/index.php?rest_route=/")
                .contains("rest_route=%2Fwp%2Fv2%2Fposts&per_page=20")
        );
    }
}
