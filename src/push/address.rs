//! Addresses of webhooks: which may be used, how many subscriptions there may be, and how many at one host. Pure.

use url::Url;

use super::{Error, Settings, book::Book};
use crate::{model::Channel, net::guard};

/// The address in its normal form, if it may be used.
pub(super) fn check(text: &str, settings: &Settings) -> Result<String, Error> {
    let invalid = |message: String, hint: &str| Error::Invalid {
        field: "url",
        message,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    };
    let mut url = Url::parse(text.trim()).map_err(|cause| {
        invalid(
            format!("`{}` is no address: {cause}", shown(text)),
            "write it whole: `https://example.vn/hook`",
        )
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        let hint =
            "receivers know us by the signature; an address with a password would show it in every list";
        return Err(invalid("an address with a user name or password is not accepted".to_owned(), hint));
    }
    if url.scheme() == "http" && !settings.allow_http {
        let hint = "use `https:`, or set `push.allow_http = true`";
        return Err(invalid(
            "an `http:` address is not accepted: anybody on the way could read along".to_owned(),
            hint,
        ));
    }
    guard::check(&url, settings.allow_private).map_err(|refusal| {
        let private = matches!(refusal, guard::Refusal::Address { .. } | guard::Refusal::Name(_));
        let hint = if private { "to allow it, set `push.allow_private = true`" } else { "" };
        invalid(refusal.to_string(), hint)
    })?;
    url.set_fragment(None);
    Ok(url.into())
}

/// Is there room for one more at this address?
pub(super) fn has_room(book: &Book, url: &str, settings: &Settings) -> Result<(), Error> {
    let (mut all, mut at_host) = (0, 0);
    for one in book.all() {
        if !matches!(one.channel, Channel::WebSub { .. }) {
            all += 1;
            at_host += usize::from(!one.configured && host(&one.url) == host(url));
        }
    }
    if all >= settings.max_subscriptions {
        return Err(Error::Full(all));
    }
    if !host(url).is_empty() && at_host >= settings.max_per_host {
        return Err(Error::HostFull(host(url).to_owned(), at_host));
    }
    Ok(())
}

/// The host of an address in its normal form; empty where there is none.
pub(super) fn host(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return "" };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.split_once(']') {
        Some((v6, _)) => v6,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// As much of a client's text as an answer repeats.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address() {
        for (url, expected) in [
            ("https://a.example/x", "a.example"),
            ("http://a.example:8080/x?y=/z", "a.example"),
            ("https://a.example", "a.example"),
            ("https://a.example?x", "a.example"),
            ("http://[::1]:80/", "[::1"),
            ("http://10.0.0.1:80/", "10.0.0.1"),
            ("mailto:a@b.example", ""),
            ("", ""),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
