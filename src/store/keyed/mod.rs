//! The one implementation of [`Store`], over the table of either backend: what one backend is tested for, the other
//! keeps as well.

mod articles;
mod dump;
mod queue;
mod writer;

use std::{
    io::ErrorKind,
    ops::Bound,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use crate::model::{
    Article, ArticleId, Attempt, Backfill, Canary, Delivery, Digest, Event, Follower, Following, Gate,
    IdentityKey, Known, Mended, Revision, Seq, SourceId, SourceState, Subscription, SubscriptionId,
    Timestamp, Token, TokenId,
};

use super::{
    Commit, Error, Place, Record, Result, Settled, Stats, Step, Store,
    codec::{self, MetaV1, TooLarge},
    keys::{self, Kind},
    table::{Batch, Row, Table},
};
use writer::Writer;

/// The layout of the keys that this program writes and reads.
const SCHEMA: u32 = 1;

/// How many rows one look at a long range takes.
const PAGE: usize = 1_000;

/// A store over an ordered table.
pub(super) struct Keyed {
    core: Arc<Core>,
}

struct Core {
    table: Table,
    /// One writer at a time; readers never wait for it.
    writer: Mutex<Writer>,
    /// The newest journal line that is on the disk: what may be told.
    durable: AtomicU64,
}

impl Keyed {
    /// A store over `table`. Refuses one that a newer program has written. Blocks.
    pub(super) fn open(table: Table) -> Result<Self> {
        let core = Core { table, writer: Mutex::default(), durable: AtomicU64::new(0) };
        let meta = core.read::<MetaV1>(&keys::meta())?;
        if let Some(MetaV1 { schema, .. }) = meta
            && schema != SCHEMA
        {
            let why = format!(
                "it has schema {schema}, this program knows {SCHEMA}: a newer `loa` wrote it, use that one"
            );
            return Err(codec::damaged(&keys::meta(), &why));
        }
        core.reload_head()?;
        Ok(Self { core: Arc::new(core) })
    }

    /// Runs `work` where it may block: sled never runs on a worker of the runtime.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Core) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if let Table::Memory(_) = self.core.table {
            return work(&self.core);
        }
        let core = Arc::clone(&self.core);
        super::blocking(move || work(&core)).await
    }
}

#[async_trait]
impl Store for Keyed {
    async fn head(&self) -> Result<Seq> {
        self.run(|core| Ok(core.lock().head)).await
    }

    async fn known(&self, source: &SourceId, keys: &[IdentityKey]) -> Result<Vec<Option<Known>>> {
        let (source, keys) = (source.clone(), keys.to_vec());
        self.run(move |core| keys.iter().map(|key| core.known(&source, key)).collect()).await
    }

    async fn commit(&self, commit: Commit) -> Result<Seq> {
        self.run(|core| core.commit(commit)).await
    }

    async fn events(&self, after: Seq, limit: usize) -> Result<Vec<Event>> {
        self.run(move |core| core.events(after, limit)).await
    }

    async fn article(&self, id: ArticleId, revision: Option<Revision>) -> Result<Option<Article>> {
        self.run(move |core| core.article(id, revision)).await
    }

    async fn newest(&self, source: &SourceId, after: Option<Place>, limit: usize) -> Result<Vec<Article>> {
        let source = source.clone();
        self.run(move |core| core.newest(&source, after, limit)).await
    }

    async fn source(&self, id: &SourceId) -> Result<Option<SourceState>> {
        let key = keys::source(id);
        self.run(move |core| {
            core.read::<codec::SourceV1>(&key)?.map(|stored| model(&key, stored)).transpose()
        })
        .await
    }

    async fn sources(&self) -> Result<Vec<SourceState>> {
        self.run(|core| core.all::<codec::SourceV1, _>(Kind::Source)).await
    }

    async fn put_source(&self, state: SourceState) -> Result<()> {
        self.run(|core| {
            core.write(|_, batch| core.put(batch, keys::source(&state.id), &codec::SourceV1::from(state)))
        })
        .await
    }

    async fn gate(&self, source: &SourceId) -> Result<Option<Gate>> {
        let key = keys::gate(source);
        self.run(move |core| core.read::<codec::GateV1>(&key)?.map(|stored| model(&key, stored)).transpose())
            .await
    }

    async fn gates(&self) -> Result<Vec<Gate>> {
        self.run(|core| core.all::<codec::GateV1, _>(Kind::Gate)).await
    }

    async fn put_gate(&self, gate: Gate) -> Result<()> {
        self.run(|core| {
            core.write(|_, batch| core.put(batch, keys::gate(&gate.source), &codec::GateV1::from(gate)))
        })
        .await
    }

    async fn mended(&self) -> Result<Vec<Mended>> {
        self.run(|core| core.all::<codec::MendedV1, _>(Kind::Mended)).await
    }

    async fn put_mended(&self, mended: Mended) -> Result<()> {
        let (key, record) = (keys::mended(&mended.host, mended.trust), codec::MendedV1::from(mended));
        self.run(move |core| core.write(|_, batch| core.put(batch, key, &record))).await
    }

    async fn remove_mended(&self, host: &str, trust: Digest) -> Result<()> {
        let key = keys::mended(host, trust);
        self.run(move |core| core.write(|_, batch| core.remove(batch, &key))).await
    }

    async fn followings(&self) -> Result<Vec<Following>> {
        self.run(|core| core.all::<codec::FollowingV1, _>(Kind::Following)).await
    }

    async fn put_following(&self, following: Following) -> Result<()> {
        self.run(|core| {
            let key = keys::following(&following.source);
            core.write(|_, batch| core.put(batch, key, &codec::FollowingV1::from(following)))
        })
        .await
    }

    async fn remove_following(&self, source: &SourceId) -> Result<()> {
        let key = keys::following(source);
        self.run(move |core| core.write(|_, batch| core.remove(batch, &key))).await
    }

    async fn canary(&self) -> Result<Option<Canary>> {
        let key = keys::canary();
        self.run(move |core| {
            core.read::<codec::CanaryV1>(&key)?.map(|stored| model(&key, stored)).transpose()
        })
        .await
    }

    async fn put_canary(&self, canary: Option<Canary>) -> Result<()> {
        self.run(|core| {
            core.write(|_, batch| match canary {
                Some(canary) => core.put(batch, keys::canary(), &codec::CanaryV1::from(canary)),
                None => core.remove(batch, &keys::canary()),
            })
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        self.run(|core| core.all::<codec::TokenV1, _>(Kind::Token)).await
    }

    async fn put_token(&self, token: &Token) -> Result<()> {
        let (key, record) = (keys::token(&token.id), codec::TokenV1::from(token));
        self.run(move |core| core.write(|_, batch| core.put(batch, key, &record))).await
    }

    async fn remove_token(&self, id: &TokenId) -> Result<()> {
        let key = keys::token(id);
        self.run(move |core| core.write(|_, batch| core.remove(batch, &key))).await
    }

    async fn backfills(&self) -> Result<Vec<Backfill>> {
        self.run(|core| core.all::<codec::BackfillV1, _>(Kind::Backfill)).await
    }

    async fn put_backfill(&self, backfill: Backfill) -> Result<()> {
        let (key, record) = (keys::backfill(&backfill.source), codec::BackfillV1::from(backfill));
        self.run(move |core| core.write(|_, batch| core.put(batch, key, &record))).await
    }

    async fn cursor(&self, follower: Follower) -> Result<Seq> {
        self.run(move |core| core.cursor(follower)).await
    }

    async fn advance(&self, step: Step) -> Result<()> {
        self.run(move |core| core.advance(&step)).await
    }

    async fn due(
        &self,
        subscription: &SubscriptionId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>> {
        let id = subscription.clone();
        self.run(move |core| {
            let (from, _) = keys::queue_range(&id);
            core.models::<codec::DeliveryV1, _>(Bound::Included(&from), &keys::not_due(&id, now), limit)
        })
        .await
    }

    async fn first_due(
        &self,
        subscriptions: Vec<SubscriptionId>,
        limit: usize,
    ) -> Result<Vec<Vec<Delivery>>> {
        self.run(move |core| {
            let rows = |id: &SubscriptionId| {
                let (from, to) = keys::queue_range(id);
                core.models::<codec::DeliveryV1, _>(Bound::Included(&from), &to, limit)
            };
            subscriptions.iter().map(rows).collect()
        })
        .await
    }

    async fn heads(&self, after: Option<&SubscriptionId>, limit: usize) -> Result<Vec<Delivery>> {
        let after = after.cloned();
        self.run(move |core| core.heads(after.as_ref(), limit)).await
    }

    async fn parked(&self, subscription: &SubscriptionId, limit: usize) -> Result<Vec<Delivery>> {
        let (from, to) = keys::parked_range(subscription);
        self.run(move |core| core.models::<codec::DeliveryV1, _>(Bound::Included(&from), &to, limit)).await
    }

    async fn settle(&self, settled: Vec<Settled>) -> Result<()> {
        self.run(|core| core.settle(settled)).await
    }

    async fn enqueue(&self, deliveries: Vec<Delivery>) -> Result<()> {
        self.run(move |core| core.enqueue(&deliveries)).await
    }

    async fn attempts(
        &self,
        subscription: &SubscriptionId,
        before: Option<(Timestamp, Seq)>,
        limit: usize,
    ) -> Result<Vec<Attempt>> {
        let id = subscription.clone();
        self.run(move |core| core.attempts(&id, before, limit)).await
    }

    async fn forget_attempts(
        &self,
        subscription: &SubscriptionId,
        before: Timestamp,
        bytes: u64,
    ) -> Result<u64> {
        let id = subscription.clone();
        self.run(move |core| core.forget_attempts(&id, before, bytes)).await
    }

    async fn subscriptions(&self) -> Result<Vec<Subscription>> {
        self.run(Core::subscriptions).await
    }

    async fn put_subscription(&self, subscription: Subscription) -> Result<()> {
        self.run(move |core| core.write(|_, batch| core.put_subscription(batch, &subscription))).await
    }

    async fn remove_subscription(&self, id: &SubscriptionId) -> Result<bool> {
        let id = id.clone();
        self.run(move |core| core.remove_subscription(&id)).await
    }

    async fn stats(&self) -> Result<Stats> {
        self.run(Core::stats).await
    }

    async fn dump(&self, after: Option<Vec<u8>>, limit: usize) -> Result<Vec<Record>> {
        self.run(move |core| core.dump(after.as_deref(), limit)).await
    }

    async fn restore(&self, records: Vec<Record>) -> Result<()> {
        self.run(|core| core.restore(records)).await
    }
}

// === impl Core: records of any kind ===

impl Core {
    /// The record at `key`.
    fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>> {
        let Some(value) = self.table.get(key)? else { return Ok(None) };
        codec::decode(key, &self.whole(key, value)?).map(Some)
    }

    /// A value followed by its parts.
    fn whole(&self, key: &[u8], mut value: Vec<u8>) -> Result<Vec<u8>> {
        for number in 0..codec::parts(key, &value)? {
            match self.table.get(&keys::part(key, number))? {
                Some(part) => value.extend(part),
                None => return Err(codec::damaged(key, &format!("part {number} is missing"))),
            }
        }
        Ok(value)
    }

    /// Up to `limit` records of a range as values of the model.
    fn models<T, M>(&self, from: Bound<&[u8]>, to: &[u8], limit: usize) -> Result<Vec<M>>
    where
        T: DeserializeOwned,
        M: TryFrom<T>,
        M::Error: std::fmt::Display,
    {
        let rows = self.table.range(from, to, limit)?;
        let read = |(key, value): Row| model::<T, M>(&key, codec::decode(&key, &self.whole(&key, value)?)?);
        rows.into_iter().map(read).collect()
    }

    /// Every record of a kind.
    fn all<T, M>(&self, kind: Kind) -> Result<Vec<M>>
    where
        T: DeserializeOwned,
        M: TryFrom<T>,
        M::Error: std::fmt::Display,
    {
        let (from, to) = kind.range();
        self.models(Bound::Included(&from), &to, usize::MAX)
    }

    /// Writes a record, and takes away what a longer one has left behind it.
    fn put<T: Serialize>(&self, batch: &mut Batch, key: Vec<u8>, record: &T) -> Result<()> {
        self.put_values(batch, key, codec::encode(record))
    }

    /// The same of a revision of an article.
    fn put_article(&self, batch: &mut Batch, key: Vec<u8>, record: &codec::ArticleV2) -> Result<()> {
        self.put_values(batch, key, codec::encode_article(record))
    }

    /// Writes a record of a kind that is always small: an older one has nothing behind it.
    fn put_small<T: Serialize>(&self, batch: &mut Batch, key: Vec<u8>, record: &T) -> Result<()> {
        self.insert(batch, key, codec::encode(record))
    }

    fn put_values(
        &self,
        batch: &mut Batch,
        key: Vec<u8>,
        values: Result<Vec<Vec<u8>>, TooLarge>,
    ) -> Result<()> {
        self.remove(batch, &key)?;
        self.insert(batch, key, values)
    }

    fn insert(&self, batch: &mut Batch, key: Vec<u8>, values: Result<Vec<Vec<u8>>, TooLarge>) -> Result<()> {
        let values = values.map_err(|TooLarge(size)| {
            let what = keys::describe(&key);
            let cause = format!("the {what} has {size} bytes, more than {}", codec::LARGEST);
            self.table.refused(ErrorKind::FileTooLarge, cause)
        })?;
        let mut values = values.into_iter();
        let head = values.next();
        for (number, part) in (0..).zip(values) {
            batch.insert(keys::part(&key, number), Some(part));
        }
        batch.insert(key, head);
        Ok(())
    }

    /// Removes a record with its parts, if it is there.
    fn remove(&self, batch: &mut Batch, key: &[u8]) -> Result<()> {
        let Some(old) = self.table.get(key)? else { return Ok(()) };
        for number in 0..codec::parts(key, &old)? {
            batch.insert(keys::part(key, number), None);
        }
        batch.insert(key.to_vec(), None);
        Ok(())
    }

    fn durable(&self) -> Seq {
        Seq(self.durable.load(Ordering::Acquire))
    }
}

/// A stored form as a value of the model.
fn model<T, M>(key: &[u8], stored: T) -> Result<M>
where
    M: TryFrom<T>,
    M::Error: std::fmt::Display,
{
    M::try_from(stored).map_err(|cause| codec::damaged(key, &cause))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::store::{conformance::samples, memory::Memory};

    fn core() -> Arc<Core> {
        Keyed::open(Table::Memory(Memory::default())).unwrap().core
    }

    #[test]
    fn a_line_is_not_told_before_it_is_synced() {
        let core = core();
        let line = samples::event(&samples::article("a", 1, "A", 5), 1);
        let mut batch = Batch::new();
        core.put(&mut batch, keys::event(Seq(1)), &codec::EventV1::from(&line)).unwrap();
        core.apply(&mut core.lock(), batch).unwrap();
        assert_eq!(core.events(Seq(0), 10).unwrap(), []);
        core.durable.store(1, Ordering::Release);
        assert_eq!(core.events(Seq(0), 10).unwrap(), [line]);
    }

    #[test]
    fn after_a_panic_in_the_middle_of_a_write_nothing_is_written_any_more() {
        let core = core();
        let panicked = catch_unwind(AssertUnwindSafe(|| core.write::<()>(|_, _| panic!("in the middle"))));
        assert!(panicked.is_err());
        let refused = core.commit(samples::commit(Seq(0), &[])).unwrap_err().to_string();
        assert!(refused.contains("start again"), "{refused}");
        assert_eq!(core.events(Seq(0), 10).unwrap(), [], "reading goes on");
    }
}
