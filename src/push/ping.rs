//! Asking an endpoint whether it is there: a signed `ping`, before its first event and whenever its owner wants one.

use super::{
    Error, Push,
    deliver::{Said, UnderWay},
    mail, payload,
    policy::complaint,
    random_hex,
    webhook::Heard,
};
use crate::{
    model::{Attempt, Channel, Delivery, Outcome, Seq, Subscription, SubscriptionId, Timestamp},
    store::{self, Settled},
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
        let attempt = line(&subscription, self.ping(&subscription).await?);
        if attempt.error.is_none() && subscription.verified.is_none() {
            self.change(id, |changed| changed.verified = Some(attempt.at)).await?;
        }
        // No such row is queued: only the line is written.
        let settled = Settled {
            attempt: Some(attempt.clone()),
            ..Settled::new(row(id, attempt.at), attempt.outcome.clone())
        };
        self.store.settle(vec![settled]).await?;
        Ok(attempt)
    }

    /// Refuses an endpoint that does not confirm a ping.
    pub(super) async fn verify(&self, subscription: &mut Subscription) -> Result<(), Error> {
        let attempt = line(subscription, self.ping(subscription).await?);
        match attempt.error {
            None => subscription.verified = Some(attempt.at),
            Some(error) => return Err(Error::Unverified(error)),
        }
        Ok(())
    }

    /// Has it still to prove that it is there, before its first event?
    pub(super) fn is_unproven(&self, subscription: &Subscription) -> bool {
        subscription.verified.is_none()
            && matches!(subscription.channel, Channel::Webhook(_))
            && self.settings.load().verify
    }

    /// Those of the file that have: nobody has waited for an answer when they were made.
    pub(super) async fn unproven(&self) -> store::Result<Vec<SubscriptionId>> {
        let all = self.book().await?.all();
        Ok(all.iter().filter(|one| self.is_unproven(one)).map(|one| one.id.clone()).collect())
    }

    /// Asks an endpoint that has to prove that it is there.
    pub(super) async fn attempt_ping(&self, subscription: &Subscription) -> store::Result<Said> {
        let under_way = UnderWay::begin(&self.under_way);
        let heard = match self.ping(subscription).await {
            Ok(heard) => heard,
            Err(Error::Store(cause)) => return Err(cause),
            Err(other) => Heard::nothing(self.clock.now(), other.to_string()),
        };
        let delivery = row(&subscription.id, heard.at);
        Ok(Said { delivery, others: Vec::new(), heard, is_last: false, under_way })
    }

    async fn ping(&self, subscription: &Subscription) -> Result<Heard, Error> {
        let id = format!("msg_ping_{}", random_hex::<12>()?);
        let body = payload::ping(&subscription.id, self.clock.now(), self.store.head().await?);
        if mail::mailing(subscription).is_some() {
            return Box::pin(self.mail_test(subscription, &id)).await;
        }
        Ok(self.post(subscription, id, (body.into(), "")).await)
    }
}

/// A ping as a row, which stands in no queue.
pub(super) fn row(id: &SubscriptionId, at: Timestamp) -> Delivery {
    Delivery { subscription: id.clone(), due: at, seq: PING, attempt: 0 }
}

fn line(subscription: &Subscription, heard: Heard) -> Attempt {
    let confirmed = complaint(&heard.answer).is_none();
    let outcome = if confirmed { Outcome::Delivered } else { Outcome::Dropped };
    heard.into_line(&subscription.id, PING, 1, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Form, State},
        push::{
            Settings, Webhook, sign,
            testing::{Receiver, Reply, World, settings},
        },
    };

    /// The settings of a file that names one webhook at this address.
    fn naming(url: &str) -> Settings {
        let webhook = Webhook {
            id: "newsroom".parse().unwrap(),
            url: url.to_owned(),
            filter: None,
            events: Vec::new(),
            secret: sign::generate_secret().unwrap(),
            allow_private: true,
            form: Form::Native,
            owner: None,
        };
        Settings { verify: true, webhooks: vec![webhook], ..settings() }
    }

    fn kinds(receiver: &Receiver) -> Vec<String> {
        let kind =
            |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).unwrap()["type"].to_string();
        receiver.received().iter().map(|received| kind(&received.body).replace('"', "")).collect()
    }

    #[tokio::test]
    async fn a_webhook_of_the_file_proves_that_it_is_there_before_its_first_event() {
        let receiver = Receiver::new(&[Reply::Status(500), Reply::Status(404)]).await;
        let mut world = World::new().await;
        world.push.reload(naming(&receiver.url)).await.unwrap();
        world.deliver();
        world.settle().await;
        assert_eq!(kinds(&receiver), ["ping"], "it does not wait for news");
        world.publish(1, false).await;
        world.pass(4).await;
        let id = "newsroom".parse().unwrap();
        assert_eq!(world.push.get(&id).await.unwrap().last_error.as_deref(), Some("it answered 500"));
        world.pass(1).await;
        assert_eq!(kinds(&receiver), ["ping", "ping"], "its events wait");
        world.pass(5).await;
        assert_eq!(kinds(&receiver), ["ping", "ping", "ping", "article.published"]);
        let known = world.push.get(&id).await.unwrap();
        assert!(known.verified.is_some() && known.failing_since.is_none());
        world.publish(2, false).await;
        world.settle().await;
        assert_eq!(kinds(&receiver)[4..], ["article.published"], "once is enough");
        let lines = world.push.log(&id, None, 10).await.unwrap();
        let of_pings: Vec<_> = lines.iter().filter(|line| line.seq == PING).map(|line| line.status).collect();
        assert_eq!(of_pings, [Some(204), Some(404), Some(500)]);

        let elsewhere = Receiver::new(&[]).await;
        world.push.reload(naming(&elsewhere.url)).await.unwrap();
        world.publish(3, false).await;
        world.settle().await;
        assert_eq!(kinds(&elsewhere), ["ping", "article.published"], "another address proves itself again");
        world.stop().await;
    }

    #[tokio::test]
    async fn a_webhook_of_the_file_that_wants_nothing_is_told_nothing() {
        let receiver = Receiver::new(&[Reply::Status(410)]).await;
        let mut world = World::new().await;
        world.push.reload(naming(&receiver.url)).await.unwrap();
        world.deliver();
        world.publish(1, false).await;
        world.settle().await;
        let known = world.push.get(&"newsroom".parse().unwrap()).await.unwrap();
        assert!(matches!(known.state, State::Disabled { .. }));
        assert_eq!(kinds(&receiver), ["ping"]);
        world.stop().await;
    }

    #[tokio::test]
    async fn nobody_has_to_prove_anything_where_the_settings_say_so() {
        let receiver = Receiver::new(&[]).await;
        let mut world = World::new().await;
        world.push.reload(Settings { verify: false, ..naming(&receiver.url) }).await.unwrap();
        world.deliver();
        world.publish(1, false).await;
        world.settle().await;
        assert_eq!(kinds(&receiver), ["article.published"]);
        world.stop().await;
    }
}
