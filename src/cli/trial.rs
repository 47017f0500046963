//! `loa try`

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::{Common, Done, Failure, block_on, extract, out, run, table};
use crate::{
    app,
    config::{self, Config},
    ingest::{Source, Step},
    journal::Became,
};

/// One pass over a source that writes nothing: what was fetched, found, new, and wrong, step by step
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa try quan1
  loa try ward --config loa.toml
  loa try https://a.example/rss                            an address that no configuration names
  loa try https://a.example/tin-tuc --platform liferay6")]
pub(super) struct Arguments {
    /// A source of the configuration, or an address
    #[arg(value_name = "SOURCE_OR_URL")]
    source: String,

    /// The recipe for an address; `feed` when absent
    #[arg(long, value_name = "NAME", value_parser = extract::platform, default_value = "feed")]
    platform: String,

    /// Lets an address stand in a private network
    #[arg(long)]
    allow_private: bool,

    /// One JSON object per step and line
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let source = chosen(&config, arguments)?;
    let json = arguments.json;
    // What cannot be printed ends the command behind the pass, not within it.
    let mut closed = None;
    let mut show = |step: Step| {
        let text = if json { format!("{}\n", value(&step)) } else { describe(&step) };
        if closed.is_none() {
            closed = out::text(&text).err();
        }
    };
    let report = block_on(app::try_source(config, source, &mut show))?;
    if let Some(error) = closed {
        return Err(error.into());
    }
    let report = run::value(&report);
    out::text(&if json { format!("{report}\n") } else { run::describe(&report) })?;
    if report["failed"].is_null() { Ok(()) } else { Err(Failure::Said) }
}

fn chosen(config: &Config, arguments: &Arguments) -> Result<Arc<Source>, Failure> {
    let name = &arguments.source;
    let sources = &config.ingest.sources;
    if let Some(source) = sources.iter().find(|source| source.id.as_str() == name) {
        return Ok(Arc::clone(source));
    }
    if !name.contains("://") {
        return Err(run::unknown(config, name));
    }
    let url =
        Url::parse(name).map_err(|cause| Failure::Usage(format!("`{name}` is not an address: {cause}")))?;
    if let Some(source) = sources.iter().find(|source| source.url == url) {
        return Ok(Arc::clone(source));
    }
    let source = config::source_at(&url, &arguments.platform, arguments.allow_private);
    source.map(Arc::new).map_err(Failure::Configuration)
}

fn value(step: &Step) -> Value {
    match step {
        Step::Fetched { url, bytes, content_type } => {
            json!({ "step": "fetched", "url": url.as_str(), "bytes": bytes, "content_type": content_type })
        }
        Step::NotModified { url } => json!({ "step": "not-modified", "url": url.as_str() }),
        Step::Extracted { format, encoding, items } => {
            json!({ "step": "extracted", "format": format, "encoding": encoding, "items": items })
        }
        Step::Decided { title, date, became } => {
            json!({ "step": "decided", "title": title, "date": date, "became": word(*became) })
        }
        Step::Wrong(issue) => json!({
            "step": "issue", "severity": issue.severity.to_string(), "code": issue.code,
            "message": issue.message, "at": issue.at,
        }),
    }
}

fn describe(step: &Step) -> String {
    let line = match step {
        Step::Fetched { url, bytes, content_type } => {
            let kind = content_type.as_deref().map_or("no type", |kind| kind);
            format!("fetched    {url} ({bytes} bytes, {kind})")
        }
        Step::NotModified { url } => format!("unchanged  {url}"),
        Step::Extracted { format, encoding, items } => {
            format!("read       {items} items ({format}, {encoding})")
        }
        Step::Decided { title, date, became } => {
            format!("{:10} {}  {title}", word(*became), date.as_deref().unwrap_or("no date"))
        }
        Step::Wrong(issue) if issue.at.is_empty() => {
            format!("{:10} {}", issue.severity.to_string(), issue.message)
        }
        Step::Wrong(issue) => format!("{:10} {} ({})", issue.severity.to_string(), issue.message, issue.at),
    };
    // Spaces are columns here; everything else from outside is made harmless.
    let (head, rest) = line.split_at_checked(11).unwrap_or((&line, ""));
    format!("{head}{}\n", table::cell(rest, 400))
}

fn word(became: Became) -> &'static str {
    match became {
        Became::New => "new",
        Became::Revised => "revised",
        Became::Unchanged => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Issue;

    #[test]
    fn each_step_is_one_harmless_line() {
        let check = |step: Step, expected: &str| assert_eq!(describe(&step), format!("{expected}\n"));
        let url = || Url::parse("https://a.example/rss").unwrap();
        let fetched =
            Step::Fetched { url: url(), bytes: 10, content_type: Some("text/html\u{1b}".to_owned()) };
        check(fetched, "fetched    https://a.example/rss (10 bytes, text/html )");
        check(Step::NotModified { url: url() }, "unchanged  https://a.example/rss");
        let decided = Step::Decided { title: "Quận\n1".to_owned(), date: None, became: Became::New };
        check(decided, "new        no date Quận 1");
        check(Step::Wrong(Issue::warning("x", "no title").at("item 3")), "warning    no title (item 3)");
    }
}
