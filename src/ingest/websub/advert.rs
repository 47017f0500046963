//! Which hub a feed names, and what it calls itself (WebSub, section 4). Pure.

use url::Url;

use crate::model::{Advert, Link};

/// The longest address that is kept, in bytes.
const LONGEST: usize = 2_048;

/// What a feed that was read at `url` advertises. Its `Link` headers come before what stands in the document; where
/// one of them names the hub only, the topic is taken from the other. Without a topic there is nothing to subscribe to.
pub(super) fn advert(headers: &[Link], document: &[Link], url: &Url) -> Option<Advert> {
    let first = |rel: &str| {
        let links = headers.iter().chain(document);
        links.filter(|link| has(link, rel)).find_map(|link| address(&link.href, url))
    };
    Some(Advert { hub: first("hub")?, topic: first("self")? })
}

/// A relation may stand among others.
fn has(link: &Link, wanted: &str) -> bool {
    let mut words = link.rel.as_deref().unwrap_or_default().split_whitespace();
    words.any(|rel| rel.eq_ignore_ascii_case(wanted))
}

/// An http(s) address as it is written, byte for byte: a hub knows a topic by its bytes. A relative one is completed.
fn address(href: &str, base: &Url) -> Option<String> {
    let href = href.trim();
    let url = base.join(href).ok()?;
    let is_usable =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let text = if Url::parse(href).is_ok() { href.to_owned() } else { url.into() };
    (is_usable && text.len() <= LONGEST).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link((rel, href): &(&str, &str)) -> Link {
        Link { href: (*href).to_owned(), rel: Some((*rel).to_owned()), media_type: None }
    }

    fn check(headers: &[(&str, &str)], document: &[(&str, &str)], expected: Option<(&str, &str)>) {
        let [headers, document] = [headers, document].map(|links| links.iter().map(link).collect::<Vec<_>>());
        let found = advert(&headers, &document, &"https://a.vn/x/feed".parse().unwrap());
        let found = found.as_ref().map(|advert| (advert.hub.as_str(), advert.topic.as_str()));
        assert_eq!(found, expected, "{headers:?} {document:?}");
    }

    #[test]
    fn headers_come_before_the_document() {
        let (hub, own) = (("hub", "https://h/"), ("self", "https://A.vn/feed"));
        let (other_hub, other) = (("hub", "https://other/"), ("self", "https://other/feed"));
        let expected = Some(("https://h/", "https://A.vn/feed"));
        check(&[hub, own], &[other_hub, other], expected);
        check(&[], &[hub, own], expected);
        check(&[hub], &[other_hub, own], expected);
        check(&[own], &[hub, other], expected);
        check(&[hub, other_hub, own, other], &[], expected);
        check(&[], &[("alternate Hub", " https://h/ "), own], expected);
        check(&[hub], &[], None);
        check(&[], &[own], None);
        check(&[], &[], None);
    }

    #[test]
    fn what_cannot_be_asked_is_passed_over() {
        let own = ("self", "../feed?a=1#x");
        check(&[("hub", "/hub"), own], &[], Some(("https://a.vn/hub", "https://a.vn/feed?a=1#x")));
        for hub in ["javascript:alert(1)", "ftp://h/", "https://user:word@h/", "https://", &"x".repeat(3000)]
        {
            check(&[("hub", hub), own], &[], None);
            check(
                &[("hub", hub), ("hub", "https://h/"), ("self", "https://a.vn/")],
                &[],
                Some(("https://h/", "https://a.vn/")),
            );
        }
    }
}
