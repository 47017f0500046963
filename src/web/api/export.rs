//! `/api/v1/export`: everything, as JSON Lines, while the daemon runs.

use std::{fmt::Write, io, sync::Arc};

use axum::{
    body::Body,
    extract::State as With,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::json;

use crate::{
    store::{Record, Store},
    web::{State, auth, error::Problem},
};

/// Records read at once: what one client can make us hold in memory.
const CHUNK: usize = 100;

/// Streams every record. A failure on the way breaks the answer off, so that half an export is not taken for a whole.
pub(super) async fn all(With(state): With<State>, headers: HeaderMap) -> Result<Response, Problem> {
    auth::require(&state, &headers)?;
    let lines = stream::try_unfold(None, move |after| chunk(state.store.clone(), after));
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"loa-export.jsonl\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The lines after a key, and their last key; nothing at the end.
async fn chunk(
    store: Arc<dyn Store>,
    after: Option<Vec<u8>>,
) -> io::Result<Option<(String, Option<Vec<u8>>)>> {
    let records = store.dump(after, CHUNK).await.map_err(|cause| {
        tracing::error!(%cause, "an export broke off: {cause}");
        io::Error::other(cause)
    })?;
    Ok(records.last().map(|last| (lines(&records), Some(last.key.clone()))))
}

/// One line per record: its key in hexadecimal, and itself.
fn lines(records: &[Record]) -> String {
    records.iter().fold(String::new(), |mut lines, record| {
        let key = record.key.iter().fold(String::new(), |mut key, byte| {
            write!(key, "{byte:02x}").expect("a string takes everything");
            key
        });
        writeln!(lines, "{}", json!({ "key": key, "value": record.value }))
            .expect("a string takes everything");
        lines
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line() {
        let records = [
            Record { key: vec![0x61, 0x00, 0xff], value: json!({ "title": "Quận 1\nhai dòng" }) },
            Record { key: vec![], value: json!(1) },
        ];
        let expected = concat!(
            r#"{"key":"6100ff","value":{"title":"Quận 1\nhai dòng"}}"#,
            "\n",
            r#"{"key":"","value":1}"#,
            "\n"
        );
        assert_eq!(lines(&records), expected);
    }
}
