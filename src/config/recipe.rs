//! Recipes: how a platform's pages are read, as data. TOML in, compiled rules out.

use std::path::Path;

use jiff::tz::TimeZone;
use regex::Regex;

use super::{
    layers,
    pick::{self, Field},
    read::{Section, Word, Wrong},
    report::{Findings, Problem},
    suggest::nearest,
    tree::{Entry, Node, Place, Table, Value},
};
use crate::{
    dedup,
    extract::{
        self, ListRules, PageRules, Scope,
        json::{self, JsonRules},
    },
    normalize::{self, Order, UrlRules},
};

/// What a recipe compiles into.
pub type Rules = (extract::Rules, normalize::Rules, dedup::Rules);

/// The recipes that come with the program. A page is taken for the first whose mark it shows, so the more exact stand
/// first.
pub(super) const BUILT_IN: [(&str, &str); 12] = [
    ("sharepoint-posts", include_str!("../../config/platforms/sharepoint-posts.toml")),
    ("liferay7", include_str!("../../config/platforms/liferay7.toml")),
    ("liferay6", include_str!("../../config/platforms/liferay6.toml")),
    ("aspx-item", include_str!("../../config/platforms/aspx-item.toml")),
    ("nukeviet", include_str!("../../config/platforms/nukeviet.toml")),
    ("dotnetnuke", include_str!("../../config/platforms/dotnetnuke.toml")),
    ("wordpress", include_str!("../../config/platforms/wordpress.toml")),
    ("slug-id", include_str!("../../config/platforms/slug-id.toml")),
    ("wordpress-api", include_str!("../../config/platforms/wordpress-api.toml")),
    ("html", include_str!("../../config/platforms/html.toml")),
    ("feed", include_str!("../../config/platforms/feed.toml")),
    ("sitemap", include_str!("../../config/platforms/sitemap.toml")),
];

/// The keys of a recipe that a `[[source]]` may override, and how the recipe calls them: a source's own `url` is its
/// address, so the recipe's `[url]` is `[source.canonical]` there.
pub(super) const OVERRIDES: [(&str, &str); 11] = [
    ("feed", "feed"),
    ("sitemap", "sitemap"),
    ("json", "json"),
    ("fingerprint", "fingerprint"),
    ("max_items", "max_items"),
    ("list", "list"),
    ("page", "page"),
    ("dates", "dates"),
    ("text", "text"),
    ("canonical", "url"),
    ("identity", "identity"),
];

/// The recipes at hand, by name: built-in ones and the operator's own, which win.
#[derive(Debug, Default)]
pub(super) struct Recipes(Vec<(String, Table)>);

// === impl Recipes ===

impl Recipes {
    pub(super) fn built_in(findings: &Findings) -> Self {
        let mut recipes = Self::default();
        for (name, text) in BUILT_IN {
            let id = findings.add_text(format!("{name}.toml (built in)"), text);
            if let Some(table) = layers::parse(text, id, findings) {
                recipes.put(name.to_owned(), table);
            }
        }
        recipes
    }

    /// Adds every `*.toml` of a folder.
    pub(super) fn add_folder(&mut self, folder: &Path, place: &Place, findings: &Findings) {
        let files = match toml_files(folder) {
            Ok(files) => files,
            Err(cause) => {
                findings.wrong(
                    place,
                    format!("cannot read the folder `{}`: {cause}", folder.display()),
                    None,
                );
                return;
            }
        };
        let mut own: Vec<String> = Vec::new();
        for path in files {
            if let Some((word, table)) = read_file(&path, findings) {
                if own.contains(&word.text) {
                    findings.wrong(&word.place, format!("a second recipe is called `{}`", word.text), None);
                }
                own.push(word.text.clone());
                self.put(word.text, table);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Table> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, table)| table)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// What is wrong with asking for a recipe that is not there.
    pub(super) fn unknown(&self, name: &str) -> Wrong {
        let wrong = Wrong::new(format!("there is no platform `{name}`"));
        match nearest(name, self.names()) {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None => {
                let names: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
                wrong.hint(format!("there are {}", names.join(", ")))
            }
        }
    }

    fn put(&mut self, name: String, table: Table) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, table));
    }
}

fn toml_files(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(path: &Path, findings: &Findings) -> Option<(Word, Table)> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) => {
            let message = format!("cannot read the recipe `{}`: {cause}", path.display());
            findings.add(Problem { place: None, message, hint: None });
            return None;
        }
    };
    let id = findings.add_text(path.display().to_string(), text.clone());
    let table = layers::parse(&text, id, findings)?;
    let section = Section::new(&table, "", findings);
    section.require("name", "\"my-platform\"");
    let name = section.filled("name")?;
    Some((name, table))
}

// === overriding ===

/// `recipe` with what `source` overrides, on top of the defaults that the reference's own source shows.
pub(super) fn effective(recipe: Option<&Table>, source: Option<&Table>, defaults: &Table) -> Table {
    let mut table = overrides(defaults);
    if let Some(recipe) = recipe {
        table = table.merged(recipe.clone());
    }
    match source {
        Some(source) => table.merged(overrides(source)),
        None => table,
    }
}

/// The recipe keys of a `[[source]]`, called as recipes call them.
fn overrides(source: &Table) -> Table {
    let mut table = Table::empty(source.place.clone());
    for (key, to) in OVERRIDES {
        if let Some(entry) = source.entries.iter().find(|entry| entry.key == key) {
            table.put(Entry { key: to.to_owned(), ..entry.clone() });
        }
    }
    for (key, section, to) in [("timezone", "dates", "timezone"), ("language", "text", "language")] {
        if let Some(entry) = source.entries.iter().find(|entry| entry.key == key) {
            put_below(&mut table, section, Entry { key: to.to_owned(), ..entry.clone() });
        }
    }
    table
}

/// Puts `entry` into the sub-table `section`, unless something more exact stands there.
fn put_below(table: &mut Table, section: &str, entry: Entry) {
    if table.table(section).is_some_and(|inner| inner.get(&entry.key).is_some()) {
        return;
    }
    let place = entry.place.clone();
    let inner = Table { entries: vec![entry], place: place.clone() };
    let node = Node { value: Value::Table(inner), place: place.clone() };
    let over =
        Table { entries: vec![Entry { key: section.to_owned(), place, node }], place: table.place.clone() };
    let below = std::mem::replace(table, Table::empty(over.place.clone()));
    *table = below.merged(over);
}

// === compiling ===

/// Compiles an effective recipe. `path` is how messages call it: empty for a recipe file, `source` for a source.
pub(super) fn compile(table: &Table, platform: &str, path: &str, findings: &Findings) -> Option<Rules> {
    let section = Section::new(table, path, findings);
    let label = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    section.node("name");
    section.text("description");
    let feed = section.boolean("feed").unwrap_or_default();
    let sitemap = section.boolean("sitemap").unwrap_or_default();
    let fingerprint = regexes(&section, "fingerprint");
    let max_items = section.integer("max_items", 1..=10_000);
    let json = section.table("json").map(json);
    let lists: Vec<Option<ListRules>> = section.tables("list").into_iter().map(list).collect();
    let page = section.table("page").map(page);
    let dates = section.table("dates").and_then(dates);
    let text = section.table("text").map(text);
    let url = section
        .table("url")
        .map(|url| url_rules(url.named(label(if path.is_empty() { "url" } else { "canonical" }))));
    let item: Vec<Option<dedup::ItemPattern>> =
        section.tables("identity").into_iter().map(identity).collect();
    section.finish();
    let (zone, order) = dates?;
    let (language, title_noise, body_noise) = text.unwrap_or_default();
    let extract = extract::Rules {
        platform: platform.to_owned(),
        feed,
        sitemap,
        json,
        lists: lists.into_iter().collect::<Option<_>>()?,
        page: page.map_or(Some(None), |page| page.map(Some))?,
        fingerprint,
        max_items: max_items?,
    };
    let url = url.unwrap_or_default();
    let normalize = normalize::Rules { zone, order, language, url, title_noise, body_noise };
    Some((extract, normalize, dedup::Rules { item: item.into_iter().collect::<Option<_>>()? }))
}

fn list(section: Section<'_>) -> Option<ListRules> {
    section.require("item", "\"li.news\"");
    let item = section.parsed("item", pick::selector);
    let scope = section.parsed("scope", |text| match text {
        "inside" => Ok(Scope::Inside),
        "until-next" => Ok(Scope::UntilNext),
        _ => Err(Wrong::new(format!("`{text}` is not a scope")).hint("write `inside` or `until-next`")),
    });
    let pick = |key, field| pick::read(&section, key, field);
    let (title, link, id) = (pick("title", Field::Text), pick("link", Field::Link), pick("id", Field::Text));
    let (date, summary) = (pick("date", Field::Text), pick("summary", Field::Html));
    let image = pick("image", Field::Image);
    let (category, author) = (pick("category", Field::Text), pick("author", Field::Text));
    section.finish();
    let scope = scope.unwrap_or_default();
    Some(ListRules { item: item?, scope, title, link, id, date, summary, image, category, author })
}

fn json(section: Section<'_>) -> JsonRules {
    let ways = |key| pick::json(&section, key);
    let rules = JsonRules {
        items: section.text("items").map(|word| json::path(&word.text)).unwrap_or_default(),
        id: ways("id"),
        title: ways("title"),
        link: ways("link"),
        date: ways("date"),
        updated: ways("updated"),
        summary: ways("summary"),
        content: ways("content"),
        image: ways("image"),
        category: ways("category"),
        author: ways("author"),
    };
    section.finish();
    rules
}

fn page(section: Section<'_>) -> Option<PageRules> {
    let pick = |key, field| pick::read(&section, key, field);
    let rules = PageRules {
        id: pick("id", Field::Text),
        title: pick("title", Field::Text),
        date: pick("date", Field::Text),
        summary: pick("summary", Field::Html),
        body: pick("body", Field::Html),
        image: pick("image", Field::Image),
        category: pick("category", Field::Text),
        author: pick("author", Field::Text),
        attachments: pick("attachments", Field::Link),
        drop: each(&section, "drop", pick::selector),
    };
    section.finish();
    Some(rules)
}

fn dates(section: Section<'_>) -> Option<(TimeZone, Order)> {
    let zone = section.parsed("timezone", zone);
    let order = section.parsed("order", |text| match text {
        "dmy" => Ok(Order::DayFirst),
        "mdy" => Ok(Order::MonthFirst),
        _ => Err(Wrong::new(format!("`{text}` is not an order of dates")).hint("write `dmy` or `mdy`")),
    });
    section.finish();
    Some((zone?, order?))
}

fn text(section: Section<'_>) -> (Option<String>, Vec<Regex>, Vec<Regex>) {
    let language = section.parsed("language", language);
    let title_noise = regexes(&section, "title_noise");
    let body_noise = regexes(&section, "body_noise");
    section.finish();
    (language, title_noise, body_noise)
}

fn url_rules(section: Section<'_>) -> UrlRules {
    let strings = |key| section.words(key).unwrap_or_default().into_iter().map(|word| word.text).collect();
    let rules = UrlRules {
        fold_path: section.boolean("fold_path").unwrap_or_default(),
        fold_params: section.boolean("fold_params").unwrap_or_default(),
        drop_params: strings("drop_params"),
        keep_params: strings("keep_params"),
        rename_params: renames(&section),
        rewrite: section.tables("rewrite").into_iter().filter_map(rewrite).collect(),
    };
    section.finish();
    rules
}

/// `{ other = "canonical" }`: the keys are the site's, so none of them is unknown.
fn renames(section: &Section<'_>) -> Vec<(String, String)> {
    let Some(Node { value, place }) = section.node("rename_params") else { return Vec::new() };
    let Value::Table(table) = value else {
        let hint = Some("write it as `{ id = \"itemid\" }`".to_owned());
        section.findings().wrong(
            place,
            format!("`rename_params` must be a table, not {}", value.kind()),
            hint,
        );
        return Vec::new();
    };
    let rename = |entry: &Entry| match &entry.node.value {
        Value::Text(to) => Some((entry.key.clone(), to.clone())),
        other => {
            let message = format!("`{}` must be a text, not {}", entry.key, other.kind());
            section.findings().wrong(&entry.node.place, message, Some("put it in quotes".to_owned()));
            None
        }
    };
    table.entries.iter().filter_map(rename).collect()
}

fn rewrite(section: Section<'_>) -> Option<(Regex, String)> {
    section.require("pattern", "'^/(vi|en)/'");
    section.require("with", "'/'");
    let pattern = section.parsed("pattern", regex);
    let with = section.text("with");
    if let (Some(pattern), Some(with)) = (&pattern, &with) {
        check_captures(&section, pattern, with);
    }
    section.finish();
    Some((pattern?, with?.text))
}

fn identity(section: Section<'_>) -> Option<dedup::ItemPattern> {
    section.require("url", r"'^(?<site>/.*)\?itemid=(?<id>\d+)'");
    section.require("key", "'${site}#${id}'");
    let url = section.parsed("url", regex);
    let key = section.filled("key");
    if let (Some(url), Some(key)) = (&url, &key) {
        check_captures(&section, url, key);
    }
    section.finish();
    Some(dedup::ItemPattern { url: url?, key: key?.text })
}

/// Every `${name}` of a replacement has to be a group of its pattern: the regex crate would silently write nothing.
fn check_captures(section: &Section<'_>, pattern: &Regex, replacement: &Word) {
    let known = |name: &str| match name.parse::<usize>() {
        Ok(number) => number < pattern.captures_len(),
        Err(_) => pattern.capture_names().flatten().any(|known| known == name),
    };
    let reference =
        Regex::new(r"\$\$|\$(?:\{(?<braced>[^}]*)\}|(?<bare>[0-9A-Za-z_]+))").expect("it is constant");
    for found in reference.captures_iter(&replacement.text) {
        let Some(name) = found.name("braced").or_else(|| found.name("bare")) else { continue };
        if known(name.as_str()) {
            continue;
        }
        let groups: Vec<&str> = pattern.capture_names().flatten().collect();
        let mut wrong = Wrong::new(format!("the pattern has no group `{}`", name.as_str()));
        wrong.span = Some(found.get_match().range());
        section.blame(
            replacement,
            match nearest(name.as_str(), groups.iter().copied()) {
                Some(near) => wrong.hint(format!("did you mean `${{{near}}}`?")),
                None => wrong.hint(format!("name it there: `(?<{}>…)`", name.as_str())),
            },
        );
    }
}

// === values ===

fn regexes(section: &Section<'_>, key: &'static str) -> Vec<Regex> {
    each(section, key, regex)
}

/// Parses every text of a list and records what is wrong with each.
fn each<T>(section: &Section<'_>, key: &'static str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Vec<T> {
    let parsed = |word: Word| parse(&word.text).map_err(|wrong| section.blame(&word, wrong)).ok();
    section.words(key).unwrap_or_default().into_iter().filter_map(parsed).collect()
}

pub(super) fn regex(text: &str) -> Result<Regex, Wrong> {
    Regex::new(text).map_err(|cause| {
        let cause = cause.to_string();
        let last = cause.lines().last().unwrap_or_default();
        Wrong::new(format!("this is not a regular expression: {}", last.trim_start_matches("error: ")))
            .hint("patterns are those of Rust's `regex`: no look-around, no back-references; write them in single quotes")
    })
}

pub(super) fn zone(text: &str) -> Result<TimeZone, Wrong> {
    TimeZone::get(text).map_err(|_| {
        let wrong = Wrong::new(format!("there is no time zone `{text}`"));
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        match nearest(text, names.iter().map(String::as_str)) {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None => wrong.hint("use a name of the IANA database: `Asia/Ho_Chi_Minh`, `Europe/Berlin`, `UTC`"),
        }
    })
}

/// A language tag in the shape of BCP 47, section 2.1.
pub(super) fn language(text: &str) -> Result<String, Wrong> {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    let fits = |part: &str, least: usize| {
        (least..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if fits(primary, 2) && primary.bytes().all(|b| b.is_ascii_alphabetic()) && parts.all(|part| fits(part, 1))
    {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(format!("`{text}` is not a language tag"))
        .hint("write it as in HTML: `vi`, `en`, `en-US`"))
}
