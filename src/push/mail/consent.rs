//! Whether an address wants mails: asked once, by a mail with a link behind which a button says so (double opt-in).
//! Opening a link changes nothing, as programs that look through mails open all of them.

use std::sync::{Arc, PoisonError};

use super::{
    Settings, address, is_unconfirmed,
    link::{self, Purpose},
    mailing, not_sent,
    render::{Letter, Sender},
    session::Trouble,
};
use crate::{
    model::{Channel, Daily, Language, Mailing, Seq, Subscription, SubscriptionId, Timestamp},
    push::{
        Added, Error, NewSubscription, Push, Start,
        address::has_room,
        notice,
        policy::complaint,
        sign::{self, Scheme},
        subscription::mint,
        webhook::Heard,
    },
    store,
};

/// The most addresses of which we remember when they were asked.
const ASKED: usize = 10_000;

/// What somebody who wants mails says about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The time of a daily digest: `18:00`.
    pub digest: Option<String>,
    /// Its time zone; `None` for that of the settings.
    pub zone: Option<String>,
    /// `vi` or `en`; `None` for that of the settings.
    pub language: Option<String>,
}

impl Wish {
    /// The first member that only mails have.
    pub(in crate::push) fn first(&self) -> Option<&'static str> {
        let members = [("digest", &self.digest), ("timezone", &self.zone), ("language", &self.language)];
        members.into_iter().find(|(_, value)| value.is_some()).map(|(name, _)| name)
    }
}

impl Push {
    /// Adds a subscription by mail, which asks its address whether it wants this and tells it nothing before that.
    pub(in crate::push) async fn add_mail(&self, new: NewSubscription) -> Result<Added, Error> {
        let settings = self.settings.load_full();
        let Some(sender) = Sender::of(&settings) else {
            let hint = "set `mail.server` and `mail.from` (docs/mail.md)";
            return Err(invalid("url", "no mails are sent from here".to_owned(), Some(hint)));
        };
        let place = address::of_mailto(&new.url).map_err(|wrong| {
            invalid("url", format!("`{}` cannot be used: {wrong}", shown(&new.url)), None)
        })?;
        only_mail(&new)?;
        let mailing = wished(&new.mail, sender.settings)?;
        let owner = notice::check_owner(new.owner.as_deref(), true, &settings)?;
        let url = format!("{}{place}", address::SCHEME);
        let now = self.clock.now();
        let subscription = Subscription {
            url: url.clone(),
            filter: new.filter,
            events: new.events,
            secrets: vec![sign::generate(Scheme::V1)?],
            channel: Channel::Mail(mailing.clone()),
            configured: false,
            owner,
            ..self.blank(mint()?, Seq(0))
        };
        self.keep_unconfirmed(&subscription, sender.settings, now).await?;
        let letter = Letter::confirmation(&mailing, &subscription, &sender);
        let heard = self.mail_to(&subscription, letter, &sender).await;
        if let Some(wrong) = complaint(&heard.answer) {
            self.remove(&subscription.id).await?;
            self.mails.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&url);
            return Err(Error::NotAsked(wrong));
        }
        tracing::info!(subscription = %subscription.id, "an address was asked whether it wants mails");
        Ok(Added { subscription: Arc::new(subscription), secret: None })
    }

    /// Stores a subscription whose address may be asked now.
    async fn keep_unconfirmed(
        &self,
        subscription: &Subscription,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Error> {
        let book = self.book().await?;
        let mut kept = subscription.clone();
        let _routing = self.routing.lock().await;
        has_room(book, &subscription.url, &self.settings.load())?;
        let others = book.all().into_iter().filter(|other| other.url == subscription.url);
        let made = others.map(|other| other.created).max();
        self.may_ask(&subscription.url, made, settings, now)?;
        kept.after = self.store.head().await?;
        self.store.put_subscription(kept.clone()).await?;
        book.insert(kept);
        Ok(())
    }

    /// Notes that an address is asked, or says that it was asked not long ago.
    fn may_ask(
        &self,
        url: &str,
        made: Option<Timestamp>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), Error> {
        let every = settings.confirm_every;
        let mut asked = self.mails.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, at| now.since(*at) < every);
        if let Some(last) = asked.get(url).copied().max(made).filter(|last| now.since(*last) < every) {
            return Err(Error::Asked(last.plus(every)));
        }
        if asked.len() >= ASKED {
            let earliest = asked.values().min().copied().unwrap_or(now);
            return Err(Error::Asked(earliest.plus(every)));
        }
        asked.insert(url.to_owned(), now);
        Ok(())
    }

    /// The subscription that a link in one of its mails leads to.
    pub async fn by_link(&self, purpose: Purpose, token: &str) -> store::Result<Option<Arc<Subscription>>> {
        let Some(id) = link::named(token) else { return Ok(None) };
        let found = self.book().await?.get(&id).filter(|one| mailing(one).is_some());
        Ok(found.filter(|one| link::opens(one, purpose, token) && !self.has_lapsed(one)))
    }

    /// Somebody at the address wants its mails: what happens from now on.
    pub async fn confirm(&self, id: &SubscriptionId) -> Result<(), Error> {
        if self.get(id).await?.verified.is_some() {
            return Ok(());
        }
        let _routing = self.routing.lock().await;
        let (head, now) = (self.store.head().await?, self.clock.now());
        self.change(id, |changed| (changed.verified, changed.after) = (Some(now), head)).await?;
        tracing::info!(subscription = %id, "an address has confirmed that it wants mails");
        Ok(())
    }

    /// Nobody at the address wants its mails any more.
    pub async fn unsubscribe(&self, id: &SubscriptionId) -> Result<(), Error> {
        tracing::info!(subscription = %id, "a subscriber by mail has unsubscribed");
        self.remove(id).await
    }

    /// Forgets a subscription that nobody confirmed in time, and says whether it was one.
    pub(in crate::push) async fn forget_lapsed(&self, subscription: &Subscription) -> store::Result<bool> {
        if !self.has_lapsed(subscription) {
            return Ok(false);
        }
        let _routing = self.routing.lock().await;
        tracing::info!(subscription = %subscription.id, "nobody confirmed this subscription: it is forgotten");
        self.forget(self.book().await?, &subscription.id).await?;
        Ok(true)
    }

    fn has_lapsed(&self, subscription: &Subscription) -> bool {
        let settings = self.settings.load();
        // Where no mail is sent any more, nobody is asked either: it waits.
        let within = settings.mail.as_ref().map(|mail| mail.confirm_within);
        is_unconfirmed(subscription)
            && within.is_some_and(|within| self.clock.now().since(subscription.created) >= within)
    }

    /// Sends a test mail now.
    pub(in crate::push) async fn mail_test(
        &self,
        subscription: &Subscription,
        id: &str,
    ) -> Result<Heard, Error> {
        if is_unconfirmed(subscription) {
            return Err(Error::Unconfirmed(subscription.id.clone()));
        }
        let settings = self.settings.load_full();
        let sender = Sender::of(&settings).ok_or_else(|| {
            invalid("url", "no mails are sent from here".to_owned(), Some("set `mail.server`"))
        })?;
        let language = mailing(subscription).map(|mailing| mailing.language).unwrap_or_default();
        Ok(self.mail_to(subscription, Letter::test(language, id), &sender).await)
    }

    /// Sends one mail to a subscriber now, and says what came of it.
    async fn mail_to(&self, to: &Subscription, letter: Letter, sender: &Sender<'_>) -> Heard {
        let at = self.clock.now();
        match letter.into_mail(to, sender, at) {
            Ok(mail) => self.mail_heard(&mail, sender).await.unwrap_or_else(|Trouble(why)| not_sent(at, why)),
            Err(wrong) => not_sent(at, wrong),
        }
    }
}

/// Refuses what only webhooks have.
fn only_mail(new: &NewSubscription) -> Result<(), Error> {
    let given = [
        ("form", new.form.is_some()),
        ("secret", new.secret.is_some()),
        ("signature", new.scheme.is_some()),
        ("start", new.start != Start::Now),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some(("start", _)) => {
            let hint = "leave it out; `replay` tells it what happened before, once it is confirmed";
            Err(invalid("start", "mails begin when their address has confirmed them".to_owned(), Some(hint)))
        }
        Some((name, _)) => Err(invalid(name, format!("mails have no `{name}`"), Some("leave it out"))),
        None => Ok(()),
    }
}

/// What mails shall be like, with what the settings say of the rest.
fn wished(wish: &Wish, settings: &Settings) -> Result<Mailing, Error> {
    let language = match wish.language.as_deref() {
        None => settings.language,
        Some(tag) => Language::parse(tag).ok_or_else(|| {
            let hint = "write `vi` or `en`";
            invalid("language", format!("there are no mails in `{}`", shown(tag)), Some(hint))
        })?,
    };
    let zone = wish.zone.as_deref().unwrap_or(&settings.zone);
    if !Daily::has_zone(zone) {
        let hint = "write a name such as `Asia/Ho_Chi_Minh`";
        return Err(invalid("timezone", format!("there is no time zone `{}`", shown(zone)), Some(hint)));
    }
    let Some(digest) = wish.digest.as_deref() else {
        return match wish.zone {
            None => Ok(Mailing { language, digest: None }),
            Some(_) => {
                let hint = "add the time of a digest: `\"digest\": \"18:00\"`";
                Err(invalid("timezone", "mails that come at once have no time zone".to_owned(), Some(hint)))
            }
        };
    };
    let minute = Daily::parse_minute(digest).ok_or_else(|| {
        let hint = "write hours and minutes, from `0:00` to `23:59`";
        invalid("digest", format!("`{}` is no time of the day", shown(digest)), Some(hint))
    })?;
    Ok(Mailing { language, digest: Some(Daily { minute, zone: zone.to_owned() }) })
}

fn invalid(field: &'static str, message: String, hint: Option<&str>) -> Error {
    Error::Invalid { field, message, hint: hint.map(str::to_owned) }
}

/// As much of a client's text as an answer repeats.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
