//! The stored form of what is remembered of a source.

use serde::{Deserialize, Serialize};

use crate::model::{Issue, PageState, Severity, SourceId, SourceState, Timestamp, Validators};

use super::text::{Hash, Instant};

/// What is remembered of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceV1 {
    id: String,
    rules: Hash,
    validators: ValidatorsV1,
    backfilled: bool,
    last_attempt: Option<Instant>,
    last_success: Option<Instant>,
    last_change: Option<Instant>,
    not_before: Option<Instant>,
    failures: u32,
    items: u32,
    issues: Vec<IssueV1>,
    moved_to: Option<String>,
    pages: Vec<PageV1>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct IssueV1 {
    severity: SeverityV1,
    code: String,
    message: String,
    at: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageV1 {
    key: String,
    listed: Hash,
    validators: ValidatorsV1,
    checked: Option<Instant>,
    failures: u32,
}

super::mirror! { enum SeverityV1 = Severity { Info, Warning, Error } }
super::mirror! { struct ValidatorsV1 = Validators { etag: Option<String>, last_modified: Option<String> } }

impl From<SourceState> for SourceV1 {
    fn from(state: SourceState) -> Self {
        Self {
            id: state.id.to_string(),
            rules: Hash(state.rules),
            validators: state.validators.into(),
            backfilled: state.backfilled,
            last_attempt: state.last_attempt.map(Instant),
            last_success: state.last_success.map(Instant),
            last_change: state.last_change.map(Instant),
            not_before: state.not_before.map(Instant),
            failures: state.failures,
            items: state.items,
            issues: state.issues.into_iter().map(IssueV1::from).collect(),
            moved_to: state.moved_to,
            pages: state.pages.into_iter().map(PageV1::from).collect(),
        }
    }
}

impl TryFrom<SourceV1> for SourceState {
    type Error = String;

    fn try_from(stored: SourceV1) -> Result<Self, String> {
        let instant = |at: Option<Instant>| -> Option<Timestamp> { at.map(|at| at.0) };
        Ok(Self {
            id: stored.id.parse().map_err(super::cause)?,
            rules: stored.rules.0,
            validators: stored.validators.into(),
            backfilled: stored.backfilled,
            last_attempt: instant(stored.last_attempt),
            last_success: instant(stored.last_success),
            last_change: instant(stored.last_change),
            not_before: instant(stored.not_before),
            failures: stored.failures,
            items: stored.items,
            issues: stored.issues.into_iter().map(Issue::from).collect(),
            moved_to: stored.moved_to,
            pages: stored.pages.into_iter().map(PageState::from).collect(),
        })
    }
}

impl SourceV1 {
    pub(crate) fn id(&self) -> Result<SourceId, String> {
        self.id.parse().map_err(super::cause)
    }
}

impl From<Issue> for IssueV1 {
    fn from(issue: Issue) -> Self {
        Self { severity: issue.severity.into(), code: issue.code, message: issue.message, at: issue.at }
    }
}

impl From<IssueV1> for Issue {
    fn from(stored: IssueV1) -> Self {
        Self { severity: stored.severity.into(), code: stored.code, message: stored.message, at: stored.at }
    }
}

impl From<PageState> for PageV1 {
    fn from(page: PageState) -> Self {
        Self {
            key: page.key,
            listed: Hash(page.listed),
            validators: page.validators.into(),
            checked: page.checked.map(Instant),
            failures: page.failures,
        }
    }
}

impl From<PageV1> for PageState {
    fn from(stored: PageV1) -> Self {
        Self {
            key: stored.key,
            listed: stored.listed.0,
            validators: stored.validators.into(),
            checked: stored.checked.map(|at| at.0),
            failures: stored.failures,
        }
    }
}
