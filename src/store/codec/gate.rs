//! The stored form of what the quality gate remembers of a source.

use serde::{Deserialize, Serialize};

use crate::model::{Acceptance, Fallen, Gate, Held, Missing, Notice, Reason, Run, SourceId, What};

use super::{source::PageV1, text::Instant};

/// What the gate remembers of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GateV1 {
    id: String,
    runs: Vec<RunV1>,
    listed: Vec<u64>,
    held: Option<HeldV1>,
    accepted: Option<(Instant, bool)>,
    notices: Vec<NoticeV1>,
    fallen: Vec<(PageV1, Instant)>,
    missing: Vec<(String, Instant, u32)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RunV1 {
    at: Instant,
    items: u32,
    titled: u32,
    linked: u32,
    dated: u32,
    known: u32,
    repeated: u32,
    kinds: [u32; 4],
    marks: u32,
    language: Option<String>,
    newest: Option<Instant>,
    middle: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HeldV1 {
    since: Instant,
    last: Instant,
    runs: u32,
    reasons: Vec<ReasonV1>,
    proposal: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NoticeV1 {
    number: u32,
    at: Instant,
    what: WhatV1,
    reasons: Vec<ReasonV1>,
}

super::mirror! { enum WhatV1 = What { Held, Recovered, Accepted } }
super::mirror! {
    struct ReasonV1 = Reason { code: String, message: String, before: String, after: String }
}

impl From<Gate> for GateV1 {
    fn from(gate: Gate) -> Self {
        Self {
            id: gate.source.to_string(),
            runs: gate.runs.into_iter().map(RunV1::from).collect(),
            listed: gate.listed,
            held: gate.held.map(HeldV1::from),
            accepted: gate.accepted.map(|accepted| (Instant(accepted.at), accepted.announce)),
            notices: gate.notices.into_iter().map(NoticeV1::from).collect(),
            fallen: gate.fallen.into_iter().map(|it| (it.page.into(), Instant(it.since))).collect(),
            missing: gate.missing.into_iter().map(|it| (it.key, Instant(it.first), it.checks)).collect(),
        }
    }
}

impl TryFrom<GateV1> for Gate {
    type Error = String;

    fn try_from(stored: GateV1) -> Result<Self, String> {
        Ok(Self {
            source: stored.id()?,
            runs: stored.runs.into_iter().map(Run::from).collect(),
            listed: stored.listed,
            held: stored.held.map(Held::from),
            accepted: stored.accepted.map(|(at, announce)| Acceptance { at: at.0, announce }),
            notices: stored.notices.into_iter().map(Notice::from).collect(),
            fallen: stored
                .fallen
                .into_iter()
                .map(|(page, since)| Fallen { page: page.into(), since: since.0 })
                .collect(),
            missing: stored
                .missing
                .into_iter()
                .map(|(key, first, checks)| Missing { key, first: first.0, checks })
                .collect(),
        })
    }
}

impl GateV1 {
    pub(crate) fn id(&self) -> Result<SourceId, String> {
        self.id.parse().map_err(super::cause)
    }
}

impl From<Run> for RunV1 {
    fn from(run: Run) -> Self {
        Self {
            at: Instant(run.at),
            items: run.items,
            titled: run.titled,
            linked: run.linked,
            dated: run.dated,
            known: run.known,
            repeated: run.repeated,
            kinds: run.kinds,
            marks: run.marks,
            language: run.language,
            newest: run.newest.map(Instant),
            middle: run.middle.map(Instant),
        }
    }
}

impl From<RunV1> for Run {
    fn from(stored: RunV1) -> Self {
        Self {
            at: stored.at.0,
            items: stored.items,
            titled: stored.titled,
            linked: stored.linked,
            dated: stored.dated,
            known: stored.known,
            repeated: stored.repeated,
            kinds: stored.kinds,
            marks: stored.marks,
            language: stored.language,
            newest: stored.newest.map(|at| at.0),
            middle: stored.middle.map(|at| at.0),
        }
    }
}

impl From<Held> for HeldV1 {
    fn from(held: Held) -> Self {
        Self {
            since: Instant(held.since),
            last: Instant(held.last),
            runs: held.runs,
            reasons: held.reasons.into_iter().map(ReasonV1::from).collect(),
            proposal: held.proposal,
        }
    }
}

impl From<HeldV1> for Held {
    fn from(stored: HeldV1) -> Self {
        Self {
            since: stored.since.0,
            last: stored.last.0,
            runs: stored.runs,
            reasons: stored.reasons.into_iter().map(Reason::from).collect(),
            proposal: stored.proposal,
        }
    }
}

impl From<Notice> for NoticeV1 {
    fn from(notice: Notice) -> Self {
        Self {
            number: notice.number,
            at: Instant(notice.at),
            what: notice.what.into(),
            reasons: notice.reasons.into_iter().map(ReasonV1::from).collect(),
        }
    }
}

impl From<NoticeV1> for Notice {
    fn from(stored: NoticeV1) -> Self {
        Self {
            number: stored.number,
            at: stored.at.0,
            what: stored.what.into(),
            reasons: stored.reasons.into_iter().map(Reason::from).collect(),
        }
    }
}
