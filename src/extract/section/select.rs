//! Selectors that say where elements stand, without what is different every time.

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Selector};

/// Class names that say what an element is, not which one or in what state it is.
pub(super) fn classes(element: ElementRef<'_>) -> Vec<&str> {
    let mut classes: Vec<&str> = element.value().classes().filter(|class| is_stable(class)).collect();
    classes.sort_unstable();
    classes.dedup();
    classes.truncate(6);
    classes
}

/// Names that are generated (`post-1234`, `ExternalClass7F3…`, `css-1x2y3z`) or say a state are no names.
pub(super) fn is_stable(name: &str) -> bool {
    const STATES: [&str; 22] = [
        "active",
        "current",
        "first",
        "last",
        "odd",
        "even",
        "selected",
        "open",
        "sticky",
        "hidden",
        "show",
        "in",
        "fade",
        "lazy",
        "lazyload",
        "lazyloaded",
        "loaded",
        "visible",
        "focus",
        "hover",
        "clearfix",
        "clear",
    ];
    const OF_ONE: [&str; 5] = ["category-", "tag-", "author-", "format-", "status-"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty()
        || name.len() > 40
        || !name.chars().all(is_plain)
        || name.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    let runs = name.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    let mixed = {
        let kinds: Vec<bool> =
            name.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.is_ascii_digit()).collect();
        kinds.windows(2).filter(|pair| pair.first() != pair.last()).count()
    };
    let is_hashed =
        ["css-", "sc-", "jss", "svelte-"].iter().any(|prefix| lower.starts_with(prefix)) && mixed >= 1;
    runs < 3
        && mixed < 3
        && !is_hashed
        && !STATES.contains(&lower.as_str())
        && !OF_ONE.iter().any(|p| lower.starts_with(p))
}

/// The simplest selector that matches just `wanted`, or these and others that `may_be` wanted as well: `expected` in all,
/// or some more.
pub(super) fn exactly(
    html: &Html,
    wanted: &[ElementRef<'_>],
    expected: usize,
    may_be: &dyn Fn(ElementRef<'_>) -> bool,
) -> Option<String> {
    let first = wanted.first()?;
    let ids: std::collections::HashSet<NodeId> = wanted.iter().map(|element| element.id()).collect();
    let mut best: Option<(f64, String)> = None;
    for candidate in candidates(wanted, *first) {
        let Ok(selector) = Selector::parse(&candidate) else { continue };
        let (mut hits, mut more, mut wrong) = (0usize, 0usize, 0usize);
        for matched in html.select(&selector) {
            if ids.contains(&matched.id()) {
                hits += 1;
            } else if may_be(matched) {
                more += 1;
            } else {
                wrong += 1;
            }
        }
        // Others like them are welcome (a lead story), but not more than a few.
        // Bare tags match by chance.
        let allowed = if candidate.contains(['.', '#']) { expected.max(2) / 2 } else { 0 };
        let is_fitting = wrong == 0 && hits + more <= expected + allowed;
        if hits == ids.len() && is_fitting {
            return Some(candidate);
        }
        let (precision, recall) = (super::ratio(hits, hits + wrong + more), super::ratio(hits, ids.len()));
        let f1 = 2.0 * precision * recall / (precision + recall).max(f64::MIN_POSITIVE);
        if best.as_ref().is_none_or(|(known, _)| f1 > *known) {
            best = Some((f1, candidate));
        }
    }
    best.filter(|(f1, _)| *f1 >= 0.6).map(|(_, candidate)| candidate)
}

/// Selectors of elements, the shortest first: a class of their own, then with what stands around them.
fn candidates(wanted: &[ElementRef<'_>], first: ElementRef<'_>) -> Vec<String> {
    let own = own(wanted, first);
    let mut all = own.clone();
    let mut chain = String::new();
    for ancestor in first.ancestors().filter_map(ElementRef::wrap).take(8) {
        let name = ancestor.value().name();
        if name == "html" {
            break;
        }
        for around in names(ancestor) {
            all.extend(own.iter().map(|own| format!("{around} {chain}> {own}")));
            if !chain.is_empty() {
                all.extend(own.iter().map(|own| format!("{around} {own}")));
            }
        }
        let simple = names(ancestor).into_iter().next().unwrap_or_else(|| name.to_owned());
        chain = format!("> {simple} {chain}");
    }
    // One part after the other, by tags alone.
    let tags: Vec<&str> = first
        .ancestors()
        .filter_map(ElementRef::wrap)
        .map(|e| e.value().name())
        .take_while(|name| *name != "html")
        .collect();
    for depth in 1..=tags.len().min(8) {
        let path: Vec<&str> = tags.iter().take(depth).rev().copied().collect();
        all.push(format!("{} > {}", path.join(" > "), first.value().name()));
    }
    all
}

/// Selectors of the elements themselves: tag and class, tag.
fn own(wanted: &[ElementRef<'_>], first: ElementRef<'_>) -> Vec<String> {
    let tag = first.value().name();
    let same_tag = wanted.iter().all(|element| element.value().name() == tag);
    let common =
        |class: &&str| wanted.iter().all(|element| element.value().classes().any(|own| own == *class));
    let mut own: Vec<String> = classes(first)
        .into_iter()
        .filter(common)
        .map(|class| if same_tag { format!("{tag}.{class}") } else { format!(".{class}") })
        .collect();
    if own.len() >= 2 {
        let all: Vec<&str> = classes(first).into_iter().filter(common).collect();
        own.push(format!("{}.{}", if same_tag { tag } else { "" }, all.join(".")));
    }
    if same_tag {
        own.push(tag.to_owned());
    }
    own
}

/// How an ancestor can be called: by id, by class.
fn names(element: ElementRef<'_>) -> Vec<String> {
    let tag = element.value().name();
    let id = element.value().id().filter(|id| is_stable(id)).map(|id| format!("#{id}"));
    id.into_iter().chain(classes(element).into_iter().map(|class| format!("{tag}.{class}"))).collect()
}

/// Selectors that find each `target` first inside of its `scope`, together in as many as they can: the best first.
pub(super) fn inside(pairs: &[(ElementRef<'_>, Option<ElementRef<'_>>)]) -> Vec<String> {
    const MOST: usize = 3;
    let mut left: Vec<(ElementRef<'_>, ElementRef<'_>)> =
        pairs.iter().filter_map(|(scope, target)| Some((*scope, (*target)?))).collect();
    let mut found = Vec::new();
    while found.len() < MOST && !left.is_empty() {
        let mut tried: Vec<String> = Vec::new();
        for (scope, target) in left.iter().take(12) {
            tried.extend(relative(*scope, *target).into_iter().filter(|way| !found.contains(way)));
        }
        let mut counted: Vec<(usize, usize, String)> = Vec::new();
        for way in tried {
            match counted.iter_mut().find(|(.., known)| *known == way) {
                Some((n, ..)) => *n += 1,
                None => counted.push((1, counted.len(), way)),
            }
        }
        counted.sort_by_key(|(n, order, _)| (std::cmp::Reverse(*n), *order));
        counted.truncate(12);
        let fits = |selector: &Selector, (scope, target): &(ElementRef<'_>, ElementRef<'_>)| {
            scope.select(selector).next().is_some_and(|hit| hit.id() == target.id())
        };
        let scored = counted.into_iter().filter_map(|(_, order, way)| {
            let selector = Selector::parse(&way).ok()?;
            let n_fits = left.iter().filter(|pair| fits(&selector, pair)).count();
            (n_fits > 0).then_some((n_fits, order, way, selector))
        });
        let Some((_, _, way, selector)) = scored.max_by_key(|(n, order, ..)| (*n, std::cmp::Reverse(*order)))
        else {
            break;
        };
        left.retain(|pair| !fits(&selector, pair));
        found.push(way);
    }
    found
}

/// Selectors of one element inside of a scope, the best to read first.
fn relative(scope: ElementRef<'_>, target: ElementRef<'_>) -> Vec<String> {
    let tag = target.value().name();
    let bare = if tag == "a" { "a[href]" } else { tag };
    let parent = target.parent().and_then(ElementRef::wrap).filter(|parent| parent.id() != scope.id());
    let mut all: Vec<String> = classes(target).into_iter().map(|class| format!("{tag}.{class}")).collect();
    if let Some(parent) = parent {
        let name = parent.value().name();
        if matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "time") {
            all.insert(0, format!("{name} {bare}"));
        }
        all.extend(classes(parent).into_iter().map(|class| format!(".{class} {bare}")));
        all.extend(classes(parent).into_iter().map(|class| format!(".{class} > {bare}")));
        all.push(format!("{name} > {bare}"));
    }
    if matches!(tag, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "time" | "img") {
        all.insert(0, bare.to_owned());
    } else {
        all.push(bare.to_owned());
    }
    all
}
