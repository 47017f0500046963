//! Files that somebody puts into a folder: each is a document of its own.
//!
//! A file is read when it is new or was replaced (its length or its time is another one), and never touched. What was read
//! stays when the file goes. Links are not followed: who may write into the folder shall not choose what else is read.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use url::Url;

use super::{flaw, is_fault, push::is_flood};
use crate::{
    extract::Kind,
    ingest::{document::Parsed, pass::Walk, quality::Mode},
    model::{Draft, IdentityKey, Issue, PageState, Reason, Severity, Timestamp, Validators},
    store,
};

/// Files that one look reads, and bytes of them; the others come with the next look.
const MOST_FILES: usize = 100;
const MOST_BYTES: u64 = 64 << 20;
/// Files of one folder that are looked at: the newest ones.
const MOST_WATCHED: usize = 2_000;
/// A file that changed less than this ago may still be written.
const SETTLED: Duration = Duration::from_secs(2);
/// Ends of the names under which programs write what is not whole yet.
const UNFINISHED: [&str; 6] = ["~", ".tmp", ".temp", ".part", ".partial", ".crdownload"];

/// A file as the folder lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    name: String,
    path: PathBuf,
    length: u64,
    /// When it was changed.
    at: SystemTime,
}

/// What a look reads.
#[derive(Debug, Default)]
struct Chosen {
    /// Oldest first.
    files: Vec<File>,
    /// Is something left for the next look?
    is_left: bool,
}

impl Walk<'_> {
    /// One look into a folder.
    pub(in crate::ingest) async fn look_into(&mut self, folder: &Path) -> store::Result<()> {
        let path = folder.to_owned();
        let listed = tokio::task::spawn_blocking(move || list(&path)).await;
        let mut files = match listed.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
            Ok(files) => files,
            Err(cause) => {
                let message = format!("cannot read the folder `{}`: {cause}", folder.display());
                self.fail(Issue::error("folder-unreadable", message), None);
                return Ok(());
            }
        };
        if files.len() > MOST_WATCHED {
            let n_left = files.len() - MOST_WATCHED;
            let message = format!(
                "there are more than {MOST_WATCHED} files in the folder: the {n_left} oldest are not looked at; \
                 move away what was read"
            );
            self.wrong(Issue::warning("folder-too-full", message));
            files.drain(..n_left);
        }
        // Files that are gone need not be remembered.
        self.state.pages.retain(|page| files.iter().any(|file| file.name == page.key));
        let chosen = choose(files, &self.state.pages, self.at);
        let (mut pages, mut drafts) = (Vec::new(), Vec::new());
        for file in chosen.files {
            let page = PageState {
                key: file.name.clone(),
                validators: Validators { etag: Some(stamp(&file)), last_modified: None },
                checked: Some(self.at),
                ..PageState::default()
            };
            match self.read_file(&file).await {
                Ok((found, of_file)) => {
                    for issue in found.issues.into_iter().filter(is_fault) {
                        let place = place(&file.name, &issue.at);
                        self.report.issues.push(issue.at(place));
                    }
                    drafts.extend(of_file);
                    pages.push(page);
                }
                Err(issue) => {
                    // It is read again at every look: what is wrong with it is to be seen until it is mended.
                    let place = place(&file.name, &issue.at);
                    self.wrong(Issue { severity: Severity::Warning, ..issue }.at(place));
                }
            }
        }
        self.report.items = drafts.len();
        self.take_files(drafts, pages, !chosen.is_left).await
    }

    async fn take_files(
        &mut self,
        drafts: Vec<(Draft, Vec<IdentityKey>)>,
        pages: Vec<PageState>,
        complete: bool,
    ) -> store::Result<()> {
        let items = self.identify(drafts).await?;
        let new = items.iter().filter(|item| item.known.is_none()).count();
        let is_judged = self.state.backfilled && self.gate.accepted.is_none();
        if is_judged && self.source.gate.mode != Mode::Off && is_flood(self.source, new) {
            let reason = Reason {
                code: "flood".to_owned(),
                message: "there are far more new articles in the folder than are announced unasked"
                    .to_owned(),
                before: format!("at most {}", self.source.gate.max_new),
                after: new.to_string(),
            };
            if self.source.gate.mode == Mode::Hold {
                self.hold(vec![reason.clone()], None).await?;
                self.held(&[reason]);
                return Ok(());
            }
            self.wrong(crate::ingest::quality::issue(&reason, Severity::Warning));
        }
        if self.gate.accepted.is_some_and(|accepted| !accepted.announce) {
            self.state.backfilled = false;
        }
        self.take_whole(items).await?;
        for page in pages {
            self.put_page(page);
        }
        self.state.rules = self.source.rules;
        self.state.backfilled |= complete;
        self.taken(complete);
        self.succeed();
        Ok(())
    }

    async fn read_file(&mut self, file: &File) -> Result<Parsed, Issue> {
        let most = self.ingest.limits().max_body;
        if file.length > most {
            let message =
                format!("this file has {} bytes; at most {most} are read (`net.max_body`)", file.length);
            return Err(Issue::warning("too-large", message));
        }
        let path = file.path.clone();
        let read = tokio::task::spawn_blocking(move || fs::read(path)).await;
        let body = read.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(|cause| {
            Issue::warning("file-unreadable", format!("this file cannot be read: {cause}"))
        })?;
        let base: Url = self.source.url.clone();
        let parsed = self.parse(Bytes::from(body), None, base, Kind::Brought).await;
        match flaw(&parsed) {
            Some(issue) => Err(issue),
            None => Ok(parsed),
        }
    }
}

/// The files of a folder that may be read, oldest first.
fn list(folder: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || UNFINISHED.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        // Of the link, not of what it leads to.
        let Ok(metadata) = entry.metadata() else { continue };
        if let (true, Ok(at)) = (metadata.is_file(), metadata.modified()) {
            files.push(File { name, path: entry.path(), length: metadata.len(), at });
        }
    }
    files.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    Ok(files)
}

/// What this look reads of the files: those that are not known as they are.
fn choose(files: Vec<File>, known: &[PageState], now: Timestamp) -> Chosen {
    let is_known = |file: &File| {
        let stamp = Some(stamp(file));
        known.iter().any(|page| page.key == file.name && page.validators.etag == stamp)
    };
    let (mut chosen, mut bytes) = (Chosen::default(), 0);
    for file in files.into_iter().filter(|file| !is_known(file)) {
        let is_full = chosen.files.len() >= MOST_FILES || bytes + file.length > MOST_BYTES;
        if !is_settled(&file, now) || (is_full && !chosen.files.is_empty()) {
            chosen.is_left = true;
            continue;
        }
        bytes += file.length;
        chosen.files.push(file);
    }
    chosen
}

/// Was it left alone for long enough to be whole? A file from later than now was written by another clock.
fn is_settled(file: &File, now: Timestamp) -> bool {
    let Ok(at) = file.at.duration_since(SystemTime::UNIX_EPOCH) else { return true };
    let at = Timestamp::from_second(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
    at > now || now.since(at) >= SETTLED
}

/// What tells one state of a file from another.
fn stamp(file: &File) -> String {
    let at = file.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", file.length, at.as_nanos())
}

fn place(file: &str, within: &str) -> String {
    if within.is_empty() { file.to_owned() } else { format!("{file}, {within}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, length: u64, second: u64) -> File {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        File { name: name.to_owned(), path: PathBuf::from(name), length, at }
    }

    fn names(chosen: &Chosen) -> Vec<&str> {
        chosen.files.iter().map(|file| file.name.as_str()).collect()
    }

    fn read(file: &File) -> PageState {
        let validators = Validators { etag: Some(stamp(file)), last_modified: None };
        PageState { key: file.name.clone(), validators, ..PageState::default() }
    }

    #[test]
    fn new_and_replaced_files_are_read_when_they_were_left_alone() {
        let now = Timestamp::from_second(1_000);
        let (old, new) = (file("a.json", 10, 500), file("b.json", 10, 600));
        let known = [read(&old)];
        assert_eq!(names(&choose(vec![old, new], &known, now)), ["b.json"]);
        for replaced in [file("a.json", 11, 500), file("a.json", 10, 501)] {
            assert_eq!(names(&choose(vec![replaced], &known, now)), ["a.json"]);
        }
        for (second, is_left) in [(999, true), (998, false), (1_001, false)] {
            let chosen = choose(vec![file("c.json", 1, second)], &[], now);
            assert_eq!((chosen.is_left, chosen.files.is_empty()), (is_left, is_left), "{second}");
        }
    }

    #[test]
    fn one_look_reads_so_much_and_leaves_the_rest() {
        let now = Timestamp::from_second(100_000);
        let files: Vec<File> = (0..250).map(|n| file(&format!("{n}.json"), 1, n)).collect();
        let chosen = choose(files, &[], now);
        assert_eq!((chosen.files.len(), chosen.is_left, names(&chosen)[0]), (MOST_FILES, true, "0.json"));
        let large = choose(vec![file("a", MOST_BYTES + 1, 1), file("b", 1, 2)], &[], now);
        assert_eq!((names(&large), large.is_left), (vec!["a"], true), "one is always read");
    }

    #[test]
    fn only_whole_files_of_the_folder_itself_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.json", ".hidden", "a.json.tmp", "c.xml~", "d.part"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("inside")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link.json")).unwrap();
        let names: Vec<String> = list(folder.path()).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["b.json"]);
        assert!(list(&folder.path().join("missing")).is_err());
    }
}
