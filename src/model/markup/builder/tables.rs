//! Tables: what must stand around a part of one, and what its tags close (sections 13.2.6.4.9 to 15).

use super::{
    super::tags::{self, Kind, Mode},
    Builder, NONE,
};

// === impl Builder ===

impl Builder {
    /// Opens a part of a table, with what must stand around it.
    pub(super) fn start_part(&mut self, name: u64, kind: Kind) {
        let cell = matches!(name, tags::TD | tags::TH);
        loop {
            match self.mode() {
                Mode::Body | Mode::Unknown | Mode::Columns => return,
                Mode::Cell => self.close_cell(),
                Mode::Caption => self.close_caption(),
                Mode::Row if cell => {
                    self.clear_to(&[tags::TR, tags::TEMPLATE]);
                    self.push(name, kind, NONE);
                    return self.mark();
                }
                Mode::Row => {
                    if !self.close_in_table(&[tags::TR]) {
                        return;
                    }
                }
                Mode::TableBody if cell || name == tags::TR => {
                    self.clear_to(&tags::BODIES_OR_TEMPLATE);
                    self.push(tags::TR, tags::kind(tags::TR), NONE);
                    if !cell {
                        return;
                    }
                }
                Mode::TableBody => {
                    if !self.close_body() {
                        return;
                    }
                }
                Mode::Table => {
                    self.clear_to(&[tags::TABLE, tags::TEMPLATE]);
                    match name {
                        tags::COL => return self.push(tags::COLGROUP, tags::kind(tags::COLGROUP), NONE),
                        tags::TR | tags::TD | tags::TH => {
                            self.push(tags::TBODY, tags::kind(tags::TBODY), NONE);
                        }
                        _ => {
                            if name == tags::CAPTION {
                                self.mark();
                            }
                            return self.push(name, kind, NONE);
                        }
                    }
                }
            }
        }
    }

    /// Closes a table, or a part of one, with what is open in it.
    pub(super) fn end_part(&mut self, name: u64) {
        let body = tags::BODIES.contains(&name);
        loop {
            match self.mode() {
                Mode::Cell if matches!(name, tags::TD | tags::TH) => {
                    if self.close_in_table(&[name]) {
                        self.unmark();
                    }
                    return;
                }
                Mode::Cell if body || matches!(name, tags::TABLE | tags::TR) => {
                    if self.in_table_scope(&[name]).is_none() {
                        return;
                    }
                    self.close_cell();
                }
                Mode::Row if body && self.in_table_scope(&[name]).is_none() => return,
                Mode::Row if body || matches!(name, tags::TABLE | tags::TR) => {
                    if !self.close_in_table(&[tags::TR]) || name == tags::TR {
                        return;
                    }
                }
                Mode::TableBody if body => {
                    if self.in_table_scope(&[name]).is_some() {
                        self.clear_to(&tags::BODIES_OR_TEMPLATE);
                        self.pop();
                    }
                    return;
                }
                Mode::TableBody if name == tags::TABLE => {
                    if !self.close_body() {
                        return;
                    }
                }
                Mode::Table if name == tags::TABLE => {
                    self.close_in_table(&[tags::TABLE]);
                    return;
                }
                Mode::Caption if matches!(name, tags::CAPTION | tags::TABLE) => {
                    self.close_caption();
                    if name == tags::CAPTION {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    pub(super) fn close_cell(&mut self) {
        self.close_in_table(&[tags::TD, tags::TH]);
        self.unmark();
    }

    pub(super) fn close_caption(&mut self) {
        self.close_in_table(&[tags::CAPTION]);
        self.unmark();
    }

    /// Closes the rows that are open. html5ever does not look for `thead` here, which a table's own presence hides.
    pub(super) fn close_body(&mut self) -> bool {
        let open = self.in_table_scope(&[tags::TABLE, tags::TBODY, tags::TFOOT]).is_some();
        if open {
            self.clear_to(&tags::BODIES_OR_TEMPLATE);
            self.pop();
        }
        open
    }

    pub(super) fn end_template(&mut self) {
        if let Some(at) = self.find(&[tags::TEMPLATE], |_| false) {
            self.truncate(at);
            self.unmark();
        }
    }
}
