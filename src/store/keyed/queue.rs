//! Cursors, deliveries and subscriptions.

use std::{collections::BTreeMap, ops::Bound};

use crate::model::{Delivery, Follower, Outcome, Seq, Subscription, SubscriptionId};

use super::{Batch, Core, Result, Step, codec, keys, writer::Writer};

/// How many rows one batch removes while a subscription is cleared away: other readers wait for each batch.
const REMOVED_AT_ONCE: usize = 100;

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
            let mut exists = BTreeMap::new();
            for delivery in step.deliveries.iter().filter(|delivery| delivery.seq > taken) {
                let id = &delivery.subscription;
                let there = match exists.get(id) {
                    Some(there) => *there,
                    None => self.table.get(&keys::subscription(id))?.is_some(),
                };
                exists.insert(id, there);
                if there {
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

    pub(super) fn settle(
        &self,
        settled: &[(Delivery, Outcome)],
        subscription: Option<Subscription>,
    ) -> Result<()> {
        self.write(|_, batch| {
            for (delivery, outcome) in settled {
                self.settle_one(batch, delivery, outcome)?;
            }
            if let Some(subscription) = subscription {
                let key = keys::subscription(&subscription.id);
                // One that was removed in between stays removed.
                if self.table.get(&key)?.is_some() {
                    self.put(batch, key, &codec::SubscriptionV1::from(subscription))?;
                }
            }
            Ok(())
        })
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
        self.remove(batch, &key)?;
        match outcome {
            Outcome::Delivered | Outcome::Dropped => Ok(()),
            Outcome::Retry { due } => {
                self.put_queued(batch, &Delivery { due: *due, attempt, ..delivery.clone() })
            }
            Outcome::Parked => {
                let given_up = Delivery { attempt, ..delivery.clone() };
                let key = keys::parked(&delivery.subscription, delivery.seq);
                self.put(batch, key, &codec::DeliveryV1::from(&given_up))
            }
        }
    }

    fn put_queued(&self, batch: &mut Batch, delivery: &Delivery) -> Result<()> {
        let key = keys::queued(&delivery.subscription, delivery.due, delivery.seq);
        self.put(batch, key, &codec::DeliveryV1::from(delivery))
    }

    /// Its rows first, itself last: a crash in between leaves something that can be removed again.
    pub(super) fn remove_subscription(&self, id: &SubscriptionId) -> Result<bool> {
        self.write(|writer, batch| {
            for (from, to) in [keys::queue_range(id), keys::parked_range(id)] {
                self.clear(writer, &from, &to)?;
            }
            let key = keys::subscription(id);
            self.remove(batch, &key)?;
            Ok(batch.contains_key(&key))
        })
    }

    fn clear(&self, writer: &mut Writer, from: &[u8], to: &[u8]) -> Result<()> {
        loop {
            let rows = self.table.range(Bound::Included(from), to, REMOVED_AT_ONCE)?;
            if rows.is_empty() {
                return Ok(());
            }
            self.apply(writer, rows.into_iter().map(|(key, _)| (key, None)).collect())?;
        }
    }
}
