//! What is known by name, found in one step.

/// Values by the [`number`](super::tags::number) of their name, in as many slots as `SLOTS`: a power of two, and some times as
/// many as there are names. A name stands where [`probe`](Self::probe) leads first, or behind it where others were there
/// before.
pub(super) struct Table<V, const SLOTS: usize> {
    slots: [(u64, V); SLOTS],
}

/// The number of no name.
const NO_NAME: u64 = 0;

// === impl Table ===

impl<V: Copy + Default, const SLOTS: usize> Table<V, SLOTS> {
    /// Of two values with one name the later one is kept.
    pub(super) fn of(known: impl IntoIterator<Item = (u64, V)>) -> Self {
        let mut table = Self { slots: [(NO_NAME, V::default()); SLOTS] };
        for (name, value) in known {
            let slot = table.slot(name).expect("there are more slots than names");
            table.slots[slot] = (name, value);
        }
        table
    }

    /// The value of a name; the default one for what is not known.
    pub(super) fn get(&self, name: u64) -> V {
        self.slot(name).map_or_else(V::default, |slot| self.slots[slot].1)
    }

    /// Where the name stands, or would.
    fn slot(&self, name: u64) -> Option<usize> {
        Self::probe(name).find(|&slot| [NO_NAME, name].contains(&self.slots[slot].0))
    }

    /// Where a name may stand, the likeliest place first.
    fn probe(name: u64) -> impl Iterator<Item = usize> {
        // Fibonacci hashing: the upper bits of a product depend on all bits of the name.
        let mixed = name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2());
        let first = usize::try_from(mixed).unwrap_or_default();
        (first..first + SLOTS).map(|slot| slot % SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let table: Table<u64, 64> = Table::of((1..=63).map(|name| (name * 1_000, name)));
        for name in 0..70_000 {
            assert_eq!(table.get(name), if name % 1_000 == 0 && name < 64_000 { name / 1_000 } else { 0 });
        }
        assert_eq!(Table::<u64, 4>::of([(7, 1), (7, 2)]).get(7), 2);
    }
}
