use super::*;
use crate::extract::{Document, Found, Kind, Rules, extract, kind_of};

fn page(body: &str) -> String {
    let menu = "<nav class='main-menu'><ul><li><a href='/'>Trang chủ</a></li><li><a href='/gioi-thieu'>Giới thiệu</a>\
        </li><li><a href='/tin-tuc'>Tin tức</a></li><li><a href='/van-ban'>Văn bản</a></li></ul></nav>";
    let foot = "<footer><p>Ủy ban nhân dân phường</p><ul><li><a href='/so-do-trang'>Sơ đồ trang</a></li>\
        <li><a href='/lien-he'>Liên hệ</a></li><li><a href='/dich-vu-cong'>Dịch vụ công trực tuyến</a></li></ul></footer>";
    format!("<!doctype html><html><head><title>Tin tức</title></head><body>{menu}{body}{foot}</body></html>")
}

const TITLES: [&str; 6] = [
    "Khai mạc Đại hội đại biểu Đảng bộ Phường lần thứ nhất",
    "Thông báo lịch tiếp công dân tháng mười một",
    "Ra quân dọn vệ sinh các tuyến đường trung tâm",
    "Kết quả kỳ họp thứ tư của Hội đồng nhân dân",
    "Hướng dẫn đăng ký tạm trú qua mạng",
    "Trao học bổng cho học sinh vượt khó",
];

fn each(item: impl Fn(usize, &str) -> String) -> String {
    TITLES.iter().enumerate().map(|(number, title)| item(number + 1, title)).collect()
}

fn at() -> Url {
    Url::parse("https://phuong.example/tin-tuc").unwrap()
}

fn read(html: &str) -> Found {
    let document = Document { bytes: html.as_bytes(), content_type: None, url: &at() };
    extract(&document, Kind::List, &Rules::default())
}

/// The list that is found on a page: titles, and dates as they were written.
fn check(body: &str, dates: bool) -> Section {
    let html = page(body);
    let found = read(&html);
    let titles: Vec<&str> = found.items.iter().filter_map(|item| item.title.as_deref()).collect();
    assert_eq!(titles, TITLES, "{html}\n{:#?}", detect(&Html::parse_document(&html), &at()));
    for (number, item) in found.items.iter().enumerate() {
        assert!(item.url.as_deref().unwrap().contains(&format!("{}", number + 1)), "{item:?}");
        let day = format!("{}/11/2026", number + 10);
        assert_eq!(item.published.as_deref().is_some_and(|date| date.contains(&day)), dates, "{item:?}");
    }
    detect(&Html::parse_document(&html), &at()).unwrap()
}

#[test]
fn cards_with_a_picture_a_title_and_a_teaser() {
    let cards = each(|n, title| {
        format!(
            "<div class='card card-{n}{n}{n}'><a class=thumb href='/tin/{n}-bai-viet.html'><img data-src='/anh/{n}.jpg' src='data:x'></a>\
             <h3><a href='/tin/{n}-bai-viet.html'>{title}</a></h3><span class=ngay>{}/11/2026 08:30</span>\
             <p>Đoạn giới thiệu đủ dài để ai cũng thấy rằng đây là phần tóm tắt của bài viết.</p>\
             <a class=more href='/tin/{n}-bai-viet.html'>Xem thêm</a></div>",
            n + 9
        )
    });
    let sidebar = "<div class='sidebar'><h4>Xem nhiều</h4><ul><li><a href='/tin/90-cu-hon-nhieu.html'>Một bài cũ hơn rất nhiều người đọc</a></li>\
        <li><a href='/tin/91-cu-hon-nhieu.html'>Một bài khác cũng được nhiều người đọc</a></li></ul></div>";
    let section = check(&format!("<main><h1>Tin tức</h1>{cards}</main>{sidebar}"), true);
    assert_eq!(section.lists[0].item, "div.card");
    assert!(section.confidence > 0.6, "{section:#?}");
    let html = page(&format!("<main>{cards}</main>{sidebar}"));
    let items = read(&html).items;
    assert_eq!(items[0].image.as_deref(), Some("/anh/1.jpg"));
    assert!(items.iter().all(|item| item.summary.as_deref().is_some_and(|text| text.starts_with("Đoạn"))));
}

#[test]
fn headings_and_paragraphs_one_after_the_other() {
    let flat = each(|n, title| {
        format!(
            "<h2><a href='/?p={n}'>{title}</a></h2><p class=d>{}/11/2026</p><p>Đoạn giới thiệu đủ dài để ai cũng thấy rằng đây là phần tóm tắt.</p>",
            n + 9
        )
    });
    check(&format!("<div id=content>{flat}</div>"), true);
}

#[test]
fn rows_of_a_table() {
    let rows = each(|n, title| {
        format!(
            "<tr><td>{n}</td><td><a href='/xem.aspx?ItemID={n}'>{title}</a></td><td>{}/11/2026</td></tr>",
            n + 9
        )
    });
    check(
        &format!("<table class=danh-sach><tr><th>STT</th><th>Tiêu đề</th><th>Ngày</th></tr>{rows}</table>"),
        true,
    );
}

#[test]
fn cells_that_are_called_titles_and_hold_the_date_as_well() {
    let rows = each(|n, title| {
        format!(
            "<tr><td class=TitleFront><a href='/post.aspx?ItemID={n}'>{title}</a> <span>Thứ Bảy, {}/11/2026, 08:00</span></td></tr>",
            n + 9
        )
    });
    check(&format!("<table class=tblTin>{rows}</table>"), true);
}

#[test]
fn links_whose_text_ends_with_the_date() {
    let links =
        each(|n, title| format!("<li><a href='/tin/{n}'>{title} (08:30 - {}/11/2026)</a></li>", n + 9));
    check(&format!("<div class=tin><ul>{links}</ul></div>"), true);
}

#[test]
fn the_same_article_for_large_and_small_screens() {
    let cards = each(|n, title| {
        let card = |class: &str| {
            format!(
                "<div class='{class}'><a href='/web/-/bai-{n}'><p class='ap-title' title='{title}'>{title}</p></a><span class=text-date>15:55 | {}/11/2026</span></div>",
                n + 9
            )
        };
        format!("<div class=news-item>{}{}</div>", card("d-md-block d-none"), card("d-md-none d-block"))
    });
    check(&format!("<div class=news-items>{cards}</div>"), true);
}

#[test]
fn a_lead_story_and_those_below() {
    let all = each(|n, title| {
        let (class, level) = if n == 1 { ("story lead", 2) } else { ("story", 3) };
        format!(
            "<article class='{class}'><h{level}><a href='/tin/{n}-a-b.html'>{title}</a></h{level}></article>"
        )
    });
    check(&format!("<section class=stories>{all}</section>"), false);
    let alone = each(|n, title| match n {
        1 => format!(
            "<div id=noi-bat><h2><a href='/tin/1-a-b.html'>{title}</a></h2><p>Tóm tắt của tin nổi bật.</p></div><ul>"
        ),
        _ => format!("<li><a href='/tin/{n}-a-b.html'>{title}</a></li>"),
    });
    let found = read(&page(&format!("<section class=stories>{alone}</ul></section>")));
    assert_eq!(found.items.len(), TITLES.len(), "{:#?}", found.items);
}

#[test]
fn whole_cards_that_are_links_with_the_date_in_them() {
    let cards = each(|n, title| {
        format!(
            "<a class=item href='/tin/{n}-a-b-c'><time>{}/11/2026</time><span class=text>{title}</span></a>",
            n + 9
        )
    });
    check(&format!("<div class=list>{cards}</div>"), true);
}

#[test]
fn menus_tags_and_sentences_with_links_are_no_news() {
    let tags = "<div class=tag-cloud><a href='/tag/a'>Đại hội</a> <a href='/tag/b'>Phường</a> <a href='/tag/c'>Y tế</a></div>";
    let text = "<p>Theo <a href='https://a.example/1'>báo cáo</a> của sở và <a href='https://b.example/2'>thông báo</a> \
        của phường thì mọi việc vẫn như cũ, không có gì thay đổi so với những gì đã nói vào tháng trước.</p>";
    let html = page(&format!("<main><h1>Chuyện cũ</h1>{}</main>{tags}", text.repeat(6)));
    let found = detect(&Html::parse_document(&html), &at());
    assert!(found.as_ref().is_none_or(|section| section.confidence < 0.35), "{found:#?}");
    let document = Document { bytes: html.as_bytes(), content_type: None, url: &at() };
    assert_eq!(kind_of(&document, &Rules::default()), Kind::Article);
    let list = page(&each(|n, title| format!("<li><h3><a href='/tin/{n}'>{title}</a></h3></li>")));
    let document = Document { bytes: list.as_bytes(), content_type: None, url: &at() };
    assert_eq!(kind_of(&document, &Rules::default()), Kind::List);
}

#[test]
fn selectors_name_nothing_that_is_generated() {
    for name in [
        "post-1234",
        "ExternalClass7F3A0C",
        "css-1x2y3z",
        "ctl00_g_a823d20f_9452",
        "_1a2b",
        "active",
        "tag-tin-tuc",
        "item 1",
    ] {
        assert!(!select::is_stable(name), "{name}");
    }
    for name in ["news-item", "col-md-4", "TitleFront", "post_title", "h3", "asset-abstract"] {
        assert!(select::is_stable(name), "{name}");
    }
}

#[test]
fn pages_without_a_list_have_none_and_odd_ones_do_no_harm() {
    for body in
        ["", "<p>Chữ</p>", "<a href='/x'>Một</a>", "<a href='http://['>x</a><a href='::'>y</a><a href>z</a>"]
    {
        assert!(detect(&Html::parse_document(body), &at()).is_none(), "{body}");
    }
    let many: String = (0..3000)
        .map(|n| format!("<li><a href='/{n}-bai-viet-so'>Bài viết số {n} của danh sách</a>"))
        .collect();
    assert!(detect(&Html::parse_document(&format!("<ul>{many}")), &at()).is_some());
}

/// The list of articles as a page describes it to search engines.
fn described(dates: bool) -> String {
    let items: Vec<String> = TITLES
        .iter()
        .enumerate()
        .map(|(n, title)| {
            let date = if dates { format!(r#","datePublished":"2026-11-{}""#, n + 10) } else { String::new() };
            format!(
                r#"{{"@type":"ListItem","position":{n},"item":{{"@type":"NewsArticle","url":"/tin/{}-bai","headline":"{title}"{date}}}}}"#,
                n + 1
            )
        })
        .collect();
    let list = format!(r#"{{"@type":"ItemList","itemListElement":[{}]}}"#, items.join(","));
    format!(r#"<script type="application/ld+json">{list}</script>"#)
}

/// A list of something else that is longer.
fn others() -> String {
    let item =
        |n| format!("<li><a href='/hoi-dap/muc/{n}-cau'>Một câu hỏi của người dân mang số {n}</a></li>");
    (40..49).map(item).collect()
}

#[test]
fn of_two_lists_that_look_alike_the_described_one_is_taken() {
    let own = each(|n, title| format!("<li><a href='/tin/{n}-bai'>{title}</a></li>"));
    let other = others();
    let body = format!("<div class=khac><ul>{other}</ul></div><div class=tin><ul>{own}</ul></div>");
    let titles =
        |html: &str| -> Vec<String> { read(html).items.into_iter().filter_map(|item| item.title).collect() };
    assert_ne!(titles(&page(&body)), TITLES, "without a description the longer list is taken");
    check(&format!("{body}{}", described(false)), false);
}

#[test]
fn of_two_lists_that_look_alike_the_one_of_marked_articles_is_taken() {
    let other = others();
    for mark in [
        "itemscope itemtype='https://schema.org/NewsArticle'",
        "class='post hentry'",
        "typeof='schema:Article'",
    ] {
        let own = each(|n, title| format!("<li {mark}><a href='/tin/{n}-bai'>{title}</a></li>"));
        check(&format!("<div class=khac><ul>{other}</ul></div><div class=tin><ul>{own}</ul></div>"), false);
    }
}

#[test]
fn a_list_that_scripts_will_show_is_read_from_its_description() {
    let html = page(&format!("<div id=app></div>{}", described(true)));
    let found = read(&html);
    let told: Vec<_> = found
        .items
        .iter()
        .map(|item| {
            (item.title.as_deref().unwrap(), item.published.as_deref().unwrap(), item.url.as_deref().unwrap())
        })
        .collect();
    assert_eq!(told[0], (TITLES[0], "2026-11-10", "/tin/1-bai"));
    assert_eq!(told.len(), TITLES.len());
    assert_eq!(found.issues[0].code, "described-list");
    let document = Document { bytes: html.as_bytes(), content_type: None, url: &at() };
    assert_eq!(kind_of(&document, &Rules::default()), Kind::List);
}

#[test]
fn described_sections_are_no_list_of_news() {
    let items: Vec<String> = ["Tin tức", "Văn bản", "Thủ tục hành chính", "Liên hệ"]
        .iter()
        .map(|name| format!(r#"{{"@type":"ListItem","name":"{name}","url":"/{}"}}"#, name.len()))
        .collect();
    let list = format!(r#"{{"@type":"ItemList","itemListElement":[{}]}}"#, items.join(","));
    let script = format!(r#"<script type="application/ld+json">{list}</script>"#);
    let found = read(&page(&format!("<div id=app></div>{script}")));
    assert!(found.issues.iter().all(|issue| issue.code != "described-list"), "{found:?}");
}

#[test]
fn dates_that_a_page_only_describes_are_taken() {
    let list = each(|n, title| format!("<div class=card><h3><a href='/tin/{n}-bai'>{title}</a></h3></div>"));
    let found = read(&page(&format!("<div class=tin>{list}</div>{}", described(true))));
    let dates: Vec<_> = found.items.iter().map(|item| item.published.as_deref().unwrap()).collect();
    assert_eq!(dates, ["2026-11-10", "2026-11-11", "2026-11-12", "2026-11-13", "2026-11-14", "2026-11-15"]);
    assert!(found.issues.iter().all(|issue| issue.code != "described-list"), "{:?}", found.issues);
}
