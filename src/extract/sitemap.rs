//! Sitemaps (<https://www.sitemaps.org/protocol.html>): indexes, lists of pages, Google's news extension, plain text,
//! each also packed by gzip.

use std::io::Read;

use super::{
    Document, Found, Head, Kind, Rules,
    charset::{self, Carrier},
    max_items, tld,
    xml::{self, Element, Wanted},
};
use crate::model::{Issue, Item, Link};

/// What a sitemap says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sitemap {
    /// Are its entries sitemaps?
    pub index: bool,
    /// Pages, or further sitemaps, in its order.
    pub entries: Vec<Entry>,
    /// It was larger than may be read, or ends in the middle.
    pub truncated: bool,
}

/// An entry of a sitemap, everything as found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub url: String,
    /// When it changed last.
    pub modified: Option<String>,
    /// The headline, of the news extension.
    pub title: Option<String>,
    /// When it appeared, of the news extension.
    pub published: Option<String>,
}

/// The most entries that one sitemap may have, by the protocol.
pub const MAX_ENTRIES: usize = 50_000;

/// Reads a sitemap; unpacks at most `max` bytes of it.
pub fn sitemap(document: &Document<'_>, max: u64) -> Sitemap {
    let (bytes, cut) = unpacked(document.bytes, max);
    let decoded = charset::decode(&bytes, document.content_type, tld(document.url), Carrier::Xml);
    let text = decoded.text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('<') {
        return Sitemap { index: false, entries: lines(text), truncated: cut };
    }
    let wanted = Wanted {
        roots: &["urlset", "sitemapindex"],
        items: &["url", "sitemap"],
        max_items: MAX_ENTRIES,
        url: document.url,
    };
    let tree = xml::read(text, &wanted);
    let Some(root) = tree.root else { return Sitemap { truncated: cut, ..Sitemap::default() } };
    let index = root.name.eq_ignore_ascii_case("sitemapindex");
    Sitemap { index, entries: root.elements().filter_map(entry).collect(), truncated: cut || tree.truncated }
}

/// How an index of sitemaps is called as a format, and the relation of those that it names.
pub const INDEX: &str = "sitemap-index";
/// The most sitemaps of an index that are followed: the newest ones.
const FOLLOWED: usize = 3;
/// The most bytes that a sitemap may have, unpacked, by the protocol.
const LARGEST: u64 = 50 << 20;

/// Reads a sitemap as the list of a source: its newest entries first, as many as the rules let. What changed is not what
/// appeared: only the news extension says that. Of an index the newest sitemaps are the links of the head.
pub(super) fn read(document: &Document<'_>, rules: &Rules) -> Found {
    let Sitemap { index, mut entries, truncated } = sitemap(document, LARGEST);
    let mut found = Found {
        kind: Kind::List,
        format: if index { INDEX } else { "sitemap" }.to_owned(),
        encoding: "utf-8".to_owned(),
        head: Head::default(),
        items: Vec::new(),
        issues: Vec::new(),
    };
    if truncated {
        let message = "the sitemap ends early, or is larger than may be read; what came of it was read";
        found.issues.push(Issue::warning("truncated", message));
    }
    if entries.is_empty() {
        found
            .issues
            .push(Issue::error("no-items", "no address was found: this is no sitemap, or an empty one"));
        return found;
    }
    // Dates are W3C's, which sort as they stand but for their zones. Where nobody says any, the last ones are the newest.
    let date = |entry: &Entry| entry.published.clone().or_else(|| entry.modified.clone());
    if entries.iter().any(|entry| date(entry).is_some()) {
        entries.sort_by_key(|entry| std::cmp::Reverse(date(entry)));
    } else if index {
        entries.reverse();
    }
    if index {
        let link = |entry: Entry| Link { href: entry.url, rel: Some(INDEX.to_owned()), media_type: None };
        found.head.links = entries.into_iter().take(FOLLOWED).map(link).collect();
    } else {
        found.items = entries.into_iter().take(max_items(rules)).map(item).collect();
    }
    found
}

/// An entry as an item.
pub fn item(entry: Entry) -> Item {
    let Entry { url, modified, title, published } = entry;
    Item { url: Some(url), title, published, updated: modified, ..Item::default() }
}

/// The sitemaps that a `robots.txt` names (RFC 9309, section 2.2.4, leaves them to the protocol of sitemaps).
pub fn in_robots(text: &str) -> Vec<String> {
    let named = text.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("sitemap").then(|| value.trim().to_owned())
    });
    named.filter(|address| !address.is_empty()).collect()
}

/// A file that is packed by itself, not by its transfer. What unpacks to more than `max` is a bomb, or of no use.
fn unpacked(bytes: &[u8], max: u64) -> (Vec<u8>, bool) {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return (bytes.to_vec(), false);
    }
    let mut plain = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(max.saturating_add(1));
    let broken = reader.read_to_end(&mut plain).is_err();
    let length = usize::try_from(max).unwrap_or(usize::MAX);
    let cut = plain.len() > length;
    plain.truncate(length);
    (plain, cut || broken)
}

fn lines(text: &str) -> Vec<Entry> {
    let addresses = text.lines().map(str::trim).filter(|line| line.starts_with("http")).take(MAX_ENTRIES);
    addresses.map(|url| Entry { url: url.to_owned(), ..Entry::default() }).collect()
}

fn entry(element: &Element) -> Option<Entry> {
    let child = |of: &Element, name: &str| {
        let found = of.elements().find(|inner| inner.name.eq_ignore_ascii_case(name))?;
        Some(found.text()).filter(|text| !text.is_empty())
    };
    let news = element.elements().find(|inner| inner.name.eq_ignore_ascii_case("news"));
    Some(Entry {
        url: child(element, "loc")?,
        modified: child(element, "lastmod"),
        title: news.and_then(|news| child(news, "title")),
        published: news.and_then(|news| child(news, "publication_date")),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8], max: u64) -> Sitemap {
        let url = "https://a.example/sitemap.xml".parse().unwrap();
        sitemap(&Document { bytes, content_type: None, url: &url }, max)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    const NEWS: &str = r#"<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://a.example/tin?a=1&amp;b=2</loc>
        <lastmod>2026-06-22</lastmod><news:news><news:publication><news:name>A</news:name></news:publication>
        <news:publication_date>2026-06-21T08:00:00+07:00</news:publication_date><news:title>Tin mới</news:title></news:news></url>
        <url><lastmod>2026-06-22</lastmod></url></urlset>"#;

    #[test]
    fn pages_indexes_and_plain_lists_are_read() {
        let news = read(NEWS.as_bytes(), 10_000);
        assert!(!news.index && !news.truncated);
        let expected = Entry {
            url: "https://a.example/tin?a=1&b=2".to_owned(),
            modified: Some("2026-06-22".to_owned()),
            title: Some("Tin mới".to_owned()),
            published: Some("2026-06-21T08:00:00+07:00".to_owned()),
        };
        assert_eq!(news.entries, [expected]);
        let index = read(
            b"<sitemapindex><sitemap><loc> https://a.example/1.xml.gz </loc></sitemap></sitemapindex>",
            9,
        );
        assert!(index.index);
        assert_eq!(index.entries[0].url, "https://a.example/1.xml.gz");
        assert_eq!(read(b"https://a.example/1\nnothing\nhttps://a.example/2\n", 9).entries.len(), 2);
        assert_eq!(read(b"<html>", 9), Sitemap::default());
        assert_eq!(
            in_robots("User-agent: *\nSITEMAP: https://a.example/s.xml\n"),
            ["https://a.example/s.xml"]
        );
    }

    #[test]
    fn as_a_list_it_has_its_newest_entries_and_no_invented_dates() {
        let list = |text: &str, max_items: usize| {
            let url = "https://a.example/sitemap.xml".parse().unwrap();
            let rules = Rules { sitemap: true, max_items, ..Rules::default() };
            let document = Document { bytes: text.as_bytes(), content_type: None, url: &url };
            super::super::extract(&document, Kind::List, &rules)
        };
        let news = list(NEWS, 10);
        let one = &news.items[0];
        assert_eq!((news.format.as_str(), news.items.len()), ("sitemap", 1));
        assert_eq!(one.published.as_deref(), Some("2026-06-21T08:00:00+07:00"));
        let entry =
            |n: usize| format!("<url><loc>https://a.example/{n}</loc><lastmod>2026-06-{n}</lastmod></url>");
        let plain = list(&format!("<urlset>{}{}{}</urlset>", entry(10), entry(30), entry(20)), 2);
        let urls: Vec<_> = plain.items.iter().map(|item| item.url.clone().unwrap()).collect();
        assert_eq!(urls, ["https://a.example/30", "https://a.example/20"]);
        assert_eq!(
            (plain.items[0].published.as_deref(), plain.items[0].updated.as_deref()),
            (None, Some("2026-06-30"))
        );
        let part = |n: usize| format!("<sitemap><loc>https://a.example/{n}.xml</loc></sitemap>");
        let index =
            list(&format!("<sitemapindex>{}</sitemapindex>", (1..9).map(part).collect::<String>()), 10);
        let followed: Vec<_> = index.head.links.iter().map(|link| link.href.as_str()).collect();
        assert_eq!(index.format, INDEX);
        assert_eq!(
            followed,
            ["https://a.example/8.xml", "https://a.example/7.xml", "https://a.example/6.xml"]
        );
        for wrong in ["<html><body>404</body></html>", "", "{}"] {
            assert_eq!(list(wrong, 10).issues[0].code, "no-items", "{wrong}");
        }
    }

    #[test]
    fn packed_files_are_unpacked_and_bombs_are_cut() {
        assert_eq!(read(&packed(NEWS.as_bytes()), 10_000).entries.len(), 1);
        let bomb = packed(&vec![b' '; 1 << 20]);
        let cut = read(&bomb, 1000);
        assert!(cut.truncated && cut.entries.is_empty());
        assert!(read(&[0x1f, 0x8b, 8, 0], 1000).truncated);
    }
}
