//! Asking an endpoint whether it is there: a signed `ping`, before its first event and whenever its owner wants one.

use super::{Error, Push, mail, payload, policy::complaint, random_hex};
use crate::{
    model::{Attempt, Channel, Delivery, Outcome, Seq, Subscription, SubscriptionId},
    store::Settled,
};

/// The number that pings have in the ledger: no event has it.
pub const PING: Seq = Seq(0);

impl Push {
    /// Sends a ping now and writes it into the ledger, whatever the state of the subscription. One that answers has
    /// proved that it is there.
    pub async fn test(&self, id: &SubscriptionId) -> Result<Attempt, Error> {
        let subscription = self.get(id).await?;
        if matches!(subscription.channel, Channel::WebSub { .. }) {
            return Err(Error::OfHub(id.clone()));
        }
        let attempt = self.ping(&subscription).await?;
        if attempt.error.is_none() && subscription.verified.is_none() {
            self.change(id, |changed| changed.verified = Some(attempt.at)).await?;
        }
        let delivery = Delivery { subscription: id.clone(), due: attempt.at, seq: PING, attempt: 0 };
        let line = Some(attempt.clone());
        // No such row is queued: only the line is written.
        let settled = Settled { attempt: line, ..Settled::new(delivery, attempt.outcome.clone()) };
        self.store.settle(vec![settled]).await?;
        Ok(attempt)
    }

    /// Refuses an endpoint that does not confirm a ping.
    pub(super) async fn verify(&self, subscription: &mut Subscription) -> Result<(), Error> {
        let attempt = self.ping(subscription).await?;
        match attempt.error {
            None => subscription.verified = Some(attempt.at),
            Some(error) => return Err(Error::Unverified(error)),
        }
        Ok(())
    }

    async fn ping(&self, subscription: &Subscription) -> Result<Attempt, Error> {
        let id = format!("msg_ping_{}", random_hex::<12>()?);
        let body = payload::ping(&subscription.id, self.clock.now(), self.store.head().await?);
        let heard = if mail::mailing(subscription).is_some() {
            Box::pin(self.mail_test(subscription, &id)).await?
        } else {
            self.post(subscription, id, (body.into(), "")).await
        };
        let confirmed = complaint(&heard.answer).is_none();
        let outcome = if confirmed { Outcome::Delivered } else { Outcome::Dropped };
        Ok(heard.into_line(&subscription.id, PING, 1, outcome))
    }
}
