//! What an attempt's answer means for the delivery and for the endpoint. Pure.

use std::time::Duration;

use super::{PING, hub};
use crate::model::{Delivery, Outcome, State, Subscription, SubscriptionId, Timestamp};

/// The longest hold that an endpoint may ask for.
const MAX_HOLD: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two attempts to an endpoint that fails again and again: its backlog waits, it is not hammered with it.
const PACE: Duration = Duration::from_secs(5);
/// The longest such time.
const MAX_PACE: Duration = Duration::from_secs(60 * 60);
/// So many times a mail server has to say that there is no such mailbox before that is believed.
const UNKNOWN: u32 = 3;
/// How much a clock may be trimmed.
const TRIM: Duration = Duration::from_secs(60 * 60);
/// Characters of an error that are kept.
const MAX_ERROR: usize = 300;

/// What came back from an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It answered.
    Status {
        /// With this code.
        code: u16,
        /// And does not want to be asked before.
        retry_after: Option<Timestamp>,
    },
    /// A mail server answered so for this recipient (RFC 5321, section 4.2).
    Mail {
        /// With this code.
        code: u16,
        /// Does it say that there is no such mailbox?
        is_unknown: bool,
        /// In these words.
        said: String,
    },
    /// It did not: why.
    Nothing(String),
}

/// The parts of the settings that decide.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policy {
    /// Delays before each attempt, the first included.
    pub schedule: Vec<Duration>,
    /// How far a delay may stray: 0.2 is ±20 %.
    pub jitter: f64,
    /// An endpoint that only failed for this long is disabled.
    pub disable_after: Duration,
}

impl Policy {
    /// What becomes of the delivery, and what the subscription's state is then. A ping has no row of which anything
    /// could become: it is asked again until it is confirmed.
    pub(super) fn decide(
        &self,
        delivery: &Delivery,
        subscription: &Subscription,
        answer: &Answer,
        now: Timestamp,
    ) -> (Outcome, Subscription) {
        let (mut next, is_ping) = (subscription.clone(), delivery.seq == PING);
        let Some(error) = complaint(answer) else {
            if !is_ping {
                next.delivered = next.delivered.max(Some(delivery.seq));
            }
            next.verified.get_or_insert(now);
            (next.hold_until, next.failing_since, next.last_error) = (None, None, None);
            return (Outcome::Delivered, next);
        };
        // A subscriber of the hub is told until its lease ends, however often it fails, and less and less often.
        let is_lease = hub::lease(subscription).is_some();
        let is_first = next.failing_since.is_none();
        let since = *next.failing_since.get_or_insert(now);
        let pace = now.plus(pace(is_lease || is_ping, since, now));
        let retry = if is_ping { Some(pace) } else { self.retry(delivery, is_lease, now) };
        let rest = (is_ping || !is_first).then_some(pace);
        next.hold_until = hold(answer, retry, now).max(rest).or(next.hold_until);
        if next.state == State::Active
            && !is_lease
            && let Some(reason) =
                unknown(answer, delivery, &error).or_else(|| self.why_disable(answer, since, now, &error))
        {
            next.state = State::Disabled { reason };
        }
        next.last_error = Some(error);
        let outcome = match retry {
            _ if is_ping => Outcome::Dropped,
            Some(due) => Outcome::Retry { due: next.hold_until.map_or(due, |hold| hold.max(due)) },
            None => Outcome::Parked,
        };
        (outcome, next)
    }

    /// When a delivery is due at an endpoint that does not want to be asked before `hold`. What lies further away than any
    /// delay or hold can put it was written when the clock was wrong: it is due now.
    pub(super) fn ready(&self, delivery: &Delivery, hold: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let longest = self.schedule.iter().max().copied().unwrap_or_default();
        let longest =
            Duration::try_from_secs_f64(longest.as_secs_f64() * (1.0 + self.jitter)).unwrap_or(longest);
        let last = now.plus(longest.max(MAX_HOLD)).plus(TRIM);
        [Some(delivery.due), hold].into_iter().flatten().filter(|at| *at <= last).max().unwrap_or(now)
    }

    /// When the next attempt is due; `None` after the last.
    fn retry(&self, delivery: &Delivery, is_lease: bool, now: Timestamp) -> Option<Timestamp> {
        let attempt = delivery.attempt.saturating_add(1);
        let last = self.schedule.last().filter(|_| is_lease);
        let delay = *self.schedule.get(usize::try_from(attempt).ok()?).or(last)?;
        let stretch = self.stretch(&delivery.subscription, delivery.seq.0, attempt);
        // A delay beyond what can be counted stays as it is.
        Some(now.plus(Duration::try_from_secs_f64(delay.as_secs_f64() * stretch).unwrap_or(delay)))
    }

    /// Between 1 - jitter and 1 + jitter; the same for the same attempt, so that a restart changes nothing.
    fn stretch(&self, subscription: &SubscriptionId, seq: u64, attempt: u32) -> f64 {
        let hash = blake3::hash(format!("{subscription} {seq} {attempt}").as_bytes());
        let [first, second, ..] = *hash.as_bytes();
        let unit = f64::from(u16::from_be_bytes([first, second])) / f64::from(u16::MAX);
        1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * unit - 1.0)
    }

    fn why_disable(&self, answer: &Answer, since: Timestamp, now: Timestamp, error: &str) -> Option<String> {
        if matches!(answer, Answer::Status { code: 410, .. }) {
            return Some("it answered 410: it does not want to be told any more".to_owned());
        }
        (now.since(since) >= self.disable_after)
            .then(|| format!("every attempt since {since} failed; the last one: {error}"))
    }
}

/// Why nobody writes to a mailbox any more that does not exist: said once, it may be a mistake of its server.
fn unknown(answer: &Answer, delivery: &Delivery, error: &str) -> Option<String> {
    let is_unknown = matches!(answer, Answer::Mail { is_unknown: true, .. });
    (is_unknown && delivery.attempt.saturating_add(1) >= UNKNOWN)
        .then(|| format!("there is no such mailbox; {error}"))
}

/// Between two attempts to an endpoint that has failed since then. What comes again and again, as news of a feed and pings
/// do, is said less and less often, at most hourly in the end.
fn pace(is_repeated: bool, since: Timestamp, now: Timestamp) -> Duration {
    if is_repeated { (now.since(since) / 10).clamp(PACE, MAX_PACE) } else { PACE }
}

/// What went wrong, in a sentence; `None` when nothing did. Only 2xx confirms: a redirect is not followed.
pub(super) fn complaint(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Status { code: 200..=299, .. } | Answer::Mail { code: 200..=299, .. } => None,
        Answer::Status { code: code @ 300..=399, .. } => {
            Some(format!("it answered {code}: redirects are not followed, give the final address"))
        }
        Answer::Status { code, .. } => Some(format!("it answered {code}")),
        Answer::Mail { code, said, .. } => {
            let why = format!("the mail server answered {code}: {said}");
            Some(why.chars().take(MAX_ERROR).collect())
        }
        Answer::Nothing(why) => Some(why.chars().take(MAX_ERROR).collect()),
    }
}

/// Until when the whole endpoint is left alone: as it asked, or until the retry when it said "too much".
fn hold(answer: &Answer, retry: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    match answer {
        Answer::Status { retry_after: Some(until), .. } => Some((*until).clamp(now, now.plus(MAX_HOLD))),
        Answer::Status { code: 429 | 502..=504, .. } | Answer::Mail { code: 400..=499, .. } => {
            Some(retry.unwrap_or(now.plus(MAX_HOLD)))
        }
        Answer::Status { .. } | Answer::Mail { .. } | Answer::Nothing(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Seq,
        push::testing::{NOW, subscription},
    };

    fn policy() -> Policy {
        Policy {
            schedule: [0, 5, 300, 1800].map(Duration::from_secs).to_vec(),
            jitter: 0.0,
            disable_after: Duration::from_secs(1000),
        }
    }

    fn delivery(attempt: u32) -> Delivery {
        Delivery { subscription: "hook".parse().unwrap(), due: NOW, seq: Seq(4), attempt }
    }

    fn status(code: u16) -> Answer {
        Answer::Status { code, retry_after: None }
    }

    fn seconds(n: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(n))
    }

    #[test]
    fn what_becomes_of_a_delivery() {
        fn check(attempt: u32, answer: &Answer, expected: &Outcome) {
            let (outcome, _) = policy().decide(&delivery(attempt), &subscription("hook"), answer, NOW);
            assert_eq!(outcome, *expected, "{attempt} {answer:?}");
        }
        for code in [200, 201, 202, 204, 299] {
            check(0, &status(code), &Outcome::Delivered);
        }
        for code in [100, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 502, 503, 504] {
            check(0, &status(code), &Outcome::Retry { due: seconds(5) });
        }
        let silence = Answer::Nothing("no answer within 20 s".into());
        check(0, &silence, &Outcome::Retry { due: seconds(5) });
        check(1, &silence, &Outcome::Retry { due: seconds(300) });
        check(2, &silence, &Outcome::Retry { due: seconds(1800) });
        check(3, &silence, &Outcome::Parked);
        check(u32::MAX, &silence, &Outcome::Parked);
        let asked = |until| Answer::Status { code: 503, retry_after: Some(until) };
        check(0, &asked(seconds(60)), &Outcome::Retry { due: seconds(60) });
        check(1, &asked(seconds(60)), &Outcome::Retry { due: seconds(300) });
        check(0, &asked(seconds(864_000)), &Outcome::Retry { due: seconds(86_400) });
        check(0, &asked(Timestamp::from_second(0)), &Outcome::Retry { due: seconds(5) });
    }

    #[test]
    fn only_what_asks_for_patience_holds_the_endpoint() {
        fn check(answer: &Answer, expected: Option<Timestamp>) {
            let (_, next) = policy().decide(&delivery(0), &subscription("hook"), answer, NOW);
            assert_eq!(next.hold_until, expected, "{answer:?}");
        }
        for code in [429, 502, 503, 504] {
            check(&status(code), Some(seconds(5)));
        }
        for code in [400, 410, 500, 501] {
            check(&status(code), None);
        }
        check(&Answer::Nothing("refused".into()), None);
        check(&Answer::Status { code: 500, retry_after: Some(seconds(9)) }, Some(seconds(9)));
    }

    #[test]
    fn an_endpoint_that_fails_again_is_asked_less_often() {
        let healthy = subscription("hook");
        let (_, once) = policy().decide(&delivery(0), &healthy, &status(400), NOW);
        assert_eq!(once.hold_until, None, "one event that it cannot take does not stop the others");
        let (_, twice) = policy().decide(&delivery(0), &once, &Answer::Nothing("refused".into()), seconds(1));
        assert_eq!(twice.hold_until, Some(seconds(6)));
        let asked = Answer::Status { code: 503, retry_after: Some(seconds(90)) };
        let (_, asked) = policy().decide(&delivery(0), &twice, &asked, seconds(7));
        assert_eq!(asked.hold_until, Some(seconds(90)), "its own word weighs more");
    }

    #[test]
    fn failing_is_remembered_and_success_forgets_it() {
        let (_, failing) = policy().decide(&delivery(0), &subscription("hook"), &status(503), NOW);
        assert_eq!(failing.failing_since, Some(NOW));
        assert_eq!(failing.last_error.as_deref(), Some("it answered 503"));
        let (_, still) = policy().decide(&delivery(1), &failing, &status(500), seconds(10));
        assert_eq!(still.failing_since, Some(NOW));
        let (_, healthy) = policy().decide(&delivery(2), &still, &status(204), seconds(20));
        let verified = Some(seconds(20));
        assert_eq!(healthy, Subscription { delivered: Some(Seq(4)), verified, ..subscription("hook") });
    }

    #[test]
    fn a_ping_is_asked_again_until_it_is_confirmed() {
        let ping = Delivery { seq: PING, ..delivery(0) };
        let (outcome, refused) = policy().decide(&ping, &subscription("hook"), &status(500), NOW);
        assert_eq!(
            (outcome, refused.hold_until, refused.verified),
            (Outcome::Dropped, Some(seconds(5)), None)
        );
        let (_, later) = policy().decide(&ping, &refused, &status(404), seconds(500));
        assert_eq!(later.hold_until, Some(seconds(550)));
        let (_, asked) = policy().decide(&ping, &subscription("hook"), &status(429), NOW);
        assert_eq!(asked.hold_until, Some(seconds(5)));
        let (_, gone) = policy().decide(&ping, &later, &status(500), seconds(1000));
        assert!(matches!(gone.state, State::Disabled { .. }));
        let (outcome, there) = policy().decide(&ping, &later, &status(204), seconds(550));
        assert_eq!(outcome, Outcome::Delivered);
        assert_eq!(there, Subscription { verified: Some(seconds(550)), ..subscription("hook") });
    }

    #[test]
    fn gone_and_days_of_failures_disable() {
        let (outcome, gone) = policy().decide(&delivery(0), &subscription("hook"), &status(410), NOW);
        assert!(matches!(&gone.state, State::Disabled { reason } if reason.contains("410")));
        assert_eq!(outcome, Outcome::Retry { due: seconds(5) }, "its deliveries wait");

        let failing = Subscription { failing_since: Some(NOW), ..subscription("hook") };
        let (_, early) = policy().decide(&delivery(1), &failing, &status(500), seconds(999));
        assert_eq!(early.state, State::Active);
        let (_, late) = policy().decide(&delivery(1), &failing, &status(500), seconds(1000));
        assert!(matches!(&late.state, State::Disabled { reason } if reason.contains("it answered 500")));

        let paused = Subscription { state: State::Paused, ..failing };
        let (_, paused) = policy().decide(&delivery(1), &paused, &status(410), seconds(1000));
        assert_eq!(paused.state, State::Paused, "its owner's word stands");
    }

    #[test]
    fn a_mailbox_that_is_not_there_is_believed_the_third_time() {
        let said = |code, is_unknown| Answer::Mail { code, is_unknown, said: "no".into() };
        let decide = |attempt, answer: &Answer| {
            policy().decide(&delivery(attempt), &subscription("mail"), answer, NOW)
        };
        assert_eq!(decide(0, &said(250, false)).0, Outcome::Delivered);
        for (attempt, expected) in [(0, State::Active), (1, State::Active)] {
            assert_eq!(decide(attempt, &said(550, true)).1.state, expected, "{attempt}");
        }
        let (outcome, gone) = decide(2, &said(550, true));
        assert!(matches!(&gone.state, State::Disabled { reason } if reason.contains("no such mailbox")));
        assert_eq!(outcome, Outcome::Retry { due: seconds(1800) }, "its deliveries wait");
        let (_, refused) = decide(2, &said(554, false));
        assert_eq!((refused.state, refused.hold_until), (State::Active, None));
        assert_eq!(refused.last_error.as_deref(), Some("the mail server answered 554: no"));
        let (_, later) = decide(0, &said(450, false));
        assert_eq!(later.hold_until, Some(seconds(5)), "it asked for patience");
    }

    #[test]
    fn what_a_wrong_clock_has_put_off_is_due_now() {
        let policy = Policy { jitter: 0.2, ..policy() };
        let due = |seconds_away, hold: Option<u64>| {
            let row = Delivery { due: seconds(seconds_away), ..delivery(0) };
            policy.ready(&row, hold.map(seconds), NOW)
        };
        let (day, year) = (86_400, 86_400 * 365);
        assert_eq!(due(1800, None), seconds(1800));
        assert_eq!(due(60, Some(1800)), seconds(1800));
        assert_eq!(due(day, None), seconds(day), "as far as a hold can put it");
        assert_eq!(due(60, Some(year)), seconds(60));
        assert_eq!(due(year, Some(1800)), seconds(1800));
        assert_eq!(due(year, Some(year)), NOW);
        let forever = Policy { schedule: vec![Duration::MAX; 2], ..policy.clone() };
        assert_eq!(
            forever.ready(&Delivery { due: Timestamp::MAX, ..delivery(0) }, None, NOW),
            Timestamp::MAX
        );
    }

    #[test]
    fn jitter_stays_in_its_bounds_differs_and_repeats_itself() {
        let policy = Policy { jitter: 0.2, ..policy() };
        let stretches: Vec<f64> =
            (0..200).map(|seq| policy.stretch(&"hook".parse().unwrap(), seq, 1)).collect();
        assert!(stretches.iter().all(|stretch| (0.8..=1.2).contains(stretch)));
        assert!(stretches.iter().any(|s| *s < 0.85) && stretches.iter().any(|s| *s > 1.15));
        assert!((policy.stretch(&"hook".parse().unwrap(), 7, 1) - stretches[7]).abs() < f64::EPSILON);
        let forever = Policy { schedule: vec![Duration::MAX; 2], ..policy };
        assert_eq!(forever.retry(&delivery(0), false, NOW), Some(Timestamp::MAX));
    }
}
