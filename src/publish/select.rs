//! Which feeds want which articles: a feed's sources, then its filter.

use std::sync::Arc;

use super::Feed;
use crate::model::{Article, filter::Facts, markup::to_text};

/// For each of `articles`, which of `feeds` want it. Filters read whole texts, so they are asked on a
/// blocking thread; feeds without one cost nothing.
pub(super) async fn select(articles: &[Arc<Article>], feeds: &[Arc<Feed>]) -> Vec<Vec<bool>> {
    if feeds.iter().all(|feed| feed.filter.is_none()) {
        return articles.iter().map(|article| wanted(article, feeds)).collect();
    }
    let (articles, feeds) = (articles.to_vec(), feeds.to_vec());
    let (n_articles, n_feeds) = (articles.len(), feeds.len());
    let task = tokio::task::spawn_blocking(move || {
        articles.iter().map(|article| wanted(article, &feeds)).collect::<Vec<_>>()
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "filtering {n_articles} articles failed: {error}");
        vec![vec![false; n_feeds]; n_articles]
    })
}

/// Which of `feeds` want `article`.
fn wanted(article: &Article, feeds: &[Arc<Feed>]) -> Vec<bool> {
    let mut facts = None;
    feeds
        .iter()
        .map(|feed| {
            feed.sources.contains(&article.source)
                && feed
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.matches(facts.get_or_insert_with(|| facts_of(article))))
        })
        .collect()
}

/// What filters look at.
fn facts_of(article: &Article) -> Facts {
    Facts::new(article, &to_text(article.content.html.as_str()))
}
