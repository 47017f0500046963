//! Every link of a page that could lead to an article.

use std::collections::HashSet;
use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::place::{Place, Places};
use crate::extract::dom;

/// A link.
#[derive(Clone, Debug)]
pub(super) struct Anchor<'a> {
    /// The `<a>`.
    pub(super) element: ElementRef<'a>,
    /// Where it leads, without fragment.
    pub(super) url: Url,
    /// What it says.
    pub(super) text: String,
    /// Where it stands.
    pub(super) place: Place,
    /// It stands in the middle of a sentence.
    pub(super) inline: bool,
}

static ANCHORS: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("a[href]").expect("a constant selector"));

/// The most links that are looked at; no list of news has more.
const MOST: usize = 20_000;

/// Paths whose pages list articles and are none.
const TAXONOMY: [&str; 24] = [
    "tag",
    "tags",
    "category",
    "categories",
    "author",
    "authors",
    "topic",
    "topics",
    "page",
    "archive",
    "archives",
    "search",
    "login",
    "dang-nhap",
    "register",
    "rss",
    "feed",
    "feeds",
    "about",
    "contact",
    "lien-he",
    "gioi-thieu",
    "sitemap",
    "wp-login.php",
];

/// The page's links in document order. Links to the page itself, to pages above it and to files are none.
pub(super) fn collect<'a>(html: &'a Html, url: &Url, places: &Places) -> Vec<Anchor<'a>> {
    let base = base(html, url);
    let above = above(url);
    let wanted = |url: &Url| !above.contains(url.as_str()) && !is_file(url) && url.path() != "/";
    html.select(&ANCHORS)
        .take(MOST)
        .filter_map(|element| {
            let href = element.attr("href").unwrap_or_default().trim();
            if href.is_empty() || href.starts_with('#') {
                return None;
            }
            let url = super::key(&base, href).filter(|found| wanted(found) || has_query(found))?;
            let text = dom::text(element);
            let inline = is_inline(element, &text);
            Some(Anchor { element, url, text, place: places.of(element), inline })
        })
        .collect()
}

fn base(html: &Html, url: &Url) -> Url {
    static BASE: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("base[href]").expect("a constant selector"));
    let said = html.select(&BASE).next().and_then(|base| url.join(base.attr("href")?.trim()).ok());
    said.unwrap_or_else(|| url.clone())
}

/// The page's own address and those of the folders that it stands in.
fn above(url: &Url) -> HashSet<String> {
    let mut above = HashSet::new();
    let mut at = url.clone();
    at.set_fragment(None);
    above.insert(at.to_string());
    at.set_query(None);
    for _ in 0..16 {
        above.insert(at.to_string());
        above.insert(at.as_str().trim_end_matches('/').to_owned());
        let popped = at.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().pop();
        });
        if popped.is_err() || at.path() == "/" {
            above.insert(at.to_string());
            break;
        }
        above.insert(format!("{}/", at.as_str().trim_end_matches('/')));
    }
    above
}

fn has_query(url: &Url) -> bool {
    url.query().is_some_and(|query| query.contains('=')) && url.path() == "/"
}

/// Pictures, archives and the like are no pages.
fn is_file(url: &Url) -> bool {
    const FILES: [&str; 18] = [
        "jpg", "jpeg", "png", "gif", "webp", "svg", "ico", "mp3", "mp4", "zip", "rar", "7z", "gz", "apk",
        "exe", "xml", "rss", "atom",
    ];
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.')
        .is_some_and(|(_, extension)| FILES.contains(&extension.to_ascii_lowercase().as_str()))
}

/// The first block around it says much more than it does, and says some of it before.
fn is_inline(element: ElementRef<'_>, text: &str) -> bool {
    let is_block = |name: &str| matches!(name, "p" | "li" | "td" | "blockquote" | "dd");
    let mut around = element.ancestors().filter_map(ElementRef::wrap);
    let Some(block) = around.find(|ancestor| is_block(ancestor.value().name())) else { return false };
    if block.value().name() != "p" && block.child_elements().nth(1).is_some() {
        return false;
    }
    let whole: String = block.text().take(200).collect();
    let whole = whole.trim_start();
    whole.chars().count() > 3 * text.chars().count().max(10) && !whole.starts_with(text)
}

/// A page that lists articles by tag, author, date or number.
pub(super) fn is_taxonomy(anchor: &Anchor<'_>) -> bool {
    let rel = anchor.element.attr("rel").unwrap_or_default();
    if rel.split_whitespace().any(|word| matches!(word, "tag" | "category" | "author" | "next" | "prev")) {
        return true;
    }
    let segments = anchor.url.path_segments().into_iter().flatten();
    let named: Vec<String> = segments.filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect();
    let has_word = named.iter().take(3).any(|part| TAXONOMY.contains(&part.as_str()));
    let is_month = !named.is_empty() && named.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    has_word || is_month
}

/// The last part of the address names one thing: words joined by hyphens, or a number.
pub(super) fn names_one_thing(url: &Url) -> bool {
    let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let joints = last.bytes().filter(|b| matches!(b, b'-' | b'_' | b'+')).count();
    let digits = last.bytes().filter(u8::is_ascii_digit).count();
    let escaped = last.bytes().filter(|b| *b == b'%').count();
    let asked = url.query_pairs().any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        (name.ends_with("id") || name == "p") && value.bytes().any(|b| b.is_ascii_digit())
    });
    joints >= 2 || digits >= 3 || escaped >= 6 || asked
}
