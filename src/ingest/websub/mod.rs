//! Following sources by push: the subscriber of WebSub (<https://www.w3.org/TR/websub/>).
//!
//! A feed that names a hub is subscribed there. What the hub pushes is never read: a genuine push makes the source
//! due, and an ordinary pass fetches and judges as always. Polling goes on, as the safety net.
//!
//! `advert` finds the hub, `ask` asks hubs, `callback` hears them, `book` remembers. What every subscriber says and
//! believes stands in `fetch::websub`.

mod advert;
mod ask;
mod book;
mod callback;

use url::Url;

pub(super) use book::Book;

use super::{
    Ingest, Source,
    schedule::pushed::{Look, trust},
};
use crate::{
    fetch::websub::{Leases, lease},
    model::{Advert, Following, Intent, Lease, Link, SourceId, Timestamp},
    store::{self, Store},
};

/// What a pass saw that has to do with hubs.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight {
    /// How many pushes had come when it began.
    pub(super) pushes: u64,
    /// What the feed advertises; the outer `None` where it was not read.
    pub(super) advert: Option<Option<Advert>>,
    /// Was something there that a hub should have told?
    pub(super) news: bool,
    /// Was the source read, or found unchanged?
    pub(super) succeeded: bool,
}

// === impl Ingest: what a pass has to do with hubs ===

impl Ingest {
    /// What is known of a source's hub when a pass begins.
    pub(super) async fn sight(&self, source: &SourceId) -> store::Result<Sight> {
        let following = self.hubs.get(self.store(), source).await?;
        Ok(Sight { pushes: following.map_or(0, |following| following.pushes), ..Sight::default() })
    }

    /// Takes in what a pass saw.
    pub(super) async fn seen(&self, source: &SourceId, sight: Sight) -> store::Result<()> {
        let edit = |following: &mut Following| {
            if let Some(advert) = sight.advert {
                following.advert = advert;
            }
            if sight.succeeded {
                let look = match (sight.news, sight.pushes > following.answered) {
                    (false, _) => Look::Nothing,
                    (true, true) => Look::ToldOfNews,
                    (true, false) => Look::FoundNews,
                };
                following.trust = trust(following.trust, look);
                following.answered = sight.pushes;
            }
        };
        self.hubs.change(self.store(), source, edit).await?;
        self.hubs.reconsider();
        Ok(())
    }

    pub(super) fn store(&self) -> &dyn Store {
        &**self.journal.store()
    }
}

/// What a feed that was read at `url` advertises, by its `Link` headers and by itself.
pub(super) fn advertised(source: &Source, headers: &[Link], document: &[Link], url: &Url) -> Option<Advert> {
    advert::advert(headers, document, url).filter(|_| source.extract.feed)
}

/// When a hub has to be asked about a source next, if at all.
fn advert_due(following: &Following) -> Option<Timestamp> {
    all_leases(following).filter_map(|(lease, _)| lease.next).min()
}

/// Every subscription of a source, with what its hub is asked for next.
fn all_leases(following: &Following) -> impl Iterator<Item = (&Lease, Intent)> {
    lease::each(following.lease.as_ref(), &following.left)
}

/// The subscriptions of a source, to be changed.
fn leases(following: &mut Following) -> Leases<'_> {
    Leases { lease: &mut following.lease, left: &mut following.left }
}
