//! Which groups of links look like news.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Selector};

use super::group::{Group, Item, shape};
use super::links::{is_taxonomy, names_one_thing};
use super::place::Place;
use super::{ratio, share, when};
use crate::extract::dom;

/// What the page says of its list counts for so much of what its looks leave open.
const SAID: f64 = 0.4;

/// How much text the page has, in letters.
pub(super) fn letters_of(html: &Html) -> usize {
    letters(&dom::text(html.root_element()))
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

/// From 0 to 1: how much a group looks like a list of news on a page with `page` letters, which says of a share of
/// `declared` that they are articles.
pub(super) fn of(group: &Group<'_>, page: usize, declared: f64) -> f64 {
    static PICTURE: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("img").expect("a constant selector"));
    static TIME: LazyLock<Selector> = LazyLock::new(|| Selector::parse("time").expect("a constant selector"));
    let items = &group.items;
    let texts: Vec<String> = items.iter().map(|item| dom::text(item.element)).collect();
    let n_dated = items.iter().filter(|item| {
        let element = item.element;
        element.select(&TIME).next().is_some() || when::within(element).is_some() || dated_beside(element)
    });
    let dated = ratio(n_dated.count(), items.len());
    let n_told = items.iter().zip(&texts).filter(|(item, text)| letters(text) > letters(&item.title) + 40);
    let told = ratio(n_told.count(), items.len());
    let pictured = share(items, |item| item.element.select(&PICTURE).next().is_some());
    let headed = share(items, |item| item.is_heading);
    let volume = ratio(texts.iter().map(|text| letters(text)).sum(), page).min(1.0).sqrt();
    let looks = 0.32 * titles(items)
        + 0.13 * headed
        + 0.16 * dated
        + 0.09 * told
        + 0.04 * pictured
        + 0.14 * addresses(items)
        + 0.12 * volume;
    let looks = looks + SAID * declared * (1.0 - looks);
    (looks * many(items.len()) * places(items) * doubts(items)).clamp(0.0, 1.0)
}

/// How much of a page with `page` letters groups show, from 0 to 1.
pub(super) fn volume(groups: &[&Group<'_>], page: usize) -> f64 {
    let texts = groups.iter().flat_map(|group| &group.items).map(|item| letters(&dom::text(item.element)));
    ratio(texts.sum(), page).min(1.0)
}

/// How many letters stand in paragraphs outside of groups.
pub(super) fn prose(html: &Html, groups: &[&Group<'_>]) -> usize {
    static TEXTS: LazyLock<Selector> = LazyLock::new(|| Selector::parse("p").expect("a constant selector"));
    const SHORTEST: usize = 60;
    let items: HashSet<NodeId> =
        groups.iter().flat_map(|group| &group.items).map(|item| item.element.id()).collect();
    let outside = |text: &ElementRef<'_>| {
        !items.contains(&text.id()) && !text.ancestors().any(|around| items.contains(&around.id()))
    };
    let texts = html.select(&TEXTS).filter(outside).map(|text| letters(&dom::text(text)));
    texts.filter(|length| *length >= SHORTEST).sum()
}

/// Two items may be a list; ten are one.
fn many(n_items: usize) -> f64 {
    let n_items = ratio(n_items.min(10), 1);
    (0.45 + 0.55 * ((1.0 + n_items).ln() / 11.0_f64.ln())).min(1.0)
}

/// How much the titles read like titles, and how many of them are different.
fn titles(items: &[Item<'_>]) -> f64 {
    let total: f64 = items.iter().map(|item| title(&item.title)).sum();
    let different: HashSet<&str> = items.iter().map(|item| item.title.as_str()).collect();
    total / ratio(items.len(), 1) * ratio(different.len(), items.len())
}

/// Menus say one or two words, articles a sentence, and a paragraph is no title.
pub(super) fn title(text: &str) -> f64 {
    // A sign of Chinese or Japanese says as much as half a word.
    let wide = text.chars().filter(|c| matches!(u32::from(*c), 0x2E80..=0x9FFF | 0xAC00..=0xD7AF)).count();
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
    let weight = if wide > 3 { wide / 2 } else { words };
    let length = text.chars().count();
    match (weight, length) {
        (_, 301..) => 0.25,
        (0, _) => 0.0,
        (1, _) => 0.15,
        (2, _) => 0.35,
        (3, _) => 0.6,
        (4, _) => 0.8,
        _ => 1.0,
    }
}

/// How alike the addresses are, and how many name one thing.
fn addresses(items: &[Item<'_>]) -> f64 {
    let mut shapes: HashMap<String, usize> = HashMap::new();
    for item in items {
        *shapes.entry(shape(&item.anchor.url)).or_default() += 1;
    }
    let alike = ratio(shapes.values().copied().max().unwrap_or_default(), items.len());
    0.4 * alike + 0.6 * share(items, |item| names_one_thing(&item.anchor.url))
}

/// Where they stand.
fn places(items: &[Item<'_>]) -> f64 {
    let total: f64 = items
        .iter()
        .map(|item| match item.anchor.place {
            Place::Main => 1.0,
            Place::Open => 0.9,
            Place::Aside => 0.55,
            Place::Furniture => 0.12,
        })
        .sum();
    total / ratio(items.len(), 1)
}

/// What speaks against them: addresses of tags and pages, links in the middle of sentences, links to elsewhere, items
/// that are full of other links.
fn doubts(items: &[Item<'_>]) -> f64 {
    static LINK: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("a[href]").expect("a constant selector"));
    let taxonomy = share(items, |item| is_taxonomy(&item.anchor));
    let inline = share(items, |item| item.anchor.inline && !item.is_heading);
    let crowded = share(items, |item| item.element.select(&LINK).nth(30).is_some());
    let mut hosts: HashMap<&str, usize> = HashMap::new();
    for host in items.iter().filter_map(|item| item.anchor.url.host_str()) {
        *hosts.entry(host).or_default() += 1;
    }
    let strewn = 1.0 - ratio(hosts.values().copied().max().unwrap_or_default(), items.len());
    (1.0 - 0.6 * taxonomy) * (1.0 - 0.7 * inline) * (1.0 - 0.5 * crowded) * (1.0 - 0.5 * strewn)
}

/// In flat lists the date stands behind the title, as its sister.
fn dated_beside(element: ElementRef<'_>) -> bool {
    let sisters = element.next_siblings().filter_map(ElementRef::wrap).take(2);
    sisters.into_iter().any(|sister| when::within(sister).is_some() && letters(&dom::text(sister)) < 400)
}

/// Does a group show articles of the same section as the best one? Those that the best one does not show lead to
/// addresses of the same shape; and it stands beside it and is nearly as good, or the best one shows most of it already:
/// what is in a box of the newest is of the section, too.
pub(super) fn belongs(group: &Group<'_>, score: f64, best: &Group<'_>, top: f64) -> bool {
    let new: Vec<&Item<'_>> = group.items.iter().filter(|item| !best.has(item.anchor.url.as_str())).collect();
    let n_known = group.items.len() - new.len();
    let is_like = |shape: &dyn Fn(&Item<'_>) -> String| {
        let shapes: HashSet<String> = best.items.iter().map(shape).collect();
        share(&new, |item| shapes.contains(&shape(item))) >= 0.9
    };
    let exact = |item: &Item<'_>| shape(&item.anchor.url);
    let loose = |item: &Item<'_>| exact(item).trim_end_matches('#').to_owned();
    let is_furniture = group.items.iter().any(|item| item.anchor.place == Place::Furniture);
    if is_furniture || titles(&group.items) < 0.5 {
        return false;
    }
    let is_beside = group.items.iter().all(|item| item.anchor.place != Place::Aside);
    let is_known = n_known >= 2 && n_known * 2 >= group.items.len();
    (is_known && is_like(&loose)) || (is_beside && score >= 0.6 * top && is_like(&exact))
}
