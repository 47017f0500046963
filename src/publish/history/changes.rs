//! `changes.atom`: the last edits and withdrawals of a feed, with what changed.
//!
//! They are found by reading the journal backwards, [`REACH`] lines at most; what was found is remembered, so that
//! only new lines are looked at when somebody asks again.

use std::sync::Arc;

use uuid::Uuid;

use super::{Job, Result, Unavailable, cuts::Stream};
use crate::{
    model::{
        Article, Category, Change, Event, FeedId, Revision, Seq, Status,
        diff::{escaped, markup, runs, words},
        markup::to_text,
        text::xml_safe,
    },
    publish::{
        Document, Extent, Feed, Format, Publisher,
        document::{self, Address, Channel, Entry, Links, Moment, Selection, clean::line},
        live::Snapshot,
        select::select,
    },
    store::{self, Store},
};

/// How many are told.
const TOLD: usize = 50;
/// How many lines of the journal are looked through.
const REACH: u64 = 20_000;
/// How many lines are read at once.
const BATCH: u64 = 500;
/// How many changes are tried against a filter.
const TRIED: usize = 500;
/// How many words of one text are shown.
const WORDS: usize = 1_000;
/// The most names in one list.
const NAMES: usize = 50;

/// What was told last.
#[derive(Clone)]
pub(super) struct Told {
    /// Up to where the journal was read.
    seen: Seq,
    /// The newest first.
    lines: Vec<Event>,
    document: Arc<Document>,
}

/// A change with the states before and after it.
struct Case {
    event: Event,
    before: Option<Arc<Article>>,
    after: Arc<Article>,
    /// Was it taken back later? Then what it said is nobody's business any more.
    is_gone: bool,
}

/// What a language calls things.
struct Words {
    edited: &'static str,
    withdrawn: &'static str,
    restored: &'static str,
    changes: &'static str,
    about: &'static str,
    title: &'static str,
    summary: &'static str,
    text: &'static str,
    address: &'static str,
    image: &'static str,
    authors: &'static str,
    categories: &'static str,
    attachments: &'static str,
    form: &'static str,
    gone: &'static str,
    later: &'static str,
    back: &'static str,
    unknown: &'static str,
}

const VIETNAMESE: Words = Words {
    edited: "Sửa",
    withdrawn: "Gỡ",
    restored: "Đăng lại",
    changes: "những chỗ đã sửa",
    about: "Những bài đã sửa và những bài đã gỡ, cùng những chữ đã thay đổi.",
    title: "Tiêu đề",
    summary: "Tóm tắt",
    text: "Nội dung",
    address: "Địa chỉ",
    image: "Ảnh",
    authors: "Tác giả",
    categories: "Chuyên mục",
    attachments: "Tệp đính kèm",
    form: "Chỉ cách trình bày thay đổi.",
    gone: "Nguồn tin đã gỡ bài này.",
    later: "Bài này về sau đã bị gỡ.",
    back: "Bài này lại có ở nguồn tin.",
    unknown: "Bản trước không còn được lưu.",
};

const ENGLISH: Words = Words {
    edited: "Edited",
    withdrawn: "Withdrawn",
    restored: "Restored",
    changes: "changes",
    about: "Articles that were edited or withdrawn, with the words that changed.",
    title: "Title",
    summary: "Summary",
    text: "Text",
    address: "Address",
    image: "Image",
    authors: "Authors",
    categories: "Categories",
    attachments: "Attachments",
    form: "Only the formatting changed.",
    gone: "Its source took this article back.",
    later: "This article was taken back later.",
    back: "This article is at its source again.",
    unknown: "The version before is not kept any more.",
};

impl Publisher {
    /// The last edits and withdrawals of a feed, as Atom.
    pub async fn changes(&self, feed: &FeedId, prefix: Option<Arc<str>>) -> Result<Arc<Document>> {
        self.live(feed)?;
        let place = self.history.changes.place(&(feed.clone(), prefix.clone()));
        let mut told = place.lock().await;
        let snapshot = self.live(feed)?.snapshot();
        let (store, seen) = (self.store.as_ref(), self.seen());
        let known = told.as_ref().map_or((Seq(0), [].as_slice()), |told| (told.seen, &told.lines));
        if let Some(told) = told.as_ref().filter(|told| told.seen >= seen) {
            return Ok(Arc::clone(&told.document));
        }
        let _turn = self.history.turn().await?;
        let (lines, is_new) = find(store, &snapshot.feed, known, seen).await?;
        let document = match told.as_ref() {
            Some(told) if !is_new => Arc::clone(&told.document),
            _ => write(&snapshot, cases(store, &lines).await?, prefix).await?,
        };
        *told = Some(Told { seen, lines, document: Arc::clone(&document) });
        Ok(document)
    }
}

/// The last changes up to `head`, the newest first, and whether any article changed since `known`, which are those
/// up to a line: also one that is not told may have taken back what is.
async fn find(
    store: &dyn Store,
    feed: &Arc<Feed>,
    (seen, known): (Seq, &[Event]),
    head: Seq,
) -> Result<(Vec<Event>, bool)> {
    let stream = Stream::of(feed);
    let bottom = seen.0.max(head.0.saturating_sub(REACH));
    let (mut top, mut found, mut n_tried, mut is_new) = (head.0, Vec::new(), 0, false);
    while top > bottom && found.len() < TOLD && n_tried < TRIED {
        let from = bottom.max(top.saturating_sub(BATCH));
        let Some(events) = between(store, Seq(from), Seq(top)).await? else { break };
        let of_feed =
            events.into_iter().filter(|event| stream.has(event) && event.change != Change::Published);
        let (changed, quiet): (Vec<_>, Vec<_>) = of_feed.partition(|event| !event.quiet);
        is_new |= !changed.is_empty() || !quiet.is_empty();
        n_tried += changed.len();
        found.extend(wanted(store, feed, changed).await?.into_iter().rev());
        top = from;
    }
    if bottom == seen.0 {
        found.extend_from_slice(known);
    }
    found.truncate(TOLD);
    Ok((found, is_new))
}

/// Lines after `from` up to `to`, as far as they are kept; `None` where none are.
async fn between(store: &dyn Store, from: Seq, to: Seq) -> store::Result<Option<Vec<Event>>> {
    let n_lines = |from: Seq| usize::try_from(to.0.saturating_sub(from.0)).unwrap_or(usize::MAX);
    match store.events(from, n_lines(from)).await {
        Err(store::Error::Pruned { floor }) if floor < to => {
            store.events(floor, n_lines(floor)).await.map(Some)
        }
        Err(store::Error::Pruned { .. }) => Ok(None),
        events => events.map(Some),
    }
}

/// Those that the feed wants as they are or as they were.
async fn wanted(store: &dyn Store, feed: &Arc<Feed>, events: Vec<Event>) -> store::Result<Vec<Event>> {
    if feed.filter.is_none() {
        return Ok(events);
    }
    let mut kept = Vec::new();
    for event in events {
        let [after, before] = states(store, &event).await?;
        let states: Vec<_> = after.into_iter().chain(before).collect();
        let wanted = select(&states, std::slice::from_ref(feed)).await;
        kept.extend(wanted.concat().contains(&true).then_some(event));
    }
    Ok(kept)
}

/// The state that a change gave, and the one before.
async fn states(store: &dyn Store, event: &Event) -> store::Result<[Option<Arc<Article>>; 2]> {
    let after = store.article(event.article, Some(event.revision)).await?;
    let before = match event.revision.0.checked_sub(1) {
        Some(before @ 1..) => store.article(event.article, Some(Revision(before))).await?,
        _ => None,
    };
    Ok([after.map(Arc::new), before.map(Arc::new)])
}

async fn cases(store: &dyn Store, lines: &[Event]) -> store::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for event in lines {
        let [Some(after), before] = states(store, event).await? else { continue };
        let newest = store.article(event.article, None).await?;
        let is_gone = newest.is_none_or(|newest| newest.status == Status::Withdrawn);
        cases.push(Case { event: event.clone(), before, after, is_gone });
    }
    Ok(cases)
}

async fn write(
    snapshot: &Arc<Snapshot>,
    cases: Vec<Case>,
    prefix: Option<Arc<str>>,
) -> Result<Arc<Document>> {
    let changed = cases.first().map(|case| case.event.at).unwrap_or_default();
    let job = {
        let snapshot = Arc::clone(snapshot);
        tokio::task::spawn_blocking(move || {
            let channel = channel(&snapshot, &cases, prefix.as_deref());
            let freshness = Arc::clone(&snapshot.freshness);
            Job { snapshot, format: Format::Atom, channel, changed, freshness }
        })
    };
    job.await.map_err(|_| Unavailable::Broken)?.write().await
}

/// The feed's changes as a feed of their own.
fn channel(snapshot: &Snapshot, cases: &[Case], prefix: Option<&str>) -> Channel {
    let feed = &snapshot.feed;
    let words = if feed.language.starts_with("vi") { VIETNAMESE } else { ENGLISH };
    let articles: Vec<_> = cases.iter().map(|case| Arc::clone(&case.after)).collect();
    let whole = Address::of(&snapshot.settings, &feed.id).behind(prefix);
    let selection = Selection {
        feed,
        articles: &articles,
        gone: &[],
        own: Address { stem: format!("{}/changes", whole.stem), ..whole },
        links: Links::default(),
        extent: Extent::Summary,
    };
    let channel = document::compose_whole(&snapshot.settings, &selection);
    let entries: Vec<_> =
        cases.iter().zip(&channel.entries).map(|(case, article)| told(case, article, &words)).collect();
    let channel = Channel {
        id: id(&format!("{}\nchanges", channel.id)),
        title: format!("{} – {}", channel.title, words.changes),
        description: words.about.to_owned(),
        updated: entries.first().map(|entry| entry.updated),
        hub: None,
        entries: Vec::new(),
        ..channel
    };
    document::saying(channel, entries)
}

/// A UUIDv5 (RFC 9562, section 5.5), the same after every restart.
fn id(name: &str) -> String {
    /// The namespace of changes. Any would do; it only must never change.
    const NAMESPACE: Uuid = Uuid::from_u128(0x6c6f_6170_6875_5f6e_8763_6861_6e67_6573);
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).urn().to_string()
}

/// One change, said in the place of the article that it is about.
fn told(case: &Case, article: &Entry, words: &Words) -> Entry {
    let was_gone = case.before.as_ref().is_some_and(|before| before.status == Status::Withdrawn);
    let (label, what, body) = match (case.after.status, was_gone, case.is_gone) {
        (Status::Withdrawn, ..) => (words.withdrawn, words.gone.to_owned(), paragraph(words.gone)),
        (Status::Live, _, true) => (words.edited, words.later.to_owned(), paragraph(words.later)),
        (Status::Live, true, false) => (words.restored, words.back.to_owned(), paragraph(words.back)),
        (Status::Live, false, false) => edit(case, words),
    };
    let moment = Moment::of(case.event.at, case.after.published.offset);
    Entry {
        id: id(&format!("{}\n{}", case.after.id, case.event.revision)),
        title: line(&format!("{label}: {}", article.title), 500),
        summary: what,
        html: xml_safe(&body).into_owned(),
        categories: vec![Category {
            term: case.event.change.to_string(),
            scheme: None,
            label: Some(label.to_owned()),
        }],
        enclosures: Vec::new(),
        image: None,
        published: moment,
        updated: moment,
        date_raw: None,
        date_inferred: false,
        ..article.clone()
    }
}

/// What an edit is called, which fields it changed, and how.
fn edit(case: &Case, words: &Words) -> (&'static str, String, String) {
    let Some(before) = &case.before else {
        return (words.edited, words.unknown.to_owned(), paragraph(words.unknown));
    };
    let (old, new) = (&before.content, &case.after.content);
    let texts = [
        (words.title, old.title.clone(), new.title.clone()),
        (words.summary, old.summary.clone(), new.summary.clone()),
        (words.text, to_text(old.html.as_str()), to_text(new.html.as_str())),
    ];
    let lists = [
        (words.address, names(&old.url, |url| url.clone()), names(&new.url, |url| url.clone())),
        (words.image, names(&old.image, |url| url.clone()), names(&new.image, |url| url.clone())),
        (words.authors, authors(before), authors(&case.after)),
        (words.categories, categories(before), categories(&case.after)),
        (words.attachments, attachments(before), attachments(&case.after)),
    ];
    let texts = texts.iter().filter_map(|(name, old, new)| Some((*name, text(old, new)?)));
    let lists = lists.iter().filter_map(|(name, old, new)| Some((*name, list(old, new)?)));
    let changed: Vec<_> = texts.chain(lists).collect();
    if changed.is_empty() {
        return (words.edited, words.form.to_owned(), paragraph(words.form));
    }
    let body = changed.iter().map(|(name, markup)| format!("<h4>{}</h4>{markup}", escaped(name)));
    let body = body.collect();
    (words.edited, changed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "), body)
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escaped(text))
}

/// How a text changed; `None` where no word did.
fn text(old: &str, new: &str) -> Option<String> {
    let (old, new) = (words(old), words(new));
    (old != new).then(|| format!("<p>{}</p>", markup(&runs(&old, &new), WORDS)))
}

/// What was taken out of a list and what was added.
fn list(old: &[String], new: &[String]) -> Option<String> {
    let item = |tag: &str, name: &String| format!("<li><{tag}>{}</{tag}></li>", escaped(&line(name, 500)));
    let gone = old.iter().filter(|name| !new.contains(name)).map(|name| item("del", name));
    let came = new.iter().filter(|name| !old.contains(name)).map(|name| item("ins", name));
    let items: String = gone.chain(came).collect();
    (!items.is_empty()).then(|| format!("<ul>{items}</ul>"))
}

fn names<'a, T: 'a>(all: impl IntoIterator<Item = &'a T>, name: impl Fn(&T) -> String) -> Vec<String> {
    all.into_iter().take(NAMES).map(name).collect()
}

fn authors(article: &Article) -> Vec<String> {
    let name = |person: &crate::model::Person| {
        person
            .name
            .clone()
            .or_else(|| person.email.clone())
            .or_else(|| person.url.clone())
            .unwrap_or_default()
    };
    names(&article.content.authors, name)
}

fn categories(article: &Article) -> Vec<String> {
    names(&article.content.categories, |it| it.label.clone().unwrap_or_else(|| it.term.clone()))
}

fn attachments(article: &Article) -> Vec<String> {
    names(&article.content.enclosures, |file| match &file.title {
        Some(title) => format!("{title} ({})", file.url),
        None => file.url.clone(),
    })
}
