//! Addresses that may stand in a page's links.

use url::Url;

/// The address if a browser may be sent there: `http` and `https` only, so no `javascript:` and no `data:`.
pub(super) fn web(address: &str) -> Option<&str> {
    let url = Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(address)
}

/// Passwords of sources that need one are not for everybody.
pub(super) fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // The only failure is an address that cannot have credentials: it has none to take away.
    let (_, _) = (url.set_password(None), url.set_username(""));
    url.into()
}

/// What people may call a file: the last part of its address, readable.
pub(super) fn file_name(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let last = url.path_segments()?.next_back().filter(|name| !name.is_empty())?;
    // A path is no form: there, these two are plain characters.
    let form = format!("name={}", last.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, name)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_linked() {
        for good in ["http://quan1.example/a?b=c", "HTTPS://quan1.example"] {
            assert_eq!(web(good), Some(good));
        }
        for bad in
            ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:x", "data:text/html,x", "/a", ""]
        {
            assert_eq!(web(bad), None, "{bad}");
        }
    }

    #[test]
    fn credentials_are_not_told() {
        let table = [
            ("https://user:secret@quan1.example/tin", "https://quan1.example/tin"),
            ("http://quan1.example/?a=b", "http://quan1.example/?a=b"),
            ("data:,x", "data:,x"),
        ];
        for (url, expected) in table {
            assert_eq!(without_credentials(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn files_are_called_by_their_name() {
        let table = [
            ("https://quan1.example/a/Th%C3%B4ng%20b%C3%A1o+1&2=3.pdf?x=y", Some("Thông báo+1&2=3.pdf")),
            ("https://quan1.example/", None),
            ("not an address", None),
        ];
        for (address, expected) in table {
            assert_eq!(file_name(address).as_deref(), expected);
        }
    }
}
