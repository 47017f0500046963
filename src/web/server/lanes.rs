//! Lanes: threads with a runtime of one thread each, on which the hot path runs.
//!
//! A connection stays in its lane, so nothing of it moves between processors, and pages, the API and rendering, which
//! run on the runtime of everything else, cannot stand before it. Lanes get connections in turn.

use std::{io, num::NonZero, pin::Pin, thread};

use tokio::{runtime, sync::mpsc};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// What a lane does with one connection. It makes its socket's registration itself: that belongs to the runtime in
/// which it is made.
pub(super) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The lanes. Their threads end when this is dropped and their connections have ended.
pub(super) struct Lanes {
    lanes: Vec<mpsc::UnboundedSender<Job>>,
    next: usize,
}

impl Lanes {
    /// One lane for two processors, at least one. `tracker` is not empty until their threads have ended.
    ///
    /// The rest of the house works, too, and most of a lane's time is the kernel's: two lanes on two processors answered
    /// less than one (`docs/performance.md`).
    pub(super) fn start(tracker: &TaskTracker) -> Self {
        let count = thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2);
        let mut lanes = Vec::new();
        for number in 0..count {
            match start(number, tracker.token()) {
                Ok(lane) => lanes.push(lane),
                Err(cause) => tracing::error!(%cause, "cannot start a thread that serves feeds: {cause}"),
            }
        }
        Self { lanes, next: 0 }
    }

    /// Gives a connection to the lane whose turn it is. It comes back where there is none.
    pub(super) fn send(&mut self, job: Job) -> Option<Job> {
        self.next = self.next.wrapping_add(1);
        match self.lanes.get(self.next % self.lanes.len().max(1)) {
            Some(lane) => lane.send(job).err().map(|refused| refused.0),
            None => Some(job),
        }
    }
}

fn start(number: usize, running: TaskTrackerToken) -> io::Result<mpsc::UnboundedSender<Job>> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Job>();
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let lane = move || {
        let connections = TaskTracker::new();
        runtime.block_on(async {
            while let Some(job) = receiver.recv().await {
                drop(connections.spawn(job));
            }
            connections.close();
            connections.wait().await;
        });
        drop(runtime);
        drop(running);
    };
    thread::Builder::new().name(format!("loa-lane-{number}")).spawn(lane)?;
    Ok(sender)
}
