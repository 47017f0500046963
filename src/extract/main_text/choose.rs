//! Which element holds the article.

use super::furniture;
use super::outline::{Block, Sum};

/// Less text than this is not an article that one could choose between.
const LEAST: usize = 140;

/// The place of the element whose sentences outweigh its links and labels by most; `None` without any sentence.
pub(super) fn choose(blocks: &[Block<'_>], sums: &[Sum]) -> Option<usize> {
    let scored = sums.iter().enumerate().filter(|(_, sum)| sum.prose > 0);
    // Of equals the innermost, which comes last.
    let (best, _) = scored.max_by_key(|(_, sum)| sum.prose.cast_signed() - sum.junk.cast_signed())?;
    let root = declared(blocks, sums, best).unwrap_or(best);
    Some(with_lead(blocks, sums, root).unwrap_or(root))
}

/// What the page itself calls its text, where that holds enough of what was found.
fn declared(blocks: &[Block<'_>], sums: &[Sum], best: usize) -> Option<usize> {
    let other = sums.get(best)?.prose;
    let is_body = |block: &Block<'_>| {
        let names = block.element.attr("itemprop").unwrap_or_default();
        names.split_whitespace().any(|name| name == "articleBody" || name == "reviewBody")
    };
    let longest = |says: &dyn Fn(&Block<'_>) -> bool| {
        let found = blocks.iter().enumerate().filter(|(_, block)| says(block));
        let found = found.filter_map(|(place, _)| Some((place, sums.get(place)?.prose)));
        found.max_by_key(|(_, prose)| *prose).filter(|(_, prose)| *prose >= LEAST)
    };
    // Microdata is about this article; class names are about how things look.
    let by_data = longest(&is_body).filter(|(_, own)| own * 4 >= other);
    let by_name =
        || longest(&|block| furniture::names_text(block.element)).filter(|(_, own)| own * 5 >= other * 3);
    by_data.or_else(by_name).map(|(place, _)| place)
}

/// The element around the text that adds one paragraph before it and nothing behind: the lead stands apart.
fn with_lead(blocks: &[Block<'_>], sums: &[Sum], root: usize) -> Option<usize> {
    /// Wrappers between the text and what has its lead.
    const HIGHEST: usize = 2;
    let own = sums.get(root)?.prose;
    let mut around = root;
    for _ in 0..HIGHEST {
        around = blocks.get(around)?.parent;
        let more = sums.get(around)?.prose - own;
        if more == 0 {
            continue;
        }
        let before = blocks.get(around..root)?;
        let lead = before.iter().find(|block| block.name() == "p" && block.is_prose)?;
        return (lead.chars - lead.linked == more).then_some(around);
    }
    None
}

/// Where the page's headline stands.
pub(super) fn headline(blocks: &[Block<'_>], title: &Title) -> Option<usize> {
    blocks.iter().position(|block| block.is_heading() && title.is(&block.own))
}

/// A page of several articles, one in or behind the other: the places of those without the page's headline, unless
/// the headline has an element for itself and its text is in one of them.
pub(super) fn other_articles(blocks: &[Block<'_>], sums: &[Sum], headline: usize) -> Vec<usize> {
    let prose = |place: usize| sums.get(place).map_or(0, |sum| sum.prose);
    let articles = || blocks.iter().enumerate().filter(|(_, block)| block.name() == "article");
    let has_headline = |place: usize, block: &Block<'_>| (place..block.end).contains(&headline);
    // The innermost comes last.
    let Some((own, block)) = articles().rfind(|(place, block)| has_headline(*place, block)) else {
        return Vec::new();
    };
    let (mut others, mut inside, mut longest, mut behind) = (Vec::new(), 0, 0, 0);
    for (place, other) in articles().filter(|(place, other)| !has_headline(*place, other)) {
        if place < behind {
            continue;
        }
        behind = other.end;
        inside += if (own..block.end).contains(&place) { prose(place) } else { 0 };
        longest = longest.max(prose(place));
        others.push(place);
    }
    let kept = prose(own) - inside;
    if kept >= LEAST && kept * 8 >= longest { others } else { Vec::new() }
}

/// The page's title, to be compared with what stands in the page.
pub(super) struct Title {
    whole: String,
    /// `Headline | Site` without the site.
    headline: Option<String>,
}

impl Title {
    pub(super) fn new(title: &str) -> Self {
        let marks = [" | ", " - ", " – ", " — ", " » ", " :: "];
        let headline = marks.iter().find_map(|mark| title.rsplit_once(mark));
        Self { whole: bare(title), headline: headline.map(|(headline, _)| bare(headline)) }
    }

    /// The text is the title, or most of it.
    pub(super) fn is(&self, text: &str) -> bool {
        let (own, whole) = (bare(text), &self.whole);
        !own.is_empty()
            && (own == *whole
                || self.headline.as_ref() == Some(&own)
                || whole.starts_with(&own) && own.len() * 3 >= whole.len() * 2
                || own.starts_with(whole) && whole.len() * 3 >= own.len() * 2)
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
