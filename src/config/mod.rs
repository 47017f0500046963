//! What was written, and what it means.
//!
//! A configuration is layers of TOML: the embedded reference (`config/loa.toml`: every key, its default), the file,
//! the environment (`LOA_WEB__LISTEN`), flags. They are merged as values that remember their places, read section by
//! section, and compiled into the settings of each room: selectors parsed, zones resolved, references checked.
//! Nothing stops at the first mistake: a [`Report`] has all of them.

mod archive;
mod browser;
mod excerpt;
mod feed;
mod layers;
mod mail;
mod origin;
mod pick;
mod platforms;
mod read;
mod recipe;
mod report;
mod sections;
mod source;
mod suggest;
mod template;
mod tree;
mod trust;
mod units;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use excerpt::{Excerpt, RECIPES, excerpt, load_alone};
pub use platforms::{generic, platforms, recipe, source_at, source_in};
pub use recipe::Rules;
pub use report::{Located, Problem, Report};
pub(crate) use suggest::nearest;

use self::{
    layers::Inputs,
    read::Section,
    recipe::Recipes,
    report::Findings,
    sections::Folders,
    source::Surroundings,
    tree::{Table, Value},
};
use crate::{fetch, ingest, net, publish, push, store, telemetry, web};

/// What a configuration means: every reference checked, every selector compiled.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[log]`
    pub telemetry: telemetry::Settings,
    /// `[net]`
    pub net: net::Settings,
    /// `[browser]`; `None` where there is none.
    pub browser: Option<fetch::browser::Settings>,
    /// `[store]`
    pub store: store::Settings,
    /// `[ingest]` and `[[source]]`
    pub ingest: ingest::Settings,
    /// `[[feed]]`
    pub publish: publish::Settings,
    /// `[push]` and `[[webhook]]`
    pub push: push::Settings,
    /// `[web]`
    pub web: web::Settings,
}

/// Reads the configuration: the built-in one without a file, with the environment of this process and `overrides`
/// (dotted key, value: `("web.listen", "127.0.0.1:0")`) on top.
pub fn load(path: Option<&Path>, overrides: &[(String, String)]) -> Result<Config, Report> {
    let environment = environment();
    let text = path.map(|path| (path, read_file(path)));
    let file = text.as_ref().map(|(path, text)| (*path, text));
    load_from(Inputs { file, environment: &environment, flags: overrides }).0
}

/// The environment of this process, as far as it is text.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn read_file(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|cause| cause.to_string())?;
    String::from_utf8(bytes)
        .map_err(|cause| format!("it is not UTF-8 after byte {}", cause.utf8_error().valid_up_to()))
}

/// Reads a configuration from given layers; also the keys that were asked for.
fn load_from(inputs: Inputs<'_>) -> (Result<Config, Report>, std::collections::BTreeSet<String>) {
    let findings = Findings::default();
    let config = compile(inputs, &findings).filter(|_| findings.is_empty());
    let asked = findings.asked();
    (config.ok_or_else(|| findings.into_report()), asked)
}

/// `None` only when something was recorded.
fn compile(inputs: Inputs<'_>, findings: &Findings) -> Option<Config> {
    let (default_source, default_feed) = defaults(findings);
    let mut folders = Folders::default();
    let table = layers::gather(inputs, &mut folders, findings)?;
    let root = Section::new(&table, "", findings);
    let recipes = recipes(&root, &folders);
    let web = root.table("web").and_then(|section| sections::web(section, &folders));
    let store = root.table("store").and_then(|section| sections::store(section, &folders));
    let base_url = web.as_ref().and_then(|(_, base_url)| base_url.as_deref());
    let net = root.table("net").and_then(|section| sections::net(section, &folders, base_url));
    let browser = root.table("browser").and_then(browser::section);
    let ingest = root.table("ingest").and_then(|section| sections::ingest(section, base_url));
    let push = root.table("push").and_then(sections::push);
    let hub = root.table("hub").and_then(sections::hub);
    let publish = root.table("publish").and_then(sections::publish);
    let mail = mail::mail(&root, &folders, base_url.is_some(), net.as_ref());
    let telemetry = root.table("log").and_then(sections::log);
    let around = Surroundings {
        recipes: &recipes,
        default_source: &default_source,
        default_feed: &default_feed,
        folders: &folders,
        has_browser: browser.as_ref().is_none_or(Option::is_some),
    };
    let sources = source::sources(&root, around);
    let feeds = feed::feeds(&root, &source::written_ids(&table), around);
    let forms = template::forms(&root, &folders);
    let webhooks = source::webhooks(&root, around, &forms);
    let feeds = match (&sources, feeds, &publish) {
        (Some(sources), Some(feeds), Some(publish)) => {
            let feeds = feed::complete(&root, feeds, &publish.automatic, sources);
            feed::distinct(&root, &feeds);
            Some(feeds)
        }
        _ => None,
    };
    root.finish();
    let (web, base_url) = web?;
    let base_url = base_url.unwrap_or_else(|| sections::default_base_url(&web));
    let ((passes, callbacks), sources, push, publish, mut hub) = (ingest?, sources?, push?, publish?, hub?);
    let named_hub = hub_of(publish.hub, publish.canary, callbacks.as_deref(), &mut hub.open, &base_url);
    Some(Config {
        telemetry: telemetry?,
        net: net?,
        browser: browser?,
        store: store?,
        publish: publish::Settings {
            base_url: base_url.clone(),
            feeds: feeds?,
            sources: sources.iter().map(|source| source_info(source)).collect(),
            min_age: publish.min_age,
            max_age: publish.max_age,
            hub: named_hub,
        },
        push: push::Settings {
            mail: mail::named(mail?, &sources),
            ..push.with(webhooks?, forms.forms, hub, &base_url)
        },
        ingest: ingest::Settings { sources, concurrency: passes, callbacks },
        web,
    })
}

/// The hub that feeds name: `named`, or our own where that is open. One is enough for a feed: ours is closed where another
/// is named, unless somebody looks whether that delivers, and ours may have to stand in.
fn hub_of(
    named: Option<String>,
    canary: bool,
    callbacks: Option<&str>,
    is_open: &mut bool,
    base_url: &str,
) -> Option<publish::Hub> {
    let watch = match callbacks {
        _ if !canary => publish::Watch::Off,
        None => publish::Watch::Unreachable,
        Some(base) => publish::Watch::At(base.to_owned()),
    };
    *is_open &= named.is_none() || matches!(watch, publish::Watch::At(_));
    let own = is_open.then(|| format!("{base_url}{}", web::hub::PATH));
    match named {
        Some(address) => {
            let other = publish::Other { address, watch, stand_in: own, is_replaced: false };
            Some(publish::Hub::Other(other))
        }
        None => own.map(publish::Hub::Own),
    }
}

/// The recipes that are built in, and those of the operator's folder.
fn recipes(root: &Section<'_>, folders: &Folders) -> Recipes {
    let findings = root.findings();
    let mut recipes = Recipes::built_in(findings);
    if let Some(word) = root.filled("platforms") {
        recipes.add_folder(&folders.resolve(&word.place, &word.text), &word.place, findings);
    }
    recipes
}

fn source_info(source: &ingest::Source) -> publish::SourceInfo {
    publish::SourceInfo {
        id: source.id.clone(),
        name: source.name.clone(),
        home: source.home.to_string(),
        feed: source.asked().filter(|_| source.extract.feed).map(ToString::to_string),
        interval: source.schedule.usual_interval(),
    }
}

/// The first source and the first feed of the reference: they show the defaults of all others.
fn defaults(findings: &Findings) -> (Table, Table) {
    let table = layers::defaults(findings);
    let first = |key| match table.list(key).first().map(|node| &node.value) {
        Some(Value::Table(table)) => table.clone(),
        _ => Table::empty(table.place.clone()),
    };
    (first("source"), first("feed"))
}
