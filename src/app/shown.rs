//! What push has to know of that which is shown.

use std::collections::BTreeSet;

use crate::{config::Config, model::SourceId, publish, push};

/// The sources that only private feeds read.
pub(crate) fn private_sources(config: &Config) -> BTreeSet<SourceId> {
    let ids = config.ingest.sources.iter().map(|source| source.id.clone());
    ids.filter(|id| !config.publish.is_public(id)).collect()
}

/// What push has to know of the feeds.
pub(super) fn feeds(settings: &publish::Settings) -> Vec<push::Feed> {
    let feed = |feed: &publish::Feed| push::Feed {
        id: feed.id.clone(),
        sources: feed.sources.clone(),
        filter: feed.filter.clone(),
        topics: publish::topics(settings, feed),
    };
    // Payloads are public: they name no feed that is not.
    settings.feeds.iter().filter(|feed| !feed.is_private()).map(feed).collect()
}
