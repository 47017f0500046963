//! The gate on the way of a pass: whether what the list shows is taken, and what is remembered of that.

use bytes::Bytes;
use url::Url;

use super::{
    listed::Listed,
    pass::{Sink, Walk},
    quality::{self, Mode, memory},
};
use crate::{
    extract::{self, Document, Found},
    model::{Article, Issue, Reason, Severity},
    store,
};

/// Articles that are looked at for titles that the list says.
const LATEST: usize = 200;

/// A document as it came, for whoever looks for a way to read it.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) body: Bytes,
    pub(super) content_type: Option<String>,
    pub(super) url: Url,
}

impl Walk<'_> {
    /// The reasons to hold what the list shows; none where it is to be taken.
    pub(super) async fn weigh(
        &mut self,
        found: &Found,
        items: &mut [Listed],
    ) -> store::Result<Option<Vec<Reason>>> {
        let n_unknown = items.iter().filter(|item| item.known.is_none()).count();
        let is_odd = self.state.backfilled && n_unknown * 2 >= items.len();
        let latest = if is_odd { self.latest().await? } else { Vec::new() };
        let sight = quality::sight(found, items, &self.gate, &latest, self.at);
        self.overlaps = sight.overlap > 0;
        if !self.state.backfilled {
            // Until a first run is through, what is left over of it looks like news, and is none.
            self.gate.runs.clear();
        }
        let limits = self.source.gate;
        let reasons = if self.gate.accepted.is_some() {
            // Whoever lets renamed articles through does not want them twice.
            for (index, known) in quality::namesakes(items, &latest) {
                if let Some(item) = items.get_mut(index) {
                    item.known = Some(known);
                }
            }
            self.learn_aliases(items).await?;
            Vec::new()
        } else if self.state.backfilled && limits.mode != Mode::Off {
            quality::judge(&sight, &self.gate, &limits, self.reread)
        } else {
            Vec::new()
        };
        if limits.mode == Mode::Hold && !reasons.is_empty() {
            return Ok(Some(reasons));
        }
        reasons.iter().for_each(|reason| self.wrong(quality::issue(reason, Severity::Warning)));
        self.shown = Some(sight);
        Ok(None)
    }

    /// May a list without items be taken for once?
    pub(super) fn lets_through(&self, issue: &Issue) -> bool {
        self.gate.accepted.is_some() && issue.code == "no-items"
    }

    /// What could not be read as a list is held where it could be read before.
    pub(super) async fn hold_unread(&mut self, issue: &Issue, raw: &Raw) -> store::Result<()> {
        let is_judged = self.state.backfilled && self.source.gate.mode == Mode::Hold;
        match quality::nothing_read(issue, &self.gate).filter(|_| is_judged) {
            Some(reason) => self.hold(vec![reason], Some(raw)).await,
            None => Ok(()),
        }
    }

    /// Nothing of this run is recorded. Operators are told of the first one that is held.
    pub(super) async fn hold(&mut self, reasons: Vec<Reason>, page: Option<&Raw>) -> store::Result<()> {
        let proposal = match page.filter(|_| !self.source.extract.feed) {
            Some(page) => self.propose(page).await?,
            None => None,
        };
        let words: Vec<_> = reasons.iter().map(|reason| reason.message.as_str()).collect();
        let words = words.join("; ");
        self.told = memory::hold(&mut self.gate, reasons, proposal, self.at);
        if self.told.is_some() && self.sink == Sink::Record {
            tracing::warn!(
                source = %self.source.id,
                "source `{}` is held, nothing of it is published: {words}\nhint: `loa accept {}`, or `loa accept {} --show`",
                self.source.id, self.source.id, self.source.id
            );
        }
        Ok(())
    }

    /// A run that was read and is held: not a failure of the source to answer, so it is asked again as usual.
    pub(super) fn held(&mut self, reasons: &[Reason]) {
        reasons.iter().for_each(|reason| self.wrong(quality::issue(reason, Severity::Error)));
        let words: Vec<_> = reasons.iter().map(|reason| reason.message.as_str()).collect();
        self.report.failed = Some(format!("held, nothing is published: {}", words.join("; ")));
    }

    /// The list was taken: it is what is usual now.
    pub(super) fn taken(&mut self, complete: bool) {
        let accepted = self.gate.accepted.is_some();
        if let Some(shown) = self.shown.take() {
            if accepted && self.gate.held.is_some() {
                self.gate.runs.clear();
            }
            memory::remember(&mut self.gate, shown);
        }
        self.told = memory::release(&mut self.gate, accepted);
        if complete {
            self.gate.accepted = None;
        }
    }

    /// The list is the last believable one, its server says.
    pub(super) fn unchanged(&mut self) {
        self.overlaps = true;
        let at = self.at;
        let old =
            self.gate.runs.last_mut().filter(|run| at.since(run.at) >= std::time::Duration::from_secs(3600));
        if let Some(run) = old {
            run.at = at;
        }
        self.told = memory::release(&mut self.gate, false);
        if self.told.is_some() {
            tracing::info!(source = %self.source.id, "source `{}` is believable again", self.source.id);
        }
    }

    /// Writes down what is remembered of the source, and tells operators what happened to it.
    pub(super) async fn keep(self) -> store::Result<()> {
        let journal = &self.ingest.journal;
        match self.told {
            Some(told) => journal.note(self.gate, self.state, told, self.at).await,
            None => {
                journal.store().put_source(self.state).await?;
                if self.gate != self.gate_before {
                    journal.store().put_gate(self.gate).await?;
                }
                Ok(())
            }
        }
    }

    async fn latest(&mut self) -> store::Result<Vec<Article>> {
        self.ingest.journal.store().newest(&self.source.id, None, LATEST).await
    }

    /// Where the known articles stand in the page as it is now.
    async fn propose(&mut self, raw: &Raw) -> store::Result<Option<String>> {
        let known: Vec<extract::repair::Known> = self
            .latest()
            .await?
            .into_iter()
            .map(|article| extract::repair::Known { title: article.content.title, url: article.content.url })
            .collect();
        let _permit = self.ingest.parsers.acquire().await;
        let raw = raw.clone();
        let proposed = tokio::task::spawn_blocking(move || {
            let document =
                Document { bytes: &raw.body, content_type: raw.content_type.as_deref(), url: &raw.url };
            extract::repair::propose(&document, &known).map(|proposal| proposal.to_toml())
        });
        Ok(proposed.await.unwrap_or_default())
    }
}
