//! What holds of what is found out about a page: its lists, its pager, what it is.

use std::sync::LazyLock;

use loaphuong::{
    config,
    extract::{self, Document, Kind, pager, repair, section},
};
use scraper::Selector;

use super::{BASE, MAX_ITEMS, rules};

/// The rules of pages whose list is found by itself.
static GENERIC: LazyLock<config::Rules> = LazyLock::new(|| {
    let mut rules = config::generic();
    rules.0.max_items = MAX_ITEMS;
    rules
});

/// What a page is and shows, found out.
pub fn seen(bytes: &[u8], selector: u8) {
    let document = Document { bytes, content_type: None, url: &BASE };
    let kind = extract::kind_of(&document, &rules(selector).0);
    assert_eq!(extract::kind_of(&document, &rules(selector).0), kind);
    detected(&document);
    paged(&document);
    mended(&document);
}

/// The selectors of a list that was found by itself find what they are said to find.
fn detected(document: &Document<'_>) {
    let Some(page) = extract::page(document) else { return };
    let Some(found) = section::detect(&page, document.url) else { return };
    for value in
        [found.confidence, found.volume].into_iter().chain(found.considered.iter().map(|one| one.score))
    {
        assert!((0.0..=1.0).contains(&value), "{found:?}");
    }
    for considered in &found.considered {
        let item =
            Selector::parse(&considered.item).unwrap_or_else(|error| panic!("{}: {error}", considered.item));
        // A selector is not always exact; but what it calls is there.
        assert!(page.select(&item).next().is_some() && considered.items > 0, "{considered:?}");
    }
    for list in &found.lists {
        let rules = list.rules().unwrap_or_else(|| panic!("these are no rules: {list:?}"));
        assert!(page.select(&rules.item).next().is_some(), "nothing is {}", list.item);
    }
}

/// Ways onward lead into the web, and patterns of addresses make addresses.
fn paged(document: &Document<'_>) {
    let found = pager::pager(document, None);
    assert!(found.next.iter().all(|next| matches!(next.scheme(), "http" | "https")), "{:?}", found.next);
    assert!(found.last.is_none_or(|last| last > 0));
    if let Some(pattern) = &found.numbered {
        assert!(pager::page_url(pattern, 1).is_some() && pager::page_url(pattern, 2).is_some(), "{pattern}");
        assert_ne!(pager::page_url(pattern, 1), pager::page_url(pattern, 2), "{pattern}");
    }
    if let Some(pattern) = &found.days {
        let day = jiff::civil::date(2026, 3, 5);
        assert!(pager::day_url(pattern, day).is_some(), "{pattern}");
    }
}

/// What is proposed for a page whose articles are known finds them.
fn mended(document: &Document<'_>) {
    let found = extract::extract(document, Kind::List, &GENERIC.0);
    let known: Vec<_> = found
        .items
        .iter()
        .filter_map(|item| Some(repair::Known { title: item.title.clone()?, url: item.url.clone() }))
        .collect();
    let Some(proposal) = repair::propose(document, &known) else { return };
    assert!((2..=known.len()).contains(&proposal.matched), "{proposal:?}");
    let parts = [Some(&proposal.item), proposal.title.as_ref(), proposal.link.as_ref()];
    for part in parts.into_iter().flatten() {
        assert!(Selector::parse(part).is_ok(), "{part}");
    }
    assert!(!proposal.to_toml().is_empty());
}
