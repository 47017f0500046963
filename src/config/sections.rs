//! The plain sections: one function per room.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;

use super::{
    feed::Automatic,
    read::{Section, Word, Wrong},
    report::Findings,
    tree::Place,
};
use crate::{
    net, push, store, telemetry,
    web::{
        self,
        server::tls::{self, Files},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// Where the relative paths of each text start.
#[derive(Clone, Debug, Default)]
pub(super) struct Folders(pub(super) Vec<(usize, PathBuf)>);

/// `[push]` without its webhooks.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) timeout: Duration,
    pub(super) schedule: Vec<Duration>,
    pub(super) jitter: f64,
    pub(super) disable_after: Duration,
    pub(super) concurrency: usize,
    pub(super) allow_http: bool,
    pub(super) allow_private: bool,
    pub(super) max_subscriptions: usize,
    pub(super) max_per_host: usize,
    pub(super) host_concurrency: usize,
    pub(super) host_rate: u32,
    pub(super) verify: bool,
    pub(super) overlap: Duration,
    pub(super) keep: Duration,
    pub(super) keep_bytes: u64,
}

pub(super) fn web(section: Section<'_>, folders: &Folders) -> Option<(web::Settings, Option<String>)> {
    let listen = section.parsed("listen", listen);
    let base_url = section.parsed("base_url", base_url);
    let tls = tls(&section, folders);
    let token = token(&section, folders);
    let max_connections = section.integer("max_connections", 1..=1_000_000);
    let max_streams = section.integer("max_streams", 1..=1_000_000);
    let header_timeout = section.duration("header_timeout", SECOND..=HOUR);
    let max_request = section.bytes("max_request", 1024..=1 << 30);
    section.finish();
    let settings = web::Settings {
        listen: listen?,
        tls,
        token,
        max_connections: max_connections?,
        max_streams: max_streams?,
        header_timeout: header_timeout?,
        max_request: usize::try_from(max_request?).ok()?,
    };
    Some((settings, base_url))
}

pub(super) fn store(section: Section<'_>, folders: &Folders) -> Option<store::Settings> {
    let path = section.filled("path").map(|word| folders.resolve(&word.place, &word.text));
    let cache = section.bytes("cache", 1 << 20..=1 << 40);
    section.finish();
    Some(store::Settings { path: Some(path?), cache: cache? })
}

/// `[net]`; `base_url` is where the public reaches us, when somebody said so.
pub(super) fn net(section: Section<'_>, folders: &Folders, base_url: Option<&str>) -> Option<net::Settings> {
    let user_agent = section.parsed("user_agent", header_text);
    let contact = section.parsed("contact", contact);
    let connect_timeout = section.duration("connect_timeout", SECOND..=HOUR);
    let read_timeout = section.duration("read_timeout", SECOND..=HOUR);
    let timeout = section.duration("timeout", SECOND..=HOUR);
    let max_body = section.bytes("max_body", 1024..=1 << 32);
    let max_redirects = section.integer("max_redirects", 0..=50);
    let concurrency = section.integer("concurrency", 1..=1000);
    let spacing = section.duration("spacing", Duration::ZERO..=HOUR);
    let max_crawl_delay = section.duration("max_crawl_delay", Duration::ZERO..=HOUR);
    let daily_budget = section.integer("daily_budget", 0..=10_000_000);
    let caps = caps(&section);
    let ca_file = readable(&section, "ca_file", folders);
    section.finish();
    Some(net::Settings {
        user_agent: user_agent.unwrap_or_else(|| default_user_agent(base_url, contact.as_deref())),
        contact,
        connect_timeout: connect_timeout?,
        read_timeout: read_timeout?,
        timeout: timeout?,
        max_body: max_body?,
        max_redirects: max_redirects?,
        concurrency: concurrency?,
        spacing: spacing?,
        max_crawl_delay: max_crawl_delay?,
        daily_budget: daily_budget?,
        caps: caps?,
        // One site is asked for one thing at a time, mostly.
        idle_per_host: 2,
        ca_file,
    })
}

/// A `mailto:` address, or one of the web; it also stands in a header.
fn contact(text: &str) -> Result<String, Wrong> {
    let text = header_text(text)?;
    match push::mail::address::of_mailto(&text) {
        Ok(_) if push::mail::address::is_mailto(&text) => Ok(text),
        _ if push::mail::address::is_mailto(&text) => {
            Err(Wrong::new("this is no address of mail").hint("write `mailto:admin@tin.example.vn`"))
        }
        _ => http_url(&text).map(String::from),
    }
}

/// The keys of `[net]` about what addresses look like.
fn caps(section: &Section<'_>) -> Option<net::trap::Caps> {
    let length = section.integer("max_url_length", 100..=1_000_000);
    let depth = section.integer("max_url_depth", 1..=10_000);
    let repeats = section.integer("max_url_repeats", 1..=10_000);
    Some(net::trap::Caps { length: length?, depth: depth?, repeats: repeats? })
}

/// `[ingest]`: passes at once, and where hubs reach us.
///
/// That is `base_url`, where somebody wrote it and it is not an address of this machine or its network: a hub elsewhere
/// could not reach one of those, and would be asked in vain.
pub(super) fn ingest(section: Section<'_>, base_url: Option<&str>) -> Option<(usize, Option<String>)> {
    let concurrency = section.integer("concurrency", 1..=10_000);
    let allow_private = section.boolean("allow_private_callbacks")?;
    section.finish();
    let is_reachable =
        |text: &&str| Url::parse(text).is_ok_and(|url| net::guard::check(&url, allow_private).is_ok());
    Some((concurrency?, base_url.filter(is_reachable).map(str::to_owned)))
}

pub(super) fn push(section: Section<'_>) -> Option<Push> {
    let timeout = section.duration("timeout", SECOND..=HOUR);
    let schedule = section.durations("schedule", &(Duration::ZERO..=30 * DAY));
    if schedule.as_ref().is_some_and(Vec::is_empty) {
        section.wrong("schedule", "`schedule` names no attempt", Some("start it with `\"0s\"`".to_owned()));
    }
    let jitter = section.number("jitter", 0.0..=1.0);
    let disable_after = section.duration("disable_after", HOUR..=YEAR);
    let concurrency = section.integer("concurrency", 1..=10_000);
    let allow_http = section.boolean("allow_http");
    let allow_private = section.boolean("allow_private");
    let host_concurrency = section.integer("host_concurrency", 1..=10_000);
    let host_rate = section.integer("host_rate", 1..=1_000_000);
    let max_subscriptions = section.integer("max_subscriptions", 0..=1_000_000);
    let max_per_host = section.integer("max_per_host", 0..=1_000_000);
    let verify = section.boolean("verify");
    let overlap = section.duration("overlap", Duration::ZERO..=YEAR);
    let keep = section.duration("keep", HOUR..=10 * YEAR);
    let keep_bytes = section.bytes("keep_bytes", 1024..=1 << 32);
    section.finish();
    Some(Push {
        timeout: timeout?,
        schedule: schedule?,
        jitter: jitter?,
        disable_after: disable_after?,
        concurrency: concurrency?,
        allow_http: allow_http?,
        allow_private: allow_private?,
        max_subscriptions: max_subscriptions?,
        max_per_host: max_per_host?,
        host_concurrency: host_concurrency?,
        host_rate: host_rate?,
        verify: verify?,
        overlap: overlap?,
        keep: keep?,
        keep_bytes: keep_bytes?,
    })
}

/// `[hub]`.
pub(super) fn hub(section: Section<'_>) -> Option<push::hub::Settings> {
    let open = section.boolean("open");
    let lease = section.duration("lease", HOUR..=10 * DAY);
    let max_per_topic = section.integer("max_per_topic", 1..=1_000_000);
    let max_per_host = section.integer("max_per_host", 1..=1_000_000);
    section.finish();
    Some(push::hub::Settings {
        open: open?,
        lease: lease?,
        max_per_topic: max_per_topic?,
        max_per_host: max_per_host?,
    })
}

/// `[publish]`.
#[derive(Debug)]
pub(super) struct Publish {
    pub(super) min_age: Duration,
    pub(super) max_age: Duration,
    pub(super) hub: Option<String>,
    pub(super) canary: bool,
    pub(super) automatic: Vec<Automatic>,
}

pub(super) fn publish(section: Section<'_>) -> Option<Publish> {
    let min_age = section.duration("min_age", Duration::ZERO..=DAY);
    let max_age = section.duration("max_age", Duration::ZERO..=DAY);
    if min_age > max_age && max_age.is_some() {
        section.wrong("min_age", "`min_age` is more than `max_age`", None);
    }
    let hub = section.parsed("hub", http_url).map(String::from);
    let canary = section.boolean("canary");
    let kind = |word: Word| Automatic::parse(&word.text).map_err(|wrong| section.blame(&word, wrong)).ok();
    let automatic = section.words("automatic").unwrap_or_default().into_iter().filter_map(kind).collect();
    section.finish();
    Some(Publish { min_age: min_age?, max_age: max_age?, hub, canary: canary?, automatic })
}

pub(super) fn log(section: Section<'_>) -> Option<telemetry::Settings> {
    let filter = section.parsed("filter", |text| match telemetry::filter(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(cause) => {
            let cause = cause.to_string();
            let what = cause.lines().next().unwrap_or_default();
            Err(Wrong::new(what).hint("write a level, or targets with levels: `info,loaphuong::push=debug`"))
        }
    });
    let json = section.boolean("json");
    section.finish();
    Some(telemetry::Settings { filter: filter?, json: json? })
}

/// Who we are when nobody says it: the program, and the page that says to others what it does and how it is stopped.
fn default_user_agent(base_url: Option<&str>, contact: Option<&str>) -> String {
    let page = base_url.map(|url| format!("+{url}/bot"));
    let found_at: Vec<String> = page.into_iter().chain(contact.map(str::to_owned)).collect();
    let found_at = if found_at.is_empty() { String::new() } else { format!(" ({})", found_at.join("; ")) };
    format!("loaphuong/{}{found_at}", env!("CARGO_PKG_VERSION"))
}

/// The address under which the public reaches a daemon whose configuration does not say it.
pub(super) fn default_base_url(web: &web::Settings) -> String {
    let (listen, scheme) = (web.listen, if web.tls.is_some() { "https" } else { "http" });
    if listen.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", listen.port());
    }
    format!("{scheme}://{listen}")
}

/// A secret from `key` itself or from the file that `file_key` names.
pub(super) fn secret_text(
    section: &Section<'_>,
    keys: (&'static str, &'static str),
    folders: &Folders,
) -> Option<Word> {
    let (key, file_key) = keys;
    let (direct, from_file) = (section.filled(key), section.filled(file_key));
    if section.has(key) && section.has(file_key) {
        let hint = Some(format!("keep `{file_key}`: files can be given other permissions"));
        section.wrong(key, format!("`{key}` and `{file_key}` are both there"), hint);
    }
    let Some(mut word) = from_file else { return direct };
    let path = folders.resolve(&word.place, &word.text);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            text.trim().clone_into(&mut word.text);
            Some(word)
        }
        Err(cause) => {
            section.wrong(file_key, format!("cannot read `{}`: {cause}", path.display()), None);
            None
        }
    }
}

// === impl Push ===

impl Push {
    /// The whole section.
    pub(super) fn with(
        self,
        webhooks: Vec<push::Webhook>,
        forms: push::form::Forms,
        hub: push::hub::Settings,
        base_url: &str,
    ) -> push::Settings {
        push::Settings {
            timeout: self.timeout,
            schedule: self.schedule,
            jitter: self.jitter,
            disable_after: self.disable_after,
            concurrency: self.concurrency,
            allow_http: self.allow_http,
            allow_private: self.allow_private,
            max_subscriptions: self.max_subscriptions,
            max_per_host: self.max_per_host,
            host_concurrency: self.host_concurrency,
            host_rate: self.host_rate,
            verify: self.verify,
            overlap: self.overlap,
            keep: self.keep,
            keep_bytes: self.keep_bytes,
            webhooks,
            forms,
            base_url: base_url.to_owned(),
            hub,
            mail: None,
        }
    }
}

// === impl Folders ===

impl Folders {
    /// A path, relative to the folder of the file in which it stands; to the working directory where that is none.
    pub(super) fn resolve(&self, place: &Place, path: &str) -> PathBuf {
        let folder = self.0.iter().find(|(file, _)| *file == place.file).map(|(_, folder)| folder.as_path());
        folder.unwrap_or(Path::new("")).join(path)
    }

    pub(super) fn add(&mut self, findings: &Findings, name: &Path) {
        if let Some(folder) = name.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            self.0.push((findings.last_text(), folder.to_owned()));
        }
    }
}

// === values ===

/// An http(s) address with a host and without credentials.
pub(super) fn http_url(text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text).map_err(|cause| {
        let wrong = Wrong::new(format!("this is not an address: {cause}"));
        if text.contains("://") { wrong } else { wrong.hint(format!("write `https://{text}`")) }
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Wrong::new(format!("`{}` addresses cannot be used here", url.scheme()))
            .hint("write one that begins with `https://` or `http://`"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Wrong::new("this address has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Wrong::new("this address has a user name or password in it")
            .hint("addresses are published: leave it out"));
    }
    Ok(url)
}

fn base_url(text: &str) -> Result<String, Wrong> {
    let url = http_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            Wrong::new("`base_url` has a query or a fragment").hint("feeds' paths are added to its end")
        );
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        let wrong = Wrong::new("`listen` is not an IP address with a port");
        match text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text) {
            port if port.parse::<u16>().is_ok() => wrong.hint(format!("write `127.0.0.1:{port}`")),
            _ if text.parse::<std::net::IpAddr>().is_ok() => wrong.hint("add a port: `127.0.0.1:8080`"),
            _ => wrong.hint("write `127.0.0.1:8080`, or `0.0.0.0:8080` for every interface"),
        }
    })
}

fn header_text(text: &str) -> Result<String, Wrong> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("a header cannot carry this text").hint("use ASCII without control characters"))
}

/// `certificate` and `key`: both or none, and such that TLS can be spoken with them.
fn tls(section: &Section<'_>, folders: &Folders) -> Option<Files> {
    let [certificate, key] = ["certificate", "key"].map(|key| readable(section, key, folders));
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if section.has(one) && !section.has(other) {
            let hint = format!("name the file of the {other} with `{other}`, too");
            section.wrong(one, format!("`{one}` is of no use without `{other}`"), Some(hint));
        }
    }
    let files = Files { certificate: certificate?, key: key? };
    if let Err(cause) = files.read() {
        let wrong = if matches!(cause, tls::Error::Key { .. }) { "key" } else { "certificate" };
        let text = cause.to_string();
        let (message, hint) = text.split_once("\nhint: ").map_or((&*text, None), |(m, h)| (m, Some(h)));
        section.wrong(wrong, message, hint.map(str::to_owned));
    }
    Some(files)
}

fn token(section: &Section<'_>, folders: &Folders) -> Option<String> {
    let word = secret_text(section, ("token", "token_file"), folders)?;
    let wrong = if word.text.chars().count() < 16 {
        Wrong::new("the token is too short").hint("use at least 16 characters: `openssl rand -hex 32`")
    } else if !word.text.bytes().all(|b| b.is_ascii_graphic()) {
        Wrong::new("the token has characters that a header cannot carry").hint("use ASCII without spaces")
    } else {
        return Some(word.text);
    };
    section.blame(&word, wrong);
    None
}

fn readable(section: &Section<'_>, key: &'static str, folders: &Folders) -> Option<PathBuf> {
    let word = section.filled(key)?;
    let path = folders.resolve(&word.place, &word.text);
    if let Err(cause) = std::fs::File::open(&path) {
        section.wrong(key, format!("cannot read `{}`: {cause}", path.display()), None);
        return None;
    }
    Some(path)
}
