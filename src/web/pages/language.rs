//! In which of our two languages a page speaks.

use axum::http::{HeaderMap, header};

use crate::web::conditional::weighted;

/// A language of our pages. What sources say stays in theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Tiếng Việt
    Vietnamese,
    /// English
    English,
}

impl Language {
    /// The tag (BCP 47).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    /// The one that the page can be switched to.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Vietnamese => Self::English,
            Self::English => Self::Vietnamese,
        }
    }

    /// What `?lang=` asks for.
    pub(super) fn asked(query: &str) -> Option<Self> {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "lang")
            .and_then(|(_, tag)| Self::of(&tag))
    }

    /// What the browser prefers (RFC 9110, section 12.5.4); Vietnamese where it has no opinion.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
        let mut weights = [0; 2];
        for (range, weight) in values.flat_map(|value| value.split(',')).filter_map(weighted) {
            if let Some(language) = Self::of(range) {
                let place = &mut weights[usize::from(language == Self::English)];
                *place = weight.max(*place);
            }
        }
        if weights[1] > weights[0] { Self::English } else { Self::Vietnamese }
    }

    /// `vi`, `vi-VN`, `en-GB` …
    fn of(tag: &str) -> Option<Self> {
        match tag.split('-').next().map(str::to_ascii_lowercase).as_deref() {
            Some("vi") => Some(Self::Vietnamese),
            Some("en") => Some(Self::English),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use Language::{English, Vietnamese};

    use super::*;

    #[test]
    fn browsers_say_what_they_prefer() {
        let table = [
            ("", Vietnamese),
            ("vi-VN,vi;q=0.9,en-US;q=0.8,en;q=0.7", Vietnamese),
            ("en-GB,en;q=0.9", English),
            ("en;q=0.5, vi;q=0.9", Vietnamese),
            ("fr, en;q=0.3", English),
            ("fr, de", Vietnamese),
            ("en;q=0", Vietnamese),
            ("en;q=wrong", Vietnamese),
            ("*", Vietnamese),
        ];
        for (value, expected) in table {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value.parse().unwrap())]);
            assert_eq!(Language::preferred(&headers), expected, "{value}");
        }
    }

    #[test]
    fn the_address_may_ask() {
        assert_eq!(Language::asked("lang=en"), Some(English));
        assert_eq!(Language::asked("x=1&lang=VI-vn"), Some(Vietnamese));
        for none in ["", "lang=", "lang=xx", "language=en"] {
            assert_eq!(Language::asked(none), None, "{none}");
        }
    }
}
