//! Whole documents with hostile text in them, and the publisher against a store.

pub(super) mod live;

use std::{collections::HashMap, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    Feed, Format, Freshness, Settings, Shown, SourceInfo, Variant,
    document::{self, Channel},
    live::Snapshot,
    render,
};
use crate::model::{
    Article, ArticleId, Category, Content, Date, Digest, Enclosure, ExtractedBy, Html, IdentityKey, Offset,
    Person, Precision, Revision, Status, Timestamp,
};

/// 2020-07-30T17:00:00+07:00.
const DAY: i64 = 1_596_103_200;

/// The `n`th article of the source `quan1`: an hour newer than the one before.
pub(super) fn article(n: i64) -> Article {
    let source = "quan1".parse().unwrap();
    let at = Timestamp::from_second(DAY + 3600 * n);
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item(n.to_string())),
        revision: Revision::FIRST,
        source,
        first_seen: at.plus(Duration::from_secs(60)),
        published: date(at),
        updated: at,
        labels: Default::default(),
        digest: Digest::default(),
        status: Status::Live,
        content: Content {
            url: Some(format!(
                "http://www.quan1.hochiminhcity.gov.vn/tintuc/lists/posts/post.aspx?ItemID={n}"
            )),
            title: format!("article {n}"),
            extracted_by: ExtractedBy::Recipe,
            ..Content::default()
        },
    }
}

pub(super) fn date(at: Timestamp) -> Date {
    Date { at, offset: Offset(7 * 3600), precision: Precision::Minute, raw: None, inferred: false }
}

/// A feed of `quan1` with a window of `items`.
pub(super) fn feed(items: usize) -> Feed {
    Feed {
        description: "Tin tức, sự kiện và thông báo của Ủy ban nhân dân Quận 1".to_owned(),
        items,
        // The window of most tests is a number of items.
        window: Duration::ZERO,
        home: Some("http://www.quan1.hochiminhcity.gov.vn/tintuc".to_owned()),
        ..Feed::new("quan1".parse().unwrap(), "Tin tức Quận 1", vec!["quan1".parse().unwrap()])
    }
}

pub(super) fn settings(feeds: Vec<Feed>) -> Settings {
    Settings {
        base_url: "https://tin.example.vn".to_owned(),
        feeds,
        sources: vec![SourceInfo {
            id: "quan1".parse().unwrap(),
            name: "Quận 1 – Tin tức & Sự kiện".to_owned(),
            home: "http://www.quan1.hochiminhcity.gov.vn/".to_owned(),
            feed: None,
            interval: Duration::from_secs(300),
        }],
        hub: None,
        min_age: Duration::from_secs(60),
        max_age: Duration::from_secs(900),
    }
}

/// Articles that try everything: each would break some feed somewhere.
fn hostile() -> Vec<Article> {
    vec![markup(), files(), bare(), untitled(), untitled_body(), long()]
}

fn markup() -> Article {
    let mut markup = article(9);
    markup.content.title =
        "<script>alert('&amp;amp;')</script> ]]> & “Quận 1”\u{0}\u{b}\u{fffe}\u{ffff} 📢".to_owned();
    markup.content.summary =
        "một < hai & ba > hai\r\ndòng thứ hai ]]> \u{1b}[31m &amp;amp; <b>không đậm</b>".to_owned();
    markup.content.html = Html::sanitized(
        "<p>Tiếng Việt &amp;amp; <b>đậm</b> ]]&gt; ]]> \u{8}\u{c}</p>\r\n<pre>a\tb</pre>".to_owned(),
    );
    markup.content.authors = vec![
        Person { name: Some("Nguyễn Văn A & Cộng sự <tòa soạn>".to_owned()), ..Person::default() },
        Person { email: Some("bbt@quan1.gov.vn".to_owned()), ..Person::default() },
        Person { name: Some("\u{0}".to_owned()), url: Some("javascript:alert(1)".to_owned()), email: None },
    ];
    markup.content.categories = vec![
        Category {
            term: "tin\"tức'<&>".to_owned(),
            scheme: Some("http://x.vn/?a=1&b=2".to_owned()),
            label: None,
        },
        Category {
            term: "su-kien".to_owned(),
            scheme: Some("không phải URI".to_owned()),
            label: Some("Sự kiện".to_owned()),
        },
        Category { term: " \u{1} ".to_owned(), ..Category::default() },
        Category { term: "su-kien".to_owned(), ..Category::default() },
    ];
    markup.revision = Revision(3);
    markup.updated = markup.published.at.plus(Duration::from_millis(90_500));
    markup
}

fn files() -> Article {
    let mut files = article(8);
    files.content.title = "ho\u{302}\u{300}i e\u{301}".to_owned();
    files.content.image = Some("https://cdn.vn/ảnh 1.jpg?a=1&b=\"2\"".to_owned());
    files.content.enclosures = (0..4)
        .map(|n| Enclosure {
            url: format!("https://cdn.vn/{n}.pdf?x=1&y=2"),
            media_type: [Some("application/pdf; a=b"), None, Some("no type"), Some("image/png")][n]
                .map(str::to_owned),
            length: [None, Some(0), Some(12_345), Some(1)][n],
            title: [None, Some("Tờ trình <1>"), Some("\u{7}"), None][n].map(str::to_owned),
        })
        .chain([Enclosure { url: "file:///etc/passwd".to_owned(), ..Enclosure::default() }])
        .chain([Enclosure { url: "https://cdn.vn/0.pdf?x=1&y=2".to_owned(), ..Enclosure::default() }])
        .collect();
    files.content.language = Some("en".to_owned());
    files
}

fn bare() -> Article {
    let mut bare = article(7);
    bare.content = Content::default();
    bare.content.title = " \u{200b}\u{0}\n".to_owned();
    bare.content.url = Some("javascript:alert(1)".to_owned());
    bare.published.precision = Precision::Day;
    bare.published.raw = Some("ngày 30\u{1}/07/2020".to_owned());
    bare.published.inferred = true;
    bare
}

fn untitled() -> Article {
    let mut untitled = article(6);
    untitled.content.title = String::new();
    untitled.content.summary = "Chỉ có tóm tắt".to_owned();
    untitled.content.url = None;
    // Saigon's local mean time, and an offset that no format can print.
    untitled.published.offset = Offset(25_590);
    untitled
}

fn untitled_body() -> Article {
    let mut body = article(5);
    body.content.title = "\u{feff}".to_owned();
    body.content.html = Html::sanitized("<p>Chỉ có <i>nội dung</i></p>".to_owned());
    body.published.offset = Offset(900_000);
    body
}

fn long() -> Article {
    let mut long = article(4);
    long.content.title = "dài ".repeat(250_000);
    long.content.summary = "ắ".repeat(1_000_000);
    long
}

fn channel(articles: &[Article]) -> Channel {
    let feed = feed(50);
    let articles: Vec<_> = articles.iter().cloned().map(Arc::new).collect();
    let settings = settings(vec![feed.clone()]);
    document::compose(&settings, &document::Selection::of(&settings, &feed, &articles))
}

fn text(format: Format, articles: &[Article]) -> String {
    String::from_utf8(render::checked(format, &channel(articles)).unwrap()).unwrap()
}

/// One line per element, and what is long cut: for people to read.
fn folded(text: &str) -> String {
    let lines = text.replace("><", ">\n<").replace("},{", "},\n{").replace(",\"", ",\n\"");
    lines.replace(&"ắ".repeat(4_900), "[4,900 ắ]").replace(&"dài ".repeat(120), "[120 dài]")
}

#[test]
fn hostile_articles_in_every_format() {
    for format in Format::ALL {
        insta::assert_snapshot!(format.extension(), folded(&text(format, &hostile())));
    }
}

#[test]
fn an_empty_feed_is_valid_in_every_format() {
    let all: Vec<_> = Format::ALL.iter().map(|format| folded(&text(*format, &[]))).collect();
    insta::assert_snapshot!("empty", all.join("\n\n"));
}

#[test]
fn every_format_can_be_read_back_whole() {
    let hostile = hostile();
    for format in Format::ALL {
        let text = text(format, &hostile);
        let feed = feed_rs::parser::parse(text.as_bytes()).unwrap();
        let ids: Vec<_> = feed.entries.iter().map(|entry| entry.id.clone()).collect();
        assert_eq!(
            ids,
            hostile.iter().map(|article| article.id.to_string()).collect::<Vec<_>>(),
            "{format:?}"
        );
        let first = &feed.entries[0];
        let title = first.title.as_ref().unwrap().content.as_str();
        let shown = match format {
            // RSS cannot say that a title is text.
            Format::Rss => "‹script›alert('＆amp;amp;')‹/script› ]]> & “Quận 1” 📢",
            // Which Atom says by making it markup.
            Format::Atom => "&lt;script&gt;alert('&amp;amp;amp;')&lt;/script&gt; ]]&gt; &amp; “Quận 1” 📢",
            Format::Json => "<script>alert('&amp;amp;')</script> ]]> & “Quận 1” 📢",
        };
        assert_eq!(title, shown, "{format:?}");
        assert_eq!(first.published.unwrap().timestamp(), DAY + 9 * 3600, "{format:?}");
        let body = first.content.as_ref().unwrap().body.as_deref().unwrap();
        assert_eq!(body, "<p>Tiếng Việt &amp;amp; <b>đậm</b> ]]&gt; ]]> </p>\n<pre>a\tb</pre>", "{format:?}");
        assert!(feed.entries.iter().all(|entry| !entry.title.as_ref().unwrap().content.trim().is_empty()));
    }
}

#[test]
fn ids_links_and_dates_are_the_same_bytes_in_every_format() {
    let article = article(1);
    let link = article.content.url.clone().unwrap();
    let [rss, atom, json] = Format::ALL.map(|format| text(format, std::slice::from_ref(&article)));
    for text in [&rss, &atom, &json] {
        assert!(text.contains(&article.id.to_string()) && text.contains(&link), "{text}");
    }
    assert!(rss.contains("<pubDate>Thu, 30 Jul 2020 18:00:00 +0700</pubDate>"), "{rss}");
    for text in [&atom, &json] {
        assert!(text.contains("2020-07-30T18:00:00+07:00"), "{text}");
    }
}

/// What a feed of `articles` shows, that changed at `changed`.
fn snapshot(articles: &[Article], changed: Timestamp) -> Snapshot {
    let settings = Arc::new(settings(vec![feed(5)]));
    Snapshot {
        since: Timestamp::default(),
        version: 1,
        freshness: Arc::new(Freshness::new(&settings, &feed(5).sources)),
        settings,
        feed: Arc::new(feed(5)),
        articles: articles.iter().cloned().map(Arc::new).collect(),
        gone: Vec::new(),
        links: document::Links::default(),
        changed,
    }
}

#[test]
fn nothing_in_a_document_depends_on_when_or_where_it_is_rendered() {
    for format in Format::ALL {
        let [one, two] = [1, 2_000_000_000].map(|now| {
            let snapshot = snapshot(&hostile(), Timestamp::from_second(now));
            render::write(&snapshot, format, &Variant::default(), None).unwrap()
        });
        assert_eq!(one.identity().body, two.identity().body);
    }
}

#[test]
fn a_document_never_grows_past_its_limit_and_the_oldest_lose_their_texts_first() {
    let mut articles: Vec<_> = (0..50).rev().map(article).collect();
    for article in &mut articles {
        article.content.html = Html::sanitized("<p>\"quoted\" ]]></p>".repeat(2_000));
        article.content.summary = "'\"<&>".repeat(300);
    }
    let composed = channel(&articles);
    let n_full = composed.entries.iter().take_while(|entry| !entry.html.is_empty()).count();
    assert!((1..50).contains(&n_full), "{n_full}");
    assert!(
        composed.entries.iter().skip(n_full).all(|entry| entry.html.is_empty() && !entry.summary.is_empty())
    );
    assert_eq!(composed.entries.len(), 50);
    for article in &mut articles {
        article.content.summary = "'\"<&>".repeat(2_000);
    }
    let composed = channel(&articles);
    assert!((1..50).contains(&composed.entries.len()), "{}", composed.entries.len());
    for articles in [hostile(), articles] {
        for format in Format::ALL {
            let length = text(format, &articles).len();
            assert!(length < document::LIMIT, "{format:?}: {length}");
        }
    }
}

#[test]
fn a_broken_rendering_keeps_what_was_visible() {
    let snapshot = snapshot(&[article(1)], Timestamp::default());
    let good = render::write(&snapshot, Format::Rss, &Variant::default(), None).unwrap();
    let kept = render::accept("quan1", "rss", Err("broken".to_owned()), Some(&good)).unwrap();
    assert!(Arc::ptr_eq(&kept, &good));
    assert!(render::accept("quan1", "rss", Err("broken".to_owned()), None).is_none());
}

#[test]
fn the_catalogue_lists_every_feed_once() {
    let mut other = feed(5);
    other.id = "thong-bao".parse().unwrap();
    other.title = "Thông báo <\u{1}&>".to_owned();
    let settings = settings(vec![feed(5), other]);
    let (feeds, opml) = (HashMap::new(), Arc::default());
    let shown = Shown { settings: Arc::new(settings), feeds, opml, ready: true };
    let document = render::catalogue(&shown, None, Timestamp::default()).unwrap();
    insta::assert_snapshot!("opml", folded(std::str::from_utf8(&document.identity().body).unwrap()));
    assert_eq!(document.link, "<https://tin.example.vn/opml.xml>; rel=\"self\"");
}

/// A channel that says everything beside its entries that a feed can say.
fn everything() -> Channel {
    let mut channel = channel(&[article(2), article(1)]);
    let at = |stem: &str| {
        Some(document::Address { stem: format!("https://tin.example.vn/{stem}"), query: String::new() })
    };
    channel.links = document::Links {
        archive: true,
        current: at("now"),
        prev_archive: at("before"),
        next_archive: at("after"),
        next: at("page"),
    };
    channel.hub = Some("https://hub.example/".to_owned());
    channel.image = Some("https://tin.example.vn/logo.png".to_owned());
    channel.ending = true;
    let moment = channel.entries[0].updated;
    channel.gone = vec![document::Tombstone { id: article(7).id.to_string(), at: moment }];
    channel.entries[0].origin = Some(document::Origin {
        name: "Báo & Đài".to_owned(),
        id: "https://bao.example/rss?a=1&b=2".to_owned(),
        url: "https://bao.example/rss?a=1&b=2".to_owned(),
        home: Some("https://bao.example/".to_owned()),
    });
    channel
}

#[test]
fn every_format_says_where_the_story_goes_on() {
    let [rss, atom, json] =
        Format::ALL.map(|format| String::from_utf8(render::checked(format, &everything()).unwrap()).unwrap());
    for (rel, stem) in
        [("current", "now"), ("prev-archive", "before"), ("next-archive", "after"), ("next", "page")]
    {
        for (text, prefix, format) in [(&rss, "atom:", "rss"), (&atom, "", "atom")] {
            let link = format!("https://tin.example.vn/{stem}.{format}\" rel=\"{rel}\"");
            let found = text.split(&format!("<{prefix}link")).any(|link_text| link_text.contains(&link));
            assert!(found, "{rel} is not in {text}");
        }
    }
    for text in [&rss, &atom] {
        assert!(
            text.contains("<fh:archive") && text.contains("https://hub.example/\" rel=\"hub\""),
            "{text}"
        );
        assert!(text.contains("https://bao.example/rss?a=1&amp;b=2"), "{text}");
        assert!(text.contains("https://tin.example.vn/logo.png"), "{text}");
    }
    let gone = format!("ref=\"{}\" when=\"2020-07-30T19:00:00+07:00\"", article(7).id);
    assert!(atom.contains("<at:deleted-entry") && atom.contains(&gone), "{atom}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["next_url"], "https://tin.example.vn/page.json");
    assert_eq!((&json["expired"], &json["icon"]), (&true.into(), &"https://tin.example.vn/logo.png".into()));
    assert_eq!(json["hubs"], serde_json::json!([{"type": "WebSub", "url": "https://hub.example/"}]));
    assert_eq!(json["_loa"]["withdrawn"][0]["id"], article(7).id.to_string());
}

#[test]
fn no_two_entries_of_one_date_share_their_updated_and_none_moves_because_of_others() {
    let all: Vec<_> = (0..50)
        .map(|n| Article { published: article(1).published, updated: article(1).updated, ..article(n) })
        .collect();
    let dates = |text: &str| -> Vec<String> {
        let entries = text.split("<entry>").skip(1);
        entries
            .map(|it| it.split_once("<updated>").unwrap().1.split_once('<').unwrap().0.to_owned())
            .collect()
    };
    let many = dates(&text(Format::Atom, &all));
    assert_eq!(many.iter().collect::<std::collections::BTreeSet<_>>().len(), 50);
    assert!(
        many.iter().all(|date| date.starts_with("2020-07-30T18:00:00.") && date.ends_with("+07:00")),
        "{many:?}"
    );
    assert_eq!(dates(&text(Format::Atom, &all[7..8])), many[7..8]);
}

#[test]
fn a_catalogue_nests_feeds_under_their_groups() {
    let named = |id: &str, group: Option<&str>| Feed {
        id: id.parse().unwrap(),
        group: group.map(str::to_owned),
        ..feed(5)
    };
    let feeds = vec![named("a", Some("Quận & Huyện")), named("b", None), named("c", Some("Quận & Huyện"))];
    let (settings, feeds) = (Arc::new(settings(feeds)), HashMap::new());
    let shown = Shown { settings, feeds, opml: Arc::default(), ready: true };
    let document = render::catalogue(&shown, None, Timestamp::default()).unwrap();
    let text = std::str::from_utf8(&document.identity().body).unwrap();
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is not in {text}"));
    let [group, a, c, end, b] =
        ["text=\"Quận &amp; Huyện\"", "/feeds/a.atom", "/feeds/c.atom", "</outline>", "/feeds/b.atom"]
            .map(place);
    assert!(group < a && a < c && c < end && end < b, "{text}");
}

#[test]
fn a_charset_is_named_exactly_once() {
    for format in Format::ALL {
        assert_eq!(format.content_type(), format!("{}; charset=utf-8", format.media_type()));
    }
}

proptest! {
    #[test]
    fn whatever_articles_say_the_documents_pass_the_strict_reading(
        strings in proptest::collection::vec(any::<String>(), 12)
    ) {
        let mut article = article(1);
        let content = &mut article.content;
        content.title = strings[0].clone();
        content.summary = strings[1].clone();
        content.html = Html::sanitized(strings[2].clone());
        content.url = Some(strings[3].clone());
        content.authors = vec![Person { name: Some(strings[4].clone()), email: Some(strings[5].clone()), url: None }];
        content.categories = vec![Category { term: strings[6].clone(), scheme: Some(strings[7].clone()), label: Some(strings[8].clone()) }];
        content.enclosures = vec![Enclosure { url: format!("http://a/{}", strings[9]), media_type: Some(strings[10].clone()), length: None, title: Some(strings[11].clone()) }];
        content.image = Some(format!("http://b/{}", strings[9]));
        let snapshot = snapshot(&[article], Timestamp::default());
        for format in Format::ALL {
            prop_assert!(render::write(&snapshot, format, &Variant::default(), None).is_some());
        }
    }
}
