//! `loa tokens`

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Common, Done, api, block_on, out, table};
use crate::{
    clock,
    config::Config,
    store,
    web::{
        auth::Tokens,
        ledger::Ask,
        tokens::{self, PATH},
    },
};

/// Permissions for the API: who may read, subscribe, or do everything
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa tokens list
  loa tokens add newsroom --scope subscribe
  loa tokens add monitoring --scope read --expires 2027-12-31
  loa tokens remove newsroom

A token is shown once, when it is made; what is kept is a hash of it. The operator's own
(`web.token`, or `api-token` in the store's folder) is not listed and permits everything.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All of them, a line each
    List,
    /// Makes one, and shows it this once
    Add {
        /// Its name: for whom it is
        name: String,
        /// What it permits; may be given several times
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// From when on it permits nothing: a date
        #[arg(long, value_name = "DATE")]
        expires: Option<String>,
    },
    /// Takes one back: it opens nothing any more; the subscriptions that were made with it go on
    Remove {
        /// Which
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    /// To read what is not public, but no secret
    Read,
    /// To make subscriptions, and to do everything with these
    Subscribe,
    /// Everything
    Admin,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let ask = ask(&arguments.command);
    let answer = block_on(api::answer(&config, PATH, &ask, here(&config, &ask)))?;
    let text = if arguments.json { format!("{answer}\n") } else { describe(&arguments.command, &answer) };
    Ok(out::text(&text)?)
}

/// What the API is asked.
fn ask(command: &Command) -> Ask {
    let (method, path, body) = match command {
        Command::List => (Method::GET, String::new(), Value::Null),
        Command::Add { name, scopes, expires } => {
            let names = scopes.iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
            (Method::POST, String::new(), json!({ "name": name, "scopes": names, "expires": expires }))
        }
        Command::Remove { name } => (Method::DELETE, format!("/{}", api::path_part(name)), Value::Null),
    };
    let body = if let Value::Object(members) = body { members } else { Map::new() };
    Ask { method, path, body }
}

/// The answer from a store that nobody else has.
async fn here(config: &Config, ask: &Ask) -> anyhow::Result<Value> {
    let store = store::open(&config.store).await?;
    let tokens = Tokens::open(store, Arc::new(clock::System), "").await?;
    tokens::answer_to(&tokens, ask).await.map_err(api::refused)
}

// === what people see ===

fn describe(command: &Command, answer: &Value) -> String {
    match command {
        Command::List => list(answer),
        Command::Add { .. } => {
            format!("token (shown this once): {}\n", answer["token"].as_str().unwrap_or_default())
        }
        Command::Remove { name } => format!("`{}` opens nothing any more\n", table::cell(name, 100)),
    }
}

fn list(answer: &Value) -> String {
    let all = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return "there is no token but the operator's own\n".to_owned();
    }
    let mut table = table::table(&["token", "permits", "created", "expires", "used"]);
    for one in all {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let scopes: Vec<&str> =
            one["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let expires = match one["expired"].as_bool() {
            Some(true) => format!("{} (over)", text("expires")),
            _ => text("expires"),
        };
        let used = if one["used"].is_null() { "never".to_owned() } else { text("used") };
        table.add_row([text("name"), scopes.join(", "), text("created"), expires, used]);
    }
    table::print(&table)
}
