//! Addresses: public ones are stable, canonical ones name what their public one names and are stable themselves.
#![no_main]

use invariants::{BASE, public, rules};
use libfuzzer_sys::fuzz_target;
use loaphuong::normalize::url;
use ::url::Url;

fuzz_target!(|data: &[u8]| {
    let Some((selector, bytes)) = data.split_last() else { return };
    let Ok(href) = std::str::from_utf8(bytes) else { return };
    let Some(address) = url::absolute(&BASE, href) else { return };
    let rules = &rules(*selector).1.url;
    let shown = url::public(&address);
    public(&shown);
    let canonical = url::canonical(&address, rules);
    let of_shown = Url::parse(&shown).map(|shown| url::canonical(&shown, rules));
    assert_eq!(of_shown.as_ref(), Ok(&canonical), "{href:?} is shown as {shown}");
    let named =
        Url::parse(&format!("https:{canonical}")).expect("a canonical form is an address without its scheme");
    assert_eq!(url::canonical(&named, rules), canonical, "{href:?}");
});
