use std::path::PathBuf;

use url::Url;

use super::*;
use crate::model::{
    Article, ArticleId, Content, Date, Draft, Enclosure, IdentityKey, Offset, Precision, Revision, SourceId,
    Status, Timestamp,
};

fn site() -> Url {
    "http://www.quan1.vn/tintuc/lists/posts/post.aspx?Mode=2".parse().unwrap()
}

fn draft(canonical: Option<&str>, guid: Option<&str>) -> Draft {
    Draft { canonical: canonical.map(str::to_owned), guid: guid.map(str::to_owned), ..Draft::default() }
}

fn sharepoint() -> Rules {
    let url = Regex::new(r"^(?P<site>/[^/?]+)/lists/posts/post\.aspx\?(?:.*&)?itemid=(?P<id>\d+)").unwrap();
    Rules { item: vec![ItemPattern { url, key: "${site}#${id}".into() }] }
}

fn digest_of(draft: &Draft) -> Digest {
    digest(&draft.content, &Wording::of(&draft.content))
}

fn check(draft: &Draft, rules: &Rules, expected: &[&str]) {
    let found: Vec<String> = keys(draft, rules, &site()).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn gives_the_strongest_key_first() {
    let post = "//quan1.vn/tintuc/lists/posts/post.aspx?itemid=651";
    check(
        &draft(Some(post), Some("https://www.QUAN1.vn/x?b=1#c")),
        &sharepoint(),
        &["item:/tintuc#651", "guid:/x?b=1#c", "url:/tintuc/lists/posts/post.aspx?itemid=651"],
    );
    check(&draft(Some("//quan1.vn/gioithieu"), None), &sharepoint(), &["url:/gioithieu"]);
    check(
        &draft(Some("//quan3.vn/x"), Some("tag:x,2020:1")),
        &sharepoint(),
        &["guid:tag:x,2020:1", "url://quan3.vn/x"],
    );
    let foreign = "//quan3.vn/tintuc/lists/posts/post.aspx?itemid=651";
    check(
        &draft(Some(foreign), None),
        &sharepoint(),
        &["item://quan3.vn/tintuc#651", "url://quan3.vn/tintuc/lists/posts/post.aspx?itemid=651"],
    );
    check(&draft(Some("//quan1.vnx/a"), None), &sharepoint(), &["url://quan1.vnx/a"]);
}

fn dated(title: &str, date: Option<&str>) -> Draft {
    let at = |text: &str| Date {
        at: text.parse().unwrap(),
        offset: Offset(7 * 3600),
        precision: Precision::Minute,
        raw: None,
        inferred: false,
    };
    let content = Content { title: title.into(), ..Content::default() };
    Draft { content, published: date.map(at), ..Draft::default() }
}

#[test]
fn names_by_title_only_with_a_day_or_the_text() {
    let rules = Rules::default();
    check(
        &dated("Thông báo MỜI thầu", Some("2020-07-29T18:00:00Z")),
        &rules,
        &["title:thong bao moi thau|2020-07-30"],
    );
    let home = Draft { canonical: Some("//quan1.vn/".into()), ..dated("x", Some("2020-07-30T05:00:00Z")) };
    check(&home, &rules, &["title:x|2020-07-30"]);
    let mut one = dated("Thông báo", None);
    let mut other = dated("Thông báo", None);
    one.content.summary = "một".into();
    other.content.summary = "hai".into();
    assert_ne!(keys(&one, &rules, &site()), keys(&other, &rules, &site()));
}

fn saying(html: &str) -> Draft {
    let html = crate::normalize::html::clean(html, None, &site(), &[]).html;
    Draft { content: Content { title: "Tin".into(), html, ..Content::default() }, ..Draft::default() }
}

#[test]
fn digests_do_not_see_noise() {
    let plain =
        digest_of(&saying("<p>Khai mạc Đại hội tại khoá XII</p><p><img src=\"http://a.vn/x/1.jpg\"></p>"));
    for same in [
        "<p>Khai mạc\n Đại hội</p><p>tại khóa XII</p><img src=\"http://b.vn/x/1.jpg?t=5\">",
        "<p>Khai ma\u{323}c Đại hội tại khoá XII</p><p>View count: 8</p><img src=\"http://a.vn/x/1.jpg\">",
        "<p>Lượt xem: 1.234</p><p>Khai mạc Đại hội tại khoá XII</p><p>Chia sẻ | Facebook | Zalo</p><img src=\"http://a.vn/x/1.jpg\">",
        "<p>Khai mạc Đại hội tại khoá XII</p><p>Hôm nay, Thứ Năm 30/07/2020 17:12:05</p><img src=\"http://a.vn/x/1.jpg\"><p>In trang</p>",
    ] {
        assert_eq!(digest_of(&saying(same)), plain, "{same}");
    }
    for other in [
        "<p>Khai mạc Đại hội tại khoá XIII</p><img src=\"http://a.vn/x/1.jpg\">",
        "<p>Khai mạc Đại hội tại khoá XII</p><img src=\"http://a.vn/x/2.jpg\">",
        "<p>Khai mạc Đại hội tại khoá XII</p><p>Thứ Năm, 30/07/2020, 08:00</p><img src=\"http://a.vn/x/1.jpg\">",
        "",
    ] {
        assert_ne!(digest_of(&saying(other)), plain, "{other}");
    }
}

#[test]
fn digests_see_files_and_teasers_without_text() {
    let measured = |url: &str, media_type: Option<&str>| {
        let mut draft = saying("<p>x</p>");
        let media_type = media_type.map(str::to_owned);
        draft.content.enclosures = vec![Enclosure { url: url.into(), media_type, ..Enclosure::default() }];
        digest_of(&draft)
    };
    let file = |url: &str| measured(url, None);
    assert_eq!(file("http://a.vn/get.aspx?id=5"), measured("http://a.vn/get.aspx?id=5", Some("image/png")));
    assert_eq!(file("http://a.vn/a.JPG?t=1"), file("http://a.vn/a.JPG?t=2"));
    assert_eq!(file("http://a.vn/a.pdf"), file("https://b.vn/a.pdf"));
    assert_ne!(file("http://a.vn/a.pdf"), file("http://a.vn/b.pdf"));
    assert_ne!(file("http://a.vn/a?id=1"), file("http://a.vn/a?id=2"));
    let teaser = |html: &str, summary: &str| {
        let mut draft = saying(html);
        draft.content.summary = summary.into();
        digest_of(&draft)
    };
    assert_eq!(teaser("<p>x</p>", "a"), teaser("<p>x</p>", "b"));
    assert_ne!(teaser("", "a"), teaser("", "b"));
}

#[test]
fn lists_are_digested_without_clocks() {
    let item = |raw: &str| {
        let mut draft = dated("Tin", Some("2020-07-30T05:00:00Z"));
        draft.published.as_mut().unwrap().raw = Some(raw.into());
        listed(&draft)
    };
    assert_eq!(item("5 phút trước"), item("6 phút trước"));
    assert_eq!(item("24/08/2022 | View count: 8"), item("24/08/2022 | View count: 9"));
    assert_ne!(item("24/08/2022"), item("25/08/2022"));
}

fn known(digest: Digest, revision: u32) -> Known {
    Known {
        id: ArticleId::from_bytes([7; 16]),
        revision: Revision(revision),
        digest,
        first_seen: Timestamp::default(),
        published: Timestamp::default(),
        status: Status::Live,
    }
}

#[test]
fn the_strongest_known_key_decides() {
    let (one, other) = (Digest([1; 16]), Digest([2; 16]));
    assert_eq!(decide(one, &[]), Decision::New);
    assert_eq!(decide(one, &[None, None]), Decision::New);
    assert_eq!(
        decide(one, &[None, Some(known(one, 1)), Some(known(other, 2))]),
        Decision::Unchanged(known(one, 1))
    );
    assert_eq!(
        decide(one, &[Some(known(other, 2)), Some(known(one, 1))]),
        Decision::Revised(known(other, 2))
    );
}

#[test]
fn names_what_changed() {
    let article = |draft: Draft| Article {
        id: ArticleId::from_bytes([7; 16]),
        revision: Revision::FIRST,
        source: "quan1".parse::<SourceId>().unwrap(),
        first_seen: Timestamp::default(),
        published: dated("", Some("2020-07-30T05:00:00Z")).published.unwrap(),
        updated: Timestamp::default(),
        labels: Default::default(),
        digest: digest_of(&draft),
        status: Status::Live,
        content: draft.content,
    };
    let old = article(saying("<p>hoà</p>"));
    assert!(changed_fields(&old, &article(saying("<p>hòa</p>"))).is_empty());
    let mut new = article(saying("<p>bình</p>"));
    new.content.title = "Tin mới".into();
    assert_eq!(changed_fields(&old, &new), ["title", "content"]);
}

// The real addresses: rules are written as a recipe would write them.

fn canonical(address: &str, rules: &crate::normalize::UrlRules) -> String {
    crate::normalize::url::canonical(&address.parse().unwrap(), rules)
}

fn strongest(address: &str, urls: &crate::normalize::UrlRules, rules: &Rules) -> String {
    let site: Url = "https://sotttt.hanoi.gov.vn/vi/tin-tuc-su-kien".parse().unwrap();
    let draft = draft(Some(&canonical(address, urls)), None);
    keys(&draft, rules, &site)[0].to_string()
}

#[test]
fn every_address_of_a_sharepoint_post_is_one_item() {
    let urls = crate::normalize::UrlRules {
        fold_path: true,
        fold_params: true,
        drop_params: ["source", "category", "categoryid", "mode", "publisheddate"]
            .map(str::to_owned)
            .to_vec(),
        rename_params: vec![("ID".into(), "itemid".into())],
        ..Default::default()
    };
    for query in [
        "Source=%2ftintuc&Category=Tin+t%E1%BB%A9c+-+S%E1%BB%B1+ki%E1%BB%87n&ItemID=651&Mode=1",
        "Source=/tintuc&Category=Tin%20t%e1%bb%a9c%20%E2%80%93%20S%E1%BB%B1&ItemID=651&Mode=1",
        "Mode=1&ItemID=651&Category=Kh%C3%A1c&Source=/tintuc",
        "itemid=651",
        "ITEMID=651&",
        "ID=651",
        "id=651&PublishedDate=2020-07-30T17:12:00Z",
        "CategoryId=3&ItemID=651&PublishedDate=2020-07-30",
    ] {
        for start in [
            "http://www.quan1.vn/tintuc/lists/posts/post.aspx",
            "http://quan1.vn/tintuc/Lists/Posts/Post.aspx",
            "https://QUAN1.vn:443/TinTuc/lists//posts/post.aspx",
        ] {
            let draft = draft(Some(&canonical(&format!("{start}?{query}"), &urls)), None);
            let found = keys(&draft, &sharepoint(), &site());
            assert_eq!(found[0], IdentityKey::Item("/tintuc#651".into()), "{start}?{query}");
        }
    }
}

/// The addresses that the saved pages had.
fn addresses() -> Vec<String> {
    let mut folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let table = loop {
        if let Ok(found) = std::fs::read_to_string(folder.join("shared/data/pages/SOURCES.md")) {
            break found;
        }
        if !folder.pop() {
            println!("skipped: no shared/data/pages");
            return Vec::new();
        }
    };
    let cells = table.lines().filter_map(|line| line.split('|').nth(3).map(str::trim));
    cells.filter(|cell| cell.contains("/view_content/")).map(|cell| format!("http://{cell}")).collect()
}

#[test]
fn every_address_of_a_liferay_article_is_one_item() {
    let urls = crate::normalize::UrlRules {
        drop_params: vec!["_101_*".into(), "p_p_*".into()],
        rewrite: vec![
            (Regex::new("^/(?:vi|en)(/|$)").unwrap(), "/".into()),
            (Regex::new("/view_content/pop_up/").unwrap(), "/view_content/".into()),
        ],
        ..Default::default()
    };
    let url = Regex::new(r"/-/view_content/(?:pop_up/)?(\d+)").unwrap();
    let rules = Rules { item: vec![ItemPattern { url, key: "${1}".into() }] };
    let found = addresses();
    for (number, times) in [("4417996", 6), ("690393", 1), ("704298", 1), ("690033", 1), ("3857154", 6)] {
        let same: Vec<&String> =
            found.iter().filter(|address| address.contains(&format!("/{number}-"))).collect();
        assert!(found.is_empty() || same.len() == times, "{number}: {}", same.len());
        for address in same {
            assert_eq!(strongest(address, &urls, &rules), format!("item:{number}"), "{address}");
        }
    }
}
