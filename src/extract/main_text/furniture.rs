//! What pages call their furniture: elements, roles, and the words in `class` and `id`.

use scraper::ElementRef;

/// What an element is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Furniture {
    /// Nothing is said.
    No,
    /// It names something that stands around texts; wrappers of whole pages have such words, too.
    Said,
    /// What readers wrote, and what is never text.
    Sure,
}

/// Elements whose content is not shown, or is not text.
pub(super) fn is_silent(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "template"
            | "noscript"
            | "head"
            | "svg"
            | "math"
            | "button"
            | "select"
            | "textarea"
            | "option"
            | "iframe"
            | "object"
            | "canvas"
    )
}

/// Words that name furniture wherever they stand in a name.
const WORDS: &[&str] = &[
    "share",
    "shares",
    "sharing",
    "sharebar",
    "social",
    "addthis",
    "sharethis",
    "related",
    "recommended",
    "recommendation",
    "recommendations",
    "recirculation",
    "readmore",
    "newsletter",
    "subscribe",
    "subscription",
    "signup",
    "promo",
    "promotion",
    "advert",
    "advertisement",
    "advertising",
    "ads",
    "adsbygoogle",
    "sponsor",
    "sponsored",
    "sidebar",
    "breadcrumb",
    "breadcrumbs",
    "byline",
    "dateline",
    "timestamp",
    "tags",
    "taglist",
    "footer",
    "navbar",
    "navigation",
    "nav",
    "menu",
    "pagination",
    "pager",
    "toolbar",
    "outbrain",
    "taboola",
    "popular",
    "trending",
    "copyright",
    "print",
    "printonly",
    "pullquote",
    "bio",
    "authorbio",
    "toc",
    "paywall",
    "rating",
    "ratings",
    "lienquan",
    "chiase",
    "tukhoa",
    "quangcao",
    "tinkhac",
    "tinlienquan",
    "hidden",
    "disclaimer",
    "metadata",
    "donate",
    "teaser",
    "relatedposts",
    "postmeta",
];

/// Words that name what readers wrote, or the words under a picture.
const SURE: &[&str] = &[
    "comment",
    "comments",
    "disqus",
    "commentlist",
    "respond",
    "binhluan",
    "caption",
    "captions",
    "credit",
    "credits",
    "imagecaption",
    "photocaption",
    "figcaption",
    "sharedaddy",
    "screenreader",
    "cookie",
    "cookies",
    "consent",
    "gdpr",
    "popup",
    "modal",
];

/// Words that name furniture together with the word before it.
const PAIRS: &[(&str, &str)] = &[
    ("author", "info"),
    ("author", "box"),
    ("author", "name"),
    ("author", "card"),
    ("author", "details"),
    ("author", "content"),
    ("post", "author"),
    ("about", "author"),
    ("post", "meta"),
    ("entry", "meta"),
    ("article", "meta"),
    ("meta", "data"),
    ("read", "more"),
    ("read", "next"),
    ("see", "also"),
    ("more", "from"),
    ("most", "read"),
    ("you", "may"),
    ("also", "like"),
    ("lien", "quan"),
    ("chia", "se"),
    ("tu", "khoa"),
    ("quang", "cao"),
    ("binh", "luan"),
    ("tin", "khac"),
    ("post", "date"),
    ("publish", "date"),
    ("published", "date"),
    ("post", "info"),
    ("entry", "footer"),
    ("ad", "container"),
    ("screen", "reader"),
];

/// Roles of what stands around a page's text (WAI-ARIA).
const ROLES: [&str; 12] = [
    "navigation",
    "complementary",
    "banner",
    "contentinfo",
    "search",
    "dialog",
    "alertdialog",
    "menu",
    "menubar",
    "toolbar",
    "tooltip",
    "tablist",
];

/// What `element` says of itself.
pub(super) fn of(element: ElementRef<'_>) -> Furniture {
    let value = element.value();
    let name = value.name();
    if is_silent(name) && name != "iframe" && name != "object" {
        return Furniture::Sure;
    }
    if matches!(name, "figcaption" | "nav" | "footer" | "dialog") {
        return Furniture::Sure;
    }
    if matches!(name, "html" | "body" | "main" | "img") {
        return Furniture::No;
    }
    if is_hidden(element) {
        return Furniture::Said;
    }
    if matches!(name, "aside" | "menu" | "form")
        || element.attr("role").is_some_and(|role| ROLES.contains(&role.trim()))
    {
        return Furniture::Said;
    }
    if name == "article" {
        return Furniture::No;
    }
    let names = value.classes().chain(value.id()).take(MOST_CLASSES);
    names.map(of_name).max().unwrap_or(Furniture::No)
}

/// `article-body`, `entryContent`: what systems call the element of the text.
pub(super) fn names_text(element: ElementRef<'_>) -> bool {
    let value = element.value();
    let names = value.classes().chain(value.id()).take(MOST_CLASSES);
    names.map(words).any(|words| {
        words.windows(2).any(|pair| match pair {
            [a, b] => {
                matches!(a.as_str(), "article" | "post" | "entry" | "story" | "news" | "detail" | "journal")
                    && matches!(b.as_str(), "body" | "content" | "text")
            }
            _ => false,
        })
    })
}

/// Themes write their settings into classes; the first say what the element is.
const MOST_CLASSES: usize = 12;

fn is_hidden(element: ElementRef<'_>) -> bool {
    let style = element.attr("style").unwrap_or_default();
    element.attr("hidden").is_some()
        || style.split(';').any(|rule| {
            let (key, value) = rule.split_once(':').unwrap_or_default();
            let (key, value) = (key.trim(), value.trim());
            key.eq_ignore_ascii_case("display") && value.starts_with("none")
                || key.eq_ignore_ascii_case("visibility") && value.starts_with("hidden")
        })
}

/// `relatedPosts`, `related-posts`, `c-related_posts2`.
fn of_name(name: &str) -> Furniture {
    let words = words(name);
    let any = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_pair = |pair: &[String]| match pair {
        [a, b] => PAIRS.contains(&(a.as_str(), b.as_str())),
        _ => false,
    };
    // `no-sidebar`, `has-comments`, `with-ads`: a setting of what is inside.
    let is_setting = words.first().is_some_and(|first| {
        matches!(first.as_str(), "no" | "has" | "with" | "without" | "is" | "not" | "tag" | "category")
    });
    match () {
        () if is_setting => Furniture::No,
        () if any(SURE) => Furniture::Sure,
        () if any(WORDS) || words.windows(2).any(is_pair) => Furniture::Said,
        () => Furniture::No,
    }
}

/// The words of a name, lower case; longer names than people write have none.
pub(super) fn words(name: &str) -> Vec<String> {
    const LONGEST: usize = 64;
    let short: String = name.chars().take(LONGEST).collect();
    short.split(|c: char| !c.is_alphabetic()).flat_map(humps).collect()
}

/// `relatedPosts` is two words; names made by machines (`hJpRRP`) have short humps by chance: they are one.
fn humps(part: &str) -> Vec<String> {
    const SHORTEST: usize = 4;
    let mut words: Vec<String> = Vec::new();
    let mut was_lower = false;
    for c in part.chars() {
        if words.is_empty() || was_lower && c.is_uppercase() {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    if words.iter().any(|word| word.len() < SHORTEST) { vec![words.concat()] } else { words }
}
