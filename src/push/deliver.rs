//! From the queues to the endpoints: one task, one lane per endpoint, and three steps that go on side by side. Queues are
//! looked at, endpoints are asked, and what they said is written down: of many at once, because a write costs the disk
//! the same for one line as for a hundred.

use std::{
    pin::pin,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::{Either, pending},
    stream::FuturesUnordered,
};
use tokio_util::sync::CancellationToken;

use super::{
    HEADS, PING, Push,
    address::host,
    lanes::{Lane, Lanes, Places, Visit},
    ping,
    policy::Policy,
    webhook::Heard,
};
use crate::{
    model::{Channel, Delivery, Outcome, State, Subscription, SubscriptionId, Timestamp},
    store::{self, Settled},
};

/// Lines that are written at once: a store keeps its other writers waiting meanwhile.
const LINES: usize = 256;
/// An endpoint that only failed for long is disabled if it failed so often before.
const FAILURES: usize = 5;
/// Attempts that may wait for being written down: a crash would have them repeated.
const UNWRITTEN: usize = 4 * LINES;

/// What came of looking at an endpoint's queue.
pub(super) enum Looked {
    /// Nothing was to be said.
    Silent(Visit),
    /// It was told something.
    Said(Said),
}

/// What an endpoint was told and what it said to that, to be written down.
pub(super) struct Said {
    /// The row that was told; of a ping, which has none, one that stands in no queue.
    pub(super) delivery: Delivery,
    /// Rows for which it made up.
    pub(super) others: Vec<Delivery>,
    pub(super) heard: Heard,
    /// Is there nothing behind these rows?
    pub(super) is_last: bool,
    pub(super) under_way: UnderWay,
}

impl Push {
    /// Tells endpoints what is due until `stop`; attempts under way are then finished.
    pub async fn deliver(&self, stop: CancellationToken) -> store::Result<()> {
        let mut lanes = Lanes::default();
        let (mut looks, mut attempts) = (FuturesUnordered::new(), FuturesUnordered::new());
        let (mut writes, mut said) = (FuturesUnordered::new(), Vec::new());
        let mut searches = FuturesUnordered::from_iter([self.search(None)]);
        self.touch(self.unproven().await?);
        loop {
            let is_over = stop.is_cancelled();
            if is_over && attempts.is_empty() && writes.is_empty() && said.is_empty() {
                return Ok(());
            }
            self.line_up(&mut lanes).await?;
            if looks.is_empty() && said.len() < UNWRITTEN && !is_over {
                let (places, now) = (self.places(), self.clock.now());
                let next: Vec<_> = std::iter::from_fn(|| lanes.next(places, now)).collect();
                if !next.is_empty() {
                    looks.push(self.look(next));
                }
            }
            // While the disk takes one group, the next is made ready, if it is worth it.
            if !said.is_empty() && (writes.is_empty() || (writes.len() == 1 && said.len() >= LINES / 2)) {
                writes.push(self.write(group(&mut said)));
            }
            let wake = pin!(self.wake(lanes.earliest()));
            tokio::select! {
                () = stop.cancelled(), if !is_over => {}
                Some(looked) = looks.next(), if !is_over => {
                    attempts.extend(looked?.into_iter().map(|(id, rows)| self.attempt(id, rows)));
                }
                Some(first) = attempts.next() => for looked in ready(first, &mut attempts) {
                    match looked? {
                        (id, Looked::Silent(visit)) => lanes.finished(visit, self.lane(id).await?),
                        (id, Looked::Said(what)) => {
                            lanes.heard(&id);
                            said.push((id, what));
                        }
                    }
                },
                Some(written) = writes.next() => for (id, visit) in written? {
                    lanes.finished(visit, self.lane(id).await?);
                },
                Some(found) = searches.next(), if !is_over => {
                    let found = found?;
                    searches.extend(found.last().map(|last| self.search(Some(last.clone()))));
                    self.touch(found);
                }
                () = wake => {}
            }
        }
    }

    /// Who has something waiting, as many as one look finds: after a start with a long backlog the first of them are
    /// told while the others are looked for.
    async fn search(&self, after: Option<SubscriptionId>) -> store::Result<Vec<SubscriptionId>> {
        let heads = self.store.heads(after.as_ref(), HEADS).await?;
        Ok(heads.into_iter().map(|head| head.subscription).collect())
    }

    /// Something came in, or the time of something.
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
            lanes.touch(self.lane(id).await?);
        }
        Ok(())
    }

    async fn lane(&self, id: SubscriptionId) -> store::Result<Lane> {
        let subscription = self.book().await?.get(&id);
        let host = subscription.as_ref().map_or("", |known| host(&known.url));
        let failing = subscription.as_ref().is_some_and(|known| known.failing_since.is_some());
        Ok(Lane::new(id, host, failing))
    }

    fn places(&self) -> Places {
        let settings = self.settings.load();
        Places {
            all: settings.concurrency,
            per_host: settings.host_concurrency,
            per_second: settings.host_rate,
        }
    }

    /// The first rows of these queues. The second one says whether there is more to come.
    async fn look(&self, ids: Vec<SubscriptionId>) -> store::Result<Vec<(SubscriptionId, Vec<Delivery>)>> {
        let rows = self.store.first_due(ids.clone(), 2).await?;
        Ok(ids.into_iter().zip(rows).collect())
    }

    /// Tells one endpoint the first thing that is due, of the first rows of its queue. A crash before it is written down
    /// repeats the attempt under the same `webhook-id`.
    async fn attempt(
        &self,
        id: SubscriptionId,
        rows: Vec<Delivery>,
    ) -> store::Result<(SubscriptionId, Looked)> {
        let active = self.book().await?.get(&id).filter(|subscription| subscription.state == State::Active);
        let looked = match active {
            None => Looked::Silent(Visit::Nothing),
            Some(subscription) => match &subscription.channel {
                Channel::WebSub { .. } => self.attempt_edition(&subscription).await?,
                Channel::Webhook(_) => self.attempt_message(&subscription, rows).await?,
                // Mails take their turns at one server.
                Channel::Mail(_) => {
                    self.mails.touch(&id);
                    Looked::Silent(Visit::Nothing)
                }
            },
        };
        if let Looked::Said(said) = &looked {
            metrics::histogram!("loa_delivery_seconds").record(said.heard.took.as_secs_f64());
        }
        Ok((id, looked))
    }

    async fn attempt_message(
        &self,
        subscription: &Subscription,
        rows: Vec<Delivery>,
    ) -> store::Result<Looked> {
        let (now, held) = (self.clock.now(), subscription.hold_until);
        if self.is_unproven(subscription) {
            let due = self.policy().ready(&ping::row(&subscription.id, now), held, now);
            return match due > now {
                true => Ok(Looked::Silent(Visit::Until(due))),
                false => self.attempt_ping(subscription).await.map(Looked::Said),
            };
        }
        let is_last = rows.len() < 2;
        let Some(delivery) = rows.into_iter().next() else { return Ok(Looked::Silent(Visit::Nothing)) };
        let ready = self.policy().ready(&delivery, held, now);
        if ready > now {
            return Ok(Looked::Silent(Visit::Until(ready)));
        }
        let under_way = UnderWay::begin(&self.under_way);
        let Some(message) = self.message(delivery.seq).await? else {
            tracing::warn!(subscription = %delivery.subscription, seq = %delivery.seq, "an event is not kept any more: dropped");
            count("dropped");
            self.store.settle(vec![Settled::new(delivery, Outcome::Dropped)]).await?;
            return Ok(Looked::Silent(Visit::Tried));
        };
        let heard = self.tell(subscription, &message).await;
        Ok(Looked::Said(Said { delivery, others: Vec::new(), heard, is_last, under_way }))
    }

    /// Writes down what one was told and said. When it is to be looked at again.
    pub(super) async fn settle(&self, said: Said) -> store::Result<Visit> {
        let id = said.delivery.subscription.clone();
        let written = self.write(vec![(id, said)]).await?;
        Ok(written.into_iter().next().map_or(Visit::Nothing, |(_, visit)| visit))
    }

    /// Writes down what was said, and what follows from it for each endpoint.
    async fn write(&self, said: Vec<(SubscriptionId, Said)>) -> store::Result<Vec<(SubscriptionId, Visit)>> {
        let book = self.book().await?;
        let entries: Vec<_> = said.iter().map(|(id, _)| book.entry(id)).collect();
        let mut changing = Vec::with_capacity(entries.len());
        for entry in entries.iter().flatten() {
            changing.push(entry.changing.lock().await);
        }
        let (policy, now, mut is_trouble) = (self.policy(), self.clock.now(), false);
        let (mut lines, mut visits, mut changed, mut under_way) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let patient = Policy { disable_after: Duration::MAX, ..policy.clone() };
        for ((id, said), entry) in said.into_iter().zip(&entries) {
            // Its state may have changed meanwhile: what was decided by its owner stands.
            let before = entry.as_ref().and_then(|entry| entry.current.load_full());
            let (Some(entry), Some(before)) = (entry, before) else {
                visits.push((id, Visit::Nothing));
                continue;
            };
            // Days of failures are days in which it was asked: a clock that jumps makes none.
            let is_old = before.failing_since.is_some_and(|since| now.since(since) >= policy.disable_after);
            let is_true = !is_old || self.has_often_failed(&id).await?;
            let policy = if is_true { &policy } else { &patient };
            let (outcome, after) = policy.decide(&said.delivery, &before, &said.heard.answer, now);
            log(&said.delivery, &outcome, &before, &after);
            is_trouble |= outcome == Outcome::Parked || after.state != before.state;
            visits.push((id, next(&said, &outcome, &after)));
            let after = Arc::new(after);
            changed.push((entry, Arc::clone(&after)));
            under_way.push(said.under_way);
            lines.extend(settled(said.delivery, said.others, said.heard, outcome, after));
        }
        self.store.settle(lines).await?;
        for (entry, after) in changed {
            entry.current.store(Some(after));
        }
        if is_trouble {
            self.trouble.notify_one();
        }
        Ok(visits)
    }

    /// Was every one of the last attempts a failure, and were there enough of them?
    async fn has_often_failed(&self, id: &SubscriptionId) -> store::Result<bool> {
        let lines = self.store.attempts(id, None, FAILURES).await?;
        Ok(lines.len() >= FAILURES && lines.iter().all(|line| line.error.is_some()))
    }

    pub(super) fn policy(&self) -> Policy {
        let settings = self.settings.load();
        Policy {
            schedule: settings.schedule.clone(),
            jitter: settings.jitter,
            disable_after: settings.disable_after,
        }
    }
}

/// When to look at a queue again.
fn next(said: &Said, outcome: &Outcome, after: &Subscription) -> Visit {
    match outcome {
        _ if said.delivery.seq == PING => after.hold_until.map_or(Visit::Tried, Visit::Until),
        _ if !said.is_last => Visit::Tried,
        Outcome::Retry { due } => Visit::Until(*due),
        Outcome::Delivered | Outcome::Parked | Outcome::Dropped => Visit::Nothing,
    }
}

/// What is written of an attempt, and of `others`, for which it made up.
fn settled(
    delivery: Delivery,
    others: Vec<Delivery>,
    heard: Heard,
    outcome: Outcome,
    after: Arc<Subscription>,
) -> impl Iterator<Item = Settled> {
    let number = delivery.attempt.saturating_add(1);
    let attempt = Some(heard.into_line(&after.id, delivery.seq, number, outcome.clone()));
    // Where it was not heard, the one that is tried again says it for the others, too; but a digest says what its own
    // rows say, and they are tried again together.
    let rest = match (&outcome, &after.channel) {
        (Outcome::Delivered, _) | (_, Channel::Mail(_)) => outcome.clone(),
        _ => Outcome::Dropped,
    };
    let first = Settled { delivery, outcome, subscription: Some(after), attempt };
    std::iter::once(first).chain(others.into_iter().map(move |other| Settled::new(other, rest.clone())))
}

/// Takes out what is written at once: so many lines, but one attempt at least.
fn group(said: &mut Vec<(SubscriptionId, Said)>) -> Vec<(SubscriptionId, Said)> {
    let mut lines = 0;
    let fits = said.iter().take_while(|(_, said)| {
        lines += 1 + said.others.len();
        lines <= LINES
    });
    let most = fits.count().max(1).min(said.len());
    said.drain(..most).collect()
}

/// The first, and what else has ended meanwhile.
fn ready<T>(first: T, more: &mut (impl Stream<Item = T> + Unpin)) -> Vec<T> {
    let others = std::iter::from_fn(|| more.next().now_or_never().flatten());
    std::iter::once(first).chain(others).collect()
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
    let (id, seq, attempt) = (&delivery.subscription, delivery.seq, delivery.attempt.saturating_add(1));
    let error = after.last_error.as_deref().unwrap_or_default();
    let is_ping = seq == PING;
    match outcome {
        _ if is_ping => tracing::debug!(subscription = %id, error, "it was asked whether it is there"),
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
    if is_ping {
        return;
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
