//! A list described by selectors, as a recipe would.

use std::{collections::HashSet, sync::LazyLock};

use regex::Regex;
use scraper::{ElementRef, Html, Selector};

use super::group::{Group, Item};
use super::links::Anchor;
use super::place::Places;
use super::{select, share, when};
use crate::extract::{Alternative, ListRules, Pick, Query, Scope, Take, dom};

/// A list's selectors, in words. [`Sketch::rules`] makes rules of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// Each match is one item.
    pub item: String,
    /// Where its values stand.
    pub scope: Scope,
    /// Its title.
    pub title: Vec<Way>,
    /// Its link.
    pub link: Vec<Way>,
    /// Its date.
    pub date: Vec<Way>,
    /// Its teaser.
    pub summary: Vec<Way>,
    /// Its picture.
    pub image: Vec<Way>,
}

/// One way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The element; `None` is the item's own.
    pub select: Option<String>,
    /// What to take of it.
    pub take: Take,
    /// Keeps what matches.
    pub pattern: Option<String>,
}

impl Sketch {
    /// Rules that a page can be read with; `None` where a selector is none.
    pub fn rules(&self) -> Option<ListRules> {
        Some(ListRules {
            item: Query::parse(&self.item).ok()?,
            scope: self.scope,
            title: pick(&self.title)?,
            link: pick(&self.link)?,
            id: Pick::default(),
            date: pick(&self.date)?,
            summary: pick(&self.summary)?,
            image: pick(&self.image)?,
            category: Pick::default(),
            author: Pick::default(),
        })
    }
}

impl Way {
    fn new(select: impl Into<Option<String>>, take: Take) -> Self {
        Self { select: select.into(), take, pattern: None }
    }
}

fn pick(ways: &[Way]) -> Option<Pick> {
    let alternative = |way: &Way| {
        let select = way.select.as_deref().map(Query::parse).transpose().ok()?;
        let pattern = way.pattern.as_deref().map(Regex::new).transpose().ok()?;
        Some(Alternative { select, take: way.take.clone(), pattern })
    };
    Some(Pick(ways.iter().map(alternative).collect::<Option<_>>()?))
}

/// The selector of a group's items, where there is one.
pub(super) fn item(html: &Html, group: &Group<'_>, places: &Places) -> Option<String> {
    let elements: Vec<ElementRef<'_>> = group.items.iter().map(|item| item.element).collect();
    select::exactly(html, &elements, group.total, &group.is_item(places))
}

/// Describes the items of a group, which the selector `item` finds.
pub(super) fn of<'a>(
    html: &'a Html,
    group: &Group<'a>,
    item: String,
    anchors: &[Anchor<'a>],
) -> Option<Sketch> {
    let mut group = group.clone();
    let matched: Vec<ElementRef<'a>> = html.select(&Selector::parse(&item).ok()?).take(200).collect();
    let known: HashSet<_> = group.items.iter().map(|item| item.element.id()).collect();
    let more: Vec<ElementRef<'a>> =
        matched.into_iter().filter(|element| !known.contains(&element.id())).collect();
    group.take_in(&more, anchors);
    let items = &group.items;
    let scope = scope(items);
    Some(Sketch {
        item,
        scope,
        title: title(items),
        link: link(items),
        date: date(items, scope),
        summary: summary(items, scope),
        image: image(items, scope),
    })
}

/// A heading with its text behind it, as its sister, owns what stands up to the next heading.
fn scope(items: &[Item<'_>]) -> Scope {
    let alone = |item: &Item<'_>| {
        matches!(
            item.element.value().name(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dt" | "a" | "tr" | "p" | "b" | "strong"
        )
    };
    let followed = |item: &Item<'_>| {
        let mut sisters = item.element.next_siblings().filter_map(ElementRef::wrap);
        sisters.next().is_some_and(|sister| !items.iter().any(|other| other.element.id() == sister.id()))
    };
    if share(items, alone) > 0.9 && share(items, followed) > 0.6 { Scope::UntilNext } else { Scope::Inside }
}

fn title(items: &[Item<'_>]) -> Vec<Way> {
    let pairs: Vec<_> = items.iter().map(|item| (item.element, Some(item.headline))).collect();
    let mixed = share(items, |item| item.is_mixed) > 0.5;
    let mut found = described(&pairs, if mixed { &Take::OwnText } else { &Take::Text });
    if share(items, |item| when::tail(&item.title).is_some()) > 0.5 {
        // The title without the date behind it; those that have none as they are.
        let cut = found.iter().map(|way| Way { pattern: Some(when::without_tail()), ..way.clone() });
        found = cut.chain(found.iter().cloned()).collect();
    }
    let is_silent = |item: &Item<'_>| dom::text(item.headline).is_empty();
    if items.iter().any(is_silent) {
        let pairs: Vec<_> = items.iter().map(|item| (item.element, Some(item.anchor.element))).collect();
        for name in ["title", "aria-label"] {
            if items.iter().any(|item| item.anchor.element.attr(name).is_some()) {
                found.extend(described(&pairs, &Take::Attr(name.to_owned())));
            }
        }
        found.push(Way::new("img[alt]".to_owned(), Take::Attr("alt".to_owned())));
    }
    found
}

fn link(items: &[Item<'_>]) -> Vec<Way> {
    let pairs: Vec<_> = items.iter().map(|item| (item.element, Some(item.anchor.element))).collect();
    described(&pairs, &Take::Attr("href".to_owned()))
}

/// Ways to targets that may be the items' own elements.
fn described(pairs: &[(ElementRef<'_>, Option<ElementRef<'_>>)], take: &Take) -> Vec<Way> {
    let is_own = |(scope, target): &(ElementRef<'_>, Option<ElementRef<'_>>)| {
        target.is_some_and(|t| t.id() == scope.id())
    };
    let own = pairs.iter().any(is_own).then(|| Way::new(None, take.clone()));
    let others: Vec<_> = pairs.iter().filter(|pair| !is_own(pair)).copied().collect();
    let inner = select::inside(&others).into_iter().map(|way| Way::new(way, take.clone()));
    inner.chain(own).collect()
}

/// Where an item's values stand: its element, and in flat lists its sisters up to the next item.
fn region<'a>(item: &Item<'a>, items: &[Item<'a>], scope: Scope) -> Vec<ElementRef<'a>> {
    let mut region = vec![item.element];
    if scope == Scope::UntilNext {
        let is_next = |sister: &ElementRef<'a>| items.iter().any(|other| other.element.id() == sister.id());
        let sisters = item.element.next_siblings().filter_map(ElementRef::wrap);
        region.extend(sisters.take_while(|sister| !is_next(sister)).take(6));
    }
    region
}

static TIME: LazyLock<Selector> = LazyLock::new(|| Selector::parse("time").expect("a constant selector"));

fn date(items: &[Item<'_>], scope: Scope) -> Vec<Way> {
    let mut found = Vec::new();
    let times: Vec<_> = items.iter().map(|item| first(&region(item, items, scope), &TIME)).collect();
    let said = |time: &Option<ElementRef<'_>>| {
        time.is_some_and(|time| time.attr("datetime").is_some_and(|when| !when.trim().is_empty()))
    };
    if share(&times, said) > 0.5 {
        found.push(Way::new("time[datetime]".to_owned(), Take::Attr("datetime".to_owned())));
        return found;
    }
    let dated: Vec<(ElementRef<'_>, Option<ElementRef<'_>>)> = items
        .iter()
        .flat_map(|item| region(item, items, scope))
        .map(|part| (part, smallest_dated(part)))
        .collect();
    let Some(when) = dated.iter().find_map(|(_, target)| when::within((*target)?)) else { return found };
    let pattern = Some(when::pattern_of(&when));
    if share(items, |item| region(item, items, scope).into_iter().any(|part| smallest_dated(part).is_some()))
        < 0.5
    {
        return found;
    }
    let targets: Vec<_> = dated.into_iter().filter(|(_, target)| target.is_some()).collect();
    let is_own = targets.iter().all(|(part, target)| target.is_some_and(|target| target.id() == part.id()));
    if is_own && scope == Scope::UntilNext {
        // The sisters themselves: by their own names.
        let names = targets.iter().filter_map(|(_, target)| *target).map(own_name);
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.dedup();
        found.extend(
            names
                .into_iter()
                .take(3)
                .map(|name| Way { pattern: pattern.clone(), ..Way::new(name, Take::Text) }),
        );
        return found;
    }
    found.extend(
        described(&targets, &Take::Text).into_iter().map(|way| Way { pattern: pattern.clone(), ..way }),
    );
    if scope == Scope::Inside && found.iter().all(|way| way.select.is_some()) {
        found.push(Way { pattern, ..Way::new(None, Take::Text) });
    }
    found
}

fn own_name(element: ElementRef<'_>) -> String {
    let tag = element.value().name();
    select::classes(element).first().map_or_else(|| tag.to_owned(), |class| format!("{tag}.{class}"))
}

/// The smallest element whose text has the date.
fn smallest_dated(part: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let has = |element: &ElementRef<'_>| when::within(*element).is_some();
    if !has(&part) {
        return None;
    }
    let mut at = part;
    for _ in 0..64 {
        match at.child_elements().take(100).find(has) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    Some(at)
}

/// The longest paragraph that is neither title nor date.
fn summary(items: &[Item<'_>], scope: Scope) -> Vec<Way> {
    let told = |item| teaser(item, region(item, items, scope));
    let targets: Vec<_> = items.iter().filter_map(told).map(|(part, text)| (part, Some(text))).collect();
    if targets.len() * 3 < items.len() {
        return Vec::new();
    }
    described(&targets, &Take::Html).into_iter().filter(|way| way.select.is_some()).collect()
}

/// The longest text of an item, with the part of it that it stands in.
fn teaser<'a>(item: &Item<'a>, parts: Vec<ElementRef<'a>>) -> Option<(ElementRef<'a>, ElementRef<'a>)> {
    static TEXTS: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("p, div, span, dd, td").expect("a constant selector"));
    const SHORTEST: usize = 40;
    let around =
        |outer: ElementRef<'a>, inner: ElementRef<'a>| inner.ancestors().any(|node| node.id() == outer.id());
    let is_title = |text: &ElementRef<'a>| {
        text.id() == item.headline.id() || around(*text, item.headline) || around(item.headline, *text)
    };
    let length = |text: &ElementRef<'a>| {
        let own = |child: ego_tree::NodeRef<'a, scraper::Node>| {
            child.value().as_text().map(|text| text.trim().chars().count())
        };
        if text.value().name() == "p" {
            dom::text(*text).chars().count()
        } else {
            text.children().filter_map(own).sum()
        }
    };
    let mut longest: Option<(usize, (ElementRef<'a>, ElementRef<'a>))> = None;
    for part in parts {
        for text in part.select(&TEXTS).take(60).filter(|text| !is_title(text)) {
            let length = length(&text);
            if length >= SHORTEST && longest.as_ref().is_none_or(|(known, _)| length > *known) {
                longest = Some((length, (part, text)));
            }
        }
    }
    longest.map(|(_, found)| found)
}

/// The picture, where lazy pages keep it.
fn image(items: &[Item<'_>], scope: Scope) -> Vec<Way> {
    static PICTURE: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("img").expect("a constant selector"));
    const LAZY: [&str; 5] = ["data-src", "data-original", "data-lazy-src", "data-lazy", "src"];
    let pictures: Vec<_> =
        items.iter().filter_map(|item| first(&region(item, items, scope), &PICTURE)).collect();
    if pictures.len() * 3 < items.len() {
        return Vec::new();
    }
    let named = LAZY.into_iter().filter(|name| pictures.iter().any(|picture| picture.attr(name).is_some()));
    named.map(|name| Way::new(format!("img[{name}]"), Take::Attr(name.to_owned()))).collect()
}

fn first<'a>(region: &[ElementRef<'a>], selector: &Selector) -> Option<ElementRef<'a>> {
    region.iter().find_map(|part| part.select(selector).next())
}
