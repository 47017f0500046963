//! Articles that are pushed over the API.

use bytes::Bytes;

use super::{Origin, Refusal, flaw, is_fault};
use crate::{
    extract::Kind,
    ingest::{
        Error, Ingest, Report, Source,
        pass::{Sink, Walk},
    },
    journal::Became,
    model::{ArticleId, Revision, SourceId, TokenId},
};

/// What somebody pushes.
#[derive(Clone, Debug)]
pub struct Push {
    /// The document: a feed of any format, JSON Feed items, or the page of an article.
    pub body: Bytes,
    /// Its media type, for the encoding that may stand in it.
    pub content_type: Option<String>,
    /// Are subscribers told of what is new? Where nobody says, they are, unless it is a flood.
    pub announce: Option<bool>,
    /// Only say what would become of it.
    pub rehearse: bool,
}

/// What became of a push.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// In counts, and what was wrong.
    pub report: Report,
    /// Article by article, in the order of the push; several items that are one article are one.
    pub articles: Vec<(ArticleId, Revision, Became)>,
}

impl Ingest {
    /// May the holder of `token` push into a source? The operator has none.
    pub fn may_push(&self, id: &SourceId, token: Option<&TokenId>) -> Result<(), Error> {
        let source = self.find(id)?;
        let Origin::Pushed(by) = &source.origin else {
            return Err(Refusal::Watched(id.clone()).into());
        };
        match token {
            Some(token) if !by.is_empty() && !by.contains(token) => Err(Refusal::Stranger(id.clone()).into()),
            _ => Ok(()),
        }
    }

    /// Takes a push in: what it says is in the journal when this is over, or nothing of it.
    ///
    /// One of more than fifty new articles is written in several commits: whoever hears of a failure pushes the same again, and
    /// what was written is known then.
    pub async fn push(&self, id: &SourceId, push: Push) -> Result<Receipt, Error> {
        self.may_push(id, None)?;
        let source = self.find(id)?;
        let stored = |cause| Error::Store { source_id: id.clone(), cause };
        let sink = if push.rehearse { Sink::Rehearse } else { Sink::Record };
        let mut quiet = |_| ();
        let mut walk = Walk::begin(self, &source, sink, &mut quiet).await.map_err(stored)?;
        let parsed = walk.parse(push.body, push.content_type, source.url.clone(), Kind::Brought).await;
        if let Some(issue) = flaw(&parsed) {
            return Err(Refusal::Unread(issue).into());
        }
        let (found, drafts) = parsed;
        walk.report.items = drafts.len();
        walk.report.issues = found.issues.into_iter().filter(is_fault).collect();
        let items = walk.identify(drafts).await.map_err(stored)?;
        let new = items.iter().filter(|item| item.known.is_none()).count();
        if push.announce.is_none() && is_flood(&source, new) {
            return Err(Refusal::Flood { new, most: source.gate.max_new }.into());
        }
        // There is no first look at what is there already: everything is new to whoever it is pushed to.
        walk.state.backfilled = push.announce != Some(false);
        let articles = walk.take_whole(items).await.map_err(stored)?;
        walk.state.backfilled = true;
        walk.state.rules = source.rules;
        walk.succeed();
        let report = walk.end().await.map_err(stored)?;
        Ok(Receipt { report, articles })
    }

    /// Takes an article back that was pushed, or that came as a file. False where it was taken back before.
    pub async fn take_back(&self, id: &SourceId, article: ArticleId) -> Result<bool, Error> {
        let source = self.find(id)?;
        if source.origin == Origin::Web {
            return Err(Refusal::Watched(id.clone()).into());
        }
        let stored = |cause| Error::Store { source_id: id.clone(), cause };
        let known = self.store().article(article, None).await.map_err(stored)?;
        if known.is_none_or(|known| known.source != *id) {
            return Err(Refusal::Missing { source_id: id.clone(), article }.into());
        }
        self.journal.withdraw(id, article, self.clock.now()).await.map_err(stored)
    }
}

/// Are these too many to be announced by mistake?
pub(super) fn is_flood(source: &Source, new: usize) -> bool {
    new > usize::try_from(source.gate.max_new).unwrap_or(usize::MAX)
}
