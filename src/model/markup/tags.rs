//! What the tree builder knows of element names.

use std::sync::LazyLock;

use super::table::Table;

/// What matters of an element's name.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a table of independent facts about names")]
pub(super) struct Kind {
    /// Never has content.
    pub(super) void: bool,
    /// In the list of active formatting elements.
    pub(super) formatting: bool,
    /// In the category "special".
    pub(super) special: bool,
    /// Ends the search for an element "in scope".
    pub(super) scope: bool,
    /// Closes an open `p`.
    pub(super) closes_p: bool,
    /// Does not open formatting elements again.
    pub(super) block: bool,
    /// `h1` to `h6`.
    pub(super) heading: bool,
    /// A part of a table.
    pub(super) table: bool,
    /// Puts a marker into the list of active formatting elements.
    pub(super) marker: bool,
    /// `svg` and `math`.
    pub(super) foreign: bool,
    /// HTML again inside `svg` or `math`; known only where the element stands, see [`Namespace::kind`].
    pub(super) integration: bool,
    /// Ends `svg` and `math`.
    pub(super) breakout: bool,
    /// Never a new element: there is one already.
    pub(super) ignored: bool,
    /// What is inside it, if that changes what tags do.
    pub(super) mode: Option<Mode>,
}

/// A lower-case name as a number: its bytes, the later ones folded over the first eight.
pub(super) const fn number(name: &[u8]) -> u64 {
    let mut value: u64 = 0;
    let mut at = 0;
    while at < name.len() {
        value = value.rotate_left(8) ^ (name[at].to_ascii_lowercase() as u64);
        if at >= 8 {
            value = value.wrapping_mul(0x0100_0000_01b3);
        }
        at += 1;
    }
    value
}

macro_rules! names {
    ($($name:ident = $text:literal),* $(,)?) => {
        $(pub(super) const $name: u64 = number($text.as_bytes());)*
    };
}

names! {
    P = "p", LI = "li", DD = "dd", DT = "dt", A = "a", NOBR = "nobr", BUTTON = "button", SELECT = "select",
    OPTION = "option", OPTGROUP = "optgroup", RP = "rp", RT = "rt", RB = "rb", RTC = "rtc", DIV = "div",
    ADDRESS = "address", TABLE = "table", TEMPLATE = "template", COL = "col", NOSCRIPT = "noscript",
    SCRIPT = "script", PLAINTEXT = "plaintext", TITLE = "title", TEXTAREA = "textarea", STYLE = "style",
    XMP = "xmp", IFRAME = "iframe", NOEMBED = "noembed", NOFRAMES = "noframes",
    BR = "br", HR = "hr", PRE = "pre", TR = "tr", TD = "td", TH = "th", TBODY = "tbody", THEAD = "thead", TFOOT = "tfoot",
}

const fn numbers<const N: usize>(names: [&str; N]) -> [u64; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = number(names[at].as_bytes());
        at += 1;
    }
    out
}

static VOID: [u64; 19] = numbers([
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input",
    "keygen", "link", "meta", "param", "source", "track", "wbr",
]);
static FORMATTING: [u64; 14] = numbers([
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
]);
static SPECIAL: [u64; 63] = numbers([
    "address",
    "applet",
    "article",
    "aside",
    "blockquote",
    "body",
    "button",
    "caption",
    "center",
    "colgroup",
    "dd",
    "details",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "html",
    "iframe",
    "li",
    "listing",
    "main",
    "marquee",
    "menu",
    "nav",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "ol",
    "p",
    "plaintext",
    "pre",
    "script",
    "section",
    "select",
    "style",
    "summary",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
]);
static SCOPE: [u64; 10] =
    numbers(["applet", "caption", "html", "table", "td", "th", "marquee", "object", "select", "template"]);
static CLOSES_P: [u64; 40] = numbers([
    "plaintext",
    "xmp",
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "header",
    "hgroup",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "search",
    "section",
    "summary",
    "ul",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "listing",
    "form",
    "li",
    "dd",
    "dt",
    "hr",
]);
static TABLE_PARTS: [u64; 10] =
    numbers(["caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr", "tbody"]);
static MARKERS: [u64; 7] = numbers(["applet", "caption", "marquee", "object", "td", "template", "th"]);
static BREAKOUT: [u64; 45] = numbers([
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "img",
    "li",
    "listing",
    "menu",
    "meta",
    "nobr",
    "ol",
    "p",
    "pre",
    "ruby",
    "s",
    "small",
    "span",
    "strong",
    "strike",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "var",
    "var",
]);

/// Every name of which something matters, with what it is: that is asked several times for each tag.
static KNOWN: LazyLock<Table<Kind, 512>> = LazyLock::new(|| {
    let sets: [&[u64]; 10] = [
        &VOID,
        &FORMATTING,
        &SPECIAL,
        &SCOPE,
        &CLOSES_P,
        &BLOCK,
        &HEADINGS,
        &TABLE_PARTS,
        &MARKERS,
        &BREAKOUT,
    ];
    let others = [SVG, MATH, HTML, HEAD, BODY, FRAMESET, FRAME, TABLE, TEMPLATE];
    let known = sets.into_iter().flatten().copied().chain(others);
    Table::of(known.map(|name| (name, look_up(name))))
});

/// What matters of the element `name`.
pub(super) fn kind(name: u64) -> Kind {
    KNOWN.get(name)
}

fn look_up(name: u64) -> Kind {
    let heading = (number(b"h1")..=number(b"h6")).contains(&name);
    let table = TABLE_PARTS.contains(&name);
    let closes_p = CLOSES_P.contains(&name);
    Kind {
        void: VOID.contains(&name),
        formatting: FORMATTING.contains(&name),
        special: SPECIAL.contains(&name),
        scope: SCOPE.contains(&name),
        closes_p,
        block: closes_p && name != XMP || table || BLOCK.contains(&name),
        heading,
        table,
        marker: MARKERS.contains(&name),
        foreign: matches!(name, SVG | MATH),
        integration: false,
        breakout: BREAKOUT.contains(&name),
        mode: Mode::inside(name),
        ignored: matches!(name, HTML | HEAD | BODY | FRAMESET | FRAME),
    }
}

names! { SVG = "svg", MATH = "math", HTML = "html", HEAD = "head", BODY = "body", FRAMESET = "frameset", FRAME = "frame" }

/// What stands around a tag decides what it does (WHATWG HTML, section 13.2.4.1, "insertion mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Body,
    Table,
    TableBody,
    Row,
    Cell,
    Caption,
    Columns,
    /// A `template` with nothing in it yet that says.
    Unknown,
}

// === impl Mode ===

impl Mode {
    /// How a template reads what stands directly in it, if its start tag `name` says (section 13.2.6.4.22).
    pub(super) fn of_template(name: u64) -> Option<Self> {
        match name {
            COL => Some(Self::Columns),
            TR => Some(Self::TableBody),
            TD | TH => Some(Self::Row),
            CAPTION | COLGROUP | TBODY | THEAD | TFOOT => Some(Self::Table),
            SCRIPT | STYLE | TITLE | TEMPLATE | NOFRAMES | BASE | BASEFONT | BGSOUND | LINK | META => None,
            _ => Some(Self::Body),
        }
    }

    /// What is inside the element `name`, if that changes it.
    fn inside(name: u64) -> Option<Self> {
        match name {
            TD | TH => Some(Self::Cell),
            TR => Some(Self::Row),
            TBODY | THEAD | TFOOT => Some(Self::TableBody),
            CAPTION => Some(Self::Caption),
            COLGROUP => Some(Self::Columns),
            TABLE => Some(Self::Table),
            TEMPLATE => Some(Self::Unknown),
            _ => None,
        }
    }
}

names! {
    CAPTION = "caption", BASE = "base", BASEFONT = "basefont", BGSOUND = "bgsound", LINK = "link", META = "meta",
    FORM = "form", INPUT = "input", RUBY = "ruby", OL = "ol", UL = "ul", COLGROUP = "colgroup",
    ANNOTATION = "annotation-xml",
}

pub(super) static BODIES: [u64; 3] = [TBODY, THEAD, TFOOT];
pub(super) static BODIES_OR_TEMPLATE: [u64; 4] = [TBODY, THEAD, TFOOT, TEMPLATE];
pub(super) static HEADINGS: [u64; 6] = numbers(["h1", "h2", "h3", "h4", "h5", "h6"]);
/// Elements whose end tags may be left out (section 13.2.6.3).
pub(super) static IMPLIED: [u64; 10] =
    numbers(["dd", "dt", "li", "option", "optgroup", "p", "rb", "rp", "rt", "rtc"]);
/// Formatting elements are not opened again before these, besides those that close a `p`.
static BLOCK: [u64; 22] = numbers([
    "table",
    "template",
    "script",
    "style",
    "title",
    "base",
    "basefont",
    "bgsound",
    "link",
    "meta",
    "noframes",
    "textarea",
    "iframe",
    "noembed",
    "param",
    "source",
    "track",
    "plaintext",
    "rb",
    "rtc",
    "rp",
    "rt",
]);

/// True when the tokenizer reads the element's content as text, up to its end tag.
pub(super) fn is_raw(name: u64, scripting: bool) -> bool {
    scripting && name == NOSCRIPT
        || matches!(name, SCRIPT | STYLE | TITLE | TEXTAREA | XMP | IFRAME | NOEMBED | NOFRAMES)
}

/// True when text before and after the tag stands on different lines.
pub(super) fn breaks_line(name: u64) -> bool {
    let facts = kind(name);
    facts.closes_p || facts.table || matches!(name, BR | HR | TABLE)
}

/// Where an element belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Html,
    Svg,
    Math,
}

// === impl Namespace ===

impl Namespace {
    /// Where an element `name` belongs that stands in HTML.
    pub(super) fn rooted_in(name: u64) -> Self {
        match name {
            SVG => Self::Svg,
            MATH => Self::Math,
            _ => Self::Html,
        }
    }

    /// What matters of the element `name` of `svg` or `math`.
    pub(super) fn kind(self, name: u64) -> Kind {
        let integration = match self {
            Self::Html => false,
            Self::Svg => SVG_INTEGRATION.contains(&name),
            Self::Math => MATH_INTEGRATION.contains(&name),
        };
        let scope = integration || (self == Self::Math && name == ANNOTATION);
        Kind { integration, scope, special: scope, ..Kind::default() }
    }
}

static SVG_INTEGRATION: [u64; 3] = numbers(["foreignobject", "desc", "title"]);
static MATH_INTEGRATION: [u64; 5] = numbers(["mi", "mo", "mn", "ms", "mtext"]);
static UNSURE: [u64; 2] = numbers(["annotation-xml", "font"]);

/// True when attributes, or what stands around, decide whether a tag in `svg` or `math` leads back to HTML.
pub(super) fn is_unsure(name: u64) -> bool {
    UNSURE.contains(&name)
}

/// True for elements that are `math`'s even where HTML would stand.
pub(super) fn is_glyph(name: u64) -> bool {
    name == number(b"mglyph") || name == number(b"malignmark")
}
