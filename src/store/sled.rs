//! The table in sled: one tree, one batch per commit, and a real `fdatasync` before anybody is told.
//!
//! sled's own `flush` only starts the write-back (`sync_file_range`): what it wrote survives a killed process, not a
//! power failure. See `docs/decisions/0001-durable-commits.md`.
//!
//! sled takes damage for the torn end of its log: it opens, without everything behind the damage, and says nothing.
//! So every batch is numbered in the table, and the number of the last one that was synced is kept in a file beside
//! it: a table that opens with less than what was once confirmed is refused.

use std::{
    fs::File,
    io::{self, ErrorKind, Read as _, Seek as _, Write as _},
    ops::Bound,
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{
    Error, Result,
    table::{Batch, Row},
};

/// How often sled's own thread looks for segments to clean, in milliseconds. Commits do not wait for it.
const CLEAN_EVERY: u64 = 5_000;

/// How long a locked table is asked for again.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where the number of the last batch stands: before every record.
const NUMBER: [u8; 1] = [0];

/// The file that holds the number of the last batch that was synced, in decimal.
const MARK: &str = "synced";

/// A table on disk.
pub(super) struct Disk {
    db: ::sled::Db,
    /// The file in which sled keeps everything: our values are too small for files of their own.
    file: File,
    mark: File,
    path: String,
    progress: Mutex<Progress>,
    synced: Condvar,
}

/// What was applied, and how much of it is on the disk.
#[derive(Default)]
struct Progress {
    applied: u64,
    synced: u64,
    syncing: bool,
    /// Why nothing is written any more. After a failed write nobody knows what of it is on the disk, and asking the
    /// kernel to sync once more would report success for pages that it has dropped: only a new start can tell.
    failed: Option<(ErrorKind, String)>,
}

impl Progress {
    /// Remembers a failed write.
    fn note(&mut self, done: Result<()>) -> Result<()> {
        if let Err(cause) = &done {
            let why = match cause {
                Error::Io { source, .. } => (source.kind(), source.to_string()),
                other => (ErrorKind::Other, other.to_string()),
            };
            self.failed.get_or_insert(why);
        }
        done
    }
}

impl Disk {
    /// Opens or makes the table in the folder `path`.
    pub(super) fn open(path: &Path, cache: u64) -> Result<Self> {
        let name = path.display().to_string();
        let io = |source| Error::Io { doing: "open", path: name.clone(), source };
        if path.exists() && !path.is_dir() {
            return Err(io(ErrorKind::NotADirectory.into()));
        }
        std::fs::create_dir_all(path).map_err(io)?;
        let config = ::sled::Config::new().path(path).mode(::sled::Mode::LowSpace);
        let config = config.cache_capacity(cache).flush_every_ms(Some(CLEAN_EVERY));
        let db = patiently(|| config.open().map_err(|cause| opening(cause, &name)))?;
        let file = File::open(path.join("db")).map_err(io)?;
        let mut mark = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(MARK))
            .map_err(io)?;
        // The names of the new files have to survive as well.
        File::open(path).and_then(|folder| folder.sync_all()).map_err(io)?;
        let applied = check_mark(&db, &mut mark, &name)?;
        let progress = Progress { applied, synced: applied, ..Progress::default() };
        Ok(Self { db, file, mark, path: name, progress: Mutex::new(progress), synced: Condvar::new() })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let value = self.db.get(key).map_err(|cause| self.error("read", cause))?;
        Ok(value.map(|value| value.to_vec()))
    }

    pub(super) fn range(&self, from: Bound<&[u8]>, to: &[u8], limit: usize) -> Result<Vec<Row>> {
        let rows = self.db.range::<&[u8], _>((from, Bound::Excluded(to)));
        rows.take(limit).map(|row| self.row(row)).collect()
    }

    pub(super) fn last(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>> {
        self.db.range(from..to).next_back().map(|row| self.row(row)).transpose()
    }

    /// One caller at a time.
    pub(super) fn apply(&self, batch: Batch) -> Result<()> {
        let number = {
            let progress = self.progress();
            self.check(&progress)?;
            progress.applied + 1
        };
        let mut writes = ::sled::Batch::default();
        writes.insert(&NUMBER, &number.to_be_bytes());
        for (key, value) in batch {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        let done = self.db.apply_batch(writes).map_err(|cause| self.error("write to", cause));
        let mut progress = self.progress();
        progress.applied = number;
        progress.note(done)
    }

    /// One writer syncs for all that have applied before it began; the others wait for it.
    pub(super) fn sync(&self) -> Result<()> {
        let mut progress = self.progress();
        let mine = progress.applied;
        while progress.synced < mine {
            self.check(&progress)?;
            if progress.syncing {
                progress = self.synced.wait(progress).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            progress.syncing = true;
            let upto = progress.applied;
            drop(progress);
            let done = self.sync_files(upto);
            progress = self.progress();
            progress.syncing = false;
            if done.is_ok() {
                progress.synced = upto;
            }
            let done = progress.note(done);
            self.synced.notify_all();
            done?;
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> Result<u64> {
        self.db.size_on_disk().map_err(|cause| self.error("measure", cause))
    }

    fn sync_files(&self, number: u64) -> Result<()> {
        self.db.flush().map_err(|cause| self.error("write to", cause))?;
        // The mark is not synced: one that lags behind notices less, one that runs ahead would refuse a good table.
        self.file.sync_data().and_then(|()| write_mark(&self.mark, number)).map_err(|source| Error::Io {
            doing: "write to",
            path: self.path.clone(),
            source,
        })
    }

    /// Refuses to write on after a write has failed.
    fn check(&self, progress: &Progress) -> Result<()> {
        let Some((kind, cause)) = &progress.failed else { return Ok(()) };
        let source = io::Error::new(*kind, format!("an earlier write failed: {cause}; start again"));
        Err(Error::Io { doing: "write to", path: self.path.clone(), source })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, row: ::sled::Result<(::sled::IVec, ::sled::IVec)>) -> Result<Row> {
        let (key, value) = row.map_err(|cause| self.error("read", cause))?;
        Ok((key.to_vec(), value.to_vec()))
    }

    fn error(&self, doing: &'static str, cause: ::sled::Error) -> Error {
        match cause {
            ::sled::Error::Io(source) => Error::Io { doing, path: self.path.clone(), source: plain(source) },
            other => Error::Damaged { what: format!("cannot {doing} `{}`: {}", self.path, told(&other)) },
        }
    }
}

/// Asks again for a while when another one holds the lock: it may be closing, or a child of this process that has every
/// file of its parent until it has become its program.
#[expect(clippy::disallowed_methods, reason = "tables are opened by threads that may block")]
fn patiently<T>(open: impl Fn() -> Result<T>) -> Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match open() {
            Err(Error::Locked { .. }) if Instant::now() < until => thread::sleep(PATIENCE / 50),
            opened => return opened,
        }
    }
}

fn opening(cause: ::sled::Error, path: &str) -> Error {
    match cause {
        // sled 0.34 has no error of its own for this.
        ::sled::Error::Io(source) if source.to_string().contains("could not acquire lock") => {
            Error::Locked { path: path.to_owned() }
        }
        ::sled::Error::Io(source) => {
            Error::Io { doing: "open", path: path.to_owned(), source: plain(source) }
        }
        other => Error::Damaged { what: format!("cannot open `{path}`: {}", told(&other)) },
    }
}

/// sled's words without the place for a backtrace that it never has.
fn told(cause: &::sled::Error) -> String {
    cause.to_string().trim_end_matches(" backtrace ()").to_owned()
}

/// The number of the table's last batch, which must not be lower than what was once confirmed.
fn check_mark(db: &::sled::Db, mark: &mut File, path: &str) -> Result<u64> {
    let damaged = |what: String| Error::Damaged { what: format!("`{path}`: {what}") };
    let number = db.get(NUMBER).map_err(|cause| opening(cause, path))?;
    let number = number.map_or(Ok(0), |bytes| bytes.as_ref().try_into().map(u64::from_be_bytes));
    let number = number.map_err(|_| damaged("the number of the last write cannot be read".to_owned()))?;
    let mut text = String::new();
    // What cannot be read as a number was not written to its end: no mark.
    let mark = mark.read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u64>().ok()).unwrap_or(0);
    if number < mark {
        return Err(damaged(format!(
            "confirmed writes are missing, it ends at {number} of {mark} (to go on with what is left, \
             remove `{path}/{MARK}`)"
        )));
    }
    Ok(number)
}

fn write_mark(mut mark: &File, number: u64) -> io::Result<()> {
    mark.seek(io::SeekFrom::Start(0))?;
    // Always as long as the longest, so that no digit of an older one is left.
    mark.write_all(format!("{number:020}\n").as_bytes())
}

/// sled hands an error on as its debug text, `Os { code: 28, … }`: made the system's own again, it reads as a sentence.
fn plain(source: io::Error) -> io::Error {
    let text = source.to_string();
    let code = text.split_once("Os { code: ").and_then(|(_, rest)| rest.split_once(','));
    match code.and_then(|(code, _)| code.parse().ok()) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => source,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn errors_read_as_the_systems_own() {
        fn check(text: &str, expected: &str) {
            assert_eq!(plain(io::Error::new(ErrorKind::StorageFull, text)).to_string(), expected);
        }
        let full = "No space left on device (os error 28)";
        check(r#"Os { code: 28, kind: StorageFull, message: "No space left on device" }"#, full);
        check("Os { code: x, kind", "Os { code: x, kind");
        check("something else", "something else");
    }

    #[test]
    fn after_a_failed_write_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path(), 1 << 20).unwrap();
        let row = |byte| Batch::from([(vec![byte], Some(vec![byte]))]);
        disk.apply(row(1)).unwrap();
        disk.sync().unwrap();
        let source = io::Error::from_raw_os_error(28);
        let failed = Err(Error::Io { doing: "write to", path: String::new(), source });
        assert!(disk.progress().note(failed).is_err());
        let refused = disk.apply(row(2)).unwrap_err().to_string();
        assert!(refused.contains("an earlier write failed: No space left on device"), "{refused}");
        assert_eq!(disk.get(&[2]).unwrap(), None);
        assert_eq!(disk.get(&[1]).unwrap(), Some(vec![1]), "reading goes on");
    }

    #[test]
    fn a_table_that_lost_confirmed_writes_is_refused_until_its_owner_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Disk::open(folder.path(), 1 << 20);
        let disk = open().unwrap();
        disk.apply([(vec![9], Some(vec![9]))].into()).unwrap();
        disk.sync().unwrap();
        drop(disk);
        std::fs::write(folder.path().join(MARK), "00000000000000000002\n").unwrap();
        let refused = open().map(|_| ()).unwrap_err().to_string();
        assert!(refused.contains("ends at 1 of 2"), "{refused}");
        std::fs::remove_file(folder.path().join(MARK)).unwrap();
        assert_eq!(open().unwrap().get(&[9]).unwrap(), Some(vec![9]));
        // A mark that was not written to its end is none.
        std::fs::write(folder.path().join(MARK), "0000\0\0").unwrap();
        assert!(open().is_ok());
    }

    /// A child has every file of its parent until it has become its program, and holds their locks.
    #[test]
    fn children_that_are_being_started_keep_nobody_from_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::process::Command::new("true").status().unwrap();
                }
            });
            let failed = (0..100).find_map(|_| Disk::open(folder.path(), 1 << 20).map(drop).err());
            done.store(true, Ordering::Relaxed);
            assert!(failed.is_none(), "{failed:?}");
        });
    }
}
