//! Telling the owner of a subscription, another way, that it is in trouble: that it was disabled, or that an event was given
//! up after its last attempt.
//!
//! Nothing is kept for this but the ledger: a notice is a line there like any attempt. It is due while the subscription is
//! disabled, or has parked deliveries, and the newest attempt at it that failed (was its last) is younger than the newest
//! notice of that. A crash
//! at any moment leaves that as it is, so a notice may come twice, and is never lost.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt, TryStreamExt,
    future::{Either, pending},
    stream,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Error, PING, Push, Settings,
    mail::{Letter, Notice, Sender, address, not_sent},
    policy::complaint,
    webhook::Heard,
};
use crate::{
    model::{Attempt, Channel, Delivery, Form, Outcome, Seq, State, Subscription, Timestamp},
    store::{self, Settled},
};

/// The numbers that notices have in the ledger: no event has them.
const DISABLED: Seq = Seq(u64::MAX);
const PARKED: Seq = Seq(u64::MAX - 1);
/// Given up events are told at most once in this time.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);
/// Lines of the ledger that are looked at at once, and at most.
const LINES: usize = 200;
const MOST_LINES: usize = 2_000;
/// Notices under way at once.
const AT_ONCE: usize = 4;

/// What the ledger says of notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    disabled: Kind,
    parked: Kind,
}

/// What it says of those of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kind {
    /// When the last one came through, or was given up.
    last: Option<Timestamp>,
    /// The newest attempt since then that speaks for another one.
    trigger: Option<Timestamp>,
    /// Attempts at that one, and when the next is due.
    tried: u32,
    again: Option<Timestamp>,
}

/// A notice that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    /// Its number.
    seq: Seq,
    /// What happened then makes it due.
    since: Timestamp,
    /// Not before this instant.
    at: Timestamp,
    /// The how manieth attempt it is, from 1.
    number: u32,
}

/// Is this the number of a notice?
pub fn is_notice(seq: Seq) -> bool {
    matches!(seq, DISABLED | PARKED)
}

impl Kind {
    /// An attempt that failed; what is older than the last notice was told by it.
    fn failed(&mut self, at: Timestamp) {
        if self.last.is_none() {
            self.trigger = self.trigger.or(Some(at));
        }
    }

    /// An attempt at a notice.
    fn notice(&mut self, line: &Attempt) {
        match (&line.outcome, self.last) {
            (_, Some(_)) => {}
            (Outcome::Retry { due }, None) => {
                self.tried = self.tried.max(line.number);
                self.again = self.again.max(Some(*due));
            }
            _ => self.last = Some(line.at),
        }
    }

    fn due(&self, seq: Seq, quiet: Duration) -> Option<Due> {
        let since = self.trigger?;
        let earliest = self.last.map_or(since, |last| last.plus(quiet).max(since));
        Some(Due {
            seq,
            since,
            at: earliest.max(self.again.unwrap_or(since)),
            number: self.tried.saturating_add(1),
        })
    }
}

impl Told {
    /// One line more, older than those before.
    fn read(&mut self, line: &Attempt) {
        match line.seq {
            DISABLED => {
                self.disabled.notice(line);
                // It says what was given up, too.
                if self.parked.last.is_none() {
                    self.parked.last = self.disabled.last;
                }
            }
            PARKED => self.parked.notice(line),
            PING => {}
            _ if line.error.is_some() => {
                self.disabled.failed(line.at);
                if line.outcome == Outcome::Parked {
                    self.parked.failed(line.at);
                }
            }
            _ => {}
        }
    }

    fn due(&self, state: &State) -> Option<Due> {
        match state {
            State::Disabled { .. } => self.disabled.due(DISABLED, Duration::ZERO),
            State::Active | State::Paused => self.parked.due(PARKED, QUIET),
        }
    }
}

impl Due {
    fn what(&self) -> &'static str {
        if self.seq == DISABLED { "disabled" } else { "parked" }
    }
}

impl Push {
    /// Tells owners of trouble, until `stop`.
    pub async fn tell_owners(&self, stop: CancellationToken) -> store::Result<()> {
        while !stop.is_cancelled() {
            // One that is left halfway is still due.
            let Some(next) = stop.run_until_cancelled(self.tell_owners_once()).await else { break };
            let clock = match next? {
                Some(at) => Either::Left(self.clock.sleep_until(at)),
                None => Either::Right(pending()),
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.trouble.notified() => {}
                () = clock => {}
            }
        }
        Ok(())
    }

    /// Sends the notices that are due, and says when the next one is.
    async fn tell_owners_once(&self) -> store::Result<Option<Timestamp>> {
        let tell = async |subscription: Arc<Subscription>| match self.notice_due(&subscription).await? {
            Some(due) if due.at <= self.clock.now() => self.notify(&subscription, due).await,
            later => Ok(later.map(|due| due.at)),
        };
        let owned = self.book().await?.all().into_iter().filter(|one| one.owner.is_some());
        let told = stream::iter(owned.map(tell)).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>();
        Ok(told.await?.into_iter().flatten().min())
    }

    /// Is a notice due that can be sent now?
    pub(super) async fn has_notices(&self, now: Timestamp, mails_wait: bool) -> store::Result<bool> {
        for subscription in self.book().await?.all() {
            let waits = mails_wait && subscription.owner.as_deref().is_some_and(address::is_mailto);
            if !waits && self.notice_due(&subscription).await?.is_some_and(|due| due.at <= now) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn notice_due(&self, subscription: &Subscription) -> store::Result<Option<Due>> {
        if subscription.owner.is_none() {
            return Ok(None);
        }
        let id = &subscription.id;
        let is_disabled = matches!(subscription.state, State::Disabled { .. });
        if !is_disabled && self.store.parked(id, 1).await?.is_empty() {
            return Ok(None);
        }
        let (mut told, mut before, mut n) = (Told::default(), None, 0);
        loop {
            let lines = self.store.attempts(id, before, LINES).await?;
            lines.iter().for_each(|line| told.read(line));
            n += lines.len();
            match lines.last() {
                Some(last) if told.disabled.last.is_none() && n < MOST_LINES => {
                    before = Some((last.at, last.seq));
                }
                _ => return Ok(told.due(&subscription.state)),
            }
        }
    }

    /// Sends a notice, and writes down what came of it; when to try again, where it has to be.
    async fn notify(&self, about: &Subscription, due: Due) -> store::Result<Option<Timestamp>> {
        let settings = self.settings.load_full();
        let owner = about.owner.as_deref().unwrap_or_default();
        let (is_mail, now) = (address::is_mailto(owner), self.clock.now());
        let ready = self.mail_not_before(now);
        if is_mail && ready > now {
            return Ok((ready < Timestamp::MAX).then_some(ready));
        }
        let notice = match self.notice(about, due).await {
            Ok(notice) => notice,
            Err(Error::Store(cause)) => return Err(cause),
            // It is gone, and with it what there was to say.
            Err(_) => return Ok(None),
        };
        let heard = if is_mail {
            self.mail_notice(&settings, about, owner, &notice).await
        } else {
            Ok(self.post_notice(about, owner, &notice).await)
        };
        let was_heard = heard.as_ref().is_ok_and(|heard| complaint(&heard.answer).is_none());
        if about.page.is_none() && !was_heard {
            // Nobody has the link that the notice had.
            let closed = self.change(&about.id, |changed| changed.page = None).await;
            if let Err(Error::Store(cause)) = closed {
                return Err(cause);
            }
        }
        let heard = match heard {
            Ok(heard) => heard,
            // The mail server's trouble is no attempt.
            Err(until) => return Ok(Some(until)),
        };
        let outcome = self.outcome(&settings, &heard, due);
        let again = if let Outcome::Retry { due } = &outcome { Some(*due) } else { None };
        tracing::info!(subscription = %about.id, what = due.what(), ?outcome, "its owner was told of trouble");
        metrics::counter!("loa_notices_total", "result" => word(&outcome)).increment(1);
        let line = heard.into_line(&about.id, due.seq, due.number, outcome.clone());
        let row = Delivery { subscription: about.id.clone(), due: line.at, seq: due.seq, attempt: 0 };
        // No such row is queued: only the line is written.
        self.store.settle(vec![Settled { attempt: Some(line), ..Settled::new(row, outcome) }]).await?;
        Ok(again)
    }

    fn outcome(&self, settings: &Settings, heard: &Heard, due: Due) -> Outcome {
        if complaint(&heard.answer).is_none() {
            return Outcome::Delivered;
        }
        let delay = usize::try_from(due.number).ok().and_then(|n| settings.schedule.get(n));
        delay.map_or(Outcome::Dropped, |delay| Outcome::Retry { due: self.clock.now().plus(*delay) })
    }

    async fn notice(&self, about: &Subscription, due: Due) -> Result<Notice, Error> {
        let standing = self.standing(&about.id).await?;
        let reason = match &about.state {
            State::Disabled { reason } => Some(reason.clone()),
            State::Active | State::Paused => None,
        };
        let id = &about.id;
        let mut commands = vec![if due.seq == DISABLED {
            format!("loa subscriptions resume {id}")
        } else {
            format!("loa subscriptions replay {id} --parked")
        }];
        // A new link would end the one that somebody has.
        if about.page.is_none() {
            commands.push(self.open_page(id).await?);
        }
        let (waiting, parked) = (standing.waiting, standing.parked);
        Ok(Notice { what: due.what(), reason, waiting, parked, commands, due: due.since })
    }

    /// By mail; when to try again where the mail server is in trouble.
    async fn mail_notice(
        &self,
        settings: &Settings,
        about: &Subscription,
        owner: &str,
        notice: &Notice,
    ) -> Result<Heard, Timestamp> {
        let wrong = |why: String| not_sent(self.clock.now(), why);
        let Some(sender) = Sender::of(settings) else {
            return Ok(wrong("no mails are sent from here".to_owned()));
        };
        let to = match address::of_mailto(owner) {
            Ok(to) => to,
            Err(why) => return Ok(wrong(why)),
        };
        let letter = Letter::notice(notice, about, sender.settings.language);
        match letter.addressed(to, (None, None), &sender, self.clock.now()) {
            Ok(mail) => {
                self.mail_heard(&mail, &sender).await.map_err(|_| self.mail_not_before(self.clock.now()))
            }
            Err(why) => Ok(wrong(why)),
        }
    }

    /// By a webhook, signed as the subscription's own are.
    async fn post_notice(&self, about: &Subscription, owner: &str, notice: &Notice) -> Heard {
        let Notice { what, reason, waiting, parked, commands, due } = notice;
        let body = json!({
            "type": format!("subscription.{what}"),
            "timestamp": due.to_string(),
            "data": {
                "subscription": about.id.as_str(),
                "reason": reason,
                "failing_since": about.failing_since.map(|at| at.to_string()),
                "last_error": about.last_error,
                "waiting": waiting,
                "parked": parked,
                "resume": commands,
            },
        });
        let there =
            Subscription { url: owner.to_owned(), channel: Channel::Webhook(Form::Native), ..about.clone() };
        let hex = blake3::hash(format!("{} {what} {}", about.id, due.as_millis()).as_bytes()).to_hex();
        let id = format!("msg_notice_{}", hex.chars().take(24).collect::<String>());
        self.post(&there, id, (body.to_string().into(), "")).await
    }
}

/// The owner that somebody names, in its normal form, if it can be told.
pub(super) fn check_owner(
    owner: Option<&str>,
    is_mail: bool,
    settings: &Settings,
) -> Result<Option<String>, Error> {
    let Some(owner) = owner else { return Ok(None) };
    let invalid = |message: String, hint: Option<&str>| Error::Invalid {
        field: "owner",
        message,
        hint: hint.map(str::to_owned),
    };
    if address::is_mailto(owner) {
        if settings.mail.is_none() {
            let hint = "set `mail.server` and `mail.from` (docs/mail.md), or write an `https:` address";
            return Err(invalid("no mails are sent from here".to_owned(), Some(hint)));
        }
        let to = address::of_mailto(owner)
            .map_err(|wrong| invalid(format!("this address cannot be used: {wrong}"), None))?;
        return Ok(Some(format!("{}{to}", address::SCHEME)));
    }
    if is_mail {
        let hint = "write `mailto:` and an address of mail";
        let message = "webhooks are signed with a secret, and a subscription by mail has none to share";
        return Err(invalid(message.to_owned(), Some(hint)));
    }
    match super::address::check(owner, settings) {
        Ok(url) => Ok(Some(url)),
        Err(Error::Invalid { message, hint, .. }) => Err(invalid(message, hint.as_deref())),
        Err(other) => Err(other),
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "failed",
        Outcome::Parked | Outcome::Dropped => "dropped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    fn line(seq: Seq, second: i64, outcome: Outcome) -> Attempt {
        let error = (outcome != Outcome::Delivered).then(|| "it answered 500".to_owned());
        Attempt {
            subscription: "hook".parse().unwrap(),
            seq,
            at: at(second),
            number: 1,
            took: Duration::ZERO,
            status: None,
            answer: String::new(),
            error,
            outcome,
        }
    }

    /// What the ledger, newest line first, makes due.
    fn due(lines: &[Attempt], state: &State) -> Option<(&'static str, i64, u32)> {
        let mut told = Told::default();
        lines.iter().for_each(|line| told.read(line));
        told.due(state).map(|due| (due.what(), due.at.as_second(), due.number))
    }

    #[test]
    fn the_ledger_says_what_an_owner_has_not_heard_yet() {
        let event = |second, outcome| line(Seq(7), second, outcome);
        let notice = |second, outcome| line(DISABLED, second, outcome);
        let told_parked = |second| line(PARKED, second, Outcome::Delivered);
        let retry = |second| Outcome::Retry { due: at(second) };
        let disabled = State::Disabled { reason: "410".into() };
        let (delivered, parked) = (|| Outcome::Delivered, || Outcome::Parked);

        assert_eq!(due(&[], &disabled), None, "nobody tried anything");
        assert_eq!(due(&[event(9, retry(20))], &State::Active), None, "it is only being tried again");
        assert_eq!(due(&[event(9, retry(20))], &disabled), Some(("disabled", 9, 1)));
        assert_eq!(due(&[notice(10, delivered()), event(9, retry(20))], &disabled), None, "it was heard");
        let refused = [notice(10, retry(15)), event(9, retry(20))];
        assert_eq!(due(&refused, &disabled), Some(("disabled", 15, 2)), "it was not");
        assert_eq!(due(&[notice(10, Outcome::Dropped), event(9, retry(20))], &disabled), None, "given up");
        let resumed = [event(30, retry(40)), notice(10, delivered()), event(9, retry(20))];
        assert_eq!(due(&resumed, &disabled), Some(("disabled", 30, 1)), "disabled again");
        let pinged = [line(PING, 30, Outcome::Dropped), notice(10, delivered())];
        assert_eq!(due(&pinged, &disabled), None, "a ping is no event");

        assert_eq!(due(&[event(9, parked())], &State::Active), Some(("parked", 9, 1)));
        assert_eq!(
            due(&[event(12, delivered()), event(9, parked())], &State::Active),
            Some(("parked", 9, 1))
        );
        let meanwhile = [told_parked(11), event(10, retry(40)), event(9, parked())];
        assert_eq!(due(&meanwhile, &disabled), Some(("disabled", 10, 1)), "that was another notice");
        let resumed = [notice(12, delivered()), event(11, retry(40)), event(9, parked())];
        assert_eq!(due(&resumed, &State::Active), None, "what was given up was told with it");
        let soon = [event(12, parked()), told_parked(10), event(9, parked())];
        assert_eq!(due(&soon, &State::Active), Some(("parked", 10 + 86_400, 1)), "not twice a day");
    }
}
