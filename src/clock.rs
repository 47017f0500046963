//! The one place that knows what time it is.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;

use crate::model::Timestamp;

/// Tells the time and waits for it. Everything that asks the time asks this, so that tests can move it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Timestamp;

    /// Completes when `now()` is `to` or later, and when it is before `from`: a clock that was set back makes nobody wait
    /// for what may be a year away. Whoever sleeps looks then what is due.
    fn sleep_between(&self, from: Timestamp, to: Timestamp) -> BoxFuture<'static, ()>;

    /// Completes when `now()` has reached `at`, or when the clock was set back behind the present.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.sleep_between(self.now(), at)
    }
}

/// How clocks are handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

/// A clock that stands still until a test moves it.
#[derive(Clone, Debug)]
pub struct Manual(tokio::sync::watch::Sender<Timestamp>);

/// A clock on which waiting takes no time: it leaps to the instant that is waited for. A recorded run goes by it.
#[derive(Clone, Debug)]
pub struct Leaping(Arc<Mutex<Timestamp>>);

// === impl System ===

impl Clock for System {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }

    /// Sleeps at most a minute at a time, so that a stepped clock is noticed.
    fn sleep_between(&self, from: Timestamp, to: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let now = Self.now();
                if now < from || now >= to {
                    return;
                }
                tokio::time::sleep(to.since(now).min(std::time::Duration::from_secs(60))).await;
            }
        })
    }
}

// === impl Manual ===

impl Manual {
    /// A clock that stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(tokio::sync::watch::Sender::new(at))
    }

    /// Moves it forward and wakes every sleeper whose time has come.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.send_modify(|now| *now = now.plus(by));
    }

    /// Sets it, forward or back, and wakes every sleeper whom that concerns.
    pub fn set(&self, to: Timestamp) {
        self.0.send_replace(to);
    }
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_between(&self, from: Timestamp, to: Timestamp) -> BoxFuture<'static, ()> {
        let mut now = self.0.subscribe();
        // The sender lives in the clock; when it is gone nobody can move the time, so waiting for ever is right.
        Box::pin(async move {
            if now.wait_for(|now| *now < from || *now >= to).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

// === impl Leaping ===

impl Leaping {
    /// A clock that stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    /// It is `at`, or later.
    pub fn reach(&self, at: Timestamp) {
        let mut now = self.lock();
        *now = at.max(*now);
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        *self.lock()
    }

    fn sleep_between(&self, from: Timestamp, to: Timestamp) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            if clock.now() >= from {
                clock.reach(to);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_test_moves_the_clock_far_enough() {
        let clock = Manual::at(Timestamp::from_second(1000));
        let mut sleeper = clock.sleep_until(Timestamp::from_second(1060));
        clock.advance(Duration::from_secs(59));
        assert!(futures_util::poll!(&mut sleeper).is_pending());
        clock.advance(Duration::from_secs(1));
        sleeper.await;
    }

    #[tokio::test]
    async fn a_leaping_clock_is_where_it_was_waited_for_and_never_goes_back() {
        let clock = Leaping::at(Timestamp::from_second(1000));
        clock.sleep_until(Timestamp::from_second(1060)).await;
        assert_eq!(clock.now(), Timestamp::from_second(1060));
        clock.reach(Timestamp::from_second(1000));
        assert_eq!(clock.now(), Timestamp::from_second(1060));
        clock.sleep_between(Timestamp::from_second(2000), Timestamp::from_second(3000)).await;
        assert_eq!(clock.now(), Timestamp::from_second(1060), "it is before `from`");
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_set_back() {
        let clock = Manual::at(Timestamp::from_second(1000));
        let mut sleeper = clock.sleep_until(Timestamp::from_second(1060));
        clock.advance(Duration::from_secs(30));
        clock.set(Timestamp::from_second(1000));
        assert!(futures_util::poll!(&mut sleeper).is_pending(), "the rest of it is no longer than it was");
        clock.set(Timestamp::from_second(999));
        sleeper.await;
        // Also when it was set back before anybody slept.
        clock.sleep_between(Timestamp::from_second(1000), Timestamp::MAX).await;
        System.sleep_between(Timestamp::MAX, Timestamp::MAX).await;
    }
}
