//! A tokenizer that only finds tags (WHATWG HTML, section 13.2.5).

use memchr::{memchr, memchr2, memmem};

use super::tags;

/// What the scanner found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Some text, and where it stands.
    Text { from: usize, to: usize },
    /// A start tag: its name, its whole text, how many attributes it has.
    Start { name: u64, tag: Text, self_closing: bool, attributes: usize },
    /// An end tag.
    End { name: u64 },
}

/// The text of a tag, for comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Text {
    hash: u64,
    /// In bytes.
    pub(super) length: usize,
}

/// What decides how a tag's content is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Html,
    /// HTML directly in `svg` or `math`, where CDATA sections are still known.
    Integrated,
    /// The current element is `svg` or `math`: nothing is raw there.
    Foreign,
    /// The columns of a `template`: other elements are dropped, and what stands in them is markup.
    Columns,
}

/// Walks over markup once.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// True when parsers may disagree on what is markup here: only [`Self::start_tags`] is sure then.
    pub(super) ambiguous: bool,
    /// Do scripts run, so that `noscript` holds text?
    scripting: bool,
    /// True when a `noscript` was seen.
    pub(super) has_noscript: bool,
}

// === impl Scanner ===

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], scripting: bool) -> Self {
        Self { bytes, at: 0, ambiguous: false, scripting, has_noscript: false }
    }

    /// Start tags anywhere: more than any depth can be.
    pub(super) fn start_tags(&self) -> usize {
        let pairs = self.bytes.windows(2);
        pairs.filter(|pair| pair[0] == b'<' && pair[1].is_ascii_alphabetic()).count()
    }

    /// The next tag or text.
    pub(super) fn next(&mut self, reading: Reading) -> Option<Event> {
        loop {
            let from = self.at;
            let rest = self.bytes.get(from..)?;
            match rest {
                [] => return None,
                [b'<', b'!', ..] => {
                    self.at = self.declaration(matches!(reading, Reading::Foreign | Reading::Integrated));
                }
                [b'<', b'?', ..] => self.at = self.after(b">", self.at),
                [b'<', b'/', name, ..] if name.is_ascii_alphabetic() => {
                    let (name, ..) = self.tag(self.at + 2)?;
                    return Some(Event::End { name });
                }
                [b'<', b'/', ..] => self.at = self.after(b">", self.at + 2),
                [b'<', name, ..] if name.is_ascii_alphabetic() => {
                    let (name, self_closing, attributes) = self.tag(from + 1)?;
                    let text = &self.bytes[from..self.at];
                    let hash = if tags::kind(name).formatting { hash(text) } else { 0 };
                    let tag = Text { hash, length: text.len() };
                    self.content(name, reading);
                    return Some(Event::Start { name, tag, self_closing, attributes });
                }
                _ => {
                    let text = memchr(b'<', &rest[1..]);
                    self.at = text.map_or(self.bytes.len(), |found| from + 1 + found);
                    return Some(Event::Text { from, to: self.at });
                }
            }
        }
    }

    /// Where `needle` ends, looked for from `from` on; the end where it is missing.
    fn after(&self, needle: &[u8], from: usize) -> usize {
        find(self.bytes, needle, from).map_or(self.bytes.len(), |found| found + needle.len())
    }

    /// Comments, doctypes, CDATA: where it ends.
    fn declaration(&self, foreign: bool) -> usize {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"<!-->") {
            return self.at + 5;
        }
        if rest.starts_with(b"<!--->") {
            return self.at + 6;
        }
        if rest.starts_with(b"<!--") {
            return end_of_comment(self.bytes, self.at + 4);
        }
        if foreign && rest.starts_with(b"<![CDATA[") {
            return self.after(b"]]>", self.at + 9);
        }
        self.after(b">", self.at + 2)
    }

    /// Reads a tag whose name starts at `from`, and stands behind it.
    fn tag(&mut self, from: usize) -> Option<(u64, bool, usize)> {
        let bytes = self.bytes;
        let ends = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ' | b'/' | b'>');
        let name_end = from + bytes[from..].iter().position(ends)?;
        let name = tags::number(&bytes[from..name_end]);
        let (mut at, mut attributes, mut slash) = (name_end, 0, false);
        loop {
            match bytes.get(at)? {
                b'>' => {
                    self.at = at + 1;
                    return Some((name, slash, attributes));
                }
                b'/' => {
                    slash = true;
                    at += 1;
                }
                byte if byte.is_ascii_whitespace() => {
                    slash = false;
                    at += 1;
                }
                _ => {
                    slash = false;
                    attributes += 1;
                    at = attribute(bytes, at)?;
                }
            }
        }
    }

    /// Steps over what the tokenizer reads as text behind the start tag `name`.
    fn content(&mut self, name: u64, reading: Reading) {
        // Whether a `frameset` takes the place of the body depends on more than is followed here.
        self.ambiguous |= name == tags::FRAMESET;
        self.has_noscript |= name == tags::NOSCRIPT;
        match reading {
            Reading::Html | Reading::Integrated => {}
            Reading::Foreign => {
                self.ambiguous |= tags::is_unsure(name);
                return;
            }
            Reading::Columns => return,
        }
        if name == tags::PLAINTEXT {
            self.at = self.bytes.len();
        } else if name == tags::SCRIPT {
            self.at = end_of_script(self.bytes, self.at);
        } else if tags::is_raw(name, self.scripting) {
            self.at = self.end_tag(raw_name(name));
        }
    }

    /// Where the end tag of `name` starts.
    fn end_tag(&self, name: &[u8]) -> usize {
        let needle: Vec<u8> = [b"</", name].concat();
        find_name(self.bytes, &needle, self.at).unwrap_or(self.bytes.len())
    }
}

fn raw_name(name: u64) -> &'static [u8] {
    match name {
        tags::STYLE => b"style",
        tags::TITLE => b"title",
        tags::TEXTAREA => b"textarea",
        tags::XMP => b"xmp",
        tags::IFRAME => b"iframe",
        tags::NOSCRIPT => b"noscript",
        tags::NOEMBED => b"noembed",
        _ => b"noframes",
    }
}

/// Where the attribute at `at` ends.
fn attribute(bytes: &[u8], at: usize) -> Option<usize> {
    // A leading `=` belongs to the name.
    let name = bytes.get(at + 1..)?.iter();
    let name = name.take_while(|byte| !byte.is_ascii_whitespace() && !b"/>=".contains(byte)).count();
    let end = at + 1 + name;
    let spaces = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_whitespace()).count();
    let equals = end + spaces(end);
    if bytes.get(equals) != Some(&b'=') {
        return Some(end);
    }
    let value = equals + 1 + spaces(equals + 1);
    match bytes.get(value)? {
        b'>' => Some(value),
        quote @ (b'"' | b'\'') => {
            let inner = memchr(*quote, bytes.get(value + 1..)?)?;
            Some(value + inner + 2)
        }
        _ => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
            Some(value + bytes.get(value..)?.iter().position(ends)?)
        }
    }
}

fn end_of_comment(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = find(bytes, b"--", at) {
        match bytes.get(found + 2..) {
            Some([b'>', ..]) => return found + 3,
            Some([b'!', b'>', ..]) => return found + 4,
            _ => at = found + 1,
        }
    }
    bytes.len()
}

/// Where the end tag of a script starts, by the rules that let `<!-- <script> </script> -->` be text.
fn end_of_script(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut escaped, mut double) = (from, false, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        if !escaped && rest.starts_with(b"<!--") {
            // The dashes may already end it: `<!-->`.
            escaped = true;
            at += 2;
            continue;
        }
        if escaped && rest.starts_with(b"-->") {
            (escaped, double) = (false, false);
        } else if is_name(rest, b"</script") {
            if !double {
                return at;
            }
            double = false;
        } else if escaped && !double && is_name(rest, b"<script") {
            double = true;
        }
        let step = memchr2(b'<', b'-', &bytes[at + 1..]);
        at = step.map_or(bytes.len(), |step| at + 1 + step);
    }
    bytes.len()
}

/// True when `bytes` start with the tag `needle`, in any case, and its name ends there.
fn is_name(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.get(..needle.len()).is_some_and(|head| head.eq_ignore_ascii_case(needle))
        && bytes
            .get(needle.len())
            .is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'))
}

fn find_name(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr(b'<', bytes.get(at..)?)?;
        if is_name(&bytes[at..], needle) {
            return Some(at);
        }
        at += 1;
    }
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    memmem::find(bytes.get(from..)?, needle).map(|found| from + found)
}

fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
