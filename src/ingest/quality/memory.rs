//! What is kept of runs: how the believable ones look, since when others are held. Pure.

use super::Sight;
use crate::model::{Gate, Held, Reason, Run, Timestamp, What};

/// Believable runs that are remembered.
const RUNS: usize = 20;

/// Takes a believable run in. Runs that bring nothing replace each other: twenty runs shall be twenty times that the
/// source said something, not an hour and a half.
pub(in crate::ingest) fn remember(gate: &mut Gate, sight: Sight) {
    let Sight { mut run, listed, .. } = sight;
    if gate.runs.is_empty() {
        // What a first run shows is known after it.
        run.known = run.items;
    }
    let brings = |run: &Run| run.known != run.items;
    if gate.runs.len() > 1
        && gate.runs.last().is_some_and(|last| !brings(last) && last.items > 0)
        && !brings(&run)
    {
        gate.runs.pop();
    }
    gate.runs.push(run);
    let too_many = gate.runs.len().saturating_sub(RUNS);
    gate.runs.drain(..too_many);
    gate.listed = listed;
}

/// One more run is held. What operators are told: nothing where one was held before it.
pub(in crate::ingest) fn hold(
    gate: &mut Gate,
    reasons: Vec<Reason>,
    proposal: Option<String>,
    at: Timestamp,
) -> Option<(What, Vec<Reason>)> {
    match &mut gate.held {
        Some(held) => {
            held.last = at;
            held.runs = held.runs.saturating_add(1);
            held.reasons = reasons;
            held.proposal = proposal.or(held.proposal.take());
            None
        }
        None => {
            gate.held = Some(Held { since: at, last: at, runs: 1, reasons: reasons.clone(), proposal });
            Some((What::Held, reasons))
        }
    }
}

/// A run was taken. What operators are told: nothing where none was held.
pub(in crate::ingest) fn release(gate: &mut Gate, accepted: bool) -> Option<(What, Vec<Reason>)> {
    let held = gate.held.take()?;
    let what = if accepted { What::Accepted } else { What::Recovered };
    Some((what, held.reasons))
}
