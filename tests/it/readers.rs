//! The feed doctor: small models of real feed readers live through the histories that sources go through.
//!
//! Whatever happens at the source, no reader shows a story twice, misses one, shows one again that nobody edited, or
//! gets a document that it has. [`READERS`] times the formats that each reads, times [`histories::ALL`]: one more
//! reader or one more history is one more entry. `rules` shows that the readers do notice bad feeds.

mod client;
mod document;
mod feedparser;
mod freshrss;
mod histories;
mod miniflux;
mod netnewswire;
mod rules;
mod ward;

use client::Rules;
use ward::Ward;

/// Who follows our feeds.
static READERS: [Rules; 4] =
    [miniflux::MINIFLUX, freshrss::FRESHRSS, netnewswire::NETNEWSWIRE, feedparser::FEEDPARSER];

/// One test for each history: its name, and the world in which it happens.
macro_rules! histories {
    ($($history:ident in $world:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $history() {
            let world = histories::$world().await;
            let mut ward = Ward::open(stringify!($history), world).await;
            histories::$history(&mut ward).await;
            ward.close().await;
        }
    )+};
}

histories! {
    a_quiet_day in portal;
    nine_days_without_news in portal;
    a_day_with_news in portal;
    significant_edits in portal;
    edits_that_nobody_sees in portal;
    the_source_moves_to_another_host in portal;
    the_source_moves_to_https in feed;
    an_outage in portal;
    restarts in portal;
    the_store_is_lost in portal;
    a_late_story in portal;
    a_story_of_the_future in portal;
    a_story_later_than_the_window in portal;
    pinned_stories in portal;
    a_reordered_list in feed;
    old_stories_leave_the_list in portal;
    the_zone_changes in portal;
    new_addresses_of_the_same_stories in portal;
    a_renamed_feed in portal;
    a_hub_that_does_not_answer in hub;
}
