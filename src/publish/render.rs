//! From views to documents: composed, written, read again strictly. Pure but for its logs.

use std::sync::Arc;

use super::{
    Document, Format, Freshness, Shown, Variant, atom, cache, document, json, live::Snapshot, opml, rss,
    similar, strict,
};
use crate::model::{Article, Timestamp};

/// Writes what a feed shows in one format; the previous document where that fails.
pub(super) fn write(
    snapshot: &Snapshot,
    format: Format,
    variant: &Variant,
    previous: Option<&Arc<Document>>,
) -> Option<Arc<Document>> {
    let collapsed;
    let articles = if variant.collapse {
        collapsed = similar::collapse(&snapshot.articles);
        &collapsed
    } else {
        &snapshot.articles
    };
    let limit = variant.limit.unwrap_or(usize::MAX).min(articles.len());
    let articles = articles.get(..limit).unwrap_or_default();
    let channel = document::compose(
        &snapshot.settings,
        &document::Selection {
            feed: &snapshot.feed,
            articles,
            gone: &snapshot.gone,
            own: snapshot.own(variant),
            links: snapshot.links_of(variant),
            extent: variant.extent.unwrap_or(snapshot.feed.extent),
        },
    );
    let version = checked(format, &channel).map(|body| cache::Version {
        content_type: format.content_type(),
        link: document::link_header(&channel, format),
        body,
        changed: snapshot.changed,
        private: snapshot.feed.is_private(),
        freshness: Arc::clone(&snapshot.freshness),
        // Some may have been left out by their size.
        shows: articles
            .iter()
            .take(channel.entries.len())
            .map(|article| (article.id, article.revision))
            .collect(),
    });
    accept(snapshot.feed.id.as_str(), format.extension(), version, previous)
}

/// Writes `channel` in one format and reads it again.
pub(super) fn checked(format: Format, channel: &document::Channel) -> Result<Vec<u8>, String> {
    let body = written(format, channel)?;
    read(format, &body, channel.entries.len())?;
    Ok(body)
}

fn written(format: Format, channel: &document::Channel) -> Result<Vec<u8>, String> {
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

/// The catalogue of everything that everybody may read, with the date of what that shows.
pub(super) fn catalogue(
    shown: &Shown,
    previous: Option<&Arc<Document>>,
    now: Timestamp,
) -> Option<Arc<Document>> {
    let settings = &*shown.settings;
    let feeds = || settings.feeds.iter().filter(|feed| feed.is_listed());
    let channels: Vec<_> = feeds()
        .map(|feed| {
            document::compose(settings, &document::Selection::<Arc<Article>>::of(settings, feed, &[]))
        })
        .collect();
    let updated = feeds()
        .filter_map(|feed| shown.feeds.get(&feed.id)?.snapshot().updated())
        .max_by_key(|moment| (moment.at, moment.offset.0));
    let version = |channels: &[document::Channel], title: &str| -> Result<cache::Version, String> {
        let body = opml::render(title, channels, updated)?;
        strict::xml(&body, "outline")?;
        Ok(cache::Version {
            content_type: "text/x-opml; charset=utf-8",
            link: format!("<{}/opml.xml>; rel=\"self\"", settings.base_url.trim_end_matches('/')),
            body,
            changed: updated.map(|moment| moment.at).unwrap_or_default().min(now),
            private: false,
            freshness: Arc::new(Freshness::new(settings, &[])),
            shows: Arc::default(),
        })
    };
    let host = settings.base_url.split_once("://").map_or(settings.base_url.as_str(), |(_, host)| host);
    accept("opml", "opml", version(&channels, &document::clean::line(host, 500)), previous)
        .or_else(|| accept("opml", "opml", version(&[], super::GENERATOR), None))
}
