//! What a host's `robots.txt` says to us (RFC 9309). Pure: bytes to rules, rules and an address to a verdict.
//!
//! Beside the RFC: `Crawl-delay`, which many portals write, and `Sitemap`, which names where a site lists its pages.

use std::time::Duration;

use url::Url;

pub(super) mod book;
#[cfg(test)]
mod tests;

/// The product token that a site names us by, whatever the `User-Agent` says beside it (RFC 9309, section 2.2.1).
pub const TOKEN: &str = "loaphuong";
/// How much of a file is read, in bytes (section 2.5).
pub const LONGEST: u64 = 500 * 1024;
/// The most sitemaps that are kept of one file.
const SITEMAPS: usize = 100;
/// No `Crawl-delay` means more than a day.
const LONGEST_DELAY: f64 = 86_400.0;

/// What a file says to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
    /// The time that it wants between two requests.
    pub crawl_delay: Option<Duration>,
    /// The sitemaps that it names, at most 100, as they are written.
    pub sitemaps: Vec<String>,
}

/// One line of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    /// Normalized; `*` and a `$` at its end are meant as such.
    pattern: String,
}

/// What one group says, while it is read.
#[derive(Debug, Default)]
struct Group {
    rules: Vec<Rule>,
    delay: Option<f64>,
}

/// A line that means something to us.
enum Line<'a> {
    Agent(&'a str),
    Rule { allows: bool, pattern: &'a str },
    Delay(&'a str),
    Sitemap(&'a str),
}

impl Rules {
    /// Reads a file as far as it is one: whatever else it holds (an error page, a login) forbids nothing. All groups
    /// of one agent are one group; those of `*` count only where no group is ours (section 2.2.1).
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (mut ours, mut everybodys, mut sitemaps) = (None::<Group>, Group::default(), Vec::new());
        // Whom the group at hand is for, and whether its agents are all named.
        let (mut is_ours, mut is_everybodys, mut has_begun) = (false, false, true);
        for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']).filter_map(Line::read) {
            if let Line::Sitemap(address) = line {
                if sitemaps.len() < SITEMAPS && !address.is_empty() {
                    sitemaps.push(address.to_owned());
                }
                continue;
            }
            if let Line::Agent(name) = line {
                if has_begun {
                    (is_ours, is_everybodys, has_begun) = (false, false, false);
                }
                is_everybodys |= name.starts_with('*');
                is_ours |= product(name).eq_ignore_ascii_case(TOKEN);
                if is_ours {
                    ours.get_or_insert_default();
                }
                continue;
            }
            has_begun = true;
            if is_everybodys {
                everybodys.take(&line);
            }
            if let Some(ours) = ours.as_mut().filter(|_| is_ours) {
                ours.take(&line);
            }
        }
        let group = ours.unwrap_or(everybodys);
        let crawl_delay = group.delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self { rules: group.rules, crawl_delay, sitemaps }
    }

    /// May we ask for this? If not, the line that forbids it. The longest pattern that matches decides, and of two
    /// that are equally long the one that allows (section 2.2.2).
    pub fn verdict(&self, url: &Url) -> Result<(), String> {
        if url.path() == "/robots.txt" {
            return Ok(());
        }
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let path = normalized(&format!("{}{query}", url.path()), Side::Path);
        let matching = self.rules.iter().filter(|rule| matches(&rule.pattern, &path));
        match matching.max_by_key(|rule| (rule.pattern.len(), rule.allows)) {
            Some(rule) if !rule.allows => Err(format!("Disallow: {}", rule.pattern)),
            _ => Ok(()),
        }
    }
}

// === impl Line, Group ===

impl<'a> Line<'a> {
    /// `name: value # comment`. Names are written in any case, and "user agent" in some ways.
    fn read(line: &'a str) -> Option<Self> {
        let (line, _) = line.split_once('#').unwrap_or((line, ""));
        let (name, value) = line.split_once(':')?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "user-agent" | "useragent" | "user agent" => Some(Self::Agent(value)),
            "allow" => Some(Self::Rule { allows: true, pattern: value }),
            "disallow" => Some(Self::Rule { allows: false, pattern: value }),
            "crawl-delay" | "crawldelay" => Some(Self::Delay(value)),
            "sitemap" => Some(Self::Sitemap(value)),
            _ => None,
        }
    }
}

impl Group {
    fn take(&mut self, line: &Line<'_>) {
        match line {
            // An empty pattern matches nothing.
            Line::Rule { pattern: "", .. } | Line::Agent(_) | Line::Sitemap(_) => {}
            Line::Rule { allows, pattern } => {
                self.rules.push(Rule { allows: *allows, pattern: normalized(pattern, Side::Pattern) });
            }
            Line::Delay(text) => {
                let seconds =
                    text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
                let seconds = seconds.map(|seconds| seconds.min(LONGEST_DELAY));
                // Of several groups' delays the longest is meant for us, too.
                self.delay = self.delay.into_iter().chain(seconds).reduce(f64::max);
            }
        }
    }
}

/// The product token at the beginning of an agent's name: `LoaPhuong/1.0 (news)` is `LoaPhuong`.
fn product(name: &str) -> &str {
    let end = name.find(|c: char| !(c.is_ascii_alphabetic() || c == '_' || c == '-'));
    name.split_at(end.unwrap_or(name.len())).0
}

/// What a text is: in an address `*` and `$` are characters, in a pattern they mean something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Path,
    Pattern,
}

/// One spelling for each address (section 2.2.2): what need not be encoded is not, everything else is, with capitals.
fn normalized(text: &str, side: Side) -> String {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((place, byte)) = bytes.next() {
        let encoded =
            (byte == b'%').then(|| text.as_bytes().get(place + 1..place + 3)).flatten().and_then(hex);
        if let Some(decoded) = encoded {
            bytes.nth(1);
            if decoded.is_ascii_alphanumeric() || b"-._~".contains(&decoded) {
                out.push(char::from(decoded));
            } else {
                out.push_str(&format!("%{decoded:02X}"));
            }
            continue;
        }
        let is_meant = side == Side::Pattern || !b"*$".contains(&byte);
        if byte.is_ascii_graphic() && !b"\"<>`{}|\\^".contains(&byte) && is_meant {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match digits {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// Does a pattern match the beginning of a path, or, with `$`, all of it? Between two stars each part is looked for
/// from where the one before it ended: the leftmost place leaves the most room for those behind.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, is_whole) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
    }
    match (last, is_whole) {
        (None, false) => true,
        (None, true) => rest.is_empty(),
        (Some(part), false) => rest.contains(part),
        (Some(part), true) => rest.ends_with(part),
    }
}
