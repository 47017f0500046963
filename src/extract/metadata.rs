//! What a page says of itself in its head: `<title>`, `<meta>`, `<link>`, JSON-LD.

use std::collections::HashMap;
use std::sync::LazyLock;

use scraper::{ElementRef, Html};
use url::Url;

use super::dom::Elements;
use super::json_ld::Article;
use super::{Head, Query, dom, plain};
use crate::model::{Link, markup};

/// A page's own words.
#[derive(Default)]
pub(super) struct Metadata {
    /// Title, description, language, canonical link, other links.
    pub(super) head: Head,
    /// `<meta>` values by lower-case name or property; the first of each.
    metas: HashMap<String, String>,
    /// The first article that JSON-LD describes.
    pub(super) json_ld: Option<Article>,
    /// Where `<base>` says relative links stand; `None` without one.
    pub(super) base: Option<Url>,
    /// `<link rel=canonical>`, absolute.
    pub(super) canonical: Option<Url>,
    /// True when some form asks for a password.
    pub(super) has_password: bool,
}

static WANTED: LazyLock<Query> = LazyLock::new(|| {
    let wanted =
        "head title, meta, link[href], base[href], script[type*='ld+json'], input[type='password' i]";
    Query::parse(wanted).expect("a constant selector")
});

impl Metadata {
    /// Those of a page.
    pub(super) fn of(page: &Html, url: &Url) -> Self {
        Self::read(&Elements::of(page.root_element()), url)
    }

    /// Reads them all in one walk.
    pub(super) fn read(page: &Elements<'_>, url: &Url) -> Self {
        let mut found = Self::default();
        for element in page.select(&WANTED) {
            match element.value().name() {
                "title" => found.head.title = found.head.title.take().or_else(|| some(dom::text(element))),
                "meta" => {
                    let key = element
                        .attr("property")
                        .or_else(|| element.attr("name"))
                        .or_else(|| element.attr("itemprop"));
                    if let (Some(key), Some(value)) = (key, element.attr("content")) {
                        // Portals escape these twice: `ng&amp;agrave;y`.
                        let value = plain::collapse(&markup::decode(value));
                        found.metas.entry(key.trim().to_ascii_lowercase()).or_insert(value);
                    }
                }
                "link" => found.link(element, url),
                "base" if found.base.is_none() => {
                    found.base = element.attr("href").and_then(|href| url.join(href.trim()).ok());
                }
                "script" if found.json_ld.is_none() => {
                    found.json_ld = Article::read(&element.text().collect::<String>());
                }
                "input" => found.has_password = true,
                _ => {}
            }
        }
        found.complete(page.root);
        found
    }

    /// The first of these `<meta>`s that says something.
    pub(super) fn meta(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.metas.get(*name)).filter(|value| !value.is_empty()).cloned()
    }

    fn link(&mut self, element: ElementRef<'_>, url: &Url) {
        let rel = element.attr("rel").unwrap_or_default().to_ascii_lowercase();
        let href = element.attr("href").unwrap_or_default().trim();
        if rel == "canonical" && !href.is_empty() {
            self.canonical = self.canonical.take().or_else(|| url.join(href).ok());
        }
        if matches!(rel.as_str(), "canonical" | "alternate" | "next" | "prev" | "amphtml") && !href.is_empty()
        {
            let media_type = element.attr("type").map(str::to_owned);
            self.head.links.push(Link { href: href.to_owned(), rel: Some(rel), media_type });
        }
    }

    fn complete(&mut self, root: ElementRef<'_>) {
        let head = &mut self.head;
        let declared = |name: &str| root.attr(name).map(str::to_owned);
        head.language =
            declared("lang").or_else(|| declared("xml:lang")).filter(|lang| !lang.trim().is_empty());
        let meta = |names: &[&str]| names.iter().find_map(|name| self.metas.get(*name)).cloned();
        head.language =
            head.language.take().or_else(|| meta(&["content-language", "og:locale", "dc.language"]));
        head.description = meta(&["og:description", "description", "dc.description", "twitter:description"]);
        head.link = self.canonical.as_ref().map(Url::to_string);
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
