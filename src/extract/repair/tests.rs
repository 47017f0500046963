use super::*;

fn known() -> Vec<Known> {
    let article = |(title, path): (&str, &str)| Known {
        title: title.to_owned(),
        url: Some(format!("https://phuong.example/{path}")),
    };
    [
        ("Khánh thành cầu đi bộ qua kênh", "tin/1"),
        ("Thông báo lịch tiếp công dân", "tin/2"),
        ("Hội nghị tổng kết năm học", "tin/3"),
        ("Ra quân dọn vệ sinh đô thị", "tin/4"),
    ]
    .map(article)
    .to_vec()
}

fn proposed(html: &str) -> Option<Proposal> {
    let url = Url::parse("https://phuong.example/tin").unwrap();
    propose(
        &Document { bytes: html.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url },
        &known(),
    )
}

/// The lists that one function of the title, address and date of an item makes.
fn page(item: impl Fn(&str, &str, usize) -> String, around: (&str, &str)) -> String {
    let mut titles: Vec<_> = known().into_iter().map(|known| (known.title, known.url.unwrap())).collect();
    titles.insert(1, ("Một tin chưa ai biết".to_owned(), "https://phuong.example/tin/9".to_owned()));
    let items: String = titles.iter().enumerate().map(|(n, (title, url))| item(title, url, n + 1)).collect();
    let menu = "<ul class=\"menu\"><li><a href=\"/\">Trang chủ</a></li><li><a href=\"/lien-he\">Liên hệ</a></li></ul>";
    format!("<html><body>{menu}<div>{}{items}{}</div></body></html>", around.0, around.1)
}

#[test]
fn cards_lists_and_tables_are_named() {
    let card = page(
        |title, url, n| {
            format!(
                "<div class=\"card item-{n}33\"><div class=\"box\"><h3><a href=\"{url}\">{title}</a></h3>\
                 <span class=\"day\">0{n}/11/2026</span><p>Tóm tắt</p></div></div>"
            )
        },
        ("", ""),
    );
    let proposal = proposed(&card).unwrap();
    assert_eq!((proposal.item.as_str(), proposal.matched), ("div.card", 4));
    assert_eq!(
        proposal.to_toml(),
        "[[source.list]]\nitem = \"div.card\"\ntitle = \"a\"\nlink = \"a\"\ndate = \"span.day\"\n"
            .replace("span.day", "span")
    );

    let list = page(
        |title, url, n| {
            format!(
                "<li><time datetime=\"2026-11-0{n}\">{n} tháng 11</time> <a href=\"{url}\">{title}</a></li>"
            )
        },
        ("<ul id=\"tin-moi\">", "</ul>"),
    );
    let proposal = proposed(&list).unwrap();
    assert_eq!(proposal.item, "#tin-moi > li");
    assert_eq!(proposal.date.as_deref(), Some("{ select = \"time\", take = \"@datetime\" }"));

    let table = page(
        |title, url, n| format!("<tr><td>{n}</td><td><a href=\"{url}\">{title}</a> (0{n}/11/2026)</td></tr>"),
        ("<table class=\"news\">", "</table>"),
    );
    let proposal = proposed(&table).unwrap();
    assert!(proposal.item.contains("tr"), "{proposal:?}");
    assert!(proposal.date.unwrap().contains("pattern"));
}

#[test]
fn an_item_that_is_a_link_itself_is_named() {
    let page = page(
        |title, url, _| {
            format!("<a class=\"tile\" href=\"{url}\"><img src=\"x.png\"><h4>{title}</h4><p>Mô tả</p></a>")
        },
        ("<section class=\"grid\">", "</section>"),
    );
    let proposal = proposed(&page).unwrap();
    assert_eq!(proposal.item, "a.tile");
    assert_eq!(proposal.title.as_deref(), Some("h4"));
    assert_eq!(proposal.link, None);
    assert!(proposal.to_toml().contains("link = { take = \"@href\" }"), "{}", proposal.to_toml());
}

#[test]
fn a_sidebar_that_shows_some_of_them_is_not_the_list() {
    let side = "<div class=\"side\"><p class=\"top\"><a href=\"/tin/1\">Khánh thành cầu đi bộ qua kênh</a></p>\
                <p class=\"top\"><a href=\"/tin/2\">Thông báo lịch tiếp công dân</a></p></div>";
    let page = page(
        |title, url, _| format!("<article class=\"entry\"><h2><a href=\"{url}\">{title}</a></h2></article>"),
        (side, ""),
    );
    assert_eq!(proposed(&page).unwrap().item, "article.entry");
}

#[test]
fn a_page_that_shows_none_or_one_of_them_gives_nothing() {
    assert_eq!(proposed("<html><body><form><input type=password></form></body></html>"), None);
    assert_eq!(proposed("<p><a href=\"/tin/1\">Khánh thành cầu đi bộ qua kênh</a></p>"), None);
    assert_eq!(proposed(""), None);
}
