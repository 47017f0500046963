//! From rendered bytes to what is sent: checked, packed, tagged and dated once per version.
//!
//! **`ETag`** is a hash of the bytes, one per representation, so it is the same after a restart.
//! **`Last-Modified`** is when the visible content last changed, taken from the articles. It moves exactly
//! when the tag moves: a change that no article dates (another title of the feed, an item that was pruned)
//! is dated one second after the version before, and so is one within the same second, because HTTP dates
//! have no finer grain. That second is kept in memory only: after a restart the date may go back by it.
//! Clients that send a tag (all that matter) are decided by the tag; one that sends a date alone holds the
//! same content or an older date, except after a restart with other settings, where it sees the new title
//! with the next article.

use std::{io::Write, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::Document;
use crate::model::Timestamp;

/// What a version is made of.
pub(super) struct Version {
    /// What the document is called where it is sent.
    pub(super) content_type: &'static str,
    /// Its own address.
    pub(super) address: String,
    /// Its bytes.
    pub(super) body: Vec<u8>,
    /// When its articles say that it last changed; never in the future.
    pub(super) changed: Timestamp,
}

/// The document of `version`; the previous one itself where nothing changed.
pub(super) fn document(version: Version, previous: Option<&Arc<Document>>) -> Arc<Document> {
    let Version { content_type, address, body, changed } = version;
    let hash = blake3::hash(&body);
    let tag = URL_SAFE_NO_PAD.encode(hash.as_bytes().first_chunk::<16>().expect("a hash has 32 bytes"));
    let link = format!("<{address}>; rel=\"self\"");
    let etag = format!("\"{tag}\"");
    if let Some(previous) = previous.filter(|previous| previous.etag == etag && previous.link == link) {
        return Arc::clone(previous);
    }
    let changed = Timestamp::from_second(changed.as_second());
    let after = previous.map(|previous| Timestamp::from_second(previous.last_modified.as_second() + 1));
    Arc::new(Document {
        content_type,
        gzip: gzip(&body),
        body: Bytes::from(body),
        etag,
        etag_gzip: format!("\"{tag}-gz\""),
        last_modified: after.map_or(changed, |after| changed.max(after)),
        link,
    })
}

/// Deterministic: no name, no time.
fn gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::default());
    let packed = encoder.write_all(body).and_then(|()| encoder.finish());
    Bytes::from(packed.expect("writing to memory does not fail"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn version(body: &str, second: i64) -> Version {
        Version {
            content_type: "text/plain",
            address: "https://tin.example.vn/x".to_owned(),
            body: body.as_bytes().to_vec(),
            changed: Timestamp::from_second(second),
        }
    }

    #[test]
    fn the_date_moves_exactly_when_the_tag_moves() {
        let first = document(version("a", 100), None);
        let same = document(version("a", 200), Some(&first));
        assert!(Arc::ptr_eq(&first, &same));
        let cases = [(100, 101), (99, 101), (101, 101), (500, 500)];
        for (changed, expected) in cases {
            let next = document(version("b", changed), Some(&first));
            assert_ne!(next.etag, first.etag);
            assert_eq!(next.last_modified, Timestamp::from_second(expected), "{changed}");
        }
    }

    #[test]
    fn dates_have_whole_seconds() {
        let made = Version { changed: Timestamp::from_millis(1_999), ..version("a", 0) };
        assert_eq!(document(made, None).last_modified, Timestamp::from_second(1));
    }

    #[test]
    fn tags_are_strong_differ_by_encoding_and_depend_on_the_bytes_alone() {
        let (one, two) = (document(version("a", 1), None), document(version("a", 2), None));
        assert_eq!((&one.etag, &one.etag_gzip), (&two.etag, &two.etag_gzip));
        assert_eq!(one.etag.len(), 24);
        assert_eq!(one.etag_gzip, one.etag.replacen("\"", "", 1).replace('"', "-gz\"").replacen("", "\"", 1));
        assert_eq!(one.link, "<https://tin.example.vn/x>; rel=\"self\"");
    }

    #[test]
    fn gzip_unpacks_to_the_body_and_is_the_same_every_time() {
        let body = "tin tức ".repeat(1000);
        let (one, two) = (document(version(&body, 1), None), document(version(&body, 9), None));
        assert_eq!(one.gzip, two.gzip);
        assert!(one.gzip.len() < body.len() / 10);
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&one.gzip[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, body);
    }
}
