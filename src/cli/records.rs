//! The lines of an export: a header, one line per record in the form of `GET /api/v1/export`, and an end
//! that says how many there were, so that half an export is not taken for a whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::Record;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of this form.
    pub(super) loa_export: u32,
    /// The version of the program.
    pub(super) version: String,
    /// When it was made.
    pub(super) at: String,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    /// How many records stand between the header and this.
    pub(super) loa_export_end: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    value: Value,
}

/// What a line of an export is.
#[derive(Debug)]
pub(super) enum Read {
    Header(Header),
    Record(Record),
    End(End),
}

/// The form that this program writes and reads.
pub(super) const FORM: u32 = 1;

/// One record as a line.
pub(super) fn print(record: &Record) -> String {
    let key = record.key.iter().map(|byte| format!("{byte:02x}")).collect();
    serde_json::to_string(&Line { key, value: record.value.clone() }).expect("JSON values can be printed")
}

/// Reads one line, or says what is wrong with it.
pub(super) fn read(line: &str) -> Result<Read, String> {
    let value: Value = serde_json::from_str(line).map_err(|cause| format!("this is not JSON: {cause}"))?;
    let wrong = |cause: serde_json::Error| cause.to_string();
    if value.get("loa_export").is_some() {
        return serde_json::from_value(value).map(Read::Header).map_err(wrong);
    }
    if value.get("loa_export_end").is_some() {
        return serde_json::from_value(value).map(Read::End).map_err(wrong);
    }
    let line: Line =
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

    proptest! {
        #[test]
        fn a_record_survives(key in proptest::collection::vec(any::<u8>(), 0..40), text in ".*") {
            let record = Record { key, value: json!({ "title": text }) };
            let line = print(&record);
            prop_assert!(!line.contains('\n'));
            prop_assert!(matches!(read(&line), Ok(Read::Record(same)) if same == record));
        }
    }
}
