//! How long it takes to render a feed of fifty items: composed, written, and read again strictly.
//!
//! `cargo bench --bench render`

use std::{sync::Arc, time::Duration};

use loaphuong::{
    model::{
        Article, ArticleId, Content, Date, Digest, IdentityKey, Offset, Precision, Revision, Status,
        Timestamp,
    },
    publish::{Feed, Format, Settings},
};

fn main() {
    divan::main();
}

#[divan::bench(args = [Format::Rss, Format::Atom, Format::Json])]
fn fifty_items(bencher: divan::Bencher<'_, '_>, format: Format) {
    let settings = settings();
    let articles: Vec<_> = (0..50).rev().map(|n| Arc::new(article(n))).collect();
    let feed = &settings.feeds[0];
    bencher.bench(|| loaphuong::publish::render(&settings, feed, &articles, format));
}

fn settings() -> Settings {
    let feed = Feed::new(
        "quan1".parse().expect("a valid id"),
        "Tin tức Quận 1",
        vec!["quan1".parse().expect("a valid id")],
    );
    Settings {
        base_url: "https://tin.example.vn".to_owned(),
        feeds: vec![feed],
        sources: Vec::new(),
        min_age: Duration::from_secs(60),
        max_age: Duration::from_secs(300),
        hub: None,
    }
}

/// About 5 kB of text that has to be escaped here and there. It stands in the summary, because only the
/// sanitizer makes the markup of a full text.
fn article(n: i64) -> Article {
    let source = "quan1".parse().expect("a valid id");
    let at = Timestamp::from_second(1_596_103_200 + 3_600 * n);
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item(n.to_string())),
        revision: Revision::FIRST,
        source,
        first_seen: at,
        published: Date {
            at,
            offset: Offset(7 * 3_600),
            precision: Precision::Minute,
            raw: None,
            inferred: false,
        },
        updated: at,
        digest: Digest::default(),
        status: Status::Live,
        content: Content {
            url: Some(format!(
                "http://www.quan1.hochiminhcity.gov.vn/tintuc/lists/posts/post.aspx?ItemID={n}&x=1"
            )),
            title: "Thông báo về việc tiếp nhận hồ sơ & trả kết quả tại Ủy ban nhân dân Quận 1".to_owned(),
            summary: "<p>Sáng 30/7, Ủy ban nhân dân Quận 1 tổ chức hội nghị & \"sơ kết\".</p> ".repeat(50),
            ..Content::default()
        },
    }
}
