//! What an event says on the wire: the same bytes to webhooks and to readers of the events API.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::model::{
    Article, Change, Cluster, Event, EventType, FeedId, Notice, Official, Seq, SubscriptionId, Timestamp,
    diff, filter::Match, markup,
};

/// Bytes of a payload at most (Standard Webhooks 1.0: under 20 kB; the article itself is one GET away).
pub const MAX_BYTES: usize = 20_000;
/// Bytes of it that are left for what a filter found.
const MATCHES: usize = 4_000;
/// How many words of each difference are shown: tried in turn until they are few enough.
const WORDS: [usize; 3] = [150, 60, 25];
/// Pairs of words that are compared at most, in one text: a page of events has a thousand payloads.
const PAIRS: usize = 250_000;
/// Bytes of differences at most.
const DIFF: usize = 6_000;

/// How much of an article is told: tried in turn until the payload is small enough.
#[derive(Clone, Copy)]
struct Extent {
    summary: usize,
    list: usize,
    text: usize,
    url: usize,
}

const EXTENTS: [Extent; 5] = [
    Extent { summary: 2000, list: 100, text: 1000, url: 2048 },
    Extent { summary: 600, list: 100, text: 1000, url: 2048 },
    Extent { summary: 300, list: 20, text: 300, url: 2048 },
    Extent { summary: 200, list: 5, text: 200, url: 1024 },
    // At six bytes for an escaped character this is under 15 kB whatever the article says.
    Extent { summary: 100, list: 1, text: 100, url: 512 },
];

/// The payload of `event` about `article`. `previous` is the revision before it, where it is still kept;
/// `feeds` are the feeds that show it.
pub fn payload(event: &Event, article: &Article, previous: Option<&Article>, feeds: &[FeedId]) -> String {
    let mut text = String::new();
    for extent in EXTENTS {
        text = json!({
            "type": EventType::from(event.change).as_str(),
            "timestamp": event.at.to_string(),
            "sequence": event.seq.0,
            "data": data(event, article, previous, feeds, extent),
        })
        .to_string();
        if text.len() < MAX_BYTES - MATCHES {
            break;
        }
    }
    if let (Change::Updated, Some(previous)) = (event.change, previous)
        && let Some(diff) =
            diff(previous, article, (MAX_BYTES - MATCHES - 1).saturating_sub(text.len()).min(DIFF))
    {
        text =
            String::from_utf8(with_member(text.as_bytes(), "diff", &diff)).expect("text beside text is text");
    }
    text
}

/// The payload of a line that speaks of a source: what an article's has, and why.
pub(super) fn of_source(event: &Event, article: &Article, notice: &Notice) -> String {
    let native = payload(event, article, None, &[]);
    let reasons: Vec<Value> = notice
        .reasons
        .iter()
        .map(|reason| {
            json!({
                "code": reason.code, "message": reason.message,
                "before": reason.before, "after": reason.after,
            })
        })
        .collect();
    let with = with_member(native.as_bytes(), "reasons", &Value::Array(reasons).to_string());
    String::from_utf8(with).expect("text beside text is text")
}

/// The payload with what a subscription's filter found in the article, as much of it as there is room for.
pub fn with_matches(payload: &[u8], matches: &[Match]) -> Bytes {
    let mut members: Vec<Value> = Vec::new();
    let mut left = (MAX_BYTES - 1).saturating_sub(payload.len() + r#","matched":[]"#.len());
    for Match { field, term, snippet } in matches {
        let member = json!({ "field": field, "term": term, "snippet": snippet });
        let Some(rest) = left.checked_sub(member.to_string().len() + 1) else { continue };
        left = rest;
        members.push(member);
    }
    with_member(payload, "matched", &Value::Array(members).to_string()).into()
}

/// The payload with one member more at the end of its `data`.
fn with_member(payload: &[u8], name: &str, json: &str) -> Vec<u8> {
    let Some(rest) = payload.strip_suffix(b"}}") else { return payload.to_vec() };
    let mut whole = Vec::with_capacity(payload.len() + name.len() + json.len() + 4);
    whole.extend_from_slice(rest);
    whole.extend_from_slice(format!(",\"{name}\":{json}}}}}").as_bytes());
    whole
}

/// What became of title, summary and full text, word by word, as an object of markup (`<del>`, `<ins>`, `<br>`) in
/// `most` bytes; a text that was rewritten is left out. `None` where nothing is left.
fn diff(before: &Article, now: &Article, most: usize) -> Option<String> {
    let texts = |article: &Article| {
        let content = &article.content;
        [content.title.clone(), content.summary.clone(), markup::to_text(content.html.as_str())]
    };
    let (before, now) = (texts(before), texts(now));
    let (old, new) =
        (before.each_ref().map(|text| diff::words(text)), now.each_ref().map(|text| diff::words(text)));
    let parts = ["title", "summary", "content"].into_iter().zip(old.iter().zip(&new));
    let changed: Vec<_> =
        parts.filter(|(_, (old, new))| old != new && diff::cost(old, new) <= PAIRS).collect();
    if changed.is_empty() {
        return None;
    }
    let changed: Vec<_> =
        changed.into_iter().map(|(name, (old, new))| (name, diff::runs(old, new))).collect();
    WORDS.into_iter().find_map(|words| {
        let members =
            changed.iter().map(|(name, runs)| ((*name).to_owned(), diff::markup(runs, words).into()));
        let json = Value::Object(members.collect()).to_string();
        (json.len() + r#","diff":"#.len() <= most).then_some(json)
    })
}

/// What an endpoint is asked before its first event; `head` is the newest event, so that it knows where it begins.
pub fn ping(subscription: &SubscriptionId, at: Timestamp, head: Seq) -> String {
    json!({
        "type": EventType::Ping.as_str(),
        "timestamp": at.to_string(),
        "sequence": head.0,
        "data": { "subscription": subscription.as_str() },
    })
    .to_string()
}

fn data(
    event: &Event,
    article: &Article,
    previous: Option<&Article>,
    feeds: &[FeedId],
    extent: Extent,
) -> Map<String, Value> {
    let content = &article.content;
    let mut data = Map::new();
    let mut say = |name: &str, value: Value| {
        data.insert(name.to_owned(), value);
    };
    say("id", article.id.to_string().into());
    say("source", event.source.as_str().into());
    if let Some(first) = feeds.first() {
        say("feed", first.as_str().into());
        say("feeds", feeds.iter().take(extent.list).map(FeedId::as_str).collect());
    }
    say("url", content.url.as_deref().map_or(Value::Null, |url| whole(url, extent.url)));
    say("title", clip(&content.title, extent.text).into());
    say("summary", clip(&content.summary, extent.summary).into());
    say("date_published", article.published.rfc3339().into());
    say("date_modified", article.updated.rfc3339(article.published.offset).into());
    say("date_precision", article.published.precision.to_string().into());
    say("revision", article.revision.0.into());
    lists(&mut data, article, extent);
    let language = content.language.as_deref().map_or(Value::Null, |language| whole(language, 35));
    data.insert("language".to_owned(), language);
    labels(&mut data, article, extent);
    if let (Change::Updated, Some(previous)) = (event.change, previous) {
        data.insert("changed_fields".to_owned(), changed_fields(previous, article).into());
    }
    data
}

/// Authors, categories and enclosures, in the words of JSON Feed 1.1 where it has some.
fn lists(data: &mut Map<String, Value>, article: &Article, extent: Extent) {
    let content = &article.content;
    let authors = content.authors.iter().take(extent.list).map(|person| {
        object([
            ("name", person.name.as_deref().map(|name| clip(name, extent.text).into())),
            ("email", person.email.as_deref().map(|email| whole(email, extent.text))),
            ("url", person.url.as_deref().map(|url| whole(url, extent.url))),
        ])
    });
    let categories = content.categories.iter().take(extent.list);
    let categories = categories.map(|category| Value::String(clip(&category.term, extent.text)));
    // A file without its whole address is of no use: left out, not cut.
    let files = content.enclosures.iter().filter(|file| file.url.chars().count() <= extent.url);
    let enclosures = files.take(extent.list).map(|file| {
        object([
            ("url", Some(file.url.as_str().into())),
            ("type", file.media_type.as_deref().map(|kind| whole(kind, extent.text))),
            ("length", file.length.map(Value::from)),
            ("title", file.title.as_deref().map(|title| clip(title, extent.text).into())),
        ])
    });
    data.insert("authors".to_owned(), authors.collect());
    data.insert("categories".to_owned(), categories.collect());
    data.insert("enclosures".to_owned(), enclosures.collect());
}

/// What else says the same, and the official document that it announces.
fn labels(data: &mut Map<String, Value>, article: &Article, extent: Extent) {
    if let Some(Cluster { members }) = &article.labels.cluster {
        let members = members.iter().take(extent.list.max(2)).cloned().collect();
        data.insert("cluster".to_owned(), Cluster { members }.told(article.published.offset));
    }
    let fits = |document: &&Official| {
        [Some(&document.number), document.issuer.as_ref()]
            .into_iter()
            .flatten()
            .all(|it| it.len() <= extent.text)
    };
    if let Some(document) = article.labels.document.as_ref().filter(fits) {
        data.insert("document".to_owned(), document.told());
    }
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let said = members.into_iter().filter_map(|(name, value)| {
        value.filter(|value| !value.is_null()).map(|value| (name.to_owned(), value))
    });
    Value::Object(said.collect())
}

/// The text, or nothing when only a part of it would fit: half an address is worse than none.
fn whole(text: &str, most: usize) -> Value {
    if text.chars().count() <= most { text.into() } else { Value::Null }
}

/// The text, cut at the end of a character with `…` in its place.
fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Which members of the payload, and of the article behind it, say something else now.
fn changed_fields(before: &Article, now: &Article) -> Vec<&'static str> {
    let (old, new) = (&before.content, &now.content);
    [
        ("url", old.url != new.url),
        ("title", old.title != new.title),
        ("summary", old.summary != new.summary),
        ("content", old.html != new.html),
        ("authors", old.authors != new.authors),
        ("categories", old.categories != new.categories),
        ("enclosures", old.enclosures != new.enclosures),
        ("image", old.image != new.image),
        ("language", old.language != new.language),
        ("status", before.status != now.status),
    ]
    .into_iter()
    .filter_map(|(name, changed)| changed.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{Category, Enclosure, Html, Person, Revision},
        push::testing::{article, event},
    };

    #[test]
    fn says_what_the_wire_contract_says() {
        let (event, mut article) = (event(7), article());
        article.content.enclosures.push(Enclosure {
            url: "https://a.example/tb.pdf".into(),
            media_type: Some("application/pdf".into()),
            length: Some(123),
            title: None,
        });
        let feeds = ["thong-bao".parse().unwrap(), "tat-ca".parse().unwrap()];
        let said = payload(&event, &article, None, &feeds);
        let expected = format!(
            r#"{{"type":"article.published","timestamp":"2026-03-05T02:15:09Z","sequence":7,"data":{{"id":"{}","source":"quan1","feed":"thong-bao","feeds":["thong-bao","tat-ca"],"url":"https://a.example/1","title":"Thông báo số 1","summary":"Về việc <b> & \"x\"","date_published":"2026-03-05T09:15:00+07:00","date_modified":"2026-03-05T09:15:00+07:00","date_precision":"minute","revision":1,"authors":[{{"name":"Ủy ban"}}],"categories":["Tin tức"],"enclosures":[{{"url":"https://a.example/tb.pdf","type":"application/pdf","length":123}}],"language":"vi"}}}}"#,
            article.id
        );
        assert_eq!(said, expected);
    }

    #[test]
    fn an_update_names_what_changed() {
        let (mut event, before) = (event(8), article());
        let mut after = before.clone();
        after.revision = Revision(2);
        after.content.title.push_str(" (sửa)");
        after.content.image = Some("https://a.example/1.jpg".into());
        event.change = Change::Updated;
        let said: Value = serde_json::from_str(&payload(&event, &after, Some(&before), &[])).unwrap();
        assert_eq!(said["data"]["changed_fields"], json!(["title", "image"]));
        assert_eq!(said["type"], "article.updated");
        assert_eq!(said["data"].get("feed"), None);
    }

    #[test]
    fn shortens_the_summary_before_anything_else() {
        let (event, mut article) = (event(9), article());
        article.content.summary = "ế".repeat(50_000);
        let said: Value = serde_json::from_str(&payload(&event, &article, None, &[])).unwrap();
        let summary = said["data"]["summary"].as_str().unwrap();
        assert!(summary.ends_with("ế…") && summary.chars().count() == 2000);
        assert_eq!(said["data"]["categories"], json!(["Tin tức"]));
    }

    #[test]
    fn an_update_shows_what_changed_word_by_word() {
        let (mut event, before) = (event(8), article());
        let mut after = before.clone();
        event.change = Change::Updated;
        after.content.title = "Thông báo số 2".into();
        after.content.html = Html::sanitized("<p>Một <b>hai</b></p>".into());
        let told = |after: &Article| -> Value {
            serde_json::from_str(&payload(&event, after, Some(&before), &[])).unwrap()
        };
        let expected =
            json!({"title": "Thông báo số <del>1</del> <ins>2</ins>", "content": "<ins>Một hai</ins>"});
        assert_eq!(told(&after)["data"]["diff"], expected);
        after.content.html = Html::sanitized("<p>từ khác </p>".repeat(100_000));
        let content = told(&after)["data"]["diff"]["content"].as_str().unwrap().to_owned();
        assert!(content.len() < DIFF && content.ends_with('…'), "{content}");
        after.content.html = Html::sanitized("\"\"\"\"".repeat(100_000));
        assert!(told(&after)["data"]["diff"]["content"].is_string(), "long words are cut");
        let many = |word: &str| Html::sanitized((0..1_000).map(|n| format!("{word}{n} ")).collect());
        let mut rewritten = before.clone();
        rewritten.content.html = many("a");
        after.content.html = many("b");
        let said = payload(&event, &after, Some(&rewritten), &[]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["data"]["changed_fields"], json!(["title", "content"]));
        assert_eq!(said["data"]["diff"], json!({"title": "Thông báo số <del>1</del> <ins>2</ins>"}));
        let mut image = before.clone();
        image.content.image = Some("https://a.example/1.jpg".into());
        assert_eq!(told(&image)["data"].get("diff"), None);
    }

    #[test]
    fn what_a_filter_found_stands_at_the_end_of_the_data_while_there_is_room() {
        let found = |n: usize| {
            vec![Match { field: "title", term: "\u{1}".repeat(100), snippet: "\u{1}".repeat(120) }; n]
        };
        let said: Value = serde_json::from_slice(&with_matches(b"{\"data\":{\"a\":1}}", &found(1))).unwrap();
        assert_eq!(said["data"]["matched"][0]["field"], "title");
        assert_eq!(said["data"]["a"], 1);
        let whole = payload(&event(1), &article(), None, &[]);
        let said = with_matches(whole.as_bytes(), &found(1_000));
        assert!(said.len() < MAX_BYTES && said.len() > MAX_BYTES - 2_000, "{}", said.len());
        let said: Value = serde_json::from_slice(&with_matches(whole.as_bytes(), &[])).unwrap();
        assert_eq!(said["data"]["matched"], json!([]));
    }

    fn hostile() -> impl Strategy<Value = String> {
        (prop_oneof![Just('\u{0}'), Just('"'), Just('ế'), Just('😀'), Just('a')], 0usize..30_000)
            .prop_map(|(c, n)| c.to_string().repeat(n))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn is_always_small_enough_and_json(
            (title, summary, url, other) in (hostile(), hostile(), hostile(), hostile()),
            many in 0usize..400,
        ) {
            let (event, mut article) = (event(1), article());
            let content = &mut article.content;
            let person = Person { name: Some(other.clone()), email: Some(other.clone()), url: Some(url.clone()) };
            content.authors = vec![person; many.min(9)];
            content.categories = vec![Category { term: "x".repeat(many), ..Category::default() }; many];
            content.enclosures = vec![Enclosure { url: url.clone(), title: Some(title.clone()), media_type: Some(other.clone()), length: None }; many.min(9)];
            (content.title, content.summary, content.url, content.language) = (title, summary, Some(url), Some(other));
            let feeds = vec!["f".repeat(64).parse().unwrap(); many];
            let said = payload(&event, &article, None, &feeds);
            prop_assert!(said.len() < MAX_BYTES - MATCHES, "{}", said.len());
            prop_assert!(serde_json::from_str::<Value>(&said).is_ok());
            let update = Event { change: Change::Updated, ..event };
            let before = self::article();
            for (before, now) in [(&before, &article), (&article, &before)] {
                let said = payload(&update, now, Some(before), &feeds);
                prop_assert!(said.len() < MAX_BYTES - MATCHES, "{}", said.len());
                let n = many.min(10);
                let found = vec![Match { field: "categories", term: now.content.title.chars().take(120).collect(), snippet: now.content.title.chars().take(120).collect() }; n];
                let said = with_matches(said.as_bytes(), &found);
                prop_assert!(said.len() < MAX_BYTES, "{}", said.len());
                let said: Value = serde_json::from_slice(&said).unwrap();
                prop_assert!(said["data"]["matched"].as_array().unwrap().len() >= n.min(2));
            }
        }
    }
}
