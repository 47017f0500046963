//! Writing down what became of attempts: whoever comes while another one writes is written together with the others who
//! came. A write costs the disk the same for one line as for a hundred.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::store::{self, Error, Settled, Store};

/// Lines that are written at once: a store keeps its other writers waiting meanwhile.
const MOST: usize = 256;

/// Lines that belong together, and who wants to know when they are written.
type Group = (Vec<Settled>, oneshot::Sender<store::Result<()>>);

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct Settling {
    waiting: Mutex<Vec<Group>>,
    writing: tokio::sync::Mutex<()>,
}

impl Settling {
    /// Returns when the lines, which are written together, are durable.
    pub(super) async fn settle(&self, store: &dyn Store, settled: Vec<Settled>) -> store::Result<()> {
        let (sender, mut written) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((settled, sender));
        loop {
            let _writing = self.writing.lock().await;
            // The one before may have written these, too.
            if let Ok(done) = written.try_recv() {
                return done;
            }
            self.write(store).await;
        }
    }

    /// Writes what waits, as much as goes into one write, and tells its owners.
    async fn write(&self, store: &dyn Store) {
        let groups: Vec<_> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let mut lines = 0;
            let fits = waiting.iter().take_while(|(group, _)| {
                lines += group.len();
                lines <= MOST
            });
            // One that is larger by itself goes alone.
            let most = fits.count().max(1).min(waiting.len());
            waiting.drain(..most).collect()
        };
        let (settled, owners): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
        let done = store.settle(settled.into_iter().flatten().collect()).await;
        for owner in owners {
            // Who went away does not want to know.
            owner.send(done.as_ref().copied().map_err(again)).ok();
        }
    }
}

/// The same error for one more.
fn again(cause: &Error) -> Error {
    match cause {
        Error::Conflict { head } => Error::Conflict { head: *head },
        Error::Pruned { floor } => Error::Pruned { floor: *floor },
        Error::Locked { path } => Error::Locked { path: path.clone() },
        Error::Io { doing, path, source } => Error::Io {
            doing,
            path: path.clone(),
            source: std::io::Error::new(source.kind(), source.to_string()),
        },
        Error::Damaged { what } => Error::Damaged { what: what.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Delivery, Follower, Outcome, Seq},
        push::testing::{NOW, subscription},
        store::Step,
    };

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn everybody_is_told_after_it_was_written_and_nobody_twice() {
        let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
        store.put_subscription(subscription("hook")).await.unwrap();
        let id = subscription("hook").id;
        let row = |seq| Delivery { subscription: id.clone(), due: NOW, seq: Seq(seq), attempt: 0 };
        let deliveries = (1..=1_000).map(row).collect();
        store.advance(Step { follower: Follower::Router, cursor: Seq(1_000), deliveries }).await.unwrap();
        let settling = std::sync::Arc::new(Settling::default());
        let mut tasks = tokio::task::JoinSet::new();
        for seq in 1..=1_000 {
            let (settling, store, row) = (settling.clone(), store.clone(), row(seq));
            tasks.spawn(async move {
                let parked = vec![Settled::new(row, Outcome::Parked)];
                settling.settle(&*store, parked).await.unwrap();
                let parked = store.parked(&subscription("hook").id, 2_000).await.unwrap();
                assert!(parked.iter().any(|one| one.seq == Seq(seq)), "{seq}");
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(store.parked(&id, 2_000).await.unwrap().len(), 1_000);
        assert_eq!(store.due(&id, crate::model::Timestamp::MAX, 10).await.unwrap(), []);
    }
}
