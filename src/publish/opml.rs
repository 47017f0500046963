//! The catalogue of all feeds, as OPML 2.0: <https://opml.org/spec2.opml>.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::{
    Format,
    document::{Channel, Moment, unlike_markup},
};

/// Writes the catalogue of `channels`; their items do not matter.
///
/// `updated` is when an article of any of them last changed: the catalogue has no memory of its own changes,
/// and the time of rendering would be no date.
pub(super) fn render(title: &str, channels: &[Channel], updated: Option<Moment>) -> Result<Vec<u8>, String> {
    let mut writer = Writer::new(Vec::new());
    write(&mut writer, title, channels, updated).map_err(|error| error.to_string())?;
    Ok(writer.into_inner())
}

type Xml = Writer<Vec<u8>>;

fn write(xml: &mut Xml, title: &str, channels: &[Channel], updated: Option<Moment>) -> std::io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    xml.create_element("opml").with_attribute(("version", "2.0")).write_inner_content(|xml| {
        xml.create_element("head").write_inner_content(|xml| head(xml, title, updated))?;
        xml.create_element("body").write_inner_content(|xml| body(xml, channels))?;
        Ok(())
    })?;
    Ok(())
}

fn head(xml: &mut Xml, title: &str, updated: Option<Moment>) -> std::io::Result<()> {
    xml.create_element("title").write_text_content(BytesText::new(title))?;
    if let Some(updated) = updated {
        xml.create_element("dateModified").write_text_content(BytesText::new(&updated.rfc2822()))?;
    }

    Ok(())
}

/// Groups in the order of their first feeds, each with all of its feeds; feeds of no group stand by themselves.
fn body(xml: &mut Xml, channels: &[Channel]) -> std::io::Result<()> {
    for (at, channel) in channels.iter().enumerate() {
        let Some(group) = &channel.group else {
            outline(xml, channel)?;
            continue;
        };
        let is_member = |other: &&Channel| other.group.as_ref() == Some(group);
        if channels.iter().take(at).any(|before| is_member(&before)) {
            continue;
        }
        let heading = xml.create_element("outline").with_attribute(("text", &*unlike_markup(group)));
        heading.write_inner_content(|xml| {
            channels.iter().filter(is_member).try_for_each(|member| outline(xml, member))
        })?;
    }
    Ok(())
}

/// `type` is `rss` for every feed, whatever its format; Atom alone says both dates, so Atom it is.
fn outline(xml: &mut Xml, channel: &Channel) -> std::io::Result<()> {
    let (address, title) = (channel.own.of_format(Format::Atom), unlike_markup(&channel.title));
    let mut outline = xml.create_element("outline").with_attributes([
        ("type", "rss"),
        ("text", &*title),
        ("title", &title),
        ("description", &unlike_markup(&channel.description)),
        ("xmlUrl", &address),
        ("htmlUrl", &channel.home),
    ]);
    if let Some(language) = &channel.language {
        outline = outline.with_attribute(("language", language.as_str()));
    }
    outline.write_empty()?;
    Ok(())
}
