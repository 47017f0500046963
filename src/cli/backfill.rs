//! `loa backfill`

use std::{io::IsTerminal, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Common, Done, Failure,
    api::{self, Daemon},
    block_on, out, run, table,
};
use crate::{
    app,
    config::Config,
    ingest::backfill::Order,
    model::{Backfill, SourceId, Timestamp},
    net,
    web::api::backfill as shown,
};

/// Walks the archive of a source: reads what it does not know yet, and tells nobody
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa backfill quan1
  loa backfill quan1 --since 2020-01-01
  loa backfill quan1 --pages 50 --json

Ctrl-C stops it; the same command goes on where it stood.")]
pub(super) struct Arguments {
    /// Which source
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Nothing that is older: a day in the source's time zone, or an instant
    #[arg(long, value_name = "DATE")]
    since: Option<String>,

    /// How many pages of the archive to read now
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pages: Option<u64>,

    /// Begin again at the first page
    #[arg(long)]
    restart: bool,

    /// One JSON object at the end, and nothing before
    #[arg(long)]
    json: bool,
}

/// How often the daemon is asked how far it is.
const LOOK: Duration = Duration::from_secs(1);

/// How a walk is shown while it goes on.
enum Screen {
    Bar { bar: ProgressBar, length: Length },
    Lines { shown: u64 },
    Nothing,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let source = config.ingest.sources.iter().find(|source| source.id.as_str() == arguments.source);
    let Some(source) = source else { return Err(run::unknown(&config, &arguments.source)) };
    let since = arguments.since.as_deref().map(|text| instant(text, &source.normalize.zone)).transpose()?;
    let order = Order { since, pages: arguments.pages, restart: arguments.restart };
    let id = source.id.clone();
    let mut screen = Screen::new(arguments.json);
    let report = block_on(report(config, &id, order, &mut screen))?;
    screen.clear();
    out::text(&if arguments.json { format!("{report}\n") } else { describe(&report) })?;
    if report["failed"] == true { Err(Failure::Said) } else { Ok(()) }
}

/// A day begins at midnight of the source's zone.
fn instant(text: &str, zone: &jiff::tz::TimeZone) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day = text.parse::<jiff::civil::Date>().ok().and_then(|day| day.to_zoned(zone.clone()).ok());
    day.map(|start| start.timestamp().into()).ok_or_else(|| {
        Failure::Usage(format!(
            "`{text}` is no date\nhint: write it as `2020-01-31`, or with a time and an offset"
        ))
    })
}

async fn report(config: Config, id: &SourceId, order: Order, screen: &mut Screen) -> anyhow::Result<Value> {
    let stop = CancellationToken::new();
    let walk = async {
        let mut watch = |progress: &Backfill| screen.show(&Value::Object(shown::counts(progress)));
        match app::backfill_once(config.clone(), id, order, &stop, &mut watch).await {
            Ok(walked) => Ok(shown::report(walked)),
            Err(error) if api::is_locked(&error) => by_daemon(&config, id, order, &stop, screen).await,
            Err(error) => Err(error),
        }
    };
    let mut walk = std::pin::pin!(walk);
    tokio::select! {
        done = &mut walk => return done,
        () = app::stop_signal() => stop.cancel(),
    }
    // What is under way ends in order; whoever asks a second time does not wait for it.
    tokio::select! {
        done = &mut walk => done,
        () = app::stop_signal() => anyhow::bail!("stopped at once; the same command goes on after the last whole page"),
    }
}

/// The walk of the daemon that has the store.
async fn by_daemon(
    config: &Config,
    id: &SourceId,
    order: Order,
    stop: &CancellationToken,
    screen: &mut Screen,
) -> anyhow::Result<Value> {
    let daemon = Daemon::of(config)?;
    let path = format!("api/v1/sources/{id}/backfill");
    let body = json!({
        "since": order.since.map(|since| since.to_string()), "pages": order.pages, "restart": order.restart,
    });
    daemon.send(reqwest::Method::POST, &path, Some(body.to_string().into())).await?;
    let mut asked = false;
    let mut standing = Value::Null;
    loop {
        if stop.is_cancelled() && !std::mem::replace(&mut asked, true) {
            daemon.send(reqwest::Method::DELETE, &path, None).await?;
        }
        let answer = daemon.exchange(reqwest::Method::GET, &path, None).await?;
        let answer = answer.map_err(|cause| gone(&standing, &cause))?;
        standing = serde_json::from_slice(&answer.body)?;
        if !matches!(standing["state"].as_str(), Some("waiting" | "running")) {
            return Ok(standing);
        }
        screen.show(&standing);
        if asked {
            tokio::time::sleep(LOOK).await;
        } else {
            stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
        }
    }
}

/// The daemon took the order, and does not answer any more.
fn gone(standing: &Value, cause: &net::Error) -> anyhow::Error {
    let pages = standing["pages"].as_u64().map_or_else(String::new, |pages| format!(" after {pages} pages"));
    anyhow::anyhow!(
        "the daemon has gone away{pages}: {cause}\n\
         hint: it goes on where it was when it is started again; without it the same command does"
    )
}

// === impl Screen ===

impl Screen {
    fn new(json: bool) -> Self {
        if json {
            return Self::Nothing;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { shown: 0 };
        }
        Self::Bar { bar: ProgressBar::new_spinner(), length: Length::default() }
    }

    fn show(&mut self, walk: &Value) {
        let pages = walk["pages"].as_u64().unwrap_or(0);
        match self {
            Self::Nothing => {}
            Self::Lines { shown } => {
                if pages > *shown {
                    *shown = pages;
                    out::complain_as_is(&format!("{}\n", line(walk)));
                }
            }
            Self::Bar { bar, length } => {
                match length.now(walk["pages_expected"].as_u64(), pages) {
                    Some(of) if bar.length() != Some(of) => {
                        bar.set_length(of);
                        bar.set_style(style());
                    }
                    Some(_) => {}
                    None => bar.set_style(ProgressStyle::default_spinner()),
                }
                bar.set_position(pages);
                bar.set_message(line(walk));
                bar.tick();
            }
        }
    }

    fn clear(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// How many pages a walk will have, as long as nothing speaks against what its first page said.
#[derive(Debug, Default)]
struct Length {
    said: Option<u64>,
    /// The pager shows the next few pages only: the end is not in sight.
    is_window: bool,
}

impl Length {
    fn now(&mut self, said: Option<u64>, pages: u64) -> Option<u64> {
        self.is_window |= self.said.is_some() && said > self.said;
        self.said = said.or(self.said);
        self.said.filter(|of| !self.is_window && *of >= pages)
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} pages, {eta} left  {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// How far it is, in a line.
fn line(walk: &Value) -> String {
    let oldest = walk["oldest"].as_str().and_then(|at| at.get(..10));
    let back = oldest.map_or_else(String::new, |day| format!(", back to {day}"));
    let reason = walk["reason"].as_str().filter(|_| walk["state"] == "waiting");
    let waits = reason
        .and_then(|reason| reason.lines().next())
        .map_or_else(String::new, |reason| format!("; waits: {}", table::cell(reason, 200)));
    format!("page {}: {} new, {} known{back}{waits}", walk["pages"], walk["new"], walk["known"])
}

/// The report as text.
fn describe(report: &Value) -> String {
    let text = |value: &Value| table::cell(value.as_str().unwrap_or_default(), 400);
    let mut lines = String::new();
    if report["pages"].is_u64() {
        // No sum: of a page in the middle of which a walk was stopped, what it brought is known when the walk goes on.
        lines.push_str(&format!(
            "{}: {} pages: {} new, {} known, {} left out, {} unreadable\n",
            text(&report["source"]),
            report["pages"],
            report["new"],
            report["known"],
            report["left_out"],
            report["failed_pages"],
        ));
    }
    match report["state"].as_str() {
        Some("ended") => lines.push_str(&format!("done: {}\n", text(&report["reason"]))),
        _ => lines.push_str(&format!(
            "not done: {}\n`loa backfill {}` goes on from here\n",
            text(&report["reason"]),
            text(&report["source"])
        )),
    }
    lines + &run::issues(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ingest::backfill::{Halt, Walked},
        model::End,
    };

    #[test]
    fn a_walk_says_how_far_it_is_and_how_to_go_on() {
        let start = "2026-03-05T02:15:09Z".parse().unwrap();
        let mut progress = Backfill::new("quan1".parse().unwrap(), None, start);
        (progress.pages, progress.new, progress.known, progress.oldest) = (3, 20, 10, Some(start));
        let counts = Value::Object(shown::counts(&progress));
        assert_eq!(line(&counts), "page 3: 20 new, 10 known, back to 2026-03-05");
        let walked = Walked { progress: progress.clone(), halt: Some(Halt::Asked), issues: Vec::new() };
        let said = describe(&shown::report(walked));
        assert!(
            said.ends_with("not done: it was stopped\n`loa backfill quan1` goes on from here\n"),
            "{said}"
        );
        progress.end = Some(End::Since);
        let said = describe(&shown::report(Walked { progress, halt: None, issues: Vec::new() }));
        assert!(said.contains("20 new, 10 known") && said.contains("done: everything further"), "{said}");
    }

    #[test]
    fn an_end_is_shown_as_long_as_it_stands() {
        let mut length = Length::default();
        assert_eq!(length.now(None, 0), None);
        assert_eq!(length.now(Some(9), 1), Some(9));
        assert_eq!(length.now(Some(9), 9), Some(9));
        assert_eq!(length.now(Some(9), 10), None, "there are more than it said");
        let mut window = Length::default();
        assert_eq!(window.now(Some(3), 1), Some(3));
        assert_eq!(window.now(Some(4), 2), None, "it shows the next two");
        assert_eq!(window.now(Some(4), 3), None);
    }

    #[test]
    fn a_day_begins_in_the_zone_of_the_source() {
        let zone = jiff::tz::TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        let at = |text: &str| instant(text, &zone).map(|at| at.to_string()).ok();
        assert_eq!(at("2020-01-31").as_deref(), Some("2020-01-30T17:00:00Z"));
        assert_eq!(at("2020-01-31T00:00:00Z").as_deref(), Some("2020-01-31T00:00:00Z"));
        assert_eq!(at("31/01/2020"), None);
    }
}
