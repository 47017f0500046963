//! `/api/v1/export`: everything, as JSON Lines, while the daemon runs.

use std::{io, sync::Arc};

use axum::{
    body::Body,
    extract::State as With,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};

use crate::{
    model::Timestamp,
    store::{Store, lines},
    web::{State, auth::Admin},
};

/// Records read at once: what one client can make us hold in memory.
const CHUNK: usize = 100;

/// Where an answer stands.
enum Place {
    Header,
    /// Behind a key, after so many records.
    Records(Option<Vec<u8>>, u64),
    End,
}

/// Streams every record, in the form of `loa export`. A failure on the way breaks the answer off before its last
/// line, so that half an export is not taken for a whole.
pub(super) async fn all(_: Admin, With(state): With<State>) -> Response {
    let lines = whole(Arc::clone(&state.store), state.clock.now());
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"loa-export.jsonl\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(lines)).into_response()
}

/// A whole export, piece by piece.
fn whole(store: Arc<dyn Store>, at: Timestamp) -> impl Stream<Item = io::Result<String>> {
    stream::try_unfold(Place::Header, move |place| {
        let store = Arc::clone(&store);
        async move {
            match place {
                Place::Header => Ok(Some((lines::header(at), Place::Records(None, 0)))),
                Place::Records(after, count) => chunk(store.as_ref(), after, count).await.map(Some),
                Place::End => Ok(None),
            }
        }
    })
}

/// The records after a key, or the end behind the last.
async fn chunk(store: &dyn Store, after: Option<Vec<u8>>, count: u64) -> io::Result<(String, Place)> {
    let records = store.dump(after, CHUNK).await.map_err(|cause| {
        tracing::error!(%cause, "an export broke off: {cause}");
        io::Error::other(cause)
    })?;
    Ok(match records.last() {
        Some(last) => {
            let place = Place::Records(Some(last.key.clone()), count + records.len() as u64);
            (records.iter().map(lines::record).collect(), place)
        }
        None => (lines::end(count), Place::End),
    })
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;
    use crate::{model::SourceState, store::lines::Read};

    #[tokio::test]
    async fn an_export_is_whole_and_can_be_imported() {
        let memory = || crate::store::open(&crate::store::Settings { path: None, cache: 0 });
        let store = memory().await.unwrap();
        for number in 0..CHUNK + 20 {
            let id = format!("s{number}").parse().unwrap();
            store.put_source(SourceState::new(id)).await.unwrap();
        }
        let text: String = whole(store.clone(), Timestamp::from_second(0)).try_collect().await.unwrap();
        let read: Vec<Read> = text.lines().map(|line| lines::read(line).unwrap()).collect();
        let [Read::Header(_), records @ .., Read::End(end)] = read.as_slice() else { panic!("{text}") };
        let record = |read: &Read| match read {
            Read::Record(record) => record.clone(),
            Read::Header(_) | Read::End(_) => panic!("{text}"),
        };
        let records: Vec<_> = records.iter().map(record).collect();
        assert_eq!(end.loa_export_end, records.len() as u64);
        let copy = memory().await.unwrap();
        copy.restore(records).await.unwrap();
        assert_eq!(copy.sources().await.unwrap(), store.sources().await.unwrap());
    }
}
