//! What tests show on pages.

use crate::{
    model::{
        Article, ArticleId, Category, Content, Date, Enclosure, Html, IdentityKey, Offset, Person, Precision,
        Revision,
    },
    publish::{Feed, Settings, SourceInfo},
};

/// Hostile text that is still a title.
pub(in crate::web) const TITLE: &str = "Quận 1 & <script>alert(1)</script> \"Phường Bến Nghé\"";

pub(in crate::web) fn settings() -> Settings {
    Settings {
        base_url: "https://tin.example".into(),
        feeds: vec![Feed {
            description: "Tin tức và sự kiện từ trang của Quận 1".into(),
            home: Some("http://quan1.example/tintuc".into()),
            ..Feed::new("quan1".parse().unwrap(), "Tin tức Quận 1", vec!["quan1".parse().unwrap()])
        }],
        sources: vec![SourceInfo {
            id: "quan1".parse().unwrap(),
            name: "Quận 1 – Tin tức - Sự kiện".into(),
            home: "http://quan1.example/tintuc".into(),
            feed: None,
            interval: std::time::Duration::from_secs(300),
        }],
        hub: None,
        min_age: std::time::Duration::from_secs(60),
        max_age: std::time::Duration::from_secs(300),
    }
}

pub(in crate::web) fn article() -> Article {
    let source = "quan1".parse().unwrap();
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item("/tintuc#651".into())),
        revision: Revision(2),
        source,
        first_seen: "2020-07-30T10:20:00Z".parse().unwrap(),
        published: Date {
            at: "2020-07-30T17:12:00+07:00".parse().unwrap(),
            offset: Offset(7 * 3600),
            precision: Precision::Minute,
            raw: None,
            inferred: false,
        },
        updated: "2020-07-31T08:00:00+07:00".parse().unwrap(),
        labels: Default::default(),
        digest: Default::default(),
        status: Default::default(),
        content: content(),
    }
}

fn content() -> Content {
    Content {
        url: Some("http://quan1.example/tintuc/post.aspx?a=1&b=2".into()),
        title: TITLE.into(),
        summary: "Sáng ngày 30/7, Ủy ban nhân dân Quận 1 tổ chức hội nghị.".into(),
        html: Html::sanitized(
            "<p>Sáng ngày 30/7, <b>Ủy ban nhân dân</b> Quận 1 tổ chức hội nghị.</p>".into(),
        ),
        language: Some("vi".into()),
        authors: vec![Person { name: Some("Nguyễn Văn A".into()), ..Person::default() }],
        categories: vec![Category { term: "Tin tức".into(), ..Category::default() }],
        image: Some("javascript:alert(1)".into()),
        enclosures: vec![Enclosure {
            url: "http://quan1.example/Ke%20hoach.pdf".into(),
            media_type: Some("application/pdf".into()),
            length: Some(81_200),
            title: None,
        }],
        ..Content::default()
    }
}
