//! Date texts: whatever is read can be written, and what was written is read as the same instant.
#![no_main]

use invariants::{context, fetched, rules};
use libfuzzer_sys::fuzz_target;
use loaphuong::{
    model::Offset,
    normalize::{Order, date, text::line},
};

fuzz_target!(|text: &str| {
    let rules = &rules(u8::MAX).1;
    for order in [Order::DayFirst, Order::MonthFirst] {
        let Some(read) = date::parse(text, &rules.zone, order, fetched()) else { continue };
        let written = read.at.rfc3339(Offset(0));
        // Years of other lengths are read and then doubted, but not written by RFC 3339.
        if written.len() <= "2026-11-23T00:00:00.000Z".len() && !written.starts_with(['-', '0', '1']) {
            let again = date::parse(&written, &rules.zone, order, fetched());
            let second = |at: loaphuong::model::Timestamp| at.to_jiff().as_second();
            assert_eq!(again.map(|again| second(again.at)), Some(second(read.at)), "{text:?} was {written}");
        }
    }
    let (date, _) = date::date(Some(text), &context(rules));
    if let Some(date) = date {
        assert!(
            date.inferred || date.at <= fetched().plus(std::time::Duration::from_secs(600)),
            "{text:?} lies ahead"
        );
    } else {
        // Of control characters alone nobody sees anything.
        assert!(line(text).is_empty(), "{text:?} is a text, so there is a date");
    }
});
