//! Articles that say the same, as feeds show them: which ones, and of each cluster the first one only.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Publisher, follow::State};
use crate::model::{Article, ArticleId, Labels, Timestamp};

impl Publisher {
    /// The articles with the clusters in which they are now. What was recorded with a revision is what was known then:
    /// the first one of a cluster was alone at that time.
    pub(super) fn labeled(&self, articles: Vec<Arc<Article>>) -> Vec<Arc<Article>> {
        let clusters = self.journal.clusters();
        let label = |article: Arc<Article>| match clusters.of(article.id) {
            Some(cluster) if cluster != article.labels.cluster => {
                let labels = Labels { cluster, ..article.labels.clone() };
                Arc::new(Article { labels, ..(*article).clone() })
            }
            _ => article,
        };
        articles.into_iter().map(label).collect()
    }

    /// Marks the views that hold an article whose cluster has changed.
    pub(super) fn relabel(&self, state: &mut State) {
        let (changed, n_changes) = self.journal.clusters().changes(state.n_changes);
        state.n_changes = n_changes;
        match changed {
            Some(changed) if changed.is_empty() => {}
            Some(changed) => {
                let changed: HashSet<ArticleId> = changed.into_iter().collect();
                state.views.iter_mut().for_each(|view| view.dirty |= view.holds_any(&changed));
            }
            None => state.views.iter_mut().for_each(|view| view.dirty = true),
        }
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
