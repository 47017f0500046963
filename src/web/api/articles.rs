//! `/api/v1/articles`: what is kept, newest first. Members are named as in JSON Feed 1.1, where it has a name.

use std::{cmp::Reverse, collections::BTreeSet};

use axum::{
    Json,
    extract::{Path, State as With},
    http::{StatusCode, Uri},
};
use serde_json::{Value, json};

use super::{cursor::Cursor, params::Params};
use crate::{
    model::{Article, ArticleId, Official, SourceId, Status},
    store::Place,
    web::{State, error::Problem, nearest::nearest, similar},
};

/// A page of articles, without their full texts.
pub(super) async fn list(With(state): With<State>, uri: Uri) -> Result<Json<Value>, Problem> {
    let params = Params::of(&uri);
    let limit = params.number("limit", 1..=200, 50)?;
    let after = params.parsed::<Cursor>("after", "a `next` of this list")?.map(|Cursor(place)| place);
    let sources = wanted(&state, params.get("source")?).await?;
    // One more than asked for tells whether there is a next page.
    let mut articles = Vec::new();
    for source in &sources {
        articles.extend(state.store.newest(source, after, limit + 1).await?);
    }
    articles.sort_unstable_by_key(|article| Reverse(Place::from(article)));
    let next = (articles.len() > limit).then(|| Place::from(&articles[limit - 1]));
    articles.truncate(limit);
    let base = &state.publisher.settings().base_url;
    Ok(Json(json!({
        "articles": articles.iter().map(|article| brief(article, base)).collect::<Vec<_>>(),
        "next": next.map(|place| Cursor(place).to_string()),
    })))
}

/// One article with its full text.
pub(super) async fn one(With(state): With<State>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("there is no article `{id}`"));
    let parsed = id.parse::<ArticleId>().map_err(|_| missing().hint("an id looks like `urn:uuid:…`"))?;
    match state.store.article(parsed, None).await? {
        None => Err(missing()),
        Some(article) if !state.publisher.settings().is_public(&article.source) => Err(missing()),
        Some(article) if article.status == Status::Withdrawn => {
            Err(Problem::new(StatusCode::GONE, format!("`{parsed}` was withdrawn by its source")))
        }
        Some(article) => {
            let base = &state.publisher.settings().base_url;
            let mut value = full(&article, base);
            let same = similar::shown(&state, &article).await?;
            value["cluster"] = similar::value(&same, base, article.published.offset);
            Ok(Json(value))
        }
    }
}

/// The sources to list: the one asked for, or every one that is configured or remembered.
async fn wanted(state: &State, asked: Option<&str>) -> Result<Vec<SourceId>, Problem> {
    let configured = state.ingest.sources().into_iter().map(|source| source.id.clone());
    let remembered = state.store.sources().await?.into_iter().map(|state| state.id);
    let settings = state.publisher.settings();
    let all: BTreeSet<SourceId> =
        configured.chain(remembered).filter(|source| settings.is_public(source)).collect();
    match asked {
        None => Ok(all.into_iter().collect()),
        Some(asked) => match all.iter().find(|source| source.as_str() == asked) {
            Some(source) => Ok(vec![source.clone()]),
            None => Err(unknown(asked, &all)),
        },
    }
}

fn unknown(asked: &str, all: &BTreeSet<SourceId>) -> Problem {
    let problem = Problem::field("source", format!("there is no source `{asked}`"));
    let names: Vec<_> = all.iter().map(SourceId::as_str).collect();
    match nearest(asked, &names) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`/api/v1/sources` lists them"),
    }
}

/// What a list says of an article. Of a withdrawn one, only that it is.
fn brief(article: &Article, base: &str) -> Value {
    let status = match article.status {
        Status::Live => "live",
        Status::Withdrawn => "withdrawn",
    };
    let mut value = json!({
        "id": article.id.to_string(),
        "revision": article.revision.0,
        "status": status,
        "source": article.source.as_str(),
        "date_published": article.published.rfc3339(),
        "date_precision": article.published.precision.to_string(),
        "date_inferred": article.published.inferred,
        "date_modified": article.updated.rfc3339(article.published.offset),
        "first_seen": article.first_seen.rfc3339(article.published.offset),
    });
    if article.status == Status::Live {
        let content = &article.content;
        value["url"] = json!(content.url);
        value["page"] = json!(format!("{base}/articles/{}", article.id.bare()));
        value["title"] = json!(content.title);
        value["summary"] = json!(content.summary);
        value["language"] = json!(content.language);
        value["image"] = json!(content.image);
    }
    value
}

/// Everything that we know of a live article.
fn full(article: &Article, base: &str) -> Value {
    let content = &article.content;
    let mut value = brief(article, base);
    value["content_html"] = json!(content.html.as_str());
    value["extracted_by"] = json!(content.extracted_by.to_string());
    value["authors"] = content.authors.iter().map(|it| json!({ "name": it.name, "url": it.url })).collect();
    value["tags"] =
        content.categories.iter().map(|it| it.label.as_ref().unwrap_or(&it.term).as_str()).collect();
    let attachment = |it: &crate::model::Enclosure| json!({ "url": it.url, "mime_type": it.media_type, "title": it.title, "size_in_bytes": it.length });
    value["document"] = json!(article.labels.document.as_ref().map(Official::told));
    value["attachments"] = content.enclosures.iter().map(attachment).collect();
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::sample;

    #[test]
    fn a_live_article_is_told_whole() {
        let article = sample::article();
        let value = full(&article, "https://tin.example");
        assert_eq!(value["id"], article.id.to_string());
        assert_eq!(value["page"], format!("https://tin.example/articles/{}", article.id.bare()));
        assert_eq!(value["date_published"], "2020-07-30T17:12:00+07:00");
        assert_eq!(value["date_modified"], "2020-07-31T08:00:00+07:00");
        assert_eq!(value["content_html"], article.content.html.as_str());
        assert_eq!(value["attachments"][0]["mime_type"], "application/pdf");
        assert_eq!(value["tags"], json!(["Tin tức"]));
    }

    #[test]
    fn of_a_withdrawn_article_nothing_is_told_that_its_source_took_back() {
        let withdrawn = Article { status: Status::Withdrawn, ..sample::article() };
        let value = brief(&withdrawn, "https://tin.example");
        assert_eq!(value["status"], "withdrawn");
        let text = value.to_string();
        assert!(!text.contains(&withdrawn.content.title), "{text}");
    }

    #[test]
    fn wrong_sources_are_named_with_the_right_one() {
        let all = BTreeSet::from(["quan1".parse().unwrap()]);
        let problem = unknown("quan 1", &all);
        assert_eq!(problem.field.as_deref(), Some("source"));
        assert_eq!(problem.hint.as_deref(), Some("did you mean `quan1`?"));
    }
}
