//! Is what was written what will be read? What goes lets texts meet, and a tree is not always what its tags make.

use std::borrow::Cow;

use super::write;
use crate::model::{markup, text};

/// What the writer wrote, with each text in NFC. Every node was composed by itself; but comments, empty elements and
/// tags that go can part a letter from its mark. Values of attributes are composed already, and a mark behind a tag
/// stands alone: tags are no text.
pub(super) fn composed(written: &str) -> Cow<'_, str> {
    if let Cow::Borrowed(same) = text::composed(written) {
        return Cow::Borrowed(same);
    }
    let mut out = String::with_capacity(written.len());
    for piece in written.split_inclusive('<') {
        // Texts and values have no `<` and no `>` of their own here.
        let (tag, rest) = piece.split_at(piece.find('>').map_or(0, |end| end + 1));
        let (said, begins) = rest.strip_suffix('<').map_or((rest, ""), |said| (said, "<"));
        out.push_str(tag);
        match text::composed(said) {
            Cow::Borrowed(same) => out.push_str(same),
            // Composed as what is shown: `&gt;` and the stroke through it are one sign.
            Cow::Owned(_) => out.push_str(&write::escape(&text::composed(&markup::decode(said)))),
        }
        out.push_str(begins);
    }
    Cow::Owned(out)
}

/// True when both have the same elements in the same places: then reading and writing again changes nothing.
///
/// Parsers build trees that no markup says: they move what stands between the cells of a table, also into a link
/// that a link cannot have in it, and what is dropped may have held elements apart. Written down, these are other
/// trees, and what was no empty element when it was written may be one when it is read.
pub(super) fn same_tags(written: &str, safe: &str) -> bool {
    tags(written).eq(tags(safe))
}

/// The names of the tags, those of ends with their slash. Texts and values have no `<` of their own.
fn tags(markup: &str) -> impl Iterator<Item = &str> {
    let name = |piece: &str| piece.find([' ', '>']).unwrap_or(piece.len());
    markup.split('<').skip(1).map(move |piece| piece.get(..name(piece)).unwrap_or_default())
}
