//! The main text of a page without a recipe.

mod clean;
mod words;

use std::{panic, sync::LazyLock};

use dom_smoothie::{Config, Readability, TextMode};
use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use url::Url;

use super::{dom, open::Page, plain};
use crate::model::markup;

/// More elements than any article page has; the finder's time grows with them.
const MAX_ELEMENTS: usize = 60_000;

/// Characters to escape, times bytes: its serializer looks at the rest of a text again for each of them.
const MAX_ESCAPING: usize = 1 << 33;

/// The markup of what reads like the article of a page with that title; `None` when nothing does.
pub(super) fn find(page: &Page, url: &Url, title: &str) -> Option<String> {
    let grabbed = grab(&page.text, url).map(|found| without_lead(found, title));
    let Some((named, paragraphs)) = named(&page.html) else { return grabbed };
    // What the page itself calls its article is only asked where most of that was not found.
    let length = grabbed.as_deref().map_or(0, |found| letters(&plain::text(found)));
    if length * 10 >= paragraphs * 6 {
        return grabbed;
    }
    Some(without_lead(dom::inner_html(named), title))
        .filter(|found| letters(&plain::text(found)) > length)
        .or(grabbed)
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

/// The element that the page calls its article, with the letters of its paragraphs.
fn named(html: &Html) -> Option<(ElementRef<'_>, usize)> {
    static NAMED: LazyLock<Selector> = LazyLock::new(|| {
        Selector::parse("[itemprop~='articleBody'], article, [role='article']").expect("a constant selector")
    });
    static PARAGRAPHS: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("p").expect("a constant selector"));
    // Where there are more, they are a list.
    const MOST: usize = 2;
    let said = |paragraph: ElementRef<'_>| {
        let (all, linked) = (
            letters(&dom::text(paragraph)),
            paragraph.select(&LINKS).map(|link| letters(&dom::text(link))).sum::<usize>(),
        );
        if all >= 40 && linked * 2 < all { all } else { 0 }
    };
    if html.select(&NAMED).nth(MOST).is_some() {
        return None;
    }
    let measured =
        html.select(&NAMED).map(|named| (named, named.select(&PARAGRAPHS).map(said).sum::<usize>()));
    measured.max_by_key(|(_, letters)| *letters).filter(|(_, letters)| *letters >= 200)
}

fn grab(text: &str, url: &Url) -> Option<String> {
    let specials = text.bytes().filter(|byte| matches!(byte, b'&' | 0xc2)).count();
    if markup::max_open_depth(text) > markup::MAX_DEPTH || specials.saturating_mul(text.len()) > MAX_ESCAPING
    {
        return None;
    }
    let config = Config {
        max_elements_to_parse: MAX_ELEMENTS,
        text_mode: TextMode::Raw,
        keep_classes: true,
        ..Config::default()
    };
    // A heuristic of another crate over hostile input: its panic is "nothing found", not the end of a task.
    let grabbed = panic::catch_unwind(|| {
        let base = Some(url.as_str()).filter(|url| url.starts_with("http"));
        Readability::new(text, base, Some(config)).and_then(|mut page| page.parse()).ok()
    });
    let article = grabbed.ok().flatten()?;
    Some(article.content.to_string()).filter(|content| !content.trim().is_empty())
}

static LEADS: LazyLock<Selector> =
    LazyLock::new(|| Selector::parse("nav, ul, ol, p").expect("a constant selector"));
static LINKS: LazyLock<Selector> = LazyLock::new(|| Selector::parse("a").expect("a constant selector"));
/// "Thứ tư, 22/10/2025, 19:25 (GMT+7)" and nothing else.
static DATE_LINE: LazyLock<Regex> = LazyLock::new(|| {
    let day = r"(?:\p{L}[\p{L} ]{0,12},?\s*)?\d{1,2}[/.-]\d{1,2}[/.-]\d{4}";
    let time = r"(?:[\s,|-]*\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s*(?:AM|PM|SA|CH))?)?";
    let zone = r"(?:\s*\(?(?:GMT|UTC)\s*[+-]?\d{1,2}(?::?\d{2})?\)?)?";
    Regex::new(&format!("^{day}{time}{zone}$")).expect("a constant pattern")
});

/// Without what stands between headline and text: the way here through the site's sections, the date line.
fn without_lead(markup: String, title: &str) -> String {
    /// A line of that many characters begins the text.
    const TEXT: usize = 40;
    if markup::max_open_depth(&markup) > markup::MAX_DEPTH {
        return markup;
    }
    let mut html = Html::parse_fragment(&markup);
    let mut leads = Vec::new();
    for element in html.select(&LEADS) {
        let text = dom::text(element);
        if is_way(element, &text) || DATE_LINE.is_match(&text) {
            leads.push(element.id());
        } else if text.chars().count() >= TEXT {
            break;
        }
    }
    for id in leads {
        if let Some(mut node) = html.tree.get_mut(id) {
            node.detach();
        }
    }
    clean::clean(&mut html, title);
    dom::inner_html(html.root_element())
}

/// A short list of links and nothing besides.
fn is_way(element: ElementRef<'_>, text: &str) -> bool {
    const LONGEST: usize = 120;
    let linked: String = element.select(&LINKS).map(dom::text).collect();
    let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    element.value().name() != "p"
        && !text.is_empty()
        && text.chars().count() <= LONGEST
        && bare(&linked) == bare(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_text_goes_and_what_belongs_to_it_stays() {
        let text = "<p>Một đoạn văn dài hơn bốn mươi ký tự, với nó bài viết bắt đầu.</p>";
        let check = |lead: &str, kept: &str| {
            let page = |lead: &str| format!("<div>{lead}{text}<ul><li>Khác</li></ul></div>");
            assert_eq!(without_lead(page(lead), ""), page(kept), "{lead}");
        };
        check("<ul><li><a>Sức khỏe</a></li><li>› <a>Tin tức</a></li></ul>", "");
        check("<nav><a>Trang chủ</a></nav><p>Thứ tư, 22/10/2025, 19:25 (GMT+7)</p>", "");
        check("<p>2/11/2023</p><p>24/08/2022 | 04:30 PM</p>", "");
        check("<ul><li>Một ý</li><li><a>hai</a></li></ul>", "<ul><li>Một ý</li><li><a>hai</a></li></ul>");
        check("<p>Ngày 22/10/2025 họp</p>", "<p>Ngày 22/10/2025 họp</p>");
        check("<p>T.X</p>", "<p>T.X</p>");
    }
}
