//! A page of one article.

use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Html};
use url::Url;

use super::dom::Elements;
use super::feed_item::person_of;
use super::metadata::Metadata;
use super::open::open;
use super::{
    Document, Found, Kind, PageRules, Pick, Query, Rules, dom, feed, item_issues, main_text, plain, xml,
};
use crate::model::{Enclosure, ExtractedBy, Issue, Item, Link, Person};

/// Shorter texts of a recipe, without a picture or a link, are asked of the other ways too.
const SHORT: usize = 60;

/// Shorter main texts beside a password field are a login page.
const LOGIN: usize = 400;

/// Reads the page as one article.
pub(super) fn read(document: &Document<'_>, rules: &Rules) -> Found {
    let (page, mut found) = open(document, Kind::Article);
    let Some(mut page) = page else { return found };
    let elements = Elements::of(page.html.root_element());
    let metadata = Metadata::read(&elements, document.url);
    let mut item = described(&elements, &metadata, document.url, rules.page.as_ref());
    let bodies = rules.page.as_ref().map(|rules| bodies(&elements, rules)).unwrap_or_default();
    let body = rules.page.as_ref().and_then(|rules| recipe_body(&mut page.html, rules, bodies));
    let full = fullest(body, &metadata, &page.html, item.title.as_deref());
    let is_login = metadata.has_password && full.as_ref().is_none_or(|full| full.length < LOGIN);
    if is_login && item.title.is_none() | !full.as_ref().is_some_and(|full| full.by == ExtractedBy::Recipe) {
        found
            .issues
            .push(Issue::error("login-page", "no article was found, and the page asks for a password"));
        found.head = metadata.head;
        return found;
    }
    match full {
        Some(full) => {
            item.content = Some(full.markup);
            item.content_type = Some("text/html".to_owned());
            item.extracted_by = full.by;
            if item.authors.is_empty() {
                item.authors.extend(full.author.map(|name| person_of(&name)));
            }
            if item.enclosures.is_empty() {
                item.enclosures = full.attachments;
            }
        }
        None => found.issues.push(Issue::warning("no-body", "no full text was found; the summary stands in")),
    }
    if item.title.is_none() && item.content.is_none() && item.summary.is_none() {
        found.issues.push(Issue::error("no-items", "the page has neither a title nor a text"));
    } else {
        found.items.push(item);
        found.issues.extend(item_issues(&found.items));
    }
    found.head = metadata.head;
    found
}

/// Everything but the full text: by recipe, else by what the page says of itself.
fn described(page: &Elements<'_>, metadata: &Metadata, url: &Url, rules: Option<&PageRules>) -> Item {
    let first = |pick: fn(&PageRules) -> &Pick| page.first(pick(rules?));
    let all = |pick: fn(&PageRules) -> &Pick| rules.map(|rules| page.all(pick(rules))).unwrap_or_default();
    let json_ld = metadata.json_ld.as_ref();
    let address = own_address(metadata, url);
    let summary =
        || json_ld.and_then(|found| found.summary.clone()).or_else(|| metadata.head.description.clone());
    let image = first(|rules| &rules.image).filter(|image| !image.starts_with("data:"));
    let mut categories: Vec<_> = all(|rules| &rules.category);
    if categories.is_empty() {
        categories = json_ld.map(|found| found.sections.clone()).unwrap_or_default();
        categories.extend(metadata.meta(&["article:section"]).filter(|_| categories.is_empty()));
    }
    Item {
        id: first(|rules| &rules.id),
        links: vec![Link { href: address.clone(), rel: Some("alternate".to_owned()), media_type: None }],
        url: Some(address),
        title: first(|rules| &rules.title).or_else(|| title(page, metadata)),
        summary: first(|rules| &rules.summary).or_else(|| summary().map(|text| escaped(&text))),
        published: first(|rules| &rules.date).or_else(|| published(page, metadata)),
        updated: json_ld
            .and_then(|found| found.updated.clone())
            .or_else(|| metadata.meta(&["article:modified_time"])),
        image: image
            .or_else(|| metadata.meta(&["og:image", "og:image:url", "twitter:image", "image"]))
            .or_else(|| json_ld?.image.clone()),
        categories: categories.into_iter().map(feed::term).collect(),
        authors: authors(&all(|rules| &rules.author), metadata),
        enclosures: rules.map(|rules| attachments(page, rules)).unwrap_or_default(),
        language: json_ld.and_then(|found| found.language.clone()).or_else(|| metadata.head.language.clone()),
        base: metadata.base.as_ref().map(Url::to_string),
        ..Item::default()
    }
}

/// The canonical address where the page names one that can be its own: on its host, and not just the home page.
fn own_address(metadata: &Metadata, url: &Url) -> String {
    let bare = |url: &Url| url.host_str().map(|host| host.trim_start_matches("www.").to_owned());
    let is_own =
        |canonical: &&Url| bare(canonical) == bare(url) && (canonical.path() != "/" || url.path() == "/");
    metadata.canonical.as_ref().filter(is_own).unwrap_or(url).to_string()
}

fn authors(said: &[String], metadata: &Metadata) -> Vec<Person> {
    if !said.is_empty() {
        return said.iter().map(|said| person_of(said)).collect();
    }
    let described = metadata.json_ld.as_ref().map(|found| found.authors.clone()).unwrap_or_default();
    if !described.is_empty() {
        return described;
    }
    let named =
        metadata.meta(&["author", "article:author", "dc.creator"]).filter(|name| !name.starts_with("http"));
    named.iter().map(|name| person_of(name)).collect()
}

static HEADINGS: LazyLock<Query> = LazyLock::new(|| Query::parse("h1").expect("a constant selector"));
static TIMES: LazyLock<Query> = LazyLock::new(|| {
    let wanted = "[itemprop='datePublished'], time[pubdate], article time[datetime], main time[datetime], time[datetime]";
    Query::parse(wanted).expect("a constant selector")
});

/// Without a recipe: JSON-LD, Open Graph, the heading that `<title>` begins with, Dublin Core, `<title>`.
fn title(page: &Elements<'_>, metadata: &Metadata) -> Option<String> {
    let described = metadata.json_ld.as_ref().and_then(|found| found.title.clone());
    let open_graph = || metadata.meta(&["og:title", "twitter:title"]);
    let document = metadata.head.title.as_deref();
    let heading = || {
        let mut headings = page.select(&HEADINGS).map(dom::text).filter(|text| !text.is_empty());
        let first = headings.next()?;
        let alone = headings.next().is_none();
        Some(first).filter(|first| alone || document.is_some_and(|title| title.starts_with(first.as_str())))
    };
    let found = described.or_else(open_graph).or_else(heading).or_else(|| metadata.meta(&["dc.title"]));
    let found = found.or_else(|| document.map(str::to_owned))?;
    Some(without_site(&found, metadata.meta(&["og:site_name", "application-name"]).as_deref()))
}

/// `Title - Site` without the site, where the page says what the site is called.
fn without_site(title: &str, site: Option<&str>) -> String {
    let rest = site.and_then(|site| title.strip_suffix(site)).map(str::trim_end);
    let rest =
        rest.and_then(|rest| rest.strip_suffix(['-', '|', '–', '—', '»', '·', ':'])).map(str::trim_end);
    rest.filter(|rest| !rest.is_empty()).unwrap_or(title).to_owned()
}

fn published(page: &Elements<'_>, metadata: &Metadata) -> Option<String> {
    // Some systems print the zero of their date type.
    let real = |text: &String| !text.starts_with("0001-");
    let described = metadata.json_ld.as_ref().and_then(|found| found.published.clone()).filter(real);
    let metas = [
        "article:published_time",
        "og:article:published_time",
        "datepublished",
        "pubdate",
        "publishdate",
        "dc.date.issued",
        "dc.date",
        "dcterms.created",
        "date",
    ];
    let stamped = || {
        let times = page.select(&TIMES);
        times.into_iter().find_map(|time| {
            let said = time.attr("datetime").or_else(|| time.attr("content")).map(str::to_owned);
            said.or_else(|| Some(dom::text(time))).filter(|text| !text.trim().is_empty())
        })
    };
    described.or_else(|| metadata.meta(&metas)).or_else(stamped)
}

fn attachments(page: &Elements<'_>, rules: &PageRules) -> Vec<Enclosure> {
    let mut found: Vec<Enclosure> = Vec::new();
    for (element, url) in dom::picked(&rules.attachments, |_, alternative| page.inside(alternative)) {
        if !found.iter().any(|known| known.url == url) {
            let title = Some(dom::text(element)).filter(|title| !title.is_empty());
            found.push(Enclosure {
                url,
                media_type: element.attr("type").map(str::to_owned),
                length: None,
                title,
            });
        }
    }
    found
}

/// Where each way of the recipe to the body leads.
fn bodies(page: &Elements<'_>, rules: &PageRules) -> Vec<Vec<NodeId>> {
    rules.body.0.iter().map(|alternative| outermost(page.inside(alternative))).collect()
}

/// The body by recipe, without what the recipe drops, and how much of it people see.
fn recipe_body(html: &mut Html, rules: &PageRules, bodies: Vec<Vec<NodeId>>) -> Option<(String, usize)> {
    rules.body.0.iter().zip(bodies).find_map(|(alternative, bodies)| {
        for body in &bodies {
            detach(html, *body, &rules.drop);
        }
        let kept = bodies.into_iter().filter_map(|id| html.tree.get(id).and_then(ElementRef::wrap));
        let kept = kept.filter(|body| is_attached(*body, html));
        let parts: Vec<_> = kept.filter_map(|body| Some((body, dom::value(body, alternative)?))).collect();
        let shown =
            |body: ElementRef<'_>| dom::text(body).chars().count() + SHORT * usize::from(has_media(body));
        let length = parts.iter().map(|(body, _)| shown(*body)).sum();
        let markup = parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join("\n");
        (length > 0).then_some((markup, length))
    })
}

/// The matches that do not stand inside another one. They come in document order.
fn outermost(matches: Vec<ElementRef<'_>>) -> Vec<NodeId> {
    let mut found: Vec<ElementRef<'_>> = Vec::new();
    for element in matches {
        let is_inside =
            found.last().is_some_and(|last| element.ancestors().any(|above| above.id() == last.id()));
        if !is_inside {
            found.push(element);
        }
    }
    found.into_iter().map(|element| element.id()).collect()
}

/// Takes what is dropped out of the tree, below `body`.
fn detach(html: &mut Html, body: NodeId, drop: &[Query]) {
    let Some(element) = html.tree.get(body).and_then(ElementRef::wrap) else { return };
    let inside = Elements::of(element);
    let dropped: Vec<_> = drop.iter().flat_map(|drop| inside.select(drop)).map(|inner| inner.id()).collect();
    for id in dropped {
        if let Some(mut node) = html.tree.get_mut(id) {
            node.detach();
        }
    }
}

/// What an earlier way has dropped is gone for those behind it.
fn is_attached(element: ElementRef<'_>, html: &Html) -> bool {
    element.ancestors().last().is_some_and(|top| top.id() == html.tree.root().id())
}

static MEDIA: LazyLock<Query> =
    LazyLock::new(|| Query::parse("img, video, audio, iframe, a[href]").expect("a constant selector"));

fn has_media(element: ElementRef<'_>) -> bool {
    element.select(&MEDIA).next().is_some()
}

/// A full text.
struct Full {
    by: ExtractedBy,
    markup: String,
    /// How much people read of it, in characters.
    length: usize,
    /// Documents in and beside it, where no recipe says where they are.
    attachments: Vec<Enclosure>,
    /// Who signs it.
    author: Option<String>,
}

impl Full {
    fn new(by: ExtractedBy, markup: String, length: usize) -> Self {
        Self { by, markup, length, attachments: Vec::new(), author: None }
    }
}

/// The full text by the best way that gives one.
fn fullest(
    body: Option<(String, usize)>,
    metadata: &Metadata,
    html: &Html,
    title: Option<&str>,
) -> Option<Full> {
    let by_recipe = body.map(|(body, length)| Full::new(ExtractedBy::Recipe, body, length));
    if by_recipe.as_ref().is_some_and(|full| full.length >= SHORT) {
        return by_recipe;
    }
    let described = metadata.json_ld.as_ref().and_then(|found| found.body.as_deref()).map(|body| {
        let body = paragraphs(body);
        let length = read_length(&body);
        Full::new(ExtractedBy::JsonLd, body, length)
    });
    let main = main_text::find(html, title).map(|main| Full {
        by: ExtractedBy::MainText,
        markup: main.markup,
        length: main.length,
        attachments: main.attachments,
        author: main.author,
    });
    let found = match (described, main) {
        (Some(described), Some(main)) if is_better(described.length, main.length) => {
            Some(Full { attachments: main.attachments, author: main.author, ..described })
        }
        (described, main) => main.or(described),
    };
    found.filter(|found| by_recipe.as_ref().is_none_or(|own| found.length > own.length)).or(by_recipe)
}

/// Whether the text of JSON-LD is to be preferred to the page's own, by their lengths. Of about the same length they
/// say the same, and the page's has pictures and links; much shorter it is a teaser, which sites put there, too.
fn is_better(described: usize, main: usize) -> bool {
    let (is_same, is_teaser) = (described * 3 <= main * 4 && main * 3 <= described * 4, described * 2 < main);
    !is_same && !is_teaser
}

/// Characters that people read, without white space.
fn read_length(markup: &str) -> usize {
    plain::text(markup).chars().filter(|c| !c.is_whitespace()).count()
}

/// Plain text as markup: a paragraph a line. Some sites put markup in: it stays.
fn paragraphs(text: &str) -> String {
    let is_markup =
        ["</p>", "<br", "</a>", "</div>", "</h2>", "</strong>"].iter().any(|tag| text.contains(tag));
    if is_markup {
        return text.to_owned();
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("<p>{}</p>", escaped(line))).collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    xml::escape(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_ld_is_preferred_where_the_page_shows_less_or_too_much() {
        let check = |described, main, expected| {
            assert_eq!(is_better(described, main), expected, "{described} {main}");
        };
        check(1000, 1000, false);
        check(1000, 1200, false);
        check(1000, 1500, true);
        check(1000, 2500, false);
        check(1000, 400, true);
        check(1000, 0, true);
    }

    #[test]
    fn markup_in_json_ld_stays_markup() {
        assert_eq!(paragraphs("a < b\nc"), "<p>a &lt; b</p>\n<p>c</p>");
        assert_eq!(paragraphs("a <a href=\"/x\">b</a>"), "a <a href=\"/x\">b</a>");
    }
}
