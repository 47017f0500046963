//! Who wrote it.

use std::sync::LazyLock;

use ::url::Url;
use regex::Regex;

use super::{text, url};
use crate::model::{Person, text as keys};

/// The most characters of a name.
const LONGEST: usize = 200;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"^(?:(?P<before>[^<@()]*)<)?(?:mailto:)?(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>?\s*(?:\((?P<name>[^)]*)\))?$";
    Regex::new(pattern).expect("a fixed pattern")
});

static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)^(?:tác giả|người đăng|người viết|bài và ảnh|bài, ảnh|tin, ảnh|bài|tin|author|by)\s*:\s*|^by\s+";
    Regex::new(pattern).expect("a fixed pattern")
});

static INITIALS: LazyLock<Regex> = LazyLock::new(|| {
    // `T.X`, `N.T.H.`, `Th.Hà`
    Regex::new(r"^\p{Lu}\p{Ll}?(?:\.\s?\p{Lu}\p{Ll}{0,6}){1,3}\.?$").expect("a fixed pattern")
});

static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{Lu}\p{Ll}*(?: \p{Lu}\p{Ll}*){1,4}$").expect("a fixed pattern"));

/// The people of an item, cleaned, each once.
pub(super) fn authors(people: Vec<Person>, base: &Url) -> Vec<Person> {
    let mut found: Vec<Person> = Vec::new();
    for person in people {
        let person = clean(&person, base);
        let empty = person == Person::default();
        if !empty && !found.iter().any(|other| same(other, &person)) {
            found.push(person);
        }
    }
    found
}

fn same(one: &Person, other: &Person) -> bool {
    let name = |person: &Person| person.name.as_deref().map(keys::key);
    name(one) == name(other) && one.email == other.email
}

fn clean(person: &Person, base: &Url) -> Person {
    let filled = |text: &str| Some(text::line(text)).filter(|text| !text.is_empty());
    let mut email = person.email.as_deref().and_then(filled);
    let mut name = person.name.as_deref().and_then(filled);
    // RSS writes `lawyer@boyer.net (Lawyer Boyer)`.
    for field in [name.clone(), email.clone()] {
        if let Some(parts) = field.as_deref().and_then(|text| EMAIL.captures(text)) {
            let part = |key: &str| parts.name(key).and_then(|part| filled(part.as_str()));
            email = part("email");
            let named = part("name").or_else(|| part("before"));
            name = named.or_else(|| name.filter(|name| !name.contains('@')));
        }
    }
    let name = name.map(|name| LABEL.replace(&name, "").into_owned()).filter(|name| !name.is_empty());
    let name = name.map(|name| text::cut(&name, LONGEST).unwrap_or(name));
    let url = person.url.as_deref().and_then(|url| url::absolute(base, url)).map(|url| url::public(&url));
    Person { name, email, url }
}

/// The author that a body is signed with: its last line are initials (`T.X`), or a name set to the right.
pub(super) fn signature(body: &str, raw: &str) -> Option<Person> {
    let (before, last) = body.trim_end().rsplit_once('\n')?;
    let last = text::line(last);
    if before.trim().is_empty() || last.chars().count() > 40 {
        return None;
    }
    let tail: String = raw.chars().rev().take(600).collect::<Vec<_>>().into_iter().rev().collect();
    let right = tail.to_lowercase().contains("right");
    let signed = INITIALS.is_match(&last) || (right && NAME.is_match(&last));
    signed.then(|| Person { name: Some(last), ..Person::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Person {
        Person { name: Some(name.to_owned()), ..Person::default() }
    }

    #[test]
    fn cleans_people() {
        let base: Url = "http://a.vn/".parse().unwrap();
        let mail = |name: Option<&str>| Person {
            name: name.map(str::to_owned),
            email: Some("a.b@c.vn".into()),
            url: None,
        };
        for (raw, expected) in [
            ("Tác giả: T.X ", vec![named("T.X")]),
            ("By Lan Anh", vec![named("Lan Anh")]),
            ("a.b@c.vn (Lan Anh)", vec![mail(Some("Lan Anh"))]),
            ("Lan Anh <a.b@c.vn>", vec![mail(Some("Lan Anh"))]),
            ("a.b@c.vn", vec![mail(None)]),
            (" \u{a0}", vec![]),
        ] {
            assert_eq!(authors(vec![named(raw), named(raw)], &base), expected, "{raw}");
        }
    }

    #[test]
    fn reads_signatures_with_care() {
        for (body, raw, expected) in [
            ("Tin mới.\nT.X", "", Some("T.X")),
            ("Tin mới.\nN.T.H.", "", Some("N.T.H.")),
            (
                "Tin mới.\nNguyễn Văn An",
                "<p style='text-align:right'>Nguyễn Văn An</p>",
                Some("Nguyễn Văn An"),
            ),
            ("Tin mới.\nNguyễn Văn An", "<p>Nguyễn Văn An</p>", None),
            ("Tin mới.\nHết.", "", None),
            ("Tin mới.\nQuận 1", "<p align=right>", None),
            ("T.X", "", None),
        ] {
            assert_eq!(signature(body, raw).and_then(|person| person.name).as_deref(), expected, "{body}");
        }
    }
}
