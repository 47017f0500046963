//! Which articles say the same: an index in memory beside the store, never stored itself.
//!
//! What is recorded is taken in and labeled before it is committed, so that a line of the journal speaks of a revision
//! that says for ever what was known then. What was recorded before this process began is read from the store: the
//! newest of every source before anything is labeled, the rest behind everybody's back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use super::Journal;
use crate::{
    dedup::{
        Wording,
        similar::{self, Index, Signature},
    },
    model::{Article, ArticleId, Cluster, Labels, Official, SourceId, Status},
    normalize,
    store::{self, Place},
};

/// How many of a source's newest articles are known before anything is labeled.
const NEWEST: usize = 200;
/// How many are read at once.
const PAGE: usize = 200;

/// Near duplicates among everything that is kept.
#[derive(Debug, Default)]
pub struct Clusters {
    index: Mutex<Index>,
    /// How far each source was read, once the newest are.
    newest: OnceCell<BTreeMap<SourceId, Place>>,
    read: watch::Sender<u64>,
}

impl Clusters {
    /// The cluster of an article as it is now. `None` in front where the article is not known here, yet.
    pub fn of(&self, id: ArticleId) -> Option<Option<Cluster>> {
        let index = self.index();
        index.has(id).then(|| index.cluster(id))
    }

    /// Which articles are in other clusters than after `n` changes: all of them where that is not remembered any more.
    pub fn changes(&self, n: u64) -> (Option<Vec<ArticleId>>, u64) {
        self.index().changes(n)
    }

    /// The clusters that changed last, that one first.
    pub fn latest(&self, limit: usize) -> Vec<Cluster> {
        let index = self.index();
        let mut found: Vec<Cluster> = Vec::new();
        for cluster in index.remembered().into_iter().rev().filter_map(|id| index.cluster(id)) {
            if found.len() < limit && found.iter().all(|known| known.id() != cluster.id()) {
                found.push(cluster);
            }
        }
        found
    }

    /// Wakes up when clusters have changed of which no line of the journal speaks: more of the store was read.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.read.subscribe()
    }

    /// How many articles are known, and the bytes that they take.
    pub fn size(&self) -> (usize, usize) {
        let index = self.index();
        (index.len(), index.bytes())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was recorded before; what is known already is newer.
    fn take(&self, articles: &[(Article, Signature)]) {
        for (article, signature) in articles {
            let mut index = self.index();
            if !index.has(article.id) {
                index.put(article.id, &article.source, article.first_seen, signature);
            }
        }
    }
}

impl Journal {
    /// Which articles say the same.
    pub fn clusters(&self) -> &Arc<Clusters> {
        &self.clusters
    }

    /// Makes sure that the newest articles of every source are known.
    pub async fn know_newest(&self) -> store::Result<()> {
        let read = async || {
            let mut reached = BTreeMap::new();
            for source in self.store.sources().await? {
                let page = self.page(&source.id, None, NEWEST).await?;
                if let Some(last) = page.last().map(Place::from) {
                    reached.insert(source.id, last);
                }
                self.take_page(page).await;
            }
            Ok(reached)
        };
        self.clusters.newest.get_or_try_init(read).await.map(drop)
    }

    /// Reads everything else, one page of each source after another, until all of it is known or `stop`.
    pub async fn know_everything(&self, stop: CancellationToken) -> store::Result<()> {
        self.know_newest().await?;
        let mut places = self.clusters.newest.get().cloned().unwrap_or_default();
        while !places.is_empty() && !stop.is_cancelled() {
            for (source, after) in std::mem::take(&mut places) {
                let page = self.page(&source, Some(after), PAGE).await?;
                if let Some(last) = page.last().map(Place::from) {
                    places.insert(source, last);
                }
                self.take_page(page).await;
                if stop.is_cancelled() {
                    return Ok(());
                }
            }
        }
        let (n_articles, bytes) = self.clusters.size();
        tracing::debug!(n_articles, bytes, "every article's text is known: {n_articles} in {bytes} bytes");
        self.clusters.read.send_modify(|n| *n += 1);
        Ok(())
    }

    /// What is damaged is not known, and neither is what stands behind it: whoever needs it stops at it, not this.
    async fn page(
        &self,
        source: &SourceId,
        after: Option<Place>,
        limit: usize,
    ) -> store::Result<Vec<Article>> {
        match self.store.newest(source, after, limit).await {
            Err(cause @ store::Error::Damaged { .. }) => {
                tracing::error!(%source, "older articles of `{source}` are in no cluster: {cause}");
                Ok(Vec::new())
            }
            other => other,
        }
    }

    async fn take_page(&self, page: Vec<Article>) {
        let read = tokio::task::spawn_blocking(move || {
            let live = page.into_iter().filter(|article| article.status == Status::Live);
            live.map(|article| {
                let (signature, _) = signed(&article, &Wording::of(&article.content));
                (article, signature)
            })
            .collect::<Vec<_>>()
        });
        match read.await {
            Ok(articles) => self.clusters.take(&articles),
            Err(error) => tracing::error!(%error, "reading the texts of articles failed: {error}"),
        }
    }

    /// Labels what is about to be recorded; what it says is read where `wordings` do not have it.
    pub(super) async fn label(
        &self,
        articles: &mut [Article],
        wordings: &BTreeMap<ArticleId, Wording>,
    ) -> store::Result<()> {
        if articles.is_empty() {
            return Ok(());
        }
        self.know_newest().await?;
        for article in articles {
            article.labels = self.labels(article, wordings.get(&article.id));
        }
        Ok(())
    }

    fn labels(&self, article: &Article, wording: Option<&Wording>) -> Labels {
        if article.status == Status::Withdrawn {
            self.clusters.index().remove(article.id);
            return Labels { cluster: None, ..article.labels.clone() };
        }
        let (signature, document) = match wording {
            Some(wording) => signed(article, wording),
            None => signed(article, &Wording::of(&article.content)),
        };
        let mut index = self.clusters.index();
        index.put(article.id, &article.source, article.first_seen, &signature);
        Labels { cluster: index.cluster(article.id), document }
    }
}

/// What is kept of an article's text, and the document that it announces.
fn signed(article: &Article, wording: &Wording) -> (Signature, Option<Official>) {
    let (content, published) = (&article.content, article.published.at);
    let document = normalize::official(&content.title, &wording.plain);
    (similar::signature(content, wording, published, document.as_ref()), document)
}
