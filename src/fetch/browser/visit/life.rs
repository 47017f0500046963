//! How far a page has come. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How long a page with one or two requests that do not end (a stream of news, a count of visitors) has to be so.
const ALMOST: Duration = Duration::from_secs(3);

/// The document that the tab shows, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Life {
    loader: Option<String>,
    is_loaded: bool,
    /// No request was under way for half a second.
    is_idle: bool,
    /// At most two were.
    almost: Option<Instant>,
}

// === impl Life ===

impl Life {
    /// The tab shows another document from now on.
    pub(super) fn begin(&mut self, loader: &str) {
        if self.loader.as_deref() != Some(loader) {
            *self = Self { loader: Some(loader.to_owned()), ..Self::default() };
        }
    }

    /// Something happened to a document.
    pub(super) fn hear(&mut self, loader: &str, name: &str, now: Instant) {
        if self.loader.as_deref() != Some(loader) {
            return;
        }
        match name {
            "load" => self.is_loaded = true,
            "networkIdle" => self.is_idle = true,
            "networkAlmostIdle" => self.almost = self.almost.or(Some(now)),
            _ => {}
        }
    }

    /// Nothing more is waited for: what it was about to become is not let happen.
    pub(super) fn give_up(&mut self) {
        (self.is_loaded, self.is_idle) = (true, true);
    }

    /// Is there a document?
    pub(super) fn has_begun(&self) -> bool {
        self.loader.is_some()
    }

    /// Does nothing more come of it, as far as can be told?
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.is_loaded
            && (self.is_idle || self.almost.is_some_and(|since| now.duration_since(since) >= ALMOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_quiet_when_it_is_loaded_and_asks_for_nothing() {
        let mut life = Life::default();
        let now = Instant::now();
        life.hear("a", "load", now);
        assert!(!life.has_begun() && !life.is_quiet(now), "nothing was shown yet");
        life.begin("a");
        life.hear("b", "load", now);
        life.hear("a", "networkIdle", now);
        assert!(life.has_begun() && !life.is_quiet(now), "that was another document's");
        life.hear("a", "load", now);
        assert!(life.is_quiet(now));
        life.begin("a");
        assert!(life.is_quiet(now), "the same document");
        life.begin("c");
        life.hear("c", "load", now);
        life.hear("c", "networkAlmostIdle", now);
        life.hear("c", "networkAlmostIdle", now + ALMOST);
        assert!(!life.is_quiet(now));
        assert!(life.is_quiet(now + ALMOST));
    }
}
