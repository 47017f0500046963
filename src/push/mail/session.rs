//! A conversation with the mail server (SMTP, RFC 5321), step by step: what a step is about decides whose fault it is that
//! it failed. The operator names the server, so it may stand anywhere; time and size of its answers have limits.

use std::{path::Path, time::Duration};

use lettre::{
    Address,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt, Rset},
        extension::ClientId,
        response::Response,
    },
};

use tokio::net::ToSocketAddrs;

use super::{
    Settings,
    server::{Login, Security},
};
use crate::push::webhook::line;

/// Characters of an answer that are kept.
const WORDS: usize = 256;
/// Time to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// A mail as it is sent.
#[derive(Clone, Debug)]
pub(in crate::push) struct Mail {
    pub(super) from: Address,
    pub(super) to: Address,
    /// Headers and body, in lines that end with CR and LF.
    pub(super) bytes: Vec<u8>,
}

/// What the server said of one recipient, or of the mail to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::push) struct Said {
    pub(super) code: u16,
    pub(super) words: String,
    /// It says that there is no such mailbox.
    pub(super) is_unknown: bool,
}

/// Nobody's fault but the server's, or the way's to it: why, in words without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::push) struct Trouble(pub(super) String);

/// A connection on which mails can be sent.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    timeout: Duration,
    server: String,
    /// It has sent something before: servers end connections that do for long.
    pub(super) is_used: bool,
}

/// A step that failed.
enum Failed {
    /// The server said no.
    Code(u16, String),
    /// It said nothing that can be understood, or nothing at all.
    Broken(String),
}

impl Session {
    /// Connects, secures the way, and logs in. `hello` is what we call ourselves.
    pub(super) async fn open(settings: &Settings, hello: &str) -> Result<Self, Trouble> {
        let server = settings.server.to_string();
        let trouble = |failed: Failed| Trouble(format!("`{server}`: {}", failed.words()));
        let place = (settings.server.host.as_str(), settings.server.port);
        let opening = connect(settings, place, hello);
        // TLS and login are further steps of the opening.
        let connection = within(settings.timeout.saturating_mul(2), opening).await.map_err(trouble)?;
        Ok(Self { connection, timeout: settings.timeout, server, is_used: false })
    }

    /// Sends one mail. An answer that is not about this mail is the server's trouble, after which the session is of no
    /// use any more.
    pub(super) async fn send(&mut self, mail: &Mail) -> Result<Said, Trouble> {
        self.is_used = true;
        if let Err(failed) = self.step(MailFrom::new(Some(mail.from.clone()), Vec::new())).await {
            return Err(self.trouble("it does not take our sender", &failed));
        }
        match self.step(Rcpt::new(mail.to.clone(), Vec::new())).await {
            Ok(_) => {}
            Err(Failed::Code(code, words)) if code != 421 => {
                let is_unknown = is_unknown(code, &words);
                self.start_over().await?;
                return Ok(Said { code, words, is_unknown });
            }
            Err(failed) => return Err(self.trouble("it did not answer for the recipient", &failed)),
        }
        let sent = match self.step(Data).await {
            Ok(_) => {
                let sending = self.connection.message(&mail.bytes);
                within(self.timeout, async { sending.await.map_err(|cause| failed(&cause)) }).await
            }
            Err(refused) => Err(refused),
        };
        match sent {
            Ok(response) => {
                let code = response.code().into();
                Ok(Said { code, words: words(&response), is_unknown: false })
            }
            Err(Failed::Code(code, words)) if code != 421 => {
                self.start_over().await?;
                Ok(Said { code, words, is_unknown: false })
            }
            Err(failed) => Err(self.trouble("it did not answer for the mail", &failed)),
        }
    }

    /// Says goodbye, and does not wait long for an answer.
    pub(super) async fn quit(mut self) {
        tokio::time::timeout(FAREWELL, self.connection.quit()).await.ok();
    }

    async fn start_over(&mut self) -> Result<(), Trouble> {
        match self.step(Rset).await {
            Ok(_) => Ok(()),
            Err(failed) => Err(self.trouble("it did not begin anew", &failed)),
        }
    }

    async fn step(&mut self, command: impl std::fmt::Display + Send) -> Result<Response, Failed> {
        let asking = self.connection.command(command);
        within(self.timeout, async { asking.await.map_err(|cause| failed(&cause)) }).await
    }

    fn trouble(&self, what: &str, failed: &Failed) -> Trouble {
        Trouble(format!("`{}`: {what}: {}", self.server, failed.words()))
    }
}

impl Failed {
    fn words(&self) -> String {
        match self {
            Self::Code(code, words) => format!("it answered {code} {words}").trim_end().to_owned(),
            Self::Broken(why) => why.clone(),
        }
    }
}

/// `place` is where the server of the settings is found.
async fn connect(
    settings: &Settings,
    place: impl ToSocketAddrs,
    hello: &str,
) -> Result<AsyncSmtpConnection, Failed> {
    let hello = ClientId::Domain(hello.to_owned());
    let server = &settings.server;
    let tls = || tls(&server.host, settings.ca_file.as_deref()).map_err(Failed::Broken);
    let at_once = if server.security == Security::Tls { Some(tls()?) } else { None };
    let connecting =
        AsyncSmtpConnection::connect_tokio1(place, Some(settings.timeout), &hello, at_once, None);
    let mut connection = connecting.await.map_err(|cause| failed(&cause))?;
    if server.security == Security::StartTls {
        if !connection.can_starttls() {
            let why = "it does not offer STARTTLS, and mails and passwords are not sent in the clear";
            return Err(Failed::Broken(why.to_owned()));
        }
        connection.starttls(tls()?, &hello).await.map_err(|cause| failed(&cause))?;
    }
    if let Some(Login { user, password }) = &server.login {
        let credentials = Credentials::new(user.clone(), password.clone());
        let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
        login.map_err(|cause| match failed(&cause) {
            // What a server says of a login may repeat it.
            Failed::Code(code, _) => Failed::Broken(format!("it answered {code} to the login as `{user}`")),
            broken @ Failed::Broken(_) => broken,
        })?;
    }
    Ok(connection)
}

/// Public roots, and those of the operator.
fn tls(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, String> {
    let mut parameters =
        TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(path) = ca_file {
        let cannot = |cause: String| format!("cannot use `{}`: {cause}", path.display());
        let pem = std::fs::read(path).map_err(|cause| cannot(cause.to_string()))?;
        let root = Certificate::from_pem(&pem).map_err(|cause| cannot(cause.to_string()))?;
        parameters = parameters.add_root_certificate(root);
    }
    parameters.build_rustls().map_err(|cause| cause.to_string())
}

async fn within<T>(
    time: Duration,
    step: impl Future<Output = Result<T, Failed>> + Send,
) -> Result<T, Failed> {
    let silent = || Failed::Broken(format!("no answer within {} s", time.as_secs()));
    tokio::time::timeout(time, step).await.unwrap_or_else(|_| Err(silent()))
}

fn failed(cause: &lettre::transport::smtp::Error) -> Failed {
    use std::error::Error;
    let why = cause.source().map_or_else(|| cause.to_string(), ToString::to_string);
    match cause.status() {
        Some(code) => Failed::Code(code.into(), short(&why)),
        None => Failed::Broken(short(&why)),
    }
}

fn words(response: &Response) -> String {
    short(&response.message().collect::<Vec<_>>().join(" "))
}

fn short(text: &str) -> String {
    line(text).chars().take(WORDS).collect()
}

/// Does the answer to RCPT say that there is no such mailbox? By its enhanced code (RFC 3463: 5.1.x is about the address,
/// 5.2.1 about a mailbox that is closed) where it has one, as a refusal for other reasons has: no relaying, a full
/// mailbox, a list of blocked senders.
fn is_unknown(code: u16, words: &str) -> bool {
    if !(500..=599).contains(&code) {
        return false;
    }
    let first = words.split_whitespace().next().unwrap_or_default();
    let is_enhanced = first.starts_with("5.") && first.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_enhanced {
        return first.starts_with("5.1.") || first == "5.2.1";
    }
    let relays = words.to_ascii_lowercase().contains("relay");
    matches!(code, 550 | 551 | 553) && !relays
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::{SocketAddr, TcpListener},
        sync::Arc,
    };

    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

    use super::*;
    use crate::push::mail::tests::settings;

    /// Answers one conversation: plainly with these lines, one for each that comes, and then by TLS.
    fn server(plain: &'static [&'static str]) -> SocketAddr {
        let chain = CertificateDer::from_pem_slice(include_bytes!("../../net/testdata/portal.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../net/testdata/portal.key")).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![chain], key)
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for (n, line) in plain.iter().enumerate() {
                if n > 0 {
                    read_line(&mut stream);
                }
                stream.write_all(line.as_bytes()).unwrap();
            }
            let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
            if plain.is_empty() {
                stream.get_mut().write_all(b"220 portal.example\r\n").ok();
            }
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|n| n > 0) {
                stream.get_mut().write_all(b"250 fine\r\n").ok();
                line.clear();
            }
        });
        at
    }

    fn read_line(stream: &mut impl Read) {
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && byte != *b"\n" {}
    }

    /// Connects to `portal.example`, which stands there.
    async fn ask(security: Security, is_trusted: bool, at: SocketAddr) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root.pem");
        std::fs::write(&root, include_bytes!("../../net/testdata/root.pem")).unwrap();
        let mut settings = settings();
        settings.server =
            super::super::server::Server { host: "portal.example".into(), port: 465, security, login: None };
        settings.ca_file = is_trusted.then_some(root);
        settings.timeout = Duration::from_secs(20);
        connect(&settings, at, "loa.example").await.map(|_| ()).map_err(|failed| failed.words())
    }

    #[tokio::test]
    async fn the_way_is_secured_as_the_settings_say_and_the_ca_file_is_believed() {
        const STARTTLS: &[&str] =
            &["220 portal.example\r\n", "250-portal.example\r\n250 STARTTLS\r\n", "220 go\r\n"];
        assert_eq!(ask(Security::Tls, true, server(&[])).await, Ok(()));
        assert_eq!(ask(Security::StartTls, true, server(STARTTLS)).await, Ok(()));
        for (security, plain) in [(Security::Tls, &[][..]), (Security::StartTls, STARTTLS)] {
            let refused = ask(security, false, server(plain)).await.unwrap_err();
            assert!(refused.contains("certificate"), "{security:?}: {refused}");
        }
        let without = server(&["220 portal.example\r\n", "250 portal.example\r\n"]);
        let refused = ask(Security::StartTls, true, without).await.unwrap_err();
        assert!(refused.contains("does not offer STARTTLS"), "{refused}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = settings();
        (settings.server.port, settings.timeout) =
            (listener.local_addr().unwrap().port(), Duration::from_millis(50));
        let Err(Trouble(why)) = Session::open(&settings, "loa.example").await else {
            panic!("nobody was there")
        };
        assert!(why.contains("no answer within"), "{why}");
    }

    #[test]
    fn an_unknown_mailbox_is_told_from_other_refusals() {
        for (code, words, expected) in [
            (550, "5.1.1 <an@example.vn>: user unknown", true),
            (550, "5.2.1 mailbox disabled", true),
            (550, "No such user here", true),
            (551, "user not local", true),
            (553, "mailbox name not allowed", true),
            (550, "5.7.1 relaying denied", false),
            (550, "relay not permitted", false),
            (554, "5.7.1 relay access denied", false),
            (552, "5.2.2 mailbox full", false),
            (554, "transaction failed", false),
            (530, "authentication required", false),
            (450, "4.1.1 try again", false),
        ] {
            assert_eq!(is_unknown(code, words), expected, "{code} {words}");
        }
    }
}
