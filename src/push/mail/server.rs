//! Which mail server takes our mails. Pure.

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode_str;
use url::Url;

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is secured.
    pub security: Security,
    /// As whom we log in; `None` for a server that takes mails without.
    pub login: Option<Login>,
}

/// How the way to the server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314, section 3.3).
    Tls,
    /// TLS after a plain beginning (RFC 3207); a server without it is not used.
    StartTls,
    /// Not at all: for a server on this machine.
    None,
}

/// As whom we log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password. Never printed.
    pub password: String,
}

/// What is wrong with the address of a server, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String, pub Option<String>);

impl Security {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tls, Self::StartTls, Self::None];

    /// As settings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    /// From what settings write.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

impl Server {
    /// Reads `smtps://user@host:465` (TLS) or `smtp://user@host:587` (STARTTLS). The password stands elsewhere.
    pub fn parse(text: &str) -> Result<(Self, Option<String>), Wrong> {
        const HINT: &str = "write `smtps://user@mail.example:465` or `smtp://user@mail.example:587`";
        let wrong = |message: String| Wrong(message, Some(HINT.to_owned()));
        let url = Url::parse(text.trim()).map_err(|cause| wrong(format!("this is no address: {cause}")))?;
        let (security, port) = match url.scheme() {
            "smtps" => (Security::Tls, 465),
            "smtp" => (Security::StartTls, 587),
            other => return Err(wrong(format!("`{other}` is no address of a mail server"))),
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong("it has no host".to_owned()))?;
        if url.password().is_some() {
            let hint = "put it into `password_file`: files can be given other permissions";
            return Err(Wrong("a password does not stand in an address".to_owned(), Some(hint.to_owned())));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("there is something behind its host and port".to_owned()));
        }
        let user = percent_decode_str(url.username())
            .decode_utf8()
            .map_err(|_| wrong("its user is not UTF-8".to_owned()))?;
        let server = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            security,
            login: None,
        };
        Ok((server, (!user.is_empty()).then(|| user.into_owned())))
    }

    /// Is it on this machine?
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// `mail.example:465`
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The password stays out of logs.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_host_port_security_and_user() {
        for (text, host, port, security, user) in [
            ("smtps://loa@mail.example:465", "mail.example", 465, Security::Tls, Some("loa")),
            ("smtps://mail.example", "mail.example", 465, Security::Tls, None),
            ("smtp://mail.example", "mail.example", 587, Security::StartTls, None),
            (
                "smtp://loa%40x.example@mail.example:25/",
                "mail.example",
                25,
                Security::StartTls,
                Some("loa@x.example"),
            ),
            ("smtp://[::1]:2525", "::1", 2525, Security::StartTls, None),
        ] {
            let (server, name) = Server::parse(text).unwrap();
            assert_eq!(
                (server.host.as_str(), server.port, server.security),
                (host, port, security),
                "{text}"
            );
            assert_eq!(name.as_deref(), user, "{text}");
        }
        for (text, words) in [
            ("mail.example", "no address"),
            ("https://mail.example", "`https`"),
            ("smtps:///", "no host"),
            ("smtps://loa:secret@mail.example", "password"),
            ("smtps://mail.example/x", "behind"),
            ("smtps://mail.example?tls=no", "behind"),
        ] {
            let Wrong(message, hint) = Server::parse(text).unwrap_err();
            assert!(message.contains(words) && !message.contains("secret"), "{text}: {message}");
            assert!(hint.is_some_and(|hint| !hint.contains("secret")));
        }
    }

    #[test]
    fn this_machine_is_told_from_others_and_a_password_is_not_printed() {
        let at = |text: &str| Server::parse(text).unwrap().0.is_local();
        assert!(at("smtp://localhost") && at("smtp://127.0.0.1:25") && at("smtp://[::1]"));
        assert!(!at("smtp://mail.example") && !at("smtp://10.0.0.1"));
        let login = Login { user: "loa".to_owned(), password: "secret".to_owned() };
        assert!(!format!("{login:?}").contains("secret"));
    }
}
