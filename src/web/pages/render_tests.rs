use minijinja::Value;

use super::*;
use crate::{
    model::{Article, Precision},
    web::pages::{
        sample,
        view::{ArticleView, FeedView, Headline, HubView},
    },
};

fn frame(uri: &str) -> Frame {
    Frame::of(&uri.parse().unwrap(), &HeaderMap::new(), "https://tin.example")
}

fn index(uri: &str, article: &Article) -> String {
    let settings = sample::settings();
    let frame = frame(uri);
    let feeds: Vec<_> = settings.feeds.iter().map(|feed| FeedView::of(feed, &settings.base_url)).collect();
    let news = [Headline::of(article, &settings, frame.language)];
    let sources: [Value; 0] = [];
    frame.html("index.html", context! { feeds, news, sources, hub => (), ready => true }).unwrap()
}

fn page(uri: &str, article: &Article) -> String {
    let settings = sample::settings();
    let frame = frame(uri);
    let feeds: Vec<_> = settings.feeds.iter().map(|feed| FeedView::of(feed, &settings.base_url)).collect();
    let article = ArticleView::of(article, &settings, frame.language);
    let same: [Value; 0] = [];
    frame.html("article.html", context! { feeds, article, same }).unwrap()
}

fn contains(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "{part} is not in\n{html}");
    }
}

#[test]
fn both_languages_say_the_same_things() {
    let words: toml::Table = toml::from_str(include_str!("../../../templates/words.toml")).unwrap();
    let keys = |lang: &str| words[lang].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys("vi"), keys("en"));
    for uri in ["/?lang=vi", "/?lang=en"] {
        for message in ["not_found", "withdrawn", "broken"] {
            frame(uri).html("message.html", context! { message, near => "quan1" }).unwrap();
        }
    }
}

#[test]
fn the_index_leads_readers_and_programs_to_the_feed() {
    let vietnamese = index("/", &sample::article());
    contains(
        &vietnamese,
        &[
            "<html lang=\"vi\">",
            "<h1>Tin của phường, đến với mọi người</h1>",
            "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Tin tức Quận 1 (Atom)\" href=\"https://tin.example/feeds/quan1.atom\">",
            "href=\"./assets/style.css?v=",
            "<time datetime=\"2020-07-30T17:12:00+07:00\">30/07/2020 17:12</time>",
        ],
    );
    let first = vietnamese.find("application/atom+xml").unwrap();
    assert!(first < vietnamese.find("application/rss+xml").unwrap());
    let english = index("/?lang=en", &sample::article());
    contains(&english, &["<html lang=\"en\">", "Latest news", "?lang=en\" lang=\"vi\">"]);
}

#[test]
fn the_index_says_how_a_hub_is_that_is_not_ours() {
    use crate::publish::{
        Other, Watch,
        canary::{State, Status, Watched},
    };
    let states = [
        State::Asked,
        State::Unverified,
        State::Subscribed,
        State::Delivering,
        State::Late,
        State::Missing,
        State::Silent,
    ];
    let words: toml::Table = toml::from_str(include_str!("../../../templates/words.toml")).unwrap();
    for (state, is_replaced) in states.into_iter().zip([false, true].into_iter().cycle()) {
        let known = crate::store::conformance::samples::canary("quan1");
        let hub = Other {
            address: "https://hub.example/".to_owned(),
            watch: Watch::Off,
            stand_in: None,
            is_replaced,
        };
        let status =
            Status { hub, untold: None, watched: Some(Watched { state, known, waiting: Vec::new() }) };
        let none: [Value; 0] = [];
        let hub = HubView::of(&status);
        let page = context! { feeds => none, news => none, sources => none, hub, ready => true };
        let html = frame("/?lang=vi").html("index.html", page).unwrap();
        let word = |name: &str| words["vi"][name].as_str().unwrap().to_owned();
        contains(&html, &["hub.example", &word(&format!("hub_{}", state.name()))]);
        assert_eq!(html.contains(&word("hub_replaced")), is_replaced);
    }
}

#[test]
fn nothing_breaks_out_of_an_attribute() {
    let hostile = "\"'><img src=x onerror=alert(1)>&amp;";
    let mut settings = sample::settings();
    settings.feeds[0].title = hostile.to_owned();
    let feed = FeedView::of(&settings.feeds[0], &settings.base_url);
    let news: [Value; 0] = [];
    let html = frame("/feeds/x").html("feed.html", context! { feed, news, ready => true }).unwrap();
    assert!(!html.contains("<img src=x"), "{html}");
    contains(&html, &["title=\"&quot;&#39;&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp; (Atom)\""]);
}

#[test]
fn titles_are_text_on_every_page() {
    let article = sample::article();
    for html in [index("/", &article), page("/articles/x", &article)] {
        assert!(!html.contains("<script>alert"), "{html}");
        contains(&html, &["&lt;script&gt;alert(1)&lt;"]);
    }
}

#[test]
fn an_article_shows_its_text_its_files_and_where_it_is_from() {
    let article = sample::article();
    let html = page("/articles/x?lang=en", &article);
    contains(
        &html,
        &[
            article.content.html.as_str(),
            "Ke hoach.pdf</a>",
            "(PDF, 82 kB)",
            "30 July 2020, 17:12",
            "First seen <time datetime=\"2020-07-30T17:20:00+07:00\">",
            "updated <time datetime=\"2020-07-31T08:00:00+07:00\">31 July 2020, 08:00</time> (revision 2)",
            "<link rel=\"canonical\" href=\"http://quan1.example",
            "href=\"../assets/style.css?v=",
        ],
    );
    assert!(!html.contains("javascript:"), "an image's address was not checked\n{html}");
}

#[test]
fn a_day_is_shown_as_a_day() {
    let mut article = sample::article();
    article.published.precision = Precision::Day;
    contains(&index("/", &article), &["<time datetime=\"2020-07-30\">30/07/2020</time>"]);
}

#[test]
fn a_guessed_date_is_said_to_be_one() {
    let mut article = sample::article();
    article.published.inferred = true;
    contains(&page("/articles/x?lang=en", &article), &["the source gives no date"]);
    assert!(!page("/articles/x?lang=en", &sample::article()).contains("the source gives no date"));
}

#[test]
fn an_article_without_a_text_shows_its_summary_and_says_so() {
    let mut article = sample::article();
    article.content.html = Default::default();
    contains(&page("/articles/x?lang=en", &article), &[&article.content.summary, "Only the summary"]);
}

#[test]
fn pages_are_not_sent_twice_and_framed_nowhere() {
    let uri: Uri = "/".parse().unwrap();
    let first = frame("/").message(StatusCode::OK, "not_found", None);
    let tag = first.headers()[header::ETAG].clone();
    assert_eq!(first.headers()[header::X_FRAME_OPTIONS], "DENY");
    assert_eq!(first.headers()[header::VARY], "Accept-Language");
    let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
    let again = Frame::of(&uri, &headers, "https://tin.example");
    assert_eq!(again.message(StatusCode::OK, "not_found", None).status(), StatusCode::NOT_MODIFIED);
    let refused = again.message(StatusCode::NOT_FOUND, "not_found", None);
    assert_eq!((refused.status(), refused.headers().get(header::ETAG)), (StatusCode::NOT_FOUND, None));
}

#[test]
fn every_page_finds_its_way_back() {
    let table = [("/", "."), ("/x", "."), ("/feeds/x", ".."), ("/a/b/c", "../.."), ("", ".")];
    for (path, expected) in table {
        assert_eq!(root(path), expected, "{path}");
    }
    assert!(root(&"/".repeat(10_000)).len() < 100);
}
