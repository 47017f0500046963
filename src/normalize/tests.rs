use proptest::prelude::proptest;

use super::*;
use crate::model::{Category, ExtractedBy, Person, Precision};

fn rules() -> Rules {
    Rules {
        zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        order: Order::DayFirst,
        language: Some("vi".into()),
        url: UrlRules::default(),
        title_noise: vec![Regex::new(r" - Cổng thông tin.*").unwrap()],
        body_noise: vec![Regex::new(r"Lượt xem: \d+").unwrap()],
    }
}

fn run(item: Item) -> (Draft, Vec<String>) {
    let base: Url = "http://www.quan1.vn/tintuc/lists/posts/post.aspx?Mode=2".parse().unwrap();
    let rules = rules();
    let fetched = "2020-08-01T09:00:00+07:00".parse().unwrap();
    let (draft, issues) = normalize(item, &Context { rules: &rules, base: &base, fetched });
    (draft, issues.into_iter().map(|issue| issue.code).collect())
}

#[test]
fn makes_a_draft_of_a_whole_item() {
    let (draft, issues) = run(Item {
        id: Some("https://www.quan1.vn/?p=5#x".into()),
        url: Some("post.aspx?ItemID=651&utm_source=z".into()),
        title: Some(" Khai mạc\u{a0}Đại hội - Cổng thông tin Quận 1".into()),
        content: Some(
            "<p class=MsoNormal>Sáng nay, Đại hội đã khai mạc trọng thể tại Nhà hát Thành phố.</p>\
             <p><img data-src='/a.jpg'></p><p>Xem <a href='/KH.pdf'>Kế hoạch</a></p><p>Lượt xem: 12</p><p>T.X</p>"
                .into(),
        ),
        published: Some("(17:12 - 30/07/2020)".into()),
        categories: vec![
            Category { term: "Tin tức".into(), ..Category::default() },
            Category { term: "tin  tức".into(), ..Category::default() },
        ],
        extracted_by: ExtractedBy::Recipe,
        ..Item::default()
    });
    assert_eq!(issues, Vec::<String>::new());
    assert_eq!(draft.guid.as_deref(), Some("https://www.quan1.vn/?p=5#x"));
    assert_eq!(draft.canonical.as_deref(), Some("//quan1.vn/tintuc/lists/posts/post.aspx?ItemID=651"));
    let content = draft.content;
    assert_eq!(content.url.as_deref(), Some("http://www.quan1.vn/tintuc/lists/posts/post.aspx?ItemID=651"));
    assert_eq!(content.title, "Khai mạc Đại hội");
    assert_eq!(content.summary, "Sáng nay, Đại hội đã khai mạc trọng thể tại Nhà hát Thành phố.");
    assert_eq!(content.language.as_deref(), Some("vi"));
    assert_eq!(content.authors, [Person { name: Some("T.X".into()), ..Person::default() }]);
    assert_eq!(content.categories.len(), 1);
    assert_eq!(content.image.as_deref(), Some("http://www.quan1.vn/a.jpg"));
    assert_eq!(content.enclosures.len(), 1);
    assert_eq!(content.enclosures[0].media_type.as_deref(), Some("application/pdf"));
    assert_eq!(content.enclosures[0].title.as_deref(), Some("Kế hoạch"));
    assert!(!content.html.as_str().contains("Lượt xem"));
    let published = draft.published.unwrap();
    assert_eq!(published.rfc3339(), "2020-07-30T17:12:00+07:00");
    assert_eq!(published.precision, Precision::Minute);
}

#[test]
fn says_what_is_missing() {
    let (draft, issues) = run(Item {
        url: Some("javascript:__doPostBack('x','')".into()),
        summary: Some("<p>Sáng 30/7, Quận 1 tổ chức lễ. Sau đó là hội nghị.</p>".into()),
        published: Some("ngày nào đó".into()),
        updated: Some("ngày nào đó".into()),
        ..Item::default()
    });
    assert_eq!(issues, ["date-unreadable", "date-unreadable", "no-link", "no-title"]);
    assert_eq!(draft.content.title, "Sáng 30/7, Quận 1 tổ chức lễ");
    assert_eq!(draft.content.summary, "Sáng 30/7, Quận 1 tổ chức lễ. Sau đó là hội nghị.");
    assert!(draft.published.is_some_and(|date| date.inferred));
    assert_eq!(draft.updated, None);
    let (draft, issues) = run(Item::default());
    assert_eq!((draft.content.title.as_str(), draft.published), ("Không có tiêu đề", None));
    assert_eq!(issues, ["no-link", "no-title"]);
}

#[test]
fn a_title_that_stands_in_has_no_blank_at_its_end() {
    for (teaser, title) in [
        ("a < b Full text .", "a < b Full text"),
        ("Một câu đủ dài để làm tiêu đề . . Rồi một câu nữa.", "Một câu đủ dài để làm tiêu đề"),
        ("...", "..."),
    ] {
        let (draft, _) = run(Item { summary: Some(teaser.into()), ..Item::default() });
        assert_eq!(draft.content.title, title);
    }
}

#[test]
fn what_is_no_media_type_is_told_by_the_name() {
    for (declared, expected) in [
        ("Audio/MPEG; rate=1", "audio/mpeg"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("audi\u{7f}/mpeg", "application/pdf"),
        ("audio/<b>", "application/pdf"),
        ("tệp/pdf", "application/pdf"),
        ("pdf", "application/pdf"),
    ] {
        let file =
            Enclosure { url: "/a.pdf".into(), media_type: Some(declared.into()), ..Enclosure::default() };
        let (draft, _) = run(Item { enclosures: vec![file], ..Item::default() });
        assert_eq!(draft.content.enclosures[0].media_type.as_deref(), Some(expected), "{declared}");
    }
}

#[test]
fn decodes_what_metas_escape_twice() {
    let (draft, _) = run(Item { summary: Some("ng&amp;agrave;y h&amp;#7897;i".into()), ..Item::default() });
    assert_eq!(draft.content.summary, "ngày hội");
}

#[test]
fn caps_titles() {
    let (draft, issues) = run(Item { title: Some("chữ ".repeat(300_000)), ..Item::default() });
    assert!(draft.content.title.chars().count() <= 1_000);
    assert_eq!(issues, ["no-link", "title-too-long"]);
    let (draft, _) = run(Item { title: Some("<b>Tin</b> 1 < 2".into()), ..Item::default() });
    assert_eq!(draft.content.title, "Tin 1 < 2");
}

#[test]
fn files_are_named_once_with_honest_sizes() {
    let file = |url: &str, media_type: Option<&str>, length| Enclosure {
        url: url.into(),
        media_type: media_type.map(str::to_owned),
        length,
        title: None,
    };
    let (draft, _) = run(Item {
        enclosures: vec![
            file("/a.mp3", Some("audio/mpeg; x=y"), Some(0)),
            file("http://www.quan1.vn/a.mp3", None, Some(5)),
            file("/b.docx", Some("application/octet-stream"), Some(7)),
            file("javascript:x", None, None),
        ],
        ..Item::default()
    });
    let found: Vec<_> =
        draft.content.enclosures.iter().map(|file| (file.media_type.as_deref(), file.length)).collect();
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    assert_eq!(found, [(Some("audio/mpeg"), None), (Some(word), Some(7))]);
}

proptest! {
    #[test]
    fn takes_any_item(text in "(\\PC|<p>|</b>|&amp;|\u{0}|\u{301}|\u{a0}|//|http:){0,30}") {
        let some = || Some(text.clone());
        let (draft, _) = run(Item {
            id: some(), url: some(), title: some(), summary: some(), content: some(), base: some(), language: some(),
            published: some(), image: some(), ..Item::default()
        });
        let content = draft.content;
        proptest::prop_assert!(!content.title.is_empty());
        for text in [&content.title, &content.summary, content.html.as_str()] {
            proptest::prop_assert!(text.chars().all(crate::model::text::is_xml));
        }
    }
}

#[test]
fn a_description_that_is_a_whole_text_is_kept_whole() {
    let content = |summary: String| run(Item { summary: Some(summary), ..Item::default() }).0.content;
    let long = content("Một câu. ".repeat(200));
    assert_eq!(long.html.as_str().matches("Một câu.").count(), 200);
    assert!(long.summary.chars().count() <= 501);
    assert_eq!(content("Chỉ một câu.".to_owned()).html.as_str(), "");
}
