//! From the queues to the mail server: one task, one mail at a time, over one connection while there is something to say.

use std::{pin::pin, time::Instant};

use futures_util::future::{Either, pending};
use tokio_util::sync::CancellationToken;

use super::{
    Settings, is_unconfirmed, mailing,
    render::{Letter, Sender},
    session::{Mail, Said, Session, Trouble},
};
use crate::{
    model::{Delivery, Mailing, Outcome, State, Subscription, SubscriptionId, Timestamp},
    push::{
        Push,
        deliver::{self, UnderWay},
        lanes::{Lane, Lanes, Places, Visit},
        policy::Answer,
        webhook::Heard,
    },
    store::{self, Settled},
};

/// Rows that one digest makes up for; more wait for the next.
const ROWS: usize = 1_000;

/// One mail at a time.
const ONE: Places = Places { all: 1, per_host: 1, per_second: 1 };

/// The connection that is open.
type Open = Option<Session>;

impl Push {
    /// Sends what is due by mail until `stop`; the mail under way is then finished.
    pub async fn deliver_mails(&self, stop: CancellationToken) -> store::Result<()> {
        let (mut lanes, mut session) = (Lanes::default(), Open::None);
        for known in self.book().await?.all().into_iter().filter(|known| mailing(known).is_some()) {
            self.mails.touch(&known.id);
        }
        while !stop.is_cancelled() {
            for id in self.mails.touched().into_iter().chain(lanes.awake(self.clock.now())) {
                lanes.touch(lane(id));
            }
            let now = self.clock.now();
            let ready = self.mail_not_before(now);
            if ready <= now
                && let Some(id) = lanes.next(ONE, now)
            {
                let visit = self.visit_mail(&id, &mut session).await?;
                lanes.finished(visit, lane(id));
                continue;
            }
            if let Some(idle) = session.take() {
                idle.quit().await;
            }
            let wake = if ready > now { Some(ready) } else { lanes.earliest() };
            let clock = match wake {
                Some(at) => Either::Left(self.clock.sleep_until(at)),
                None => Either::Right(pending()),
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.mails.work.notified() => {}
                () = pin!(clock) => {}
            }
        }
        Ok(())
    }

    /// When the next mail may go out: never, where no server takes it.
    pub(in crate::push) fn mail_not_before(&self, now: Timestamp) -> Timestamp {
        match &self.settings.load().mail {
            Some(settings) => self.mails.not_before(settings.rate, now),
            None => Timestamp::MAX,
        }
    }

    /// Tells one subscriber what is due: the first event, or all of them in a digest.
    async fn visit_mail(&self, id: &SubscriptionId, session: &mut Open) -> store::Result<Visit> {
        let active = self.book().await?.get(id).filter(|subscription| subscription.state == State::Active);
        let Some(subscription) = active.filter(|one| !is_unconfirmed(one)) else { return Ok(Visit::Nothing) };
        let Some(mailing) = mailing(&subscription) else { return Ok(Visit::Nothing) };
        let limit = if mailing.digest.is_some() { ROWS } else { 1 };
        let mut rows = self.store.due(id, Timestamp::MAX, limit).await?;
        let Some(first) = rows.first() else { return Ok(Visit::Nothing) };
        let now = self.clock.now();
        let ready = self.policy().ready(first, subscription.hold_until, now);
        if ready > now {
            return Ok(Visit::Until(ready));
        }
        rows.retain(|row| self.policy().ready(row, None, now) <= now);
        let under_way = UnderWay::begin(&self.under_way);
        let settings = self.settings.load_full();
        let Some(sender) = Sender::of(&settings) else { return Ok(Visit::Tried) };
        let (rows, letter) = if mailing.digest.is_some() {
            self.digest_of(&subscription, mailing, rows, &sender).await?
        } else {
            self.letter_of(&subscription, mailing, rows, &sender).await?
        };
        let Some(letter) = letter else { return Ok(Visit::Tried) };
        let Some(heard) = self.mail(&subscription, letter, &sender, session).await else {
            return Ok(Visit::Tried);
        };
        metrics::histogram!("loa_delivery_seconds").record(heard.took.as_secs_f64());
        self.settle_mail(rows, heard, under_way).await?;
        Ok(Visit::Tried)
    }

    /// The mail of one event. A row whose event is not kept any more goes away.
    async fn letter_of(
        &self,
        subscription: &Subscription,
        mailing: &Mailing,
        rows: Vec<Delivery>,
        sender: &Sender<'_>,
    ) -> store::Result<(Vec<Delivery>, Option<Letter>)> {
        let Some(row) = rows.first() else { return Ok((rows, None)) };
        let Some(message) = self.message(row.seq).await? else {
            self.drop_rows(rows).await?;
            return Ok((Vec::new(), None));
        };
        let letter = Letter::event(mailing, subscription, &message, sender);
        Ok((rows, Some(letter)))
    }

    /// Takes rows away whose events are not kept any more.
    pub(super) async fn drop_rows(&self, rows: Vec<Delivery>) -> store::Result<()> {
        for row in &rows {
            tracing::warn!(subscription = %row.subscription, seq = %row.seq, "an event is not kept any more: dropped");
            metrics::counter!("loa_deliveries_total", "result" => "dropped").increment(1);
        }
        let dropped = rows.into_iter().map(|row| Settled::new(row, Outcome::Dropped)).collect();
        self.store.settle(dropped).await
    }

    /// One mail is the attempt of all these rows: what becomes of the newest becomes of all.
    async fn settle_mail(
        &self,
        mut others: Vec<Delivery>,
        heard: Heard,
        under_way: UnderWay,
    ) -> store::Result<()> {
        others.sort_by_key(|row| row.seq);
        if let Some(delivery) = others.pop() {
            self.settle(deliver::Said { delivery, others, heard, is_last: false, under_way }).await?;
        }
        Ok(())
    }

    /// Sends one mail over the connection that is open, or over a new one; `None` where the server is in trouble.
    async fn mail(
        &self,
        subscription: &Subscription,
        letter: Letter,
        sender: &Sender<'_>,
        session: &mut Open,
    ) -> Option<Heard> {
        let (at, started) = (self.clock.now(), Instant::now());
        let (answer, words) = match letter.into_mail(subscription, sender, at) {
            Ok(mail) => self.hand_over(&mail, sender.settings, session).await.ok()?.into_answer(),
            Err(wrong) => (Answer::Nothing(wrong), String::new()),
        };
        Some(Heard { at, took: started.elapsed(), answer, words })
    }

    /// Hands one mail to the server. A connection that has served before may be at its end: a new one is tried, too.
    async fn hand_over(&self, mail: &Mail, settings: &Settings, session: &mut Open) -> Result<Said, Trouble> {
        loop {
            let mut current = match session.take() {
                Some(current) => current,
                None => self.noted(Session::open(settings, &self.hello(settings)).await)?,
            };
            let was_used = current.is_used;
            match current.send(mail).await {
                Ok(said) => {
                    *session = Some(current);
                    self.mails.sent(self.clock.now());
                    let result = if (200..300).contains(&said.code) { "sent" } else { "refused" };
                    metrics::counter!("loa_mails_total", "result" => result).increment(1);
                    return Ok(said);
                }
                Err(_) if was_used => {}
                Err(trouble) => return self.noted(Err(trouble)),
            }
        }
    }

    fn noted<T>(&self, result: Result<T, Trouble>) -> Result<T, Trouble> {
        if let Err(Trouble(why)) = &result {
            self.mails.failed(why, self.clock.now());
        }
        result
    }

    /// Our name, where we have one.
    fn hello(&self, settings: &Settings) -> String {
        let base = url::Url::parse(&self.settings.load().base_url).ok();
        let name = base.as_ref().and_then(|url| url.domain()).filter(|name| name.contains('.'));
        name.unwrap_or_else(|| settings.from.email.domain()).to_owned()
    }

    /// Sends one mail over a connection of its own, without waiting for its turn.
    pub(in crate::push) async fn mail_heard(
        &self,
        mail: &Mail,
        sender: &Sender<'_>,
    ) -> Result<Heard, Trouble> {
        let (at, started, mut session) = (self.clock.now(), Instant::now(), Open::None);
        let said = self.hand_over(mail, sender.settings, &mut session).await;
        if let Some(session) = session {
            session.quit().await;
        }
        let (answer, words) = said?.into_answer();
        Ok(Heard { at, took: started.elapsed(), answer, words })
    }
}

/// All mails go to the one server, whoever they are for.
fn lane(id: SubscriptionId) -> Lane {
    Lane::new(id, "", false)
}

impl Said {
    fn into_answer(self) -> (Answer, String) {
        let Self { code, words, is_unknown } = self;
        (Answer::Mail { code, is_unknown, said: words.clone() }, words)
    }
}
