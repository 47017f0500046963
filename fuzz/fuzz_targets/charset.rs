//! Bytes under any declaration: decoded text is text, and what is UTF-8 and says so comes through as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| invariants::targets::charset(data));
