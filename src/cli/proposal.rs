//! Of everything that was found at an address, what to watch; and the configuration that says so.

mod scripted;

use url::Url;

use crate::{
    app::{Feed, Fetched, Marked, Probed},
    extract::{
        Kind, Scope, Take,
        section::{Section, Sketch, Way},
    },
    model::Timestamp,
};

pub(super) use scripted::browser;

/// What is watched.
#[derive(Debug)]
pub(super) struct Choice {
    way: By,
    said: String,
    confidence: f64,
    others: Vec<String>,
}

/// How it is read.
#[derive(Debug)]
enum By {
    /// The address is a feed.
    Itself,
    /// A feed that the page names.
    Feed(Box<Feed>),
    /// A platform's recipe; with selectors for the list where the recipe has none.
    Platform(Marked),
    /// Selectors for the page's own list.
    Section,
    /// What the page tells search engines of a list that scripts show.
    Described,
}

/// What whoever asks wants.
#[derive(Debug)]
pub(super) struct Wishes<'a> {
    pub(super) url: &'a Url,
    pub(super) id: Option<&'a str>,
    pub(super) allow_private: bool,
    /// The page is what scripts made of it.
    pub(super) browser: bool,
    pub(super) day: Timestamp,
}

// === impl Choice ===

impl Choice {
    /// One word: `feed`, `list`, or the platform.
    pub(super) fn name(&self) -> &str {
        match &self.way {
            By::Itself | By::Feed(_) => "feed",
            By::Platform(marked) => &marked.name,
            By::Section => "list",
            By::Described => "described",
        }
    }

    /// How sure it is, from 0 to 1.
    pub(super) fn confidence(&self) -> f64 {
        (self.confidence * 100.0).round() / 100.0
    }

    /// A sentence for people.
    pub(super) fn said(&self) -> &str {
        &self.said
    }

    /// What else there was.
    pub(super) fn others(&self) -> &[String] {
        &self.others
    }

    /// Does it watch the page itself?
    pub(super) fn is_of_page(&self) -> bool {
        matches!(self.way, By::Platform(_) | By::Section | By::Described)
    }

    /// What it watches, as it was fetched, and as what it is read.
    pub(super) fn document<'p>(&'p self, probed: &'p Probed) -> (&'p Fetched, Kind) {
        match &self.way {
            By::Itself => (&probed.page, Kind::Feed),
            By::Feed(feed) if feed.platform == "feed" => (&feed.document, Kind::Feed),
            By::Feed(feed) => (&feed.document, Kind::List),
            By::Platform(_) | By::Section | By::Described => (&probed.page, Kind::List),
        }
    }
}

/// A feed that shows what the page shows comes first, then a recipe, then the page's own structure. The error says what
/// is missing.
pub(super) fn choose(probed: &Probed, list: bool) -> Result<Choice, String> {
    if probed.is_feed {
        let said = "the address is a feed".to_owned();
        return Ok(Choice { way: By::Itself, said, confidence: 1.0, others: Vec::new() });
    }
    let mut all: Vec<(By, String, f64)> = Vec::new();
    let feeds = feeds(probed);
    let (fitting, rest): (Vec<Feed>, Vec<Feed>) =
        feeds.into_iter().partition(|feed| fits(feed, &probed.page.url));
    // A sitemap says less than a recipe reads, and more surely than structure where a list is. One without titles and
    // dates is that of the whole site.
    let (sitemaps, fitting): (Vec<Feed>, Vec<Feed>) =
        fitting.into_iter().partition(|feed| feed.platform == "sitemap");
    let (sitemaps, whole): (Vec<Feed>, Vec<Feed>) = sitemaps.into_iter().partition(|feed| feed.is_dated);
    let (sitemaps, fitting) = (sitemaps.into_iter().map(by_feed), fitting.into_iter().map(by_feed));
    let recipes = probed.platforms.iter().map(|marked| by_recipe(marked, probed.section.as_ref()));
    let described = (probed.described > 0).then(|| by_description(probed.described));
    let section = described.or_else(|| probed.section.as_ref().map(by_section));
    if list {
        all.extend(recipes.chain(section).chain(fitting).chain(sitemaps));
    } else {
        all.extend(fitting.chain(recipes).chain(sitemaps).chain(section));
    }
    all.extend(whole.into_iter().chain(rest).map(by_feed));
    let mut all = all.into_iter();
    let Some((way, said, confidence)) = all.next() else {
        return Err("it names no feed, no platform was recognized, and nothing on it repeats".to_owned());
    };
    let mut others: Vec<String> = all.map(|(_, said, _)| said).collect();
    let rivals = probed.section.iter().flat_map(|section| section.considered.iter().skip(1));
    others.extend(rivals.map(|rival| {
        format!("{} × `{}` (“{}” …), score {:.2}", rival.items, rival.item, rival.first, rival.score)
    }));
    let said = format!("{said} ({})", sure(confidence));
    Ok(Choice { way, said, confidence, others })
}

fn sure(confidence: f64) -> String {
    let word = match confidence {
        c if c >= 0.75 => "sure",
        c if c >= 0.5 => "fairly sure",
        _ => "not sure: look at the preview",
    };
    format!("{word}, {:.0} %", confidence * 100.0)
}

/// The best first: those that show what the page shows.
fn feeds(probed: &Probed) -> Vec<Feed> {
    let mut feeds = probed.feeds.clone();
    feeds.sort_by(|a, b| b.overlap.total_cmp(&a.overlap));
    feeds
}

/// A section's page often names the feed of the whole site: that is not what was asked for.
fn fits(feed: &Feed, page: &Url) -> bool {
    feed.overlap >= 0.5 || (page.path() == "/" && feed.overlap > 0.0)
}

fn by_feed(feed: Feed) -> (By, String, f64) {
    let what = match (feed.platform.as_str(), feed.title.as_deref()) {
        ("feed", Some(title)) => format!("a feed, “{title}”"),
        ("feed", None) => "a feed".to_owned(),
        ("sitemap", _) => if feed.is_dated { "a news sitemap" } else { "a sitemap" }.to_owned(),
        _ => "an API".to_owned(),
    };
    let who = if feed.platform == "sitemap" { "the site" } else { "the page" };
    let said = format!(
        "{who} names {what}, {} articles, of which the page shows {:.0} %: {}",
        feed.items,
        feed.overlap * 100.0,
        feed.url
    );
    let confidence = 0.5 + feed.overlap / 2.0;
    (By::Feed(Box::new(feed)), said, confidence)
}

/// A recipe that finds the list by itself is as sure as that is.
fn by_recipe(marked: &Marked, section: Option<&Section>) -> (By, String, f64) {
    let said = format!("the page is made by `{}`, whose recipe finds {} articles", marked.name, marked.items);
    let confidence = if marked.knows_list { 0.9 } else { section.map_or(0.3, |section| section.confidence) };
    (By::Platform(marked.clone()), said, confidence)
}

fn by_section(section: &Section) -> (By, String, f64) {
    let said = format!("the page's own list has {} articles", section.items);
    (By::Section, said, section.confidence)
}

fn by_description(n_items: usize) -> (By, String, f64) {
    let said = format!("the page shows no list, but describes one to search engines: {n_items} articles");
    (By::Described, said, 0.6)
}

// === the configuration ===

/// A configuration with one source and its feed.
pub(super) fn configuration(probed: &Probed, choice: &Choice, wishes: &Wishes<'_>) -> String {
    let id = wishes.id.map_or_else(|| id_of(wishes.url), str::to_owned);
    let title =
        probed.title.as_deref().map(title).filter(|title| !title.is_empty()).unwrap_or_else(|| id.clone());
    let url = match &choice.way {
        By::Feed(feed) => feed.url.as_str(),
        By::Itself | By::Platform(_) | By::Section | By::Described => wishes.url.as_str(),
    };
    let day: String = wishes.day.to_string().chars().take(10).collect();
    let mut text = format!("# Made by `loa init {}`, {day}: {}.\n", wishes.url, choice.said);
    text.push_str(&format!(
        "[[source]]\nid = {}\nname = {}\nurl = {}\n",
        quoted(&id),
        quoted(&title),
        quoted(url)
    ));
    if let By::Feed(_) = choice.way {
        text.push_str(&format!("home = {}\n", quoted(wishes.url.as_str())));
    }
    let platform = match &choice.way {
        By::Itself => Some("feed"),
        By::Feed(feed) => Some(feed.platform.as_str()),
        By::Platform(marked) => Some(marked.name.as_str()),
        By::Described => Some("html"),
        By::Section => None,
    };
    if let Some(platform) = platform {
        text.push_str(&format!("platform = {}\n", quoted(platform)));
    }
    text.push_str("# When to look; or `schedule = \"*/10 6-19 * * *\"` for office hours.\nevery = \"30m\"\n");
    if let Some(language) = probed.language.as_deref().and_then(tag) {
        text.push_str(&format!("language = {}\n", quoted(&language)));
    }
    if wishes.allow_private {
        text.push_str("allow_private = true\n");
    }
    let lists = || probed.section.iter().flat_map(|section| &section.lists);
    if wishes.browser && choice.is_of_page() {
        text.push_str(&scripted::source(lists().next()));
    }
    let lists: String = lists().enumerate().map(|(number, list)| sketched(list, number)).collect();
    match &choice.way {
        By::Platform(marked) if !marked.knows_list => text.push_str(&lists),
        By::Section => {
            text.push_str(&lists);
            text.push_str(PAGE);
        }
        By::Described => text.push_str(PAGE),
        By::Platform(_) | By::Itself | By::Feed(_) => {}
    }
    text.push_str(&format!(
        "\n[[feed]]\nid = {0}\ntitle = {1}\nsources = [{0}]\n",
        quoted(&id),
        quoted(&title)
    ));
    text
}

/// What a source without a recipe says of its article pages.
const PAGE: &str = "
# Article pages are read for the full text, which is found by itself. To be exact, name it:
[source.page]
#body = \"div.article-body\"
#date = \"time\"
#drop = [\".share\", \".related\"]
";

fn sketched(list: &Sketch, number: usize) -> String {
    let what =
        if number == 0 { "Each match of `item` is one article." } else { "More articles of the same kind." };
    let mut text = format!("\n# {what}\n[[source.list]]\nitem = {}\n", quoted(&list.item));
    if list.scope == Scope::UntilNext {
        text.push_str(
            "# What belongs to an article stands behind it, up to the next one.\nscope = \"until-next\"\n",
        );
    }
    let fields = [
        ("title", &list.title, Take::Text),
        ("link", &list.link, Take::Attr("href".to_owned())),
        ("date", &list.date, Take::Text),
        ("summary", &list.summary, Take::Html),
        ("image", &list.image, Take::Attr("src".to_owned())),
    ];
    for (name, ways, usual) in fields {
        match ways.as_slice() {
            [] => {}
            [one] => text.push_str(&format!("{name} = {}\n", way(one, &usual))),
            several => {
                let several: Vec<String> = several.iter().map(|one| way(one, &usual)).collect();
                text.push_str(&format!("{name} = [{}]\n", several.join(", ")));
            }
        }
    }
    text
}

fn way(way: &Way, usual: &Take) -> String {
    if let (Some(select), None, true) = (&way.select, &way.pattern, way.take == *usual) {
        return quoted(select);
    }
    let mut parts: Vec<String> = Vec::new();
    parts.extend(way.select.as_ref().map(|select| format!("select = {}", quoted(select))));
    let take = match &way.take {
        Take::Text => "text".to_owned(),
        Take::OwnText => "own-text".to_owned(),
        Take::Html => "html".to_owned(),
        Take::Attr(name) => format!("@{name}"),
    };
    if way.take != *usual || way.pattern.is_none() {
        parts.push(format!("take = {}", quoted(&take)));
    }
    parts.extend(way.pattern.as_ref().map(|pattern| format!("pattern = {}", quoted(pattern))));
    format!("{{ {} }}", parts.join(", "))
}

/// TOML: without escapes where that is possible.
fn quoted(text: &str) -> String {
    let is_plain = !text.contains(['\'', '\\', '"']) && !text.chars().any(char::is_control);
    if is_plain {
        return format!("\"{text}\"");
    }
    if !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    toml::Value::String(text.to_owned()).to_string()
}

/// The site's name stands behind the section's own title more often than not.
fn title(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect()
}

/// `https://www.phuong.example/tin-tuc/` is `phuong-example-tin-tuc`.
fn id_of(url: &Url) -> String {
    const LONGEST: usize = 48;
    let host = url.host_str().unwrap_or("source").trim_start_matches("www.");
    let path = url.path().trim_end_matches('/');
    let path = path.rsplit_once('.').filter(|(_, end)| !end.contains('/')).map_or(path, |(stem, _)| stem);
    let mut id = String::new();
    for c in format!("{host}{path}").chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => id.push(c),
            _ if !id.ends_with('-') => id.push('-'),
            _ => {}
        }
        if id.len() >= LONGEST {
            break;
        }
    }
    let id = id.trim_matches('-');
    if id.is_empty() { "source".to_owned() } else { id.to_owned() }
}

/// `vi_VN` and `vi-vn` are `vi`; what is no tag is none.
fn tag(said: &str) -> Option<String> {
    let primary = said.trim().split(['-', '_']).next()?.to_ascii_lowercase();
    let is_tag = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    is_tag.then_some(primary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_of_the_address() {
        let id = |url: &str| id_of(&Url::parse(url).unwrap());
        assert_eq!(id("https://www.phuong.example/tin-tuc/"), "phuong-example-tin-tuc");
        assert_eq!(id("http://a.example/lists/posts/post.aspx?Mode=2"), "a-example-lists-posts-post");
        assert_eq!(id("https://a.example/tin%20t%E1%BB%A9c"), "a-example-tin-20t-e1-bb-a9c");
        assert_eq!(id("http://127.0.0.1:8080/"), "127-0-0-1");
    }

    #[test]
    fn values_are_written_as_toml_reads_them() {
        for text in ["div.news > a", r"^\d+$", "it's", "a \"b\"", "it's \"\\d\"", "a\nb"] {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(text))).unwrap();
            assert_eq!(read["x"].as_str(), Some(text));
        }
        assert_eq!(tag("vi_VN").as_deref(), Some("vi"));
        assert_eq!(tag("Vietnamese"), None);
    }
}
