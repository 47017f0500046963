//! Filters: printing one that was read gives a text that reads as the same filter and prints as the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| invariants::targets::filter(data));
