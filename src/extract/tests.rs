//! Tests of the room as a whole: the corpus, the real bytes beside the checkout, hostile bytes.

mod recipe;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use url::Url;

use super::{Document, Found, Kind, Rules, extract};
use crate::model::{Item, Severity};

const SHAREPOINT: &str = include_str!("../../config/platforms/sharepoint-posts.toml");
const LIFERAY: &str = include_str!("../../config/platforms/liferay6.toml");
const FEED: &str = include_str!("../../config/platforms/feed.toml");

fn rules(platform: Option<&str>) -> Rules {
    match platform {
        Some("sharepoint-posts") => recipe::rules(SHAREPOINT),
        Some("liferay6") => recipe::rules(LIFERAY),
        Some("feed") => recipe::rules(FEED),
        Some(other) => panic!("no recipe `{other}`"),
        None => Rules::default(),
    }
}

fn read(bytes: &[u8], url: &str, kind: Kind, rules: &Rules) -> Found {
    let url = Url::parse(url).unwrap();
    extract(&Document { bytes, content_type: None, url: &url }, kind, rules)
}

// === corpus ===

/// Every `*.expect.json` names a file beside it and what must be found in it; keys that are left out are not asked.
#[test]
fn the_corpus_reads_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut checked = 0;
    for folder in ["lists", "pages", "feeds"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".expect.json") {
                check_case(&path);
                checked += 1;
            }
        }
    }
    assert!(checked >= 35, "only {checked} cases found in {}", root.display());
}

fn check_case(path: &Path) {
    let expect: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let file = path.with_file_name(expect["file"].as_str().unwrap());
    let kind = match expect["as"].as_str().unwrap() {
        "list" => Kind::List,
        "article" => Kind::Article,
        _ => Kind::Feed,
    };
    let found = read(
        &std::fs::read(file).unwrap(),
        expect["url"].as_str().unwrap(),
        kind,
        &rules(expect["platform"].as_str()),
    );
    let case = path.file_name().unwrap().to_string_lossy();
    let issues: Vec<String> =
        found.issues.iter().map(|issue| format!("{} at {}", issue.code, issue.at)).collect();
    let issues: Vec<&str> = issues.iter().map(|issue| issue.trim_end_matches(" at ")).collect();
    let wanted: Vec<&str> =
        expect["issues"].as_array().unwrap().iter().map(|issue| issue.as_str().unwrap()).collect();
    assert_eq!(issues, wanted, "{case}: {:?}", found.issues);
    for (key, wanted) in expect.as_object().unwrap() {
        let got = match key.as_str() {
            "format" => Some(&found.format),
            "encoding" => Some(&found.encoding),
            "title" => found.head.title.as_ref(),
            "link" => found.head.link.as_ref(),
            "id" => found.head.id.as_ref(),
            "description" => found.head.description.as_ref(),
            "language" => found.head.language.as_ref(),
            "updated" => found.head.updated.as_ref(),
            _ => continue,
        };
        assert_eq!(got.map(String::as_str), wanted.as_str(), "{case}: {key}");
    }
    let items = expect["items"].as_array().unwrap();
    let titles: Vec<_> = found.items.iter().map(|item| item.title.as_deref()).collect();
    assert_eq!(found.items.len(), items.len(), "{case}: {titles:?}");
    for (item, wanted) in found.items.iter().zip(items) {
        check_item(&case, item, wanted);
    }
}

fn check_item(case: &str, item: &Item, expect: &Value) {
    use unicode_normalization::UnicodeNormalization;
    for (key, wanted) in expect.as_object().unwrap() {
        let content = item.content.as_deref().unwrap_or_default();
        let got = match key.as_str() {
            "content_has" | "content_lacks" => {
                for part in wanted.as_array().unwrap().iter().map(|part| part.as_str().unwrap()) {
                    assert_eq!(
                        content.contains(part),
                        key == "content_has",
                        "{case}: {key} {part}: {content}"
                    );
                }
                continue;
            }
            "authors" => {
                serde_json::json!(item.authors.iter().map(|person| &person.name).collect::<Vec<_>>())
            }
            "categories" => {
                serde_json::json!(item.categories.iter().map(|category| &category.term).collect::<Vec<_>>())
            }
            "enclosures" => {
                serde_json::json!(item.enclosures.iter().map(|file| &file.url).collect::<Vec<_>>())
            }
            "extracted_by" => serde_json::json!(item.extracted_by.to_string()),
            "title" => serde_json::json!(item.title.as_ref().map(|title| title.nfc().collect::<String>())),
            "id" => serde_json::json!(item.id),
            "url" => serde_json::json!(item.url),
            "published" => serde_json::json!(item.published),
            "updated" => serde_json::json!(item.updated),
            "summary" => serde_json::json!(item.summary),
            "content" => serde_json::json!(item.content),
            "content_type" => serde_json::json!(item.content_type),
            "image" => serde_json::json!(item.image),
            "language" => serde_json::json!(item.language),
            "base" => serde_json::json!(item.base),
            other => panic!("{case}: nobody checks `{other}`"),
        };
        assert_eq!(&got, wanted, "{case}: {key} of {:?}", item.title);
    }
}

// === real bytes ===

/// The folder with real pages; `None`, said aloud, where it is not beside the checkout.
fn shared(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = root.ancestors().map(|above| above.join("shared").join(folder)).find(|path| path.exists());
    if found.is_none() {
        println!("skipped: no shared/{folder} beside the checkout");
    }
    found
}

#[test]
fn real_liferay_lists_give_titles_links_and_dates() {
    let Some(folder) = shared("data/pages/sotttt.hanoi.gov.vn") else { return };
    let date = regex::Regex::new(r"^\d{1,2}/\d{1,2}/20\d\d \| \d{1,2}:\d\d [AP]M$").unwrap();
    let check = |page: &str, least: usize| {
        let bytes = std::fs::read(folder.join(page)).unwrap();
        let found = read(
            &bytes,
            &format!("https://sotttt.hanoi.gov.vn/{page}"),
            Kind::List,
            &rules(Some("liferay6")),
        );
        assert!(found.items.len() >= least, "{page}: {:?}", found.issues);
        assert!(
            found.issues.iter().all(|issue| issue.severity == Severity::Info),
            "{page}: {:?}",
            found.issues
        );
        for item in &found.items {
            assert!(
                item.title.as_deref().is_some_and(|title| title.chars().count() > 10),
                "{page}: {item:?}"
            );
            assert!(item.url.as_deref().is_some_and(|url| url.contains("view_content/")), "{page}: {item:?}");
            assert!(item.published.as_deref().is_some_and(|text| date.is_match(text)), "{page}: {item:?}");
            assert!(item.summary.is_some() && item.id.is_some(), "{page}: {item:?}");
        }
    };
    check("vi/tin-tuc-su-kien.html", 18);
    check("en/tin-tuc-su-kien.html", 18);
    check("cong-nghe-thong-tin01ad.html", 10);
}

#[test]
fn real_liferay_articles_give_all_their_fields() {
    let Some(folder) = shared("data/pages/sotttt.hanoi.gov.vn") else { return };
    let mut pages = Vec::new();
    collect(&folder, &mut pages);
    let articles: Vec<_> =
        pages.iter().filter(|path| path.to_string_lossy().contains("view_content")).collect();
    assert!(articles.len() >= 20, "{} pages", articles.len());
    for path in articles {
        let found = read(
            &std::fs::read(path).unwrap(),
            "https://sotttt.hanoi.gov.vn/x",
            Kind::Article,
            &rules(Some("liferay6")),
        );
        let [item] = found.items.as_slice() else { panic!("{}: {:?}", path.display(), found.issues) };
        let name = path.file_name().unwrap().to_string_lossy();
        assert_eq!(item.id.as_deref(), name.split('-').next(), "{name}");
        assert!(
            item.title.is_some() && item.published.is_some(),
            "{name}: {:?} {:?}",
            item.title,
            item.published
        );
        assert_eq!(item.extracted_by.to_string(), "recipe", "{name}");
        let content = item.content.as_deref().unwrap();
        assert!(!content.contains("related_asset") && !content.contains("taglib"), "{name}: {content}");
    }
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            into.push(path);
        }
    }
}

#[test]
fn pages_without_a_recipe_give_their_text() {
    let Some(folder) = shared("data/articles") else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let (mut precision, mut recall, mut pages) = (0.0, 0.0, 0.0);
    for (key, wanted) in expected.as_object().unwrap() {
        let packed = std::fs::File::open(folder.join(format!("{key}.html.gz"))).unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut bytes).unwrap();
        let url = wanted["url"].as_str().unwrap_or("http://example.com/");
        let found = read(&bytes, url, Kind::Article, &Rules::default());
        let content = found.items.first().and_then(|item| item.content.clone()).unwrap_or_default();
        let text = super::dom::text(scraper::Html::parse_fragment(&content).root_element());
        let (got, reference) = (shingles(&text), shingles(wanted["articleBody"].as_str().unwrap()));
        let both: f64 = got.iter().map(|(gram, n)| n.min(*reference.get(gram).unwrap_or(&0.0))).sum();
        precision += if got.is_empty() { 0.0 } else { both / got.values().sum::<f64>() };
        recall += if reference.is_empty() { 1.0 } else { both / reference.values().sum::<f64>() };
        pages += 1.0;
    }
    let (precision, recall) = (precision / pages, recall / pages);
    let f1 = 2.0 * precision * recall / (precision + recall);
    println!("{pages} pages: precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}");
    assert!(f1 >= 0.97, "F1 {f1:.4}");
}

/// Runs of four words, counted.
fn shingles(text: &str) -> std::collections::HashMap<Vec<String>, f64> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let mut counts = std::collections::HashMap::new();
    for gram in words.windows(4.min(words.len().max(1))) {
        *counts.entry(gram.to_vec()).or_insert(0.0) += 1.0;
    }
    counts
}

#[test]
fn xml_bombs_do_nothing() {
    let Some(file) = shared("data/security/xml_bombs.json") else { return };
    let bombs: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let cases = bombs.as_array().or_else(|| bombs["cases"].as_array()).unwrap();
    for xml in cases.iter().filter_map(|case| case["xml"].as_str()) {
        let found = read(xml.as_bytes(), "http://127.0.0.1:9/feed", Kind::Feed, &Rules::default());
        let title = found.head.title.unwrap_or_default();
        assert!(title.len() < 100 && !title.contains('\0') && !title.contains("<script"), "{xml}: {title}");
    }
}

// === hostile bytes ===

#[test]
fn large_and_deep_feeds_stay_linear() {
    let many = |open: &str, inner: &str, n: usize, close: &str| format!("{open}{}{close}", inner.repeat(n));
    let rss = "<rss version='2.0'><channel>";
    let levels: String = (1..30).map(|n| format!("<!ENTITY l{n} \"&l{};&l{};\">", n - 1, n - 1)).collect();
    let laughs =
        format!("<!DOCTYPE rss [<!ENTITY l0 \"ha\">{levels}]>{rss}<title>&l29;</title></channel></rss>");
    let documents = [
        laughs,
        many(rss, "<a>", 100_000, ""),
        many(rss, "<item>", 100_000, ""),
        many(&format!("{rss}<item "), "a='1' ", 200_000, "/>"),
        many(&format!("{rss}<item><title>"), "<x", 200_000, "</title></item>"),
        many(&format!("{rss}<item><title>"), "&lt;x ", 200_000, "&gt;</title></item>"),
        many(rss, "<a b='", 100_000, ""),
        many(rss, "<!--", 200_000, ""),
        many(rss, "<![CDATA[", 100_000, ""),
        many(&format!("<rss xml:base='http://{}/'>", "a".repeat(5000)), "<a/>", 100_000, ""),
        many(rss, "</a>", 200_000, ""),
        many("{\"items\":", "[", 100_000, ""),
        many("{\"items\":[", "{\"id\":\"\\ud800\"},", 50_000, "]}"),
    ];
    for document in documents {
        let found = read(document.as_bytes(), "http://example.com/", Kind::Feed, &Rules::default());
        assert!(found.items.len() <= super::DEFAULT_MAX_ITEMS);
        assert!(found.head.title.unwrap_or_default().len() < 100);
    }
}

#[test]
fn more_items_than_allowed_are_said_and_not_read() {
    let items = "<item><title>t</title><link>http://example.com/</link></item>".repeat(7);
    let feed = format!("<rss version='2.0'><channel>{items}</channel></rss>");
    let cells: String =
        (0..7).map(|n| format!("<td class='TitleFront'><a href='/{n}'>t{n}</a></td>")).collect();
    let page = format!("<table><tr>{cells}</tr></table>");
    let check = |document: &str, kind: Kind, most: usize, count: usize, said: bool| {
        let rules = Rules { max_items: most, ..rules(Some("sharepoint-posts")) };
        let found = read(document.as_bytes(), "http://example.com/", kind, &rules);
        assert_eq!(found.items.len(), count);
        assert_eq!(found.issues.iter().any(|issue| issue.code == "too-many-items"), said);
    };
    check(&feed, Kind::Feed, 7, 7, false);
    check(&feed, Kind::Feed, 6, 6, true);
    check(&page, Kind::List, 7, 7, false);
    check(&page, Kind::List, 6, 6, true);
}

#[test]
fn platforms_and_kinds_are_recognized() {
    use std::sync::Arc;
    let platforms: Vec<_> =
        ["sharepoint-posts", "liferay6"].map(|name| (name.to_owned(), Arc::new(rules(Some(name))))).into();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let url = Url::parse("https://example.com/").unwrap();
    let check = |file: &str, platform: Option<&str>, kind: Kind| {
        let bytes = std::fs::read(root.join(file)).unwrap();
        let found = super::detect(&String::from_utf8_lossy(&bytes), &platforms);
        assert_eq!(found.map(|(name, _)| name.as_str()), platform, "{file}");
        let rules = found.map(|(_, rules)| Rules::clone(rules)).unwrap_or_default();
        assert_eq!(
            super::kind_of(&Document { bytes: &bytes, content_type: None, url: &url }, &rules),
            kind,
            "{file}"
        );
    };
    check("lists/sharepoint-cells-twice.html", Some("sharepoint-posts"), Kind::List);
    check("pages/sharepoint-article.html", Some("sharepoint-posts"), Kind::Article);
    check("lists/liferay6.html", Some("liferay6"), Kind::List);
    check("pages/liferay6-print.html", Some("liferay6"), Kind::Article);
    check("pages/json-ld.html", None, Kind::Article);
    check("feeds/rss-without-version.xml", None, Kind::Feed);
    check("feeds/json-1.1.json", None, Kind::Feed);
    check("feeds/rss-1.0.xml", None, Kind::Feed);
}

/// Bytes that look like something: tags, quotes, entities, escapes in any order.
fn markup_like() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "<rss version='2.0'>",
        "<channel>",
        "<item>",
        "</item>",
        "<title>",
        "</title>",
        "<td class='TitleFront'>",
        "<tr>",
        "<table>",
        "<a href='/post.aspx?ItemID=1'>",
        "<div class='ExternalClassAB'>",
        "</div>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "&amp;",
        "&#x110000;",
        "&",
        "<",
        ">",
        "\"",
        "{\"items\":[",
        "\"\\ud8",
        "\\",
        "}",
        "<base href='",
        "<script type='application/ld+json'>{\"@type\":\"Article\"",
        "<meta charset=viscii>",
        "<link rel=canonical href='http://[",
        "ậ",
        "\u{0}",
        " ",
        "12/07/2020",
        "<author>“a@b.vn”",
        "xml:base='::'",
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_are_read_without_panic(bytes in markup_like()) {
        static RULES: LazyLock<[Rules; 3]> = LazyLock::new(|| [None, Some("sharepoint-posts"), Some("liferay6")].map(rules));
        for rules in RULES.iter() {
            for kind in [Kind::Feed, Kind::List, Kind::Article] {
                let found = read(&bytes, "http://example.com/a/", kind, rules);
                prop_assert!(!found.items.is_empty() || !found.issues.is_empty() || kind == Kind::Feed);
            }
        }
    }
}

#[test]
fn a_list_that_no_recipe_fits_still_names_its_feed_and_its_items() {
    let page = r#"<html><head><link rel=alternate type=application/rss+xml href=/rss><script type="application/ld+json">
        {"@context": "https://schema.org", "@graph": [{"@type": "ItemList", "itemListElement": [
            {"@type": "ListItem", "position": 1, "url": "/1"}, {"@type": "ListItem", "item": "/2"},
            {"@type": "ListItem", "item": {"@id": "/3"}}, {"@type": "ListItem"}, 4]}]}</script></head><body>Tin</body></html>"#;
    let found = read(page.as_bytes(), "https://a.vn/", Kind::List, &Rules::default());
    let links: Vec<_> =
        found.head.links.iter().map(|link| (link.rel.as_deref().unwrap(), link.href.as_str())).collect();
    assert_eq!(links, [("alternate", "/rss"), ("item", "/1"), ("item", "/2"), ("item", "/3")]);
    let page = page.replace("ItemList", "BreadcrumbList");
    let found = read(page.as_bytes(), "https://a.vn/", Kind::List, &Rules::default());
    assert_eq!(found.issues[0].code, "no-recipe");
    assert!(found.issues[0].message.contains("feeds of its own: 1"), "{}", found.issues[0].message);
}

#[test]
fn the_markup_of_an_element_comes_back_as_it_was_read() {
    let html = "<p>a &amp; b&nbsp;&lt;c&gt; «d»<br><img src=\"x?a=1&amp;b=&quot;\"><script>if (a && b < c) {}</script></p>";
    let page = scraper::Html::parse_fragment(html);
    assert_eq!(super::dom::inner_html(page.root_element()), page.root_element().inner_html());
    assert_eq!(super::dom::inner_html(page.root_element()), html);
}

#[test]
fn feeds_of_every_format_name_their_hub_and_themselves() {
    let links = |document: &str| -> Vec<(String, String)> {
        let found = read(document.as_bytes(), "https://a.vn/feed", Kind::Feed, &Rules::default());
        let links = found.head.links.into_iter().map(|link| (link.rel.unwrap_or_default(), link.href));
        links.filter(|(rel, _)| rel == "hub" || rel == "self").collect()
    };
    let both =
        [("hub".to_owned(), "https://h/".to_owned()), ("self".to_owned(), "https://a.vn/feed".to_owned())];
    let named = "<atom:link rel='hub' href='https://h/'/><atom:link rel='self' href='https://a.vn/feed'/>";
    let rss = format!(
        "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>{named}</channel></rss>"
    );
    assert_eq!(links(&rss), both);
    let atom = format!("<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>", named.replace("atom:", ""));
    assert_eq!(links(&atom), both);
    let json = r#"{"version": "https://jsonfeed.org/version/1.1", "items": [], "feed_url": "https://a.vn/feed", "hubs": [
        {"type": "rssCloud", "url": "https://cloud/"}, {"type": "WebSub"}, 4, {"type": "WebSub", "url": "https://h/"}]}"#;
    let mut found = links(json);
    found.sort();
    assert_eq!(found, both);
}
