//! The pure pipeline on one document, and the shape in which `loa extract --json` prints what it found.
//! Other programs read this shape: its members, their order and their nulls are a promise.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use url::Url;

use crate::{
    config::{self, Rules},
    dedup,
    extract::{self, Document, Found, Kind},
    model::{Category, Date, Draft, Enclosure, Issue, Item, Link, Person, Severity, Timestamp},
    normalize::{self, Context},
};

/// The compiled recipes: made once, used for every file.
#[derive(Debug)]
pub(super) struct Library {
    platforms: Vec<(String, Rules)>,
    /// The same platforms as detection wants them.
    fingerprints: Vec<(String, Arc<extract::Rules>)>,
    generic: Rules,
}

/// One document and how to read it.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub(super) id: serde_json::Value,
    pub(super) file: Option<&'a str>,
    pub(super) bytes: &'a [u8],
    pub(super) content_type: Option<&'a str>,
    /// Where it stands, where somebody knows.
    pub(super) url: Option<&'a Url>,
    /// `None` finds out.
    pub(super) kind: Option<Kind>,
    /// `None` finds out.
    pub(super) platform: Option<&'a str>,
    pub(super) fetched: Timestamp,
}

/// What was found, in the shape that is printed.
#[derive(Debug, Serialize)]
pub(super) struct Printed {
    id: serde_json::Value,
    pub(super) file: Option<String>,
    pub(super) kind: &'static str,
    pub(super) format: String,
    pub(super) encoding: String,
    pub(super) title: Option<String>,
    link: Option<String>,
    feed_id: Option<String>,
    description: Option<String>,
    language: Option<String>,
    published: Option<String>,
    updated: Option<String>,
    authors: Vec<PrintedPerson>,
    categories: Vec<PrintedCategory>,
    links: Vec<PrintedLink>,
    pub(super) items: Vec<PrintedItem>,
    pub(super) issues: Vec<PrintedIssue>,
}

#[derive(Debug, Serialize)]
pub(super) struct PrintedItem {
    id: Option<String>,
    pub(super) url: Option<String>,
    pub(super) title: Option<String>,
    summary: Option<String>,
    content_html: Option<String>,
    content_type: Option<String>,
    content_text: Option<String>,
    language: Option<String>,
    authors: Vec<PrintedPerson>,
    categories: Vec<PrintedCategory>,
    links: Vec<PrintedLink>,
    pub(super) published: Option<String>,
    updated: Option<String>,
    date_precision: Option<String>,
    date_raw: Option<String>,
    date_inferred: bool,
    image: Option<String>,
    enclosures: Vec<PrintedEnclosure>,
    pub(super) keys: Vec<String>,
    extracted_by: String,
}

#[derive(Debug, Serialize)]
struct PrintedPerson {
    name: Option<String>,
    email: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Serialize)]
struct PrintedCategory {
    term: String,
    scheme: Option<String>,
    label: Option<String>,
}

#[derive(Debug, Serialize)]
struct PrintedLink {
    href: String,
    rel: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
}

#[derive(Debug, Serialize)]
struct PrintedEnclosure {
    url: String,
    #[serde(rename = "type")]
    media_type: Option<String>,
    length: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct PrintedIssue {
    pub(super) severity: String,
    code: String,
    pub(super) message: String,
    pub(super) at: Option<String>,
}

// === impl PrintedItem, Library ===

impl PrintedItem {
    /// The full text; empty without one.
    pub(super) fn content_text(&self) -> &str {
        self.content_text.as_deref().unwrap_or_default()
    }

    /// What found it.
    pub(super) fn extracted_by(&self) -> &str {
        &self.extracted_by
    }
}

impl Library {
    /// The built-in recipes, and those that the configuration at `path` brings.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, config::Report> {
        let platforms = config::platforms(path)?;
        let fingerprint = |(name, rules): &(String, Rules)| (name.clone(), Arc::new(rules.0.clone()));
        let fingerprints = platforms.iter().map(fingerprint).collect();
        Ok(Self { platforms, fingerprints, generic: config::generic() })
    }

    fn named(&self, name: &str) -> Option<&Rules> {
        self.platforms.iter().find(|(known, _)| known == name).map(|(_, rules)| rules)
    }

    /// Says what is wrong with asking for a platform that is not there.
    pub(super) fn check(&self, platform: Option<&str>) -> Result<(), String> {
        let Some(name) = platform.filter(|name| self.named(name).is_none()) else { return Ok(()) };
        let names: Vec<&str> = self.platforms.iter().map(|(name, _)| name.as_str()).collect();
        Err(format!("there is no platform `{name}`\nhint: {}", suggestion(name, &names)))
    }

    /// The platforms as detection wants them.
    pub(super) fn fingerprints(&self) -> &[(String, Arc<extract::Rules>)] {
        &self.fingerprints
    }

    /// The rules of the platform that the page's markup gives away, or those that know none.
    fn detected(&self, bytes: &[u8]) -> &Rules {
        // Fingerprints are markup, which is ASCII in every encoding that pages use.
        let found = extract::detect(&String::from_utf8_lossy(bytes), &self.fingerprints);
        found.and_then(|(name, _)| self.named(name)).unwrap_or(&self.generic)
    }

    /// Extract → normalize → keys: what the daemon does with a document, without I/O and without memory.
    pub(super) fn read(&self, task: &Task<'_>) -> Printed {
        let (rules, normalize, dedup) =
            task.platform.and_then(|name| self.named(name)).unwrap_or_else(|| self.detected(task.bytes));
        read_by((rules, normalize, dedup), task)
    }
}

/// The rules of a source.
pub(super) type RulesOf<'a> = (&'a extract::Rules, &'a normalize::Rules, &'a dedup::Rules);

/// The same by rules that are no platform's.
pub(super) fn read_by(rules: RulesOf<'_>, task: &Task<'_>) -> Printed {
    let unknown = unknown_base();
    let url = task.url.unwrap_or(&unknown);
    let document = Document { bytes: task.bytes, content_type: task.content_type, url };
    let (rules, normalize, dedup) = rules;
    let kind = task.kind.unwrap_or_else(|| extract::kind_of(&document, rules));
    let mut found = extract::extract(&document, kind, rules);
    if task.url.is_none() {
        found.issues.push(Issue::new(
            Severity::Info,
            "base-url-unknown",
            format!("nothing says where this document stands; links count from `{unknown}` (see `--url`)"),
        ));
    }
    let context = Context { rules: normalize, base: url, fetched: task.fetched };
    let site = site(kind, url);
    let items = std::mem::take(&mut found.items);
    let items = items.into_iter().enumerate().map(|(number, item)| {
        let (printed, issues) = read_item(item, &context, (dedup, &site));
        let place = format!("item {}", number + 1);
        let placed = |issue: Issue| if issue.at.is_empty() { issue.at(place.clone()) } else { issue };
        found.issues.extend(issues.into_iter().map(placed));
        printed
    });
    let items = items.collect();
    print_document(found, items, task, &context)
}

/// What somebody may have meant who wrote `name`.
pub(super) fn suggestion(name: &str, names: &[&str]) -> String {
    match (config::nearest(name, names.iter().copied()), names) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "the configuration names none".to_owned(),
        (None, [one]) => format!("there is only `{one}`"),
        (None, _) => format!("there are `{}`", names.join("`, `")),
    }
}

/// What stands in for the source's own address. An item that leads to its own list is not known by that; an article
/// page is not a list, so its own address is a name of it.
fn site(kind: Kind, url: &Url) -> Url {
    match kind {
        Kind::Article => url.join("/").unwrap_or_else(|_| url.clone()),
        Kind::Feed | Kind::List | Kind::Brought => url.clone(),
    }
}

/// A base that keeps links absolute and never resolves (RFC 6761, section 6.4).
fn unknown_base() -> Url {
    Url::parse("http://unknown.invalid/").expect("it is constant")
}

fn read_item(
    item: Item,
    context: &Context<'_>,
    (rules, site): (&dedup::Rules, &Url),
) -> (PrintedItem, Vec<Issue>) {
    let raw_date = item.published.clone();
    let content_type = item.content_type.clone();
    let wordless = item.summary.is_some() || item.content.is_some();
    let (draft, issues) = normalize::normalize(item, context);
    let keys = dedup::keys(&draft, rules, site).iter().map(ToString::to_string).collect();
    let mut printed = print_item(draft, keys, (raw_date, content_type));
    // Nothing said is `null`. A text of images only was said: it has no words to sum it up.
    printed.summary = printed.summary.or_else(|| wordless.then(String::new));
    (printed, issues)
}

fn print_item(draft: Draft, keys: Vec<String>, raw: (Option<String>, Option<String>)) -> PrintedItem {
    let (raw_date, content_type) = raw;
    let content = draft.content;
    let html = some(content.html.as_str());
    let published = draft.published;
    PrintedItem {
        id: draft.guid,
        url: content.url,
        title: some(&content.title),
        summary: some(&content.summary),
        content_type: html.as_ref().map(|_| content_type.unwrap_or_else(|| "text/html".to_owned())),
        content_text: some(&normalize::html::to_text(&content.html)),
        content_html: html,
        language: content.language,
        authors: content.authors.into_iter().map(person).collect(),
        categories: content.categories.into_iter().map(category).collect(),
        links: draft.links.into_iter().map(link).collect(),
        date_precision: published.as_ref().map(|date| date.precision.to_string()),
        date_raw: published.as_ref().and_then(|date| date.raw.clone()).or(raw_date),
        date_inferred: published.as_ref().is_some_and(|date| date.inferred),
        published: published.as_ref().map(Date::rfc3339),
        updated: draft.updated.as_ref().map(Date::rfc3339),
        image: content.image,
        enclosures: content.enclosures.into_iter().map(enclosure).collect(),
        keys,
        extracted_by: content.extracted_by.to_string(),
    }
}

fn print_document(found: Found, items: Vec<PrintedItem>, task: &Task<'_>, context: &Context<'_>) -> Printed {
    let head = found.head;
    let absolute = |href: String| context.base.join(&href).map_or(href, String::from);
    let date = |raw: Option<String>| {
        normalize::date::date(raw.as_deref(), context)
            .0
            .filter(|date| !date.inferred)
            .map(|date| date.rfc3339())
    };
    Printed {
        id: task.id.clone(),
        file: task.file.map(str::to_owned),
        kind: kind_name(found.kind),
        format: found.format,
        encoding: found.encoding,
        title: head.title,
        link: head.link.map(absolute),
        feed_id: head.id,
        description: head.description,
        language: head.language,
        published: date(head.published),
        updated: date(head.updated),
        authors: head.authors.into_iter().map(person).collect(),
        categories: head.categories.into_iter().map(category).collect(),
        links: head
            .links
            .into_iter()
            .map(|found| link(Link { href: absolute(found.href), ..found }))
            .collect(),
        items,
        issues: found.issues.into_iter().map(issue).collect(),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Feed => "feed",
        Kind::List => "list",
        Kind::Article => "article",
        Kind::Brought => "brought",
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn person(person: Person) -> PrintedPerson {
    PrintedPerson { name: person.name, email: person.email, url: person.url }
}

fn category(category: Category) -> PrintedCategory {
    PrintedCategory { term: category.term, scheme: category.scheme, label: category.label }
}

fn link(link: Link) -> PrintedLink {
    PrintedLink { href: link.href, rel: link.rel, media_type: link.media_type }
}

fn enclosure(enclosure: Enclosure) -> PrintedEnclosure {
    PrintedEnclosure { url: enclosure.url, media_type: enclosure.media_type, length: enclosure.length }
}

fn issue(issue: Issue) -> PrintedIssue {
    PrintedIssue {
        severity: issue.severity.to_string(),
        code: issue.code,
        message: issue.message,
        at: some(&issue.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_the_promised_one() {
        let printed = Printed {
            id: "1".into(),
            file: None,
            kind: "list",
            format: "html".to_owned(),
            encoding: "utf-8".to_owned(),
            title: None,
            link: None,
            feed_id: None,
            description: None,
            language: None,
            published: None,
            updated: None,
            authors: Vec::new(),
            categories: Vec::new(),
            links: vec![link(Link { href: "http://a/".to_owned(), ..Link::default() })],
            items: vec![print_item(
                Draft {
                    content: crate::model::Content {
                        authors: vec![Person::default()],
                        categories: vec![Category::default()],
                        enclosures: vec![Enclosure { length: Some(3), ..Enclosure::default() }],
                        ..crate::model::Content::default()
                    },
                    ..Draft::default()
                },
                vec!["item:/x#1".to_owned()],
                (Some("hôm qua".to_owned()), None),
            )],
            issues: vec![issue(Issue::warning("date-in-future", "x").at("item 1"))],
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&printed).unwrap());
    }
}
