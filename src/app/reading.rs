//! What is done behind everybody's back.

use std::sync::Arc;

use super::{App, chains};
use crate::{fetch::browser::Browser, net};

impl App {
    /// Ends the browser when nobody needs it, and with the daemon.
    pub(super) fn start_browsing(&self, browser: Option<Browser>) {
        let Some(browser) = browser else { return };
        let stop = self.stop.clone();
        self.supervise("browser", move || {
            let (browser, stop) = (browser.clone(), stop.clone());
            async move {
                browser.watch(stop).await;
                Ok(())
            }
        });
    }

    /// Reads the texts of all that is kept: which articles say the same is known from memory only.
    pub(super) fn start_reading(&self) {
        let (journal, stop) = (Arc::clone(&self.journal), self.stop.clone());
        self.supervise("clusters", move || {
            let (journal, stop) = (Arc::clone(&journal), stop.clone());
            async move { journal.know_everything(stop).await }
        });
    }

    pub(super) fn start_remembering(&self, chains: Arc<net::Chains>) {
        let (store, stop) = (Arc::clone(&self.store), self.stop.clone());
        self.supervise("chains", move || {
            chains::follow(Arc::clone(&store), Arc::clone(&chains), stop.clone())
        });
    }

    pub(super) fn start_announcing(&self, client: net::Client) {
        let (publisher, stop) = (Arc::clone(&self.publisher), self.stop.clone());
        self.supervise("announce", move || {
            let (publisher, client, stop) = (Arc::clone(&publisher), client.clone(), stop.clone());
            async move { publisher.announce(client, stop).await }
        });
        let (canary, stop) = (Arc::clone(&self.canary), self.stop.clone());
        self.supervise("canary", move || {
            let (canary, stop) = (Arc::clone(&canary), stop.clone());
            async move { canary.watch(stop).await }
        });
    }
}
