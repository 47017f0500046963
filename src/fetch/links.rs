//! The `Link` header (RFC 8288), as far as it names hubs and topics. Pure.

use reqwest::header::{HeaderMap, LINK};

use crate::model::Link;

/// The longest header that is read, in bytes: a line that is longer holds something else than a few links.
const LONGEST: usize = 8 * 1024;
/// The most links that are kept of an answer.
const MOST: usize = 16;

/// The hubs and topics (`rel="hub"`, `rel="self"`) that the headers of an answer name, in their order, one
/// [`Link`] per relation; targets as they are written. A header that breaks off or that is no list of links says
/// what stands before the break, and nothing more.
pub(super) fn links(headers: &HeaderMap) -> Vec<Link> {
    let values = headers.get_all(LINK).iter();
    let texts = values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    texts.filter(|text| text.len() <= LONGEST).flat_map(read).take(MOST).collect()
}

fn read(text: &str) -> Vec<Link> {
    let (mut links, mut rest) = (Vec::new(), Rest(text));
    while let Some(found) = rest.link() {
        links.extend(found);
    }
    links
}

/// What is left of a header.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// The next link's relations that we look for; `None` at the end, or where no link stands.
    fn link(&mut self) -> Option<Vec<Link>> {
        // An empty element of a list is passed over (RFC 9110, section 5.6.1).
        self.0 = self.0.trim_start_matches([',', ' ', '\t']);
        let (target, rest) = self.0.strip_prefix('<')?.split_once('>')?;
        self.0 = rest;
        let (mut rel, mut is_elsewhere) = (None, false);
        while self.takes(';') {
            let (name, value) = self.parameter()?;
            match name.to_ascii_lowercase().as_str() {
                // Only the first one counts (RFC 8288, section 3.3).
                "rel" => rel = rel.or(Some(value)),
                // A link of another document than this one (section 3.2).
                "anchor" => is_elsewhere = true,
                _ => {}
            }
        }
        self.skip();
        if !self.0.is_empty() && !self.0.starts_with(',') {
            return None;
        }
        let words = rel.filter(|_| !is_elsewhere).unwrap_or_default().to_ascii_lowercase();
        let link =
            |rel: &str| Link { href: target.trim().to_owned(), rel: Some(rel.to_owned()), media_type: None };
        let wanted =
            ["hub", "self"].into_iter().filter(|rel| words.split_whitespace().any(|word| word == *rel));
        Some(wanted.map(link).collect())
    }

    /// `name`, `name=token` or `name="text"`; `None` where the text does not end.
    fn parameter(&mut self) -> Option<(&'a str, String)> {
        self.skip();
        let name = self.until(|c| matches!(c, '=' | ';' | ',' | ' ' | '\t'));
        if !self.takes('=') {
            return Some((name, String::new()));
        }
        self.skip();
        match self.0.strip_prefix('"') {
            Some(rest) => {
                self.0 = rest;
                Some((name, self.quoted()?))
            }
            None => Some((name, self.until(|c| matches!(c, ';' | ',' | ' ' | '\t')).to_owned())),
        }
    }

    /// The rest of a quoted string (RFC 9110, section 5.6.4).
    fn quoted(&mut self) -> Option<String> {
        let (mut text, mut chars) = (String::new(), self.0.chars());
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(chars.next()?),
                c => text.push(c),
            }
        }
        self.0 = chars.as_str();
        Some(text)
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> &'a str {
        let rest = self.0.trim_start_matches(|c| !end(c));
        let (word, _) = self.0.split_at(self.0.len() - rest.len());
        self.0 = rest;
        word
    }

    fn takes(&mut self, wanted: char) -> bool {
        self.skip();
        self.0.strip_prefix(wanted).map(|rest| self.0 = rest).is_some()
    }

    fn skip(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[&str], expected: &[(&str, &str)]) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, value.parse().unwrap());
        }
        let found = links(&headers);
        let found: Vec<_> =
            found.iter().map(|link| (link.rel.as_deref().unwrap(), link.href.as_str())).collect();
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn reads_links_in_every_way_that_they_are_written() {
        let both = [("hub", "https://h/"), ("self", "https://s/")];
        check(&["<https://h/>; rel=\"hub\", <https://s/>; rel=\"self\""], &both);
        check(&["<https://h/>; rel=\"hub\"", "<https://s/>; rel=\"self\""], &both);
        check(&["<https://h/>;rel=hub,<https://s/>;rel=self"], &both);
        check(
            &["<https://h/> ; REL = Hub , , <https://s/>;\trel='x';rel=hub", "<https://s/>;rel=self"],
            &both,
        );
        check(
            &["<https://h/>; title=\"a, b; <c>; \\\"rel=self\\\"\"; rel=\"hub\", <https://s/>;rel=self"],
            &both,
        );
        check(&["<https://h/>; crossorigin; rel=hub; foo, <https://s/>; rel=\"next self\""], &both);
        check(&["</x>; rel=\"self hub\""], &[("hub", "/x"), ("self", "/x")]);
        check(&["<a,b;c>; rel=hub"], &[("hub", "a,b;c")]);
        check(&["<https://a/>; rel=next, <https://b/>; rel=alternate"], &[]);
        check(&[], &[]);
    }

    #[test]
    fn hostile_headers_say_nothing() {
        for value in [
            "",
            ",",
            "<",
            "<https://h/",
            "https://h/; rel=hub",
            "x <https://h/>; rel=hub",
            "<https://h/>",
            "<https://h/>; rel",
            "<https://h/>; rel=",
            "<https://h/>; rel=\"hub",
            "<https://h/>; rel=\"hub\\",
            "<https://h/>; rel=hubs",
            "<https://h/>; rel=\"hub,self\"",
            "<https://h/>; rel=hub <https://s/>",
            "<https://h/>; rel=next; rel=hub",
            "<https://h/>; anchor=\"/other\"; rel=hub",
            "\"<https://h/>; rel=hub\"",
        ] {
            check(&[value], &[]);
        }
        check(&["<https://h/>; rel=hub, broken <https://s/>; rel=self"], &[("hub", "https://h/")]);
        check(&[&format!("<https://h/>; rel=hub{}", " ".repeat(LONGEST))], &[]);
        let many = "<https://h/>; rel=hub, ".repeat(200);
        check(&[&many], &[("hub", "https://h/"); MOST]);
    }

    proptest! {
        #[test]
        fn any_header_is_read_to_its_end(text in "[<>;,=\"\\\\ a-z]{0,60}") {
            prop_assert!(read(&text).len() <= text.len());
        }
    }
}
