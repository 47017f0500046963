//! Markup in feeds: what the validator calls safe.

use scraper::{Html, node::Node};

use super::Findings;

/// Every element of HTML that the validator knows.
pub(super) const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "applet",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "basefont",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "command",
    "comment",
    "data",
    "datagrid",
    "datalist",
    "dd",
    "del",
    "details",
    "dfn",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "eventsource",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
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
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "isindex",
    "kbd",
    "label",
    "legend",
    "li",
    "link",
    "listing",
    "m",
    "main",
    "map",
    "mark",
    "menu",
    "meta",
    "meter",
    "nav",
    "noframes",
    "noscript",
    "object",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "param",
    "picture",
    "plaintext",
    "pre",
    "progress",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "slot",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
    "xmp",
];

/// Those of them that it calls a security risk.
const RISKS: &[&str] = &[
    "applet",
    "base",
    "basefont",
    "bdo",
    "body",
    "comment",
    "embed",
    "frame",
    "frameset",
    "head",
    "html",
    "iframe",
    "isindex",
    "link",
    "listing",
    "meta",
    "noframes",
    "object",
    "param",
    "plaintext",
    "script",
    "slot",
    "style",
    "title",
    "xmp",
];

/// Attributes of texts that it calls safe; of the many, those that a text has a use for.
const ATTRIBUTES: &[&str] = &[
    "abbr",
    "align",
    "alt",
    "axis",
    "border",
    "cellpadding",
    "cellspacing",
    "cite",
    "class",
    "colspan",
    "controls",
    "datetime",
    "dir",
    "headers",
    "height",
    "href",
    "hreflang",
    "id",
    "ismap",
    "kind",
    "label",
    "lang",
    "loading",
    "loop",
    "media",
    "muted",
    "name",
    "open",
    "poster",
    "preload",
    "rel",
    "reversed",
    "rowspan",
    "rules",
    "scope",
    "sizes",
    "span",
    "src",
    "srclang",
    "srcset",
    "start",
    "summary",
    "target",
    "title",
    "type",
    "usemap",
    "valign",
    "value",
    "width",
];

/// Everything that is wrong with a piece of markup.
pub(super) fn judge(place: &str, markup: &str, found: &mut Findings<'_>) {
    if markup.to_ascii_lowercase().contains("<?import ") {
        found.add("SecurityRisk", place);
    }
    let parsed = Html::parse_fragment(markup);
    for error in &parsed.errors {
        found.add("NotHtml", &format!("{place}: {error}: {markup}"));
    }
    for node in parsed.tree.nodes() {
        let Node::Element(element) = node.value() else { continue };
        // The parser puts these around every fragment; where a text has its own, that is an error already.
        if ["html", "head", "body"].contains(&element.name()) {
            continue;
        }
        if !ELEMENTS.contains(&element.name()) {
            found.add("NotHtml", &format!("{place}: <{}>", element.name()));
        } else if RISKS.contains(&element.name()) {
            found.add("SecurityRisk", &format!("{place}: <{}>", element.name()));
        }
        for (name, value) in element.attrs() {
            if name == "style" {
                found.add("DangerousStyleAttr", &format!("{place}: {value}"));
            } else if !ATTRIBUTES.contains(&name) && !name.starts_with("data-") {
                found.add("SecurityRiskAttr", &format!("{place}: {name}"));
            }
            if ["href", "src"].contains(&name) && !is_absolute(value) {
                found.add("ContainsRelRef", &format!("{place}: {value}"));
            }
        }
    }
}

fn is_absolute(address: &str) -> bool {
    let scheme = address.trim().split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.chars().all(|c| c.is_alphanumeric() || c == '_'))
}
