//! Sitemaps (<https://www.sitemaps.org/protocol.html>): indexes, lists of pages, Google's news extension, plain text,
//! each also packed by gzip.

use std::io::Read;

use super::{
    Document,
    charset::{self, Carrier},
    tld,
    xml::{self, Element, Wanted},
};

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
    fn packed_files_are_unpacked_and_bombs_are_cut() {
        assert_eq!(read(&packed(NEWS.as_bytes()), 10_000).entries.len(), 1);
        let bomb = packed(&vec![b' '; 1 << 20]);
        let cut = read(&bomb, 1000);
        assert!(cut.truncated && cut.entries.is_empty());
        assert!(read(&[0x1f, 0x8b, 8, 0], 1000).truncated);
    }
}
