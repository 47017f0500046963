//! JSON-LD: the article that a page describes for search engines (schema.org `Article` and its kinds), and the lists
//! of articles.

pub(super) mod lists;

use std::sync::LazyLock;

use scraper::Selector;
use serde_json::Value;

use super::json_feed::lenient;
use super::plain;
use crate::model::{Person, markup};

/// What was found of the article.
#[derive(Default)]
pub(super) struct Article {
    /// `headline`, else `name`.
    pub(super) title: Option<String>,
    /// `articleBody`, plain text, lines kept.
    pub(super) body: Option<String>,
    /// `description`.
    pub(super) summary: Option<String>,
    /// `datePublished`.
    pub(super) published: Option<String>,
    /// `dateModified`.
    pub(super) updated: Option<String>,
    /// `image`, the first.
    pub(super) image: Option<String>,
    /// `inLanguage`.
    pub(super) language: Option<String>,
    /// `author`, all.
    pub(super) authors: Vec<Person>,
    /// `articleSection`, all.
    pub(super) sections: Vec<String>,
}

impl Article {
    /// The first article in a script, wherever it is nested.
    pub(super) fn read(script: &str) -> Option<Self> {
        find(&parsed(script)?, &is_article, 0).map(Self::of)
    }

    fn of(value: &Value) -> Self {
        let text = |key: &str| first_text(value.get(key)?);
        let line = |key: &str| text(key).map(|text| plain::text(&text)).filter(|text| !text.is_empty());
        Self {
            title: line("headline").or_else(|| line("name")),
            body: text("articleBody")
                .map(|body| markup::decode(&body).trim().to_owned())
                .filter(|body| !body.is_empty()),
            summary: line("description"),
            published: text("datePublished").or_else(|| text("dateCreated")),
            updated: text("dateModified"),
            image: value.get("image").or_else(|| value.get("thumbnailUrl")).and_then(address),
            language: text("inLanguage"),
            authors: people(value.get("author").or_else(|| value.get("creator"))),
            sections: texts(value.get("articleSection")),
        }
    }
}

static SCRIPTS: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("script[type*='ld+json']").expect("a constant selector"));

fn parsed(script: &str) -> Option<Value> {
    let json = script.trim().trim_start_matches("<!--").trim_start_matches("//<![CDATA[").trim();
    lenient(json.trim_end_matches("-->").trim_end_matches("//]]>").trim_end_matches(';'))
}

/// The first object that is wanted, wherever it is nested.
fn find<'v>(value: &'v Value, wanted: &dyn Fn(&Value) -> bool, depth: usize) -> Option<&'v Value> {
    /// `@graph`, `mainEntity` and the like; nobody nests articles deeper.
    const DEEPEST: usize = 6;
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::Array(all) => all.iter().find_map(|one| find(one, wanted, depth + 1)),
        Value::Object(_) if wanted(value) => Some(value),
        Value::Object(_) => ["@graph", "mainEntity", "mainEntityOfPage"]
            .iter()
            .filter_map(|key| value.get(*key))
            .find_map(|inner| find(inner, wanted, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn is_article(value: &Value) -> bool {
    let is_kind = |name: &str| name.ends_with("Article") || name.ends_with("Posting") || name == "Report";
    is_a(value, is_kind)
}

fn is_a(value: &Value, is_kind: impl Fn(&str) -> bool) -> bool {
    let names = match value.get("@type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return false,
    };
    names.iter().any(|name| is_kind(name.rsplit('/').next().unwrap_or(name)))
}

fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Array(all) => all.iter().find_map(first_text),
        Value::Object(_) => {
            value.get("@value").or_else(|| value.get("name")).and_then(Value::as_str).map(str::to_owned)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let all = match value {
        Some(Value::Array(all)) => all.iter().filter_map(first_text).collect(),
        Some(one) => first_text(one).into_iter().collect(),
        None => Vec::new(),
    };
    all.iter().map(|text| plain::text(text)).filter(|text| !text.is_empty()).collect()
}

/// An image: an address, an object with one, or a list of either.
fn address(value: &Value) -> Option<String> {
    match value {
        Value::Array(all) => all.iter().find_map(address),
        Value::Object(_) => value.get("url").or_else(|| value.get("contentUrl")).and_then(address),
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn people(value: Option<&Value>) -> Vec<Person> {
    let person = |value: &Value| {
        let name = first_text(value).map(|name| plain::text(&name)).filter(|name| !name.is_empty())?;
        let url = value.get("url").and_then(Value::as_str).map(str::to_owned);
        Some(Person { name: Some(name), email: None, url })
    };
    match value {
        Some(Value::Array(all)) => all.iter().filter_map(person).collect(),
        Some(one) => person(one).into_iter().collect(),
        None => Vec::new(),
    }
}
