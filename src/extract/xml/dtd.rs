//! Entities that a document declares itself (XML 1.0, section 4.2.2): short internal texts, nothing else.
//!
//! A value that refers to further entities is not one of them, and a document gets only so much out of all
//! references: nothing multiplies.

use std::borrow::Cow;

use crate::model::markup;

/// More declarations are not read.
const MAX_ENTITIES: usize = 64;

/// Longer values are not kept, in bytes.
const MAX_VALUE: usize = 1_024;

/// What all references of a document may bring, in bytes.
const MAX_BROUGHT: usize = 64 << 10;

/// The entities of a document, and how much they may still bring.
#[derive(Default)]
pub(super) struct Entities {
    declared: Vec<(String, String)>,
    brought: usize,
}

impl Entities {
    /// Reads the declarations of a document type. The first one of a name counts (section 4.2).
    pub(super) fn declare(&mut self, doctype: &str) {
        for declaration in doctype.split("<!ENTITY").skip(1) {
            let Some((name, value)) = internal(declaration) else { continue };
            if self.declared.len() < MAX_ENTITIES && !self.declared.iter().any(|(known, _)| known == name) {
                self.declared.push((name.to_owned(), markup::decode(value).into_owned()));
            }
        }
    }

    /// Decodes the references of `text`, those to declared entities first.
    pub(super) fn decode<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.declared.is_empty() || !text.contains('&') {
            return markup::decode(text);
        }
        let mut pieces = text.split('&');
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let found = piece.split_once(';').and_then(|(name, after)| {
                Some((self.declared.iter().find(|(known, _)| known == name)?, after))
            });
            match found {
                Some(((_, value), after)) if self.brought + value.len() <= MAX_BROUGHT => {
                    self.brought += value.len();
                    out.push_str(value);
                    out.push_str(after);
                }
                _ => {
                    out.push('&');
                    out.push_str(piece);
                }
            }
        }
        Cow::Owned(markup::decode(&out).into_owned())
    }
}

/// The name and the value of an internal general entity; parameter and external ones have none that counts here.
fn internal(declaration: &str) -> Option<(&str, &str)> {
    let (name, after) = declaration.trim_start().split_once(char::is_whitespace)?;
    let after = after.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = after.split(quote).nth(1)?;
    let nested = value.split('&').skip(1).any(|after| !after.starts_with('#'));
    (value.len() <= MAX_VALUE && !value.contains('<') && !nested).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_internal_texts_are_put_in_and_nothing_else() {
        let mut entities = Entities::default();
        entities.declare(
            "DOCTYPE rss [<!ENTITY id \"tag:a.vn,2026\"> <!ENTITY q 'Qu&#7853;n x'> <!ENTITY id 'second'>
             <!ENTITY file SYSTEM \"file:///etc/passwd\"> <!ENTITY % p 'x'> <!ENTITY b '<b>'> <!ENTITY two '&q;&q;'>",
        );
        let mut check = |text: &str, expected: &str| assert_eq!(entities.decode(text), expected, "{text}");
        check("&id;:/1", "tag:a.vn,2026:/1");
        check("&q; &lt; &nbsp;", "Quận x < \u{a0}");
        check("&file; &p; &b; &unknown; & &", "&file; &p; &b; &unknown; & &");
        check("&two; &amp;id;", "&two; &id;");
    }

    #[test]
    fn what_multiplies_by_entities_stays_small() {
        let mut entities = Entities::default();
        entities.declare(&format!("<!ENTITY a \"{}\">", "x".repeat(MAX_VALUE)));
        assert!(entities.decode(&"&a;".repeat(100_000)).len() < MAX_BROUGHT + 300_000);
        assert_eq!(entities.decode("&a;"), "&a;");
    }
}
