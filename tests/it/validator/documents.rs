//! Everything that we can produce, before the judge.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use loaphuong::{
    demo::stories,
    model::{
        Article, ArticleId, Category, Content, Date, Digest, Enclosure, ExtractedBy, IdentityKey, Item,
        Offset, Person, Precision, Revision, Status, Timestamp,
    },
    normalize,
    publish::{Extent, Feed, Format, Hub, Settings, SourceInfo},
};

use super::{Finding, Frame, judge};
use crate::{
    shared::shared,
    world::{START, World},
};

/// 2020-07-30, 17:00 in Vietnam.
const DAY: i64 = 1_596_103_200;

fn article(n: i64) -> Article {
    let source = "quan1".parse().unwrap();
    let at = Timestamp::from_second(DAY + 3_600 * n);
    let published =
        Date { at, offset: Offset(25_200), precision: Precision::Minute, raw: None, inferred: false };
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item(n.to_string())),
        revision: Revision::FIRST,
        source,
        first_seen: at,
        published,
        updated: at,
        labels: Default::default(),
        digest: Digest::default(),
        status: Status::Live,
        content: Content {
            url: Some(format!("http://www.quan1.hochiminhcity.gov.vn/post.aspx?ItemID={n}")),
            title: format!("Tin {n}"),
            extracted_by: ExtractedBy::Recipe,
            ..Content::default()
        },
    }
}

/// An article whose text went through the sanitizer, as every text does.
fn with_text(n: i64, markup: &str) -> Article {
    let base: url::Url = "https://quan1.example.vn/tin/".parse().unwrap();
    let rules = normalize::Rules {
        zone: TimeZone::UTC,
        order: normalize::Order::DayFirst,
        language: Some("vi".to_owned()),
        url: normalize::UrlRules::default(),
        title_noise: Vec::new(),
        body_noise: Vec::new(),
    };
    let context = normalize::Context { rules: &rules, base: &base, fetched: Timestamp::from_second(DAY) };
    let item = Item {
        url: Some(format!("{n}.html")),
        title: Some(markup.to_owned()),
        summary: Some(markup.to_owned()),
        content: Some(markup.to_owned()),
        authors: vec![Person { name: Some(markup.to_owned()), ..Person::default() }],
        ..Item::default()
    };
    let (draft, _) = normalize::normalize(item, &context);
    Article { content: draft.content, ..article(n) }
}

fn settings(feed: Feed) -> Settings {
    Settings {
        base_url: "https://tin.example.vn".to_owned(),
        feeds: vec![feed],
        sources: vec![SourceInfo {
            id: "quan1".parse().unwrap(),
            name: "Quận 1 – Tin tức & <b>Sự kiện</b>".to_owned(),
            home: "http://www.quan1.hochiminhcity.gov.vn/".to_owned(),
            feed: Some("http://www.quan1.hochiminhcity.gov.vn/rss?cat[]=1".to_owned()),
            interval: Duration::from_secs(300),
        }],
        hub: Some(Hub::Own("https://hub.example.vn/".to_owned())),
        min_age: Duration::from_secs(60),
        max_age: Duration::from_secs(900),
    }
}

fn feed() -> Feed {
    Feed {
        image: Some("https://tin.example.vn/logo.png".to_owned()),
        ..Feed::new("quan1".parse().unwrap(), "Tin tức & sự kiện <Quận 1>", vec!["quan1".parse().unwrap()])
    }
}

/// Renders a feed in every format and returns what is wrong with it.
fn findings(feed: Feed, articles: &[Article]) -> Vec<(Format, Finding)> {
    let settings = settings(feed);
    let articles: Vec<_> = articles.iter().cloned().map(Arc::new).collect();
    let mut all = Vec::new();
    for format in Format::ALL {
        let body = loaphuong::publish::render(&settings, &settings.feeds[0], &articles, format).unwrap();
        let own = format!("https://tin.example.vn/feeds/quan1.{}", format.extension());
        all.extend(judge(&body, Frame { own: &own, now: START }).into_iter().map(|found| (format, found)));
    }
    all
}

#[track_caller]
fn check(articles: &[Article]) {
    for extent in [Extent::Full, Extent::Summary] {
        assert_eq!(findings(Feed { extent, ..feed() }, articles), [], "{extent:?}");
    }
}

#[test]
fn feeds_of_any_size_are_clean() {
    check(&[]);
    check(&[article(1)]);
    check(&(0..50).rev().map(article).collect::<Vec<_>>());
    let same_moment =
        |n| Article { published: article(0).published, updated: article(0).updated, ..article(n) };
    check(&(0..50).map(same_moment).collect::<Vec<_>>());
}

#[test]
fn texts_that_look_like_markup_are_clean() {
    let texts = [
        "<b>đậm</b> và <i>nghiêng</i>",
        "AT&T &amp; R&D &lt; &copy; &nbsp; &#38; &#x26;",
        "x < y > z </ b> <",
        "<script>alert(1)</script>",
        "<!-- c --> ]]> <![CDATA[x]]>",
        "a <tin@quan1.gov.vn> b",
        "\u{85}\u{96}\u{fffd} x",
        "\u{202e}đảo ngược\u{200f} 📢 مرحبا",
        "&",
        "<",
        "\u{0}\u{b}",
        "'\"",
    ];
    for (n, text) in (0..).zip(texts) {
        let mut literal = article(n);
        let content = &mut literal.content;
        content.title = text.to_owned();
        content.summary = text.to_owned();
        content.authors = vec![Person { name: Some(text.to_owned()), ..Person::default() }];
        content.categories = vec![Category { term: text.to_owned(), ..Category::default() }];
        content.categories.push(Category {
            term: "x".to_owned(),
            label: Some(text.to_owned()),
            scheme: None,
        });
        content.enclosures = vec![file("https://a.vn/1.pdf", text), file("https://a.vn/2.pdf", text)];
        check(&[literal, with_text(20, text)]);
        let title = text.to_owned();
        assert_eq!(findings(Feed { description: title.clone(), title, ..feed() }, &[]), [], "{text}");
    }
}

fn file(url: &str, title: &str) -> Enclosure {
    Enclosure { url: url.to_owned(), title: Some(title.to_owned()), ..Enclosure::default() }
}

#[test]
fn odd_addresses_kinds_and_people_are_clean() {
    let addresses = [
        "https://báo.vn/tiếng việt?x=[1]&y={2}|3^4`5\\6\"7<8>",
        "https://a.vn/?a[]=1&b[c]=2#x[y]",
        "https://a.vn",
        "https://a.vn?x=1",
        "https://A.VN:443/%7ea/../b",
        "http://10.0.0.1:8080/x",
        "http://[::1]:8080/x",
        "http://may_chu.vn/x_y.pdf",
        "http://localhost/x",
        "ftp://a.vn/x",
        "javascript:alert(1)",
        "mailto:a@b.vn",
        "không phải",
        "",
        "https://a.vn/%zz",
        "http://a.vn/x y#z w",
    ];
    for (n, address) in (0..).zip(addresses) {
        let mut odd = article(n);
        let content = &mut odd.content;
        content.url = Some(address.to_owned());
        content.image = Some(address.to_owned());
        content.enclosures = vec![file(address, "t"), file(&format!("{address}?2"), "")];
        content.categories =
            vec![Category { term: "x".to_owned(), scheme: Some(address.to_owned()), label: None }];
        let person =
            |email: &str| Person { name: None, email: Some(email.to_owned()), url: Some(address.to_owned()) };
        content.authors =
            ["a@b", "a@b.vn", "a b@c.vn", "@", "\"a\"@b.vn", "a@báo.vn", "a@b..vn"].map(person).into();
        check(&[odd]);
    }
    for (n, kind) in (0..).zip(["audio/mpeg", "video/mp4; codecs=\"x\"", "x", "a/b c", "", "image/svg+xml"]) {
        let mut odd = article(n);
        odd.content.enclosures = (0..120)
            .map(|k| Enclosure {
                media_type: Some(kind.to_owned()),
                length: Some(k),
                ..file(&format!("https://a.vn/{k}"), "t")
            })
            .collect();
        odd.content.language =
            Some(["vi", "en-US", "x", "tiếng", "vietnamese-language-tag"][n as usize % 5].to_owned());
        check(&[odd]);
    }
}

#[test]
fn any_date_and_any_missing_part_is_clean() {
    let nothing = Content::default();
    for (n, content) in (0..).zip([
        nothing.clone(),
        Content { url: article(1).content.url, ..nothing.clone() },
        Content { title: "Chỉ có tiêu đề".to_owned(), ..nothing.clone() },
        Content { summary: "Chỉ có tóm tắt".to_owned(), ..nothing.clone() },
        Content { title: "dài ".repeat(9_000), summary: "dài <b>".repeat(9_000), ..nothing },
    ]) {
        check(&[Article { content, ..article(n) }]);
    }
    for (offset, precision) in [
        (25_590, Precision::Day),
        (0, Precision::Minute),
        (900_000, Precision::Minute),
        (-12_600, Precision::Day),
    ] {
        let mut dated = article(1);
        dated.published.offset = Offset(offset);
        dated.published.precision = precision;
        dated.published.raw = Some("ngày 30\u{1}/07/2020 <b>".to_owned());
        dated.published.inferred = true;
        dated.updated = dated.published.at.plus(Duration::from_millis(90_500));
        check(&[dated]);
    }
}

#[test]
fn whatever_a_page_says_its_text_is_clean() {
    let mut texts: Vec<String> = [
        "<p>Một<p>hai <b>ba <i>bốn</b> năm</i><table><p>x<tr><td>y</table>",
        "<a href='/tin?x[]=1'>a <a href='b c'>b</a></a><img src=anh.jpg alt='x' srcset='a.jpg 1x, b.jpg 2x'>",
        "<iframe src='https://youtube.com/embed/x'></iframe><video controls><source src=v.mp4></video><audio src=a.mp3>",
        "<font color=red size=7 face=Arial style='mso-x:y'>Word</font><o:p></o:p><center>giữa</center>",
        "<svg onload=alert(1)><script>x</script></svg><math><mi>x</mi></math>",
        "<form><input value=x><button>y</button></form><select><option>z</select>",
        "<h1>t</h1><ul><li>a<ul><li>b</ul><li>c</ul><dl><dt>d<dd>e</dl><hr><pre> a\n b</pre>",
        "R&D &amp; &lt;x&gt; &nbsp;&copy;&#0;&#x85;&unknown; & a&b=c",
        "<details open><summary>s</summary>x</details><ruby>漢<rt>kan</rt></ruby><bdo dir=rtl>x</bdo>",
        "<p title='\"x\"' class=a id=b data-x=1 lang=vi dir=ltr onclick=x tabindex=1 aria-label=y role=z>p</p>",
        "<div><div><p></p><p>&nbsp;</p></div></div><blockquote cite=/x><q>y</q></blockquote><nobr>z</nobr><marquee>",
    ]
    .map(str::to_owned)
    .into();
    if let Some(folder) = shared("data/security") {
        for file in ["xss_owasp", "xss_h5sc", "xss_dompurify", "xss_patt", "sanitize_feedparser"] {
            let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).unwrap();
            gather(&serde_json::from_str(&text).unwrap(), &mut texts);
        }
    }
    for (n, text) in (0..).zip(&texts) {
        let found = findings(feed(), &[with_text(n, text)]);
        assert_eq!(found, [], "{text}");
    }
}

/// Every text of a JSON document.
fn gather(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(all) => all.iter().for_each(|value| gather(value, texts)),
        serde_json::Value::Object(all) => all.values().for_each(|value| gather(value, texts)),
        _ => {}
    }
}

/// Fetches a document of the daemon and expects nothing of the judge.
async fn fetch(world: &World, path: &str, headers: &[(&str, &str)]) {
    let answer = world.send("GET", path, headers, b"").await;
    assert!([200, 226].contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
    let own = answer
        .header("link")
        .and_then(own_address)
        .unwrap_or_else(|| format!("https://tin.example.vn{path}"));
    let now =
        jiff::Timestamp::from_millisecond(loaphuong::clock::Clock::now(&world.clock).as_millis()).unwrap();
    let found = judge(&answer.body, Frame { own: &own, now: now.as_second() });
    assert_eq!(found, [], "{path}: {}", answer.text());
}

/// What the header says of where it is.
fn own_address(link: &str) -> Option<String> {
    let own = link.split(", ").find(|part| part.ends_with("rel=\"self\""))?;
    Some(own.split_once('<')?.1.split_once('>')?.0.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_daemon_serves_is_clean() {
    let extra = "\n[publish]\nautomatic = [\"all\", \"sources\"]\nhub = \"http://127.0.0.1:9/hub\"\n";
    let world = World::with(|config| {
        config.replace(
            "title = \"Tin tức Quận 1\"",
            "title = \"Tin tức <Quận 1>\"\nimage = \"https://tin.example.vn/logo.png\"",
        ) + extra
    })
    .await;
    let before = world.get("/feeds/quan1.atom").await.header("etag").unwrap().to_owned();
    for item in 900..960 {
        world.portal.publish(world.story(item, &format!("Tin số {item} & <b>bạn</b>")));
        if item % 20 == 19 {
            world.tick(Duration::from_secs(300)).await;
        }
    }
    let story = stories::archive(loaphuong::clock::Clock::now(&world.clock))[0].item;
    world.portal.edit(story, |story| story.title = format!("{} (sửa đổi)", story.title));
    world.tick(Duration::from_secs(3600)).await;
    for path in ["/feeds/quan1", "/feeds/all"] {
        for part in [
            "",
            "?q=tin",
            "?q=khongcotrongbai",
            "?q=title:%22s%E1%BB%91+901%22",
            "?category=Kh%C3%B4ng",
            "?limit=1",
            "?limit=500",
            "?content=summary",
            "?since=0",
            "?since=2026-11-23",
        ] {
            for format in ["rss", "atom", "json"] {
                fetch(&world, &format!("{path}.{format}{part}"), &[]).await;
            }
        }
    }
    for path in [
        "/feeds/quan1/archive/50.rss",
        "/feeds/quan1/archive/50.atom",
        "/feeds/quan1/archive/50.json",
        "/feeds/quan1/changes.atom",
        "/opml.xml",
    ] {
        fetch(&world, path, &[]).await;
    }
    fetch(&world, "/feeds/quan1.atom", &[("A-IM", "feed"), ("If-None-Match", &before)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_and_ending_feeds_are_clean() {
    const TOKEN: &str = "5f3c8a1b9d7e4f60a2c1";
    let world = World::with(|config| {
        config.replace(
            "id = \"quan1\"\ntitle",
            &format!("id = \"quan1\"\nprivate = true\ntokens = [\"{TOKEN}\"]\nended = \"soon\"\ntitle"),
        )
    })
    .await;
    for format in ["rss", "atom", "json"] {
        fetch(&world, &format!("/p/{TOKEN}/feeds/quan1.{format}"), &[]).await;
        fetch(&world, &format!("/p/{TOKEN}/feeds/quan1.{format}?q=tin"), &[]).await;
    }
    fetch(&world, &format!("/p/{TOKEN}/feeds/quan1/changes.atom"), &[]).await;
}
