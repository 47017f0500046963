//! A small tree of any XML, well-formed or not: feeds in the wild are often not.
//!
//! Total and linear: every input gives a tree, nothing is fetched, entities expand once and to little, depth and
//! width are capped. What HTML feeds forget (closing tags, escaped ampersands, declared prefixes) is forgiven.

mod dtd;
mod token;
mod vocabulary;

use url::Url;

use dtd::Entities;
use token::{Token, attributes, legal, next};
pub(super) use vocabulary::Ns;
use vocabulary::{conventional, vocabulary};

/// Deeper elements are not kept; real feeds stay under 40, markup inside of them included.
const MAX_DEPTH: usize = 256;

/// More attributes on one element are not kept.
const MAX_ATTRIBUTES: usize = 64;

/// An element.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// Its vocabulary.
    pub(super) ns: Ns,
    /// Its name without prefix, as written.
    pub(super) name: String,
    /// Its attributes: names as written, values decoded.
    pub(super) attributes: Vec<(String, String)>,
    /// What is inside.
    pub(super) children: Vec<Child>,
    /// The language in scope (`xml:lang`).
    pub(super) lang: Option<String>,
    /// The base in scope, where an `xml:base` says one.
    pub(super) base: Option<String>,
}

/// What stands inside an element.
#[derive(Clone, Debug)]
pub(super) enum Child {
    /// Decoded text.
    Text(String),
    /// An element.
    Element(Element),
}

/// What reading gave.
pub(super) struct Tree {
    /// The root, if one of the wanted names was found.
    pub(super) root: Option<Element>,
    /// The document ended inside of something; the open item, if any, is left out.
    pub(super) truncated: bool,
    /// The number of the item that was open then, from 1.
    pub(super) cut_item: Option<usize>,
    /// Some elements were too deep and left out.
    pub(super) too_deep: bool,
    /// There were more items than asked for.
    pub(super) capped: bool,
    /// There was something before the root that is not XML.
    pub(super) dirt: bool,
}

/// What to look for.
pub(super) struct Wanted<'a> {
    /// Lower-case names one of which the root has.
    pub(super) roots: &'a [&'a str],
    /// Lower-case names that items have.
    pub(super) items: &'a [&'a str],
    /// How many items to read.
    pub(super) max_items: usize,
    /// What relative `xml:base`s stand on.
    pub(super) url: &'a Url,
}

/// Reads the tree under the first element with a wanted name.
pub(super) fn read(text: &str, wanted: &Wanted<'_>) -> Tree {
    let mut builder = Builder::new(wanted);
    let mut rest = text;
    while let Some((token, after)) = next(rest) {
        rest = after;
        match token {
            Token::Start { name, attributes, empty } => {
                builder.start(name, attributes);
                if empty {
                    builder.end(name);
                }
            }
            Token::End(name) => builder.end(name),
            Token::Text(text) => {
                let decoded = builder.entities.decode(text);
                builder.text(&decoded);
            }
            Token::DocumentType(text) => builder.entities.declare(text),
            Token::CData(text) => builder.text(text),
            Token::Nothing => {}
        }
        if builder.done {
            break;
        }
    }
    builder.finish()
}

// === tree ===

struct Builder<'a> {
    wanted: &'a Wanted<'a>,
    entities: Entities,
    stack: Vec<Element>,
    /// Declared prefixes and the depth they were declared at.
    bindings: Vec<(usize, String, Ns)>,
    /// Open elements beyond the depth cap.
    skipped: usize,
    items: usize,
    root: Option<Element>,
    done: bool,
    too_deep: bool,
    capped: bool,
    dirt: bool,
}

impl<'a> Builder<'a> {
    fn new(wanted: &'a Wanted<'a>) -> Self {
        Self {
            wanted,
            entities: Entities::default(),
            stack: Vec::new(),
            bindings: Vec::new(),
            skipped: 0,
            items: 0,
            root: None,
            done: false,
            too_deep: false,
            capped: false,
            dirt: false,
        }
    }

    fn start(&mut self, qualified: &str, raw: &str) {
        if self.stack.is_empty() && !one_of(self.wanted.roots, local(qualified)) {
            self.dirt = true;
            return;
        }
        self.close_forgotten(qualified);
        let depth = self.stack.len();
        if depth <= 2 && self.items >= self.wanted.max_items && one_of(self.wanted.items, local(qualified)) {
            self.capped = true;
            self.done = true;
            return;
        }
        if depth >= MAX_DEPTH {
            self.skipped += 1;
            self.too_deep = true;
            return;
        }
        let attributes = attributes(raw, &mut self.entities);
        for (name, value) in &attributes {
            let prefix = if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix
                && self.bindings.len() < MAX_ATTRIBUTES
            {
                self.bindings.push((depth, prefix.to_owned(), vocabulary(value)));
            }
        }
        if depth == 0 && self.resolve(qualified) == Ns::Other {
            // The root is what was looked for, so its own vocabulary is a feed's, however it is called.
            self.bindings.push((depth, prefix(qualified).to_owned(), Ns::Core));
        }
        let parent = self.stack.last();
        // Every element inside carries these two: long ones would multiply.
        let lang = attribute(&attributes, "xml:lang").filter(|lang| lang.len() <= 64).map(str::to_owned);
        let base = attribute(&attributes, "xml:base").and_then(|base| self.joined(base));
        let base = base.filter(|base| base.len() <= 2048);
        let element = Element {
            ns: self.resolve(qualified),
            name: local(qualified).to_owned(),
            lang: lang.or_else(|| parent.and_then(|above| above.lang.clone())),
            base: base.or_else(|| parent.and_then(|above| above.base.clone())),
            attributes,
            children: Vec::new(),
        };
        self.stack.push(element);
    }

    /// An item begins inside of another of its name: somebody forgot to close that one, or the last of its fields.
    /// Not in what holds documents of its own.
    fn close_forgotten(&mut self, qualified: &str) {
        let name = local(qualified);
        if !one_of(self.wanted.items, name) {
            return;
        }
        let Some(at) = self.stack.iter().rposition(|open| open.name == name) else { return };
        let between = self.stack.get(at + 1..).unwrap_or_default();
        let is_field = |field: &Element| !one_of(&["content", "summary", "description"], &field.name);
        if between.len() <= 1 && between.iter().all(is_field) {
            while self.stack.len() > at {
                self.close();
            }
        }
    }

    fn end(&mut self, qualified: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        // An end that nothing open waits for is dirt; one that stands further up closes what is between.
        let wanted = local(qualified);
        let Some(at) = self.stack.iter().rposition(|open| open.name == wanted) else { return };
        while self.stack.len() > at {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(element) = self.stack.pop() else { return };
        let depth = self.stack.len();
        while self.bindings.last().is_some_and(|(declared, ..)| *declared >= depth) {
            self.bindings.pop();
        }
        let is_item = depth <= 2 && one_of(self.wanted.items, &element.name);
        match self.stack.last_mut() {
            Some(parent) => parent.children.push(Child::Element(element)),
            None => {
                self.root = Some(element);
                self.done = true;
            }
        }
        self.items += usize::from(is_item);
    }

    fn text(&mut self, text: &str) {
        match self.stack.last_mut() {
            None => {
                self.dirt |= !text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty();
            }
            Some(open) => {
                let text = legal(text);
                match open.children.last_mut() {
                    Some(Child::Text(before)) => before.push_str(&text),
                    Some(Child::Element(_)) | None => open.children.push(Child::Text(text)),
                }
            }
        }
    }

    fn finish(mut self) -> Tree {
        let truncated = !self.stack.is_empty() && !self.capped;
        let mut cut_item = None;
        if truncated
            && let Some(at) = self.stack.iter().position(|open| one_of(self.wanted.items, &open.name))
        {
            // Half an item would come back as an edit of the whole one: the root alone may be cut.
            self.stack.truncate(at.max(1));
            cut_item = Some(self.items + 1);
        }
        while !self.stack.is_empty() {
            self.close();
        }
        Tree {
            root: self.root,
            truncated,
            cut_item,
            too_deep: self.too_deep,
            capped: self.capped,
            dirt: self.dirt,
        }
    }

    fn joined(&self, base: &str) -> Option<String> {
        let above =
            self.stack.last().and_then(|above| above.base.as_deref()).and_then(|base| Url::parse(base).ok());
        above.as_ref().unwrap_or(self.wanted.url).join(base.trim()).ok().map(String::from)
    }

    fn resolve(&self, qualified: &str) -> Ns {
        let prefix = prefix(qualified);
        let bound = self.bindings.iter().rev().find(|(_, known, _)| known == prefix).map(|(.., ns)| *ns);
        bound.unwrap_or_else(|| conventional(prefix))
    }
}

/// The first tag of that name in a piece of HTML, without what is in it.
pub(super) fn first_tag(html: &str, name: &str) -> Option<Element> {
    let mut rest = html;
    while let Some((token, after)) = next(rest) {
        rest = after;
        if let Token::Start { name: found, attributes: raw, .. } = token
            && found.eq_ignore_ascii_case(name)
        {
            let attributes = attributes(raw, &mut Entities::default());
            let name = found.to_owned();
            return Some(Element {
                ns: Ns::Xhtml,
                name,
                attributes,
                children: Vec::new(),
                lang: None,
                base: None,
            });
        }
    }
    None
}

fn prefix(qualified: &str) -> &str {
    qualified.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn local(qualified: &str) -> &str {
    qualified.split_once(':').map_or(qualified, |(_, local)| local)
}

fn one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn attribute<'e>(attributes: &'e [(String, String)], name: &str) -> Option<&'e str> {
    attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

// === impl Element ===

impl Element {
    /// An attribute's value, trimmed, if there is something in it.
    pub(super) fn attr(&self, name: &str) -> Option<&str> {
        attribute(&self.attributes, name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Its child elements.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    /// True when it has elements inside.
    pub(super) fn has_elements(&self) -> bool {
        self.elements().next().is_some()
    }

    /// All text inside, trimmed.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.push_text(&mut out);
        out.trim().to_owned()
    }

    fn push_text(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Child::Text(text) => out.push_str(text),
                Child::Element(element) => element.push_text(out),
            }
        }
    }

    /// What is inside as HTML markup: text escaped, elements written out without prefixes.
    pub(super) fn inner_html(&self) -> String {
        let mut out = String::new();
        for child in &self.children {
            child.write(&mut out);
        }
        out.trim().to_owned()
    }
}

impl Child {
    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => escape(text, out),
            Self::Element(element) => {
                out.push('<');
                out.push_str(&element.name);
                for (name, value) in element.attributes.iter().filter(|(name, _)| !name.starts_with("xml")) {
                    out.push(' ');
                    out.push_str(name);
                    out.push_str("=\"");
                    escape(value, out);
                    out.push('"');
                }
                out.push('>');
                if element.children.is_empty() && is_void(&element.name) {
                    return;
                }
                for child in &element.children {
                    child.write(out);
                }
                out.push_str("</");
                out.push_str(&element.name);
                out.push('>');
            }
        }
    }
}

/// Escapes text for HTML.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
}

fn is_void(name: &str) -> bool {
    let void = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    ];
    one_of(&void, name)
}
