//! Digests of what matters, and what changed.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

use crate::model::{Article, Content, Digest, Draft, Enclosure, markup, text};

/// Counters inside of lines, in keys of text. The bounds of words are those of ASCII: with Unicode's, each line
/// that is not ASCII is read by the slowest of the regex engines.
static COUNTERS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?:số )?(?:lượt|lần) (?:xem|đọc|truy cập)\s*:?\s*\(?[\d.,]+\)?|[\d.,]+ (?:lượt|lần) (?:xem|đọc|truy cập)|(?:view count|views|đã xem|xem)\s*:\s*[\d.,]+|(?-u:\b)[\d.,]+ views(?-u:\b)";
    Regex::new(pattern).expect("a fixed pattern")
});

/// Whole lines that say nothing about the news: share buttons, printing, clocks.
static LABELS: LazyLock<Regex> = LazyLock::new(|| {
    let share = "chia sẻ(?: bài viết| qua| lên)?|share(?: this)?|tweet|like|thích|facebook|zalo|twitter|google ?\\+?|linkedin|email|gửi email|sao chép liên kết|copy link";
    let page = "in|in trang|in bài|in bài viết|print|bản in|quay lại|trở về|về trang trước|về đầu trang|back|bình luận|lưu|đọc bài viết";
    let clock =
        r"(?:hôm nay|bây giờ|today|now|giờ hiện tại)(?-u:\b).*\d.*|\d{1,2}:\d{2}:\d{2}(?: [as][ma]| ch| pm)?";
    let pattern = format!(r"^(?:(?:(?:{share}|{page})[\s:|,.]*)+[\d.,]*|{clock})$");
    Regex::new(&pattern).expect("a fixed pattern")
});

/// Relative dates: they change by themselves.
static RELATIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:trước|ago|vừa xong|hôm nay|hôm qua|just now)\b").expect("a fixed pattern")
});

/// Share labels together are not longer than this, in characters.
const LONGEST_LABEL: usize = 80;

/// What an article says, read once for all that is told by it.
#[derive(Clone, Debug, Default)]
pub struct Wording {
    /// The text without markup; the teaser where there is none.
    pub plain: String,
    /// Its key without noise: view counters, share buttons, clocks.
    pub(super) words: String,
}

impl Wording {
    /// Reads the text, or the teaser where the text says nothing.
    pub fn of(content: &Content) -> Self {
        let plain = markup::to_text(content.html.as_str());
        let words = significant(&plain);
        if !words.is_empty() {
            return Self { plain, words };
        }
        Self { words: significant(&content.summary), plain: content.summary.clone() }
    }
}

/// The digest of what matters in an article: title, words of the text, images and attached files by name.
///
/// View counters, share buttons, clocks, white space, tone placement, composition, hosts and image queries are
/// noise. The teaser counts only where there is no text.
pub fn digest(content: &Content, wording: &Wording) -> Digest {
    let mut files: Vec<String> = content.enclosures.iter().map(file).collect();
    files.extend(images(content.html.as_str()));
    files.sort();
    files.dedup();
    let title = significant(&content.title);
    hash([title.as_str(), wording.words.as_str()].into_iter().chain(files.iter().map(String::as_str)))
}

/// The digest of what a list says of an item: another one asks for the article page again.
pub fn listed(draft: &Draft) -> Digest {
    // Where nobody says when it appeared, when it changed has to do.
    let date = draft.published.as_ref().or(draft.updated.as_ref());
    let date = date.and_then(|date| date.raw.as_deref()).map(significant).unwrap_or_default();
    let date = if RELATIVE.is_match(&date) { "" } else { date.as_str() };
    let (title, summary) = (significant(&draft.content.title), significant(&draft.content.summary));
    hash([title.as_str(), date, summary.as_str()].into_iter())
}

/// The names of the fields in which two revisions differ, for update events.
pub fn changed_fields(old: &Article, new: &Article) -> Vec<&'static str> {
    let (one, other) = (&old.content, &new.content);
    let key = |text: &str| text::key(text);
    let files = |content: &Content| content.enclosures.iter().map(file).collect::<Vec<_>>();
    let pictures = |content: &Content| images(content.html.as_str()).collect::<Vec<_>>();
    [
        ("url", one.url != other.url),
        ("title", key(&one.title) != key(&other.title)),
        ("summary", key(&one.summary) != key(&other.summary)),
        ("content", words(&one.html) != words(&other.html) || pictures(one) != pictures(other)),
        ("language", one.language != other.language),
        ("authors", one.authors != other.authors),
        ("categories", one.categories != other.categories),
        ("image", one.image.as_deref().map(path) != other.image.as_deref().map(path)),
        ("enclosures", files(one) != files(other)),
        ("published", old.published.at != new.published.at),
        ("status", old.status != new.status),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// The significant words of a text with markup.
fn words(html: &crate::model::Html) -> String {
    significant(&markup::to_text(html.as_str()))
}

/// The key of a text without its noise. Where lines break does not matter.
fn significant(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let key = text::key(line);
        let counts = key.contains(char::is_numeric);
        let line = if counts { COUNTERS.replace_all(&key, "") } else { Cow::Borrowed(key.as_str()) };
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '|');
        let label = line.chars().nth(LONGEST_LABEL).is_none() && LABELS.is_match(line);
        if !line.is_empty() && !label {
            out.push_str(if out.is_empty() { "" } else { " " });
            out.push_str(line);
        }
    }
    out
}

/// A file by its path; documents may hang on their query, images do not. What it is is told by its name alone: a
/// server that does not say the type today has not changed the article.
fn file(enclosure: &Enclosure) -> String {
    const IMAGES: [&str; 8] = ["jpg", "jpeg", "png", "gif", "webp", "svg", "bmp", "avif"];
    let whole = enclosure.url.split('#').next().unwrap_or_default();
    let ending = path(whole).rsplit('.').next().unwrap_or_default();
    let image = IMAGES.iter().any(|image| ending.eq_ignore_ascii_case(image));
    let query = whole.split_once('?').map(|(_, query)| query).filter(|_| !image);
    format!("{}?{}", path(whole), query.unwrap_or_default())
}

/// Is it one file, as digests see it? Hosts move.
pub fn is_same_file(one: &Enclosure, other: &Enclosure) -> bool {
    file(one) == file(other)
}

/// The names of the images in sanitized markup.
fn images(html: &str) -> impl Iterator<Item = String> {
    let sources = html.split("<img ").skip(1).filter_map(|rest| {
        let tag = rest.split('>').next()?;
        let (_, source) = tag.split_once("src=\"")?;
        source.split('"').next()
    });
    sources.map(|source| path(source).rsplit('/').next().unwrap_or_default().to_owned())
}

/// The path of an address: hosts move, queries carry clocks.
fn path(address: &str) -> &str {
    let rest = address.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.split_once("//").map_or(rest, |(_, rest)| rest);
    rest.split_once('/').map_or("", |(_, path)| path)
}

fn hash<'a>(parts: impl Iterator<Item = &'a str>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    Digest(short)
}

/// A digest as text.
pub(super) fn hex(digest: Digest) -> String {
    text::hex(&digest.0)
}
