//! `loa init`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::{
    Common, Done, Failure, block_on, browser_of,
    found::{self, Library, Printed, RulesOf, Task},
    out,
    proposal::{self, Choice},
    table,
};
use crate::{
    app::{self, Fetched, Means, Probed},
    clock::{self, Clock},
    config,
    extract::Kind,
    model::Timestamp,
};

/// Looks at a news section and writes the configuration that watches it, with a preview of what it would find
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loa init https://a.example/tin-tuc                       the configuration on standard output, the preview beside it
  loa init https://a.example/tin-tuc --output loa.toml && loa serve --config loa.toml
  loa init https://b.example/news >> loa.toml              one more source
  loa init https://a.example/tin-tuc --list                the page's own list, also where it names a feed
  loa init https://a.example/tin-tuc --browser --set browser.command=chromium   when only scripts make the list
  loa init https://a.example/tin-tuc --json                for programs

It asks for the page, for the feeds that the page names and for one article, and says how sure it is.
docs/sources.md goes on from there.")]
pub(super) struct Arguments {
    /// The address of the section, or of its site
    #[arg(value_name = "URL")]
    url: Url,

    /// Where the configuration goes; a file that is there is not written over
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Reads the page's list, also where the page names a feed
    #[arg(long)]
    list: bool,

    /// The source's id; made of the address when absent
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// Lets the address stand in a private network
    #[arg(long)]
    allow_private: bool,

    /// Looks at the page through the browser of `[browser]`, as its scripts make it (docs/javascript.md)
    #[arg(long)]
    browser: bool,

    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn main(common: &Common, arguments: &Arguments) -> Done {
    if !matches!(arguments.url.scheme(), "http" | "https") {
        return Err(Failure::Usage(format!("`{}` is not an address of the web", arguments.url)));
    }
    if let Some(path) = arguments.output.as_ref().filter(|path| path.exists()) {
        return Err(Failure::Usage(format!(
            "`{0}` is there already\nhint: add the source to it: `loa init {1} >> {0}`",
            path.display(),
            arguments.url
        )));
    }
    let config = common.load()?;
    let library = Library::new(common.path()).map_err(Failure::Configuration)?;
    let browser = arguments.browser.then(|| browser_of(&config)).transpose()?;
    let means = Means { net: &config.net, browser, allow_private: arguments.allow_private };
    let probed = block_on(app::probe(means, &arguments.url, library.fingerprints()))?;
    let now = clock::System.now();
    let is_bare = probed.is_bare && browser.is_none();
    let choice =
        proposal::choose(&probed, arguments.list).map_err(|said| nothing(&arguments.url, &said, is_bare))?;
    let wishes = proposal::Wishes {
        url: &arguments.url,
        id: arguments.id.as_deref(),
        allow_private: arguments.allow_private,
        browser: browser.is_some(),
        day: now,
    };
    let text = proposal::configuration(&probed, &choice, &wishes);
    let source = config::source_in(&text, common.path()).map_err(Failure::Configuration)?;
    let rules = (&*source.extract, &*source.normalize, &*source.dedup);
    let (document, kind) = choice.document(&probed);
    let list = read(document, rules, kind, now);
    let article = probed.article.as_ref().map(|article| read(article, rules, Kind::Article, now));
    let notes = notes(&probed, &choice, is_bare);
    if arguments.json {
        return Ok(out::line(&described(&text, &choice, (&list, article.as_ref()), &notes).to_string())?);
    }
    let preview = preview(&choice, &list, article.as_ref(), &notes);
    match &arguments.output {
        Some(path) => {
            // It stands alone.
            let browser = browser.filter(|_| choice.is_of_page()).map(proposal::browser).unwrap_or_default();
            write(path, &(text + &browser))?;
            out::text(&preview)?;
            out::text(&format!(
                "\nwritten to {0}; start it with `loa serve --config {0}`\n",
                path.display()
            ))?;
        }
        None => {
            out::complain_as_is(&preview);
            out::text(&text)?;
        }
    }
    Ok(())
}

fn nothing(url: &Url, said: &str, is_bare: bool) -> Failure {
    let hint = if is_bare {
        "scripts seem to make this page: look again with `--browser`, which shows it to a Chromium (docs/javascript.md), or \
         watch the endpoint that they ask (docs/sources.md)"
    } else {
        "give the address of the section's own page; if its list is built by JavaScript, docs/sources.md says what \
         to do; `config/examples/own-section.toml` shows how to describe one by hand"
    };
    Failure::Failed(anyhow::anyhow!("no list of articles was found at `{url}`: {said}\nhint: {hint}"))
}

/// What is to be known of how the page was seen.
fn notes<'p>(probed: &'p Probed, choice: &Choice, is_bare: bool) -> Vec<&'p str> {
    let mut notes: Vec<&str> = probed.issues.iter().map(|issue| issue.message.as_str()).collect();
    if is_bare && choice.is_of_page() && choice.confidence() < 0.5 {
        notes.push("scripts may make the list: `--browser` looks at what they show");
    }
    notes
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    std::io::Write::write_all(
        &mut file.with_context(|| format!("cannot make `{}`", path.display()))?,
        text.as_bytes(),
    )
    .with_context(|| format!("cannot write `{}`", path.display()))
}

fn read(fetched: &Fetched, rules: RulesOf<'_>, kind: Kind, now: Timestamp) -> Printed {
    found::read_by(
        rules,
        &Task {
            id: Value::Null,
            file: None,
            bytes: &fetched.bytes,
            content_type: fetched.content_type.as_deref(),
            url: Some(&fetched.url),
            kind: Some(kind),
            platform: None,
            fetched: now,
        },
    )
}

/// What the configuration would find, and how sure that is.
fn preview(choice: &Choice, list: &Printed, article: Option<&Printed>, notes: &[&str]) -> String {
    let mut text = format!("{}\n", choice.said());
    let mut items = table::table(&["", "published", "title", "link"]);
    const SHOWN: usize = 12;
    for (number, item) in list.items.iter().take(SHOWN).enumerate() {
        items.add_row([
            (number + 1).to_string(),
            item.published.clone().unwrap_or_else(|| "–".to_owned()),
            table::cell(item.title.as_deref().unwrap_or("–"), 80),
            table::cell(item.url.as_deref().unwrap_or("–"), 100),
        ]);
    }
    text.push_str(&table::print(&items));
    if list.items.len() > SHOWN {
        text.push_str(&format!("… and {} more\n", list.items.len() - SHOWN));
    }
    if let Some(item) = article.and_then(|article| article.items.first()) {
        let length = item.content_text().chars().count();
        let title = table::cell(item.title.as_deref().unwrap_or("–"), 80);
        text.push_str(&format!(
            "\nan article: “{title}”, {}, full text {length} characters by {}\n",
            item.published.as_deref().unwrap_or("no date on its page"),
            item.extracted_by(),
        ));
    }
    for other in choice.others() {
        text.push_str(&format!("also considered: {}\n", table::cell(other, 200)));
    }
    for note in notes {
        text.push_str(&format!("note: {}\n", table::cell(note, 400)));
    }
    text.push('\n');
    text
}

fn described(
    text: &str,
    choice: &Choice,
    (list, article): (&Printed, Option<&Printed>),
    notes: &[&str],
) -> Value {
    json!({
        "chosen": choice.name(),
        "confidence": choice.confidence(),
        "considered": choice.others(),
        "configuration": text,
        "list": list,
        "article": article,
        "notes": notes,
    })
}
