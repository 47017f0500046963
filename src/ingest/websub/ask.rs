//! Asking hubs: to subscribe us, to renew a lease, to forget us (WebSub, section 5.1).

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{all_leases, book::Known, leases};
use crate::{
    fetch::websub::{self, Agenda, Said, Wanted, lease},
    ingest::{Ingest, Settings},
    model::{Following, Hidden, Intent, Lease, SourceId, Timestamp},
    net, store,
};

/// Hubs that are asked at once. A request has no other turn to wait for: hubs are there to be asked, and seldom are.
const AT_ONCE: usize = 4;

/// A request that is due.
struct Due {
    source: SourceId,
    lease: Lease,
    intent: Intent,
}

/// What a look at every source's hub came to.
struct Look {
    /// Whose records are different now.
    changed: Vec<SourceId>,
    due: Vec<Due>,
    /// When to look again.
    next: Option<Timestamp>,
}

impl Ingest {
    /// Keeps our subscriptions at hubs as they should be, until `stop`.
    pub async fn follow_hubs(&self, stop: CancellationToken) -> store::Result<()> {
        let mut asking = FuturesUnordered::new();
        loop {
            let (due, next) = {
                let mut look = std::pin::pin!(self.whom_to_ask());
                loop {
                    // The requests go on meanwhile: one of them may be what the look waits for.
                    tokio::select! {
                        looked = &mut look => break looked?,
                        Some(asked) = asking.next(), if !asking.is_empty() => asked?,
                    }
                }
            };
            for due in due {
                if self.hubs.n_asking() < AT_ONCE
                    && let Some(mark) = self.hubs.ask(&due.lease.token.0)
                {
                    asking.push(async move {
                        let _mark = mark;
                        self.ask_hub(due).await
                    });
                }
            }
            let alarm = match next {
                Some(next) => self.clock.sleep_until(next),
                None => Box::pin(std::future::pending()),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(asked) = asking.next(), if !asking.is_empty() => asked?,
                () = self.hubs.changed.notified() => {}
                () = alarm => {}
            }
        }
    }

    /// True while a hub has to be asked, or the configuration says something else than what is agreed.
    pub(in crate::ingest) fn is_asking_hubs(&self) -> bool {
        self.hubs.is_busy(self.clock.now())
    }

    /// Makes every source's subscription fit the configuration. Requests that are due, and when the next one is.
    async fn whom_to_ask(&self) -> store::Result<(Vec<Due>, Option<Timestamp>)> {
        let look = |known: &mut Known| {
            // Not before the book is open: settings that are newer than this look ask for another one.
            let (settings, now) = (self.settings.load_full(), self.clock.now());
            Look::new(known, &settings, now)
        };
        let Look { changed, due, next } = self.hubs.consider(self.store(), look).await?;
        for source in changed {
            self.hubs.keep(self.store(), &source).await?;
        }
        Ok((due, next))
    }

    /// Asks a hub once, and writes down what it said.
    async fn ask_hub(&self, Due { source, lease, intent }: Due) -> store::Result<()> {
        let now = self.clock.now();
        // Before the request: the hub may ask back before it answers. What was due when we looked may have been asked,
        // or left, since.
        let begin = |lease: &mut Lease, asks: Intent| {
            let is_due = asks == intent && lease.next.is_some_and(|next| next <= now);
            if is_due {
                lease::begin(lease, intent, now);
            }
            is_due
        };
        if self.with_lease(&source, &lease.token, begin).await? != Some(true) {
            return Ok(());
        }
        let callback = lease.callback(Some(&source));
        let trust = self.trust(&source, &lease.advert.hub);
        let said = websub::ask(&self.client, &lease, intent, &callback, trust).await;
        let (mode, hub) = (intent.as_str(), &lease.advert.hub);
        match &said {
            Said::Accepted => tracing::debug!(%source, hub, "the hub of source `{source}` takes `{mode}`"),
            Said::Refused(why) | Said::Later(_, why) => {
                tracing::warn!(%source, hub, "the hub of source `{source}` does not take `{mode}`: {}", lease::readable(why, &lease));
            }
        }
        let (now, seed) = (self.clock.now(), lease::seed(&lease));
        let heard = |lease: &mut Lease, _| lease::answered(lease, said, now, seed);
        self.with_lease(&source, &lease.token, heard).await?;
        Ok(())
    }

    /// What a request to this hub may rely on: what the source's own do, where it stands at the source's host.
    fn trust(&self, source: &SourceId, hub: &str) -> Option<Arc<net::Trust>> {
        let source = self.find(source).ok()?;
        let hub = url::Url::parse(hub).ok()?;
        source.trust.clone().filter(|_| hub.host() == source.url.host())
    }

    /// Changes one subscription, which is told what its hub is asked for now. `None` where it is gone.
    async fn with_lease<T>(
        &self,
        source: &SourceId,
        token: &Hidden,
        edit: impl FnOnce(&mut Lease, Intent) -> T,
    ) -> store::Result<Option<T>> {
        let change = |following: &mut Following| {
            let (lease, asks) = leases(following).find(&token.0)?;
            Some(edit(lease, asks))
        };
        self.hubs.change(self.store(), source, change).await
    }
}

// === impl Look ===

impl Look {
    fn new(known: &mut Known, settings: &Settings, now: Timestamp) -> Self {
        let mut look = Self { changed: Vec::new(), due: Vec::new(), next: None };
        known.retain(|source, following| {
            let wanted = wanted(settings, following);
            let is_changed = settle(following, wanted, now);
            let is_configured = settings.sources.iter().any(|one| one.id == *source);
            let is_over = !is_configured && all_leases(following).next().is_none();
            if is_changed || is_over {
                look.changed.push(source.clone());
            }
            look.see(following, now);
            !is_over
        });
        look
    }

    fn see(&mut self, following: &Following, now: Timestamp) {
        let agenda = Agenda::of(all_leases(following), now);
        let due = |(lease, intent)| Due { source: following.source.clone(), lease, intent };
        self.due.extend(agenda.due.into_iter().map(due));
        self.next = self.next.into_iter().chain(agenda.next).min();
    }
}

/// Makes what is agreed about a source fit what is wanted. A hub that is left for another has to earn trust anew.
fn settle(following: &mut Following, wanted: Option<Wanted>, now: Timestamp) -> bool {
    let token = |following: &Following| following.lease.as_ref().map(|lease| lease.token.clone());
    let before = token(following);
    let is_changed = leases(following).settle(wanted, now, websub::fresh);
    if before.is_some() && before != token(following) {
        following.trust = 0;
    }
    is_changed
}

/// What should be agreed about a source: nothing where it is not configured, not to be followed, advertises nothing, or
/// where hubs cannot reach us.
fn wanted(settings: &Settings, following: &Following) -> Option<Wanted> {
    let source = settings.sources.iter().find(|source| source.id == following.source)?;
    let base = settings.callbacks.clone().filter(|_| source.websub && source.extract.feed)?;
    Some(Wanted { advert: following.advert.clone()?, base, allow_private: source.allow_private })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::samples;

    #[test]
    fn a_hub_is_trusted_as_long_as_it_is_the_same() {
        let mut following = samples::following("quan1");
        let lease = following.lease.clone().unwrap();
        let wanted = Wanted { advert: lease.advert, base: lease.base, allow_private: lease.allow_private };
        settle(&mut following, Some(wanted.clone()), Timestamp::from_second(9));
        assert_eq!(following.trust, 2);
        let advert =
            crate::model::Advert { hub: "https://other.example/".to_owned(), ..wanted.advert.clone() };
        assert!(settle(&mut following, Some(Wanted { advert, ..wanted }), Timestamp::from_second(9)));
        assert_eq!((following.trust, following.left.len()), (0, 2));
    }
}
