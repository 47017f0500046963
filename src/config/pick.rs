//! PICK: where a value stands in a page.

use regex::Regex;
use scraper::error::SelectorErrorKind;

use super::{
    read::{Section, Wrong},
    recipe,
    tree::{Node, Value},
};
use crate::extract::{
    Alternative, Pick, Query, Take,
    json::{self, JsonWay},
};

/// What kind of value is looked for: says what is taken when the recipe does not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// Text.
    Text,
    /// Markup.
    Html,
    /// An address in `href`.
    Link,
    /// An address in `src`.
    Image,
}

/// Reads a pick: `"css"`, `{ select, take, pattern }`, or a list of those. Empty when absent.
pub(super) fn read(section: &Section<'_>, key: &'static str, field: Field) -> Pick {
    let Some(node) = section.node(key) else { return Pick::default() };
    let alternatives = match &node.value {
        Value::List(nodes) => {
            nodes.iter().filter_map(|node| alternative(section, key, node, field)).collect()
        }
        _ => alternative(section, key, node, field).into_iter().collect(),
    };
    Pick(alternatives)
}

/// Reads where a value of a JSON endpoint stands: `"a.b.0"`, `{ path, pattern, template }`, or a list of those.
pub(super) fn json(section: &Section<'_>, key: &'static str) -> Vec<JsonWay> {
    let Some(node) = section.node(key) else { return Vec::new() };
    match &node.value {
        Value::List(nodes) => nodes.iter().filter_map(|node| json_way(section, key, node)).collect(),
        _ => json_way(section, key, node).into_iter().collect(),
    }
}

fn json_way(section: &Section<'_>, key: &str, node: &Node) -> Option<JsonWay> {
    match &node.value {
        Value::Text(text) => Some(JsonWay { path: json::path(text), pattern: None, template: None }),
        Value::Table(table) => {
            let inner = Section::new(table, key, section.findings());
            inner.require("path", "\"title.rendered\"");
            let path = inner.filled("path").map(|word| json::path(&word.text));
            let pattern: Option<Regex> = inner.parsed("pattern", recipe::regex);
            let template =
                inner.parsed("template", |text| match text.contains("{}") {
                    true => Ok(text.to_owned()),
                    false => Err(Wrong::new("the template has no place for the value")
                        .hint("write `{}` where it goes")),
                });
            inner.finish();
            Some(JsonWay { path: path?, pattern, template })
        }
        other => {
            let message = format!("`{key}` must be a path, not {}", other.kind());
            let hint =
                "write `\"a.b.0\"` or `{ path = \"a.b\", pattern = 'regex', template = \"https://…/{}\" }`";
            section.findings().wrong(&node.place, message, Some(hint.to_owned()));
            None
        }
    }
}

/// Compiles a CSS selector.
pub(super) fn selector(text: &str) -> Result<Query, Wrong> {
    Query::parse(text).map_err(|cause| {
        Wrong::new(format!("this is not a CSS selector: {}", explain(&cause)))
            .hint("selectors are those of a style sheet: `div.news > a[href]`, `h3, h4`")
    })
}

/// What the selector parser has against a selector, in words of people who write selectors.
fn explain(cause: &SelectorErrorKind) -> &'static str {
    match cause {
        SelectorErrorKind::UnexpectedSelectorParseError(inner) => match format!("{inner:?}").as_str() {
            "DanglingCombinator" => "it ends with a combinator",
            "EmptySelector" => "a part of it is empty",
            name if name.starts_with("UnsupportedPseudoClassOrElement") => {
                "it has a pseudo-class that pages cannot answer"
            }
            name if name.contains("Attribute") => "its attribute part is broken",
            _ => "it has a part that no selector has",
        },
        SelectorErrorKind::EndOfLine => "it ends too early",
        SelectorErrorKind::ExpectedColonOnPseudoElement
        | SelectorErrorKind::ExpectedIdentityOnPseudoElement => "its pseudo-element is broken",
        SelectorErrorKind::TooManyNestedBlocks => "it nests too deeply",
        SelectorErrorKind::UnexpectedToken
        | SelectorErrorKind::InvalidAtRule
        | SelectorErrorKind::InvalidAtRuleBody
        | SelectorErrorKind::QualRuleInvalid => "it has a character where none can stand",
    }
}

fn alternative(section: &Section<'_>, key: &str, node: &Node, field: Field) -> Option<Alternative> {
    match &node.value {
        Value::Text(text) => {
            let word = super::read::Word { text: text.clone(), place: node.place.clone() };
            let select = selector(text).map_err(|wrong| section.blame(&word, wrong)).ok()?;
            Some(Alternative { select: Some(select), take: default_take(field), pattern: None })
        }
        Value::Table(table) => {
            let inner = Section::new(table, key, section.findings());
            let select = inner.parsed("select", selector);
            let has_select = inner.has("select");
            let take = inner.parsed("take", take);
            let pattern: Option<Regex> = inner.parsed("pattern", recipe::regex);
            let broken = has_select && select.is_none();
            inner.finish();
            (!broken).then(|| Alternative {
                select,
                take: take.unwrap_or_else(|| default_take(field)),
                pattern,
            })
        }
        other => {
            let message = format!("`{key}` must be a selector, not {}", other.kind());
            let hint = "write `\"css\"` or `{ select = \"css\", take = \"@href\", pattern = 'regex' }`";
            section.findings().wrong(&node.place, message, Some(hint.to_owned()));
            None
        }
    }
}

fn default_take(field: Field) -> Take {
    match field {
        Field::Text => Take::Text,
        Field::Html => Take::Html,
        Field::Link => Take::Attr("href".to_owned()),
        Field::Image => Take::Attr("src".to_owned()),
    }
}

fn take(text: &str) -> Result<Take, Wrong> {
    match (text, text.strip_prefix('@')) {
        ("text", _) => Ok(Take::Text),
        ("own-text", _) => Ok(Take::OwnText),
        ("html", _) => Ok(Take::Html),
        (_, Some(name)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
            Ok(Take::Attr(name.to_ascii_lowercase()))
        }
        _ => Err(Wrong::new(format!("`{text}` cannot be taken"))
            .hint("write `text`, `own-text`, `html`, or an attribute: `@href`")),
    }
}
