//! Pages that list items, by every recipe.
#![no_main]

use invariants::{read, rules};
use libfuzzer_sys::fuzz_target;
use loaphuong::extract::Kind;

fuzz_target!(|data: &[u8]| {
    // The last byte chooses: pages in the corpus stay pages.
    let Some((selector, bytes)) = data.split_last() else { return };
    read(bytes, None, Kind::List, rules(*selector));
});
