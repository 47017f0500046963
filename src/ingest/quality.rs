//! Is what a run found believable? Judged before anything is recorded.

use crate::{
    extract::Found,
    model::{Draft, Issue, Severity},
};

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
