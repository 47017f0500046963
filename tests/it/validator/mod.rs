//! A judge of what we publish, with the rules of the W3C feed validator (errors and warnings, under its names: its
//! sources are `w3c/feedvalidator` on GitHub), of JSON Feed 1.1 and of OPML 2.0. It shares no code with what writes.

mod atom;
mod documents;
mod html;
mod json;
mod opml;
mod rss;
mod rules;
mod tree;
mod values;

use tree::Element;

/// Something that the validator would complain about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The validator's name for it.
    pub(crate) rule: &'static str,
    /// Where, and what stands there.
    pub(crate) what: String,
}

/// What is known of a document besides its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// The address that it was fetched from.
    pub(crate) own: &'a str,
    /// The time, in seconds.
    pub(crate) now: i64,
}

/// Everything that is wrong with a document. Its kind is what it looks like.
pub(crate) fn judge(body: &[u8], frame: Frame<'_>) -> Vec<Finding> {
    let mut found = Findings { frame, all: Vec::new() };
    match std::str::from_utf8(body) {
        Err(cause) => found.add("NotUTF8", &cause.to_string()),
        Ok(text) if text.starts_with('{') => json::judge(text, &mut found),
        Ok(text) => match tree::parse(text) {
            Err(cause) => found.add("SAXError", &cause),
            Ok(root) => {
                characters(&root, &mut found);
                match root.name.as_str() {
                    "rss" => rss::judge(&root, &mut found),
                    "feed" => atom::judge(&root, &mut found),
                    "opml" => opml::judge(&root, &mut found),
                    other => found.add("UndefinedElement", other),
                }
            }
        },
    }
    found.all
}

/// What was found so far.
struct Findings<'a> {
    frame: Frame<'a>,
    all: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: &'static str, what: &str) {
        self.all.push(Finding { rule, what: what.chars().take(200).collect() });
    }

    /// Adds what a check of a value found, if it found something.
    fn check(&mut self, place: &str, value: &str, found: Option<&'static str>) {
        if let Some(rule) = found {
            self.add(rule, &format!("{place}: {value}"));
        }
    }
}

/// Control characters that are Windows-1252 in disguise, and characters that stand for lost ones.
fn characters(element: &Element, found: &mut Findings<'_>) {
    let is_bad = |text: &str| text.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c) || c == '\u{fffd}');
    if is_bad(&element.own_text()) || element.attributes.iter().any(|(_, _, value)| is_bad(value)) {
        found.add("BadCharacters", &element.name);
    }
    element.elements().for_each(|child| characters(child, found));
}
