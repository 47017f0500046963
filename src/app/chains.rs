//! What completes the certificates of hosts that leave some out, kept over restarts.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    clock::SharedClock,
    net::Chains,
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
