//! Where the archives of a feed end. Pure.
//!
//! The journal lines of a feed's sources are cut into blocks of so many lines, and at every [`CELL`]th line of the
//! whole journal, whatever is in the block by then. A block is called by the number of its last line. So what is cut
//! where depends on the lines of one cell alone: the same blocks with the same names are found by whoever begins to
//! count at the start of any cell, after a restart, and after the beginning of the journal was pruned.

use std::collections::{BTreeSet, HashMap};

use crate::{
    model::{Event, Seq, SourceId},
    publish::Feed,
};

/// How many lines of the whole journal end a block at the latest.
pub(super) const CELL: u64 = 10_000;
/// How many lines of its sources make a block of a feed without a filter. No more than the articles that a feed
/// shows unless it is told otherwise: what is in no archive yet is in the feed itself.
pub(super) const PLAIN: u64 = 50;
/// The same where a filter wants only some of them.
pub(super) const FILTERED: u64 = 500;

/// Whose lines are cut, and how many make a block: feeds of the same sources share their cuts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stream {
    sources: BTreeSet<SourceId>,
    size: u64,
}

/// One block: the lines of a stream after `after`, up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Lines up to here are not in it.
    pub(super) after: Seq,
    /// Its last line, which is also its name.
    pub(super) end: Seq,
    /// The name of the block before.
    pub(super) before: Option<Seq>,
}

/// The blocks of all streams, as far as the journal was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    seen: Seq,
    /// Where each stream stands in `ends`.
    streams: HashMap<Stream, usize>,
    ends: Vec<Ends>,
    /// Which streams a source is in.
    readers: HashMap<SourceId, Vec<usize>>,
}

/// The blocks of one stream.
#[derive(Clone, Debug, Default)]
struct Ends {
    /// How many lines make a block.
    size: u64,
    ends: Vec<Seq>,
    /// How many lines stand after the last end, and the last of them.
    open: u64,
    last: Seq,
}

// === impl Stream ===

impl Stream {
    /// The lines that a feed is made of.
    pub(super) fn of(feed: &Feed) -> Self {
        let size = if feed.filter.is_some() { FILTERED } else { PLAIN };
        Self { sources: feed.sources.iter().cloned().collect(), size }
    }

    /// Is it a line of this stream?
    pub(super) fn has(&self, event: &Event) -> bool {
        event.change.is_of_article() && self.sources.contains(&event.source)
    }
}

// === impl Cuts, Ends ===

impl Cuts {
    /// Nothing read, and `streams` to be cut.
    pub(super) fn new(streams: impl IntoIterator<Item = Stream>) -> Self {
        let mut cuts = Self::default();
        for stream in streams {
            if cuts.knows(&stream) {
                continue;
            }
            let at = cuts.ends.len();
            cuts.ends.push(Ends { size: stream.size, ..Ends::default() });
            for source in &stream.sources {
                cuts.readers.entry(source.clone()).or_default().push(at);
            }
            cuts.streams.insert(stream, at);
        }
        cuts
    }

    /// Does it cut this stream?
    pub(super) fn knows(&self, stream: &Stream) -> bool {
        self.streams.contains_key(stream)
    }

    /// Up to where the journal was read.
    pub(super) fn seen(&self) -> Seq {
        self.seen
    }

    /// Takes note of the next lines of the journal. Those that were read before change nothing. True when a block
    /// is complete that was not before.
    pub(super) fn take(&mut self, events: &[Event]) -> bool {
        let mut is_complete = false;
        for event in events.iter().filter(|event| event.seq > self.seen) {
            let readers = self.readers.get(&event.source).filter(|_| event.change.is_of_article());
            for at in readers.into_iter().flatten() {
                is_complete |= self.ends.get_mut(*at).is_some_and(|ends| ends.take(event.seq));
            }
            if event.seq.0 % CELL == 0 {
                is_complete |= self.ends.iter_mut().fold(false, |any, ends| any | ends.close());
            }
        }
        if let Some(last) = events.last() {
            self.seen = self.seen.max(last.seq);
        }
        is_complete
    }

    /// The journal begins after `floor`: goes on where the next cell begins, as the first one that is whole.
    pub(super) fn skip(&mut self, floor: Seq) {
        self.seen = self.seen.max(Seq(floor.0.div_ceil(CELL) * CELL));
        self.ends.iter_mut().for_each(|ends| ends.open = 0);
    }

    /// The name of the last block of a stream.
    pub(super) fn newest(&self, stream: &Stream) -> Option<Seq> {
        self.ends_of(stream)?.last().copied()
    }

    /// The block of this name.
    pub(super) fn block(&self, stream: &Stream, end: Seq) -> Option<Block> {
        let ends = self.ends_of(stream)?;
        let at = ends.binary_search(&end).ok()?;
        let before = at.checked_sub(1).and_then(|at| ends.get(at)).copied();
        // A block never reaches over the beginning of its cell.
        let cell = Seq(end.0.saturating_sub(1) / CELL * CELL);
        Some(Block { after: before.unwrap_or_default().max(cell), end, before })
    }

    fn ends_of(&self, stream: &Stream) -> Option<&[Seq]> {
        Some(&self.ends.get(*self.streams.get(stream)?)?.ends)
    }
}

impl Ends {
    /// One more line. True when it completes a block.
    fn take(&mut self, seq: Seq) -> bool {
        (self.open, self.last) = (self.open + 1, seq);
        self.open >= self.size && self.close()
    }

    /// Ends the block if there is anything in it.
    fn close(&mut self) -> bool {
        let has_lines = self.open > 0;
        if has_lines {
            self.ends.push(self.last);
            self.open = 0;
        }
        has_lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ArticleId, Change, IdentityKey, Revision, Timestamp};

    fn stream(sources: &[&str], size: u64) -> Stream {
        Stream { sources: sources.iter().map(|id| id.parse().unwrap()).collect(), size }
    }

    fn line(seq: u64, source: &str) -> Event {
        let source: SourceId = source.parse().unwrap();
        Event {
            seq: Seq(seq),
            at: Timestamp::default(),
            change: Change::Published,
            article: ArticleId::mint(&source, &IdentityKey::Item(seq.to_string())),
            revision: Revision::FIRST,
            source,
            quiet: false,
        }
    }

    /// All blocks, the oldest first.
    fn blocks(cuts: &Cuts, stream: &Stream) -> Vec<Block> {
        let mut name = cuts.newest(stream);
        let mut all = Vec::new();
        while let Some(block) = name.and_then(|name| cuts.block(stream, name)) {
            name = block.before;
            all.insert(0, block);
        }
        all
    }

    /// Every third line is of another source.
    fn journal(from: u64, to: u64) -> Vec<Event> {
        (from..=to).map(|seq| line(seq, if seq % 3 == 0 { "quan3" } else { "quan1" })).collect()
    }

    #[test]
    fn a_block_is_called_by_its_last_line() {
        let own = stream(&["quan1"], 4);
        let mut cuts = Cuts::new([own.clone()]);
        cuts.take(&journal(1, 13));
        // 1 2 4 5 | 7 8 10 11 | 13
        let expected = [
            Block { after: Seq(0), end: Seq(5), before: None },
            Block { after: Seq(5), end: Seq(11), before: Some(Seq(5)) },
        ];
        assert_eq!(blocks(&cuts, &own), expected);
        for none in [0, 4, 6, 13, u64::MAX] {
            assert_eq!(cuts.block(&own, Seq(none)), None, "{none}");
        }
    }

    #[test]
    fn a_cell_ends_a_block_that_has_something() {
        let (rare, never) = (stream(&["quan3"], 50_000), stream(&["quan9"], 4));
        let mut cuts = Cuts::new([rare.clone(), never.clone()]);
        cuts.take(&journal(1, 2 * CELL));
        let ends: Vec<_> = blocks(&cuts, &rare).iter().map(|block| (block.after.0, block.end.0)).collect();
        assert_eq!(ends, [(0, 9_999), (10_000, 19_998)]);
        assert_eq!(cuts.newest(&never), None);
    }

    #[test]
    fn who_begins_at_a_later_cell_cuts_the_same() {
        let own = stream(&["quan1"], 70);
        let (mut whole, mut pruned) = (Cuts::new([own.clone()]), Cuts::new([own.clone()]));
        whole.take(&journal(1, 25_000));
        pruned.skip(Seq(4_321));
        assert_eq!(pruned.seen(), Seq(CELL));
        pruned.take(&journal(4_322, 25_000));
        let all = blocks(&whole, &own);
        let kept: Vec<_> = all.iter().filter(|block| block.after.0 >= CELL).map(|block| block.end).collect();
        assert_eq!(blocks(&pruned, &own).iter().map(|block| block.end).collect::<Vec<_>>(), kept);
        assert!(kept.len() > 100);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn blocks_and_the_open_end_hold_every_line_once_and_never_move(
            sizes in proptest::collection::vec(1..400_u64, 1..40), size in 1..60_u64,
        ) {
            let own = stream(&["quan1"], size);
            let mut cuts = Cuts::new([own.clone()]);
            let mut before: Vec<Block> = Vec::new();
            let mut head = 9_900;
            cuts.take(&journal(1, head));
            for more in sizes {
                // Lines that are told twice change nothing.
                cuts.take(&journal(head.saturating_sub(5).max(1), head + more));
                head += more;
                let now = blocks(&cuts, &own);
                prop_assert_eq!(&now[..before.len()], &before[..]);
                before = now;
            }
            let mut last = Seq(0);
            for block in &before {
                let between = journal(last.0 + 1, block.after.0);
                prop_assert!(!between.iter().any(|event| own.has(event)), "nothing is left out");
                let lines = journal(block.after.0 + 1, block.end.0);
                let n_lines = lines.iter().filter(|event| own.has(event)).count() as u64;
                prop_assert!((1..=size).contains(&n_lines));
                last = block.end;
            }
            let mut again = Cuts::new([own.clone()]);
            again.take(&journal(1, head));
            prop_assert_eq!(blocks(&again, &own), before);
        }
    }
}
