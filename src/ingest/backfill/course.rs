//! Which page is the next.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use jiff::civil::Date;
use url::Url;

use super::{Archive, Kind, form::Visit, map::Map, walk::fingerprint};
use crate::{
    extract::{
        self, Document, Query,
        pager::{self, Form, Pager},
    },
    fetch::{self, Outcome, postback::Session},
    ingest::{
        pass::{Walk, refusal},
        quality,
    },
    model::{Backfill, Draft, End, IdentityKey, Issue, Timestamp, Validators},
    net::{Retry, backoff},
};

/// How often a page, of a list or of an article, is asked for before the walk stands still.
pub(super) const TRIES: u32 = 3;
/// No wait between two tries is longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// In a pattern: days are asked for by this control of the form.
const PICKER: &str = "form:";

/// A page of the archive.
pub(super) struct Page {
    pub(super) drafts: Vec<(Draft, Vec<IdentityKey>)>,
    /// It stands for one day: that it shows what others show says nothing of those before it.
    pub(super) is_day: bool,
    /// What comes after it is older.
    pub(super) is_ordered: bool,
    /// A pager that shows again what it has shown is at its end.
    pub(super) repeats_matter: bool,
    /// Its items are nothing but addresses: only their own pages say what they are.
    pub(super) reads_all: bool,
}

/// A page, and where the walk stands behind it.
pub(super) struct Got {
    pub(super) page: Page,
    pub(super) then: String,
}

/// What the next page is.
pub(super) enum Step {
    Got(Got),
    /// Nothing stood there, but something may stand behind it.
    Empty,
    End(End),
    Failed(String),
}

/// What reading a page of the list gave.
pub(super) enum Read {
    Items(Vec<(Draft, Vec<IdentityKey>)>, Box<Pager>),
    /// The page is there, without items.
    Nothing(Box<Pager>),
    /// It is not there.
    Missing,
    Failed(String),
}

/// How the archive is walked.
pub(super) enum Course {
    Numbered,
    Next,
    Days,
    Form(Box<Visit>),
    Map(Map),
}

// === impl Page ===

impl Page {
    pub(super) fn of_list(drafts: Vec<(Draft, Vec<IdentityKey>)>) -> Self {
        Self { drafts, is_day: false, is_ordered: true, repeats_matter: true, reads_all: false }
    }

    pub(super) fn fingerprints(&self) -> HashSet<u64> {
        self.drafts.iter().map(|(_, keys)| fingerprint(keys)).collect()
    }
}

// === impl Course ===

impl Course {
    /// Reads the first page and chooses: what an earlier walk has chosen, what the configuration says, what the page
    /// shows. The page comes along.
    pub(super) async fn set_out(
        walk: &mut Walk<'_>,
        progress: &mut Backfill,
    ) -> Result<(Self, Option<Page>), String> {
        let url = walk.source.url.clone();
        let mut session = Session::default();
        let (drafts, pager) = match visit(walk, &url, &mut session).await {
            Read::Items(drafts, pager) => (drafts, pager),
            Read::Nothing(pager) => (Vec::new(), pager),
            Read::Missing => return Err(format!("`{url}` is not there")),
            Read::Failed(message) => return Err(message),
        };
        let is_made = walk.source.browser.list;
        let has_form = is_made && pager.form.as_ref().is_some_and(leads_on);
        // Nothing was read yet: the page, or the configuration, may say something else by now.
        if progress.pages == 0 {
            let chosen = choose(&walk.source.archive, &pager, &url, is_made);
            let (kind, pattern) = chosen.ok_or_else(|| nothing(&url, has_form))?;
            kind.as_str().clone_into(&mut progress.way);
            progress.pattern = pattern;
            progress.place = match kind {
                Kind::Next => pager.next.as_ref().map(Url::to_string).unwrap_or_default(),
                Kind::Numbered | Kind::Postback => "2".to_owned(),
                Kind::Days | Kind::Sitemap => String::new(),
            };
        }
        let kind =
            Kind::parse(&progress.way).ok_or_else(|| format!("the way `{}` is unknown", progress.way))?;
        note_last(progress, &pager);
        // What scripts have made of it is not what the server waits for: the document is asked for anew.
        let form = pager.form.filter(|_| !is_made);
        let course = match kind {
            Kind::Numbered => Self::Numbered,
            Kind::Next => Self::Next,
            Kind::Days => match progress.pattern.strip_prefix(PICKER) {
                Some(_) => Self::Form(Box::new(Visit::new(session, form))),
                None => Self::Days,
            },
            Kind::Postback => Self::Form(Box::new(Visit::new(session, form))),
            Kind::Sitemap => {
                let map = Map::read(walk, progress).await;
                Self::Map(map.map_err(|said| {
                    if has_form { format!("{said}, and {}", form_only(&url)) } else { said }
                })?)
            }
        };
        Ok((course, Some(Page::of_list(drafts))))
    }

    /// Reads the page that is the next one.
    pub(super) async fn next(&mut self, walk: &mut Walk<'_>, progress: &mut Backfill) -> Step {
        match self {
            Self::Numbered => numbered(walk, progress).await,
            Self::Next => linked(walk, progress).await,
            Self::Days => day(walk, progress, None).await,
            Self::Form(visit) => match progress.pattern.strip_prefix(PICKER).map(str::to_owned) {
                Some(picker) => day(walk, progress, Some((visit, &picker))).await,
                None => visit.page(walk, progress).await,
            },
            Self::Map(map) => map.next(walk, progress),
        }
    }
}

/// The way to go: the configured one, else the first of those that the page shows. A form that scripts have made
/// (`is_made`) is none of these: it is sent, as the document has it, where the configuration wants that.
fn choose(archive: &Archive, pager: &Pager, url: &Url, is_made: bool) -> Option<(Kind, String)> {
    let form = pager.form.as_ref().filter(|_| !is_made || archive.kind.is_some());
    let found = |kind: Kind| {
        let own = || archive.pattern.clone();
        let pattern = match kind {
            Kind::Numbered => own().or_else(|| pager.numbered.clone())?,
            Kind::Next => pager.next.as_ref().map(|_| String::new())?,
            Kind::Postback => form.filter(|form| !form.buttons.is_empty()).map(|_| String::new())?,
            Kind::Days => {
                let picker = || Some(format!("{PICKER}{}", form?.picker.as_ref()?.0));
                own().or_else(|| pager.days.clone()).or_else(picker)?
            }
            Kind::Sitemap => archive.path.clone().or_else(|| section(url))?,
        };
        Some((kind, pattern))
    };
    match archive.kind {
        // Whoever says that there are sitemaps means the whole site.
        Some(Kind::Sitemap) => found(Kind::Sitemap).or(Some((Kind::Sitemap, "/".to_owned()))),
        Some(kind) => found(kind),
        None => [Kind::Numbered, Kind::Next, Kind::Postback, Kind::Days, Kind::Sitemap]
            .into_iter()
            .find_map(found),
    }
}

/// The folder of a list, where it is not the whole site.
fn section(url: &Url) -> Option<String> {
    let path = url.path().trim_end_matches('/');
    let (above, name) = path.rsplit_once('/')?;
    // `/tin-tuc.html` stands beside its articles, `/tin-tuc` above them.
    let folder = if name.contains('.') { format!("{above}/") } else { format!("{path}/") };
    (folder != "/").then_some(folder)
}

fn leads_on(form: &Form) -> bool {
    !form.buttons.is_empty() || form.picker.is_some()
}

fn nothing(url: &Url, has_form: bool) -> String {
    if has_form {
        return form_only(url);
    }
    format!(
        "nothing on `{url}` says how its archive goes on\nhint: say it in `[source.archive]`, with `kind` and what it needs"
    )
}

fn form_only(url: &Url) -> String {
    format!(
        "`{url}` goes on by a form only, which the browser cannot send back\nhint: with `kind = \"postback\"` in \
         `[source.archive]` it is sent without the browser, as the document has it; else say there how addresses go on"
    )
}

/// How many pages there are at least: many a pager shows the next few only.
pub(super) fn note_last(progress: &mut Backfill, pager: &Pager) {
    progress.of = progress.of.max(u64::from(pager.last.unwrap_or(0)));
}

/// Passes over a page without articles.
pub(super) fn pass_over(walk: &mut Walk<'_>, progress: &mut Backfill, number: u64) -> Step {
    let message = format!("page {number} of {} shows no articles, or is not there", progress.of);
    walk.wrong(Issue::warning("page-empty", message));
    progress.place = (number + 1).to_string();
    Step::Empty
}

// === pages with an address ===

async fn numbered(walk: &mut Walk<'_>, progress: &mut Backfill) -> Step {
    let number = progress.place.parse::<u64>().unwrap_or(2);
    let Some(url) = pager::page_url(&progress.pattern, number) else {
        return Step::Failed(format!("`{}` is no pattern of addresses with a number", progress.pattern));
    };
    match list(walk, &url).await {
        Read::Items(drafts, pager) => {
            note_last(progress, &pager);
            Step::Got(Got { page: Page::of_list(drafts), then: (number + 1).to_string() })
        }
        // The pager knows of pages behind this one.
        Read::Nothing(_) | Read::Missing if number < progress.of => pass_over(walk, progress, number),
        Read::Nothing(_) | Read::Missing => Step::End(End::Bottom),
        Read::Failed(message) => Step::Failed(message),
    }
}

async fn linked(walk: &mut Walk<'_>, progress: &mut Backfill) -> Step {
    if progress.place.is_empty() {
        return Step::End(End::Bottom);
    }
    let Ok(url) = Url::parse(&progress.place) else {
        return Step::Failed(format!("`{}` is no address", progress.place));
    };
    match list(walk, &url).await {
        Read::Items(drafts, pager) => {
            note_last(progress, &pager);
            // A last page may link to itself.
            let then = pager.next.filter(|next| *next != url).map(String::from).unwrap_or_default();
            Step::Got(Got { page: Page::of_list(drafts), then })
        }
        Read::Nothing(pager) => match pager.next.filter(|next| *next != url) {
            Some(next) => {
                progress.place = next.into();
                Step::Empty
            }
            None => Step::End(End::Bottom),
        },
        Read::Missing => {
            let message =
                "the page before leads here, and nothing is there: what stands behind it is not read";
            walk.wrong(Issue::warning("page-missing", message).at(url.as_str()));
            Step::End(End::Bottom)
        }
        Read::Failed(message) => Step::Failed(message),
    }
}

/// One day, at an address of its own or behind a form; then the day before.
async fn day(walk: &mut Walk<'_>, progress: &mut Backfill, form: Option<(&mut Visit, &str)>) -> Step {
    let zone = walk.source.normalize.zone.clone();
    let local = |at: Timestamp| at.to_jiff().to_zoned(zone.clone()).date();
    let today = local(walk.ingest.clock.now());
    let day = progress.place.parse::<Date>().unwrap_or(today);
    if progress.since.is_some_and(|since| day < local(since)) {
        return Step::End(End::Since);
    }
    if let Some(days) = progress.since.and_then(|since| local(progress.started).since(local(since)).ok()) {
        progress.of = u64::try_from(days.get_days()).unwrap_or(0) + 2;
    }
    let Ok(before) = day.yesterday() else { return Step::End(End::Bottom) };
    let read = match form {
        Some((visit, picker)) => visit.day(walk, picker, day).await,
        None => match pager::day_url(&progress.pattern, day) {
            Some(url) => list(walk, &url).await,
            None => Read::Failed(format!("`{}` is no pattern of addresses with a date", progress.pattern)),
        },
    };
    match read {
        Read::Items(drafts, _) => {
            let page = Page { is_day: true, is_ordered: false, ..Page::of_list(drafts) };
            Step::Got(Got { page, then: before.to_string() })
        }
        Read::Nothing(_) | Read::Missing => {
            progress.place = before.to_string();
            Step::Empty
        }
        Read::Failed(message) => Step::Failed(message),
    }
}

// === reading a page of the list ===

async fn list(walk: &mut Walk<'_>, url: &Url) -> Read {
    visit(walk, url, &mut Session::default()).await
}

/// Asks for a page of the list, again after a pause where the host wants one.
async fn visit(walk: &mut Walk<'_>, url: &Url, session: &mut Session) -> Read {
    let mut tries = 0;
    loop {
        tries += 1;
        let outcome = ask(walk, url, session).await;
        let now = walk.ingest.clock.now();
        match asked_to_wait(&outcome, tries, now).or_else(|| heals(&outcome, tries, now)) {
            Some(wait) => walk.ingest.clock.sleep_until(now.plus(wait)).await,
            None => return understand(walk, outcome, url).await,
        }
    }
}

/// How long to wait before the same is asked again, where the host wants that, and has not often enough. Its pause is
/// waited for; a day's budget, or its `robots.txt`, is not.
pub(super) fn asked_to_wait(outcome: &Outcome, tries: u32, now: Timestamp) -> Option<Duration> {
    let wait = match outcome {
        Outcome::Later { after, .. } => {
            Some(after.unwrap_or_else(|| backoff::delay(tries, u64::from(tries))))
        }
        Outcome::Held(held) => held.until().map(|until| until.since(now)).filter(|wait| *wait <= PATIENCE),
        _ => None,
    };
    wait.filter(|_| tries < TRIES).map(|wait| wait.min(PATIENCE))
}

/// The same where something failed that may not fail again.
fn heals(outcome: &Outcome, tries: u32, now: Timestamp) -> Option<Duration> {
    let Outcome::Failed(error) = outcome else { return None };
    let until = match error {
        // A browser that does not start does not start in a minute either.
        fetch::Error::Browser(error) if error.is_ours() && error.until().is_none() => return None,
        fetch::Error::Browser(error) => error.until(),
        error if error.retry() == Retry::Never => return None,
        _ => None,
    };
    let wait = until.map_or_else(|| backoff::delay(tries, u64::from(tries)), |until| until.since(now));
    (tries < TRIES).then(|| wait.min(PATIENCE))
}

/// Through the browser where the source wants that, as live passes do; else with what the visit remembers.
async fn ask(walk: &mut Walk<'_>, url: &Url, session: &mut Session) -> Outcome {
    if walk.source.browser.list {
        return walk.fetch(url, Validators::default(), extract::Kind::List).await;
    }
    let ask = walk.ask(url, Validators::default());
    session.get(&walk.ingest.client, &ask).await
}

/// What an answer says, as a page of the list.
pub(super) async fn understand(walk: &mut Walk<'_>, outcome: Outcome, asked: &Url) -> Read {
    let (body, content_type, url) = match outcome {
        Outcome::Fresh { body, content_type, url, .. } => (body, content_type, url),
        Outcome::Gone { .. } => return Read::Missing,
        other => return Read::Failed(refusal(&other, asked).message),
    };
    walk.at = walk.ingest.clock.now();
    let feed = walk.source.extract.feed;
    let kind = if feed { extract::Kind::Feed } else { extract::Kind::List };
    let (found, drafts) = walk.parse(body.clone(), content_type.clone(), url.clone(), kind).await;
    let next = walk.source.archive.next.clone();
    let pager = if feed { of_feed(&found, &url) } else { of_page(next, body, content_type, url).await };
    let pager = Box::new(pager);
    match quality::refuse(&found, drafts.iter().map(|(draft, _)| draft)) {
        Some(issue) if matches!(issue.code.as_str(), "no-items" | "empty-page") => Read::Nothing(pager),
        Some(issue) => Read::Failed(issue.message),
        None if drafts.is_empty() => Read::Nothing(pager),
        None => Read::Items(drafts, pager),
    }
}

/// The pager of a page, looked for off the runtime's workers.
async fn of_page(next: Option<Query>, body: Bytes, content_type: Option<String>, url: Url) -> Pager {
    let found = tokio::task::spawn_blocking(move || {
        let document = Document { bytes: &body, content_type: content_type.as_deref(), url: &url };
        pager::pager(&document, next.as_ref())
    });
    found.await.unwrap_or_default()
}

/// The older documents of a feed (RFC 5005, sections 3 and 4).
fn of_feed(found: &extract::Found, url: &Url) -> Pager {
    let link = |rel: &str| found.head.links.iter().find(|link| link.rel.as_deref() == Some(rel));
    let older = link("prev-archive").or_else(|| link("next"));
    Pager { next: older.and_then(|link| url.join(&link.href).ok()), ..Pager::default() }
}

/// A plain document of the site, asked for again where that may help.
pub(super) async fn document(walk: &mut Walk<'_>, url: &Url) -> Outcome {
    let mut tries = 0;
    loop {
        tries += 1;
        let ask = fetch::Ask { accept: "*/*", ..walk.ask(url, Validators::default()) };
        let outcome = fetch::fetch(&walk.ingest.client, &ask).await;
        let now = walk.ingest.clock.now();
        match asked_to_wait(&outcome, tries, now).or_else(|| heals(&outcome, tries, now)) {
            Some(wait) => walk.ingest.clock.sleep_until(now.plus(wait)).await,
            None => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::pager::Picker;

    fn form(picker: bool) -> Option<Form> {
        let action = "https://a.vn/tin".parse().unwrap();
        let button = pager::Button {
            target: "pager".to_owned(),
            argument: "2".to_owned(),
            label: pager::Label::Page(2),
        };
        let picker = picker.then(|| Picker("ngay".to_owned()));
        Some(Form { action, fields: Vec::new(), buttons: vec![button], picker })
    }

    #[test]
    fn a_form_that_scripts_made_is_no_way_unless_somebody_says_so() {
        let archive = |kind| Archive {
            kind,
            pattern: None,
            next: None,
            sitemaps: Vec::new(),
            path: None,
            max_pages: 10,
            empty_days: 3,
        };
        let list: Url = "https://a.vn/tin".parse().unwrap();
        let chosen = |kind, pager: &Pager, is_made| {
            choose(&archive(kind), pager, &list, is_made).map(|(kind, pattern)| (kind.as_str(), pattern))
        };
        let only = Pager { form: form(true), ..Pager::default() };
        let sitemap = Some(("sitemap", "/tin/".to_owned()));
        assert_eq!(chosen(None, &only, false), Some(("postback", String::new())));
        assert_eq!(chosen(None, &only, true), sitemap, "its section has an address");
        assert_eq!(chosen(Some(Kind::Postback), &only, true), Some(("postback", String::new())));
        assert_eq!(chosen(Some(Kind::Days), &only, true), Some(("days", "form:ngay".to_owned())));
        let next = Some("https://a.vn/tin/2".parse().unwrap());
        assert_eq!(chosen(None, &Pager { next, ..only.clone() }, true), Some(("next", String::new())));
        let front: Url = "https://a.vn/".parse().unwrap();
        assert_eq!(choose(&archive(None), &only, &front, true), None);
        assert!(nothing(&front, leads_on(&form(false).unwrap())).contains("goes on by a form only"));
    }
}
