//! The main text of a page without a recipe.
//!
//! One walk makes an outline of the page (`outline`), names say what is furniture (`furniture`), the element whose
//! sentences outweigh its links and labels by most is the text's (`choose`), and what is no part of it goes (`clean`).

mod attachments;
mod choose;
mod clean;
mod furniture;
mod outline;
mod phrases;
mod polish;
mod signature;
mod words;

use std::collections::HashSet;

use ego_tree::NodeId;
use scraper::{ElementRef, Html};

use super::dom;
use crate::model::{Enclosure, markup};
use choose::Title;
use clean::Cleaner;

/// What reads like the article.
pub(super) struct MainText {
    /// Its markup.
    pub(super) markup: String,
    /// How many characters of it people read, without white space.
    pub(super) length: usize,
    /// Documents that it links to, or that stand right beside it.
    pub(super) attachments: Vec<Enclosure>,
    /// Who signs it in its last line.
    pub(super) author: Option<String>,
}

/// The markup around what reads like the article; `None` when nothing does.
pub(super) fn find(html: &Html, title: Option<&str>) -> Option<MainText> {
    let raw_title = title.unwrap_or_default();
    let title = Title::new(raw_title);
    let body = html.root_element().child_elements().find(|child| child.value().name() == "body");
    let blocks = outline::outline(body.unwrap_or_else(|| html.root_element()));
    let furniture = clean::furniture(&blocks, &title);
    let root = choose::choose(&blocks, &outline::sums(&blocks, &furniture))?;
    let block = blocks.get(root)?;
    // Documents stand below the text as often as in it.
    let around =
        blocks.get(block.parent).filter(|around| around.name() != "body").map_or(root, |_| block.parent);
    let beside = around..blocks.get(around)?.end;
    let attachments = attachments::of(blocks.get(beside.clone())?, furniture.get(beside)?);

    let dropped = Cleaner { blocks: &blocks, dropped: furniture, root, title: &title }.clean();
    let (parts, dropped_parts) = (blocks.get(root..block.end)?, dropped.get(root..block.end)?);
    // Captions are no text, but readers want them under their pictures.
    let goes = |(part, out): &(&outline::Block<'_>, &bool)| **out && !is_in_caption(part.element);
    let out: HashSet<NodeId> =
        parts.iter().zip(dropped_parts).filter(goes).map(|(part, _)| part.element.id()).collect();
    let length = outline::sums(&blocks, &dropped).get(root)?.chars;
    let markup = dom::inner_html_without(block.element, &out);
    let markup = polished(markup, raw_title);
    let author = signature::of(parts, dropped_parts);
    Some(MainText { markup, length, attachments, author }).filter(|found| found.length > 0)
}

fn is_in_caption(element: ElementRef<'_>) -> bool {
    let around = element.ancestors().filter_map(ElementRef::wrap);
    std::iter::once(element).chain(around).any(|around| around.value().name() == "figcaption")
}

/// The text without what its lines say that they are.
fn polished(markup: String, title: &str) -> String {
    if markup::max_open_depth(&markup) > markup::MAX_DEPTH {
        return markup;
    }
    let mut html = Html::parse_fragment(&markup);
    polish::clean(&mut html, title);
    dom::inner_html(html.root_element())
}

#[cfg(test)]
mod tests;
