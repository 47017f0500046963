//! Which part of a page is its list of articles? Found from the page alone: no recipe, no name of a site.
//!
//! 1. `links`: every link that could lead to an article, and in what part of the page it stands;
//! 2. `group`: links that stand at the same place of a repeated structure, and the element around each that is its item;
//! 3. `score`: which of these groups look like news, and not like a menu, a tag cloud or the footer;
//! 4. `sketch`: the selectors that describe the best one, which read the page from then on.
//!
//! What is found is used through its selectors only, so that `loa init` writes down exactly what `loa extract` did.

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

use group::Group;

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

/// The most lists of one page that belong together.
const MOST_LISTS: usize = 8;

/// The page's list of articles; `None` where nothing repeats.
pub fn detect(html: &Html, url: &Url) -> Option<Section> {
    let anchors = links::collect(html, url);
    let letters = score::letters_of(html);
    let mut groups: Vec<(Group<'_>, f64)> = group::all(&anchors, MOST_WEIGHED)
        .into_iter()
        .map(|group| {
            let score = score::of(&group, letters);
            (group, score)
        })
        .collect();
    groups.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    // Where nothing but chance holds links together, no selector says which they are.
    groups.retain(|(group, _)| sketch::item(html, group).is_some());
    let chosen = chosen(&groups);
    let (best, score) = groups.first()?;
    let leads = Group::leads(&chosen, &anchors);
    let lists: Vec<Sketch> =
        chosen.iter().copied().chain(&leads).filter_map(|group| sketch::of(html, group, &anchors)).collect();
    let rival = groups.iter().skip(1).find(|(group, _)| group.overlap(best) < 0.5).map_or(0.0, |(_, s)| *s);
    let mut urls: Vec<&str> = chosen.iter().flat_map(|group| group.urls()).collect();
    urls.sort_unstable();
    urls.dedup();
    Some(Section {
        confidence: confidence(*score, rival),
        volume: score::volume(&chosen, letters),
        prose: score::prose(html, &chosen),
        items: urls.len(),
        considered: groups
            .iter()
            .take(6)
            .filter_map(|(group, score)| considered(html, group, *score))
            .collect(),
        lists,
    })
}

/// The best group, and those that show the same kind of articles.
fn chosen<'g, 'a>(groups: &'g [(Group<'a>, f64)]) -> Vec<&'g Group<'a>> {
    let mut chosen: Vec<&Group<'_>> = Vec::new();
    let Some((best, top)) = groups.first() else { return chosen };
    chosen.push(best);
    for (group, score) in groups.iter().skip(1) {
        let is_new = group.urls().any(|url| !chosen.iter().any(|known| known.has(url)));
        if chosen.len() < MOST_LISTS && is_new && score::belongs(group, *score, best, *top) {
            chosen.push(group);
        }
    }
    chosen
}

fn considered(html: &Html, group: &Group<'_>, score: f64) -> Option<Considered> {
    Some(Considered {
        item: sketch::item(html, group)?,
        items: group.items.len(),
        first: group.items.first().map(|item| item.title.clone()).unwrap_or_default(),
        score,
    })
}

/// A good list is sure where nothing else on the page is nearly as good.
fn confidence(score: f64, rival: f64) -> f64 {
    let lead = if score > 0.0 { (score - rival) / score } else { 0.0 };
    (score * (0.75 + 0.5 * lead)).clamp(0.0, 1.0)
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
