//! XML as a tree of names, attributes and texts.

use quick_xml::{
    NsReader, XmlVersion,
    events::{BytesStart, Event},
    name::ResolveResult,
};

pub(super) const ATOM: &str = "http://www.w3.org/2005/Atom";

#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    /// Empty for none.
    pub(super) namespace: String,
    pub(super) name: String,
    /// Namespace, name, value; without the declarations of namespaces.
    pub(super) attributes: Vec<(String, String, String)>,
    pub(super) children: Vec<Node>,
    /// Was some of its text written as numeric references? The RSS profile asks for that where text looks like markup.
    pub(super) numeric: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub(super) fn all<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |child| child.namespace == namespace && child.name == name)
    }

    pub(super) fn one(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.elements().find(|child| child.namespace == namespace && child.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(space, own, _)| space.is_empty() && own == name).map(|(_, _, v)| &**v)
    }

    /// The text that stands directly in it.
    pub(super) fn own_text(&self) -> String {
        let texts = self.children.iter().filter_map(|child| match child {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// The same, as the validator compares it: without space around it.
    pub(super) fn text(&self) -> String {
        self.own_text().trim().to_owned()
    }
}

/// Reads a document to its end; the error is a sentence.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = NsReader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|cause| cause.to_string())?;
        let here = open.last_mut().expect("the document itself stays open");
        match &event {
            Event::Start(tag) => {
                let element = element(&reader, tag)?;
                open.push(element);
            }
            Event::Empty(tag) => {
                let element = element(&reader, tag)?;
                here.children.push(Node::Element(element));
            }
            Event::End(_) => {
                let done = open.pop().expect("the reader checks the order of ends");
                open.last_mut().ok_or("an end too many")?.children.push(Node::Element(done));
            }
            Event::Text(text) => put(here, &text.decode().map_err(|cause| cause.to_string())?),
            Event::CData(text) => put(here, &text.decode().map_err(|cause| cause.to_string())?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|cause| cause.to_string())?;
                match reference.resolve_char_ref().map_err(|cause| cause.to_string())? {
                    Some(c) => {
                        here.numeric = true;
                        put(here, c.encode_utf8(&mut [0; 4]));
                    }
                    None => put(
                        here,
                        quick_xml::escape::resolve_xml_entity(&name)
                            .ok_or("an entity that XML does not know")?,
                    ),
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::Eof => break,
        }
    }
    let document = open.pop().filter(|_| open.is_empty()).ok_or("an element is not closed")?;
    let mut roots = document.elements();
    let root = roots.next().ok_or("no element at all")?.clone();
    if roots.next().is_some() || !document.text().is_empty() {
        return Err("something stands beside the root element".to_owned());
    }
    Ok(root)
}

fn put(element: &mut Element, text: &str) {
    match element.children.last_mut() {
        Some(Node::Text(before)) => before.push_str(text),
        Some(Node::Element(_)) | None => element.children.push(Node::Text(text.to_owned())),
    }
}

fn element(reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<Element, String> {
    let space = |resolved: ResolveResult<'_>| match resolved {
        ResolveResult::Bound(space) => Ok(String::from_utf8_lossy(space.as_ref()).into_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => {
            Err(format!("the prefix {} is not declared", String::from_utf8_lossy(&prefix)))
        }
    };
    let (resolved, name) = reader.resolver().resolve_element(tag.name());
    let mut element = Element {
        namespace: space(resolved)?,
        name: String::from_utf8_lossy(name.as_ref()).into_owned(),
        ..Element::default()
    };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|cause| cause.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (resolved, name) = reader.resolver().resolve_attribute(attribute.key);
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|cause| cause.to_string())?
            .into_owned();
        element.attributes.push((
            space(resolved)?,
            String::from_utf8_lossy(name.as_ref()).into_owned(),
            value,
        ));
    }
    Ok(element)
}
