//! What becomes of a subscription at a hub: asked for, confirmed, renewed, refused, left. Pure.

use std::time::Duration;

use subtle::ConstantTimeEq;

use super::Question;
use crate::{
    model::{Advert, Hidden, Intent, Lease, Timestamp},
    net::backoff,
};

/// The lease that we ask for. Hubs grant what they like.
pub(super) const ASKED: Duration = Duration::from_secs(10 * 24 * 3600);
/// The longest lease that we count on: a hub that promises more is asked again all the same.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);
/// A lease is not renewed more often than this, however short it is.
const SHORTEST_RENEWAL: Duration = Duration::from_secs(5 * 60);
/// How long a hub may take to ask us back. It may ask more than once: it may not have heard our answer.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a hub that refuses is left alone.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How often a hub is asked to forget a subscription.
const FAREWELLS: u32 = 3;
/// The most left subscriptions that are remembered of one source.
const MOST_LEFT: usize = 8;
/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 200;

/// Our subscriptions for one purpose.
#[derive(Debug)]
pub struct Leases<'a> {
    /// The one that is wanted.
    pub lease: &'a mut Option<Lease>,
    /// Those that are not wanted any more.
    pub left: &'a mut Vec<Lease>,
}

/// What should be agreed with a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where, and to what.
    pub advert: Advert,
    /// `web.base_url`.
    pub base: String,
    /// May the hub stand at a private address?
    pub allow_private: bool,
}

/// What has to be asked of hubs.
#[derive(Debug, Default)]
pub struct Agenda {
    /// What is due, and with which intent.
    pub due: Vec<(Lease, Intent)>,
    /// When something else will be.
    pub next: Option<Timestamp>,
}

/// What a hub made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It will ask us back.
    Accepted,
    /// It does not want to.
    Refused(String),
    /// It could not be asked, or not now; perhaps it said for how long.
    Later(Option<Duration>, String),
}

/// What we are told at a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The hub verifies an intent and grants this many seconds.
    Verify(Intent, Option<u64>),
    /// The hub denies the subscription.
    Denied(String),
}

// === impl Leases ===

impl<'a> Leases<'a> {
    /// Makes them fit what is wanted now: ends a lease whose time is over, leaves what is not wanted any more, begins
    /// what is, and forgets what no hub can have any longer. Without `fresh` secrets nothing is begun. True when
    /// something changed.
    pub fn settle(
        &mut self,
        wanted: Option<Wanted>,
        now: Timestamp,
        fresh: impl FnOnce() -> Option<(Hidden, Hidden)>,
    ) -> bool {
        let before = (self.lease.clone(), self.left.clone());
        let fits = |lease: &Lease, wanted: &Wanted| {
            lease.advert == wanted.advert
                && lease.base == wanted.base
                && lease.allow_private == wanted.allow_private
        };
        let is_wanted = |lease: &Lease| wanted.as_ref().is_some_and(|wanted| fits(lease, wanted));
        if let Some(lease) = self.lease.take_if(|lease| !is_wanted(lease)) {
            self.left.extend(left(lease, now));
            let n_over = self.left.len().saturating_sub(MOST_LEFT);
            self.left.drain(..n_over);
        }
        if let Some(lease) = self.lease {
            lease.until = lease.until.filter(|until| *until > now);
        }
        self.left.retain(|lease| lease.next.is_some() || forgotten(lease) > now);
        if let Some(wanted) = wanted.filter(|_| self.lease.is_none())
            && let Some((token, secret)) = fresh()
        {
            *self.lease = Some(begun(wanted, token, secret, now));
        }
        (&*self.lease, &*self.left) != (&before.0, &before.1)
    }

    /// The subscription with this token, and what its hub is asked for next. Compared in constant time.
    pub fn find(self, token: &[u8]) -> Option<(&'a mut Lease, Intent)> {
        let known = self.lease.iter_mut().map(|lease| (lease, Intent::Subscribe));
        let left = self.left.iter_mut().map(|lease| (lease, Intent::Unsubscribe));
        known.chain(left).find(|(lease, _)| bool::from(lease.token.0.as_slice().ct_eq(token)))
    }

    /// A hub asks at the callback with `token`. The text to repeat where that confirms what we asked for; `None` where
    /// we did not.
    pub fn hear(self, token: &str, question: Question, now: Timestamp) -> Option<String> {
        let Question { mode, topic, challenge, lease: seconds, reason } = question;
        let (words, answer) = match mode.as_str() {
            "subscribe" => (Told::Verify(Intent::Subscribe, seconds), challenge),
            "unsubscribe" => (Told::Verify(Intent::Unsubscribe, seconds), challenge),
            "denied" => (Told::Denied(reason), String::new()),
            _ => return None,
        };
        if answer.is_empty() && mode != "denied" {
            return None;
        }
        let (lease, intent) = self.find(token.as_bytes())?;
        let is_left = intent == Intent::Unsubscribe;
        (lease.advert.topic == topic && told(lease, is_left, words, now)).then_some(answer)
    }
}

/// Every subscription, with what its hub is asked for next.
pub fn each<'a>(lease: Option<&'a Lease>, left: &'a [Lease]) -> impl Iterator<Item = (&'a Lease, Intent)> {
    let known = lease.into_iter().map(|lease| (lease, Intent::Subscribe));
    known.chain(left.iter().map(|lease| (lease, Intent::Unsubscribe)))
}

// === impl Agenda ===

impl Agenda {
    /// What has to be asked because of these subscriptions.
    pub fn of<'a>(leases: impl Iterator<Item = (&'a Lease, Intent)>, now: Timestamp) -> Self {
        let mut agenda = Self::default();
        for (lease, intent) in leases {
            if lease.next.is_some_and(|next| next <= now) {
                agenda.due.push((lease.clone(), intent));
            }
            let forgotten = Some(forgotten(lease)).filter(|_| intent == Intent::Unsubscribe);
            let over = lease.until.filter(|_| intent == Intent::Subscribe);
            let later = lease.next.into_iter().chain(over).chain(forgotten).filter(|at| *at > now);
            agenda.next = agenda.next.into_iter().chain(later).min();
        }
        agenda
    }
}

/// A subscription that was not asked for yet.
fn begun(
    Wanted { advert, base, allow_private }: Wanted,
    token: Hidden,
    secret: Hidden,
    now: Timestamp,
) -> Lease {
    Lease {
        advert,
        base,
        allow_private,
        token,
        secret,
        asked: None,
        until: None,
        next: Some(now),
        failures: 0,
        error: None,
    }
}

/// A subscription that is not wanted any more, unless its hub never heard of it.
fn left(lease: Lease, now: Timestamp) -> Option<Lease> {
    lease.asked?;
    Some(Lease { next: Some(now), failures: 0, error: None, ..lease })
}

/// When a left subscription need not be remembered any longer: until then its pushes are answered 410.
fn forgotten(lease: &Lease) -> Timestamp {
    let asked = lease.asked.map_or(Timestamp::from_millis(0), |(_, at)| at);
    lease.until.map_or(asked, |until| until.max(asked)).plus(DAY)
}

/// A request is about to be sent. Should the answer get lost, it is sent again when the hub's time is over.
pub fn begin(lease: &mut Lease, intent: Intent, now: Timestamp) {
    lease.asked = Some((intent, now));
    lease.failures = lease.failures.saturating_add(1);
    lease.next = Some(now.plus(PATIENCE));
}

/// The hub has answered a request. `seed` spreads retries.
pub fn answered(lease: &mut Lease, said: Said, now: Timestamp, seed: u64) {
    // It asked us back before it answered.
    if lease.failures == 0 {
        return;
    }
    let is_last =
        lease.asked.is_some_and(|(intent, _)| intent == Intent::Unsubscribe) && lease.failures >= FAREWELLS;
    let (wait, error) = match said {
        Said::Accepted => (PATIENCE.saturating_mul(1 << (lease.failures - 1).min(8)).min(DAY), None),
        Said::Refused(reason) => (DAY, Some(reason)),
        Said::Later(after, reason) => {
            (backoff::delay(lease.failures, seed).max(after.unwrap_or_default()), Some(reason))
        }
    };
    lease.error = error.map(|reason| readable(&reason, lease));
    lease.next = Some(now.plus(wait)).filter(|_| !is_last);
}

/// The hub tells something at our callback. True when that is an answer to what we asked, so that it is confirmed.
fn told(lease: &mut Lease, is_left: bool, told: Told, now: Timestamp) -> bool {
    let asked = lease.asked.filter(|(_, at)| now <= at.plus(PATIENCE)).map(|(intent, _)| intent);
    match told {
        Told::Verify(Intent::Subscribe, seconds) if asked == Some(Intent::Subscribe) && !is_left => {
            let granted = seconds.map_or(ASKED, Duration::from_secs).min(LONGEST);
            lease.until = Some(now.plus(granted));
            lease.next = Some(now.plus((granted * 4 / 5).max(SHORTEST_RENEWAL)));
            lease.failures = 0;
            lease.error = None;
            true
        }
        Told::Verify(Intent::Unsubscribe, _) if asked == Some(Intent::Unsubscribe) && is_left => {
            lease.next = None;
            lease.failures = 0;
            lease.error = None;
            true
        }
        Told::Verify(..) => false,
        Told::Denied(reason) => {
            lease.until = None;
            lease.next = Some(now.plus(DAY)).filter(|_| !is_left);
            lease.error = Some(readable(&format!("denied: {reason}"), lease));
            true
        }
    }
}

/// Spreads the retries of different subscriptions.
pub fn seed(lease: &Lease) -> u64 {
    lease.token.0.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// A hub's words for people: short, in one line, and without our secrets, which it may repeat.
pub fn readable(reason: &str, lease: &Lease) -> String {
    let mut text = reason.to_owned();
    for secret in [&lease.token, &lease.secret] {
        if let Some(secret) = std::str::from_utf8(&secret.0).ok().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "…");
        }
    }
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Following;

    const HOUR: i64 = 3600;
    const DAYS: i64 = 24 * HOUR;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn wanted(hub: &str) -> Wanted {
        let advert = Advert { hub: hub.to_owned(), topic: "https://a.vn/feed".to_owned() };
        Wanted { advert, base: "https://tin.example.vn".to_owned(), allow_private: false }
    }

    fn secrets() -> Option<(Hidden, Hidden)> {
        Some((Hidden(b"token".to_vec()), Hidden(b"secret".to_vec())))
    }

    fn leases(following: &mut Following) -> Leases<'_> {
        Leases { lease: &mut following.lease, left: &mut following.left }
    }

    fn fitted(following: &mut Following, wanted: Option<Wanted>, second: i64) -> bool {
        leases(following).settle(wanted, at(second), secrets)
    }

    /// A source whose subscription was asked for at 0.
    fn asking() -> Following {
        let mut following = Following::new("quan1".parse().unwrap());
        assert!(fitted(&mut following, Some(wanted("https://h/")), 0));
        let lease = following.lease.as_mut().unwrap();
        assert_eq!((lease.next, lease.asked), (Some(at(0)), None));
        begin(lease, Intent::Subscribe, at(0));
        following
    }

    fn lease(following: &mut Following) -> &mut Lease {
        following.lease.as_mut().unwrap()
    }

    #[test]
    fn a_lease_is_renewed_at_four_fifths() {
        for (seconds, until, renewal) in [
            (Some(1000), 1000, 800),
            (Some(10), 10, 300),
            (Some(0), 0, 300),
            (None, 10 * DAYS, 8 * DAYS),
            (Some(u64::MAX), 90 * DAYS, 72 * DAYS),
        ] {
            let mut following = asking();
            let lease = lease(&mut following);
            assert!(told(lease, false, Told::Verify(Intent::Subscribe, seconds), at(0)));
            assert_eq!((lease.until, lease.next, lease.failures), (Some(at(until)), Some(at(renewal)), 0));
            answered(lease, Said::Later(None, "late".to_owned()), at(1), 0);
            assert_eq!(lease.next, Some(at(renewal)), "it asked back before it answered");
        }
    }

    #[test]
    fn only_what_was_asked_is_confirmed_and_only_for_a_while() {
        let check = |is_left: bool, asked: Intent, told_intent: Intent, second: i64, expected: bool| {
            let mut following = asking();
            begin(lease(&mut following), asked, at(0));
            let before = lease(&mut following).clone();
            let verify = Told::Verify(told_intent, Some(1000));
            assert_eq!(told(lease(&mut following), is_left, verify, at(second)), expected);
            assert_eq!(*lease(&mut following) == before, !expected);
        };
        check(false, Intent::Subscribe, Intent::Subscribe, HOUR, true);
        check(false, Intent::Subscribe, Intent::Subscribe, HOUR + 1, false);
        check(false, Intent::Subscribe, Intent::Unsubscribe, 0, false);
        check(true, Intent::Subscribe, Intent::Subscribe, 0, false);
        check(true, Intent::Unsubscribe, Intent::Unsubscribe, 0, true);
        check(true, Intent::Unsubscribe, Intent::Subscribe, 0, false);
        check(false, Intent::Unsubscribe, Intent::Unsubscribe, 0, false);
        let mut fresh = asking();
        lease(&mut fresh).asked = None;
        assert!(!told(lease(&mut fresh), false, Told::Verify(Intent::Subscribe, None), at(0)));
    }

    #[test]
    fn hubs_that_fail_are_asked_more_and_more_seldom_and_those_that_refuse_after_a_day() {
        let check = |said: &Said, n_times: usize, least: i64, most: i64| {
            let mut following = asking();
            let lease = lease(&mut following);
            for _ in 1..n_times {
                begin(lease, Intent::Subscribe, at(0));
            }
            answered(lease, said.clone(), at(0), 7);
            let next = lease.next.unwrap();
            assert!(at(least) <= next && next <= at(most), "{said:?} {n_times}: {next}");
        };
        let later = |after: Option<u64>| Said::Later(after.map(Duration::from_secs), "503".to_owned());
        check(&later(None), 1, 45, 60);
        check(&later(None), 3, 180, 240);
        check(&later(None), 50, 4 * HOUR, 6 * HOUR);
        check(&later(Some(7200)), 1, 7200, 7200);
        check(&Said::Refused("no".to_owned()), 1, DAYS, DAYS);
        check(&Said::Accepted, 1, HOUR, HOUR);
        check(&Said::Accepted, 3, 4 * HOUR, 4 * HOUR);
        check(&Said::Accepted, 99, DAYS, DAYS);
        let mut following = asking();
        let lease = lease(&mut following);
        assert!(told(lease, false, Told::Verify(Intent::Subscribe, Some(1000)), at(0)));
        assert!(told(lease, false, Told::Denied("too\nmany token".to_owned()), at(9)));
        assert_eq!((lease.until, lease.next), (None, Some(at(DAYS + 9))));
        assert_eq!(lease.error.as_deref(), Some("denied: too many …"));
    }

    #[test]
    fn what_is_not_wanted_any_more_is_left_and_forgotten_when_it_is_over() {
        let mut following = asking();
        assert!(told(lease(&mut following), false, Told::Verify(Intent::Subscribe, Some(1000)), at(0)));
        assert!(!fitted(&mut following, Some(wanted("https://h/")), 5), "it fits");
        assert!(fitted(&mut following, Some(wanted("https://other/")), 10), "another hub");
        assert_eq!(lease(&mut following).advert.hub, "https://other/");
        assert!(fitted(&mut following, None, 20));
        assert_eq!((&following.lease, following.left.len()), (&None, 1), "the second was never asked for");
        let old = &mut following.left[0];
        for n in 1..=3 {
            assert!(old.next.is_some(), "{n}");
            begin(old, Intent::Unsubscribe, at(20));
            answered(old, Said::Later(None, "down".to_owned()), at(20), 0);
        }
        assert_eq!(old.next, None, "best effort");
        assert!(!fitted(&mut following, None, DAYS + 999), "a push would be answered 410");
        assert!(fitted(&mut following, None, DAYS + 1000));
        assert_eq!(following.left, []);
    }

    #[test]
    fn a_lease_that_is_over_promises_nothing() {
        let mut following = asking();
        assert!(told(lease(&mut following), false, Told::Verify(Intent::Subscribe, Some(1000)), at(0)));
        assert!(!fitted(&mut following, Some(wanted("https://h/")), 999));
        assert!(fitted(&mut following, Some(wanted("https://h/")), 1000));
        assert_eq!(
            (following.until(), lease(&mut following).next),
            (None, Some(at(800))),
            "it is asked for still"
        );
    }

    #[test]
    fn without_secrets_nothing_is_begun() {
        let mut following = Following::new("quan1".parse().unwrap());
        assert!(!leases(&mut following).settle(Some(wanted("https://h/")), at(0), || None));
        assert!(!leases(&mut following).settle(None, at(0), secrets));
        for n in 0..20 {
            fitted(&mut following, Some(wanted(&format!("https://h/{n}"))), n);
            begin(lease(&mut following), Intent::Subscribe, at(n));
        }
        assert_eq!(following.left.len(), MOST_LEFT);
    }
}
