//! Just enough of a recipe reader to test what the shipped recipes select. The real one, which reports mistakes,
//! is `config`'s.

use regex::Regex;
use toml::{Table, Value};

use crate::extract::{Alternative, ListRules, PageRules, Pick, Query, Rules, Scope, Take};

/// Compiles the extraction part of a recipe.
pub(super) fn rules(text: &str) -> Rules {
    let table: Table = text.parse().unwrap();
    let list = |key: &str| table.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    Rules {
        sitemap: false,
        platform: table["name"].as_str().unwrap().to_owned(),
        json: None,
        feed: table.get("feed").and_then(Value::as_bool).unwrap_or_default(),
        lists: list("list").iter().map(|list| list_rules(list.as_table().unwrap())).collect(),
        page: table.get("page").map(|page| page_rules(page.as_table().unwrap())),
        fingerprint: list("fingerprint")
            .iter()
            .map(|mark| Regex::new(mark.as_str().unwrap()).unwrap())
            .collect(),
        max_items: usize::try_from(table.get("max_items").and_then(Value::as_integer).unwrap_or(0)).unwrap(),
    }
}

fn list_rules(table: &Table) -> ListRules {
    let text = |key| pick(table.get(key), &Take::Text);
    ListRules {
        item: css(table["item"].as_str().unwrap()),
        scope: if table.get("scope").and_then(Value::as_str) == Some("until-next") {
            Scope::UntilNext
        } else {
            Scope::Inside
        },
        title: text("title"),
        link: pick(table.get("link"), &Take::Attr("href".to_owned())),
        id: text("id"),
        date: text("date"),
        summary: pick(table.get("summary"), &Take::Html),
        image: pick(table.get("image"), &Take::Attr("src".to_owned())),
        category: text("category"),
        author: text("author"),
    }
}

fn page_rules(table: &Table) -> PageRules {
    let text = |key| pick(table.get(key), &Take::Text);
    let drop = table.get("drop").and_then(Value::as_array).into_iter().flatten();
    PageRules {
        id: text("id"),
        title: text("title"),
        date: text("date"),
        summary: pick(table.get("summary"), &Take::Html),
        body: pick(table.get("body"), &Take::Html),
        image: pick(table.get("image"), &Take::Attr("src".to_owned())),
        category: text("category"),
        author: text("author"),
        attachments: pick(table.get("attachments"), &Take::Attr("href".to_owned())),
        drop: drop.map(|selector| css(selector.as_str().unwrap())).collect(),
    }
}

fn pick(value: Option<&Value>, default: &Take) -> Pick {
    match value {
        None => Pick::default(),
        Some(Value::Array(all)) => Pick(all.iter().map(|one| alternative(one, default)).collect()),
        Some(one) => Pick(vec![alternative(one, default)]),
    }
}

fn alternative(value: &Value, default: &Take) -> Alternative {
    match value {
        Value::String(selector) => {
            Alternative { select: Some(css(selector)), take: default.clone(), pattern: None }
        }
        other => {
            let text = |key: &str| other.get(key).map(|value| value.as_str().unwrap());
            let take = text("take").map(|take| match take {
                "text" => Take::Text,
                "own-text" => Take::OwnText,
                "html" => Take::Html,
                attribute => Take::Attr(attribute.strip_prefix('@').unwrap().to_owned()),
            });
            Alternative {
                select: text("select").map(css),
                take: take.unwrap_or_else(|| default.clone()),
                pattern: text("pattern").map(|pattern| Regex::new(pattern).unwrap()),
            }
        }
    }
}

fn css(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
