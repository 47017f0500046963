//! What is brought to a source instead of being looked for: pushed over the API, or put into a folder.
//!
//! It goes the way of everything else from the parsers on: one identity, honest dates, the same journal. What differs is who
//! answers for it: whoever pushes hears at once what was wrong, and nothing of a push is recorded that cannot be read
//! whole; a file that cannot be read is an issue of its source until somebody replaces it.

mod folder;
mod push;

use std::path::PathBuf;

use url::Url;

pub use push::{Push, Receipt};

use super::{Source, document::Parsed};
use crate::model::{ArticleId, Issue, Item, Severity, SourceId, TokenId};

/// Where what a source says comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its list or feed, which we look at.
    Web,
    /// Files that somebody puts into a folder.
    Folder(PathBuf),
    /// Whoever pushes: the holders of these tokens, or of any that may publish where none is named.
    Pushed(Vec<TokenId>),
}

/// Why something that was brought is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// We look for ourselves what is new.
    #[error("`{0}` is watched by us: nothing can be pushed into it")]
    Watched(SourceId),
    /// The token is none of those that the source names.
    #[error("this token may not push into `{0}`")]
    Stranger(SourceId),
    /// It cannot be read whole.
    #[error("nothing of this push was taken: {}{}", .0.message, place(.0))]
    Unread(Issue),
    /// More is new than is announced unasked.
    #[error("{new} of these articles are new; more than {most} at once are not announced unasked")]
    Flood {
        /// How many are new.
        new: usize,
        /// How many may be.
        most: u32,
    },
    /// The source has no such article.
    #[error("`{source_id}` has no article `{article}`")]
    Missing {
        /// Which source.
        source_id: SourceId,
        /// Which article.
        article: ArticleId,
    },
}

/// Issues that mean that a part of what was brought is lost.
const LOSSES: [&str; 4] = ["truncated", "too-many-items", "not-an-item", "too-large"];

// === impl Source ===

impl Source {
    /// Where it is looked at, for people: an address, a folder, or nowhere.
    pub fn place(&self) -> String {
        match &self.origin {
            Origin::Web => self.url.to_string(),
            Origin::Folder(path) => path.display().to_string(),
            Origin::Pushed(_) => "pushed".to_owned(),
        }
    }

    /// The address that is asked; `None` where nobody is.
    pub fn asked(&self) -> Option<&Url> {
        (self.origin == Origin::Web).then_some(&self.url)
    }
}

/// What is no fault of what is brought: it may stand nowhere.
fn is_fault(issue: &Issue) -> bool {
    issue.code != "no-link"
}

/// The first reason not to take a document that was brought: a part of it would be lost.
fn flaw((found, drafts): &Parsed) -> Option<Issue> {
    let is_loss = |issue: &&Issue| issue.severity == Severity::Error || LOSSES.contains(&issue.code.as_str());
    if let Some(issue) = found.issues.iter().find(is_loss) {
        return Some(issue.clone());
    }
    // As found: normalized it has a title in any case.
    let says_nothing =
        |item: &Item| [&item.title, &item.content, &item.summary].iter().all(|part| part.is_none());
    match found.items.iter().position(says_nothing) {
        Some(index) => {
            let message = "this item has neither a title nor a text";
            Some(Issue::error("empty-item", message).at(format!("item {}", index + 1)))
        }
        None if drafts.is_empty() => Some(Issue::error("no-items", "there are no items in it")),
        None => None,
    }
}

fn place(issue: &Issue) -> String {
    if issue.at.is_empty() { String::new() } else { format!(" ({})", issue.at) }
}
