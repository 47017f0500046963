//! Mail: subscribers at `mailto:` addresses, who are told at once or once a day.
//!
//! ```text
//! queue (store) ──▶ postman ──▶ render ──▶ session ──▶ the operator's mail server
//!    due times      one lane,   templates   SMTP
//!                   one rate
//! ```
//!
//! A subscription of the API gets one mail, which asks whether its address wants this (`consent`), and nothing else until
//! somebody there says so. Links in mails hold a code that is made of the subscription's own secret (`link`), so that those
//! of old mails work as long as the subscription does. Trouble with the mail server is nobody's fault but the server's:
//! everybody waits, nobody's attempts are counted.

pub mod address;
mod consent;
mod digest;
pub mod link;
mod postman;
mod render;
pub mod server;
mod session;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::message::Mailbox;
use tokio::sync::Notify;

use super::{policy::Answer, webhook::Heard};
use crate::model::{Channel, Language, Mailing, SourceId, Subscription, SubscriptionId, Timestamp};

pub use consent::Wish;

pub(super) use render::{Letter, Notice, Sender};

use server::Server;

/// The time over which mails are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// How long a mail server in trouble is left alone, at first and at most.
const PAUSE: Duration = Duration::from_secs(30);
const MAX_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How mails are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Who takes them.
    pub server: Server,
    /// From whom they are.
    pub from: Mailbox,
    /// To whom answers go, where that is not the sender.
    pub reply_to: Option<Mailbox>,
    /// Time for one step of the conversation with the server.
    pub timeout: Duration,
    /// The most mails in a minute.
    pub rate: usize,
    /// What subscribers are told in who do not say it.
    pub language: Language,
    /// The time zone of digests that do not say theirs: a name of the IANA database.
    pub zone: String,
    /// The most articles that a digest shows.
    pub max_items: usize,
    /// How long a subscription waits for being confirmed.
    pub confirm_within: Duration,
    /// One address is asked at most once in this time whether it wants mails.
    pub confirm_every: Duration,
    /// A file of additional trusted root certificates, PEM.
    pub ca_file: Option<PathBuf>,
    /// What people call the sources.
    pub names: BTreeMap<SourceId, String>,
}

/// What the room knows of mails beside the subscriptions.
#[derive(Debug, Default)]
pub(super) struct Mails {
    touched: Mutex<BTreeSet<SubscriptionId>>,
    work: Notify,
    pace: Mutex<Pace>,
    /// When addresses were last asked, also for subscriptions that are gone.
    asked: Mutex<BTreeMap<String, Timestamp>>,
}

/// When the next mail may go out.
#[derive(Debug, Default)]
struct Pace {
    /// The mails of the last minute.
    sent: VecDeque<Timestamp>,
    trouble: Option<Trouble>,
}

/// The mail server takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trouble {
    since: Timestamp,
    failures: u32,
    until: Timestamp,
}

impl Mails {
    /// Tells the postman to look at this subscription.
    pub(super) fn touch(&self, id: &SubscriptionId) {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        self.work.notify_one();
    }

    fn touched(&self) -> BTreeSet<SubscriptionId> {
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the next mail may go out, as far as the rate and the server are concerned.
    pub(super) fn not_before(&self, rate: usize, now: Timestamp) -> Timestamp {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).not_before(rate, now)
    }

    fn sent(&self, now: Timestamp) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.sent.push_back(now);
        metrics::gauge!("loa_mail_server_up").set(1.0);
        if let Some(Trouble { since, failures, .. }) = pace.trouble.take() {
            tracing::info!(%since, failures, "the mail server takes mails again");
        }
    }

    /// Notes that the server took nothing, and says when it is asked again.
    fn failed(&self, why: &str, now: Timestamp) -> Timestamp {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let before = pace.trouble;
        let trouble = Trouble::after(before, now);
        pace.trouble = Some(trouble);
        metrics::gauge!("loa_mail_server_up").set(0.0);
        metrics::counter!("loa_mails_total", "result" => "waits").increment(1);
        let Trouble { since, failures, until } = trouble;
        tracing::warn!(why, %since, failures, %until, "the mail server takes no mails: all wait");
        until
    }

    /// Forgets the trouble: another server may be meant now.
    pub(super) fn forgive(&self) {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).trouble = None;
        self.work.notify_one();
    }
}

impl Pace {
    fn not_before(&mut self, rate: usize, now: Timestamp) -> Timestamp {
        while self.sent.front().is_some_and(|at| at.plus(MINUTE) <= now) {
            self.sent.pop_front();
        }
        // The one that has to be a minute old before there is room for one more.
        let full = self.sent.len().checked_sub(rate.max(1)).and_then(|n| self.sent.get(n));
        let room = full.map(|at| at.plus(MINUTE));
        let healthy = self.trouble.map(|trouble| trouble.until);
        room.max(healthy).unwrap_or(now).max(now)
    }
}

impl Trouble {
    /// One failure more: the pauses double up to the longest one.
    fn after(before: Option<Self>, now: Timestamp) -> Self {
        let failures = before.map_or(0, |trouble| trouble.failures);
        let pause = PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(MAX_PAUSE);
        Self {
            since: before.map_or(now, |trouble| trouble.since),
            failures: failures.saturating_add(1),
            until: now.plus(pause),
        }
    }
}

/// What there is to say of a mail that could not even be tried.
pub(super) fn not_sent(at: Timestamp, why: String) -> Heard {
    Heard { at, took: Duration::ZERO, answer: Answer::Nothing(why), words: String::new() }
}

/// What mails to a subscription are like, where it is told by mail.
pub fn mailing(subscription: &Subscription) -> Option<&Mailing> {
    match &subscription.channel {
        Channel::Mail(mailing) => Some(mailing),
        Channel::Webhook(_) | Channel::WebSub { .. } => None,
    }
}

/// Is it told by mail, and has nobody said yet that mails are wanted there?
pub fn is_unconfirmed(subscription: &Subscription) -> bool {
    mailing(subscription).is_some() && subscription.verified.is_none()
}
