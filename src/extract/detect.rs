//! Which platform made this page, and what kind of document is it?

use std::sync::Arc;

use super::charset::{self, Carrier};
use super::{Document, Kind, Rules, feed, json_ld, metadata::Metadata, open, section, tld};

/// The first platform whose fingerprint the page's markup shows.
pub fn detect<'p>(html: &str, platforms: &'p [(String, Arc<Rules>)]) -> Option<&'p (String, Arc<Rules>)> {
    platforms.iter().find(|(_, rules)| rules.fingerprint.iter().any(|mark| mark.is_match(html)))
}

/// What a document is to be read as when nobody says: by its first bytes, its rules and what it says of itself.
pub fn kind_of(document: &Document<'_>, rules: &Rules) -> Kind {
    let decoded = charset::decode(document.bytes, document.content_type, tld(document.url), Carrier::Xml);
    if rules.feed || is_feed(&decoded.text) {
        return Kind::Feed;
    }
    if rules.sitemap {
        return Kind::List;
    }
    let Some(html) = open::parse(&decoded.text) else { return Kind::List };
    let bodies = rules.page.as_ref().map(|page| page.body.0.iter());
    let mut bodies = bodies.into_iter().flatten().filter_map(|alternative| alternative.select.as_ref());
    if bodies.any(|body| html.select(body).next().is_some()) {
        return Kind::Article;
    }
    if rules.lists.iter().any(|list| html.select(&list.item).nth(1).is_some()) {
        return Kind::List;
    }
    let metadata = Metadata::of(&html, document.url);
    let says_article =
        metadata.json_ld.is_some() || metadata.meta(&["og:type"]).is_some_and(|kind| kind == "article");
    if !rules.lists.is_empty() {
        return if says_article { Kind::Article } else { Kind::List };
    }
    // Many a front page calls itself an article; what it shows outweighs that.
    let described = json_ld::lists::lists(&html);
    match section::detect_beside(&described, &html, document.url) {
        Some(found) if found.is_page() && (!says_article || found.is_nothing_else()) => Kind::List,
        _ if !says_article && described.iter().any(|list| json_ld::lists::is_of_news(list)) => Kind::List,
        _ => Kind::Article,
    }
}

/// Does the document begin like a feed of any format?
fn is_feed(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let head: String = text.chars().take(4096).collect();
    if text.starts_with('{') {
        return head.contains("jsonfeed.org/version")
            || (head.contains("\"items\"") && head.contains("\"version\""));
    }
    let is_root = |tag: &str| {
        let name =
            tag.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
        let local = name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
        feed::ROOTS.contains(&local.as_str()) && local != "channel" && local != "entry"
    };
    !feed::is_html(&head) && head.split('<').skip(1).any(is_root)
}
