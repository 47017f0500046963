//! `loa accept`

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::{
    Common, Done, Failure,
    api::{self, Daemon},
    block_on, out,
    run::{describe, unknown},
    sources,
};
use crate::{app, config::Config, ingest, model::SourceId, web::api::sources as api_sources};

/// Lets through what is held of a source: with the next pass, which is made at once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa accept quan1 --show               why it is held
  loa accept quan1 --selectors          selectors that find its articles in the page as it is now
  loa accept quan1                      lets it through
  loa accept quan1 --quiet              and tells nobody of what is new in it")]
pub(super) struct Arguments {
    /// Which source
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Store and show what is new in it, but tell nobody
    #[arg(long)]
    quiet: bool,

    /// Tell subscribers of what is new in it
    #[arg(long, conflicts_with = "quiet")]
    announce: bool,

    /// Only say why it is held
    #[arg(long, conflicts_with_all = ["quiet", "announce"])]
    show: bool,

    /// Only print the selectors that are proposed, for the configuration
    #[arg(long, conflicts_with_all = ["quiet", "announce", "show"])]
    selectors: bool,

    /// JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let known = config.ingest.sources.iter().find(|source| source.id.as_str() == arguments.source);
    let id = known.map(|source| source.id.clone()).ok_or_else(|| unknown(&config, &arguments.source))?;
    if arguments.show || arguments.selectors {
        return show(&config, &id, arguments);
    }
    let announce = (arguments.quiet || arguments.announce).then_some(arguments.announce);
    let report = block_on(accept(config, &id, announce))?;
    out::text(&if arguments.json { format!("{report}\n") } else { describe(&report) })?;
    if report["failed"].is_null() { Ok(()) } else { Err(Failure::Said) }
}

async fn accept(config: Config, id: &SourceId, announce: Option<bool>) -> anyhow::Result<Value> {
    match app::accept_once(config.clone(), id, announce).await {
        Ok(report) => Ok(api_sources::report(&report)),
        Err(error) if api::is_locked(&error) => {
            let body = serde_json::json!({ "announce": announce }).to_string();
            let path = format!("api/v1/sources/{id}/accept");
            let answer = Daemon::of(&config)?.send(reqwest::Method::POST, &path, Some(body.into())).await?;
            Ok(serde_json::from_slice(&answer.body)?)
        }
        Err(error) => match error.downcast_ref::<ingest::Error>() {
            Some(ingest::Error::Undecided { .. }) => {
                bail!("{error}\nhint: say `--announce` or `--quiet`")
            }
            _ => Err(error),
        },
    }
}

fn show(config: &Config, id: &SourceId, arguments: &Arguments) -> Done {
    let all = block_on(sources::health(config))?;
    let source = all.into_iter().find(|source| source["id"] == id.as_str()).unwrap_or_default();
    let held = &source["held"];
    if held.is_null() {
        return Err(Failure::Failed(anyhow::anyhow!("no run of `{id}` is held")));
    }
    if arguments.json {
        return Ok(out::text(&format!("{held}\n"))?);
    }
    let proposal = held["proposal"].as_str();
    if arguments.selectors {
        let Some(proposal) = proposal else {
            let hint =
                "its page may have no list any more, or it is a feed; `loa try` shows what stands there";
            return Err(Failure::Failed(anyhow::anyhow!(
                "no selectors find the articles of `{id}` in its page\nhint: {hint}"
            )));
        };
        return Ok(out::text(&format!("# below the [[source]] `{id}`\n{proposal}"))?);
    }
    let selectors = proposal.map_or_else(String::new, |lines| format!("\n{lines}"));
    Ok(out::text(&format!("{}{selectors}", sources::held(&source).unwrap_or_default()))?)
}
