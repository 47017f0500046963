//! How expensive is this markup? One linear look before any HTML parser sees it.
//!
//! A conforming tree builder walks its stack of open elements for most tags, so that its time grows with the square
//! of the depth, and it copies unclosed formatting elements into every paragraph that follows. Both are cheap
//! to send. [`max_open_depth`] follows the tree builder's rules (WHATWG HTML, section 13.2.6) for the stack and the
//! list of active formatting elements, without building anything.

mod entities;
mod plain;
mod scan;
mod tags;

pub use entities::{decode, decode_if};
pub use plain::to_text;
use scan::{Event, Scanner};
use tags::{Kind, kind};

/// Deeper markup than this is not parsed.
pub const MAX_DEPTH: usize = 512;

/// The most formatting elements a parser may have to copy before we refuse.
const MAX_COPIES: usize = 50_000;

/// The most attributes on one tag: parsers compare each with all others.
const MAX_ATTRIBUTES: usize = 1_000;

/// How deep a parser's stack would get, at most, for `html`; linear time.
///
/// Counting stops above [`MAX_DEPTH`]. Markup that costs a parser more than linear time for another reason
/// (floods of copied formatting elements or of attributes) is reported as `usize::MAX`.
pub fn max_open_depth(html: &str) -> usize {
    let mut builder = Builder::default();
    let mut scanner = Scanner::new(html.as_bytes());
    while let Some(event) = scanner.next(builder.in_foreign()) {
        match event {
            Event::Text { .. } => builder.reopen(),
            Event::Start { attributes, .. } if attributes > MAX_ATTRIBUTES => return usize::MAX,
            Event::Start { name, tag, self_closing, .. } => builder.start(name, tag, self_closing),
            Event::End { name } => builder.end(name),
        }
        if builder.copies > MAX_COPIES {
            return usize::MAX;
        }
        if builder.deepest > MAX_DEPTH || builder.active.len() > MAX_DEPTH {
            return builder.deepest.max(builder.active.len());
        }
    }
    if scanner.ambiguous { builder.deepest.max(scanner.start_tags) } else { builder.deepest }
}

/// An open element.
#[derive(Clone, Copy)]
struct Open {
    name: u64,
    kind: Kind,
    foreign: bool,
    /// Its entry in the list of active formatting elements; 0 for none.
    serial: u32,
}

/// An entry in the list of active formatting elements.
#[derive(Clone, Copy)]
struct Active {
    name: u64,
    tag: u64,
    serial: u32,
    open: bool,
}

/// The tree builder's stack and list, without a tree.
#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    active: Vec<Active>,
    deepest: usize,
    copies: usize,
    serials: u32,
}

/// The serial of the markers that cells and objects put into the list.
const MARKER: u32 = 0;

// === impl Builder ===

impl Builder {
    fn in_foreign(&self) -> bool {
        self.stack.last().is_some_and(|open| open.foreign && !open.kind.integration)
    }

    fn push(&mut self, name: u64, kind: Kind, serial: u32) {
        let foreign = kind.foreign || self.in_foreign();
        self.stack.push(Open { name, kind, foreign, serial });
        self.deepest = self.deepest.max(self.stack.len());
    }

    /// Closes all elements from `from` on.
    fn truncate(&mut self, from: usize) {
        for open in self.stack.drain(from..) {
            close_entry(&mut self.active, open.serial);
            if open.kind.marker && !open.foreign {
                let marker = self.active.iter().rposition(|entry| entry.serial == MARKER);
                self.active.truncate(marker.unwrap_or(0));
            }
        }
    }

    fn start(&mut self, name: u64, tag: u64, self_closing: bool) {
        let kind = kind(name);
        if self.in_foreign() {
            if !kind.breakout {
                if !self_closing {
                    self.push(name, kind, MARKER);
                }
                return;
            }
            let inner = |open: &Open| open.foreign && !open.kind.integration;
            let kept = self.stack.iter().rposition(|open| !inner(open)).map_or(0, |at| at + 1);
            self.truncate(kept);
        }
        if kind.ignored {
            return;
        }
        self.close_implied(name, kind);
        if kind.table && !self.in_table(name) {
            return;
        }
        if !kind.block {
            self.reopen();
        }
        if kind.void || (self_closing && kind.foreign) {
            return;
        }
        let serial = if kind.formatting { self.activate(name, tag) } else { MARKER };
        if kind.marker {
            self.active.push(Active { name: 0, tag: 0, serial: MARKER, open: true });
        }
        self.push(name, kind, serial);
    }

    /// Closes what a start tag closes by itself.
    fn close_implied(&mut self, name: u64, kind: Kind) {
        if kind.closes_p {
            self.close_in_scope(tags::P, |open| open.kind.scope || open.name == tags::BUTTON);
        }
        match name {
            tags::LI => self.close_item(&[tags::LI]),
            tags::DD | tags::DT => self.close_item(&[tags::DD, tags::DT]),
            tags::A | tags::NOBR => self.end_formatting(name),
            tags::BUTTON | tags::SELECT => self.close_in_scope(name, |open| open.kind.scope),
            tags::OPTION | tags::OPTGROUP | tags::RP | tags::RT | tags::RB | tags::RTC
                if self.stack.last().is_some_and(|open| open.name == name || open.name == tags::OPTION) =>
            {
                self.truncate(self.stack.len() - 1);
            }
            _ if kind.heading && self.stack.last().is_some_and(|open| open.kind.heading && !open.foreign) => {
                self.truncate(self.stack.len() - 1);
            }
            _ => {}
        }
    }

    /// Closes an open list item, looking through what may stand between (section 13.2.6.4.7, `li`).
    fn close_item(&mut self, names: &[u64]) {
        for at in (0..self.stack.len()).rev() {
            let open = &self.stack[at];
            if !open.foreign && names.contains(&open.name) {
                return self.truncate(at);
            }
            if open.kind.special && !matches!(open.name, tags::ADDRESS | tags::DIV | tags::P) {
                return;
            }
        }
    }

    fn close_in_scope(&mut self, name: u64, barrier: impl Fn(&Open) -> bool) {
        for at in (0..self.stack.len()).rev() {
            let open = &self.stack[at];
            if open.name == name && !open.foreign {
                return self.truncate(at);
            }
            if barrier(open) {
                return;
            }
        }
    }

    /// Makes room for a part of a table; false when there is no table that it could belong to.
    fn in_table(&mut self, name: u64) -> bool {
        let keeps = tags::table_context(name);
        for at in (0..self.stack.len()).rev() {
            let open = &self.stack[at];
            if open.foreign {
                continue;
            }
            if keeps.contains(&open.name) || matches!(open.name, tags::TABLE | tags::TEMPLATE) {
                self.truncate(at + 1);
                return true;
            }
        }
        false
    }

    fn end(&mut self, name: u64) {
        if self.in_foreign() {
            return self.end_foreign(name);
        }
        let kind = kind(name);
        if kind.ignored || kind.void {
            return;
        }
        if kind.formatting {
            self.end_formatting(name);
        } else if kind.table || name == tags::TABLE || name == tags::TEMPLATE {
            let barrier = |open: &Open| matches!(open.name, tags::TABLE | tags::TEMPLATE);
            self.close_in_scope(name, barrier);
        } else if kind.special {
            self.close_in_scope(name, |open| open.kind.scope);
        } else {
            self.close_in_scope(name, |open| open.kind.special && !open.foreign || open.kind.scope);
        }
    }

    fn end_foreign(&mut self, name: u64) {
        for at in (0..self.stack.len()).rev() {
            let open = &self.stack[at];
            if open.name == name {
                return self.truncate(at);
            }
            if !open.foreign || open.kind.integration {
                return;
            }
        }
    }

    /// The adoption agency, as far as depth goes (section 13.2.6.4.7).
    fn end_formatting(&mut self, name: u64) {
        let since_marker = self.active.iter().rev().take_while(|entry| entry.serial != MARKER);
        let Some(entry) = since_marker.into_iter().find(|entry| entry.name == name).copied() else {
            if self.stack.last().is_some_and(|open| open.name == name) {
                self.truncate(self.stack.len() - 1);
            }
            return;
        };
        let at = self.stack.iter().rposition(|open| open.serial == entry.serial);
        let blocks = at.map_or(0, |at| self.stack.iter().skip(at).filter(|open| open.kind.special).count());
        if blocks >= 8 {
            return;
        }
        self.active.retain(|other| other.serial != entry.serial);
        match at {
            Some(at) if blocks == 0 => self.truncate(at),
            Some(at) => drop(self.stack.remove(at)),
            None => {}
        }
    }

    /// Enters a formatting element into the list; only three of a kind stay (the "Noah's Ark clause").
    fn activate(&mut self, name: u64, tag: u64) -> u32 {
        let since_marker = self.active.iter().rev().take_while(|entry| entry.serial != MARKER);
        let same: Vec<u32> =
            since_marker.filter(|entry| entry.tag == tag).map(|entry| entry.serial).collect();
        if same.len() >= 3 {
            self.active.retain(|entry| Some(&entry.serial) != same.last());
        }
        self.serials += 1;
        self.active.push(Active { name, tag, serial: self.serials, open: true });
        self.serials
    }

    /// Opens formatting elements again that a block closed (section 13.2.4.3, "reconstruct").
    fn reopen(&mut self) {
        let Some(last) = self.active.last() else { return };
        if last.open {
            return;
        }
        let first = self.active.iter().rposition(|entry| entry.open).map_or(0, |at| at + 1);
        for at in first..self.active.len() {
            self.active[at].open = true;
            let Active { name, serial, .. } = self.active[at];
            self.copies += 1;
            self.push(name, kind(name), serial);
        }
    }
}

fn close_entry(active: &mut [Active], serial: u32) {
    if serial != MARKER {
        for entry in active.iter_mut().rev().filter(|entry| entry.serial == serial) {
            entry.open = false;
        }
    }
}

#[cfg(test)]
mod tests;
