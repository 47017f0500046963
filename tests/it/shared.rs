//! Real pages, where they are at hand: third-party material that is not part of this repository. Without it these
//! tests pass and say what they skipped.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The folder `shared` beside the checkout, or above it.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = root.ancestors().map(|folder| folder.join("shared").join(part)).find(|path| path.exists());
    if found.is_none() {
        println!("skipped: there is no shared/{part} beside this checkout");
    }
    found
}

/// What `loa extract --json` says of a file.
fn extract(kind: &str, platform: &str, url: &str, file: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_loa"))
        .args(["extract", "--json", "--as", kind, "--platform", platform, "--url", url])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The pages of the Hanoi department: (original address, file), from the list of sources.
fn hanoi(pages: &Path) -> Vec<(String, PathBuf)> {
    let sources = std::fs::read_to_string(pages.join("SOURCES.md")).unwrap();
    let rows = sources.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let file = cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?;
        let url = cells.nth(1)?;
        Some((format!("https://{url}"), pages.join("sotttt.hanoi.gov.vn").join(file)))
    });
    rows.filter(|(url, file)| url.contains("hanoi.gov.vn") && file.exists()).collect()
}

fn strongest(url: &str, file: &Path) -> String {
    let found = extract("article", "liferay6", url, file);
    found["items"][0]["keys"][0].as_str().unwrap_or_else(|| panic!("{url}: {found}")).to_owned()
}

#[test]
fn a_real_list_gives_titles_links_and_dates() {
    let Some(pages) = shared("data/pages") else { return };
    for path in ["vi/tin-tuc-su-kien.html", "en/tin-tuc-su-kien.html", "cong-nghe-thong-tin01ad.html"] {
        let file = pages.join("sotttt.hanoi.gov.vn").join(path);
        let found = extract("list", "liferay6", "https://sotttt.hanoi.gov.vn/vi/tin-tuc-su-kien", &file);
        let items = found["items"].as_array().unwrap();
        assert!(items.len() >= 8, "{path}: {} items: {}", items.len(), found["issues"]);
        for item in items {
            assert!(item["title"].as_str().is_some_and(|title| title.chars().count() > 10), "{path}: {item}");
            assert!(item["url"].as_str().is_some_and(|url| url.starts_with("https://")), "{path}: {item}");
            assert!(
                item["published"].as_str().is_some_and(|date| date.ends_with("+07:00")),
                "{path}: {item}"
            );
        }
    }
}

#[test]
fn every_address_of_an_article_gives_one_identity() {
    let Some(pages) = shared("data/pages") else { return };
    let pages = hanoi(&pages);
    for (number, n_urls) in [("4417996", 6), ("3857154", 6)] {
        let aliases: Vec<_> = pages.iter().filter(|(url, _)| url.contains(number)).collect();
        assert_eq!(aliases.len(), n_urls);
        let mut keys: Vec<_> = aliases.iter().map(|(url, file)| strongest(url, file)).collect();
        keys.dedup();
        assert_eq!(keys.len(), 1, "{number}: {keys:?}");
        // The print page has nothing around the article: what the others have more would be furniture.
        let whole = |(url, file): &&(String, PathBuf)| {
            let item = extract("article", "liferay6", url, file)["items"][0].clone();
            let n_images = item["content_html"].as_str().unwrap().matches("<img").count();
            (item["title"].clone(), item["content_text"].clone(), n_images, item["published"].clone())
        };
        let mut said: Vec<_> = aliases.iter().map(whole).collect();
        said.dedup();
        assert_eq!(said.len(), 1, "{number}: {said:?}");
    }
}

#[test]
fn reposts_and_equal_titles_stay_apart() {
    let Some(pages) = shared("data/pages") else { return };
    let pages = hanoi(&pages);
    let mut keys: Vec<_> = ["690393", "704298", "690033", "704199"]
        .iter()
        .map(|number| {
            let (url, file) = pages.iter().find(|(url, _)| url.contains(number)).unwrap();
            strongest(url, file)
        })
        .collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "{keys:?}");
}

#[test]
fn real_articles_have_text_without_the_sites_furniture() {
    let Some(pages) = shared("data/pages") else { return };
    let mut n_articles = 0;
    for (url, file) in hanoi(&pages).iter().filter(|(url, _)| url.contains("view_content")) {
        let found = extract("article", "liferay6", url, file);
        let item = &found["items"][0];
        let text = item["content_text"].as_str().unwrap_or_default();
        assert!(item["title"].as_str().is_some_and(|title| !title.is_empty()), "{url}");
        assert!(text.chars().count() > 40, "{url}: {text}");
        assert!(!text.contains("View count") && !text.contains("Lượt xem"), "{url}: {text}");
        assert!(
            item["language"].as_str().is_some_and(|language| language.starts_with("vi")),
            "{url}: {item}"
        );
        n_articles += 1;
    }
    assert!(n_articles >= 20, "{n_articles}");
}

#[test]
fn the_seed_page_is_read_as_a_person_reads_it() {
    let Some(seed) = shared("seed/quan1-news-page.txt") else { return };
    let seed = std::fs::read_to_string(seed).unwrap();
    // The page's text, set in the structure of its platform.
    let (article, rest) = seed.split_once("Các Tin tức - Sự kiện đã đưa").unwrap();
    let mut lines = article.lines().map(str::trim).filter(|line| !line.is_empty());
    let title = lines.by_ref().find(|line| line.chars().count() > 40).unwrap().to_owned();
    let body: String = lines.map(|line| format!("<p>{line}</p>")).collect();
    let earlier: String = rest
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with(')'))
        .enumerate()
        .map(|(n, line)| {
            format!("<div>&nbsp;&nbsp; <a href=\"/tintuc/lists/posts/post.aspx?ItemID={n}\">{line}</a></div>")
        })
        .collect();
    let page = format!(
        "<html><head><meta charset=utf-8></head><body><table><tr><td class=TitleNews>{title}</td></tr>\
         <tr><td><div class=\"ExternalClass0123456789ABCDEF0123456789ABCDEF\">{body}</div></td></tr></table>\
         <div><b>Các Tin tức - Sự kiện đã đưa</b>{earlier}</div>\
         <div>Xem bài viết theo ngày<table class=rcTable><caption>RadDatePicker</caption><tr><td>\
         <a title=\"Open the calendar popup.\" href=\"#\">Open the calendar popup.</a></td></tr></table></div></body></html>"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.html");
    std::fs::write(&file, page).unwrap();
    let url = "http://www.quan1.hochiminhcity.gov.vn/tintuc/lists/posts/post.aspx?ItemID=651&Mode=1";

    let article = extract("article", "sharepoint-posts", url, &file);
    let item = &article["items"][0];
    assert_eq!(item["title"], title.as_str());
    let text = item["content_text"].as_str().unwrap();
    assert!(
        text.contains("296 đại biểu") && text.contains("khoá XII") && text.contains("khóa XII"),
        "as the author wrote it"
    );
    for noise in ["RadDatePicker", "calendar popup", "đã đưa", "17:12 - 30/07/2020"] {
        assert!(!text.contains(noise), "`{noise}` is in the text");
    }
    assert_eq!(item["authors"][0]["name"], "T.X");

    let list = extract("list", "sharepoint-posts", url, &file);
    let earlier: Vec<_> = list["items"].as_array().unwrap().iter().collect();
    assert_eq!(earlier.len(), 3, "{list}");
    assert_eq!(earlier[1]["title"], "Đồng chí Trần Kim Yến tái đắc cử Bí thư Quận ủy Quận 1");
    assert_eq!(earlier[1]["published"], "2020-07-30T17:12:00+07:00");
    assert_eq!(earlier[2]["published"], "2020-07-27T15:28:00+07:00");
}
