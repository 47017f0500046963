//! Addresses of mail, as subscriptions and settings have them. Pure.

use lettre::{Address, message::Mailbox};
use percent_encoding::percent_decode_str;

/// Where `mailto:` addresses begin (RFC 6068).
pub const SCHEME: &str = "mailto:";
/// The longest address (RFC 5321, section 4.5.3.1.3, without its brackets).
const LONGEST: usize = 254;

/// Is this text a `mailto:` address, right or wrong?
pub fn is_mailto(text: &str) -> bool {
    let text = text.trim_start();
    text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The address of a `mailto:` text: one, without headers. What is wrong with it in a sentence.
pub fn of_mailto(text: &str) -> Result<Address, String> {
    let rest = text.trim().get(SCHEME.len()..).unwrap_or_default();
    if rest.contains('?') {
        return Err("a `mailto:` address with headers (`?subject=…`) cannot be used".to_owned());
    }
    let decoded = percent_decode_str(rest).decode_utf8().map_err(|_| "it is not UTF-8".to_owned())?;
    parse(&decoded)
}

/// An address in its normal form: the host in lower case, and as DNS writes it.
pub fn parse(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == ',') {
        return Err("it is not one address of mail, such as `an@example.vn`".to_owned());
    }
    let Some((user, host)) = text.rsplit_once('@') else {
        return Err("it has no `@`: write it whole, such as `an@example.vn`".to_owned());
    };
    if !user.is_ascii() {
        return Err(
            "what stands before its `@` has to be ASCII: few mail servers take anything else".to_owned()
        );
    }
    let host = match url::Host::parse(host) {
        Ok(url::Host::Domain(host)) if host.contains('.') || host == "localhost" => host,
        Ok(_) => return Err("what stands behind its `@` is no domain".to_owned()),
        Err(cause) => return Err(format!("what stands behind its `@` is no domain: {cause}")),
    };
    let address = Address::new(user, host).map_err(|_| "what stands before its `@` is no name".to_owned())?;
    let length = AsRef::<str>::as_ref(&address).len();
    if length > LONGEST {
        return Err(format!("it has {length} characters, {LONGEST} are the most"));
    }
    Ok(address)
}

/// A name and an address: `Loa phường <loa@example.vn>`, or an address alone.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    let text = text.trim();
    let Some((name, rest)) = text.rsplit_once('<') else { return Ok(Mailbox::new(None, parse(text)?)) };
    let Some(inner) = rest.strip_suffix('>') else {
        return Err("the `>` behind the address is missing".to_owned());
    };
    let name = name.trim().trim_matches('"').trim();
    if name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '"')) {
        return Err("the name has a character that names do not have".to_owned());
    }
    Ok(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), parse(inner)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address_in_its_normal_form() {
        for (text, expected) in [
            ("mailto:an@example.vn", "an@example.vn"),
            ("MAILTO:An.B+tin@Example.VN", "An.B+tin@example.vn"),
            ("mailto:an%2Btin@example.vn", "an+tin@example.vn"),
            ("mailto:an@phường.example", "an@xn--phng-rib8295b.example"),
            ("mailto:an@localhost", "an@localhost"),
        ] {
            assert!(is_mailto(text));
            let address = of_mailto(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Ok(expected), "{text}");
        }
        for wrong in [
            "mailto:",
            "mailto:an",
            "mailto:@example.vn",
            "mailto:an@",
            "mailto:an@example",
            "mailto:an@127.0.0.1",
            "mailto:an@example.vn,binh@example.vn",
            "mailto:an@example.vn?bcc=x@y.example",
            "mailto:an%0d%0aBcc:x@example.vn",
            "mailto:an binh@example.vn",
            "mailto:ân@example.vn",
            "mailto:an>@example.vn",
            "mailto:%ff@example.vn",
        ] {
            assert!(of_mailto(wrong).is_err(), "{wrong}");
        }
        assert!(parse(&format!("{}@{}.example", "a".repeat(60), "b.".repeat(120))).is_err());
        assert!(!is_mailto("https://example.vn/"));
    }

    #[test]
    fn a_mailbox_may_have_a_name() {
        let with_name = mailbox("Loa phường <Loa@Example.vn>").unwrap();
        assert_eq!(
            (with_name.name.as_deref(), with_name.email.to_string().as_str()),
            (Some("Loa phường"), "Loa@example.vn")
        );
        assert_eq!(mailbox("\"Loa, phường\" <loa@example.vn>").unwrap().name.as_deref(), Some("Loa, phường"));
        assert_eq!(mailbox("loa@example.vn").unwrap().name, None);
        for wrong in
            ["", "Loa", "Loa <loa@example.vn", "Loa\r\nBcc: <loa@example.vn>", "<x> <loa@example.vn>"]
        {
            assert!(mailbox(wrong).is_err(), "{wrong}");
        }
    }
}
