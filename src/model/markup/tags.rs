//! What the tree builder knows of element names.

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
    /// HTML again inside `svg` or `math`.
    pub(super) integration: bool,
    /// Ends `svg` and `math`.
    pub(super) breakout: bool,
    /// Never a new element: there is one already.
    pub(super) ignored: bool,
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
/// Also `noscript`: with or without scripting, nothing in it closes what is outside.
static SCOPE: [u64; 16] = numbers([
    "applet", "caption", "html", "table", "td", "th", "marquee", "object", "select", "template", "noscript",
    "mi", "mo", "mn", "ms", "mtext",
]);
static CLOSES_P: [u64; 38] = numbers([
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
static INTEGRATION: [u64; 9] =
    numbers(["foreignobject", "desc", "title", "mi", "mo", "mn", "ms", "mtext", "annotation-xml"]);
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

/// What matters of the element `name`.
pub(super) fn kind(name: u64) -> Kind {
    let heading = (number(b"h1")..=number(b"h6")).contains(&name);
    let table = TABLE_PARTS.contains(&name);
    let closes_p = CLOSES_P.contains(&name);
    Kind {
        void: VOID.contains(&name),
        formatting: FORMATTING.contains(&name),
        special: SPECIAL.contains(&name),
        scope: SCOPE.contains(&name) || INTEGRATION.contains(&name),
        closes_p,
        block: closes_p || table || matches!(name, TABLE | TEMPLATE | SCRIPT | STYLE | TITLE | NOSCRIPT),
        heading,
        table,
        marker: MARKERS.contains(&name),
        foreign: matches!(name, SVG | MATH),
        integration: INTEGRATION.contains(&name),
        breakout: BREAKOUT.contains(&name),
        ignored: matches!(name, HTML | HEAD | BODY | FRAMESET),
    }
}

names! { SVG = "svg", MATH = "math", HTML = "html", HEAD = "head", BODY = "body", FRAMESET = "frameset" }

/// What a part of a table stands directly in.
pub(super) fn table_context(name: u64) -> &'static [u64] {
    match name {
        TD | TH => &[TR],
        TR => &[TBODY, THEAD, TFOOT],
        COL => &[COLGROUP],
        _ => &[],
    }
}

names! { COLGROUP = "colgroup" }

/// True when the tokenizer reads the element's content as text, up to its end tag.
pub(super) fn is_raw(name: u64) -> bool {
    matches!(name, SCRIPT | STYLE | TITLE | TEXTAREA | XMP | IFRAME | NOEMBED | NOFRAMES)
}

/// True when text before and after the tag stands on different lines.
pub(super) fn breaks_line(name: u64) -> bool {
    let facts = kind(name);
    facts.closes_p || facts.table || matches!(name, BR | HR | TABLE)
}
