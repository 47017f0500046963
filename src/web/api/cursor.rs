//! Where a client stands in a list that is read page by page. Opaque to clients, so that it may change.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    model::{ArticleId, Timestamp},
    store::Place,
};

/// A place in a list of articles, as a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor(pub(super) Place);

/// The parameter is none of ours.
pub(super) struct Broken;

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { published, first_seen, id } = self.0;
        let [published, first_seen] = [published, first_seen].map(|at| at.as_millis().to_be_bytes());
        let bytes = [published.as_slice(), &first_seen, id.as_bytes()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = Broken;

    fn from_str(text: &str) -> Result<Self, Broken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Broken)?;
        let (published, rest) = bytes.split_first_chunk::<8>().ok_or(Broken)?;
        let (first_seen, id) = rest.split_first_chunk::<8>().ok_or(Broken)?;
        let [published, first_seen] =
            [published, first_seen].map(|bytes| Timestamp::from_millis(i64::from_be_bytes(*bytes)));
        Ok(Self(Place {
            published,
            first_seen,
            id: ArticleId::from_bytes(id.try_into().map_err(|_| Broken)?),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    proptest! {
        #[test]
        fn survives_print_and_parse(
            [published, first_seen] in [-1_000_000_000_000_i64..9_000_000_000_000, 0..9_000_000_000_000],
            id: [u8; 16],
        ) {
            let [published, first_seen] = [published, first_seen].map(Timestamp::from_millis);
            let place = Place { published, first_seen, id: ArticleId::from_bytes(id) };
            let cursor = Cursor(place);
            assert_eq!(cursor.to_string().parse().ok(), Some(cursor));
        }

        #[test]
        fn anything_else_is_refused_or_a_place(text in any::<String>()) {
            drop(text.parse::<Cursor>());
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not a cursor!"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
