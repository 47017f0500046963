//! The last look at a document before anybody else sees it: is it really XML, is it really JSON?
//!
//! Readers differ in what they forgive; this one forgives nothing that XML 1.0 and Namespaces in XML forbid.

use quick_xml::{
    NsReader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
    name::ResolveResult,
};

use crate::model::text::is_xml;

/// Reads `body` as XML to its end: well-formed, every prefix declared, legal characters only. Returns how
/// many elements are called `item` (without prefix).
pub(super) fn xml(body: &[u8], item: &str) -> Result<usize, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let (mut depth, mut roots, mut items) = (0_usize, 0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                names(&reader, tag)?;
                items += usize::from(tag.name().as_ref() == item.as_bytes());
                roots += usize::from(depth == 0);
                depth += usize::from(matches!(event, Event::Start(_)));
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) => plain(&text.decode().map_err(|error| error.to_string())?, depth)?,
            Event::CData(text) if depth > 0 => legal(&text.decode().map_err(|error| error.to_string())?)?,
            Event::CData(_) => return Err("text outside of the root element".to_owned()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                Some(c) => legal(c.encode_utf8(&mut [0; 4]))?,
                None => entity(&reference.decode().map_err(|error| error.to_string())?)?,
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err("a document type declaration".to_owned()),
            Event::Eof => break,
        }
    }
    if depth == 0 && roots == 1 { Ok(items) } else { Err("not exactly one complete root element".to_owned()) }
}

/// Reads `body` as JSON to its end. Returns how many items `items` holds.
pub(super) fn json(body: &[u8]) -> Result<usize, String> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    value.get("items").and_then(|items| items.as_array()).map(Vec::len).ok_or_else(|| "no `items`".to_owned())
}

/// The element's and its attributes' prefixes are declared, the attributes are unique and readable.
fn names(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<(), String> {
    let resolver = reader.resolver();
    if let ResolveResult::Unknown(prefix) = resolver.resolve_element(tag.name()).0 {
        return Err(format!("undeclared prefix `{}`", String::from_utf8_lossy(&prefix)));
    }
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if let ResolveResult::Unknown(prefix) = resolver.resolve_attribute(attribute.key).0 {
            return Err(format!("undeclared prefix `{}`", String::from_utf8_lossy(&prefix)));
        }
        if attribute.value.contains(&b'<') {
            return Err("`<` in an attribute".to_owned());
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        legal(&value)?;
    }
    Ok(())
}

fn plain(text: &str, depth: usize) -> Result<(), String> {
    if depth == 0 && !text.trim_matches(['\u{feff}', ' ', '\n', '\r', '\t']).is_empty() {
        return Err("text outside of the root element".to_owned());
    }
    if text.contains("]]>") {
        return Err("`]]>` in text".to_owned());
    }
    legal(text)
}

fn entity(name: &str) -> Result<(), String> {
    resolve_xml_entity(name).map(drop).ok_or_else(|| format!("unknown entity `{name}`"))
}

fn legal(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !is_xml(*c)) {
        Some(c) => Err(format!("the character U+{:04X}, which XML forbids", u32::from(c))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_well_formed_and_counts_the_items() {
        let body = "<?xml version=\"1.0\"?>\n<rss xmlns:a=\"urn:a\"><item a:b=\"&#9;\"/><item>x&amp;<![CDATA[<]]></item></rss>\n";
        assert_eq!(xml(body.as_bytes(), "item"), Ok(2));
        assert_eq!(json(br#"{"items":[{},{}]}"#), Ok(2));
    }

    #[test]
    fn refuses_everything_that_some_reader_would_stumble_over() {
        let bad = [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "text<a/>",
            "<![CDATA[x]]><a/>",
            "<m:a/>",
            "<a m:b=\"1\"/>",
            "<a b=\"1\" b=\"2\"/>",
            "<a b=\"<\"/>",
            "<a b=\"&nbsp;\"/>",
            "<a b=\"\u{1}\"/>",
            "<a>&nbsp;</a>",
            "<a>& </a>",
            "<a>]]></a>",
            "<a>\u{0}</a>",
            "<a>\u{fffe}</a>",
            "<a><![CDATA[\u{b}]]></a>",
            "<a>&#8;</a>",
            "<!DOCTYPE a><a/>",
        ];
        for body in bad {
            assert!(xml(body.as_bytes(), "item").is_err(), "{body:?}");
        }
        assert!(xml(b"<a>\xff</a>", "item").is_err());
        for body in ["", "{", "{}", "{\"items\":1}", "{\"items\":[]} x", "{\"items\":[\"\\ud800\"]}"] {
            assert!(json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
