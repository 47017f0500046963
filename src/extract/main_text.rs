//! The main text of a page without a recipe.

use std::panic;

use dom_smoothie::{Config, Readability, TextMode};
use url::Url;

use crate::model::markup;

/// More elements than any article page has; the finder's time grows with them.
const MAX_ELEMENTS: usize = 60_000;

/// Characters to escape, times bytes: its serializer looks at the rest of a text again for each of them.
const MAX_ESCAPING: usize = 1 << 33;

/// The markup around what reads like the article; `None` when nothing does.
pub(super) fn find(text: &str, url: &Url) -> Option<String> {
    let specials = text.bytes().filter(|byte| matches!(byte, b'&' | 0xc2)).count();
    if markup::max_open_depth(text) > markup::MAX_DEPTH || specials.saturating_mul(text.len()) > MAX_ESCAPING
    {
        return None;
    }
    let config =
        Config { max_elements_to_parse: MAX_ELEMENTS, text_mode: TextMode::Raw, ..Config::default() };
    // A heuristic of another crate over hostile input: its panic is "nothing found", not the end of a task.
    let grabbed = panic::catch_unwind(|| {
        let base = Some(url.as_str()).filter(|url| url.starts_with("http"));
        Readability::new(text, base, Some(config)).and_then(|mut page| page.parse()).ok()
    });
    let article = grabbed.ok().flatten()?;
    Some(article.content.to_string()).filter(|content| !content.trim().is_empty())
}
