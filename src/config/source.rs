//! `[[source]]`, `[[feed]]`, `[[webhook]]`.

use std::{str::FromStr, sync::Arc, time::Duration};

use url::Url;

use super::{
    read::{Section, Word, Wrong},
    recipe::{self, Recipes},
    sections::{self, Folders},
    suggest::nearest,
    tree::Table,
};
use crate::{
    ingest::{self, schedule::Schedule},
    model::{Digest, EventType, FeedId, Filter, InvalidId, Secret, SourceId},
    publish, push,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What sources, feeds and webhooks are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) recipes: &'a Recipes,
    /// The reference's own source: what other sources may leave out is taken from it.
    pub(super) default_source: &'a Table,
    /// The reference's own feed, likewise.
    pub(super) default_feed: &'a Table,
    pub(super) folders: &'a Folders,
}

/// The keys of a `[[source]]` whose defaults the reference's own source shows.
const SOURCE_DEFAULTS: [&str; 4] = ["jitter", "allow_private", "max_pages", "recheck"];
/// The keys of a `[[feed]]` whose defaults the reference's own feed shows.
const FEED_DEFAULTS: [&str; 4] = ["items", "language", "window", "content"];

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
    section.require("url", "\"https://…\"");
    let id = section.parsed("id", id::<SourceId>);
    let name = section.filled("name").map(|word| word.text);
    let url = section.parsed("url", sections::http_url);
    let home = section.parsed("home", sections::http_url);
    let rules = rules(&section, around);
    let schedule = schedule(&section, rules.as_ref().map(|(rules, _)| rules.1.zone.clone()));
    let jitter = section.duration("jitter", Duration::ZERO..=DAY);
    let allow_private = section.boolean("allow_private");
    let spacing = section.duration("spacing", Duration::ZERO..=HOUR);
    let max_pages = section.integer("max_pages", 1..=10_000);
    let recheck = section.duration("recheck", SECOND..=366 * DAY);
    section.finish();
    let ((extract, normalize, dedup), effective) = rules?;
    let (id, url) = (id?, url?);
    Some(ingest::Source {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        home: home.unwrap_or_else(|| page_for_people(&url, extract.feed)),
        rules: digest(&effective, &url),
        url,
        schedule: schedule?,
        jitter: jitter?,
        allow_private: allow_private?,
        spacing,
        max_pages: max_pages?,
        recheck: recheck?,
        extract: Arc::new(extract),
        normalize: Arc::new(normalize),
        dedup: Arc::new(dedup),
    })
}

/// A list is a page itself; nobody reads a feed's own address, but its site has a front page.
fn page_for_people(url: &Url, feed: bool) -> Url {
    let front = || url.join("/").unwrap_or_else(|_| url.clone());
    if feed { front() } else { url.clone() }
}

/// The compiled rules of a source, and as they were written.
fn rules(section: &Section<'_>, around: Surroundings<'_>) -> Option<(recipe::Rules, Table)> {
    let platform = section.filled("platform");
    for key in ["timezone", "language"] {
        section.node(key);
    }
    for (key, _) in recipe::OVERRIDES {
        section.node(key);
    }
    let base = match &platform {
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
    let name = platform.map_or_else(|| "custom".to_owned(), |word| word.text);
    let rules = recipe::compile(&effective, &name, "source", section.findings())?;
    if rules.0.lists.is_empty() && !rules.0.feed {
        let names: Vec<String> = around.recipes.names().map(|name| format!("`{name}`")).collect();
        let hint = format!("say its `platform` ({}), or describe it in `[[source.list]]`", names.join(", "));
        section.findings().wrong(section.place(), "nothing says how this source is read", Some(hint));
        return None;
    }
    Some((rules, effective))
}

/// Other rules void the validators of a source; so does another version of what interprets them, and another address:
/// what one server said of its page says nothing of another's.
fn digest(effective: &Table, url: &Url) -> Digest {
    let text = format!("{}\n{url}\n{}", env!("CARGO_PKG_VERSION"), effective.canonical());
    let mut short = [0; 16];
    short.copy_from_slice(blake3::hash(text.as_bytes()).as_bytes().split_at(16).0);
    Digest(short)
}

fn schedule(section: &Section<'_>, zone: Option<jiff::tz::TimeZone>) -> Option<Schedule> {
    let cron = section.filled("schedule");
    let every = section.duration("every", SECOND..=366 * DAY);
    match (section.has("schedule"), section.has("every")) {
        (true, true) => {
            section.wrong(
                "every",
                "`schedule` and `every` are both there",
                Some("keep one of them".to_owned()),
            );
            return None;
        }
        (false, false) => {
            let hint = Some("add `every = \"10m\"`, or `schedule = \"*/10 6-19 * * *\"`".to_owned());
            section.findings().wrong(section.place(), "nothing says when to look at this source", hint);
            return None;
        }
        _ => {}
    }
    if let Some(interval) = every {
        return Some(Schedule::every(interval));
    }
    let word = cron?;
    // A wrong zone was reported where it stands; the expression is still looked at.
    let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
    let wrong = |error: ingest::schedule::Error| Wrong {
        message: error.message,
        span: Some(error.span),
        hint: error.hint,
    };
    Schedule::cron(&word.text, zone).map_err(|error| section.blame(&word, wrong(error))).ok()
}

pub(super) fn feeds(
    root: &Section<'_>,
    sources: &[String],
    around: Surroundings<'_>,
) -> Option<Vec<publish::Feed>> {
    let sections = root.tables("feed");
    unique(&sections, "feed");
    let feeds: Vec<Option<_>> = sections.iter().map(|section| feed(section, sources, around)).collect();
    feeds.into_iter().collect()
}

fn feed(written: &Section<'_>, sources: &[String], around: Surroundings<'_>) -> Option<publish::Feed> {
    let table = with_defaults(written.table_value(), around.default_feed, &FEED_DEFAULTS);
    let section = Section::new(&table, "feed", written.findings());
    section.require("id", "\"news\"");
    section.require("title", "\"…\"");
    let id = section.parsed("id", id::<FeedId>);
    let title = section.filled("title");
    let description = section.text("description");
    let language = section.parsed("language", recipe::language);
    let named = section.words("sources").map(|words| named_sources(&section, words, sources));
    let filter = filter(&section);
    let items = section.integer("items", 1..=1000);
    let window = section.duration("window", Duration::ZERO..=366 * DAY);
    let extent = section.parsed("content", extent);
    let home = section.parsed("home", sections::http_url);
    let image = section.parsed("image", sections::http_url);
    let group = section.filled("group").map(|word| word.text);
    let aliases = section.words("aliases").map(|words| aliases(&section, words)).unwrap_or_default();
    let life = life(&section);
    let access = access(&section, around.folders);
    section.finish();
    let title = title?.text;
    Some(publish::Feed {
        id: id?,
        description: description.map_or_else(|| title.clone(), |word| word.text),
        title,
        language: language?,
        sources: named.unwrap_or_else(|| sources.iter().filter_map(|id| id.parse().ok()).collect()),
        filter,
        items: items?,
        window: window?,
        extent: extent?,
        home: home.map(String::from),
        image: image.map(String::from),
        group,
        aliases,
        life,
        access: access?,
    })
}

fn extent(text: &str) -> Result<publish::Extent, Wrong> {
    [publish::Extent::Full, publish::Extent::Summary]
        .into_iter()
        .find(|extent| extent.name() == text)
        .ok_or_else(|| Wrong::new(format!("there is no content `{text}`")).hint("write `full` or `summary`"))
}

fn aliases(section: &Section<'_>, words: Vec<Word>) -> Vec<FeedId> {
    let parse = |word: Word| id(&word.text).map_err(|wrong| section.blame(&word, wrong)).ok();
    words.into_iter().filter_map(parse).collect()
}

/// `ended` and `moved_to`.
fn life(section: &Section<'_>) -> publish::Life {
    let moved = section.parsed("moved_to", sections::http_url);
    let ended = section.parsed("ended", |text| match text {
        "no" => Ok(publish::Life::Current),
        "soon" => Ok(publish::Life::Ending),
        "yes" => Ok(publish::Life::Ended),
        _ => Err(Wrong::new(format!("`ended` cannot be `{text}`")).hint("write `no`, `soon` or `yes`")),
    });
    match moved {
        Some(url) => publish::Life::Moved(url.as_str().trim_end_matches('/').to_owned()),
        None => ended.unwrap_or_default(),
    }
}

/// `private`, `tokens` and `tokens_file`: tokens are kept as their hashes only.
fn access(section: &Section<'_>, folders: &Folders) -> Option<publish::Access> {
    let private = section.boolean("private").unwrap_or_default();
    let mut tokens = section.words("tokens").unwrap_or_default();
    if let Some(file) = section.filled("tokens_file") {
        tokens.extend(token_lines(section, &file, folders)?);
    }
    if !private {
        if !tokens.is_empty() {
            let hint = Some("add `private = true`, or everybody may read it".to_owned());
            section.wrong("tokens", "`tokens` mean nothing for a public feed", hint);
        }
        return Some(publish::Access::Public);
    }
    let hash = |word: &Word| {
        let wrong = if word.text.chars().count() < 20 {
            Wrong::new("a token is too short").hint("use at least 20 characters: `openssl rand -hex 20`")
        } else if !word.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
            Wrong::new("a token has characters that an address cannot carry").hint("use letters and digits")
        } else {
            return Some(*blake3::hash(word.text.as_bytes()).as_bytes());
        };
        section.blame(word, wrong);
        None
    };
    // All of them, so that every wrong one is reported.
    let hashes: Vec<_> = tokens.iter().map(hash).collect();
    Some(publish::Access::Private(hashes.into_iter().collect::<Option<_>>()?))
}

/// The tokens of a file, the last word of each line, so that a name may stand before; `#` begins a remark.
fn token_lines(section: &Section<'_>, file: &Word, folders: &Folders) -> Option<Vec<Word>> {
    let path = folders.resolve(&file.place, &file.text);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) => {
            section.wrong("tokens_file", format!("cannot read `{}`: {cause}", path.display()), None);
            return None;
        }
    };
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.filter_map(|line| line.split_whitespace().next_back());
    Some(words.map(|word| Word { text: word.to_owned(), place: file.place.clone() }).collect())
}

fn named_sources(section: &Section<'_>, words: Vec<Word>, sources: &[String]) -> Vec<SourceId> {
    let mut named = Vec::new();
    for word in words {
        if !sources.contains(&word.text) {
            let wrong = Wrong::new(format!("there is no source `{}`", word.text));
            section.blame(
                &word,
                match nearest(&word.text, sources.iter().map(String::as_str)) {
                    Some(near) => wrong.hint(format!("did you mean `{near}`?")),
                    None => wrong.hint("each has to be the `id` of a `[[source]]`"),
                },
            );
        } else if let Ok(id) = word.text.parse()
            && !named.contains(&id)
        {
            named.push(id);
        }
    }
    named
}

pub(super) fn webhooks(root: &Section<'_>, around: Surroundings<'_>) -> Option<Vec<push::Webhook>> {
    let sections = root.tables("webhook");
    unique(&sections, "webhook");
    let webhooks: Vec<Option<_>> =
        sections.into_iter().map(|section| webhook(section, around.folders)).collect();
    webhooks.into_iter().collect()
}

fn webhook(section: Section<'_>, folders: &Folders) -> Option<push::Webhook> {
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
    section.finish();
    Some(push::Webhook { id: id?, url: url?.into(), filter, events, secret: secret?, allow_private })
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

fn filter(section: &Section<'_>) -> Option<Filter> {
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
        let cause = cause.to_string();
        let what = cause.lines().next().unwrap_or_default();
        Wrong::new(format!("this secret cannot be used: {what}"))
            .hint("make one: `echo whsec_$(openssl rand -base64 32)`")
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

fn unique(sections: &[Section<'_>], what: &str) {
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

fn with_defaults(table: &Table, defaults: &Table, keys: &[&str]) -> Table {
    let mut below = Table::empty(table.place.clone());
    for entry in defaults.entries.iter().filter(|entry| keys.contains(&entry.key.as_str())) {
        below.put(entry.clone());
    }
    below.merged(table.clone())
}

fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|invalid: InvalidId| {
        let message = invalid.to_string();
        match message.split_once(": ") {
            Some((what, rule)) => Wrong::new(what).hint(rule),
            None => Wrong::new(message),
        }
    })
}
