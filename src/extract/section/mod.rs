//! Which part of a page is its list of articles? Found from the page alone: no recipe, no name of a site.
//!
//! 1. `links`: every link that could lead to an article, and in what part of the page it stands;
//! 2. `group`: links that stand at the same place of a repeated structure, and the element around each that is its item;
//! 3. `score`: which of these groups look like news, and not like a menu, a tag cloud or the footer, and which of them
//!    the page itself says to be articles (`declared`);
//! 4. `sketch`: the selectors that describe the best one, which read the page from then on.
//!
//! What is found is used through its selectors only, so that `loa init` writes down exactly what `loa extract` did.

mod declared;
mod group;
mod links;
mod place;
mod score;
mod select;
mod sketch;
mod when;

#[cfg(test)]
mod tests;

use scraper::Html;
use url::Url;

pub use sketch::{Sketch, Way};

use declared::Declared;
use group::Group;
use links::Anchor;
use place::Places;

use super::json_ld;
use crate::model;

/// A page's list of articles, and how sure that is.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its lists: the main one first, then others that show articles of the same kind (a lead story).
    pub lists: Vec<Sketch>,
    /// From 0 to 1: how much it looks like a list of news, and how far ahead it is of what else was considered.
    pub confidence: f64,
    /// How many articles the lists show.
    pub items: usize,
    /// How much of the page's text is theirs, from 0 to 1.
    pub volume: f64,
    /// How many letters of the page stand in paragraphs that are none of theirs.
    pub prose: usize,
    /// What else was considered, best first.
    pub considered: Vec<Considered>,
}

/// Letters of a text about the list itself, or of a notice; an article is longer.
const LONGEST_NOTICE: usize = 900;

impl Section {
    /// True when the page is there for its list, and not for an article that the list only follows.
    pub fn is_page(&self) -> bool {
        self.confidence >= 0.35 && (self.prose < LONGEST_NOTICE || self.volume > 0.5)
    }

    /// True when nothing on the page could be an article's text.
    pub fn is_nothing_else(&self) -> bool {
        self.confidence >= 0.5 && self.items >= 5 && self.prose < LONGEST_NOTICE / 3
    }
}

/// A group of links that was weighed.
#[derive(Clone, Debug)]
pub struct Considered {
    /// Its items, as a selector.
    pub item: String,
    /// How many there are.
    pub items: usize,
    /// The title of its first item.
    pub first: String,
    /// From 0 to 1.
    pub score: f64,
}

/// The most groups that are looked at closely.
const MOST_WEIGHED: usize = 40;

/// Of those, the most that a selector is looked for.
const MOST_CALLED: usize = 16;

/// The most groups that are told of.
const MOST_TOLD: usize = 6;

/// The most lists of one page that belong together.
const MOST_LISTS: usize = 8;

/// A group with what it is worth and how its items are called.
struct Weighed<'a> {
    group: Group<'a>,
    score: f64,
    item: String,
}

/// The page's list of articles; `None` where nothing repeats.
pub fn detect(html: &Html, url: &Url) -> Option<Section> {
    detect_beside(&json_ld::lists::lists(html), html, url)
}

/// The same, for who has read already which lists the page describes.
pub(super) fn detect_beside(described: &[Vec<model::Item>], html: &Html, url: &Url) -> Option<Section> {
    let places = Places::default();
    let anchors = links::collect(html, url, &places);
    let letters = score::letters_of(html);
    let declared = Declared::of(described, html, url);
    let worth = |group: &Group<'_>| score::of(group, letters, declared.share(&group.items));
    let weighed = weighed(html, &anchors, worth, &places);
    let best = weighed.first()?;
    let chosen = chosen(&weighed);
    let groups: Vec<&Group<'_>> = chosen.iter().map(|weighed| &weighed.group).collect();
    let leads = Group::leads(&groups, &anchors);
    let leads = leads.iter().filter_map(|lead| Some((lead, sketch::item(html, lead, &places)?)));
    let main = chosen.iter().map(|weighed| (&weighed.group, weighed.item.clone()));
    let lists: Vec<Sketch> =
        main.chain(leads).filter_map(|(group, item)| sketch::of(html, group, item, &anchors)).collect();
    let rivals = weighed.iter().skip(1).filter(|rival| rival.group.overlap(&best.group) < 0.5);
    let mut urls: Vec<&str> = groups.iter().flat_map(|group| group.urls()).collect();
    urls.sort_unstable();
    urls.dedup();
    Some(Section {
        confidence: confidence(best.score, rivals.map(|rival| rival.score).next().unwrap_or_default()),
        volume: score::volume(&groups, letters),
        prose: score::prose(html, &groups),
        items: urls.len(),
        considered: weighed.iter().take(MOST_TOLD).map(Weighed::told).collect(),
        lists,
    })
}

/// The best groups of a page, the best first. Where nothing but chance holds links together, no selector says which
/// they are.
fn weighed<'a>(
    html: &'a Html,
    anchors: &[Anchor<'a>],
    worth: impl Fn(&Group<'_>) -> f64,
    places: &Places,
) -> Vec<Weighed<'a>> {
    let scored = group::all(anchors, MOST_WEIGHED).into_iter().map(|group| (worth(&group), group));
    let mut scored: Vec<(f64, Group<'a>)> = scored.collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let called = scored.into_iter().take(MOST_CALLED);
    called
        .filter_map(|(score, group)| {
            Some(Weighed { item: sketch::item(html, &group, places)?, group, score })
        })
        .collect()
}

/// The best group, and those that show the same kind of articles.
fn chosen<'w, 'a>(weighed: &'w [Weighed<'a>]) -> Vec<&'w Weighed<'a>> {
    let mut chosen: Vec<&Weighed<'_>> = Vec::new();
    let Some(best) = weighed.first() else { return chosen };
    chosen.push(best);
    for other in weighed.iter().skip(1) {
        let is_new = other.group.urls().any(|url| !chosen.iter().any(|known| known.group.has(url)));
        let belongs = || score::belongs(&other.group, other.score, &best.group, best.score);
        if chosen.len() < MOST_LISTS && is_new && belongs() {
            chosen.push(other);
        }
    }
    chosen
}

impl Weighed<'_> {
    fn told(&self) -> Considered {
        Considered {
            item: self.item.clone(),
            items: self.group.items.len(),
            first: self.group.items.first().map(|item| item.title.clone()).unwrap_or_default(),
            score: self.score,
        }
    }
}

/// A good list is sure where nothing else on the page is nearly as good.
fn confidence(score: f64, rival: f64) -> f64 {
    let lead = if score > 0.0 { (score - rival) / score } else { 0.0 };
    (score * (0.75 + 0.5 * lead)).clamp(0.0, 1.0)
}

/// Does a text read like the title of an article, and not like the name of a section?
pub(super) fn is_title(text: &str) -> bool {
    score::title(text) > 0.7
}

/// The element's link as a key: absolute, without fragment.
fn key(base: &Url, href: &str) -> Option<Url> {
    let mut url = base.join(href.trim()).ok()?;
    url.set_fragment(None);
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// How many of `all` hold, from 0 to 1.
fn share<T>(all: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    if all.is_empty() { 0.0 } else { ratio(all.iter().filter(|one| holds(one)).count(), all.len()) }
}

/// `part` of `whole`, from 0 to 1.
fn ratio(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of one page")]
    let ratio = part as f64 / whole.max(1) as f64;
    ratio
}
