//! One page, from its document to what its scripts made of it.

mod life;
mod orders;

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, timeout, timeout_at};
use url::Url;

use self::life::Life;
use super::{
    Error, Settings, Shown,
    cdp::{Cdp, Endpoint, Message},
    failed,
    proxy::{Place, Proxy, Rules},
};
use crate::{
    fetch::{self, Ask, Outcome},
    model::{Issue, Severity, Validators},
    net::Client,
};

/// Time to make a tab.
const SETUP: Duration = Duration::from_secs(15);
/// Time to read what is there.
const READ: Duration = Duration::from_secs(5);
/// How often it is looked whether a page shows what is waited for.
const LOOK: Duration = Duration::from_millis(200);
/// The most that a message has beside the page itself.
const ENVELOPE: u64 = 4 << 20;
/// JSON writes one byte as six at most (`\u003c`).
const ESCAPED: u64 = 6;

/// A document that `net` has brought, until the browser asks for it.
#[derive(Debug)]
struct Document {
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

/// One visit under way.
struct Visit<'a> {
    cdp: Cdp,
    settings: &'a Settings,
    client: &'a Client,
    ask: &'a Ask,
    /// The context that is ours alone, the tab in it, and the session that speaks with it.
    context: String,
    tab: String,
    session: String,
    /// What the browser is handed next.
    document: Option<Document>,
    /// Where the last document came from.
    url: Url,
    life: Life,
    navigations: usize,
    requests: usize,
    /// The command that leads to the page.
    navigate: Option<u64>,
    /// Scripts have led to where nothing can be read.
    ended: Option<Outcome>,
    issues: Vec<Issue>,
}

/// Fetches the document of `ask` and shows it to the browser.
pub(super) async fn visit(
    settings: &Settings,
    endpoint: &Endpoint,
    client: &Client,
    ask: &Ask,
    wait: Option<&str>,
) -> Shown {
    // Asked first whether there is a browser at all: else the site would be asked in vain.
    let most = client.settings().max_body.saturating_mul(ESCAPED).saturating_add(ENVELOPE);
    let cdp = match timeout(SETUP, Cdp::connect(endpoint, usize::try_from(most).unwrap_or(usize::MAX))).await
    {
        Ok(Ok(cdp)) => cdp,
        Ok(Err(problem)) => return failed(unreachable(endpoint, problem)),
        Err(_) => return failed(unreachable(endpoint, format!("it took longer than {SETUP:?}"))),
    };
    let ask = Ask { validators: Validators::default(), partial: false, ..ask.clone() };
    let (outcome, headers) = fetch::answer(client, &ask, None).await;
    let plain = |outcome| Shown { outcome, issues: Vec::new() };
    let Outcome::Fresh { body, content_type, url, moved, links, .. } = outcome else { return plain(outcome) };
    if !is_page(content_type.as_deref()) {
        let validators = Validators::default();
        return plain(Outcome::Fresh { cut: false, body, content_type, url, validators, moved, links });
    }
    let document = Document { url: url.clone(), headers, body };
    let seen = show(settings, endpoint, client, &ask, (cdp, document, wait)).await;
    let Seen { result, mut issues, refused, is_exhausted } = seen;
    issues.extend(told(&ask.url, &refused, is_exhausted));
    match result {
        Ok(Page::Read { html, url, led }) => {
            let outcome = Outcome::Fresh {
                cut: false,
                body: html.into(),
                content_type: Some("text/html; charset=utf-8".to_owned()),
                url,
                validators: Validators::default(),
                // Where scripts lead is not where the server says that it lives.
                moved: moved.filter(|_| !led),
                links,
            };
            Shown { outcome, issues }
        }
        Ok(Page::Elsewhere(outcome)) => Shown { outcome, issues },
        Err(error) => Shown { issues, ..failed(error) },
    }
}

/// What was seen.
struct Seen {
    result: Result<Page, Error>,
    issues: Vec<Issue>,
    refused: Vec<String>,
    is_exhausted: bool,
}

/// What came of a page.
enum Page {
    Read {
        html: String,
        url: Url,
        /// Scripts have led to another document.
        led: bool,
    },
    Elsewhere(Outcome),
}

async fn show(
    settings: &Settings,
    endpoint: &Endpoint,
    client: &Client,
    ask: &Ask,
    (cdp, document, wait): (Cdp, Document, Option<&str>),
) -> Seen {
    let rules = Rules {
        home: ask.allow_private.then(|| Place::of(&document.url)),
        browser: endpoint.at.ip(),
        max_connections: settings.max_requests,
        max_traffic: settings.max_traffic,
    };
    let nothing =
        |error| Seen { result: Err(error), issues: Vec::new(), refused: Vec::new(), is_exhausted: false };
    let listening = async {
        let proxy = Proxy::listen(settings.proxy_listen, client.clone(), rules).await?;
        let port = proxy.port()?;
        Ok::<_, std::io::Error>((proxy, port))
    };
    let (proxy, port) = match listening.await {
        Ok(listening) => listening,
        Err(cause) => {
            let problem = format!(
                "no proxy can listen at `{}` (`browser.proxy_listen`): {cause}",
                settings.proxy_listen
            );
            return nothing(Error::Start { problem });
        }
    };
    let host = settings.proxy_host.clone().unwrap_or_else(|| match settings.proxy_listen {
        std::net::IpAddr::V6(address) => format!("[{address}]"),
        std::net::IpAddr::V4(address) => address.to_string(),
    });
    let mut visit = Visit {
        cdp,
        settings,
        client,
        ask,
        context: String::new(),
        tab: String::new(),
        session: String::new(),
        url: document.url.clone(),
        document: Some(document),
        life: Life::default(),
        navigations: 0,
        requests: 0,
        navigate: None,
        ended: None,
        issues: Vec::new(),
    };
    let address = format!("http://{host}:{port}");
    let result = tokio::select! {
        result = visit.read(&address, wait) => result,
        never = proxy.serve() => match never {},
    };
    Seen { result, issues: visit.issues, refused: proxy.refused(), is_exhausted: proxy.is_exhausted() }
}

// === impl Visit ===

impl Visit<'_> {
    async fn read(&mut self, proxy: &str, wait: Option<&str>) -> Result<Page, Error> {
        match timeout(SETUP, self.set_up(proxy)).await {
            Ok(done) => done?,
            Err(_) => return Err(self.late("the time to open a tab", SETUP)),
        }
        let after = self.settings.timeout;
        let settled = timeout_at(Instant::now() + after, self.settle(wait)).await;
        if let Some(outcome) = self.ended.take() {
            return Ok(Page::Elsewhere(outcome));
        }
        match settled {
            Ok(done) => done?,
            Err(_) if !self.life.has_begun() => return Err(self.late("browser.timeout", after)),
            Err(_) => self.issues.push(unsettled(&self.ask.url, after, wait)),
        }
        let page = match timeout(READ, self.elements()).await {
            Ok(page) => page?,
            Err(_) => {
                // A script that does not end keeps everybody else from the page.
                self.order("Runtime.terminateExecution", json!({})).await?;
                let again = timeout(READ, self.elements()).await;
                let problem = format!("its scripts did not let anybody within {READ:?}");
                again.map_err(|_| Error::Unreadable { url: self.ask.url.to_string(), problem })??
            }
        };
        Ok(page)
    }

    /// A tab of its own in a context of its own, in which nothing is allowed.
    async fn set_up(&mut self, proxy: &str) -> Result<(), Error> {
        let context = json!({
            "disposeOnDetach": true,
            "proxyServer": proxy,
            // What is meant is the opposite: not even the loopback is reached without it.
            "proxyBypassList": "<-loopback>",
        });
        let made = self.call(None, "Target.createBrowserContext", context).await?;
        self.context = text(&made, "browserContextId");
        let context = self.context.clone();
        let denied = json!({ "behavior": "deny", "browserContextId": context });
        self.call(None, "Browser.setDownloadBehavior", denied).await?;
        self.call(None, "Target.setDiscoverTargets", json!({ "discover": true })).await?;
        let blank = json!({ "url": "about:blank", "browserContextId": context });
        let made = self.call(None, "Target.createTarget", blank).await?;
        self.tab = text(&made, "targetId");
        let attach = json!({ "targetId": self.tab, "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", attach).await?;
        self.session = text(&attached, "sessionId");
        let user_agent = self.client.settings().user_agent.clone();
        let orders = [
            ("Page.enable", json!({})),
            ("Page.setLifecycleEventsEnabled", json!({ "enabled": true })),
            ("Emulation.setUserAgentOverride", json!({ "userAgent": user_agent })),
            // Tall, for lists that load what comes into view.
            (
                "Emulation.setDeviceMetricsOverride",
                json!({ "width": 1280, "height": 4000, "deviceScaleFactor": 1, "mobile": false }),
            ),
            ("Page.addScriptToEvaluateOnNewDocument", json!({ "source": orders::CLOSED })),
            ("Fetch.enable", json!({ "patterns": [{ "urlPattern": "*", "requestStage": "Request" }] })),
        ];
        let session = self.session.clone();
        for (method, params) in orders {
            self.call(Some(&session), method, params).await?;
        }
        Ok(())
    }

    /// Leads the tab to the document, and waits until the page has become what it will be.
    async fn settle(&mut self, wait: Option<&str>) -> Result<(), Error> {
        let mut address = self.url.clone();
        // Applications route by it; `net` does not send it.
        address.set_fragment(self.ask.url.fragment());
        self.navigate = Some(self.order("Page.navigate", json!({ "url": address.as_str() })).await?);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.ended.is_some() || (wait.is_none() && self.life.is_quiet(Instant::now())) {
                return Ok(());
            }
            tokio::select! {
                message = self.cdp.next() => self.hear(message).await?,
                _ = looks.tick() => {
                    if let Some(selector) = wait
                        && self.life.has_begun()
                        && self.shows(selector).await?
                    {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn shows(&mut self, selector: &str) -> Result<bool, Error> {
        let selector = Value::from(selector).to_string();
        match self.evaluate(&format!("document.querySelector({selector}) !== null")).await? {
            Ok(found) => Ok(found.as_bool() == Some(true)),
            Err(problem) if problem.contains("not a valid selector") => {
                Err(Error::Unreadable { url: self.ask.url.to_string(), problem })
            }
            // The document went away in between.
            Err(_) => Ok(false),
        }
    }

    /// The page as it is now.
    async fn elements(&mut self) -> Result<Page, Error> {
        let max = self.client.settings().max_body;
        let unreadable = |problem| Error::Unreadable { url: self.ask.url.to_string(), problem };
        let asked = self.ask.url.clone();
        let found = match self.evaluate(&orders::elements(max)).await? {
            Ok(found) => found,
            Err(_) if self.ended.is_some() => Value::Null,
            Err(problem) => return Err(unreadable(problem)),
        };
        if let Some(outcome) = self.ended.take() {
            return Ok(Page::Elsewhere(outcome));
        }
        let at = text(&found, "url");
        let url = Url::parse(&at).ok().filter(|url| url.origin() == self.url.origin());
        let Some(mut url) = url else {
            return Err(Error::Astray { url: asked.into(), to: at.chars().take(300).collect() });
        };
        url.set_fragment(None);
        let size = found["size"].as_u64().unwrap_or(0);
        let html = found["html"].as_str().filter(|html| html.len() as u64 <= max);
        let Some(html) = html else { return Err(Error::TooLarge { url: asked.into(), size, max }) };
        Ok(Page::Read { html: html.to_owned(), url, led: self.navigations > 0 })
    }

    /// What an expression comes to, in a world of its own: the page's scripts cannot have changed what its words mean.
    async fn evaluate(&mut self, expression: &str) -> Result<Result<Value, String>, Error> {
        let session = self.session.clone();
        let world = json!({ "frameId": self.tab, "worldName": "loaphuong" });
        let made = match self.answer(Some(&session), "Page.createIsolatedWorld", world).await? {
            Ok(made) => made,
            Err(problem) => return Ok(Err(problem)),
        };
        let order = json!({
            "expression": expression,
            "contextId": made["executionContextId"],
            "returnByValue": true,
        });
        let evaluated = self.answer(Some(&session), "Runtime.evaluate", order).await?;
        Ok(evaluated.and_then(|evaluated| match evaluated.get("exceptionDetails") {
            Some(details) => {
                let said = details["exception"]["description"].as_str().or(details["text"].as_str());
                Err(said
                    .unwrap_or("an exception")
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(300)
                    .collect())
            }
            None => Ok(evaluated["result"]["value"].clone()),
        }))
    }

    // --- speaking with it ---

    /// A command to the tab whose answer nobody waits for.
    async fn order(&mut self, method: &'static str, params: Value) -> Result<u64, Error> {
        let sent = self.cdp.send(Some(&self.session), method, params).await;
        sent.map_err(|problem| self.lost(problem))
    }

    /// A command, and its answer.
    async fn answer(
        &mut self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Result<Value, String>, Error> {
        let sent = self.cdp.send(session, method, params).await;
        let sent = sent.map_err(|problem| self.lost(problem))?;
        loop {
            match self.cdp.next().await {
                Ok(Message::Reply { id, result }) if id == sent => return Ok(result),
                message => self.hear(message).await?,
            }
        }
    }

    /// The same for what any browser does.
    async fn call(
        &mut self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Value, Error> {
        let answer = self.answer(session, method, params).await?;
        answer.map_err(|problem| Error::Refused { method, problem })
    }

    fn lost(&self, problem: String) -> Error {
        Error::Lost { url: self.ask.url.to_string(), problem }
    }

    fn late(&self, limit: &'static str, after: Duration) -> Error {
        Error::Timeout { url: self.ask.url.to_string(), limit, after }
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn unreachable(endpoint: &Endpoint, problem: String) -> Error {
    Error::Unreachable { at: format!("ws://{}{}", endpoint.at, endpoint.path), problem }
}

/// Is this for a browser? What does not say what it is is most often a page.
fn is_page(content_type: Option<&str>) -> bool {
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let pages = ["", "text/html", "application/xhtml+xml"];
    pages.iter().any(|page| media_type.eq_ignore_ascii_case(page))
}

fn unsettled(url: &Url, after: Duration, wait: Option<&str>) -> Issue {
    let what = match wait {
        Some(selector) => format!("`{url}` showed nothing that `{selector}` selects"),
        None => format!("`{url}` was not quiet"),
    };
    let message = format!(
        "{what} within {after:?}, which is the limit (`browser.timeout`); what was there then is read"
    );
    Issue::warning("browser-unsettled", message)
}

/// What the proxy has to say.
fn told(url: &Url, refused: &[String], is_exhausted: bool) -> Vec<Issue> {
    let mut issues = Vec::new();
    if !refused.is_empty() {
        let message = format!("scripts of `{url}` asked for what no page may reach: {}", refused.join("; "));
        issues.push(Issue::new(Severity::Info, "browser-refused", message));
    }
    if is_exhausted {
        let message = format!(
            "`{url}` wanted more than a page may have (`browser.max_traffic`, `browser.max_requests`); what it got is read"
        );
        issues.push(Issue::warning("browser-exhausted", message));
    }
    issues
}
