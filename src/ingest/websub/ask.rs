//! Asking hubs: to subscribe us, to renew a lease, to forget us (WebSub, section 5.1).

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;
use url::{Url, form_urlencoded};

use super::{
    book::Known,
    lease::{self, Said, Wanted},
    leases,
};
use crate::{
    ingest::{Ingest, Settings},
    model::{Following, Hidden, Intent, Lease, SourceId, Timestamp, text},
    net::{self, backoff},
    store,
};

/// Time for a hub's answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read: why it refuses.
const READ: u64 = 1024;
/// Hubs that are asked at once. A request has no other turn to wait for: hubs are there to be asked, and seldom are.
const AT_ONCE: usize = 4;
/// Redirects of a request that are followed (section 5.1 allows 307 and 308).
const REDIRECTS: usize = 3;

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
        let said = self.request(&source, &lease, intent).await;
        let (mode, hub) = (intent.as_str(), &lease.advert.hub);
        match &said {
            Said::Accepted => tracing::debug!(%source, hub, "the hub of source `{source}` takes `{mode}`"),
            Said::Refused(why) | Said::Later(_, why) => {
                tracing::warn!(%source, hub, "the hub of source `{source}` does not take `{mode}`: {}", lease::readable(why, &lease));
            }
        }
        let (now, seed) = (
            self.clock.now(),
            lease.token.0.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)),
        );
        let heard = |lease: &mut Lease, _| lease::answered(lease, said, now, seed);
        self.with_lease(&source, &lease.token, heard).await?;
        Ok(())
    }

    /// Changes one subscription, which is told what its hub is asked for now. `None` where it is gone.
    async fn with_lease<T>(
        &self,
        source: &SourceId,
        token: &Hidden,
        edit: impl FnOnce(&mut Lease, Intent) -> T,
    ) -> store::Result<Option<T>> {
        let change = |following: &mut Following| {
            let known = following.lease.iter_mut().map(|lease| (lease, Intent::Subscribe));
            let left = following.left.iter_mut().map(|lease| (lease, Intent::Unsubscribe));
            let (lease, asks) = known.chain(left).find(|(lease, _)| lease.token == *token)?;
            Some(edit(lease, asks))
        };
        self.hubs.change(self.store(), source, change).await
    }

    async fn request(&self, source: &SourceId, lease: &Lease, intent: Intent) -> Said {
        let url = match Url::parse(&lease.advert.hub) {
            Ok(url) => url,
            Err(cause) => return Said::Refused(format!("its address cannot be used: {cause}")),
        };
        let request = net::Request {
            method: reqwest::Method::POST,
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: Some(form(source, lease, intent).into()),
            max_redirects: REDIRECTS,
            allow_private: lease.allow_private,
            timeout: Some(TIMEOUT),
            want: net::Want::Start(READ),
            ..net::Request::get(url)
        };
        match self.client.send(request).await {
            Ok(answer) => said(&answer, self.clock.now()),
            Err(error) if error.retry() == net::Retry::Never => Said::Refused(error.to_string()),
            Err(error) => Said::Later(None, error.to_string()),
        }
    }
}

// === impl Look ===

impl Look {
    fn new(known: &mut Known, settings: &Settings, now: Timestamp) -> Self {
        let mut look = Self { changed: Vec::new(), due: Vec::new(), next: None };
        known.retain(|source, following| {
            let wanted = wanted(settings, following);
            let is_changed = lease::settle(following, wanted, now, fresh);
            let is_configured = settings.sources.iter().any(|one| one.id == *source);
            let is_over = !is_configured && leases(following).next().is_none();
            if is_changed || is_over {
                look.changed.push(source.clone());
            }
            look.see(following, now);
            !is_over
        });
        look
    }

    fn see(&mut self, following: &Following, now: Timestamp) {
        for (lease, intent) in leases(following) {
            if lease.next.is_some_and(|next| next <= now) {
                self.due.push(Due { source: following.source.clone(), lease: lease.clone(), intent });
            }
            let forgotten = Some(lease::forgotten(lease)).filter(|_| intent == Intent::Unsubscribe);
            let over = lease.until.filter(|_| intent == Intent::Subscribe);
            let later = lease.next.into_iter().chain(over).chain(forgotten).filter(|at| *at > now);
            self.next = self.next.into_iter().chain(later).min();
        }
    }
}

/// What should be agreed about a source: nothing where it is not configured, not to be followed, advertises nothing, or
/// where hubs cannot reach us.
fn wanted(settings: &Settings, following: &Following) -> Option<Wanted> {
    let source = settings.sources.iter().find(|source| source.id == following.source)?;
    let base = settings.callbacks.clone().filter(|_| source.websub && source.extract.feed)?;
    Some(Wanted { advert: following.advert.clone()?, base, allow_private: source.allow_private })
}

/// A new token and a new secret, both 32 random bytes in hexadecimal. Without random numbers nobody is subscribed.
fn fresh() -> Option<(Hidden, Hidden)> {
    let random = || -> Result<Hidden, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Hidden(text::hex(&bytes).into_bytes()))
    };
    match random().and_then(|token| Ok((token, random()?))) {
        Ok(both) => Some(both),
        Err(cause) => {
            tracing::error!("no hub is asked: the system gives no random numbers: {cause}");
            None
        }
    }
}

/// The request's body (section 5.1).
fn form(source: &SourceId, lease: &Lease, intent: Intent) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("hub.mode", intent.as_str());
    form.append_pair("hub.topic", &lease.advert.topic);
    form.append_pair("hub.callback", &lease.callback(source));
    if intent == Intent::Subscribe {
        form.append_pair("hub.secret", &String::from_utf8_lossy(&lease.secret.0));
        form.append_pair("hub.lease_seconds", &lease::ASKED.as_secs().to_string());
    }
    form.finish()
}

/// What an answer means: 2xx is yes, anything that may pass is a matter of time, the rest is no.
fn said(answer: &net::Answer, now: Timestamp) -> Said {
    let explained = || {
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.trim();
        if text.is_empty() {
            format!("it answered {}", answer.status)
        } else {
            format!("it answered {}: {text}", answer.status)
        }
    };
    match answer.status {
        200..=299 => Said::Accepted,
        408 | 425 | 429 | 500..=599 => Said::Later(backoff::retry_after(&answer.headers, now), explained()),
        _ => Said::Refused(explained()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::samples;

    #[test]
    fn a_request_says_what_the_recommendation_asks_for() {
        let following = samples::following("quan1");
        let lease = following.lease.unwrap();
        assert_eq!(
            form(&following.source, &lease, Intent::Subscribe),
            "hub.mode=subscribe&hub.topic=https%3A%2F%2Fportal.example%2Frss\
             &hub.callback=https%3A%2F%2Ftin.example.vn%2Fwebsub%2Fquan1%2Ftoken&hub.secret=secret&hub.lease_seconds=864000"
        );
        assert!(!form(&following.source, &lease, Intent::Unsubscribe).contains("secret"));
    }

    #[test]
    fn tokens_and_secrets_are_long_enough_and_differ() {
        let (token, secret) = fresh().unwrap();
        assert_eq!((token.0.len(), secret.0.len()), (64, 64));
        assert!(token != secret && fresh().unwrap().0 != token);
    }

    #[test]
    fn answers_are_yes_no_or_later() {
        let check = |status: u16, body: &'static str, expected: &Said| {
            let headers = [(reqwest::header::RETRY_AFTER, "90".parse().unwrap())].into_iter().collect();
            let url = "https://h/".parse().unwrap();
            let answer = net::Answer { status, url, moved: None, headers, body: body.into() };
            assert_eq!(&said(&answer, Timestamp::from_second(0)), expected, "{status}");
        };
        for status in [200, 202, 204] {
            check(status, "", &Said::Accepted);
        }
        for status in [303, 400, 403, 404, 410] {
            check(status, " no \n", &Said::Refused(format!("it answered {status}: no")));
        }
        for status in [429, 500, 503] {
            check(status, "", &Said::Later(Some(Duration::from_secs(90)), format!("it answered {status}")));
        }
    }
}
