//! One request at a time to a host, and a pause between two: for the requests that ask for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;
use url::Url;

use crate::{clock::SharedClock, model::Timestamp};

/// Hosts remembered. Beyond it the one that was asked longest ago is forgotten.
const MAX_HOSTS: usize = 4096;

/// When each host was last asked politely, and who is asking it now.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) clock: SharedClock,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// The end of the last polite request, behind the lock that the one under way holds.
type Host = tokio::sync::Mutex<Option<Timestamp>>;

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
        let last = self.host(url).lock_owned().await;
        if let Some(end) = *last {
            // A clock that was set back must not make a pause of hours.
            let end = end.min(self.clock.now());
            self.clock.sleep_until(end.plus(spacing)).await;
        }
        Turn { clock: self.clock.clone(), last }
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let key =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if !hosts.contains_key(&key) && hosts.len() >= MAX_HOSTS {
            forget_oldest(&mut hosts);
        }
        hosts.entry(key).or_default().clone()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.last = Some(self.clock.now());
    }
}

/// Forgets one host that nobody asks or waits for: those are held by the map alone.
fn forget_oldest(hosts: &mut HashMap<String, Arc<Host>>) {
    let idle = hosts.iter().filter(|(_, host)| Arc::strong_count(host) == 1);
    let oldest = idle.min_by_key(|(_, host)| host.try_lock().map_or(None, |last| *last));
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
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
        *queue.host(&a).lock().await = Some(Timestamp::from_second(999_999));
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
        assert_eq!(queue.hosts.lock().unwrap().len(), MAX_HOSTS);
        assert!(poll!(Box::pin(queue.turn(&busy, PAUSE))).is_pending());
    }
}
