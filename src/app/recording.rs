//! The folder of a recording: the exchange, the configuration that it was made with, and what was read.

use std::{
    fs,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::{Clock, System},
    config::{Excerpt, RECIPES},
    model::Timestamp,
    net::tape::{self, Playback, Recorder, Wire},
};

/// The exchange.
const WARC: &str = "exchange.warc.gz";
/// What it is a recording of.
const META: &str = "meta.json";
/// The configuration.
const SOURCE: &str = "source.toml";
/// The version of this form.
const FORM: u32 = 1;
/// The most bytes of `meta.json`.
const MOST_META: u64 = 16 << 20;

/// What was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// A source of the configuration, by its id.
    Source(String),
    /// An address that no configuration names.
    Address {
        /// The address, without credentials.
        url: String,
        /// The platform, where it was said and not recognized.
        platform: Option<String>,
        /// It may stand in a private network.
        allow_private: bool,
    },
}

/// What a recording says of itself: `meta.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// The version of this form.
    pub recording: u32,
    /// The version of the program.
    pub loa: String,
    /// When it began.
    pub started: String,
    /// What was tried.
    pub asked: Asked,
    /// It came to its end: it was not interrupted.
    pub complete: bool,
    /// How many exchanges were kept.
    pub exchanges: usize,
    /// What was read, step by step, as `loa try --json` prints it.
    pub steps: Vec<Value>,
    /// The report of the pass; null where none was made.
    pub report: Value,
    /// Why there was no pass.
    pub failed: Option<String>,
}

/// A recording that is being made.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    recorder: Recorder,
    meta: Meta,
}

/// A recording that was made.
#[derive(Debug)]
pub struct Replay {
    /// What it says of itself.
    pub meta: Meta,
    /// The exchange.
    pub playback: Playback,
    /// The configuration that it was made with.
    pub config: PathBuf,
}

// === impl Recording ===

impl Recording {
    /// Begins one in a folder that is empty or not there; with `force`, also in the place of another recording.
    pub fn begin(folder: &Path, force: bool, asked: Asked, excerpt: &Excerpt) -> anyhow::Result<Self> {
        let cannot = || format!("cannot record in `{}`", folder.display());
        make_room(folder, force).with_context(cannot)?;
        let clock = Arc::new(System);
        let meta = Meta {
            recording: FORM,
            loa: env!("CARGO_PKG_VERSION").to_owned(),
            started: clock.now().to_string(),
            asked,
            complete: false,
            exchanges: 0,
            steps: Vec::new(),
            report: Value::Null,
            failed: None,
        };
        write(folder, META, &print(&meta)).with_context(cannot)?;
        write(folder, SOURCE, &excerpt.text).with_context(cannot)?;
        if !excerpt.recipes.is_empty() {
            fs::create_dir_all(folder.join(RECIPES)).with_context(cannot)?;
        }
        for (number, (_, text)) in excerpt.recipes.iter().enumerate() {
            // The name of a recipe may be anything, and stands in it.
            write(&folder.join(RECIPES), &format!("{}.toml", number + 1), text).with_context(cannot)?;
        }
        let file = fs::File::create(folder.join(WARC)).with_context(cannot)?;
        let recorder = Recorder::new(file, clock).with_context(cannot)?;
        Ok(Self { folder: folder.to_owned(), recorder, meta })
    }

    /// For the client whose exchanges are to be kept.
    pub fn wire(&self) -> Wire {
        Wire::Recording(self.recorder.clone())
    }

    /// Keeps nothing more.
    pub fn stop(&self) {
        self.recorder.stop();
    }

    /// Ends it, and says how many exchanges it has. What is under way is not kept: with `complete` nothing is.
    pub fn end(
        mut self,
        complete: bool,
        steps: Vec<Value>,
        read: Result<Value, String>,
    ) -> anyhow::Result<usize> {
        let cannot = || format!("the recording in `{}` is not whole", self.folder.display());
        let n_exchanges = self.recorder.close().with_context(cannot)?;
        let meta = &mut self.meta;
        (meta.complete, meta.exchanges) = (complete, n_exchanges);
        meta.steps = steps.into_iter().map(redacted).collect();
        match read {
            Ok(report) => meta.report = redacted(report),
            Err(failed) => meta.failed = Some(tape::redacted(&failed)),
        }
        write(&self.folder, META, &print(&self.meta)).with_context(cannot)?;
        Ok(n_exchanges)
    }
}

/// A value with every text in it without credentials.
fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(tape::redacted(&text)),
        Value::Array(values) => values.into_iter().map(redacted).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, redacted(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Makes sure that there is a folder without a recording in it, and overwrites nothing of anybody else's.
fn make_room(folder: &Path, force: bool) -> anyhow::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()?,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(fs::create_dir_all(folder)?),
        Err(cause) => return Err(cause.into()),
    };
    let has_recording = [WARC, META].iter().any(|name| entries.iter().any(|entry| entry == name));
    if entries.is_empty() {
        return Ok(());
    }
    if !has_recording {
        bail!("it has other files in it\nhint: name a folder that is empty, or a new one");
    }
    if !force {
        bail!("there is a recording already\nhint: name another folder, or write over it with `--force`");
    }
    for name in [WARC, META, SOURCE] {
        absent(fs::remove_file(folder.join(name)))?;
    }
    absent(fs::remove_dir_all(folder.join(RECIPES)))?;
    Ok(())
}

/// What is not there need not be removed.
fn absent(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

fn print(meta: &Meta) -> String {
    let text = serde_json::to_string_pretty(meta).expect("texts and numbers are JSON");
    format!("{text}\n")
}

/// Writes a file whole, or leaves what was there.
fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let draft = folder.join(format!("{name}.new"));
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, folder.join(name)));
    if written.is_err() {
        // It is of no use, and may be what fills the disk.
        absent(fs::remove_file(&draft)).ok();
    }
    written
}

// === impl Replay ===

impl Replay {
    /// Opens what [`Recording`] wrote. One that was interrupted may end within a record; a finished one may not.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let meta = read_meta(&folder.join(META))?;
        let started: Option<Timestamp> = meta.started.parse().ok();
        let path = folder.join(WARC);
        let cannot = || format!("cannot replay `{}`", path.display());
        let file = fs::File::open(&path).with_context(cannot)?;
        let playback = Playback::read(file, started.unwrap_or_default()).with_context(cannot)?;
        if let Some(damage) = playback.damage().filter(|_| meta.complete) {
            return Err(
                anyhow::anyhow!("{damage}\nhint: copy it again from where it was made").context(cannot())
            );
        }
        if meta.complete && playback.n_exchanges() != meta.exchanges {
            let (found, said) = (playback.n_exchanges(), meta.exchanges);
            let problem =
                anyhow::anyhow!("it has {found} exchanges, and `{META}` speaks of {said}: it is not whole");
            return Err(problem.context(cannot()));
        }
        Ok(Self { meta, playback, config: folder.join(SOURCE) })
    }
}

fn read_meta(path: &Path) -> anyhow::Result<Meta> {
    let cannot = || format!("cannot replay: `{}` cannot be read", path.display());
    let file = fs::File::open(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "there is no such file\nhint: name a folder that `loa try SOURCE --record DIR` wrote"
        ),
        _ => cause.into(),
    });
    let mut text = String::new();
    let n_read = file.with_context(cannot)?.take(MOST_META).read_to_string(&mut text).with_context(cannot)?;
    if n_read as u64 == MOST_META {
        return Err(
            anyhow::anyhow!("it has more than {} MiB, which is the limit", MOST_META >> 20).context(cannot())
        );
    }
    let value: Value = serde_json::from_str(&text).with_context(cannot)?;
    if let Some(form) = value["recording"].as_u64().filter(|form| *form != u64::from(FORM)) {
        let hint = "hint: a newer loa wrote it; take that one";
        return Err(
            anyhow::anyhow!("it has form {form}, and this loa knows form {FORM}\n{hint}").context(cannot())
        );
    }
    let meta: Meta = serde_json::from_value(value)
        .context("it is not what `loa try --record` writes")
        .with_context(cannot)?;
    if meta.started.parse::<Timestamp>().is_err() {
        return Err(anyhow::anyhow!("`started` is no date: `{}`", meta.started).context(cannot()));
    }
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt() -> Excerpt {
        Excerpt {
            text: "[net]\n".to_owned(),
            recipes: vec![("../x".to_owned(), "name = '../x'\n".to_owned())],
        }
    }

    fn begin(folder: &Path, force: bool) -> anyhow::Result<Recording> {
        Recording::begin(folder, force, Asked::Source("a".to_owned()), &excerpt())
    }

    fn said<T>(result: anyhow::Result<T>) -> String {
        result.err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    #[test]
    fn a_recording_is_never_overwritten_silently_and_other_files_never() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("deep/er");
        begin(&folder, false).unwrap().end(true, Vec::new(), Ok(Value::Null)).unwrap();
        assert!(folder.join("recipes/1.toml").exists(), "the name of a recipe leads nowhere");
        let refused = said(begin(&folder, false));
        assert!(
            refused.contains("already") && refused.contains("hint:") && refused.contains("--force"),
            "{refused}"
        );
        begin(&folder, true).unwrap().end(true, Vec::new(), Ok(Value::Null)).unwrap();
        assert!(Replay::open(&folder).unwrap().meta.complete);
        fs::write(scratch.path().join("loa.toml"), "mine").unwrap();
        for force in [false, true] {
            assert!(said(begin(scratch.path(), force)).contains("other files"));
        }
        assert!(said(begin(&scratch.path().join("loa.toml"), true)).contains("cannot record"));
    }

    #[test]
    fn an_interrupted_recording_may_end_anywhere_and_a_finished_one_may_not() {
        let scratch = tempfile::tempdir().unwrap();
        let recording = begin(scratch.path(), false).unwrap();
        let path = scratch.path().join(WARC);
        let whole = fs::read(&path).unwrap();
        let torn = [whole.as_slice(), &whole[..20]].concat();
        fs::write(&path, &torn).unwrap();
        assert!(Replay::open(scratch.path()).unwrap().playback.damage().is_some());
        recording.end(true, Vec::new(), Ok(Value::Null)).unwrap();
        let refused = said(Replay::open(scratch.path()));
        assert!(refused.contains("ends within record 2") && refused.contains("hint:"), "{refused}");
        fs::write(&path, b"").unwrap();
        assert!(said(Replay::open(scratch.path())).contains("ends within record 1"));
    }

    #[test]
    fn what_is_no_meta_json_is_said() {
        let scratch = tempfile::tempdir().unwrap();
        let check = |text: Option<&str>, part: &str| {
            if let Some(text) = text {
                fs::write(scratch.path().join(META), text).unwrap();
            }
            let said = said(Replay::open(scratch.path()));
            assert!(said.contains(part) && said.contains(META), "`{part}` is not in `{said}`");
        };
        check(None, "hint: name a folder that `loa try SOURCE --record DIR` wrote");
        check(Some("{"), "EOF while parsing");
        check(Some("{}"), "not what `loa try --record` writes");
        check(Some("{\"recording\": 9}"), "form 9");
        let meta = r#"{"recording":1,"loa":"0","started":"x","asked":{"source":"a"},"complete":true,"exchanges":0,"steps":[],"report":null,"failed":null}"#;
        check(Some(meta), "`started` is no date");
    }
}
