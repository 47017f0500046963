//! `loa try`

mod recorded;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::{Common, Done, Failure, block_on, browser_of, found::Library, out, run, table};
use crate::{
    app::{self, Asked, Means, Trial},
    config::{self, Config},
    ingest::{Source, Step},
    model::SourceId,
    net::tape::Wire,
    web::api::sources,
};

/// One pass over a source that writes nothing: what was fetched, found, new, and wrong, step by step
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa try quan1
  loa try ward --config loa.toml
  loa try https://a.example/tin-tuc                        an address that no configuration names
  loa try https://a.example/tin-tuc --platform liferay6    when its platform is not recognized
  loa try https://a.example/tin-tuc --browser --set browser.command=chromium   when only scripts make its list
  loa try ward --record ward-broken                        keeps every exchange, to report a broken site
  loa try --replay ward-broken                             the same again, without the network
  loa try ward --replay ward-broken --config loa.toml      the same exchange, read as loa.toml says now")]
pub(super) struct Arguments {
    /// A source of the configuration, or an address
    #[arg(value_name = "SOURCE_OR_URL", required_unless_present = "replay")]
    source: Option<String>,

    /// The recipe for an address; recognized by what stands there when absent
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,

    /// Lets an address stand in a private network
    #[arg(long)]
    allow_private: bool,

    /// Reads the list at an address through the browser of `[browser]`, as its scripts make it (docs/javascript.md)
    #[arg(long, conflicts_with = "replay")]
    browser: bool,

    /// One JSON object per step and line
    #[arg(long)]
    json: bool,

    /// Keeps every exchange in this folder, without credentials (docs/recording.md)
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    record: Option<PathBuf>,

    /// Writes over an earlier recording in that folder
    #[arg(long, requires = "record")]
    force: bool,

    /// Answers from the recording in this folder and asks nobody; with a source, as the configuration reads it now
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    match (&arguments.record, &arguments.replay) {
        (Some(folder), _) => recorded::record(common, arguments, folder),
        (None, Some(folder)) => recorded::replay(common, arguments, folder),
        (None, None) => live(common, arguments),
    }
}

fn live(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let asked = asked(&config, common.path(), arguments)?;
    let run = Run {
        config: &config,
        path: common.path(),
        wire: Wire::Live,
        json: arguments.json,
        browser: arguments.browser,
    };
    let mut steps = Vec::new();
    let trial = block_on(async { Ok(run.pass(&asked, &mut steps).await) })??;
    conclude(&sources::report(&trial.report), &steps, trial.store_in_use, arguments.json)
}

/// Prints what came of it. For people, what was said as a step is not said again.
fn conclude(report: &Value, steps: &[Value], store_in_use: bool, json: bool) -> Done {
    out::text(&if json { format!("{report}\n") } else { concluded(report, steps) })?;
    if store_in_use {
        out::complain_as_is("note: a daemon has the store: everything counts as new\n");
    }
    if report["failed"].is_null() { Ok(()) } else { Err(Failure::Said) }
}

fn concluded(report: &Value, steps: &[Value]) -> String {
    let was_said = |issue: &Value| {
        let is_same = |key: &str, step: &Value| step[key] == issue[key];
        steps.iter().any(|step| ["code", "message", "at"].iter().all(|key| is_same(key, step)))
    };
    let issues = report["issues"].as_array().into_iter().flatten().filter(|issue| !was_said(issue));
    run::summary(report) + &issues.map(run::issue).collect::<String>()
}

/// What is to be tried; everything that was said wrongly about it is told before anybody is asked.
fn asked(config: &Config, path: Option<&Path>, arguments: &Arguments) -> Result<Asked, Failure> {
    let name = arguments.source.as_deref().unwrap_or_default();
    let all = &config.ingest.sources;
    let named = |source: &Source| match arguments.browser {
        true => Err(says_itself(&source.id)),
        false => Ok(Asked::Source(source.id.to_string())),
    };
    if let Some(source) = all.iter().find(|source| source.id.as_str() == name) {
        return named(source);
    }
    if !name.contains("://") {
        return Err(run::unknown(config, name));
    }
    let url =
        Url::parse(name).map_err(|cause| Failure::Usage(format!("`{name}` is not an address: {cause}")))?;
    if let Some(source) = all.iter().find(|source| source.asked() == Some(&url)) {
        return named(source);
    }
    if arguments.browser {
        browser_of(config)?;
    }
    let library = Library::new(path).map_err(Failure::Configuration)?;
    library.check(arguments.platform.as_deref()).map_err(Failure::Usage)?;
    let (platform, allow_private) = (arguments.platform.clone(), arguments.allow_private);
    Ok(Asked::Address { url: url.into(), platform, allow_private })
}

/// A source of the configuration says itself whether it is read by the browser.
fn says_itself(id: &SourceId) -> Failure {
    Failure::Usage(format!(
        "`--browser` is for addresses, and `{id}` is a source of the configuration\n\
         hint: write `browser = \"list\"` there (docs/javascript.md)"
    ))
}

/// What a trial is made with.
struct Run<'a> {
    config: &'a Config,
    /// Where the configuration stands.
    path: Option<&'a Path>,
    wire: Wire,
    json: bool,
    /// Scripts make the list.
    browser: bool,
}

impl Run<'_> {
    /// The pass. Each step is printed, and put into `steps`.
    async fn pass(&self, asked: &Asked, steps: &mut Vec<Value>) -> Result<Trial, Failure> {
        let source = self.source(asked, steps).await?;
        // What cannot be printed ends the command behind the pass, not within it.
        let mut closed = None;
        let mut show = |step: Step| {
            let step = value(&step);
            if closed.is_none() {
                closed = self.print(&step).err();
            }
            steps.push(step);
        };
        let trial = app::try_source(self.config.clone(), source, &self.wire, &mut show).await?;
        closed.map_or(Ok(trial), |error| Err(error.into()))
    }

    fn print(&self, step: &Value) -> std::io::Result<()> {
        out::text(&if self.json { format!("{step}\n") } else { describe(step) })
    }

    async fn source(&self, asked: &Asked, steps: &mut Vec<Value>) -> Result<Arc<Source>, Failure> {
        let (url, platform, allow_private) = match asked {
            Asked::Source(id) => {
                let found = self.config.ingest.sources.iter().find(|source| source.id.as_str() == id);
                return found.cloned().ok_or_else(|| run::unknown(self.config, id));
            }
            Asked::Address { url, platform, allow_private } => (url, platform, *allow_private),
        };
        let url =
            Url::parse(url).map_err(|cause| Failure::Usage(format!("`{url}` is not an address: {cause}")))?;
        let platform = match platform {
            Some(platform) => platform.clone(),
            None => {
                let platform = self.recognized(&url, allow_private).await?;
                let step = json!({ "step": "recognized", "platform": platform });
                self.print(&step)?;
                steps.push(step);
                platform
            }
        };
        let source = config::source_at(&url, &platform, allow_private, self.path);
        let mut source = source.map_err(Failure::Configuration)?;
        source.browser.list = self.browser;
        Ok(Arc::new(source))
    }

    /// The platform of what stands at an address.
    async fn recognized(&self, url: &Url, allow_private: bool) -> Result<String, Failure> {
        let library = Library::new(self.path).map_err(Failure::Configuration)?;
        let platforms = library.fingerprints();
        let browser = self.config.browser.as_ref().filter(|_| self.browser);
        let means = Means { net: &self.config.net, browser, allow_private };
        let found = app::recognize(means, url, platforms, &self.wire).await?;
        found.ok_or_else(|| {
            let names: Vec<&str> = platforms.iter().map(|(name, _)| name.as_str()).collect();
            Failure::Failed(anyhow::anyhow!(
                "what stands at `{url}` is no feed and no list of a platform that we know\n\
                 hint: the platforms are `{}`: choose one with `--platform`, or describe the page in a \
                 `[[source]]` of its own (`config/examples/own-section.toml` shows how)",
                names.join("`, `")
            ))
        })
    }
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

/// A step for people.
fn describe(step: &Value) -> String {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let line = match text("step") {
        "recognized" => return format!("recognized {}\n", table::cell(text("platform"), 400)),
        "fetched" => {
            let kind = step["content_type"].as_str().unwrap_or("no type");
            format!("fetched    {} ({} bytes, {kind})", text("url"), step["bytes"])
        }
        "not-modified" => format!("unchanged  {}", text("url")),
        "extracted" => {
            let plural = if step["items"] == 1 { "" } else { "s" };
            format!("read       {} item{plural} ({}, {})", step["items"], text("format"), text("encoding"))
        }
        "decided" => {
            let date = step["date"].as_str().unwrap_or("no date");
            format!("{:10} {date}  {}", text("became"), text("title"))
        }
        _ if text("at").is_empty() => format!("{:10} {}", text("severity"), text("message")),
        _ => format!("{:10} {} ({})", text("severity"), text("message"), text("at")),
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
        let check = |step: Step, expected: &str| assert_eq!(describe(&value(&step)), format!("{expected}\n"));
        let url = || Url::parse("https://a.example/rss").unwrap();
        let fetched =
            Step::Fetched { url: url(), bytes: 10, content_type: Some("text/html\u{1b}".to_owned()) };
        check(fetched, "fetched    https://a.example/rss (10 bytes, text/html )");
        check(Step::NotModified { url: url() }, "unchanged  https://a.example/rss");
        let decided = Step::Decided { title: "Quận\n1".to_owned(), date: None, became: Became::New };
        check(decided, "new        no date Quận 1");
        check(Step::Wrong(Issue::warning("x", "no title").at("item 3")), "warning    no title (item 3)");
    }

    #[test]
    fn what_was_a_step_is_not_said_again() {
        let issue = |at: &str| Issue::warning("no-title", "no title").at(at);
        let report = crate::ingest::Report {
            source: "a".parse().unwrap(),
            at: "2026-03-05T02:15:09Z".parse().unwrap(),
            items: 2,
            new: 2,
            revised: 0,
            unchanged: 0,
            issues: vec![issue("item 1"), issue("item 2")],
            failed: None,
        };
        let steps = [value(&Step::Wrong(issue("item 1")))];
        let expected = "a: 2 items, 2 new, 0 revised, 0 unchanged\n  warning: no title (item 2)\n";
        assert_eq!(concluded(&sources::report(&report), &steps), expected);
    }
}
