//! `/api/v1/tokens`: permissions for the API that an operator hands out. All of it needs the scope `admin`.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State as With, rejection::BytesRejection},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use serde_json::{Map, Value, json};

use super::{
    State,
    auth::{Admin, Tokens},
    error::Problem,
    ledger::{Ask, members, only},
    nearest::nearest,
    subscriptions::{answer, instant, kind, text},
};
use crate::model::{Scope, Timestamp, Token, TokenId};

/// Where they are.
pub(crate) const PATH: &str = "/api/v1/tokens";

pub(super) fn routes() -> Router<State> {
    Router::new().route(PATH, get(list).post(add)).route("/api/v1/tokens/{name}", delete(remove))
}

async fn list(_: Admin, With(state): With<State>) -> Response {
    answer(StatusCode::OK, &all(&state.tokens))
}

async fn add(
    _: Admin,
    With(state): With<State>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &made(&state.tokens, &members(body)?).await?))
}

async fn remove(_: Admin, With(state): With<State>, Path(name): Path<String>) -> Result<Response, Problem> {
    taken_back(&state.tokens, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The answer without a daemon, for whoever may open the store.
pub(crate) async fn answer_to(tokens: &Tokens, ask: &Ask) -> Result<Value, Problem> {
    match ask.method {
        Method::POST => made(tokens, &ask.body).await,
        Method::DELETE => taken_back(tokens, ask.path.trim_start_matches('/')).await.map(|()| Value::Null),
        _ => Ok(all(tokens)),
    }
}

fn all(tokens: &Tokens) -> Value {
    let all: Vec<Value> = tokens.all().iter().map(|token| view(token, tokens.now()).into()).collect();
    json!({ "tokens": all })
}

async fn made(tokens: &Tokens, members: &Map<String, Value>) -> Result<Value, Problem> {
    let (name, scopes, expires) = parse(members)?;
    if expires.is_some_and(|end| end <= tokens.now()) {
        return Err(Problem::field("expires", "`expires` lies in the past: this token would open nothing"));
    }
    let Some((token, made)) = tokens.make(name.clone(), scopes, expires).await? else {
        let detail = format!("there is a token `{name}` already");
        return Err(Problem { status: StatusCode::CONFLICT, ..Problem::field("name", detail) }
            .hint("take it back first, or choose another name"));
    };
    let mut shown = view(&made, tokens.now());
    shown.insert("token".to_owned(), token.into());
    Ok(shown.into())
}

async fn taken_back(tokens: &Tokens, name: &str) -> Result<(), Problem> {
    let known = tokens.all();
    let removed = match name.parse() {
        Ok(id) => tokens.remove(&id).await?,
        Err(_) => false,
    };
    if removed {
        return Ok(());
    }
    let shown: String = name.chars().take(64).collect();
    let names: Vec<&str> = known.iter().map(|token| token.id.as_str()).collect();
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("there is no token `{shown}`"));
    Err(match nearest(name, &names) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    })
}

/// A token as the API shows it. Itself it is shown once, when it is made.
fn view(token: &Token, now: Timestamp) -> Map<String, Value> {
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let members = [
        ("name", token.id.as_str().into()),
        ("scopes", token.scopes.iter().map(|scope| scope.as_str()).collect()),
        ("created", token.created.to_string().into()),
        ("expires", at(token.expires).into()),
        ("expired", token.expires.is_some_and(|end| end <= now).into()),
        ("used", at(token.used).into()),
    ];
    members.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

fn parse(members: &Map<String, Value>) -> Result<(TokenId, Vec<Scope>, Option<Timestamp>), Problem> {
    only(members, &["name", "scopes", "expires"])?;
    let Some(name) = text(members, "name")? else {
        return Err(Problem::field("name", "`name` is missing: for whom is the token?")
            .hint("send an object such as {\"name\": \"newsroom\", \"scopes\": [\"subscribe\"]}"));
    };
    let id =
        name.parse().map_err(|cause: crate::model::InvalidId| Problem::field("name", cause.to_string()))?;
    let wrong = || {
        Problem::field("expires", "`expires` is a date")
            .hint("for instance \"2027-01-31\" or \"2027-01-31T12:00:00+07:00\"")
    };
    let expires = text(members, "expires")?.map(|text| instant(text).ok_or_else(wrong)).transpose()?;
    Ok((id, parse_scopes(members.get("scopes"))?, expires))
}

fn parse_scopes(value: Option<&Value>) -> Result<Vec<Scope>, Problem> {
    let wrong = |detail: String| {
        Problem::field("scopes", detail).hint("scopes are `read`, `subscribe` and `admin`: docs/tokens.md")
    };
    let names = match value {
        Some(Value::Array(names)) if !names.is_empty() => names,
        None | Some(Value::Null | Value::Array(_)) => {
            return Err(wrong("`scopes` says what the token permits: name one at least".to_owned()));
        }
        Some(other) => return Err(wrong(format!("`scopes` is a list of names, not {}", kind(other)))),
    };
    let mut scopes = Vec::new();
    for name in names {
        let Value::String(name) = name else {
            return Err(wrong(format!("`scopes` is a list of names, not of {}", kind(name))));
        };
        let scope = Scope::parse(name).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            let problem = wrong(format!("there is no scope `{shown}`"));
            match nearest(name, &Scope::ALL.map(Scope::as_str)) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            }
        })?;
        scopes.push(scope);
    }
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_bad_body_names_its_member_and_says_what_to_write() {
        for (body, field, words) in [
            ("{}", "name", "missing"),
            (r#"{"name": 1}"#, "name", "not a number"),
            (r#"{"name": "a b"}"#, "name", "cannot be an id"),
            (r#"{"name": "a"}"#, "scopes", "name one"),
            (r#"{"name": "a", "scopes": []}"#, "scopes", "name one"),
            (r#"{"name": "a", "scopes": "read"}"#, "scopes", "not text"),
            (r#"{"name": "a", "scopes": [1]}"#, "scopes", "not of a number"),
            (r#"{"name": "a", "scopes": ["reed"]}"#, "scopes", "did you mean `read`?"),
            (r#"{"name": "a", "scopes": ["write"]}"#, "scopes", "`read`, `subscribe` and `admin`"),
            (r#"{"name": "a", "scopes": ["read"], "expires": "soon"}"#, "expires", "2027-01-31"),
            (r#"{"name": "a", "scope": ["read"]}"#, "scope", "name, scopes, expires"),
        ] {
            let problem = parse(&object(body)).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{body}");
            let said = format!("{} {}", problem.detail, problem.hint.unwrap_or_default());
            assert!(said.contains(words), "{body}: {said}");
        }
        let body =
            r#"{"name": "newsroom", "scopes": ["subscribe", "read", "read"], "expires": "2027-01-31"}"#;
        let (name, scopes, expires) = parse(&object(body)).unwrap();
        assert_eq!((name.as_str(), scopes), ("newsroom", vec![Scope::Read, Scope::Subscribe]));
        assert_eq!(expires, instant("2027-01-31"));
    }
}
