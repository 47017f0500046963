//! One writer at a time: conflict checks, batches, and the counts that would be slow to find out by looking.

use std::{
    ops::Bound,
    sync::{MutexGuard, PoisonError, atomic::Ordering},
};

use crate::model::Seq;

use super::{Batch, Core, Kind, MetaV1, PAGE, Result, SCHEMA, Stats, codec, keys};

/// What the one who holds it may do: write.
#[derive(Default)]
pub(super) struct Writer {
    /// The newest journal line.
    pub(super) head: Seq,
    counts: Counts,
}

/// Each is counted on the first question, a look at the metrics, and kept up to date from then on.
#[derive(Clone, Copy, Default)]
struct Counts {
    articles: Option<u64>,
    queued: Option<u64>,
}

impl Core {
    pub(super) fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Composes a batch and applies it, alone; returns when it is durable. Writers that wait here share one sync.
    pub(super) fn write<T>(&self, compose: impl FnOnce(&mut Writer, &mut Batch) -> Result<T>) -> Result<T> {
        let mut writer = self.lock();
        // Nobody knows how far it came, and the head may have moved without its lines.
        if self.writer.is_poisoned() {
            let cause = "an earlier write broke off in the middle; start again".to_owned();
            return Err(self.table.refused(std::io::ErrorKind::Other, cause));
        }
        let mut batch = Batch::new();
        let done = compose(&mut writer, &mut batch)?;
        self.apply(&mut writer, batch)?;
        drop(writer);
        self.table.sync()?;
        Ok(done)
    }

    /// Applies a batch and keeps the counts.
    pub(super) fn apply(&self, writer: &mut Writer, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        // Counts are only believed again when the batch is through.
        let counts = self.recount(std::mem::take(&mut writer.counts), &batch)?;
        self.table.apply(batch)?;
        writer.counts = counts;
        Ok(())
    }

    /// The head as it is in the table, after it was opened or restored.
    pub(super) fn reload_head(&self) -> Result<()> {
        let mut writer = self.lock();
        let (from, to) = Kind::Event.range();
        let last = self.table.last(&from, &to)?;
        let last = last.map(|(key, value)| codec::decode::<codec::EventV1>(&key, &value)).transpose()?;
        let meta = self.read::<MetaV1>(&keys::meta())?.map_or(0, |meta| meta.head);
        writer.head = Seq(last.map_or(0, |event| event.seq().0).max(meta));
        writer.counts = Counts::default();
        self.durable.fetch_max(writer.head.0, Ordering::AcqRel);
        Ok(())
    }

    pub(super) fn put_head(&self, batch: &mut Batch, head: Seq) -> Result<()> {
        self.put(batch, keys::meta(), &MetaV1 { schema: SCHEMA, head: head.0 })
    }

    pub(super) fn stats(&self) -> Result<Stats> {
        let bytes = self.table.bytes()?;
        let mut writer = self.lock();
        let Counts { articles, queued } = writer.counts;
        let articles = self.count(articles, Kind::Known)?;
        let queued = self.count(queued, Kind::Queued)?;
        writer.counts = Counts { articles: Some(articles), queued: Some(queued) };
        Ok(Stats { articles, head: writer.head, queued, bytes })
    }

    fn count(&self, known: Option<u64>, kind: Kind) -> Result<u64> {
        if let Some(known) = known {
            return Ok(known);
        }
        let mut count = 0;
        self.each_key(kind, |_| count += 1)?;
        Ok(count)
    }

    /// What was counted already, after `batch`.
    fn recount(&self, mut counts: Counts, batch: &Batch) -> Result<Counts> {
        for (key, value) in batch {
            let count = match (Kind::of(key), &mut counts) {
                (Some(Kind::Known), Counts { articles: Some(articles), .. }) => articles,
                (Some(Kind::Queued), Counts { queued: Some(queued), .. }) => queued,
                _ => continue,
            };
            match (self.table.get(key)?.is_some(), value.is_some()) {
                (false, true) => *count += 1,
                (true, false) => *count = count.saturating_sub(1),
                _ => {}
            }
        }
        Ok(counts)
    }

    fn each_key(&self, kind: Kind, mut visit: impl FnMut(&[u8])) -> Result<()> {
        let (mut from, to) = kind.range();
        loop {
            let rows = self.table.range(Bound::Excluded(&from), &to, PAGE)?;
            rows.iter().for_each(|(key, _)| visit(key));
            match rows.into_iter().next_back() {
                Some((last, _)) => from = last,
                None => return Ok(()),
            }
        }
    }
}
