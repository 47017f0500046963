//! Passes without a daemon: `loa run` when none has the store, `loa try` always.

use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    clock::{self, SharedClock},
    config::{self, Config},
    extract::{self, Document, Kind},
    fetch::browser::{self, Browser},
    ingest::{Ingest, Report, Settings, Source, Step, backfill},
    journal::Journal,
    model::SourceId,
    net, store,
};

/// One real pass over each of `sources`, on the store itself. Fails with [`store::Error::Locked`] in the chain
/// when a daemon has it.
pub async fn run_once(config: Config, sources: &[SourceId]) -> anyhow::Result<Vec<Report>> {
    let store = store::open(&config.store).await?;
    let ingest = ingest(&config.net, config.browser, config.ingest, store).await?;
    let mut reports = Vec::new();
    for source in sources {
        reports.push(ingest.pass(source).await?);
    }
    Ok(reports)
}

/// A walk through the archive of `source`, on the store itself. Fails with [`store::Error::Locked`] in the chain when
/// a daemon has it.
pub async fn backfill_once(
    config: Config,
    source: &SourceId,
    order: backfill::Order,
    stop: &CancellationToken,
    watch: backfill::Watch<'_>,
) -> anyhow::Result<backfill::Walked> {
    let store = store::open(&config.store).await?;
    let ingest = ingest(&config.net, config.browser, config.ingest, store).await?;
    Ok(ingest.backfill(source, order, stop, watch).await?)
}

/// Lets what is held of a source through, on the store that `config` names.
pub async fn accept_once(
    config: Config,
    source: &SourceId,
    announce: Option<bool>,
) -> anyhow::Result<Report> {
    let store = store::open(&config.store).await?;
    let ingest = ingest(&config.net, config.browser, config.ingest, store).await?;
    Ok(ingest.accept(source, announce).await?)
}

/// What a pass that writes nothing showed.
#[derive(Debug)]
pub struct Trial {
    /// What the pass would have done.
    pub report: Report,
    /// A daemon has the store, so nothing was known.
    pub store_in_use: bool,
}

/// One pass over `source` that writes nothing. What is known comes from the store, if it is there and free.
pub async fn try_source(
    config: Config,
    source: Arc<Source>,
    show: &mut (dyn FnMut(Step) + Send),
) -> anyhow::Result<Trial> {
    let exists = config.store.path.as_ref().is_some_and(|path| path.exists());
    let opened = if exists { store::open(&config.store).await } else { memory().await };
    let store_in_use = matches!(opened, Err(store::Error::Locked { .. }));
    let store = match opened {
        Ok(store) => store,
        Err(_) => memory().await?,
    };
    let ingest = ingest(&config.net, config.browser, config.ingest, store).await?;
    Ok(Trial { report: ingest.rehearse(&source, show).await?, store_in_use })
}

/// Reads what stands at `url` and says which of `platforms` it is: `feed` for a feed, else the one whose mark the
/// page shows and whose recipe finds a list on it (a link to another platform is also its mark), else `html` where a list is
/// found by itself.
pub async fn recognize(
    net: &net::Settings,
    url: &Url,
    allow_private: bool,
    platforms: &[(String, Arc<extract::Rules>)],
) -> anyhow::Result<Option<String>> {
    let client = client(net, Arc::new(clock::System))?;
    // What a site keeps closed is not looked at either because somebody wants to know what it is.
    let spacing = Some(std::time::Duration::ZERO);
    let request = net::Request { allow_private, spacing, robots: true, ..net::Request::get(url.clone()) };
    let answer = client.send(request).await?;
    anyhow::ensure!(answer.status < 300, "cannot read `{url}`: the answer is status {}", answer.status);
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    let document = Document { bytes: &answer.body, content_type, url: &answer.url };
    if extract::kind_of(&document, &config::generic().0) == Kind::Feed {
        return Ok(Some("feed".to_owned()));
    }
    // Fingerprints are markup, which is ASCII in every encoding that pages use.
    let page = String::from_utf8_lossy(&answer.body);
    let fits = |platform: &&(String, Arc<extract::Rules>)| {
        extract::detect(&page, std::slice::from_ref(platform)).is_some()
            && !extract::extract(&document, Kind::List, &platform.1).items.is_empty()
    };
    let platform = platforms.iter().find(fits).map(|(name, _)| name.clone());
    let repeats = || extract::extract(&document, Kind::List, &config::generic().0).items.len() >= 2;
    Ok(platform.or_else(|| repeats().then(|| "html".to_owned())))
}

/// A store that goes away with us.
async fn memory() -> store::Result<Arc<dyn store::Store>> {
    store::open(&store::Settings { path: None, cache: 0 }).await
}

async fn ingest(
    net: &net::Settings,
    browser: Option<browser::Settings>,
    settings: Settings,
    store: Arc<dyn store::Store>,
) -> anyhow::Result<Arc<Ingest>> {
    let clock: SharedClock = Arc::new(clock::System);
    let client = client(net, Arc::clone(&clock))?;
    let journal = Arc::new(Journal::open(store).await?);
    let browser = browser.map(|settings| Browser::new(settings, Arc::clone(&clock)));
    Ok(Ingest::new(journal, client, browser, clock, settings))
}

/// A client for one command.
pub(super) fn client(net: &net::Settings, clock: SharedClock) -> anyhow::Result<net::Client> {
    net::Client::new(net, clock).context("cannot set up the HTTP client")
}
