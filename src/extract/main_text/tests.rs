use proptest::prelude::{any, prop, prop_oneof};
use proptest::strategy::Strategy;
use proptest::{prop_assert, proptest};

use super::*;

/// Two paragraphs of an article, in two languages.
const VI: &str = "<p>Sáng nay, phường tổ chức buổi gặp gỡ với người dân về việc nâng cấp hẻm, vỉa hè và thu gom rác.</p>\
    <p>Nhiều ý kiến đề nghị sớm sửa chữa cống thoát nước, lắp thêm đèn chiếu sáng ở các con hẻm nhỏ.</p>";
const EN: &str = "<p>The council met on Tuesday to hear what residents think of the new lanes, and most of them stayed.</p>\
    <p>Work on the drains will begin in spring, the engineer said, and it should be over before the rains.</p>";

fn text_of(page: &str, title: &str) -> String {
    let found = find(&Html::parse_document(page), Some(title));
    let markup = found.map(|found| found.markup).unwrap_or_default();
    dom::text(Html::parse_fragment(&markup).root_element())
}

fn plain(markup: &str) -> String {
    dom::text(Html::parse_fragment(markup).root_element())
}

#[test]
fn what_stands_around_a_text_goes() {
    let around = [
        ("menu", "<ul><li><a href=/a>Trang chủ</a></li><li><a href=/b>Tin tức</a></li></ul>", ""),
        ("headline", "<h1>Đối thoại với dân</h1>", ""),
        ("date", "<div>Thứ tư, 22/10/2025, 19:25 (GMT+7)</div>", ""),
        ("date in a paragraph", "<p>24/08/2022 | 04:30 PM</p>", ""),
        ("byline", "<p>By Jane Doe</p>", ""),
        ("posted", "<div><span>Ngày đăng: 12/3/2024</span></div>", ""),
        ("share bar", "", "<div class=share-bar><span>Chia sẻ</span><a href=/f>Facebook</a></div>"),
        ("share bar without a name", "", "<div><a href=/f>Facebook</a> <a href=/x>X</a></div>"),
        ("read more", "", "<p>Xem thêm: <a href=/k>Phường khác cũng đối thoại với người dân</a></p>"),
        ("read more, bare", "", "<p><a href=/k>READ THE OTHER STORY OF THE LANES HERE</a></p>"),
        ("related", "", "<h3>Tin liên quan</h3><ul><li><a href=/1>Một tin khác</a></li></ul>"),
        ("related, a line", "", "<div>Related articles</div><div><a href=/1>Another one of them</a></div>"),
        ("newsletter", "", "<p>Sign up for <a href=/n>our newsletter</a> and never miss a story.</p>"),
        (
            "comments",
            "",
            "<div id=comments><p>I was there, and it was nothing like that, believe me, not at all.</p></div>",
        ),
        (
            "cookies",
            "",
            "<div class=cookie-notice><p>We use cookies, as everybody does, to see who reads this page.</p></div>",
        ),
        (
            "rights",
            "",
            "<div><p>© 2024 Phường Một. Ghi rõ nguồn khi phát hành lại thông tin từ trang này.</p></div>",
        ),
        ("advertisement", "", "<p>Advertisement</p>"),
        (
            "author box",
            "",
            "<div class=author-info><p>Jane writes about towns, drains and lanes, and lives there.</p></div>",
        ),
        (
            "aside",
            "",
            "<aside><p>Elsewhere in this paper: a story of another town, and its lanes, too.</p></aside>",
        ),
        (
            "hidden",
            "",
            "<div style='display: none'><p>Nobody sees this sentence, which is long enough to be one.</p></div>",
        ),
        ("heading of nothing", "", "<h2>Around the web</h2>"),
    ];
    for body in [VI, EN] {
        for (name, before, after) in around {
            let page = format!("<body><div>{before}<div>{body}{after}</div></div></body>");
            let text = text_of(&page, "Đối thoại với dân - Phường Một");
            let wanted = plain(body);
            if name == "rights" {
                assert!(text.starts_with(&wanted), "{name}: {text}");
            } else {
                assert_eq!(text, wanted, "{name}");
            }
        }
    }
}

#[test]
fn what_belongs_to_a_text_stays() {
    let inside = [
        ("heading", "<h2>Ý kiến người dân</h2><p>Ông Nam nói ngắn.</p>"),
        ("short line", "<p>T.X</p>"),
        ("list", "<ul><li>Một ý</li><li>hai ý</li></ul>"),
        ("quote", "<blockquote>Chúng tôi chờ đã lâu.</blockquote>"),
        ("table", "<table><tr><th>Hẻm</th><th>Mét</th></tr><tr><td>12</td><td>80</td></tr></table>"),
        (
            "links in a sentence",
            "<p>Theo <a href=/q>quyết định của thành phố</a>, việc sửa chữa bắt đầu từ tháng sau.</p>",
        ),
        ("document", "<p><a href=/files/ke-hoach.pdf>Kế hoạch nâng cấp hẻm</a></p>"),
        ("picture", "<figure><img src=/a.jpg></figure>"),
    ];
    for (name, part) in inside {
        let page = format!("<body><article>{EN}{part}{VI}{part}</article></body>");
        let found = find(&Html::parse_document(&page), None).unwrap();
        let last = if name == "heading" { "" } else { part };
        assert_eq!(
            plain(&found.markup),
            plain(&format!("{EN}{part}{VI}{last}{}", if last.is_empty() { part } else { "" })),
            "{name}"
        );
        assert_eq!(found.markup.matches("<img").count(), 2 * usize::from(name == "picture"), "{name}");
        assert_eq!(found.attachments.len(), usize::from(name == "document"), "{name}");
    }
}

#[test]
fn captions_are_not_text_but_their_pictures_stay() {
    let page = format!(
        "<article>{VI}<figure><img src=/a.jpg><figcaption>Quang cảnh, ảnh: A.</figcaption></figure>{EN}</article>"
    );
    let found = find(&Html::parse_document(&page), None).unwrap();
    assert!(found.markup.contains("<img src=\"/a.jpg\">"), "{}", found.markup);
    assert!(found.markup.contains("<figcaption>Quang cảnh, ảnh: A.</figcaption>"), "{}", found.markup);
    let without = page.replace("Quang cảnh, ảnh: A.", "");
    assert_eq!(find(&Html::parse_document(&without), None).unwrap().length, found.length);
}

#[test]
fn of_several_articles_that_of_the_headline_is_read() {
    let page = format!(
        "<main><article><h2>Khác</h2>{EN}{EN}</article><article><h1>Đối thoại</h1>{VI}</article></main>"
    );
    assert_eq!(text_of(&page, "Đối thoại | Phường"), plain(VI));
}

#[test]
fn the_lead_and_the_text_are_read_together() {
    let lead = "<p class=sapo>Phường gặp gỡ người dân, nghe nhiều ý kiến về hẻm, cống và đèn.</p>";
    let page = format!("<body><div><h1>Gặp gỡ</h1>{lead}<div class=article-body>{VI}</div></div></body>");
    assert_eq!(text_of(&page, "Gặp gỡ"), plain(&format!("{lead}{VI}")));
}

#[test]
fn documents_beside_the_text_are_attached_and_its_signature_is_read() {
    let signed = "<p style=\"text-align: right\"><strong>Lê Phương</strong></p>";
    let page = format!(
        "<body><div><div class=entry-content>{VI}{signed}</div><ul><li><a href=/f/1.docx>Tờ trình</a></li></ul></div>\
        <footer><a href=/huong-dan.pdf>Hướng dẫn</a></footer></body>"
    );
    let found = find(&Html::parse_document(&page), None).unwrap();
    assert_eq!(found.author.as_deref(), Some("Lê Phương"));
    assert!(plain(&found.markup).ends_with("Lê Phương"));
    let attached: Vec<_> =
        found.attachments.iter().map(|file| (file.url.as_str(), file.title.as_deref())).collect();
    assert_eq!(attached, [("/f/1.docx", Some("Tờ trình"))]);
    let plain_line = page.replace(signed, "<p>Lê Phương</p>");
    assert_eq!(find(&Html::parse_document(&plain_line), None).unwrap().author, None);
}

#[test]
fn pages_of_links_have_no_text() {
    let links: String = (0..50).map(|n| format!("<li><a href=/{n}>Tin số {n}</a></li>")).collect();
    assert_eq!(text_of(&format!("<body><ul>{links}</ul></body>"), "Trang chủ"), "");
}

/// Pieces of markup in any order, closed or not.
fn soup() -> impl Strategy<Value = String> {
    let tag = prop_oneof![
        proptest::sample::select(vec![
            "<div>",
            "</div>",
            "<p>",
            "</p>",
            "<ul><li>",
            "</ul>",
            "<a href=/x.pdf>",
            "<a href=/x>",
            "</a>",
            "<article>",
            "</article>",
            "<h1>",
            "<h2>",
            "<table><tr><td>",
            "</table>",
            "<nav>",
            "</nav>",
            "<div class=comments>",
            "<p itemprop=articleBody>",
            "<strong>",
            "</strong>",
            "<figure><img>",
            "<figcaption>",
            "</figure>",
            "<script>x</script>",
            "<br>",
            "<section class=article-body>",
            "Xem thêm",
        ])
        .prop_map(str::to_owned),
        "[A-Za-zăđ ]{1,60}[.,]? ",
        any::<String>(),
    ];
    prop::collection::vec(tag, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn the_text_is_the_pages_in_its_order(page in soup(), title in any::<String>()) {
        let html = Html::parse_document(&page);
        if let Some(found) = find(&html, Some(&title)) {
            // Read with all that is in it, scripts too: the fragment may be nested otherwise, the letters are the same.
            let letters = |html: &Html| -> Vec<char> {
                let text: String = html.root_element().text().collect();
                text.chars().filter(|c| c.is_alphanumeric()).collect()
            };
            let all = letters(&html);
            let mut rest = all.iter();
            let kept = letters(&Html::parse_fragment(&found.markup));
            prop_assert!(kept.iter().all(|kept| rest.any(|c| c == kept)), "{page}\n{}", found.markup);
        }
    }
}
