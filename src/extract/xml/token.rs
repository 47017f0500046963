//! Tags and text of anything that looks like XML: total, linear, forgiving.

use super::{MAX_ATTRIBUTES, dtd::Entities};
use crate::model::text::xml_safe;

/// A piece of a document.
pub(super) enum Token<'a> {
    /// Text, references not decoded.
    Text(&'a str),
    /// Text as it is.
    CData(&'a str),
    /// A start tag.
    Start {
        /// Its name with prefix.
        name: &'a str,
        /// What stands behind the name.
        attributes: &'a str,
        /// `<a/>`
        empty: bool,
    },
    /// An end tag's name with prefix.
    End(&'a str),
    /// A document type with its declarations.
    DocumentType(&'a str),
    /// Comments, instructions.
    Nothing,
}

/// The next token and what follows it.
pub(super) fn next(rest: &str) -> Option<(Token<'_>, &str)> {
    if rest.is_empty() {
        return None;
    }
    let Some(inside) = rest.strip_prefix('<') else {
        let end = rest.find('<').unwrap_or(rest.len());
        return Some((Token::Text(rest.get(..end)?), rest.get(end..)?));
    };
    if let Some(comment) = inside.strip_prefix("!--") {
        return Some((Token::Nothing, comment.split_once("-->").map_or("", |(_, after)| after)));
    }
    if let Some(data) = inside.strip_prefix("![CDATA[") {
        let (text, after) = data.split_once("]]>").unwrap_or((data, ""));
        return Some((Token::CData(text), after));
    }
    if let Some(doctype) = inside.strip_prefix('!') {
        let (declarations, after) = doctype.split_at_checked(doctype_end(doctype)).unwrap_or((doctype, ""));
        return Some((Token::DocumentType(declarations), after.strip_prefix('>').unwrap_or(after)));
    }
    if let Some(instruction) = inside.strip_prefix('?') {
        return Some((Token::Nothing, instruction.split_once("?>").map_or("", |(_, after)| after)));
    }
    if let Some(name) = inside.strip_prefix('/') {
        let (name, after) = name.split_once('>').unwrap_or((name, ""));
        return Some((Token::End(name.trim()), after));
    }
    if inside.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Some(start(inside));
    }
    // a stray `<` is text
    let end = inside.find('<').map_or(rest.len(), |at| at + 1);
    Some((Token::Text(rest.get(..end)?), rest.get(end..)?))
}

/// Where a document type ends, internal subset included.
fn doctype_end(text: &str) -> usize {
    let (mut depth, mut quote) = (0usize, None);
    for (at, b) in text.bytes().enumerate() {
        match (quote, b) {
            (Some(open), _) if b == open => quote = None,
            (None, b'"' | b'\'') if depth > 0 => quote = Some(b),
            (None, b'[') => depth += 1,
            (None, b']') => depth = depth.saturating_sub(1),
            (None, b'>') if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn start(inside: &str) -> (Token<'_>, &str) {
    let end = tag_end(inside);
    let tag = inside.get(..end).unwrap_or_default();
    let after = inside.get(end..).unwrap_or_default();
    let after = after.strip_prefix('>').unwrap_or(after);
    let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let split = tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len());
    let (name, attributes) = tag.split_at_checked(split).unwrap_or((tag, ""));
    (Token::Start { name, attributes, empty }, after)
}

/// Where the tag ends: the first `>` outside of quotes. A quote that runs into the next tag was none.
fn tag_end(inside: &str) -> usize {
    let mut quote = None;
    let mut first_close = None;
    for (at, b) in inside.bytes().enumerate() {
        match (quote, b) {
            (Some(_), b'<') => return first_close.unwrap_or(at),
            (None, b'<') => return at,
            (Some(open), _) if b == open => quote = None,
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b'>') => return at,
            (Some(_), b'>') => first_close = first_close.or(Some(at)),
            _ => {}
        }
    }
    first_close.unwrap_or(inside.len())
}

/// Names as written and decoded values; at most `MAX_ATTRIBUTES`.
pub(super) fn attributes(text: &str, entities: &mut Entities) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < MAX_ATTRIBUTES {
        let Some((name, after)) = rest.split_once('=') else { break };
        let name = name.split_whitespace().next_back().unwrap_or_default();
        let value = after.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => {
                let inner = value.get(1..).unwrap_or_default();
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        if !name.is_empty() {
            found.push((name.to_owned(), legal(&entities.decode(value))));
        }
        rest = after;
    }
    found
}

/// Without the characters that XML 1.0 forbids. C1 controls are never meant: they are what windows-1252 has at
/// their places, copied as if it were Latin-1 (HTML reads references to them so, section 13.2.5.80).
pub(super) fn legal(text: &str) -> String {
    let safe = xml_safe(text).into_owned();
    if !safe.contains(is_c1) {
        return safe;
    }
    safe.chars().map(|c| if is_c1(c) { of_windows(c) } else { c }).collect()
}

fn is_c1(c: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&c)
}

fn of_windows(c: char) -> char {
    let byte = u8::try_from(u32::from(c)).unwrap_or_default();
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next().unwrap_or(c)
}
