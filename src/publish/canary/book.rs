//! What the canary knows of its hub, and how that follows from what is visible.

use std::sync::Arc;

use super::{
    Known, State,
    judge::{self, Expected},
    tell,
};
use crate::{
    fetch::websub::{self, Agenda, Leases, Wanted, lease},
    model::{self, Advert, FeedId, Intent, Lease, Promptness, Timestamp},
    publish::{Format, Other, Settings, Shown, Watch, document::Address, live::Live},
};

/// What is known of the hub.
#[derive(Default)]
pub(super) struct Book {
    /// Was it read from the store?
    pub(super) is_open: bool,
    /// What is remembered, and what of it is on the disk.
    pub(super) kept: Option<model::Canary>,
    pub(super) written: Option<model::Canary>,
    pub(super) expected: Expected,
    /// The hub that is not named, as the publisher has been told.
    pub(super) distrusted: Option<String>,
    /// What was looked at last.
    pub(super) looked: Option<Sight>,
    /// What was said last of how it is, and of whether it is trusted.
    said: Option<(State, bool)>,
    /// When to look again.
    pub(super) next: Option<Timestamp>,
}

/// What there is to look at: the settings, and the version of the feed that is watched.
#[derive(Clone)]
pub(super) struct Sight(pub(super) Arc<Settings>, Option<u64>);

// === impl Book ===

impl Book {
    /// Every subscription, with what its hub is asked for next.
    pub(super) fn leases(&self) -> impl Iterator<Item = (&Lease, Intent)> {
        self.kept.iter().flat_map(|kept| lease::each(kept.lease.as_ref(), &kept.left))
    }

    /// The feed that is watched, as it is visible.
    pub(super) fn watched(&self, shown: &Shown) -> Option<Arc<Live>> {
        let kept = self.kept.as_ref().filter(|kept| kept.lease.is_some())?;
        shown.feeds.get(&kept.feed).map(Arc::clone)
    }

    /// What there is to tell; nothing while no hub is watched.
    pub(super) fn known(&self) -> Option<Arc<Known>> {
        let kept = self.kept.as_ref().filter(|kept| kept.lease.is_some())?;
        let waiting = self.expected.changes.iter().map(|change| change.at).collect();
        Some(Arc::new(Known { kept: kept.clone(), waiting }))
    }

    pub(super) fn sight(&self, shown: &Shown) -> Sight {
        let version = self.watched(shown).map(|live| live.snapshot().version);
        Sight(Arc::clone(&shown.settings), version)
    }

    /// Makes what is agreed fit what is wanted: the hub of the settings, and one feed.
    pub(super) fn aim(&mut self, shown: &Shown, now: Timestamp) {
        let token = |kept: &Option<model::Canary>| Some(kept.as_ref()?.lease.as_ref()?.token.clone());
        let before = token(&self.kept);
        let wanted = shown.settings.other_hub().and_then(|other| self.wanted(other, shown));
        self.kept = match (&wanted, self.kept.take()) {
            (Some((feed, wanted)), Some(kept)) if kept.hub == wanted.advert.hub => {
                Some(model::Canary { feed: feed.clone(), ..kept })
            }
            (Some((feed, wanted)), old) => {
                let new = model::Canary::new(wanted.advert.hub.clone(), feed.clone(), now);
                let (lease, left) = old.map_or((None, Vec::new()), |old| (old.lease, old.left));
                Some(model::Canary { lease, left, ..new })
            }
            (None, old) => old.map(|old| model::Canary { distrusted: None, ..old }),
        };
        if let Some(kept) = &mut self.kept {
            leases(kept).settle(wanted.map(|(_, wanted)| wanted), now, websub::fresh);
            self.kept.take_if(|kept| kept.lease.is_none() && kept.left.is_empty());
        }
        if token(&self.kept) != before {
            self.expected = Expected::default();
        }
    }

    /// What should be agreed with `other`, and about which feed; nothing where it is not watched.
    fn wanted(&self, other: &Other, shown: &Shown) -> Option<(FeedId, Wanted)> {
        let Watch::At(base) = &other.watch else { return None };
        let kept = self.kept.as_ref().filter(|kept| kept.hub == other.address);
        let snapshots = shown.feeds.values().map(|live| live.snapshot());
        let public = snapshots.filter(|snapshot| !snapshot.feed.is_private());
        let changed = public.map(|snapshot| (snapshot.feed.id.clone(), snapshot.changed));
        let feed = judge::choose(kept.map(|kept| &kept.feed), changed)?;
        let topic = Address::of(&shown.settings, &feed).of_format(Format::Atom);
        // The operator wrote the address down: a hub may stand beside us.
        let advert = Advert { hub: other.address.clone(), topic };
        Some((feed, Wanted { advert, base: base.clone(), allow_private: true }))
    }

    /// Gives up what has not come, and decides whether the hub is trusted.
    pub(super) fn judge(&mut self, now: Timestamp) -> Agenda {
        let n_missing = self.expected.give_up(now);
        let mut agenda = Agenda::of(self.leases(), now);
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.lease.is_some()) {
            (0..n_missing).for_each(|_| tell::count(kept, Promptness::Missing));
            judge::decide(kept, now);
            let others = self.expected.next().into_iter().chain(judge::next(kept, now));
            agenda.next = agenda.next.into_iter().chain(others).min();
        }
        self.next = agenda.next;
        agenda
    }

    /// Says in the log how the hub is, when that has changed.
    pub(super) fn tell(&mut self, other: Option<&Other>, now: Timestamp) {
        let watched = self.kept.as_ref().filter(|kept| kept.lease.is_some());
        let said = watched.map(|kept| (judge::state(kept, now), kept.distrusted.is_none()));
        let trusted = |said: Option<(State, bool)>| said.is_none_or(|(_, is_trusted)| is_trusted);
        let before = std::mem::replace(&mut self.said, said);
        if before != said {
            metrics::gauge!("loa_hub_canary_trusted").set(f64::from(u8::from(trusted(said))));
        }
        let (Some(kept), Some((state, is_trusted)), Some(other)) = (watched, said, other) else { return };
        if before.map(|(state, _)| state) != Some(state) {
            tell::state(kept, state);
        }
        if trusted(before) != is_trusted {
            tell::trust(other, is_trusted);
        }
    }
}

/// The subscriptions of the canary, to be changed.
pub(super) fn leases(kept: &mut model::Canary) -> Leases<'_> {
    Leases { lease: &mut kept.lease, left: &mut kept.left }
}

/// The hub that is not trusted.
pub(super) fn distrusted(kept: Option<&model::Canary>) -> Option<String> {
    kept.filter(|kept| kept.distrusted.is_some()).map(|kept| kept.hub.clone())
}

// === impl Sight ===

impl Sight {
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) && self.1 == other.1
    }
}
