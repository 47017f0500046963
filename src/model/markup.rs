//! How expensive is this markup? One linear look before any HTML parser sees it.
//!
//! A conforming tree builder walks its stack of open elements for most tags, so that its time grows with the square
//! of the depth, and it copies unclosed formatting elements into every paragraph that follows. Both are cheap
//! to send. [`max_open_depth`] follows the tree builder's rules (WHATWG HTML, section 13.2.6) for the stack and the
//! list of active formatting elements, without building anything.

mod builder;
mod entities;
mod plain;
mod scan;
mod table;
mod tags;

use builder::Builder;
pub use entities::{decode, decode_if, decode_letters};
pub use plain::to_text;
use scan::{Event, Scanner};

/// Deeper markup than this is not parsed.
pub const MAX_DEPTH: usize = 512;

/// The most bytes of formatting elements that a parser may have to copy before we refuse.
const MAX_COPIED: usize = 4 << 20;

/// The most attributes on one tag: parsers compare each with all others.
const MAX_ATTRIBUTES: usize = 1_000;

/// How deep a parser's stack would get, at most, for `html`; linear time.
///
/// Counting stops above [`MAX_DEPTH`]. Markup that costs a parser more than linear time for another reason
/// (floods of copied formatting elements or of attributes) is reported as `usize::MAX`.
pub fn max_open_depth(html: &str) -> usize {
    let (depth, has_noscript) = depth(html, false);
    // Where scripts run, what `noscript` holds is text.
    if depth <= MAX_DEPTH && has_noscript { depth.max(self::depth(html, true).0) } else { depth }
}

/// The same for a whole page, whose parser takes what `noscript` holds for text, as browsers do.
pub fn max_open_depth_of_page(html: &str) -> usize {
    depth(html, true).0
}

/// The depth, and whether there is a `noscript`.
fn depth(html: &str, scripting: bool) -> (usize, bool) {
    let mut builder = Builder::default();
    let mut scanner = Scanner::new(html.as_bytes(), scripting);
    while let Some(event) = scanner.next(builder.reading()) {
        match event {
            Event::Text { from, to } => builder.text(html.as_bytes()[from..to].trim_ascii().is_empty()),
            Event::Start { attributes, .. } if attributes > MAX_ATTRIBUTES => {
                return (usize::MAX, false);
            }
            Event::Start { name, tag, self_closing, .. } => builder.start(name, tag, self_closing),
            Event::End { name } => builder.end(name),
        }
        if builder.copied > MAX_COPIED {
            return (usize::MAX, false);
        }
        if builder.deepest > MAX_DEPTH || builder.formats() > MAX_DEPTH {
            return (builder.deepest.max(builder.formats()), false);
        }
    }
    let deepest = if scanner.ambiguous { builder.deepest.max(scanner.start_tags()) } else { builder.deepest };
    (deepest, scanner.has_noscript)
}

#[cfg(test)]
mod tests;
