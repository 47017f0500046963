//! Which events a client wants to be told: `?q=`, `?feed=`, `?type=`. The same words for the events API and for
//! streams.

use std::sync::Arc;

use axum::http::StatusCode;

use super::{State, api::params::Params, ask, error::Problem, feeds, nearest::nearest};
use crate::{
    model::{Event, EventType, Filter, filter::Facts},
    publish::{Feed, Settings},
};

/// What can be asked for: what happens to articles.
const TYPES: [EventType; 3] =
    [EventType::ArticlePublished, EventType::ArticleUpdated, EventType::ArticleWithdrawn];

/// Which events a client wants. The default wants all.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Of these types; empty for all.
    types: Vec<EventType>,
    /// About articles that this wants.
    filter: Option<Filter>,
    /// About articles that this feed shows.
    feed: Option<Shown>,
}

/// A feed as it was when it was asked for. The settings are shared: thousands of clients may want one feed.
#[derive(Clone, Debug)]
struct Shown {
    settings: Arc<Settings>,
    index: usize,
}

/// Reads a query, or says what is wrong with it.
pub(super) fn wanted(state: &State, params: &Params) -> Result<Wanted, Problem> {
    let feed = params.get("feed")?.map(|name| shown(state, name)).transpose()?;
    Ok(Wanted { types: types(params)?, filter: ask::filter(params)?, feed })
}

/// `?type=article.published,article.updated`
fn types(params: &Params) -> Result<Vec<EventType>, Problem> {
    let names = params.get("type")?.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(named).collect()
}

fn named(name: &str) -> Result<EventType, Problem> {
    let known = TYPES.map(EventType::as_str);
    if let Some(one) = TYPES.into_iter().find(|one| one.as_str() == name) {
        return Ok(one);
    }
    let hint = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is: {}", known.join(", ")),
    };
    let told: String = name.chars().take(64).collect();
    Err(Problem::field("type", format!("there is no event `{told}`")).hint(hint))
}

/// The public feed of this name, or of this name before it was renamed. A private one is not there.
fn shown(state: &State, name: &str) -> Result<Shown, Problem> {
    let settings = state.publisher.settings();
    let is_it =
        |feed: &Feed| feed.id.as_str() == name || feed.aliases.iter().any(|alias| alias.as_str() == name);
    let found = settings.feeds.iter().position(|feed| !feed.is_private() && is_it(feed));
    let Some(index) = found else { return Err(feeds::no_feed(&settings, name)) };
    if !settings.feeds[index].is_alive() {
        let detail = format!("the feed `{name}` has ended here");
        return Err(Problem::new(StatusCode::GONE, detail).hint("stop asking for it"));
    }
    Ok(Shown { settings, index })
}

// === impl Wanted ===

impl Wanted {
    /// May it want an event, by what stands in the journal?
    pub(super) fn may_want(&self, event: &Event) -> bool {
        (self.types.is_empty() || self.types.contains(&EventType::from(event.change)))
            && self.feed.as_ref().is_none_or(|shown| shown.feed().sources.contains(&event.source))
    }

    /// Does it depend on what an article says?
    pub(super) fn reads(&self) -> bool {
        self.filters().next().is_some()
    }

    /// Does it want what is said of an article?
    pub(super) fn wants(&self, facts: &Facts) -> bool {
        self.filters().all(|filter| filter.matches(facts))
    }

    /// Is what was asked for still there as it was, now that this is published?
    pub(super) fn holds(&self, settings: &Arc<Settings>) -> bool {
        self.feed.as_ref().is_none_or(|shown| {
            Arc::ptr_eq(settings, &shown.settings)
                || settings.feeds.iter().any(|feed| feed.id == shown.feed().id && feed == shown.feed())
        })
    }

    fn filters(&self) -> impl Iterator<Item = &Filter> {
        let feeds = self.feed.as_ref().and_then(|shown| shown.feed().filter.as_ref());
        self.filter.iter().chain(feeds)
    }
}

// === impl Shown ===

impl Shown {
    fn feed(&self) -> &Feed {
        &self.settings.feeds[self.index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Vec<EventType>, Problem> {
        types(&Params::of(&format!("/events?{query}").parse().unwrap()))
    }

    #[test]
    fn types_are_a_list() {
        assert_eq!(asked("").unwrap(), []);
        assert_eq!(asked("type=").unwrap(), []);
        assert_eq!(
            asked("type=article.updated,%20article.withdrawn,").unwrap(),
            [EventType::ArticleUpdated, EventType::ArticleWithdrawn]
        );
    }

    #[test]
    fn what_is_no_type_is_named_with_the_one_that_was_meant() {
        for (query, hint) in [
            ("type=article.publish", "did you mean `article.published`?"),
            ("type=ping", "there is: article.published, article.updated, article.withdrawn"),
        ] {
            let problem = asked(query).unwrap_err();
            assert_eq!(
                (problem.field.as_deref(), problem.hint.as_deref()),
                (Some("type"), Some(hint)),
                "{query}"
            );
        }
        assert!(asked("type=article.updated&type=article.updated").is_err());
    }
}
