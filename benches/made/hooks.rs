//! Webhooks, and passes that bring something to tell them.

use loaphuong::{
    journal::Pass,
    model::{Channel, Form, Secret, Seq, State, Subscription},
};

use super::made;

/// Bytes of the secret that every webhook has.
pub(crate) const SECRET: [u8; 32] = [7; 32];

/// The webhook with this number: it wants everything.
pub(crate) fn webhook(n: u64, url: String) -> Subscription {
    Subscription {
        id: format!("sub_{n}").parse().expect("a fine id"),
        url,
        channel: Channel::Webhook(Form::Native),
        filter: None,
        events: Vec::new(),
        secrets: vec![Secret::Shared(SECRET.to_vec())],
        rotated: None,
        state: State::Active,
        configured: false,
        allow_private: true,
        created: made::at(0),
        after: Seq(0),
        hold_until: None,
        failing_since: None,
        last_error: None,
        delivered: None,
        verified: None,
        owner: None,
        page: None,
        made_by: None,
    }
}

/// A pass that brings the article with this number, whose text has at least so many bytes.
pub(crate) fn pass(n: u64, body: usize) -> Pass {
    Pass {
        source: "quan1".parse().expect("a fine id"),
        zone: made::zone(),
        at: made::at(n),
        quiet: false,
        entries: vec![made::entry(n, body)],
        state: None,
    }
}
