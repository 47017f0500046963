//! Asking hubs: to subscribe us, to renew a lease, to forget us (WebSub, section 5.1).

use std::{sync::Arc, time::Duration};

use url::{Url, form_urlencoded};

use super::lease::{self, Said};
use crate::{
    model::{Hidden, Intent, Lease, Timestamp, text},
    net::{self, backoff},
};

/// Time for a hub's answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read: why it refuses.
const READ: u64 = 1024;
/// Redirects of a request that are followed (section 5.1 allows 307 and 308).
const REDIRECTS: usize = 3;

/// Asks the hub of `lease` once for `intent`; it is to reach us at `callback`. `trust` is that of
/// the source, where the hub stands at its host.
pub async fn ask(
    client: &net::Client,
    lease: &Lease,
    intent: Intent,
    callback: &str,
    trust: Option<Arc<net::Trust>>,
) -> Said {
    let url = match Url::parse(&lease.advert.hub) {
        Ok(url) => url,
        Err(cause) => return Said::Refused(format!("its address cannot be used: {cause}")),
    };
    let request = net::Request {
        method: reqwest::Method::POST,
        headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        body: Some(form(lease, intent, callback).into()),
        max_redirects: REDIRECTS,
        allow_private: lease.allow_private,
        trust,
        timeout: Some(TIMEOUT),
        want: net::Want::Start(READ),
        ..net::Request::get(url)
    };
    match client.send(request).await {
        Ok(answer) => said(&answer, client.now()),
        Err(error) if error.retry() == net::Retry::Never => Said::Refused(error.to_string()),
        Err(error) => Said::Later(None, error.to_string()),
    }
}

/// A new token and a new secret, both 32 random bytes in hexadecimal. Without random numbers nobody is subscribed.
pub fn fresh() -> Option<(Hidden, Hidden)> {
    let random = || -> Result<Hidden, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Hidden(text::hex(&bytes).into_bytes()))
    };
    match random().and_then(|token| Ok((token, random()?))) {
        Ok(both) => Some(both),
        Err(cause) => {
            tracing::error!("no hub is asked: the system gives no random numbers: {cause}");
            None
        }
    }
}

/// The request's body (section 5.1).
fn form(lease: &Lease, intent: Intent, callback: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("hub.mode", intent.as_str());
    form.append_pair("hub.topic", &lease.advert.topic);
    form.append_pair("hub.callback", callback);
    if intent == Intent::Subscribe {
        form.append_pair("hub.secret", &String::from_utf8_lossy(&lease.secret.0));
        form.append_pair("hub.lease_seconds", &lease::ASKED.as_secs().to_string());
    }
    form.finish()
}

/// What an answer means: 2xx is yes, anything that may pass is a matter of time, the rest is no.
fn said(answer: &net::Answer, now: Timestamp) -> Said {
    let explained = || {
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.trim();
        if text.is_empty() {
            format!("it answered {}", answer.status)
        } else {
            format!("it answered {}: {text}", answer.status)
        }
    };
    match answer.status {
        200..=299 => Said::Accepted,
        408 | 425 | 429 | 500..=599 => Said::Later(backoff::retry_after(&answer.headers, now), explained()),
        _ => Said::Refused(explained()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::samples;

    #[test]
    fn a_request_says_what_the_recommendation_asks_for() {
        let following = samples::following("quan1");
        let lease = following.lease.unwrap();
        let callback = lease.callback(Some(&following.source));
        assert_eq!(
            form(&lease, Intent::Subscribe, &callback),
            "hub.mode=subscribe&hub.topic=https%3A%2F%2Fportal.example%2Frss\
             &hub.callback=https%3A%2F%2Ftin.example.vn%2Fwebsub%2Fquan1%2Ftoken&hub.secret=secret&hub.lease_seconds=864000"
        );
        assert!(!form(&lease, Intent::Unsubscribe, &callback).contains("secret"));
    }

    #[test]
    fn tokens_and_secrets_are_long_enough_and_differ() {
        let (token, secret) = fresh().unwrap();
        assert_eq!((token.0.len(), secret.0.len()), (64, 64));
        assert!(token != secret && fresh().unwrap().0 != token);
    }

    #[test]
    fn answers_are_yes_no_or_later() {
        let check = |status: u16, body: &'static str, expected: &Said| {
            let headers = [(reqwest::header::RETRY_AFTER, "90".parse().unwrap())].into_iter().collect();
            let url = "https://h/".parse().unwrap();
            let answer = net::Answer { status, url, moved: None, headers, body: body.into(), cut: false };
            assert_eq!(&said(&answer, Timestamp::from_second(0)), expected, "{status}");
        };
        for status in [200, 202, 204] {
            check(status, "", &Said::Accepted);
        }
        for status in [303, 400, 403, 404, 410] {
            check(status, " no \n", &Said::Refused(format!("it answered {status}: no")));
        }
        for status in [429, 500, 503] {
            check(status, "", &Said::Later(Some(Duration::from_secs(90)), format!("it answered {status}")));
        }
    }
}
