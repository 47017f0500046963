//! Letting a held run through: the next pass, made at once, is not judged, and what it shows is what is usual from then on.

use super::{Error, Ingest, Report};
use crate::model::{Acceptance, Reason, SourceId};

impl Ingest {
    /// Lets what is held of a source through. `announce`: are subscribers told of what is new in it? It has to be said
    /// where it matters: where everything would be new, or far more than usual.
    pub async fn accept(&self, id: &SourceId, announce: Option<bool>) -> Result<Report, Error> {
        self.find(id)?;
        let stored = |cause| Error::Store { source_id: id.clone(), cause };
        let gate = self.store().gate(id).await.map_err(stored)?;
        let Some((mut gate, held)) = gate.and_then(|gate| gate.held.clone().map(|held| (gate, held))) else {
            return Err(Error::NotHeld(id.clone()));
        };
        let is_choice = |reason: &&Reason| matches!(reason.code.as_str(), "flood" | "nothing-known");
        if let (None, Some(reason)) = (announce, held.reasons.iter().find(is_choice)) {
            return Err(Error::Undecided { source_id: id.clone(), new: reason.after.clone() });
        }
        if self.is_running(id) {
            return Err(Error::Busy(id.clone()));
        }
        gate.accepted = Some(Acceptance { at: self.clock.now(), announce: announce.unwrap_or(true) });
        self.store().put_gate(gate).await.map_err(stored)?;
        self.pass(id).await
    }
}
