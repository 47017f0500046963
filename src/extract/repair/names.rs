//! Names of elements: selectors of tags and classes that are likely to stay.

use std::collections::BTreeSet;

use scraper::{ElementRef, Selector};

/// Classes that say how an element stands among others, not what it is.
const PASSING: [&str; 14] = [
    "active", "alt", "clearfix", "current", "even", "first", "hidden", "hover", "last", "new", "odd",
    "selected", "visible", "visited",
];

/// The tag that the elements have, with the classes that all of them have; only the tag where tags differ is missing.
pub(super) fn of(elements: &[ElementRef<'_>]) -> String {
    let Some((first, rest)) = elements.split_first() else { return String::new() };
    let mut classes: BTreeSet<&str> = first.value().classes().filter(|class| is_lasting(class)).collect();
    for element in rest {
        let own: BTreeSet<&str> = element.value().classes().collect();
        classes.retain(|class| own.contains(class));
    }
    let mut name = first.value().name().to_owned();
    for class in classes {
        name.push('.');
        name.push_str(class);
    }
    name
}

/// A class that a style sheet could name as it is, and that is no number or state.
fn is_lasting(class: &str) -> bool {
    let is_word = class.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let has_number = class.chars().filter(char::is_ascii_digit).count() > 2;
    is_word
        && class.starts_with(|c: char| c.is_ascii_alphabetic())
        && !has_number
        && !PASSING.contains(&class)
}

/// Selectors of elements of one kind, the shortest first: by themselves, then by what they stand in.
pub(super) fn paths(elements: &[ElementRef<'_>]) -> Vec<String> {
    let tag = |elements: &[ElementRef<'_>]| elements.first().map(|element| element.value().name().to_owned());
    let Some(own_tag) = tag(elements) else { return Vec::new() };
    if elements.iter().any(|element| element.value().name() != own_tag) {
        return Vec::new();
    }
    let own = of(elements);
    let mut paths = Vec::new();
    if own.contains('.') {
        paths.push(own.clone());
    }
    let (mut path, mut around) = (own, elements.to_vec());
    for _ in 0..3 {
        let above: Option<Vec<_>> =
            around.iter().map(|element| element.ancestors().find_map(ElementRef::wrap)).collect();
        let Some(above) = above else { break };
        let above_tag = tag(&above);
        if above.iter().any(|element| Some(element.value().name()) != above_tag.as_deref()) {
            break;
        }
        let id = above.first().and_then(|element| element.value().id()).filter(|id| is_lasting(id));
        let is_one = above.iter().all(|element| Some(element.id()) == above.first().map(|first| first.id()));
        let name = match id.filter(|_| is_one) {
            Some(id) => format!("#{id}"),
            None => of(&above),
        };
        path = format!("{name} > {path}");
        if name.contains(['.', '#']) {
            paths.push(path.clone());
        }
        around = above;
    }
    paths
}

/// A selector whose first match in each item is the wanted element there; `Some(None)` where items themselves are
/// wanted.
pub(super) fn within(items: &[ElementRef<'_>], wanted: &[ElementRef<'_>]) -> Option<Option<String>> {
    if items.iter().zip(wanted).all(|(item, wanted)| item.id() == wanted.id()) {
        return Some(None);
    }
    let tag = wanted.first()?.value().name().to_owned();
    let own = of(wanted);
    let parents: Vec<_> =
        wanted.iter().filter_map(|element| element.ancestors().find_map(ElementRef::wrap)).collect();
    let parent = of(&parents);
    let parent_tag = parents.first().map(|element| element.value().name().to_owned()).unwrap_or_default();
    let candidates = [
        tag.clone(),
        own.clone(),
        format!("{parent_tag} > {tag}"),
        format!("{parent} > {tag}"),
        format!("{parent} > {own}"),
    ];
    candidates.into_iter().find(|candidate| finds(candidate, items, wanted)).map(Some)
}

fn finds(candidate: &str, items: &[ElementRef<'_>], wanted: &[ElementRef<'_>]) -> bool {
    let Ok(selector) = Selector::parse(candidate) else { return false };
    let mut pairs = items.iter().zip(wanted);
    pairs.all(|(item, wanted)| item.select(&selector).next().is_some_and(|found| found.id() == wanted.id()))
}
