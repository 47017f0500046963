//! Documents that a text links to.

use std::collections::HashSet;

use scraper::ElementRef;

use super::outline::{Block, is_link};
use crate::extract::dom;
use crate::model::Enclosure;

/// File name extensions of what people attach to articles.
const EXTENSIONS: [&str; 17] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "csv", "zip", "rar",
    "7z", "epub", "txt",
];

/// Links to documents among `blocks`, each address once.
pub(super) fn of(blocks: &[Block<'_>], dropped: &[bool]) -> Vec<Enclosure> {
    let mut seen = HashSet::new();
    let links = blocks.iter().zip(dropped).filter(|(block, dropped)| !**dropped && is_link(block.element));
    let links = links.filter_map(|(block, _)| Some((block.element, block.element.attr("href")?.trim())));
    let found = links.filter(|(_, href)| is_one(href) && seen.insert((*href).to_owned()));
    let enclosure = |(element, href): (ElementRef<'_>, &str)| Enclosure {
        url: href.to_owned(),
        media_type: element.attr("type").map(str::to_owned),
        length: None,
        title: Some(dom::text(element)).filter(|title| !title.is_empty()),
    };
    found.map(enclosure).collect()
}

/// The address is that of a document, by its name.
pub(super) fn is_one(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    path.rsplit_once('.').is_some_and(|(before, extension)| {
        before.contains('/') | !before.is_empty()
            && EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}
