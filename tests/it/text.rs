//! Hostile text all the way: out of a source's bytes, through the pipeline, into every format.

use std::sync::Arc;

use loaphuong::{
    config, dedup,
    extract::{self, Document, Kind},
    model::{Article, ArticleId, Digest, ExtractedBy, Revision, SourceId, Status, Timestamp},
    normalize::{self, Context},
    publish::{self, Feed, Format, Settings},
};
use url::Url;

/// Everything that the wire has no way to say, and what merely looks as if.
const SOURCE: &str = r#"{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [
  {"id": "tin-1", "url": "https://a.example/1",
   "title": "Qua\u0323\u0302n 1 \ud800 ]]> <b>đậm</b> \u0000\u000b\uffff & &amp; 📢 \ud83d\udce2",
   "content_html": "<p>ho\u0302\u0300i \ud800 ]]> \u0008 <script>alert(1)</script>📢</p>",
   "summary": "Một \udfff hai ]]> ba",
   "authors": [{"name": "Nguye\u0302\u0303n ]]> \u001b A"}], "tags": ["\ud800tin ]]> tức"],
   "date_published": "2020-07-30T17:12:00+07:00"}]}"#;

fn article() -> Article {
    let url: Url = "https://a.example/feed.json".parse().unwrap();
    let (rules, normalize, keys) = &config::recipe("feed").unwrap();
    let document =
        Document { bytes: SOURCE.as_bytes(), content_type: Some("application/feed+json"), url: &url };
    let mut found = extract::extract(&document, Kind::Feed, rules);
    let fetched = Timestamp::from_second(1_596_200_000);
    let context = Context { rules: normalize, base: &url, fetched };
    let (draft, issues) = normalize::normalize(found.items.remove(0), &context);
    assert!(issues.is_empty(), "{issues:?}");
    let source: SourceId = "a".parse().unwrap();
    let key = dedup::keys(&draft, keys, &url).remove(0);
    let published = draft.published.unwrap();
    assert_eq!(draft.content.extracted_by, ExtractedBy::Recipe);
    Article {
        id: ArticleId::mint(&source, &key),
        labels: Default::default(),
        revision: Revision::FIRST,
        source,
        first_seen: fetched,
        updated: published.at,
        published,
        digest: Digest::default(),
        status: Status::Live,
        content: draft.content,
    }
}

#[test]
fn what_no_format_can_say_is_left_out_and_all_else_arrives() {
    let feed = Feed::new("a".parse().unwrap(), "A", vec!["a".parse().unwrap()]);
    let settings = Settings::new("https://tin.example.vn", vec![feed.clone()]);
    for format in [Format::Rss, Format::Atom, Format::Json] {
        let bytes = publish::render(&settings, &feed, &[Arc::new(article())], format).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        let dates = ["Thu, 30 Jul 2020 17:12:00 +0700", "2020-07-30T17:12:00+07:00"];
        assert!(dates.iter().any(|date| text.contains(date)), "{format:?}: {text}");
        assert!(text.contains(&article().id.to_string()), "{format:?}: {text}");
        assert!(text.chars().all(|c| c >= ' ' && c != '\u{ffff}' || c == '\n'), "{format:?}: {text:?}");

        let read = feed_rs::parser::parse(bytes.as_slice()).unwrap();
        let entry = &read.entries[0];
        let title = entry.title.as_ref().unwrap().content.as_str();
        assert!(title.starts_with("Quận 1 "), "{format:?}: composed: {title:?}");
        assert!(title.contains("]]>") && title.contains("📢"), "{format:?}: {title}");
        let body = entry.content.as_ref().unwrap().body.as_deref().unwrap();
        assert!(
            body.contains("hồi") && body.contains("📢") && !body.contains("script"),
            "{format:?}: {body}"
        );
        let name = &entry.authors[0].name;
        assert!(name.as_deref().is_some_and(|name| name.contains("Nguyễn ]]>")), "{format:?}: {name:?}");
    }
}
