//! What completes the certificates of hosts that leave some out, kept over restarts.

use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::SharedClock,
    config::Config,
    net::{self, Chains},
    store::{self, Store},
};

/// What the store remembers of it. What is too old goes from there.
pub(super) async fn open(store: &dyn Store, clock: &SharedClock) -> store::Result<Arc<Chains>> {
    let (known, now) = (store.mended().await?, clock.now());
    for old in known.iter().filter(|one| !Chains::is_fresh(one, now)) {
        store.remove_mended(&old.host, old.trust).await?;
    }
    Ok(Arc::new(Chains::new(Arc::clone(clock), known)))
}

/// Writes down what was found since.
pub(super) async fn keep(store: &dyn Store, chains: &Chains) -> store::Result<()> {
    for mended in chains.take_new() {
        store.put_mended(mended).await?;
    }
    Ok(())
}

/// Writes down what is found, until `stop`.
pub(super) async fn follow(
    store: Arc<dyn Store>,
    chains: Arc<Chains>,
    stop: CancellationToken,
) -> store::Result<()> {
    loop {
        keep(&*store, &chains).await?;
        if stop.run_until_cancelled(chains.changed()).await.is_none() {
            return keep(&*store, &chains).await;
        }
    }
}

/// The clients of sources and of push. Each has places of its own: slow webhooks must not take those of sources, nor the other
/// way round. Hundreds of webhooks may stand at one host: each place there keeps its connection.
pub(super) fn clients(
    config: &Config,
    clock: &SharedClock,
    chains: &Arc<Chains>,
) -> anyhow::Result<(net::Client, net::Client)> {
    let client = |settings: &net::Settings| {
        net::Client::with_chains(settings, Arc::clone(clock), Arc::clone(chains), net::tape::Wire::Live)
            .context("cannot set up the HTTP client")
    };
    let push = client(&net::Settings {
        concurrency: config.push.requests(),
        idle_per_host: config.push.host_concurrency,
        ..config.net.clone()
    })?;
    Ok((client(&config.net)?, push))
}
