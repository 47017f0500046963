//! Everything as JSON, and back.

use std::ops::Bound;

use crate::model::{Attempt, Delivery, Follower, Known, Seq};

use super::{
    Batch, Core, Error, Kind, Place, Record, Result, Row, SCHEMA,
    codec::{self, MetaV1, Stored},
    keys, model,
};

/// How many records one batch restores.
const RESTORED_AT_ONCE: usize = 50;

impl Core {
    /// Records in the order of their keys. The index is left out, it follows from what is known; so are parts.
    pub(super) fn dump(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<Record>> {
        let (index, _) = Kind::ByDate.range();
        let start = keys::meta();
        let from = after.map_or(Bound::Included(start.as_slice()), Bound::Excluded);
        let mut rows = self.table.range(from, &index, limit)?;
        // The index and the parts stand between.
        let ((ledger, _), (_, end)) = (Kind::Attempt.range(), Kind::Mended.range());
        let from = after.filter(|after| **after > *ledger).map_or(Bound::Included(&*ledger), Bound::Excluded);
        rows.extend(self.table.range(from, &end, limit - rows.len())?);
        let read = |(key, value): Row| {
            let value = codec::decode_any(&key, &self.whole(&key, value)?)?.to_json();
            Ok(Record { key, value })
        };
        rows.into_iter().map(read).collect()
    }

    /// Records as they are. Where each stands follows from what it says, not from its exported place.
    pub(super) fn restore(&self, records: Vec<Record>) -> Result<()> {
        let records: Vec<Stored> =
            records.into_iter().map(|record| Stored::from_json(record.value)).collect::<Result<_>>()?;
        for some in records.chunks(RESTORED_AT_ONCE) {
            self.write(|writer, batch| {
                let mut head = writer.head;
                for stored in some {
                    head = head.max(self.restore_one(batch, stored)?);
                }
                if head > writer.head {
                    self.put_head(batch, head)?;
                }
                writer.head = head;
                Ok(())
            })?;
        }
        self.reload_head()
    }

    /// Writes one record, and returns the journal line up to which it speaks.
    fn restore_one(&self, batch: &mut Batch, stored: &Stored) -> Result<Seq> {
        let key = place(stored)?;
        if let Stored::Known(known) = stored {
            let source = known.source().map_err(unreadable)?;
            let known = Known::from(known.clone());
            let place = Place::from(&known);
            batch.insert(keys::by_date(&source, place), Some(Vec::new()));
        }
        if let Stored::Meta(MetaV1 { schema, head }) = stored {
            return match *schema {
                // Written with the head, once per batch.
                SCHEMA => Ok(Seq(*head)),
                other => {
                    Err(codec::damaged(&key, &format!("it has schema {other}, this program knows {SCHEMA}")))
                }
            };
        }
        self.put_values(batch, key, stored.encode())?;
        Ok(if let Stored::Event(event) = stored { event.seq() } else { Seq(0) })
    }
}

/// Where a record stands.
fn place(stored: &Stored) -> Result<Vec<u8>> {
    let delivery = |row: &codec::DeliveryV1| model::<_, Delivery>(&[], row.clone());
    Ok(match stored {
        Stored::Meta(_) => keys::meta(),
        Stored::Cursor(cursor) => keys::cursor(Follower::from(cursor.follower)),
        Stored::Queued(row) => delivery(row).map(|row| keys::queued(&row.subscription, row.due, row.seq))?,
        Stored::Parked(row) => delivery(row).map(|row| keys::parked(&row.subscription, row.seq))?,
        Stored::Subscription(row) => keys::subscription(&row.id().map_err(unreadable)?),
        Stored::Source(row) => keys::source(&row.id().map_err(unreadable)?),
        Stored::Following(row) => keys::following(&row.id().map_err(unreadable)?),
        Stored::Canary(_) => keys::canary(),
        Stored::Backfill(row) => keys::backfill(&row.id().map_err(unreadable)?),
        Stored::Gate(row) => keys::gate(&row.id().map_err(unreadable)?),
        Stored::Mended(row) => {
            let (host, trust) = row.place();
            keys::mended(host, trust)
        }
        Stored::Token(row) => keys::token(&row.id().map_err(unreadable)?),
        Stored::Event(event) => keys::event(event.seq()),
        Stored::Alias(alias) => {
            let (source, name) = alias.name().map_err(unreadable)?;
            keys::alias(&source, &name)
        }
        Stored::Known(known) => keys::known(known.id()),
        Stored::Attempt(row) => {
            let Attempt { subscription, at, seq, number, .. } = model::<_, Attempt>(&[], row.clone())?;
            keys::attempt(&subscription, at, seq, number)
        }
        Stored::Article(article) => {
            let (first_seen, id, revision) = article.place();
            keys::article(first_seen, id, revision)
        }
    })
}

fn unreadable(cause: impl std::fmt::Display) -> Error {
    Error::Damaged { what: format!("a record of the export: {cause}") }
}
