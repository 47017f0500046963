//! What hubs tell us at our callbacks: do you mean it? — no — there is something new.

use super::leases;
use crate::{
    fetch::websub::{Callback, Check, Question},
    ingest::Ingest,
    model::SourceId,
    store,
};

impl Ingest {
    /// A hub asks at the callback of `source` with `token`. The text to repeat where that confirms what we asked for;
    /// `None` where we did not.
    pub async fn hub_asks(
        &self,
        source: &SourceId,
        token: &str,
        question: Question,
    ) -> store::Result<Option<String>> {
        let (mode, now) = (question.mode.clone(), self.clock.now());
        let hear = |following: &mut _| leases(following).hear(token, question, now);
        let answer = self.hubs.change(self.store(), source, hear).await?;
        if answer.is_some() {
            tracing::info!(%source, mode, "the hub of source `{source}`: {mode}");
            self.hubs.reconsider();
            self.look_again().await?;
        }
        Ok(answer)
    }

    /// Whose callback stands at the address of `source` with `token`; `signature` is the header of a push to it.
    pub async fn callback(
        &self,
        source: &SourceId,
        token: &str,
        signature: Option<&str>,
    ) -> store::Result<Callback> {
        let following = self.hubs.get(self.store(), source).await?;
        let callback = following.map_or(Callback::Unknown, |mut following| {
            Callback::of(leases(&mut following), token, signature)
        });
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

fn counted(result: &'static str) {
    metrics::counter!("loa_source_pushes_total", "result" => result).increment(1);
}
