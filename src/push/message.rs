//! What there is to say of an event, made once for everybody who is told of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;

use super::{Push, payload};
use crate::{
    model::{Article, Change, Event, Revision, Seq, SourceId, Subscription, filter::Places, markup},
    store,
};

/// How many messages are kept for the next one who is told.
const MESSAGES: usize = 64;

/// The messages of the newest events.
#[derive(Debug, Default)]
pub(super) struct Messages(Mutex<VecDeque<Arc<Message>>>);

/// An event as it is sent, before it takes the form that somebody wants.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) event: Event,
    /// The native payload, as far as it is the same for everybody.
    native: Bytes,
    article: Article,
    text: OnceLock<String>,
    places: OnceLock<Places>,
}

// === impl Message ===

impl Message {
    /// The native payload for one subscription: with what its filter found.
    pub(super) fn native(&self, subscription: &Subscription) -> Bytes {
        let Some(filter) = &subscription.filter else { return self.native.clone() };
        let places = self.places.get_or_init(|| Places::new(&self.article, self.text()));
        payload::with_matches(&self.native, &filter.found(places))
    }

    /// The article, as the event left it.
    pub(super) fn article(&self) -> &Article {
        &self.article
    }

    /// The article's text without markup.
    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| markup::to_text(self.article.content.html.as_str()))
    }
}

// === impl Messages ===

impl Messages {
    fn get(&self, seq: Seq) -> Option<Arc<Message>> {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.iter().find(|message| message.event.seq == seq).map(Arc::clone)
    }

    fn put(&self, message: Arc<Message>) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() >= MESSAGES {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    /// Forgets them: they would be made differently now.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

// === impl Push ===

impl Push {
    /// An event as it is sent; `None` when it, or its article's revision, is not kept any more.
    pub(super) async fn message(&self, seq: Seq) -> store::Result<Option<Arc<Message>>> {
        if let Some(message) = self.messages.get(seq) {
            return Ok(Some(message));
        }
        let Some(event) = self.event(seq).await? else { return Ok(None) };
        let Some((native, article)) = self.say(&event).await? else { return Ok(None) };
        let native = native.into();
        let (text, places) = (OnceLock::new(), OnceLock::new());
        let message = Arc::new(Message { event, native, article, text, places });
        self.messages.put(Arc::clone(&message));
        Ok(Some(message))
    }

    async fn event(&self, seq: Seq) -> store::Result<Option<Event>> {
        match self.store.events(Seq(seq.0.saturating_sub(1)), 1).await {
            Ok(events) => Ok(events.into_iter().find(|event| event.seq == seq)),
            Err(store::Error::Pruned { .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// What an event says on the wire; `None` when its article's revision is not kept any more.
    pub async fn payload(&self, event: &Event) -> store::Result<Option<String>> {
        Ok(self.say(event).await?.map(|(native, _)| native))
    }

    async fn say(&self, event: &Event) -> store::Result<Option<(String, Article)>> {
        if !event.change.is_of_article() {
            return self.say_of_source(event).await;
        }
        let Some(mut article) = self.store.article(event.article, Some(event.revision)).await? else {
            return Ok(None);
        };
        // As it was known when the event was recorded, whoever has joined since.
        let private = self.private.load_full();
        let sees = |source: &SourceId| *source == event.source || !private.contains(source);
        article.labels.cluster = article.labels.cluster.and_then(|cluster| cluster.among(sees));
        let before = match (event.change, event.revision.0) {
            (Change::Updated, 2..) => {
                self.store.article(event.article, Some(Revision(event.revision.0 - 1))).await?
            }
            _ => None,
        };
        let feeds = self.feeds_with(event, &article);
        Ok(Some((payload::payload(event, &article, before.as_ref(), &feeds), article)))
    }
}
