//! Is what a run found believable? Judged before anything is recorded, against what the source's own runs usually
//! look like. What is in doubt is let through where that harms nobody: a false alarm is as bad as a missed one.
//!
//! `sight` counts what a run shows, `judge` compares, `memory` says what is kept of it; `silence` says when nothing comes any
//! more.

mod judge;
pub(super) mod memory;
mod sight;
mod silence;

#[cfg(test)]
mod tests;

use crate::{
    extract::Found,
    model::{Draft, Issue, Reason, Severity},
};

pub(super) use judge::{judge, nothing_read};
pub(super) use sight::{Sight, namesakes, sight};
pub(super) use silence::{SILENT, silent};

/// What a source's runs have to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What becomes of a run that does not.
    pub mode: Mode,
    /// So many new items in one run are never a flood.
    pub max_new: u32,
    /// And neither are so many times as many as a run usually brings.
    pub surge: u32,
}

/// What becomes of a run that is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is held: nothing of it is recorded until somebody accepts it, or until a run is believable again.
    Hold,
    /// It is recorded, and its issues say what is odd.
    Warn,
    /// It is recorded.
    Off,
}

/// The reason to record nothing of a run, if there is one.
pub(super) fn refuse<'a>(found: &Found, drafts: impl Iterator<Item = &'a Draft>) -> Option<Issue> {
    if let Some(issue) = found.issues.iter().find(|issue| issue.severity == Severity::Error) {
        return Some(issue.clone());
    }
    let (mut n_items, mut n_hollow) = (0, 0);
    for (item, draft) in found.items.iter().zip(drafts) {
        n_items += 1;
        // JSON Feed asks for nothing but an id.
        let is_hollow = item.id.is_none() && draft.content.url.is_none() && draft.published.is_none();
        n_hollow += usize::from(is_hollow);
    }
    if n_hollow * 2 > n_items {
        let message = format!(
            "{n_hollow} of {n_items} items have neither link nor date nor id: the page's structure has changed"
        );
        return Some(Issue::error("hollow-items", message));
    }
    None
}

/// A reason as an issue of the source.
pub(super) fn issue(reason: &Reason, severity: Severity) -> Issue {
    let Reason { code, message, before, after } = reason;
    Issue::new(severity, code, format!("{message}: usually {before}, now {after}"))
}

impl Mode {
    /// From its name in a configuration.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "hold" => Some(Self::Hold),
            "warn" => Some(Self::Warn),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}
