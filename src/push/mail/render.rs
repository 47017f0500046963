//! Mails as people read them. Pure.
//!
//! Whatever a source says is text here: templates escape it, and no header takes a line break (RFC 5322, section 2.2).

use std::{sync::LazyLock, time::SystemTime};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context};
use serde_json::Value as Json;

use super::{
    Settings, address,
    link::{self, Purpose},
    mailing,
    session::Mail,
};
use crate::{
    model::{
        Article, Change, Date, Event, Language, Mailing, Offset, Precision, Subscription, Timestamp, diff,
        markup,
    },
    push::{message::Message as Told, webhook},
};

/// Characters of a subject, a title, a summary.
const SUBJECT: usize = 200;
const TITLE: usize = 500;
const SUMMARY: usize = 1_500;

/// Who writes, and where links lead.
#[derive(Clone, Copy, Debug)]
pub(in crate::push) struct Sender<'a> {
    pub(in crate::push) settings: &'a Settings,
    /// Our public address, without a trailing slash.
    pub(in crate::push) base: &'a str,
}

/// A mail before it is put into an envelope.
#[derive(Debug)]
pub(in crate::push) struct Letter {
    /// What stands before the `@` of its `Message-ID`: the same for the same thing, however often it is sent.
    id: String,
    /// The same of the mail under which it belongs.
    under: Option<String>,
    subject: String,
    /// The name of its templates.
    template: &'static str,
    language: Language,
    context: Value,
    /// May it be ended from within the mail?
    is_subscription: bool,
}

/// What the owner of a subscription hears.
#[derive(Clone, Debug)]
pub(in crate::push) struct Notice {
    /// `disabled` or `parked`.
    pub(in crate::push) what: &'static str,
    pub(in crate::push) reason: Option<String>,
    pub(in crate::push) waiting: usize,
    pub(in crate::push) parked: usize,
    pub(in crate::push) commands: Vec<String>,
    /// When it was due: what makes it one notice.
    pub(in crate::push) due: Timestamp,
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    const SOURCES: [(&str, &str); 12] = [
        ("base.html", include_str!("../../../templates/mail/base.html")),
        ("footer.txt", include_str!("../../../templates/mail/footer.txt")),
        ("event.html", include_str!("../../../templates/mail/event.html")),
        ("event.txt", include_str!("../../../templates/mail/event.txt")),
        ("digest.html", include_str!("../../../templates/mail/digest.html")),
        ("digest.txt", include_str!("../../../templates/mail/digest.txt")),
        ("confirm.html", include_str!("../../../templates/mail/confirm.html")),
        ("confirm.txt", include_str!("../../../templates/mail/confirm.txt")),
        ("test.html", include_str!("../../../templates/mail/test.html")),
        ("test.txt", include_str!("../../../templates/mail/test.txt")),
        ("notice.html", include_str!("../../../templates/mail/notice.html")),
        ("notice.txt", include_str!("../../../templates/mail/notice.txt")),
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

/// The texts of both languages.
pub(super) static WORDS: LazyLock<toml::Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../templates/mail/words.toml")).expect("a test reads these words")
});

fn escaped(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_safe() || state.auto_escape() != AutoEscape::Html {
        return minijinja::escape_formatter(out, state, value);
    }
    Ok(out.write_str(&diff::escaped(&value.to_string()))?)
}

// === impl Sender ===

impl<'a> Sender<'a> {
    /// `None` where no mail is sent.
    pub(in crate::push) fn of(settings: &'a super::super::Settings) -> Option<Self> {
        let mail = settings.mail.as_ref()?;
        Some(Self { settings: mail, base: settings.base_url.trim_end_matches('/') })
    }
}

// === impl Letter ===

impl Letter {
    /// The mail of one event.
    pub(super) fn event(mailing: &Mailing, to: &Subscription, told: &Told, sender: &Sender<'_>) -> Self {
        let (event, article, language) = (&told.event, told.article(), mailing.language);
        let native: Json = serde_json::from_slice(&told.native(to)).unwrap_or_default();
        let title = short(&article.content.title, TITLE);
        let kind = kind(event.change);
        let changed: Vec<&str> = native["data"]["changed_fields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let offset = article.published.offset;
        let context = context! {
            kind,
            source => source(event, sender.settings),
            link => link_of(article),
            when => date(&article.published, language),
            inferred => article.published.inferred,
            updated_at => (event.change != Change::Published).then(|| instant(event.at, offset, language)),
            summary => short(&article.content.summary, SUMMARY),
            changed,
            diff => differences(&native["data"]["diff"]),
            title => &title,
        };
        let subject = match event.change {
            Change::Published => title,
            Change::Updated | Change::Withdrawn | Change::Stale | Change::Recovered => {
                format!("{}: {title}", word(language, kind))
            }
        };
        let root = thread(to, article);
        let is_root = event.change == Change::Published && event.revision.0 == 1;
        let id = if is_root { root.clone() } else { webhook::message_id(to, event) };
        let under = (!is_root).then_some(root);
        Self { id, under, subject, template: "event", language, context, is_subscription: true }
    }

    /// The mail of a day: what [`super::digest`] made of its events.
    pub(super) fn digest(
        mailing: &Mailing,
        id: String,
        (n, more): (usize, usize),
        (groups, day): (Value, String),
    ) -> Self {
        let language = mailing.language;
        let news = word(language, if n == 1 { "news_one" } else { "news" });
        let subject = format!("{n} {news} · {day}");
        let context = context! { groups, more, day };
        Self { id, under: None, subject, template: "digest", language, context, is_subscription: true }
    }

    /// The one mail to an address of which nobody knows whether it wants any.
    pub(super) fn confirmation(mailing: &Mailing, to: &Subscription, sender: &Sender<'_>) -> Self {
        let language = mailing.language;
        let other = Language::ALL.into_iter().filter(|other| *other != language);
        let both: Vec<Value> = std::iter::once(language).chain(other).map(words).collect();
        let token = link::token(to, Purpose::Confirm).unwrap_or_default();
        let days = sender.settings.confirm_within.as_secs().div_ceil(24 * 3600);
        let context = context! {
            both,
            days,
            daily => mailing.digest.as_ref().map(|daily| format!("{daily} ({})", daily.zone)),
            confirm => format!("{}{}{token}", sender.base, Purpose::Confirm.path()),
        };
        let id = format!("confirm_{}", to.id);
        let subject = word(language, "confirm_subject");
        Self { id, under: None, subject, template: "confirm", language, context, is_subscription: true }
    }

    /// A mail that says that mails arrive. `id` makes it another one each time.
    pub(super) fn test(language: Language, id: &str) -> Self {
        let subject = word(language, "test_subject");
        let context = context! {};
        Self {
            id: id.to_owned(),
            under: None,
            subject,
            template: "test",
            language,
            context,
            is_subscription: true,
        }
    }

    /// What the owner of `about` hears.
    pub(in crate::push) fn notice(notice: &Notice, about: &Subscription, language: Language) -> Self {
        let id = format!("notice_{}_{}", about.id, notice.due.as_millis());
        let subject = format!("{}: {}", word(language, "notice_subject"), about.id);
        let context = context! {
            what => notice.what,
            id => about.id.as_str(),
            told_at => told_at(about),
            reason => notice.reason.as_deref().map(|reason| short(reason, SUMMARY)),
            since => about.failing_since.map(|at| at.to_string()),
            error => about.last_error.as_deref().map(|error| short(error, SUMMARY)),
            waiting => notice.waiting,
            parked => notice.parked,
            commands => notice.commands,
        };
        Self { id, under: None, subject, template: "notice", language, context, is_subscription: false }
    }

    /// The mail to the subscriber itself.
    pub(super) fn into_mail(
        self,
        to: &Subscription,
        sender: &Sender<'_>,
        now: Timestamp,
    ) -> Result<Mail, String> {
        let place = address::of_mailto(&to.url)?;
        let end = link::token(to, Purpose::Unsubscribe)
            .filter(|_| self.is_subscription)
            .map(|token| format!("{}{}{token}", sender.base, Purpose::Unsubscribe.path()));
        let filter = to.filter.as_ref().map(ToString::to_string);
        self.addressed(place, (end, filter), sender, now)
    }

    /// The mail to any address, which can be ended at `end`.
    pub(in crate::push) fn addressed(
        self,
        to: Address,
        (end, filter): (Option<String>, Option<String>),
        sender: &Sender<'_>,
        now: Timestamp,
    ) -> Result<Mail, String> {
        let [text, html] = self.texts(to.as_ref(), end.as_deref(), filter.as_deref())?;
        let Self { id, under, subject, language, .. } = self;
        let Settings { from, reply_to, .. } = sender.settings;
        // What looks like an encoded word (RFC 2047) would be shown as what it encodes.
        let subject = short(&subject, SUBJECT).replace("=?", "= ?");
        let host = from.email.domain();
        let mut mail = Message::builder()
            .message_id(Some(format!("<{id}@{host}>")))
            .date(SystemTime::from(now.to_jiff()))
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(subject)
            .raw_header(raw("Content-Language", language.tag()))
            .raw_header(raw("Auto-Submitted", "auto-generated"));
        if let Some(reply_to) = reply_to {
            mail = mail.reply_to(reply_to.clone());
        }
        if let Some(under) = under.map(|under| format!("<{under}@{host}>")) {
            mail = mail.in_reply_to(under.clone()).references(under);
        }
        if let Some(end) = &end {
            mail = mail
                .raw_header(raw("List-Id", &format!("<news.{host}>")))
                .raw_header(raw("List-Unsubscribe", &format!("<{end}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let body = MultiPart::alternative_plain_html(text, html);
        let mail = mail.multipart(body).map_err(|cause| format!("this mail cannot be written: {cause}"))?;
        Ok(Mail { from: from.email.clone(), to, bytes: mail.formatted() })
    }
}

impl Letter {
    /// What it says, as text and as markup.
    pub(super) fn texts(
        &self,
        address: &str,
        end: Option<&str>,
        filter: Option<&str>,
    ) -> Result<[String; 2], String> {
        let frame = context! {
            t => words(self.language),
            lang => self.language.tag(),
            address,
            filter,
            unsubscribe => end,
            subject => short(&self.subject, SUBJECT),
        };
        let context = context! { ..self.context.clone(), ..frame };
        let written = |kind: &str| {
            let name = format!("{}.{kind}", self.template);
            let made = TEMPLATES.get_template(&name).and_then(|template| template.render(&context));
            made.map_err(|cause| format!("the template `{name}` cannot be rendered: {cause}"))
        };
        Ok([written("txt")?, written("html")?])
    }
}

/// A header of ASCII that we write ourselves.
fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The mail under which everything about an article stands: that of its publication.
fn thread(to: &Subscription, article: &Article) -> String {
    let hex = blake3::hash(format!("{} {}", to.id, article.id).as_bytes()).to_hex();
    format!("art_{}", hex.chars().take(32).collect::<String>())
}

/// Addresses of webhooks are often secrets themselves: mails show where they stand, and no more.
fn told_at(about: &Subscription) -> String {
    if mailing(about).is_some() {
        return about.url.clone();
    }
    let url = url::Url::parse(&about.url).ok();
    url.map_or_else(String::new, |url| format!("{}/…", url.origin().ascii_serialization()))
}

// === words and values ===

fn words(language: Language) -> Value {
    let mut table = WORDS.get(language.tag()).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    table.insert("lang".to_owned(), language.tag().into());
    Value::from_serialize(table)
}

pub(super) fn word(language: Language, name: &str) -> String {
    let word = WORDS.get(language.tag()).and_then(|words| words.get(name)).and_then(toml::Value::as_str);
    word.unwrap_or_default().to_owned()
}

pub(super) fn kind(change: Change) -> &'static str {
    match change {
        Change::Published => "published",
        Change::Updated => "updated",
        // Nobody is told of sources by mail.
        Change::Withdrawn | Change::Stale | Change::Recovered => "withdrawn",
    }
}

/// What people call the source.
pub(super) fn source(event: &Event, settings: &Settings) -> String {
    settings.names.get(&event.source).map_or_else(|| event.source.to_string(), |name| short(name, TITLE))
}

/// Where people read it: nothing but addresses of the web.
pub(super) fn link_of(article: &Article) -> Option<String> {
    let url = article.content.url.as_deref().and_then(|url| url::Url::parse(url).ok())?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Text on one line without invisible characters, which could turn it around, and no longer than so many.
pub(super) fn short(text: &str, most: usize) -> String {
    let line: String = webhook::line(text).chars().filter(|c| !is_turning(*c)).collect();
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// Does the character change the direction of what follows (UAX #9)?
fn is_turning(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Never more exact than the source was.
pub(super) fn date(date: &Date, language: Language) -> String {
    written(date.at, date.offset, date.precision, language)
}

fn instant(at: Timestamp, offset: Offset, language: Language) -> String {
    written(at, offset, Precision::Minute, language)
}

/// A day as people write it.
pub(super) fn day(at: Timestamp, offset: Offset, language: Language) -> String {
    written(at, offset, Precision::Day, language)
}

fn written(at: Timestamp, offset: Offset, precision: Precision, language: Language) -> String {
    use Language::{English, Vietnamese};
    let format = match (precision, language) {
        (Precision::Minute, Vietnamese) => "%d/%m/%Y %H:%M",
        (Precision::Minute, English) => "%-d %B %Y, %H:%M",
        (Precision::Day, Vietnamese) => "%d/%m/%Y",
        (Precision::Day, English) => "%-d %B %Y",
        (Precision::Month, Vietnamese) => "%m/%Y",
        (Precision::Month, English) => "%B %Y",
        (Precision::Year, _) => "%Y",
    };
    let zone = jiff::tz::Offset::from_seconds(offset.0).unwrap_or(jiff::tz::Offset::UTC);
    at.to_jiff().to_zoned(zone.to_time_zone()).strftime(format).to_string()
}

/// What changed, word by word, as markup (which is ours: `model::diff` has escaped the words) and as text.
fn differences(diff: &Json) -> Vec<Value> {
    let parts = diff.as_object().into_iter().flatten();
    let parts = parts.filter_map(|(name, markup)| Some((name, markup.as_str()?)));
    let shown = parts.map(|(name, markup)| {
        let text = [("<del>", "[-"), ("</del>", "-]"), ("<ins>", "{+"), ("</ins>", "+}"), ("<br>", "\n")];
        let text = text.iter().fold(markup.to_owned(), |text, (tag, sign)| text.replace(tag, sign));
        context! { name, html => Value::from_safe_string(markup.to_owned()), text => plain(&text) }
    });
    shown.collect()
}

fn plain(text: &str) -> String {
    text.lines().map(markup::to_text).collect::<Vec<_>>().join("\n")
}
