//! The filter language: which articles somebody wants.
//!
//! ```text
//! thông báo              both words, with these marks; `thong bao` finds them with any marks
//! "thông báo"            the words one after the other
//! a b · a AND b · a OR b · NOT a · (a OR b) c
//! title:x  category:"tin tức"  author:x     in that place only
//! source:quan1           from that source
//! number:123/QĐ-UBND     a document number in title or text; parts of one too: `number:QĐ-UBND`
//! after:2026-01-01       published on that day or later, by the calendar of the article's own place
//! before:2026-02-01      published before that day
//! ```
//!
//! Words are whole words; upper and lower case, composition and the placement of tone marks never matter.
//! `NOT` binds strongest, then `AND` (also by standing side by side), then `OR`; keywords are upper case.
//! What `Display` prints is canonical: parsing it gives the same filter.

mod facts;
mod found;
mod keys;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::civil;

use facts::Phrase;

pub use facts::Facts;
pub use found::{Match, Places};
pub use parse::Error;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

/// One step of a filter. `And` and `Or` have at least two members and no member of their own kind.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Text(Text),
    Source(String),
    Number(Number),
    After(civil::Date),
    Before(civil::Date),
}

/// Words to be found somewhere.
#[derive(Clone, Debug, PartialEq)]
struct Text {
    place: Place,
    /// As typed, in NFC, white space collapsed: what is printed back.
    typed: String,
    phrase: Phrase,
}

/// A document number, or some of its parts.
#[derive(Clone, Debug, PartialEq)]
struct Number {
    typed: String,
    parts: String,
}

/// Where words are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    Title,
    Category,
    Author,
}

// === impl Filter ===

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::parse(text).map(Self)
    }

    /// A filter that wants the articles of a category.
    pub fn category(name: &str) -> Result<Self, Error> {
        let quoted: String = name
            .chars()
            .flat_map(|c| (c == '"' || c == '\\').then_some('\\').into_iter().chain([c]))
            .collect();
        Self::parse(&format!("category:\"{quoted}\""))
    }

    /// A filter that wants what both want.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let members = |node| match node {
            Node::And(nodes) => nodes,
            node => vec![node],
        };
        let mut nodes = members(self.0);
        nodes.extend(members(other.0));
        Self(Node::And(nodes))
    }

    /// Does it want the article?
    pub fn matches(&self, facts: &Facts) -> bool {
        self.0.matches(facts)
    }
}

impl std::str::FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print(f)
    }
}

// === impl Node ===

impl Node {
    fn matches(&self, facts: &Facts) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.matches(facts)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(facts)),
            Self::Not(node) => !node.matches(facts),
            Self::Text(text) => facts.say(text.place, &text.phrase),
            Self::Source(id) => facts.is_from(id),
            Self::Number(number) => facts.number(&number.parts),
            Self::After(day) => facts.published() >= *day,
            Self::Before(day) => facts.published() < *day,
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(nodes) => print_joined(nodes, " AND ", f),
            Self::Or(nodes) => print_joined(nodes, " OR ", f),
            Self::Not(node) => {
                f.write_str("NOT ")?;
                node.print_inside(matches!(**node, Self::And(_) | Self::Or(_)), f)
            }
            Self::Text(text) => {
                f.write_str(text.place.prefix())?;
                print_typed(&text.typed, f)
            }
            Self::Source(id) => write!(f, "source:{id}"),
            Self::Number(number) => {
                f.write_str("number:")?;
                print_typed(&number.typed, f)
            }
            Self::After(day) => write!(f, "after:{day}"),
            Self::Before(day) => write!(f, "before:{day}"),
        }
    }

    fn print_inside(&self, parentheses: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !parentheses {
            return self.print(f);
        }
        f.write_str("(")?;
        self.print(f)?;
        f.write_str(")")
    }
}

fn print_joined(nodes: &[Node], separator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (n, node) in nodes.iter().enumerate() {
        if n > 0 {
            f.write_str(separator)?;
        }
        node.print_inside(separator == " AND " && matches!(node, Node::Or(_)), f)?;
    }
    Ok(())
}

/// Bare where that reads back as the same text, else in quotes.
fn print_typed(typed: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if parse::is_bare(typed) {
        return f.write_str(typed);
    }
    f.write_str("\"")?;
    for c in typed.chars() {
        if parse::is_quote(c) || c == '\\' {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

// === impl Place ===

impl Place {
    fn prefix(self) -> &'static str {
        match self {
            Self::Anywhere => "",
            Self::Title => "title:",
            Self::Category => "category:",
            Self::Author => "author:",
        }
    }
}
