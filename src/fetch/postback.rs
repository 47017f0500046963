//! A visit that remembers: cookies of one host, and forms that are posted back to it (ASP.NET Web Forms).
//!
//! Cookies live as long as the visit stays at one origin: whoever is led elsewhere takes none along (RFC 6265 without its
//! domains and paths: portals set one or two, for everything).

use std::time::Duration;

use reqwest::{
    Method,
    header::{HeaderMap, LOCATION, SET_COOKIE},
};
use url::{Url, form_urlencoded};

use super::{Ask, Outcome, outcome, unanswered};
use crate::net::{Answer, Client, Request};

/// Cookies kept, and bytes of each.
const MAX_COOKIES: usize = 50;
const MAX_COOKIE: usize = 4096;
/// Redirects followed, each with the cookies that the one before has set.
const MAX_REDIRECTS: usize = 5;

/// One visit to one host.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Where the cookies are from.
    origin: Option<url::Origin>,
    cookies: Vec<(String, String)>,
}

/// A question that carries a form, or none.
struct Question {
    url: Url,
    form: Option<String>,
}

impl Session {
    /// Asks for a page.
    pub async fn get(&mut self, client: &Client, ask: &Ask) -> Outcome {
        self.walk(client, ask, Question { url: ask.url.clone(), form: None }).await
    }

    /// Posts `fields` to the address of `ask`, as a browser posts a form.
    pub async fn post(&mut self, client: &Client, ask: &Ask, fields: &[(String, String)]) -> Outcome {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.walk(client, ask, Question { url: ask.url.clone(), form: Some(form) }).await
    }

    /// Follows redirects itself: `net` would not see what they set.
    async fn walk(&mut self, client: &Client, ask: &Ask, mut question: Question) -> Outcome {
        for _ in 0..=MAX_REDIRECTS {
            let spacing = ask.spacing.unwrap_or(client.settings().spacing);
            self.move_to(&question.url);
            let answer = match client.send(self.request(ask, &question, spacing)).await {
                Ok(answer) => answer,
                Err(error) => return unanswered(error),
            };
            self.learn(&answer.headers);
            match next(&question, &answer) {
                Some(next) => question = next,
                None => return outcome(ask, answer, client.now()),
            }
        }
        Outcome::Failed(super::Error::Status { url: question.url.into(), status: 302 })
    }

    fn move_to(&mut self, url: &Url) {
        let origin = url.origin();
        if self.origin.as_ref() != Some(&origin) {
            self.cookies.clear();
            self.origin = Some(origin);
        }
    }

    fn request(&self, ask: &Ask, question: &Question, spacing: Duration) -> Request {
        let mut headers = vec![("accept", ask.accept.to_owned())];
        if !self.cookies.is_empty() {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.push(("cookie", cookies.join("; ")));
        }
        if question.form.is_some() {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        Request {
            method: if question.form.is_some() { Method::POST } else { Method::GET },
            headers,
            body: question.form.clone().map(Into::into),
            max_redirects: 0,
            allow_private: ask.allow_private,
            trust: ask.trust.clone(),
            robots: ask.robots,
            spacing: Some(spacing),
            ..Request::get(question.url.clone())
        }
    }

    /// Takes what an answer sets, and forgets what it takes back.
    fn learn(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            self.cookies.retain(|(known, _)| *known != name);
            let fits = self.cookies.len() < MAX_COOKIES && pair.len() <= MAX_COOKIE && !name.is_empty();
            if fits && !is_taken_back(attributes) {
                self.cookies.push((name, value));
            }
        }
    }
}

/// A cookie that ends at once, or ended long ago (RFC 6265, section 5.3).
fn is_taken_back(attributes: &str) -> bool {
    attributes.split(';').filter_map(|attribute| attribute.split_once('=')).any(|(name, value)| {
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "max-age" => value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            "expires" => ["1970", "1980", "1990", "1999", "2000"].iter().any(|year| value.contains(year)),
            _ => false,
        }
    })
}

/// Where an answer leads: 307 and 308 keep the form, on the same site, all others ask for the page (RFC 9110, section
/// 15.4).
fn next(question: &Question, answer: &Answer) -> Option<Question> {
    let keeps = match answer.status {
        301..=303 => false,
        307 | 308 => true,
        _ => return None,
    };
    let to = std::str::from_utf8(answer.headers.get(LOCATION)?.as_bytes()).ok()?;
    let mut url = answer.url.join(to.trim()).ok()?;
    url.set_fragment(None);
    let form = question.form.clone().filter(|_| keeps && url.origin() == answer.url.origin());
    Some(Question { url, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (SET_COOKIE, cookie.parse().unwrap())).collect()
    }

    #[test]
    fn cookies_are_replaced_and_taken_back() {
        let mut session = Session::default();
        session.learn(&headers(&["ASP.NET_SessionId=a1; path=/; HttpOnly", "TS01=x=y", "broken"]));
        session.learn(&headers(&["ASP.NET_SessionId=b2", "TS01=; expires=Thu, 01-Jan-1970 00:00:00 GMT"]));
        assert_eq!(session.cookies, [("ASP.NET_SessionId".to_owned(), "b2".to_owned())]);
        session.learn(&headers(&["ASP.NET_SessionId=b2; Max-Age=0"]));
        assert!(session.cookies.is_empty());
    }

    #[test]
    fn a_form_is_posted_again_only_where_the_redirect_says_so() {
        let check = |status: u16, kept: Option<&str>| {
            let question = Question { url: "http://a.vn/x".parse().unwrap(), form: Some("a=1".to_owned()) };
            let headers = [(LOCATION, "/y#z".parse().unwrap())].into_iter().collect();
            let (url, body) = (question.url.clone(), bytes::Bytes::new());
            let next =
                next(&question, &Answer { cut: false, status, url, moved: None, headers, body }).unwrap();
            assert_eq!((next.url.as_str(), next.form.as_deref()), ("http://a.vn/y", kept), "{status}");
        };
        check(302, None);
        check(303, None);
        check(307, Some("a=1"));
    }

    #[test]
    fn no_cookie_goes_to_another_site() {
        let mut session = Session::default();
        session.move_to(&"https://a.vn/".parse().unwrap());
        session.learn(&headers(&["s=1"]));
        session.move_to(&"https://a.vn/b".parse().unwrap());
        assert_eq!(session.cookies.len(), 1);
        session.move_to(&"http://a.vn/b".parse().unwrap());
        assert!(session.cookies.is_empty());
    }
}
