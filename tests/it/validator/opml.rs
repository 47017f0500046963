//! OPML 2.0: <http://opml.org/spec2.opml>.

use super::{Findings, tree::Element, values};

pub(super) fn judge(opml: &Element, found: &mut Findings<'_>) {
    if opml.attribute("version") != Some("2.0") {
        found.add("InvalidOPMLVersion", opml.attribute("version").unwrap_or("none"));
    }
    let now = found.frame.now;
    match opml.one("", "head") {
        None => found.add("MissingElement", "head"),
        Some(head) => {
            for element in head.elements() {
                let text = element.text();
                match element.name.as_str() {
                    "title" | "ownerName" => {}
                    "dateCreated" | "dateModified" => {
                        found.check(&element.name, &text, values::rfc2822(&text, now));
                    }
                    other => found.add("UndefinedElement", other),
                }
            }
        }
    }
    match opml.one("", "body") {
        None => found.add("MissingElement", "body"),
        Some(body) if body.one("", "outline").is_none() => found.add("MissingElement", "outline"),
        Some(body) => body.elements().for_each(|child| outline(child, found)),
    }
}

fn outline(outline: &Element, found: &mut Findings<'_>) {
    if outline.name != "outline" {
        return found.add("UndefinedElement", &outline.name);
    }
    const KNOWN: &[&str] = &[
        "text",
        "title",
        "type",
        "xmlUrl",
        "htmlUrl",
        "description",
        "language",
        "version",
        "category",
        "created",
    ];
    for (_, name, _) in outline.attributes.iter().filter(|(_, name, _)| !KNOWN.contains(&name.as_str())) {
        found.add("UnexpectedAttribute", name);
    }
    for name in ["text", "title", "description"] {
        if let Some(text) = outline.attribute(name) {
            found.check(name, text, values::plain(text, false));
        }
    }
    if outline.attribute("text").is_none_or(str::is_empty) {
        found.add("MissingAttribute", "text");
    }
    match outline.attribute("type") {
        Some("rss") => {
            if outline.attribute("title").is_none() {
                found.add("MissingTitleAttr", "outline");
            }
            if outline.attribute("xmlUrl").is_none() {
                found.add("MissingXmlURL", "outline");
            }
        }
        Some(_) => {}
        None if outline.attribute("xmlUrl").is_some() || outline.attribute("title").is_some() => {
            found.add("MissingOutlineType", outline.attribute("text").unwrap_or_default());
        }
        None => {}
    }
    for name in ["xmlUrl", "htmlUrl"] {
        found.check(
            name,
            outline.attribute(name).unwrap_or_default(),
            outline.attribute(name).and_then(values::uri),
        );
    }
    if let Some(language) = outline.attribute("language") {
        found.check("language", language, values::language(language));
    }
    if let Some(version) = outline.attribute("version")
        && !["RSS", "RSS1", "RSS2", "scriptingNews"].contains(&version)
    {
        found.add("InvalidOutlineVersion", version);
    }
    outline.elements().for_each(|child| self::outline(child, found));
}
