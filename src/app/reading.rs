//! What is read behind everybody's back.

use std::sync::Arc;

use super::App;

impl App {
    /// Reads the texts of all that is kept: which articles say the same is known from memory only.
    pub(super) fn start_reading(&self) {
        let (journal, stop) = (Arc::clone(&self.journal), self.stop.clone());
        self.supervise("clusters", move || {
            let (journal, stop) = (Arc::clone(&journal), stop.clone());
            async move { journal.know_everything(stop).await }
        });
    }
}
