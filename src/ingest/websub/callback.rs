//! What hubs tell us at our callbacks: do you mean it? — no — there is something new.

use subtle::ConstantTimeEq;

use super::{
    Check,
    lease::{self, Told},
};
use crate::{
    ingest::Ingest,
    model::{Following, Intent, Lease, SourceId},
    store,
};

/// The parameters of a question at a callback (WebSub, sections 5.2 and 5.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// `hub.mode`
    pub mode: String,
    /// `hub.topic`
    pub topic: String,
    /// `hub.challenge`
    pub challenge: String,
    /// `hub.lease_seconds`, where it is a number.
    pub lease: Option<u64>,
    /// `hub.reason`
    pub reason: String,
}

/// Whose callback an address is.
pub enum Callback {
    /// Nobody's.
    Unknown,
    /// One that we do not listen to any more.
    Left,
    /// A source's. A push whose signature cannot even be checked has none.
    Known(Option<Box<Check>>),
}

impl Ingest {
    /// A hub asks at the callback of `source` with `token`. The text to repeat where that confirms what we asked for;
    /// `None` where we did not.
    pub async fn hub_asks(
        &self,
        source: &SourceId,
        token: &str,
        question: Question,
    ) -> store::Result<Option<String>> {
        let Question { mode, topic, challenge, lease: seconds, reason } = question;
        let (told, answer) = match mode.as_str() {
            "subscribe" => (Told::Verify(Intent::Subscribe, seconds), challenge),
            "unsubscribe" => (Told::Verify(Intent::Unsubscribe, seconds), challenge),
            "denied" => (Told::Denied(reason), String::new()),
            _ => return Ok(None),
        };
        if answer.is_empty() && mode != "denied" {
            return Ok(None);
        }
        let now = self.clock.now();
        let confirmed = self.hubs.change(self.store(), source, |following| {
            let Some((lease, is_left)) = find(following, token) else { return false };
            lease.advert.topic == topic && lease::told(lease, is_left, told, now)
        });
        let confirmed = confirmed.await?;
        if confirmed {
            tracing::info!(%source, mode, "the hub of source `{source}`: {mode}");
            self.hubs.reconsider();
            self.look_again().await?;
        }
        Ok(confirmed.then_some(answer))
    }

    /// Whose callback stands at the address of `source` with `token`; `signature` is the header of a push to it.
    pub async fn callback(
        &self,
        source: &SourceId,
        token: &str,
        signature: Option<&str>,
    ) -> store::Result<Callback> {
        let following = self.hubs.get(self.store(), source).await?;
        let callback = following.and_then(|mut following| {
            let (lease, is_left) = find(&mut following, token)?;
            Some(if is_left {
                Callback::Left
            } else {
                Callback::Known(Check::new(signature, &lease.secret).map(Box::new))
            })
        });
        let callback = callback.unwrap_or(Callback::Unknown);
        if matches!(callback, Callback::Unknown | Callback::Left) {
            counted("unknown");
        }
        Ok(callback)
    }

    /// A push for `source` has come in whole. One that is genuine makes the source due; what it carries is not used.
    pub async fn pushed(&self, source: &SourceId, check: Option<Box<Check>>) -> store::Result<()> {
        if !check.is_some_and(|check| check.is_genuine()) {
            counted("ignored");
            tracing::debug!(%source, "a push for source `{source}` has no signature, or a wrong one: ignored");
            return Ok(());
        }
        counted("ok");
        self.hubs.push(self.store(), source, self.clock.now()).await?;
        self.look_again().await
    }

    /// Bytes of a push: as many as a feed may have.
    pub fn largest_push(&self) -> usize {
        usize::try_from(self.client.settings().max_body).unwrap_or(usize::MAX)
    }

    /// Works out at once what is due, so that nobody sees the moment in between, and wakes the loop.
    async fn look_again(&self) -> store::Result<()> {
        self.work_out_due_times().await?;
        self.changed.notify_one();
        Ok(())
    }
}

/// The subscription with this token, and whether it was left. Compared in constant time.
fn find<'a>(following: &'a mut Following, token: &str) -> Option<(&'a mut Lease, bool)> {
    let is_it = |lease: &Lease| bool::from(lease.token.0.as_slice().ct_eq(token.as_bytes()));
    let known = following.lease.iter_mut().map(|lease| (lease, false));
    let left = following.left.iter_mut().map(|lease| (lease, true));
    known.chain(left).find(|(lease, _)| is_it(lease))
}

fn counted(result: &'static str) {
    metrics::counter!("loa_source_pushes_total", "result" => result).increment(1);
}
