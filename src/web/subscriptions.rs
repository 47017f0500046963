//! `/api/v1/subscriptions`: webhooks made by the API, for those whose token permits it.

use axum::{
    Router,
    body::Bytes,
    extract::{State as With, rejection::BytesRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    State,
    auth::{Caller, Sight},
    error::Problem,
    ledger,
    nearest::nearest,
};
use crate::{
    model::{
        self, Channel, EventType, Filter, Scope, Secret, Seq, Subscription, SubscriptionId, Timestamp,
        TokenId, filter,
    },
    push::{
        Added, Error, NewSubscription, Push, Start, form, mail,
        sign::{self, Scheme},
    },
};

/// Where they are.
pub(crate) const PATH: &str = "/api/v1/subscriptions";
const MEMBERS: [&str; 11] = [
    "url",
    "filter",
    "events",
    "secret",
    "signature",
    "start",
    "form",
    "digest",
    "timezone",
    "language",
    "owner",
];

pub(super) fn routes() -> Router<State> {
    let change = || post(ledger::serve);
    Router::new()
        .route(PATH, get(ledger::serve).post(add))
        .route("/api/v1/subscriptions/{id}", get(ledger::serve).delete(ledger::serve))
        .route("/api/v1/subscriptions/{id}/attempts", get(ledger::serve))
        .route("/api/v1/subscriptions/{id}/pause", change())
        .route("/api/v1/subscriptions/{id}/resume", change())
        .route("/api/v1/subscriptions/{id}/replay", change())
        .route("/api/v1/subscriptions/{id}/test", change())
        .route("/api/v1/subscriptions/{id}/rotate", change())
        .route("/api/v1/subscriptions/{id}/page", change())
}

async fn add(
    caller: Caller,
    With(state): With<State>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|cause| Problem::new(cause.status(), cause.body_text()))?;
    let added = make(&state.push, &caller, &body).await?;
    let location = format!("{PATH}/{}", added["id"].as_str().unwrap_or_default());
    Ok(([(header::LOCATION, location)], answer(StatusCode::CREATED, &added)).into_response())
}

/// Makes a subscription.
pub(super) async fn make(push: &Push, caller: &Caller, body: &[u8]) -> Result<Value, Problem> {
    caller.needs(Scope::Subscribe)?;
    let new = NewSubscription { made_by: caller.token().cloned(), ..parse(body)? };
    Ok(with_secret(&push.add(new).await?))
}

/// Every subscription that the caller may see.
pub(super) async fn all(push: &Push, caller: &Caller) -> Result<Value, Problem> {
    let all = push.list().await?;
    let seen = all.iter().filter_map(|one| seen(one, caller.sight(one)));
    Ok(json!({ "subscriptions": seen.map(Value::from).collect::<Vec<_>>() }))
}

/// A subscription, as somebody sees it.
fn seen(subscription: &Subscription, sight: Sight) -> Option<Map<String, Value>> {
    let mut shown = view(subscription);
    match sight {
        Sight::Nothing => return None,
        Sight::Part => {
            shown.insert("url".to_owned(), part_of(&subscription.url).into());
            shown.insert("owner".to_owned(), subscription.owner.as_deref().map(part_of).into());
        }
        Sight::All => {}
    }
    Some(shown)
}

/// As much of an address as is no secret, and nobody's own: scheme and host of a webhook, nothing of a mailbox.
fn part_of(address: &str) -> String {
    match Url::parse(address) {
        Ok(url) if url.origin().is_tuple() => format!("{}/…", url.origin().ascii_serialization()),
        Ok(url) => format!("{}:…", url.scheme()),
        Err(_) => "…".to_owned(),
    }
}

/// A subscription with the secret that is shown this once; of a key pair it shows the public key alone, as always.
pub(super) fn with_secret(added: &Added) -> Value {
    let mut shown = view(&added.subscription);
    if let Some(secret) = &added.secret {
        shown.insert("secret".to_owned(), secret.as_str().into());
    }
    shown.into()
}

/// A subscription, and how far behind it is.
pub(super) async fn whole(push: &Push, id: &SubscriptionId, sight: Sight) -> Result<Value, Problem> {
    let (subscription, standing) = (push.get(id).await?, push.standing(id).await?);
    let mut shown = seen(&subscription, sight).ok_or_else(|| Error::Missing(id.clone()))?;
    shown.insert("waiting".to_owned(), standing.waiting.into());
    shown.insert("parked".to_owned(), standing.parked.into());
    shown.insert("behind".to_owned(), standing.behind.into());
    Ok(shown.into())
}

pub(super) fn named(id: &str) -> Result<SubscriptionId, Problem> {
    id.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, "there is no subscription of that name"))
}

// === what comes in ===

/// Reads a request body, and says which member is wrong.
pub(super) fn parse(body: &[u8]) -> Result<NewSubscription, Problem> {
    const EXAMPLE: &str =
        r#"send an object such as {"url": "https://example.vn/hook", "filter": "thông báo"}"#;
    let value: Value = serde_json::from_slice(body).map_err(|cause| {
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {cause}")).hint(EXAMPLE)
    })?;
    let Value::Object(members) = value else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is not a JSON object").hint(EXAMPLE));
    };
    if let Some(name) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(unknown_member(name));
    }
    let Some(url) = text(&members, "url")? else {
        return Err(Problem::field("url", "`url` is missing: where shall events be sent?").hint(EXAMPLE));
    };
    Ok(NewSubscription {
        url: url.to_owned(),
        filter: text(&members, "filter")?.map(parse_filter).transpose()?,
        events: parse_events(members.get("events"))?,
        secret: text(&members, "secret")?.map(parse_secret).transpose()?,
        scheme: text(&members, "signature")?.map(parse_scheme).transpose()?,
        form: text(&members, "form")?.map(str::to_owned),
        start: parse_start(members.get("start"))?,
        mail: mail::Wish {
            digest: text(&members, "digest")?.map(str::to_owned),
            zone: text(&members, "timezone")?.map(str::to_owned),
            language: text(&members, "language")?.map(str::to_owned),
        },
        owner: text(&members, "owner")?.map(str::to_owned),
        made_by: None,
    })
}

/// `"now"`, the number of an event, or a date.
fn parse_start(value: Option<&Value>) -> Result<Start, Problem> {
    let wrong = || {
        Problem::field("start", "`start` says from where on: \"now\", the number of an event, or a date")
            .hint("for instance `\"start\": 120` or `\"start\": \"2026-11-20T00:00:00Z\"`")
    };
    match value {
        None | Some(Value::Null) => Ok(Start::Now),
        Some(Value::String(text)) if text == "now" => Ok(Start::Now),
        Some(Value::String(text)) => instant(text).map(Start::Since).ok_or_else(wrong),
        Some(Value::Number(number)) => number.as_u64().map(|n| Start::After(Seq(n))).ok_or_else(wrong),
        Some(_) => Err(wrong()),
    }
}

/// An instant as RFC 3339 says it, or the beginning of a day in UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

fn unknown_member(name: &str) -> Problem {
    let shown: String = name.chars().take(64).collect();
    let hint = match nearest(name, &MEMBERS) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("members are {}", MEMBERS.join(", ")),
    };
    Problem::field(&shown, format!("a subscription has no member `{shown}`")).hint(hint)
}

/// A member that is text, if it is there; `null` counts as absent.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Problem> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Problem::field(name, format!("`{name}` is text, not {}", kind(other)))),
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn parse_filter(text: &str) -> Result<Filter, Problem> {
    Filter::parse(text).map_err(|filter::Error { message, span, hint }| {
        let before = text.get(..span.start).map_or(0, |before| before.chars().count());
        let problem = Problem::field("filter", format!("{message}, at character {}", before + 1));
        match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    })
}

pub(super) fn parse_secret(text: &str) -> Result<Secret, Problem> {
    sign::parse_secret(text).map_err(|cause| {
        let said = cause.to_string();
        match said.split_once("\nhint: ") {
            Some((detail, hint)) => Problem::field("secret", detail).hint(hint),
            None => Problem::field("secret", said),
        }
    })
}

/// `v1` or `v1a`.
pub(super) fn parse_scheme(name: &str) -> Result<Scheme, Problem> {
    Scheme::parse(name).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        let hint = match nearest(&name.to_ascii_lowercase(), &Scheme::ALL.map(Scheme::as_str)) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "write `v1` for a shared secret, `v1a` for a public key (ed25519)".to_owned(),
        };
        Problem::field("signature", format!("there is no signature `{shown}`")).hint(hint)
    })
}

fn parse_events(value: Option<&Value>) -> Result<Vec<EventType>, Problem> {
    let names = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(names)) => names,
        Some(other) => {
            return Err(Problem::field(
                "events",
                format!("`events` is a list of names, not {}", kind(other)),
            ));
        }
    };
    let mut events = Vec::new();
    for name in names {
        let Value::String(name) = name else {
            return Err(Problem::field(
                "events",
                format!("`events` is a list of names, not of {}", kind(name)),
            ));
        };
        let event = EventType::parse(name).ok_or_else(|| unknown_event(name))?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(events)
}

fn unknown_event(name: &str) -> Problem {
    let shown: String = name.chars().take(64).collect();
    let known = EventType::ALL.map(EventType::as_str);
    let hint = match nearest(name, &known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("events are {}", known.join(", ")),
    };
    Problem::field("events", format!("there is no event `{shown}`")).hint(hint)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid { field, message, hint } => {
                let problem = Self::field(field, message);
                match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            }
            Error::Missing(_) => Self::new(StatusCode::NOT_FOUND, detail),
            Error::Configured(_)
            | Error::Full(_)
            | Error::HostFull(..)
            | Error::Hub(_)
            | Error::OfHub(_)
            | Error::OfMail(_)
            | Error::Unconfirmed(_) => Self::new(StatusCode::CONFLICT, detail),
            Error::Asked(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, detail),
            Error::NotAsked(_) => Self::new(StatusCode::BAD_GATEWAY, detail),
            Error::Unverified(_) => {
                Self::field("url", detail).hint("answer a signed `ping` with 2xx: see `docs/webhooks.md`")
            }
            Error::Random(_) | Error::Store(_) => Self::internal(&error),
        }
    }
}

// === what goes out ===

pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// A subscription without its secrets: they are shown once, when it is made. Public keys are none.
pub(super) fn view(subscription: &Subscription) -> Map<String, Value> {
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let (state, reason) = match &subscription.state {
        model::State::Active if mail::is_unconfirmed(subscription) => ("unconfirmed", None),
        model::State::Active => ("active", None),
        model::State::Paused => ("paused", None),
        model::State::Disabled { reason } => ("disabled", Some(reason.as_str())),
    };
    let (channel, form, topic, until) = match &subscription.channel {
        Channel::Webhook(form) => ("webhook", Some(form::name(form)), None, None),
        Channel::WebSub { topic, until } => ("websub", None, Some(topic.as_str()), Some(*until)),
        Channel::Mail(_) => ("mail", None, None, None),
    };
    let mailing = mail::mailing(subscription);
    let daily = mailing.and_then(|mailing| mailing.digest.as_ref());
    // Subscribers of the hub are signed for as WebSub says.
    let secret = subscription.secrets.first().filter(|_| form.is_some());
    let members = [
        ("id", subscription.id.as_str().into()),
        ("channel", channel.into()),
        ("url", subscription.url.as_str().into()),
        ("form", form.into()),
        ("signature", secret.map(|secret| sign::scheme(secret).as_str()).into()),
        ("public_key", secret.and_then(sign::public_key).map(|key| key.to_string()).into()),
        ("digest", daily.map(ToString::to_string).into()),
        ("timezone", daily.map(|daily| daily.zone.as_str()).into()),
        ("language", mailing.map(|mailing| mailing.language.tag()).into()),
        ("topic", topic.into()),
        ("lease_until", at(until).into()),
        ("filter", subscription.filter.as_ref().map(Filter::to_string).into()),
        ("events", subscription.events.iter().map(|event| event.as_str()).collect()),
        ("state", state.into()),
        ("reason", reason.into()),
        ("owner", subscription.owner.as_deref().into()),
        ("configured", subscription.configured.into()),
        ("made_by", subscription.made_by.as_ref().map(TokenId::as_str).into()),
        ("created", subscription.created.to_string().into()),
        ("verified", at(subscription.verified).into()),
        ("rotated", at(subscription.rotated).into()),
        ("after", subscription.after.0.into()),
        ("delivered", subscription.delivered.map(|seq| seq.0).into()),
        ("failing_since", at(subscription.failing_since).into()),
        ("hold_until", at(subscription.hold_until).into()),
        ("last_error", subscription.last_error.as_deref().into()),
    ];
    members.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::push::testing::{World, subscription};

    #[test]
    fn a_bad_body_names_its_member_and_says_what_to_write() {
        fn check(body: &str, field: Option<&str>, words: &str) {
            let problem = parse(body.as_bytes()).expect_err(body);
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            assert_eq!(problem.field.as_deref(), field, "{body}");
            let said = format!("{} {}", problem.detail, problem.hint.unwrap_or_default());
            assert!(said.contains(words), "{body}: {said}");
        }
        check("", None, "not JSON");
        check("{\"url\": \"\\ud800\"}", None, "not JSON");
        check("[]", None, "object");
        check("{}", Some("url"), "missing");
        check(r#"{"url": null}"#, Some("url"), "missing");
        check(r#"{"url": 1}"#, Some("url"), "not a number");
        check(r#"{"url": "x", "filtr": "x"}"#, Some("filtr"), "did you mean `filter`?");
        check(
            r#"{"url": "x", "zzzzzzzz": "x"}"#,
            Some("zzzzzzzz"),
            "url, filter, events, secret, signature, start",
        );
        check(r#"{"url": "x", "filter": ["a"]}"#, Some("filter"), "not a list");
        check(
            r#"{"url": "x", "filter": "ả titel:b"}"#,
            Some("filter"),
            "at character 3 did you mean `title:`?",
        );
        check(r#"{"url": "x", "events": "article.published"}"#, Some("events"), "not text");
        check(r#"{"url": "x", "events": [1]}"#, Some("events"), "not of a number");
        check(r#"{"url": "x", "events": ["article.publish"]}"#, Some("events"), "`article.published`?");
        check(r#"{"url": "x", "form": {}}"#, Some("form"), "not an object");
        check(r#"{"url": "x", "secret": "abc"}"#, Some("secret"), "whsec_");
        check(r#"{"url": "x", "secret": "whsec_AAAA"}"#, Some("secret"), "24 to 64 bytes");
        check(r#"{"url": "x", "secret": "whsk_AAAA"}"#, Some("secret"), "32 bytes");
        check(
            r#"{"url": "x", "secret": "whpk_AAAA"}"#,
            Some("secret"),
            "only a private one (`whsk_`) can sign",
        );
        check(r#"{"url": "x", "signature": "V1A"}"#, Some("signature"), "did you mean `v1a`?");
        check(r#"{"url": "x", "signature": "ed25519"}"#, Some("signature"), "`v1a` for a public key");
        check(r#"{"url": "x", "signature": 1}"#, Some("signature"), "not a number");
        check(r#"{"url": "x", "signatur": "v1"}"#, Some("signatur"), "did you mean `signature`?");
        for start in ["-1", "1.5", "true", "\"yesterday\"", "[]"] {
            check(&format!(r#"{{"url": "x", "start": {start}}}"#), Some("start"), "the number of an event");
        }
        check(&"[".repeat(100_000), None, "not JSON");
    }

    #[test]
    fn a_good_body_is_read_whole() {
        let body = r#"{"url": "https://a.example/", "filter": "thông  báo", "events":
            ["article.published", "article.published"], "secret": null}"#;
        let new = parse(body.as_bytes()).unwrap();
        assert_eq!(new.filter.unwrap().to_string(), "thông AND báo");
        assert_eq!((new.events, new.secret), (vec![EventType::ArticlePublished], None));
    }

    #[test]
    fn who_may_only_read_sees_no_address() {
        let mine = Subscription { owner: Some("mailto:an@example.vn".into()), ..subscription("hook") };
        let seen = |sight| seen(&mine, sight).map(Value::from);
        assert_eq!(seen(Sight::Nothing), None);
        let part = seen(Sight::Part).unwrap();
        assert_eq!(
            (&part["url"], &part["owner"]),
            (&json!("https://receiver.example/…"), &json!("mailto:…"))
        );
        let all = seen(Sight::All).unwrap();
        assert_eq!((&all["url"], &all["owner"]), (&json!(mine.url), &json!(mine.owner)));
    }

    #[test]
    fn secrets_are_not_shown_again() {
        let shown = Value::from(view(&subscription("hook")));
        assert!(shown.get("secret").is_none() && shown.get("secrets").is_none());
        assert_eq!((&shown["state"], &shown["filter"]), (&json!("active"), &Value::Null));
        assert_eq!((&shown["signature"], &shown["public_key"]), (&json!("v1"), &Value::Null));
        let secret = sign::parse_secret("whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=").unwrap();
        let public = sign::public_key(&secret).map(|key| key.to_string());
        let subscription = Arc::new(Subscription { secrets: vec![secret], ..subscription("hook") });
        let shown = with_secret(&Added { subscription, secret: None });
        assert_eq!((&shown["signature"], &shown["public_key"]), (&json!("v1a"), &json!(public)));
        assert!(shown.get("secret").is_none() && !shown.to_string().contains("whsk_"));
    }

    #[tokio::test]
    async fn refusals_of_the_room_keep_their_status_and_field() {
        let world = World::new().await;
        let refused = async |url: &str| -> Problem {
            let new = NewSubscription { url: url.to_owned(), ..NewSubscription::default() };
            world.push.add(new).await.unwrap_err().into()
        };
        for url in ["no address", "ftp://a.example/", "https://user:pw@a.example/"] {
            let problem = refused(url).await;
            assert_eq!(
                (problem.status, problem.field.as_deref()),
                (StatusCode::BAD_REQUEST, Some("url")),
                "{url}"
            );
        }
        let new = NewSubscription {
            url: "https://a.example/".into(),
            form: Some("slak".into()),
            ..NewSubscription::default()
        };
        let unknown: Problem = world.push.add(new).await.unwrap_err().into();
        assert_eq!(unknown.field.as_deref(), Some("form"));
        assert_eq!(unknown.hint.as_deref(), Some("did you mean `slack`?"));
        let id: SubscriptionId = "nobody".parse().unwrap();
        let missing: Problem = world.push.get(&id).await.unwrap_err().into();
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert_eq!(named("a/b").unwrap_err().status, StatusCode::NOT_FOUND);
    }
}
