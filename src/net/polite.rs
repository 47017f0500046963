//! One request at a time to a host, a pause between two, no more than so many in a day, and none while it asks for
//! patience: for the requests that ask for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderMap;
use tokio::sync::OwnedMutexGuard;
use url::Url;

use super::{Restraint, tally::Tally};
use crate::{clock::SharedClock, model::Timestamp};

/// Hosts remembered. Beyond it some are forgotten that were not asked for longest.
const MAX_HOSTS: usize = 16_384;

/// When each host was last asked politely, who is asking it now, and how often it was asked today.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) clock: SharedClock,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// One host, with its port.
#[derive(Debug, Default)]
struct Host {
    /// The end of the last polite request, behind the lock that the one under way holds.
    last: Arc<tokio::sync::Mutex<Option<Timestamp>>>,
    tally: Mutex<Tally>,
}

/// Our turn at a host; over when dropped, and the pause begins then.
#[derive(Debug)]
pub(super) struct Turn {
    clock: SharedClock,
    last: OwnedMutexGuard<Option<Timestamp>>,
}

impl Queue {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, hosts: Mutex::default() }
    }

    /// Waits until no polite request to the URL's host is under way and `spacing` has passed since the last.
    /// First come, first served. A redirect is part of its request: it waits for nobody, or two requests
    /// that lead to each other's hosts could wait for each other for ever.
    pub(super) async fn turn(&self, url: &Url, spacing: Duration) -> Turn {
        let last = Arc::clone(&self.host(url).last).lock_owned().await;
        if let Some(end) = *last {
            // A clock that was set back must not make a pause of hours.
            let end = end.min(self.clock.now());
            self.clock.sleep_until(end.plus(spacing)).await;
        }
        Turn { clock: self.clock.clone(), last }
    }

    /// Is there a reason not to ask this host now? `budget` is how often it may be asked in a day, 0 for any; `kept` of
    /// these are for others.
    pub(super) fn restraint(&self, url: &Url, budget: u32, kept: u32) -> Option<Restraint> {
        self.tally(url, |tally, now| tally.restraint(&name(url), (budget, kept), now))
    }

    /// Counts a request to it.
    pub(super) fn count(&self, url: &Url) {
        self.tally(url, |tally, now| tally.count(now));
    }

    /// Hears what it answered: some answers ask for patience, and that is meant for every page of a host.
    pub(super) fn heard(&self, url: &Url, status: u16, headers: &HeaderMap) {
        self.tally(url, |tally, now| tally.heard(status, headers, now));
    }

    /// What is counted of it.
    pub(super) fn tally<T>(&self, url: &Url, look: impl FnOnce(&mut Tally, Timestamp) -> T) -> T {
        let (host, now) = (self.host(url), self.clock.now());
        let mut tally = host.tally.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut tally, now)
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let key = name(url);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if !hosts.contains_key(&key) && hosts.len() >= MAX_HOSTS {
            forget_oldest(&mut hosts);
        }
        hosts.entry(key).or_default().clone()
    }
}

impl Turn {
    /// Something was asked within this turn: the pause begins again.
    pub(super) async fn pause(&self, spacing: Duration) {
        self.clock.sleep_until(self.clock.now().plus(spacing)).await;
    }
}

/// A host with its port.
pub(super) fn name(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0))
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.last = Some(self.clock.now());
    }
}

/// Forgets hosts that nobody asks or waits for (those are held by the map alone): a sixteenth at once, since looking for
/// the oldest costs as much for one as for many.
fn forget_oldest(hosts: &mut HashMap<String, Arc<Host>>) {
    let is_idle = |host: &Arc<Host>| Arc::strong_count(host) == 1 && Arc::strong_count(&host.last) == 1;
    let idle = hosts.iter().filter(|(_, host)| is_idle(host));
    let mut idle: Vec<_> =
        idle.map(|(key, host)| (host.last.try_lock().map_or(None, |last| *last), key.clone())).collect();
    idle.sort_unstable();
    for (_, key) in idle.into_iter().take(MAX_HOSTS / 16) {
        hosts.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;
    use crate::clock::Manual;

    const PAUSE: Duration = Duration::from_secs(2);

    fn queue() -> (Manual, Queue) {
        let clock = Manual::at(Timestamp::from_second(1000));
        (clock.clone(), Queue::new(Arc::new(clock)))
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn the_second_request_waits_for_the_end_of_the_first_and_the_pause() {
        let (clock, queue) = queue();
        let (a, b) = (url("http://a.vn/1"), url("http://a.vn/2"));
        let first = queue.turn(&a, PAUSE).await;
        let mut second = Box::pin(queue.turn(&b, PAUSE));
        clock.advance(Duration::from_secs(60));
        assert!(poll!(&mut second).is_pending(), "one is under way");
        drop(first);
        assert!(poll!(&mut second).is_pending(), "the pause has not passed");
        clock.advance(Duration::from_millis(1999));
        assert!(poll!(&mut second).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(poll!(&mut second).is_ready());
    }

    #[tokio::test]
    async fn other_hosts_and_ports_do_not_wait() {
        let (_clock, queue) = queue();
        let turns = ["http://a.vn/", "http://b.vn/", "https://a.vn/", "http://a.vn:81/"].map(url);
        let mut kept = Vec::new();
        for url in &turns {
            let mut turn = Box::pin(queue.turn(url, PAUSE));
            let std::task::Poll::Ready(turn) = poll!(&mut turn) else { panic!("{url} waits") };
            kept.push(turn);
        }
        assert!(poll!(Box::pin(queue.turn(&url("http://a.vn:80/x"), PAUSE))).is_pending());
    }

    #[tokio::test]
    async fn a_clock_set_back_does_not_stretch_the_pause() {
        let (clock, queue) = queue();
        let a = url("http://a.vn/");
        *queue.host(&a).last.lock().await = Some(Timestamp::from_second(999_999));
        let mut turn = Box::pin(queue.turn(&a, PAUSE));
        assert!(poll!(&mut turn).is_pending());
        clock.advance(PAUSE);
        assert!(poll!(&mut turn).is_ready());
    }

    #[tokio::test]
    async fn remembers_a_bounded_number_of_hosts_and_never_forgets_one_in_use() {
        let (clock, queue) = queue();
        let busy = url("http://busy.vn/");
        let _turn = queue.turn(&busy, PAUSE).await;
        for n in 0..MAX_HOSTS + 10 {
            clock.advance(Duration::from_millis(1));
            drop(queue.turn(&url(&format!("http://h{n}.vn/")), PAUSE).await);
        }
        let n_hosts = queue.hosts.lock().unwrap().len();
        assert!((MAX_HOSTS / 2..=MAX_HOSTS).contains(&n_hosts), "{n_hosts}");
        assert!(poll!(Box::pin(queue.turn(&busy, PAUSE))).is_pending());
    }
}
