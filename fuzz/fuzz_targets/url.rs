//! Addresses: public ones are stable, canonical ones name what their public one names and are stable themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| invariants::targets::url(data));
