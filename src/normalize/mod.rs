//! An item as found becomes a draft: composed text, honest dates, absolute addresses, safe markup.

pub mod date;
mod fields;
pub mod html;
mod lang;
mod media;
mod official;
mod people;
pub mod text;
pub mod url;

pub use official::official;

use crate::model::{Content, Draft, Enclosure, Issue, Item, Timestamp};
use ::url::Url;
use jiff::tz::TimeZone;
use regex::Regex;

/// What a source's rules say about reading items: zone, dates, addresses, leftovers of titles.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The zone in which the source writes its dates.
    pub zone: TimeZone,
    /// The order of ambiguous numeric dates.
    pub order: Order,
    /// The language of items that do not say theirs.
    pub language: Option<String>,
    /// How URLs are made canonical.
    pub url: UrlRules,
    /// Patterns cut from the end or the start of titles (` - Cổng thông tin …`).
    pub title_noise: Vec<Regex>,
    /// Patterns of body text blocks that are noise: a block whose whole text matches is dropped.
    pub body_noise: Vec<Regex>,
}

/// The order of `03/04/2020`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Day first: Vietnam, most of the world.
    #[default]
    DayFirst,
    /// Month first: the United States.
    MonthFirst,
}

/// How a URL becomes canonical: a form for comparing, which need not work in a browser.
/// Scheme, `www.`, default ports, fragments, percent-encoding, `+`, parameter order and known tracking
/// parameters are always evened out; these rules say what else is noise on a platform.
#[derive(Clone, Debug, Default)]
pub struct UrlRules {
    /// Paths are the same in any case.
    pub fold_path: bool,
    /// Parameter names are the same in any case.
    pub fold_params: bool,
    /// Parameters that name nothing: dropped. A trailing `*` matches any rest.
    pub drop_params: Vec<String>,
    /// When not empty, only these parameters name anything.
    pub keep_params: Vec<String>,
    /// Parameters with several names: (other name, canonical name).
    pub rename_params: Vec<(String, String)>,
    /// Path rewrites, in order: language prefixes, print and mobile variants.
    pub rewrite: Vec<(Regex, String)>,
}

/// What normalizing one item needs to know besides the rules.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rules of the source.
    pub rules: &'a Rules,
    /// Where the item was found: the base of relative links.
    pub base: &'a Url,
    /// When it was fetched: what relative dates count from.
    pub fetched: Timestamp,
}

/// Normalizes one item.
pub fn normalize(item: Item, context: &Context<'_>) -> (Draft, Vec<Issue>) {
    let rules = context.rules;
    let address = fields::address(&item, context);
    let (published, mut issues) = date::date(item.published.as_deref(), context);
    let (updated, doubts) = date::date(item.updated.as_deref(), context);
    issues.extend(doubts);
    if address.is_none() {
        issues.push(Issue::warning("no-link", "the item has no link that leads somewhere"));
    }
    let cleaned = body(&item, context);
    issues.extend(cleaned.issues);
    let text = html::to_text(&cleaned.html);
    let url = address.as_ref().map(url::public);
    let own_title = fields::title(item.title.as_deref(), &rules.title_noise, &mut issues);
    let summary = fields::summary(item.summary.as_deref(), &text, own_title.as_deref().unwrap_or_default());
    let title = own_title.unwrap_or_else(|| {
        issues.push(Issue::warning("no-title", "the item has no title: its first sentence stands in"));
        fields::made_title(&text, &summary, url.as_deref())
    });
    let enclosures = fields::enclosures(&item, &cleaned.documents, context);
    let language = lang::language(
        item.language.as_deref(),
        &format!("{title} {summary} {text}"),
        rules.language.as_deref(),
    );
    let image = image(&item, &cleaned.images, &enclosures, context);
    let mut authors = people::authors(item.authors, context.base);
    if authors.is_empty() {
        authors.extend(people::signature(&text, item.content.as_deref().unwrap_or_default()));
    }
    let content = Content {
        url,
        title,
        summary,
        html: cleaned.html,
        language,
        authors,
        categories: fields::categories(item.categories),
        image,
        enclosures,
        extracted_by: item.extracted_by,
    };
    let draft = Draft {
        guid: fields::guid(item.id.as_deref()),
        canonical: address.map(|address| url::canonical(&address, &rules.url)),
        content,
        links: fields::links(&item.links, context),
        published,
        // A change at a time nobody can read says nothing.
        updated: updated.filter(|date| !date.inferred),
    };
    let place = draft.content.url.clone().unwrap_or_else(|| draft.content.title.clone());
    let placed = |issue: Issue| if issue.at.is_empty() { issue.at(place.clone()) } else { issue };
    (draft, issues.into_iter().map(placed).collect())
}

/// The full text, or a teaser that has markup of its own or is longer than teasers are shown: RSS knows one element
/// for both (RSS 2.0, `description`).
fn body(item: &Item, context: &Context<'_>) -> html::Cleaned {
    let base = item.base.as_deref().and_then(|base| url::absolute(context.base, base));
    let base = base.as_ref().unwrap_or(context.base);
    let filled = |text: &&str| !text.trim().is_empty();
    if let Some(content) = item.content.as_deref().filter(filled) {
        return html::clean(content, item.content_type.as_deref(), base, &context.rules.body_noise);
    }
    match item.summary.as_deref().filter(|summary| fields::is_text(summary)) {
        Some(summary) => html::clean(summary, None, base, &context.rules.body_noise),
        None => html::Cleaned::default(),
    }
}

/// The lead image: the source's, the text's first, an attached one.
fn image(item: &Item, images: &[String], files: &[Enclosure], context: &Context<'_>) -> Option<String> {
    let own = item.image.as_deref().and_then(|image| url::absolute(context.base, image));
    let is_image =
        |file: &&Enclosure| file.media_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
    own.map(|image| url::public(&image))
        .or_else(|| images.first().cloned())
        .or_else(|| files.iter().find(is_image).map(|file| file.url.clone()))
}

#[cfg(test)]
mod tests;
