//! `[[feed]]`, and the feeds that `[publish]` makes of sources and groups.

use std::{sync::Arc, time::Duration};

use super::{
    read::{Section, Word, Wrong},
    recipe,
    sections::{self, Folders},
    source::{Surroundings, filter, id, unique, with_defaults},
    suggest::nearest,
};
use crate::{
    ingest,
    model::{FeedId, SourceId, text},
    publish,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The keys of a `[[feed]]` whose defaults the reference's own feed shows.
const FEED_DEFAULTS: [&str; 4] = ["items", "language", "window", "content"];

/// A feed, and the groups whose sources it reads beside its own.
pub(super) struct Written {
    feed: publish::Feed,
    groups: Vec<Word>,
    /// No source and no group was named: it reads all of them.
    reads_all: bool,
}

/// Which feeds are made without being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Automatic {
    /// One of each source, under its id.
    Sources,
    /// One of each group, under its name.
    Groups,
    /// One of everything: `all`.
    All,
}

pub(super) fn feeds(
    root: &Section<'_>,
    sources: &[String],
    around: Surroundings<'_>,
) -> Option<Vec<Written>> {
    let sections = root.tables("feed");
    unique(&sections, "feed");
    let feeds: Vec<Option<_>> = sections.iter().map(|section| feed(section, sources, around)).collect();
    feeds.into_iter().collect()
}

fn feed(written: &Section<'_>, sources: &[String], around: Surroundings<'_>) -> Option<Written> {
    let table = with_defaults(written.table_value(), around.default_feed, &FEED_DEFAULTS);
    let section = Section::new(&table, "feed", written.findings());
    section.require("id", "\"news\"");
    section.require("title", "\"…\"");
    let id = section.parsed("id", id::<FeedId>);
    let title = section.filled("title");
    let description = section.text("description");
    let language = section.parsed("language", recipe::language);
    let named = section.words("sources").map(|words| named_sources(&section, words, sources));
    let groups = section.words("groups").unwrap_or_default();
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
    let reads_all = named.is_none() && groups.is_empty();
    let feed = publish::Feed {
        id: id?,
        description: description.map_or_else(|| title.clone(), |word| word.text),
        title,
        language: language?,
        sources: named.unwrap_or_default(),
        filter,
        items: items?,
        window: window?,
        extent: extent?,
        home: home.map(String::from),
        image: image.map(String::from),
        selection: String::new(),
        group,
        aliases,
        life,
        access: access?,
    };
    Some(Written { feed, groups, reads_all })
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

/// The feeds with the sources that they read, and those that are made of sources and groups.
pub(super) fn complete(
    root: &Section<'_>,
    written: Vec<Written>,
    automatic: &[Automatic],
    sources: &[Arc<ingest::Source>],
) -> Vec<publish::Feed> {
    let mut feeds: Vec<_> = written.into_iter().map(|written| with_sources(root, written, sources)).collect();
    for kind in automatic {
        for feed in kind.feeds(sources) {
            if !feeds.iter().any(|known| known.id == feed.id) {
                feeds.push(feed);
            }
        }
    }
    for feed in &mut feeds {
        at_home(feed, sources);
    }
    feeds
}

fn with_sources(root: &Section<'_>, written: Written, sources: &[Arc<ingest::Source>]) -> publish::Feed {
    let Written { mut feed, groups, reads_all } = written;
    for word in groups {
        let members = sources.iter().filter(|source| source.group.as_deref() == Some(&word.text));
        let members: Vec<_> = members.map(|source| source.id.clone()).collect();
        if members.is_empty() {
            let known: Vec<_> = sources.iter().filter_map(|source| source.group.as_deref()).collect();
            let wrong = Wrong::new(format!("no source is in the group `{}`", word.text));
            let hint = match nearest(&word.text, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "each `[[source]]` may say its `group`".to_owned(),
            };
            root.blame(&word, wrong.hint(hint));
        }
        feed.sources.extend(members);
    }
    if reads_all {
        feed.sources = sources.iter().map(|source| source.id.clone()).collect();
    }
    let mut seen = Vec::new();
    feed.sources.retain(|id| {
        !seen.contains(id) && {
            seen.push(id.clone());
            true
        }
    });
    feed
}

/// A feed of exactly one source mirrors that source's page, unless it says another one; and it stands where its
/// source does.
fn at_home(feed: &mut publish::Feed, sources: &[Arc<ingest::Source>]) {
    let read: Vec<_> = sources.iter().filter(|source| feed.sources.contains(&source.id)).collect();
    if let ([only], None) = (read.as_slice(), &feed.home) {
        feed.home = Some(only.home.to_string());
    }
    if let (None, [first, others @ ..]) = (&feed.group, read.as_slice())
        && others.iter().all(|other| other.group == first.group)
    {
        feed.group.clone_from(&first.group);
    }
}

/// Names that two feeds claim, and old names that are names of others.
pub(super) fn distinct(root: &Section<'_>, feeds: &[publish::Feed]) {
    for feed in feeds {
        for alias in &feed.aliases {
            let claims = feeds.iter().filter(|other| other.id == *alias || other.aliases.contains(alias));
            if claims.count() > 1 {
                let message =
                    format!("the alias `{alias}` of the feed `{}` is also a name of another one", feed.id);
                root.findings().wrong(root.place_of("feed"), message, None);
            }
        }
    }
}

// === impl Automatic ===

impl Automatic {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "sources" => Ok(Self::Sources),
            "groups" => Ok(Self::Groups),
            "all" => Ok(Self::All),
            _ => Err(Wrong::new(format!("there are no feeds of `{text}`"))
                .hint("there are `sources`, `groups`, `all`")),
        }
    }

    fn feeds(self, sources: &[Arc<ingest::Source>]) -> Vec<publish::Feed> {
        let all = || sources.iter().map(|source| source.id.clone()).collect();
        match self {
            Self::Sources => sources.iter().filter_map(|source| of_source(source)).collect(),
            Self::Groups => {
                let mut names: Vec<_> = sources.iter().filter_map(|source| source.group.clone()).collect();
                names.sort();
                names.dedup();
                names.iter().filter_map(|name| of_group(name, sources)).collect()
            }
            Self::All => {
                "all".parse().map(|id| publish::Feed::new(id, "Tất cả", all())).into_iter().collect()
            }
        }
    }
}

fn of_source(source: &ingest::Source) -> Option<publish::Feed> {
    let id = source.id.as_str().parse().ok()?;
    Some(publish::Feed::new(id, &source.name, vec![source.id.clone()]))
}

/// A group's name is for people; its feed's is for addresses.
fn of_group(name: &str, sources: &[Arc<ingest::Source>]) -> Option<publish::Feed> {
    let folded = text::fold(&text::key(name));
    let words: Vec<_> =
        folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let id = words.join("-").parse().ok()?;
    let members = sources.iter().filter(|source| source.group.as_deref() == Some(name));
    Some(publish::Feed::new(id, name, members.map(|source| source.id.clone()).collect()))
}
