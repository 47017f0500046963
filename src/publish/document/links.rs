//! Where a document stands, and which others belong to it.

use super::Channel;
use crate::{
    model::FeedId,
    publish::{Format, Settings},
};

/// An address of ours, but for the format: `STEM.atom?QUERY`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::publish) struct Address {
    pub(in crate::publish) stem: String,
    /// Empty, or beginning with `?`.
    pub(in crate::publish) query: String,
}

/// Other documents of the same feed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(in crate::publish) struct Links {
    /// Is this an archive (RFC 5005, section 4), which never changes?
    pub(in crate::publish) archive: bool,
    /// From an archive to the feed itself.
    pub(in crate::publish) current: Option<Address>,
    /// The archive before this document.
    pub(in crate::publish) prev_archive: Option<Address>,
    /// The archive after this one.
    pub(in crate::publish) next_archive: Option<Address>,
    /// The next page of a paged answer (RFC 5005, section 3).
    pub(in crate::publish) next: Option<Address>,
}

impl Address {
    /// The address of a feed without a query.
    pub(in crate::publish) fn of(settings: &Settings, feed: &FeedId) -> Self {
        let stem = format!("{}/feeds/{feed}", settings.base_url.trim_end_matches('/'));
        Self { stem, query: String::new() }
    }

    /// The same address behind `prefix`, which stands between our own address and `/feeds`.
    pub(in crate::publish) fn behind(self, prefix: Option<&str>) -> Self {
        match prefix {
            Some(prefix) => {
                Self { stem: self.stem.replacen("/feeds/", &format!("{prefix}/feeds/"), 1), ..self }
            }
            None => self,
        }
    }

    /// The address of a document.
    pub(in crate::publish) fn of_format(&self, format: Format) -> String {
        format!("{}.{}{}", self.stem, format.extension(), self.query)
    }
}

impl Channel {
    /// Other documents in the same format, and the hub, by how they are related: the hub first, as in the `Link`
    /// header, and each relation once.
    pub(in crate::publish) fn relations(&self, format: Format) -> Vec<(&'static str, String)> {
        let links = &self.links;
        let hub = self.hub.iter().map(|hub| ("hub", hub.clone()));
        let others = [
            ("self", Some(&self.own)),
            ("current", links.current.as_ref()),
            ("prev-archive", links.prev_archive.as_ref()),
            ("next-archive", links.next_archive.as_ref()),
            ("next", links.next.as_ref()),
        ];
        let others = others.into_iter().filter_map(|(rel, address)| Some((rel, address?.of_format(format))));
        hub.chain(others).collect()
    }
}

/// The `Link` header of a document: exactly one, the hub first, `rel` as the first and only parameter, which is
/// all that some readers understand (WebSub, section 4).
pub(in crate::publish) fn link_header(channel: &Channel, format: Format) -> String {
    let own = channel.own.of_format(format);
    match &channel.hub {
        Some(hub) => format!("<{hub}>; rel=\"hub\", <{own}>; rel=\"self\""),
        None => format!("<{own}>; rel=\"self\""),
    }
}
