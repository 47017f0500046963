//! `loa push`

use std::{io::Read, path::PathBuf};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Common, Done, Failure,
    api::{self, Daemon, path_part},
    block_on, out,
    run::{describe, unknown},
};
use crate::{
    app,
    config::Config,
    ingest::{self, brought::Push, brought::Refusal},
    model::{ArticleId, SourceId},
    web::api::pushed,
};

/// Brings articles to a source that takes them (`pushed = true`), or takes one back
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa push ward notice.json             a JSON Feed item, or several in an array or one a line
  loa push ward feed.xml page.html      whole feeds, and pages of single articles
  my-cms export | loa push ward -       from another program
  loa push ward archive.json --quiet    nobody is told of what is new in it
  loa push ward notice.json --dry-run   what would become of it
  loa push ward --withdraw 0d5cbbe4-1a30-5b9e-a9b1-6a5f6ef8e6e5")]
pub(super) struct Arguments {
    /// Which source
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Files to bring; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "withdraw")]
    files: Vec<PathBuf>,

    /// Store and show what is new, but tell nobody
    #[arg(long)]
    quiet: bool,

    /// Tell subscribers of all that is new, however much it is
    #[arg(long, conflicts_with = "quiet")]
    announce: bool,

    /// Only say what would become of it
    #[arg(long)]
    dry_run: bool,

    /// Take an article back, by its id
    #[arg(long, value_name = "ID", conflicts_with_all = ["files", "quiet", "announce", "dry_run"])]
    withdraw: Option<String>,

    /// One JSON object per file and line
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let known = config.ingest.sources.iter().find(|source| source.id.as_str() == arguments.source);
    let id = known.map(|source| source.id.clone()).ok_or_else(|| unknown(&config, &arguments.source))?;
    if let Some(article) = &arguments.withdraw {
        return take_back(&config, &id, article, arguments.json);
    }
    for file in &arguments.files {
        let receipt = block_on(push(&config, &id, read(file)?, arguments))?;
        out::text(&if arguments.json { format!("{receipt}\n") } else { describe(&receipt) })?;
    }
    Ok(())
}

fn read(file: &PathBuf) -> anyhow::Result<Bytes> {
    if file.as_os_str() == "-" {
        let mut whole = Vec::new();
        std::io::stdin().lock().read_to_end(&mut whole).context("cannot read standard input")?;
        return Ok(whole.into());
    }
    Ok(std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?.into())
}

async fn push(config: &Config, id: &SourceId, body: Bytes, arguments: &Arguments) -> anyhow::Result<Value> {
    let announce = (arguments.quiet || arguments.announce).then_some(arguments.announce);
    let push = Push { body: body.clone(), content_type: None, announce, rehearse: arguments.dry_run };
    match app::push_once(config.clone(), id, push).await {
        Ok(receipt) => Ok(pushed::view(&receipt)),
        Err(error) if api::is_locked(&error) => {
            let announce = announce.map_or_else(String::new, |announce| format!("&announce={announce}"));
            let path = format!("api/v1/sources/{id}/articles?dry_run={}{announce}", arguments.dry_run);
            let answer = Daemon::of(config)?.send(Method::POST, &path, Some(body)).await?;
            Ok(serde_json::from_slice(&answer.body)?)
        }
        Err(error) => Err(hinted(error)),
    }
}

fn take_back(config: &Config, id: &SourceId, article: &str, json: bool) -> Done {
    let parsed: ArticleId =
        article.parse().map_err(|_| Failure::Usage(format!("`{article}` is no id of an article")))?;
    let withdrawn = block_on(async {
        match app::take_back_once(config.clone(), id, parsed).await {
            Ok(withdrawn) => Ok(json!({ "id": parsed.to_string(), "withdrawn": withdrawn })),
            Err(error) if api::is_locked(&error) => {
                let path = format!("api/v1/sources/{id}/articles/{}", path_part(article));
                let answer = Daemon::of(config)?.send(Method::DELETE, &path, None).await?;
                Ok(serde_json::from_slice::<Value>(&answer.body)?)
            }
            Err(error) => Err(error),
        }
    })?;
    let text = match (json, withdrawn["withdrawn"] == true) {
        (true, _) => format!("{withdrawn}\n"),
        (false, true) => format!("`{article}` is withdrawn\n"),
        (false, false) => format!("`{article}` was withdrawn before\n"),
    };
    Ok(out::text(&text)?)
}

/// What to do about a refusal.
fn hinted(error: anyhow::Error) -> anyhow::Error {
    let hint = match error.downcast_ref::<ingest::Error>() {
        Some(ingest::Error::Refused(Refusal::Flood { .. })) => "say `--announce` or `--quiet`",
        Some(ingest::Error::Refused(Refusal::Watched(_))) => {
            "a source takes articles when its configuration says `pushed = true`"
        }
        Some(ingest::Error::Refused(Refusal::Unread(_))) => {
            "bring a JSON Feed item, several of them in an array, a feed, or a page"
        }
        _ => return error,
    };
    anyhow::anyhow!("{error}\nhint: {hint}")
}
