//! Articles, what finds them again, and the journal.

use std::{collections::BTreeMap, ops::Bound, sync::atomic::Ordering};

use crate::model::{Article, ArticleId, Event, IdentityKey, Known, Revision, Seq, SourceId};

use super::{Batch, Commit, Core, Error, Place, Result, codec, keys, model};

impl Core {
    pub(super) fn known(&self, source: &SourceId, key: &IdentityKey) -> Result<Option<Known>> {
        match self.read::<codec::AliasV1>(&keys::alias(source, key))? {
            Some(alias) => self.known_by_id(alias.article()),
            None => Ok(None),
        }
    }

    fn known_by_id(&self, id: ArticleId) -> Result<Option<Known>> {
        Ok(self.read::<codec::KnownV1>(&keys::known(id))?.map(Known::from))
    }

    pub(super) fn commit(&self, commit: Commit) -> Result<Seq> {
        let head = self.write(|writer, batch| {
            if commit.expected != writer.head {
                return Err(Error::Conflict { head: writer.head });
            }
            self.put_articles(batch, commit.articles)?;
            self.put_aliases(batch, &commit.aliases)?;
            let head = self.put_events(batch, commit.expected, &commit.events)?;
            if let Some(state) = commit.source {
                self.put(batch, keys::source(&state.id), &codec::SourceV1::from(state))?;
            }
            if let Some(gate) = commit.gate {
                self.put(batch, keys::gate(&gate.source), &codec::GateV1::from(gate))?;
            }
            // Where this cannot be applied, nothing can be any more: no number is given away twice or left out.
            writer.head = head;
            Ok(head)
        })?;
        self.durable.fetch_max(head.0, Ordering::AcqRel);
        Ok(head)
    }

    /// Bodies, what is known of them, and their place in the index.
    fn put_articles(&self, batch: &mut Batch, articles: Vec<Article>) -> Result<()> {
        let mut latest = BTreeMap::new();
        for mut article in articles {
            let before = match latest.remove(&article.id) {
                Some((known, _)) => Some(known),
                None => self.known_by_id(article.id)?,
            };
            let known = known_after(before, &article);
            article.first_seen = known.first_seen;
            latest.insert(article.id, (known, article.source.clone()));
            let key = keys::article(article.first_seen, article.id, article.revision);
            self.put_article(batch, key, &codec::ArticleV2::from(article))?;
        }
        for (known, source) in latest.into_values() {
            let place = Place::from(&known);
            batch.insert(keys::by_date(&source, place), Some(Vec::new()));
            self.put(batch, keys::known(known.id), &codec::KnownV1::new(&known, &source))?;
        }
        Ok(())
    }

    /// A key that already leads somewhere keeps leading there: an address that a portal uses again for another
    /// article must not turn the first one into the second.
    fn put_aliases(&self, batch: &mut Batch, aliases: &[(SourceId, IdentityKey, ArticleId)]) -> Result<()> {
        for (source, name, article) in aliases {
            let key = keys::alias(source, name);
            if !batch.contains_key(&key) && self.table.get(&key)?.is_none() {
                self.put(batch, key, &codec::AliasV1::new(source, name, *article))?;
            }
        }
        Ok(())
    }

    /// Numbers are given here, whatever the lines say: gapless and in commit order.
    fn put_events(&self, batch: &mut Batch, expected: Seq, events: &[Event]) -> Result<Seq> {
        let mut head = expected;
        for event in events {
            head = head.next();
            let event = Event { seq: head, ..event.clone() };
            self.put(batch, keys::event(head), &codec::EventV1::from(&event))?;
        }
        if head > expected {
            self.put_head(batch, head)?;
        }
        Ok(head)
    }

    /// Only lines that are on the disk: nobody is told what a power failure could take back.
    pub(super) fn events(&self, after: Seq, limit: usize) -> Result<Vec<Event>> {
        let durable = self.durable();
        if limit == 0 || after >= durable {
            return Ok(Vec::new());
        }
        let (from, to) = (keys::event(after), keys::event(durable.next()));
        let events: Vec<Event> = self.models::<codec::EventV1, _>(Bound::Excluded(&from), &to, limit)?;
        match events.first() {
            Some(first) if first.seq == after.next() => Ok(events),
            Some(first) => Err(Error::Pruned { floor: Seq(first.seq.0.saturating_sub(1)) }),
            None => Err(Error::Pruned { floor: durable }),
        }
    }

    pub(super) fn article(&self, id: ArticleId, revision: Option<Revision>) -> Result<Option<Article>> {
        let Some(known) = self.known_by_id(id)? else { return Ok(None) };
        let key = keys::body_of(&known, revision.unwrap_or(known.revision));
        let Some(value) = self.table.get(&key)? else { return Ok(None) };
        let stored = codec::decode_article(&key, &self.whole(&key, value)?)?;
        model(&key, stored).map(Some)
    }

    pub(super) fn newest(
        &self,
        source: &SourceId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Article>> {
        let (from, to) = keys::by_date_range(source);
        let mut from = after.map_or(from, |place| keys::by_date(source, place));
        let mut found = Vec::new();
        // More than once only where revisions were pruned and their index entries were not.
        while found.len() < limit {
            let rows = self.table.range(Bound::Excluded(&from), &to, limit - found.len())?;
            let Some((last, _)) = rows.last() else { break };
            from.clone_from(last);
            for (key, _) in &rows {
                let id = keys::by_date_id(key).ok_or_else(|| codec::damaged(key, &"it names no article"))?;
                found.extend(self.article(id, None)?);
            }
        }
        Ok(found)
    }
}

/// What is known of an article once `article` is its latest revision. The first sighting and the published date are
/// those of the first revision, for ever: the keys of bodies and index are made of them.
fn known_after(before: Option<Known>, article: &Article) -> Known {
    let now = Known::from(article);
    match before {
        Some(before) if before.revision > now.revision => before,
        Some(before) => Known { first_seen: before.first_seen, published: before.published, ..now },
        None => now,
    }
}
