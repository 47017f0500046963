//! `[mail]`: the server that takes our mails.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lettre::message::Mailbox;

use super::{
    read::{Section, Word, Wrong},
    sections::{self, Folders},
    suggest::nearest,
};
use crate::{
    ingest,
    model::{Daily, Language},
    net,
    push::mail::{
        Settings, address,
        server::{self, Login, Security, Server},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// `Some(None)` where no mails are sent, `None` when something was recorded. Did somebody say where the public reaches us,
/// and whom do we believe (`net.ca_file`)?
pub(super) fn mail(
    root: &Section<'_>,
    folders: &Folders,
    has_base_url: bool,
    net: Option<&net::Settings>,
) -> Option<Option<Settings>> {
    let section = root.table("mail")?;
    let server = server(&section, folders);
    let from = mailbox(&section, "from");
    let reply_to = mailbox(&section, "reply_to");
    let timeout = section.duration("timeout", SECOND..=10 * MINUTE);
    let rate = section.integer("rate", 1..=100_000);
    let language = section.parsed("language", language);
    let zone = section.parsed("timezone", zone);
    let max_items = section.integer("max_items", 1..=1_000);
    let confirm_within = section.duration("confirm_within", HOUR..=60 * DAY);
    let confirm_every = section.duration("confirm_every", MINUTE..=30 * DAY);
    if section.has("server") {
        section.require("from", "\"Loa phường <loa@example.vn>\"");
        if !has_base_url {
            let hint = "add `base_url = \"https://…\"` to `[web]`";
            let message = "mails need `web.base_url`: their links lead there";
            section.wrong("server", message, Some(hint.to_owned()));
        }
    } else {
        for key in ["from", "reply_to", "password", "password_file", "security"] {
            if section.has(key) {
                let hint = Some("add `server = \"smtps://user@mail.example:465\"`".to_owned());
                section.wrong(key, format!("`{key}` is of no use without `server`"), hint);
            }
        }
    }
    let is_on = section.has("server");
    section.finish();
    let reply_to = reply_to?;
    let (timeout, rate, language, zone) = (timeout?, rate?, language?, zone?);
    let (max_items, confirm_within, confirm_every) = (max_items?, confirm_within?, confirm_every?);
    if !is_on {
        return Some(None);
    }
    Some(Some(Settings {
        server: server?,
        from: from??,
        reply_to,
        timeout,
        rate,
        language,
        zone,
        max_items,
        confirm_within,
        confirm_every,
        ca_file: net.and_then(|net| net.ca_file.clone()),
        names: BTreeMap::new(),
    }))
}

/// The same, with what people call the sources.
pub(super) fn named(mail: Option<Settings>, sources: &[Arc<ingest::Source>]) -> Option<Settings> {
    let names = sources.iter().map(|source| (source.id.clone(), source.name.clone())).collect();
    mail.map(|mail| Settings { names, ..mail })
}

fn server(section: &Section<'_>, folders: &Folders) -> Option<Server> {
    let parsed = section.filled("server").map(|word| {
        let wrong = |server::Wrong(message, hint)| Wrong { message, span: None, hint };
        (Server::parse(&word.text).map_err(|cause| section.blame(&word, wrong(cause))), word)
    });
    let security = section.parsed("security", security);
    let password = sections::secret_text(section, ("password", "password_file"), folders);
    let (parsed, word) = parsed?;
    let (mut server, user) = parsed.ok()?;
    if let Some(security) = security {
        server.security = security;
    }
    server.login = login(section, user, password)?;
    if server.login.is_some() && server.security == Security::None && !server.is_local() {
        let wrong = Wrong::new("the password would go to another machine in the clear");
        section.blame(&word, wrong.hint("write `security = \"tls\"` or `security = \"starttls\"`"));
        return None;
    }
    Some(server)
}

/// A user needs a password, and a password a user.
fn login(section: &Section<'_>, user: Option<String>, password: Option<Word>) -> Option<Option<Login>> {
    let has_password = section.has("password") || section.has("password_file");
    match (user, password) {
        (Some(user), Some(password)) => Some(Some(Login { user, password: password.text })),
        (None, None) if !has_password => Some(None),
        (Some(user), None) if !has_password => {
            let hint = "add `password_file`, or leave the user out of `server`";
            section.wrong("server", format!("the user `{user}` has no password"), Some(hint.to_owned()));
            None
        }
        (None, Some(_)) => {
            let hint = "write it into the address: `smtps://user@mail.example:465`".to_owned();
            section.wrong("server", "there is a password, but no user", Some(hint));
            None
        }
        // The file cannot be read, which was recorded.
        _ => None,
    }
}

/// `Some(None)` where the key is absent, `None` when something was recorded.
fn mailbox(section: &Section<'_>, key: &'static str) -> Option<Option<Mailbox>> {
    let parse = |text: &str| {
        let hint = "write `Loa phường <loa@example.vn>`, or the address alone";
        address::mailbox(text).map_err(|cause| Wrong::new(format!("this is no sender: {cause}")).hint(hint))
    };
    let read = section.parsed(key, parse);
    if section.has(key) { read.map(Some) } else { Some(None) }
}

fn security(text: &str) -> Result<Security, Wrong> {
    Security::parse(text).ok_or_else(|| {
        let names = Security::ALL.map(Security::as_str);
        let wrong = Wrong::new(format!("there is no security `{text}`"));
        match nearest(text, names) {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None => wrong.hint("write `tls`, `starttls` or `none`"),
        }
    })
}

fn language(text: &str) -> Result<Language, Wrong> {
    Language::parse(text)
        .ok_or_else(|| Wrong::new(format!("there are no mails in `{text}`")).hint("write `vi` or `en`"))
}

fn zone(text: &str) -> Result<String, Wrong> {
    if Daily::has_zone(text) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(format!("there is no time zone `{text}`")).hint("write a name such as `Asia/Ho_Chi_Minh`"))
}
