//! `loa try`

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::{Common, Done, Failure, block_on, found::Library, out, run, table};
use crate::{
    app,
    config::{self, Config},
    ingest::{Source, Step},
    web::api::sources,
};

/// One pass over a source that writes nothing: what was fetched, found, new, and wrong, step by step
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa try quan1
  loa try ward --config loa.toml
  loa try https://a.example/tin-tuc                        an address that no configuration names
  loa try https://a.example/tin-tuc --platform liferay6    when its platform is not recognized")]
pub(super) struct Arguments {
    /// A source of the configuration, or an address
    #[arg(value_name = "SOURCE_OR_URL")]
    source: String,

    /// The recipe for an address; recognized by what stands there when absent
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,

    /// Lets an address stand in a private network
    #[arg(long)]
    allow_private: bool,

    /// One JSON object per step and line
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let source = chosen(&config, common, arguments)?;
    let json = arguments.json;
    // What cannot be printed ends the command behind the pass, not within it.
    let mut closed = None;
    let mut show = |step: Step| {
        let text = if json { format!("{}\n", value(&step)) } else { describe(&step) };
        if closed.is_none() {
            closed = out::text(&text).err();
        }
    };
    let trial = block_on(app::try_source(config, source, &mut show))?;
    if let Some(error) = closed {
        return Err(error.into());
    }
    let report = sources::report(&trial.report);
    out::text(&if json { format!("{report}\n") } else { run::describe(&report) })?;
    if trial.store_in_use {
        out::complain_as_is("note: a daemon has the store: everything counts as new\n");
    }
    if report["failed"].is_null() { Ok(()) } else { Err(Failure::Said) }
}

fn chosen(config: &Config, common: &Common, arguments: &Arguments) -> Result<Arc<Source>, Failure> {
    let name = &arguments.source;
    let all = &config.ingest.sources;
    if let Some(source) = all.iter().find(|source| source.id.as_str() == name) {
        return Ok(Arc::clone(source));
    }
    if !name.contains("://") {
        return Err(run::unknown(config, name));
    }
    let url =
        Url::parse(name).map_err(|cause| Failure::Usage(format!("`{name}` is not an address: {cause}")))?;
    if let Some(source) = all.iter().find(|source| source.asked() == Some(&url)) {
        return Ok(Arc::clone(source));
    }
    let library = Library::new(common.path()).map_err(Failure::Configuration)?;
    library.check(arguments.platform.as_deref()).map_err(Failure::Usage)?;
    let platform = match &arguments.platform {
        Some(platform) => platform.clone(),
        None => recognized(config, &url, arguments, &library)?,
    };
    let source = config::source_at(&url, &platform, arguments.allow_private, common.path());
    source.map(Arc::new).map_err(Failure::Configuration)
}

/// The platform of what stands at an address, and says so.
fn recognized(
    config: &Config,
    url: &Url,
    arguments: &Arguments,
    library: &Library,
) -> Result<String, Failure> {
    let platforms = library.fingerprints();
    let found = block_on(app::recognize(&config.net, url, arguments.allow_private, platforms))?;
    let Some(platform) = found else {
        let names: Vec<&str> = platforms.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::Failed(anyhow::anyhow!(
            "what stands at `{url}` is no feed and no list of a platform that we know\n\
             hint: the platforms are `{}`: choose one with `--platform`, or describe the page in a \
             `[[source]]` of its own (`config/examples/own-section.toml` shows how)",
            names.join("`, `")
        )));
    };
    let line = if arguments.json {
        format!("{}\n", json!({ "step": "recognized", "platform": platform }))
    } else {
        format!("recognized {platform}\n")
    };
    out::text(&line)?;
    Ok(platform)
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
            json!({ "step": "decided", "title": title, "date": date, "became": became.as_str() })
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
            let plural = if *items == 1 { "" } else { "s" };
            format!("read       {items} item{plural} ({format}, {encoding})")
        }
        Step::Decided { title, date, became } => {
            format!("{:10} {}  {title}", became.as_str(), date.as_deref().unwrap_or("no date"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journal::Became, model::Issue};

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
