//! From the journal to the queues: the follower `router`.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::{Push, facts_of, index::Index, mail, operator};
use crate::{
    model::{
        Article, Change, Delivery, Event, EventType, FeedId, Follower, Revision, Seq, Subscription,
        SubscriptionId,
    },
    store::{self, Error, Step},
};

/// Journal lines read at once.
const EVENTS: usize = 100;
/// Deliveries after which a batch is written: large ones would keep other writers waiting.
const DELIVERIES: usize = 1_000;

impl Push {
    /// Follows the journal until `stop`: what interests a subscription becomes due.
    pub async fn route(&self, stop: CancellationToken) -> store::Result<()> {
        let mut head = self.journal.head();
        while !stop.is_cancelled() {
            head.borrow_and_update();
            if self.route_batch().await? {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                moved = head.changed() => {
                    // The journal is ours, so its sender lives as long as we do.
                    if moved.is_err() { stop.cancelled().await; }
                }
            }
        }
        Ok(())
    }

    /// Routes one batch; false when there was nothing left.
    pub(super) async fn route_batch(&self) -> store::Result<bool> {
        let _routing = self.routing.lock().await;
        let cursor = self.store.cursor(Follower::Router).await?;
        let events = match self.store.events(cursor, EVENTS).await {
            Err(Error::Pruned { floor }) if floor > cursor => {
                tracing::warn!(%cursor, %floor, "the journal was pruned before it was routed");
                self.advance(floor, Vec::new()).await?;
                return Ok(true);
            }
            other => other?,
        };
        if events.is_empty() {
            return Ok(false);
        }
        // Read after the events: whoever is not here yet starts after them.
        let index = self.book().await?.index(&self.hub.topics());
        let (mut reached, mut deliveries) = (None, Vec::new());
        for event in &events {
            self.route_event(event, &index, &mut deliveries).await?;
            reached = Some(event.seq);
            if deliveries.len() >= DELIVERIES {
                break;
            }
        }
        let Some(reached) = reached else { return Ok(false) };
        self.advance(reached, deliveries).await?;
        Ok(true)
    }

    async fn route_event(
        &self,
        event: &Event,
        index: &Index,
        deliveries: &mut Vec<Delivery>,
    ) -> store::Result<()> {
        let is_told = index.has_webhooks() && !event.quiet;
        // Feeds show what is quiet, too, so their subscribers are told.
        if !is_told && !index.has_subscribers() {
            return Ok(());
        }
        if !event.change.is_of_article() {
            let told = index.webhooks().into_iter().filter(|one| {
                event.seq > one.after && self.may_hear(one, event) && operator::hears(one, event)
            });
            let due = self.clock.now();
            deliveries.extend(told.map(|one| Delivery {
                subscription: one.id.clone(),
                due,
                seq: event.seq,
                attempt: 0,
            }));
            return Ok(());
        }
        let Some(article) = self.store.article(event.article, Some(event.revision)).await? else {
            tracing::warn!(seq = %event.seq, "an event's article is gone: nobody is told");
            return Ok(());
        };
        let mut interested = Vec::new();
        if is_told {
            let facts = facts_of(&article);
            let wants = |subscription: &Subscription| {
                concerns(subscription, event)
                    && self.may_hear(subscription, event)
                    && subscription.filter.as_ref().is_none_or(|filter| filter.matches(&facts))
            };
            interested.extend(index.candidates(&facts).into_iter().filter(|one| wants(one)));
        }
        if index.has_subscribers() {
            let feeds = self.feeds_changed_by(event, &article).await?;
            interested.extend(index.subscribers(&feeds).into_iter().filter(|one| concerns(one, event)));
        }
        let first_delay = self.settings.load().schedule.first().copied().unwrap_or_default();
        let now = self.clock.now();
        deliveries.extend(interested.into_iter().map(|subscription| Delivery {
            subscription: subscription.id.clone(),
            due: match mail::mailing(&subscription).and_then(|mailing| mailing.digest.as_ref()) {
                Some(daily) => daily.next(now),
                None => now.plus(first_delay),
            },
            seq: event.seq,
            attempt: 0,
        }));
        Ok(())
    }

    /// The feeds that look different after the event: those that show the article, and those that have shown it.
    async fn feeds_changed_by(&self, event: &Event, article: &Article) -> store::Result<Vec<FeedId>> {
        let mut feeds = self.feeds_with(event, article);
        if let (Change::Updated, 2..) = (event.change, event.revision.0) {
            let before = Revision(event.revision.0 - 1);
            if let Some(before) = self.store.article(event.article, Some(before)).await? {
                let left = self.feeds_with(event, &before).into_iter().filter(|feed| !feeds.contains(feed));
                let left: Vec<FeedId> = left.collect();
                feeds.extend(left);
            }
        }
        Ok(feeds)
    }

    async fn advance(&self, cursor: Seq, deliveries: Vec<Delivery>) -> store::Result<()> {
        let touched: BTreeSet<SubscriptionId> =
            deliveries.iter().map(|one| one.subscription.clone()).collect();
        let routed = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
        self.store.advance(Step { follower: Follower::Router, cursor, deliveries }).await?;
        metrics::counter!("loa_deliveries_routed_total").increment(routed);
        if !touched.is_empty() {
            self.touch(touched);
        }
        Ok(())
    }
}

/// Is the event of a kind and time that the subscription asked for?
fn concerns(subscription: &Subscription, event: &Event) -> bool {
    event.seq > subscription.after && is_of_type(subscription, event) && !mail::is_unconfirmed(subscription)
}

/// Is the event of a kind that the subscription asked for?
pub(super) fn is_of_type(subscription: &Subscription, event: &Event) -> bool {
    let kind = EventType::from(event.change);
    subscription.events.is_empty() || subscription.events.contains(&kind)
}
