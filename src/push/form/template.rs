//! Forms that templates make: the engine, its filters, and what templates know.
//!
//! Whatever a template writes with `{{ … }}` is written as JSON, quotes included: no text of an article can break out
//! of the value in which it stands.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, value::Object,
};
use serde_json::{Map, Value as Json, json};
use url::Url;

use super::{
    Fault,
    fit::{self, Kind, Unit},
};

/// The most bytes that a template may make.
const MOST: usize = 256 << 10;
/// How much of an article's text stands for a summary that it does not have, in characters.
const BEGINNING: usize = 2_000;

/// The templates that are there without a word, by the name of their form.
pub(super) const BUILT_IN: [(&str, &str); 6] = [
    ("slack", include_str!("../../../templates/forms/slack.json.j2")),
    ("discord", include_str!("../../../templates/forms/discord.json.j2")),
    ("mattermost", include_str!("../../../templates/forms/mattermost.json.j2")),
    ("teams", include_str!("../../../templates/forms/teams.json.j2")),
    ("telegram", include_str!("../../../templates/forms/telegram.json.j2")),
    ("ntfy", include_str!("../../../templates/forms/ntfy.json.j2")),
];

/// The engine with the templates that are built in.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("json"));
    environment.set_formatter(as_json);
    add_filters(&mut environment);
    for (name, source) in BUILT_IN {
        environment.add_template(name, source).expect("a test renders every form");
    }
    environment
}

fn add_filters(environment: &mut Environment<'static>) {
    let mut fitted = |name: &'static str, kind: Kind, unit: Unit| {
        environment.add_filter(name, move |text: Value, most: usize| {
            Ok::<_, Error>(fit::fit(&plain(&text)?, kind, unit, most))
        });
    };
    fitted("clip", Kind::Plain, Unit::Utf16);
    fitted("clip_bytes", Kind::Plain, Unit::Bytes);
    fitted("slack", Kind::Slack, Unit::Utf16);
    fitted("discord", Kind::Discord, Unit::Utf16);
    fitted("mattermost", Kind::Mattermost, Unit::Utf16);
    fitted("html", Kind::Html, Unit::Utf16);
    environment.add_filter("address", |text: Value| plain(&text).map(|text| address(&text)));
    environment.add_filter("line", |text: Value| plain(&text).map(|text| fit::line(&text)));
    environment.add_filter("tojson", |value: Value| json_of(&value).map(Value::from_safe_string));
    environment.add_filter("required", |value: Option<Value>, message: String| {
        let value = value.filter(|value| !value.is_none() && value.as_str() != Some(""));
        value.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("slack_link", |url: Value, text: Value, most: usize| {
        Ok::<_, Error>(slack_link(&address(&plain(&url)?), &fit::line(&plain(&text)?), most))
    });
}

/// `<address|text>`, or the text alone where there is no address, or none that fits.
fn slack_link(address: &str, text: &str, most: usize) -> String {
    if address.is_empty() || address.len() + "<|…>".len() >= most {
        return fit::fit(text, Kind::Slack, Unit::Utf16, most);
    }
    let label = fit::fit(text, Kind::Slack, Unit::Utf16, most - address.len() - "<|>".len());
    if label.is_empty() { format!("<{address}>") } else { format!("<{address}|{label}>") }
}

fn address(text: &str) -> String {
    fit::fit(text, Kind::Address, Unit::Utf16, usize::MAX)
}

/// A text as text, and nothing as the empty one.
fn plain(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(if value.is_none() { String::new() } else { value.to_string() })
}

fn json_of(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|cause| {
        Error::new(ErrorKind::BadSerialization, "this value cannot be written as JSON").with_source(cause)
    })
}

fn as_json(out: &mut Output<'_>, _: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return Ok(out.write_str(value.as_str().unwrap_or_default())?);
    }
    Ok(out.write_str(&json_of(value)?)?)
}

// === rendering ===

/// What the template `name` makes of a context: JSON, read and written again.
pub(super) fn render(environment: &Environment<'_>, name: &str, context: Value) -> Result<String, Fault> {
    let template = environment.get_template(name).map_err(|cause| fault(&cause, ""))?;
    let made = template.render(context).map_err(|cause| fault(&cause, template.source()))?;
    if made.len() > MOST {
        return Err(Fault::new(format!("it makes {} bytes, {MOST} are the most", made.len())));
    }
    let read: Json = serde_json::from_str(&made).map_err(|cause| not_json(&made, &cause))?;
    Ok(read.to_string())
}

fn not_json(made: &str, cause: &serde_json::Error) -> Fault {
    const SHOWN: usize = 80;
    let line = made.lines().nth(cause.line().saturating_sub(1)).unwrap_or_default();
    let from = cause.column().saturating_sub(SHOWN / 2);
    let near: String = line.chars().skip(from).take(SHOWN).collect();
    Fault::new(format!("what it makes is not JSON: {cause}, near `{}`", near.trim())).hint(
        "`{{ … }}` writes JSON with its quotes: write `\"text\": {{ data.title }}`, and mind the commas",
    )
}

/// What the engine has against a template.
pub(super) fn fault(cause: &Error, source: &str) -> Fault {
    let written = cause.range().and_then(|range| source.get(range)).unwrap_or_default();
    let detail = cause.detail().map(str::to_owned).unwrap_or_else(|| cause.kind().to_string());
    let message = match cause.kind() {
        ErrorKind::UndefinedError if !written.is_empty() => format!("`{written}` is not defined"),
        _ => detail,
    };
    Fault { line: cause.line(), message, hint: None }
}

// === what templates know ===

/// What a template knows of an event: `native` with every member that there can be, and what is made of it.
pub(super) fn context(id: &str, native: &Json, text: &str, address: Option<&Url>) -> Value {
    let data = complete(native);
    let said = |name: &str| data.get(name).and_then(Json::as_str).unwrap_or_default().trim();
    let kind = native.get("type").and_then(Json::as_str).unwrap_or_default();
    let words = Words::of(said("language"));
    let when = when(said("date_published"), said("date_precision"));
    let byline: Vec<&str> = [said("source"), &when].into_iter().filter(|part| !part.is_empty()).collect();
    let byline = if byline.is_empty() { "loaphuong".to_owned() } else { byline.join(" · ") };
    let summary = said("summary");
    let text = if summary.is_empty() {
        fit::fit(text, Kind::Plain, Unit::Utf16, BEGINNING)
    } else {
        summary.to_owned()
    };
    let (query, topic) = match address {
        Some(address) => (Value::from_serialize(query(address)), Value::from_serialize(topic(address))),
        None => (Value::from_object(Anything), Value::from("topic")),
    };
    minijinja::context! {
        id,
        type => kind,
        timestamp => native.get("timestamp"),
        sequence => native.get("sequence"),
        label => words.label(kind),
        text,
        byline,
        when,
        words => minijinja::context! { open => words.open },
        query,
        topic,
        data => Value::from_serialize(&data),
    }
}

/// The data of a payload; members that this one has no value for are `null`, or empty lists.
fn complete(native: &Json) -> Map<String, Json> {
    let mut data = Map::new();
    for name in
        ["feed", "url", "title", "summary", "date_published", "date_modified", "date_precision", "language"]
    {
        data.insert(name.to_owned(), Json::Null);
    }
    for name in ["id", "source", "revision"] {
        data.insert(name.to_owned(), Json::Null);
    }
    for name in ["feeds", "authors", "categories", "enclosures", "changed_fields", "matched"] {
        data.insert(name.to_owned(), json!([]));
    }
    data.insert("diff".to_owned(), json!({ "title": null, "summary": null, "content": null }));
    for (name, value) in native.get("data").and_then(Json::as_object).into_iter().flatten() {
        match (value, data.get_mut(name)) {
            (Json::Object(members), Some(Json::Object(known))) => known.extend(members.clone()),
            _ => {
                data.insert(name.clone(), value.clone());
            }
        }
    }
    // A title of nothing but control characters is none.
    for name in ["title", "summary"] {
        if let Some(Json::String(text)) = data.get_mut(name) {
            *text = fit::fit(text, Kind::Plain, Unit::Utf16, usize::MAX).trim().to_owned();
        }
    }
    if data.get("title").and_then(Json::as_str).unwrap_or_default().is_empty() {
        data.insert("title".to_owned(), native.get("type").cloned().unwrap_or_default());
    }
    data
}

/// The date as people write it, as exactly as it is known.
fn when(date: &str, precision: &str) -> String {
    let most = match precision {
        "year" => 4,
        "month" => 7,
        "day" => 10,
        _ => 16,
    };
    date.chars().take(most).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

fn query(address: &Url) -> Map<String, Json> {
    address.query_pairs().map(|(name, value)| (name.into_owned(), value.into())).collect()
}

/// The last part of a path.
fn topic(address: &Url) -> Option<String> {
    let last = address.path_segments()?.rfind(|part| !part.is_empty())?;
    Some(percent_decoded(last))
}

fn percent_decoded(text: &str) -> String {
    // What a form's decoder takes for a space is a plus here.
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Stands for any parameter while a template is tried without an address.
#[derive(Debug)]
struct Anything;

impl Object for Anything {
    fn get_value(self: &std::sync::Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from("1"))
    }
}

// === words ===

/// What messages say in a language.
struct Words {
    published: &'static str,
    updated: &'static str,
    withdrawn: &'static str,
    ping: &'static str,
    open: &'static str,
}

const VIETNAMESE: Words =
    Words { published: "Mới", updated: "Sửa", withdrawn: "Gỡ", ping: "Thử", open: "Mở bài" };
const ENGLISH: Words =
    Words { published: "New", updated: "Updated", withdrawn: "Withdrawn", ping: "Test", open: "Open" };

impl Words {
    fn of(language: &str) -> &'static Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("vi") { &VIETNAMESE } else { &ENGLISH }
    }

    fn label<'a>(&self, kind: &'a str) -> &'a str {
        match kind {
            "article.published" => self.published,
            "article.updated" => self.updated,
            "article.withdrawn" => self.withdrawn,
            "ping" => self.ping,
            other => other,
        }
    }
}
