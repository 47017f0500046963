//! What the lines of a found text say that they are, and what is then not the article: the way here, by-lines and dates in front of it, captions,
//! advertisements and teasers between its paragraphs, what follows it.
//!
//! Every rule looks at how a block is made (how long it is, how much of it is links, where it stands) and at words that
//! sites in many languages use for the same things. None knows a site.

use std::{collections::HashMap, sync::LazyLock};

use ego_tree::NodeId;
use regex::Regex;
use scraper::{ElementRef, Html, Node, Selector};

use super::words;
use crate::extract::{dom, plain};

/// A piece of text that stands for itself.
struct Block {
    id: NodeId,
    text: String,
    /// Letters and digits.
    letters: usize,
    /// Those of them that are links.
    linked: usize,
    is_heading: bool,
    /// It leads to a document, or holds a picture: its own reason to stand there.
    holds: bool,
    is_listed: bool,
}

/// Letters of a paragraph that is surely text.
const PARAGRAPH: usize = 80;

static BLOCKS: LazyLock<Selector> = LazyLock::new(|| {
    Selector::parse("p, li, h1, h2, h3, h4, h5, h6, blockquote, div, section, article, span, td, th, dd, dt, pre, time, small, a, b, strong, em, font, center, address, label, button, figure")
        .expect("a constant selector")
});
static LINKS: LazyLock<Selector> = LazyLock::new(|| Selector::parse("a[href]").expect("a constant selector"));
static MEDIA: LazyLock<Selector> = LazyLock::new(|| {
    Selector::parse("img, video, audio, iframe, embed, object, picture, svg").expect("a constant selector")
});

/// Takes out of the text of a page with that title what is not the article's.
pub(super) fn clean(html: &mut Html, title: &str) {
    detach(html, others(html));
    mark_captions(html);
    let blocks = blocks(html);
    let first = first_paragraph(&blocks);
    let mut out = front(&blocks, first, title);
    out.extend(between(&blocks));
    out.extend(behind(&blocks, first));
    detach(html, out);
}

/// Takes nodes out, and with them what stood around nothing else.
fn detach(html: &mut Html, nodes: Vec<NodeId>) {
    for id in nodes {
        let mut next = Some(id);
        while let Some(id) = next {
            let Some(mut node) = html.tree.get_mut(id) else { break };
            next = node.parent().map(|parent| parent.id());
            node.detach();
            let is_bare = |parent: &NodeId| {
                let parent = html.tree.get(*parent).and_then(ElementRef::wrap);
                // Not the fragment itself, and no cell: a table needs all of its own.
                let goes =
                    parent.filter(|parent| !matches!(parent.value().name(), "html" | "td" | "th" | "tr"));
                goes.is_some_and(|parent| {
                    parent
                        .children()
                        .all(|child| child.value().as_text().is_some_and(|text| text.trim().is_empty()))
                })
            };
            next = next.filter(is_bare);
        }
    }
}

/// Several `<article>` side by side are other articles, where there is a text besides them.
fn others(html: &Html) -> Vec<NodeId> {
    static ARTICLES: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("article").expect("a constant selector"));
    const LEAST: usize = 3;
    let articles: Vec<ElementRef<'_>> = html.select(&ARTICLES).collect();
    let mut beside: HashMap<NodeId, Vec<ElementRef<'_>>> = HashMap::new();
    for article in &articles {
        if let Some(parent) = article.parent() {
            beside.entry(parent.id()).or_default().push(*article);
        }
    }
    let several: Vec<ElementRef<'_>> =
        beside.into_values().filter(|all| all.len() >= LEAST).flatten().collect();
    let theirs: usize = several.iter().map(|article| letters(&dom::text(*article))).sum();
    let all = if several.is_empty() { 0 } else { letters(&dom::text(html.root_element())) };
    if all.saturating_sub(theirs) < 3 * PARAGRAPH {
        return Vec::new();
    }
    several.into_iter().map(|article| article.id()).collect()
}

/// The smallest elements with text, in document order; captions are no text.
fn blocks(html: &Html) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut within: Option<NodeId> = None;
    for element in html.select(&BLOCKS) {
        let is_inside = within.is_some_and(|id| element.ancestors().any(|node| node.id() == id));
        if is_inside || is_in_caption(element) || !is_leaf(element) {
            continue;
        }
        let text = dom::text(element);
        if text.is_empty() {
            continue;
        }
        within = Some(element.id());
        blocks.push(block(element, text));
    }
    blocks
}

fn block(element: ElementRef<'_>, text: String) -> Block {
    let own_link = element.value().name() == "a";
    let linked = if own_link {
        letters(&text)
    } else {
        element.select(&LINKS).map(|link| letters(&dom::text(link))).sum()
    };
    let leads_to_file = |link: ElementRef<'_>| link.attr("href").is_some_and(is_document);
    let holds = element.select(&MEDIA).next().is_some()
        || element.select(&LINKS).any(leads_to_file)
        || (own_link && leads_to_file(element));
    let name = element.value().name();
    Block {
        id: element.id(),
        letters: letters(&text),
        linked,
        is_heading: matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6"),
        is_listed: name == "li"
            || element.ancestors().filter_map(ElementRef::wrap).any(|e| e.value().name() == "li"),
        holds,
        text,
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

/// Files that people are meant to take along.
fn is_document(href: &str) -> bool {
    const DOCUMENTS: [&str; 12] =
        [".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods", ".rtf", ".zip", ".rar"];
    let lower = href.to_ascii_lowercase();
    let path = lower.split(['?', '#']).next().unwrap_or_default();
    DOCUMENTS.iter().any(|end| path.ends_with(end))
        || lower.contains("/documents/")
        || lower.contains("/attachments/")
}

/// No other block stands in it: its text is one piece.
fn is_leaf(element: ElementRef<'_>) -> bool {
    const PARTS: [&str; 27] = [
        "p",
        "li",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "div",
        "section",
        "article",
        "table",
        "tr",
        "td",
        "th",
        "dl",
        "dd",
        "dt",
        "pre",
        "figure",
        "figcaption",
        "address",
        "center",
        "form",
    ];
    let name = element.value().name();
    if matches!(name, "span" | "a" | "b" | "strong" | "em" | "font" | "small" | "time" | "label" | "button") {
        // Inline text is a block of its own only where nothing but blocks stands around it.
        let parent = element.parent().and_then(ElementRef::wrap);
        let is_alone = parent.is_none_or(|parent| {
            parent.child_elements().any(|sister| PARTS.contains(&sister.value().name()))
        });
        if !is_alone {
            return false;
        }
    }
    !element.descendent_elements().skip(1).any(|inner| PARTS.contains(&inner.value().name()))
}

fn is_in_caption(element: ElementRef<'_>) -> bool {
    let is_caption = |name: &str| matches!(name, "figcaption" | "caption");
    is_caption(element.value().name())
        || element.ancestors().filter_map(ElementRef::wrap).any(|around| is_caption(around.value().name()))
}

/// The first block that is surely text.
fn first_paragraph(blocks: &[Block]) -> usize {
    let is_text = |block: &Block| {
        !block.is_heading
            && block.letters >= PARAGRAPH
            && block.linked * 2 < block.letters
            && !words::is_dated(&block.text, DATED)
            && !words::is_noise(&block.text)
    };
    blocks.iter().position(is_text).unwrap_or(0)
}

// === in front ===

/// What stands between the headline and the text.
fn front(blocks: &[Block], first: usize, title: &str) -> Vec<NodeId> {
    let before = blocks.get(..first).unwrap_or_default();
    let title = plain_letters(title);
    let is_title = |block: &Block| {
        let said = plain_letters(&block.text);
        let is_around = said.contains(&title) && said.len() <= title.len() + 60;
        said.len() > 8 && title.len() > 8 && (title.contains(&said) || is_around)
    };
    let is_about = |block: &Block| words::is_dated(&block.text, DATED) || words::is_byline(&block.text);
    // An agency, a place, "Share": right beside a date these are lines about the article.
    let is_near =
        |index: usize| before.iter().skip(index.saturating_sub(NEAR)).take(2 * NEAR + 1).any(is_about);
    let goes = |(index, block): &(usize, &Block)| {
        let short =
            block.letters < 60 && !ends_a_sentence(&block.text) && !block.is_heading && !block.is_listed;
        let is_way = block.linked * 10 >= block.letters * 9 && block.letters < 120;
        !block.holds && (is_title(block) || is_about(block) || is_way || (short && is_near(*index)))
    };
    before.iter().enumerate().filter(goes).map(|(_, block)| block.id).collect()
}

/// Other letters on a line that says a date.
const DATED: usize = 60;

/// How far from the date the lines stand that are about the article, too.
const NEAR: usize = 2;

fn plain_letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn ends_a_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', '»', ')', ']', ' '])
        .ends_with(['.', '!', '?', '…', ':', ';', '。', '！', '？'])
}

// === between ===

/// Advertisements, teasers, labels of pictures, between the paragraphs.
fn between(blocks: &[Block]) -> Vec<NodeId> {
    let n_linked = blocks.iter().filter(|block| is_only_links(block)).count();
    // A text that consists of links is a list that somebody made, and its links are what it says.
    let is_list_of_links = n_linked * 2 > blocks.len();
    let goes = |block: &&Block| {
        let promotes = block.linked > 0 && block.letters < 160 && words::asks_for_a_click(&block.text);
        if words::is_noise(&block.text) || promotes {
            return true;
        }
        if block.holds {
            return false;
        }
        let teases =
            words::introduces_other(&block.text) && block.linked * 2 >= block.letters.saturating_sub(20);
        let leads_away = is_only_links(block) && !is_list_of_links && block.letters < 160;
        teases || (leads_away && !block.is_listed && !is_a_mention(&block.text))
    };
    blocks.iter().filter(goes).map(|block| block.id).collect()
}

fn is_only_links(block: &Block) -> bool {
    block.letters > 0 && block.linked * 10 >= block.letters * 9
}

/// A bare address, or a word or two: what it links to belongs to the sentence around it.
fn is_a_mention(text: &str) -> bool {
    text.contains("://") || text.split_whitespace().count() <= 2
}

// === behind ===

/// What follows the text: who wrote it, what else there is, comments.
fn behind(blocks: &[Block], first: usize) -> Vec<NodeId> {
    let total: usize = blocks.iter().map(|block| block.letters).sum();
    let mut before = 0;
    let mut cut = blocks.len();
    for (index, block) in blocks.iter().enumerate() {
        let is_late = index > first && before * 2 > total;
        if is_late && words::is_end(&block.text) {
            cut = index;
            break;
        }
        before += block.letters;
    }
    // The last paragraphs say who wrote it and how to reach them.
    let is_closing = |block: &&Block| !block.holds && words::is_closing(&block.text);
    let closing: Vec<NodeId> = blocks
        .iter()
        .take(cut)
        .skip(first + 2)
        .rev()
        .take(CLOSING)
        .filter(is_closing)
        .map(|block| block.id)
        .collect();
    // Bare links at the very end lead elsewhere.
    let kept: Vec<&Block> = blocks.iter().take(cut).filter(|block| !closing.contains(&block.id)).collect();
    let last = kept.iter().rposition(|block| !is_only_links(block) || block.holds).map_or(0, |last| last + 1);
    let n_tail = kept.len() - last;
    let n_linked = kept.iter().filter(|block| is_only_links(block)).count();
    let tail = if n_linked * 2 > kept.len() || n_tail == 0 { kept.len() } else { last };
    let headed = kept.get(..tail).and_then(|kept| kept.last());
    let heading = headed
        .filter(|block| tail < kept.len() && (block.is_heading || block.text.trim_end().ends_with(':')));
    let behind = kept.iter().skip(tail).copied().chain(blocks.iter().skip(cut));
    let gone = behind.filter(|block| !block.holds || words::is_end(&block.text));
    heading.copied().into_iter().chain(gone).map(|block| block.id).chain(closing).collect()
}

/// How many paragraphs at the end may be about who wrote the text.
const CLOSING: usize = 4;

// === captions ===

/// Elements that are called captions and credits become captions: they stay with their pictures and are no text.
fn mark_captions(html: &mut Html) {
    static CALLED: LazyLock<Selector> = LazyLock::new(|| {
        Selector::parse(
            "[class*='caption' i], [class*='photo-credit' i], [class*='image-credit' i], [class*='imagecredit' i], [class*='img-credit' i], [class*='photocredit' i], [class*='chuthich' i], [itemprop='caption']",
        )
        .expect("a constant selector")
    });
    static ALONE: LazyLock<Regex> = LazyLock::new(|| Regex::new(words::CREDIT).expect("a constant pattern"));
    const LONGEST: usize = 600;
    let called = html.select(&CALLED).filter(|element| {
        let name = element.value().name();
        !matches!(name, "figure" | "figcaption" | "img" | "table" | "caption" | "body" | "html")
            && element.select(&MEDIA).next().is_none()
            && dom::text(*element).chars().count() <= LONGEST
    });
    let mut found: Vec<NodeId> = called.map(|element| element.id()).collect();
    let credits = html.select(&BLOCKS).filter(|element| {
        let text = || plain::collapse(&dom::text(*element));
        let is_credit = |text: &str| ALONE.is_match(text) || words::ends_with_credit(text);
        is_leaf(*element) && element.select(&MEDIA).next().is_none() && is_credit(&text())
    });
    found.extend(credits.map(|element| element.id()));
    let Some(caption) = caption() else { return };
    for id in found {
        if let Some(mut node) = html.tree.get_mut(id) {
            *node.value() = Node::Element(caption.clone());
        }
    }
}

fn caption() -> Option<scraper::node::Element> {
    static FIGCAPTION: LazyLock<Selector> =
        LazyLock::new(|| Selector::parse("figcaption").expect("a constant selector"));
    let html = Html::parse_fragment("<figcaption></figcaption>");
    html.select(&FIGCAPTION).next().map(|element| element.value().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<p>Sáng nay, Ủy ban nhân dân phường đã họp bàn về việc sửa chữa các tuyến đường trong khu phố, với sự tham gia của đông đảo người dân.</p>\
        <p>Theo kế hoạch, công việc bắt đầu vào tháng sau và kéo dài trong ba tuần; xe cộ đi theo hướng khác trong thời gian đó.</p>";

    fn cleaned(markup: &str) -> String {
        let mut html = Html::parse_fragment(markup);
        clean(&mut html, "Phường sửa đường trước Tết");
        dom::inner_html(html.root_element())
    }

    /// What is put around, between or behind the text goes, and nothing else.
    fn goes(before: &str, behind: &str) {
        let html = format!("<div>{before}{TEXT}{behind}</div>");
        assert_eq!(cleaned(&html), format!("<div>{TEXT}</div>"), "{html}");
    }

    fn stays(before: &str, behind: &str) {
        let html = format!("<div>{before}{TEXT}{behind}</div>");
        assert_eq!(cleaned(&html), html);
    }

    #[test]
    fn lines_about_the_article_stand_in_front() {
        goes("<h1>Phường sửa đường trước Tết</h1>", "");
        goes("<p>Thứ tư, 22/10/2025, 19:25</p><p>Ban biên tập</p>", "");
        goes("<p>By Jane Roe</p><p>Reuters</p>", "");
        goes("<p>Published 2:16 AM EST Nov 20, 2019</p>", "");
        goes("<p><a href='/'>Trang chủ</a> » <a href='/tin'>Tin tức</a></p>", "");
        stays("<p>Một câu mở đầu ngắn.</p>", "");
        stays("<h2>Vì sao phải sửa</h2>", "");
    }

    #[test]
    fn labels_and_teasers_stand_between() {
        for label in ["Advertisement", "Quảng cáo", "Continue reading below", "Image 1 of 13", "Chia sẻ"]
        {
            goes("", &format!("<p>{label}</p>"));
        }
        let html =
            format!("<div>{TEXT}<p>Xem thêm: <a href=\"/x\">Một bài khác về chuyện này</a></p>{TEXT}</div>");
        assert_eq!(cleaned(&html), format!("<div>{TEXT}{TEXT}</div>"));
        let html =
            format!("<div>{TEXT}<p><a href=\"/x\">Một bài khác mà ai cũng nên đọc</a></p>{TEXT}</div>");
        assert_eq!(cleaned(&html), format!("<div>{TEXT}{TEXT}</div>"));
        let html = format!(
            "<div>{TEXT}<p><a href=\"/a/van-ban.pdf\">Toàn văn kế hoạch sửa đường</a></p>{TEXT}</div>"
        );
        assert_eq!(cleaned(&html), html, "a document is what people came for");
        let list: String =
            (0..9).map(|n| format!("<p><a href=\"/{n}\">Liên kết số {n} của danh sách</a></p>")).collect();
        let html = format!(
            "<div><p>Các trang nên xem của phường trong tháng này, do ban biên tập chọn ra từ nhiều trang khác nhau cho bạn đọc.</p>{list}</div>"
        );
        assert_eq!(cleaned(&html), html, "a list of links that somebody made");
    }

    #[test]
    fn others_follow() {
        goes("", "<h3>Tin liên quan</h3><p><a href='/1'>Một bài khác</a></p><p>Bài thứ hai (01/11/2026)</p>");
        goes("", "<p>Follow her on Twitter @jane for more.</p>");
        stays("", "<p>T.X</p>");
        stays("", "<p style=\"text-align: right\"><strong>Nguyễn Văn A</strong></p>");
        let articles: String = (0..3)
            .map(|n| format!("<article><h2><a href=\"/{n}\">Bài {n}</a></h2><p>Chuyện khác.</p></article>"))
            .collect();
        let html = format!("<div>{TEXT}{TEXT}</div><div>{articles}</div>");
        assert_eq!(cleaned(&html), format!("<div>{TEXT}{TEXT}</div>"));
    }

    #[test]
    fn captions_stay_with_their_pictures() {
        let html = format!(
            "<div><img src=\"/a.jpg\"><p class=\"Image-caption\">Đường Lê Lợi</p>{TEXT}<p>(Credit: iStock)</p></div>"
        );
        let expected = format!(
            "<div><img src=\"/a.jpg\"><figcaption>Đường Lê Lợi</figcaption>{TEXT}<figcaption>(Credit: iStock)</figcaption></div>"
        );
        assert_eq!(cleaned(&html), expected);
    }

    #[test]
    fn odd_markup_does_no_harm() {
        for html in
            ["", "<p>", "chữ", "<a href='/x'>x</a>", "<table><tr><td>1</table>", "<figcaption>x</figcaption>"]
        {
            cleaned(html);
        }
    }
}
