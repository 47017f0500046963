//! `loa subscriptions`

use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Common, Done, Failure, api, block_on, out, table};
use crate::{
    app, clock,
    config::Config,
    journal::Journal,
    net,
    push::Push,
    store,
    web::{
        auth::Caller,
        ledger::{self, Ask},
        subscriptions::PATH,
    },
};

/// Who is told, how that goes, and telling it again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa subscriptions list
  loa subscriptions add https://newsroom.example/hook --filter 'title:\"thông báo\"'
  loa subscriptions add https://newsroom.example/hook --start 2026-11-20
  loa subscriptions add https://newsroom.example/hook --signature v1a
  loa subscriptions add mailto:an@example.vn --digest 18:00 --filter 'title:\"thông báo\"'
  loa subscriptions log newsroom --limit 20
  loa subscriptions replay newsroom --since 2026-11-20
  loa subscriptions replay newsroom --parked
  loa subscriptions rotate sub_5f3c8a1b9d7e4f60a2c1
  loa subscriptions page newsroom")]
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
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// Makes one; its secret is shown this once, or its public key. An address of mail is asked first whether it wants this
    Add {
        /// Where to POST, or `mailto:` and an address
        url: String,
        /// Which articles
        #[arg(long)]
        filter: Option<String>,
        /// Which events: `article.published`, `article.updated`, `article.withdrawn`
        #[arg(long = "event", value_name = "TYPE")]
        events: Vec<String>,
        /// What bodies look like: `native`, `cloudevents`, `slack`, `discord`, `mattermost`, `teams`, `telegram`, `ntfy`, or
        /// the name of a `[[template]]`
        #[arg(long, value_name = "NAME")]
        form: Option<String>,
        /// A secret of yours: `whsec_` and base64, or an ed25519 key: `whsk_` and base64
        #[arg(long)]
        secret: Option<String>,
        /// How messages are signed: `v1` by a shared secret, `v1a` by a key pair (ed25519) whose public half is shown
        #[arg(long, value_name = "SCHEME")]
        signature: Option<String>,
        /// From where on: `now`, the number of an event, or a date
        #[arg(long, default_value = "now")]
        start: String,
        #[command(flatten)]
        mail: Mail,
        /// Where its owner hears of trouble: `mailto:` and an address, or an `https:` one
        #[arg(long, value_name = "ADDRESS")]
        owner: Option<String>,
    },
    /// Ends one, with everything that waits for it
    Remove {
        /// Which
        id: String,
    },
    /// Lets its deliveries wait
    Pause {
        /// Which
        id: String,
    },
    /// Lets it go on, whether it was paused or disabled
    Resume {
        /// Which
        id: String,
    },
    /// Sends it a ping now
    Test {
        /// Which
        id: String,
    },
    /// Tells it again what it was told, or missed; ids stay, so receivers that have it pass over it
    Replay {
        /// Which
        id: String,
        #[command(flatten)]
        what: What,
    },
    /// Gives it a new secret; the one before signs beside it for a while
    Rotate {
        /// Which
        id: String,
        /// A secret of yours: `whsec_` and base64, or an ed25519 key: `whsk_` and base64
        #[arg(long)]
        secret: Option<String>,
        /// How messages are signed from now on: `v1` or `v1a`; as before without it
        #[arg(long, value_name = "SCHEME")]
        signature: Option<String>,
    },
    /// A link to its page, for its owner; the one before opens nothing any more
    Page {
        /// Which
        id: String,
    },
    /// What was said to it, newest first
    Log {
        /// Which
        id: String,
        /// How many attempts
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
}

#[derive(Debug, Default, Args)]
struct Mail {
    /// Mail: all of a day in one, at this time (`18:00`); without it each at once
    #[arg(long, value_name = "TIME")]
    digest: Option<String>,
    /// Mail: the time zone of the digest, such as `Asia/Ho_Chi_Minh`
    #[arg(long, value_name = "ZONE", requires = "digest")]
    timezone: Option<String>,
    /// Mail: what they speak, `vi` or `en`
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct What {
    /// This event
    #[arg(long, conflicts_with_all = ["after", "since", "parked"])]
    sequence: Option<u64>,
    /// The events after this one
    #[arg(long, conflicts_with_all = ["since", "parked"])]
    after: Option<u64>,
    /// The last of them
    #[arg(long, requires = "after")]
    upto: Option<u64>,
    /// Everything since a date
    #[arg(long, conflicts_with = "parked")]
    since: Option<String>,
    /// What was given up after its last attempt
    #[arg(long)]
    parked: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    let config = common.load()?;
    let ask = ask(&arguments.command);
    let answer = block_on(api::answer(&config, PATH, &ask, here(&config, &ask)))?;
    let failed = matches!(arguments.command, Command::Test { .. }) && !answer["error"].is_null();
    let text = if arguments.json { format!("{answer}\n") } else { describe(&arguments.command, &answer) };
    out::text(&text)?;
    if failed { Err(Failure::Said) } else { Ok(()) }
}

/// What the API is asked.
fn ask(command: &Command) -> Ask {
    let of = |id: &str, rest: &str| format!("/{}{rest}", api::path_part(id));
    let (method, path, body) = match command {
        Command::List => (Method::GET, String::new(), Map::new()),
        Command::Show { id } => (Method::GET, of(id, ""), Map::new()),
        Command::Add { url, filter, events, form, secret, signature, start, mail, owner } => {
            // A number is one: the API tells it from a date.
            let start = start.parse::<u64>().map_or_else(|_| Value::from(start.as_str()), Value::from);
            let Mail { digest, timezone, language } = mail;
            let events = (!events.is_empty()).then(|| events.clone());
            let body = json!({
                "url": url, "filter": filter, "events": events, "form": form, "secret": secret,
                "signature": signature, "start": start, "digest": digest, "timezone": timezone,
                "language": language, "owner": owner,
            });
            (Method::POST, String::new(), members(body))
        }
        Command::Remove { id } => (Method::DELETE, of(id, ""), Map::new()),
        Command::Pause { id } => (Method::POST, of(id, "/pause"), Map::new()),
        Command::Resume { id } => (Method::POST, of(id, "/resume"), Map::new()),
        Command::Test { id } => (Method::POST, of(id, "/test"), Map::new()),
        Command::Page { id } => (Method::POST, of(id, "/page"), Map::new()),
        Command::Replay { id, what } => (Method::POST, of(id, "/replay"), replayed(what)),
        Command::Rotate { id, secret, signature } => {
            let body = json!({ "secret": secret, "signature": signature });
            (Method::POST, of(id, "/rotate"), members(body))
        }
        Command::Log { id, limit } => (Method::GET, of(id, &format!("/attempts?limit={limit}")), Map::new()),
    };
    Ask { method, path, body }
}

fn replayed(what: &What) -> Map<String, Value> {
    members(json!({
        "sequence": what.sequence,
        "after": what.after,
        "upto": what.upto,
        "since": what.since,
        "parked": what.parked.then_some(true),
    }))
}

/// The members that say something.
fn members(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { return Map::new() };
    members.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// The answer from a store that nobody else has.
async fn here(config: &Config, ask: &Ask) -> anyhow::Result<Value> {
    let push = room(config).await?;
    ledger::answer_to(&push, &Caller::Operator, ask).await.map_err(api::refused)
}

/// The room that tells, on a store that nobody else has.
async fn room(config: &Config) -> anyhow::Result<Arc<Push>> {
    let clock = Arc::new(clock::System);
    let store = store::open(&config.store).await?;
    let journal = Arc::new(Journal::open(Arc::clone(&store)).await?);
    let client = net::Client::new(&config.net, clock.clone()).context("cannot make an HTTP client")?;
    let push = Push::new(store, journal, client, clock, config.push.clone());
    push.set_private(app::shown::private_sources(config));
    push.reload(config.push.clone()).await?;
    Ok(push)
}

// === what people see ===

fn describe(command: &Command, answer: &Value) -> String {
    let id = |id: &str| table::cell(id, 100);
    match command {
        Command::List => list(answer),
        Command::Show { .. } => whole(answer),
        Command::Add { .. } => {
            let said = match shown_once(answer) {
                Some(secret) => format!("secret (shown this once): {secret}\n"),
                None if answer["state"] == "unconfirmed" => {
                    "a mail asks the address whether it wants this: nothing is sent before that\n".to_owned()
                }
                None => String::new(),
            };
            format!("{}{said}", whole(answer))
        }
        Command::Remove { id: removed } => format!("`{}` is no more\n", id(removed)),
        Command::Pause { id: paused } => format!("`{}` waits\n", id(paused)),
        Command::Resume { id: resumed } => format!("`{}` goes on\n", id(resumed)),
        Command::Test { .. } => format!("{}\n", attempt(answer)),
        Command::Page { .. } => format!("{}\n", answer["page"].as_str().unwrap_or_default()),
        Command::Replay { .. } => format!("{} events are due again\n", answer["replayed"]),
        Command::Rotate { .. } => match shown_once(answer) {
            Some(secret) => format!("new secret (shown this once): {secret}\n"),
            None => format!("new public key: {}\n", text(&answer["public_key"], 200)),
        },
        Command::Log { .. } => log(answer),
    }
}

/// The new secret; none where there is a key pair.
fn shown_once(answer: &Value) -> Option<String> {
    answer["secret"].as_str().map(|secret| table::cell(secret, 200))
}

fn list(answer: &Value) -> String {
    let all = answer["subscriptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return "nobody is told anything\n".to_owned();
    }
    let mut table = table::table(&["subscription", "state", "delivered", "failing since", "where"]);
    for one in all {
        table.add_row([
            text(&one["id"], 80),
            state(one),
            one["delivered"].as_u64().map_or_else(|| "nothing yet".to_owned(), |n| format!("#{n}")),
            text(&one["failing_since"], 40),
            text(&one["url"], 100),
        ]);
    }
    table::print(&table)
}

/// Its state, and whether it has never said that it is there.
fn state(one: &Value) -> String {
    let state = text(&one["state"], 20);
    let is_silent = one["channel"] == "webhook" && one["verified"].is_null() && state == "active";
    if is_silent { format!("{state}, not confirmed") } else { state }
}

/// Every member that has a value, a line each.
fn whole(answer: &Value) -> String {
    let members = answer.as_object().into_iter().flatten().filter(|(name, value)| {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        !is_empty && *name != "secret"
    });
    let lines = members.map(|(name, value)| format!("{name:<14} {}\n", text(value, 400)));
    lines.collect()
}

fn log(answer: &Value) -> String {
    let all = answer["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return "nothing was said to it yet\n".to_owned();
    }
    all.iter().map(|one| format!("{}\n", attempt(one))).collect()
}

/// One attempt in a line.
fn attempt(one: &Value) -> String {
    let usual = one["type"].as_str().unwrap_or("ping");
    let what = one["sequence"].as_u64().map_or_else(|| table::cell(usual, 20), |n| format!("#{n}"));
    let status = one["status"].as_u64().map_or_else(|| "---".to_owned(), |n| n.to_string());
    let said = if one["error"].is_null() { &one["answer"] } else { &one["error"] };
    let line = format!(
        "{:<24}  {what:<8} attempt {}  {status}  {:>6} ms  {:<9}  {}",
        text(&one["at"], 40),
        one["attempt"],
        one["milliseconds"].to_string(),
        text(&one["outcome"], 20),
        text(said, 200)
    );
    line.trim_end().to_owned()
}

fn text(value: &Value, longest: usize) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => table::cell(text, longest),
        other => table::cell(&other.to_string(), longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_asked_for_what_was_typed() {
        let add = Command::Add {
            url: "https://a.example/".to_owned(),
            filter: None,
            events: vec!["article.published".to_owned()],
            form: Some("slack".to_owned()),
            secret: None,
            signature: None,
            start: "120".to_owned(),
            mail: Mail::default(),
            owner: None,
        };
        let asked = ask(&add);
        assert_eq!((asked.method, asked.path.as_str()), (Method::POST, ""));
        let body = json!({ "url": "https://a.example/", "events": ["article.published"], "form": "slack", "start": 120 });
        assert_eq!(Value::Object(asked.body), body);
        let rotate = Command::Rotate { id: "a".into(), secret: None, signature: Some("v1a".into()) };
        let asked = ask(&rotate);
        assert_eq!((asked.path.as_str(), asked.body["signature"].as_str()), ("/a/rotate", Some("v1a")));
        let keys = json!({ "id": "a", "signature": "v1a", "public_key": "whpk_AAAA" });
        assert_eq!(describe(&rotate, &keys), "new public key: whpk_AAAA\n");
        assert!(describe(&add, &keys).ends_with("public_key     whpk_AAAA\n"));
        let shared = json!({ "id": "a", "signature": "v1", "public_key": null, "secret": "whsec_AAAA" });
        assert_eq!(describe(&rotate, &shared), "new secret (shown this once): whsec_AAAA\n");
        assert!(describe(&add, &shared).ends_with("v1\nsecret (shown this once): whsec_AAAA\n"));
        let what = What { sequence: None, after: Some(3), upto: None, since: None, parked: false };
        let asked = ask(&Command::Replay { id: "a/../b".to_owned(), what });
        assert_eq!(asked.path, "/a%2F..%2Fb/replay");
        assert_eq!(Value::Object(asked.body), json!({ "after": 3 }));
    }

    #[test]
    fn an_attempt_is_a_line_that_drives_no_terminal() {
        let one = json!({
            "at": "2026-03-05T02:15:09Z", "sequence": 7, "attempt": 2, "milliseconds": 12, "status": 500,
            "answer": "x", "error": "it answered 500\u{1b}[2J", "outcome": "retry",
        });
        let line = attempt(&one);
        assert_eq!(
            line,
            "2026-03-05T02:15:09Z      #7       attempt 2  500      12 ms  retry      it answered 500 [2J"
        );
        let ping =
            json!({ "at": "x", "attempt": 1, "milliseconds": 3, "outcome": "delivered", "answer": "" });
        assert_eq!(attempt(&ping), "x                         ping     attempt 1  ---       3 ms  delivered");
        assert_eq!(log(&json!({ "attempts": [] })), "nothing was said to it yet\n");
        assert!(list(&json!({ "subscriptions": [] })).contains("nobody"));
    }
}
