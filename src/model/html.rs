//! The type that says "this markup is safe".

use std::fmt;

/// Sanitized HTML: absolute `http(s)` links, no scripts, no event handlers, characters that XML 1.0 allows.
///
/// There is one way to make one, `Html::sanitized`, and a tidy test lets only two files call it:
/// the sanitizer (`normalize/html.rs`) and the store's codec, which reads back what the sanitizer made.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Html(String);

impl Html {
    /// Marks `markup` as safe. Only for the sanitizer and the store.
    pub(crate) fn sanitized(markup: String) -> Self {
        Self(markup)
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
