//! What a webhook's body looks like: the native payload, CloudEvents 1.0, or what a template makes of it. Pure.

mod fit;
mod template;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use minijinja::Environment;
use serde_json::{Value, json};
use url::Url;

use crate::model::{EventType, Form, nearest::nearest};

const NATIVE: &str = "native";
const CLOUD_EVENTS: &str = "cloudevents";

/// The forms that there are: those that are built in, and the operator's.
#[derive(Clone)]
pub struct Forms {
    environment: Arc<Environment<'static>>,
    own: Vec<Template>,
}

/// A template of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name of its form.
    pub name: String,
    /// Its text: minijinja that makes JSON.
    pub source: String,
}

/// What is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of its template, from 1.
    pub line: Option<usize>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What is to be told, and where.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The `webhook-id`.
    pub id: &'a str,
    /// The native payload: JSON.
    pub native: &'a Bytes,
    /// The article's whole text, without markup.
    pub text: &'a str,
    /// The subscription's address.
    pub url: &'a Url,
    /// Where the public reaches us.
    pub base: &'a str,
}

/// A request's body, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Its media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
    /// The address: the subscription's, but for receivers that want the last part of it in the body.
    pub url: Url,
}

// === impl Forms ===

impl Forms {
    /// Adds a template of the operator, and tries it on an article of every kind.
    pub fn add(&mut self, own: Template) -> Result<(), Fault> {
        if self.names().any(|name| name == own.name) {
            return Err(Fault::new(format!("there is a form `{}` already", own.name)));
        }
        let mut environment = (*self.environment).clone();
        environment
            .add_template_owned(own.name.clone(), own.source.clone())
            .map_err(|cause| template::fault(&cause, &own.source))?;
        for native in samples() {
            let context = template::context("msg_1", &native, SAMPLE_TEXT, None);
            template::render(&environment, &own.name, context)?;
        }
        self.environment = Arc::new(environment);
        self.own.push(own);
        Ok(())
    }

    /// The names of all forms.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let built_in = template::BUILT_IN.iter().map(|(name, _)| *name);
        [NATIVE, CLOUD_EVENTS].into_iter().chain(built_in).chain(self.own.iter().map(|own| own.name.as_str()))
    }

    /// The form of that name, if it can tell something to that address.
    pub fn named(&self, name: &str, url: &Url) -> Result<Form, Fault> {
        let form = match name {
            NATIVE => Form::Native,
            CLOUD_EVENTS => Form::CloudEvents,
            name if self.names().any(|known| known == name) => Form::Template(name.to_owned()),
            unknown => return Err(self.unknown(unknown)),
        };
        for native in samples() {
            let native = Bytes::from(native.to_string());
            let told = Told { id: "msg_1", native: &native, text: SAMPLE_TEXT, url, base: "" };
            self.render(&form, told)?;
        }
        Ok(form)
    }

    fn unknown(&self, name: &str) -> Fault {
        let shown: String = name.chars().take(64).collect();
        let known: Vec<&str> = self.names().collect();
        Fault::new(format!("there is no form `{shown}`")).hint(match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("forms are {}", known.join(", ")),
        })
    }

    /// The body of a request in a form.
    pub fn render(&self, form: &Form, told: Told<'_>) -> Result<Rendered, Fault> {
        let (content_type, body, url) = match form {
            Form::Native => ("application/json", told.native.clone(), told.url.clone()),
            Form::CloudEvents => {
                let body = cloud_event(&read(told.native)?, told.id, told.base);
                ("application/cloudevents+json; charset=utf-8", body.into(), told.url.clone())
            }
            Form::Template(name) => {
                if !self.names().any(|known| known == name) {
                    return Err(self.unknown(name));
                }
                let context = template::context(told.id, &read(told.native)?, told.text, Some(told.url));
                let body = template::render(&self.environment, name, context)?;
                ("application/json", body.into(), address(name, told.url))
            }
        };
        Ok(Rendered { content_type, body, url })
    }
}

impl Default for Forms {
    fn default() -> Self {
        Self { environment: Arc::new(template::environment()), own: Vec::new() }
    }
}

impl PartialEq for Forms {
    fn eq(&self, other: &Self) -> bool {
        self.own == other.own
    }
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// The name by which people know a form.
pub fn name(form: &Form) -> &str {
    match form {
        Form::Native => NATIVE,
        Form::CloudEvents => CLOUD_EVENTS,
        Form::Template(name) => name,
    }
}

fn read(native: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(native).map_err(|cause| Fault::new(format!("the payload is not JSON: {cause}")))
}

/// ntfy takes JSON at the root of its server, with the topic in it (docs.ntfy.sh/publish, "Publish as JSON").
fn address(form: &str, url: &Url) -> Url {
    let mut url = url.clone();
    if form == "ntfy"
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.pop_if_empty().pop().push("");
    }
    url
}

/// CloudEvents 1.0, JSON format, structured mode. The number in the journal stands in the extension `sequence`:
/// a text that sorts as numbers do.
fn cloud_event(native: &Value, id: &str, base: &str) -> String {
    let data = native.get("data").cloned().unwrap_or_default();
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        "source": if base.is_empty() { "urn:loaphuong" } else { base },
        "type": native.get("type"),
        "time": native.get("timestamp"),
        "datacontenttype": "application/json",
    });
    if let Some(subject) = data.get("id").and_then(Value::as_str) {
        event["subject"] = subject.into();
    }
    if let Some(sequence) = native.get("sequence").and_then(Value::as_u64) {
        event["sequence"] = format!("{sequence:020}").into();
    }
    event["data"] = data;
    event.to_string()
}

// === samples ===

const SAMPLE_TEXT: &str = "Toàn văn.";

/// One event of every kind, with and without everything that an article may lack.
fn samples() -> [Value; 4] {
    let full = json!({
        "id": "urn:uuid:00000000-0000-5000-8000-000000000000", "source": "quan1",
        "feed": "thong-bao", "feeds": ["thong-bao"], "url": "https://a.example/1",
        "title": "Thông báo \"số\" 1", "summary": "Về việc \\ {{ x }}",
        "date_published": "2026-03-05T09:15:00+07:00", "date_modified": "2026-03-05T09:15:00+07:00",
        "date_precision": "minute", "revision": 2, "authors": [{"name": "Ủy ban"}], "categories": ["Tin tức"],
        "enclosures": [{"url": "https://a.example/tb.pdf", "type": "application/pdf", "length": 1}],
        "language": "vi", "changed_fields": ["title"], "diff": {"title": "<del>a</del> <ins>b</ins>"},
        "matched": [{"field": "title", "term": "thông báo", "snippet": "Thông báo"}],
    });
    let bare = json!({
        "id": "urn:uuid:00000000-0000-5000-8000-000000000000", "source": "quan1", "url": null, "title": "",
        "summary": "", "date_published": "2026-03-05T00:00:00+07:00",
        "date_modified": "2026-03-05T00:00:00+07:00", "date_precision": "day", "revision": 1, "authors": [],
        "categories": [], "enclosures": [], "language": null,
    });
    [
        (EventType::ArticlePublished, full.clone()),
        (EventType::ArticleUpdated, full),
        (EventType::ArticleWithdrawn, bare),
        (EventType::Ping, json!({})),
    ]
    .map(|(kind, data)| {
        json!({ "type": kind.as_str(), "timestamp": "2026-03-05T02:15:09Z", "sequence": 1, "data": data })
    })
}

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
