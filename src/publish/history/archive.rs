//! Archives (RFC 5005, section 4): documents that never change once they are there.
//!
//! An archive says what the lines of one block of the journal made of their articles, each as it was at the end of
//! the block. A later edit is in a later archive, and the later one counts (section 4.2). The address of the archive
//! after it is not in it: when an archive is written, that one does not exist yet. Readers go from the feed
//! backwards.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Job, Key, LINES, Result, Unavailable, What,
    cuts::{Block, Stream},
    revision, withdrawal,
};
use crate::{
    model::{Article, Event, FeedId, Seq, Status},
    publish::{
        Document, Feed, Format, Freshness, Publisher, Settings,
        document::{Address, Links},
        live::Snapshot,
        select::select,
    },
    store::{self, Place, Store},
};

/// Where an archive stands.
pub(super) fn address(settings: &Settings, feed: &FeedId, end: Seq) -> Address {
    let own = Address::of(settings, feed);
    Address { stem: format!("{}/archive/{end}", own.stem), ..own }
}

impl Publisher {
    /// The archive that ends with the line `end` of the journal. `prefix` is what stands between our address and
    /// `/feeds`, for readers of private feeds.
    pub async fn archive(
        &self,
        feed: &FeedId,
        end: Seq,
        format: Format,
        prefix: Option<Arc<str>>,
    ) -> Result<Arc<Document>> {
        let key = Key { feed: feed.clone(), format, prefix, what: What::Archive(end) };
        // Nothing is kept for archives that do not exist.
        self.block(&self.live(feed)?.snapshot().feed, end)?;
        let place = self.history.documents.place(&key);
        let written = place.get_or_try_init(|| async {
            let snapshot = self.live(feed)?.snapshot();
            let block = self.block(&snapshot.feed, end)?;
            let _turn = self.history.turn().await?;
            write(self.store.as_ref(), &snapshot, block, &key).await
        });
        written.await.cloned()
    }

    fn block(&self, feed: &Feed, end: Seq) -> Result<Block> {
        let (cuts, stream) = (self.history.cuts(), Stream::of(feed));
        cuts.block(&stream, end).ok_or_else(|| Unavailable::NoArchive { newest: cuts.newest(&stream) })
    }
}

async fn write(
    store: &dyn Store,
    snapshot: &Arc<Snapshot>,
    block: Block,
    key: &Key,
) -> Result<Arc<Document>> {
    let (settings, feed) = (&snapshot.settings, &snapshot.feed);
    let lines = lines(store, &Stream::of(feed), block).await?;
    let mut articles = said(store, feed, &lines).await?;
    articles.sort_by_key(|article| Reverse(Place::from(&**article)));
    let (live, gone): (Vec<_>, Vec<_>) =
        articles.into_iter().partition(|article| article.status == Status::Live);
    let gone: Vec<_> = gone.iter().map(|article| withdrawal(article)).collect();
    let behind = |address: Address| address.behind(key.prefix.as_deref());
    let links = Links {
        archive: true,
        current: Some(behind(Address::of(settings, &feed.id))),
        prev_archive: block.before.map(|before| behind(address(settings, &feed.id, before))),
        ..Links::default()
    };
    let own = behind(address(settings, &feed.id, block.end));
    let mut job = Job::whole(snapshot, key.format, (own, links), (&live, &gone), feed.extent);
    job.freshness = Arc::new(Freshness::lasting());
    job.write().await
}

/// The lines of a block.
async fn lines(store: &dyn Store, stream: &Stream, block: Block) -> store::Result<Vec<Event>> {
    let (mut at, mut all) = (block.after, Vec::new());
    while at < block.end {
        let events = store.events(at, LINES).await?;
        let Some(last) = events.last() else { break };
        at = last.seq;
        all.extend(events.into_iter().filter(|event| event.seq <= block.end && stream.has(event)));
    }
    Ok(all)
}

/// What lines made of their articles, as far as the feed wants them.
async fn said(store: &dyn Store, feed: &Arc<Feed>, lines: &[Event]) -> store::Result<Vec<Arc<Article>>> {
    let last: HashMap<_, _> = lines.iter().map(|event| (event.article, event.seq)).collect();
    let last: BTreeSet<_> = last.into_values().collect();
    let mut articles = Vec::new();
    for event in lines.iter().filter(|event| last.contains(&event.seq)) {
        articles.extend(revision(store, event).await?);
    }
    let wanted = select(&articles, &[Arc::clone(feed)]).await;
    let wanted = articles.into_iter().zip(wanted).filter(|(_, wanted)| wanted.contains(&true));
    Ok(wanted.map(|(article, _)| article).collect())
}
