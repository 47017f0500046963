//! What is new since a version that a client has (RFC 3229 with the instance manipulation `feed`).

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Key, Result, Unavailable, What};
use crate::{
    model::{ArticleId, FeedId, Revision},
    publish::{
        Document, Format, Publisher, Variant, cache,
        document::{self, Selection},
        live::Snapshot,
        render,
    },
};

/// How many versions of a feed's document in one format are remembered.
const REMEMBERED: usize = 16;

/// What a version showed.
type Shows = Arc<[(ArticleId, Revision)]>;

/// What is new since a version, and since which.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The version that is current.
    pub current: Arc<Document>,
    /// What is new in it.
    pub news: Arc<Document>,
    /// The tag that the client sent.
    pub base: String,
}

/// The last versions of a feed, the newest last. A thousand feeds have a thousand of these: formats of one version
/// share what they show.
#[derive(Default)]
pub(in crate::publish) struct Past(Mutex<VecDeque<Version>>);

struct Version {
    format: Format,
    tag: String,
    shows: Shows,
}

impl Past {
    /// Remembers a version.
    pub(in crate::publish) fn remember(&self, format: Format, document: &Document) {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if past.iter().any(|version| version.format == format && version.tag == document.tag()) {
            return;
        }
        let like = past.iter().rev().find(|version| version.shows == document.shows);
        let shows = Arc::clone(like.map_or(&document.shows, |version| &version.shows));
        if past.iter().filter(|version| version.format == format).count() >= REMEMBERED
            && let Some(oldest) = past.iter().position(|version| version.format == format)
        {
            past.remove(oldest);
        }
        past.push_back(Version { format, tag: document.tag().to_owned(), shows });
    }

    /// What the version of the first tag that is known showed.
    fn known(&self, format: Format, tags: &[String]) -> Option<(String, Shows)> {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tags.iter().find_map(|tag| {
            let version = past.iter().find(|it| it.format == format && it.tag == without_coding(tag))?;
            Some((tag.clone(), Arc::clone(&version.shows)))
        })
    }
}

/// An entity tag without its quotes and without what it says of the coding.
fn without_coding(tag: &str) -> &str {
    let tag = tag.trim_start_matches("W/").trim_matches('"');
    ["-gzip", "-br", "-zstd"].iter().find_map(|coding| tag.strip_suffix(coding)).unwrap_or(tag)
}

impl Publisher {
    /// What is new in a feed since one of the versions of these entity tags. `None` where the client has the
    /// current version, or none that is remembered.
    pub async fn delta(
        &self,
        feed: &FeedId,
        format: Format,
        prefix: Option<Arc<str>>,
        tags: &[String],
    ) -> Result<Option<Delta>> {
        let live = self.live(feed)?;
        let variant = Variant { prefix, ..Variant::default() };
        let Some(current) = live.document(format, &variant).await else { return Ok(None) };
        if tags.iter().any(|tag| without_coding(tag) == current.tag()) {
            return Ok(None);
        }
        let Some((base, shown)) = live.past.known(format, tags) else { return Ok(None) };
        let what = What::Delta(without_coding(&base).to_owned(), current.tag().to_owned());
        let key = Key { feed: feed.clone(), format, prefix: variant.prefix.clone(), what };
        let place = self.history.documents.place(&key);
        let snapshot = live.snapshot();
        if !is_of(&snapshot, &current) {
            // It changed just now: the whole of it is never wrong.
            return Ok(None);
        }
        let written = place.get_or_try_init(|| async {
            let _turn = self.history.turn().await?;
            let (of, variant) = (Arc::clone(&current), variant.clone());
            let task = tokio::task::spawn_blocking(move || news(&snapshot, format, &variant, &shown, &of));
            task.await.ok().flatten().ok_or(Unavailable::Broken)
        });
        let news = written.await?.clone();
        Ok(Some(Delta { current, news, base }))
    }
}

/// Is the document one of this moment?
fn is_of(snapshot: &Snapshot, document: &Document) -> bool {
    let articles = snapshot.articles.iter().map(|article| (article.id, article.revision));
    document.shows.len() <= snapshot.articles.len()
        && document.shows.iter().copied().eq(articles.take(document.shows.len()))
}

/// The feed with what `shown` does not have only.
fn news(
    snapshot: &Snapshot,
    format: Format,
    variant: &Variant,
    shown: &[(ArticleId, Revision)],
    current: &Document,
) -> Option<Arc<Document>> {
    let known: HashSet<_> = shown.iter().collect();
    let ids: HashSet<_> = shown.iter().map(|(id, _)| *id).collect();
    let shows = snapshot.articles.iter().take(current.shows.len());
    let new: Vec<_> =
        shows.filter(|article| !known.contains(&(article.id, article.revision))).cloned().collect();
    let gone: Vec<_> = snapshot.gone.iter().filter(|(id, _)| ids.contains(id)).copied().collect();
    let selection = Selection {
        feed: &snapshot.feed,
        articles: &new,
        gone: &gone,
        own: snapshot.own(variant),
        links: snapshot.links_of(variant),
        extent: snapshot.feed.extent,
    };
    let channel = document::compose_whole(&snapshot.settings, &selection);
    let channel = document::Channel { updated: snapshot.updated(), ..channel };
    let version = render::checked(format, &channel).map(|body| cache::Version {
        content_type: format.content_type(),
        link: current.link.clone(),
        body,
        changed: current.last_modified,
        private: snapshot.feed.is_private(),
        freshness: Arc::clone(&current.freshness),
        shows: Arc::default(),
    });
    render::accept(snapshot.feed.id.as_str(), format.extension(), version, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_known_in_every_coding() {
        for tag in ["\"abc\"", "W/\"abc-gzip\"", "\"abc-br\"", "\"abc-zstd\""] {
            assert_eq!(without_coding(tag), "abc", "{tag}");
        }
        assert_eq!(without_coding("\"abc-x\""), "abc-x");
    }
}
