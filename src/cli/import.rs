//! `loa import`

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;

use super::{Common, Done, block_on, export, out};
use crate::{
    config::Config,
    store::{
        self, Record, Store,
        lines::{self, Read},
    },
};

/// Fills an empty store from an export
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa import backup.jsonl
  loa import backup.jsonl --set store.path=/var/lib/loa")]
pub(super) struct Arguments {
    /// What `loa export` wrote
    file: PathBuf,
}

/// Records written at once.
const CHUNK: usize = 100;

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let count = block_on(import(&config, &arguments.file))?;
    Ok(out::line(&format!("{count} records imported from `{}`", arguments.file.display()))?)
}

async fn import(config: &Config, path: &Path) -> anyhow::Result<u64> {
    let kind = std::fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if !kind.is_file() {
        bail!("cannot import `{}`: it is read twice, so it must be a file, not a pipe", path.display());
    }
    // The whole file is looked at before the first record is written: a broken one leaves the store as it was.
    let count = each(path, |_, _| Ok(()))?;
    let store = store::open(&config.store).await?;
    if !store.dump(None, 1).await?.is_empty() {
        let place =
            config.store.path.as_ref().map_or_else(String::new, |path| format!(" `{}`", path.display()));
        bail!("the store{place} is not empty\nhint: import into a new one: `--set store.path=FOLDER`");
    }
    fill(store.as_ref(), path).await?;
    Ok(count)
}

async fn fill(store: &dyn Store, path: &Path) -> anyhow::Result<()> {
    let progress = export::progress("records read");
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<(usize, Record)>(CHUNK);
    let reading = path.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        each(&reading, |line, record| {
            sender.blocking_send((line, record)).context("the store stopped taking records")
        })
    });
    let mut numbered = Vec::with_capacity(CHUNK);
    while receiver.recv_many(&mut numbered, CHUNK).await > 0 {
        progress.inc(numbered.len() as u64);
        restore(store, std::mem::take(&mut numbered), path).await?;
    }
    reader.await.context("cannot read the export")??;
    progress.finish_and_clear();
    Ok(())
}

/// Writes some records; when the store refuses them, names the line that it refuses.
async fn restore(store: &dyn Store, numbered: Vec<(usize, Record)>, path: &Path) -> anyhow::Result<()> {
    let records: Vec<Record> = numbered.iter().map(|(_, record)| record.clone()).collect();
    if store.restore(records).await.is_ok() {
        return Ok(());
    }
    for (line, record) in numbered {
        store
            .restore(vec![record])
            .await
            .with_context(|| format!("cannot import line {line} of `{}`", path.display()))?;
    }
    Ok(())
}

/// Calls `visit` with the line number and the record of every line, and checks header and end.
fn each(path: &Path, mut visit: impl FnMut(usize, Record) -> anyhow::Result<()>) -> anyhow::Result<u64> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    let mut rest = BufReader::new(file).lines();
    let first = rest.next().transpose().with_context(|| format!("cannot read line 1 of `{name}`"))?;
    check_header(first.as_deref().unwrap_or_default()).with_context(|| format!("cannot import `{name}`"))?;
    let mut count = 0;
    let mut end = None;
    for (number, line) in (2..).zip(rest) {
        let line = line.with_context(|| format!("cannot read line {number} of `{name}`"))?;
        if line.trim().is_empty() {
            continue;
        }
        match lines::read(&line) {
            Ok(Read::Record(record)) if end.is_none() => visit(number, record)?,
            Ok(Read::End(mark)) if end.is_none() => {
                end = Some(mark.loa_export_end);
                continue;
            }
            Ok(Read::Header(_)) => bail!("line {number} of `{name}` is a second header"),
            Ok(_) => bail!("line {number} of `{name}` stands behind the end"),
            Err(wrong) => bail!("line {number} of `{name}` is broken: {wrong}"),
        }
        count += 1;
    }
    match end {
        Some(expected) if expected == count => Ok(count),
        Some(expected) => bail!("`{name}` has {count} records, and its end says {expected}"),
        None => bail!("`{name}` is cut off after {count} records\nhint: make the export again"),
    }
}

fn check_header(line: &str) -> anyhow::Result<()> {
    match lines::read(line) {
        Ok(Read::Header(header)) if header.loa_export == lines::FORM => Ok(()),
        Ok(Read::Header(header)) => {
            bail!("its form is {}, and this program reads form {}", header.loa_export, lines::FORM)
        }
        _ => bail!("line 1 is not the header of an export\nhint: use a file that `loa export` wrote"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"loa_export\":1,\"version\":\"0.1.0\",\"at\":\"2026-03-05T02:15:09Z\"}\n";
    const RECORD: &str = "{\"key\":\"6100\",\"value\":{\"a\":1}}\n";

    fn read(text: &str) -> Result<u64, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        each(file.path(), |_, _| Ok(())).map_err(|error| out::chain(&error))
    }

    #[test]
    fn reads_a_whole_export_and_no_half_one() {
        assert_eq!(read(&format!("{HEADER}{RECORD}{RECORD}{{\"loa_export_end\":2}}\n")), Ok(2));
        assert_eq!(read(&format!("{HEADER}{{\"loa_export_end\":0}}\n")), Ok(0));
        let check = |text: &str, part: &str| {
            let message = read(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        };
        check("", "line 1 is not the header");
        check(RECORD, "line 1 is not the header");
        check(&HEADER.replace(":1,", ":2,"), "its form is 2");
        check(&format!("{HEADER}{RECORD}"), "cut off after 1 records");
        check(&format!("{HEADER}{RECORD}{{\"key\":"), "line 3");
        check(&format!("{HEADER}{RECORD}{{\"loa_export_end\":2}}\n"), "has 1 records, and its end says 2");
        check(&format!("{HEADER}{{\"loa_export_end\":0}}\n{RECORD}"), "line 3");
        check(&format!("{HEADER}{HEADER}"), "second header");
    }
}
