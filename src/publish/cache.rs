//! From rendered bytes to what is sent: tagged and dated once per version, packed once per coding.
//!
//! **`ETag`** is a hash of the bytes, one per representation, so it is the same after a restart.
//! **`Last-Modified`** is when the visible content last changed, taken from the articles. It moves exactly
//! when the tag moves: a change that no article dates (another title of the feed, an item that was pruned)
//! is dated one second after the version before, and so is one within the same second, because HTTP dates
//! have no finer grain. Those seconds are kept in memory only: a restart dates the same bytes by their
//! articles again. Clients that send a tag (all that matter) are decided by the tag. For one that sends a
//! date alone, a change that no article dates and that a restart stood before (another title, a pruned item)
//! becomes visible with the next article.

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU8, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::Settings;
use crate::model::{ArticleId, Revision, SourceId, Timestamp};

/// A content coding (RFC 9110, section 8.4.1) in which documents are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// `gzip`
    Gzip,
    /// `br` (RFC 7932)
    Brotli,
    /// `zstd` (RFC 8878)
    Zstd,
}

/// One version of a rendered document.
#[derive(Debug)]
pub struct Document {
    /// Media type with charset.
    pub content_type: &'static str,
    /// When the visible content last changed. Moves exactly when the tags move.
    pub last_modified: Timestamp,
    /// The `Link` header: hub, self, and where the story goes on.
    pub link: String,
    /// Is it for some eyes only?
    pub private: bool,
    /// How long it stays fresh.
    pub freshness: Arc<Freshness>,
    /// What it shows, for who asks what is new since this version.
    pub shows: Arc<[(ArticleId, Revision)]>,
    tag: String,
    representations: [OnceLock<Representation>; 4],
    /// In which codings this document was asked for, in any of its versions: one bit each. Not which of them this
    /// version has: one that nobody asked for in time must not end what the next one is packed in.
    wanted: Arc<AtomicU8>,
}

/// A document in one coding, with the fields that describe it as lines of an HTTP/1.1 head: names, colons,
/// values, and a line's end after each.
#[derive(Clone, Debug)]
pub struct Representation {
    /// What is sent.
    pub body: Bytes,
    /// Strong entity tag, quotes included.
    pub etag: String,
    /// The fields that a 304 repeats (RFC 9110, section 15.4.5) but for `Date` and `Cache-Control`, which tell
    /// the time.
    pub validators: String,
    /// The fields that only come with the bytes.
    pub description: String,
}

/// How long caches may keep what a feed says: until one of its sources is looked at again, within bounds.
#[derive(Debug)]
pub struct Freshness {
    /// Unix seconds; 0 while nobody said when.
    next: AtomicI64,
    usual: u64,
    least: u64,
    most: u64,
}

/// How long what never changes may be kept, in seconds: a week. A change of the configuration still gets through.
const LASTING: u64 = 7 * 24 * 3600;

/// What a version is made of.
pub(super) struct Version {
    /// What the document is called where it is sent.
    pub(super) content_type: &'static str,
    /// Its `Link` header.
    pub(super) link: String,
    /// Its bytes.
    pub(super) body: Vec<u8>,
    /// When its articles say that it last changed; never in the future.
    pub(super) changed: Timestamp,
    pub(super) private: bool,
    pub(super) freshness: Arc<Freshness>,
    pub(super) shows: Arc<[(ArticleId, Revision)]>,
}

/// The document of `version`; the previous one itself where nothing changed.
pub(super) fn document(version: Version, previous: Option<&Arc<Document>>) -> Arc<Document> {
    let Version { content_type, link, body, changed, private, freshness, shows } = version;
    let hash = blake3::hash(&body);
    let tag = URL_SAFE_NO_PAD.encode(hash.as_bytes().first_chunk::<16>().expect("a hash has 32 bytes"));
    let same = previous.filter(|previous| previous.tag == tag && previous.link == link);
    if let Some(same) =
        same.filter(|same| Arc::ptr_eq(&same.freshness, &freshness) && same.private == private)
    {
        return Arc::clone(same);
    }
    let changed = Timestamp::from_second(changed.as_second());
    let last_modified = match (same, previous) {
        (Some(same), _) => same.last_modified,
        (None, Some(previous)) => changed.max(Timestamp::from_second(previous.last_modified.as_second() + 1)),
        (None, None) => changed,
    };
    let representations = [const { OnceLock::new() }; 4];
    let wanted = previous.map(|previous| Arc::clone(&previous.wanted)).unwrap_or_default();
    let document = Document {
        content_type,
        last_modified,
        link,
        private,
        freshness,
        shows,
        tag,
        representations,
        wanted,
    };
    let identity = document.represent(Coding::Identity, exact(body));
    document.representations[Coding::Identity as usize].get_or_init(|| identity);
    Arc::new(document)
}

/// Bytes that take no more room than they need: buffers grow by doubling, and thousands of documents are kept.
fn exact(bytes: Vec<u8>) -> Bytes {
    bytes.into_boxed_slice().into()
}

// === impl Document ===

impl Document {
    /// The document in a coding, if it was packed.
    pub fn representation(&self, coding: Coding) -> Option<&Representation> {
        self.representations[coding as usize].get()
    }

    /// The document in a coding, packed now if it was not. Takes milliseconds: not for a worker of a runtime.
    pub fn pack(&self, coding: Coding) -> &Representation {
        self.wanted.fetch_or(1 << coding as u8, Ordering::Relaxed);
        self.representations[coding as usize]
            .get_or_init(|| self.represent(coding, coding.pack(&self.identity().body)))
    }

    /// The bytes as they are.
    pub fn identity(&self) -> &Representation {
        self.representation(Coding::Identity).expect("a document is made with its bytes")
    }

    /// The strong entity tag that the document has, or will have, in a coding; quotes included.
    pub fn etag(&self, coding: Coding) -> String {
        match coding.name() {
            Some(name) => format!("\"{}-{name}\"", self.tag),
            None => format!("\"{}\"", self.tag),
        }
    }

    /// What all its entity tags begin with.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The codings in which it was asked for, in whatever version.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Coding> {
        let wanted = self.wanted.load(Ordering::Relaxed);
        Coding::ALL.into_iter().filter(move |coding| wanted & (1 << *coding as u8) != 0)
    }

    /// `Cache-Control` at `now`, for shared caches too unless it is private.
    pub fn cache_control(&self, now: Timestamp) -> String {
        let (scope, seconds) = (self.scope(), self.freshness.seconds(now));
        if self.freshness.least >= LASTING {
            return format!("{scope}, max-age={seconds}, immutable");
        }
        format!("{scope}, max-age={seconds}, stale-while-revalidate=60, stale-if-error=86400")
    }

    /// `public` or `private`.
    pub fn scope(&self) -> &'static str {
        if self.private { "private" } else { "public" }
    }

    fn represent(&self, coding: Coding, body: Bytes) -> Representation {
        let etag = self.etag(coding);
        let mut validators = String::with_capacity(400);
        let mut description = String::with_capacity(200);
        let line = |text: &mut String, name: &str, value: &str| {
            if !value.is_empty() && value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                write!(text, "{name}: {value}\r\n").expect("writing to a String does not fail");
            }
        };
        line(&mut validators, "etag", &etag);
        line(&mut validators, "last-modified", &self.last_modified.http_date());
        line(&mut validators, "link", &self.link);
        line(&mut validators, "vary", "Accept-Encoding");
        if self.private {
            // Whoever holds the address may read: it must not travel on in a Referer, nor be found.
            line(&mut validators, "referrer-policy", "no-referrer");
            line(&mut validators, "x-robots-tag", "noindex");
        } else {
            line(&mut validators, "access-control-allow-origin", "*");
            line(&mut validators, "access-control-expose-headers", "ETag, Link, Last-Modified");
        }
        line(&mut description, "content-type", self.content_type);
        line(&mut description, "x-content-type-options", "nosniff");
        line(&mut description, "content-encoding", coding.name().unwrap_or_default());
        line(&mut description, "content-length", &body.len().to_string());
        Representation { body, etag, validators, description }
    }
}

// === impl Representation ===

impl Representation {
    /// The fields of `validators` or `description` as pairs.
    pub fn fields(lines: &str) -> impl Iterator<Item = (&str, &str)> {
        lines.split("\r\n").filter_map(|line| line.split_once(": "))
    }
}

// === impl Coding ===

impl Coding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Brotli, Self::Zstd];

    /// What `Content-Encoding` says; nothing for the bytes as they are.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The bytes in this coding. Deterministic: no name, no time in it.
    pub fn pack(self, body: &[u8]) -> Bytes {
        match self {
            Self::Identity => Bytes::copy_from_slice(body),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::default());
                let packed = encoder.write_all(body).and_then(|()| encoder.finish());
                exact(packed.expect("writing to memory does not fail"))
            }
            Self::Brotli => {
                let mut packed = Vec::with_capacity(body.len() / 3);
                let parameters =
                    brotli::enc::BrotliEncoderParams { quality: 5, lgwin: 20, ..Default::default() };
                let written = brotli::BrotliCompress(&mut &body[..], &mut packed, &parameters);
                written.expect("writing to memory does not fail");
                exact(packed)
            }
            Self::Zstd => {
                exact(zstd::bulk::compress(body, 6).expect("there is memory for a few hundred kilobytes"))
            }
        }
    }
}

// === impl Freshness ===

impl Freshness {
    /// Of a feed of `sources`.
    pub(super) fn new(settings: &Settings, sources: &[SourceId]) -> Self {
        let (least, most) = (settings.min_age.as_secs(), settings.max_age.as_secs());
        let usual = settings.interval(sources).as_secs();
        Self { next: AtomicI64::new(0), usual, least, most: most.max(least) }
    }

    /// Of what never changes.
    pub(super) fn lasting() -> Self {
        Self { next: AtomicI64::new(0), usual: LASTING, least: LASTING, most: LASTING }
    }

    /// Does it have the same bounds?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.usual, self.least, self.most) == (other.usual, other.least, other.most)
    }

    /// The source is looked at again at `next`.
    pub(super) fn expect(&self, next: Option<Timestamp>) {
        self.next.store(next.map_or(0, Timestamp::as_second), Ordering::Relaxed);
    }

    /// How many seconds from `now` a cache may keep the document.
    pub fn seconds(&self, now: Timestamp) -> u64 {
        match self.next.load(Ordering::Relaxed) {
            0 => self.usual,
            next => u64::try_from(next - now.as_second()).unwrap_or(0).clamp(self.least, self.most),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, time::Duration};

    use super::*;
    use crate::publish::{SourceInfo, tests::settings};

    fn fresh() -> Arc<Freshness> {
        Arc::new(Freshness::new(&settings(Vec::new()), &[]))
    }

    fn version(body: &str, second: i64, freshness: &Arc<Freshness>) -> Version {
        Version {
            content_type: "text/plain",
            link: "<https://tin.example.vn/x>; rel=\"self\"".to_owned(),
            body: body.as_bytes().to_vec(),
            changed: Timestamp::from_second(second),
            private: false,
            freshness: Arc::clone(freshness),
            shows: Arc::default(),
        }
    }

    #[test]
    fn the_date_moves_exactly_when_the_tag_moves() {
        let fresh = fresh();
        let first = document(version("a", 100, &fresh), None);
        let same = document(version("a", 200, &fresh), Some(&first));
        assert!(Arc::ptr_eq(&first, &same));
        let cases = [(100, 101), (99, 101), (101, 101), (500, 500)];
        for (changed, expected) in cases {
            let next = document(version("b", changed, &fresh), Some(&first));
            assert_ne!(next.tag, first.tag);
            assert_eq!(next.last_modified, Timestamp::from_second(expected), "{changed}");
        }
        let other = document(version("a", 300, &self::fresh()), Some(&first));
        assert_eq!(other.last_modified, first.last_modified, "how long it stays fresh is not what it says");
    }

    #[test]
    fn dates_have_whole_seconds() {
        let made = Version { changed: Timestamp::from_millis(1_999), ..version("a", 0, &fresh()) };
        assert_eq!(document(made, None).last_modified, Timestamp::from_second(1));
    }

    #[test]
    fn tags_are_strong_differ_by_coding_and_depend_on_the_bytes_alone() {
        let (one, two) =
            (document(version("a", 1, &fresh()), None), document(version("a", 2, &fresh()), None));
        let tags = Coding::ALL.map(|coding| one.etag(coding));
        assert_eq!(tags, Coding::ALL.map(|coding| two.etag(coding)));
        assert_eq!(tags[0].len(), 24);
        for (coding, suffix) in
            [(Coding::Gzip, "-gzip\""), (Coding::Brotli, "-br\""), (Coding::Zstd, "-zstd\"")]
        {
            assert_eq!(one.etag(coding), format!("{}{suffix}", tags[0].trim_end_matches('"')));
            assert_eq!(one.pack(coding).etag, one.etag(coding));
        }
    }

    #[test]
    fn packed_bytes_unpack_to_the_body_and_are_the_same_every_time() {
        let body = "tin tức ".repeat(1000);
        let (one, two) =
            (document(version(&body, 1, &fresh()), None), document(version(&body, 9, &fresh()), None));
        for coding in Coding::ALL {
            let packed = one.pack(coding).body.clone();
            assert_eq!(packed, two.pack(coding).body, "{coding:?}");
            let mut unpacked = Vec::new();
            match coding {
                Coding::Identity => unpacked = packed.to_vec(),
                Coding::Gzip => {
                    assert!(
                        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap() > 0
                    );
                }
                Coding::Brotli => brotli::BrotliDecompress(&mut &packed[..], &mut unpacked).unwrap(),
                Coding::Zstd => unpacked = zstd::bulk::decompress(&packed, 100_000).unwrap(),
            }
            assert_eq!(unpacked, body.as_bytes(), "{coding:?}");
            assert!(coding == Coding::Identity || packed.len() < body.len() / 10);
        }
    }

    #[test]
    fn a_head_has_whole_lines_and_nothing_that_a_header_cannot_carry() {
        let document = document(version("abc", 100, &fresh()), None);
        let packed = document.pack(Coding::Gzip);
        assert_eq!(
            packed.validators,
            format!(
                "etag: {}\r\nlast-modified: Thu, 01 Jan 1970 00:01:40 GMT\r\nlink: <https://tin.example.vn/x>; rel=\"self\"\r\n\
                 vary: Accept-Encoding\r\naccess-control-allow-origin: *\r\n\
                 access-control-expose-headers: ETag, Link, Last-Modified\r\n",
                document.etag(Coding::Gzip)
            )
        );
        let fields: Vec<_> = Representation::fields(&packed.description).collect();
        let length = packed.body.len().to_string();
        assert_eq!(fields[0], ("content-type", "text/plain"));
        assert_eq!(fields[2..], [("content-encoding", "gzip"), ("content-length", &length)]);
        let split = Version { link: "a\r\nset-cookie: x".to_owned(), ..version("a", 1, &fresh()) };
        assert!(!super::document(split, None).identity().validators.contains("cookie"));
    }

    #[test]
    fn what_is_private_is_shared_with_nobody() {
        let private = document(Version { private: true, ..version("a", 1, &fresh()) }, None);
        assert!(private.cache_control(Timestamp::default()).starts_with("private, max-age="));
        let fields = &private.identity().validators;
        assert!(!fields.contains("access-control") && fields.contains("x-robots-tag: noindex"));
    }

    #[test]
    fn freshness_ends_with_the_next_look_within_bounds() {
        let settings = Settings {
            min_age: Duration::from_secs(60),
            max_age: Duration::from_secs(900),
            sources: vec![SourceInfo {
                interval: Duration::from_secs(600),
                ..settings(Vec::new()).sources.remove(0)
            }],
            ..settings(Vec::new())
        };
        let freshness = Freshness::new(&settings, &["quan1".parse().unwrap()]);
        let now = Timestamp::from_second(10_000);
        assert_eq!(freshness.seconds(now), 600);
        for (next, expected) in [(10_300, 300), (10_030, 60), (9_000, 60), (99_999, 900)] {
            freshness.expect(Some(Timestamp::from_second(next)));
            assert_eq!(freshness.seconds(now), expected, "{next}");
        }
        freshness.expect(None);
        assert_eq!(freshness.seconds(now), 600);
    }
}
