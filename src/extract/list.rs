//! A page that lists items.

use std::collections::HashMap;

use ego_tree::{NodeId, NodeRef};
use scraper::{ElementRef, Html, Node};
use url::Url;

use super::feed_item::person_of;
use super::metadata::Metadata;
use super::open::{Page, open};
use super::{
    Alternative, DESCRIBED, Document, Found, Kind, ListRules, Pick, Rules, Scope, feed, item_issues,
    max_items, too_many,
};
use super::{dom, json_ld, plain, section};
use crate::model::{ExtractedBy, Issue, Item, Link, Severity};

/// Reads every list of the page that the rules know.
pub(super) fn read(document: &Document<'_>, rules: &Rules) -> Found {
    let (page, mut found) = open(document, Kind::List);
    let Some(page) = page else { return found };
    let metadata = Metadata::of(&page.html, document.url);
    let mut items = Merged::new(metadata.base.as_ref().unwrap_or(document.url));
    let described = if rules.lists.is_empty() { json_ld::lists::lists(&page.html) } else { Vec::new() };
    let named = json_ld::lists::links(&described);
    let detected = if rules.lists.is_empty() {
        section::detect_beside(&described, &page.html, document.url)
    } else {
        None
    };
    // Several lists may look at the same cells: what one of them found empty, others do too.
    let own: Vec<ListRules> =
        detected.iter().flat_map(|section| &section.lists).filter_map(section::Sketch::rules).collect();
    let lists = if rules.lists.is_empty() { &own } else { &rules.lists };
    let skipped = lists.iter().map(|list| read_list(&page.html, list, &mut items)).max().unwrap_or(0);
    if skipped > 0 {
        let message = format!("items left out because they have neither a title nor a link: {skipped}");
        found.issues.push(Issue::warning("empty-item", message));
    }
    let is_sure = detected.is_some_and(|section| section.is_page());
    found.issues.extend(items.take_described(described, is_sure));
    found.items = items.items;
    if metadata.base.is_some() {
        found.items.iter_mut().for_each(|item| items.links.absolutize(item));
    }
    let most = max_items(rules);
    if found.items.len() > most {
        found.items.truncate(most);
        found.issues.push(too_many(most));
    }
    found.issues.extend(if found.items.is_empty() {
        vec![why_empty(&page, &metadata, rules)]
    } else {
        item_issues(&found.items)
    });
    found.head = metadata.head;
    // What the page itself says of its articles, for whoever writes a recipe.
    found.head.links.extend(named);
    found
}

fn why_empty(page: &Page, metadata: &Metadata, rules: &Rules) -> Issue {
    if rules.lists.is_empty() && !metadata.has_password && !dom::text(page.html.root_element()).is_empty() {
        let feeds = metadata.head.links.iter().filter(|link| link.leads_to_feed()).count();
        let hint = match feeds {
            0 => "name the platform, or describe its list in a configuration".to_owned(),
            _ => format!("it names feeds of its own: {feeds}, see its links"),
        };
        return Issue::error("no-recipe", format!("no recipe fits the page: {hint}"));
    }
    if metadata.has_password {
        return Issue::error("login-page", "no item was found, and the page asks for a password");
    }
    let text = dom::text(page.html.root_element());
    if text.is_empty() && !page.text.contains("<script") {
        return Issue::error("empty-page", "the page has no text");
    }
    Issue::error(
        "no-items",
        format!("no item was found on a page with {} characters of text", text.chars().count()),
    )
}

/// Adds a list's items; how many were empty.
fn read_list(html: &Html, list: &ListRules, items: &mut Merged) -> usize {
    let elements: Vec<_> = html.select(&list.item).collect();
    let region = match list.scope {
        Scope::Inside => None,
        Scope::UntilNext => Some(Regions::new(&elements)),
    };
    let mut fields = Fields { html, regions: region.as_ref(), found: HashMap::new() };
    let mut skipped = 0;
    for (index, element) in elements.iter().enumerate() {
        match fields.item(list, index, *element) {
            Read::Item(item) => items.add(*item),
            Read::Empty => skipped += 1,
            Read::NotOne => {}
        }
    }
    skipped
}

/// What an element that matched `item` turned out to be.
enum Read {
    Item(Box<Item>),
    /// Nothing that could be shown.
    Empty,
    /// Not an item of this list: its title does not look as the list says titles look, or it only wraps another item.
    NotOne,
}

/// Looks fields up, in an item's element or in its region.
struct Fields<'a, 'r> {
    html: &'a Html,
    regions: Option<&'r Regions>,
    /// What each selector matches in each region: asked once per page, not once per item.
    found: HashMap<*const Alternative, Vec<Vec<ElementRef<'a>>>>,
}

impl<'a> Fields<'a, '_> {
    fn item(&mut self, list: &ListRules, index: usize, element: ElementRef<'a>) -> Read {
        let title = self.first(&list.title, index, element);
        // A pattern says what a title is: where every way to a title has one and none matches, this is no item.
        let tested = !list.title.0.is_empty() && list.title.0.iter().all(|way| way.pattern.is_some());
        if title.is_none() && tested {
            return Read::NotOne;
        }
        let url = self.all(&list.link, index, element).into_iter().find(|link| is_link(link));
        if title.is_none() && url.is_none() {
            let wraps = element.select(&list.item).next().is_some();
            return if wraps { Read::NotOne } else { Read::Empty };
        }
        let links = url.iter().map(|href| Link {
            href: href.clone(),
            rel: Some("alternate".to_owned()),
            media_type: None,
        });
        Read::Item(Box::new(Item {
            id: self.first(&list.id, index, element),
            links: links.collect(),
            url,
            title,
            published: self.first(&list.date, index, element),
            summary: self.first(&list.summary, index, element),
            image: self
                .all(&list.image, index, element)
                .into_iter()
                .find(|image| !image.starts_with("data:")),
            categories: self.all(&list.category, index, element).into_iter().map(feed::term).collect(),
            authors: self.all(&list.author, index, element).iter().map(|said| person_of(said)).collect(),
            extracted_by: ExtractedBy::Summary,
            ..Item::default()
        }))
    }

    fn first(&mut self, pick: &Pick, index: usize, element: ElementRef<'a>) -> Option<String> {
        self.all(pick, index, element).into_iter().next()
    }

    fn all(&mut self, pick: &Pick, index: usize, element: ElementRef<'a>) -> Vec<String> {
        let values = pick.0.iter().map(|alternative| self.values(alternative, index, element));
        values.into_iter().find(|values| !values.is_empty()).unwrap_or_default()
    }

    fn values(&mut self, alternative: &Alternative, index: usize, element: ElementRef<'a>) -> Vec<String> {
        let in_region = self.in_region(alternative, index);
        let candidates = in_region.unwrap_or_else(|| dom::inside(element, alternative));
        candidates.into_iter().filter_map(|candidate| dom::value(candidate, alternative)).collect()
    }

    /// The matches in the item's region; `None` where the item's element is all there is to look at.
    fn in_region(&mut self, alternative: &Alternative, index: usize) -> Option<Vec<ElementRef<'a>>> {
        let (regions, selector, html) = (self.regions?, alternative.select.as_ref()?, self.html);
        let by_region = self.found.entry(std::ptr::from_ref(alternative)).or_insert_with(|| {
            let mut by_region = vec![Vec::new(); regions.count];
            for matched in html.select(selector) {
                if let Some(list) =
                    regions.of.get(&matched.id()).and_then(|region| by_region.get_mut(*region))
                {
                    list.push(matched);
                }
            }
            by_region
        });
        by_region.get(index).cloned()
    }
}

fn is_link(href: &str) -> bool {
    let lower = href.trim().to_ascii_lowercase();
    !lower.is_empty()
        && !lower.starts_with('#')
        && !["javascript:", "mailto:", "tel:"].iter().any(|s| lower.starts_with(s))
}

/// Which item each node belongs to when an item's fields stand behind it: everything from its element to the next
/// item's, in document order.
struct Regions {
    of: HashMap<NodeId, usize>,
    count: usize,
}

impl Regions {
    fn new(items: &[ElementRef<'_>]) -> Self {
        let mut regions = Self { of: HashMap::new(), count: items.len() };
        let starts: HashMap<NodeId, usize> =
            items.iter().enumerate().map(|(index, item)| (item.id(), index)).collect();
        let Some(around) = enclosing(items) else { return regions };
        let mut current = None;
        for node in around.descendants() {
            current = starts.get(&node.id()).copied().or(current);
            if let Some(index) = current {
                regions.of.insert(node.id(), index);
            }
        }
        regions
    }
}

/// The smallest element around all items: behind its end stands the rest of the page, which is no item's. One item
/// alone may have its fields anywhere in the block it stands in.
fn enclosing<'a>(items: &[ElementRef<'a>]) -> Option<NodeRef<'a, Node>> {
    let (first, last) = (items.first()?, items.last()?);
    if items.len() == 1 {
        let is_block = |node: &NodeRef<'_, Node>| {
            let name = node.value().as_element().map_or("", |element| element.name());
            matches!(name, "table" | "ul" | "ol" | "dl" | "section" | "article" | "main" | "form" | "body")
        };
        return first.ancestors().find(is_block).or_else(|| first.parent());
    }
    // In document order the first and the last item span all others; their paths from the root part at the block.
    let path = |item: &ElementRef<'a>| {
        let mut path: Vec<_> = item.ancestors().collect();
        path.reverse();
        path
    };
    let (one, other) = (path(first), path(last));
    one.into_iter().zip(other).take_while(|(a, b)| a.id() == b.id()).last().map(|(node, _)| node)
}

/// Items in order of first sight; several cells of one article become one item.
struct Merged {
    links: Links,
    by_link: HashMap<String, usize>,
    items: Vec<Item>,
}

/// What relative links stand on.
struct Links {
    base: Url,
}

impl Links {
    /// The link as a key: absolute, without fragment.
    fn key(&self, link: &str) -> String {
        let Ok(mut url) = self.base.join(link) else { return link.to_owned() };
        url.set_fragment(None);
        url.into()
    }

    /// Resolves what a `<base>` of the page rules over.
    fn absolutize(&self, item: &mut Item) {
        let absolute = |link: &mut String| {
            if let Ok(url) = self.base.join(link) {
                *link = url.into();
            }
        };
        item.url.iter_mut().for_each(absolute);
        item.image.iter_mut().for_each(absolute);
        item.links.iter_mut().for_each(|link| absolute(&mut link.href));
        item.base = Some(self.base.to_string());
    }
}

impl Merged {
    fn new(base: &Url) -> Self {
        Self { links: Links { base: base.clone() }, by_link: HashMap::new(), items: Vec::new() }
    }

    /// Takes what the page describes of the items that it shows. Where scripts will show the list, nothing was found
    /// that is surely one, and what was found is something else: then the longest list that is described is taken
    /// instead, and that is said.
    fn take_described(&mut self, described: Vec<Vec<Item>>, is_sure: bool) -> Option<Issue> {
        let longest =
            described.iter().filter(|list| json_ld::lists::is_of_news(list)).max_by_key(|list| list.len())?;
        let n_shown = longest.iter().filter(|item| self.has(item)).count();
        if !self.items.is_empty() && (is_sure || n_shown * 2 >= longest.len()) {
            let shown: Vec<Item> = described.into_iter().flatten().filter(|item| self.has(item)).collect();
            shown.into_iter().for_each(|item| self.add(item));
            return None;
        }
        let message = format!(
            "the page shows no list, but describes one to search engines: {} articles",
            longest.len()
        );
        *self = Self::new(&self.links.base);
        longest.iter().cloned().for_each(|item| self.add(item));
        Some(Issue::new(Severity::Info, DESCRIBED, message))
    }

    fn has(&self, item: &Item) -> bool {
        item.url.as_deref().is_some_and(|link| self.by_link.contains_key(&self.links.key(link)))
    }

    fn add(&mut self, item: Item) {
        let key = item.url.as_deref().map(|link| self.links.key(link));
        // Without a link the title is all there is to tell cells apart.
        let key = key.or_else(|| item.title.as_deref().map(plain::collapse)).unwrap_or_default();
        match self.by_link.get(&key).and_then(|known| self.items.get_mut(*known)) {
            Some(known) => fill(known, item),
            None => {
                self.by_link.insert(key, self.items.len());
                self.items.push(item);
            }
        }
    }
}

/// Takes from `later` what `item` lacks.
fn fill(item: &mut Item, later: Item) {
    let or = |slot: &mut Option<String>, value: Option<String>| *slot = slot.take().or(value);
    or(&mut item.id, later.id);
    or(&mut item.title, later.title);
    or(&mut item.summary, later.summary);
    or(&mut item.published, later.published);
    or(&mut item.image, later.image);
    if item.categories.is_empty() {
        item.categories = later.categories;
    }
    if item.authors.is_empty() {
        item.authors = later.authors;
    }
}
