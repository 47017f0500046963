//! JSON Feed 1.0 and 1.1, read leniently: one odd value never costs the feed.

use serde_json::Value;

use super::feed::{term, truncated};
use super::{Found, plain, too_many};
use crate::model::{Enclosure, ExtractedBy, Issue, Item, Link, Person, Severity};

/// Reads `text`, which begins with `{`.
pub(super) fn read(text: &str, max_items: usize, found: &mut Found) {
    let tidy = Tidy::of(text);
    let whole = serde_json::from_str::<Value>(&tidy.text);
    let feed = match whole {
        Ok(feed) => feed,
        Err(error) => {
            match tidy.closed_after_last_item().and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
                Some(feed) => {
                    let whole = feed.get("items").and_then(Value::as_array).map_or(0, Vec::len);
                    found.issues.push(truncated(Some(whole + 1)));
                    feed
                }
                None => {
                    found
                        .issues
                        .push(Issue::error("invalid-json", format!("reading the document as JSON: {error}")));
                    return;
                }
            }
        }
    };
    let Some(items) = feed.get("items").and_then(Value::as_array) else {
        found
            .issues
            .push(Issue::error("not-a-feed", "the document is JSON without `items`, so no JSON Feed"));
        return;
    };
    found.format = format(&feed, &mut found.issues);
    head(&feed, found);
    if items.len() > max_items {
        found.issues.push(too_many(max_items));
    }
    for (number, value) in (1usize..).zip(items.iter().take(max_items)) {
        if value.is_object() {
            found.items.push(item(value));
        } else {
            let issue = Issue::warning("not-an-item", "this is no object, so no item; it is left out");
            found.issues.push(issue.at(format!("item {number}")));
        }
    }
    for item in found.items.iter_mut().filter(|item| item.authors.is_empty()) {
        item.authors.clone_from(&found.head.authors);
    }
}

fn format(feed: &Value, issues: &mut Vec<Issue>) -> String {
    let version = string(feed, "version").unwrap_or_default();
    match version.rsplit_once("/version/").map(|(_, version)| version.trim_end_matches('/')) {
        Some("1" | "1.0") => "json-1.0".to_owned(),
        Some("1.1") => "json-1.1".to_owned(),
        _ => {
            issues.push(Issue::new(
                Severity::Info,
                "no-version",
                "the feed does not say its version; read as 1.1",
            ));
            "json-1.1".to_owned()
        }
    }
}

fn head(feed: &Value, found: &mut Found) {
    let head = &mut found.head;
    head.title = string(feed, "title");
    head.description = string(feed, "description");
    head.language = string(feed, "language");
    head.link = string(feed, "home_page_url");
    head.authors = authors(feed);
    for (key, rel) in [("home_page_url", "alternate"), ("feed_url", "self"), ("next_url", "next")] {
        if let Some(href) = string(feed, key) {
            head.links.push(Link { href, rel: Some(rel.to_owned()), media_type: None });
        }
    }
    let hubs = feed.get("hubs").and_then(Value::as_array).into_iter().flatten();
    // There are hubs of other kinds (`rssCloud`).
    let hubs = hubs.filter(|hub| string(hub, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("WebSub")));
    let hubs = hubs.filter_map(|hub| string(hub, "url"));
    head.links.extend(hubs.map(|href| Link { href, rel: Some("hub".to_owned()), media_type: None }));
}

fn item(value: &Value) -> Item {
    let html = string(value, "content_html");
    let plain = html.is_none().then(|| string(value, "content_text")).flatten();
    let content_type = html.as_ref().map(|_| "text/html").or(plain.as_ref().map(|_| "text/plain"));
    let links = [("url", "alternate"), ("external_url", "related")];
    let links = links.into_iter().filter_map(|(key, rel)| {
        string(value, key).map(|href| Link { href, rel: Some(rel.to_owned()), media_type: None })
    });
    let tags = value.get("tags").and_then(Value::as_array).into_iter().flatten();
    let mut item = Item {
        id: string(value, "id"),
        url: string(value, "url").or_else(|| string(value, "external_url")),
        title: string(value, "title").map(|title| plain::title(&title)).filter(|title| !title.is_empty()),
        summary: string(value, "summary").map(|summary| escaped(&summary)),
        content_type: content_type.map(str::to_owned),
        language: string(value, "language"),
        authors: authors(value),
        categories: tags.filter_map(Value::as_str).map(term).collect(),
        links: links.collect(),
        published: string(value, "date_published"),
        updated: string(value, "date_modified"),
        image: string(value, "image").or_else(|| string(value, "banner_image")),
        enclosures: attachments(value),
        ..Item::default()
    };
    item.content = html.or(plain);
    item.extracted_by = if item.content.is_some() { ExtractedBy::Recipe } else { ExtractedBy::Summary };
    item
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    super::xml::escape(text, &mut out);
    out
}

fn attachments(value: &Value) -> Vec<Enclosure> {
    let all = value.get("attachments").and_then(Value::as_array).into_iter().flatten();
    let length = |one: &Value| {
        let said = one.get("size_in_bytes")?;
        // Some writers print sizes as `1.0` or as text.
        said.as_u64()
            .or_else(|| said.as_str()?.parse().ok())
            .or_else(|| format!("{:.0}", said.as_f64()?).parse().ok())
    };
    all.filter_map(|one| {
        Some(Enclosure {
            url: string(one, "url")?,
            media_type: string(one, "mime_type"),
            length: length(one),
            title: string(one, "title"),
        })
    })
    .collect()
}

/// `authors` of 1.1 and `author` of 1.0, an object or a bare name.
fn authors(value: &Value) -> Vec<Person> {
    let many = value.get("authors").and_then(Value::as_array).into_iter().flatten();
    let mut people: Vec<Person> = many.filter_map(author).collect();
    if people.is_empty() {
        people.extend(value.get("author").and_then(author));
    }
    people
}

fn author(value: &Value) -> Option<Person> {
    let name = value.as_str().map(str::to_owned).or_else(|| string(value, "name"));
    let person = Person { name, email: None, url: string(value, "url") };
    Some(person).filter(|person| *person != Person::default())
}

/// Text of a key; numbers count, because ids are often written as such (JSON Feed 1.1, `id`).
fn string(value: &Value, key: &str) -> Option<String> {
    let text = match value.get(key)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// JSON that strict parsers accept: no lone surrogates, no raw control characters in strings.
struct Tidy {
    text: String,
    /// Where the last whole member of the top-level array of objects ends.
    last_item: Option<usize>,
}

impl Tidy {
    fn of(text: &str) -> Self {
        let mut tidy = Self { text: String::with_capacity(text.len()), last_item: None };
        let (mut in_string, mut depth) = (false, 0usize);
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if !in_string && matches!(c, '}' | ']') {
                tidy.drop_comma();
            }
            match c {
                '\\' if in_string => tidy.escape(&mut chars),
                '"' => {
                    in_string = !in_string;
                    tidy.text.push('"');
                }
                '\n' if in_string => tidy.text.push_str("\\n"),
                c if c < ' ' => tidy.text.push(' '),
                c => tidy.text.push(c),
            }
            match c {
                '{' | '[' if !in_string => depth += 1,
                '}' | ']' if !in_string => {
                    depth = depth.saturating_sub(1);
                    if depth == 2 && c == '}' {
                        tidy.last_item = Some(tidy.text.len());
                    }
                }
                _ => {}
            }
        }
        tidy
    }

    /// An escape behind its backslash; a surrogate without its other half becomes U+FFFD (RFC 8259, section 8.2).
    fn escape(&mut self, chars: &mut std::str::Chars<'_>) {
        match chars.next() {
            Some('u') => {
                let unit = hex(chars);
                let ahead = chars.as_str().strip_prefix("\\u").and_then(|next| unit_of(&mut next.chars()));
                match (unit, ahead) {
                    (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                        chars.nth(5);
                        self.text.push_str(&format!("\\u{high:04x}\\u{low:04x}"));
                    }
                    (Some(0xd800..=0xdfff) | None, _) => self.text.push('\u{fffd}'),
                    (Some(unit), _) => self.text.push_str(&format!("\\u{unit:04x}")),
                }
            }
            Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => {
                self.text.push('\\');
                self.text.push(c);
            }
            Some(other) => {
                self.text.push_str("\\\\");
                self.text.push(other);
            }
            None => {}
        }
    }

    /// The comma behind a last member, which strict parsers refuse (RFC 8259, sections 4 and 5).
    fn drop_comma(&mut self) {
        let kept = self.text.trim_end();
        if let Some(kept) = kept.strip_suffix(',').map(str::len) {
            self.text.truncate(kept);
        }
    }

    fn closed_after_last_item(&self) -> Option<String> {
        let whole = self.text.get(..self.last_item?)?;
        Some(format!("{whole}]}}"))
    }
}

/// Four hexadecimal digits; takes only what belongs to them.
fn hex(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut ahead = chars.clone();
    let unit = unit_of(&mut ahead)?;
    *chars = ahead;
    Some(unit)
}

fn unit_of(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit * 16 + chars.next()?.to_digit(16)?;
    }
    Some(unit)
}

/// JSON with the dirt that pages have in it.
pub(super) fn lenient(text: &str) -> Option<Value> {
    serde_json::from_str(&Tidy::of(text).text).ok()
}
