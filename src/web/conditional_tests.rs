use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::{any, proptest};

use super::*;

const TAG: &str = "\"9f2c-gz\"";
const MODIFIED: &str = "2026-03-05T02:15:09.750Z";

fn headers(pairs: &[(HeaderName, &[u8])]) -> HeaderMap {
    let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap();
    pairs.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect()
}

fn has(pairs: &[(HeaderName, &[u8])]) -> bool {
    unchanged(&headers(pairs), TAG, Some(MODIFIED.parse().unwrap()))
}

#[test]
fn if_none_match_is_a_list_compared_weakly() {
    let table: [(&[u8], bool); 22] = [
        // RFC 9110, section 13.1.2
        (b"\"9f2c-gz\"", true),
        (b"W/\"9f2c-gz\"", true),
        (b"\"a\", \"9f2c-gz\"", true),
        (b"\"a\",W/\"b\" ,\t\"9f2c-gz\"", true),
        (b"*", true),
        (b" * ", true),
        (b"\"9f2c\"", false),
        (b"\"9F2C-GZ\"", false),
        // commas and odd bytes belong to a tag (section 8.8.3)
        (b"\"x,\", \"9f2c-gz\"", true),
        (b"\"\xe1\xbb\x87\", \"9f2c-gz\"", true),
        (b"\"x,9f2c-gz\"", false),
        // empty members count for nothing (section 5.6.1)
        (b",, \"9f2c-gz\" ,", true),
        (b"", false),
        (b",", false),
        // broken members are passed over, the others count
        (b"9f2c-gz", false),
        (b"9f2c-gz, \"9f2c-gz\"", true),
        (b"\"9f2c-gz\"x", false),
        (b"\"9f2c-gz", false),
        (b"w/\"9f2c-gz\"", false),
        (b"W/9f2c-gz, W/\"9f2c-gz\"", true),
        (b"\"a\", *", false),
        (b"\"\"", false),
    ];
    for (value, expected) in table {
        assert_eq!(has(&[(header::IF_NONE_MATCH, value)]), expected, "{}", value.escape_ascii());
    }
}

#[test]
fn several_lines_are_one_list() {
    assert!(has(&[(header::IF_NONE_MATCH, b"\"a\""), (header::IF_NONE_MATCH, b"\"9f2c-gz\"")]));
    assert!(!has(&[(header::IF_NONE_MATCH, b"\"a\""), (header::IF_NONE_MATCH, b"\"b\"")]));
}

#[test]
fn if_modified_since_means_not_newer_than() {
    let table: [(&[u8], bool); 17] = [
        // RFC 9110, section 13.1.3: seconds count, `Last-Modified` has no more
        (b"Thu, 05 Mar 2026 02:15:09 GMT", true),
        (b"Thu, 05 Mar 2026 02:15:10 GMT", true),
        (b"Thu, 05 Mar 2026 02:15:08 GMT", false),
        (b"Fri, 31 Dec 2049 23:59:59 GMT", true),
        // the obsolete forms (section 5.6.7)
        (b"Thursday, 05-Mar-26 02:15:09 GMT", true),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", false),
        (b"Thu Mar  5 02:15:09 2026", true),
        (b"Thu Mar  5 02:15:08 2026", false),
        // no HTTP-date: ignored
        (b"", false),
        (b"0", false),
        (b"-1", false),
        (b"never", false),
        (b"2026-03-05T02:15:09Z", false),
        (b"Thu, 05 Mar 2026 02:15:09 +0700", false),
        (b"Thu, 35 Mar 2026 02:15:09 GMT", false),
        (b"Thu, 05 Mar 2026 02:15:09 GMT; length=3", false),
        (b"\xff\xfe", false),
    ];
    for (value, expected) in table {
        assert_eq!(has(&[(header::IF_MODIFIED_SINCE, value)]), expected, "{}", value.escape_ascii());
    }
}

#[test]
fn the_tag_decides_where_both_are_sent() {
    const SINCE: (HeaderName, &[u8]) = (header::IF_MODIFIED_SINCE, b"Thu, 05 Mar 2026 02:15:09 GMT");
    const OLD: (HeaderName, &[u8]) = (header::IF_MODIFIED_SINCE, b"Thu, 05 Mar 2020 02:15:09 GMT");
    assert!(!has(&[(header::IF_NONE_MATCH, b"\"other\""), SINCE]));
    assert!(!has(&[(header::IF_NONE_MATCH, b"broken"), SINCE]));
    assert!(has(&[(header::IF_NONE_MATCH, b"\"9f2c-gz\""), OLD]));
}

#[test]
fn without_conditions_or_a_date_everything_is_sent() {
    let since = headers(&[(header::IF_MODIFIED_SINCE, b"Thu, 05 Mar 2026 02:15:09 GMT")]);
    assert!(!unchanged(&HeaderMap::new(), TAG, Some(MODIFIED.parse().unwrap())));
    assert!(!unchanged(&since, TAG, None));
}

#[test]
fn codings_are_sent_to_those_who_take_them() {
    use Coding::{Brotli, Gzip, Identity, Zstd};
    let table: [(&[u8], Coding); 29] = [
        // RFC 9110, section 12.5.3
        (b"gzip", Gzip),
        (b"x-gzip", Gzip),
        (b"GZIP", Gzip),
        (b"gzip, deflate, br", Brotli),
        (b"gzip, deflate, br, zstd", Brotli),
        (b"gzip, zstd", Zstd),
        (b"gzip;q=1.0, br;q=0.9, zstd;q=0.9", Gzip),
        (b"br;q=0, gzip", Gzip),
        (b"br;q=0.5, *;q=0.8", Zstd),
        (b"br;q=1.0, gzip;q=0.8, *;q=0.1", Brotli),
        (b"deflate,gzip ;\tq=0.001", Gzip),
        (b"gzip;q=0.3333333", Gzip),
        (b"*", Brotli),
        (b"identity;q=0.5, *;q=0.5", Brotli),
        (b"gzip;q=1;q=0", Gzip),
        (b"identity;q=0, gzip", Gzip),
        (b"", Identity),
        (b"br", Brotli),
        (b"gzip;q=0", Identity),
        (b"gzip;q=0.000", Identity),
        (b"gzip; Q=0", Identity),
        (b"*;q=0", Identity),
        (b"gzip;q=0, *", Brotli),
        (b"identity, gzip;q=0.5", Identity),
        // nothing acceptable is left: without a coding ("should … without any content coding")
        (b"identity;q=0", Identity),
        // no weight (section 12.4.2)
        (b"gzip;q=2", Identity),
        (b"gzip;q=nan", Identity),
        (b"gzip;q=", Identity),
        (b";q=1,,", Identity),
    ];
    for (value, expected) in table {
        assert_eq!(
            coding(&headers(&[(header::ACCEPT_ENCODING, value)])),
            expected,
            "{}",
            value.escape_ascii()
        );
    }
    assert_eq!(coding(&HeaderMap::new()), Identity);
}

proptest! {
    #[test]
    fn no_header_can_stop_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let all = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::ACCEPT_ENCODING];
            for name in all {
                let headers = HeaderMap::from_iter([(name, value.clone())]);
                coding(&headers);
                unchanged(&headers, TAG, Some(Timestamp::MAX));
            }
        }
    }

    #[test]
    fn a_tag_that_was_sent_is_recognized(tag in "\"[!#-~]{0,20}\"", others in "(\"[!#-~]{0,5}\" ?, ?){0,3}") {
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, format!("{others}{tag}").parse().unwrap())]);
        assert!(unchanged(&headers, &tag, None));
    }
}
