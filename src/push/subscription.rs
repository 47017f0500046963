//! Making, pausing and removing subscriptions.

use std::sync::Arc;

use url::Url;

use super::{
    Push, Settings, Webhook, address,
    book::Book,
    form::Fault,
    hub::Refusal,
    mail, notice, random_hex,
    sign::{self, Scheme},
};
use crate::{
    model::{
        Channel, EventType, Filter, Form, Secret, Seq, State, Subscription, SubscriptionId, Timestamp,
        TokenId,
    },
    store,
};

/// What somebody asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewSubscription {
    /// Where to POST.
    pub url: String,
    /// Which articles; `None` for all.
    pub filter: Option<Filter>,
    /// Which events; empty for all.
    pub events: Vec<EventType>,
    /// Their own secret; `None` makes one.
    pub secret: Option<Secret>,
    /// How messages are signed; `None` as the secret has it, and without one as `v1`.
    pub scheme: Option<Scheme>,
    /// What bodies look like, by name; `None` for the native form.
    pub form: Option<String>,
    /// From where on.
    pub start: Start,
    /// With which token of the API; `None` for the operator's own.
    pub made_by: Option<TokenId>,
    /// What only mails have.
    pub mail: mail::Wish,
    /// Where its owner hears of trouble.
    pub owner: Option<String>,
}

/// From where on a new subscription is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// What happens from now on.
    #[default]
    Now,
    /// The events after this one.
    After(Seq),
    /// The events since this instant.
    Since(Timestamp),
}

/// A new subscription, or one with a new secret, and what receivers configure.
#[derive(Clone, PartialEq)]
pub struct Added {
    /// The subscription.
    pub subscription: Arc<Subscription>,
    /// Its newest secret, which is shown this once; `None` where receivers have a public key instead.
    pub secret: Option<String>,
}

/// Why a subscription cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A member of the request cannot be used.
    #[error("{message}")]
    Invalid {
        /// Which member.
        field: &'static str,
        /// What is wrong with it.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// There is none with that id.
    #[error("there is no subscription `{0}`")]
    Missing(SubscriptionId),
    /// The configuration file names it.
    #[error("the subscription `{0}` stands in the configuration file: remove it there and reload")]
    Configured(SubscriptionId),
    /// It was made at the hub, and changes there.
    #[error(
        "`{0}` is a subscriber of the hub: it brings its secret, and confirms, whenever it subscribes again"
    )]
    OfHub(SubscriptionId),
    /// It is told by mail, and has no secret that receivers know.
    #[error("`{0}` is told by mail: it has no secret to renew")]
    OfMail(SubscriptionId),
    /// Nobody at its address has said yet that mails are wanted.
    #[error("`{0}` waits for its address to confirm it: nothing else is sent there before")]
    Unconfirmed(SubscriptionId),
    /// The address was asked a short while ago.
    #[error("an address is asked only once in a while whether it wants mails: again at {0}")]
    Asked(Timestamp),
    /// The address could not be asked.
    #[error("the confirmation mail could not be sent: {0}")]
    NotAsked(String),
    /// There are as many as the settings allow.
    #[error("there are {0} subscriptions already, as many as `push.max_subscriptions` allows")]
    Full(usize),
    /// There are as many at this host as the settings allow.
    #[error("there are {1} subscriptions at `{0}` already, as many as `push.max_per_host` allows")]
    HostFull(String, usize),
    /// The hub does not take what was asked of it.
    #[error(transparent)]
    Hub(#[from] Refusal),
    /// The endpoint did not confirm the ping.
    #[error("the endpoint did not confirm the ping: {0}")]
    Unverified(String),
    /// The system has no randomness for a secret.
    #[error("cannot make a secret: {0}")]
    Random(#[from] getrandom::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Push {
    /// Takes new settings over: webhooks of the file appear, change and vanish with it, those that stay keep
    /// their state, and a new one starts at the present.
    pub async fn reload(&self, settings: Settings) -> store::Result<()> {
        let _routing = self.routing.lock().await;
        let (book, head) = (self.book().await?, self.store.head().await?);
        for known in book.all() {
            if known.configured && !settings.webhooks.iter().any(|webhook| webhook.id == known.id) {
                self.forget(book, &known.id).await?;
            }
        }
        for webhook in &settings.webhooks {
            self.configure(book, webhook, head).await?;
        }
        self.settings.store(Arc::new(settings));
        self.touch(book.all().iter().map(|known| known.id.clone()));
        self.mails.forgive();
        self.trouble.notify_one();
        Ok(())
    }

    /// Adds a subscription, which starts at the present.
    pub async fn add(&self, new: NewSubscription) -> Result<Added, Error> {
        if mail::address::is_mailto(&new.url) {
            return Box::pin(self.add_mail(new)).await;
        }
        let settings = self.settings.load_full();
        let url = address::check(&new.url, &settings)?;
        if let Some(field) = new.mail.first() {
            let hint = Some("leave it out, or subscribe an address of mail: `mailto:…`".to_owned());
            return Err(Error::Invalid { field, message: format!("webhooks have no `{field}`"), hint });
        }
        let form = named_form(new.form.as_deref(), &url, &settings)?;
        let owner = notice::check_owner(new.owner.as_deref(), false, &settings)?;
        let secret = secret(new.secret, new.scheme, Scheme::default())?;
        let book = self.book().await?;
        address::has_room(book, &url, &settings)?;
        let mut subscription = Subscription {
            url,
            filter: new.filter,
            events: new.events,
            secrets: vec![secret],
            channel: Channel::Webhook(form),
            made_by: new.made_by,
            configured: false,
            allow_private: settings.allow_private,
            owner,
            ..self.blank(mint()?, Seq(0))
        };
        let earlier = match new.start {
            Start::Now => None,
            Start::After(seq) => Some(seq),
            Start::Since(at) => Some(self.last_before(at).await?),
        };
        if settings.verify {
            self.verify(&mut subscription).await?;
        }
        let routing = self.routing.lock().await;
        address::has_room(book, &subscription.url, &settings)?;
        subscription.after = self.store.head().await?;
        if let Some(earlier) = earlier.filter(|earlier| *earlier > subscription.after) {
            return Err(in_the_future(earlier, subscription.after));
        }
        self.store.put_subscription(subscription.clone()).await?;
        book.insert(subscription.clone());
        drop(routing);
        if let Some(earlier) = earlier {
            self.catch_up(&subscription, earlier).await?;
        }
        Ok(added(Arc::new(subscription)))
    }

    /// Tells a new subscription what happened before it was made. One that cannot have it is not made.
    async fn catch_up(&self, subscription: &Subscription, earlier: Seq) -> Result<(), Error> {
        // Up to its beginning the router does not tell it, from there on the router does.
        match self.replay_events(subscription, earlier, subscription.after).await {
            Ok(_) => {
                self.touch([subscription.id.clone()]);
                Ok(())
            }
            Err(cause) => {
                self.remove(&subscription.id).await?;
                Err(cause)
            }
        }
    }

    /// A new secret, which signs as the one before unless `scheme` or the secret itself says otherwise. The one before
    /// signs beside it for a while.
    pub async fn rotate(
        &self,
        id: &SubscriptionId,
        own: Option<Secret>,
        scheme: Option<Scheme>,
    ) -> Result<Added, Error> {
        let before = self.get(id).await?;
        if before.configured {
            return Err(Error::Configured(id.clone()));
        }
        if matches!(before.channel, Channel::WebSub { .. }) {
            return Err(Error::OfHub(id.clone()));
        }
        if mail::mailing(&before).is_some() {
            return Err(Error::OfMail(id.clone()));
        }
        let usual = before.secrets.first().map(sign::scheme).unwrap_or_default();
        let (newest, at) = (secret(own, scheme, usual)?, self.clock.now());
        let rotate = |changed: &mut Subscription| {
            changed.secrets.retain(|old| *old != newest);
            changed.secrets.truncate(1);
            changed.secrets.insert(0, newest);
            changed.rotated = Some(at);
        };
        Ok(added(self.change(id, rotate).await?))
    }

    /// Every subscription, by id.
    pub async fn list(&self) -> store::Result<Vec<Arc<Subscription>>> {
        Ok(self.book().await?.all())
    }

    /// One subscription.
    pub async fn get(&self, id: &SubscriptionId) -> Result<Arc<Subscription>, Error> {
        self.book().await?.get(id).ok_or_else(|| Error::Missing(id.clone()))
    }

    /// Removes a subscription and everything that waits for it.
    pub async fn remove(&self, id: &SubscriptionId) -> Result<(), Error> {
        let book = self.book().await?;
        if self.get(id).await?.configured {
            return Err(Error::Configured(id.clone()));
        }
        // No batch that still knows it may queue for it afterwards.
        let _routing = self.routing.lock().await;
        Ok(self.forget(book, id).await?)
    }

    /// Lets its deliveries wait.
    pub async fn pause(&self, id: &SubscriptionId) -> Result<Arc<Subscription>, Error> {
        self.change(id, |subscription| subscription.state = State::Paused).await
    }

    /// Goes on, whether it was paused or disabled, with what has waited.
    pub async fn resume(&self, id: &SubscriptionId) -> Result<Arc<Subscription>, Error> {
        let resumed = self
            .change(id, |subscription| {
                subscription.state = State::Active;
                (subscription.hold_until, subscription.failing_since) = (None, None);
                subscription.last_error = None;
            })
            .await?;
        self.touch([id.clone()]);
        Ok(resumed)
    }

    pub(super) async fn change(
        &self,
        id: &SubscriptionId,
        how: impl FnOnce(&mut Subscription) + Send,
    ) -> Result<Arc<Subscription>, Error> {
        let missing = || Error::Missing(id.clone());
        let entry = self.book().await?.entry(id).ok_or_else(missing)?;
        let _changing = entry.changing.lock().await;
        let mut changed = (*entry.current.load_full().ok_or_else(missing)?).clone();
        how(&mut changed);
        self.store.put_subscription(changed.clone()).await?;
        let changed = Arc::new(changed);
        entry.current.store(Some(changed.clone()));
        Ok(changed)
    }

    pub(super) async fn forget(&self, book: &Book, id: &SubscriptionId) -> store::Result<()> {
        let Some(entry) = book.entry(id) else { return Ok(()) };
        let _changing = entry.changing.lock().await;
        self.store.remove_subscription(id).await?;
        book.forget(id);
        Ok(())
    }

    /// Brings one webhook of the file into the book.
    async fn configure(&self, book: &Book, webhook: &Webhook, head: Seq) -> store::Result<()> {
        let Some(entry) = book.entry(&webhook.id) else {
            let subscription = written(webhook, self.blank(webhook.id.clone(), head));
            self.store.put_subscription(subscription.clone()).await?;
            book.insert(subscription);
            return Ok(());
        };
        let _changing = entry.changing.lock().await;
        let Some(before) = entry.current.load_full() else { return Ok(()) };
        let mut after = written(webhook, (*before).clone());
        if after.url != before.url {
            // What the old address did says nothing of the new one.
            (after.hold_until, after.failing_since, after.last_error) = (None, None, None);
            after.verified = None;
            if matches!(after.state, State::Disabled { .. }) {
                after.state = State::Active;
            }
        }
        if after != *before {
            let is_other = after.filter != before.filter;
            self.store.put_subscription(after.clone()).await?;
            entry.current.store(Some(after.into()));
            if is_other {
                book.changed();
            }
        }
        Ok(())
    }

    pub(super) fn blank(&self, id: SubscriptionId, after: Seq) -> Subscription {
        Subscription {
            id,
            url: String::new(),
            filter: None,
            events: Vec::new(),
            secrets: Vec::new(),
            state: State::Active,
            configured: true,
            allow_private: false,
            created: self.clock.now(),
            after,
            hold_until: None,
            failing_since: None,
            last_error: None,
            delivered: None,
            verified: None,
            rotated: None,
            owner: None,
            page: None,
            made_by: None,
            channel: Channel::Webhook(Form::Native),
        }
    }
}

/// Somebody's own secret, or a new one: of the scheme that is asked for, of the usual one where none is.
fn secret(own: Option<Secret>, asked: Option<Scheme>, usual: Scheme) -> Result<Secret, Error> {
    let Some(own) = own else { return Ok(sign::generate(asked.unwrap_or(usual))?) };
    let scheme = sign::scheme(&own);
    match asked {
        Some(asked) if asked != scheme => Err(Error::Invalid {
            field: "secret",
            message: format!(
                "`signature` is `{}`, but a secret that begins with `{}` signs as `{}`",
                asked.as_str(),
                scheme.prefix(),
                scheme.as_str()
            ),
            hint: Some(format!("leave one of the two out, or bring a secret with `{}`", asked.prefix())),
        }),
        _ => Ok(own),
    }
}

/// What is shown of a subscription whose newest secret is new.
fn added(subscription: Arc<Subscription>) -> Added {
    let shared = subscription.secrets.first().filter(|secret| sign::scheme(secret) == Scheme::V1);
    let secret = shared.map(sign::print_secret);
    Added { subscription, secret }
}

fn in_the_future(earlier: Seq, head: Seq) -> Error {
    Error::Invalid {
        field: "start",
        message: format!("`start` is {earlier}, but the newest event is {head}"),
        hint: Some("begin with \"now\", a number that was seen, or a date".to_owned()),
    }
}

/// The subscription as the file has it.
fn written(webhook: &Webhook, subscription: Subscription) -> Subscription {
    Subscription {
        url: webhook.url.clone(),
        filter: webhook.filter.clone(),
        events: webhook.events.clone(),
        secrets: vec![webhook.secret.clone()],
        allow_private: webhook.allow_private,
        owner: webhook.owner.clone(),
        channel: Channel::Webhook(webhook.form.clone()),
        configured: true,
        ..subscription
    }
}

/// A new id: 80 random bits.
pub(super) fn mint() -> Result<SubscriptionId, getrandom::Error> {
    Ok(format!("sub_{}", random_hex::<10>()?).parse().expect("these characters are those of ids"))
}

/// The form of that name, if it can be told there.
fn named_form(name: Option<&str>, url: &str, settings: &Settings) -> Result<Form, Error> {
    let Some(name) = name else { return Ok(Form::Native) };
    let invalid = |fault: Fault| Error::Invalid { field: "form", message: fault.message, hint: fault.hint };
    let url = Url::parse(url).map_err(|cause| Error::Invalid {
        field: "url",
        message: format!("this is no address: {cause}"),
        hint: None,
    })?;
    settings.forms.named(name, &url).map_err(invalid)
}

/// The secret stays out of logs.
impl std::fmt::Debug for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Added").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}
