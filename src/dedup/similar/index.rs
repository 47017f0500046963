//! Which articles say the same as which: an index in memory, 96 bytes an article and 1.3 MB besides.
//!
//! Whoever was seen first leads a cluster. Every other article joins the leader of the first-seen one of those before
//! it that it is like, if it is like that leader too; else it leads a cluster of its own. Who is in which cluster
//! follows from the articles alone, not from the order in which they came here: an edit in the middle of a cluster
//! takes it apart and puts it together again, the oldest member first.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{BANDS, Mark, Signature, likeness};
use crate::model::{ArticleId, Cluster, Likeness, Member, SourceId, Timestamp, cluster::MEMBERS};

/// No slot.
const NONE: u32 = u32::MAX;
/// Chains of each kind: one per key.
const HEADS: usize = 1 << 16;
/// Slots that are allocated at once: a list that doubles would waste half of the memory.
const CHUNK: usize = 1024;
/// How many articles of one key are looked at, the newest first: text that a thousand articles have is no sign.
const LOOKED_AT: usize = 250;
/// How many changes are remembered for who shows clusters.
const CHANGES: usize = 4096;

/// What is kept of an article.
#[derive(Clone, Debug)]
struct Slot {
    id: [u8; 16],
    mark: Mark,
    /// Seconds since 1970.
    first_seen: u32,
    /// The next one of the same cluster, in a ring.
    ring: u32,
    day: u16,
    source: u16,
    /// The next one under the same key: of the id, and of each band.
    id_next: u32,
    next: [u32; BANDS],
}

/// Near duplicates among all articles.
#[derive(Debug, Default)]
pub struct Index {
    chunks: Vec<Vec<Slot>>,
    free: Vec<u32>,
    ids: Vec<u32>,
    bands: Vec<Vec<u32>>,
    sources: Vec<SourceId>,
    source_numbers: HashMap<SourceId, u16>,
    changed: VecDeque<ArticleId>,
    n_changes: u64,
}

/// The order in which articles were seen.
type Turn = (u32, [u8; 16], u32);

/// Whose place has to be looked at again, and whether it has to look for one in any case.
type Work = BTreeMap<Turn, bool>;

impl Index {
    /// Takes an article in, or what it says now.
    pub fn put(&mut self, id: ArticleId, source: &SourceId, first_seen: Timestamp, signature: &Signature) {
        let first_seen = u32::try_from(first_seen.as_second().max(0)).unwrap_or(u32::MAX);
        let known = self.find(id);
        if let Some(at) = known {
            let slot = self.slot(at);
            if slot.mark == signature.mark && slot.day == signature.day && slot.first_seen == first_seen {
                return;
            }
        }
        let mut work = known.map(|at| self.take_out(at)).unwrap_or_default();
        let slot = Slot {
            id: *id.as_bytes(),
            mark: signature.mark,
            first_seen,
            ring: NONE,
            day: signature.day,
            source: self.number(source),
            id_next: NONE,
            next: [NONE; BANDS],
        };
        let Some(at) = self.insert(slot) else { return };
        work.insert(self.turn(at), true);
        self.settle(work);
    }

    /// Is it known?
    pub fn has(&self, id: ArticleId) -> bool {
        self.find(id).is_some()
    }

    /// Forgets an article: its source took it back.
    pub fn remove(&mut self, id: ArticleId) {
        if let Some(at) = self.find(id) {
            let work = self.take_out(at);
            self.settle(work);
        }
    }

    /// The cluster of an article: the first-seen members, and itself. `None` for one that is alone or unknown.
    pub fn cluster(&self, id: ArticleId) -> Option<Cluster> {
        let at = self.find(id)?;
        let mut turns: Vec<Turn> = self.ring(at).map(|at| self.turn(at)).collect();
        if turns.len() < 2 {
            return None;
        }
        turns.sort_unstable();
        if let Some(own) = turns.iter().skip(MEMBERS).position(|turn| turn.2 == at) {
            turns.swap(MEMBERS - 1, MEMBERS + own);
        }
        turns.truncate(MEMBERS);
        let (_, _, first) = *turns.first()?;
        let members = turns.into_iter().filter_map(|(_, _, at)| {
            let slot = self.slot(at);
            let likeness = if at == first { Likeness::First } else { self.likeness(first, at)? };
            Some(Member {
                article: ArticleId::from_bytes(slot.id),
                source: self.sources.get(usize::from(slot.source))?.clone(),
                first_seen: Timestamp::from_second(slot.first_seen.into()),
                likeness,
            })
        });
        Some(Cluster { members: members.collect() })
    }

    /// The first-seen article that says the same as a text of `source`, without taking it in.
    pub fn first_like(&self, source: &SourceId, signature: &Signature) -> Option<ArticleId> {
        let number = self.source_numbers.get(source).copied();
        let near = self.near(signature, number, NONE);
        let (_, id, _) = near.first()?;
        Some(ArticleId::from_bytes(*id))
    }

    /// How many articles it knows.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum::<usize>() - self.free.len()
    }

    /// Does it know none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let slots: usize = self.chunks.iter().map(Vec::capacity).sum();
        let heads = self.ids.capacity() + self.bands.iter().map(Vec::capacity).sum::<usize>();
        slots * size_of::<Slot>() + (heads + self.free.capacity()) * size_of::<u32>()
    }

    /// Which articles have other clusters than after `n` changes, the last change last, and how many changes there
    /// were by now. `None` for the articles where that is not remembered any more.
    pub fn changes(&self, n: u64) -> (Option<Vec<ArticleId>>, u64) {
        let missed = usize::try_from(self.n_changes.saturating_sub(n)).unwrap_or(usize::MAX);
        let remembered = self.changed.len().checked_sub(missed);
        (remembered.map(|skip| self.changed.iter().skip(skip).copied().collect()), self.n_changes)
    }

    /// Those whose cluster changed, as far as that is remembered, the last change last.
    pub fn remembered(&self) -> Vec<ArticleId> {
        self.changed.iter().copied().collect()
    }

    // --- clusters ---

    /// Gives each of these its place, the one seen first before the others, and each whose place follows from theirs.
    fn settle(&mut self, mut work: Work) {
        while let Some((turn, homeless)) = work.pop_first() {
            let at = turn.2;
            let slot = self.slot(at);
            let near = self.near(&signature_of(slot), Some(slot.source), at);
            let (old, new) = (self.leader(at), self.leader_for(at, &near));
            if old == new && !homeless {
                continue;
            }
            if old != new {
                self.move_to(at, new, &mut work);
            }
            near.into_iter().filter(|other| *other > turn).for_each(|other| look_again(&mut work, other));
        }
    }

    /// Whom it joins: itself where nothing before it is like it.
    fn leader_for(&self, at: u32, near: &[Turn]) -> u32 {
        let turn = self.turn(at);
        let before = near.iter().take_while(|other| **other < turn);
        let joins = |(_, _, other): &Turn| {
            let leader = self.leader(*other);
            let leads = leader == *other || self.turn(leader) < turn && self.likeness(leader, at).is_some();
            leads.then_some(leader)
        };
        before.filter(|(_, _, other)| *other != at).find_map(joins).unwrap_or(at)
    }

    /// Moves one to the cluster of `leader`. Those that it led have to look for another place.
    fn move_to(&mut self, at: u32, leader: u32, work: &mut Work) {
        self.note(at);
        work.extend(self.detach(at));
        if leader != at {
            let next = self.slot(leader).ring;
            self.slot_mut(leader).ring = at;
            self.slot_mut(at).ring = next;
            self.note(at);
        }
    }

    /// Takes one out of its ring; where it led, everybody else as well: those that have to look for a place now.
    fn detach(&mut self, at: u32) -> Work {
        let ring: Vec<u32> = self.ring(at).collect();
        if self.leader(at) == at {
            ring.iter().for_each(|one| self.slot_mut(*one).ring = *one);
            let others = ring.into_iter().filter(|one| *one != at);
            return others.map(|one| (self.turn(one), true)).collect();
        }
        // The ring begins with `at`: its last one is the one before it.
        if let Some(before) = ring.last() {
            self.slot_mut(*before).ring = self.slot(at).ring;
        }
        self.slot_mut(at).ring = at;
        Work::new()
    }

    fn ring(&self, at: u32) -> impl Iterator<Item = u32> {
        let next = move |one: &u32| Some(self.slot(*one).ring).filter(|next| *next != at);
        std::iter::successors(Some(at), next)
    }

    fn leader(&self, at: u32) -> u32 {
        self.ring(at).min_by_key(|one| self.turn(*one)).unwrap_or(at)
    }

    fn likeness(&self, one: u32, other: u32) -> Option<Likeness> {
        let (one, other) = (self.slot(one), self.slot(other));
        likeness(&signature_of(one), &signature_of(other), one.source == other.source)
    }

    /// Everything but `own` that is like this, in the order in which it was seen.
    fn near(&self, signature: &Signature, source: Option<u16>, own: u32) -> Vec<Turn> {
        let mut found = Vec::new();
        for (band, key) in signature.mark.bands() {
            let mut at = self.bands.get(band).map_or(NONE, |heads| heads[usize::from(key)]);
            for _ in 0..LOOKED_AT {
                if at == NONE {
                    break;
                }
                let slot = self.slot(at);
                let on_one_site = source == Some(slot.source);
                if at != own && likeness(signature, &signature_of(slot), on_one_site).is_some() {
                    found.push(self.turn(at));
                }
                at = slot.next[band];
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Remembers that the cluster of these changed.
    fn note(&mut self, at: u32) {
        let changed: Vec<_> =
            self.ring(at).take(4 * MEMBERS).map(|one| ArticleId::from_bytes(self.slot(one).id)).collect();
        if changed.len() > 1 {
            self.n_changes += changed.len() as u64;
            self.changed.extend(changed);
            let too_many = self.changed.len().saturating_sub(CHANGES);
            self.changed.drain(..too_many);
        }
    }

    // --- slots and chains ---

    fn slot(&self, at: u32) -> &Slot {
        let at = at as usize;
        &self.chunks[at / CHUNK][at % CHUNK]
    }

    fn slot_mut(&mut self, at: u32) -> &mut Slot {
        let at = at as usize;
        &mut self.chunks[at / CHUNK][at % CHUNK]
    }

    fn turn(&self, at: u32) -> Turn {
        let slot = self.slot(at);
        (slot.first_seen, slot.id, at)
    }

    /// A source by its number. There are never so many that the last number means two.
    fn number(&mut self, source: &SourceId) -> u16 {
        if let Some(number) = self.source_numbers.get(source) {
            return *number;
        }
        let number = u16::try_from(self.sources.len()).unwrap_or(u16::MAX);
        self.sources.push(source.clone());
        self.source_numbers.insert(source.clone(), number);
        number
    }

    fn find(&self, id: ArticleId) -> Option<u32> {
        let mut at = self.ids.get(id_key(id.as_bytes())).copied().unwrap_or(NONE);
        while at != NONE && self.slot(at).id != *id.as_bytes() {
            at = self.slot(at).id_next;
        }
        (at != NONE).then_some(at)
    }

    /// A place for an article, hung into its chains; `None` after four billion of them.
    fn insert(&mut self, mut slot: Slot) -> Option<u32> {
        if self.ids.is_empty() {
            self.ids = vec![NONE; HEADS];
            self.bands = vec![vec![NONE; HEADS]; BANDS];
        }
        let at = match self.free.pop() {
            Some(at) => at,
            None => u32::try_from(self.chunks.iter().map(Vec::len).sum::<usize>()).ok()?,
        };
        slot.ring = at;
        slot.id_next = std::mem::replace(&mut self.ids[id_key(&slot.id)], at);
        for (band, key) in slot.mark.bands() {
            slot.next[band] = std::mem::replace(&mut self.bands[band][usize::from(key)], at);
        }
        match self.chunks.get_mut(at as usize / CHUNK) {
            Some(chunk) if at as usize % CHUNK < chunk.len() => chunk[at as usize % CHUNK] = slot,
            Some(chunk) => chunk.push(slot),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(slot);
                self.chunks.push(chunk);
            }
        }
        Some(at)
    }

    /// Takes an article out of its cluster and chains: those that have to look for another place now.
    fn take_out(&mut self, at: u32) -> Work {
        self.note(at);
        let (turn, slot) = (self.turn(at), self.slot(at));
        let near = self.near(&signature_of(slot), Some(slot.source), at);
        let mut work = self.detach(at);
        near.into_iter().filter(|other| *other > turn).for_each(|other| look_again(&mut work, other));
        let Slot { id, mark, id_next, next, .. } = self.slot(at).clone();
        let head = self.ids[id_key(&id)];
        if head == at {
            self.ids[id_key(&id)] = id_next;
        } else {
            let before = self.before(head, at, |slot| slot.id_next);
            self.slot_mut(before).id_next = id_next;
        }
        for (band, key) in mark.bands() {
            let head = self.bands[band][usize::from(key)];
            if head == at {
                self.bands[band][usize::from(key)] = next[band];
            } else {
                let before = self.before(head, at, |slot| slot.next[band]);
                self.slot_mut(before).next[band] = next[band];
            }
        }
        self.free.push(at);
        work
    }

    /// The one before `at` in a chain.
    fn before(&self, head: u32, at: u32, next: impl Fn(&Slot) -> u32) -> u32 {
        let mut one = head;
        while next(self.slot(one)) != at {
            one = next(self.slot(one));
        }
        one
    }
}

fn look_again(work: &mut Work, turn: Turn) {
    work.entry(turn).or_insert(false);
}

fn signature_of(slot: &Slot) -> Signature {
    Signature { mark: slot.mark, day: slot.day }
}

/// Ids are hashes: any two bytes will do. Not those that say the version.
fn id_key(id: &[u8; 16]) -> usize {
    usize::from(u16::from_be_bytes([id[0], id[1]]))
}

#[cfg(test)]
pub(super) const SLOT: usize = size_of::<Slot>();
