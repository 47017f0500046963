//! Templates to answers.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use minijinja::{AutoEscape, Environment, Output, UndefinedBehavior, Value, context};

use super::language::Language;
use crate::web::{assets, conditional::unchanged, error::Problem};

/// Nothing runs or loads but what is ours; pictures come from where the articles' pictures are.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' https: http: data:; media-src https: http:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The same for a page with buttons.
const POLICY_OF_FORMS: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    const SOURCES: [(&str, &str); 9] = [
        ("base.html", include_str!("../../../templates/base.html")),
        ("parts.html", include_str!("../../../templates/parts.html")),
        ("index.html", include_str!("../../../templates/index.html")),
        ("feed.html", include_str!("../../../templates/feed.html")),
        ("article.html", include_str!("../../../templates/article.html")),
        ("bot.html", include_str!("../../../templates/bot.html")),
        ("message.html", include_str!("../../../templates/message.html")),
        ("subscription.html", include_str!("../../../templates/subscription.html")),
        ("mail.html", include_str!("../../../templates/mail.html")),
    ];
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_formatter(escaped);
    templates.set_trim_blocks(true);
    templates.set_lstrip_blocks(true);
    for (name, source) in SOURCES {
        templates.add_template(name, source).expect("a test renders every template");
    }
    templates
});

/// Escapes what HTML needs escaped. The template engine's own way also writes every `/` as a reference, which
/// programs that look for our feeds without a real parser do not understand.
fn escaped(
    out: &mut Output<'_>,
    state: &minijinja::State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.is_safe() || state.auto_escape() != AutoEscape::Html {
        return minijinja::escape_formatter(out, state, value);
    }
    for char in value.to_string().chars() {
        match char {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            char => out.write_char(char),
        }?;
    }
    Ok(())
}

/// The texts of both languages.
static WORDS: LazyLock<Value> = LazyLock::new(|| {
    let words: toml::Table =
        toml::from_str(include_str!("../../../templates/words.toml")).expect("a test reads these words");
    Value::from_serialize(words)
});

/// What every page knows: its language, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The language that it speaks.
    pub(super) language: Language,
    /// What keeps a chosen language in links: `?lang=en`, or nothing.
    keep: String,
    /// The way from this page to `/`, so that pages also work below a path of a proxy.
    root: String,
    /// Our public address, without a trailing slash.
    pub(super) base: String,
    /// What the client has.
    headers: HeaderMap,
    /// Who may see it.
    audience: Audience,
}

/// Who may see a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Everybody,
    /// Readers of a private feed.
    Readers,
    /// Its owner, who may also change things there: it is kept nowhere.
    Owner,
}

impl Frame {
    /// The frame of the page at `uri`.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap, base: &str) -> Self {
        let asked = Language::asked(uri.query().unwrap_or(""));
        Self {
            language: asked.unwrap_or_else(|| Language::preferred(headers)),
            keep: asked.map_or_else(String::new, |language| format!("?lang={}", language.tag())),
            root: root(uri.path()),
            base: base.to_owned(),
            headers: headers.clone(),
            audience: Audience::Everybody,
        }
    }

    /// The same for a page that only some may read, under `prefix` where its address has one.
    pub(super) fn private(mut self, prefix: Option<&str>) -> Self {
        self.audience = Audience::Readers;
        if let Some(prefix) = prefix {
            self.root = format!("{}{}", "../".repeat(prefix.matches('/').count()), self.root);
            self.base.push_str(prefix);
        }
        self
    }

    /// The same for a page of one owner.
    pub(super) fn secret(mut self) -> Self {
        self.audience = Audience::Owner;
        self
    }

    /// The way from this page to one of ours.
    pub(super) fn to(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// Renders a template into an answer.
    pub(super) fn page(&self, status: StatusCode, template: &str, page: Value) -> Response {
        match self.html(template, page) {
            Ok(html) => self.answer(status, html),
            Err(cause) => Problem::internal(&cause).into_response(),
        }
    }

    /// A page that only says one thing: `not_found`, `withdrawn` or `broken`.
    pub(super) fn message(&self, status: StatusCode, message: &str, near: Option<&str>) -> Response {
        self.page(status, "message.html", context! { message, near })
    }

    /// The markup.
    pub(super) fn html(&self, template: &str, page: Value) -> Result<String, minijinja::Error> {
        let lang = self.language.tag();
        let frame = context! {
            lang,
            other => self.language.other().tag(),
            t => WORDS.get_attr(lang)?,
            keep => self.keep,
            root => self.root,
            base => self.base,
            version => *assets::VERSION,
        };
        TEMPLATES.get_template(template)?.render(context! { ..page, ..frame })
    }

    fn answer(&self, status: StatusCode, html: String) -> Response {
        let tag = format!("\"{}\"", blake3::hash(html.as_bytes()).to_hex().split_at(32).0);
        let fresh = status == StatusCode::OK && self.audience != Audience::Owner;
        let mut response = if fresh && unchanged(&self.headers, &tag, None) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
        };
        let cache = match (fresh, self.audience) {
            (true, Audience::Everybody) => "public, max-age=60",
            (true, _) => "private, max-age=60",
            (false, _) => "no-store",
        };
        let is_hidden = self.audience != Audience::Everybody;
        let policy = if self.audience == Audience::Owner { POLICY_OF_FORMS } else { POLICY };
        let lines: [(HeaderName, &str); 9] = [
            (HeaderName::from_static("x-robots-tag"), if is_hidden { "noindex" } else { "" }),
            (header::CACHE_CONTROL, cache),
            (header::VARY, "Accept-Language"),
            (header::CONTENT_LANGUAGE, self.language.tag()),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::ETAG, if fresh { &tag } else { "" }),
        ];
        let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
        let lines = lines.filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
        response.headers_mut().extend(lines);
        response
    }
}

/// The relative way from `path` to `/`.
fn root(path: &str) -> String {
    /// Deeper addresses are nobody's.
    const DEEPEST: usize = 32;
    match path.matches('/').count().min(DEEPEST) {
        0 | 1 => ".".to_owned(),
        slashes => vec![".."; slashes - 1].join("/"),
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
