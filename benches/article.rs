//! Article page → normalized article, and the whole way to its shingles, beside `scraper`'s bare parse of the same bytes;
//! and a list of a hundred items: `cargo bench --bench article`.
//! Set `LOA_PAGES` to a folder of saved pages to measure those; a page written by us otherwise.

use divan::{Bencher, black_box};
use loaphuong::{
    config, dedup,
    extract::{self, Document, Kind},
    model::{Draft, Timestamp},
    normalize,
};
use url::Url;

fn main() {
    divan::main();
}

/// Every page, and all of its rules: (bytes, platform).
fn pages() -> Vec<Vec<u8>> {
    let Some(folder) = std::env::var_os("LOA_PAGES") else { return vec![written_by_us()] };
    let mut pages = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("LOA_PAGES is a folder") {
            let path = entry.expect("LOA_PAGES can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html")
                && path.to_string_lossy().contains("view_content")
            {
                pages.push(std::fs::read(path).expect("a page can be read"));
            }
        }
    }
    pages
}

/// An article of a Liferay 6 portal, with as much furniture around it as the real ones have.
fn written_by_us() -> Vec<u8> {
    let link = |n: usize| {
        format!("<li class=\"menu-item\"><a href=\"/muc-{n}\"><span>Chuyên mục số {n}</span></a></li>")
    };
    let menu: String = (0..250).map(link).collect();
    let paragraph = "<p style=\"text-align: justify\"><span style=\"font-size:14px\">Đại hội đã thảo luận thông qua \
        41 chỉ tiêu, 7 nhiệm vụ và giải pháp chủ yếu để xây dựng, phát triển quận&nbsp;trong những năm tới.</span></p>";
    format!(
        "<!DOCTYPE html><html lang=vi><head><meta charset=utf-8><title>Tin tức</title></head><body><ul>{menu}</ul>\
        <div class=\"asset-full-content\"><h1 class=\"asset-full-content-title\">Đại hội thông qua 41 chỉ tiêu</h1>\
        <div class=\"assetPublishDate block_timer\">Ngày đăng 24/08/2022 | 04:30 PM | View count: 8</div>\
        <div class=\"asset-content\" id=\"_101_4430300\"><p class=\"sapo\"><strong>Ba ngày làm việc.</strong></p>\
        <div class=\"journal-content-article\">{}</div></div></div><ul>{menu}</ul></body></html>",
        paragraph.repeat(40)
    )
    .into_bytes()
}

#[divan::bench]
fn bare_parse(bencher: Bencher<'_, '_>) {
    let texts: Vec<_> =
        pages().into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    bencher.bench_local(|| {
        for text in &texts {
            black_box(scraper::Html::parse_document(text));
        }
    });
}

/// A news section of a hundred items, between the menus.
fn list_of_a_hundred() -> String {
    let item = |n: usize| {
        format!(
            "<div class=\"asset-bounddary\"><div class=\"asset-abstract\"><div class=\"asset-content normal-news\">\
            <div class=\"asset-image\"><a href=\"tin-tuc-su-kien/-/view_content/{n}-tin.html\"><img src=\"/image/journal/article?img_id={n}&amp;t=1\"></a></div>\
            <div class=\"asset-content-custom\"><h3 class=\"asset-title\"><a href=\"tin-tuc-su-kien/-/view_content/{n}-tin.html\">Đại hội thông qua {n} chỉ tiêu</a></h3>\
            <div class=\"assetPublishDate block_timer\"> Ngày đăng 24/08/2022 | 04:30 PM &nbsp;|&nbsp;View count: 8 </div>\
            <div class=\"asset-summary\"> Đại hội đã thảo luận thông qua {n} chỉ tiêu, 7 nhiệm vụ và giải pháp chủ yếu. </div></div></div></div></div>"
        )
    };
    let items: String = (4_430_000..4_430_100).map(item).collect();
    String::from_utf8_lossy(&written_by_us()).replacen(
        "<div class=\"asset-full-content\">",
        &format!("<div class=\"portlet-asset-publisher\">{items}</div><div class=\"asset-full-content\">"),
        1,
    )
}

#[divan::bench]
fn list_page_of_100_items(bencher: Bencher<'_, '_>) {
    let url: Url = "https://sotttt.hanoi.gov.vn/tin-tuc-su-kien".parse().expect("a fine URL");
    let (rules, normal, names) = config::recipe("liferay6").expect("the recipe is built in");
    let (page, fetched) = (list_of_a_hundred(), Timestamp::from_second(1_700_000_000));
    bencher.bench_local(|| {
        let document =
            Document { bytes: page.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
        let found = extract::extract(&document, Kind::List, &rules);
        assert_eq!(found.items.len(), 100);
        let context = normalize::Context { rules: &normal, base: &url, fetched };
        for item in found.items {
            let (draft, _) = normalize::normalize(item, &context);
            black_box((dedup::keys(&draft, &names, &url), dedup::listed(&draft)));
        }
    });
}

/// With everything that is done before an article is recorded.
#[divan::bench]
fn labeled_article(bencher: Bencher<'_, '_>) {
    normalized(bencher, |draft, wording, fetched| {
        let document = normalize::official(&draft.content.title, &wording.plain);
        black_box(dedup::similar::signature(&draft.content, wording, fetched, document.as_ref()));
    });
}

#[divan::bench]
fn normalized_article(bencher: Bencher<'_, '_>) {
    normalized(bencher, |_, _, _| ());
}

/// From the bytes of the pages to drafts with keys and digests, and what `then` makes of each.
fn normalized(bencher: Bencher<'_, '_>, then: impl Fn(&Draft, &dedup::Wording, Timestamp)) {
    let url: Url = "https://sotttt.hanoi.gov.vn/tin-tuc-su-kien/-/view_content/4430300-x.html"
        .parse()
        .expect("a fine URL");
    let (rules, normal, names) = config::recipe("liferay6").expect("the recipe is built in");
    let (pages, fetched) = (pages(), Timestamp::from_second(1_700_000_000));
    bencher.bench_local(|| {
        for bytes in &pages {
            let document = Document { bytes, content_type: Some("text/html; charset=utf-8"), url: &url };
            let mut found = extract::extract(&document, Kind::Article, &rules);
            let context = normalize::Context { rules: &normal, base: &url, fetched };
            let (draft, _) = normalize::normalize(found.items.remove(0), &context);
            let wording = dedup::Wording::of(&draft.content);
            black_box((dedup::keys(&draft, &names, &url), dedup::digest(&draft.content, &wording)));
            then(&draft, &wording, fetched);
        }
    });
}

/// The same pages as if nobody had written a recipe for them.
#[divan::bench]
fn main_text(bencher: Bencher<'_, '_>) {
    let url: Url = "https://p.example/tin/4430300.html".parse().expect("a fine URL");
    let (pages, rules) = (pages(), extract::Rules::default());
    bencher.bench_local(|| {
        for bytes in &pages {
            let document = Document { bytes, content_type: Some("text/html; charset=utf-8"), url: &url };
            black_box(extract::extract(&document, Kind::Article, &rules));
        }
    });
}
