//! From the queues to the endpoints: one task, one lane per endpoint.

use std::{
    pin::pin,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{
    FutureExt, StreamExt,
    future::{Either, pending},
    stream::FuturesUnordered,
};
use tokio_util::sync::CancellationToken;

use super::{
    Push,
    lanes::{Lanes, Visit},
    policy::Policy,
    webhook::Heard,
};
use crate::{
    model::{Channel, Delivery, Outcome, State, Subscription, SubscriptionId, Timestamp},
    store::{self, Settled},
};

impl Push {
    /// Tells endpoints what is due until `stop`; attempts under way are then finished.
    pub async fn deliver(&self, stop: CancellationToken) -> store::Result<()> {
        let mut lanes = Lanes::default();
        let mut visits = FuturesUnordered::new();
        self.touch(self.store.queues().await?.into_iter().map(|queue| queue.subscription));
        while !stop.is_cancelled() {
            self.line_up(&mut lanes).await?;
            let places = self.settings.load().concurrency;
            let next: Vec<_> = std::iter::from_fn(|| lanes.next(places)).collect();
            if !next.is_empty() {
                // The second row says whether there is more to come.
                let rows = self.store.first_due(next.clone(), 2).await?;
                visits.extend(next.into_iter().zip(rows).map(|(id, rows)| self.visit(id, rows)));
            }
            let wake = pin!(self.wake(lanes.earliest()));
            tokio::select! {
                () = stop.cancelled() => break,
                Some(visited) = visits.next() => {
                    // Those that were written down together end together, and are looked at together again.
                    let mut ended = Some(Some(visited));
                    while let Some(Some(visited)) = ended {
                        let (id, visit) = visited?;
                        lanes.finished(&id, visit, self.is_failing(&id).await?);
                        ended = visits.next().now_or_never();
                    }
                }
                () = wake => {}
            }
        }
        while let Some(visited) = visits.next().await {
            visited?;
        }
        Ok(())
    }

    /// Something came in, or the next retry's time.
    async fn wake(&self, earliest: Option<Timestamp>) {
        let clock = match earliest {
            Some(at) => Either::Left(self.clock.sleep_until(at)),
            None => Either::Right(pending()),
        };
        tokio::select! {
            () = self.work.notified() => {}
            () = clock => {}
        }
    }

    async fn line_up(&self, lanes: &mut Lanes) -> store::Result<()> {
        let mut ids = std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        ids.extend(lanes.awake(self.clock.now()));
        for id in ids {
            lanes.touch(&id, self.is_failing(&id).await?);
        }
        Ok(())
    }

    async fn is_failing(&self, id: &SubscriptionId) -> store::Result<bool> {
        Ok(self.book().await?.get(id).is_some_and(|subscription| subscription.failing_since.is_some()))
    }

    /// Tells one endpoint the first thing that is due, of the first rows of its queue.
    async fn visit(&self, id: SubscriptionId, rows: Vec<Delivery>) -> store::Result<(SubscriptionId, Visit)> {
        let active = self.book().await?.get(&id).filter(|subscription| subscription.state == State::Active);
        let Some(subscription) = active else { return Ok((id, Visit::Nothing)) };
        if matches!(subscription.channel, Channel::WebSub { .. }) {
            return self.visit_subscriber(&subscription).await.map(|visit| (id, visit));
        }
        if matches!(subscription.channel, Channel::Mail(_)) {
            self.mails.touch(&id);
            return Ok((id, Visit::Nothing));
        }
        let is_last = rows.len() < 2;
        let Some(delivery) = rows.into_iter().next() else { return Ok((id, Visit::Nothing)) };
        let ready = subscription.hold_until.map_or(delivery.due, |hold| hold.max(delivery.due));
        if ready > self.clock.now() {
            return Ok((id, Visit::Until(ready)));
        }
        let _under_way = UnderWay::begin(&self.under_way);
        let again = self.attempt(&subscription, delivery).await?;
        let visit = match again {
            _ if !is_last => Visit::Tried,
            Some(due) => Visit::Until(due),
            None => Visit::Nothing,
        };
        Ok((id, visit))
    }

    /// One attempt, and what became of it. A crash in between repeats the attempt under the same `webhook-id`.
    /// When it is due again, where it is.
    async fn attempt(
        &self,
        subscription: &Subscription,
        delivery: Delivery,
    ) -> store::Result<Option<Timestamp>> {
        let Some(message) = self.message(delivery.seq).await? else {
            tracing::warn!(subscription = %delivery.subscription, seq = %delivery.seq, "an event is not kept any more: dropped");
            count("dropped");
            let dropped = vec![Settled::new(delivery, Outcome::Dropped)];
            self.settling.settle(&*self.store, dropped).await?;
            return Ok(None);
        };
        let heard = self.tell(subscription, &message).await;
        metrics::histogram!("loa_delivery_seconds").record(heard.took.as_secs_f64());
        self.settle(delivery, heard, Vec::new()).await
    }

    /// Writes down what became of an attempt, and of `others`, for which it made up. When it is due again, where it is.
    pub(super) async fn settle(
        &self,
        delivery: Delivery,
        heard: Heard,
        others: Vec<Delivery>,
    ) -> store::Result<Option<Timestamp>> {
        let Some(entry) = self.book().await?.entry(&delivery.subscription) else { return Ok(None) };
        let _changing = entry.changing.lock().await;
        // Its state may have changed meanwhile: what was decided by its owner stands.
        let Some(before) = entry.current.load_full() else { return Ok(None) };
        let (outcome, after) = self.policy().decide(&delivery, &before, &heard.answer, self.clock.now());
        log(&delivery, &outcome, &before, &after);
        let number = delivery.attempt.saturating_add(1);
        let attempt = Some(heard.into_line(&after.id, delivery.seq, number, outcome.clone()));
        let subscription = Some(after.clone());
        let is_trouble = outcome == Outcome::Parked || after.state != before.state;
        let again = match &outcome {
            Outcome::Retry { due } => Some(*due),
            Outcome::Delivered | Outcome::Parked | Outcome::Dropped => None,
        };
        // Where it was not heard, the one that is tried again says it for the others, too.
        // A digest says what its own rows say, and they are tried again together.
        let rest = match (&outcome, &before.channel) {
            (Outcome::Delivered, _) | (_, Channel::Mail(_)) => outcome.clone(),
            _ => Outcome::Dropped,
        };
        let mut settled = vec![Settled { delivery, outcome, subscription, attempt }];
        settled.extend(others.into_iter().map(|other| Settled::new(other, rest.clone())));
        self.settling.settle(&*self.store, settled).await?;
        entry.current.store(Some(after.into()));
        if is_trouble {
            self.trouble.notify_one();
        }
        Ok(again)
    }

    fn policy(&self) -> Policy {
        let settings = self.settings.load();
        Policy {
            schedule: settings.schedule.clone(),
            jitter: settings.jitter,
            disable_after: settings.disable_after,
        }
    }
}

/// Counts an attempt, also when it is dropped halfway.
pub(super) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    pub(super) fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says what operators have to know: when an endpoint begins to fail, recovers, is disabled, misses an event.
fn log(delivery: &Delivery, outcome: &Outcome, before: &Subscription, after: &Subscription) {
    let (id, seq, attempt) = (&delivery.subscription, delivery.seq, delivery.attempt + 1);
    let error = after.last_error.as_deref().unwrap_or_default();
    match outcome {
        Outcome::Delivered => tracing::debug!(subscription = %id, %seq, attempt, "delivered"),
        Outcome::Parked => {
            tracing::warn!(subscription = %id, %seq, attempt, error, "parked after the last attempt");
        }
        Outcome::Retry { due } => {
            tracing::debug!(subscription = %id, %seq, attempt, error, %due, "not delivered: to be tried again");
        }
        Outcome::Dropped => tracing::debug!(subscription = %id, %seq, "dropped"),
    }
    match (before.failing_since, after.failing_since) {
        (None, Some(_)) => tracing::warn!(subscription = %id, %seq, error, "an endpoint does not confirm"),
        (Some(since), None) => tracing::info!(subscription = %id, %since, "an endpoint confirms again"),
        _ => {}
    }
    if let State::Disabled { reason } = &after.state
        && before.state != after.state
    {
        tracing::warn!(subscription = %id, reason, "an endpoint is disabled: its deliveries wait");
    }
    count(match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "failed",
        Outcome::Parked => "parked",
        Outcome::Dropped => "dropped",
    });
}

fn count(result: &'static str) {
    metrics::counter!("loa_deliveries_total", "result" => result).increment(1);
}
