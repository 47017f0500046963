//! What is no part of the text, inside of the element that holds it.

use super::choose::{self, Title};
use super::furniture::Furniture;
use super::outline::{Block, Sum, sums};
use super::phrases;

/// Longer blocks are not a teaser, a call or a credit.
const SHORT: usize = 240;

/// Wrappers that are called furniture and hold that much of the page's sentences, in percent, are none.
const MOST: usize = 40;

/// Which elements are furniture of the page by name, unless they hold most of its text.
pub(super) fn furniture(blocks: &[Block<'_>], title: &Title) -> Vec<bool> {
    let mut dropped = vec![false; blocks.len()];
    let all = sums(blocks, &dropped);
    let total = all.first().map_or(0, |sum| sum.prose);
    let headline = choose::headline(blocks, title);
    for other in headline.map(|headline| choose::other_articles(blocks, &all, headline)).unwrap_or_default() {
        if let Some(dropped) = dropped.get_mut(other) {
            *dropped = true;
        }
    }
    for (place, block) in blocks.iter().enumerate() {
        let holds = all.get(place).map_or(0, |sum| sum.prose) * 100;
        let is_most = match block.furniture {
            Furniture::No => true,
            Furniture::Said => {
                holds > total * MOST || block.name() == "p" && block.is_prose && holds > total * 10
            }
            Furniture::Sure => holds > total * 90,
        };
        // What holds the headline and sentences is called so for what else is in it.
        let has_headline =
            holds > 0 && headline.is_some_and(|headline| (place..block.end).contains(&headline));
        let is_most = is_most || has_headline;
        let is_inside = dropped.get(block.parent).copied().unwrap_or_default() && block.parent != place;
        if let Some(dropped) = dropped.get_mut(place) {
            *dropped |= is_inside || !is_most;
        }
    }
    dropped
}

/// The text's element while it is cleaned.
pub(super) struct Cleaner<'a, 'b> {
    pub(super) blocks: &'b [Block<'a>],
    pub(super) dropped: Vec<bool>,
    pub(super) root: usize,
    pub(super) title: &'b Title,
}

impl<'a> Cleaner<'a, '_> {
    /// Drops what is not text, step by step: each sees what the ones before it left.
    pub(super) fn clean(mut self) -> Vec<bool> {
        self.drop_each(is_link_list);
        self.drop_each(is_teaser);
        self.drop_sections();
        self.drop_edges();
        self.drop_headings();
        self.dropped
    }

    fn block(&self, place: usize) -> Option<&Block<'a>> {
        self.blocks.get(place)
    }

    fn is_dropped(&self, place: usize) -> bool {
        self.dropped.get(place).copied().unwrap_or(true)
    }

    fn drop(&mut self, place: usize) {
        let end = self.block(place).map_or(place, |block| block.end);
        if let Some(part) = self.dropped.get_mut(place..end) {
            part.fill(true);
        }
    }

    /// Places inside of the root that are still there.
    fn kept(&self) -> Vec<usize> {
        let end = self.block(self.root).map_or(self.root, |block| block.end);
        (self.root + 1..end).filter(|place| !self.is_dropped(*place)).collect()
    }

    fn drop_each(&mut self, is_out: impl Fn(&Block<'_>, &Sum) -> bool) {
        let sums = sums(self.blocks, &self.dropped);
        for place in self.kept() {
            let (Some(block), Some(sum)) = (self.blocks.get(place), sums.get(place)) else { continue };
            if !self.is_dropped(place) && is_out(block, sum) {
                self.drop(place);
            }
        }
    }

    /// A heading that labels other articles, comments, tags …, with all up to the next one that is as high; a line
    /// that does, with the links and labels behind it.
    fn drop_sections(&mut self) {
        let sums = sums(self.blocks, &self.dropped);
        let total = sums.get(self.root).map_or(0, |sum| sum.prose);
        for place in self.kept() {
            let Some(block) = self.blocks.get(place) else { continue };
            if self.is_dropped(place) || block.chars == 0 || !phrases::is_label(&block.own) {
                continue;
            }
            self.drop(place);
            let is_next = |next: &Block<'_>, sum: &Sum| {
                next.is_heading() && (!block.is_heading() || next.name() <= block.name())
                    || !block.is_heading() && sum.prose > 0
            };
            let section = self.siblings_until(place, |next| {
                self.blocks.get(next).zip(sums.get(next)).is_some_and(|(next, sum)| is_next(next, sum))
            });
            let prose: usize = section.iter().filter_map(|place| sums.get(*place)).map(|sum| sum.prose).sum();
            if prose * 4 <= total {
                section.iter().for_each(|place| self.drop(*place));
            }
        }
    }

    /// What stands behind `place` in the same element.
    fn siblings_until(&self, place: usize, is_end: impl Fn(usize) -> bool) -> Vec<usize> {
        /// No section is longer; every label of a page looks that far.
        const MOST_SIBLINGS: usize = 200;
        let mut found = Vec::new();
        let Some(block) = self.block(place) else { return found };
        let end = self.block(block.parent).map_or(0, |parent| parent.end);
        let mut next = block.end;
        while next < end
            && found.len() < MOST_SIBLINGS
            && !is_end(next)
            && let Some(sibling) = self.block(next)
        {
            found.push(next);
            next = sibling.end.max(next + 1);
        }
        found
    }

    /// Before the first sentence and behind the last one: dates, bylines, and what has a container of its own.
    fn drop_edges(&mut self) {
        let (kept, sums) = (self.kept(), sums(self.blocks, &self.dropped));
        let is_prose = |place: &usize| {
            // Headlines are sentences, too.
            self.blocks.get(*place).is_some_and(|block| block.is_prose && !self.title.is(&block.own))
        };
        let Some(first) = kept.iter().copied().find(is_prose) else { return };
        let last = kept.iter().copied().rfind(is_prose).unwrap_or(first);
        for place in kept {
            let Some(block) = self.blocks.get(place) else { continue };
            let near = if place < first { first } else { last };
            let near = self.blocks.get(near).map_or(0, |near| near.parent);
            if block.chars == 0 || (first..=last).contains(&place) {
                continue;
            }
            let is_text = matches!(block.name(), "p" | "li" | "td" | "th" | "pre" | "dd" | "dt");
            let stands_apart = !is_text && !block.is_heading() && block.parent != near && !block.is_prose;
            let is_head = place < first
                && (block.name() == "h1"
                    || self.title.is(&block.own)
                    || block.chars <= SHORT && phrases::is_credit(&block.own));
            let holds_text = sums.get(place).is_some_and(|sum| sum.prose > 0) && !(is_head && block.is_prose);
            if (stands_apart || is_head) && !holds_text {
                self.drop(place);
            }
        }
    }

    /// Headings that nothing follows any more.
    fn drop_headings(&mut self) {
        let mut followed = false;
        let mut below: Option<String> = None;
        for place in self.kept().into_iter().rev() {
            let Some(block) = self.blocks.get(place) else { continue };
            if !block.is_heading() {
                if block.chars > 0 || block.media > 0 {
                    followed = true;
                }
                continue;
            }
            let leads_on = below.as_deref().is_some_and(|below| block.name() < below);
            if followed || leads_on || self.stands_in_lines(place) {
                followed = false;
                below = Some(block.name().to_owned());
            } else {
                self.drop(place);
            }
        }
    }

    /// What follows is the text of an element around it, broken into lines.
    fn stands_in_lines(&self, place: usize) -> bool {
        let mut inside = place;
        while inside > self.root
            && let Some(parent) = self.block(inside).map(|block| block.parent)
        {
            if self.block(parent).is_some_and(|block| block.is_prose) {
                return true;
            }
            inside = parent;
        }
        false
    }
}

/// `Read more: another article`, `Follow us on …`, and lines that are only a label.
fn is_teaser(block: &Block<'_>, sum: &Sum) -> bool {
    let is_line = block.chars > 0 && block.chars == sum.chars && block.chars <= SHORT;
    is_line
        && !block.is_heading()
        && (phrases::is_labeled(&block.own) && block.linked * 3 >= block.chars
            || phrases::is_call(&block.own) && block.linked > 0)
}

/// Links and next to nothing else.
fn is_link_list(block: &Block<'_>, sum: &Sum) -> bool {
    let is_part =
        matches!(block.name(), "li" | "td" | "th" | "tr" | "tbody" | "dt" | "dd" | "thead" | "table");
    sum.chars > 0
        && sum.prose == 0
        && sum.attached == 0
        && sum.linked * 10 >= sum.chars * 7
        && !is_part
        && !block.is_heading()
}
