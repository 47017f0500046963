//! One `<item>` or `<entry>`, whatever vocabularies it mixes.

use base64::Engine as _;
use url::Url;

use super::feed::term;
use super::plain;
use super::xml::{self, Element, Ns};
use crate::model::{Category, Enclosure, ExtractedBy, Item, Link, Person};

/// Reads one item.
pub(super) fn read(element: &Element) -> Item {
    let mut reader = Reader::default();
    for child in element.elements() {
        reader.field(child);
    }
    reader.finish(element)
}

/// An item while its elements arrive, in any order.
#[derive(Default)]
struct Reader {
    item: Item,
    /// `summary`, as opposed to `description`.
    summary: Option<String>,
    /// A guid that is also an address.
    permalink: Option<String>,
    /// The base of `content` or of what stands in for it.
    base: Option<String>,
}

impl Reader {
    fn field(&mut self, child: &Element) {
        let name = child.name.to_ascii_lowercase();
        match (child.ns, name.as_str()) {
            (Ns::Core, "title") => self.title(child),
            (Ns::Dc | Ns::Media, "title") => or_text(&mut self.item.title, child),
            (Ns::Core, "link") => self.link(child),
            (Ns::Core, "guid") => self.guid(child),
            (Ns::Core, "id") => self.item.id = text(child).map(|id| named(id, child)),
            (Ns::Core, "pubdate" | "published") => {
                self.item.published = text(child).or(self.item.published.take());
            }
            (Ns::Core | Ns::Dc, "issued" | "created" | "date") => or_text(&mut self.item.published, child),
            (Ns::Core | Ns::Dc, "updated" | "modified" | "lastbuilddate") => {
                self.item.updated = text(child).or(self.item.updated.take());
            }
            (Ns::Core, "author") | (Ns::Dc, "creator" | "author") => self.item.authors.extend(person(child)),
            (Ns::Itunes, "author") if self.item.authors.is_empty() => self.item.authors.extend(person(child)),
            (Ns::Core | Ns::Itunes | Ns::Dc | Ns::Media, "category" | "subject") => {
                categories(child, &mut self.item.categories);
            }
            (Ns::Core, "enclosure") => self.enclosure(child),
            (Ns::Core, "comments") => self.comments(child),
            (Ns::Core | Ns::Itunes, "image") => self.picture(child),
            (Ns::Media, _) => self.media(child, 0),
            _ => self.writing(child, &name),
        }
    }

    /// The elements that hold text of the article.
    fn writing(&mut self, child: &Element, name: &str) {
        match (child.ns, name) {
            (Ns::Core, "description") => self.put_summary(child, true),
            (Ns::Core, "summary") => {
                let (value, kind) = construct(child);
                self.summary = value.map(|value| as_html(value, &kind)).or(self.summary.take());
            }
            (Ns::Dc, "description") | (Ns::Core, "abstract" | "excerpt") | (Ns::Itunes, "summary") => {
                self.put_summary(child, false);
            }
            (Ns::Content, "encoded") | (Ns::Core, "fullitem" | "fulltext") => {
                self.put_content(markup(child), "text/html", child);
            }
            (Ns::Core, "content") => {
                if let Some(source) = child.attr("src") {
                    let url = resolved(source, child);
                    let media_type = child.attr("type").map(str::to_owned);
                    self.item.enclosures.push(Enclosure { url, media_type, length: None, title: None });
                }
                let (value, kind) = construct(child);
                self.put_content(value, &kind, child);
            }
            (Ns::Xhtml | Ns::Core, "body" | "div") => {
                self.put_content(Some(child.inner_html()), "application/xhtml+xml", child);
            }
            _ => {}
        }
    }

    fn put_summary(&mut self, child: &Element, wins: bool) {
        let value = markup(child);
        self.base = self.base.take().or_else(|| child.base.clone());
        let before = self.item.summary.take();
        self.item.summary = if wins { value.or(before) } else { before.or(value) };
    }

    fn put_content(&mut self, value: Option<String>, kind: &str, child: &Element) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        let longer = self.item.content.as_ref().is_none_or(|before| before.len() < value.len());
        if longer {
            self.item.content = Some(value);
            self.item.content_type = Some(kind.to_owned());
            self.item.language.clone_from(&child.lang);
            self.base = child.base.clone().or(self.base.take());
        }
    }

    /// A title that is only an image is called what the image is called, and shows it.
    fn title(&mut self, child: &Element) {
        self.item.title = text(child);
        if self.item.title.is_none()
            && let (Some(markup), _) = construct(child)
            && let Some(tag) = xml::first_tag(&markup, "img")
        {
            let said = |name: &str| tag.attr(name).map(str::to_owned);
            self.item.title = said("alt").map(|alt| plain::title(&alt)).filter(|alt| !alt.is_empty());
            let shown = said("src").map(|src| resolved(&src, child));
            self.item.image = self.item.image.take().or(shown);
        }
    }

    fn link(&mut self, child: &Element) {
        let Some(link) = link(child) else { return };
        if link.rel.as_deref() == Some("enclosure") {
            let length = child.attr("length").and_then(|length| length.parse().ok());
            let (url, media_type) = (link.href.clone(), link.media_type.clone());
            let title = child.attr("title").map(str::to_owned);
            self.item.enclosures.push(Enclosure { url, media_type, length, title });
        }
        self.item.links.push(link);
    }

    fn guid(&mut self, child: &Element) {
        self.item.id = text(child);
        let is_link = !child.attr("isPermaLink").is_some_and(|said| said.eq_ignore_ascii_case("false"));
        let address = self.item.id.as_deref().filter(|id| is_link && (is_address(id) || is_path(id)));
        self.permalink = address.map(|address| resolved(address, child));
    }

    fn comments(&mut self, child: &Element) {
        if let Some(href) = text(child).filter(|text| is_address(text)) {
            self.item.links.push(Link { href, rel: Some("replies".to_owned()), media_type: None });
        }
    }

    fn enclosure(&mut self, child: &Element) {
        let Some(url) = child.attr("url").or_else(|| child.attr("href")) else { return };
        self.attach(resolved(url, child), child.attr("type"), child.attr("length"));
    }

    fn attach(&mut self, url: String, media_type: Option<&str>, length: Option<&str>) {
        if self.item.enclosures.iter().any(|known| known.url == url) {
            return;
        }
        let length = length.and_then(|length| length.parse().ok()).filter(|length| *length > 0);
        let media_type = media_type.map(str::to_owned);
        self.item.enclosures.push(Enclosure { url, media_type, length, title: None });
    }

    /// `itunes:image href`, `<image><url>`, `<image>address</image>`.
    fn picture(&mut self, child: &Element) {
        let inner = child.elements().find(|inner| inner.name.eq_ignore_ascii_case("url")).unwrap_or(child);
        let address = child.attr("href").map(str::to_owned).or_else(|| text(inner));
        if self.item.image.is_none() {
            self.item.image = address.map(|address| resolved(&address, child));
        }
    }

    /// Media RSS: `content`, `thumbnail`, and groups of them.
    fn media(&mut self, child: &Element, depth: usize) {
        let name = child.name.to_ascii_lowercase();
        match name.as_str() {
            "group" | "content" if depth < 3 => {
                if let Some(url) = child.attr("url") {
                    self.media_content(resolved(url, child), child);
                }
                for inner in child.elements().filter(|inner| inner.ns == Ns::Media) {
                    self.media(inner, depth + 1);
                }
            }
            "thumbnail" if self.item.image.is_none() => {
                self.item.image = child.attr("url").map(|url| resolved(url, child));
            }
            "description" if self.item.summary.is_none() => self.put_summary(child, false),
            "credit" if self.item.authors.is_empty() => self.item.authors.extend(person(child)),
            _ => {}
        }
    }

    fn media_content(&mut self, url: String, child: &Element) {
        let media_type = child.attr("type");
        let is_image = child.attr("medium") == Some("image")
            || media_type.is_some_and(|kind| kind.starts_with("image/"));
        if is_image {
            self.item.image = self.item.image.take().or(Some(url));
        } else {
            self.attach(url, media_type, child.attr("fileSize"));
        }
    }

    fn finish(mut self, element: &Element) -> Item {
        // Both a summary and a description: then the description is the text (RSS 2.0 as it is practiced).
        if let Some(summary) = self.summary.take()
            && let Some(description) = self.item.summary.replace(summary)
            && self.item.content.is_none()
        {
            self.item.content = Some(description);
            self.item.content_type = Some("text/html".to_owned());
        }
        let mut item = self.item;
        // RSS 1.0 names its items where RDF does.
        item.id = item.id.or_else(|| element.attr("rdf:about").map(str::to_owned));
        // CDF writes the address and the time of an item into its tag.
        item.links.extend(element.attr("href").map(|href| page(resolved(href, element))));
        item.updated = item.updated.or_else(|| element.attr("lastmod").map(str::to_owned));
        item.url = alternate(&item.links).or(self.permalink);
        item.base = self.base.or_else(|| element.base.clone());
        item.language = item.language.or_else(|| element.lang.clone());
        item.extracted_by = if item.content.is_some() { ExtractedBy::Recipe } else { ExtractedBy::Summary };
        item
    }
}

fn or_text(slot: &mut Option<String>, child: &Element) {
    if slot.is_none() {
        *slot = text(child);
    }
}

/// Plain text of a text construct: titles, dates, names.
pub(super) fn text(element: &Element) -> Option<String> {
    let (value, kind) = construct(element);
    let value = value?;
    let declared = kind == "text/html" || kind == "application/xhtml+xml";
    let text = if declared { plain::text(&value) } else { plain::title(&value) };
    Some(text).filter(|text| !text.is_empty())
}

/// What RSS calls HTML: escaped, in CDATA, or simply not escaped.
fn markup(element: &Element) -> Option<String> {
    let (value, kind) = construct(element);
    // RSS never declares a type and always means HTML.
    let value = if element.attr("type").is_none() && !element.has_elements() {
        value
    } else {
        value.map(|v| as_html(v, &kind))
    };
    value.filter(|value| !value.is_empty())
}

/// A value and its media type (RFC 4287, sections 3.1 and 4.1.3; Atom 0.3, section 3.1).
fn construct(element: &Element) -> (Option<String>, String) {
    let kind = element.attr("type").unwrap_or("text").to_ascii_lowercase();
    let mode = element.attr("mode").unwrap_or_default();
    let (value, kind) = if mode == "base64" || is_binary(&kind) && !element.has_elements() {
        (from_base64(&element.text()), if kind == "text" { "text/plain".to_owned() } else { kind })
    } else if element.has_elements() {
        let kind = if kind == "html" || kind == "text/html" { "text/html" } else { "application/xhtml+xml" };
        (Some(unwrapped(element).inner_html()), kind.to_owned())
    } else {
        let kind = match kind.as_str() {
            "text" => "text/plain",
            "html" => "text/html",
            "xhtml" => "application/xhtml+xml",
            other => other,
        };
        let text = element.text();
        // An `xhtml` without elements is text that looks like markup.
        let escaped = kind == "application/xhtml+xml";
        (Some(if escaped { element.inner_html() } else { text }), kind.to_owned())
    };
    (value.filter(|value| !value.is_empty()), kind)
}

/// The one `div` that XHTML constructs wrap their content in is not part of it.
fn unwrapped(element: &Element) -> &Element {
    let mut inner = element.elements();
    match (inner.next(), inner.next()) {
        (Some(only), None) if only.name.eq_ignore_ascii_case("div") && is_blank_around(element) => only,
        _ => element,
    }
}

fn is_blank_around(element: &Element) -> bool {
    element.children.iter().all(|child| match child {
        xml::Child::Text(text) => text.trim().is_empty(),
        xml::Child::Element(_) => true,
    })
}

fn is_binary(kind: &str) -> bool {
    kind.contains('/')
        && !kind.starts_with("text/")
        && !kind.ends_with("xml")
        && kind != "application/xhtml+xml"
}

fn from_base64(text: &str) -> Option<String> {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
    String::from_utf8(bytes).ok()
}

fn as_html(value: String, kind: &str) -> String {
    if kind != "text/plain" {
        return value;
    }
    let mut out = String::with_capacity(value.len());
    xml::escape(&value, &mut out);
    out
}

/// Atom's `<link href rel type>` or everybody else's `<link>address</link>`.
pub(super) fn link(element: &Element) -> Option<Link> {
    let href = element.attr("href").map(str::to_owned).or_else(|| Some(element.text()))?;
    let href = href.trim();
    if href.is_empty() {
        return None;
    }
    let rel = element.attr("rel").unwrap_or("alternate");
    // IANA relations may be written as addresses (RFC 4287, section 4.2.7.2).
    let rel = rel.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(rel);
    Some(Link {
        href: resolved(href, element),
        rel: Some(rel.to_owned()),
        media_type: element.attr("type").map(str::to_owned),
    })
}

/// The page among the links: an alternate, HTML before anything else.
pub(super) fn alternate(links: &[Link]) -> Option<String> {
    let page = |link: &&Link| link.rel.as_deref() == Some("alternate");
    let html = |link: &&Link| link.media_type.as_deref().is_none_or(|kind| kind.contains("html"));
    let found = links.iter().filter(page).find(html).or_else(|| links.iter().find(page));
    found.map(|link| link.href.clone())
}

/// A link to the page of something.
pub(super) fn page(href: String) -> Link {
    Link { href, rel: Some("alternate".to_owned()), media_type: None }
}

/// An id that is written like a path stands for an address, as `xml:base` says; others are only names.
pub(super) fn named(id: String, element: &Element) -> String {
    if is_path(&id) { resolved(&id, element) } else { id }
}

/// Is this a reference to a path (RFC 3986, section 4.2), and no other kind of name?
pub(super) fn is_path(text: &str) -> bool {
    ["/", "./", "../"].iter().any(|start| text.starts_with(start)) && !text.contains(char::is_whitespace)
}

pub(super) fn resolved(href: &str, element: &Element) -> String {
    let base = element.base.as_deref().and_then(|base| Url::parse(base).ok());
    base.and_then(|base| base.join(href).ok()).map_or_else(|| href.to_owned(), String::from)
}

fn is_address(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Atom's person construct, RSS's `mail (name)`, or a bare name.
pub(super) fn person(element: &Element) -> Option<Person> {
    let part = |names: &[&str]| {
        let child = element
            .elements()
            .find(|child| names.iter().any(|name| child.name.eq_ignore_ascii_case(name)))?;
        text(child)
    };
    if element.has_elements() {
        let base = |url: String| resolved(&url, element);
        let person = Person {
            name: part(&["name"]),
            email: part(&["email"]),
            url: part(&["uri", "url", "homepage"]).map(base),
        };
        return Some(person).filter(|person| *person != Person::default());
    }
    text(element).map(|said| person_of(&said))
}

/// `mail (name)`, `name (mail)`, `name <mail>`, `mail`, `name`.
pub(super) fn person_of(said: &str) -> Person {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._%+-@".contains(c);
    let is_mail = |word: &str| {
        let parts = word.split_once('@');
        word.chars().all(is_plain) && parts.is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
    };
    let mail_edges = |c: char| matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | ',' | ';' | '"' | '“' | '”');
    let mut email = None;
    let mut name = Vec::new();
    for word in said.split_whitespace() {
        let bare = word.trim_matches(mail_edges);
        let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
        if email.is_none() && is_mail(bare) {
            email = Some(bare.to_owned());
        } else {
            name.push(word);
        }
    }
    let joined = name.join(" ");
    let joined = if email.is_some() {
        joined.trim_matches(|c| matches!(c, '(' | ')' | '<' | '>' | ' '))
    } else {
        joined.as_str()
    };
    Person { name: Some(joined.to_owned()).filter(|name| !name.is_empty()), email, url: None }
}

/// Atom's `term`, RSS's text with `domain`, Apple's `text`, nested ones included.
pub(super) fn categories(element: &Element, into: &mut Vec<Category>) {
    /// Nobody tags an article with more.
    const MOST: usize = 100;
    let named = element.attr("term").or_else(|| element.attr("text").filter(|_| element.ns == Ns::Itunes));
    let written = || Some(plain::title(&element.text())).filter(|text| !text.is_empty());
    if let Some(said) = named.map(plain::title).or_else(written)
        && into.len() < MOST
    {
        let scheme = element.attr("scheme").or_else(|| element.attr("domain")).map(str::to_owned);
        let label = element.attr("label").map(plain::title);
        let category = Category { scheme, label, ..term(said) };
        if !into.contains(&category) {
            into.push(category);
        }
    }
    // Apple's stand inside of each other; markup inside of others is only markup.
    for inner in element.elements().filter(|inner| inner.ns == Ns::Itunes) {
        categories(inner, into);
    }
}
