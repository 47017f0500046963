//! Every form against its receiver's documented schema, also for articles that mean no good.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::{Forms, Rendered, Template, Told, samples};
use crate::{
    model::{Change, Form},
    push::{
        payload::payload,
        testing::{article, event},
    },
};

/// Each form that is made by a template, with an address of its receiver.
const RECEIVERS: [(&str, &str); 6] = [
    ("slack", "https://hooks.slack.com/services/T0/B0/x"),
    ("discord", "https://discord.com/api/webhooks/1/x"),
    ("mattermost", "https://chat.example/hooks/x"),
    ("teams", "https://x.environment.api.powerplatform.com/workflows/x?sig=x"),
    ("telegram", "https://api.telegram.org/bot1:x/sendMessage?chat_id=-100123"),
    ("ntfy", "https://ntfy.sh/quan-1?auth=x"),
];

fn rendered(form: &Form, url: &str, native: &str, text: &str) -> Rendered {
    let url = Url::parse(url).unwrap();
    let native = &Bytes::from(native.to_owned());
    let told = Told { id: "msg_1", native, text, url: &url, base: "https://tin.example" };
    Forms::default().render(form, told).unwrap()
}

fn by_template(name: &str, url: &str, native: &str) -> Value {
    let made = rendered(&Form::Template(name.to_owned()), url, native, "Toàn văn.");
    assert_eq!(made.content_type, "application/json");
    serde_json::from_slice(&made.body).unwrap()
}

// === receivers, as they document themselves ===

/// The object has these members and no others; `!` marks those that have to be there.
fn members(value: &Value, known: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for name in object.keys() {
        assert!(known.iter().any(|known| known.trim_end_matches('!') == name), "`{name}` in {value}");
    }
    for name in known.iter().filter_map(|known| known.strip_suffix('!')) {
        assert!(object.contains_key(name), "no `{name}` in {value}");
    }
}

/// A text of a length, in UTF-16 units.
fn text(value: &Value, lengths: std::ops::RangeInclusive<usize>) -> &str {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!(lengths.contains(&text.encode_utf16().count()), "{} units: {text}", text.encode_utf16().count());
    text
}

/// docs.slack.dev: `chat.postMessage` and incoming webhooks; blocks `section` and `context`.
fn slack(body: &Value) {
    members(body, &["text!", "blocks", "unfurl_links", "unfurl_media"]);
    let mut texts = vec![text(&body["text"], 1..=40_000)];
    let blocks = body["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "section" => {
                members(block, &["type!", "text!"]);
                members(&block["text"], &["type!", "text!", "verbatim"]);
                texts.push(text(&block["text"]["text"], 1..=3_000));
            }
            "context" => {
                members(block, &["type!", "elements!"]);
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=10).contains(&elements.len()));
                for element in elements {
                    members(element, &["type!", "text!", "verbatim"]);
                    texts.push(text(&element["text"], 1..=3_000));
                }
            }
            other => panic!("{other}"),
        }
    }
    for link in texts.iter().flat_map(|text| text.split('<').skip(1)) {
        assert!(link.starts_with("http") && link.contains('>'), "{link}");
    }
}

/// discord.com/developers/docs/resources/webhook "Execute Webhook", …/message "Embed Limits".
fn discord(body: &Value) {
    members(body, &["embeds!", "allowed_mentions!"]);
    assert_eq!(body["allowed_mentions"], json!({"parse": []}));
    let embeds = body["embeds"].as_array().unwrap();
    assert!((1..=10).contains(&embeds.len()));
    for embed in embeds {
        members(embed, &["author", "title", "url", "description", "color", "footer", "timestamp"]);
        let mut all = text(&embed["title"], 1..=256).to_owned() + text(&embed["footer"]["text"], 1..=2_048);
        all.push_str(text(&embed["author"]["name"], 1..=256));
        if let Some(description) = embed.get("description") {
            all.push_str(text(description, 1..=4_096));
        }
        assert!(all.encode_utf16().count() <= 6_000);
        assert!((0..=0xff_ffff).contains(&embed["color"].as_i64().unwrap()));
        assert!(embed.get("url").is_none_or(|url| text(url, 1..=2_048).starts_with("http")));
        embed["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
}

/// developers.mattermost.com/integrate/webhooks/incoming, …/reference/message-attachments.
fn mattermost(body: &Value) {
    members(body, &["text!", "attachments", "props"]);
    let mut all = text(&body["text"], 1..=16_383).to_owned();
    for one in body["attachments"].as_array().unwrap() {
        members(one, &["fallback!", "title", "title_link", "text", "footer"]);
        for name in ["fallback", "title", "text", "footer"] {
            all.push_str(text(&one[name], 0..=16_383));
        }
    }
    assert!(all.encode_utf16().count() <= 16_383);
    assert!(all.split('@').skip(1).all(|rest| rest.starts_with('\u{200b}')), "{all}");
    assert!(!all.contains("<!"));
}

/// learn.microsoft.com, "Send messages in Teams using incoming webhooks": an Adaptive Card in a `message`;
/// adaptivecards.io/schemas/adaptive-card.json.
fn teams(body: &Value) {
    assert!(body.to_string().len() <= 20_000, "28 KB are documented, 21 KB reported");
    members(body, &["type!", "attachments!"]);
    assert_eq!(body["type"], "message");
    for attachment in body["attachments"].as_array().unwrap() {
        members(attachment, &["contentType!", "contentUrl", "content!"]);
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        let card = &attachment["content"];
        members(card, &["$schema", "type!", "version!", "body!", "actions"]);
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        for block in card["body"].as_array().unwrap() {
            members(block, &["type!", "inlines!"]);
            assert_eq!(block["type"], "RichTextBlock");
            for run in block["inlines"].as_array().unwrap() {
                members(run, &["type!", "text!", "weight", "size", "color", "isSubtle"]);
                assert_eq!(run["type"], "TextRun");
            }
        }
        for action in card["actions"].as_array().into_iter().flatten() {
            members(action, &["type!", "title", "url!"]);
            assert_eq!(action["type"], "Action.OpenUrl");
        }
    }
}

/// core.telegram.org/bots/api#sendmessage, #html-style.
fn telegram(body: &Value) {
    members(body, &["chat_id!", "text!", "parse_mode"]);
    assert_eq!((&body["chat_id"], &body["parse_mode"]), (&json!("-100123"), &json!("HTML")));
    let html = body["text"].as_str().unwrap();
    let mut plain = String::new();
    let mut open = Vec::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let (tag, after) = after.split_once('>').expect(html);
        match tag.split(' ').next().unwrap() {
            "/b" | "/i" | "/a" => assert_eq!(open.pop(), tag.strip_prefix('/')),
            "b" | "i" => open.push(tag),
            "a" => {
                assert!(tag.starts_with("a href=\"") && tag.matches('"').count() == 2, "{tag}");
                open.push("a");
            }
            other => panic!("{other} in {html}"),
        }
        rest = after;
    }
    plain.push_str(rest);
    assert!(open.is_empty());
    for rest in plain.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|known| rest.starts_with(known)), "{plain}");
    }
    let shown =
        ["&lt;", "&gt;", "&quot;", "&amp;"].iter().fold(plain, |text, known| text.replace(known, "x"));
    text(&shown.into(), 1..=4_096);
}

/// docs.ntfy.sh/publish/#publish-as-json, #limitations.
fn ntfy(body: &Value) {
    members(body, &["topic!", "title", "message", "click"]);
    let topic = body["topic"].as_str().unwrap();
    assert!(topic.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) && topic.len() <= 64);
    assert!((1..=4_096).contains(&body["message"].as_str().unwrap().len()));
    assert!(body.to_string().len() <= 8_192, "its server reads no more");
}

fn check(name: &str, body: &Value) {
    match name {
        "slack" => slack(body),
        "discord" => discord(body),
        "mattermost" => mattermost(body),
        "teams" => teams(body),
        "telegram" => telegram(body),
        "ntfy" => ntfy(body),
        other => panic!("{other}"),
    }
}

// === tests ===

#[test]
fn every_kind_of_event_fits_every_receiver() {
    for (name, url) in RECEIVERS {
        for native in samples() {
            check(name, &by_template(name, url, &native.to_string()));
        }
    }
}

#[test]
fn one_article_in_each_form() {
    let native = payload(&event(7), &article(), None, &["thong-bao".parse().unwrap()]);
    let mut shown = String::new();
    for (name, url) in RECEIVERS {
        let body = by_template(name, url, &native);
        check(name, &body);
        shown.push_str(&format!("=== {name}\n{}\n", serde_json::to_string_pretty(&body).unwrap()));
    }
    let event = rendered(&Form::CloudEvents, "https://a.example/", &native, "");
    assert_eq!(event.content_type, "application/cloudevents+json; charset=utf-8");
    let event: Value = serde_json::from_slice(&event.body).unwrap();
    shown.push_str(&format!("=== cloudevents\n{}\n", serde_json::to_string_pretty(&event).unwrap()));
    insta::assert_snapshot!(shown);
}

#[test]
fn the_native_form_is_the_payload_byte_for_byte() {
    let made = rendered(&Form::Native, "https://a.example/hook?x=1", "{\"type\":\"x\"}", "");
    assert_eq!((&*made.body, made.content_type), (&b"{\"type\":\"x\"}"[..], "application/json"));
    assert_eq!(made.url.as_str(), "https://a.example/hook?x=1");
}

/// github.com/cloudevents/spec, v1.0.2: required attributes, names of extensions, formats.
#[test]
fn cloud_events_have_what_the_specification_asks_for() {
    for native in samples() {
        let made = rendered(&Form::CloudEvents, "https://a.example/", &native.to_string(), "");
        let event: Value = serde_json::from_slice(&made.body).unwrap();
        members(
            &event,
            &[
                "specversion!",
                "id!",
                "source!",
                "type!",
                "time!",
                "datacontenttype",
                "subject",
                "sequence",
                "data",
            ],
        );
        assert_eq!(event["specversion"], "1.0");
        assert_eq!((&event["id"], &event["source"]), (&json!("msg_1"), &json!("https://tin.example")));
        assert_eq!((&event["type"], &event["data"]), (&native["type"], &native["data"]));
        assert!(event.as_object().unwrap().keys().all(|name| name.chars().all(|c| c.is_ascii_lowercase())));
        assert_eq!(event["sequence"], "00000000000000000001");
        event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
}

#[test]
fn labels_speak_the_language_of_the_article() {
    let (mut event, mut article) = (event(7), article());
    let mut label = |change: Change, language: Option<&str>| {
        (event.change, article.content.language) = (change, language.map(str::to_owned));
        let body = by_template("mattermost", RECEIVERS[2].1, &payload(&event, &article, None, &[]));
        body["text"].as_str().unwrap().trim_matches('*').to_owned()
    };
    assert_eq!(label(Change::Published, Some("vi")), "Mới");
    assert_eq!(label(Change::Updated, Some("vi-VN")), "Sửa");
    assert_eq!(label(Change::Withdrawn, Some("vi")), "Gỡ");
    assert_eq!(label(Change::Withdrawn, Some("en")), "Withdrawn");
    assert_eq!(label(Change::Published, None), "New");
}

#[test]
fn an_article_without_a_summary_shows_the_beginning_of_its_text() {
    let mut article = article();
    article.content.summary = String::new();
    let body = by_template("discord", RECEIVERS[1].1, &payload(&event(7), &article, None, &[]));
    assert_eq!(body["embeds"][0]["description"], "Toàn văn.");
}

#[test]
fn ntfy_is_told_at_the_root_of_its_server() {
    let native = samples()[0].to_string();
    for (url, root, topic) in [
        ("https://ntfy.sh/quan-1", "https://ntfy.sh/", "quan-1"),
        ("https://ntfy.sh/quan-1/?auth=x", "https://ntfy.sh/?auth=x", "quan-1"),
        ("https://a.example/ntfy/quan_1", "https://a.example/ntfy/", "quan_1"),
    ] {
        let made = rendered(&Form::Template("ntfy".into()), url, &native, "");
        let body: Value = serde_json::from_slice(&made.body).unwrap();
        assert_eq!((made.url.as_str(), &body["topic"]), (root, &json!(topic)));
    }
}

#[test]
fn a_form_says_what_it_lacks() {
    let forms = Forms::default();
    let wrong = |name: &str, url: &str| {
        let fault = forms.named(name, &Url::parse(url).unwrap()).unwrap_err();
        format!("{} {}", fault.message, fault.hint.unwrap_or_default())
    };
    assert!(wrong("slak", "https://a.example/").contains("did you mean `slack`?"));
    assert!(wrong("zzzzzzzzzz", "https://a.example/").contains("native, cloudevents, slack, discord"));
    assert!(wrong("telegram", "https://api.telegram.org/bot1:x/sendMessage").contains("add `?chat_id=…`"));
    assert!(
        wrong("telegram", "https://api.telegram.org/bot1:x/sendMessage?chat_id=").contains("`?chat_id=…`")
    );
    assert!(wrong("ntfy", "https://ntfy.sh/").contains("needs a topic"));
    for (name, url) in
        RECEIVERS.into_iter().chain([("native", "https://a.example/"), ("cloudevents", "https://a.example/")])
    {
        let form = forms.named(name, &Url::parse(url).unwrap()).unwrap();
        assert_eq!(super::name(&form), name);
    }
}

#[test]
fn templates_of_operators_are_tried_before_they_are_used() {
    let wrong = |source: &str| {
        let own = Template { name: "chat".into(), source: source.into() };
        Forms::default().add(own).unwrap_err()
    };
    for (source, line, words) in [
        ("{\n\"text\": {{ data.titel }}}", Some(2), "`data.titel` is not defined"),
        ("{\n\n{% if x %}", Some(3), "unexpected end"),
        ("{{ data.title|shout }}", Some(1), "shout"),
        ("{\"text\": \"{{ data.title }}\"}", None, "not JSON"),
        ("{\"text\": {{ data.title }},}", None, "not JSON"),
        ("{\"n\": {{ data.authors[0].name }}}", Some(1), "is not defined"),
        (
            "[{% for n in range(9999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }},{% endfor %}1]",
            None,
            "bytes",
        ),
    ] {
        let fault = wrong(source);
        assert_eq!(fault.line, line, "{source}: {fault}");
        assert!(fault.message.contains(words), "{source}: {fault}");
    }
    let again = Forms::default().add(Template { name: "slack".into(), source: "{}".into() }).unwrap_err();
    assert!(again.message.contains("already"));
    let mut forms = Forms::default();
    let source =
        "{\"said\": {{ label ~ ' ' ~ data.title }}, \"to\": {{ query.who }}, \"all\": {{ data|tojson }}}";
    forms.add(Template { name: "chat".into(), source: source.into() }).unwrap();
    let url = Url::parse("https://a.example/?who=me").unwrap();
    let form = forms.named("chat", &url).unwrap();
    let native = Bytes::from(payload(&event(7), &article(), None, &[]));
    let told = Told { id: "msg_1", native: &native, text: "", url: &url, base: "" };
    let body: Value = serde_json::from_slice(&forms.render(&form, told).unwrap().body).unwrap();
    assert_eq!((&body["said"], &body["to"]), (&json!("Mới Thông báo số 1"), &json!("me")));
    assert_eq!(body["all"]["feed"], Value::Null);
    assert!(forms.named("chat", &Url::parse("https://a.example/").unwrap()).is_err(), "nobody to be told");
}

/// Texts that break out of quotes, templates, markup, that ping, and that are too long.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        "[\"\\\\{}\\[\\]<>&@%|*_`~#,:'\u{0}\u{1b}\n\t ]{1,12}",
        Just("{{ data }}".to_owned()),
        Just("{% raw %}".to_owned()),
        Just("@everyone <!channel> <@U1> <at>x</at> </b></a>".to_owned()),
        Just("\", \"allowed_mentions\": {\"parse\": [\"everyone\"]}, \"x\": \"".to_owned()),
        Just("😀ế\u{202e}\u{2028}".to_owned()),
        "\\PC{0,10}",
    ];
    (proptest::collection::vec(parts, 0..8), prop_oneof![Just(1usize), Just(1), Just(2_000)])
        .prop_map(|(parts, times)| parts.concat().repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_text_breaks_out_or_is_too_long(
        (title, summary, path) in (hostile(), hostile(), "[a-z@|<>\"& ]{0,300}"),
        vietnamese in any::<bool>(),
    ) {
        let mut article = article();
        article.content.title = title;
        article.content.summary = summary;
        article.content.url = Url::parse(&format!("https://a.example/{path}")).ok().map(String::from);
        article.content.language = vietnamese.then(|| "vi".to_owned());
        let native = payload(&event(1), &article, None, &[]);
        for (name, url) in RECEIVERS {
            check(name, &by_template(name, url, &native));
        }
    }
}
