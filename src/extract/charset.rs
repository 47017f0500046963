//! Bytes to text: what was declared, what it really is, and whether somebody lied.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::legacy::{Legacy, vietnamese_score};
use crate::model::Issue;

/// How far into a page its `<meta charset>` is looked for.
const PRESCAN: usize = 4096;

/// Decoded text and how it was decoded.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The text, without a byte order mark.
    pub(super) text: String,
    /// The encoding, as the WHATWG names it, lower case.
    pub(super) encoding: String,
    /// What was wrong.
    pub(super) issues: Vec<Issue>,
}

/// Which rules of declaration hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// BOM, HTTP, `<meta>` (HTML, section 13.2.3.2).
    Html,
    /// BOM, HTTP, XML declaration (RFC 7303, section 3).
    Xml,
}

/// An encoding of either table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    Known(&'static Encoding),
    Legacy(Legacy),
    Utf32 { big: bool },
}

/// Decodes `bytes`; never fails. `tld` is the last label of the host, a hint for undeclared bytes.
pub(super) fn decode(
    bytes: &[u8],
    content_type: Option<&str>,
    tld: Option<&str>,
    carrier: Carrier,
) -> Decoded {
    if let Some((charset, mark)) = byte_order_mark(bytes).or_else(|| wide(bytes).map(|found| (found, 0))) {
        return finish(charset, bytes.get(mark..).unwrap_or_default(), Vec::new());
    }
    let declared = declared(bytes, content_type, carrier);
    if declared.is_none_or(|said| said == Charset::Known(UTF_8))
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        let encoding = Charset::Known(UTF_8).name();
        return Decoded { text: text.to_owned(), encoding, issues: Vec::new() };
    }
    let (charset, issues) = settle(bytes, declared, tld);
    finish(charset, bytes, issues)
}

fn finish(charset: Charset, bytes: &[u8], mut issues: Vec<Issue>) -> Decoded {
    let (text, broken) = charset.decode(bytes);
    if broken && issues.is_empty() && !cut_in_character(charset, bytes) {
        let name = charset.name();
        issues.push(Issue::warning(
            "invalid-bytes",
            format!("some bytes are not `{name}`; they were replaced"),
        ));
    }
    Decoded { text, encoding: charset.name(), issues }
}

/// Which encoding it is, held against what the bytes can be.
fn settle(bytes: &[u8], declared: Option<Charset>, tld: Option<&str>) -> (Charset, Vec<Issue>) {
    let utf8 = Utf8::of(bytes);
    let lied = |charset: Charset| {
        let said = declared.map(Charset::name).unwrap_or_default();
        let message = format!("declared as `{said}`, but the bytes are `{}`", charset.name());
        (charset, vec![Issue::warning("wrong-charset", message)])
    };
    match declared {
        Some(Charset::Known(known)) if known == UTF_8 => {
            if utf8.broken <= utf8.sequences / 8 {
                return (Charset::Known(UTF_8), Vec::new());
            }
            lied(guess(bytes, tld))
        }
        // A wide encoding has zeros wherever there is markup, and they were looked for before.
        Some(charset) if charset.is_wide() && utf8.broken == 0 => lied(Charset::Known(UTF_8)),
        Some(charset) if charset.is_7_bit() => (charset, Vec::new()),
        Some(charset) if utf8.is_certain() && (charset.is_single_byte() || charset.decode(bytes).1) => {
            lied(Charset::Known(UTF_8))
        }
        Some(charset) if charset == Charset::Known(WINDOWS_1252) && !bytes.is_ascii() => {
            vietnamese(bytes, 0.3).map_or((charset, Vec::new()), lied)
        }
        Some(charset) => (charset, Vec::new()),
        None if utf8.broken == 0 || utf8.sequences > 8 * utf8.broken => (Charset::Known(UTF_8), Vec::new()),
        None => (guess(bytes, tld), Vec::new()),
    }
}

fn guess(bytes: &[u8], tld: Option<&str>) -> Charset {
    if let Some(found) = vietnamese(bytes, 0.3) {
        return found;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    // The detector asserts on hints that are not plain lower-case labels.
    let tld = tld.filter(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase()));
    Charset::Known(detector.guess(tld.map(str::as_bytes), Utf8Detection::Allow))
}

/// The Vietnamese encoding that turns the bytes into Vietnamese words, if one does.
fn vietnamese(bytes: &[u8], least: f32) -> Option<Charset> {
    /// Enough of a page to have words.
    const SAMPLE: usize = 64 * 1024;
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let known = [Charset::Known(encoding_rs::WINDOWS_1258)];
    let candidates = Legacy::ALL.into_iter().map(Charset::Legacy).chain(known);
    let scored = candidates.map(|charset| (vietnamese_score(&charset.decode(sample).0), charset));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= least).then_some(best.1)
}

/// A byte order mark and its length. UTF-32 is asked first: its mark begins like UTF-16's.
fn byte_order_mark(bytes: &[u8]) -> Option<(Charset, usize)> {
    let marks: [(&[u8], Charset); 5] = [
        (&[0xff, 0xfe, 0, 0], Charset::Utf32 { big: false }),
        (&[0, 0, 0xfe, 0xff], Charset::Utf32 { big: true }),
        (&[0xef, 0xbb, 0xbf], Charset::Known(UTF_8)),
        (&[0xff, 0xfe], Charset::Known(UTF_16LE)),
        (&[0xfe, 0xff], Charset::Known(UTF_16BE)),
    ];
    marks.into_iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(mark, charset)| (charset, mark.len()))
}

/// UTF-16 and UTF-32 without a mark, by the zeros around an opening `<` or `{` (XML 1.0, appendix F).
fn wide(bytes: &[u8]) -> Option<Charset> {
    match bytes {
        [b'<' | b'{', 0, 0, 0, ..] => Some(Charset::Utf32 { big: false }),
        [0, 0, 0, b'<' | b'{', ..] => Some(Charset::Utf32 { big: true }),
        [b'<' | b'{', 0, ..] => Some(Charset::Known(UTF_16LE)),
        [0, b'<' | b'{', ..] => Some(Charset::Known(UTF_16BE)),
        _ => None,
    }
}

/// What the carrier and the document say. A carrier's Latin-1 is often only a server's default, so the document's
/// own word is heard first then.
fn declared(bytes: &[u8], content_type: Option<&str>, carrier: Carrier) -> Option<Charset> {
    let outside = content_type.and_then(parameter).and_then(|label| Charset::for_label(&label));
    let head = String::from_utf8_lossy(bytes.get(..PRESCAN).unwrap_or(bytes));
    let inside = match carrier {
        Carrier::Html => meta(&head).or_else(|| prolog(&head)),
        Carrier::Xml => prolog(&head),
    };
    let inside = inside.and_then(|label| Charset::for_label(&label)).map(Charset::as_ascii_sees_it);
    match outside {
        Some(weak) if weak == Charset::Known(WINDOWS_1252) => inside.or(outside),
        Some(_) => outside,
        None => inside,
    }
}

/// `charset=` of a media type (RFC 9110, section 8.3.2).
fn parameter(content_type: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'', ' ']);
    label.split([';', '"', '\'', ' ', ',']).next().filter(|label| !label.is_empty()).map(str::to_owned)
}

/// The first `charset=` inside a `<meta>` tag outside of comments.
fn meta(head: &str) -> Option<String> {
    let mut lower = head.to_ascii_lowercase();
    while let Some((before, rest)) = lower.split_once("<!--") {
        let after = rest.split_once("-->").map_or("", |(_, after)| after);
        lower = format!("{before} {after}");
    }
    lower.split("<meta").skip(1).find_map(|tag| {
        let tag = tag.split('>').next().unwrap_or_default();
        let spaced = tag.replace("charset =", "charset=").replace("charset= ", "charset=");
        parameter(&spaced)
    })
}

/// `encoding=` of an XML declaration.
fn prolog(head: &str) -> Option<String> {
    let rest =
        head.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').strip_prefix("<?xml")?;
    let declaration = rest.split("?>").next()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.split(quote).nth(1).map(|label| label.trim().to_owned())
}

/// True when the only fault is a character cut in half at the very end.
fn cut_in_character(charset: Charset, bytes: &[u8]) -> bool {
    charset == Charset::Known(UTF_8)
        && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// How UTF-8 the bytes are.
struct Utf8 {
    /// Well-formed sequences of two bytes or more.
    sequences: usize,
    /// Ill-formed places; a character cut in half at the end is none.
    broken: usize,
}

// === impl Utf8 ===

impl Utf8 {
    fn of(bytes: &[u8]) -> Self {
        let mut found = Self { sequences: 0, broken: 0 };
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            found.sequences += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
            let cut = chunks.peek().is_none()
                && std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            found.broken += usize::from(!chunk.invalid().is_empty() && !cut);
        }
        found
    }

    /// Text in another encoding is practically never well-formed UTF-8 with characters outside of ASCII.
    fn is_certain(&self) -> bool {
        self.broken == 0 && self.sequences > 0
    }
}

// === impl Charset ===

impl Charset {
    /// `None` for what nobody knows, and for `x-user-defined`, which pages with ABC or VNI fonts declared.
    fn for_label(label: &str) -> Option<Self> {
        if let Some(legacy) = Legacy::for_label(label) {
            return Some(Self::Legacy(legacy));
        }
        let label = label.trim().to_ascii_lowercase().replace('_', "-");
        let label = match label.as_str() {
            "macroman" | "mac-roman" => "macintosh",
            "maccyrillic" | "mac-cyrillic" => "x-mac-cyrillic",
            "ms-cyrl" => "windows-1251",
            "ms-ansi" => "windows-1252",
            "cp932" | "ms932" => "shift_jis",
            "cp949" | "uhc" | "ms949" => "euc-kr",
            "cp936" | "ms936" => "gbk",
            "cp950" => "big5",
            "utf8mb4" | "utf-8-sig" => "utf-8",
            other => other,
        };
        match label {
            "utf-32" | "utf-32be" | "utf32" | "ucs-4" => Some(Self::Utf32 { big: true }),
            "utf-32le" => Some(Self::Utf32 { big: false }),
            _ => Encoding::for_label_no_replacement(label.as_bytes())
                .or_else(|| Encoding::for_label_no_replacement(label.replace('-', "_").as_bytes()))
                .filter(|known| *known != encoding_rs::X_USER_DEFINED)
                .map(Self::Known),
        }
    }

    /// A declaration that was readable as ASCII cannot stand in UTF-16 or UTF-32 (HTML, section 13.2.3.3).
    fn as_ascii_sees_it(self) -> Self {
        match self {
            Self::Utf32 { .. } => Self::Known(UTF_8),
            Self::Known(known) => Self::Known(known.output_encoding()),
            Self::Legacy(_) => self,
        }
    }

    fn is_single_byte(self) -> bool {
        match self {
            Self::Known(known) => known.is_single_byte(),
            Self::Legacy(_) => true,
            Self::Utf32 { .. } => false,
        }
    }

    fn is_wide(self) -> bool {
        matches!(self, Self::Utf32 { .. }) || self == Self::Known(UTF_16LE) || self == Self::Known(UTF_16BE)
    }

    /// Bytes of these are always well-formed UTF-8 as well.
    fn is_7_bit(self) -> bool {
        self == Self::Known(encoding_rs::ISO_2022_JP)
    }

    fn name(self) -> String {
        match self {
            Self::Known(known) => known.name().to_ascii_lowercase(),
            Self::Legacy(legacy) => legacy.name().to_owned(),
            Self::Utf32 { big } => (if big { "utf-32be" } else { "utf-32le" }).to_owned(),
        }
    }

    /// The text, and whether anything had to be replaced.
    fn decode(self, bytes: &[u8]) -> (String, bool) {
        match self {
            Self::Known(known) => {
                let (text, broken) = known.decode_without_bom_handling(bytes);
                (Cow::into_owned(text), broken)
            }
            Self::Legacy(legacy) => (legacy.decode(bytes), false),
            Self::Utf32 { big } => utf32(bytes, big),
        }
    }
}

fn utf32(bytes: &[u8], big: bool) -> (String, bool) {
    let (quads, rest) = bytes.as_chunks::<4>();
    let number = |quad: &[u8; 4]| if big { u32::from_be_bytes(*quad) } else { u32::from_le_bytes(*quad) };
    let text: String = quads.iter().map(|quad| char::from_u32(number(quad)).unwrap_or('\u{fffd}')).collect();
    let broken = !rest.is_empty() || text.contains('\u{fffd}');
    (text, broken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], content_type: Option<&str>, carrier: Carrier, expected: (&str, &str, &str)) {
        let decoded = decode(bytes, content_type, Some("vn"), carrier);
        let codes: Vec<_> = decoded.issues.iter().map(|issue| issue.code.as_str()).collect();
        let got = (decoded.encoding.as_str(), decoded.text.as_str(), codes.join(","));
        assert_eq!(got, (expected.0, expected.1, expected.2.to_owned()), "{bytes:?} {content_type:?}");
    }

    #[test]
    fn sequences_and_broken_places_are_counted() {
        let count = |bytes: &[u8]| {
            let found = Utf8::of(bytes);
            (found.sequences, found.broken)
        };
        for (bytes, expected) in [
            ("a ắ đ 😀".as_bytes(), (3, 0)),
            (b"\xff", (0, 1)),
            (b"\xc4\x91 \xff \xc4", (1, 1)),
            (b"\xc4\x91\xc4", (1, 0)),
        ] {
            assert_eq!(count(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn html_declarations_and_lies() {
        let html = |bytes: &[u8], content_type, expected| check(bytes, content_type, Carrier::Html, expected);
        html(b"", None, ("utf-8", "", ""));
        html("Quận".as_bytes(), None, ("utf-8", "Quận", ""));
        html("\u{feff}Quận".as_bytes(), Some("text/html; charset=big5"), ("utf-8", "Quận", ""));
        html("Quận".as_bytes(), Some("text/html; charset=iso-8859-1"), ("utf-8", "Quận", "wrong-charset"));
        html(
            "<meta charset=windows-1258>Quận".as_bytes(),
            None,
            ("utf-8", "<meta charset=windows-1258>Quận", "wrong-charset"),
        );
        html(
            b"<META content='text/html; charset = windows-1258'>Qu\xe2\xf2n",
            None,
            ("windows-1258", "<META content='text/html; charset = windows-1258'>Quâ\u{323}n", ""),
        );
        html(
            b"<!-- <meta charset=big5> --><meta charset=viscii>Qu\xa7n",
            Some("text/html; charset=ISO-8859-1"),
            ("viscii", "<!-- <meta charset=big5> --><meta charset=viscii>Quận", ""),
        );
        html(b"Qu\xcbn", Some("text/html;charset=\"x-viet-tcvn\""), ("x-viet-tcvn3", "Quận", ""));
        html(b"Qua\xe4n", Some("text/html; charset=x-viet-vni"), ("x-viet-vni", "Quận", ""));
        html(b"<p>plain", Some("text/html; charset=utf-16"), ("utf-8", "<p>plain", "wrong-charset"));
        html(b"caf\xe9", Some("text/html; charset=latin1"), ("windows-1252", "café", ""));
        // cut inside the last character: no lie, one replacement
        html("Quận quậ".as_bytes().get(..11).unwrap(), None, ("utf-8", "Quận qu\u{fffd}", ""));
        html(
            b"mot \xff byte t\xe1\xbb\x93i, nh\xc6\xb0ng \xe1\xbb\x9f \xc4\x91\xc3\xa2y \xc4\x91\xe1\xbb\xa7 d\xe1\xba\xa5u",
            Some("text/html; charset=utf-8"),
            ("utf-8", "mot \u{fffd} byte tồi, nhưng ở đây đủ dấu", "invalid-bytes"),
        );
    }

    #[test]
    fn undeclared_vietnamese() {
        let text = b"Qu\xcbn 1: Th\xabng b\xb8o v\xd2 k\xd5 ho\xb9ch c\xf1a \xf1y ban nh\xa9n d\xa9n th\xb5nh ph\xe8";
        let expected = "Quận 1: Thông báo về kế hoạch của ủy ban nhân dân thành phố";
        check(text, None, Carrier::Html, ("x-viet-tcvn3", expected, ""));
        check(text, Some("text/html; charset=x-user-defined"), Carrier::Html, ("x-viet-tcvn3", expected, ""));
        check(
            text,
            Some("text/html; charset=iso-8859-1"),
            Carrier::Html,
            ("x-viet-tcvn3", expected, "wrong-charset"),
        );
        check(
            text,
            Some("text/html; charset=utf-8"),
            Carrier::Html,
            ("x-viet-tcvn3", expected, "wrong-charset"),
        );
    }

    #[test]
    fn xml_declarations_and_wide_encodings() {
        let xml = |bytes: &[u8], content_type, expected| check(bytes, content_type, Carrier::Xml, expected);
        let lie = "<?xml version='1.0' encoding='iso-8859-1'?><a>Quận</a>";
        xml(lie.as_bytes(), None, ("utf-8", lie, "wrong-charset"));
        xml(
            b"<?xml version='1.0' encoding = \"windows-1258\"?><a>\xf0</a>",
            None,
            ("windows-1258", "<?xml version='1.0' encoding = \"windows-1258\"?><a>đ</a>", ""),
        );
        xml(
            b"<?xml encoding='koi8-r'?>\xf0",
            Some("text/xml; charset=windows-1251"),
            ("windows-1251", "<?xml encoding='koi8-r'?>р", ""),
        );
        for (big, mark) in [(true, false), (true, true), (false, false), (false, true)] {
            let text = if mark { "\u{feff}<a>đ" } else { "<a>đ" };
            let four: Vec<u8> = text
                .chars()
                .flat_map(|c| if big { u32::from(c).to_be_bytes() } else { u32::from(c).to_le_bytes() })
                .collect();
            xml(&four, None, (if big { "utf-32be" } else { "utf-32le" }, "<a>đ", ""));
            let two: Vec<u8> = text
                .encode_utf16()
                .flat_map(|c| if big { c.to_be_bytes() } else { c.to_le_bytes() })
                .collect();
            xml(&two, None, (if big { "utf-16be" } else { "utf-16le" }, "<a>đ", ""));
        }
        xml(b"<?xml encoding='utf-7'?>+ADw-", None, ("utf-8", "<?xml encoding='utf-7'?>+ADw-", ""));
    }

    proptest! {
        #[test]
        fn any_bytes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..200), label in "[ -~]{0,30}", tld in "[ -~]{0,4}") {
            for carrier in [Carrier::Html, Carrier::Xml] {
                let content_type = format!("text/html; charset={label}");
                let decoded = decode(&bytes, Some(&content_type), Some(&tld), carrier);
                prop_assert!(bytes.is_empty() || !decoded.encoding.is_empty());
            }
        }
    }
}
