//! Which vocabulary a name is from.

/// The vocabularies that feeds use, however their prefixes are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::extract) enum Ns {
    /// RSS, Atom, no namespace.
    Core,
    /// Dublin Core, elements and terms.
    Dc,
    /// `content:encoded`.
    Content,
    /// Media RSS.
    Media,
    /// Apple's podcast tags.
    Itunes,
    /// XHTML.
    Xhtml,
    /// Anything else.
    Other,
}

/// The vocabulary behind a namespace name, forgiving about its version, scheme and slash.
pub(super) fn vocabulary(uri: &str) -> Ns {
    let uri = uri.trim().to_ascii_lowercase();
    let has = |part: &str| uri.contains(part);
    if has("purl.org/rss/1.0/modules/content") {
        Ns::Content
    } else if has("purl.org/dc/elements") || has("purl.org/dc/terms") {
        Ns::Dc
    } else if has("search.yahoo.com/mrss") {
        Ns::Media
    } else if has("itunes") {
        Ns::Itunes
    } else if has("w3.org/1999/xhtml") {
        Ns::Xhtml
    } else if uri.is_empty()
        || has("w3.org/2005/atom")
        || has("purl.org/atom/ns")
        || has("purl.org/net/rss")
        || has("backend.userland.com/rss")
        || has("blogs.law.harvard.edu/tech/rss")
        || has("my.netscape.com/")
        || has("channel.netscape.com/")
        || (has("purl.org/rss/1.0") && !has("modules"))
    {
        Ns::Core
    } else {
        Ns::Other
    }
}

/// What a prefix means that nobody declared.
pub(super) fn conventional(prefix: &str) -> Ns {
    match prefix.to_ascii_lowercase().as_str() {
        "" | "atom" | "rss" | "rss1" => Ns::Core,
        "dc" | "dcterms" => Ns::Dc,
        "content" => Ns::Content,
        "media" => Ns::Media,
        "itunes" => Ns::Itunes,
        "xhtml" | "xh" => Ns::Xhtml,
        _ => Ns::Other,
    }
}
