//! Where a list goes on: the pager, the "next" link, the calendar and the form of a page, found by comparing its links.
//!
//! Pure, like all of this room. It says what stands on the page; whoever walks decides which way to go.

mod days;
mod form;
mod next;
mod numbered;

use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{Document, Kind, Query, dom, metadata::Metadata, open::open};
use crate::model::text;

pub use days::fill as day_url;
pub use form::{Button, Form, Label, Picker};
pub use numbered::fill as page_url;

/// The ways onward that a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pager {
    /// Addresses of numbered pages, with `{START+STEP}` where the number stands: see [`page_url`].
    pub numbered: Option<String>,
    /// The highest number of a page that a link says.
    pub last: Option<u32>,
    /// The next page, by a link that says so.
    pub next: Option<Url>,
    /// Addresses of days, with `{FORMAT}` (strftime) where the date stands: see [`day_url`].
    pub days: Option<String>,
    /// The ASP.NET form around the pager, with everything that has to be sent back.
    pub form: Option<Form>,
}

/// How many levels above a link are asked whether they are a pager.
const LEVELS: usize = 5;

/// What the classes and ids of pagers are made of.
const PAGERS: [&str; 13] = [
    "pagin",
    "pager",
    "paging",
    "pagenav",
    "page-nav",
    "page-num",
    "page_num",
    "pagenum",
    "phantrang",
    "phan-trang",
    "phan_trang",
    "sotrang",
    "nav-links",
];

/// A link of the page.
struct Anchor {
    /// What it says: folded text, else its label or title.
    label: String,
    /// Where it leads, on the same site.
    url: Option<Url>,
    /// Its script, where it has one instead.
    script: Option<String>,
    rel_next: bool,
    /// Does it stand in something that is called a pager?
    in_pager: bool,
}

/// What stands on a page besides its items. `next` is a selector of the configuration for the link to the next page.
pub fn pager(document: &Document<'_>, next: Option<&Query>) -> Pager {
    let (page, _) = open(document, Kind::List);
    let Some(page) = page else { return Pager::default() };
    let base = Metadata::of(&page.html, document.url).base.unwrap_or_else(|| document.url.clone());
    let anchors = anchors(&page.html, &base, document.url);
    let chosen = next.and_then(|next| page.html.select(next).find_map(|link| target(link, &base)));
    let numbered = numbered::find(&anchors);
    let form = form::find(&page.html, &anchors, &base);
    Pager {
        last: numbered::last(&anchors, numbered.as_deref()).or_else(|| form.as_ref()?.last()),
        numbered,
        next: chosen.or_else(|| next::find(&anchors, document.url)),
        days: days::find(&anchors),
        form,
    }
}

fn anchors(html: &Html, base: &Url, page: &Url) -> Vec<Anchor> {
    let Ok(links) = Selector::parse("a, area, link[rel]") else { return Vec::new() };
    html.select(&links).filter_map(|link| anchor(link, base, page)).collect()
}

fn anchor(link: ElementRef<'_>, base: &Url, page: &Url) -> Option<Anchor> {
    let rel_next = link
        .attr("rel")
        .is_some_and(|rel| rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next")));
    if link.value().name() == "link" && !rel_next {
        return None;
    }
    let url = target(link, base).filter(|url| url.host() == page.host());
    let script = [link.attr("href"), link.attr("onclick")].into_iter().flatten();
    let script = script.map(unescape).find(|text| text.contains("PostBack"));
    if url.is_none() && script.is_none() {
        return None;
    }
    Some(Anchor { label: label(link), url, script, rel_next, in_pager: in_pager(link) })
}

/// Where a link leads, if that is another document of the web.
fn target(link: ElementRef<'_>, base: &Url) -> Option<Url> {
    let href = link.attr("href")?.trim();
    if href.is_empty() || href.starts_with('#') {
        return None;
    }
    let mut url = base.join(href).ok()?;
    url.set_fragment(None);
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// What a link says, marks and case folded; where it shows a picture or nothing, what it is called.
fn label(link: ElementRef<'_>) -> String {
    let said = dom::text(link);
    let said = if said.is_empty() {
        let image = link.descendent_elements().find_map(|inner| inner.attr("alt").or(inner.attr("title")));
        let named = link.attr("aria-label").or(link.attr("title")).or(image);
        named.unwrap_or_default().to_owned()
    } else {
        said
    };
    // Arrows are kinds of quotes to a key.
    if said.contains(char::is_alphanumeric) { text::fold(&said) } else { said.trim().to_owned() }
}

fn in_pager(link: ElementRef<'_>) -> bool {
    let around = link.ancestors().filter_map(ElementRef::wrap).take(LEVELS);
    std::iter::once(link).chain(around).any(|element| {
        ["class", "id"].iter().filter_map(|name| element.attr(name)).any(|name| {
            let name = name.to_ascii_lowercase();
            PAGERS.iter().any(|part| name.contains(part))
        })
    })
}

/// Scripts in attributes are sometimes escaped twice.
fn unescape(text: &str) -> String {
    text.replace("&#39;", "'").replace("&quot;", "\"").replace("\\u0024", "$").replace("\\'", "'")
}

#[cfg(test)]
mod tests;
