//! More names of articles that are known already.

use super::Journal;
use crate::{
    model::{ArticleId, IdentityKey, SourceId},
    store::{self, Commit, Error},
};

impl Journal {
    /// Remembers `names` of `source`'s articles, without a line in the journal: nothing visible has changed.
    /// A name that leads to an article already stays there.
    pub async fn learn(&self, source: &SourceId, names: Vec<(IdentityKey, ArticleId)>) -> store::Result<()> {
        let keys: Vec<_> = names.iter().map(|(key, _)| key.clone()).collect();
        loop {
            let expected = self.store.head().await?;
            let known = self.store.known(source, &keys).await?;
            let new = names.iter().zip(&known).filter(|(_, known)| known.is_none());
            let aliases: Vec<_> = new.map(|((key, id), _)| (source.clone(), key.clone(), *id)).collect();
            if aliases.is_empty() {
                return Ok(());
            }
            match self.store.commit(Commit { expected, aliases, ..Commit::default() }).await {
                Err(Error::Conflict { .. }) => {}
                done => return done.map(drop),
            }
        }
    }
}
