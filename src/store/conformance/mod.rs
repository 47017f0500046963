//! The promises of a store, each a function, each held against every backend.

mod articles;
mod export;
mod queue;
pub(crate) mod samples;

use std::sync::Arc;

use super::{Settings, Store};

/// A store under test, and the folder in which it lies.
pub(crate) struct Kept {
    pub(crate) store: Arc<dyn Store>,
    folder: Option<tempfile::TempDir>,
}

impl Kept {
    pub(crate) async fn in_memory() -> Self {
        let store = super::open(&Settings { path: None, cache: 0 }).await.unwrap();
        Self { store, folder: None }
    }

    pub(crate) async fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = super::open(&settings(&folder)).await.unwrap();
        Self { store, folder: Some(folder) }
    }

    /// A second, empty store of the same kind.
    async fn another(&self) -> Self {
        if self.folder.is_some() { Self::on_disk().await } else { Self::in_memory().await }
    }

    /// Closes and opens it; one in memory has nothing to open.
    async fn reopened(self) -> Self {
        let Some(folder) = self.folder else { return self };
        drop(self.store);
        let store = super::open(&settings(&folder)).await.unwrap();
        Self { store, folder: Some(folder) }
    }
}

fn settings(folder: &tempfile::TempDir) -> Settings {
    Settings { path: Some(folder.path().join("data")), cache: 16 << 20 }
}

macro_rules! promises {
    ($($room:ident::$promise:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                super::$room::$promise(super::Kept::in_memory().await).await;
            })+
        }

        mod sled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                super::$room::$promise(super::Kept::on_disk().await).await;
            })+
        }
    };
}

promises! {
    articles::an_empty_store_has_nothing,
    articles::a_commit_is_whole,
    articles::a_commit_on_an_old_head_changes_nothing,
    articles::numbers_are_given_without_gaps,
    articles::an_alias_keeps_leading_where_it_led,
    articles::revisions_stay_and_the_first_dates_hold,
    articles::newest_pages_through_ties,
    articles::a_reader_below_the_floor_is_told,
    articles::large_articles_come_back_and_go,
    articles::a_follower_sees_every_number_once_and_in_order,
    articles::everything_is_there_after_a_restart,
    queue::a_step_is_taken_once,
    queue::due_is_asked_per_subscription,
    queue::settling_moves_rows,
    queue::settling_what_is_gone_changes_nothing,
    queue::a_parked_delivery_can_be_tried_again,
    queue::removing_a_subscription_leaves_nothing,
    queue::the_ledger_is_read_from_its_end_and_cut_at_its_beginning,
    queue::a_replay_makes_due_again,
    queue::counts_follow_every_write,
    queue::sources_are_remembered,
    queue::followings_are_remembered_until_they_are_forgotten,
    queue::the_canary_is_remembered_until_it_is_forgotten,
    queue::gates_are_remembered,
    queue::what_completes_certificates_is_remembered_until_it_is_forgotten,
    queue::tokens_are_remembered_until_they_are_removed,
    queue::a_walk_is_remembered_as_it_was_last_written,
    export::a_restored_export_is_the_same_store,
    export::an_export_of_a_newer_schema_is_refused,
}

mod disk;
