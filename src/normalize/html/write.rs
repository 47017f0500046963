//! Writes parsed markup again, as an article.

use ::url::Url;
use regex::Regex;
use scraper::node::Element;

use super::image;
use crate::normalize::{media, text, url};

/// The longest block that can be noise, in bytes.
const LONGEST_NOISE: usize = 400;

/// The attributes that stay, besides `lang` and `dir`.
pub(super) const ATTRIBUTES: [(&str, &[&str]); 13] = [
    ("a", &["href", "title"]),
    ("abbr", &["title"]),
    ("audio", &["src", "controls"]),
    ("col", &["span"]),
    ("colgroup", &["span"]),
    ("img", &["src", "alt", "title", "width", "height"]),
    ("li", &["value"]),
    ("ol", &["start", "reversed"]),
    ("source", &["src", "type"]),
    ("td", &["colspan", "rowspan"]),
    ("th", &["colspan", "rowspan", "scope"]),
    ("time", &["datetime"]),
    ("video", &["src", "poster", "controls", "width", "height"]),
];

/// What was written, and what was found on the way.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) out: String,
    pub(super) images: Vec<String>,
    pub(super) documents: Vec<(String, String)>,
}

/// What an element is for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Left out with all it contains.
    Dropped,
    /// Its content stands for itself.
    Unwrapped,
    /// Has no content.
    Void,
    /// Stays even when it is empty: parts of tables.
    Part,
    /// Left out when it is empty.
    Block,
    /// Left out when it is empty, but the space in it counts.
    Inline,
}

/// An element that is being written, and where everything stood before it.
#[derive(Debug)]
struct Frame {
    tag: &'static str,
    role: Role,
    out: usize,
    plain: usize,
    content: usize,
    images: usize,
    documents: usize,
    link: Option<String>,
}

/// Writes elements and text in document order.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    base: &'a Url,
    noise: &'a [Regex],
    written: Written,
    /// The text so far, for noise and link texts.
    plain: String,
    /// How many words and media were written.
    content: usize,
    frames: Vec<Frame>,
    pre: usize,
    /// Where the text of the last `pre` begins.
    pre_begins: usize,
}

// === impl Writer ===

impl<'a> Writer<'a> {
    pub(super) fn new(base: &'a Url, noise: &'a [Regex], size: usize) -> Self {
        let written = Written { out: String::with_capacity(size), ..Written::default() };
        Self {
            base,
            noise,
            written,
            plain: String::new(),
            content: 0,
            frames: Vec::new(),
            pre: 0,
            pre_begins: 0,
        }
    }

    pub(super) fn finish(self) -> Written {
        self.written
    }

    pub(super) fn text(&mut self, raw: &str) {
        let cleaned = text::node(raw, self.pre > 0);
        let mut shown = cleaned.as_deref().unwrap_or(raw);
        if self.pre > 0 && self.written.out.len() == self.pre_begins {
            // A parser drops a line feed behind `<pre>`, and so would every reader of what is written here.
            shown = shown.trim_start_matches(['\n', '\r']);
        }
        self.content += usize::from(shown.contains(|c: char| !c.is_whitespace()));
        self.plain.push_str(shown);
        push_escaped(&mut self.written.out, shown);
    }

    /// Begins an element; false when nothing of it is wanted.
    pub(super) fn enter(&mut self, element: &Element) -> bool {
        let (tag, role) = role(element.name());
        let frame = self.frame(tag, role);
        match role {
            Role::Dropped => return false,
            Role::Void => {
                self.void(tag, element);
                return false;
            }
            Role::Unwrapped => {
                if breaks(element.name()) {
                    self.space();
                }
                self.frames.push(frame);
                return true;
            }
            Role::Part | Role::Block | Role::Inline => {}
        }
        let link = if tag == "a" { self.link(element) } else { None };
        if tag == "a" && link.is_none() {
            self.frames.push(Frame { tag: "", role: Role::Unwrapped, ..frame });
            return true;
        }
        if role != Role::Inline {
            self.plain.push('\n');
        }
        self.pre += usize::from(tag == "pre");
        self.open(tag, element, link.as_deref());
        if tag == "pre" {
            self.pre_begins = self.written.out.len();
        }
        if matches!(tag, "audio" | "video") {
            self.content += 1;
        }
        self.frames.push(Frame { link, ..frame });
        true
    }

    /// Ends the element begun last.
    pub(super) fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.role == Role::Unwrapped {
            return;
        }
        self.pre -= usize::from(frame.tag == "pre");
        let spaced =
            frame.role == Role::Inline && self.plain.get(frame.plain..).is_some_and(|text| !text.is_empty());
        let empty = self.content == frame.content && frame.role != Role::Part;
        if empty || (frame.role == Role::Block && self.is_noise(&frame)) {
            self.undo(&frame);
            if spaced {
                self.space();
            }
            return;
        }
        if let Some(address) = frame.link.filter(|address| media::is_document(address)) {
            let title = text::line(self.plain.get(frame.plain..).unwrap_or_default());
            self.written.documents.push((address, title));
        }
        if frame.role != Role::Inline {
            self.plain.push('\n');
            // Blanks at the end of a block show nowhere; in the text of a portal they were `&nbsp;`.
            if frame.tag != "pre" && self.pre == 0 {
                let kept = self.written.out.trim_end_matches(' ').len();
                self.written.out.truncate(kept);
            }
        }
        self.written.out.push_str("</");
        self.written.out.push_str(frame.tag);
        self.written.out.push('>');
    }

    fn frame(&self, tag: &'static str, role: Role) -> Frame {
        Frame {
            tag,
            role,
            out: self.written.out.len(),
            plain: self.plain.len(),
            content: self.content,
            images: self.written.images.len(),
            documents: self.written.documents.len(),
            link: None,
        }
    }

    /// Takes back all that was written since the element began.
    fn undo(&mut self, frame: &Frame) {
        self.written.out.truncate(frame.out);
        self.written.images.truncate(frame.images);
        self.written.documents.truncate(frame.documents);
        self.plain.truncate(frame.plain);
        self.content = frame.content;
    }

    fn is_noise(&self, frame: &Frame) -> bool {
        let block = self.plain.get(frame.plain..).unwrap_or_default().trim();
        if self.noise.is_empty() || block.len() > LONGEST_NOISE {
            return false;
        }
        let block = text::line(block);
        let whole = |pattern: &Regex| pattern.find(&block).is_some_and(|found| found.len() == block.len());
        !block.is_empty() && self.noise.iter().any(whole)
    }

    fn space(&mut self) {
        if !self.written.out.is_empty() && !self.written.out.ends_with([' ', '>']) {
            self.written.out.push(' ');
            self.plain.push(' ');
        }
    }

    fn void(&mut self, tag: &'static str, element: &Element) {
        match tag {
            "img" => self.image(element),
            "source" => {
                if let Some(address) = element.attr("src").and_then(|src| url::absolute(self.base, src)) {
                    self.start(tag);
                    self.attribute("src", &url::public(&address));
                    self.kept(tag, element);
                    self.written.out.push('>');
                }
            }
            _ => {
                self.plain.push('\n');
                self.open(tag, element, None);
            }
        }
    }

    fn image(&mut self, element: &Element) {
        if image::is_pixel(element) {
            return;
        }
        let Some(address) = image::source(element, self.base) else { return };
        let address = url::public(&address);
        self.content += 1;
        self.start("img");
        self.attribute("src", &address);
        self.kept("img", element);
        self.written.out.push('>');
        self.written.images.push(address);
    }

    /// The address of a link that leads somewhere.
    fn link(&self, element: &Element) -> Option<String> {
        let href = element.attr("href")?;
        if href.trim_start().starts_with('#') {
            return None;
        }
        url::absolute(self.base, href).map(|address| url::public(&address))
    }

    fn open(&mut self, tag: &str, element: &Element, link: Option<&str>) {
        self.start(tag);
        if let Some(link) = link {
            self.attribute("href", link);
        }
        self.kept(tag, element);
        for name in ["src", "poster"] {
            let address = element.attr(name).filter(|_| matches!(tag, "audio" | "video"));
            if let Some(address) = address.and_then(|address| url::absolute(self.base, address)) {
                self.attribute(name, &url::public(&address));
            }
        }
        if matches!(tag, "audio" | "video") {
            self.attribute("controls", "");
        }
        self.written.out.push('>');
    }

    fn start(&mut self, tag: &str) {
        self.written.out.push('<');
        self.written.out.push_str(tag);
    }

    /// The attributes that stay as they are.
    fn kept(&mut self, tag: &str, element: &Element) {
        let names =
            ATTRIBUTES.iter().find(|(name, _)| *name == tag).map_or(&[] as &[&str], |(_, names)| names);
        for (name, value) in element.attrs() {
            let address = matches!(name, "href" | "src" | "poster" | "controls");
            if matches!(name, "lang" | "dir") || (names.contains(&name) && !address) {
                let value = text::line(value);
                let number =
                    !matches!(name, "width" | "height") || value.bytes().all(|byte| byte.is_ascii_digit());
                if number && !(value.is_empty() && name != "alt") {
                    self.attribute(name, &value);
                }
            }
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let out = &mut self.written.out;
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        push_escaped(out, value);
        out.push('"');
    }
}

/// What `name` is for us, under the name it will have.
fn role(name: &str) -> (&'static str, Role) {
    // Of a formula (`math`) the words stay; its `annotation` is the same once more for programs.
    const DROPPED: [&str; 32] = [
        "annotation",
        "annotation-xml",
        "applet",
        "area",
        "base",
        "button",
        "canvas",
        "datalist",
        "dialog",
        "embed",
        "frame",
        "frameset",
        "head",
        "iframe",
        "input",
        "link",
        "map",
        "meta",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "optgroup",
        "option",
        "param",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "title",
    ];
    const PARTS: [&str; 8] = ["caption", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"];
    const INLINE: [&str; 27] = [
        "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark", "q",
        "rp", "rt", "ruby", "s", "samp", "small", "strong", "sub", "sup", "time", "u", "var",
    ];
    let name = match name {
        "center" => "div",
        "strike" => "s",
        "tt" => "code",
        "image" => "img",
        name => name,
    };
    if DROPPED.binary_search(&name).is_ok() {
        return ("", Role::Dropped);
    }
    let Some(tag) = super::tag(name) else { return ("", Role::Unwrapped) };
    let role = match tag {
        "br" | "hr" | "img" | "col" | "source" | "wbr" => Role::Void,
        _ if PARTS.contains(&tag) => Role::Part,
        _ if INLINE.contains(&tag) => Role::Inline,
        _ => Role::Block,
    };
    (tag, role)
}

/// True for elements whose tags go, but which parted words.
fn breaks(name: &str) -> bool {
    matches!(
        name,
        "form" | "fieldset" | "header" | "footer" | "main" | "nav" | "address" | "menu" | "dir" | "legend"
    )
}

/// `text` with everything escaped that could begin markup.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text);
    out
}

fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut special = special.chars();
        out.push_str(match special.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            _ => "&quot;",
        });
        rest = special.as_str();
    }
    out.push_str(rest);
}
