//! The targets, one function each.

use loaphuong::{
    extract::{Document, Kind, sitemap},
    model::{
        Article, ArticleId, Category, Content, Date, Filter, IdentityKey, Offset, Precision, Revision,
        SourceId, Status,
        filter::{Facts, Places},
    },
    normalize::{Order, date as dates, text, url as addresses},
};
use unicode_normalization::is_nfc;
use url::Url;

use super::{BASE, context, drafts, fetched, markup, pages, read, rules, texts};

/// Takes bytes, and panics where something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 8] = [
    ("charset", charset),
    ("date", date),
    ("feed", feed),
    ("filter", filter),
    ("html", html),
    ("list", list),
    ("page", page),
    ("url", url),
];

const LABELS: [&str; 16] = [
    "",
    "utf-8",
    "utf-16",
    "utf-16be",
    "utf-32",
    "windows-1252",
    "windows-1258",
    "viscii",
    "x-viet-tcvn",
    "vni",
    "x-user-defined",
    "shift_jis",
    "iso-2022-jp",
    "gb18030",
    "big5",
    "nonsense",
];

/// Bytes under any declaration: decoded text is text, and what has a byte order mark comes through as it is.
pub fn charset(data: &[u8]) {
    let Some((selector, bytes)) = data.split_first() else { return };
    let label = LABELS[usize::from(*selector) % LABELS.len()];
    let kind = if selector & 0x40 == 0 { Kind::Feed } else { Kind::List };
    let content_type = format!("text/html; charset={label}");
    let declared = Some(content_type.as_str()).filter(|_| !label.is_empty());
    read(bytes, declared, kind, rules(u8::MAX));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A mark wins over every declaration, and plain words are not touched by anything.
    let words: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let marked = format!("\u{feff}<rss version='2.0'><channel><title>{words}</title></channel></rss>");
    let wide = || marked.encode_utf16();
    let forms = [
        ("utf-8", marked.clone().into_bytes()),
        ("utf-16le", wide().flat_map(u16::to_le_bytes).collect()),
        ("utf-16be", wide().flat_map(u16::to_be_bytes).collect()),
    ];
    for (encoding, bytes) in forms {
        let found = read(&bytes, declared, Kind::Feed, rules(u8::MAX));
        assert_eq!(found.encoding, encoding);
        assert_eq!(found.head.title.unwrap_or_default(), words);
    }
}

/// Date texts: whatever is read can be written, and what was written is read as the same instant.
pub fn date(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for selector in [0, u8::MAX] {
        let rules = rules(selector);
        for order in [Order::DayFirst, Order::MonthFirst] {
            let Some(read) = dates::parse(text, &rules.1.zone, order, fetched()) else { continue };
            let written = read.at.rfc3339(Offset(0));
            // Years of other lengths are read and then doubted, but not written by RFC 3339.
            if written.len() <= "2026-11-23T00:00:00.000Z".len() + 1 && !written.starts_with(['-', '0', '1'])
            {
                let again = dates::parse(&written, &rules.1.zone, order, fetched());
                let again = again.map(|again| again.at.as_second());
                assert_eq!(again, Some(read.at.as_second()), "{text:?} was {written}");
            }
        }
        let (date, issues) = dates::date(Some(text), &context(&rules.1));
        super::said(&issues);
        drafts::dated(date.as_ref(), rules);
        let Some(date) = date else {
            // Of control characters alone nobody sees anything, and three hundred characters are looked at.
            let head: String = text.trim().chars().take(300).collect();
            assert!(text::line(&head).is_empty(), "{text:?} is a text, so there is a date");
            continue;
        };
        assert!(!date.inferred || !issues.is_empty(), "{text:?}: what is made up is said");
    }
}

/// Feeds and sitemaps of any format, well-formed or not.
pub fn feed(data: &[u8]) {
    let found = read(data, None, Kind::Feed, rules(u8::MAX));
    // Bytes that were no feed say so.
    assert!(!found.format.is_empty() || found.issues.iter().any(|issue| issue.code != "no-date"));
    // What was read once is read again in the same way.
    let again = read(data, None, Kind::Feed, rules(u8::MAX));
    assert_eq!((found.items, found.issues), (again.items, again.issues));
    let document = Document { bytes: data, content_type: None, url: &BASE };
    let most = 1 << 20;
    let found = sitemap::sitemap(&document, most);
    assert!(
        found.entries.len() <= sitemap::MAX_ENTRIES
            && found.entries.iter().all(|entry| !entry.url.is_empty())
    );
    assert_eq!(sitemap::sitemap(&document, most), found);
}

/// Filters: printing one gives a text that reads as the same filter, and what they want is what they say.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Filter::parse(text) {
        Ok(filter) => asked(&filter, text),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(category) = Filter::category(text) {
        assert_eq!(Filter::parse(&category.to_string()).as_ref(), Ok(&category));
        let article = article(text);
        assert!(category.matches(&Facts::new(&article, "")), "an article in {text:?} is not in it");
        let places = category.found(&Places::new(&article, ""));
        assert!(places.iter().any(|place| place.field == "categories"), "{text:?}: {places:?}");
        asked(&category, text);
    }
}

fn asked(filter: &Filter, text: &str) {
    let printed = filter.to_string();
    assert!(is_nfc(&printed), "{printed:?}");
    let again = Filter::parse(&printed);
    assert_eq!(again.as_ref(), Ok(filter), "{text:?} prints as {printed:?}");
    assert_eq!(again.map(|again| again.to_string()).as_deref(), Ok(printed.as_str()));
    let own = "UBND Quận 1 thông báo: Quyết định số 123/QĐ-UBND về hòa giải";
    for (article, body) in [(article(own), own), (article(text), text)] {
        let facts = Facts::new(&article, body);
        let wanted = filter.matches(&facts);
        if let Ok(other) = Filter::parse(&format!("NOT ({printed})")) {
            assert_ne!(other.matches(&facts), wanted, "{other}");
        }
        let both = filter.clone().and(filter.clone());
        assert_eq!(both.matches(&facts), wanted, "{both}");
        // Routers ask only those whose words are there.
        let keys = filter.keys();
        let reached =
            keys.as_ref().is_none_or(|keys| keys.iter().any(|key| facts.keys().contains(key.as_str())));
        assert!(reached || !wanted, "{printed} wants {body:?}, but is not asked: {keys:?}");
        let found = filter.found(&Places::new(&article, body));
        assert!(found.len() <= 10 && found.iter().all(|place| !place.snippet.is_empty()), "{found:?}");
    }
}

/// An article with this title in a section of this name.
fn article(text: &str) -> Article {
    let source: SourceId = "quan1".parse().expect("it is constant");
    let published = Date {
        at: fetched(),
        offset: Offset(7 * 3600),
        precision: Precision::Minute,
        raw: None,
        inferred: false,
    };
    Article {
        id: ArticleId::mint(&source, &IdentityKey::Item("1".to_owned())),
        revision: Revision::FIRST,
        source,
        first_seen: fetched(),
        updated: fetched(),
        published,
        digest: Default::default(),
        status: Status::Live,
        content: Content {
            title: text.to_owned(),
            categories: vec![Category { term: text.to_owned(), ..Category::default() }],
            ..Content::default()
        },
        labels: Default::default(),
    }
}

/// The sanitizer: whatever comes in, what goes out is safe and sanitizes to itself.
pub fn html(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    markup::cleaned(text, None);
    markup::cleaned(text, Some("text/plain"));
    let line = text::line(text);
    texts::line(&line);
}

/// Pages that list items, by every recipe. The last byte chooses: pages in the corpus stay pages.
pub fn list(data: &[u8]) {
    let Some((selector, bytes)) = data.split_last() else { return };
    read(bytes, None, Kind::List, rules(*selector));
    pages::seen(bytes, *selector);
}

/// Pages of one article, by every recipe. The last byte chooses: pages in the corpus stay pages.
pub fn page(data: &[u8]) {
    let Some((selector, bytes)) = data.split_last() else { return };
    read(bytes, None, Kind::Article, rules(*selector));
}

/// Addresses: public ones are stable, canonical ones name what their public one names and are stable themselves.
pub fn url(data: &[u8]) {
    let Some((selector, bytes)) = data.split_last() else { return };
    let Ok(href) = std::str::from_utf8(bytes) else { return };
    let Some(address) = addresses::absolute(&BASE, href) else { return };
    let rules = &rules(*selector).1.url;
    let shown = addresses::public(&address);
    texts::public(&shown);
    let canonical = addresses::canonical(&address, rules);
    assert!(canonical.starts_with("//") && !canonical.contains([' ', '\n', '\t']), "{canonical:?}");
    let of_shown = Url::parse(&shown).map(|shown| addresses::canonical(&shown, rules));
    assert_eq!(of_shown.as_ref(), Ok(&canonical), "{href:?} is shown as {shown}");
    let named =
        Url::parse(&format!("https:{canonical}")).expect("a canonical form is an address without its scheme");
    assert_eq!(addresses::canonical(&named, rules), canonical, "{href:?}");
}
