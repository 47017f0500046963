//! `loa run`

use clap::Args;
use serde_json::Value;

use super::{
    Common, Done, Failure,
    api::{self, Daemon},
    block_on, found, out, table,
};
use crate::{app, config::Config, model::SourceId, web::api::sources};

/// One real pass over sources now: through the running daemon, or on the store when none runs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa run quan1
  loa run --all --config loa.toml
  loa run quan1 --json")]
pub(super) struct Arguments {
    /// Which sources
    #[arg(value_name = "SOURCE", required_unless_present = "all")]
    sources: Vec<String>,

    /// Every source of the configuration
    #[arg(long, conflicts_with = "sources")]
    all: bool,

    /// One JSON object per source and line
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let ids = chosen(&config, arguments)?;
    let reports = block_on(reports(config, &ids))?;
    for report in &reports {
        out::text(&if arguments.json { format!("{report}\n") } else { describe(report) })?;
    }
    let failed = reports.iter().any(|report| !report["failed"].is_null());
    if failed { Err(Failure::Said) } else { Ok(()) }
}

fn chosen(config: &Config, arguments: &Arguments) -> Result<Vec<SourceId>, Failure> {
    let all = &config.ingest.sources;
    if arguments.all {
        return Ok(all.iter().map(|source| source.id.clone()).collect());
    }
    let known = |name: &String| {
        let source = all.iter().find(|source| source.id.as_str() == name);
        source.map(|source| source.id.clone()).ok_or_else(|| unknown(config, name))
    };
    arguments.sources.iter().map(known).collect()
}

/// What is wrong with asking for a source that is not there.
pub(super) fn unknown(config: &Config, name: &str) -> Failure {
    let ids: Vec<&str> = config.ingest.sources.iter().map(|source| source.id.as_str()).collect();
    let hint = found::suggestion(name, &ids);
    Failure::Usage(format!("there is no source `{name}`\nhint: {hint}"))
}

/// The reports as the API gives them.
async fn reports(config: Config, ids: &[SourceId]) -> anyhow::Result<Vec<Value>> {
    match app::run_once(config.clone(), ids).await {
        Ok(reports) => Ok(reports.iter().map(sources::report).collect()),
        Err(error) if api::is_locked(&error) => {
            let daemon = Daemon::of(&config)?;
            let mut reports = Vec::new();
            for id in ids {
                let answer = daemon.post(&format!("api/v1/sources/{id}/run")).await?;
                reports.push(serde_json::from_slice(&answer.body)?);
            }
            Ok(reports)
        }
        Err(error) => Err(error),
    }
}

/// A report as text: one line, and one for each issue.
pub(super) fn describe(report: &Value) -> String {
    summary(report) + &issues(report)
}

/// What came of a pass, in one line.
pub(super) fn summary(report: &Value) -> String {
    let text = |value: &Value| table::cell(value.as_str().unwrap_or_default(), 400);
    if !report["failed"].is_null() {
        return format!("{}: failed: {}\n", text(&report["source"]), text(&report["failed"]));
    }
    format!(
        "{}: {} items, {} new, {} revised, {} unchanged\n",
        text(&report["source"]),
        report["items"],
        report["new"],
        report["revised"],
        report["unchanged"],
    )
}

/// What was wrong, a line for each issue of a report.
pub(super) fn issues(report: &Value) -> String {
    report["issues"].as_array().into_iter().flatten().map(issue).collect()
}

/// An issue in a line.
pub(super) fn issue(issue: &Value) -> String {
    let text = |value: &Value| table::cell(value.as_str().unwrap_or_default(), 400);
    let at = text(&issue["at"]);
    let at = if at.is_empty() { at } else { format!(" ({at})") };
    format!("  {}: {}{at}\n", text(&issue["severity"]), text(&issue["message"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ingest::Report, model::Issue};

    #[test]
    fn a_report_is_a_line_and_one_for_each_issue() {
        let report = Report {
            source: "quan1".parse().unwrap(),
            at: "2026-03-05T02:15:09Z".parse().unwrap(),
            items: 20,
            new: 2,
            revised: 1,
            unchanged: 17,
            issues: vec![Issue::warning("date-in-future", "the date is\nin the future").at("item 3")],
            failed: None,
        };
        let expected = "quan1: 20 items, 2 new, 1 revised, 17 unchanged\n  warning: the date is in the future (item 3)\n";
        assert_eq!(describe(&sources::report(&report)), expected);
        let failed =
            Report { failed: Some("the host does not answer".to_owned()), issues: Vec::new(), ..report };
        assert_eq!(describe(&sources::report(&failed)), "quan1: failed: the host does not answer\n");
    }
}
