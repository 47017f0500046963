//! A page as a list of its elements in document order, with what stands in each of them.

use ego_tree::iter::Edge;
use scraper::{ElementRef, Node};

use super::attachments;
use super::furniture::{self, Furniture};
use super::phrases;
use crate::extract::plain;

/// Elements that stand inside of a line; all others begin a block of text.
const INLINE: [&str; 36] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "img", "ins", "kbd", "label", "mark", "picture", "q", "s", "samp", "small", "source",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "wbr",
];

/// Elements that show something without text.
const MEDIA: [&str; 7] = ["img", "video", "audio", "iframe", "object", "embed", "table"];

/// Fewer characters are a sentence only with a mark that sentences have.
const LONG: usize = 90;

/// Fewer characters are a label, whatever they end with.
const SENTENCE: usize = 35;

/// One element.
pub(super) struct Block<'a> {
    pub(super) element: ElementRef<'a>,
    /// Where its parent stands in the outline; its own place for the first.
    pub(super) parent: usize,
    /// Behind its last descendant.
    pub(super) end: usize,
    /// What it is said to be besides text.
    pub(super) furniture: Furniture,
    /// The text of its own lines, without that of blocks in it; white space collapsed.
    pub(super) own: String,
    /// Weight of `own`.
    pub(super) chars: usize,
    /// How much of `chars` are links.
    pub(super) linked: usize,
    /// Its own lines are sentences.
    pub(super) is_prose: bool,
    /// Pictures, tables and players among its own.
    pub(super) media: usize,
}

impl Block<'_> {
    pub(super) fn name(&self) -> &str {
        self.element.value().name()
    }

    pub(super) fn is_heading(&self) -> bool {
        matches!(self.name(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
    }

    fn reads_like_prose(&self) -> bool {
        let plain = self.chars - self.linked;
        plain >= SENTENCE
            && !self.is_heading()
            && self.linked * 2 < self.chars
            && (plain >= LONG || has_mark(&self.own))
            && !phrases::is_legal(&self.own)
    }
}

/// What a subtree holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    /// Weight of its sentences.
    pub(super) prose: usize,
    /// Weight of all of its text.
    pub(super) chars: usize,
    /// Weight of its links.
    pub(super) linked: usize,
    /// Links, labels and headings, and something for each of them.
    pub(super) junk: usize,
    /// Its pictures, tables and players.
    pub(super) media: usize,
    /// Its links to documents.
    pub(super) attached: usize,
}

/// Marks that sentences have and labels have not.
fn has_mark(text: &str) -> bool {
    let in_text = |mark: char| matches!(mark, ',' | ';' | '。' | '，' | '、' | '！' | '？' | '…' | '।' | '،');
    let ends = text.trim_end_matches(|c: char| c.is_whitespace() || "\"'”’»)]*".contains(c));
    text.contains(in_text)
        || text.contains(". ")
        || text.contains(": ")
        || ends.ends_with(['.', '!', '?', ':', '。'])
}

/// Characters that people read; those of scripts that write words with one or two count as three.
pub(super) fn weight(text: &str) -> usize {
    let of =
        |c: char| if ('\u{2e80}'..'\u{fb00}').contains(&c) { 3 } else { usize::from(!c.is_whitespace()) };
    text.chars().map(of).sum()
}

/// All that is seen of `root`, in one walk.
pub(super) fn outline(root: ElementRef<'_>) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    // For each open element: its place, and that of the block that gets its text.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut links, mut silent) = (0usize, 0usize);
    for edge in root.traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Text(text) if silent == 0 => {
                    if let Some(block) = open.last().and_then(|(_, block)| blocks.get_mut(*block)) {
                        let weight = weight(text);
                        block.chars += weight;
                        block.linked += weight * usize::from(links > 0);
                        block.own.push_str(text);
                    }
                }
                Node::Element(value) => {
                    let Some(element) = ElementRef::wrap(node) else { continue };
                    silent += usize::from(furniture::is_silent(value.name()));
                    links += usize::from(is_link(element));
                    let place = blocks.len();
                    let (parent, outer) = open.last().copied().unwrap_or((place, place));
                    let is_inline = INLINE.contains(&value.name()) && place > 0;
                    if is_inline && let Some(outer) = blocks.get_mut(outer) {
                        outer.own.push_str(if value.name() == "br" { "\n" } else { "" });
                    }
                    blocks.push(block(element, parent));
                    open.push((place, if is_inline { outer } else { place }));
                }
                _ => {}
            },
            Edge::Close(node) => {
                let Some(element) = ElementRef::wrap(node) else { continue };
                silent -= usize::from(furniture::is_silent(element.value().name()));
                links -= usize::from(is_link(element));
                let end = blocks.len();
                if let Some(block) = open.pop().and_then(|(place, _)| blocks.get_mut(place)) {
                    block.end = end;
                    block.own = plain::collapse(&block.own);
                    block.is_prose = block.reads_like_prose();
                }
            }
        }
    }
    blocks
}

pub(super) fn is_link(element: ElementRef<'_>) -> bool {
    element.value().name() == "a" && element.attr("href").is_some()
}

fn block(element: ElementRef<'_>, parent: usize) -> Block<'_> {
    Block {
        element,
        parent,
        end: 0,
        furniture: furniture::of(element),
        own: String::new(),
        is_prose: false,
        chars: 0,
        linked: 0,
        media: usize::from(MEDIA.contains(&element.value().name())),
    }
}

/// What each subtree holds without those that are dropped.
pub(super) fn sums(blocks: &[Block<'_>], dropped: &[bool]) -> Vec<Sum> {
    /// A label costs that much whatever its length.
    const LABEL: usize = 15;
    let mut sums = vec![Sum::default(); blocks.len()];
    for (place, block) in blocks.iter().enumerate().rev() {
        let Some(mut sum) = sums.get(place).copied() else { continue };
        if dropped.get(place).copied().unwrap_or_default() {
            sum = Sum::default();
        } else if is_link(block.element) {
            let href = block.element.attr("href").unwrap_or_default();
            sum.attached += usize::from(attachments::is_one(href));
        } else if block.chars > 0 || block.media > 0 {
            let prose = if block.is_prose { block.chars - block.linked } else { 0 };
            sum.prose += prose;
            sum.chars += block.chars;
            sum.linked += block.linked;
            sum.junk += if prose > 0 { 0 } else { block.linked + LABEL * usize::from(block.chars > 0) };
            sum.media += block.media;
        }
        if let Some(own) = sums.get_mut(place) {
            *own = sum;
        }
        if block.parent != place
            && let Some(parent) = sums.get_mut(block.parent)
        {
            parent.prose += sum.prose;
            parent.chars += sum.chars;
            parent.linked += sum.linked;
            parent.junk += sum.junk;
            parent.media += sum.media;
            parent.attached += sum.attached;
        }
    }
    sums
}
