//! Passes without a daemon: `loa run` when none has the store, `loa try` always.

use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    chains,
    probe::Fetched,
    scripted::{self, Means},
};
use crate::{
    clock::{self, SharedClock},
    config::{self, Config},
    extract::{self, Kind},
    fetch::browser::Browser,
    ingest::{
        Ingest, Report, Source, Step, backfill,
        brought::{Push, Receipt},
    },
    journal::Journal,
    model::{ArticleId, SourceId},
    net::{self, tape::Wire},
    store,
};

/// One real pass over each of `sources`, on the store itself. Fails with [`store::Error::Locked`] in the chain
/// when a daemon has it.
pub async fn run_once(config: Config, sources: &[SourceId]) -> anyhow::Result<Vec<Report>> {
    let store = store::open(&config.store).await?;
    let (ingest, chains) = ingest(config, Arc::clone(&store)).await?;
    let mut reports = Vec::new();
    for source in sources {
        reports.push(ingest.pass(source).await?);
    }
    chains::keep(&*store, &chains).await?;
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
    let (ingest, chains) = ingest(config, Arc::clone(&store)).await?;
    let walked = ingest.backfill(source, order, stop, watch).await?;
    chains::keep(&*store, &chains).await?;
    Ok(walked)
}

/// Lets what is held of a source through, on the store that `config` names.
pub async fn accept_once(
    config: Config,
    source: &SourceId,
    announce: Option<bool>,
) -> anyhow::Result<Report> {
    let store = store::open(&config.store).await?;
    let (ingest, _) = ingest(config, store).await?;
    Ok(ingest.accept(source, announce).await?)
}

/// Takes in what is pushed into a source, on the store that `config` names.
pub async fn push_once(config: Config, source: &SourceId, push: Push) -> anyhow::Result<Receipt> {
    let store = store::open(&config.store).await?;
    let (ingest, _) = ingest(config, store).await?;
    Ok(ingest.push(source, push).await?)
}

/// Takes an article back that was pushed, on the store that `config` names. False where it was before.
pub async fn take_back_once(config: Config, source: &SourceId, article: ArticleId) -> anyhow::Result<bool> {
    let store = store::open(&config.store).await?;
    let (ingest, _) = ingest(config, store).await?;
    Ok(ingest.take_back(source, article).await?)
}

/// What a pass that writes nothing showed.
#[derive(Debug)]
pub struct Trial {
    /// What the pass would have done.
    pub report: Report,
    /// A daemon has the store, so nothing was known.
    pub store_in_use: bool,
}

/// Fails where what is asked for a source cannot be kept: nothing is, or scripts ask for it.
pub fn check_recordable(source: &Source) -> anyhow::Result<()> {
    anyhow::ensure!(
        source.asked().is_some(),
        "`{}` asks nobody for anything: there is nothing to record\nhint: recordings are of sources with a `url`",
        source.id
    );
    anyhow::ensure!(
        !(source.browser.list || source.browser.pages),
        not_recordable(source.id.as_str(), "set `browser = \"none\"` for the recording")
    );
    Ok(())
}

/// Why what a browser reads cannot be kept, and how it could without one.
pub fn not_recordable(what: &str, without: &str) -> String {
    format!(
        "`{what}` is read by a browser, and what scripts ask for is not recorded\nhint: {without}, or save the page from \
         your browser and read it with `loa extract`"
    )
}

/// One pass over `source` that writes nothing. What is known comes from the store, if it is there and free; a run that is
/// recorded, or was, knows nothing, so that it is the same wherever it is replayed.
pub async fn try_source(
    config: Config,
    source: Arc<Source>,
    wire: &Wire,
    show: &mut (dyn FnMut(Step) + Send),
) -> anyhow::Result<Trial> {
    let is_live = matches!(wire, Wire::Live);
    if !is_live {
        check_recordable(&source)?;
    }
    let exists = is_live && config.store.path.as_ref().is_some_and(|path| path.exists());
    let opened = if exists { store::open(&config.store).await } else { memory().await };
    let store_in_use = matches!(opened, Err(store::Error::Locked { .. }));
    let store = match opened {
        Ok(store) => store,
        Err(_) => memory().await?,
    };
    let (ingest, _) = ingest_over(config, store, wire).await?;
    Ok(Trial { report: ingest.rehearse(&source, show).await?, store_in_use })
}

/// Reads what stands at `url` and says which of `platforms` it is: `feed` for a feed, else the one whose mark the
/// page shows and whose recipe finds a list on it (a link to another platform is also its mark), else `html` where a list is
/// found by itself.
pub async fn recognize(
    means: Means<'_>,
    url: &Url,
    platforms: &[(String, Arc<extract::Rules>)],
    wire: &Wire,
) -> anyhow::Result<Option<String>> {
    let Means { net, browser, allow_private } = means;
    let client = client_over(net, clock_of(wire), wire)?;
    let page = match browser {
        Some(browser) => scripted::read((&client, clock_of(wire)), browser, url, allow_private).await?.0,
        None => bare(&client, url, allow_private).await?,
    };
    let document = page.document();
    if extract::kind_of(&document, &config::generic().0) == Kind::Feed {
        return Ok(Some("feed".to_owned()));
    }
    // Fingerprints are markup, which is ASCII in every encoding that pages use.
    let markup = String::from_utf8_lossy(&page.bytes);
    let finds_list =
        |found: &extract::Found| !found.items.is_empty() || found.format == extract::sitemap::INDEX;
    let fits = |platform: &&(String, Arc<extract::Rules>)| {
        extract::detect(&markup, std::slice::from_ref(platform)).is_some()
            && finds_list(&extract::extract(&document, Kind::List, &platform.1))
    };
    let platform = platforms.iter().find(fits).map(|(name, _)| name.clone());
    let repeats = || extract::extract(&document, Kind::List, &config::generic().0).items.len() >= 2;
    Ok(platform.or_else(|| repeats().then(|| "html".to_owned())))
}

/// A page as it is sent.
async fn bare(client: &net::Client, url: &Url, allow_private: bool) -> anyhow::Result<Fetched> {
    // What a site keeps closed is not looked at either because somebody wants to know what it is.
    let spacing = Some(std::time::Duration::ZERO);
    let request = net::Request { allow_private, spacing, robots: true, ..net::Request::get(url.clone()) };
    let answer = client.send(request).await?;
    anyhow::ensure!(answer.status < 300, "cannot read `{url}`: the answer is status {}", answer.status);
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    Ok(Fetched { content_type, url: answer.url, bytes: answer.body.to_vec() })
}

/// A store that goes away with us.
async fn memory() -> store::Result<Arc<dyn store::Store>> {
    store::open(&store::Settings { path: None, cache: 0 }).await
}

async fn ingest(
    config: Config,
    store: Arc<dyn store::Store>,
) -> anyhow::Result<(Arc<Ingest>, Arc<net::Chains>)> {
    ingest_over(config, store, &Wire::Live).await
}

async fn ingest_over(
    config: Config,
    store: Arc<dyn store::Store>,
    wire: &Wire,
) -> anyhow::Result<(Arc<Ingest>, Arc<net::Chains>)> {
    let clock = clock_of(wire);
    let chains = chains::open(&*store, &clock).await?;
    let client = net::Client::with_chains(&config.net, Arc::clone(&clock), Arc::clone(&chains), wire.clone());
    let client = client.context("cannot set up the HTTP client")?;
    let journal = Arc::new(Journal::open(store).await?);
    let browser = config.browser.map(|settings| Browser::new(settings, Arc::clone(&clock)));
    Ok((Ingest::new(journal, client, browser, clock, config.ingest), chains))
}

/// A client for one command.
pub(super) fn client(net: &net::Settings, clock: SharedClock) -> anyhow::Result<net::Client> {
    client_over(net, clock, &Wire::Live)
}

fn client_over(net: &net::Settings, clock: SharedClock, wire: &Wire) -> anyhow::Result<net::Client> {
    net::Client::over(net, clock, wire.clone()).context("cannot set up the HTTP client")
}

/// The clock by which a run goes.
fn clock_of(wire: &Wire) -> SharedClock {
    match wire {
        Wire::Live | Wire::Recording(_) => Arc::new(clock::System),
        Wire::Replaying(playback) => playback.clock(),
    }
}
