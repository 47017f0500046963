//! `loa export`

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Common, Done, api::Daemon, block_on};
use crate::{
    clock::{self, Clock},
    config::Config,
    store::{
        self, Store,
        lines::{self, Read},
    },
};

/// Everything in the store as JSON Lines, also while the daemon runs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa export backup.jsonl
  loa export | zstd > backup.jsonl.zst
  loa export --config loa.toml backup.jsonl

While a daemon runs, its export goes through the memory of this command. A very large
one can be streamed, and `loa import` reads it too:
  curl -fH \"Authorization: Bearer $(cat data/api-token)\" \\
    http://127.0.0.1:8080/api/v1/export > backup.jsonl")]
pub(super) struct Arguments {
    /// Where to; standard output without it
    file: Option<PathBuf>,
}

/// Records read at once.
const CHUNK: usize = 500;

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let Some(path) = &arguments.file else {
        let mut out = io::stdout().lock();
        block_on(write(&config, &mut BufWriter::new(&mut out)))?;
        return Ok(());
    };
    let partial = partial(path);
    let done = block_on(to_file(&config, &partial));
    if done.is_err() {
        // What is left is of no use; that it could not be removed changes nothing.
        std::fs::remove_file(&partial).ok();
    }
    done?;
    std::fs::rename(&partial, path)
        .with_context(|| format!("cannot rename `{}` to `{}`", partial.display(), path.display()))?;
    Ok(())
}

/// Written aside and renamed at the end, so that a broken export never replaces a good one.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

async fn to_file(config: &Config, path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    let mut out = BufWriter::new(file);
    write(config, &mut out).await?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes a whole export.
async fn write(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(path) = config.store.path.as_ref().filter(|path| !path.exists()) {
        bail!(
            "there is no store at `{}`\nhint: name the configuration that the daemon runs with",
            path.display()
        );
    }
    match store::open(&config.store).await {
        Ok(store) => from_store(store.as_ref(), out).await?,
        Err(store::Error::Locked { .. }) => {
            // The answer is held whole: it is looked at before it is a backup.
            let answer = Daemon::of(config)?.get("api/v1/export").await?;
            from_daemon(&answer.body, out)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(out.flush()?)
}

async fn from_store(store: &dyn Store, out: &mut impl Write) -> anyhow::Result<()> {
    out.write_all(lines::header(clock::System.now()).as_bytes())?;
    let progress = progress("records written");
    let mut after = None;
    loop {
        let chunk = store.dump(after, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        after = Some(last.key.clone());
        for record in &chunk {
            out.write_all(lines::record(record).as_bytes())?;
        }
        progress.inc(chunk.len() as u64);
    }
    progress.finish_and_clear();
    Ok(out.write_all(lines::end(progress.position()).as_bytes())?)
}

/// The daemon's export, each line looked at: what is not one does not get into a backup, nor does half of one.
fn from_daemon(body: &[u8], out: &mut impl Write) -> anyhow::Result<()> {
    let text = std::str::from_utf8(body).context("the daemon's export is not UTF-8")?;
    let (mut count, mut end) = (0, None);
    for (number, line) in (1..).zip(text.lines()) {
        match lines::read(line) {
            Ok(Read::Header(_)) if number == 1 => {}
            Ok(Read::Record(_)) if number > 1 && end.is_none() => count += 1,
            Ok(Read::End(mark)) if number > 1 && end.is_none() => end = Some(mark.loa_export_end),
            Ok(_) => bail!("line {number} of the daemon's export stands where it cannot"),
            Err(wrong) => bail!("line {number} of the daemon's export is broken: {wrong}"),
        }
    }
    if end != Some(count) {
        bail!("the daemon's export broke off after {count} records\nhint: its log says why; try again");
    }
    Ok(out.write_all(body)?)
}

/// A counter on standard error, only on a terminal.
pub(super) fn progress(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{spinner}} {{human_pos}} {what}, {{per_sec}}"));
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_export_is_taken_whole_or_not_at_all() {
        const HEADER: &str = "{\"loa_export\":1,\"version\":\"x\",\"at\":\"y\"}\n";
        const RECORD: &str = "{\"key\":\"00\",\"value\":1}\n";
        let whole = format!("{HEADER}{RECORD}{RECORD}{{\"loa_export_end\":2}}\n");
        let mut out = Vec::new();
        from_daemon(whole.as_bytes(), &mut out).unwrap();
        assert_eq!(out, whole.as_bytes());
        let check = |body: &str, part: &str| {
            let mut out = Vec::new();
            let error = from_daemon(body.as_bytes(), &mut out).unwrap_err().to_string();
            assert!(error.contains(part) && out.is_empty(), "{body}: {error}");
        };
        check("", "broke off after 0");
        check(&format!("{HEADER}{RECORD}"), "broke off after 1");
        check(&format!("{HEADER}{RECORD}{{\"loa_export_end\":2}}\n"), "broke off after 1");
        check(&format!("{HEADER}{{\"key\":\"01\","), "line 2 of the daemon's export is broken");
        check(&format!("{HEADER}{HEADER}"), "line 2");
        check(RECORD, "line 1");
        check(&format!("{whole}{RECORD}"), "line 5");
    }

    #[test]
    fn a_partial_file_stands_beside_the_whole_one() {
        assert_eq!(partial(Path::new("/a/b.jsonl")), Path::new("/a/b.jsonl.partial"));
        assert_eq!(partial(Path::new("b")), Path::new("b.partial"));
    }
}
