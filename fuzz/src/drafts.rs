//! What holds of drafts, and of the feeds that are made of them.

use std::{collections::HashSet, sync::Arc, time::Duration};

use loaphuong::{
    config, dedup,
    extract::{self, Document, Kind},
    model::{Article, ArticleId, Content, Date, Draft, Offset, Precision, Revision, SourceId, Status},
    normalize::{self, date, url as addresses},
    publish::{self, Feed, Format, Settings},
};
use url::Url;

use super::{BASE, context, fetched, markup, texts};

/// The most characters of a title and of a teaser.
const LONGEST: [usize; 2] = [1_000, 500];

/// The longest address that feeds have.
const LONGEST_WRITTEN: usize = 4_096;

/// What holds of every draft.
pub fn drafted(draft: &Draft, rules: &'static config::Rules) {
    let Content { url, title, summary, html, language, authors, categories, image, enclosures, .. } =
        &draft.content;
    assert!(!title.is_empty(), "everything has a title");
    // Where an address stands in for a title it is as long as it is.
    assert!(title.chars().count() <= LONGEST[0] || Some(title) == url.as_ref(), "{title}");
    assert!(summary.chars().count() <= LONGEST[1], "{summary}");
    [title, summary].into_iter().chain(&draft.guid).for_each(|text| texts::line(text));
    for category in categories {
        assert!(!category.term.is_empty());
        [Some(&category.term), category.label.as_ref(), category.scheme.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|text| texts::line(text));
    }
    for person in authors {
        assert!(person.name.is_some() || person.email.is_some() || person.url.is_some(), "nobody");
        person.name.iter().chain(&person.email).for_each(|text| texts::line(text));
        person.url.iter().for_each(|address| texts::public(address));
    }
    for file in enclosures {
        file.title.iter().for_each(|text| texts::line(text));
        file.media_type.iter().for_each(|kind| texts::line(kind));
    }
    let files: HashSet<_> = enclosures.iter().map(|file| &file.url).collect();
    assert_eq!(files.len(), enclosures.len(), "every file is there once");
    let links = draft.links.iter().map(|link| &link.href);
    url.iter().chain(image).chain(files).chain(links).for_each(|address| texts::public(address));
    if let Some(tag) = language {
        assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{tag}");
    }
    dated(draft.published.as_ref(), rules);
    dated(draft.updated.as_ref(), rules);
    assert!(draft.updated.as_ref().is_none_or(|date| !date.inferred), "nobody knows when it was updated");
    assert_eq!(url.is_some(), draft.canonical.is_some());
    if let (Some(url), Some(canonical)) = (url, &draft.canonical) {
        let url = Url::parse(url).expect("public addresses are absolute");
        let again = addresses::canonical(&url, &rules.1.url);
        assert_eq!(&again, canonical, "the public address of {url} names another page");
    }
    markup::sanitized(html);
}

/// A date: not ahead of the clock, not before the web, in an offset of the source's zone, and read again as it is.
pub fn dated(date: Option<&Date>, rules: &'static config::Rules) {
    let Some(date) = date else { return };
    let raw = date.raw.as_deref().unwrap_or_default();
    assert!(date.at <= fetched().plus(Duration::from_secs(600)), "{raw:?} lies ahead: {}", date.at);
    assert!(date.at.as_second() > 0, "{raw:?} is {}", date.at);
    assert!(
        !date.inferred || (date.at, date.precision) == (fetched(), Precision::Minute),
        "{raw:?} is {}",
        date.at
    );
    assert_eq!(date.offset, date.at.offset_in(&rules.1.zone));
    assert!(!raw.is_empty());
    texts::line(raw);
    // As every format writes it: the same second.
    for written in [date.at.rfc3339(date.offset), date.at.rfc2822(date.offset), date.at.rfc3339(Offset(0))] {
        let (read, _) = date::date(Some(&written), &context(&rules.1));
        assert_eq!(
            read.map(|read| read.at.as_second()),
            Some(date.at.as_second()),
            "{raw:?} is written as {written}"
        );
    }
}

/// Articles of drafts, and the feeds of them: well-formed, with every title as it is, and read by ourselves again.
pub fn published(drafts: Vec<Draft>, rules: &'static config::Rules) {
    let source: SourceId = "fuzz".parse().expect("it is constant");
    let articles: Vec<_> = drafts.into_iter().map(|draft| Arc::new(article(draft, &source, rules))).collect();
    let feed = Feed::new("fuzz".parse().expect("it is constant"), "Fuzz", vec![source]);
    let settings = Settings::new("https://tin.example.vn", vec![feed.clone()]);
    let titles: Vec<_> = articles.iter().map(|article| title(&article.content.title)).collect();
    let (reader, ..) = super::rules(u8::MAX);
    for format in [Format::Rss, Format::Atom, Format::Json] {
        let written = publish::render(&settings, &feed, &articles, format);
        let written = written.unwrap_or_else(|error| panic!("{format:?}: {error}: {articles:?}"));
        let document = Document { bytes: &written, content_type: Some(format.content_type()), url: &BASE };
        let found = extract::extract(&document, Kind::Feed, reader);
        // Some may be left out by the size of them all.
        let whole = found.items.len() == titles.len();
        assert!(whole || written.len() > 1 << 20, "{format:?}: {} of {}", found.items.len(), titles.len());
        for (item, article) in found.items.into_iter().zip(&articles) {
            let (draft, _) = normalize::normalize(item, &context(&super::rules(u8::MAX).1));
            let (own, read) = (&article.content, &draft.content);
            let short = own.url.as_ref().filter(|url| url.len() <= LONGEST_WRITTEN);
            assert!(
                (own.url.is_some() && short.is_none()) || own.url == read.url,
                "{format:?}: {short:?} {:?}",
                read.url
            );
            // Without a text the teaser stands in.
            let [said, heard] = [&own.html, &read.html].map(|html| html.as_str());
            assert!(said.is_empty() || written_as(said) == heard, "{format:?}: {said} {heard}");
            let dates = [Some(&article.published), draft.published.as_ref()];
            let [said, heard] = dates.map(|date| date.map(|date| date.at.as_second()));
            assert_eq!(said, heard, "{format:?}");
            // A title that speaks of markup is told from one that has some in no format but JSON Feed.
            let (said, heard) = (title(&own.title), &read.title);
            assert!(said.contains(['&', '<']) || &said == heard, "{format:?}: {said} {heard}");
        }
        if format == Format::Json && whole {
            let value: serde_json::Value = serde_json::from_slice(&written).expect("it is JSON");
            let said = value["items"].as_array().expect("it has items").iter();
            assert_eq!(said.filter_map(|item| item["title"].as_str()).collect::<Vec<_>>(), titles);
        }
    }
}

/// What stands in a feed for a character that was lost.
fn written_as(text: &str) -> String {
    text.replace(char::REPLACEMENT_CHARACTER, "?")
}

/// A title as feeds say it: five hundred characters of it.
fn title(text: &str) -> String {
    let said = written_as(text);
    match said.char_indices().nth(500) {
        Some((at, _)) => format!("{}…", &said[..at]),
        None => said,
    }
}

/// The article that a draft becomes.
fn article(draft: Draft, source: &SourceId, rules: &config::Rules) -> Article {
    let keys = dedup::keys(&draft, &rules.2, &BASE);
    assert!(!keys.is_empty(), "everything is called something");
    let digest = || dedup::digest(&draft.content, &dedup::Wording::of(&draft.content));
    let digest = (digest(), digest());
    assert_eq!(digest.0, digest.1);
    let made = Date {
        at: fetched(),
        offset: fetched().offset_in(&rules.1.zone),
        precision: Precision::Minute,
        raw: None,
        inferred: true,
    };
    let published = draft.published.unwrap_or(made);
    Article {
        id: ArticleId::mint(source, &keys[0]),
        revision: Revision::FIRST,
        source: source.clone(),
        first_seen: fetched(),
        updated: published.at,
        published,
        digest: digest.0,
        status: Status::Live,
        content: draft.content,
        labels: Default::default(),
    }
}
