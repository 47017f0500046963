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

use std::collections::HashSet;

use ego_tree::NodeId;
use scraper::Html;

use super::dom;
use clean::Cleaner;

/// What reads like the article.
pub(super) struct MainText {
    /// Its markup.
    pub(super) markup: String,
    /// How many characters of it people read, without white space.
    pub(super) length: usize,
}

/// The markup around what reads like the article; `None` when nothing does.
pub(super) fn find(html: &Html, title: Option<&str>) -> Option<MainText> {
    let body = html.root_element().child_elements().find(|child| child.value().name() == "body");
    let blocks = outline::outline(body.unwrap_or_else(|| html.root_element()));
    let dropped = clean::furniture(&blocks, title);
    let sums = outline::sums(&blocks, &dropped);
    let root = choose::choose(&blocks, &sums)?;
    let dropped = Cleaner { blocks: &blocks, dropped, root, title }.clean();
    let block = blocks.get(root)?;
    let out: HashSet<NodeId> = (root..block.end)
        .filter(|place| dropped.get(*place).copied().unwrap_or_default())
        .filter_map(|place| Some(blocks.get(place)?.element.id()))
        .collect();
    let length = outline::sums(&blocks, &dropped).get(root)?.chars;
    let markup = dom::inner_html_without(block.element, &out);
    Some(MainText { markup, length }).filter(|found| found.length > 0)
}
