//! Who may use the API: the holders of bearer tokens (RFC 6750). The operator's own token permits everything and stands in
//! the configuration or beside the store; others are made by the API, permit what their scopes say, and are kept as hashes
//! only. A handler that takes an `Admin` or a `Caller` cannot forget to ask.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use subtle::ConstantTimeEq;

use super::{State, error::Problem};
use crate::{
    clock::SharedClock,
    model::{Scope, Subscription, Timestamp, Token, TokenId},
    store::{self, Store},
};

/// What every token that we make begins with: whoever looks for secrets in code finds it.
const PREFIX: &str = "loa_";
/// How exactly the last use of a token is remembered.
const USED: Duration = Duration::from_secs(3600);

type Hash = [u8; 32];

/// The tokens that open the API.
pub struct Tokens {
    /// The hash of the operator's own: compared as hashes, the time of a comparison says nothing of its length either.
    own: Hash,
    store: Arc<dyn Store>,
    clock: SharedClock,
    known: ArcSwap<HashMap<Hash, Token>>,
    changing: tokio::sync::Mutex<()>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The operator.
    Operator,
    /// The holder of a token.
    Holder(Token),
}

/// Somebody who may do everything.
pub(super) struct Admin;

/// How much of a subscription somebody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Not even that it is there.
    Nothing,
    /// How it is doing, but not its address: addresses of webhooks are often secrets.
    Part,
    /// All of it, and its secrets when they are made.
    All,
}

// === impl Tokens ===

impl Tokens {
    /// The tokens of a store, beside the operator's own.
    pub async fn open(store: Arc<dyn Store>, clock: SharedClock, own: &str) -> store::Result<Self> {
        // An empty token opens to nobody: none that is given is empty.
        let tokens = Self {
            own: hash(own),
            store,
            clock,
            known: ArcSwap::default(),
            changing: tokio::sync::Mutex::default(),
        };
        tokens.reload().await?;
        Ok(tokens)
    }

    async fn reload(&self) -> store::Result<()> {
        let all = self.store.tokens().await?;
        self.known.store(Arc::new(all.into_iter().map(|token| (token.hash, token)).collect()));
        Ok(())
    }

    /// Every token but the operator's own, by name.
    pub(super) fn all(&self) -> Vec<Token> {
        let mut all: Vec<_> = self.known.load().values().cloned().collect();
        all.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        all
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a token, and returns it as its holder needs it: it is kept nowhere. `None` where there is one of that name.
    pub(super) async fn make(
        &self,
        id: TokenId,
        scopes: Vec<Scope>,
        expires: Option<Timestamp>,
    ) -> Result<Option<(String, Token)>, Problem> {
        let _changing = self.changing.lock().await;
        if self.known.load().values().any(|token| token.id == id) {
            return Ok(None);
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|cause| Problem::internal(&cause))?;
        let text = format!("{PREFIX}{}", crate::model::text::hex(&bytes));
        let token = Token { id, hash: hash(&text), scopes, created: self.clock.now(), expires, used: None };
        self.store.put_token(&token).await?;
        self.reload().await?;
        Ok(Some((text, token)))
    }

    /// Takes a token back: it opens nothing any more. False where there is none of that name.
    pub(super) async fn remove(&self, id: &TokenId) -> Result<bool, Problem> {
        let _changing = self.changing.lock().await;
        let was_there = self.known.load().values().any(|token| token.id == *id);
        self.store.remove_token(id).await?;
        self.reload().await?;
        Ok(was_there)
    }

    /// Whose token a request carries.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let Some(given) = bearer(headers) else {
            let missing = "this needs the header `Authorization: Bearer TOKEN`";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, missing).hint(
                "the operator's token is in `api-token` in the store's folder, unless `web.token` says another; \
                 `loa tokens add` makes others",
            ));
        };
        self.holder(given).await
    }

    /// Who has this token.
    pub(super) async fn holder(&self, given: &str) -> Result<Caller, Problem> {
        let given = hash(given);
        if bool::from(given.ct_eq(&self.own)) {
            return Ok(Caller::Operator);
        }
        let refused = |detail: &str| {
            Problem::new(StatusCode::UNAUTHORIZED, detail).challenge("Bearer error=\"invalid_token\"")
        };
        let Some(token) = self.known.load().get(&given).cloned() else {
            return Err(refused("this token is none of this server's"));
        };
        let now = self.clock.now();
        if token.expires.is_some_and(|end| end <= now) {
            return Err(refused("this token has expired"));
        }
        if token.used.is_none_or(|used| now.since(used) >= USED) {
            // Who may read may read, also where nothing can be written any more.
            self.note(&token, now).await.ok();
        }
        Ok(Caller::Holder(token))
    }

    /// Remembers a use, unless the token was taken back meanwhile.
    async fn note(&self, token: &Token, now: Timestamp) -> Result<(), Problem> {
        let _changing = self.changing.lock().await;
        if self.known.load().contains_key(&token.hash) {
            self.store.put_token(&Token { used: Some(now), ..token.clone() }).await?;
            self.reload().await?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

// === impl Caller ===

impl Caller {
    /// Refuses one without the scope; `admin` has all of them.
    pub(super) fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.has(scope) {
            return Ok(());
        }
        let name = scope.as_str();
        let detail = format!("this token lacks the scope `{name}`");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{name}\"");
        Err(Problem::new(StatusCode::FORBIDDEN, detail).challenge(challenge))
    }

    fn has(&self, scope: Scope) -> bool {
        match self {
            Self::Operator => true,
            Self::Holder(token) => token.scopes.iter().any(|own| [scope, Scope::Admin].contains(own)),
        }
    }

    /// The name of its token.
    pub(super) fn token(&self) -> Option<&TokenId> {
        match self {
            Self::Operator => None,
            Self::Holder(token) => Some(&token.id),
        }
    }

    /// How much it may see of a subscription.
    pub(super) fn sight(&self, subscription: &Subscription) -> Sight {
        let is_own = subscription.made_by.is_some() && subscription.made_by.as_ref() == self.token();
        match () {
            () if self.has(Scope::Admin) || (is_own && self.has(Scope::Subscribe)) => Sight::All,
            () if self.has(Scope::Read) => Sight::Part,
            () => Sight::Nothing,
        }
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        state.tokens.caller(&parts.headers).await
    }
}

impl FromRequestParts<State> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        state.tokens.caller(&parts.headers).await?.needs(Scope::Admin)?;
        Ok(Self)
    }
}

fn hash(token: &str) -> Hash {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// The token given; an empty one is none, whatever the server's is.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;
    use crate::{
        clock::{Clock, Manual},
        push::testing::subscription,
    };

    async fn tokens(own: &str) -> (Manual, Tokens) {
        let clock = Manual::at(Timestamp::from_second(1_000_000));
        let store = store::open(&store::Settings { path: None, cache: 0 }).await.unwrap();
        let tokens = Tokens::open(store, Arc::new(clock.clone()), own).await.unwrap();
        (clock, tokens)
    }

    async fn asked(tokens: &Tokens, given: &str) -> Result<Caller, Problem> {
        tokens.caller(&HeaderMap::from_iter([(header::AUTHORIZATION, given.parse().unwrap())])).await
    }

    fn challenge(problem: Problem) -> (u16, String) {
        let response = problem.into_response();
        let said = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
        (response.status().as_u16(), said)
    }

    #[tokio::test]
    async fn only_the_token_opens() {
        let (_, tokens) = tokens("s3cret").await;
        for given in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "] {
            assert_eq!(asked(&tokens, given).await, Ok(Caller::Operator), "{given}");
        }
        for given in ["", "Bearer", "Bearer ", "s3cret", "Basic s3cret"] {
            let refused = asked(&tokens, given).await.unwrap_err();
            assert_eq!(challenge(refused), (401, "Bearer".to_owned()), "{given}");
        }
        for given in ["Bearer s3cre", "Bearer s3cret2"] {
            let refused = asked(&tokens, given).await.unwrap_err();
            assert_eq!(challenge(refused), (401, "Bearer error=\"invalid_token\"".to_owned()), "{given}");
        }
        assert!(tokens.caller(&HeaderMap::new()).await.is_err());
    }

    #[tokio::test]
    async fn an_empty_token_opens_to_nobody() {
        let (_, tokens) = tokens("").await;
        for given in ["Bearer ", "Bearer  ", "Bearer"] {
            assert!(asked(&tokens, given).await.is_err(), "{given}");
        }
    }

    #[tokio::test]
    async fn a_token_opens_until_it_expires_or_is_taken_back_and_only_its_hash_is_kept() {
        let (clock, tokens) = tokens("own").await;
        let id = |name: &str| -> TokenId { name.parse().unwrap() };
        let end = clock.now().plus(Duration::from_secs(7_200));
        let (first, made) = tokens.make(id("a"), vec![Scope::Read], Some(end)).await.unwrap().unwrap();
        let (second, _) = tokens.make(id("b"), vec![Scope::Admin], None).await.unwrap().unwrap();
        assert!(tokens.make(id("a"), vec![Scope::Read], None).await.unwrap().is_none(), "there is one");
        assert!(first.starts_with("loa_") && first.len() == 68 && first != second);
        let kept = format!("{:?}", tokens.store.dump(None, 100).await.unwrap());
        assert!(kept.contains("\"a\"") && !kept.contains(first.trim_start_matches(PREFIX)), "{kept}");

        let caller = asked(&tokens, &format!("Bearer {first}")).await.unwrap();
        assert_eq!(caller.token(), Some(&made.id));
        let used = |tokens: &Tokens| tokens.all()[0].used;
        assert_eq!(used(&tokens), Some(clock.now()));
        clock.advance(Duration::from_secs(3_599));
        asked(&tokens, &format!("Bearer {first}")).await.unwrap();
        assert_ne!(used(&tokens), Some(clock.now()), "to the hour");
        let again = Tokens::open(tokens.store.clone(), Arc::new(clock.clone()), "own").await.unwrap();
        assert!(asked(&again, &format!("Bearer {first}")).await.is_ok(), "a restart changes nothing");
        clock.advance(Duration::from_secs(3_601));
        assert!(asked(&tokens, &format!("Bearer {first}")).await.unwrap_err().detail.contains("expired"));

        assert!(tokens.remove(&id("b")).await.unwrap());
        assert!(!tokens.remove(&id("b")).await.unwrap());
        assert!(asked(&tokens, &format!("Bearer {second}")).await.is_err());
    }

    #[test]
    fn scopes_permit_what_they_say() {
        let holder = |name: &str, scopes: &[Scope]| {
            Caller::Holder(Token {
                id: name.parse().unwrap(),
                hash: [0; 32],
                scopes: scopes.to_vec(),
                created: Timestamp::from_second(0),
                expires: None,
                used: None,
            })
        };
        let made_by = |name: Option<&str>| Subscription {
            made_by: name.map(|name| name.parse().unwrap()),
            ..subscription("hook")
        };
        use Scope::{Admin, Publish, Read, Subscribe};
        for (scopes, may, own, others) in [
            (&[][..], &[][..], Sight::Nothing, Sight::Nothing),
            (&[Read], &[Read], Sight::Part, Sight::Part),
            (&[Subscribe], &[Subscribe], Sight::All, Sight::Nothing),
            (&[Publish], &[Publish], Sight::Nothing, Sight::Nothing),
            (&[Read, Subscribe], &[Read, Subscribe], Sight::All, Sight::Part),
            (&[Admin], &[Read, Subscribe, Publish, Admin], Sight::All, Sight::All),
        ] {
            let caller = holder("a", scopes);
            for scope in Scope::ALL {
                assert_eq!(caller.needs(scope).is_ok(), may.contains(&scope), "{scopes:?} {scope:?}");
            }
            assert_eq!(caller.sight(&made_by(Some("a"))), own, "{scopes:?}");
            for other in [Some("b"), None] {
                assert_eq!(caller.sight(&made_by(other)), others, "{scopes:?} {other:?}");
            }
        }
        assert_eq!(Caller::Operator.sight(&made_by(None)), Sight::All);
        let refused = holder("a", &[Read]).needs(Admin).unwrap_err();
        let said = "Bearer error=\"insufficient_scope\", scope=\"admin\"".to_owned();
        assert_eq!(challenge(refused), (403, said));
    }
}
