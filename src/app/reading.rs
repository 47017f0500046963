//! What is read behind everybody's back.

use std::sync::Arc;

use super::App;
use crate::fetch::browser::Browser;

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
}
