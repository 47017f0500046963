//! All of a day in one mail. Rows of such a subscription are due at its time of the day, so that a daemon that was down then
//! sends them as soon as it is back, and a day without news has no mail.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;
use minijinja::{Value, context};

use super::{
    Settings,
    render::{self, Letter, Sender},
};
use crate::{
    model::{Article, ArticleId, Change, Daily, Delivery, Event, Language, Mailing, Subscription, Timestamp},
    push::{Push, message::Message},
    store,
};

/// Characters of a summary in a digest.
const SUMMARY: usize = 300;
const TITLE: usize = 300;

/// What became of one article in the time that a digest is about.
struct Item {
    event: Event,
    article: Article,
    /// It was not known before.
    is_new: bool,
}

impl Push {
    /// The digest of these rows, and those that are in it; rows whose events are not kept any more go away.
    pub(super) async fn digest_of(
        &self,
        to: &Subscription,
        mailing: &Mailing,
        rows: Vec<Delivery>,
        sender: &Sender<'_>,
    ) -> store::Result<(Vec<Delivery>, Option<Letter>)> {
        let (mut kept, mut gone, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            match self.message(row.seq).await? {
                Some(message) => {
                    messages.push(message);
                    kept.push(row);
                }
                None => gone.push(row),
            }
        }
        self.drop_rows(gone).await?;
        if messages.is_empty() {
            return Ok((kept, None));
        }
        Ok((kept, Some(letter(to, mailing, messages, sender, self.clock.now()))))
    }
}

pub(super) fn letter(
    to: &Subscription,
    mailing: &Mailing,
    mut messages: Vec<Arc<Message>>,
    sender: &Sender<'_>,
    now: Timestamp,
) -> Letter {
    messages.sort_by_key(|message| message.event.seq);
    let id = id(to, &messages);
    let items = items(&messages);
    let (n, shown) = (items.len(), items.len().min(sender.settings.max_items));
    let groups = groups(items, sender.settings, mailing.language);
    let day = today(mailing, now);
    Letter::digest(mailing, id, (n, n - shown), (groups, day))
}

/// The same for the same events.
fn id(to: &Subscription, messages: &[Arc<Message>]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(to.id.as_str().as_bytes());
    for Event { seq, at, .. } in messages.iter().map(|message| &message.event) {
        hasher.update(&seq.0.to_be_bytes());
        hasher.update(&at.as_millis().to_be_bytes());
    }
    format!("day_{}", hasher.finalize().to_hex().chars().take(32).collect::<String>())
}

/// Each article once, as it is by its last event; the newest first.
fn items(messages: &[Arc<Message>]) -> Vec<Item> {
    let mut items: BTreeMap<ArticleId, Item> = BTreeMap::new();
    for message in messages {
        let (event, article) = (message.event.clone(), message.article().clone());
        let was_new = items.get(&article.id).is_some_and(|item| item.is_new);
        let is_new = was_new || event.change == Change::Published;
        items.insert(article.id, Item { event, article, is_new });
    }
    let mut items: Vec<Item> = items.into_values().collect();
    items.sort_by_key(|item| Reverse((item.article.published.at, item.event.seq)));
    items
}

/// As many of them as a digest shows, by source: that of the newest first.
fn groups(items: Vec<Item>, settings: &Settings, language: Language) -> Value {
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    for item in items.into_iter().take(settings.max_items) {
        let source = render::source(&item.event, settings);
        let shown = shown(&item, language);
        match groups.iter_mut().find(|(name, _)| *name == source) {
            Some((_, items)) => items.push(shown),
            None => groups.push((source, vec![shown])),
        }
    }
    let groups = groups.into_iter().map(|(source, items)| context! { source, items });
    groups.collect::<Vec<_>>().into()
}

fn shown(item: &Item, language: Language) -> Value {
    let content = &item.article.content;
    let change = match item.event.change {
        Change::Updated if item.is_new => Change::Published,
        change => change,
    };
    context! {
        kind => render::kind(change),
        title => render::short(&content.title, TITLE),
        summary => render::short(&content.summary, SUMMARY),
        link => render::link_of(&item.article),
        when => render::date(&item.article.published, language),
    }
}

/// The day, where the subscriber is.
fn today(mailing: &Mailing, now: Timestamp) -> String {
    let zone = mailing.digest.as_ref().and_then(|Daily { zone, .. }| TimeZone::get(zone).ok());
    render::day(now, now.offset_in(&zone.unwrap_or(TimeZone::UTC)), mailing.language)
}
