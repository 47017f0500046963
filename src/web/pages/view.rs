//! What templates see: plain values, every address checked.

use minijinja::Value;
use serde::Serialize;

use super::{language::Language, when::When};
use crate::{
    ingest::Source,
    model::{Article, Enclosure, FeedId, SourceId, SourceState, Timestamp},
    publish::{Feed, Settings, canary},
    web::{address, api::sources::is_disallowed, similar::Shown},
};

/// One address of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Address {
    /// How people call the format.
    pub(in crate::web) format: &'static str,
    /// How the address ends.
    pub(in crate::web) extension: &'static str,
    /// The media type, for autodiscovery.
    pub(in crate::web) media_type: &'static str,
    /// The absolute address.
    pub(in crate::web) url: String,
}

/// A feed's addresses, the best format first.
pub(in crate::web) fn addresses(base: &str, feed: &FeedId) -> [Address; 3] {
    let address = |format, extension, media_type| {
        let url = format!("{base}/feeds/{feed}.{extension}");
        Address { format, extension, media_type, url }
    };
    [
        address("Atom", "atom", "application/atom+xml"),
        address("RSS", "rss", "application/rss+xml"),
        address("JSON Feed", "json", "application/feed+json"),
    ]
}

/// A feed.
#[derive(Debug, Serialize)]
pub(super) struct FeedView<'a> {
    id: &'a str,
    title: &'a str,
    description: &'a str,
    lang: &'a str,
    home: Option<&'a str>,
    addresses: [Address; 3],
    /// Where its edits and withdrawals are told.
    changes: String,
}

/// One line of a list of news.
#[derive(Debug, Serialize)]
pub(super) struct Headline<'a> {
    id: String,
    /// Where it stands at its source, if we have no page of it for everybody.
    url: Option<&'a str>,
    title: &'a str,
    lang: &'a str,
    source: &'a str,
    date: When,
}

/// How a source is.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    name: String,
    home: Option<String>,
    state: &'static str,
    checked: Option<When>,
    next: Option<When>,
    failures: u32,
}

/// How a hub is that is not ours.
#[derive(Debug, Serialize)]
pub(super) struct HubView {
    host: String,
    /// As `words.toml` calls it, after `hub_`.
    state: &'static str,
    /// As the style sheet calls it.
    condition: &'static str,
    /// Do feeds name our own instead?
    replaced: bool,
}

/// An article.
#[derive(Debug, Serialize)]
pub(super) struct ArticleView<'a> {
    id: String,
    revision: u32,
    title: &'a str,
    lang: &'a str,
    source: &'a str,
    authors: String,
    date: When,
    inferred: bool,
    first_seen: When,
    updated: Option<When>,
    url: Option<&'a str>,
    image: Option<&'a str>,
    /// The beginning of the summary, for search engines and where there is no text.
    summary: String,
    /// Sanitized: the only thing that templates print without escaping it.
    html: Value,
    attachments: Vec<Attachment<'a>>,
}

/// Another article that says the same, or the article itself among them.
#[derive(Debug, Serialize)]
pub(super) struct SameView<'a> {
    id: String,
    title: &'a str,
    source: &'a str,
    seen: &'a str,
    /// As `words.toml` calls it, after `same_`.
    likeness: &'static str,
}

/// An attached file.
#[derive(Debug, Serialize)]
struct Attachment<'a> {
    url: &'a str,
    title: String,
    note: String,
}

impl<'a> FeedView<'a> {
    /// Of a feed, published at `base`.
    pub(super) fn of(feed: &'a Feed, base: &str) -> Self {
        Self {
            id: feed.id.as_str(),
            title: &feed.title,
            description: &feed.description,
            lang: &feed.language,
            home: feed.home.as_deref().and_then(address::web),
            addresses: addresses(base, &feed.id),
            changes: format!("{base}/feeds/{}/changes.atom", feed.id),
        }
    }
}

impl<'a> Headline<'a> {
    /// Of an article.
    pub(super) fn of(article: &'a Article, settings: &'a Settings, language: Language) -> Self {
        Self {
            id: article.id.bare(),
            url: article
                .content
                .url
                .as_deref()
                .filter(|_| !settings.is_public(&article.source))
                .and_then(address::web),
            title: &article.content.title,
            lang: lang(article),
            source: source_name(&article.source, settings),
            date: When::date(&article.published, language),
        }
    }
}

impl Health {
    /// Of a source, with times in its own zone.
    pub(super) fn of(
        source: &Source,
        state: Option<&SourceState>,
        due: Option<Timestamp>,
        language: Language,
    ) -> Self {
        let zone = &source.normalize.zone;
        let when = |at: Timestamp| When::instant(at, at.offset_in(zone), language);
        let failures = state.map_or(0, |state| state.failures);
        let checked = state.and_then(|state| state.last_success);
        Self {
            name: source.name.clone(),
            home: address::web(source.home.as_str()).map(|_| address::without_credentials(&source.home)),
            state: match state {
                Some(state) if is_disallowed(state) => "disallowed",
                _ => condition(failures, checked),
            },
            checked: checked.map(when),
            next: due.map(when),
            failures,
        }
    }
}

impl HubView {
    /// Of a hub that is watched.
    pub(super) fn of(status: &canary::Status) -> Option<Self> {
        use canary::State;
        let state = status.watched.as_ref()?.state;
        Some(Self {
            host: url::Url::parse(&status.hub.address).ok()?.host_str()?.to_owned(),
            state: state.name(),
            condition: match state {
                State::Asked | State::Subscribed => "waiting",
                State::Delivering => "ok",
                State::Unverified | State::Late | State::Missing | State::Silent => "failing",
            },
            replaced: status.hub.is_replaced,
        })
    }
}

impl<'a> ArticleView<'a> {
    /// Of a live article.
    pub(super) fn of(article: &'a Article, settings: &'a Settings, language: Language) -> Self {
        /// Characters; search engines show fewer.
        const SUMMARY: usize = 600;
        let content = &article.content;
        let html = content.html.as_str();
        let offset = article.published.offset;
        let image = content.image.as_deref().and_then(address::web);
        let names = content.authors.iter().filter_map(|author| author.name.as_deref());
        Self {
            id: article.id.bare(),
            revision: article.revision.0,
            title: &content.title,
            lang: lang(article),
            source: source_name(&article.source, settings),
            authors: names.collect::<Vec<_>>().join(", "),
            date: When::date(&article.published, language),
            inferred: article.published.inferred,
            first_seen: When::instant(article.first_seen, offset, language),
            updated: (article.revision.0 > 1).then(|| When::instant(article.updated, offset, language)),
            url: content.url.as_deref().and_then(address::web),
            // The lead image is often the text's first one too.
            image: image.filter(|image| !html.contains(&image.replace('&', "&amp;"))),
            summary: content.summary.chars().take(SUMMARY).collect(),
            html: Value::from_safe_string(html.to_owned()),
            attachments: content.enclosures.iter().filter_map(Attachment::of).collect(),
        }
    }
}

impl<'a> SameView<'a> {
    /// Of a member of a cluster.
    pub(super) fn of(shown: &'a Shown) -> Self {
        Self {
            id: shown.member.article.bare(),
            title: &shown.title,
            source: &shown.source,
            seen: &shown.seen,
            likeness: shown.member.likeness.name(),
        }
    }
}

impl<'a> Attachment<'a> {
    fn of(file: &'a Enclosure) -> Option<Self> {
        let url = address::web(&file.url)?;
        let title = file.title.clone().filter(|title| !title.trim().is_empty());
        let kind = file.media_type.as_deref().and_then(|kind| kind.split('/').next_back());
        let size = file.length.filter(|length| *length > 0).map(size);
        let note = kind.map(str::to_uppercase).filter(|kind| kind.len() <= 5).into_iter().chain(size);
        Some(Self {
            url,
            title: title.or_else(|| address::file_name(url)).unwrap_or_else(|| url.to_owned()),
            note: note.collect::<Vec<_>>().join(", "),
        })
    }
}

/// How a source is, as `words.toml` and the style sheet call it.
fn condition(failures: u32, checked: Option<Timestamp>) -> &'static str {
    match (failures, checked) {
        (0, None) => "waiting",
        (0, Some(_)) => "ok",
        // It never answered: more likely we cannot reach it than that it is ill.
        (_, None) => "unreachable",
        (_, Some(_)) => "failing",
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// In which language an article speaks; our sources are Vietnamese unless they say otherwise.
fn lang(article: &Article) -> &str {
    article.content.language.as_deref().unwrap_or("vi")
}

fn source_name<'a>(id: &'a SourceId, settings: &'a Settings) -> &'a str {
    settings.sources.iter().find(|source| source.id == *id).map_or(id.as_str(), |source| &source.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let table = [
            (1, "1 B"),
            (999, "999 B"),
            (1001, "2 kB"),
            (1_250_000, "1.2 MB"),
            (u64::MAX, "18446744073709.6 MB"),
        ];
        for (bytes, expected) in table {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn a_source_that_answered_and_fails_now_is_failing() {
        let table =
            [(0, None, "waiting"), (0, Some(1), "ok"), (1, Some(1), "failing"), (2, None, "unreachable")];
        for (failures, checked, expected) in table {
            assert_eq!(condition(failures, checked.map(Timestamp::from_second)), expected);
        }
    }

    #[test]
    fn files_have_a_name_and_a_safe_address() {
        let file = |url: &str, title: Option<&str>| Enclosure {
            url: url.to_owned(),
            media_type: Some("application/pdf".to_owned()),
            length: Some(81_200),
            title: title.map(ToOwned::to_owned),
        };
        let named = file("https://quan1.example/a%20b.pdf", Some(" "));
        let shown = Attachment::of(&named).unwrap();
        assert_eq!((shown.title.as_str(), shown.note.as_str()), ("a b.pdf", "PDF, 82 kB"));
        assert!(Attachment::of(&file("javascript:alert(1)", Some("x"))).is_none());
    }
}
