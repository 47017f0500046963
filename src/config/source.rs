//! `[[source]]`, `[[feed]]`, `[[webhook]]`.

use std::{str::FromStr, sync::Arc, time::Duration};

use url::Url;

use super::{
    archive, browser, origin,
    read::{Section, Word, Wrong},
    recipe::{self, Recipes},
    sections::{self, Folders},
    suggest::nearest,
    template::{self, Known},
    tree::Table,
    trust,
};
use crate::{
    ingest::{
        self, Origin,
        quality::{Limits, Mode},
        schedule::{Schedule, adaptive::Bounds},
    },
    model::{Digest, EventType, Filter, InvalidId, Secret, SourceId},
    push::{self, mail::address},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How often a folder is looked into that does not say it: nobody is disturbed by that.
const FOLDER: Duration = Duration::from_secs(10);
/// The recipe of what is brought, where none is named.
const FEED: &str = "feed";

/// What sources, feeds and webhooks are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) recipes: &'a Recipes,
    /// The reference's own source: what other sources may leave out is taken from it.
    pub(super) default_source: &'a Table,
    /// The reference's own feed, likewise.
    pub(super) default_feed: &'a Table,
    pub(super) folders: &'a Folders,
    /// May sources ask for a browser?
    pub(super) has_browser: bool,
}

/// The keys of a `[[source]]` whose defaults the reference's own source shows.
pub(super) const SOURCE_DEFAULTS: [&str; 9] =
    ["jitter", "allow_private", "websub", "robots", "browser", "max_pages", "recheck", "archive", "gate"];

pub(super) fn sources(root: &Section<'_>, around: Surroundings<'_>) -> Option<Vec<Arc<ingest::Source>>> {
    let sections = root.tables("source");
    unique(&sections, "source");
    let sources: Vec<Option<_>> = sections.iter().map(|section| source(section, around)).collect();
    sources.into_iter().map(|source| source.map(Arc::new)).collect()
}

fn source(written: &Section<'_>, around: Surroundings<'_>) -> Option<ingest::Source> {
    let table = with_defaults(written.table_value(), around.default_source, &SOURCE_DEFAULTS);
    let section = Section::new(&table, "source", written.findings());
    section.require("id", "\"quan1\"");
    let id = section.parsed("id", id::<SourceId>);
    let name = section.filled("name").map(|word| word.text);
    let origin = origin::origin(&section, around.folders);
    let url = section.parsed("url", sections::http_url);
    let home = section.parsed("home", sections::http_url);
    let rules = rules(&section, origin.as_ref(), around);
    let group = section.filled("group").map(|word| word.text);
    let zone = rules.as_ref().map(|(rules, _)| rules.1.zone.clone());
    let schedule = schedule(&section, origin.as_ref(), zone);
    let jitter = section.duration("jitter", Duration::ZERO..=DAY);
    let allow_private = section.boolean("allow_private");
    let websub = section.boolean("websub");
    let robots = section.boolean("robots");
    let trust = trust::trust(&section, around.folders);
    let spacing = section.duration("spacing", Duration::ZERO..=HOUR);
    let is_feed = rules.as_ref().is_some_and(|(rules, _)| rules.0.feed);
    let scripts = browser::scripts(&section, around.has_browser, is_feed);
    let max_pages = section.integer("max_pages", 1..=10_000);
    let recheck = section.duration("recheck", SECOND..=366 * DAY);
    let archive = archive::archive(&section);
    let gate = section.table("gate").and_then(gate);
    section.finish();
    let ((extract, normalize, dedup), effective) = rules?;
    let (id, origin) = (id?, origin?);
    // Where nothing is asked, addresses count from the page for people.
    let url = if origin == Origin::Web { url? } else { home.clone()? };
    Some(ingest::Source {
        name: name.unwrap_or_else(|| id.to_string()),
        group,
        id,
        home: home.unwrap_or_else(|| page_for_people(&url, extract.feed)),
        rules: digest(&effective, &url, scripts.as_ref()),
        url,
        schedule: schedule?,
        // Nobody is disturbed where nobody is asked.
        jitter: if origin == Origin::Web { jitter? } else { Duration::ZERO },
        allow_private: allow_private?,
        websub: websub? && origin == Origin::Web,
        robots: robots?,
        trust: trust?.map(Arc::new),
        spacing,
        browser: scripts?,
        max_pages: max_pages?,
        recheck: recheck?,
        archive: archive?,
        gate: gate?,
        extract: Arc::new(extract),
        normalize: Arc::new(normalize),
        dedup: Arc::new(dedup),
        origin,
    })
}

fn gate(section: Section<'_>) -> Option<Limits> {
    let mode = section.parsed("mode", |text| {
        let wrong =
            || Wrong::new(format!("there is no mode `{text}`")).hint("there are `hold`, `warn`, `off`");
        Mode::parse(text).ok_or_else(wrong)
    });
    let max_new = section.integer("max_new", 1..=100_000);
    let surge = section.integer("surge", 1..=1_000);
    section.finish();
    Some(Limits { mode: mode?, max_new: max_new?, surge: surge? })
}

/// A list is a page itself; nobody reads a feed's own address, but its site has a front page.
fn page_for_people(url: &Url, feed: bool) -> Url {
    let front = || url.join("/").unwrap_or_else(|_| url.clone());
    if feed { front() } else { url.clone() }
}

/// The compiled rules of a source, and as they were written.
fn rules(
    section: &Section<'_>,
    origin: Option<&Origin>,
    around: Surroundings<'_>,
) -> Option<(recipe::Rules, Table)> {
    let platform = section.filled("platform");
    // Where that is wrong, it was said.
    let is_brought = origin.is_none_or(|origin| *origin != Origin::Web);
    for key in ["timezone", "language"] {
        section.node(key);
    }
    for (key, _) in recipe::OVERRIDES {
        section.node(key);
    }
    let base = match &platform {
        // What is brought says itself what it is.
        None if is_brought => around.recipes.get(FEED),
        None => None,
        Some(word) => {
            let base = around.recipes.get(&word.text);
            if base.is_none() {
                section.blame(word, around.recipes.unknown(&word.text));
                return None;
            }
            base
        }
    };
    let effective = recipe::effective(base, Some(section.table_value()), around.default_source);
    let is_named = platform.is_some();
    let unnamed = if is_brought { FEED } else { "custom" };
    let name = platform.map_or_else(|| unnamed.to_owned(), |word| word.text);
    let rules = recipe::compile(&effective, &name, "source", section.findings())?;
    if !is_named
        && !is_brought
        && rules.0.lists.is_empty()
        && !rules.0.feed
        && !rules.0.sitemap
        && rules.0.json.is_none()
    {
        let names: Vec<String> = around.recipes.names().map(|name| format!("`{name}`")).collect();
        let hint = format!("say its `platform` ({}), or describe it in `[[source.list]]`", names.join(", "));
        section.findings().wrong(section.place(), "nothing says how this source is read", Some(hint));
        return None;
    }
    Some((rules, effective))
}

/// Other rules void the validators of a source; so does another version of what interprets them, and another address:
/// what one server said of its page says nothing of another's.
fn digest(effective: &Table, url: &Url, scripts: Option<&ingest::Scripts>) -> Digest {
    let mut text = format!("{}\n{url}\n{}", env!("CARGO_PKG_VERSION"), effective.canonical());
    // What scripts make of a document is another one.
    if let Some(scripts) = scripts.filter(|scripts| scripts.list || scripts.pages) {
        text.push_str(&format!("\n{scripts:?}"));
    }
    let mut short = [0; 16];
    short.copy_from_slice(blake3::hash(text.as_bytes()).as_bytes().split_at(16).0);
    Digest(short)
}

/// `schedule`, `every` or `adaptive`; `schedule` may say the times that `adaptive` may choose from.
fn schedule(
    section: &Section<'_>,
    origin: Option<&Origin>,
    zone: Option<jiff::tz::TimeZone>,
) -> Option<Schedule> {
    let cron = section.filled("schedule");
    let every = section.duration("every", SECOND..=366 * DAY);
    let adaptive = section.table("adaptive").map(bounds);
    for other in ["schedule", "adaptive"] {
        if section.has(other) && section.has("every") {
            let message = format!("`{other}` and `every` are both there");
            section.wrong("every", &message, Some("keep one of them".to_owned()));
            return None;
        }
    }
    // A wrong zone was reported where it stands; the expression is still looked at.
    let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
    let cron = cron.map(|word| {
        let wrong = |error: ingest::schedule::Error| Wrong {
            message: error.message,
            span: Some(error.span),
            hint: error.hint,
        };
        Schedule::cron(&word.text, zone.clone()).map_err(|error| section.blame(&word, wrong(error))).ok()
    });
    let written = ["schedule", "every", "adaptive"].into_iter().find(|key| section.has(key));
    match (origin, written) {
        (Some(Origin::Pushed(_)), Some(key)) => {
            let message = "nothing is looked at here: articles are pushed";
            section.wrong(key, message, Some(format!("remove `{key}`")));
            return None;
        }
        (Some(Origin::Pushed(_)), None) => return Some(Schedule::never()),
        (Some(Origin::Folder(_)), None) => return Some(Schedule::every(FOLDER)),
        (None, None) => return None,
        (_, Some(_)) | (Some(Origin::Web), None) => {}
    }
    if written.is_none() {
        let hint = "add `every = \"10m\"`, `schedule = \"*/10 6-19 * * *\"`, or `adaptive = { min = \"5m\", max = \"2h\" }`";
        let hint = Some(hint.to_owned());
        section.findings().wrong(section.place(), "nothing says when to look at this source", hint);
        return None;
    }
    match (every, adaptive, cron) {
        (Some(interval), ..) => Some(Schedule::every(interval)),
        (None, Some(bounds), None) => Some(Schedule::adaptive(bounds?, zone, None)),
        (None, Some(bounds), Some(cron)) => Some(Schedule::adaptive(bounds?, zone, Some(cron?))),
        (None, None, cron) => cron?,
    }
}

/// The bounds of `adaptive`.
fn bounds(section: Section<'_>) -> Option<Bounds> {
    section.require("min", "\"5m\"");
    section.require("max", "\"2h\"");
    let (min, max) = (section.duration("min", SECOND..=7 * DAY), section.duration("max", SECOND..=366 * DAY));
    if min > max && max.is_some() {
        section.wrong("min", "`min` is more than `max`", None);
        return None;
    }
    section.finish();
    Some(Bounds { min: min?, max: max? })
}

pub(super) fn webhooks(
    root: &Section<'_>,
    around: Surroundings<'_>,
    forms: &Known,
) -> Option<Vec<push::Webhook>> {
    let sections = root.tables("webhook");
    unique(&sections, "webhook");
    let sends_mail = root.table("mail").is_some_and(|mail| mail.has("server"));
    let webhook = |section| webhook(section, around.folders, forms, sends_mail);
    let webhooks: Vec<Option<_>> = sections.into_iter().map(webhook).collect();
    webhooks.into_iter().collect()
}

fn webhook(
    section: Section<'_>,
    folders: &Folders,
    forms: &Known,
    sends_mail: bool,
) -> Option<push::Webhook> {
    section.require("id", "\"newsroom\"");
    section.require("url", "\"https://…\"");
    if !section.has("secret") {
        section.require("secret_file", "\"secrets/newsroom\"");
    }
    let id = section.parsed("id", id);
    let url = section.parsed("url", sections::http_url);
    let filter = filter(&section);
    let events = events(&section);
    let secret = secret(&section, folders);
    let allow_private = section.boolean("allow_private").unwrap_or_default();
    let form = template::form(&section, url.as_ref(), forms);
    let owner = section.parsed("owner", |text| owner(text, sends_mail));
    section.finish();
    Some(push::Webhook {
        id: id?,
        url: url?.into(),
        filter,
        events,
        secret: secret?,
        allow_private,
        form: form?,
        owner,
    })
}

/// A `mailto:` address, or one of the web.
fn owner(text: &str, sends_mail: bool) -> Result<String, Wrong> {
    if !address::is_mailto(text) {
        return sections::http_url(text).map(String::from);
    }
    if !sends_mail {
        let hint = "set `server` and `from` in `[mail]`, or write an `https:` address";
        return Err(Wrong::new("no mails are sent from here").hint(hint));
    }
    let wrong = |cause| Wrong::new(format!("this is no address of mail: {cause}"));
    Ok(format!("{}{}", address::SCHEME, address::of_mailto(text).map_err(wrong)?))
}

fn events(section: &Section<'_>) -> Vec<EventType> {
    let event = |word: Word| {
        let event = EventType::parse(&word.text);
        if event.is_none() {
            let names = EventType::ALL.map(EventType::as_str);
            let wrong = Wrong::new(format!("there is no event `{}`", word.text));
            section.blame(
                &word,
                match nearest(&word.text, names) {
                    Some(near) => wrong.hint(format!("did you mean `{near}`?")),
                    None => {
                        wrong.hint(format!("there are {}", names.map(|name| format!("`{name}`")).join(", ")))
                    }
                },
            );
        }
        event
    };
    section.words("events").unwrap_or_default().into_iter().filter_map(event).collect()
}

// === values of other rooms ===

pub(super) fn filter(section: &Section<'_>) -> Option<Filter> {
    section.parsed("filter", |text| {
        Filter::parse(text).map_err(|error| Wrong {
            message: error.message,
            span: Some(error.span),
            hint: error.hint,
        })
    })
}

fn secret(section: &Section<'_>, folders: &Folders) -> Option<Secret> {
    let word = sections::secret_text(section, ("secret", "secret_file"), folders)?;
    let parsed = push::sign::parse_secret(&word.text);
    // The text itself stays out of messages: reports end up in logs and tickets.
    let wrong = |cause: push::sign::SecretError| {
        let hint = format!("make one: `echo {}$(openssl rand -base64 32)`", cause.scheme().prefix());
        let cause = cause.to_string();
        let what = cause.lines().next().unwrap_or_default();
        Wrong::new(format!("this secret cannot be used: {what}")).hint(hint)
    };
    parsed.map_err(|cause| section.blame(&word, wrong(cause))).ok()
}

// === what the three have in common ===

/// The ids that are written, for feeds to name; also of sources that are wrong otherwise, so that one mistake
/// is not reported twice.
pub(super) fn written_ids(root: &Table) -> Vec<String> {
    let ids = root.list("source").iter().filter_map(|node| match &node.value {
        super::tree::Value::Table(table) => table.get("id"),
        _ => None,
    });
    ids.filter_map(|node| match &node.value {
        super::tree::Value::Text(text) => Some(text.clone()),
        _ => None,
    })
    .collect()
}

pub(super) fn unique(sections: &[Section<'_>], what: &str) {
    let mut seen: Vec<Word> = Vec::new();
    for section in sections {
        let Some(word) = section.peek_text("id") else { continue };
        if let Some(first) = seen.iter().find(|first| first.text == word.text) {
            let line = section.findings().line(&first.place);
            let hint = format!("the first one stands in line {line}");
            section
                .blame(&word, Wrong::new(format!("a second {what} has the id `{}`", word.text)).hint(hint));
        } else {
            seen.push(word);
        }
    }
}

pub(super) fn with_defaults(table: &Table, defaults: &Table, keys: &[&str]) -> Table {
    let mut below = Table::empty(table.place.clone());
    for entry in defaults.entries.iter().filter(|entry| keys.contains(&entry.key.as_str())) {
        below.put(entry.clone());
    }
    below.merged(table.clone())
}

pub(super) fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|invalid: InvalidId| {
        let message = invalid.to_string();
        match message.split_once(": ") {
            Some((what, rule)) => Wrong::new(what).hint(rule),
            None => Wrong::new(message),
        }
    })
}
