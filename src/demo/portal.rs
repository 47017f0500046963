//! A news portal on loopback, built like the real ones: SharePoint lists with every cell twice, one article under
//! many addresses, date pickers, counters and clocks as noise. `loa demo` shows it, the tests misuse it.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    archive::{self, Asked},
    pages::{self, Around},
};
use crate::model::Timestamp;

/// One story of the portal.
#[derive(Clone, Debug)]
pub struct Story {
    /// SharePoint's item number, unique within the site.
    pub item: u32,
    /// The headline.
    pub title: String,
    /// The teaser of the list.
    pub teaser: String,
    /// The body, one plain-text paragraph each.
    pub paragraphs: Vec<String>,
    /// The initials at the end of the body.
    pub author: Option<String>,
    /// When it appeared.
    pub published: Timestamp,
    /// A photo's file name.
    pub photo: Option<String>,
    /// An attached PDF's file name.
    pub attachment: Option<String>,
    /// Stands on top of the list whatever its date.
    pub pinned: bool,
}

/// What can be wrong with a portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every page answers this status, with `Retry-After` in seconds where given.
    Status(u16, Option<u32>),
    /// 200 and nothing.
    Empty,
    /// 200 and a login form.
    Login,
    /// 200 and the page without its list.
    NoItems,
    /// The connection ends in the middle of the body.
    Truncated,
    /// Redirects to itself.
    RedirectLoop,
    /// A gzip body that unpacks to this many megabytes.
    Bomb(usize),
    /// Takes the request and never answers.
    Silent,
    /// Says `iso-8859-1` and sends UTF-8.
    WrongCharset,
}

/// One request that the portal got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Path and query.
    pub uri: String,
    /// The status it answered.
    pub status: u16,
}

/// The portal.
#[derive(Clone, Debug)]
pub struct Portal {
    address: SocketAddr,
    site: Arc<Mutex<Site>>,
}

#[derive(Debug, Default)]
struct Site {
    stories: Vec<Story>,
    /// Older ones, behind the pager of the list.
    archive: Vec<Story>,
    /// How often the states of its forms have expired.
    epoch: u64,
    /// After how many posted forms they do, and how many were posted since.
    lifetime: Option<u64>,
    posts: u64,
    /// How often the list's address of an item has changed.
    moves: HashMap<u32, u32>,
    version: u64,
    fault: Option<Fault>,
    /// What is wrong with the pages of articles alone.
    page_fault: Option<Fault>,
    /// What is wrong with posted forms alone.
    form_fault: Option<Fault>,
    documents: HashMap<String, (String, Bytes)>,
    /// Every document has the same entity tag, whatever is in it.
    lies: bool,
    visits: VecDeque<Visit>,
    n_visits: u64,
    n_robots: u64,
}

/// Visits remembered; the demo runs for hours.
const MAX_VISITS: usize = 10_000;

// === impl Portal ===

impl Portal {
    /// Serves on `listener` until `stop`. The caller runs the future that comes back.
    pub fn serve(
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<(Self, impl Future<Output = ()> + Send + 'static)> {
        let portal = Self { address: listener.local_addr()?, site: Arc::default() };
        let router = Router::new().fallback(answer).with_state(portal.clone());
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
        let task = async move {
            if let Err(error) = serving.await {
                tracing::error!("the demo portal stopped: {error}");
            }
        };
        Ok((portal, task))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its news section, as the real one writes it.
    pub fn list_url(&self) -> String {
        format!("http://{}{}", self.address, pages::list_path())
    }

    /// Adds a story.
    pub fn publish(&self, story: Story) {
        self.change(|site| site.stories.push(story));
    }

    /// Adds stories that no list shows, only its archive.
    pub fn bury(&self, stories: impl IntoIterator<Item = Story>) {
        self.change(|site| site.archive.extend(stories));
    }

    /// Every so many posted forms, none that was sent before is taken any more.
    pub fn expire_forms_after(&self, posts: Option<u64>) {
        self.change(|site| site.lifetime = posts);
    }

    /// Changes a story. False when there is none.
    pub fn edit(&self, item: u32, edit: impl FnOnce(&mut Story)) -> bool {
        self.change(|site| site.stories.iter_mut().find(|story| story.item == item).map(edit).is_some())
    }

    /// Lists a story under another address from now on, and gives that address. The old ones go on working.
    pub fn readdress(&self, item: u32) -> String {
        self.change(|site| {
            let n_moves = site.moves.entry(item).or_default();
            *n_moves += 1;
            pages::moved_address(item, *n_moves)
        })
    }

    /// Takes a story back.
    pub fn retract(&self, item: u32) {
        self.change(|site| site.stories.retain(|story| story.item != item));
    }

    /// Breaks the portal, or mends it.
    pub fn fail(&self, fault: Option<Fault>) {
        self.change(|site| site.fault = fault);
    }

    /// Breaks the pages of articles, and not the list; or mends them.
    pub fn fail_pages(&self, fault: Option<Fault>) {
        self.change(|site| site.page_fault = fault);
    }

    /// Breaks what answers to posted forms, and nothing else; or mends it.
    pub fn fail_forms(&self, fault: Option<Fault>) {
        self.change(|site| site.form_fault = fault);
    }

    /// Calls every document that was put here the same, whatever is in it; or tells the truth again.
    pub fn lie(&self, lies: bool) {
        self.change(|site| site.lies = lies);
    }

    /// Serves `bytes` as they are at `path` (with its query, if it has one).
    pub fn put(&self, path: &str, content_type: &str, bytes: impl Into<Bytes>) {
        self.change(|site| site.documents.insert(path.to_owned(), (content_type.to_owned(), bytes.into())));
    }

    /// Where people find the section.
    pub fn front_url(&self) -> String {
        format!("http://{}/tintuc", self.address)
    }

    /// The stories now.
    pub fn stories(&self) -> Vec<Story> {
        self.site().stories.clone()
    }

    /// Who came since the start, the last 10,000.
    pub fn visits(&self) -> Vec<Visit> {
        self.site().visits.iter().cloned().collect()
    }

    /// How many asked for its `robots.txt`; those are no visits.
    pub fn n_robots(&self) -> u64 {
        self.site().n_robots
    }

    /// How many came since the start.
    pub fn n_visits(&self) -> u64 {
        self.site().n_visits
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Site) -> T) -> T {
        let mut site = self.site();
        site.version += 1;
        change(&mut site)
    }
}

async fn answer(State(portal): State<Portal>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_article = pages::item_number(&parts.uri).is_some();
    let fault = {
        let site = portal.site();
        let own = if is_article { &site.page_fault } else { &site.form_fault };
        let is_form = parts.method == Method::POST;
        site.fault.clone().or_else(|| own.clone().filter(|_| is_article || is_form))
    };
    let response = match fault {
        Some(Fault::Silent) => std::future::pending().await,
        Some(fault) if pages::is_post(&parts.uri) => broken(&portal, &fault, &parts.uri),
        None if parts.method == Method::POST && pages::is_post(&parts.uri) => {
            let form = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
            posted(&mut portal.site(), &form, &parts.headers)
        }
        _ => whole(&portal, &parts.uri, &parts.headers),
    };
    let mut site = portal.site();
    if parts.uri.path() == "/robots.txt" {
        site.n_robots += 1;
        return response;
    }
    site.n_visits += 1;
    if site.visits.len() == MAX_VISITS {
        site.visits.pop_front();
    }
    let status = response.status().as_u16();
    site.visits.push_back(Visit { uri: parts.uri.to_string(), status });
    response
}

fn whole(portal: &Portal, uri: &Uri, headers: &HeaderMap) -> Response {
    let site = portal.site();
    let exact = uri.path_and_query().map_or("", |path| path.as_str());
    if let Some((content_type, bytes)) = site.documents.get(exact).or_else(|| site.documents.get(uri.path()))
    {
        let tag = if site.lies { "same".to_owned() } else { blake3::hash(bytes).to_hex().to_string() };
        let etag = format!("\"{tag}\"");
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
        }
        let headers = [(header::CONTENT_TYPE, content_type.clone()), (header::ETAG, etag)];
        return (headers, bytes.clone()).into_response();
    }
    if let Some((content_type, bytes)) = pages::file(uri.path()) {
        return ([(header::CONTENT_TYPE, content_type)], bytes).into_response();
    }
    if pages::is_front(uri) {
        return (StatusCode::FOUND, [(header::LOCATION, pages::list_path())]).into_response();
    }
    if !pages::is_post(uri) {
        return (StatusCode::NOT_FOUND, "404").into_response();
    }
    let etag = format!("\"v{}\"", site.version);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    match page(&site, uri) {
        Some(page) => {
            let mut response = html(page, &etag);
            if let Ok(cookie) = HeaderValue::from_str(&archive::cookie(site.epoch))
                && !site.archive.is_empty()
            {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        None => (StatusCode::NOT_FOUND, "<html><body>Không tìm thấy trang</body></html>").into_response(),
    }
}

fn page(site: &Site, uri: &Uri) -> Option<String> {
    let noise = site.n_visits;
    match pages::item_number(uri) {
        None => Some(pages::list(&site.stories, &site.moves, &around(site, 1))),
        Some(item) => {
            let story = site.stories.iter().chain(&site.archive).find(|story| story.item == item)?;
            Some(pages::article(story, &site.stories, noise))
        }
    }
}

/// What a form brings. One that is not ours, or not any more, meets what ASP.NET says to it.
fn posted(site: &mut Site, form: &[u8], headers: &HeaderMap) -> Response {
    if site.lifetime.is_some_and(|lifetime| site.posts >= lifetime) {
        (site.epoch, site.posts) = (site.epoch + 1, 0);
    }
    site.posts += 1;
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(asked) = archive::asked(form, cookies, site.epoch) else {
        let page = "<html><body><h1>Server Error in '/' Application.</h1><h2>Validation of viewstate MAC failed.</h2></body></html>";
        return (StatusCode::INTERNAL_SERVER_ERROR, page).into_response();
    };
    let all = site.stories.iter().chain(&site.archive);
    let (stories, number) = match asked {
        Asked::Page(1) => (site.stories.clone(), 1),
        Asked::Page(number) => (archive::page(&site.archive, number), number.max(1)),
        Asked::Day(day) => (archive::day(all, day), 1),
    };
    let page = pages::list(&stories, &site.moves, &around(site, number));
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn around(site: &Site, number: usize) -> Around {
    let around = Around::of_noise(site.n_visits);
    if site.archive.is_empty() {
        return around;
    }
    Around {
        pager: archive::pager(site.archive.len(), number),
        fields: archive::fields(site.epoch, number),
        ..around
    }
}

fn html(page: String, etag: &str) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

fn broken(portal: &Portal, fault: &Fault, uri: &Uri) -> Response {
    const HTML: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match fault {
        Fault::Status(status, after) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, "<html><body>Hệ thống đang bận</body></html>").into_response();
            if let Some(after) = after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*after));
            }
            response
        }
        Fault::Empty => (HTML, "").into_response(),
        Fault::Login => (HTML, pages::LOGIN).into_response(),
        Fault::NoItems => (HTML, pages::list(&[], &HashMap::new(), &Around::of_noise(0))).into_response(),
        Fault::Truncated => truncated(page(&portal.site(), uri).unwrap_or_default()),
        Fault::RedirectLoop => (StatusCode::FOUND, [(header::LOCATION, uri.to_string())]).into_response(),
        Fault::Bomb(megabytes) => bomb(*megabytes),
        Fault::WrongCharset => {
            let page = page(&portal.site(), uri).unwrap_or_default();
            ([(header::CONTENT_TYPE, "text/html; charset=iso-8859-1")], page).into_response()
        }
        // Handled before: it has no answer.
        Fault::Silent => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Promises the whole page and ends in the middle of it.
fn truncated(page: String) -> Response {
    let (length, bytes) = (page.len(), Bytes::from(page));
    let half = bytes.slice(..length / 2);
    let body = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CONTENT_LENGTH, length.to_string()),
        ],
        Body::from_stream(body),
    )
        .into_response()
}

/// Zeros, a thousand times smaller on the wire than in memory.
fn bomb(megabytes: usize) -> Response {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..megabytes {
        packed.write_all(&zeros).expect("a Vec takes everything");
    }
    let bytes = packed.finish().expect("a Vec takes everything");
    ([(header::CONTENT_TYPE, "text/html"), (header::CONTENT_ENCODING, "gzip")], bytes).into_response()
}
