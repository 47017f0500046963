//! From views to documents: composed, written, read again strictly, packed. Pure but for its logs.

use std::{collections::HashMap, sync::Arc};

use super::{
    Document, Feed, Format, Rendered, Settings, atom, cache, document, json, opml, rss, strict, view::View,
};
use crate::model::{Article, FeedId, Timestamp};

/// Everything that one feed's rendering depends on.
pub(super) struct Job {
    /// How feeds are published.
    pub(super) settings: Arc<Settings>,
    /// Which feed.
    pub(super) feed: Arc<Feed>,
    /// What it shows, newest first.
    pub(super) articles: Vec<Arc<Article>>,
    /// When that last changed, by the articles.
    pub(super) changed: Timestamp,
    /// What is visible so far.
    pub(super) previous: Option<Arc<Rendered>>,
}

impl Job {
    /// The job of rendering `view` again. Nothing is dated later than `now` by an article from the future.
    pub(super) fn new(
        settings: &Arc<Settings>,
        view: &View,
        previous: Option<&Arc<Rendered>>,
        now: Timestamp,
    ) -> Self {
        Self {
            settings: Arc::clone(settings),
            feed: Arc::clone(&view.feed),
            articles: view.articles().to_vec(),
            changed: view.changed().unwrap_or_default().min(now),
            previous: previous.map(Arc::clone),
        }
    }

    /// Renders the feed in every format.
    pub(super) fn run(self) -> Rendered {
        let channel = document::compose(&self.settings, &self.feed, &self.articles);
        let documents = Format::ALL.map(|format| {
            let previous = self.previous.as_ref().and_then(|rendered| rendered.document(format));
            let address = format!("{}.{}", channel.address, format.extension());
            let body = checked(format, &channel);
            let content_type = format.content_type();
            let version =
                body.map(|body| cache::Version { content_type, address, body, changed: self.changed });
            accept(self.feed.id.as_str(), format.extension(), version, previous)
        });
        Rendered { articles: self.articles, documents, updated: channel.updated }
    }
}

impl Rendered {
    fn document(&self, format: Format) -> Option<&Arc<Document>> {
        let [rss, atom, json] = &self.documents;
        match format {
            Format::Rss => rss.as_ref(),
            Format::Atom => atom.as_ref(),
            Format::Json => json.as_ref(),
        }
    }
}

/// Writes `channel` in one format and reads it again.
pub(super) fn checked(format: Format, channel: &document::Channel) -> Result<Vec<u8>, String> {
    let body = write(format, channel)?;
    read(format, &body, channel.entries.len())?;
    Ok(body)
}

fn write(format: Format, channel: &document::Channel) -> Result<Vec<u8>, String> {
    match format {
        Format::Rss => rss::render(channel),
        Format::Atom => atom::render(channel),
        Format::Json => json::render(channel),
    }
}

/// Reads a rendering again, forgiving nothing.
fn read(format: Format, body: &[u8], n_entries: usize) -> Result<(), String> {
    let found = match format {
        Format::Rss => strict::xml(body, "item"),
        Format::Atom => strict::xml(body, "entry"),
        Format::Json => strict::json(body),
    }?;
    if found == n_entries { Ok(()) } else { Err(format!("{found} of {n_entries} items can be read back")) }
}

/// The new version, or the previous one when the new one is broken: that is our bug, and no reader's problem.
pub(super) fn accept(
    feed: &str,
    format: &'static str,
    version: Result<cache::Version, String>,
    previous: Option<&Arc<Document>>,
) -> Option<Arc<Document>> {
    match version {
        Ok(version) => Some(cache::document(version, previous)),
        Err(error) => {
            metrics::counter!("loa_render_failures_total", "format" => format).increment(1);
            tracing::error!(feed, format, %error, "cannot render `{feed}` as {format}: {error}");
            previous.map(Arc::clone)
        }
    }
}

/// The catalogue of `settings`, with the date of what `feeds` show.
pub(super) fn catalogue(
    settings: &Settings,
    feeds: &HashMap<FeedId, Arc<Rendered>>,
    previous: Option<&Arc<Document>>,
    now: Timestamp,
) -> Arc<Document> {
    let channels: Vec<_> =
        settings.feeds.iter().map(|feed| document::compose::<Arc<Article>>(settings, feed, &[])).collect();
    let updated = settings
        .feeds
        .iter()
        .filter_map(|feed| feeds.get(&feed.id)?.updated)
        .max_by_key(|moment| (moment.at, moment.offset.0));
    let version = |channels: &[document::Channel], title: &str| -> Result<cache::Version, String> {
        let body = opml::render(title, channels, updated)?;
        strict::xml(&body, "outline")?;
        Ok(cache::Version {
            content_type: "text/x-opml; charset=utf-8",
            address: format!("{}/opml.xml", settings.base_url.trim_end_matches('/')),
            body,
            changed: updated.map(|moment| moment.at).unwrap_or_default().min(now),
        })
    };
    let host = settings.base_url.split_once("://").map_or(settings.base_url.as_str(), |(_, host)| host);
    accept("opml", "opml", version(&channels, &document::clean::line(host, 500)), previous)
        .or_else(|| accept("opml", "opml", version(&[], super::GENERATOR), None))
        .expect("an empty catalogue can be rendered")
}
