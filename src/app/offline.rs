//! Passes without a daemon: `loa run` when none has the store, `loa try` always.

use std::sync::Arc;

use anyhow::Context;

use crate::{
    clock::{self, SharedClock},
    config::Config,
    ingest::{Ingest, Report, Settings, Source, Step},
    journal::Journal,
    model::SourceId,
    net, store,
};

/// One real pass over each of `sources`, on the store itself. Fails with [`store::Error::Locked`] in the chain
/// when a daemon has it.
pub async fn run_once(config: Config, sources: &[SourceId]) -> anyhow::Result<Vec<Report>> {
    let store = store::open(&config.store).await?;
    let ingest = ingest(&config.net, config.ingest, store).await?;
    let mut reports = Vec::new();
    for source in sources {
        reports.push(ingest.pass(source).await?);
    }
    Ok(reports)
}

/// One pass over `source` that writes nothing. What is known comes from the store, if it is there and free.
pub async fn try_source(
    config: Config,
    source: Arc<Source>,
    show: &mut (dyn FnMut(Step) + Send),
) -> anyhow::Result<Report> {
    let exists = config.store.path.as_ref().is_some_and(|path| path.exists());
    let opened = if exists { store::open(&config.store).await.ok() } else { None };
    let store = match opened {
        Some(store) => store,
        None => store::open(&store::Settings { path: None, ..config.store }).await?,
    };
    let ingest = ingest(&config.net, config.ingest, store).await?;
    Ok(ingest.rehearse(&source, show).await?)
}

async fn ingest(
    net: &net::Settings,
    settings: Settings,
    store: Arc<dyn store::Store>,
) -> anyhow::Result<Arc<Ingest>> {
    let clock: SharedClock = Arc::new(clock::System);
    let client = net::Client::new(net, Arc::clone(&clock)).context("cannot set up the HTTP client")?;
    let journal = Arc::new(Journal::open(store).await?);
    Ok(Ingest::new(journal, client, clock, settings))
}
