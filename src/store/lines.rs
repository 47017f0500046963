//! The lines of an export, the same from `loa export` and from `GET /api/v1/export`: a header, one line per record,
//! and an end that says how many there were, so that half an export is not taken for a whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Record;
use crate::model::{Timestamp, text};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of this form.
    pub(crate) loa_export: u32,
    /// The version of the program.
    pub(crate) version: String,
    /// When it was made.
    pub(crate) at: String,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct End {
    /// How many records stand between the header and this.
    pub(crate) loa_export_end: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<V> {
    key: String,
    value: V,
}

/// What a line of an export is.
#[derive(Debug)]
pub(crate) enum Read {
    Header(Header),
    Record(Record),
    End(End),
}

/// The form that this program writes and reads.
pub(crate) const FORM: u32 = 1;

/// The first line of an export that begins at `at`.
pub(crate) fn header(at: Timestamp) -> String {
    line(&Header { loa_export: FORM, version: env!("CARGO_PKG_VERSION").to_owned(), at: at.to_string() })
}

/// One record as a line.
pub(crate) fn record(record: &Record) -> String {
    line(&Line { key: text::hex(&record.key), value: &record.value })
}

/// The last line of an export of so many records.
pub(crate) fn end(n_records: u64) -> String {
    line(&End { loa_export_end: n_records })
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("JSON values can be printed") + "\n"
}

/// Reads one line, or says what is wrong with it.
pub(crate) fn read(line: &str) -> Result<Read, String> {
    let value: Value = serde_json::from_str(line).map_err(|cause| format!("this is not JSON: {cause}"))?;
    let wrong = |cause: serde_json::Error| cause.to_string();
    if value.get("loa_export").is_some() {
        return serde_json::from_value(value).map(Read::Header).map_err(wrong);
    }
    if value.get("loa_export_end").is_some() {
        return serde_json::from_value(value).map(Read::End).map_err(wrong);
    }
    let line: Line<Value> =
        serde_json::from_value(value).map_err(|cause| format!("this is not a record: {cause}"))?;
    let key = bytes(&line.key).ok_or_else(|| "`key` is not hexadecimal".to_owned())?;
    Ok(Read::Record(Record { key, value: line.value }))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_line() {
        let check = |line: &str, part: &str| {
            let message = read(line).unwrap_err();
            assert!(message.contains(part), "{line}: {message}");
        };
        check("{", "not JSON");
        check("{\"key\":\"0\",\"value\":1}", "hexadecimal");
        check("{\"key\":\"xy\",\"value\":1}", "hexadecimal");
        check("{\"key\":\"00\"}", "value");
        check("{\"key\":\"00\",\"value\":1,\"more\":2}", "more");
        check("[]", "not a record");
    }

    #[test]
    fn frames_are_read_back() {
        let at = "2026-03-05T02:15:09Z".parse().unwrap();
        let Ok(Read::Header(header)) = read(&header(at)) else { panic!("no header") };
        assert_eq!((header.loa_export, header.at.as_str()), (FORM, "2026-03-05T02:15:09Z"));
        assert!(matches!(read(&end(7)), Ok(Read::End(End { loa_export_end: 7 }))));
    }

    proptest! {
        #[test]
        fn a_record_survives(key in proptest::collection::vec(any::<u8>(), 0..40), text in ".*") {
            let record = Record { key, value: json!({ "title": text }) };
            let line = super::record(&record);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert!(matches!(read(&line), Ok(Read::Record(same)) if same == record));
        }
    }
}
