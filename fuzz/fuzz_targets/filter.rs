//! Filters: printing one that was read gives a text that reads as the same filter and prints as the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loaphuong::model::Filter;
use unicode_normalization::is_nfc;

fuzz_target!(|text: &str| {
    match Filter::parse(text) {
        Ok(filter) => {
            let printed = filter.to_string();
            assert!(is_nfc(&printed), "{printed:?}");
            let again = Filter::parse(&printed);
            assert_eq!(again.as_ref(), Ok(&filter), "{text:?} prints as {printed:?}");
            assert_eq!(again.map(|again| again.to_string()).as_deref(), Ok(printed.as_str()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(category) = Filter::category(text) {
        assert_eq!(Filter::parse(&category.to_string()), Ok(category));
    }
});
