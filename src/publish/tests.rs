//! Whole documents with hostile text in them, and the publisher against a store.

use std::time::Duration;

use super::{Feed, Settings, SourceInfo};
use crate::model::{
    Article, ArticleId, Content, Date, Digest, ExtractedBy, IdentityKey, Offset, Precision, Revision, Status,
    Timestamp,
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
        digest: Digest::default(),
        status: Status::Live,
        content: Content {
            url: Some(format!("http://www.quan1.hochiminhcity.gov.vn/tintuc/lists/posts/post.aspx?ItemID={n}")),
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
        id: "quan1".parse().unwrap(),
        title: "Tin tức Quận 1".to_owned(),
        description: "Tin tức, sự kiện và thông báo của Ủy ban nhân dân Quận 1".to_owned(),
        language: "vi".to_owned(),
        sources: vec!["quan1".parse().unwrap()],
        filter: None,
        items,
        home: Some("http://www.quan1.hochiminhcity.gov.vn/tintuc".to_owned()),
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
        }],
        max_age: Duration::from_secs(300),
    }
}
