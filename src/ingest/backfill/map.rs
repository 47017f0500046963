//! Archives by sitemap: addresses first, newest first; what each of them is, its own page says.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use url::Url;

use super::course::{Got, Page, Step, document};
use crate::{
    dedup,
    extract::{
        Document,
        sitemap::{self, Entry, Sitemap},
    },
    fetch::Outcome,
    ingest::pass::{Walk, refusal},
    model::{Backfill, End, Issue, Item, Timestamp},
    net::Restraint,
    normalize,
};

/// Sitemaps of one site that are read; an index may name as many as it likes.
const MAX_SITEMAPS: usize = 200;
/// Addresses of one site that are kept.
const MAX_ADDRESSES: usize = 200_000;
/// Addresses that make a page of the walk.
const PAGE: usize = 20;

/// What the sitemaps of a site list of a section.
pub(super) struct Map {
    entries: Vec<Entry>,
}

impl Map {
    /// Reads the sitemaps: configured ones, those of `robots.txt`, or the usual one.
    pub(super) async fn read(walk: &mut Walk<'_>, progress: &mut Backfill) -> Result<Self, String> {
        let mut waiting: VecDeque<Url> = starts(walk).await.into();
        let asked: Vec<String> = waiting.iter().map(|url| format!("`{url}`")).collect();
        let (mut seen, mut found, mut n_read): (HashSet<Url>, _, _) = (HashSet::new(), Vec::new(), 0_usize);
        let mut unread = Vec::new();
        while let Some(url) = waiting.pop_front() {
            if seen.contains(&url) {
                continue;
            }
            if seen.len() >= MAX_SITEMAPS || found.len() >= MAX_ADDRESSES {
                walk.wrong(cut());
                break;
            }
            seen.insert(url.clone());
            let (body, content_type, url) = match document(walk, &url).await {
                Outcome::Fresh { body, content_type, url, .. } => (body, content_type, url),
                // The host wants nothing more for now: the walk begins here when it goes on.
                held @ (Outcome::Later { .. }
                | Outcome::Held(Restraint::Paused { .. } | Restraint::Budget { .. })) => {
                    return Err(refusal(&held, &url).message);
                }
                other => {
                    unread.push(refusal(&other, &url).message);
                    continue;
                }
            };
            let map = parsed(walk, body, content_type, url).await;
            n_read += usize::from(!map.entries.is_empty());
            for entry in map.entries {
                let modified = date(walk, entry.modified.as_deref());
                // An index says of a sitemap when the newest of its pages changed.
                if modified.zip(progress.since).is_some_and(|(modified, since)| modified < since) {
                    continue;
                }
                match Url::parse(&entry.url) {
                    Ok(url) if map.index => waiting.push_back(url),
                    Ok(url) if belongs(&url, &walk.source.url, &progress.pattern) => {
                        found.push((modified, entry));
                    }
                    _ => {}
                }
            }
        }
        if n_read == 0 {
            let why = unread.first().map_or_else(String::new, |first| format!(": {first}"));
            return Err(format!("there is no sitemap to read at {}{why}", asked.join(", ")));
        }
        if let Some(first) = unread.first() {
            let (n_unread, n_all) = (unread.len(), seen.len());
            let message = format!(
                "{n_unread} of {n_all} sitemaps cannot be read, and what they list is left out: {first}"
            );
            walk.wrong(Issue::warning("sitemap-unread", message));
        }
        found.truncate(MAX_ADDRESSES);
        // Newest first; those without a date behind the others, in their order.
        found.sort_by_key(|(modified, _)| std::cmp::Reverse(*modified));
        progress.of = (found.len().div_ceil(PAGE) + 1) as u64;
        Ok(Self { entries: found.into_iter().map(|(_, entry)| entry).collect() })
    }

    /// The addresses from the place on. Where that has gone, all of them again: what is known costs no request.
    pub(super) fn next(&self, walk: &Walk<'_>, progress: &Backfill) -> Step {
        if progress.place == DONE {
            return Step::End(End::Bottom);
        }
        let from = self.entries.iter().position(|entry| entry.url == progress.place).unwrap_or(0);
        let rest = self.entries.get(from..).unwrap_or_default();
        let drafts: Vec<_> = rest.iter().take(PAGE).map(|entry| draft(walk, entry)).collect();
        if drafts.is_empty() {
            return Step::End(End::Bottom);
        }
        let then = rest.get(PAGE).map_or_else(|| DONE.to_owned(), |entry| entry.url.clone());
        let page =
            Page { is_ordered: false, repeats_matter: false, reads_all: true, ..Page::of_list(drafts) };
        Step::Got(Got { page, then })
    }
}

/// The place behind the last address.
const DONE: &str = "done";

/// What a sitemap says, read off the runtime's workers.
async fn parsed(walk: &mut Walk<'_>, body: Bytes, content_type: Option<String>, url: Url) -> Sitemap {
    let max = walk.ingest.client.settings().max_body;
    let read = tokio::task::spawn_blocking(move || {
        let document = Document { bytes: &body, content_type: content_type.as_deref(), url: &url };
        sitemap::sitemap(&document, max)
    });
    read.await.unwrap_or_default()
}

async fn starts(walk: &mut Walk<'_>) -> Vec<Url> {
    if !walk.source.archive.sitemaps.is_empty() {
        return walk.source.archive.sitemaps.clone();
    }
    let site = walk.source.url.clone();
    let mut named = Vec::new();
    if let Ok(robots) = site.join("/robots.txt")
        && let Outcome::Fresh { body, .. } = document(walk, &robots).await
    {
        let text = String::from_utf8_lossy(&body);
        named.extend(sitemap::in_robots(&text).iter().filter_map(|address| site.join(address).ok()));
    }
    if named.is_empty() {
        named.extend(site.join("/sitemap.xml"));
    }
    named
}

fn cut() -> Issue {
    let message = format!(
        "the site has more than {MAX_SITEMAPS} sitemaps, or they list more than {MAX_ADDRESSES} addresses: what else there is is left out\n\
         hint: name the sitemaps of the section in `[source.archive]`, or say `--since`"
    );
    Issue::warning("sitemap-cut", message)
}

/// Is it a page of the same site, in the section?
fn belongs(url: &Url, site: &Url, path: &str) -> bool {
    let bare = |url: &Url| url.host_str().map(|host| host.trim_start_matches("www.").to_owned());
    bare(url) == bare(site) && url.path().starts_with(path) && url.path() != path && url != site
}

fn date(walk: &Walk<'_>, text: Option<&str>) -> Option<Timestamp> {
    let rules = &walk.source.normalize;
    Some(normalize::date::parse(text?, &rules.zone, rules.order, walk.at)?.at)
}

fn draft(walk: &Walk<'_>, entry: &Entry) -> (crate::model::Draft, Vec<crate::model::IdentityKey>) {
    let item = Item { updated: None, ..sitemap::item(entry.clone()) };
    let rules = &walk.source.normalize;
    let context = normalize::Context { rules, base: &walk.source.url, fetched: walk.at };
    let (mut draft, _) = normalize::normalize(item, &context);
    if entry.title.is_none() {
        // What stands in for one is made from the address; the page has a real one.
        draft.content.title.clear();
    }
    let keys = dedup::keys(&draft, &walk.source.dedup, &walk.source.url);
    (draft, keys)
}
