//! The sanitizer: the only room that makes an `Html`.
//!
//! Markup is parsed once and written again by `write::Writer`, which knows what articles are made of: links and
//! images made absolute, Word's leftovers, tracking pixels, empty and noise blocks left out. What it wrote goes
//! through ammonia's allow-list last, so that nothing rests on the writer for safety.

mod image;
mod settle;
mod wordless;
mod write;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use ::url::Url;
use ammonia::{Builder, UrlRelative};
use regex::Regex;
use scraper::Node;

use crate::model::{Html, Issue, markup, text};

/// The longest markup read, in bytes.
const LONGEST: usize = 2 << 20;

/// How often markup is written again whose elements stand otherwise once it is read.
const ROUNDS: usize = 8;

/// What sanitizing found.
#[derive(Clone, Debug, Default)]
pub struct Cleaned {
    /// The safe markup.
    pub html: Html,
    /// Addresses of its images, in order.
    pub images: Vec<String>,
    /// Documents it links to: address and link text.
    pub documents: Vec<(String, String)>,
    /// What was wrong.
    pub issues: Vec<Issue>,
}

/// Sanitizes markup, or text where `media_type` says so. Links resolve against `base`; blocks whose whole text
/// matches one of `noise` are dropped.
pub fn clean(raw: &str, media_type: Option<&str>, base: &Url, noise: &[Regex]) -> Cleaned {
    let mut issues = Vec::new();
    let raw = shorten(raw, &mut issues);
    let plain = media_type.is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/plain"));
    let markup: Cow<'_, str> = if plain {
        Cow::Owned(paragraphs(raw))
    } else if !raw.contains('<') && raw.contains("\n\n") {
        Cow::Owned(paragraphs(&markup::decode(raw)))
    } else if markup::max_open_depth(raw) > markup::MAX_DEPTH {
        let why =
            format!("the text nests deeper than {} elements: only its words are kept", markup::MAX_DEPTH);
        issues.push(Issue::warning("html-too-deep", why));
        Cow::Owned(lines(&markup::to_text(raw)))
    } else {
        markup::decode_letters(raw)
    };
    if markup.trim().is_empty() {
        return Cleaned { issues, ..Cleaned::default() };
    }
    let (mut written, mut safe) = written_and_safe(&markup, base, noise, &mut issues);
    for _ in 1..ROUNDS {
        if settle::same_tags(&written.out, &safe) {
            break;
        }
        (written, safe) = written_and_safe(&safe, base, noise, &mut issues);
    }
    Cleaned {
        html: Html::sanitized(text::xml_safe(safe.trim()).into_owned()),
        images: written.images,
        documents: written.documents,
        issues,
    }
}

/// What the writer makes of markup, and the allow-list of that.
fn written_and_safe(
    markup: &str,
    base: &Url,
    noise: &[Regex],
    issues: &mut Vec<Issue>,
) -> (write::Written, String) {
    let written = write(markup, base, noise, issues);
    let safe = ALLOWED.clean(&parted(&settle::composed(&written.out))).to_string();
    (written, safe)
}

/// The text of an article, one line per paragraph. What stands under pictures is theirs, not the article's.
pub fn to_text(html: &Html) -> String {
    markup::to_text(&without_captions(html.as_str()))
}

/// Sanitized markup without `<figcaption>` and what is in it.
fn without_captions(html: &str) -> Cow<'_, str> {
    const OPEN: &str = "<figcaption";
    const CLOSE: &str = "</figcaption>";
    if !html.contains(OPEN) {
        return Cow::Borrowed(html);
    }
    let (mut out, mut rest) = (String::with_capacity(html.len()), html);
    while let Some((before, caption)) = rest.split_once(OPEN) {
        out.push_str(before);
        out.push(' ');
        rest = caption.split_once(CLOSE).map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The same markup with its longest texts parted by comments, which the sanitizer drops. Its serializer looks at
/// the rest of a text again for every character that it escapes: minutes, for a text of nothing else.
fn parted(markup: &str) -> Cow<'_, str> {
    const RUN: usize = 4096;
    if markup.len() <= 16 * RUN {
        return Cow::Borrowed(markup);
    }
    let (mut out, mut run, mut in_tag) = (String::with_capacity(markup.len() + markup.len() / 64), 0, false);
    for c in markup.chars() {
        match c {
            '<' => in_tag = true,
            '>' => (in_tag, run) = (false, 0),
            '&' | '\u{80}'..='\u{bf}' if !in_tag && run >= RUN => {
                out.push_str("<!---->");
                run = 0;
            }
            _ => {}
        }
        run += c.len_utf8();
        out.push(c);
    }
    Cow::Owned(out)
}

fn shorten<'a>(raw: &'a str, issues: &mut Vec<Issue>) -> &'a str {
    if raw.len() <= LONGEST {
        return raw;
    }
    issues.push(Issue::warning(
        "html-too-long",
        format!("the text is longer than {LONGEST} bytes: the rest is cut"),
    ));
    let end = (0..=LONGEST).rev().find(|&at| raw.is_char_boundary(at)).unwrap_or(0);
    raw.get(..end).unwrap_or_default()
}

/// Walks the parsed markup with the writer, without recursion.
fn write<'a>(markup: &str, base: &'a Url, noise: &'a [Regex], issues: &mut Vec<Issue>) -> write::Written {
    let parsed = scraper::Html::parse_fragment(markup);
    let mut writer = write::Writer::new(base, noise, markup.len());
    let mut node = parsed.tree.root();
    loop {
        let descend = match node.value() {
            Node::Text(text) => {
                writer.text(text);
                false
            }
            Node::Element(element) => writer.enter(element),
            Node::Document | Node::Fragment => true,
            Node::Doctype(_) | Node::Comment(_) | Node::ProcessingInstruction(_) => false,
        };
        if let Some(child) = node.first_child().filter(|_| descend) {
            node = child;
            continue;
        }
        if descend && node.value().is_element() {
            writer.leave();
        }
        loop {
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            match node.parent() {
                Some(parent) => node = parent,
                None => return wordless::or_instead(writer.finish(), &parsed, issues),
            }
            if node.value().is_element() {
                writer.leave();
            }
        }
    }
}

/// Text as paragraphs: blank lines part them, single line breaks stay.
fn paragraphs(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        out.push_str("<p>");
        out.push_str(&write::escape(paragraph).replace('\n', "<br>"));
        out.push_str("</p>");
    }
    out
}

/// Every line a paragraph.
fn lines(text: &str) -> String {
    text.lines().map(|line| format!("<p>{}</p>", write::escape(line))).collect()
}

/// Elements that articles are made of, sorted. What is not here loses its tags and keeps its text.
const TAGS: [&str; 66] = [
    "a",
    "abbr",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "source",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

static ALLOWED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let attributes: HashMap<&str, HashSet<&str>> =
        write::ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.into_iter().collect())
        .clean_content_tags(["script", "style"].into_iter().collect())
        .tag_attributes(attributes)
        .generic_attributes(["lang", "dir"].into_iter().collect())
        .url_schemes(["http", "https"].into_iter().collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(true);
    builder
});

/// The name in the list of those that stay.
fn tag(name: &str) -> Option<&'static str> {
    TAGS.binary_search(&name).ok().and_then(|at| TAGS.get(at)).copied()
}

#[cfg(test)]
mod tests;
