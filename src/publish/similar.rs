//! Articles that say the same, as feeds show them: which ones, and of each cluster the first one only.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Publisher, follow::State, view::View};
use crate::model::{Article, ArticleId, Labels, Timestamp};

impl Publisher {
    /// The articles with the clusters in which they are now. What was recorded with a revision is what was known then:
    /// the first one of a cluster was alone at that time.
    pub(super) fn labeled(&self, articles: Vec<Arc<Article>>) -> Vec<Arc<Article>> {
        articles.into_iter().map(|article| self.label(&article).unwrap_or(article)).collect()
    }

    /// The same for what views have just read.
    pub(super) fn label_views(&self, views: &mut [View]) {
        self.relabel(views, &|_| true);
    }

    /// Shows the clusters that have changed since the last look, wherever one of their articles is held.
    pub(super) fn follow_clusters(&self, state: &mut State) {
        let (changed, n_changes) = self.journal.clusters().changes(state.n_changes);
        state.n_changes = n_changes;
        match changed {
            Some(changed) if changed.is_empty() => {}
            Some(changed) => {
                let changed: HashSet<ArticleId> = changed.into_iter().collect();
                self.relabel(&mut state.views, &|id| changed.contains(&id));
            }
            None => self.label_views(&mut state.views),
        }
    }

    /// Labels those that are concerned, each once for all views.
    fn relabel(&self, views: &mut [View], concerned: &dyn Fn(ArticleId) -> bool) {
        let mut found: HashMap<ArticleId, Option<Arc<Article>>> = HashMap::new();
        for view in views {
            view.exchange(|article| {
                if !concerned(article.id) {
                    return None;
                }
                found.entry(article.id).or_insert_with(|| self.label(article)).clone()
            });
        }
    }

    /// The article with its cluster as it is now; `None` where it says that already, or nothing is known.
    fn label(&self, article: &Arc<Article>) -> Option<Arc<Article>> {
        let cluster = self.journal.clusters().of(article.id)?;
        if cluster == article.labels.cluster {
            return None;
        }
        let labels = Labels { cluster, ..article.labels.clone() };
        Some(Arc::new(Article { labels, ..Article::clone(article) }))
    }
}

/// When the last member joined an article's cluster.
pub(super) fn joined(article: &Article) -> Option<Timestamp> {
    article.labels.cluster.as_ref()?.members.iter().map(|member| member.first_seen).max()
}

/// Of each cluster the one that was seen first of those that are shown, in the order in which they stood. The first
/// one of all may be taken back, or another feed's.
pub(super) fn collapse(articles: &[Arc<Article>]) -> Vec<Arc<Article>> {
    let cluster = |article: &Article| article.labels.cluster.as_ref()?.id();
    let mut first: HashMap<ArticleId, &Article> = HashMap::new();
    for article in articles {
        let Some(id) = cluster(article) else { continue };
        let known = first.entry(id).or_insert(article);
        if turn(article) < turn(known) {
            *known = article;
        }
    }
    let shown = |article: &&Arc<Article>| {
        cluster(article).is_none_or(|id| first.get(&id).is_none_or(|first| first.id == article.id))
    };
    articles.iter().filter(shown).cloned().collect()
}

/// The order of a cluster.
fn turn(article: &Article) -> (i64, ArticleId) {
    (article.first_seen.as_second(), article.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Cluster, Likeness, Member},
        publish::tests::article,
    };

    fn member(n: i64, likeness: Likeness) -> Member {
        let Article { id, source, first_seen, .. } = article(n);
        Member { article: id, source, first_seen, likeness }
    }

    fn clustered(n: i64, cluster: &[Member]) -> Arc<Article> {
        let cluster = Some(Cluster { members: cluster.to_vec() });
        Arc::new(Article { labels: Labels { cluster, document: None }, ..article(n) })
    }

    #[test]
    fn of_a_cluster_the_first_one_shown_is_kept() {
        let cluster =
            [member(2, Likeness::First), member(5, Likeness::Identical), member(7, Likeness::Edited)];
        let alone = |n| Arc::new(article(n));
        let shown =
            [clustered(7, &cluster), alone(6), clustered(5, &cluster), alone(3), clustered(2, &cluster)];
        let left = |articles: &[Arc<Article>]| {
            collapse(articles).iter().map(|it| it.content.title.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left(&shown), ["article 6", "article 3", "article 2"]);
        assert_eq!(
            left(&shown[..4]),
            ["article 6", "article 5", "article 3"],
            "the first one is another feed's"
        );
        assert_eq!(joined(&shown[0]), Some(article(7).first_seen));
        assert_eq!(joined(&shown[1]), None);
    }
}
