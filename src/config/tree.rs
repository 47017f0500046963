//! TOML as owned values that remember where they were written, so that layers can be merged and still be blamed.

use std::{fmt::Write as _, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Which text, by its number in `super::report::Files`.
pub(super) type FileId = usize;

/// A range of bytes in one text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: FileId,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// What TOML can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Bool(bool),
    Datetime,
    List(Vec<Node>),
    Table(Table),
    /// From the environment or a flag: whoever reads it says what it is.
    Raw(String),
}

/// Keys and values.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    pub(super) place: Place,
}

/// One key and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

/// Something wrong with the writing itself.
#[derive(Clone, Debug)]
pub(super) struct SyntaxError {
    pub(super) place: Place,
    pub(super) message: String,
}

/// Reads `text`; every syntax error is reported, not only the first.
pub(super) fn parse(text: &str, file: FileId) -> Result<Table, Vec<SyntaxError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let place = Place::new(file, 0..0);
        return Ok(convert_table(table.get_ref(), place));
    }
    let wrong = |error: &toml::de::Error| SyntaxError {
        place: Place::new(file, error.span().unwrap_or(text.len()..text.len())),
        message: error.message().to_owned(),
    };
    Err(errors.iter().map(wrong).collect())
}

// === impl Place ===

impl Place {
    pub(super) fn new(file: FileId, span: Range<usize>) -> Self {
        Self { file, start: span.start, end: span.end }
    }
}

// === impl Value ===

impl Value {
    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Raw(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::Datetime => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

// === impl Table ===

impl Table {
    pub(super) fn empty(place: Place) -> Self {
        Self { entries: Vec::new(), place }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub(super) fn table(&self, key: &str) -> Option<&Self> {
        match &self.get(key)?.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn list(&self, key: &str) -> &[Node] {
        match self.get(key).map(|node| &node.value) {
            Some(Value::List(nodes)) => nodes,
            _ => &[],
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at))
    }

    /// Adds or replaces a key.
    pub(super) fn put(&mut self, entry: Entry) {
        self.remove(&entry.key);
        self.entries.push(entry);
    }

    /// This table with `over` on top: tables are merged, everything else is replaced.
    pub(super) fn merged(mut self, over: Self) -> Self {
        self.place = over.place;
        for entry in over.entries {
            let below = match &entry.node.value {
                Value::Table(_) => self.remove(&entry.key),
                _ => None,
            };
            self.put(stacked(below, entry));
        }
        self
    }

    /// Text that is equal exactly when the values are, wherever and in whatever order they were written.
    pub(super) fn canonical(&self) -> String {
        let mut out = String::new();
        print_table(self, &mut out);
        out
    }
}

fn stacked(below: Option<Entry>, above: Entry) -> Entry {
    let Entry { key, place, node: Node { value, place: node_place } } = above;
    let value = match (below.map(|entry| entry.node.value), value) {
        (Some(Value::Table(below)), Value::Table(above)) => Value::Table(below.merged(above)),
        (_, value) => value,
    };
    Entry { key, place, node: Node { value, place: node_place } }
}

fn print_table(table: &Table, out: &mut String) {
    let mut entries: Vec<&Entry> = table.entries.iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    out.push('{');
    for entry in entries {
        write!(out, "{:?}=", entry.key).expect("writing to a String does not fail");
        print_value(&entry.node.value, out);
        out.push(';');
    }
    out.push('}');
}

fn print_value(value: &Value, out: &mut String) {
    let written = match value {
        Value::Text(text) | Value::Raw(text) => write!(out, "{text:?}"),
        Value::Integer(number) => write!(out, "{number}"),
        Value::Float(number) => write!(out, "{number:?}"),
        Value::Bool(on) => write!(out, "{on}"),
        Value::Datetime => write!(out, "date"),
        Value::Table(table) => {
            print_table(table, out);
            Ok(())
        }
        Value::List(nodes) => {
            out.push('[');
            for node in nodes {
                print_value(&node.value, out);
                out.push(',');
            }
            write!(out, "]")
        }
    };
    written.expect("writing to a String does not fail");
}

fn convert_table(table: &DeTable<'_>, place: Place) -> Table {
    let file = place.file;
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: Place::new(file, key.span()),
            node: convert(value, file),
        })
        .collect();
    entries.sort_by_key(|entry| entry.place.start);
    Table { entries, place }
}

fn convert(value: &Spanned<DeValue<'_>>, file: FileId) -> Node {
    let place = Place::new(file, value.span());
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            // What no i128 holds is out of every range that we allow.
            Value::Integer(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(on) => Value::Bool(*on),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(nodes) => Value::List(nodes.iter().map(|node| convert(node, file)).collect()),
        DeValue::Table(table) => Value::Table(convert_table(table, place.clone())),
    };
    Node { value, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        parse(text, 0).unwrap()
    }

    #[test]
    fn tables_merge_and_everything_else_is_replaced() {
        let base = table("a = 1\nlist = [1, 2]\n[t]\nx = 1\ny = 1\n[t.deep]\nz = 1");
        let over = table("a = 2\nlist = [3]\n[t]\ny = 2\n[t.deep]\nw = 2");
        let expected = table("a = 2\nlist = [3]\n[t]\nx = 1\ny = 2\n[t.deep]\nz = 1\nw = 2");
        assert_eq!(base.merged(over).canonical(), expected.canonical());
    }

    #[test]
    fn the_canonical_text_forgets_order_and_place_and_nothing_else() {
        let one = table("a = 'x'\nb = [1, 2]\n").canonical();
        assert_eq!(one, table("# a comment\nb = [1,2]\na = \"x\"").canonical());
        for other in ["a = 'y'\nb = [1, 2]", "a = 'x'\nb = [2, 1]", "a = 'x'", "a = 'x'\nb = [12]"] {
            assert_ne!(one, table(other).canonical(), "{other}");
        }
    }

    #[test]
    fn reports_every_syntax_error() {
        let errors = parse("a = \nb = 1\nc = [1\n\nd = 'x", 0).unwrap_err();
        assert!(errors.len() >= 2, "{errors:?}");
    }
}
