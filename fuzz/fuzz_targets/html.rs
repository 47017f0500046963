//! The sanitizer: whatever comes in, what goes out is safe and sanitizes to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| invariants::targets::html(data));
