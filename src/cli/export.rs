//! `loa export`

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Common, Done,
    api::{self, Daemon},
    block_on, records,
};
use crate::{
    clock::{self, Clock},
    config::Config,
    store::{self, Store},
};

/// Everything in the store as JSON Lines, also while the daemon runs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa export backup.jsonl
  loa export | zstd > backup.jsonl.zst
  loa export --config loa.toml backup.jsonl")]
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
        block_on(async {
            write(&config, &mut BufWriter::new(&mut out)).await.context("cannot export").map(drop)
        })?;
        return Ok(());
    };
    if path.exists() && !path.is_file() {
        // A device or a pipe is written to and never replaced.
        block_on(to_file(&config, path))?;
        return Ok(());
    }
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
    write(config, &mut out).await.with_context(|| format!("cannot write `{}`", path.display()))?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    if path.is_file() {
        file.sync_all().with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// Writes a whole export and gives the number of its records.
async fn write(config: &Config, out: &mut impl Write) -> anyhow::Result<u64> {
    let header = records::Header {
        loa_export: records::FORM,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: clock::System.now().to_string(),
    };
    if let Some(path) = config.store.path.as_ref().filter(|path| !path.exists()) {
        bail!(
            "there is no store at `{}`\nhint: name the configuration that the daemon runs with",
            path.display()
        );
    }
    let count = match store::open(&config.store).await {
        Ok(store) => {
            writeln!(out, "{}", serde_json::to_string(&header)?)?;
            from_store(store.as_ref(), out).await?
        }
        Err(locked @ store::Error::Locked { .. }) => {
            debug_assert!(api::is_locked(&anyhow::Error::from(locked)));
            let answer = Daemon::of(config)?.get("api/v1/export").await?;
            writeln!(out, "{}", serde_json::to_string(&header)?)?;
            from_lines(&answer.body, out)?
        }
        Err(error) => return Err(error.into()),
    };
    writeln!(out, "{}", serde_json::to_string(&records::End { loa_export_end: count })?)?;
    out.flush()?;
    Ok(count)
}

async fn from_store(store: &dyn Store, out: &mut impl Write) -> anyhow::Result<u64> {
    let progress = progress("records written");
    let mut after = None;
    loop {
        let chunk = store.dump(after, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        after = Some(last.key.clone());
        for record in &chunk {
            writeln!(out, "{}", records::print(record))?;
        }
        progress.inc(chunk.len() as u64);
    }
    progress.finish_and_clear();
    Ok(progress.position())
}

/// The daemon's lines, each looked at: what is not a record does not get into a backup.
fn from_lines(body: &[u8], out: &mut impl Write) -> anyhow::Result<u64> {
    let text = std::str::from_utf8(body).context("the daemon's export is not UTF-8")?;
    let mut count = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        match records::read(line) {
            Ok(records::Read::Record(_)) => writeln!(out, "{line}")?,
            Ok(records::Read::Header(_) | records::Read::End(_)) => continue,
            Err(wrong) => bail!("line {} of the daemon's export is broken: {wrong}", number + 1),
        }
        count += 1;
    }
    Ok(count)
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
    fn the_daemons_lines_are_checked_and_counted() {
        let mut out = Vec::new();
        let body = b"{\"loa_export\":1,\"version\":\"x\",\"at\":\"y\"}\n{\"key\":\"00\",\"value\":1}\n{\"key\":\"01\",\"value\":2}\n";
        assert_eq!(from_lines(body, &mut out).unwrap(), 2);
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 2);
        let error =
            from_lines(b"{\"key\":\"00\",\"value\":1}\n{\"key\":\"01\",", &mut Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("line 2 "), "{error}");
    }

    #[test]
    fn a_partial_file_stands_beside_the_whole_one() {
        assert_eq!(partial(Path::new("/a/b.jsonl")), Path::new("/a/b.jsonl.partial"));
        assert_eq!(partial(Path::new("b")), Path::new("b.partial"));
    }
}
