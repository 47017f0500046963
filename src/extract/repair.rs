//! Finding known articles again in a page that the rules do not read any more: which selectors would read it now.
//!
//! 1. Look for the titles (and, where a title was changed, the addresses) of known articles.
//! 2. Of the places where they stand, take those that look alike and show most of them: a sidebar shows some as well.
//! 3. Go up from each title as long as nothing else of the list is reached: that is an item.
//! 4. Name items, titles, links and dates by tags and classes, and look whether these names find them again.
//!
//! Pure. What comes back is a proposal to a person.

mod names;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ego_tree::NodeId;
use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::metadata::Metadata;
use super::open::open;
use super::{Document, Kind, dom};
use crate::model::text;

/// So many known articles have to be found again.
const ENOUGH: usize = 2;
/// How far an item may reach above its title.
const LEVELS: usize = 8;
/// Shorter titles stand anywhere on a page.
const SHORTEST: usize = 8;
/// An element with more in it than this is no title.
const LARGEST: usize = 40;

/// A date as people write it.
const DATE: &str = r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}-\d{2}-\d{2}";
static HAS_DATE: LazyLock<Regex> = LazyLock::new(|| Regex::new(DATE).expect("the pattern is fixed"));
static EVERYTHING: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("body *").expect("the selector is fixed"));
static LINKS: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("a[href]").expect("the selector is fixed"));

/// A known article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its title.
    pub title: String,
    /// Its address.
    pub url: Option<String>,
}

/// Selectors that read a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The items.
    pub item: String,
    /// The title in an item; `None` where it is the item's own text.
    pub title: Option<String>,
    /// The link; `None` where the item itself is one.
    pub link: Option<String>,
    /// The date, as a value of a configuration.
    pub date: Option<String>,
    /// How many known articles they find.
    pub matched: usize,
}

/// A known article in the page.
#[derive(Clone, Copy)]
struct Hit<'a> {
    known: usize,
    title: ElementRef<'a>,
    link: ElementRef<'a>,
}

/// Selectors that find at least two known articles again; `None` where there are none.
pub fn propose(document: &Document<'_>, known: &[Known]) -> Option<Proposal> {
    let page = open(document, Kind::List).0?;
    let base = Metadata::of(&page.html, document.url).base.unwrap_or_else(|| document.url.clone());
    let hits = alike(find(&page.html, &base, known));
    if hits.len() < ENOUGH {
        return None;
    }
    let within = counts(&hits);
    let lowest = hits.iter().map(|hit| level_of_link(hit)).max().unwrap_or_default();
    (lowest..LEVELS).rev().find_map(|level| {
        let items: Vec<ElementRef<'_>> =
            hits.iter().map(|hit| up(hit.title, level)).collect::<Option<_>>()?;
        let is_own =
            |item: &ElementRef<'_>| within.get(&item.id()) == Some(&1) && item.value().name() != "body";
        items.iter().all(is_own).then(|| name(&page.html, &hits, &items)).flatten()
    })
}

/// Every place where a known article stands.
fn find<'a>(html: &'a Html, base: &Url, known: &[Known]) -> Vec<Hit<'a>> {
    let (mut by_title, mut by_address) = (HashMap::new(), HashMap::new());
    for (index, article) in known.iter().enumerate() {
        if article.title.chars().count() >= SHORTEST {
            by_title.entry(text::key(&article.title)).or_insert(index);
        }
        if let Some(address) = article.url.as_deref().and_then(|url| Url::parse(url).ok()) {
            by_address.entry(address_key(&address)).or_insert(index);
        }
    }
    let mut hits: Vec<Hit<'a>> = Vec::new();
    for element in html.select(&EVERYTHING) {
        if element.descendants().take(LARGEST + 1).count() > LARGEST {
            continue;
        }
        let Some(known) = by_title.get(&text::key(&dom::text(element))).copied() else { continue };
        let Some(link) = link_of(element) else { continue };
        // Of elements in each other that say the same, the innermost one says it.
        hits.retain(|hit| {
            hit.known != known || !element.ancestors().any(|above| above.id() == hit.title.id())
        });
        hits.push(Hit { known, title: element, link });
    }
    let titled: HashSet<usize> = hits.iter().map(|hit| hit.known).collect();
    for link in html.select(&LINKS) {
        let address = link.attr("href").and_then(|href| base.join(href).ok());
        let known = address.and_then(|address| by_address.get(&address_key(&address)).copied());
        let Some(known) = known.filter(|known| !titled.contains(known)) else { continue };
        if dom::text(link).chars().count() >= SHORTEST {
            hits.push(Hit { known, title: link, link });
        }
    }
    hits
}

/// An address without what sites change of theirs: scheme, `www.`, fragment.
fn address_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    format!("{host}{}?{}", url.path(), url.query().unwrap_or_default())
}

/// The link that a title is, stands in, or has in it.
fn link_of(title: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let around = std::iter::once(title).chain(title.ancestors().filter_map(ElementRef::wrap).take(LEVELS));
    let mut around = around.filter(|element| element.value().name() == "a" && element.attr("href").is_some());
    around.next().or_else(|| title.select(&LINKS).next())
}

/// Of the places those that look alike and show most of the known articles, each once.
fn alike(hits: Vec<Hit<'_>>) -> Vec<Hit<'_>> {
    let mut groups: Vec<(String, Vec<Hit<'_>>)> = Vec::new();
    for hit in hits {
        let look = look(hit.title);
        match groups.iter_mut().find(|(known, _)| *known == look) {
            Some((_, group)) if group.iter().any(|other| other.known == hit.known) => {}
            Some((_, group)) => group.push(hit),
            None => groups.push((look, vec![hit])),
        }
    }
    // The first of the largest ones.
    groups.into_iter().rev().max_by_key(|(_, group)| group.len()).map(|(_, group)| group).unwrap_or_default()
}

/// The tags of an element and of what it stands in, and its own classes.
fn look(element: ElementRef<'_>) -> String {
    let above = element.ancestors().filter_map(ElementRef::wrap).take(3);
    let tags: Vec<&str> = above.map(|element| element.value().name()).collect();
    format!("{} {}", names::of(&[element]), tags.join(" "))
}

/// How many titles stand in each element around them.
fn counts(hits: &[Hit<'_>]) -> HashMap<NodeId, usize> {
    let mut counts = HashMap::new();
    for hit in hits {
        *counts.entry(hit.title.id()).or_default() += 1;
        for above in hit.title.ancestors() {
            *counts.entry(above.id()).or_default() += 1;
        }
    }
    counts
}

/// How far above the title its link stands.
fn level_of_link(hit: &Hit<'_>) -> usize {
    (0..LEVELS)
        .find(|level| up(hit.title, *level).is_some_and(|it| it.id() == hit.link.id()))
        .unwrap_or_default()
}

fn up(element: ElementRef<'_>, levels: usize) -> Option<ElementRef<'_>> {
    match levels {
        0 => Some(element),
        _ => element.ancestors().filter_map(ElementRef::wrap).nth(levels - 1),
    }
}

/// Names for the items of one level, if there are such that find them again and nothing that has two titles.
fn name(html: &Html, hits: &[Hit<'_>], items: &[ElementRef<'_>]) -> Option<Proposal> {
    let titles: Vec<_> = hits.iter().map(|hit| hit.title).collect();
    let links: Vec<_> = hits.iter().map(|hit| hit.link).collect();
    let title = names::within(items, &titles)?;
    let link = names::within(items, &links)?;
    names::paths(items).into_iter().find_map(|item| {
        let selector = Selector::parse(&item).ok()?;
        let found: Vec<_> = html.select(&selector).collect();
        let ids: HashSet<NodeId> = found.iter().map(|element| element.id()).collect();
        let finds_all = items.iter().all(|element| ids.contains(&element.id()));
        // What else it finds shall look like an item: with a link, and in no other one.
        let odd = found.iter().filter(|element| {
            element.ancestors().any(|above| ids.contains(&above.id())) || link_of(**element).is_none()
        });
        let is_clean = odd.count() * 4 <= found.len() && !has_several(&found, title.as_deref());
        (finds_all && is_clean).then(|| Proposal {
            item,
            title: title.clone(),
            link: link.clone(),
            date: date(items),
            matched: hits.len(),
        })
    })
}

/// Do items have more than one title each? Then they are blocks of items.
fn has_several(items: &[ElementRef<'_>], title: Option<&str>) -> bool {
    let Some(selector) = title.and_then(|title| Selector::parse(title).ok()) else { return false };
    let links = |item: &ElementRef<'_>| {
        let titles = item.select(&selector).filter_map(link_of);
        titles.filter_map(|link| link.attr("href")).collect::<HashSet<_>>().len()
    };
    let several = items.iter().filter(|item| links(item) > 1).count();
    several * 4 > items.len()
}

/// Where most items have a date.
fn date(items: &[ElementRef<'_>]) -> Option<String> {
    let dated: Vec<(ElementRef<'_>, ElementRef<'_>)> = items
        .iter()
        .filter_map(|item| {
            let says = |element: &ElementRef<'_>| {
                element.attr("datetime").is_some_and(|at| HAS_DATE.is_match(at))
                    || HAS_DATE.is_match(&dom::own_text(*element))
            };
            let inside = item.descendants().filter_map(ElementRef::wrap);
            inside.into_iter().find(says).map(|element| (*item, element))
        })
        .collect();
    if dated.len() * 2 <= items.len() {
        return None;
    }
    let (items, dates): (Vec<_>, Vec<_>) = dated.into_iter().unzip();
    let has_attribute = dates.iter().all(|date| date.attr("datetime").is_some());
    match names::within(&items, &dates) {
        Some(Some(select)) if has_attribute => {
            Some(format!("{{ select = \"{select}\", take = \"@datetime\" }}"))
        }
        Some(Some(select)) if dates.iter().all(|date| is_bare(*date)) => Some(format!("\"{select}\"")),
        Some(Some(select)) => Some(format!("{{ select = \"{select}\", pattern = '{DATE}' }}")),
        Some(None) | None => Some(format!("{{ pattern = '{DATE}' }}")),
    }
}

/// Does it say a date, perhaps with a time, and nothing else?
fn is_bare(element: ElementRef<'_>) -> bool {
    dom::text(element).chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || "/.-:,()".contains(c))
}

// === impl Proposal ===

impl Proposal {
    /// The lines that an operator may paste below the `[[source]]`.
    pub fn to_toml(&self) -> String {
        let pick = |select: &Option<String>, take: &str| match select {
            Some(select) => format!("\"{select}\""),
            None => format!("{{ take = \"{take}\" }}"),
        };
        let mut lines = format!(
            "[[source.list]]\nitem = \"{}\"\ntitle = {}\nlink = {}\n",
            self.item,
            pick(&self.title, "text"),
            pick(&self.link, "@href"),
        );
        if let Some(date) = &self.date {
            lines.push_str(&format!("date = {date}\n"));
        }
        lines
    }
}

#[cfg(test)]
mod tests;
