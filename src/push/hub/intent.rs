//! Asking subscribers back: did they mean it (WebSub, section 5.3)?

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Ask, Asked, Mode, Push, UnderWay, ask::denial, counted};
use crate::{
    model::{Channel, Delivery, State, Subscription, Timestamp},
    net,
    push::{Error, random_hex},
    store,
};

/// A subscriber that does not answer is asked at once, and again after these.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// Between two questions to one host: whoever names a stranger's address makes us ask there.
const SPACING: Duration = Duration::from_millis(100);
/// Time for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read: more than a challenge has.
const READ: u64 = 256;

/// What a subscriber says when it is asked back.
enum Said {
    Yes,
    No(String),
    /// It may only be away for a moment.
    Nothing(String),
}

impl Push {
    /// Asks subscribers back, several at once, until `stop`.
    pub async fn ask_back(&self, stop: CancellationToken) -> store::Result<()> {
        let mut to_ask = self.hub.to_ask.lock().await;
        let mut questions = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(asked) = to_ask.recv() => questions.push(self.verify_intent(asked)),
                Some(done) = questions.next() => done?,
            }
        }
    }

    async fn verify_intent(&self, asked: Asked) -> store::Result<()> {
        let Asked { ask, mut under_way, _place } = asked;
        let id = ask.id();
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.question(&ask).await {
                Ok(Said::Yes) => return self.agreed(&ask).await,
                Ok(Said::No(why)) => {
                    counted("refused");
                    tracing::info!(subscription = %id, "a subscriber does not confirm what it asked of the hub: {why}");
                    return Ok(());
                }
                Ok(Said::Nothing(why)) => {
                    tracing::debug!(subscription = %id, "a subscriber cannot be asked back: {why}");
                }
                Err(cause) => {
                    tracing::error!(subscription = %id, "a subscriber was not asked back: {cause}");
                    return Ok(());
                }
            }
            let Some(pause) = pauses.next() else { break };
            drop(under_way);
            self.clock.sleep_until(self.clock.now().plus(pause)).await;
            under_way = UnderWay::begin(&self.under_way);
        }
        counted("unreachable");
        tracing::info!(subscription = %id, "a subscriber does not answer: nothing has changed for it");
        Ok(())
    }

    async fn question(&self, ask: &Ask) -> Result<Said, Error> {
        let challenge = random_hex::<24>()?;
        let url = ask.question(&challenge, ask.granted(self.settings.load().hub.lease));
        let answer = match self.get_of(url).await {
            Ok(answer) => answer,
            Err(cause) => return Ok(Said::Nothing(cause)),
        };
        Ok(match answer.status {
            200..=299 if answer.body == challenge.as_bytes() => Said::Yes,
            200..=299 => Said::No("it did not repeat the challenge".to_owned()),
            status @ (429 | 500..=599) => Said::Nothing(format!("it answered {status}")),
            status => Said::No(format!("it answered {status}")),
        })
    }

    async fn get_of(&self, url: Url) -> Result<net::Answer, String> {
        let _place = self.hub.questions.acquire().await;
        let request = net::Request {
            max_redirects: 0,
            allow_private: self.settings.load().allow_private,
            spacing: Some(SPACING),
            timeout: Some(TIMEOUT),
            want: net::Want::Start(READ),
            ..net::Request::get(url)
        };
        self.client.send(request).await.map_err(|cause| cause.to_string())
    }

    async fn agreed(&self, ask: &Ask) -> store::Result<()> {
        if ask.mode == Mode::Unsubscribe {
            let _routing = self.routing.lock().await;
            counted("unsubscribed");
            self.forget(self.book().await?, &ask.id()).await?;
            tracing::info!(subscription = %ask.id(), "a subscriber has left the hub");
            return Ok(());
        }
        match self.subscribe(ask).await {
            Ok(()) => Ok(()),
            Err(Error::Store(cause)) => Err(cause),
            // Between the request and the answer the last place may have gone, or the feed.
            Err(refusal) => {
                counted("denied");
                self.deny(&ask.callback, &ask.topic, &refusal.to_string()).await;
                Ok(())
            }
        }
    }

    /// Makes or renews a subscription, and has it told the feed as it is.
    async fn subscribe(&self, ask: &Ask) -> Result<(), Error> {
        let _routing = self.routing.lock().await;
        let settings = self.settings.load_full();
        if !self.hub.topics().contains_key(&ask.topic) {
            return Err(super::ask::wrong("hub.topic", "this feed is gone").into());
        }
        self.has_room(ask).await?;
        let (book, head, now) = (self.book().await?, self.store.head().await?, self.clock.now());
        let id = ask.id();
        let entry = book.entry(&id);
        let _changing = match &entry {
            Some(entry) => Some(entry.changing.lock().await),
            None => None,
        };
        let before = entry.as_ref().and_then(|entry| entry.current.load_full());
        let until = now.plus(ask.granted(settings.hub.lease));
        let subscription = Subscription {
            url: ask.callback.to_string(),
            secrets: ask.secret.clone().into_iter().collect(),
            state: State::Active,
            configured: false,
            allow_private: settings.allow_private,
            after: head,
            verified: Some(now),
            channel: Channel::WebSub { topic: ask.topic.clone(), until },
            created: before.as_ref().map_or(now, |before| before.created),
            delivered: before.as_ref().and_then(|before| before.delivered),
            ..self.blank(id.clone(), head)
        };
        self.store.put_subscription(subscription.clone()).await?;
        match (&entry, before) {
            (Some(entry), Some(_)) => entry.current.store(Some(subscription.into())),
            _ => book.insert(subscription),
        }
        tracing::info!(subscription = %id, topic = ask.topic, %until, "a subscriber of the hub");
        counted("subscribed");
        if head.0 > 0 {
            let current = Delivery { subscription: id.clone(), due: now, seq: head, attempt: 0 };
            self.store.enqueue(vec![current]).await?;
            self.touch([id]);
        }
        Ok(())
    }

    /// Says to a subscriber, once, that it is not told (any more).
    pub(super) async fn deny(&self, callback: &Url, topic: &str, reason: &str) {
        if let Err(cause) = self.get_of(denial(callback, topic, reason)).await {
            tracing::debug!(topic, "a subscriber did not hear that it is not told any more: {cause}");
        }
    }

    /// Cuts a lease that is longer than any can be: it was granted while the clock was ahead.
    pub(in crate::push) async fn cut_lease(&self, subscription: &Subscription) -> Result<(), Error> {
        let longest = self.clock.now().plus(super::LONGEST_LEASE);
        if super::lease(subscription).is_none_or(|(_, until)| until <= longest) {
            return Ok(());
        }
        let cut = |changed: &mut Subscription| {
            if let Channel::WebSub { until, .. } = &mut changed.channel {
                *until = longest.min(*until);
            }
        };
        self.change(&subscription.id, cut).await?;
        tracing::warn!(subscription = %subscription.id, until = %longest, "a lease of a clock that was ahead is cut");
        Ok(())
    }

    /// Takes a subscriber away whose lease is over or whose feed is gone. True when it is one of these.
    pub(in crate::push) async fn has_ended(
        &self,
        subscription: &Subscription,
        now: Timestamp,
    ) -> store::Result<bool> {
        let Some((topic, until)) = super::lease(subscription) else { return Ok(false) };
        let is_gone = !self.hub.topics().contains_key(topic);
        if until > now && !is_gone {
            return Ok(false);
        }
        if is_gone && let Ok(callback) = Url::parse(&subscription.url) {
            self.deny(&callback, topic, "this feed is not published any more").await;
        }
        let _routing = self.routing.lock().await;
        let book = self.book().await?;
        // It may have been renewed meanwhile.
        if book.get(&subscription.id).is_some_and(|now| super::lease(&now) == super::lease(subscription)) {
            self.forget(book, &subscription.id).await?;
            let why = if is_gone { "its feed is gone" } else { "its lease is over" };
            tracing::info!(subscription = %subscription.id, "a subscriber of the hub is forgotten: {why}");
        }
        Ok(true)
    }
}
