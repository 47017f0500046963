//! `loa sources`

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::{
    Common, Done,
    api::{self, Daemon},
    block_on, out, table,
};
use crate::{
    clock::{self, Clock},
    config::Config,
    ingest::{self, schedule::pushed::Pushed},
    model::Timestamp,
    store::{self, Store},
    web::api::sources::{self, Remembered},
};

/// How the sources are: when each was read, when it is due, what was wrong
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa sources
  loa sources --config loa.toml --json")]
pub(super) struct Arguments {
    /// One JSON object per source and line
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let all = block_on(health(&config))?;
    if arguments.json {
        let lines: String = all.iter().map(|source| format!("{source}\n")).collect();
        return Ok(out::text(&lines)?);
    }
    Ok(out::text(&describe(&all))?)
}

/// Every source in the form of `GET /api/v1/sources`: from the store, or from the daemon that has it.
pub(super) async fn health(config: &Config) -> anyhow::Result<Vec<Value>> {
    match remembered(config).await {
        Ok(store) => known(&*store, config, clock::System.now()).await,
        Err(error) if api::is_locked(&error) => {
            let answer = Daemon::of(config)?.get("api/v1/sources").await?;
            let mut answer: Value =
                serde_json::from_slice(&answer.body).context("cannot read the daemon's answer")?;
            Ok(answer["sources"].as_array_mut().map(std::mem::take).unwrap_or_default())
        }
        Err(error) => Err(error),
    }
}

/// The store; an empty one in memory when there is none yet (looking at it does not make one).
async fn remembered(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let is_there = config.store.path.as_ref().is_none_or(|path| path.exists());
    let settings = store::Settings { path: config.store.path.clone().filter(|_| is_there), ..config.store };
    Ok(store::open(&settings).await?)
}

async fn known(store: &dyn Store, config: &Config, now: Timestamp) -> anyhow::Result<Vec<Value>> {
    let (states, followings) = (store.sources().await?, store.followings().await?);
    let gates = store.gates().await?;
    let mut values = Vec::new();
    for source in &config.ingest.sources {
        let remembered = Remembered {
            state: states.iter().find(|state| state.id == source.id),
            following: followings.iter().find(|following| following.source == source.id),
            gate: gates.iter().find(|gate| gate.source == source.id),
        };
        let pushed = remembered.following.map(Pushed::from).unwrap_or_default();
        let due = ingest::due_without_jitter(store, source, remembered.state, &pushed, now).await?;
        values.push(sources::health(source, remembered, due));
    }
    Ok(values)
}

fn describe(sources: &[Value]) -> String {
    let text = |value: &Value| table::cell(value.as_str().unwrap_or_default(), 120);
    let mut table = table::table(&["source", "state", "items", "last success", "last change", "next due"]);
    let mut notes = String::new();
    for source in sources {
        let or_never = |name: &str| match &source[name] {
            Value::String(_) => text(&source[name]),
            _ => "never".to_owned(),
        };
        table.add_row([
            text(&source["id"]),
            state(source),
            source["items"].to_string(),
            or_never("last_success"),
            or_never("last_change"),
            or_never("next_due"),
        ]);
        if !source["moved_to"].is_null() {
            notes.push_str(&format!("{}: moved to {}\n", text(&source["id"]), text(&source["moved_to"])));
        }
        notes.extend(hub(source));
        notes.extend(held(source));
        for issue in source["issues"].as_array().into_iter().flatten() {
            let line = [&source["id"], &issue["severity"], &issue["message"]];
            let line = line.map(|value| table::cell(value.as_str().unwrap_or_default(), 400)).join(": ");
            notes.push_str(&format!("{line}\n"));
        }
    }
    if sources.is_empty() {
        return "the configuration names no source\n".to_owned();
    }
    let gap = if notes.is_empty() { "" } else { "\n" };
    format!("{}{gap}{notes}", table::print(&table))
}

/// What comes from the hub of a source that has one, as a line.
fn hub(source: &Value) -> Option<String> {
    let hub = source["websub"].as_object()?;
    let text = |name: &str| hub[name].as_str().map(|text| table::cell(text, 200));
    let state = match (text("state")?.as_str(), text("lease_until")) {
        ("not-followed", _) => "is not asked (`websub` of the source, `base_url` of `[web]`)".to_owned(),
        (_, Some(until)) => format!("tells of changes until {until}"),
        (_, None) => "does not tell of changes yet".to_owned(),
    };
    let pushes = match (hub["pushes"].as_u64(), text("last_push")) {
        (Some(n_pushes), Some(last)) => format!("; pushes: {n_pushes}, the last {last}"),
        _ => "; no push yet".to_owned(),
    };
    let pace = hub["poll_factor"].as_u64().filter(|factor| *factor > 1);
    let pace = pace.map_or_else(String::new, |factor| format!("; polled {factor} times slower"));
    let error = text("error").map_or_else(String::new, |error| format!("; its last refusal: {error}"));
    let (id, hub) = (table::cell(source["id"].as_str()?, 120), text("hub")?);
    Some(format!("{id}: hub {hub} {state}{pushes}{pace}{error}\n"))
}

/// Why a source is held, and what can be done, as lines.
pub(super) fn held(source: &Value) -> Option<String> {
    let held = source["held"].as_object()?;
    let id = table::cell(source["id"].as_str()?, 120);
    let text = |value: &Value| table::cell(value.as_str().unwrap_or_default(), 400);
    let mut lines = format!(
        "{id}: held since {}, {} runs; nothing of it is published\n",
        text(&held["since"]),
        held["runs"]
    );
    for reason in held["reasons"].as_array().into_iter().flatten() {
        let [message, before, after] = ["message", "before", "after"].map(|name| text(&reason[name]));
        lines.push_str(&format!("{id}:   {message}: usually {before}, now {after}\n"));
    }
    lines.push_str(&format!("{id}:   `loa accept {id}` lets it through"));
    if held["proposal"].is_string() {
        lines
            .push_str(&format!(", `loa accept {id} --selectors` shows selectors that find its articles now"));
    }
    Some(lines + "\n")
}

fn state(source: &Value) -> String {
    if source["disallowed"] == true {
        return "disallowed".to_owned();
    }
    if source["state"] == "held" {
        return "held".to_owned();
    }
    match (source["failures"].as_u64().unwrap_or_default(), source["last_attempt"].is_null()) {
        (0, true) => "new".to_owned(),
        (0, false) => "ok".to_owned(),
        (1, _) => "failed once".to_owned(),
        (failures, _) => format!("failed {failures} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        model::{Following, Issue, SourceState},
        store::conformance::samples,
    };

    #[test]
    fn the_table_says_what_is_wrong() {
        let config = config::load(None, &[]).unwrap();
        let source = &config.ingest.sources[0];
        let now: Timestamp = "2026-03-05T02:15:09Z".parse().unwrap();
        let state = SourceState {
            last_attempt: Some(now),
            last_success: Some(now),
            failures: 2,
            items: 20,
            issues: vec![Issue::warning("x", "no title\u{1b}[0m")],
            moved_to: Some("https://new.example/".to_owned()),
            ..SourceState::new(source.id.clone())
        };
        let remembered = Remembered { state: Some(&state), following: None, gate: None };
        let text = describe(&[sources::health(source, remembered, Some(now))]);
        for part in ["quan1", "failed 2 times", "2026-03-05T09:15:09+07:00", "moved to https://new.example/"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.contains("quan1: warning: no title [0m") && !text.contains('\u{1b}'), "{text}");
        assert!(describe(&[sources::health(source, Remembered::default(), Some(now))]).contains("never"));
    }

    #[test]
    fn a_line_says_what_comes_from_a_hub() {
        let config = config::load(None, &[]).unwrap();
        let source = &config.ingest.sources[0];
        let line = |following: &Following| {
            let remembered = Remembered { state: None, following: Some(following), gate: None };
            hub(&sources::health(source, remembered, None))
        };
        let mut following = samples::following("quan1");
        assert_eq!(
            line(&following).unwrap(),
            "quan1: hub https://hub.example/ tells of changes until 1970-01-01T08:15:00+08:00; pushes: 7, \
             the last 1970-01-01T08:00:08+08:00; polled 4 times slower; its last refusal: 503\n"
        );
        following = Following { lease: None, pushed: None, trust: 0, ..following };
        assert_eq!(
            line(&following).unwrap(),
            "quan1: hub https://hub.example/ is not asked (`websub` of the source, `base_url` of `[web]`); no push yet\n"
        );
        assert_eq!(line(&Following::new(source.id.clone())), None);
    }
}
