//! One webhook request, as Standard Webhooks 1.0 wants it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::{
    Push,
    form::{self, Rendered, Told},
    message::Message,
    policy::{Answer, complaint},
    sign,
};
use crate::{
    model::{Attempt, Channel, Event, Form, Outcome, Seq, Subscription, SubscriptionId, Timestamp},
    net,
};

/// Bytes of an answer that the ledger keeps.
const WORDS: u64 = 256;

/// What one request brought, and when.
#[derive(Debug)]
pub(super) struct Heard {
    /// When it began.
    pub(super) at: Timestamp,
    pub(super) took: Duration,
    pub(super) answer: Answer,
    /// The beginning of what was said.
    pub(super) words: String,
}

impl Heard {
    /// Nothing was asked: why not.
    pub(super) fn nothing(at: Timestamp, why: String) -> Self {
        Self { at, took: Duration::ZERO, answer: Answer::Nothing(why), words: String::new() }
    }

    /// The line of the ledger.
    pub(super) fn into_line(
        self,
        subscription: &SubscriptionId,
        seq: Seq,
        number: u32,
        outcome: Outcome,
    ) -> Attempt {
        Attempt {
            subscription: subscription.clone(),
            seq,
            at: self.at,
            number,
            // As exact as the ledger is.
            took: Duration::from_millis(u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX)),
            status: match self.answer {
                Answer::Status { code, .. } | Answer::Mail { code, .. } => Some(code),
                Answer::Nothing(_) => None,
            },
            error: complaint(&self.answer),
            answer: self.words,
            outcome,
        }
    }
}

impl Push {
    /// Tells one endpoint of an event, once.
    pub(super) async fn tell(&self, subscription: &Subscription, message: &Message) -> Heard {
        let id = message_id(subscription, &message.event);
        // Only some forms show an article's text, and those few lack a summary of their own.
        let text = if matches!(subscription.channel, Channel::Webhook(Form::Template(_))) {
            message.text()
        } else {
            ""
        };
        self.post(subscription, id, (message.native(subscription), text)).await
    }

    /// Sends one signed message: a native payload, and the article's whole text for the forms that show it.
    pub(super) async fn post(
        &self,
        subscription: &Subscription,
        id: String,
        (native, text): (Bytes, &str),
    ) -> Heard {
        let (at, started) = (self.clock.now(), Instant::now());
        let (answer, words) = self.signed(subscription, id, (&native, text)).await;
        Heard { at, took: started.elapsed(), answer, words }
    }

    /// A message in its form, signed and sent.
    async fn signed(
        &self,
        subscription: &Subscription,
        id: String,
        told: (&Bytes, &str),
    ) -> (Answer, String) {
        let Rendered { content_type, body, url } = match self.written(subscription, &id, told) {
            Ok(rendered) => rendered,
            Err(wrong) => return (Answer::Nothing(wrong), String::new()),
        };
        let timestamp = self.clock.now().as_second();
        let n_secrets = if self.overlaps(subscription) { subscription.secrets.len() } else { 1 };
        let secrets: Vec<_> = subscription.secrets.iter().take(n_secrets).cloned().collect();
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("webhook-signature", sign::sign(&secrets, &id, timestamp, &body)),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp.to_string()),
        ];
        self.exchange(subscription, url, headers, body).await
    }

    /// What an endpoint answers to a POST, and the beginning of its words.
    pub(super) async fn exchange(
        &self,
        subscription: &Subscription,
        url: Url,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    ) -> (Answer, String) {
        let address = url.to_string();
        let request = net::Request {
            method: reqwest::Method::POST,
            url,
            headers,
            body: Some(body),
            max_redirects: 0,
            allow_private: subscription.allow_private,
            trust: None,
            spacing: None,
            robots: false,
            in_background: false,
            timeout: Some(self.settings.load().timeout),
            // Only its status and `Retry-After` matter; its first words are for the ledger.
            want: net::Want::Start(WORDS),
        };
        match self.client.send(request).await {
            Ok(answer) => {
                let now = self.clock.now();
                let retry_after = net::backoff::retry_after(&answer.headers, now).map(|wait| now.plus(wait));
                let words = line(&String::from_utf8_lossy(&answer.body));
                (Answer::Status { code: answer.status, retry_after }, words)
            }
            Err(cause) => (Answer::Nothing(without_address(&cause.to_string(), &address)), String::new()),
        }
    }
}

impl Push {
    /// The message in the subscription's form, or what is wrong with that.
    fn written(
        &self,
        subscription: &Subscription,
        id: &str,
        (native, text): (&Bytes, &str),
    ) -> Result<Rendered, String> {
        let url =
            Url::parse(&subscription.url).map_err(|cause| format!("its address cannot be read: {cause}"))?;
        let Channel::Webhook(form) = &subscription.channel else {
            return Err("it is no webhook".to_owned());
        };
        let settings = self.settings.load();
        let told = Told { id, native, text, url: &url, base: &settings.base_url };
        settings.forms.render(form, told).map_err(|fault| format!("the form `{}`: {fault}", form::name(form)))
    }
}

/// Text on one line, without what would move a terminal's cursor.
pub(super) fn line(text: &str) -> String {
    let shown = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shown.chars().filter(|c| !c.is_control()).collect()
}

/// Addresses of webhooks are often secrets themselves: lists and logs shall not repeat them.
fn without_address(error: &str, address: &str) -> String {
    let short: String = address.chars().take(100).collect();
    let said = error.lines().next().unwrap_or_default();
    let spoken: Vec<&str> =
        said.split('`').map(|part| if part.starts_with(&short) { "its address" } else { part }).collect();
    spoken.join("`")
}

/// The same for every attempt to tell this endpoint of this event, and never that of another event: a store
/// that was wiped counts from 1 again, so the number alone would not do.
pub(super) fn message_id(subscription: &Subscription, event: &Event) -> String {
    let Event { seq, at, article, revision, .. } = event;
    let told = format!("{} {seq} {article} {revision} {}", subscription.id, at.as_millis());
    let hex = blake3::hash(told.as_bytes()).to_hex();
    format!("msg_{}", hex.chars().take(32).collect::<String>())
}
