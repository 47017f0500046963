//! In what part of a page an element stands, by what its ancestors are called.

use std::{cell::RefCell, collections::HashMap};

use ego_tree::NodeId;
use scraper::ElementRef;

/// A part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// `<main>`, `<article>`, `#content`.
    Main,
    /// Nothing says what it is.
    Open,
    /// Beside the main part: sidebars, related and most read articles.
    Aside,
    /// Menus, breadcrumbs, pagers, tag clouds, share bars, footers.
    Furniture,
}

/// Words in class names, ids and roles that say what a part is for. Whole words between `-`, `_` and case changes.
const FURNITURE: [&str; 46] = [
    "nav",
    "navbar",
    "navigation",
    "menu",
    "menus",
    "submenu",
    "megamenu",
    "breadcrumb",
    "breadcrumbs",
    "crumb",
    "crumbs",
    "pagination",
    "pager",
    "paging",
    "pagenav",
    "tagcloud",
    "tags",
    "taglist",
    "cloud",
    "social",
    "share",
    "sharing",
    "footer",
    "foot",
    "copyright",
    "cookie",
    "consent",
    "login",
    "search",
    "lang",
    "language",
    "languages",
    "topbar",
    "toolbar",
    "banner",
    "partner",
    "partners",
    "weblink",
    "weblinks",
    "lienket",
    "modal",
    "popup",
    "comment",
    "comments",
    "meta",
    "toc",
];

const ASIDE: [&str; 8] = ["aside", "sidebar", "sidenav", "widget", "widgets", "blogroll", "ads", "advert"];

/// Lists of articles that are chosen by something else than being new; whatever else they are called.
const CHOSEN: [&str; 11] = [
    "related",
    "popular",
    "mostread",
    "trending",
    "recommend",
    "recommended",
    "recommendation",
    "tinkhac",
    "lienquan",
    "docnhieu",
    "xemnhieu",
];

const MAIN: [&str; 8] = ["main", "content", "primary", "posts", "articles", "news", "stories", "entries"];

/// The parts of a page, each element looked at once.
#[derive(Debug, Default)]
pub(super) struct Places(RefCell<HashMap<NodeId, Place>>);

impl Places {
    /// The part that an element stands in: what is called furniture is that whatever is around it, and one `<main>`
    /// around does not make a menu news.
    pub(super) fn of(&self, element: ElementRef<'_>) -> Place {
        let mut known = self.0.borrow_mut();
        let around = std::iter::once(element).chain(element.ancestors().filter_map(ElementRef::wrap));
        let mut unknown = Vec::new();
        let mut place = Place::Open;
        for ancestor in around {
            match known.get(&ancestor.id()) {
                Some(found) => {
                    place = *found;
                    break;
                }
                None => unknown.push(ancestor),
            }
        }
        for ancestor in unknown.into_iter().rev() {
            place = match (place, said(ancestor)) {
                (Place::Furniture, _) | (_, Some(Place::Furniture)) => Place::Furniture,
                (Place::Aside, _) | (_, Some(Place::Aside)) => Place::Aside,
                (Place::Main, _) | (_, Some(Place::Main)) => Place::Main,
                (Place::Open, _) => Place::Open,
            };
            known.insert(ancestor.id(), place);
        }
        place
    }
}

fn said(element: ElementRef<'_>) -> Option<Place> {
    let value = element.value();
    match value.name() {
        "nav" | "footer" | "dialog" | "menu" => return Some(Place::Furniture),
        "aside" => return Some(Place::Aside),
        "main" | "article" => return Some(Place::Main),
        // Body classes say what the page is, not what is in it.
        "body" | "html" | "a" => return None,
        // A heading of the page; that of an article stands inside of the article.
        "header" => return is_of_the_page(element).then_some(Place::Furniture),
        _ => {}
    }
    match value.attr("role").unwrap_or_default() {
        "navigation" | "contentinfo" | "search" | "menu" | "menubar" | "dialog" => {
            return Some(Place::Furniture);
        }
        "complementary" => return Some(Place::Aside),
        "main" | "feed" => return Some(Place::Main),
        _ => {}
    }
    let names = [value.attr("id"), value.attr("class")];
    let words: Vec<String> = names.into_iter().flatten().flat_map(words).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(&CHOSEN) && !is_most_of_the_page(element) {
        return Some(Place::Aside);
    }
    // What is called both `nav` and `content` holds the page (`nav-content-wrapper`).
    match (has(&MAIN), has(&ASIDE), has(&FURNITURE)) {
        (false, _, true) if !is_most_of_the_page(element) => Some(Place::Furniture),
        (false, true, _) if !is_most_of_the_page(element) => Some(Place::Aside),
        (true, false, _) => Some(Place::Main),
        _ => None,
    }
}

fn is_of_the_page(header: ElementRef<'_>) -> bool {
    let names = header.ancestors().filter_map(ElementRef::wrap).map(|ancestor| ancestor.value().name());
    !names.into_iter().any(|name| matches!(name, "article" | "li" | "section" | "main"))
}

/// An element with a heading of its own and several more parts, directly below the body, is a wrapper: themes call
/// those anything.
fn is_most_of_the_page(element: ElementRef<'_>) -> bool {
    let parent = element.parent().and_then(ElementRef::wrap);
    let below_body = parent.is_some_and(|parent| parent.value().name() == "body");
    below_body
        && parent.is_some_and(|body| {
            body.child_elements().filter(|child| child.value().name() == "div").count() == 1
        })
}

/// The words of a class list or an id: `post-Nav_bar` is `post`, `nav`, `bar`.
fn words(names: &str) -> impl Iterator<Item = String> + '_ {
    names.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(camel).map(|word| word.to_ascii_lowercase())
}

fn camel(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = word;
    let mut before = 'A';
    let mut at = 0;
    for (index, c) in word.char_indices() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            let (part, tail) = rest.split_at_checked(index - at).unwrap_or((rest, ""));
            parts.push(part);
            (rest, at) = (tail, index);
        }
        before = c;
    }
    parts.push(rest);
    parts
}
