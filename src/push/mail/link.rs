//! The links in mails. Pure.
//!
//! Each holds the subscription's name and a code of its own secret (HMAC-SHA256), one for each purpose: nothing has to be
//! kept for a link, those of old mails work as long as the subscription is there, and who knows one cannot make another.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::model::{Secret, Subscription, SubscriptionId, text};

/// Bytes of a code.
const CODE: usize = 16;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To say that mails are wanted: `/m/TOKEN`.
    Confirm,
    /// To say that they are not (any more): `/u/TOKEN`.
    Unsubscribe,
}

impl Purpose {
    /// Where its addresses begin.
    pub fn path(self) -> &'static str {
        match self {
            Self::Confirm => "/m/",
            Self::Unsubscribe => "/u/",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// The token of a subscription; `None` where it has no secret to make it of.
pub fn token(subscription: &Subscription, purpose: Purpose) -> Option<String> {
    let code = code(subscription, purpose)?;
    Some(format!("{}.{}", subscription.id, text::hex(&code)))
}

/// Which subscription a token speaks of, whether it is its own or not; `None` where it looks like no token.
pub fn named(token: &str) -> Option<SubscriptionId> {
    let (id, code) = token.rsplit_once('.')?;
    let is_code = code.len() == 2 * CODE && code.bytes().all(|b| b.is_ascii_hexdigit());
    if is_code { id.parse().ok() } else { None }
}

/// Is this the subscription's token for that purpose?
pub fn opens(subscription: &Subscription, purpose: Purpose, given: &str) -> bool {
    token(subscription, purpose).is_some_and(|own| bool::from(own.as_bytes().ct_eq(given.as_bytes())))
}

fn code(subscription: &Subscription, purpose: Purpose) -> Option<[u8; CODE]> {
    let Some(Secret::Shared(secret)) = subscription.secrets.first() else { return None };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(purpose.word().as_bytes());
    mac.update(b" ");
    mac.update(subscription.id.as_str().as_bytes());
    mac.finalize().into_bytes().first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::testing::subscription;

    #[test]
    fn a_token_opens_one_subscription_for_one_purpose() {
        let one = subscription("sub_1");
        let confirm = token(&one, Purpose::Confirm).unwrap();
        assert_eq!(named(&confirm), Some(one.id.clone()));
        assert!(opens(&one, Purpose::Confirm, &confirm));
        assert!(!opens(&one, Purpose::Unsubscribe, &confirm));
        let other = Subscription { secrets: vec![Secret::Shared(vec![8; 32])], ..one.clone() };
        assert!(!opens(&other, Purpose::Confirm, &confirm), "another secret");
        assert!(!opens(&subscription("sub_2"), Purpose::Confirm, &confirm), "another name");
        let none = Subscription { secrets: Vec::new(), ..one };
        assert_eq!(token(&none, Purpose::Confirm), None);
    }

    #[test]
    fn what_looks_like_no_token_is_none() {
        for wrong in
            ["", ".", "sub_1", "sub_1.", "sub_1.abc", "sub 1.00112233445566778899aabbccddeeff", "../x"]
        {
            assert_eq!(named(wrong), None, "{wrong}");
        }
        assert!(named("sub_1.00112233445566778899aabbccddeeff").is_some());
    }
}
