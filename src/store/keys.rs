//! Where each record stands: one ordered table, a kind byte, then big-endian fields.
//!
//! The order of the kinds is the order of an export. What refers comes before what it refers to, so that an export
//! taken from a running daemon holds the article of every line it holds, and never a cursor beyond its lines.
//!
//! What is big is written in the order of time: article bodies stand under the first sighting, journal lines under
//! their number. What has to be found by a name (aliases, what is known) is small. Random keys of big values cost sled
//! three times the work (see `docs/decisions/0002-key-layout.md`).

use crate::model::{
    ArticleId, Digest, Follower, IdentityKey, Known, Revision, Seq, SourceId, SubscriptionId, Timestamp,
    TokenId,
};

use super::Place;

/// What a record is: the first byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Kind {
    /// Schema and head.
    Meta = 1,
    /// How far a follower has read.
    Cursor = 2,
    /// A delivery that waits for its time.
    Queued = 3,
    /// A delivery that was given up for now.
    Parked = 4,
    /// Who is told.
    Subscription = 5,
    /// What is remembered of a source.
    Source = 6,
    /// A journal line.
    Event = 7,
    /// An identity key and the article it leads to.
    Alias = 8,
    /// What identity remembers of an article.
    Known = 9,
    /// One revision, body included.
    Article = 10,
    /// The index of a source's articles by date; follows from `Known`, not exported.
    ByDate = 11,
    /// The rest of a record that is too large for one value; not exported by itself.
    Part = 12,
    /// A line of the ledger: an attempt to deliver.
    Attempt = 13,
    /// How a source is followed by push.
    Following = 14,
    /// What is remembered of a hub that is not ours.
    Canary = 15,
    /// What somebody may do with the API.
    Token = 16,
    /// How far a walk through a source's archive has come.
    Backfill = 17,
    /// What the quality gate remembers of a source.
    Gate = 18,
    /// What completes the certificates of a host.
    Mended = 19,
}

/// The longest identity key that is kept as it is; longer ones end in a hash.
const LONGEST_NAME: usize = 160;

/// Divides a name of variable length from what follows. No id holds this byte.
const END: u8 = 0;

impl Kind {
    /// The kind of a record by its key.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        const ALL: [Kind; 19] = [
            Kind::Meta,
            Kind::Cursor,
            Kind::Queued,
            Kind::Parked,
            Kind::Subscription,
            Kind::Source,
            Kind::Event,
            Kind::Alias,
            Kind::Known,
            Kind::Article,
            Kind::ByDate,
            Kind::Part,
            Kind::Attempt,
            Kind::Following,
            Kind::Canary,
            Kind::Token,
            Kind::Backfill,
            Kind::Gate,
            Kind::Mended,
        ];
        let first = *key.first()?;
        ALL.into_iter().find(|kind| *kind as u8 == first)
    }

    /// The first key of this kind, and the first one after it.
    pub(super) fn range(self) -> (Vec<u8>, Vec<u8>) {
        (vec![self as u8], vec![self as u8 + 1])
    }
}

/// The one meta record.
pub(super) fn meta() -> Vec<u8> {
    vec![Kind::Meta as u8]
}

pub(super) fn cursor(follower: Follower) -> Vec<u8> {
    key(Kind::Cursor, &[follower.to_string().as_bytes()])
}

pub(super) fn event(seq: Seq) -> Vec<u8> {
    key(Kind::Event, &[&seq.0.to_be_bytes()])
}

pub(super) fn source(id: &SourceId) -> Vec<u8> {
    key(Kind::Source, &[id.as_str().as_bytes()])
}

pub(super) fn following(id: &SourceId) -> Vec<u8> {
    key(Kind::Following, &[id.as_str().as_bytes()])
}

pub(super) fn backfill(id: &SourceId) -> Vec<u8> {
    key(Kind::Backfill, &[id.as_str().as_bytes()])
}

pub(super) fn gate(id: &SourceId) -> Vec<u8> {
    key(Kind::Gate, &[id.as_str().as_bytes()])
}

pub(super) fn mended(host: &str, trust: Digest) -> Vec<u8> {
    key(Kind::Mended, &[host.as_bytes(), &[END], &trust.0])
}

pub(super) fn token(id: &TokenId) -> Vec<u8> {
    key(Kind::Token, &[id.as_str().as_bytes()])
}

/// The one record of the canary.
pub(super) fn canary() -> Vec<u8> {
    vec![Kind::Canary as u8]
}

pub(super) fn subscription(id: &SubscriptionId) -> Vec<u8> {
    key(Kind::Subscription, &[id.as_str().as_bytes()])
}

/// Keeps the text of a key, so that neighbors of a list are neighbors here too, unless it is very long.
pub(super) fn alias(source: &SourceId, name: &IdentityKey) -> Vec<u8> {
    /// Tells a whole name from a hashed one.
    const WHOLE: u8 = 1;
    const HASHED: u8 = 2;
    let name = name.to_string();
    let bytes = name.as_bytes();
    match bytes.split_at_checked(LONGEST_NAME) {
        Some((start, rest)) if !rest.is_empty() => {
            let hash = blake3::hash(bytes);
            let (hash, _) = hash.as_bytes().split_at(16);
            key(Kind::Alias, &[source.as_str().as_bytes(), &[END, HASHED], start, hash])
        }
        _ => key(Kind::Alias, &[source.as_str().as_bytes(), &[END, WHOLE], bytes]),
    }
}

pub(super) fn known(id: ArticleId) -> Vec<u8> {
    key(Kind::Known, &[id.as_bytes()])
}

/// Under its first sighting, so that what arrives together stands together; its revisions stand side by side.
pub(super) fn article(first_seen: Timestamp, id: ArticleId, revision: Revision) -> Vec<u8> {
    key(Kind::Article, &[&instant(first_seen), id.as_bytes(), &revision.0.to_be_bytes()])
}

/// The key of the body of what is known: its latest revision, or an older one.
pub(super) fn body_of(known: &Known, revision: Revision) -> Vec<u8> {
    article(known.first_seen, known.id, revision)
}

/// Newest first (see [`Place`]): every byte of dates and id is turned over.
pub(super) fn by_date(source: &SourceId, place: Place) -> Vec<u8> {
    let (published, first_seen) = (place.published, place.first_seen);
    let [published, first_seen] = [published, first_seen].map(|at| instant(at).map(|byte| !byte));
    let id = place.id.as_bytes().map(|byte| !byte);
    key(Kind::ByDate, &[source.as_str().as_bytes(), &[END], &published, &first_seen, &id])
}

/// Where a source's part of the index begins and ends.
pub(super) fn by_date_range(source: &SourceId) -> (Vec<u8>, Vec<u8>) {
    named_range(Kind::ByDate, source.as_str())
}

/// The article of an index entry.
pub(super) fn by_date_id(key: &[u8]) -> Option<ArticleId> {
    let (_, id) = key.split_last_chunk::<16>()?;
    Some(ArticleId::from_bytes(id.map(|byte| !byte)))
}

pub(super) fn queued(subscription: &SubscriptionId, due: Timestamp, seq: Seq) -> Vec<u8> {
    key(Kind::Queued, &[subscription.as_str().as_bytes(), &[END], &instant(due), &seq.0.to_be_bytes()])
}

/// Where a subscription's queue begins and ends.
pub(super) fn queue_range(subscription: &SubscriptionId) -> (Vec<u8>, Vec<u8>) {
    named_range(Kind::Queued, subscription.as_str())
}

/// The first key of a subscription's queue that is not due at `now`.
pub(super) fn not_due(subscription: &SubscriptionId, now: Timestamp) -> Vec<u8> {
    // Not through `Timestamp`, which ends at its `MAX`: what is due then is due at the end of time.
    let after = (now.as_millis().saturating_add(1) ^ i64::MIN).to_be_bytes();
    key(Kind::Queued, &[subscription.as_str().as_bytes(), &[END], &after])
}

/// Newest first: every byte of time and number is turned over.
pub(super) fn attempt(subscription: &SubscriptionId, at: Timestamp, seq: Seq, number: u32) -> Vec<u8> {
    let (at, seq) = (instant(at).map(|byte| !byte), (!seq.0).to_be_bytes());
    key(Kind::Attempt, &[subscription.as_str().as_bytes(), &[END], &at, &seq, &(!number).to_be_bytes()])
}

/// Where a subscription's part of the ledger begins and ends.
pub(super) fn attempt_range(subscription: &SubscriptionId) -> (Vec<u8>, Vec<u8>) {
    named_range(Kind::Attempt, subscription.as_str())
}

pub(super) fn parked(subscription: &SubscriptionId, seq: Seq) -> Vec<u8> {
    key(Kind::Parked, &[subscription.as_str().as_bytes(), &[END], &seq.0.to_be_bytes()])
}

/// Where a subscription's parked deliveries begin and end.
pub(super) fn parked_range(subscription: &SubscriptionId) -> (Vec<u8>, Vec<u8>) {
    named_range(Kind::Parked, subscription.as_str())
}

/// A further part of the record at `of`.
pub(super) fn part(of: &[u8], number: u16) -> Vec<u8> {
    key(Kind::Part, &[of, &number.to_be_bytes()])
}

/// A key for people: the kind, and the rest in what is readable of it.
pub(super) fn describe(key: &[u8]) -> String {
    let kind = Kind::of(key).map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}").to_lowercase());
    format!("{kind} record `{}`", key.get(1..).unwrap_or_default().escape_ascii())
}

fn key(kind: Kind, fields: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + fields.iter().map(|field| field.len()).sum::<usize>());
    key.push(kind as u8);
    for field in fields {
        key.extend_from_slice(field);
    }
    key
}

fn named_range(kind: Kind, name: &str) -> (Vec<u8>, Vec<u8>) {
    (key(kind, &[name.as_bytes(), &[END]]), key(kind, &[name.as_bytes(), &[END + 1]]))
}

/// Big-endian with the sign turned over, so that bytes sort as instants do, also before 1970.
fn instant(at: Timestamp) -> [u8; 8] {
    (at.as_millis() ^ i64::MIN).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second)
    }

    #[test]
    fn the_index_sorts_newest_first() {
        let source: SourceId = "quan1".parse().unwrap();
        let place = |second, seen, id| Place {
            published: at(second),
            first_seen: at(seen),
            id: ArticleId::from_bytes([id; 16]),
        };
        let places = [place(9, 3, 1), place(9, 2, 2), place(9, 2, 1), place(0, 9, 7), place(-5, 9, 7)];
        assert!(places.is_sorted_by(|a, b| a > b));
        let keys: Vec<_> = places.iter().map(|place| by_date(&source, *place)).collect();
        assert!(keys.is_sorted());
        assert_eq!(by_date_id(&keys[1]), Some(places[1].id));
        let (from, to) = by_date_range(&source);
        assert!(keys.iter().all(|key| *key > from && *key < to));
    }

    #[test]
    fn a_name_never_reaches_into_the_range_of_a_longer_one() {
        let (short, long): (SubscriptionId, SubscriptionId) = ("a".parse().unwrap(), "a-b".parse().unwrap());
        let (from, to) = queue_range(&short);
        let own = queued(&short, at(5), Seq(1));
        let other = queued(&long, at(5), Seq(1));
        assert!(own > from && own < to);
        assert!(!(other > from && other < to));
    }

    #[test]
    fn a_queue_sorts_by_due_time_then_number_and_ends_after_now() {
        let id: SubscriptionId = "a".parse().unwrap();
        assert!(queued(&id, at(-1), Seq(9)) < queued(&id, at(1), Seq(1)));
        assert!(queued(&id, at(1), Seq(1)) < queued(&id, at(1), Seq(2)));
        assert!(queued(&id, at(1), Seq(u64::MAX)) < not_due(&id, at(1)));
        assert!(queued(&id, Timestamp::from_millis(1001), Seq(0)) >= not_due(&id, at(1)));
        assert!(queued(&id, Timestamp::MAX, Seq(1)) < not_due(&id, Timestamp::MAX));
    }

    #[test]
    fn long_names_are_cut_and_still_differ() {
        let source: SourceId = "quan1".parse().unwrap();
        let long = |end: &str| alias(&source, &IdentityKey::Url(format!("/{}{end}", "x".repeat(5000))));
        assert!(long("a").len() < 250);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn every_kind_is_found_by_its_byte() {
        for kind in (Kind::Meta as u8)..=(Kind::Mended as u8) {
            assert_eq!(Kind::of(&[kind, 7]).map(|kind| kind as u8), Some(kind));
        }
        assert_eq!(Kind::of(&[0]), None);
        assert_eq!(Kind::of(&[]), None);
    }
}
