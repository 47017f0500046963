//! Texts of which nothing can be shown: what they say in other ways.

use scraper::{Html, Node};

use super::write::{Written, escape};
use crate::{model::Issue, normalize::text};

/// The most that stands in, in bytes: names of pictures, not another text.
const LONGEST: usize = 4_096;

/// What was written; where that is nothing, what its drawings and images are called.
///
/// A text may be one drawing (SVG), or an image without an address. Feeds cannot carry the first, and nobody can
/// show the second; but `title`, `desc` and `text` of a drawing and the `alt` of an image are words, made for this.
/// Beside other text they are labels of icons, and stay out.
pub(super) fn or_instead(mut written: Written, parsed: &Html, issues: &mut Vec<Issue>) -> Written {
    if !written.out.trim().is_empty() {
        return written;
    }
    let (mut drawn, mut words) = (false, String::new());
    for node in parsed.tree.root().descendants() {
        let said = match node.value() {
            Node::Element(element) if element.name() == "img" => element.attr("alt"),
            Node::Element(element) => {
                drawn |= element.name() == "svg";
                None
            }
            Node::Text(said) if drawn && is_label(node) => Some(&**said),
            _ => None,
        };
        let line = said.map(text::line).unwrap_or_default();
        if !line.is_empty() && words.len() + line.len() < LONGEST {
            words.push_str(&format!("<p>{}</p>", escape(&line)));
        }
    }
    if drawn {
        issues.push(Issue::warning(
            "drawing-left-out",
            "the text is a drawing (SVG), which feeds cannot carry: only its words are kept",
        ));
    }
    if !words.is_empty() {
        written.out = words;
    }
    written
}

/// Is this text a word of a drawing, and none of its style sheets and scripts?
fn is_label(node: ego_tree::NodeRef<'_, Node>) -> bool {
    let named = |names: &[&str]| {
        node.ancestors()
            .filter_map(|above| above.value().as_element())
            .any(|above| names.contains(&above.name()))
    };
    named(&["svg"]) && named(&["title", "desc", "text"]) && !named(&["style", "script"])
}
