//! `loa extract`

use std::path::Path;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::Value;
use url::Url;

use super::{
    Common, Done, Failure, batch,
    found::{Library, Printed, Task},
    out, table,
};
use crate::{
    clock::{self, Clock},
    extract::Kind,
    model::Timestamp,
};

/// Reads saved pages and feeds: what the daemon would see in them. No network, no store
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa extract page.html                                        a table
  loa extract --as list --platform liferay6 --url https://a.example/tin-tuc list.html
  loa extract --as feed --json *.xml                           one JSON object per file and line
  curl -s https://a.example/rss | loa extract --json -
  loa extract --config loa.toml --platform mine list.html      a recipe of its `platforms`
  echo '{\"id\":1,\"file\":\"page.html\",\"as\":\"article\"}' | loa extract --batch

With --batch each line of standard input is a request, {\"id\",\"file\",\"url\",\"as\",\"content_type\",\"platform\"}
(all but `file` optional), and is answered by one line in the same order; {\"id\",\"error\"} where it cannot be.")]
pub(super) struct Arguments {
    /// Which files; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "batch")]
    files: Vec<String>,

    /// What they are
    #[arg(long = "as", value_name = "KIND", default_value = "auto")]
    kind: As,

    /// Where they stand: the base of their links
    #[arg(long, value_name = "BASE")]
    url: Option<Url>,

    /// The recipe that reads them; recognized by the page when absent
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,

    /// Their `Content-Type`, where they were served with one
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,

    /// When they were fetched, for dates like "yesterday": RFC 3339; now when absent
    #[arg(long, value_name = "TIME")]
    fetched_at: Option<Timestamp>,

    /// One JSON object per file and line
    #[arg(long)]
    json: bool,

    /// Answers requests from standard input
    #[arg(long, conflicts_with = "files")]
    batch: bool,
}

/// What a document is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum As {
    /// RSS, Atom, JSON Feed
    Feed,
    /// A page that lists articles
    List,
    /// A page of one article
    Article,
    /// Whatever it looks like
    Auto,
}

/// What holds for every file of a call.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) kind: As,
    pub(super) url: Option<Url>,
    pub(super) platform: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) fetched: Timestamp,
}

pub(super) fn main(common: &Common, arguments: Arguments) -> Done {
    let library = Library::new(common.path()).map_err(Failure::Configuration)?;
    library.check(arguments.platform.as_deref()).map_err(Failure::Usage)?;
    let defaults = Defaults {
        kind: arguments.kind,
        url: arguments.url,
        platform: arguments.platform,
        content_type: arguments.content_type,
        fetched: arguments.fetched_at.unwrap_or_else(|| clock::System.now()),
    };
    if arguments.batch {
        return Ok(batch::main(&library, &defaults)?);
    }
    let mut failed = false;
    for file in &arguments.files {
        match read(file, &library, &defaults) {
            Ok(printed) if arguments.json => {
                out::line(&serde_json::to_string(&printed).context("cannot print")?)?;
            }
            Ok(printed) => out::text(&describe(&printed))?,
            Err(error) => {
                out::complain(&out::chain(&error));
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

fn read(file: &str, library: &Library, defaults: &Defaults) -> anyhow::Result<Printed> {
    let bytes = bytes(file)?;
    Ok(library.read(&Task {
        id: Value::Null,
        file: Some(file),
        bytes: &bytes,
        content_type: defaults.content_type.as_deref(),
        url: defaults.url.as_ref(),
        kind: defaults.kind.kind(),
        platform: defaults.platform.as_deref(),
        fetched: defaults.fetched,
    }))
}

/// The bytes of a file, or of standard input for `-`.
pub(super) fn bytes(file: &str) -> anyhow::Result<Vec<u8>> {
    let read = if file == "-" { out::read_input() } else { std::fs::read(Path::new(file)) };
    read.with_context(|| format!("cannot read `{file}`"))
}

// === impl As ===

impl As {
    /// `None` for `auto`.
    pub(super) fn kind(self) -> Option<Kind> {
        match self {
            Self::Feed => Some(Kind::Feed),
            Self::List => Some(Kind::List),
            Self::Article => Some(Kind::Article),
            Self::Auto => None,
        }
    }
}

fn describe(printed: &Printed) -> String {
    let file = table::cell(printed.file.as_deref().unwrap_or_default(), 200);
    let title =
        printed.title.as_deref().map_or_else(String::new, |title| format!(" “{}”", table::cell(title, 100)));
    let (n_items, plural) = (printed.items.len(), if printed.items.len() == 1 { "" } else { "s" });
    let (kind, format, encoding) = (printed.kind, &printed.format, &printed.encoding);
    let mut lines = format!("{file}: {kind} ({format}, {encoding}){title}, {n_items} item{plural}\n");
    if !printed.items.is_empty() {
        let mut items = table::table(&["", "published", "title", "url", "key"]);
        for (number, item) in printed.items.iter().enumerate() {
            items.add_row([
                (number + 1).to_string(),
                item.published.clone().unwrap_or_else(|| "–".to_owned()),
                table::cell(item.title.as_deref().unwrap_or("–"), 120),
                table::cell(item.url.as_deref().unwrap_or("–"), 160),
                table::cell(item.keys.first().map_or("–", String::as_str), 120),
            ]);
        }
        lines.push_str(&table::print(&items));
    }
    for issue in &printed.issues {
        let at = issue.at.as_deref().map_or_else(String::new, |at| format!(" ({})", table::cell(at, 200)));
        lines.push_str(&format!("{}: {}{at}\n", issue.severity, table::cell(&issue.message, 300)));
    }
    lines
}
