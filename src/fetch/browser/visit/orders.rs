//! What happens in the tab, and what becomes of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::{Document, Error, Message, Visit, text};
use crate::{
    extract,
    fetch::{self, Ask, Outcome},
    model::Issue,
    net::guard,
};

/// Roads past the proxy, for browsers that were not started by us; ours have none anyhow.
pub(super) const CLOSED: &str = "for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) \
    delete globalThis[name]; delete Navigator.prototype.serviceWorker;";

/// What the elements of a page do not need.
const NEEDLESS: [&str; 10] = [
    "Image",
    "Media",
    "Font",
    "TextTrack",
    "Ping",
    "Prefetch",
    "Manifest",
    "CSPViolationReport",
    "SignedExchange",
    // Icons, and what stands in `<object>`.
    "Other",
];

/// The script that reads a page: its address, its length, and its elements if they are not too many.
pub(super) fn elements(max: u64) -> String {
    format!(
        "(() => {{
            const root = document.documentElement;
            const html = root === null ? '' : (document.doctype ? '<!DOCTYPE html>' : '') + root.outerHTML;
            const size = html.length;
            return {{ url: document.URL, size, html: size > {max} ? null : html.toWellFormed() }};
        }})()"
    )
}

// === impl Visit ===

impl Visit<'_> {
    /// Hears what the browser says by itself, and answers where it waits for one.
    pub(super) async fn hear(&mut self, message: Result<Message, String>) -> Result<(), Error> {
        let (method, params) = match message.map_err(|problem| self.lost(problem))? {
            Message::Event { method, params } => (method, params),
            Message::Reply { id, result } => return self.hear_reply(id, result),
        };
        match method.as_str() {
            "Fetch.requestPaused" => self.decide(&params).await?,
            "Page.frameNavigated" if params["frame"]["id"] == self.tab.as_str() => {
                self.life.begin(&text(&params["frame"], "loaderId"));
            }
            "Page.lifecycleEvent" if params["frameId"] == self.tab.as_str() => {
                self.life.hear(&text(&params, "loaderId"), &text(&params, "name"), Instant::now());
            }
            "Page.javascriptDialogOpening" => {
                self.order("Page.handleJavaScriptDialog", json!({ "accept": false })).await?;
            }
            "Target.targetCreated" => self.close_stranger(&params["targetInfo"]).await?,
            "Inspector.targetCrashed" => return Err(self.crashed()),
            "Target.targetCrashed" | "Target.targetDestroyed" if params["targetId"] == self.tab.as_str() => {
                return Err(self.crashed());
            }
            _ => {}
        }
        Ok(())
    }

    fn crashed(&self) -> Error {
        Error::Crashed { url: self.ask.url.to_string() }
    }

    fn hear_reply(&mut self, id: u64, result: Result<Value, String>) -> Result<(), Error> {
        if self.navigate != Some(id) {
            // Requests end while they are decided: what is answered then is of no interest.
            return Ok(());
        }
        let problem = match result {
            Ok(result) => result["errorText"].as_str().map(str::to_owned),
            Err(problem) => Some(problem),
        };
        match problem {
            // Its own scripts have led elsewhere before it was there.
            Some(problem) if problem != "net::ERR_ABORTED" => {
                Err(Error::Unreadable { url: self.ask.url.to_string(), problem })
            }
            _ => Ok(()),
        }
    }

    /// A window that a page has opened.
    async fn close_stranger(&mut self, target: &Value) -> Result<(), Error> {
        let is_stranger = target["browserContextId"] == self.context.as_str()
            && target["type"] == "page"
            && !self.tab.is_empty()
            && target["targetId"] != self.tab.as_str();
        if is_stranger {
            let close = json!({ "targetId": target["targetId"] });
            self.cdp.send(None, "Target.closeTarget", close).await.map_err(|problem| self.lost(problem))?;
        }
        Ok(())
    }

    // --- requests ---

    /// A request of the page waits for a word.
    async fn decide(&mut self, paused: &Value) -> Result<(), Error> {
        let (id, kind) = (text(paused, "requestId"), text(paused, "resourceType"));
        if kind == "Document" {
            return if paused["frameId"] == self.tab.as_str() {
                self.lead(id, &paused["request"]).await
            } else {
                // What frames show is not part of the page.
                self.fail(id, "BlockedByClient").await
            };
        }
        let url = Url::parse(&text(&paused["request"], "url")).ok();
        let is_web = url.as_ref().is_some_and(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss"));
        // What the page has in itself (`data:`, `blob:`) costs nobody anything.
        let is_inner = url.as_ref().is_some_and(|url| matches!(url.scheme(), "data" | "blob"));
        if NEEDLESS.contains(&kind.as_str()) || !(is_web || is_inner) {
            return self.fail(id, "BlockedByClient").await;
        }
        if is_web {
            self.requests += 1;
            if self.requests > self.settings.max_requests {
                if self.requests == self.settings.max_requests + 1 {
                    let message = format!(
                        "`{}` asked for more than {} things, which is the limit (`browser.max_requests`); what it got is read",
                        self.ask.url, self.settings.max_requests
                    );
                    self.issues.push(Issue::warning("browser-exhausted", message));
                }
                return self.fail(id, "BlockedByClient").await;
            }
        }
        self.order("Fetch.continueRequest", json!({ "requestId": id })).await?;
        Ok(())
    }

    /// The tab itself goes somewhere: to the document that is there already, or where scripts lead. Those are asked for as
    /// any other page: `robots.txt`, turns and budgets hold for them.
    async fn lead(&mut self, id: String, request: &Value) -> Result<(), Error> {
        if let Some(document) = self.document.take() {
            return self.hand_over(id, document).await;
        }
        let url = Url::parse(&text(request, "url")).ok().filter(|url| guard::check(url, true).is_ok());
        let (Some(url), Some("GET")) = (url, request["method"].as_str()) else {
            return self.fail(id, "Aborted").await;
        };
        self.navigations += 1;
        let most = self.client.settings().max_redirects;
        if self.navigations > most {
            if self.navigations == most + 1 {
                let message = format!(
                    "scripts of `{}` lead elsewhere more than {most} times, which is the limit (`net.max_redirects`)",
                    self.ask.url
                );
                self.issues.push(Issue::warning("browser-led-around", message));
            }
            self.life.give_up();
            return self.fail(id, "Aborted").await;
        }
        // Somebody else's page is not led into the own network.
        let allow_private = self.ask.allow_private && url.origin() == self.ask.url.origin();
        let ask = Ask { url: url.clone(), allow_private, ..self.ask.clone() };
        let cookie = request["headers"]["Cookie"].as_str().map(str::to_owned);
        let (outcome, headers) = fetch::answer(self.client, &ask, cookie).await;
        match outcome {
            Outcome::Fresh { body, content_type, url: at, .. } if super::is_page(content_type.as_deref()) => {
                let document = Document { url: at, headers, body };
                if document.url == url {
                    return self.hand_over(id, document).await;
                }
                // It stands elsewhere: the browser has to know, or its links would lead nowhere.
                let location = json!([{ "name": "Location", "value": document.url.as_str() }]);
                self.document = Some(document);
                let redirect = json!({ "requestId": id, "responseCode": 302, "responseHeaders": location });
                self.order("Fetch.fulfillRequest", redirect).await?;
                Ok(())
            }
            // A file: nobody wants it, and the page stays.
            Outcome::Fresh { .. } => self.fail(id, "Aborted").await,
            other => {
                self.ended = Some(other);
                self.fail(id, "Aborted").await
            }
        }
    }

    async fn hand_over(&mut self, id: String, document: Document) -> Result<(), Error> {
        let url = document.url.clone();
        let packed = tokio::task::spawn_blocking(move || (handed(&document.headers), decoded(&document)));
        let (headers, text) = packed
            .await
            .map_err(|panic| Error::Unreadable { url: url.to_string(), problem: panic.to_string() })?;
        self.url = url;
        let answer = json!({
            "requestId": id,
            "responseCode": 200,
            "responseHeaders": headers,
            "body": STANDARD.encode(text),
        });
        self.order("Fetch.fulfillRequest", answer).await?;
        Ok(())
    }

    async fn fail(&mut self, id: String, reason: &str) -> Result<(), Error> {
        self.order("Fetch.failRequest", json!({ "requestId": id, "errorReason": reason })).await?;
        Ok(())
    }
}

/// The document as text. Portals declare no encoding, or a wrong one, or one that no browser knows (VNI, TCVN3): what it is
/// is found out for all sources alike.
fn decoded(document: &Document) -> String {
    let content_type = content_type(&document.headers);
    extract::text(&extract::Document { bytes: &document.body, content_type, url: &document.url })
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// The headers of a document that still say something of it: it is text now, neither packed nor in pieces.
fn handed(headers: &HeaderMap) -> Vec<Value> {
    const SPENT: [&str; 10] = [
        "content-type",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-encoding",
        "content-length",
        "trailer",
        "upgrade",
        "alt-svc",
        "link",
    ];
    let kept = headers.iter().filter(|(name, _)| !SPENT.contains(&name.as_str()));
    let kept = kept.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
    let media_type = content_type(headers).and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let media_type = if media_type.is_empty() { "text/html" } else { media_type };
    let content_type = ("content-type", format!("{media_type}; charset=utf-8").into());
    kept.chain([content_type]).map(|(name, value)| json!({ "name": name, "value": value })).collect()
}
