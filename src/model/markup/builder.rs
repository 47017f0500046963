//! The tree builder's stack and list, without a tree (WHATWG HTML, section 13.2.6).

mod formats;
mod tables;

use super::{
    scan::{Reading, Text},
    tags::{self, Kind, Mode, Namespace, kind},
};

/// What a copied element costs besides its attributes, in bytes.
const COPY: usize = 80;

/// The serial of what is no formatting element, and of the markers that cells and objects put into the list.
const NONE: u32 = 0;

/// The name of no element.
const NOTHING: u64 = 0;

/// An open element.
#[derive(Clone, Copy)]
struct Open {
    name: u64,
    kind: Kind,
    namespace: Namespace,
    /// Its entry in the list of active formatting elements.
    serial: u32,
    /// How a `template` reads what stands directly in it.
    content: Mode,
    /// True for the `form` that `</form>` ends.
    form: bool,
}

/// An entry in the list of active formatting elements.
#[derive(Clone, Copy)]
struct Active {
    name: u64,
    tag: Text,
    serial: u32,
}

/// Follows the tree builder's rules for the stack of open elements and the list of active formatting elements.
#[derive(Default)]
pub(super) struct Builder {
    stack: Vec<Open>,
    active: Vec<Active>,
    serials: u32,
    /// Open `template` elements.
    templates: usize,
    /// Open elements that decide the insertion mode.
    modal: usize,
    /// True when a `form` was begun and not ended ("form element pointer").
    form: bool,
    /// The most elements that were open at once.
    pub(super) deepest: usize,
    /// Bytes of formatting elements that were opened again.
    pub(super) copied: usize,
}

// === impl Open ===

impl Open {
    fn is_foreign(&self) -> bool {
        self.namespace != Namespace::Html
    }

    /// True when it is the HTML element `name`.
    fn is(&self, name: u64) -> bool {
        self.name == name && !self.is_foreign()
    }

    fn is_any(&self, names: &[u64]) -> bool {
        names.contains(&self.name) && !self.is_foreign()
    }

    /// Does it decide how tags in it are read?
    fn is_modal(&self) -> bool {
        self.kind.mode.is_some() && !self.is_foreign()
    }
}

// === impl Builder ===

impl Builder {
    /// Entries in the list of active formatting elements.
    pub(super) fn formats(&self) -> usize {
        self.active.len()
    }

    /// How the tokenizer is to read what comes next.
    pub(super) fn reading(&self) -> Reading {
        match self.stack.last() {
            Some(open) if open.is_foreign() && open.kind.integration => Reading::Integrated,
            Some(open) if open.is_foreign() => Reading::Foreign,
            last if self.mode() == Mode::Columns && !last.is_some_and(|open| open.is(tags::COLGROUP)) => {
                Reading::Columns
            }
            _ => Reading::Html,
        }
    }

    /// Text, or only white space.
    pub(super) fn text(&mut self, blank: bool) {
        if self.in_foreign() {
            return;
        }
        match self.mode() {
            Mode::Columns if blank || !self.is_last(tags::COLGROUP) => return,
            Mode::Columns => self.pop(),
            Mode::Table | Mode::TableBody | Mode::Row if blank && !self.is_last(tags::TEMPLATE) => {
                let current = self.stack.last().copied();
                if current.is_some_and(|open| {
                    open.is(tags::TABLE) || open.is(tags::TR) || open.is_any(&tags::BODIES)
                }) {
                    return;
                }
            }
            _ => {}
        }
        self.reopen();
    }

    pub(super) fn start(&mut self, name: u64, tag: Text, self_closing: bool) {
        let kind = kind(name);
        // Two names stay in `math` where HTML would stand (section 13.2.6).
        let glyph = tags::is_glyph(name)
            && self
                .stack
                .last()
                .is_some_and(|open| open.namespace == Namespace::Math && open.kind.integration);
        if self.in_foreign() || glyph {
            if !kind.breakout {
                if !self_closing {
                    let namespace = self.stack.last().map_or(Namespace::Html, |open| open.namespace);
                    self.push_into(namespace, name, namespace.kind(name), NONE);
                }
                return;
            }
            self.break_out();
        }
        if !self.enters(name) || kind.ignored {
            return;
        }
        if kind.table {
            return self.start_part(name, kind);
        }
        match self.mode() {
            Mode::Table | Mode::TableBody | Mode::Row if name == tags::TABLE => {
                if !self.close_in_table(&[tags::TABLE]) {
                    return;
                }
                // Where the table stood, another may be open.
                return self.start(name, tag, self_closing);
            }
            Mode::Table | Mode::TableBody | Mode::Row if name == tags::FORM => {
                self.form |= self.templates == 0;
                return;
            }
            _ => {}
        }
        self.start_in_body(name, kind, tag, self_closing);
    }

    pub(super) fn end(&mut self, name: u64) {
        if self.stack.last().is_some_and(Open::is_foreign) {
            if matches!(name, tags::P | tags::BR) {
                self.break_out();
            } else if self.end_foreign(name) {
                return;
            }
        }
        if tags::is_raw(name, true) && self.is_last(name) {
            return self.pop();
        }
        match self.mode() {
            _ if name == tags::TEMPLATE => return self.end_template(),
            Mode::Unknown => return,
            Mode::Columns => {
                if !self.is_last(tags::COLGROUP) || name == tags::COL {
                    return;
                }
                self.pop();
                if name == tags::COLGROUP {
                    return;
                }
            }
            _ => {}
        }
        let kind = kind(name);
        if kind.table || name == tags::TABLE {
            self.end_part(name);
        } else {
            self.end_in_body(name, kind);
        }
    }

    fn is_last(&self, name: u64) -> bool {
        self.stack.last().is_some_and(|open| open.is(name))
    }

    fn in_foreign(&self) -> bool {
        self.stack.last().is_some_and(|open| open.is_foreign() && !open.kind.integration)
    }

    /// The insertion mode: the innermost part of a table or `template` says (section 13.2.4.1).
    fn mode(&self) -> Mode {
        if self.modal == 0 {
            return Mode::Body;
        }
        let open = self.stack.iter().rev().find(|open| open.is_modal());
        open.map_or(Mode::Body, |open| {
            if open.name == tags::TEMPLATE { open.content } else { open.kind.mode.unwrap_or(Mode::Body) }
        })
    }

    /// Opens an element that does not stand in `svg` or `math`.
    fn push(&mut self, name: u64, kind: Kind, serial: u32) {
        let namespace = Namespace::rooted_in(name);
        let kind = if namespace == Namespace::Html { kind } else { namespace.kind(name) };
        self.push_into(namespace, name, kind, serial);
    }

    fn push_into(&mut self, namespace: Namespace, name: u64, kind: Kind, serial: u32) {
        let open = Open { name, kind, namespace, serial, content: Mode::Unknown, form: false };
        self.templates += usize::from(open.is(tags::TEMPLATE));
        self.modal += usize::from(open.is_modal());
        self.stack.push(open);
        self.deepest = self.deepest.max(self.stack.len());
    }

    fn pop(&mut self) {
        self.truncate(self.stack.len().saturating_sub(1));
    }

    /// Closes all elements from `from` on.
    fn truncate(&mut self, from: usize) {
        for closed in self.stack.drain(from..) {
            self.templates -= usize::from(closed.is(tags::TEMPLATE));
            self.modal -= usize::from(closed.is_modal());
        }
    }

    /// Closes what is open in the innermost element of `names`; the whole stack is inside one.
    fn clear_to(&mut self, names: &[u64]) {
        let at = self.stack.iter().rposition(|open| open.is_any(names));
        self.truncate(at.map_or(0, |at| at + 1));
    }

    /// Where the innermost element of `names` is open, unless one that `barrier` knows is nearer.
    fn find(&self, names: &[u64], barrier: impl Fn(&Open) -> bool) -> Option<usize> {
        for (at, open) in self.stack.iter().enumerate().rev() {
            if open.is_any(names) {
                return Some(at);
            }
            if barrier(open) {
                return None;
            }
        }
        None
    }

    /// "Has an element in scope".
    fn in_scope(&self, names: &[u64]) -> Option<usize> {
        self.find(names, |open| open.kind.scope)
    }

    /// "Has an element in table scope".
    fn in_table_scope(&self, names: &[u64]) -> Option<usize> {
        self.find(names, |open| open.is(tags::TABLE) || open.is(tags::TEMPLATE))
    }

    fn close_in_scope(&mut self, names: &[u64]) -> bool {
        let at = self.in_scope(names);
        at.inspect(|&at| self.truncate(at)).is_some()
    }

    fn close_in_table(&mut self, names: &[u64]) -> bool {
        let at = self.in_table_scope(names);
        at.inspect(|&at| self.truncate(at)).is_some()
    }

    fn close_p(&mut self) {
        if let Some(at) = self.find(&[tags::P], |open| open.kind.scope || open.is(tags::BUTTON)) {
            self.truncate(at);
        }
    }

    /// Closes elements whose end tags may be left out.
    fn close_implied(&mut self, except: u64) {
        while self.stack.last().is_some_and(|open| open.name != except && open.is_any(&tags::IMPLIED)) {
            self.pop();
        }
    }

    /// False when a `template` has no place for the start tag `name`.
    fn enters(&mut self, name: u64) -> bool {
        match self.mode() {
            Mode::Unknown => {
                if let Some(mode) = Mode::of_template(name) {
                    let template = self.stack.iter_mut().rev().find(|open| open.is(tags::TEMPLATE));
                    template.expect("only a template has this mode").content = mode;
                }
                true
            }
            Mode::Columns if matches!(name, tags::COL | tags::TEMPLATE) => true,
            Mode::Columns if name == tags::HTML => false,
            Mode::Columns => {
                let group = self.is_last(tags::COLGROUP);
                if group {
                    self.pop();
                }
                group
            }
            _ => true,
        }
    }

    fn start_in_body(&mut self, name: u64, kind: Kind, tag: Text, self_closing: bool) {
        let nested_form = name == tags::FORM && self.form && self.templates == 0;
        if nested_form || !self.make_way(name, kind) {
            return;
        }
        if !kind.block {
            self.reopen();
        }
        if name == tags::NOBR && self.in_scope(&[name]).is_some() {
            self.end_formatting(name);
            self.reopen();
        }
        if kind.void || (self_closing && kind.foreign) {
            return;
        }
        let serial = if kind.formatting { self.activate(name, tag) } else { NONE };
        self.push(name, kind, serial);
        if kind.marker {
            self.mark();
        }
        if name == tags::FORM && self.templates == 0 {
            self.form = true;
            self.stack.last_mut().expect("it was pushed").form = true;
        }
    }

    /// Closes what a start tag closes by itself; false when the tag does nothing more.
    fn make_way(&mut self, name: u64, kind: Kind) -> bool {
        match name {
            tags::LI => self.close_item(&[tags::LI]),
            tags::DD | tags::DT => self.close_item(&[tags::DD, tags::DT]),
            _ => {}
        }
        if kind.closes_p {
            self.close_p();
        }
        let in_select = |builder: &Self| builder.in_scope(&[tags::SELECT]).is_some();
        match name {
            tags::A => self.end_stray_link(),
            tags::BUTTON => {
                self.close_in_scope(&[name]);
            }
            tags::SELECT => return !self.close_in_scope(&[name]),
            tags::INPUT => {
                self.close_in_scope(&[tags::SELECT]);
            }
            tags::HR if in_select(self) => self.close_implied(NOTHING),
            tags::OPTION if in_select(self) => self.close_implied(tags::OPTGROUP),
            tags::OPTGROUP if in_select(self) => self.close_implied(NOTHING),
            tags::OPTION | tags::OPTGROUP if self.is_last(tags::OPTION) => self.pop(),
            tags::RB | tags::RTC if self.in_scope(&[tags::RUBY]).is_some() => self.close_implied(NOTHING),
            tags::RP | tags::RT if self.in_scope(&[tags::RUBY]).is_some() => self.close_implied(tags::RTC),
            _ if kind.heading && self.stack.last().is_some_and(|open| open.kind.heading) => self.pop(),
            _ => {}
        }
        true
    }

    /// Closes an open list item, looking through what may stand between (section 13.2.6.4.7, `li`).
    fn close_item(&mut self, names: &[u64]) {
        let passes = |open: &Open| open.is_any(&[tags::ADDRESS, tags::DIV, tags::P]);
        if let Some(at) = self.find(names, |open| open.kind.special && !passes(open)) {
            self.truncate(at);
        }
    }

    fn end_in_body(&mut self, name: u64, kind: Kind) {
        match name {
            tags::BR => self.reopen(),
            tags::FORM => self.end_form(),
            tags::P => self.close_p(),
            tags::LI => {
                let at = self.find(&[name], |open| open.kind.scope || open.is_any(&[tags::OL, tags::UL]));
                at.into_iter().for_each(|at| self.truncate(at));
            }
            _ if kind.ignored || kind.void => {}
            _ if kind.formatting => self.end_formatting(name),
            _ if kind.heading => {
                self.close_in_scope(&tags::HEADINGS);
            }
            _ if kind.marker => {
                if self.close_in_scope(&[name]) {
                    self.unmark();
                }
            }
            _ if kind.closes_p || matches!(name, tags::BUTTON | tags::SELECT) => {
                self.close_in_scope(&[name]);
            }
            _ => self.end_any(name),
        }
    }

    /// Any other end tag (section 13.2.6.4.7).
    fn end_any(&mut self, name: u64) {
        if let Some(at) = self.find(&[name], |open| open.kind.special) {
            self.truncate(at);
        }
    }

    fn end_form(&mut self) {
        if self.templates > 0 {
            self.close_in_scope(&[tags::FORM]);
        } else if std::mem::take(&mut self.form) {
            let at = self.stack.iter().rposition(|open| open.form);
            if let Some(at) = at.filter(|&at| !self.stack[at..].iter().any(|open| open.kind.scope)) {
                self.close_implied(NOTHING);
                self.stack.remove(at);
            }
        }
    }

    /// Leaves `svg` and `math` for a tag that only HTML has.
    fn break_out(&mut self) {
        let inner = |open: &Open| open.is_foreign() && !open.kind.integration;
        let kept = self.stack.iter().rposition(|open| !inner(open)).map_or(0, |at| at + 1);
        self.truncate(kept);
    }

    /// Closes an element of `svg` or `math`; false when there is none of that name before HTML begins.
    fn end_foreign(&mut self, name: u64) -> bool {
        let inner = self.stack.iter().rev().take_while(|open| open.is_foreign());
        let Some(below) = inner.into_iter().position(|open| open.name == name) else { return false };
        self.truncate(self.stack.len() - 1 - below);
        true
    }
}
