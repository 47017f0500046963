//! Links that stand at the same place of a repeated structure, and the element around each that is its item.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Selector};
use url::Url;

use super::links::Anchor;
use super::place::{Place, Places};
use super::select;
use crate::extract::dom;

/// Links of one structure.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// One for each address, in document order.
    pub(super) items: Vec<Item<'a>>,
    /// How many addresses it has in all; only the first of very many are items.
    pub(super) total: usize,
    urls: HashSet<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    /// The largest element around the link that has no other link of the group in it.
    pub(super) element: ElementRef<'a>,
    /// The link.
    pub(super) anchor: Anchor<'a>,
    /// What its title is taken from, inside `element`.
    pub(super) headline: ElementRef<'a>,
    /// The title.
    pub(super) title: String,
    /// The title is a heading.
    pub(super) is_heading: bool,
    /// Only the headline's own text is the title: a date stands in it, too.
    pub(super) is_mixed: bool,
}

/// Ancestors that are looked at for a structure; deeper ones say the same.
const DEEPEST: usize = 24;

/// The most items of a group that are weighed.
const MOST_ITEMS: usize = 300;

/// The groups of a page, the most promising `most`.
pub(super) fn all<'a>(anchors: &[Anchor<'a>], most: usize) -> Vec<Group<'a>> {
    let mut by_structure: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, anchor) in anchors.iter().enumerate() {
        for structure in structures(anchor.element) {
            by_structure.entry(structure).or_default().push(index);
        }
    }
    let mut sets: Vec<Vec<usize>> =
        by_structure.into_values().filter(|set| n_urls(anchors, set) >= 2).collect();
    sets.sort_unstable();
    sets.dedup();
    sets.sort_by_key(|set| std::cmp::Reverse(promise(anchors, set)));
    let mut groups: Vec<Group<'a>> = Vec::new();
    for set in sets.into_iter().take(most) {
        let group = Group::new(anchors, &set);
        // The picture and the title of one article lead to the same place.
        if group.items.len() >= 2 && !groups.iter().any(|known| known.is_same(&group)) {
            groups.push(group);
        }
    }
    groups
}

/// The ways in which an element's place is described: exactly, and by its tags alone.
fn structures(element: ElementRef<'_>) -> [String; 2] {
    let (mut exact, mut loose) = (String::new(), String::from("~"));
    let around = element.ancestors().filter_map(ElementRef::wrap).take(DEEPEST);
    for ancestor in std::iter::once(element).chain(around) {
        let name = ancestor.value().name();
        exact.push_str(name);
        for class in select::classes(ancestor) {
            exact.push('.');
            exact.push_str(class);
        }
        exact.push('/');
        loose.push_str(name);
        loose.push('/');
    }
    [exact, loose]
}

fn n_urls(anchors: &[Anchor<'_>], set: &[usize]) -> usize {
    set.iter()
        .filter_map(|index| anchors.get(*index))
        .map(|anchor| anchor.url.as_str())
        .collect::<HashSet<_>>()
        .len()
}

/// How much the links of a set say, at first sight.
fn promise(anchors: &[Anchor<'_>], set: &[usize]) -> usize {
    let of = |anchor: &Anchor<'_>| {
        let letters = anchor.text.chars().take(60).count() + 5;
        match anchor.place {
            Place::Main => 2 * letters,
            Place::Open | Place::Aside => letters,
            Place::Furniture => letters / 8,
        }
    };
    set.iter().filter_map(|index| anchors.get(*index)).map(of).sum()
}

/// Whose an element is: one link's, or several'.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    One(usize),
    Several,
}

impl<'a> Group<'a> {
    fn new(anchors: &[Anchor<'a>], set: &[usize]) -> Self {
        let mut number: HashMap<&str, usize> = HashMap::new();
        let mut owners: HashMap<NodeId, Owner> = HashMap::new();
        let mut members: Vec<Vec<&Anchor<'a>>> = Vec::new();
        for anchor in set.iter().filter_map(|index| anchors.get(*index)) {
            let next = number.len();
            let owner = *number.entry(anchor.url.as_str()).or_insert(next);
            if owner >= MOST_ITEMS {
                continue;
            }
            if owner == members.len() {
                members.push(Vec::new());
            }
            if let Some(own) = members.get_mut(owner) {
                own.push(anchor);
            }
            mark(anchor.element, owner, &mut owners);
        }
        let firsts = members
            .iter()
            .filter_map(|own| own.iter().find(|anchor| !anchor.text.is_empty()).or(own.first()));
        let firsts: Vec<&Anchor<'a>> = firsts.copied().collect();
        let chains: Vec<_> =
            firsts.iter().enumerate().map(|(owner, first)| chain(first, owner, &owners)).collect();
        let elements = alike(&chains);
        let items: Vec<Item<'a>> =
            firsts.into_iter().zip(elements).map(|(first, element)| item(first, element)).collect();
        let total = number.len();
        let urls = items.iter().map(|item| item.anchor.url.to_string()).collect();
        Self { items, total, urls }
    }

    /// Takes in the elements that its selector matches besides its items: a lead story with a larger heading.
    pub(super) fn take_in(&mut self, elements: &[ElementRef<'a>], anchors: &[Anchor<'a>]) {
        for element in elements {
            let is_inside = |anchor: &&Anchor<'a>| {
                anchor.element.id() == element.id()
                    || anchor.element.ancestors().any(|node| node.id() == element.id())
            };
            let inside: Vec<&Anchor<'a>> = anchors.iter().filter(is_inside).collect();
            let first = inside.iter().find(|anchor| !anchor.text.is_empty()).or(inside.first());
            if let Some(first) = first.filter(|first| !self.has(first.url.as_str())) {
                self.urls.insert(first.url.to_string());
                self.items.push(item(first, *element));
            }
        }
    }

    /// Lead stories: headings that lead to addresses like these groups', and stand alone.
    pub(super) fn leads(chosen: &[&Self], anchors: &[Anchor<'a>]) -> Vec<Self> {
        const MOST: usize = 6;
        let Some(best) = chosen.first() else { return Vec::new() };
        let shapes: HashSet<String> = best.items.iter().map(|item| shape(&item.anchor.url)).collect();
        let is_lead = |anchor: &&Anchor<'a>| {
            let is_headed = || {
                anchor.element.ancestors().filter_map(ElementRef::wrap).take(3).any(is_heading)
                    || anchor.element.select(&HEADING).next().is_some()
            };
            matches!(anchor.place, Place::Main | Place::Open)
                && !chosen.iter().any(|group| group.has(anchor.url.as_str()))
                && shapes.contains(&shape(&anchor.url))
                && super::score::title(&anchor.text) >= 0.8
                && is_headed()
        };
        let leads: Vec<&Anchor<'a>> = anchors.iter().filter(is_lead).take(MOST).collect();
        let mut owners = HashMap::new();
        for (owner, anchor) in leads.iter().enumerate() {
            mark(anchor.element, owner, &mut owners);
        }
        let others = chosen.iter().flat_map(|group| &group.items);
        others.for_each(|item| mark(item.anchor.element, usize::MAX, &mut owners));
        let alone = leads.into_iter().enumerate().filter_map(|(owner, anchor)| {
            let element = *chain(anchor, owner, &owners).last()?;
            let urls = HashSet::from([anchor.url.to_string()]);
            Some(Self { items: vec![item(anchor, element)], total: 1, urls })
        });
        alone.collect()
    }

    /// Its addresses.
    pub(super) fn urls(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.anchor.url.as_str())
    }

    /// True when it shows that address.
    pub(super) fn has(&self, url: &str) -> bool {
        self.urls.contains(url)
    }

    /// How many of its addresses `other` shows as well, from 0 to 1.
    pub(super) fn overlap(&self, other: &Self) -> f64 {
        super::share(&self.items, |item| other.has(item.anchor.url.as_str()))
    }

    /// Whether an element that is none of its items could be one all the same: it leads somewhere and has a title.
    pub(super) fn is_item<'p>(&self, places: &'p Places) -> impl Fn(ElementRef<'_>) -> bool + use<'p> {
        let headings = super::share(&self.items, |item| item.is_heading) > 0.5;
        move |element: ElementRef<'_>| {
            let links = element.value().name() == "a" || element.select(&LINK).next().is_some();
            links
                && places.of(element) != Place::Furniture
                && (!headings || is_heading(element) || element.select(&HEADING).next().is_some())
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let elements = |group: &Self| group.items.iter().map(|item| item.element.id()).collect::<Vec<_>>();
        self.urls == other.urls && elements(self) == elements(other)
    }
}

/// Marks an element and everything around it as this owner's.
fn mark(element: ElementRef<'_>, owner: usize, owners: &mut HashMap<NodeId, Owner>) {
    for node in std::iter::once(*element).chain(element.ancestors()) {
        match owners.get(&node.id()) {
            None => owners.insert(node.id(), Owner::One(owner)),
            Some(Owner::One(known)) if *known == owner => continue,
            Some(Owner::One(_)) => owners.insert(node.id(), Owner::Several),
            // Whatever is around is several's already.
            Some(Owner::Several) => return,
        };
    }
}

static HEADING: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("h1, h2, h3, h4, h5, h6").expect("a constant selector"));
static TITLED: LazyLock<Selector> = LazyLock::new(|| {
    Selector::parse("[class*='title' i], [class*='headline' i], [class*='tieude' i], [class*='tieu-de' i], [itemprop~='headline'], [class*='p-name']")
        .expect("a constant selector")
});
static LINK: LazyLock<Selector> = LazyLock::new(|| Selector::parse("a[href]").expect("a constant selector"));

fn is_heading(element: ElementRef<'_>) -> bool {
    matches!(element.value().name(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// The elements around a link that are this link's alone, the link first.
fn chain<'a>(anchor: &Anchor<'a>, owner: usize, owners: &HashMap<NodeId, Owner>) -> Vec<ElementRef<'a>> {
    let is_own = |node: &ElementRef<'a>| owners.get(&node.id()) == Some(&Owner::One(owner));
    // One of two links of a group could own half of the page: a body or a main part is nobody's.
    let is_part = |element: &ElementRef<'a>| !matches!(element.value().name(), "body" | "html" | "main");
    let around = anchor.element.ancestors().filter_map(ElementRef::wrap);
    std::iter::once(anchor.element).chain(around.take_while(is_own).take_while(is_part)).collect()
}

/// The largest element of each chain that is called like one of nearly every other chain: an article that is alone in
/// its box is as large as those that are not.
fn alike<'a>(chains: &[Vec<ElementRef<'a>>]) -> Vec<ElementRef<'a>> {
    const NEARLY: f64 = 0.8;
    let name = |element: &ElementRef<'a>| {
        std::iter::once(element.value().name()).chain(select::classes(*element)).collect::<Vec<_>>().join(".")
    };
    let mut known: HashMap<String, usize> = HashMap::new();
    for chain in chains {
        let names: HashSet<String> = chain.iter().map(name).collect();
        names.into_iter().for_each(|name| *known.entry(name).or_default() += 1);
    }
    let is_common = |element: &&ElementRef<'a>| {
        known.get(&name(element)).is_some_and(|n| super::ratio(*n, chains.len()) >= NEARLY)
    };
    chains.iter().filter_map(|chain| chain.iter().rev().find(is_common).or(chain.last()).copied()).collect()
}

fn item<'a>(first: &Anchor<'a>, element: ElementRef<'a>) -> Item<'a> {
    let (headline, is_heading) = headline(element, first);
    let (headline, is_mixed) = without_date(headline);
    let title = if is_mixed { dom::own_text(headline) } else { dom::text(headline) };
    let title = if title.is_empty() { spoken(first.element).unwrap_or_default() } else { title };
    Item { element, anchor: first.clone(), headline, title, is_heading, is_mixed }
}

/// The part of a headline that is no date, where both stand in one: an element beside the date, or the text around it.
fn without_date(headline: ElementRef<'_>) -> (ElementRef<'_>, bool) {
    static DATED: LazyLock<Selector> = LazyLock::new(|| {
        Selector::parse("time, [class~='date' i], [class*='-date' i], [class*='_date' i], [class*='date-' i], [class~='time' i]")
            .expect("a constant selector")
    });
    let Some(date) = headline.select(&DATED).next() else { return (headline, false) };
    let has_date = |element: &ElementRef<'_>| {
        element.id() == date.id() || element.descendants().any(|node| node.id() == date.id())
    };
    let length = |element: &ElementRef<'_>| dom::text(*element).chars().count();
    let beside = headline.child_elements().filter(|child| !has_date(child)).max_by_key(length);
    let own = dom::own_text(headline).chars().count();
    match beside.filter(|beside| length(beside) > own.max(3)) {
        Some(beside) => (beside, false),
        None => (headline, own > 3),
    }
}

/// What says the item's title: a heading that leads to the article or stands around the link, else the first heading,
/// else what is called a title, else the link.
fn headline<'a>(element: ElementRef<'a>, anchor: &Anchor<'a>) -> (ElementRef<'a>, bool) {
    let inside =
        |outer: ElementRef<'a>, inner: ElementRef<'a>| inner.ancestors().any(|node| node.id() == outer.id());
    if let Some(around) =
        anchor.element.ancestors().filter_map(ElementRef::wrap).take(4).find(|e| is_heading(*e))
    {
        return (around, true);
    }
    let says = |heading: &ElementRef<'a>| !dom::text(*heading).is_empty();
    let within = |heading: &ElementRef<'a>| inside(anchor.element, *heading);
    if let Some(heading) = element.select(&HEADING).filter(says).find(within) {
        return (heading, true);
    }
    let linked = |heading: &ElementRef<'a>| {
        heading.select(&LINK).next().is_none_or(|link| link.attr("href") == anchor.element.attr("href"))
    };
    if let Some(heading) = element.select(&HEADING).filter(says).find(linked) {
        return (heading, true);
    }
    let titled = element.select(&TITLED).filter(says);
    let short = |found: &ElementRef<'a>| dom::text(*found).chars().count() <= 300;
    if let Some(found) = titled.filter(linked).find(short) {
        // A cell that is called a title may hold the date as well; the link in it says the title alone.
        let is_around = inside(found, anchor.element) && !anchor.text.is_empty();
        return (if is_around { anchor.element } else { found }, false);
    }
    (anchor.element, false)
}

/// What a link says to who does not see it.
fn spoken(anchor: ElementRef<'_>) -> Option<String> {
    static PICTURE: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("img[alt]").expect("a constant selector"));
    let alt = anchor.select(&PICTURE).next().and_then(|image| image.attr("alt"));
    let said = [anchor.attr("title"), anchor.attr("aria-label"), alt];
    said.into_iter().flatten().map(str::trim).find(|said| !said.is_empty()).map(str::to_owned)
}

/// Where a link leads, without what tells one article from another: `https://a.example/2026/*.html`.
pub(super) fn shape(url: &Url) -> String {
    let mut shape = url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
    let parts: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        shape.push('/');
        let is_number = part.bytes().any(|b| b.is_ascii_digit());
        match (index == last, is_number) {
            (true, _) => {
                let (name, extension) = part.rsplit_once('.').unwrap_or((part, "*"));
                // A number says which article it is; sections have none.
                let numbered = name.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 4);
                shape.push_str(extension);
                shape.push_str(if numbered { "#" } else { "" });
            }
            (false, true) => shape.push('#'),
            (false, false) => shape.push_str(part),
        }
    }
    shape
}
