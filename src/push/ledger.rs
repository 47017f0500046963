//! The ledger: every attempt that was made, how far behind a subscription is, and telling again what was told before.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Error, Push, facts_of, mail, operator, router};
use crate::{
    model::{Attempt, Delivery, Event, Follower, Seq, Subscription, SubscriptionId, Timestamp},
    store::{self, Error as StoreError},
};

/// How often old lines are taken away.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// Journal lines that a replay reads at once.
const EVENTS: usize = 200;
/// Rows that are looked at to say how much waits, and what the oldest of it is.
const COUNTED: usize = 10_000;

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Deliveries that wait for their time.
    pub waiting: usize,
    /// Deliveries that were given up for now.
    pub parked: usize,
    /// How many journal lines lie between the oldest of the waiting and the newest one; 0 where nothing waits.
    pub behind: u64,
}

/// What is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// What was given up.
    Parked,
    /// The events after the first number, up to the second.
    Events {
        /// The last one that is not told.
        after: Seq,
        /// The last one that is.
        upto: Seq,
    },
    /// Everything since this instant.
    Since(Timestamp),
}

impl Push {
    /// Up to `limit` attempts, newest first, older than `before`.
    pub async fn log(
        &self,
        id: &SubscriptionId,
        before: Option<(Timestamp, Seq)>,
        limit: usize,
    ) -> Result<Vec<Attempt>, Error> {
        self.get(id).await?;
        Ok(self.store.attempts(id, before, limit).await?)
    }

    /// How far behind a subscription is.
    pub async fn standing(&self, id: &SubscriptionId) -> Result<Standing, Error> {
        self.get(id).await?;
        let waiting = self.store.due(id, Timestamp::MAX, COUNTED).await?;
        let oldest = waiting.iter().map(|delivery| delivery.seq).min();
        let head = self.store.head().await?;
        Ok(Standing {
            waiting: waiting.len(),
            parked: self.store.parked(id, COUNTED).await?.len(),
            behind: oldest.map_or(0, |oldest| head.0.saturating_sub(oldest.0) + 1),
        })
    }

    /// Makes due again what a subscription was told, or should have been told, and says how much that is. Each event
    /// keeps its `webhook-id`, so receivers that have it pass over it.
    pub async fn replay(&self, id: &SubscriptionId, what: Replay) -> Result<u64, Error> {
        let subscription = self.get(id).await?;
        if mail::is_unconfirmed(&subscription) {
            return Err(Error::Unconfirmed(id.clone()));
        }
        // What the router has not read yet, it will tell by itself.
        let routed = self.store.cursor(Follower::Router).await?;
        let replayed = match what {
            Replay::Parked => self.replay_parked(id).await?,
            Replay::Events { after, upto } => {
                self.replay_events(&subscription, after, upto.min(routed)).await?
            }
            Replay::Since(at) => {
                let after = self.last_before(at).await?;
                self.replay_events(&subscription, after, routed).await?
            }
        };
        if replayed > 0 {
            self.touch([id.clone()]);
        }
        Ok(replayed)
    }

    async fn replay_parked(&self, id: &SubscriptionId) -> Result<u64, Error> {
        let mut replayed = 0;
        loop {
            let parked = self.store.parked(id, EVENTS).await?;
            if parked.is_empty() {
                return Ok(replayed);
            }
            replayed += parked.len() as u64;
            let due = self.clock.now();
            let again = parked.into_iter().map(|delivery| Delivery { due, attempt: 0, ..delivery });
            self.store.enqueue(again.collect()).await?;
        }
    }

    pub(super) async fn replay_events(
        &self,
        subscription: &Subscription,
        after: Seq,
        upto: Seq,
    ) -> Result<u64, Error> {
        let (mut after, mut replayed) = (after, 0);
        while after < upto {
            let events = match self.store.events(after, EVENTS).await {
                Err(StoreError::Pruned { floor }) => return Err(too_old(after, floor)),
                other => other?,
            };
            let Some(last) = events.last().map(|event| event.seq) else { break };
            let mut again = Vec::new();
            for event in events.into_iter().filter(|event| event.seq <= upto) {
                if self.is_told(subscription, &event).await? {
                    let (id, due) = (subscription.id.clone(), self.clock.now());
                    again.push(Delivery { subscription: id, due, seq: event.seq, attempt: 0 });
                }
            }
            replayed += again.len() as u64;
            self.store.enqueue(again).await?;
            after = last;
        }
        Ok(replayed)
    }

    /// Is the event one that the subscription asked for?
    async fn is_told(&self, subscription: &Subscription, event: &Event) -> store::Result<bool> {
        if event.quiet || !router::is_of_type(subscription, event) || !self.may_hear(subscription, event) {
            return Ok(false);
        }
        if !event.change.is_of_article() {
            return Ok(operator::hears(subscription, event));
        }
        let Some(article) = self.store.article(event.article, Some(event.revision)).await? else {
            return Ok(false);
        };
        let filter = subscription.filter.as_ref();
        Ok(filter.is_none_or(|filter| filter.matches(&facts_of(&article))))
    }

    /// The newest journal line from before this instant. Lines are in the order of time, so halving finds it.
    pub(super) async fn last_before(&self, at: Timestamp) -> Result<Seq, Error> {
        let (mut low, mut high) = (self.floor().await?, self.store.head().await?);
        while low < high {
            let middle = Seq(low.0 + (high.0 - low.0) / 2);
            match self.store.events(middle, 1).await?.first() {
                Some(event) if event.at < at => low = event.seq,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The number before the oldest line that is kept.
    async fn floor(&self) -> Result<Seq, Error> {
        match self.store.events(Seq(0), 1).await {
            Err(StoreError::Pruned { floor }) => Ok(floor),
            Err(cause) => Err(cause.into()),
            Ok(_) => Ok(Seq(0)),
        }
    }

    /// Takes old lines of the ledger away, and secrets whose time is over, until `stop`.
    pub async fn sweep(&self, stop: CancellationToken) -> store::Result<()> {
        loop {
            self.sweep_once().await?;
            let next = self.clock.now().plus(SWEEP);
            if stop.run_until_cancelled(self.clock.sleep_until(next)).await.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn sweep_once(&self) -> store::Result<()> {
        let settings = self.settings.load_full();
        for subscription in self.book().await?.all() {
            if self.has_ended(&subscription, self.clock.now()).await?
                || self.forget_lapsed(&subscription).await?
            {
                continue;
            }
            let before = self.clock.now().minus(settings.keep);
            self.store.forget_attempts(&subscription.id, before, settings.keep_bytes).await?;
            swept(&subscription, self.cut_lease(&subscription).await)?;
            if subscription.secrets.len() > 1 && !self.overlaps(&subscription) {
                let truncated = self.change(&subscription.id, |changed| changed.secrets.truncate(1)).await;
                swept(&subscription, truncated.map(drop))?;
            }
        }
        Ok(())
    }

    /// Does the secret before the newest one still sign?
    pub(super) fn overlaps(&self, subscription: &Subscription) -> bool {
        let overlap = self.settings.load().overlap;
        subscription.rotated.is_some_and(|rotated| self.clock.now().since(rotated) < overlap)
    }
}

/// One that was removed meanwhile needs no sweeping.
fn swept(subscription: &Subscription, done: Result<(), Error>) -> store::Result<()> {
    match done {
        Ok(()) | Err(Error::Missing(_)) => {}
        Err(Error::Store(cause)) => return Err(cause),
        Err(other) => tracing::warn!(subscription = %subscription.id, "{other}"),
    }
    Ok(())
}

fn too_old(after: Seq, floor: Seq) -> Error {
    Error::Invalid {
        field: "after",
        message: format!(
            "the events before {floor} are not kept any more, so none after {after} can be told again"
        ),
        hint: Some(format!("begin with `after: {floor}`")),
    }
}
