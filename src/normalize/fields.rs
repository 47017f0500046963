//! Titles, teasers, sections, links, files and ids, one by one.

use regex::Regex;

use super::{Context, media, text, url};
use crate::model::{Category, Enclosure, Issue, Item, Link, markup, text as keys};

/// The most characters of a title, and of a section's name.
const LONGEST_TITLE: usize = 1_000;

/// The most characters of a teaser.
const LONGEST_SUMMARY: usize = 500;

/// The most characters of a title that was made from the text.
const LONGEST_MADE: usize = 120;

/// The most of a field that is looked at at all, in bytes.
const LONGEST_FIELD: usize = 64 << 10;

fn head(text: &str) -> &str {
    let end = (0..=LONGEST_FIELD.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

// === Titles ===

/// The title, without what the site adds to every one; `None` when there is none.
pub(super) fn title(raw: Option<&str>, noise: &[Regex], issues: &mut Vec<Issue>) -> Option<String> {
    let raw = head(raw?);
    let tagged = raw.contains("</") || raw.contains("<br");
    let line = if tagged { text::line(&markup::to_text(raw)) } else { text::line(raw) };
    let title = without_noise(&line, noise);
    if title.is_empty() {
        return None;
    }
    match text::cut(&title, LONGEST_TITLE) {
        Some(cut) => {
            issues.push(Issue::warning(
                "title-too-long",
                format!("the title is longer than {LONGEST_TITLE} characters"),
            ));
            Some(cut)
        }
        None => Some(title),
    }
}

/// Cuts matches at the start and at the end, unless nothing would be left.
fn without_noise(title: &str, noise: &[Regex]) -> String {
    let mut rest = title;
    for pattern in noise {
        let at_edge =
            pattern.find_iter(rest).filter(|found| found.start() == 0 || found.end() == rest.len()).last();
        let Some(found) = at_edge else { continue };
        let kept = if found.start() == 0 { rest.get(found.end()..) } else { rest.get(..found.start()) };
        if let Some(kept) = kept.map(str::trim).filter(|kept| !kept.is_empty()) {
            rest = kept;
        }
    }
    rest.to_owned()
}

/// A title for what has none: the first sentence of its text, or its address.
pub(super) fn made_title(body: &str, summary: &str, address: Option<&str>) -> String {
    let source = [summary, body]
        .into_iter()
        .find_map(|text| text.lines().map(text::line).find(|line| !line.is_empty()));
    match source {
        Some(line) => {
            let sentence =
                line.split_inclusive(['.', '!', '?']).next().filter(|sentence| sentence.len() >= 20);
            let sentence = sentence.unwrap_or(&line);
            let bare = sentence.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
            let sentence = if bare.is_empty() { sentence.trim_end() } else { bare };
            text::cut(sentence, LONGEST_MADE).unwrap_or_else(|| sentence.to_owned())
        }
        None => address.unwrap_or("Không có tiêu đề").to_owned(),
    }
}

// === Teasers ===

/// The teaser as plain text: the source's own, or the first paragraph that says something.
pub(super) fn summary(raw: Option<&str>, body: &str, title: &str) -> String {
    let own = raw.map(|raw| text::line(&markup::to_text(head(raw)))).unwrap_or_default();
    let same = |line: &str| keys::key(line) == keys::key(title);
    let chosen = if own.is_empty() || same(&own) {
        let lines = || body.lines().map(text::line).filter(|line| !line.is_empty() && !same(line));
        let said = lines().find(|line| line.chars().count() >= 40).or_else(|| lines().next());
        said.unwrap_or(own)
    } else {
        own
    };
    text::cut(&chosen, LONGEST_SUMMARY).unwrap_or(chosen)
}

/// True for a teaser that is more than a line of plain text.
pub(super) fn is_text(raw: &str) -> bool {
    raw.contains('<') || raw.chars().nth(LONGEST_SUMMARY).is_some()
}

// === Sections ===

/// Sections and tags, each once.
pub(super) fn categories(raw: Vec<Category>) -> Vec<Category> {
    let mut found: Vec<Category> = Vec::new();
    for category in raw {
        let line = |text: &str| Some(text::line(head(text))).filter(|text| !text.is_empty());
        let label = category.label.as_deref().and_then(line);
        let Some(term) = line(&category.term).or_else(|| label.clone()) else { continue };
        let term = text::cut(&term, LONGEST_TITLE).unwrap_or(term);
        let scheme = category.scheme.as_deref().and_then(line);
        let same = |other: &Category| other.scheme == scheme && keys::key(&other.term) == keys::key(&term);
        if !found.iter().any(same) {
            found.push(Category { term, scheme, label });
        }
    }
    found
}

// === Links ===

/// Every link that leads somewhere, absolute.
pub(super) fn links(raw: &[Link], context: &Context<'_>) -> Vec<Link> {
    let link = |link: &Link| {
        let href = url::public(&url::absolute(context.base, &link.href)?);
        Some(Link { href, rel: link.rel.clone(), media_type: link.media_type.clone() })
    };
    raw.iter().filter_map(link).collect()
}

/// The address where people read the item: its own, its alternate link, or a guid that is one.
pub(super) fn address(item: &Item, context: &Context<'_>) -> Option<::url::Url> {
    let alternate = |link: &&Link| matches!(link.rel.as_deref(), None | Some("alternate" | ""));
    let alternate = item.links.iter().find(alternate).map(|link| link.href.as_str());
    let guid = item.id.as_deref().filter(|id| is_address(id));
    [item.url.as_deref(), alternate, guid]
        .into_iter()
        .flatten()
        .find_map(|href| url::absolute(context.base, href))
}

fn is_address(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}

/// A source's own id, as one line.
pub(super) fn guid(raw: Option<&str>) -> Option<String> {
    Some(text::line(head(raw?))).filter(|id| !id.is_empty())
}

// === Files ===

/// The item's attachments, those that it links to and the documents in its text, each once.
pub(super) fn enclosures(
    item: &Item,
    documents: &[(String, String)],
    context: &Context<'_>,
) -> Vec<Enclosure> {
    let linked = item.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure")).map(|link| {
        Enclosure { url: link.href.clone(), media_type: link.media_type.clone(), ..Enclosure::default() }
    });
    let named = documents.iter().map(|(address, title)| Enclosure {
        url: address.clone(),
        title: Some(title.clone()).filter(|title| !title.is_empty()),
        ..Enclosure::default()
    });
    let mut found: Vec<Enclosure> = Vec::new();
    for raw in item.enclosures.iter().cloned().chain(linked).chain(named) {
        let Some(address) = url::absolute(context.base, &raw.url).map(|address| url::public(&address)) else {
            continue;
        };
        if found.iter().any(|other| other.url == address) {
            continue;
        }
        let title = raw.title.as_deref().map(text::line).filter(|title| !title.is_empty());
        let media_type = media_type(raw.media_type.as_deref(), &address);
        // A length of zero is how feeds say that they do not know.
        found.push(Enclosure {
            url: address,
            media_type,
            length: raw.length.filter(|bytes| *bytes > 0),
            title,
        });
    }
    found
}

fn media_type(declared: Option<&str>, address: &str) -> Option<String> {
    let declared =
        declared.and_then(|kind| kind.split(';').next()).map(|kind| kind.trim().to_ascii_lowercase());
    let exact =
        declared.clone().filter(|kind| keys::is_media_type(kind) && kind != "application/octet-stream");
    exact
        .or_else(|| media::by_name(address).map(str::to_owned))
        .or_else(|| declared.filter(|kind| kind == "application/octet-stream"))
}
