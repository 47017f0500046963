//! What stands at an address, for `loa init`: the page, the feeds that it names, the platform that made it.

use std::{collections::HashSet, sync::Arc};

use anyhow::Context;
use scraper::Html;
use url::Url;

use super::{
    offline::client,
    scripted::{self, Means},
};
use crate::{
    clock::{self, SharedClock},
    config,
    extract::{self, Document, Kind, section},
    model::{Issue, Link},
    net,
};

/// A document that was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Where it came from, after redirects.
    pub url: Url,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What was found at an address.
#[derive(Debug)]
pub struct Probed {
    /// The page.
    pub page: Fetched,
    /// It is a feed itself.
    pub is_feed: bool,
    /// Its title, as the page says it.
    pub title: Option<String>,
    /// Its language, as the page says it.
    pub language: Option<String>,
    /// The feeds that it names and that could be read.
    pub feeds: Vec<Feed>,
    /// The platforms whose mark it shows and whose recipes find items on it.
    pub platforms: Vec<Marked>,
    /// Its list, as repeated structure says it.
    pub section: Option<section::Section>,
    /// How many articles it describes to search engines and does not show.
    pub described: usize,
    /// An article that its list leads to.
    pub article: Option<Fetched>,
    /// It has scripts and hardly a link: what it shows they may have to make.
    pub is_bare: bool,
    /// What was odd about it in the browser.
    pub issues: Vec<Issue>,
}

/// A platform that a page shows the mark of.
#[derive(Clone, Debug)]
pub struct Marked {
    /// Its name.
    pub name: String,
    /// How many items its recipe finds.
    pub items: usize,
    /// Its recipe knows where the list is; else that is found by itself.
    pub knows_list: bool,
}

/// A feed that a page names.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Where to watch it.
    pub url: Url,
    /// The feed itself; of an index of sitemaps the newest one of articles.
    pub document: Fetched,
    /// Its title.
    pub title: Option<String>,
    /// How many items it has.
    pub items: usize,
    /// How many of its items the page leads to, from 0 to 1.
    pub overlap: f64,
    /// Every item has a title and a date.
    pub is_dated: bool,
    /// What platform reads it: `feed`, `sitemap`, `wordpress-api`.
    pub platform: String,
}

/// The most feeds of a page that are looked at.
const MOST_FEEDS: usize = 4;

/// The most news sitemaps of a site that are looked at.
const MOST_SITEMAPS: usize = 2;

/// Asks an address, the feeds that its page names, and one of its articles: at most a dozen requests, with the pauses that
/// `net` asks for.
pub async fn probe(
    means: Means<'_>,
    url: &Url,
    platforms: &[(String, Arc<extract::Rules>)],
) -> anyhow::Result<Probed> {
    let Means { net, browser, allow_private } = means;
    let clock: SharedClock = Arc::new(clock::System);
    let client = client(net, Arc::clone(&clock))?;
    let (page, odd) = match browser {
        Some(browser) => scripted::read((&client, clock), browser, url, allow_private).await?,
        None => (fetch(&client, url, allow_private).await?, Vec::new()),
    };
    let document = page.document();
    let is_feed = extract::kind_of(&document, &config::generic().0) == Kind::Feed;
    let kind = if is_feed { Kind::Feed } else { Kind::List };
    let extract::Found { head, items, issues, .. } = extract::extract(&document, kind, &config::generic().0);
    let is_described = issues.iter().any(|issue| issue.code == extract::DESCRIBED);
    let mut probed = Probed {
        is_feed,
        title: head.title,
        language: head.language,
        feeds: Vec::new(),
        platforms: Vec::new(),
        section: None,
        described: if is_described { items.len() } else { 0 },
        article: None,
        is_bare: false,
        issues: odd,
        page: page.clone(),
    };
    if is_feed {
        return Ok(probed);
    }
    probed.platforms = marked(&page, platforms);
    let (section, shown, api) = looked_over(&page);
    probed.is_bare = shown.has_scripts && shown.links.len() < FEW_LINKS;
    // What scripts will show stands elsewhere; what is there is a menu.
    probed.section = section.filter(|_| !is_described);
    let api = api.map(|url| (url, "wordpress-api"));
    let read = |found: &Fetched, platform: &str| {
        let (name, rules) = platforms.iter().find(|(name, _)| name == platform)?;
        feed(found, (name, rules), &shown)
    };
    for (url, platform) in named(&head.links, &page).into_iter().take(MOST_FEEDS).chain(api) {
        // What a page names may be gone; that is no reason to stop.
        let Ok(found) = fetch(&client, &url, allow_private).await else { continue };
        probed.feeds.extend(read(&found, platform));
    }
    for url in sitemaps(&client, &page.url, &probed) {
        let Some((url, found)) = sitemap(&client, url, allow_private).await else { continue };
        probed.feeds.extend(read(&found, "sitemap").map(|read| Feed { url, ..read }));
    }
    if let Some(article) = first_article(&page, &probed, platforms) {
        probed.article = fetch(&client, &article, allow_private).await.ok();
    }
    Ok(probed)
}

impl Fetched {
    /// As extraction wants it.
    pub fn document(&self) -> Document<'_> {
        Document { bytes: &self.bytes, content_type: self.content_type.as_deref(), url: &self.url }
    }
}

async fn fetch(client: &net::Client, url: &Url, allow_private: bool) -> anyhow::Result<Fetched> {
    let spacing = Some(client.settings().spacing);
    let request = net::Request { allow_private, spacing, robots: true, ..net::Request::get(url.clone()) };
    let answer = client.send(request).await.with_context(|| format!("cannot read `{url}`"))?;
    anyhow::ensure!(answer.status < 300, "cannot read `{url}`: the answer is status {}", answer.status);
    let content_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    Ok(Fetched {
        content_type: content_type.map(str::to_owned),
        url: answer.url,
        bytes: answer.body.to_vec(),
    })
}

/// The feeds that a page names, those of comments left out.
fn named(links: &[Link], page: &Fetched) -> Vec<(Url, &'static str)> {
    let about_comments =
        |link: &Link| link.href.contains("/comments/") || link.href.contains("comments/feed");
    let is_feed = |link: &&Link| link.leads_to_feed() && !about_comments(link);
    let mut found: Vec<(Url, &'static str)> = Vec::new();
    for link in links.iter().filter(is_feed) {
        if let Ok(url) = page.url.join(link.href.trim())
            && !found.iter().any(|(known, _)| *known == url)
        {
            found.push((url, "feed"));
        }
    }
    found
}

/// Where sitemaps of news usually are, when nobody says it.
const USUAL: [&str; 2] = ["/news-sitemap.xml", "/sitemap-news.xml"];

/// The sitemaps that are worth a look: those for news that the site's `robots.txt` names, which was read before the page
/// was. Where the page names no feed, those that are where they usually are; and where it shows no list either, that of
/// the whole site.
fn sitemaps(client: &net::Client, page: &Url, probed: &Probed) -> Vec<Url> {
    let said = client.host(page, None).sitemaps;
    let said: Vec<Url> = said.iter().filter_map(|address| page.join(address).ok()).collect();
    let (mut found, rest): (Vec<Url>, Vec<Url>) = said.into_iter().partition(is_of_news);
    if found.is_empty() && probed.feeds.is_empty() {
        found.extend(USUAL.iter().filter_map(|path| page.join(path).ok()));
    }
    found.truncate(MOST_SITEMAPS);
    let shows_list = probed.section.as_ref().is_some_and(section::Section::is_page)
        || probed.platforms.iter().any(|marked| marked.knows_list);
    if probed.feeds.is_empty() && !shows_list {
        found.extend(rest.into_iter().next().or_else(|| page.join("/sitemap.xml").ok()));
    }
    found
}

fn is_of_news(url: &Url) -> bool {
    url.path().to_ascii_lowercase().contains("news")
}

/// A sitemap, and the address to watch it at. News have one of their own, articles are spread over several: those are
/// watched through their index.
async fn sitemap(client: &net::Client, url: Url, allow_private: bool) -> Option<(Url, Fetched)> {
    let found = fetch(client, &url, allow_private).await.ok()?;
    let read = extract::sitemap::sitemap(&found.document(), client.settings().max_body);
    if !read.index {
        return Some((url, found));
    }
    let mut parts = read.entries;
    // RFC 3339 sorts as text, to the day.
    parts.sort_by(|a, b| b.modified.cmp(&a.modified));
    let parts: Vec<Url> = parts.iter().filter_map(|part| url.join(&part.url).ok()).collect();
    if let Some(news) = parts.iter().find(|part| is_of_news(part)) {
        return Some((news.clone(), fetch(client, news, allow_private).await.ok()?));
    }
    let is_of_posts = |part: &&Url| {
        let path = part.path().to_ascii_lowercase();
        ["post", "article", "tin"].iter().any(|word| path.contains(word))
    };
    let newest = parts.iter().find(is_of_posts).or_else(|| parts.first())?;
    Some((url, fetch(client, newest, allow_private).await.ok()?))
}

/// Every address that the page leads to, without what tells one way to it from another.
fn links(html: &Html, url: &Url) -> HashSet<String> {
    let anchors = html.select(&ANCHORS);
    anchors.filter_map(|link| url.join(link.attr("href")?.trim()).ok()).map(|url| plain(&url)).collect()
}

static ANCHORS: std::sync::LazyLock<scraper::Selector> =
    std::sync::LazyLock::new(|| scraper::Selector::parse("a[href]").expect("a constant selector"));

fn plain(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_start_matches("www.");
    format!("{host}{}?{}", url.path().trim_end_matches('/'), url.query().unwrap_or_default())
}

/// What the page's tree says: its list, what it shows, the API of its site.
fn looked_over(page: &Fetched) -> (Option<section::Section>, Shown, Option<Url>) {
    let html = extract::page(&page.document()).unwrap_or_else(Html::new_document);
    let section = section::detect(&html, &page.url);
    let items = section.as_ref().map_or(usize::MAX, |found| found.items);
    let has_scripts = html.select(&SCRIPTS).next().is_some();
    let shown = Shown { links: links(&html, &page.url), items, has_scripts };
    (section, shown, wordpress(&html, &page.url))
}

/// What a page shows.
struct Shown {
    /// Every address that it leads to.
    links: HashSet<String>,
    /// How many articles its list has.
    items: usize,
    /// It has scripts, and not only data for them.
    has_scripts: bool,
}

/// A page of less is not yet what people see: a menu alone has some.
const FEW_LINKS: usize = 20;

static SCRIPTS: std::sync::LazyLock<scraper::Selector> = std::sync::LazyLock::new(|| {
    let scripts = "script:not([type]), script[type='module'], script[type$='javascript']";
    scraper::Selector::parse(scripts).expect("a constant selector")
});

/// The API of a WordPress site, where its pages name it.
fn wordpress(html: &Html, url: &Url) -> Option<Url> {
    static API: std::sync::LazyLock<scraper::Selector> = std::sync::LazyLock::new(|| {
        scraper::Selector::parse("link[rel='https://api.w.org/'][href]").expect("a constant selector")
    });
    let api = html.select(&API).next()?.attr("href")?;
    extract::json::wordpress_posts(&url.join(api).ok()?)
}

fn feed(found: &Fetched, (platform, rules): (&str, &extract::Rules), shown: &Shown) -> Option<Feed> {
    let kind = if rules.feed { Kind::Feed } else { Kind::List };
    let read = extract::extract(&found.document(), kind, rules);
    let addresses: Vec<Url> =
        read.items.iter().filter_map(|item| found.url.join(item.url.as_deref()?).ok()).collect();
    let both = addresses.iter().filter(|url| shown.links.contains(&plain(url))).count();
    // A feed has more than one page shows, or less; a sitemap that has much more is that of the whole site.
    let most = if rules.sitemap { usize::MAX } else { shown.items };
    let of = addresses.len().min(most).max(1);
    #[expect(clippy::cast_precision_loss, reason = "counts of one page")]
    let overlap = (both as f64 / of as f64).min(1.0);
    (!read.items.is_empty()).then(|| Feed {
        url: found.url.clone(),
        document: found.clone(),
        is_dated: read.items.iter().all(|item| item.title.is_some() && item.published.is_some()),
        title: read.head.title,
        items: read.items.len(),
        overlap,
        platform: platform.to_owned(),
    })
}

/// The platforms whose mark the page shows. Those without a list of their own find it as any page's.
fn marked(page: &Fetched, platforms: &[(String, Arc<extract::Rules>)]) -> Vec<Marked> {
    // Fingerprints are markup, which is ASCII in every encoding that pages use.
    let markup = String::from_utf8_lossy(&page.bytes);
    let shows = |platform: &&(String, Arc<extract::Rules>)| {
        extract::detect(&markup, std::slice::from_ref(platform)).is_some()
    };
    let counted = platforms.iter().filter(shows).map(|(name, rules)| Marked {
        name: name.clone(),
        items: extract::extract(&page.document(), Kind::List, rules).items.len(),
        knows_list: !rules.lists.is_empty(),
    });
    counted.filter(|marked| marked.items > 1).collect()
}

/// The first article of the page, by the platform that was recognized or by the list that was found.
fn first_article(
    page: &Fetched,
    probed: &Probed,
    platforms: &[(String, Arc<extract::Rules>)],
) -> Option<Url> {
    let first = probed.platforms.first();
    let rules = first.and_then(|marked| platforms.iter().find(|(name, _)| *name == marked.name));
    let generic = Arc::new(config::generic().0);
    let rules = rules.map_or(&generic, |(_, rules)| rules);
    let items = extract::extract(&page.document(), Kind::List, rules).items;
    items.iter().filter_map(|item| page.url.join(item.url.as_deref()?).ok()).next()
}
