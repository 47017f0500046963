//! Date texts: whatever is read can be written, and what was written is read as the same instant.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| invariants::targets::date(data));
