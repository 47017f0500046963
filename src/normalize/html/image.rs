//! Which address an image really has.

use ::url::Url;
use scraper::node::Element;

use crate::normalize::url;

/// Where scripts that load images late keep the address.
const LATE: [&str; 10] = [
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-actualsrc",
    "data-orig-file",
    "data-full-url",
    "data-hi-res-src",
    "data-echo",
    "data-image-src",
];

/// The image's address: where it is loaded late, that one; then `src`; then the largest of `srcset`.
pub(super) fn source(element: &Element, base: &Url) -> Option<Url> {
    let late = LATE.iter().filter_map(|name| element.attr(name));
    let sets = ["data-srcset", "data-lazy-srcset", "srcset"].iter().filter_map(|name| element.attr(name));
    late.chain(element.attr("src"))
        .find_map(|address| url::absolute(base, address))
        .or_else(|| sets.filter_map(largest).find_map(|address| url::absolute(base, address)))
        .filter(|address| !is_tracker(address))
}

/// The candidate of a `srcset` with the largest width or density (WHATWG HTML, section 4.8.4.2.1).
fn largest(set: &str) -> Option<&str> {
    let candidates = set.split(", ").map(str::trim).filter_map(|candidate| {
        let mut parts = candidate.trim_matches(',').split_whitespace();
        let address = parts.next()?;
        let size = parts.next().and_then(|size| size.trim_end_matches(['w', 'x']).parse::<f64>().ok());
        Some((address, size.unwrap_or(1.0)))
    });
    candidates.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(address, _)| address)
}

/// True for images that are there to count readers: at most 2 × 2, or not shown.
pub(super) fn is_pixel(element: &Element) -> bool {
    let style: String = element
        .attr("style")
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_lowercase();
    let styled = |name: &str| {
        let mut values =
            style.split(';').filter_map(|rule| rule.split_once(':')).filter(|(key, _)| *key == name);
        values.next().and_then(|(_, value)| value.strip_suffix("px").unwrap_or(value).parse::<f64>().ok())
    };
    let small = |name: &str| {
        let said =
            element.attr(name).and_then(|value| value.trim().trim_end_matches("px").parse::<f64>().ok());
        said.or_else(|| styled(name)).is_some_and(|size| size <= 2.0)
    };
    (small("width") && small("height"))
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

fn is_tracker(address: &Url) -> bool {
    const HOSTS: [&str; 7] = [
        "doubleclick.net",
        "google-analytics.com",
        "scorecardresearch.com",
        "pixel.wp.com",
        "stats.wordpress.com",
        "feedsportal.com",
        "quantserve.com",
    ];
    let host = address.host_str().unwrap_or_default();
    let known = HOSTS
        .iter()
        .any(|name| host == *name || host.strip_suffix(name).is_some_and(|sub| sub.ends_with('.')));
    known
        || (host.ends_with("facebook.com") && address.path() == "/tr")
        || (host.ends_with("feedburner.com") && address.path().starts_with("/~r/"))
}
