//! Cursors, deliveries, what became of them, and subscriptions.

use std::{collections::BTreeMap, ops::Bound};

use crate::model::{Attempt, Delivery, Follower, Outcome, Seq, Subscription, SubscriptionId, Timestamp};

use super::{Batch, Core, Kind, Result, Settled, Step, codec, keys, writer::Writer};

/// How many rows one batch removes while a subscription is cleared away: other readers wait for each batch.
const REMOVED_AT_ONCE: usize = 100;

/// How many lines of the ledger, or subscriptions, one look takes.
const LOOKED_AT_ONCE: usize = 1_000;

/// Which subscriptions exist, each looked up once.
#[derive(Default)]
struct Exists(BTreeMap<SubscriptionId, bool>);

impl Exists {
    fn ask(&mut self, core: &Core, id: &SubscriptionId) -> Result<bool> {
        if let Some(known) = self.0.get(id) {
            return Ok(*known);
        }
        let there = core.table.get(&keys::subscription(id))?.is_some();
        self.0.insert(id.clone(), there);
        Ok(there)
    }
}

impl Core {
    pub(super) fn cursor(&self, follower: Follower) -> Result<Seq> {
        let cursor = self.read::<codec::CursorV1>(&keys::cursor(follower))?;
        Ok(cursor.map_or(Seq(0), |cursor| Seq(cursor.seq)))
    }

    /// One batch, however many deliveries: a crash leaves all of a step or nothing. What an earlier step has taken
    /// is not taken again, so that a step whose answer was lost can be repeated.
    pub(super) fn advance(&self, step: &Step) -> Result<()> {
        self.write(|_, batch| {
            let taken = self.cursor(step.follower)?;
            let mut exists = Exists::default();
            for delivery in step.deliveries.iter().filter(|delivery| delivery.seq > taken) {
                if exists.ask(self, &delivery.subscription)? {
                    self.put_queued(batch, delivery)?;
                }
            }
            if step.cursor > taken {
                let cursor = codec::CursorV1 { follower: step.follower.into(), seq: step.cursor.0 };
                self.put(batch, keys::cursor(step.follower), &cursor)?;
            }
            Ok(())
        })
    }

    /// From queue to queue, without a look at what stands behind each head.
    pub(super) fn heads(&self, after: Option<&SubscriptionId>, limit: usize) -> Result<Vec<Delivery>> {
        let (start, end) = Kind::Queued.range();
        let mut from = after.map_or(start, |after| keys::queue_range(after).1);
        let mut heads = Vec::new();
        while heads.len() < limit {
            let mut rows = self.models::<codec::DeliveryV1, Delivery>(Bound::Included(&from), &end, 1)?;
            let Some(head) = rows.pop() else { break };
            from = keys::queue_range(&head.subscription).1;
            heads.push(head);
        }
        Ok(heads)
    }

    pub(super) fn subscriptions(&self) -> Result<Vec<Subscription>> {
        let (mut from, to) = Kind::Subscription.range();
        let mut all = Vec::new();
        loop {
            let rows = self.table.range(Bound::Excluded(&from), &to, LOOKED_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { return Ok(all) };
            from.clone_from(last);
            for (key, value) in rows {
                let stored = codec::decode_subscription(&key, &self.whole(&key, value)?)?;
                all.push(super::model(&key, stored)?);
            }
        }
    }

    pub(super) fn put_subscription(&self, batch: &mut Batch, subscription: &Subscription) -> Result<()> {
        let key = keys::subscription(&subscription.id);
        self.put_values(batch, key, codec::encode_subscription(&subscription.into()))
    }

    pub(super) fn settle(&self, settled: Vec<Settled>) -> Result<()> {
        self.write(|_, batch| {
            let mut exists = Exists::default();
            for Settled { delivery, outcome, subscription, attempt } in settled {
                // One that was removed in between stays removed, and nothing is left of it.
                if !exists.ask(self, &delivery.subscription)? {
                    continue;
                }
                self.settle_one(batch, &delivery, &outcome)?;
                if let Some(subscription) = subscription {
                    self.put_subscription(batch, &subscription)?;
                }
                if let Some(attempt) = attempt {
                    let Attempt { subscription, at, seq, number, .. } = &attempt;
                    let key = keys::attempt(subscription, *at, *seq, *number);
                    self.put_small(batch, key, &codec::AttemptV1::from(&attempt))?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn enqueue(&self, deliveries: &[Delivery]) -> Result<()> {
        self.write(|_, batch| {
            let mut exists = Exists::default();
            for delivery in deliveries {
                if exists.ask(self, &delivery.subscription)? {
                    self.remove(batch, &keys::parked(&delivery.subscription, delivery.seq))?;
                    self.put_queued(batch, delivery)?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn attempts(
        &self,
        id: &SubscriptionId,
        before: Option<(Timestamp, Seq)>,
        limit: usize,
    ) -> Result<Vec<Attempt>> {
        let (start, end) = keys::attempt_range(id);
        // The last that this event can have at this instant: its first attempt.
        let last = before.map(|(at, seq)| keys::attempt(id, at, seq, 0));
        let from = last.as_deref().map_or(Bound::Included(start.as_slice()), Bound::Excluded);
        self.models::<codec::AttemptV1, _>(from, &end, limit)
    }

    /// Walks the ledger from the newest line on: what is beyond the bytes, or older, is the end of it.
    pub(super) fn forget_attempts(&self, id: &SubscriptionId, before: Timestamp, bytes: u64) -> Result<u64> {
        let (mut from, end) = keys::attempt_range(id);
        let too_old = keys::attempt(id, before, Seq(0), 0);
        let mut kept = 0;
        let cut = loop {
            let rows = self.table.range(Bound::Excluded(&from), &end, LOOKED_AT_ONCE)?;
            let surplus = rows.iter().find(|(key, value)| {
                kept += (key.len() + value.len()) as u64;
                kept > bytes || *key > too_old
            });
            if let Some((key, _)) = surplus {
                break key.clone();
            }
            match rows.into_iter().next_back() {
                Some((last, _)) => from = last,
                None => return Ok(0),
            }
        };
        self.write(|writer, _| self.clear(writer, &cut, &end))
    }

    /// Moves or removes a row that is still there. A parked one that is tried again starts over.
    fn settle_one(&self, batch: &mut Batch, delivery: &Delivery, outcome: &Outcome) -> Result<()> {
        let queued = keys::queued(&delivery.subscription, delivery.due, delivery.seq);
        let parked = keys::parked(&delivery.subscription, delivery.seq);
        let (key, attempt) = if let Some(row) = self.read::<codec::DeliveryV1>(&queued)? {
            (queued, super::model::<_, Delivery>(&parked, row)?.attempt.saturating_add(1))
        } else if self.table.get(&parked)?.is_some() {
            (parked, 0)
        } else {
            return Ok(());
        };
        batch.insert(key, None);
        match outcome {
            Outcome::Delivered | Outcome::Dropped => Ok(()),
            Outcome::Retry { due } => {
                self.put_queued(batch, &Delivery { due: *due, attempt, ..delivery.clone() })
            }
            Outcome::Parked => {
                let given_up = Delivery { attempt, ..delivery.clone() };
                let key = keys::parked(&delivery.subscription, delivery.seq);
                self.put_small(batch, key, &codec::DeliveryV1::from(&given_up))
            }
        }
    }

    fn put_queued(&self, batch: &mut Batch, delivery: &Delivery) -> Result<()> {
        let key = keys::queued(&delivery.subscription, delivery.due, delivery.seq);
        self.put_small(batch, key, &codec::DeliveryV1::from(delivery))
    }

    /// Its rows first, itself last: a crash in between leaves something that can be removed again.
    pub(super) fn remove_subscription(&self, id: &SubscriptionId) -> Result<bool> {
        self.write(|writer, batch| {
            for (from, to) in [keys::queue_range(id), keys::parked_range(id), keys::attempt_range(id)] {
                self.clear(writer, &from, &to)?;
            }
            let key = keys::subscription(id);
            self.remove(batch, &key)?;
            Ok(batch.contains_key(&key))
        })
    }

    /// Removes a range, and says how many rows that were.
    fn clear(&self, writer: &mut Writer, from: &[u8], to: &[u8]) -> Result<u64> {
        let mut removed = 0;
        loop {
            let rows = self.table.range(Bound::Included(from), to, REMOVED_AT_ONCE)?;
            if rows.is_empty() {
                return Ok(removed);
            }
            removed += rows.len() as u64;
            self.apply(writer, rows.into_iter().map(|(key, _)| (key, None)).collect())?;
        }
    }
}
