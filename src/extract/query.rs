//! Selectors, and what an element must have so that one can match it: a look at a name before the selector's own walk.

use std::ops::Deref;

use scraper::{CaseSensitivity, ElementRef, Selector, error::SelectorErrorKind};

/// A CSS selector that is asked of many elements.
#[derive(Clone, Debug)]
pub struct Query {
    selector: Selector,
    /// Every match has one of these names; none where a name tells nothing.
    names: Vec<Name>,
}

/// A name that stands in the last part of an alternative, which is about the element itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Tag(String),
    Class(String),
}

// === impl Query ===

impl Query {
    /// Reads a group of selectors (CSS Selectors Level 4).
    pub fn parse(css: &str) -> Result<Self, SelectorErrorKind> {
        Ok(Self { selector: Selector::parse(css)?, names: names(css) })
    }

    /// Does the element match?
    pub fn matches(&self, element: ElementRef<'_>) -> bool {
        let has = |name: &Name| match name {
            Name::Tag(tag) => element.value().name().eq_ignore_ascii_case(tag),
            Name::Class(class) => element.value().has_class(class, CaseSensitivity::CaseSensitive),
        };
        (self.names.is_empty() || self.names.iter().any(has)) && self.selector.matches(&element)
    }
}

impl Deref for Query {
    type Target = Selector;

    fn deref(&self) -> &Selector {
        &self.selector
    }
}

/// One name for each alternative; none at all where one of them has none. Escapes, comments and namespaces are rare enough
/// to be left to the selector itself.
fn names(css: &str) -> Vec<Name> {
    if css.contains(['\\', '|']) || css.contains("/*") {
        return Vec::new();
    }
    let is_combinator = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '+' | '~');
    let last = |alternative: &str| name(parts(alternative.trim(), is_combinator).pop()?);
    parts(css, |c| c == ',').into_iter().map(last).collect::<Option<_>>().unwrap_or_default()
}

/// What stands between the separators that are in no brackets and in no text.
fn parts(css: &str, separates: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut nesting, mut quote) = (0_usize, None);
    let cuts = |c: char| {
        match (quote, c) {
            (Some(open), _) => quote = Some(open).filter(|&open| open != c),
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[') => nesting += 1,
            (None, ')' | ']') => nesting = nesting.saturating_sub(1),
            (None, _) => return nesting == 0 && separates(c),
        }
        false
    };
    css.split(cuts).collect()
}

/// The first class, which is rarer, or the tag.
fn name(part: &str) -> Option<Name> {
    let plain = |text: &str| text.find(['.', '#', '[', ':', '(', '*']).unwrap_or(text.len());
    let (tag, rest) = part.split_at(plain(part));
    let own = rest.find(['[', ':', '(']).map_or(rest, |end| rest.get(..end).unwrap_or_default());
    let class = own.split_once('.').map(|(_, class)| class.get(..plain(class)).unwrap_or_default());
    match class {
        Some(class) => Some(Name::Class(class.to_owned())),
        None => (!tag.is_empty()).then(|| Name::Tag(tag.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use scraper::Html;

    use super::*;

    #[test]
    fn the_last_part_says_what_is_needed() {
        let (tag, class) =
            (|name: &str| Name::Tag(name.to_owned()), |name: &str| Name::Class(name.to_owned()));
        let check = |css: &str, expected: &[Name]| assert_eq!(names(css), expected, "{css}");
        check("h1", &[tag("h1")]);
        check(" h1 ", &[tag("h1")]);
        check("p.sapo", &[class("sapo")]);
        check(".a .b.c > li#x", &[tag("li")]);
        check("#x.y", &[class("y")]);
        check(".a a[href*='/x.y, z > .b']", &[tag("a")]);
        check("h1 , .title:not(.a .b)", &[tag("h1"), class("title")]);
        check(":is(.a, b)+li:nth-child(2n + 1)", &[tag("li")]);
        for css in
            ["*", "#x", "a, [href]", "a:has(.b), :not(.c)", ".a\\:b", "svg|a", "a/* .b */.c", "a, ", ""]
        {
            check(css, &[]);
        }
    }

    #[test]
    fn what_matches_meets_the_needs() {
        let page = "<main id=m class='a b'><P class='x b'>1<a href='/x.pdf' class=y>2</a></P><ul class=a>\
            <li class=' sapo  a a:b'>3<li id=i><svg viewBox='0'><foreignObject class=b></foreignObject></svg></ul>";
        let page = Html::parse_document(page);
        let selectors = [
            "p",
            "P",
            ".b",
            "p.b",
            "*",
            "main > p.x",
            ".a li",
            "li.sapo.a",
            "#i",
            "li#i",
            "main#m.a",
            "svg",
            "foreignObject",
            "foreignobject",
            "a[href$='.pdf']",
            "[href]",
            "p:has(a)",
            "li:not(.sapo)",
            ":is(p, li).sapo",
            "p, .y, li",
            "ul ~ p",
            "p + ul",
            "li:first-child",
            "main :where(.x)",
            "li.SAPO",
            " p\n,\t.y ",
            "p>a",
            ".a\\:b",
            "a/**/.y",
            "p a.y:not([x='.z'])",
            "li:nth-child(2)",
            "a:only-child",
        ];
        for css in selectors {
            let query = Query::parse(css).unwrap();
            for element in page.root_element().descendent_elements() {
                assert_eq!(query.matches(element), query.selector.matches(&element), "{css} {element:?}");
            }
        }
    }
}
