//! `loa check`

use clap::Args;
use serde_json::json;

use super::{Common, Done, Failure, out, table};
use crate::{
    clock::{self, Clock},
    config::{self, Config, Report},
    ingest::Source,
    model::Timestamp,
};

/// Reports every problem of the configuration at once; exit code 2 when there are some
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa check                             the built-in configuration
  loa check --config loa.toml
  loa check --config loa.toml --json    for editors and CI")]
pub(super) struct Arguments {
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let now = clock::System.now();
    match (config::load(common.path(), &common.settings), arguments.json) {
        (Ok(config), true) => Ok(out::line(&summary(&config, now).to_string())?),
        (Ok(config), false) => Ok(out::text(&tables(&config, now))?),
        (Err(report), true) => {
            out::line(&problems(&report).to_string())?;
            Err(Failure::Configuration(report))
        }
        (Err(report), false) => Err(Failure::Configuration(report)),
    }
}

fn problems(report: &Report) -> serde_json::Value {
    json!({ "ok": false, "problems": report.located() })
}

fn summary(config: &Config, now: Timestamp) -> serde_json::Value {
    let sources = config.ingest.sources.iter().map(|source| {
        json!({
            "id": source.id.as_str(), "name": source.name, "url": source.url.as_str(), "place": source.place(),
            "platform": source.extract.platform, "next_due": next_due(source, now),
        })
    });
    let feeds = config.publish.feeds.iter().map(|feed| {
        let sources: Vec<&str> = feed.sources.iter().map(|id| id.as_str()).collect();
        json!({ "id": feed.id.as_str(), "title": feed.title, "sources": sources })
    });
    let webhooks =
        config.push.webhooks.iter().map(|webhook| json!({ "id": webhook.id.as_str(), "url": webhook.url }));
    json!({
        "ok": true,
        "listen": config.web.listen.to_string(),
        "base_url": config.publish.base_url,
        "store": config.store.path,
        "sources": sources.collect::<Vec<_>>(),
        "feeds": feeds.collect::<Vec<_>>(),
        "webhooks": webhooks.collect::<Vec<_>>(),
        "mail": config.push.mail.as_ref().map(|mail| mail.server.to_string()),
    })
}

fn tables(config: &Config, now: Timestamp) -> String {
    let mut sources = table::table(&["source", "platform", "next due", "where"]);
    for source in &config.ingest.sources {
        let due = next_due(source, now).unwrap_or_else(|| "never".to_owned());
        let place = table::cell(&source.place(), 80);
        sources.add_row([source.id.as_str(), &source.extract.platform, &due, &place]);
    }
    let mut feeds = table::table(&["feed", "sources", "address"]);
    for feed in &config.publish.feeds {
        let ids: Vec<&str> = feed.sources.iter().map(|id| id.as_str()).collect();
        let address = format!("{}/feeds/{}.rss", config.publish.base_url, feed.id);
        feeds.add_row([feed.id.as_str(), &ids.join(", "), &address]);
    }
    let mut webhooks = table::table(&["webhook", "events", "url"]);
    for webhook in &config.push.webhooks {
        let events: Vec<&str> = webhook.events.iter().map(|event| event.as_str()).collect();
        let events = if events.is_empty() { "all".to_owned() } else { events.join(", ") };
        webhooks.add_row([webhook.id.as_str(), &events, &table::cell(&webhook.url, 80)]);
    }
    let tables = [sources, feeds, webhooks];
    let shown = tables.iter().filter(|table| !table.is_empty()).map(|table| table::print(table) + "\n");
    let listen = config.web.listen;
    let mail = config.push.mail.as_ref();
    let mail = mail.map_or_else(String::new, |mail| format!(", and mails go through {}", mail.server));
    format!("{}the configuration is right; it listens on {listen}{mail}\n", shown.collect::<String>())
}

/// In the source's own zone.
fn next_due(source: &Source, now: Timestamp) -> Option<String> {
    let at = source.schedule.next(now)?;
    Some(at.rfc3339(at.offset_in(&source.normalize.zone)))
}
