//! What a list shows, item by item: which of them are one article, and what that one is called.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::merge::complete;
use crate::{
    dedup,
    journal::Entry,
    model::{Digest, Draft, IdentityKey, Known, Timestamp, text},
};

/// An item of the list, with what the list alone says of it.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) draft: Draft,
    pub(super) keys: Vec<IdentityKey>,
    pub(super) first_seen: Timestamp,
    pub(super) digest: Digest,
    pub(super) known: Option<Known>,
}

// === impl Listed ===

impl Listed {
    /// Its strongest key, printed: what its page is remembered under.
    pub(super) fn key(&self) -> String {
        self.keys[0].to_string()
    }

    /// Is what has these keys, and is known as this, the same article?
    pub(super) fn is(&self, keys: &[IdentityKey], known: Option<&Known>) -> bool {
        let id = |known: &Known| known.id;
        self.keys.iter().any(|key| keys.contains(key))
            || known.is_some_and(|known| self.known.as_ref().map(id) == Some(known.id))
    }

    /// Takes in what a second item of the same list says of it. Keys stay in their order: the strongest one, which
    /// an id is minted from, does not depend on which of the two stands first.
    pub(super) fn take_in(&mut self, twin: Draft, keys: Vec<IdentityKey>, known: Option<Known>) {
        let new: Vec<_> = keys.into_iter().filter(|key| !self.keys.contains(key)).collect();
        self.keys.extend(new);
        self.keys.sort_by_key(kind);
        self.known = self.known.take().or(known);
        complete(&mut self.draft, twin);
        self.digest = dedup::listed(&self.draft);
    }

    pub(super) fn into_entry(self) -> Entry {
        Entry { draft: self.draft, keys: self.keys, first_seen: self.first_seen }
    }
}

/// How strong a key is, strongest first.
pub(super) fn kind(key: &IdentityKey) -> u8 {
    match key {
        IdentityKey::Item(_) => 0,
        IdentityKey::Guid(_) => 1,
        IdentityKey::Url(_) => 2,
        IdentityKey::TitleDate(_) => 3,
    }
}

/// How many items on top of a list are pinned there: known ones that are older than what stands below them, on a list that
/// shows the newest first otherwise. They are no news, and no reason to stop reading.
pub(super) fn pinned(items: &[Listed]) -> usize {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// More on top than these are a list in another order.
    const MOST: usize = 10;
    let dates: Vec<Option<Timestamp>> = items.iter().map(date).collect();
    let is_older = |top: usize| {
        let below = dates.get(top + 1..).unwrap_or_default();
        let newest = below.iter().flatten().max();
        items[top].known.is_some()
            && dates[top].zip(newest).is_some_and(|(own, newest)| own.plus(DAY) < *newest)
    };
    let on_top = (0..items.len()).take_while(|top| is_older(*top)).count();
    let rest: Vec<Timestamp> = dates.iter().skip(on_top).flatten().copied().collect();
    let in_order = rest.windows(2).filter(|pair| pair[0] >= pair[1]).count();
    if on_top <= MOST && in_order * 5 >= rest.len().saturating_sub(1) * 4 { on_top } else { 0 }
}

fn date(item: &Listed) -> Option<Timestamp> {
    item.draft.published.as_ref().filter(|date| !date.inferred).map(|date| date.at)
}

/// Drafts without the keys that name nothing: where two items of one list say different things under different
/// strongest keys of one kind (two guids), the weaker key that they share (the address of a page that both are
/// shown on) is nobody's name.
pub(super) fn without_shared(mut drafts: Vec<(Draft, Vec<IdentityKey>)>) -> Vec<(Draft, Vec<IdentityKey>)> {
    let mut owners: HashMap<IdentityKey, (IdentityKey, String)> = HashMap::new();
    let mut shared = HashSet::new();
    for (draft, keys) in &drafts {
        let Some((first, weaker)) = keys.split_first() else { continue };
        let title = text::key(&draft.content.title);
        for key in weaker {
            let (owner, other) = owners.entry(key.clone()).or_insert_with(|| (first.clone(), title.clone()));
            if kind(owner) == kind(first) && owner != first && *other != title {
                shared.insert(key.clone());
            }
        }
    }
    for (_, keys) in &mut drafts {
        let mut place = 0..;
        keys.retain(|key| place.next() == Some(0) || !shared.contains(key));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::samples;

    fn item(title: &str, keys: &[IdentityKey]) -> (Draft, Vec<IdentityKey>) {
        let mut draft = Draft::default();
        draft.content.title = title.to_owned();
        (draft, keys.to_vec())
    }

    fn guid(text: &str) -> IdentityKey {
        IdentityKey::Guid(text.to_owned())
    }

    fn url() -> IdentityKey {
        IdentityKey::Url("/x".to_owned())
    }

    #[test]
    fn an_address_that_two_guids_share_is_nobodys_name() {
        let keys =
            |items: Vec<_>| -> Vec<_> { without_shared(items).into_iter().map(|(_, keys)| keys).collect() };
        let (one, two) = (item("A", &[guid("1"), url()]), item("B", &[guid("2"), url()]));
        assert_eq!(keys(vec![one.clone(), two]), [[guid("1")], [guid("2")]]);
        let reposted = item("A", &[guid("2"), url()]);
        assert_eq!(keys(vec![one.clone(), reposted.clone()]), [one.1.clone(), reposted.1]);
        let bare = item("B", &[url()]);
        assert_eq!(keys(vec![one.clone(), bare.clone()]), [one.1, bare.1]);
    }

    #[test]
    fn old_known_items_above_newer_ones_are_pinned() {
        let listed = |day: i64, is_known: bool| {
            let (mut draft, keys) = item("A", &[guid(&day.to_string())]);
            let at = Timestamp::from_second(day * 86_400);
            let known = samples::article("a", 1, "A", 5);
            draft.published = Some(crate::model::Date { at, ..known.published.clone() });
            Listed {
                digest: dedup::listed(&draft),
                draft,
                keys,
                first_seen: at,
                known: is_known.then(|| Known::from(&known)),
            }
        };
        let check = |days: &[(i64, bool)], expected: usize| {
            let items: Vec<_> = days.iter().map(|(day, is_known)| listed(*day, *is_known)).collect();
            assert_eq!(pinned(&items), expected, "{days:?}");
        };
        check(&[(10, true), (90, false), (89, true), (88, true)], 1);
        check(&[(10, true), (20, true), (90, false), (89, true), (88, true)], 2);
        check(&[(90, false), (89, true), (88, true)], 0);
        check(&[(10, false), (90, false), (89, true)], 0);
        check(&[(89, true), (90, false), (88, true)], 0);
        check(&[(1, true), (2, true), (3, true), (4, true)], 0);
        check(&[(1, true), (9, true), (3, true), (8, true), (2, true), (7, true)], 0);
        check(&[], 0);
    }

    #[test]
    fn the_strongest_key_of_twins_does_not_depend_on_their_order() {
        let listed = |(draft, keys): (Draft, Vec<IdentityKey>)| Listed {
            digest: dedup::listed(&draft),
            draft,
            keys,
            first_seen: Timestamp::default(),
            known: None,
        };
        let (weak, strong) = (item("A", &[url()]), item("A", &[guid("1"), url()]));
        for (first, (draft, keys)) in [(weak.clone(), strong.clone()), (strong, weak)] {
            let mut first = listed(first);
            assert!(first.is(&keys, None));
            first.take_in(draft, keys, None);
            assert_eq!(first.keys, [guid("1"), url()]);
        }
    }
}
