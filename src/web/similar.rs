//! What else says the same as an article, for people and for programs.

use axum::{Json, extract::State as With, http::Uri};
use serde_json::{Value, json};

use super::{State, api::params::Params, error::Problem};
use crate::{
    model::{Article, ArticleId, Cluster, Likeness, Member, Offset, Timestamp},
    publish::Settings,
    store,
};

/// A member of a cluster, and what is kept of it.
pub(super) struct Shown {
    pub(super) member: Member,
    /// What its source is called.
    pub(super) source: String,
    pub(super) title: String,
    /// Where it stands at its source.
    pub(super) url: Option<String>,
    /// When it was first seen, in the zone of the first one: the hour, and the day where that is another one.
    pub(super) seen: String,
}

/// Everything public that says the same as an article, now: the one seen first before the others. Empty for an article
/// that stands alone.
pub(super) async fn shown(state: &State, article: &Article) -> store::Result<Vec<Shown>> {
    let settings = state.publisher.settings();
    let known = state.journal.clusters().of(article.id);
    let cluster = known.unwrap_or_else(|| article.labels.cluster.clone());
    let Some(cluster) = cluster.and_then(|it| it.among(|source| settings.is_public(source))) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::with_capacity(cluster.members.len());
    let offset = article.published.offset;
    let first = cluster.members.first().map_or(Timestamp::default(), |first| first.first_seen);
    for member in cluster.members {
        let Some(article) = state.store.article(member.article, None).await? else { continue };
        all.push(Shown {
            source: name(&settings, &member),
            title: article.content.title,
            url: article.content.url,
            seen: hour(member.first_seen, first, offset),
            member,
        });
    }
    Ok(all)
}

/// `/api/v1/clusters`: those that changed last, the last one first.
pub(super) async fn list(With(state): With<State>, uri: Uri) -> Result<Json<Value>, Problem> {
    let limit = Params::of(&uri).number("limit", 1..=200, 50)?;
    let settings = state.publisher.settings();
    let clusters = state.journal.clusters().latest(limit);
    let public = clusters.into_iter().filter_map(|it| it.among(|source| settings.is_public(source)));
    Ok(Json(json!({ "clusters": public.map(|it| it.told(Offset::default())).collect::<Vec<_>>() })))
}

/// As the API says it of one article; `null` for one that stands alone.
pub(super) fn value(shown: &[Shown], base: &str, offset: Offset) -> Value {
    let cluster = Cluster { members: shown.iter().map(|it| it.member.clone()).collect() };
    if cluster.members.len() < 2 {
        return Value::Null;
    }
    let mut value = cluster.told(offset);
    if let Some(members) = value["members"].as_array_mut() {
        for (member, it) in members.iter_mut().zip(shown) {
            member["title"] = it.title.as_str().into();
            member["url"] = it.url.as_deref().into();
            member["page"] = page(base, it.member.article).into();
        }
    }
    value["text"] = sentence(shown).into();
    value
}

/// `first seen on A 09:12, then B 10:03 (identical), C 14:20 (edited)`.
fn sentence(shown: &[Shown]) -> String {
    let part = |(n, it): (usize, &Shown)| match (n, it.member.likeness) {
        (0, _) => format!("first seen on {} {}", it.source, it.seen),
        (1, likeness) => format!("then {} {} ({})", it.source, it.seen, said(likeness)),
        (_, likeness) => format!("{} {} ({})", it.source, it.seen, said(likeness)),
    };
    shown.iter().enumerate().map(part).collect::<Vec<_>>().join(", ")
}

fn said(likeness: Likeness) -> &'static str {
    match likeness {
        Likeness::Document => "same document",
        other => other.name(),
    }
}

fn page(base: &str, id: ArticleId) -> String {
    format!("{}/articles/{}", base.trim_end_matches('/'), id.bare())
}

fn name(settings: &Settings, member: &Member) -> String {
    let known = settings.sources.iter().find(|source| source.id == member.source);
    known.map_or_else(|| member.source.to_string(), |source| source.name.clone())
}

/// The hour of an instant; with its day where that is not the day of the first.
fn hour(at: Timestamp, first: Timestamp, offset: Offset) -> String {
    let zone = jiff::tz::Offset::from_seconds(offset.0).unwrap_or(jiff::tz::Offset::UTC).to_time_zone();
    let [local, first] = [at, first].map(|at| at.to_jiff().to_zoned(zone.clone()));
    let format = if local.date() == first.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    local.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{IdentityKey, SourceId};

    fn shown(source: &str, at: &str, likeness: Likeness) -> Shown {
        let first_seen: Timestamp = at.parse().unwrap();
        let first = "2026-03-05T09:12:00+07:00".parse().unwrap();
        let id: SourceId = source.parse().unwrap();
        let article = ArticleId::mint(&id, &IdentityKey::Item("1".into()));
        Shown {
            source: source.to_uppercase(),
            title: "Tin".to_owned(),
            url: None,
            seen: hour(first_seen, first, Offset(7 * 3600)),
            member: Member { article, source: id, first_seen, likeness },
        }
    }

    #[test]
    fn says_who_had_it_first_and_when_the_others() {
        let all = [
            shown("a", "2026-03-05T09:12:00+07:00", Likeness::First),
            shown("b", "2026-03-05T10:03:40+07:00", Likeness::Identical),
            shown("c", "2026-03-05T14:20:00+07:00", Likeness::Edited),
            shown("d", "2026-03-06T00:10:00+07:00", Likeness::Document),
        ];
        let value = value(&all, "https://tin.example/", Offset(7 * 3600));
        assert_eq!(
            value["text"],
            "first seen on A 09:12, then B 10:03 (identical), C 14:20 (edited), D 2026-03-06 00:10 (same document)"
        );
        assert_eq!(value["members"][1]["likeness"], "identical");
        let id = all[1].member.article.bare();
        assert_eq!(value["members"][1]["page"], format!("https://tin.example/articles/{id}"));
        assert_eq!(super::value(&all[..1], "", Offset(0)), Value::Null);
    }
}
