//! `loa sources`

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
    ingest::Source,
    model::{SourceState, Timestamp},
    store,
    web::api::sources,
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
async fn health(config: &Config) -> anyhow::Result<Vec<Value>> {
    match states(config).await {
        Ok(states) => {
            let now = clock::System.now();
            let state = |source: &Source| states.iter().find(|state| state.id == source.id);
            Ok(config.ingest.sources.iter().map(|source| value(source, state(source), now)).collect())
        }
        Err(error) if api::is_locked(&error) => {
            let answer = Daemon::of(config)?.get("api/v1/sources").await?;
            let mut answer: Value =
                serde_json::from_slice(&answer.body).context("cannot read the daemon's answer")?;
            Ok(answer["sources"].as_array_mut().map(std::mem::take).unwrap_or_default())
        }
        Err(error) => Err(error),
    }
}

/// What the store remembers; nothing when there is none yet (looking at it does not make one).
async fn states(config: &Config) -> anyhow::Result<Vec<SourceState>> {
    if config.store.path.as_ref().is_some_and(|path| !path.exists()) {
        return Ok(Vec::new());
    }
    Ok(store::open(&config.store).await?.sources().await?)
}

fn value(source: &Source, state: Option<&SourceState>, now: Timestamp) -> Value {
    let due = match state.and_then(|state| state.last_attempt) {
        // Never asked: due at once.
        None => Some(now),
        Some(last) => {
            let not_before = state.and_then(|state| state.not_before);
            source.schedule.next(last).map(|due| due.max(not_before.unwrap_or(due)))
        }
    };
    sources::health(source, state, due)
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

fn state(source: &Value) -> String {
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
    use crate::{config, model::Issue};

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
        let text = describe(&[value(source, Some(&state), now)]);
        for part in ["quan1", "failed 2 times", "2026-03-05T09:15:09+07:00", "moved to https://new.example/"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.contains("quan1: warning: no title [0m") && !text.contains('\u{1b}'), "{text}");
        assert!(describe(&[value(source, None, now)]).contains("never"));
    }
}
