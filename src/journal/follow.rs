//! Reading on: mark, then look, then wait.

use tokio::sync::watch;

use super::Journal;
use crate::{
    model::{Event, Seq},
    store,
};

impl Journal {
    /// The next lines after `after`, at least one and at most `limit`; waits until there is one.
    ///
    /// `head` is the caller's own receiver from [`Journal::head`]. It is marked as seen before the store is looked at,
    /// so that a line that arrives in between wakes the caller. Dropping the future loses nothing.
    pub async fn next_batch(
        &self,
        after: Seq,
        limit: usize,
        head: &mut watch::Receiver<Seq>,
    ) -> store::Result<Vec<Event>> {
        loop {
            head.mark_unchanged();
            let events = self.store.events(after, limit.max(1)).await?;
            if !events.is_empty() {
                return Ok(events);
            }
            head.changed().await.expect("the sender lives as long as the journal that is borrowed here");
        }
    }
}
