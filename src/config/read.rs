//! Typed reading of tables that records what is wrong and goes on, so that everything is reported at once.

use std::{cell::RefCell, fmt::Display, ops::RangeInclusive, time::Duration};

use super::{
    report::Findings,
    suggest::nearest,
    tree::{Node, Place, Table, Value},
    units,
};

/// One table being read. Getters give `None` for what is absent and for what is wrong;
/// what is wrong has then been recorded.
#[derive(Debug)]
pub(super) struct Section<'a> {
    table: &'a Table,
    /// Dotted, for messages: `source.page`; empty for the whole document.
    path: String,
    asked: RefCell<Vec<&'static str>>,
    findings: &'a Findings,
}

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
}

/// What a parser has against a text.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// What is wrong, in a sentence.
    pub(super) message: String,
    /// Which bytes of the text; all of it for `None`.
    pub(super) span: Option<std::ops::Range<usize>>,
    /// What to write instead.
    pub(super) hint: Option<String>,
}

// === impl Wrong ===

impl Wrong {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

// === impl Section ===

impl<'a> Section<'a> {
    pub(super) fn new(table: &'a Table, path: impl Into<String>, findings: &'a Findings) -> Self {
        Self { table, path: path.into(), asked: RefCell::default(), findings }
    }

    /// The same section under another name in messages.
    pub(super) fn named(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> &'a Place {
        &self.table.place
    }

    /// Where a key's value stands, or the table where there is none.
    pub(super) fn place_of(&self, key: &str) -> &'a Place {
        self.table.get(key).map_or(&self.table.place, |node| &node.place)
    }

    /// The table itself.
    pub(super) fn table_value(&self) -> &'a Table {
        self.table
    }

    /// A text, without recording anything.
    pub(super) fn peek_text(&self, key: &str) -> Option<Word> {
        let node = self.table.get(key)?;
        match &node.value {
            Value::Text(text) => Some(Word { text: text.clone(), place: node.place.clone() }),
            _ => None,
        }
    }

    pub(super) fn findings(&self) -> &'a Findings {
        self.findings
    }

    /// True when the key was written, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Records that `key` has to be there.
    pub(super) fn require(&self, key: &'static str, example: &str) {
        if !self.has(key) {
            let hint = format!("add `{key} = {example}`");
            self.findings.wrong(&self.table.place, format!("{} needs `{key}`", self.title()), Some(hint));
        }
    }

    /// Records that something is wrong with `key`.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>, hint: Option<String>) {
        self.findings.wrong(self.place_of(key), message, hint);
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Word> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) | Value::Raw(text) => {
                Some(Word { text: text.clone(), place: node.place.clone() })
            }
            _ => self.mistyped(key, node, "a text", "put it in quotes"),
        }
    }

    /// A text that has to say something.
    pub(super) fn filled(&self, key: &'static str) -> Option<Word> {
        let word = self.text(key)?;
        if word.text.trim().is_empty() {
            self.wrong(key, format!("`{key}` is empty"), None);
            return None;
        }
        Some(word)
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let word = self.filled(key)?;
        parse(&word.text).map_err(|wrong| self.blame(&word, wrong)).ok()
    }

    pub(super) fn boolean(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        match &node.value {
            Value::Bool(on) => Some(*on),
            Value::Raw(text) if matches!(text.as_str(), "true" | "false") => Some(text == "true"),
            _ => self.mistyped(key, node, "a boolean", "write `true` or `false`, without quotes"),
        }
    }

    pub(super) fn integer<T>(&self, key: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        let node = self.node(key)?;
        let number = match &node.value {
            Value::Integer(number) => *number,
            Value::Raw(text) if text.parse::<i128>().is_ok() => text.parse().unwrap_or_default(),
            _ => return self.mistyped(key, node, "an integer", "write digits, without quotes"),
        };
        let fitting = T::try_from(number).ok().filter(|number| range.contains(number));
        if fitting.is_none() {
            self.out_of_range(key, range.start(), range.end());
        }
        fitting
    }

    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let node = self.node(key)?;
        let number = match &node.value {
            Value::Float(number) => *number,
            #[expect(
                clippy::cast_precision_loss,
                reason = "a number that is this large is out of range anyway"
            )]
            Value::Integer(number) => *number as f64,
            Value::Raw(text) if text.parse::<f64>().is_ok() => text.parse().unwrap_or_default(),
            _ => return self.mistyped(key, node, "a number", "write digits, without quotes"),
        };
        if !range.contains(&number) {
            self.out_of_range(key, range.start(), range.end());
            return None;
        }
        Some(number)
    }

    pub(super) fn duration(&self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let node = self.node(key)?;
        let duration = self.read_duration(key, node)?;
        self.within(key, node, duration, &range)
    }

    pub(super) fn durations(
        &self,
        key: &'static str,
        range: &RangeInclusive<Duration>,
    ) -> Option<Vec<Duration>> {
        let nodes = self.nodes(key)?;
        let read = |node: &Node| {
            let duration = self.read_duration(key, node)?;
            self.within(key, node, duration, range)
        };
        // Read all before giving up on one, so that every wrong one is reported.
        let read: Vec<Option<Duration>> = nodes.iter().map(read).collect();
        read.into_iter().collect()
    }

    pub(super) fn bytes(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        const HINT: &str = "write a number and a unit: `64KiB`, `4MB`, `1GiB`";
        let node = self.node(key)?;
        let size = match &node.value {
            Value::Text(text) | Value::Raw(text) => units::bytes(text),
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => return self.mistyped(key, node, "a size", HINT),
        };
        let Some(size) = size else {
            self.findings.wrong(&node.place, format!("`{key}` is not a size"), Some(HINT.to_owned()));
            return None;
        };
        if !range.contains(&size) {
            self.out_of_range(key, units::print_bytes(*range.start()), units::print_bytes(*range.end()));
            return None;
        }
        Some(size)
    }

    /// A list of texts; wrong elements are reported and left out.
    pub(super) fn words(&self, key: &'static str) -> Option<Vec<Word>> {
        let nodes = self.nodes(key)?;
        let word = |node: &Node| match &node.value {
            Value::Text(text) | Value::Raw(text) => {
                Some(Word { text: text.clone(), place: node.place.clone() })
            }
            _ => self.mistyped(key, node, "a text", "put it in quotes"),
        };
        Some(nodes.iter().filter_map(word).collect())
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Section<'a>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Table(table) => Some(Section::new(table, self.join(key), self.findings)),
            _ => self.mistyped(key, node, "a table", &format!("write it as `[{}]`", self.join(key))),
        }
    }

    /// An array of tables; empty when there is none.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let hint = format!("write each as `[[{}]]`", self.join(key));
        let Value::List(nodes) = &node.value else {
            self.mistyped::<()>(key, node, "a list of tables", &hint);
            return Vec::new();
        };
        let section = |node: &'a Node| match &node.value {
            Value::Table(table) => Some(Section::new(table, self.join(key), self.findings)),
            _ => self.mistyped(key, node, "a table", &hint),
        };
        nodes.iter().filter_map(section).collect()
    }

    /// The value as it stands, for readers of their own.
    pub(super) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.findings.note_asked(self.join(key));
        self.table.get(key)
    }

    /// Records what is wrong with a word, at the place of the wrong part where that can be told.
    pub(super) fn blame(&self, word: &Word, wrong: Wrong) {
        let place = wrong.span.and_then(|span| self.inside(word, span)).unwrap_or_else(|| word.place.clone());
        self.findings.wrong(&place, wrong.message, wrong.hint);
    }

    /// Reports every key that nobody asked for. Call it last.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for entry in &self.table.entries {
            if asked.contains(&entry.key.as_str()) {
                continue;
            }
            let hint = match nearest(&entry.key, asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", sorted(&asked)),
            };
            let whose = if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
            self.findings.wrong(&entry.place, format!("unknown key `{}`{whose}", entry.key), Some(hint));
        }
    }

    fn title(&self) -> String {
        if self.path.is_empty() { "the configuration".to_owned() } else { format!("`{}`", self.path) }
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The elements of a list; the environment and flags separate them by commas.
    fn nodes(&self, key: &'static str) -> Option<Vec<Node>> {
        let node = self.node(key)?;
        match &node.value {
            Value::List(nodes) => Some(nodes.clone()),
            Value::Raw(text) => {
                let raw = |part: &str| Node {
                    value: Value::Raw(part.trim().to_owned()),
                    place: node.place.clone(),
                };
                Some(text.split(',').filter(|part| !part.trim().is_empty()).map(raw).collect())
            }
            _ => self.mistyped(key, node, "a list", "put it in brackets: `[…]`"),
        }
    }

    fn read_duration(&self, key: &'static str, node: &Node) -> Option<Duration> {
        const HINT: &str = "write a number and a unit: `90s`, `10m`, `1h30m`, `2d`";
        let (Value::Text(text) | Value::Raw(text)) = &node.value else {
            return self.mistyped(key, node, "a duration", HINT);
        };
        let duration = units::duration(text);
        if duration.is_none() {
            self.findings.wrong(&node.place, format!("`{key}` is not a duration"), Some(HINT.to_owned()));
        }
        duration
    }

    fn within(
        &self,
        key: &str,
        node: &Node,
        duration: Duration,
        range: &RangeInclusive<Duration>,
    ) -> Option<Duration> {
        if range.contains(&duration) {
            return Some(duration);
        }
        let (least, most) = (units::print_duration(*range.start()), units::print_duration(*range.end()));
        self.findings.wrong(&node.place, format!("`{key}` must be from {least} to {most}"), None);
        None
    }

    fn out_of_range(&self, key: &str, least: impl Display, most: impl Display) {
        self.wrong(key, format!("`{key}` must be from {least} to {most}"), None);
    }

    fn mistyped<T>(&self, key: &str, node: &Node, expected: &str, hint: &str) -> Option<T> {
        let message = format!("`{key}` must be {expected}, not {}", node.value.kind());
        self.findings.wrong(&node.place, message, Some(hint.to_owned()));
        None
    }

    /// The place of a part of a text, where the text was written without escapes.
    fn inside(&self, word: &Word, span: std::ops::Range<usize>) -> Option<Place> {
        let offset = word.place.start + self.findings.written(&word.place)?.find(&word.text)?;
        let (start, end) = (offset + span.start, offset + span.end.max(span.start));
        (end <= word.place.end).then(|| Place::new(word.place.file, start..end))
    }
}

fn sorted(keys: &[&str]) -> String {
    let mut keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    keys.sort();
    keys.dedup();
    keys.join(", ")
}
