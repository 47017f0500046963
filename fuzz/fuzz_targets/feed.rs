//! Feeds of any format, well-formed or not.
#![no_main]

use invariants::{read, rules};
use libfuzzer_sys::fuzz_target;
use loaphuong::extract::Kind;

fuzz_target!(|data: &[u8]| {
    let found = read(data, None, Kind::Feed, rules(u8::MAX));
    // Bytes that were no feed say so.
    assert!(!found.format.is_empty() || found.issues.iter().any(|issue| issue.code != "no-date"));
    // What was read once is read again in the same way.
    let again = read(data, None, Kind::Feed, rules(u8::MAX));
    assert_eq!((found.items, found.issues), (again.items, again.issues));
});
