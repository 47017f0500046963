//! Values out of a parsed page: what a `Pick` names.

use std::collections::HashSet;

use ego_tree::{NodeId, NodeRef, iter::Edge};
use regex::Regex;
use scraper::{ElementRef, Node};

use super::{Alternative, Pick, Query, Take, plain};

/// Elements that separate words.
const BREAKS: [&str; 24] = [
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "p",
    "section",
    "table",
    "td",
    "th",
    "tr",
];

/// Elements whose text nobody reads.
const SILENT: [&str; 4] = ["script", "style", "template", "noscript"];

/// The elements of the first alternative that gives values, with the values.
pub(super) fn picked<'a>(
    pick: &Pick,
    candidates: impl Fn(usize, &Alternative) -> Vec<ElementRef<'a>>,
) -> Vec<(ElementRef<'a>, String)> {
    for (index, alternative) in pick.0.iter().enumerate() {
        let elements = candidates(index, alternative).into_iter();
        let values: Vec<_> =
            elements.filter_map(|element| Some((element, value(element, alternative)?))).collect();
        if !values.is_empty() {
            return values;
        }
    }
    Vec::new()
}

/// The candidates of an alternative inside `scope`; the scope itself where nothing is selected.
pub(super) fn inside<'a>(scope: ElementRef<'a>, alternative: &Alternative) -> Vec<ElementRef<'a>> {
    match &alternative.select {
        Some(selector) => scope.select(selector).collect(),
        None => vec![scope],
    }
}

/// Every element of a page, or of a part of it, in document order: it is asked for many things, and walking its tree
/// takes as long as asking.
pub(super) struct Elements<'a> {
    pub(super) root: ElementRef<'a>,
    inside: Vec<ElementRef<'a>>,
}

// === impl Elements ===

impl<'a> Elements<'a> {
    pub(super) fn of(root: ElementRef<'a>) -> Self {
        Self { root, inside: root.descendants().skip(1).filter_map(ElementRef::wrap).collect() }
    }

    pub(super) fn select<'s>(&'s self, query: &'s Query) -> impl Iterator<Item = ElementRef<'a>> + 's {
        self.inside.iter().copied().filter(|element| query.matches(*element))
    }

    /// The candidates of an alternative; the root where nothing is selected.
    pub(super) fn inside(&self, alternative: &Alternative) -> Vec<ElementRef<'a>> {
        match &alternative.select {
            Some(selector) => self.select(selector).collect(),
            None => vec![self.root],
        }
    }

    /// All values of the first alternative that gives one.
    pub(super) fn all(&self, pick: &Pick) -> Vec<String> {
        picked(pick, |_, alternative| self.inside(alternative)).into_iter().map(|(_, value)| value).collect()
    }

    /// The first value.
    pub(super) fn first(&self, pick: &Pick) -> Option<String> {
        pick.0.iter().find_map(|alternative| match &alternative.select {
            Some(selector) => self.select(selector).find_map(|element| value(element, alternative)),
            None => value(self.root, alternative),
        })
    }
}

/// Elements that have no end tag.
const VOID: [&str; 16] = [
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "link",
    "meta", "source", "track", "wbr",
];

/// Elements whose text is written as it is (HTML, section 13.3).
const RAW: [&str; 8] = ["script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext", "noscript"];

/// The markup of everything in `element`. html5ever's own serializer looks at the rest of a text again for every
/// `&` in it, which a page of nothing else makes minutes of.
pub(super) fn inner_html(element: ElementRef<'_>) -> String {
    inner_html_without(element, &HashSet::new())
}

/// The same, without the elements `left_out` and everything in them.
pub(super) fn inner_html_without(element: ElementRef<'_>, left_out: &HashSet<NodeId>) -> String {
    let mut out = String::new();
    let mut inside_left_out = 0usize;
    for edge in element.traverse() {
        let (node, opens) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        if node.id() != element.id() && left_out.contains(&node.id()) {
            inside_left_out = if opens { inside_left_out + 1 } else { inside_left_out - 1 };
            continue;
        }
        if inside_left_out > 0 {
            continue;
        }
        match node.value() {
            Node::Element(_) if node.id() == element.id() => {}
            Node::Element(inner) if opens => {
                out.push('<');
                out.push_str(inner.name());
                for (name, value) in inner.attrs() {
                    out.push(' ');
                    out.push_str(name);
                    out.push_str("=\"");
                    push_escaped(&mut out, value, true);
                    out.push('"');
                }
                out.push('>');
            }
            Node::Element(inner) if !VOID.contains(&inner.name()) => {
                out.push_str("</");
                out.push_str(inner.name());
                out.push('>');
            }
            Node::Text(text) if opens => {
                let parent = node.parent().and_then(|parent| parent.value().as_element());
                if parent.is_some_and(|parent| RAW.contains(&parent.name())) {
                    out.push_str(text);
                } else {
                    push_escaped(&mut out, text, false);
                }
            }
            _ => {}
        }
    }
    out
}

fn push_escaped(out: &mut String, text: &str, in_attribute: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\u{a0}', '"', '<', '>']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut behind = special.chars();
        match behind.next() {
            Some('&') => out.push_str("&amp;"),
            Some('\u{a0}') => out.push_str("&nbsp;"),
            Some('"') if in_attribute => out.push_str("&quot;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            other => out.extend(other),
        }
        rest = behind.as_str();
    }
    out.push_str(rest);
}

/// What an alternative takes of an element; nothing where that is empty or the pattern does not match.
pub(super) fn value(element: ElementRef<'_>, alternative: &Alternative) -> Option<String> {
    let taken = match &alternative.take {
        Take::Text => text(element),
        Take::OwnText => own_text(element),
        Take::Html if is_blank(element) => return None,
        Take::Html => inner_html(element).trim().to_owned(),
        Take::Attr(name) => element.attr(name)?.trim().to_owned(),
    };
    let kept = match &alternative.pattern {
        Some(pattern) => captured(pattern, &taken)?,
        None => taken,
    };
    Some(kept).filter(|kept| !kept.is_empty())
}

/// The first group of a match, or all of it.
pub(super) fn captured(pattern: &Regex, text: &str) -> Option<String> {
    let captures = pattern.captures(text)?;
    let group = captures.iter().skip(1).flatten().next().or_else(|| captures.get(0))?;
    Some(group.as_str().trim().to_owned())
}

/// Nothing in it that people could read or look at.
fn is_blank(element: ElementRef<'_>) -> bool {
    let shows =
        |name: &str| matches!(name, "img" | "video" | "audio" | "iframe" | "object" | "embed" | "svg");
    let is_silent = |node: NodeRef<'_, Node>| {
        node.value().as_element().is_some_and(|element| SILENT.contains(&element.name()))
    };
    let within = |node: NodeRef<'_, Node>| node.id() != element.id();
    let is_read = |node: NodeRef<'_, Node>| {
        !is_silent(*element) && !node.ancestors().take_while(|above| within(*above)).any(is_silent)
    };
    !element.descendants().any(|node| match node.value() {
        Node::Element(inner) => shows(inner.name()),
        Node::Text(text) => !text.trim().is_empty() && is_read(node),
        _ => false,
    })
}

/// The text that people see, white space collapsed.
pub(super) fn text(element: ElementRef<'_>) -> String {
    let mut out = String::new();
    let mut silent = 0usize;
    for edge in element.traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Text(text) if silent == 0 => out.push_str(&text.text),
                Node::Element(inside) => {
                    silent += usize::from(SILENT.contains(&inside.name()));
                    separate(inside.name(), &mut out);
                }
                _ => {}
            },
            Edge::Close(node) => {
                if let Node::Element(inside) = node.value() {
                    silent -= usize::from(SILENT.contains(&inside.name()));
                    separate(inside.name(), &mut out);
                }
            }
        }
    }
    plain::collapse(&out)
}

fn separate(name: &str, out: &mut String) {
    if BREAKS.contains(&name) {
        out.push(' ');
    }
}

/// Its own text nodes, without its children's.
pub(super) fn own_text(element: ElementRef<'_>) -> String {
    let texts = element.children().filter_map(|child| child.value().as_text().map(|text| text.to_string()));
    plain::collapse(&texts.collect::<Vec<_>>().join(" "))
}
