//! What stands beside an article's words: the cluster of near duplicates that it is in, and the document it announces.

use serde_json::{Value, json};

use super::{ArticleId, Offset, SourceId, Timestamp};

/// The most members that a cluster names.
pub const MEMBERS: usize = 20;

/// What was found out about a revision when it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Labels {
    /// The articles that say the same, as known at that time; `None` for one that stands alone.
    pub cluster: Option<Cluster>,
    /// The official document that it announces or is.
    pub document: Option<Official>,
}

/// Articles that say the same, of one source or of several: a label, never a merger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The one seen first, whose id is the cluster's, then the others as they were seen. At least two, [`MEMBERS`] at
    /// most.
    pub members: Vec<Member>,
}

/// An article in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub article: ArticleId,
    /// Where it was found.
    pub source: SourceId,
    /// When it was first seen, to the second.
    pub first_seen: Timestamp,
    /// What it is to the one seen first.
    pub likeness: Likeness,
}

/// What a member is to the one that was seen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Likeness {
    /// It is that one.
    First,
    /// The same words.
    Identical,
    /// Nearly the same words.
    Edited,
    /// Other words about the same official document.
    Document,
}

/// An official document: `Quyết định số 123/QĐ-UBND ngày 5 tháng 3 năm 2026`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Official {
    /// Number and symbol in their one spelling: `123/QĐ-UBND`, `45/2026/NĐ-CP`.
    pub number: String,
    /// What kind of document, where its symbol or its name says one: `Quyết định`.
    pub kind: Option<String>,
    /// Who issued it: the name where the symbol has only one meaning, else the symbol's letters.
    pub issuer: Option<String>,
    /// When it was signed, where that stands beside its number: `2026-03-05`.
    pub signed: Option<jiff::civil::Date>,
}

// === impl Cluster ===

impl Cluster {
    /// Its id: that of the member that was seen first.
    pub fn id(&self) -> Option<ArticleId> {
        self.members.first().map(|member| member.article)
    }

    /// What of it somebody may see who may see these sources; `None` when nothing is left beside one article.
    #[must_use]
    pub fn among(&self, sees: impl Fn(&SourceId) -> bool) -> Option<Self> {
        let mut members: Vec<Member> =
            self.members.iter().filter(|member| sees(&member.source)).cloned().collect();
        members.first_mut()?.likeness = Likeness::First;
        (members.len() > 1).then_some(Self { members })
    }

    /// As feeds, payloads and the API say it; times in `offset`.
    pub fn told(&self, offset: Offset) -> Value {
        let members = self.members.iter().map(|member| {
            json!({
                "id": member.article.to_string(),
                "source": member.source.as_str(),
                "first_seen": member.first_seen.rfc3339(offset),
                "likeness": member.likeness.name(),
            })
        });
        json!({
            "id": self.id().map(|id| id.to_string()),
            "members": members.collect::<Vec<_>>(),
        })
    }
}

impl Likeness {
    /// What machines call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Identical => "identical",
            Self::Edited => "edited",
            Self::Document => "document",
        }
    }
}

// === impl Official ===

impl Official {
    /// As feeds, payloads and the API say it.
    pub fn told(&self) -> Value {
        json!({
            "number": self.number,
            "kind": self.kind,
            "issuer": self.issuer,
            "signed": self.signed.map(|day| day.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IdentityKey;

    fn member(source: &str, second: i64, likeness: Likeness) -> Member {
        let source: SourceId = source.parse().unwrap();
        let article = ArticleId::mint(&source, &IdentityKey::Item("1".into()));
        Member { article, source, first_seen: Timestamp::from_second(second), likeness }
    }

    #[test]
    fn who_may_not_see_the_first_sees_the_next_as_the_first() {
        let cluster = Cluster {
            members: vec![
                member("a", 1, Likeness::First),
                member("b", 2, Likeness::Identical),
                member("c", 3, Likeness::Edited),
            ],
        };
        let seen = cluster.among(|source| source.as_str() != "a").unwrap();
        assert_eq!(seen.id(), Some(cluster.members[1].article));
        assert_eq!(seen.members[0].likeness, Likeness::First);
        assert_eq!(seen.members[1].likeness, Likeness::Edited);
        assert_eq!(cluster.among(|source| source.as_str() == "a"), None);
        assert_eq!(cluster.among(|_| false), None);
    }

    #[test]
    fn is_told_with_times_in_the_articles_own_offset() {
        let cluster =
            Cluster { members: vec![member("a", 0, Likeness::First), member("b", 60, Likeness::Edited)] };
        let told = cluster.told(Offset(7 * 3600));
        assert_eq!(told["id"], told["members"][0]["id"]);
        assert_eq!(told["members"][1]["first_seen"], "1970-01-01T07:01:00+07:00");
        assert_eq!(told["members"][1]["likeness"], "edited");
    }
}
