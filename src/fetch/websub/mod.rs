//! The subscriber of WebSub (<https://www.w3.org/TR/websub/>): what it says to hubs, and what it believes of them.
//!
//! `lease` decides what becomes of a subscription, `request` asks hubs, `signature` checks what they push. Who
//! subscribes to what, and what a push leads to, is others' matter: `ingest::websub` follows sources,
//! `publish::canary` watches a hub that our own feeds name.

pub mod lease;
mod request;
mod signature;

pub use lease::{Agenda, Leases, Said, Wanted};
pub use request::{ask, fresh};
pub use signature::Check;

/// The parameters of a question at a callback (WebSub, sections 5.2 and 5.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// `hub.mode`
    pub mode: String,
    /// `hub.topic`
    pub topic: String,
    /// `hub.challenge`
    pub challenge: String,
    /// `hub.lease_seconds`, where it is a number.
    pub lease: Option<u64>,
    /// `hub.reason`
    pub reason: String,
}

/// Whose callback an address is.
pub enum Callback {
    /// Nobody's.
    Unknown,
    /// One that we do not listen to any more.
    Left,
    /// One of ours. A push whose signature cannot even be checked has none.
    Known(Option<Box<Check>>),
}

impl Callback {
    /// Whose the callback with `token` is; `signature` is the header of a push to it.
    pub fn of(leases: Leases<'_>, token: &str, signature: Option<&str>) -> Self {
        match leases.find(token.as_bytes()) {
            None => Self::Unknown,
            Some((_, crate::model::Intent::Unsubscribe)) => Self::Left,
            Some((lease, _)) => Self::Known(Check::new(signature, &lease.secret).map(Box::new)),
        }
    }
}
