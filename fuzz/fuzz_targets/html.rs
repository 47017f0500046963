//! The sanitizer: whatever comes in, what goes out is safe and sanitizes to itself.
#![no_main]

use invariants::{BASE, public, sanitized};
use libfuzzer_sys::fuzz_target;
use loaphuong::normalize::html;

fuzz_target!(|text: &str| {
    for kind in [None, Some("text/plain")] {
        let cleaned = html::clean(text, kind, &BASE, &[]);
        sanitized(&cleaned.html);
        cleaned
            .images
            .iter()
            .chain(cleaned.documents.iter().map(|(address, _)| address))
            .for_each(|address| public(address));
        // The words of safe markup are words.
        assert!(html::to_text(&cleaned.html).chars().all(loaphuong::model::text::is_xml));
    }
});
