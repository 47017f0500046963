//! Lines of the journal that do not say that an article says something else: one was taken back, or its source is not
//! believed.

use std::collections::BTreeMap;

use super::Journal;
use crate::{
    model::{
        ArticleId, Change, Event, Gate, Notice, Reason, Revision, SourceId, SourceState, Status, Timestamp,
        What,
    },
    store::{self, Commit, Error},
};

/// Notices that are kept of a source.
const NOTICES: usize = 50;

impl Journal {
    /// Writes down that something happened to a source, together with all that is remembered of it: operators are told
    /// once of a hold, and once of its end, whatever breaks in between.
    pub async fn note(
        &self,
        mut gate: Gate,
        state: SourceState,
        (what, reasons): (What, Vec<Reason>),
        at: Timestamp,
    ) -> store::Result<()> {
        let number = gate.notices.last().map_or(0, |last| last.number).saturating_add(1);
        gate.notices.push(Notice { number, at, what, reasons });
        let too_many = gate.notices.len().saturating_sub(NOTICES);
        gate.notices.drain(..too_many);
        let change = match what {
            What::Held => Change::Stale,
            What::Recovered | What::Accepted => Change::Recovered,
        };
        loop {
            let expected = self.store.head().await?;
            let event = Event {
                seq: expected.next(),
                at,
                change,
                article: ArticleId::NONE,
                revision: Revision(number),
                source: gate.source.clone(),
                quiet: false,
            };
            let commit = Commit {
                expected,
                events: vec![event],
                source: Some(state.clone()),
                gate: Some(gate.clone()),
                ..Commit::default()
            };
            match self.store.commit(commit).await {
                Ok(head) => {
                    self.announce(head);
                    return Ok(());
                }
                Err(Error::Conflict { .. }) => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Takes an article back, as its source did. False where it is not there, or was taken back before.
    pub async fn withdraw(&self, source: &SourceId, id: ArticleId, at: Timestamp) -> store::Result<bool> {
        loop {
            let expected = self.store.head().await?;
            let Some(mut article) = self.store.article(id, None).await? else { return Ok(false) };
            if article.status == Status::Withdrawn {
                return Ok(false);
            }
            article.revision = article.revision.next();
            article.status = Status::Withdrawn;
            article.updated = at.max(article.updated);
            let event = Event {
                seq: expected.next(),
                at,
                change: Change::Withdrawn,
                article: id,
                revision: article.revision,
                source: source.clone(),
                quiet: false,
            };
            let mut commit =
                Commit { expected, articles: vec![article], events: vec![event], ..Commit::default() };
            self.label(&mut commit.articles, &BTreeMap::new()).await?;
            match self.store.commit(commit).await {
                Ok(head) => {
                    self.announce(head);
                    return Ok(true);
                }
                Err(Error::Conflict { .. }) => {}
                Err(cause) => return Err(cause),
            }
        }
    }
}
