//! An address that no configuration names, as its scripts make it.

use anyhow::bail;
use url::Url;

use super::probe::Fetched;
use crate::{
    clock::SharedClock,
    fetch::{
        self, Ask, Outcome,
        browser::{self, Browser},
    },
    model::{Issue, Validators},
    net,
};

/// How an address is asked that no configuration names.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// Limits and manners.
    pub net: &'a net::Settings,
    /// Runs the scripts of the page; `None` reads it as it is sent.
    pub browser: Option<&'a browser::Settings>,
    /// May it stand in a private network?
    pub allow_private: bool,
}

/// Reads a page by the browser, which is ended again; also what was odd.
pub(super) async fn read(
    (client, clock): (&net::Client, SharedClock),
    settings: &browser::Settings,
    url: &Url,
    allow_private: bool,
) -> anyhow::Result<(Fetched, Vec<Issue>)> {
    let ask = Ask {
        url: url.clone(),
        validators: Validators::default(),
        allow_private,
        spacing: None,
        trust: None,
        robots: true,
        in_background: false,
        accept: fetch::ACCEPT_PAGE,
        partial: false,
    };
    let browser = Browser::new(settings.clone(), clock);
    let shown = browser::show(Some(&browser), client, &ask, None).await;
    match shown.outcome {
        Outcome::Fresh { body, content_type, url, .. } => {
            Ok((Fetched { url, content_type, bytes: body.to_vec() }, shown.issues))
        }
        Outcome::Gone { status } => bail!("cannot read `{url}`: the answer is status {status}"),
        Outcome::Later { reason, .. } => bail!("cannot read `{url}`: {reason}"),
        Outcome::Held(restraint) => bail!("cannot read `{url}`: {restraint}"),
        Outcome::Failed(error) => Err(error.into()),
        Outcome::Unchanged { .. } => bail!("`{url}` was not read"),
    }
}
