//! What somebody brings instead of having it fetched: a file that is put into a folder, the body of a push.
//!
//! Nobody says what it is, so it says it itself: a feed of any format, JSON of the source's own shape, one item of a JSON
//! Feed, several of them as an array or one a line, or the page of an article.

use super::charset::{self, Carrier};
use super::{Document, Found, Kind, Rules, feed, json, json_feed, page, tld};

/// Reads a document of any of these kinds.
pub(super) fn read(document: &Document<'_>, rules: &Rules) -> Found {
    let decoded = charset::decode(document.bytes, document.content_type, tld(document.url), Carrier::Xml);
    let text = decoded.text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    if text.starts_with(['{', '[']) {
        if let Some(own) = &rules.json {
            return json::read(document, own, rules);
        }
        let feed = as_feed(text);
        let bytes = feed.as_deref().unwrap_or(text).as_bytes();
        // The text is decoded already.
        let found = feed::read(&Document { bytes, content_type: UTF_8, ..*document }, rules);
        return Found { encoding: decoded.encoding, ..found };
    }
    if feed::is_html(text) {
        return article(document, rules);
    }
    feed::read(document, rules)
}

const UTF_8: Option<&str> = Some("application/json; charset=utf-8");

/// Items without a feed around them, as a JSON Feed; `None` for what is one, or cannot be read.
fn as_feed(text: &str) -> Option<String> {
    let wrapped =
        |items: &str| format!("{{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":{items}}}");
    if text.starts_with('[') {
        return Some(wrapped(text));
    }
    match json_feed::lenient(text) {
        Some(value) if value.get("items").is_some() || value.get("version").is_some() => None,
        Some(_) => Some(wrapped(&format!("[{text}]"))),
        None => {
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let is_lines =
                lines.len() > 1 && lines.iter().all(|line| line.starts_with('{') && line.ends_with('}'));
            is_lines.then(|| wrapped(&format!("[{}]", lines.join(","))))
        }
    }
}

/// A page. It stands nowhere: its address is the one that it names itself.
fn article(document: &Document<'_>, rules: &Rules) -> Found {
    let mut found = page::read(document, rules);
    found.kind = Kind::Article;
    for item in &mut found.items {
        if item.url.as_deref() == Some(document.url.as_str()) {
            item.url = None;
            item.links.clear();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::extract;

    const PAGE: &str = "<!doctype html><html lang=\"vi\"><head><title>Thông báo cúp nước</title></head><body><h1>Thông báo cúp \
        nước</h1><article><p>Phường thông báo lịch cúp nước trên đường Nguyễn Trãi từ 22 giờ ngày 24 tháng 11 để sửa chữa đường \
        ống.</p></article></body></html>";

    fn brought(text: &str) -> Found {
        let url = "https://phuong.example/".parse().unwrap();
        let document = Document { bytes: text.as_bytes(), content_type: None, url: &url };
        extract(&document, Kind::Brought, &Rules::default())
    }

    #[test]
    fn what_it_is_says_the_document_itself() {
        let item = r#"{"id":"1","title":"A","content_text":"x"}"#;
        let feed =
            format!(r#"{{"version":"https://jsonfeed.org/version/1.1","title":"F","items":[{item}]}}"#);
        let second = item.replace('1', "2");
        let rss = "<rss version=\"2.0\"><channel><item><guid>1</guid><title>A</title></item></channel></rss>";
        for (text, format, titles) in [
            (feed, "json-1.1", 1),
            (item.to_owned(), "json-1.1", 1),
            (format!("\u{feff}\n[{item}, {second}]"), "json-1.1", 2),
            (format!("{item}\n{second}\n"), "json-1.1", 2),
            (rss.to_owned(), "rss-2.0", 1),
            (PAGE.to_owned(), "html", 1),
        ] {
            let found = brought(&text);
            assert_eq!(
                (found.format.as_str(), found.items.len()),
                (format, titles),
                "{text}\n{:?}",
                found.issues
            );
        }
    }

    #[test]
    fn a_page_stands_where_it_says_and_else_nowhere() {
        let found = brought(PAGE);
        assert_eq!((found.items[0].url.as_deref(), found.kind), (None, Kind::Article));
        assert!(found.items[0].content.as_deref().unwrap().contains("Nguyễn Trãi"));
        let canonical = "<link rel=canonical href=https://phuong.example/bai/1.html></head>";
        let found = brought(&PAGE.replace("</head>", canonical));
        assert_eq!(found.items[0].url.as_deref(), Some("https://phuong.example/bai/1.html"));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, code) in [
            ("", "empty-page"),
            ("xin chào", "not-a-feed"),
            ("{\"id\": ", "invalid-json"),
            ("[1, 2]", "not-an-item"),
            ("{\"items\": 3}", "not-a-feed"),
        ] {
            let found = brought(text);
            assert!(found.issues.iter().any(|issue| issue.code == code), "{text}: {:?}", found.issues);
            assert!(found.items.is_empty(), "{text}");
        }
    }

    /// `id` and `title` in other encodings than UTF-8 are what they say.
    #[test]
    fn encodings_are_recognized() {
        let utf16: Vec<u8> =
            "\u{feff}{\"id\":\"1\",\"title\":\"Quận 1\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let url = "https://phuong.example/".parse().unwrap();
        let found = extract(
            &Document { bytes: &utf16, content_type: None, url: &url },
            Kind::Brought,
            &Rules::default(),
        );
        assert_eq!((found.items[0].title.as_deref(), found.encoding.as_str()), (Some("Quận 1"), "utf-16le"));
    }
}
