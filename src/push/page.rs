//! The page on which an owner sees how one subscription is doing: whoever has its link, and no account.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::{Error, Push, random_hex};
use crate::{
    model::{Subscription, SubscriptionId},
    store,
};

impl Push {
    /// A new link to the page of a subscription. The one before opens it no longer; only a hash of its token is kept.
    pub async fn open_page(&self, id: &SubscriptionId) -> Result<String, Error> {
        let token = random_hex::<24>()?;
        let hash = hash(&token);
        self.change(id, |changed| changed.page = Some(hash)).await?;
        let base = self.settings.load().base_url.trim_end_matches('/').to_owned();
        Ok(format!("{base}/s/{token}"))
    }

    /// The subscription whose page a token opens.
    pub async fn by_page(&self, token: &str) -> store::Result<Option<Arc<Subscription>>> {
        let given = hash(token);
        let opens = |one: &Arc<Subscription>| one.page.is_some_and(|page| bool::from(page.ct_eq(&given)));
        Ok(self.book().await?.all().into_iter().find(opens))
    }
}

fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}
