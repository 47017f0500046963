//! What both backends are made of: an ordered table of bytes whose batches are applied whole or not at all.

use std::{collections::BTreeMap, ops::Bound};

use super::{Error, Result, memory::Memory, sled::Disk};

/// One row: key and value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// What a batch does to each key: a new value, or `None` for none.
pub(super) type Batch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The table of a backend. Every call may block.
pub(super) enum Table {
    /// In memory, for tests and dry runs.
    Memory(Memory),
    /// In sled.
    Disk(Disk),
}

impl Table {
    /// The value at `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Memory(memory) => Ok(memory.get(key)),
            Self::Disk(disk) => disk.get(key),
        }
    }

    /// Up to `limit` rows of a range, in the order of their keys.
    pub(super) fn range(&self, from: Bound<&[u8]>, to: &[u8], limit: usize) -> Result<Vec<Row>> {
        match from {
            // A range that ends before it begins is empty, not a panic.
            Bound::Included(from) | Bound::Excluded(from) if from >= to => return Ok(Vec::new()),
            Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => {}
        }
        match self {
            Self::Memory(memory) => Ok(memory.range(from, to, limit)),
            Self::Disk(disk) => disk.range(from, to, limit),
        }
    }

    /// The last row of a range.
    pub(super) fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>> {
        match self {
            Self::Memory(memory) => Ok(memory.last(from, to)),
            Self::Disk(disk) => disk.last(from, to),
        }
    }

    /// Applies a batch whole: readers see all of it or nothing, also after a crash. Not durable before `sync`.
    pub(super) fn apply(&self, batch: Batch) -> Result<()> {
        match self {
            Self::Memory(memory) => memory.apply(batch),
            Self::Disk(disk) => return disk.apply(batch),
        }
        Ok(())
    }

    /// Returns when every batch that was applied before the call is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Disk(disk) => disk.sync(),
        }
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> Result<u64> {
        match self {
            Self::Memory(_) => Ok(0),
            Self::Disk(disk) => disk.bytes(),
        }
    }

    /// An error of a write that cannot be done.
    pub(super) fn refused(&self, cause: String) -> Error {
        let path = match self {
            Self::Memory(_) => "memory",
            Self::Disk(disk) => disk.path(),
        };
        let source = std::io::Error::new(std::io::ErrorKind::FileTooLarge, cause);
        Error::Io { doing: "write to", path: path.to_owned(), source }
    }
}
