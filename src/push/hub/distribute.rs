//! Sending a feed to its subscribers (WebSub, section 7).

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

use super::{Edition, Push};
use crate::{
    model::{Secret, Subscription, Timestamp, text},
    push::{
        deliver::{Looked, Said, UnderWay},
        lanes::Visit,
        policy::Answer,
        webhook::Heard,
    },
    store,
};

/// Rows that one delivery makes up for; more wait for the next.
const ROWS: usize = 1_000;
/// When a feed that cannot be had is looked at again.
const SOON: Duration = Duration::from_secs(5);

impl Push {
    /// Looks at one subscriber's queue and sends it the feed if something is due.
    pub(in crate::push) async fn attempt_edition(
        &self,
        subscription: &Subscription,
    ) -> store::Result<Looked> {
        let now = self.clock.now();
        if self.has_ended(subscription, now).await? {
            return Ok(Looked::Silent(Visit::Nothing));
        }
        let mut rows = self.store.due(&subscription.id, Timestamp::MAX, ROWS).await?;
        let Some(first) = rows.first() else { return Ok(Looked::Silent(Visit::Nothing)) };
        let ready = self.policy().ready(first, subscription.hold_until, now);
        if ready > now {
            return Ok(Looked::Silent(Visit::Until(ready)));
        }
        let under_way = UnderWay::begin(&self.under_way);
        rows.sort_by_key(|row| row.seq);
        let Some(delivery) = rows.pop() else { return Ok(Looked::Silent(Visit::Nothing)) };
        let Some(edition) = self.edition(subscription, delivery.seq).await else {
            return Ok(Looked::Silent(Visit::Until(now.plus(SOON))));
        };
        let heard = self.send_edition(subscription, edition).await;
        if matches!(heard.answer, Answer::Status { code: 410, .. }) {
            let _routing = self.routing.lock().await;
            tracing::info!(subscription = %subscription.id, "a subscriber of the hub answered 410 and is forgotten");
            self.forget(self.book().await?, &subscription.id).await?;
            return Ok(Looked::Silent(Visit::Nothing));
        }
        Ok(Looked::Said(Said { delivery, others: rows, heard, is_last: false, under_way }))
    }

    async fn edition(&self, subscription: &Subscription, newest: crate::model::Seq) -> Option<Edition> {
        let (topic, _) = super::lease(subscription)?;
        let (feed, n) = self.hub.topics().get(topic)?.clone();
        self.hub.editions.get()?(feed, n, newest).await
    }

    async fn send_edition(&self, subscription: &Subscription, edition: Edition) -> Heard {
        let (at, started) = (self.clock.now(), Instant::now());
        let (answer, words) = match Url::parse(&subscription.url) {
            Ok(url) => {
                let headers = headers(subscription, &edition);
                self.exchange(subscription, url, headers, edition.body).await
            }
            Err(cause) => (Answer::Nothing(format!("its address cannot be read: {cause}")), String::new()),
        };
        Heard { at, took: started.elapsed(), answer, words }
    }
}

fn headers(subscription: &Subscription, edition: &Edition) -> Vec<(&'static str, String)> {
    let mut headers = vec![("content-type", edition.content_type.to_owned()), ("link", edition.link.clone())];
    // WebSub knows shared secrets only, and the hub takes no other.
    if let Some(Secret::Shared(secret)) = subscription.secrets.first() {
        headers.push(("x-hub-signature", signature(secret, &edition.body)));
    }
    headers
}

/// `X-Hub-Signature` (section 7.1).
fn signature(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", text::hex(&mac.finalize().into_bytes()))
}
