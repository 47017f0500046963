//! Step 5: what the next pass needs.

use std::time::Duration;

use super::{MAX_ISSUES, Sink, Walk};
use crate::{
    ingest::{
        Report, Source,
        quality::{self, Mode, SILENT, memory},
        websub::Sight,
    },
    model::Issue,
    net::backoff,
    store,
};

impl Walk<'_> {
    pub(in crate::ingest) fn succeed(&mut self) {
        self.state.last_success = Some(self.at);
        self.state.failures = 0;
        self.state.not_before = None;
    }

    pub(in crate::ingest) fn fail(&mut self, issue: Issue, after: Option<Duration>) {
        self.gate.accepted = None;
        self.state.failures += 1;
        let wait = after.unwrap_or_else(|| backoff::delay(self.state.failures, self.seed()));
        self.state.not_before = Some(self.at.plus(wait));
        self.report.failed = Some(issue.message.clone());
        tracing::warn!(
            source = %self.source.id, code = %issue.code, failures = self.state.failures,
            "cannot read source `{}`: {}", self.source.id, issue.message
        );
        self.mind_silence(&issue);
        if !self.report.issues.contains(&issue) {
            self.wrong(issue);
        }
    }

    /// Operators hear once that nothing could be read for long. What is held for another reason stays held for that.
    fn mind_silence(&mut self, issue: &Issue) {
        let Source { schedule, gate, .. } = &**self.source;
        let is_held =
            self.gate.held.as_ref().is_some_and(|held| held.reasons.iter().all(|it| it.code != SILENT));
        if gate.mode == Mode::Off || is_held {
            return;
        }
        if let Some(reason) = quality::silent(&self.state, schedule.usual_interval(), &issue.message, self.at)
        {
            self.told = memory::hold(&mut self.gate, vec![reason], None, self.at);
        }
    }

    /// What this source's back-off is jittered with: other sources on the same failing host come at other times.
    fn seed(&self) -> u64 {
        let hash = blake3::hash(self.source.id.as_str().as_bytes());
        hash.as_bytes().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    }

    pub(in crate::ingest) async fn end(mut self) -> store::Result<Report> {
        self.note_manners();
        self.note_chains();
        if self.report.items > 0 {
            self.state.items = u32::try_from(self.report.items).unwrap_or(u32::MAX);
        }
        // The worst first: two hundred bad dates must not hide why nothing was read.
        self.report.issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        self.report.issues.truncate(MAX_ISSUES);
        self.state.issues.clone_from(&self.report.issues);
        if self.sink == Sink::Record {
            let sight = self.seen();
            let (ingest, report) = (self.ingest, self.report.clone());
            self.keep().await?;
            ingest.seen(&report.source, sight).await?;
            let Report { source, items, new, revised, .. } = &report;
            // Most passes find what is known: nobody wants to read that every ten minutes.
            if new + revised > 0 {
                tracing::info!(%source, items, new, revised, "source `{source}`: {new} new, {revised} revised of {items}");
            }
            return Ok(report);
        }
        Ok(self.report)
    }

    fn seen(&mut self) -> Sight {
        // Pages are read again for edits of which a hub, which knows the feed only, cannot tell.
        let n_edits = if self.source.extract.page.is_some() { 0 } else { self.report.revised };
        let (succeeded, news) = (self.report.failed.is_none(), self.report.new + n_edits > 0);
        Sight { succeeded, news, ..std::mem::take(&mut self.sight) }
    }
}
