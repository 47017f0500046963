//! The list of active formatting elements (section 13.2.4.3).

use super::{
    super::{
        scan::Text,
        tags::{self, Mode, Namespace, kind},
    },
    Active, Builder, COPY, NONE, NOTHING, Open,
};

// === impl Builder ===

impl Builder {
    pub(super) fn mark(&mut self) {
        self.active.push(Active { name: NOTHING, tag: Text::default(), serial: NONE });
    }

    /// Forgets the formatting elements behind the last marker, and the marker.
    pub(super) fn unmark(&mut self) {
        let marker = self.active.iter().rposition(|entry| entry.serial == NONE);
        self.active.truncate(marker.unwrap_or(0));
    }

    /// Where the list holds the last formatting element `name`, behind the last marker.
    pub(super) fn last_active(&self, name: u64) -> Option<usize> {
        let marker = self.active.iter().rposition(|entry| entry.serial == NONE).map_or(0, |at| at + 1);
        self.active[marker..].iter().rposition(|entry| entry.name == name).map(|at| marker + at)
    }

    pub(super) fn forget(&mut self, serial: u32) {
        self.active.retain(|entry| entry.serial != serial);
    }

    /// An `a` in an `a` ends it (section 13.2.6.4.7, start tag `a`).
    pub(super) fn end_stray_link(&mut self) {
        let Some(at) = self.last_active(tags::A) else { return };
        let serial = self.active[at].serial;
        self.end_formatting(tags::A);
        self.forget(serial);
        if let Some(at) = self.stack.iter().rposition(|open| open.serial == serial) {
            self.stack.remove(at);
        }
    }

    /// The adoption agency (section 13.2.6.4.7).
    pub(super) fn end_formatting(&mut self, name: u64) {
        let current = self.stack.last().copied();
        if current
            .is_some_and(|open| open.is(name) && !self.active.iter().any(|entry| entry.serial == open.serial))
        {
            return self.pop();
        }
        for _ in 0..8 {
            let Some(entry) = self.last_active(name) else { return self.end_any(name) };
            let Active { tag, serial, .. } = self.active[entry];
            let Some(at) = self.stack.iter().rposition(|open| open.serial == serial) else {
                self.active.remove(entry);
                return;
            };
            if self.stack[at..].iter().any(|open| open.kind.scope) {
                return;
            }
            let Some(block) = self.stack[at..].iter().position(|open| open.kind.special) else {
                self.truncate(at);
                self.active.remove(entry);
                return;
            };
            self.adopt(at, at + block, tag);
        }
    }

    /// Moves the formatting element at `at` into the block at `block`, and takes out what is no format between them.
    pub(super) fn adopt(&mut self, at: usize, block: usize, tag: Text) {
        let Open { name, kind, serial, .. } = self.stack[at];
        let mut bookmark = serial;
        let mut node = block;
        let mut kept = 0;
        for step in 1.. {
            node -= 1;
            if node == at {
                break;
            }
            let inner = self.stack[node].serial;
            let entry = self.active.iter().position(|entry| inner != NONE && entry.serial == inner);
            match entry {
                Some(_) if step <= 3 => {
                    if kept == 0 {
                        bookmark = inner;
                    }
                    kept += 1;
                }
                _ => {
                    if let Some(entry) = entry {
                        self.active.remove(entry);
                    }
                    self.stack.remove(node);
                }
            }
        }
        self.serials += 1;
        let clone = Active { name, tag, serial: self.serials };
        let mark =
            self.active.iter().position(|entry| entry.serial == bookmark).expect("both stand in the list");
        if bookmark == serial {
            self.active[mark] = clone;
        } else {
            self.active.insert(mark + 1, clone);
            self.forget(serial);
        }
        // The elements between `at` and the block that were kept stay below it; the block is their next.
        self.stack.remove(at);
        let open = Open {
            name,
            kind,
            namespace: Namespace::Html,
            serial: self.serials,
            content: Mode::Unknown,
            form: false,
        };
        self.stack.insert(at + kept + 1, open);
        self.copied += COPY + tag.length;
    }

    /// Enters a formatting element into the list; only three of a kind stay (the "Noah's Ark clause").
    pub(super) fn activate(&mut self, name: u64, tag: Text) -> u32 {
        let since_marker = self.active.iter().rev().take_while(|entry| entry.serial != NONE);
        let same: Vec<u32> =
            since_marker.filter(|entry| entry.tag == tag).map(|entry| entry.serial).collect();
        if let [_, _, .., oldest] = same[..] {
            self.forget(oldest);
        }
        self.serials += 1;
        self.active.push(Active { name, tag, serial: self.serials });
        self.serials
    }

    /// Opens formatting elements again that a block closed (section 13.2.4.3, "reconstruct").
    pub(super) fn reopen(&mut self) {
        let is_open = |entry: &Active| {
            entry.serial == NONE || self.stack.iter().rev().any(|open| open.serial == entry.serial)
        };
        let first = self.active.iter().rposition(is_open).map_or(0, |at| at + 1);
        for at in first..self.active.len() {
            self.serials += 1;
            self.active[at].serial = self.serials;
            let Active { name, serial, tag } = self.active[at];
            self.copied += COPY + tag.length;
            self.push(name, kind(name), serial);
        }
    }
}
